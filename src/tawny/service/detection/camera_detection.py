"""Detection of one camera: runs its watcher and sound listener and turns their reports into events.

It restarts with changed settings while recording continues. Created and changed by the thread that changes settings;
called by the watcher's and listener's threads. Read from any thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from tawny.config.recognition import AudioSettings
from tawny.config.settings import DetectionSettings
from tawny.detection.audio import SoundListener, SoundRules
from tawny.detection.classification import ClassificationQueue, TrackClassifier
from tawny.detection.decode_pipeline import DecodeGate, GateMode, UndecodedFrame
from tawny.detection.detector import Detector, SteadyDetector
from tawny.detection.following import Followers, FollowingDetector
from tawny.detection.kind_model import FallbackClassifier, FallbackLabeller
from tawny.detection.recognition import RecognitionQueue, RecognitionSettings, TrackRecogniser
from tawny.detection.sound_classes import SoundNamer
from tawny.detection.watcher import (
    FAULT_S,
    RESTARTS,
    DetectionWork,
    LiveMeter,
    LookStage,
    Watcher,
    WatchOptions,
    in_software,
)
from tawny.detection.zones import camera_zones
from tawny.engine import Actor, Engine, Handle
from tawny.events.event_builder import WIDTH, ConditionEvents, EncodedPicture, EventBuilder, pixels_of
from tawny.media.codec.decoder import LEAST_PIXELS, SOFTWARE, devices
from tawny.media.image.jpeg import jpeg, keyframe_jpeg
from tawny.model.events import SeenObject
from tawny.model.geometry import UPRIGHT, Orientation, Polygon, grid_of
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged, Message
from tawny.model.observations import (
    ANIMAL,
    MOTION,
    PERSON,
    REPORTED,
    VEHICLE,
    Box,
    FigureThing,
    Frame,
    Look,
    Measurement,
    MotionFigure,
)
from tawny.model.packets import VideoFormat
from tawny.model.states import FAULT_WORDS, ON_WATCH, RECORDED, CameraState, CameraStatus, DetectionFault
from tawny.model.times import Clock
from tawny.service.detection.camera_reports import MOTION_SCORE, ReportedObjects
from tawny.service.detection.event_writer import EventWriter
from tawny.service.detection.guarded_detector import ProcessHolder, Superseded, make_detector
from tawny.service.detection.sound_health import SoundHealth
from tawny.service.detection.sound_service import DetectedSound, SoundService
from tawny.service.plugin_registry import OFF, PluginRegistry
from tawny.sources.onvif_events import CameraReport
from tawny.storage.disk.layout import SOUND as SOUND_SCORES
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile
from tawny.stream.hub import Hub

if TYPE_CHECKING:  # they need OpenCV, which is loaded with the first camera that is watched
    from tawny.detection.scene_changes import AbandonedObject, AbandonedObjectDetector, TamperDetector

# Activity recorder: stores zone scores and motion grids, and reports abandoned objects and camera tampering.


class ActivityListener(Protocol):
    """Receives the reports. Called on the watcher's thread."""

    def tampered(self, wrong: str, frame: Frame) -> None:
        """Called when tampering begins (a key of `detection.scene_changes.STAYS_S`) or ends (empty)."""
        ...

    def left(self, found: "AbandonedObject", frame: Frame) -> None: ...


@dataclass(frozen=True, slots=True)
class ActivityFiles:
    """figures: None where they are not stored."""

    scores: MotionScoreFile
    grids: MotionGrids
    figures: MotionFigures | None = None


@dataclass(frozen=True, slots=True)
class SceneDetectors:
    """tamper: knows the scene and outlives single watchers."""

    tamper: "TamperDetector"
    left: Callable[[], "AbandonedObjectDetector"]
    is_moving: Callable[[int], bool] = lambda _: False
    """Whether a command moves the camera at a time, ms UTC."""
    wrong: str = ""
    """The tampering that was reported last: a key of `detection.scene_changes.STAYS_S`, or empty."""


class ActivityRecorder:
    """Stores the activity of one camera. meter: live values for viewers."""

    def __init__(
        self,
        camera: CameraId,
        files: ActivityFiles,
        settings: DetectionSettings,
        listener: ActivityListener,
        scene: SceneDetectors,
        meter: LiveMeter,
    ) -> None:
        self._camera, self._scores, self._grids, self._figures = camera, files.scores, files.grids, files.figures
        self._zones, self._threshold = tuple(settings.zones), settings.threshold
        self._listener, self._tamper, self._left, self._meter = listener, scene.tamper, scene.left(), meter
        self._scene, self._was_moved = scene, False
        self._reported = scene.wrong

    def look(self, frame: Frame, look: Look) -> Look:
        if not isinstance(frame, UndecodedFrame):  # no frame is decoded for this alone
            self._see_place(frame, look)
        self._grids.put(self._camera, frame.at_ms, _moving(look))
        zones = {zone: _score_in(zone, look) for zone in self._zones}
        for zone, score in zones.items():
            self._scores.put(self._camera, frame.at_ms, score, zone)
        measured = look.measured or Measurement(look.score, self._threshold)
        if self._figures is not None:
            things = tuple(FigureThing(one.box, round(one.score * 100), one.label) for one in look.seen)
            moves = look.score >= MOTION_SCORE
            self._figures.put(self._camera, MotionFigure(frame.at_ms, measured.number, measured.level, moves, things))
        if self._meter.is_read:
            self._meter.show(frame.at_ms, look, zones, measured)
        return look

    def _see_place(self, frame: Frame, look: Look) -> None:
        if self._scene.is_moving(frame.at_ms):
            self._was_moved = True
            return
        if self._was_moved:
            self._was_moved, self._left = False, self._scene.left()
            self._tamper.forget()
        wrong = self._tamper.look(frame)
        if wrong != self._reported:
            self._reported = wrong
            self._listener.tampered(wrong, frame)
        for found in self._left.look(frame, look):
            self._listener.left(found, frame)


def _score_in(zone: str, look: Look) -> int:
    """Return the highest score, 0..100, of the objects in this zone that are or may become events."""
    there = (round(thing.score * 100) for thing in (*look.seen, *look.near) if zone in thing.zones)
    return min(100, max(there, default=0))


def _moving(look: Look) -> int:
    """Return the motion grid of the current objects: the moving cells in their boxes, or all cells of their boxes."""
    boxes = 0
    for thing in look.seen:
        boxes |= grid_of(thing.box)
    return boxes if look.grid is None or not boxes else boxes & look.grid or boxes


SETTLES_MS = 1500
"""Time after the end of a movement, ms, in which the image still moves."""
SLIDES_MS = 1000
"""How far the times of frames may be behind the clock, ms: they follow its small corrections slowly."""
SURE = 100.0
"""Score of events that are either present or absent."""
STOP_S = 5.0
RECENT_S, KEYFRAME_S = 3.0, 12.0
"""Greatest age, s, of the keyframe that shows a sound, and what the camera itself reports."""
WORDS = {
    "covered": "The image is almost black or blank. Is the lens covered?",
    "defocused": "The image is blurred. Is the lens dirty, wet or out of focus?",
    "moved": "The view has changed. Did someone move the camera?",
    "frozen": "The image has been frozen for 2 minutes. Turn the camera off and on again.",
}
"""Texts of the camera states."""
OBJECTS = "objects"
"""Name of the part that runs the object model."""
TAMPERED, LEFT_KIND, SOUND = "tamper", "object", "sound"
"""Event types."""
SEEN_KINDS = frozenset({MOTION, PERSON, VEHICLE, ANIMAL})
"""Reports of cameras that a detector can see, too."""


@dataclass(frozen=True, slots=True)
class DetectionServices:
    """Services shared by all cameras."""

    clock: Clock
    engine: Engine
    plugins: PluginRegistry
    events: EventWriter
    scores: MotionScoreFile
    grids: MotionGrids
    classification_queue: ClassificationQueue = field(default_factory=ClassificationQueue)
    """Classifies moving objects."""
    reading: RecognitionQueue = field(default_factory=RecognitionQueue)
    """Recognizes identities."""
    guesser: FallbackClassifier | None = None
    """Names objects where no better classifier does."""
    figures: MotionFigures | None = None
    """None: they are not stored."""
    sounds: SoundService | None = None
    """None: sounds are not classified."""
    followers: Followers = field(default_factory=Followers)


class CameraDetection:
    """Detection of one camera.

    publish: called with events, once they are stored. scored: receives the motion score of each second. changed: called
    when `shown` or `trouble` changes. noticed: receives events at once.
    """

    def __init__(
        self,
        camera: CameraId,
        hubs: Mapping[StreamName, Hub],
        means: DetectionServices,
        publish: Callable[[EventChanged], None],
        scored: Callable[[Message], None],
        changed: Callable[[], None],
        noticed: Callable[[EventChanged], None] = lambda _: None,
    ) -> None:
        self._camera, self._hubs, self._means = camera, hubs, means
        self._noticed, self._publish = noticed, means.events.publisher(publish)
        self._scored, self._changed = scored, changed
        self.meter = LiveMeter()
        self.trouble = ""
        """Problem of detection with the remedy; empty if none."""
        self.sound_health: SoundHealth | None = None
        """None: no sounds are detected."""
        self._sounds_heard: dict[str, DetectedSound] = {}
        self._wrong, self._wrong_ms = "", 0
        self._handles: list[Handle] = []
        self._watcher: Watcher | None = None
        self._tampers, self._lefts, self._sounds = self._moments(), self._moments(), self._moments()
        self._wants_hardware = False
        self._process = ProcessHolder(self._own_so)
        self._tamper: Any = None
        """The TamperDetector. It knows the scene and is kept when settings change, except the orientation."""
        self._orientation = UPRIGHT
        self._work: DetectionWork | None = None
        """None: nothing is detected."""
        self._own_since_s, self._had_own_trouble = 0.0, False
        self._moved_ms = (0, 0)
        """Begin and end of the latest movement by command."""
        self._follower = means.followers.of(camera)
        self._turns = self._reports = False
        self._is_undetected: bool | None = None
        """Whether nothing detects anything; None before the first start."""
        self._reported, self._direct = ReportedObjects(), dict[str, ConditionEvents]()
        self._names = False
        self._naming_died = (0, 0)
        """Count of images that the object model had classified when it failed, and how often it failed since."""
        self._died_of = ""

    def _publish_event(self, message: EventChanged) -> None:
        self._noticed(message)
        self._publish(message)

    @property
    def notes(self) -> Mapping[str, Any]:
        """The watcher's notes; empty while detection does not run."""
        watcher = self._watcher
        if watcher is None:
            return {}
        notes = watcher.notes
        by_small = self._hubs.get(StreamName.SUB) is not None and notes["stream"] == 0
        notes["stream"] = (StreamName.SUB if by_small else StreamName.MAIN).value
        return {**notes, "hardware": self._why_software(notes)}

    def _why_software(self, notes: Mapping[str, Any]) -> str:
        """Return why decoding does not use hardware; empty if it does or was not requested."""
        if not self._wants_hardware or notes["decodes_by"] != SOFTWARE:
            return ""
        newest = self._hubs[StreamName(notes["stream"])].newest
        video = newest.format if newest is not None else None
        if isinstance(video, VideoFormat) and video.width * video.height < LEAST_PIXELS:
            return "Video this small decodes faster without hardware."
        if notes["refused"]:
            return f"Hardware decoding was tried ({', '.join(notes['refused'])}) but doesn't work with this video."
        return "No hardware decoder is available on this computer."

    @property
    def concern(self) -> str:
        """All problems of detection, joined: each has its own remedy."""
        return " ".join(one for one in (self.own_trouble, self.trouble, self.sound_trouble) if one)

    def fault(self, status: CameraStatus) -> tuple[str, str] | None:
        """Return why detection has not worked for a while although the camera is recorded, and what to do."""
        now_ms, now_s = self._means.clock.now_ms(), self._means.clock.mono_s()
        work = self._work
        if work is None or status.state not in RECORDED or now_ms - status.since_ms < FAULT_S * 1000:
            return None
        own = self.own_trouble
        if own and now_s - self._own_since_s > FAULT_S:
            return own, FAULT_WORDS[DetectionFault.CRASHED][1]
        found = work.fault()
        if found is None and self._is_naming_dead:
            found = DetectionFault.CRASHED
        if found is None:
            return None
        what, do = FAULT_WORDS[found]
        return f"{what} ({self._died_of})" if found is DetectionFault.CRASHED and self._died_of else what, do

    def died(self, part: str, error: str) -> None:
        """Handle the supervisor's report that it restarted the watcher or the object model. part: its name."""
        if part == f"watch {self._camera}" and self._work is not None:
            self._died_of = error
            self._work.restarted()
        elif part == OBJECTS and self._names:
            self._died_of = error
            is_same = self._naming_died[0] == self._means.classification_queue.looks
            self._naming_died = self._means.classification_queue.looks, self._naming_died[1] + 1 if is_same else 1

    @property
    def _is_naming_dead(self) -> bool:
        """Whether the object model failed again and again without classifying anything in between."""
        looks, deaths = self._naming_died
        return deaths >= RESTARTS and looks == self._means.classification_queue.looks

    @property
    def own_trouble(self) -> str:
        """Problem of the user detector, with its line number; empty if none."""
        return self._process.trouble

    def shown(self, status: CameraStatus) -> CameraStatus:
        """Return the camera's status, with the tampering state while tampering is detected."""
        if self._is_undetected and status.state is CameraState.WAITING:
            return replace(status, is_undetected=True)
        if not self._wrong or status.state not in ON_WATCH:
            return status
        words = status.detail or WORDS[self._wrong]
        return replace(status, state=CameraState(self._wrong), since_ms=self._wrong_ms, detail=words)

    def begin(
        self,
        settings: DetectionSettings,
        masks: tuple[Polygon, ...],
        orientation: Orientation = UPRIGHT,
        *,
        turns: bool = False,
        reports: bool = False,
        silenced_by: str = "",
    ) -> None:
        """Start detection with these settings and privacy masks, replacing the previous ones.

        orientation: of the images it sees. turns: whether commands may move the camera. reports: whether `reported` may
        be called. silenced_by: the setting that leaves out the camera's audio; empty: none does.
        """
        was_shown, was_undetected = (self._wrong, self.trouble), self._is_undetected
        self.stop()
        self.close()
        self.trouble = ""
        self.sound_health, self._sounds_heard = None, {}
        self._wants_hardware = settings.decode == "auto"
        self._work, self._died_of, self._naming_died = None, "", (0, 0)
        self._names = settings.detector != OFF and bool(settings.notify_types)
        self._turns, self._reports = turns, reports
        if orientation != self._orientation:
            self._orientation, self._tamper = orientation, None
        if settings.detector == OFF:
            self._wrong = ""
            self._tampers.end(self._means.clock.now_ms())
        else:
            self._begin_looking(settings, masks)
        if settings.sound.listen:
            self.sound_health = SoundHealth(self._means.clock, settings.sound, silenced_by)
            self._begin_listening(settings.sound, self.sound_health)
        self._is_undetected = not (reports or settings.sound.listen or settings.detector != OFF)
        if (self._wrong, self.trouble) != was_shown or was_undetected not in (None, self._is_undetected):
            self._changed()

    def stop(self) -> None:
        """Request the end; returns at once."""
        for handle in self._handles:
            handle.stop()

    def close(self) -> None:
        for handle in self._handles:
            handle.join(STOP_S)
        self._handles = []
        self._watcher = None
        self._process.close()

    def over(self, at_ms: int) -> None:
        """End the tampering event, as the camera is being closed."""
        self._tampers.end(at_ms)

    # --- detection

    def turns(self, at_ms: int, until_ms: int) -> None:
        """Handle a command that moves the camera from at_ms until until_ms."""
        begin_ms, end_ms = self._moved_ms
        until_ms += SETTLES_MS
        if begin_ms <= at_ms <= end_ms:
            self._moved_ms = begin_ms, max(end_ms, until_ms)
        else:  # it stood in between, or the clock was set back
            self._moved_ms = at_ms, until_ms

    def _is_moving(self, at_ms: int) -> bool:
        begin_ms, end_ms = self._moved_ms
        return begin_ms - SLIDES_MS <= at_ms < end_ms or (self._turns and self._follower.is_moving(at_ms))

    def _begin_looking(self, settings: DetectionSettings, masks: tuple[Polygon, ...]) -> None:
        from tawny.detection.scene_changes import AbandonedObjectDetector, TamperDetector

        means, hubs, places = self._means, self._hubs, camera_zones(settings)
        main, sub = hubs[StreamName.MAIN], hubs.get(StreamName.SUB)
        gate = DecodeGate(GateMode(settings.effort))  # its state outlives a restart of the watcher
        tamper = self._tamper = self._tamper or TamperDetector()
        work, turn = DetectionWork(means.clock), self._process.turn
        self._work = work

        def left() -> AbandonedObjectDetector:
            return AbandonedObjectDetector(places.zones, places.mask)

        def make_again() -> Detector:
            return make_detector(means.plugins.detectors, settings, places)[0]

        def make() -> Actor:
            detector, own = make_detector(means.plugins.detectors, settings, places)
            if not self._process.take(turn, own):
                return Superseded()
            if self._turns:
                again = None if own is not None else make_again
                detector = FollowingDetector(SteadyDetector(detector, again, self._is_moving), self._follower)
            written = means.events
            events = EventBuilder(
                self._camera, written, self._publish_event, written.write_picture, main, written.write_loop,
                written.write_objects,
            )  # fmt: skip
            scene = SceneDetectors(tamper, left, self._is_moving, self._wrong)
            files = ActivityFiles(means.scores, means.grids, means.figures)
            noted = ActivityRecorder(self._camera, files, settings, self, scene, self.meter)
            stages = [*self._labellers(settings, main if sub else None), *([self._follower] if self._turns else [])]
            options = WatchOptions(
                (*stages, noted, *([self._reported] if self._reports else [])),
                gate, trouble=self._watched_so, is_read=lambda: self.meter.is_read or self._follower.is_on,
                is_called=lambda: self._reports and self._reported.is_called,
                hardware=devices if settings.decode == "auto" else in_software, private=masks,
                orientation=self._orientation, work=work,
            )  # fmt: skip
            streams = [sub, main] if sub else [main]
            self._watcher = Watcher(self._camera, streams, detector, events, means.clock, self._scored, options)
            return self._watcher

        self._handles.append(means.engine.start(f"watch {self._camera}", make))

    def _labellers(self, settings: DetectionSettings, large: Hub | None) -> list[LookStage]:
        """Return the stages that name objects and read plates, faces and the like, as far as they are enabled."""
        means, found = self._means, list[LookStage]()
        if means.guesser is not None:

            def is_unnamed() -> bool:
                return not (means.classification_queue.is_open and settings.notify_types)

            found.append(FallbackLabeller(means.guesser, settings.certainty.triggers, is_unnamed))
        if settings.notify_types:
            found.append(TrackClassifier(self._camera, means.classification_queue, settings.notify_types))
        if settings.recognize:
            wanted = RecognitionSettings(
                settings.recognize,
                settings.recognize_confidence,
                settings.recognize_zones,
                lambda: means.classification_queue.is_open,
            )
            found.append(TrackRecogniser(self._camera, means.reading, wanted, large))
        return found

    def _own_so(self, trouble: str) -> None:
        if trouble and not self._had_own_trouble:
            self._own_since_s = self._means.clock.mono_s()
        self._had_own_trouble = bool(trouble)
        self._changed()

    def _watched_so(self, trouble: str) -> None:
        self.trouble = trouble
        self._changed()

    def tampered(self, wrong: str, frame: Frame) -> None:
        """Handle the begin (a key of WORDS) or end (empty) of tampering."""
        self._wrong, self._wrong_ms = wrong, frame.at_ms
        self._tampers.end(frame.at_ms)
        if wrong:
            self._tampers.begin(TAMPERED, frame.at_ms, SURE, (SeenObject(wrong, 1.0),), _picture(frame))
        self._changed()

    def left(self, found: Any, frame: Frame) -> None:
        """Handle an abandoned or removed object: create an event that has already ended."""
        what = (SeenObject(found.what, 1.0),)
        self._lefts.begin(LEFT_KIND, found.since_ms, SURE, what, _picture(frame, found.box), found.zones)
        self._lefts.end(frame.at_ms)

    # --- what the camera itself reports

    def reported(self, report: CameraReport, *, takes_motion: bool) -> None:
        """Handle the begin or end of what the camera itself reports. takes_motion: whether motion is an event.

        Of what a detector sees, too, it becomes part; the rest are events of their own, with the newest keyframe.
        """
        is_on = report.is_on is not False
        if report.kind in SEEN_KINDS and (self._work is not None or not is_on):
            self._reported.put(
                report.kind, report.at_ms if is_on else None, is_event=takes_motion or report.kind != MOTION
            )
            if is_on:
                for handle in self._handles:
                    handle.wake()
                return
        own = self._direct.setdefault(report.kind, self._moments())
        own.end(report.at_ms)
        if is_on:
            what = (SeenObject(REPORTED, 1.0),)
            own.begin(report.kind, report.at_ms, SURE, what, self._newest_picture(KEYFRAME_S))

    def _newest_picture(self, most_s: float) -> EncodedPicture | None:
        hub = self._hubs[StreamName.MAIN]
        keyframes = [one for one in hub.recent(most_s) if one.is_keyframe]
        encoded = keyframe_jpeg(keyframes[-1], WIDTH, hub.private) if keyframes else None
        return EncodedPicture(keyframes[-1].at_ms, None, encoded) if encoded is not None else None

    # --- sound detection

    def _begin_listening(self, settings: AudioSettings, health: SoundHealth) -> None:
        means, hub = self._means, self._hubs[StreamName.MAIN]

        rules = SoundRules(settings.level, settings.hold, settings.cooldown, settings.loud or not settings.model)

        def make() -> SoundListener:
            names: SoundNamer | None = None
            if settings.model and means.sounds is not None:
                names, health.model = means.sounds.namer(self._camera, settings)
                if health.trouble:
                    self._changed()
            return SoundListener(f"listen {self._camera}", hub, self, means.clock, rules, names)

        self._handles.append(means.engine.start(f"listen {self._camera}", make))

    def on_loudness(self, at_ms: int, db: float, score: int) -> None:
        if self.sound_health is not None:
            self.sound_health.on_audio()
        self.meter.on_sound(at_ms, db, score)
        self._means.scores.put(self._camera, at_ms, score, SOUND_SCORES)

    def classified(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        for name, score in names:
            last = self._sounds_heard.get(name)
            count, best, last_ms = (last.count, last.best, last.at_ms) if last is not None else (0, 0.0, None)
            is_new = last_ms is None or at_ms // 1000 != last_ms // 1000  # the classified seconds overlap
            self._sounds_heard[name] = DetectedSound(name, score, max(best, score), at_ms, count + is_new)

    @property
    def sounds_heard(self) -> list[DetectedSound]:
        """The classes of sounds since the settings were changed, newest first."""
        return sorted(self._sounds_heard.copy().values(), key=lambda one: one.at_ms, reverse=True)

    @property
    def sound_trouble(self) -> str:
        """Problem of sound detection with its remedy; empty if none."""
        return self.sound_health.trouble if self.sound_health is not None else ""

    def loud(self, start_ms: int, score: int, names: Sequence[tuple[str, float]]) -> None:
        """Begin a sound event with the latest keyframe as its snapshot."""
        self._sounds.begin(SOUND, start_ms, float(score), _named(names), self._newest_picture(RECENT_S))

    def still_loud(self, score: int, names: Sequence[tuple[str, float]]) -> None:
        self._sounds.grow(float(score), _named(names))

    def quiet(self, end_ms: int) -> None:
        self._sounds.end(end_ms)

    def _moments(self) -> ConditionEvents:
        events = self._means.events
        return ConditionEvents(self._camera, events, self._publish_event, events.write_picture)


def _named(names: Sequence[tuple[str, float]]) -> tuple[SeenObject, ...]:
    return tuple(SeenObject(name, round(sure, 3)) for name, sure in names)


def _picture(frame: Frame, box: Box | None = None) -> EncodedPicture:
    return EncodedPicture(frame.at_ms, box, jpeg(pixels_of(frame), WIDTH))

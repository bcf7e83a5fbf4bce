"""How one camera is watched: who looks at it, what is known of that, and what is made of what is seen and heard.

It begins anew with other settings while the recording goes on. Made and changed by whoever changes settings, told by
the watcher's thread, read by any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tawny.app.doors import OFF, Doors
from tawny.app.keeping.marks import Marks
from tawny.app.watching.places import places_of, private_of
from tawny.config.hearing import Sound
from tawny.config.settings import Watch
from tawny.engine import Engine, Handle
from tawny.events.maker import EventMaker
from tawny.events.moments import Moments
from tawny.events.picture import WIDTH, pixels_of
from tawny.media.decode import SOFTWARE
from tawny.media.hardware import LEAST_PIXELS, devices
from tawny.media.jpeg import jpeg
from tawny.media.keyframe import keyframe_jpeg
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.events import SeenObject
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message
from tawny.model.observations import Frame
from tawny.model.packets import VideoFormat
from tawny.model.states import ON_WATCH, CameraState, CameraStatus
from tawny.storage.grids import Grids
from tawny.storage.layout import SOUND as SOUND_SCORES
from tawny.storage.scores import Scores
from tawny.storage.volume import Volume
from tawny.stream.hub import Hub
from tawny.watch.gate import Gate, Mode
from tawny.watch.meter import Meter
from tawny.watch.naming.desk import NamingDesk
from tawny.watch.naming.namer import Namer
from tawny.watch.naming.suggester import Guesser, Suggester
from tawny.watch.own import Own
from tawny.watch.reading.desk import ReadingDesk
from tawny.watch.reading.reader import Reader, Wanted
from tawny.watch.sound.listener import Listener
from tawny.watch.sound.names import Names
from tawny.watch.watcher import Sink, Watcher, in_software
from tawny.watch.zones import in_places

SURE = 100.0
"""The score of what is not a matter of more or less."""
STOP_S = 5.0
RECENT_S = 3.0
WORDS = {
    "covered": "The image is almost black or blank. Is the lens covered?",
    "defocused": "The image is blurred. Is the lens dirty, wet or out of focus?",
    "moved": "The view has changed. Did someone move the camera?",
    "frozen": "The image has been frozen for 2 minutes. Turn the camera off and on again.",
}
"""What is wrong, by the camera's state."""
TAMPERED, LEFT_KIND, SOUND = "tamper", "object", "sound"
"""Kinds of events."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all cameras share. told: gets what is to be published."""

    clock: Clock
    engine: Engine
    doors: Doors
    volume: Volume
    marks: Marks
    scores: Scores
    grids: Grids
    desk: NamingDesk = field(default_factory=NamingDesk)
    """Where what moves gets its name."""
    reading: ReadingDesk = field(default_factory=ReadingDesk)
    """Where it is read."""
    guesser: Guesser | None = None
    """What suggests a kind where nothing does."""


class Watching:
    """changed: called when what `shown` and `trouble` say has changed. scored: gets the score of each second."""

    def __init__(
        self,
        camera: CameraId,
        hubs: Mapping[StreamName, Hub],
        means: Means,
        tell: Callable[[Message], None],
        scored: Callable[[Message], None],
        changed: Callable[[], None],
    ) -> None:
        self._camera, self._hubs, self._means = camera, hubs, means
        self._tell, self._scored, self._changed = tell, scored, changed
        self.meter = Meter()
        self.trouble = self.sound_trouble = ""
        """What should be known of how it is watched, and heard, and what to do, in sentences."""
        self._wrong, self._wrong_ms = "", 0
        self._handles: list[Handle] = []
        self._watcher: Watcher | None = None
        self._tampers, self._lefts, self._sounds = self._moments(), self._moments(), self._moments()
        self._wants_hardware = False
        self._own: Own | None = None
        self._tamper: Any = None
        """Knows the camera's place, and outlives a change of settings."""

    @property
    def notes(self) -> Mapping[str, Any]:
        """As the watcher tells of itself; empty while nobody watches."""
        watcher = self._watcher
        if watcher is None:
            return {}
        notes = watcher.notes
        by_small = self._hubs.get(StreamName.SUB) is not None and notes["stream"] == 0
        notes["stream"] = (StreamName.SUB if by_small else StreamName.MAIN).value
        return {**notes, "hardware": self._why_software(notes)}

    def _why_software(self, notes: Mapping[str, Any]) -> str:
        """In a sentence; empty where there is nothing to be said."""
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
        """What is to be said of it, if nothing weighs more. None hides another: each has its own remedy."""
        return " ".join(one for one in (self.own_trouble, self.trouble, self.sound_trouble) if one)

    @property
    def own_trouble(self) -> str:
        """What is wrong with the owner's own detector, and in which line."""
        return self._own.trouble if self._own is not None else ""

    def shown(self, status: CameraStatus) -> CameraStatus:
        """The camera's state, which is another while it does not see its place."""
        if not self._wrong or status.state not in ON_WATCH:
            return status
        words = status.detail or WORDS[self._wrong]
        return replace(status, state=CameraState(self._wrong), since_ms=self._wrong_ms, detail=words)

    def begin(self, settings: Watch) -> None:
        """Watch by these settings, instead of by those from before."""
        was_wrong = self._wrong, self.trouble
        self.stop()
        self.close()
        self.trouble = self.sound_trouble = ""
        self._wants_hardware = settings.decode == "auto"
        if settings.detector == OFF:
            self._wrong = ""
            self._tampers.end(self._means.clock.now_ms())
        else:
            self._begin_looking(settings)
        if settings.sound.listen:
            self._begin_listening(settings.sound)
        if (self._wrong, self.trouble) != was_wrong:
            self._changed()

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        for handle in self._handles:
            handle.stop()

    def close(self) -> None:
        for handle in self._handles:
            handle.join(STOP_S)
        self._handles = []
        self._watcher = None
        self._take_own(None)

    def over(self, at_ms: int) -> None:
        """The camera is no more: so is what was wrong with it."""
        self._tampers.end(at_ms)

    # --- looking

    def _begin_looking(self, settings: Watch) -> None:
        from tawny.app.watching.noted import (
            Noted,  # not above: these need the vision library, which recording does without
        )
        from tawny.watch.left import Left
        from tawny.watch.tamper import Tamper

        means, hubs, places = self._means, self._hubs, places_of(settings)
        main, sub = hubs[StreamName.MAIN], hubs.get(StreamName.SUB)
        gate = Gate(Mode(settings.mode))  # what it learns of the camera outlives a watcher that dies
        tamper = self._tamper = self._tamper or Tamper()

        def make() -> Watcher:
            made = means.doors.detectors[settings.detector](settings.options)
            self._take_own(made)
            detector = in_places(made, places)
            volume = means.volume
            events = EventMaker(self._camera, means.marks, self._tell, volume.write_picture, main, volume.write_loop)
            noted = Noted(
                self._camera, events, means.scores, means.grids, tuple(settings.zones), self,
                tamper=tamper, left=Left(places.zones), meter=self.meter,
            )  # fmt: skip
            read = self._reader(settings, noted, main if sub else None)
            named: Sink = Namer(self._camera, means.desk, read, settings.objects) if settings.objects else read
            if means.guesser is not None and settings.suggest.triggers:
                named = Suggester(
                    means.guesser, named, settings.suggest.triggers,
                    lambda: not (means.desk.is_open and settings.objects),
                )  # fmt: skip
            self._watcher = Watcher(
                self._camera, [sub, main] if sub else [main], detector, named, means.clock, self._scored,
                gate=gate, trouble=self._watched_so, is_read=lambda: self.meter.is_read,
                hardware=devices if settings.decode == "auto" else in_software, private=private_of(settings),
            )  # fmt: skip
            return self._watcher

        self._handles.append(means.engine.start(f"watch {self._camera}", make))

    def _reader(self, settings: Watch, sink: Sink, large: Hub | None) -> Sink:
        """What reads plates and the like, where that is wanted."""
        if not settings.read:
            return sink
        desk = self._means.desk
        wanted = Wanted(settings.read, settings.read_sure, settings.read_zones, lambda: desk.is_open)
        return Reader(self._camera, self._means.reading, sink, wanted, large)

    def _take_own(self, made: Any) -> None:
        """Keep hold of a detector with a process of its own, and end the one before."""
        before, self._own = self._own, made if isinstance(made, Own) else None
        if before is not None:
            before.close()
        if self._own is not None:
            self._own.on_trouble(lambda _: self._changed())

    def _watched_so(self, trouble: str) -> None:
        self.trouble = trouble
        self._changed()

    def tampered(self, wrong: str, frame: Frame) -> None:
        """The camera no longer sees its place, or does again."""
        self._wrong, self._wrong_ms = wrong, frame.at_ms
        self._tampers.end(frame.at_ms)
        if wrong:
            self._tampers.begin(TAMPERED, frame.at_ms, SURE, (SeenObject(wrong, 1.0),), jpeg=_picture(frame))
        self._changed()

    def left(self, found: Any, frame: Frame) -> None:
        """A thing was left or taken: an event that is told when it is over."""
        what = (SeenObject(found.what, 1.0),)
        self._lefts.begin(
            LEFT_KIND, found.since_ms, SURE, what,
            jpeg=_picture(frame), box=found.box, zones=found.zones, at_ms=frame.at_ms,
        )  # fmt: skip
        self._lefts.end(frame.at_ms)

    # --- listening

    def _begin_listening(self, settings: Sound) -> None:
        means, hub = self._means, self._hubs[StreamName.MAIN]

        def make() -> Listener:
            names: Names | None = None
            if settings.model:
                try:
                    names = Names(
                        Path(settings.model), Path(settings.labels), sure=settings.sure, classes=settings.classes
                    )
                except NotDone as error:
                    self.sound_trouble = f"{error.message} {error.do}"
                    self._changed()
            return Listener(
                f"listen {self._camera}", hub, self, means.clock,
                level=settings.level, hold_s=settings.hold, names=names,
            )  # fmt: skip

        self._handles.append(means.engine.start(f"listen {self._camera}", make))

    def heard(self, at_ms: int, db: float, score: int) -> None:
        self.meter.hear(at_ms, db, score)
        self._means.scores.put(self._camera, at_ms, score, SOUND_SCORES)

    def loud(self, start_ms: int, score: int) -> None:
        """Something is loud: an event with the picture of that moment."""
        hub = self._hubs[StreamName.MAIN]
        keyframes = [one for one in hub.recent(RECENT_S) if one.is_keyframe]
        picture = keyframe_jpeg(keyframes[-1], WIDTH, hub.private) if keyframes else None
        self._sounds.begin(
            SOUND, start_ms, float(score), jpeg=picture, at_ms=keyframes[-1].at_ms if keyframes else None
        )

    def still_loud(self, score: int, names: list[tuple[str, float]]) -> None:
        self._sounds.grow(float(score), tuple(SeenObject(name, round(sure, 3)) for name, sure in names))

    def quiet(self, end_ms: int) -> None:
        self._sounds.end(end_ms)

    def _moments(self) -> Moments:
        return Moments(self._camera, self._means.marks, self._tell, self._means.volume.write_picture)


def _picture(frame: Frame) -> bytes:
    return jpeg(pixels_of(frame), WIDTH)

"""The recorder without its web interface: volume, index, engine and cameras, in threads."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from tawny import __version__
from tawny.app.housekeeping import Heartbeat, Housekeeping
from tawny.app.recorder_parts import RecorderParts, RecorderPlace, make_recorder_parts
from tawny.config.effects import difference
from tawny.config.settings import CameraSettings, RemovedCameraSettings, Settings
from tawny.detection.zones import masks_of
from tawny.engine import Engine, PooledEngine
from tawny.engine.actor import run_in_thread
from tawny.media.mp4.segment_reader import read_video_format
from tawny.model.errors import FolderInUse, NotDone, NothingToReport, SettingsError, StorageError
from tawny.model.events import Event
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import Alarm
from tawny.model.observations import MotionFigure, ObjectPath, RecognisedText, read_paths
from tawny.model.segments import Segment
from tawny.model.states import CameraState
from tawny.model.times import Clock, Span
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, write_evidence
from tawny.playback.past_orientation import PastOrientation
from tawny.sealed.file_reader import SealedFileReader
from tawny.service import recorder as web
from tawny.service.cameras.connection_report import Report, openings, report
from tawny.service.cameras.detection_tuning import DetectionTuningService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.health.checks import HealthCheck
from tawny.service.health.monitor import disk_problems, renewed_databases
from tawny.service.integrations.external_events import ExternalEvents
from tawny.service.plugin_registry import PluginFailure, PluginRegistry
from tawny.service.retention.periodic_snapshots import PeriodicSnapshots
from tawny.service.retention.promises import contract
from tawny.service.retention.recording_deletion import RecordingDeletion
from tawny.service.sealing.policy import OthersCameraSettings
from tawny.service.setting_warnings import warnings_of_names
from tawny.service.visits import Neighbors, learn_neighbors, neighbors_of
from tawny.sources.source import Speaker
from tawny.storage.disk.disk import turned
from tawny.storage.disk.layout import is_open
from tawny.storage.history.deleted_events import DeletedEvents
from tawny.storage.history.left_cameras import LeftCameras, with_left
from tawny.storage.index.opening import has_room
from tawny.storage.repair.healing import Healer
from tawny.storage.repair.recovery import explain_absence
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

LAST_MESSAGES_S, LAST_WRITES_S = 4.0, 4.0
"""Maximum time in s that `close` waits for the last messages to programs, and the last writes to a stalled disk."""
STAND_S = 1.0
FIRST_PICTURES_S = 6.0
"""Maximum time in s that the rest of the recorder waits for pictures on the way to the disk."""
CONNECTING_S = 2.0
"""The same for cameras that send nothing yet."""
LEARN_EVERY_S = 3600.0
"""Time in s after which the neighborhood of the cameras is learned again."""
WATCHDOG_S = 10.0
"""Maximum time in s without a step of housekeeping or the ingest thread before the watchdog considers them hung."""


class CurrentSettings:
    """The settings in force, for any thread; `RecorderRuntime.apply` replaces them."""

    def __init__(self, settings: Settings) -> None:
        self.now = settings

    def __call__(self) -> Settings:
        return self.now


class RecorderRuntime:
    """The recorder; implements `service.recorder.RecorderService`.

    `open` locks the folder and makes it consistent. `begin` starts the cameras; `close` makes all data durable.
    """

    def __init__(self, parts: RecorderParts, settings: CurrentSettings) -> None:
        place, storage, store = parts.place, parts.storage, parts.storage.store
        self.parts, self._settings = parts, settings
        self.clock, self.bus, self.index = place.clock, place.bus, store.index
        self.started_ms, self.host, self.zone = storage.started_ms, place.host, place.zone
        self._plugins, self._volume, self._ledger = place.plugins, store.volume, storage.ledger
        self._engine, self._ingest, self._recorder = parts.engine, parts.ingest, parts.recorder
        self._cameras, self._camera_set = parts.cameras, parts.camera_set
        self.arming, self.sealing, self.care = parts.arming, storage.sealing, parts.care
        self.naming, self.known = parts.recognition.naming, parts.recognition.known
        self.logins = parts.login_file.history
        """What sign-in cameras offered before."""
        self.external_events = ExternalEvents(
            storage.marks, storage.sealing.event_files.write_picture, self.hub, place.bus.publish, place.clock
        )
        self.snapshots = PeriodicSnapshots(store.volume, settings, self.hub, self._state_of, place.clock)
        self._healer = Healer(store.volume, storage.ledger)
        self.changeable = ChangeableSettings(settings, self.apply, place.config)
        self.deleting = RecordingDeletion(parts.stored, place.clock, settings, self._forget, parts.filler.is_storing)
        self.appearance = parts.recognition.appearance
        self.tuning = DetectionTuningService(
            self.changeable, lambda: self._cameras.now, place.plugins, place.clock, storage.mutings,
            parts.recognition.sounds,
        )  # fmt: skip
        # without a look at the mirror, which reads and verifies all of a recording
        self._past = PastOrientation(self, lambda one: read_video_format(store.volume.path(one.path)))
        self._changing, self._is_closing = threading.Lock(), False
        self._noted_end: tuple[str, str] | None = None
        self._renewed: list[web.RecorderWarning] = []
        """Of damaged databases: from memory, as a question about health must not wait for the disk."""
        self._of_others: dict[str, OthersCameraSettings] = {}
        """Cameras of other recorders that are recorded in their place."""
        self._left = LeftCameras(store.volume)
        self.keep_masks = self._left.write
        settings.now = self._with_others(settings.now)
        self._left.put({camera: one.left() for camera, one in settings.now.cameras.items()})
        self._set_rules()
        self._on_changes: list[Callable[[Settings], None]] = [
            lambda _settings: self.appearance.wake(),
            lambda _settings: parts.recognition.naming.look_now(),
            lambda _settings: parts.recognition.reading.look_now(),
            lambda new: self.external_events.keep_only(new.cameras),
        ]
        self._learned: tuple[float, Neighbors] | None = None
        """Neighboring cameras, and when they were learned, s monotonic."""
        self._housekeeping: Housekeeping | None = None
        self._heartbeat = Heartbeat(self._ledger, self._pulse, place.clock, self.keep_masks)
        self._send_last: Callable[[], None] = lambda: None

    @classmethod
    def open(
        cls,
        settings: Settings,
        folder: Path,
        clock: Clock,
        plugins: PluginRegistry,
        config: Path | None = None,
        *,
        stands_for: Path | None = None,
    ) -> Self:
        """Return the recorder of this folder.

        config: the settings file, for changes made in the web interface. stands_for: the folder on the missing main
        disk. Raises FolderUnwritable, FolderInUse, DiskFull, StorageError: when the folder cannot be opened.
        """
        now = CurrentSettings(settings)
        return cls(make_recorder_parts(RecorderPlace(now, folder, clock, plugins, config, stands_for)), now)

    @property
    def lost(self) -> FolderInUse | None:
        """Whose the folder is, if another recorder has taken it while its disk was away: this one must stop."""
        return self._heartbeat.lost

    @property
    def settings(self) -> Settings:
        return self._settings()

    def pooled_engine(self) -> Engine:
        """Return an engine for actors that mostly wait. It shares threads with the recorder's own."""
        return PooledEngine(self.parts.pool, self.clock, self.parts.place.died)

    def begin(self) -> None:
        """Start recording: the cameras, their detection and the writers. Nothing else uses the disk yet."""
        self._recorder.start(self._engine)
        self.naming.start(self.parts.pooled)
        self.parts.recognition.reading.start(self.parts.pooled)
        self.parts.recognition.sounds.start(self.parts.pooled)
        self.parts.storage.events.start(self.parts.pooled)
        self._camera_set.begin(self.settings.cameras, self.started_ms)
        self._engine.start("housekeeping", self._make_housekeeping)

    def await_first_pictures(self) -> None:
        """Wait until a picture of each camera that sends any is on the disk, but only seconds.

        What else writes to the disk starts afterwards, because on a slow card it would delay the recording.
        """
        self._recorder.await_first_pictures(FIRST_PICTURES_S, CONNECTING_S)

    def make_room(self) -> None:
        """Let retention delete now if the disk is full, for recordings and for the databases of the web interface."""
        try:
            if not has_room(self._volume):
                self.parts.stored.retention.run(urgent=True)
        except StorageError as error:
            log.error("cannot make room on a full disk: %s", error)

    def begin_housekeeping(self, checks: Iterable[HealthCheck] = (), last: Callable[[], None] = lambda: None) -> None:
        """Start all that is not needed for the first picture. checks: of what works beside the recorder.

        last: called by `close` when events have ended and files are closed; the index is open still.
        """
        self._send_last = last
        pooled, stored, login_file = self.parts.pooled, self.parts.stored, self.parts.login_file
        self.parts.storage.gaps.start(pooled)
        stored.retention.start(pooled)
        stored.room.start(pooled)
        self.deleting.start(pooled)
        DeletedEvents(self._volume, self.parts.storage.store.history).start(pooled)
        self.snapshots.start(pooled)
        self.parts.filler.start(self._engine)
        self.appearance.start(pooled)
        stored.others.start()
        if stored.mirror is not None:
            stored.mirror.start(pooled)
        login_file.start(pooled)
        pooled.start(Heartbeat.name, lambda: self._heartbeat)
        self.sealing.start(pooled)
        self.care.start(pooled, [HealthCheck(self.sealing.watch), HealthCheck(self._heartbeat.problems), *checks])
        self.arming.start(pooled, self._stand)
        self.external_events.handle.start(pooled, self.external_events.name, lambda: self.external_events)

    def note_end(self, cause: str, by: str) -> None:
        """Note why this run ends, a key of `model.segments.OFF_WORDS`, and who asked. The first stays, but a stop
        replaces a restart."""
        if self._noted_end is None or (cause == "person" and self._noted_end[0] in ("restart", "index")):
            self._noted_end = cause, by

    def forget_end(self) -> None:
        """Take `note_end` back: the run goes on."""
        self._noted_end = None

    def close(self, cause: str) -> None:
        """Stop all parts and make recordings durable. cause: of `model.segments.OFF_WORDS`, unless one is noted."""
        with self._changing:
            self._is_closing = True
            self.parts.filler.cancel()
            self._camera_set.close()
            if not (is_closed := self._recorder.stop()):
                log.error("the disk did not finish writing in time; the next start repairs the recordings")
            if late := self._stop_actors(3.0):
                log.warning("threads did not stop in time: %s", ", ".join(late))
            if self.lost is None:
                run_in_thread("last messages", self._send_last, LAST_MESSAGES_S)
            if is_closed and not late:
                self._finish(cause)
            elif not run_in_thread("last writes", partial(self._finish, cause), LAST_WRITES_S):
                log.error("the disk is not responding; the next start repairs unfinished recordings")

    def _stop_actors(self, timeout_s: float) -> list[str]:
        """Return the names of those still running after the timeout."""
        engines: tuple[Engine, ...] = (self._ingest, self.parts.pooled, self._engine)
        for engine in engines:
            engine.stop(0.0)  # none waits for another's end
        until_s = self.clock.mono_s() + timeout_s
        return [name for engine in engines for name in engine.stop(max(0.0, until_s - self.clock.mono_s()))]

    def _finish(self, cause: str) -> None:
        """Do the last writes, unless another recorder has the folder now. Blocks if the disk is stalled."""
        self._heartbeat.finish()
        if self.lost is None:
            self._write_last(cause)
        self.arming.finish()
        self.appearance.finish()
        for volume in self._volume.everywhere:
            if volume.archive is not None:
                volume.archive.objects.close()
        self.index.close()
        self.parts.storage.store.release()

    def _write_last(self, cause: str) -> None:
        storage, mirror = self.parts.storage, self.parts.stored.mirror
        storage.events.close()
        storage.gaps.finish()
        if mirror is not None:
            mirror.finish()
        for file in (storage.scores, storage.grids, storage.figures):
            file.flush()
        self.sealing.finish()
        self._left.write()
        self._ledger.stopped(*self._noted_end or (cause, ""))  # a stop may come while this closes
        storage.store.history.close()

    def apply(self, new: Settings, file: str) -> None:
        """Apply changed settings; only cameras that differ are restarted.

        Raises SettingsError: nothing is changed then.
        """
        with self._changing:
            self._apply(new, lambda whole: self._plugins.check(whole, file))

    def record_for_others(self, cameras: Mapping[str, OthersCameraSettings]) -> None:
        """Record exactly these cameras of other recorders, too. Raises SettingsError: nothing changes."""
        with self._changing:  # settings that are changed meanwhile must not be lost
            before, self._of_others = self._of_others, dict(cameras)
            try:
                file, new = "the cameras of another recorder", cameras.keys() - before.keys()
                self._apply(self.settings, lambda whole: self._plugins.check_to_record(whole, file, new))
            except SettingsError:
                self._of_others = before
                raise

    def _forget(self, cameras: Collection[CameraId]) -> None:
        """Forget removed cameras without recordings. Raises SettingsError, FolderUnwritable, NotDone."""
        with self._changing:
            self._left.forget([camera for camera in cameras if camera not in self.settings.cameras])
        self._left.write()
        self.arming.forget_cameras(cameras)
        self.parts.storage.mutings.forget_cameras(cameras)
        self.changeable.forget_removed(cameras)

    def _apply(self, new: Settings, check: Callable[[Settings], Sequence[PluginFailure]]) -> None:
        """See `apply`. Called with `_changing` held. check: raises SettingsError."""
        new = self._with_others(new)
        self._plugins.run_with(check(new))
        change = difference(self.settings, new)
        if change.at_start:
            log.warning("changed settings take effect at the next start: %s", ", ".join(change.at_start))
        # the server listens where it began to, perhaps by `--listen`, and addresses for others name that port
        web = new.web.model_copy(update={"listen": self.settings.web.listen})
        new = new.model_copy(update={"web": web})
        self._settings.now = new
        # `keep_masks` writes it soon: the next camera's recording must not wait for a slow disk
        self._left.put({camera: one.left() for camera, one in new.cameras.items()})
        self._set_rules()
        self.arming.apply(new)
        self.logins.keep_only(set(new.cameras))
        since_ms = self._camera_set.take_over(new.cameras, change)
        for callback in self._on_changes:
            callback(new)
        self._explain_absence(change.added, since_ms)

    def _set_rules(self) -> None:
        """Keep recordings as the settings say, also those of removed cameras."""
        kept = contract(self._settings.now)
        self.parts.stored.retention.set_rules(kept)
        if self.parts.stored.mirror is not None:
            self.parts.stored.mirror.set_rules(kept)

    def _with_others(self, new: Settings) -> Settings:
        """Return settings with the cameras of other recorders.

        Those given back are shown as removed, as are own ones that an edit of the file has removed.
        """
        own = {name: one for name, one in new.cameras.items() if not isinstance(one, OthersCameraSettings)}
        return with_left(new.model_copy(update={"cameras": own | self._of_others}), self._left.left)

    def _explain_absence(self, added: Iterable[str], until_ms: int) -> None:
        """Explain the time in which these cameras were not in the settings. They are recorded already."""
        try:
            gaps = explain_absence(self.index, map(CameraId, added), until_ms)
        except StorageError as error:
            log.warning("cannot read when added cameras were recorded last: %s", error)
            return
        for gap in gaps:
            self.parts.storage.gaps.put(gap)

    def restart_camera(self, camera: CameraId) -> None:
        """Disconnect from a camera and connect to it again. No effect for an unknown one."""
        with self._changing:
            if not self._is_closing:
                self._camera_set.restart(camera)

    def is_offline(self, camera: CameraId) -> bool:
        """Return whether a camera has not answered for a minute."""
        return self._cameras.is_offline(camera, self.clock.now_ms())

    def whenever_changed(self, callback: Callable[[Settings], None]) -> None:
        """Register a callback that receives settings after they were applied."""
        self._on_changes.append(callback)

    def _stand(self) -> None:
        """Re-evaluate what each camera should do now."""
        if self._changing.acquire(timeout=STAND_S):  # avoid deadlock: the lock's owner may wait for this thread
            try:
                if not self._is_closing:
                    self._camera_set.stand()
            finally:
                self._changing.release()

    def keep_until_sent(
        self,
        held: Callable[[], Sequence[tuple[CameraId, Span]]],
        gone: Callable[[Sequence[Segment]], None] = lambda _: None,
    ) -> None:
        """Set the callbacks of what waits for upload: retention deletes what `held` returns last; gone: as there."""
        self.parts.stored.retention.hold_back(held, gone)

    def is_alive(self) -> bool:
        """Return whether all parts needed for recording are making progress, for systemd's watchdog."""
        keeping, oldest_s = self._housekeeping, self.clock.mono_s() - WATCHDOG_S
        reads = not self._ingest.has_work or self._ingest.stepped_s > oldest_s
        return keeping is not None and keeping.stepped_s > oldest_s and reads

    # --- as the services and the API see it (service.recorder.RecorderService)

    def cameras(self) -> Sequence[web.CameraView]:
        return [camera.about for camera in self._cameras.now.values()]

    def camera_names(self) -> Mapping[CameraId, str]:
        return {name: camera.name for name, camera in self._cameras.now.items()}

    def neighbors(self) -> Neighbors:
        now_s = self.clock.mono_s()
        if self._learned is None or now_s - self._learned[0] > LEARN_EVERY_S:
            self._learned = now_s, learn_neighbors(self.index, self.clock.now_ms())
        return neighbors_of(
            self._learned[1], {CameraId(name): one.neighbors for name, one in self.settings.cameras.items()}
        )

    def removed_cameras(self) -> Mapping[CameraId, str]:
        named = {CameraId(camera): name for camera, name in self.settings.removed_names.items()}
        return {camera: name for camera, name in named.items() if self.index.bounds(camera) is not None}

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        return self._cameras.hub(camera, stream)

    def _state_of(self, camera: CameraId) -> CameraState | None:
        found = self._cameras.now.get(camera)
        return None if found is None else found.coverage.status.state

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        found = self._cameras.now.get(camera)
        if found is not None:
            found.watched(stream, viewers)

    def speaker(self, camera: CameraId) -> Speaker | None:
        found = self._cameras.now.get(camera)
        return found.speaker() if found else None

    def disk(self) -> web.DiskInfo | None:
        return self.parts.stored.room.figures

    def _pulse(self, now_ms: int) -> None:
        """Write the heartbeat, and look for databases that were put aside. Raises StorageError."""
        self._volume.disk.entry("lock")  # while another disk is mounted there, its lock is not touched
        self.parts.storage.store.pulse(now_ms)
        folder = self.parts.place.kept_in
        try:
            self._renewed = [] if folder is None else renewed_databases(folder, now_ms)
        except OSError as error:
            raise turned(error, str(folder)) from error

    def warnings(self) -> Sequence[web.RecorderWarning]:
        warnings = self._plugins.warnings
        for problem in (self._ledger.problem, self._left.trouble):
            if problem is not None:
                warnings.append(web.RecorderWarning(problem.message, problem.do))
        unnamed = (*self.naming.troubles, *self.parts.recognition.reading.troubles, self.appearance.trouble)
        warnings += [web.RecorderWarning(trouble) for trouble in unnamed if trouble]
        found = disk_problems(self.parts.stored, self._recorder, self.parts.place.stands_for)
        warnings += [web.RecorderWarning(trouble.detail, trouble.do) for trouble in found]
        return [*warnings, *self._renewed, *warnings_of_names(self.settings)]

    def alarms(self) -> Sequence[Alarm]:
        return self.care.alarms

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return self._recorder.open_segments(camera)

    def is_ending(self, camera: CameraId) -> bool:
        """Return whether a camera that was removed has files that are not closed yet."""
        return self._recorder.is_ending(camera)

    def segment_path(self, segment: Segment) -> Path:
        """Return the path of a segment; a closed one is verified and repaired from the mirror if damaged."""
        return self._volume.path(segment.path) if is_open(segment) else self._healer.sound_path(segment.path)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        is_own = camera in self.settings.cameras
        return masks_of(self.settings if is_own else self._left.masking(self.settings, camera), camera)

    def orientation(self, camera: CameraId) -> Orientation:
        known: CameraSettings | RemovedCameraSettings | None = self.settings.cameras.get(camera)
        if known is None:
            settings = self._left.masking(self.settings, camera)
            known = settings.cameras.get(camera) or settings.removed_cameras.get(camera)
        return Orientation(known.rotate, known.mirror) if known is not None else UPRIGHT

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return self.parts.storage.scores.read(camera, within)

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        return self.parts.storage.scores.read(camera, within, zone)

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        return self._past.grids_now(camera, self.parts.storage.grids.read(camera, within))

    def figures(self, camera: CameraId, within: Span) -> Sequence[MotionFigure]:
        return self.parts.storage.figures.read(camera, within)

    def motion_frames(self, event: Event) -> int:
        end_ms = self.clock.now_ms() if event.end_ms is None else event.end_ms
        return self.parts.storage.figures.motion_frames(event.camera, Span(event.start_ms, end_ms + 1))

    def prove(self, camera: CameraId, span: Span, folder: Path, progress: Callable[[float], None]) -> EvidenceResult:
        """Write evidence to the folder and verify it.

        Raises NotDone if there is none, or if recordings are sealed, because the folder is not encrypted.
        """
        software = f"tawny {__version__}"
        request = EvidenceRequest(camera, StreamName.MAIN, span, self.host, software, self.clock.now_ms())
        return write_evidence(self._volume, self.index, request, folder, _refuse_sealed, progress)

    def called(self, read: RecognisedText) -> str:
        return self.known.name(read)

    def event_loop(self, event: Event) -> bytes | None:
        return self.masked(event, self._volume.read_loop(event), is_strip=True)

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        return read_paths(self._volume.read_objects(event) or b"", event.start_ms)

    def sealed_objects(self, event: Event) -> Path | None:
        return self._volume.sealed_objects(event)

    def event_picture(self, event: Event) -> bytes | None:
        return self.masked(event, self._volume.read_picture(event))

    def masked(self, event: Event, stored: bytes | None, *, is_strip: bool = False) -> bytes | None:
        own = self.settings.cameras.get(event.camera)
        has_none = own is not None and not own.privacy_masks
        return stored if has_none else self._past.masked(event, stored, is_strip=is_strip)

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        return self._volume.sealed_picture(event, is_loop=is_loop)

    def mark_event(
        self,
        event_id: EventId,
        *,
        kept: bool | None = None,
        reviewed: bool | None = None,
        false_alarm: str | None = None,
        said: str | None = None,
        known: RecognisedText | None = None,
    ) -> Event | None:
        marks = self.parts.storage.marks
        return marks.mark(event_id, kept=kept, reviewed=reviewed, false_alarm=false_alarm, said=said, known=known)

    def report(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return a camera's connection report.

        `report` is empty if no information is available; `known` lists the cameras if the name is unknown.
        """
        name, now = CameraId(str(request.get("camera"))), self._cameras.now
        if name not in now:
            return {"known": list(now)}
        try:
            found = openings(name, now[name].settings, self._plugins, self.clock)
        except NothingToReport:
            return {"report": {}}
        with_host, status = request.get("host") is True, now[name].status
        return {"report": report(name, found, self.clock, with_host=with_host, status=status, index=self.index)}

    def reports(self) -> dict[CameraId, Report]:
        """Return the connection reports of all cameras that have one, without hosts."""
        found: dict[CameraId, Report] = {}
        for name in list(self._cameras.now):
            if made := self.report({"camera": name}).get("report"):
                found[name] = made
        return found

    def accept_login(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Accept any sign-in of a camera from now on; `known` lists the cameras if the name is unknown."""
        camera = CameraId(str(request.get("camera")))
        if camera not in self._cameras.now:
            return {"known": list(self._cameras.now)}
        if is_changed := self.logins.forget(camera):
            log.warning("%s: a weaker sign-in than before is accepted, by command", camera)
        return {"camera": camera, "changed": is_changed}

    def _make_housekeeping(self) -> Housekeeping:
        self._housekeeping = Housekeeping(lambda: self._cameras.now.values(), self.clock)
        return self._housekeeping


def _refuse_sealed(_: str) -> SealedFileReader:
    raise NotDone("Encrypted recordings can't be saved unencrypted here.", "Use tawny export --evidence --key FILE.")

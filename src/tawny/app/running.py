"""The recorder without its web interface: volume, index, engine and cameras, in threads."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.app.local_zone import local_zone
from tawny.config.changes.difference import AT_ONCE, difference
from tawny.config.settings import Settings
from tawny.detection.zones import privacy_masks
from tawny.engine import Bus, SharedThread, ThreadEngine
from tawny.events.event_builder import close_all_left_open
from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import Alarm, EventChanged, PartDied
from tawny.model.polygon import Polygon
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.protocols.login_history import LoginHistory
from tawny.recorder.recorder import SegmentRecorder, WriteLoss
from tawny.service import recorder as web
from tawny.service.cameras.camera import CameraServices, CameraSet, RunningCamera, rates_of
from tawny.service.cameras.connection_report import parse_report_request
from tawny.service.cameras.detection_tuning import DetectionTuningService
from tawny.service.cameras.gap_writer import GapWriter
from tawny.service.cameras.login_file import LoginFile
from tawny.service.detection.classifier_runtime import ClassifierRuntime
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.model_store import ModelStore
from tawny.service.detection.recognition_service import RecognitionService, recogniser_settings
from tawny.service.health.checks import HealthCheck
from tawny.service.health.monitor import DiskProblems, HealthMonitor
from tawny.service.integrations.external_events import ExternalEvents
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.mode_service import ModeService
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.event_marks import EventMarks
from tawny.service.retention.forecast import FreeSpace
from tawny.service.retention.promises import Rates, contract
from tawny.service.retention.retention_service import RetentionService
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.sealing.policy import SealingPolicy
from tawny.service.sealing.sealed_export import Prover
from tawny.service.storage_setup import VolumeHolder, open_store
from tawny.sources.source import Speaker
from tawny.storage.disk.failover import fail_over, move_back
from tawny.storage.disk.layout import is_open
from tawny.storage.disk.lock import boot_id
from tawny.storage.disk.mirror import Mirror
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index
from tawny.storage.repair.healing import Healer
from tawny.storage.repair.recovery import explain_downtime, recover_files
from tawny.storage.retention.runner import Retention
from tawny.storage.segments.motion_files import MotionGrids, MotionScoreFile
from tawny.stream.hub import Hub

# Periodic tasks: check cameras every STEP_S; write the volume's heartbeat and pending history entries.

log = logging.getLogger(__name__)

STEP_S = 0.5
FLUSH_S = 2.0
PULSE_S = 10.0
"""Interval of heartbeats on disk: the precision with which the next start knows when this run ended."""


class Housekeeping:
    """Actor that checks the cameras. Never blocks: `stepped_s` shows that recording is alive."""

    name = "housekeeping"

    def __init__(self, cameras: Callable[[], Iterable[RunningCamera]], clock: Clock) -> None:
        self._cameras, self._clock = cameras, clock
        self.stepped_s = clock.mono_s()

    def step(self) -> float:
        self.stepped_s = self._clock.mono_s()
        for camera in self._cameras():
            camera.look_after()
        return STEP_S

    def close(self) -> None:
        """Nothing to release."""


class Heartbeat:
    """Actor that writes heartbeat and pending history entries. Blocks while the main disk is stalled."""

    name = "pulse"

    def __init__(self, ledger: HistoryLedger, lock: VolumeHolder, clock: Clock) -> None:
        self._ledger, self._lock, self._clock = ledger, lock, clock
        self._pulse_s = clock.mono_s()

    def step(self) -> float:
        now_s = self._clock.mono_s()
        if self._ledger.waiting:
            self._ledger.flush()
        if now_s >= self._pulse_s:
            self._pulse_s = now_s + PULSE_S
            self._pulse()
        return FLUSH_S

    def close(self) -> None:
        """Nothing to release."""

    def _pulse(self) -> None:
        try:
            self._lock.pulse(self._clock.now_ms())
        except OSError as error:
            log.warning("cannot write the heartbeat to disk: %s", error)


LAST_WRITES_S = 4.0
"""Maximum time in s that `close` waits for the last writes to a stalled disk."""
STAND_S = 1.0
FIRST_PICTURES_S = 6.0
"""Maximum time in s that the rest of the recorder waits for pictures on the way to the disk."""
CONNECTING_S = 2.0
"""The same for cameras that send nothing yet."""
WATCHDOG_S = 10.0
"""Maximum time in s without a step of housekeeping or the ingest thread before the watchdog considers them hung."""


class RecorderRuntime:
    """The recorder; implements `service.recorder.Recorder` for the web layer.

    After construction the folder is locked and consistent. `begin` starts the cameras; `close` makes all data durable.
    config: the settings file, for changes made in the web interface. stands_for: the folder on the missing main disk.
    Raises FolderUnwritable, FolderInUse, DiskFull, StorageError: when the folder cannot be opened.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        clock: Clock,
        doors: PluginRegistry,
        config: Path | None = None,
        *,
        stands_for: Path | None = None,
    ) -> None:
        self.settings, self._clock, self._doors = settings, clock, doors
        self._bus = Bus()
        store = open_store(settings, folder, clock)
        self._volume, self._lock, self._history, self._index = store.volume, store.lock, store.history, store.index
        self._ledger = HistoryLedger(self._history, self._index, clock)
        cameras = [CameraId(name) for name, camera in settings.cameras.items() if camera.record != "off"]
        before, boot = self._lock.before, boot_id()
        if stands_for is not None:
            fail_over(self._volume, clock.now_ms())
        else:
            move_back(self._volume, self._index, self._ledger, cameras, clock.now_ms())
        self._zone, self._host = local_zone(), socket.gethostname()
        self.sealing = SealingPolicy(
            self._volume,
            clock,
            self._bus,
            lambda: self.settings,
            zone=self._zone,
            is_standby=stands_for is not None,
        )
        self._started_ms = clock.now_ms()  # time before belongs to the previous run
        found = recover_files(self._volume, self._index, self._ledger, clock, before=before, boot=boot, cameras=cameras)
        with self._index.unsynced(), self._ledger.together():  # one sync, because recording waits for it
            explain_downtime(found, self._index, self._ledger, cameras, self._started_ms)
            self._ledger.started(boot, later=found.alive_ms is None)  # nothing depends on the very first
            close_all_left_open(self._index, self._ledger, clock.now_ms())
        self.prove = Prover(store.volume, store.index, clock).prove
        kept_in = None if settings.storage.mode == "memory" else folder
        self.arming = ModeController(lambda: self.settings, ZoneInfo(self._zone), kept_in, clock, self._bus)
        self._marks, self._scores = EventMarks(self._ledger, self._index), MotionScoreFile(self._volume, clock)
        self.said = ExternalEvents(self._marks, self._volume.write_picture, self.hub, self._bus.publish, clock)
        self._grids = MotionGrids(self._volume, clock, lambda camera: self.settings.is_sealed(camera))
        self._engine, self._ingest = ThreadEngine(clock, self.died), SharedThread("ingest", clock, self.died)
        self.naming = ClassifierRuntime(ModelStore(folder, clock), lambda: self.settings, clock, doors.accelerators)
        self.arming.deciding.names = self.naming.names
        known_in = config.parent if config is not None else None
        self.known = IdentityStore(kept_in, known_in, lambda by: recogniser_settings(self.settings, by).min_similarity)
        self.reading = RecognitionService(lambda: self.settings, doors, self.known, clock)
        self.arming.deciding.words = self.known.words
        kept = contract(settings)
        self._retention = Retention(
            self._volume, self._index, self._ledger, clock, kept.everyone, kept.cameras,
            every_s=store.every_s, least_s=store.least_s, most_files=store.most_files,
        )  # fmt: skip
        self._room = FreeSpace(
            self._volume, self._index, clock, lambda: self.settings, lambda: self._retention.last, self._byte_rates
        )
        self._healer, self._gaps = Healer(self._volume, self._ledger), GapWriter(self._ledger, clock)
        self._others = OtherVolumes(
            self._volume,
            store.others,
            self._index,
            clock,
            self._engine,
            lambda: self.settings.storage.retention.min_free,
        )
        self._mirror = Mirror(self._volume, self._index, clock, store.mirror, kept) if store.mirror else None
        if self._mirror is not None:
            self._bus.subscribe(self._mirror.heard)
        full, seals = self._retention.make_room, self.sealing.seals
        self._recorder = SegmentRecorder(
            self._volume, self._index, clock, self._bus, lost=self._lost, full=full, limits=store.limits, seals=seals
        )
        spare = settings.storage.spare if stands_for is None and kept_in is not None else ""
        self._login_file = LoginFile(
            None if kept_in is None else self._volume.disk, Path(spare).expanduser() if spare else None
        )
        self._login_file.history.keep_only(set(settings.cameras))
        self._parts = CameraServices(
            clock, self._engine, self._bus, doors, self._volume, self._gaps, self._marks, self._recorder,
            self._scores, self._grids, self._ingest, self.naming.desk, self.reading.desk,
            self.naming.suggesting.guesser, self._login_file.history,
        )  # fmt: skip
        self._changing, self._is_closing = threading.Lock(), False
        self._heeding: list[Callable[[Settings], None]] = []
        self._own = CameraSet(self._parts, self.arming.duty)
        self.arming.stand, self.arming.check = self._stand, lambda new: doors.check(new, "what was entered")
        self.modes = ModeService(self.arming, lambda: self.settings, self.apply, config, ZoneInfo(self._zone), clock)
        self.tuning = DetectionTuningService(
            lambda: self.settings, lambda: self._own.now, self.apply, doors, clock, config
        )
        self.keeping = RetentionService(
            self._volume,
            self._index,
            clock,
            self._retention,
            self._others,
            self._mirror,
            lambda: self.settings,
            self.apply,
            config,
            self._room.rates,
            lambda: (self._room.figures, self._room.warnings),
        )
        self.sealed = self.sealing.desk(folder, lambda: self.settings, self.apply, config)
        self._troubles = DiskProblems(self._volume, self._room, self._others, self._mirror, self._recorder, stands_for)
        self._housekeeping: Housekeeping | None = None
        self.care = HealthMonitor(
            settings.heartbeat,
            clock,
            self._bus,
            self._volume,
            self._index,
            self._recorder,
            self._ledger,
            self._zone,
            lambda: [camera.watching.shown(camera.keeper.status) for camera in self._own.now.values()],
            self._troubles,
        )
        if self.sealing.watch is not None:
            self.care.also(HealthCheck(self.sealing.watch))

    def begin(self) -> None:
        """Start recording: the cameras, their detection and the writers. Nothing else uses the disk yet."""
        self._recorder.start(self._engine)
        self.naming.start(self._engine)
        self.reading.start(self._engine)
        self._own.begin(self.settings.cameras, self._started_ms)
        self._engine.start("housekeeping", self._make_housekeeping)

    def await_first_pictures(self) -> None:
        """Wait until a picture of each camera that sends any is on the disk, but only seconds.

        What else writes to the disk starts afterwards, because on a slow card it would delay the recording.
        """
        self._recorder.await_first_pictures(FIRST_PICTURES_S, CONNECTING_S)

    def begin_housekeeping(self) -> None:
        """Start all that is not needed for the first picture."""
        self._gaps.start(self._engine)
        self._retention.start(self._engine)
        self._room.start(self._engine)
        self._others.start()
        if self._mirror is not None:
            self._mirror.start(self._engine)
        self._login_file.handle = self._engine.start(self._login_file.name, lambda: self._login_file)
        self._engine.start("pulse", lambda: Heartbeat(self._ledger, self._lock, self._clock))
        self.sealing.start(self._engine)
        self.care.start(self._engine)
        self.arming.start(self._engine)
        self.said.handle = self._engine.start(self.said.name, lambda: self.said)

    def close(self, cause: str) -> None:
        """Stop all parts and make recordings durable. cause: a key of `model.gaps.OFF_WORDS`."""
        with self._changing:
            self._is_closing = True
            self._own.close()
            is_closed = self._recorder.stop()
            if not is_closed:
                log.error("the disk did not finish writing in time; the next start repairs the recordings")
            late = [*self._ingest.stop(2.0), *self._engine.stop(2.0)]
            if late:
                log.warning("threads did not stop in time: %s", ", ".join(late))
            if is_closed and not late:
                self._finish(cause)
                return
            last = threading.Thread(target=self._finish, args=(cause,), name="last writes", daemon=True)
            last.start()
            last.join(LAST_WRITES_S)
            if last.is_alive():
                log.error("the disk is not responding; the next start repairs unfinished recordings")

    def _finish(self, cause: str) -> None:
        """Do the last writes. Blocks if the disk is stalled."""
        self._gaps.finish()
        if self._mirror is not None:
            self._mirror.finish()
        self._scores.flush()
        self._grids.flush()
        self.arming.finish()
        self.sealing.finish()
        self._ledger.stopped(cause)
        self._history.close()
        self._index.close()
        self._lock.release()

    def apply(self, new: Settings, file: str) -> None:
        """Apply changed settings; only cameras that differ are restarted.

        Raises SettingsError: nothing is changed then.
        """
        self._doors.check(new, file)
        with self._changing:
            change = difference(self.settings, new)
            later = [path for path in change.other if not path.endswith(".retention") and path not in AT_ONCE]
            if later:
                log.warning("changed settings take effect at the next start: %s", ", ".join(later))
            self.settings = new
            kept = contract(new)
            self._retention.promise(kept.everyone, kept.cameras)
            self.arming.apply(new)
            self.logins.keep_only(set(new.cameras))
            if self._mirror is not None:
                self._mirror.promise(kept)
            self._own.take_over(new.cameras, change)
            for heed in self._heeding:
                heed(new)

    def whenever_changed(self, heed: Callable[[Settings], None]) -> None:
        """Register a callback that receives settings after they were applied."""
        self._heeding.append(heed)

    def _stand(self) -> None:
        """Re-evaluate what each camera should do now."""
        if self._changing.acquire(timeout=STAND_S):  # avoid deadlock: the lock's owner may wait for this thread
            try:
                if not self._is_closing:
                    self._own.stand()
            finally:
                self._changing.release()

    def keep_until_sent(self, held: Callable[[], Sequence[tuple[CameraId, Span]]]) -> None:
        """Set the callback that returns recordings waiting for upload; retention does not delete them."""
        self._retention.held = held

    def is_alive(self) -> bool:
        """Return whether all parts needed for recording are making progress, for systemd's watchdog."""
        keeping, oldest_s = self._housekeeping, self._clock.mono_s() - WATCHDOG_S
        reads = not self._ingest.has_work or self._ingest.stepped_s > oldest_s
        return keeping is not None and keeping.stepped_s > oldest_s and reads

    # --- the web layer's view (service.recorder.Recorder)

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def bus(self) -> Bus:
        return self._bus

    @property
    def logins(self) -> LoginHistory:
        """What sign-in cameras offered before."""
        return self._login_file.history

    @property
    def index(self) -> Index:
        return self._index

    @property
    def started_ms(self) -> int:
        return self._started_ms

    @property
    def host(self) -> str:
        return self._host

    @property
    def zone(self) -> str:
        return self._zone

    def cameras(self) -> Sequence[web.CameraView]:
        return [camera.about for camera in self._own.now.values()]

    def camera_names(self) -> Mapping[CameraId, str]:
        return {name: camera.name for name, camera in self._own.now.items()}

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        found = self._own.now.get(camera)
        return found.hubs.get(stream) if found else None

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        found = self._own.now.get(camera)
        if found is not None:
            found.watched(stream, viewers)

    def speaker(self, camera: CameraId) -> Speaker | None:
        found = self._own.now.get(camera)
        return found.speaker() if found else None

    def disk(self) -> web.DiskInfo | None:
        return self._room.figures

    def warnings(self) -> Sequence[web.RecorderWarning]:
        told = [
            web.RecorderWarning(f"Plug-in {one.name} couldn't be loaded: {one.error}.") for one in self._doors.broken
        ]
        if self._ledger.problem is not None:
            told.append(web.RecorderWarning(self._ledger.problem.message, self._ledger.problem.do))
        told += [web.RecorderWarning(trouble) for trouble in (*self.naming.troubles, *self.reading.troubles) if trouble]
        told += [web.RecorderWarning(trouble.detail, trouble.do) for trouble in self._troubles()]
        return told

    def alarms(self) -> Sequence[Alarm]:
        return self.care.alarms

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        return self._recorder.open_segments(camera)

    def segment_path(self, segment: Segment) -> Path:
        """Return the path of a segment; a closed one is verified and repaired from the mirror if damaged."""
        return self._volume.path(segment.path) if is_open(segment) else self._healer.sound_path(segment.path)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        found = self.settings.cameras.get(camera)
        return privacy_masks(found) if found else ()

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return self._scores.read(camera, within)

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        return self._scores.read(camera, within, zone)

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        return self._grids.read(camera, within)

    def called(self, who: str) -> str:
        return self.known.name(who)

    def event_loop(self, event: Event) -> bytes | None:
        return self._volume.read_loop(event)

    def event_picture(self, event: Event) -> bytes | None:
        return self._volume.read_picture(event)

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
    ) -> Event | None:
        event = self._marks.mark(event_id, kept=kept, reviewed=reviewed, false_alarm=false_alarm, said=said)
        if event is not None:
            self._bus.publish(EventChanged("updated", event))
        return event

    def report(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return a camera's connection report.

        `report` is empty if no information is available; `known` lists the cameras if the name is unknown.
        """
        return parse_report_request(asked, self._own.now, self._doors, self._clock, self._index)

    def accept_login(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Accept any sign-in of a camera from now on; `known` lists the cameras if the name is unknown."""
        camera = CameraId(str(asked.get("camera")))
        if camera not in self._own.now:
            return {"known": list(self._own.now)}
        is_changed = self.logins.forget(camera)
        if is_changed:
            log.warning("%s: a weaker sign-in than before is accepted, by command", camera)
        return {"camera": camera, "changed": is_changed}

    # --- callbacks of the parts

    def _make_housekeeping(self) -> Housekeeping:
        made = Housekeeping(lambda: self._own.now.values(), self._clock)
        self._housekeeping = made
        return made

    def _lost(self, loss: WriteLoss) -> None:
        camera = self._own.now.get(loss.camera)
        if camera is not None:
            camera.lost(loss)

    def _byte_rates(self) -> Rates:
        return rates_of({name: camera.hubs for name, camera in self._own.now.items()})

    def died(self, part: str, error: BaseException) -> None:
        """Publish that a part crashed and was restarted. Call from any thread."""
        self._bus.publish(PartDied(part, f"{type(error).__name__}: {error}"))

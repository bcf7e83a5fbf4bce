"""The parts of a recorder, made in the order in which they need one another.

Nothing runs yet, but the folder is locked, and what the previous run left is recovered and explained.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from tawny.app.local_zone import local_zone
from tawny.config.settings import Settings
from tawny.detection.classification import ClassificationQueue
from tawny.engine import ActorPool, Bus, Engine, PooledEngine, SharedThread, ThreadEngine
from tawny.engine.plugins import PluginFailed
from tawny.events.event_builder import close_all_left_open
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import DamageFound, EventChanged, GapChanged, PartDied, SegmentClosed
from tawny.model.times import Clock, Span
from tawny.recorder.recorder import DiskCallbacks, SegmentRecorder
from tawny.service.cameras.camera import CameraServices
from tawny.service.cameras.camera_set import CameraSet, RunningCameras
from tawny.service.cameras.card_session import FillServices
from tawny.service.cameras.gap_filler import GapFiller
from tawny.service.cameras.gap_writer import GapWriter
from tawny.service.cameras.login_file import LoginFile
from tawny.service.delivery.delivery_service import waiting_recordings
from tawny.service.detection.appearance_service import AppearanceService, AppearanceSource
from tawny.service.detection.classifier_runtime import ClassifierRuntime
from tawny.service.detection.embedding_search import SearchModel
from tawny.service.detection.event_marks import ClassifiedCameras, EventMarks, Mutings, is_day
from tawny.service.detection.event_writer import EventWriter
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.model_store import ModelStore
from tawny.service.detection.reclassification import EventArchive, EventReclassifier
from tawny.service.detection.recognition_service import RecognitionService, recogniser_settings
from tawny.service.detection.sound_service import SoundService, sound_store
from tawny.service.health.alarms import HealthProblem
from tawny.service.health.monitor import HealthMonitor, MonitoredRecorder, disk_problems
from tawny.service.modes.mode_controller import ModeController
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.forecast import FreeSpace
from tawny.service.retention.promises import contract
from tawny.service.retention.retention_service import StoredRecordings
from tawny.service.retention.secondary_volumes import OtherVolumes
from tawny.service.sealing.policy import SealingPolicy, recipients_of
from tawny.service.storage_setup import Store, open_store
from tawny.storage.disk.failover import fail_over, move_back
from tawny.storage.disk.lock import boot_id
from tawny.storage.disk.mirror import Mirror
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.appearance_db import AppearanceDb
from tawny.storage.repair.recovery import explain_downtime, recover_files
from tawny.storage.retention.runner import DeletedWith, Retention
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderPlace:
    """What a recorder is made for.

    settings: returns those in force. config: the settings file; None: not in use. stands_for: the folder on the missing
    main disk, which `folder` replaces.
    """

    settings: Callable[[], Settings]
    folder: Path
    clock: Clock
    plugins: PluginRegistry
    config: Path | None = None
    stands_for: Path | None = None
    bus: Bus = field(default_factory=Bus)
    zone: str = field(default_factory=local_zone)
    host: str = field(default_factory=socket.gethostname)

    @property
    def kept_in(self) -> Path | None:
        """The folder for what outlives the run; None in memory mode."""
        return None if self.settings().storage.mode == "memory" else self.folder

    def died(self, part: str, error: BaseException) -> None:
        """Publish that a part crashed and was restarted. Call from any thread."""
        text = str(error) if isinstance(error, PluginFailed) else f"{type(error).__name__}: {error}"
        self.bus.publish(PartDied(part, text))


@dataclass(frozen=True, slots=True)
class RecorderStorage:
    """The opened folder and who writes to it. started_ms: time before belongs to the previous run."""

    store: Store
    ledger: HistoryLedger
    sealing: SealingPolicy
    gaps: GapWriter
    marks: EventMarks
    events: EventWriter
    scores: MotionScoreFile
    grids: MotionGrids
    figures: MotionFigures
    started_ms: int
    mutings: Mutings


@dataclass(frozen=True, slots=True)
class Recognition:
    """What names objects and identities."""

    naming: ClassifierRuntime
    known: IdentityStore
    reading: RecognitionService
    sounds: SoundService
    appearance: AppearanceService


@dataclass(frozen=True, slots=True)
class RecorderParts:
    """ingest: reads all streams whose connections never block. pool, pooled: for actors that mostly wait."""

    place: RecorderPlace
    storage: RecorderStorage
    recognition: Recognition
    stored: StoredRecordings
    recorder: SegmentRecorder
    engine: ThreadEngine
    pool: ActorPool
    pooled: Engine
    ingest: SharedThread
    login_file: LoginFile
    arming: ModeController
    services: CameraServices
    cameras: RunningCameras
    camera_set: CameraSet
    care: HealthMonitor
    filler: GapFiller


def make_recorder_parts(place: RecorderPlace) -> RecorderParts:
    """Raises FolderUnwritable, FolderInUse, DiskFull, StorageError: when the folder cannot be opened."""
    clock, bus = place.clock, place.bus
    classified = ClassifiedCameras(place.settings, ClassificationQueue())
    storage = _open_storage(place, classified)
    engine, ingest = ThreadEngine(clock, place.died), SharedThread("ingest", clock, place.died)
    pool = ActorPool(clock)
    pooled = PooledEngine(pool, clock, place.died)
    recognition, cameras = _make_recognition(place, storage, classified.queue), RunningCameras()
    arming = ModeController(
        place.settings, ZoneInfo(place.zone), place.kept_in, clock, bus, classified.has,
        recognition.known.words,
    )  # fmt: skip
    stored = _make_stored_recordings(place, storage, pooled, cameras, recognition.appearance.forget)
    store = storage.store
    on_disk = DiskCallbacks(cameras.lost, stored.retention.make_room)
    recorder = SegmentRecorder(
        store.volume, store.index, clock, bus, on_disk, limits=store.limits, seals=storage.sealing.seals
    )
    login_file = _make_login_file(place, store)
    services = CameraServices(
        clock, engine, bus, place.plugins, storage.gaps, storage.marks, storage.events, recorder, storage.scores,
        storage.grids, ingest, recognition.naming.queue, recognition.reading.queue,
        recognition.naming.suggesting.guesser, login_file.history, storage.figures,
        recognition.sounds,
    )  # fmt: skip

    def others() -> Iterator[HealthProblem]:
        yield from disk_problems(stored, recorder, place.stands_for)
        yield from cameras.detection_problems()

    seen = MonitoredRecorder(store.volume, store.index, recorder, storage.ledger, cameras.statuses, others)
    return RecorderParts(
        place, storage, recognition, stored, recorder, engine, pool, pooled, ingest, login_file, arming, services,
        cameras, CameraSet(cameras, services, arming.duty),
        HealthMonitor(seen, place.settings().heartbeat, clock, bus, place.zone),
        GapFiller(
            FillServices(
                place.settings, cameras.statuses, arming.duty, lambda camera: cameras.hub(camera, StreamName.MAIN),
                cameras.show_filling, recorder, store.volume, store.index, storage.ledger, bus, clock,
                login_file.history, storage.sealing.seals,
            )
        ),
    )  # fmt: skip


def _open_storage(place: RecorderPlace, classified: ClassifiedCameras) -> RecorderStorage:
    """Open the folder, and recover and explain what the previous run left."""
    settings, clock = place.settings(), place.clock
    store = open_store(settings, place.folder, clock, lambda: recipients_of(place.settings()))
    volume, index, boot = store.volume, store.index, boot_id()
    ledger = HistoryLedger(store.history, index, clock)
    cameras = [CameraId(name) for name in settings.cameras]  # also those that are off: all time has a reason
    if place.stands_for is not None:
        fail_over(volume, clock.now_ms())
    else:
        move_back(volume, index, ledger, cameras, clock.now_ms())
    is_standby = place.stands_for is not None
    started_ms = clock.now_ms()
    found = recover_files(volume, index, ledger, clock, before=store.before, boot=boot, cameras=cameras)
    sealing = SealingPolicy(
        volume, clock, place.bus, place.settings, zone=place.zone, is_standby=is_standby, left_ms=found.left_ms
    )
    with index.unsynced(), ledger.together():  # one sync, because recording waits for it
        explain_downtime(found, index, ledger, cameras, started_ms)
        ledger.started(boot, later=found.alive_ms is None)  # nothing depends on the very first
        close_all_left_open(index, ledger, clock.now_ms())

    grids = MotionGrids(volume, clock, sealing.is_sealed)
    zone = ZoneInfo(place.zone)
    mutings = Mutings(place.kept_in, index, clock, grids.read, lambda at_ms: is_day(place.settings(), zone, at_ms))
    marks = EventMarks(ledger, classified.alerts, mutings, place.bus.publish)
    return RecorderStorage(
        store,
        ledger,
        sealing,
        GapWriter(ledger, clock),
        marks,
        EventWriter(marks, sealing.event_files),
        MotionScoreFile(volume, clock),
        grids,
        MotionFigures(volume, clock, sealing.is_sealed),
        started_ms,
        mutings,
    )


def _make_recognition(place: RecorderPlace, storage: RecorderStorage, queue: ClassificationQueue) -> Recognition:
    clock, plugins, settings = place.clock, place.plugins, place.settings
    volume, index, models = storage.store.volume, storage.store.index, ModelStore(place.folder, clock)
    archive = EventArchive(index, storage.marks, volume.read_picture, place.bus.publish)
    again = EventReclassifier(models.folder, archive, clock)
    naming = ClassifierRuntime(models, settings, clock, plugins.accelerators, again, queue)
    key_in = place.config.parent if place.config is not None else None
    known = IdentityStore(place.kept_in, key_in, lambda by: recogniser_settings(settings(), by).min_similarity)
    sounds = SoundService(sound_store(place.folder, clock), plugins.sounds, clock)
    seen = AppearanceSource(
        index, volume.read_picture, lambda camera: settings().is_sealed(camera),
        settings=lambda: settings().search, strip=volume.read_loop,
    )  # fmt: skip
    model = SearchModel(lambda: settings().search, plugins.embedders)

    def open_appearances() -> AppearanceDb:
        volume.space()  # raises if the disk is gone: nothing is written into an empty mount point
        return AppearanceDb(place.kept_in)

    appearance = AppearanceService(open_appearances, seen, model, clock)
    place.bus.subscribe(EventChanged, appearance.on_event)
    return Recognition(naming, known, RecognitionService(settings, plugins, known, clock), sounds, appearance)


def _make_stored_recordings(
    place: RecorderPlace,
    storage: RecorderStorage,
    engine: Engine,
    cameras: RunningCameras,
    forget: Callable[[EventId], None],
) -> StoredRecordings:
    """forget: called after an event was deleted."""
    store, clock, settings = storage.store, place.clock, place.settings
    kept = contract(settings())
    motion = storage.scores, storage.grids, storage.figures
    also = DeletedWith(motion, forget, lambda gap: place.bus.publish(GapChanged(gap)))
    retention = Retention(store.volume, store.index, storage.ledger, clock, kept, store.pace, also)
    retention.hold_back(lambda: _waiting(place))
    room = FreeSpace(
        store.volume, store.index, clock, settings, lambda: retention.last, cameras.recorded_rates, retention.unsent
    )
    others = OtherVolumes(
        store.volume, store.others, store.index, clock, engine, lambda: contract(settings()), retention.wake
    )
    mirror = Mirror(store.volume, store.index, clock, store.mirror, kept) if store.mirror else None
    if mirror is not None:
        for kind in (SegmentClosed, GapChanged, DamageFound, EventChanged):
            place.bus.subscribe(kind, mirror.on_message)
    return StoredRecordings(store.volume, store.index, retention, room, others, mirror)


def _waiting(place: RecorderPlace) -> Sequence[tuple[CameraId, Span]]:
    """Return the recordings that wait for upload, until the delivery service runs. Nothing in memory mode."""
    try:
        return [] if place.kept_in is None else waiting_recordings(place.kept_in, place.settings())
    except StorageError as error:  # recording goes on, and the delivery service makes another file
        log.warning("recordings that wait for upload aren't known yet, and may be deleted: %s", error)
        return []


def _make_login_file(place: RecorderPlace, store: Store) -> LoginFile:
    """Return the file of what sign-in cameras offered before, copied to the fallback disk."""
    settings, kept_in = place.settings(), place.kept_in
    spare = settings.storage.spare if place.stands_for is None and kept_in is not None else ""
    made = LoginFile(None if kept_in is None else store.volume.disk, Path(spare).expanduser() if spare else None)
    made.history.keep_only(set(settings.cameras))
    return made

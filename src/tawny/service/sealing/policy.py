"""Sealing policy by the current settings, and periodic statements of the signed history."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from tawny import __version__
from tawny.config.settings import CameraSettings, RemovedCameraSettings, Settings
from tawny.engine import Bus, Engine
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import GapChanged
from tawny.model.segments import GapReason
from tawny.model.times import Clock
from tawny.sealed.key_wrapping import short_name
from tawny.sealed.statements import RECORDER_LETTERS, Witness
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.promises import contract
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.service.sealing.sealing_service import SealingService, UnlockMethodStore
from tawny.storage.disk.layout import picture_path, sealed_path
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.storage.segments.detection_files import EventFiles

log = logging.getLogger(__name__)

_SOFTWARE: Final = f"tawny {__version__}"
EVERY_S: Final = 600.0
"""Interval, s, between two statements."""
AGAIN_S: Final = 20.0
MOST_BEHIND_S: Final = 3600.0
"""Maximum wait, s, for a clock that is behind. It may also have been ahead before."""
JUMP_MS: Final = 2000
"""Clock changes above this, ms, are recorded in the history."""


class OthersCameraSettings(CameraSettings):
    """A camera of another recorder, in whose place this one records it. Never in a settings file.

    If it is encrypted, only its own `recipients` can open it. The modes are those of its own recorder.
    """

    follows_modes: ClassVar[bool] = False

    def left(self) -> RemovedCameraSettings:
        """Return what stays of it once it is given back; its retention and its keys are its recorder's."""
        return super().left().model_copy(update={"retention": None, "recipients": None})


def policy_of(settings: Settings, name: CameraId) -> CameraSealing | None:
    """Return the camera's policy; None if it is not sealed."""
    camera = settings.cameras.get(name)
    if camera is None or not settings.is_sealed(name):
        return None
    kept = contract(settings)
    keep = kept.cameras.get(name, kept.everyone)
    may_thin = keep.thin_s is not None or (keep.sub is not None and keep.sub.thin_s is not None)
    everyone = () if isinstance(camera, OthersCameraSettings) else settings.encryption.all
    return CameraSealing((*everyone, *camera.recipients), splits=may_thin)


def recipients_of(settings: Settings) -> list[str]:
    """Return the short names of all recipients in use, for statements."""
    sealed = [policy for name in settings.cameras if (policy := policy_of(settings, CameraId(name))) is not None]
    return sorted({short_name(one) for policy in sealed for one in policy.recipients})


class KnownRecipients:
    """Notes each key before files are encrypted for it: it may be replaced before the next statement names it.

    A note that can't be written stops no recording, and is tried again with the next file. Thread-safe.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume, self._store = volume, UnlockMethodStore(volume.root)
        self._noted, self._failed = set[str](), set[str]()

    def noted(self, policy: CameraSealing | None) -> CameraSealing | None:
        """Return the policy, with its keys noted."""
        for one in () if policy is None else policy.recipients:
            if one not in self._noted:
                try:
                    self._volume.space()  # raises if the disk is gone: nothing is written into an empty mount point
                    self._store.used_for(one)
                    self._noted.add(one)
                except StorageError as error:
                    if one not in self._failed:  # it is tried again with each file
                        log.warning("the public key %s can't be noted: %s", short_name(one), error)
                    self._failed.add(one)
        return policy


class SealingPolicy:
    """Sealing of one recorder. Inactive where the volume has no signed history: in memory mode.

    It also exists while no camera is sealed, because settings may change at any time.
    """

    def __init__(
        self,
        volume: Volume,
        clock: Clock,
        bus: Bus,
        settings: Callable[[], Settings],
        *,
        zone: str = "UTC",
        is_standby: bool = False,
        left_ms: int = 0,
    ) -> None:
        """Create it after recovery.

        is_standby: the volume is the fallback disk, which records while the main disk is missing. left_ms: see
        `StatementWriter`.
        """
        self.seals: EpochKeys | None = None
        self.watch = HistoryWatch(volume, None, clock, zone)
        self._clock, self._settings = clock, settings
        self.out = SealedExport()
        self.event_files = EventFiles(volume)
        history = volume.signed
        if history is None:
            return
        known = KnownRecipients(volume)
        self.seals = EpochKeys(history, clock, lambda camera: known.noted(policy_of(settings(), camera)), _SOFTWARE)
        pictures = UnsealedPictures(
            clock, lambda camera: policy_of(settings(), camera) is not None and _may_leave(settings())
        )
        self.event_files = EventFiles(volume, self.seals, pictures.put)
        self.out = DiskSealedExport(volume, self.seals, pictures, is_standby=is_standby)
        if not is_standby:
            self.watch = HistoryWatch(volume, history, clock, zone)
        self._stating = StatementWriter(history, clock, left_ms)
        bus.subscribe(GapChanged, self._stating.on_gap)

    def service(self, folder: Path, settings: ChangeableSettings) -> SealingService:
        """Return the service that changes the settings."""
        fingerprint = "" if self.seals is None else self.seals.history.genesis
        return SealingService(folder, self._clock, settings, fingerprint)

    def is_sealed(self, camera: CameraId) -> bool:
        """Return whether the settings in force encrypt this camera's footage."""
        return self._settings().is_sealed(camera)

    def start(self, engine: Engine) -> None:
        if self.seals is not None:
            engine.start(self._stating.name, lambda: self._stating)

    def finish(self) -> None:
        """Write the last statement."""
        if self.seals is not None:
            self._stating.state()


def _may_leave(settings: Settings) -> bool:
    """Return whether a notifier may send snapshots of sealed cameras."""
    return any(one.unencrypted_snapshots for one in settings.notifiers.values())


class StatementWriter:
    """Writes a statement every ten minutes, as an actor, and records gaps. It may wait for the disk.

    One is early if recovery found files: evidence needs a statement within 20 minutes of their end. While the clock, as
    of a computer without a battery, is behind them, statements leave them out: they would be signed before they ended,
    and could never be verified.
    """

    name = "statements"

    def __init__(self, history: SignedHistory, clock: Clock, left_ms: int) -> None:
        """left_ms: when the files ended that the previous recorder left, ms UTC."""
        self._history, self._clock = history, clock
        self._found, self._left_ms = history.unstated_files, left_ms
        self._due_s = clock.mono_s() + EVERY_S
        self._behind_until_s = clock.mono_s() + MOST_BEHIND_S
        self._ahead_ms = self._wall_ahead_ms()
        self._is_caught_up = False
        """The files that the start has found are durable in the history; recording did not wait for that."""

    def on_gap(self, message: GapChanged) -> None:
        """Record ended gaps. Call from any thread."""
        gap = message.gap
        if gap.end_ms is not None and gap.reason is not GapReason.REMOVED:
            camera = self._history.camera(gap.camera).hex()
            self._history.add(["gap", camera, gap.begin_ms, gap.end_ms, gap.reason.value])

    def step(self) -> float:
        if not self._is_caught_up:
            self._catch_up()
        self._look_at_clock()
        is_early = self._is_caught_up and bool(self._found) and not self._is_behind
        if is_early or self._clock.mono_s() >= self._due_s:
            self._due_s = self._clock.mono_s() + (EVERY_S if self.state() else AGAIN_S)
        return AGAIN_S

    @property
    def _is_behind(self) -> bool:
        """The clock is behind the end of files that the start has found, and may soon be set."""
        return self._clock.now_ms() < self._left_ms and self._clock.mono_s() < self._behind_until_s

    def _catch_up(self) -> None:
        try:
            self._history.write_items()
            self._is_caught_up = True
        except StorageError as error:
            log.warning("cannot write the signed history, will retry: %s", error)

    def state(self) -> bool:
        """Write a statement. Return whether it succeeded."""
        later = self._found if self._is_behind else []
        try:
            is_stated = self._history.state(self._clock.now_ms(), later=later)
        except StorageError as error:
            log.warning("cannot write the signed history, will retry: %s", error)
            return False
        if is_stated:
            self._found = later
        return is_stated

    def close(self) -> None:
        """No resources to release."""

    def _wall_ahead_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.mono_s() * 1000)

    def _look_at_clock(self) -> None:
        """Record a change of the wall clock against the monotonic clock."""
        ahead_ms = self._wall_ahead_ms()
        if abs(ahead_ms - self._ahead_ms) > JUMP_MS:
            now_ms = self._clock.now_ms()
            self._history.add(["clock", now_ms - ahead_ms + self._ahead_ms, now_ms])
        self._ahead_ms = ahead_ms


# Exports of encrypted recordings.

MOST_BYTES: Final = 16 << 20
LASTS_S: Final = 600.0


class SealedExport:
    """Provides data of sealed cameras; this one is of a recorder that seals nothing. Thread-safe."""

    @property
    def recorder(self) -> str:
        """The recorder in names of its encrypted files and in witnesses; empty if it has neither."""
        return ""

    def seals(self, camera: CameraId) -> bool:
        return False

    def is_stored(self, path: str) -> bool:
        """Return whether a disk of this recorder, or its archive, has this file."""
        return False

    def object_name(self, path: str, day: str) -> str:
        """Return the name of this file at destinations: no information about its camera. day: `20261120`."""
        return path

    def sealed_picture(self, event: Event) -> bytes | None:
        """Return the sealed file of an event's snapshot; None if not available. Raises StorageError."""
        return None

    def picture_in_memory(self, event: Event) -> bytes | None:
        """Return the event's JPEG while it is in memory; None otherwise."""
        return None

    def witness(self) -> Witness | None:
        """Return the newest witness of the signed history, from memory; None if there is none to give away."""
        return None


class UnsealedPictures:
    """Unsealed snapshots of sealed cameras in memory: the newest, for LASTS_S and up to MOST_BYTES."""

    def __init__(self, clock: Clock, wanted: Callable[[CameraId], bool]) -> None:
        """wanted: whether a message may contain snapshots of this sealed camera."""
        self._clock, self._wanted = clock, wanted
        self._lock = threading.Lock()
        self._held: OrderedDict[EventId, tuple[float, bytes]] = OrderedDict()

    def put(self, event: Event, jpeg: bytes) -> None:
        with self._lock:
            self._held.pop(event.id, None)
            if self._wanted(event.camera):
                self._held[event.id] = self._clock.mono_s(), jpeg
            while self._held and (self._is_old() or sum(len(one) for _, one in self._held.values()) > MOST_BYTES):
                self._held.popitem(last=False)

    def get(self, event: EventId) -> bytes | None:
        with self._lock:
            while self._held and self._is_old():
                self._held.popitem(last=False)
            return self._held[event][1] if event in self._held else None

    def _is_old(self) -> bool:
        return next(iter(self._held.values()))[0] < self._clock.mono_s() - LASTS_S


class DiskSealedExport(SealedExport):
    """Sealed export of a recorder with a disk. is_standby: records to the fallback disk, whose history is another."""

    def __init__(
        self, volume: Volume, seals: EpochKeys, pictures: UnsealedPictures, *, is_standby: bool = False
    ) -> None:
        self._volume, self._seals, self._pictures, self._is_standby = volume, seals, pictures, is_standby

    @property
    def recorder(self) -> str:
        return self._seals.history.recorder.hex()[:RECORDER_LETTERS]

    def seals(self, camera: CameraId) -> bool:
        return self._seals.seals(camera)

    def is_stored(self, path: str) -> bool:
        return self._volume.holding(path) is not None

    def object_name(self, path: str, day: str) -> str:
        return self._seals.history.object_name(path, day)

    def sealed_picture(self, event: Event) -> bytes | None:
        path = sealed_path(picture_path(event))
        holder = self._volume.holding(path)
        return None if holder is None else holder.disk.read(path)

    def picture_in_memory(self, event: Event) -> bytes | None:
        return self._pictures.get(event.id)

    def witness(self) -> Witness | None:
        return None if self._is_standby else self._seals.history.head

"""Sealing policy by the current settings, and periodic statements of the signed history."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tawny import __version__
from tawny.config.settings import Settings
from tawny.engine import Bus, Engine
from tawny.model.clock import Clock
from tawny.model.errors import StorageError
from tawny.model.gaps import GapReason
from tawny.model.ids import CameraId
from tawny.model.messages import GapChanged, Message
from tawny.sealed.key_wrapping import short_name
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.retention.promises import contract
from tawny.service.sealing.history_watch import HistoryWatch
from tawny.service.sealing.sealed_export import NoSealedExport, SealedExport, SealedExportApi, UnsealedPictures
from tawny.service.sealing.sealing_service import SealingService
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys

log = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""Interval, s, between two statements."""
AGAIN_S: Final = 20.0
JUMP_MS: Final = 2000
"""Clock changes above this, ms, are recorded in the history."""


def policy_of(settings: Settings, name: CameraId) -> CameraSealing | None:
    """Return the camera's policy; None if it is not sealed."""
    camera = settings.cameras.get(name)
    if camera is None or not settings.is_sealed(name):
        return None
    kept = contract(settings)
    keep = kept.cameras.get(name, kept.everyone)
    may_thin = keep.thin_s is not None or (keep.sub is not None and keep.sub.thin_s is not None)
    return CameraSealing((*settings.encryption.all, *camera.recipients), splits=may_thin)


def recipients_of(settings: Settings) -> list[str]:
    """Return the short names of all recipients in use, for statements."""
    sealed = [policy for name in settings.cameras if (policy := policy_of(settings, CameraId(name))) is not None]
    return sorted({short_name(one) for policy in sealed for one in policy.recipients})


def signed_history(volume: Volume, clock: Clock, settings: Callable[[], Settings]) -> SignedHistory:
    """Return the signed history of this volume, attached to all of its volumes. Raises StorageError."""
    history = SignedHistory.opened(volume.disk, clock.now_ms())
    history.recipients = lambda: recipients_of(settings())
    for each in (*volume.everywhere, *volume.spares):
        each.signed = history
    return history


class SealingPolicy:
    """Sealing of one recorder. Inactive in memory mode. Raises StorageError when constructed.

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
    ) -> None:
        """is_standby: the volume is the fallback disk, which records while the main disk is missing."""
        self.seals: EpochKeys | None = None
        self.watch: HistoryWatch | None = None
        self._clock = clock
        self.out: SealedExportApi = NoSealedExport()
        if settings().storage.mode == "memory":
            return
        history = signed_history(volume, clock, settings)
        self.seals = EpochKeys(history, clock, lambda camera: policy_of(settings(), camera), f"tawny {__version__}")
        volume.seal_picture = self.seals.picture
        pictures = UnsealedPictures(
            clock, lambda camera: policy_of(settings(), camera) is not None and _may_leave(settings())
        )
        volume.picture_made = pictures.put
        self.out = SealedExport(volume, self.seals, pictures, is_standby=is_standby)
        if not is_standby:
            self.watch = HistoryWatch(volume, history, clock, zone)
        self._stating = StatementWriter(history, clock)
        bus.subscribe(self._stating.heard)

    def desk(self, folder: Path, settings: ChangeableSettings) -> SealingService | None:
        """Return the service that changes the settings; None if encryption is not available."""
        if self.seals is None:
            return None
        return SealingService(folder, self._clock, settings, self.seals.history.genesis)

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
    """Writes a statement every ten minutes, as an actor, and records gaps. It may wait for the disk."""

    name = "statements"

    def __init__(self, history: SignedHistory, clock: Clock) -> None:
        self._history, self._clock = history, clock
        self._due_s = clock.mono_s() + EVERY_S
        self._ahead_ms = self._wall_ahead_ms()
        self._is_caught_up = False
        """The files that the start has found are durable in the history; recording did not wait for that."""

    def heard(self, message: Message) -> None:
        """Record ended gaps. Call from any thread."""
        if isinstance(message, GapChanged):
            gap = message.gap
            if gap.end_ms is not None and gap.reason is not GapReason.REMOVED:
                camera = self._history.camera(gap.camera).hex()
                self._history.add(["gap", camera, gap.begin_ms, gap.end_ms, gap.reason.value])

    def step(self) -> float:
        if not self._is_caught_up:
            self._catch_up()
        self._look_at_clock()
        if self._clock.mono_s() >= self._due_s:
            self._due_s = self._clock.mono_s() + (EVERY_S if self.state() else AGAIN_S)
        return AGAIN_S

    def _catch_up(self) -> None:
        try:
            self._history.write_items()
            self._is_caught_up = True
        except StorageError as error:
            log.warning("cannot write the signed history, will retry: %s", error)

    def state(self) -> bool:
        """Write a statement. Return whether it succeeded."""
        try:
            return self._history.state(self._clock.now_ms())
        except StorageError as error:
            log.warning("cannot write the signed history, will retry: %s", error)
            return False

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

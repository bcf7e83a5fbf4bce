"""Free space: usage and forecast of the disks, measured periodically and served from memory."""

from collections.abc import Callable

from tawny.config.settings import Settings
from tawny.config.units import duration_text
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.service.recorder import DiskUsage, RecorderWarning
from tawny.service.retention.forecast import keeps_days
from tawny.service.retention.promises import Rates, contract, contradictions, shortfalls
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.secondary_volumes import spaces
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.planning import RemovalPlan

LOOK_S = 20.0
NEARLY_FULL = 0.02
"""Free share of the disk below which the user must act if nothing more can be removed."""


class FreeSpace:
    """Measures free space as an actor. Read `figures` and `warnings` from any thread.

    rates: returns the current bytes per second by stream.
    """

    name = "room"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        settings: Callable[[], Settings],
        last_plan: Callable[[], RemovalPlan | None],
        rates: Callable[[], Rates],
    ) -> None:
        self._volume, self._index, self._clock = volume, index, clock
        self._settings, self._last_plan, self._rates = settings, last_plan, rates
        self.figures: DiskUsage | None = None
        self.warnings: tuple[RecorderWarning, ...] = ()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        used_bytes, settings = self._index.size_bytes(), self._settings()
        disks = [space for _, space in spaces(self._volume)]
        space = DiskCapacity(sum(one.free_bytes for one in disks), sum(one.total_bytes for one in disks))
        rates = self._rates()
        days = keeps_days(settings.storage.retention, space, used_bytes, sum(rate for rate, _ in rates.values()))
        self.figures = DiskUsage(space.free_bytes, space.total_bytes, used_bytes, None, days)
        self.warnings = tuple(self._warnings(settings, space, used_bytes, rates))
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _warnings(
        self, settings: Settings, space: DiskCapacity, used_bytes: int, rates: Rates
    ) -> list[RecorderWarning]:
        told = contradictions(settings)
        plan = self._last_plan()
        if plan is not None and plan.breaks_promise:
            promised = duration_text(settings.storage.retention.min)
            do = "Lower `storage.retention.min`, allow more space, or add a larger disk."
            told.append(RecorderWarning(f"There isn't enough space to keep everything for {promised}.", do))
        else:
            told += shortfalls(contract(settings), rates, space, used_bytes)
        if plan is not None and plan.missing_bytes and space.free_bytes < NEARLY_FULL * space.total_bytes:
            do = "Delete other files on it. Most of the space isn't used by tawny."
            told.append(RecorderWarning("The disk is almost full, and tawny can't delete anything else.", do))
        return told

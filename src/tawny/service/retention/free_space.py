"""Free space: usage and forecast of the disks, measured periodically and served from memory."""

from collections.abc import Callable, Iterator

from tawny.config.settings import Settings
from tawny.config.units import duration_text
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.service.recorder import DiskUsage, RecorderWarning
from tawny.service.retention.forecast import DAY_S, RateMeter, StorageOutlook, storage_outlook
from tawny.service.retention.promises import Rates, contract, contradictions, limit_conflicts
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.secondary_volumes import spaces
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.planning import RemovalPlan

LOOK_S = 20.0
NEARLY_FULL = 0.02
"""Free share of the disk below which the user must act if nothing more can be removed."""
MORE_ROOM = (
    "Lower `storage.retention.min`, record less, reduce to keyframes earlier (`keyframes_after`), or add a larger disk."
)


class FreeSpace:
    """Measures free space as an actor. Read `figures` and `warnings` from any thread.

    momentary: returns the present bytes per second by stream.
    """

    name = "room"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        settings: Callable[[], Settings],
        last_plan: Callable[[], RemovalPlan | None],
        momentary: Callable[[], Rates],
    ) -> None:
        self._volume, self._index, self._clock = volume, index, clock
        self._settings, self._last_plan, self._momentary = settings, last_plan, momentary
        self._meter = RateMeter(index)
        self.figures: DiskUsage | None = None
        self.warnings: tuple[RecorderWarning, ...] = ()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def rates(self) -> Rates:
        """Return the average bytes per second of the streams that are recorded now."""
        return self._meter.rates()

    def step(self) -> float:
        used_bytes, settings = self._index.size_bytes(), self._settings()
        disks = [space for _, space in spaces(self._volume)]
        space = DiskCapacity(sum(one.free_bytes for one in disks), sum(one.total_bytes for one in disks))
        kept, now_ms = contract(settings), self._clock.now_ms()
        self._meter.add(self._momentary(), LOOK_S, kept, now_ms)
        outlook = storage_outlook(kept, space, used_bytes, self._meter, now_ms)
        days = None if outlook.keeps_s is None else outlook.keeps_s / DAY_S
        self.figures = DiskUsage(
            space.free_bytes, space.total_bytes, used_bytes, outlook.full_at_ms, days, outlook.fits, outlook.sentence
        )
        self.warnings = tuple(self._warnings(settings, space, outlook))
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _warnings(self, settings: Settings, space: DiskCapacity, outlook: StorageOutlook) -> Iterator[RecorderWarning]:
        yield from contradictions(settings)
        plan = self._last_plan()
        if plan is not None and plan.breaks_promise:
            promised = duration_text(settings.storage.retention.min)
            yield RecorderWarning(f"There isn't enough space to keep everything for {promised}.", MORE_ROOM)
        elif outlook.fits is False:
            yield RecorderWarning(outlook.sentence, MORE_ROOM)
        if outlook.fits is not None:
            yield from limit_conflicts(contract(settings), self._meter.rates())
        if plan is not None and plan.missing_bytes and space.free_bytes < NEARLY_FULL * space.total_bytes:
            do = "Delete other files on it. Most of the space isn't used by tawny."
            yield RecorderWarning("The disk is almost full, and tawny can't delete anything else.", do)

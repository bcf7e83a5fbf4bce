"""How much room there is on the disk, and how far back recordings will go: looked at now and then, told at once."""

from collections.abc import Callable

from tawny.app.forecast import keeps_days
from tawny.config.settings import Keep
from tawny.config.units import duration_text
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.storage import retention
from tawny.storage.disk import Space
from tawny.storage.index import Index
from tawny.storage.volume import Volume
from tawny.web.recorder import Disk, Warn

LOOK_S = 20.0
NEARLY_FULL = 0.02
"""With less of the disk free than this share, and nothing left that may be removed, somebody has to act."""


class Room:
    """bytes_a_second: how fast recordings grow now. One actor; `figures` and `warnings` from any thread."""

    name = "room"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        keep: Callable[[], Keep],
        last_plan: Callable[[], retention.Plan | None],
        bytes_a_second: Callable[[], float],
    ) -> None:
        self._volume, self._index, self._clock = volume, index, clock
        self._keep, self._last_plan, self._bytes_a_second = keep, last_plan, bytes_a_second
        self.figures: Disk | None = None
        self.warnings: tuple[Warn, ...] = ()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        space, used_bytes, keep = self._volume.space(), self._index.size_bytes(), self._keep()
        days = keeps_days(keep, space, used_bytes, self._bytes_a_second())
        self.figures = Disk(space.free_bytes, space.total_bytes, used_bytes, None, days)
        self.warnings = tuple(self._warnings(keep, space, days))
        return LOOK_S

    def close(self) -> None:
        """Nothing is held."""

    def _warnings(self, keep: Keep, space: Space, days: float | None) -> list[Warn]:
        told: list[Warn] = []
        plan = self._last_plan()
        if plan is not None and plan.breaks_promise:
            promised = duration_text(keep.min)
            do = "Lower `storage.keep.min`, allow more room, or add a larger disk."
            told.append(Warn(f"There is no room to keep everything for {promised}, as promised.", do))
        elif days is not None and days * 86_400 < keep.min:
            do = "Lower `storage.keep.min`, record less, or add a larger disk."
            told.append(Warn(f"At today's rate the disk holds {days:.1f} days, less than promised.", do))
        if plan is not None and plan.missing_bytes and space.free_bytes < NEARLY_FULL * space.total_bytes:
            do = "Free some space on it: what fills it is not tawny's."
            told.append(Warn("The disk is nearly full, and there is nothing left that tawny may remove.", do))
        return told


def storage_keep(keep: Keep) -> retention.Keep:
    """The settings as the storage has them."""
    return retention.Keep(keep.min, keep.max, keep.size, keep.free, keep.events)

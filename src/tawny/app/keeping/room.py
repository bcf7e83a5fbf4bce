"""How much room there is on the disk, and how far back recordings will go: looked at now and then, told at once."""

from collections.abc import Callable

from tawny.app.keeping.forecast import keeps_days
from tawny.app.keeping.promises import Rates, contract, contradictions, shortfalls
from tawny.config.settings import Settings
from tawny.config.units import duration_text
from tawny.engine import Engine
from tawny.model.clock import Clock
from tawny.storage.disk import Space
from tawny.storage.index import Index
from tawny.storage.others import spaces
from tawny.storage.planning import Plan
from tawny.storage.volume import Volume
from tawny.web.recorder import Disk, Warn

LOOK_S = 20.0
NEARLY_FULL = 0.02
"""With less of the disk free than this share, and nothing left that may be removed, somebody has to act."""


class Room:
    """rates: how fast recordings grow now. One actor; `figures` and `warnings` from any thread."""

    name = "room"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        settings: Callable[[], Settings],
        last_plan: Callable[[], Plan | None],
        rates: Callable[[], Rates],
    ) -> None:
        self._volume, self._index, self._clock = volume, index, clock
        self._settings, self._last_plan, self._rates = settings, last_plan, rates
        self.figures: Disk | None = None
        self.warnings: tuple[Warn, ...] = ()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        used_bytes, settings = self._index.size_bytes(), self._settings()
        disks = [space for _, space in spaces(self._volume)]
        space = Space(sum(one.free_bytes for one in disks), sum(one.total_bytes for one in disks))
        rates = self._rates()
        days = keeps_days(settings.storage.keep, space, used_bytes, sum(rate for rate, _ in rates.values()))
        self.figures = Disk(space.free_bytes, space.total_bytes, used_bytes, None, days)
        self.warnings = tuple(self._warnings(settings, space, used_bytes, rates))
        return LOOK_S

    def close(self) -> None:
        """Nothing is held."""

    def _warnings(self, settings: Settings, space: Space, used_bytes: int, rates: Rates) -> list[Warn]:
        told = contradictions(settings)
        plan = self._last_plan()
        if plan is not None and plan.breaks_promise:
            promised = duration_text(settings.storage.keep.min)
            do = "Lower `storage.keep.min`, allow more space, or add a larger disk."
            told.append(Warn(f"There isn't enough space to keep everything for {promised}.", do))
        else:
            told += shortfalls(contract(settings), rates, space, used_bytes)
        if plan is not None and plan.missing_bytes and space.free_bytes < NEARLY_FULL * space.total_bytes:
            do = "Delete other files on it. Most of the space isn't used by tawny."
            told.append(Warn("The disk is almost full, and tawny can't delete anything else.", do))
        return told

"""All that the detector knows while it looks once: the place, the ground, and the picture of now."""

from dataclasses import dataclass

from tawny.watch.motion.difference import Difference
from tawny.watch.motion.ground import Ground
from tawny.watch.motion.memory import Memory
from tawny.watch.motion.sensitivity import Sensitivity


@dataclass(slots=True)
class Scene:
    sensitivity: Sensitivity
    memory: Memory
    ground: Ground
    seen: Difference
    is_young: bool
    """Nothing is known of any place yet."""
    whole: float
    """Cells of all blobs of this look."""

    @property
    def cells(self) -> int:
        return self.seen.now.size

    def need(self, area: float) -> float:
        return need(self.sensitivity, self.ground, area)


def need(sensitivity: Sensitivity, ground: Ground, area: float) -> float:
    """Evidence that makes a candidate of so many cells an event."""
    return sensitivity.need * (1 + ground.asks_more(area))

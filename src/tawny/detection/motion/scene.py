"""All that the detector knows while it looks once: the place, the ground, and the picture of now."""

from dataclasses import dataclass

from tawny.detection.motion.background_model import BackgroundModel
from tawny.detection.motion.difference import FrameDifference
from tawny.detection.motion.ground import GroundGrid
from tawny.detection.motion.sensitivity import Sensitivity


@dataclass(slots=True)
class MotionScene:
    sensitivity: Sensitivity
    memory: BackgroundModel
    ground: GroundGrid
    seen: FrameDifference
    is_young: bool
    """Nothing is known of any place yet."""
    whole: float
    """Cells of all blobs of this look."""

    @property
    def cells(self) -> int:
        return self.seen.now.size

    def need(self, area: float) -> float:
        return need(self.sensitivity, self.ground, area)


def need(sensitivity: Sensitivity, ground: GroundGrid, area: float) -> float:
    """Evidence that makes a candidate of so many cells an event."""
    return sensitivity.need * (1 + ground.asks_more(area))

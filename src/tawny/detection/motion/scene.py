"""State of the detector while it processes one frame."""

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
    """Whether the learning phase is not over."""
    whole: float
    """Number of cells in all blobs of this frame."""

    @property
    def cells(self) -> int:
        return self.seen.now.size

    def need(self, area: float) -> float:
        return need(self.sensitivity, self.ground, area)


def need(sensitivity: Sensitivity, ground: GroundGrid, area: float) -> float:
    """Return the evidence that a candidate of this area (cells) needs to become an event."""
    return sensitivity.need * (1 + ground.asks_more(area))

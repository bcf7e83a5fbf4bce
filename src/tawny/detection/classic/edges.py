"""`edges`: change of the total edge brightness from one frame to the next.

It detects objects that appear, vanish or turn, and changes of the whole scene, but hardly objects sliding across a
plain background. Totals refer to 640x480; two such frames within ten seconds are motion.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.detection.classic.base import ClassicMeasurement
from tawny.detection.classic.canny import DENOISE, LineDetector
from tawny.detection.detector import DetectorParameter


class Edges(LineDetector):
    """Detects a change in the total strength of all edges in the image.

    - `level` (20000, at 640x480): the change must exceed this.
    - `frames` (2) and `within` (100): number of frames with motion among the last `within` frames that make an event.
    - `rate` (10): images a second that are compared, up to 60. 0: every image.
    - `hold` (2): seconds without motion that end an event.
    - `warm_up` (0): seconds after the start that are ignored.
    - `least_light` (0): ignore images with at most this mean brightness, 0 to 1.
    - `light` (0): relative change in brightness between two frames that is ignored as a lighting change. 0: off.
    - `denoise` (0): 1: reduce image noise first.
    - `sensitivity` (50): 1 to 100, instead of `level`: 75 halves the level, 25 doubles it.
    """

    name: ClassVar[str] = "edges"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(20_000, 0, 80_000_000),
        "denoise": DENOISE,
        "frames": DetectorParameter(2, 1, 600, is_whole=True),
        "within": DetectorParameter(100, 1, 6000, is_whole=True),
    }

    _total: int | None = None

    def measure(self, luma: Any) -> ClassicMeasurement:
        total = int(self._lines.of(luma).sum())
        before, self._total = self._total, total
        if before is None:
            return ClassicMeasurement(0, moves=False)
        change = abs(total - before)
        return ClassicMeasurement(change, moves=change > self.numbers["level"])

    def forget(self) -> None:
        super().forget()
        self._total = None

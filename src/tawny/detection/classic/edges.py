"""`edges`: change of the total edge brightness from one frame to the next.

It detects objects that appear, vanish or turn, and changes of the whole scene, but hardly objects sliding across a
plain background. Totals refer to 640x480; two such frames within ten seconds are motion.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement
from tawny.detection.classic.canny import DENOISE, Lines
from tawny.detection.classic.parameters import DetectorParameter


class Edges(ClassicDetector):
    """The brightness of all edges together changes.

    Settings: `level` (20000, on 640x480), `frames` (2) that move `within` (100) make an event, `hold` (2 s without
    motion end it), `warm_up` (0 s after the start do not count), `least_light` (0: mean brightness, 0 to 1, that a
    picture must exceed), `denoise` (0; 1 takes noise off the picture first). `sensitivity` (1 to 100) stands for the
    level: 50 is the usual, 75 half, 25 twice as much.
    """

    name: ClassVar[str] = "edges"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(20_000, 0, 80_000_000),
        "denoise": DENOISE,
        "frames": DetectorParameter(2, 1, 600, is_whole=True),
        "within": DetectorParameter(100, 1, 6000, is_whole=True),
    }

    _total: int | None = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._lines = Lines(denoise=bool(self.numbers["denoise"]))

    def measure(self, luma: Any) -> ClassicMeasurement:
        total = int(self._lines.of(luma).sum())
        before, self._total = self._total, total
        if before is None:
            return ClassicMeasurement(0, moves=False)
        change = abs(total - before)
        return ClassicMeasurement(change, moves=change > self.numbers["level"])

    def forget(self) -> None:
        self._lines.forget()
        self._total = None

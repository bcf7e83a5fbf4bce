"""Canny edge detection that keeps the gradient: thin lines of 0..255 on black.

Gaussian blur of 5x5, Sobel gradients, non-maximum suppression and hysteresis. Follows the steps of FFmpeg's
`edgedetect`, whose values other products use.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from tawny.detection.classic.base import ClassicDetector, sized
from tawny.detection.detector import DetectorParameter

# Denoising in three dimensions, as FFmpeg's `hqdn3d`.

SPATIAL, TEMPORAL = 4.0, 3.0
"""Difference in levels at which a value moves by a quarter."""
_FINE = 16
"""Table entries per level."""


class Denoise:
    """Denoises the frames of one stream. Frames of another size restart the temporal filter. Call from one thread."""

    def __init__(self) -> None:
        self._before: Any = None

    def __call__(self, luma: Any) -> Any:
        """Return the denoised frame, uint8 [height, width]."""
        calm = luma.astype(np.float32)
        for x in range(1, calm.shape[1]):
            _lean(calm[:, x], calm[:, x - 1], _SPATIAL)
        for y in range(1, calm.shape[0]):
            _lean(calm[y], calm[y - 1], _SPATIAL)
        if self._before is not None and self._before.shape == calm.shape:
            _lean(calm, self._before, _TEMPORAL)
        self._before = calm
        return np.round(calm).clip(0, 255).astype(np.uint8)

    def forget(self) -> None:
        self._before = None


def _lean(value: Any, on: Any, table: Any) -> None:
    """Move `value` towards `on` in place, by a share from the table that falls with their difference."""
    away = on - value
    value += away * table[(np.abs(away) * _FINE).astype(np.int32)]


def _table(quarter: float) -> Any:
    alike = 1 - np.arange(256 * _FINE, dtype=np.float64) / (_FINE * 255)
    power = np.log(0.25) / np.log(1 - quarter / 255 - 1e-5)
    return (np.maximum(alike, 0) ** power).astype(np.float32)


_SPATIAL, _TEMPORAL = _table(SPATIAL), _table(TEMPORAL)


WIDTH, HEIGHT = 640, 480
"""Frame size to which all totals refer, px."""
LOW, HIGH = 20, 50
DENOISE = DetectorParameter(0, 0, 1, is_whole=True)
"""Parameter of the edge detectors: 1 removes noise first."""
_ROW = np.array([[2, 4, 5, 4, 2], [4, 9, 12, 9, 4], [5, 12, 15, 12, 5], [4, 9, 12, 9, 4], [2, 4, 5, 4, 2]], np.float32)
_TAN_22, _TAN_67 = 27146 / 65536, 158218 / 65536
"""Tangents of 22.5 and 67.5 degrees: gradients between them are diagonal."""


class Lines:
    """Edges of successive frames of one stream. denoise: remove noise first."""

    def __init__(self, *, denoise: bool) -> None:
        self._denoise = Denoise() if denoise else None

    def of(self, luma: Any) -> Any:
        """Return the edges, uint8 [480, 640]."""
        picture = sized(luma, WIDTH, HEIGHT)
        return edges(picture if self._denoise is None else self._denoise(picture))

    def forget(self) -> None:
        if self._denoise is not None:
            self._denoise.forget()


class LineDetector(ClassicDetector):
    """Base class of the detectors that compare the edges of frames. `NUMBERS` of a subclass has DENOISE."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._lines = Lines(denoise=bool(self.numbers["denoise"]))

    def forget(self) -> None:
        self._lines.forget()


def edges(luma: Any) -> Any:
    """Return the edges of a frame of 640x480, uint8 [480, 640]."""
    steps, across, down = _steps(_smoothed(luma))
    lines = _thinned(steps, across, down)
    strong = cv2.dilate((lines > HIGH).astype(np.uint8), np.ones((3, 3), np.uint8))
    strong[[0, -1], :] = strong[:, [0, -1]] = 0
    kept = (lines > HIGH) | ((lines > LOW) & (strong > 0))
    return lines * kept


def _smoothed(luma: Any) -> Any:
    """Return the blurred frame; the two outermost rows and columns stay unchanged."""
    smooth = luma.copy()
    inner = cv2.filter2D(luma, cv2.CV_32F, _ROW, borderType=cv2.BORDER_REPLICATE)[2:-2, 2:-2]
    smooth[2:-2, 2:-2] = np.floor((inner + 0.5) / 159)
    return smooth


def _steps(smooth: Any) -> tuple[Any, Any, Any]:
    """Return the gradient magnitude and its components to the right and down; 0 at the border."""
    across = cv2.Sobel(smooth, cv2.CV_16S, 1, 0, ksize=3)
    down = cv2.Sobel(smooth, cv2.CV_16S, 0, 1, ksize=3)
    steps = np.abs(across) + np.abs(down)
    steps[[0, -1], :] = 0
    steps[:, [0, -1]] = 0
    return steps, across, down


def _thinned(steps: Any, across: Any, down: Any) -> Any:
    """Apply non-maximum suppression along the gradient; limit values to 255."""
    all_steps = steps.ravel()
    at = np.flatnonzero(all_steps > LOW)
    x, y = across.ravel()[at].astype(np.float32), down.ravel()[at]
    slope, run = np.where(x < 0, -y, y), np.abs(x)
    low, high = _TAN_22 * run, _TAN_67 * run
    level = (run > 0) & (np.abs(slope) < low)
    rising = (run > 0) & (slope > -high) & (slope < -low)
    falling = (run > 0) & (slope > low) & (slope < high)
    width = steps.shape[1]
    way = np.select([level, rising, falling], [1, 1 - width, 1 + width], width)
    here = all_steps[at]
    kept = (here > all_steps[at + way]) & (here > all_steps[at - way])
    lines = np.zeros(steps.size, np.uint8)
    lines[at[kept]] = np.minimum(here[kept], 255)
    return lines.reshape(steps.shape)

"""`background`, `neighbours`, `counting`: background subtraction without specks, for some seconds without a pause.

Background models: a mixture of values per pixel (`background`; OpenCV's MOG2), its earlier values (`neighbours`; KNN,
randomized), and how long it kept its value (`counting`). The number of a frame is the mean of the mask, 0..255.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np

from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement, box_of
from tawny.detection.detector import DetectorParameter

# A background model by duration: a pixel belongs to the background once it is unchanged for LEARNS frames.

LEARNS = 15
"""Number of unchanged frames after which a pixel belongs to the background."""
MOST = 900
"""Maximum counted number of frames: limits how long the previous background is remembered."""
STEP = 15
"""Maximum change, in levels, of an unchanged pixel."""


class StabilityMemory:
    """Background model over frames of one size."""

    def __init__(self) -> None:
        self._now: Any = None

    def apply(self, picture: Any) -> Any:
        """Return the foreground mask, uint8 [height, width]: 255 where a pixel differs; at first everywhere."""
        if self._now is None:
            self._now = self._long = picture.copy()
            self._held = np.zeros(picture.shape, np.int16)
            self._long_held = np.zeros(picture.shape, np.int16)
        stays = _near(picture, self._now)
        self._held = np.where(stays, np.minimum(self._held + 1, MOST), 1).astype(np.int16)
        self._now = np.where(stays, self._now, picture)
        is_long = _near(self._now, self._long)
        self._long_held[is_long] = np.minimum(self._long_held[is_long] + 1, MOST)
        longer = ~is_long & (self._held > self._long_held)
        self._long = np.where(longer, self._now, self._long)
        self._long_held[longer] = self._held[longer]
        belongs = (self._held > LEARNS) | (is_long & (self._long_held > LEARNS))
        return np.where(belongs, 0, 255).astype(np.uint8)


def _near(one: Any, other: Any) -> Any:
    return np.abs(one.astype(np.int16) - other) < STEP


MOST_WIDTH = 640
"""Maximum frame width; wider frames are downscaled. The kernel is in pixels of this size."""
HISTORY, VARIANCE, KNN_DISTANCE = 500, 16, 400


class BackgroundMemory(Protocol):
    def apply(self, picture: Any) -> Any:
        """Return the foreground mask, uint8 [height, width]: 255 where the frame differs from the background."""
        ...


class Mixture(ClassicDetector):
    """Detects objects that are not part of the background (a mixture of values per pixel, OpenCV's MOG2).

    - `level` (0.15): minimum mean of the foreground mask, 0 to 255.
    - `kernel` (17): smaller spots are ignored: side length in pixels, an odd number from 1 to 99.
    - `seconds` (3): all frames of this time must contain motion.
    - `sensitivity`, `rate`, `hold`, `warm_up`, `least_light`, `light`: as in `edges`.
    """

    name: ClassVar[str] = "background"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(0.15, 0, 255),
        "kernel": DetectorParameter(17, 1, 99, is_whole=True, is_odd=True),
        "seconds": DetectorParameter(3, 0, 60),
    }

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        side = int(self.numbers["kernel"])
        self._square = np.ones((side, side), np.uint8) if side > 1 else None

    def measure(self, luma: Any) -> ClassicMeasurement:
        mask = self._memory.apply(_small(luma))
        self._count += 1
        if self._count <= self.learns:
            return ClassicMeasurement(0, moves=False)
        if self._square is not None:
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._square)
        mean = cv2.mean(mask)[0]
        moves = mean >= self.numbers["level"] and mean > 0
        return ClassicMeasurement(mean, moves=moves, box=box_of(mask))

    def forget(self) -> None:
        self._memory, self._count = self.memory(), 0

    @property
    def k(self) -> int:
        return max(1, round(self.numbers["seconds"] / self.apart_s))

    @property
    def within(self) -> int:
        return self.k

    learns: ClassVar[int] = 1
    """Number of frames of a new background model that do not count."""

    def memory(self) -> BackgroundMemory:
        return cv2.createBackgroundSubtractorMOG2(HISTORY, VARIANCE, detectShadows=False)


class Neighbours(Mixture):
    """Like `background`, but compares each pixel with its nearest earlier values (OpenCV's KNN)."""

    name: ClassVar[str] = "neighbours"
    learns: ClassVar[int] = 5

    def memory(self) -> BackgroundMemory:
        return cv2.createBackgroundSubtractorKNN(HISTORY, KNN_DISTANCE, detectShadows=False)


class Stability(Mixture):
    """Like `background`, but by how long each pixel has kept its value."""

    name: ClassVar[str] = "counting"
    learns: ClassVar[int] = LEARNS

    def memory(self) -> BackgroundMemory:
        return StabilityMemory()


def _small(luma: Any) -> Any:
    height, width = luma.shape
    if width <= MOST_WIDTH:
        return np.ascontiguousarray(luma)
    size = (MOST_WIDTH, max(1, round(height * MOST_WIDTH / width)))
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA)

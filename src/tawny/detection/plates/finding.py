"""Plate localization on a vehicle: closely spaced vertical strokes on a plain background.

Vertical strokes have strong horizontal gradients. Closing the gaps between letters gives a wide, low bar. Crops are
rotated level and scaled for the reader.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

WIDEST: Final = 720
"""Maximum width at which a vehicle is processed, px."""
NARROWEST: Final = 320
"""Minimum width, px: strokes of one pixel are not found."""
ASPECT: Final = (1.5, 8.0)
"""Minimum and maximum ratio of width to height of a plate."""
SHARE: Final = (0.07, 0.75)
"""Minimum and maximum width of a plate relative to the vehicle."""
LEAST_HIGH: Final = 8
"""Minimum height of a plate in the processed image, px."""
LEANS: Final = 20.0
"""Maximum rotation, degrees."""
HIGH: Final = 96
"""Height of the crop for the reader, px."""
MOST: Final = 3
_BARS: Final = (0.05, 0.09)
"""Gaps to close, relative to the vehicle's width: for small and large plates."""


@dataclass(frozen=True, slots=True)
class PlateCandidate:
    """A possible plate.

    box: x0, y0, x1, y1 in pixels of the image. grey: uint8 [HIGH, width], rotated level, dark letters. worth: rank,
    higher is better.
    """

    box: tuple[float, float, float, float]
    grey: Any
    worth: float


def plates_in(rgb: Any) -> list[PlateCandidate]:
    """Return at most MOST candidates, best first. rgb: uint8 [height, width, 3] of a vehicle."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(WIDEST, max(NARROWEST, grey.shape[1])) / grey.shape[1]
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    strokes = _strokes(small)
    found: list[tuple[float, Any]] = []
    for bar in _BARS:
        found += [(_worth(strokes, small, one), one) for one in _bars(strokes, round(bar * small.shape[1]))]
    best: list[PlateCandidate] = []
    for worth, rect in sorted((each for each in found if each[0] > 0), key=lambda each: -each[0]):
        x, y, wide, high = cv2.boundingRect(cv2.boxPoints(rect))
        box = (x / scale, y / scale, (x + wide) / scale, (y + high) / scale)
        if all(_apart(box, other.box) for other in best):
            best.append(PlateCandidate(box, level(grey, rect, scale), worth))
        if len(best) == MOST:
            break
    return best


def _strokes(grey: Any) -> Any:
    """Return the horizontal gradient relative to the local brightness, float32."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32)
    across = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1, 0))
    around = cv2.GaussianBlur(smooth, (0, 0), grey.shape[1] / 30)
    return across / (around + 24)


def _bars(strokes: Any, gap: int) -> list[Any]:
    """Return rotated rectangles (center, size, angle) around closely spaced strokes."""
    even = cv2.GaussianBlur(strokes, (5, 3), 0)
    limit = max(0.35, float(np.percentile(even, 90)))
    bits = (even > limit).astype(np.uint8)
    closed = cv2.morphologyEx(bits, cv2.MORPH_CLOSE, np.ones((3, max(5, gap)), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, max(7, gap)), np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [_lying(cv2.minAreaRect(outline)) for outline in outlines]


def _lying(rect: Any) -> Any:
    """Return the same rectangle with width >= height."""
    centre, (wide, high), angle = rect
    if wide < high:
        wide, high, angle = high, wide, angle - 90
    angle = (angle + 90) % 180 - 90
    return centre, (wide, high), angle


def _worth(strokes: Any, grey: Any, rect: Any) -> float:
    """Return the plausibility of a plate; 0 if impossible."""
    (x, y), (wide, high), angle = rect
    if high < LEAST_HIGH or abs(angle) > LEANS or not ASPECT[0] <= wide / high <= ASPECT[1]:
        return 0.0
    if not SHARE[0] <= wide / grey.shape[1] <= SHARE[1]:
        return 0.0
    x0, x1 = max(0, round(x - wide / 2)), round(x + wide / 2)
    y0, y1 = max(0, round(y - high / 2)), round(y + high / 2)
    part, change = grey[y0:y1, x0:x1], strokes[y0:y1, x0:x1]
    if not part.size:
        return 0.0
    dark, bright = np.percentile(part, (10, 90))
    contrast = (float(bright) - float(dark)) / (float(bright) + 24)
    middle = change[change.shape[0] // 3 : max(1, 2 * change.shape[0] // 3)].mean(axis=0)
    filled = float((middle > 0.5 * middle.mean()).mean())
    return float(change.mean()) * contrast * filled


def level(grey: Any, rect: Any, scale: float) -> Any:
    """Return the plate cut from the full image with a margin: rotated level, HIGH px high, dark letters."""
    (x, y), (wide, high), angle = rect
    x, y, wide, high = (value / scale for value in (x, y, wide + 0.5 * high, 1.5 * high))
    times = HIGH / high
    turn = cv2.getRotationMatrix2D((x, y), angle, times)
    turn[:, 2] += (wide * times / 2 - x, HIGH / 2 - y)
    size = (max(1, round(wide * times)), HIGH)
    flat = cv2.warpAffine(grey, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    dark, bright = (float(value) for value in np.percentile(flat, (5, 95)))
    even = np.clip((flat.astype(np.float32) - dark) * (255 / max(1.0, bright - dark)), 0, 255).astype(np.uint8)
    middle = even[HIGH // 4 : 3 * HIGH // 4, size[0] // 8 : -max(1, size[0] // 8)]
    return 255 - even if middle.size and float(np.median(middle)) < 110 else even


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide <= 0 or high <= 0 or wide * high < 0.5 * least

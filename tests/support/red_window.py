"""Images of a gray house with a red window, which a privacy mask hides."""

import cv2
import numpy as np

from tawny.media.codec.decoder import turned
from tawny.media.image.jpeg import scaled_size, side_by_side
from tawny.model.geometry import UPRIGHT, Orientation, Polygon

CORNERS = ((0.6, 0.1), (0.8, 0.1), (0.8, 0.3), (0.6, 0.3))
WINDOW = Polygon(CORNERS)
"""In the image as sent."""
RED = (255, 0, 0)


def view(
    width: int, height: int, orientation: Orientation = UPRIGHT
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return the image as it is shown. wide, high: as sent, px."""
    sent = np.full((height, width, 3), 128, np.uint8)
    sent[round(0.1 * height) : round(0.3 * height), round(0.6 * width) : round(0.8 * width)] = RED
    return np.ascontiguousarray(turned(sent, orientation))


def strip(count: int, width: int, height: int, orientation: Orientation = UPRIGHT) -> bytes:
    return side_by_side([scaled_size(view(width, height, orientation), 320)] * count)


def shares(data: bytes | None) -> tuple[float, float]:
    """Return how much is red, and how much is black."""
    assert data is not None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    is_red = (found[..., 2] > 170) & (found[..., 1] < 80)
    return round(float(is_red.mean()), 3), round(float((found.max(axis=2) < 26).mean()), 2)

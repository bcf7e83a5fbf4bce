"""Event images for messages: cropped to the object with its surroundings, or whole with a box around it.

A phone shows an image a few centimetres wide: a person far away is a speck in the whole one.
"""

from typing import Any, Final, Literal

import av
import numpy as np

from tawny.media.codec.decoder import NO_CAMERA, DecodedFrame
from tawny.media.image.jpeg import jpeg
from tawny.media.image.stamp import Stamp, stamped
from tawny.model.observations import Box

ImageView = Literal["closeup", "box", "full"]
Crop = tuple[int, int, int, int]
"""Left, top, right and bottom, px."""
WIDE, SQUARE = 16 / 9, 1.0
"""Width to height."""
FILLED: Final = 0.6
"""Largest part of the crop's width and height that the object fills: the rest shows where it is."""
LEAST_PX: Final = 480
LEAST_SHARE: Final = 0.25
"""Least width of a crop, px and as a share of the image: a smaller one is blurred, and its place unclear."""
NEARLY_ALL: Final = 0.85
"""A crop that leaves out less than the rest is not made."""


def crop_around(width: int, height: int, box: Box, aspect: float) -> Crop:
    """Return the crop of an image that shows the box with its surroundings. It stays within the image.

    Its sides are as `aspect` says, unless the image is too narrow or too low to show the whole box so.
    """
    x0, x1 = (min(1.0, max(0.0, side)) * width for side in (box[0], box[2]))
    y0, y1 = (min(1.0, max(0.0, side)) * height for side in (box[1], box[3]))
    needs_wide, needs_high = (x1 - x0) / FILLED, (y1 - y0) / FILLED
    wide = max(needs_wide, needs_high * aspect, LEAST_PX, LEAST_SHARE * width)
    high = min(wide / aspect, float(height))
    wide = min(max(high * aspect, needs_wide), float(width))
    high = min(max(wide / aspect, needs_high), float(height))
    left = min(max(0.0, (x0 + x1 - wide) / 2), width - wide)
    top = min(max(0.0, (y0 + y1 - high) / 2), height - high)
    return round(left), round(top), round(left + wide), round(top + high)


def event_image(data: bytes, box: Box | None, view: ImageView, *, aspect: float = WIDE, label: str = "") -> bytes:
    """Return an event's JPEG as `view` says; unchanged without a box, or if it can't be decoded."""
    if view == "full" or box is None:
        return data
    found = _decoded(data)
    if found is None:
        return data
    high, wide = found.shape[:2]
    if view == "box":
        frame = DecodedFrame(av.VideoFrame.from_ndarray(found, format="rgb24"), NO_CAMERA, 0)
        return jpeg(stamped(frame, Stamp(boxes=((box, label),))), quality=85)
    left, top, right, bottom = crop_around(wide, high, box, aspect)
    if right - left >= NEARLY_ALL * wide and bottom - top >= NEARLY_ALL * high:
        return data
    return jpeg(np.ascontiguousarray(found[top:bottom, left:right]), quality=85)


def _decoded(data: bytes) -> Any:
    """Return uint8 [height, width, 3], RGB; None if it is no image."""
    import cv2  # imported late: 16 MB, unused without notifications

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if found is None else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)

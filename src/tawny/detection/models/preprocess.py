"""Preprocessing: images to model inputs, and boxes back to the image."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tawny.model.observations import Box

GREY = 114
"""Padding value of models that keep the aspect ratio, as in their training."""
IMAGENET = ((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255))
"""Mean and standard deviation of red, green and blue in the ImageNet data set."""


@dataclass(frozen=True)
class InputNormalisation:
    """Input format: (value - mean) / spread, in channel order.

    stretched: resize to the input's size in both directions; else keep the aspect ratio, at the top left or in the
    middle. beside: padding value.
    """

    stretched: bool = False
    in_the_middle: bool = False
    beside: int = GREY
    is_bgr: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels_last: bool = False
    as_bytes: bool = False


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True)
class FittedInput:
    """A model input.

    values: [1, 3, height, width] or [1, height, width, 3]. across, down: size of the image in it, px. left, top: its
    offset, px.
    """

    values: Any
    across: float
    down: float
    left: float = 0.0
    top: float = 0.0

    def shares(self, boxes: Any) -> Any:
        """Return boxes as shares of the image, 0..1. boxes: float [n, 4], x0 y0 x1 y1 in pixels of the input."""
        scale = np.array([self.across, self.down, self.across, self.down], np.float32)
        begin = np.array([self.left, self.top, self.left, self.top], np.float32)
        return np.clip((boxes - begin) / scale, 0.0, 1.0)


def fit(rgb: Any, size: Size, wants: InputNormalisation) -> FittedInput:
    """Return the model input for an image, uint8 [height, width, 3]."""
    import cv2  # not at module level: recording works without OpenCV

    rows, columns = rgb.shape[:2]
    across, down = size.width, size.height
    if not wants.stretched:
        scale = min(size.height / rows, size.width / columns)
        across, down = max(1, int(columns * scale)), max(1, int(rows * scale))
    small = cv2.resize(rgb, (across, down), interpolation=cv2.INTER_LINEAR)
    if wants.is_bgr:
        small = small[:, :, ::-1]
    left = (size.width - across) // 2 if wants.in_the_middle else 0
    top = (size.height - down) // 2 if wants.in_the_middle else 0
    canvas = np.full((size.height, size.width, 3), wants.beside, np.uint8)
    canvas[top : top + down, left : left + across] = small
    values: Any = canvas[None]
    if not wants.as_bytes:
        values = (values - np.array(wants.mean, np.float32)) / np.array(wants.spread, np.float32)
    if not wants.channels_last:
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return FittedInput(values, float(across), float(down), float(left), float(top))


def within(box: Box, part: Box) -> Box:
    """Return a box in shares of the frame. box: in shares of `part`."""
    x0, y0, x1, y1 = part
    wide, high = x1 - x0, y1 - y0
    return (x0 + box[0] * wide, y0 + box[1] * high, x0 + box[2] * wide, y0 + box[3] * high)

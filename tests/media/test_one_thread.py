"""Conversions of frames start no threads: FFmpeg would keep one for each CPU as long as a frame lives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.encoder import limited
from tawny.media.image.canvas import gif_picture
from tawny.media.image.jpeg import jpeg
from tawny.media.image.mask import blur_picture, mask_picture
from tawny.media.image.stamp import Stamp, downscaled, stamped
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="lists threads as Linux does")
PRIVATE = (Polygon(((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))),)


def _frame(name: str) -> DecodedFrame:
    made = av.VideoFrame(320, 240, name)
    for plane in made.planes:
        plane.update(bytes(plane.buffer_size))
    return DecodedFrame(made, CameraId("door"), 0)


CONVERSIONS: dict[str, tuple[str, Callable[[DecodedFrame], Any]]] = {
    "jpeg": ("yuv420p", lambda frame: jpeg(frame, 160)),
    "rgb": ("yuv420p", lambda frame: frame.rgb),
    "luma of a packed frame": ("yuyv422", lambda frame: frame.luma),
    "luma of RGB": ("rgb24", lambda frame: frame.luma),
    "colorfulness of RGB": ("bgr24", lambda frame: frame.colorfulness),
    "limited": ("yuv420p", lambda frame: limited(frame.video, 160, 120)),
    "masked": ("yuv444p", lambda frame: mask_picture(frame, PRIVATE)),
    "blurred": ("yuv444p", lambda frame: blur_picture(frame, np.ones((4, 4), bool))),
    "downscaled": ("yuv420p", lambda frame: downscaled(frame, 160)),
    "stamped": ("yuv444p", lambda frame: stamped(frame, Stamp())),
    "picture of a GIF": ("yuv420p", gif_picture),
}
"""Each with the format of the frame that it converts."""


def _threads() -> set[str]:
    return {each.name for each in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_starts_no_thread(name: str) -> None:
    pixels, convert = CONVERSIONS[name]
    convert(_frame(pixels))  # loads what it needs
    frame, before = _frame(pixels), _threads()
    made = convert(frame)
    assert made is not None
    assert _threads() - before == set()

"""The brightness of a decoded picture made small: each of its pixels is the mean of those that it covers.

By FFmpeg, because OpenCV takes three to nine times as long where these are no whole number.
"""

from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from tawny.media.decode import DecodedFrame

_BITS = 8
_MEANS = Interpolation.AREA | Interpolation.ACCURATE_RND


class Shrinker:
    """Keeps FFmpeg's tables from one picture to the next. One thread."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def means(self, frame: DecodedFrame, columns: int, rows: int) -> Any:
        """uint8 [rows, columns], a view; None for pictures whose brightness is no plane of bytes by itself."""
        video = frame.video
        first = video.format.components[0]
        if video.format.is_rgb or not first.is_luma or first.bits != _BITS or first.plane != 0:
            return None
        small = self._reformatter.reformat(
            video,
            columns,
            rows,
            "gray",
            interpolation=_MEANS,
            src_color_range=ColorRange.JPEG,  # both the same: levels stay as they are
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        plane = small.planes[0]
        return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:rows, :columns]

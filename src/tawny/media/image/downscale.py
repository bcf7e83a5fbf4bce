"""A grey picture made small: each of its pixels is the mean of those that it covers.

By FFmpeg, because OpenCV takes three to nine times as long where these are no whole number.
"""

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

_MEANS = Interpolation.AREA | Interpolation.ACCURATE_RND


class Shrinker:
    """Keeps FFmpeg's tables from one picture to the next. One thread."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def means(self, grey: Any, columns: int, rows: int) -> Any:
        """uint8 [height, width] in, rows may lie apart; uint8 [rows, columns] out, a view of nobody else's memory
        unless it was of that size already."""
        small = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(grey, "gray"),
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

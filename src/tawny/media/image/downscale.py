"""Downscaling of gray images by area averaging.

Uses FFmpeg: OpenCV takes three to nine times as long at non-integer ratios.
"""

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

_MEANS = Interpolation.AREA | Interpolation.ACCURATE_RND


class Shrinker:
    """Caches FFmpeg's scaling tables between frames. Not thread-safe."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def means(self, grey: Any, columns: int, rows: int) -> Any:
        """Downscale uint8 [height, width] with any row stride to uint8 [rows, columns].

        The result owns its memory, except if the input already has that size.
        """
        small = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(grey, "gray"),
            columns,
            rows,
            "gray",
            interpolation=_MEANS,
            src_color_range=ColorRange.JPEG,  # equal ranges: no level conversion
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        plane = small.planes[0]
        return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:rows, :columns]

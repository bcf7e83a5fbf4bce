"""Composites rendered figures into the scene, relit to match the current light."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tawny.sources.demo.assets import FigureFrame, FigurePath, Plane, atlas, colours

Floats = np.ndarray[Any, np.dtype[np.float32]]
SHADOW = 0.62
"""Share of the light removed by a shadow in full sun."""


@dataclass(frozen=True)
class Tone:
    """Light at a position relative to day: luma times `gain` plus `lift`; chroma times `colour` plus `u`, `v`."""

    gain: float
    lift: float
    colour: float
    u: float
    v: float
    shadow: float
    """Shadow strength, 0..1."""


class Figures:
    """Figures and shadows of one passage at one stream's size. Loaded for the duration of a passage."""

    def __init__(self, way: FigurePath, divisor: int) -> None:
        self.way, self._divisor = way, divisor
        self._atlas = atlas(way)

    def cast(self, picture: Plane, index: int, tone: Tone) -> None:
        """Darken `picture` (planar YUV 4:2:0) in place by the figure's shadow."""
        frame = self.way.frames[index]
        if frame is None or frame.shade_width < 2 or frame.shade_height < 2:
            return
        shade = self._atlas.shade(frame)
        left, top = frame.shade_x, frame.shade_y
        if self._divisor == 1:
            shade = np.asarray(cv2.resize(shade, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.uint8)
            left, top = left * 2, top * 2
        _darken(picture[top : top + shade.shape[0], left : left + shade.shape[1]], shade, 16, tone.shadow * SHADOW)
        half = np.asarray(cv2.resize(shade, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        for plane in colours(picture):
            there = plane[top // 2 : top // 2 + half.shape[0], left // 2 : left // 2 + half.shape[1]]
            _darken(there, half, 128, tone.shadow * SHADOW * 0.6)

    def put(self, picture: Plane, index: int, tone: Tone) -> None:
        """Draw the figure into `picture`: planar YUV 4:2:0 in this stream's size, modified in place."""
        frame = self.way.frames[index]
        if frame is None:
            return
        bgr, alpha, x, y = self._cut(frame)
        height, width = alpha.shape
        own = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
        luma = own[:height].astype(np.float32)
        _blend(picture[y : y + height, x : x + width], 16 + tone.lift + (luma - 16) * tone.gain, alpha)
        half = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
        for plane, colour, tint in zip(colours(picture), colours(own), (tone.u, tone.v), strict=True):
            there = plane[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
            _blend(there, 128 + (colour.astype(np.float32) - 128) * tone.colour + tint, half)

    def _cut(self, frame: FigureFrame) -> tuple[Plane, Plane, int, int]:
        """Return BGR, alpha and the corner in the frame, aligned to multiples of 4 px for chroma subsampling."""
        grid = 4 * self._divisor
        left, top = frame.x % grid, frame.y % grid
        width = -(-(left + frame.width) // grid) * grid
        height = -(-(top + frame.height) // grid) * grid
        whole = np.zeros((height, width, 4), np.uint8)
        part = whole[top : top + frame.height, left : left + frame.width]
        part[:, :, :3], part[:, :, 3] = self._atlas.figure(frame)
        if self._divisor > 1:
            size = (width // self._divisor, height // self._divisor)
            whole = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)
        corner = ((frame.x - left) // self._divisor, (frame.y - top) // self._divisor)
        return np.ascontiguousarray(whole[:, :, :3]), np.ascontiguousarray(whole[:, :, 3]), *corner


def _darken(ground: Plane, shade: Plane, zero: int, share: float) -> None:
    """Move `ground` towards `zero` by `share` times the shade, in place."""
    height, width = ground.shape
    left = 1 - shade[:height, :width].astype(np.float32) * (share / 255)
    ground[:] = (zero + (ground.astype(np.float32) - zero) * left + 0.5).astype(np.uint8)


def _blend(under: Plane, over: Floats, alpha: Plane) -> None:
    """Alpha-blend `over` onto `under` in place; crops to the frame."""
    height, width = under.shape
    share = alpha[:height, :width].astype(np.float32) / 255
    mixed = under + (over[:height, :width] - under) * share
    np.clip(mixed + 0.5, 0, 255, out=mixed)
    under[:] = mixed.astype(np.uint8)

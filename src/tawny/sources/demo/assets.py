"""Images of the demo cameras, created by `scripts/render_demo.py`. All arrays are read-only."""

import json
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import cv2
import numpy as np

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1280, 720
"""Size of the background images, px; reference for all coordinates in the JSON files."""
FIGURES_FPS = 10
"""Frames per second of a figure's animation."""
Plane = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class FigureFrame:
    """One frame of a figure: position in the scene and in the atlas; the same for its shadow at half size. All px."""

    x: int
    y: int
    width: int
    height: int
    atlas_x: int
    atlas_y: int
    shade_x: int
    shade_y: int
    shade_width: int
    shade_height: int
    shade_atlas_x: int
    shade_atlas_y: int


@dataclass(frozen=True)
class FigurePath:
    """A rendered passage. frames: FIGURES_FPS per second; None while the figure is hidden completely."""

    scene: str
    name: str
    kind: str
    returns: bool
    """The figure waits at the end, then returns the same way."""
    frames: tuple[FigureFrame | None, ...]


@lru_cache(maxsize=16)
def ways(scene: str) -> tuple[FigurePath, ...]:
    book = json.loads((FOLDER / f"{scene}.json").read_text())
    return tuple(
        FigurePath(
            scene,
            way["name"],
            way["kind"],
            way["returns"],
            tuple(FigureFrame(*f) if f else None for f in way["frames"]),
        )
        for way in book["passages"]
    )


def plate(scene: str, light: str, divisor: int) -> Plane:
    """Return the empty scene as uint8 [height·3/2, width], planar YUV 4:2:0."""
    bgr = _read(f"{scene}-{light}.webp", cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(_smaller(bgr, divisor), cv2.COLOR_BGR2YUV_I420), np.uint8)


def leaves(scene: str, divisor: int) -> Plane:
    """Return the wind mask as uint8 [height, width]: 255 moves fully, 0 not at all."""
    small = _read(f"{scene}-leaves.webp", cv2.IMREAD_GRAYSCALE)
    size = (WIDTH // divisor, HEIGHT // divisor)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)


class Atlas:
    """All figures and shadows of a passage. Each is kept compressed: 2 to 3 MB instead of 8 to 10."""

    def __init__(self, way: FigurePath) -> None:
        name, frames = f"{way.scene}-{way.name}", [frame for frame in way.frames if frame is not None]
        figures = {frame: (frame.atlas_x, frame.atlas_y, frame.width, frame.height) for frame in frames}
        shades = {
            frame: (frame.shade_atlas_x, frame.shade_atlas_y, frame.shade_width, frame.shade_height) for frame in frames
        }
        self._colours = _packed(f"{name}.webp", cv2.IMREAD_COLOR, figures)
        self._opacities = _packed(f"{name}-opacity.png", cv2.IMREAD_GRAYSCALE, figures)
        self._shades = _packed(f"{name}-shade.webp", cv2.IMREAD_GRAYSCALE, shades)

    @property
    def held_bytes(self) -> int:
        """Memory of all its pictures."""
        kept = (self._colours, self._opacities, self._shades)
        return sum(len(data) for parts in kept for data in parts.values())

    def figure(self, frame: FigureFrame) -> tuple[Plane, Plane]:
        """Return the figure as uint8 [height, width, 3], BGR, and its opacity as uint8 [height, width]."""
        size = (frame.height, frame.width)
        return _unpacked(self._colours[frame], (*size, 3)), _unpacked(self._opacities[frame], size)

    def shade(self, frame: FigureFrame) -> Plane:
        """Return the shadow as uint8 [shade_height, shade_width]."""
        return _unpacked(self._shades[frame], (frame.shade_height, frame.shade_width))


_atlases: WeakValueDictionary[tuple[str, str], Atlas] = WeakValueDictionary()
_reading = threading.Lock()


def atlas(way: FigurePath) -> Atlas:
    """Return the atlas of a passage: the same one to all streams that show it now."""
    with _reading:
        found = _atlases.get((way.scene, way.name))
        if found is None:
            found = _atlases[way.scene, way.name] = Atlas(way)
        return found


def _packed(file: str, how: int, parts: Mapping[FigureFrame, tuple[int, int, int, int]]) -> Mapping[FigureFrame, bytes]:
    """Read a picture and compress these parts of it: 1 ms for a large figure, 0.3 ms to expand."""
    whole = _read(file, how)
    return {
        frame: zlib.compress(whole[y : y + height, x : x + width].tobytes(), 1)
        for frame, (x, y, width, height) in parts.items()
    }


def _unpacked(data: bytes, shape: tuple[int, ...]) -> Plane:
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)


def colours(picture: Plane) -> tuple[Plane, Plane]:
    """Return the U and V planes of planar YUV 4:2:0 as views; the height must be a multiple of 4."""
    rows, columns = picture.shape[0] * 2 // 3, picture.shape[1]
    u, v = picture[rows : rows * 5 // 4], picture[rows * 5 // 4 :]
    return u.reshape(rows // 2, columns // 2), v.reshape(rows // 2, columns // 2)


def _read(name: str, how: int) -> Plane:
    picture = cv2.imread(str(FOLDER / name), how)
    if picture is None:
        raise FileNotFoundError(f"a picture of the demo cameras is missing or damaged: {FOLDER / name}")
    return np.asarray(picture, np.uint8)


def _smaller(picture: Plane, divisor: int) -> Plane:
    if divisor == 1:
        return picture
    size = (picture.shape[1] // divisor, picture.shape[0] // divisor)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

"""Images of the demo cameras, created by `scripts/render_demo.py`. All arrays are read-only."""

import json
import threading
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


@dataclass(frozen=True)
class Atlas:
    """All figures of a passage, uint8 [height, width, 4], BGRA, and all shadows, uint8 [height, width]."""

    figures: Plane
    shades: Plane


_atlases: WeakValueDictionary[tuple[str, str], Atlas] = WeakValueDictionary()
_reading = threading.Lock()


def atlas(way: FigurePath) -> Atlas:
    """Return the atlas of a passage, 2 to 10 MB: the same one to all streams that show it now."""
    with _reading:
        found = _atlases.get((way.scene, way.name))
        if found is None:
            name = f"{way.scene}-{way.name}"
            figures, shades = _read(f"{name}.webp", cv2.IMREAD_UNCHANGED), f"{name}-shade.webp"
            found = _atlases[way.scene, way.name] = Atlas(figures, _read(shades, cv2.IMREAD_GRAYSCALE))
        return found


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

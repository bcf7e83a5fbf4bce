"""The pictures that come with the demo cameras; `scripts/render_demo.py` makes them. Everything here is read-only."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1280, 720
"""Of the plates, and what all places in the books refer to."""
FIGURES_FPS = 10
"""Pictures a second of somebody on the way."""
Plane = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class FigureFrame:
    """One picture of a figure: where it belongs, and its corner in the atlas; its shadow likewise, at half the size."""

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
    """A passage as it was rendered. frames: ten a second; None while something hides all of the figure."""

    scene: str
    name: str
    kind: str
    returns: bool
    """Whoever it is stands at the end for a while, then goes back the way it came."""
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
    """uint8 [height·3/2, width]: an empty place as planar YUV 4:2:0."""
    bgr = _read(f"{scene}-{light}.webp", cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(_smaller(bgr, divisor), cv2.COLOR_BGR2YUV_I420), np.uint8)


def leaves(scene: str, divisor: int) -> Plane:
    """uint8 [height, width]: what the wind moves, 255 all, 0 not."""
    small = _read(f"{scene}-leaves.webp", cv2.IMREAD_GRAYSCALE)
    size = (WIDTH // divisor, HEIGHT // divisor)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def atlases(way: FigurePath) -> tuple[Plane, Plane]:
    """uint8 [height, width, 4], BGRA: all figures of a way; and uint8 [height, width]: all its shadows."""
    name = f"{way.scene}-{way.name}"
    return _read(f"{name}.webp", cv2.IMREAD_UNCHANGED), _read(f"{name}-shade.webp", cv2.IMREAD_GRAYSCALE)


def colours(picture: Plane) -> tuple[Plane, Plane]:
    """The U and the V plane in planar YUV 4:2:0, as views; height must be a multiple of 4."""
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

"""Synthetic scenes for detectors: small gray frames with ground truth, five a second, seeded.

A scene is a background plate, objects drawn onto it, light effects and sensor noise. Lengths are cells of the frame
(192 x 108), times are seconds, brightness is gray levels of 255. Objects smaller than a cell cover their share of it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from tawny.testing.contracts.detection import HEIGHT as HEIGHT
from tawny.testing.contracts.detection import START_MS as START_MS
from tawny.testing.contracts.detection import WIDTH as WIDTH
from tawny.testing.contracts.detection import PictureFrame as PictureFrame

Picture = npt.NDArray[np.float32]
Draw = Callable[[Picture, float], None]
"""Changes a frame in place at a time."""
Light = Callable[[Picture, float], Picture]

LOOKS_A_SECOND = 5
NIGHT_NOISE, DAY_NOISE = 2.0, 0.6
"""Noise of a cell in levels: sensor noise of 7 and 2 averaged over a dozen pixels."""


class FigurePoint(NamedTuple):
    """Position of a figure at a time: x of its center, y of its foot, and its height."""

    t: float
    x: float
    foot: float
    height: float


class SyntheticScene:
    """A scene. night: dark with a central lamp. noise: levels of a cell; None: the default for day or night."""

    def __init__(self, seed: int, length_s: float = 60.0, *, night: bool = False, noise: float | None = None) -> None:
        self.chance = np.random.default_rng(seed)
        self.length_s = length_s
        self.noise = noise if noise is not None else NIGHT_NOISE if night else DAY_NOISE
        self.plate = _night(_yard(self.chance)) if night else _yard(self.chance)
        self.truth: list[tuple[float, float]] = []
        """Times, s, at which an object that must be detected is present."""
        self._things: list[Draw] = []
        self._lights: list[Light] = []

    def add(self, thing: Draw) -> None:
        self._things.append(thing)

    def shine(self, light: Light) -> None:
        self._lights.append(light)

    def walk(
        self,
        points: Sequence[tuple[float, float, float, float]],
        figure: "Figure",
        contrast: float,
        *,
        sway: float = 0.0,
        told: bool = True,
    ) -> None:
        """Add a figure moving along straight lines. It stands where two points are equal, swaying by this number of
        cells.

        contrast: levels relative to the ground. told: whether it must be detected.
        """
        path = [FigurePoint(*p) for p in points]

        def draw(picture: Picture, t: float) -> None:
            at = _along(path, t)
            if at is None:
                return
            stands = next(a[1:] == b[1:] for a, b in pairwise(path) if a.t <= t <= b.t)
            x = at.x + (sway * (np.sin(1.3 * t) + 0.5 * np.sin(3.1 * t)) if stands else 0.0)
            stride = 0.0 if stands else float(np.sin(2 * np.pi * 0.9 * t))
            for part in figure(stride):
                _paint(picture, self.plate, at._replace(x=x), part, contrast)

        self.add(draw)
        if told:
            self.truth.append((path[0].t, path[-1].t))

    def frames(self) -> Iterator[PictureFrame]:
        grain = self.chance.normal(0, self.noise, (12, HEIGHT, WIDTH)).astype(np.float32)
        for n in range(int(self.length_s * LOOKS_A_SECOND)):
            t = n / LOOKS_A_SECOND
            picture = self.plate.copy()
            for thing in self._things:
                thing(picture, t)
            for light in self._lights:
                picture = light(picture, t)
            picture = picture + grain[self.chance.integers(12)][:, :: self.chance.choice([-1, 1])]
            yield PictureFrame(picture.round().clip(0, 255).astype(np.uint8), START_MS + round(t * 1000))


# --- figures ----------------------------------------------------------------------------------------------------------


class FigurePart(NamedTuple):
    """A rectangle relative to the figure's foot, in sizes of the figure, with its share of the contrast."""

    x0: float
    y0: float
    x1: float
    y1: float
    shade: float


Figure = Callable[[float], list[FigurePart]]
"""Returns the parts at a stride of -1 to 1; 0 while standing."""


def person(stride: float) -> list[FigurePart]:
    legs = [side * (0.06 + 0.09 * stride) for side in (-1, 1)]
    return [
        FigurePart(-0.07, -1.0, 0.07, -0.85, 1.3),
        FigurePart(-0.15, -0.85, 0.15, -0.45, 1.0),
        *(FigurePart(leg - 0.06, -0.45, leg + 0.06, 0.0, 0.7) for leg in legs),
    ]


def car(_stride: float) -> list[FigurePart]:
    wheels = [FigurePart(at - 0.2, -0.3, at + 0.2, 0.0, -0.6) for at in (-0.8, 0.8)]
    return [FigurePart(-1.3, -0.55, 1.3, -0.1, 1.0), FigurePart(-0.7, -1.0, 0.6, -0.55, 1.4), *wheels]


def cat(stride: float) -> list[FigurePart]:
    legs = [at + 0.2 * stride for at in (-0.6, 0.5)]
    return [
        FigurePart(-0.8, -0.9, 0.7, -0.4, 1.0),
        FigurePart(0.6, -1.0, 1.0, -0.6, 1.3),
        *(FigurePart(leg - 0.1, -0.4, leg + 0.1, 0.0, 0.8) for leg in legs),
    ]


def _paint(picture: Picture, plate: Picture, at: FigurePoint, part: FigurePart, contrast: float) -> None:
    """Paint a part, blending partially covered cells."""
    across = _covered(at.x + part.x0 * at.height, at.x + part.x1 * at.height, WIDTH)
    down = _covered(at.foot + part.y0 * at.height, at.foot + part.y1 * at.height, HEIGHT)
    cover = down[:, None] * across[None, :]
    if cover.any():
        ground = float(plate[cover > 0].mean())
        picture += (np.float32(ground + contrast * part.shade) - picture) * cover


def _covered(begin: float, end: float, n: int) -> Picture:
    """Return the covered share of each of n cells in a row."""
    cells = np.arange(n)
    return np.asarray(np.clip(np.minimum(cells + 1, end) - np.maximum(cells, begin), 0.0, 1.0), np.float32)


def _along(path: list[FigurePoint], t: float) -> FigurePoint | None:
    if not path[0].t <= t <= path[-1].t:
        return None
    columns = list(zip(*path, strict=True))
    return FigurePoint(t, *(float(np.interp(t, columns[0], column)) for column in columns[1:]))


# --- scenes -----------------------------------------------------------------------------------------------------------


def soft(chance: np.random.Generator, size: float, width: int = WIDTH) -> Picture:
    """Return smooth random noise with mean 0 and standard deviation 1."""
    field = cv2.GaussianBlur(chance.normal(0, 1, (HEIGHT, width)).astype(np.float32), (0, 0), size)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _yard(chance: np.random.Generator) -> Picture:
    """Return a plate with ground, walls and objects with edges."""
    plate = 110 + 18 * soft(chance, 12) + 7 * soft(chance, 2)
    for _ in range(14):
        x, y = int(chance.integers(0, WIDTH - 20)), int(chance.integers(0, HEIGHT - 15))
        w, h = int(chance.integers(5, 45)), int(chance.integers(4, 30))
        plate[y : y + h, x : x + w] += float(chance.normal(0, 22))
    return np.asarray(plate.clip(25, 215), np.float32)


def _night(plate: Picture) -> Picture:
    """Return the plate in infrared: dark, flat, lit by a central lamp."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = np.exp(-(((x / WIDTH - 0.5) / 0.55) ** 2) - ((y / HEIGHT - 0.55) / 0.6) ** 2)
    return np.asarray(18 + plate / plate.mean() * 38 * (0.35 + 0.65 * lamp), np.float32)

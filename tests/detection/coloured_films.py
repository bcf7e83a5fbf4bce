"""Made-up roads in colour as video files: cars of chosen colours drive by."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.detection.films import written

WIDE, HIGH, FPS = 384, 216, 5
QUIET_S, DRIVE_S = 20.0, 6.0
COLOURS = {"red": (190, 30, 35), "blue": (35, 60, 180)}


@cache
def cars(*colours: str) -> Path:
    """Each of the cars drives by for 6 s, after 30 s without any; a keyframe every 2 s."""
    return written(_pictures(colours), FPS, 2 * FPS, "cars-" + "-".join(colours))


def first_s(number: int) -> float:
    """Return when the car with this number begins to drive by."""
    return 30.0 + number * (DRIVE_S + QUIET_S)


def _pictures(colours: Sequence[str]) -> Iterator[av.VideoFrame]:
    rng = np.random.default_rng(7)
    place: Any = rng.normal(118, 9, (HIGH // 8, WIDE // 8, 1)) + rng.normal(0, 2, (1, 1, 3))
    place = np.kron(place, np.ones((8, 8, 1)))
    for n in range(round((first_s(len(colours)) + 5) * FPS)):
        picture, at_s = place.copy(), n / FPS
        for number, colour in enumerate(colours):
            share = (at_s - first_s(number)) / DRIVE_S
            if 0 <= share <= 1:
                _car(picture, round(share * (WIDE + 90)) - 80, COLOURS[colour])
        noisy = picture + rng.normal(0, 1.5, picture.shape)
        rgb: Any = np.clip(noisy, 0, 255).astype(np.uint8)
        yield av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")


def _car(picture: Any, left: int, colour: tuple[int, int, int]) -> None:
    def put(x0: int, y0: int, x1: int, y1: int, value: Sequence[int]) -> None:
        picture[y0:y1, max(0, left + x0) : max(0, left + x1)] = value

    put(0, 120, 76, 148, colour)
    put(14, 104, 60, 120, colour)
    put(20, 107, 36, 119, (40, 45, 50))
    put(39, 107, 55, 119, (40, 45, 50))
    put(10, 143, 24, 154, (20, 20, 20))
    put(52, 143, 66, 154, (20, 20, 20))

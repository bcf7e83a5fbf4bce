"""Films that only names are judged by.

Vehicles at night as a camera with its own lamp shows them: paint and glass are black, plates burn out, and headlamps
light the ground ahead, veil the picture, and come before the vehicle does. The shapes are the demo cameras' cars, in
other light: weights are judged by them that never saw a picture of those.

And what sways in its place for a long time and is nobody: laundry in the shape of people, flags, branches, balloons.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import cv2
import numpy as np

from benchmarks.made.figures import Cut, Picture, sized
from benchmarks.made.film import HEIGHT, WIDTH, Camera, Film
from benchmarks.made.restless import KINDS
from tawny.sources.demo.assets import atlas, ways

BEGINS_S = 22.0
PLACES = ("front", "drive", "garden", "side", "gate")
_SHOWN = {
    "red": ("drive", "car", 15),
    "red from ahead": ("drive", "car", 33),
    "blue": ("gate", "street", 60),
    "blue from ahead": ("gate", "street", 56),
}
"""Whose car, and which picture of it."""
_LOOKS_LEFT = {"red", "red from ahead"}
BURNT = 0.8
"""Brightness by day, 0..1, from which on something burns out: lamps, plates, rims."""
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


@lru_cache(maxsize=8)
def _car(name: str) -> Cut:
    """Facing right. grey: 0..1 of what the camera's lamp gets back."""
    scene, way_name, number = _SHOWN[name]
    way = next(one for one in ways(scene) if one.name == way_name)
    frame = way.frames[number]
    assert frame is not None
    colours, parts = atlas(way).figure(frame)
    opacity = parts.astype(np.float32) / np.float32(255)
    day = np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY), np.float32) / np.float32(255)
    grey = np.where(day > BURNT, 1.0, 0.25 * day).astype(np.float32) * opacity
    rows, columns = np.nonzero(opacity.max(1) > 0.1)[0], np.nonzero(opacity.max(0) > 0.1)[0]
    tight = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    made = Cut(grey[tight], opacity[tight])
    return Cut(made.grey[:, ::-1], made.opacity[:, ::-1]) if name in _LOOKS_LEFT else made


def _place(seed: int, light: str, length_s: float = 60.0) -> Film:
    chance = np.random.default_rng(seed + 4000)
    camera = Camera(
        int(chance.choice([8, 10, 15])), float(chance.uniform(1.5, 5.0)), float(chance.choice([0.3, 0.5, 0.7])),
        int(chance.choice([250, 400, 700])), float(chance.choice([1.0, 2.0, 4.0])),
    )  # fmt: skip
    return Film(seed, length_s, camera, str(chance.choice(PLACES)), light, float(chance.uniform(0.7, 1.3)))


def _passes(*, lamps: bool, nearer: bool) -> Callable[[int], Film]:
    """lamps: headlamps are on. nearer: it comes towards the camera and turns by, instead of crossing."""

    def make(seed: int) -> Film:
        film = _place(seed, "infrared")
        chance = film.chance
        car = _car(str(chance.choice(list(_SHOWN))))
        to_left = bool(chance.uniform() < 0.5)
        last = chance.uniform(0.16, 0.34) * HEIGHT
        first = last * (chance.uniform(0.25, 0.5) if nearer else chance.uniform(0.85, 1.15))
        begin, takes_s = BEGINS_S + chance.uniform(0, 8), chance.uniform(3.0, 8.0)
        near, far = chance.uniform(0.7, 0.95) * HEIGHT, chance.uniform(0.45, 0.55) * HEIGHT
        start = chance.uniform(0.3, 0.5) * WIDTH if nearer else -2 * first
        lamp_s = 2.0 if lamps else 0.0

        def draw(picture: Picture, t: float) -> None:
            share = (t - begin) / takes_s
            if not -lamp_s / takes_s <= share <= 1:
                return
            height = first + (last - first) * max(0.0, share) ** 2
            x = start + (WIDTH + 2 * last - start) * share
            foot = far + (near - far) * (max(0.0, share) ** 2 if nearer else 1.0)
            x = WIDTH - x if to_left else x
            if lamps:
                _light_ground(picture, x + (-1 if to_left else 1) * 2.2 * height, foot, height)
            if share >= 0:
                _put(picture, sized(car, height, turned=to_left), x, foot, film.plate)
                if lamps:
                    _veil(picture, x + (-1 if to_left else 1) * 0.85 * height, foot - 0.45 * height, height)

        film.add(draw)
        film.truth.append((begin, begin + takes_s, "vehicle"))
        return film

    return make


def _put(picture: Picture, cut: Cut, x: float, foot: float, plate: Picture) -> None:
    height, width = cut.grey.shape
    left, top = round(x - width / 2), round(foot - height)
    y0, x0, y1, x1 = max(0, top), max(0, left), min(HEIGHT, top + height), min(WIDTH, left + width)
    if y1 <= y0 or x1 <= x0:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    lamp = float(np.clip(plate[y0:y1, x0:x1].mean() / 60, 0.3, 1.2))
    own = 8 + 240 * lamp * cut.grey[part]
    picture[y0:y1, x0:x1] += (own - picture[y0:y1, x0:x1]) * cut.opacity[part]


def _light_ground(picture: Picture, x: float, y: float, height: float) -> None:
    lit = np.exp(-(((_X - x) / (1.6 * height)) ** 2) - ((_Y - y) / (0.5 * height)) ** 2)
    picture *= 1 + np.float32(1.8) * lit
    picture += np.float32(12) * lit


def _veil(picture: Picture, x: float, y: float, height: float) -> None:
    away = np.hypot(_X - x, _Y - y)
    picture += 240 * np.exp(-((away / (0.12 * height + 2)) ** 2)) + 70 * np.exp(-((away / (0.6 * height)) ** 2))
    np.minimum(picture, 255, out=picture)


TRAFFIC: dict[str, Callable[[int], Film]] = {
    "car with lamps": _passes(lamps=True, nearer=False),
    "car without lamps": _passes(lamps=False, nearer=False),
    "car comes with lamps": _passes(lamps=True, nearer=True),
    "car comes without lamps": _passes(lamps=False, nearer=True),
}


# --- what sways -------------------------------------------------------------------------------------------------------


_CLOTHES = (
    ((0, 0), (0.2, 0), (0.3, 0.05), (0.4, 0), (0.6, 0), (0.8, 0.35), (0.65, 0.42), (0.55, 0.25), (0.55, 1), (0.05, 1),
     (0.05, 0.25), (-0.05, 0.42), (-0.2, 0.35)),
    ((0, 0), (0.5, 0), (0.55, 1), (0.35, 1), (0.25, 0.35), (0.15, 1), (-0.05, 1)),
    ((0.1, 0), (0.5, 0), (0.75, 1), (-0.15, 1)),
    ((0, 0), (0.7, 0), (0.7, 1), (0, 1)),
)  # fmt: skip
"""Shirt, trousers, dress, towel: corners, in lengths of it."""


def _laundry(film: Film, x: float, y: float, size: float) -> None:
    """On a line, in gusts; it hangs there all the time."""
    chance = film.chance
    light = (90, 200) if film.is_night else (30, 230)
    pieces = [
        (int(chance.integers(len(_CLOTHES))), float(chance.uniform(*light)), float(chance.uniform(0.7, 1.3)),
         float(chance.uniform(0, 6)))
        for _ in range(int(chance.integers(1, 6)))
    ]  # fmt: skip
    strong, pace = chance.uniform(0.1, 0.5), chance.uniform(1.2, 3.5)

    def draw(picture: Picture, t: float) -> None:
        gust = strong * max(0.0, np.sin(0.25 * t - 4)) * (1 + 0.4 * np.sin(1.7 * t))
        left = x
        for which, grey, long, phase in pieces:
            by = gust * (np.sin(pace * t + phase) + 0.3 * np.sin(2.7 * pace * t + phase))
            corners = np.array(_CLOTHES[which]) * size * long
            corners[:, 0] += by * corners[:, 1]
            corners[:, 1] *= 1 - 0.3 * abs(by)
            cv2.fillPoly(picture, [(corners + np.array([left, y])).round().astype(np.int32)], (grey,), cv2.LINE_AA)
            left += 0.9 * size * long

    film.add(draw)


def _sways(draw: Callable[[Film, float, float, float], None], light: str, seed: int) -> Film:
    film = _place(seed, light, 150.0)
    chance = film.chance
    draw(film, chance.uniform(0.2, 0.6) * WIDTH, chance.uniform(0.2, 0.5) * HEIGHT, chance.uniform(0.12, 0.4) * HEIGHT)
    return film


SWAYING: dict[str, Callable[[int], Film]] = {
    f"{name} {light}": partial(_sways, draw, light)
    for light in ("day", "infrared")
    for name, draw in {"laundry": _laundry, **{name: KINDS[name] for name in KINDS if name != "cat"}}.items()
}

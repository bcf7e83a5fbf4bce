"""Films of something restless, beside which somebody comes seconds later: two objects, of which the second is told.

The restless object alarms on its own, as a disturbance: what counts is whether an alarm starts with who comes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.made.figures import Picture
from benchmarks.made.film import HEIGHT, WIDTH, Camera, Film

Draw = Callable[[Picture, float], None]
BEGINS_S, LEAST_S, MOST_S = 22.0, 2.0, 20.0
"""When the restless object begins, and how long after it somebody comes."""


class RestlessFilm(Film):
    """begins_s: of the restless object, which goes on to the end."""

    begins_s = BEGINS_S

    def about(self, file: str) -> dict[str, Any]:
        made = super().about(file)
        truth = made["truth"]
        truth["nuisance"] = [{"start_s": self.begins_s, "end_s": self.length_s, "what": "restless"}]
        before = ([begin, min(end, self.begins_s - 1.5)] for begin, end in truth["quiet"])
        truth["quiet"] = [[begin, end] for begin, end in before if end > begin]
        return made


def _begin(film: Film, draw: Draw) -> None:
    film.add(lambda picture, t: draw(picture, t) if t >= BEGINS_S else None)


def _balloons(film: Film, x: float, y: float, size: float) -> None:
    """Three on strings, in the wind."""
    ways = film.chance.uniform(0, 6, (3, 2))

    def draw(picture: Picture, t: float) -> None:
        for n, (phase, other) in enumerate(ways):
            at = (
                x + (n - 1) * 0.7 * size + 0.9 * size * np.sin(1.1 * t + phase),
                y + 0.2 * size * np.sin(2.7 * t + other),
            )
            cv2.ellipse(picture, (round(at[0]), round(at[1])), (round(0.3 * size), round(0.38 * size)), 0, 0, 360,
                        (60.0 + 70 * n,), -1, cv2.LINE_AA)  # fmt: skip
            cv2.line(picture, (round(at[0]), round(at[1] + 0.38 * size)), (round(x), round(y + 1.4 * size)), (90.0,), 1)

    _begin(film, draw)


def _flag(film: Film, x: float, y: float, size: float) -> None:
    def draw(picture: Picture, t: float) -> None:
        steps = np.linspace(0, 1, 12)
        wave = 0.12 * size * np.sin(7 * t - 6 * steps) * steps
        upper = np.stack([x + steps * size, y + wave], 1)
        lower = np.stack([x + steps * size, y + 0.6 * size + wave], 1)[::-1]
        cv2.fillPoly(picture, [np.concatenate([upper, lower]).round().astype(np.int32)], (190.0,), cv2.LINE_AA)

    _begin(film, draw)


def _sprinkler(film: Film, x: float, y: float, size: float) -> None:
    def draw(picture: Picture, t: float) -> None:
        for n in range(14):
            angle = 0.8 * np.sin(1.1 * t) - np.pi / 2 + 0.05 * (n - 7)
            far = size * (0.4 + 0.6 * ((n * 0.37 + 2.3 * t) % 1))
            at = x + far * np.cos(angle), y + far * np.sin(angle) + 0.3 * size * (far / size) ** 2
            cv2.circle(picture, (round(at[0]), round(at[1])), 2, (230.0,), -1, cv2.LINE_AA)

    _begin(film, draw)


def _door(film: Film, x: float, y: float, size: float) -> None:
    """It swings in the wind."""

    def draw(picture: Picture, t: float) -> None:
        wide = size * (0.5 + 0.4 * np.sin(1.0 * t) + 0.1 * np.sin(3.7 * t))
        cv2.rectangle(picture, (round(x), round(y)), (round(x + wide), round(y + 1.5 * size)), (70.0,), -1)

    _begin(film, draw)


def _branch(film: Film, x: float, y: float, size: float) -> None:
    def draw(picture: Picture, t: float) -> None:
        for n in range(5):
            angle = np.pi / 2 + 0.6 * np.sin(1.4 * t + 0.4 * n) + 0.25 * (n - 2)
            end = x + size * np.cos(angle), y + size * np.sin(angle)
            cv2.line(picture, (round(x), round(y)), (round(end[0]), round(end[1])), (45.0,), 4, cv2.LINE_AA)

    _begin(film, draw)


def _cat(film: Film, x: float, y: float, size: float) -> None:
    """It goes to and fro."""
    ways = [(BEGINS_S + 2.0 * n, x + (0.9 * size if n % 2 else -0.9 * size), y + size, 0.45 * size) for n in range(30)]
    film.passes("cat", ways, -45.0, told=False)


KINDS = {
    "balloons": _balloons,
    "flag": _flag,
    "sprinkler": _sprinkler,
    "door": _door,
    "cat": _cat,
    "branch": _branch,
}


def _restless(kind: str, seed: int) -> Film:
    chance = np.random.default_rng(seed + 3000)
    camera = Camera(
        int(chance.choice([8, 10, 15])), float(chance.uniform(1.0, 3.0)), kbit=int(chance.choice([400, 700]))
    )
    film = RestlessFilm(seed, 60.0, camera, str(chance.choice(["front", "drive", "garden", "side", "gate"])))
    size, y = chance.uniform(0.15, 0.3) * HEIGHT, chance.uniform(0.3, 0.5) * HEIGHT
    side = 1 if chance.uniform() < 0.5 else -1
    x = WIDTH / 2 - side * chance.uniform(0.15, 0.3) * WIDTH
    KINDS[kind](film, x, y, size)
    share = chance.uniform(0.14, 0.28) * HEIGHT
    begin, foot = BEGINS_S + chance.uniform(LEAST_S, MOST_S), max(y + size, share + 30)
    far, near = x + side * chance.uniform(4, 5) * share, x + side * chance.uniform(1.2, 2.0) * share
    there = begin + abs(far - near) / (0.8 * share)
    then = there + chance.uniform(1, 5)
    film.passes("walker", [(begin, far, foot, share), (there, near, foot, share), (then, near, foot, share),
                           (then + there - begin, far, foot, share)], -float(chance.uniform(30, 55)))  # fmt: skip
    return film


RESTLESS: dict[str, Callable[[int], Film]] = {kind: partial(_restless, kind) for kind in KINDS}

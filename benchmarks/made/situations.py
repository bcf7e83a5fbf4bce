"""What a detector must tell apart, by day and by night: each a film from a seed. The seed also chooses place, camera,
ways, sizes and contrasts, so that another seed is another camera.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.made import nuisances as n
from benchmarks.made.film import HEIGHT, WIDTH, Camera, Film
from benchmarks.made.restless import RESTLESS

Situation = Callable[[int], Film]

PLACES = ("front", "drive", "garden", "side", "gate")
BEGINS_S = 22.0
"""Nobody comes before: a detector may get to know the place."""


def _day(seed: int, length_s: float = 60.0, **camera: Any) -> Film:
    chance = np.random.default_rng(seed + 1000)
    fps, noise, kbit = int(chance.choice([8, 10, 15])), chance.uniform(1.0, 3.0), int(chance.choice([250, 400, 700]))
    light = "day" if chance.uniform() < 0.7 else "dusk"
    usual = Camera(fps, noise, kbit=kbit)._replace(**camera)
    return Film(seed, length_s, usual, str(chance.choice(PLACES)), light, float(chance.uniform(0.75, 1.1)))


def _night(seed: int, length_s: float = 60.0, **camera: Any) -> Film:
    chance = np.random.default_rng(seed + 2000)
    fps, noise, smoothing = int(chance.choice([8, 10, 15])), chance.uniform(2.5, 7.0), chance.choice([0.3, 0.5, 0.7])
    kbit, keyframe_s = int(chance.choice([250, 400, 700])), float(chance.choice([1.0, 2.0, 4.0]))
    usual = Camera(fps, noise, float(smoothing), kbit, keyframe_s)._replace(**camera)
    return Film(seed, length_s, usual, str(chance.choice(PLACES)), "infrared", float(chance.uniform(0.7, 1.3)))


Add = Callable[[Film], None]


def _nothing(_film: Film) -> None:
    pass


def _cross(
    film: Film,
    height: tuple[float, float],
    contrast: tuple[float, float],
    kind: str = "walker",
    speed: tuple[float, float] = (0.6, 1.2),
    **more: Any,
) -> None:
    """Somebody of such a share of the picture's height crosses part of it. speed: own heights a second."""
    chance = film.chance
    share = chance.uniform(*height) * HEIGHT
    pace = chance.uniform(*speed) * share
    far_s = min(14.0, 0.8 * WIDTH / pace)
    way = pace * far_s
    x = chance.uniform(0.1 * WIDTH, max(0.11 * WIDTH, 0.9 * WIDTH - way))
    foot = chance.uniform(0.45, 0.9) * HEIGHT
    foot = max(foot, share + 30)
    begin = BEGINS_S + chance.uniform(0, 10)
    ends = [(begin, x, foot, share), (begin + far_s, x + way, foot + chance.uniform(-0.5, 0.5) * share, share)]
    if chance.uniform() < 0.5:
        ends = [(begin, *ends[1][1:]), (begin + far_s, *ends[0][1:])]
    film.passes(kind, ends, _contrast(film, contrast), **more)


def _contrast(film: Film, levels: tuple[float, float]) -> float:
    sign = 1 if film.is_night and film.chance.uniform() < 0.75 else -1
    return float(sign * film.chance.uniform(*levels))


def _walk(
    base: Callable[..., Film],
    height: tuple[float, float],
    contrast: tuple[float, float],
    add: Add = _nothing,
    *,
    kind: str = "walker",
    speed: tuple[float, float] = (0.6, 1.2),
    **camera: Any,
) -> Situation:
    def make(seed: int) -> Film:
        film = base(seed, **camera)
        _cross(film, height, contrast, kind, speed)
        add(film)
        return film

    return make


def _silent(base: Callable[..., Film], add: Add = _nothing, length_s: float = 90.0, **camera: Any) -> Situation:
    def make(seed: int) -> Film:
        film = base(seed, length_s, **camera)
        add(film)
        return film

    return make


def _approach(base: Callable[..., Film], contrast: tuple[float, float], takes_s: float) -> Situation:
    """Somebody comes straight at the camera."""

    def make(seed: int) -> Film:
        film = base(seed)
        chance, x = film.chance, film.chance.uniform(200, 440)
        first, last = chance.uniform(0.06, 0.1) * HEIGHT, chance.uniform(0.35, 0.7) * HEIGHT
        begin = BEGINS_S + chance.uniform(0, 6)
        points = []
        for share in np.linspace(0, 1, 9):  # evenly over the ground: seen slowly at first
            height = 1 / (1 / first + (1 / last - 1 / first) * share)
            points.append((begin + share * takes_s, x + 30 * share, 0.5 * HEIGHT + 0.7 * height, height))
        film.passes("comer", points, _contrast(film, contrast))
        return film

    return make


def _stands(base: Callable[..., Film], height: tuple[float, float], contrast: tuple[float, float]) -> Situation:
    """Comes, stands for a while, goes on."""

    def make(seed: int) -> Film:
        film = base(seed, 80.0)
        chance = film.chance
        share, begin = chance.uniform(*height) * HEIGHT, BEGINS_S + chance.uniform(0, 4)
        foot, x = max(share + 30, chance.uniform(0.5, 0.9) * HEIGHT), chance.uniform(150, 330)
        a, stands, b = chance.uniform(2.5, 4) * share, chance.uniform(6, 20), chance.uniform(2.5, 4) * share
        there, then = begin + a / share, begin + a / share + stands
        film.passes("walker", [(begin, x, foot, share), (there, x + a, foot, share), (then, x + a, foot, share),
                               (then + b / share, x + a + b, foot, share)], _contrast(film, contrast))  # fmt: skip
        return film

    return make


def _behind_trunks(seed: int) -> Film:
    film = _day(seed)
    _cross(film, (0.1, 0.2), (25, 50), behind=n.trunks(film, 9))
    n.wind(film, 3)
    return film


def _exposed(base: Callable[..., Film], contrast: tuple[float, float]) -> Situation:
    """The light jumps while somebody passes."""

    def make(seed: int) -> Film:
        film = base(seed)
        _cross(film, (0.12, 0.25), contrast)
        at = film.truth[0][0] + film.chance.uniform(1.0, 4.0)
        to = film.chance.choice([0.7, 1.35])
        n.gain(film, lambda t: to if at < t < at + 6 else 1.0)
        return film

    return make


def _switched_walker(seed: int) -> Film:
    """The lamp goes on, then somebody comes."""
    film = _night(seed, 70.0)
    _cross(film, (0.12, 0.25), (15, 35))
    _switches((8.0,))(film)
    return film


def _switches(times: tuple[float, ...]) -> Add:
    """The camera changes to its other way of seeing, and back."""

    def add(film: Film) -> None:
        n.switches(
            film, np.asarray(cv2.GaussianBlur(255 - film.plate, (0, 0), 1.5) * np.float32(0.4), np.float32), times
        )

    return add


def _car(base: Callable[..., Film], contrast: tuple[float, float]) -> Situation:
    def make(seed: int) -> Film:
        film = base(seed)
        chance = film.chance
        height, begin = chance.uniform(0.08, 0.2) * HEIGHT, BEGINS_S + chance.uniform(0, 8)
        foot, takes_s = chance.uniform(0.55, 0.9) * HEIGHT, chance.uniform(2.5, 7)
        ends = [(begin, -2.0 * height, foot, height), (begin + takes_s, WIDTH + 2 * height, foot, height)]
        film.passes("car", ends, _contrast(film, contrast))
        return film

    return make


def _gate(seed: int, *, fence: bool = False) -> Film:
    """Comes out of a gap, stands nearly still, turns and goes back, among specks and large insects near the lens."""
    film = _night(seed, 90.0)
    chance = film.chance
    share, begin = chance.uniform(0.1, 0.2) * HEIGHT, BEGINS_S + chance.uniform(0, 8)
    foot, x = max(share + 30, chance.uniform(0.5, 0.85) * HEIGHT), chance.uniform(120, 420)
    out, stands = chance.uniform(0.8, 2.0) * share, chance.uniform(10, 40)
    there = begin + out / (0.8 * share)
    then = there + stands
    points = [(begin, x, foot, share), (there, x + out, foot, share), (then, x + out, foot, share),
              (then + out / (0.8 * share), x, foot, share)]  # fmt: skip
    film.passes("walker", points, _contrast(film, (12, 35)), sway=1.5, behind=n.fence(film) if fence else None)
    n.specks(film, chance.uniform(2, 6), big=2.0)
    n.insects(film, 0.08, big=2.5)
    return film


def _specks_and_insects(film: Film) -> None:
    n.specks(film, 3)
    n.insects(film, 0.15, big=2.5)


def _torch(seed: int) -> Film:
    """A torch behind branches, then who carries it; a minute later again."""
    film = _night(seed, 150.0)
    chance = film.chance
    share, x, foot = chance.uniform(0.12, 0.2) * HEIGHT, chance.uniform(150, 350), chance.uniform(0.5, 0.7) * HEIGHT
    for begin in (BEGINS_S, BEGINS_S + 75):
        waves = chance.uniform(5, 12)
        n.torch(film, begin, waves, (x, foot - 0.5 * share))
        ends = [(begin + waves, x, foot, share), (begin + waves + 8, x + 5 * share, foot, share)]
        film.passes("walker", ends, _contrast(film, (12, 35)), told=False)
        film.truth.append((begin, begin + waves + 8, "person"))
    return film


def _dark_car(seed: int) -> Film:
    """Dark, without texture, on a dark road, for two seconds."""
    film = _night(seed)
    chance = film.chance
    height, begin = chance.uniform(0.2, 0.3) * HEIGHT, BEGINS_S + chance.uniform(0, 8)
    takes_s = chance.uniform(2.0, 3.0)
    foot = chance.uniform(0.55, 0.9) * HEIGHT
    ends = [(begin, -2.0 * height, foot, height), (begin + takes_s, WIDTH + 2 * height, foot, height)]
    film.passes("car", ends, -float(chance.uniform(12, 25)), soft=float(chance.uniform(1.5, 3)))
    return film


def _soft_walker(base: Callable[..., Film], kind: str, contrast: tuple[float, float]) -> Situation:
    """Somebody whose border is blurred over 4 to 10 pixels: thermal, out of focus, or near and moving."""

    def make(seed: int) -> Film:
        film = base(seed)
        _cross(film, (0.12, 0.3), contrast, kind, soft=float(film.chance.uniform(2, 4)))
        return film

    return make


TOLD_BY_DAY: dict[str, Situation] = {
    "walker": _walk(_day, (0.12, 0.3), (25, 60)),
    "far": _walk(_day, (0.05, 0.09), (25, 50)),
    "very far": _walk(_day, (0.025, 0.04), (30, 55)),
    "cat": _walk(_day, (0.05, 0.1), (25, 50), kind="cat", speed=(1.5, 3.0)),
    "car": _car(_day, (30, 60)),
    "runs": _walk(_day, (0.1, 0.25), (25, 50), speed=(1.8, 3.0)),
    "approaches": _approach(_day, (25, 50), 9.0),
    "stands": _stands(_day, (0.12, 0.3), (25, 50)),
    "behind trunks": _behind_trunks,
    "wind": _walk(_day, (0.12, 0.25), (25, 50), lambda f: n.wind(f, 5)),
    "far in wind": _walk(_day, (0.06, 0.1), (30, 50), lambda f: n.wind(f, 4)),
    "leaf shade": _walk(_day, (0.15, 0.3), (30, 60), lambda f: n.leaf_shade(f, 170)),
    "shaking": _walk(_day, (0.12, 0.25), (30, 60), lambda f: n.shakes(f, 1.5)),
    "light jumps": _exposed(_day, (30, 55)),
    "hunting": _walk(_day, (0.12, 0.25), (25, 50), n.hunting),
    "5 a second": _walk(_day, (0.08, 0.2), (25, 50), fps=5, kbit=150),
    "rain": _walk(_day, (0.12, 0.25), (25, 50), lambda f: n.rain(f, 40, 30)),
    "snow": _walk(_day, (0.15, 0.3), (30, 60), lambda f: n.snow(f, 50)),
    "soft": _soft_walker(_day, "walker", (25, 60)),
}

TOLD_BY_NIGHT: dict[str, Situation] = {
    "walker": _walk(_night, (0.12, 0.3), (12, 35)),
    "far": _walk(_night, (0.06, 0.1), (10, 25)),
    "faint": _walk(_night, (0.08, 0.14), (6, 10)),
    "very far": _walk(_night, (0.035, 0.05), (18, 35)),
    "cat": _walk(_night, (0.05, 0.1), (15, 35), kind="cat", speed=(1.5, 3.0)),
    "car": _car(_night, (30, 60)),
    "approaches": _approach(_night, (10, 25), 12.0),
    "approaches slowly": _approach(_night, (10, 20), 20.0),
    "slow": _walk(_night, (0.1, 0.2), (10, 25), speed=(0.25, 0.45)),
    "stands": _stands(_night, (0.1, 0.25), (12, 30)),
    "insects": _walk(_night, (0.1, 0.25), (12, 30), lambda f: n.insects(f, 0.5)),
    "moth": _walk(_night, (0.1, 0.25), (15, 30), lambda f: n.moth(f, 5, 60)),
    "rain": _walk(_night, (0.12, 0.3), (15, 35), lambda f: n.rain(f, 40, 60)),
    "snow": _walk(_night, (0.15, 0.3), (18, 40), lambda f: n.snow(f, 40)),
    "web": _walk(_night, (0.1, 0.25), (15, 35), n.web),
    "headlights": _walk(_night, (0.1, 0.25), (15, 35), lambda f: n.headlights(f, 12)),
    "lamp on": _switched_walker,
    "light jumps": _exposed(_night, (15, 35)),
    "5 a second": _walk(_night, (0.08, 0.2), (12, 30), fps=5, kbit=200),
    "few bits": _walk(_night, (0.1, 0.25), (15, 35), noise=6.0, kbit=160),
    "shaking": _walk(_night, (0.12, 0.25), (18, 40), lambda f: n.shakes(f, 1.2)),
    "specks": _walk(_night, (0.1, 0.25), (12, 30), lambda f: n.specks(f, 4, big=2.0)),
    "gate": _gate,
    "fence": partial(_gate, fence=True),
    "torch": _torch,
    "dark car": _dark_car,
    "soft": _soft_walker(_night, "walker", (15, 40)),
    "soft cat": _soft_walker(_night, "cat", (15, 40)),
}

SILENT_BY_DAY: dict[str, Situation] = {
    "nothing": _silent(_day),
    "wind": _silent(_day, lambda f: n.wind(f, 5), 120),
    "strong wind": _silent(_day, lambda f: n.wind(f, 10), 120),
    "leaf shade": _silent(_day, lambda f: n.leaf_shade(f, 170), 120),
    "cloud": _silent(_day, lambda f: n.cloud(f, 25, 60)),
    "light jumps": _silent(_day, lambda f: n.steps(f, 12)),
    "light creeps": _silent(_day, lambda f: n.steps(f, 15, 3.0)),
    "white balance": _silent(_day, lambda f: n.white_balance(f, 12)),
    "hunting": _silent(_day, n.hunting),
    "flicker": _silent(_day, n.flicker),
    "shaking": _silent(_day, lambda f: n.shakes(f, 1.5)),
    "rain": _silent(_day, lambda f: n.rain(f, 60, 30)),
    "snow": _silent(_day, lambda f: n.snow(f, 70)),
    "few bits": _silent(_day, noise=5.0, kbit=100),
    "5 a second": _silent(_day, lambda f: n.wind(f, 5), fps=5, kbit=120),
}

SILENT_BY_NIGHT: dict[str, Situation] = {
    "nothing": _silent(_night),
    "strong noise": _silent(_night, noise=13.0, kbit=200),
    "few bits": _silent(_night, noise=7.0, kbit=120),
    "keyframes 4 s apart": _silent(_night, noise=8.0, kbit=120, keyframe_s=4.0, smoothing=0.6),
    "insects": _silent(_night, lambda f: n.insects(f, 0.6), 120),
    "large insects": _silent(_night, lambda f: n.insects(f, 0.3, big=2.5), 120),
    "swarm": _silent(_night, lambda f: n.insects(f, 1.5, near=(320, 180)), 120),
    "moth": _silent(_night, lambda f: n.moth(f, 25, 40), 120),
    "web": _silent(_night, n.web, 120),
    "spider": _silent(_night, lambda f: n.spider(f, 40, 15)),
    "rain": _silent(_night, lambda f: n.rain(f, 60, 70)),
    "snow": _silent(_night, lambda f: n.snow(f, 70)),
    "headlights": _silent(_night, lambda f: n.headlights(f, 14), 120),
    "day to infrared": _silent(_night, _switches((20.0, 50.0))),
    "light jumps": _silent(_night, lambda f: n.steps(f, 12)),
    "wind": _silent(_night, lambda f: n.wind(f, 5), 120),
    "shaking": _silent(_night, lambda f: n.shakes(f, 1.2)),
    "specks": _silent(_night, lambda f: n.specks(f, 4, big=2.0), 120),
    "specks and insects": _silent(_night, _specks_and_insects, 120),
}

GROUPS: dict[str, dict[str, Situation]] = {
    "told by day": TOLD_BY_DAY,
    "told by night": TOLD_BY_NIGHT,
    "silent by day": SILENT_BY_DAY,
    "silent by night": SILENT_BY_NIGHT,
    "restless first": RESTLESS,
}

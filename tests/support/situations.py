"""Situations that a detector must distinguish, each a seeded scene with ground truth."""

from collections.abc import Callable

import numpy as np

from tests.support import weather
from tests.support.scenes import WIDTH, SyntheticScene, car, cat, person

Situation = Callable[[int], SyntheticScene]

PLACE_S = 20.0
"""Quiet time at the start, s, for the detector's background model."""


def _night_far_walker(contrast: float) -> Situation:
    def make(seed: int) -> SyntheticScene:
        scene = SyntheticScene(seed, 70, night=True)
        scene.walk([(20, 54, 64, 11), (32, 99, 66, 11)], person, contrast)
        scene.walk(
            [(48, 126, 64, 11), (52, 114, 65, 11), (58, 114, 65, 11), (63, 90, 65, 11)], person, contrast, sway=0.3
        )
        return scene

    return make


def _far_walker_in_noise(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 60, night=True, noise=3.5)
    scene.walk([(25, 75, 66, 11), (37, 126, 67, 11)], person, 24)
    return scene


def _weather(add: Callable[[SyntheticScene], None], length_s: float = 60.0, *, night: bool = False) -> Situation:
    def make(seed: int) -> SyntheticScene:
        scene = SyntheticScene(seed, length_s, night=night)
        add(scene)
        return scene

    return make


def _walk_in(
    add: Callable[[SyntheticScene], None], contrast: float, height: float, *, night: bool = False
) -> Situation:
    """Return a situation with a person crossing the frame in this weather."""

    def make(seed: int) -> SyntheticScene:
        scene = SyntheticScene(seed, 60, night=night)
        scene.walk([(30, 40, 80, height), (40, 150, 81, height)], person, contrast)
        add(scene)
        return scene

    return make


def _nothing(_scene: SyntheticScene) -> None:
    pass


def _steps(scene: SyntheticScene) -> None:
    changes = ((10, 0.6), (20, 1.5), (31, 0.8), (44, 1.35), (57, 0.7))

    def at(t: float) -> float:
        whole = 1.0
        for begin, to in changes:
            if t >= begin:
                whole *= 1 + (to - 1) * min(1.0, (t - begin) / 0.4)
        return whole

    weather.gain(scene, at)


def _day_to_infrared(seed: int) -> SyntheticScene:
    scene, infrared = SyntheticScene(seed, 60), SyntheticScene(seed, 60, night=True).plate
    scene.shine(lambda picture, t: picture if t < 30 else infrared * np.float32(0.5 if t < 30.4 else 1.0))
    return scene


def _exposure_walker(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 60)
    scene.walk([(25, 18, 90, 45), (35, 174, 90, 45)], person, 40)
    weather.gain(scene, lambda t: 1.35 if 28 < t < 31 else 1.0)
    return scene


def _stand(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 110)
    scene.walk([(25, 6, 90, 45), (30, 90, 90, 45), (75, 90, 90, 45), (80, 186, 90, 45)], person, 40, sway=0.45)
    return scene


def _stand_night(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 90, night=True)
    scene.walk([(20, 81, 72, 24), (26, 99, 72, 24), (56, 99, 72, 24), (62, 78, 72, 24)], person, 30, sway=0.3)
    return scene


def _slow_at_night(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 70, night=True)
    scene.walk([(20, 60, 72, 24), (50, 130, 73, 24)], person, 30)
    return scene


def _car_parks(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 110)
    scene.walk([(20, -45, 99, 20), (24, 90, 99, 20)], car, 45)
    scene.walk([(24, 90, 99, 20), (80, 90, 99, 20)], car, 45, told=False)
    scene.walk([(80, 90, 99, 20), (84, 240, 99, 20)], car, 45)
    return scene


def _approach(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 50)
    scene.walk([(20, 99, 54, 9), (32, 90, 105, 72)], person, 40)
    return scene


def _appears(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 60)
    scene.walk([(25, 99, 87, 42), (29, 101, 87, 42), (33, 98, 87, 42), (37, 100, 87, 42)], person, 40, sway=0.6)
    return scene


def _traffic(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 90)
    for i in range(24):
        begin = 2 + 2.9 * i
        scene.walk([(begin, -27, 99, 18), (begin + 3, WIDTH + 27, 99, 18)], car, 45)
    return scene


def _crowd(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 90)
    for i in range(20):
        begin, foot, height = 8 + 3.1 * i, scene.chance.uniform(75, 102), scene.chance.uniform(24, 45)
        a, b = (-9, WIDTH + 9) if i % 2 else (WIDTH + 9, -9)
        scene.walk([(begin, a, foot, height), (begin + 8, b, foot, height)], person, 40)
    return scene


def _cat_passes(contrast: float, *, night: bool) -> Situation:
    def make(seed: int) -> SyntheticScene:
        scene = SyntheticScene(seed, 50, night=night)
        scene.walk([(25, 18, 88, 9), (32, 165, 88, 9)], cat, contrast)
        return scene

    return make


def _near_at_night(seed: int) -> SyntheticScene:
    scene = SyntheticScene(seed, 50, night=True)
    scene.walk([(20, 93, 60, 15), (30, 78, 105, 78)], person, 45)
    return scene


SILENT: dict[str, Situation] = {
    "noise": _weather(_nothing, night=True),
    "noise_strong": lambda seed: SyntheticScene(seed, 60, night=True, noise=4.0),
    "insects": _weather(lambda s: weather.insects(s, 0.7), 120, night=True),
    "rain_at_night": _weather(weather.rain, night=True),
    "snow_at_night": _weather(weather.snow, night=True),
    "snow_by_day": _weather(lambda s: weather.snow(s, 120)),
    "web": _weather(weather.web, 90, night=True),
    "headlights": _weather(lambda s: weather.headlights(s, (15, 33, 52, 68)), 80, night=True),
    "cloud": _weather(lambda s: weather.cloud(s, 20, 50), 90),
    "exposure": _weather(_steps, 70),
    "lamp_switch": _weather(lambda s: weather.gain(s, lambda t: 0.35 if t < 20 or t > 42 else 1.0)),
    "day_to_infrared": _day_to_infrared,
    "wind": _weather(lambda s: weather.wind(s, 57, 1.8), 120),
    "leaf_shade": _weather(lambda s: weather.leaf_shade(s, 60), 120),
}
"""Situations without events."""

TOLD: dict[str, Situation] = {
    "far_walker_at_night_16": _night_far_walker(16),
    "far_walker_at_night_28": _night_far_walker(28),
    "far_walker_in_noise": _far_walker_in_noise,
    "insects_and_walker": _walk_in(lambda s: weather.insects(s, 0.8), 24, 16, night=True),
    "rain_and_walker": _walk_in(weather.rain, 28, 27, night=True),
    "snow_and_walker": _walk_in(weather.snow, 32, 33, night=True),
    "near_at_night": _near_at_night,
    "slow_at_night": _slow_at_night,
    "cat_at_night": _cat_passes(25, night=True),
    "cat_by_day": _cat_passes(-35, night=False),
    "wind_and_walker": _walk_in(lambda s: weather.wind(s, 57, 1.8), 40, 33),
    "wind_and_far_walker": _walk_in(lambda s: weather.wind(s, 51, 1.5), -35, 13),
    "leaf_shade_and_walker": _walk_in(lambda s: weather.leaf_shade(s, 60), 40, 45),
    "far_walker_by_day": _walk_in(_nothing, -35, 8),
    "exposure_and_walker": _exposure_walker,
    "stands_45_s": _stand,
    "stands_30_s_at_night": _stand_night,
    "car_parks": _car_parks,
    "approaches": _approach,
    "appears_and_stays": _appears,
}
"""Situations whose events must each be detected within a second, without further events."""

BUSY: dict[str, Situation] = {"traffic": _traffic, "crowd": _crowd}
"""Situations with almost continuous events."""

"""Disturbances without objects: insects, rain, snow, wind, shade, light. Each is added to a scene."""

from collections.abc import Callable

import cv2
import numpy as np

from tests.support.scenes import HEIGHT, WIDTH, Picture, SyntheticScene, soft

_Y, _X = (grid.astype(np.float32) for grid in np.mgrid[0:HEIGHT, 0:WIDTH])


def insects(
    scene: SyntheticScene, a_second: float, *, size: float = 1.0, near: tuple[float, float] | None = None
) -> None:
    """Add blurred streaks that last less than a second, anywhere or around a place such as the lamp."""
    t = 0.0
    while t < scene.length_s:
        t += scene.chance.exponential(1 / a_second)
        scene.add(_insect(scene.chance, t, size, near))


def _insect(
    chance: np.random.Generator, begin: float, size: float, near: tuple[float, float] | None
) -> Callable[[Picture, float], None]:
    life, thick = chance.uniform(0.2, 0.9), chance.uniform(1.5, 6.5) * size
    at = np.array(near or (chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT))) + chance.normal(0, 18, 2)
    speed, bend = chance.normal(0, 78, 2), chance.normal(0, 150, 2)
    bright = chance.uniform(25, 110)

    def draw(picture: Picture, t: float) -> None:
        u = t - begin
        if 0 <= u <= life:
            a, b = at + speed * u + bend * u * u, at + speed * (u - 0.04) + bend * (u - 0.04) ** 2
            _streak(picture, a, b, max(1, round(thick)), max(0.6, thick / 3), bright)

    return draw


def _streak(picture: Picture, a: np.ndarray, b: np.ndarray, thick: int, blur: float, bright: float) -> None:
    spot = np.zeros_like(picture)
    cv2.line(spot, (round(a[0]), round(a[1])), (round(b[0]), round(b[1])), 1.0, thick)
    picture += cv2.GaussianBlur(spot, (0, 0), blur) * np.float32(bright)


def rain(scene: SyntheticScene, drops: int = 40) -> None:
    """Add thin streaks at different places in each frame."""
    chance = scene.chance

    def draw(picture: Picture, _t: float) -> None:
        fall = np.zeros_like(picture)
        for _ in range(drops):
            x, y, n = chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT), chance.uniform(3, 13)
            cv2.line(fall, (round(x), round(y)), (round(x - n / 6), round(y + n)), chance.uniform(7, 30), 1)
        picture += fall

    scene.add(draw)


def snow(scene: SyntheticScene, flakes: int = 60) -> None:
    """Add near and distant flakes, each on its own path."""
    near = scene.chance.uniform(0.15, 1, flakes) ** 2
    x, y = scene.chance.uniform(0, WIDTH, flakes), scene.chance.uniform(0, HEIGHT, flakes)
    phase = scene.chance.uniform(0, 6, flakes)

    def draw(picture: Picture, t: float) -> None:
        down = (y + t * HEIGHT * (0.2 + 0.9 * near)) % (HEIGHT + 6) - 3
        across = (x + 9 * near * np.sin(t + phase) + 6 * t * near) % WIDTH
        bright = min(235.0, float(scene.plate.mean()) + 90)
        for i in range(flakes):
            # in sixteenths of a cell, so that flakes move smoothly
            middle = (round(across[i] * 16), round(down[i] * 16))
            cv2.circle(picture, middle, max(8, round(33 * near[i])), bright, -1, cv2.LINE_8, 4)

    scene.add(draw)


def wind(scene: SyntheticScene, below: float, reach: float) -> None:
    """Make everything above `below` sway by up to this number of cells, in gusts."""
    phase, rate = 2 * soft(scene.chance, 8), 0.7 + 0.2 * soft(scene.chance, 12)
    mask = cv2.GaussianBlur((below > _Y).astype(np.float32), (0, 0), 3)

    def blow(picture: Picture, t: float) -> Picture:
        gust = max(0.0, np.sin(2 * np.pi * t / 6)) * max(0.2, np.sin(2 * np.pi * t / 14))
        sway = (np.sin(2 * np.pi * rate * t + phase) * mask * reach * (0.35 + 0.65 * gust)).astype(np.float32)
        return _moved(picture, sway, 0.4 * sway)

    scene.shine(blow)


def leaf_shade(scene: SyntheticScene, above: float) -> None:
    """Add hard leaf shadows that sway over the ground below `above`."""
    shadow = (soft(scene.chance, 2.7) > 0.3).astype(np.float32)
    ground = (above < _Y).astype(np.float32)

    def shade(picture: Picture, t: float) -> Picture:
        dx = 3.6 * np.sin(0.9 * t) + 1.8 * np.sin(2.3 * t + 1)
        moved = _moved(shadow, np.full_like(picture, dx), np.full_like(picture, 1.2 * np.sin(1.7 * t)))
        dark = np.asarray(cv2.GaussianBlur(moved, (0, 0), 0.6), np.float32) * ground
        return np.asarray(picture * (1 - 0.45 * dark), np.float32)

    scene.shine(shade)


def _moved(picture: Picture, dx: Picture, dy: Picture) -> Picture:
    moved = cv2.remap(picture, _X + dx, _Y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


def gain(scene: SyntheticScene, at: Callable[[float], float]) -> None:
    """Multiply all light by a factor over time; clipped at 255."""
    scene.shine(lambda picture, t: (picture * np.float32(at(t))).clip(0, 255))


def headlights(scene: SyntheticScene, times: tuple[float, ...], sweep_s: float = 2.5) -> None:
    """Add a wide soft beam that crosses the frame."""

    def beam(picture: Picture, t: float) -> Picture:
        for begin in times:
            u = (t - begin) / sweep_s
            if 0 <= u <= 1:
                across = np.exp(-(((_X - (1.4 * u - 0.2) * WIDTH) / 33) ** 2))
                lit = across * np.exp(-(((_Y - 57) / 39) ** 2))
                picture = np.asarray(picture * (1 + 2.2 * lit) + 8 * lit, np.float32)
        return picture

    scene.shine(beam)


def cloud(scene: SyntheticScene, begin: float, end: float) -> None:
    """Add a cloud shadow whose edge crosses the frame and returns."""

    def shade(picture: Picture, t: float) -> Picture:
        far = _X + 0.3 * _Y
        dark = 1 / (1 + np.exp(-(far - (t - begin) * 18) / 15)) + 1 / (1 + np.exp((far - (t - end) * 18) / 15))
        return np.asarray(picture * (0.6 + 0.4 * dark.clip(0, 1)), np.float32)

    scene.shine(shade)


def web(scene: SyntheticScene) -> None:
    """Add a spider thread in front of the lens that sways in the lamp's light."""

    def draw(picture: Picture, t: float) -> None:
        sway = 9 * np.sin(1.1 * t) + 3.6 * np.sin(2.7 * t)
        _streak(picture, np.array((114.0, 0.0)), np.array((129 + sway, 60.0)), 2, 1.2, 60.0)

    scene.add(draw)

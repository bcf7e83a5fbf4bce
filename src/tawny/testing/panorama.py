"""A PTZ camera that looks into a drawn panorama, in which people walk. Deterministic; time is an argument.

It obeys commands after a delay, accelerates, and shows what it saw a while ago.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tawny.model.ids import CameraId

YARD = CameraId("yard")
PX: float = 12.0
"""Pixels of the panorama for each degree."""
ACROSS, DOWN = 300.0, 80.0
"""Size of the panorama, degrees."""


@dataclass(frozen=True)
class Walker:
    """A person in the panorama. at: returns the middle in degrees at a time, s; None: not there.

    height: degrees. tone: of the clothes, 0..255.
    """

    at: Callable[[float], tuple[float, float] | None]
    height: float = 12.0
    tone: tuple[int, int, int] = (205, 60, 95)
    """Of head, body and legs."""


@dataclass(frozen=True)
class Scene:
    """walkers: drawn in this order. posts: degrees; they hide who is behind them. contrast: 1: day. noise: levels."""

    walkers: Sequence[Walker]
    background: str = "yard"
    posts: Sequence[float] = ()
    contrast: float = 1.0
    noise: float = 2.0
    seed: int = 1


def _textured(scene: Scene) -> Any:
    """Return the panorama without people, float32."""
    import cv2

    chance = np.random.default_rng(scene.seed)
    height, width = round(DOWN * PX), round(ACROSS * PX)
    made = np.full((height, width), 120, np.float32)
    for cell, depth in ((160, 26), (40, 16), (10, 9 if scene.background != "wall" else 3)):
        coarse = chance.standard_normal((height // cell + 2, width // cell + 2)).astype(np.float32)
        made += depth * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if scene.background == "houses":
        for _ in range(90):
            x, y = int(chance.integers(0, width - 60)), int(chance.integers(0, height * 2 // 3))
            w, h = int(chance.integers(30, 160)), int(chance.integers(30, 120))
            cv2.rectangle(made, (x, y), (x + w, y + h), float(chance.integers(60, 190)), -1)
    if scene.background == "fence":
        for x in range(0, width, 36):
            cv2.rectangle(made, (x, height // 3), (x + 9, height * 3 // 4), 165.0, -1)
    return np.clip(made, 20, 235)


@dataclass
class PanoramaCamera:
    """pan, tilt: degrees from the middle of the panorama. Speeds at full command: degrees a second.

    command_s: from a command to the movement. acceleration: degrees a second, each second.
    """

    scene: Scene
    size: tuple[int, int] = (640, 360)
    widest: float = 55.0
    """Degrees across at zoom 0; each unit of zoom divides it by `closest`."""
    closest: float = 4.0
    fastest: tuple[float, float] = (60.0, 40.0)
    zooms: float = 0.25
    """Units of zoom a second at full speed."""
    command_s: float = 0.15
    acceleration: float = 200.0
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    reach: tuple[float, float] = (120.0, 25.0)
    now_s: float = 0.0
    speeds: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    _orders: deque[tuple[float, tuple[float, float, float]]] = field(default_factory=deque)
    _aims: tuple[float, float, float] = (0.0, 0.0, 0.0)
    _until_s: float = math.inf
    _goes_to: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        self._still = _textured(self.scene)
        self._chance = np.random.default_rng(self.scene.seed + 1)

    def order(self, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        """Take a continuous move. All zero: stop."""
        self._orders.append((self.now_s + self.command_s, (pan, tilt, zoom)))
        self._lasts_s = lasts_s

    def go_to(self, pan: float, tilt: float, zoom: float) -> None:
        self._goes_to = (pan, tilt, zoom)

    def run_to(self, now_s: float) -> None:
        while self.now_s < now_s - 1e-9:
            self._tick(min(0.01, now_s - self.now_s))

    def _tick(self, dt: float) -> None:
        self.now_s += dt
        while self._orders and self._orders[0][0] <= self.now_s:
            _, self._aims = self._orders.popleft()
            self._until_s, self._goes_to = self.now_s + self._lasts_s, None
        if self.now_s > self._until_s:
            self._aims = (0.0, 0.0, 0.0)
        if self._goes_to is not None:
            aimed = self._goes_to
            steps = (self.fastest[0] * dt, self.fastest[1] * dt, self.zooms * dt)
            self.pan, self.tilt, self.zoom = (
                here + min(step, max(-step, there - here))
                for here, there, step in zip((self.pan, self.tilt, self.zoom), aimed, steps, strict=True)
            )
            return
        for axis, most in enumerate((*self.fastest, self.zooms)):
            wanted, step = self._aims[axis] * most, self.acceleration * dt
            self.speeds[axis] += min(step, max(-step, wanted - self.speeds[axis]))
        self.pan = min(self.reach[0], max(-self.reach[0], self.pan + self.speeds[0] * dt))
        self.tilt = min(self.reach[1], max(-self.reach[1], self.tilt + self.speeds[1] * dt))
        self.zoom = min(1.0, max(0.0, self.zoom + self.speeds[2] * dt))

    @property
    def width_deg(self) -> float:
        return float(self.widest / self.closest**self.zoom)

    def picture(self) -> Any:
        """Return what it sees now: uint8 [height, width]."""
        import cv2

        width, height = self.size
        across = self.width_deg * PX
        middle = ((ACROSS / 2 + self.pan) * PX, (DOWN / 2 - self.tilt) * PX)
        scale = width / across
        matrix = np.array([[scale, 0, width / 2 - middle[0] * scale], [0, scale, height / 2 - middle[1] * scale]])
        seen = cv2.warpAffine(self._still, matrix, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for one in self.scene.walkers:
            self._draw(seen, one, scale * PX)
        for post in self.scene.posts:
            x = self._x(post)
            cv2.rectangle(seen, (round(x - 0.8 * scale * PX), 0), (round(x + 0.8 * scale * PX), height), 70.0, -1)
        seen = 110 + (seen - 110) * self.scene.contrast
        if self.scene.contrast < 1:
            seen -= 60 * (1 - self.scene.contrast)
        seen += self._chance.standard_normal(seen.shape).astype(np.float32) * self.scene.noise
        return np.clip(seen, 0, 255).astype(np.uint8)

    def place_of(self, one: Walker) -> tuple[float, float] | None:
        """Return where a person is in the image now, as shares from its middle; None: not there."""
        at = one.at(self.now_s)
        if at is None:
            return None
        high = self.width_deg * self.size[1] / self.size[0]
        return (at[0] - self.pan) / self.width_deg, (self.tilt - at[1]) / high

    def _x(self, degrees: float) -> float:
        return self.size[0] * (0.5 + (degrees - self.pan) / self.width_deg)

    def _draw(self, seen: Any, one: Walker, px: float) -> None:
        import cv2

        place = self.place_of(one)
        if place is None:
            return
        x, y = (place[0] + 0.5) * self.size[0], (place[1] + 0.5) * self.size[1]
        h = one.height * px
        head, body, legs = (float(tone) for tone in one.tone)
        stride = 0.13 * h * math.sin(7.0 * self.now_s) if self._walks(one) else 0.03 * h
        hip, foot, thick = (x, y + 0.05 * h), y + 0.5 * h, max(1, round(0.075 * h))
        for side in (1, -1):
            cv2.line(seen, _px(hip), _px((x + side * stride, foot)), legs, thick)
        cv2.ellipse(
            seen, _px((x, y - 0.14 * h)), (max(1, round(0.1 * h)), max(1, round(0.23 * h))), 0, 0, 360, body, -1
        )
        swing = (x - 0.7 * stride, y + 0.05 * h)
        cv2.line(seen, _px((x, y - 0.28 * h)), _px(swing), 0.8 * body, max(1, round(0.04 * h)))
        cv2.circle(seen, _px((x, y - 0.43 * h)), max(1, round(0.07 * h)), head, -1)

    def _walks(self, one: Walker) -> bool:
        a, b = one.at(self.now_s - 0.1), one.at(self.now_s)
        return a is not None and b is not None and math.hypot(b[0] - a[0], b[1] - a[1]) > 0.01


def _px(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])


@dataclass(frozen=True)
class PanoramaFrame:
    """A frame of such a camera."""

    luma: Any
    at_ms: int
    camera: CameraId = YARD

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)

"""Renders the frame of a demo camera at any time: background by light, wind, figures, noise and time overlay.

Use one renderer per connection, from its thread. `paint` depends only on its arguments, not on earlier frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import cv2
import numpy as np

from tawny.sources.demo.assets import HEIGHT, WIDTH, FigureFrame, FigurePath, Plane, colours, leaves, plate
from tawny.sources.demo.figures import Figures, Tone
from tawny.sources.demo.scenes import LIGHT_STEP_S, Light, light
from tawny.sources.demo.wind import Wind
from tawny.sources.demo.world import DemoWorld

_SMALL = (64, 36)
"""Size of the downscaled background for light sampling, px."""
_MARGIN = 64
"""Range of the noise pattern's shift between frames, px."""
_BANDS = 4
"""Bands of a frame that share one noise pattern, each at a shift of its own."""


@dataclass(frozen=True)
class _Lit:
    """Background for one light step, plus downscaled luma and chroma planes."""

    light: Light
    plate: Plane
    small: tuple[Plane, Plane, Plane]


class SceneRenderer:
    """Renderer of one stream. divisor: 1 for 1280 x 720 px, 2 for 640 x 360 px."""

    def __init__(self, world: DemoWorld, divisor: int) -> None:
        self._world, self._divisor = world, divisor
        self.width, self.height = WIDTH // divisor, HEIGHT // divisor
        name = world.scene.name
        self._plates = {"day": plate(name, "day", divisor)}
        """Backgrounds by light: only those of the current light stay in memory."""
        self._day = _small(self._plates["day"])
        self._wind = Wind(leaves(name, divisor), world.scene.wind / divisor, seed=sum(name.encode()))
        self._lit: tuple[int, _Lit] | None = None
        self._figures: dict[FigurePath, Figures] = {}

    def paint(self, at_s: float, utc_ms: int) -> Plane:
        """Return the frame at `at_s` as uint8 [height·3/2, width], planar YUV 4:2:0. utc_ms: for the time overlay."""
        lit = self._light(at_s)
        picture = lit.plate.copy()
        luma = picture[: self.height]
        self._wind.blow(lit.plate[: self.height], luma, at_s)
        self._put_figures(picture, lit, at_s)
        _add_noise(luma, lit.light.noise, round(at_s * 30))
        _write_time(luma, utc_ms // 1000, self._divisor)
        return picture

    def _light(self, at_s: float) -> _Lit:
        step = int(at_s // LIGHT_STEP_S)
        if self._lit is None or self._lit[0] != step:
            self._lit = (step, self._made(light(self._world.scene, at_s, self._world.speed)))
        return self._lit[1]

    def _made(self, now: Light) -> _Lit:
        kinds = {now.first} if now.mix == 0 else {now.first, now.second}
        scene, there = self._world.scene.name, self._plates
        self._plates = {kind: there[kind] if kind in there else plate(scene, kind, self._divisor) for kind in kinds}
        made = first = self._plates[now.first]
        if now.mix > 0:
            made = np.asarray(cv2.addWeighted(first, 1 - now.mix, self._plates[now.second], now.mix, 0), np.uint8)
        if now.gain != 1.0:
            made = first.copy() if made is first else made
            luma = made[: self.height].astype(np.float32)
            made[: self.height] = ((luma - 16) * now.gain + 16.5).clip(0, 255).astype(np.uint8)
        return _Lit(now, made, _small(made))

    def _put_figures(self, picture: Plane, lit: _Lit, at_s: float) -> None:
        visits = self._world.visits(at_s)
        self._figures = {v.way: self._figures.get(v.way) or Figures(v.way, self._divisor) for v in visits}
        shown: list[tuple[FigureFrame, int, FigurePath]] = []
        for visit in visits:
            index = visit.frame(at_s)
            frame = None if index is None else visit.way.frames[index]
            if index is not None and frame is not None:
                shown.append((frame, index, visit.way))
        shown.sort(key=lambda entry: entry[0].y + entry[0].height)  # distant figures first
        tones = [self._tone(frame, lit) for frame, _, _ in shown]
        for (_, index, way), tone in zip(shown, tones, strict=True):
            self._figures[way].cast(picture, index, tone)
        for (_, index, way), tone in zip(shown, tones, strict=True):
            self._figures[way].put(picture, index, tone)

    def _tone(self, frame: FigureFrame, lit: _Lit) -> Tone:
        """Derive the light at the figure's feet by comparing the background now with the background by day."""
        x = min(_SMALL[0] - 1, (frame.x + frame.width // 2) * _SMALL[0] // WIDTH)
        y = min(_SMALL[1] - 1, (frame.y + frame.height - 1) * _SMALL[1] // HEIGHT)
        now, day = ([float(plane[y, x]) for plane in planes] for planes in (lit.small, self._day))
        if lit.light.first == "infrared":  # clothes of any color appear pale in infrared
            lamp = max(10.0, now[0] - 16)
            return Tone(lamp * 0.0085, lamp * 0.26, 0.0, 0.0, 0.0, 0.15)
        gain = min(1.35, max(0.16, (now[0] - 14) / max(8.0, day[0] - 14)))
        night = {"dusk": 1 - lit.light.mix, "day": lit.light.mix}[lit.light.first]
        return Tone(gain, 0.0, 1 - 0.25 * night, 0.6 * (now[1] - day[1]), 0.6 * (now[2] - day[2]), 1 - 0.6 * night)


def _small(picture: Plane) -> tuple[Plane, Plane, Plane]:
    rows = picture.shape[0] * 2 // 3
    luma, u, v = (
        np.asarray(cv2.blur(cv2.resize(plane, _SMALL, interpolation=cv2.INTER_AREA), (5, 5)), np.uint8)
        for plane in (picture[:rows], *colours(picture))
    )
    return luma, u, v


@lru_cache(maxsize=12)
def _grain(height: int, width: int, spread: float) -> tuple[Plane, Plane]:
    """Return the positive and negative parts of the noise: saturating uint8 arithmetic is fastest."""
    raw = np.random.default_rng(7).normal(0, 1, (height + _MARGIN, width + _MARGIN)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(raw, (0, 0), 0.6), np.float32)
    soft *= spread / float(soft.std())
    return np.rint(soft).clip(0, 255).astype(np.uint8), np.rint(-soft).clip(0, 255).astype(np.uint8)


def _add_noise(luma: Plane, spread: float, number: int) -> None:
    height, width = luma.shape[0] // _BANDS, luma.shape[1]
    more, less = _grain(height, width, round(spread * 4) / 4)
    for band in range(_BANDS):
        turn = number * _BANDS + band
        x, y = turn * 7919 % _MARGIN, turn * 104_729 % _MARGIN
        part = luma[band * height : (band + 1) * height]
        cv2.add(part, more[y : y + height, x : x + width], dst=part)
        cv2.subtract(part, less[y : y + height, x : x + width], dst=part)


def _write_time(luma: Plane, second: int, divisor: int) -> None:
    letters, edge = _written(second, divisor)
    height, width = letters.shape
    right, bottom = luma.shape[1] - 14 // divisor, luma.shape[0] - 12 // divisor
    place = luma[bottom - height : bottom, right - width : right]
    cv2.subtract(place, edge, dst=place)
    cv2.max(place, letters, dst=place)


@lru_cache(maxsize=4)
def _written(second: int, divisor: int) -> tuple[Plane, Plane]:
    """Return the text mask, and a dark outline for legibility on any background."""
    text = f"{datetime.fromtimestamp(second, UTC).astimezone():%Y-%m-%d  %H:%M:%S}"
    size, font = 0.62 / divisor * (1.12 if divisor > 1 else 1), cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize("0000-00-00  00:00:00", font, size, 1)
    pad = 4
    letters = np.zeros((height + 2 * pad, width + 2 * pad), np.uint8)
    edge = letters.copy()
    at: Sequence[int] = (pad, height + pad)
    cv2.putText(edge, text, at, font, size, (150,), 4 if divisor == 1 else 3, cv2.LINE_AA)
    cv2.putText(letters, text, at, font, size, (228,), 1, cv2.LINE_AA)
    return letters, np.asarray(cv2.GaussianBlur(edge, (0, 0), 1.0), np.uint8)

"""Renders the frame of a demo camera at any time: background by light, wind, figures, noise and time overlay.

Use one renderer per connection, from its thread. `paint` depends only on its arguments, not on earlier frames.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from tawny.sources.demo.assets import HEIGHT, WIDTH, FigureFrame, FigurePath, Plane, atlas, colours, leaves, plate
from tawny.sources.demo.world import LIGHT_STEP_S, DemoWorld, Light, light

# Composites rendered figures into the scene, relit to match the current light.

Floats = np.ndarray[Any, np.dtype[np.float32]]
SHADOW = 0.62
"""Share of the light removed by a shadow in full sun."""


@dataclass(frozen=True)
class Tone:
    """Light at a position relative to day: luma times `gain` plus `lift`; chroma times `colour` plus `u`, `v`."""

    gain: float
    lift: float
    colour: float
    u: float
    v: float
    shadow: float
    """Shadow strength, 0..1."""


class Figures:
    """Figures and shadows of one passage at one stream's size. Loaded for the duration of a passage."""

    def __init__(self, way: FigurePath, divisor: int) -> None:
        self.way, self._divisor = way, divisor
        self._atlas = atlas(way)

    def cast(self, picture: Plane, index: int, tone: Tone) -> None:
        """Darken `picture` (planar YUV 4:2:0) in place by the figure's shadow."""
        frame = self.way.frames[index]
        if frame is None or frame.shade_width < 2 or frame.shade_height < 2:
            return
        shade = self._atlas.shade(frame)
        left, top = frame.shade_x, frame.shade_y
        if self._divisor == 1:
            shade = np.asarray(cv2.resize(shade, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.uint8)
            left, top = left * 2, top * 2
        _darken(picture[top : top + shade.shape[0], left : left + shade.shape[1]], shade, 16, tone.shadow * SHADOW)
        half = np.asarray(cv2.resize(shade, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        for plane in colours(picture):
            there = plane[top // 2 : top // 2 + half.shape[0], left // 2 : left // 2 + half.shape[1]]
            _darken(there, half, 128, tone.shadow * SHADOW * 0.6)

    def put(self, picture: Plane, index: int, tone: Tone) -> None:
        """Draw the figure into `picture`: planar YUV 4:2:0 in this stream's size, modified in place."""
        frame = self.way.frames[index]
        if frame is None:
            return
        bgr, alpha, x, y = self._cut(frame)
        height, width = alpha.shape
        own = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
        luma = own[:height].astype(np.float32)
        _blend(picture[y : y + height, x : x + width], 16 + tone.lift + (luma - 16) * tone.gain, alpha)
        half = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
        for plane, colour, tint in zip(colours(picture), colours(own), (tone.u, tone.v), strict=True):
            there = plane[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
            _blend(there, 128 + (colour.astype(np.float32) - 128) * tone.colour + tint, half)

    def _cut(self, frame: FigureFrame) -> tuple[Plane, Plane, int, int]:
        """Return BGR, alpha and the corner in the frame, aligned to multiples of 4 px for chroma subsampling."""
        grid = 4 * self._divisor
        left, top = frame.x % grid, frame.y % grid
        width = -(-(left + frame.width) // grid) * grid
        height = -(-(top + frame.height) // grid) * grid
        whole = np.zeros((height, width, 4), np.uint8)
        part = whole[top : top + frame.height, left : left + frame.width]
        part[:, :, :3], part[:, :, 3] = self._atlas.figure(frame)
        if self._divisor > 1:
            size = (width // self._divisor, height // self._divisor)
            whole = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)
        corner = ((frame.x - left) // self._divisor, (frame.y - top) // self._divisor)
        return np.ascontiguousarray(whole[:, :, :3]), np.ascontiguousarray(whole[:, :, 3]), *corner


def _darken(ground: Plane, shade: Plane, zero: int, share: float) -> None:
    """Move `ground` towards `zero` by `share` times the shade, in place."""
    height, width = ground.shape
    left = 1 - shade[:height, :width].astype(np.float32) * (share / 255)
    ground[:] = (zero + (ground.astype(np.float32) - zero) * left + 0.5).astype(np.uint8)


def _blend(under: Plane, over: Floats, alpha: Plane) -> None:
    """Alpha-blend `over` onto `under` in place; crops to the frame."""
    height, width = under.shape
    share = alpha[:height, :width].astype(np.float32) / 255
    mixed = under + (over[:height, :width] - under) * share
    np.clip(mixed + 0.5, 0, 255, out=mixed)
    under[:] = mixed.astype(np.uint8)


# Leaves in the wind: each bush or crown sways independently, five times per second, stronger in gusts.

STEPS_A_SECOND = 5
_SMALLEST = 0.0006
"""Minimum area as a share of the frame; smaller regions do not move."""
_STEPS = 127
"""Steps of a displacement from 0 to `reach`; with one byte each, a scene holds 1 MB less."""
Map = np.ndarray[Any, np.dtype[np.int8]]


@dataclass(frozen=True)
class _Crown:
    """A region that sways as a whole. Each pixel's displacement is a·here + b·there, with (a, b) rotating over time.

    here, there: -_STEPS to _STEPS.
    """

    top: int
    left: int
    here: Map
    there: Map
    hertz: float
    phase: float

    def swayed(self, luma: Plane, at_s: float, reach: float) -> Plane:
        height, width = self.here.shape
        turn, step = 2 * math.pi * self.hertz * at_s + self.phase, reach / _STEPS
        way = cv2.addWeighted(self.here, step * math.cos(turn), self.there, step * math.sin(turn), 0, dtype=cv2.CV_32F)
        part = luma[self.top : self.top + height, self.left : self.left + width]
        columns = np.add(way, np.arange(width, dtype=np.float32))
        rows = np.multiply(way, np.float32(0.4))
        rows += np.arange(height, dtype=np.float32)[:, None]
        moved = cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


class Wind:
    """Animates vegetation. leaves: uint8 [height, width], wind mask. reach: maximum displacement, px."""

    def __init__(self, leaves: Plane, reach: float, seed: int) -> None:
        self._reach = reach
        self._chance = np.random.default_rng(seed)
        self._crowns = list(self._found(leaves))

    def blow(self, still: Plane, onto: Plane, at_s: float) -> None:
        """Write the displaced regions of `still` to `onto`, both luma [height, width]."""
        step_s = math.floor(at_s * STEPS_A_SECOND + 1e-6) / STEPS_A_SECOND
        for crown in self._crowns:
            height, width = crown.here.shape
            moved = crown.swayed(still, step_s, self._reach * gust(step_s, crown.phase))
            onto[crown.top : crown.top + height, crown.left : crown.left + width] = moved

    def _found(self, leaves: Plane) -> Iterator[_Crown]:
        rows, columns = leaves.shape
        grown = cv2.dilate(leaves, np.ones((5, 5), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats((grown > 60).astype(np.uint8))
        for left, top, width, height, area in stats[1:count].tolist():
            if area >= _SMALLEST * rows * columns:
                yield self._crown(leaves[top : top + height, left : left + width], top, left)

    def _crown(self, leaves: Plane, top: int, left: int) -> _Crown:
        height, width = leaves.shape
        soft = cv2.GaussianBlur(leaves.astype(np.float32) / 255, (0, 0), 2)
        soft[[0, -1], :] = 0
        soft[:, [0, -1]] = 0
        coarse = self._chance.normal(0, 1, (max(2, height // 24), max(2, width // 24))).astype(np.float32)
        phase = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 1.4
        here, there = (np.rint(soft * part(phase) * _STEPS).astype(np.int8) for part in (np.cos, np.sin))
        chance = self._chance.uniform(0, 1, 2)
        return _Crown(top, left, here, there, 0.45 + 0.35 * float(chance[0]), 2 * math.pi * float(chance[1]))


def gust(at_s: float, phase: float) -> float:
    """Return the wind strength, 0.15..1."""
    swell = max(0.0, math.sin(at_s / 5.3 + 0.3 * phase)) * (0.6 + 0.4 * math.sin(at_s / 13.7 + phase))
    return 0.15 + 0.85 * swell


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

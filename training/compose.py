"""Crops of what was never filmed: figures of solids, and the rendered ones of the demo cameras, put into rendered
places and into pieces of real ones, with the mask that a detector would have made of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from tawny.detection.kind_model import KINDS, LEAST_CELLS, SIDE, crops_of
from tawny.model.observations import NOTHING
from tawny.sources.demo.assets import HEIGHT, Atlas, atlas, plate, ways
from tawny.sources.demo.world import SCENES
from training import solids
from training.passages import made_place
from training.samples import Samples
from training.solids import Figure, Floats

LIGHTS = ("day", "dusk", "infrared")
PLACE = 260
"""Pixels of the piece of a place that a figure is put into."""
EACH = 3
"""Places that each figure is put into."""
WAKE = 0.3
"""So often it was there just before: then only what is new of it moves."""
CUT = 0.3
"""So often one side of it does not move, or looks like what was there before."""
FLAT = 0.3
"""So often little tells the parts of a figure from each other, as with dark cars at night."""
MOST = 0.7
"""Share of the place that may move: more is the light."""
OWN = 0.4
"""Share of the cells that move that must be the figure's: the rest may be its shadow."""
RENDERED, DEMO_SHARE = "rendered", 0.5
"""How samples that nobody filmed are called, and how many figures are the demo cameras' where those are used."""
SMALLEST, LARGEST = 18, 320
"""Pixels of a figure's longer edge there."""


def composed(counts: dict[str, int], real: Sequence[Any], seed: int, *, demo: bool = True) -> Samples:
    """counts: how many of each kind. real: luma crops, uint8 [64, 64], of places where nothing is. demo: with figures
    and places of the demo cameras."""
    rng = np.random.default_rng(seed)
    crops: list[Any] = []
    labels: list[int] = []
    for kind, count in counts.items():
        made: list[Any] = []
        while len(made) < count:
            figure = None if kind == NOTHING else _figure(kind, rng, demo=demo)
            befores = [_place(rng, real, demo=demo) for _ in range(EACH)]
            tried = [_of_nothing(rng, one) if figure is None else _put_into(figure, rng, one) for one in befores]
            made += [crop for crop in tried if crop is not None]
        crops += made[:count]
        labels += [KINDS.index(kind)] * count
    return Samples(f"{RENDERED}-crops", np.stack(crops), np.asarray(labels))


def _figure(kind: str, rng: np.random.Generator, *, demo: bool) -> Figure:
    figure = _rendered(kind, rng) if demo and rng.random() < DEMO_SHARE else solids.figure(kind, rng)
    if rng.random() >= FLAT:
        return figure
    usual = np.float32(np.median(figure.grey[figure.alpha > 0.5])) if np.any(figure.alpha > 0.5) else np.float32(0)
    return replace(figure, grey=usual + (figure.grey - usual) * np.float32(rng.uniform(0, 0.6)))


def _put_into(figure: Figure, rng: np.random.Generator, before: Floats) -> Any:
    """A crop of it in some place; None if nobody could tell what it is."""
    solid = np.argwhere(figure.alpha > 0.5)
    if len(solid) < 20:
        return None
    size = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    figure = _resized(figure, size / max(np.ptp(solid, axis=0).max(), 8))
    now = before.copy()
    top, left = (
        int(rng.integers(-edge // 3, max(PLACE - edge * 2 // 3, 1 - edge // 3))) for edge in figure.alpha.shape
    )
    _put(now, figure, left, top)
    if rng.random() < WAKE:
        x, y = (rng.normal(0, 0.25, 2) * size).astype(int).tolist()
        _put(before, figure, left + x, top + y)
    own = np.zeros((PLACE, PLACE), np.float32)
    _put(own, Figure(np.ones_like(figure.alpha), figure.alpha, np.zeros_like(figure.shade)), left, top)
    return _looked_at(before, now, rng, own)


def _of_nothing(rng: np.random.Generator, before: Floats) -> Any:
    """Shadows, spots of light, leaves: what moves and is nobody."""
    shape = np.zeros((PLACE, PLACE), np.float32)
    middle = rng.uniform(60, PLACE - 60, 2)
    for _ in range(int(rng.integers(1, 9))):
        at = middle + rng.normal(0, rng.uniform(5, 40), 2)
        axes = np.exp(rng.uniform(np.log(4), np.log(60), 2))
        cv2.ellipse(shape, (at.tolist(), axes.tolist(), float(rng.uniform(0, 180))), 1.0, -1)
    shape = np.asarray(cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.8, 9)), np.float32)
    how = rng.random()
    if how < 0.4:
        now = before * (1 - shape * rng.uniform(0.15, 0.7))
    elif how < 0.65:
        now = before + shape * rng.uniform(20, 120)
    else:  # the place itself sways
        shift = np.array([[1, 0, rng.uniform(-6, 6)], [0, 1, rng.uniform(-4, 4)]], np.float32)
        swayed = cv2.warpAffine(before, shift, (PLACE, PLACE), borderMode=cv2.BORDER_REPLICATE)
        now = before + (swayed - before) * shape
    return _looked_at(before, np.clip(now, 0, 255), rng)


def _looked_at(before: Floats, now: Floats, rng: np.random.Generator, own: Floats | None = None) -> Any:
    """As a camera and a detector would: noise, small cells that differ, a box around those that hang together.

    own: float32, 0..1, where the figure is. None: what moves most is not it, or nothing does.
    """
    noise = rng.uniform(0.5, 6)
    seen, known = (_noisy(one, noise, rng) for one in (now, before))
    cells = int(np.clip(PLACE / np.exp(rng.uniform(np.log(2.2), np.log(7))), 36, 118))
    small = (cv2.resize(one, (cells, cells), interpolation=cv2.INTER_AREA) for one in (seen, known))
    now_small, known_small = small
    differs = np.abs(now_small - known_small) > rng.uniform(4, 14)
    if rng.random() < 0.4:  # what is alike before and after, within a thing, is memory soon
        differs &= rng.random(differs.shape) < rng.uniform(0.5, 1)
    if rng.random() < CUT and differs.any():
        at = np.argwhere(differs)
        way = rng.normal(size=2)
        across = (np.indices(differs.shape).transpose(1, 2, 0) - at[int(rng.integers(len(at)))]) @ way
        differs &= across > 0
    closed = cv2.dilate(differs.astype(np.uint8), np.ones((5, 3), np.uint8))
    count, marked, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax([np.count_nonzero(differs & (marked == n)) for n in range(1, count)]))
    x, y, width, height = (int(v) for v in stats[largest, :4])
    inside = differs & (marked == largest)
    if not LEAST_CELLS <= np.count_nonzero(inside) <= MOST * cells * cells:
        return None
    if own is not None and np.mean(cv2.resize(own, (cells, cells), interpolation=cv2.INTER_AREA)[inside]) < OWN:
        return None
    box = (x / cells, (y + 1) / cells, (x + width) / cells, (y + height - 1) / cells)
    return crops_of(seen.astype(np.uint8), differs, [box])[0]


def _noisy(picture: Floats, noise: float, rng: np.random.Generator) -> Floats:
    noisy = picture + np.float32(noise) * rng.standard_normal(picture.shape, np.float32)
    return np.asarray(np.clip(noisy, 0, 255), np.float32)


def _place(rng: np.random.Generator, real: Sequence[Any], *, demo: bool) -> Floats:
    """float32 [PLACE, PLACE], of a rendered place, a real one drawn larger, or plain ground."""
    how = rng.random()
    if how < 0.45 or (how < 0.8 and not len(real)):
        luma = _plate(str(rng.choice(list(SCENES))), str(rng.choice(LIGHTS))) if demo else made_place(rng)
        edge = int(rng.integers(90, min(500, luma.shape[0])))
        y, x = (int(rng.integers(0, extent - edge)) for extent in luma.shape)
        part = luma[y : y + edge, x : x + edge]
    elif how < 0.8:
        part = real[int(rng.integers(len(real)))]
    else:
        part = rng.uniform(20, 220) + rng.normal(0, rng.uniform(0, 25), (16, 16))
    place = cv2.resize(part.astype(np.float32), (PLACE, PLACE), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:  # lines on a road, kerbs, posts
        for _ in range(int(rng.integers(1, 5))):
            a, b = rng.integers(-50, PLACE + 50, (2, 2)).tolist()
            cv2.line(place, a, b, float(rng.uniform(0, 255)), int(rng.integers(1, 7)), cv2.LINE_AA)
    if rng.random() < 0.5:
        place = place[:, ::-1]
    return np.asarray(np.clip(place * rng.uniform(0.5, 1.3), 0, 255), np.float32)


@lru_cache(maxsize=18)
def _plate(scene: str, light: str) -> Any:
    return plate(scene, light, 1)[:HEIGHT]


def _rendered(kind: str, rng: np.random.Generator) -> Figure:
    """One of the demo cameras' figures."""
    every = [way for scene in SCENES for way in ways(scene) if way.kind == kind]
    way = every[int(rng.integers(len(every)))]
    frames = [frame for frame in way.frames if frame is not None and min(frame.width, frame.height) > 12]
    frame = frames[int(rng.integers(len(frames)))]
    colours, opacity = _atlas(way.scene, way.name).figure(frame)
    grey = cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY).astype(np.float32)
    if rng.random() < 0.5:
        opacity, grey = opacity[:, ::-1], grey[:, ::-1]
    grey = np.clip(grey * rng.uniform(0.6, 1.4) + rng.uniform(-30, 30), 0, 255)
    alpha = opacity.astype(np.float32) / 255
    return Figure(np.ascontiguousarray(grey), np.ascontiguousarray(alpha), np.zeros_like(alpha))


@lru_cache(maxsize=32)
def _atlas(scene: str, name: str) -> Atlas:
    return atlas(next(way for way in ways(scene) if way.name == name))


def _resized(figure: Figure, by: float) -> Figure:
    how = cv2.INTER_AREA if by < 1 else cv2.INTER_LINEAR
    size = tuple(max(2, round(edge * by)) for edge in figure.alpha.shape[::-1])
    grey, alpha, shade = (
        np.asarray(cv2.resize(one, size, interpolation=how), np.float32)
        for one in (figure.grey, figure.alpha, figure.shade)
    )
    return Figure(grey, alpha, shade)


def _put(place: Floats, figure: Figure, left: int, top: int) -> None:
    """In place; what is outside is cut off."""
    height, width = figure.alpha.shape
    y0, x0, y1, x1 = max(0, top), max(0, left), min(PLACE, top + height), min(PLACE, left + width)
    if y1 <= y0 or x1 <= x0:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    there = place[y0:y1, x0:x1]
    there *= 1 - figure.shade[part] * (1 - figure.alpha[part])
    there += (figure.grey[part] - there) * figure.alpha[part]


def altered(samples: Samples, times: int, seed: int) -> Samples:
    """Each of them, and so many more like it: mirrored, moved, larger, in other light, with noise and another mask."""
    rng = np.random.default_rng(seed)
    made = [np.stack([_altered(crop, rng) for crop in samples.crops]) for _ in range(times)]
    return Samples(samples.camera, np.concatenate([samples.crops, *made]), np.tile(samples.labels, times + 1))


def _altered(crop: Any, rng: np.random.Generator) -> Any:
    size, (x, y) = rng.uniform(0.85, 1.15), rng.uniform(-4, 4, 2)
    mirror = -1 if rng.random() < 0.5 else 1
    half = SIDE / 2
    move = np.array(
        [[mirror * size, 0, half - half * mirror * size + x], [0, size, half - half * size + y]], np.float32
    )
    luma = cv2.warpAffine(crop[0], move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(crop[1], move, (SIDE, SIDE))
    bent = 255 * (luma / 255.0) ** np.exp(rng.uniform(-0.5, 0.5))
    seen = bent * rng.uniform(0.5, 1) + rng.uniform(-20, 60) + rng.normal(0, rng.uniform(0, 6), bent.shape)
    if rng.random() < 0.3:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.5, 1.5)))
    if rng.random() < 0.3:
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        mask = change(mask, np.ones((3, 3), np.uint8))
    return np.stack([np.clip(seen, 0, 255).astype(np.uint8), mask])

"""Figures out of simple solids: cars, vans, lorries, two-wheelers, people, animals, seen from anywhere, in any light.

They look like nothing that was filmed and belong to nobody; what they have in common with the real ones is what a small
crop shows of those: where edges run, what is dark and what shines. Lengths are metres, x ahead, y to the left, z up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]
PIXELS = 160
"""Of the longer edge of what is drawn."""
_AMBIENT = 0.5


@dataclass(frozen=True)
class Figure:
    """grey: float32 [height, width], 0..255. alpha: float32, 0..1: how much of it is the figure's own. shade: float32,
    0..1: how much of the ground's light it takes."""

    grey: Floats
    alpha: Floats
    shade: Floats
    foot: tuple[float, float] = (0.0, 0.0)
    """Where in it the middle of the ground below the figure is."""


@dataclass(frozen=True)
class Face:
    """corners: [n, 3], to the left round seen from outside. albedo: 0..1."""

    corners: Floats
    albedo: float


@dataclass(frozen=True)
class Sight:
    """From where and in what light a figure is seen. turn, pitch: radians. distance: metres. sun: where it comes from.
    glow: its brightness. dark: of the shadow, 0..1. scale: pixels of a metre; 0: as many as make it PIXELS long."""

    turn: float
    pitch: float
    distance: float
    sun: Any
    glow: float
    soft: float
    dark: float
    scale: float = 0.0

    @staticmethod
    def by_chance(rng: np.random.Generator, pitch: tuple[float, float]) -> "Sight":
        """pitch: degrees, from and to."""
        sun = np.array([*rng.normal(size=2), rng.uniform(0.25, 2)])
        return Sight(
            rng.uniform(0, 2 * np.pi), float(np.deg2rad(rng.uniform(*pitch))), rng.uniform(6, 40),
            sun / np.linalg.norm(sun), rng.uniform(90, 230), rng.uniform(0.6, 1.4),
            float(rng.uniform(0.1, 0.6)) if rng.random() < 0.6 else 0.0,
        )  # fmt: skip


PITCHES = {"person": (0, 80), "vehicle": (3, 60), "animal": (5, 65)}
"""Degrees from which each is seen."""


def figure(kind: str, rng: np.random.Generator) -> Figure:
    return drawn(made(kind, int(rng.integers(2**31)), rng.uniform(0, 2 * np.pi)), Sight.by_chance(rng, PITCHES[kind]))


def made(kind: str, seed: int, phase: float) -> list[Face]:
    """One of a kind, always the same of a seed. phase: of its gait, radians."""
    rng = np.random.default_rng(seed)
    makes: Sequence[Callable[[np.random.Generator, float], Iterator[Face]]] = _MAKES[kind]
    return list(makes[int(rng.integers(len(makes)))](rng, phase))


# --- what they are made of ----------------------------------------------------------------------------------------


def _car(rng: np.random.Generator, _phase: float) -> Iterator[Face]:
    length, width, waist, height = (
        rng.uniform(3.6, 4.9),
        rng.uniform(1.6, 1.9),
        rng.uniform(0.75, 1.0),
        rng.uniform(1.35, 1.75),
    )
    paint = rng.uniform(0.05, 0.95)
    glass = rng.uniform(0.02, 0.2) if rng.random() < 0.7 else rng.uniform(0.2, 0.7)  # dark, or the sky in it
    front, back = length / 2, -length / 2
    yield from _prism(back, front, width, 0.25, waist, paint, nose=rng.uniform(0, 0.12))
    roof_back, roof_front = back + rng.uniform(0.1, 0.9), front - rng.uniform(1.3, 2.0)
    foot_back, foot_front = back + rng.uniform(0, 0.3), front - rng.uniform(0.7, 1.1)
    yield from _cabin(foot_back, foot_front, roof_back, roof_front, width, waist, height, paint, glass)
    for side in (-1, 1):
        w, v = side * width / 2 * 0.97, side * width / 2 * 0.81
        middle = rng.uniform(0.4, 0.6)
        for share in (0.0, middle, 1.0):  # what the roof stands on
            foot = foot_back + (foot_front - foot_back) * share
            roof = roof_back + (roof_front - roof_back) * share
            yield from _limb((foot, w, waist), (roof, v, height), 0.04, paint)
        at = foot_back + (foot_front - foot_back) * middle
        yield _upright(at - 0.02, at + 0.02, side * (width / 2 + 0.005), 0.3, waist, paint * 0.4, side)  # a door
        yield from _ball((foot_front - 0.1, side * (width / 2 + 0.12), waist + 0.08), 0.1, 0.08, paint)  # a mirror
    trim = rng.uniform(0.03, 0.25) if rng.random() < 0.6 else paint
    for x, way in ((front + 0.01, 1), (back - 0.01, -1)):
        yield _across(x, width * 0.49, 0.25, 0.25 + 0.25 * waist, trim, way)
        yield _across(x + 0.01 * way, 0.26, 0.4, 0.52, rng.uniform(0.5, 0.95), way)
    yield from _wheels(length, width, 0.32, (0.3, 0.78))
    yield from _lights(front, back, width, waist, rng)


def _van(rng: np.random.Generator, _phase: float) -> Iterator[Face]:
    length, width, height = rng.uniform(4.4, 11), rng.uniform(1.8, 2.5), rng.uniform(1.9, 3.2)
    paint = rng.uniform(0.1, 0.95)
    yield from _prism(-length / 2, length / 2, width, 0.3, height, paint, nose=0.05)
    low, high = height * rng.uniform(0.5, 0.6), height * rng.uniform(0.75, 0.9)
    for side in (-1, 1):
        for at in np.arange(-length / 2 + 0.4, length / 2 - 0.9, 1.2) if rng.random() < 0.5 else (length / 2 - 1.4,):
            yield _upright(at, at + 0.95, side * (width / 2 + 0.01), low, high, 0.08, side)
    yield _across(length / 2 + 0.01, width * 0.45, low, high, 0.08, 1)
    yield _across(-length / 2 - 0.01, width * 0.4, low, high, 0.12, -1)
    yield from _wheels(length, width, 0.38, (0.15, 0.8))
    yield from _lights(length / 2, -length / 2, width, height * 0.4, rng)


def _lorry(rng: np.random.Generator, _phase: float) -> Iterator[Face]:
    cab, load, width = rng.uniform(1.7, 2.3), rng.uniform(4, 11), rng.uniform(2.3, 2.55)
    paint, box = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.95)
    front = (cab + load) / 2
    yield from _prism(-front, front - cab - 0.3, width, 0.9, rng.uniform(2.4, 3.8), box)
    yield from _prism(front - cab, front, width, 0.4, rng.uniform(2.4, 3.0), paint, nose=0.05)
    yield _across(front + 0.02, width * 0.45, 1.5, 2.2, 0.06, 1)
    for side in (-1, 1):
        yield _upright(front - 1.2, front - 0.4, side * (width / 2 + 0.02), 1.5, 2.2, 0.06, side)
    yield from _wheels(2 * front, width, 0.5, (0.12, 0.28, 0.85))
    yield from _lights(front, -front, width, 1.0, rng)


def _two_wheeler(rng: np.random.Generator, _phase: float) -> Iterator[Face]:
    dark = rng.uniform(0.05, 0.3)
    for at in (-0.55, 0.55):
        yield _disc(at, 0.0, 0.33, 0.33, dark, 1)
        yield _disc(at, 0.0, 0.33, 0.33, dark, -1)
    yield from _limb((-0.5, 0, 0.5), (0.5, 0, 0.75), rng.uniform(0.06, 0.2), dark)
    yield from _limb((0.4, 0, 0.35), (0.45, 0, 1.05), 0.05, dark)
    clothes = rng.uniform(0.05, 0.9)
    yield from _limb((-0.15, 0, 0.85), (0.15, 0, 1.4), 0.2, clothes)
    yield from _limb((0.12, 0, 1.35), (0.45, 0, 1.05), 0.07, clothes)
    yield from _limb((-0.12, 0.05, 0.85), (0.05, 0.08, 0.3), 0.09, rng.uniform(0.05, 0.6))
    yield from _limb((0.17, 0, 1.45), (0.2, 0, 1.7), 0.11, rng.uniform(0.2, 0.8))


def _walker(rng: np.random.Generator, phase: float) -> Iterator[Face]:
    """On foot: of any age, in trousers, skirt or long coat, bareheaded or not, with or without something to carry."""
    is_child = rng.random() < 0.2
    tall = rng.uniform(0.8, 1.35) if is_child else rng.uniform(1.5, 2.0)
    stride = rng.choice([0.15, 0.35, 0.5, 0.75]) * rng.uniform(0.8, 1.2) * np.sin(phase)
    lean = rng.uniform(-0.05, 0.25) * tall / 1.7
    hip, neck = tall * rng.uniform(0.47, 0.53), tall * (0.76 if is_child else rng.uniform(0.8, 0.84))
    trousers, jacket, skin = rng.uniform(0.03, 0.8), rng.uniform(0.03, 0.95), rng.uniform(0.25, 0.85)
    thick = tall / 1.75 * rng.uniform(0.8, 1.35)
    wide, apart = rng.uniform(0.14, 0.2) * thick, 0.1 * thick
    swing = rng.uniform(0.2, 1.0)
    carries = int(rng.integers(9))
    for side, turn in ((apart, stride), (-apart, -stride)):
        knee = (np.sin(turn) * tall * 0.25, side, tall * 0.26)
        foot = (np.sin(turn - 0.25) * tall * 0.45, side, 0.04)
        yield from _limb((0, side, hip), knee, 0.085 * thick, trousers)
        yield from _limb(knee, foot, 0.06 * thick, trousers)
        yield from _limb(foot, (foot[0] + 0.18 * tall / 1.75, side, 0.04), 0.05 * thick, trousers * 0.6)
        shoulder, hand = (lean, side * 2.0, neck - 0.06), (lean - np.sin(turn) * tall * 0.28 * swing, side * 2.6, hip)
        if carries in (1, 2):  # something in both arms, or a pram pushed along
            hand = (lean + 0.35, side * 1.4, hip + 0.15 * tall)
        elif carries == 3 and side > 0:  # a telephone at the ear, an umbrella held up
            hand = (lean + 0.15, side * 1.6, neck + 0.05)
        elbow = tuple(
            (a + b) / 2 - (0.05 if n == 0 else 0) for n, (a, b) in enumerate(zip(shoulder, hand, strict=True))
        )
        yield from _limb(shoulder, elbow, 0.055 * thick, jacket)
        yield from _limb(elbow, hand, 0.045 * thick, jacket if rng.random() < 0.7 else skin)
    coat = rng.random()
    if coat < 0.25:  # a skirt or a long coat
        low = hip * rng.uniform(0.3, 0.75)
        yield from _cone((0, 0, low), (lean / 2, 0, hip + 0.1), wide * 1.35, wide, jacket if coat < 0.15 else trousers)
    yield from _limb((0, 0, hip - 0.08), (lean, 0, neck - 0.04), wide, jacket, flat=0.65)
    yield from _cone((lean, 0, neck - 0.12), (lean, 0, neck), wide * 1.1, wide * 0.5, jacket)
    top = _head(lean, neck, tall, rng)
    yield from top(skin)
    yield from _carried(carries, lean, hip, neck, tall, rng)


def _head(lean: float, neck: float, tall: float, rng: np.random.Generator) -> Callable[[float], Iterator[Face]]:
    wears, hair, radius = rng.random(), rng.uniform(0.03, 0.7), rng.uniform(0.09, 0.12)

    def faces(skin: float) -> Iterator[Face]:
        middle = (neck + tall) / 2
        yield from _limb((lean, 0, neck - 0.03), (lean * 1.1, 0, middle), radius * 0.6, skin)
        yield from _ball((lean * 1.2, 0, middle + 0.02), radius, (tall - neck) / 2, skin)
        if wears < 0.75:  # hair, a hat, a hood
            yield from _ball((lean * 1.2 - 0.02, 0, middle + 0.05), radius * 1.06, (tall - neck) / 2, hair)
        if wears < 0.15:
            yield from _limb((lean * 1.2, 0, tall - 0.06), (lean * 1.2, 0, tall - 0.03), radius * 1.8, hair)

    return faces


def _carried(what: int, lean: float, hip: float, neck: float, tall: float, rng: np.random.Generator) -> Iterator[Face]:
    shade, size = rng.uniform(0.05, 0.95), rng.uniform(0.6, 1.3)
    if what == 1:  # a parcel
        half = 0.2 * size
        yield from _prism(lean + 0.2, lean + 0.2 + 1.6 * half, 2 * half, hip, hip + 1.5 * half, shade)
    elif what == 2:  # a pram, a trolley, a bicycle pushed along
        yield from _prism(lean + 0.45, lean + 1.1, 0.45, 0.35, 0.35 + 0.45 * size, shade)
        for side in (-0.22, 0.22):
            for at in (0.55, 1.0):
                yield _disc(lean + at, side, 0.15, 0.15, 0.1, 1 if side > 0 else -1)
    elif what == 3 and size > 0.9:  # an umbrella
        yield from _cone((lean + 0.1, 0, tall + 0.05), (lean + 0.1, 0, tall + 0.3), 0.55, 0.03, shade)
    elif what in (4, 5):  # a rucksack
        yield from _prism(lean - 0.38 * size, lean - 0.08, 0.3 * size, hip + 0.05, neck - 0.05, shade)
    elif what == 6:  # a bag in the hand
        yield from _prism(lean - 0.2, lean + 0.2 * size, 0.12, hip - 0.45 * size, hip - 0.05, shade)


def _wheelchair(rng: np.random.Generator, phase: float) -> Iterator[Face]:
    jacket, trousers, skin = rng.uniform(0.03, 0.95), rng.uniform(0.03, 0.8), rng.uniform(0.25, 0.85)
    for side in (-0.3, 0.3):
        yield _disc(0.0, side, 0.3, 0.3, 0.15, 1 if side > 0 else -1)
        yield _disc(0.0, side * 1.02, 0.3, 0.24, 0.5, 1 if side > 0 else -1)
        yield _disc(0.5, side * 0.7, 0.1, 0.1, 0.1, 1 if side > 0 else -1)
        yield from _limb((0.05, side * 0.4, 0.55), (0.48, side * 0.4, 0.52), 0.08, trousers)
        yield from _limb((0.48, side * 0.4, 0.52), (0.58, side * 0.4, 0.12), 0.065, trousers)
        reach = 0.15 * np.sin(phase)
        yield from _limb((0.0, side * 0.75, 1.05), (0.12 + reach, side, 0.66), 0.055, jacket)
    yield from _prism(-0.1, 0.4, 0.45, 0.4, 0.5, 0.1)
    yield from _prism(-0.16, -0.08, 0.45, 0.5, 0.95, 0.1)
    yield from _limb((0.0, 0, 0.5), (0.02, 0, 1.12), 0.19, jacket, flat=0.65)
    yield from _head(0.04, 1.14, 1.42, rng)(skin)


def _four_legs(rng: np.random.Generator, phase: float) -> Iterator[Face]:
    """Cats, dogs, foxes, now and then a deer: how long legs, neck, snout and tail are is what tells them apart."""
    long, fur, second = rng.uniform(0.35, 0.9), rng.uniform(0.05, 0.9), rng.uniform(0.05, 0.9)
    tall = long * rng.uniform(0.45, 0.95)
    thick, swing = long * rng.uniform(0.13, 0.22), rng.uniform(0.2, 0.7) * np.sin(phase)
    back = tall * 0.8
    yield from _limb((-long / 2, 0, back), (long / 2, 0, back), thick, fur)
    yield from _ball((long / 2, 0, back), thick * 1.1, thick * 1.1, fur)
    head = (long * rng.uniform(0.62, 0.85), 0.0, tall * rng.uniform(0.75, 1.35))
    yield from _limb((long / 2, 0, back), head, thick * 0.55, fur)
    yield from _ball(head, thick * 0.75, thick * 0.65, fur)
    snout = rng.uniform(0.5, 1.8) * thick
    yield from _limb(head, (head[0] + snout, 0, head[2] - thick * 0.3), thick * 0.35, second)
    for side in (-1, 1):
        ear = (head[0] - thick * 0.2, side * thick * 0.45, head[2] + thick * 0.5)
        yield from _cone(ear, (ear[0], ear[1], ear[2] + thick * rng.uniform(0.3, 0.9)), thick * 0.25, 0.005, fur)
    for at, side, turn in ((0.42, 1, swing), (0.42, -1, -swing), (-0.42, 1, -swing), (-0.42, -1, swing)):
        y = side * thick * 0.6
        ahead = at * long + turn * tall
        knee = (at * long + turn * tall * 0.4, y, tall * 0.35)
        yield from _limb((at * long, y, tall * 0.65), knee, thick * 0.33, fur)
        yield from _limb(knee, (ahead, y, 0.0), thick * 0.22, second if rng.random() < 0.3 else fur)
    tail, up = long * rng.uniform(0.2, 0.6), tall * rng.uniform(-0.3, 0.8)
    bushy = thick * (0.5 if rng.random() < 0.3 else 0.18)
    yield from _limb((-long / 2, 0, back), (-long / 2 - tail, 0, max(0.05, back + up)), bushy, fur)


def _bird(rng: np.random.Generator, phase: float) -> Iterator[Face]:
    long, fur = rng.uniform(0.15, 0.5), rng.uniform(0.03, 0.9)
    high = long * (0.45 if rng.random() < 0.6 else 2.5)  # on the ground, or above it
    yield from _ball((0, 0, high), long * 0.45, long * 0.25, fur)
    yield from _limb((0, 0, high), (-long * 0.8, 0, high - 0.03), long * 0.12, fur)
    yield from _ball((long * 0.45, 0, high + long * 0.25), long * 0.16, long * 0.16, rng.uniform(0.03, 0.9))
    if high > long:
        span = long * rng.uniform(0.8, 1.4)
        for side in (-1, 1):
            tip = (-0.1 * long, side * span, high + np.sin(phase) * span * 0.7)
            yield from _limb((0, side * 0.1 * long, high), tip, long * 0.2, fur, flat=0.2)
    else:
        for foot in (-0.1, 0.1):
            yield from _limb((0, foot * long, high), (0, foot * long, 0), long * 0.03, 0.3)


_MAKES: dict[str, Sequence[Callable[[np.random.Generator, float], Iterator[Face]]]] = {
    "person": (*(_walker,) * 14, _wheelchair),
    "vehicle": (*(_car,) * 6, *(_van,) * 2, *(_lorry,) * 2, *(_two_wheeler,) * 2),
    "animal": (*(_four_legs,) * 9, _bird),
}
"""How often each is among its kind."""


# --- solids ---------------------------------------------------------------------------------------------------------


def _face(corners: Sequence[Sequence[float]], albedo: float) -> Face:
    return Face(np.asarray(corners, np.float32), albedo)


def _hexahedron(
    low: Sequence[Sequence[float]], high: Sequence[Sequence[float]], albedo: Sequence[float]
) -> Iterator[Face]:
    """low, high: four corners each, to the left round seen from above. albedo: of the roof and of the four sides."""
    yield _face(high, albedo[0])
    for n in range(4):
        m = (n + 1) % 4
        yield _face([low[n], low[m], high[m], high[n]], albedo[1 + n])


def _prism(
    back: float, front: float, width: float, low: float, high: float, albedo: float, nose: float = 0.0
) -> Iterator[Face]:
    """A box along x; the front's upper edge lies further back by so much of its length."""
    w, cut = width / 2, nose * (front - back)
    feet = [(back, -w, low), (front, -w, low), (front, w, low), (back, w, low)]
    heads = [(back, -w, high), (front - cut, -w, high), (front - cut, w, high), (back, w, high)]
    yield from _hexahedron(feet, heads, [albedo] * 5)


def _cabin(
    b0: float, f0: float, b1: float, f1: float, width: float, low: float, high: float, paint: float, glass: float
) -> Iterator[Face]:
    w, v = width / 2 * 0.96, width / 2 * 0.8
    feet = [(b0, -w, low), (f0, -w, low), (f0, w, low), (b0, w, low)]
    heads = [(b1, -v, high), (f1, -v, high), (f1, v, high), (b1, v, high)]
    yield from _hexahedron(feet, heads, [paint, glass, glass, glass, glass])


def _upright(x0: float, x1: float, y: float, low: float, high: float, albedo: float, side: int) -> Face:
    corners = [(x0, y, low), (x1, y, low), (x1, y, high), (x0, y, high)]
    return _face(corners if side < 0 else corners[::-1], albedo)


def _across(x: float, w: float, low: float, high: float, albedo: float, way: int) -> Face:
    corners = [(x, -w, low), (x, w, low), (x, w, high), (x, -w, high)]
    return _face(corners if way > 0 else corners[::-1], albedo)


def _disc(x: float, y: float, z: float, radius: float, albedo: float, side: int) -> Face:
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False) * -side
    return _face([(x + radius * np.cos(t), y, z + radius * np.sin(t)) for t in turns], albedo)


def _wheels(length: float, width: float, radius: float, places: Sequence[float]) -> Iterator[Face]:
    for side in (-1, 1):
        for place in places:
            x, y = (place - 0.5) * length, side * (width / 2 + 0.02)
            yield _disc(x, y, radius, radius, 0.03, side)
            yield _disc(x, y + side * 0.01, radius, radius * 0.55, 0.45, side)


def _lights(front: float, back: float, width: float, high: float, rng: np.random.Generator) -> Iterator[Face]:
    shine = rng.uniform(0.5, 2.5)
    for side in (-1, 1):
        y = side * width * 0.36
        for x, way, albedo in ((front + 0.02, 1, shine), (back - 0.02, -1, rng.uniform(0.2, 0.9))):
            corners = [
                (x, y - 0.16, high * 0.65),
                (x, y + 0.16, high * 0.65),
                (x, y + 0.16, high * 0.85),
                (x, y - 0.16, high * 0.85),
            ]
            yield _face(corners if way > 0 else corners[::-1], albedo)
    yield _across(front + 0.02, width * 0.22, high * 0.45, high * 0.7, 0.05, 1)


def _limb(a: Sequence[float], b: Sequence[float], radius: float, albedo: float, flat: float = 1.0) -> Iterator[Face]:
    """A tube of eight sides between two points; flat: how thick it is ahead, of what it is across."""
    p, q = np.asarray(a, float), np.asarray(b, float)
    along = (q - p) / max(1e-6, float(np.linalg.norm(q - p)))
    across = np.cross(along, (1.0, 0.0, 0.0) if abs(along[0]) < 0.9 else (0.0, 0.0, 1.0))
    across /= np.linalg.norm(across)
    ahead = np.cross(along, across)
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = [np.cos(t) * across * radius + np.sin(t) * ahead * radius * flat for t in turns]
    for n in range(8):
        m = (n + 1) % 8
        yield _face([p + ring[n], p + ring[m], q + ring[m], q + ring[n]], albedo)
    yield _face([q + one for one in ring], albedo)
    yield _face([p + one for one in ring[::-1]], albedo)


def _cone(a: Sequence[float], b: Sequence[float], low: float, high: float, albedo: float) -> Iterator[Face]:
    """Around an upright line between two points, of different widths."""
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    rings = [
        [(p[0] + np.cos(t) * radius, p[1] + np.sin(t) * radius, p[2]) for t in turns]
        for p, radius in ((a, low), (b, high))
    ]
    for n in range(8):
        m = (n + 1) % 8
        yield _face([rings[0][n], rings[0][m], rings[1][m], rings[1][n]], albedo)
    yield _face(rings[1], albedo)


def _ball(middle: Sequence[float], width: float, height: float, albedo: float) -> Iterator[Face]:
    x, y, z = middle
    levels = [(-1.0, 0.05), (-0.6, 0.8), (0.0, 1.0), (0.6, 0.8), (1.0, 0.05)]
    for (h0, r0), (h1, r1) in pairwise(levels):
        yield from _cone((x, y, z + h0 * height), (x, y, z + h1 * height), r0 * width, r1 * width, albedo)


# --- drawing --------------------------------------------------------------------------------------------------------


def drawn(every: Sequence[Face], sight: Sight) -> Figure:
    sun, seen = sight.sun, _camera(sight.turn, sight.pitch, sight.distance)
    corners = np.concatenate([face.corners for face in every])
    begins = np.cumsum([0, *(len(face.corners) for face in every)])
    flat, ground = seen(corners), seen(_cast(corners, sun))
    low = np.minimum(flat[:, :2].min(axis=0), ground[:, :2].min(axis=0))
    high = np.maximum(flat[:, :2].max(axis=0), ground[:, :2].max(axis=0))
    scale = sight.scale * sight.distance or PIXELS / max(float(np.ptp(flat[:, :2], axis=0).max()), 1e-6)
    size = np.minimum(np.ceil((high - low) * scale).astype(int) + 9, 3 * PIXELS if not sight.scale else 1600)
    grey, alpha, shade = (np.zeros((size[1], size[0]), np.float32) for _ in range(3))
    at, below = (np.round((one[:, :2] - low) * scale + 4).astype(np.int32) for one in (flat, ground))
    shown = np.ascontiguousarray(flat[:, :2])
    away = np.add.reduceat(flat[:, 2], begins[:-1]) / np.diff(begins)
    lit = _normals(corners, begins) @ sun
    for n in np.argsort(-away).tolist():
        part = slice(begins[n], begins[n + 1])
        if sight.dark:
            cv2.fillPoly(shade, [below[part]], 1.0)
        if cv2.contourArea(shown[part], oriented=True) >= 0:
            continue
        light = _AMBIENT + (1 - _AMBIENT) * max(0.0, float(lit[n]))
        cv2.fillPoly(grey, [at[part]], float(min(255.0, sight.glow * 1.5 * every[n].albedo * light)))
        cv2.fillPoly(alpha, [at[part]], 1.0)
    blurred = [np.asarray(cv2.GaussianBlur(one, (0, 0), sight.soft), np.float32) for one in (grey * alpha, alpha)]
    grey = blurred[0] / np.maximum(blurred[1], 1e-3)
    shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), 1 + 2 * sight.soft), np.float32) * np.float32(sight.dark)
    foot = (seen(np.zeros((1, 3), np.float32))[0, :2] - low) * scale + 4
    return Figure(np.asarray(grey, np.float32), blurred[1], shade, (float(foot[0]), float(foot[1])))


def _camera(turn: float, pitch: float, distance: float) -> Callable[[Floats], Floats]:
    """Points [n, 3] -> across, down, and how far away."""
    c, s, cp, sp = np.cos(turn), np.sin(turn), np.cos(pitch), np.sin(pitch)

    def seen(points: Floats) -> Floats:
        x, y, z = points[:, 0] * c - points[:, 1] * s, points[:, 0] * s + points[:, 1] * c, points[:, 2]
        away = distance + x * cp - z * sp
        up = x * sp + z * cp
        near = np.maximum(away, 0.5)
        return np.stack([-y / near, -up / near, near], axis=1).astype(np.float32)

    return seen


def _cast(corners: Floats, sun: Any) -> Floats:
    """Where its shadow falls."""
    fall = corners[:, 2:] / max(0.35, float(sun[2]))
    return np.asarray(np.concatenate([corners[:, :2] - fall * sun[:2], np.zeros_like(fall)], axis=1), np.float32)


def _normals(corners: Floats, begins: Any) -> Any:
    first = begins[:-1]
    across = np.cross(corners[first + 1] - corners[first], corners[first + 2] - corners[first + 1])
    return across / np.maximum(1e-9, np.linalg.norm(across, axis=1))[:, None]

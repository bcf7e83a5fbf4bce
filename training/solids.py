"""Figures out of simple solids: cars, vans, lorries, two-wheelers, people, seen from anywhere, in any light.

They look like nothing that was filmed and belong to nobody; what they have in common with the real ones is what a small
crop shows of those: where edges run, what is dark and what shines. Lengths are metres, x ahead, y to the left, z up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Face:
    """corners: [n, 3], to the left round seen from outside. albedo: 0..1."""

    corners: Floats
    albedo: float


def vehicle(rng: np.random.Generator) -> Figure:
    make = (_car, _car, _car, _van, _lorry, _two_wheeler)[int(rng.integers(6))]
    return _drawn(make(rng), rng, pitch=np.deg2rad(rng.uniform(3, 45)))


def person(rng: np.random.Generator) -> Figure:
    return _drawn(_walker(rng), rng, pitch=np.deg2rad(rng.uniform(0, 80)))


def animal(rng: np.random.Generator) -> Figure:
    return _drawn(_four_legs(rng), rng, pitch=np.deg2rad(rng.uniform(5, 55)))


# --- what they are made of ----------------------------------------------------------------------------------------


def _car(rng: np.random.Generator) -> Iterator[Face]:
    length, width, waist, height = (
        rng.uniform(3.6, 4.9),
        rng.uniform(1.6, 1.9),
        rng.uniform(0.75, 1.0),
        rng.uniform(1.35, 1.75),
    )
    paint, glass = rng.uniform(0.05, 0.95), rng.uniform(0.02, 0.2)
    front, back = length / 2, -length / 2
    yield from _prism(back, front, width, 0.25, waist, paint, nose=rng.uniform(0, 0.12))
    roof_back, roof_front = back + rng.uniform(0.1, 0.9), front - rng.uniform(1.3, 2.0)
    foot_back, foot_front = back + rng.uniform(0, 0.3), front - rng.uniform(0.7, 1.1)
    yield from _cabin(foot_back, foot_front, roof_back, roof_front, width, waist, height, paint, glass)
    yield from _wheels(length, width, 0.32, (0.3, 0.78))
    yield from _lights(front, back, width, waist, rng)


def _van(rng: np.random.Generator) -> Iterator[Face]:
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


def _lorry(rng: np.random.Generator) -> Iterator[Face]:
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


def _two_wheeler(rng: np.random.Generator) -> Iterator[Face]:
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


def _walker(rng: np.random.Generator) -> Iterator[Face]:
    tall, stride, lean = rng.uniform(1.2, 1.95), rng.uniform(-0.5, 0.5), rng.uniform(-0.1, 0.15)
    hip, neck = tall * 0.5, tall * 0.82
    trousers, jacket, skin = rng.uniform(0.03, 0.8), rng.uniform(0.03, 0.95), rng.uniform(0.3, 0.85)
    wide = rng.uniform(0.13, 0.22)
    for side, turn in ((0.1, stride), (-0.1, -stride)):
        knee = (np.sin(turn) * tall * 0.25, side, tall * 0.26)
        foot = (np.sin(turn - 0.25) * tall * 0.45, side, 0.04)
        yield from _limb((0, side, hip), knee, 0.09, trousers)
        yield from _limb(knee, foot, 0.07, trousers)
        hand = (lean - np.sin(turn) * tall * 0.28, side * 2.9, hip + rng.uniform(-0.1, 0.3))
        yield from _limb((lean, side * 2.1, neck - 0.05), hand, 0.055, jacket)
    yield from _limb((0, 0, hip - 0.08), (lean, 0, neck), wide, jacket, flat=0.65)
    yield from _limb((lean, 0, neck), (lean * 1.2, 0, tall), 0.1, skin)
    if rng.random() < 0.3:
        yield from _limb((lean - 0.2, 0, neck - 0.1), (lean - 0.2, 0, hip + 0.1), 0.15, rng.uniform(0.05, 0.9))


def _four_legs(rng: np.random.Generator) -> Iterator[Face]:
    long, tall, fur = rng.uniform(0.35, 0.8), rng.uniform(0.22, 0.6), rng.uniform(0.05, 0.9)
    thick, swing = tall * rng.uniform(0.25, 0.4), rng.uniform(-0.4, 0.4)
    yield from _limb((-long / 2, 0, tall * 0.75), (long / 2, 0, tall * 0.75), thick, fur)
    yield from _limb((long / 2, 0, tall * 0.8), (long * 0.75, 0, tall * rng.uniform(0.7, 1.2)), thick * 0.6, fur)
    for at, turn in ((0.42, swing), (0.42, -swing), (-0.42, -swing), (-0.42, swing)):
        yield from _limb((at * long, 0, tall * 0.6), (at * long + turn * tall, 0, 0.0), thick * 0.3, fur)
    yield from _limb((-long / 2, 0, tall * 0.8), (-long * 0.9, 0, tall * rng.uniform(0.4, 1.4)), thick * 0.2, fur)


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


# --- drawing --------------------------------------------------------------------------------------------------------


def _drawn(faces: Iterator[Face], rng: np.random.Generator, pitch: float) -> Figure:
    """Seen from some side under this angle to the ground, by light from anywhere above."""
    every = list(faces)
    turn, distance = rng.uniform(0, 2 * np.pi), rng.uniform(6, 40)
    sun = np.array([*rng.normal(size=2), rng.uniform(0.3, 2)])
    sun, glow = sun / np.linalg.norm(sun), rng.uniform(90, 230)
    seen = _camera(turn, pitch, distance)
    flat = [seen(face.corners) for face in every]
    ground = [seen(_cast(face.corners, sun)) for face in every]
    corners = np.concatenate([one[:, :2] for one in (*flat, *ground)])
    low, extent = corners.min(axis=0), float(np.ptp(np.concatenate([one[:, :2] for one in flat]), axis=0).max())
    scale = PIXELS / max(extent, 1e-6)
    size = np.minimum(np.ceil(np.ptp(corners, axis=0) * scale).astype(int) + 9, 3 * PIXELS)
    grey, alpha, shade = (np.zeros((size[1], size[0]), np.float32) for _ in range(3))

    def onto(points: Floats) -> Any:
        return np.round((points[:, :2] - low) * scale + 4).astype(np.int32)

    for points in ground:
        cv2.fillPoly(shade, [onto(points)], 1.0)
    for n in sorted(range(len(every)), key=lambda n: -float(flat[n][:, 2].mean())):
        face, points = every[n], flat[n]
        if _area(points) >= 0:  # pictures count rows downward: what faces the camera goes round to the right
            continue
        light = _AMBIENT + (1 - _AMBIENT) * max(0.0, float(_normal(face.corners) @ sun))
        cv2.fillPoly(grey, [onto(points)], float(min(255.0, glow * 1.5 * face.albedo * light)))
        cv2.fillPoly(alpha, [onto(points)], 1.0)
    soft = rng.uniform(0.6, 1.4)
    blurred = [np.asarray(cv2.GaussianBlur(one, (0, 0), soft), np.float32) for one in (grey * alpha, alpha)]
    grey = blurred[0] / np.maximum(blurred[1], 1e-3)
    dark = np.float32(rng.uniform(0.1, 0.6) if rng.random() < 0.5 else 0.0)
    shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), rng.uniform(1, 6)), np.float32) * dark
    return Figure(np.asarray(grey, np.float32), blurred[1], shade)


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


def _normal(corners: Floats) -> Any:
    across = np.cross(corners[1] - corners[0], corners[2] - corners[1])
    return across / max(1e-9, float(np.linalg.norm(across)))


def _area(points: Floats) -> float:
    x, y = points[:, 0], points[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())

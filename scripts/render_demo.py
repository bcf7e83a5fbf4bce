"""Render the pictures of the demo cameras: `render_demo.py [CAMERA ...] [--only plates|figures] [--jobs N]`.

Needs POV-Ray and about an hour of processor time for everything. For each camera it writes into
`src/tawny/sources/demo/pictures/`: three empty plates (day, dusk, infrared), what the wind moves, and for each passage
an atlas of the figure cut out of its 10 pictures a second, one of its opacity, one of its shadow, and where in the
picture they belong.
A figure is traced in its place: occlusion by railings and corners, perspective and shadow are those of the scene.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SCENES = Path(__file__).resolve().parent / "scenes"
OUT = ROOT / "src/tawny/sources/demo/pictures"
WIDTH, HEIGHT, FPS = 1280, 720, 10
FINER = 1.5
"""Plates are traced so much larger, then made smaller: quicker than to smooth each blade of grass, and as good."""
DAY, DUSK, INFRARED = 0, 1, 2
PLATE, FIGURE, SHADOW, LEAVES, SEEN = 0, 1, 2, 3, 4
KINDS = {"person": 1, "vehicle": 2, "animal": 3}
HEIGHT_M = {"person": 1.85, "vehicle": 1.55, "animal": 0.7}
REACH_M = {"person": 0.55, "vehicle": 2.3, "animal": 0.6}
"""Half of the longest side on the ground."""
GAIT_M = {"person": 1.5, "vehicle": 1.0, "animal": 0.62}
"""How far two steps carry."""
Array = np.ndarray[Any, np.dtype[Any]]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Way:
    """A passage: a figure along a smooth line through points (x, z) of the ground, in metres."""

    name: str
    kind: str
    look: int
    points: Sequence[tuple[float, float]]
    speed: float
    ground: float = 0.03
    stops: bool = False
    """It slows down at the end, stands there, and goes back the way it came (a car: in reverse)."""


@dataclass(frozen=True)
class View:
    eye: Vector
    aim: Vector
    angle: float
    sun: Vector
    lamp: float = 3.4
    exposure: tuple[float, float, float] = (1.5, 1.7, 1.2)
    """Gain in day, dusk and infrared."""
    ways: Sequence[Way] = field(default_factory=tuple)

    def declares(self) -> list[str]:
        names = ["CX", "CY", "CZ", "AX", "AY", "AZ", "SX", "SY", "SZ", "ANGLE", "LAMP"]
        values = [*self.eye, *self.aim, *self.sun, self.angle, self.lamp]
        return [f"Declare={name}={value}" for name, value in zip(names, values, strict=True)]

    def project(self, point: Vector) -> tuple[float, float] | None:
        """Where a point of the scene is in the picture, in pixels; None behind the camera."""
        ahead = _unit(np.subtract(self.aim, self.eye))
        right = _unit(np.cross((0, 1, 0), ahead))
        up = np.cross(ahead, right)
        to = np.subtract(point, self.eye)
        depth = float(to @ ahead)
        if depth < 0.05:
            return None
        scale = WIDTH / 2 / math.tan(math.radians(self.angle / 2)) / depth
        return WIDTH / 2 + float(to @ right) * scale, HEIGHT / 2 - float(to @ up) * scale


VIEWS: dict[str, View] = {
    "front": View(
        (2.9, 2.9, -0.9),
        (-0.5, 0.35, -3.6),
        92,
        (-30, 34, -40),
        ways=(
            Way(
                "parcel",
                "person",
                0,
                (
                    (5.2, -11.7),
                    (2.0, -11.7),
                    (0.6, -11.2),
                    (0.1, -9.5),
                    (0.15, -5),
                    (0.5, -2.6),
                    (1.9, -1.35),
                    (3.4, -0.4),
                ),
                1.5,
            ),
            Way(
                "out",
                "person",
                1,
                (
                    (3.4, -0.3),
                    (1.9, -1.3),
                    (0.4, -3.0),
                    (0.05, -6),
                    (0.1, -9.6),
                    (0.6, -11.2),
                    (2.2, -11.7),
                    (5.4, -11.7),
                ),
                1.6,
            ),
            Way(
                "cat",
                "animal",
                0,
                ((4.6, -5.6), (2.4, -4.4), (0.3, -4.7), (-1.7, -4.4), (-3.2, -3.4), (-4.6, -2.0), (-6.0, -0.8)),
                1.7,
                0.0,
            ),
            Way("street", "vehicle", 2, ((12, -13.6), (4, -13.6), (-6, -13.6), (-16, -13.6), (-26, -13.6)), 8.5),
        ),
    ),
    "drive": View(
        (-4.4, 3.3, -1.2),
        (0.4, 0.2, -5.6),
        88,
        (-34, 30, -26),
        ways=(
            Way(
                "car",
                "vehicle",
                0,
                (
                    (-26, -14.0),
                    (-14, -14.0),
                    (-6, -14.0),
                    (-1.6, -13.4),
                    (0.4, -11.2),
                    (0.75, -8.4),
                    (0.75, -5.6),
                    (0.75, -5.0),
                ),
                6.0,
                stops=True,
            ),
            Way(
                "home",
                "person",
                2,
                (
                    (-15, -11.6),
                    (-6, -11.6),
                    (-1.6, -11.4),
                    (0.1, -9.6),
                    (0.2, -7.0),
                    (-0.8, -4.4),
                    (-2.2, -2.2),
                    (-3.6, -0.6),
                ),
                1.7,
            ),
            Way(
                "cat",
                "animal",
                1,
                ((5.0, -5.15), (3.9, -5.5), (2.2, -5.8), (0.2, -6.2), (-2.0, -5.4), (-4.0, -5.0), (-7.0, -5.6)),
                1.6,
            ),
        ),
    ),
    "garden": View(
        (-3.8, 3.2, 0.2),
        (0.9, 0.1, -6),
        86,
        (40, 36, 10),
        ways=(
            Way(
                "cat",
                "animal",
                0,
                (
                    (3.4, -11.85),
                    (2.0, -11.75),
                    (1.5, -10.4),
                    (1.1, -8.4),
                    (0.2, -5.9),
                    (-0.6, -3.4),
                    (-2.0, -1.6),
                    (-3.4, -0.6),
                    (-4.4, 0.4),
                ),
                1.5,
                0.02,
            ),
            Way(
                "stroll",
                "person",
                2,
                (
                    (-5.6, -0.6),
                    (-3.6, -1.5),
                    (-1.4, -2.9),
                    (0.4, -4.2),
                    (1.8, -4.4),
                    (3.0, -3.3),
                    (3.7, -2.0),
                    (4.4, -0.9),
                    (4.9, 0.3),
                ),
                1.35,
                0.03,
            ),
        ),
    ),
    "side": View(
        (0.9, 2.8, 0),
        (-0.05, 0.5, -5),
        86,
        (-26, 60, -30),
        ways=(
            Way(
                "comes",
                "person",
                3,
                (
                    (4.0, -12.7),
                    (2.0, -12.6),
                    (0.6, -12.1),
                    (-0.15, -10.6),
                    (-0.3, -6),
                    (-0.35, -2.5),
                    (-0.3, -0.6),
                    (-0.2, 0.8),
                ),
                1.45,
            ),
            Way(
                "goes",
                "person",
                4,
                (
                    (-0.2, 0.6),
                    (-0.3, -1.2),
                    (-0.35, -4),
                    (-0.2, -9),
                    (0.0, -11.2),
                    (0.9, -12.4),
                    (2.2, -12.6),
                    (4.2, -12.6),
                ),
                1.6,
            ),
        ),
    ),
    "hall": View(
        (1.5, 2.35, 0.2),
        (-0.3, 0.7, -4),
        90,
        (0, 1, 0),
        2.6,
        (1.05, 1.05, 1.2),
        ways=(
            Way(
                "comes",
                "person",
                1,
                ((-4.6, -3.4), (-3.0, -4.0), (-1.6, -4.0), (-0.5, -3.3), (0.0, -2.0), (0.2, -0.4), (0.3, 1.2)),
                1.25,
                0.012,
            ),
            Way(
                "goes",
                "person",
                2,
                ((0.5, 1.0), (0.3, -0.8), (-0.1, -2.6), (-0.9, -3.7), (-2.0, -4.1), (-3.0, -4.0), (-4.6, -3.4)),
                1.3,
                0.012,
            ),
        ),
    ),
    "gate": View(
        (-4, 3.4, 0),
        (1.2, 0.4, -7),
        84,
        (-30, 34, 14),
        ways=(
            Way("street", "vehicle", 1, ((60, -12.6), (26, -12.6), (8, -12.6), (-6, -12.6), (-16, -12.6)), 8.5),
            Way(
                "jogger",
                "person",
                1,
                ((-9, -6.4), (-4, -6.4), (2, -6.5), (10, -6.4), (20, -6.4), (29, -6.4)),
                2.7,
                0.08,
            ),
            Way(
                "cat",
                "animal",
                0,
                ((7.0, -4.3), (4.8, -3.7), (2.2, -3.9), (-0.6, -3.4), (-3.0, -2.9), (-5.4, -3.0), (-8.0, -3.4)),
                1.7,
                0.02,
            ),
        ),
    ),
}


# --- POV-Ray ----------------------------------------------------------------------------------------------------------


def trace(
    camera: str,
    out: Path,
    *,
    part: int,
    light: int = DAY,
    cut: "Cut | None" = None,
    declares: Sequence[str] = (),
    divisor: float = 1,
) -> Array:
    """One picture or a `cut` (x0, y0, x1, y1) of it, uint16 [height, width, 3], BGR in sRGB."""
    width, height = round(WIDTH / divisor), round(HEIGHT / divisor)
    command = ["povray", f"+I{camera}.pov", f"+O{out}", f"+W{width}", f"+H{height}", "+FN16", "-D", "-V"]
    if cut:
        command += [f"+SC{cut[0] + 1}", f"+EC{cut[2]}", f"+SR{cut[1] + 1}", f"+ER{cut[3]}"]
    fine = {FIGURE: ("+A0.2", "+AM2", "+R2"), SEEN: ("+A0.1", "+R3")}
    command += [*fine.get(part, ("-A",)), "+WT2" if part == PLATE else "+WT1"]
    command += [f"Declare=PASS={part}", f"Declare=LIGHT={light}", *VIEWS[camera].declares(), *declares]
    done = subprocess.run(command, cwd=SCENES, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    picture = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    out.unlink()
    assert picture is not None
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if cut and picture.shape[:2] == (height, width):
        picture = picture[cut[1] : cut[3], cut[0] : cut[2]]
    return picture


def linear(picture: Array) -> Array:
    """sRGB to light, float32 0..1."""
    v = picture.astype(np.float32) / (65535 if picture.dtype == np.uint16 else 255)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)


def developed(light: Array, gain: float) -> Array:
    """Light to uint8 as a camera would: gain, a shoulder that keeps the sky, sRGB."""
    v = light * gain
    v = np.where(v > 0.6, 0.6 + 0.4 * np.tanh((v - 0.6) / 0.55), v)
    s = np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 1e-6) ** (1 / 2.4) - 0.055)
    return (s * 255).clip(0, 255).round().astype(np.uint8)


# --- plates -----------------------------------------------------------------------------------------------------------


def plates(camera: str, scratch: Path) -> None:
    view = VIEWS[camera]
    for light, name in ((DAY, "day"), (DUSK, "dusk"), (INFRARED, "infrared")):
        large = trace(camera, scratch / f"{name}.png", part=PLATE, light=light, divisor=1 / FINER)
        lit = cv2.resize(linear(large), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        lit *= _vignette(0.30 if light == INFRARED else 0.16)[:, :, None]
        picture = developed(lit, view.exposure[light])
        if light == INFRARED:
            grey = cv2.GaussianBlur(picture.astype(np.float32) @ np.array((0.2, 0.5, 0.3), np.float32), (0, 0), 0.7)
            picture = cv2.cvtColor((14 + grey * 0.93).clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
        write(f"{camera}-{name}.webp", picture, 64)
    leaves = trace(camera, scratch / "leaves.png", part=LEAVES)[:, :, 1].astype(np.float32) / 65535
    soft = cv2.GaussianBlur(cv2.resize(leaves, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    write(f"{camera}-leaves.webp", (soft * 255).astype(np.uint8), 70)


def _vignette(depth: float) -> Array:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    return np.asarray(1 - depth * (x * x + 0.6 * y * y) ** 1.3 / 1.6, np.float32)


# --- passages ---------------------------------------------------------------------------------------------------------

Cut = tuple[int, int, int, int]


@dataclass(frozen=True)
class Step:
    x: float
    z: float
    turn: float
    gait: float


def steps(way: Way) -> Iterator[Step]:
    """Where the figure is, ten times a second."""
    line = _spline(way.points)
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    total, done, speed = float(lengths[-1]), 0.0, way.speed
    while done < total:
        here, ahead = (np.array([np.interp(at, lengths, line[:, k]) for k in (0, 1)]) for at in (done, done + 0.3))
        if done + 0.3 > total:
            ahead = here + line[-1] - line[-2]
        dx, dz = ahead - here
        yield Step(
            float(here[0]),
            float(here[1]),
            math.degrees(math.atan2(-dx, -dz)),
            done / (GAIT_M[way.kind] * max(1.0, way.speed / 2)) % 1,
        )
        if way.stops:
            speed = min(way.speed, max(0.35, math.sqrt(2 * 2.2 * (total - done))))
        done += speed / FPS


def _spline(points: Sequence[tuple[float, float]]) -> Array:
    """Catmull-Rom through the points."""
    p = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, 40, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*pieces, p[-1:]])


def around(view: View, way: Way, step: Step, *, shadow: bool) -> Cut | None:
    """The part of the picture in which the figure, or also its shadow, can be."""
    reach, height = REACH_M[way.kind], HEIGHT_M[way.kind]
    points: list[Vector] = []
    for a in (-1, 1):
        for b in (-1, 1):
            for h in (0.0, height):
                x, z = step.x + a * reach, step.z + b * reach
                points.append((x, way.ground + h, z))
                if shadow:
                    points.append((x - view.sun[0] / view.sun[1] * h, way.ground, z - view.sun[2] / view.sun[1] * h))
    seen = [view.project(p) for p in points]
    if all(p is None for p in seen):
        return None
    xs = [(WIDTH * 2 if p is None else p[0]) for p in seen]
    ys = [(HEIGHT * 2 if p is None else p[1]) for p in seen]
    if None in seen:
        xs.append(-WIDTH)
    x0, x1 = max(0, int(min(xs)) - 6), min(WIDTH, int(max(xs)) + 8)
    y0, y1 = max(0, int(min(ys)) - 6), min(HEIGHT, int(max(ys)) + 8)
    return (x0 & ~1, y0 & ~1, (x1 + 1) & ~1, (y1 + 1) & ~1) if x1 - x0 > 2 and y1 - y0 > 2 else None


@dataclass(frozen=True)
class Still:
    """A figure at one instant: cut out, in its place, with its shadow at half the size."""

    at: tuple[int, int]
    figure: Array
    shade_at: tuple[int, int]
    shade: Array


def still(camera: str, way: Way, step: Step, white: Array, scratch: Path) -> Still | None:
    view = VIEWS[camera]
    near, wide = around(view, way, step, shadow=False), around(view, way, step, shadow=True)
    if near is None or wide is None:
        return None
    at = {"FX": step.x, "FY": way.ground, "FZ": step.z, "TURN": step.turn, "GAIT": step.gait}
    place = [f"Declare={name}={value:.4f}" for name, value in at.items()]
    place += [f"Declare=FIGURE={KINDS[way.kind]}", f"Declare=LOOK={way.look}"]
    scratch.mkdir(exist_ok=True)
    seen = linear(trace(camera, scratch / "a.png", part=SEEN, cut=near, declares=place)[:, :, 0])
    seen[seen < 0.04] = 0
    if seen.max() < 0.5 or (seen > 0.5).sum() < 12:
        return None
    corner, figure = _cut_out(camera, near, seen, place, scratch)
    return Still(corner, figure, *_shade(camera, wide, white, place, scratch))


def _cut_out(camera: str, near: Cut, seen: Array, place: Sequence[str], scratch: Path) -> tuple[tuple[int, int], Array]:
    """The figure in its own colours, and as much of it as the scene lets one see."""
    colour = trace(camera, scratch / "f.png", part=FIGURE, cut=near, declares=place)
    bgr = developed(linear(colour), VIEWS[camera].exposure[DAY])
    bgr = _spread(bgr, seen > 0.5)
    ys, xs = np.nonzero(seen)
    x0, y0, x1, y1 = int(xs.min()) & ~1, int(ys.min()) & ~1, (int(xs.max()) + 2) & ~1, (int(ys.max()) + 2) & ~1
    opaque = (np.rint(seen * 3) * 85).astype(np.uint8)  # four steps: edges are most of an atlas's bytes
    figure = np.dstack([bgr, opaque])[y0:y1, x0:x1]
    return (near[0] + x0, near[1] + y0), figure


def _spread(bgr: Array, solid: Array) -> Array:
    """Colours of the figure carried a little over its edge, so that no dark seam is left around it."""
    out, known = bgr.copy(), solid.astype(np.uint8)
    for _ in range(3):
        weight = cv2.blur(known.astype(np.float32), (3, 3))
        mean = cv2.blur(out.astype(np.float32) * known[:, :, None], (3, 3)) / np.maximum(weight, 1e-3)[:, :, None]
        fresh = (weight > 0) & (known == 0)
        out[fresh] = mean[fresh].clip(0, 255)
        known[fresh] = 1
    return out


def _shade(camera: str, wide: Cut, white: Array, place: Sequence[str], scratch: Path) -> tuple[tuple[int, int], Array]:
    """Its shadow at half the size, trimmed, and where it begins there."""
    cut = (wide[0] // 2, wide[1] // 2, wide[2] // 2, wide[3] // 2)
    world = linear(trace(camera, scratch / "s.png", part=SHADOW, cut=cut, declares=place, divisor=2))
    alpha = (world[:, :, 0] - world[:, :, 2]).clip(0, 1)
    before = white[cut[1] : cut[3], cut[0] : cut[2]]
    shade = (1 - (world[:, :, 2] + 0.02) / (before * (1 - alpha) + 0.02)).clip(0, 1)
    shade[alpha > 0.6] = 0
    shade = cv2.GaussianBlur(shade, (0, 0), 0.7)
    shade[shade < 0.03] = 0
    ys, xs = np.nonzero(shade)
    if not len(xs):
        return (0, 0), np.zeros((1, 1), np.uint8)
    x0, x1, y0, y1 = int(xs.min()), int(xs.max()) + 1, int(ys.min()), int(ys.max()) + 1
    return (cut[0] + x0, cut[1] + y0), (shade[y0:y1, x0:x1] * 255).clip(0, 255).astype(np.uint8)


def passages(camera: str, scratch: Path, jobs: int, only: Sequence[str]) -> None:
    white = linear(trace(camera, scratch / "white.png", part=SHADOW, divisor=2)[:, :, 2])
    book = OUT / f"{camera}.json"
    known = json.loads(book.read_text())["passages"] if book.exists() else []
    data = {entry["name"]: entry for entry in known}
    for way in VIEWS[camera].ways:
        if only and way.name not in only:
            continue
        places = list(steps(way))
        with ThreadPoolExecutor(jobs) as pool:
            stills = list(
                pool.map(
                    lambda n, w=way, p=places: still(camera, w, p[n], white, scratch / f"{w.name}{n}"),
                    range(len(places)),
                )
            )
        while stills and stills[0] is None:
            stills.pop(0)
        while stills and stills[-1] is None:
            stills.pop()
        data[way.name] = _bound(camera, way, stills)
        print(camera, way.name, len(stills), "pictures", data[way.name]["bytes"], "bytes", flush=True)
    entries = [data[way.name] for way in VIEWS[camera].ways if way.name in data]
    book.write_text(json.dumps({"camera": camera, "passages": entries}, separators=(",", ":")) + "\n")


def _bound(camera: str, way: Way, stills: Sequence[Still | None]) -> dict[str, Any]:
    """Both atlases of a passage, and its entry in the book."""
    figures = [s.figure for s in stills if s]
    shades = [s.shade for s in stills if s]
    atlas, corners = packed(figures)
    dark, dark_corners = packed(shades)
    size = write_apart(f"{camera}-{way.name}", atlas, 60) + write(f"{camera}-{way.name}-shade.webp", dark, 30)
    frames: list[list[int] | None] = []
    n = 0
    for s in stills:
        if s is None:
            frames.append(None)
            continue
        h, w = s.figure.shape[:2]
        sh, sw = s.shade.shape[:2]
        frames.append([*s.at, w, h, *corners[n], *s.shade_at, sw, sh, *dark_corners[n]])
        n += 1
    return {"name": way.name, "kind": way.kind, "returns": way.stops, "bytes": size, "frames": frames}


def packed(pieces: Sequence[Array]) -> tuple[Array, list[tuple[int, int]]]:
    """Pieces in rows of one picture, and where each begins."""
    widest = max(1024, *(p.shape[1] for p in pieces))
    corners: list[tuple[int, int]] = []
    x = y = row = 0
    for p in pieces:
        if x + p.shape[1] > widest:
            x, y, row = 0, y + row, 0
        corners.append((x, y))
        x, row = x + ((p.shape[1] + 1) & ~1), max(row, (p.shape[0] + 1) & ~1)
    atlas = np.zeros((y + row, widest, *pieces[0].shape[2:]), np.uint8)
    for p, (px, py) in zip(pieces, corners, strict=True):
        atlas[py : py + p.shape[0], px : px + p.shape[1]] = p
    return atlas, corners


def write(name: str, picture: Array, quality: int) -> int:
    path = OUT / name
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return path.stat().st_size


def write_apart(name: str, picture: Array, quality: int) -> int:
    """Write colours and opacity into files of their own: decoded from one file they need twice the memory."""
    _, coded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    colours, opacity = OUT / f"{name}.webp", OUT / f"{name}-opacity.png"
    colours.write_bytes(_without_opacity(coded.tobytes()))
    cv2.imwrite(str(opacity), np.ascontiguousarray(picture[:, :, 3]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return colours.stat().st_size + opacity.stat().st_size


def _without_opacity(webp: bytes) -> bytes:
    """The same file with its colours only. WebP chose those of what is not seen, so that they cost least."""
    at = 12
    while webp[at : at + 4] != b"VP8 ":
        at += 8 + (int.from_bytes(webp[at + 4 : at + 8], "little") + 1) // 2 * 2
    whole = b"WEBP" + webp[at : at + 8 + (int.from_bytes(webp[at + 4 : at + 8], "little") + 1) // 2 * 2]
    return b"RIFF" + len(whole).to_bytes(4, "little") + whole


def _unit(v: Any) -> Array:
    return np.asarray(v / np.linalg.norm(v))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cameras", nargs="*", help=f"of {', '.join(VIEWS)}; all unless named")
    parser.add_argument("--only", choices=("plates", "figures"))
    parser.add_argument("--way", action="append", default=[], help="only this passage")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    for camera in args.cameras or VIEWS:
        with tempfile.TemporaryDirectory() as folder:
            if args.only != "figures":
                plates(camera, Path(folder))
            if args.only != "plates":
                passages(camera, Path(folder), args.jobs, args.way)


if __name__ == "__main__":
    main()

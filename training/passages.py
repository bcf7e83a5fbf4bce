"""Films of figures of solids that pass through rendered places by day and by infrared at night, watched by the detector
itself: the crops it makes of them have its own masks, shadows and cut-off limbs. Nothing is encoded or kept.

    python -m training.passages -o FOLDER [--films 400] [--seed 1] [--without-demo] [--tracks]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tawny.detection.decode_pipeline import GreyFrame
from tawny.detection.kind_model import KINDS, LEAST_CELLS, LIKELY, MOST, cells_in, crops_of
from tawny.detection.motion import MotionDetector
from tawny.model.observations import ANIMAL, NOTHING, PERSON, VEHICLE, Box
from tawny.sources.demo.assets import plate
from tawny.sources.demo.world import SCENES
from training import solids
from training.samples import Samples, written
from training.solids import Figure, Floats, Sight

WIDE, HIGH = 640, 360
LOOK_MS = 200
LEARNS = 45
"""Looks before the first figure comes: the detector learns the place."""
LEAFY = 0.25
"""So many films by day are of a place under leaves."""
IN_COMPANY = 0.4
"""So often others walk beside a person, up to MOST_BESIDE."""
MOST_BESIDE = 3
CLOSE = 0.15
"""So often a person is so close to the camera that only a part is in the picture: head and shoulders, or legs."""
LIT, OUTLINES = 0.6, 0.3
"""So many vehicles at night have their headlamps on, and so many of the others are nothing but an outline."""
BETWEEN = 8
PASSAGES = 8
"""In each film."""
ACROSS = 0.4
"""So often somebody passes by across the picture; else they go any way, also towards the camera."""
DEMO = "demo"
"""In the name of samples with pictures of the demo cameras."""
CHANCE = {PERSON: 0.42, VEHICLE: 0.24, ANIMAL: 0.2, NOTHING: 0.14}
LONG = {PERSON: 1.7, VEHICLE: 4.2, ANIMAL: 0.7}
"""Metres, about."""
SPEED = {PERSON: (0.6, 3.2), VEHICLE: (2.0, 12.0), ANIMAL: (0.4, 3.5)}
"""Metres a second."""
SHINES = 0.9
"""Albedo from which on something burns out at night."""
BURNT = 9.0
"""Of a headlamp that is on."""
KEPT = 14
"""Crops of one track, spread over its time."""
COVERED = 0.35
"""Share of the smaller box that the figure's and the track's must have in common..."""
OF_TRACK = 0.18
"""...and that of the track's: the rest may be its shadow."""


@dataclass
class Film:
    """A place, its light and its camera's faults. night: by the camera's own lamp."""

    place: Floats
    night: bool
    noise: float
    grain: float
    smoothing: float
    sun: Any
    glow: float
    dark: float
    pitch: float
    front: Floats
    """0..1: what stands before those who pass."""
    flat: float
    """0..1: how much of what tells parts of a figure from each other the camera still shows: little of it at night."""
    sunny: Floats
    """0..1: where there is sun to stand in: under leaves, a shadow darkens only the spots of light."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-demo", action="store_true", help="no pictures of the demo cameras")
    parser.add_argument("--tracks", action="store_true", help="whole tracks with their boxes, for training.tracks")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    crops: list[Any] = []
    labels: list[int] = []
    numbers: list[int] = []
    boxes: list[Box] = []
    for number in range(options.films):
        rng = np.random.default_rng([options.seed, number])
        for kind, several in tracks(_film(rng, demo=not options.without_demo), rng):
            kept = several if options.tracks else _spread(several)
            crops += [crop for crop, _ in kept]
            boxes += [box for _, box in kept]
            labels += [KINDS.index(kind)] * len(kept)
            numbers += [numbers[-1] + 1 if numbers else 0] * len(kept)
        if number % 20 == 19:
            print(f"\r{number + 1} films, {len(crops)} crops", end="", file=sys.stderr, flush=True)
    if options.tracks:
        file = options.output / f"tracks-{options.seed}.npz"
        options.output.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, crops=np.stack(crops), kinds=labels, track=numbers, boxes=boxes)
        print(f"\n{file}: {len(set(numbers))} tracks")
        return 0
    name = f"rendered-{options.seed}" if options.without_demo else f"rendered-{DEMO}-{options.seed}"
    samples = Samples(name, np.stack(crops), np.asarray(labels))
    print(f"\n{written(options.output, samples)}: {samples.counts()}")
    return 0


# --- places ---------------------------------------------------------------------------------------------------------


def _film(rng: np.random.Generator, *, demo: bool) -> Film:
    night = bool(rng.random() < 0.45)
    place = _demo_place(rng, night=night) if demo and rng.random() < 0.4 else made_place(rng)
    if night:
        lamp = _lamp(rng)
        place = place * lamp * rng.uniform(0.25, 0.8) + rng.uniform(4, 20)
    else:
        place = place * rng.uniform(0.5, 1.25) + rng.uniform(0, 25)
    sunny = np.ones_like(place)
    if not night and rng.random() < LEAFY:
        sunny = _spots(rng)
        place = place * (rng.uniform(0.3, 0.6) + sunny)
    sun = np.array([*rng.normal(size=2), rng.uniform(0.25, 1.6)])
    return Film(
        np.asarray(np.clip(place, 0, 255), np.float32), night,
        float(np.exp(rng.uniform(np.log(0.6), np.log(7 if night else 3)))), rng.uniform(0.4, 1.4),
        rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0, sun / np.linalg.norm(sun),
        rng.uniform(60, 200) if night else rng.uniform(90, 230),
        0.0 if night or rng.random() < 0.3 else rng.uniform(0.15, 0.65),
        float(np.deg2rad(rng.uniform(4, 70))), _front(rng),
        float(rng.uniform(0.05, 1.0)) if night else 1.0, sunny,
    )  # fmt: skip


def _lamp(rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[0:HIGH, 0:WIDE].astype(np.float32)
    away = np.hypot((x - rng.uniform(220, 420)) / WIDE, (y - rng.uniform(150, 300)) / HIGH * 0.6)
    return np.asarray(0.15 + 0.85 * np.exp(-((away / rng.uniform(0.25, 0.6)) ** 2)), np.float32)


def _spots(rng: np.random.Generator) -> Floats:
    """Light that comes through leaves: soft spots of all sizes, over part of the picture or all of it."""
    cells = int(rng.integers(20, 90))
    grain = cv2.GaussianBlur(rng.standard_normal((cells * 9 // 16, cells)).astype(np.float32), (0, 0), 0.8)
    spots = np.clip((_scaled(grain / grain.std()) - rng.uniform(-0.4, 0.8)) * rng.uniform(2, 6), 0, 1)
    if rng.random() < 0.5:  # the crown ends somewhere
        y, x = np.mgrid[0:HIGH, 0:WIDE]
        away = (x - rng.uniform(0, WIDE)) * np.cos(t := rng.uniform(0, 6.3)) + (y - rng.uniform(0, HIGH)) * np.sin(t)
        spots = np.where(away > 0, spots, 1)
    return np.asarray(cv2.GaussianBlur(spots.astype(np.float32), (0, 0), 1.5), np.float32)


def _demo_place(rng: np.random.Generator, *, night: bool) -> Floats:
    luma = _plate(str(rng.choice(list(SCENES))), "infrared" if night else str(rng.choice(["day", "dusk"])))
    edge = float(rng.uniform(0.5, 1.0))
    height, width = int(HIGH * edge), int(WIDE * edge)
    y, x = int(rng.integers(0, luma.shape[0] - height + 1)), int(rng.integers(0, luma.shape[1] - width + 1))
    part = luma[y : y + height, x : x + width]
    return _scaled(part[:, ::-1] if rng.random() < 0.5 else part)


@lru_cache(maxsize=18)
def _plate(scene: str, light: str) -> Any:
    return plate(scene, light, 2)[:HIGH]


def made_place(rng: np.random.Generator) -> Floats:
    """Ground, walls and edges of nowhere: areas of different brightness and grain with straight and soft borders."""
    place = np.full((HIGH, WIDE), rng.uniform(40, 190), np.float32)
    for _ in range(int(rng.integers(2, 12))):
        corners = rng.uniform((-100, -60), (WIDE + 100, HIGH + 60), (int(rng.integers(3, 6)), 2))
        area = np.zeros((HIGH, WIDE), np.float32)
        cv2.fillConvexPoly(area, cv2.convexHull(corners.astype(np.int32)), 1.0)
        if rng.random() < 0.4:
            area = np.asarray(cv2.GaussianBlur(area, (0, 0), rng.uniform(1, 15)), np.float32)
        place += area * (rng.uniform(20, 220) - place)
    for _ in range(3):
        cells = int(np.exp(rng.uniform(np.log(6), np.log(160))))
        grain = _scaled(rng.standard_normal((max(2, cells * 9 // 16), cells)).astype(np.float32))
        place += grain * rng.uniform(0, 14)
    for _ in range(int(rng.integers(0, 7))):
        a, b = rng.uniform((-50, -50), (WIDE + 50, HIGH + 50), (2, 2)).astype(int).tolist()
        cv2.line(place, a, b, float(rng.uniform(10, 240)), int(rng.integers(1, 9)), cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(place, (0, 0), rng.uniform(0.4, 1.2)), np.float32)


def _scaled(part: Any) -> Floats:
    made = cv2.resize(part.astype(np.float32), (WIDE, HIGH), interpolation=cv2.INTER_LINEAR)
    return np.asarray(made, np.float32)


def _front(rng: np.random.Generator) -> Floats:
    front = np.zeros((HIGH, WIDE), np.float32)
    if rng.random() < 0.25:  # posts, trunks, bars
        for x in rng.uniform(0, WIDE, int(rng.integers(1, 9))).tolist():
            cv2.line(front, (int(x), 0), (int(x + rng.normal(0, 10)), HIGH), 1.0, int(rng.integers(2, 26)))
    if rng.random() < 0.25:  # a hedge, a wall, a car in front
        x, y = int(rng.uniform(-80, WIDE)), int(rng.uniform(HIGH * 0.5, HIGH))
        cv2.rectangle(front, (x, y), (x + int(rng.uniform(60, 400)), HIGH), 1.0, -1)
    return front


# --- who passes -----------------------------------------------------------------------------------------------------


@dataclass
class _Way:
    """Where a figure is at which look. at: across, down, and pixels a metre."""

    kind: str
    seed: int
    at: list[tuple[float, float, float]]
    turn: float
    step: float
    """How far its gait goes on in a look, radians."""
    bright: float
    is_lit: bool = False
    """Its headlamps are on: they burn out, and light the ground ahead."""
    is_outline: bool = False


def _way(kind: str, film: Film, rng: np.random.Generator) -> _Way:
    long = LONG[kind]
    is_close = kind == PERSON and rng.random() < CLOSE
    least, most = (260, 900) if is_close else (16, 250 if kind != ANIMAL else 150)
    size = float(np.exp(rng.uniform(np.log(least), np.log(most))))
    metre, speed = size / long, rng.uniform(*SPEED[kind])
    looks = int(rng.integers(14, 38))
    if rng.random() < ACROSS:
        stretch = float(rng.uniform(0.55, 1.8)) if rng.random() < 0.5 else 1.0  # comes nearer or goes away
        heading = float(rng.choice([0, np.pi]) + rng.normal(0, 0.35))
    else:  # any way, and seen larger the nearer it comes
        heading = float(rng.uniform(0, 2 * np.pi))
        stretch = float(np.exp(np.sin(heading) * np.cos(film.pitch) * rng.uniform(0.2, 1.6)))
    dx, dy = np.cos(heading), np.sin(heading) * np.sin(film.pitch)
    reach = speed * metre * LOOK_MS / 1000
    mid = np.array([rng.uniform(0.2, 0.8) * WIDE, rng.uniform(0.35, 1.0) * HIGH])
    if is_close:
        reach *= float(rng.uniform(0.1, 0.6))
        mid[1] = rng.uniform(0.0, 0.7) * HIGH + size * np.cos(film.pitch)
    at = []
    for n in range(looks):
        t = n - looks / 2
        at.append((mid[0] + dx * reach * t, mid[1] + dy * reach * t, metre * stretch ** (t / looks)))
    cadence = {PERSON: 1.0, VEHICLE: 0.0, ANIMAL: 1.6}[kind] * 2 * np.pi * min(2.2, 0.5 + speed / 2) * LOOK_MS / 1000
    at_night, chance = film.night and kind == VEHICLE, rng.random(2)
    is_lit = bool(at_night and chance[0] < LIT)
    is_outline = bool(at_night and not is_lit and chance[1] < OUTLINES)
    return _Way(kind, int(rng.integers(2**31)), at, heading, cadence, rng.uniform(0.5, 1.15), is_lit, is_outline)


def _figure(way: _Way, number: int, film: Film) -> Figure | None:
    x, y, metre = way.at[number]
    if not (-0.3 * WIDE < x < 1.3 * WIDE and y < HIGH * 1.9 + LONG[PERSON] * metre * (way.kind == PERSON)):
        return None
    faces = solids.made(way.kind, way.seed, way.step * number)
    if way.is_lit:
        faces = [replace(face, albedo=BURNT if face.albedo > SHINES else face.albedo * 0.35) for face in faces]
    elif way.is_outline:
        faces = [replace(face, albedo=way.bright) for face in faces]
    elif film.night and way.kind == VEHICLE and way.seed % 3:  # paint and glass are black, plates burn out
        faces = [replace(face, albedo=face.albedo if face.albedo > SHINES else face.albedo * 0.35) for face in faces]
    elif film.night:  # cloth is light, whatever its colour
        faces = [replace(face, albedo=0.35 + 0.55 * face.albedo) for face in faces]
    if film.flat < 1:
        usual = float(np.median([face.albedo for face in faces]))
        faces = [
            face if face.albedo > SHINES else replace(face, albedo=usual + (face.albedo - usual) * film.flat)
            for face in faces
        ]
    light = film.sun if not film.night else np.array([-0.5, 0.0, 0.6])
    sight = Sight(
        -np.pi / 2 - way.turn, film.pitch, max(6.0, 900 / metre), light, film.glow * way.bright,
        float(np.clip(metre / 90, 0.5, 2.5)), film.dark, metre,
    )  # fmt: skip
    return solids.drawn(faces, sight)


def _put(picture: Floats, figure: Figure, x: float, y: float, film: Film) -> Box | None:
    """Return the box of what is seen of it, in shares."""
    left, top = round(x - figure.foot[0]), round(y - figure.foot[1])
    height, width = figure.alpha.shape
    y0, x0, y1, x1 = max(0, top), max(0, left), min(HIGH, top + height), min(WIDE, left + width)
    if y1 <= y0 or x1 <= x0:
        return None
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    there, seen = picture[y0:y1, x0:x1], 1 - film.front[y0:y1, x0:x1]
    own = figure.alpha[part] * seen
    there *= 1 - figure.shade[part] * (1 - figure.alpha[part]) * seen * film.sunny[y0:y1, x0:x1]
    lamp = 1.0
    if film.night:
        lamp = float(np.clip(np.mean(film.place[y0:y1, x0:x1]) / 60, 0.25, 1.2))
    there += (np.clip(figure.grey[part] * lamp, 0, 255) - there) * own
    solid = np.argwhere(own > 0.5)
    if len(solid) < 12:
        return None
    if film.night:
        _bloom(picture, figure, x, y)
    (a, b), (c, d) = solid.min(axis=0), solid.max(axis=0) + 1
    return ((x0 + b) / WIDE, (y0 + a) / HIGH, (x0 + d) / WIDE, (y0 + c) / HIGH)


def _company(way: _Way, rng: np.random.Generator) -> Iterator[_Way]:
    """Some who walk along, a step away and out of step."""
    for _ in range(int(rng.integers(1, MOST_BESIDE + 1))):
        across, down = rng.choice([-1, 1]) * rng.uniform(0.3, 1.8), rng.normal(0, 0.5)
        at = [(x + across * metre, y + down * metre, metre) for x, y, metre in way.at]
        yield replace(way, seed=int(rng.integers(2**31)), at=at, step=way.step * rng.uniform(0.8, 1.25))


def _passes(picture: Floats, ways: Sequence[_Way], number: int, film: Film) -> Box | None:
    """All of them, who is further away first. Return the box around them, in shares."""
    for way in ways:
        if way.is_lit:
            _shine(picture, way, number, film)
    boxes = [
        box
        for way in sorted(ways, key=lambda one: one.at[number][1])
        if (figure := _figure(way, number, film)) is not None
        and (box := _put(picture, figure, *way.at[number][:2], film)) is not None
    ]
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _shine(picture: Floats, way: _Way, number: int, film: Film) -> None:
    """The light of its headlamps: on the ground ahead, and in the air around it."""
    x, y, metre = way.at[number]
    along = np.array([np.cos(way.turn), np.sin(way.turn) * np.sin(film.pitch)])
    far = metre * (LONG[VEHICLE] / 2 + 3 + way.seed % 4)
    at = (int(x + along[0] * far), int(y + along[1] * far))
    light = np.zeros((HIGH // 4, WIDE // 4), np.float32)
    axes = (max(1, int(metre)), max(1, int(metre * (0.3 + 0.7 * np.sin(film.pitch)) * 0.6)))
    cv2.ellipse(light, ((at[0] / 4, at[1] / 4), axes, float(np.rad2deg(np.arctan2(along[1], along[0])))), 1.0, -1)
    wide = max(0.8, metre / 10)
    light = np.asarray(cv2.resize(cv2.GaussianBlur(light, (0, 0), wide), (WIDE, HIGH)), np.float32)
    picture *= 1 + light * (0.4 + way.seed % 7 / 3)
    picture += light * (5 + way.seed % 30)


def _bloom(picture: Floats, figure: Figure, x: float, y: float) -> None:
    """A veil around what burns out."""
    bright = np.argwhere((figure.grey > 250) & (figure.alpha > 0.5))
    if len(bright) < 2:
        return
    left, top = x - figure.foot[0], y - figure.foot[1]
    spot = np.zeros((HIGH // 4, WIDE // 4), np.float32)
    rows, columns = ((bright + np.array([top, left])) / 4).astype(int).T
    inside = (rows >= 0) & (rows < HIGH // 4) & (columns >= 0) & (columns < WIDE // 4)
    np.add.at(spot, (rows[inside], columns[inside]), 1 / 16)
    veil = cv2.GaussianBlur(np.minimum(spot, 1), (0, 0), 1.2) * 200 + cv2.GaussianBlur(spot, (0, 0), 6) * 150
    np.minimum(picture + cv2.resize(veil, (WIDE, HIGH)), 255, out=picture)


class _Nuisance:
    """What moves and is nobody: a spot of light or shade that wanders, part of the place that sways, an insect, laundry
    and flags, branches."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._how = rng, int(rng.integers(6))
        self._at = rng.uniform((60, 60), (WIDE - 60, HIGH - 60))
        self._go = rng.normal(0, 12, 2) * (self._how < 2)
        shape = np.zeros((HIGH, WIDE), np.float32)
        for _ in range(int(rng.integers(1, 9))):
            at = np.array([WIDE / 2, HIGH / 2]) + rng.normal(0, rng.uniform(4, 50), 2)
            axes = np.exp(rng.uniform(np.log(4), np.log(70), 2))
            cv2.ellipse(shape, (at.tolist(), axes.tolist(), float(rng.uniform(0, 180))), 1.0, -1)
        self._shape = np.asarray(cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.8, 9)), np.float32)
        self._by = rng.uniform(0.2, 0.7) if self._how == 0 else rng.uniform(25, 130)

        self._cloths = [
            (rng.uniform(8, 60), rng.uniform(15, 110), rng.uniform(20, 240), rng.uniform(0, 6.3), rng.uniform(0, 8))
            for _ in range(int(rng.integers(1, 6)))
        ]
        self._sways = rng.uniform(0.03, 0.5), rng.uniform(0.4, 1.6)
        """How far, relative to their length, and radians a look."""

    def onto(self, picture: Floats, number: int) -> Floats:
        if self._how >= 4:
            return self._in_wind(picture, number)
        at = self._at + self._go * number
        if self._how == 3:  # to and fro
            at = self._at + np.array([14.0, 6.0]) * np.sin(number * 1.3)
        move = np.array([[1, 0, at[0] - WIDE / 2], [0, 1, at[1] - HIGH / 2]], np.float32)
        shape = np.asarray(cv2.warpAffine(self._shape, move, (WIDE, HIGH)), np.float32)
        if self._how == 0:
            return np.asarray(picture * (1 - shape * self._by), np.float32)
        if self._how in (1, 3):
            return np.asarray(picture + shape * self._by, np.float32)
        shift = np.array([[1, 0, 5 * np.sin(number * 0.9)], [0, 1, 2 * np.sin(number * 1.4)]], np.float32)
        swayed = cv2.warpAffine(picture, shift, (WIDE, HIGH), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(picture + (swayed - picture) * shape, np.float32)

    def _in_wind(self, picture: Floats, number: int) -> Floats:
        """Cloths on a line (4), or branches from a trunk (5)."""
        x, y = self._at
        far, pace = self._sways
        for width, height, grey, phase, gap in self._cloths:
            by = far * height * (np.sin(pace * number + phase) + 0.4 * np.sin(2.3 * pace * number))
            foot = y + height - abs(by) * 0.3
            if self._how == 4:
                middle = (x + width / 2 + by * 0.4, (y + foot) / 2)
                corners = [(x, y), (x + width, y), (middle[0] + width / 2, middle[1]), (x + width + by, foot),
                           (x + by, foot), (middle[0] - width / 2, middle[1])]  # fmt: skip
                cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], float(grey), cv2.LINE_AA)
                x += width + gap
            else:
                cv2.line(picture, (round(x), round(y)), (round(x + by + width), round(foot)), float(grey / 2),
                         1 + round(gap), cv2.LINE_AA)  # fmt: skip
        return picture


def _spread(several: list[tuple[Any, Box]]) -> list[tuple[Any, Box]]:
    return [several[n] for n in np.unique(np.linspace(0, len(several) - 1, KEPT).round().astype(int))]


def tracks(film: Film, rng: np.random.Generator) -> Iterator[tuple[str, list[tuple[Any, Box]]]]:
    """What each thing is that is followed, and its crops and boxes, look by look."""
    detector, before = MotionDetector({}), film.place
    grains = [_grain(film, rng) for _ in range(12)]
    at_ms = 1_000_000

    def look(picture: Floats) -> tuple[Any, Any]:
        nonlocal at_ms, before
        at_ms += LOOK_MS
        spoilt = picture + grains[int(rng.integers(len(grains)))]
        if film.smoothing:
            same = np.abs(spoilt - before) < 3 * film.noise + 2
            spoilt = np.where(same, before * film.smoothing + spoilt * (1 - film.smoothing), spoilt)
        before = np.asarray(spoilt, np.float32)
        luma = np.clip(before, 0, 255).astype(np.uint8)
        return luma, detector.look(GreyFrame(luma, at_ms))

    for _ in range(LEARNS):
        look(film.place)
    kinds = rng.choice(list(CHANCE), PASSAGES, p=list(CHANCE.values())).tolist()
    for kind in kinds:
        found: dict[int, list[tuple[Any, Box]]] = {}
        nuisance = _Nuisance(rng) if kind == NOTHING else None
        way = _way(PERSON if nuisance else kind, film, rng)
        ways = [way, *_company(way, rng)] if kind == PERSON and rng.random() < IN_COMPANY else [way]
        for number in range(len(way.at)):
            picture, box = film.place.copy(), None
            if nuisance is not None:
                picture = nuisance.onto(picture, number)
            else:
                box = _passes(picture, ways, number, film)
            luma, seen = look(picture)
            for track, crop, its in _crops(luma, seen):
                if nuisance is not None or (box is not None and _is_of(its, box)):
                    found.setdefault(track, []).append((crop, its))
        for _ in range(BETWEEN):
            look(film.place)
        yield from ((kind, several) for several in found.values() if len(several) >= 3)


def _grain(film: Film, rng: np.random.Generator) -> Floats:
    noise = cv2.GaussianBlur(rng.standard_normal((HIGH, WIDE)).astype(np.float32), (0, 0), film.grain)
    return np.asarray(noise / max(float(noise.std()), 1e-6) * film.noise, np.float32)


def _crops(luma: Any, look: Any) -> Iterator[tuple[int, Any, Box]]:
    """As the labeller is shown them."""
    if look.mask is None:
        return
    followed = [*look.seen, *(thing for thing in look.near if thing.score >= LIKELY)]
    moving = [(cells, thing) for thing in followed if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
    shown = [thing for _, thing in sorted(moving, key=lambda one: -one[0])[:MOST]]
    if shown:
        for thing, crop in zip(shown, crops_of(luma, look.mask, [one.box for one in shown]), strict=True):
            yield thing.track, crop, thing.box


def _is_of(track: Box, figure: Box) -> bool:
    width = min(track[2], figure[2]) - max(track[0], figure[0])
    height = min(track[3], figure[3]) - max(track[1], figure[1])
    if width <= 0 or height <= 0:
        return False
    own, its = ((box[2] - box[0]) * (box[3] - box[1]) for box in (track, figure))
    return bool(width * height >= COVERED * min(own, its) and width * height >= OF_TRACK * own)


if __name__ == "__main__":
    sys.exit(main())

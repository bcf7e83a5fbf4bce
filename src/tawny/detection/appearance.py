"""What an object looked like: named colours and size, measured in an event's snapshot without a model. Pure.

Colours are compared in OKLab, where equal distances look equally different. Pixels that are as common around the object
as within its box count as background. Infrared and other images without colour give no colours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tawny.model.geometry import thumbnail_counts
from tawny.model.observations import PERSON, Box

COLOURS: Final = (
    "black", "grey", "white", "beige", "brown", "red", "orange", "yellow", "green", "turquoise", "blue", "purple",
    "pink",
)  # fmt: skip
WHOLE, UPPER, LOWER = "", "upper", "lower"
"""Parts of an object: all of it; of a person also the upper and the lower half."""
_PARTS: Final = (WHOLE, UPPER, LOWER)
PACKED_BYTES: Final = 4 + len(_PARTS) * len(COLOURS)
SMALL_AREA, LARGE_AREA = 0.01, 0.1
"""Shares of the image below and above which an object counts as small and large."""
_ACHROMATIC: Final = frozenset({"black", "grey", "white"})
_NEAR: Final[Mapping[str, Mapping[str, float]]] = {
    "black": {"grey": 0.25},
    "grey": {"white": 0.25, "black": 0.25},
    "white": {"grey": 0.3, "beige": 0.6},
    "beige": {"white": 0.4, "brown": 0.5, "yellow": 0.3},
    "brown": {"beige": 0.4, "orange": 0.3, "red": 0.2},
    "red": {"pink": 0.3, "orange": 0.3, "brown": 0.25},
    "orange": {"red": 0.3, "yellow": 0.4, "brown": 0.4},
    "yellow": {"orange": 0.4, "beige": 0.2},
    "green": {"turquoise": 0.5},
    "turquoise": {"blue": 0.6, "green": 0.5},
    "blue": {"turquoise": 0.6, "purple": 0.3},
    "purple": {"pink": 0.5, "blue": 0.4},
    "pink": {"purple": 0.5, "red": 0.4},
}
"""Colours that people may mean as well, and how much of them counts."""
_LEAST, _LEAST_ACHROMATIC = 0.14, 0.3
"""Share of an object from which it has a colour. Tyres, windows and shadows are black and grey on everything."""
_SEEN = 0.08
"""Share of the colour itself, without similar ones."""
_KEPT = 0.06
"""Smaller shares are not stored."""
_GREY_SPREAD = 0.022
"""OKLab chroma below which an image has no colours."""
_DARK = 0.3
"""OKLab lightness of the surroundings below which black and grey are only darkness."""
_FRAME_SIDE, _OBJECT_SIDE = 96, 128
_LEAST_SIDE = 8
"""An object with fewer pixels a side has no colours."""
_SPREAD = 0.5
"""How much of the surroundings' similar colours is taken for background."""
_LEAST_MOVED = 0.02
_AROUND = 0.4
"""Width of the ring around the box, relative to it."""
_HUES: Final = (
    (18, "pink"), (42, "red"), (75, "orange"), (118, "yellow"), (170, "green"), (218, "turquoise"), (278, "blue"),
    (322, "purple"), (352, "pink"), (361, "red"),
)  # fmt: skip
"""Ends of OKLCh hues, degrees."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """parts: colours of each part with their shares, largest first; empty without colour. area: share of the image."""

    area: float = 0.0
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def size(self) -> str:
        """Return `small`, `large`, or empty for those between."""
        return "small" if self.area < SMALL_AREA else "large" if self.area >= LARGE_AREA else ""

    def packed(self) -> bytes:
        """Return it for storage: the area, then a byte for each colour of each part."""
        shares = [self.parts.get(part, {}).get(name, 0.0) for part in _PARTS for name in COLOURS]
        return np.float32(self.area).tobytes() + bytes(round(255 * min(1.0, share)) for share in shares)

    @classmethod
    def unpacked(cls, data: bytes) -> "Appearance":
        shares = np.frombuffer(data[4:], np.uint8).reshape(len(_PARTS), len(COLOURS)) / 255
        parts = {
            part: {COLOURS[n]: float(row[n]) for n in np.argsort(-row, kind="stable") if row[n]}
            for part, row in zip(_PARTS, shares, strict=True)
            if row.any()
        }
        return cls(float(np.frombuffer(data[:4], np.float32)[0]), parts)


class AppearanceTable:
    """Many packed appearances, to be asked at once."""

    def __init__(self, packed: Sequence[bytes]) -> None:
        table = np.frombuffer(b"".join(packed), np.uint8).reshape(len(packed), PACKED_BYTES)
        self._areas = table[:, :4].copy().view(np.float32).ravel()
        self._shares = table[:, 4:].reshape(len(packed), len(_PARTS), len(COLOURS)).astype(np.float32) / 255

    def all_match(self) -> Any:
        """Return 1 for each."""
        return np.ones(len(self._areas))

    def are_of_size(self, size: str) -> Any:
        """Return whether each is `small` or `large`."""
        return self._areas < SMALL_AREA if size == "small" else self._areas >= LARGE_AREA

    def colour_scores(self, colour: str, part: str = WHOLE) -> Any:
        """Return 0..1 for each: how much it has this colour; 0 if it hasn't. A whole person has those of its parts."""
        parts = self._shares if part == WHOLE else self._shares[:, [_PARTS.index(part)]]
        share = parts[..., COLOURS.index(colour)]
        near = parts @ np.array([_NEAR[colour].get(name, 0.0) for name in COLOURS], np.float32)
        has = (share + near >= _least(colour)) & ((share >= _SEEN) | (near >= _least(colour)))
        return np.where(has, np.minimum(1.0, share + near), 0.0).max(axis=1, initial=0.0)

    def likeness(self, example: Appearance) -> Any:
        """Return 0..1 for each: how similar its colours are to those of the example; 0 if either has none."""
        soft = self._shares * _WEIGHTS @ _SOFT.T
        own = [[example.parts.get(part, {}).get(name, 0.0) for name in COLOURS] for part in _PARTS]
        wanted = np.array(own, np.float32) * _WEIGHTS @ _SOFT.T
        lengths = np.linalg.norm(soft, axis=2) * np.linalg.norm(wanted, axis=1)
        cosines = (soft * wanted).sum(axis=2) / np.maximum(lengths, 1e-9)
        halves = lengths[:, 1:] > 0
        return np.where(
            halves.any(axis=1),
            (cosines[:, 1:] * halves).sum(axis=1) / np.maximum(halves.sum(axis=1), 1),
            np.where(lengths[:, 0] > 0, cosines[:, 0], 0.0),
        )


def empty_scene(strip: Any, shape: tuple[int, int]) -> Any:
    """Return the scene without what moves, from an event's thumbnails side by side, uint8 [height, width, 3].

    shape: height and width of the event's image. None if it is unclear where thumbnails begin: theirs may be another.
    """
    height, width = strip.shape[:2]
    counts = thumbnail_counts(width, height, [shape[1] / shape[0]])
    count = min(counts)
    if len(counts) > 1 or min(height, width // count) < _LEAST_SIDE:
        return None
    return np.median(np.split(strip, count, axis=1), axis=0).astype(np.uint8)


def appearance_of(rgb: Any, box: Box, kind: str, scene: Any = None) -> Appearance:
    """Return what the object in the box looks like. rgb: uint8 [height, width, 3], the whole image.

    scene: the same without what moves, of any size; None if unknown.
    """
    area = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
    within, inner = _region(rgb, box)
    width, height = inner[2] - inner[0], inner[3] - inner[1]
    if min(width, height) < _LEAST_SIDE:
        return Appearance(area)
    frame = oklab(_at_most(rgb, _FRAME_SIDE))
    lab = oklab(within)
    if _is_grey(frame) and _is_grey(lab):
        return Appearance(area)
    moved = None if scene is None else _moved(lab, _region(scene, box)[0], inner)
    cast = _cast(frame)
    lab[..., 1:] -= cast
    brightest = float(_quantile(frame[..., 0].ravel(), 0.98))
    names = _named(lab, brightest)
    weights, around = _foreground(lab, inner, moved)
    if moved is not None:
        inner = _tight(weights, inner)
        width, height = inner[2] - inner[0], inner[3] - inner[1]
    if float(_quantile(around)) < _DARK:
        weights = weights * ~np.isin(names, [COLOURS.index("black"), COLOURS.index("grey")])
    names = names[inner[1] : inner[3], inner[0] : inner[2]]
    weights = weights[inner[1] : inner[3], inner[0] : inner[2]]
    parts = {WHOLE: _shares(names, weights)}
    if kind == PERSON:
        middle = slice(round(0.15 * width), max(1, round(0.85 * width)))
        parts[UPPER] = _shares(*(one[round(0.16 * height) : round(0.5 * height), middle] for one in (names, weights)))
        parts[LOWER] = _shares(*(one[round(0.54 * height) : round(0.9 * height), middle] for one in (names, weights)))
    return Appearance(area, parts)


def colours_shown(shown: Appearance) -> list[str]:
    """Return the colours an object has, the largest first."""
    whole = shown.parts.get(WHOLE, {})
    return [name for name, share in whole.items() if share >= _least(name)]


def _least(colour: str) -> float:
    return _LEAST_ACHROMATIC if colour in _ACHROMATIC else _LEAST


_WEIGHTS = np.array([0.6 if name in _ACHROMATIC else 1.0 for name in COLOURS], np.float32)
"""What most objects have, such as black and grey, counts less."""
_SOFT = np.array([[1.0 if a == b else 0.5 * _NEAR[a].get(b, 0.0) for b in COLOURS] for a in COLOURS], np.float32)


# Pixels: OKLab, names, background.

_LINEAR = np.where(
    np.arange(256) <= 10, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)
_TO_LMS = np.array(
    [[0.4122215, 0.5363325, 0.0514460], [0.2119035, 0.6806996, 0.1073970], [0.0883025, 0.2817188, 0.6299787]],
    np.float32,
)
_TO_LAB = np.array(
    [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]],
    np.float32,
)


def oklab(rgb: Any) -> Any:
    """Return float32 [..., 3]: lightness 0..1, a, b."""
    return np.cbrt(_LINEAR[rgb] @ _TO_LMS.T) @ _TO_LAB.T


def _region(rgb: Any, box: Box) -> tuple[Any, tuple[int, int, int, int]]:
    """Return the object with the ring around it, small, and the object's edges in it: left, top, right, bottom."""
    height, width = rgb.shape[:2]
    wide, high = box[2] - box[0], box[3] - box[1]
    outer = (box[0] - _AROUND * wide, box[1] - _AROUND * high, box[2] + _AROUND * wide, box[3] + _AROUND * high)
    x0, y0, x1, y1 = (
        min(size, max(0, round(edge * size))) for edge, size in zip(outer, (width, height, width, height), strict=True)
    )
    small = _at_most(rgb[y0:y1, x0:x1], _OBJECT_SIDE) if x1 > x0 and y1 > y0 else rgb[:0, :0]
    rows, columns = small.shape[:2]
    scale_x, scale_y = columns / max(1, x1 - x0), rows / max(1, y1 - y0)
    inner = (
        max(0, round((box[0] * width - x0) * scale_x)), max(0, round((box[1] * height - y0) * scale_y)),
        min(columns, round((box[2] * width - x0) * scale_x)), min(rows, round((box[3] * height - y0) * scale_y)),
    )  # fmt: skip
    return small, inner


def _at_most(rgb: Any, side: int) -> Any:
    """Return the image with at most this many pixels a side."""
    import cv2  # local: recording works without the vision library

    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA)


def _quantile(values: Any, share: float = 0.5) -> Any:
    """Return the value below which this share lies, along the first axis. np.quantile imports numpy.ma, of 1.2 MB."""
    place = round(share * (len(values) - 1))
    return np.partition(values, place, axis=0)[place]


def _is_grey(lab: Any) -> bool:
    """Return whether all pixels have the same tint, as in infrared images."""
    tints = lab[..., 1:].reshape(-1, 2)
    away = np.linalg.norm(tints - _quantile(tints), axis=1)
    return bool(_quantile(away, 0.97) < _GREY_SPREAD)


def _cast(frame: Any) -> Any:
    """Return the tint (a, b) that dark and bright parts of the whole image share, such as that of a street lamp."""
    light, tints = frame[..., 0].ravel(), frame[..., 1:].reshape(-1, 2)
    order = np.argsort(light)
    quarters = [_quantile(tints[part]) for part in np.array_split(order, 4)]
    mean = np.mean(quarters, axis=0)
    length = float(np.linalg.norm(mean))
    if length < 0.02:
        return np.zeros(2, np.float32)
    shared = min(float(one @ mean) / length for one in quarters)
    return (0.7 * mean / length * max(0.0, shared)).astype(np.float32)


def _named(lab: Any, brightest: float) -> Any:
    """Return the index in COLOURS of each pixel. brightest: lightness of the brightest things in the image."""
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    hue = np.degrees(np.arctan2(b, a)) % 360
    found = np.full(light.shape, COLOURS.index(_HUES[-1][1]), np.int8)
    for end, name in reversed(_HUES):
        found[hue < end] = COLOURS.index(name)
    found[hue < 4] = COLOURS.index("pink")
    is_warm, is_pale = (hue >= 35) & (hue < 105), chroma < 0.075
    found[is_warm & (light < 0.6) & (hue < 98) & (chroma < 0.13)] = COLOURS.index("brown")
    found[is_warm & is_pale & (light >= 0.6)] = COLOURS.index("beige")
    is_dark = light < 0.6  # dark pink is red or purple, dark yellow is green
    found[is_dark & ((hue < 18) | (hue >= 352))] = COLOURS.index("red")
    found[is_dark & (hue >= 322) & (hue < 342)] = COLOURS.index("purple")
    found[is_dark & (hue >= 98) & (hue < 118) & (chroma < 0.13)] = COLOURS.index("green")
    plain = np.where(light < 0.35, 0.055, 0.04)
    is_plain = chroma < plain
    found[is_plain] = COLOURS.index("grey")
    found[(light < 0.2) | (is_plain & (light < 0.4))] = COLOURS.index("black")
    found[is_plain & (light > max(0.72, 0.84 * brightest))] = COLOURS.index("white")
    return found


def _foreground(lab: Any, inner: tuple[int, int, int, int], moved: Any) -> tuple[Any, Any]:
    """Return the weight of each pixel as part of the object, and the lightness around it. moved: None if unknown."""
    x0, y0, x1, y1 = inner
    rows, columns = lab.shape[:2]
    bins = (
        np.clip((lab[..., 0] * 10).astype(int), 0, 9) * 225
        + np.clip((lab[..., 1] * 22 + 7.5).astype(int), 0, 14) * 15
        + np.clip((lab[..., 2] * 22 + 7.5).astype(int), 0, 14)
    )
    is_in = np.zeros((rows, columns), bool)
    is_in[y0:y1, x0:x1] = True
    middle = np.exp(
        -1.2 * ((np.arange(columns)[None, :] - (x0 + x1) / 2) / max(1, x1 - x0) * 2) ** 2
        - 0.8 * ((np.arange(rows)[:, None] - (y0 + y1) / 2) / max(1, y1 - y0) * 2) ** 2
    )
    likely = middle * is_in
    if moved is not None and moved[is_in].mean() >= _LEAST_MOVED:  # else it is in most thumbnails, too
        likely = moved * is_in
    outside = bins[~is_in]
    if not outside.size:  # the object fills the image
        return likely, np.array([1.0])
    inside = np.bincount(bins[is_in], minlength=2250) / is_in.sum()
    around = np.bincount(outside, minlength=2250) / outside.size
    around = np.maximum(around, _SPREAD * _neighbours(around))
    own = np.clip(1 - around / np.maximum(inside, 1e-6), 0.0, 1.0)[bins]
    weights = likely * own
    if weights.sum() < 0.12 * likely.sum():  # it has the colours of its surroundings
        weights = likely
    return weights, lab[..., 0][~is_in]


def _moved(lab: Any, before: Any, inner: tuple[int, int, int, int]) -> Any:
    """Return 0..1 for each pixel: whether it differs from the empty scene by more than a shadow."""
    import cv2  # local: recording works without the vision library

    there = oklab(cv2.resize(before, (lab.shape[1], lab.shape[0]), interpolation=cv2.INTER_LINEAR))
    change = lab - there
    is_around = np.ones(lab.shape[:2], bool)
    is_around[inner[1] : inner[3], inner[0] : inner[2]] = False
    if is_around.any():
        change = change - _quantile(change[is_around])  # the camera's exposure
    tint = np.hypot(change[..., 1], change[..., 2])
    moved = np.clip((np.hypot(change[..., 0], 2 * tint) - 0.04) / 0.08, 0.0, 1.0)
    is_shadow = (change[..., 0] < 0) & (tint < 0.03) & (lab[..., 0] > 0.5 * there[..., 0])
    return np.where(is_shadow, 0.1 * moved, moved)


def _tight(weights: Any, inner: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the edges of what is left of the object without background and shadow."""
    edges = []
    for axis, (begin, end) in enumerate(((inner[0], inner[2]), (inner[1], inner[3]))):
        sums = np.cumsum(weights.sum(axis=axis)[begin:end])
        first, last = (int(np.searchsorted(sums, share * sums[-1])) for share in (0.02, 0.98))
        edges.append((begin + first, min(end, begin + max(last, first) + 1)))
    (x0, x1), (y0, y1) = edges
    return x0, y0, x1, y1


def _neighbours(around: Any) -> Any:
    """Return for each bin the largest value of it and of those next to it: light on the ground is not even."""
    grid = np.pad(around.reshape(10, 15, 15), 1)
    windows = np.lib.stride_tricks.sliding_window_view(grid, (3, 3, 3))
    return windows.max(axis=(3, 4, 5)).ravel()


def _shares(names: Any, weights: Any) -> dict[str, float]:
    total = float(weights.sum())
    if total <= 0:
        return {}
    sums = np.bincount(names.ravel(), weights=weights.ravel(), minlength=len(COLOURS)) / total
    order: Iterable[int] = np.argsort(-sums, kind="stable")
    return {COLOURS[n]: float(sums[n]) for n in order if sums[n] >= _KEPT}

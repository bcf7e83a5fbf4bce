"""What an object looked like: named colours and size, measured in an event's snapshot without a model. Pure.

Colours are compared in OKLab, where equal distances look equally different. Pixels that are as common around the object
as within its box count as background. Infrared and other images without colour give no colours.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tawny.model.observations import PERSON, Box

COLOURS: Final = (
    "black", "grey", "white", "beige", "brown", "red", "orange", "yellow", "green", "turquoise", "blue", "purple",
    "pink",
)  # fmt: skip
WHOLE, UPPER, LOWER = "", "upper", "lower"
"""Parts of an object: all of it; of a person also the upper and the lower half."""
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
_KEPT = 0.06
"""Smaller shares are not stored."""
_GREY_SPREAD = 0.022
"""OKLab chroma below which an image has no colours."""
_DARK = 0.3
"""OKLab lightness of the surroundings below which black and grey are only darkness."""
_FRAME_SIDE, _OBJECT_SIDE = 96, 128
_LEAST_SIDE = 8
"""An object with fewer pixels a side has no colours."""
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

    @property
    def has_colours(self) -> bool:
        return any(self.parts.values())

    def text(self) -> str:
        """Return it for storage."""
        parts = {part: {name: round(share, 2) for name, share in found.items()} for part, found in self.parts.items()}
        return json.dumps({"area": round(self.area, 4), "parts": parts}, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> "Appearance":
        said = json.loads(text)
        return cls(float(said["area"]), {str(part): dict(found) for part, found in said["parts"].items()})


def appearance_of(rgb: Any, box: Box, kind: str) -> Appearance:
    """Return what the object in the box looks like. rgb: uint8 [height, width, 3], the whole image."""
    area = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
    within, inner = _region(rgb, box)
    wide, high = inner[2] - inner[0], inner[3] - inner[1]
    if min(wide, high) < _LEAST_SIDE:
        return Appearance(area)
    frame = oklab(_at_most(rgb, _FRAME_SIDE))
    lab = oklab(within)
    if _is_grey(frame) and _is_grey(lab):
        return Appearance(area)
    cast = _cast(frame)
    lab[..., 1:] -= cast
    brightest = float(np.percentile(frame[..., 0], 98))
    names = _named(lab, brightest)
    weights, around = _foreground(lab, inner)
    if float(np.median(around)) < _DARK:
        weights = weights * ~np.isin(names, [COLOURS.index("black"), COLOURS.index("grey")])
    names = names[inner[1] : inner[3], inner[0] : inner[2]]
    weights = weights[inner[1] : inner[3], inner[0] : inner[2]]
    parts = {WHOLE: _shares(names, weights)}
    if kind == PERSON:
        middle = slice(round(0.15 * wide), max(1, round(0.85 * wide)))
        parts[UPPER] = _shares(*(one[round(0.16 * high) : round(0.5 * high), middle] for one in (names, weights)))
        parts[LOWER] = _shares(*(one[round(0.54 * high) : round(0.9 * high), middle] for one in (names, weights)))
    return Appearance(area, parts)


def colour_score(shown: Appearance, colour: str, part: str = WHOLE) -> float:
    """Return 0..1: how much an object has this colour; 0 if it hasn't."""
    there = [part] if part else [one for one in (WHOLE, UPPER, LOWER) if one in shown.parts]
    return max((_score(shown.parts.get(one, {}), colour) for one in there), default=0.0)


def likeness(one: Appearance, other: Appearance) -> float:
    """Return 0..1: how similar the colours of two objects are. 0 if either has none."""
    parts = [part for part in (UPPER, LOWER) if one.parts.get(part) and other.parts.get(part)] or [WHOLE]
    return sum(_shared(one.parts.get(part, {}), other.parts.get(part, {})) for part in parts) / len(parts)


def colours_shown(shown: Appearance) -> list[str]:
    """Return the colours an object has, the largest first."""
    whole = shown.parts.get(WHOLE, {})
    return [name for name, share in whole.items() if share >= _least(name)]


def _score(found: Mapping[str, float], colour: str) -> float:
    share = found.get(colour, 0.0)
    near = sum(found.get(name, 0.0) * part for name, part in _NEAR[colour].items())
    total = share + near
    return min(1.0, total) if total >= _least(colour) and (share >= 0.08 or near >= _least(colour)) else 0.0


def _least(colour: str) -> float:
    return _LEAST_ACHROMATIC if colour in _ACHROMATIC else _LEAST


def _shared(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the similarity of two colour shares. What most objects have, such as black and grey, counts less."""
    if not one or not other:
        return 0.0
    a, b = (np.array([found.get(name, 0.0) * _weight(name) for name in COLOURS]) for found in (one, other))
    length = float(np.linalg.norm(_SOFT @ a) * np.linalg.norm(_SOFT @ b))
    return float((_SOFT @ a) @ (_SOFT @ b)) / length if length > 0 else 0.0


def _weight(name: str) -> float:
    return 0.6 if name in _ACHROMATIC else 1.0


_SOFT = np.array([[1.0 if a == b else 0.5 * _NEAR[a].get(b, 0.0) for b in COLOURS] for a in COLOURS])


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


def _is_grey(lab: Any) -> bool:
    """Return whether all pixels have the same tint, as in infrared images."""
    tints = lab[..., 1:].reshape(-1, 2)
    away = np.linalg.norm(tints - np.median(tints, axis=0), axis=1)
    return bool(np.percentile(away, 97) < _GREY_SPREAD)


def _cast(frame: Any) -> Any:
    """Return the tint (a, b) that dark and bright parts of the whole image share, such as that of a street lamp."""
    light, tints = frame[..., 0].ravel(), frame[..., 1:].reshape(-1, 2)
    order = np.argsort(light)
    quarters = [np.median(tints[part], axis=0) for part in np.array_split(order, 4)]
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


def _foreground(lab: Any, inner: tuple[int, int, int, int]) -> tuple[Any, Any]:
    """Return the weight of each pixel as part of the object, and the lightness around it."""
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
    outside = bins[~is_in]
    if not outside.size:  # the object fills the image
        return middle * is_in, np.array([1.0])
    inside = np.bincount(bins[is_in], minlength=2250) / is_in.sum()
    around = np.bincount(outside, minlength=2250) / outside.size
    own = np.clip(1 - around / np.maximum(inside, 1e-6), 0.0, 1.0)[bins]
    weights = middle * is_in * own
    if weights.sum() < 0.12 * (middle * is_in).sum():  # it has the colours of its surroundings
        weights = middle * is_in
    return weights, lab[..., 0][~is_in]


def _shares(names: Any, weights: Any) -> dict[str, float]:
    total = float(weights.sum())
    if total <= 0:
        return {}
    sums = np.bincount(names.ravel(), weights=weights.ravel(), minlength=len(COLOURS)) / total
    order: Iterable[int] = np.argsort(-sums, kind="stable")
    return {COLOURS[n]: float(sums[n]) for n in order if sums[n] >= _KEPT}

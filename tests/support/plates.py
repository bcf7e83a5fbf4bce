"""Synthetic vehicles with license plates in five countries' formats, by day, by night and with motion blur. Seeded."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""Without letters that plates avoid next to 0 and 1."""
DIGITS: Final = "0123456789"
LIGHTS: Final = ("day", "night", "blur")
_TALL, _STROKE = 120, 17
"""Height and stroke width of a drawn letter, px; scaled down later."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A plate format.

    form: A for a letter, 9 for a digit, a space for a gap, a hyphen for itself. size: mm. strips: blue, at the left and
    right edge. small: text in small letters above.
    """

    name: str
    form: str
    size: tuple[int, int] = (520, 112)
    paper: tuple[int, int, int] = (236, 236, 232)
    ink: tuple[int, int, int] = (24, 24, 26)
    strips: tuple[bool, bool] = (True, False)
    letter: float = 0.66
    """Height of a letter relative to the plate."""
    small: str = ""


LAYOUTS: Final = (
    Layout("Germany", "A AA 9999"),
    Layout("Britain", "AA99 AAA", paper=(226, 190, 52), strips=(False, False), letter=0.70),
    Layout("France", "AA-999-AA", strips=(True, True)),
    Layout("Netherlands", "AA-999-A", paper=(232, 176, 40)),
    Layout(
        "California", "9AAA999", (305, 152), ink=(28, 36, 92), strips=(False, False), letter=0.5, small="California"
    ),
)


def number(layout: Layout, rng: np.random.Generator) -> str:
    """Return a random number in this format."""
    made = {"A": LETTERS, "9": DIGITS}
    return "".join(str(rng.choice(list(made[one]))) if one in made else one for one in layout.form)


def plate(layout: Layout, text: str) -> Any:
    """Return the flat plate, uint8 [height, width, 3], two pixels per mm."""
    width, height = (2 * mm for mm in layout.size)
    paper = np.full((height, width, 3), layout.paper, np.uint8)
    left, right = (round(0.085 * width) if strip else round(0.02 * width) for strip in layout.strips)
    for strip, x0 in zip(layout.strips, (0, width - right), strict=True):
        if strip:
            paper[:, x0 : x0 + (left if x0 == 0 else right)] = (20, 50, 140)
    letters = _line(text)
    tall = round(layout.letter * height)
    room = width - left - right - round(0.04 * width)
    fit = cv2.resize(letters, (min(room, round(letters.shape[1] * tall / letters.shape[0])), tall), interpolation=3)
    x0 = left + round(0.02 * width) + (room - fit.shape[1]) // 2
    y0 = (height - tall) * 2 // 3 if layout.small else (height - tall) // 2
    _ink(paper, fit, x0, y0, layout.ink)
    if layout.small:
        cv2.putText(
            paper, layout.small, (width // 3, round(0.2 * height)), 2, height / 300, (150, 30, 30), 3, cv2.LINE_AA
        )
    cv2.rectangle(paper, (3, 3), (width - 4, height - 4), layout.ink, 4)
    return paper


def vehicle(layout: Layout, text: str, width: int, light: str, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a vehicle from behind, uint8 [height, width, 3], and its plate's box in px (x0, y0, x1, y1).

    width: of the plate, px. light: one of LIGHTS.
    """
    times = 3  # drawn larger and scaled down, so that edges are as soft as through a lens
    wide, high = round(3.6 * width) * times, round(2.9 * width) * times
    body = rng.integers(25, 190, 3)
    picture: Any = np.empty((high, wide, 3), np.float32)
    picture[:] = body * np.linspace(1.15, 0.75, high, dtype=np.float32)[:, None, None]
    _furnish(picture, wide, high, rng)
    flat = plate(layout, text).astype(np.float32)
    across = width * times
    down = across * layout.size[1] / layout.size[0]
    x, y = (wide - across) / 2 + rng.uniform(-0.1, 0.1) * across, 0.66 * high + rng.uniform(-0.05, 0.05) * high
    lean, tilt = rng.uniform(-0.07, 0.07) * across, rng.uniform(0.0, 0.06) * down
    to = np.array(
        [(x, y), (x + across, y + lean), (x + across, y + down + lean - tilt), (x, y + down + tilt)], np.float32
    )
    h, w = flat.shape[:2]
    turn = cv2.getPerspectiveTransform(np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32), to)
    small = cv2.resize(flat, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    turn = turn @ np.diag([2.0, 2.0, 1.0])
    there = cv2.warpPerspective(np.ones(small.shape[:2], np.float32), turn, (wide, high))[..., None]
    picture = picture * (1 - there) + cv2.warpPerspective(small, turn, (wide, high)) * there
    seen = _lit(picture, there, light, rng, width * times)
    made = cv2.resize(seen, (wide // times, high // times), interpolation=cv2.INTER_AREA)
    made = made + rng.normal(0, 7 if light == "night" else 3, made.shape)
    _, coded = cv2.imencode(".jpg", np.clip(made, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
    picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    corners = to / times
    return picture, (*corners.min(0), *corners.max(0))


def _line(text: str) -> Any:
    """Return the text in letters of one stroke width, uint8 [height, width], 255 for ink."""
    parts: list[Any] = []
    for one in text:
        if one == " ":
            parts.append(np.zeros((_TALL + 2 * _STROKE, _TALL // 3), np.uint8))
            continue
        (wide, _), _ = cv2.getTextSize(one, cv2.FONT_HERSHEY_SIMPLEX, _TALL / 21, _STROKE)
        cell = np.zeros((_TALL + 2 * _STROKE, wide + _STROKE), np.uint8)
        at = (_STROKE // 2, _TALL + _STROKE)
        cv2.putText(cell, one, at, cv2.FONT_HERSHEY_SIMPLEX, _TALL / 21, 255, _STROKE, cv2.LINE_AA)
        parts.append(cv2.resize(cell, (round(cell.shape[1] * (0.7 if one != "-" else 0.5)), cell.shape[0])))
    line: Any = np.concatenate(parts, axis=1)
    rows = np.flatnonzero(line.any(axis=1))
    return line[rows[0] : rows[-1] + 1]


def _ink(paper: Any, letters: Any, x0: int, y0: int, ink: tuple[int, int, int]) -> None:
    part = paper[y0 : y0 + letters.shape[0], x0 : x0 + letters.shape[1]]
    share = letters[..., None] / 255
    part[:] = (part * (1 - share) + np.array(ink) * share).astype(np.uint8)


def _furnish(picture: Any, width: int, height: int, rng: np.random.Generator) -> None:
    """Draw window, lamps, bumper and badge: objects that may be confused with a plate."""
    picture[: round(0.32 * height), round(0.1 * width) : round(0.9 * width)] = rng.uniform(20, 60)
    for _ in range(8):
        y = int(rng.integers(0, round(0.3 * height)))
        cv2.line(
            picture, (round(0.1 * width), y), (round(0.9 * width), y + int(rng.integers(-40, 40))), (90, 95, 100), 3
        )
    for x in (0.03, 0.83):
        cv2.rectangle(
            picture,
            (round(x * width), round(0.4 * height)),
            (round((x + 0.14) * width), round(0.52 * height)),
            (150, 30, 30),
            -1,
        )
    cv2.rectangle(picture, (0, round(0.85 * height)), (width, round(0.9 * height)), (40, 40, 42), -1)
    for x in np.linspace(0.3, 0.7, 12):
        cv2.line(
            picture, (round(x * width), round(0.87 * height)), (round(x * width), round(0.95 * height)), (70, 70, 72), 5
        )
    cv2.putText(
        picture, "SALOON", (round(0.1 * width), round(0.6 * height)), 0, width / 1400, (200, 200, 205), 6, cv2.LINE_AA
    )


def _lit(picture: Any, there: Any, light: str, rng: np.random.Generator, across: int) -> Any:
    if light == "night":  # infrared: no color, the plate is bright, the rest is dark
        grey = picture.mean(axis=2, keepdims=True)
        lit = grey * (0.18 * (1 - there) + 0.85 * there)
        glow = cv2.GaussianBlur(lit, (0, 0), across / 60)[..., None]
        return np.repeat(0.75 * lit + 0.25 * glow, 3, axis=2)
    if light == "blur":
        length = max(3, round(across * rng.uniform(0.025, 0.05)))
        kernel = np.full((1, length), 1 / length, np.float32)
        return cv2.filter2D(picture, -1, kernel)
    return picture * rng.uniform(0.75, 1.05)

"""`plates`: the recognizer that reads license plates of vehicles."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import cv2
import numpy as np

from tawny.detection.onnx import FileVersion, file_version, open_session, refusals
from tawny.detection.plates.text import (
    DIGITS,
    LETTERS,
    LONGEST,
    SHORTEST,
    corrected_plate,
    fitted,
    is_plate,
    plain_plate,
)
from tawny.detection.recognition import RecogniserInput, RecogniserResult
from tawny.model.errors import NotDone
from tawny.model.observations import VEHICLE
from tawny.model.validation import value_text

# Reading letters with Tesseract, a program of the system.


MISSING: Final = (
    "License plates aren't read: tesseract isn't installed. Install it with: apt-get install tesseract-ocr."
)
DEADLINE_S: Final = 3.0
PAD: Final = 16
SMALLER: Final = 0.6
ONCE: Final = 0.4
TWICE: Final = 0.8
"""Scores of a text that was read at one size only, and at both sizes."""
_WORDS: Final = (
    "stdin", "stdout", "--psm", "7", "--dpi", "300", "-c", "load_system_dawg=0", "-c", "load_freq_dawg=0", "-c",
)  # fmt: skip
_KEPT: Final = ("PATH", "HOME", "LANG", "TESSDATA_PREFIX")


class Tesseract:
    """Reads plates with Tesseract. program: its path; empty: searched in PATH on each call.

    Tesseract's own confidence is useless for plates: most correct readings get 0. Each plate is therefore read at two
    sizes, and equal results count.
    """

    name: ClassVar[str] = "tesseract"

    def __init__(self, program: str = "") -> None:
        self._program = program
        self.trouble = ""

    def read(self, grey: Any) -> tuple[str, float]:
        """Return the text without separators and its score, 0..1.

        grey: uint8 [height, width], rotated level, dark letters.
        """
        clean = without_frame(grey)
        text = self._once(clean)
        if not is_plate(text):
            return text, 0.0
        smaller = cv2.resize(clean, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)
        return text, TWICE if self._once(smaller) == text else ONCE

    def only(self, grey: Any, letters: str) -> str:
        """Read the plate again with these letters only."""
        return self._once(without_frame(grey), letters)

    def _once(self, picture: Any, letters: str = LETTERS + DIGITS) -> str:
        program = self._program or shutil.which("tesseract") or ""
        if not program:
            self.trouble = MISSING
            return ""
        _, coded = cv2.imencode(".png", picture)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OMP_THREAD_LIMIT": "1"}
        try:
            done = subprocess.run(
                (program, *_WORDS, f"tessedit_char_whitelist={letters}"),
                input=coded.tobytes(), capture_output=True, timeout=DEADLINE_S, env=environment, check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            self.trouble = f"License plates aren't read: {error}."
            return ""
        self.trouble = ""
        return plain_plate(done.stdout.decode(errors="replace"))


def without_frame(grey: Any) -> Any:
    """Return the letters on white: dark areas that touch the border are the frame, a strip or the vehicle."""
    _, dark = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    dark[[0, 1, -2, -1]] = 255
    dark[:, [0, 1, -2, -1]] = 255
    count, marks = cv2.connectedComponents(dark)
    frame = marks == marks[0, 0] if count > 1 else np.zeros_like(dark, bool)
    wide = cv2.dilate(frame.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    made = np.where(wide, np.uint8(255), grey)
    return cv2.copyMakeBorder(made, PAD, PAD, PAD, PAD, cv2.BORDER_CONSTANT, value=255)


# Plate localization on a vehicle: closely spaced vertical strokes on a plain background.

WIDEST: Final = 720
"""Maximum width at which a vehicle is processed, px."""
NARROWEST: Final = 320
"""Minimum width, px: strokes of one pixel are not found."""
ASPECT: Final = (1.5, 8.0)
"""Minimum and maximum ratio of width to height of a plate."""
SHARE: Final = (0.07, 0.75)
"""Minimum and maximum width of a plate relative to the vehicle."""
LEAST_HIGH: Final = 8
"""Minimum height of a plate in the processed image, px."""
LEANS: Final = 20.0
"""Maximum rotation, degrees."""
HIGH: Final = 96
"""Height of the crop for the reader, px."""
MOST: Final = 3
_BARS: Final = (0.05, 0.09)
"""Gaps to close, relative to the vehicle's width: for small and large plates."""


@dataclass(frozen=True, slots=True)
class PlateCandidate:
    """A possible plate.

    box: x0, y0, x1, y1 in pixels of the image. grey: uint8 [HIGH, width], rotated level, dark letters. worth: rank,
    higher is better.
    """

    box: tuple[float, float, float, float]
    grey: Any
    worth: float


def plates_in(rgb: Any) -> list[PlateCandidate]:
    """Return at most MOST candidates, best first. rgb: uint8 [height, width, 3] of a vehicle."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(WIDEST, max(NARROWEST, grey.shape[1])) / grey.shape[1]
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    strokes = _strokes(small)
    found: list[tuple[float, Any]] = []
    for bar in _BARS:
        found += [(_worth(strokes, small, one), one) for one in _bars(strokes, round(bar * small.shape[1]))]
    best: list[PlateCandidate] = []
    for worth, rect in sorted((each for each in found if each[0] > 0), key=lambda each: -each[0]):
        x, y, width, height = cv2.boundingRect(cv2.boxPoints(rect))
        box = (x / scale, y / scale, (x + width) / scale, (y + height) / scale)
        if all(_apart(box, other.box) for other in best):
            best.append(PlateCandidate(box, level(grey, rect, scale), worth))
        if len(best) == MOST:
            break
    return best


def _strokes(grey: Any) -> Any:
    """Return the horizontal gradient relative to the local brightness, float32."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32)
    across = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1, 0))
    around = cv2.GaussianBlur(smooth, (0, 0), grey.shape[1] / 30)
    return across / (around + 24)


def _bars(strokes: Any, gap: int) -> list[Any]:
    """Return rotated rectangles (center, size, angle) around closely spaced strokes."""
    even = cv2.GaussianBlur(strokes, (5, 3), 0)
    limit = max(0.35, float(np.percentile(even, 90)))
    bits = (even > limit).astype(np.uint8)
    closed = cv2.morphologyEx(bits, cv2.MORPH_CLOSE, np.ones((3, max(5, gap)), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, max(7, gap)), np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [_lying(cv2.minAreaRect(outline)) for outline in outlines]


def _lying(rect: Any) -> Any:
    """Return the same rectangle with width >= height."""
    centre, (width, height), angle = rect
    if width < height:
        width, height, angle = height, width, angle - 90
    angle = (angle + 90) % 180 - 90
    return centre, (width, height), angle


def _worth(strokes: Any, grey: Any, rect: Any) -> float:
    """Return the plausibility of a plate; 0 if impossible."""
    (x, y), (width, height), angle = rect
    if height < LEAST_HIGH or abs(angle) > LEANS or not ASPECT[0] <= width / height <= ASPECT[1]:
        return 0.0
    if not SHARE[0] <= width / grey.shape[1] <= SHARE[1]:
        return 0.0
    x0, x1 = max(0, round(x - width / 2)), round(x + width / 2)
    y0, y1 = max(0, round(y - height / 2)), round(y + height / 2)
    part, change = grey[y0:y1, x0:x1], strokes[y0:y1, x0:x1]
    if not part.size:
        return 0.0
    dark, bright = np.percentile(part, (10, 90))
    contrast = (float(bright) - float(dark)) / (float(bright) + 24)
    middle = change[change.shape[0] // 3 : max(1, 2 * change.shape[0] // 3)].mean(axis=0)
    filled = float((middle > 0.5 * middle.mean()).mean())
    return float(change.mean()) * contrast * filled


def level(grey: Any, rect: Any, scale: float) -> Any:
    """Return the plate cut from the full image with a margin: rotated level, HIGH px high, dark letters."""
    (x, y), (width, height), angle = rect
    x, y, width, height = (value / scale for value in (x, y, width + 0.5 * height, 1.5 * height))
    times = HIGH / height
    turn = cv2.getRotationMatrix2D((x, y), angle, times)
    turn[:, 2] += (width * times / 2 - x, HIGH / 2 - y)
    size = (max(1, round(width * times)), HIGH)
    flat = cv2.warpAffine(grey, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    dark, bright = (float(value) for value in np.percentile(flat, (5, 95)))
    even = np.clip((flat.astype(np.float32) - dark) * (255 / max(1.0, bright - dark)), 0, 255).astype(np.uint8)
    middle = even[HIGH // 4 : 3 * HIGH // 4, size[0] // 8 : -max(1, size[0] // 8)]
    return 255 - even if middle.size and float(np.median(middle)) < 110 else even


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width <= 0 or height <= 0 or width * height < 0.5 * least


# Plate reading by an ONNX model of the user that gives one row of letter scores per position.

_NUMBERS: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"


class PlateModel:
    """Reads plates with a model. Raises NotDone: if the file has another format."""

    name: ClassVar[str] = "model"

    def __init__(self, file: Path, alphabet: str = ALPHABET) -> None:
        self._session = open_session(file)
        self._alphabet, self._gap = alphabet, alphabet[-1]
        self.trouble = ""
        entry, *more = self._session.get_inputs()
        shape = entry.shape
        self._input, self._number = entry.name, _NUMBERS.get(entry.type)
        self._colours_first = len(shape) == 4 and shape[1] in (1, 3)
        sizes = tuple(shape[1:]) if len(shape) == 4 else ()
        if more or self._number is None or len(sizes) != 3 or not all(isinstance(size, int) for size in sizes):
            raise NotDone(
                f"The model {file} can't read license plates: its input is {entry.type} {shape}.",
                "It needs one fixed-size image: [n, height, width, 1 or 3].",
            )
        colours, height, width = sizes if self._colours_first else (sizes[2], sizes[0], sizes[1])
        self._colours, self._size = colours, (width, height)
        self._file = file
        self.read(np.full((height, width), 255, np.uint8))  # checks the output once

    def read(self, grey: Any) -> tuple[str, float]:
        """Read a plate as `tesseract.Tesseract.read`. The score is that of the least certain letter."""
        read = [(self._alphabet[row.argmax()], float(row.max())) for row in self._places(grey)]
        there = [one for one in read if one[0] != self._gap]
        return "".join(letter for letter, _ in there), min((sure for _, sure in there), default=0.0)

    def only(self, grey: Any, letters: str) -> str:
        """Read the plate again with these letters only."""
        columns = [at for at, letter in enumerate(self._alphabet) if letter in letters]
        rows = [row for row in self._places(grey) if self._alphabet[row.argmax()] != self._gap]
        return "".join(self._alphabet[columns[row[columns].argmax()]] for row in rows) if columns else ""

    def _places(self, grey: Any) -> Any:
        """Return the probability of each letter at each position, 0..1."""
        picture = cv2.resize(grey, self._size, interpolation=cv2.INTER_AREA)[..., None]
        picture = np.repeat(picture, self._colours, axis=2)
        picture = picture.transpose(2, 0, 1) if self._colours_first else picture
        shown = (picture if self._number is np.uint8 else picture.astype(np.float32) / 255).astype(self._number)[None]
        try:
            [given, *_] = self._session.run(None, {self._input: np.ascontiguousarray(shown)})
        except refusals() as error:
            raise NotDone(
                f"The model {self._file} can't read license plates: {str(error).splitlines()[0]}.",
                "It needs one fixed-size image: [1, height, width, 1 or 3].",
            ) from error
        given = np.asarray(given, np.float32)
        if given.size % len(self._alphabet):  # detected when the model is opened
            raise NotDone(
                f"The model {self._file} can't read license plates: its output is {list(given.shape)}.",
                f"It must have {len(self._alphabet)} values per position: {self._alphabet}.",
            )
        places = given.reshape(-1, len(self._alphabet))
        if not np.allclose(places.sum(axis=1), 1, atol=0.05):
            places = np.exp(places - places.max(axis=1, keepdims=True))
            places /= places.sum(axis=1, keepdims=True)
        return places


LOOKED_AT: Final = 2
"""Maximum number of candidates read per vehicle, best first."""
FITS: Final = 0.3
"""Share of the remaining uncertainty removed if the text has a known format."""
SETTINGS: Final = ("model", "alphabet", "forms")


class PlateReader(Protocol):
    trouble: str

    def read(self, grey: Any) -> tuple[str, float]: ...
    def only(self, grey: Any, letters: str) -> str: ...


class Plates:
    """Reads license plates of vehicles with Tesseract, or with a model of your own.

    - `model` (""): an ONNX model to use instead of Tesseract.
    - `alphabet`: the model's characters in order, followed by the one that means "none".
    - `forms` (any): plate formats to accept, A for a letter and 9 for a digit, for example `["AA99 AAA"]`.
    """

    name: ClassVar[str] = "plates"
    kinds: tuple[str, ...] = (VEHICLE,)

    def __init__(self, settings: Mapping[str, Any], reader: PlateReader | None = None) -> None:
        """Raises ValueError: if a setting is invalid."""
        for key in settings:
            if key not in SETTINGS:
                raise ValueError(f"{key}: not a setting of plates; allowed: {', '.join(SETTINGS)}")
        self._model, self._alphabet = settings.get("model", ""), settings.get("alphabet", ALPHABET)
        if not isinstance(self._model, str) or not isinstance(self._alphabet, str) or len(self._alphabet) < 2:
            raise ValueError(
                'model: an ONNX file; alphabet: its characters in order, followed by the one that means "none"'
            )
        self._forms = _forms(settings.get("forms", ()))
        self._reader = reader
        self._wrong = ""
        self._tried: FileVersion = ()
        """Version of the model's file that was opened, or could not be."""

    @property
    def trouble(self) -> str:
        return self._wrong or (self._reader.trouble if self._reader is not None else "")

    @property
    def is_ready(self) -> bool:
        return True

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        reader = self._opened()
        if reader is None:
            return []
        try:
            for found in plates_in(shown.rgb)[:LOOKED_AT]:
                reading = self._reading(reader, found.grey)
                self._wrong = ""
                if reading is not None:
                    return [reading]
        except NotDone as error:  # it was tried when it was opened, so the next plate may be read
            self._wrong = str(error)
        return []

    def close(self) -> None:
        self._reader = None

    def _opened(self) -> PlateReader | None:
        if self._reader is None and not self._model:
            self._reader = Tesseract()
        elif self._reader is None:
            file = Path(self._model).expanduser()
            version = file_version(file)
            if not self._wrong or version != self._tried:  # it may have been repaired
                self._tried = version
                try:
                    self._reader, self._wrong = PlateModel(file, self._alphabet), ""
                except NotDone as error:
                    self._wrong = str(error)
        return self._reader

    def _reading(self, reader: PlateReader, grey: Any) -> RecogniserResult | None:
        """Return the reading, or None if it is no plate."""
        raw, score = reader.read(grey)
        text = plain_plate(raw)
        fit = fitted(text, self._forms)
        if fit:
            right = corrected_plate(text, fit, lambda letters: plain_plate(reader.only(grey, letters)))
            return RecogniserResult(right, score + FITS * (1 - score))
        return RecogniserResult(text, score) if is_plate(text) and not self._forms else None


def _forms(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list | tuple) or not all(isinstance(one, str) for one in data):
        raise ValueError(f'forms: found {value_text(data)}; allowed: a list such as ["AA99 AAA"]')
    for one in data:
        if set(plain_plate(one)) - {"A", "9"} or not SHORTEST <= len(plain_plate(one)) <= LONGEST:
            raise ValueError(
                f"forms: found {value_text(one)}; use A for a letter and 9 for a digit, "
                f"{SHORTEST} to {LONGEST} characters"
            )
    return tuple(data)

"""Plate reading by an ONNX model of the user that gives one row of letter scores per position.

Input: an image [n, height, width, 1 or 3] (or channels first), uint8, or float32 0..1. Output: scores of each letter
per position, [n, positions, letters] or flat; the last letter of the alphabet means none. The models of fast-plate-ocr
(MIT) have this format.
"""

from pathlib import Path
from typing import Any, ClassVar, Final

import cv2
import numpy as np

from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone

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
        self._input, self._is_float = entry.name, "float" in entry.type
        self._colours_first = len(shape) == 4 and shape[1] in (1, 3)
        sizes = tuple(shape[1:]) if len(shape) == 4 else ()
        if more or len(sizes) != 3 or not all(isinstance(size, int) for size in sizes):
            raise NotDone(
                f"The model {file} can't read license plates: its input is {shape}.",
                "It needs one fixed-size image: [n, height, width, 1 or 3].",
            )
        colours, high, wide = sizes if self._colours_first else (sizes[2], sizes[0], sizes[1])
        self._colours, self._size = colours, (wide, high)
        self._file = file
        self.read(np.full((high, wide), 255, np.uint8))  # checks the output once

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
        shown = (picture.astype(np.float32) / 255 if self._is_float else picture)[None]
        given = np.asarray(self._session.run(None, {self._input: np.ascontiguousarray(shown)})[0], np.float32)
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

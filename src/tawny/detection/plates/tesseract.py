"""Plate reading by an installed Tesseract (Apache-2.0): two processes per plate, fixed arguments, no temporary file."""

import os
import shutil
import subprocess
from typing import Any, ClassVar, Final

import cv2
import numpy as np

from tawny.detection.plates.text import DIGITS, LETTERS, is_plate, plain_plate

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

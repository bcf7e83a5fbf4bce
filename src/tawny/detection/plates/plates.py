"""`plates`: the recognizer that reads license plates of vehicles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from tawny.detection.plates.finding import plates_in
from tawny.detection.plates.model import ALPHABET, PlateModel
from tawny.detection.plates.tesseract import Tesseract
from tawny.detection.plates.text import LONGEST, SHORTEST, corrected_plate, fitted, is_plate, plain_plate
from tawny.detection.recognition.recogniser import RecogniserInput, RecogniserResult
from tawny.model.errors import NotDone
from tawny.model.kinds import VEHICLE
from tawny.model.validation import value_text

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
        for found in plates_in(shown.rgb)[:LOOKED_AT]:
            reading = self._reading(reader, found.grey)
            if reading is not None:
                return [reading]
        return []

    def close(self) -> None:
        self._reader = None

    def _opened(self) -> PlateReader | None:
        if self._reader is None and not self._wrong:
            try:
                self._reader = (
                    PlateModel(Path(self._model).expanduser(), self._alphabet) if self._model else Tesseract()
                )
            except NotDone as error:
                self._wrong = str(error)
        return self._reader

    def _reading(self, reader: PlateReader, grey: Any) -> RecogniserResult | None:
        """Return the reading, or None if it is no plate."""
        said, score = reader.read(grey)
        text = plain_plate(said)
        fit = fitted(text, self._forms)
        if fit:
            right = corrected_plate(text, fit, lambda letters: plain_plate(reader.only(grey, letters)))
            return RecogniserResult(right, score + FITS * (1 - score))
        return RecogniserResult(text, score) if is_plate(text) and not self._forms else None


def _forms(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list | tuple) or not all(isinstance(one, str) for one in said):
        raise ValueError(f'forms: found {value_text(said)}; allowed: a list such as ["AA99 AAA"]')
    for one in said:
        if set(plain_plate(one)) - {"A", "9"} or not SHORTEST <= len(plain_plate(one)) <= LONGEST:
            raise ValueError(
                f"forms: found {value_text(one)}; use A for a letter and 9 for a digit, "
                f"{SHORTEST} to {LONGEST} characters"
            )
    return tuple(said)

"""What of a camera's pictures is to be hidden in a film that is handed over."""

from dataclasses import dataclass

from tawny.model.polygon import Polygon


@dataclass(frozen=True, slots=True)
class SubjectMark:
    """Where the one is at an instant: shares of the picture, UTC ms."""

    at_ms: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Redaction:
    """areas: hidden all the time. marks: where the one is who alone is shown; without: all is shown but the areas."""

    areas: tuple[Polygon, ...] = ()
    marks: tuple[SubjectMark, ...] = ()

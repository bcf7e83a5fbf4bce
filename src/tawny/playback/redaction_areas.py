"""Areas and subjects of a redacted clip."""

from dataclasses import dataclass

from tawny.model.geometry import Polygon


@dataclass(frozen=True, slots=True)
class SubjectMark:
    """Position of the subject at an instant: shares of the frame, ms UTC."""

    at_ms: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Redaction:
    """What to redact.

    areas: always hidden. marks: positions of the only visible subject; empty: everything except the areas is visible.
    """

    areas: tuple[Polygon, ...] = ()
    marks: tuple[SubjectMark, ...] = ()

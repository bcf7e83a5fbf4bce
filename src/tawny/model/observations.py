"""Input and output of detectors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tawny.model.ids import CameraId

# Recognized texts and faces.


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """Result of a recognizer for an object in an event.

    by: the recognizer's name, such as `plates`. score: 0..1. text: recognized text, such as a license plate; empty for
    a face. who: id of a known identity; empty if unknown. Its name is used only while it stays known.
    """

    by: str
    text: str
    score: float
    who: str = ""


def spoken(word: str) -> str:
    """Normalize a text: lower case, letters and digits only."""
    return "".join(one for one in word.lower() if one.isalnum())


Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares 0..1 of the frame's width and height."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
"""Box of something whose place is not known."""
REPORTED = "reported"
"""Sign of what the camera itself reported."""


class Frame(Protocol):
    """A decoded frame. Pixels are converted on access; their buffers are reused, so do not keep them."""

    @property
    def camera(self) -> CameraId: ...
    @property
    def at_ms(self) -> int:
        """UTC of exposure. Frames of one camera are in order, at irregular intervals: 0.2 to 30 per second."""
        ...

    @property
    def luma(self) -> Any:
        """uint8 [height, width]: the decoded Y plane, not copied; rows may have padding."""
        ...

    @property
    def rgb(self) -> Any:
        """uint8 [height, width, 3]. Costs a conversion; use `luma` for motion detection."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One object at one instant. track: same number for the same object over time; 0 if not tracked."""

    label: str
    score: float
    """0..1."""
    box: Box
    track: int = 0
    since_ms: int | None = None
    """Time of the first observation of this object, if earlier than now and known."""
    until_ms: int | None = None
    """Only in `Look.over`: time of the last observation or movement of this object, whichever ended it."""
    zones: tuple[str, ...] = ()
    """Zones that contain the object, and lines that it crossed."""
    signs: tuple[str, ...] = ()
    """Additional attributes: `loitering`."""
    sure: float = 0.0
    """Confidence of the label, 0..1; 0 if no model named it and the label is the detector's own."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A detector's own number of one frame, and the level that motion exceeds, both in its unit."""

    number: float
    level: float


@dataclass(frozen=True, slots=True)
class FigureThing:
    """An object in a frame, as people see it drawn. score: 0..100."""

    box: Box
    score: int
    label: str


@dataclass(frozen=True, slots=True)
class MotionFigure:
    """What a detector found in one frame, as stored and shown. number, level: as `Measurement`."""

    at_ms: int
    number: float
    level: float
    moves: bool = False
    """Whether the frame counts as motion."""
    things: tuple[FigureThing, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Result of a detector for one frame.

    score: 0..100; an event from 50 on, at the camera's sensitivity; stored per second for the timeline. seen: objects
    that make it an event now; empty if none.
    """

    score: int
    seen: tuple[Observation, ...] = ()
    over: tuple[Observation, ...] = ()
    """Objects of earlier frames that ended, with `until_ms`, often some seconds ago. Optional."""
    near: tuple[Observation, ...] = ()
    """Candidates with scores below 50, which a lower threshold makes an event. Optional."""
    grid: int | None = None
    """Cells with motion (`model.geometry`). None if the detector knows only boxes."""
    reads: tuple[tuple[int, RecognisedText], ...] = ()
    """Recognized texts and faces so far, each with its track; also of ended tracks."""
    mask: Any = field(default=None, compare=False, repr=False)
    """bool [rows, columns], smaller than the frame: foreground cells. None if the detector knows only boxes.

    Do not modify or keep it.
    """
    measured: Measurement | None = field(default=None, compare=False)
    """None if the detector has no number of its own but the score."""


# Object types: the type of a label, and the type of an event from its labels.

MOTION = "motion"
"""Type of an event without an identified object."""
PERSON, VEHICLE, ANIMAL, OBJECT = "person", "vehicle", "animal", "object"
NOTHING = "nothing"
"""No object: set by a user, or by the built-in model for a shadow, a branch or a reflection."""
KINDS = (PERSON, VEHICLE, ANIMAL, OBJECT)
"""Types in priority order: an event gets the first one it contains."""
_MEMBERS = {
    VEHICLE: frozenset({"bicycle", "car", "motorcycle", "bus", "train", "truck", "boat"}),
    ANIMAL: frozenset({"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}),
}


def kind_of(label: str) -> str:
    """Return `person`, `vehicle`, `animal`, or `object` for all other labels. A type returns itself."""
    if label in KINDS:
        return label
    return next((kind for kind, members in _MEMBERS.items() if label in members), OBJECT)


def kind_of_all(labels: Iterable[str]) -> str:
    """Return the type of an event with these labels."""
    seen = {kind_of(label) for label in labels}
    return next((kind for kind in KINDS if kind in seen), MOTION)


def is_meant(label: str, wanted: Iterable[str]) -> bool:
    """Return whether `wanted` contains the label or its type."""
    return any(one in (label, kind_of(label)) for one in wanted)

"""What a detector is handed and what it says."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from tawny.model.ids import CameraId
from tawny.model.reads import RecognisedText

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of the picture's width and height, 0..1."""


class Frame(Protocol):
    """A decoded picture (a sample). Pixels are made when asked for; their buffers are reused: do not keep them."""

    @property
    def camera(self) -> CameraId: ...
    @property
    def at_ms(self) -> int:
        """UTC of exposure. Frames of one camera come in order, not evenly: 0.2 to 30 a second."""
        ...

    @property
    def luma(self) -> Any:
        """uint8 [height, width]: the Y plane as decoded, without a copy; rows may lie apart."""
        ...

    @property
    def rgb(self) -> Any:
        """uint8 [height, width, 3]. Costs a conversion: not for looking for motion."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen at one instant. track: the same number for the same thing over time; 0 where not followed."""

    label: str
    score: float
    """0..1."""
    box: Box
    track: int = 0
    since_ms: int | None = None
    """When this thing was first seen, if the detector knows it was earlier than now."""
    until_ms: int | None = None
    """Only in `Look.over`: when this thing was last seen or last moved, whichever ended it."""
    zones: tuple[str, ...] = ()
    """Zones that it is in, and lines that it has crossed."""
    signs: tuple[str, ...] = ()
    """What else is to be said of it: `loitering`."""
    sure: float = 0.0
    """How sure the label is, 0..1; 0 where nobody named it and the label is the detector's own."""
    perhaps: str = ""
    """The kind that it looks like to the small model that comes with tawny; empty where that says none."""
    perhaps_sure: float = 0.0
    """How sure that is, 0..1."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a detector says of one frame.

    score: 0..100, from 50 on it is an event at the camera's sensitivity; stored a second for the timeline.
    seen: the things that make it an event now; empty when there is none.
    """

    score: int
    seen: tuple[Observation, ...] = ()
    over: tuple[Observation, ...] = ()
    """Those of earlier looks that are over, with `until_ms`: often some seconds ago. A detector may leave this out."""
    near: tuple[Observation, ...] = ()
    """What may yet become an event, with scores below 50, so that a lower level can make it one. May be left out."""
    grid: int | None = None
    """Where it moves (`model.grid`); None where the detector knows no more than boxes."""
    reads: tuple[tuple[int, RecognisedText], ...] = ()
    """What is by now known to stand on things, or who they are, each with its track; of those that are over too."""
    mask: Any = field(default=None, compare=False, repr=False)
    """bool [rows, columns], smaller than the picture: cells that differ from what is usual there; None where the
    detector knows no more than boxes. Not to be changed, and not to be kept."""

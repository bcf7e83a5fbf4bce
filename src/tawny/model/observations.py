"""Input and output of detectors."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from tawny.model.ids import CameraId
from tawny.model.reads import RecognisedText

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares 0..1 of the frame's width and height."""


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
    perhaps: str = ""
    """Type suggested by the small model included in tawny. Empty if none."""
    perhaps_sure: float = 0.0
    """Confidence of the suggestion, 0..1."""


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
    """Cells with motion (`model.grid`). None if the detector knows only boxes."""
    reads: tuple[tuple[int, RecognisedText], ...] = ()
    """Recognized texts and faces so far, each with its track; also of ended tracks."""
    mask: Any = field(default=None, compare=False, repr=False)
    """bool [rows, columns], smaller than the frame: foreground cells. None if the detector knows only boxes.

    Do not modify or keep it.
    """

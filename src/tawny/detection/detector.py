"""Protocols of detectors, and the rule when looks make an event. Built-in detectors and plug-ins use the same
entry point group, `tawny.detectors`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from tawny.model.observations import Frame, Look


class Detector(Protocol):
    """Processes the frames of one camera, from one thread. Keeps its model of the scene between frames.

    Two optional attributes: `looks_a_second` (default 5; 0: every frame) and `takes_frame = False`. With the latter
    `look` is called at the sampling times, but no frame is decoded for it.
    """

    name: ClassVar[str]

    def look(self, frame: Frame) -> Look:
        """Return the detections of one frame.

        Frames come in order of `at_ms`, 0.2 to 30 a second. A backward jump, a long pause or another frame size must do
        no harm. Raises DetectorFailed, or any exception: the supervisor then restarts the detector.
        """
        ...


@runtime_checkable
class Glances(Protocol):
    """Optional part of a detector: keyframe checks, so that a quiet stream needs no full decoding.

    A detector without these methods gets every frame. Call from the same thread as `look`.
    """

    def glance(self, frame: Frame) -> bool:
        """Return whether the frame shows anything that the background model does not explain; if in doubt, True.

        Learns nothing.
        """
        ...

    @property
    def is_following(self) -> bool:
        """Whether a recent object is an event or may still become one. Every frame is then needed."""
        ...


class DetectorKind(Protocol):
    """The object behind an entry point: creates detectors from settings."""

    def __call__(self, settings: Mapping[str, Any]) -> Detector:
        """Create a detector.

        settings: the table `[cameras.<id>.detection.<name>]`. Raises ValueError: naming the key,
        the value found and the values allowed.
        """
        ...


# The trigger rule used by all detectors: K moving frames among the last W. Pure.


class EventTrigger:
    def __init__(self) -> None:
        self._looks: deque[tuple[int, bool]] = deque()

    def add(self, at_ms: int, *, moves: bool, k: int, within: int) -> int | None:
        """Register one frame. Return the time of the k-th newest moving frame if the rule triggers, else None.

        It triggers if this frame moves and at least k of the last `within` frames did.
        """
        self._looks.append((at_ms, moves))
        while len(self._looks) > max(within, k):
            self._looks.popleft()
        moving = [ms for ms, moved in self._looks if moved]
        return moving[-k] if moves and len(moving) >= k else None

    @property
    def last_ms(self) -> int | None:
        """Time of the newest frame, ms UTC; None before the first."""
        return self._looks[-1][0] if self._looks else None

    def clear(self) -> None:
        self._looks.clear()

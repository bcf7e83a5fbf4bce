"""Protocols of detectors. Built-in detectors and plug-ins use the same entry point group, `tawny.detectors`."""

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

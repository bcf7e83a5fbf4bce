"""The protocol of detectors; ours come through the same door as anybody's (entry points `tawny.detectors`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from tawny.model.observations import Frame, Look


class Detector(Protocol):
    """Looks at the frames of one camera, from one thread. It keeps what it knows of the place between looks.

    Two things it may say of itself: `looks_a_second` (usual: 5; 0: all), and `takes_frame = False`: it is asked
    at these times, and no picture is decoded for it.
    """

    name: ClassVar[str]

    def look(self, frame: Frame) -> Look:
        """Say what is in one frame.

        Frames come in order of `at_ms`, 0.2 to 30 a second; a jump back, a long pause or another size of picture must
        do no harm. Raises DetectorFailed, or anything; then the supervisor makes a new one.
        """
        ...


@runtime_checkable
class Glances(Protocol):
    """What a detector can do besides, so that a camera needs not be decoded whole while nothing happens.

    One that cannot is given every frame. Same thread as `look`.
    """

    def glance(self, frame: Frame) -> bool:
        """Whether anything is in it that its place does not explain. Nothing is learnt; in doubt, True."""
        ...

    @property
    def is_following(self) -> bool:
        """Whether anything of late may still become an event, or is one: then every frame is wanted."""
        ...


class DetectorKind(Protocol):
    """What stands behind an entry point: makes detectors from settings."""

    def __call__(self, settings: Mapping[str, Any]) -> Detector:
        """settings: the table `[cameras.<id>.detection.<name>]`. ValueError says which key, found and allowed."""
        ...

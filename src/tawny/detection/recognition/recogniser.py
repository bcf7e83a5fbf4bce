"""The protocol of recognizers: they read text or identities from images of objects in events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class RecogniserInput:
    """An object cut from a frame with a margin.

    kind: person, vehicle, ..., or motion without a label. rgb: uint8 [height, width, 3], contiguous, at the camera's
    resolution.
    """

    camera: CameraId
    at_ms: int
    kind: str
    rgb: Any


@dataclass(frozen=True, slots=True)
class RecogniserResult:
    """A result.

    text: the text read, empty if there is none, as for a face. score: 0..1. print: face embedding, similar for the same
    face; compared with known ones and never stored.
    """

    text: str = ""
    score: float = 1.0
    print: tuple[float, ...] = ()


class Recogniser(Protocol):
    """Reads objects. Called from one thread. `read` may take a second; only other recognition waits for it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types or labels of the objects it accepts."""
        ...

    @property
    def trouble(self) -> str:
        """Problem and remedy for users; empty if none."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether an empty result means that nothing is readable; False while loading."""
        ...

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        """Return the results; empty if nothing is readable. Does not raise for any image."""
        ...

    def close(self) -> None: ...

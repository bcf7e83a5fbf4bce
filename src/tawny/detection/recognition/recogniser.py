"""What a recogniser is: it is shown a thing that an event is about, and says what it reads of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class RecogniserInput:
    """A thing, cut out of a picture with a little of what is around it. kind: person, vehicle, ..., or motion where
    nothing gave it a name. rgb: uint8 [height, width, 3], contiguous; as large as the camera gives it."""

    camera: CameraId
    at_ms: int
    kind: str
    rgb: Any


@dataclass(frozen=True, slots=True)
class RecogniserResult:
    """text: what was read, empty where there is nothing to read, as of a face. score: 0..1.

    print: numbers, alike for the same face and otherwise for another; it is compared with those of who is known, and
    never kept.
    """

    text: str = ""
    score: float = 1.0
    print: tuple[float, ...] = ()


class Recogniser(Protocol):
    """All calls come from one thread. `read` may take a second: only other reading waits for it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds or labels of things that it is shown."""
        ...

    @property
    def trouble(self) -> str:
        """Why it reads nothing though it should, and what to do; empty where all is well."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether an empty answer means that there is nothing to read: false while it is still being loaded."""
        ...

    def read(self, shown: RecogniserInput) -> Sequence[RecogniserResult]:
        """Nothing is read: an empty list. It does not raise for any picture."""
        ...

    def close(self) -> None: ...

"""What is seen of a camera at this moment, for people who look at it: told only while somebody does. Any thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tawny.model.observations import Box, Look


@dataclass(frozen=True, slots=True)
class MeterReading:
    """Of one look. zones: the greatest score in each. things: box, score, and whether it is an event."""

    at_ms: int
    score: int
    zones: dict[str, int]
    things: tuple[tuple[Box, int, bool], ...]
    sound: tuple[float, int] | None = None
    """dB below full scale and score of what was heard last; None where nobody listens."""


FRESH_MS = 5000
Heard = Callable[[MeterReading], None]


class LiveMeter:
    """One camera's. While it is read the camera is looked at without pause, and at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Heard, ...] = ()
        self._sound: tuple[int, float, int] | None = None

    @property
    def is_read(self) -> bool:
        return bool(self._listeners)

    def listen(self, heard: Heard) -> Callable[[], None]:
        """Call with every reading, from the watcher's thread, until the returned function is called."""
        with self._lock:
            self._listeners = (*self._listeners, heard)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not heard)

        return stop

    def hear(self, at_ms: int, db: float, score: int) -> None:
        """How loud it is; told with the next look."""
        self._sound = at_ms, db, score

    def show(self, at_ms: int, look: Look, zones: dict[str, int]) -> None:
        things = (
            *((thing.box, round(thing.score * 100), True) for thing in look.seen),
            *((thing.box, round(thing.score * 100), False) for thing in look.near),
        )
        sound = self._sound
        is_fresh = sound is not None and abs(at_ms - sound[0]) < FRESH_MS
        reading = MeterReading(at_ms, look.score, zones, things, sound[1:] if sound and is_fresh else None)
        for heard in self._listeners:
            heard(reading)

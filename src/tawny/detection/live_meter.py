"""Live detection values of one camera for the interface, published only while a client listens. Thread-safe."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tawny.model.observations import Box, Look


@dataclass(frozen=True, slots=True)
class MeterReading:
    """The values of one processed frame.

    zones: highest score by zone. things: box, score 0..100 and whether it is an event.
    """

    at_ms: int
    score: int
    zones: dict[str, int]
    things: tuple[tuple[Box, int, bool], ...]
    sound: tuple[float, int] | None = None
    """Level in dB below full scale and score of the newest sound; None without a sound listener."""


FRESH_MS = 5000
Heard = Callable[[MeterReading], None]


class LiveMeter:
    """Publishes one camera's readings.

    While it has listeners the camera is processed continuously and without batching.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Heard, ...] = ()
        self._sound: tuple[int, float, int] | None = None

    @property
    def is_read(self) -> bool:
        return bool(self._listeners)

    def listen(self, heard: Heard) -> Callable[[], None]:
        """Call `heard` with every reading, from the watcher's thread, until the returned function is called."""
        with self._lock:
            self._listeners = (*self._listeners, heard)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not heard)

        return stop

    def hear(self, at_ms: int, db: float, score: int) -> None:
        """Set the current sound level, in dB; published with the next frame."""
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

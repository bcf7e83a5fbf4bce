"""Looks as a detector would say them, one every 200 ms, and a maker that they go to."""

from dataclasses import dataclass

import numpy as np

from tawny.events.event_builder import EventBuilder
from tawny.model.errors import DiskFull
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged, Message
from tawny.model.observations import Box, Look, Observation, RecognisedText
from tawny.stream.hub import Hub
from tests.support.scenes import PictureFrame

PORCH = CameraId("porch")
BEGUN_MS = 1_795_000_000_000
MIDDLE: Box = (0.4, 0.3, 0.5, 0.7)


def thing(track: int = 1, since_s: float | None = None, box: Box = MIDDLE, until_s: float | None = None) -> Observation:
    return Observation(
        "motion",
        0.8,
        box,
        track,
        None if since_s is None else _ms(since_s),
        None if until_s is None else _ms(until_s),
    )


@dataclass(frozen=True)
class Saved:
    event: Event
    jpeg: bytes


class Bench:
    def __init__(self, large: Hub | None = None) -> None:
        self.told: list[EventChanged] = []
        self.rows: list[Event] = []
        self.saved: list[Saved] = []
        self.is_full = False
        self.maker = EventBuilder(PORCH, self, self._tell, self._save, large)

    def put_event(self, event: Event) -> bool:
        self.rows.append(event)
        return True

    def look(
        self, at_s: float, *seen: Observation, over: tuple[Observation, ...] = (), score: int = 70,
        reads: tuple[tuple[int, RecognisedText], ...] = (),
    ) -> None:  # fmt: skip
        frame = PictureFrame(np.full((90, 160), 100, np.uint8), _ms(at_s), PORCH)
        self.maker.look(frame, Look(score if seen else 10, seen, over, reads=reads))

    def see(self, begin_s: float, end_s: float, *seen: Observation, score: int = 70) -> None:
        """The same things at each look of a time."""
        for n in range(round(begin_s * 5), round(end_s * 5)):
            self.look(n / 5, *seen, score=score)

    @property
    def spans(self) -> list[tuple[float, float | None]]:
        """Of the events as last told, in seconds."""
        newest = {change.event.id: change.event for change in self.told}
        return [
            ((e.start_ms - BEGUN_MS) / 1000, None if e.end_ms is None else (e.end_ms - BEGUN_MS) / 1000)
            for e in newest.values()
        ]

    @property
    def whats(self) -> list[str]:
        return [change.what for change in self.told]

    def _tell(self, message: Message) -> None:
        assert isinstance(message, EventChanged)
        self.told.append(message)

    def _save(self, event: Event, jpeg: bytes) -> None:
        if self.is_full:
            raise DiskFull("/data")
        self.saved.append(Saved(event, jpeg))


def _ms(second: float) -> int:
    return BEGUN_MS + round(second * 1000)

"""What a detector of ours sees of a file, kept small: so the same looks are shown to many, and decoded once."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.footage import CAMERA, watch_file
from benchmarks.scoring import Span, Spans
from tawny.detection.decode_pipeline import GreyFrame
from tawny.detection.detector import Detector
from tawny.detection.motion.cells import Cells
from tawny.events import EventBuilder
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import Frame, Look

_NO_PICTURE = np.zeros((90, 160), np.uint8)
"""Events want some; nobody looks at it."""


class _Keeper:
    """A detector that sees nothing, and keeps what it was shown."""

    name: ClassVar[str] = "keeper"

    def __init__(self) -> None:
        self.shown: list[GreyFrame] = []
        self._cells = Cells()

    def look(self, frame: Frame) -> Look:
        self.shown.append(GreyFrame(self._cells.of(frame.luma).astype(np.uint8), frame.at_ms))
        return Look(0)


class _Events:
    """An index of events that keeps the last that was said of each."""

    def __init__(self) -> None:
        self.last: dict[EventId, Event] = {}

    def put_event(self, event: Event) -> bool:
        self.last[event.id] = event
        return True


def shown(path: Path) -> list[GreyFrame]:
    """All looks at a file that is decoded whole, as cells: some 80 kB each."""
    keeper = _Keeper()
    watch_file(path, keeper)
    return keeper.shown


def alarms(looks: list[GreyFrame], detector: Detector) -> Spans:
    """The events that such looks make; seconds from the first one."""
    events = _Events()
    maker = EventBuilder(CAMERA, events, lambda _message: None, lambda *_picture: None)
    for frame in looks:
        maker.look(GreyFrame(_NO_PICTURE, frame.at_ms), detector.look(frame))
    maker.close()
    first_ms = looks[0].at_ms if looks else 0
    found = sorted(events.last.values(), key=lambda event: event.start_ms)
    return [
        Span((e.start_ms - first_ms) / 1000, ((e.end_ms if e.end_ms is not None else e.start_ms) - first_ms) / 1000)
        for e in found
    ]

"""Bus messages for one client, until they can be sent. Bounded: a slow client loses the oldest."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tawny.model.ids import CameraId
from tawny.model.messages import (
    Alarm,
    DamageFound,
    EventChanged,
    GapChanged,
    HoldChanged,
    Message,
    ModeChanged,
    PartDied,
    PeopleChanged,
    RunEnded,
    RunStarted,
    Scored,
    SegmentClosed,
    StatusChanged,
)

MOST_KEPT = 500
Said = EventChanged | GapChanged | DamageFound | SegmentClosed | ModeChanged | PeopleChanged | HoldChanged


@dataclass
class ChangeBatch:
    """Changes since the last batch. said: in order. scores: newest score by camera.

    has_changed: camera states changed.
    """

    said: deque[Said] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    scores: dict[CameraId, Scored] = field(default_factory=dict)
    has_changed: bool = False


class ChangeFeed:
    """Bus listener. Call from any thread; returns immediately. wake: called when there is something new."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._heard = ChangeBatch()

    def __call__(self, message: Message) -> None:
        with self._lock:
            match message:
                case EventChanged() | SegmentClosed() | DamageFound():
                    self._heard.said.append(message)
                case GapChanged():
                    self._heard.said.append(message)
                    self._heard.has_changed = True
                case Scored():
                    self._heard.scores[message.camera] = message
                case StatusChanged() | RunStarted() | RunEnded():
                    self._heard.has_changed = True
                case PartDied() | Alarm():
                    return
                case ModeChanged() | PeopleChanged() | HoldChanged():
                    self._heard.said.append(message)
        self._wake()

    def take(self) -> ChangeBatch:
        """Return everything since the last call."""
        with self._lock:
            heard, self._heard = self._heard, ChangeBatch()
            return heard

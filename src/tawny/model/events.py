"""Events: something happened, from begin to end."""

import secrets
from dataclasses import dataclass, replace

from tawny.model.ids import CameraId, EventId
from tawny.model.observations import Box
from tawny.model.times import Span, stamp


@dataclass(frozen=True, slots=True)
class SeenObject:
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Event:
    id: EventId
    camera: CameraId
    kind: str
    """person, vehicle, animal, object, sound or motion."""
    start_ms: int
    end_ms: int | None
    """None while it lasts."""
    score: float
    """0..100: the highest yet."""
    box: Box | None = None
    """Around what was seen on the best picture."""
    zones: tuple[str, ...] = ()
    objects: tuple[SeenObject, ...] = ()
    kept: bool = False
    reviewed: bool = False
    false_alarm: str = ""
    """Why a person called it one: shadow, weather, known, traffic or other; empty where nobody did."""
    picture_ms: int | None = None
    """When the best picture was taken; None when there is none yet."""

    def clip(self, now_ms: int, pre_s: float, post_s: float) -> Span:
        """Its time with pre-roll and post-roll."""
        end = now_ms if self.end_ms is None else self.end_ms
        return Span(self.start_ms - round(pre_s * 1000), max(end, self.start_ms) + round(post_s * 1000))

    def ended(self, end_ms: int) -> "Event":
        return replace(self, end_ms=max(end_ms, self.start_ms))


def new_event_id(start_ms: int) -> EventId:
    return EventId(f"{stamp(start_ms)[:-1].replace('.', '')}-{secrets.token_hex(4)}")

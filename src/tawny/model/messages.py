"""Messages on the bus; the WebSocket and `events --follow` carry the same data."""

from dataclasses import dataclass

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.model.states import CameraStatus


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A field of a camera's status other than its rates changed."""

    status: CameraStatus


@dataclass(frozen=True, slots=True)
class RunStarted:
    camera: CameraId
    stream: StreamName
    run: RunId
    at_ms: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    camera: CameraId
    stream: StreamName
    run: RunId
    at_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """The segment is durable: data, name and index row."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class GapChanged:
    """A gap began (end_ms is None) or ended."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class DamageFound:
    """Damage began, continued or ended. Of messages with the same begin, the newest counts."""

    damage: DamagedSpan


@dataclass(frozen=True, slots=True)
class HoleFound:
    """Time in a run without a complete frame, although the camera sent data."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    end_ms: int
    packets_missing: int


@dataclass(frozen=True, slots=True)
class EventChanged:
    """what: `started`, `updated` or `ended`."""

    what: str
    event: Event


@dataclass(frozen=True, slots=True)
class Scored:
    """The maximum motion score of one second, 0..100."""

    camera: CameraId
    second_ms: int
    score: int


@dataclass(frozen=True, slots=True)
class PartDied:
    """The supervisor restarted a part. error: one line without secrets."""

    part: str
    error: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """A problem that a user should know about.

    what: `camera`, `sight`, `disk`, `books`, `room`, `spare`, `tier`, `mirror`, `check_in`, `self_test`, `gap`,
    `upload`, `clock`, `certificate`.

    Published when raised, at most 60 s after `since_ms`, and again with its end.
    """

    what: str
    camera: CameraId | None
    """None: concerns the whole recorder."""
    since_ms: int
    detail: str
    """Text for users without secrets."""
    until_ms: int | None = None
    """None while it lasts."""
    do: str = ""
    """What to do, for users."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The active mode or its origin changed. by: origin; the name of the user or client if set manually."""

    mode: str
    by: str
    is_by_hand: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class PeopleChanged:
    """The persons at home changed."""

    home: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """A manual override of a camera changed. what: `pause`, `record`, or empty when it ends."""

    camera: CameraId
    what: str
    by: str
    at_ms: int
    until_ms: int | None


Message = (
    StatusChanged
    | RunStarted
    | RunEnded
    | SegmentClosed
    | GapChanged
    | DamageFound
    | HoleFound
    | EventChanged
    | Scored
    | PartDied
    | Alarm
    | ModeChanged
    | PeopleChanged
    | HoldChanged
)

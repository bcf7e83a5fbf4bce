"""What parts tell each other over the bus; the WebSocket and `events --follow` carry the same facts."""

from dataclasses import dataclass

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.model.states import CameraStatus


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Any field of a camera's status but its rates changed."""

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
    """The segment is durable: its data, its name and its row."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class GapChanged:
    """A gap began (end_ms is None) or ended."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class DamageFound:
    """Damage began, went on or ended: of one that has the same begin, the newest counts."""

    damage: DamagedSpan


@dataclass(frozen=True, slots=True)
class HoleFound:
    """Time in a run without a whole picture, although the camera sent: it was lost, or could not be understood."""

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
    """The greatest motion score of one second, 0..100."""

    camera: CameraId
    second_ms: int
    score: int


@dataclass(frozen=True, slots=True)
class PartDied:
    """The supervisor began a part again. error: one line without secrets."""

    part: str
    error: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should know of now.

    what: `camera`, `sight`, `disk`, `books`, `room`, `spare`, `tier`, `mirror`, `check_in`, `self_test`, `gap`,
    `upload`, `clock`, `certificate`.

    Published when it is raised, at most 60 s after `since_ms`, and once more with its end when it is over.
    """

    what: str
    camera: CameraId | None
    """None: it concerns all."""
    since_ms: int
    detail: str
    """For people, never a secret."""
    until_ms: int | None = None
    """None while it lasts."""
    do: str = ""
    """What to do about it, for people."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """Another mode is on, or somebody else has set it. by: who or what; a person's or program's name if by hand."""

    mode: str
    by: str
    is_by_hand: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class PeopleChanged:
    """Who is at home now."""

    home: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """Somebody told a camera what to do. what: `pause`, `record`, or empty when that is over."""

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

"""Messages on the bus; the WebSocket and `events --follow` carry the same data."""

from dataclasses import dataclass, field
from enum import StrEnum

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, RunId, StreamName
from tawny.model.segments import Gap, Segment
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
class FileFinished:
    """A file of a set of `files` is in its folder or at its destination, whole."""

    set: str
    """Name of the set in the settings."""
    name: str
    """In the folder, or at the destination."""
    folder: str
    """Empty for a destination."""
    camera: CameraId
    start_ms: int
    end_ms: int
    size_bytes: int
    event: EventId | None = None
    edge: str = ""
    """`start` or `end` of an event, if the file is about one of them alone."""

    @property
    def path(self) -> str:
        """The file on this computer; empty for a destination."""
        return f"{self.folder}/{self.name}" if self.folder else ""


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
    """Time in a run without a complete frame, although the camera sent data.

    dropped: why the recorder itself dropped what came; empty: it did not.
    """

    camera: CameraId
    stream: StreamName
    begin_ms: int
    end_ms: int
    packets_missing: int
    dropped: str = ""


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


class ProblemKind(StrEnum):
    CAMERA = "camera"
    SIGHT = "sight"
    DETECTION = "detection"
    GAP = "gap"
    DISK = "disk"
    SLOW_DISK = "slow_disk"
    OPEN_FILES = "open_files"
    BOOKS = "books"
    ROOM = "room"
    SPARE = "spare"
    TIER = "tier"
    MIRROR = "mirror"
    CHECK_IN = "check_in"
    SELF_TEST = "self_test"
    UPLOAD = "upload"
    SWEEP = "sweep"
    FILES = "files"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
    SIGN_INS = "sign_ins"
    PROXY = "proxy"
    HISTORY = "history"
    STANDBY = "standby"
    NATS = "nats"
    INTEGRATION = "integration"
    HUB = "hub"
    SETTINGS = "settings"


PROBLEM_WORDS: dict[ProblemKind, str] = {
    ProblemKind.CAMERA: "Not recording",
    ProblemKind.SIGHT: "View blocked or changed",
    ProblemKind.DETECTION: "Detection isn't working",
    ProblemKind.GAP: "Many short gaps",
    ProblemKind.DISK: "Disk error",
    ProblemKind.SLOW_DISK: "Disk too slow",
    ProblemKind.OPEN_FILES: "Too many open files",
    ProblemKind.BOOKS: "Problem with the index or the history",
    ProblemKind.ROOM: "Not enough disk space",
    ProblemKind.SPARE: "Recording to the fallback disk",
    ProblemKind.TIER: "Archive disk problem",
    ProblemKind.MIRROR: "Mirror problem",
    ProblemKind.CHECK_IN: "Heartbeat failed",
    ProblemKind.SELF_TEST: "Self-test failed",
    ProblemKind.UPLOAD: "Uploads or notifications delayed",
    ProblemKind.SWEEP: "Expired uploads not deleted",
    ProblemKind.FILES: "Problem with a folder of files",
    ProblemKind.CLOCK: "Clock not synchronized",
    ProblemKind.CERTIFICATE: "Certificate problem",
    ProblemKind.SIGN_INS: "Many refused sign-ins",
    ProblemKind.PROXY: "Reverse proxy not configured",
    ProblemKind.HISTORY: "Recordings may have been removed",
    ProblemKind.STANDBY: "Standby",
    ProblemKind.NATS: "Connection of recorders",
    ProblemKind.INTEGRATION: "Integration isn't working",
    ProblemKind.HUB: "Hub and its recorders",
    ProblemKind.SETTINGS: "Settings not in effect",
}
OF_STATE = frozenset({ProblemKind.CAMERA, ProblemKind.SIGHT})
"""Problems that a camera's state and detail already say."""
BESIDE_RECORDING = frozenset(
    {
        ProblemKind.SIGN_INS,
        ProblemKind.PROXY,
        ProblemKind.STANDBY,
        ProblemKind.NATS,
        ProblemKind.INTEGRATION,
        ProblemKind.HUB,
    }
)
"""Problems that don't affect the recording of this recorder's own cameras."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A problem that a user should know about.

    Published when raised, at most 60 s after `since_ms`, when one of several problems begins or ends, and with its end.
    """

    what: ProblemKind
    camera: CameraId | None
    """None: concerns the whole recorder."""
    since_ms: int
    detail: str
    """Text for users without secrets."""
    until_ms: int | None = None
    """None while it lasts."""
    do: str = ""
    """What to do, for users."""
    changed_ms: int | None = None
    """When one of several problems began or ended; None: as first published."""
    about: str = ""
    """What the problems concern, as comparable text."""
    is_forgotten: bool = False
    """Whether the end means only that the camera was off for a day: it isn't known to be well, so users get none."""
    together: tuple["Alarm", ...] = field(default=(), compare=False, repr=False)
    """All problems of this kind, of several cameras, that began or ended at once; notifiers report them as one."""

    def sentence(self, camera_name: str) -> str:
        """Return the detail with the camera's name, which is empty for a problem of the recorder."""
        return f"{camera_name}: {self.detail}" if camera_name else self.detail


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


@dataclass(frozen=True, slots=True)
class CameraTurned:
    """A command moves a camera until until_ms: what it shows then is recorded like an event, and is none.

    is_patrol: it moves by itself, and nothing is recorded for that.
    """

    camera: CameraId
    at_ms: int
    until_ms: int
    is_patrol: bool = False


@dataclass(frozen=True, slots=True)
class ActionPlanned:
    """The countdown of an action on the whole recorder began, was cancelled, or is over."""

    at_ms: int


Message = (
    StatusChanged
    | RunStarted
    | RunEnded
    | SegmentClosed
    | FileFinished
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
    | CameraTurned
    | ActionPlanned
)

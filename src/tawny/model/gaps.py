"""Gaps: time in which an enabled camera was not recorded, or was disabled by a user."""

from dataclasses import dataclass
from enum import StrEnum

from tawny.model.ids import CameraId
from tawny.model.times import Span


class GapReason(StrEnum):
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    WEAKER_LOGIN = "weaker_login"
    CAMERA_RESTART = "camera_restart"
    STALLED = "stalled"
    WIFI = "wifi"
    RECORDER_OFF = "recorder_off"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    OVERLOAD = "overload"
    PRIVACY = "privacy"
    MODE = "mode"
    SCHEDULE = "schedule"
    OFF = "off"
    REMOVED = "removed"
    CLOCK = "clock"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> "GapReason":
        """Read a reason that a newer version has written."""
        return cls.UNKNOWN


BY_CHOICE = frozenset(
    {
        GapReason.PRIVACY,
        GapReason.MODE,
        GapReason.SCHEDULE,
        GapReason.OFF,
        GapReason.REMOVED,
        GapReason.ENDED,
    }
)
"""Reasons that do not lower the recorded share: chosen by a user, or a video file has nothing left to record."""

GAP_WORDS: dict[GapReason, str] = {
    GapReason.UNREACHABLE: "Camera offline",
    GapReason.AUTH: "Wrong password",
    GapReason.WEAKER_LOGIN: "Weaker sign-in",
    GapReason.CAMERA_RESTART: "Camera restarting",
    GapReason.STALLED: "Video stopped",
    GapReason.WIFI: "Wi-Fi lost",
    GapReason.RECORDER_OFF: "tawny wasn't running",
    GapReason.DISK_FULL: "Disk full",
    GapReason.DISK_ERROR: "Disk error",
    GapReason.OVERLOAD: "Computer too busy",
    GapReason.PRIVACY: "Paused for privacy",
    GapReason.MODE: "Off in this mode",
    GapReason.SCHEDULE: "Off by schedule",
    GapReason.OFF: "Switched off",
    GapReason.REMOVED: "Deleted",
    GapReason.CLOCK: "Clock corrected",
    GapReason.ENDED: "Video file ended",
    GapReason.UNKNOWN: "Unknown reason (please report this)",
}

OFF_WORDS = {
    "power": "power cut",
    "update": "updating",
    "crash": "crashed",
    "person": "stopped by a user",
    "disk": "switched back to its main disk",
}
"""Causes of `recorder_off`, as texts of its detail."""

STARTING = "starting"
"""Detail of the time before a camera's first frame, which has the reason `recorder_off` in the history."""


@dataclass(frozen=True, slots=True)
class GapEvidence:
    """Evidence of a gap's cause, as far as known. Counts are of the connection that ended. Never contains secrets."""

    word: str = ""
    """The client's own code, finer than the reason: `redirect-refused`, `bye`."""
    last_unit_ms: int | None = None
    """Time of the last frame."""
    last_byte_ms: int | None = None
    """Time of the last byte of any data."""
    packets_missing: int = 0
    rubbish_bytes: int = 0
    attempts: int = 0
    """Number of attempts since then."""
    peer_status: str = ""
    """The camera's last response: `453 Not Enough Bandwidth`."""


@dataclass(frozen=True, slots=True)
class Gap:
    camera: CameraId
    begin_ms: int
    end_ms: int | None
    """None while it lasts."""
    reason: GapReason
    detail: str = ""
    """Text for users without secrets, for example `connection refused`."""
    evidence: GapEvidence | None = None
    """None if no camera was involved: tawny was off, the disk was full."""

    def span(self, now_ms: int) -> Span:
        return Span(self.begin_ms, max(self.begin_ms, now_ms if self.end_ms is None else self.end_ms))

    @property
    def is_start(self) -> bool:
        """Return whether this is the time until a camera's first frame. One that does not respond has a reason."""
        return self.reason is GapReason.RECORDER_OFF and self.detail == STARTING


def gap_words(gap: Gap) -> str:
    """Return the text of a gap for all readers, such as `tawny wasn't running: power cut`."""
    if gap.is_start:
        return "Starting"
    words = GAP_WORDS[gap.reason]
    if gap.reason is GapReason.RECORDER_OFF and gap.detail:
        return f"{words}: {OFF_WORDS.get(gap.detail, gap.detail)}"
    return words


def gap_text(gap: Gap) -> str:
    """Return the words of a gap with its detail, such as `Camera offline (connection refused)`."""
    words = gap_words(gap)
    is_said = not gap.detail or gap.is_start or gap.reason is GapReason.RECORDER_OFF
    return words if is_said else f"{words} ({gap.detail})"

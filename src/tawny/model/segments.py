"""Segments: playable files of about one minute."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from tawny.model.ids import CameraId, RunId, SegmentId, StreamName
from tawny.model.packets import Packet
from tawny.model.times import Span

Recording = Literal["continuous", "events", "transitions", "off"]
"""What of a camera is recorded: everything, its events, only start and end of its events, or nothing."""

# Gaps, and their reasons.


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
    MASKING = "masking"
    PRIVACY = "privacy"
    MODE = "mode"
    SCHEDULE = "schedule"
    OFF = "off"
    WAITING = "waiting"
    ASLEEP = "asleep"
    REMOVED = "removed"
    CLOCK = "clock"
    ENDED = "ended"
    FILLED = "filled"
    """Not a gap any more: filled in later, from the camera's card or from the standby. The detail is what it was."""
    NOT_COPIED = "not_copied"
    """Only in what a hub shows of another recorder's copies: it may be recorded there, and isn't here."""
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
        GapReason.WAITING,
        GapReason.ASLEEP,
        GapReason.REMOVED,
        GapReason.ENDED,
        GapReason.FILLED,
        GapReason.NOT_COPIED,
    }
)
"""Reasons that do not lower the recorded share: chosen by a user, recorded later or elsewhere, or nothing is left to
record."""

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
    GapReason.MASKING: "Privacy masks not burned in",
    GapReason.PRIVACY: "Paused for privacy",
    GapReason.MODE: "Off in this mode",
    GapReason.SCHEDULE: "Off by schedule",
    GapReason.OFF: "Switched off",
    GapReason.WAITING: "Nothing happened",
    GapReason.ASLEEP: "Asleep",
    GapReason.REMOVED: "Deleted",
    GapReason.CLOCK: "Clock corrected",
    GapReason.ENDED: "Video file ended",
    GapReason.FILLED: "Filled in later",
    GapReason.NOT_COPIED: "Not copied yet",
    GapReason.UNKNOWN: "Unknown reason (please report this)",
}

OFF_WORDS = {
    "power": "power cut",
    "update": "updating",
    "crash": "crashed",
    "person": "stopped by a user",
    "restart": "restarted by a user",
    "reboot": "computer restarted by a user",
    "shut_down": "computer shut down by a user",
    "disk": "switched back to its main disk",
    "index": "restarted to rebuild its index",
    "suspend": "computer asleep or overloaded",
}
"""Causes of `recorder_off`, as texts of its detail."""


def off_words(cause: str, by: str = "") -> str:
    """Return the detail of `recorder_off`: the cause, and who it was if that is known."""
    return OFF_WORDS.get(cause, "").replace("a user", by or "a user")


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


FILL_SLACK_MS = 100
"""Time that may be missing between what was recorded and what was filled in, in ms."""


def explaining(gaps: Iterable[Gap]) -> list[Gap]:
    """Return those that explain missing time: time that was filled is not missing."""
    return [gap for gap in gaps if gap.reason is not GapReason.FILLED]


# Segments.

CARD_RUN = "card-"
"""Begin of the run of footage that was not recorded live, but filled from a camera's card."""
STANDBY_RUN = "standby-"
"""The same of footage that the standby has recorded."""
_FILLED_NUMBERS = {CARD_RUN: 0x63617264, STANDBY_RUN: 0x73746279}
"""The same in headers of the signed history: the upper half of the run's number."""


def filled_number(run: RunId) -> int | None:
    """Return the upper half of the run's number if footage of this run was filled in later; None: recorded live."""
    return next((number for begin, number in _FILLED_NUMBERS.items() if run.startswith(begin)), None)


def is_filled_number(number: int) -> bool:
    """Return whether the number of a run, of 8 bytes, is of footage that was filled in later."""
    return number >> 32 in _FILLED_NUMBERS.values()


def is_filled_in(run: RunId) -> bool:
    """Return whether footage of this run was filled in later. Of a sealed file the run may be only a number."""
    is_number = len(run) == 16 and any(run.startswith(f"{number:x}") for number in _FILLED_NUMBERS.values())
    return is_number or filled_number(run) is not None


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment in the index."""

    camera: CameraId
    stream: StreamName
    run: RunId
    start_ms: int
    end_ms: int
    size_bytes: int
    path: str
    """Relative to the volume's folder, with `/`."""
    video: str
    """Codec string for browsers, such as `avc1.64001f`."""
    width: int
    height: int
    audio: str = ""
    """`mp4a.40.2`, `ulaw`, `alaw`, or empty."""

    @property
    def id(self) -> SegmentId:
        return segment_id(self.camera, self.stream, self.start_ms)

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)


def segment_id(camera: CameraId, stream: StreamName, start_ms: int) -> SegmentId:
    """Return the id of a segment: the stream's mark and 6 bytes of `start_ms`.

    Derived instead of counted, so that links survive a rebuilt index.
    """
    return SegmentId((stream_mark(camera, stream) + start_ms.to_bytes(6, "big")).hex())


@lru_cache(maxsize=256)
def stream_mark(camera: CameraId, stream: StreamName) -> bytes:
    """Return the 6 bytes that identify a stream in its segments' ids."""
    return hashlib.blake2s(f"{camera}/{stream}".encode(), digest_size=6).digest()


# Input of playback: recordings as packets, in pieces.


class SkippedTime(NamedTuple):
    """Time without a recording. reason: None if no gap explains it."""

    span: Span
    reason: GapReason | None


class ReelPiece(NamedTuple):
    """Next packets by time, and the time skipped before them.

    `pts` count from the start of the file that contains the packets, which `run` identifies.
    """

    packets: list[Packet]
    skipped: SkippedTime | None


class NotCarried(Exception):
    """The recording cannot be delivered in the requested form. The message is for users."""

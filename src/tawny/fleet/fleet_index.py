"""What a hub knows: its boxes, invitations to join, what boxes have reported of their past, and the last pictures.

`FleetIndex` is the protocol; SQLite (`hub.db`) and PostgreSQL implement it. A line of history is known by its place:
box, file, byte. Rows and cursor are committed together, so that lines sent again change nothing. Recorded time comes
by whole days (`fleet/recorded_time.py`); what no box has sent is unknown, neither recorded nor a gap. Everything but
the boxes' keys can be lost: the boxes send it again.
"""

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Protocol

from tawny.fleet.history_reader import NAME, HistoryPiece
from tawny.fleet.history_rows import DAY_MS, FALSE_ALARM, KEPT, NAMED, PICTURE, REVIEWED, Row, is_camera
from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState
from tawny.model.times import Clock, Span, merge_spans, missing_spans

INVITATION_MS: Final = 10 * 60_000
ENDED_KEPT_MS: Final = 86_400_000
"""How long, ms, an invitation is kept after its end: after a step of the clock, the hub has to move the end."""
MOST_INVITATIONS: Final = 1000
"""Highest number of valid invitations: links for hundreds of recorders can be made before the first one joins."""
MOST_EVENTS: Final = 1_000_000
"""Highest number of events and tombstones of one box; the oldest ones are deleted."""
MOST_EVENT_BYTES: Final = 1024 * 1024 * 1024
"""Highest size of the records of one box's events; the oldest ones are deleted."""
MOST_GAPS: Final = 200_000
"""Highest number of gaps, and of damaged spans, of one box; the oldest ones are deleted."""
MOST_CAMERAS: Final = 1_000
"""Highest number of cameras of one box in PostgreSQL: lines about further ones are not stored."""
MOST_FILES: Final = 20_000
"""Highest number of files of one box's history."""
MOST_PICTURE_BYTES: Final = 256 * 1024
MOST_PICTURES: Final = 256
"""Highest number of last pictures of one box."""
MOST_SHOWN: Final = 2_000
"""Highest number of events, of gaps and of damaged spans in a lane."""
EVENT_MARKS: Final = {
    "all": (0, 0), "new": (REVIEWED, 0), "kept": (KEPT, KEPT), "false_alarms": (FALSE_ALARM, FALSE_ALARM),
    "named": (NAMED, NAMED),
}  # fmt: skip
"""By `EventQuestion.only`: which bits of an event's marks are compared, and their values."""
EVER: Final = Span(0, 1 << 53)
MOST_LINE_HASHES: Final = 10
"""Highest number of files of a box whose line hash is sent to it: the newest ones, as only those still grow."""
_END_OF_FILES: Final = 1 << 62
CALLED: Final = "called"
"""Key in the stored status of a box: the name that it last gave itself."""


@dataclass(frozen=True, slots=True)
class Box:
    """A recorder that has joined. seen_ms: when its line was last up. status: its health then; empty: unknown.

    called: what it called itself then; empty: not known since it joined.
    """

    id: str
    name: str
    key: bytes
    words: str
    joined_ms: int
    seen_ms: int
    version: str
    allow: tuple[str, ...]
    status: Mapping[str, Any]
    called: str = ""


@dataclass(frozen=True, slots=True)
class BoxEvent:
    box: str
    event: Event


@dataclass(frozen=True, slots=True)
class PlacedCamera:
    """A camera by its box, which may have the same name in another one."""

    box: str
    camera: CameraId


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """Which events are wanted, newest first. boxes: all are meant where no camera of theirs is named.

    kinds: types by which events are shown; empty: all. only: as in `storage.index.protocol.Index.events`.
    after: start, box and id of the last event of the page before.
    """

    boxes: tuple[str, ...]
    cameras: tuple[PlacedCamera, ...] = ()
    kinds: tuple[str, ...] = ()
    within: Span = EVER
    only: str = "all"
    after: tuple[int, str, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class LaneEvent:
    """As much of an event as a timeline draws."""

    id: str
    kind: str
    title: str
    start_ms: int
    end_ms: int | None
    has_picture: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class FleetLane:
    """A camera's past as the hub knows it. recorded and known: cut to what was asked for, in order.

    known: the times of which the box has reported whether they were recorded.
    """

    of: PlacedCamera
    recorded: list[Span] = field(default_factory=list)
    known: list[Span] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    damage: list[DamagedSpan] = field(default_factory=list)
    events: list[LaneEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CameraDay:
    """until_ms: up to when the box could say what was recorded of this camera."""

    recorded: tuple[Span, ...]
    until_ms: int


@dataclass(frozen=True, slots=True)
class BoxDay:
    """What a box recorded on one day in UTC, by its own index. day: since 1970.

    until_ms: up to when the box answered. first_ms: the oldest recording of each camera; None: it has none.
    """

    day: int
    until_ms: int
    cameras: Mapping[CameraId, CameraDay]
    first_ms: Mapping[CameraId, int | None]

    @property
    def span(self) -> Span:
        return Span(self.day * DAY_MS, (self.day + 1) * DAY_MS)


class FleetIndex(Protocol):
    """Thread-safe; waits for the disk or the database server. Raises StorageError, DiskFull, DatabaseNewer."""

    def close(self) -> None: ...

    # --- joining

    def invite(self) -> tuple[str, int]:
        """Return a code that lets one recorder join, and when it expires, ms UTC."""
        ...

    def join(self, code: str, name: str, key: bytes, words: str) -> Box | None:
        """Add a box, and use up the code. One that has joined before keeps its id. None: the code is not valid.

        While it is valid, the box that used it may use it again: the answer may have been lost.
        """
        ...

    def boxes(self) -> list[Box]: ...
    def knows(self, box: str) -> bool: ...
    def box_of(self, key: bytes) -> Box | None:
        """Return the box with this public key; None if none has joined with it, or it was revoked."""
        ...

    def rename(self, box: str, name: str) -> None:
        """Change the name that people see. Its id stays."""
        ...

    def revoke(self, box: str) -> bool:
        """Remove a box and all that is known of it. Return False if there is none."""
        ...

    def note(self, box: str, version: str, allow: Collection[str], status: Mapping[str, Any]) -> None:
        """Store what a box is now, and the time. Deletes the oldest rows beyond the limits, and hidden pictures."""
        ...

    # --- history

    def cursors(self, box: str, book: str) -> dict[str, int]:
        """Return how far each file of this book is stored. With another book, what came from the former is deleted.

        So are last pictures: nothing will say that their time was deleted.
        """
        ...

    def line_hashes(self, box: str) -> dict[str, tuple[int, str]]:
        """Return cursor and `line_hash` of the newest files. A box compares them: it may have another history now.

        Files whose last lines were stored by an earlier version have none.
        """
        ...

    def refill(self, box: str) -> None:
        """Delete rows, cursors and last pictures of a box, which sends all but the pictures again."""
        ...

    def add(self, box: str, piece: HistoryPiece) -> int:
        """Store lines and the cursor behind them in one commit; return the cursor. Lines before it change nothing.

        Lines beyond the cursor are not stored either: the box reads on from the returned one. Last pictures of time
        that was deleted are deleted, too.
        """
        ...

    def put_recorded(self, box: str, book: str, day: BoxDay) -> None:
        """Store what a box recorded on a day, instead of its earlier report. No effect if it has another book now.

        Last pictures of time of which recordings were known are deleted if it is before the oldest one now.
        """
        ...

    def recorded_days(self, box: str, book: str) -> dict[int, int]:
        """Return the days of which recorded time is known, each with the instant up to which the box answered."""
        ...

    # --- what people ask for

    def lanes(self, cameras: Sequence[PlacedCamera], within: Span) -> list[FleetLane]:
        """Return the known lanes of these cameras, in their order."""
        ...

    def find(self, asked: EventQuestion) -> list[BoxEvent]: ...

    # --- last pictures

    def keep_picture(self, box: str, camera: CameraId, jpeg: bytes, at_ms: int | None = None) -> None:
        """Store the last picture that was shown of a camera, for when its box is offline.

        at_ms: its time by the box's clock, ms UTC, as that of deleted time; None: the box didn't say, so it is now.
        """
        ...

    def picture(self, box: str, camera: CameraId) -> tuple[int, bytes] | None:
        """Return the last picture and its time, ms UTC; None if there is none."""
        ...

    def picture_times(self) -> dict[tuple[str, str], int]:
        """Return the time of each last picture, ms UTC, by box and camera."""
        ...


# What both implementations have in common.


def box_of_row(row: Sequence[Any]) -> Box:
    """row: id, name, key, words, joined_ms, seen_ms, version, allow, status."""
    key, name, public_key, words, joined_ms, seen_ms, version, allow, status = row
    health = json.loads(status) if status else {}
    called = str(health.pop(CALLED, ""))
    allowed = tuple(json.loads(allow))
    return Box(key, name, bytes(public_key), words, joined_ms, seen_ms, version, allowed, health, called)


def without_name(status: str) -> str:
    """Return the stored status of a box without what it called itself."""
    left = {key: value for key, value in json.loads(status or "{}").items() if key != CALLED}
    return json.dumps(left) if left else ""


def is_whole(piece: HistoryPiece) -> bool:
    """Return whether a piece is of a history file and ends where it says. One without data stands for a long line."""
    is_long = piece.offset < piece.end < _END_OF_FILES and len(piece.data) in (0, piece.end - piece.offset)
    return is_long and NAME.fullmatch(piece.file) is not None


def spans_text(spans: Iterable[Span], day: int) -> str:
    """Return recorded time of a day as text to be stored: ms since the day's begin."""
    zero_ms = day * DAY_MS
    return " ".join(f"{one.begin_ms - zero_ms}-{one.end_ms - zero_ms}" for one in spans)


def spans_of(text: str, day: int) -> list[Span]:
    zero_ms = day * DAY_MS
    pairs = (one.partition("-") for one in text.split())
    return [Span(zero_ms + int(begin), zero_ms + int(end)) for begin, _, end in pairs]


def cut(spans: Iterable[Span], within: Span) -> list[Span]:
    return [part for one in spans if (part := one.cut_to(within)) is not None]


def days_of(within: Span) -> range:
    """Return the days in UTC, since 1970, that a span touches."""
    return range(within.begin_ms // DAY_MS, -(-within.end_ms // DAY_MS))


def lane_of(
    of: PlacedCamera, within: Span, days: Iterable[tuple[int, int, str]], first: Sequence[int | None] | None
) -> FleetLane:
    """Return a lane with recorded and known time.

    days: day, until_ms and recorded time of each, in any order. first: the camera's oldest recording, its box's, and
    the first day that its box sent; None: the box has sent nothing of this camera.
    """
    recorded, known = list[Span](), list[Span]()
    for day, until_ms, text in days:
        known.append(Span(day * DAY_MS, max(day * DAY_MS, until_ms)))
        recorded += spans_of(text, day)
    if first is not None:
        camera_ms, box_ms, first_day = first
        empty_ms = next(one for one in (camera_ms, box_ms, (first_day or 0) * DAY_MS) if one is not None)
        known.append(Span(0, empty_ms))  # there is nothing before
        recorded = cut(recorded, Span(empty_ms, max(empty_ms, within.end_ms)))
    return FleetLane(of, cut(merge_spans(recorded), within), cut(merge_spans(known), within))


def without_deleted(lane: FleetLane) -> FleetLane:
    """Return the lane without recorded time that was deleted afterwards: its gap arrives at once, the rest later."""
    deleted = [gap.span(gap.begin_ms) for gap in lane.gaps if gap.reason is GapReason.REMOVED]
    left = [part for one in lane.recorded for part in missing_spans(deleted, one)] if deleted else lane.recorded
    return replace(lane, recorded=left)


def cameras_to_show(status: Mapping[str, Any], allow: Collection[str]) -> frozenset[str]:
    """Return the cameras of which a last picture may be kept: the box has them, and they aren't paused for privacy.

    None without `events`, by which a hub learns what was deleted.
    """
    if "events" not in allow:
        return frozenset()
    listed = status.get("cameras")
    cameras = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    shown = (str(one.get("id")) for one in cameras if one.get("state") != CameraState.PAUSED)
    return frozenset(filter(is_camera, shown))


def deleted_time(gaps: Iterable[Row]) -> list[Row]:
    """Return camera, begin and end, ms UTC, of what was deleted. gaps: as in `HistoryRows`."""
    return [row[:3] for row in gaps if row[3] == GapReason.REMOVED]


def is_deleted(index: FleetIndex, of: PlacedCamera, at_ms: int) -> bool:
    """Return whether a box has reported that its recordings of this time were deleted."""
    [lane] = index.lanes([of], Span(at_ms, at_ms + 1))
    return any(gap.reason is GapReason.REMOVED for gap in lane.gaps)


def lane_event(row: Sequence[Any]) -> LaneEvent:
    """row: id, kind, title, start_ms, end_ms, marks."""
    event, kind, title, start_ms, end_ms, marks = row
    return LaneEvent(event, kind, title, start_ms, end_ms, bool(marks & PICTURE), bool(marks & KEPT))


def oldest_day(day: BoxDay) -> int | None:
    """Return the day of a box's oldest recording; None if there is none."""
    starts = [one for one in day.first_ms.values() if one is not None]
    return min(starts) // DAY_MS if starts else None


def free_id(name: str, taken: set[str]) -> str:
    """Return an id for an address: `garden-shed`, or with a number if there is one of that name."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    base, number = "-".join(words)[:30].strip("-") or "recorder", 2
    found = base
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


class JoinCodes:
    """When codes that were made in this run end, whatever the clock is set to. For the one thread that writes.

    Those made on the command line are of other processes, and keep their times.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends_s: dict[bytes, float] = {}
        """By the hash that is stored, s monotonic; the newest last."""

    def keep(self, code: bytes) -> None:
        self._ends_s[code] = self._clock.mono_s() + INVITATION_MS / 1000
        while len(self._ends_s) > 2 * MOST_INVITATIONS:
            del self._ends_s[next(iter(self._ends_s))]

    def use(self, code: bytes, use: bytes) -> None:
        """Note that another hash is stored of a code from now on."""
        if code in self._ends_s:
            self._ends_s[use] = self._ends_s[code]

    def rows(self) -> list[tuple[int, bytes]]:
        """Return when each ends by the clock as it is now, ms UTC, and its hash."""
        now_ms, now_s = self._clock.now_ms(), self._clock.mono_s()
        return [(now_ms + round((end_s - now_s) * 1000), code) for code, end_s in self._ends_s.items()]


def new_code() -> str:
    return secrets.token_urlsafe(16)


def hash_of(code: str) -> bytes:
    return sha256(code.encode()).digest()


def hash_of_use(code: str, key: bytes) -> bytes:
    """Return what is stored of a code, instead of its hash, once the box with this public key has used it."""
    return sha256(key + code.encode()).digest()

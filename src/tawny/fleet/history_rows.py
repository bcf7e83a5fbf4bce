"""Lines of a box's history as rows of the hub's index. A box may send anything: what can't be understood is left out.

Of each event, gap and damage the line that was written last counts; files may arrive in any order.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.events import ALL_LEVELS, RANKS, Event, event_title, shown_level
from tawny.model.segments import Gap, GapReason
from tawny.storage.history.ledger import damage_of, event_of, gap_of

DAY_MS: Final = 86_400_000
LATEST_MS: Final = 253_402_300_799_000
"""End of year 9999, ms UTC."""
MOST_NAME: Final = 64
MOST_DETAIL: Final = 500
MOST_COUNT: Final = 10**9
MOST_RECORD_BYTES: Final = 64 * 1024
PICTURE, KEPT, REVIEWED, FALSE_ALARM, NAMED = 1, 2, 4, 8, 16
"""Bits of an event's `marks`: what it has."""
DROPPED_MS: Final = -1
"""Start in a tombstone, which stays of a deleted event: older lines about it must not bring it back."""
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_CAMERA: Final = re.compile(r"[^\s~,/]{1,64}")
Row = tuple[Any, ...]


@dataclass(slots=True)
class HistoryRows:
    """Rows of a piece of history; each ends with its place: number of the file, and byte.

    events: id, camera, start_ms, end_ms, kind, title, level, marks, record. gaps: camera, begin_ms, end_ms, reason,
    detail. damage: camera, stream, begin_ms, end_ms, units, packets.
    """

    events: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    damage: list[Row] = field(default_factory=list)

    @property
    def event_bytes(self) -> int:
        return sum(len(row[8]) for row in self.events)


def rows_of(file: str, offset: int, data: bytes) -> HistoryRows:
    """Return the newest row of each event, gap and damage in these lines."""
    number, events, gaps, damage = _number(file), dict[Any, Row](), dict[Any, Row](), dict[Any, Row]()
    for line in data.splitlines(keepends=True):
        for what, row in _rows_in(line):
            placed = (*row, number, offset)
            match what:
                case "event":
                    events[row[0]] = placed
                case "gap":
                    gaps[row[:2]] = placed
                case _:
                    damage[row[:3]] = placed
        offset += len(line)
    return HistoryRows(list(events.values()), list(gaps.values()), list(damage.values()))


def _rows_in(line: bytes) -> Iterator[tuple[str, Row]]:
    try:
        data = json.loads(line)
        what = data["what"]
        yield from _rows_of(what, data[what], _event_in)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return


def is_storable(what: str, record: Mapping[str, Any]) -> bool:
    """Return whether what a line of a box's history says may be stored in an index as it is."""
    try:
        list(_rows_of(what, record))
        json.dumps(record, allow_nan=False)
        return what != "damage" or all(0 <= int(record[name]) <= MOST_COUNT for name in ("units", "packets"))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return False


def _rows_of(
    what: str, record: Mapping[str, Any], event_in: Callable[[Mapping[str, Any]], Event] = event_of
) -> Iterator[tuple[str, Row]]:
    """Raises ValueError, KeyError, TypeError, OverflowError, RecursionError: the record can't be understood."""
    match what:
        case "event":
            json.dumps(record, ensure_ascii=False).encode()  # half of a character can't be sent on
            yield "event", _event_row(event_in(record), json.dumps(record, separators=(",", ":")))
        case "event_dropped":
            event = str(record["id"])
            if _ID.fullmatch(event):
                yield "event", (event, "", DROPPED_MS, None, "", "", 0, 0, "")
        case "gap":
            json.dumps(record, ensure_ascii=False).encode()
            yield "gap", _gap_row(gap_of(record))
        case "damage":
            yield "damage", _damage_row(damage_of(record))


def _event_row(event: Event, record: str) -> Row:
    """Raises ValueError: it can't be stored."""
    _check(_ID.fullmatch(event.id) and is_camera(event.camera) and len(record) <= MOST_RECORD_BYTES)
    _check(_is_time(event.start_ms) and (event.end_ms is None or _is_time(event.end_ms)))
    _check(event.picture_ms is None or _is_time(event.picture_ms))
    marks = PICTURE * (event.picture_ms is not None) + KEPT * event.kept + REVIEWED * event.reviewed
    marks += FALSE_ALARM * bool(event.false_alarm) + NAMED * bool(event.objects)
    title, kind = _text(event_title(event))[:MOST_NAME], _text(event.shown_kind)[:MOST_NAME]
    rank = RANKS[shown_level(event)]
    return event.id, event.camera, event.start_ms, event.end_ms, kind, title, rank, marks, record


def _gap_row(gap: Gap) -> Row:
    _check(is_camera(gap.camera) and _is_time(gap.begin_ms))
    _check(gap.end_ms is None or gap.begin_ms <= gap.end_ms <= LATEST_MS)
    return gap.camera, gap.begin_ms, gap.end_ms, gap.reason.value, _text(gap.detail)


def _damage_row(damage: DamagedSpan) -> Row:
    _check(is_camera(damage.camera) and _is_time(damage.begin_ms) and _is_time(damage.end_ms))
    counts = (min(max(0, damage.units), MOST_COUNT), min(max(0, damage.packets), MOST_COUNT))
    return damage.camera, damage.stream.value, damage.begin_ms, damage.end_ms, *counts


def gap_in(camera: str, row: Row) -> Gap:
    """row: begin_ms, end_ms, reason, detail."""
    begin_ms, end_ms, reason, detail = row
    return gap_of(
        {"camera": camera, "begin_ms": begin_ms, "end_ms": end_ms, "reason": GapReason(reason), "detail": detail}
    )


def damage_in(camera: str, row: Row) -> DamagedSpan:
    """row: stream, begin_ms, end_ms, units, packets."""
    names = ("stream", "begin_ms", "end_ms", "units", "packets")
    return damage_of({"camera": camera, **dict(zip(names, row, strict=True))})


def event_in(record: str) -> Event:
    return _event_in(json.loads(record))


def _event_in(record: Mapping[str, Any]) -> Event:
    """Return an event, with a level of a newer version as if it had none: the hub will know it after an update."""
    if isinstance(record, dict) and record.get("level", "") not in ("", *ALL_LEVELS):
        record = {**record, "level": ""}
    return event_of(record)


def _number(file: str) -> int:
    """Return the number of a history file: those written later have higher ones."""
    number = file[11:].removesuffix(".jsonl")
    return int(file[:10].replace("-", "")) * 10**6 + (int(number) if number.isdigit() else 1)


def is_camera(text: str) -> bool:
    """Return whether a box may name a camera so."""
    return _CAMERA.fullmatch(text) is not None and text.isprintable()


def _is_time(at_ms: int) -> bool:
    return 0 <= at_ms <= LATEST_MS


def _text(text: str) -> str:
    return "".join(letter for letter in text[:MOST_DETAIL] if letter.isprintable())


def _check(is_valid: object) -> None:
    if not is_valid:
        raise ValueError("no valid line")

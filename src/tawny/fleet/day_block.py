"""What a box has reported about one camera and one day in UTC: events, gaps and damage, packed into two byte strings.

`drawn` has all that a timeline draws and a search filters by, `records` the events' records. Forty events take about
3.4 kB. Of each event, gap and damage the line that was written last counts.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from tawny.fleet.history_rows import DAY_MS, REVIEWED, Row

MOST_OF_A_DAY: Final = 10_000
"""Highest number in a block of events, tombstones, gaps and damaged spans: the oldest ones are deleted."""
MOST_RECORD_BYTES_OF_A_DAY: Final = 16 * 1024 * 1024
ANY_EVENT, NEW_EVENT = 32, 64
"""Further bits of a block's marks: it has events; it has events without a review."""
LASTS: Final = 1 << 62
"""End of what lasts, in ms UTC."""
EPOCH: Final = date(1970, 1, 1).toordinal()
_KINDS: Final = 62
_OWN_ID: Final = re.compile(r"[0-9]{8}T[0-9]{9}-[0-9a-f]{8}")
_PLACE: Final = slice(-2, None)

Counts = tuple[int, int, int, int]
"""Number of events and tombstones, bytes of their records, number of gaps, of damaged spans."""


@dataclass(slots=True)
class DayBlock:
    """Each value ends with the place of its line: number of the file, and byte.

    events, by id: kind, title, start_ms, end_ms, marks. gaps, by begin_ms: end_ms, reason, detail. damage, by stream
    and begin_ms: end_ms, units, packets. deleted, by id: tombstones, with nothing else. records: JSON as in the
    history, by id.
    """

    day: int
    events: dict[str, Row] = field(default_factory=dict)
    gaps: dict[int, Row] = field(default_factory=dict)
    damage: dict[tuple[str, int], Row] = field(default_factory=dict)
    deleted: dict[str, Row] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    """Ids of events that were there; not stored."""

    @property
    def counts(self) -> Counts:
        size = sum(map(len, self.records.values()))
        return len(self.events) + len(self.deleted), size, len(self.gaps), len(self.damage)

    @property
    def kinds(self) -> int:
        """The types of events, as bits of `kind_bits`."""
        return kind_bits(kind for kind, *_ in self.events.values())

    @property
    def marks(self) -> int:
        """The marks that any event has, and ANY_EVENT, NEW_EVENT."""
        found = 0
        for _, _, _, _, marks, *_ in self.events.values():
            found |= marks | ANY_EVENT | (0 if marks & REVIEWED else NEW_EVENT)
        return found

    @property
    def newest_ms(self) -> int:
        """Start of the newest event; -1 if there is none."""
        return max((row[2] for row in self.events.values()), default=-1)

    @property
    def lasts_ms(self) -> int | None:
        """The latest end of what lasts beyond the day; LASTS: not ended. None: nothing does."""
        ends = [row[3] for row in self.events.values()] + [row[0] for row in self.gaps.values()]
        ends += [row[0] for row in self.damage.values()]
        last_ms = max((LASTS if end is None else end for end in ends), default=0)
        return last_ms if last_ms >= (self.day + 1) * DAY_MS else None

    def put_event(self, event: str, row: Row, record: str) -> None:
        if put_newer(self.events, event, row):
            self.records[event] = record

    def remove_event(self, event: str) -> None:
        del self.events[event], self.records[event]
        self.removed.append(event)

    def bound(self) -> None:
        """Delete the oldest entries beyond the limits of a day."""
        size, newest = 0, sorted(self.events, key=lambda event: self.events[event][2], reverse=True)
        for number, event in enumerate(newest):
            size += len(self.records[event])
            if number >= MOST_OF_A_DAY or size > MOST_RECORD_BYTES_OF_A_DAY:
                self.remove_event(event)
        _keep(self.gaps, MOST_OF_A_DAY, lambda begin_ms, _: begin_ms)
        _keep(self.damage, MOST_OF_A_DAY, lambda key, _: key[1])
        _keep(self.deleted, MOST_OF_A_DAY, lambda _, row: row)

    def pack(self) -> tuple[bytes, bytes]:
        """Return `drawn` and `records`."""
        tables = (
            [(event, *row) for event, row in self.events.items()],
            [(begin_ms, *row) for begin_ms, row in self.gaps.items()],
            [(*key, *row) for key, row in self.damage.items()],
            [(event, *row) for event, row in self.deleted.items()],
        )
        records = "\n".join(self.records[event] for event in self.events)
        return zlib.compress(json.dumps(tables, separators=(",", ":")).encode()), zlib.compress(records.encode())


def unpack(day: int, drawn: bytes, records: bytes | None = None) -> DayBlock:
    """Return a block. records: None: it is read without them, and cannot be packed again."""
    events, gaps, damage, deleted = json.loads(zlib.decompress(drawn))
    block = DayBlock(
        day,
        {event: tuple(row) for event, *row in events},
        {begin_ms: tuple(row) for begin_ms, *row in gaps},
        {(stream, begin_ms): tuple(row) for stream, begin_ms, *row in damage},
        {event: tuple(row) for event, *row in deleted},
    )
    if records is not None and events:
        block.records = dict(zip(block.events, zlib.decompress(records).decode().split("\n"), strict=True))
    return block


def event_rows(drawn: bytes) -> list[Row]:
    """Return the events of a block, each with its id first, without making the block."""
    rows: list[Row] = json.loads(zlib.decompress(drawn))[0]
    return rows


def put_newer(table: dict[Any, Row], key: object, row: Row) -> bool:
    """Store a row, unless that of a later line is stored. Return whether it was."""
    old = table.get(key)
    if old is not None and row[_PLACE] <= old[_PLACE]:
        return False
    table[key] = row
    return True


def kind_bits(kinds: Iterable[str]) -> int:
    """Return a number with one bit for each type; two types may have the same one."""
    bits = 0
    for kind in kinds:
        bits |= 1 << zlib.crc32(kind.encode()) % _KINDS
    return bits


def day_in(event: str) -> int | None:
    """Return the day in UTC that an event's id names (`model.events.event_id`); None for ids of another format."""
    return _day(event[:8]) if _OWN_ID.fullmatch(event) else None


def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() - EPOCH
    except ValueError:
        return None


def _keep(table: dict[Any, Row], most: int, age: Callable[[Any, Row], Any]) -> None:
    if len(table) > most:
        for key in sorted(table, key=lambda one: age(one, table[one]))[:-most]:
            del table[key]

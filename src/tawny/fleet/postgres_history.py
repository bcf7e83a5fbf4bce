"""The past of boxes in PostgreSQL: one row for each camera and day (`fleet/day_block.py`), in partitions by month.

A day of 64 cameras is 64 rows, which lie on the pages of that day; an index of all rows with their types answers which
days have what is searched. A month is created by its first row, and deleted as a whole. Days of other times, by boxes
whose clocks are wrong, are in a partition of their own.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from heapq import heappop, heappush
from itertools import groupby, islice
from typing import Any, Final, LiteralString

from psycopg import Connection, sql

from tawny.fleet import fleet_index as limits
from tawny.fleet.day_block import (
    ANY_EVENT,
    EPOCH,
    NEW_EVENT,
    Counts,
    DayBlock,
    day_in,
    event_rows,
    kind_bits,
    put_newer,
    unpack,
)
from tawny.fleet.fleet_index import (
    EVENT_MARKS,
    MOST_SHOWN,
    BoxDay,
    BoxEvent,
    EventQuestion,
    FleetLane,
    PlacedCamera,
    days_of,
    lane_event,
    lane_of,
    oldest_day,
    spans_text,
    without_deleted,
)
from tawny.fleet.history_rows import DAY_MS, HistoryRows, Row, damage_in, event_in, gap_in
from tawny.fleet.recorded_time import MOST_DAYS
from tawny.model.times import Span

SCHEMA: Final = """
CREATE TABLE cameras (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, name text COLLATE "C" NOT NULL, UNIQUE (box, name));
CREATE TABLE day_blocks (
  day integer NOT NULL, camera integer NOT NULL, kinds bigint NOT NULL, marks smallint NOT NULL,
  events integer NOT NULL, event_bytes integer NOT NULL, gaps integer NOT NULL, damage integer NOT NULL,
  newest_ms bigint NOT NULL, drawn bytea NOT NULL, records bytea NOT NULL,
  PRIMARY KEY (day, camera) INCLUDE (kinds, marks)) PARTITION BY RANGE (day);
ALTER TABLE day_blocks ALTER drawn SET STORAGE MAIN, ALTER records SET STORAGE EXTERNAL;
CREATE TABLE recorded (
  day integer NOT NULL, camera integer NOT NULL, until_ms bigint NOT NULL, spans text NOT NULL,
  PRIMARY KEY (day, camera)) PARTITION BY RANGE (day);
CREATE TABLE day_blocks_other PARTITION OF day_blocks DEFAULT;
CREATE TABLE recorded_other PARTITION OF recorded DEFAULT;
CREATE TABLE lasting (
  camera integer NOT NULL REFERENCES cameras ON DELETE CASCADE, day integer NOT NULL, until_ms bigint NOT NULL,
  PRIMARY KEY (camera, day));
CREATE TABLE event_places (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, id text COLLATE "C" NOT NULL,
  camera integer NOT NULL, day integer NOT NULL, PRIMARY KEY (box, id));
"""
"""newest_ms: start of a block's newest event. lasting: days with what goes on beyond them. event_places: of events
whose id doesn't name their day."""
_OF_BOX: Final = ""
"""The camera whose days have the tombstones of a box's events."""
FILLED: Final = ("events", "gaps", "damage", "recorded")
"""Tables of other indexes whose rows `fill` stores."""
_ROWS_AT_ONCE: Final = 5_000
_MONTHLY: Final[tuple[LiteralString, ...]] = ("day_blocks", "recorded")
_AHEAD_DAYS: Final = 31
_MONTH_LOCK: Final = 6_240_119
_PUT_BLOCK: Final = """
INSERT INTO day_blocks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (day, camera) DO UPDATE SET
kinds = excluded.kinds, marks = excluded.marks, events = excluded.events, event_bytes = excluded.event_bytes,
gaps = excluded.gaps, damage = excluded.damage, newest_ms = excluded.newest_ms,
drawn = excluded.drawn, records = excluded.records"""
_LANE_BLOCKS: Final = """
SELECT camera, day, drawn FROM day_blocks WHERE day = ANY(%(days)s) AND camera = ANY(%(cameras)s)
UNION ALL
SELECT camera, day, drawn FROM lasting JOIN day_blocks USING (camera, day)
WHERE lasting.camera = ANY(%(cameras)s) AND lasting.day < %(first)s AND lasting.until_ms >= %(begin)s"""
_LANE_FIRST: Final = """
SELECT asked.box, camera, first_ms, (SELECT min(first_ms) FROM recorded_from WHERE box = asked.box),
(SELECT min(day) FROM recorded_days WHERE box = asked.box)
FROM unnest(%s::text[], %s::text[]) AS asked (box, camera) JOIN recorded_from USING (box, camera)"""


# --- months


def need_months(db: Connection[Row], days: Iterable[int], today: int) -> None:
    """Create the months of these days, unless they are too old or in the future; then delete those that are too old.

    To be called before the transaction uses the tables: others may wait for it.
    """
    first, last = _month_of(today - MOST_DAYS)[0], today + _AHEAD_DAYS
    wanted = {_month_of(day) for day in set(days) if first <= day <= last}
    if wanted <= _months(db):
        return
    db.execute("SELECT pg_advisory_xact_lock(%s)", (_MONTH_LOCK,))
    there = _months(db)
    for begin, end in wanted - there:
        for table in _MONTHLY:
            names: dict[str, sql.Composable] = {
                "month": sql.Identifier(_month_name(table, begin)), "table": sql.Identifier(table),
                "other": sql.Identifier(f"{table}_other"), "begin": sql.Literal(begin), "end": sql.Literal(end),
            }  # fmt: skip
            for statement in (
                "CREATE TABLE {month} (LIKE {table} INCLUDING ALL)",
                "WITH moved AS (DELETE FROM {other} WHERE day >= {begin} AND day < {end} RETURNING *) "
                "INSERT INTO {month} SELECT * FROM moved",
                "ALTER TABLE {table} ATTACH PARTITION {month} FOR VALUES FROM ({begin}) TO ({end})",
            ):
                db.execute(sql.SQL(statement).format(**names))
    for begin, end in there:
        if end <= first:
            _drop_month(db, begin, end)


def _drop_month(db: Connection[Row], begin: int, end: int) -> None:
    name = sql.Identifier(_month_name("day_blocks", begin))
    db.execute(
        sql.SQL(
            "UPDATE boxes SET events = boxes.events - of.events, event_bytes = boxes.event_bytes - of.event_bytes, "
            "gaps = boxes.gaps - of.gaps, damage = boxes.damage - of.damage FROM (SELECT box, sum(events) AS events, "
            "sum(event_bytes) AS event_bytes, sum(gaps) AS gaps, sum(damage) AS damage FROM {} AS blocks "
            "JOIN cameras ON cameras.id = blocks.camera GROUP BY box) AS of WHERE boxes.id = of.box"
        ).format(name)
    )
    for table in _MONTHLY:
        db.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(_month_name(table, begin))))
    for lesser in ("lasting", "event_places", "recorded_days"):
        db.execute(sql.SQL("DELETE FROM {} WHERE day >= %s AND day < %s").format(sql.Identifier(lesser)), (begin, end))


def _months(db: Connection[Row]) -> set[tuple[int, int]]:
    """Return the first day of each month that exists, and of the month after it."""
    rows = db.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'day_blocks'::regclass AND relname != 'day_blocks_other'"
    )
    parts = [str(name).split("_") for (name,) in rows]
    return {_month_of(date(int(year), int(month), 1).toordinal() - EPOCH) for *_, year, month in parts}


def _month_of(day: int) -> tuple[int, int]:
    """Return the first day of a day's month, and of the month after it, since 1970."""
    begin = date.fromordinal(day + EPOCH).replace(day=1)
    after = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return begin.toordinal() - EPOCH, after.toordinal() - EPOCH


def _month_name(table: str, begin: int) -> str:
    return f"{table}_{date.fromordinal(begin + EPOCH):%Y_%m}"


# --- changes


class BoxBlocks:
    """The blocks of a box that one transaction changes. Its row in `boxes` is locked."""

    def __init__(self, db: Connection[Row], box: str) -> None:
        self._db, self.box = db, box
        self._cameras = camera_ids(db, box)
        self._blocks: dict[tuple[int, int], DayBlock] = {}
        self._before: dict[tuple[int, int], tuple[Counts, int | None]] = {}
        """Of blocks that are stored."""

    def admit(self, names: Iterable[str]) -> Mapping[str, int]:
        """Return the numbers of all cameras by name. New ones are added up to the limit."""
        new = sorted({_OF_BOX, *names} - set(self._cameras))[: max(0, limits.MOST_CAMERAS - len(self._cameras))]
        if new:
            self._db.execute("INSERT INTO cameras (box, name) SELECT %s, unnest(%s::text[])", (self.box, new))
            self._cameras = camera_ids(self._db, self.box)
        return self._cameras

    def camera(self, name: str) -> int:
        """Return the number of a camera that was admitted."""
        return self._cameras[name]

    def load(self, day: int, cameras: Collection[int] | None = None) -> None:
        """Read the blocks of a day. cameras: None: all of the box."""
        wanted = self._cameras.values() if cameras is None else cameras
        rows = self._db.execute(
            "SELECT camera, events, event_bytes, gaps, damage, drawn, records FROM day_blocks "
            "WHERE day = %s AND camera = ANY(%s)",
            (day, [one for one in wanted if (one, day) not in self._blocks]),
        ).fetchall()
        for camera, events, size, gaps, damage, drawn, records in rows:
            block = self._blocks[camera, day] = unpack(day, drawn, records)
            self._before[camera, day] = (events, size, gaps, damage), block.lasts_ms

    def block(self, camera: int, day: int) -> DayBlock:
        """Return a block, which was loaded if it is stored."""
        return self._blocks.setdefault((camera, day), DayBlock(day))

    def of_day(self, day: int) -> Iterator[tuple[int, DayBlock]]:
        """Return the loaded blocks of a day, each with its camera."""
        return ((camera, block) for (camera, of), block in self._blocks.items() if of == day)

    def write(self) -> None:
        """Store all blocks, and what the box has now."""
        added, rows = [0, 0, 0, 0], []
        for (camera, day), block in self._blocks.items():
            block.bound()
            counts, (before, lasted_ms) = block.counts, self._before.get((camera, day), ((0, 0, 0, 0), None))
            added = [one + new - old for one, new, old in zip(added, counts, before, strict=True)]
            if not any(counts) and (camera, day) in self._before:
                self._db.execute("DELETE FROM day_blocks WHERE day = %s AND camera = %s", (day, camera))
            elif any(counts):
                rows.append((day, camera, block.kinds, block.marks, *counts, block.newest_ms, *block.pack()))
            if block.lasts_ms != lasted_ms:
                self._put_lasting(camera, day, block.lasts_ms)
            if block.removed:
                self._db.execute(
                    "DELETE FROM event_places WHERE box = %s AND id = ANY(%s) AND camera = %s AND day = %s",
                    (self.box, block.removed, camera, day),
                )
        with self._db.cursor() as cursor:
            cursor.executemany(_PUT_BLOCK, rows)
        self._db.execute(
            "UPDATE boxes SET events = events + %s, event_bytes = event_bytes + %s, gaps = gaps + %s, "
            "damage = damage + %s WHERE id = %s",
            (*added, self.box),
        )

    def _put_lasting(self, camera: int, day: int, until_ms: int | None) -> None:
        if until_ms is None:
            self._db.execute("DELETE FROM lasting WHERE camera = %s AND day = %s", (camera, day))
        else:
            self._db.execute(
                "INSERT INTO lasting VALUES (%s, %s, %s) ON CONFLICT (camera, day) "
                "DO UPDATE SET until_ms = excluded.until_ms",
                (camera, day, until_ms),
            )


def store(db: Connection[Row], box: str, rows: HistoryRows, today: int) -> None:
    """Store rows of history, each unless a later line about the same is stored. The box's row must be locked."""
    days = {row[2] // DAY_MS for row in (*rows.events, *rows.damage)} | {row[1] // DAY_MS for row in rows.gaps}
    need_months(db, days | {day for row in rows.events if (day := day_in(row[0])) is not None}, today)
    blocks = BoxBlocks(db, box)
    named = {row[0] for row in (*rows.gaps, *rows.damage)} | {row[1] for row in rows.events}
    known = blocks.admit(named)
    rows = HistoryRows(
        [row for row in rows.events if row[1] in known],
        [row for row in rows.gaps if row[0] in known],
        [row for row in rows.damage if row[0] in known],
    )
    places = {
        str(event): (int(camera), int(day))
        for event, camera, day in db.execute(
            "SELECT id, camera, day FROM event_places WHERE box = %s AND id = ANY(%s)",
            (box, [row[0] for row in rows.events]),
        )
    }
    _load(blocks, rows, places.values())
    for row in rows.events:
        if row[2] < 0:
            _delete_event(blocks, row, places)
        else:
            _put_event(db, blocks, row, places)
    for camera, begin_ms, *rest in rows.gaps:
        put_newer(blocks.block(blocks.camera(camera), begin_ms // DAY_MS).gaps, begin_ms, tuple(rest))
    for camera, stream, begin_ms, *rest in rows.damage:
        block = blocks.block(blocks.camera(camera), begin_ms // DAY_MS)
        put_newer(block.damage, (stream, begin_ms), tuple(rest))
    blocks.write()


def _load(blocks: BoxBlocks, rows: HistoryRows, places: Iterable[tuple[int, int]]) -> None:
    """Read all blocks that rows are about."""
    whole = {day for row in rows.events if row[2] < 0 and (day := day_in(row[0])) is not None}
    wanted = [(blocks.camera(row[1]), row[2] // DAY_MS) for row in rows.events if row[2] >= 0]
    for event, camera, *_ in rows.events:
        wanted += [(blocks.camera(one), day_in(event) or 0) for one in (_OF_BOX, camera)]
    wanted += [(blocks.camera(row[0]), row[1] // DAY_MS) for row in rows.gaps]
    wanted += [(blocks.camera(row[0]), row[2] // DAY_MS) for row in rows.damage]
    for day in whole:
        blocks.load(day)
    for day, cameras in groupby(sorted({(day, camera) for camera, day in (*wanted, *places)}), lambda one: one[0]):
        if day not in whole:
            blocks.load(day, [camera for _, camera in cameras])


def _put_event(db: Connection[Row], blocks: BoxBlocks, row: Row, places: Mapping[str, tuple[int, int]]) -> None:
    event, camera, start_ms, end_ms, kind, title, _, marks, record, *place = row
    here, of_id, before = (blocks.camera(camera), start_ms // DAY_MS), day_in(event), places.get(event)
    removed = blocks.block(blocks.camera(_OF_BOX), of_id or 0).deleted
    if removed.get(event, (0, 0)) > tuple(place):
        return
    removed.pop(event, None)
    former = before or (here if of_id is None else (here[0], of_id))
    if former != here and (old := blocks.block(*former).events.get(event)) is not None:
        if old[-2:] > tuple(place):
            return
        blocks.block(*former).remove_event(event)
    blocks.block(*here).put_event(event, (kind, title, start_ms, end_ms, marks, *place), record)
    if of_id != here[1] and before != here:
        db.execute(
            "INSERT INTO event_places VALUES (%s, %s, %s, %s) ON CONFLICT (box, id) DO UPDATE "
            "SET camera = excluded.camera, day = excluded.day",
            (blocks.box, event, *here),
        )


def _delete_event(blocks: BoxBlocks, row: Row, places: Mapping[str, tuple[int, int]]) -> None:
    event, place, of_id = row[0], tuple(row[-2:]), day_in(row[0])
    found = [blocks.block(*places[event])] if event in places else []
    found += [] if of_id is None else [block for _, block in blocks.of_day(of_id)]
    for block in found:
        if event in block.events:
            if block.events[event][-2:] > place:
                return
            block.remove_event(event)
    put_newer(blocks.block(blocks.camera(_OF_BOX), of_id or 0).deleted, event, place)


def put_recorded(db: Connection[Row], box: str, recorded: BoxDay, today: int) -> None:
    """Store what a box recorded on a day, instead of its earlier report."""
    need_months(db, (recorded.day,), today)
    known = BoxBlocks(db, box).admit(recorded.cameras)
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recorded VALUES (%s, %s, %s, %s) ON CONFLICT (day, camera) DO UPDATE "
            "SET until_ms = excluded.until_ms, spans = excluded.spans",
            [
                (recorded.day, known[camera], one.until_ms, spans_text(one.recorded, recorded.day))
                for camera, one in recorded.cameras.items()
                if camera in known
            ],
        )
        rows = cursor.execute("SELECT camera, first_ms FROM recorded_from WHERE box = %s", (box,))
        former: dict[str, int | None] = dict(rows.fetchall())
        if former != recorded.first_ms:
            cursor.execute("DELETE FROM recorded_from WHERE box = %s", (box,))
            cursor.executemany(
                "INSERT INTO recorded_from VALUES (%s, %s, %s)",
                [(box, camera, first_ms) for camera, first_ms in recorded.first_ms.items()],
            )
    db.execute(
        "INSERT INTO recorded_days VALUES (%s, %s, %s) ON CONFLICT (box, day) DO UPDATE "
        "SET until_ms = excluded.until_ms",
        (box, recorded.day, recorded.until_ms),
    )
    if (oldest := oldest_day(recorded)) is not None:
        gone = db.execute("DELETE FROM recorded_days WHERE box = %s AND day < %s RETURNING day", (box, oldest))
        if days := [day for (day,) in gone]:
            db.execute(
                "DELETE FROM recorded WHERE day = ANY(%s) AND camera = ANY(%s)",
                (days, list(known.values())),
            )


def fill(db: Connection[Row], table: str, rows: Iterable[Row], today: int) -> int:
    """Store rows of another index, each with its box first, best in the order of time; return how many they were."""
    count = 0
    for box, every in groupby(rows, lambda row: str(row[0])):
        while some := [row[1:] for row in islice(every, _ROWS_AT_ONCE)]:
            count += len(some)
            match table:
                case "recorded":
                    _fill_recorded(db, box, some, today)
                case "events":
                    store(db, box, HistoryRows(events=some), today)
                case "gaps":
                    store(db, box, HistoryRows(gaps=some), today)
                case _:
                    store(db, box, HistoryRows(damage=some), today)
    return count


def _fill_recorded(db: Connection[Row], box: str, rows: Sequence[Row], today: int) -> None:
    """rows: camera, day, until_ms, spans."""
    need_months(db, {day for _, day, _, _ in rows}, today)
    known = BoxBlocks(db, box).admit({camera for camera, *_ in rows})
    with db.cursor() as cursor, cursor.copy("COPY recorded (camera, day, until_ms, spans) FROM STDIN") as copy:
        for camera, *rest in rows:
            if camera in known:
                copy.write_row((known[camera], *rest))


def clear(db: Connection[Row], box: str) -> None:
    """Delete all reports of a box."""
    cameras = list(camera_ids(db, box).values())
    for monthly in _MONTHLY:
        db.execute(sql.SQL("DELETE FROM {} WHERE camera = ANY(%s)").format(sql.Identifier(monthly)), (cameras,))
    for table in ("cameras", "event_places", "cursors", "marks", "recorded_days", "recorded_from"):
        db.execute(sql.SQL("DELETE FROM {} WHERE box = %s").format(sql.Identifier(table)), (box,))
    db.execute("UPDATE boxes SET events = 0, event_bytes = 0, gaps = 0, damage = 0 WHERE id = %s", (box,))


def bound(db: Connection[Row], box: str) -> None:
    """Delete the oldest rows of a box beyond the limits, and a tenth more, so that this is not repeated soon."""
    bounds: tuple[tuple[LiteralString, int], ...] = (
        ("events", limits.MOST_EVENTS),
        ("event_bytes", limits.MOST_EVENT_BYTES),
        ("gaps", limits.MOST_GAPS),
        ("damage", limits.MOST_GAPS),
    )
    for column, most in bounds:
        found = db.execute(f"SELECT {column} FROM boxes WHERE id = %s", (box,)).fetchone()  # noqa: S608
        if found is not None and found[0] > most:
            _delete_oldest(db, box, column, -(-most * 9 // 10))


def _delete_oldest(db: Connection[Row], box: str, column: LiteralString, most: int) -> None:
    """Delete the oldest entries of a box until `most` are left. column: of the table, which counts them."""
    days = db.execute(
        f"SELECT day, sum({column}) FROM day_blocks WHERE camera = ANY(%s) AND {column} > 0 "  # noqa: S608
        "GROUP BY day ORDER BY day DESC",
        (list(camera_ids(db, box).values()),),
    ).fetchall()
    for day, count in days:
        left = max(0, most)
        most -= int(count)
        if most >= 0:
            continue
        blocks = BoxBlocks(db, box)
        blocks.load(day)
        entries = sorted(_entries(blocks, day, column), key=lambda one: one[0], reverse=True)
        for _, size, table, key in entries:
            left -= size
            if left < 0:
                table.remove_event(key) if isinstance(table, DayBlock) else table.pop(key)
        blocks.write()


def _entries(blocks: BoxBlocks, day: int, column: str) -> Iterator[tuple[int, int, Any, Any]]:
    """Return the entries of a day that are counted in a column: time, size, where they are, and their key there."""
    for _, block in blocks.of_day(day):
        if column in ("events", "event_bytes"):
            for event, row in block.events.items():
                yield row[2], 1 if column == "events" else len(block.records[event]), block, event
        if column == "events":
            yield from ((-1, 1, block.deleted, event) for event in block.deleted)
        if column == "gaps":
            yield from ((begin_ms, 1, block.gaps, begin_ms) for begin_ms in block.gaps)
        if column == "damage":
            yield from ((key[1], 1, block.damage, key) for key in block.damage)


def camera_ids(db: Connection[Row], box: str) -> dict[str, int]:
    """Return the numbers of a box's cameras by their names."""
    return {
        str(name): int(number) for name, number in db.execute("SELECT name, id FROM cameras WHERE box = %s", (box,))
    }


# --- questions


def read_lanes(db: Connection[Row], cameras: Sequence[PlacedCamera], within: Span) -> list[FleetLane]:
    names = ([one.box for one in cameras], [str(one.camera) for one in cameras])
    known = db.execute(
        "SELECT box, name, id FROM cameras WHERE (box, name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))", names
    )
    numbers = {(str(box), str(name)): int(number) for box, name, number in known}
    days = days_of(within)
    asked = {
        "cameras": list(numbers.values()), "days": list(days), "first": days.start, "begin": within.begin_ms,
    }  # fmt: skip
    blocks: dict[int, list[DayBlock]] = {}
    for camera, day, drawn in db.execute(_LANE_BLOCKS, asked):
        blocks.setdefault(camera, []).append(unpack(day, drawn))
    recorded: dict[int, list[tuple[int, int, str]]] = {}
    for camera, *row in db.execute(
        "SELECT camera, day, until_ms, spans FROM recorded WHERE day = ANY(%(days)s) AND camera = ANY(%(cameras)s)",
        asked,
    ):
        recorded.setdefault(camera, []).append((int(row[0]), int(row[1]), str(row[2])))
    firsts = {(str(box), str(camera)): first for box, camera, *first in db.execute(_LANE_FIRST, names)}
    lanes = []
    for of in cameras:
        number = numbers.get((of.box, of.camera), 0)
        lane = lane_of(of, within, recorded.get(number, ()), firsts.get((of.box, of.camera)))
        lanes.append(without_deleted(_drawn(lane, blocks.get(number, ()), within)))
    return lanes


def _drawn(lane: FleetLane, blocks: Sequence[DayBlock], within: Span) -> FleetLane:
    """Return the lane with the events, gaps and damage in these blocks."""
    camera, begin_ms, end_ms = lane.of.camera, within.begin_ms, within.end_ms
    events = sorted(
        (row[2], event, row)
        for block in blocks
        for event, row in block.events.items()
        if row[2] < end_ms and (row[3] is None or row[3] >= begin_ms)
    )
    gaps = sorted(
        (begin, row)
        for block in blocks
        for begin, row in block.gaps.items()
        if begin < end_ms and (row[0] is None or row[0] > begin_ms)
    )
    damage = sorted(
        (begin, stream, row)
        for block in blocks
        for (stream, begin), row in block.damage.items()
        if begin < end_ms and row[0] > begin_ms
    )
    return replace(
        lane,
        events=[lane_event((event, *row[:5])) for _, event, row in events[-MOST_SHOWN:]],
        gaps=[gap_in(camera, (begin, *row[:3])) for begin, row in gaps[:MOST_SHOWN]],
        damage=[damage_in(camera, (stream, begin, *row[:3])) for begin, stream, row in damage[:MOST_SHOWN]],
    )


def find_events(db: Connection[Row], asked: EventQuestion) -> list[BoxEvent]:
    """Return the events that are asked for. Days that have some are read, the newest first, until they are enough."""
    places = {
        int(number): (str(box), str(name))
        for number, box, name in db.execute(
            "SELECT id, box, name FROM cameras WHERE box = ANY(%s)", (list(asked.boxes),)
        )
    }
    if asked.cameras:
        wanted = {(one.box, str(one.camera)) for one in asked.cameras}
        places = {number: place for number, place in places.items() if place in wanted}
    found: list[tuple[int, str, str, int]] = []
    """A heap of start, box and id, by which they are sorted, and camera."""
    for day, cameras in _days_with(db, asked, list(places)):
        for camera, newest_ms, drawn in db.execute(
            "SELECT camera, newest_ms, drawn FROM day_blocks WHERE day = %s AND camera = ANY(%s) "
            "ORDER BY newest_ms DESC",
            (day, cameras),
        ):
            if len(found) == asked.limit and newest_ms < found[0][0]:
                break
            box = places[camera][0]
            for row in event_rows(drawn):
                if _is_asked(asked, box, row):
                    heappush(found, (row[3], box, row[0], camera))
                    if len(found) > asked.limit:
                        heappop(found)
        if len(found) == asked.limit:
            break
    return _with_records(db, sorted(found, reverse=True))


def _days_with(db: Connection[Row], asked: EventQuestion, cameras: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Return days that may have such events, the newest first, each with the cameras."""
    mask, marks = EVENT_MARKS[asked.only]
    until_ms = asked.within.end_ms if asked.after is None else min(asked.within.end_ms, asked.after[0] + 1)
    values: dict[str, Any] = {
        "cameras": cameras, "first": max(0, asked.within.begin_ms) // DAY_MS, "before": -(-until_ms // DAY_MS),
        "marks": (marks if marks else NEW_EVENT) if mask else ANY_EVENT, "kinds": kind_bits(asked.kinds) or -1,
        "most": 1,
    }  # fmt: skip
    while True:
        days = db.execute(
            "SELECT day, array_agg(camera) FROM day_blocks WHERE day >= %(first)s AND day < %(before)s "
            "AND camera = ANY(%(cameras)s) AND marks & %(marks)s != 0 AND kinds & %(kinds)s != 0 "
            "GROUP BY day ORDER BY day DESC LIMIT %(most)s",
            values,
        ).fetchall()
        yield from ((int(day), list(those)) for day, those in days)
        if len(days) < values["most"]:
            return
        values |= {"before": days[-1][0], "most": values["most"] * 2}


def _is_asked(asked: EventQuestion, box: str, row: Row) -> bool:
    event, kind, _, start_ms, _, marks, *_ = row
    mask, wanted = EVENT_MARKS[asked.only]
    return (
        asked.within.begin_ms <= start_ms < asked.within.end_ms
        and marks & mask == wanted
        and (not asked.kinds or kind in asked.kinds)
        and (asked.after is None or (start_ms, box, event) < asked.after)
    )


def _with_records(db: Connection[Row], found: Sequence[tuple[int, str, str, int]]) -> list[BoxEvent]:
    """Return events in their order. One that was deleted meanwhile is left out."""
    records: dict[tuple[int, str], str] = {}
    by_day: dict[int, set[int]] = {}
    for start_ms, _, _, camera in found:
        by_day.setdefault(start_ms // DAY_MS, set()).add(camera)
    for day, cameras in by_day.items():
        for camera, drawn, packed in db.execute(
            "SELECT camera, drawn, records FROM day_blocks WHERE day = %s AND camera = ANY(%s)", (day, list(cameras))
        ):
            records |= {(camera, event): record for event, record in unpack(day, drawn, packed).records.items()}
    return [
        BoxEvent(box, event_in(records[camera, event])) for _, box, event, camera in found if (camera, event) in records
    ]

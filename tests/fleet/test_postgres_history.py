"""What only the hub's index in PostgreSQL has: months, days of cameras as one row each, and an earlier version."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tawny.fleet import day_block, postgres_fleet_index
from tawny.fleet import fleet_index as limits
from tawny.fleet.fleet_index import EventQuestion, FleetIndex, FleetLane, PlacedCamera
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import DAY_MS, rows_of
from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
from tawny.fleet.recorded_time import MOST_DAYS
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import StorageError
from tawny.model.events import event_id
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.testing.clock import FakeClock
from tests.fleet.rig import DAY, dropped_line, event_line
from tests.fleet.test_fleet_index import (
    FRONT,
    TODAY,
    WHOLE,
    ZERO_MS,
    add,
    damage_line,
    gap_line,
    ids,
    join,
    lane,
    recorded,
)
from tests.support.postgres import FAST, PostgresServer, postgres_server

FILES = [f"2026-11-{day:02d}.jsonl" for day in range(1, 6)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(*FAST) as made:
        yield made


@pytest.fixture
def opened(server: PostgresServer) -> Iterator[Callable[..., PostgresFleetIndex]]:
    """Opens an index; without an address, a new one."""
    made: list[PostgresFleetIndex] = []

    def opened(clock: FakeClock, address: str = "") -> PostgresFleetIndex:
        made.append(PostgresFleetIndex(address or server.new_database(), clock))
        return made[-1]

    yield opened
    for one in made:
        one.close()


def rows(index: PostgresFleetIndex, query: Any) -> list[tuple[Any, ...]]:
    with index.reading() as db:
        return db.execute(query).fetchall()


def months(index: PostgresFleetIndex) -> list[str]:
    names = rows(index, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(day_blocks|recorded)_[0-9]'")
    return sorted(str(name) for (name,) in names)


def counted(index: PostgresFleetIndex) -> tuple[list[Any], list[Any]]:
    """What the box has by its counts, and by its rows."""
    both = (
        "SELECT events, event_bytes, gaps, damage FROM boxes",
        "SELECT coalesce(sum(events), 0), coalesce(sum(event_bytes), 0), coalesce(sum(gaps), 0), "
        "coalesce(sum(damage), 0) FROM day_blocks",
    )
    first, second = ([int(one) for one in rows(index, query)[0]] for query in both)
    return first, second


def test_old_months_are_deleted_as_a_whole(opened: Callable[..., PostgresFleetIndex]) -> None:
    clock = FakeClock()
    index, now_ms = opened(clock), clock.now_ms()
    join(index, "Shed")
    add(index, "shed", event_line("new", now_ms) + event_line("old", now_ms - MOST_DAYS * DAY_MS))
    index.put_recorded("shed", "book", recorded((now_ms - MOST_DAYS * DAY_MS) // DAY_MS, (0, 5)))
    add(index, "shed", gap_line(now_ms - MOST_DAYS * DAY_MS, None) + damage_line(now_ms, now_ms + 1))
    assert months(index) == ["day_blocks_2022_10", "day_blocks_2026_11", "recorded_2022_10", "recorded_2026_11"]
    clock.advance(31 * 86_400)
    add(index, "shed", event_line("newest", clock.now_ms()))
    assert months(index) == ["day_blocks_2026_11", "day_blocks_2026_12", "recorded_2026_11", "recorded_2026_12"]
    assert ids(index) == ["newest", "new"]
    assert index.recorded_days("shed", "book") == {}
    assert lane(index, Span(now_ms, now_ms + 1)).gaps == []
    assert rows(index, "SELECT id FROM event_places ORDER BY id") == [("new",), ("newest",)]
    assert counted(index)[0] == counted(index)[1]


@pytest.mark.parametrize("days", [-20_000, -5_000, 40, 400_000])
def test_rows_of_other_times_are_kept_apart(opened: Callable[..., PostgresFleetIndex], days: int) -> None:
    clock = FakeClock()
    index, at_ms = opened(clock), clock.now_ms() + days * DAY_MS
    join(index, "Shed")
    add(index, "shed", event_line("e", at_ms) + gap_line(at_ms, at_ms + 5))
    assert months(index) == []
    assert ids(index) == ["e"]
    found = lane(index, Span(at_ms, at_ms + 9))
    assert (len(found.events), len(found.gaps)) == (1, 1)


def test_a_month_begins_with_what_was_sent_ahead_of_it(opened: Callable[..., PostgresFleetIndex]) -> None:
    clock = FakeClock()
    index, at_ms = opened(clock), clock.now_ms() + 40 * DAY_MS
    join(index, "Shed")
    add(index, "shed", event_line("ahead", at_ms))
    index.put_recorded("shed", "book", recorded(at_ms // DAY_MS, (0, 5)))
    clock.advance(40 * 86_400)
    add(index, "shed", event_line("ahead", at_ms, kept=True) + event_line("e", at_ms + 1))
    assert months(index) == ["day_blocks_2026_12", "recorded_2026_12"]
    assert [(one.id, one.kept) for one in lane(index, Span(at_ms, at_ms + 9)).events] == [("ahead", True), ("e", False)]
    for table in ("day_blocks_other", "recorded_other"):
        assert rows(index, f"SELECT count(*) FROM {table}") == [(0,)]


def test_tables_of_the_version_before_are_converted(
    opened: Callable[..., PostgresFleetIndex], server: PostgresServer
) -> None:
    address = server.new_database()
    data = b"".join(
        (
            event_line("foreign", ZERO_MS), event_line(event_id(ZERO_MS + 9, b"mark"), ZERO_MS + 9, kept=True),
            dropped_line("gone"), gap_line(ZERO_MS, None), damage_line(ZERO_MS + 1, ZERO_MS + 2),
        )
    )  # fmt: skip
    made = rows_of("2026-11-20.jsonl", 0, data)
    with psycopg.connect(address) as db:
        db.execute(Path(__file__).with_name("hub_version_1.sql").read_bytes())
        db.execute(
            "INSERT INTO boxes VALUES ('shed', 'Shed', 'key', 'words', 1, 2, 'book', '1', '[]', '', 999);"
            "INSERT INTO pictures VALUES ('shed', 'front', 5, 'jpeg')"
        )
        db.execute("INSERT INTO cursors VALUES ('shed', '2026-11-20.jsonl', %s)", (len(data),))
        zero_ms = TODAY * DAY_MS
        db.execute("INSERT INTO recorded_days VALUES ('shed', %s, %s)", (TODAY, zero_ms + 7))
        db.execute("INSERT INTO recorded VALUES ('shed', 'front', %s, %s, '0-5')", (TODAY, zero_ms + 7))
        db.execute("INSERT INTO recorded_from VALUES ('shed', 'front', %s)", (zero_ms,))
        for table, every in (("events", made.events), ("gaps", made.gaps), ("damage", made.damage)):
            with db.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for row in every:
                    copy.write_row(("shed", *row))
    index = opened(FakeClock(), address)
    assert [one.id for one in index.boxes()] == ["shed"]
    found = lane(index)
    assert [one.kept for one in found.events] == [False, True]
    assert [(one.begin_ms, one.end_ms) for one in found.gaps] == [(ZERO_MS, None)]
    assert len(found.damage) == 1
    assert found.recorded == [Span(ZERO_MS, ZERO_MS + 5)]
    assert found.known == [Span(ZERO_MS, ZERO_MS + 7)]
    assert index.cursors("shed", "book") == {"2026-11-20.jsonl": len(data)}
    assert index.picture("shed", FRONT) == (5, b"jpeg")
    add(index, "shed", event_line("next", ZERO_MS + 10), "2026-11-20.jsonl")
    add(index, "shed", event_line("gone", ZERO_MS), "2026-11-19.jsonl")
    assert ids(index) == ["next", event_id(ZERO_MS + 9, b"mark"), "foreign"]
    assert counted(index)[0] == counted(index)[1]
    assert rows(index, "SELECT count(*) FROM pg_class WHERE relname ~ 'former'") == [(0,)]


def test_lines_about_too_many_cameras_are_left_out(
    opened: Callable[..., PostgresFleetIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_CAMERAS", 3)
    index = opened(FakeClock())
    join(index, "Shed")
    add(index, "shed", b"".join(event_line(f"e{one}", one, camera=f"camera-{one}") for one in range(5)))
    add(index, "shed", gap_line(ZERO_MS, None, camera="front") + event_line("e6", 6, camera="camera-0"))
    index.put_recorded("shed", "book", recorded(TODAY, (0, 5)))
    assert len(ids(index)) == 3
    assert "e6" in ids(index)
    assert lane(index).gaps == []


def test_a_camera_has_a_bounded_number_of_events_a_day(
    opened: Callable[..., PostgresFleetIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_block, "MOST_OF_A_DAY", 3)
    index = opened(FakeClock())
    join(index, "Shed")
    add(index, "shed", b"".join(event_line(f"e{one}", ZERO_MS + one) for one in range(5)))
    add(index, "shed", b"".join(gap_line(ZERO_MS + one, ZERO_MS + one + 1) for one in range(5)))
    assert ids(index) == ["e4", "e3", "e2"]
    assert [one.begin_ms - ZERO_MS for one in lane(index).gaps] == [2, 3, 4]
    add(index, "shed", event_line("e0", ZERO_MS + DAY_MS))
    assert ids(index) == ["e0", "e4", "e3", "e2"]
    assert rows(index, "SELECT id FROM event_places ORDER BY id") == [("e0",), ("e2",), ("e3",), ("e4",)]
    assert counted(index)[0] == counted(index)[1]


def random_lines(draw: random.Random) -> bytes:
    made = []
    for _ in range(draw.randrange(1, 12)):
        at_ms = ZERO_MS + draw.randrange(4) * DAY_MS + draw.randrange(0, DAY_MS, DAY_MS // 6)
        end_ms = draw.choice((None, at_ms + 1000, at_ms + DAY_MS // 3, at_ms + 3 * DAY_MS))
        camera, mark = draw.choice(("front", "yard")), draw.randrange(3)
        said_ms = at_ms + draw.choice((0, 0, 0, DAY_MS))
        event = draw.choice((f"f{mark}-{at_ms % 7}", event_id(said_ms, f"{camera[0]}{mark}xx".encode())))
        kind = draw.choice(("person", "animal", "vehicle"))
        made.append(
            draw.choice(
                (
                    event_line(event, at_ms + mark, camera=camera, end_ms=end_ms, kind=kind, reviewed=mark == 1),
                    event_line(event, at_ms + mark, camera=camera, end_ms=end_ms, kind=kind, kept=mark == 2),
                    dropped_line(event), gap_line(at_ms, end_ms, camera=camera), damage_line(at_ms, at_ms + 1000),
                )
            )
        )  # fmt: skip
    return b"".join(made)


def answers(index: FleetIndex, draw: random.Random) -> tuple[list[FleetLane], list[Any]]:
    """Return what an index says of random days and questions."""
    begin_ms = ZERO_MS + draw.randrange(5) * DAY_MS // 2
    cameras = [PlacedCamera(box, CameraId(camera)) for box in ("shed", "barn") for camera in ("front", "yard")]
    lanes = index.lanes(cameras, Span(begin_ms, begin_ms + DAY_MS))
    for one in lanes:
        one.events.sort(key=lambda event: (event.start_ms, event.id))
    found, after = [], None
    question: dict[str, Any] = {
        "kinds": draw.choice(((), ("person",), ("animal", "vehicle"))),
        "only": draw.choice(("all", "new", "kept")),
        "cameras": draw.choice(((), tuple(cameras[1:3]))),
        "within": draw.choice((limits.EVER, Span(begin_ms, begin_ms + DAY_MS))),
        "limit": draw.choice((2, 50)),
    }
    while page := index.find(EventQuestion(("shed", "barn"), after=after, **question)):
        found += page
        after = page[-1].event.start_ms, page[-1].box, page[-1].event.id
    return lanes, found


@pytest.mark.parametrize("seed", range(6))
def test_both_indexes_give_the_same_answers(
    opened: Callable[..., PostgresFleetIndex], tmp_path: Path, seed: int
) -> None:
    """Lines of several files, in any order of the files, some of them again; deleted events; days beyond midnight."""
    draw = random.Random(seed)
    ours = opened(FakeClock())
    other = SqliteFleetIndex(tmp_path / "hub.db", FakeClock())
    both: tuple[FleetIndex, ...] = (ours, other)
    for index in both:
        join(index, "Shed", "Barn")
    for number in range(40):
        box, file, data = draw.choice(("shed", "barn")), draw.choice(FILES), random_lines(draw)
        for index in both:
            add(index, box, data, file)
        if number % 4 == 0:
            asked = draw.randrange(1 << 30)
            assert answers(ours, random.Random(asked)) == answers(other, random.Random(asked))
    counts = rows(ours, "SELECT sum(events), sum(event_bytes), sum(gaps), sum(damage) FROM boxes")
    assert counts == rows(ours, "SELECT sum(events), sum(event_bytes), sum(gaps), sum(damage) FROM day_blocks")
    assert rows(ours, "SELECT camera, day FROM lasting EXCEPT SELECT camera, day FROM day_blocks") == []
    other.close()


def test_a_day_of_a_timeline_reads_one_row_a_camera(opened: Callable[..., PostgresFleetIndex]) -> None:
    index = opened(FakeClock())
    join(index, "Shed")
    for number in range(30):
        add(index, "shed", event_line(event_id(ZERO_MS + number, b"mark"), ZERO_MS + number) + gap_line(ZERO_MS, None))
    assert rows(index, "SELECT day, events, gaps FROM day_blocks") == [(TODAY, 30, 1)]
    assert len(lane(index, WHOLE).events) == 30


def test_a_piece_that_is_not_stored_leaves_neither_rows_nor_cursor(
    opened: Callable[..., PostgresFleetIndex], server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, line = server.new_database(), event_line("e", ZERO_MS)
    index = opened(FakeClock(), address)
    join(index, "Shed")
    add(index, "shed", line)
    monkeypatch.setattr(postgres_fleet_index, "MOST_STATEMENT_S", 0.3)
    hurried = opened(FakeClock(), address)
    with psycopg.connect(address) as other:
        other.execute("LOCK TABLE cursors IN SHARE ROW EXCLUSIVE MODE")  # so that the last statement waits
        with pytest.raises(StorageError, match="statement timeout"):
            hurried.add("shed", HistoryPiece(DAY, len(line), 2 * len(line), event_line("f", ZERO_MS)))
    assert (ids(index), index.cursors("shed", "book")) == (["e"], {DAY: len(line)})
    assert counted(index)[0] == counted(index)[1]

"""What every index of a hub does, in SQLite and PostgreSQL alike."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tawny.fleet import fleet_index as limits
from tawny.fleet import postgres_fleet_index
from tawny.fleet.fleet_index import BoxDay, CameraDay, EventQuestion, FleetIndex, FleetLane, PlacedCamera
from tawny.fleet.history_reader import HASHED_BYTES, HistoryPiece, HistoryReader, line_hash
from tawny.fleet.history_rows import DAY_MS
from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import StorageError
from tawny.model.events import event_id
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.history.ledger import HistoryJournal, HistoryLine
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.fleet.rig import DAY, dropped_line, event_line
from tests.support.disk import MemoryDisk
from tests.support.postgres import FAST, PostgresServer, postgres_server

TODAY = 20_000
ZERO_MS = TODAY * DAY_MS
HOUR_MS = 3_600_000
FRONT = CameraId("front")
WHOLE = Span(ZERO_MS, ZERO_MS + DAY_MS)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(*FAST) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[FleetIndex]:
    if request.param == "sqlite":
        made: FleetIndex = SqliteFleetIndex(tmp_path / "hub.db", clock)
    else:
        made = PostgresFleetIndex(request.getfixturevalue("server").new_database(), clock)
    yield made
    made.close()


def test_a_statement_that_takes_too_long_is_given_up(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_fleet_index, "MOST_STATEMENT_S", 0.1)
    index = PostgresFleetIndex(server.new_database(), FakeClock())
    with pytest.raises(StorageError, match="statement timeout"), index.reading() as db:
        db.execute("SELECT pg_sleep(60)")
    assert index.boxes() == []
    index.close()


def test_a_server_that_hangs_does_not_hold_those_who_wait(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_fleet_index, "MOST_WAIT_S", 0.01)
    index = PostgresFleetIndex(server.new_database(), FakeClock())
    with ThreadPoolExecutor() as other, index.reading():
        waiting = other.submit(index.boxes)
        with pytest.raises(StorageError, match="too long"):
            waiting.result(20)
    assert index.boxes() == []
    index.close()


def test_a_box_is_revoked_by_another_process_while_the_hub_stores_its_history(server: PostgresServer) -> None:
    address = server.new_database()
    hub, other = (PostgresFleetIndex(address, FakeClock()) for _ in range(2))
    join(hub, "Shed")
    add(hub, "shed", event_line("e1", ZERO_MS))

    def is_waiting() -> bool:
        with hub.reading() as db:
            found = db.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
        return found is not None

    with ThreadPoolExecutor() as process:
        with hub.writing() as db:
            db.execute("SELECT 1 FROM boxes WHERE id = 'shed' FOR UPDATE")  # as `add` does, before it stores
            revoked = process.submit(other.revoke, "shed")
            until(is_waiting, 20, "the other process")
            db.execute("UPDATE day_blocks SET newest_ms = newest_ms")
        assert revoked.result(20)
    assert hub.boxes() == []
    hub.close()
    other.close()


def join(index: FleetIndex, *names: str) -> None:
    for name in names:
        code, _ = index.invite()
        assert index.join(code, name, name.encode().ljust(32), "words") is not None
        assert index.cursors(name.lower(), "book") == {}


def add(index: FleetIndex, box: str, data: bytes, file: str = DAY) -> None:
    begin = index.cursors(box, "book").get(file, 0)
    assert index.add(box, HistoryPiece(file, begin, begin + len(data), data)) == begin + len(data)


def gap_line(begin_ms: int, end_ms: int | None, reason: str = "unreachable", camera: str = "front") -> bytes:
    gap = {"camera": camera, "begin_ms": begin_ms, "end_ms": end_ms, "reason": reason, "detail": "no route"}
    return json.dumps({"at_ms": begin_ms, "what": "gap", "gap": gap}).encode() + b"\n"


def damage_line(begin_ms: int, end_ms: int) -> bytes:
    damage = {"camera": "front", "stream": "main", "begin_ms": begin_ms, "end_ms": end_ms, "units": 2, "packets": 3}
    return json.dumps({"at_ms": begin_ms, "what": "damage", "damage": damage}).encode() + b"\n"


def recorded(day: int, *spans: tuple[int, int], until_ms: int | None = None, first_ms: int | None = None) -> BoxDay:
    zero_ms, end_ms = day * DAY_MS, (day + 1) * DAY_MS if until_ms is None else until_ms
    parts = tuple(Span(zero_ms + begin, zero_ms + end) for begin, end in spans)
    first = first_ms if first_ms is not None or not parts else parts[0].begin_ms
    return BoxDay(day, end_ms, {FRONT: CameraDay(parts, end_ms)}, {FRONT: first})


def lane(index: FleetIndex, within: Span = WHOLE, box: str = "shed") -> FleetLane:
    [found] = index.lanes([PlacedCamera(box, FRONT)], within)
    return found


def ids(index: FleetIndex, *boxes: str, **asked: Any) -> list[str]:
    return [one.event.id for one in index.find(EventQuestion(boxes or ("shed",), **asked))]


def test_the_line_before_a_cursor_is_known_by_its_hash(index: FleetIndex) -> None:
    join(index, "Shed")
    lines = event_line("e1") + event_line("e2", kind="k" * 5000)
    assert index.line_hashes("shed") == {}
    add(index, "shed", lines)
    assert index.line_hashes("shed") == {DAY: (len(lines), line_hash(lines[-HASHED_BYTES:]))}
    assert line_hash(lines) == line_hash(lines[-HASHED_BYTES:])
    size = len(lines)
    assert index.add("shed", HistoryPiece(DAY, size, size + 9, b"")) == size + 9  # a line that was too long
    assert index.line_hashes("shed") == {}
    add(index, "shed", event_line("e3"))
    assert index.line_hashes("shed") == {DAY: (size + 9 + len(event_line("e3")), line_hash(event_line("e3")))}
    index.refill("shed")
    assert index.line_hashes("shed") == {}


def test_line_hashes_are_of_the_newest_files(index: FleetIndex) -> None:
    join(index, "Shed")
    files = [f"2026-11-{day:02}.jsonl" for day in range(1, 20)]
    for file in files:
        add(index, "shed", event_line(file[:10]), file)
    assert sorted(index.line_hashes("shed")) == files[-limits.MOST_LINE_HASHES :]


def test_a_new_name_leaves_the_address_as_it_is(index: FleetIndex) -> None:
    join(index, "Shed")
    index.rename("shed", "Harbour shop")
    assert [(one.id, one.name) for one in index.boxes()] == [("shed", "Harbour shop")]
    code, _ = index.invite()
    again = index.join(code, "Shop 12", b"Shed".ljust(32), "words")
    assert again is not None
    assert (again.id, again.name) == ("shed", "Shop 12")


def test_what_no_box_has_told_is_not_known(index: FleetIndex) -> None:
    join(index, "Shed")
    assert lane(index) == FleetLane(PlacedCamera("shed", FRONT))


def test_recorded_time_is_known_up_to_the_answer(index: FleetIndex) -> None:
    join(index, "Shed")
    noon_ms = ZERO_MS + 12 * HOUR_MS
    index.put_recorded("shed", "book", recorded(TODAY, (HOUR_MS, 2 * HOUR_MS), until_ms=noon_ms))
    found = lane(index)
    assert found.recorded == [Span(ZERO_MS + HOUR_MS, ZERO_MS + 2 * HOUR_MS)]
    assert found.known == [Span(ZERO_MS, noon_ms)]
    assert index.recorded_days("shed", "book") == {TODAY: noon_ms}


def test_a_later_answer_replaces_the_one_before(index: FleetIndex) -> None:
    join(index, "Shed")
    index.put_recorded("shed", "book", recorded(TODAY, (0, 100), (200, 300), until_ms=ZERO_MS + 400))
    index.put_recorded("shed", "book", recorded(TODAY, (0, 100)))
    assert lane(index).recorded == [Span(ZERO_MS, ZERO_MS + 100)]
    assert lane(index).known == [WHOLE]


def test_nothing_before_the_oldest_recording_is_unknown(index: FleetIndex) -> None:
    join(index, "Shed")
    index.put_recorded("shed", "book", recorded(TODAY, (HOUR_MS, DAY_MS)))
    before = Span(ZERO_MS - DAY_MS, ZERO_MS)
    assert (lane(index, before).recorded, lane(index, before).known) == ([], [before])


def test_what_retention_deleted_is_recorded_no_more(index: FleetIndex) -> None:
    join(index, "Shed")
    first, second = recorded(TODAY, (0, DAY_MS)), recorded(TODAY + 1, (0, 5), first_ms=ZERO_MS + 3 * HOUR_MS)
    index.put_recorded("shed", "book", first)
    index.put_recorded("shed", "book", second)
    assert lane(index).recorded == [Span(ZERO_MS + 3 * HOUR_MS, WHOLE.end_ms)]
    index.put_recorded("shed", "book", recorded(TODAY + 1, (0, 5)))
    assert lane(index).recorded == []
    assert lane(index).known == [WHOLE]
    assert index.recorded_days("shed", "book") == {TODAY + 1: ZERO_MS + 2 * DAY_MS}


def test_recordings_that_a_person_deletes_are_gone_at_once(index: FleetIndex) -> None:
    join(index, "Shed")
    index.put_recorded("shed", "book", recorded(TODAY, (0, 100)))
    add(index, "shed", gap_line(ZERO_MS + 20, ZERO_MS + 30, "removed"))
    assert lane(index).recorded == [Span(ZERO_MS, ZERO_MS + 20), Span(ZERO_MS + 30, ZERO_MS + 100)]


@pytest.mark.parametrize("way", ["another book", "refill"])
def test_a_new_book_begins_without_recorded_time_gaps_and_damage(index: FleetIndex, way: str) -> None:
    join(index, "Shed")
    index.put_recorded("shed", "book", recorded(TODAY, (0, 100)))
    add(index, "shed", gap_line(ZERO_MS, ZERO_MS + 5) + damage_line(ZERO_MS, ZERO_MS + 5) + event_line("e", ZERO_MS))
    if way == "refill":
        index.refill("shed")
    else:
        assert index.cursors("shed", "other") == {}
    assert lane(index) == FleetLane(PlacedCamera("shed", FRONT))
    index.put_recorded("shed", "book" if way == "another book" else "other", recorded(TODAY, (0, 100)))
    assert lane(index) == FleetLane(PlacedCamera("shed", FRONT))


def test_gaps_and_damage_keep_what_was_said_last(index: FleetIndex) -> None:
    join(index, "Shed")
    add(index, "shed", gap_line(ZERO_MS, None) + damage_line(ZERO_MS, ZERO_MS + 5))
    add(index, "shed", gap_line(ZERO_MS, ZERO_MS + 50, "stalled") + damage_line(ZERO_MS, ZERO_MS + 9))
    add(index, "shed", gap_line(ZERO_MS, None, "auth"), "2026-11-01.jsonl")
    found = lane(index)
    assert [(one.begin_ms, one.end_ms, one.reason.value, one.detail) for one in found.gaps] == [
        (ZERO_MS, ZERO_MS + 50, "stalled", "no route")
    ]
    assert [(one.begin_ms, one.end_ms, one.units) for one in found.damage] == [(ZERO_MS, ZERO_MS + 9, 2)]


@pytest.mark.parametrize("end_ms", [None, ZERO_MS + 1])
def test_what_began_long_before_is_found(index: FleetIndex, end_ms: int | None) -> None:
    join(index, "Shed")
    began_ms = ZERO_MS - 40 * DAY_MS
    add(index, "shed", gap_line(began_ms, end_ms) + event_line("long", began_ms, end_ms=end_ms))
    add(index, "shed", gap_line(began_ms + 5, ZERO_MS - 1) + event_line("over", began_ms, end_ms=ZERO_MS - 1))
    found = lane(index)
    assert [one.begin_ms for one in found.gaps] == [began_ms]
    assert [one.id for one in found.events] == ["long"]


def test_a_lane_has_what_is_drawn_of_events(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    objects = [{"label": "dog", "score": 0.9}]
    add(index, "shed", event_line("e1", ZERO_MS, kind="animal", objects=objects, picture_ms=ZERO_MS, kept=True))
    add(index, "shed", event_line("e2", ZERO_MS + 9) + event_line("e3", ZERO_MS + 12) + dropped_line("e3"))
    add(index, "barn", event_line("e4", ZERO_MS))
    [first, second] = lane(index).events
    assert (first.id, first.kind, first.title, first.has_picture, first.kept) == ("e1", "animal", "Animal", True, True)
    assert (second.id, second.end_ms, second.has_picture) == ("e2", ZERO_MS + 5009, False)


def test_an_event_with_a_level_of_a_newer_version_is_there(index: FleetIndex) -> None:
    join(index, "Shed")
    add(index, "shed", event_line("e1", ZERO_MS, level="critical"))
    assert ids(index) == ["e1"]


def test_events_are_found_by_box_camera_kind_and_time(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    add(index, "shed", event_line("s1", 1000) + event_line("s2", 2000, kind="vehicle", camera="yard"))
    add(index, "barn", event_line("b1", 1500) + event_line("b2", 2500, said="animal"))
    both = ("shed", "barn")
    assert ids(index, *both) == ["b2", "s2", "b1", "s1"]
    assert ids(index, "barn") == ["b2", "b1"]
    assert ids(index, *both, kinds=("vehicle", "animal")) == ["b2", "s2"]
    assert ids(index, *both, cameras=(PlacedCamera("shed", CameraId("yard")), PlacedCamera("barn", FRONT))) == [
        "b2", "s2", "b1",
    ]  # fmt: skip
    assert ids(index, *both, within=Span(1500, 2500)) == ["s2", "b1"]


@pytest.mark.parametrize(
    ("only", "found"), [("kept", ["k"]), ("new", ["n", "f", "k"]), ("false_alarms", ["f"]), ("named", ["n"])]
)
def test_events_are_found_by_their_marks(index: FleetIndex, only: str, found: list[str]) -> None:
    join(index, "Shed")
    add(index, "shed", event_line("k", 1000, kept=True) + event_line("f", 2000, false_alarm="shadow"))
    add(
        index, "shed", event_line("n", 3000, objects=[{"label": "cat", "score": 1}]) + event_line("r", 4, reviewed=True)
    )
    assert ids(index, only=only) == found


def test_pages_of_events_have_each_once(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    for box in ("shed", "barn"):
        add(index, box, b"".join(event_line(f"e{number}", 1000) for number in range(5)))
    seen: list[tuple[str, str]] = []
    after: tuple[int, str, str] | None = None
    while found := index.find(EventQuestion(("shed", "barn"), after=after, limit=3)):
        seen += [(one.box, one.event.id) for one in found]
        after = found[-1].event.start_ms, found[-1].box, found[-1].event.id
    assert sorted(seen) == [(box, f"e{number}") for box in ("barn", "shed") for number in range(5)]


def test_revoking_a_box_deletes_what_it_told(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    for box in ("shed", "barn"):
        add(index, box, event_line("e") + gap_line(ZERO_MS, None))
        index.put_recorded(box, "book", recorded(TODAY, (0, 5)))
        index.keep_picture(box, FRONT, b"jpeg")
    assert index.revoke("shed")
    assert not index.revoke("shed")
    assert [one.id for one in index.boxes()] == ["barn"]
    assert ids(index, "shed", "barn") == ["e"]
    assert lane(index) == FleetLane(PlacedCamera("shed", FRONT))
    assert list(index.picture_times()) == [("barn", "front")]


def test_a_box_that_joins_again_keeps_its_rows_and_two_of_one_name_are_told_apart(index: FleetIndex) -> None:
    join(index, "Shed")
    add(index, "shed", event_line("e"))
    code, _ = index.invite()
    again = index.join(code, "Shed", b"Shed".ljust(32), "words")
    assert again is not None
    assert again.id == "shed"
    assert ids(index) == ["e"]
    code, _ = index.invite()
    other = index.join(code, "Shed", b"other".ljust(32), "words")
    assert other is not None
    assert other.id == "shed-2"
    assert index.join(code, "Third", b"third".ljust(32), "words") is None


def test_a_link_is_good_again_for_the_box_that_used_it_and_no_other(index: FleetIndex) -> None:
    code, _ = index.invite()
    shed = index.join(code, "Shed", b"shed".ljust(32), "words")
    assert shed is not None
    assert index.join(code, "Shed", b"shed".ljust(32), "words") == shed
    assert index.join(code, "Barn", b"barn".ljust(32), "words") is None
    index.revoke("shed")
    assert index.join(code, "Shed", b"shed".ljust(32), "words") is None
    assert index.boxes() == []


def test_a_link_that_has_expired_is_not_good_again(clock: FakeClock, index: FleetIndex) -> None:
    code, _ = index.invite()
    assert index.join(code, "Shed", b"shed".ljust(32), "words") is not None
    clock.advance(limits.INVITATION_MS / 1000)
    assert index.join(code, "Shed", b"shed".ljust(32), "words") is None


@pytest.mark.parametrize("step_s", [-48 * 3600, 2 * 3600])
def test_a_link_lasts_as_long_as_it_should_when_the_clock_is_set(
    clock: FakeClock, index: FleetIndex, step_s: int
) -> None:
    early, late = index.invite()[0], index.invite()[0]
    used = index.invite()[0]
    assert index.join(used, "Hut", b"hut".ljust(32), "words") is not None
    clock.jump_utc(step_s)
    clock.advance(limits.INVITATION_MS / 1000 - 1)
    index.invite()
    assert index.join(used, "Hut", b"hut".ljust(32), "words") is not None
    assert index.join(early, "Shed", b"shed".ljust(32), "words") is not None
    clock.advance(1)
    assert index.join(late, "Barn", b"barn".ljust(32), "words") is None
    assert index.join(used, "Hut", b"hut".ljust(32), "words") is None


def test_a_link_of_another_process_ends_none_before_the_hub_notices_a_step(tmp_path: Path, clock: FakeClock) -> None:
    with closing(SqliteFleetIndex(tmp_path / "hub.db", clock)) as hub:
        code, _ = hub.invite()
        clock.jump_utc(2 * 3600)
        with closing(SqliteFleetIndex(tmp_path / "hub.db", clock)) as command:
            command.invite()
        assert hub.join(code, "Shed", b"shed".ljust(32), "words") is not None


def test_the_end_of_a_link_is_stored_when_the_clock_is_set(tmp_path: Path, clock: FakeClock) -> None:
    with closing(SqliteFleetIndex(tmp_path / "hub.db", clock)) as index:
        code, _ = index.invite()
        clock.jump_utc(-48 * 3600)
        index.boxes()
    clock.advance(limits.INVITATION_MS / 1000)
    with closing(SqliteFleetIndex(tmp_path / "hub.db", clock)) as index:
        assert index.join(code, "Shed", b"shed".ljust(32), "words") is None


def test_what_a_box_is_now_is_stored(index: FleetIndex) -> None:
    join(index, "Shed")
    index.note("shed", "1.2", ("live",), {"working": 3})
    [box] = index.boxes()
    assert (box.version, box.allow, dict(box.status)) == ("1.2", ("live",), {"working": 3})
    assert index.box_of(b"Shed".ljust(32)) == box
    assert index.box_of(b"nobody".ljust(32)) is None
    assert [index.knows(one) for one in ("shed", "town")] == [True, False]


def test_pictures_are_kept_with_their_time(index: FleetIndex) -> None:
    join(index, "Shed")
    index.keep_picture("shed", FRONT, b"first")
    index.keep_picture("shed", FRONT, b"second")
    index.keep_picture("nobody", FRONT, b"third")
    at_ms, jpeg = index.picture("shed", FRONT) or (0, b"")
    assert (jpeg, index.picture_times()) == (b"second", {("shed", "front"): at_ms})
    assert index.picture("nobody", FRONT) is None


def test_the_picture_of_a_camera_that_is_paused_or_gone_is_deleted(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    for box, camera in (("shed", "front"), ("shed", "paused"), ("shed", "gone"), ("barn", "gone")):
        index.keep_picture(box, CameraId(camera), b"jpeg")
    cameras = [{"id": "front", "state": "offline"}, {"id": "paused", "state": "paused"}, {"id": "\0"}, 5]
    index.note("shed", "1", ("live", "events"), {"cameras": cameras})
    assert sorted(index.picture_times()) == [("barn", "gone"), ("shed", "front")]


def test_no_picture_stays_of_a_box_that_does_not_say_what_was_deleted(index: FleetIndex) -> None:
    join(index, "Shed")
    index.keep_picture("shed", FRONT, b"jpeg")
    index.note("shed", "1", ("live", "health"), {"cameras": [{"id": "front", "state": "recording"}]})
    assert index.picture_times() == {}


@pytest.mark.parametrize("way", ["another book", "refill"])
def test_no_picture_stays_when_a_history_begins_again(index: FleetIndex, way: str) -> None:
    join(index, "Shed")
    index.keep_picture("shed", FRONT, b"jpeg")
    if way == "refill":
        index.refill("shed")
    else:
        index.cursors("shed", "other")
    assert index.picture_times() == {}


def test_the_picture_of_time_that_was_deleted_is_deleted(clock: FakeClock, index: FleetIndex) -> None:
    join(index, "Shed")
    for camera in ("front", "back", "yard", "side"):
        index.keep_picture("shed", CameraId(camera), b"jpeg")
    now_ms = clock.now_ms()
    add(index, "shed", gap_line(now_ms - 9, now_ms + 9, "removed") + gap_line(now_ms - 9, now_ms + 9, "off", "back"))
    add(index, "shed", gap_line(now_ms - 9, now_ms - 5, "removed", "yard"))
    assert sorted(index.picture_times()) == [("shed", "back"), ("shed", "side"), ("shed", "yard")]


def test_a_picture_is_deleted_by_its_own_time(index: FleetIndex) -> None:
    join(index, "Shed")
    for camera, at_ms in (("front", ZERO_MS), ("back", ZERO_MS + 10)):
        index.keep_picture("shed", CameraId(camera), b"jpeg", at_ms)
    add(index, "shed", gap_line(ZERO_MS, ZERO_MS + 9, "removed") + gap_line(ZERO_MS, ZERO_MS + 9, "removed", "back"))
    assert index.picture_times() == {("shed", "back"): ZERO_MS + 10}


@pytest.mark.parametrize(
    ("former", "first", "is_kept"),
    [(-5, -5, True), (-5, 5, False), (None, 5, True), (3, 5, True), (-5, None, False), (None, None, True)],
)
def test_a_picture_whose_recordings_are_gone_is_deleted(
    clock: FakeClock, index: FleetIndex, former: int | None, first: int | None, is_kept: bool
) -> None:
    """A camera that is only watched, or had no event yet, has lost no recordings, and keeps its picture."""
    join(index, "Shed")
    now_ms = clock.now_ms()
    for number, first_ms in enumerate([former, first]):
        result = BoxDay(TODAY, ZERO_MS, {}, {FRONT: None if first_ms is None else now_ms + first_ms})
        index.put_recorded("shed", "book", result)
        if number == 0:
            index.keep_picture("shed", FRONT, b"jpeg")
    assert (index.picture("shed", FRONT) is not None) == is_kept


def test_records_of_a_box_are_bounded_by_their_bytes(index: FleetIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [event_line(f"e{number}", 1000 + number, muted="x" * 2000) for number in range(20)]
    monkeypatch.setattr(limits, "MOST_EVENT_BYTES", 12_000)
    join(index, "Shed")
    add(index, "shed", b"".join(lines))
    index.note("shed", "", (), {})
    assert ids(index) == ["e19", "e18", "e17", "e16"]  # nine tenths of what may be
    add(index, "shed", event_line("next", 5000))
    index.note("shed", "", (), {})
    assert ids(index) == ["next", "e19", "e18", "e17", "e16"]


@pytest.mark.parametrize("limit", ["MOST_EVENTS", "MOST_GAPS"])
def test_the_oldest_rows_of_a_box_go_first(index: FleetIndex, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(limits, limit, 2)
    join(index, "Shed")
    at = [ZERO_MS + number for number in range(5)]
    add(index, "shed", b"".join(event_line(f"e{one}", one) + gap_line(one, one + 1) for one in at) + dropped_line("x"))
    index.note("shed", "", (), {})
    found = lane(index)
    assert len(found.events) == (2 if limit == "MOST_EVENTS" else 5)
    assert [one.begin_ms for one in found.gaps] == (at[-2:] if limit == "MOST_GAPS" else at)


def test_a_box_has_a_bounded_number_of_history_files(index: FleetIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_FILES", 1)
    join(index, "Shed")
    add(index, "shed", event_line("e1"))
    assert index.add("shed", HistoryPiece("2026-11-21.jsonl", 0, 1, b"\n")) == 0
    add(index, "shed", event_line("e2"))
    assert sorted(ids(index)) == ["e1", "e2"]


@pytest.mark.parametrize(
    "line",
    [
        gap_line(-5, None), gap_line(5, 4), gap_line(10**30, None), gap_line(1, 2, camera="a~b"),
        gap_line(1, 2, camera=""), damage_line(5, 5), b'{"what": "gap", "gap": {}}\n', b'{"what": "damage"}\n',
        gap_line(1, 2, camera="\ud800"), event_line("x\u0000"),
    ],
)  # fmt: skip
def test_lines_without_sense_are_left_out(index: FleetIndex, line: bytes) -> None:
    join(index, "Shed")
    add(index, "shed", line + gap_line(7, 8) + event_line("good", 7, kind="k\u0000", zones=["\u0000"]))
    found = lane(index, Span(0, DAY_MS))
    assert [one.begin_ms for one in found.gaps] == [7]
    assert [one.id for one in found.events] == ["good"]


OWN = (event_id(ZERO_MS + 5, b"\1\2\3\4"), "foreign-5")
"""Ids that name their day, and others."""


@pytest.mark.parametrize("event", OWN)
def test_a_deleted_event_is_not_brought_back_by_an_older_file(index: FleetIndex, event: str) -> None:
    join(index, "Shed")
    add(index, "shed", dropped_line(event), "2026-11-20.jsonl")
    add(index, "shed", event_line(event, ZERO_MS + 5) + event_line("other", ZERO_MS + 6), "2026-11-19.jsonl")
    assert ids(index) == ["other"]
    add(index, "shed", event_line(event, ZERO_MS + 5), "2026-11-21.jsonl")
    assert ids(index) == ["other", event]


@pytest.mark.parametrize("event", OWN)
def test_an_older_file_deletes_no_event_that_was_said_later(index: FleetIndex, event: str) -> None:
    join(index, "Shed")
    add(index, "shed", event_line(event, ZERO_MS + 5), "2026-11-20.jsonl")
    add(index, "shed", dropped_line(event), "2026-11-19.jsonl")
    assert ids(index) == [event]
    add(index, "shed", dropped_line(event), "2026-11-21.jsonl")
    assert (ids(index), lane(index).events) == ([], [])


def test_an_event_that_a_box_deleted_after_its_clock_was_set_back_is_gone(index: FleetIndex) -> None:
    disk, answer = MemoryDisk(), json.loads(event_line("e", ZERO_MS + DAY_MS))
    history, reader, cursors = HistoryJournal(disk), HistoryReader(disk), dict[str, int]()
    history.write([HistoryLine(ZERO_MS + DAY_MS, "event", answer["event"])])
    history.write([HistoryLine(ZERO_MS, "event_dropped", {"id": "e"})])
    join(index, "Shed")
    while (piece := reader.next_piece(cursors)) is not None:
        cursors[piece.file] = index.add("shed", piece)
    assert ids(index) == []


def test_an_event_whose_day_and_camera_change_is_there_once(index: FleetIndex) -> None:
    join(index, "Shed")
    add(index, "shed", event_line("e", ZERO_MS))
    add(index, "shed", event_line("e", ZERO_MS + DAY_MS, camera="yard"))
    [found] = index.find(EventQuestion(("shed",)))
    assert (found.event.start_ms, found.event.camera) == (ZERO_MS + DAY_MS, "yard")
    assert lane(index).events == []
    add(index, "shed", event_line("e", ZERO_MS), "2026-11-01.jsonl")
    assert index.find(EventQuestion(("shed",))) == [found]
    add(index, "shed", dropped_line("e"))
    assert ids(index) == []


def test_what_lasts_beyond_midnight_is_on_both_days(index: FleetIndex) -> None:
    join(index, "Shed")
    began_ms = ZERO_MS - 5
    add(index, "shed", event_line("e", began_ms, end_ms=ZERO_MS + 5) + damage_line(began_ms, ZERO_MS + 5))
    add(index, "shed", gap_line(began_ms, None))
    for within in (Span(ZERO_MS - DAY_MS, ZERO_MS), WHOLE):
        found = lane(index, within)
        assert (len(found.events), len(found.gaps), len(found.damage)) == (1, 1, 1)
    add(index, "shed", gap_line(began_ms, ZERO_MS - 1) + event_line("e", began_ms, end_ms=ZERO_MS - 1))
    found = lane(index)
    assert (found.events, found.gaps, len(found.damage)) == ([], [], 1)


def test_rare_events_are_found_over_many_days(index: FleetIndex) -> None:
    join(index, "Shed", "Barn")
    for day in range(40):
        begin_ms = ZERO_MS + day * DAY_MS
        add(index, "shed", event_line(f"p{day}", begin_ms) + event_line(f"q{day}", begin_ms + 9, camera="yard"))
        add(index, "barn", event_line(f"a{day}", begin_ms + 5, kind="animal" if day % 9 == 0 else "person"))
    assert ids(index, "shed", "barn", kinds=("animal",)) == ["a36", "a27", "a18", "a9", "a0"]
    assert ids(index, "shed", "barn", limit=4) == ["q39", "a39", "p39", "q38"]
    assert ids(index, "shed", "barn", after=(ZERO_MS + 5, "barn", "a0")) == ["p0"]
    assert ids(index, "shed", limit=100, within=Span(ZERO_MS + 9, ZERO_MS + DAY_MS + 1)) == ["p1", "q0"]
    assert ids(index, "barn", cameras=(PlacedCamera("barn", CameraId("nowhere")),)) == []


@pytest.mark.parametrize("limit", ["MOST_EVENTS", "MOST_GAPS"])
def test_the_oldest_days_of_a_box_go_first(index: FleetIndex, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(limits, limit, 3)
    join(index, "Shed", "Barn")
    at = [ZERO_MS + number * DAY_MS for number in range(5)]
    data = b"".join(
        event_line(event_id(one, b"mark"), one) + gap_line(one, one + 1) + damage_line(one, one + 1) for one in at
    )
    for box in ("shed", "barn"):
        add(index, box, data)
    index.note("shed", "", (), {})
    most = {"MOST_EVENTS": (3, 5), "MOST_GAPS": (5, 3)}[limit]
    for box, (events, gaps) in {"shed": most, "barn": (5, 5)}.items():
        found = lane(index, Span(ZERO_MS, ZERO_MS + 5 * DAY_MS), box)
        assert [one.start_ms for one in found.events] == at[-events:]
        assert [one.begin_ms for one in found.gaps] == [one.begin_ms for one in found.damage] == at[-gaps:]

"""An index that is gone or damaged is made again from files and history, and is the same as before."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.model.damage import DamagedSpan
from tawny.model.errors import DiskFull
from tawny.model.events import Event, new_event_id
from tawny.model.ids import EventId
from tawny.model.segments import Gap, GapEvidence, GapReason
from tawny.model.times import Span
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger, HistoryLine, event_record, replay
from tawny.storage.index import opening
from tawny.storage.index.damaged_files import SUFFIXES
from tawny.storage.index.index_schema import outdated
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import index_to_write, rebuild, rebuild_index
from tawny.storage.index.protocol import Index
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.testing.clock import FakeClock
from tests.storage.bench import MAIN, PORCH, SUB, YARD, Site
from tests.support.disk import MemoryDisk

EVER = Span(0, 1 << 45)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.record(65, cameras=(PORCH, YARD))
    made.put(600, stream=SUB, run="run-9")
    now_ms = made.clock.now_ms()
    gap = Gap(PORCH, now_ms, None, GapReason.STALLED)
    made.ledger.put_gap(gap)
    made.ledger.put_gap(Gap(PORCH, now_ms, now_ms + 5, GapReason.STALLED))
    made.ledger.put_event(Event(EventId("e1"), PORCH, "motion", now_ms, now_ms + 9, 40.0, kept=True))
    made.ledger.put_event(Event(EventId("e2"), YARD, "motion", now_ms, None, 40.0))
    made.ledger.drop_event(EventId("e2"))
    recorded = made.index.spans(PORCH, MAIN, EVER)[0]
    made.ledger.put_damage(
        [
            DamagedSpan(PORCH, MAIN, at_ms, at_ms + 50, 2, 3)
            for at_ms in (recorded.begin_ms + 10, recorded.begin_ms + 900)
        ]
    )
    made.ledger.put_gap(Gap(YARD, now_ms + 9, None, GapReason.STALLED, "", GapEvidence("stall", now_ms, attempts=3)))
    return made


def _all(index: Index) -> tuple[object, ...]:
    return (
        list(index.all_segments()),
        [index.spans(camera, None, EVER) for camera in (PORCH, YARD)],
        [index.gaps(camera, EVER) for camera in (PORCH, YARD)],
        index.events(EVER).events,
        index.damage(None, EVER),
        index.size_bytes(),
    )


def test_the_index_made_again_is_the_same(site: Site) -> None:
    again = MemoryIndex()
    rebuilt = rebuild(site.volume, again, site.history)
    assert _all(again) == _all(site.index)
    assert len(again.damage(PORCH, EVER)) == 2
    assert rebuilt.segments == 5
    assert rebuilt.left_out == []


_CAMERAS = st.sampled_from([PORCH, YARD])
_AT = st.sampled_from([1_000, 2_000, 90_000_000])
_ENDS = st.one_of(st.none(), st.integers(90_000_001, 90_000_005))
_IDS = st.sampled_from([EventId("e1"), EventId("e2"), new_event_id(1_000), new_event_id(2_000)])
_CHANGES = st.one_of(
    st.builds(Gap, _CAMERAS, _AT, _ENDS, st.sampled_from(GapReason)),
    st.builds(DamagedSpan, _CAMERAS, st.just(MAIN), _AT, st.integers(90_000_001, 90_000_005), st.just(2), st.just(3)),
    st.builds(Event, _IDS, _CAMERAS, st.sampled_from(["motion", "person"]), _AT, _ENDS, st.just(40.0)),
    _IDS,
)
_DAMAGED = st.sampled_from(
    [b"", b'{"at_ms": 5, "what": "event", "ev', b"\0\0\0", b'{"what": "gap", "gap": 7, "at_ms": 1}', b"\xff"]
)


def _place(change: Any) -> object:
    match change:
        case Gap() | DamagedSpan():
            return type(change), change.camera, change.begin_ms
        case Event():
            return change.id
        case _:
            return change


@given(st.lists(st.tuples(st.integers(0, 3), _CHANGES, st.one_of(st.none(), _DAMAGED)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_last_state_counts_whatever_file_it_is_in(written: list[tuple[int, Any, bytes | None]]) -> None:
    """Later files change and delete what earlier ones stored; the clock may go back, and lines may be torn."""
    disk, clock, last = MemoryDisk(), FakeClock(), dict[object, Any]()
    history = HistoryJournal(disk)
    ledger = HistoryLedger(history, MemoryIndex(), clock)
    for day, change, torn in written:
        clock.jump_utc(day * 86_400 - (clock.now_ms() - FakeClock().now_ms()) / 1000)
        if torn is not None and (files := history.files()):
            with history.closed():
                file = disk.extend(files[-1])
                file.append([torn])
                file.close()
        match change:
            case Gap():
                ledger.put_gap(change)
            case DamagedSpan():
                ledger.put_damage([change])
            case Event():
                ledger.put_event(change)
            case _:
                ledger.drop_event(change)
        last[_place(change)] = change
    with TemporaryDirectory() as folder, closing(SqliteIndex(Path(folder) / "tawny.db")) as rebuilt:
        rebuild(Volume(disk), rebuilt, history)
        gaps = [gap for camera in (PORCH, YARD) for gap in rebuilt.gaps(camera, EVER)]
        found = [*gaps, *rebuilt.damage(None, EVER), *rebuilt.events(EVER).events]
    assert {_place(one): one for one in found} == {at: one for at, one in last.items() if not isinstance(one, str)}


class Counted(MemoryIndex):
    """Notes how many events were put."""

    put = 0

    def put_event(self, event: Event) -> None:
        super().put_event(event)
        self.put += 1


def _event(number: int) -> Event:
    return Event(EventId(f"e{number}"), PORCH, "motion", number, number + 9, 40.0)


def test_no_more_than_a_file_of_the_history_is_held_at_once() -> None:
    index, stored = Counted(), list[int]()

    class Noting(MemoryDisk):
        def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
            stored.append(index.put)
            return super().read(path, offset, size)

    disk, clock = Noting(), FakeClock()
    history = HistoryJournal(disk)
    ledger = HistoryLedger(history, MemoryIndex(), clock)
    for number in range(3):
        ledger.put_event(_event(number))
        clock.advance(86_400)
    stored.clear()
    rebuild(Volume(disk), index, history)
    assert stored == [0, 1, 2]


def test_of_a_large_file_only_a_part_is_held_at_once() -> None:
    index, most, count = Counted(), 0, 6_500

    def lines() -> Iterator[HistoryLine]:
        nonlocal most
        for number in range(count):
            most = max(most, number - index.put)
            yield HistoryLine(0, "event", event_record(_event(number)))

    replay(lines(), index)
    assert index.put == count
    assert most <= 2_000


@pytest.mark.parametrize("bad", [{"end_ms": 1 << 70}, {"kind": "\ud800"}])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_what_no_database_can_store_does_not_end_a_rebuild(
    tmp_path: Path, bad: dict[str, Any], is_replaced: bool
) -> None:
    good = [HistoryLine(1, "event", event_record(_event(number))) for number in range(2)]
    lines = [good[0], HistoryLine(1, "event", {**good[1].record, **bad}), *(good[1:] if is_replaced else ())]
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        for line in lines:
            replay([line], index)
        assert index.events(EVER).events == ([_event(1)] if is_replaced else []) + [_event(0)]


def test_a_long_rebuild_says_how_far_it_is(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    class Slow(FakeClock):
        def mono_s(self) -> float:
            self.advance(6)
            return super().mono_s()

    site.clock.advance(86_400)
    site.ledger.put_event(_event(1))
    rebuild(site.volume, MemoryIndex(), site.history, Slow())
    found = [record.getMessage() for record in caplog.records]
    assert found[0] == "Rebuilding the index: history/2026-11-21.jsonl is done, file 2 of 2 of the history."
    folder = site.folder / "porch" / "2026" / "11" / "20" / "05"
    assert found[1] == f"Rebuilding the index: recordings listed: 1, next those in {folder}."


def test_a_deleted_one_is_made_again_at_the_start(site: Site) -> None:
    index = index_to_write(site.volume, site.history)
    assert _all(index) == _all(site.index)
    index.close()
    assert sorted(path.name for path in site.folder.glob("tawny.db*")) == ["tawny.db"]


def test_a_damaged_one_is_put_aside_and_made_again(site: Site) -> None:
    (site.folder / "tawny.db").write_bytes(b"\0" * 10_000)
    index = index_to_write(site.volume, site.history)
    assert _all(index) == _all(site.index)
    index.close()
    assert (site.folder / "tawny.db.damaged").stat().st_size == 10_000


def test_a_good_one_is_used_as_it_is(site: Site) -> None:
    rebuild_index(site.volume, site.history)
    index = index_to_write(site.volume, site.history)
    index.drop_event(EventId("e1"))
    index.close()
    index = index_to_write(site.volume, site.history)
    assert index.events(EVER).events == []
    index.close()


def test_what_an_interrupted_try_left_does_no_harm(site: Site) -> None:
    (site.folder / "tawny.db.new").write_bytes(b"half")
    (site.folder / "tawny.db.new-wal").write_bytes(b"half")
    index = index_to_write(site.volume, site.history)
    assert _all(index) == _all(site.index)
    index.close()


def test_open_and_damaged_files_are_left_out(site: Site) -> None:
    site.record(5, stop=False)
    damaged = next(site.folder.rglob("*Z.main.mp4"))
    damaged.write_bytes(b"\0" * 500)
    again = MemoryIndex()
    rebuilt = rebuild(site.volume, again, site.history)
    assert len(rebuilt.left_out) == 1
    assert str(damaged) == rebuilt.left_out[0].where
    assert rebuilt.segments == 4


def test_one_of_an_earlier_version_is_made_again_and_that_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(site.folder / "tawny.db")) as old:
        old.executescript("CREATE TABLE segments (id BLOB); PRAGMA user_version = 2;")
    index = index_to_write(site.volume, site.history)
    assert _all(index) == _all(site.index)
    index.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "earlier version" in caplog.text
    assert sorted(path.name for path in site.folder.glob("tawny.db*")) == ["tawny.db"]


@pytest.mark.parametrize(
    ("free_kb", "left"),
    [
        (300, {"appearance.db", "19/scores", "20/scores", "20/figures"}),
        (200, {"19/scores", "20/scores", "20/figures"}),
        (100, {"20/scores", "20/figures"}),
        (0, {"20/scores"}),
    ],
)
def test_a_start_on_a_full_disk_gives_up_what_it_needs_and_no_recording(
    free_kb: int, left: set[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be made again, then the motion of the oldest days. Retention follows once the index is open."""
    day = site.folder / PORCH / "2026/11"
    files = {
        "appearance.db": site.folder / "appearance.db",
        "19/scores": day / "19/scores",
        "20/scores": day / "20/scores",
        "20/figures": day / "20/figures",
    }
    kept = [day / "19/20261119.keys", *(site.folder / one.path for one in site.index.all_segments())]
    for file in [*files.values(), kept[0]]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(100 * 1024))

    def free_bytes() -> int:
        return free_kb * 1024 + sum(100 * 1024 for file in files.values() if not file.exists())

    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(free_bytes(), 1 << 30))
    monkeypatch.setattr(opening, "has_room", lambda volume: volume.space().free_bytes >= opening.START_BYTES)
    site.index.close()
    index_to_write(site.volume, site.history).close()
    assert all(file.exists() for file in files.values()), "copies and mirrors give up nothing"
    index_to_write(site.volume, site.history, frees=True).close()
    assert {name for name, file in files.items() if file.exists()} == left
    assert all(file.exists() for file in kept)


def test_a_start_on_a_full_disk_merges_the_logs_of_databases(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.folder / "before.db"
    with closing(sqlite3.connect(before)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE names (name TEXT)")
        db.execute("INSERT INTO names VALUES ('Anna')")
        db.commit()
        for suffix in SUFFIXES:  # as a crash leaves them
            shutil.copy(f"{before}{suffix}", site.folder / f"outbox.db{suffix}")
    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(0, 1 << 30))
    monkeypatch.setattr(opening, "has_room", lambda _: False)
    site.index.close()
    index_to_write(site.volume, site.history, frees=True).close()
    assert not (site.folder / "outbox.db-wal").exists()
    with closing(sqlite3.connect(site.folder / "outbox.db")) as db:
        assert db.execute("SELECT name FROM names").fetchall() == [("Anna",)]


def test_a_disk_that_only_says_that_it_is_full_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """For root there is more than for others, and some file systems say 0."""
    scores = site.folder / "porch/2026/11/19/scores"
    scores.parent.mkdir(parents=True, exist_ok=True)
    scores.write_bytes(bytes(1000))
    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(0, 1 << 30))
    site.index.close()
    index_to_write(site.volume, site.history, frees=True).close()
    assert scores.exists()
    assert not (site.folder / "room.tmp").exists()


def test_what_frees_nothing_is_not_given_up_for_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [site.folder / f"porch/2026/10/{day:02}/scores" for day in range(1, 31)]
    for file in days:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(1000))
    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(0, 1 << 30))
    monkeypatch.setattr(opening, "has_room", lambda _: False)
    site.index.close()
    index_to_write(site.volume, site.history, frees=True).close()
    assert sum(file.exists() for file in days) >= 10


def test_a_new_index_that_is_not_complete_leaves_the_old_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    index_to_write(site.volume, site.history).close()
    before = (site.folder / "tawny.db").read_bytes()

    def rebuild_without_space(*args: Any) -> opening.Rebuilt:
        rebuild(*args)
        raise DiskFull("tawny.db.new")

    monkeypatch.setattr(opening, "rebuild", rebuild_without_space)
    with pytest.raises(DiskFull):
        rebuild_index(site.volume, site.history)
    assert (site.folder / "tawny.db").read_bytes() == before
    assert sorted(path.name for path in site.folder.glob("tawny.db*")) == ["tawny.db"]


def test_a_new_index_is_made_without_mapped_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a quota of Btrfs, a change of it could kill the process."""
    names: list[str] = []

    def rebuild_and_look(*args: Any) -> opening.Rebuilt:
        rebuilt = rebuild(*args)
        names.extend(path.name for path in site.folder.glob("tawny.db.new*"))
        return rebuilt

    monkeypatch.setattr(opening, "rebuild", rebuild_and_look)
    rebuild_index(site.volume, site.history)
    assert names == ["tawny.db.new"]


@pytest.mark.parametrize("frees", [True, False])
def test_a_start_gives_up_an_old_index_when_the_new_one_has_no_space(
    frees: bool, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(site.folder / "tawny.db")) as old:
        old.execute("PRAGMA user_version = 2")

    def rebuild_without_space(*args: Any) -> opening.Rebuilt:
        if (site.folder / "tawny.db").exists():
            raise DiskFull("tawny.db.new")
        return rebuild(*args)

    monkeypatch.setattr(opening, "rebuild", rebuild_without_space)
    with nullcontext() if frees else pytest.raises(DiskFull):
        index_to_write(site.volume, site.history, frees=frees).close()
    assert (outdated(site.folder / "tawny.db") == "") is frees


def test_a_start_gives_up_a_damaged_index_when_the_new_one_has_no_space(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.index.close()
    (site.folder / "tawny.db").write_bytes(b"rubbish" * 1000)

    def rebuild_without_space(*args: Any) -> opening.Rebuilt:
        if (site.folder / "tawny.db.damaged").exists():
            raise DiskFull("tawny.db.new")
        return rebuild(*args)

    monkeypatch.setattr(opening, "rebuild", rebuild_without_space)
    index_to_write(site.volume, site.history, frees=True).close()
    assert sorted(path.name for path in site.folder.glob("tawny.db*")) == ["tawny.db"]

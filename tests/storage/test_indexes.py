"""Our indexes in the suite that every index runs, and what is SQLite's own."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import DiskFull, FolderUnwritable, IndexDamaged, IndexOutdated, StorageError, TooManyFiles
from tawny.model.ids import StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.disk.layout import segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.protocol import Index
from tawny.storage.index.sqlite_file import sqlite_errors
from tawny.storage.index.sqlite_index import SqliteIndex
from tests.contracts.index import EVER, MAIN, NOON, PORCH, IndexContract, event, segment
from tests.engine.test_descriptors import without_descriptors
from tests.storage.bench import put_file


class TestSqliteIndex(IndexContract):
    is_durable = SqliteIndex.is_durable

    def open(self, folder: Path) -> Index:
        return SqliteIndex(folder / "tawny.db")


class _Settling(SqliteIndex):
    """Settles after every change. The files of what is told stand on the disk, as in a recorder."""

    def __init__(self, folder: Path) -> None:
        self._volume = Volume.at(folder)
        self._gone: list[Segment] = []
        self._is_within = False
        super().__init__(folder / "tawny.db", Catalogue(self._volume))

    def add_segment(self, segment: Segment) -> None:
        if self.segment(segment.id) is None and segment_name(segment.path) is not None:
            put_file(self._volume, segment)
        super().add_segment(segment)
        self._settle()

    def drop_segments(self, segments: Iterable[Segment]) -> None:
        self._gone = [self.segment(one.id) or one for one in segments]
        self.mark_removing(self._gone)
        if not self._is_within:
            for one in self._gone:
                self._volume.disk.unlink(one.path)
        super().drop_segments(self._gone)
        self._settle()

    @contextmanager
    def together(self) -> Iterator[None]:
        self._is_within = True
        try:
            with super().together():
                yield
        finally:
            self._is_within = False
        self._settle()

    def _settle(self) -> None:
        if not self._is_within:
            self.settle(EVER.end_ms)


class TestSettledIndex(IndexContract):
    is_durable = SqliteIndex.is_durable

    def open(self, folder: Path) -> Index:
        return _Settling(folder)

    def test_it_counts_what_it_need_not_list(self, tmp_path: Path) -> None:
        with closing(_Settling(tmp_path)) as index:
            for begin_s in range(0, 3600, 60):
                index.add_segment(segment(begin_s))
            (hour,) = index.counted()
            assert (hour.camera, hour.stream, hour.begin_ms, hour.files) == (PORCH, MAIN, NOON, 60)
            assert hour.size_bytes == index.size_bytes()


class TestMemoryIndex(IndexContract):
    is_durable = MemoryIndex.is_durable

    def open(self, folder: Path) -> Index:
        return MemoryIndex()


def test_a_file_that_is_no_database_is_told_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "tawny.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexDamaged) as raised:
        SqliteIndex(path)
    assert str(path) in raised.value.message


def test_an_index_of_another_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "tawny.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexOutdated, match="a newer version of tawny"):
        SqliteIndex(path)


def test_damage_inside_is_found_by_reading_all(tmp_path: Path) -> None:
    path = tmp_path / "tawny.db"
    with closing(SqliteIndex(path)) as index:
        with index.together():
            for number in range(2000):
                index.add_segment(segment(60 * number))
        assert index.integrity() == ""
    data = bytearray(path.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at + 100 : at + 400] = b"\xa5" * 300
    path.write_bytes(data)
    with closing(SqliteIndex(path)) as index:
        try:
            found = index.integrity()
        except IndexDamaged as error:
            found = error.detail
    assert found


@pytest.mark.parametrize("harm", [bytes, lambda size: b"\xa5" * size], ids=["emptied", "noise"])
def test_damage_while_it_is_open_is_noticed_and_verified(tmp_path: Path, harm: Callable[[int], bytes]) -> None:
    path = tmp_path / "tawny.db"
    with closing(SqliteIndex(path)) as made:
        made.add_segment(segment())
    with closing(SqliteIndex(path)) as index:
        path.write_bytes(path.read_bytes()[:4096] + harm(path.stat().st_size - 4096))
        with pytest.raises(IndexDamaged) as noticed:
            list(index.all_segments())
        assert index.problem is noticed.value
        assert index.is_damaged()


def test_a_cut_off_file_is_verified_as_damaged(tmp_path: Path) -> None:
    """SQLite takes an empty file for a sound one."""
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        (tmp_path / "tawny.db").write_bytes(b"")
        assert index.is_damaged()


def test_damage_shows_although_all_pages_were_read_before(tmp_path: Path) -> None:
    path = tmp_path / "tawny.db"
    with closing(SqliteIndex(path)) as made:
        made.add_segment(segment())
    with closing(SqliteIndex(path)) as index:
        assert not index.is_damaged()
        path.write_bytes(path.read_bytes()[:100] + b"\xa5" * (path.stat().st_size - 100))
        assert index.is_damaged()
        assert index.problem is not None


def test_a_page_that_the_disk_cannot_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        unread = "*** in database main ***\nTree 2 page 4: unable to get the page. error code=8458"
        monkeypatch.setattr(index, "integrity", lambda: unread)
        with pytest.raises(StorageError, match="unable to get the page"):
            index.is_damaged()
        assert index.problem is None


def test_an_index_that_was_suspected_and_is_whole_has_no_problem(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        problems: list[IndexDamaged | None] = []
        with pytest.raises(IndexDamaged) as noticed, index.together():
            raise IndexDamaged("here", "a page that was read wrong")
        problems.append(index.problem)
        assert not index.is_damaged()
        problems.append(index.problem)
        assert problems == [noticed.value, None]


def test_a_second_process_can_look_on_and_not_write(tmp_path: Path) -> None:
    path = tmp_path / "tawny.db"
    with closing(SqliteIndex(path)) as index, closing(SqliteIndex(path, read_only=True)) as other:
        index.add_segment(segment())
        assert list(other.all_segments()) == [segment()]
        with pytest.raises(FolderUnwritable):
            other.put_event(event("a"))


def test_words_of_a_change_that_a_full_disk_undid_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite may have rolled back by itself then, so that no transaction is left."""
    connect, opened = sqlite3.connect, list[sqlite3.Connection]()

    def connecting(*words: Any, **more: Any) -> sqlite3.Connection:
        opened.append(connect(*words, **more))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connecting)
    path = tmp_path / "tawny.db"
    index, writer = SqliteIndex(path), opened[0]
    index.put_event(event("a"))
    with pytest.raises(DiskFull), index.together():
        index.put_event(replace(event("b"), kind="person"))
        writer.execute("ROLLBACK")
        raise DiskFull(str(path))
    for kind in ("vehicle", "person"):
        index.put_event(replace(event(kind), kind=kind))
    index.close()
    again = SqliteIndex(path)
    found = {kind: [one.id for one in again.events(EVER, kinds=[kind]).events] for kind in ("vehicle", "person")}
    assert found == {"vehicle": ["vehicle"], "person": ["person"]}
    assert {one.id: one.kind for one in again.events(EVER).events} == {
        "a": "motion", "vehicle": "vehicle", "person": "person",
    }  # fmt: skip
    again.close()


def test_who_reads_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        index.add_segment(segment(0))
        found: list[int] = []
        with index.together():
            index.add_segment(segment(60))
            reader = threading.Thread(target=lambda: found.append(len(list(index.all_segments()))))
            reader.start()
            reader.join(5)
        assert found == [1]


def test_many_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:

        def work(lane: int) -> None:
            for number in range(20):
                index.add_segment(segment(lane * 10_000 + number * 60))
                index.spans(PORCH, None, EVER)

        threads = [threading.Thread(target=work, args=(lane,)) for lane in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(list(index.all_segments())) == 80


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_CORRUPT, IndexDamaged),
        (sqlite3.SQLITE_NOTADB, IndexDamaged),
        (sqlite3.SQLITE_READONLY, FolderUnwritable),
        (sqlite3.SQLITE_CANTOPEN, FolderUnwritable),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageError),
        (sqlite3.SQLITE_BUSY, StorageError),
    ],
)
def test_sqlites_errors_become_ours(code: int, ours: type[StorageError]) -> None:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    with pytest.raises(StorageError) as raised, sqlite_errors("/data/tawny.db"):
        raise error
    assert type(raised.value) is ours


def test_a_database_that_no_descriptor_is_left_for_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    with without_descriptors(), pytest.raises(TooManyFiles), sqlite_errors("/data/tawny.db"):
        sqlite3.connect(tmp_path / "tawny.db").execute("SELECT 1 FROM sqlite_master")


def test_a_day_among_many_is_answered_at_once(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        with index.together():
            for minute in range(20_000):
                index.add_segment(segment(60 * minute, run=f"r{minute // 3000}"))
        day = Span(NOON + 5 * 86_400_000, NOON + 6 * 86_400_000)
        assert _best_s(lambda: index.spans(PORCH, StreamName.MAIN, day)) < 0.005
        assert _best_s(index.size_bytes) < 0.005
        assert _best_s(lambda: index.bounds(PORCH)) < 0.005


def _best_s(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return min(times)

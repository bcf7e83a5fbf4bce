"""A damaged index makes tawny start again: once all of it was read, and at most once an hour."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tawny.model.errors import IndexDamaged, StorageError
from tawny.service.health import checks
from tawny.service.health.checks import RENEW_EVERY_S, VERIFY_EVERY_S, IndexWatch
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until


class Index(SqliteIndex):
    """An index that was suspected. found: what reading all of it finds."""

    def __init__(self, folder: Path, found: bool | StorageError) -> None:
        super().__init__(folder / "tawny.db")
        self.reads, self._found = 0, found
        self.suspect()

    def suspect(self) -> None:
        with pytest.raises(IndexDamaged), self.together():
            raise IndexDamaged("/data/tawny.db", "malformed")

    def is_damaged(self) -> bool:
        self.reads += 1
        if isinstance(self._found, StorageError):
            raise self._found
        return self._found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verification has ended when `must_restart` returns."""
    monkeypatch.setattr(checks, "start_thread", lambda _name, verify: verify())


@pytest.mark.usefixtures("at_once")
def test_tawny_starts_again_for_a_damaged_index_and_at_most_once_an_hour(tmp_path: Path) -> None:
    clock = FakeClock()
    watch = IndexWatch(clock)
    with closing(Index(tmp_path, found=True)) as index:
        assert [watch.must_restart(index) for _ in range(3)] == [False, True, False]
        clock.advance(VERIFY_EVERY_S)
        assert not watch.must_restart(index)
        clock.advance(RENEW_EVERY_S - VERIFY_EVERY_S - 1)
        assert not watch.must_restart(index)
        clock.advance(1)
        assert watch.must_restart(index)
        assert index.reads == 2


@pytest.mark.usefixtures("at_once")
def test_each_suspicion_is_verified_within_a_minute(tmp_path: Path) -> None:
    clock, reads = FakeClock(), list[int]()
    watch = IndexWatch(clock)
    with closing(Index(tmp_path, found=False)) as index:
        for wait_s in (0, VERIFY_EVERY_S - 1, 1):
            clock.advance(wait_s)
            assert not watch.must_restart(index)
            reads.append(index.reads)
    assert reads == [1, 1, 2]


@pytest.mark.usefixtures("at_once")
def test_a_verdict_is_of_one_index_and_the_next_run_has_another(tmp_path: Path) -> None:
    watch = IndexWatch(FakeClock())
    with closing(Index(tmp_path, found=True)) as index, closing(SqliteIndex(tmp_path / "new.db")) as new:
        assert [watch.must_restart(one) for one in (index, new, index)] == [False, False, True]


def test_a_verification_that_hangs_does_not_delay_that_of_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that hangs, while tawny records to the fallback disk."""
    begun = list[Callable[[], None]]()
    monkeypatch.setattr(checks, "start_thread", lambda _name, verify: begun.append(verify))
    (tmp_path / "spare").mkdir()
    watch = IndexWatch(FakeClock())
    with closing(Index(tmp_path, found=False)) as old, closing(Index(tmp_path / "spare", found=True)) as new:
        assert [watch.must_restart(one) for one in (old, new)] == [False, False]
        begun[0]()  # it ends at last: the other one goes on
        assert not watch.must_restart(new)
        assert len(begun) == 2
        begun[1]()
        assert watch.must_restart(new)


@pytest.mark.parametrize("found", [False, StorageError("/data/tawny.db", "disk I/O error")], ids=["whole", "unread"])
def test_an_index_that_is_whole_or_cannot_be_read_makes_no_start(tmp_path: Path, found: bool | StorageError) -> None:
    watch = IndexWatch(FakeClock())
    with closing(Index(tmp_path, found)) as index:
        assert not watch.must_restart(index)
        until(lambda: index.reads == 1, 10, "all of it is read")
        assert not watch.must_restart(index)


def test_an_index_without_errors_is_not_read(tmp_path: Path) -> None:
    with closing(Index(tmp_path, found=True)) as index:
        index.reads = 0
        assert not SqliteIndex.is_damaged(index)
        assert not IndexWatch(FakeClock()).must_restart(index)
        assert index.reads == 0

"""What is written in the history stays, and only torn lines are skipped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tawny.model.errors import DiskFull, StorageError
from tawny.model.events import Event, SeenObject
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.storage.history.ledger import (
    HistoryJournal,
    HistoryLedger,
    HistoryLine,
    event_of,
    event_record,
    gap_of,
    gap_record,
    replay,
)
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

NOON = 1_795_176_000_000
DAY_MS = 86_400_000
GAP = Gap(CameraId("porch"), NOON, None, GapReason.STALLED, "no packets")
EVENT = Event(EventId("e1"), CameraId("porch"), "motion", NOON, None, 50.0)
EVER = Span(0, 1 << 45)


def _line(number: int, at_ms: int = NOON) -> HistoryLine:
    return HistoryLine(at_ms, "started", {"boot": f"boot-{number}"})


def _failing(*operations: str, error: StorageError | None = None) -> Callable[[str, str], None]:
    def before(operation: str, path: str) -> None:
        if operation in operations:
            raise error or StorageError(path, "input/output error")

    return before


def _well(_operation: str, _path: str) -> None:
    pass


def test_lines_come_back_in_order_over_days() -> None:
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    lines = [_line(number, NOON + number * 43_200_000) for number in range(5)]
    for line in lines:
        history.write([line])
    assert list(disk.files) == [f"history/2026-11-{day}.jsonl" for day in (20, 21, 22)]
    assert list(history.lines()) == lines
    assert list(history.lines(newest_files=1)) == lines[-2:]


@given(cut=some.integers(0, 400), seed=some.integers(0, 1000))
def test_a_power_cut_takes_only_what_was_not_synced(cut: int, seed: int) -> None:
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    for number in range(8):
        history.write([_line(number)])
        disk.note(number)
    point = cut % (disk.points + 1)
    left = MemoryDisk()
    left.make_folder("history")
    for path, data in disk.after_cut(point, seed).items():
        left.create(path).append([data])
    after = HistoryJournal(left)
    after.write([_line(99)])
    read = list(after.lines())
    durable = len(disk.notes(point))
    assert read[:durable] == [_line(number) for number in range(durable)]
    assert read[-1] == _line(99)
    assert len(read) <= durable + 2


def test_a_full_disk_leaves_no_torn_line_behind() -> None:
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    history.write([_line(1)])
    disk.total_bytes = disk.used_bytes + 10
    with pytest.raises(DiskFull):
        history.write([_line(2)])
    disk.total_bytes = 1 << 30
    history.write([_line(3)])
    assert list(history.lines()) == [_line(1), _line(3)]


def _after_a_failed_sync() -> tuple[MemoryDisk, HistoryJournal]:
    """With line 3, written after line 2 failed."""
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    history.write([_line(1)])
    disk.before = _failing("sync")
    with pytest.raises(StorageError):
        history.write([_line(2)])
    disk.before = _well
    history.write([_line(3)])
    return disk, history


def test_after_a_failed_sync_another_file_is_begun() -> None:
    disk, history = _after_a_failed_sync()
    assert list(disk.files) == ["history/2026-11-20.jsonl", "history/2026-11-20-2.jsonl"]
    assert list(history.lines())[-1] == _line(3)


def test_after_a_failed_sync_and_a_restart_the_newest_file_goes_on() -> None:
    disk, history = _after_a_failed_sync()
    HistoryJournal(disk).write([_line(4)])
    assert list(history.lines())[-2:] == [_line(3), _line(4)]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_lines_come_back_in_order_after_the_clock_was_set_back(is_restarted: bool) -> None:
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    lines = [_line(number, NOON + days * DAY_MS) for number, days in enumerate((0, 4000, 0, 1, 4000, 4001))]
    for line in lines:
        history.write([line])
        history = HistoryJournal(disk) if is_restarted else history
    assert list(history.lines()) == lines


def test_a_file_of_a_clock_that_was_years_ahead_does_not_grow_for_years(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.history.ledger._MOST_AHEAD_BYTES", 100)
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    lines = [_line(0, NOON + 4000 * DAY_MS), *(_line(number) for number in range(1, 31))]
    for line in lines:
        history.write([line])
    assert max(len(disk.read(path)) for path in disk.files) < 200
    assert list(history.lines()) == lines


def test_a_torn_line_that_cannot_be_ended_yet_moves_no_line_to_an_older_file() -> None:
    disk = MemoryDisk()
    HistoryJournal(disk).write([_line(0, NOON + DAY_MS)])
    (newest,) = disk.files
    whole = disk.read(newest)
    disk.write_at(newest, len(whole), b'{"torn')
    history = HistoryJournal(disk)
    disk.total_bytes = disk.used_bytes
    with pytest.raises(DiskFull):
        history.write([_line(1)])
    disk.total_bytes = 1 << 30
    history.write([_line(2)])
    assert list(disk.files) == [newest]
    assert disk.read(newest).startswith(whole + b'{"torn\n')
    assert [line.record for line in history.lines()] == [_line(0).record, _line(2).record]


def test_a_large_day_has_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.history.ledger._MOST_AHEAD_BYTES", 100)
    disk = MemoryDisk()
    history = HistoryJournal(disk)
    for number in range(9):
        history.write([_line(number)])
    assert list(disk.files) == ["history/2026-11-20.jsonl"]


def test_nonsense_is_skipped(tmp_path: Path) -> None:
    disk = MemoryDisk()
    disk.make_folder("history")
    good = b'{"at_ms":1,"what":"gap","gap":{}}'
    disk.create("history/2026-11-20.jsonl").append([b"\n".join([b"\0" * 50, b"[]", b'{"at_ms":1}', good, b"{"])])
    assert list(HistoryJournal(disk).lines()) == [HistoryLine(1, "gap", {})]


@given(
    some.builds(
        Gap,
        camera=some.text(max_size=5).map(CameraId),
        begin_ms=some.integers(0, 1 << 45),
        end_ms=some.none() | some.integers(0, 1 << 45),
        reason=some.sampled_from(GapReason),
        detail=some.text(),
    )
)
def test_a_gap_reads_back(gap: Gap) -> None:
    assert gap_of(gap_record(gap)) == gap


def test_an_event_reads_back() -> None:
    whole = replace(
        EVENT, box=(0.0, 0.1, 0.2, 1.0), zones=("path",), objects=(SeenObject("cat", 0.5),), kept=True, picture_ms=NOON
    )
    assert event_of(event_record(whole)) == whole


@pytest.mark.parametrize("record", [{}, {"camera": "a"}])
def test_what_is_no_gap_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"gap|Reason"):
        gap_of(record)


def _ledger(disk: MemoryDisk) -> tuple[HistoryLedger, MemoryIndex]:
    index = MemoryIndex()
    return HistoryLedger(HistoryJournal(disk), index, FakeClock()), index


def test_what_the_ledger_says_is_in_the_history_and_in_the_index() -> None:
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    assert ledger.put_gap(GAP)
    assert ledger.put_event(EVENT)
    assert ledger.put_event(EVENT.ended(NOON + 5000))
    other = MemoryIndex()
    replay(list(HistoryJournal(disk).lines()), other)
    for one in (index, other):
        assert one.open_gaps() == [GAP]
        assert one.events(EVER).events == [EVENT.ended(NOON + 5000)]


def test_a_dropped_event_stays_dropped() -> None:
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    ledger.put_event(EVENT)
    ledger.drop_event(EVENT.id)
    other = MemoryIndex()
    replay(list(HistoryJournal(disk).lines()), other)
    assert index.event(EVENT.id) is None
    assert other.event(EVENT.id) is None


def test_what_the_disk_refuses_is_written_later_in_its_last_state() -> None:
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    disk.before = _failing("append", "create", error=DiskFull("disk"))
    assert not ledger.put_gap(GAP)
    assert not ledger.put_gap(replace(GAP, end_ms=NOON + 9000))
    assert type(ledger.problem) is DiskFull
    assert (ledger.waiting, index.gaps(GAP.camera, EVER)) == (1, [])
    assert not ledger.flush()
    disk.before = _well
    assert ledger.flush()
    assert not ledger.waiting
    assert index.gaps(GAP.camera, EVER) == [replace(GAP, end_ms=NOON + 9000)]
    assert len(list(HistoryJournal(disk).lines())) == 1


def _gaps(first: int, last: int) -> list[Gap]:
    return [Gap(GAP.camera, NOON + n, NOON + n + 1, GapReason.STALLED) for n in range(first, last)]


def test_more_changes_together_than_the_queue_holds_are_all_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.history.ledger._MOST_WAITING", 10)
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    with ledger.together():
        for gap in _gaps(0, 25):
            ledger.put_gap(gap)
    assert index.gaps(GAP.camera, EVER) == _gaps(0, 25)
    assert [line.record["begin_ms"] for line in HistoryJournal(disk).lines()] == [NOON + n for n in range(25)]


def test_together_keeps_the_newest_changes_while_the_disk_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.history.ledger._MOST_WAITING", 10)
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    tries: list[str] = []

    def refusing(operation: str, path: str) -> None:
        tries.append(operation)
        raise StorageError(path, "input/output error")

    disk.before = refusing
    with ledger.together():
        for gap in _gaps(0, 25):
            ledger.put_gap(gap)
    assert ledger.waiting == 10
    assert len(tries) == 2, "a full queue once, and at the end"
    disk.before = _well
    assert ledger.flush()
    assert index.gaps(GAP.camera, EVER) == _gaps(15, 25)


def test_together_tries_a_disk_again_that_refused_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.storage.history.ledger._MOST_WAITING", 10)
    disk = MemoryDisk()
    ledger, index = _ledger(disk)
    disk.before = _failing("append", "create")
    ledger.put_gap(_gaps(0, 1)[0])
    disk.before = _well
    with ledger.together():
        for gap in _gaps(1, 25):
            ledger.put_gap(gap)
    assert index.gaps(GAP.camera, EVER) == _gaps(0, 25)


def test_starts_and_stops_are_written_down() -> None:
    disk = MemoryDisk()
    ledger, _ = _ledger(disk)
    ledger.started("boot-1", version="0.1")
    ledger.stopped("person")
    assert [(line.what, dict(line.record)) for line in HistoryJournal(disk).lines()] == [
        ("started", {"boot": "boot-1", "version": "0.1"}),
        ("stopped", {"cause": "person"}),
    ]


def test_reason_of_a_newer_version_is_read_as_unknown() -> None:
    """The gap itself must not be lost: its time stays explained."""
    assert gap_of({**gap_record(GAP), "reason": "of_tomorrow"}) == replace(GAP, reason=GapReason.UNKNOWN)

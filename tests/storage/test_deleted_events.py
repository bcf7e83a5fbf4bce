"""What the history says about an event is deleted after it, and all else of the history stays."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tawny.fleet.history_reader import HistoryReader, line_hash
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import RecognisedText
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.storage.disk.volume import Volume
from tawny.storage.history.deleted_events import EVERY_S, DeletedEvents, deleted_events
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger, replay
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.storage.bench import break_reads
from tests.support.disk import MemoryDisk

PORCH = CameraId("porch")
EVER = Span(0, 1 << 45)
DAY_S = 86_400.0


class Book:
    """The history of a recorder on a disk in memory."""

    def __init__(self) -> None:
        self.disk, self.clock = MemoryDisk(), FakeClock()
        self.history, self.index = HistoryJournal(self.disk), MemoryIndex()
        self.ledger = HistoryLedger(self.history, self.index, self.clock)
        self.deleted = DeletedEvents(Volume(self.disk), self.history)
        self.ledger.put_gap(Gap(PORCH, self.clock.now_ms(), None, GapReason.STALLED))

    def see(self, name: str, plate: str = "AB 123") -> None:
        at_ms, reads = self.clock.now_ms(), (RecognisedText("plates", plate, 0.9, ""),)
        self.ledger.put_event(Event(EventId(name), PORCH, "car", at_ms, at_ms + 5000, 80.0, reads=reads))

    def drop(self, name: str) -> None:
        self.ledger.drop_event(EventId(name))

    def run(self) -> int:
        """Run a pass. Return the number of its steps."""
        for steps in range(1, 100):
            if self.deleted.step() == EVERY_S:
                return steps
        raise AssertionError("the pass does not end")

    def text(self, disk: MemoryDisk | None = None) -> bytes:
        disk = disk or self.disk
        return b"".join(disk.read(path) for path in HistoryJournal(disk).files())


def _rebuilt(disk: MemoryDisk) -> tuple[list[Event], list[Gap]]:
    index = MemoryIndex()
    with closing(HistoryJournal(disk)) as history:
        replay(list(history.lines()), index)
    return index.events(EVER).events, index.gaps(PORCH, EVER)


def test_what_was_seen_goes_with_its_event_and_that_it_was_deleted_stays() -> None:
    book = Book()
    book.see("gone")
    book.see("stays", "CD 456")
    book.clock.advance(30 * DAY_S)
    book.drop("gone")
    sizes = HistoryReader(book.disk).next_piece({}), len(book.text())
    book.run()
    assert b"AB 123" not in book.text()
    assert b"CD 456" in book.text()
    assert [line.what for line in book.history.lines()] == ["gap", "event", "event_dropped"]
    assert (HistoryReader(book.disk).next_piece({}), len(book.text())) == sizes  # hubs know lines by their place


@given(
    some.lists(some.tuples(some.sampled_from("abc"), some.sampled_from(["see", "drop", "pass", "day"])), max_size=20)
)
def test_an_index_that_is_rebuilt_is_the_same_as_before(done: list[tuple[str, str]]) -> None:
    book = Book()
    for number, (name, what) in enumerate(done):
        match what:
            case "see":
                book.see(name, f"plate {name}{number}")
            case "drop":
                book.drop(name)
            case "pass":
                book.run()
            case _:
                book.clock.advance(DAY_S)
    before = _rebuilt(book.disk)
    book.run()
    assert _rebuilt(book.disk) == before
    assert before[0] == book.index.events(EVER).events
    for name in "abc":
        if book.index.event(EventId(name)) is None:
            assert f"plate {name}".encode() not in book.text()


def test_a_power_cut_during_a_pass_loses_no_line() -> None:
    book = Book()
    book.see("gone")
    book.see("stays", "CD 456")
    book.drop("gone")
    before, begin = _rebuilt(book.disk), book.disk.points
    book.run()
    for point in range(begin, book.disk.points + 1):
        left = MemoryDisk()
        left.make_folder("history")
        for path, data in book.disk.after_cut(point, 1).items():
            left.create(path).append([data])
        assert _rebuilt(left) == before


def test_the_next_line_follows_in_the_file_that_was_replaced() -> None:
    book = Book()
    book.see("gone")
    book.drop("gone")
    book.run()
    book.see("next")
    assert [line.what for line in book.history.lines()] == ["gap", "event_dropped", "event"]


def test_a_pass_without_new_deletions_reads_the_newest_file_only() -> None:
    book = Book()
    for name in ("one", "two", "three"):
        book.see(name)
        book.clock.advance(DAY_S)
    book.drop("one")
    assert book.run() == 4
    assert book.run() == 1
    book.drop("two")
    assert book.run() == 4
    assert book.text().count(b"AB 123") == 1


def test_a_file_that_cannot_be_read_keeps_no_other_from_its_turn_and_has_its_own_a_day_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Book()
    for name in ("one", "two"):
        book.see(name)
        book.clock.advance(DAY_S)
    book.drop("one")
    book.drop("two")
    with monkeypatch.context() as patched:
        break_reads(patched, book.disk, book.history.files()[1])
        assert [book.run() for _ in range(24)] == [3] + 23 * [1]
    assert book.text().count(b"AB 123") == 1
    book.run()
    assert b"AB 123" not in book.text()


def test_a_hub_goes_on_after_the_line_before_its_cursor_became_blank() -> None:
    book = Book()
    book.see("gone")
    piece = HistoryReader(book.disk).next_piece({})
    assert piece is not None
    book.clock.advance(DAY_S)
    book.drop("gone")
    book.run()
    HistoryReader(book.disk).check({piece.file: piece.end}, {piece.file: line_hash(piece.data)})
    with pytest.raises(ValueError, match="another line"):
        HistoryReader(book.disk).check({piece.file: piece.end - 1}, {piece.file: line_hash(piece.data)})


def test_deletions_are_listed_the_newest_first_without_those_of_an_unreadable_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Book()
    for name in ("one", "two", "three"):
        book.see(name)
        book.drop(name)
        book.clock.advance(DAY_S)
    assert list(deleted_events(Volume(book.disk), book.history)) == ["three", "two", "one"]
    break_reads(monkeypatch, book.disk, book.history.files()[1])
    assert list(deleted_events(Volume(book.disk), book.history)) == ["three", "one"]

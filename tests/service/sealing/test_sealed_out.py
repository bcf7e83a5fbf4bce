"""Pictures of sealed cameras wait in memory for messages that may have them, not long and not many."""

from tawny.delivery.destination import RemoteFile
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.times import utc_from_text
from tawny.service.delivery.uploads import expired_files
from tawny.service.sealing.policy import LASTS_S, MOST_BYTES, UnsealedPictures
from tawny.storage.history.signed_history import SignedHistory
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

DOOR = CameraId("door")
DAY_MS, DAY = utc_from_text("2026-11-20T05:00:00Z"), "20261120"


def event(number: int) -> Event:
    return Event(EventId(f"e{number}"), DOOR, "motion", number, None, 50)


def test_they_are_held_for_ten_minutes_and_the_better_one_counts() -> None:
    clock = FakeClock()
    held = UnsealedPictures(clock, lambda _: True)
    held.put(event(1), b"first")
    held.put(event(1), b"better")
    assert held.get(EventId("e1")) == b"better"
    clock.advance(LASTS_S + 1)
    assert held.get(EventId("e1")) is None


def test_they_hold_no_more_than_they_may() -> None:
    held = UnsealedPictures(FakeClock(), lambda _: True)
    for number in range(5):
        held.put(event(number), bytes(MOST_BYTES // 3))
    assert [held.get(EventId(f"e{number}")) is not None for number in range(5)] == [False, False, True, True, True]


def test_nothing_is_held_that_no_message_may_have() -> None:
    held = UnsealedPictures(FakeClock(), lambda _: False)
    held.put(event(1), b"picture")
    assert held.get(EventId("e1")) is None


def test_names_elsewhere_are_always_the_same_and_tell_nothing_but_the_day() -> None:
    disk = MemoryDisk()
    history = SignedHistory.opened(disk, DAY_MS)
    one = history.object_name("bedroom/2026/11/20/05/a.tws", DAY)
    assert one == SignedHistory.opened(disk, DAY_MS).object_name("bedroom/2026/11/20/05/a.tws", DAY)
    assert one != history.object_name("bedroom/2026/11/20/05/b.tws", DAY)
    assert one.split("/")[:2] == [history.recorder.hex()[:8], DAY]
    assert (len(one.split("/")[2]), "bedroom" in one) == (30, False)
    others = SignedHistory.opened(MemoryDisk(), DAY_MS)
    assert one.split("/")[2] != others.object_name("bedroom/2026/11/20/05/a.tws", DAY).split("/")[2]


def test_what_has_such_a_name_is_removed_there_by_its_day() -> None:
    name = f"0123abcd/20261120/{'a' * 26}.tws"
    there = [RemoteFile(name, 5, 0), RemoteFile(f"0123abcd/20261120/{'A' * 26}.tws", 5, 0)]
    pattern = "{camera}/{year}/{month}/{day}/{id}.{type}"
    next_day = utc_from_text("2026-11-21T00:00:00Z")
    own = ["0123abcd"]
    assert [one.name for one in expired_files(there, [pattern], next_day, own=own)] == [name]
    assert not list(expired_files(there, [pattern], next_day - 5000, own=own)), "its day is not over"
    assert not list(expired_files(there, [pattern], next_day, own=["0123abce"])), "it is another recorder's"

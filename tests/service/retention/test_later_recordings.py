"""An owner deletes recordings that are dated later than the clock, and nothing that is recorded meanwhile."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.service.retention.recording_deletion import DeletionScope
from tests.service.retention.test_recording_deletion import Place
from tests.storage.bench import PORCH

YEAR_MIN = 365 * 24 * 60


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def put_later(place: Place) -> list[Segment]:
    """Two hours of a clock that was a year ahead, with an event in each and one without video."""
    rows = [place.site.put(-YEAR_MIN - minutes) for minutes in (60, 120)]
    for name, at_ms in (("first", rows[0].start_ms), ("second", rows[1].start_ms), ("bare", rows[1].end_ms + 60_000)):
        place.site.ledger.put_event(Event(EventId(name), PORCH, "motion", at_ms, at_ms + 1000, 9.0))
    return rows


def run(place: Place) -> None:
    place.site.clock.advance(30)
    place.deleting.step()


def left(place: Place) -> list[str]:
    return [one.id for one in place.site.index.all_segments()]


def test_everything_takes_them_and_says_how_much(place: Place) -> None:
    put_later(place)
    total = sum(one.size_bytes for one in place.site.index.all_segments())
    size = place.deleting.measure(DeletionScope())
    assert (size.bytes, size.files, size.events) == (total, 5, 3)
    place.deleting.delete(DeletionScope(), "Anna")
    newer = place.site.put(-0.2, minutes=0.2)
    run(place)
    assert left(place) == [newer.id]
    assert place.site.index.event(EventId("bare")) is None
    assert place.deleting.measure(DeletionScope()).files == 1


def test_their_time_takes_them_and_says_how_much(place: Place) -> None:
    first, second = put_later(place)
    wanted = DeletionScope([PORCH], Span(place.site.clock.now_ms() + 1000, first.end_ms))
    assert place.deleting.measure(wanted).files == 1
    place.deleting.delete(wanted, "Anna")
    run(place)
    assert place.left() == 3
    assert left(place)[-1] == second.id


@pytest.mark.parametrize("is_removed", [False, True])
def test_they_go_with_all_of_their_camera(place: Place, *, is_removed: bool) -> None:
    put_later(place)
    if is_removed:
        place.removed()
    else:
        place.deleting.delete_all_of(PORCH, "Anna", with_kept=False)
    run(place)
    assert place.left() == 0


def test_a_deletion_that_waits_for_a_disk_takes_nothing_that_is_recorded_then(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = put_later(place)
    monkeypatch.setattr("tawny.service.retention.recording_deletion.awaited", lambda _: [Mock(id="away")])
    place.deleting.delete(DeletionScope(), "Anna")
    run(place)
    place.site.clock.advance(130)
    place.deleting.step()
    place.site.clock.jump_utc((rows[1].end_ms - place.site.clock.now_ms()) / 1000)
    newer = place.site.put(30)
    monkeypatch.undo()
    place.site.clock.advance(61)
    place.deleting.step()
    assert newer.id in left(place)


@pytest.mark.parametrize("moved_s", [0, -3600])
def test_what_was_over_waits_for_a_disk_also_after_the_clock_was_set_back(
    place: Place, monkeypatch: pytest.MonkeyPatch, moved_s: float
) -> None:
    monkeypatch.setattr("tawny.service.retention.recording_deletion.awaited", lambda _: [Mock(id="away")])
    place.deleting.delete(DeletionScope(), "Anna")
    place.site.clock.jump_utc(moved_s)
    for _ in range(4):
        place.site.clock.advance(60)
        place.deleting.step()
    listed = place.site.put(300)  # on the disk that comes back
    monkeypatch.undo()
    place.site.clock.advance(61)
    place.deleting.step()
    assert listed.id not in left(place)

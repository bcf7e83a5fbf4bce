"""What goes wrong around messages: a write that fails, a clock that is set back, and settings that change meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tawny.delivery.delivery import DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.model.errors import StorageError
from tawny.model.events import Event, new_event_id
from tawny.service.delivery.notification_filter import NotificationFilter
from tests.playback.archives import PORCH
from tests.service.delivery.scheduler_rig import BERLIN, PHONE, Bench, kinds

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
QUIET = NotificationFilter("phone", quiet="22:00-07:00")
AWAKE = NotificationFilter("phone")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make the next call of this method of an outbox fail, and no later one."""
    call, left = getattr(Outbox, name), [StorageError("outbox.db", "disk I/O error")]

    def instead(*values: object) -> object:
        if left:
            raise left.pop()
        return call(*values)

    monkeypatch.setattr(Outbox, name, instead)


def at_ms(day: int, hour: int, minute: int = 0) -> int:
    return round(datetime(2026, 11, day, hour, minute, tzinfo=BERLIN).timestamp() * 1000)


def wait_until(bench: Bench, day: int, hour: int, minute: int = 0) -> None:
    bench.clock.advance((at_ms(day, hour, minute) - bench.clock.now_ms()) / 1000)
    bench.scheduler.step()


# --- a write that fails ----------------------------------------------------------------------------------------------


def test_a_message_whose_write_fails_is_sent_at_the_next_step(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_once(monkeypatch, "add")
    with pytest.raises(StorageError):
        bench.happens()
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["event"]


def test_a_message_of_a_whole_event_whose_write_fails_is_sent_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, NotificationFilter("phone", once=True))
    event = bench.happens()
    bench.clock.advance(5)
    fail_once(monkeypatch, "add")
    with pytest.raises(StorageError):
        bench.over(event)
    bench.scheduler.step()
    bench.clock.advance(MINUTE_S)
    assert kinds(bench.delivered()) == ["whole"]


def test_a_digest_whose_write_fails_is_sent_when_it_was_due(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.happens()
    bench.delivered()
    due_ms = bench.clock.now_ms() + PHONE.cool_down_ms
    bench.clock.advance(10)
    fail_once(monkeypatch, "add")
    with pytest.raises(StorageError):
        bench.happens()
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == due_ms


def test_an_event_that_left_its_digest_is_sent_although_a_write_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.happens("motion")
    bench.delivered()
    bench.clock.advance(10)
    event = bench.happens("motion")
    fail_once(monkeypatch, "add")
    with pytest.raises(StorageError):
        bench.tell(replace(event, kind="person"), "updated")
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["event"]


@pytest.mark.parametrize("name", ["since", "add"])
def test_what_a_start_has_to_make_up_for_is_sent_after_a_disk_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench.clock.advance(5)
    now_ms = bench.clock.now_ms()
    bench.archive.index.put_event(Event(new_event_id(now_ms), PORCH, "person", now_ms, None, 50.0, picture_ms=now_ms))
    bench.clock.advance(1)
    bench.scheduler = bench.again()
    fail_once(monkeypatch, name)
    with pytest.raises(StorageError):
        bench.scheduler.step()
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["event"]


# --- a clock that is set back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_started_again", [False, True])
def test_after_the_clock_is_set_back_events_are_sent_as_before(bench: Bench, *, is_started_again: bool) -> None:
    bench.clock.jump_utc(365 * DAY_S)
    bench.happens()
    bench.delivered()
    bench.clock.jump_utc(-365 * DAY_S)
    if is_started_again:
        bench.scheduler = bench.again()
    bench.scheduler.step()
    bench.clock.advance(PHONE.cool_down_ms / 1000)
    bench.happens()
    assert kinds(bench.delivered()) == ["event"]


@pytest.mark.parametrize("is_started_again", [False, True])
def test_a_digest_is_due_at_the_end_of_the_quiet_hours_of_a_clock_that_was_set_back(
    tmp_path: Path, *, is_started_again: bool
) -> None:
    bench = Bench(tmp_path, QUIET)
    wait_until(bench, 20, 22, 30)
    bench.clock.jump_utc(3 * DAY_S)
    bench.happens()
    bench.clock.jump_utc(-3 * DAY_S)
    if is_started_again:
        bench.scheduler = bench.again()
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == at_ms(21, 7)


def test_what_was_not_sent_is_made_up_for_after_a_start_with_a_clock_that_was_set_back(bench: Bench) -> None:
    bench.clock.advance(HOUR_S)
    bench.clock.jump_utc(DAY_S)
    bench.scheduler.step()
    bench.clock.jump_utc(-DAY_S)
    now_ms = bench.clock.now_ms()
    bench.archive.index.put_event(Event(new_event_id(now_ms), PORCH, "person", now_ms, None, 50.0, picture_ms=now_ms))
    bench.clock.advance(1)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["event"]


def test_the_daily_summary_goes_on_after_the_clock_is_set_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NotificationFilter("phone", recap=8 * 60))
    wait_until(bench, 20, 9)
    bench.clock.jump_utc(365 * DAY_S)
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["recap", "recap"]
    bench.clock.jump_utc(-365 * DAY_S)
    bench.scheduler.step()
    assert bench.delivered() == []
    wait_until(bench, 21, 8)
    assert kinds(bench.delivered()) == ["recap"]


# --- a start with a clock that is behind ----------------------------------------------------------------------------


def start_behind(bench: Bench, path: Path, behind_s: float) -> None:
    """Start with this outbox and a clock that is behind."""
    bench.outbox.close()
    bench.clock.jump_utc(-behind_s)
    bench.outbox = Outbox(path, bench.clock)
    bench.scheduler = bench.again()


def with_file(bench: Bench, path: Path) -> Bench:
    """Keep the outbox in a file."""
    bench.outbox.close()
    bench.outbox = Outbox(path, bench.clock)
    bench.scheduler = bench.again()
    bench.scheduler.step()
    return bench


@pytest.mark.parametrize("is_sent_first", [False, True])
@pytest.mark.parametrize("behind_s", [6 * HOUR_S, 30 * HOUR_S, 200 * DAY_S, 200 * DAY_S + 6 * HOUR_S])
def test_a_digest_of_the_quiet_hours_waits_for_their_end_after_a_start_with_a_clock_that_is_behind(
    tmp_path: Path, behind_s: float, *, is_sent_first: bool
) -> None:
    """is_sent_first: whether couriers look for what is due before the scheduler steps."""
    path = tmp_path / "outbox.db"
    bench = with_file(Bench(tmp_path, QUIET), path)
    wait_until(bench, 20, 22, 30)
    bench.happens()
    bench.clock.advance(3 * HOUR_S)
    start_behind(bench, path, behind_s)
    for forward_s in (0, behind_s):
        bench.clock.advance(MINUTE_S)
        bench.clock.jump_utc(forward_s)
        if not is_sent_first:
            bench.scheduler.step()
        assert bench.delivered() == []
    assert bench.outbox.next_ms("phone") == at_ms(21, 7)
    wait_until(bench, 21, 6, 59)
    assert bench.delivered() == []
    wait_until(bench, 21, 7)
    assert kinds(bench.delivered()) == ["digest"]
    bench.outbox.close()


def test_a_digest_whose_time_is_over_when_the_clock_is_right_is_due_then(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    bench = with_file(Bench(tmp_path, QUIET), path)
    wait_until(bench, 20, 22, 30)
    bench.happens()
    wait_until(bench, 21, 8)
    start_behind(bench, path, 200 * DAY_S)
    bench.scheduler.step()
    bench.clock.jump_utc(200 * DAY_S)
    bench.delivered()
    bench.clock.advance(MINUTE_S)
    assert kinds(bench.delivered()) == ["digest"]
    bench.outbox.close()


def test_a_start_leaves_the_time_of_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    bench = with_file(Bench(tmp_path, AWAKE), path)
    for _ in range(20):  # the interval grows
        bench.happens()
        bench.delivered()
        bench.clock.advance(10)
    (before,) = bench.outbox.of_kind("phone", "digest", DeliveryState.WAITING)
    assert before.next_ms > bench.clock.now_ms() + 2 * AWAKE.cool_down_ms
    start_behind(bench, path, 0)
    bench.scheduler.step()
    (after,) = bench.outbox.of_kind("phone", "digest", DeliveryState.WAITING)
    assert after.next_ms == before.next_ms
    bench.outbox.close()


def test_a_digest_that_was_due_before_the_quiet_hours_waits_for_their_end_after_a_start_in_them(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    bench = with_file(Bench(tmp_path, QUIET), path)
    wait_until(bench, 20, 21, 58)
    bench.happens()
    bench.delivered()
    bench.happens()
    assert bench.outbox.next_ms("phone") is not None
    wait_until(bench, 21, 1, 30)
    start_behind(bench, path, 0)
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == at_ms(21, 7)
    bench.outbox.close()


# --- settings that change while a digest waits -----------------------------------------------------------------------


@pytest.mark.parametrize("is_started_again", [False, True])
@pytest.mark.parametrize(
    ("after", "due_ms"),
    [
        (AWAKE, at_ms(20, 22, 50)),
        (NotificationFilter("phone", quiet="23:00-07:00"), at_ms(20, 22, 50)),
        (NotificationFilter("phone", quiet="22:00-23:00"), at_ms(20, 23)),
        (NotificationFilter("phone", quiet="22:00-09:00"), at_ms(21, 9)),
    ],
)
def test_changed_quiet_hours_are_those_of_a_digest_that_waits(
    tmp_path: Path, after: NotificationFilter, due_ms: int, *, is_started_again: bool
) -> None:
    bench = Bench(tmp_path, QUIET)
    wait_until(bench, 20, 22, 30)
    bench.happens()
    wait_until(bench, 20, 22, 50)
    bench.filters = (after,)
    if is_started_again:
        bench.scheduler = bench.again()
    else:
        bench.scheduler.take_over(bench.filters, links=False)
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == due_ms


def test_after_quiet_hours_were_switched_off_events_are_sent_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, QUIET)
    wait_until(bench, 20, 22, 30)
    bench.happens()
    bench.scheduler.take_over([AWAKE], links=False)
    bench.scheduler.step()
    assert kinds(bench.delivered()) == ["digest"]
    wait_until(bench, 20, 23)
    bench.happens()
    assert kinds(bench.delivered()) == ["event"]


def test_a_shorter_interval_is_that_of_a_digest_that_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(AWAKE, cool_down_ms=1_800_000))
    begin_ms = bench.clock.now_ms()
    bench.happens()
    bench.delivered()
    bench.clock.advance(MINUTE_S)
    bench.happens()
    bench.scheduler.take_over([replace(AWAKE, cool_down_ms=300_000)], links=False)
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == begin_ms + 300_000


def test_settings_that_change_nothing_of_a_digest_leave_its_time(bench: Bench) -> None:
    for _ in range(3):
        bench.happens()
        bench.delivered()
        bench.clock.advance(MINUTE_S)
    due_ms = bench.outbox.next_ms("phone")
    bench.scheduler.take_over([replace(PHONE, recap=480)], links=True)
    bench.scheduler.step()
    assert bench.outbox.next_ms("phone") == due_ms

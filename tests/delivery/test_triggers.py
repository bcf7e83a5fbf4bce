"""When what waits goes: once so many wait, at minutes of the hour, in hours, and whichever comes first."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import pytest

from tawny.delivery.courier import Courier, DeliveryRoute, SendSchedule
from tawny.delivery.delivery import DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.model.errors import TargetUnreachable
from tawny.model.times import utc_from_text
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tests.delivery.carried import Shelf, delivery

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


class Bench:
    """A courier with a trigger, on a clock that only `until` moves: from 10:00:30 in Berlin."""

    def __init__(self, zone: ZoneInfo = BERLIN) -> None:
        self.clock = FakeClock("2026-11-20T09:00:30Z")
        self.outbox, self.shelf, self.zone = Outbox(":memory:", self.clock), Shelf(), zone

    def open(self, after: int | None = None, minutes: Sequence[int] = (), hours: str = "") -> None:
        """As at a start."""
        trigger = SendSchedule("offsite", self.outbox, self.clock, self.zone, after=after, minutes=minutes, hours=hours)
        route = DeliveryRoute("offsite", self.shelf.carrier, lambda _: MemoryContent(), trigger.open_in_s)
        self.courier = Courier(1, route, self.outbox, self.clock, lambda _: None)

    def wait(self, *names: str, what: DeliveryKind = DeliveryKind.CLIP) -> None:
        self.outbox.add([delivery(name, what) for name in names])
        self.work()

    def work(self) -> float:
        """Until the courier rests; for how long."""
        while (rests_s := self.courier.step()) == 0:
            pass
        return rests_s

    def until(self, text: str) -> list[str]:
        """Let it work whenever it asked to, until then; what it carried meanwhile."""
        before, end_ms = len(self.shelf.carried), utc_from_text(text)
        while (left_s := (end_ms - self.clock.now_ms()) / 1000) > 0:
            self.clock.advance(min(self.work(), left_s))
        self.work()
        return self.shelf.carried[before:]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.outbox.close()


@pytest.mark.shows("PK20")
def test_two_of_three_wait_and_the_third_lets_all_go(bench: Bench) -> None:
    bench.open(after=3)
    bench.wait("a", "b")
    assert bench.shelf.carried == []
    bench.wait("c")
    assert bench.shelf.carried == ["a", "b", "c"]
    bench.wait("d")
    assert bench.shelf.carried == ["a", "b", "c"]


@pytest.mark.shows("PK20")
def test_at_its_minutes_all_goes_and_never_twice(bench: Bench) -> None:
    bench.open(minutes=[5, 20])
    bench.wait("a", "b")
    assert bench.until("2026-11-20T09:04:59Z") == []
    assert bench.until("2026-11-20T09:05:00Z") == ["a", "b"]
    bench.wait("c")
    assert bench.until("2026-11-20T09:19:59Z") == []
    assert bench.until("2026-11-20T09:20:30Z") == ["c"]
    assert bench.until("2026-11-20T11:00:00Z") == []


def test_minutes_are_those_of_the_clock_on_the_wall() -> None:
    bench = Bench(KATHMANDU)  # 5 h 45 min before UTC: it is 14:45:30 there
    bench.open(minutes=[0])
    bench.wait("a")
    assert bench.until("2026-11-20T09:14:59Z") == []
    assert bench.until("2026-11-20T09:15:00Z") == ["a"]
    bench.outbox.close()


def test_of_both_whichever_comes_first(bench: Bench) -> None:
    bench.open(after=2, minutes=[5])
    bench.wait("a", "b")
    assert bench.shelf.carried == ["a", "b"]
    bench.wait("c")
    assert bench.until("2026-11-20T09:05:00Z") == ["c"]


def test_pictures_and_messages_wait_for_nothing(bench: Bench) -> None:
    bench.open(after=10, minutes=[30], hours="22:00-06:00")
    bench.wait("m", what=DeliveryKind.MESSAGE)
    bench.wait("p", what=DeliveryKind.PICTURE)
    bench.wait("c")
    assert bench.shelf.carried == ["m", "p"]


def test_a_minute_outside_of_its_hours_is_none(bench: Bench) -> None:
    bench.open(minutes=[5], hours="11:00-12:00")
    bench.wait("a")
    assert bench.until("2026-11-20T10:04:00Z") == []
    assert bench.until("2026-11-20T10:06:00Z") == ["a"]


def test_what_was_let_go_goes_on_until_nothing_waits_also_over_a_restart(bench: Bench) -> None:
    bench.open(after=2)
    bench.shelf.fails = [TargetUnreachable("offsite", "connection refused")]
    bench.wait("a", "b")
    assert bench.shelf.carried == []
    bench.open(after=10)
    assert sorted(bench.until("2026-11-20T09:01:00Z")) == ["a", "b"]


@pytest.mark.shows("PK20")
def test_a_minute_that_comes_while_it_still_sends_is_passed_over_and_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.open(minutes=[5, 6])
    bench.shelf.fails = [TargetUnreachable("offsite", "connection refused")] * 8
    bench.wait("a")
    assert bench.until("2026-11-20T10:04:00Z") == ["a"]
    assert "skipping this minute" in caplog.text


def test_what_is_held_back_costs_no_looking(bench: Bench) -> None:
    bench.open(after=2)
    bench.wait("a")
    assert bench.work() == 60

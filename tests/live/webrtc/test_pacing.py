import asyncio

from tawny.live.webrtc.playback_sender import LATE_S, PlaybackClock
from tawny.model.times import SystemClock
from tawny.testing.clock import FakeClock

BEGIN_MS = 1_795_000_000_000


def made(rate: float = 1.0, *, is_held: bool = False) -> tuple[PlaybackClock, FakeClock]:
    clock = FakeClock()
    return PlaybackClock(clock, BEGIN_MS, rate, is_held=is_held), clock


def test_what_lies_before_is_due_at_once_and_the_rest_at_its_rate() -> None:
    for rate in (0.5, 1.0, 4.0, 32.0):
        pace, clock = made(rate)
        assert pace.due_s(BEGIN_MS - 5_000) <= clock.mono_s()
        assert abs(pace.due_s(BEGIN_MS + 1_000) - clock.mono_s() - 1 / rate) < 0.001


def test_held_it_stays_where_it_is_and_goes_on_from_there() -> None:
    pace, clock = made()
    clock.advance(2)
    pace.set(is_held=True)
    clock.advance(60)
    assert pace.at_ms() == BEGIN_MS + 2_000
    assert pace.due_s(BEGIN_MS + 2_100) == float("inf")
    pace.set(is_held=False)
    assert abs(pace.due_s(BEGIN_MS + 3_000) - clock.mono_s() - 1) < 0.001


def test_another_rate_counts_from_the_picture_at_hand() -> None:
    pace, clock = made()
    clock.advance(3)
    pace.set(rate=2)
    clock.advance(1)
    assert pace.at_ms() == BEGIN_MS + 5_000


def test_a_jump_goes_on_at_once() -> None:
    pace, clock = made(2)
    pace.jump(BEGIN_MS + 90_000_000)
    assert pace.due_s(BEGIN_MS + 90_000_000) <= clock.mono_s()
    clock.advance(1)
    assert pace.at_ms() == BEGIN_MS + 90_002_000


async def test_pictures_that_were_waited_for_are_not_rushed_after() -> None:
    pace, clock = made()
    clock.advance(LATE_S + 5)
    await pace.until(BEGIN_MS + 100)
    assert pace.at_ms() == BEGIN_MS + 100


async def test_who_waits_hears_of_a_change() -> None:
    pace = PlaybackClock(SystemClock(), BEGIN_MS, 1.0, is_held=True)
    waiting = asyncio.create_task(pace.until(BEGIN_MS + 50))
    await asyncio.sleep(0)
    assert not waiting.done()
    pace.set(is_held=False)
    async with asyncio.timeout(30):
        await waiting

"""What a camera's reports tell of its clock, and of how old its pictures are when they come."""

import pytest

from tawny.protocols.rtp import SenderReport
from tawny.sources.rtsp.client.tracks import CameraClock

NOW_S = 1_795_000_000.0
RATE = 90_000


def told(
    clock: CameraClock, off_s: float, *at: float, on_its_way_s: float = 0.0, latency_s: float = 0.2, base: int = 0
) -> None:
    """Reports sent at these seconds by a camera whose clock is ahead by off_s, and a picture just before each."""
    for at_s in at:
        report = SenderReport(1, NOW_S + at_s + off_s, (base + round(at_s * RATE)) & 0xFFFFFFFF)
        taken_s = at_s - 0.5
        picture = (base + round(taken_s * RATE)) & 0xFFFFFFFF, NOW_S + taken_s + latency_s
        clock.report(report, NOW_S + at_s + on_its_way_s, picture)


@pytest.mark.parametrize("off_s", [0.0, 3600.0, -7.25])
def test_the_offset_is_what_it_is_ahead(off_s: float) -> None:
    clock = CameraClock(RATE)
    told(clock, off_s, 1, 6, 11)
    assert clock.offset_s == pytest.approx(off_s, abs=0.001)
    assert clock.latency_s == pytest.approx(0.2, abs=0.001)


def test_the_report_that_came_soonest_counts() -> None:
    clock = CameraClock(RATE)
    for at_s, way_s in ((1, 0.08), (6, 0.01), (11, 0.3)):
        told(clock, 5.0, at_s, on_its_way_s=way_s)
    assert clock.offset_s == pytest.approx(4.99, abs=0.001)


def test_the_age_of_pictures_is_told_when_it_is_credible() -> None:
    clock = CameraClock(RATE)
    told(clock, 0.0, 1, 6)
    assert clock.latency_s is None
    told(clock, 0.0, 11)
    assert clock.latency_s == pytest.approx(0.2, abs=0.001)
    told(clock, -30.0, 16)
    assert clock.latency_s is None, "it was set"


def test_ages_that_cannot_be_are_not_told() -> None:
    clock = CameraClock(RATE)
    told(clock, 0.0, 1, 6, 11, latency_s=55.0)
    assert clock.latency_s is None
    assert clock.offset_s is not None


def test_times_go_round() -> None:
    clock = CameraClock(RATE)
    told(clock, 1.0, 1, 6, 11, base=(1 << 32) - 6 * RATE)
    assert clock.latency_s == pytest.approx(0.2, abs=0.001)


def test_a_clock_that_was_set_is_followed() -> None:
    clock = CameraClock(RATE)
    told(clock, 0.0, 1, 6)
    told(clock, 3600.0, 11)
    assert clock.offset_s == pytest.approx(3600.0)


def test_the_first_report_of_a_clock_that_went_back_is_left_out() -> None:
    clock = CameraClock(RATE)
    told(clock, 3600.0, 1, 6)
    told(clock, 0.0, 11)
    assert clock.offset_s is None
    told(clock, 0.0, 16)
    assert clock.offset_s == pytest.approx(0.0)


def test_a_clock_that_was_never_set_says_nothing() -> None:
    clock = CameraClock(RATE)
    clock.report(SenderReport(1, None, 5), NOW_S, None)
    assert (clock.offset_s, clock.latency_s) == (None, None)


def test_another_stream_may_have_another_clock() -> None:
    clock = CameraClock(RATE)
    told(clock, 100.0, 1, 6, 11)
    clock.restart()
    told(clock, -100.0, 16)
    assert clock.offset_s == pytest.approx(-100.0)

import itertools
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.times import Span, utc_from_text
from tawny.playback.timeline import LocalTimeChange, day_of, days, offset_s, transitions

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
ZONES = sorted(available_timezones() & {"Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe",
                                        "Pacific/Apia", "Asia/Beirut", "America/Santiago", "UTC"})  # fmt: skip
INSTANTS = st.integers(0, 4_000_000_000_000)


def at(text: str) -> int:
    return utc_from_text(text)


def test_the_clocks_go_forward_in_spring() -> None:
    span = Span(at("2026-03-28T00:00:00Z"), at("2026-03-30T00:00:00Z"))
    assert transitions(BERLIN, span) == [LocalTimeChange(at("2026-03-29T01:00:00Z"), 3600, 7200)]


def test_the_clocks_go_back_in_autumn() -> None:
    span = Span(at("2026-10-24T00:00:00Z"), at("2026-10-26T00:00:00Z"))
    assert transitions(BERLIN, span) == [LocalTimeChange(at("2026-10-25T01:00:00Z"), 7200, 3600)]


def test_a_year_has_two_changes() -> None:
    span = Span(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
    assert [change.after_s for change in transitions(BERLIN, span)] == [7200, 3600]


@pytest.mark.parametrize(
    ("noon", "hours"), [("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25), ("2026-10-26T12:00:00Z", 24)]
)
def test_days_have_as_many_hours_as_they_have(noon: str, hours: int) -> None:
    assert day_of(BERLIN, at(noon)).seconds == hours * 3600


def test_days_begin_at_local_midnight() -> None:
    span = Span(at("2026-03-28T10:00:00Z"), at("2026-03-30T10:00:00Z"))
    begins = [day.begin_ms for day in days(BERLIN, span)]
    assert begins == [at("2026-03-27T23:00:00Z"), at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z")]


def test_a_day_that_was_left_out_does_no_harm() -> None:
    span = Span(at("2011-12-29T00:00:00Z"), at("2012-01-02T00:00:00Z"))
    found = days(ZoneInfo("Pacific/Apia"), span)
    assert all(day.seconds > 0 for day in found)


@given(st.sampled_from(ZONES), INSTANTS, st.integers(1, 40 * 24 * HOUR_MS))
def test_days_cover_the_span_without_holes(zone: str, begin_ms: int, length_ms: int) -> None:
    span = Span(begin_ms, begin_ms + length_ms)
    found = days(ZoneInfo(zone), span)
    assert found[0].begin_ms <= span.begin_ms
    assert found[-1].end_ms >= span.end_ms
    assert all(a.end_ms == b.begin_ms for a, b in itertools.pairwise(found))


@given(st.sampled_from(ZONES), INSTANTS, st.integers(1, 400 * 24 * HOUR_MS))
def test_offset_and_changes_tell_the_offset_everywhere(zone: str, begin_ms: int, length_ms: int) -> None:
    place, end_ms = ZoneInfo(zone), begin_ms + length_ms
    offset = offset_s(place, begin_ms)
    for change in transitions(place, Span(begin_ms, end_ms)):
        assert change.before_s == offset
        assert offset_s(place, change.at_ms - 1000) == change.before_s
        assert offset_s(place, change.at_ms) == change.after_s
        offset = change.after_s
    assert offset == offset_s(place, end_ms)

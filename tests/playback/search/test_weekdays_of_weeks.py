"""Weekdays of a week, month or year: with hours in limits, and several together."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.playback.search.phrases import normalise_phrases
from tawny.playback.search.time_parser import parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = round(datetime(2026, 11, 18, 15, 30, tzinfo=BERLIN).timestamp() * 1000)
"""A Wednesday."""


def times(text: str) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Return the spans, and the phrases that were ignored."""
    when, _ = parse_time(normalise_phrases(text), BERLIN, NOW_MS)

    def shown(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, BERLIN):%m-%d %H:%M}"

    return [(shown(one.begin_ms), shown(one.end_ms)) for one in when.spans(BERLIN, NOW_MS)], when.ignored


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("after monday 8:00 this week", "11-16 08:00", "11-18 15:30"),
        ("after friday at 22:00 last week", "11-13 22:00", "11-16 00:00"),
        ("until friday 17:00 last week", "11-09 00:00", "11-13 17:00"),
        ("until wednesday 10:00 this week", "11-16 00:00", "11-18 10:00"),
        ("before monday 8:00 this week", "11-16 00:00", "11-16 08:00"),
        ("after monday 8:00 in 2026", "11-16 08:00", "11-18 15:30"),
        ("after monday 8:00 in november", "11-16 08:00", "11-18 15:30"),
        ("monday 8:00 to friday 17:00 last week", "11-09 08:00", "11-13 17:00"),
        ("monday 22:00 until tuesday 6:00 this week", "11-16 22:00", "11-17 06:00"),
        ("between monday 22:00 and tuesday 6:00 this week", "11-16 22:00", "11-17 06:00"),
        ("since monday 8:00 this week", "11-16 08:00", "11-18 15:30"),
    ],
)
def test_an_hour_stays_with_its_limit(text: str, begin: str, end: str) -> None:
    assert times(text)[0] == [(begin, end)]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("monday two weeks ago and tuesday last week", ["11-02", "11-10"]),
        ("monday last week tuesday last week friday last week", ["11-09", "11-10", "11-13"]),
        ("monday to wednesday last week and friday last week", ["11-09", "11-10", "11-11", "11-13"]),
    ],
)
def test_weekdays_of_several_weeks_are_read(text: str, days: list[str]) -> None:
    when, _ = parse_time(normalise_phrases(text), BERLIN, NOW_MS)
    assert ([f"{day:%m-%d}" for day in sorted(when.days)], when.ignored) == (days, ())


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("since monday last week", "11-09 00:00", "11-18 15:30"),
        ("since monday evening last week", "11-09 18:00", "11-18 15:30"),
        ("after friday last week", "11-14 00:00", "11-18 15:30"),
        ("before monday last week", "01-01 01:00", "11-09 00:00"),
        ("before monday of the last week", "01-01 01:00", "11-09 00:00"),
        ("before monday 2 weeks ago", "01-01 01:00", "11-02 00:00"),
        ("until monday the week before last", "01-01 01:00", "11-03 00:00"),
        ("until monday morning last week", "01-01 01:00", "11-09 12:00"),
        ("from monday last week to tuesday this week", "11-09 00:00", "11-18 00:00"),
        ("monday last week until tuesday this week", "11-09 00:00", "11-18 00:00"),
        ("between monday last week and tuesday this week", "11-09 00:00", "11-18 00:00"),
        ("monday last week to yesterday", "11-09 00:00", "11-18 00:00"),
        ("monday until tuesday last week", "11-09 00:00", "11-11 00:00"),
        ("monday of the last week", "11-09 00:00", "11-10 00:00"),
        ("monday in the last week", "11-09 00:00", "11-10 00:00"),
    ],
)
def test_a_weekday_of_a_week_may_be_a_limit(text: str, begin: str, end: str) -> None:
    assert times(text) == ([(begin, end)], ())


def test_a_weekday_of_this_week_that_is_still_ahead_is_the_last_one() -> None:
    assert times("since saturday this week") == ([("11-14 00:00", "11-18 15:30")], ("this week",))


def test_nothing_is_after_a_weekday_of_this_week_that_is_still_ahead() -> None:
    assert times("after friday this week")[0] == []


@pytest.mark.parametrize(
    ("text", "begin", "end", "ignored"),
    [
        (
            "monday morning last week and monday evening this week", "11-09 05:00", "11-09 12:00",
            "monday evening this week",
        ),
        ("monday last week and tuesday evening this week", "11-09 00:00", "11-10 00:00", "tuesday evening this week"),
        ("monday evening last week and tuesday this week", "11-09 18:00", "11-10 00:00", "tuesday this week"),
    ],
)  # fmt: skip
def test_another_part_of_the_day_in_another_week_is_ignored(text: str, begin: str, end: str, ignored: str) -> None:
    assert times(text) == ([(begin, end)], (ignored,))


@pytest.mark.parametrize(
    "text",
    [
        "monday evening to wednesday last week", "monday and wednesday to friday last week",
        "monday to wednesday and friday last week", "last week monday and wednesday to friday",
        "between monday and wednesday evening last week",
    ],
)  # fmt: skip
def test_lists_and_ranges_together_are_ignored(text: str) -> None:
    assert times(text) == ([("11-12 00:00", "11-18 15:30")], (text,))


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("monday to friday in the evening last week", ("18:00", "00:00")),
        ("from monday to friday at night of the last week", ("20:00", "06:00")),
        ("between monday and friday after 18:00 last week", ("18:00", "00:00")),
        ("monday until friday at 8 1 week ago", ("07:30", "08:30")),
        ("monday-friday between 8 and 10 last week", ("08:00", "10:00")),
        ("monday-friday evening last week", ("18:00", "00:00")),
        ("monday-friday mornings of the last week", ("05:00", "12:00")),
    ],
)
def test_hours_between_days_and_their_week_are_of_all_these_days(text: str, hours: tuple[str, str]) -> None:
    spans, ignored = times(text)
    assert ([begin for begin, _ in spans], ignored) == ([f"11-{day:02} {hours[0]}" for day in range(9, 14)], ())
    assert {end.split()[1] for _, end in spans} == {hours[1]}

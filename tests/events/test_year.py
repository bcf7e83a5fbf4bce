"""Modes through a whole year, with both changes of the clocks, against a table made in another way.

The table knows nothing of spans: it walks the year in quarters of an hour of real time, asks the zone database for the
clock on the wall, and says for each step which times hold. The sun of the table is reckoned by the formulas of NOAA's
solar calculator, not by the library that tawny uses.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from astral import Observer
from astral.sun import elevation
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.modes import ModesSettings
from tawny.config.week import stretch
from tawny.events.modes import ModeState, ModeStore
from tawny.events.rule_engine import Calendar, Schedule
from tawny.model.times import utc_from_text
from tawny.testing.clock import FakeClock

BERLIN, PLACE = ZoneInfo("Europe/Berlin"), (52.52, 13.40)
ARM: dict[str, Any] = {
    "schedule": {
        "night": ["22:00-02:00", "sun 02:30-09:00"],
        "away": ["mon-fri 08:00-17:00", "sat 23:30-00:30"],
    },
    "exceptions": {"2026-12-24 to 2026-12-26": "away", "2026-05-01": "sun"},
    "location": PLACE,
}
STEP_S = 900
CHANGES = {date(2026, 3, 29): 23, date(2026, 10, 25): 25}
"""Days of 23 and of 25 hours."""


def table_mode(at: datetime) -> str:
    """By the words of the settings above, minute by minute of the clock on the wall."""
    wall = at.astimezone(BERLIN)
    day, minute = wall.date(), wall.hour * 60 + wall.minute
    if date(2026, 12, 24) <= day <= date(2026, 12, 26):
        return "away"

    def weekday(of: date) -> int:
        return 6 if of == date(2026, 5, 1) else of.weekday()

    def begun(time: int) -> bool:
        """Whether this time of today has come: for good, also where the hour from 2 to 3 comes twice."""
        return (max(minute, 179) if wall.fold else minute) >= time

    yesterday = weekday(day - timedelta(days=1))
    night = (begun(22 * 60) and minute >= 22 * 60) or not begun(2 * 60)
    night = night or (weekday(day) == 6 and begun(150) and not begun(9 * 60))
    if night:
        return "night"
    away = weekday(day) < 5 and begun(8 * 60) and not begun(17 * 60)
    away = away or (weekday(day) == 5 and minute >= 23 * 60 + 30) or (yesterday == 5 and not begun(30))
    return "away" if away else "home"


def test_a_year_matches_a_table() -> None:
    """By asking, and by going through it: the changes that are told are those of the table, each once."""
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    arm = ModesSettings.model_validate(ARM)
    schedule = Schedule(Calendar(BERLIN, PLACE), arm.names, arm.schedule, arm.exceptions)
    expected: list[tuple[int, str]] = []
    at = begin
    while at < end:
        at_ms, mode = round(at.timestamp() * 1000), table_mode(at)
        assert schedule.mode(at_ms) == mode, at
        if not expected or expected[-1][1] != mode:
            expected.append((at_ms, mode))
        at += timedelta(seconds=STEP_S)
    found: list[tuple[int, str]] = expected[:1]
    at_ms = expected[0][0]
    while (change := schedule.next_change(at_ms)) is not None and change.at_ms < expected[-1][0]:
        found.append((change.at_ms, change.mode))
        at_ms = change.at_ms
    assert found == expected[:-1]
    assert len(expected) > 1100


def test_a_year_with_people_and_hands_matches_a_table() -> None:
    """Anna leaves at 8 and is back at 20 on Tuesdays; on the first of a month night is set by hand at noon."""
    arm = ModesSettings.model_validate(ARM | {"presence": {"people": {"anna": {}}, "away_after": "5 h"}})
    clock = FakeClock("2026-01-01T00:00:00Z")
    modes = ModeState(arm, BERLIN, ModeStore(":memory:"), clock, lambda _: None)
    calendar, seen_ms, hand = Calendar(BERLIN, PLACE), 0, ""
    plain = Schedule(calendar, arm.names, arm.schedule, arm.exceptions)
    hand_base = ""
    for _ in range(370 * 6):  # every four hours
        wall = calendar.local(clock.now_ms())
        is_here = not (wall.weekday() == 1 and 8 <= wall.hour < 20)
        if is_here:
            modes.seen("anna", "ping")
            seen_ms = clock.now_ms()
        is_home = clock.now_ms() < seen_ms + 300 * 60_000
        mode = plain.mode(clock.now_ms())
        mode = "away" if not is_home else "home" if mode == "away" else mode
        if hand and mode != hand_base:
            hand = ""
        if wall.day == 1 and wall.hour in (12, 13):  # the clock on the wall moves by an hour in summer
            modes.set_mode("night", "Anna")
            hand, hand_base = "night", mode
        now = modes.now()
        assert (now.mode, now.is_by_hand) == (hand or mode, bool(hand)), wall
        clock.advance(4 * 3600)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 29), []),  # at 02:00, which is left out, the night ends and goes on
        (date(2026, 10, 25), [("02:00", "home"), ("02:30", "night")]),
    ],
)
def test_on_the_days_when_clocks_change_every_change_comes_once(day: date, expected: list[tuple[str, str]]) -> None:
    arm = ModesSettings.model_validate(ARM)
    calendar = Calendar(BERLIN, PLACE)
    schedule = Schedule(calendar, arm.names, arm.schedule, arm.exceptions)
    begin_ms, end_ms = calendar.at_ms(day, 0), calendar.at_ms(day + timedelta(days=1), 0)
    assert end_ms - begin_ms == CHANGES[day] * 3_600_000
    found, at_ms = [], begin_ms - 1
    while (change := schedule.next_change(at_ms)) is not None and change.at_ms < end_ms:
        found.append((f"{calendar.local(change.at_ms):%H:%M}", change.mode))
        at_ms = change.at_ms
    assert found == [*expected, ("09:00", "home"), ("22:00", "night")]


@pytest.mark.parametrize(
    ("day", "minute", "utc"),
    [
        (date(2026, 3, 29), 150, "2026-03-29T01:00:00Z"),  # 02:30 is left out: when the hour would begin
        (date(2026, 3, 29), 180, "2026-03-29T01:00:00Z"),
        (date(2026, 10, 25), 150, "2026-10-25T00:30:00Z"),  # 02:30 comes twice: the first
        (date(2026, 10, 25), 180, "2026-10-25T02:00:00Z"),
        (date(2026, 6, 1), 24 * 60, "2026-06-01T22:00:00Z"),
    ],
)
def test_a_time_begins_when_the_clock_first_shows_it_or_more(day: date, minute: int, utc: str) -> None:
    assert Calendar(BERLIN).at_ms(day, minute) == utc_from_text(utc)


zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo", "UTC"]
)
days_of_years = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@given(zones, days_of_years, st.integers(0, 1440))
def test_whatever_the_zone_it_is_the_first_such_instant(zone: str, day: date, minute: int) -> None:
    calendar = Calendar(ZoneInfo(zone))
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    at_ms = calendar.at_ms(day, minute)
    assert calendar.local(at_ms) >= wall
    assert calendar.local(at_ms - 1000) < wall
    assert calendar.local(at_ms - 3_600_000) < wall, "it is the first of two"


@given(
    zones,
    days_of_years,
    st.lists(
        st.tuples(st.sampled_from(["home", "away", "night"]), st.integers(0, 1439), st.integers(0, 1440),
                  st.frozensets(st.integers(0, 6), min_size=1)),
        max_size=4,
    ),
    st.integers(0, 7 * 86_400),
)  # fmt: skip
def test_the_next_change_is_the_next_and_nothing_changes_before(
    zone: str, day: date, times: list[tuple[str, int, int, frozenset[int]]], after_s: int
) -> None:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    week: dict[str, Any] = {}
    for mode, begin, end, days in times:
        begun, ended = (f"{of // 60:02d}:{of % 60:02d}" for of in (begin, end))
        text = f"{' '.join(names[one] for one in sorted(days))} {begun}-{ended}"
        week.setdefault(mode, []).append(stretch(text))
    calendar = Calendar(ZoneInfo(zone))
    schedule = Schedule(calendar, ("home", "away", "night"), week, {})
    at_ms = calendar.at_ms(day, 0) + after_s * 1000
    change = schedule.next_change(at_ms)
    now = schedule.mode(at_ms)
    end_ms = at_ms + 8 * 86_400_000 if change is None else change.at_ms
    for part in range(12):
        assert schedule.mode(at_ms + (end_ms - 1000 - at_ms) * part // 12) == now
    if change is not None:
        assert schedule.mode(change.at_ms) == change.mode != now


def noaa_minutes(day: date, latitude: float, longitude: float) -> tuple[float, float] | None:
    """Sunrise and sunset as minutes of the day in UTC, by NOAA's general solar position calculations; None without."""
    turn = 2 * math.pi / 365 * (day.timetuple().tm_yday - 1 + 0.0)
    equation = 229.18 * (
        0.000075 + 0.001868 * math.cos(turn) - 0.032077 * math.sin(turn)
        - 0.014615 * math.cos(2 * turn) - 0.040849 * math.sin(2 * turn)
    )  # fmt: skip
    declination = (
        0.006918 - 0.399912 * math.cos(turn) + 0.070257 * math.sin(turn) - 0.006758 * math.cos(2 * turn)
        + 0.000907 * math.sin(2 * turn) - 0.002697 * math.cos(3 * turn) + 0.00148 * math.sin(3 * turn)
    )  # fmt: skip
    phi = math.radians(latitude)
    cosine = math.cos(math.radians(90.833)) / (math.cos(phi) * math.cos(declination)) - math.tan(phi) * math.tan(
        declination
    )
    if not -1 < cosine < 1:
        return None
    angle = math.degrees(math.acos(cosine))
    return 720 - 4 * (longitude + angle) - equation, 720 - 4 * (longitude - angle) - equation


@pytest.mark.parametrize(
    ("zone", "place"),
    [("Europe/Berlin", PLACE), ("America/New_York", (40.71, -74.0)), ("Australia/Sydney", (-33.87, 151.21)),
     ("Pacific/Auckland", (-36.85, 174.76)), ("Pacific/Honolulu", (21.31, -157.86))],
)  # fmt: skip
def test_the_sun_of_a_year_is_that_of_an_almanac(zone: str, place: tuple[float, float]) -> None:
    """To four minutes, which is what those formulas are good for; and always on its own local day."""
    calendar = Calendar(ZoneInfo(zone), place)
    for number in range(365):
        day = date(2026, 1, 1) + timedelta(days=number)
        span = calendar.span(stretch("sunrise-sunset"), day)
        assert span is not None
        assert calendar.day(span.begin_ms) == calendar.day(span.end_ms) == day
        known = noaa_minutes(day, *place)
        assert known is not None
        for at_ms, minute in zip((span.begin_ms, span.end_ms), known, strict=True):
            of_day = at_ms / 60_000 % 1440
            assert abs((of_day - minute + 720) % 1440 - 720) < 4, (day, of_day, minute)


@pytest.mark.parametrize(
    ("day", "light"),
    [(date(2026, 6, 21), 24 * 60), (date(2026, 12, 21), 0)],
    ids=["the sun does not set", "the sun does not rise"],
)
def test_beyond_the_polar_circle_day_or_night_goes_on(day: date, light: int) -> None:
    calendar = Calendar(ZoneInfo("Arctic/Longyearbyen"), (78.22, 15.65))
    daylight = calendar.span(stretch("sunrise-sunset"), day)
    night = calendar.span(stretch("sunset-sunrise"), day)
    assert (0 if daylight is None else daylight.seconds / 60) == light
    assert (0 if night is None else night.seconds / 60) == 24 * 60 - light


@pytest.mark.parametrize(
    ("zone", "place"),
    [
        ("Atlantic/Reykjavik", (64.13, -21.9)),  # in June, the sun sets past midnight
        ("America/Nome", (64.5, -165.4)),
        ("Europe/Oslo", (69.65, 18.96)),  # a polar day and a polar night
        ("Pacific/Kiritimati", (1.9, -157.4)),  # a day ahead of its longitude
    ],
)
def test_night_is_when_the_sun_is_down(zone: str, place: tuple[float, float]) -> None:
    calendar, night = Calendar(ZoneInfo(zone), place), stretch("sunset-sunrise")
    for hour in range(0, 365 * 24, 2):
        at_ms = 1_767_225_600_000 + hour * 3_600_000
        above = elevation(Observer(*place), datetime.fromtimestamp(at_ms / 1000, UTC), with_refraction=False) + 0.833
        if abs(above) > 0.1:
            assert calendar.is_within([night], at_ms) == (above < 0), calendar.local(at_ms)


@pytest.mark.parametrize(
    ("text", "day", "length_h"),
    [
        ("22:00-06:00", date(2026, 3, 28), 7),  # the short night
        ("22:00-06:00", date(2026, 10, 24), 9),
        ("08:00-08:00", date(2026, 6, 1), 24),
        ("06:00-sunrise", date(2026, 6, 21), 0),  # the sun is up already
        ("sunset-18:00", date(2026, 6, 21), 0),
    ],
)
def test_how_long_a_time_is(text: str, day: date, length_h: float) -> None:
    span = Calendar(BERLIN, PLACE).span(stretch(text), day)
    assert (0 if span is None else span.seconds / 3600) == length_h

"""Times of the week, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.week import TimeOfDay, WeekSpan, stretch

moments = st.one_of(
    st.integers(0, 1440).map(TimeOfDay),
    st.builds(TimeOfDay, st.integers(-720, 720), st.sampled_from(["sunrise", "sunset"])),
)
days = st.frozensets(st.integers(0, 6), min_size=1)


@pytest.mark.parametrize(
    ("text", "days", "rest"),
    [
        ("22:00-06:00", "", "22:00-06:00"),
        ("mon-fri 08:00 - 17:00", "mon-fri ", "08:00-17:00"),
        ("fri-mon 08:00-17:00", "mon fri sat sun ", "08:00-17:00"),
        ("Sat, Sun sunset+20m-sunrise", "sat sun ", "sunset+20m-sunrise"),
        ("sunset - 1 h-23:00", "", "sunset-60m-23:00"),
        ("sunrise-sunset", "", "sunrise-sunset"),
        ("wed 00:00-24:00", "wed ", "00:00-24:00"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, days: str, rest: str) -> None:
    assert str(stretch(text)) == days + rest


@pytest.mark.parametrize(
    "text",
    ["", "22-06", "25:00-26:00", "mon", "xyz 08:00-09:00", "mon-xyz 08:00-09:00", "24:30-06:00", "sunset-13h-sunrise",
     "sunset-sunset", "sunset+2h-sunset", "08:00", "mon 08:00-"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"times, for example|days, for example|hours|later|from 00:00 to 24:00"):
        stretch(text)


@given(moments, moments, days)
def test_what_is_written_is_read_again(begin: TimeOfDay, end: TimeOfDay, days: frozenset[int]) -> None:
    one = WeekSpan(begin, end, days)
    try:
        assert stretch(str(one)) == one
    except ValueError as error:
        assert begin.sun == end.sun != "" and begin.minute >= end.minute, error


@pytest.mark.parametrize(
    ("text", "is_next"),
    [
        ("22:00-06:00", True), ("06:00-22:00", False), ("sunset-sunrise", True), ("22:00-sunrise", True),
        ("06:00-sunrise", False), ("sunrise-01:00", True), ("sunrise-00:00", True), ("sunrise+1h-03:00", True),
        ("sunrise-06:00", False), ("sunrise-6h-01:00", False), ("sunrise-30m-01:00", True), ("sunrise+1h-04:00", True),
        ("sunset+2h-14:00", True), ("sunset-00:00", True), ("sunset-12:00", True),
        ("sunset-23:00", False), ("sunset-5h-12:00", False),
    ],
)  # fmt: skip
def test_a_time_that_would_never_end_after_its_begin_ends_on_the_next_day(text: str, is_next: bool) -> None:
    assert stretch(text).ends_next_day == is_next

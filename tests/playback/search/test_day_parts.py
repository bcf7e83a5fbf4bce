"""Clock times in parts of days: `last night at 2:15`, `yesterday evening between 8 and 10`."""

import pytest

from tests.playback.search.test_when import AUTUMN, ms, spans


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("last night at 2:15", "11-20 01:45", "11-20 02:45"),
        ("last night 2:15", "11-20 01:45", "11-20 02:45"),
        ("last night at 2 am", "11-20 01:30", "11-20 02:30"),
        ("last night at 11", "11-19 22:30", "11-19 23:30"),
        ("last night at 11 pm", "11-19 22:30", "11-19 23:30"),
        ("last night at 12", "11-19 23:30", "11-20 00:30"),
        ("last night at midnight", "11-19 23:30", "11-20 00:30"),
        ("last night at 7", "11-19 18:30", "11-19 19:30"),
        ("last night at 7 am", "11-20 06:30", "11-20 07:30"),
        ("monday night at 2:30", "11-17 02:00", "11-17 03:00"),
        ("the night before last at 2:30", "11-19 02:00", "11-19 03:00"),
        ("this morning at 6", "11-20 05:30", "11-20 06:30"),
        ("this morning at 1", "11-20 00:30", "11-20 01:30"),
        ("yesterday afternoon at 3:30", "11-19 15:00", "11-19 16:00"),
        ("yesterday evening at 8", "11-19 19:30", "11-19 20:30"),
        ("yesterday evening at 20:00", "11-19 19:30", "11-19 20:30"),
        ("yesterday evening at 12", "11-19 23:30", "11-20 00:30"),
        ("monday evening last week at 9", "11-09 20:30", "11-09 21:30"),
        ("yesterday at 8", "11-19 07:30", "11-19 08:30"),
    ],
)
def test_a_time_is_the_one_in_its_part_of_the_day(text: str, begin: str, end: str) -> None:
    assert spans(text) == [(begin, end)]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("last night between 2:00 and 3:00", "11-20 02:00", "11-20 03:00"),
        ("last night between 10 and 2", "11-19 22:00", "11-20 02:00"),
        ("last night between 10 and 2 am", "11-19 22:00", "11-20 02:00"),
        ("last night from 11 to 5", "11-19 23:00", "11-20 05:00"),
        ("last night from 20:00 to 9:00", "11-19 20:00", "11-20 09:00"),
        ("last night from 0:00 to 5:00", "11-20 00:00", "11-20 05:00"),
        ("monday night between 11 and 1", "11-16 23:00", "11-17 01:00"),
        ("this morning between 11 and 1", "11-20 11:00", "11-20 13:00"),
        ("yesterday afternoon from 2 to 4", "11-19 14:00", "11-19 16:00"),
        ("yesterday afternoon between 11 and 2", "11-19 11:00", "11-19 14:00"),
        ("yesterday evening between 8 and 10", "11-19 20:00", "11-19 22:00"),
        ("yesterday evening between 10 and 12", "11-19 22:00", "11-20 00:00"),
        ("yesterday between 8 and 10", "11-19 08:00", "11-19 10:00"),
        ("yesterday between 23 and 1 am", "11-19 23:00", "11-20 01:00"),
    ],
)
def test_both_ends_are_in_the_part_of_the_day(text: str, begin: str, end: str) -> None:
    assert spans(text) == [(begin, end)]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("last night after 11", "11-19 23:00", "11-20 06:00"),
        ("last night after 6", "11-19 18:00", "11-20 06:00"),
        ("last night before 11", "11-19 20:00", "11-19 23:00"),
        ("last night until 2:30", "11-19 20:00", "11-20 02:30"),
        ("last night before 7", "11-19 20:00", "11-20 07:00"),
        ("last night after 2:00 and before 4:00", "11-20 02:00", "11-20 04:00"),
        ("this morning before 4", "11-20 00:00", "11-20 04:00"),
        ("yesterday evening after 8", "11-19 20:00", "11-20 00:00"),
        ("yesterday evening after 8 and before 10", "11-19 20:00", "11-19 22:00"),
        ("yesterday after 22:00 and before 6:00", "11-19 22:00", "11-20 06:00"),
    ],
)
def test_a_limit_is_in_the_part_of_the_day(text: str, begin: str, end: str) -> None:
    assert spans(text) == [(begin, end)]


@pytest.mark.parametrize("text", ["last night at 2:30", "saturday night at 2:30", "last night between 2:00 and 3:00"])
def test_the_hour_that_came_twice_is_in_the_night(text: str) -> None:
    assert spans(text, ms(AUTUMN)) == [("10-25 02:00", "10-25 03:00")]

"""Clock times in parts of days: `last night at 2:15`, `yesterday evening between 8 and 10`."""

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.playback.search.query_parser import SearchVocabulary, parse_query
from tawny.service.languages import Languages
from tests.playback.search.test_when import AUTUMN, BERLIN, NOW, ms, spans


def asked(text: str) -> tuple[str, str]:
    """Return begin and end of the newest span of a query that is understood in full."""
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    assert query.unknown == ()
    begin, end = (
        f"{datetime.fromtimestamp(at_ms / 1000, BERLIN):%m-%d %H:%M}"
        for at_ms in (query.spans[-1].begin_ms, query.spans[-1].end_ms)
    )
    return begin, end


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
        ("yesterday 07:00 to 09:00 pm", "11-19 19:00", "11-19 21:00"),
        ("yesterday between 01:00 and 04:30 pm", "11-19 13:00", "11-19 16:30"),
        ("yesterday between 00:30 and 02:00 pm", "11-19 00:30", "11-19 14:00"),
        ("yesterday evening 07:00 to 09:00 pm", "11-19 19:00", "11-19 21:00"),
    ],
)
def test_both_ends_are_in_the_part_of_the_day(text: str, begin: str, end: str) -> None:
    assert spans(text) == [(begin, end)]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("last night after 11", "11-19 23:00", "11-20 06:00"),
        ("last night after 6", "11-19 18:00", "11-20 06:00"),
        ("last night before 11", "11-19 20:00", "11-20 11:00"),
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


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("at night at 2:00", "11-20 01:30", "11-20 02:30"),
        ("monday at night at 2:00", "11-17 01:30", "11-17 02:30"),
        ("monday at night between 11 and 1", "11-16 23:00", "11-17 01:00"),
        ("in the morning at 6:00", "11-20 05:30", "11-20 06:30"),
        ("monday in the morning between 11 and 1", "11-16 11:00", "11-16 13:00"),
        ("in the evening between 8 and 10", "11-19 20:00", "11-19 22:00"),
        ("monday in the evening after 9", "11-16 21:00", "11-17 00:00"),
        ("monday noon at 12:30", "11-16 12:00", "11-16 13:00"),
        ("monday noon at 1", "11-16 12:30", "11-16 13:30"),
        ("nachts um 2 Uhr", "11-20 01:30", "11-20 02:30"),
        ("Montag nachts um 2 Uhr", "11-17 01:30", "11-17 02:30"),
        ("Montag um 2 Uhr nachts", "11-16 01:30", "11-16 02:30"),
        ("Montag nachts zwischen 22 und 6 Uhr", "11-16 22:00", "11-17 06:00"),
        ("am Wochenende nachts", "11-15 20:00", "11-16 06:00"),
        ("morgens um 6 Uhr", "11-20 05:30", "11-20 06:30"),
        ("gestern vormittags ab 9", "11-19 09:00", "11-19 12:00"),
        ("gestern nachmittags um 4", "11-19 15:30", "11-19 16:30"),
        ("früh um 6 Uhr", "11-20 05:30", "11-20 06:30"),
        ("Mittag um 12:30", "11-20 12:00", "11-20 13:00"),
        ("gestern mittags um 1 Uhr", "11-19 12:30", "11-19 13:30"),
        ("gestern Mittag", "11-19 11:30", "11-19 12:30"),
        ("gestern Abend um 8 Uhr", "11-19 19:30", "11-19 20:30"),
        ("heute Nacht um 2:15", "11-20 01:45", "11-20 02:45"),
    ],
)
def test_a_part_of_the_day_before_a_time_does_not_replace_it(text: str, begin: str, end: str) -> None:
    assert asked(text) == (begin, end)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("last night at 2", [("11-19 01:30", "11-19 02:30")]),
        ("yesterday night after 2", [("11-19 02:00", "11-19 06:00")]),
        ("yesterday at night at 3", [("11-19 02:30", "11-19 03:30")]),
        ("last night between 23:00 and 3:00", [("11-19 23:00", "11-20 00:30")]),
        ("last night", [("11-19 20:00", "11-20 00:30")]),
    ],
)
def test_soon_after_midnight_an_hour_of_last_night_is_over(text: str, found: list[tuple[str, str]]) -> None:
    assert spans(text, ms("2026-11-20 00:30")) == found


def test_every_day_is_no_part_of_it() -> None:
    assert spans("every day at 2:00")[-1] == ("11-20 01:30", "11-20 02:30")


def test_noon_is_said_in_german() -> None:
    assert Languages(None).catalogue("de").translate("monday noon, at 12:30") == "Montag Mittag, um 12:30"


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("in der Nacht auf Sonntag", "11-14 20:00", "11-15 06:00"),
        ("in der Nacht zum Sonntag", "11-14 20:00", "11-15 06:00"),
        ("Nacht von Samstag auf Sonntag", "11-14 20:00", "11-15 06:00"),
        ("Samstag Nacht auf Sonntag", "11-14 20:00", "11-15 06:00"),
        ("in der Nacht vom 14. auf den 15. November", "11-14 20:00", "11-15 06:00"),
        ("in der Nacht vom 14.11. zum 15.11.", "11-14 20:00", "11-15 06:00"),
        ("in der Nacht auf gestern um 2 Uhr", "11-19 01:30", "11-19 02:30"),
        ("in der Nacht auf Freitag", "11-19 20:00", "11-20 06:00"),
        ("in the night to sunday", "11-14 20:00", "11-15 06:00"),
        ("the night before sunday", "11-14 20:00", "11-15 06:00"),
        ("the night from saturday to sunday between 2 and 3", "11-15 02:00", "11-15 03:00"),
        ("saturday night to sunday", "11-14 20:00", "11-15 06:00"),
        ("the night of 14 to 15 november", "11-14 20:00", "11-15 06:00"),
        ("last night to today", "11-19 20:00", "11-20 06:00"),
    ],
)
def test_the_night_to_a_day_begins_the_day_before(text: str, begin: str, end: str) -> None:
    assert asked(text) == (begin, end)
    assert len(parse_query(text, SearchVocabulary({}), BERLIN, NOW).spans) == 1


@pytest.mark.parametrize(("now", "begin"), [("2026-11-20 19:00", "11-13 20:00"), ("2026-11-20 21:00", "11-20 20:00")])
def test_the_night_to_a_weekday_is_the_latest_that_has_begun(now: str, begin: str) -> None:
    assert [one for one, _ in spans("the night to saturday", ms(now))] == [begin]


@pytest.mark.parametrize("text", ["friday night to monday", "at night to the gate"])
def test_other_words_after_a_night_name_no_day_after_it(text: str) -> None:
    assert "night to" not in parse_query(text, SearchVocabulary({}), BERLIN, NOW).time_words


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("in the night to sunday", "in der Nacht auf Sonntag"),
        ("in the night to 15. november", "in der Nacht auf 15. November"),
        ("in the night to the 21st", "in der Nacht auf den 21."),
    ],
)
def test_the_night_to_a_day_is_said_in_german(english: str, german: str) -> None:
    assert Languages(None).catalogue("de").translate(english) == german


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("last night until noon", "11-19 20:00", "11-20 12:00"),
        ("letzte Nacht bis Mittag", "11-19 20:00", "11-20 12:00"),
        ("last night until 9:00", "11-19 20:00", "11-20 09:00"),
        ("last night until 9", "11-19 20:00", "11-20 09:00"),
        ("heute Nacht bis 9 Uhr", "11-19 20:00", "11-20 09:00"),
        ("heute Nacht bis 08:30 Uhr", "11-19 20:00", "11-20 08:30"),
        ("last night at 08:00", "11-20 07:30", "11-20 08:30"),
        ("heute Nacht zwischen 7 und 8 Uhr", "11-20 07:00", "11-20 08:00"),
        ("yesterday morning until 1", "11-19 00:00", "11-19 01:00"),
        ("yesterday evening until noon", "11-19 18:00", "11-20 12:00"),
    ],
)
def test_an_end_in_a_night_may_be_the_next_morning(text: str, begin: str, end: str) -> None:
    assert asked(text) == (begin, end)


@pytest.mark.parametrize(
    "text",
    ["yesterday noon and at 8 pm", "yesterday at 8 pm and at noon", "yesterday noon, 9 pm", "yesterday at 12 pm"],
)
def test_a_clock_time_is_no_part_of_the_day_for_another(text: str) -> None:
    assert asked(text) == ("11-19 11:30", "11-19 12:30")


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("yesterday evening after 1:00", "11-20 01:00", "11-20 06:00"),
        ("yesterday evening after 5", "11-19 17:00", "11-20 00:00"),
        ("last night from 6 to 6", "11-19 18:00", "11-20 06:00"),
        ("yesterday at night at 2", "11-20 01:30", "11-20 02:30"),
        ("yesterday at night after 2", "11-20 02:00", "11-20 06:00"),
        ("monday at night before 5", "11-16 20:00", "11-17 05:00"),
        ("on 18 november at night at 2", "11-19 01:30", "11-19 02:30"),
        ("3 days ago at night at 2", "11-18 01:30", "11-18 02:30"),
        ("weekend at night at 2", "11-16 01:30", "11-16 02:30"),
        ("today at night at 2", "11-20 01:30", "11-20 02:30"),
        ("every night at 2", "11-20 01:30", "11-20 02:30"),
        ("Abend ab 8", "11-19 20:00", "11-20 00:00"),
        ("every night until 2", "11-19 20:00", "11-20 02:00"),
        ("abends um 9 am 18.", "11-18 20:30", "11-18 21:30"),
        ("montags nachts nach 2 und vor 5 Uhr", "11-17 02:00", "11-17 05:00"),
        ("noon from 5 november to 7 november", "11-07 11:30", "11-07 12:30"),
        ("in der Nacht auf Sonntag um 2", "11-15 01:30", "11-15 02:30"),
        ("Nacht vom 18. auf den 19. um 2", "11-19 01:30", "11-19 02:30"),
        ("Freitagnacht auf Samstag um 3 Uhr", "11-14 02:30", "11-14 03:30"),
    ],
)
def test_times_of_one_night_are_in_the_same_night(text: str, begin: str, end: str) -> None:
    assert asked(text) == (begin, end)


@pytest.mark.parametrize(
    ("text", "begin", "end", "unknown"),
    [
        ("last night after 6 am", "11-19 20:00", "11-20 06:00", "after 6 am"),
        ("last night after 7 am", "11-19 20:00", "11-20 06:00", "after 7 am"),
        ("abends vor 18", "11-19 18:00", "11-20 00:00", "before 18"),
        ("morgens nach 13", "11-20 05:00", "11-20 12:00", "after 13"),
        ("at night before 18:00", "11-19 20:00", "11-20 06:00", "before 18:00"),
        ("in der Nacht vor dem 18.", "11-19 20:00", "11-20 06:00", "before 18"),
        ("abends ab 18 nov", "11-18 18:00", "11-19 00:00", "ab"),
        ("abends nach 18 November", "11-18 18:00", "11-19 00:00", "nach"),
        ("friday night to saturday morning 8:00", "11-13 20:00", "11-14 12:00", "8:00"),
        ("since saturday night to sunday", "11-14 20:00", "11-20 15:00", "sunday"),
        ("nicht am Montagabend", "11-14 00:00", "11-20 15:00", "not in monday evening"),
        ("people not in november", "11-14 00:00", "11-20 15:00", "not in november"),
    ],
)
def test_a_limit_outside_the_part_of_the_day_is_listed(text: str, begin: str, end: str, unknown: str) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    assert unknown in query.unknown
    assert (query.spans[-1].begin_ms, query.spans[-1].end_ms) == (ms(f"2026-{begin}"), ms(f"2026-{end}"))


@pytest.mark.parametrize("text", ["yesterday 21:00 pm", "yesterday at 21:00 pm"])
def test_a_pm_after_an_hour_of_the_24_hour_clock_has_no_effect(text: str) -> None:
    assert spans(text) == [("11-19 20:30", "11-19 21:30")]


def test_the_first_part_of_the_day_counts() -> None:
    assert spans("yesterday morning at 8 and evening at 9") == [("11-19 07:30", "11-19 08:30")]


@pytest.mark.parametrize(
    ("text", "nights"),
    [
        ("in the night from monday to friday", 5),
        ("during the night from monday to friday", 5),
        ("in the night from 14 to 18 november", 5),
        ("in der Nacht vom 1. zum 15. November", 15),
        ("in der Nacht vom 1. bis zum 15. November", 15),
        ("in der Nacht vom 14.11. bis zum 18.11.", 5),
        ("in der Nacht vom Montag bis zum Freitag", 5),
        ("in the night from 14 october to 15 november", 33),
        ("in the night from 14 november to 15 november", 1),
        ("in the night of the 18th to the 19th", 1),
        ("Nacht auf Sonntag und Nacht auf Montag", 2),
        ("in der Nacht auf Sonntag und auf Mittwoch", 2),
        ("the night to sunday or the night to wednesday", 2),
    ],
)
def test_several_nights_are_all_of_them(text: str, nights: int) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, ms("2026-11-21 07:00"))
    assert query.unknown == ()
    assert len(query.spans) == nights


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("friday night to saturday 8:00", "11-13 20:00", "11-14 08:00"),
        ("friday night to saturday at noon", "11-13 20:00", "11-14 12:30"),
        ("friday night to saturday 2 at night", "11-13 20:00", "11-14 02:00"),
        ("friday night to saturday 2 am", "11-13 20:00", "11-14 02:00"),
        ("saturday night to sunday morning", "11-14 20:00", "11-15 12:00"),
        ("friday night until saturday morning", "11-13 20:00", "11-14 12:00"),
        ("between monday evening and tuesday morning", "11-16 18:00", "11-17 12:00"),
        ("Freitagnacht bis Samstagmorgen", "11-13 20:00", "11-14 12:00"),
        ("Freitagabend bis Sonntagabend", "11-13 18:00", "11-16 00:00"),
        ("von Montagmorgen bis Freitagmorgen", "11-16 05:00", "11-20 12:00"),
        ("friday night until sunday night", "11-13 20:00", "11-16 06:00"),
        ("from 18 november evening to 19 november 6:00", "11-18 18:00", "11-19 06:00"),
        ("yesterday evening to today morning", "11-19 18:00", "11-20 12:00"),
    ],
)
def test_a_part_of_a_day_to_one_of_another_is_a_span(text: str, begin: str, end: str) -> None:
    assert asked(text) == (begin, end)
    assert len(parse_query(text, SearchVocabulary({}), BERLIN, NOW).spans) == 1


def test_a_count_after_a_day_is_no_end_of_a_span() -> None:
    assert spans("yesterday evening to today 2 cars") == spans("yesterday evening to today")


@pytest.mark.parametrize("text", ["in der Nacht auf den 21.", "in the night to this saturday", "night to 21 november"])
def test_the_night_to_tomorrow_is_this_one_once_it_has_begun(text: str) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, ms("2026-11-20 22:00"))
    assert [one.begin_ms for one in query.spans] == [ms("2026-11-20 20:00")]


WORDS = [
    "at", "7", "12", "2:30", "20:00", "0:00", "am", "pm", "between", "and", "from", "to", "after", "before", "until",
    "last", "night", "this", "morning", "evening", "noon", "afternoon", "in", "the", "by", "day", "sunday",
    "yesterday", "today", "31st", "since", "midnight", "nachts", "um", "uhr", "abends", "nacht", "auf", "sonntag",
    "samstagabend", "zwischen", "vom", "24.",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=9), st.integers(0, 400 * 24))
def test_in_whatever_order_such_words_come_spans_are_in_order_and_end_by_now(words: list[str], hours: int) -> None:
    now_ms = NOW - hours * 3_600_000
    found = parse_query(" ".join(words), SearchVocabulary({}), BERLIN, now_ms).spans
    assert all(one.begin_ms < one.end_ms <= now_ms for one in found)
    assert all(a.end_ms < b.begin_ms for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("now", "text", "begin", "end"),
    [
        ("2026-11-20 22:00", "heute Nacht", "11-20 20:00", "11-20 22:00"),
        ("2026-11-20 22:00", "seit heute Nacht", "11-20 20:00", "11-20 22:00"),
        ("2026-11-20 22:00", "heute Nacht um 2", "11-20 01:30", "11-20 02:30"),
        ("2026-11-20 15:00", "heute Nacht", "11-19 20:00", "11-20 06:00"),
        ("2026-11-21 02:00", "heute Nacht", "11-20 20:00", "11-21 02:00"),
        ("2026-11-20 22:00", "letzte Nacht", "11-19 20:00", "11-20 06:00"),
    ],
)
def test_heute_nacht_is_the_night_that_goes_on_else_the_last(now: str, text: str, begin: str, end: str) -> None:
    (found,) = parse_query(text, SearchVocabulary({}), BERLIN, ms(now)).spans
    assert (found.begin_ms, found.end_ms) == (ms(f"2026-{begin}"), ms(f"2026-{end}"))


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("last night or this morning", [("11-19 20:00", "11-20 12:00")], "last night, this morning"),
        ("last night, this morning", [("11-19 20:00", "11-20 12:00")], "last night, this morning"),
        ("yesterday evening and today", [("11-19 18:00", "11-20 15:00")], "yesterday evening, today"),
        ("gestern Abend oder heute früh", [("11-19 18:00", "11-20 00:00"), ("11-20 05:00", "11-20 12:00")],
         "yesterday evening, this morning"),
        ("yesterday or this morning", [("11-19 00:00", "11-20 00:00"), ("11-20 05:00", "11-20 12:00")],
         "yesterday, this morning"),
        ("this morning or this afternoon", [("11-20 05:00", "11-20 15:00")], "this morning, this afternoon"),
        ("monday morning or tuesday evening", [("11-16 05:00", "11-16 12:00"), ("11-17 18:00", "11-18 00:00")],
         "monday morning, tuesday evening"),
        ("monday evening or tuesday in the morning", [("11-16 18:00", "11-17 00:00"), ("11-17 05:00", "11-17 12:00")],
         "monday evening, tuesday morning"),
        ("friday evening or thursday", [("11-13 18:00", "11-14 00:00"), ("11-19 00:00", "11-20 00:00")],
         "friday evening, thursday"),
        ("monday and tuesday evening", [("11-16 18:00", "11-17 00:00"), ("11-17 18:00", "11-18 00:00")],
         "tuesday evening, monday"),
        ("today, this morning", [("11-20 05:00", "11-20 12:00")], "this morning, today"),
    ],
)  # fmt: skip
def test_days_may_have_different_parts(text: str, expected: list[tuple[str, str]], words: str) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    times = [(ms(f"2026-{begin}"), ms(f"2026-{end}")) for begin, end in expected]
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == times
    assert (query.time_words, query.unknown) == (words, ())


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("saturday to sunday and last night", [("11-14 00:00", "11-16 00:00"), ("11-19 20:00", "11-20 06:00")],
         "saturday to sunday, last night"),
        ("last night, saturday-sunday", [("11-14 00:00", "11-16 00:00"), ("11-19 20:00", "11-20 06:00")],
         "last night, saturday to sunday"),
        ("Montag-Dienstag und gestern Abend", [("11-16 00:00", "11-18 00:00"), ("11-19 18:00", "11-20 00:00")],
         "monday to tuesday, yesterday evening"),
        ("between monday and tuesday or sunday evening", [("11-15 18:00", "11-18 00:00")],
         "between monday and tuesday, sunday evening"),
        ("17 november until 18 november and this morning", [("11-17 00:00", "11-19 00:00"),
                                                            ("11-20 05:00", "11-20 12:00")],
         "17 november until 18 november, this morning"),
        ("saturday to sunday at night and thursday", [("11-14 20:00", "11-15 06:00"), ("11-15 20:00", "11-16 06:00"),
                                                      ("11-19 00:00", "11-20 00:00")],
         "saturday to sunday night, thursday"),
    ],
)  # fmt: skip
def test_a_part_of_one_day_is_not_of_other_days_in_a_row(
    text: str, expected: list[tuple[str, str]], words: str
) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    times = [(ms(f"2026-{begin}"), ms(f"2026-{end}")) for begin, end in expected]
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == times
    assert (query.time_words, query.unknown) == (words, ())


def test_days_from_a_weekday_to_itself_have_evenings_before_this_one() -> None:
    assert [begin for begin, _ in spans("friday-friday evening")] == [f"11-{day} 18:00" for day in range(13, 20)]


@pytest.mark.parametrize("hours", ["in the evening", "at 8", "in the evening at 8", "at night"])
@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("monday to tuesday and sunday", (15, 16, 17)),
        ("sunday and monday to tuesday", (15, 16, 17)),
        ("the day before yesterday or monday to tuesday", (16, 17, 18)),
        ("monday to tuesday and thursday to thursday", (12, 13, 14, 15, 16, 17, 18, 19)),
        ("wednesday to thursday and sunday to monday", (15, 16, 18, 19)),
    ],
)
def test_hours_after_days_in_a_row_and_another_day_are_of_all(text: str, days: tuple[int, ...], hours: str) -> None:
    found = spans(f"{text} {hours}")
    assert [begin[:5] for begin, _ in found] == [f"11-{day}" for day in days]
    assert len({begin[6:] for begin, _ in found}) == 1


@pytest.mark.parametrize(
    ("hours", "last"),
    [
        ("at 2", ("11-20 01:30", "11-20 02:30")),
        ("after 22:00", ("11-19 22:00", "11-20 06:00")),
        ("between 2 and 4", ("11-20 02:00", "11-20 04:00")),
        ("9 pm", ("11-19 20:30", "11-19 21:30")),
    ],
)
def test_an_hour_after_days_in_a_row_and_a_part_is_of_this_part(hours: str, last: tuple[str, str]) -> None:
    query = parse_query(f"saturday to sunday and last night {hours}", SearchVocabulary({}), BERLIN, NOW)
    times = [(ms(f"2026-{begin}"), ms(f"2026-{end}")) for begin, end in (("11-14 00:00", "11-16 00:00"), last)]
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == times
    assert (query.time_words, query.unknown) == (f"saturday to sunday, last night, {hours}", ())


@pytest.mark.parametrize(("days", "begin"), [("today", "11-20 00:00"), ("wednesday to today", "11-18 00:00")])
def test_an_hour_of_a_night_leaves_out_none_of_the_day_after_it(days: str, begin: str) -> None:
    assert spans(f"{days} and last night at 2") == [(begin, "11-20 15:00")]


@pytest.mark.parametrize("days", ["saturday", "saturday to sunday"])
def test_hours_from_one_to_another_after_a_part_of_one_day_are_listed(days: str) -> None:
    query = parse_query(f"{days} and last night at 2 to 4", SearchVocabulary({}), BERLIN, NOW)
    assert (query.time_words, query.unknown) == (f"{days}, last night", ("2 to 4",))


@pytest.mark.parametrize(
    "text",
    [
        "monday to wednesday 18 november evening", "monday 16 november to wednesday november 18 evening",
        "monday to wednesday the 18th evening", "monday to wednesday 2026-11-18 evening",
    ],
)  # fmt: skip
def test_a_date_of_the_last_day_in_a_row_is_no_other_day(text: str) -> None:
    assert parse_query(text, SearchVocabulary({}), BERLIN, NOW).unknown == ("evening",)


def test_a_month_after_days_in_a_row_and_another_is_listed() -> None:
    query = parse_query("monday to tuesday and sunday evening in october", SearchVocabulary({}), BERLIN, NOW)
    assert (query.time_words, query.unknown) == ("monday to tuesday, sunday evening", ("in october",))


@pytest.mark.parametrize(
    ("text", "last", "words"),
    [
        ("last night or this morning at 8", ("11-20 07:30", "11-20 08:30"), "last night, this morning, at 8"),
        ("last night or this morning 8 am", ("11-20 07:30", "11-20 08:30"), "last night, this morning, 8 am"),
        ("last night and today 7am", ("11-20 06:30", "11-20 07:30"), "last night, today, 7am"),
        ("letzte Nacht oder heute früh um 8 Uhr", ("11-20 07:30", "11-20 08:30"), "last night, this morning, at 8:00"),
        ("last night and today between 8 and 9", ("11-20 08:00", "11-20 09:00"), "last night, today, between 8 and 9"),
        ("last night and this morning after 7:00", ("11-20 07:00", "11-20 12:00"),
         "last night, this morning, after 7:00"),
    ],
)  # fmt: skip
def test_an_hour_after_days_with_different_parts_is_of_the_day_before_it(
    text: str, last: tuple[str, str], words: str
) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    times = [(ms(f"2026-{begin}"), ms(f"2026-{end}")) for begin, end in (("11-19 20:00", "11-20 06:00"), last)]
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == times
    assert (query.time_words, query.unknown) == (words, ())


def test_the_day_of_such_an_hour_may_be_a_week_ago() -> None:
    query = parse_query("thursday evening and friday at 20:00", SearchVocabulary({}), BERLIN, NOW)
    times = [("11-13 19:30", "11-13 20:30"), ("11-19 18:00", "11-20 00:00")]
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == [
        (ms(f"2026-{begin}"), ms(f"2026-{end}")) for begin, end in times
    ]


@pytest.mark.parametrize("night", ["last night at 2", "this night at 2", "yesterday night at 2", "letzte Nacht um 2"])
def test_the_night_of_such_an_hour_is_the_one_before_while_it_is_ahead(night: str) -> None:
    query = parse_query(f"monday evening and {night}", SearchVocabulary({}), BERLIN, ms("2026-11-20 00:30"))
    assert [(one.begin_ms, one.end_ms) for one in query.spans] == [
        (ms("2026-11-16 18:00"), ms("2026-11-17 00:00")),
        (ms("2026-11-19 01:30"), ms("2026-11-19 02:30")),
    ]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("last night or this morning at 2", "at 2"),
        ("last night or this morning before 4", "before 4"),
        ("at 8 last night or this morning", "at 8"),
        ("last night or this morning 7am to 9am", "7am to 9am"),
    ],
)
def test_an_hour_that_may_not_be_of_that_day_is_ignored(text: str, unknown: str) -> None:
    query = parse_query(text, SearchVocabulary({}), BERLIN, NOW)
    assert (len(query.spans), query.unknown) == (1, (unknown,))

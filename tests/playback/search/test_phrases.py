"""Dates, clock times and exclusions in English and German; and what is a plate."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.playback.search.event_search import SearchableNames, search_in_words
from tawny.playback.search.query_parser import SearchQuery, SearchVocabulary, parse_query
from tawny.storage.index.memory_index import MemoryIndex

BERLIN = ZoneInfo("Europe/Berlin")
YARD = CameraId("yard")
KNOWN = SearchVocabulary(
    {YARD: "Hof", CameraId("gate"): "Tor", CameraId("mast"): "Mast 2.10"}, (), {"car", "truck", "dog"}, ("Anna",),
    ("plates",),
)  # fmt: skip


def ms(text: str) -> int:
    return round(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BERLIN).timestamp() * 1000)


NOW = ms("11-27 15:00")
"""A Friday."""
USUAL = "11-21 00:00", "11-27 15:00", 1


def asked(text: str) -> SearchQuery:
    return parse_query(text, KNOWN, BERLIN, NOW)


def time_of(query: SearchQuery) -> tuple[str, str, int]:
    """Return begin and end of the first span, and the number of spans."""

    def shown(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, BERLIN):%m-%d %H:%M}"

    return shown(query.spans[0].begin_ms), shown(query.spans[0].end_ms), len(query.spans)


@pytest.mark.parametrize(
    ("text", "begin", "end", "count"),
    [
        ("18 nov", "11-18 00:00", "11-19 00:00", 1),
        ("18th nov", "11-18 00:00", "11-19 00:00", 1),
        ("18 nov.", "11-18 00:00", "11-19 00:00", 1),
        ("18 nov 2026", "11-18 00:00", "11-19 00:00", 1),
        ("november 18, 2026", "11-18 00:00", "11-19 00:00", 1),
        ("the 18th of november 2026 after 22:00", "11-18 22:00", "11-19 00:00", 1),
        ("between 18 nov and 20 nov", "11-18 00:00", "11-21 00:00", 1),
        ("18 nov to 20 nov 2026", "11-18 00:00", "11-21 00:00", 1),
        ("12 feb 2026", "02-12 00:00", "02-13 00:00", 1),
        ("29 feb", "02-29 00:00", "03-01 00:00", 1),
        ("in nov", "11-01 00:00", "11-27 15:00", 1),
        ("october 2026", "10-01 00:00", "11-01 00:00", 1),
        ("since 18 nov", "11-18 00:00", "11-27 15:00", 1),
        ("2026/11/24", "11-24 00:00", "11-25 00:00", 1),
        ("11/24", "11-24 00:00", "11-25 00:00", 1),
        ("yesterday at 14.30", "11-26 14:00", "11-26 15:00", 1),
        ("yesterday after 8.45 pm", "11-26 20:45", "11-27 00:00", 1),
        ("20.11.", "11-20 00:00", "11-21 00:00", 1),
        ("20.11", "11-20 00:00", "11-21 00:00", 1),
        ("am 20.11. am Tor", "11-20 00:00", "11-21 00:00", 1),
        ("am 20.11.2026", "11-20 00:00", "11-21 00:00", 1),
        ("am 20.11.26", "11-20 00:00", "11-21 00:00", 1),
        ("am 5. März", "03-05 00:00", "03-06 00:00", 1),
        ("am 31.", "10-31 00:00", "11-01 00:00", 1),
        ("am 2. am Tor", "11-02 00:00", "11-03 00:00", 1),
        ("um 22 Uhr am 11.", "11-11 21:30", "11-11 22:30", 1),
        ("in der Nacht vom 22. auf den 23.", "11-22 20:00", "11-23 06:00", 1),
        ("am 18. und am 19.", "11-18 00:00", "11-20 00:00", 1),
        ("am 18. abends", "11-18 18:00", "11-19 00:00", 1),
        ("15. Mai", "05-15 00:00", "05-16 00:00", 1),
        ("im Oktober", "10-01 00:00", "11-01 00:00", 1),
        ("in 2025", "01-01 00:00", "01-01 00:00", 1),
        ("2025 am Tor", "01-01 00:00", "01-01 00:00", 1),
        ("im Jahr 2025", "01-01 00:00", "01-01 00:00", 1),
        ("letztes Jahr", "01-01 00:00", "01-01 00:00", 1),
        ("im vergangenen Jahr", "01-01 00:00", "01-01 00:00", 1),
        ("dieses Jahr", "01-01 00:00", "11-27 15:00", 1),
        ("20.11. letztes Jahr", "11-20 00:00", "11-21 00:00", 1),
        ("vom 18. bis 20. November", "11-18 00:00", "11-21 00:00", 1),
        ("20.-22.11.", "11-20 00:00", "11-23 00:00", 1),
        ("20.11.-22.11.", "11-20 00:00", "11-23 00:00", 1),
        ("18-20 nov", "11-18 00:00", "11-21 00:00", 1),
        ("8.30-10.15", "11-21 08:30", "11-21 10:15", 7),
        ("22 Uhr", "11-21 21:30", "11-21 22:30", 6),
        ("ab 22 Uhr", "11-21 22:00", "11-22 00:00", 6),
        ("5 Uhr", "11-21 04:30", "11-21 05:30", 7),
        ("14.30 Uhr", "11-21 14:00", "11-21 15:00", 7),
        ("um 14.30 Uhr", "11-21 14:00", "11-21 15:00", 7),
        ("gestern um 8 Uhr 30", "11-26 08:00", "11-26 09:00", 1),
        ("gestern um 22:15", "11-26 21:45", "11-26 22:45", 1),
        ("gestern gegen 22 Uhr", "11-26 21:30", "11-26 22:30", 1),
        ("gestern um 8 Uhr abends", "11-26 19:30", "11-26 20:30", 1),
        ("gestern nach 22 Uhr am Tor", "11-26 22:00", "11-27 00:00", 1),
        ("gestern nach 10 Uhr am Tor", "11-26 10:00", "11-27 00:00", 1),
        ("seit 8 Uhr", "11-27 08:00", "11-27 15:00", 1),
        ("seit gestern", "11-26 00:00", "11-27 15:00", 1),
        ("seit gestern 18 Uhr", "11-26 18:00", "11-27 15:00", 1),
        ("ab Montag", "11-23 00:00", "11-27 15:00", 1),
        ("seit 2 Stunden", "11-27 13:00", "11-27 15:00", 1),
        ("seit gestern Abend", "11-26 18:00", "11-27 15:00", 1),
        ("seit März", "03-01 00:00", "11-27 15:00", 1),
        ("seit Mai", "05-01 00:00", "11-27 15:00", 1),
        ("seit letztem Monat", "10-01 00:00", "11-27 15:00", 1),
        ("zwischen 8 Uhr und 10 Uhr", "11-21 08:00", "11-21 10:00", 7),
        ("zwischen 8 und 10 Uhr", "11-21 08:00", "11-21 10:00", 7),
        ("von 22 bis 6 Uhr", "11-21 22:00", "11-22 06:00", 6),
        ("vor 2 Stunden", "11-27 12:30", "11-27 13:30", 1),
        ("vor 2 Std.", "11-27 12:30", "11-27 13:30", 1),
        ("vor 1,5 Std", "11-27 13:00", "11-27 14:00", 1),
        ("vor 1,5 h", "11-27 13:00", "11-27 14:00", 1),
        ("seit 2std", "11-27 13:00", "11-27 15:00", 1),
        ("um 8h", "11-21 07:30", "11-21 08:30", 7),
        ("at 8h30", "11-21 08:00", "11-21 09:00", 7),
        ("Montag-Freitag", "11-23 00:00", "11-27 15:00", 1),
        ("Montag-Mittwoch abends", "11-23 18:00", "11-24 00:00", 3),
        ("Montag-Mittwoch letzte Woche", "11-16 00:00", "11-19 00:00", 1),
        ("Montag-Mittwoch Abend", "11-23 18:00", "11-24 00:00", 3),
        ("monday–wednesday mornings", "11-23 05:00", "11-23 12:00", 3),
        ("saturday-sunday night", "11-21 20:00", "11-22 06:00", 2),
        ("last week monday-friday evening", "11-16 18:00", "11-17 00:00", 5),
        ("gestern vor 8h", "11-26 00:00", "11-26 08:00", 1),
        ("gestern vor 20h am Tor", "11-26 00:00", "11-26 20:00", 1),
        ("vor 8 h gestern", "11-26 00:00", "11-26 08:00", 1),
        ("gestern Abend vor 21h", "11-26 18:00", "11-26 21:00", 1),
        ("letzte Nacht vor 2h", "11-26 20:00", "11-27 02:00", 1),
        ("heute Nacht vor 2h", "11-26 20:00", "11-27 02:00", 1),
        ("heute früh vor 7h", "11-27 05:00", "11-27 07:00", 1),
        ("vor 7h heute früh", "11-27 05:00", "11-27 07:00", 1),
        ("gestern und heute vor 8h", "11-26 00:00", "11-26 08:00", 2),
        ("von gestern bis heute vor 8h", "11-26 00:00", "11-26 08:00", 2),
        ("gestern, heute vor 8h", "11-26 00:00", "11-26 08:00", 2),
        ("gestern/heute vor 8h", "11-26 00:00", "11-26 08:00", 2),
        ("heute vor 8h oder gestern", "11-26 00:00", "11-26 08:00", 2),
        ("vor 8h heute und gestern", "11-26 00:00", "11-26 08:00", 2),
        ("26.11., heute vor 8h", "11-26 00:00", "11-26 08:00", 2),
        ("heute vor 2h nachts", "11-27 00:00", "11-27 02:00", 1),
        ("heute vor 8h morgens", "11-27 00:00", "11-27 08:00", 1),
        ("heute vor 2h 30", "11-27 00:00", "11-27 02:30", 1),
        ("vor 8h", "11-27 06:30", "11-27 07:30", 1),
        ("120 or 90 minutes ago", "11-27 13:00", "11-27 13:30", 1),
        ("vor einer Stunde", "11-27 13:30", "11-27 14:30", 1),
        ("vor einer halben Stunde", "11-27 14:00", "11-27 15:00", 1),
        ("vor 3 Tagen", "11-24 00:00", "11-25 00:00", 1),
        ("vor zwei Wochen", "11-13 00:00", "11-14 00:00", 1),
        ("die letzte Stunde", "11-27 14:00", "11-27 15:00", 1),
        ("gestern vor Mitternacht", "11-26 00:00", "11-27 00:00", 1),
        ("heute Vormittag", "11-27 05:00", "11-27 12:00", 1),
        ("before monday", "01-01 01:00", "11-23 00:00", 1),
        ("until yesterday", "01-01 01:00", "11-27 00:00", 1),
        ("after tuesday", "11-25 00:00", "11-27 15:00", 1),
        ("before 18.11. at the Tor", "01-01 01:00", "11-18 00:00", 1),
        ("after monday 18:00", "11-23 18:00", "11-27 15:00", 1),
        ("vor Montag", "01-01 01:00", "11-23 00:00", 1),
        ("bis gestern", "01-01 01:00", "11-27 00:00", 1),
        ("nach dem 18.11.", "11-19 00:00", "11-27 15:00", 1),
        ("vorgestern", "11-25 00:00", "11-26 00:00", 1),
        ("vorgestern Abend", "11-25 18:00", "11-26 00:00", 1),
        ("Freitag Abend", "11-20 18:00", "11-21 00:00", 1),
        ("Sonntagabend", "11-22 18:00", "11-23 00:00", 1),
        ("Freitagabend um 9", "11-20 20:30", "11-20 21:30", 1),
        ("am Sonntagmorgen um 6 Uhr", "11-22 05:30", "11-22 06:30", 1),
        ("Samstagnacht um 2", "11-22 01:30", "11-22 02:30", 1),
        ("Samstagnacht auf Sonntag", "11-21 20:00", "11-22 06:00", 1),
        ("Sonntagmittag um 12:30", "11-22 12:00", "11-22 13:00", 1),
        ("Donnerstagfrüh um 6", "11-26 05:30", "11-26 06:30", 1),
        ("mittwochabends", "11-25 18:00", "11-26 00:00", 1),
        ("montags", "11-23 00:00", "11-24 00:00", 1),
        ("gestern Abend nach 9", "11-26 21:00", "11-27 00:00", 1),
        ("gestern Abend vor 9 Uhr", "11-26 18:00", "11-26 21:00", 1),
        ("heute Morgen um 6", "11-27 05:30", "11-27 06:30", 1),
        ("bis vorgestern", "01-01 01:00", "11-26 00:00", 1),
        ("seit Montag bis Mittwoch", "11-23 00:00", "11-26 00:00", 1),
        ("von gestern 22 Uhr bis heute 6 Uhr", "11-26 22:00", "11-27 06:00", 1),
    ],
)  # fmt: skip
def test_a_time_is_no_plate(text: str, begin: str, end: str, count: int) -> None:
    query = asked(f"Person {text}")
    assert (query.unknown, query.read, query.kinds) == ((), frozenset(), frozenset({"person"}))
    assert time_of(query) == (begin, end, count)
    assert query.cameras == (frozenset({"gate"}) if "Tor" in text else frozenset())


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("31 november", ("31", "november")),
        ("nov 31", ("november", "31")),
        ("12th", ("12th",)),
        ("25 Uhr", ("25", "uhr")),
        ("at 29:00", ("29:00",)),
        ("31.11.2026", ("2026-11-31",)),
        ("13 pm", ("13", "pm")),
        ("22h", ("22h",)),
        ("for 30 s", ("30", "s")),
        ("um 5", ("um", "5")),
        ("3 months hence", ("3", "months", "hence")),
        ("2.5 hours", ("2.5", "hours")),
        ("2,5 Stunden", ("2.5", "hours")),
        ("2 or 2.5 hours ago", ("2", "2.5", "hours", "ago")),
        ("1 to 1.5 hours ago", ("1", "1.5", "hours", "ago")),
        ("until 1.5 hours ago", ("until", "1.5", "hours", "ago")),
        ("between 1.5 and 2.5 hours ago", ("between", "1.5", "2.5", "hours", "ago")),
        ("about two or three minutes", ("about", "two", "3", "minutes")),
    ],
)
def test_what_is_no_time_and_no_plate_is_told(text: str, unknown: tuple[str, ...]) -> None:
    query = asked(text)
    assert (query.unknown, query.read) == (unknown, frozenset())
    assert time_of(query) == USUAL


@pytest.mark.parametrize(("hours", "told"), [("between 2 and 5 pm",) * 2, ("von 22 bis 6 Uhr", "from 22 until 6:00")])
def test_hours_that_cannot_be_applied_are_told_and_no_plate(hours: str, told: str) -> None:
    query = asked(f"Person before monday {hours}")
    assert (query.unknown, query.read, query.time_words) == ((told,), frozenset(), "before monday")


@pytest.mark.parametrize(
    ("text", "plate"),
    [
        ("M XY 1234", "mxy1234"),
        ("plate B AB 123 since yesterday", "bab123"),
        ("Kennzeichen B AB 12 H seit gestern", "bab12h"),
        ("HH AB 22", "hhab22"),
        ("MAI AB 123", "maiab123"),
        ("B-AB 123", "bab123"),
        ("plate HH-AB 123", "hhab123"),
        ("ABC123", "abc123"),
        ("plate 2025", "2025"),
        ("B AB 2025", "bab2025"),
        ("may 4821", "may4821"),
        ("sec 4821", "sec4821"),
        ("7ABC123 on 18 nov", "7abc123"),
        ("AB-22", "ab22"),
        ("xy9", "xy9"),
        ("AB 123 or 10 minutes ago", "ab123"),
        ("AB-123 or 10 minutes ago", "ab123"),
        ("plate 123 or 10 minutes ago", "123"),
        ("M IN 123 or 10 minutes ago", "m123"),
        ("car HSK 123 or 10 minutes ago", "hsk123"),
    ],
)
def test_a_plate_stays_a_plate(text: str, plate: str) -> None:
    assert plate in asked(text).read


@pytest.mark.parametrize(
    "text", ["monday-friday evening in october", "monday-friday evening and sunday", "today or monday-friday evening"]
)
def test_a_part_of_joined_days_is_not_understood_where_it_may_not_be_of_others(text: str) -> None:
    assert asked(text).unknown == ("evening",)


@pytest.mark.parametrize("text", ["Montag-Freitag im Oktober", "im Oktober Montag-Freitag", "seit Montag-Freitag"])
def test_german_days_with_a_hyphen_are_not_understood_of_a_month_or_after_a_limit(text: str) -> None:
    assert "montag-freitag" in asked(text).unknown


@pytest.mark.parametrize("text", ["heute vor 2h", "vor 2 h heute", "letzter Hund heute vor 2h", "Hund, heute vor 2h"])
def test_hours_before_now_are_an_age_also_next_to_today(text: str) -> None:
    found = asked(text)
    assert (time_of(found), found.unknown) == (("11-27 12:30", "11-27 13:30", 1), ("today",))


@pytest.mark.parametrize("hours", ["und nach 20h", "bis 10h", "- 10h"])
def test_hours_today_with_other_hours_are_a_clock_time(hours: str) -> None:
    assert time_of(asked(f"heute vor 8h {hours}")) == ("11-27 00:00", "11-27 08:00", 1)


@pytest.mark.parametrize("word", ["car", "dog", "man", "Hof", "Tor", "red car"])
def test_a_number_of_minutes_after_a_short_word_with_a_meaning_is_no_plate(word: str) -> None:
    found = asked(f"{word} 120 or 90 minutes ago")
    assert (found.read, time_of(found)) == (frozenset(), ("11-27 13:00", "11-27 13:30", 1))


@pytest.mark.parametrize(
    "text",
    [
        "am 2. Tor",
        "am 1. Eingang",
        "am 2. Weihnachtstag",
        "people in 2. hall",
        "to 2. floor",
        "am 18. Marder",
        "am 32.",
    ],
)
def test_a_number_before_another_word_is_no_day(text: str) -> None:
    assert time_of(asked(text)) == USUAL


def test_the_last_minutes_are_no_length() -> None:
    query = asked("last 10-20 minutes")
    assert (query.least_s, query.most_s, query.unknown) == (0.0, float("inf"), ("minutes",))


@pytest.mark.parametrize("text", ["nachts vor 20 Autos", "nachts nach 20 Autos"])
def test_a_number_before_what_is_counted_is_no_time(text: str) -> None:
    assert asked(text).time_words == "at night"


def test_numbers_of_names_and_lengths_are_no_dates() -> None:
    query = asked("person Mast 2.10 longer than 1.5 min")
    assert (query.cameras, query.least_s, query.unknown) == (frozenset({"mast"}), 90.0, ())
    assert time_of(query) == USUAL


@pytest.mark.parametrize(
    ("text", "kinds", "but", "least_s", "most_s"),
    [
        ("alle Autos außer LKW", {"car"}, {"truck"}, 0.0, float("inf")),
        ("alle Autos ausser Lastwagen", {"car"}, {"truck"}, 0.0, float("inf")),
        ("keine Autos", set(), {"car"}, 0.0, float("inf")),
        ("Personen ohne Hund", {"person"}, {"dog"}, 0.0, float("inf")),
        ("Autos mehr als 30 Sekunden", {"car"}, set(), 30.0, float("inf")),
        ("Autos weniger als 10 Sekunden", {"car"}, set(), 0.0, 10.0),
        ("Autos kürzer als eine Minute", {"car"}, set(), 0.0, 60.0),
        ("cars not less than 30 s", {"car"}, set(), 30.0, float("inf")),
        ("cars no less than 2 min", {"car"}, set(), 120.0, float("inf")),
        ("cars not for less than 30 s", {"car"}, set(), 30.0, float("inf")),
        ("Autos nicht kürzer als 30 Sekunden", {"car"}, set(), 30.0, float("inf")),
        ("Autos nicht weniger als 30 Sekunden", {"car"}, set(), 30.0, float("inf")),
        ("cars not under 30 s", {"car"}, set(), 30.0, float("inf")),
        ("cars not over 30 s", {"car"}, set(), 0.0, 30.0),
        ("no cars under 30 s", set(), {"car"}, 0.0, 30.0),
        ("cars not more than 30 s and not less than 10 s", {"car"}, set(), 10.0, 30.0),
        ("cars 10-30 seconds", {"car"}, set(), 10.0, 30.0),
        ("Autos 10-30 Sekunden", {"car"}, set(), 10.0, 30.0),
        ("Autos 10 bis 30 s", {"car"}, set(), 10.0, 30.0),
    ],
)
def test_conditions(text: str, kinds: set[str], but: set[str], least_s: float, most_s: float) -> None:
    query = asked(text)
    assert query.kinds | query.labels == kinds
    assert query.but == but
    assert (query.least_s, query.most_s, query.unknown, query.read) == (least_s, most_s, (), frozenset())


@pytest.mark.parametrize("text", ["nothing but dogs", "nichts außer Hunde", "nichts ausser Hund"])
def test_nothing_but_is_no_exclusion(text: str) -> None:
    query = asked(text)
    assert (query.labels, query.but) == (frozenset({"dog"}), frozenset())


def test_event_of_several_spans_is_listed_once_and_in_its_place() -> None:
    index = MemoryIndex()
    for name, begin, end in (
        ("before", "11-25 22:10", "11-25 22:15"),
        ("long", "11-25 22:30", "11-26 00:40"),
        ("late", "11-25 22:50", "11-25 22:55"),
        ("next", "11-26 12:30", "11-26 12:40"),
    ):
        index.put_event(Event(EventId(name), YARD, "vehicle", ms(begin), ms(end), 90.0))

    def found(text: str) -> list[str]:
        return [one.id for one in search_in_words(index, text, SearchableNames({YARD: "Yard"}), BERLIN, NOW, 60)[1]]

    assert found("vehicles before 23:00") == ["next", "late", "long", "before"]
    assert found("the last 3 vehicles before 23:00") == ["next", "late", "long"]
    assert found("the first 2 vehicles before 23:00") == ["before", "long"]
    assert found("the 2 longest vehicles before 23:00") == ["long", "next"]
    assert found("vehicles after 23:00") == ["long"]

"""Questions about thirty cameras whose names have numbers."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.model.ids import CameraId
from tawny.playback.search.query_parser import SearchQuery, SearchVocabulary, parse_query

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = round(datetime(2026, 11, 20, 15, tzinfo=BERLIN).timestamp() * 1000)
NAMES = (
    *(f"Cam {number}" for number in range(1, 21)),
    *("Kasse", "Kasse 2", "Tor links", "Tor rechts", "Lager", "Lager 2 oben", "Hof", "Path at shed", "Halle 3 Nord"),
    *("Halle 3 Ost", "Front door", "Driveway", "Room 101", "Room 102"),
)
KNOWN = SearchVocabulary(
    {CameraId(name.lower().replace(" ", "-")): name for name in NAMES}, ("bay-7",), {"car", "dog", "truck"}, ("Anna 2",)
)


def asked(text: str) -> SearchQuery:
    return parse_query(text, KNOWN, BERLIN, NOW_MS)


@pytest.mark.parametrize(
    ("text", "cameras", "unknown"),
    [
        ("cam 1", "cam-1", ""),
        ("cam 10 yesterday", "cam-10", ""),
        ("cam1", "cam-1", ""),
        ("Cam20 gestern", "cam-20", ""),
        ("cam-3", "cam-3", ""),
        ("torlinks", "tor-links", ""),
        ("cam 1 and 2", "cam-1 cam-2", ""),
        ("cams 1, 2 and 3", "cam-1 cam-2 cam-3", "cams"),
        ("cam 1, cam 2, kasse 2", "cam-1 cam-2 kasse-2", ""),
        ("cam1 and cam 12 last night", "cam-1 cam-12", ""),
        ("cam nr 2", "cam-2", ""),
        ("cam no. 12 yesterday", "cam-12", ""),
        ("cam number 2", "cam-2", ""),
        ("Lager Nummer 2", "lager lager-2-oben", ""),
        ("kasse no 3", "kasse", "3 no"),
        ("cam 1 and 2 cars", "cam-1 cam-2", ""),
        ("cam 1 und 2 Autos", "cam-1 cam-2", ""),
        ("cam 1 and 10 min ago", "cam-1", ""),
        ("cam 9 to 10 yesterday", "cam-10 cam-9", ""),
        ("cam 1 and 30", "cam-1", "30"),
        ("kasse", "kasse", ""),
        ("kasse 2", "kasse-2", ""),
        ("kasse 2 10:00", "kasse-2", ""),
        ("kasse und kasse 2", "kasse kasse-2", ""),
        ("kasse 2 am 2. November", "kasse-2", ""),
        ("kasse am 2. November", "kasse", ""),
        ("kasse 3", "kasse", "3"),
        ("kasse 3 gestern", "kasse", "3"),
        ("kasse 3 pm", "kasse", ""),
        ("kasse 3 Personen", "kasse", "3"),
        ("kasse 3 rote Autos", "kasse", "3"),
        ("kasse 3 longest", "kasse", ""),
        ("2 persons at kasse", "kasse", "2"),
        ("2 Personen an kasse", "kasse", "2"),
        ("person kasse 2 2 cars", "kasse-2", ""),
        ("the last 10 at cam 1", "cam-1", ""),
        ("first 5 kasse 2", "kasse-2", ""),
        ("camera 1", "", "1"),
        ("tor", "tor-links tor-rechts", ""),
        ("tor links", "tor-links", ""),
        ("tor links 2", "tor-links", "2"),
        ("lager", "lager", ""),
        ("lager 2", "lager lager-2-oben", ""),
        ("lager 2 oben", "lager-2-oben", ""),
        ("2 oben", "lager-2-oben", ""),
        ("lager 2 Hunde", "lager lager-2-oben", ""),
        ("halle 3", "halle-3-nord halle-3-ost", ""),
        ("halle", "halle-3-nord halle-3-ost", ""),
        ("hof at 7", "hof", ""),
        ("person at 3 pm", "", ""),
        ("anna 2", "", ""),
        ("bay 7", "", ""),
        ("camera no 2", "", "2 no"),
        ("kasse nicht 3", "kasse", "3 not"),
        ("cam 1/2", "cam-1 cam-2", ""),
        ("front door 9 am", "front-door", ""),
        ("driveway 7 to 9", "driveway", ""),
        ("driveway 2 events", "driveway", "2"),
        ("rooms 101, 102", "room-101 room-102", "rooms"),
    ],
)
def test_a_number_belongs_to_a_name_only_next_to_a_word_of_it(text: str, cameras: str, unknown: str) -> None:
    found = asked(text)
    assert (" ".join(sorted(found.cameras)), " ".join(sorted(found.unknown))) == (cameras, unknown)
    assert found.read == frozenset()


@pytest.mark.parametrize(
    ("text", "excluded", "unknown"),
    [
        ("not cam 1 and 2", {"cam-1", "cam-2"}, ()),
        ("alles außer cam 1, 2 und 3", {"cam-1", "cam-2", "cam-3"}, ("alles",)),
        ("person ohne kasse 2", {"kasse-2"}, ()),
        ("not at halle 3", {"halle-3-nord", "halle-3-ost"}, ()),
        ("not at kasse 3 yesterday", {"kasse"}, ("3",)),
    ],
)
def test_a_name_with_a_number_is_excluded_as_it_is_chosen(
    text: str, excluded: set[str], unknown: tuple[str, ...]
) -> None:
    found = asked(text)
    assert ({*found.but_places}, found.unknown) == (excluded, unknown)
    assert not found.cameras


@pytest.mark.parametrize("text", ["b ab 123", "plate cam123", "kasse 4821"])
def test_plates_stay_plates(text: str) -> None:
    assert asked(text).read

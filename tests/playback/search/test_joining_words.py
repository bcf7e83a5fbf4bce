"""Questions where words of a name also join other words, or mean something in German."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.model.ids import CameraId
from tawny.playback.search.query_parser import SearchQuery, SearchVocabulary, parse_query

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = round(datetime(2026, 11, 25, 15, tzinfo=BERLIN).timestamp() * 1000)
CAMERAS: Mapping[CameraId, str] = {
    CameraId("haus-am-see"): "Haus am See", CameraId("tor"): "Tor", CameraId("hof-und-garten"): "Hof und Garten",
    CameraId("eingang-im-hof"): "Eingang im Hof", CameraId("vor-der-tuer"): "Vor der Tür",
    CameraId("blick-vom-dach"): "Blick vom Dach",
}  # fmt: skip
KNOWN = SearchVocabulary(CAMERAS, ("vor-dem-haus",), {"car", "dog", "cat"}, (), ("plates",))
OTHERS = SearchVocabulary({CameraId("tor"): "Tor"}, (), KNOWN.labels, (), KNOWN.readers)


def asked(text: str, known: SearchVocabulary) -> SearchQuery:
    return parse_query(text, known, BERLIN, NOW_MS)


@pytest.mark.parametrize(
    "text",
    [
        "Autos am Montag", "wer war gestern am Tor", "Hunde und Katzen gestern", "zwischen Montag und Mittwoch",
        "zwischen 8 und 10 Uhr", "im November", "seit dem 1. November", "Hund in der Nacht", "vom 18. bis 20. November",
        "nicht vor Montag", "Autos und Hunde vor 8 Uhr", "Person vor 7 am Tor",
    ],
)  # fmt: skip
def test_a_word_that_joins_others_is_no_camera_with_it_in_its_name(text: str) -> None:
    assert asked(text, KNOWN) == asked(text, OTHERS)


@pytest.mark.parametrize(
    ("text", "cameras"),
    [
        ("Hund vor der Tür gestern", "vor-der-tuer"),
        ("Hund Tür", "vor-der-tuer"),
        ("Person am See", "haus-am-see"),
        ("Haus am See am Montag", "haus-am-see"),
        ("Hof und Garten", "hof-und-garten"),
        ("Dach am Montag", "blick-vom-dach"),
    ],
)
def test_the_other_words_of_a_name_still_mean_it(text: str, cameras: str) -> None:
    found = asked(text, KNOWN)
    assert (" ".join(sorted(found.cameras)), found.unknown) == (cameras, ())


def test_you_see_is_no_place() -> None:
    assert asked("cars you see", OTHERS).unknown == ("you",)


def test_a_camera_called_by_a_joining_word_alone_is_found() -> None:
    river = replace(KNOWN, cameras={CameraId("oder"): "Oder"})
    assert asked("Hunde Oder", river).cameras == {"oder"}


@pytest.mark.parametrize("text", ["Mann gestern", "rosa Auto", "gestern Abend", "schwarz oder weiß", "montag"])
def test_a_german_word_in_a_persons_name_keeps_its_meaning(text: str) -> None:
    people = ("Peter Mann", "Rosa Klein", "Jo Abend", "Uwe Schwarz", "Eva Montag")
    assert asked(text, replace(OTHERS, people=people)) == asked(text, OTHERS)


@pytest.mark.parametrize(("text", "person"), [("Eva Montag", "evamontag"), ("Rosa", "rosa"), ("Eva gestern", "eva")])
def test_a_whole_name_of_german_words_means_the_person(text: str, person: str) -> None:
    found = asked(text, replace(OTHERS, people=("Eva Montag", "Rosa", "Eva")))
    assert ({*found.people}, found.unknown, found.colours) == ({person}, (), ())


@pytest.mark.parametrize("text", ["see cars yesterday", "did you see a dog", "I see cats at the Tor"])
def test_the_verb_see_is_no_lake(text: str) -> None:
    assert asked(text, KNOWN) == asked(text, OTHERS)

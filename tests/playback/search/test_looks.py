"""Search by look over a made week: colours and sizes measured in snapshots, without a model."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

import cv2
import numpy as np
import pytest

from tawny.detection.appearance import LOWER, UPPER, WHOLE, Appearance, AppearanceTable, appearance_of, empty_scene
from tawny.media.image.jpeg import decode_jpeg
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span
from tawny.playback.search.event_search import LookedEvents, LookSearch, SearchableNames, SearchHit, search_hits
from tawny.playback.search.query_parser import SearchVocabulary, parse_query
from tawny.service.languages import Languages
from tawny.storage.index.memory_index import MemoryIndex
from tests.playback.search.made_week import PAINT, MadeEvent, draw_person, made_event, scene
from tests.playback.search.test_questions import BERLIN, NOW

CAMERAS = {CameraId("drive"): "Drive", CameraId("gate"): "Gate", CameraId("garden"): "Garden"}
KNOWN = SearchVocabulary(CAMERAS, (), {"car", "truck", "dog", "cat", "bicycle", "orange"})


def at(text: str) -> int:
    return round(datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=BERLIN).timestamp() * 1000)


@cache
def week() -> Mapping[str, MadeEvent]:
    """Return events by name: what is asked for, and a crowd of others."""
    made = [
        made_event("red1", at("18 10:02"), "car", ("red",), shift=-0.4),
        made_event("red2", at("19 17:40"), "car", ("red",), camera="gate", size=0.5),
        made_event("red3", at("19 18:20"), "car", ("red",), camera="drive", light="dusk"),
        made_event("blue", at("17 09:11"), "car", ("blue",), shift=0.5),
        made_event("van", at("16 12:00"), "truck", ("white",), camera="gate"),
        made_event("wht", at("18 15:30"), "car", ("white",), shift=0.2),
        made_event("yel", at("15 08:00"), "truck", ("yellow",), camera="gate", shift=-0.2),
        made_event("ptw", at("18 11:00"), "person", ("white", "jeans"), camera="gate"),
        made_event("ptr", at("19 12:30"), "person", ("red", "black"), camera="garden"),
        made_event("ptg", at("16 16:45"), "person", ("green", "grey"), shift=0.3),
        made_event("pbb", at("17 21:00"), "person", ("black", "black"), shift=-0.5),
        made_event("pty", at("15 13:00"), "person", ("yellow", "jeans"), camera="gate", size=0.6),
        made_event("catO", at("18 06:30"), "cat", ("orange",), camera="garden"),
        made_event("dogK", at("17 07:00"), "dog", ("black",), shift=0.1),
        made_event("dogW", at("16 18:00"), "dog", ("white",), camera="gate", size=0.6),
        made_event("nigh", at("20 02:10"), "car", ("red",), light="infrared"),
    ]
    paints = ("silver", "black", "blue", "white", "grey", "brown", "green")
    for number in range(28):
        day, paint = 14 + number % 6, paints[number % len(paints)]
        camera = ("drive", "gate", "garden")[number % 3]
        when, shift = at(f"{day:02} {8 + number % 10:02}:{number:02}"), (number % 5 - 2) / 4
        if number % 2:
            top = ("silver", "blue", "grey", "brown")[number // 2 % 4]
            made.append(made_event(f"o{number}", when, "person", (top, paint), camera=camera, shift=shift))
        elif paint not in ("white", "green"):
            made.append(made_event(f"o{number}", when, "car", (paint,), camera=camera, shift=shift))
    return {one.name: one for one in made}


@cache
def measured() -> Mapping[EventId, Appearance]:
    found = {}
    for one in week().values():
        assert one.event.box is not None
        found[one.event.id] = appearance_of(decode_jpeg(one.jpeg), one.event.box, one.event.shown_kind)
    return found


def looks(within: Span) -> LookedEvents:
    there = [one.event for one in week().values() if within.begin_ms <= one.event.start_ms < within.end_ms]
    packed = [measured()[event.id].packed() for event in there]
    return LookedEvents([event.id for event in there], [event.start_ms for event in there], packed)


def colour_score(shown: Appearance, colour: str, part: str = WHOLE) -> float:
    return float(AppearanceTable([shown.packed()]).colour_scores(colour, part)[0])


def found(
    text: str, like: Event | None = None, since_ms: int | None = None, until_ms: int | None = None
) -> list[SearchHit]:
    index = MemoryIndex()
    for one in week().values():
        index.put_event(one.event)
    names = SearchableNames(CAMERAS)
    return search_hits(index, text, names, BERLIN, NOW, 60, LookSearch(looks, like, since_ms, until_ms=until_ms))[1]


def first_five(text: str) -> list[str]:
    names = {one.event.id: name for name, one in week().items()}
    return [names[hit.event.id] for hit in found(text)[:5]]


QUESTIONS = [
    ("red car", {"red1", "red2", "red3"}),
    ("rotes Auto gestern Abend", {"red3"}),
    ("person in white", {"ptw"}),
    ("mann mit roter Jacke", {"ptr"}),
    ("yellow truck", {"yel"}),
    ("woman in green", {"ptg"}),
    ("person with white shirt and blue jeans at the gate", {"ptw"}),
    ("orange cat", {"catO"}),
    ("black dog", {"dogK"}),
    ("white van", {"van", "wht"}),
    ("blue car on tuesday", {"blue"}),
    ("someone in yellow", {"pty"}),
    ("weißer Hund", {"dogW"}),
]


@pytest.mark.parametrize(("question", "answers"), QUESTIONS, ids=[one for one, _ in QUESTIONS])
def test_colours_alone_answer_among_the_first_five(question: str, answers: set[str]) -> None:
    assert answers <= set(first_five(question))


@pytest.mark.parametrize(
    ("question", "wrong"),
    [("red car", {"blue", "wht", "ptr", "nigh"}), ("person in white", {"pbb", "ptr", "wht"}), ("black dog", {"dogW"})],
)
def test_other_colours_and_kinds_are_no_answers(question: str, wrong: set[str]) -> None:
    assert not wrong & set(first_five(question))


def test_infrared_images_have_no_colours() -> None:
    shown = measured()[week()["nigh"].event.id]
    assert not any(shown.parts.values())
    assert shown.area > 0


def test_top_and_trousers_are_told_apart() -> None:
    shown = measured()[week()["ptr"].event.id]
    assert colour_score(shown, "red", UPPER) > 0.5
    assert colour_score(shown, "red", LOWER) == 0
    assert colour_score(shown, "black", LOWER) > 0.5
    assert colour_score(shown, "red", WHOLE) > 0.5


def test_the_background_is_not_the_object() -> None:
    shown = measured()[week()["ptr"].event.id]  # on a lawn
    assert colour_score(shown, "green") == 0


def test_thumbnails_tell_a_person_from_a_shadow_in_the_same_box() -> None:
    empty = scene("garden", "day").astype(np.float32)
    empty[560:600, 300:420] = (210, 200, 180)  # a slab, in the box and nowhere else
    picture = empty.copy()
    picture[440:620, 250:480] *= 0.65  # the shadow
    _, y0, x1, _ = draw_person(picture, 480, 400, 220, PAINT["red"], PAINT["black"])
    box = (250 / 1280, y0, x1, 0.88)
    tiles = [cv2.resize(one.astype(np.uint8), (320, 180)) for one in (empty, empty, picture, empty)]
    shown = picture.astype(np.uint8)
    found = appearance_of(shown, box, "person", empty_scene(np.hstack(tiles), shown.shape[:2]))
    assert next(iter(found.parts[UPPER])) == "red"
    assert next(iter(found.parts[LOWER])) == "black"
    assert colour_score(found, "green") == colour_score(found, "beige") == 0
    assert next(iter(appearance_of(shown, box, "person").parts[UPPER])) != "red"


def test_an_object_in_all_thumbnails_is_measured_without_them() -> None:
    made = week()["red1"]
    shown = decode_jpeg(made.jpeg)
    assert made.event.box is not None
    still = empty_scene(np.hstack([cv2.resize(shown, (320, 180))] * 4), shown.shape[:2])
    assert next(iter(appearance_of(shown, made.event.box, "vehicle", still).parts[WHOLE])) == "red"


def test_thumbnails_may_have_another_shape_than_the_image() -> None:
    tile = cv2.resize(scene("garden", "day"), (320, 240))
    found = empty_scene(np.hstack([tile] * 4), (720, 1280))
    assert np.array_equal(found, tile)


def test_few_thumbnails_say_nothing() -> None:
    assert empty_scene(np.zeros((180, 640, 3), np.uint8), (720, 1280)) is None
    assert empty_scene(np.zeros((180, 10, 3), np.uint8), (720, 1280)) is None


@pytest.mark.parametrize(("size", "said"), [(0.3, "small"), (1.0, ""), (2.2, "large")])
def test_sizes_are_relative_to_the_image(size: float, said: str) -> None:
    made = made_event("size", at("18 10:00"), "car", ("blue",), size=size)
    assert made.event.box is not None
    assert appearance_of(decode_jpeg(made.jpeg), made.event.box, "vehicle").size == said


def test_like_this_one_keeps_a_time_that_was_said() -> None:
    names = {one.event.id: name for name, one in week().items()}
    assert {names[hit.event.id] for hit in found("until wednesday", week()["red2"].event)} == {"red1"}


def test_like_this_one_finds_the_same_coat() -> None:
    hits = found("", week()["red1"].event)
    names = {one.event.id: name for name, one in week().items()}
    assert [names[hit.event.id] for hit in hits[:2]] in (["red2", "red3"], ["red3", "red2"])
    assert hits[0].why.startswith("similar, red")


def test_why_is_said_in_words() -> None:
    hits = {hit.event.id: hit for hit in found("person with white shirt and blue trousers")}
    assert hits[week()["ptw"].event.id].why == "white top, blue trousers, person"


def test_a_time_that_is_given_replaces_that_of_the_words() -> None:
    names = {one.event.id: name for name, one in week().items()}
    assert {names[hit.event.id] for hit in found("red car", since_ms=at("19 00:00"))} == {"red2", "red3"}


def test_a_search_by_look_ends_where_it_is_said_to() -> None:
    names = {one.event.id: name for name, one in week().items()}
    every = {names[hit.event.id]: hit.event.start_ms for hit in found("red car", since_ms=0)}
    first, second, *_ = sorted(every, key=every.__getitem__)
    until = {names[hit.event.id] for hit in found("red car", since_ms=0, until_ms=every[second])}
    assert first in until and second not in until


def test_appearances_survive_storage() -> None:
    for shown in measured().values():
        again = Appearance.unpacked(shown.packed())
        assert again.size == shown.size
        assert again.packed() == shown.packed()


@pytest.mark.parametrize(
    ("text", "colours", "size", "kinds", "labels"),
    [
        ("red car", (("red", ""),), "", set(), {"car"}),
        ("person in white", (("white", ""),), "", {"person"}, set()),
        ("a man in a green hoodie", (("green", UPPER),), "", {"person"}, set()),
        ("black trousers", (("black", LOWER),), "", {"person"}, set()),
        ("red and white jacket", (("red", ""), ("white", UPPER)), "", {"person"}, set()),
        ("dark blue van", (("blue", ""),), "", {"vehicle"}, set()),
        ("Mann mit roter Jacke und blauer Hose", (("red", UPPER), ("blue", LOWER)), "", {"person"}, set()),
        ("großer Hund", (), "large", set(), {"dog"}),
        ("a small orange cat", (("orange", ""),), "small", set(), {"cat"}),
        ("silver truck", (("grey", ""),), "", set(), {"truck"}),
    ],
)
def test_words_become_colours(
    text: str, colours: tuple[tuple[str, str], ...], size: str, kinds: set[str], labels: set[str]
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert asked.colours == tuple((one,) for one in colours)
    assert (asked.size, {*asked.kinds}, {*asked.labels}) == (size, kinds, labels)
    assert asked.unknown == ()


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("red or white car", [{("red", ""), ("white", "")}]),
        ("either a white car or a red car", [{("red", ""), ("white", "")}]),
        ("ein weißes oder rotes Auto", [{("red", ""), ("white", "")}]),
        ("black, red or white cars", [{("black", ""), ("red", ""), ("white", "")}]),
        ("blue or white trousers", [{("blue", LOWER), ("white", LOWER)}]),
        ("person in red or in yellow", [{("red", ""), ("yellow", "")}]),
        (
            "man with red or green jacket and black or blue trousers",
            [{("red", UPPER), ("green", UPPER)}, {("black", LOWER), ("blue", LOWER)}],
        ),
        ("dog or red jacket, blue trousers", [{("red", UPPER)}, {("blue", LOWER)}]),
        ("red car, blue car or white car", [{("red", ""), ("blue", ""), ("white", "")}]),
        ("red car or white car", [{("red", ""), ("white", "")}]),
        ("a car that is red or one that is white", [{("red", ""), ("white", "")}]),
        ("red car or person in white", [{("red", ""), ("white", "")}]),
        ("red/white car", [{("red", ""), ("white", "")}]),
        ("red jacket or person in white", [{("red", UPPER), ("white", "")}]),
        ("red jacket or a white one", [{("red", UPPER), ("white", UPPER)}]),
        ("white or a red jacket", [{("red", UPPER), ("white", UPPER)}]),
        ("red one or blue jacket", [{("red", UPPER), ("blue", UPPER)}]),
        ("rote Jacke oder blaue", [{("red", UPPER), ("blue", UPPER)}]),
        ("red jacket or a blue one", [{("red", UPPER), ("blue", UPPER)}]),
        ("red jacket or blue car", [{("red", UPPER), ("blue", "")}]),
        ("red jacket or blue trousers", [{("red", UPPER), ("blue", LOWER)}]),
        ("man with red jacket, blue or white trousers", [{("red", UPPER)}, {("blue", LOWER), ("white", LOWER)}]),
        ("red jacket, blue jacket or white jacket", [{("red", UPPER), ("blue", UPPER), ("white", UPPER)}]),
        ("red car and white car", [{("red", "")}, {("white", "")}]),
        ("red car or van and white dog", [{("red", "")}, {("white", "")}]),
        ("red car, person in blue or white", [{("red", "")}, {("blue", ""), ("white", "")}]),
    ],
)
def test_either_colour_matches(text: str, colours: list[set[tuple[str, str]]]) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert ([{*one} for one in asked.colours], asked.unknown) == (colours, ())


@pytest.mark.parametrize(
    ("text", "size", "ignored"),
    [
        ("red car or a small white van", "", ("small",)),
        ("large red car or small white car", "", ("large", "small")),
        ("small red or white car", "small", ()),
        ("small red car or a small white car", "small", ()),
        ("rotes Auto oder großes weißes Auto", "", ("large",)),
        ("red car or parked white car", "", ("parked",)),
    ],
)
def test_a_word_before_the_second_of_two_colours_demands_not_both(
    text: str, size: str, ignored: tuple[str, ...]
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert [{*group} for group in asked.colours] == [{("red", ""), ("white", "")}]
    assert (asked.size, asked.unknown) == (size, ignored)


def test_a_colour_or_another_finds_both_and_says_which() -> None:
    names = {one.event.id: name for name, one in week().items()}
    hits = {names[hit.event.id]: hit.why for hit in found("red or white car")}
    assert hits == {**dict.fromkeys(("red1", "red2", "red3"), "red, car"), "wht": "white, car"}


@pytest.mark.parametrize(
    "text",
    [
        "no red or white cars", "not a red jacket or a blue one", "no red jacket or blue", "no light blue cars",
        "no light-blue cars", "no red car or a blue van", "without a red jacket and blue trousers",
        "no red one or blue one", "not in red", "not with a red jacket", "not wearing red", "no red delivery van",
        "no man in a red jacket", "no person in red", "neither the red car nor the truck", "keine roten autos",
        "kein mann mit roter jacke", "keine person in rot", "ohne eine rote jacke", "weder rote autos noch personen",
    ],
)  # fmt: skip
def test_excluded_colours_are_ignored_together(text: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert (asked.colours, asked.unknown) == ((), (text,))
    assert not (asked.kinds or asked.labels or asked.but)


def test_what_an_excluded_colour_is_contrasted_with_is_searched_for() -> None:
    asked = parse_query("not a red car but a blue one", KNOWN, BERLIN, NOW)
    assert (asked.colours, asked.unknown) == (((("blue", ""),),), ("not a red car",))


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Personen gestern Abend", "people yesterday evening"),
        ("Auto vor 7 Uhr", "car before 7:00"),
        ("Hunde jeden Montagabend im Oktober", "dogs every monday evening in october"),
        ("Fehlalarme letzte Woche", "false alarms last week"),
        ("neue Ereignisse", "new events"),
        ("nicht gesehene Personen", "not reviewed people"),
        ("Personen, nicht gesehen", "people, not reviewed"),
        ("ungesehene Autos", "unseen cars"),
        ("behaltene Ereignisse heute", "kept events today"),
        ("Autos, nicht behalten, keine Fehlalarme", "cars, not kept, no false alarms"),
        ("erstes Ereignis heute", "first event today"),
        ("Hunde am ersten Oktober", "dogs on 1 october"),
        ("wann kam der älteste Hund", "when came the oldest dog"),
        ("die ersten drei Autos", "the first three cars"),
        ("die letzten zwei Personen", "the last two people"),
        ("Personen am ersten", "people on the 1st"),
        ("Personen am ersten abends", "people on the 1st in the evening"),
        ("Autos seit dem ersten", "cars since the 1st"),
        ("Autos am zweiten", "cars on the 2nd"),
        ("Autos vom ersten bis zum dritten", "cars from the 1st to the 3rd"),
        ("Autos vor mehr als 2 Stunden", "cars more than 2 hours ago"),
        ("Autos vor 10 bis 30 Minuten", "cars between 10 and 30 minutes ago"),
        ("Autos vor 10-30 Minuten", "cars between 10 and 30 minutes ago"),
        ("Autos vor nicht mehr als 2 Stunden", "cars at most 2 hours ago"),
        ("Autos vor drei Nächten", "cars three nights ago"),
        ("Autos am Montag der letzten Woche", "cars monday last week"),
        ("Autos am Montag in der letzten Woche", "cars monday last week"),
        ("Autos vor Montag letzter Woche", "cars before monday last week"),
        ("von Montag letzter Woche bis Dienstag dieser Woche", "from monday last week to tuesday this week"),
        ("Maenner gestern frueh", "men yesterday morning"),
        ("Geraeusche laenger als 30 Sekunden", "sounds longer than 30 s"),
        ("Autos vorletzte Woche", "cars the week before last"),
        ("Autos im November letzten Jahres", "cars in november last year"),
        ("Autos im November des letzten Jahres", "cars in november last year"),
        ("am 15. November des vergangenen Jahres", "15 november last year"),
        ("Autos vor zwei bis drei Stunden", "cars 2 to 3 hours ago"),
        ("Autos vor einem bis zwei Tagen", "cars 1 to 2 days ago"),
        ("Autos vor 1,5 Stunden", "cars 90 minutes ago"),
        ("Autos vor mehr als 1,5 Stunden", "cars more than 90 minutes ago"),
        ("Autos seit 2,5 Stunden", "cars last 150 minutes"),
        ("Autos länger als 1,5 Minuten", "cars longer than 90 s"),
        ("Autos zwischen 30 Sekunden und 2 Minuten", "cars at least 30 s at most 120 s"),
        ("Autos der letzten 3 Nächte", "cars the last 3 nights"),
        ("Autos seit dem 1.", "cars since the 1st"),
        ("erster Mai", "1 may"),
        ("der erste November", "the 1 november"),
        ("am dritten November", "on 3 november"),
        ("zwischen dem ersten und dritten November", "between 1 and 3 november"),
        ("vom ersten bis zum dritten November", "from 1 until 3 november"),
        ("am ersten Wochenende im Oktober", "the first weekend in october"),
        ("am ersten Montag im Oktober", "the first monday in october"),
        ("Personen letzten Monat am Wochenende", "people on weekends last month"),
        ("im November montags", "mondays in november"),
        ("montags abends im November", "monday evenings in november"),
        ("jeden Montag in diesem Monat", "every monday this month"),
        ("Wochenenden im November", "weekends in november"),
        ("Katze letzte Nacht", "cat last night"),
        ("Fahrrad am Montag zwischen 9 und 12", "bicycle on monday between 9 and 12"),
    ],
)
def test_german_asks_the_same(german: str, english: str) -> None:
    one, other = (parse_query(text, KNOWN, BERLIN, NOW) for text in (german, english))
    assert (one.spans, one.kinds, one.labels, one.unknown) == (other.spans, other.kinds, other.labels, ())
    marks = one.only, one.false_alarms, one.but_marks
    assert (*marks, one.order, one.count) == (other.only, other.false_alarms, other.but_marks, other.order, other.count)


@pytest.mark.parametrize("text", ["Autos am ersten Tor", "vom ersten Tor"])
def test_first_of_something_in_german_is_no_order(text: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert (asked.order, asked.count, asked.unknown) == ("newest", None, ("ersten", "tor"))


TRIES = (
    "red car", "person in white yesterday", "person last night", "vehicles longer than 1 min", "animals this week",
    "the longest event yesterday", "unknown plates",
)  # fmt: skip


@pytest.mark.parametrize("english", TRIES)
def test_the_examples_of_the_page_ask_the_same_in_german(english: str) -> None:
    german = str(Languages(None).catalogue("de").texts[english])
    assert german != english
    known = SearchVocabulary({}, readers=("plates",))
    one, other = (replace(parse_query(text, known, BERLIN, NOW), text="") for text in (german, english))
    assert one == other


def test_a_name_is_no_colour() -> None:
    known = SearchVocabulary(
        {CameraId("red-gate"): "Red gate", CameraId("hund"): "Hund"}, ("green",), {"dog"}, ["Brown"]
    )
    asked = parse_query("brown at the red gate in green", known, BERLIN, NOW)
    assert (asked.colours, {*asked.cameras}, {*asked.zones}) == ((), {CameraId("red-gate")}, {"green"})
    assert asked.people == {"brown"}
    assert parse_query("hund", known, BERLIN, NOW).cameras == {"hund"}

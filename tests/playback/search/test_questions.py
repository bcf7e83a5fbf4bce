"""Twenty questions over a prepared week, answered from what is stored alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.model.events import SOUND_TITLES, Event, SeenObject, event_id, event_title
from tawny.model.geometry import COLUMNS, grid_of
from tawny.model.ids import CameraId, EventId
from tawny.playback.search.event_search import SearchableNames, heat, motion_in_spot, search_in_words
from tawny.playback.search.query_parser import NOBODY, SearchableIdentity, SearchVocabulary, parse_query
from tawny.service.languages import Languages
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.protocol import Index
from tawny.storage.index.sqlite_index import SqliteIndex

BERLIN = ZoneInfo("Europe/Berlin")
CAMERAS = {CameraId("front-gate"): "Front gate", CameraId("yard"): "Yard", CameraId("shop"): "Till"}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


NOW = ms("2026-11-20 15:00")


def event(
    name: str,
    at: str,
    camera: str,
    kind: str = "motion",
    length_s: float = 10.0,
    *labels: str,
    zones: tuple[str, ...] = (),
) -> Event:
    start_ms = ms(f"2026-11-{at}")
    found, end_ms = event_id(start_ms, name.encode().ljust(4)[:4]), start_ms + round(length_s * 1000)
    objects = tuple(SeenObject(label, 0.8) for label in labels)
    return Event(found, CameraId(camera), kind, start_ms, end_ms, 70.0, zones=zones, objects=objects)


WEEK = {
    "post": event("post", "19 11:02", "front-gate", "person", 25, "person", zones=("letter-box",)),
    "late": event("late", "20 02:14", "front-gate", "person", 40, "person"),
    "cat": event("cat", "20 03:30", "yard", "animal", 12, "cat"),
    "fox": event("fox", "18 04:10", "yard", "animal", 95, "fox"),
    "dog": event("dog", "17 17:20", "yard", "person", 130, "person", "dog"),
    "van": event("van", "19 14:31", "front-gate", "vehicle", 70, "truck", zones=("drive",)),
    "car": event("car", "16 22:45", "front-gate", "vehicle", 8, "car", zones=("drive",)),
    "bike": event("bike", "15 10:00", "front-gate", "vehicle", 5, "bicycle"),
    "wind": event("wind", "20 02:40", "yard", "motion", 300),
    "bang": event("bang", "18 23:59", "shop", "sound", 1, "Glass"),
    "crew": event("crew", "20 09:00", "shop", "person", 600, "person", zones=("counter",)),
    "lens": event("lens", "14 08:00", "shop", "tamper", 60, "covered"),
    "bag": event("bag", "17 12:00", "shop", "object", 0, "left", zones=("counter",)),
    "old": event("old", "10 12:00", "front-gate", "person", 10, "person"),
}
WEEK["van"] = replace(WEEK["van"], kept=True)
WEEK["wind"] = replace(WEEK["wind"], false_alarm="weather")
WEEK["crew"] = replace(WEEK["crew"], reviewed=True)
QUESTIONS = [
    ("person gate last night", ["late"]),
    ("people at the front gate", ["late", "post"]),
    ("who was at the letter box yesterday?", ["post"]),
    ("cars", ["car"]),
    ("vehicles in the drive", ["van", "car"]),
    ("trucks longer than 1 min", ["van"]),
    ("animals in the yard this week", ["cat", "fox"]),
    ("dog", ["dog"]),
    ("the fox", ["fox"]),
    ("somebody yesterday after 10:00 and before 12:00", ["post"]),
    ("anything last night longer than 30 s", ["wind", "late"]),
    ("sounds on wednesday", ["bang"]),
    ("was the camera covered last week, or on saturday", ["lens"]),
    ("false alarms", ["wind"]),
    ("kept vehicles", ["van"]),
    ("new people at the till today", []),
    ("people at the counter in the morning", ["crew"]),
    ("the longest event on friday", ["crew"]),
    ("first person this week", ["dog"]),
    ("vehicles shorter than 10 s", ["car", "bike"]),
    ("parcel left in the shop", ["bag"]),
    ("person on 2026-11-10", ["old"]),
    ("cats and foxes at night", ["cat", "fox"]),
    ("who came after midnight", ["late"]),
    ("people since yesterday noon", ["crew", "late"]),
    ("vehicles that stayed longer than a minute", ["van"]),
    ("cyclists on sunday", ["bike"]),
    ("lorries between monday and thursday", ["van"]),
    ("animals between 10 and 20 seconds", ["cat"]),
    ("people in the yard without a dog", []),
    ("animals but no cats", ["fox"]),
    ("the last two people at the gate", ["late", "post"]),
    ("when was the fox last seen", ["fox"]),
    ("the 2 longest events today", ["crew", "wind"]),
    ("the shortest vehicle", ["bike"]),
    ("anything in the yard three nights ago", ["fox"]),
    ("vehicles 20 to 23 november", []),
    ("person or animal at the till or in the yard today at 9 in the morning", ["crew"]),
]


@pytest.fixture(scope="module", params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    made: Index = MemoryIndex()
    if request.param == "disk":
        made = SqliteIndex(tmp_path_factory.mktemp("week") / "tawny.db")
    for one in WEEK.values():
        made.put_event(one)
    yield made
    made.close()


@pytest.mark.parametrize(("question", "answers"), QUESTIONS)
def test_a_question_has_its_answer(index: Index, question: str, answers: list[str]) -> None:
    asked, found = search_in_words(index, question, SearchableNames(CAMERAS, {"drive"}), BERLIN, NOW, 60)
    names = {one.id: name for name, one in WEEK.items()}
    assert asked.unknown == ()
    assert [names[one.id] for one in found] == answers


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("anna yesterday", ["van"]),
        ("plate B-AB 123 at the gate", ["van"]),
        ("unknown plates", ["car"]),
        ("known plate this week", ["van"]),
        ("vehicles with xy9", ["car"]),
        ("plate XX 111", []),
    ],
)
def test_by_what_was_read(question: str, answers: list[str]) -> None:
    read = {
        "van": frozenset({"plates", "bab123", "anna", "known"}),
        "car": frozenset({"plates", "mxy987", "unknown"}),
    }
    index, names = MemoryIndex(), {one.id: name for name, one in WEEK.items()}
    for one in WEEK.values():
        index.put_event(one)
    recognised = SearchableIdentity(["Anna"], lambda one: read.get(names[one.id], frozenset()))
    _, found = search_in_words(index, question, SearchableNames(CAMERAS, {"drive"}, recognised), BERLIN, NOW, 60)
    assert [names[one.id] for one in found] == answers


@pytest.mark.parametrize(
    ("text", "people", "excluded", "unknown"),
    [
        ("Müller last week", {"maxmüller", "evamüller"}, set(), ()),
        ("max yesterday", {"maxmüller"}, set(), ()),
        ("max müller yesterday", {"maxmüller"}, set(), ()),
        ("anyone except eva", set(), {"evamüller"}, ()),
        ("berg at the till", {"ottovonberg"}, set(), ()),
        ("Autos von gestern", set(), set(), ()),
        ("müll yesterday", set(), set(), ("müll",)),
    ],
)
def test_one_word_of_a_name_is_enough(
    text: str, people: set[str], excluded: set[str], unknown: tuple[str, ...]
) -> None:
    names = SearchVocabulary(CAMERAS, labels={"car"}, people=["Max Müller", "Eva Müller", "Otto von Berg", "Till Ross"])
    asked = parse_query(text, names, BERLIN, NOW)
    assert ({*asked.people}, {*asked.but_read}, asked.unknown) == (people, excluded, unknown)


KNOWN = SearchVocabulary(
    {CameraId("front"): "Front gate", CameraId("back"): "Back gate"}, (), {"car", "dog"},
    ("Max White", "Kai May", "Leo Schmidt", "Anna Schmidt", "Jan Alt"), ("plates",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "people", "excluded", "read", "unknown"),
    [
        ("leo yesterday", {"leoschmidt"}, set(), set(), ()),
        ("leo after 22:00", {"leoschmidt"}, set(), set(), ()),
        ("leo ab 123", set(), set(), {"leoab123"}, ()),
        ("plate leo ab 123", set(), set(), {"leoab123"}, ()),
        ("LEO AB123", set(), set(), {"leoab123"}, ()),
        ("max 1234", set(), set(), {"max1234"}, ()),
        ("kai m 4821", set(), set(), {"kaim4821"}, ()),
        ("may 4821", set(), set(), {"may4821"}, ()),
        ("schmidt b ab 123", set(), set(), {"bab123"}, ("schmidt",)),
        ("leo schmidt b ab 123", {"leoschmidt"}, set(), {"bab123"}, ()),
        ("not leo ab 123", set(), set(), set(), ("not leo ab 123",)),
        ("anyone except leo", set(), {"leoschmidt"}, set(), ()),
        ("not max at 20:00", set(), {"maxwhite"}, set(), ()),
        ("not max white", set(), {"maxwhite"}, set(), ()),
        ("max white yesterday", {"maxwhite"}, set(), set(), ()),
        ("kai may in may", {"kaimay"}, set(), set(), ()),
        ("car but not white", set(), set(), set(), ("but not white",)),
        ("no white cars", set(), set(), set(), ("no white cars",)),
        ("cars not in may", set(), set(), set(), ("not in may",)),
        ("cars except in may", set(), set(), set(), ("except in may",)),
        ("may", set(), set(), set(), ("may",)),
        ("jan yesterday", set(), set(), set(), ("jan",)),
        ("jan alt yesterday", {"janalt"}, set(), set(), ()),
    ],
)
def test_a_word_with_another_meaning_is_no_part_of_a_name(
    text: str, people: set[str], excluded: set[str], read: set[str], unknown: tuple[str, ...]
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW)
    assert ({*asked.people}, {*asked.but_read}, {*asked.read}) == (people, excluded, read)
    assert (asked.unknown, asked.colours) == (unknown, ())


REMOVED_CAMERAS = (
    "Gate", "Back gate", "Doorbell", "White", "Red car", "Nacht", "Neue Halle", "First", "Car", "Bay", "Leo", "Monday",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "person gate", "front gate", "back gate", "not at the back gate", "doorbell", "klingel", "white car", "red car",
        "no red car", "Autos in der Nacht", "neue Ereignisse", "first car", "cars monday", "bay 123", "leo",
        "leo ab 12", "person in white", "anyone except leo schmidt",
    ],
)  # fmt: skip
def test_a_removed_camera_takes_no_meaning_from_other_words(text: str) -> None:
    removed = {CameraId(f"old-{number}"): f"{name} (removed)" for number, name in enumerate(REMOVED_CAMERAS)}
    assert parse_query(text, replace(KNOWN, removed=removed), BERLIN, NOW) == parse_query(text, KNOWN, BERLIN, NOW)


@pytest.mark.parametrize(
    ("text", "cameras", "excluded"),
    [
        ("gate (removed)", {"old-0"}, set()),
        ("back gate (removed) yesterday", {"old-1"}, set()),
        ("person doorbell (entfernt)", {"old-2"}, set()),
        ("white (removed)", {"old-3"}, set()),
        ("not at the gate (removed)", set(), {"old-0"}),
        ("neue Halle gestern", {"old-6"}, set()),
        ("nicht in der Halle", set(), {"old-6"}),
        ("halle", {"old-6"}, set()),
        ("bay yesterday", {"old-9"}, set()),
        ("old-9 yesterday", {"old-9"}, set()),
    ],
)
def test_a_removed_camera_is_found_by_its_name_or_a_word_of_it(
    text: str, cameras: set[str], excluded: set[str]
) -> None:
    removed = {CameraId(f"old-{number}"): f"{name} (removed)" for number, name in enumerate(REMOVED_CAMERAS)}
    asked = parse_query(text, replace(KNOWN, removed=removed), BERLIN, NOW)
    assert ({*asked.cameras}, {*asked.but_places}, asked.unknown) == (cameras, excluded, ())
    assert not asked.labels | asked.people and not asked.colours


def found_of(events: Sequence[Event], question: str, recognised: SearchableIdentity = NOBODY) -> list[EventId]:
    index = MemoryIndex()
    for one in events:
        index.put_event(one)
    names = SearchableNames(CAMERAS, recognised=recognised)
    return [one.id for one in search_in_words(index, question, names, BERLIN, NOW, 60)[1]]


@pytest.mark.parametrize(("question", "answers"), [("ann", ["ann"]), ("anna", ["anna"]), ("ace", []), ("xy9", ["xy"])])
def test_a_person_is_found_by_the_whole_name_and_a_plate_by_a_part(question: str, answers: list[str]) -> None:
    read = {"ann": {"faces", "ann"}, "anna": {"faces", "anna"}, "who": {"faces", "unknown"}, "xy": {"plates", "mxy987"}}
    events = {name: event(name, f"19 1{n}:00", "yard", "person") for n, name in enumerate(read)}
    words = {events[name].id: frozenset(text) for name, text in read.items()}
    recognised = SearchableIdentity(["Ann", "Anna", "Ace"], lambda one: words[one.id])
    assert found_of([*events.values()], question, recognised) == [events[name].id for name in answers]


@pytest.mark.parametrize(
    ("question", "said", "is_found"),
    [
        ("cars", "vehicle", True),
        ("cars", "person", False),
        ("cars", "nothing", False),
        ("anything but cars", "vehicle", False),
        ("anything but cars", "person", True),
        ("anything but cars", "nothing", True),
    ],
)
def test_a_corrected_event_is_what_the_user_said(question: str, said: str, *, is_found: bool) -> None:
    corrected = replace(event("car", "19 11:00", "yard", "vehicle", 10, "car"), said=said)
    assert (found_of([corrected], question) == [corrected.id]) is is_found


@pytest.mark.parametrize("question", ["cars", "Autos", "trucks"])
@pytest.mark.parametrize("labels", [("vehicle",), ()])
def test_a_vehicle_that_no_model_names_may_be_any(question: str, labels: tuple[str, ...]) -> None:
    unnamed = event("any", "19 11:00", "yard", "vehicle", 10, *labels)
    others = [event("bike", "19 12:00", "yard", "vehicle", 10, "bicycle"), event("man", "19 13:00", "yard", "person")]
    assert found_of([unnamed, *others], question) == [unnamed.id]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("people but not anna", ["late", "dog"]),
        ("anyone except Anna Lee", ["post", "late", "dog"]),
        ("people not at the front gate or in the shop", ["dog"]),
        ("vehicles without the drive", ["bike"]),
        ("vehicles not kept", ["car", "bike"]),
        ("vehicles without plates", ["van", "bike"]),
        ("people except new", ["crew"]),
        ("yard this week without false alarms, not cats", ["fox", "dog"]),
        ("Personen nicht am Front gate", ["crew", "dog"]),
    ],
)
def test_what_is_excluded_is_not_found(question: str, answers: list[str]) -> None:
    read = {"post": {"faces", "anna"}, "crew": {"faces", "annalee", "anna"}, "car": {"plates", "bab123"}}
    names = {one.id: name for name, one in WEEK.items()}
    recognised = SearchableIdentity(["Anna", "Anna Lee"], lambda one: frozenset(read.get(names[one.id], ())))
    assert {names[one] for one in found_of([*WEEK.values()], question, recognised)} == {*answers}


def test_an_exclusion_that_is_not_possible_is_told_and_not_turned_round() -> None:
    known = SearchVocabulary(CAMERAS, (), {"car"})
    for text, ignored in (("people not at night", "not at night"), ("no red cars", "no red cars")):
        asked = parse_query(text, known, BERLIN, NOW)
        assert (asked.unknown, asked.has_time, asked.colours, asked.but) == ((ignored,), False, (), frozenset())


TITLED = [
    *(event(f"a{n}", f"19 1{n}:00", "yard", "sound", 1, label) for n, label in enumerate(SOUND_TITLES)),
    *(event(f"b{n}", f"18 1{n}:00", "yard", kind) for n, kind in enumerate(("input", "line", "manual", "bell"))),
    *(event(f"c{n}", f"17 1{n}:00", "yard", "object", 1, label) for n, label in enumerate(("left", "taken"))),
    event("d", "16 10:00", "yard", "person", 10, "person"),
]


@pytest.mark.parametrize("titled", TITLED, ids=event_title)
def test_an_event_is_found_by_its_title(titled: Event) -> None:
    assert found_of(TITLED, event_title(titled)) == [titled.id]
    german = str(Languages(None).catalogue("de").texts.get(event_title(titled), event_title(titled)))
    assert found_of(TITLED, german) == [titled.id]


PLACES = SearchVocabulary(
    {CameraId("bell"): "Doorbell", CameraId("gate-2"): "Gate no 2", CameraId("yard"): "Front voices"},
    ("loitering", "no-parking", "dog-house"), {"car", "dog"}, kinds=("line",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cameras", "zones"),
    [
        ("anything at the doorbell", {"bell"}, set()),
        ("klingel", {"bell"}, set()),
        ("voices", {"yard"}, set()),
        ("loitering yesterday", set(), {"loitering"}),
        ("gate no 2", {"gate-2"}, set()),
        ("Gate no 2 today", {"gate-2"}, set()),
        ("no parking", set(), {"no-parking"}),
        ("no-parking", set(), {"no-parking"}),
    ],
)
def test_the_name_of_a_place_means_that_place(text: str, cameras: set[str], zones: set[str]) -> None:
    asked = parse_query(text, PLACES, BERLIN, NOW)
    assert ({*asked.cameras}, {*asked.zones}) == (cameras, zones)
    assert not (asked.kinds | asked.labels | asked.but | asked.but_places) and not asked.unknown


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("not at the doorbell", {"bell"}),
        ("nicht an der Klingel", {"bell"}),
        ("not at gate no 2", {"gate-2"}),
        ("not in no parking", {"no-parking"}),
        ("not in the dog house", {"dog-house"}),
    ],
)
def test_an_excluded_place_is_no_type(text: str, places: set[str]) -> None:
    asked = parse_query(text, PLACES, BERLIN, NOW)
    assert asked.but_places == places
    assert not asked.but | asked.cameras | asked.zones


def test_many_names_cost_nothing_where_they_are_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    names = SearchVocabulary(CAMERAS, people=[f"First{n} Last{n}" for n in range(300)])
    compiled, compile_pattern = list[str](), re.compile

    def counted(pattern: str) -> re.Pattern[str]:
        compiled.append(pattern)
        return compile_pattern(pattern)

    monkeypatch.setattr(re, "compile", counted)
    assert parse_query("not x and y and First7 Last7 " * 5, names, BERLIN, NOW).people == {"first7last7"}
    assert 0 < len(compiled) < 300


def test_words_that_mean_nothing_are_told() -> None:
    asked = parse_query("shiny elephant person near the moon", SearchVocabulary(CAMERAS, (), {"elephant"}), BERLIN, NOW)
    assert asked.unknown == ("shiny", "moon")
    assert (asked.kinds, asked.labels) == (frozenset({"person"}), frozenset({"elephant"}))


def test_a_place_with_a_word_in_its_name_that_means_something_else() -> None:
    cameras = {CameraId("first-floor"): "First floor", CameraId("new-barn"): "New barn"}
    asked = parse_query("the last person on the first floor yesterday", SearchVocabulary(cameras), BERLIN, NOW)
    assert (asked.cameras, asked.order, asked.count) == (frozenset({CameraId("first-floor")}), "newest", 1)
    asked = parse_query("animals in the new barn", SearchVocabulary(cameras), BERLIN, NOW)
    assert (asked.cameras, asked.only, asked.unknown) == (frozenset({CameraId("new-barn")}), "all", ())


def test_no_more_than_was_asked_for(index: Index) -> None:
    assert len(search_in_words(index, "this week", SearchableNames(CAMERAS), BERLIN, NOW, 3)[1]) == 3


def test_when_something_moved_in_a_spot_and_where_most_did() -> None:
    door, path = (0.1, 0.1, 0.2, 0.3), (0.5, 0.5, 0.9, 0.6)
    moved = [(1000, grid_of(door)), (2000, grid_of(door)), (5000, grid_of(path)), (9000, grid_of(door) | grid_of(path))]
    assert [(one.begin_ms, one.end_ms) for one in motion_in_spot(moved, door)] == [(9000, 10_000), (1000, 3000)]
    assert [(one.begin_ms, one.end_ms) for one in motion_in_spot(moved, path)] == [(5000, 10_000)]
    assert motion_in_spot(moved, (0.0, 0.9, 0.05, 1.0)) == []
    counts = heat(moved)
    assert max(counts) == 3
    assert counts[2 * COLUMNS + 4] == 3
    assert counts[9 * COLUMNS + 20] == 2
    assert sum(counts) == sum(grid.bit_count() for _, grid in moved)

"""Questions that exclude several things, or what can't be excluded."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tawny.model.ids import CameraId
from tawny.playback.search.query_parser import SearchQuery, SearchVocabulary, parse_query

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = round(datetime(2026, 11, 25, 15, tzinfo=BERLIN).timestamp() * 1000)
KNOWN = SearchVocabulary(
    {CameraId("front-gate"): "Front gate", CameraId("garden"): "Garden", CameraId("cam-101"): "Cam 101"},
    ("drive", "back-yard"), {"car", "dog", "cat", "fox"}, ("Anna", "Mark", "Ben Müller"), ("plates",),
)  # fmt: skip


def excluded(asked: SearchQuery) -> set[str]:
    return {*asked.but, *asked.but_places, *asked.but_read, *asked.but_marks}


def searched(asked: SearchQuery) -> set[str]:
    return {*asked.kinds, *asked.labels, *asked.cameras, *asked.zones, *asked.people, *asked.read, *asked.read_so}


@pytest.mark.parametrize(
    ("text", "without", "only", "unknown"),
    [
        ("anything but cars, dogs and cats", {"car", "dog", "cat"}, set(), ()),
        ("no cars, dogs, or cats", {"car", "dog", "cat"}, set(), ()),
        ("keine Autos, Hunde oder Katzen", {"car", "dog", "cat"}, set(), ()),
        ("ohne Autos, Hunde und Katzen", {"car", "dog", "cat"}, set(), ()),
        ("anyone except anna, mark or ben", {"anna", "mark", "benmüller"}, {"person"}, ()),
        ("anyone except anna, ben müller or mark", {"anna", "mark", "benmüller"}, {"person"}, ()),
        ("not at the front gate, back yard or drive", {"front-gate", "back-yard", "drive"}, set(), ()),
        ("not at the gate, at the garden or at the drive", {"front-gate", "garden", "drive"}, set(), ()),
        ("not kept, new or false alarms", {"kept", "new", "false alarm"}, set(), ()),
        ("no cars, elephants or cats", {"car", "cat"}, set(), ("elephants",)),
        ("außer Autos, Hunden und Katzen", {"car", "dog", "cat"}, set(), ()),
        ("außer Anna, Hunden und Katzen", {"anna", "dog", "cat"}, set(), ()),
        ("without a dog, yesterday", {"dog"}, set(), ()),
        ("without a dog, yesterday or today", {"dog"}, set(), ()),
        ("no dogs, cats in the garden", {"dog"}, {"cat", "garden"}, ()),
        ("no cars, at the gate or drive", {"car"}, {"front-gate", "drive"}, ()),
        ("no cars and no dogs and no cats", {"car", "dog", "cat"}, set(), ()),
        ("keine Autos und keine Hunde", {"car", "dog"}, set(), ()),
        ("keine Autos oder keine Hunde", {"car", "dog"}, set(), ()),
        ("keine Autos, keine Hunde und keine Katzen", {"car", "dog", "cat"}, set(), ()),
        ("ohne Autos und ohne Hunde", {"car", "dog"}, set(), ()),
        ("ohne Auto und nicht am Garden", {"car", "garden"}, set(), ()),
        ("neither cars nor dogs", {"car", "dog"}, set(), ()),
        ("neither cars, dogs nor cats", {"car", "dog", "cat"}, set(), ()),
        ("neither at the gate nor in the garden", {"front-gate", "garden"}, set(), ()),
        ("weder Autos noch Hunde", {"car", "dog"}, set(), ()),
        ("weder Anna noch Mark", {"anna", "mark"}, set(), ()),
    ],
)
def test_a_list_with_commas_is_excluded_as_a_whole(
    text: str, without: set[str], only: set[str], unknown: tuple[str, ...]
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (excluded(asked), searched(asked), asked.unknown) == (without, only, unknown)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("cars without plate AB 123", "without plate ab 123"),
        ("cars but not the plate AB123 or CD 456", "but not the plate ab123 or cd 456"),
        ("cars, no plate B AB 123", "no plate b ab 123"),
        ("cars ohne Kennzeichen B-AB 123", "ohne kennzeichen b-ab 123"),
        ("cars kein Kennzeichen B AB 123", "kein kennzeichen b ab 123"),
        ("cars not B AB 123", "not b ab 123"),
        ("cars not AB123", "not ab123"),
        ("cars not AB 123 or CD 456", "not ab 123 or cd 456"),
        ("cars, no AB 123, CD 456", "no ab 123 cd 456"),
        ("cars not 4821 or 4822", "not 4821 or 4822"),
        ("cars ohne AB 123 und CD 456", "without ab 123 and cd 456"),
        ("cars without B AB 12", "without b ab 12"),
        ("cars without B-AB 12", "without b-ab 12"),
        ("cars without plate B AB 12", "without plate b ab 12"),
        ("cars ohne Kennzeichen B AB 12", "ohne kennzeichen b ab 12"),
        ("cars without plate B-AB 12", "without plate b-ab 12"),
        ("cars no plate AB 12", "no plate ab 12"),
        ("cars no plates AB 123 or CD 12", "no plates ab 123 or cd 12"),
        ("cars no plate AB 31 or CD 456", "no plate ab 31 or cd 456"),
        ("cars no 4821 or AB 123", "no 4821 or ab 123"),
    ],
)
def test_an_excluded_plate_is_ignored_and_not_searched_for(text: str, ignored: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.unknown) == ({"car"}, set(), (ignored,))


@pytest.mark.parametrize(
    ("text", "without", "ignored"),
    [
        ("no cars or AB 123", {"car"}, "not ab 123"),
        ("not anna or AB 123", {"anna"}, "not ab 123"),
        ("ohne Anna und AB 123", {"anna"}, "not ab 123"),
        ("no cars or white vans", {"car"}, "not white vans"),
        ("no dogs, red cars or cats", {"dog"}, "not red cars or cats"),
        ("keine Hunde oder rote Autos", {"dog"}, "not red car"),
    ],
)
def test_what_cannot_be_excluded_of_a_list_is_ignored(text: str, without: set[str], ignored: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.colours, asked.unknown) == (set(), without, (), (ignored,))


OF_COLOURS = SearchVocabulary(
    {CameraId("rb"): "Red barn", CameraId("wh"): "White house", CameraId("st"): "Schwarzes Tor"}, (), {"car"}
)


@pytest.mark.parametrize(
    ("text", "only", "without", "unknown"),
    [
        ("no red cars", set(), set(), ("no red cars",)),
        ("keine roten Autos", set(), set(), ("keine roten autos",)),
        ("no red or white cars", set(), set(), ("no red or white cars",)),
        ("no red car at the red barn", {"rb"}, set(), ("no red car",)),
        ("not at the red barn or white house", set(), {"rb", "wh"}, ()),
        ("not at the barn", set(), {"rb"}, ()),
        ("no red barns", set(), {"rb"}, ()),
        ("Autos nicht am schwarzen Tor", {"car"}, set(), ("nicht am schwarzen tor",)),
        ("nicht beim schwarzen Tor oder beim Red barn", set(), {"rb"}, ("nicht beim schwarzen tor",)),
    ],
)
def test_a_colour_in_the_name_of_a_camera_excludes_no_camera(
    text: str, only: set[str], without: set[str], unknown: tuple[str, ...]
) -> None:
    asked = parse_query(text, OF_COLOURS, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.unknown) == (only, without, unknown)


@pytest.mark.parametrize(
    ("text", "only", "without", "unknown"),
    [
        ("no man in red or woman in blue", set(), set(), "no man in red or woman in blue"),
        ("keine roten Autos oder Personen in blau", set(), set(), "keine roten autos oder personen in blau"),
        ("no red cars and people at the gate", {"person", "front-gate"}, set(), "no red cars"),
        ("no red cars and a dog", {"dog"}, set(), "no red cars"),
        ("anything but red cars and dogs", set(), set(), "but red cars and dogs"),
        ("no red cars or anna", set(), {"anna"}, "no red cars"),
        ("neither red cars nor the front gate", set(), {"front-gate"}, "neither red cars"),
        ("no dogs, red cars or anna", set(), {"dog", "anna"}, "not red cars"),
        ("no red cars, dogs or cats", set(), set(), "no red cars or dogs or cats"),
        ("no small dogs, cats or foxes", set(), set(), "no small dogs or cats or foxes"),
        ("keine roten Autos, Hunde oder Katzen", set(), set(), "keine roten autos oder hunde oder katzen"),
        ("no red cars, anna or mark", set(), {"anna", "mark"}, "no red cars"),
        ("no black and white dogs or cats", set(), set(), "no black and white dogs or cats"),
        ("no red cars and white cars or dogs", set(), set(), "no red cars and white cars or dogs"),
        ("no red cars and dogs or cats", set(), set(), "no red cars and dogs or cats"),
        (
            "Mann nicht im roten Pulli oder in blauer Jacke",
            {"person"},
            set(),
            "nicht im roten pulli oder in blauer jacke",
        ),
        (
            "Mann nicht im roten Pulli oder im blauen Mantel",
            {"person"},
            set(),
            "nicht im roten pulli oder im blauen mantel",
        ),
        ("nicht im roten Auto oder am Garden", set(), {"garden"}, "nicht im roten auto"),
        ("nicht beim grauen Auto oder Hund", set(), set(), "nicht beim grauen auto oder hund"),
    ],
)
def test_what_is_joined_to_an_excluded_look_is_ignored_too_or_excluded(
    text: str, only: set[str], without: set[str], unknown: str
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.colours, asked.unknown) == (only, without, (), (unknown,))


WITH_BUSES = SearchVocabulary({}, (), {"car", "dog", "bus"})


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("no black cars, buses or dogs", "no black cars or buses or dogs"),
        ("no black cars and dogs or buses", "no black cars and dogs or buses"),
        ("nicht im roten Bus", "nicht im roten bus"),
        ("nicht im blauen Bus oder im roten Auto", "nicht im blauen bus oder im roten auto"),
        ("keine schwarzen Autos, Busse oder Hunde", "keine schwarzen autos oder busse oder hunde"),
    ],
)
def test_buses_with_an_excluded_look_are_ignored_too(text: str, unknown: str) -> None:
    asked = parse_query(text, WITH_BUSES, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.colours, asked.unknown) == (set(), set(), (), (unknown,))


CALLED_LIKE_LOOKS = SearchVocabulary(
    {CameraId("r"): "Red", CameraId("garage"): "Garage"}, ("green", "drive"), {"car"}, ("Rosa", "Braun", "Anna")
)


@pytest.mark.parametrize(
    ("text", "without", "only"),
    [
        ("anyone except rosa or anna", {"rosa", "anna"}, {"person"}),
        ("people except anna, rosa and braun", {"anna", "rosa", "braun"}, {"person"}),
        ("weder Rosa noch Anna", {"rosa", "anna"}, set()),
        ("nicht Braun gestern", {"braun"}, set()),
        ("not rosa or cars", {"rosa", "car"}, set()),
        ("cars not at red or in the garage", {"r", "garage"}, {"car"}),
        ("not in green or drive", {"green", "drive"}, set()),
    ],
)
def test_names_that_are_colours_are_excluded_with_others(text: str, without: set[str], only: set[str]) -> None:
    asked = parse_query(text, CALLED_LIKE_LOOKS, BERLIN, NOW_MS)
    assert (excluded(asked), searched(asked), asked.unknown) == (without, only, ())


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("no plates", {"plates"}),
        ("no plates in 2025", {"plates"}),
        ("no plates 18 november", {"plates"}),
        ("no plates after 22:00", {"plates"}),
        ("no plates may 12", {"plates"}),
        ("keine Kennzeichen ab 12 Uhr", {"plates"}),
        ("no plates 2 days ago", {"plates"}),
        ("no plates 100 minutes ago", {"plates"}),
        ("no plates 48 hours ago", {"plates"}),
        ("ohne Kennzeichen vor 100 Minuten", {"plates"}),
        ("not cam 101", {"cam-101"}),
        ("not cam101", {"cam-101"}),
    ],
)
def test_what_may_be_no_plate_is_excluded(text: str, without: set[str]) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.unknown) == (set(), without, ())


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("cars not monday, tuesday or wednesday", "not monday or tuesday or wednesday"),
        ("Autos nicht am Montag und Dienstag", "not in monday and tuesday"),
        ("cars neither monday nor tuesday", "neither monday nor tuesday"),
    ],
)
def test_days_of_a_list_are_ignored_together(text: str, ignored: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (asked.unknown, asked.has_time, searched(asked)) == ((ignored,), False, {"car"})


@pytest.mark.parametrize(
    ("text", "only", "unknown"),
    [
        ("no one at the gate", {"front-gate"}, ("no one",)),
        ("nobody at the gate", {"front-gate"}, ("nobody",)),
        ("niemand im Garden", {"garden"}, ("niemand",)),
        ("no one but anna", {"anna"}, ()),
        ("niemand außer Anna", {"anna"}, ()),
        ("no one other than anna", {"anna"}, ()),
        ("nobody apart from anna", {"anna"}, ()),
        ("nobody at the gate except anna", {"front-gate", "anna"}, ()),
        ("no one in the garden but anna", {"garden", "anna"}, ()),
        ("no one yesterday except anna", {"anna"}, ()),
        ("niemand am Drive außer Anna", {"drive", "anna"}, ()),
        ("keiner außer Anna", {"anna"}, ()),
        ("no people except anna", {"anna"}, ()),
        ("no person at the gate but anna", {"front-gate", "anna"}, ()),
        ("keine Personen außer Anna", {"anna"}, ()),
        ("no people but the unknown", {"unknown"}, ()),
        ("no people but cars", {"car"}, ()),
        ("no people except ben", {"benmüller"}, ()),
        ("kein Mann außer Ben Müller", {"benmüller"}, ()),
        ("no women except anna", {"anna"}, ()),
        ("without people except anna", {"anna"}, ()),
        ("nobody. except anna", {"anna"}, ()),
        ("no one on monday, tuesday or wednesday at the gate except anna", {"front-gate", "anna"}, ()),
    ],
)
def test_no_one_is_no_exclusion(text: str, only: set[str], unknown: tuple[str, ...]) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.unknown) == (only, set(), unknown)


@pytest.mark.parametrize(
    ("text", "without", "unknown"),
    [
        ("no people except at night", {"person"}, ("except at night",)),
        ("keine Personen außer nachts", {"person"}, ("except at night",)),
        ("no people except in red", {"person"}, ("except in red",)),
        ("no people except at the gate", {"person", "front-gate"}, ()),
        ("no people except kept", {"person", "kept"}, ()),
    ],
)
def test_people_stay_excluded_except_for_times_and_places(
    text: str, without: set[str], unknown: tuple[str, ...]
) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.has_time, asked.unknown) == (set(), without, False, unknown)


def test_people_of_a_list_are_excluded() -> None:
    assert excluded(parse_query("no people or dogs, but not at the gate", KNOWN, BERLIN, NOW_MS)) == {
        "person", "dog", "front-gate",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["nobody, but no cars", "no one at all, anything but cars", "niemand, keine Autos"])
def test_another_exclusion_after_no_one_is_one(text: str) -> None:
    assert excluded(parse_query(text, KNOWN, BERLIN, NOW_MS)) == {"car"}


NAMED_AS_TIMES = SearchVocabulary({CameraId("sunday"): "Sunday"}, (), {"car"}, ("April",))


@pytest.mark.parametrize(
    ("text", "without", "unknown"),
    [
        ("not in april", set(), ("not in april",)),
        ("not on sunday", set(), ("not on sunday",)),
        ("not april", {"april"}, ()),
        ("not at sunday", {"sunday"}, ()),
    ],
)
def test_a_time_that_is_also_a_name_is_excluded_as_a_time(
    text: str, without: set[str], unknown: tuple[str, ...]
) -> None:
    asked = parse_query(text, NAMED_AS_TIMES, BERLIN, NOW_MS)
    assert (searched(asked), excluded(asked), asked.unknown) == (set(), without, unknown)


@pytest.mark.parametrize("text", ["over 2 hours ago but less than 5 hours ago", "yesterday, but before 7 am"])
def test_but_before_a_time_is_no_exclusion(text: str) -> None:
    assert parse_query(text, KNOWN, BERLIN, NOW_MS).unknown == ()


@pytest.mark.parametrize("text", ["AB 123 or CD 456", "cars AB 123 oder CD 456", "AB 123 and CD 456 at the gate"])
def test_one_of_two_plates_is_searched_for(text: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert ({*asked.read}, asked.unknown) == ({"ab123", "cd456"}, ())


@pytest.mark.parametrize("text", ["AB 123, CD 456 or EF 789", "A1 BC 123 or DE 456", "AB 123 or CD 456 or EF 78"])
def test_plates_of_a_list_that_cannot_be_divided_are_unknown(text: str) -> None:
    asked = parse_query(text, KNOWN, BERLIN, NOW_MS)
    assert ({*asked.read}, asked.unknown[-1]) == (set(), text.rpartition(" ")[2])


def test_two_numbers_of_cameras_are_no_plates() -> None:
    gates = SearchVocabulary({CameraId("n1"): "Tor 500", CameraId("n2"): "Tor 600"})
    assert parse_query("500 or 600", gates, BERLIN, NOW_MS).cameras == {"n1", "n2"}


@pytest.mark.parametrize("text", ["no 500", "cars no 500"])
def test_a_number_after_no_may_be_a_plate(text: str) -> None:
    assert parse_query(text, KNOWN, BERLIN, NOW_MS).read == {"500"}

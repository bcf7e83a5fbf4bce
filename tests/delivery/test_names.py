from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tawny.delivery.file_names import (
    FOLDER_PRESETS,
    PRESETS,
    NamedFile,
    checked,
    checked_in_folder,
    name,
    name_stamp,
    other_name,
    piece_name,
    safe_names,
    shape,
)
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text

AT_MS = utc_from_text("2026-11-20T05:58:12.345Z")
FILE = NamedFile(CameraId("front-door"), AT_MS, "20261120T055812345-1a2b3c4d", "person")


def named(pattern: str, file_type: str = "mp4") -> str:
    return name(checked(pattern), FILE, file_type)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tawny", "front-door/2026/11/20/20261120T055812-1a2b3c4d.mp4"),
        ("rom-cam", "mp4/front-door/1795154292.mp4"),
        ("diycam", "20261120/camfront-door/front-door_20261120T055812.345Z.mp4"),
        ("pancake", "2026/11/20/20261120-055812-front-door.mp4"),
        ("{kind}/{camera} {id}.{type}", "person/front-door 20261120T055812345-1a2b3c4d.mp4"),
    ],
)
def test_a_pattern_is_filled(pattern: str, expected: str) -> None:
    assert named(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{id}.{ext}", "{ext} isn't a field"),
        ("{camera}.{type}", "one of"),
        ("{id}", "{type}"),
        ("/{id}.{type}", "not starting with /"),
        ("../{id}.{type}", "not starting with /"),
        ("a//{id}.{type}", "not starting with /"),
        ("{id}?.{type}", "not every system"),
        ("{id.__class__}.{type}", "isn't a field"),
    ],
)
def test_a_pattern_that_cannot_be_is_told(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked(pattern)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tawny", "front-door/2026/11/19/20261119T215812-1a2b3c4d.mp4"),
        ("rom-cam", "mp4/front-door/1795154292.mp4"),
        ("diycam", "20261119/camfront-door/front-door_20261119T215812.345-0800.mp4"),
        ("pancake", "2026/11/19/20261119-215812-front-door.mp4"),
    ],
)
def test_an_evening_lies_in_its_own_day(pattern: str, expected: str) -> None:
    """In California it is the evening before."""
    zone = ZoneInfo("America/Los_Angeles")
    assert name(checked(pattern), FILE, "mp4", zone) == expected


SECONDS_2000_TO_2037 = st.integers(946_684_800, 2_145_916_800)
ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Havana",
    "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Asia/Gaza", "Asia/Pyongyang", "Australia/Lord_Howe",
    "Pacific/Chatham", "Pacific/Apia", "Antarctica/Troll",
)  # fmt: skip
PLAIN = "{camera}/{year}{month}{day}{hour}{minute}{second}.{type}"
"""A pattern whose date and time alone tell two files apart."""


MORE_THAN_ONE_HOUR = ("Pacific/Chatham", "Antarctica/Troll")
"""Zones that repeat parts of two hours."""


def transitions(zone: ZoneInfo) -> list[int]:
    """Return the seconds at which clocks change, in two years."""
    found = list[int]()
    for low in range(1_750_000_000, 1_750_000_000 + 2 * 366 * 86_400, 4 * 3600):
        high = low + 4 * 3600
        if _offset(low, zone) != _offset(high, zone):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == _offset(low, zone) else (low, middle)
            found.append(high)
    return found


def _offset(at_s: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(at_s, zone).utcoffset()


def at_second(pattern: str, at_s: int, zone: tzinfo) -> str:
    return name(pattern, NamedFile(CameraId("porch"), at_s * 1000, "e", "person"), "mp4", zone)


@pytest.mark.shows("DY5")
@pytest.mark.parametrize("key", ZONES)
def test_no_two_times_around_a_change_of_clocks_have_the_same_name(key: str) -> None:
    """In the order of time, too, as folders are sorted by name, where one hour is repeated."""
    zone = ZoneInfo(key)
    for change_s in transitions(zone):
        seconds = range(change_s - 2 * 3600, change_s + 3 * 3600, 60)
        names = [at_second(PLAIN, at_s, zone) for at_s in seconds]
        is_unique, is_sorted = len(set(names)) == len(names), names == sorted(names)
        assert (is_unique, is_sorted or key in MORE_THAN_ONE_HOUR) == (True, True)


@given(SECONDS_2000_TO_2037, SECONDS_2000_TO_2037, st.sampled_from(ZONES))
@example(1_792_888_200, 1_792_891_800, "Europe/Berlin")  # half past two, twice
def test_two_names_never_collide(first_s: int, second_s: int, key: str) -> None:
    assume(first_s != second_s)
    for pattern in (PLAIN, *PRESETS.values()):
        assert at_second(pattern, first_s, ZoneInfo(key)) != at_second(pattern, second_s, ZoneInfo(key))


def test_presets_are_patterns() -> None:
    assert [checked(preset) for preset in PRESETS] == list(PRESETS.values())


def test_pieces_stand_beside_their_clip() -> None:
    assert piece_name("porch/a.mp4", 3) == "porch/a.003.mp4"


BERLIN = ZoneInfo("Europe/Berlin")
CLIP = NamedFile(
    CameraId("1"),
    utc_from_text("2026-11-21T15:45:00.120Z"),
    "e",
    "person",
    "front_door",
    utc_from_text("2026-11-21T16:00:00Z"),
    42,
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tawny", "1/2026-11-21/1_20261121_164500.mp4"),
        ("rom-cam", "front_door/1795275900.mp4"),
        ("diycam", "cam1_20261121_164500.mp4"),
        ("ropey-cam", "00042_20261121_164500.mp4"),
        ("sudocam", "1/20261121T154500120Z-20261121T160000000Z.mp4"),
        ("pancake", "20261121-164500.mp4"),
        ("pancake-clock", "20261121-1645.mp4"),
        ("{n}-{local:%j}.{type}", "42-325.mp4"),
    ],
)
def test_names_in_a_folder_are_those_people_know(pattern: str, expected: str) -> None:
    """In local time, even where the dates of the folders are in UTC."""
    found = name(checked_in_folder(pattern), CLIP, "mp4", local=BERLIN)
    assert found == expected
    assert shape(checked_in_folder(pattern)).fullmatch(found)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{local:%d/%m}.{type}", "with %Y, %m"),
        ("{local}.{type}", "with %Y, %m"),
        ("{local:%Z}.{type}", "with %Y, %m"),
        ("{n:5}.{type}", "five digits"),
        ("{camera:05}.{type}", "isn't a field"),
        ("{camera}.{type}", "one of"),
        ("{local:%Y}:{n}.{type}", "not every system"),
    ],
)
def test_a_pattern_of_a_folder_that_cannot_be_is_told(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked_in_folder(pattern)


def test_uploads_take_the_same_fields_except_the_end() -> None:
    assert checked("{n:05}_{local:%Y%m%d_%H%M%S}.{type}")
    for pattern in ("{camera}_{local:%Y%m%d-%H%M}.{type}", "{camera}-{start}-{end}.{type}"):
        with pytest.raises(ValueError):
            checked(pattern)


@pytest.mark.parametrize("pattern", ["diycam", "pancake", "pancake-clock"])
def test_the_repeated_hour_has_names_of_its_own(pattern: str) -> None:
    """Both changes of clocks, at every quarter."""
    for change_s in transitions(BERLIN):
        files = [
            NamedFile(CameraId("1"), at_s * 1000, "e", "person")
            for at_s in range(change_s - 7200, change_s + 10800, 900)
        ]
        names = [name(checked_in_folder(pattern), one, "mp4", BERLIN) for one in files]
        assert len(set(names)) == len(names)


def test_a_cameras_name_is_safe_in_any_folder() -> None:
    """RC2."""
    porch, x, left, again = (CameraId(one) for one in ("porch", "x", "left", "again"))
    named = {porch: "Front Door/Left", x: "../x", left: "Same", again: "same"}
    assert safe_names(named) == {porch: "front_door_left", x: "___x", left: "left", again: "again"}
    assert safe_names({x: "a\\b\x00c"}) == {x: "a_b_c"}
    assert safe_names({x: ""}) == {x: "x"}


def test_a_further_file_of_the_same_name_has_a_number() -> None:
    assert other_name("a/20261121-1645.mp4", 2) == "a/20261121-1645-2.mp4"
    assert other_name("a/20261121-1645.sheet.jpg", 2) == "a/20261121-1645-2.sheet.jpg"


def test_presets_of_folders_are_patterns() -> None:
    assert [checked_in_folder(preset) for preset in FOLDER_PRESETS] == list(FOLDER_PRESETS.values())


def test_rom_cams_keys_have_the_cameras_name_and_a_folder_for_each_form() -> None:
    file = NamedFile(CameraId("x"), AT_MS, "e", "person", called="front_door_left")
    made = [name(checked("rom-cam"), file, form) for form in ("ts", "mp4", "fmp4", "gif", "sheet", "jpg")]
    assert [one.replace("front_door_left/1795154292", "~") for one in made] == [
        "ts/~.ts", "mp4/~.mp4", "mp4/~.mp4", "gif/~.gif", "tiled/~.jpg", "jpg/~.jpg",
    ]  # fmt: skip


def test_a_contact_sheet_is_not_named_like_the_snapshot() -> None:
    assert named("tawny", "sheet") == "front-door/2026/11/20/20261120T055812-1a2b3c4d.sheet.jpg"
    assert named("tawny", "jpg") == "front-door/2026/11/20/20261120T055812-1a2b3c4d.jpg"


def test_names_of_downloads_and_exports_sort_by_time_when_clocks_are_set_back() -> None:
    begin = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    at = [(begin + timedelta(minutes=30 * n)).astimezone(ZoneInfo("America/New_York")) for n in range(6)]
    stamps = [name_stamp(one) for one in at]
    assert stamps[1:5] == [f"2026-11-01 {text}.00" for text in ("01.00", "01.30", "01B.00", "01B.30")]
    assert sorted(stamps) == stamps

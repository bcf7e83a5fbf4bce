from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tawny.delivery.destination import PRESETS, checked, name, piece_name
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text

AT_MS = utc_from_text("2026-11-20T05:58:12.345Z")


def named(pattern: str, file_type: str = "mp4") -> str:
    return name(checked(pattern), CameraId("front-door"), AT_MS, "20261120T055812345-1a2b3c4d", "person", file_type)


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
    key, zone = "20261120T055812345-1a2b3c4d", ZoneInfo("America/Los_Angeles")
    assert name(checked(pattern), CameraId("front-door"), AT_MS, key, "person", "mp4", zone) == expected


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
    return name(pattern, CameraId("porch"), at_s * 1000, "e", "person", "mp4", zone)


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

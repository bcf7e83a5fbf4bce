from collections.abc import Iterator
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.delivery.destination import RemoteFile
from tawny.delivery.file_names import FORMER_PRESETS, PRESETS, NamedFile, checked, name, other_name, piece_name
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text
from tawny.service.delivery.uploads import drop_unfinished, expired_files

AT_MS = utc_from_text("2026-11-20T05:58:12.345Z")
EVENT = "20261120T055812345-1a2b3c4d"
OURS = "20261120T055812-1a2b3c4d"
DAY_MS = 86_400_000
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (BERLIN, ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Auckland"))


FORMS = ("ts", "fmp4", "gif", "sheet", "jpg")


def swept(
    pattern: str, *names: str, before_ms: int = AT_MS + DAY_MS, modified_ms: int = 0, zone: tzinfo = UTC
) -> list[str]:
    files = [RemoteFile(one, 1, modified_ms) for one in names]
    return [there.name for there in expired_files(files, [checked(pattern)], before_ms, zone)]


@pytest.mark.parametrize("zone", [UTC, *ZONES], ids=str)
@pytest.mark.parametrize("preset", list(PRESETS))
def test_ours_go_when_they_are_old_and_not_before(preset: str, zone: tzinfo) -> None:
    ours = name(checked(preset), NamedFile(CameraId("front-door"), AT_MS, EVENT, "person"), "mp4", zone)
    assert swept(preset, ours, piece_name(ours, 3), zone=zone) == [ours, piece_name(ours, 3)]
    assert swept(preset, ours, before_ms=AT_MS - 345, zone=zone) == []
    others = [name(checked(preset), NamedFile(CameraId("yard"), AT_MS, EVENT, "person"), form, zone) for form in FORMS]
    assert swept(preset, *others, zone=zone) == others


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("was_utc", [False, True])
@pytest.mark.parametrize("preset", list(PRESETS))
def test_after_a_change_of_the_time_zone_none_goes_early(preset: str, zone: tzinfo, was_utc: bool) -> None:
    """From UTC to local time, a name is understood as the later of both."""
    named_in, swept_in = (UTC, zone) if was_utc else (zone, zone)
    ours = name(checked(preset), NamedFile(CameraId("front-door"), AT_MS, EVENT, "person"), "mp4", named_in)
    assert swept(preset, ours, before_ms=AT_MS - 345, zone=swept_in) == []
    assert swept(preset, ours, before_ms=AT_MS + DAY_MS, zone=swept_in) == [ours]


def test_the_second_of_two_equal_hours_is_the_later_one() -> None:
    first_ms = utc_from_text("2026-10-25T00:30:00Z")
    for number, at_ms in enumerate((first_ms, first_ms + 3_600_000)):
        ours = name(checked("pancake"), NamedFile(CameraId("front-door"), at_ms, EVENT, "person"), "mp4", BERLIN)
        assert ("02B30" in ours) == bool(number)
        # never before its time in UTC, which the name may also mean
        assert swept("pancake", ours, before_ms=at_ms + 3 * 3_600_000, zone=BERLIN) == [ours]
        assert swept("pancake", ours, before_ms=at_ms, zone=BERLIN) == []


@pytest.mark.parametrize(
    ("preset", "former_name"),
    [("tawny", f"front-door/2026/11/20/{EVENT}.mp4"), ("rom-cam", f"mp4/front-door/{AT_MS // 1000}.mp4")],
)
def test_names_of_the_former_layout_go_too(preset: str, former_name: str) -> None:
    former = [FORMER_PRESETS[preset], checked(preset)]
    there = RemoteFile(former_name, 1, 0)
    assert list(expired_files([there], former, AT_MS + DAY_MS)) == [there]
    assert list(expired_files([there], former, AT_MS - 345)) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("preset", ["rom-cam", "pancake", "diycam"])
def test_further_files_of_the_same_second_go_too(preset: str, form: str) -> None:
    ours = name(checked(preset), NamedFile(CameraId("front-door"), AT_MS, EVENT, "person"), form)
    further = [other_name(ours, 2), other_name(ours, 12)]
    further += [piece_name(further[0], 3)] if form == "fmp4" else []
    assert swept(preset, *further) == further
    assert swept(preset, *further, before_ms=AT_MS - 345) == []


@pytest.mark.parametrize(
    "foreign",
    [
        "holiday.mp4",
        "front-door/2026/11/20/notes.txt",
        f"front-door/2026/11/20/{OURS}.mp4.bak",
        f"front-door/2026/11/20/{OURS}-2.mp4",
        f"elsewhere/front-door/2026/11/20/{OURS}.mp4",
        f"front-door/2026/11/20/../../{OURS}.mp4",
        "front-door/2026/11/20/x.mp4",
    ],
)
def test_what_is_not_ours_is_never_touched(foreign: str) -> None:
    assert swept("tawny", foreign) == []


def test_without_a_time_in_its_name_a_files_own_age_counts() -> None:
    ours = f"{'ab' * 12}.mp4"
    assert swept("{id}.{type}", ours, modified_ms=AT_MS) == [ours]
    assert swept("{id}.{type}", ours, modified_ms=AT_MS + 2 * DAY_MS) == []
    assert swept("{id}.{type}", ours, modified_ms=0) == []


class Unfinished:
    """Uploads that were cut off, by name and begin."""

    def __init__(self, *found: tuple[str, int]) -> None:
        self.left = [(RemoteFile(name, 0, begun_ms), f"id of {name}") for name, begun_ms in found]

    def unfinished(self) -> Iterator[tuple[RemoteFile, str]]:
        yield from self.left

    def abort(self, name: str, upload: str) -> None:
        self.left = [(there, one) for there, one in self.left if (there.name, one) != (name, upload)]


def test_parts_of_an_upload_go_when_its_file_would() -> None:
    before_ms, ours = AT_MS + DAY_MS, f"front-door/2026/11/20/{OURS}.mp4"
    uploads = Unfinished((ours, AT_MS), ("holiday.mp4", AT_MS))
    assert drop_unfinished(uploads, [checked("tawny")], before_ms) == [ours]
    assert [there.name for there, _ in uploads.left] == ["holiday.mp4"]


@pytest.mark.parametrize(("day", "begun_ms"), [("20", AT_MS + 2 * DAY_MS), ("22", AT_MS)], ids=["begun", "named"])
def test_parts_of_a_recent_upload_or_file_stay(day: str, begun_ms: int) -> None:
    uploads = Unfinished((f"front-door/2026/11/{day}/202611{day}T055812-1a2b3c4d.mp4", begun_ms))
    assert drop_unfinished(uploads, [checked("tawny")], AT_MS + DAY_MS) == []
    assert uploads.left


@given(st.text(max_size=60))
def test_no_name_is_a_failure(odd: str) -> None:
    for preset in PRESETS:
        swept(preset, odd)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.delivery.destination import RemoteFile
from tawny.delivery.file_names import PRESETS, checked, name, piece_name
from tawny.delivery.remote_cleanup import expired_files
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text

AT_MS = utc_from_text("2026-11-20T05:58:12.345Z")
EVENT = "20261120T055812345-1a2b3c4d"
DAY_MS = 86_400_000


def swept(pattern: str, *names: str, before_ms: int = AT_MS + DAY_MS, modified_ms: int = 0) -> list[str]:
    files = [RemoteFile(one, 1, modified_ms) for one in names]
    return [there.name for there in expired_files(files, checked(pattern), before_ms)]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_ours_go_when_they_are_old_and_not_before(preset: str) -> None:
    ours = name(checked(preset), CameraId("front-door"), AT_MS, EVENT, "person", "mp4")
    assert swept(preset, ours, piece_name(ours, 3)) == [ours, piece_name(ours, 3)]
    assert swept(preset, ours, before_ms=AT_MS - DAY_MS) == []


@pytest.mark.parametrize(
    "foreign",
    [
        "holiday.mp4",
        "front-door/2026/11/20/notes.txt",
        f"front-door/2026/11/20/{EVENT}.mp4.bak",
        f"elsewhere/front-door/2026/11/20/{EVENT}.mp4",
        f"front-door/2026/11/20/../../{EVENT}.mp4",
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


@given(st.text(max_size=60))
def test_no_name_is_a_failure(odd: str) -> None:
    for preset in PRESETS:
        swept(preset, odd)

"""Names of files tell what is in them, and nothing else is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.storage.disk.layout import SOUND, SegmentName, is_camera, is_of_day, picture_path, scores_path, segment_name

PORCH, MAIN = CameraId("porch"), StreamName.MAIN
START = 1_795_154_292_345


def test_a_closed_and_an_open_segments_path() -> None:
    name = SegmentName(PORCH, MAIN, START, None)
    assert name.path == "porch/2026/11/20/05/20261120T055812.345Z.main.open.mp4"
    assert name.closed(START + 59_956).path == (
        "porch/2026/11/20/05/20261120T055812.345Z-20261120T055912.301Z.main.mp4"
    )


@pytest.mark.shows("SC26")
@given(
    start_ms=some.integers(0, 4_000_000_000_000),
    length_ms=some.none() | some.integers(0, 1_000_000),
    stream=some.sampled_from(StreamName),
    camera=some.from_regex(r"[a-z0-9](-?[a-z0-9]){0,19}", fullmatch=True).filter(is_camera),
)
def test_a_name_reads_back(start_ms: int, length_ms: int | None, stream: StreamName, camera: str) -> None:
    name = SegmentName(CameraId(camera), stream, start_ms, None if length_ms is None else start_ms + length_ms)
    assert segment_name(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "porch",
        "20261120T055812.345Z.main.open.mp4",
        "porch/2026/11/20/06/20261120T055812.345Z.main.open.mp4",
        "other/2026/11/20/05/20261120T055812.345Z.third.open.mp4",
        "porch/2026/11/20/05/20261120T055812.345Z.main.mp4",
        "porch/2026/11/20/05/20261120T055812.345Z-20261120T055712.345Z.main.mp4",
        "porch/2026/13/41/05/20261341T055812.345Z.main.open.mp4",
        "Porch/2026/11/20/05/20261120T055812.345Z.main.open.mp4",
        "../porch/2026/11/20/05/20261120T055812.345Z.main.open.mp4",
        "history/2026/11/20/05/20261120T055812.345Z.main.open.mp4",
    ],
)
def test_what_is_not_exactly_a_segments_path_is_none(path: str) -> None:
    assert segment_name(path) is None


@given(some.text(max_size=80))
def test_any_text_is_a_name_or_none(path: str) -> None:
    found = segment_name(path)
    assert found is None or found.path == path


@pytest.mark.parametrize("name", ["porch", "a", "front-door-2", "0"])
def test_cameras(name: str) -> None:
    assert is_camera(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "A", "lock", "history", "tawny.db", "x" * 41, "a/b", ".."])
def test_no_cameras(name: str) -> None:
    assert not is_camera(name)


def test_pictures_and_scores() -> None:
    event = Event(EventId("20261120T055812345-ab12"), PORCH, "motion", START, None, 3.0)
    assert picture_path(event) == "porch/2026/11/20/05/20261120T055812345-ab12.jpg"
    assert scores_path(PORCH, START) == "porch/2026/11/20/scores"
    assert scores_path(PORCH, START, "path") == "porch/2026/11/20/scores.path"
    assert scores_path(PORCH, START, SOUND) == "porch/2026/11/20/sound"
    assert is_of_day("sound")
    assert not is_of_day("scores.~sound")


def test_an_events_id_is_no_path() -> None:
    with pytest.raises(ValueError, match="name"):
        picture_path(Event(EventId("../../etc/x"), PORCH, "motion", START, None, 3.0))

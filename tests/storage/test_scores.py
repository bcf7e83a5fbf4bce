"""A byte a second, whoever asks for which seconds."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tawny.model.errors import DiskFull
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import UNKNOWN, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

PORCH = CameraId("porch")
MIDNIGHT = 1_795_219_200_000


def _scores() -> tuple[MotionScoreFile, MemoryDisk, FakeClock]:
    disk, clock = MemoryDisk(), FakeClock()
    return MotionScoreFile(Volume(disk), clock), disk, clock


def test_what_nobody_watched_is_unknown() -> None:
    scores, _, _ = _scores()
    assert scores.read(PORCH, Span(MIDNIGHT, MIDNIGHT + 3000)) == bytes([UNKNOWN] * 3)


def test_scores_are_there_at_once_and_after_they_were_written() -> None:
    scores, _, _ = _scores()
    scores.put(PORCH, MIDNIGHT + 1999, 7)
    within = Span(MIDNIGHT, MIDNIGHT + 3000)
    assert scores.read(PORCH, within) == bytes([UNKNOWN, 7, UNKNOWN])
    scores.flush()
    assert scores.read(PORCH, within) == bytes([UNKNOWN, 7, UNKNOWN])


def test_the_greatest_of_a_second_counts() -> None:
    scores, _, _ = _scores()
    for score in (5, 40, 12):
        scores.put(PORCH, MIDNIGHT, score)
        scores.flush()
    assert scores.read(PORCH, Span(MIDNIGHT, MIDNIGHT + 1)) == bytes([40])


def test_parts_of_seconds_count_as_whole_ones() -> None:
    scores, _, _ = _scores()
    assert len(scores.read(PORCH, Span(MIDNIGHT + 500, MIDNIGHT + 1500))) == 2
    assert len(scores.read(PORCH, Span(MIDNIGHT + 500, MIDNIGHT + 500))) == 1


def test_a_day_ends_and_another_begins() -> None:
    scores, disk, _ = _scores()
    for second in range(-2, 2):
        scores.put(PORCH, MIDNIGHT + second * 1000, 10 + second)
    scores.flush()
    assert scores.read(PORCH, Span(MIDNIGHT - 2000, MIDNIGHT + 2000)) == bytes([8, 9, 10, 11])
    assert {path: len(data) for path, data in disk.files.items()} == {
        "porch/2026/11/20/scores": 86_400,
        "porch/2026/11/21/scores": 86_400,
    }


def test_the_disk_is_written_to_every_ten_seconds_and_never_synced() -> None:
    scores, disk, clock = _scores()
    did: list[str] = []
    disk.before = lambda operation, _path: did.append(operation)
    for second in range(100):
        scores.put(PORCH, MIDNIGHT + second * 1000, 1)
        clock.advance(1)
    assert did.count("write") == 9
    assert "sync" not in did


def test_a_full_disk_loses_no_scores_that_it_takes_later() -> None:
    scores, disk, _ = _scores()

    def full(_operation: str, _path: str) -> None:
        raise DiskFull("disk")

    scores.put(PORCH, MIDNIGHT, 3)
    disk.before = full
    scores.flush()
    disk.before = lambda _operation, _path: None
    scores.flush()
    assert disk.files["porch/2026/11/21/scores"][0] == 3


@pytest.mark.parametrize("score", [-1, 101, 255])
def test_a_score_is_at_most_a_hundred(score: int) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        _scores()[0].put(PORCH, MIDNIGHT, score)


@given(some.dictionaries(some.integers(-100_000, 100_000), some.integers(0, 100), max_size=20), some.booleans())
@settings(max_examples=30, deadline=None)
def test_every_score_is_found_in_its_second(known: dict[int, int], flushed: bool) -> None:
    scores, _, _ = _scores()
    for second, score in known.items():
        scores.put(PORCH, MIDNIGHT + second * 1000, score)
    if flushed:
        scores.flush()
    read = scores.read(PORCH, Span(MIDNIGHT - 100_000_000, MIDNIGHT + 100_001_000))
    assert {at - 100_000: score for at, score in enumerate(read) if score != UNKNOWN} == known


def test_scores_on_a_real_disk(tmp_path: Path) -> None:
    scores = MotionScoreFile(Volume.at(tmp_path), FakeClock())
    scores.put(PORCH, MIDNIGHT, 9)
    scores.flush()
    assert scores.read(PORCH, Span(MIDNIGHT - 1000, MIDNIGHT + 2000)) == bytes([UNKNOWN, 9, UNKNOWN])

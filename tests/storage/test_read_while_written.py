"""What detection notes is read in full, also by a thread that reads while it is written out."""

from collections.abc import Callable
from typing import Any

import pytest

from tawny.model.ids import CameraId
from tawny.model.observations import MotionFigure
from tawny.model.times import Span
from tawny.storage.disk.disk import FolderEntry
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

DOOR = CameraId("door")
SECONDS = 8


def put_figure(files: MotionFigures, at_ms: int) -> None:
    files.put(DOOR, MotionFigure(at_ms, 1.0, 1.0, True, ()))


def put_grid(files: MotionGrids, at_ms: int) -> None:
    files.put(DOOR, at_ms, 1)


def put_score(files: MotionScoreFile, at_ms: int) -> None:
    files.put(DOOR, at_ms, 50)


@pytest.mark.parametrize(
    ("kind", "put"), [(MotionFigures, put_figure), (MotionGrids, put_grid), (MotionScoreFile, put_score)]
)
def test_what_is_written_out_meanwhile_is_read_once(
    monkeypatch: pytest.MonkeyPatch, kind: Callable[..., Any], put: Callable[[Any, int], None]
) -> None:
    clock, volume = FakeClock(), Volume(MemoryDisk())
    files, now_ms = kind(volume, clock), clock.now_ms() // 1000 * 1000
    for second in range(SECONDS):
        put(files, now_ms + second * 1000)
    entry, is_written = volume.disk.entry, list[bool]()

    def looked_up(path: str) -> FolderEntry | None:
        found = entry(path)
        if not is_written:
            is_written.append(True)
            files.flush()
        return found

    within = Span(now_ms, now_ms + SECONDS * 1000)
    monkeypatch.setattr(volume.disk, "entry", looked_up)
    amid = files.read(DOOR, within)
    assert is_written
    assert amid == files.read(DOOR, within)
    assert len(amid) == SECONDS
    if kind is MotionScoreFile:
        assert set(amid) == {50}

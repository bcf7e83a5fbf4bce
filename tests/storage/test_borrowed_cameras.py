"""What is left of cameras of other recorders is written again where the disk failed, and read as it was."""

from pathlib import Path

import pytest

from tawny.config.settings import RemovedCameraSettings
from tawny.model.errors import DiskFull
from tawny.storage.disk.volume import Volume
from tawny.storage.history.borrowed_cameras import BorrowedCameras, left_of_borrowed

FRONT = {
    "barn-front": RemovedCameraSettings(
        name="Front (Barn)", privacy_masks=(((0.1, 0.2), (0.3, 0.2), (1 / 3, 0.9)),), rotate=90, mirror=True
    )
}


def test_it_is_read_as_it_was(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    kept = BorrowedCameras(volume)
    kept.put(FRONT)
    kept.write()
    assert left_of_borrowed(volume.disk) == FRONT
    assert BorrowedCameras(volume).left == FRONT


def test_it_is_written_again_after_the_disk_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise DiskFull(str(tmp_path))

    volume = Volume.at(tmp_path)
    kept = BorrowedCameras(volume)
    kept.put(FRONT)
    with monkeypatch.context() as broken:
        broken.setattr(volume, "write_whole", full)
        kept.write()
    assert left_of_borrowed(volume.disk) == {}
    kept.write()
    assert left_of_borrowed(volume.disk) == FRONT

"""What is left of cameras of other recorders is written again where the disk failed, and read as it was."""

import json
from pathlib import Path

import pytest

from tawny.config.settings import RemovedCameraSettings, Settings
from tawny.model.errors import DiskFull, NotDone, StorageError
from tawny.storage.disk.volume import Volume
from tawny.storage.history.borrowed_cameras import BORROWED, DAMAGED, BorrowedCameras, left_of_borrowed, with_borrowed

MASK = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
YARD = {"barn-yard": RemovedCameraSettings(name="Yard (Barn)")}
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


def fails(*_: object) -> bytes:
    raise StorageError("history", "Input/output error")


def test_cameras_whose_masks_are_read_late_are_black_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(BORROWED, json.dumps({"barn-front": {"privacy_masks": [MASK]}}).encode())
    with monkeypatch.context() as broken:
        broken.setattr(volume.disk, "read", fails)
        kept = BorrowedCameras(volume)
    black = kept.masking(Settings(), "barn-front").removed_cameras["barn-front"].privacy_masks
    kept.write()
    known = kept.masking(Settings(), "barn-front").removed_cameras["barn-front"].privacy_masks
    assert (black, known) == ((((0, 0), (1, 0), (1, 1), (0, 1)),), (MASK,))


def test_a_read_error_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(BORROWED, json.dumps({"barn-front": {"name": "Front (Barn)"}}).encode())
    with monkeypatch.context() as broken:
        broken.setattr(volume.disk, "read", fails)
        kept = BorrowedCameras(volume)
        kept.put(YARD)
        kept.write()
    kept.write()
    assert set(left_of_borrowed(volume.disk)) == {"barn-front", "barn-yard"}


def test_a_damaged_file_is_put_aside_before_another_is_written(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(BORROWED, b'{"barn-front": {')
    kept = BorrowedCameras(volume)
    kept.put(YARD)
    kept.write()
    assert volume.disk.read(DAMAGED) == b'{"barn-front": {'
    assert "barn-yard" in json.loads(volume.disk.read(BORROWED))
    with pytest.raises(NotDone, match="is damaged"):  # commands must not show images without masks
        left_of_borrowed(volume.disk)


def test_a_damaged_file_is_no_trouble_once_it_is_deleted(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(BORROWED, b"{")
    kept = BorrowedCameras(volume)
    assert kept.trouble is not None
    volume.disk.unlink(DAMAGED)
    kept.write()
    assert kept.trouble is None


def removed(**said: object) -> Settings:
    return Settings.model_validate({"removed_cameras": {"barn-front": said}})


@pytest.mark.parametrize(
    ("said", "is_black"), [({"recipients": ()}, True), ({"name": "Yard", "recipients": ()}, False)]
)
def test_an_entry_with_keys_alone_shows_no_camera_whose_masks_are_lost(
    tmp_path: Path, said: dict[str, object], is_black: bool
) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(BORROWED, b"{")
    now = BorrowedCameras(volume).masking(removed(**said), "barn-front").removed_cameras["barn-front"]
    assert bool(now.privacy_masks) is is_black


def test_what_the_settings_file_says_of_a_removed_camera_stays() -> None:
    now = with_borrowed(removed(deleted_by="Anna"), FRONT).removed_cameras["barn-front"]
    assert (now.deleted_by, now.name, now.rotate) == ("Anna", "Front (Barn)", 90)
    assert now.privacy_masks == FRONT["barn-front"].privacy_masks


def test_masks_of_the_settings_file_have_its_orientation() -> None:
    now = with_borrowed(removed(privacy_masks=[MASK]), FRONT).removed_cameras["barn-front"]
    assert (now.privacy_masks, now.rotate, now.mirror) == ((MASK,), 0, False)


def test_what_is_left_is_replaced_also_where_the_settings_file_says_something() -> None:
    before = with_borrowed(removed(deleted_by="Anna"), FRONT)
    now = with_borrowed(before, {"barn-front": RemovedCameraSettings(name="Gate")}).removed_cameras["barn-front"]
    assert now == RemovedCameraSettings(name="Gate", deleted_by="Anna")

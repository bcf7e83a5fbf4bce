"""What is left of removed cameras is written again where the disk failed, and read as it was."""

import json
from pathlib import Path

import pytest

from tawny.config.retention import CameraRetentionSettings, StreamRetentionSettings
from tawny.config.settings import RemovedCameraSettings, Settings
from tawny.model.errors import DiskFull, NotDone, StorageError
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import DAMAGED, LEFT, LeftCameras, stored_left, with_left

MASK = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
YARD = {"barn-yard": RemovedCameraSettings(name="Yard (Barn)")}
FRONT = {
    "barn-front": RemovedCameraSettings(
        name="Front (Barn)", privacy_masks=(((0.1, 0.2), (0.3, 0.2), (1 / 3, 0.9)),), rotate=90, mirror=True
    )
}


def test_it_is_read_as_it_was(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    kept = LeftCameras(volume)
    kept.put(FRONT)
    kept.write()
    assert stored_left(volume.disk) == FRONT
    assert LeftCameras(volume).left == FRONT


def test_its_retention_is_read_as_it_was(tmp_path: Path) -> None:
    sub = StreamRetentionSettings(max_size="2.5 GB", max_files=1000)
    retention = CameraRetentionSettings(min="90 min", max="400 days", events={"person": "1 year"}, sub=sub)
    left = {"shed": RemovedCameraSettings(retention=retention, recipients=())}
    volume = Volume.at(tmp_path)
    kept = LeftCameras(volume)
    kept.put(left)
    kept.write()
    assert LeftCameras(volume).left == left


def test_without_a_retention_that_an_earlier_version_wrote_its_masks_apply(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    volume = Volume.at(tmp_path)
    earlier = {"shed": {"name": "Shed", "privacy_masks": [MASK], "retention": {"max": 34560000.0}}}
    volume.write_whole(LEFT, json.dumps(earlier).encode())
    kept = LeftCameras(volume)
    assert kept.left == {"shed": RemovedCameraSettings(name="Shed", privacy_masks=(MASK,))}
    assert kept.trouble is None
    assert "can't read the retention of shed" in caplog.text


def test_it_is_written_again_after_the_disk_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise DiskFull(str(tmp_path))

    volume = Volume.at(tmp_path)
    kept = LeftCameras(volume)
    kept.put(FRONT)
    with monkeypatch.context() as broken:
        broken.setattr(volume, "write_whole", full)
        kept.write()
    assert stored_left(volume.disk) == {}
    kept.write()
    assert stored_left(volume.disk) == FRONT


def fails(*_: object) -> bytes:
    raise StorageError("history", "Input/output error")


def test_cameras_whose_masks_are_read_late_are_black_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(LEFT, json.dumps({"barn-front": {"privacy_masks": [MASK]}}).encode())
    with monkeypatch.context() as broken:
        broken.setattr(volume.disk, "read", fails)
        kept = LeftCameras(volume)
    black = kept.masking(Settings(), "barn-front").removed_cameras["barn-front"].privacy_masks
    kept.write()
    known = kept.masking(Settings(), "barn-front").removed_cameras["barn-front"].privacy_masks
    assert (black, known) == ((((0, 0), (1, 0), (1, 1), (0, 1)),), (MASK,))


def test_a_read_error_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(LEFT, json.dumps({"barn-front": {"name": "Front (Barn)"}}).encode())
    with monkeypatch.context() as broken:
        broken.setattr(volume.disk, "read", fails)
        kept = LeftCameras(volume)
        kept.put(YARD)
        kept.write()
    kept.write()
    assert set(stored_left(volume.disk)) == {"barn-front", "barn-yard"}


def test_a_damaged_file_is_put_aside_before_another_is_written(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(LEFT, b'{"barn-front": {')
    kept = LeftCameras(volume)
    kept.put(YARD)
    kept.write()
    assert volume.disk.read(DAMAGED) == b'{"barn-front": {'
    assert "barn-yard" in json.loads(volume.disk.read(LEFT))
    with pytest.raises(NotDone, match="is damaged"):  # commands must not show images without masks
        stored_left(volume.disk)


def test_a_damaged_file_is_no_trouble_once_it_is_deleted(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(LEFT, b"{")
    kept = LeftCameras(volume)
    assert kept.trouble is not None
    volume.disk.unlink(DAMAGED)
    kept.write()
    assert kept.trouble is None


def removed(**data: object) -> Settings:
    return Settings.model_validate({"removed_cameras": {"barn-front": data}})


@pytest.mark.parametrize(
    ("said", "is_black"), [({"recipients": ()}, True), ({"name": "Yard", "recipients": ()}, False)]
)
def test_an_entry_with_keys_alone_shows_no_camera_whose_masks_are_lost(
    tmp_path: Path, said: dict[str, object], is_black: bool
) -> None:
    volume = Volume.at(tmp_path)
    volume.write_whole(LEFT, b"{")
    now = LeftCameras(volume).masking(removed(**said), "barn-front").removed_cameras["barn-front"]
    assert bool(now.privacy_masks) is is_black


def test_what_the_settings_file_says_of_a_removed_camera_stays() -> None:
    now = with_left(removed(deleted_by="Anna"), FRONT).removed_cameras["barn-front"]
    assert (now.deleted_by, now.name, now.rotate) == ("Anna", "Front (Barn)", 90)
    assert now.privacy_masks == FRONT["barn-front"].privacy_masks


def test_masks_of_the_settings_file_have_its_orientation() -> None:
    now = with_left(removed(privacy_masks=[MASK]), FRONT).removed_cameras["barn-front"]
    assert (now.privacy_masks, now.rotate, now.mirror) == ((MASK,), 0, False)


def test_what_is_left_is_replaced_also_where_the_settings_file_says_something() -> None:
    before = with_left(removed(deleted_by="Anna"), FRONT)
    now = with_left(before, {"barn-front": RemovedCameraSettings(name="Gate")}).removed_cameras["barn-front"]
    assert now == RemovedCameraSettings(name="Gate", deleted_by="Anna")

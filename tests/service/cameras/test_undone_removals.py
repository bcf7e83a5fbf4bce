"""What becomes of secrets, and of `secrets.toml`, when cameras are removed and restored."""

import errno
import os
from pathlib import Path

import pytest

from tawny.config import drafts, file_writing
from tawny.config.loader import read_settings
from tawny.config.settings import CameraSettings
from tawny.model.errors import FolderUnwritable
from tawny.model.ids import CameraId
from tawny.service.cameras.camera_setup import CameraRemoval, removed_values
from tawny.service.retention.recording_deletion import UNDO_S
from tests.service.cameras.test_camera_setup import KEEP, House

YARD, GATE = CameraId("yard"), CameraId("gate")
BOTH = (
    '[cameras.yard]\nsource = "rtsp://u:${CAMERA_YARD}@192.0.2.1/x"\n'
    '[cameras.gate]\nsource = "rtsp://u:${CAMERA_YARD}@192.0.2.2/x"\n[cameras.hall]\nsource = "demo:hall"\n'
)
ONE = (
    '[cameras.yard]\nsource = "rtsp://u:${CAMERA_YARD}@192.0.2.1/x"\n[cameras.gate]\nsource = "demo:gate"\n'
    '[cameras.hall]\nsource = "demo:hall"\n'
)
ONE_SECRET = 'CAMERA_YARD = "pw"\n'
BUSY = OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def house_with(folder: Path, secrets: str, text: str = BOTH) -> House:
    file = folder / "secrets.toml"
    file.write_text(secrets)
    file.chmod(0o600)
    return House(folder, text=text)


def secrets_of(house: House) -> str:
    return house.config.with_name("secrets.toml").read_text()


@pytest.mark.parametrize("changed", [False, True], ids=["at once", "after another change"])
@pytest.mark.parametrize("place", ["environment", "credential"])
def test_an_undo_writes_no_secret_that_comes_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, changed: bool
) -> None:
    if place == "environment":
        monkeypatch.setenv("CAMERA_YARD", "s3cret")
    else:
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials/CAMERA_YARD").write_text("s3cret\n")
    house = house_with(tmp_path, "")
    before = house.settings.cameras
    for camera in (GATE, YARD):
        house.setup.remove(camera, KEEP)
        assert "s3cret" not in secrets_of(house)
    if changed:
        house.setup.rename(CameraId("hall"), "Corridor")
    for camera in (YARD, GATE):
        house.setup.restore(camera)
        assert house.settings.cameras[camera] == before[camera]
    house.setup.removed.step()
    assert secrets_of(house) == ""


def test_a_secret_that_was_changed_meanwhile_stays_at_an_undo(tmp_path: Path) -> None:
    house = house_with(tmp_path, 'CAMERA_YARD = "old"\n')
    house.setup.remove(YARD, KEEP)
    house.config.with_name("secrets.toml").write_text(secrets_of(house).replace('"old"', '"new"'))
    house.setup.restore(YARD)
    house.setup.removed.step()
    assert secrets_of(house) == 'CAMERA_YARD = "new"\n'


@pytest.mark.parametrize("order", [(YARD, GATE), (GATE, YARD)])
@pytest.mark.parametrize("restarts", [False, True])
def test_two_cameras_with_one_password_are_restored_in_any_order(
    tmp_path: Path, order: tuple[CameraId, CameraId], *, restarts: bool
) -> None:
    house = house_with(tmp_path, 'CAMERA_YARD = "pw"\n')
    before = house.settings.cameras
    for camera in (GATE, YARD):
        house.setup.remove(camera, KEEP)
    now = house.restarted() if restarts else house
    for camera in order:
        now.setup.restore(camera)
        assert now.settings.cameras[camera] == before[camera]
    now.setup.removed.step()
    assert secrets_of(now) == 'CAMERA_YARD = "pw"\n'


def test_a_removal_is_written_with_its_undo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between two writes would take the undo and the password away, and leave the deletion of recordings."""
    house = house_with(tmp_path, 'CAMERA_YARD = "pw"\n')
    before, replace_file = house.settings.cameras[YARD], file_writing.replace_file

    def crash_afterwards(path: Path, text: str) -> None:
        replace_file(path, text)
        if path == house.config:
            raise KeyboardInterrupt

    monkeypatch.setattr(drafts, "replace_file", crash_afterwards)
    with pytest.raises(KeyboardInterrupt):
        house.setup.remove(YARD, CameraRemoval("Anna", with_recordings=True))
    monkeypatch.undo()
    again = house.restarted()
    again.setup.restore(YARD)
    assert again.settings.cameras[YARD] == before


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, *, after: int = 0) -> None:
    """Let this file be replaced only so often, as if it were mounted by itself."""
    replace, left = Path.replace, [after]

    def replaced(file: Path, target: Path) -> Path:
        if target.name == name:
            left[0] -= 1
            if left[0] < 0:
                raise error
        return replace(file, target)

    monkeypatch.setattr(Path, "replace", replaced)


def test_a_refused_removal_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_with(tmp_path, ONE_SECRET, ONE)
    refuse(monkeypatch, "tawny.toml", BUSY)
    for camera in (YARD, GATE):
        with pytest.raises(FolderUnwritable):
            house.setup.remove(camera, KEEP)
    assert (house.config.read_text(), secrets_of(house), house.applied) == (ONE, ONE_SECRET, [])


@pytest.mark.parametrize(("file", "after"), [("tawny.toml", 0), ("secrets.toml", 1)])
def test_after_a_crash_in_a_removal_the_settings_have_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, after: int
) -> None:
    house = house_with(tmp_path, ONE_SECRET, ONE)
    before = house.settings.cameras[YARD]
    refuse(monkeypatch, file, KeyboardInterrupt(), after=after)
    with pytest.raises(KeyboardInterrupt):
        house.setup.remove(YARD, KEEP)
    monkeypatch.undo()
    again = house.restarted()
    if after:
        again.setup.restore(YARD)
    assert again.settings.cameras[YARD] == before


@pytest.mark.parametrize("camera", [YARD, GATE])
def test_a_camera_goes_though_secrets_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, camera: CameraId
) -> None:
    """Its own password stays there, and the undo needs the run that removed it."""
    house = house_with(tmp_path, ONE_SECRET, ONE)
    before = house.settings.cameras[camera]
    refuse(monkeypatch, "secrets.toml", BUSY)
    house.setup.remove(camera, KEEP)
    assert (camera in read_settings(house.config).cameras, secrets_of(house)) == (False, ONE_SECRET)
    assert f"after a restart, the removed camera {camera} couldn't be restored" in caplog.text
    assert ("still holds CAMERA_YARD, which no setting names" in caplog.text) is (camera == YARD)
    house.setup.restore(camera)
    assert read_settings(house.config).cameras[camera] == before


@pytest.mark.parametrize("kept", ["", "{}", "[]", '{"version": 9, "password": "s3cret"}'])
def test_what_cannot_be_understood_of_a_removed_camera_goes(tmp_path: Path, kept: str) -> None:
    house = house_with(tmp_path, f'REMOVED_CAMERA_PORCH = \'{kept}\'\nREMOVED_SIGN = "mine"\nCAMERA_YARD = "pw"\n')
    house.setup.removed.step()
    assert secrets_of(house) == 'REMOVED_SIGN = "mine"\nCAMERA_YARD = "pw"\n'


def test_the_only_camera_comes_back_into_an_emptied_file_after_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path)
    before = house.settings.cameras
    house.setup.remove(YARD, KEEP)
    house.config.write_text("")
    again = house.restarted()
    again.setup.restore(YARD)
    assert again.settings.cameras == before


@pytest.mark.parametrize("ms", [0, 1, 400, 499, 500, 999])
def test_recordings_are_deleted_after_the_time_for_an_undo(ms: int) -> None:
    now_ms = 1_800_000_000_000 + ms
    removal = CameraRemoval("Anna", with_recordings=True)
    due = removed_values("yard", CameraSettings(source="demo:garden"), removal, now_ms)["delete_after"]
    assert UNDO_S + 1 <= due.timestamp() - now_ms / 1000 <= UNDO_S + 2

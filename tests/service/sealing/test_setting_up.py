"""Setting up encryption: a try that failed leaves nothing behind, so that the next one succeeds."""

import pkgutil
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.sealed.key_wrapping import Identity
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.sealing.sealing_service import SealingService
from tawny.testing.clock import FakeClock

TEXT = '[web]\nlisten = "127.0.0.1:8000"\n'
WRAPPED = b"age-encryption.org/v1\n-> scrypt "
OWNER, SHEET = Identity.new().recipient, Identity.new().recipient


class Recorder:
    """Settings in a file, and the service that changes them."""

    def __init__(self, folder: Path) -> None:
        self.file, self.keys = folder / "tawny.toml", folder / "data/keys"
        if not self.file.exists():
            self.file.write_text(TEXT)
        self.settings = read_settings(self.file)
        settings = ChangeableSettings(lambda: self.settings, self.apply, self.file)
        self.sealing = SealingService(folder / "data", FakeClock(), settings, "ab" * 32)

    def apply(self, new: Settings, _: str) -> None:
        self.settings = new

    def set_up(self) -> None:
        self.sealing.set_up(OWNER, SHEET, WRAPPED)

    def check_set_up(self) -> None:
        self.set_up()
        assert read_settings(self.file).encryption.recipients == (OWNER,)
        (way,) = self.sealing.now().ways
        assert (way.id, way.kind, way.recipient, way.in_force) == ("owner", "passphrase", OWNER, True)
        assert self.sealing.now().made_ms == FakeClock().now_ms()


def test_a_settings_file_with_a_slip_is_repaired_and_it_succeeds(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.file.write_text(TEXT + '[cameras.x]\nsourc = "demo:front"\n')
    with pytest.raises(SettingsError):
        recorder.set_up()
    assert list(recorder.keys.iterdir()) == []
    recorder.file.write_text(TEXT)
    recorder.check_set_up()


@pytest.mark.parametrize("name", ["owner.json", "sheet.json"])
def test_a_note_that_cannot_be_written_changes_nothing(tmp_path: Path, name: str) -> None:
    recorder = Recorder(tmp_path)
    in_the_way = recorder.keys / f"{name}.new"
    in_the_way.mkdir(parents=True)
    with pytest.raises(FolderUnwritable):
        recorder.set_up()
    assert [one.name for one in recorder.keys.iterdir()] == [in_the_way.name]
    assert recorder.file.read_text() == TEXT
    in_the_way.rmdir()
    recorder.check_set_up()


@pytest.mark.parametrize("end", ["os.write", "os.fsync", "tawny.service.sealing.sealing_service.change_seal"])
def test_it_can_be_begun_again_after_an_end_before_the_settings_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    copied_before(monkeypatch, end, tmp_path)
    Recorder(made(tmp_path / "data")).set_up()
    monkeypatch.undo()
    later = Recorder(tmp_path / "left")
    assert later.sealing.now().ways == []
    later.check_set_up()


def test_it_is_complete_after_an_end_when_the_settings_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied_before(monkeypatch, "tawny.service.sealing.sealing_service.UnlockMethodStore.finish", tmp_path)
    Recorder(made(tmp_path / "data")).set_up()
    monkeypatch.undo()
    later = Recorder(tmp_path / "left")
    assert later.sealing.now().recipients == (OWNER,)
    assert [(one.id, one.name) for one in later.sealing.now().ways] == [("owner", "Passphrase")]


def test_keys_of_an_earlier_set_up_are_left_and_named(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.set_up()
    recorder.file.write_text(TEXT)
    later = Recorder(tmp_path)
    with pytest.raises(NotDone, match="keys of an earlier set-up"):
        later.set_up()
    assert [one.id for one in later.sealing.now().ways] == ["owner"]


def test_a_key_that_cannot_be_completed_stops_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(tmp_path).set_up()
    (tmp_path / "data/keys/owner.age").rename(tmp_path / "data/keys/owner.age.new")

    def refused(*_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    assert Recorder(tmp_path).sealing.now().recipients == (OWNER,)


def test_a_key_that_cannot_be_completed_at_once_is_kept_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Path) -> None:
        raise OSError(5, "Input/output error")

    recorder = Recorder(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", refused)
        recorder.set_up()
    assert recorder.settings.encryption.recipients == (OWNER,)
    with pytest.raises(NotDone):
        recorder.set_up()
    assert Recorder(tmp_path).sealing.wrapped("owner") == WRAPPED


def test_a_key_that_was_restored_is_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.set_up()
    (recorder.keys / "owner.age.new").write_bytes(WRAPPED + b"of a try that was killed")
    assert Recorder(tmp_path).sealing.wrapped("owner") == WRAPPED


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def copied_before(monkeypatch: pytest.MonkeyPatch, call: str, folder: Path) -> None:
    """Copy `data` to `left` before the first call: what a power cut leaves."""
    owner, _, name = call.rpartition(".")
    place = pkgutil.resolve_name(owner)
    real = getattr(place, name)

    def copied(*args: Any, **named: Any) -> Any:
        if not (folder / "left").exists():
            copytree(folder / "data", folder / "left")
        return real(*args, **named)

    monkeypatch.setattr(place, name, copied)


def test_a_key_whose_name_cannot_be_noted_is_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    recorder.set_up()
    monkeypatch.setattr("secrets.token_hex", lambda _: "ab")
    (recorder.keys / "ab.json.new").mkdir()
    with pytest.raises(FolderUnwritable):
        recorder.sealing.add_way("Phone", WRAPPED)
    assert [one.id for one in recorder.sealing.now().ways] == ["owner"]

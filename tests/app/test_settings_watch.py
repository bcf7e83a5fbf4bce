"""Changes of the settings file: also those during the start, and again where the disk refused them."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.app.program import SettingsWatch
from tawny.config.settings import Settings
from tawny.model.errors import DiskFull, TawnyError
from tawny.model.messages import ProblemKind
from tawny.service.changeable_settings import ChangeableSettings
from tawny.testing.waiting import until


class Recorder:
    """errors: what applying raises, in order. applied: the camera names of the settings in force, in order."""

    def __init__(self, *errors: TawnyError) -> None:
        self.errors, self.applied = list(errors), list[list[str]]()

    def apply(self, settings: Settings, _: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.applied.append(sorted(settings.cameras))

    def look(self, watch: SettingsWatch) -> None:
        if watch.is_changed():
            watch.reload(ChangeableSettings(Settings, self.apply, None))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tawny.toml"
    _write(path, "front")
    return path


def _write(path: Path, *cameras: str, more: str = "") -> None:
    """Write it as an editor does: as another file that takes its place."""
    new = path.with_suffix(".new")
    new.write_text("".join(f'[cameras.{name}]\nsource = "demo:{name}"\n' for name in cameras) + more)
    new.replace(path)


def test_a_change_is_applied_once(config: Path) -> None:
    recorder, watch = Recorder(), SettingsWatch(config)
    recorder.look(watch)
    _write(config, "front", "yard")
    recorder.look(watch)
    recorder.look(watch)
    assert recorder.applied == [["front", "yard"]]


def test_what_the_disk_refuses_is_tried_again(config: Path) -> None:
    recorder, watch = Recorder(DiskFull("/data"), DiskFull("/data")), SettingsWatch(config)
    _write(config, "front", "yard")
    for _ in range(4):
        recorder.look(watch)
    assert recorder.applied == [["front", "yard"]]


def test_an_invalid_file_is_read_once_and_the_next_one_applied(config: Path) -> None:
    recorder, watch = Recorder(), SettingsWatch(config)
    _write(config, "front", more="[")
    recorder.look(watch)
    assert not watch.is_changed()
    [problem] = watch.problems()
    assert problem.what is ProblemKind.SETTINGS
    assert f"{config} was changed and is not valid" in problem.detail
    _write(config, "side")
    recorder.look(watch)
    assert recorder.applied == [["side"]]
    assert list(watch.problems()) == []


def test_a_secret_that_comes_after_its_setting_is_noticed(config: Path) -> None:
    recorder, watch = Recorder(), SettingsWatch(config)
    _write(config, "front", "yard", more='[web]\nname = "${BARN}"\n')
    recorder.look(watch)
    assert not watch.is_changed()
    secrets = config.with_name("secrets.toml")
    secrets.write_text('BARN = "Barn"\n')
    secrets.chmod(0o644)
    recorder.look(watch)
    assert "chmod 600" in next(iter(watch.problems())).detail
    secrets.chmod(0o600)
    recorder.look(watch)
    assert recorder.applied == [["front", "yard"]]


def test_without_a_file_nothing_changes(config: Path) -> None:
    assert not SettingsWatch(None).is_changed()
    watch = SettingsWatch(config)
    config.unlink()
    assert watch.is_changed()


def test_what_was_edited_just_before_a_stop_is_known(tmp_path: Path) -> None:
    """Without it, what was published at a former broker would stay there."""
    config, log = tmp_path / "tawny.toml", tmp_path / "log"
    config.write_text('[web]\nlisten = "127.0.0.1:0"\n')
    tawny = str(Path(sys.executable).with_name("tawny"))
    command = [tawny, "run", "--config", str(config), "--data", str(tmp_path / "data")]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            until(lambda: "tawny is running" in log.read_text(), 60, "the start")
            config.write_text(config.read_text() + '[mqtt]\nurl = "mqtt://127.0.0.1:9/other"\n')
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "changed settings take effect at the next start: mqtt" in log.read_text()

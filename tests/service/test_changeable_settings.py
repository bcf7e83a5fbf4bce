"""Single settings are written to the file with its comments, applied, and never over somebody else's change."""

import socket
from pathlib import Path

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SettingsError
from tawny.service.changeable_settings import ChangeableSettings, SettingConflict, SettingsEditor, SettingWrite
from tawny.testing.clock import FakeClock

FILE = """\
# my house
[web]
name = "Cottage"  # shown everywhere

[web.secure]
domain = "cam.example.org"

[cameras.front]
source = "demo:front"
record = "events"   # saves the disk
"""


class House:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "tawny.toml"
        self.file.write_text(FILE)
        self.settings = read_settings(self.file)
        self.editor = SettingsEditor(ChangeableSettings(lambda: self.settings, self.apply, self.file), FakeClock())

    def apply(self, new: Settings, _where: str) -> None:
        self.settings = new

    def change(self, path: str, value: object, before: object = None, by: str = "Anna") -> None:
        self.editor.change(SettingWrite(path, value, before), by)  # type: ignore[arg-type]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_told_so(house: House, number: float) -> None:
    for path in ("cameras.front.detection.frames", "cameras.front.lens.k1"):
        with pytest.raises(SettingsError) as refused:
            house.change(path, number)
        problem = refused.value.problems[0]
        assert (problem.path, problem.found, problem.allowed) == (path, str(number), "a number")
    assert house.file.read_text() == FILE


@pytest.mark.parametrize(
    ("path", "value", "before", "line"),
    [
        ("web.name", "Castle", "Cottage", 'name = "Castle"  # shown everywhere'),
        ("web.hosts", ["nas.local"], None, 'hosts = ["nas.local"]'),
        ("storage.buffer", "2 min", None, 'buffer = "2 min"'),
        ("storage.retention.max_size", "1 TB", None, 'max_size = "1 TB"'),
        ("cameras.front.rotate", "90", None, "rotate = 90"),
        ("cameras.front.detection.threshold", 30, None, "threshold = 30"),
        ("log.days", 7, None, "days = 7"),
        ("storage.encrypt", False, None, "encrypt = false"),
    ],
)
def test_one_value_is_written_and_applied_and_comments_stay(
    house: House, path: str, value: object, before: object, line: str
) -> None:
    house.change(path, value, before)
    text = house.file.read_text()
    assert line in text
    assert "# my house" in text and "# saves the disk" in text
    assert read_settings(house.file) == house.settings


def test_the_default_is_set_by_removing_the_key(house: House) -> None:
    house.change("cameras.front.record", None, "events")
    assert house.file.read_text() == FILE.replace('record = "events"   # saves', "# saves")
    assert house.settings.cameras["front"].record == "continuous"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("storage.buffer", "2 parsecs"),
        ("storage.buffer", "1 s"),
        ("log.level", "loud"),
        ("web.hosts", "nas.local"),
        ("log.days", True),
        ("storage.retention.min", "200 days"),
    ],
)
def test_what_is_invalid_changes_nothing(house: House, path: str, value: object) -> None:
    with pytest.raises(SettingsError):
        house.change(path, value)
    assert house.file.read_text() == FILE


@pytest.mark.parametrize("path", ["scripts.folder", "cameras.front.source", "storage.nothing", "cameras.back.record"])
def test_what_is_not_changed_here_is_refused(house: House, path: str) -> None:
    with pytest.raises(NotDone):
        house.change(path, "x")
    assert house.file.read_text() == FILE


def test_the_second_of_two_hears_who_was_first(house: House) -> None:
    house.change("web.name", "Castle", "Cottage", by="Ben")
    with pytest.raises(SettingConflict) as refused:
        house.change("web.name", "Palace", "Cottage")
    assert refused.value.value == "Castle"
    assert refused.value.last is not None and refused.value.last.by == "Ben"
    assert house.settings.web.name == "Castle"


def test_a_change_in_the_file_is_not_overwritten_either(house: House) -> None:
    house.file.write_text(FILE.replace("Cottage", "Shed"))
    with pytest.raises(SettingConflict) as refused:
        house.change("web.name", "Palace", "Cottage")
    assert refused.value.last is None


def test_a_secret_goes_to_its_own_file(house: House) -> None:
    house.change("web.metrics", "s3cret-token")
    assert "s3cret-token" not in house.file.read_text()
    assert "s3cret-token" in house.file.with_name("secrets.toml").read_text()
    assert house.file.with_name("secrets.toml").stat().st_mode & 0o77 == 0
    assert house.settings.web.metrics == "s3cret-token"
    found = next(one for one in house.editor.instances() if one.path == "web")
    assert found.written["metrics"].value is None


def test_settings_without_a_file_are_only_shown(house: House) -> None:
    editor = SettingsEditor(ChangeableSettings(Settings, house.apply, None), FakeClock())
    assert editor.instances()
    with pytest.raises(NotDone, match="aren't in a file"):
        editor.change(SettingWrite("web.name", "x"), "Anna")


@pytest.mark.parametrize(
    ("path", "value", "before"),
    [
        ("log.level", "${TOP}", None),
        ("web.name", "a${TOP}", "Cottage"),
        ("web.hosts", ["nas.lan", "${TOP}.lan"], None),
        ("cameras.front.name", "${TOP}", None),
    ],
)
def test_no_value_is_filled_with_a_secret(house: House, path: str, value: object, before: object) -> None:
    house.file.with_name("secrets.toml").write_text('TOP = "hunter2"\n')
    house.file.with_name("secrets.toml").chmod(0o600)
    with pytest.raises(SettingsError) as refused:
        house.change(path, value, before)
    assert [(one.path, one.found) for one in refused.value.problems] == [(path, "a reference to a secret")]
    assert "hunter2" not in str(refused.value)
    assert house.file.read_text() == FILE


def test_what_the_file_refers_to_stays(house: House) -> None:
    text = FILE.replace('source = "demo:front"', 'source = "rtsp://a:${TOP}@192.0.2.1/"')
    house.file.write_text(text)
    house.file.with_name("secrets.toml").write_text('TOP = "hunter2"\n')
    house.file.with_name("secrets.toml").chmod(0o600)
    house.change("cameras.front.rotate", "90")
    assert "${TOP}" in house.file.read_text()
    assert house.settings.cameras["front"].source == "rtsp://a:hunter2@192.0.2.1/"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("web.listen", "192.0.2.7:8000", "192.0.2.7 is no address of this computer"),
        ("web.rtsp", "192.0.2.7:8554", "192.0.2.7 is no address of this computer"),
        ("web.rtsp", "127.0.0.1:8000", "same port"),
    ],
)
def test_nobody_locks_himself_out(house: House, path: str, value: str, says: str) -> None:
    with pytest.raises(NotDone, match=says):
        house.change(path, value)
    assert house.file.read_text() == FILE


def test_a_port_of_another_program_is_refused(house: House) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(NotDone, match="in use"):
            house.change("web.rtsp", f"127.0.0.1:{other.getsockname()[1]}")
    house.change("web.listen", "0.0.0.0:8000")
    assert house.settings.web.listen == "0.0.0.0:8000"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cameras.front.detection.sound.model", "/tmp/evil.onnx"),
        ("cameras.front.detection.sound.labels", "labels.txt"),
        ("search.model", "evil.py"),
        ("object_detection.kinds", "..\\kinds.onnx"),
    ],
)
def test_a_browser_names_no_file(house: House, path: str, value: str) -> None:
    with pytest.raises(NotDone, match="can't name a file here"):
        house.change(path, value)
    assert house.file.read_text() == FILE


def test_what_another_program_writes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    house = House(tmp_path)
    applied: list[str] = []

    def apply(new: Settings, _where: str) -> None:
        if not applied:
            house.file.write_text(FILE.replace("# my house", "# our house"))
        applied.append(new.web.name)

    editor = SettingsEditor(ChangeableSettings(lambda: house.settings, apply, house.file), FakeClock())
    with pytest.raises(NotDone, match="changed meanwhile"):
        editor.change(SettingWrite("web.name", "Castle", "Cottage"), "Anna")
    assert applied == ["Castle", "Cottage"], "what was in force is so again"
    assert "# our house" in house.file.read_text() and "Castle" not in house.file.read_text()


def test_a_secret_does_not_take_a_name_of_the_environment(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_METRICS", "of-another-program")
    house.change("web.metrics", "s3cret-token")
    assert read_settings(house.file).web.metrics == "s3cret-token"

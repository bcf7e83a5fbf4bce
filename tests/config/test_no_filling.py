"""What people enter is never filled with a secret: a new `${NAME}` is refused by whatever changes the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tawny.config.changes import change_detection, change_modes, change_retention, modes_to_table, put_table
from tawny.config.drafts import SettingsDraft
from tawny.config.loader import read_settings
from tawny.config.settings import CameraSettings, DetectionSettings
from tawny.model.errors import SettingsError

FILE = """\
[cameras.porch]
source = "rtsp://a:${CAMERA_PORCH}@192.0.2.1/main"

[cameras.hall]
source = "demo:front"

[notifiers.phone]
url = "ntfy://ntfy.sh/${TOPIC}"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tawny.toml"
    made.write_text(FILE, encoding="utf-8")
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('CAMERA_PORCH = "hunter2"\nTOPIC = "t"\n', encoding="utf-8")
    secrets.chmod(0o600)
    return made


def edited(edit: Callable[[SettingsDraft], None]) -> Callable[[Path], object]:
    def change(path: Path) -> object:
        draft = SettingsDraft(path, "", {})
        edit(draft)
        return draft.understood()

    return change


def heard(sound: dict[str, str]) -> DetectionSettings:
    return DetectionSettings.model_validate({"sound": sound})


TAKEN: Any = "${CAMERA_PORCH}"
CHANGES: dict[str, Callable[[Path], object]] = {
    "a name": edited(lambda draft: draft.put_name("hall", TAKEN)),
    "a group": edited(lambda draft: draft.put_addresses("hall", {"group": TAKEN}, {})),
    "an address": edited(lambda draft: draft.put_addresses("hall", {"source": f"rtsp://a:{TAKEN}@198.51.100.9/"}, {})),
    "a new camera": edited(lambda draft: draft.add_camera("new", {"source": f"rtsp://a:{TAKEN}@198.51.100.9/"}, {})),
    "a destination": edited(lambda draft: draft.put("destinations", "nas", {"url": f"folder:/mnt/{TAKEN}"})),
    "a notifier": edited(lambda draft: draft.put("notifiers", "phone", {"url": f"ntfy://198.51.100.9/{TAKEN}"})),
    "a domain": edited(lambda draft: draft.put_secure_address({"domain": TAKEN}, {})),
    "the recorder's name": lambda path: put_table(path, "web", {"name": TAKEN}),
    "labels of sounds": lambda path: change_detection(path, "hall", heard({"model": "x.onnx", "labels": TAKEN}), ()),
    "channels of a mode": lambda path: change_modes(path, {"away": {"cameras": {"hall": {"channels": [TAKEN]}}}}, []),
    "a zone of a rule": lambda path: change_modes(path, {}, [{"when": {"zone": TAKEN}, "do": ["notify phone"]}]),
    "a rule's name": lambda path: change_modes(path, {}, [{"name": TAKEN, "do": ["notify phone"]}]),
    "what is kept": lambda path: change_retention(path, {"min": TAKEN}, {}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_new_reference_is_refused(path: Path, change: Callable[[Path], object]) -> None:
    with pytest.raises(SettingsError) as refused:
        change(path)
    assert {one.found for one in refused.value.problems} == {"a reference to a secret"}
    assert "hunter2" not in str(refused.value)
    assert path.read_text(encoding="utf-8") == FILE


def test_those_of_the_file_stay_and_may_come_back(path: Path) -> None:
    change_modes(path, {**modes_to_table(read_settings(path).modes), "names": ["home", "out"]}, [])
    draft = SettingsDraft(path, "", {})
    table, secrets = draft.take_camera("porch")
    draft.remove_camera("porch")
    draft.understood()
    draft.write()
    draft = SettingsDraft(path, "", {})
    draft.put_camera("porch", table, secrets)
    assert draft.understood().cameras["porch"].source == "rtsp://a:hunter2@192.0.2.1/main"


def test_a_camera_keeps_its_password_at_another_of_its_addresses(path: Path) -> None:
    draft = SettingsDraft(path, "", {})
    draft.put_addresses("porch", {"sub": f"rtsp://a:{TAKEN}@192.0.2.1/sub"}, {})
    assert draft.understood().cameras["porch"].sub == "rtsp://a:hunter2@192.0.2.1/sub"


def test_who_has_the_shell_may_refer(path: Path) -> None:
    draft = SettingsDraft(path, "", {}, may_refer=True)
    draft.add_camera("yard", {"source": f"rtsp://a:{TAKEN}@192.0.2.2/"}, {})
    draft.understood()
    draft.write()
    assert read_settings(path).cameras["yard"] == CameraSettings(source="rtsp://a:hunter2@192.0.2.2/")

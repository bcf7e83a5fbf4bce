"""Commands take a camera's display name in place of its ID."""

from argparse import Namespace
from pathlib import Path

import pytest

from tawny.cli.camera_names import put_ids
from tawny.model.errors import NotDone
from tests.cli.conftest import Tawny

SETTINGS = """\
[cameras.door]
source = "demo:front"
name = "Kasse 2"

[cameras.yard]
source = "demo:front"
name = "Yard"

[cameras.hall]
source = "demo:front"
name = "yard"

[removed_cameras.barn]
name = "Old barn"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tawny.toml"
    path.write_text(SETTINGS)
    return path


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("door", "door"),
        ("Kasse 2", "door"),
        (" kasse  2", "door"),
        ("Old barn", "barn"),
        ("yard", "yard"),
        ("Kasse 2,barn", "door,barn"),
        (["Kasse 2", "barn"], ["door", "barn"]),
        ("unknown", "unknown"),
        ("kasse-2", "kasse-2"),
        ("all", "all"),
    ],
)
def test_a_name_is_replaced_by_its_id(file: Path, said: object, meant: object) -> None:
    args = Namespace(config=str(file), data=str(file.parent / "data"), camera=said)
    put_ids(args)
    assert args.camera == meant


def test_a_name_of_two_cameras_is_refused_with_their_ids(file: Path) -> None:
    with pytest.raises(NotDone, match="2 cameras are called 'YARD': yard, hall"):
        put_ids(Namespace(config=str(file), data=None, camera="YARD"))


def test_a_folder_of_recordings_is_no_name(file: Path) -> None:
    """A camera whose table was taken out of the settings by hand, and another one is called so now."""
    file.write_text(SETTINGS.replace("Kasse 2", "gate"))
    (file.parent / "data" / "gate").mkdir(parents=True)
    args = Namespace(config=str(file), data=str(file.parent / "data"), camera="gate")
    put_ids(args)
    assert args.camera == "gate"


def test_a_command_takes_the_name(tawny: Tawny, recorded: Path, file: Path) -> None:
    said = tawny("timeline", "--camera", "Kasse 2", "--from", "yesterday", "--data", str(recorded))
    assert (said.code, said.err) == (0, "")
    assert "recorded until" in said.out


def test_invalid_settings_do_not_stop_a_command_that_needs_none(file: Path) -> None:
    file.write_text("[cameras.door]\nsource = 5\n")
    args = Namespace(config=str(file), data=None, camera="door")
    put_ids(args)
    assert args.camera == "door"

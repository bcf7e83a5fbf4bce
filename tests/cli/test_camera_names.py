"""Commands take a camera's display name in place of its ID."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import pytest

from tawny.cli import cameras, events
from tawny.cli.camera_names import put_ids
from tawny.model.errors import NotDone
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import LEFT
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

[cameras.doorway-2]
source = "demo:front"
name = "Doorway"

[removed_cameras.barn]
name = "Old barn"

[removed_cameras.doorway-1]
name = "Doorway"
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
        ("old barn", "barn"),
        ("Doorway", "doorway-2"),
        ("doorway", "doorway"),
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


@pytest.mark.parametrize(("text", "cameras"), [("YARD", "yard, hall"), ("Hall", "hall, stairs")])
def test_what_can_be_two_cameras_is_refused_with_their_ids(file: Path, text: str, cameras: str) -> None:
    """The second one is the ID of a camera that has another name now."""
    file.write_text(SETTINGS + '[cameras.stairs]\nsource = "demo:front"\nname = "Hall"\n')
    with pytest.raises(NotDone, match=f"'{text}' can be 2 cameras: {cameras}"):
        put_ids(Namespace(config=str(file), data=None, camera=text))


@pytest.mark.parametrize("own", [False, True])
def test_names_of_another_recorder_mean_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    """`--data` of one recorder, run in the folder of another one's settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    if own:
        (tmp_path / "data" / "tawny.toml").write_text('[cameras.cam2]\nsource = "demo:front"\nname = "Kasse 2"\n')
    args = Namespace(config=None, data=str(tmp_path / "data"), camera="Kasse 2")
    put_ids(args)
    assert args.camera == ("cam2" if own else "Kasse 2")


def test_a_command_takes_the_name(tawny: Tawny, recorded: Path, file: Path) -> None:
    file.write_text(f'[storage]\npath = "{recorded}"\n{SETTINGS}')
    result = tawny("timeline", "--camera", "Kasse 2", "--from", "yesterday", "--data", str(recorded))
    assert (result.code, result.err) == (0, "")
    assert "recorded until" in result.out


def test_a_command_takes_the_name_of_a_camera_that_an_edit_removed(
    tawny: Tawny, recorded: Path, tmp_path: Path, file: Path
) -> None:
    data = copytree(recorded, tmp_path / "data")
    Volume.at(data).write_whole(LEFT, b'{"door": {"name": "Till 2"}}')
    file.write_text('[cameras.yard]\nsource = "demo:front"\n')
    result = tawny("timeline", "--camera", "Till 2", "--from", "yesterday", "--data", str(data), "--config", str(file))
    assert (result.code, result.err) == (0, "")
    assert "recorded until" in result.out


def test_so_do_accounts_and_access_tokens(tawny: Tawny, recorded: Path, tmp_path: Path, file: Path) -> None:
    data = ("--data", str(copytree(recorded, tmp_path / "data")), "--config", str(file))
    added = tawny("user", "add", "Anna", "--role", "viewer", "--cameras", "Kasse 2, Doorway", *data)
    assert (added.code, added.err) == (0, "")
    assert "can see door, doorway-2" in added.out
    made = tawny("tokens", "create", "screen", "--cameras", "Kasse 2", *data)
    assert "screen can see door live" in made.out


@pytest.mark.parametrize("do", [("report",), ("accept-login",), ("move", "192.0.2.7")])
def test_so_does_each_command_about_a_camera(
    tawny: Tawny, tmp_path: Path, file: Path, do: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    asked: list[object] = []

    def ask(_: Path, question: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(question["camera"])
        return {"known": []}

    monkeypatch.setattr(cameras, "ask_once", ask)
    monkeypatch.setattr(cameras, "is_running", lambda _: True)
    monkeypatch.setattr(cameras, "running_data", lambda _: tmp_path)
    name, *more = do
    tawny("cameras", name, "Kasse 2", *more, "--data", str(tmp_path / "data"), "--config", str(file))
    assert asked == ["door"]


def test_so_does_an_event_that_is_opened(tawny: Tawny, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ordered(*_: object, **order: object) -> int:
        asked.append(order["camera"])
        return 0

    monkeypatch.setattr(events, "ordered", ordered)
    tawny("event", "open", "Kasse 2", "--config", str(file))
    assert asked == ["door"]


@pytest.mark.parametrize("said", ["door", "Front door"])
def test_invalid_settings_do_not_stop_a_command_that_needs_none(file: Path, said: str) -> None:
    file.write_text("[cameras.door]\nsource = 5\n")
    args = Namespace(config=str(file), data=None, camera=said)
    put_ids(args)
    assert args.camera == said

"""`tawny cameras find`, `test`, `add` by address, `rename` and `remove`, against cameras on loopback."""

import io
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tawny.cli import camera_setup
from tawny.config.loader import read_settings
from tawny.model.geometry import Orientation
from tawny.sources.discovery import resolve, ws_discovery
from tawny.sources.discovery.networks import OwnNetwork
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import LEFT
from tawny.testing.clips import ClipSpec, clip_file, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tests.cli.conftest import Tawny
from tests.sources.onvif.fake_camera import served
from tests.support.nameless_user import forget_user_name
from tests.support.onvif_device import OnvifDevice, Stream, answering

PASSWORD = 's3c"ret/${x}@ü'
GROUP = ("239.255.255.250", 40_000 + os.getpid() % 10_000)


class House:
    """An ONVIF camera with two streams, on loopback as if on the local network."""

    def __init__(self, stack: ExitStack) -> None:
        setup = CameraSetup(user="admin", password=PASSWORD, login="md5")
        main = ClipSpec(width=640, height=360, seconds=3)
        self.main = stack.enter_context(RtspCamera(made_clip(main), setup))
        self.sub = stack.enter_context(RtspCamera(made_clip(ClipSpec(seconds=3)), setup))
        streams = (
            Stream("p0", "H264", 640, 360, f"rtsp://10.1.1.1:{self.main.port}/main"),
            Stream("p1", "H264", 320, 240, f"rtsp://10.1.1.1:{self.sub.port}/sub"),
        )
        device = stack.enter_context(served(OnvifDevice(password=PASSWORD, streams=streams)))
        assert isinstance(device, OnvifDevice)
        self.device = device


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with ExitStack() as stack:
        made = House(stack)
        stack.enter_context(answering(made.device, "127.0.0.1", GROUP))
        monkeypatch.setattr(camera_setup, "own_networks", lambda: [OwnNetwork("lo", "127.0.0.1", "127.0.0.0/30")])
        monkeypatch.setattr(ws_discovery, "GROUP", GROUP)
        monkeypatch.setattr(resolve, "ONVIF_PORTS", (made.device.port,))
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        yield made


def test_find_lists_the_camera_and_what_to_do_next(tawny: Tawny, house: House) -> None:
    result = tawny("cameras", "find", "--for", "0.5")
    assert result.code == 0, result.err
    assert "127.0.0.1" in result.out
    assert "Northlight NL-200" in result.out
    assert "tawny cameras add NAME 127.0.0.1 --user admin" in result.out


def test_find_as_json_and_marks_cameras_that_are_there(tawny: Tawny, house: House, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text('[cameras.gate]\nsource = "rtsp://127.0.0.1/x"\n')
    (found,) = json.loads(tawny("cameras", "find", "--for", "0.5", "--json").out)
    assert (found["place"], found["camera"], found["ways"]) == ("127.0.0.1", "gate", ["onvif"])
    assert found["identity"] == house.device.identity


def test_nothing_found_says_what_to_check(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_setup, "own_networks", list)
    result = tawny("cameras", "find", "--for", "0.5")
    assert (result.code, result.out.splitlines()[0]) == (0, "No camera answered.")
    assert "--probe" in result.out


def test_a_camera_is_tried_by_address_and_nothing_is_written(tawny: Tawny, house: House, tmp_path: Path) -> None:
    result = tawny("cameras", "test", "127.0.0.1", "--user", "admin", "--for", "1", "--picture", "front.jpg")
    assert result.code == 0, result.err
    assert "Northlight NL-200, firmware 1.0.7" in result.out
    assert "main: H.264 640x360, 15.0 frames/s" in result.out
    assert "sub: H.264 320x240" in result.out
    assert (tmp_path / "front.jpg").read_bytes().startswith(b"\xff\xd8")
    assert not (tmp_path / "tawny.toml").exists()
    assert PASSWORD not in result.out + result.err


def test_advice_makes_the_exit_code_1(tawny: Tawny, house: House) -> None:
    house.device.streams = house.device.streams[:1]
    house.main.clip = made_clip(ClipSpec(width=1920, height=1080, fps=5, seconds=2))
    result = tawny("cameras", "test", "127.0.0.1", "--user", "admin", "--for", "1", "--json")
    assert result.code == 1, result.err
    assert [one["code"] for one in json.loads(result.out)["advice"]] == ["no-sub-stream"]


def test_a_camera_is_added_by_its_address(tawny: Tawny, house: House, tmp_path: Path) -> None:
    result = tawny("cameras", "add", "front-door", "127.0.0.1", "--user", "admin")
    assert result.code == 0, result.err
    text = (tmp_path / "tawny.toml").read_text()
    assert PASSWORD not in text + result.out + result.err
    assert f"rtsp://admin:${{CAMERA_FRONT_DOOR}}@127.0.0.1:{house.main.port}/main" in text
    camera = read_settings(tmp_path / "tawny.toml").cameras["front-door"]
    assert camera.source.endswith(f":{house.main.port}/main")
    assert camera.sub.endswith(f":{house.sub.port}/sub")
    assert camera.onvif.endswith("/onvif/device_service")
    assert camera.record == "continuous"
    assert stat.S_IMODE((tmp_path / "secrets.toml").stat().st_mode) == 0o600
    tried = tawny("cameras", "test", "front-door", "--for", "1")
    assert tried.code == 0, tried.err


@pytest.mark.parametrize("words", [("127.0.0.1", "--user", "admin"), ("demo:garden",)])
def test_a_camera_is_added_to_record_only_around_events(
    tawny: Tawny, house: House, tmp_path: Path, words: tuple[str, ...]
) -> None:
    result = tawny("cameras", "add", "gate", *words, "--record", "events", "--skip-test")
    assert result.code == 0, result.err
    assert 'record = "events"' in (tmp_path / "tawny.toml").read_text()
    assert read_settings(tmp_path / "tawny.toml").cameras["gate"].record == "events"


@pytest.mark.parametrize("words", [("127.0.0.1", "--user", "admin"), ("demo:garden",)])
def test_a_camera_is_added_as_it_hangs(tawny: Tawny, house: House, tmp_path: Path, words: tuple[str, ...]) -> None:
    result = tawny("cameras", "add", "gate", *words, "--rotate", "270", "--mirror", "--skip-test")
    assert result.code == 0, result.err
    assert read_settings(tmp_path / "tawny.toml").cameras["gate"].orientation == Orientation(270, mirror=True)


@pytest.mark.parametrize("words", [("127.0.0.1", "--user", "admin"), ("rtsp://192.0.2.1/main",)])
@pytest.mark.parametrize(("option", "is_recorded"), [((), False), (("--no-sound",), False), (("--sound",), True)])
def test_sound_is_recorded_only_if_it_is_asked_for(
    tawny: Tawny, house: House, tmp_path: Path, words: tuple[str, ...], option: tuple[str, ...], is_recorded: bool
) -> None:
    result = tawny("cameras", "add", "gate", *words, *option, "--rotate", "90", "--skip-test")
    assert result.code == 0, result.err
    camera = read_settings(tmp_path / "tawny.toml").cameras["gate"]
    assert (camera.table("rtsp"), camera.rotate) == ({"sound": is_recorded}, 90)
    assert ("consent" in result.out) == (option == ())


def test_a_camera_without_a_choice_of_sound_gets_none(tawny: Tawny, tmp_path: Path) -> None:
    result = tawny("cameras", "add", "gate", "demo:garden", "--skip-test")
    assert "sound" not in (tmp_path / "tawny.toml").read_text().partition("[cameras.gate]")[2] + result.out


def test_a_wrong_password_adds_nothing(
    tawny: Tawny, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    monkeypatch.setattr(resolve, "RTSP_PORTS", (house.main.port,))
    result = tawny("cameras", "add", "front-door", "127.0.0.1", "--user", "admin")
    assert result.code == 22
    assert "user name or password" in result.err
    assert not list(tmp_path.glob("*.toml"))


def test_a_video_file_is_found_in_whatever_folder_tawny_starts(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").write_bytes(clip_file(ClipSpec()).read_bytes())
    monkeypatch.chdir(tmp_path)
    assert tawny("cameras", "add", "v", "clip.mp4").code == 0
    assert f'source = "{tmp_path / "clip.mp4"}"' in (tmp_path / "tawny.toml").read_text()


def test_an_id_that_is_taken_changes_nothing(tawny: Tawny, house: House, tmp_path: Path) -> None:
    before = '# mine\n[cameras.gate]\nsource = "demo:"  # keep\n'
    (tmp_path / "tawny.toml").write_text(before)
    for source in ("127.0.0.1", f"rtsp://admin@127.0.0.1:{house.main.port}/main"):
        result = tawny("cameras", "add", "gate", source)
        assert (result.code, "already have a camera gate" in result.err) == (3, True)
    assert (house.device.told, house.main.viewers) == ([], []), "nothing was asked of the camera"
    assert (tmp_path / "tawny.toml").read_text() == before


def test_a_camera_is_renamed_and_removed_and_comments_stay(tawny: Tawny, tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    gate = '[cameras.gate]\nsource = "rtsp://a:${CAMERA_GATE}@h/x"  # keep\n'
    path.write_text(f'# mine\n{gate}\n[cameras.barn]\nsource = "demo:"\n')
    secrets = tmp_path / "secrets.toml"
    secrets.touch(0o600)
    secrets.write_text('CAMERA_GATE = "pw"\nOTHER = "stays"\n')
    result = tawny("cameras", "rename", "gate", "Garden gate")
    assert result.code == 0, result.err
    assert read_settings(path).cameras["gate"].name == "Garden gate"
    assert "# keep" in path.read_text()
    result = tawny("cameras", "rename", "gate", "")
    assert "Gate" in result.out
    result = tawny("cameras", "remove", "gate")
    assert result.code == 0, result.err
    assert "Its recordings stay" in result.out
    assert list(read_settings(path).cameras) == ["barn"]
    assert read_settings(path).removed_cameras["gate"].name == "Gate"
    assert path.read_text().startswith("# mine")
    assert secrets.read_text() == 'OTHER = "stays"\n'


REMOVED = """[removed_cameras.gate]
privacy_masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.2]]]
rotate = 180
"""


def test_a_camera_that_a_rule_names_is_not_removed(tawny: Tawny, tmp_path: Path) -> None:
    text = '[cameras.gate]\nsource = "demo:front"\n\n[notifiers.phone]\nurl = "ntfy://topic"\ncameras = ["gate"]\n'
    (tmp_path / "tawny.toml").write_text(text)
    result = tawny("cameras", "remove", "gate")
    assert result.code == 3
    assert "named by notifiers.phone" in result.err
    assert (tmp_path / "tawny.toml").read_text() == text


def test_a_camera_with_the_id_of_a_removed_one_has_its_masks(tawny: Tawny, tmp_path: Path) -> None:
    """Recordings of both have one ID: without them, they would be uncovered."""
    (tmp_path / "tawny.toml").write_text(REMOVED)
    result = tawny("cameras", "add", "gate", "demo:front", "--skip-test")
    assert "privacy masks of the removed camera" in result.out
    settings = read_settings(tmp_path / "tawny.toml")
    camera = settings.cameras["gate"]
    assert (camera.privacy_masks, camera.rotate) == ((((0.0, 0.0), (0.5, 0.0), (0.5, 0.2)),), 180)
    assert settings.removed_cameras == {}


def test_so_has_one_with_the_id_of_a_camera_that_an_edit_removed(tawny: Tawny, tmp_path: Path) -> None:
    mask = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.2]]
    left = {"privacy_masks": [mask], "rotate": 180, "retention": {"max": "400 days"}, "recipients": []}
    Volume.at(tmp_path / "data").write_whole(LEFT, json.dumps({"gate": left}).encode())
    (tmp_path / "tawny.toml").write_text(f'[storage]\npath = "{tmp_path / "data"}"\n')
    result = tawny("cameras", "add", "gate", "demo:front", "--skip-test")
    assert "privacy masks and own retention of the removed camera" in result.out
    camera = read_settings(tmp_path / "tawny.toml").cameras["gate"]
    assert [list(map(list, one)) for one in camera.privacy_masks] == [mask]
    assert (camera.rotate, camera.retention and camera.retention.max) == (180, 400 * 86_400)


@pytest.mark.parametrize(
    ("left", "turned", "why"),
    [
        (REMOVED, ("--rotate", "90"), "Recordings of a removed camera gate may still be there."),
        (REMOVED + "delete_after = 2026-11-20T00:00:00Z\n", (), "removed camera gate has this ID, and its recordings"),
    ],
    ids=["masks of another image", "still to be deleted"],
)
def test_such_an_id_is_refused_where_it_would_uncover_or_keep_recordings(
    tawny: Tawny, tmp_path: Path, left: str, turned: tuple[str, ...], why: str
) -> None:
    """The entry stays for an hour after the last recording: a refusal must not say that there are any."""
    (tmp_path / "tawny.toml").write_text(left)
    result = tawny("cameras", "add", "gate", "demo:front", "--skip-test", *turned)
    assert result.code == 3
    assert why in result.err
    assert (tmp_path / "tawny.toml").read_text() == left


@pytest.mark.parametrize("action", ["rename", "remove"])
def test_an_unknown_camera_is_said(tawny: Tawny, tmp_path: Path, action: str) -> None:
    more = ["New name"] if action == "rename" else []
    assert tawny("cameras", action, "gate", *more).code == 3, "there are no settings"
    (tmp_path / "tawny.toml").write_text('[cameras.barn]\nsource = "demo:"\n')
    result = tawny("cameras", action, "gate", *more)
    assert result.code == 29
    assert "barn" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["find", "--for", "0"], ["find", "--for", "900"], ["test", "demo:", "--for", "0"], ["test", "what://ever"],
        ["add", "x", "192.0.2.1", "--sub", "demo:"], ["add", "x", "demo:", "--user", "a"], ["add", "X!", "192.0.2.1"],
    ],
)  # fmt: skip
def test_wrong_use_is_said(tawny: Tawny, words: list[str]) -> None:
    result = tawny("cameras", *words)
    assert result.code in (2, 3)
    assert result.err.startswith("tawny: ")


def test_recordings_are_deleted_only_when_it_is_confirmed(tawny: Tawny, tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text('[cameras.gate]\nsource = "demo:"\n')
    result = tawny("cameras", "remove", "gate", "--delete-recordings")
    assert (result.code, "--yes" in result.err) == (2, True)
    assert list(read_settings(path).cameras) == ["gate"]
    result = tawny("cameras", "remove", "gate", "--delete-recordings", "--yes", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["deletes"] is True
    gone = read_settings(path).removed_cameras["gate"]
    assert gone.delete_after is not None
    assert not gone.delete_kept


def test_a_user_id_without_a_name_removes_a_camera(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_user_name(monkeypatch)
    path = tmp_path / "tawny.toml"
    path.write_text('[cameras.gate]\nsource = "demo:"\n')
    result = tawny("cameras", "remove", "gate", "--delete-recordings", "--yes")
    assert result.code == 0, result.err
    assert read_settings(path).removed_cameras["gate"].deleted_by == str(os.getuid())


def test_a_source_that_hangs_is_told(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_setup, "HANGS_S", 0.05)
    monkeypatch.setattr(camera_setup, "FIRST_S", -1.0)
    may_go = threading.Event()
    monkeypatch.setattr(camera_setup, "try_streams", lambda *_: may_go.wait(20))
    result = tawny("cameras", "test", "demo:", "--for", "1")
    may_go.set()
    assert result.code == 3
    assert "The camera's source hangs" in result.err

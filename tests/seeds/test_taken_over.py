"""Settings of the systems that people come from become ours, or it is told why not. Nothing of them is run."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tawny.config.importers import LIKE
from tawny.config.importers.diycam import from_diycam
from tawny.config.importers.result import ImportSource
from tawny.config.loader import read_settings
from tawny.config.settings import is_camera_id
from tawny.sources.network_address import parse_rtsp
from tests.cli.conftest import Tawny, tawny
from tests.seeds.examples import DIYCAM, ROM_CAM, ROPEY, SUDOCAM

__all__ = ["tawny"]

PANCAKE = """
python3 recorder.py --port 8100 --resolution 1280 720 --fps 30 --vflip --login password.txt \\
  --record-detection all /srv/rec --detect image --detect-resize 224 224 --emit post
python3 post.py post --convert /srv/mp4 30 --upload-after-convert 3 --upload-minutes 5 20 \\
  --upload-scp pi@nas 22 /mnt/cam --upload-ftp ftp.example.org 21 me s3cret cam --notify-telegram 123:ABC 42
"""


def took(tawny: Tawny, folder: Path, theirs: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the command said, and the tawny.toml that it wrote, which the product accepts."""
    (folder / "theirs").write_text(theirs)
    result = tawny("import", "theirs", "--json")
    assert result.code == 0, result.err
    assert tawny("config", "check").code == 0
    return json.loads(result.out), tomllib.loads((folder / "tawny.toml").read_text())


@pytest.mark.shows("RC1", "RC2")
def test_rom_cam(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, ROM_CAM)
    camera = ours["cameras"]["front-door-left"]
    assert (camera["source"], camera["name"]) == ("/dev/video2", "Front Door/Left")
    assert (camera["v4l2"], camera["detection"]) == (
        {"size": "640x480", "fps": 10, "format": "h264"},
        {"detector": "edges"},
    )
    assert (ours["storage"], ours["web"]) == (
        {"mode": "memory", "retention": {"min": "0 s", "events": "0 s"}},
        {"listen": "127.0.0.1:8080"},
    )
    assert ours["modes"]["presence"]["ping"] == ["192.168.1.50"]
    assert ours["rules"] == [{"do": ["notify no one", "don't upload"], "when": {"mode": "home"}}]
    in_force = read_settings(tmp_path / "tawny.toml")
    assert in_force.destinations["bucket"].url == "s3://AKIA:se%2Fcret@my-bucket?region=us-east-1"
    assert in_force.destinations["bucket"].names == "rom-cam"
    assert in_force.notifiers["slack"].url == "slack://T000/B000/XXXX"
    assert answer["left"].keys() == {"ffmpeg_path", "load_kernel_module"}
    assert answer["became"].keys() | answer["left"].keys() == tomllib.loads(ROM_CAM).keys()


@pytest.mark.shows("RC1")
def test_rom_cam_with_only_a_name(tawny: Tawny, tmp_path: Path) -> None:
    _, ours = took(tawny, tmp_path, 'name = "../x"')
    assert list(ours["cameras"]) == ["x"]
    assert ours["cameras"]["x"]["source"] == "/dev/video0"


@pytest.mark.shows("DY1")
def test_diycam(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, DIYCAM)
    assert ours["cameras"]["garage"] == {
        "source": "/dev/video1",
        "record": "events",
        "pre": "4 s",
        "post": "2 s",
        "detection": {"detector": "counting", "counting": {"seconds": 4, "kernel": 21}},
    }
    assert read_settings(tmp_path / "tawny.toml").cameras["1"].source == "rtsp://admin:p%40ss@192.168.1.20/main"
    assert ours["storage"]["path"] == "/videos/tawny"
    not_needed = {"upload_dir", "error_dir", "segment_length", "stream_offset", "skip_frames"}
    assert {key for key, why in answer["left"].items() if why.startswith("not needed")} == not_needed
    assert answer["left"].keys() - not_needed == {"bucket", "spoilt"}
    assert not (tmp_path / "run-by-us").exists()


def test_diycam_cameras_with_alike_long_names_all_get_their_own(tmp_path: Path) -> None:
    long = "a" * 36
    text = f"cameras[{long}-3]=/dev/video0\ncameras[b]=/dev/video1\ncameras[{long.upper()}-3]=/dev/video2\n"
    cameras = from_diycam(ImportSource(text, tmp_path, tmp_path)).settings["cameras"]
    assert {name: one["source"] for name, one in cameras.items()} == {
        f"{long}-3": "/dev/video0",
        "b": "/dev/video1",
        f"{long}-4": "/dev/video2",
    }


def test_a_long_diycam_name_that_is_shortened_at_a_hyphen_stays_valid(tmp_path: Path) -> None:
    name = "a" * 35 + "-bcd"
    text = f"cameras[{name}]=/dev/video0\ncameras[{name.upper()}]=/dev/video1\n"
    cameras = from_diycam(ImportSource(text, tmp_path, tmp_path)).settings["cameras"]
    assert len(cameras) == 2
    assert all(is_camera_id(one) for one in cameras)


@pytest.mark.shows("RP22")
def test_ropey_cam(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, ROPEY)
    assert ours["cameras"]["yard"] == {
        "name": "Yard",
        "source": "picamera:0",
        "sub": "picamera:0/sub",
        "record": "events",
        "pre": "3 s",
        "post": "4 s",
        "picamera": {
            "size": "1600x1200",
            "sub_size": "512x384",
            "fps": 20,
            "brightness": 0.25,
            "contrast": 1.0,
            "saturation": 1.0,
            "ev": 0.0,
            "flip": "left-right",
            "constraint": "normal",
            "exposure": "normal",
            "awb": "auto",
            "sensor_mode": "1",
        },
        "detection": {"detector": "framediff", "framediff": {"level": 420, "frames": 7, "rate": 20}},
    }
    assert ours["storage"]["retention"]["min_free"] == "20 %"
    assert answer["became"].keys() | answer["left"].keys() >= ropey_keys()
    assert all(why.startswith("not needed") for why in answer["left"].values())


def test_ropey_cam_without_a_storage_limit_keeps_its_own(tawny: Tawny, tmp_path: Path) -> None:
    _, ours = took(tawny, tmp_path, "[ropey]\nvideo_width = 1280\n")
    assert ours["storage"]["retention"]["min_free"] == "20 %"


def test_ropey_cam_with_detection_off_imports_it_off(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, ROPEY.replace("trigger_level = 420", "trigger_level = 999999"))
    detection = ours["cameras"]["yard"]["detection"]
    assert (detection["detector"], detection["detector_when_on"]) == ("off", "framediff")
    assert detection["framediff"]["level"] == 400
    assert "off" in answer["became"]["trigger_level"]


FIXED = """
is_noir = True
exposurevalue = -1.5
aeconstraintmode = 2
aeenable = False
exposuretime = 20000
analoguegain = 2.5
aeexposuremode = 1
aemeteringmode = 2
awbmode = 3
awbenable = False
redcolourgain = 1.25
bluecolourgain = 2.0
hasautofocus = True
afmetering = 1
afmode = 0
lensposition = 4.5
afrange = 2
sensor_mode = 0
"""


@pytest.mark.shows("RP22")
def test_ropey_cams_controls_all_become_settings(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, f"[ropey]{FIXED}")
    picamera = ours["cameras"]["ropey-cam"]["picamera"]
    assert picamera == {
        "size": "1280x720", "sub_size": "512x288", "fps": 20, "ev": -1.5, "exposure_time": 20_000, "gain": 2.5,
        "red_gain": 1.25, "blue_gain": 2.0, "constraint": "shadows", "exposure": "short", "metering": "average",
        "awb": "indoor", "focus": "manual", "focus_range": "full", "focus_window": "0.25,0.25,0.5,0.5",
        "lens_position": 4.5, "sensor_mode": "0", "tuning": "noir",
    }  # fmt: skip
    assert answer["left"].keys() == {"hasautofocus"}


@pytest.mark.parametrize("line", ["awbmode = 7", "aemeteringmode = -1", "exposuretime = fast", "sensor_mode = 1.5"])
def test_ropey_cams_controls_out_of_range_are_told_with_their_line(line: str, tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(f"[ropey]\naeenable = False\n{line}\n")
    result = tawny("import", "theirs")
    assert result.code == 3
    assert "line 3" in result.err


def ropey_keys() -> set[str]:
    return {line.partition("=")[0].strip() for line in ROPEY.splitlines() if "=" in line}


@pytest.mark.shows("PK1", "PK18", "PK30")
def test_pancake(tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, PANCAKE)
    assert ours["cameras"]["camera"]["picamera"] == {"size": "1280x720", "fps": 30, "flip": "up-down"}
    assert ours["cameras"]["camera"]["detection"] == {
        "detector": "own",
        "own": {
            "file": str(tmp_path / "customize.py"),
            "every": "0.033 s",
            "deadline": "2.5 s",
            "width": 224,
            "height": 224,
        },
    }
    assert ours["webhooks"]["pancake"] == {
        "url": "unix:@post", "format": "pancake", "cameras": ["camera"], "events": ["event", "segment"],
        "clips": "/srv/rec",
    }  # fmt: skip
    when = {"upload": ["events"], "names": "pancake", "batch": 3, "minutes": [5, 20], "create_folder": True}
    assert ours["destinations"]["scp-1"] == {"url": "sftp://pi@nas:22/%2Fmnt%2Fcam", **when}
    in_force = read_settings(tmp_path / "tawny.toml")
    assert in_force.destinations["ftp-1"].url == "ftp://me:s3cret@ftp.example.org:21/cam"
    assert in_force.notifiers["telegram-1"].url == "telegram://123:ABC@42"
    assert {"--login", "customize.py"} <= answer["left"].keys()
    assert [ours["cameras"]["camera"][key] for key in ("record", "pre", "post")] == ["events", "3 s", "3 s"]


@pytest.mark.parametrize("rotation", [90, 270])
def test_pancakes_quarter_turns(rotation: int, tawny: Tawny, tmp_path: Path) -> None:  # PK2
    answer, ours = took(tawny, tmp_path, f"python3 recorder.py --rotation {rotation} --record-continuous /srv/rec\n")
    assert ours["cameras"]["camera"]["rotate"] == rotation
    assert "--rotation" in answer["became"]


@pytest.mark.shows("PK9")
@pytest.mark.parametrize(
    ("options", "record"),
    [
        ("--record-detection edge /srv/rec", "transitions"),
        ("--record-detection all /srv/rec", "events"),
        ("--record-continuous /srv/rec --record-detection edge /srv/rec", None),
    ],
)
def test_pancakes_ways_to_record(options: str, record: str | None, tawny: Tawny, tmp_path: Path) -> None:
    answer, ours = took(tawny, tmp_path, f"python3 recorder.py --fps 12 --detect image {options}\n")
    assert ours["cameras"]["camera"].get("record") == record
    assert "--record-detection" in answer["became"]


@pytest.mark.parametrize(
    ("theirs", "source", "login", "path", "secrets"),
    [
        ("rtsp://admin:plain@10.0.0.2/main", "rtsp://admin:${C}@10.0.0.2/main", "plain", "/main", ["plain"]),
        ("rtsp://admin:p/1@10.0.0.2:554/m", "rtsp://admin:${C}@10.0.0.2:554/m", "p/1", "/m", ["p%2F1"]),
        ("rtsp://admin:p?1@10.0.0.2/m", "rtsp://admin:${C}@10.0.0.2/m", "p?1", "/m", ["p%3F1"]),
        ("rtsp://admin:p#1@cam.lan/m", "rtsp://admin:${C}@cam.lan/m", "p#1", "/m", ["p%231"]),
        ("rtsp://admin:p@s/s@10.0.0.2/m", "rtsp://admin:${C}@10.0.0.2/m", "p@s/s", "/m", ["p%40s%2Fs"]),
        ("rtsp://admin:a@b/c@camera/m", "rtsp://admin:${C}@camera/m", "a@b/c", "/m", ["a%40b%2Fc"]),
        ("rtsp://admin:p%40ss@10.0.0.2/m", "rtsp://admin:${C}@10.0.0.2/m", "p@ss", "/m", ["p%40ss"]),
        ("rtsp://admin:100%@10.0.0.2/m", "rtsp://admin:${C}@10.0.0.2/m", "100%", "/m", ["100%25"]),
        ("rtsp://admin:p:1@[fd00::1]:8554/m", "rtsp://admin:${C}@[fd00::1]:8554/m", "p:1", "/m", ["p%3A1"]),
        ("rtsp://u:p@10.0.0.2/live@main", "rtsp://u:${C}@10.0.0.2/live@main", "p", "/live@main", ["p"]),
        (
            "rtsp://10.0.0.2/user=admin&password=pa/s?1&channel=1.sdp",
            "rtsp://10.0.0.2/user=admin&password=${C}&channel=1.sdp", "",
            "/user=admin&password=pa/s?1&channel=1.sdp", ["pa/s?1"],
        ),
        (
            "rtsp://10.0.0.2/user=admin_password=pa_s1_channel=1_stream=0.sdp",
            "rtsp://10.0.0.2/user=admin_password=${C}_channel=1_stream=0.sdp", "",
            "/user=admin_password=pa_s1_channel=1_stream=0.sdp", ["pa_s1"],
        ),
        (" rtsp://admin:pla in@10.0.0.2/main", "rtsp://admin:${C}@10.0.0.2/main", "pla in", "/main", ["pla%20in"]),
        (
            "rtsp://10.0.0.2/live?user=admin&pwd=p#1",
            "rtsp://10.0.0.2/live?user=admin&pwd=${C}", "", "/live?user=admin&pwd=p%231", ["p%231"],
        ),
        (
            "rtsp://u:p/1@10.0.0.2/live?token=abc",
            "rtsp://u:${C}@10.0.0.2/live?token=${C_2}", "p/1", "/live?token=abc", ["p%2F1", "abc"],
        ),
        (
            "rtsps://10.0.0.2:7441/Ab12Cd34Ef56Gh78",
            "rtsps://10.0.0.2:7441/${C}", "", "/Ab12Cd34Ef56Gh78", ["Ab12Cd34Ef56Gh78"],
        ),
    ],
)  # fmt: skip
def test_an_address_with_any_password_works_and_tells_none(
    theirs: str, source: str, login: str, path: str, secrets: list[str], tawny: Tawny, tmp_path: Path
) -> None:
    """For the camera: what tawny connects with is what was meant."""
    (tmp_path / "theirs").write_text(f"cameras[c]='{theirs}'\nsensitivity=4\n")
    result = tawny("import", "theirs")
    assert result.code == 0, result.err
    assert tomllib.loads((tmp_path / "tawny.toml").read_text())["cameras"]["c"]["source"] == source
    assert list(tomllib.loads((tmp_path / "secrets.toml").read_text()).values()) == secrets
    address = parse_rtsp(read_settings(tmp_path / "tawny.toml").cameras["c"].source)
    assert (address.password, address.path) == (login, path)
    shown = result.out + result.err + (tmp_path / "tawny.toml").read_text() + address.public.removesuffix(path)
    assert not [one for one in (*secrets, login) if len(one) > 2 and one in shown]


@pytest.mark.parametrize("address", ["mms://me:s3cret@10.0.0.2/video", "ftp://10.0.0.2/live", "SRT://a/b"])
def test_a_camera_with_an_unsupported_address_is_left_out_with_a_comment(
    address: str, tawny: Tawny, tmp_path: Path
) -> None:
    answer, ours = took(tawny, tmp_path, f"cameras[c]='{address}'\ncameras[d]=/dev/video1\nsensitivity=4\n")
    scheme = address.partition("://")[0]
    assert list(ours["cameras"]) == ["d"]
    assert answer["left"]["cameras[c]"].startswith(f"{scheme}:// addresses aren't supported")
    comment = next(line for line in (tmp_path / "tawny.toml").read_text().splitlines() if "cameras.c" in line)
    assert comment.startswith("# ")
    assert f"{scheme}://" in comment
    assert "s3cret" not in json.dumps(answer) + (tmp_path / "tawny.toml").read_text()


def test_an_import_without_a_camera_promises_no_recording(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text('name = "Door"\ndevice = "mms://10.0.0.2/video"\n')
    result = tawny("import", "theirs")
    assert result.code == 0, result.err
    assert "tawny run" not in result.out
    assert "tawny cameras add" in result.out
    assert "cameras" not in tomllib.loads((tmp_path / "tawny.toml").read_text())


@pytest.mark.parametrize(
    ("quoted", "password"),
    [(r'"a\$1"', "a$1"), (r"'a\$1'", r"a\$1"), (r'"a\${x}"', "a${x}"), (r'"a\`b"', "a`b"), (r'"a\\b"', r"a\b")],
)
def test_a_password_means_what_it_means_to_bash(quoted: str, password: str, tawny: Tawny, tmp_path: Path) -> None:
    address = f"{quoted[0]}rtsp://u:{quoted[1:-1]}@10.0.0.2/m{quoted[-1]}"
    (tmp_path / "theirs").write_text(f"cameras[c]={address}\nsensitivity=4\n")
    result = tawny("import", "theirs")
    assert result.code == 0, result.err
    assert parse_rtsp(read_settings(tmp_path / "tawny.toml").cameras["c"].source).password == password


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
@pytest.mark.parametrize("theirs", [ROM_CAM, DIYCAM, ROPEY, PANCAKE, SUDOCAM], ids=[*LIKE[:3], "pancake", "sudocam"])
def test_every_file_is_for_its_owner_only_from_its_creation(
    theirs: str, umask: int, tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    real = os.write

    def written(file: int, data: bytes) -> int:
        modes.append(os.fstat(file).st_mode & 0o077)
        return real(file, data)

    monkeypatch.setattr(os, "write", written)
    (tmp_path / "theirs").write_text(theirs)
    before = os.umask(umask)
    try:
        code = tawny("import", "theirs").code
    finally:
        os.umask(before)
    made = [path for path in tmp_path.iterdir() if path.name != "theirs"]
    assert (code, {path.stat().st_mode & 0o777 for path in made}, set(modes)) == (0, {0o600}, {0})


@pytest.mark.parametrize(
    "theirs",
    [
        "recorder.py --fps 10 --login admin:pLanted extra-pLanted\n",
        "recorder.py --port pLanted\n",
        "post.py post --convert a b --upload-ftp host 21 me pLanted\n",
        "post.py post --convert a b --notify-telegram pLanted 42\n",
    ],
)
def test_an_error_tells_no_value(theirs: str, tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(theirs)
    result = tawny("import", "theirs")
    assert (result.code, "pLanted" in result.out + result.err) == (3, False), result.err


@pytest.mark.parametrize("theirs", [ROM_CAM, DIYCAM, PANCAKE], ids=["rom-cam", "diycam", "pancake"])
def test_secrets_are_in_a_file_of_their_own(theirs: str, tawny: Tawny, tmp_path: Path) -> None:
    answer, _ = took(tawny, tmp_path, theirs)
    assert (tmp_path / "secrets.toml").stat().st_mode & 0o777 == 0o600
    shown = json.dumps(answer) + (tmp_path / "tawny.toml").read_text()
    for secret in ("se/cret", "se%2Fcret", "XXXX", "p%40ss", "s3cret", "123:ABC"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ('name = "door"\ndevice = /dev/video0\n', "line 2"),
        ('name = "door"\n\n\ndevice = [1,\n', "line 4"),
        ("cameras[1]=/dev/video0\nkernel='17\n", "line 2"),
        (
            "a letter\nto nobody\n",
            "SudoCam and Raspberry Pancake. There is no import for other recorders: add the cameras",
        ),
        ("[ropey]\nvideo_width = wide\n", "line 2"),
        ("recorder.py --vflip\nrecorder.py \\\n --fps quick\n", "line 2"),
        ("recorder.py --fps 10\npost.py a --convert a 10 --upload-minutes 5 60\n", "from 0 to 59"),
        ("cameras[1]=/dev/video0\nkernel=16\n", "line 2: diycam: kernel: this value can't be used; allowed: an odd"),
        ('{\n"cameraName": "x",\n"userConfig": {"recording_type": 9}}', "line 3"),
    ],
)
def test_what_is_broken_is_named_and_nothing_written(theirs: str, says: str, tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(theirs)
    result = tawny("import", "theirs")
    assert (result.code, says in result.err) == (3, True), result.err
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_settings_that_are_there_stay(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(ROPEY)
    (tmp_path / "tawny.toml").write_text("# mine\n")
    assert tawny("import", "theirs").code == 3
    assert tawny("import", "theirs", "--dry-run").code == 0
    assert (tmp_path / "tawny.toml").read_text() == "# mine\n"


def test_secrets_that_are_there_stay_and_another_folder_is_asked_for(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(ROM_CAM)
    (tmp_path / "secrets.toml").write_text("# mine\n")
    result = tawny("import", "theirs", "--config", "other.toml")
    assert (result.code, "Choose a file in another folder with `--config`." in result.err) == (3, True)
    assert (tmp_path / "secrets.toml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    "theirs",
    [DIYCAM, ROPEY, SUDOCAM, PANCAKE, ROM_CAM.replace('save_ts_dir = ""', 'save_ts_dir = "ts"')],
    ids=["diycam", "ropey-cam", "sudocam", "pancake", "rom-cam"],
)
def test_recordings_that_had_no_maximum_age_get_none(theirs: str, tawny: Tawny, tmp_path: Path) -> None:
    answer, _ = took(tawny, tmp_path, theirs)
    assert read_settings(tmp_path / "tawny.toml").storage.retention.max >= 100 * 365 * 86_400
    assert "space on the disk" in answer["became"]["(recordings have no maximum age)"]


def test_rom_cams_old_recordings_are_said_to_stay_in_the_folder(tawny: Tawny, tmp_path: Path) -> None:
    answer, _ = took(tawny, tmp_path, ROM_CAM.replace('save_ts_dir = ""', 'save_ts_dir = "ts"'))
    assert "delete or move the old recordings in it yourself" in answer["became"]["save_ts_dir"]


@pytest.mark.parametrize("system", LIKE)
def test_settings_like_those_of_another_recorder(tawny: Tawny, tmp_path: Path, system: str) -> None:
    result = tawny("init", "--like", system, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["became"]
    assert tawny("config", "check").code == 0
    made = read_settings(tmp_path / "tawny.toml")
    assert len(made.cameras) == 1
    assert (tmp_path / "tawny.toml").stat().st_mode & 0o777 == 0o600
    again = tawny("init", "--like", system)
    assert again.code != 0
    assert "already exists" in again.err


def test_settings_like_those_of_an_unknown_recorder(tawny: Tawny, tmp_path: Path) -> None:
    result = tawny("init", "--like", "blink")
    assert result.code == 2
    assert "ropey-cam" in result.err
    assert not list(tmp_path.glob("*.toml"))

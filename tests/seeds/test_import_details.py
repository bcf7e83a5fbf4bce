"""What people write in these files without the examples doing so: odd names, addresses, shell lines and units."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tawny.config.importers.diycam import from_diycam
from tawny.config.importers.pancake import from_pancake
from tawny.config.importers.result import SOURCES, ImportResult, ImportSource
from tawny.config.loader import read_settings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.network_address import parse_rtsp
from tests.cli.conftest import Tawny, tawny

__all__ = ["tawny"]

RECORDER = "python3 recorder.py --resolution 640 480 --record-continuous /srv/rec\n"
POST = "python3 post.py sock --convert /srv/mp4 12"


def diycam(folder: Path, text: str) -> ImportResult:
    return from_diycam(ImportSource(text, folder, folder))


def pancake(folder: Path, text: str) -> ImportResult:
    return from_pancake(ImportSource(text, folder, folder))


def test_every_camera_keeps_its_own_password(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GARAGE", "of the environment")
    passwords = {
        "cam": "A?token=B", "cam 2": "C", "1": "D", "camera 1": "E", "home": "F", "lang": "G", "garage": "H",
        "mail": "I", "lc_all": "J", "tawny-host": "K",
    }  # fmt: skip
    lines = [f"cameras[{key}]='rtsp://u:{one[0]}@10.0.0.2/x{one[1:]}'\n" for key, one in passwords.items()]
    (tmp_path / "theirs").write_text("".join(lines))
    assert tawny("import", "theirs").code == 0
    secrets = tomllib.loads((tmp_path / "secrets.toml").read_text())
    assert sorted(secrets.values()) == list("ABCDEFGHIJK")
    assert not {"HOME", "LANG", "MAIL", "GARAGE", "LC_ALL", "TAWNY_HOST"} & secrets.keys()
    cameras = read_settings(tmp_path / "tawny.toml").cameras
    assert cameras["cam"].source == "rtsp://u:A@10.0.0.2/x?token=B"
    assert [parse_rtsp(one.source).password for one in cameras.values()] == [one[0] for one in passwords.values()]


@pytest.mark.parametrize(
    ("theirs", "host", "user", "password", "path"),
    [
        ("rtsp://me@x.org:G@192.168.1.3/y?notify=me@x.org", "192.168.1.3", "me@x.org", "G", "/y?notify=me@x.org"),
        ("rtsp://u:p@localhost:8554/y?by=a@b.org", "localhost", "u", "p", "/y?by=a@b.org"),
        ("rtsp://u:p@[fd00::1]/y?by=a@b.org:1", "fd00::1", "u", "p", "/y?by=a@b.org:1"),
        ("rtsp://u:a@1.2.3.4.5@cam.lan/m", "cam.lan", "u", "a@1.2.3.4.5", "/m"),
    ],
)
def test_the_host_of_an_address_is_the_ip_address_in_it(
    theirs: str, host: str, user: str, password: str, path: str, tawny: Tawny, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_text(f"cameras[c]='{theirs}'\n")
    assert tawny("import", "theirs").code == 0
    address = parse_rtsp(read_settings(tmp_path / "tawny.toml").cameras["c"].source)
    assert (address.host, address.user, address.password, address.path) == (host, user, password, path)


def test_all_network_addresses_that_tawny_opens_are_taken_over(tmp_path: Path) -> None:
    registry = PluginRegistry.opened()
    schemes = {*(one.scheme for one in registry.sources.values()), "rtsps", "https", "rtmps", "rtmp-listen"}
    local = {"demo", "exec", "file", "phone", "picamera", "unix", "v4l2"}
    opened = {f"{one}://" for one in schemes - local if registry.source_of(f"{one}://10.0.0.2:5000/main")}
    assert opened == set(SOURCES)
    theirs = "cameras[a]=udp://239.0.0.1:5000\ncameras[b]=rtmps://10.0.0.2/live/x\n"
    found = diycam(tmp_path, theirs)
    assert [one["source"] for one in found.settings["cameras"].values()] == [
        "udp://239.0.0.1:5000", "rtmps://10.0.0.2/live/x",
    ]  # fmt: skip
    assert found.unsupported == {}


def test_other_devices_are_told_how_to_open_the_page(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(f"{RECORDER.strip()} --port 8100\n")
    said = tawny("import", "theirs", "--config", "ours.toml").out
    assert '--listen 0.0.0.0:8100, or set listen = "0.0.0.0:8100" under [web] in ours.toml' in said
    assert "account" not in said
    assert "--listen 0.0.0.0:8000" in tawny("init", "--like", "diycam").out


# DIY Security Cam: shell lines.


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ("bucket=my-cams\ncameras[1]=rtsp://u:p@10.0.0.1/x\nkernel=18\n", "line 3: diycam: kernel"),
        ("bucket=my-cams\ncameras[1]=rtsp://u:$P@10.0.0.1/x\n", "line 2: diycam: cameras[1]: it contains $P"),
        ("name=front\npython3 recorder.py --fps quick --record-continuous rec\n", "line 2: pancake:"),
    ],
)
def test_an_error_is_told_by_the_system_whose_file_it_is(theirs: str, says: str, tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(theirs)
    said = tawny("import", "theirs")
    assert (said.code, says in said.err) == (3, True), said.err


def test_what_is_not_needed_may_need_a_shell(tmp_path: Path) -> None:
    found = diycam(tmp_path, "cameras[1]=/dev/video0\nsegment_length=$((5*60))\nskip_frames=`nproc`\n")
    assert {"segment_length", "skip_frames"} == {key for key, why in found.left.items() if why.startswith("not needed")}


def test_all_assignments_of_a_shell_are_read(tmp_path: Path) -> None:
    theirs = (
        "declare -A cameras; cameras[1]=rtsp://u:p@10.0.0.1/a\\\nb\n"
        "sensitivity=5; kernel=9 # x\nsegment_length=300 skip_frames=2\n"
        "readonly bucket=my-bucket\ndeclare -r upload_dir=/u\ntypeset error_dir=/e; export monitor_dir=/v\n"
        "cameras[2]='rtsp://10.0.0.2/x'  cameras[3]=/dev/video1 # cameras[4]=/dev/video2 \\\ncameras[5]=/dev/video3\n"
    )
    found = diycam(tmp_path, theirs)
    cameras: dict[str, Any] = found.settings["cameras"]
    assert [one["source"] for one in cameras.values()] == [
        "rtsp://u:${CAMERA_1}@10.0.0.1/ab", "rtsp://10.0.0.2/x", "/dev/video1", "/dev/video3",
    ]  # fmt: skip
    assert cameras["1"]["detection"]["counting"] == {"seconds": 5, "kernel": 9}
    assert (found.settings["storage"]["path"], "my-bucket" in found.comment) == ("/v/tawny", True)
    assert found.left.keys() == {"bucket", "segment_length", "skip_frames", "upload_dir", "error_dir"}
    assert {key: found.lines[key] for key in ("cameras[1]", "kernel", "cameras[5]")} == {
        "cameras[1]": 1, "kernel": 3, "cameras[5]": 9,
    }  # fmt: skip


def test_lines_that_are_not_read_are_told(tmp_path: Path) -> None:
    theirs = (
        "\ufeffcameras[1]=/dev/video0\n monitor_dir = /v\n# kernel is 9\nif true; then kernel=9; fi\n"
        'mkdir -p "$monitor_dir" "${bucket}"  # monitor_dir\nread -r bucket\ncameras+=([9]=/dev/video9)\n'
    )
    (tmp_path / "theirs").write_text(theirs, encoding="utf-8")
    found = diycam(tmp_path, theirs.removeprefix("\ufeff"))
    unread = {key for key, why in found.left.items() if why.startswith("not read")}
    assert unread == {"monitor_dir (line 2)", "kernel (line 4)", "bucket (line 6)", "cameras (line 7)"}


def test_a_mark_of_the_byte_order_hides_no_line(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("\ufeffcameras[1]=/dev/video0\nmonitor_dir=/v\n", encoding="utf-8")
    assert list(json.loads(tawny("import", "theirs", "--json").out)["became"]) == ["cameras[1]", "monitor_dir"]


def test_diycam_cameras_keep_their_names(tmp_path: Path) -> None:
    theirs = {
        "Küche": "kueche", "Front Door": "front-door", "Straße": "strasse", "Café": "cafe", "garage": "garage",
        "1": "1", "名": "camera-7", "$X": "x",
    }  # fmt: skip
    found = diycam(tmp_path, "".join(f"cameras[{key}]=/dev/video0\n" for key in theirs))
    cameras = found.settings["cameras"]
    assert list(cameras) == list(theirs.values())
    names = {key: cameras[here].get("name") for key, here in theirs.items()}
    assert names == {key: None if key in ("garage", "1", "$X") else key for key in theirs}


# Raspberry Pancake: shell lines and units.


@pytest.mark.parametrize(
    "wrapped",
    [
        f"sh -c '{POST} --upload-minutes 5 35'\n",
        f"nohup /bin/bash -ec 'cd /tmp; exec {POST} --upload-minutes 5 35' &\n",
        f"""M="5 35"; sh -c "sh -c '{POST} --upload-minutes 5 35'"\n""",
    ],
)
def test_command_lines_inside_another_shell_are_read(wrapped: str, tmp_path: Path) -> None:
    found = pancake(tmp_path, f"{RECORDER.strip()} &\n{wrapped}")
    assert {"--upload-minutes", "--convert"} <= found.became.keys()


def test_a_shell_that_starts_itself_ends(tmp_path: Path) -> None:
    found = pancake(tmp_path, f"""X='sh -c "$X"; sh -c "$X"'\nsh -c "$X"\n{RECORDER}""")
    assert "--record-continuous" in found.became


def test_variables_of_a_script_are_known(tmp_path: Path) -> None:
    theirs = f'export BOT_TOKEN="12:abc" CHAT=7\nREC=$HOME/rec\nA=1 {POST} --notify-telegram $BOT_TOKEN $CHAT\n'
    theirs += "LOG=2 python3 recorder.py --record-continuous $REC --port 8100\n"
    found = pancake(tmp_path, theirs)
    assert found.secrets == {"TELEGRAM_1": "12:abc"}
    assert found.settings["storage"]["path"] == f"{tmp_path}/rec/tawny"
    assert found.settings["web"]["listen"].endswith(":8100")


def test_variables_of_a_unit_are_known(tmp_path: Path) -> None:
    theirs = f"""[Unit]
Description=Pancake's recorder
[Service]
Environment=TOKEN=12:abc "CHAT=-77"
EnvironmentFile=/etc/pancake.env
ExecStart=/usr/bin/{RECORDER.strip().replace("/srv/rec", "/srv/my" + chr(92) + "x20rec")}
ExecStartPost=/bin/sh -c '{POST} --notify-telegram ${{TOKEN}} $CHAT'
"""
    found = pancake(tmp_path, theirs)
    assert found.secrets == {"TELEGRAM_1": "12:abc"}
    assert found.settings["notifiers"]["telegram-1"]["url"] == "telegram://${TELEGRAM_1}@-77"
    assert found.settings["storage"]["path"] == "/srv/my rec/tawny"
    assert found.left["EnvironmentFile"].startswith("not read")


@pytest.mark.parametrize(("folder", "path"), [("'~/cams'", "cams"), ("'~'", ""), ("cams/a", "cams/a"), ("'a~'", "a~")])
def test_uploads_to_the_home_of_the_other_computer_go_there(folder: str, path: str, tmp_path: Path) -> None:
    theirs = f"{RECORDER}{POST} --upload-scp pi@nas.lan 22 {folder} --upload-ftp nas.lan 21 me pw {folder}\n"
    wanted = pancake(tmp_path, theirs).settings["destinations"]
    assert wanted["scp-1"]["url"].removeprefix("sftp://pi@nas.lan:22/").replace("%7E", "~") == path
    assert wanted["ftp-1"]["url"].removeprefix("ftp://me:${FTP_1}@nas.lan:21/").replace("%7E", "~") == path


def test_uploads_to_a_home_folder_itself_are_valid(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(
        f"{RECORDER}{POST} --upload-scp pi@nas.lan 22 '~' --upload-ftp nas.lan 21 me pw ~\n"
    )
    said = tawny("import", "theirs")
    assert said.code == 0, said.err
    assert tawny("config", "check").code == 0

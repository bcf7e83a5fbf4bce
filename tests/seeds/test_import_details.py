"""What people write in these files without the examples doing so: odd names, addresses, shell lines and units."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tawny.config.importers.diycam import from_diycam
from tawny.config.importers.pancake import from_pancake
from tawny.config.importers.result import SOURCES, ForeignFormatError, ImportResult, ImportSource
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
        ("rtsp://admin:12345/6@192.168.1.5/ch1", "192.168.1.5", "admin", "12345/6", "/ch1"),
        ("rtsp://admin:1?2@cam.lan:8554", "cam.lan", "admin", "1?2", "/"),
        ("rtsp://admin:1/2@cam.lan/ch1", "cam.lan", "admin", "1/2", "/ch1"),
    ],
)
def test_the_host_of_an_address_is_the_ip_address_in_it(
    theirs: str, host: str, user: str, password: str, path: str, tawny: Tawny, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_text(f"cameras[c]='{theirs}'\n")
    assert tawny("import", "theirs").code == 0
    address = parse_rtsp(read_settings(tmp_path / "tawny.toml").cameras["c"].source)
    assert (address.host, address.user, address.password, address.path) == (host, user, password, path)


@pytest.mark.parametrize(
    "theirs",
    [
        "rtsp://192.168.1.25:554/live/main@front",
        "rtsp://192.168.1.25/stream?user=me@example.com",
        "rtsp://nvr.lan:8554/hof@sub",
        "rtsp://nvr:8554/live?mail=a@b.c",
        "rtsp://camera/live@main",
        "rtsp://[fd00::1]:554/live@10.0.0.1",
        "rtsp://localhost/live@10.0.0.1",
        "http://192.168.1.24/videostream.cgi?user=me@example.com/x",
    ],
)
def test_an_at_in_the_path_ends_no_login(theirs: str, tmp_path: Path) -> None:
    found = diycam(tmp_path, f"cameras[c]='{theirs}'\n")
    assert (found.settings["cameras"]["c"]["source"], found.secrets) == (theirs, {})


@pytest.mark.parametrize(
    "source",
    [
        "http://10.0.0.2/v.cgi?loginuse=me&loginpas=${C}",
        "rtsp://10.0.0.2/0/me:${C}/main",
        "rtsp://10.0.0.2/me:${C}@main",
        "rtsp://10.0.0.2/a?usr=me&passwort=${C}",
        "http://10.0.0.2/v?pwd=${C}&user=me@x.org",
        "rtsp://nvr:8554/x?src=rtsp://me:${C}@cam/y",
        "rtsp://nvr:8554/x?src=rtsp://me:${C}@10.0.0.2/y",
    ],
)
def test_passwords_anywhere_in_a_path_go_to_the_secrets(source: str, tawny: Tawny, tmp_path: Path) -> None:
    theirs = source.replace("${C}", "s3cret")
    (tmp_path / "theirs").write_text(f"cameras[c]='{theirs}'\n")
    assert tawny("import", "theirs").code == 0
    assert tomllib.loads((tmp_path / "tawny.toml").read_text())["cameras"]["c"]["source"] == source
    assert tomllib.loads((tmp_path / "secrets.toml").read_text()) == {"C": "s3cret"}
    assert read_settings(tmp_path / "tawny.toml").cameras["c"].source == theirs
    assert "s3cret" not in tawny("config", "show").out


@pytest.mark.parametrize("path", ["vod/mp4:sample.mp4", "h264:1920x1080", "onvif:profile_1", "stream:video/live"])
def test_what_follows_a_colon_in_a_path_is_no_secret(path: str, tmp_path: Path) -> None:
    found = diycam(tmp_path, f"cameras[c]='rtsp://10.0.0.2/{path}'\n")
    assert (found.settings["cameras"]["c"]["source"], found.secrets) == (f"rtsp://10.0.0.2/{path}", {})


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
    output = tawny("import", "theirs", "--config", "ours.toml").out
    assert '--listen 0.0.0.0:8100, or set listen = "0.0.0.0:8100" under [web] in ours.toml' in output
    assert "account" not in output
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
    result = tawny("import", "theirs")
    assert (result.code, says in result.err) == (3, True), result.err


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


@pytest.mark.parametrize("begin", ["declare -A cameras=(", "cameras=("])
def test_cameras_in_one_list_are_read(begin: str, tmp_path: Path) -> None:
    theirs = (
        f"sensitivity=5\n{begin}  # all\n"
        '  [front]="rtsp://u:p@10.0.0.1/a)b"\n  # [old]=/dev/video8\n'
        '  ["back door"]=/dev/video1 [c]=/dev/video2)\nkernel=9\n'
    )
    found = diycam(tmp_path, theirs)
    cameras: dict[str, Any] = found.settings["cameras"]
    assert {name: one["source"] for name, one in cameras.items()} == {
        "front": "rtsp://u:${FRONT}@10.0.0.1/a)b", "back-door": "/dev/video1", "c": "/dev/video2",
    }  # fmt: skip
    assert cameras["c"]["detection"]["counting"] == {"seconds": 5, "kernel": 9}
    assert (found.left, found.lines["cameras[back door]"]) == ({}, 5)


def test_cameras_in_a_list_without_keys_are_told(tmp_path: Path) -> None:
    found = diycam(tmp_path, "cameras[1]=/dev/video0\ncameras=(/dev/video1)\n")
    assert found.left == {"cameras (line 2)": "not read: only KEY=VALUE and cameras[KEY]=ADDRESS are"}


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
    assert list(json.loads(tawny("import", "theirs", "--json").out)["became"])[:2] == ["cameras[1]", "monitor_dir"]


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


def test_the_lines_of_a_unit_may_have_any_order(tmp_path: Path) -> None:
    theirs = f"[Service]\nExecStart=/usr/bin/{RECORDER.strip().replace('/srv/rec', 'rec')}\n"
    theirs += f"ExecStartPost=/usr/bin/{POST} --notify-telegram ${{TOKEN}} -7\n"
    theirs += "Environment = TOKEN=12:abc\nWorkingDirectory=/home/pi/pancake\n"
    found = pancake(tmp_path, theirs)
    assert found.settings["storage"]["path"] == "/home/pi/pancake/rec/tawny"
    assert found.secrets == {"TELEGRAM_1": "12:abc"}


def test_units_in_one_file_have_folders_and_variables_of_their_own(tmp_path: Path) -> None:
    theirs = f"[Service]\nExecStart={RECORDER.strip().replace('/srv/rec', 'rec')} --emit x\nWorkingDirectory=/one\n"
    alone = pancake(tmp_path, theirs)
    assert "> both.service" in alone.left["(the post-processor)"]
    post = f"[Service]\nExecStart={POST} --log a.log\nWorkingDirectory=/two\n"
    assert "> both.service" in pancake(tmp_path, post).left["(the recorder)"]
    both = pancake(tmp_path, theirs + post)
    assert (both.settings["storage"]["path"], both.settings["log"]["file"]) == ("/one/rec/tawny", "/two/a.log")
    assert both.left == {}


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("${PORT:-8100}", 8100),
        ("${PORT-8100}", 8100),
        ("${SET:-8100}", 8200),
        ("${SET-8100}", 8200),
        ("${EMPTY:-8100}", 8100),
    ],
)
def test_a_value_for_a_variable_that_is_not_set_counts(text: str, port: int, tmp_path: Path) -> None:
    found = pancake(tmp_path, f"SET=8200 EMPTY=\n{RECORDER.strip()} --port {text}\n")
    assert found.settings["web"]["listen"].endswith(f":{port}")


@pytest.mark.parametrize(
    ("limit", "retention"),
    [
        ("", {"max": "100 years"}),
        ("limit_days.py /srv/rec 30", {"max": "30 days"}),
        ("python3 limit_days.py /srv/mp4 30; python3 limit_days.py /srv/rec 7", {"max": "30 days"}),
        ("limit_days.py /srv/rec 7", {"max": "7 days", "min": "7 days"}),
        ("limit_days.py /srv 30", {"max": "30 days"}),
        ("limit_days.py /srv/x/../rec/ 7", {"max": "7 days", "min": "7 days"}),
        ("limit_files_by_size.py /srv/rec 30", {"max": "100 years"}),
    ],
)
def test_recordings_stay_as_long_as_pancakes_tools_leave_them(
    limit: str, retention: dict[str, str], tawny: Tawny, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_text(f"{RECORDER}{POST} --upload-minutes 5\n{limit}\n")
    result = tawny("import", "theirs")
    assert result.code == 0, result.err
    assert tomllib.loads((tmp_path / "tawny.toml").read_text())["storage"]["retention"] == retention


def test_a_retention_is_accounted_for(tmp_path: Path) -> None:
    found = pancake(tmp_path, f"{RECORDER}limit_days.py /srv/rec 7\n")
    assert found.became["limit_days"] == 'storage.retention.max and storage.retention.min = "7 days"'
    assert found.origins["storage.retention.min"] == "limit_days"


def test_a_limit_for_another_folder_does_not_mean_forever(tmp_path: Path) -> None:
    found = pancake(tmp_path, f"{RECORDER}limit_days.py /elsewhere 30\n")
    assert "retention" not in found.settings["storage"]
    assert "limit_days" in found.left


def test_a_limit_that_is_not_known_does_not_mean_forever(tmp_path: Path) -> None:
    with pytest.raises(ForeignFormatError):
        pancake(tmp_path, f"{RECORDER}limit_days.py /srv/rec $DAYS\n")


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
    result = tawny("import", "theirs")
    assert result.code == 0, result.err
    assert tawny("config", "check").code == 0

"""The add-on for Home Assistant: its configuration is as the Supervisor wants it, and what it starts really starts."""

import argparse
import json
import os
import pwd
import re
import runpy
import shutil
import stat
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from tawny.config.integrations import RIGHTS
from tawny.config.loader import parse_settings, read_settings
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until

ROOT = Path(__file__).parents[3]
ADDON = ROOT / "addons" / "tawny"
SECRET = "pL@nted/secret of: the broker"

# --- the schema, after the Supervisor's documentation ("Add-on configuration") ---------------------------------------

NEEDED = {"name": str, "version": str, "slug": str, "description": str, "arch": list}
OPTIONAL = {
    "machine": list, "url": str, "startup": str, "webui": str, "boot": str, "ports": dict, "ports_description": dict,
    "host_network": bool, "devices": list, "homeassistant": str, "init": bool, "map": list, "environment": dict,
    "audio": bool, "video": bool, "usb": bool, "options": dict, "schema": dict, "image": str, "timeout": int,
    "tmpfs": bool, "discovery": list, "services": list, "ingress": bool, "watchdog": str, "stage": str,
    "backup_exclude": list, "panel_icon": str, "panel_title": str, "apparmor": bool,
}  # fmt: skip
ARCHITECTURES = {"amd64", "aarch64"}
STARTUP = {"initialize", "system", "services", "application", "once"}
VOLUME = re.compile(
    r"(data|ssl|addons|backup|share|media|homeassistant_config|all_addon_configs|addon_config)(:(rw|ro))?"
)
SERVICE = re.compile(r"(mqtt|mysql):(provide|want|need)")
WATCHDOG = re.compile(r"(https?|\[PROTO:\w+\]|tcp)://\[HOST\]:(\[PORT:\d+\]|\d+).*")
WEBUI = re.compile(r"(https?|\[PROTO:\w+\])://\[HOST\]:\[PORT:\d+\].*")
ELEMENT = re.compile(
    r"(bool|email|url|port|str(\(\d*,\d*\))?|password(\(\d*,\d*\))?|int(\(\d*,\d*\))?|float(\([\d.]*,[\d.]*\))?"
    r"|match\(.*\)|list\(.+\)|device(\(subsystem=[a-z]+\))?)\??"
)


@pytest.fixture
def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())
    return found


def test_its_configuration_is_as_documented(config: dict[str, Any]) -> None:
    assert NEEDED.keys() <= config.keys() <= NEEDED.keys() | OPTIONAL.keys()
    for key, kind in (NEEDED | OPTIONAL).items():
        assert key not in config or isinstance(config[key], kind), key
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", config["slug"])
    assert set(config["arch"]) == ARCHITECTURES
    assert config["startup"] in STARTUP
    assert config["boot"] in ("auto", "manual", "manual_only")
    assert all(re.fullmatch(r"\d+/(tcp|udp)", port) for port in config["ports"])
    assert config["ports_description"].keys() <= config["ports"].keys()
    assert all(VOLUME.fullmatch(volume) for volume in config["map"])
    assert all(SERVICE.fullmatch(service) for service in config["services"])
    assert WATCHDOG.fullmatch(config["watchdog"])
    assert WEBUI.fullmatch(config["webui"])
    assert 10 <= config["timeout"] <= 300


def test_its_options_have_a_schema_and_words(config: dict[str, Any]) -> None:
    assert config["options"].keys() == config["schema"].keys()
    for value in config["schema"].values():
        for element in value if isinstance(value, list) else [value]:
            assert ELEMENT.fullmatch(element), element
    words = yaml.safe_load((ADDON / "translations" / "en.yaml").read_text())
    assert words["configuration"].keys() == config["schema"].keys()
    assert words["network"].keys() == config["ports"].keys()
    listed = re.fullmatch(r"list\((.*)\)", config["schema"]["may"][0])
    assert listed
    assert listed[1].split("|") == list(RIGHTS)
    assert set(config["options"]["may"]) <= set(RIGHTS)


LARGE = (
    "front-door/2026/11/20/05/x.main.mp4", "front-door/2026/11/20/scores", "clips/a.mp4", "copies/garage/2026/x.mp4",
    "inbox/t/x.mp4", "snapshots/front-door/x.jpg", "history/reserve", "tawny.db", "tawny.db-wal", "appearance.db",
)  # fmt: skip
SMALL = (
    "accounts.db", "accounts.db-wal", "modes.db", "outbox.db", "keys/passphrase.json", "history/2026-11-20.jsonl",
    "history/signed/20261120.jsonl", "history/volume", "fleet.key", "known.bin", "models/detector.onnx", "setup.json",
)  # fmt: skip


def test_its_backups_hold_all_but_footage(config: dict[str, Any]) -> None:
    """The Supervisor compares each path below /data with these, and leaves out all of a folder that fits."""

    def is_saved(name: str) -> bool:
        path = PurePosixPath("data/recordings", name)
        return not any(one.match(left_out) for one in (path, *path.parents) for left_out in config["backup_exclude"])

    assert [name for name in LARGE if is_saved(name)] == []
    assert [name for name in SMALL if not is_saved(name)] == []


def test_it_is_this_version(config: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert config["version"] == project["version"]


def test_its_image_is_built_from_exact_files(tmp_path: Path) -> None:
    lines = (ADDON / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith(("ARG", "FROM"))] == ["ARG BUILD_FROM", "FROM ${BUILD_FROM}"]
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes --no-deps -r" in installs[0]
    assert "--no-deps --no-index" in installs[1]
    addon = runpy.run_path(str(ROOT / "scripts" / "addon.py"))
    image = f"docker.io/library/python:3.13-slim-bookworm@sha256:{'5e' * 32}"
    assert addon["image_by_digest"](image) == image
    for wrong in ("python:3.13-slim-bookworm", "python@sha256:5e", f"python@sha256:{'XY' * 32}", image + "\nRUN id"):
        with pytest.raises(argparse.ArgumentTypeError, match="digest"):
            addon["image_by_digest"](wrong)


def test_nothing_may_be_changed_over_mqtt_until_it_is_chosen(config: dict[str, Any]) -> None:
    assert config["options"]["may"] == []


def test_its_apparmor_profile_is_one(config: dict[str, Any]) -> None:
    parser = shutil.which("apparmor_parser", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if parser is None:
        pytest.skip("apparmor_parser is not installed: apt install apparmor")
    checked = subprocess.run([parser, "-Q", "-K", ADDON / "apparmor.txt"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    profile = (ADDON / "apparmor.txt").read_text()
    assert config["apparmor"] is True
    assert re.search(rf"^profile {config['slug']} ", profile, re.MULTILINE)
    assert not re.search(r"^\s*(file|capability|network|mount|ptrace|/\*\* \w+),", profile, re.MULTILINE), (
        "rules for all"
    )
    capabilities = set(re.findall(r"capability (\w+)", profile))
    assert capabilities == {"chown", "dac_override", "fowner", "setgid", "setuid"}
    for volume in config["map"]:
        assert f"/{volume.partition(':')[0].removeprefix('addon_')}/** rwkl" in profile


def test_it_goes_on_as_a_user_without_rights(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "old.mp4").touch()
    become = (
        f"import runpy, os, pathlib; run = runpy.run_path({str(ADDON / 'run.py')!r});"
        f"run['become']('nobody', [pathlib.Path({str(tmp_path)!r})]);"
        "print(os.getresuid(), os.getresgid(), 0 in os.getgroups())"
    )
    done = subprocess.run([sys.executable, "-c", become], capture_output=True, text=True, check=True)
    nobody = pwd.getpwnam("nobody")
    user, group = (nobody.pw_uid,) * 3, (nobody.pw_gid,) * 3
    assert done.stdout.strip() == f"{user} {group} False"
    assert (tmp_path / "recordings" / "old.mp4").stat().st_uid == nobody.pw_uid


def test_what_its_image_is_built_from_is_put_beside_it(tmp_path: Path) -> None:
    wheel = tmp_path / "tawny-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    made = tmp_path / "addon"
    made.mkdir()
    (made / "tawny-0.0.9-py3-none-any.whl").touch()
    image = f"python@sha256:{'5e' * 32}"
    runpy.run_path(str(ROOT / "scripts" / "addon.py"))["ready"](made, wheel, image)
    copied = re.findall(r"^COPY (.*) /opt/tawny/\w*$", (made / "Dockerfile").read_text(), re.MULTILINE)
    assert len(copied) == 2
    assert all(list(made.glob(pattern)) for line in copied for pattern in line.split())
    built_from = yaml.safe_load((made / "build.yaml").read_text())["build_from"]
    assert built_from == dict.fromkeys(ARCHITECTURES, image)
    assert [path.name for path in made.glob("*.whl")] == [wheel.name]


def test_its_wheel_is_built_by_the_tools_of_the_lock_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def run(command: list[str], check: bool) -> None:
        asked.extend(command)
        Path(command[command.index("--wheel-dir") + 1], "tawny-0.1.0-py3-none-any.whl").write_bytes(b"new")

    made = tmp_path / "addon"
    made.mkdir()
    (made / "tawny-0.1.0-py3-none-any.whl").write_bytes(b"of another time")
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("sys.argv", ["addon.py", str(made), "--image", f"python@sha256:{'5e' * 32}"])
    assert runpy.run_path(str(ROOT / "scripts" / "addon.py"))["main"]() == 0
    assert "--no-build-isolation" in asked
    assert [path.read_bytes() for path in made.glob("*.whl")] == [b"new"]
    assert (made / "requirements.lock").exists()


# --- what it starts --------------------------------------------------------------------------------------------------


def supervisor(asked: ReceivedRequest) -> Reply:
    if asked.headers.get("authorization") != "Bearer the-token":
        return 401, {}
    data = {"host": "127.0.0.1", "port": 1, "ssl": False, "username": "addons", "password": SECRET}
    return 200, {"result": "ok", "data": data}


def environ(root: Path, service: StandIn | None) -> dict[str, str]:
    options = {"recordings": str(root / "recordings"), "clips_days": 30, "may": ["modes", "record"]}
    (root / "options.json").write_text(json.dumps(options))
    return {
        "PATH": os.environ["PATH"],
        "ADDON_OPTIONS": str(root / "options.json"),
        "ADDON_CONFIG": str(root / "config"),
        "ADDON_MEDIA": str(root / "media"),
        "ADDON_SUPERVISOR": service.base if service else "http://127.0.0.1:1",
        "ADDON_LISTEN": "127.0.0.1:0",
        "ADDON_USER": pwd.getpwuid(os.geteuid()).pw_name,
        "SUPERVISOR_TOKEN": "the-token",
    }


def test_it_starts_with_the_broker_an_owner_and_no_secret_in_sight(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served(StandIn(supervisor)) as service, log.open("wb") as out:
        command = [sys.executable, str(ADDON / "run.py")]
        process = subprocess.Popen(command, env=environ(tmp_path, service), stdout=out, stderr=out)
        try:
            until(lambda: b"Web interface: " in log.read_bytes() or process.poll() is not None, 90, "it runs")
            assert process.poll() is None, log.read_text()
            seen = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            with suppress(PermissionError):  # only root may look: its memory is nobody else's business
                seen += Path(f"/proc/{process.pid}/environ").read_bytes()
        finally:
            process.terminate()
            process.wait(30)
    text = log.read_text()
    assert "/sign-in#link=" in text
    assert "the-token" not in text + seen.decode()
    assert SECRET not in text + seen.decode()
    secrets = tmp_path / "config" / "secrets.toml"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    settings = read_settings(tmp_path / "config" / "tawny.toml", {})
    assert (settings.mqtt.permissions, settings.destinations["media"].retention) == (("modes", "record"), 30 * 86_400)
    assert settings.mqtt.url.startswith("mqtt://addons:pL%40nted%2Fsecret")


def test_without_a_broker_it_does_without(tmp_path: Path) -> None:
    run = runpy.run_path(str(ADDON / "run.py"))
    assert run["broker_of"]("http://127.0.0.1:1", "x") == ""
    options = {"recordings": "/data/recordings", "clips_days": 7, "may": ["modes"]}
    text = run["first_settings"](options, Path("/media/tawny"), "0.0.0.0:8000", has_broker=False)
    settings, problems = parse_settings(text, {})
    assert settings is not None, problems
    PluginRegistry.opened().check(settings, "tawny.toml")
    assert (settings.mqtt.url, settings.storage.path) == ("", "/data/recordings")
    assert settings.web.proxies == ("172.30.32.2",)


class Started(Exception):
    """tawny would run now."""


class AddOn:
    """The add-on's start without root, up to tawny itself.

    broker: whether Home Assistant has one. code: with which `tawny user` ends.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.broker, self.folders = root, False, list[Path]()
        self.asked, self.code = list[str](), 0
        (root / "data").mkdir()
        self._run = runpy.run_path(str(ADDON / "run.py"))
        names = self._run["main"].__globals__
        names["become"] = lambda _, folders: self.folders.extend(folders)
        names["told_by"] = lambda _, __, path: self._told() if path == "services/mqtt" else {}
        monkeypatch.setattr(subprocess, "run", self._ask)
        monkeypatch.setattr(os, "execve", self._runs)

    def _ask(self, command: list[str], *, check: bool, **_: object) -> "subprocess.CompletedProcess[bytes]":
        self.asked.append(command[2])
        done = subprocess.CompletedProcess(command, self.code, b"" if self.code else b'"owner"')
        if check:
            done.check_returncode()
        return done

    def _told(self) -> dict[str, Any]:
        return {"host": "core-mosquitto", "port": 1883, "username": "addons", "password": "x"} if self.broker else {}

    def _runs(self, *_: object) -> None:
        raise Started

    def starts(self, recordings: str = "recordings", may: tuple[str, ...] = ()) -> None:
        path = str(self.root / "data" / recordings)
        options = {"recordings": path, "clips_days": 30, "may": may}
        (self.root / "options.json").write_text(json.dumps(options))
        self.folders.clear()
        about = {"ADDON_OPTIONS": "options.json", "ADDON_CONFIG": "config", "ADDON_MEDIA": "media"}
        with pytest.raises(Started):
            self._run["main"]({name: str(self.root / value) for name, value in about.items()})

    @property
    def toml(self) -> Path:
        return self.root / "config" / "tawny.toml"

    def mqtt(self) -> dict[str, Any] | None:
        return tomllib.loads(self.toml.read_text()).get("mqtt")


@pytest.fixture
def addon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddOn:
    return AddOn(tmp_path, monkeypatch)


def test_a_broker_that_comes_later_is_used(addon: AddOn, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the first start wrote it to the settings, so that no entity ever appeared."""
    addon.starts()
    assert addon.mqtt() is None
    addon.broker = True
    addon.starts(may=("modes",))
    assert addon.mqtt() == {"url": "${MQTT_URL}", "permissions": ["modes"]}
    assert "[mqtt] was added to tawny.toml" in capsys.readouterr().out
    parsed, problems = parse_settings(addon.toml.read_text(), {"MQTT_URL": "mqtt://u:p@core-mosquitto:1883/tawny"})
    assert parsed is not None, problems


@pytest.mark.parametrize("is_late", [True, False])
def test_a_broker_that_the_owner_removed_is_not_added_again(addon: AddOn, *, is_late: bool) -> None:
    addon.broker = not is_late
    addon.starts()
    addon.broker = True
    addon.starts()
    addon.toml.write_text(re.sub(r"\[mqtt\]\nurl.*\npermissions.*\n", "", addon.toml.read_text()))
    assert addon.mqtt() is None
    addon.starts()
    assert addon.mqtt() is None


def test_a_broker_is_not_added_to_settings_of_an_earlier_version(
    addon: AddOn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in them says whether there was no broker or the owner removed it."""
    addon.starts()
    addon.toml.write_text(re.sub(r"# The add-on puts \[mqtt\].*\n", "", addon.toml.read_text()))
    addon.broker = True
    addon.starts()
    assert addon.mqtt() is None
    assert "To use it, add [mqtt]" in capsys.readouterr().out


@pytest.mark.parametrize("text", ['[mqtt]\nurl = "mqtt://mine/tawny"', "[storage"])
def test_the_owners_settings_stay_as_they_are(addon: AddOn, text: str) -> None:
    addon.starts()
    addon.toml.write_text(text)
    addon.broker = True
    addon.starts()
    assert addon.toml.read_text() == text


def test_another_folder_for_recordings_is_said_to_have_no_effect(
    addon: AddOn, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder was made, and tawny went on with the other one without a word."""
    addon.starts()
    assert addon.root / "data" / "recordings" in addon.folders
    assert "no effect" not in capsys.readouterr().out
    addon.starts("other")
    assert "has no effect: tawny.toml has another path under [storage]" in capsys.readouterr().out
    assert not (addon.root / "data" / "other").exists()
    addon.toml.write_text(addon.toml.read_text().replace("data/recordings", "data/other"))
    addon.starts("other")
    assert "no effect" not in capsys.readouterr().out
    assert addon.root / "data" / "other" in addon.folders


def test_what_is_wrong_with_the_settings_is_said_by_tawny(addon: AddOn) -> None:
    """As a name that changed with an update: it ended with a traceback."""
    addon.code = 2
    addon.starts()
    assert addon.asked == ["list"]


def test_it_knows_the_name_of_home_assistants_computer() -> None:
    run = runpy.run_path(str(ADDON / "run.py"))
    assert run["host_of"]("http://127.0.0.1:1", "x") == "homeassistant"
    with served(StandIn(lambda asked: (200, {"result": "ok", "data": {"hostname": "hass-pi"}}))) as service:
        assert run["host_of"](service.base, "the-token") == "hass-pi"


def test_the_owners_secrets_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('FRONT_DOOR = "mine"\nMQTT_URL = "old"\n')
    runpy.run_path(str(ADDON / "run.py"))["write_secrets"](path, {"MQTT_URL": 'new "one"'})
    assert tomllib.loads(path.read_text()) == {"FRONT_DOOR": "mine", "MQTT_URL": 'new "one"'}

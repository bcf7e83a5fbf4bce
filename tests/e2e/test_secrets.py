"""A distinct secret in every field that holds one; then everything fails, and none of them is anywhere to be seen.

The services that are spoken to repeat in their refusals all that they were sent, as some do.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tawny.api.application import description
from tawny.app.control_client import ask
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")  # a library of Apprise's
MARK = "pLanted"
TARGETS = {
    "destinations": ["nas-s3", "nas-sftp", "nas-ftp", "nas-dav", "nas-tawny", "nas-rclone"],
    "notifiers": [
        "to-ntfy", "to-telegram", "to-slack", "to-slack-bot", "to-discord", "to-mail", "to-pushover", "to-gotify",
        "to-matrix", "to-mqtt", "to-hook", "to-hass", "to-apprise",
    ],
}  # fmt: skip
_LINE = re.compile(r"\$\{([A-Z_0-9]+)\}")


def settings_text(base: str, port: int, root: Path) -> str:
    """Each ${NAME} is a secret of its own. base, port: the service that repeats what it is told."""
    closed = "127.0.0.1:1"
    return f"""
[web]
listen = "127.0.0.1:0"
metrics = "${{METRICS}}"
[heartbeat]
url = "{base}/ping/${{CHECK_IN}}"
interval = "10 s"
[[live.turn]]
url = "turn:127.0.0.1:3478"
secret = "${{TURN}}"
[mqtt]
url = "mqtt://tawny:${{MQTT}}@{closed}/tawny"
permissions = ["modes"]
[scripts]
folder = "{root}/scripts"

[cameras.garden]
source = "demo:garden"
detection.detector = "off"
onvif = "http://admin:${{ONVIF}}@127.0.0.1:{port}/onvif/device_service"
[cameras.away]
source = "rtsp://admin:${{CAMERA_MAIN}}@{closed}/main"
sub = "rtsp://admin:${{CAMERA_SUB}}@{closed}/sub"

[relays.light]
camera = "garden"

[webhooks.hook]
url = "webhook+{base}/${{EMIT_PATH}}"
secret = "${{EMIT_SECRET}}"
[webhooks.script]
url = "run:look.sh"
[api_clients.signed]
permissions = ["event"]
secret = "${{INPUT_SECRET}}"
[api_clients.bearer]
permissions = ["event"]
token = "${{INPUT_TOKEN}}"

[destinations.nas-s3]
url = "s3://${{S3_KEY}}:${{S3_SECRET}}@bucket/x?endpoint={base}"
[destinations.nas-sftp]
url = "sftp://tawny:${{SFTP}}@{closed}/x"
[destinations.nas-ftp]
url = "ftp://tawny:${{FTP}}@{closed}/x"
[destinations.nas-dav]
url = "dav://tawny:${{DAV}}@127.0.0.1:{port}/x"
[destinations.nas-tawny]
url = "tawny+http://:${{TAWNY}}@127.0.0.1:{port}/x"
[destinations.nas-rclone]
url = "rclone:drive/x"

[notifiers.to-ntfy]
url = "ntfy+http://:${{NTFY}}@127.0.0.1:{port}/${{NTFY_TOPIC}}"
[notifiers.to-telegram]
url = "telegram://1:${{TELEGRAM}}@42"
api = "{base}"
[notifiers.to-slack]
url = "slack://T000/B000/${{SLACK}}"
api = "{base}"
[notifiers.to-slack-bot]
url = "slack://xoxb-${{SLACK_BOT}}@C0123"
api = "{base}"
[notifiers.to-discord]
url = "discord://123/${{DISCORD}}"
api = "{base}"
[notifiers.to-mail]
url = "smtp://me:${{SMTP}}@{closed}"
to = "you@example.org"
sender = "me@example.org"
[notifiers.to-pushover]
url = "pushover://${{PUSHOVER}}@${{PUSHOVER_USER}}"
api = "{base}"
[notifiers.to-gotify]
url = "gotify+http://:${{GOTIFY}}@127.0.0.1:{port}"
[notifiers.to-matrix]
url = "matrix+http://:${{MATRIX}}@127.0.0.1:{port}/!room:example.org"
[notifiers.to-mqtt]
url = "mqtt://tawny:${{NOTIFIER_MQTT}}@{closed}/messages"
[notifiers.to-hass]
url = "homeassistant+http://:${{HASS}}@127.0.0.1:{port}/mobile_app_phone"
[notifiers.to-apprise]
url = "apprise:json://me:${{APPRISE}}@127.0.0.1:{port}/x"
[notifiers.to-hook]
url = "webhook+{base}/${{HOOK_PATH}}"
secret = "${{HOOK_SECRET}}"
"""


def repeats(asked: ReceivedRequest) -> Reply:
    """A refusal with all that was sent in it, as JSON that several services' errors look like."""
    sent = f"{asked.method} {asked.path} {asked.headers} {asked.body[:2000]!r}"
    return 400, {"ok": False, "error": sent, "description": sent, "errors": [sent], "message": sent}


@dataclass
class House:
    tawny: Tawny
    config: Path
    secrets: dict[str, str]
    seen: dict[str, str] = field(default_factory=dict)
    """By surface: all that was to be seen there."""

    def found(self) -> list[tuple[str, str]]:
        """Which secret, where."""
        return [(name, where) for where, text in self.seen.items() for name, one in self.secrets.items() if one in text]

    def said(self) -> str:
        """Of each that was found, what stands around it."""
        lines = []
        for name, where in self.found():
            before, _, after = self.seen[where].partition(self.secrets[name])
            lines.append(f"{name} in {where}: {before[-60:]!r} … {after[:60]!r}")
        return "\n".join(lines)

    def asked(self, **request: Any) -> str:
        return json.dumps(list(ask(self.tawny.folder, request)))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("secrets")
    (root / "scripts").mkdir(mode=0o755)
    (root / "bin").mkdir()
    looks = "env; tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$$/environ; cat"
    dumps = f"#!/bin/sh\n{{ {looks}; }} >> {root / 'ran'} 2>&1\n"
    for script in (root / "scripts" / "look.sh", root / "bin" / "rclone"):
        script.write_text(dumps + ("exit 1\n" if script.name == "rclone" else ""))
        script.chmod(0o755)
    with served(StandIn(repeats)) as service:
        text = settings_text(service.base, service.port, root)
        secrets = {name: f"{MARK}{number:02d}OfTwenty" for number, name in enumerate(sorted(set(_LINE.findall(text))))}
        (root / "secrets.toml").write_text("".join(f'{name} = "{one}"\n' for name, one in secrets.items()))
        (root / "secrets.toml").chmod(0o600)
        config = root / "tawny.toml"
        config.write_text(text)
        before = dict(os.environ)
        os.environ |= {"TAWNY_LOG": "DEBUG", "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}
        try:
            for running in tawny("run", "--config", str(config), folder=root / "data", is_loaded=False):
                made = House(running, config, secrets)
                with closing(Watching(made, running.process.pid)):
                    everything_fails(made, root)
                yield made
        finally:
            os.environ.clear()
            os.environ |= before


class Watching:
    """What the process list shows of tawny and of all that it starts, until it ends."""

    def __init__(self, house: House, process: int) -> None:
        self._house, self._process, self._is_over = house, process, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        seen: set[str] = set()
        while not self._is_over.wait(0.02):
            seen |= set(self._now())
        self._house.seen["the process list"] = "\n".join(seen)

    def _now(self) -> Iterator[str]:
        for process in (self._process, *_below(self._process)):
            for what in ("cmdline", "environ"):
                try:
                    yield Path(f"/proc/{process}/{what}").read_bytes().decode(errors="replace")
                except OSError:
                    continue

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()


def _below(process: int) -> Iterator[int]:
    """Its children, and theirs, as far as they have not ended meanwhile."""
    try:
        tasks = list(Path(f"/proc/{process}/task").glob("*/children"))
    except OSError:
        return
    for task in tasks:
        try:
            children = [int(one) for one in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _below(child)


def everything_fails(house: House, root: Path) -> None:
    """An event, and every target tried out; then all that can be looked at is looked at."""
    until(lambda: '"working": 1' in house.asked(command="status"), 60, "it records")
    opened = house.asked(
        command="order", order={"command": "event.open", "camera": "garden", "kind": "bell", "for": "1 s"}
    )
    house.seen["an order"] = opened
    for order in (
        {"command": "ptz", "camera": "garden", "pan": 1},
        {"command": "relay", "relay": "light"},
        {"command": "set_mode", "mode": "away"},
    ):
        house.seen[f"the order {order['command']}"] = house.asked(command="order", order=order)
    for names in TARGETS.values():
        for name in names:
            house.seen[f"trying {name}"] = house.asked(command="test", name=name)

    def tried() -> bool:
        listed = json.loads(house.asked(command="targets"))[0]["items"]
        return all(one["trouble"] for one in listed if one["name"] not in ("to-mqtt",))

    until(tried, 60, f"every target was tried: {house.asked(command='targets')}")
    until((root / "ran").exists, 60, "the script ran")
    for what in ("status", "targets", "programs"):
        house.seen[f"tawny's {what}"] = house.asked(command=what)
    house.seen["the report"] = house.asked(command="report", camera="away", host=True)
    house.seen["what programs were started with"] = (root / "ran").read_text(errors="replace")
    walk(house)


def walk(house: House) -> None:
    """Every address of the API that can be read, as an owner."""
    line = http.client.HTTPConnection(house.tawny.base.removeprefix("http://"), timeout=60)
    ours = {"X-Tawny": "1", "Origin": house.tawny.base, "Content-Type": "application/json"}
    claim = {"token": house.tawny.link.partition("token=")[2], "name": "Anna", "password": "correct horse battery"}

    def answer_to(method: str, path: str, body: object) -> http.client.HTTPResponse:
        line.request(method, path, None if body is None else json.dumps(body).encode(), ours)
        return line.getresponse()

    def asked(method: str, path: str, body: object = None) -> str:
        try:
            answer = answer_to(method, path, body)
        except http.client.RemoteDisconnected:  # a connection that is kept may be closed between requests
            line.close()
            answer = answer_to(method, path, body)
        ours.setdefault("Cookie", (answer.getheader("Set-Cookie") or "").partition(";")[0])
        return f"{answer.status} {answer.read().decode(errors='replace')}"

    assert asked("POST", "/api/v1/setup/claim", claim).startswith("200")
    filled = {"camera": "garden", "target": "to-hook", "name": "to-hook", "stream": "main"}
    for path, methods in sorted(description()["paths"].items()):
        if "get" in methods and not path.endswith("/mjpeg"):
            real = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: filled.get(part[1], "none"), path)
            house.seen[f"GET {real}"] = asked("GET", real)
    for names in TARGETS.values():
        for name in names[:3]:
            house.seen[f"POST test of {name}"] = asked("POST", f"/api/v1/targets/{name}/test")
    house.seen["GET /metrics"] = asked("GET", "/metrics")
    line.close()


def command(house: House, *words: str, config: Path | None = None) -> str:
    line = [str(Path(sys.executable).with_name("tawny")), *words, "--config", str(config or house.config)]
    done = subprocess.run(line, capture_output=True, timeout=120, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def test_every_secret_was_really_used(house: House) -> None:
    """Or nothing would be shown by their absence."""
    assert len(house.secrets) >= 30
    assert all(one.startswith("200") for where, one in house.seen.items() if where in ("GET /api/v1/targets",))
    assert sum(bool("isn't responding" in one or "400" in one) for one in house.seen.values()) >= 15


def test_none_is_in_answers_status_process_list_or_errors(house: House) -> None:
    assert not house.found(), house.said()


def test_none_is_in_what_commands_print(house: House) -> None:
    data = ("--data", str(house.tawny.folder))
    for words in (
        ("config", "show", "--json"),
        ("config", "check"),
        ("status", "--json", *data),
        ("cameras", "report", "away", *data),
        ("relay", "light", "on", *data),
    ):
        house.seen[f"tawny {' '.join(words[:2])}"] = command(house, *words)
    assert not house.found(), house.said()


def test_none_is_in_errors_about_settings(house: House, tmp_path: Path) -> None:
    """Every line that has one made wrong in three ways."""
    (tmp_path / "secrets.toml").write_text((house.config.parent / "secrets.toml").read_text())
    (tmp_path / "secrets.toml").chmod(0o600)
    wrong = tmp_path / "tawny.toml"
    lines = house.config.read_text().splitlines()
    for number, line in enumerate(lines):
        if "${" in line:
            key, _, value = line.partition(" = ")
            for worse in (f"{key} = [{value}]", f"{key} = {value[:1]} {value[1:]}", f"{key}x = {value}"):
                wrong.write_text("\n".join([*lines[:number], worse, *lines[number + 1 :]]))
                house.seen[f"config check: {worse}"] = _in_process(wrong)
    assert not house.found(), house.said()


def _in_process(config: Path) -> str:
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from tawny.cli.main import main

    result = StringIO()
    with redirect_stdout(result), redirect_stderr(result):
        code = main(["config", "check", "--config", str(config)])
    return f"{code} {result.getvalue()}"


def test_none_is_in_the_log_or_on_the_disk(house: House) -> None:
    house.seen["the log"] = house.tawny.folder.with_suffix(".log").read_text()
    for path in house.tawny.folder.rglob("*"):
        if path.is_file() and path.suffix not in (".mp4", ".jpg"):
            house.seen[str(path.relative_to(house.tawny.folder))] = path.read_bytes().decode(errors="replace")
    assert "the log" in house.seen
    assert not house.found(), house.said()

"""A whole tawny with other programs beside it: what they are told, and what they ask for, by every way there is."""

import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tawny.delivery.notifier import HEADER, signature
from tawny.model.times import SystemClock
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny

SECRET, TOKEN = "a secret of many letters", "a token of many letters"
PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "integrations.md"


@dataclass
class House:
    tawny: Tawny
    config: Path
    told: "socket.socket"
    door: str

    def command(self, *words: str) -> tuple[int, dict[str, Any]]:
        line = [str(Path(sys.executable).with_name("tawny")), *words, "--json", "--config", str(self.config)]
        done = subprocess.run([*line, "--data", str(self.tawny.folder)], capture_output=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout or done.stderr)

    def records(self) -> bool:
        return bool(self.command("status")[1].get("working") == 1)

    def events(self) -> list[tuple[str, str]]:
        """What the program beside it was told until now, and not asked for before: type and kind."""
        found: list[tuple[str, str]] = []
        while True:
            try:
                data = json.loads(self.told.recv(65536))
            except BlockingIOError:
                return found
            found.append((data["type"], data["event"]["type"]))

    def wait_for(self, kind: str) -> None:
        """Until an event of this kind has begun and ended."""
        seen: list[tuple[str, str]] = []

        def both() -> bool:
            seen.extend(self.events())
            return {("event.started", kind), ("event.ended", kind)} <= set(seen)

        until(both, 60, f"{kind} is told (was told: {seen})")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("house")
    name, door = (f"tawny-test-{secrets.token_hex(8)}" for _ in range(2))
    config = root / "tawny.toml"
    config.write_text(
        f'[cameras.garden]\nsource = "demo:garden"\ndetection.detector = "off"\n'
        f'[webhooks.post]\nurl = "unix:@{name}"\nevents = ["event"]\n'
        f'[api_clients.panel]\npermissions = ["event"]\nsecret = "{SECRET}"\n'
        f'[api_clients.bell]\npermissions = ["event"]\ntoken = "{TOKEN}"\n'
        f'[api_clients.local]\npermissions = ["event", "record"]\nsocket = "@{door}"\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as result:
        result.bind(f"\0{name}")
        result.setblocking(False)
        words = ("run", "--config", str(config), "--listen", "127.0.0.1:0")
        for running in tawny(*words, folder=root / "data"):
            made = House(running, config, result, door)
            until(made.records, 60, "it records")
            yield made


def test_by_command(house: House) -> None:
    code, opened = house.command("event", "open", "garden", "--kind", "bell", "--key", "front", "--label", "It rang")
    assert (code, bool(opened["event"])) == (0, True)
    assert house.command("event", "update", "front", "--score", "50")[0] == 0
    code, closed = house.command("event", "close", "front")
    assert (code, closed["event"]) == (0, opened["event"])
    house.wait_for("bell")
    code, found = house.command("events", "--kind", "bell")
    assert (code, found["id"], found["snapshot"]) == (0, opened["event"], f"/media/{opened['event']}.jpg")


def test_recording_by_command_is_an_event_of_its_own(house: House) -> None:
    assert house.command("record", "garden", "--for", "1 min")[0] == 0
    assert house.command("record", "garden", "--stop")[0] == 0
    house.wait_for("manual")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("record", "moon"), 3, "Camera not found"),
        (("event", "close", "none"), 3, "No such open event"),
        (("event", "open", "garden", "--kind", "NO"), 3, "kind"),
        (("record", "garden", "--for", "soon"), 2, "isn't a valid duration"),
        (("event", "close", "x", "--label", "y"), 2, "takes the event and its camera"),
        (("ptz", "garden", "--pan", "0.5"), 3, "has no pan, tilt or relays"),
        (("relay", "gate", "on"), 3, "Relay not found"),
    ],
)
def test_what_cannot_be_is_said(house: House, words: tuple[str, ...], code: int, said: str) -> None:
    found, answer = house.command(*words)
    assert found == code
    assert said in answer["error"]["message"]


def test_by_signed_webhook_once(house: House) -> None:
    body = json.dumps({"command": "event.open", "camera": "garden", "kind": "alarm", "for": "1 s"}).encode()
    headers = {HEADER: signature(SECRET, SystemClock().now_ms() // 1000, body)}

    def sent() -> int:
        line = http.client.HTTPConnection(house.tawny.base.removeprefix("http://"), timeout=30)
        line.request("POST", "/api/v1/inputs/panel", body, headers)
        status = line.getresponse().status
        line.close()
        return status

    assert [sent(), sent()] == [200, 401]
    house.wait_for("alarm")


def test_by_datagram(house: House) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.sendto(b'{"command": "event.open", "camera": "garden", "kind": "gate", "for": "1 s"}', f"\0{house.door}")
    house.wait_for("gate")


@pytest.mark.parametrize("text", re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL))
def test_what_the_page_shows_can_be_pasted(house: House, text: str) -> None:
    """Only the names are those of this house."""
    for shown, here in (("front-door", "garden"), ("yard", "garden"), ("alarm-panel", "panel")):
        text = text.replace(shown, here)
    text = text.replace("tawny-orders", house.door)
    ours = {"TAWNY": house.tawny.base, "PANEL": SECRET, "BELL": TOKEN}
    done = subprocess.run(["sh", "-eu", "-c", text], env={**os.environ, **ours}, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not done.stdout or json.loads(done.stdout)["event"]


def test_who_is_told_and_who_may_ask_is_listed(house: House) -> None:
    code, found = house.command("integrations")
    assert code == 0
    kinds = {"post": "emit", "panel": "input", "bell": "input", "local": "input"}
    assert {one["name"]: one["kind"] for one in found["items"]} == kinds
    assert SECRET not in json.dumps(found)

"""What the pages on integrations, Home Assistant and the API show can be pasted: settings, commands, the receiver."""

import argparse
import json
import re
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.cli.main import parser
from tawny.config.integrations import RIGHTS
from tawny.config.loader import parse_settings
from tawny.config.settings import Settings
from tawny.delivery.commands import RIGHT_FOR, order_of
from tawny.service.integrations.home_assistant import KINDS, PANEL, AnnouncedCamera, DiscoveryContext, announced
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.waiting import until

DOCS = Path(__file__).parents[3] / "docs"
READ = {
    "automation": ("how-to/integrations.md", "reference/api.md"),
    "home-assistant": ("how-to/home-assistant.md", "reference/mqtt.md"),
}
PAGES = {name: "\n".join((DOCS / page).read_text(encoding="utf-8") for page in read) for name, read in READ.items()}
KNOWN = {name: f"a secret of many letters {name}" for name in ("PANEL", "BELL", "YARD", "MQTT")}
CAMERAS = "".join(f'[cameras.{name}]\nsource = "demo:"\n' for name in ("front-door", "kitchen", "yard"))


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", [one for page in PAGES for one in blocks(page, "toml")])
def test_settings_are_taken(text: str) -> None:
    cameras = "".join(
        f'[cameras.{name}]\nsource = "demo:"\n'
        for name in ("front-door", "kitchen", "yard")
        if f"[cameras.{name}]" not in text
    )
    more = "" if "[scripts]" in text else '[scripts]\nfolder = "/etc/tawny/scripts"\n'
    settings, problems = parse_settings(text + cameras + more, KNOWN)
    assert isinstance(settings, Settings), problems
    PluginRegistry.opened().check(settings, "tawny.toml")


def orders() -> list[str]:
    table = PAGES["automation"]
    return re.findall(r"`(\{\"command\".*?\})`", table)


@pytest.mark.parametrize("text", orders())
def test_orders_are_understood(text: str) -> None:
    assert order_of(json.loads(text))


def test_every_order_and_right_is_told_of() -> None:
    found = {json.loads(text)["command"] for text in orders()}
    assert found | {"resume"} == set(RIGHT_FOR)
    assert all(f"`{right}`" in PAGES["automation"] for right in RIGHTS)


@pytest.mark.parametrize("line", re.findall(r"^    (tawny .*)$", PAGES["automation"], re.MULTILINE))
def test_commands_are_known(line: str) -> None:
    words = [one.strip('"') for one in re.findall(r'"[^"]*"|\S+', line)][1:]
    asked = parser([words[0]]).parse_args(words)
    assert isinstance(asked, argparse.Namespace)
    assert asked.command == words[0]


def test_the_receiver_receives() -> None:
    name = f"tawny-test-{secrets.token_hex(8)}"
    (text,) = blocks("automation", "python")
    assert text.count("\n") <= 10
    child = subprocess.Popen(
        [sys.executable, "-u", "-c", text.replace("my-program", name)], stdout=subprocess.PIPE, text=True
    )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:

            def told() -> bool:
                try:
                    mine.sendto(b'{"type": "event.started", "camera": "yard"}', f"\0{name}")
                except ConnectionRefusedError:
                    return False
                return True

            until(told, 60, "it is there")
        assert child.stdout is not None
        assert child.stdout.readline() == "event.started yard\n"
    finally:
        child.kill()
        child.communicate()


def test_every_kind_of_entity_and_event_is_told_of() -> None:
    page = PAGES["home-assistant"]
    house = DiscoveryContext("tawny", "pi", [AnnouncedCamera("a", "A", turns=True)], ["home", "away"], ["r"], RIGHTS)
    for topic in announced(house, "homeassistant"):
        kind = topic.split("/")[1].replace("alarm_control_panel", "alarm panel").replace("_", " ")
        assert kind in page, kind
    assert all(f"`{kind}`" in page for kind in KINDS)
    assert all(f"`{command}`" in page for _, command, _ in PANEL.values())

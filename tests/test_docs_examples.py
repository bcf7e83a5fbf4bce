"""Every TOML example of the documentation loads with the product's settings loader, and every command parses."""

import re
import shlex
from pathlib import Path

import pytest
from pyrage.x25519 import Identity

from tawny.cli.main import COMMANDS, parser
from tawny.config.loader import parse_settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
HISTORIC = {"renamed.md"}
CAMERAS = ("front-door", "kitchen", "yard", "drive", "bedroom", "porch", "garden", "hall", "driveway", "desk")
SECRETS = {
    name: f"a secret of many letters {name}"
    for name in ("FRONT_DOOR", "PANEL", "BELL", "YARD", "DRIVE", "MQTT", "BOT", "KEY", "SECRET", "PASSWORD", "NATS")
}
OTHERS = {
    "scripts": '[scripts]\nfolder = "/etc/tawny/scripts"\n',
    "relays.gate": '[relays.gate]\nscript = "gate.sh"\n',
    "notifiers.phone": '[notifiers.phone]\nurl = "ntfy://ntfy.sh/topic"\n',
    "destinations.offsite": '[destinations.offsite]\nurl = "folder:/mnt/nas/tawny"\n',
}
"""What examples refer to without showing it."""


def blocks(kind: str) -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{number}", text)
        for page in PAGES
        for number, text in enumerate(
            re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL), 1
        )
    ]


def whole(text: str) -> str:
    """Return the example with the cameras, relays and channels that it refers to."""
    missing = [
        f'[cameras.{name}]\nsource = "demo:"\n'
        for name in CAMERAS
        if not re.search(rf"^\[cameras\.{name}\]\nsource|^\[cameras\.{name}\](?:\n[^\[]*)*?^source", text, re.MULTILINE)
        and f"[cameras.{name}]" not in text
    ]
    if "[cameras.bedroom]" in text and "source" not in text.partition("[cameras.bedroom]")[2]:
        text = text.replace("[cameras.bedroom]", '[cameras.bedroom]\nsource = "demo:"')
    text = re.sub(r"age1…", lambda _: str(Identity.generate().to_public()), text)
    others = [table for name, table in OTHERS.items() if f"[{name}]" not in text]
    return "\n".join([text, *missing, *others])


@pytest.mark.parametrize(("where", "text"), blocks("toml"), ids=[where for where, _ in blocks("toml")])
def test_settings_load(where: str, text: str) -> None:
    settings, problems = parse_settings(whole(text), SECRETS)
    assert settings is not None, f"{where}: {problems}"


def command_lines() -> list[tuple[str, str]]:
    pages = [page for page in PAGES if page.name not in HISTORIC and page.parent.name != "decisions"]
    return [
        (str(page.relative_to(ROOT)), line.partition("  #")[0].strip())
        for page in pages
        for line in re.findall(r"^    (?:sudo )?(?:\./)?(tawny .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        if "…" not in line and not line.endswith("/")
    ]


@pytest.mark.parametrize(("where", "line"), command_lines())
def test_commands_parse(where: str, line: str) -> None:
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS, f"{where}: there is no command {words[0]}"
    assert parser([words[0]]).parse_args(words).command == words[0]

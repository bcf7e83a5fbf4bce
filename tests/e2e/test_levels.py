"""Alerts, detections, motion and visits with the real program: what an owner does first, and the first failure."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, context_of, with_settings

pytestmark = pytest.mark.browser
SETTINGS = """
[cameras.gate]
source = "demo:gate"
name = "Gate"
neighbors = ["door"]
detection = { detector = "off" }
demo = { quiet = true }

[cameras.door]
source = "demo:front"
name = "Front door"
detection = { detector = "off" }
demo = { quiet = true }
"""
EVENTS = (("gate", "person"), ("door", "person"), ("door", "animal"), ("gate", "motion"))


def command(house: Tawny, *words: str) -> str:
    tawny = str(Path(sys.executable).with_name("tawny"))
    done = subprocess.run([tawny, *words, "--data", str(house.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def report(house: Tawny) -> None:
    """All begin before one ends, so that the two people are one visit however slow the computer is."""
    for camera, kind in EVENTS:
        command(house, "event", "open", camera, "--kind", kind, "--key", f"{camera}-{kind}")
    for camera, kind in EVENTS:
        command(house, "event", "close", f"{camera}-{kind}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    for made in with_settings(tmp_path_factory.mktemp("levels"), SETTINGS):
        report(made)
        yield made


@pytest.fixture(params=[1280, 390])
def context(request: pytest.FixtureRequest, browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    made = context_of(browser, house, request.param)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_a_camera_says_what_alerts(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/settings/cameras/door/motion")
    animal = page.get_by_role("group", name="Alerts").get_by_role("button", name="Animal")
    was = animal.get_attribute("aria-pressed")
    animal.click()
    expect(animal).to_have_attribute("aria-pressed", "false" if was == "true" else "true")
    page.get_by_role("button", name=re.compile("^(Save|Use)")).first.click()
    config = house.folder.with_name("tawny.toml")
    until(lambda: ('"animal"' in config.read_text()) == (was != "true"), 60, "it is saved")


def test_visits_on_the_command_line(house: Tawny) -> None:
    config = "--config", str(house.folder.with_name("tawny.toml"))
    lines = [json.loads(line) for line in command(house, "events", "--visits", "--json", *config).splitlines()]
    walk = next(one for one in lines if one["type"] == "person")
    assert (walk["cameras"], walk["level"], len(walk["events"])) == (["gate", "door"], "alert", 3)
    assert "gate, door" in command(house, "events", "--visits", "--level", "alert", *config)
    levels = {line.split()[-3] for line in command(house, "events").splitlines()[1:]}
    assert levels >= {"alert", "motion"}


def test_a_level_that_does_not_exist_is_refused_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text(SETTINGS + '\n[notifiers.phone]\nurl = "ntfy://ntfy.sh/x"\nlevels = ["alarm"]\n')
    tawny = str(Path(sys.executable).with_name("tawny"))
    words = ["run", "--config", str(config), "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    done = subprocess.run([tawny, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "levels" in done.stderr
    assert "alert" in done.stderr

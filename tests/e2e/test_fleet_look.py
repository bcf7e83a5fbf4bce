"""Search by look over two recorders of a hub, in processes of their own: on the hub's page, and by its command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.waiting import until
from tests.detection.made_clip import make_clip
from tests.e2e.conftest import owner_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.e2e.test_find_look import SETTINGS, WAIT_MS, filled
from tests.e2e.test_fleet import Fleet, boxes, command
from tests.playback.search.made_week import MadeEvent

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("TAWNY_SHOTS", "")
RED = ("red1", "red2", "red3")
Week = dict[str, MadeEvent]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Week]]:
    """Both have seen the same week; only the beach has a search model."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("hub", "beach", "town")}
    clip = make_clip(folders["beach"] / "clip")
    week = filled(folders["beach"] / "data", clip)
    filled(folders["town"] / "data", None)
    search = {"beach": f'[search]\nmodel = "{clip}"\n', "town": ""}
    for name in search:
        (folders[name] / "tawny.toml").write_text(f'{search[name]}[web]\nname = "{name}"\n{SETTINGS}')
    with ExitStack() as stack:
        hub_settings = '[hub]\nenabled = true\n[web]\nname = "Our houses"\n'
        fleet = Fleet(stack.enter_context(contextmanager(with_settings)(folders["hub"], hub_settings)), folders)
        try:
            for name in search:
                fleet.start(name)
                fleet.join(name)
            yield fleet, week
        finally:
            for running in fleet.running.values():
                running.close()


@pytest.fixture(scope="module")
def owner(browser: Browser, made: tuple[Fleet, Week]) -> Iterator[BrowserContext]:
    context = owner_of(browser, made[0].hub, 1280)
    fleet = made[0]

    def are_there() -> bool:
        found = boxes(context, fleet)
        return len(found) == 2 and all(one["online"] and len(one["cameras"]) == 3 for one in found)

    until(are_there, 60, "both recorders and their cameras")
    yield context
    context.close()


def find(fleet: Fleet, *words: str) -> dict[str, Any]:
    return command(fleet.folders["hub"], "find", *words, "--on", "boxes")


def ids(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["box"], one["id"]) for one in found["events"]}


def test_the_command_finds_red_cars_of_both_recorders(made: tuple[Fleet, Week], owner: BrowserContext) -> None:
    fleet, week = made
    found = find(fleet, "red car")
    assert ids(found) == {(box, week[name].event.id) for box in ("beach", "town") for name in RED}
    assert (found["unknown"], found["missing"]) == ([], [])
    assert all(one["match"] > 0.4 for one in found["events"])
    assert found["events"] == sorted(found["events"], key=lambda one: (-round(one["match"], 1), -one["start_ms"]))
    assert {box for box, _ in ids(find(fleet, "red car in town"))} == {"town"}
    assert ids(find(fleet, "red car drive")) <= ids(found)


def test_words_of_a_search_model_are_answered_by_the_recorder_that_has_one(
    made: tuple[Fleet, Week], owner: BrowserContext
) -> None:
    fleet, week = made
    found = find(fleet, "crimson car")
    assert {("beach", week[name].event.id) for name in RED} <= ids(found)
    assert [(one["box"], one["reason"]) for one in found["missing"]] == [("town", "no_model")]


def test_the_page_shows_why_and_which_recorder_was_not_searched(
    made: tuple[Fleet, Week], owner: BrowserContext
) -> None:
    fleet, week = made
    page = owner.new_page()
    page.goto(f"{fleet.hub.base}/recorders/events")
    page.get_by_label("Search in words").fill("red car")
    page.keyboard.press("Enter")
    rows = page.locator(".rec-events li")
    expect(rows).to_have_count(6, timeout=WAIT_MS)
    expect(rows.first).to_contain_text("red, ")
    expect(page.locator("[data-missing]")).to_have_count(0)
    expect(page.locator(f'.rec-events img[src*="{week["red1"].event.id}"]').first).to_be_visible()

    fleet.running.pop("town").close()
    until(lambda: [one["name"] for one in boxes(owner, fleet) if not one["online"]] == ["town"], 30, "town to be off")
    page.get_by_label("Search in words").fill("red cars")
    page.keyboard.press("Enter")
    expect(page.locator("[data-missing]")).to_have_text("Offline, and not searched: town.", timeout=WAIT_MS)
    expect(rows).to_have_count(3)
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / "fleet-look.png"))
    assert violations(page, axe_script()) == []
    program = str(Path(sys.executable).with_name("tawny"))
    folder = fleet.folders["hub"]
    line = [program, "find", "red car", "--on", "boxes", "--config", str(folder / "tawny.toml")]
    result = subprocess.run([*line, "--data", str(folder / "data")], capture_output=True, text=True, timeout=60)
    assert "Not searched: town is offline." in result.stderr
    assert result.stdout.count("beach") == 3
    assert json.dumps(sorted(ids(find(fleet, "red car")))).count("beach") == 3

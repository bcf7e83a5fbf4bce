"""Modes in a real browser: set from any page and seen on every other, planned, tried out, and kept in the file."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
FILE = """\
# the house
[modes]
schedule = { night = ["22:00-06:30"] }   # asleep

[modes.presence]
people = { anna = {}, ben = {} }

[cameras.front-door]
source = "demo:front"
detection.detector = "off"
[cameras.hall]
source = "demo:front"
detection.detector = "off"

[notifiers.phone]
url = "ntfy://127.0.0.1:9/nobody"

[[rules]]                            # the night watch
name = "night watch"
when = { kind = "person", camera = "front-door", mode = ["away", "night"] }
do = ["notify phone", "record hall 2 min"]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("modes"), FILE)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    headers = {**OURS, "Origin": house.base}
    at_home = context.request.put(
        f"{house.base}/api/v1/presence/anna", data={"home": True}, headers=headers
    )  # fmt: skip
    assert at_home.ok, at_home.text()
    yield context
    context.close()


def opened(owner: BrowserContext, house: Tawny, path: str) -> Page:
    page = owner.new_page()
    page.goto(house.base + path)
    page.locator(".mode-pill").wait_for()
    return page


def config_of(house: Tawny) -> str:
    return (house.folder.parent / "tawny.toml").read_text(encoding="utf-8")


def test_a_mode_is_set_in_two_clicks_and_seen_on_every_page(owner: BrowserContext, house: Tawny) -> None:
    page, other = opened(owner, house, "/health"), opened(owner, house, "/events")
    page.locator(".mode-pill").click()
    page.get_by_role("button", name=re.compile("^Away")).click()
    expect(other.locator(".mode-pill")).to_have_text("Away")
    expect(page.locator("#mode-panel")).to_be_hidden()
    page.keyboard.press("m")
    expect(page.get_by_role("dialog", name="Mode")).to_contain_text("Away, set by Anna.")
    page.get_by_role("button", name="Follow the schedule").click()
    expect(other.locator(".mode-pill")).not_to_have_text("Away")
    page.close()
    other.close()


def test_the_week_and_the_rules_are_changed_in_the_file(owner: BrowserContext, house: Tawny) -> None:
    page = opened(owner, house, "/settings/modes")
    page.get_by_text("Exact times, sunrise and sunset").click()
    page.get_by_text("More rules (1)").click()
    night = page.get_by_role("group", name="Night", exact=True)
    night.get_by_label("Night 1: From").fill("21:30")
    expect(page.get_by_role("img", name=re.compile("Night 21:30 to 24:00")).first).to_be_visible()
    page.get_by_role("group", name="Away", exact=True).get_by_role("button", name="Add time").click()
    away = page.get_by_role("group", name="Away", exact=True)
    for day in ("Sat", "Sun"):
        away.get_by_role("button", name=day, exact=True).click()
    away.get_by_label("Away 1: From").fill("08:00")
    away.get_by_label("Away 1: to").fill("nonsense")
    expect(page.get_by_role("status").filter(has_text="times, for example")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    away.get_by_label("Away 1").last.fill("17:00")
    rule = page.get_by_role("group", name="night watch")
    rule.get_by_text("night watch: if Person, at Front door, Away or Night, then notify phone").click()
    rule.get_by_role("button", name="Add action").click()
    rule.get_by_label("Then 3").fill("record front-door 1 min")
    expect(page.locator(".modes-save")).to_contain_text("Not saved yet.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    written = config_of(house)
    assert "# the house" in written and "# asleep" in written
    assert "anna" in written and "ben" in written
    assert "mon-fri 08:00-17:00" in written and "21:30-06:30" in written and "record front-door 1 min" in written
    page.close()


def test_a_part_of_the_week_is_painted(owner: BrowserContext, house: Tawny) -> None:
    page = opened(owner, house, "/settings/modes")
    page.get_by_role("group", name="Mode to paint").get_by_role("button", name="Away").click()
    line = page.get_by_role("img", name=re.compile("^Sunday"))
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 10 / 24, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 14 / 24, height, steps=4)
    page.mouse.up()
    expect(page.get_by_role("img", name=re.compile("^Sunday.*Away 10:00 to 14:00"))).to_be_visible()
    page.get_by_text("Exact times, sunrise and sunset").click()
    times = page.get_by_role("group", name="Away", exact=True).get_by_role("textbox")
    expect(times.last).to_have_value("14:00")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("img", name=re.compile("^Sunday.*Away 10:00 to 14:00"))).to_have_count(0)
    page.close()


def test_a_rehearsal_says_what_would_happen_and_why(owner: BrowserContext, house: Tawny) -> None:
    page = opened(owner, house, "/settings/modes")
    page.get_by_role("button", name="Try a mode").first.click()
    page.get_by_text("A single event").click()
    form = page.locator(".modes-try")
    form.get_by_role("combobox", name="on camera").select_option("front-door")
    form.get_by_role("combobox", name="in mode").select_option("night")
    page.get_by_role("button", name="Test", exact=True).click()
    result = page.locator(".outcomes li.does")
    expect(result.filter(has_text="Notify phone")).to_contain_text("The rule “night watch” notifies phone")
    form.get_by_role("combobox", name="in mode").select_option("home")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".outcomes li", has_text="Notify phone")).to_contain_text("and the mode was home")
    page.close()


def asked(house: Tawny, *words: str) -> Any:
    """What a command says, as JSON."""
    command = [str(Path(sys.executable).with_name("tawny")), *words, "--data", str(house.folder), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, timeout=120, check=True).stdout)


def test_commands_say_what_would_happen_and_the_page_of_an_event_why_it_did(
    owner: BrowserContext, house: Tawny
) -> None:
    result = asked(house, "rules", "test", "--camera", "front-door", "--at", "sunday 23:00", "--home", "nobody")
    assert (result["mode"], result["when"], result["recorded"]) == ("away", "Sunday 23:00", True)
    beforehand = {one["deed"]: (one["does"], one["why"]) for one in result["outcomes"]}
    assert beforehand["notify phone"][0]
    headers = {"X-Tawny": "1", "Origin": house.base}
    owner.request.put(f"{house.base}/api/v1/mode", data={"mode": "night", "for_s": 600}, headers=headers)
    order = {"command": "event.open", "camera": "front-door", "kind": "person", "for": 600}
    made = owner.request.post(f"{house.base}/api/v1/orders", data=order, headers=headers)
    assert made.ok, made.text()
    event = made.json()["event"]
    until(lambda: len(asked(house, "why", event)["outcomes"]) == len(beforehand), 60, "what came of it")
    outcomes = asked(house, "why", event)["outcomes"]
    assert {one["deed"]: one["does"] for one in outcomes} == {deed: does for deed, (does, _) in beforehand.items()}
    page = opened(owner, house, f"/events/{event}")
    page.locator("summary", has_text="Why did I get this?").click()
    expect(page.locator(".outcomes li.does").first).to_contain_text("The rule “night watch”")
    assert violations(page, axe_script()) == []
    page.close()
    owner.request.put(f"{house.base}/api/v1/mode", data={"mode": ""}, headers=headers)


def test_privacy_of_a_camera_is_shown_and_ended(owner: BrowserContext, house: Tawny) -> None:
    headers = {**OURS, "Origin": house.base}
    owner.request.put(f"{house.base}/api/v1/cameras/hall/hold", data={"what": "pause"}, headers=headers)
    page = opened(owner, house, "/settings/modes")
    expect(page.locator(".modes-holds")).to_contain_text("Hall: privacy on")

    def state() -> str:
        cameras = owner.request.get(f"{house.base}/api/v1/health").json()["cameras"]
        return next(str(one["state"]) for one in cameras if one["id"] == "hall")

    until(lambda: state() == "paused", 60, "the hall is private")
    private = page.locator(".modes-holds p", has_text="Hall: privacy on")
    private.get_by_role("button", name="End").click()
    until(lambda: state() == "recording", 60, "the hall is recorded")
    page.close()


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param((1440, 900), "dark", id="desk dark"),
        pytest.param((390, 844), "light", id="phone light"),
        pytest.param((1440, 900), "light", id="desk light", marks=pytest.mark.long),
        pytest.param((390, 844), "dark", id="phone dark", marks=pytest.mark.long),
    ],
)
def test_everybody_can_use_it(
    owner: BrowserContext, house: Tawny, tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    page = owner.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(f"localStorage.setItem('tawny.theme', '{theme}')")
    page.goto(f"{house.base}/settings/modes")
    page.locator(".week-line").first.wait_for()
    page.get_by_text("More rules (1)").click()
    page.get_by_text("Exact times, sunrise and sunset").click()
    page.get_by_text("People and phones").click()
    page.screenshot(path=tmp_path / "modes.png")
    page.locator(".modes-rule summary").click()
    page.locator(".modes-rule").scroll_into_view_if_needed()
    page.get_by_role("button", name="Add rule").scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "rules.png")
    assert page.evaluate("document.documentElement.scrollWidth === innerWidth")
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Try a mode").locator("visible=true").click()
    page.get_by_text("A single event").click()
    page.get_by_role("button", name="Test", exact=True).click()
    page.locator(".outcomes").wait_for()
    assert violations(page, axe_script()) == []
    page.keyboard.press("Escape")
    page.locator(".mode-pill").click()
    page.locator(".mode-list").wait_for()
    page.screenshot(path=tmp_path / "panel.png")
    assert violations(page, axe_script()) == []
    page.close()

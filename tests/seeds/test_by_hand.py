"""Recording by hand, and what each mode records, in the browser."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, browser, owner_of, pages_closed, with_settings
from tests.e2e.rules import axe_script, violations

__all__ = ["browser", "pages_closed"]

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SETTINGS = """\
[cameras.yard]
source = "demo:garden"
record = "off"
pre = "3 s"
post = "3 s"
detection.detector = "off"
[cameras.gate]
source = "demo:front"
detection.detector = "off"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("by-hand"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> BrowserContext:
    return owner_of(browser, house, 1280)


def videos(house: Tawny, camera: str) -> list[Path]:
    return list((house.folder / camera).rglob("*Z-*.mp4"))


def test_rp18_the_record_button_records_a_clip_also_where_nothing_is_detected(
    owner: BrowserContext, house: Tawny
) -> None:
    page, other = owner.new_page(), owner.new_page()
    for each in (page, other):
        each.goto(f"{house.base}/live/yard")
    page.get_by_role("button", name="Record now", exact=True).click(timeout=WAIT_MS)
    stop = other.get_by_role("button", name=re.compile(r"^Recording \d:\d\d · Stop$"))
    expect(stop).to_have_attribute("title", re.compile("Recorded by hand by Anna, until"), timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    until(lambda: list((house.folder / "yard").rglob("*.open.mp4")), 60, "a recording")
    stop.click()
    expect(page.get_by_role("button", name="Record now", exact=True)).to_be_visible(timeout=WAIT_MS)
    until(lambda: videos(house, "yard"), 60, "the clip")
    items: list[dict[str, Any]] = owner.request.get(f"{house.base}/api/v1/events?cameras=yard").json()["items"]
    assert [(one["type"], one["end_ms"] is not None, one["kept"]) for one in items] == [("manual", True, True)]
    assert items[0]["title"].startswith("Recorded by hand · ")


def is_saved(config: Path, value: str) -> bool:
    """Of the mode; what is the camera's own choice stands there only, and not here as well."""
    night = config.read_text().partition("modes.night")[2]
    if value == "continuous":
        return "record = " not in night and "privacy = true" not in night
    return ("privacy = true" if value == "private" else f'record = "{value}"') in night


def test_sc12_what_each_mode_records_is_chosen_in_the_modes_page(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/modes")
    config = house.folder.parent / "tawny.toml"
    cell = page.get_by_role("button", name=re.compile("^Gate in Night:"))
    expect(cell).to_contain_text("Always", timeout=WAIT_MS)
    panel = page.get_by_role("dialog", name="Gate in Night")
    record = panel.get_by_role("group", name="Record")
    for name, value in (("Events", "events"), ("Not", "off"), ("Privacy", "private"), ("Always", "continuous")):
        cell.click()
        record.get_by_role("button", name=name, exact=True).click()
        if name == "Not":  # the other camera is not recorded either, which is asked about once
            page.get_by_role("button", name="Record nothing").click()
        until(partial(is_saved, config, value), 15, value)
        if name == "Always":
            expect(record.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
            assert violations(page, axe_script()) == []
        page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    until(partial(is_saved, config, "private"), 60, "what it was before")
    wanted = {"cameras": ["gate"], "modes": ["night"], "record": "transitions", "detection": True}
    sent = {**OURS, "Origin": house.base}
    assert page.request.put(f"{house.base}/api/v1/modes/cells", data=wanted, headers=sent).ok
    until(partial(is_saved, config, "transitions"), 60, "transitions")
    page.reload()
    expect(cell).to_contain_text("Start and end of events", timeout=WAIT_MS)
    cell.click()
    expect(record.get_by_role("button", name="Start, end")).to_have_attribute("aria-pressed", "true")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("place", ["/", "/settings/add-camera", "/setup/cameras"])
def test_rp27_a_demo_camera_by_one_press_which_is_removed_again(browser: Browser, tmp_path: Path, place: str) -> None:
    for house in with_settings(tmp_path, "# mine\n"):
        page = owner_of(browser, house, 390).new_page()
        page.goto(house.base + place)
        button = page.get_by_role("button", name="Show a demo camera")
        expect(button).to_be_visible(timeout=WAIT_MS)
        assert violations(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        button.click()
        until(partial(is_recorded, house), 60, "a recording")
        page.goto(f"{house.base}/settings/cameras/demo/danger")
        page.get_by_role("button", name="Remove camera").click(timeout=WAIT_MS)
        page.get_by_role("dialog").get_by_role("button", name="Remove camera").click()
        until(partial(is_removed, house), 60)


def is_recorded(house: Tawny) -> bool:
    return any((house.folder / "demo").rglob("*.mp4"))


def is_removed(house: Tawny) -> bool:
    return "[cameras.demo]" not in (house.folder.parent / "tawny.toml").read_text()


def test_rp20_a_relay_with_a_script_leaves_a_request_to_restart(browser: Browser, tmp_path: Path) -> None:
    page_text = (Path(__file__).parents[2] / "docs" / "how-to" / "live-view.md").read_text(encoding="utf-8")
    script = next(
        one for one in re.findall(r"^```sh\n(.*?)^```", page_text, re.MULTILINE | re.DOTALL) if "reboot" in one
    )
    (scripts := tmp_path / "scripts").mkdir()
    (requests := tmp_path / "requests").mkdir()
    (scripts / "restart.sh").write_text(script.replace("/run/tawny-requests", str(requests)))
    (scripts / "restart.sh").chmod(0o755)
    settings = f'[scripts]\nfolder = "{scripts}"\n[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    relay = '[relays.restart-computer]\nscript = "restart.sh"\npulse = "1 s"\n'
    (home := tmp_path / "home").mkdir()
    for house in with_settings(home, settings + relay):
        page = owner_of(browser, house, 1280).new_page()
        page.goto(f"{house.base}/live/yard")
        page.get_by_role("button", name="Devices").click(timeout=WAIT_MS)
        button = page.get_by_role("button", name="Restart computer")
        expect(button).to_be_visible(timeout=WAIT_MS)
        assert not list(requests.iterdir())
        button.click()
        until(lambda: (requests / "reboot").exists(), 60, "the request")

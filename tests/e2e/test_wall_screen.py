"""A tablet on the wall: its owner makes it a screen by a link, and from then on nobody touches it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import LINK, OURS, Tawny, owner_of
from tests.e2e.rules import axe_script, violations
from tests.e2e.touch import TABLET, TABLET_UPRIGHT, UPRIGHT, turn
from tests.support.ports import free_port
from tests.support.processes import ended

pytestmark = pytest.mark.browser
SETTINGS = "".join(
    f'[cameras.{name}]\nsource = "demo:{name}"\ndemo.small = true\nname = "{words}"\ndetection.detector = "off"\n'
    for name, words in (("front", "Front door"), ("drive", "Driveway"), ("garden", "Garden"))
)
LOCKS = """
window.locks = 0;
navigator.wakeLock.request = async () => { window.locks += 1; return { release: async () => { window.locks -= 1; } }; };
"""
NOON, NIGHT = "2026-06-13T12:00:10", "2026-06-13T23:30:10"
COVERED = """() => {
  const boxes = [...document.querySelectorAll(".ws-cell")].map((one) => one.getBoundingClientRect());
  return boxes.reduce((all, box) => all + box.width * box.height, 0) > 0.4 * innerWidth * innerHeight;
}"""
"""Most of the display has cameras on it."""
MOVED = "document.querySelector('.ws-grid').style.translate"


class Recorder:
    """One that can be restarted at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._folder, self._log = folder / "data", folder / "tawny.log"
        self._config = folder / "tawny.toml"
        self._config.write_text(SETTINGS, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(self._config)]
        command += ["--listen", f"127.0.0.1:{self.port}", "--data", str(self._folder)]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def stop(self) -> None:
        assert self._process
        assert ended(self._process) == 0, self._log.read_text()

    def as_begun(self) -> Tawny:
        assert self._process
        until(lambda: LINK.search(self._log.read_text()), 120, "the one-time link")
        found = LINK.search(self._log.read_text())
        assert found
        return Tawny(self._process, self._folder, found[0], self.base)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    made = Recorder(tmp_path_factory.mktemp("wall"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def owner(browser: Browser, recorder: Recorder) -> Iterator[BrowserContext]:
    made = owner_of(browser, recorder.as_begun(), 1280)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tablet(browser: Browser, owner: BrowserContext, recorder: Recorder) -> Iterator[BrowserContext]:
    """It has opened the link that its owner made."""
    asked = {"name": "Kitchen", "role": "screen"}
    made = owner.request.post(f"{recorder.base}/api/v1/people", data=asked, headers=ours(recorder))
    assert made.ok, made.text()
    context = browser.new_context(
        viewport={"width": TABLET[0], "height": TABLET[1]}, is_mobile=True, has_touch=True, locale="en-GB"
    )
    context.add_init_script(LOCKS)
    page = context.new_page()
    page.goto(recorder.base + made.json()["link"])
    page.wait_for_selector(".wall-screen [data-view=playing]")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(browser: Browser, tablet: BrowserContext, recorder: Recorder) -> Iterator[Page]:
    """Switched on, at noon; each in a context of its own, as a clock counts for all of one."""
    context = browser.new_context(
        viewport={"width": TABLET[0], "height": TABLET[1]},
        is_mobile=True,
        has_touch=True,
        locale="en-GB",
        storage_state=tablet.storage_state(),
    )
    context.add_init_script(LOCKS)
    yield context.new_page()
    context.close()


def switched_on(page: Page, recorder: Recorder, at: str = "") -> None:
    """at: what its clock says from now on; empty: as it is."""
    if at:
        page.clock.set_fixed_time(at)
    page.goto(recorder.base)
    expect(page.locator(".wall-screen [data-view=playing]")).to_have_count(3)


def ours(recorder: Recorder) -> dict[str, str]:
    return {**OURS, "Origin": recorder.base}


def ordered(owner: BrowserContext, recorder: Recorder, **order: Any) -> dict[str, Any]:
    answer = owner.request.post(f"{recorder.base}/api/v1/orders", data=order, headers=ours(recorder))
    assert answer.ok, answer.text()
    found: dict[str, Any] = answer.json()
    return found


def shot(page: Page, name: str) -> None:
    if "SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")


def test_the_link_makes_it_a_wall_that_fills_the_display_and_stays_on(page: Page, recorder: Recorder) -> None:
    switched_on(page, recorder, NOON)
    expect(page.locator(".rail, .tabs, .top").locator("visible=true")).to_have_count(0)
    for size in (TABLET, TABLET_UPRIGHT, UPRIGHT):
        turn(page, size)
        page.wait_for_function(COVERED)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shot(page, f"wall-screen-{size[0]}")
    assert page.evaluate("window.locks") == 1
    assert violations(page, axe_script()) == []


def test_everything_moves_by_a_few_pixels_every_minute(page: Page, recorder: Recorder) -> None:
    switched_on(page, recorder, NOON)
    seen = [page.evaluate(MOVED)]
    for minute in range(1, 5):
        page.clock.set_fixed_time(f"2026-06-13T12:0{minute}:10")
        until(lambda: page.evaluate(MOVED) != seen[-1], 60, "it has moved")
        seen.append(page.evaluate(MOVED))
    assert len(set(seen)) >= 3
    assert all(abs(float(part.removesuffix("px"))) <= 4 for one in seen for part in one.split())


def test_it_is_dim_at_night_and_bright_after_a_touch_and_by_day(page: Page, recorder: Recorder) -> None:
    wall = page.locator(".wall-screen")
    switched_on(page, recorder, NIGHT)
    expect(wall).to_have_attribute("data-dim", "true")
    shot(page, "wall-screen-night")
    page.mouse.click(500, 300)
    expect(wall).to_have_attribute("data-dim", "false")
    options = page.get_by_role("region", name="Wall screen options")
    expect(options).to_be_visible()
    assert violations(page, axe_script()) == []
    shot(page, "wall-screen-options")
    expect(options.get_by_role("button", name="Leave")).to_have_count(0)  # it is nothing else
    page.clock.set_fixed_time("2026-06-13T23:40:10")
    expect(wall).to_have_attribute("data-dim", "true")
    expect(options).to_be_hidden()
    page.clock.set_fixed_time(NOON)
    expect(wall).to_have_attribute("data-dim", "false")


def test_an_alert_wakes_it_and_shows_its_camera_large(page: Page, owner: BrowserContext, recorder: Recorder) -> None:
    wall = page.locator(".wall-screen")
    switched_on(page, recorder, NIGHT)
    page.evaluate("localStorage['tawny.wall-screen-options'] = JSON.stringify({ alert_s: 3 })")
    page.reload()
    expect(page.locator(".wall-screen [data-view=playing]")).to_have_count(3)
    expect(wall).to_have_attribute("data-dim", "true")
    event = ordered(owner, recorder, command="event.open", camera="drive", kind="person")["event"]
    expect(wall).to_have_attribute("data-alert", "drive")
    expect(wall).to_have_attribute("data-dim", "false")
    cell = page.locator(".ws-cell.large[data-camera=drive]")
    expect(cell).to_be_visible()
    box = cell.bounding_box()
    assert box is not None
    assert box["width"] > 1000
    expect(page.locator(".ws-cell[data-camera=front]")).to_be_hidden()
    expect(cell.and_(page.locator("[data-view=playing]"))).to_be_visible()
    shot(page, "wall-screen-alert")
    expect(wall).to_have_attribute("data-alert", "")
    expect(page.locator(".ws-cell[data-camera=front]")).to_be_visible()
    expect(wall).to_have_attribute("data-dim", "true")
    ordered(owner, recorder, command="event.close", event=event)


def test_it_comes_back_by_itself_after_the_recorder_was_away(page: Page, recorder: Recorder) -> None:
    switched_on(page, recorder)
    other = page.context.new_page()
    recorder.stop()
    expect(page.locator(".lost-bar")).to_be_visible()
    other.goto(recorder.base, wait_until="commit") if is_cached(page) else None
    recorder.start()
    expect(page.locator(".lost-bar")).to_have_count(0)
    expect(page.locator(".wall-screen [data-view=playing]")).to_have_count(3)
    seen = page.evaluate("document.querySelector('.ws-cell video')?.currentTime ?? 0")
    page.wait_for_function("(seen) => document.querySelector('.ws-cell video').currentTime !== seen", arg=seen)
    if is_cached(page):
        expect(other.locator(".wall-screen [data-view=playing]")).to_have_count(3)
    other.close()


def is_cached(page: Page) -> bool:
    """The service worker stands in for the recorder while that is away."""
    return bool(page.evaluate("Boolean(navigator.serviceWorker?.controller)"))


def test_anyone_makes_a_device_a_wall_screen_from_live_and_leaves_it(owner: BrowserContext, recorder: Recorder) -> None:
    page = owner.new_page()
    page.goto(recorder.base)
    page.get_by_role("button", name="Wall screen").click()
    wall = page.locator(".wall-screen")
    expect(wall).to_be_visible()
    expect(page.get_by_role("heading", name="Wall screen")).to_be_focused()
    expect(page.get_by_role("button", name="Leave")).to_have_count(0)
    until(lambda: page.evaluate("Boolean(document.fullscreenElement)"), 60, "full screen")
    page.reload()
    expect(wall).to_be_visible()
    page.mouse.click(400, 300)
    page.get_by_role("switch", name="Dim at night").click()
    expect(page.get_by_label("From")).to_have_count(0)
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Live")).to_be_focused()
    page.reload()
    expect(page.get_by_role("heading", name="Live")).to_be_visible()
    page.get_by_role("button", name="Wall screen").click()
    expect(wall).to_be_visible()
    until(lambda: page.evaluate("Boolean(document.fullscreenElement)"), 60, "full screen")
    page.evaluate("document.exitFullscreen()")  # as the browser's own key does
    page.get_by_role("button", name="Full screen").click()
    until(lambda: page.evaluate("Boolean(document.fullscreenElement)"), 60, "full screen again")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Full screen")).to_be_visible()
    expect(wall).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Live")).to_be_visible()
    page.close()

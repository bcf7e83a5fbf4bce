"""Every control of every screen can be touched: 44 px on a phone, upright and on its side."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny
from tests.e2e.touch import Fingers, middle_of

pytestmark = pytest.mark.browser
SCREENS = [
    "/",
    "/live/{camera}",
    "/timeline",
    "/events",
    "/events/{event}",
    "/find",
    "/clips",
    "/health",
    "/settings",
    "/settings?q=night",
    "/settings/detection",
    "/settings/integrations",
    "/settings/system",
    "/settings/look",
    "/settings/all?key=storage.buffer",
    "/settings/cameras/{camera}",
    "/settings/cameras/{camera}/general",
    "/settings/cameras/{camera}/connection",
    "/settings/add-camera",
    "/settings/notifications",
    "/settings/modes",
    "/settings/encryption",
    "/settings/storage",
    "/settings/account",
    "/settings/people",
    "/settings/address",
    "/settings/links",
    "/settings/cameras/{camera}/recording",
    "/settings/cameras/{camera}/picture",
    "/settings/cameras/{camera}/detection",
    "/settings/cameras/{camera}/danger",
    "/events?tab=detections",
]
PANELS = {
    "camera": ("/", ".tile"),
    "mode": ("/", ".mode-pill"),
    "day": ("/timeline", ".phone-row .chip >> nth=0"),
    "clip": ("/timeline", "[aria-label='Save clip']"),
    "privacy": ("/live/{camera}", "[data-act=privacy]"),
    "snooze": ("/live/{camera}", "[data-act=snooze]"),
}
"""What opens over a screen: the screen, and what is pressed."""
TOO_SMALL = """(within) => {
  const LEAST = 44, SLACK = 0.5;
  const ours = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=slider], [role=switch]";
  // a link in a sentence may be as high as its line (WCAG 2.5.8, inline)
  const isInline = (one) => one.tagName === "A" && getComputedStyle(one).display === "inline";
  // what takes the touch: the control, its label, and room around it that a touch beside it finds
  const takes = (one, x, y) => {
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return true;
    const hit = document.elementFromPoint(x, y);
    return [one, ...(one.labels ?? [])].some((each) => each.contains(hit));
  };
  const isLarge = (one) => {
    const boxes = [one, ...(one.labels ?? [])].map((each) => each.getBoundingClientRect());
    const high = Math.max(...boxes.map((box) => box.height)) + SLACK >= LEAST;
    const wide = Math.max(...boxes.map((box) => box.width)) + SLACK >= LEAST;
    if (high && wide) return true;
    one.scrollIntoView({ block: "center", inline: "center" });
    const box = one.getBoundingClientRect();
    const [x, y, reach] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2, LEAST / 2 - 1];
    const upright = high || (takes(one, x, y - reach) && takes(one, x, y + reach));
    return upright && (wide || (takes(one, x - reach, y) && takes(one, x + reach, y)));
  };
  const found = [];
  for (const one of (within ?? document).querySelectorAll(ours)) {
    if (!one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || isInline(one)) continue;
    if (one.matches(".skip, .hidden, .hidden *") || one.closest("[inert]")) continue;
    if (one.matches(".mm-trig, .tape-playhead")) continue; // a touch anywhere on the meter or tape moves it
    if (isLarge(one)) continue;
    const name = one.getAttribute("aria-label") || one.textContent.trim().slice(0, 30);
    const { width, height } = one.getBoundingClientRect();
    found.push(`${one.tagName.toLowerCase()}.${one.className} "${name}" ${Math.round(width)}x${Math.round(height)}`);
  }
  return [...new Set(found)];
}"""


@pytest.fixture(
    scope="module",
    params=[pytest.param((390, 844), id="upright"), pytest.param((844, 390), id="on its side", marks=pytest.mark.long)],
)
def phone(request: pytest.FixtureRequest, browser: Browser, demo: Tawny, signed_in: BrowserContext) -> Any:
    width, height = request.param
    state = signed_in.storage_state()
    made = browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=True, has_touch=True, storage_state=state
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def places(signed_in: BrowserContext, demo: Tawny) -> dict[str, str]:
    page = signed_in.new_page()
    page.goto(demo.base)
    camera = page.locator("[data-camera]").first.get_attribute("data-camera")
    events = f"{demo.base}/api/v1/events?only=all"
    until(lambda: page.request.get(events).json()["items"], 120, "an event")
    event = page.request.get(events).json()["items"][-1]
    page.close()
    return {"camera": camera or "", "event": event["id"]}


def settled(page: Page) -> None:
    """The screen has come, and what it asked for."""
    page.wait_for_selector("main")
    page.wait_for_timeout(700)
    page.wait_for_function("() => [...document.querySelectorAll('link[rel=stylesheet]')].every((one) => one.sheet)")


@pytest.mark.parametrize("screen", SCREENS)
def test_a19_every_control_is_large_enough(
    phone: BrowserContext, demo: Tawny, places: dict[str, str], screen: str
) -> None:
    page = phone.new_page()
    page.goto(demo.base + screen.format(**places))
    settled(page)
    small = page.evaluate(TOO_SMALL)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
    assert small == [], json.dumps(small, indent=1, ensure_ascii=False)


def is_snoozed(page: Page, opener: str) -> bool:
    return re.search(r"\d:\d\d", page.locator(opener).first.get_attribute("title") or "") is not None


@pytest.mark.parametrize("panel", PANELS)
def test_a19_every_control_of_a_panel_is_large_and_near_the_thumb(
    phone: BrowserContext, demo: Tawny, places: dict[str, str], panel: str
) -> None:
    page = phone.new_page()
    screen, opener = PANELS[panel]
    upright = (page.viewport_size or {"width": 0})["width"] == 390
    page.goto(demo.base + screen.format(**places))
    settled(page)
    if not upright and panel in ("mode", "day"):
        opener = {"mode": ".mode-pill", "day": ".side-row .btn, .side-row .chip"}[panel]
    if panel == "camera":
        page.wait_for_selector(".tile-acts", state="attached")  # they come after the first picture
        fingers = Fingers(page)
        fingers.down(middle_of(page.locator(opener).first))  # held
        expect(page.locator("dialog[open]")).to_be_visible()
        fingers.up()
    else:
        if panel == "snooze" and not is_snoozed(page, opener):
            page.locator(opener).first.tap()
            until(lambda: is_snoozed(page, opener), 60, "the end of the snooze")
            expect(page.locator(".toast")).to_have_count(0)  # it may lie over the button
            if not page.locator(opener).first.is_visible():
                Fingers(page).tap(420, 150)  # on its side the controls go by themselves
        page.locator(opener).first.tap()
    opened = page.locator("dialog[open], [popover]:popover-open").first
    expect(opened).to_be_visible()
    settled(page)
    small = page.evaluate(TOO_SMALL, opened.element_handle())
    box = opened.bounding_box()
    high = (page.viewport_size or {"height": 0})["height"]
    page.close()
    assert small == [], json.dumps(small, indent=1, ensure_ascii=False)
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= high + 1
    if upright:
        assert box["y"] + box["height"] >= high - 1, "it comes up from below"


@pytest.mark.parametrize("size", [(720, 406), (320, 256)])
def test_the_timelines_controls_are_reached_in_a_low_window(
    signed_in: BrowserContext, demo: Tawny, size: tuple[int, int]
) -> None:
    """As a laptop's window is at 200 %, and one of 1280 by 1024 at 400 %."""
    page = signed_in.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{demo.base}/timeline")
    settled(page)
    page.mouse.move(size[0] / 2, size[1] / 3)
    for name in ("Save clip", "Choose date"):
        wanted = page.locator(f"main [aria-label*='{name}']:visible").first

        def is_above_menu(wanted: Locator = wanted) -> bool:
            page.mouse.wheel(0, 60)
            box = wanted.bounding_box()
            return box is not None and box["y"] + box["height"] < size[1] - 64

        until(is_above_menu, 10, f"“{name}” in the window")
    page.close()

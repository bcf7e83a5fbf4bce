"""Everybody can use it: axe-core finds nothing against WCAG 2.2 AA on any page, in both themes, on a desk and a phone.

What the pages ask the recorder for is right, too: no answer is an error, and the console stays silent.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.e2e.conftest import Tawny
from tests.e2e.rules import NONE, axe_script, barriers, wait_until_still

pytestmark = pytest.mark.browser
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
PAGES = ["/", "/live/front", "/timeline", "/events?only=all", "/health", "/settings", "/settings/storage"]


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_script()


@pytest.fixture(scope="module", params=["desk", pytest.param("phone", marks=pytest.mark.long)])
def visitor(request: pytest.FixtureRequest, browser: Browser, signed_in: BrowserContext) -> Iterator[BrowserContext]:
    """The demo's owner, on a screen of this size."""
    width, height = SIZES[request.param]
    state: Any = signed_in.storage_state()
    context = browser.new_context(viewport={"width": width, "height": height}, storage_state=state)
    yield context
    context.close()


@pytest.mark.shows("SC11")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_barriers(visitor: BrowserContext, demo: Tawny, axe: str, path: str) -> None:
    page = visitor.new_page()
    wrong = listen(page)
    page.goto(demo.base + path)
    settle(page)
    assert barriers(page, axe) == NONE
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert wrong == []
    page.close()


def test_an_event_with_its_clip_has_no_barriers(visitor: BrowserContext, demo: Tawny, axe: str) -> None:
    page = visitor.new_page()
    page.goto(f"{demo.base}/events?only=all")
    page.locator("[data-visit] .ec-open").first.click(timeout=60_000)
    page.locator(".drawer h2").wait_for()
    assert barriers(page, axe) == NONE
    page.close()


@pytest.mark.parametrize("press", ["Choose date", "Any day"])
def test_choosing_a_day_has_no_barriers(visitor: BrowserContext, demo: Tawny, axe: str, press: str) -> None:
    page = visitor.new_page()
    page.goto(demo.base + ("/timeline" if press == "Choose date" else "/events?only=all"))
    page.get_by_role("button", name=press).first.click()
    page.locator("[popover]:popover-open [data-day]").first.wait_for()
    assert barriers(page, axe) == NONE
    page.close()


@pytest.mark.parametrize("path", ["/sign-in", "/setup#token=used"])
def test_the_way_in_has_no_barriers(browser: Browser, demo: Tawny, axe: str, path: str) -> None:
    stranger = browser.new_context()
    page = stranger.new_page()
    page.goto(demo.base + path)
    page.wait_for_selector("h1")
    assert barriers(page, axe) == NONE
    stranger.close()


@pytest.mark.parametrize(
    ("path", "control", "other"),
    [
        ("/settings/look", ".seg[aria-label='Keyboard shortcuts'] [aria-pressed=true]", "[aria-pressed=false]"),
        ("/events?only=all", ".vt [aria-pressed=true]", "[aria-pressed=false]"),
        ("/settings/cameras/front/motion", "div[aria-labelledby='alerts-title'] [aria-pressed=true]", ""),
    ],
)
def test_high_contrast_shows_what_is_chosen(
    browser: Browser, signed_in: BrowserContext, demo: Tawny, path: str, control: str, other: str
) -> None:
    """It takes the backgrounds and shadows away that tell it otherwise."""
    context = browser.new_context(forced_colors="active", locale="en-GB", storage_state=signed_in.storage_state())
    page = context.new_page()
    page.goto(demo.base + path)
    name = page.locator(control).first.inner_text().partition("\n")[0]  # without the count of a tab
    chosen = page.locator(control).filter(has_text=name).first.element_handle()

    def look() -> bytes:
        page.mouse.move(2, 2)
        page.evaluate("document.activeElement.blur()")
        wait_until_still(page)
        return chosen.screenshot()

    before = look()
    if other:
        page.locator(control.rpartition(" ")[0]).locator(other).first.click()
    else:
        chosen.click()
    assert chosen.get_attribute("aria-pressed") == "false"
    assert look() != before
    context.close()


def test_high_contrast_shows_the_page_that_is_open(browser: Browser, signed_in: BrowserContext, demo: Tawny) -> None:
    context = browser.new_context(forced_colors="active", storage_state=signed_in.storage_state())
    page = context.new_page()
    looks = []
    for path in ("/health", "/timeline"):
        page.goto(demo.base + path)
        page.locator(f".rail a[href='{path}'][aria-current]").wait_for()
        wait_until_still(page)
        looks.append(page.locator(".rail a[href='/health']").screenshot())
    assert looks[0] != looks[1]
    context.close()


def test_high_contrast_shows_the_level_of_the_meter_and_the_edge_of_live(
    browser: Browser, signed_in: BrowserContext, demo: Tawny
) -> None:
    context = browser.new_context(forced_colors="active", storage_state=signed_in.storage_state())
    page = context.new_page()
    color = "node => getComputedStyle(node).backgroundColor"
    page.goto(f"{demo.base}/settings/cameras/front/motion")
    line = page.locator(".mm-trig")
    assert line.evaluate(color) != page.locator(".mm-bar").evaluate(color)
    page.goto(f"{demo.base}/timeline")
    assert page.locator(".play").evaluate("node => getComputedStyle(node).borderTopWidth") != "0px"
    context.close()


def test_the_title_of_the_next_page_has_the_focus_of_what_is_gone(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.goto(demo.base)
    page.locator("[data-act=more], .snooze-small").first.wait_for(state="attached")  # with what comes after the picture
    page.locator(".tile-link").first.press("Enter")
    page.wait_for_url("**/live/*")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.close()


def test_the_first_page_leaves_the_focus_at_its_beginning(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.goto(f"{demo.base}/health")
    page.get_by_role("heading", level=1).wait_for()
    settle(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.close()


def test_the_next_step_for_a_camera_has_the_focus(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.goto(f"{demo.base}/settings/add-camera")
    page.get_by_label("Address", exact=True).fill("127.0.0.1:9")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="127.0.0.1:9")).to_be_focused()
    page.close()


CHANGED_ITS_MIND = "WebSocket is closed before the connection is established"
"""What the browser remarks when a page takes another way to a picture because this one is too slow: no fault."""


def listen(page: Page) -> list[str]:
    """What goes wrong on a page from here on."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda data: wrong.append(data.text) if is_wrong(data) else None)
    page.on("response", lambda got: wrong.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    return wrong


def is_wrong(value: ConsoleMessage) -> bool:
    return value.type in ("error", "warning") and CHANGED_ITS_MIND not in value.text


def settle(page: Page) -> None:
    page.wait_for_selector("main")
    page.wait_for_selector(".chip.truth:has-text('of')")
    page.wait_for_timeout(700)

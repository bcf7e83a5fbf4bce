"""Everybody can use it: axe-core finds nothing against WCAG 2.2 AA on any page, in both themes, on a desk and a phone.

What the pages ask the recorder for is right, too: no answer is an error, and the console stays silent.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.e2e.conftest import Tawny
from tests.e2e.rules import NONE, axe_script, barriers

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


CHANGED_ITS_MIND = "WebSocket is closed before the connection is established"
"""What the browser remarks when a page takes another way to a picture because this one is too slow: no fault."""


def listen(page: Page) -> list[str]:
    """What goes wrong on a page from here on."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if is_wrong(said) else None)
    page.on("response", lambda got: wrong.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    return wrong


def is_wrong(said: ConsoleMessage) -> bool:
    return said.type in ("error", "warning") and CHANGED_ITS_MIND not in said.text


def settle(page: Page) -> None:
    page.wait_for_selector("main")
    page.wait_for_selector(".chip.truth:has-text('of')")
    page.wait_for_timeout(700)

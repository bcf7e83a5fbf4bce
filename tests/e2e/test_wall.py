"""The wall as one wants it: another order, by keys and by dragging, and a layout; it is the same after a reload."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.app.rig import settings
from tests.e2e.conftest import Tawny
from tests.e2e.live_server import live_server, signed_browser
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000


def order(page: Page) -> list[str]:
    found = page.locator(".wall .tile").evaluate_all("(tiles) => tiles.map((tile) => tile.dataset.camera)")
    return [str(camera) for camera in found]


def until_order(page: Page, wanted: list[str]) -> None:
    page.wait_for_function(
        "(wanted) => [...document.querySelectorAll('.tile')].map((tile) => tile.dataset.camera).join() === wanted",
        arg=",".join(wanted),
        timeout=WAIT_MS,
    )


@pytest.mark.shows("SC11")
def test_order_and_layouts_are_kept(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.goto(demo.base)
    tiles = page.locator(".wall .tile")
    expect(tiles).to_have_count(2, timeout=WAIT_MS)
    first, second = order(page)
    page.locator(f'[data-camera="{first}"] .tile-link').focus()
    with page.expect_response(lambda answer: "/wall" in answer.url and answer.request.method == "PUT") as kept:
        page.keyboard.press("Shift+ArrowRight")
    assert kept.value.ok
    until_order(page, [second, first])
    page.reload()
    until_order(page, [second, first])
    with page.expect_response(lambda answer: "/wall" in answer.url and answer.request.method == "PUT"):
        page.locator(f'[data-camera="{second}"]').drag_to(page.locator(f'[data-camera="{first}"]'))
    until_order(page, [first, second])
    layouts = page.get_by_label("Layout", exact=True)
    layouts.select_option(label="New layout…")
    page.get_by_role("textbox", name="Name").fill("Outside")
    page.get_by_role("button", name="Take").first.click()
    page.get_by_role("button", name="Save").click()
    expect(tiles).to_have_count(1, timeout=WAIT_MS)
    page.reload()
    expect(tiles).to_have_count(1, timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    layouts.select_option(label="Edit this layout…")
    page.get_by_role("button", name="Delete").click()
    expect(tiles).to_have_count(2, timeout=WAIT_MS)
    page.close()


def test_outside_and_inside_are_groups_of_their_own(browser: Browser, tmp_path: Path) -> None:
    chosen = settings(
        '[cameras.porch]\nsource = "demo:front"\ngroup = "outside"\ndetection.detector = "off"\n'
        '[cameras.hall]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    )
    with live_server(chosen, tmp_path) as served, signed_browser(browser, served.session()) as context:
        page = context.new_page()
        page.goto(served.base)
        expect(page.locator(".wall .tile")).to_have_count(2, timeout=WAIT_MS)
        groups = page.get_by_label("Layout", exact=True)
        assert groups.get_by_role("option").all_inner_texts() == ["All cameras", "Outside", "New layout…"]
        groups.select_option(label="Outside")
        until_order(page, ["porch"])
        page.reload()
        until_order(page, ["porch"])

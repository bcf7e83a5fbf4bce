"""A picture is enlarged down to the pixels of the camera, live and past, and made whole; and played backwards."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import Tawny, tawny, until_recorded
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
BOX = "(frame) => { const box = frame.querySelector(':scope > .live-picture, :scope > video').getBoundingClientRect();"
SCALE = f"{BOX} return box.width / frame.clientWidth; }}"
LEFT = f"{BOX} return box.x - frame.getBoundingClientRect().x; }}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """Its pixels are what is looked at."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    yield from tawny("demo", "--port", "0", "--cameras", "2", folder=folder, full_size=True)


def enlarge_and_back(page: Page, frame: Locator, closer: str, again: str) -> None:
    box = frame.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.4)
    page.mouse.wheel(0, -500)
    expect(page.locator(".zoom-chip")).to_be_visible(timeout=WAIT_MS)
    assert frame.evaluate(SCALE) == pytest.approx(2.2255, abs=0.02)
    assert frame.evaluate(LEFT) == pytest.approx(-0.75 * 1.2255 * box["width"], abs=3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75 + 60, box["y"] + box["height"] * 0.4, steps=3)
    page.mouse.up()
    assert frame.evaluate(LEFT) == pytest.approx(-0.75 * 1.2255 * box["width"] + 60, abs=3)
    for _ in range(12):
        page.keyboard.press(closer)
    most = frame.evaluate(SCALE)
    page.keyboard.press(closer)
    assert frame.evaluate(SCALE) == most >= 4
    assert violations(page, axe_script()) == []
    page.keyboard.press(again)
    assert frame.evaluate(SCALE) < most
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".zoom-chip")).to_have_count(0)
    assert frame.evaluate(SCALE) == 1


def test_live(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.goto(demo.base)
    page.locator(".tile-link").first.click(timeout=WAIT_MS)
    frame = page.locator('.focus-picture[data-view="playing"]')
    expect(frame).to_be_visible(timeout=WAIT_MS)
    enlarge_and_back(page, frame, "+", "-")
    page.close()


def test_past(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    until_recorded(page, demo, 6)
    page.goto(f"{demo.base}/timeline?span=600")
    frame = page.locator('.pl.large[data-showing="video"]')
    expect(frame).to_be_visible(timeout=WAIT_MS)
    enlarge_and_back(page, frame, "z", "x")
    page.close()


def test_it_plays_backwards(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    until_recorded(page, demo, 25)
    page.goto(f"{demo.base}/timeline?span=600")
    frame = page.locator(".pl.large")
    expect(page.locator('.pl.large[data-showing="video"]')).to_be_visible(timeout=WAIT_MS)
    shown = "(frame) => Number(frame.querySelector('video').dataset.shownMs)"
    page.keyboard.press("k")
    page.keyboard.press("Shift+J")
    page.keyboard.press("Shift+J")
    expect(page.locator(".pl-stamp")).to_contain_text("−4×")
    expect(page.locator('.pl.large[data-showing="pictures"]')).to_be_visible(timeout=WAIT_MS)
    begun = frame.evaluate(shown)
    page.wait_for_function(
        "begun => Number(document.querySelector('.pl.large video').dataset.shownMs) < begun - 6000",
        arg=begun,
        timeout=WAIT_MS,
    )
    page.keyboard.press("Shift+L")
    expect(page.locator('.pl.large[data-showing="video"]')).to_be_visible(timeout=WAIT_MS)
    back = frame.evaluate(shown)
    page.wait_for_function(
        "back => Number(document.querySelector('.pl.large video').dataset.shownMs) > back", arg=back, timeout=WAIT_MS
    )
    page.close()

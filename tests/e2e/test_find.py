"""Finding in the page: by words, by a box on the picture, and where it moved on a day; by mouse and keys."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny
from tests.e2e.rules import axe_script, violations, wait_until_still

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SHOTS = os.environ.get("TAWNY_SHOTS", "")


@pytest.fixture(scope="module")
def page(signed_in: BrowserContext, demo: Tawny) -> Page:
    """Something has happened, and its grids can be read."""
    made = signed_in.new_page()
    made.goto(f"{demo.base}/find")

    def events() -> int:
        return len(made.request.get(f"{demo.base}/api/v1/find?q=today").json()["items"])

    until(lambda: events() > 0, 150, "an event of the demo")
    return made


def looked_at(page: Page, name: str) -> None:
    """No violation on a desk and a phone, dark and light; nothing is wider than the screen."""
    axe = axe_script()
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            wait_until_still(page)
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            if SHOTS:
                page.wait_for_timeout(1500)
                page.screenshot(path=str(Path(SHOTS) / f"{name}-{theme}-{width}.png"))
            assert violations(page, axe) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_words_are_answered_and_what_means_nothing_is_told(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/events")
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_label("What are you looking for?").fill("anything today shiny")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile(r"^\d+ events?$"))).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Ignored, because tawny doesn’t know these words: shiny.")).to_be_visible()
    assert "q=anything" in page.url
    page.reload()
    hit = page.locator(".find-hit").first
    expect(hit).to_be_visible(timeout=WAIT_MS)
    looked_at(page, "words")
    hit.click()
    page.wait_for_url(re.compile(r"/events/.+"))
    page.go_back()
    page.get_by_label("What are you looking for?").fill("sounds in 2020-01-01")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("No matching events.")).to_be_visible(timeout=WAIT_MS)


def test_a_box_on_the_picture_says_when_something_moved_there(page: Page, demo: Tawny) -> None:
    cameras = [one["id"] for one in page.request.get(f"{demo.base}/api/v1/cameras").json()["items"]]
    now_ms = page.evaluate("() => Date.now()")

    def moved(camera: str) -> int:
        asked = f"{demo.base}/api/v1/cameras/{camera}/heat?from_ms={now_ms - 3_600_000}&to_ms={now_ms + 600_000}"
        return int(max(page.request.get(asked).json()["counts"]))

    until(lambda: any(moved(one) for one in cameras), 90, "movement in the grids")
    camera = max(cameras, key=moved)
    page.goto(f"{demo.base}/find?by=spot&cam={camera}")
    layer = page.locator(".find-layer")
    expect(layer).to_have_attribute("data-heat", re.compile(r"^[1-9]"), timeout=WAIT_MS)
    place = layer.bounding_box()
    assert place
    page.mouse.move(place["x"] + 4, place["y"] + 4)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] - 4, place["y"] + place["height"] - 4, steps=4)
    page.mouse.up()
    expect(page.get_by_role("heading", name=re.compile("^Motion there"))).to_be_visible(timeout=WAIT_MS)
    looked_at(page, "spot")
    link = page.locator(".find-moments a").first
    expect(link).to_have_attribute("href", re.compile(rf"/timeline\?cam={camera}&t=\d+"))
    page.get_by_role("button", name="Clear box").click()
    expect(page.locator(".find-box")).to_have_count(0)
    layer.focus()
    page.keyboard.press("ArrowLeft")
    before = page.locator(".find-box").get_attribute("data-box")
    page.keyboard.press("Shift+ArrowRight")
    after = page.locator(".find-box").get_attribute("data-box")
    assert before and after
    assert before.split(",")[:2] == after.split(",")[:2]
    assert float(after.split(",")[2]) > float(before.split(",")[2])
    page.get_by_role("button", name="Show motion heat map").click()
    expect(page.locator(".find-stage canvas")).to_have_count(0)


def test_who_is_known_is_added_and_forgotten_with_one_click(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/settings/detection")
    card = page.locator("section", has=page.get_by_role("heading", name="Known faces and plates"))
    card.get_by_label("Name", exact=True).fill("Anna's car")
    card.get_by_label("License plate", exact=True).fill("b-ab 123")
    card.get_by_role("button", name="Add", exact=True).click()
    expect(card.get_by_text("License plate B-AB 123")).to_be_visible(timeout=WAIT_MS)
    card.scroll_into_view_if_needed()
    looked_at(page, "known")
    card.get_by_role("button", name="Delete Anna's car").click()
    expect(card.get_by_text("Anna's car")).to_have_count(0, timeout=WAIT_MS)


def test_number_plates_are_read_where_it_is_switched_on(page: Page, demo: Tawny) -> None:
    camera = page.request.get(f"{demo.base}/api/v1/cameras").json()["items"][0]["id"]
    page.goto(f"{demo.base}/settings/cameras/{camera}/motion")
    switch = page.get_by_role("switch", name="License plates")
    expect(switch).to_have_attribute("aria-checked", "false", timeout=WAIT_MS)
    switch.click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Unsaved changes")).to_have_count(0, timeout=WAIT_MS)
    looked_at(page, "camera")
    page.reload()
    expect(switch).to_have_attribute("aria-checked", "true", timeout=WAIT_MS)

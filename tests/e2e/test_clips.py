"""Clips are made on the side: asked for on the timeline, seen as they are made, saved, given on, and removed."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import Tawny, until_recorded
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000


@pytest.fixture
def page(signed_in: BrowserContext, demo: Tawny) -> Page:
    made = signed_in.new_page()
    until_recorded(made, demo, 12)
    made.goto(f"{demo.base}/timeline?span=600")
    expect(made.locator('.pl.large[data-showing="video"]')).to_be_visible(timeout=WAIT_MS)
    made.keyboard.press("]")
    for _ in range(6):
        made.keyboard.press("ArrowLeft")
    made.keyboard.press("[")
    made.keyboard.press("e")
    expect(made.get_by_role("dialog", name="Save a clip")).to_be_visible()
    return made


def made_of(page: Page, kind: str) -> None:
    sheet = page.get_by_role("dialog", name="Save a clip")
    sheet.get_by_role("button", name=kind, exact=True).click()
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name=re.compile("Make it|Save in tawny")).click()
    page.wait_for_url("**/clips")


@pytest.mark.parametrize(
    ("kind", "suffix", "begins"),
    [("GIF", ".gif", b"GIF89a"), ("Side by side", ".mp4", b"\0\0\0"), ("Contact sheet", ".jpg", b"\xff\xd8")],
)
def test_what_is_asked_for_is_made_and_saved(page: Page, kind: str, suffix: str, begins: bytes) -> None:
    made_of(page, kind)
    row = page.locator('.saved-clip[data-state="done"]', has_text=kind).first
    expect(row).to_be_visible(timeout=WAIT_MS)
    expect(row).to_contain_text(kind)
    with page.expect_download() as saved:
        row.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith(suffix)
    assert saved.value.path().read_bytes().startswith(begins)
    assert violations(page, axe_script()) == []
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("button", name="Kept")).to_be_visible(timeout=WAIT_MS)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe_script()) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    rows = page.locator(".saved-clip")
    there = rows.count()
    row.get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(there - 1, timeout=WAIT_MS)


def test_a_saved_clip_is_given_on_by_a_link(page: Page) -> None:
    made_of(page, "GIF")
    row = page.locator('.saved-clip[data-state="done"]', has_text="GIF").first
    row.get_by_role("button", name="Share").click(timeout=WAIT_MS)
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("The link", exact=True).input_value()
    stranger = page.context.browser
    assert stranger
    there = stranger.new_context().new_page()
    there.goto(link)
    picture = there.get_by_role("img", name="A shared clip")
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 320
    there.context.close()


def test_the_picture_shown_is_saved_in_full_size(page: Page) -> None:
    page.keyboard.press("Escape")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save this picture in full size").click()
    assert saved.value.suggested_filename.endswith(".jpg")
    assert saved.value.path().stat().st_size > 10_000

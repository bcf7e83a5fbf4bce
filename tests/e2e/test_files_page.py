"""In the interface somebody adds a folder of files, sees files appear in it, changes it and removes it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
FILE = '# ours\n[cameras.front]\nsource = "demo:front"   # the door\n'
SHOTS = os.environ.get("TAWNY_SHOTS", "")
"""A folder for pictures of the pages, to look at."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("house"), FILE)


@pytest.fixture
def page(browser: Browser, house: Tawny) -> Iterator[Page]:
    context = owner_of(browser, house, 1280)
    page = context.new_page()
    page.goto(f"{house.base}/settings/notifications")
    page.get_by_role("button", name="Add folder of files").wait_for(timeout=60_000)
    yield page
    context.close()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_a_folder_of_files_is_added_tested_changed_and_removed(page: Page, house: Tawny, tmp_path: Path) -> None:
    file, out = house.folder.parent / "tawny.toml", tmp_path / "out"
    page.get_by_role("button", name="Add folder of files").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name="Folder On this computer").click()
    sheet.get_by_label("Name", exact=True).fill("Quarter hours")
    sheet.get_by_label("Folder", exact=True).fill(str(tmp_path / "not-there" / "out"))
    sheet.get_by_role("button", name="Send test").click()
    expect(sheet.get_by_role("status")).to_contain_text("is its disk mounted")
    sheet.get_by_label("Folder", exact=True).fill(str(out))
    sheet.get_by_role("button", name="Send test").click()
    expect(sheet.get_by_role("status")).to_contain_text("Wrote a file to the folder")
    sheet.get_by_text("Options").click()
    sheet.get_by_role("textbox", name="Split at times of the clock").fill("10 s")
    sheet.get_by_label("File names").select_option("diycam")
    assert violations(page, axe_script()) == []
    shot(page, "files-sheet-1280")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "files-sheet-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    sheet.get_by_role("button", name="Save").click()
    card = page.get_by_role("article", name="quarter-hours")
    expect(card).to_contain_text("Writes all recordings.")
    text = file.read_text()
    assert text.startswith(FILE) and f'folder = "{out}"' in text and 'every = "10 s"' in text
    until(lambda: list(out.glob("camfront_*.mp4")), 60, "a file, without a restart")
    expect(card.get_by_text("Last sent")).to_be_visible(timeout=60_000)
    shot(page, "files-page-1280")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page, axe_script()) == []
    shot(page, "files-page-390")
    card.get_by_role("button", name="Edit").click()
    sheet.get_by_role("textbox", name="Split at times of the clock").fill("7 min")
    sheet.get_by_role("button", name="Save").click()
    expect(page.get_by_text("divides a day").first).to_be_visible()
    sheet.get_by_role("button", name="Remove", exact=True).click()
    sheet.get_by_role("alert").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    assert "quarter-hours" not in file.read_text()
    assert list(out.glob("camfront_*.mp4"))

"""Clips are made on the side: asked for on the timeline, seen as they are made, saved, given on, and removed."""

import hashlib
import re

import pytest
from playwright.sync_api import BrowserContext, Download, Page, expect

from tawny.model.times import SystemClock
from tawny.storage.disk.layout import segment_name
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, until_recorded
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 180_000
LONGER_TOASTS = """() => {
  const later = window.setTimeout;
  window.setTimeout = (what, ms, ...rest) => later(what, ms === 8000 ? 120000 : ms, ...rest);
}"""
"""On a busy machine, to look for barriers takes longer than a toast is shown."""
"""Clips are made at a low priority, so on a busy machine they wait for all other tests."""


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
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name=re.compile("^Create$|Save in tawny")).click()
    page.wait_for_url("**/clips")


@pytest.fixture
def amid_a_file(demo: Tawny) -> None:
    """No file ends within the next seconds, or ended within the last: what is marked now lies in open ones alone."""

    def ages_s() -> list[float]:
        files = (path.relative_to(demo.folder).as_posix() for path in demo.folder.rglob("*.main.open.*"))
        names = map(segment_name, files)
        return [SystemClock().now_ms() / 1000 - name.start_ms / 1000 for name in names if name is not None]

    until(lambda: len(found := ages_s()) > 0 and min(found) > 12 and max(found) < 40, 180, "all amid their files")


@pytest.mark.usefixtures("amid_a_file")
def test_evidence_is_offered_and_what_cannot_be_proved_yet_is_told(page: Page) -> None:
    """Of what is being recorded now there is no signature yet. First of all: the demo's files have just begun."""
    made_of(page, "Evidence")
    rows = page.locator('.saved-clip[data-state="failed"]', has_text="Evidence")
    expect(rows).to_have_count(2, timeout=WAIT_MS)  # one a camera
    for there in (2, 1):
        expect(rows.first).to_contain_text("can be exported as evidence after a few minutes")
        rows.first.get_by_role("button", name="Delete").click()
        expect(rows).to_have_count(there - 1, timeout=WAIT_MS)


@pytest.mark.parametrize(
    ("kind", "suffix", "begins"),
    [("GIF", ".gif", b"GIF89a"), ("Side by side", ".mp4", b"\0\0\0"), ("Contact sheet", ".jpg", b"\xff\xd8")],
)
def test_what_is_asked_for_is_made_and_saved(page: Page, kind: str, suffix: str, begins: bytes) -> None:
    made_of(page, kind)
    done = page.locator('.saved-clip[data-state="done"]', has_text=kind)
    expect(done.first).to_be_visible(timeout=WAIT_MS)
    expect(page.locator('.saved-clip:not([data-state="done"])')).to_have_count(0, timeout=WAIT_MS)  # one a camera
    row = done.first
    expect(row).to_contain_text(kind)
    with page.expect_download() as saved:
        row.get_by_role("link", name="Download").click()
    stamped = rf" \d{{4}}-\d\d-\d\d \d\d\.\d\d\.\d\d.*{re.escape(suffix)}"
    assert re.search(stamped, saved.value.suggested_filename)
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
    row.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(there - 1, timeout=WAIT_MS)


def test_a_deleted_clip_comes_back_as_it_was(page: Page) -> None:
    made_of(page, "GIF")
    row = page.locator('.saved-clip[data-state="done"]', has_text="GIF").first
    expect(row).to_be_visible(timeout=WAIT_MS)
    name = row.get_attribute("data-clip")
    row = page.locator(f'.saved-clip[data-clip="{name}"]')
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_role("button", name="Kept")).to_be_visible(timeout=WAIT_MS)
    page.evaluate(LONGER_TOASTS)
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0, timeout=WAIT_MS)
    result = page.get_by_role("status").filter(has_text="Clip deleted.")
    assert violations(page, axe_script()) == []
    result.get_by_role("button", name="Undo").click(timeout=WAIT_MS)
    expect(row.get_by_role("button", name="Kept")).to_be_visible(timeout=WAIT_MS)
    with page.expect_download() as saved:
        row.get_by_role("link", name="Download").click()
    assert saved.value.path().read_bytes().startswith(b"GIF89a")
    page.reload()
    expect(row).to_be_visible(timeout=WAIT_MS)
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0, timeout=WAIT_MS)
    page.reload()
    expect(page.get_by_role("heading", name="Clips")).to_be_visible(timeout=WAIT_MS)
    expect(row).to_have_count(0)


def test_a_saved_clip_is_given_on_by_a_link(page: Page) -> None:
    made_of(page, "GIF")
    row = page.locator('.saved-clip[data-state="done"]', has_text="GIF").first
    row.get_by_role("button", name="Share").click(timeout=WAIT_MS)
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    stranger = page.context.browser
    assert stranger
    there = stranger.new_context().new_page()
    there.goto(link)
    picture = there.get_by_role("img", name="Shared clip")
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 320
    there.context.close()


def test_the_picture_shown_is_saved_in_full_size(page: Page) -> None:
    page.keyboard.press("Escape")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save snapshot (full size)").click()
    assert saved.value.suggested_filename.endswith(".jpg")
    assert saved.value.path().stat().st_size > 10_000


def test_a_download_without_sound_and_with_its_sheet(page: Page) -> None:
    """The sheet is about that very file."""
    sheet = page.get_by_role("dialog", name="Save a clip")
    sheet.get_by_label("Include sound").uncheck()
    sheet.get_by_label("Add a report").check()
    for other in sheet.get_by_role("group").get_by_role("checkbox", checked=True).all()[1:]:
        other.uncheck()
    saved: list[Download] = []
    page.on("download", lambda download: saved.append(download))
    sheet.get_by_role("button", name=re.compile("Download")).click()
    until(lambda: page.evaluate("1") == 1 and len(saved) == 2, 60, "the clip and its sheet")
    clip, proof = (next(one for one in saved if one.suggested_filename.endswith(end)) for end in (".mp4", ".txt"))
    assert hashlib.sha256(clip.path().read_bytes()).hexdigest() in proof.path().read_text(encoding="utf-8")


def test_an_exact_clip_is_downloaded(page: Page) -> None:
    sheet = page.get_by_role("dialog", name="Save a clip")
    sheet.get_by_label("Start exactly at the mark in any player").check()
    expect(sheet).to_contain_text("contains nothing from before the mark")
    with page.expect_download() as saved:
        sheet.get_by_role("button", name="Download").click()
    assert "exact=true" in saved.value.url
    assert b"ftyp" in saved.value.path().read_bytes()[:12]

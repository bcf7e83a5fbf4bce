"""The floor plan: an image is uploaded, cameras are placed on it, an alert pulses there, a click opens the camera."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
DRAWING = b"""<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="800" onload="window.ran = true">
<script>window.ran = true</script><rect width="1200" height="800" fill="#fff"/>
<path d="M100 100H1100V700H100Z M100 400H600V700 M600 100V300" fill="none" stroke="#333" stroke-width="14"/></svg>"""


@pytest.fixture
def page(signed_in: BrowserContext, demo: Tawny) -> Iterator[Page]:
    made = signed_in.new_page()
    made.goto(demo.base)
    expect(made.locator(".wall .tile")).to_have_count(2)
    yield made
    made.close()


def mark(page: Page, camera: str) -> Locator:
    return page.locator(f'.plan-mark[data-camera="{camera}"]')


def share(page: Page, camera: str) -> tuple[float, float]:
    box, stage = mark(page, camera).bounding_box(), page.locator(".plan-stage").bounding_box()
    assert box and stage
    x, y = box["x"] + box["width"] / 2 - stage["x"], box["y"] + box["height"] / 2 - stage["y"]
    return x / stage["width"], y / stage["height"]


def test_cameras_are_placed_on_a_drawing_and_alerts_pulse_there(page: Page, demo: Tawny) -> None:
    front, second = page.locator(".wall .tile").evaluate_all("(all) => all.map((one) => one.dataset.camera)")
    page.get_by_label("Layout", exact=True).select_option(label="Floor plan")
    expect(page.get_by_text("No floor plan yet")).to_be_visible()
    assert unfit(page, axe_script()) == []
    drawing = FilePayload(name="plan.svg", mimeType="image/svg+xml", buffer=DRAWING)
    page.locator("input[type=file]").set_input_files(drawing)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    assert page.request.get(f"{demo.base}/api/v1/plan").json()["version"] == 0
    assert not page.evaluate("window.ran")

    for _ in range(2):
        page.get_by_role("button", name="Add").first.click()
    stage = page.locator(".plan-stage").bounding_box()
    first = page.locator(".plan-mark").first.get_attribute("data-camera")
    assert first == front, "in the order of the live view"
    assert share(page, front) == pytest.approx((0.5, 0.5), abs=0.005)
    assert share(page, second) == pytest.approx((0.7, 0.5), abs=0.005)
    box = mark(page, front).bounding_box()
    assert stage and box
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.2 * stage["width"], stage["y"] + 0.3 * stage["height"], steps=5)
    page.mouse.up()
    assert share(page, front) == pytest.approx((0.2, 0.3), abs=0.01)
    mark(page, second).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert share(page, second) == pytest.approx((0.72, 0.51), abs=0.005)
    expect(page.get_by_role("slider", name="Direction")).to_have_attribute("aria-valuetext", "5°")
    assert unfit(page, axe_script()) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Edit")).to_be_visible()
    stored = page.request.get(f"{demo.base}/api/v1/plan/image").body()
    assert stored.startswith(b"\xff\xd8") and b"<script" not in stored

    page.reload()
    expect(page.locator("a.plan-mark")).to_have_count(2)
    until(
        lambda: share(page, front) == pytest.approx((0.2, 0.3), abs=0.01), 60, "its place, once the drawing is loaded"
    )
    assert unfit(page, axe_script()) == []
    expect(page.locator("a.plan-mark.lit").first).to_be_visible(timeout=180_000)  # until someone comes by
    mark(page, front).click()
    expect(page).to_have_url(f"{demo.base}/live/{front}")


def test_what_is_no_image_changes_nothing_and_delete_has_undo(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/plan")
    page.get_by_role("button", name="Edit").click()
    text = FilePayload(name="plan.png", mimeType="image/png", buffer=b"no image")
    page.locator("input[type=file]").set_input_files(text)
    expect(page.get_by_text("can’t be shown as an image")).to_be_visible()
    before = page.request.get(f"{demo.base}/api/v1/plan/image").body()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No floor plan yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("a.plan-mark")).to_have_count(2)
    until(lambda: page.request.get(f"{demo.base}/api/v1/plan/image").body() == before, 60, "the same image")


def test_cancel_takes_back_another_image_and_leaving_asks(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/plan")
    page.get_by_role("button", name="Edit").click()
    before = page.request.get(f"{demo.base}/api/v1/plan/image").body()
    shown = page.locator(".plan-stage > img")
    stored = shown.get_attribute("src")
    other = DRAWING.replace(b"#fff", b"#ffd")
    page.locator("input[type=file]").set_input_files(FilePayload(name="b.svg", mimeType="image/svg+xml", buffer=other))
    expect(shown).to_have_attribute("src", re.compile("^blob:"))
    page.keyboard.press("3")
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    dialog.get_by_role("button", name="Stay").click()
    expect(shown).to_have_attribute("src", re.compile("^blob:"))
    page.get_by_role("button", name="Cancel").click()
    expect(shown).to_have_attribute("src", stored or "")
    assert page.request.get(f"{demo.base}/api/v1/plan/image").body() == before

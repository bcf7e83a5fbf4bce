"""Named layouts of the live view: made, dragged, resized, shared, deep-linked; a camera in a window of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, tawny
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
NONE: dict[str, object] = {"order": [], "groups": [], "group": "", "columns": 0}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from tawny("demo", "--port", "0", "--cameras", "4", folder=tmp_path_factory.mktemp("layouts") / "data")


@pytest.fixture(scope="module")
def desk(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.goto(house.link)
    page.wait_for_selector("[data-camera]")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(desk: BrowserContext, house: Tawny) -> Iterator[Page]:
    """The wall, where no layout was made yet."""
    desk.request.put(f"{house.base}/api/v1/wall", data=NONE, headers={**OURS, "Origin": house.base})
    page = desk.new_page()
    page.goto(house.base)
    expect(page.locator(".wall .tile")).to_have_count(4)
    yield page
    page.close()


def shown(page: Page) -> list[str]:
    found = page.locator(".tile, .layout-cell").evaluate_all("(all) => all.map((one) => one.dataset.camera)")
    return [str(camera) for camera in found]


def until_shown(page: Page, wanted: list[str]) -> None:
    page.wait_for_function(
        """(wanted) => wanted ===
        [...document.querySelectorAll('.tile, .layout-cell')].map((one) => one.dataset.camera).join()""",
        arg=",".join(wanted),
    )


def cell(page: Page, camera: str) -> Locator:
    return page.locator(f'.layout-cell[data-camera="{camera}"]')


def opened(page: Page, choice: str) -> None:
    page.get_by_label("Layout", exact=True).select_option(label=choice)


def made(page: Page, name: str, without: int = 1) -> list[str]:
    """Make one of all cameras but the last ones; return which."""
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill(name)
    cameras = shown(page)
    for camera in cameras[len(cameras) - without :]:
        cell(page, camera).get_by_role("button", name="Take").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    return cameras[: len(cameras) - without]


def drag(page: Page, start: Locator, end: tuple[float, float]) -> None:
    box = start.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_a_layout_is_dragged_resized_and_the_same_on_another_device(page: Page, browser: Browser, house: Tawny) -> None:
    first, second, third, _ = shown(page)
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Entrance")
    to = cell(page, third).bounding_box()
    assert to
    drag(page, cell(page, first).locator(".layout-grip"), (to["x"] + 60, to["y"] + 60))
    until_shown(page, [second, third, first, *shown(page)[3:]])
    box = cell(page, second).bounding_box()
    assert box
    drag(
        page,
        cell(page, second).locator(".layout-corner"),
        (box["x"] + 1.9 * box["width"], box["y"] + 1.9 * box["height"]),
    )
    expect(cell(page, second)).to_have_attribute("data-size", "2x2")
    assert unfit(page, axe_script()) == []
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(f"{house.base}/live/layout/entrance")
    large = page.locator(f'.tile[data-camera="{second}"]').bounding_box()
    small = page.locator(f'.tile[data-camera="{third}"]').bounding_box()
    assert large and small
    assert large["width"] > 1.9 * small["width"] and large["height"] > 1.9 * small["height"]
    assert unfit(page, axe_script()) == []

    phone = browser.new_context(viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state())
    other = phone.new_page()
    other.goto(f"{house.base}/live/layout/entrance")
    until_shown(other, shown(page))
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.close()


def test_all_of_it_goes_by_keys(page: Page) -> None:
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Keys")
    first, second, third, fourth = shown(page)
    cell(page, first).locator(".layout-key").focus()
    page.keyboard.press("Shift+ArrowRight")
    until_shown(page, [second, first, third, fourth])
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(cell(page, first)).to_have_attribute("data-size", "2x2")
    page.keyboard.press("-")
    expect(cell(page, first)).to_have_attribute("data-size", "2x1")
    page.keyboard.press("Delete")
    until_shown(page, [second, third, fourth])
    page.get_by_role("button", name="Add").click()
    until_shown(page, [second, third, fourth, first])
    cell(page, fourth).get_by_role("button", name="forward").press("Enter")
    until_shown(page, [second, fourth, third, first])
    page.get_by_role("textbox", name="Name").press("Enter")
    until_shown(page, [second, fourth, third, first])
    expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()


def test_rename_keeps_the_address_and_delete_has_undo(page: Page, house: Tawny) -> None:
    cameras = made(page, "Gate")
    opened(page, "Edit this layout…")
    page.get_by_role("textbox", name="Name").fill("Drive")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Drive", level=1)).to_be_visible()
    expect(page).to_have_url(f"{house.base}/live/layout/gate")
    opened(page, "Edit this layout…")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".wall .tile")).to_have_count(4)
    page.get_by_role("button", name="Undo").click()
    until_shown(page, cameras)
    until(lambda: "gate" in page.request.get(f"{house.base}/api/v1/wall").text(), 60, "it is kept again")
    page.reload()
    until_shown(page, cameras)


def test_a_name_twice_and_an_empty_layout_are_not_saved(page: Page) -> None:
    made(page, "Yard")
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Yard")
    expect(page.get_by_role("alert").filter(has_text="already")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("textbox", name="Name").fill("Nothing")
    for camera in shown(page):
        cell(page, camera).get_by_role("button", name="Take").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()


def test_leaving_the_editor_asks_and_coming_back_shows_the_cameras(page: Page, house: Tawny) -> None:
    page.get_by_role("link", name="Events").first.click()
    page.get_by_role("link", name="Live").first.click()
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Half done")
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    for leave in (
        lambda: page.get_by_role("link", name="Events").first.click(),
        lambda: page.get_by_role("link", name="Live").first.click(),
        lambda: page.evaluate("history.back()"),
        lambda: page.keyboard.press("Escape"),
    ):
        page.get_by_role("textbox", name="Name").focus()
        leave()
        dialog.get_by_role("button", name="Stay").click()
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("textbox", name="Name")).to_have_value("Half done")
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Leave").click()
    expect(page.locator(".wall .tile")).to_have_count(4)
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Again")
    page.get_by_role("link", name="Events").first.click()
    dialog.get_by_role("button", name="Leave").click()
    expect(page).to_have_url(f"{house.base}/events")
    page.get_by_role("link", name="Live").first.click()
    expect(page.locator(".wall .tile")).to_have_count(4)


def test_an_editor_without_changes_closes_at_once(page: Page, house: Tawny) -> None:
    opened(page, "New layout…")
    page.get_by_role("link", name="Live").first.click()
    expect(page.locator(".wall .tile")).to_have_count(4)
    opened(page, "New layout…")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".wall .tile")).to_have_count(4)


def test_a_layout_that_is_gone_says_so(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/live/layout/never")
    expect(page.get_by_text("This layout doesn’t exist.")).to_be_visible()
    page.get_by_role("link", name="All cameras").click()
    expect(page.locator(".wall .tile")).to_have_count(4)


def test_a_shared_layout_is_everyones_without_cameras_hidden_from_them(
    page: Page, browser: Browser, house: Tawny
) -> None:
    first, *others = shown(page)
    opened(page, "New layout…")
    page.get_by_role("textbox", name="Name").fill("Guard")
    page.get_by_role("switch", name="For everyone").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Guard", level=1)).to_be_visible()
    ours = {**OURS, "Origin": house.base}
    answer = page.request.post(
        f"{house.base}/api/v1/people",
        data={"name": "Vera", "role": "viewer", "cameras": others},
        headers=ours,
    )
    assert answer.ok, answer.text()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    vera = context.new_page()
    vera.goto(house.base + answer.json()["link"])
    expect(vera.locator(".wall .tile")).to_have_count(3)
    opened(vera, "Guard (shared)")
    until_shown(vera, others)
    assert first not in vera.content()
    opened(vera, "Copy this layout…")
    vera.get_by_role("textbox", name="Name").fill("Mine")
    expect(vera.get_by_role("switch", name="For everyone")).to_have_count(0)
    vera.get_by_role("button", name="Save").click()
    expect(vera.get_by_role("heading", name="Mine", level=1)).to_be_visible()
    context.close()


def test_a_camera_pops_out_into_a_window_with_nothing_but_its_picture(page: Page) -> None:
    camera = shown(page)[0]
    page.locator(f'.tile[data-camera="{camera}"] .tile-link').click()
    with page.expect_popup() as popup:
        page.locator('.focus-acts [data-act="window"]').click()
    alone = popup.value
    expect(alone.locator('.focus-alone [data-view="playing"]')).to_be_visible()
    for gone in (".rail", ".top", ".others", ".last-hour"):
        expect(alone.locator(gone)).to_be_hidden()
    for width, height in ((960, 540), (480, 270), (320, 200)):
        alone.set_viewport_size({"width": width, "height": height})
        box = alone.locator(".focus-picture").bounding_box()
        assert box == {"x": 0, "y": 0, "width": width, "height": height}
        assert alone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        alone.mouse.move(width / 2, height / 2)
        expect(alone.locator(".focus-acts")).to_have_css("opacity", "1")
        acts = alone.locator(".focus-acts").bounding_box()
        assert acts and acts["height"] <= 64
    address = alone.url
    for key in ("1", "2", "3", "4", "5", "Escape"):
        alone.keyboard.press(key)
    expect(alone.locator(".focus-alone [data-view]").first).to_be_visible()
    assert alone.url == address
    alone.close()


def test_a_camera_is_shown_over_other_programs_unless_a_part_of_it_is_private(page: Page, house: Tawny) -> None:
    camera, masked = shown(page)[:2]
    page.locator(f'.tile[data-camera="{camera}"] .tile-link').click()
    page.locator('.focus-acts [data-act="pip"]').click()
    page.wait_for_function("() => document.pictureInPictureElement !== null")
    page.locator('.focus-acts [data-act="pip"]').click()
    page.wait_for_function("() => document.pictureInPictureElement === null")
    watching = page.request.get(f"{house.base}/api/v1/cameras/{masked}/watching").json()
    watch = watching["watch"] | {"private": [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]}
    answer = page.request.put(
        f"{house.base}/api/v1/cameras/{masked}/watching",
        data={"watch": watch, "version": watching["version"]},
        headers={**OURS, "Origin": house.base},
    )
    assert answer.ok, answer.text()
    page.goto(f"{house.base}/live/{masked}")
    expect(page.locator('.focus-picture[data-view="playing"] .private-cover')).to_be_visible()
    under = "([x, y]) => document.elementFromPoint(x, y).tagName"
    box = page.locator(".focus-picture").bounding_box()
    assert box
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert page.evaluate(under, middle) == "svg", "a menu of the video would show it alone, over other programs"
    expect(page.locator('.focus-acts [data-act="window"]')).to_be_visible()
    expect(page.locator('.focus-acts [data-act="pip"]')).to_have_count(0)

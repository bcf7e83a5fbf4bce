"""The table of modes in a real browser: a fresh recorder's modes differ, and each cell does at once what it says."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response, expect

from tawny.config.changes import template
from tawny.model.states import STATE_WORDS, CameraState
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
CAMERAS = """
[cameras.front-door]
source = "demo:front"
demo.small = true
group = "outside"
[cameras.garden]
source = "demo:garden"
demo.small = true
group = "outside"
[cameras.hall]
source = "demo:hall"
demo.small = true
group = "inside"
[cameras.shed]
source = "demo:side"
demo.small = true
[notifiers.phone]
url = "ntfy://127.0.0.1:9/phone"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """A recorder with the settings of a first start, and four cameras."""
    yield from with_settings(tmp_path_factory.mktemp("table"), template() + CAMERAS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    until(lambda: states(context, house)["garden"] == "recording", 60, "the garden is recorded")
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    """The page of modes, as after the first start."""
    put(owner, house, "mode", {"mode": "home", "for_s": 86_400})
    made, saving = owner.new_page(), set[Request]()
    made.on("request", lambda one: saving.add(one) if one.method == "PUT" else None)
    made.on("requestfinished", lambda one: saving.discard(one))
    made.on("requestfailed", lambda one: saving.discard(one))
    made.goto(f"{house.base}/settings/modes")
    made.locator(".week-line").first.wait_for()
    plan = owner.request.get(f"{house.base}/api/v1/modes/plan").json()
    yield made
    until(
        lambda: made.evaluate("1") and not saving, 60, "what the test changed is saved: it would be after what follows"
    )
    made.close()
    put(owner, house, "modes/plan", {"modes": plan["modes"], "rules": plan["rules"]})


def put(owner: BrowserContext, house: Tawny, path: str, body: dict[str, Any]) -> Any:
    answer = owner.request.put(f"{house.base}/api/v1/{path}", data=body, headers={**OURS, "Origin": house.base})
    assert answer.ok, answer.text()
    return answer.json()


def mode_now(owner: BrowserContext, house: Tawny) -> tuple[str, bool]:
    now = owner.request.get(f"{house.base}/api/v1/modes").json()
    return now["mode"], now["is_by_hand"]


def states(owner: BrowserContext, house: Tawny) -> dict[str, str]:
    cameras = owner.request.get(f"{house.base}/api/v1/health").json()["cameras"]
    return {one["id"]: one["state"] for one in cameras}


def gaps(owner: BrowserContext, house: Tawny, camera: str) -> list[dict[str, Any]]:
    now_ms = round(time.time() * 1000)
    asked = f"{house.base}/api/v1/timeline?from_ms={now_ms - 3_600_000}&to_ms={now_ms + 60_000}"
    lanes = owner.request.get(asked).json()["cameras"]
    return next(list(lane["gaps"]) for lane in lanes if lane["id"] == camera)


def cell(page: Page, camera: str, mode: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{camera} in {mode}:"))


def head(page: Page, mode: str) -> Locator:
    return page.locator(".mode-head").filter(has=page.get_by_text(mode, exact=True))


def choose(page: Page, camera: str, mode: str, record: str) -> None:
    cell(page, camera, mode).click()
    panel = page.get_by_role("dialog", name=f"{camera} in {mode}")
    panel.get_by_role("group", name="Record").get_by_role("button", name=record, exact=True).click()
    expect(panel.get_by_role("button", name=record, exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def decided(house: Tawny, owner: BrowserContext, camera: str, kind: str) -> bool:
    """Whether the phone is notified of an event that another program reports now."""
    order = {"command": "event.open", "camera": camera, "kind": kind, "for": 2}
    made = owner.request.post(f"{house.base}/api/v1/orders", data=order, headers={**OURS, "Origin": house.base})
    assert made.ok, made.text()
    command = [str(Path(sys.executable).with_name("tawny")), "why", made.json()["event"], "--json"]

    def outcomes() -> Any:
        result = subprocess.run([*command, "--data", str(house.folder)], capture_output=True, timeout=60, check=True)
        return json.loads(result.stdout)["outcomes"]

    until(lambda: bool(outcomes()), 60, "a decision")
    return bool(outcomes()[0]["does"])


def test_n16_three_modes_of_a_fresh_recorder_differ(page: Page, owner: BrowserContext, house: Tawny) -> None:
    expect(cell(page, "Front door", "Home")).to_contain_text("Always")
    expect(cell(page, "Front door", "Home")).to_contain_text("People")
    expect(cell(page, "Garden", "Home")).to_contain_text("Silent")
    expect(cell(page, "Hall", "Home")).to_contain_text("Privacy")
    expect(cell(page, "Hall", "Away")).to_contain_text("Any motion")
    expect(cell(page, "Hall", "Night")).to_contain_text("Around events")
    expect(cell(page, "Front door", "Night")).to_contain_text("Any motion")
    expect(cell(page, "Shed", "Home")).to_contain_text("Always")
    wanted = {"home": ("paused", "recording"), "away": ("recording", "recording"), "night": ("waiting", "recording")}
    for mode, (hall, shed) in wanted.items():
        put(owner, house, "mode", {"mode": mode, "for_s": 86_400})
        until(lambda: states(owner, house)["hall"] == hall, 60, f"the hall is {hall} in {mode}")  # noqa: B023
        assert states(owner, house)["shed"] == shed, "a camera that nobody sorted is recorded in every mode"
        assert decided(house, owner, "front-door", "person")
        assert decided(house, owner, "garden", "person") == (mode != "home")


def test_a_camera_that_the_mode_keeps_private_offers_no_recording(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    until(lambda: states(owner, house)["hall"] == "paused", 60, "the mode keeps the hall private")
    asked = {"command": "record", "camera": "hall"}
    answer = owner.request.post(f"{house.base}/api/v1/orders", data=asked, headers={**OURS, "Origin": house.base})
    assert (answer.ok, answer.json()["message"]) == (False, "hall is private in this mode.")
    page.goto(f"{house.base}/live/hall")
    expect(page.locator("h1")).to_contain_text("Hall")
    expect(page.get_by_text("Paused").first).to_be_visible()
    expect(page.locator("[data-act=record]")).to_have_count(0)
    assert states(owner, house)["hall"] == "paused"


def test_n17_a_cell_takes_effect_at_once_without_other_gaps(page: Page, owner: BrowserContext, house: Tawny) -> None:
    until(lambda: states(owner, house)["front-door"] == "recording", 60)
    before_ms = round(time.time() * 1000)
    choose(page, "Front door", "Home", "Not")
    until(lambda: states(owner, house)["front-door"] == "mode_off", 10)
    off = [one for one in gaps(owner, house, "front-door") if one["reason"] == "mode"][-1]
    assert off["begin_ms"] <= before_ms + 2_000, "opening the cell and choosing took a second of these"
    choose(page, "Front door", "Home", "Always")
    until(lambda: states(owner, house)["front-door"] == "recording", 60)
    for other in ("garden", "shed"):
        assert [one for one in gaps(owner, house, other) if one["begin_ms"] >= before_ms - 1_000] == []


def test_n18_the_next_change_is_what_the_schedule_says(page: Page, owner: BrowserContext, house: Tawny) -> None:
    put(owner, house, "mode", {"mode": ""})
    now = owner.request.get(f"{house.base}/api/v1/modes").json()
    first = now["ahead"][0]
    at = time.strftime("%H:%M", time.localtime(first["at_ms"] / 1000))
    assert (at, first["mode"]) == (("06:30", "home") if now["mode"] == "night" else ("23:00", "night"))
    following = {"home": "Home", "night": "Night"}[first["mode"]]
    title = page.locator("#now-title")
    expect(title).to_contain_text(at)
    expect(title).to_contain_text(f"then {following}")
    assert len(now["ahead"]) in (13, 14), "two a day for a week"


def test_n19_the_summaries_of_the_pill_follow_the_table(page: Page) -> None:
    def home() -> Locator:
        page.locator(".mode-pill").click()
        return page.locator(".mode-choice", has_text="Home")

    expect(home()).to_contain_text("Hall private. Front door and Shed notify about people.", ignore_case=True)
    page.keyboard.press("Escape")
    choose(page, "Hall", "Home", "Events")
    choose(page, "Shed", "Home", "Not")
    expect(home()).to_contain_text("Shed not recorded. Hall recorded around events.", ignore_case=True)
    page.keyboard.press("Escape")


def test_n20_every_edit_by_keyboard_in_a_real_table(page: Page, owner: BrowserContext, house: Tawny) -> None:
    table = page.get_by_role("table", name="What each mode does")
    assert table.get_by_role("rowheader").count() >= 4
    assert table.get_by_role("columnheader").count() >= 4
    page.locator('[data-at="0,0"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(cell(page, "Garden", "Away")).to_be_focused()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Garden in Away")
    expect(panel.get_by_role("button", name="Always")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Events", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(cell(page, "Garden", "Away")).to_be_focused()
    expect(cell(page, "Garden", "Away")).to_contain_text("Around events")
    page.keyboard.press("Shift+ArrowRight")
    expect(cell(page, "Garden", "Night")).to_contain_text("Around events")
    expect(cell(page, "Garden", "Night")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    expect(page.locator(".mode-pill")).to_have_text("Night")
    edge = page.get_by_role("slider", name=re.compile("^Monday: from Night to Home"))
    edge.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("^Monday.*Night 00:00 to 06:45"))).to_be_visible()
    put(owner, house, "mode", {"mode": "home", "for_s": 86_400})


def test_m1_a_mode_is_switched_in_two_clicks_and_seen_elsewhere(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    other = owner.new_page()
    other.goto(f"{house.base}/health")
    other.locator(".mode-pill").wait_for()
    page.locator(".mode-pill").click()
    page.locator(".mode-choice", has_text="Away").click()
    expect(other.locator(".mode-pill")).to_have_text("Away")
    other.close()


def test_m2_a_camera_that_is_off_in_home_says_so(page: Page, owner: BrowserContext, house: Tawny) -> None:
    choose(page, "Garden", "Home", "Not")
    until(lambda: states(owner, house)["garden"] == "mode_off", 60)
    (off,) = [one for one in gaps(owner, house, "garden") if one["reason"] == "mode"]
    assert (off["end_ms"], off["tone"]) == (None, "choice"), "drawn in grey"
    other = owner.new_page()
    other.goto(f"{house.base}/health")
    row = other.locator("table.today tbody tr").filter(has_text="Garden")
    expect(row).to_contain_text(STATE_WORDS[CameraState.MODE_OFF])
    gap = other.locator("a.gap").filter(has_text="Garden").first
    expect(gap).to_contain_text("Off in")
    expect(gap.locator(".gap-warn")).to_have_count(0)
    other.close()
    page.get_by_role("button", name="Undo").last.click()
    until(lambda: states(owner, house)["garden"] == "recording", 60)


def test_a_mode_that_records_nothing_asks_once(page: Page) -> None:
    for camera in ("Front door", "Garden"):
        choose(page, camera, "Home", "Not")
    cell(page, "Shed", "Home").click()
    page.get_by_role("dialog").get_by_role("button", name="Not", exact=True).click()
    asked = page.get_by_role("dialog", name="Home: nothing recorded?")
    asked.get_by_role("button", name="Cancel").click()
    expect(cell(page, "Shed", "Home")).to_contain_text("Always")


def test_cells_are_filled_by_dragging_and_undone(page: Page) -> None:
    source, target = cell(page, "Hall", "Night"), cell(page, "Shed", "Night")
    source.scroll_into_view_if_needed()
    source.hover()
    page.mouse.down()
    target.hover()
    page.mouse.up()
    expect(target).to_contain_text("Around events")
    page.get_by_role("button", name="Undo").last.click()
    expect(target).to_contain_text("Always")
    cell(page, "Front door", "Night").focus()
    cell(page, "Garden", "Night").click(modifiers=["Shift"])
    expect(cell(page, "Garden", "Night")).to_contain_text("Any motion")


def test_a_column_is_renamed_copied_and_deleted(page: Page, owner: BrowserContext, house: Tawny) -> None:
    put(owner, house, "mode", {"mode": "away", "for_s": 3_600})
    head(page, "Away").click()
    page.get_by_role("textbox", name="Name of the mode").fill("Gone")
    page.get_by_role("button", name="Rename").click()
    expect(cell(page, "Hall", "Gone")).to_contain_text("Any motion")
    until(lambda: mode_now(owner, house) == ("gone", True), 60, "a mode set by hand stays")
    head(page, "Gone").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(cell(page, "Hall", "Gone 2")).to_contain_text("Any motion")
    head(page, "Gone 2").click()
    page.get_by_role("button", name="Delete").click()
    expect(cell(page, "Hall", "Gone 2")).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(cell(page, "Hall", "Gone 2")).to_have_count(1)


def test_a_preset_shows_what_would_change_first(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Shop or office")).click()
    sheet = page.get_by_role("dialog", name="Shop or office")
    expect(sheet).to_contain_text("Deleted: Home, Away, Night.")
    expect(sheet.get_by_role("row", name=re.compile("Closed Hall"))).to_contain_text("any motion")
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name="Use these modes").click()
    expect(cell(page, "Hall", "Closed")).to_contain_text("Always")
    page.get_by_role("button", name="Undo").last.click()
    expect(cell(page, "Hall", "Home")).to_contain_text("Privacy")


def test_a_day_is_copied_and_a_holiday_is_added(page: Page, house: Tawny) -> None:
    page.get_by_role("slider", name=re.compile("^Monday: from Night to Home")).press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("^Monday.*Night 00:00 to 06:45"))).to_be_visible()
    page.get_by_role("button", name="Copy a day").click()
    panel = page.get_by_role("dialog", name="Copy a day")
    panel.get_by_role("combobox").select_option("Monday")
    panel.get_by_role("button", name="Sunday").click()
    panel.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("^Sunday.*Night 00:00 to 06:45"))).to_be_visible()
    page.get_by_role("button", name="Holiday", exact=True).click()
    expect(page.get_by_role("img", name=re.compile(r"\(Holiday\)"))).to_have_count(1)
    page.get_by_label("Last day").fill("2099-12-31")
    expect(page.get_by_role("status").filter(has_text="366 days")).to_be_visible()
    page.locator(".modes-save").get_by_role("button", name="Undo").click()
    assert "exceptions" not in (house.folder.parent / "tawny.toml").read_text(encoding="utf-8")


def test_last_night_is_tried_in_another_mode(page: Page) -> None:
    """A recorder that was not there last night knows nothing of it; what it knows is in `service/modes/test_replay`."""
    page.get_by_role("button", name="Try a mode").first.click()
    sheet = page.get_by_role("dialog", name="What would have happened?")
    sheet.get_by_role("group", name="Mode").get_by_role("button", name="Home").click()
    expect(sheet.get_by_role("row", name=re.compile("^Hall"))).to_contain_text("–")

    def is_of_away(answer: Response) -> bool:
        return answer.url.endswith("/modes/replay") and (answer.request.post_data_json or {}).get("mode") == "away"

    with page.expect_response(is_of_away) as answer:
        sheet.get_by_role("group", name="Mode").get_by_role("button", name="Away").click()
    replay = answer.value.json()
    assert (replay["mode"], len(replay["cameras"])) == ("away", 4)
    assert 0 < replay["end_ms"] - replay["begin_ms"] <= 12 * 3_600_000
    assert violations(page, axe_script()) == []


def test_where_a_camera_is_can_be_said_in_the_table(page: Page, owner: BrowserContext, house: Tawny) -> None:
    where = page.get_by_role("group", name="Where is Shed?")
    where.get_by_role("button", name="Outside").click()
    expect(where).to_have_count(0)
    expect(cell(page, "Shed", "Home")).to_contain_text("Silent")
    put(owner, house, "cameras/shed/name", {"name": "Shed", "group": ""})


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param((1440, 900), "dark", id="desk dark"),
        pytest.param((390, 844), "light", id="phone light"),
        pytest.param((1440, 900), "light", id="desk light", marks=pytest.mark.long),
        pytest.param((390, 844), "dark", id="phone dark", marks=pytest.mark.long),
    ],
)
def test_the_table_is_for_everyone(owner: BrowserContext, house: Tawny, size: tuple[int, int], theme: str) -> None:
    page = owner.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.add_init_script(f"localStorage.setItem('tawny.theme', '{theme}')")
    page.goto(f"{house.base}/settings/modes")
    page.locator(".week-line").first.wait_for()
    page.locator(".mode-cell").first.click()
    page.locator(".modes-panel .modes-yesterday").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth === innerWidth")
    assert violations(page, axe_script()) == []
    page.keyboard.press("Escape")
    if size[0] == 390:
        assert page.get_by_role("table").get_by_role("columnheader").count() == 2, "one mode at a time"
        page.get_by_role("group", name="Mode", exact=True).get_by_role("button", name="Night").click()
        expect(cell(page, "Hall", "Night")).to_be_visible()
    page.close()


BEYOND = """() => [...document.querySelectorAll('.mode-cell')].flatMap((cell) => {
  const range = document.createRange();
  const rights = [...cell.querySelectorAll('span:not(.hidden)')].map((one) => {
    range.selectNodeContents(one);
    return range.getBoundingClientRect().right;
  });
  const out = Math.max(...rights) - cell.getBoundingClientRect().right;
  return out > 0.5 ? [`${cell.innerText} ${out}`] : [];
})"""


@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
def test_no_text_runs_into_the_next_cell(browser: Browser, owner: BrowserContext, house: Tawny, language: str) -> None:
    context = browser.new_context(locale=language, storage_state=owner.storage_state())
    page = context.new_page()
    page.goto(f"{house.base}/settings/modes")
    page.locator(".mode-cell").first.wait_for()
    for width in (768, 900, 1024, 1180):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function("width => innerWidth === width", arg=width)
        assert page.evaluate(BEYOND) == [], width
    context.close()

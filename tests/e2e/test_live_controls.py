"""What is done on the picture itself: recording, privacy, snoozing, moving, switching; and the page of one camera.

Against a running recorder with cameras of every sort: one that turns and has relays by ONVIF, one that is recorded
around events only, one inside, and one behind RTSP that is unplugged. Names begin with the ids of what was promised.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, signed_in_again, with_settings
from tests.e2e.rules import axe_script, violations
from tests.sources.onvif.fake_camera import FakeCamera, served

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SAMPLE = """(camera) => {
  const shown = document.querySelector(`[data-camera="${camera}"] :is(video, canvas, img).live-picture`);
  if (!shown) return '';
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [160, 90];
  const pen = canvas.getContext('2d');
  pen.drawImage(shown, 0, 0, 160, 90);
  return Array.from(pen.getImageData(0, 0, 160, 90).data).join();
}"""
ACTS = ("record", "privacy", "snooze", "turn", "devices", "photo", "full", "more")
"""Of the large tile, left to right."""


@pytest.fixture(scope="module")
def onvif() -> Iterator[FakeCamera]:
    with served(FakeCamera()) as made:
        yield made


@pytest.fixture(scope="module")
def house(onvif: FakeCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = (
        f'[cameras.front]\nsource = "demo:front"\ndemo.small = true\nonvif = "{onvif.url}"\ngroup = "outside"\n'
        '[cameras.hall]\nsource = "demo:garden"\ndemo.small = true\ngroup = "inside"\ndetection.detector = "off"\n'
        '[cameras.stairs]\nsource = "demo:garden"\ndemo.small = true\ngroup = "inside"\nrecord = "events"\n'
        'detection.detector = "off"\n'
        '[cameras.path]\nsource = "demo:front"\ndemo.small = true\ndetection.detector = "off"\n'
        '[relays.siren]\ncamera = "front"\n[relays.gate]\ncamera = "front"\npulse = "0.3 s"\n'
    )
    yield from with_settings(tmp_path_factory.mktemp("controls"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    yield context
    context.close()


@pytest.fixture
def wall(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    page = owner.new_page()
    page.goto(house.base)
    for camera in ("front", "hall", "stairs", "path"):
        playing(page, camera)
    expect(page.locator(".tile [data-act=snooze]").first).to_be_attached(timeout=WAIT_MS)
    yield page
    for camera in ("front", "hall", "stairs", "path"):
        order(page, house, command="resume", camera=camera)
        order(page, house, command="record", camera=camera, on=False)
    page.close()


@pytest.fixture
def phone(browser: Browser, house: Tawny) -> Iterator[Page]:
    context = signed_in_again(browser, house, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    yield page
    context.close()


def order(page: Page, house: Tawny, **command: Any) -> None:
    sent = {**OURS, "Origin": house.base}
    page.request.post(f"{house.base}/api/v1/orders", data=command, headers=sent)


def tile(page: Page, camera: str) -> Locator:
    return page.locator(f'.tile[data-camera="{camera}"]')


def playing(page: Page, camera: str) -> None:
    page.wait_for_selector(f'[data-camera="{camera}"][data-view=playing]', timeout=WAIT_MS)


def act(page: Page, camera: str, name: str) -> None:
    """A click on a button of a tile, over which the pointer is."""
    tile(page, camera).hover()
    tile(page, camera).locator(f"[data-act={name}]:visible").click()


def counts(page: Page, house: Tawny) -> dict[str, Any]:
    data: dict[str, Any] = page.request.get(f"{house.base}/api/v1/health").json()
    return data


def viewer_of(wall: Page, browser: Browser, house: Tawny) -> BrowserContext:
    """Somebody who may see, and nothing more."""
    sent = {**OURS, "Origin": house.base}
    asked = {"name": f"Vera {time.monotonic_ns()}", "role": "viewer"}
    link = wall.request.post(f"{house.base}/api/v1/people", data=asked, headers=sent).json()["link"]
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(house.base + link)
    page.wait_for_selector("[data-camera]", timeout=WAIT_MS)
    return context


# --- on the picture --------------------------------------------------------------------------------------------------


def test_a9_each_action_is_reached_by_tab_and_takes_two_clicks(wall: Page, onvif: FakeCamera) -> None:
    """No action needs more than a click on its button and one in what that opens; Tab reaches each."""
    act(wall, "front", "more")  # four cameras are alike, so each has three and More
    sheet = wall.get_by_role("dialog", name="Front")
    for name in (
        "Record now",
        "Privacy",
        "Snooze 1 h",
        "Move",
        "Devices",
        "Photo",
        "Full screen",
        "Boxes",
        "Detection",
    ):
        expect(
            sheet.get_by_role("button", name=name, exact=True).or_(sheet.get_by_role("link", name=name))
        ).to_be_visible()
    assert violations(wall, axe_script()) == []
    wall.keyboard.press("Escape")
    expect(tile(wall, "front").locator("[data-act=more]")).to_be_focused()

    def reached() -> list[str | None]:
        """The buttons to which Tab leads from the tile on. They depend on its width, which changes at first."""
        tile(wall, "front").locator(".tile-link").focus()
        found = []
        for _ in range(4):
            wall.keyboard.press("Tab")
            found.append(wall.evaluate("document.activeElement.dataset.act"))
        return found

    until(lambda: reached() == ["record", "privacy", "snooze", "more"], 60, "each button of the tile by Tab")
    act(wall, "hall", "privacy")
    wall.get_by_role("button", name="15 minutes").click()
    expect(tile(wall, "hall").get_by_text("Private until")).to_be_visible()


def test_a10_l3_privacy_blanks_every_viewers_tile_at_once(wall: Page, browser: Browser, house: Tawny) -> None:
    """It says who and until when, leaves a gap by choice, and the camera stays in the count."""
    context = viewer_of(wall, browser, house)
    other = context.pages[0]
    playing(other, "hall")
    act(wall, "hall", "privacy")
    panel = wall.get_by_role("dialog", name="Pause for privacy")
    assert violations(wall, axe_script()) == []
    with wall.expect_response(lambda answer: answer.url.endswith("/orders") and answer.ok):
        panel.get_by_role("button", name="1 hour").click()
    answered_s = time.monotonic()
    for page in (wall, other):
        expect(tile(page, "hall").locator("video, canvas")).to_have_count(0)
        assert time.monotonic() - answered_s < 10, "a hang, not a measurement"
        expect(tile(page, "hall").get_by_text(re.compile(r"^Private until (\w+ \d+ \w+, )?\d\d:\d\d$"))).to_be_visible()
        expect(tile(page, "hall").get_by_text(re.compile(r"^Paused by Anna since \d\d:\d\d\. "))).to_be_visible()
        expect(page.locator("a.truth")).to_contain_text("3 of 4 cameras working, 1 paused")
        expect(page.locator("a.truth")).to_have_class(re.compile("calm"))
    expect(tile(wall, "hall").get_by_role("button", name="Resume")).to_be_visible()
    expect(tile(other, "hall").get_by_role("button")).to_have_count(0)
    health = counts(wall, house)
    assert (len(health["cameras"]), health["counts"]["paused"], health["trouble"]) == (4, 1, 0)
    now_ms = health["now_ms"]
    until(lambda: [gap for gap in gaps(wall, house, "hall", now_ms) if gap["reason"] == "privacy"], 60, "a gap")
    assert {gap["tone"] for gap in gaps(wall, house, "hall", now_ms) if gap["reason"] == "privacy"} == {"choice"}
    assert violations(wall, axe_script()) == []
    context.close()


def gaps(page: Page, house: Tawny, camera: str, now_ms: int) -> list[dict[str, Any]]:
    span = f"from_ms={now_ms - 60_000}&to_ms={now_ms + 60_000}"
    data = page.request.get(f"{house.base}/api/v1/timeline?cameras={camera}&{span}").json()
    found: list[dict[str, Any]] = data["cameras"][0]["gaps"]
    return found


def test_a11_resume_brings_moving_pixels_and_a_pause_ends_by_itself(wall: Page, house: Tawny) -> None:
    act(wall, "path", "privacy")
    wall.get_by_role("dialog", name="Pause for privacy").get_by_role("button", name="Until I resume").click()
    expect(tile(wall, "path").get_by_text("Private until someone resumes")).to_be_visible()
    tile(wall, "path").get_by_role("button", name="Resume").click()
    playing(wall, "path")
    first = wall.evaluate(SAMPLE, "path")
    until(lambda: wall.evaluate(SAMPLE, "path") not in ("", first), 60, "moving pixels")
    order(wall, house, command="pause", camera="path", **{"for": 3})
    begun_s = time.monotonic()
    expect(tile(wall, "path").get_by_text("Private until")).to_be_visible()
    until(lambda: counts(wall, house)["counts"]["paused"] == 0, 60, "the end of the pause")
    assert 1 <= time.monotonic() - begun_s < 30
    playing(wall, "path")


def test_a_pause_is_made_longer_and_covers_all_inside_cameras(wall: Page, house: Tawny) -> None:
    act(wall, "hall", "privacy")
    panel = wall.get_by_role("dialog", name="Pause for privacy")
    panel.get_by_role("switch", name="All inside cameras too").check()
    panel.get_by_role("button", name="15 minutes").click()
    for camera in ("hall", "stairs"):
        expect(tile(wall, camera).get_by_text("Private until")).to_be_visible()
    expect(wall.locator("a.truth")).to_contain_text("2 of 4 cameras working, 2 paused")

    def ends() -> int:
        holds = wall.request.get(f"{house.base}/api/v1/modes").json()["holds"]
        return int(next(one["until_ms"] for one in holds if one["camera"] == "hall"))

    before = ends()
    tile(wall, "hall").get_by_role("button", name="+ 15 min").click()
    until(lambda: abs(ends() - before - 900_000) < 5_000, 60, "15 min more")
    wall.get_by_role("button", name="Undo").last.click()
    expect(tile(wall, "hall").locator("video")).to_be_visible()


def test_a12_l4_record_now_on_an_events_only_camera_writes_within_two_seconds(wall: Page, house: Tawny) -> None:
    """Red on every page, with its memory before, and a kept event; and it is stopped."""
    assert counts(wall, house)["counts"]["waiting"] == 1
    asked_ms = counts(wall, house)["now_ms"]
    act(wall, "stairs", "record")

    def is_recording() -> bool:
        return any(one["id"] == "stairs" and one["state"] == "recording" for one in counts(wall, house)["cameras"])

    until(is_recording, 5, "it records")
    assert counts(wall, house)["now_ms"] - asked_ms < 5_000
    button = tile(wall, "stairs").get_by_role("button", name="Stop recording")
    expect(button).to_be_attached()
    until(lambda: "0:03" in (button.text_content() or ""), 60, "3 s")
    tile(wall, "stairs").hover()
    assert violations(wall, axe_script()) == []
    button.click()
    expect(tile(wall, "stairs").locator('[data-act=record][aria-label="Record now"]')).to_be_attached()
    items = wall.request.get(f"{house.base}/api/v1/events?cameras=stairs").json()["items"]
    assert [(one["type"], one["kept"], one["title"]) for one in items] == [
        ("manual", True, "Recorded by hand · Stairs")
    ]

    def spans() -> list[list[int]]:
        asked = f"cameras=stairs&from_ms={asked_ms - 60_000}&to_ms={asked_ms + 60_000}"
        data = wall.request.get(f"{house.base}/api/v1/timeline?{asked}").json()
        found: list[list[int]] = data["cameras"][0]["spans"]
        return found

    until(spans, 60, "its recording")
    assert spans()[0][0] < asked_ms  # what came before is there as well


def test_a6_snooze_shows_its_end_on_the_tile_and_is_ended_there(wall: Page, house: Tawny) -> None:
    act(wall, "path", "snooze")
    mark = tile(wall, "path").locator(".snoozed-mark")
    expect(mark).to_have_text(re.compile(r"^(\w+ \d+ \w+, )?\d\d:\d\d$"))
    assert {one["id"]: one["state"] for one in counts(wall, house)["cameras"]}["path"] == "recording"
    until(lambda: counts(wall, house)["counts"]["recording"] == 3, 60, "of four, and the other one waits by now")
    act(wall, "path", "snooze")
    wall.get_by_role("dialog", name="Snooze Path").get_by_role("button", name="Resume").click()
    expect(mark).to_have_count(0)


def test_three_ways_to_be_quiet_have_icons_of_their_own(wall: Page) -> None:
    icons = wall.locator(".tile [data-act=privacy] use, .tile [data-act=snooze] use").evaluate_all(
        "(all) => [...new Set(all.map((one) => one.getAttribute('href').split('#')[1]))].sort()"
    )
    assert icons == ["bell-off", "eye-off"]


def test_siren_and_relays_are_switched_on_the_picture(wall: Page, onvif: FakeCamera) -> None:
    onvif.told.clear()
    act(wall, "front", "more")
    wall.get_by_role("dialog", name="Front").get_by_role("button", name="Devices").click()
    panel = wall.get_by_role("dialog", name="Siren and relays")
    panel.get_by_role("group", name="Siren").get_by_role("button", name="On").click()
    switched(onvif, "active")
    panel.get_by_role("group", name="Siren").get_by_role("button", name="Off").click()
    switched(onvif, "inactive")


def switched(onvif: FakeCamera, state: str) -> None:
    asked = "SetRelayOutputState"
    until(
        lambda: any(name == asked and action["LogicalState"] == state for name, action in list(onvif.told)), 30, state
    )


def test_it_turns_by_the_pad_over_the_picture(wall: Page, onvif: FakeCamera, house: Tawny) -> None:
    wall.goto(f"{house.base}/live/front")
    wall.get_by_role("button", name="Move", exact=True).click()
    onvif.told.clear()
    wall.get_by_role("button", name="Pan right").hover()
    wall.mouse.down()
    until(lambda: "ContinuousMove" in onvif.done(), 60, "it turns")
    wall.mouse.up()
    until(lambda: "Stop" in onvif.done(), 60, "it stops")


def test_detection_is_turned_off_and_on_and_keeps_its_numbers(wall: Page, house: Tawny) -> None:
    def watch() -> dict[str, Any]:
        data: dict[str, Any] = wall.request.get(f"{house.base}/api/v1/cameras/front/watching").json()["watch"]
        return data

    before = watch()
    wall.goto(f"{house.base}/live/front")
    button = wall.get_by_role("button", name="Detection")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert watch()["detector"] == "off"
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert watch() == before


def test_keys_press_what_is_on_the_picture(wall: Page) -> None:
    """B boxes, I figures, R record, V privacy, Z snooze, P photo: of the tile that has the focus."""
    tile(wall, "hall").locator(".tile-link").focus()
    wall.keyboard.press("i")
    expect(wall.locator(".wall.show-numbers")).to_be_visible()
    wall.keyboard.press("i")
    boxes = wall.locator(".top [data-act=boxes]")
    was = boxes.get_attribute("aria-pressed")
    wall.keyboard.press("b")
    expect(boxes).not_to_have_attribute("aria-pressed", str(was))
    wall.keyboard.press("b")
    wall.keyboard.press("v")
    expect(wall.get_by_role("dialog", name="Pause for privacy")).to_be_visible()
    wall.keyboard.press("Escape")
    wall.keyboard.press("z")
    expect(tile(wall, "hall").locator(".snoozed-mark")).to_be_visible()
    wall.keyboard.press("z")
    wall.get_by_role("dialog", name="Snooze Hall").get_by_role("button", name="Resume").click()
    wall.keyboard.press("Escape")
    with wall.expect_download() as saved:
        wall.keyboard.press("p")
    assert saved.value.suggested_filename.startswith("hall ")
    tile(wall, "hall").locator(".tile-link").focus()
    wall.keyboard.press("r")
    expect(tile(wall, "hall").get_by_role("button", name="Stop recording")).to_be_attached()
    wall.keyboard.press("r")
    expect(tile(wall, "hall").locator('[aria-label="Record now"]')).to_be_attached()


def test_who_may_only_see_has_words_and_no_buttons(wall: Page, browser: Browser, house: Tawny) -> None:
    context = viewer_of(wall, browser, house)
    page = context.pages[0]
    page.wait_for_selector("[data-act=snooze]", state="attached", timeout=WAIT_MS)
    for name in ("record", "privacy", "turn", "devices", "detection"):
        assert page.locator(f"[data-act={name}]").count() == 0
    assert page.get_by_text("Add a camera").count() == 0
    context.close()


# --- the wall --------------------------------------------------------------------------------------------------------


def test_a14_the_wall_and_latest_need_no_scrolling_and_end_with_add_a_camera(wall: Page) -> None:
    expect(wall.get_by_role("heading", name="Latest")).to_be_visible()
    for columns in ("0", "2", "3", "4"):
        wall.get_by_label("Columns").select_option(columns)
        across = len({round(box["x"]) for box in boxes_of(wall)})
        assert across == int(columns) or columns == "0"
    wall.get_by_label("Columns").select_option("0")
    until(
        lambda: wall.evaluate(
            "(() => { const m = document.querySelector('main'); return m.scrollHeight <= m.clientHeight })()"
        ),
        10,
        "it fits",
    )
    last = wall.locator(".wall > *").last
    expect(last).to_have_text("Add a camera")
    expect(last).to_have_attribute("href", "/settings/add-camera")


def boxes_of(page: Page) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.locator(".wall .tile").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
    )
    return found


def test_l6_tiles_are_reached_by_tab_and_escape_returns_to_the_same(wall: Page, house: Tawny) -> None:
    tile(wall, "hall").locator(".tile-link").focus()
    wall.keyboard.press("Enter")
    wall.wait_for_url("**/live/hall")
    playing(wall, "hall")
    wall.keyboard.press("Escape")
    wall.wait_for_url(f"{house.base}/")
    wall.wait_for_function("() => document.activeElement?.closest('.tile')?.dataset.camera === 'hall'")


# --- one camera ------------------------------------------------------------------------------------------------------


def test_a14_the_picture_has_the_width_and_others_swap_in_place(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/live/front")
    playing(page, "front")
    width = page.locator(".focus-picture").bounding_box()
    assert width
    assert width["width"] >= 0.78 * 1440
    assert page.evaluate("document.querySelector('main').scrollHeight <= innerHeight")
    expect(page.locator(".focus-picture .tile-head b")).to_have_text("Front")
    assert violations(page, axe_script()) == []
    entries = page.evaluate("history.length")
    page.get_by_role("navigation", name="Cameras").get_by_role("link", name="Hall").click()
    page.wait_for_url("**/live/hall")
    playing(page, "hall")
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**/live/stairs")
    page.keyboard.press("ArrowUp")
    page.wait_for_url("**/live/hall")
    assert page.evaluate("history.length") == entries
    page.close()


def test_the_last_hour_shows_pictures_and_leads_to_the_timeline(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/live/front")
    line = page.locator(".last-hour-line")
    expect(line).to_be_visible()
    expect(page.locator(".focus-acts [data-act=detection]")).to_be_visible()  # the last of what moves the line down
    box = line.bounding_box()
    assert box
    line.hover(position={"x": box["width"] - 3, "y": 20})  # waits until it stays at its place
    expect(page.locator(".last-hour-bubble")).to_have_text(re.compile(r"\d\d:\d\d"))
    page.mouse.down()
    line.hover(position={"x": box["width"] / 2, "y": 20})
    page.mouse.up()
    page.wait_for_url(re.compile(r"/timeline\?cam=front&t=\d+"))
    at_s = int(re.findall(r"t=(\d+)", page.url)[0])
    assert abs(counts(page, house)["now_ms"] / 1000 - 1800 - at_s) < 120
    page.close()


# --- on a phone ------------------------------------------------------------------------------------------------------


def test_a15_a_swipe_changes_the_camera(phone: Page, house: Tawny) -> None:
    phone.goto(f"{house.base}/live/front")
    playing(phone, "front")
    phone.evaluate(
        """() => {
          const node = document.querySelector('.focus-picture');
          const told = (type, x) => node.dispatchEvent(new PointerEvent(type,
            {bubbles: true, pointerType: 'touch', isPrimary: true, pointerId: 5, clientX: x, clientY: 150}));
          told('pointerdown', 300); told('pointermove', 200); told('pointerup', 120);
        }"""
    )
    phone.wait_for_url("**/live/hall")
    phone.wait_for_selector('[data-camera="hall"] .live-picture', timeout=WAIT_MS)
    playing(phone, "hall")
    assert phone.evaluate("document.documentElement.scrollWidth === innerWidth")


def test_a_long_press_opens_a_sheet_with_all_of_it(phone: Page, house: Tawny) -> None:
    phone.goto(house.base)
    playing(phone, "hall")
    phone.wait_for_selector("[data-act=snooze]", state="attached", timeout=WAIT_MS)
    phone.evaluate(
        """() => document.querySelector('[data-camera="hall"] .tile-link').dispatchEvent(
             new PointerEvent('pointerdown', {bubbles: true, pointerType: 'touch', clientX: 50, clientY: 400}))"""
    )
    sheet = phone.get_by_role("dialog", name="Hall")
    expect(sheet.get_by_role("button", name="Privacy")).to_be_visible()
    small = sheet.locator("button, a").evaluate_all(
        "(all) => all.filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5).length"
    )
    assert small == 0
    assert violations(phone, axe_script()) == []
    assert phone.evaluate("document.documentElement.scrollWidth === innerWidth")


def test_one_or_two_cameras_stand_in_a_row_and_it_is_remembered(phone: Page, house: Tawny) -> None:
    phone.goto(house.base)
    playing(phone, "front")
    assert len({round(box["x"]) for box in boxes_of(phone)}) == 2
    phone.get_by_role("button", name="One camera per row").click()
    assert len({round(box["x"]) for box in boxes_of(phone)}) == 1
    phone.reload()
    playing(phone, "front")
    assert len({round(box["x"]) for box in boxes_of(phone)}) == 1


# --- what cannot be seen ---------------------------------------------------------------------------------------------


def test_l2_an_unplugged_camera_says_since_when_and_shows_no_video(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    camera = RtspCamera(made_clip(ClipSpec()))
    camera.__enter__()
    text = f'[cameras.shed]\nsource = "rtsp://127.0.0.1:{camera.port}/stream"\ndetection.detector = "off"\n'
    for alone in with_settings(tmp_path_factory.mktemp("unplugged"), text):
        context = owner_of(browser, alone, 1280)
        page = context.new_page()
        page.goto(alone.base)
        playing(page, "shed")
        expect(page.locator("a.truth")).to_contain_text("1 of 1 camera working")
        camera.__exit__(None, None, None)
        expect(tile(page, "shed").get_by_text(re.compile(r"^Offline since (\w+ \d+ \w+, )?\d\d:\d\d$"))).to_be_visible()
        expect(tile(page, "shed").locator("video")).to_have_count(0)
        expect(page.locator("a.truth")).to_contain_text("0 of 1 camera working, 1 needs attention")
        assert counts(page, alone)["counts"]["trouble"] == 1
        context.close()


@pytest.mark.parametrize(("name", "path"), [("index", "/"), ("start", "/"), ("Device", "/ca")])
def test_a_page_whose_code_failed_at_first_reloads_itself(
    browser: Browser, owner: BrowserContext, house: Tawny, name: str, path: str
) -> None:
    """What is needed to draw anything. The network of a computer changes, or the recorder restarts."""
    context = browser.new_context(storage_state=owner.storage_state())  # has no code yet
    page, asked = context.new_page(), list[str]()

    def fail_twice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            route.abort()
        else:
            route.continue_()

    page.clock.install()
    page.route(re.compile(rf"/assets/{name}-[^/]*\.js$"), fail_twice)
    page.goto(f"{house.base}{path}")
    main = page.get_by_role("main")
    expect(main).to_have_count(0)

    def is_drawn_later() -> bool:
        page.clock.fast_forward(10_000)
        return main.count() > 0

    until(is_drawn_later, what="the page")
    assert len(asked) > 2
    context.close()


def test_what_a_tile_offers_comes_although_its_code_failed_at_first(owner: BrowserContext, house: Tawny) -> None:
    page, asked = owner.new_page(), list[str]()

    def fail_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/assets/afterwards[^/]*\.js$"), fail_once)
    page.goto(house.base)
    page.locator(".tile-acts").first.wait_for(state="attached")
    assert len(asked) > 1
    page.close()

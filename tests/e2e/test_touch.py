"""A phone in the hand: upright and on its side, one finger and two, live and past."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, until_recorded
from tests.e2e.rules import axe_script, violations
from tests.e2e.touch import SIDEWAYS, TABLET, TABLET_UPRIGHT, UPRIGHT, Fingers, middle_of, touch_browser, turn

pytestmark = pytest.mark.browser
SCALE = "(frame) => Number(frame.style.getPropertyValue('--zoom') || 1)"
LEFT = "(frame) => parseFloat(frame.style.getPropertyValue('--zoom-x') || '0')"
PLAYHEAD = "() => Number(document.querySelector('canvas[data-playhead]').dataset.playhead)"
BUZZES = "window.buzzes = 0; navigator.vibrate = () => { window.buzzes += 1; return true; }"
FIRST_PREVIEW = """() => {
  window.first = NaN;
  let paints = 0;
  const look = () => {
    if (!document.querySelector('.tape-preview')) return requestAnimationFrame(look);
    if (document.querySelector('.tape-preview img')?.complete) return void (window.first = paints);
    paints += 1;
    requestAnimationFrame(look);
  };
  look();
}"""
"""Counts the paints with a preview and no picture in it."""
SHOWN = {
    "/": ".wall [data-view=playing]",
    "/live/{camera}": ".focus-picture[data-view=playing]",
    "/timeline": ".pl.large",
    "/events": "main button",
    "/health": "main h2",
    "/settings": "a[href^='/settings/']",
}
"""What has come once a screen is whole."""
OUTSIDE = """() => [...document.querySelectorAll('main a, main button, main input, header a, header button')]
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((one) => !one.closest('.phone-row, .focus-acts, .latest-row, .skip, [popover]'))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.left < -1 || box.right > innerWidth + 1)
  .map(([one]) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def phone(browser: Browser, signed_in: BrowserContext) -> Iterator[BrowserContext]:
    with touch_browser(browser, signed_in, UPRIGHT) as made:
        made.add_init_script(BUZZES)
        yield made


@pytest.fixture
def page(phone: BrowserContext) -> Iterator[Page]:
    made = phone.new_page()
    turn(made, UPRIGHT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def cameras(signed_in: BrowserContext, demo: Tawny) -> list[str]:
    answer = signed_in.request.get(f"{demo.base}/api/v1/cameras")
    return [one["id"] for one in answer.json()["items"]]


def focus(page: Page, demo: Tawny, camera: str) -> Locator:
    page.goto(f"{demo.base}/live/{camera}")
    frame = page.locator('.focus-picture[data-view="playing"]')
    expect(frame).to_be_visible()
    return frame


def past(page: Page, demo: Tawny, span_s: int = 600) -> Locator:
    until_recorded(page, demo, 12)
    page.goto(f"{demo.base}/timeline?span={span_s}")
    frame = page.locator('.pl.large[data-showing="video"]')
    expect(frame).to_be_visible()
    return frame


def fills(page: Page, frame: Locator) -> bool:
    box = frame.bounding_box()
    return box is not None and (round(box["width"]), round(box["height"])) == SIDEWAYS


IS_OF_ITS_SECOND = r"""(preview) => {
  const at_s = Number(/at_ms=(\d+)/.exec(preview.querySelector('img').src)[1]) / 1000;
  const pad = (part) => String(Math.floor(part) % 60).padStart(2, '0');
  return preview.querySelector('b').textContent.includes(`${pad(at_s / 60)}:${pad(at_s)}`);
}"""


def delays(page: Page, latency_ms: int) -> None:
    """Let the recorder's answers take this long from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    wanted = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", wanted)


def shot(page: Page, name: str) -> None:
    if "SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")


def test_a16_on_its_side_a_phone_shows_the_live_picture_alone(page: Page, demo: Tawny, cameras: list[str]) -> None:
    frame = focus(page, demo, cameras[0])
    page.evaluate("document.querySelector('.focus-picture video, .focus-picture canvas').kept = true")
    turn(page, SIDEWAYS)
    until(lambda: fills(page, frame), 60, "the picture fills the screen")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator(".tabs")).to_be_hidden()
    acts = page.locator(".focus-acts")
    expect(acts).to_be_visible()
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "live-sideways")
    expect(acts).to_be_hidden()  # by itself
    fingers = Fingers(page)
    fingers.tap(420, 150)
    expect(acts).to_be_visible()
    assert violations(page, axe_script()) == []
    fingers.tap(420, 150)
    expect(acts).to_be_hidden()
    turn(page, UPRIGHT)
    expect(page.locator(".tabs")).to_be_visible()
    expect(frame).to_be_visible()
    still = "Boolean(document.querySelector('.focus-picture video, .focus-picture canvas').kept)"
    assert page.evaluate(still), "it was played on, not begun anew"


def test_a16_on_its_side_playback_is_the_picture_and_turning_keeps_the_place(page: Page, demo: Tawny) -> None:
    until_recorded(page, demo, 30)  # more than it goes back
    frame = past(page, demo)
    page.get_by_role("button", name="Live. Pause").click()
    expect(page.locator("[data-playing=false]")).to_be_visible()
    page.get_by_role("button", name="Back 10 s").or_(page.locator(".transport.phone .btn").nth(1)).first.click()
    before = page.evaluate(PLAYHEAD)
    page.evaluate("document.querySelector('.pl.large video').kept = true")
    turn(page, SIDEWAYS)
    until(lambda: fills(page, frame), 60, "the picture fills the screen")
    strip = page.locator(".tape.along")
    expect(strip).to_be_visible()
    assert abs(page.evaluate(PLAYHEAD) - before) <= 1000
    assert page.evaluate(OUTSIDE) == []
    shot(page, "past-sideways")
    expect(strip).to_be_hidden()
    expect(page.locator(".day-line")).to_be_visible()
    shot(page, "past-sideways-bare")
    fingers = Fingers(page)
    fingers.tap(420, 120)
    expect(strip).to_be_visible()
    x, y = middle_of(strip)
    fingers.drag((x, y), (x + 120, y), steps=10)
    assert page.evaluate(PLAYHEAD) < before
    assert page.evaluate("Boolean(document.querySelector('.pl.large video').kept)")
    turn(page, UPRIGHT)
    expect(page.locator(".tape:not(.along)")).to_be_visible()
    assert page.evaluate(PLAYHEAD) < before


def test_a15_a_swipe_goes_to_the_next_camera_with_its_name(page: Page, demo: Tawny, cameras: list[str]) -> None:
    focus(page, demo, cameras[0])
    names = page.locator(".focus-beside")
    expect(names.last).to_be_visible()
    beside = names.last.inner_text()
    fingers = Fingers(page)
    fingers.drag((320, 150), (200, 152), lift=False)
    expect(page.locator(".swipe-name.next.far")).to_have_text(beside)
    shot(page, "swipe")
    fingers.up()
    page.wait_for_url(f"**/live/{cameras[1]}")
    expect(page.locator(f".focus-picture[data-camera={cameras[1]}] .live-picture")).to_be_visible()
    expect(page.locator(f".focus-picture[data-camera={cameras[1]}][data-view=playing]")).to_be_visible()
    fingers.drag((60, 150), (200, 152))
    page.wait_for_url(f"**/live/{cameras[0]}")
    fingers.drag((200, 150), (230, 151))  # too short to mean it
    expect(page.locator(".swipe-name")).to_have_count(0)
    assert page.url.endswith(cameras[0])
    page.get_by_role("button", name="Next camera").click()
    page.wait_for_url(f"**/live/{cameras[1]}")


def test_a_swipe_changes_the_camera_in_playback_too(page: Page, demo: Tawny) -> None:
    frame = past(page, demo)
    first = frame.get_attribute("data-camera")
    Fingers(page).drag((320, 150), (180, 152))
    expect(page.locator(f".pl.large:not([data-camera={first}])")).to_be_visible()
    expect(page.locator('.tape-chips [aria-checked="true"]')).to_have_count(1)


@pytest.mark.parametrize("where", ["live", "past"])
def test_fingers_enlarge_the_picture_and_a_double_tap_makes_it_whole(
    page: Page, demo: Tawny, cameras: list[str], where: str
) -> None:
    frame = focus(page, demo, cameras[0]) if where == "live" else past(page, demo)
    camera = frame.get_attribute("data-camera")
    x, y = middle_of(frame)
    fingers = Fingers(page)
    fingers.pinch((x, y), 40, 140)
    scale = frame.evaluate(SCALE)
    assert scale == pytest.approx(3.5, abs=0.4)
    expect(page.locator(".zoom-chip")).to_be_visible()
    assert page.evaluate("scrollY + document.querySelector('main').scrollTop") == 0
    assert page.evaluate("visualViewport.scale") == 1
    left = frame.evaluate(LEFT)
    fingers.drag((x, y), (x + 50, y))
    assert frame.evaluate(LEFT) == pytest.approx(left + 50, abs=14), "a finger moves it"
    fingers.drag((x, y), (x + 150, y))
    fingers.drag((x, y), (x + 150, y))
    fingers.drag((x, y), (x + 150, y))
    fingers.drag((x, y), (x + 150, y))
    assert frame.evaluate(LEFT) == 0, "not beyond its edge"
    assert frame.get_attribute("data-camera") == camera, "that was no swipe"
    for _ in range(6):
        fingers.pinch((x, y), 30, 190, steps=4)
    assert frame.evaluate(SCALE) <= 16
    fingers.tap(x, y)
    fingers.tap(x, y)
    expect(page.locator(".zoom-chip")).to_have_count(0)
    page.wait_for_timeout(400)  # so that the next tap is no third one
    fingers.tap(x + 40, y)
    fingers.tap(x + 40, y)
    assert frame.evaluate(SCALE) == 2.5
    page.locator(".zoom-chip").tap()
    assert frame.evaluate(SCALE) == 1


def test_a_double_tap_enlarges_the_picture_of_an_event(page: Page, demo: Tawny) -> None:
    asked = f"{demo.base}/api/v1/events?only=all"
    until(lambda: page.request.get(asked).json()["items"], 120, "an event")
    event = page.request.get(asked).json()["items"][-1]["id"]
    page.goto(f"{demo.base}/events/{event}?only=all")
    frame = page.locator(".clip-frame")
    expect(frame).to_be_visible()
    page.wait_for_load_state("networkidle")
    x, y = middle_of(frame)
    fingers = Fingers(page)
    fingers.tap(x - 90, y)
    fingers.tap(x - 90, y)
    expect(page.locator(".zoom-chip")).to_be_visible()
    assert frame.evaluate(SCALE) == 2.5
    page.locator(".zoom-chip").tap()
    expect(page.locator(".zoom-chip")).to_have_count(0)


def test_a_finger_on_the_picture_scrolls_the_page(page: Page, demo: Tawny, cameras: list[str]) -> None:
    focus(page, demo, cameras[0])
    page.set_viewport_size({"width": 390, "height": 560})
    Fingers(page).drag((200, 200), (202, 90))
    until(lambda: page.evaluate("document.querySelector('main').scrollTop") > 40, 60, "the page scrolls")


def test_a17_a_thumbnail_shows_above_the_finger_that_scrubs(page: Page, demo: Tawny) -> None:
    """At once: the nearest of those that stand beside the tape, while the recorder makes the very one."""
    past(page, demo, span_s=60)
    page.get_by_role("button", name="Live. Pause").tap()
    beside = page.locator(".tape-frames img")
    expect(beside.first).to_be_visible()
    until(lambda: beside.count() == page.locator(".tape-frames span").count(), 60, "the whole strip")
    strip = beside.evaluate_all("all => all.map((one) => one.src)")
    delays(page, 5_000)  # not by holding requests in a route, which keeps the browser from using its cache
    page.evaluate(FIRST_PREVIEW)
    box = page.locator(".tape").bounding_box()
    assert box
    fingers = Fingers(page)
    begin = (120.0, box["y"] + 300)
    fingers.drag(begin, (120.0, begin[1] - 20), steps=10, lift=False)
    preview = page.locator(".tape-preview")
    assert preview.locator("img").get_attribute("src") in strip
    page.wait_for_function("() => window.first >= 0")
    assert page.evaluate("window.first") <= 1, "no more than a paint without it"
    over = preview.bounding_box()
    assert over
    assert over["y"] + over["height"] <= begin[1] - 20 - 30, "the finger does not cover it"
    assert over["y"] >= box["y"], "nor it the controls"
    delays(page, 0)
    until(lambda: preview.evaluate(IS_OF_ITS_SECOND), 60, "the very one, which may stand beside the tape")
    shot(page, "scrub")
    fingers.up()
    expect(preview).to_have_count(0)


def test_scrubbing_buzzes_at_events_and_edges_unless_turned_off(page: Page, demo: Tawny) -> None:
    past(page, demo)
    box = page.locator(".tape").bounding_box()
    assert box
    fingers = Fingers(page)

    def buzzes() -> int:
        before = page.evaluate("window.buzzes")
        for _ in range(2):  # far back, over the beginning of everything, and to now
            fingers.drag((30, box["y"] + 350), (30, box["y"] + 40), steps=16)
            fingers.drag((30, box["y"] + 40), (30, box["y"] + 350), steps=16)
        return int(page.evaluate("window.buzzes") - before)

    assert buzzes() > 0
    page.goto(f"{demo.base}/settings/look")
    page.get_by_role("group", name="Vibrate while scrubbing").get_by_role("button", name="Off").click()
    past(page, demo)
    assert buzzes() == 0
    page.evaluate("localStorage.removeItem('tawny.buzzes')")
    page.emulate_media(reduced_motion="reduce")
    past(page, demo)
    assert buzzes() == 0


def test_one_or_two_columns_are_kept_on_the_phone(page: Page, demo: Tawny) -> None:
    page.goto(demo.base)
    tiles = page.locator(".wall .tile")
    expect(tiles).to_have_count(2)
    button = page.get_by_role("button", name="One camera per row")

    def across() -> int:
        return len({round((tile.bounding_box() or {"x": 0})["x"]) for tile in tiles.all()})

    assert across() == 2
    button.click()
    until(lambda: across() == 1, 60, "one column")
    page.reload()
    until(lambda: tiles.count() == 2 and across() == 1, 60, "one column again")
    button.click()
    until(lambda: across() == 2, 60, "two columns")


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SIDEWAYS, id="sideways"),
        pytest.param(TABLET_UPRIGHT, id="tablet"),
        pytest.param(TABLET, id="tablet on its side", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("screen", SHOWN)
def test_nothing_is_cut_off(page: Page, demo: Tawny, cameras: list[str], size: Any, screen: str) -> None:
    turn(page, size)
    page.goto(demo.base + screen.format(camera=cameras[0]))
    expect(page.locator(f"{SHOWN[screen]} >> visible=true").first).to_be_visible()
    shot(page, f"whole{screen.replace('/', '-').format(camera='')}-{size[0]}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    until(lambda: page.evaluate(OUTSIDE) == [], 60, "everything is inside")


@pytest.fixture
def lanes(browser: Browser, signed_in: BrowserContext, demo: Tawny) -> Iterator[Page]:
    """The timeline of a tablet."""
    with touch_browser(browser, signed_in, TABLET) as made:
        page = made.new_page()
        until_recorded(page, demo, 30)
        page.goto(f"{demo.base}/timeline?span=600")
        expect(page.locator('.pl.large[data-showing="video"]')).to_be_visible()
        yield page


VIEW = (
    "() => { const { t0, t1 } = document.querySelector('canvas[data-t0]').dataset; return [Number(t0), Number(t1)]; }"
)
APART = """() => {
  const one = document.querySelector('.preview').getBoundingClientRect();
  const isApart = (other) =>
    one.bottom <= other.top || one.top >= other.bottom || one.right <= other.left || one.left >= other.right;
  const controls = [...document.querySelectorAll('.transport, .pl-tools')];
  return controls.every((other) => isApart(other.getBoundingClientRect()));
}"""


def recorded_at(page: Page) -> float:
    """Where on the canvas the last seconds are."""
    begin, end = page.evaluate(VIEW)
    box = page.locator("canvas[data-t0]").bounding_box()
    assert box is not None
    now = page.evaluate("Date.now()") - 20_000
    return float(box["x"] + (now - begin) / (end - begin) * box["width"])


def test_a_picture_over_the_lanes_covers_no_control_under_a_finger_and_a_mouse(lanes: Page) -> None:
    box = lanes.locator(".tl-time").bounding_box()
    assert box is not None
    fingers = Fingers(lanes)
    preview = lanes.locator(".preview")
    for row in range(2):
        y = box["y"] + 30 + 54 * row + 27
        x = recorded_at(lanes)
        fingers.drag((x - 12, y), (x, y), steps=8, lift=False)
        expect(preview.locator("img")).to_be_visible()
        assert lanes.evaluate(APART)
        over = preview.bounding_box()
        assert over is not None
        assert over["y"] + over["height"] <= y - 20, "above the finger"
        shot(lanes, f"lanes-scrub-{row}")
        fingers.up()
        expect(preview).to_have_count(0)
        lanes.mouse.move(recorded_at(lanes), y)
        expect(preview).to_be_visible()
        assert lanes.evaluate(APART)
        lanes.mouse.move(500, 5)
        expect(preview).to_have_count(0)


def test_the_timeline_never_fills_with_future(lanes: Page) -> None:
    box = lanes.locator(".tl-time").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + 60

    def ahead() -> float:
        begin, end = lanes.evaluate(VIEW)
        return float((end - lanes.evaluate("Date.now()")) / (end - begin))

    fingers = Fingers(lanes)
    for _ in range(3):
        fingers.drag((middle[0] + 300, box["y"] + 12), (middle[0] - 300, box["y"] + 12), steps=6)
    assert ahead() <= 0.21
    lanes.mouse.move(*middle)
    for _ in range(8):
        lanes.mouse.wheel(0, 500)
    assert ahead() <= 0.21
    lanes.get_by_role("button", name="1 h", exact=True).click()
    lanes.mouse.move(box["x"] + box["width"] - 10, box["y"] + 60)
    for _ in range(6):
        lanes.mouse.wheel(0, -400)
    assert ahead() <= 0.21


def test_t3_zooming_keeps_the_second_under_the_pointer(lanes: Page) -> None:
    box = lanes.locator("canvas[data-t0]").bounding_box()
    assert box is not None
    x = box["width"] * 0.3
    lanes.mouse.move(box["x"] + x, box["y"] + 60)

    def under() -> float:
        begin, end = lanes.evaluate(VIEW)
        return float(begin + x / box["width"] * (end - begin))

    lanes.get_by_role("button", name="Pause").or_(lanes.locator(".play")).first.click()
    lanes.mouse.move(box["x"] + x, box["y"] + 60)
    before, (begin, end) = under(), lanes.evaluate(VIEW)
    lanes.mouse.wheel(0, -300)
    until(lambda: lanes.evaluate(VIEW) != [begin, end], 60, "it zooms")
    begin, end = lanes.evaluate(VIEW)
    assert abs(under() - before) <= (end - begin) / box["width"]

"""Tuning a camera in a real browser: a zone drawn by mouse and by keys, saved into the file, and in force at once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import NONE, axe_script, barriers, violations
from tests.e2e.test_access import listen, settle
from tests.e2e.test_visits import happens

pytestmark = pytest.mark.browser
FILE = """\
# the house
[cameras.front]
source = "demo:front"   # the large one
sub = "demo:front"

[cameras.front.detection]
effort = "balanced"     # as usual
"""
PATH = "/settings/cameras/front"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("house"), FILE)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    page = owner.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(house.base + PATH)
    page.locator("[data-layer]").wait_for(timeout=30_000)
    yield page
    page.close()


def config_of(house: Tawny) -> str:
    return (house.folder.parent / "tawny.toml").read_text(encoding="utf-8")


def draw(page: Page, tool: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.get_by_role("button", name=tool, exact=True).click()
    box = page.locator("[data-layer]").bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + begin[0] * width, y + begin[1] * height)
    page.mouse.down()
    page.mouse.move(x + end[0] * width, y + end[1] * height, steps=4)
    page.mouse.up()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("region", name="Unsaved changes").wait_for(state="detached", timeout=30_000)


def watching(owner: BrowserContext, house: Tawny) -> dict[str, Any]:
    data: dict[str, Any] = owner.request.get(f"{house.base}/api/v1/cameras/front/watching").json()
    return data


IS_UNDER_BAR = """() => {
  const box = document.activeElement.getBoundingClientRect();
  const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest(".tu-bar");
  return seen ? !seen.contains(document.activeElement) : false;
}"""
COUNTED_LOOKS = """
window.looks = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", (message) => {
      if (message.data.includes('"motion:front"')) looks.push(performance.now());
    });
  }
};"""


@pytest.mark.shows("RP17")
def test_c1_c2_the_meter_moves_and_a_level_is_tried_without_asking(page: Page) -> None:
    """Three looks a second at least come in, and moving the level asks the recorder for nothing.

    Others use this machine too: the quickest second counts.
    """
    page.add_init_script(COUNTED_LOOKS)
    page.reload()
    meter = page.locator("[data-meter]")
    figures = set()

    def follows() -> bool:
        figures.add(meter.text_content())
        looks: list[float] = page.evaluate("looks")
        return (
            len(figures) >= 3
            and max((sum(begin <= at < begin + 1000 for at in looks) for begin in looks), default=0) >= 3
        )

    until(follows, 60, "a figure that follows the picture")
    page.get_by_text("Current threshold (50)").first.wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    before = len(asked)
    page.get_by_label("Raise the threshold: fewer events").click()
    expect(page.get_by_role("slider", name="Threshold")).to_have_attribute("aria-valuenow", "52")
    expect(page.get_by_role("button", name="Set threshold to 52")).to_be_visible()
    assert [url for url in asked[before:] if "threshold-preview" in url or "motion?" in url or "events" in url] == []
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("region", name="Unsaved changes").wait_for(state="detached")


def test_c4_nothing_is_saved_until_the_button_and_a_reload_discards(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    before, file = watching(owner, house)["watch"], config_of(house)
    level = page.get_by_role("slider", name="Threshold").get_attribute("aria-valuenow")
    page.get_by_label("Raise the threshold: fewer events").click()
    draw(page, "Zone", (0.1, 0.1), (0.4, 0.4))
    page.get_by_text("Thorough").click()
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_visible()
    assert (watching(owner, house)["watch"], config_of(house)) == (before, file)
    page.reload()
    expect(page.get_by_role("slider", name="Threshold")).to_have_attribute("aria-valuenow", str(level))
    expect(page.get_by_role("region", name="Unsaved changes")).to_have_count(0)
    assert watching(owner, house)["watch"] == before


def test_c5_the_points_of_a_zone_survive_saving(page: Page, owner: BrowserContext, house: Tawny) -> None:
    result = watching(owner, house)
    points = [[0.12345, 0.23456], [0.87654, 0.1], [0.5, 0.98765]]
    zone = {"name": "drive", "points": points}
    body = {"watch": {**result["watch"], "zones": [zone]}, "version": result["version"]}
    headers = {"X-Tawny": "1", "Origin": house.base}
    path = f"{house.base}/api/v1/cameras/front/watching"
    answer = owner.request.put(path, data=body, headers=headers)
    assert answer.ok, answer.text()
    page.reload()
    expect(page.locator("input[name=mode]").first).to_be_enabled()  # as soon as the page knows who is signed in
    page.get_by_text("Thorough").click()
    save(page)
    (kept,) = watching(owner, house)["watch"]["zones"]
    assert [one for point in kept["points"] for one in point] == pytest.approx(
        [one for point in points for one in point], abs=1e-4
    )
    result = watching(owner, house)
    body = {"watch": {**result["watch"], "zones": [], "mode": "balanced"}, "version": result["version"]}
    assert owner.request.put(path, data=body, headers=headers).ok


@pytest.mark.shows("DY25")
def test_a_zone_is_drawn_saved_and_only_what_is_in_it_is_an_event(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    draw(page, "Zone", (0.02, 0.02), (0.98, 0.98))
    page.get_by_role("textbox", name="Name").fill("Path and porch")
    page.get_by_role("textbox", name="Name").press("Tab")
    save(page)
    text = config_of(house)
    assert 'source = "demo:front"   # the large one' in text
    assert 'effort = "balanced"     # as usual' in text
    assert "path-and-porch = [[" in text
    zone = watching(owner, house)["watch"]["zones"][0]
    assert zone["points"][0] == pytest.approx([0.02, 0.02], abs=0.01)
    until(lambda: _zones_of_events(owner, house) >= {"path-and-porch"}, 120, "an event in the zone")
    page.reload()
    page.get_by_role("button", name="Edit: Path and porch").click()
    page.get_by_role("button", name="Remove").click()
    draw(page, "Zone", (0.0, 0.9), (0.04, 1.0))
    save(page)
    known = _events(owner, house)
    page.locator(".ed-thing:not(.event)").first.wait_for(timeout=120_000)
    page.wait_for_timeout(3000)
    assert {one["id"] for one in _events(owner, house) if one["end_ms"] is None} <= {one["id"] for one in known}


def test_a_press_beside_an_edge_adds_a_point(page: Page) -> None:
    draw(page, "Zone", (0.2, 0.2), (0.8, 0.8))
    expect(page.locator("[data-point]")).to_have_count(4)
    box = page.locator("[data-layer]").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"] + 6)
    expect(page.locator("[data-point]")).to_have_count(5)


def test_c8_all_of_it_by_keys(page: Page, owner: BrowserContext, house: Tawny) -> None:
    before = len(watching(owner, house)["watch"]["zones"])
    page.get_by_role("button", name="Add: Zones").press("Enter")
    point = page.locator("[data-point='0']")
    left = _right_of(point.get_attribute("aria-label"))
    point.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert _right_of(page.locator("[data-point='0']").get_attribute("aria-label")) == left + 10
    page.keyboard.press("+")
    expect(page.locator("[data-point]")).to_have_count(5)
    page.locator("[data-point='1']").focus()
    page.keyboard.press("Delete")
    expect(page.locator("[data-point]")).to_have_count(4)

    page.get_by_role("button", name="Undo", exact=True).first.press("Enter")
    page.get_by_role("button", name="Add: Lines").press("Enter")
    page.get_by_role("combobox", name="Crossing direction").select_option("left-to-right")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.get_by_role("region", name="Unsaved changes").wait_for(state="detached", timeout=30_000)
    now = watching(owner, house)["watch"]
    assert len(now["zones"]) == before + 1
    assert now["lines"][0]["direction"] == "left-to-right"


@pytest.mark.parametrize(("tool", "shape"), [("Zone", "zones"), ("Line", "lines"), ("Motion mask", "mask")])
def test_a_tool_adds_its_shape_by_key_and_delete_takes_it_away(page: Page, tool: str, shape: str) -> None:
    shapes = page.locator(f".ed-name.{shape}")
    before = shapes.count()
    page.get_by_role("button", name=tool, exact=True).press("Enter")
    expect(shapes).to_have_count(before + 1)
    expect(shapes.last).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    expect(shapes).to_have_count(before)
    expect(page.locator(".ed-name, .ed-tools .btn").first).to_be_focused()


@pytest.mark.parametrize("size", [(640, 400), (320, 256)])
def test_what_has_the_focus_is_not_under_the_save_bar(page: Page, size: tuple[int, int]) -> None:
    """As a window of 1280 by 800 pixels is at 200 %, and one of 1280 by 1024 at 400 %."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.get_by_role("button", name="Zone", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Unsaved changes")).to_be_attached()
    covered = []
    for _ in range(14):
        page.keyboard.press("Tab")
        if page.evaluate(IS_UNDER_BAR):
            covered.append(page.evaluate("document.activeElement.outerHTML"))
    assert covered == []


def test_a_detector_that_is_switched_off_and_on_keeps_its_numbers(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    detector, number = page.get_by_label("Detector", exact=True), page.get_by_label("sensitivity", exact=True)

    def open_numbers() -> None:
        page.locator("details.advanced summary").click()
        expect(detector).to_be_visible()

    open_numbers()
    number.fill("62")
    number.press("Tab")
    for name in ("off", "motion", "framediff", "motion"):  # nothing is saved meanwhile
        detector.select_option(name)
    expect(number).to_have_value("62")
    save(page)
    assert watching(owner, house)["watch"]["numbers"] == {"sensitivity": 62}
    detector.select_option("off")
    save(page)
    assert watching(owner, house)["watch"]["detector"] == "off"
    page.reload()
    open_numbers()
    expect(number).to_have_count(0)
    detector.select_option("motion")
    expect(number).to_have_value("62")
    save(page)
    assert watching(owner, house)["watch"]["numbers"] == {"sensitivity": 62}
    assert "sensitivity = 62" in config_of(house)
    number.fill("")
    number.press("Tab")
    save(page)
    assert watching(owner, house)["watch"]["numbers"] == {}


def test_lines_that_cross_are_refused_and_leaving_asks(page: Page) -> None:
    page.get_by_role("button", name="Add: Zones").click()
    page.locator("[data-point='0']").focus()
    page.keyboard.press("Shift+ArrowDown")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("Edges can’t cross.")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Health")).first.click()
    page.get_by_role("dialog", name="Leave without saving?").wait_for()
    page.get_by_role("button", name="Stay").click()
    assert page.url.endswith(PATH)
    page.get_by_role("link", name=re.compile("^Health")).first.click()
    page.get_by_role("button", name="Leave", exact=True).click()
    page.wait_for_url("**/health")


def test_c6_the_second_of_two_people_is_asked(page: Page, owner: BrowserContext, house: Tawny) -> None:
    other = watching(owner, house)
    headers = {"X-Tawny": "1", "Origin": house.base}
    body = {"watch": {**other["watch"], "mode": "frugal"}}
    answer = owner.request.put(f"{house.base}/api/v1/cameras/front/watching", data=body, headers=headers)
    assert answer.ok, answer.text()
    page.get_by_text("Thorough").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Anna changed this just now.")).to_be_visible()
    page.get_by_role("button", name="Overwrite").click()
    until(lambda: watching(owner, house)["watch"]["mode"] == "thorough", 60, "what was overwritten")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_the_page_has_no_barriers(browser: Browser, owner: BrowserContext, house: Tawny, size: tuple[int, int]) -> None:
    axe = axe_script()
    state: Any = owner.storage_state()
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, storage_state=state)
    page = context.new_page()
    wrong = listen(page)
    page.goto(house.base + PATH)
    page.get_by_role("button", name="Add: Zones").click()
    page.get_by_text("Advanced").click()
    settle(page)
    assert barriers(page, axe) == NONE
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert wrong == []
    context.close()


def test_c3_the_page_counts_as_the_recorder_does(page: Page, owner: BrowserContext, house: Tawny) -> None:
    headers = {"X-Tawny": "1", "Origin": house.base}
    path = f"{house.base}/api/v1/cameras/front/threshold-preview"
    for button, presses in (("Raise", 0), ("Raise", 12), ("Lower", 30)):
        for _ in range(presses):
            page.get_by_role("button", name=re.compile(f"^{button} the threshold")).click()
        level = int(page.get_by_role("slider", name="Threshold").get_attribute("aria-valuenow") or 0)

        def agrees(level: int = level) -> bool:
            body = {"level": level, "from_ms": _day_of(page)[0], "to_ms": _day_of(page)[1]}
            made = owner.request.post(path, data=body, headers=headers).json()
            shown = page.locator("[data-would]").get_attribute("data-would")
            return shown == str(len(made["still"]) + len(made["newly"]))

        until(agrees, what=f"the page and the recorder agree at {level}")  # the page asks when the level rests


def _day_of(page: Page) -> tuple[int, int]:
    """From when to when the page's scores are."""
    begin, end = (page.locator("[data-day]").get_attribute(name) for name in ("data-day", "data-day-end"))
    return int(begin or 0), int(end or 0)


def test_a_false_alarm_says_why(owner: BrowserContext, house: Tawny) -> None:
    until(lambda: _events(owner, house), 60, "an event")
    event = _events(owner, house)[0]
    page = owner.new_page()
    page.goto(f"{house.base}/events/{event['id']}?only=all&tab=detections")
    page.get_by_role("button", name="Wrong or not useful?").click()
    page.get_by_role("button", name="No, false alarm").click()
    with page.expect_response("**/feedback") as answer:
        page.get_by_role("button", name="Shadow or light").click()
    expect(page.get_by_text("False alarm: Shadow or light")).to_be_visible()
    of_it = answer.value.url.removesuffix("/feedback")  # the drawer shows a visit by the best of its events so far
    assert owner.request.get(of_it).json()["false_alarm"] == "shadow"
    page.get_by_role("complementary", name="Selected visit").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="No, false alarm")).to_be_visible()
    page.close()


def test_what_it_was_is_said_on_its_page_and_taken_back(owner: BrowserContext, house: Tawny) -> None:
    until(lambda: _events(owner, house), 60, "an event")
    event = _events(owner, house)[-1]
    page = owner.new_page()
    page.goto(f"{house.base}/events/{event['id']}?only=all&tab=detections")
    page.get_by_role("button", name="Wrong or not useful?").click()
    what = page.get_by_role("region", name="What was it?")
    with page.expect_response("**/feedback") as answer:
        what.get_by_role("button", name="Vehicle").click()
    of_it = answer.value.url.removesuffix("/feedback")  # the drawer shows a visit by the best of its events so far
    expect(what.get_by_text("You said: Vehicle.")).to_be_visible()
    expect(page.get_by_text("Vehicle (set by you)")).to_be_visible()

    def told() -> tuple[str, str]:
        one = owner.request.get(of_it).json()
        return one["labeled_as"], one["display_type"]

    until(lambda: told() == ("vehicle", "vehicle"), 60, "the recorder to know what the page says at once")
    what.get_by_role("button", name="Undo").click()
    expect(what.get_by_role("button", name="Vehicle")).to_be_visible()
    page.close()


def _events(owner: BrowserContext, house: Tawny) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = owner.request.get(f"{house.base}/api/v1/events?limit=50").json()["items"]
    return items


def _zones_of_events(owner: BrowserContext, house: Tawny) -> set[str]:
    return {zone for event in _events(owner, house) for zone in event["zones"]}


def _right_of(label: str | None) -> int:
    found = re.search(r", (\d+)% right", label or "")
    assert found, label
    return int(found[1])


HALVES = """async (shown) => {
  if (shown.tagName === 'VIDEO') {
    shown.muted = true;
    await shown.play();
    while (shown.currentTime < 0.2) await new Promise(requestAnimationFrame);
  }
  const [width, height] = [shown.videoWidth ?? shown.naturalWidth, shown.videoHeight ?? shown.naturalHeight];
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext('2d');
  pen.drawImage(shown, 0, 0);
  const mean = (x) => {
    const {data} = pen.getImageData(x, height * 0.1, width * 0.3, height * 0.8);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += data[at] + data[at + 1] + data[at + 2];
    return sum / (data.length * 0.75);
  };
  return [mean(width * 0.1), mean(width * 0.6)];
}"""
IMAGE = """async (url) => {
  const image = new Image();
  image.id = 'asked';
  image.src = url;
  await image.decode();
  document.body.append(image);
}"""
COVERED = 8
"""Brightness of black that was encoded again, at most; the demo's other half is several times as bright."""


def covered(shown: Locator) -> None:
    """The left half of a picture or video is black in its own pixels, and the right half shows something."""
    left, right = shown.evaluate(HALVES)
    assert left < COVERED < 20 < right, (left, right)


def covered_image(page: Page, url: str) -> None:
    until(lambda: page.request.get(url).ok, 60, url)  # the recording of that moment is perhaps still being written
    page.evaluate(IMAGE, url)
    covered(page.locator("#asked"))
    page.evaluate("document.querySelector('#asked').remove()")


def test_c7_what_is_private_is_covered_wherever_it_is_shown(
    page: Page, owner: BrowserContext, house: Tawny, browser: Browser
) -> None:
    """Drawn on the page and saved: laid over video on the wall and the timeline; black in all that leaves the recorder
    or is made from it: snapshots, previews, images of events, clips and shared clips."""
    (earlier,) = happens(owner, house, ("front", "animal"))
    path = f"{house.base}/api/v1/events/{earlier}"
    until(
        lambda: (result := owner.request.get(path).json())["end_ms"] and result["snapshot"], 60, "the image of an event"
    )
    page.get_by_role("navigation", name="Camera settings").get_by_role("link", name="Image").click()
    expect(page).to_have_url(re.compile("/settings/cameras/front/picture$"))
    draw(page, "Privacy mask", (0.05, 0.05), (0.5, 0.95))
    expect(page.get_by_text("Privacy mask 1").first).to_be_visible()
    expect(page.get_by_text("The stored file still contains this area.").first).to_be_visible()
    save(page)
    assert "privacy_masks = [[[0.0" in config_of(house)
    assert violations(page, axe_script()) == []
    page.goto(f"{house.base}/")
    page.wait_for_selector("[data-camera=front][data-view=playing] svg.private-cover polygon", timeout=30_000)
    laid_over(page.locator("[data-camera=front][data-view=playing] video"))
    covered_image(page, f"{house.base}/api/v1/cameras/front/snapshot?width=640&n=1")
    covered_image(page, f"{house.base}/media/{earlier}.jpg")

    (made,) = happens(owner, house, ("front", "animal"))  # alone in its visit: no animal comes by in this scene
    path = f"{house.base}/api/v1/events/{made}"
    until(
        lambda: (result := owner.request.get(path).json())["end_ms"] and result["snapshot"], 60, "its end and its image"
    )
    event = owner.request.get(path).json()
    at_ms = event["start_ms"] + 1_000
    page.goto(f"{house.base}/timeline?cam=front&t={at_ms / 1000:.1f}&span=120")
    video = page.locator(".pl.large video")
    page.wait_for_selector(".pl.large svg.private-cover polygon", timeout=30_000)
    until(lambda: video.evaluate("(video) => video.readyState >= 2"), 60, "its picture")
    laid_over(video)
    page.route("**/api/v1/**", lambda _: None)  # no answer: it keeps loading
    page.keyboard.press("j")
    expect(page.locator(".pl.large[data-showing=loading] svg.private-cover polygon")).to_be_visible()
    expect(video).to_be_visible()
    page.unroute_all()
    covered_image(page, f"{house.base}/api/v1/cameras/front/frame?at_ms={at_ms}&width=320")
    covered_image(page, f"{house.base}/api/v1/cameras/front/picture?at_ms={at_ms}")
    covered_image(page, house.base + event["snapshot"])
    page.goto(f"{house.base}/events/{event['id']}?only=all&tab=detections")
    card = page.locator(f"[data-events~='{event['id']}'] img").first
    until(lambda: card.evaluate("(image) => image.naturalWidth > 0"), 60, "the image of the card")
    covered(card)
    clip = "(src) => document.body.append(Object.assign(document.createElement('video'), { src, id: 'clip' }))"
    page.evaluate(clip, f"{house.base}/media/{event['id']}.mp4")
    covered(page.locator("#clip"))
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile(r"/s/\S+"))
    stranger = browser.new_context()
    there = stranger.new_page()
    there.goto(link.input_value())
    covered(there.locator("video"))
    stranger.close()
    result = watching(owner, house)
    headers = {"X-Tawny": "1", "Origin": house.base}
    body = {"watch": {**result["watch"], "private": []}, "version": result["version"]}
    assert owner.request.put(f"{house.base}/api/v1/cameras/front/watching", data=body, headers=headers).ok
    page.goto(f"{house.base}/")
    expect(page.locator("[data-camera=front][data-view=playing]")).to_be_visible()
    expect(page.locator("svg.private-cover")).to_have_count(0)


PARTS = """(video) => {
  const mask = video.closest('[data-camera], .pl').querySelector('svg.private-cover polygon');
  const [cover, box] = [mask.getBoundingClientRect(), video.getBoundingClientRect()];
  const scales = [box.width / video.videoWidth, box.height / video.videoHeight];
  const scale = getComputedStyle(video).objectFit === 'cover' ? Math.max(...scales) : Math.min(...scales);
  const [wide, high] = [video.videoWidth * scale, video.videoHeight * scale];
  const left = (cover.left + cover.right - box.left - box.right) / 2 / wide + 0.5 - cover.width / wide / 2;
  return [left, cover.width / wide, cover.height / high];
}"""
"""Where the mask begins, how wide and how high it is, as shares of the picture."""


def laid_over(video: Locator) -> None:
    """The mask covers what was drawn, once the page stands still."""
    drawn = pytest.approx([0.05, 0.45, 0.9], abs=0.03)
    until(lambda: video.evaluate(PARTS) == drawn, 60, "the mask over what was drawn")


def test_the_connection_says_what_comes_and_shows_it(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}{PATH}/connection")
    expect(page.get_by_role("img", name="Front, current image")).to_be_visible()
    page.get_by_role("button", name="Retry now").click()
    until(lambda: page.evaluate("document.querySelector('.tu-snapshot')?.naturalWidth > 0") is True, 60, "a picture")
    assert violations(page, axe_script()) == []

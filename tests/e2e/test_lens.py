"""Wide and fisheye lenses: lines that are straight in the world are straight in live view, the past and stills.

The videos show parallel lines as a lens with known figures bends them.
"""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import (
    CHROMIUM,
    OURS,
    WHOLE_CHROMIUM,
    Tawny,
    chromium,
    context_of,
    signed_in_again,
    with_settings,
)
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
WIDTH, HEIGHT = 960, 540
K1, K2, FIELD = -0.3, 0.04, 180.0
APART = 0.3
"""Of the lines, where 1 is the distance to them, or half of the diagonal."""
STRAIGHT_PX = {"wide": 1.5, "fish": 3.0, "aside": 3.0}
"""In a picture 960 px wide. One pixel of this fisheye covers four in the middle of the view."""
BENT_PX = 6.0
LIT = 128
PRIVATE = "[[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]"
PIXELS = """(canvas) => {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.videoWidth || canvas.width, canvas.videoHeight || canvas.height];
  if (!copy.width) return null;  // it has just begun anew
  const pen = copy.getContext('2d');
  pen.drawImage(canvas, 0, 0);
  const { data } = pen.getImageData(0, 0, copy.width, copy.height);
  return [copy.width, copy.height, [...data.filter((_, n) => n % 4 === 0)]];
}"""


HAS_PIXELS = """(css) => {
  const found = document.querySelector(css);
  return found && (found.videoWidth ?? found.width) > 0;
}"""
THROW = """async ([x, y]) => {
  const frame = document.querySelector('.focus-picture');
  const sleep = (ms) => { for (const until = performance.now() + ms; performance.now() < until;); };
  const send = (kind, by) => frame.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, button: 0, bubbles: true, cancelable: true, clientX: x - by, clientY: y,
  }));
  frame.setPointerCapture = () => {};  // there is no such finger
  send('pointerdown', 0);
  for (const by of [30, 60, 90]) { sleep(10); send('pointermove', by); }
  send('pointerup', 90);
  await Promise.resolve();
  return document.querySelector('.look-chip').innerText;
}"""
"""A quick drag, at the same pace however busy the machine is. Returns how far the view was turned by then."""


def wide_lines() -> Any:
    """Vertical lines through a wide lens: uint8 [height, width]."""
    diagonal = np.hypot(WIDTH, HEIGHT) / 2
    y, x = (np.mgrid[:HEIGHT, :WIDTH] + 0.5 - np.array([HEIGHT, WIDTH])[:, None, None] / 2) / diagonal
    straight = np.linspace(0, 2, 4001)
    bent = straight * (1 + K1 * straight**2 + K2 * straight**4)
    rising = bent[: int(np.argmax(bent))]
    r = np.hypot(x, y)
    return lines(x * np.interp(r, rising, straight[: len(rising)]) / np.maximum(r, 1e-9))


def fisheye_lines() -> Any:
    """A wall with vertical lines before a fisheye lens: uint8 [height, width]."""
    y, x = (np.mgrid[:HEIGHT, :WIDTH] + 0.5 - np.array([HEIGHT, WIDTH])[:, None, None] / 2) / (HEIGHT / 2)
    r = np.hypot(x, y)
    angle = np.radians(FIELD / 2) * r
    ahead, aside = np.cos(angle), np.sin(angle) * x / np.maximum(r, 1e-9)
    seen = (r < 1) & (ahead > 0.1)
    return np.where(seen, lines(aside / np.maximum(ahead, 0.1)), 0).astype(np.uint8)


def lines(x: Any) -> Any:
    off = np.abs((x / APART) - np.round(x / APART)) * APART
    return np.where(off < 0.03, 20, 235).astype(np.uint8)


def video_of(picture: Any, path: Path) -> Path:
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", "10", "-i", "-"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *raw, *coded, path], input=picture.tobytes() * 40, check=True, timeout=60
    )
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("lens")
    wide, fish = video_of(wide_lines(), folder / "wide.mp4"), video_of(fisheye_lines(), folder / "fish.mp4")
    fisheye = f'lens = {{ kind = "fisheye", mount = "wall", tilt = 0.0, field = {FIELD}, view = 80.0'
    cameras = {
        "wide": (wide, f'lens = {{ kind = "wide", k1 = {K1}, k2 = {K2} }}'),
        "fish": (fish, fisheye + " }"),
        "aside": (fish, fisheye + ", pan = 25.0 }"),
        "masked": (
            wide,
            'lens = { kind = "wide" }\nprivacy_masks = [[[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]]',
        ),
        "plain": (wide, ""),
    }
    text = "".join(
        f'[cameras.{name}]\nsource = "file:{video}"\nfile.loop = true\ndetection.detector = "off"\n{more}\n'
        for name, (video, more) in cameras.items()
    )
    yield from with_settings(folder, text)


@pytest.fixture(scope="module")
def drawing() -> Iterator[Browser]:
    """A browser that has WebGL on a machine without graphics."""
    software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    yield from chromium(WHOLE_CHROMIUM, [*(one for one in CHROMIUM if one != "--disable-gpu"), *software])


@pytest.fixture(scope="module")
def owner(drawing: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = context_of(drawing, house, 1280)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    made = owner.new_page()
    yield made
    made.close()


def pixels(page: Page, selector: str) -> Any:
    page.wait_for_function(HAS_PIXELS, arg=selector)
    while (found := page.locator(selector).first.evaluate(PIXELS)) is None:
        page.wait_for_function(HAS_PIXELS, arg=selector)
    width, height, data = found
    return np.array(data, np.uint8).reshape(height, width)


def most_off(picture: Any) -> float:
    """By how many pixels, of a picture 960 px wide, its lines leave straight ones at most; from the middle on."""
    height, width = picture.shape
    dark = picture < LIT
    off = []
    for begin in middles(dark[height // 2]):
        found = []
        for rows in (range(height // 2, height), range(height // 2, -1, -1)):
            at = begin
            for row in rows:
                near = [one for one in middles(dark[row]) if abs(one - at) < 6]
                if not near:
                    break
                at = near[0]
                found.append((row, at))
        if len(found) < height / 2:
            continue
        rows_, places = np.array(found, float).T
        off.append(float(np.max(np.abs(places - np.polyval(np.polyfit(rows_, places, 1), rows_)))))
    assert len(off) >= 3, "lines"
    return float(max(off) * 960 / width)


def middles(row: Any) -> list[float]:
    """The middles of the dark parts of a row that are as thin as a line."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.view(np.int8), [0]])))
    return [(a + b - 1) / 2 for a, b in zip(edges[::2], edges[1::2], strict=True) if 2 < b - a < 80]


@pytest.mark.parametrize("camera", ["wide", "fish", pytest.param("aside", marks=pytest.mark.long)])
def test_what_is_straight_in_the_world_is_straight_live(page: Page, house: Tawny, camera: str) -> None:
    page.goto(f"{house.base}/live/{camera}")
    expect(page.locator('.focus-picture[data-view="playing"] .dewarped[data-straight]')).to_be_visible()
    page.wait_for_function("() => document.querySelector('.focus-picture video').videoWidth > 0")
    assert most_off(pixels(page, ".focus-picture .dewarped")) < STRAIGHT_PX[camera]
    assert most_off(pixels(page, ".focus-picture video")) > BENT_PX


def test_it_is_so_on_the_wall_too_and_other_cameras_stay_as_they_are(page: Page, house: Tawny) -> None:
    page.goto(house.base)
    expect(page.locator('[data-camera="wide"] .dewarped[data-straight="wide"]')).to_be_visible()
    expect(page.locator('[data-camera="fish"] .dewarped[data-straight="fisheye"]')).to_be_visible()
    expect(page.locator('[data-camera="plain"][data-view="playing"] .dewarped')).to_have_count(0)


def test_it_is_so_in_the_past(page: Page, house: Tawny, owner: BrowserContext) -> None:
    day_ms = 86_400_000

    def recorded() -> int | None:
        now_ms = owner.request.get(f"{house.base}/api/v1/timeline?from_ms={day_ms}&to_ms={2 * day_ms}").json()["now_ms"]
        asked = f"{house.base}/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}"
        lanes = {lane["id"]: lane["spans"] for lane in owner.request.get(asked).json()["cameras"]}
        long = [span for span in lanes["wide"] if span[1] - span[0] > 4_000]
        return (long[-1][0] + long[-1][1]) // 2 if long else None

    until(lambda: recorded() is not None, 60, "something is recorded")
    page.goto(f"{house.base}/timeline?at={recorded()}&cam=wide")
    expect(page.locator('.pl.large[data-showing="video"] .dewarped[data-straight="wide"]')).to_be_visible()
    assert most_off(pixels(page, ".pl.large .dewarped")) < STRAIGHT_PX["wide"]


def look(page: Page) -> str:
    """What the button says that turns the view: how far it is turned."""
    return page.locator(".focus-picture .look-chip").inner_text()


def fisheye(page: Page, house: Tawny) -> tuple[float, float]:
    """Open it large, without motion that goes on by itself. Return the middle of the picture."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{house.base}/live/fish")
    expect(page.locator('.focus-picture[data-view="playing"] .dewarped[data-straight]')).to_be_visible()
    expect(page.locator(".focus-picture .look-chip")).to_be_visible()
    box = page.locator(".focus-picture").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_view_into_a_fisheye_is_turned_by_dragging_and_a_double_click_turns_it_back(
    page: Page, house: Tawny
) -> None:
    x, y = fisheye(page, house)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 200, y, steps=4)
    page.mouse.up()
    expect(page.locator(".look-chip")).to_contain_text("1.0×")
    turned = int(look(page).partition("°")[0])
    assert 10 < turned < 40, "what was grabbed goes along"
    assert most_off(pixels(page, ".focus-picture .dewarped")) < STRAIGHT_PX["aside"], "still straight"
    expect(page).to_have_url(f"{house.base}/live/fish")
    page.mouse.wheel(0, -400)
    expect(page.locator(".look-chip")).to_contain_text("1.9×")
    assert page.locator(".focus-picture").get_attribute("data-zoomed") is None
    page.mouse.dblclick(x, y)
    expect(page.locator(".look-chip")).to_have_text("")


def test_keys_turn_it_too_where_its_button_is_and_others_go_to_the_next_camera(page: Page, house: Tawny) -> None:
    fisheye(page, house)
    page.locator(".look-chip").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "+"):
        page.keyboard.press(key)
    expect(page.locator(".look-chip")).to_have_text("10° 5° 1.3×")
    assert unfit(page, axe_script()) == []
    page.keyboard.press("0")
    expect(page.locator(".look-chip")).to_have_text("")
    page.locator(".look-chip").evaluate("(node) => node.blur()")
    page.keyboard.press("+")
    expect(page.locator(".look-chip")).to_have_text("0° 0° 1.5×")
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: "/live/fish" not in url)


@pytest.mark.long
def test_a_view_that_was_thrown_slows_down(page: Page, house: Tawny) -> None:
    x, y = fisheye(page, house)
    page.emulate_media(reduced_motion="no-preference")
    let_go = page.evaluate(THROW, [x, y])
    page.wait_for_function("(was) => document.querySelector('.look-chip').innerText !== was", arg=let_go)


@pytest.mark.long
def test_two_fingers_bring_it_closer_and_a_double_tap_turns_it_back(drawing: Browser, house: Tawny) -> None:
    context = signed_in_again(
        drawing, house, viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    )
    page = context.new_page()
    x, y = fisheye(page, house)
    hand = context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": at, "y": down, "id": n} for n, (at, down) in enumerate(places)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 20, y), (x + 20, y))
    touch("touchMove", (x - 40, y), (x + 40, y))
    touch("touchEnd")
    expect(page.locator(".look-chip")).to_contain_text("2.0×")
    touch("touchStart", (x, y))
    touch("touchMove", (x, y - 30))
    touch("touchMove", (x, y - 90))
    touch("touchEnd")
    assert page.evaluate("scrollY") == 0
    page.wait_for_function("() => parseInt(document.querySelector('.look-chip').innerText.split('° ')[1]) > 5")
    page.touchscreen.tap(x, y)
    page.touchscreen.tap(x, y)
    expect(page.locator(".look-chip")).to_have_text("")
    page.set_viewport_size({"width": 844, "height": 390})
    expect(page.locator(".look-chip")).to_be_in_viewport()
    context.close()


def photo(path: Path) -> Any:
    """A saved one: uint8 [height, width]."""
    asked = ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    read = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *asked], check=True, capture_output=True, timeout=60)
    return np.frombuffer(read.stdout, np.uint8).reshape(-1, WIDTH)


@pytest.mark.parametrize("camera", ["wide", pytest.param("aside", marks=pytest.mark.long), "masked"])
def test_a_photo_is_saved_as_it_is_shown(page: Page, house: Tawny, camera: str, tmp_path: Path) -> None:
    page.goto(f"{house.base}/live/{camera}")
    expect(page.locator('.focus-picture[data-view="playing"] .dewarped[data-straight]')).to_be_visible()
    with page.expect_download() as saved:
        page.locator(".focus-acts [data-act=photo]").click()
    expect(page.get_by_text("Snapshot saved as shown.")).to_be_visible()
    assert saved.value.suggested_filename.endswith(".jpg")
    picture = photo(saved.value.path())
    if camera == "masked":
        height, width = picture.shape
        assert int(picture[int(0.3 * height) : int(0.7 * height), int(0.36 * width) : int(0.64 * width)].max()) < 40
    else:
        assert most_off(picture) < STRAIGHT_PX[camera]


def test_small_stills_are_straight_as_well_and_one_webgl_context_draws_all(page: Page, house: Tawny) -> None:
    page.add_init_script(
        "window.drawing = 0; const was = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        " if (kind === 'webgl' && more[0]) window.drawing += 1; return was.call(this, kind, ...more) }"
    )
    page.goto(f"{house.base}/live/wide")
    expect(page.locator(".other.on .dewarped.still[data-straight=wide]")).to_be_visible()
    expect(page.locator('.other-picture[data-view="playing"] .dewarped[data-straight=fisheye]').first).to_be_visible()
    assert most_off(pixels(page, ".other.on .dewarped")) < 960 / 320 * STRAIGHT_PX["wide"]
    assert page.evaluate("window.drawing") == 1


@pytest.mark.parametrize("camera", ["wide", "fish"])
def test_the_card_of_an_event_is_straight_and_its_box_lies_on_what_it_is_around(
    page: Page, owner: BrowserContext, house: Tawny, camera: str
) -> None:
    """The event is begun by hand; the recorder's answer gets the box that a detector would have given it."""
    order = {"command": "event.open", "camera": camera, "kind": "person", "for": 4}
    headers = {**OURS, "Origin": house.base}
    made = owner.request.post(f"{house.base}/api/v1/orders", data=order, headers=headers)
    assert made.ok, made.text()
    event = made.json()["event"]
    until(lambda: owner.request.get(f"{house.base}/api/v1/events/{event}").json()["end_ms"], 60, "its end")
    box = [0.2, 0.1, 0.3, 0.4]

    def with_box(route: Route) -> None:
        answer = route.fetch()
        data = answer.json()
        for visit in data["items"]:
            visit["best"]["box"] = box
        route.fulfill(response=answer, json=data)

    page.route("**/api/v1/visits?**", with_box)
    page.goto(f"{house.base}/events?only=all")
    card = f"[data-events~='{event}']"
    kind = {"wide": "wide", "fish": "fisheye"}[camera]
    expect(page.locator(f"{card} .ec-pic > .dewarped.still[data-straight={kind}]")).to_be_visible()
    expect(page.locator(f"{card} .ec-moments .dewarped[data-straight={kind}]").first).to_be_visible()
    if camera == "wide":
        picture = page.locator(f"{card} .ec-pic")
        assert most_off(pixels(page, f"{card} .ec-pic > .dewarped")) < 960 / 320 * STRAIGHT_PX["wide"]
        shown, whole = page.locator(f"{card} .ec-box").bounding_box(), picture.bounding_box()
        assert shown
        assert whole
        left, top = (shown["x"] - whole["x"]) / whole["width"], (shown["y"] - whole["y"]) / whole["height"]
        assert left < box[0] - 0.03, "the lens draws it to the middle"
        assert top < box[1]
    else:
        around = page.locator(f"{card} .ec-box").bounding_box()
        whole = page.locator(f"{card} .ec-pic").bounding_box()
        assert around
        assert whole
        middle = around["x"] + around["width"] / 2 - whole["x"], around["y"] + around["height"] / 2 - whole["y"]
        assert middle == pytest.approx((whole["width"] / 2, whole["height"] / 2), rel=0.15), "the view looks at it"
    page.unroute_all(behavior="ignoreErrors")


def test_what_is_private_stays_black(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/live/masked")
    expect(page.locator('.focus-picture[data-view="playing"] .dewarped[data-straight]')).to_be_visible()
    picture = pixels(page, ".focus-picture .dewarped")
    height, width = picture.shape
    inner = picture[int(0.3 * height) : int(0.7 * height), int(0.36 * width) : int(0.64 * width)]
    assert int(inner.max()) < 40
    assert int(pixels(page, ".focus-picture video").max()) > LIT


def test_an_owner_chooses_it_and_sees_it_at_once(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/settings/cameras/plain/picture")
    card = page.locator(".lens-card")
    card.get_by_role("button", name="Wide angle").click()
    expect(card.locator(".dewarped[data-straight=wide]")).to_be_visible()
    card.get_by_role("button", name="Fisheye").click()
    expect(card.locator(".dewarped[data-straight=fisheye]")).to_be_visible()
    card.get_by_role("button", name="Wall", exact=True).click()
    card.get_by_role("slider", name="Look left or right").fill("30")
    page.get_by_role("link", name="Connection").click()
    page.get_by_role("dialog", name="Leave without saving?").get_by_role("button", name="Stay").click()
    assert unfit(page, axe_script()) == []
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("button", name="Save")).to_have_count(0)
    written = tomllib.loads((house.folder.parent / "tawny.toml").read_text())["cameras"]["plain"]["lens"]
    assert written == {"kind": "fisheye", "mount": "wall", "tilt": 0.0, "pan": 30.0}
    card.get_by_role("button", name="Normal").click()
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("button", name="Save")).to_have_count(0)
    assert "lens" not in tomllib.loads((house.folder.parent / "tawny.toml").read_text())["cameras"]["plain"]


def test_a_lens_that_is_none_is_refused(owner: BrowserContext, house: Tawny) -> None:
    answer = owner.request.put(
        f"{house.base}/api/v1/cameras/plain/lens",
        data={"kind": "fisheye", "field": 999},
        headers={**OURS, "Origin": house.base},
    )
    assert answer.status == 422


def test_without_webgl_the_picture_is_plain_and_a_sentence_says_why(page: Page, house: Tawny) -> None:
    page.add_init_script(
        "const was = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        " return kind === 'webgl' ? null : was.call(this, kind, ...more) }"
    )
    page.goto(f"{house.base}/live/wide")
    expect(page.locator('.focus-picture[data-view="playing"]')).to_be_visible()
    expect(page.locator(".focus-picture .dewarp-none")).to_contain_text("can’t straighten")
    expect(page.locator(".focus-picture .dewarped")).to_have_count(0)

"""Boxes that people can see: round the thing that moves, live and past, by the pixels of the page and of an export."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.cli.main import main
from tawny.model.times import utc_text
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, until_recorded, with_settings
from tests.e2e.rules import NONE, axe_script, barriers

pytestmark = pytest.mark.browser
FPS = 10
PATCH = "[0][1]overlay=x='60*(t-4)+120':y=140:enable='between(t,4,11)'"
"""A light thing that crosses from 120 to 540 px; then nothing, while the detector learns that nothing is there."""
SETTINGS = """
[cameras.yard]
name = "Yard"
source = "{clip}"
pre = "2 s"
post = "3 s"
[cameras.yard.file]
loop = true
"""
Rect = tuple[float, float, float, float]
EDGE, LEAST_AREA, LINE = 30, 500, 20
"""Width of what is left out at the edges of the picture, area of the thing, and length of a box's side, px."""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    home = tmp_path_factory.mktemp("boxes")
    clip = home / "patch.mp4"
    colours = [f"color=c={colour}:r={FPS}:d=14" for colour in ("gray:s=640x360", "white:s=60x100")]
    inputs = [word for one in colours for word in ("-f", "lavfi", "-i", one)]
    encoded = ["-filter_complex", PATCH, "-c:v", "libx264", "-g", str(FPS), "-bf", "0", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encoded, str(clip)], check=True, timeout=60)
    yield from with_settings(home, SETTINGS.format(clip=clip))


@pytest.fixture(scope="module")
def owner(browser: Browser, yard: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, yard, 1280)
    page = context.new_page()
    page.goto(yard.base)
    until_recorded(page, yard, 10)
    page.close()
    yield context
    context.close()


def places(image: Any) -> tuple[Rect | None, Rect | None]:
    """Where the thing and its box are: the largest white patch, and yellow lines. Pixels; None: not there."""
    blue, green, red = (image[..., n].astype(np.int16) for n in range(3))
    white = ((red > 225) & (green > 225) & (blue > 225)).astype(np.uint8)
    white[:EDGE], white[-EDGE:], white[:, :EDGE], white[:, -EDGE:] = 0, 0, 0, 0
    _, _, found, _ = cv2.connectedComponentsWithStats(white)
    x, y, width, height, area = max(found[1:], key=lambda one: one[-1], default=(0, 0, 0, 0, 0))
    thing = (float(x), float(y), float(x + width), float(y + height)) if area > LEAST_AREA else None
    yellow = (red > 190) & (green > 150) & (blue < 130) & (red - blue > 100)
    rows, columns = np.flatnonzero(yellow.sum(axis=1) >= LINE), np.flatnonzero(yellow.sum(axis=0) >= LINE)
    box = (columns[0], rows[0], columns[-1], rows[-1]) if len(rows) and len(columns) else None
    return thing, None if box is None else tuple(map(float, box))  # type: ignore[return-value]


def is_round(thing: Rect | None, box: Rect | None) -> bool:
    """The box holds most of the thing, and is not much larger."""
    if thing is None or box is None:
        return False
    width, height = thing[2] - thing[0], thing[3] - thing[1]
    inside = min(thing[2], box[2]) - max(thing[0], box[0]), min(thing[3], box[3]) - max(thing[1], box[1])
    near = all(abs(one - other) < 0.4 * width for one, other in zip(thing, box, strict=True))
    return near and inside[0] > 0.6 * width and inside[1] > 0.7 * height


def seen(page: Page, selector: str) -> Any:
    """A place of the page as drawn; black while it has no size or is out of sight."""
    box = page.locator(selector).first.bounding_box()  # the list may put another node in its place meanwhile
    view = page.viewport_size
    assert box
    assert view
    if min(box["width"], box["height"]) < 1 or not (-box["height"] < box["y"] < view["height"]):
        page.locator(selector).first.scroll_into_view_if_needed()
        return np.zeros((1, 1, 3), np.uint8)
    shot = page.screenshot(clip=box)
    return cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)


def test_nothing_is_drawn_or_asked_for_until_it_is_switched_on(owner: BrowserContext, yard: Tawny) -> None:
    page = owner.new_page()
    sent = list[str]()
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
    page.goto(f"{yard.base}/live/yard?way=socket")
    page.wait_for_selector("[data-view=playing]", timeout=60_000)
    assert page.locator("[data-boxes]").count() == 0
    assert not any("motion:yard" in text for text in sent)
    page.click("[data-act=boxes]")
    page.wait_for_selector("[data-boxes]", state="attached")
    until(lambda: page.evaluate("1") and any("motion:yard" in text for text in sent), 60, "boxes to be asked for")
    page.close()


@pytest.mark.parametrize("way", ["socket", "webrtc", "mjpeg"])
def test_a13_live_the_box_is_round_the_moving_thing(owner: BrowserContext, yard: Tawny, way: str) -> None:
    page = owner.new_page()
    page.goto(f"{yard.base}/live/yard?way={way}")
    page.wait_for_selector("[data-view=playing]", timeout=60_000)
    switched_on(page)
    found = list[tuple[Rect | None, Rect | None]]()

    def fits() -> bool:
        found.append(places(seen(page, ".focus-picture")))
        return sum(is_round(*one) for one in found) >= 4

    until(fits, 60, f"boxes round the thing, {found[-5:]}")
    both = [one for one in found if one[0] and one[1]]
    assert sum(is_round(*one) for one in both) >= 0.6 * len(both), both
    page.close()


def switched_on(page: Page) -> None:
    button = page.locator("[data-act=boxes]").first
    if button.get_attribute("aria-pressed") != "true":
        button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def objects_of(owner: BrowserContext, yard: Tawny) -> tuple[dict[str, Any], list[Any]]:
    """An event that has ended, whose thing went a long way, and its path."""

    def found() -> tuple[dict[str, Any], list[Any]] | None:
        events = owner.request.get(f"{yard.base}/api/v1/events?limit=9").json()["items"]
        for event in (one for one in events if one["end_ms"] is not None):
            items = owner.request.get(f"{yard.base}/api/v1/events/{event['id']}/objects").json()["items"]
            longest: list[Any] = max(
                (one["path"] for one in items), key=lambda path: path[-1][0] - path[0][0], default=[]
            )
            if longest and longest[-1][0] - longest[0][0] > 3500:
                return event, longest
        return None

    until(found, 90, "an event with a long path")
    made = found()
    assert made
    return made


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_in_the_past_the_box_is_round_the_thing_at_the_shown_time(
    owner: BrowserContext, yard: Tawny, share: float
) -> None:
    _, path = objects_of(owner, yard)
    at_ms = path[0][0] + share * (path[-1][0] - path[0][0])
    page = owner.new_page()
    page.goto(f"{yard.base}/timeline?cam=yard&t={at_ms / 1000:.2f}")
    page.wait_for_selector("[data-showing=video]", timeout=60_000)
    switched_on(page)
    if page.locator("[data-playing=true]").count():
        page.keyboard.press("Space")
    found = list[tuple[Rect | None, Rect | None]]()

    def fits() -> bool:
        found.append(places(seen(page, "[data-showing=video]")))
        return is_round(*found[-1])

    until(fits, 60, f"a box round the thing, {found[-2:]}")
    assert page.locator("[data-boxes] polyline").count() == 2, "the way it came"
    page.close()


def frame_with_thing(event: dict[str, Any], path: list[Any], count: int) -> int:
    """Which frame of a filmstrip, but the first, is nearest to a place of the thing's path (`strip.ts:timesOf`): a busy
    recorder looks seldom, so that not each has one.
    """
    apart_ms, long_ms = 700, event["end_ms"] - event["start_ms"]
    while apart_ms * count <= long_ms:
        apart_ms *= 2
    inner = [at_ms for at_ms, *_ in path[1:-1]]

    def away(number: int) -> float:
        return min(float(abs(event["start_ms"] + number * apart_ms - at_ms)) for at_ms in inner)

    return min(range(1, count), key=away)


def test_an_events_clip_picture_and_filmstrip(owner: BrowserContext, yard: Tawny) -> None:
    event, path = objects_of(owner, yard)
    page = owner.new_page()
    page.goto(f"{yard.base}/events/{event['id']}?only=all")
    page.wait_for_selector(".drawer video", timeout=60_000)
    switched_on(page)
    named = re.compile(rf"^{event['type'].capitalize()}( \d+%)?$")  # a drawn thing may pass for a vehicle
    expect(page.locator(".drawer [data-boxes] text")).to_have_text(named)
    strip = page.get_by_role("group", name="Filmstrip").get_by_role("button")
    until(lambda: strip.count() >= 3, 60, "the filmstrip")
    chosen = frame_with_thing(event, path, strip.count())
    strip.first.focus()
    for _ in range(chosen):
        page.keyboard.press("ArrowRight")
    expect(strip.nth(chosen)).to_be_focused()
    page.keyboard.press("Enter")
    expect(strip.nth(chosen)).to_have_attribute("aria-current", "true")
    until(lambda: is_round(*places(seen(page, ".drawer .clip-frame"))), 60, "a box at the chosen frame")
    page.close()


def test_a5_the_box_lies_on_the_thing_in_the_best_picture(owner: BrowserContext, yard: Tawny) -> None:
    event, _ = objects_of(owner, yard)
    answer = owner.request.get(f"{yard.base}/media/{event['id']}.jpg?show=full")
    assert answer.ok, answer.text()
    picture = cv2.imdecode(np.frombuffer(answer.body(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    thing, _ = places(picture)
    x0, y0, x1, y1 = event["box"]
    assert thing
    assert shared(thing, (x0 * width, y0 * height, x1 * width, y1 * height)) >= 0.5


def shared(one: Rect, other: Rect) -> float:
    """Intersection over union."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, width) * max(0.0, height)
    areas = [(rect[2] - rect[0]) * (rect[3] - rect[1]) for rect in (one, other)]
    return both / (sum(areas) - both)


def test_an_export_has_the_box_round_the_thing(owner: BrowserContext, yard: Tawny, tmp_path: Path) -> None:
    _, path = objects_of(owner, yard)
    out = tmp_path / "boxes.mp4"
    begin, end = (utc_text(at_ms) for at_ms in (path[0][0] + 500, path[-1][0] - 500))
    words = ["export", "--data", str(yard.folder), "--camera", "yard", "-o", str(out), "--boxes"]

    def is_made() -> bool:
        out.unlink(missing_ok=True)
        return main([*words, "--from", begin, "--to", end]) == 0

    until(is_made, 90, "a closed recording")
    with av.open(str(out), "r") as file:
        frames = [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]
    assert len(frames) >= 20
    drawn = [places(frame) for frame in frames]
    assert sum(is_round(*one) for one in drawn) >= 0.9 * len(drawn), drawn


def test_everyone_can_use_it_in_both_themes(owner: BrowserContext, yard: Tawny) -> None:
    event, _ = objects_of(owner, yard)
    page = owner.new_page()
    for path in ("/", "/live/yard", "/timeline?cam=yard", f"/events/{event['id']}"):
        page.goto(yard.base + path)
        switched_on(page)
        assert barriers(page, axe_script()) == NONE, path
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        page.set_viewport_size({"width": 1280, "height": 900})
    page.close()

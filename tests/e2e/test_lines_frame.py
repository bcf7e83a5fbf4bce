"""Promises of the frame around every page (F1 to F5) and of the wall (L1, L5, L7). Names begin with their ids."""

import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.test_settings import SECTIONS

pytestmark = pytest.mark.browser
CAMERA = """[cameras.{name}]
source = "{clip}"
detection.detector = "off"
file.loop = true
"""
SHORTER = """() => {
  const real = window.setTimeout;
  window.setTimeout = (act, ms, ...more) => real(act, ms === 30_000 ? 1_000 : ms, ...more);
}"""
"""Half a minute is a second."""
ROUTES = ("/", "/live/garden", "/timeline", "/events", "/clips", "/find", "/health", "/settings")
EVERY_ROUTE = (
    *ROUTES,
    *(f"/settings/{section}" for section in SECTIONS),
    *(f"/settings/cameras/garden{tab}" for tab in ("", "/motion", "/recording", "/picture", "/audio", "/connection")),
    "/settings/add-camera",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("frame")
    clip = folder / "clip.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc=s=320x180:r=10:d=10", "-f", "lavfi", "-i", "sine=d=10"]
    encoded = ["-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *encoded, str(clip)], check=True, timeout=60)
    yield from with_settings(folder, "".join(CAMERA.format(name=name, clip=clip) for name in ("garden", "pond")))


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    made = owner.new_page()
    yield made
    made.close()


def playing(page: Page, camera: str) -> None:
    expect(page.locator(f'.tile[data-camera="{camera}"]')).to_have_attribute("data-view", "playing")


def test_f1_every_route_has_one_truth_chip_with_the_numbers_of_health(page: Page, house: Tawny) -> None:
    page.goto(house.base)
    playing(page, "garden")
    playing(page, "pond")
    data: dict[str, Any] = page.request.get(f"{house.base}/api/v1/health").json()
    numbers = f"{data['working']} of {len(data['cameras'])} cameras working"
    assert numbers == "2 of 2 cameras working"
    for route in ROUTES:
        page.goto(house.base + route)
        expect(page.locator("a.truth")).to_have_count(1)
        expect(page.locator("a.truth")).to_have_attribute("aria-label", re.compile(f"^{numbers}"))


def test_f3_keys_lead_to_the_five_destinations(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/health")
    expect(page.locator("a.truth")).to_be_visible()
    for key, route in zip("12345", ("/", "/timeline", "/events", "/health", "/settings"), strict=True):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"^{re.escape(house.base + route)}([?#].*)?$"))


@pytest.mark.parametrize(
    ("route", "title"),
    [
        ("/timeline", "Timeline"),
        ("/events?tab=motion", "Events"),
        ("/settings/storage", "Storage"),
        ("/live/pond", "Pond"),
        ("/health", "Is it recording?"),
    ],
)
def test_f4_a_reload_shows_the_same_view(page: Page, house: Tawny, route: str, title: str) -> None:
    page.goto(house.base + route)
    if route == "/timeline":
        expect(page.locator("canvas[data-t0]")).to_be_visible()
        page.get_by_role("button", name="10 min", exact=True).click()
        expect(page).to_have_url(re.compile("span=600"))
    expect(page.locator("h1")).to_have_text(title)
    before = page.url.partition("#")[0]
    page.reload()
    expect(page.locator("h1")).to_have_text(title)
    assert re.sub(r"\bt=[\d.]+&?", "", page.url.partition("#")[0]) == re.sub(r"\bt=[\d.]+&?", "", before)
    if route == "/timeline":
        expect(page.get_by_role("button", name="10 min", exact=True)).to_have_attribute("aria-pressed", "true")
    if "tab=motion" in route:
        expect(page.get_by_role("button", name=re.compile("^Motion"))).to_have_attribute("aria-pressed", "true")


def test_f5_no_route_is_wider_than_a_phone(page: Page, house: Tawny) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for route in EVERY_ROUTE:
        page.goto(house.base + route)
        expect(page.locator("main").first).to_be_visible()
        expect(page.locator("h1").first).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") == 390, route
        expect(page.locator("a.truth")).to_have_count(1)


def test_l5_one_camera_alone_is_heard(page: Page, house: Tawny) -> None:
    page.goto(house.base)
    heard = "() => [...document.querySelectorAll('.tile video')].filter(one => !one.muted).length"
    for camera in ("garden", "pond"):
        playing(page, camera)
        tile = page.locator(f'.tile[data-camera="{camera}"]')
        expect(tile.locator("[data-act=sound]")).to_have_count(1)
        tile.locator(".tile-link").focus()
        page.keyboard.press("s")
        expect(tile.locator('[data-act=sound][aria-pressed="true"]')).to_have_count(1)
        page.wait_for_function(f"() => ({heard})() === 1")
    expect(page.locator('.tile [data-act=sound][aria-pressed="true"]')).to_have_count(1)


def test_l6_escape_leads_back_before_the_page_of_a_camera_has_loaded(page: Page, house: Tawny) -> None:
    page.goto(house.base)
    playing(page, "pond")
    page.route("**/assets/Focus-*.js", lambda route: None)
    page.locator('.tile[data-camera="pond"] .tile-link').focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.base}/live/pond")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{house.base}/")
    page.wait_for_function("() => document.activeElement?.closest('.tile')?.dataset.camera === 'pond'")
    page.unroute_all()


def test_l7_a_tab_that_is_hidden_for_40_seconds_gets_no_live_video(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    live = list[WebSocket]()
    page.on("websocket", lambda socket: live.append(socket) if "/live" in socket.url else None)
    page.add_init_script(f"({SHORTER})()")
    page.goto(house.base)
    for camera in ("garden", "pond"):
        playing(page, camera)
    assert live
    hide = """(away) => {
      Object.defineProperty(document, 'hidden', { get: () => away, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    until(lambda: page.evaluate("true") and all(one.is_closed() for one in live), 60, "the end of live video")
    expect(page.locator('.tile[data-view="playing"]')).to_have_count(0)
    page.evaluate(hide, False)
    for camera in ("garden", "pond"):
        playing(page, camera)
    page.close()


def test_f2_a_recorder_that_is_gone_is_said_on_every_route(owner: BrowserContext, house: Tawny) -> None:
    """By the pages' own clocks, which stand still until they are moved on. Last of all in this file: it ends tawny."""
    pages = [owner.new_page() for _ in ROUTES]
    lines = [sockets_of(page) for page in pages]
    for page, route in zip(pages, ROUTES, strict=True):
        page.clock.install()
        page.goto(house.base + route)
        expect(page.locator("a.truth")).to_have_attribute("aria-label", re.compile("2 of 2"))
    house.process.send_signal(signal.SIGSTOP)  # the worst way to go: nothing is closed, and only silence tells
    try:
        for page in pages:
            passes(page, 12_000 + 1_000)
            gone(page)
            page.clock.resume()
    finally:
        house.process.send_signal(signal.SIGCONT)
    for page in pages:
        expect(page.locator("a.truth")).to_have_attribute("aria-label", re.compile("2 of 2 cameras working"))
        page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    house.process.terminate()
    until(lambda: house.process.poll() is not None, 60, "its end")
    closed = [one.is_closed for each in lines for one in each]
    until(lambda: pages[0].evaluate("1") and all(each() for each in closed), 60, "the end of their lines")
    for page in pages:
        page.clock.run_for(7_000)
        gone(page)
        page.close()


def sockets_of(page: Page) -> list[WebSocket]:
    """Those that it opens from now on."""
    found = list[WebSocket]()
    page.on("websocket", lambda socket: found.append(socket))
    return found


def passes(page: Page, ms: int) -> None:
    """So much later for the page, which then stands still."""
    page.clock.pause_at((page.evaluate("Date.now()") + ms) / 1000)
    page.clock.run_for(100)


def gone(page: Page) -> None:
    expect(page.locator("a.truth")).to_have_attribute("aria-label", re.compile("Can’t reach tawny"))
    expect(page.get_by_text("Can’t reach tawny.").first).to_be_visible()

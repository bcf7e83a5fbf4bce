"""A camera is found, tried, added, renamed and removed in the browser alone. It is real ONVIF and RTSP on a cable."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.support.cabled_camera import cabled_camera

pytestmark = pytest.mark.browser
PASSWORD = "k4mera+pässword/%"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    """The address of a camera in a network of its own, which a cable joins to this computer."""
    with cabled_camera(PASSWORD) as address:
        yield address


@pytest.fixture(scope="module")
def house(camera: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = '# mine\n[cameras.yard]\nsource = "demo:garden"  # keep\ndetection.detector = "off"\n'
    yield from with_settings(tmp_path_factory.mktemp("adding"), text)


@pytest.mark.parametrize("width", [1280, 390])
def test_from_nothing_to_a_recording_camera(browser: Browser, house: Tawny, camera: str, width: int) -> None:
    context = context_of(browser, house, width)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url} {request.post_data or ''}"))
    config = house.folder.parent / "tawny.toml"
    page.goto(f"{house.base}/settings")
    page.get_by_role("link", name="Add a camera").click()
    assert not [one for one in asked if "camera-search" in one], "nothing is sent before somebody asks"
    page.get_by_role("button", name="Search for cameras").click()
    found = page.get_by_role("button", name=re.compile(rf"Northlight NL-0.*{re.escape(camera)}", re.DOTALL))
    expect(found).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    found.click()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("user name or password", timeout=WAIT_MS)
    assert page.get_by_label("User name").input_value() == "admin", "what was typed is kept"
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Try it").click()
    picture = page.get_by_alt_text("Picture from the camera")
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert picture.evaluate("img => img.naturalWidth") == 640
    expect(page.get_by_text("H.264, 640×360, 15 fps")).to_be_visible()
    expect(page.get_by_text("a day").first).to_be_visible()
    assert violations(page, axe_script()) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "front-door" not in config.read_text(), "a try changes nothing"
    page.get_by_role("button", name="Front door").click()
    page.get_by_role("button", name="Add camera").click()
    page.wait_for_url("**/live/front-door", timeout=WAIT_MS)
    until(lambda: list(house.folder.rglob("*front-door*/**/*.mp4")), 60, "a recording")
    text = config.read_text()
    assert text.startswith("# mine")
    assert "# keep" in text
    assert "${CAMERA_FRONT_DOOR}" in text
    assert PASSWORD not in page.content() + text + page.url
    assert not [one for one in asked if PASSWORD in one.partition(" ")[2].partition(" ")[0]], "never in an address"
    rename_and_remove(page, house, config)
    context.close()


def context_of(browser: Browser, house: Tawny, width: int) -> BrowserContext:
    """Anna's browser; the second time she signs in."""
    if width == 1280:
        return owner_of(browser, house, width)
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="en-GB")
    answer = context.request.post(
        f"{house.base}/api/v1/sign-in", data={"name": "Anna", "password": "correct horse battery"},
        headers={"X-Tawny": "1", "Origin": house.base},
    )  # fmt: skip
    assert answer.ok, answer.text()
    return context


def rename_and_remove(page: Page, house: Tawny, config: Path) -> None:
    page.goto(f"{house.base}/settings/cameras/front-door/general")
    page.get_by_label("Name of the camera").fill("Garden gate")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Garden gate", timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Remove camera").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove camera").click()
    page.wait_for_url("**/settings", timeout=WAIT_MS)
    expect(page.get_by_role("link", name="Garden gate")).to_have_count(0, timeout=WAIT_MS)
    assert "front-door" not in config.read_text()
    assert "CAMERA_FRONT_DOOR" not in (config.parent / "secrets.toml").read_text()
    assert list(house.folder.rglob("*front-door*/**/*.mp4")), "what was recorded stays"

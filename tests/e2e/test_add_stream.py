"""Cameras without RTSP are added in the browser by their address; what is wrong is said so that it can be mended."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.testing.clips import ClipSpec
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, context_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.sources.http_camera import HttpCamera, http_camera

pytestmark = pytest.mark.browser
TOKEN = "eyJhbGciOi.s3cret-token"
PASSWORD = "k4mera+pässword/%"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    with http_camera(ClipSpec(sound="aac"), f"admin:{PASSWORD}") as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = '[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    yield from with_settings(tmp_path_factory.mktemp("streams"), text)


def entered(page: Page, house: Tawny, address: str, password: str = PASSWORD) -> None:
    """Enter an address and a login, and try them."""
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Try it").click()


def test_an_mjpeg_camera_is_added_by_its_address_and_recorded(
    browser: Browser, house: Tawny, camera: HttpCamera
) -> None:
    context = context_of(browser, house, 390)
    page = context.new_page()
    entered(page, house, camera.address("mjpeg"))
    expect(page.get_by_role("img", name="Picture from the camera")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    page.get_by_label("Name of the camera").fill("Old porch")
    page.get_by_role("button", name="Add camera").click()
    page.wait_for_url("**/live/old-porch", timeout=WAIT_MS)
    folder = house.folder
    until(lambda: any(folder.rglob("old-porch/**/*.mp4*")), 60, "it is recorded")
    settings = (folder.parent / "tawny.toml").read_text()
    assert "${CAMERA_OLD_PORCH}" in settings
    assert PASSWORD not in settings
    assert (folder.parent / "secrets.toml").stat().st_mode & 0o077 == 0
    context.close()


def test_a_server_is_chosen_and_its_address_completed(browser: Browser, house: Tawny) -> None:
    """Home Assistant's address and token, in the words of the page."""
    context = context_of(browser, house, 390)
    page = context.new_page()
    with http_camera() as server:
        server.token = TOKEN
        page.goto(f"{house.base}/settings/add-camera")
        page.get_by_label("Maker or server").select_option("Home Assistant")
        address = page.get_by_label("Address", exact=True)
        expect(address).to_have_value("http://HOST:8123/api/camera_proxy_stream/camera.NAME")
        expect(page.get_by_text("long-lived access token")).to_be_visible()
        assert violations(page, axe_script()) == []
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_have_text("Replace the words in capitals with those of your server.")
        address.fill(f"http://127.0.0.1:{server.port}/api/camera_proxy_stream/camera.porch")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Password", exact=True).fill(TOKEN)
        page.get_by_role("button", name="Try it").click()
        expect(page.get_by_role("img", name="Picture from the camera")).to_be_visible(timeout=WAIT_MS)
        page.get_by_label("Name of the camera").fill("From home")
        page.get_by_role("button", name="Add camera").click()
        page.wait_for_url("**/live/from-home", timeout=WAIT_MS)
        until(lambda: any(house.folder.rglob("from-home/**/*.mp4*")), 60, "it is recorded")
    assert TOKEN not in (house.folder.parent / "tawny.toml").read_text()
    context.close()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("path", "has no stream at this path"), ("page", "web page"), ("gone", "isn't responding"),
        ("password", "rejected the user name or password"), ("redirect", "redirects to another address"),
        ("scheme", "Unknown type of address"), ("srt", "doesn't read SRT itself"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address_is_said(browser: Browser, house: Tawny, fault: str, said: str) -> None:
    context = context_of(browser, house, 1280)
    page = context.new_page()
    with http_camera(ClipSpec(), f"admin:{PASSWORD}") as broken:
        broken.faults.page = fault == "page"
        broken.faults.redirect = "http://192.0.2.9/video" if fault == "redirect" else ""
        address = broken.address("none" if fault == "path" else "flv")
        address = {
            "gone": "http://127.0.0.1:1/flv",
            "scheme": "gopher://127.0.0.1/flv",
            "srt": "srt://127.0.0.1:9000",
        }.get(fault, address)
        entered(page, house, address, "wrong" if fault == "password" else PASSWORD)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text(said, timeout=WAIT_MS)
        assert PASSWORD not in alert.inner_text()
    context.close()

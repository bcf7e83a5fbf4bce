"""What a camera itself stores, in its settings: clock, image, encoder, and which of its events are read."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.support.onvif_device import Stream
from tests.support.onvif_simulator import OnvifSimulator, simulated

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def camera() -> Iterator[OnvifSimulator]:
    streams = [Stream("main", "H264", 1920, 1080, "rtsp://10.0.0.2/main", gop=80)]
    offers = {"H264": [(1920, 1080)], "H265": [(1920, 1080), (1280, 720)]}
    with simulated(streams=streams, ahead=timedelta(seconds=90), profile="T", offers=offers) as made:
        yield made


@pytest.fixture(scope="module")
def house(camera: OnvifSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    text = f'[cameras.yard]\nsource = "demo:garden"\nonvif = "{camera.url}"\n[cameras.shed]\nsource = "demo:front"\n'
    yield from with_settings(tmp_path_factory.mktemp("device"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    made = owner.new_page()
    made.goto(f"{house.base}/settings/cameras/yard/connection")
    expect(made.get_by_role("heading", name="Camera’s own settings")).to_be_visible()
    yield made
    made.close()


def test_an_image_setting_is_changed_in_the_camera(page: Page, camera: OnvifSimulator) -> None:
    page.get_by_role("slider", name="Brightness").fill("61")
    expect(page.get_by_text("Changed in the camera.")).to_be_visible()
    page.get_by_role("combobox", name="Night vision filter").select_option("ON")
    until(lambda: camera.imaging["IrCutFilter"] == "ON", 60, "the filter")
    expect(page.get_by_text("Changed in the camera.")).to_have_count(2)
    assert (camera.imaging["Brightness"], camera.imaging["Contrast"]) == ("61", "40")
    assert violations(page, axe_script()) == []


def test_a_value_that_it_refuses_returns_with_its_words(page: Page, camera: OnvifSimulator) -> None:
    camera.refuses = "Only by day"
    page.get_by_role("slider", name="Contrast").fill("90")
    expect(page.get_by_text("Only by day")).to_be_visible()
    camera.refuses = ""
    assert camera.imaging["Contrast"] == "40"


def test_the_encoder_is_changed_after_confirmation_and_read_back(page: Page, camera: OnvifSimulator) -> None:
    stream = page.get_by_role("form", name="Main stream")
    stream.get_by_role("spinbutton", name="Bit rate limit").fill("2048")
    stream.get_by_role("button", name="Change stream").click()
    assert camera.bit_rate == 4096
    stream.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Changed in the camera.")).to_be_visible(timeout=40_000)
    assert camera.bit_rate == 2048


def test_codec_and_resolution_are_chosen_of_what_it_offers(page: Page, camera: OnvifSimulator) -> None:
    stream = page.get_by_role("form", name="Main stream")
    stream.get_by_role("combobox", name="Codec").select_option("h265")
    expect(stream.get_by_role("combobox", name="Resolution")).to_have_value("1920 × 1080")
    stream.get_by_role("combobox", name="Resolution").select_option("1280 × 720")
    stream.get_by_role("combobox", name="Frames per second").select_option("15")
    stream.get_by_role("slider", name="Quality").fill("6")
    assert violations(page, axe_script()) == []
    stream.get_by_role("button", name="Change stream").click()
    stream.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Changed in the camera.")).to_be_visible(timeout=40_000)
    (now,) = camera.streams
    assert (now.codec, now.width, now.height, now.fps, now.quality) == ("H265", 1280, 720, 15, 6)
    expect(stream.get_by_text("H265 1280 × 720, 15 fps")).to_be_visible()


def test_its_clock_is_set(page: Page, camera: OnvifSimulator) -> None:
    expect(page.get_by_text(re.compile(r"^(8\d|9\d) s ahead$"))).to_be_visible()
    page.get_by_role("button", name="Set clock").click()
    expect(page.get_by_role("button", name="Set clock")).to_have_count(0)
    assert abs(camera.ahead) < timedelta(seconds=3)


def test_which_of_its_events_are_read_is_chosen(page: Page, house: Tawny, camera: OnvifSimulator) -> None:
    camera.await_subscribed()
    page.get_by_role("combobox", name="Events of the camera").select_option("off")
    until(lambda: not camera.subscriptions, 60, "the end of the subscription")
    file = house.folder.parent / "tawny.toml"
    until(lambda: 'camera_events = "off"' in file.read_text(), 60, "the setting in the file")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("combobox", name="Events of the camera").select_option("auto")
    camera.await_subscribed()


def test_a_camera_without_onvif_has_no_such_section(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    with page.expect_response("**/cameras/shed/device") as asked:
        page.goto(f"{house.base}/settings/cameras/shed/connection")
    assert asked.value.status == 409
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    expect(page.get_by_role("heading", name="Camera’s own settings")).to_have_count(0)
    page.close()

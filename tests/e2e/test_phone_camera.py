"""A browser becomes a camera with a one-time code: an owner's page, and a phone with a moving test picture."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tawny.testing.waiting import until
from tests.e2e.conftest import CHROMIUM, OURS, OWNER, WHOLE_CHROMIUM, Tawny, owner_of, tawny, with_settings
from tests.e2e.rules import axe_script, violations
from tests.support.ports import free_port

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
LIVE_WITHIN_S = 10.0
"""From the scan to the picture on the owner's page, as promised."""
FAKE = ["--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream"]
NAME = "recorder.test"
SETTINGS = f"""# mine
[web]
hosts = ["{NAME}"]
[cameras.yard]
source = "demo:garden"
detection.detector = "off"
"""
SENDING = re.compile("^ ?Sending to ")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("phones"), SETTINGS)


@pytest.fixture(scope="module")
def play() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def devices(play: Playwright) -> Iterator[Browser]:
    """A browser with a fake camera and microphone, which allows both."""
    args = [*CHROMIUM, *FAKE, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    made = play.chromium.launch(executable_path=WHOLE_CHROMIUM, args=args)
    yield made
    made.close()


@pytest.fixture(scope="module")
def owner(devices: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(devices, house, 1280)
    yield context
    context.close()


@pytest.fixture
def phone(devices: Browser) -> Iterator[Page]:
    context = devices.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, locale="en-GB"
    )
    yield context.new_page()
    context.close()


def test_from_the_code_to_a_recorded_camera(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_role("button", name="Use a phone").click()
    page.get_by_label("Name of the camera").fill("Old phone")
    page.get_by_role("button", name="Show the code").click()
    link = page.get_by_role("textbox", name="Link for the phone").input_value(timeout=WAIT_MS)
    assert scanned(page) == link
    assert violations(page, axe_script()) == []
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(f"{request.url} {request.post_data or ''}"))
    begun = time.monotonic()
    phone.goto(link)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Use this phone as a camera")
    allow = phone.get_by_role("button", name="Allow the camera and start")
    expect(allow).to_be_visible()
    assert "old-phone" not in (house.folder.parent / "tawny.toml").read_text(), "nothing before the phone joins"
    allow.click()
    page.wait_for_url("**/live/old-phone*", timeout=WAIT_MS)
    expect(page.locator("[data-camera=old-phone] .live-picture")).to_be_visible(timeout=WAIT_MS)
    assert moves(page)
    assert time.monotonic() - begun < LIVE_WITHIN_S
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible()
    assert violations(phone, axe_script()) == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    code = link.partition("#")[2]
    assert not [one for one in asked if code in one.split(" ")[0]], "no server logs the code"
    assert code not in phone.url
    assert '[cameras.old-phone]\nsource = "phone:' in (house.folder.parent / "tawny.toml").read_text()
    until(lambda: len(pictures(house, "old-phone")) > 10, 60, "recorded pictures")
    found = pictures(house, "old-phone")
    assert sum(np.abs(a.astype(int) - b).max() > 30 for a, b in pairwise(found)) > len(found) // 2, "it moves"
    used_again(phone.context.browser, link)
    page.close()


def test_the_phone_comes_back_by_itself_and_can_stop(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    joined(owner, house, phone, "Nursery")
    status = state_of(owner, house, "nursery")
    assert (status["state"], status["is_phone"]) == ("recording", True)
    phone.get_by_role("button", name="Microphone: Off").click()
    expect(phone.get_by_role("button", name="Microphone: On")).to_be_visible()
    phone.get_by_role("button", name="Switch camera").click()
    expect(phone.get_by_label("What this phone sends")).to_be_visible()
    until(lambda: sounds(house, "nursery"), 60, "recorded sound")
    phone.reload()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    expect(phone.get_by_role("button", name="Microphone: Off")).to_be_visible()
    until(lambda: runs(owner, house, "nursery") >= 2, 60, "another recording after the page was loaded again")
    until(lambda: state_of(owner, house, "nursery")["state"] == "recording", 60, "it records again")
    phone.get_by_role("button", name="Stop").click()
    expect(phone.get_by_role("heading", name="Stopped. Nothing is sent.")).to_be_visible()
    until(lambda: state_of(owner, house, "nursery")["state"] == "offline", 60, "it waits")
    assert "Waiting for the phone (its page was closed or stopped)." in state_of(owner, house, "nursery")["detail"]
    phone.reload()
    phone.get_by_role("button", name="Start").click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    until(lambda: state_of(owner, house, "nursery")["state"] == "recording", 60, "it records again")


def test_one_of_two_tabs_sends(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    joined(owner, house, phone, "Loft")
    asked: list[Page] = []
    phone.on("request", lambda request: asked.append(phone) if request.url.endswith("/phone/rtc") else None)
    second = phone.context.new_page()
    second.goto(f"{house.base}/phone")
    expect(second.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    here = phone.get_by_role("button", name="Send from here")
    expect(here).to_be_visible(timeout=WAIT_MS)
    assert violations(phone, axe_script()) == []
    assert not asked, "it leaves the camera to the second"
    here.click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    expect(second.get_by_role("button", name="Send from here")).to_be_visible(timeout=WAIT_MS)
    phone.close()
    expect(second.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    until(lambda: state_of(owner, house, "loft")["state"] == "recording", 60, "it records again")


def test_a_phone_stays_the_camera_that_it_is(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    link = new_link(owner, house, "Attic")
    phone.goto(link)
    phone.get_by_role("button", name="Allow the camera and start").click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    phone.get_by_role("button", name="Microphone: Off").click()
    phone.goto(link)
    phone.go_back()
    expect(phone.get_by_role("button", name="Microphone: On")).to_be_visible()
    phone.goto(new_link(owner, house, "Shed"))
    stay = phone.get_by_role("button", name="Stay the camera Attic")
    expect(stay).to_be_visible(timeout=WAIT_MS)
    assert violations(phone, axe_script()) == []
    stay.click()
    expect(phone.get_by_role("heading", name="Sending to Attic")).to_be_visible(timeout=WAIT_MS)
    assert phone.url == f"{house.base}/phone"


def test_a_camera_that_another_app_had_comes_back(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    phone.add_init_script("""
        window.isTaken = false;
        const media = navigator.mediaDevices, open = media.getUserMedia.bind(media);
        const refuse = () => Promise.reject(new DOMException("in use", "NotReadableError"));
        media.getUserMedia = (what) => (isTaken ? refuse() : open(what));
    """)
    joined(owner, house, phone, "Cellar")
    phone.evaluate("""() => {
        isTaken = true;
        const [track] = document.querySelector("video").srcObject.getVideoTracks();
        track.stop();
        track.dispatchEvent(new Event("ended"));
    }""")
    expect(phone.get_by_role("heading", name="Waiting for the camera…")).to_be_visible(timeout=WAIT_MS)
    expect(phone.get_by_role("button", name="Try again")).to_be_visible()
    assert violations(phone, axe_script()) == []
    until(lambda: state_of(owner, house, "cellar")["state"] == "offline", 60, "the recorder notices")
    phone.evaluate("isTaken = false")
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    until(lambda: state_of(owner, house, "cellar")["state"] == "recording", 60, "it records again")


def test_removing_the_phone_and_the_camera(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    joined(owner, house, phone, "Garage")
    page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/garage/connection")
    expect(page.get_by_text("Sending now")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Remove this phone").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove this phone").click()
    expect(phone.get_by_text("This phone was removed from the recorder.")).to_be_visible(timeout=WAIT_MS)
    assert violations(phone, axe_script()) == []
    expect(page.get_by_text("No phone is connected to this camera")).to_be_visible(timeout=WAIT_MS)
    phone.get_by_role("button", name="Try again").click()
    expect(phone.get_by_text("This phone was removed from the recorder.")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Connect a phone").click()
    phone.goto(page.get_by_role("textbox", name="Link for the phone").input_value(timeout=WAIT_MS))
    phone.get_by_role("button", name="Allow the camera and start").click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Sending now")).to_be_visible(timeout=WAIT_MS)
    removed = owner.request.delete(f"{house.base}/api/v1/cameras/garage", headers={**OURS, "Origin": house.base})
    assert removed.ok, removed.text()
    expect(phone.get_by_text("This phone was removed from the recorder.")).to_be_visible(timeout=WAIT_MS)
    page.close()


def test_without_a_secure_address_both_pages_say_so(owner: BrowserContext, house: Tawny, phone: Page) -> None:
    base = house.base.replace("127.0.0.1", NAME)
    phone.goto(f"{base}/phone#{'x' * 27}")
    expect(phone.get_by_text("a secure address (https) only")).to_be_visible(timeout=WAIT_MS)
    assert phone.get_by_role("link", name="Set up the secure address").get_attribute("href") == "/settings/address"
    assert violations(phone, axe_script()) == []
    cookies = [{**one, "domain": NAME} for one in owner.cookies()]
    owner.add_cookies(cookies)  # type: ignore[arg-type]
    page = owner.new_page()
    page.goto(f"{base}/settings/add-camera")
    page.get_by_role("button", name="Use a phone").click()
    page.get_by_label("Name of the camera").fill("Kitchen")
    page.get_by_role("button", name="Show the code").click()
    expect(page.get_by_role("link", name="Set up the secure address")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".qr-code")).to_have_count(0)
    page.close()


def test_by_https_as_phones_open_it(devices: Browser, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text(SETTINGS, encoding="utf-8")
    place = f"127.0.0.1:{free_port()}"  # known in the address that is shown
    for house in tawny("run", "--config", str(config), "--listen", place, folder=tmp_path / "data"):
        claimed = owner_of(devices, house, 1280)
        asked = {"data": {"name": "localhost"}, "headers": {**OURS, "Origin": house.base}}
        answer = claimed.request.put(f"{house.base}/api/v1/address/own", **asked)  # type: ignore[arg-type]
        assert answer.ok, answer.text()
        claimed.close()
        secure = house.base.replace("http://127.0.0.1", "https://localhost")
        owner = devices.new_context(viewport={"width": 1280, "height": 900}, ignore_https_errors=True, locale="en-GB")
        page = owner.new_page()
        page.goto(f"{secure}/sign-in")
        page.get_by_label("Name").fill(OWNER["name"])
        page.get_by_label("Password", exact=True).fill(OWNER["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_selector("[data-camera]", timeout=WAIT_MS)
        page.goto(f"{secure}/settings/add-camera")
        page.get_by_role("button", name="Use a phone").click()
        page.get_by_label("Name of the camera").fill("Old phone")
        page.get_by_role("button", name="Show the code").click()
        link = page.get_by_role("textbox", name="Link for the phone").input_value(timeout=WAIT_MS)
        assert link.startswith(f"{secure}/phone#")
        context = devices.new_context(viewport={"width": 390, "height": 844}, ignore_https_errors=True, locale="en-GB")
        phone = context.new_page()
        phone.goto(link)
        phone.get_by_role("button", name="Allow the camera and start").click()
        page.wait_for_url("**/live/old-phone*", timeout=WAIT_MS)
        expect(phone.get_by_role("heading", name=SENDING)).to_be_visible()
        assert moves(page)
        context.close()
        owner.close()


def test_a_refused_camera_uses_up_no_code(play: Playwright, owner: BrowserContext, house: Tawny, phone: Page) -> None:
    link = new_link(owner, house, "Workshop")
    args = [*CHROMIUM, FAKE[0]]  # it asks, and gets no answer
    browser = play.chromium.launch(executable_path=WHOLE_CHROMIUM, args=args)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(link)
    page.get_by_role("button", name="Allow the camera and start").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    browser.close()
    phone.goto(link)
    phone.get_by_role("button", name="Allow the camera and start").click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)


def test_a_phone_that_was_never_here_is_shown_the_way(house: Tawny, phone: Page) -> None:
    phone.goto(f"{house.base}/phone")
    expect(phone.get_by_text("This phone isn’t a camera of this recorder.")).to_be_visible(timeout=WAIT_MS)
    assert violations(phone, axe_script()) == []


def new_link(owner: BrowserContext, house: Tawny, name: str) -> str:
    answer = owner.request.post(
        f"{house.base}/api/v1/phone-codes", data={"name": name}, headers={**OURS, "Origin": house.base}
    )
    assert answer.ok, answer.text()
    return str(answer.json()["link"])


def joined(owner: BrowserContext, house: Tawny, phone: Page, name: str) -> None:
    phone.goto(new_link(owner, house, name))
    phone.get_by_role("button", name="Allow the camera and start").click()
    expect(phone.get_by_role("heading", name=SENDING)).to_be_visible(timeout=WAIT_MS)
    until(lambda: state_of(owner, house, name.lower())["state"] == "recording", 60, "it records")


def used_again(browser: Browser | None, link: str) -> None:
    assert browser
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Allow the camera and start").click()
    expect(page.get_by_role("alert")).to_contain_text("has been used or has expired", timeout=WAIT_MS)
    context.close()


def state_of(owner: BrowserContext, house: Tawny, camera: str) -> dict[str, Any]:
    cameras = owner.request.get(f"{house.base}/api/v1/cameras").json()["items"]
    return next((one for one in cameras if one["id"] == camera), {"state": "", "detail": ""})


def runs(owner: BrowserContext, house: Tawny, camera: str) -> int:
    """How many spans of the last hour are recorded."""
    now_ms = owner.request.get(f"{house.base}/api/v1/health").json()["now_ms"]
    asked = f"{house.base}/api/v1/timeline?from_ms={now_ms - 3_600_000}&to_ms={now_ms}&cameras={camera}"
    return sum(len(lane["spans"]) for lane in owner.request.get(asked).json()["cameras"] if lane["id"] == camera)


def scanned(page: Page) -> str:
    image = cv2.imdecode(np.frombuffer(page.locator(".qr-code").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.QRCodeDetector().detectAndDecode(image)[0]


def moves(page: Page) -> bool:
    """Two looks at the live picture differ."""
    shown = page.locator("[data-camera=old-phone] .live-picture")
    first = shown.screenshot()
    until(lambda: shown.screenshot() != first, 60, "another picture")
    return True


def files(house: Tawny, camera: str) -> list[Path]:
    return sorted((house.folder / camera).rglob("*.mp4"))


def pictures(house: Tawny, camera: str) -> list[np.ndarray[Any, Any]]:
    """Some decoded pictures of the closed files, grey."""
    found: list[np.ndarray[Any, Any]] = []
    for file in files(house, camera):
        with av.open(str(file)) as media:
            found += [frame.to_ndarray(format="gray8") for frame in media.decode(video=0)][:60]
    return found


def sounds(house: Tawny, camera: str) -> bool:
    """G.711 was recorded, as the phone sent it."""
    for file in files(house, camera):
        with suppress(av.InvalidDataError), av.open(str(file)) as media:  # a file that has just begun is empty
            if [stream for stream in media.streams.audio if stream.codec_context.name == "pcm_mulaw"]:
                return True
    return False

"""Speaking to a camera from a browser: what its microphone hears, the camera's loudspeaker is sent."""

import wave
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.media.audio import linear
from tawny.model.states import CameraState
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.app.rig import one_camera
from tests.e2e.conftest import CHROMIUM, WHOLE_CHROMIUM
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.rules import axe_script, violations
from tests.sources.rtsp_client.test_back import pitch

pytestmark = pytest.mark.browser
HZ = 600
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speaker="pcma")) as made:
        yield made


@pytest.fixture(scope="module")
def served(camera: RtspCamera, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(one_camera(camera.address), tmp_path_factory.mktemp("talk")) as made:
        made.bench.wait_for(CameraState.RECORDING, 60)
        yield made


@pytest.fixture(scope="module")
def page(served: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An owner's, whose microphone hears a tone."""
    heard = tmp_path_factory.mktemp("voice") / "tone.wav"
    with wave.open(str(heard), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        at = np.arange(48_000 * 5) / 48_000
        file.writeframes((np.sin(2 * np.pi * HZ * at) * 12_000).astype("<i2").tobytes())
    more = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=WHOLE_CHROMIUM, args=[*CHROMIUM, *more, f"--use-file-for-fake-audio-capture={heard}"]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        owner = served.accounts.put_person("Owner", Role.OWNER)
        token = served.accounts.begin_session(owner, Caller("127.0.0.1"))
        context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": "/"}])
        yield context.new_page()
        browser.close()


def said(camera: RtspCamera) -> bytes:
    return bytes(next((viewer.heard for viewer in reversed(camera.viewers) if viewer.heard), b""))


def test_what_the_microphone_hears_comes_out_of_the_camera(page: Page, served: LiveServer, camera: RtspCamera) -> None:
    page.goto(f"{served.base}/live/door")
    button = page.get_by_role("button", name="Talk")
    expect(button).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    button.hover()
    page.mouse.down()
    page.wait_for_selector("[data-talk=on]", timeout=WAIT_MS)
    until(lambda: len(said(camera)) >= 16_000, 60, "two seconds of sound")
    page.mouse.up()
    page.wait_for_selector("[data-talk=off]", timeout=WAIT_MS)
    until(lambda: any(viewer.heard and viewer.ended for viewer in camera.viewers), 60, "the camera to be let go")
    found = linear("pcma", said(camera)[8_000:16_000])
    assert abs(pitch(found) - HZ) < 12
    assert np.abs(found).max() > 0.05
    assert served.bench.gaps() == []


def test_held_by_a_key_it_works_as_well(page: Page, served: LiveServer, camera: RtspCamera) -> None:
    page.goto(f"{served.base}/live/door")
    expect(page.get_by_role("button", name="Talk")).to_be_visible(timeout=WAIT_MS)
    page.locator("h1").first.click()
    page.keyboard.down("Space")
    page.wait_for_selector("[data-talk=on]", timeout=WAIT_MS)
    page.keyboard.up("Space")
    page.wait_for_selector("[data-talk=off]", timeout=WAIT_MS)


def test_without_a_secure_address_it_is_said_why(page: Page, served: LiveServer) -> None:
    fresh = page.context.new_page()
    fresh.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    fresh.goto(f"{served.base}/live/door")
    fresh.get_by_role("button", name="Talk").click(timeout=WAIT_MS)
    expect(fresh.get_by_text("Two-way talk requires https")).to_be_visible()
    fresh.close()

"""On a line that is too slow for the large stream the page takes the small one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tawny.model.ids import StreamName
from tawny.model.states import CameraState
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.app.rig import DOOR, one_camera
from tests.e2e.live_server import LiveServer, live_server, signed_browser
from tests.support.network_relay import NetworkRelay, tcp_line

pytestmark = pytest.mark.browser
LARGE = made_clip(ClipSpec(seconds=8, fps=5, width=960, height=540, detail=160))
SMALL = made_clip(ClipSpec(seconds=8, fps=5, width=160, height=120, detail=0))
WAIT_MS = 120_000
PICTURE = "() => document.querySelector('[data-camera=door] video')?.videoWidth"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("served")
    with (
        RtspCamera(LARGE) as large,
        RtspCamera(SMALL) as small,
        live_server(one_camera(large.address, f'sub = "{small.address}"\n'), folder) as made,
    ):
        made.bench.wait_for(CameraState.RECORDING, 60)
        made.bench.wait_for_seconds(12)
        yield made


@pytest.fixture
def line(served: LiveServer) -> Iterator[NetworkRelay]:
    with tcp_line(("127.0.0.1", int(served.base.rpartition(":")[2])), NetworkRelay()) as made:
        yield made


@pytest.fixture
def context(served: LiveServer, browser: Browser) -> Iterator[BrowserContext]:
    """Without WebRTC, whose packets would not come through the line."""
    with signed_browser(browser, served.session("page"), service_workers="block") as made:
        made.add_init_script("delete window.RTCPeerConnection")
        yield made


def keyframe_bytes(served: LiveServer) -> int:
    hub = served.bench.running.hub(DOOR, StreamName.MAIN)
    assert hub
    return max(len(packet.data) for packet in hub.recent(10) if packet.is_keyframe)


def slowed(page: Page, served: LiveServer, line: NetworkRelay, path: str) -> None:
    """The page has its code already when the line gets so slow that one large keyframe takes it 20 s."""
    page.goto(f"http://127.0.0.1:{line.port}{path}")
    page.wait_for_function(f"() => ({PICTURE})() > 0", timeout=WAIT_MS)
    page.goto("about:blank")
    line.rate = keyframe_bytes(served) / 20


def test_auto_takes_the_small_stream_on_a_line_too_slow_for_the_first_picture(
    served: LiveServer, context: BrowserContext, line: NetworkRelay
) -> None:
    page = context.new_page()
    slowed(page, served, line, "/live/door")
    page.goto(f"http://127.0.0.1:{line.port}/live/door", wait_until="commit")
    page.wait_for_selector("[data-camera=door][data-view=playing]", timeout=WAIT_MS)
    shown = page.locator("[data-camera=door]").first.get_attribute("data-way"), page.evaluate(PICTURE)
    assert shown == ("socket", 160)
    assert "Sub stream: slow connection" in str(page.locator("[data-numbers]").first.text_content())


def test_the_timeline_plays_the_small_stream_on_a_line_too_slow_for_the_large_one(
    served: LiveServer, context: BrowserContext, line: NetworkRelay
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 1440, "height": 900})
    at_s = served.bench.clock.now_ms() / 1000 - 10
    path = f"/timeline?cam=door&t={at_s:.2f}&span=600"
    slowed(page, served, line, path)
    line.rate = keyframe_bytes(served) / 3
    page.goto(f"http://127.0.0.1:{line.port}{path}", wait_until="commit")
    page.get_by_role("button", name="Play", exact=True).click(timeout=WAIT_MS)
    page.wait_for_function(f"() => ({PICTURE})() === 160", timeout=WAIT_MS)
    page.get_by_text("Sub stream: slow connection").wait_for(timeout=WAIT_MS)

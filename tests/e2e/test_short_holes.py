"""A camera that sends nothing for some seconds, without a new connection: its file has a hole, and playing goes on."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.model.ids import StreamName
from tawny.model.states import CameraState
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, one_camera
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.timeline_page import timeline_page

pytestmark = pytest.mark.browser
SHOWN = "Number(document.querySelector('.pl video')?.dataset.shownMs ?? 0)"
SECONDS = (1.2, 3.5)
BEFORE_MS = 2_500


@dataclass(frozen=True)
class Holed:
    """holes: begin and end of what the file lacks, ms UTC."""

    served: LiveServer
    holes: tuple[tuple[int, int], ...]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holed]:
    folder = tmp_path_factory.mktemp("holed")
    with (
        RtspCamera(made_clip(ClipSpec(seconds=8))) as camera,
        live_server(one_camera(camera.address), folder) as served,
    ):
        served.bench.wait_for(CameraState.RECORDING, 60)
        hub = served.bench.running.hub(DOOR, StreamName.MAIN)
        assert hub is not None
        holes: list[tuple[int, int]] = []
        for pause_s in SECONDS:
            _after(hub, 4_000)
            camera.faults.stall = True
            threading.Event().wait(pause_s)
            last_ms, camera.faults.stall = _newest_ms(hub), False
            _after(hub, 0)
            holes.append((last_ms, _newest_ms(hub)))
        _after(hub, 6_000)
        yield Holed(served, tuple(holes))


def _newest_ms(hub: Hub) -> int:
    return hub.newest.at_ms if hub.newest is not None else 0


def _after(hub: Hub, more_ms: int) -> None:
    """Wait until the camera has sent so much more."""
    least_ms = _newest_ms(hub) + more_ms
    until(lambda: _newest_ms(hub) > least_ms, 30, f"{more_ms} ms more")


@pytest.fixture
def page(past: Holed, browser: Browser) -> Iterator[Page]:
    with timeline_page(browser, past.served) as made:
        yield made


def opened(page: Page, past: Holed, at_ms: float) -> None:
    page.goto(f"{past.served.base}/timeline?cam=door&t={at_ms / 1000:.2f}&span=600")


@pytest.mark.parametrize("number", range(len(SECONDS)), ids=[f"{seconds} s" for seconds in SECONDS])
def test_it_plays_on_behind_a_hole(page: Page, past: Holed, number: int) -> None:
    last_ms, next_ms = past.holes[number]
    opened(page, past, last_ms - BEFORE_MS)
    page.wait_for_function(f"() => {SHOWN} > 0")
    page.keyboard.press("k")
    page.wait_for_function(f"(at) => {SHOWN} > at", arg=next_ms + 1_000)
    clocks = [one["said"] for one in page.evaluate("() => window.seen")]
    assert max(one for one in clocks if one < next_ms - 200) > last_ms - 400, "it was played up to the hole"


def test_held_in_one_it_says_that_there_is_no_video_and_leads_behind_it(page: Page, past: Holed) -> None:
    last_ms, next_ms = past.holes[1]
    opened(page, past, (last_ms + next_ms) / 2)
    expect(page.locator(".pl[data-showing=hole] .pl-reason")).to_contain_text("No video here.")
    page.locator(".pl-reason .btn").click()
    page.wait_for_function(f"(at) => {SHOWN} > at", arg=last_ms + 2_000)


def test_what_has_a_hole_is_fetched_once(page: Page, past: Holed) -> None:
    """While a hole lies ahead, it was fetched again every 0.3 s."""
    asked: list[str] = []
    page.on(
        "request",
        lambda request: asked.append(request.url) if "/play" in request.url or "/from" in request.url else None,
    )
    opened(page, past, past.holes[0][0] - BEFORE_MS)
    page.wait_for_function(f"() => {SHOWN} > 0")
    page.wait_for_timeout(3_000)
    assert len([url for url in asked if "/play?from_ms=" in url or "/from?" in url]) < 8, asked

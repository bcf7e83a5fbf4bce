"""Each way to live pictures in a real browser, and what it does where one is shut."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, WebSocketRoute, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny

pytestmark = pytest.mark.browser
PLAYING = "[data-camera=front][data-view=playing]"
WAIT_MS = 60_000
SAMPLE = """() => {
  const shown = document.querySelector('[data-camera=front] :is(video, canvas, img).live-picture');
  if (!shown) return '';
  const canvas = document.createElement('canvas');
  canvas.width = 160; canvas.height = 90;
  const pen = canvas.getContext('2d');
  pen.drawImage(shown, 0, 0, 160, 90);
  return Array.from(pen.getImageData(0, 0, 160, 90).data).join();
}"""
WAYS = ("socket", "webrtc", "hls", "pictures", "mjpeg")


def moves(page: Page) -> None:
    """The picture is there, and becomes another."""
    page.wait_for_selector(PLAYING, timeout=WAIT_MS)
    first = page.evaluate(SAMPLE)
    until(lambda: page.evaluate(SAMPLE) != first, 60, "another picture")


def numbers(page: Page) -> str:
    page.wait_for_selector("[data-numbers]", state="attached", timeout=WAIT_MS)
    return str(page.locator("[data-numbers]").first.text_content())


@pytest.fixture
def page(signed_in: BrowserContext) -> Page:
    return signed_in.new_page()


@pytest.mark.shows("RP3", "SC18", "SC19", "PK5")
@pytest.mark.parametrize("way", WAYS)
def test_each_way_plays_and_tells_its_delay(page: Page, demo: Tawny, way: str) -> None:
    page.goto(f"{demo.base}/live/front?way={way}")
    moves(page)
    expect(page.locator("[data-camera=front]")).to_have_attribute("data-way", way)
    if way != "mjpeg":  # whose pictures a page cannot ask for their time
        until(lambda: "s behind (±" in numbers(page), 60, "the delay")
        seconds = float(numbers(page).partition(" s behind")[0].rpartition("Mbit/s")[2])
        assert 0 <= seconds < 30
    page.close()


def test_the_best_way_is_taken_by_itself(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/live/front")
    moves(page)
    expect(page.locator("[data-camera=front]")).to_have_attribute("data-way", "socket")
    assert "Best option here" in numbers(page)
    page.close()


def refuse(socket: WebSocketRoute) -> None:
    socket.close()


def abort(route: Route) -> None:
    route.abort()


def test_without_live_sockets_it_is_webrtc_and_says_why(page: Page, demo: Tawny) -> None:
    page.route_web_socket("**/cameras/*/live*", refuse)
    page.goto(f"{demo.base}/live/front")
    page.wait_for_selector("[data-camera=front][data-way=webrtc][data-view=playing]", timeout=WAIT_MS)
    moves(page)
    assert "WebSocket couldn’t connect" in numbers(page)
    page.close()


def test_without_any_socket_and_without_webrtc_it_is_hls(page: Page, demo: Tawny) -> None:
    """As behind a proxy that passes plain requests only: the rest of the page works as well."""
    page.route_web_socket("**/*", refuse)
    page.route("**/rtc*", abort)
    page.goto(f"{demo.base}/live/front")
    page.wait_for_selector("[data-camera=front][data-way=hls][data-view=playing]", timeout=WAIT_MS)
    moves(page)
    page.close()


def test_without_a_media_buffer_it_is_webrtc_then_pictures(signed_in: BrowserContext, demo: Tawny) -> None:
    page = signed_in.new_page()
    page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource;")
    page.route("**/rtc*", abort)
    page.route("**/hls/**", abort)
    page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => '';")
    page.goto(f"{demo.base}/live/front")
    page.wait_for_selector("[data-camera=front][data-way=pictures][data-view=playing]", timeout=WAIT_MS)
    moves(page)
    page.close()


def test_with_nothing_but_plain_pictures_they_are_shown(page: Page, demo: Tawny) -> None:
    page.route_web_socket("**/cameras/**", refuse)
    page.route("**/rtc*", abort)
    page.route("**/hls/**", abort)
    page.goto(f"{demo.base}/live/front")
    page.wait_for_selector("[data-camera=front][data-way=mjpeg][data-view=playing]", timeout=2 * WAIT_MS)
    page.close()


def test_hls_asks_for_each_part_once(page: Page, demo: Tawny) -> None:
    """Of each camera, whichever stream: the one shown large is not played again in the row of all cameras."""
    asked: list[tuple[str, str]] = []

    def hear(request: Request) -> None:
        if named := re.search(r"/cameras/([^/]+)/.*/((?:part|header)-[^/?]+)", request.url):
            asked.append((named[1], named[2]))

    page.on("request", hear)
    page.goto(f"{demo.base}/live/front?way=hls")
    moves(page)
    until(lambda: _parts(asked, page) > 8, 60, "parts")
    assert len(asked) == len(set(asked))
    page.close()


def _parts(asked: list[tuple[str, str]], page: Page) -> int:
    page.wait_for_timeout(50)
    return sum(camera == "front" and name.startswith("part-") for camera, name in asked)


@pytest.mark.shows("SC16")
def test_webrtc_goes_by_udp(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/live/front?way=webrtc")
    moves(page)
    until(lambda: "WebRTC over UDP" in numbers(page), 60, "by UDP")
    page.close()


def test_a_way_that_breaks_while_it_plays_is_taken_up_again_or_replaced(page: Page, demo: Tawny) -> None:
    sockets: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        if len(sockets) > 0:
            socket.close()
            return
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/cameras/*/live*", hold)
    page.goto(f"{demo.base}/live/front")
    moves(page)
    sockets[0].close()
    page.wait_for_selector("[data-camera=front][data-way=webrtc][data-view=playing]", timeout=WAIT_MS)
    moves(page)
    page.close()


def test_webrtc_goes_by_tcp_where_udp_is_shut(page: Page, demo: Tawny) -> None:
    """Its UDP candidates are taken out of the answer, as if nothing listened there."""

    def without_udp(route: Route) -> None:
        answer = route.fetch()
        lines = [
            line for line in answer.text().splitlines() if not (line.startswith("a=candidate") and " udp " in line)
        ]
        route.fulfill(response=answer, body="\r\n".join(lines) + "\r\n")

    page.route("**/cameras/*/rtc*", without_udp)
    page.goto(f"{demo.base}/live/front?way=webrtc")
    moves(page)
    until(lambda: "WebRTC over TCP" in numbers(page), 60, "by TCP")
    page.close()

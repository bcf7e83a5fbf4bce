"""The timeline by WebRTC: in a browser that has no media buffer, or where the address says so."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from tawny.testing.waiting import until
from tests.e2e.live_server import signed_browser
from tests.e2e.test_rtc_past import PICTURE_MS, READ_NUMBER, Filmed, filming

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
LARGE = {"width": 1440, "height": 900}
VIDEO = ".pl[data-camera=door] video[data-by=webrtc]"
SHOWN = f"""() => {{
  const video = document.querySelector('{VIDEO}');
  if (!video || !video.videoWidth || !video.dataset.shownMs) return null;
  return [Number(video.dataset.shownMs), ({READ_NUMBER})(video)];
}}"""
LOOK = f"""() => {{
  const read = {READ_NUMBER};
  const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (tell) {{
    return ask.call(this, (...told) => {{
      tell(...told);
      if (this.dataset.shownMs) window.lastSeen = [Number(this.dataset.shownMs), read(this)];
    }});
  }};
}}"""
"""What the page takes a picture for, and the number in it, both when it is told of it: a video on a busy machine is
several pictures further by the time that anybody else looks."""

BUSY = """() => {
  const ask = HTMLVideoElement.prototype.requestVideoFrameCallback;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (tell) {
    setTimeout(() => ask.call(this, tell), 500);
  };
}"""
"""Of pictures that come at once, the page is told of the first at most."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filmed]:
    with filming(tmp_path_factory.mktemp("film")) as made:
        yield made


@pytest.fixture
def page(film: Filmed, browser: Browser) -> Iterator[Page]:
    """Of a browser without Media Source."""
    with signed_browser(browser, film.served.session("past"), viewport=LARGE) as context:
        context.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource;")
        context.add_init_script(f"({LOOK})()")
        yield context.new_page()


def shown(page: Page) -> tuple[int, int]:
    """The instant that the page takes a held picture for, and the number that is drawn into it."""
    found = page.evaluate(SHOWN)
    assert found, "no picture"
    return found[0], found[1]


def playhead(page: Page) -> float:
    return float(page.evaluate("() => Number(document.querySelector('canvas[data-playhead]').dataset.playhead)"))


def is_held_at(page: Page, taken: dict[int, int], wanted_ms: int) -> bool:
    right_ms = max(each for each in taken if each <= wanted_ms)
    found = page.evaluate(SHOWN)
    return bool(found) and abs(found[0] - right_ms) <= PICTURE_MS and found[1] == taken[right_ms]


def test_what_the_playhead_says_is_what_is_seen(film: Filmed, page: Page) -> None:
    is_seen_as_said(film, page)


def test_a_picture_that_the_browser_does_not_tell_of_is_shown_all_the_same(film: Filmed, page: Page) -> None:
    """What leads to a held picture comes at once, and the page may be told of another than the last."""
    page.add_init_script(f"({BUSY})()")
    is_seen_as_said(film, page)


def is_seen_as_said(film: Filmed, page: Page) -> None:
    taken = film.taken()
    wanted_ms = min(taken) + 2_400
    page.goto(f"{film.served.base}/timeline?cam=door&t={wanted_ms / 1000}&span=60")
    page.wait_for_selector(f"{VIDEO}[data-shown-ms]", timeout=WAIT_MS)
    until(lambda: is_held_at(page, taken, wanted_ms), 60, "the picture of that instant")
    page.get_by_role("button", name="Next frame").first.click()
    until(lambda: shown(page)[1] == taken[max(each for each in taken if each <= wanted_ms)] + 1, 60, "the next one")


def test_it_plays_over_what_is_missing_and_comes_to_live(film: Filmed, page: Page) -> None:
    taken = sorted(film.taken())
    begin_ms, end_ms = max(pairwise(taken), key=lambda pair: pair[1] - pair[0])
    page.goto(f"{film.served.base}/timeline?cam=door&t={begin_ms / 1000 - 2}&span=60")
    page.wait_for_selector(f"{VIDEO}[data-shown-ms]", timeout=WAIT_MS)
    page.keyboard.press("Space")
    until(lambda: begin_ms - 1_800 < playhead(page) < begin_ms, 60, "it to play")
    until(lambda: end_ms + 400 < playhead(page), 60, "what is behind the gap")
    at_ms, number = page.evaluate("() => window.lastSeen")
    known = film.taken()
    nearest = min(known, key=lambda each: abs(each - at_ms))
    assert abs(known[nearest] - number) <= 1
    page.keyboard.press("End")
    page.wait_for_selector("button.play.live", timeout=WAIT_MS)
    until(lambda: film.served.bench.clock.now_ms() - playhead(page) < 2_500, 90, "what is live")
    assert page.locator(VIDEO).count() == 1


def test_what_cannot_come_this_way_comes_from_the_files(film: Filmed, browser: Browser) -> None:
    """Nothing gets through by WebRTC: the page finds that out by itself."""
    with signed_browser(browser, film.served.session("files"), viewport=LARGE) as context:
        page = context.new_page()
        page.route("**/api/v1/live/servers", lambda route: route.fulfill(json={"webrtc": False, "ice_servers": []}))
        at_s = min(film.taken()) / 1000 + 2
        page.goto(f"{film.served.base}/timeline?cam=door&t={at_s}&span=60&way=webrtc")
        page.wait_for_selector(".pl[data-camera=door] video[data-by=files][data-shown-ms]", timeout=WAIT_MS)

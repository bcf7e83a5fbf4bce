"""What a newcomer sees: the demo in a real browser, from the one-time link to a clip that plays anywhere."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny, until_recorded

pytestmark = pytest.mark.browser
SAMPLE = """() => {
  const video = document.querySelector('[data-camera] video');
  if (!video || video.readyState < 2) return '';
  const canvas = document.createElement('canvas');
  canvas.width = 160; canvas.height = 90;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 160, 90);
  return Array.from(pen.getImageData(0, 0, 160, 90).data).join();
}"""

PLAYS = """() => [...document.querySelectorAll('video')].some((video) => {
  video.muted = true;
  if (video.paused) video.play();  // again where its file became another, as an event's does when it ends
  return video.currentTime > 0.5;
})"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """As users have it."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    yield from tawny("demo", "--port", "0", "--cameras", "2", folder=folder, full_size=True)


@pytest.fixture
def page(signed_in: BrowserContext) -> Page:
    return signed_in.new_page()


@pytest.mark.shows("RC7")
def test_l1_the_picture_moves(page: Page, demo: Tawny) -> None:
    page.goto(demo.base)
    page.wait_for_function(SAMPLE, timeout=10_000)
    first = page.evaluate(SAMPLE)
    until(lambda: page.evaluate(SAMPLE) != first, 10, "another picture")


def test_the_truth_is_on_every_page(page: Page, demo: Tawny) -> None:
    for path in ("/", "/timeline", "/events", "/health", "/settings"):
        page.goto(demo.base + path)
        chip = page.get_by_label("2 of 2 cameras working").or_(page.get_by_label("2 of 2 working"))
        expect(chip).to_have_count(1)


def test_an_event_appears_by_itself_plays_and_downloads(page: Page, demo: Tawny, tmp_path: Path) -> None:
    page.goto(f"{demo.base}/events")
    page.locator("[data-visit]").first.wait_for(timeout=60_000)
    page.locator("[data-visit] .ec-open").last.click()  # the oldest: what still goes on changes while it plays
    clip = page.locator("dialog video, aside video, [role=dialog] video").first
    clip.wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('video')].some(v => v.readyState >= 2)")
    page.wait_for_function(PLAYS, timeout=90_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    saved = tmp_path / "event.mp4"
    download.value.save_as(saved)
    assert_plays(saved)


def test_a_click_on_the_timeline_plays_that_moment(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/timeline")
    page.wait_for_selector("canvas[data-t0]")
    until(lambda: page.locator("canvas[data-t0]").first.get_attribute("data-playhead"), 60, "a playhead")
    now_ms = page.evaluate("() => Date.now()")
    at_s = now_ms // 1000 - 20
    page.goto(f"{demo.base}/timeline?t={at_s}&span=120")
    page.wait_for_function("() => [...document.querySelectorAll('video')].some(v => v.readyState >= 2)", timeout=10_000)
    playhead = page.locator("canvas[data-t0]").first.get_attribute("data-playhead")
    assert playhead is not None
    assert abs(int(float(playhead)) / 1000 - at_s) < 15


@pytest.mark.parametrize("name", ["MediaSource", "ManagedMediaSource"])
def test_recordings_play_by_whichever_media_buffer_there_is(signed_in: BrowserContext, demo: Tawny, name: str) -> None:
    """An iPhone has the managed one alone, which opens only where AirPlay is off."""
    page = signed_in.new_page()
    page.goto(f"{demo.base}/timeline")
    until_recorded(page, demo, 15)
    page.add_init_script(f"const own = MediaSource; delete window.MediaSource; window.{name} = own;")
    page.goto(f"{demo.base}/timeline?t={page.evaluate('() => Date.now()') // 1000 - 12}&span=120")
    page.wait_for_function("() => [...document.querySelectorAll('.pl video')].some((one) => one.buffered.length > 0)")
    video = page.locator(".pl video").first
    assert video.evaluate("(one) => one.disableRemotePlayback") == (name == "ManagedMediaSource")
    page.close()


def test_a_clip_of_any_span_is_an_ordinary_file(signed_in: BrowserContext, demo: Tawny, tmp_path: Path) -> None:
    def some_seconds() -> str:
        now_ms = json.loads(signed_in.request.get(f"{demo.base}/api/v1/health").text())["now_ms"]
        return f"{demo.base}/api/v1/clip?camera=front&from_ms={now_ms - 8000}&to_ms={now_ms - 3000}&stream=main"

    until(lambda: signed_in.request.head(some_seconds()).ok, 60, "something to be recorded")
    asked = some_seconds()
    whole = signed_in.request.get(asked)
    assert whole.status == 200
    assert whole.headers["accept-ranges"] == "bytes"
    saved = tmp_path / "clip.mp4"
    saved.write_bytes(whole.body())
    assert saved.read_bytes()[4:8] == b"ftyp"
    assert saved.read_bytes().index(b"moov") < saved.read_bytes().index(b"mdat")
    assert_plays(saved)
    part = signed_in.request.get(asked, headers={"Range": "bytes=100-199"})
    assert (part.status, part.body()) == (206, whole.body()[100:200])


@pytest.mark.shows("DY27")
@pytest.mark.parametrize("path", ["/", "/timeline", "/events", "/health", "/settings"])
def test_f5_nothing_hangs_over_the_edge_of_a_phone(signed_in: BrowserContext, demo: Tawny, path: str) -> None:
    phone = signed_in.new_page()
    phone.set_viewport_size({"width": 390, "height": 844})
    errors: list[Error] = []
    phone.on("pageerror", lambda error: errors.append(error))
    phone.goto(demo.base + path)
    phone.wait_for_selector("main")
    assert phone.evaluate("() => document.documentElement.scrollWidth") == 390
    assert errors == []


def test_monitors_are_told_that_all_is_well(demo: Tawny) -> None:
    with urlopen(f"{demo.base}/healthz") as answer:
        assert json.load(answer)["ok"] is True


def test_its_link_opened_again_where_it_signed_in_goes_to_live(demo: Tawny, page: Page) -> None:
    page.goto("about:blank")
    page.goto(demo.link)
    expect(page.locator("[data-camera]").first).to_be_visible(timeout=60_000)


def test_a_stranger_is_asked_to_sign_in(demo: Tawny, page: Page) -> None:
    browser = page.context.browser
    assert browser is not None
    stranger = browser.new_context()
    there = stranger.new_page()
    there.goto(f"{demo.base}/timeline")
    expect(there.get_by_role("textbox", name="Password")).to_be_visible()
    assert stranger.request.get(f"{demo.base}/api/v1/cameras").status == 401
    there.goto(demo.link)  # used up
    expect(there.get_by_text("This link has ended, or it was already used")).to_be_visible()
    stranger.close()


def assert_plays(path: Path) -> None:
    """Decodes to its end without a word of complaint, and has pictures."""
    decode = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(decode, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    count = [
        "ffprobe",
        "-v",
        "error",
        "-count_packets",
        "-select_streams",
        "v",
        "-show_entries",
        "stream=nb_read_packets",
    ]
    counted = subprocess.run([*count, "-of", "csv=p=0", str(path)], capture_output=True, text=True)
    assert int(counted.stdout.strip().strip(",")) > 20

"""Whatever is pressed on the timeline, in any order: it comes to rest, and a held picture is of the time that the page
says. The picture's own clock is read off the screen."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tawny.model.states import CameraState
from tawny.model.times import SystemClock
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.app.rig import DOOR, one_camera
from tests.e2e.clocked_archive import CLOCKED, LARGER, PICTURE_MS, record
from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.timeline_page import timeline_page
from tests.support.read_clock import READ_CLOCK

pytestmark = pytest.mark.browser
KEEP = '[storage.retention]\nmax = "800 days"\n'
KEYS = [
    *("k", "k", "j", "l", "Shift+J", "Shift+L", "ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight"),
    *(",", ".", "<", ">", "+", "-"),
]
BURSTS, MOST_AT_ONCE = 12, 6
AGO_MS = 40 * 3_600_000
MOMENT_MS = 700
"""What is missing between two recordings, where the next picture may be shown as well."""
PIECES = [
    (0, 20, CLOCKED),
    (20_000, 20, CLOCKED),
    (40_000 + MOMENT_MS, 15, CLOCKED),
    (55_000 + MOMENT_MS, 10, LARGER),
    (90_000, 20, CLOCKED),
]
"""Where a recording begins, in milliseconds, and its seconds: some go on at once, some after a moment or a while."""
REST = f"""() => {{
  const box = document.querySelector('.pl[data-camera=door]');
  const read = {READ_CLOCK};
  const showing = box.dataset.showing;
  const shown = {{ video: box.querySelector('video'), pictures: box.querySelector(':scope > img') }}[showing];
  return {{
    showing, clock: shown ? read(shown) : null, said: Number(box.querySelector('video').dataset.shownMs),
    playhead: Number(document.querySelector('canvas[data-playhead]').dataset.playhead),
    plays: document.querySelector('[data-playing]').dataset.playing === 'true',
  }};
}}"""


@dataclass(frozen=True)
class Film:
    served: LiveServer
    begin_ms: int

    @property
    def end_ms(self) -> int:
        begin_ms, seconds, _ = PIECES[-1]
        return self.begin_ms + begin_ms + seconds * 1000


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Film]:
    folder = tmp_path_factory.mktemp("film")
    begin_ms = (SystemClock().now_ms() - AGO_MS) // 1000 * 1000
    for number, (after_ms, seconds, spec) in enumerate(PIECES):
        record(folder, DOOR, begin_ms + after_ms, seconds, spec, run=f"run {max(1, number)}")
    with RtspCamera(made_clip(ClipSpec())) as camera, live_server(one_camera(camera.address, KEEP), folder) as served:
        served.bench.wait_for(CameraState.RECORDING, 60)
        yield Film(served, begin_ms)


@pytest.mark.parametrize("way", ["socket", "webrtc"])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_it_comes_to_rest_on_the_picture_of_its_time(browser: Browser, film: Film, way: str, seed: int) -> None:
    chance, pressed = random.Random(seed), list[str]()
    with timeline_page(browser, film.served) as page:
        at_s = film.begin_ms / 1000 + chance.uniform(0, 110)
        page.goto(f"{film.served.base}/timeline?cam=door&t={at_s:.2f}&span=600&way={way}")
        page.wait_for_selector("canvas[data-playhead]")
        for _ in range(BURSTS):
            pressed += [press(page, chance) for _ in range(chance.randint(1, MOST_AT_ONCE))]
            if chance.random() < 0.5 and page.evaluate(REST)["plays"]:
                page.keyboard.press("k")
            is_right(page, film, pressed)


def press(page: Page, chance: random.Random) -> str:
    """A key, a click on the tape, or dragging along it."""
    if chance.random() < 0.7:
        key = chance.choice(KEYS)
        page.keyboard.press(key)
        return key
    tape = page.locator("canvas[data-playhead]").first.bounding_box()
    assert tape
    x, y = tape["x"] + tape["width"] * chance.uniform(0.1, 0.9), tape["y"] + tape["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    if chance.random() < 0.5:
        page.mouse.move(x + chance.uniform(-200, 200), y, steps=chance.randint(2, 12))
    page.mouse.up()
    return f"{x:.0f}"


def is_right(page: Page, film: Film, pressed: list[str]) -> None:
    deadline_s = time.monotonic() + PATIENCE_MS / 1000
    while not rests(found := page.evaluate(REST), film):
        assert time.monotonic() < deadline_s, (pressed, found)
        page.wait_for_timeout(200)


def rests(found: dict[str, Any], film: Film) -> bool:
    """It plays, nothing is recorded there, or it is the picture that the page says."""
    if found["showing"] == "loading":
        return False
    is_past = film.begin_ms <= found["playhead"] < film.end_ms
    if found["plays"] or found["clock"] is None or not is_past:
        return True
    said_ms, off_ms = (abs(found[name] - found["clock"]) for name in ("said", "playhead"))
    return bool(said_ms <= PICTURE_MS and off_ms <= PICTURE_MS + MOMENT_MS)

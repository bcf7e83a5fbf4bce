"""One picture on or back, backwards, and several cameras at once, across files and gaps: read off the pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pytest
from playwright.sync_api import Browser, Page

from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import SystemClock
from tests.app.rig import settings
from tests.e2e.clocked_archive import HOUR_MS, PICTURE_MS, record
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.timeline_page import seen, show, timeline_page

pytestmark = pytest.mark.browser
CAMERAS = ("door", "gate", "yard")
AWAY = '[cameras.{}]\nsource = "rtsp://127.0.0.1:9/none"\ndetection.detector = "off"\n'
FILE_MS, RECONNECT_MS, GAP_MS = 4_000, 700, 20_000
APART_MS = 30
"""So much later each camera's files begin than the one's before."""
TOGETHER_MS = 300
PRESS = """async ([key, times]) => {
  for (let at = 0; at < times; at += 1) {
    document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await new Promise(requestAnimationFrame);
  }
}"""


SEEKS = """() => {
  const real = window.fetch;
  let now = 0;
  window.seeks = [];
  window.fetch = async (what, how = {}) => {
    if (!/\\/(play|from)\\?/.test(String(what.url ?? what))) return real(what, how);
    window.seeks.push((now += 1));
    let isOver = false;
    const over = () => { if (!isOver) { isOver = true; now -= 1; } };
    how.signal?.addEventListener('abort', over);
    try {
      const answer = await real(what, how);
      answer.clone().arrayBuffer().then(over, over);
      return answer;
    } catch (error) {
      over();
      throw error;
    }
  };
}"""
"""How many seeks are under way when one begins: from the question to the end of its answer, unless it is given up."""


@dataclass(frozen=True)
class Archive:
    """Each camera: two files that meet at `border`, a moment of nothing, a file, nothing for long at `gap`, a file."""

    served: LiveServer
    border: int

    @property
    def reconnect(self) -> int:
        return self.border + FILE_MS

    @property
    def gap(self) -> int:
        return self.reconnect + RECONNECT_MS + FILE_MS

    @property
    def behind(self) -> int:
        return self.gap + GAP_MS


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    border = SystemClock().now_ms() // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    for number, name in enumerate(CAMERAS):
        for at_ms in (-FILE_MS, 0, FILE_MS + RECONNECT_MS, 2 * FILE_MS + RECONNECT_MS + GAP_MS):
            record(folder, CameraId(name), border + at_ms + APART_MS * number, FILE_MS / 1000)
    with live_server(settings("".join(AWAY.format(name) for name in CAMERAS)), folder) as served:
        made = Archive(served, border)
        for name in CAMERAS:
            for begin_ms, end_ms in ((made.gap, made.behind), (made.reconnect, made.reconnect + RECONNECT_MS)):
                gap = Gap(CameraId(name), begin_ms, end_ms, GapReason.WIFI)
                served.bench.running.index.put_gap(gap)
        yield made


@pytest.fixture
def page(archive: Archive, browser: Browser) -> Iterator[Page]:
    with timeline_page(browser, archive.served) as made:
        yield made


def stepped(page: Page, key: str) -> int:
    """The picture that is shown once it is another one than before."""
    before = seen(page)[-1]["clock"]
    page.keyboard.press(key)
    page.wait_for_function("(before) => window.seen.at(-1).clock !== before", arg=before, timeout=60_000)
    return int(seen(page)[-1]["clock"])


@pytest.mark.parametrize(
    ("place", "key", "way"),
    [
        ("border", ".", 1),
        ("reconnect", ",", -1),
        pytest.param("border", ",", -1, marks=pytest.mark.long),
        pytest.param("reconnect", ".", 1, marks=pytest.mark.long),
    ],
)
def test_one_picture_is_the_very_next_one_also_across_files(
    page: Page, archive: Archive, place: str, key: str, way: int
) -> None:
    at_ms = int(getattr(archive, place))
    off_ms = RECONNECT_MS if place == "reconnect" else 0
    pictures = [at_ms - PICTURE_MS * n for n in (3, 2, 1)] + [at_ms + off_ms + PICTURE_MS * n for n in (0, 1, 2)]
    expected = pictures[::way]
    show(page, archive.served, "door", expected[0] + PICTURE_MS // 2)
    assert [stepped(page, key) for _ in expected[1:]] == expected[1:]


def test_backwards_it_shows_key_pictures_across_files_and_gaps(page: Page, archive: Archive) -> None:
    show(page, archive.served, "door", archive.behind + 2_500)
    page.keyboard.press("J")
    page.wait_for_function("(at) => window.seen.at(-1).clock < at", arg=archive.border - 1_000, timeout=60_000)
    page.keyboard.press("k")
    clocks = [each["clock"] for each in seen(page) if each["kind"] == "pictures"]
    assert all(later <= earlier for earlier, later in pairwise(clocks))
    files = (archive.behind, archive.reconnect + RECONNECT_MS, archive.border, archive.border - FILE_MS)
    for begin in files:
        assert {(clock - begin) % 1_000 for clock in clocks if begin <= clock < begin + FILE_MS} == {0}


def test_t4_cameras_stay_together_across_files_and_gaps(page: Page, archive: Archive) -> None:
    show(page, archive.served, ",".join(CAMERAS), archive.border - 1_500)
    page.keyboard.press("k")
    behind = "(at) => new Set(window.seen.filter(({ clock }) => clock > at).map(({ camera }) => camera)).size === 3"
    page.wait_for_function(behind, arg=archive.behind + 1_000, timeout=90_000)
    page.keyboard.press("k")
    together = [each["together"] for each in seen(page) if len(each["together"]) > 1]
    apart = [max(each) - min(each) for each in together]
    assert len([each for each in together if len(each) == len(CAMERAS)]) > 60
    assert median(apart) <= 2 * PICTURE_MS, apart
    assert len([each for each in apart if each > TOGETHER_MS + PICTURE_MS]) <= 0.05 * len(apart), apart


def test_a_fast_scrub_has_one_seek_under_way(page: Page, archive: Archive) -> None:
    show(page, archive.served, "door", archive.behind + 3_000)
    page.evaluate(SEEKS)
    for key, times in (("ArrowLeft", 26), ("ArrowRight", 26), ("ArrowLeft", 26)):
        page.evaluate(PRESS, [key, times])
    back = "([from, to]) => window.seen.at(-1).clock >= from && window.seen.at(-1).clock < to"
    page.wait_for_function(back, arg=[archive.reconnect, archive.gap], timeout=60_000)
    seeks = page.evaluate("() => window.seeks")
    assert seeks
    assert max(seeks) <= 2  # what is given up may still be there when the next begins

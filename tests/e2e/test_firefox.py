"""Journeys through live view, timeline, events and settings in the distribution's Firefox, as the owner."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tawny.model.ids import StreamName
from tawny.sources.demo.source import FPS
from tawny.testing.waiting import until
from tests.e2e.conftest import OWNER, Tawny, with_settings
from tests.support.firefox import ENTER, ESCAPE, PROGRAM, Firefox, firefox

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not PROGRAM.exists(), reason="needs the package firefox-esr")]
MOVING = """(async () => {
  const shown = () => new Map([...document.querySelectorAll('main video')].map((one) => [one, one.currentTime]));
  const before = shown();
  await new Promise((go) => setTimeout(go, 400));
  return [...shown()].filter(([one, now]) => one.videoWidth > 0 && now > (before.get(one) ?? now)).length;
})()"""
"""How many pictures move."""
SETTINGS = """
[cameras.front]
source = "demo:front"
name = "Front door"
[cameras.drive]
source = "demo:drive"
name = "Driveway"
"""
RECORDED_MS = 25_000
PLAYHEAD = "Number(document.querySelector('canvas[data-playhead]')?.dataset.playhead)"
ON_TIMELINE = "document.querySelector('canvas[data-playhead]') !== null"
HELD = """(async () => {
  const video = document.querySelector('main .pl.large video');
  if (!video?.paused || video.seeking || video.readyState < 2) return null;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext('2d');
  canvas.drawImage(video, 0, 0);
  const { data } = canvas.getImageData(0, 0, video.videoWidth, video.videoHeight);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-1', data)).join();
  for (let n = 0; n < 2; n += 1) await new Promise(requestAnimationFrame);
  return [Math.round(video.currentTime * 1000), hash];
})()"""
"""Where the timeline is held and the hash of the large camera's picture, once the page knows of that; null before that.

Steps go by the pictures of the large camera. Those of the other one begin at other times.
"""
IS_LISTED = "document.querySelector('[data-visit]') !== null"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("house"), SETTINGS)


@pytest.fixture(scope="module")
def fox(house: Tawny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Signed in: the account is made here, too."""
    with firefox(tmp_path_factory.mktemp("firefox")) as made:
        made.size(1280, 844)
        made.goto(house.link)
        made.fill("input[autocomplete=username]", OWNER["name"])
        made.fill("input[type=password]", OWNER["password"] + ENTER)
        made.until("location.pathname.startsWith('/setup/')")
        yield made


def asked(fox: Firefox, path: str) -> Any:
    return fox.js(f"fetch({json.dumps('/api/v1' + path)}).then((answer) => answer.json())")


def open_timeline(fox: Firefox, house: Tawny) -> None:
    """Once enough is recorded for going back in it."""

    def recorded_ms() -> float:
        now_ms = asked(fox, "/health")["now_ms"]
        lanes = asked(fox, f"/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}")["cameras"]
        return float(min(sum(end - begin for begin, end in lane["spans"]) for lane in lanes))

    until(lambda: recorded_ms() >= RECORDED_MS, 120, "something to go back to")
    fox.goto(f"{house.base}/timeline")
    fox.until(ON_TIMELINE)


def open_events(fox: Firefox, house: Tawny) -> None:
    """Those that are over."""
    is_over = lambda: any(one["end_ms"] for one in asked(fox, "/events?only=all")["items"])  # noqa: E731
    until(is_over, 120, "an event that is over")
    fox.goto(f"{house.base}/events?only=all")
    fox.until(IS_LISTED)


def test_every_camera_of_the_wall_moves(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/")
    fox.until(f"{MOVING}.then((count) => count === 2)")
    fox.until("document.querySelector('[aria-label*=\"2 of 2\"]') !== null")


def test_a_camera_opens_and_goes_back_to_the_wall(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/")
    fox.click("a[href^='/live/']")
    fox.until("location.pathname.startsWith('/live/')")
    fox.until(f"{MOVING}.then((count) => count >= 1)")
    fox.keys(ESCAPE)
    fox.until("location.pathname === '/'")


def test_the_past_plays_on_the_timeline(fox: Firefox, house: Tawny) -> None:
    open_timeline(fox, house)
    fox.until(f"{PLAYHEAD} > 0 && {MOVING}.then((count) => count >= 1)")
    before_ms = fox.js(PLAYHEAD)
    fox.click("[aria-label='Back 10 seconds']")
    fox.until(f"{PLAYHEAD} < {before_ms}")
    fox.until(f"{MOVING}.then((count) => count >= 1)")


def test_every_picture_is_met_once_on_the_way_there_and_on_the_way_back(fox: Firefox, house: Tawny) -> None:
    open_timeline(fox, house)
    fox.keys("jj")
    fox.until(f"{MOVING}.then((count) => count === 2)")
    fox.keys(" ")

    def held(other_than: str) -> Any:
        fox.until(f"{HELD}.then((now) => now !== null && now[1] !== {json.dumps(other_than)})")
        return fox.js(HELD)

    def steps(key: str, at: Any) -> list[Any]:
        found = [at]
        for _ in range(6):
            fox.keys(key)
            found.append(held(found[-1][1]))
        return found

    fox.until(f"{HELD}.then(async (now) => now !== null && now[1] === (await {HELD})[1])")
    there = steps(".", fox.js(HELD))[1:]
    back = steps(",", there[-1])[: len(there)]
    assert [picture for _, picture in reversed(back)] == [picture for _, picture in there]
    assert len({picture for _, picture in there}) == len(there)
    assert round((there[-1][0] - there[0][0]) * FPS[StreamName.MAIN] / 1000) == len(there) - 1


def test_a_time_that_is_typed_is_gone_to(fox: Firefox, house: Tawny) -> None:
    open_timeline(fox, house)
    fox.keys("g")
    fox.keys("00:05" + ENTER)
    fox.until(f"new Date({PLAYHEAD}).getMinutes() === 5")


def test_a_clip_is_marked_and_saved(fox: Firefox, house: Tawny) -> None:
    open_timeline(fox, house)
    fox.keys("j[")
    begin_ms = fox.js(PLAYHEAD)
    fox.until(f"{PLAYHEAD} > {begin_ms + 1_500}")
    fox.keys("]e")
    fox.click("dialog button", "Save in tawny")
    until(lambda: [one for one in asked(fox, "/clips")["items"] if one["state"] == "done"], 60, "a clip")


def test_an_event_plays_and_is_reviewed(fox: Firefox, house: Tawny) -> None:
    open_events(fox, house)
    fox.click("[data-visit]:last-of-type .ec-open")
    fox.until("location.pathname.startsWith('/events/')")
    fox.until("document.querySelector('aside video')?.readyState >= 2")
    fox.js("document.querySelector('aside video').play().then(() => true)")
    fox.until("document.querySelector('aside video').currentTime > 0.3")
    reviewed = "[...document.querySelectorAll('aside [aria-pressed]')][0].getAttribute('aria-pressed')"
    before = fox.js(reviewed)
    fox.click("aside [aria-pressed]")
    fox.until(f"{reviewed} !== {json.dumps(before)}")


def test_an_event_leads_to_its_second_on_the_timeline(fox: Firefox, house: Tawny) -> None:
    open_events(fox, house)
    fox.click("[data-visit]:last-of-type .ec-open")
    fox.until("location.pathname.startsWith('/events/')")
    fox.click("aside a.pri", "timeline")
    fox.until("location.pathname === '/timeline'")
    fox.until(f"Math.abs({PLAYHEAD} / 1000 - Number(new URLSearchParams(location.search).get('t'))) < 30")


def test_filters_are_kept_in_the_address(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/events")
    fox.click("main button", "Motion")
    fox.until("location.search !== ''")
    before = fox.js("location.search")
    fox.reload()
    chosen = "[...document.querySelectorAll('main [aria-pressed=true]')].map((one) => one.textContent).join()"
    fox.until(f"location.search === {json.dumps(before)} && {chosen}.includes('Motion')")


def test_theme_and_language_change_and_stay(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/settings/look")
    fox.click("main button", "Light")
    fox.until("document.documentElement.dataset.theme === 'light'")
    fox.js("(() => document.querySelector('[aria-label=Language]').focus() ?? true)()")
    fox.keys("De" + ENTER)
    fox.until("document.documentElement.lang === 'de'")
    fox.reload()
    fox.until("document.documentElement.dataset.theme === 'light' && document.documentElement.lang === 'de'")
    fox.until("document.querySelector('[aria-label=Sprache]') !== null")
    fox.js("(() => document.querySelector('[aria-label=Sprache]').focus() ?? true)()")
    fox.keys("En" + ENTER)
    fox.until("document.documentElement.lang === 'en'")


def test_a_camera_is_renamed(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/settings/cameras/front/general")
    fox.fill("main input[type=text]", "Porch in Firefox")
    fox.click("main button.pri", "Save")
    until(lambda: "Porch in Firefox" in json.dumps(asked(fox, "/cameras")), 60, "the new name")
    fox.goto(f"{house.base}/")
    fox.until("document.querySelector('.wall')?.innerText.includes('Porch in Firefox')")


def test_health_says_that_it_records(fox: Firefox, house: Tawny) -> None:
    fox.goto(f"{house.base}/health")
    fox.until(
        "/2 of 2 cameras working|[Bb]oth cameras|2 cameras/.test(document.querySelector('main')?.innerText ?? '')"
    )


def test_a_masked_camera_is_not_shown_without_its_masks_over_other_programs(fox: Firefox, house: Tawny) -> None:
    """Firefox honors `disablePictureInPicture` with its own button, and not in the menu of a video."""
    watching = asked(fox, "/cameras/drive/watching")
    mask = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    body = {"watch": watching["watch"] | {"private": [mask]}, "version": watching["version"]}
    sent = {"method": "PUT", "headers": {"X-Tawny": "1", "Content-Type": "application/json"}, "body": json.dumps(body)}
    assert fox.js(f"fetch('/api/v1/cameras/drive/watching', {json.dumps(sent)}).then((answer) => answer.status)") == 200
    fox.goto(f"{house.base}/live/drive")
    fox.until("document.querySelector('.focus-picture .private-cover polygon') !== null")
    fox.until("document.querySelector('.focus-picture video')?.readyState >= 2")
    video = "document.querySelector('.focus-picture video')"
    assert fox.js(f"{video}.disablePictureInPicture") is True
    fox.js(f"({video}.requestPictureInPicture?.() ?? Promise.reject()).catch(() => 'refused')")
    under = """(() => {
      const box = document.querySelector('.focus-picture video').getBoundingClientRect();
      const spot = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
      const hit = document.elementFromPoint(spot.clientX, spot.clientY);
      return [hit.tagName, hit.dispatchEvent(new MouseEvent('contextmenu', spot))];
    })()"""
    assert fox.js(under) == ["svg", False]


def test_a_page_of_its_own_says_that_the_recorder_refuses(fox: Firefox, tmp_path: Path) -> None:
    """By another name than the house: its cookies stay."""
    with contextmanager(with_settings)(tmp_path, SETTINGS) as other:
        base = other.base.replace("127.0.0.1", "localhost")
        fox.goto(f"{base}/")
        fox.js("navigator.serviceWorker.register('/push.js').then(() => true)")
        fox.until("navigator.serviceWorker.ready.then((one) => one.active?.state === 'activated')")
    fox.goto(f"{base}/events")
    fox.until("document.querySelector('h1')?.innerText.includes('can’t be reached')")

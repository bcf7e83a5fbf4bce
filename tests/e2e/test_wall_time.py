"""Every picture shown is of the time that the page says, whatever lies between: its clock is read off the screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, one_camera
from tests.e2e.clocked_archive import (
    CLOCKED,
    GOP_S,
    H265,
    LARGER,
    PICTURE_MS,
    clock_changes,
    midnight,
    record,
)
from tests.e2e.live_server import LiveServer, live_server
from tests.e2e.rtc_watcher import Watcher, watching
from tests.e2e.timeline_page import seen, show, timeline_page
from tests.support.read_clock import READ_CLOCK

pytestmark = pytest.mark.browser
ZONE = ZoneInfo("Europe/Berlin")
DAY_MS = 86_400_000
BEFORE_MS = AFTER_MS = 800
RECONNECT_MS, GAP_MS = 737, 60_000
KEEP = '[storage.retention]\nmax = "800 days"\n'


@dataclass(frozen=True)
class Recorded:
    """served: with a camera `door` that is there, and what was recorded of it. places: where something changes."""

    served: LiveServer
    places: dict[str, int]


def recorded(folder: Path) -> dict[str, int]:
    """Four seconds before and behind each place."""
    forward, back = clock_changes(ZONE)
    day = midnight(ZONE, max(forward, back) - 3 * DAY_MS)
    noon = day + DAY_MS // 2
    places = {"midnight": day, "the day of UTC": day // DAY_MS * DAY_MS, "forward": forward, "back": back}
    for at_ms in (places["midnight"], places["back"]):
        record(folder, DOOR, at_ms - 4_000, 8)
    for at_ms in (places["the day of UTC"], places["forward"]):
        record(folder, DOOR, at_ms - 4_000, 4)
        record(folder, DOOR, at_ms, 4)
    places |= {"gap": noon, "reconnect": noon + 600_000, "size": noon + 1_200_000, "codec": noon + 1_800_000}
    for name, off_ms, spec in (("gap", GAP_MS, CLOCKED), ("reconnect", RECONNECT_MS, CLOCKED), ("size", 0, LARGER)):
        record(folder, DOOR, places[name] - 4_000, 4)
        record(folder, DOOR, places[name] + off_ms, 4, spec, run=f"after {name}")
    record(folder, DOOR, places["codec"] - 4_000, 4)
    record(folder, DOOR, places["codec"], 4, H265, run="of H.265")
    record(folder, DOOR, places["codec"] + 4_000, 4, run="of H.264 again")
    return places


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("past")
    places = recorded(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", ZONE.key)
        with (
            RtspCamera(made_clip(ClipSpec())) as camera,
            live_server(one_camera(camera.address, KEEP), folder) as served,
        ):
            served.bench.wait_for(CameraState.RECORDING, 60)
            gap = Gap(DOOR, places["gap"], places["gap"] + GAP_MS, GapReason.WIFI)
            served.bench.running.index.put_gap(gap)
            yield Recorded(served, places)


@pytest.fixture
def page(past: Recorded, browser: Browser) -> Iterator[Page]:
    with timeline_page(browser, past.served) as made:
        yield made


def opened(page: Page, past: Recorded, at_ms: int) -> None:
    show(page, past.served, "door", at_ms)


def plays_until(page: Page, at_ms: int) -> None:
    page.keyboard.press("k")
    page.wait_for_function("(at) => window.seen.some(({ clock }) => clock >= at)", arg=at_ms, timeout=60_000)
    page.keyboard.press("k")


def of_their_time(pictures: list[dict[str, Any]], off_ms: int = PICTURE_MS) -> None:
    """The recorder's clock over the picture is right as well."""
    assert pictures
    for each in pictures:
        assert 0 <= each["said"] + PICTURE_MS - each["clock"] <= PICTURE_MS + off_ms, each
    exact = [each for each in pictures if abs(each["said"] - each["clock"]) <= 1]
    assert len(exact) >= 0.8 * len([each for each in pictures if each["kind"] == "video"])
    for each in exact:
        stamps = [datetime.fromtimestamp(each["clock"] / 1000 - by, ZONE) for by in (0, 1, -1)]
        assert any(f"{stamp:%H:%M:%S}" in each["stamp"] for stamp in stamps), each


@pytest.mark.parametrize("place", ["midnight", "the day of UTC", "forward", "back", "reconnect", "size"])
def test_it_plays_across_it_and_no_picture_is_of_another_time(page: Page, past: Recorded, place: str) -> None:
    at_ms = past.places[place]
    opened(page, past, at_ms - BEFORE_MS)
    plays_until(page, at_ms + RECONNECT_MS + AFTER_MS)
    pictures = seen(page)
    of_their_time(pictures)
    clocks = {each["clock"] for each in pictures}
    assert len([clock for clock in clocks if clock < at_ms]) >= 3
    assert len([clock for clock in clocks if clock >= at_ms]) >= 3


def test_it_goes_on_behind_a_gap(page: Page, past: Recorded) -> None:
    at_ms = past.places["gap"]
    opened(page, past, at_ms - BEFORE_MS)
    plays_until(page, at_ms + GAP_MS + AFTER_MS)
    pictures = seen(page)
    of_their_time(pictures)
    assert not [each for each in pictures if at_ms + PICTURE_MS < each["said"] < at_ms + GAP_MS]
    assert "Skipped 1 min: Wi-Fi" in (page.locator(".toast").first.text_content() or "")


def test_what_this_browser_cannot_play_is_shown_by_key_pictures_and_what_it_can_is_played(
    page: Page, past: Recorded
) -> None:
    at_ms = past.places["codec"]
    opened(page, past, at_ms - BEFORE_MS)
    plays_until(page, at_ms + 4_000 + AFTER_MS)
    pictures = seen(page)
    of_their_time(pictures, round(GOP_S * 1000) + PICTURE_MS)
    kinds = {each["clock"]: each["kind"] for each in pictures}
    plays = (
        "video" if page.evaluate("() => MediaSource.isTypeSupported('video/mp4; codecs=\"hvc1.1.6.L93.90\"')") else ""
    )
    expected = {"before": "video", "within": plays or "pictures", "behind": "video"}
    within = {clock: kind for clock, kind in kinds.items() if at_ms <= clock < at_ms + 4_000}
    assert {kind for clock, kind in kinds.items() if clock < at_ms} == {expected["before"]}
    assert set(within.values()) == {expected["within"]}
    assert len(within) >= 2
    assert {kind for clock, kind in kinds.items() if clock >= at_ms + 4_000} == {expected["behind"]}


# --- the same on a WebRTC connection that shows what is live -------------------------------------------------------


@pytest.fixture
def watcher(past: Recorded, browser: Browser) -> Iterator[Watcher]:
    with watching(browser, past.served, "door", READ_CLOCK) as made:
        yield made


def taken_as_told(watcher: Watcher, value: float) -> list[dict[str, Any]]:
    """Every picture that was shown between two tellings of the same stretch is of the time that they tell."""
    found = [each for each in watcher.told(value) if each["state"] == "playing" and each["rtp"] is not None]
    lines = {each["rtp"]: each["at_ms"] - round(each["rtp"] / 90) for each in found}
    shown = []
    for frame in watcher.frames(value):
        before = [rtp for rtp in lines if rtp <= frame["rtp"]]
        after = [rtp for rtp in lines if rtp >= frame["rtp"]]
        if not before or not after or abs(lines[max(before)] - lines[min(after)]) > 2:
            continue  # time was passed over between the two
        assert abs(frame["number"] - lines[max(before)] - frame["rtp"] / 90) <= 3, frame
        shown.append(frame)
    return shown


@pytest.mark.parametrize("place", ["midnight", "the day of UTC", "forward", "back", "reconnect", "size", "gap"])
def test_webrtc_plays_across_it_as_well(watcher: Watcher, past: Recorded, place: str) -> None:
    at_ms = past.places[place]
    on_ms = at_ms + {"reconnect": RECONNECT_MS, "gap": GAP_MS}.get(place, 0)
    result = watcher.say(at_ms=at_ms - BEFORE_MS)
    until(lambda: any(each["number"] >= on_ms + AFTER_MS for each in watcher.frames(result)), 60, "what is behind it")
    until(lambda: watcher.told(result)[-1]["at_ms"] >= on_ms + AFTER_MS, 60, "to be told of it")
    clocks = {each["number"] for each in taken_as_told(watcher, result)}
    assert len([clock for clock in clocks if at_ms - BEFORE_MS <= clock < at_ms]) >= 3
    assert len([clock for clock in clocks if clock >= on_ms]) >= 3
    gaps = [each["gap"] for each in watcher.told(result) if "gap" in each]
    assert [gap["words"] for gap in gaps] == (["Wi-Fi lost"] if place == "gap" else gaps and ["Nothing recorded"])


def test_webrtc_says_what_it_cannot_carry_and_goes_on_from_elsewhere(watcher: Watcher, past: Recorded) -> None:
    at_ms = past.places["codec"]
    result = watcher.say(at_ms=at_ms - BEFORE_MS)
    until(lambda: any("error" in each for each in watcher.told(result)), 60, "to be told")
    assert taken_as_told(watcher, result)
    assert "H265" in next(each["error"] for each in watcher.told(result) if "error" in each)
    result = watcher.say(at_ms=at_ms + 4_000)
    until(lambda: any(each["number"] >= at_ms + 4_000 for each in watcher.frames(result)), 60, "what is behind it")
    until(lambda: len(taken_as_told(watcher, result)) >= 3, 60, "to be told of it")

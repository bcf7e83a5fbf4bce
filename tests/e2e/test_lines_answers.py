"""Promises of Health and of modes (H1, H4, H6, M3, M4) as their pages keep them: on a phone and a computer, in both
themes, in the recorder's zone and not the browser's.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tawny.api.auth.accounts import Caller, Role
from tawny.model.ids import CameraId
from tawny.model.segments import GAP_WORDS, Gap, GapReason
from tawny.model.times import SystemClock
from tests.app.rig import settings
from tests.e2e.clocked_archive import record
from tests.e2e.live_server import LiveServer, live_server, signed_browser
from tests.events.test_next_change import CASES, ms

pytestmark = pytest.mark.browser
BERLIN = ZoneInfo("Europe/Berlin")
SETTINGS = """
[cameras.door]
name = "Front door"
source = "rtsp://127.0.0.1:9/none"
[cameras.hall]
name = "Hall"
source = "demo:hall"
demo = { small = true, quiet = true }
detection.detector = "off"
"""
DOOR = CameraId("door")
FILE_MS, GAP_MS = 4_000, 20_000
REASONS = ("unreachable", "auth", "disk_full", "privacy")
SEEN = [((1280, 800), "dark"), ((390, 844), "light")]
Scheme = Literal["dark", "light"]


@dataclass(frozen=True)
class House:
    served: LiveServer
    zone: ZoneInfo
    gaps: tuple[Gap, ...]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """What is missing today at the front door, each part with another reason. There it is about noon."""
    folder: Path = tmp_path_factory.mktemp("answers")
    now_ms = SystemClock().now_ms() // 1000 * 1000
    zone = ZoneInfo(f"Etc/GMT{datetime.fromtimestamp(now_ms / 1000, ZoneInfo('UTC')).hour - 12:+d}")
    starts = [now_ms - 600_000 + (FILE_MS + GAP_MS) * number for number in range(len(REASONS) + 1)]
    for start_ms in starts:
        record(folder, DOOR, start_ms, FILE_MS / 1000)
    gaps = tuple(
        Gap(DOOR, start_ms + FILE_MS, start_ms + FILE_MS + GAP_MS, GapReason(reason))
        for start_ms, reason in zip(starts, REASONS, strict=False)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone.key)
        with live_server(settings(SETTINGS), folder) as served:
            for gap in gaps:
                served.bench.running.index.put_gap(gap)
            yield House(served, zone, gaps)


@contextmanager
def opened(browser: Browser, served: LiveServer, size: tuple[int, int], scheme: Scheme) -> Iterator[Page]:
    """An owner's page; their browser thinks that it is elsewhere."""
    accounts = served.accounts
    session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    how: dict[str, Any] = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
    with signed_browser(browser, session, **how, locale="en-GB", timezone_id="America/New_York") as context:
        page = context.new_page()
        yield page
        page.unroute_all(behavior="ignoreErrors")  # what a route still answers comes too late for the page


def fits(page: Page, wide: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= wide


@pytest.mark.parametrize(("size", "scheme"), SEEN)
def test_h1_h4_the_share_is_that_of_the_fixture_and_every_gap_says_why(
    browser: Browser, house: House, size: tuple[int, int], scheme: Scheme
) -> None:
    with opened(browser, house.served, size, scheme) as page:
        page.goto(f"{house.served.base}/health")
        row = page.get_by_role("row").filter(has_text="Front door")
        expect(row.locator(".today-share")).to_contain_text("%")
        at_ms = SystemClock().now_ms()
        shown = float(row.locator(".today-share").inner_text().rstrip("%"))
        # What privacy left out was not wanted; since the last file the camera has not answered.
        began = house.gaps[0].begin_ms - FILE_MS
        wanted_ms = at_ms - began - GAP_MS
        missing_ms = wanted_ms - (len(REASONS) + 1) * FILE_MS
        drift = 100 * (len(REASONS) + 1) * FILE_MS * 30_000 / wanted_ms**2  # of the half minute between two answers
        assert shown == pytest.approx(100 * (wanted_ms - missing_ms) / wanted_ms, abs=0.1 + drift)
        for gap in house.gaps:
            result = page.locator(".gap").filter(has_text=GAP_WORDS[gap.reason].replace("'", "’"))
            expect(result.first).to_be_visible()
            at = datetime.fromtimestamp(gap.begin_ms / 1000, house.zone)
            expect(result.filter(has_text=f"{at:%H:%M}").first).to_be_visible()
        rows = page.locator(".gap").all_inner_texts()
        assert rows
        assert all(re.search(r"– \w+", row) for row in rows), rows
        assert not any("undefined" in row for row in rows)
        fits(page, size[0])


@pytest.mark.parametrize(("size", "scheme"), SEEN)
def test_h6_a_privacy_pause_leaves_the_chip_as_calm_as_it_was(
    browser: Browser, house: House, size: tuple[int, int], scheme: Scheme
) -> None:
    """The other camera is known to be away: only the pause is new."""
    with opened(browser, house.served, size, scheme) as page:
        page.goto(f"{house.served.base}/health")
        chip = page.locator("a.truth")
        expect(chip).to_have_attribute("aria-label", re.compile("^1 of 2 cameras working, 1 needs attention"))
        expect(page.get_by_role("row").filter(has_text="Hall")).to_be_visible()  # its cards come with it
        cards = page.locator(".card.fix").count()
        sent = {"X-Tawny": "1", "Origin": house.served.base}
        order = {"command": "pause", "camera": "hall", "for": 600}
        assert page.request.post(f"{house.served.base}/api/v1/orders", data=order, headers=sent).ok
        expect(chip).to_have_attribute("aria-label", re.compile("1 paused"))
        row = page.get_by_role("row").filter(has_text="Hall")
        expect(row).to_contain_text(re.compile("private|paused", re.IGNORECASE))
        assert page.locator(".card.fix").count() == cards, "no card about it"
        order = {"command": "resume", "camera": "hall"}
        assert page.request.post(f"{house.served.base}/api/v1/orders", data=order, headers=sent).ok
        expect(chip).not_to_have_attribute("aria-label", re.compile("paused"))


@pytest.fixture(scope="module")
def berlin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A recorder whose clocks are set forward and back, without cameras."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", BERLIN.key)
        with live_server(settings(""), tmp_path_factory.mktemp("berlin")) as served:
            yield served


@pytest.mark.parametrize(("case", "size", "scheme"), [("spring", *SEEN[0]), ("autumn", *SEEN[1])])
def test_m3_m4_the_next_change_is_said_in_local_time_on_both_sides_of_a_clock_change(
    browser: Browser, berlin: LiveServer, case: str, size: tuple[int, int], scheme: Scheme
) -> None:
    """The week's changes of that table as the recorder would answer on each day: it counts them by a clock in
    `tests/events/test_next_change.py`.
    """
    _, table, _ = CASES[case]
    changes = [(ms(at), mode) for at, mode in table]
    shown: dict[str, Any] = {}

    def answered(route: Route) -> None:
        data = route.fetch().json()
        ahead = [{"at_ms": at_ms, "mode": mode} for at_ms, mode in shown["ahead"]]
        route.fulfill(json={**data, "mode": shown["mode"], "by": "schedule", "is_by_hand": False, "ahead": ahead})

    with opened(browser, berlin, size, scheme) as page:
        page.route("**/api/v1/modes", answered)
        for number, (_, before) in enumerate(changes[:6], 1):
            shown |= {"mode": before, "ahead": changes[number:]}
            page.goto(f"{berlin.base}/settings/modes")
            at_ms, mode = changes[number]
            local = datetime.fromtimestamp(at_ms / 1000, BERLIN)
            text = rf"^{before.title()} until .*\b{local.day} {local:%b}.*{local:%H:%M}, then {mode.title()}$"
            expect(page.locator("#now-title")).to_have_text(re.compile(text))
            fits(page, size[0])

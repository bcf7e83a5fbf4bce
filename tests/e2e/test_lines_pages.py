"""Promises of storage and people (R1 to R6, P1, P4, P5) as their pages keep them."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.waiting import until
from tests.e2e.clocked_archive import record
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.e2e.test_visits import happens, send, told

pytestmark = pytest.mark.browser
SETTINGS = """
[storage.retention]
min = "1 day"
max = "30 days"
[cameras.front]
name = "Front door"
source = "demo:front"
[cameras.yard]
name = "Yard"
source = "rtsp://127.0.0.1:9/none"
"""
DAY_MS = 86_400_000


KEPT_DAYS = 5
FORMER = {"front": (3, 4, KEPT_DAYS), "yard": (6, 7)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """It recorded some days ago, too. What the front door recorded five days ago is of a kept event, and what the yard
    recorded a week ago is of one that is not.
    """
    folder = tmp_path_factory.mktemp("pages")
    now_ms = SystemClock().now_ms()
    for camera, each in FORMER.items():
        for days in each:
            record(folder / "data", CameraId(camera), now_ms - days * DAY_MS, 4)
    chosen, problems = parse_settings(SETTINGS, {})
    assert chosen is not None, problems
    running = RecorderRuntime.open(chosen, folder / "data", SystemClock(), PluginRegistry.opened())
    for camera, days, kept in (("front", KEPT_DAYS, True), ("yard", 7, False)):
        begin_ms = now_ms - days * DAY_MS
        event = Event(new_event_id(begin_ms), CameraId(camera), "person", begin_ms, begin_ms + 4_000, 60.0)
        running.parts.storage.marks.put_event(replace(event, kept=kept))
    running.close("person")
    yield from with_settings(folder, SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    made = owner.new_page()
    yield made
    made.close()


def former(house: Tawny, camera: str = "front") -> list[Path]:
    """The recordings of former days, the oldest first; their folders may be deleted while this looks."""
    before = datetime.fromtimestamp(SystemClock().now_ms() / 1000 - 2 * 86_400, UTC)
    named = (Path(folder, name) for folder, _, names in os.walk(house.folder / camera) for name in names)
    return sorted(one for one in named if one.suffix == ".mp4" and one.name[:8] <= before.strftime("%Y%m%d"))


def test_r5_quiet_time_goes_first_and_recording_goes_on(page: Page, house: Tawny) -> None:
    """The yard has room for one of its two files: that of the event stays, though it is the older one."""
    of_event, _ = former(house, "yard")
    until(lambda: "recording" in states(page, house).values(), 60, "recording")
    page.goto(f"{house.base}/settings/storage")
    page.get_by_role("button", name="Edit retention for Yard").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Space limit", exact=True).fill(f"{of_event.stat().st_size + 500} B")
    sheet.get_by_role("button", name="Done").click()
    page.get_by_role("button", name=re.compile("^Save and delete .* now$")).click()
    until(lambda: former(house, "yard") == [of_event], 60, "the quiet one is deleted")
    expect(page.locator("a.truth")).to_have_attribute("aria-label", re.compile("^1 of 2 cameras working"))


def states(page: Page, house: Tawny) -> dict[str, str]:
    told = page.request.get(f"{house.base}/api/v1/health").json()
    return {one["id"]: one["state"] for one in told["cameras"]}


@pytest.mark.parametrize(("size", "scheme"), [((1280, 800), "dark"), ((390, 844), "light")])
def test_r6_the_page_says_which_of_two_wins_and_refuses_what_contradicts_itself(
    page: Page, house: Tawny, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{house.base}/settings/storage")
    asked = page.get_by_role("region", name="Retention", exact=True)
    expect(asked).to_contain_text("minimum free space wins, then maximum retention, then the space limit")
    asked.get_by_label("Minimum retention", exact=True).fill("40 days")
    result = asked.get_by_role("status")
    expect(result).to_contain_text(re.compile("maximum|`max`|longer", re.IGNORECASE))
    expect(asked.get_by_role("button", name=re.compile("^Save"))).to_be_disabled()
    box = result.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0], "the whole sentence is in sight"


def test_r4_how_far_back_video_will_go_is_shown_as_the_recorder_forecasts_it(page: Page, house: Tawny) -> None:
    """The forecast itself is held to a simulated fill in `tests/service/retention/test_forecast.py`."""
    forecast_days = 12.4

    def forecast(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["outlook"] = f"Video goes back about {int(forecast_days)} days."
        for one in told["cameras"]:
            one |= {"fits_s": forecast_days * 86_400, "day_bytes": 44_000_000_000, "promised_s": 86_400}
        route.fulfill(response=answer, json={**told, "fits": True})

    page.route("**/api/v1/retention", forecast)
    page.goto(f"{house.base}/settings/storage")
    row = page.get_by_role("row").filter(has_text="Front door")
    expect(row).to_contain_text("44 GB")
    shown = re.search(r"(\d+) days", row.locator(".promises-fits").inner_text())
    assert shown
    assert 0.9 * forecast_days <= int(shown[1]) <= forecast_days, "within a tenth, and never more than is forecast"
    expect(page.get_by_text("Video goes back about 12 days.")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_r1_r2_r3_less_time_shows_the_amount_before_saving_and_removes_just_that(page: Page, house: Tawny) -> None:
    kept, *old = former(house)
    assert len(old) == 2
    gone = [*old, *former(house, "yard")]
    amount = f"{sum(one.stat().st_size for one in gone) / 1000:.3g} kB"
    page.goto(f"{house.base}/settings/storage")
    page.get_by_label("Maximum retention", exact=True).fill("2 days")
    expect(page.get_by_text(f"Would delete {amount} now ({len(gone)} files).")).to_be_visible()
    assert former(house) == [kept, *old]
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_label("Maximum retention", exact=True)).to_have_value("30 days")
    page.get_by_label("Maximum retention", exact=True).fill("2 days")
    page.get_by_role("button", name=f"Save and delete {amount} now").click()
    until(lambda: former(house) == [kept], 60, "both are deleted, and what is kept is not")
    until(lambda: not former(house, "yard"), 60, "so is what the other camera has")
    page.goto(f"{house.base}/events?only=kept")
    expect(page.locator("[data-visit]")).to_have_count(1)
    assert list((house.folder / "front").rglob("*.mp4")), "and nothing of today"


def test_p4_every_share_deletion_mask_and_change_of_role_is_in_the_log(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    until(lambda: told(owner, house, "health")["working"] == 1, 60, "recording")
    (event,) = happens(owner, house, ("front", "person"))
    until(lambda: told(owner, house, f"events/{event}")["end_ms"], 60, "its end")
    began = told(owner, house, f"events/{event}")["start_ms"]
    span = {"camera": "front", "from_ms": began - 2_000, "to_ms": began + 1_000}
    send(owner, house, "post", "shares", {**span, "lasts_s": 3600})
    watching = told(owner, house, "cameras/front/watching")
    mask = [[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]]
    wanted = {"watch": {**watching["watch"], "private": mask}, "version": watching["version"]}
    send(owner, house, "put", "cameras/front/watching", wanted)
    ben = send(owner, house, "post", "people", {"name": "Ben", "role": "viewer"})["person"]
    send(owner, house, "patch", f"people/{ben['id']}", {"role": "member"})
    page.goto(f"{house.base}/events/{event}?only=all")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
    page.goto(f"{house.base}/settings/people")
    log = page.get_by_role("region", name="Access log")
    log.get_by_role("button", name="Everything", exact=True).click()
    for what in ("shared: ", "privacy_masks", "user changed: Ben: viewer -> member", "recordings deleted: "):
        row = log.get_by_role("listitem").filter(has_text=what)
        expect(row.first).to_be_visible()
        expect(row.first).to_contain_text("Anna")


def test_p1_a_guest_of_one_camera_finds_nothing_of_another(browser: Browser, page: Page, house: Tawny) -> None:
    """On a phone, as guests have one."""
    headers = {**OURS, "Origin": house.base}
    asked = {"name": "Cem", "role": "guest", "cameras": ["front"], "ends_ms": SystemClock().now_ms() + DAY_MS}
    made = page.request.post(f"{house.base}/api/v1/people", data=asked, headers=headers)
    assert made.ok, made.text()
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    there = context.new_page()
    there.goto(urljoin(house.base, made.json()["link"]))
    expect(there.locator(".tile[data-camera]")).to_have_count(1)
    expect(there.locator('.tile[data-camera="front"]')).to_have_count(1)
    there.goto(f"{house.base}/live/yard")
    expect(there.get_by_text("This camera doesn’t exist.")).to_be_visible()
    there.goto(f"{house.base}/timeline?cam=yard")
    expect(there.locator("a.truth")).to_be_visible()
    assert "Yard" not in there.locator("body").inner_text()
    there.goto(f"{house.base}/events?only=all")
    expect(there.locator("h1")).to_have_text("Events")
    expect(there.locator("[data-visit]").filter(has_text="Yard")).to_have_count(0)
    at_ms = SystemClock().now_ms() - 7 * DAY_MS + 1_000
    for path in (f"cameras/yard/frame?at_ms={at_ms}", "cameras/yard/snapshot", "cameras/yard/hls/index.m3u8"):
        assert context.request.get(f"{house.base}/api/v1/{path}").status == 404
    context.close()


def test_p5_five_wrong_passwords_cost_half_a_minute(page: Page, browser: Browser, house: Tawny) -> None:
    context = browser.new_context(locale="en-GB")
    there = context.new_page()
    there.goto(f"{house.base}/sign-in")
    there.get_by_label("Name").fill("Anna")
    for _ in range(5):
        there.get_by_label("Password", exact=True).fill("wrong horse battery")
        there.get_by_role("button", name="Sign in", exact=True).click()
        expect(there.get_by_role("alert")).to_be_visible()
        expect(there.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
    there.get_by_label("Password", exact=True).fill("correct horse battery")
    there.get_by_role("button", name="Sign in", exact=True).click()
    expect(there.get_by_text(re.compile(r"Try again in (30|2\d) s"))).to_be_visible()
    page.goto(f"{house.base}/settings/people")
    log = page.get_by_role("region", name="Access log")
    log.get_by_role("button", name="Refused", exact=True).click()
    expect(log.get_by_role("listitem").first).to_contain_text("Anna")
    context.close()

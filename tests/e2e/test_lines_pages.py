"""Promises of storage and people (R1, R2, P4, P5) as their pages keep them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.testing.waiting import until
from tests.e2e.clocked_archive import record
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.test_visits import happens, send, told

pytestmark = pytest.mark.browser
SETTINGS = """
[storage.retention]
min = "1 day"
max = "30 days"
[cameras.front]
name = "Front door"
source = "demo:front"
"""
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """It recorded three and four days ago, too."""
    folder = tmp_path_factory.mktemp("pages")
    for days in (3, 4):
        record(folder / "data", CameraId("front"), SystemClock().now_ms() - days * DAY_MS, 4)
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


def former(house: Tawny) -> list[Path]:
    """The recordings of former days."""
    before = datetime.fromtimestamp(SystemClock().now_ms() / 1000 - 2 * 86_400, UTC)
    names = [(one, one.name[:8]) for one in (house.folder / "front").rglob("*.mp4")]
    return sorted(one for one, day in names if day <= before.strftime("%Y%m%d"))


def test_r1_r2_less_time_shows_the_amount_before_saving_and_removes_just_that(page: Page, house: Tawny) -> None:
    gone = former(house)
    assert len(gone) == 2
    amount = f"{sum(one.stat().st_size for one in gone) / 1000:.1f} kB"
    page.goto(f"{house.base}/settings/storage")
    page.get_by_label("Maximum retention", exact=True).fill("2 days")
    expect(page.get_by_text(f"Would delete {amount} now (2 files).")).to_be_visible()
    assert former(house) == gone
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_label("Maximum retention", exact=True)).to_have_value("30 days")
    page.get_by_label("Maximum retention", exact=True).fill("2 days")
    page.get_by_role("button", name=f"Save and delete {amount} now").click()
    until(lambda: not former(house), 60, "both are deleted")
    assert list((house.folder / "front").rglob("*.mp4")), "and nothing of today"


def test_p4_every_share_deletion_mask_and_change_of_role_is_in_the_log(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    until(lambda: told(owner, house, "health")["cameras"][0]["state"] == "recording", 60, "recording")
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
    for what in ("shared: ", "privacy_masks", "user changed: Ben: member", "recordings deleted: "):
        row = log.get_by_role("listitem").filter(has_text=what)
        expect(row.first).to_be_visible()
        expect(row.first).to_contain_text("Anna")


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

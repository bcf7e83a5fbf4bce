"""In the interface somebody adds a place for uploads and somebody to tell, tries both, changes one and removes it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

FILE = '# ours\n[cameras.front]\nsource = "demo:front"   # the door\npost = "1 s"\n'
PATH = "/settings/notifications"
SECRET = "pLantedT0ken"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("house"), FILE)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1200)
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    page = owner.new_page()
    page.goto(house.base + PATH)
    page.get_by_role("button", name="Add upload destination").wait_for(timeout=60_000)
    yield page
    page.close()


@pytest.mark.parametrize(
    ("former", "present"),
    [("/settings/messages", PATH), ("/settings/sealed?begin", "/settings/encryption?begin")],
)
def test_a_bookmark_of_a_former_page_goes_on(owner: BrowserContext, house: Tawny, former: str, present: str) -> None:
    page = owner.new_page()
    page.goto(house.base + former)
    page.wait_for_url(house.base + present, timeout=60_000)
    page.get_by_role("heading", level=1).wait_for()
    page.close()


def test_u1_a_place_is_added_tried_changed_and_removed(page: Page, house: Tawny, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    file = house.folder.parent / "tawny.toml"
    page.get_by_role("button", name="Add upload destination").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Another tawny")).to_be_visible()
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name="Folder").click()
    sheet.get_by_label("Name", exact=True).fill("Anna's NAS")
    sheet.get_by_label("Folder", exact=True).fill(str(tmp_path / "wrong"))
    sheet.get_by_role("button", name="Send test").click()
    expect(sheet.get_by_role("status")).to_contain_text("the folder doesn't exist")
    sheet.get_by_label("Folder", exact=True).fill(str(tmp_path / "nas"))
    sheet.get_by_role("button", name="Send test").click()
    expect(sheet.get_by_role("status")).to_contain_text("Deleted it")
    sheet.get_by_role("button", name="Save").click()
    card = page.get_by_role("article", name="anna-s-nas")
    expect(card).to_contain_text("unencrypted images and video")
    assert file.read_text().startswith(FILE)
    assert f'url = "folder:{tmp_path}/nas"' in file.read_text()

    until(lambda: list((tmp_path / "nas").rglob("*.jpg")), 90, "a picture, without a restart")

    card.get_by_role("button", name="Edit").click()
    sheet.get_by_label("Delete from the destination after").fill("90 days")
    sheet.get_by_label("Or at these minutes past the hour").fill("5, 35")
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    assert 'minutes = [5, 35]\nretention = "90 days"' in file.read_text()

    card.get_by_role("button", name="Edit").click()
    sheet.get_by_role("button", name="Remove", exact=True).click()
    sheet.get_by_role("alert").get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    assert "anna-s-nas" not in file.read_text()


def test_u3_somebody_is_told_and_the_token_is_never_shown_again(page: Page, house: Tawny) -> None:
    with served(StandIn()) as service:
        page.get_by_role("button", name="Add notification channel").click()
        sheet = page.get_by_role("dialog")
        expect(sheet).to_contain_text("Shows snapshots, clips and buttons")
        sheet.get_by_role("button", name="Webhook For a program").click()
        expect(sheet.get_by_label("Name", exact=True)).to_be_focused()
        sheet.get_by_label("Name", exact=True).fill("hook")
        sheet.get_by_label("Address", exact=True).fill(f"{service.base}/{SECRET}")
        sheet.get_by_role("button", name="Send test").click()
        expect(sheet.get_by_role("status")).to_contain_text("Notification sent")
        assert service.last.json["type"] == "message.test"
        sheet.get_by_role("button", name="Save").click()
        card = page.get_by_role("article", name="hook")
        expect(card).to_be_visible()
        secrets = house.folder.parent / "secrets.toml"
        assert SECRET in secrets.read_text()
        assert SECRET not in (house.folder.parent / "tawny.toml").read_text()
        card.get_by_role("button", name="Edit").click()
        quiet = _hours_away()
        sheet.get_by_label("Quiet hours", exact=True).fill(quiet)
        sheet.get_by_role("button", name="Save").click()
        expect(sheet).to_have_count(0)
        assert SECRET not in page.content()
        text = page.request.get(f"{house.base}/api/v1/targets/hook/settings").text()
        assert (SECRET in text, quiet in text) == (False, True)
        until(lambda: any(one.json["type"] == "message.event" for one in service.asked), 90, "an event that is told")


def _hours_away() -> str:
    """Quiet hours that are not now, whenever this runs."""
    hour = time.localtime().tm_hour
    return f"{(hour + 6) % 24:02}:00-{(hour + 8) % 24:02}:30"

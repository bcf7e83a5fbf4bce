"""A hub copies what a house records; the house is lost, and its recordings play on the hub's pages."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.test_fleet import OURS, PLAYS, SETTINGS, command

pytestmark = pytest.mark.browser
HUB = '[hub]\nenabled = true\n[[hub.copies]]\nrecorder = "beach"\nmax = "2 days"\n[web]\nname = "Our houses"\n'
ALLOW = "health,events,live,clips,copies"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    with contextmanager(with_settings)(tmp_path_factory.mktemp("hub"), HUB) as made:
        yield made


@pytest.fixture(scope="module")
def owner(browser: Browser, hub: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, hub, 1280)
    yield context
    context.close()


def copies(owner: BrowserContext, hub: Tawny) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.request.get(f"{hub.base}/api/v1/fleet/copies").json()["copies"]
    return found


@pytest.fixture(scope="module")
def lost(hub: Tawny, owner: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house that recorded, was copied, and is gone."""
    folder = tmp_path_factory.mktemp("beach")
    with ExitStack() as first:
        first.enter_context(contextmanager(with_settings)(folder, SETTINGS.format(name="beach")))
        link = command(hub.folder.parent, "hub", "link")["link"]
        command(folder, "fleet", "join", link, "--allow", ALLOW)
        until(lambda: any((folder / "data" / "front").rglob("*.open.mp4")), 30, "something to be recorded")
    with ExitStack() as second:  # the end of the first run has closed its files
        text = (folder / "tawny.toml").read_text()
        second.enter_context(contextmanager(with_settings)(folder, text))
        until(lambda: sum(one["files"] for one in copies(owner, hub)) >= 2, 60, "both streams to be copied")
    until(lambda: not owner.request.get(f"{hub.base}/boxes/beach/api/v1/live/clock").ok, 30, "the house to be offline")
    return folder


@pytest.mark.shows("SC24")
def test_the_page_says_what_is_copied(hub: Tawny, owner: BrowserContext, lost: Path) -> None:
    page = owner.new_page()
    page.goto(f"{hub.base}/recorders")
    row = page.locator('[data-copies="beach"]')
    expect(row.get_by_text("Every copy was verified when it arrived.")).to_be_visible()
    row.get_by_role("link", name="Show copies: beach").click()
    expect(page).to_have_url(re.compile("/boxes/beach--copies/timeline"))
    plays(page, hub, owner)
    page.close()


def plays(page: Page, hub: Tawny, owner: BrowserContext) -> None:
    """Play the oldest copy in the timeline."""
    [copy] = copies(owner, hub)
    page.goto(page.url.partition("/timeline")[0] + f"/timeline?cam=front&t={copy['from_ms'] / 1000 + 0.5:.2f}&span=120")
    page.wait_for_function(PLAYS, arg="video", timeout=60_000)


@pytest.mark.shows("SC24")
def test_the_address_of_a_lost_house_shows_its_copies(hub: Tawny, owner: BrowserContext, lost: Path) -> None:
    page = owner.new_page()
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status in (404, 500) else None)
    page.goto(f"{hub.base}/boxes/beach/timeline")
    page.locator("canvas[data-t0]").first.wait_for()
    plays(page, hub, owner)
    assert not failed
    page.close()


def test_copies_are_checked_by_the_command_of_the_guide(hub: Tawny, owner: BrowserContext, lost: Path) -> None:
    """What the house stated and nobody copied is missing; everything else would be a change."""
    line = [str(Path(sys.executable).with_name("tawny")), "check", "--deep", "--json", "--data"]
    files = hub.folder / "copies" / "beach" / "files"
    done = subprocess.run([*line, str(files)], capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    data = json.loads(done.stdout)
    assert data["segments"] >= 2
    assert [one for one in data["findings"] if not one["what"].startswith("missing")] == []


def test_the_owner_deletes_copies(hub: Tawny, owner: BrowserContext, lost: Path) -> None:
    gone = owner.request.delete(f"{hub.base}/api/v1/fleet/copies/beach", headers={**OURS, "Origin": hub.base})
    assert gone.status == 204
    assert not (hub.folder / "copies" / "beach").exists()
    assert owner.request.get(f"{hub.base}/boxes/beach/api/v1/timeline?from_ms=0&to_ms=1000").status == 503

"""Joining a hub from the recorder's own page: by the link, by its QR code before a camera, and leaving again."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, barriers
from tests.fleet.codes import film

pytestmark = pytest.mark.browser
SHED = '[web]\nname = "Shed"\n[cameras.gate]\nname = "Gate"\nsource = "file:{film}"\nfile.loop = true\n'
SHED += 'detection.detector = "off"\n'


@dataclass
class Pair:
    """A hub with its owner, a recorder with its owner, and a film of the link's QR code before the latter's camera."""

    hub: Tawny
    box: Tawny
    at_hub: BrowserContext
    at_box: BrowserContext
    film: Path

    def new_link(self) -> str:
        return new_link(self.at_hub, self.hub)

    def boxes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.at_hub.request.get(f"{self.hub.base}/api/v1/fleet").json()["boxes"]
        return found


def new_link(at_hub: BrowserContext, hub: Tawny) -> str:
    made = at_hub.request.post(f"{hub.base}/api/v1/fleet/invitations", headers={**OURS, "Origin": hub.base})
    link: str = made.json()["links"][0]
    return link


@pytest.fixture(scope="module")
def pair(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("hub", "box")}
    with ExitStack() as stack:
        hub_settings = '[hub]\nenabled = true\n[web]\nname = "Our houses"\n'
        hub = stack.enter_context(contextmanager(with_settings)(folders["hub"], hub_settings))
        at_hub = owner_of(browser, hub, 1280)
        stack.callback(at_hub.close)
        shown = folders["box"] / "code.mp4"
        film(shown, new_link(at_hub, hub))
        box = stack.enter_context(contextmanager(with_settings)(folders["box"], SHED.format(film=shown)))
        at_box = owner_of(browser, box, 390)
        stack.callback(at_box.close)
        yield Pair(hub, box, at_hub, at_box, shown)


@pytest.fixture
def page(pair: Pair) -> Iterator[Page]:
    opened = pair.at_box.new_page()
    opened.goto(f"{pair.box.base}/settings/hub")
    yield opened
    opened.close()


def joined(page: Page) -> None:
    words = page.locator(".hub-words").inner_text()
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.locator('[data-hub-state="online"]')).to_be_visible()
    expect(page.locator(".hub-words")).to_have_text(words)


def left(page: Page, pair: Pair) -> None:
    page.get_by_role("button", name="Leave the hub…").click()
    page.get_by_role("button", name="Leave now").click()
    expect(page.get_by_role("heading", name="Show this recorder on a hub")).to_be_visible()
    until(lambda: pair.boxes() == [], 10, "the hub to forget it")


@pytest.mark.shows("SC4")
def test_sc4_a_recorder_joins_by_the_code_before_its_camera(pair: Pair, page: Page) -> None:
    page.get_by_role("button", name="Hold the code before Gate").click()
    expect(page.get_by_role("heading", name="Join this hub?")).to_be_visible()
    expect(page.get_by_text(pair.hub.base)).to_be_visible()
    joined(page)
    left(page, pair)


@pytest.mark.shows("SC3")
def test_a_recorder_joins_by_the_pasted_link_and_leaves(pair: Pair, page: Page) -> None:
    axe = axe_script()
    assert not any(barriers(page, axe).values())
    page.get_by_label("Link from the hub").fill(pair.new_link())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Join this hub?")).to_be_visible()
    assert not any(barriers(page, axe).values())
    page.get_by_label("play and save recordings").uncheck()
    joined(page)
    [row] = pair.boxes()
    assert row["words"] == page.locator(".hub-words").inner_text()
    assert row["allow"] == ["health", "events", "live"]
    assert not any(barriers(page, axe).values())
    page.get_by_label("watch live video").uncheck()
    until(lambda: pair.boxes()[0]["allow"] == ["health", "events"], 20, "the hub to know the change")
    at_hub = pair.at_hub.new_page()
    at_hub.goto(f"{pair.hub.base}/recorders")
    at_hub.get_by_role("button", name="Details").click()
    assert not any(barriers(at_hub, axe).values())
    at_hub.close()
    pair.at_hub.request.delete(f"{pair.hub.base}/api/v1/fleet/boxes/shed", headers={**OURS, "Origin": pair.hub.base})
    expect(page.locator('[data-hub-state="refused"]')).to_be_visible()
    expect(page.get_by_text(re.compile("this recorder isn.t known there", re.IGNORECASE))).to_be_visible()
    left(page, pair)


def test_a_link_that_is_none_says_so(page: Page) -> None:
    page.get_by_label("Link from the hub").fill("https://example.org/")
    page.get_by_role("button", name="Continue").click()
    expect(
        page.get_by_text("This isn’t a link of a hub or a standby").or_(page.get_by_text("This isn't a link"))
    ).to_be_visible()

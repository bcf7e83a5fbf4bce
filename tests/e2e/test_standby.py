"""Two recorders and their pages: one becomes the standby of the other by a link, takes over, and is ended."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import LINK, SMALL_DEMO, Tawny, owner_of
from tests.e2e.rules import axe_script, unfit
from tests.support.ports import free_port
from tests.support.standby_rig import Recorder

pytestmark = pytest.mark.browser
HOUSE = """[cameras.front]
name = "Front door"
source = "demo:front"
detection.detector = "off"
[cameras.hall]
name = "Hall"
source = "demo:hall"
detection.detector = "off"
record = "off"
[modes]
home.cameras.front = { privacy = true }
presence.people = { anna = {} }
"""


@dataclass
class Pair:
    """Two recorders, each with its owner's browser on the page Settings, Standby."""

    house: Recorder
    shed: Recorder
    at_house: Page
    at_shed: Page

    def new_link(self) -> str:
        """Let the standby's page make a link, and leave the sheet open."""
        self.at_shed.get_by_role("button", name="Create a link").click()
        link = self.at_shed.get_by_role("dialog").locator("pre").first
        expect(link).to_contain_text("/join#standby.")
        return link.inner_text()

    def choose(self, link: str) -> None:
        self.at_house.get_by_label("Link from the standby").fill(link)
        self.at_house.get_by_role("button", name="Continue").click()
        expect(self.at_house.get_by_role("heading", name="Choose this standby?")).to_be_visible()


@pytest.fixture
def pair(browser: Browser, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        made = []
        for name, cameras, width in (("House", HOUSE, 1280), ("Shed", "", 390)):
            program = (sys.executable, "-P", str(SMALL_DEMO))
            one = Recorder(name, tmp_path / name.lower(), "127.0.0.1", free_port(), program=program)
            one.configure(cameras)
            one.start()
            stack.callback(one.stop)
            found = LINK.search(one.log)
            assert found, one.log
            assert one.process is not None
            context = owner_of(browser, Tawny(one.process, one.data, found[0], found[1]), width)
            stack.callback(context.close)
            page = context.new_page()
            page.goto(f"{found[1]}/settings/standby")
            made.append((one, page))
        (house, at_house), (shed, at_shed) = made
        yield Pair(house, shed, at_house, at_shed)


def four_words(page: Page) -> str:
    return page.locator(".sb-words").first.inner_text()


def test_a_standby_is_chosen_takes_over_and_is_ended_by_its_pages(pair: Pair) -> None:
    at_house, at_shed, axe = pair.at_house, pair.at_shed, axe_script()
    at_house.get_by_label("Link from the standby").fill("https://example.org/")
    at_house.get_by_role("button", name="Continue").click()
    expect(at_house.get_by_role("alert")).to_contain_text("This isn't a link of a hub or a standby")
    assert unfit(at_house, axe) == []

    link = pair.new_link()
    expect(at_shed.get_by_role("img", name="QR code of the link")).to_be_visible()
    expect(at_shed.get_by_text("The link works once.")).to_contain_text("min")
    assert unfit(at_shed, axe) == []
    pair.choose(link)
    expect(at_house.get_by_text("Hall: it is not recorded by its settings")).to_be_visible()
    expect(at_house.get_by_text("If presence begins “Home”")).to_be_visible()
    assert unfit(at_house, axe) == []
    words = four_words(at_house)
    at_house.get_by_role("button", name="Choose it").click()
    expect(at_shed.get_by_role("dialog", name="House is protected now")).to_contain_text(words)
    at_shed.get_by_role("button", name="They are the same").click()
    assert four_words(at_shed) == four_words(at_house) == words
    for page in (at_house, at_shed):
        expect(page.get_by_role("status").filter(has_text="3 seconds")).to_be_visible()
        expect(page.get_by_text("1 of 2 would be taken over now")).to_be_visible()
        assert unfit(page, axe) == []

    pair.house.kill()
    expect(at_shed.get_by_text("Recorded here")).to_be_visible()
    expect(at_shed.get_by_role("link", name="Front door")).to_be_visible()
    expect(at_shed.get_by_text(re.compile(r"s without recording"))).to_be_visible()
    assert unfit(at_shed, axe) == []
    pair.house.start()
    for page in (at_house, at_shed):
        expect(page.locator('[data-handing="handed"]')).to_contain_text("s without recording")
        assert unfit(page, axe) == []

    at_house.get_by_role("button", name="End the standby…").click()
    at_house.get_by_role("button", name="End it now").click()
    expect(at_house.locator('[data-standby="none"]')).to_be_visible()
    expect(at_shed.get_by_text("None yet.")).to_be_visible()
    assert not list(pair.shed.data.rglob("house.plan"))
    pair.choose(link)
    at_house.get_by_role("button", name="Choose it").click()
    expect(at_house.get_by_role("alert")).to_contain_text("the link was used already, or has expired")
    assert "Traceback" not in pair.house.log + pair.shed.log

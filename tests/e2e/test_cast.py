"""A camera on a TV: the address that the page hands out plays in another program, until it is stopped."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
RECEIVER = """
  window.cast = { asked: 0, played: [] };
  const receiver = Object.assign(new EventTarget(), {
    state: 'disconnected',
    watchAvailability: async (tell) => { tell(true); return 1; },
    cancelWatchAvailability: async () => {},
    prompt: async () => {
      window.cast.asked += 1;
      receiver.state = 'connected';
      receiver.dispatchEvent(new Event('connect'));
    },
  });
  Object.defineProperty(HTMLMediaElement.prototype, 'remote', { get: () => receiver });
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    if (!this.src.includes('.m3u8')) return play.call(this);
    window.cast.played.push(this.src);
    return Promise.resolve();
  };
"""
"""A browser that knows a TV; it never leaves this computer."""
NO_REMOTE = "Object.defineProperty(HTMLMediaElement.prototype, 'remote', { get: () => undefined });"


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    made = signed_in.new_page()
    yield made
    made.close()


def opened(page: Page, demo: Tawny) -> Any:
    page.goto(f"{demo.base}/live/front")
    page.locator(".focus-acts [data-act=cast]").click()
    sheet = page.get_by_role("dialog", name="on a TV")
    sheet.get_by_role("button", name="Continue").click()
    return sheet


def probed(address: str) -> subprocess.CompletedProcess[str]:
    """What a player says that has nothing but the address."""
    asked = ["-v", "error", "-show_entries", "stream=codec_type,width", "-of", "json", address]
    return subprocess.run(["ffprobe", *asked], capture_output=True, text=True, timeout=60)


def test_another_program_plays_the_address_until_it_is_stopped(page: Page, demo: Tawny) -> None:
    sheet = opened(page, demo)
    sheet.get_by_text("Home Assistant and other players").click()
    address = sheet.get_by_label("Address of the video (HLS)").input_value()
    assert address.startswith(demo.base)
    until(lambda: '"video"' in probed(address).stdout, 60, "the first seconds of video")
    assert page.request.get(sheet.get_by_label("Link for the TV’s browser").input_value()).ok
    sheet.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("is no longer shown on the TV.")).to_be_visible()
    until(lambda: "401" in probed(address).stderr, 60, "the address is over")


def test_an_event_is_shown_on_a_tv_and_another_program_plays_it_until_it_is_stopped(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/events?only=all")
    page.locator("[data-visit]").last.locator(".ec-open").click()
    share = page.get_by_role("button", name="Share", exact=True)
    expect(share).to_be_visible()
    share.click()
    page.get_by_role("dialog", name="Share").get_by_role("button", name="Show on a TV").click()
    sheet = page.get_by_role("dialog", name="on a TV")
    expect(sheet).to_contain_text("A TV gets this recording")
    sheet.get_by_role("button", name="Continue").click()
    expect(sheet.get_by_text(re.compile(r"Recording of .*, until"))).to_be_visible()
    address = sheet.get_by_label("Link for the TV’s browser").input_value()
    streams = json.loads(probed(address).stdout)["streams"]
    assert "video" in [stream["codec_type"] for stream in streams]
    tv = page.context.browser
    assert tv
    its = tv.new_page()  # a TV's browser, which nobody has signed in
    its.goto(address)
    until(lambda: its.evaluate("document.querySelector('video')?.currentTime > 0.2"), 60, "it plays")
    assert unfit(page, axe_script()) == []
    sheet.get_by_role("button", name="Stop").first.click()
    expect(page.get_by_text("is no longer shown on the TV.")).to_be_visible()
    assert its.context.request.get(address).status == 410
    its.context.close()


def test_it_can_be_stopped_later_and_the_owner_finds_it_in_the_log(page: Page, demo: Tawny) -> None:
    opened(page, demo)
    page.goto(f"{demo.base}/live/front")
    page.locator(".focus-acts [data-act=cast]").click()
    shown = page.get_by_role("region", name="Shown now")
    shown.get_by_role("button", name="Stop").first.click()
    expect(page.get_by_text("is no longer shown on the TV.")).to_be_visible()
    page.goto(f"{demo.base}/settings/people")
    page.get_by_role("button", name="Everything").click()
    expect(page.get_by_text("no longer shown on a TV").first).to_be_visible()


def test_a_browser_that_knows_a_tv_hands_it_the_address(page: Page, demo: Tawny) -> None:
    page.add_init_script(RECEIVER)
    sheet = opened(page, demo)
    sheet.get_by_role("button", name="Choose a TV…").click()
    expect(sheet.get_by_role("status")).to_have_text("Connected to your TV.")
    cast = page.evaluate("window.cast")
    assert (cast["asked"], len(cast["played"])) == (1, 1)
    assert probed(cast["played"][0]).returncode == 0
    sheet.get_by_role("button", name="Stop").click()


@pytest.mark.parametrize("script", ["", NO_REMOTE])
def test_a_browser_that_knows_none_says_how_else(page: Page, demo: Tawny, script: str) -> None:
    page.add_init_script(script)
    sheet = opened(page, demo)
    expect(sheet.get_by_text("This browser can’t send video to TVs")).to_be_visible()
    expect(sheet.get_by_text("listens on this computer only")).to_be_visible()
    assert unfit(page, axe_script()) == []
    page.set_viewport_size({"width": 844, "height": 390})
    box = sheet.bounding_box()
    assert (
        box and box["x"] >= 0 and box["x"] + box["width"] <= 844 and box["y"] >= 0 and box["y"] + box["height"] <= 390
    )
    sheet.get_by_role("button", name="Stop").scroll_into_view_if_needed()
    sheet.get_by_role("button", name="Stop").click()

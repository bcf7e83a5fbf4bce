"""A clip is shared from an event, opened by somebody without an account, and ended; people and passes are made."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000


@pytest.fixture
def page(signed_in: BrowserContext) -> Page:
    return signed_in.new_page()


def shared_link(page: Page, demo: Tawny, *, code: str = "") -> str:
    """Of the newest event that has ended."""
    page.goto(f"{demo.base}/events?only=all")
    share = page.get_by_role("button", name="Share", exact=True)
    card = page.locator("[data-visit]").last
    expect(card).to_be_visible(timeout=60_000)
    card.locator(".ec-open").click()
    expect(share).to_be_visible(timeout=60_000)
    share.click()
    if code:
        page.get_by_label("Require a code").check()
        page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Create link").click()
    field = page.get_by_label("Link", exact=True)
    expect(field).to_have_value(re.compile(r"/s/\S+"))
    expect(field).to_be_focused()
    return field.input_value()


NAME = re.compile(r"\w[\w ]+ \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.mp4")
"""Of a clip that is saved: its camera, or that it is one, and its time."""


def wait_until_it_plays(page: Page) -> None:
    until(lambda: page.evaluate("() => document.querySelector('video')?.currentTime > 0.2"), 60, "it plays")


def test_e4_who_has_the_link_sees_the_clip_and_nothing_else(page: Page, browser: Browser, demo: Tawny) -> None:
    link = shared_link(page, demo)
    stranger = browser.new_context(viewport={"width": 390, "height": 844})
    there = stranger.new_page()
    asked: list[str] = []
    there.on("request", lambda request: asked.append(request.url))
    there.goto(link)
    wait_until_it_plays(there)
    with there.expect_download() as saved:
        there.get_by_role("link", name="Download").click()
    assert NAME.fullmatch(saved.value.suggested_filename)
    assert violations(there, axe_script()) == []
    assert "garden" not in there.content().lower()
    assert not [url for url in asked if "/api/" in url and "/shared/" not in url]
    page.goto(f"{demo.base}/settings/links")
    links = page.get_by_role("region", name="Shared links")
    expect(links).to_contain_text("opened once")
    video = next(url for url in asked if "/media/shared.mp4" in url)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as revoked:
        links.get_by_role("button", name="Revoke").first.click()
    assert revoked.value.ok
    with there.expect_response(lambda answer: "/shared/" in answer.url) as opened:
        there.reload()
    assert opened.value.status == 410
    expect(there.get_by_text("This link is no longer valid. Ask for a new one.")).to_be_visible(timeout=WAIT_MS)
    expect(there.locator("video")).to_have_count(0)
    assert stranger.request.get(video).status == 410, "nor does the address of the video go on"
    stranger.close()


def test_an_events_clip_is_saved_under_its_name(page: Page, demo: Tawny) -> None:
    page.goto(f"{demo.base}/events?only=all")
    page.locator("[data-visit]").last.locator(".ec-open").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert NAME.fullmatch(saved.value.suggested_filename)
    assert b"ftyp" in saved.value.path().read_bytes()[:12]


def test_a_code_opens_it(page: Page, browser: Browser, demo: Tawny) -> None:
    link = shared_link(page, demo, code="magpie")
    stranger = browser.new_context()
    there = stranger.new_page()
    there.goto(link)
    there.get_by_label("Code").fill("jackdaw")
    there.get_by_role("button", name="Watch").click()
    expect(there.get_by_role("alert")).to_have_text("Wrong code.")
    there.get_by_label("Code").fill("magpie")
    there.get_by_role("button", name="Watch").click()
    wait_until_it_plays(there)
    stranger.close()


def test_somebody_is_invited_and_sees_one_camera(page: Page, browser: Browser, demo: Tawny) -> None:
    page.goto(f"{demo.base}/settings")
    page.get_by_role("link", name="People").first.click()
    people = page.get_by_role("region", name="People")
    people.get_by_role("button", name="Invite someone").click()
    people.get_by_label("Name").fill("Ben")
    people.get_by_label("All cameras").uncheck()
    ticks = people.locator(".access-ticks input")
    assert ticks.count() == 3
    ticks.nth(2).uncheck()
    people.get_by_role("button", name="Create invitation").click()
    made = people.get_by_label("Link for Ben")
    expect(made).to_be_focused()
    link = made.input_value()
    guest = browser.new_context()
    there = guest.new_page()
    there.goto(link)
    expect(there.locator("[data-camera]")).to_have_count(1, timeout=WAIT_MS)
    there.goto(f"{demo.base}/settings")
    expect(there.get_by_role("link", name="Your sign-in").first).to_be_visible()
    expect(there.get_by_role("link", name="People")).to_have_count(0)
    guest.close()


def test_a_pass_shows_its_addresses_once(page: Page, demo: Tawny, browser: Browser) -> None:
    page.goto(f"{demo.base}/settings/integrations")
    passes = page.get_by_role("region", name="Displays and apps")
    passes.get_by_role("button", name="Create access token").click()
    passes.get_by_label("Name").fill("Kitchen TV")
    passes.get_by_role("button", name="Create", exact=True).click()
    address = passes.get_by_label("Motion JPEG").first.input_value()
    assert page.context.request.get(address.replace("mjpeg", "snapshot")).ok
    stranger = browser.new_context()
    for label in ("Web page, View that follows motion", "HLS, View that follows motion"):
        assert stranger.request.get(passes.get_by_label(label).input_value()).ok
    stranger.close()
    assert violations(page, axe_script()) == []
    passes.get_by_role("button", name="Revoke").click()
    expect(passes.get_by_text("No access tokens yet.")).to_be_visible(timeout=WAIT_MS)

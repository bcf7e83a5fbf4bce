"""Who looks after homes: a hub with an installer, and two boxes in processes of their own; pictures only by a pass."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, owner_of
from tests.e2e.rules import axe_script, unfit
from tests.e2e.test_fleet import PLAYS, Fleet, boxes, command, make_fleet

pytestmark = pytest.mark.browser
ALLOWED = {"beach": "health,settings", "town": "health"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    yield from make_fleet(tmp_path_factory)


@pytest.fixture(scope="module")
def owner(browser: Browser, fleet: Fleet) -> Iterator[BrowserContext]:
    context = owner_of(browser, fleet.hub, 1280)
    for name, allow in ALLOWED.items():
        link = command(fleet.folders["hub"], "hub", "link")["link"]
        command(fleet.folders[name], "fleet", "join", link, "--allow", allow)
    until(
        lambda: all(one["online"] and one["expected"] for one in boxes(context, fleet)), 60, "both homes to be online"
    )
    yield context
    context.close()


@pytest.fixture(scope="module")
def installer(browser: Browser, fleet: Fleet, owner: BrowserContext) -> Iterator[BrowserContext]:
    """Ida's browser, whom the hub's owner has invited."""
    headers = {**OURS, "Origin": fleet.hub.base}
    asked = {"name": "Ida", "role": "installer"}
    made = owner.request.post(f"{fleet.hub.base}/api/v1/people", data=asked, headers=headers)
    assert made.ok, made.text()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    token = made.json()["link"].partition("#link=")[2]
    signed = context.request.post(f"{fleet.hub.base}/api/v1/sign-in/link", data={"token": token}, headers=headers)
    assert signed.ok, signed.text()
    yield context
    context.close()


def test_an_installer_finds_what_a_home_needs(fleet: Fleet, installer: BrowserContext) -> None:
    page = installer.new_page()
    pictures: list[str] = []
    page.on("response", lambda answer: pictures.append(answer.url) if is_picture(answer.headers) else None)
    page.goto(fleet.hub.base)
    expect(page).to_have_url(re.compile("/recorders$"))
    row = page.locator('[data-recorder="beach"]')
    expect(row.get_by_text("1 of 1")).to_be_visible()
    page.get_by_label("Find a recorder").fill("bea")
    expect(page.locator("[data-recorder]")).to_have_count(1)
    row.get_by_role("button", name="beach").click()
    settings = page.get_by_label("Settings", exact=True)
    expect(settings).to_contain_text('cameras.front.source = "demo:front"')
    expect(page.get_by_text("Pictures need a pass of the owner.")).to_be_visible()
    assert unfit(page, axe_script()) == []
    page.keyboard.press("Escape")
    page.get_by_label("Find a recorder").fill("")
    page.locator('[data-recorder="town"]').get_by_role("button", name="town").click()
    expect(page.get_by_text("The owner doesn’t allow the settings from here")).to_be_visible()
    page.close()
    assert pictures == []


def is_picture(headers: dict[str, str]) -> bool:
    return re.match(r"image/(jpeg|webp|gif)|video/", headers.get("content-type", "")) is not None


def test_the_owner_gives_a_pass_and_ends_it(browser: Browser, fleet: Fleet, installer: BrowserContext) -> None:
    home = fleet.houses["beach"]
    snapshot = f"{fleet.hub.base}/boxes/beach/api/v1/cameras/front/snapshot?width=320"
    refused = installer.request.get(snapshot)
    assert (refused.status, refused.json()["code"]) == (403, "no_pass")
    ben = owner_of(browser, home, 1280)
    hub_page = ben.new_page()
    hub_page.goto(f"{home.base}/settings/hub")
    hub_page.get_by_role("button", name="Give the pass").click()
    expect(hub_page.get_by_text(re.compile("^Until .*recordings"))).to_be_visible()
    page = installer.new_page()
    page.goto(f"{fleet.hub.base}/recorders")
    page.locator('[data-recorder="beach"]').get_by_text("The owner’s pass shows pictures until").wait_for()
    page.locator('[data-recorder="beach"]').get_by_role("button", name="beach").click()
    page.get_by_role("link", name="Open the recorder").click()
    page.wait_for_function(PLAYS, arg='[data-camera="front"] video', timeout=60_000)
    hub_page.get_by_role("button", name="End the pass now").click()
    hub_page.get_by_role("button", name="Give the pass").wait_for()
    ended_s = time.monotonic()
    until(lambda: not is_moving(page), 20, "the live video to stop")
    assert time.monotonic() - ended_s < 15
    assert installer.request.get(snapshot).status == 403
    log = ben.request.get(f"{home.base}/api/v1/audit").text()
    assert "live video of front" in log
    assert "Ida (hub)" in log
    page.close()
    ben.close()


def is_moving(page: Page) -> bool:
    """Whether the video goes on within half a second."""
    times = [page.evaluate("() => document.querySelector('video')?.currentTime ?? -1")]
    page.wait_for_timeout(500)
    times.append(page.evaluate("() => document.querySelector('video')?.currentTime ?? -1"))
    return bool(times[1] > times[0] >= 0)


def test_the_pass_by_command(fleet: Fleet, installer: BrowserContext) -> None:
    snapshot = f"{fleet.hub.base}/boxes/town/api/v1/cameras/front/snapshot?width=320"
    result = command(fleet.folders["town"], "fleet", "pass", "2", "--live")
    assert result["shares"] == ["live"]
    until(lambda: installer.request.get(snapshot).status == 200, 20, "the hub to know of the pass")
    assert installer.request.get(f"{fleet.hub.base}/boxes/town/api/v1/events").status == 403
    command(fleet.folders["town"], "fleet", "pass", "end")
    assert installer.request.get(snapshot).status == 403
    assert command(fleet.folders["town"], "fleet", "pass") == {"until": None}

"""What people do most, in as few clicks as promised, and the same by the keyboard alone.

Clicks are counted as the page gets them, from live view on, where one is after signing in. Typing is no click.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, until_recorded, with_settings
from tests.support.cabled_camera import cabled_cameras

pytestmark = pytest.mark.browser
PASSWORD = "k4mera+pässword/%"
SETTINGS = """
[cameras.front]
source = "demo:front"
demo.small = true
name = "Front door"
demo.quiet = true
detection.detector = "off"
[cameras.drive]
source = "demo:drive"
demo.small = true
name = "Driveway"
demo.quiet = true
detection.detector = "off"
"""
HOUR_MS = 3_600_000
NIGHT_H = 9, 10
"""So many hours ago were last night's people."""
MOST_TABS = 90
COUNTED = """() => {
  window.clicks = Number(sessionStorage.getItem('clicks') ?? 0);
  // not of the window: a click that Playwright holds back, since something lies over it yet, ends there
  document.addEventListener('pointerdown', () => sessionStorage.setItem('clicks', String(++window.clicks)), true);
}"""
HAS_FOCUS = "(one) => one === document.activeElement || one.contains(document.activeElement)"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """A recorder with two people of last night."""
    folder = tmp_path_factory.mktemp("jobs")
    chosen, problems = parse_settings(SETTINGS, {})
    assert chosen is not None, problems
    running = RecorderRuntime.open(chosen, folder / "data", SystemClock(), PluginRegistry.opened())
    for hours in NIGHT_H:
        begin_ms = SystemClock().now_ms() - hours * HOUR_MS
        event = Event(
            new_event_id(begin_ms), CameraId("front"), "person", begin_ms, begin_ms + 9000, 90.0, level="alert"
        )
        running.parts.storage.marks.put_event(replace(event, box=(0.6, 0.2, 0.8, 0.6)))
    running.close("person")
    yield from with_settings(folder, SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    context.add_init_script(f"({COUNTED})()")
    page = context.new_page()
    page.goto(house.base)
    until_recorded(page, house, 8)
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    """Live view, whose cameras play and offer what can be done."""
    for one in asked(owner, house, "snoozes"):
        ended = f"{house.base}/api/v1/snoozes?camera={one['camera']}&everyone={one['everyone']}".lower()
        owner.request.delete(ended, headers={**OURS, "Origin": house.base})
    made = owner.new_page()
    made.goto(house.base)
    made.evaluate("sessionStorage.setItem('setup-hidden', '1')")
    made.wait_for_selector("[data-camera=front][data-view=playing]")
    made.wait_for_selector("[data-camera=front] [data-act=snooze]", state="attached")
    yield made
    made.close()


def asked(owner: BrowserContext, house: Tawny, path: str) -> Any:
    return owner.request.get(f"{house.base}/api/v1/{path}").json()["items"]


def clicks(page: Page) -> int:
    return int(page.evaluate("() => Number(sessionStorage.getItem('clicks') ?? 0)"))


def somebody_comes(owner: BrowserContext, house: Tawny) -> str:
    """A person's event that has just ended; its ID."""
    orders, headers = f"{house.base}/api/v1/orders", {**OURS, "Origin": house.base}
    begin = {"command": "event.open", "camera": "front", "kind": "person"}
    event: str = owner.request.post(orders, data=begin, headers=headers).json()["event"]
    owner.request.post(orders, data={"command": "event.close", "event": event}, headers=headers)
    return event


def tab_to(page: Page, what: Locator, key: str = "Tab") -> None:
    """By Tab alone; what has the focus shows that it has."""
    for _ in range(MOST_TABS):
        if what.count() and what.first.evaluate(HAS_FOCUS):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
        page.keyboard.press(key)
    raise AssertionError(f"not reached by {MOST_TABS} tabs: {what}")


Hand = Callable[[Locator], None]


@pytest.fixture(params=["mouse", "keyboard"])
def press(request: pytest.FixtureRequest, page: Page) -> Hand:
    """Presses a link or button, by a click or by Tab and Enter; a tick box by the space bar."""
    by_mouse = request.param == "mouse"

    def pressed(what: Locator) -> None:
        expect(what.first).to_be_attached()
        if by_mouse:
            what.first.click()
        else:
            tab_to(page, what)
            page.keyboard.press(" " if what.first.evaluate("(one) => one.type === 'checkbox'") else "Enter")

    return pressed


def at_most(page: Page, count: int) -> None:
    assert clicks(page) <= count


def tile(page: Page) -> Locator:
    return page.locator(".tile[data-camera=front]")


def newest(page: Page, event: str) -> Locator:
    return page.locator(f".latest-event[href*='{event}']")


def test_job_1_at_the_door_now(page: Page, press: Hand) -> None:
    press(tile(page).locator(".tile-link"))
    page.wait_for_url("**/live/front")
    page.wait_for_selector("[data-camera=front][data-view=playing]")
    at_most(page, 1)


def test_job_2_the_person_of_last_night(page: Page, press: Hand) -> None:
    press(page.locator("nav.rail").get_by_role("link", name="Events"))
    card = page.locator("[data-visit]").filter(has_text="Person").last
    card.scroll_into_view_if_needed()
    when = card.locator(".ec-when").inner_text()
    press(card.locator(".ec-open"))
    if "/timeline" in page.url:
        expect(page.locator("canvas[data-playhead]").first).to_be_visible()
    else:
        page.wait_for_url("**/events/*")
        expect(page.locator("aside.drawer h2")).to_contain_text("Person")
    assert re.search(r"\d\d:\d\d", when)
    at_most(page, 2)


def test_job_3_save_and_share(page: Page, owner: BrowserContext, house: Tawny, press: Hand) -> None:
    event = somebody_comes(owner, house)
    press(newest(page, event))
    press(page.locator("aside.drawer").get_by_role("button", name="Share", exact=True))
    press(page.get_by_role("button", name="Create link"))
    link = page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile(r"/s/\S+"))
    expect(page.get_by_text("The event is kept")).to_be_visible()
    assert next(one for one in asked(owner, house, "events?limit=50&only=all") if one["id"] == event)["kept"]
    at_most(page, 3)


def test_job_4_an_hour_of_silence(page: Page, owner: BrowserContext, house: Tawny, press: Hand) -> None:
    tile(page).hover()
    press(tile(page).locator("[data-act=snooze]"))
    expect(tile(page).locator(".snoozed-mark")).to_be_visible()
    (made,) = asked(owner, house, "snoozes")
    assert (made["camera"], made["everyone"]) == ("front", False)
    assert made["until_ms"] - made["since_ms"] == HOUR_MS
    at_most(page, 1)


def test_job_6_a_place_of_false_alarms_is_ignored(page: Page, owner: BrowserContext, house: Tawny, press: Hand) -> None:
    before = masks(owner, house)
    people = [one for one in asked(owner, house, "events?only=all&limit=50") if one["box"] and not one["false_alarm"]]
    press(newest(page, people[0]["id"]))
    press(page.get_by_role("button", name="Wrong or not useful?"))
    press(page.get_by_role("button", name="No, false alarm"))
    press(page.get_by_role("link", name="Ignore this place…"))
    save = page.get_by_role("region", name="Unsaved changes").get_by_role("button", name="Save")
    press(save)
    until(lambda: masks(owner, house) == before + 1, 60, "another mask")
    at_most(page, 5)


def masks(owner: BrowserContext, house: Tawny) -> int:
    data = owner.request.get(f"{house.base}/api/v1/cameras/front/watching").json()
    return len(data["watch"]["mask"])


def test_job_7_access_for_the_family(
    request: pytest.FixtureRequest, page: Page, owner: BrowserContext, house: Tawny, press: Hand
) -> None:
    name = "Ben" if "mouse" in request.node.name else "Cleo"
    press(page.locator("nav.rail").get_by_role("link", name="Settings"))
    press(page.locator("[data-section=people]"))
    press(page.get_by_role("button", name="Invite someone"))
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator(".access-address input")).to_have_value(re.compile("/sign-in#"))
    (made,) = (one for one in asked(owner, house, "people") if one["name"] == name)
    assert made["role"] == "member"
    at_most(page, 3)


def test_job_8_is_it_recording(page: Page) -> None:
    """Seen without a click or a key, and heard by who reads the page by ear."""
    chip = page.get_by_role("link", name=re.compile(r"^(\d+) of \1 (cameras )?working"))
    expect(chip).to_be_visible()
    assert clicks(page) == 0


@pytest.fixture(scope="module")
def cabled() -> Iterator[list[str]]:
    with cabled_cameras(PASSWORD, 2, "j") as (_, there):
        yield there


def test_job_5_add_a_camera(
    request: pytest.FixtureRequest, page: Page, cabled: list[str], house: Tawny, press: Hand
) -> None:
    address, before = cabled["keyboard" in request.node.name], page.locator(".wall .tile").count()
    press(page.get_by_role("link", name="Add a camera"))
    press(page.get_by_role("button", name="Search for cameras"))
    card = page.locator(".find-card").filter(has_text=f"{address} ·")
    press(card.get_by_role("checkbox"))
    user = page.get_by_label("User name")
    tab_to(page, user)
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(card.get_by_alt_text("Test picture of")).to_be_visible()
    press(page.get_by_role("button", name="Add 1 camera"))
    page.wait_for_url(f"{house.base}/")
    expect(page.locator(".wall .tile")).to_have_count(before + 1)
    at_most(page, 4)

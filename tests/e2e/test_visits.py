"""The Events page with the real program: visits as cards, their drawer, what is done with them, and what is missing."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, owner_of, signed_in_again, until_recorded, with_settings
from tests.e2e.rules import NONE, axe_script, barriers, unfit

pytestmark = pytest.mark.browser
CAMERAS = {
    "gate": ("Gate", "demo:front"),
    "drive": ("Driveway", "demo:drive"),
    "door": ("Front door", "demo:side"),
    "yard": ("Yard", "demo:garden"),
}
WAY = {"gate", "drive", "door"}
SETTINGS = "".join(
    f'[cameras.{name}]\nname = "{title}"\nsource = "{source}"\ndemo = {{ quiet = true, small = true }}\n'
    'pre = "1 s"\npost = "1 s"\n'
    f'neighbors = {sorted(WAY - {name}) if name in WAY else []}\n[cameras.{name}.detection]\ndetector = "off"\n'
    for name, (title, source) in CAMERAS.items()
)
WAIT_MS = 30_000
CARDS_MS = 5_000
"""From a press to the first cards: 0.3 s on a computer that does nothing else."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("visits"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    page = context.new_page()
    page.goto(house.base)
    until_recorded(page, house, 4)
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    """Of a recorder whose events are all reviewed."""
    ids = [one["id"] for one in told(owner, house, "events?limit=200&only=new")["items"]]
    send(owner, house, "post", "events/bulk", {"ids": ids, "reviewed": True})
    made = owner.new_page()
    yield made
    made.close()


def told(context: BrowserContext, house: Tawny, path: str) -> Any:
    answer = context.request.get(f"{house.base}/api/v1/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def send(context: BrowserContext, house: Tawny, method: str, path: str, data: dict[str, Any]) -> Any:
    ask = getattr(context.request, method)
    answer = ask(f"{house.base}/api/v1/{path}", data=data, headers={**OURS, "Origin": house.base})
    assert answer.ok, answer.text()
    return answer.json()


def happens(context: BrowserContext, house: Tawny, *events: tuple[str, str]) -> list[str]:
    """These begin one after the other, and end together: one visit, where they belong together. Returns their IDs."""
    made = [
        send(context, house, "post", "orders", {"command": "event.open", "camera": camera, "kind": kind})["event"]
        for camera, kind in events
    ]
    for event in made:
        send(context, house, "post", "orders", {"command": "event.close", "event": event})
    return made


WALK = (("gate", "person"), ("drive", "person"), ("door", "person"))


def counts(context: BrowserContext, house: Tawny) -> dict[str, int]:
    found: dict[str, int] = told(context, house, "visits/new")
    return found


def visit_of(context: BrowserContext, house: Tawny, event: str) -> dict[str, Any]:
    """With the events of earlier tests that belong to it: all come and go within a minute."""
    found: dict[str, Any] = told(context, house, f"events/{event}/visit")
    return found


def card_of(page: Page, event: str) -> Any:
    return page.locator(f"[data-events~='{event}']")


def test_a1_a_walk_over_three_cameras_is_one_card(page: Page, owner: BrowserContext, house: Tawny) -> None:
    before = counts(owner, house)["alerts"]
    page.goto(f"{house.base}/events")
    walk = happens(owner, house, *WALK)
    card = card_of(page, walk[0])
    expect(card).to_have_count(1, timeout=WAIT_MS)
    expect(card).to_have_attribute("data-events", re.compile(" ".join(walk)), timeout=WAIT_MS)
    expect(card).to_contain_text("Person: Gate → Front door")
    expect(card).to_contain_text("3 cameras")
    assert counts(owner, house)["alerts"] == before + 1
    expect(page.locator(".nav .badge:visible", has_text=str(before + 1))).to_have_count(1)


def test_a3_motion_is_never_in_the_badge(page: Page, owner: BrowserContext, house: Tawny) -> None:
    happens(owner, house, *[("yard", "motion")] * 20)
    assert counts(owner, house) == {"alerts": 0, "detections": 0, "motion": 1}
    page.goto(f"{house.base}/events")
    tab = page.get_by_role("button", name=re.compile(r"^Motion \d"))
    expect(tab).to_contain_text("1")
    expect(page.locator(".nav .badge:visible")).to_have_count(0)
    tab.click()
    expect(page.locator("[data-visit]")).to_contain_text("Yard")
    expect(page.locator("[data-visit]")).to_contain_text("20 movements")
    page.reload()
    expect(tab).to_have_attribute("aria-pressed", "true")


def test_a4_visits_hold_every_event_once(owner: BrowserContext, house: Tawny) -> None:
    happens(owner, house, *WALK, ("gate", "animal"))
    visits, after = list[str](), ""
    events = {one["id"] for one in told(owner, house, "events?limit=200")["items"]}
    for _ in events:
        part = told(owner, house, f"visits?limit=3{after}")
        visits += [one["id"] for visit in part["items"] for one in visit["events"]]
        if part["next"] is None:
            break
        after = f"&after={part['next']}"
    assert sorted(visits) == sorted(events)


def test_a6_a_snooze_shows_until_when_and_ends(page: Page, owner: BrowserContext, house: Tawny) -> None:
    (event,) = happens(owner, house, ("gate", "person"))
    page.goto(f"{house.base}/events")
    card_of(page, event).get_by_role("button", name="Snooze").click(timeout=WAIT_MS)
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Recording continues")
    sheet.get_by_role("button", name="1 h", exact=True).click()
    expect(card_of(page, event)).to_contain_text("Snoozed until ")
    (snooze,) = told(owner, house, "snoozes")["items"]
    assert (snooze["camera"], snooze["until_ms"] - snooze["since_ms"]) == ("gate", 3_600_000)
    page.get_by_role("button", name="Undo").click()
    expect(card_of(page, event)).not_to_contain_text("Snoozed until ")
    until(lambda: told(owner, house, "snoozes")["items"] == [], what="the snooze to end")


def test_a7_without_a_model_a_title_names_no_kind(page: Page, owner: BrowserContext, house: Tawny) -> None:
    happens(owner, house, ("yard", "motion"))
    page.goto(f"{house.base}/events?tab=motion")
    page.locator("[data-visit]").first.wait_for()
    titles = page.locator("[data-visit] .ec-open").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert titles
    assert all(one.startswith("Motion at ") for one in titles), titles
    offer = page.get_by_role("region", name="Tell people, vehicles and animals apart")
    expect(offer).to_contain_text("License:")
    offer.get_by_role("button", name="Not now").click()
    page.reload()
    page.locator("[data-visit]").first.wait_for()
    expect(offer).to_have_count(0)


def test_a8_skeletons_stand_where_cards_will_be(page: Page, owner: BrowserContext, house: Tawny) -> None:
    happens(owner, house, ("gate", "person"))
    held = list[Route]()
    page.route("**/api/v1/visits?*", lambda route: held.append(route))
    page.goto(f"{house.base}/events")
    expect(page.locator(".sk-card").first).to_be_visible()
    high = page.locator(".sk-card").first.bounding_box()
    held[0].continue_()
    page.locator("[data-visit]").first.wait_for()
    now = page.locator("[data-visit]").first.bounding_box()
    assert high
    assert now
    assert abs(high["height"] - now["height"]) <= 2, "nothing jumps"
    page.unroute_all()
    began = page.evaluate("performance.now()")
    page.get_by_role("button", name="All", exact=True).click()
    page.locator("[data-visit]").first.wait_for()
    assert page.evaluate("performance.now()") - began < CARDS_MS


def test_e1_filters_are_in_the_address(page: Page, owner: BrowserContext, house: Tawny) -> None:
    happens(owner, house, ("gate", "person"), ("door", "animal"))
    page.goto(f"{house.base}/events")
    page.get_by_role("button", name=re.compile("^Detections")).click()
    expect(page.locator("[data-visit]")).to_have_count(1)
    page.get_by_role("button", name="All cameras").click()
    page.get_by_role("checkbox", name="Gate", exact=True).check()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No events found.")).to_be_visible()
    assert "tab=detections" in page.url
    assert "cameras=gate" in page.url
    page.reload()
    expect(page.get_by_text("No events found.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("[data-visit]").first).to_be_visible()


def test_e2_a_reviewed_visit_goes_and_undo_brings_it_back(page: Page, owner: BrowserContext, house: Tawny) -> None:
    walk = happens(owner, house, *WALK)
    page.goto(f"{house.base}/events")
    badge = page.locator(".nav .badge:visible")
    expect(badge).to_have_text(re.compile("1"))
    card_of(page, walk[0]).get_by_role("button", name="Mark as reviewed").click()
    expect(card_of(page, walk[0])).to_have_count(0)
    expect(badge).to_have_count(0)
    until(lambda: all(told(owner, house, f"events/{one}")["reviewed"] for one in walk), what="the recorder to know it")
    page.get_by_role("button", name="Undo").click()
    expect(card_of(page, walk[0])).to_have_count(1)
    expect(badge).to_have_text(re.compile("1"))


def test_e6_keys_move_review_keep_select_and_change_tabs(page: Page, owner: BrowserContext, house: Tawny) -> None:
    (car,) = happens(owner, house, ("gate", "vehicle"))
    happens(owner, house, *WALK)
    page.goto(f"{house.base}/events")
    expect(page.locator("[data-visit]")).to_have_count(2)
    first, second = page.locator("[data-visit]").nth(0), page.locator("[data-visit]").nth(1)
    page.keyboard.press("j")
    expect(second).to_have_class(re.compile("current"))
    page.keyboard.press("k")
    expect(first).to_have_class(re.compile("current"))
    page.keyboard.press("l")
    expect(first.get_by_role("button", name="Kept. Stop keeping")).to_be_visible()
    page.keyboard.press("l")
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar")).to_contain_text("1 selected")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("[data-visit]")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("[data-visit]")).to_have_count(2)
    page.keyboard.press("z")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    assert "tab=detections" in page.url
    page.keyboard.press("[")
    expect(page.locator("[data-visit]")).to_have_count(2)
    card_of(page, car).locator(".ec-open").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/timeline\?cam=gate&t=\d+"))


def test_e7_nothing_new_says_since_when_and_whether_the_cameras_work(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    (event,) = happens(owner, house, ("gate", "person"))
    happens(owner, house, ("door", "animal"))
    send(owner, house, "post", "events/bulk", {"ids": [event], "reviewed": True})
    page.goto(f"{house.base}/events")
    empty = page.locator(".caught-up")
    expect(empty).to_contain_text("All caught up")
    expect(empty).to_contain_text(re.compile(r"No alerts since (\w+ \d+ \w+, )?\d\d:\d\d\."))
    expect(empty).to_contain_text("4 cameras")
    expect(empty).to_contain_text("1 detection ")
    assert unfit(page, axe_script()) == []
    empty.get_by_role("button", name="See detections").click()
    expect(page.locator("[data-visit]")).to_have_count(1)


def test_a_visit_opens_to_one_player_over_its_cameras(page: Page, owner: BrowserContext, house: Tawny) -> None:
    walk = happens(owner, house, *WALK)
    end_ms = visit_of(owner, house, walk[0])["end_ms"]
    until(lambda: told(owner, house, "health")["now_ms"] > end_ms + 5000, 60, "its clips are on the disk")
    page.goto(f"{house.base}/events")
    card_of(page, walk[0]).locator(".ec-open").click(timeout=WAIT_MS)
    visit = visit_of(owner, house, walk[0])
    page.wait_for_url(f"**/events/{visit['id']}*")
    drawer = page.get_by_role("complementary", name="Selected visit")
    first = drawer.locator("a.btn, .drawer-acts .btn").first
    expect(first).to_have_text("Open in timeline")
    expect(drawer.locator(".steps li")).to_have_count(len(visit["events"]))
    drawer.locator(".steps li > button", has_text="Front door").last.click()
    expect(drawer.locator(".clip-camera")).to_have_text("Front door")
    playing = "() => document.querySelector('.drawer video').currentTime > 0.3"
    page.wait_for_function(playing, timeout=WAIT_MS)
    position = drawer.get_by_role("slider", name="Playback position")
    assert float(position.input_value()) > 3, "the bar is of all three clips"
    position.fill("0.2")
    expect(drawer.locator(".clip-camera")).to_have_text("Gate")
    drawer.get_by_text("Why did I get this?").click()
    expect(drawer.locator(".why")).to_contain_text("Person: an alert at ")
    expect(drawer.locator(".why")).to_contain_text("No notifications: there is no channel")
    expect(drawer.get_by_role("button", name="Wrong or not useful?")).to_be_visible()
    expect(drawer.get_by_role("region", name="What was it?")).to_have_count(0)
    assert barriers(page, axe_script()) == NONE


def test_several_visits_are_kept_downloaded_and_deleted(page: Page, owner: BrowserContext, house: Tawny) -> None:
    (car,), walk = happens(owner, house, ("gate", "vehicle")), happens(owner, house, *WALK)
    page.goto(f"{house.base}/events")
    card_of(page, walk[0]).get_by_role("checkbox").click()
    card_of(page, car).locator(".ec-open").click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="Selected events")
    expect(bar).to_contain_text("2 selected")
    events = [one["id"] for event in (car, walk[0]) for one in visit_of(owner, house, event)["events"]]
    asked = f"clips/zip?events={','.join(events)}"
    until(lambda: told(owner, house, asked)["clips"] == len(events), 60, "a clip of each event")
    with page.expect_download() as download:
        bar.get_by_role("button", name="Download").click()
    with ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as file:
        assert file.testzip() is None
        assert len([one for one in file.namelist() if one.endswith(".mp4")]) == len(events)
    expect(page.get_by_text(f"Downloading {len(events)} clips.")).to_be_visible()
    bar.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete what is selected?")
    expect(dialog).to_contain_text(re.compile(r"Deletes .*events?\."))
    dialog.get_by_role("button", name=re.compile("^Delete ")).click()
    expect(card_of(page, car)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible()
    page.reload()
    expect(card_of(page, car)).to_have_count(1)
    expect(card_of(page, walk[0])).to_have_count(1)


def test_an_undone_deletion_is_seen_by_who_looks_further_down(page: Page, owner: BrowserContext, house: Tawny) -> None:
    (car,) = happens(owner, house, ("gate", "vehicle"))
    happens(owner, house, *WALK)
    page.goto(f"{house.base}/events")
    card_of(page, car).get_by_role("checkbox").click()
    page.get_by_role("toolbar", name="Selected events").get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete ")).click()
    expect(card_of(page, car)).to_have_count(0)
    page.set_viewport_size({"width": 1440, "height": 260})
    assert page.locator(".events-list").evaluate("(list) => (list.scrollTop = 170, list.scrollTop)") == 170
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible()
    expect(card_of(page, car)).to_have_count(1)


def test_what_comes_while_somebody_looks_further_down_waits(page: Page, owner: BrowserContext, house: Tawny) -> None:
    for kind in ("vehicle", "person", "left", "bell", "knock", "parcel"):
        happens(owner, house, ("gate", kind))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{house.base}/events?only=all")
    page.locator("[data-visit]").nth(3).scroll_into_view_if_needed()
    shown = page.locator("[data-visit]").count()
    (event,) = happens(owner, house, ("door", "doorbell"))
    button = page.get_by_role("button", name="1 new", exact=True)
    expect(button).to_be_visible(timeout=WAIT_MS)
    assert page.locator("[data-visit]").count() == shown
    button.click()
    expect(card_of(page, event)).to_be_visible()


def test_all_cards_have_one_height_and_a_finger_swipes_them(
    browser: Browser, owner: BrowserContext, house: Tawny, page: Page
) -> None:
    (car,), walk = happens(owner, house, ("gate", "vehicle")), happens(owner, house, *WALK)
    phone = signed_in_again(browser, house, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    there = phone.new_page()
    there.goto(f"{house.base}/events")
    expect(there.locator("[data-visit]")).to_have_count(2)
    heights = there.locator("[data-visit]").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert max(heights) - min(heights) < 1
    swipe(there, car, 200)
    expect(card_of(there, car)).to_have_count(0)
    there.get_by_role("button", name="Undo").click()
    expect(card_of(there, car)).to_have_count(1)
    swipe(there, walk[0], -200)
    expect(card_of(there, walk[0])).to_contain_text("Snoozed until ")
    there.get_by_role("button", name="Undo").last.click()
    expect(card_of(there, walk[0])).not_to_contain_text("Snoozed until ")
    assert unfit(there, axe_script()) == []
    phone.close()


def swipe(page: Page, event: str, by: int) -> None:
    """As a finger does."""
    picture = card_of(page, event).locator(".ec-pic")
    picture.evaluate("one => one.scrollIntoView({ block: 'center' })")
    box = picture.bounding_box()
    assert box
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2 - by / 2, box["y"] + box["height"] / 2

    def send(kind: str, *points: float) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": y} for at in points]})

    send("touchStart", x)
    for part in range(1, 9):
        send("touchMove", x + by * part / 8)
    send("touchEnd")


def test_a_lost_recorder_dims_the_cards_and_hides_the_counts(
    browser: Browser, owner: BrowserContext, house: Tawny, page: Page
) -> None:
    (event,) = happens(owner, house, ("gate", "person"))
    page.goto(f"{house.base}/events")
    expect(page.locator(".vt em")).to_have_count(1)
    page.context.set_offline(True)
    try:
        page.evaluate("() => 0")
        expect(page.locator("main.offline")).to_be_visible(timeout=WAIT_MS)
        expect(page.locator(".vt em")).to_have_count(0)
        expect(card_of(page, event)).to_be_visible()
    finally:
        page.context.set_offline(False)


def two_visits(page: Page, owner: BrowserContext, house: Tawny) -> list[str]:
    """Show the events: a walk, and a car before it. Returns the events of the walk."""
    happens(owner, house, ("yard", "vehicle"))
    walk = happens(owner, house, *WALK)
    page.goto(f"{house.base}/events")
    expect(page.locator("[data-visit]")).to_have_count(2)
    return walk


def test_the_keyboard_goes_on_at_the_next_card_when_one_is_gone(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    walk = two_visits(page, owner, house)
    card_of(page, walk[0]).get_by_role("button", name="Mark as reviewed").press("Enter")
    expect(card_of(page, walk[0])).to_have_count(0)
    expect(page.get_by_role("button", name="Mark as reviewed")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Events")).to_be_focused()


def test_escape_closes_the_feedback_before_the_event(page: Page, owner: BrowserContext, house: Tawny) -> None:
    two_visits(page, owner, house)
    card = page.locator("[data-visit] .ec-open").nth(1)
    card.click()
    page.wait_for_url("**/events/*")
    asks = page.get_by_role("button", name="Wrong or not useful?")
    asks.press("Enter")
    expect(page.get_by_role("button", name="Person", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(asks).to_be_focused()
    assert "/events/" in page.url
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(r"/events$"))
    expect(card).to_be_focused()


def test_what_is_said_of_an_event_leaves_the_keyboard_there(page: Page, owner: BrowserContext, house: Tawny) -> None:
    """Also once what was said has made it a visit of its own, which the list leaves out."""
    car, _ = happens(owner, house, ("yard", "vehicle"), ("yard", "vehicle"))
    page.goto(f"{house.base}/events?only=all")
    card_of(page, car).locator(".ec-open").click()
    page.get_by_role("button", name="Wrong or not useful?").press("Enter")
    what = page.get_by_role("region", name="What was it?")
    what.get_by_role("button", name="Animal").press("Enter")
    expect(what.get_by_role("button", name="Undo")).to_be_focused()
    title = page.get_by_role("complementary", name="Selected visit").get_by_role("heading", level=2)
    expect(title).to_have_text("Animal at Yard")
    expect(what.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(what.get_by_role("button", name="Person")).to_be_focused()
    expect(title).to_have_text("Vehicle at Yard")
    expect(what.get_by_role("button", name="Person")).to_be_focused()


def test_the_keyboard_goes_on_at_the_next_card_when_an_event_is_deleted(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    walk = two_visits(page, owner, house)
    card_of(page, walk[0]).locator(".ec-open").click()
    page.locator(".drawer-delete").press("Enter")
    delete = page.get_by_role("dialog").locator(".btn.bad")
    expect(delete).to_be_enabled()
    delete.press("Enter")
    expect(page.locator("[data-visit]")).to_have_count(1)
    expect(page.locator("[data-visit] .ec-open")).to_be_focused()

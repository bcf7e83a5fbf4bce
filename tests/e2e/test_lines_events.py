"""Promises of events and notifications (A1 to A3, A6, A8, E5, H5, U4): what a chat gets, and a page of many events."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, telegram, with_settings
from tests.e2e.test_visits import SETTINGS, WALK, counts, happens, send, told, visit_of

pytestmark = pytest.mark.browser
CHAT = '[notifiers.chat]\nurl = "telegram://123:token@42"\napi = "{base}"\nclip = "none"\nmin_interval = "0 s"\n'
MANY, MOTIONS = 1000, 300
DAY_MS = 86_400_000
VISITS = "/api/v1/visits"


def refuses(_: ReceivedRequest) -> Reply:
    return 403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}


@pytest.fixture(scope="module")
def chat() -> Iterator[StandIn]:
    with served(StandIn(telegram)) as made:
        yield made


def put_events(folder: Path, text: str) -> None:
    """A week of reviewed visits of people, and motion of today that nobody has reviewed."""
    clock = SystemClock()
    chosen, problems = parse_settings(text, {})
    assert chosen is not None, problems
    running = RecorderRuntime.open(chosen, folder / "data", clock, PluginRegistry.opened())
    now_ms = clock.now_ms()
    for number in range(MANY + MOTIONS):
        is_motion = number >= MANY
        start_ms = now_ms - (number - MANY + 10) * 100_000 if is_motion else now_ms - 2 * DAY_MS - number * 600_000
        kind = "motion" if is_motion else "person"
        event = Event(new_event_id(start_ms), CameraId("yard"), kind, start_ms, start_ms + 4_000, 60.0)
        running.parts.storage.marks.put_event(
            replace(event, reviewed=not is_motion, level="motion" if is_motion else "alert")
        )
    running.close("person")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, chat: StandIn) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("events")
    text = SETTINGS + CHAT.format(base=chat.base)
    put_events(folder, text)
    yield from with_settings(folder, text)


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


def messages(chat: StandIn) -> list[tuple[str, str]]:
    """Each message and its updates: how it came, and what it said."""
    found = [one for one in chat.asked if "/send" in one.path or "/edit" in one.path]
    answer = [one.form.get("caption") or one.form.get("text") or one.form["media"] for one in found]
    names = [one.path.rpartition("/")[2] for one in found]
    return [(name, words.decode("unicode_escape", "replace")) for name, words in zip(names, answer, strict=True)]


def test_a3_300_motions_give_a_badge_of_0(page: Page, owner: BrowserContext, house: Tawny) -> None:
    assert counts(owner, house)["alerts"] == 0
    assert counts(owner, house)["motion"] > 0
    page.goto(f"{house.base}/events?tab=motion")
    expect(page.locator("[data-visit]").first).to_be_visible()
    expect(page.locator(".nav .badge:visible")).to_have_count(0)


def test_a1_a_walk_over_three_cameras_is_one_notification_that_is_updated(
    owner: BrowserContext, house: Tawny, chat: StandIn
) -> None:
    before, told_before = counts(owner, house)["alerts"], len(messages(chat))
    walk = list[str]()
    for reached, one in enumerate(WALK, 1):
        walk += happens(owner, house, one)
        until(lambda reached=reached: len(messages(chat)) - told_before >= reached, 60, "a notification")  # type: ignore[misc]
    first, *updates = messages(chat)[told_before:]
    assert (first[0][:4], "Gate" in first[1]) == ("send", True)
    assert [name[:4] for name, _ in updates] == ["edit", "edit"]
    assert "Driveway" in updates[0][1]
    assert "Front door" in updates[1][1]
    assert [one["id"] for one in visit_of(owner, house, walk[0])["events"]] == walk
    assert counts(owner, house)["alerts"] == before + 1


def test_a2_two_people_ten_minutes_apart_are_two_cards(page: Page, owner: BrowserContext, house: Tawny) -> None:
    page.goto(f"{house.base}/events?only=all")
    expect(page.locator("[data-visit]").nth(5)).to_be_visible()
    items = told(owner, house, "visits?limit=20&cameras=yard&levels=alert")["items"]
    assert len(items) == 20
    assert all(len(one["events"]) == 1 for one in items)


def test_a6_u4_a_snoozed_camera_sends_nothing_and_is_recorded(
    page: Page, owner: BrowserContext, house: Tawny, chat: StandIn
) -> None:
    """That it ends by itself is tested with a clock, in `tests/service/delivery/test_snoozes.py`."""
    send(owner, house, "put", "snoozes", {"camera": "yard", "for_s": 3600, "everyone": True})
    before = len(messages(chat))
    (event,) = happens(owner, house, ("yard", "person"))
    (other,) = happens(owner, house, ("gate", "vehicle"))
    until(lambda: len(messages(chat)) > before, 60, "the notification of the other camera")
    assert not [words for _, words in messages(chat)[before:] if "Yard" in words]
    page.goto(f"{house.base}/events?only=all")
    expect(page.locator(f"[data-events~='{event}']")).to_contain_text("Snoozed until ")
    expect(page.locator(f"[data-events~='{other}']")).not_to_contain_text("Snoozed until ")
    page.goto(f"{house.base}/settings/notifications")
    snoozed = page.get_by_role("region", name="Snoozed", exact=True)
    expect(snoozed).to_contain_text(re.compile(r"Yard.*\d\d:\d\d", re.DOTALL))
    states = {one["id"]: one["state"] for one in told(owner, house, "health")["cameras"]}
    assert states["yard"] == "recording"
    snoozed.get_by_role("button", name="Resume").click()
    expect(snoozed).to_contain_text("Nothing is snoozed")
    before = len(messages(chat))
    happens(owner, house, ("yard", "vehicle"))
    until(lambda: len(messages(chat)) > before, 60, "a notification after the snooze")
    assert "Yard" in messages(chat)[-1][1]


FRAMES = """(selector) => {
  window.frames = new Promise(done => addEventListener('keydown', () => {
    let count = 0;
    const again = () => { count += 1; look(); };
    const look = () => document.querySelector(selector) ? done(count) : requestAnimationFrame(again);
    look();
  }, { capture: true, once: true }));
}"""
"""How many pictures the screen has shown between a key and what it brings."""


def test_a8_cards_come_at_once(page: Page, owner: BrowserContext, house: Tawny) -> None:
    """Counted in frames, questions and the page's own processor time: others use this machine too."""
    happens(owner, house, ("gate", "person"))
    page.goto(f"{house.base}/events")  # its part of the page has been loaded
    page.locator("[data-visit]").first.wait_for()
    page.keyboard.press("4")
    expect(page.locator("h1")).to_have_text("Is it recording?")
    asked, held = list[str](), list[Route]()

    def ask(route: Route) -> None:
        asked.append(urlsplit(route.request.url).path)
        if asked[-1] == VISITS:
            held.append(route)  # all others are never answered: the cards need none of them

    page.route("**/api/v1/**", ask)
    page.evaluate(FRAMES, ".sk-card")
    with processor_time(page) as used:
        page.keyboard.press("3")
        assert page.evaluate("window.frames") <= 6, "skeletons within 100 ms"
        until(lambda: page.evaluate("1") and held, 60, "the question")
        held[0].continue_()
        page.locator("[data-visit]").first.wait_for()
    assert asked.count(VISITS) == 1
    assert used[0] <= 0.5
    page.unroute_all(behavior="ignoreErrors")


@contextmanager
def processor_time(page: Page) -> Iterator[list[float]]:
    """Seconds of the processor that the page's main thread took meanwhile."""
    session, used = page.context.new_cdp_session(page), list[float]()
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def now() -> float:
        figures = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in figures if one["name"] == "TaskDuration"))

    began = now()
    yield used
    used.append(now() - began)
    session.detach()


def test_e5_scrolling_1000_events_stays_smooth(page: Page, browser: Browser, house: Tawny) -> None:
    """A task counts by the processor time that it took itself, whoever else was waited for."""
    page.goto(f"{house.base}/events?only=all")
    page.locator("[data-visit]").first.wait_for()
    cards = page.locator("[data-visit]")
    browser.start_tracing(
        page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    )
    try:
        while (there := cards.count()) < MANY:
            cards.last.scroll_into_view_if_needed()
            page.wait_for_function("there => document.querySelectorAll('[data-visit]').length > there", arg=there)
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    tasks = [one["tdur"] / 1000 for one in events if one["name"] == "RunTask" and "tdur" in one]
    assert len(tasks) > MANY / 60, "the tasks were counted"
    long = [took_ms for took_ms in tasks if took_ms > 100]
    assert len(long) <= 4, long


def test_h5_a_refused_test_says_why_in_the_words_of_the_service(page: Page, house: Tawny, chat: StandIn) -> None:
    page.goto(f"{house.base}/settings/notifications")
    card = page.get_by_role("article", name="chat")
    chat.reply = refuses
    card.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("bot was blocked by the user").first).to_be_visible()
    assert "123:token" not in page.content()

"""Five false alarms at one place, marked in a real browser: what is like them is muted, and only that.

A detector of the test's own says what moves where: the words in a file.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
CLOCK = SystemClock()
PLACE, ELSEWHERE = "0.60 0.20 0.80 0.60", "0.05 0.20 0.25 0.60"
DETECTOR = """
def detect(frame):
    words = open({file!r}).read().split()
    if not words:
        return []
    return [Observation(tuple(float(edge) for edge in words[1:]), words[0], 1.0)]
"""
SETTINGS = """
[notifiers.hook]
url = "webhook+{hook}/hook"
levels = ["alert", "detection", "motion"]
min_interval = "0 s"
[cameras.front]
source = "demo:front"
[cameras.front.detection]
detector = "own"
[cameras.front.detection.own]
file = "{script}"
allow_read = ["{moves}"]
every = "0.2 s"
"""


@pytest.fixture(scope="module")
def service() -> Iterator[StandIn]:
    with served(StandIn()) as made:
        yield made


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("moves") / "moves.txt"
    file.write_text("")
    return file


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, service: StandIn, moves: Path) -> Iterator[Tawny]:
    """A recorder with five events of yesterday's at one place."""
    folder = tmp_path_factory.mktemp("mutings")
    script = folder / "detect.py"
    script.write_text(DETECTOR.format(file=str(moves)))
    text = SETTINGS.format(hook=service.base, script=script, moves=moves)
    chosen, problems = parse_settings(text, {})
    assert chosen is not None, problems
    running = RecorderRuntime.open(chosen, folder / "data", CLOCK, PluginRegistry.opened())
    for number in range(5):
        start_ms = CLOCK.now_ms() - 86_400_000 + number * 60_000
        x = 0.6 + 0.01 * number
        event = Event(new_event_id(start_ms), CameraId("front"), "motion", start_ms, start_ms + 4000, 60.0)
        running.parts.storage.marks.put_event(replace(event, box=(x, 0.2, x + 0.2, 0.6)))
    running.close("person")
    yield from with_settings(folder, text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


def events(owner: BrowserContext, house: Tawny) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = owner.request.get(f"{house.base}/api/v1/events?limit=50").json()["items"]
    return items


def happens(owner: BrowserContext, house: Tawny, moves: Path, what: str) -> dict[str, Any]:
    """Something moves for a moment; the event that came of it, once it is over."""
    before = {one["id"] for one in events(owner, house)}

    def new() -> dict[str, Any] | None:
        return next((one for one in events(owner, house) if one["id"] not in before), None)

    def ended() -> bool:
        found = new()
        return found is not None and found["end_ms"] is not None

    moves.write_text(what)
    until(new, 60, f"an event: {what}")
    moves.write_text("")
    until(ended, 60, f"its end: {what}")
    found = new()
    assert found is not None
    return found


def notified(service: StandIn) -> set[str]:
    return {one.json["event"] for one in service.asked if one.json.get("type") == "message.event"}


@pytest.mark.shows("DY26")
def test_after_five_false_alarms_what_is_like_them_is_muted_and_nothing_else(
    owner: BrowserContext, house: Tawny, service: StandIn, moves: Path
) -> None:
    headers = {**OURS, "Origin": house.base}
    flags = events(owner, house)
    assert len(flags) == 5
    for event in flags[1:]:
        path = f"{house.base}/api/v1/events/{event['id']}/feedback"
        assert owner.request.post(path, data={"false_alarm": "weather"}, headers=headers).ok
    mutings = f"{house.base}/api/v1/cameras/front/mutings"
    refused = owner.request.post(mutings, data={"event": flags[1]["id"]}, headers=headers)
    assert refused.status == 409, "four are too few"
    first = happens(owner, house, moves, f"motion {PLACE}")
    assert not first["muted"]
    until(lambda: first["id"] in notified(service), 60, "a message")

    page = owner.new_page()
    page.goto(f"{house.base}/events/{flags[0]['id']}?only=all")
    page.get_by_role("button", name="Wrong or not useful?").click()
    page.get_by_role("button", name="No, false alarm").click()
    page.get_by_role("button", name="Rain or insects").click()
    expect(page.get_by_text("5 similar false alarms here.")).to_be_visible()
    assert unfit(page, axe_script()) == []
    page.get_by_role("button", name="Mute similar ones here").click()
    expect(page.get_by_text("Muted for 90 days.")).to_be_visible()
    expect(page.get_by_role("button", name="Mute similar ones here")).to_have_count(0)

    muted = happens(owner, house, moves, f"motion {PLACE}")
    assert muted["muted"]
    for what in (f"person {PLACE}", f"motion {ELSEWHERE}"):
        other = happens(owner, house, moves, what)
        assert not other["muted"]
        until(lambda other=other: other["id"] in notified(service), 60, "a message")  # type: ignore[misc]
    assert muted["id"] not in notified(service)
    why = owner.request.get(f"{house.base}/api/v1/events/{muted['id']}/why").json()
    assert "false alarms at this place" in str(why)

    page.goto(f"{house.base}/events/{muted['id']}?only=all&tab=motion")
    expect(page.locator(".worth").get_by_text("Events like this are muted here")).to_be_visible()
    expect(page.locator(f"[data-events~='{muted['id']}']")).to_be_visible()  # its visit has others, which aren't muted
    page.close()


def test_the_list_says_what_is_muted_and_undoes_it(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/front/motion")
    row = page.locator("[data-muting]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(f"Muted by {OWNER['name']}")
    expect(row).to_contain_text("1 event muted, last")
    row.scroll_into_view_if_needed()
    assert unfit(page, axe_script()) == []
    row.get_by_role("button", name="Stop muting").click()
    expect(row).to_have_count(0)
    expect(page.get_by_text("similar false alarms here")).to_be_visible()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    page.close()


def test_a_viewer_is_offered_nothing(browser: Browser, owner: BrowserContext, house: Tawny) -> None:
    assert owner.request.get(f"{house.base}/api/v1/cameras/front/mutings").json()["items"]
    stranger = browser.new_context()
    assert stranger.request.get(f"{house.base}/api/v1/cameras/front/mutings").status == 401
    stranger.close()

"""Two houses on one page: a hub and two recorders in processes of their own, by the commands of the documentation."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.fleet.session import SILENT_S
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import SHOWS, axe_script, unfit

pytestmark = pytest.mark.browser
SETTINGS = '[web]\nname = "{name}"\n[cameras.front]\nsource = "demo:front"\nsub = "demo:front"\n'
PLAYS = """(selector) => [...document.querySelectorAll(selector)].some((video) => {
  if (video.paused) video.play();
  return video.currentTime > 0.5 && video.readyState >= 2;
})"""
OURS = {"X-Tawny": "1"}


def command(folder: Path, *words: str) -> dict[str, Any]:
    """Run `tawny WORDS --json` with the settings of this folder."""
    program = str(Path(sys.executable).with_name("tawny"))
    line = [program, *words, "--config", str(folder / "tawny.toml"), "--data", str(folder / "data"), "--json"]
    done = subprocess.run(line, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Fleet:
    """A hub and its houses. folders: of each, by name."""

    hub: Tawny
    folders: dict[str, Path]
    running: dict[str, ExitStack] = field(default_factory=dict)
    houses: dict[str, Tawny] = field(default_factory=dict)

    def start(self, name: str) -> None:
        stack = ExitStack()
        settings = SETTINGS.format(name=name)
        file = self.folders[name] / "tawny.toml"
        text = file.read_text() if file.exists() else settings
        self.houses[name] = stack.enter_context(contextmanager(with_settings)(self.folders[name], text))
        self.running[name] = stack

    def join(self, name: str) -> dict[str, Any]:
        link = command(self.folders["hub"], "hub", "link")["link"]
        return command(self.folders[name], "fleet", "join", link)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    yield from make_fleet(tmp_path_factory)


def make_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("hub", "beach", "town")}
    with ExitStack() as stack:
        hub_settings = '[hub]\nenabled = true\n[web]\nname = "Our houses"\n'
        hub = stack.enter_context(contextmanager(with_settings)(folders["hub"], hub_settings))
        made = Fleet(hub, folders)
        for name in ("beach", "town"):
            made.start(name)
        try:
            yield made
        finally:
            for running in made.running.values():
                running.close()


@pytest.fixture(scope="module")
def owner(browser: Browser, fleet: Fleet) -> Iterator[BrowserContext]:
    context = owner_of(browser, fleet.hub, 1280)
    yield context
    context.close()


@pytest.fixture(scope="module")
def joined(fleet: Fleet, owner: BrowserContext) -> Fleet:
    for name in ("beach", "town"):
        answer = fleet.join(name)
        [row] = [one for one in boxes(owner, fleet) if one["name"] == name]
        assert row["words"] == answer["words"]
        assert len(answer["words"].split()) == 4
    until(lambda: all(one["online"] for one in boxes(owner, fleet)), 60, "both houses to be online")
    return fleet


def boxes(owner: BrowserContext, fleet: Fleet) -> list[dict[str, Any]]:
    answer = owner.request.get(f"{fleet.hub.base}/api/v1/fleet")
    assert answer.ok, answer.text()
    found: list[dict[str, Any]] = answer.json()["boxes"]
    return found


def events(owner: BrowserContext, fleet: Fleet, box: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.request.get(f"{fleet.hub.base}/api/v1/fleet/events?box={box}").json()["events"]
    return found


@pytest.mark.shows("SC3")
def test_two_houses_are_on_one_page_by_four_commands(joined: Fleet, owner: BrowserContext) -> None:
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders")
    for name in ("beach", "town"):
        row = page.locator(f'[data-box="{name}"]')
        expect(row).to_have_attribute("data-online", "true")
        expect(row.get_by_text("1 of 1 working")).to_be_visible()
    page.close()


@pytest.mark.shows("SC7")
def test_cameras_of_both_houses_move(joined: Fleet, owner: BrowserContext) -> None:
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders/wall")
    for camera in ("beach~front", "town~front"):
        page.wait_for_function(PLAYS, arg=f'[data-camera="{camera}"] video', timeout=60_000)
    page.close()


@pytest.mark.shows("SC23")
def test_an_event_of_a_house_plays(joined: Fleet, owner: BrowserContext) -> None:
    until(lambda: any(one["end_ms"] for one in events(owner, joined, "beach")), 120, "an event that is over")
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders/events")
    page.get_by_label("Recorder", exact=True).select_option("beach")
    page.locator('[data-box="beach"] .rec-event').last.click()
    page.wait_for_function(PLAYS, arg="dialog video", timeout=60_000)
    page.close()


def test_the_pages_of_a_house_are_its_own(joined: Fleet, owner: BrowserContext) -> None:
    page = owner.new_page()
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 500 else None)
    page.goto(f"{joined.hub.base}/recorders")
    page.get_by_role("link", name="Open: beach").click()
    page.wait_for_function(PLAYS, arg='[data-camera="front"] video', timeout=60_000)
    page.get_by_role("link", name=re.compile("^Timeline")).first.click()
    expect(page).to_have_url(re.compile(r"/boxes/beach/timeline"))
    page.locator("canvas[data-t0]").first.wait_for()
    page.get_by_role("link", name="Recorders").first.click()
    expect(page).to_have_url(f"{joined.hub.base}/recorders")
    assert not failed
    page.close()


def hover_at(page: Page, row: int, at_ms: float) -> tuple[float, float]:
    """Point at an instant in a lane of the joint timeline. Return where that is on the page."""
    canvas = page.locator(".past-time canvas")
    box = canvas.bounding_box()
    assert box is not None
    begin_ms, end_ms = (float(canvas.get_attribute(name) or 0) for name in ("data-t0", "data-t1"))
    x = box["x"] + (at_ms - begin_ms) / (end_ms - begin_ms) * box["width"]
    y = box["y"] + 30 + (row + 0.8) * 46
    page.mouse.move(x, y)
    return x, y


def recorded(owner: BrowserContext, fleet: Fleet, name: str) -> list[tuple[int, int]]:
    """Return what the hub knows as recorded today."""
    return [(begin, end) for begin, end in lane(owner, fleet, name)["spans"]]


def lane(owner: BrowserContext, fleet: Fleet, name: str) -> dict[str, Any]:
    now_ms = round(time.time() * 1000)
    query = f"from_ms={now_ms - 3_600_000}&to_ms={now_ms + 60_000}"
    answer = owner.request.get(f"{fleet.hub.base}/api/v1/fleet/timeline?{query}")
    assert answer.ok, answer.text()
    found: dict[str, Any] = next(one for one in answer.json()["cameras"] if one["box"] == name)
    return found


def test_the_past_of_both_houses_is_on_one_timeline(joined: Fleet, owner: BrowserContext) -> None:
    for name in ("beach", "town"):
        until(lambda name=name: recorded(owner, joined, name), 150, "what it recorded")  # type: ignore[misc]
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders/timeline")
    expect(page.locator(".past-names li")).to_have_count(2)
    for _ in range(7):
        page.get_by_label("Zoom in").click()
    begin_ms, end_ms = recorded(owner, joined, "beach")[-1]
    x, y = hover_at(page, 0, (begin_ms + end_ms) / 2)
    picture = page.locator('.past-tip[data-camera="beach~front"] img')
    expect(picture).to_have_js_property("complete", value=True, timeout=60_000)
    until(lambda: picture.evaluate("image => image.naturalWidth") > 0, 60, "the picture of that second")
    page.mouse.click(x, y)
    expect(page).to_have_url(re.compile(r"/boxes/beach/timeline\?cam=front&t="))
    page.close()


def test_events_of_both_houses_are_found_by_words(joined: Fleet, owner: BrowserContext) -> None:
    for name in ("beach", "town"):
        until(lambda name=name: events(owner, joined, name), 120, "an event")  # type: ignore[misc]
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders/events")
    page.get_by_label("Search in words").fill("anything at town today")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".sub[role=status]")).to_contain_text("Searched: ")
    expect(page.locator('[data-box="town"] .rec-event').first).to_be_visible()
    expect(page.locator('[data-box="beach"] .rec-event')).to_have_count(0)
    page.get_by_label("Search in words").fill("xylophone")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".sub[role=status]")).to_contain_text("Not understood here: xylophone")
    page.get_by_label("Search in words").fill("")
    page.get_by_label("Type", exact=True).select_option("tamper")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_barrier(joined: Fleet, owner: BrowserContext, theme: Literal["dark", "light"]) -> None:
    page = owner.new_page()
    page.emulate_media(color_scheme=theme)
    for path in ("", "/wall", "/timeline", "/events"):
        page.goto(f"{joined.hub.base}/recorders{path}")
        page.locator(".rec-box, .rec-tile, .past canvas, .rec-search").first.wait_for()
        page.wait_for_function(SHOWS, arg=theme)
        assert unfit(page, axe_script()) == [], path
    page.close()


def test_what_is_not_allowed_is_refused_by_the_house(joined: Fleet, owner: BrowserContext) -> None:
    at = f"{joined.hub.base}/boxes/beach/api/v1"
    for path in ("settings", "people", "diagnostics/bundle", "access-tokens", "cameras/front/connection"):
        assert owner.request.get(f"{at}/{path}").status == 403, path
    hold = owner.request.put(f"{at}/cameras/front/hold", data={}, headers={**OURS, "Origin": joined.hub.base})
    assert (hold.status, hold.json()["code"]) == (403, "not_allowed_by_recorder")
    assert owner.request.get(f"{at}/cameras/front/snapshot?width=320").ok


@pytest.mark.shows("SC8")
def test_a_house_that_dies_is_offline_within_five_seconds_and_its_events_arrive(
    joined: Fleet, owner: BrowserContext
) -> None:
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/recorders")
    row = page.locator('[data-box="town"]')
    expect(row).to_have_attribute("data-online", "true")
    row.locator("img").first.wait_for()
    house = joined.houses["town"].process
    house.send_signal(signal.SIGSTOP)  # silent, with its connection still open: the slowest to be noticed
    began_s = time.monotonic()
    until(lambda: not box(owner, joined, "town")["online"], 60, "the house to be offline")
    took_s = time.monotonic() - began_s
    assert SILENT_S < 5
    assert took_s < SILENT_S + 10, took_s  # of which a busy machine has ten
    expect(row).to_have_attribute("data-online", "false")
    expect(row.get_by_text(re.compile("^Offline since"))).to_be_visible()
    expect(row.get_by_text(re.compile("· Seen"))).to_be_visible()
    refused = owner.request.get(f"{joined.hub.base}/boxes/town/api/v1/health")
    assert (refused.status, refused.json()["code"]) == (503, "recorder_offline")
    result = lane(owner, joined, "town")
    assert result["unknown"][-1][1] - result["unknown"][-1][0] > 1000  # neither recorded nor a gap
    known = {one["id"] for one in events(owner, joined, "town")}
    house.send_signal(signal.SIGCONT)
    until(lambda: box(owner, joined, "town")["online"], 60, "the house to be back")
    command(joined.folders["town"], "event", "open", "front", "--kind", "bell", "--for", "1 s")
    until(lambda: {one["id"] for one in events(owner, joined, "town")} - known, 60, "an event after its return")
    page.close()


def test_leaving_and_revoking_end_the_line_and_forget(joined: Fleet, owner: BrowserContext) -> None:
    page = owner.new_page()
    page.goto(f"{joined.hub.base}/boxes/town/")
    page.wait_for_function(PLAYS, arg='[data-camera="front"] video', timeout=60_000)
    began_s = time.monotonic()
    gone = owner.request.delete(
        f"{joined.hub.base}/api/v1/fleet/boxes/town", headers={**OURS, "Origin": joined.hub.base}
    )
    assert gone.status == 204
    answer = owner.request.get(f"{joined.hub.base}/boxes/town/api/v1/health")
    assert (answer.status, time.monotonic() - began_s < 3) == (404, True)
    command(joined.folders["beach"], "fleet", "leave")
    until(lambda: boxes(owner, joined) == [], 60, "no house")
    assert events(owner, joined) == []
    page.close()


def box(owner: BrowserContext, fleet: Fleet, name: str) -> dict[str, Any]:
    return next(one for one in boxes(owner, fleet) if one["id"] == name)

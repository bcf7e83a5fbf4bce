"""Search by look in the real program: words, "Find alike", why, and the same on the command line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.config.recognition import SearchSettings
from tawny.model.times import SystemClock
from tawny.service.detection.appearance_service import IDLE_S, AppearanceService, AppearanceSource
from tawny.service.detection.embedding_search import SearchModel
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.appearance_db import AppearanceDb
from tawny.storage.index.opening import index_to_write
from tawny.storage.segments.detection_files import EventFiles
from tests.detection.made_clip import make_clip
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import WIDTHS, as_wide_as, axe_script, violations
from tests.playback.search.made_week import MadeEvent
from tests.playback.search.test_looks import week
from tests.playback.search.test_questions import NOW

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SHOTS = os.environ.get("TAWNY_SHOTS", "")
SETTINGS = "".join(
    f'[cameras.{camera}]\nsource = "demo:{camera}"\ndemo.small = true\ndetection.detector = "off"\n'
    for camera in ("drive", "gate", "garden")
)


def lately() -> dict[str, MadeEvent]:
    """Return the made week, moved to end now."""
    by_ms = SystemClock().now_ms() - NOW
    moved = {}
    for name, one in week().items():
        event = one.event
        assert event.end_ms is not None
        assert event.picture_ms is not None
        start_ms = event.start_ms + by_ms
        moved_event = replace(
            event, start_ms=start_ms, end_ms=event.end_ms + by_ms, picture_ms=event.picture_ms + by_ms
        )
        moved[name] = MadeEvent(name, moved_event, one.jpeg)
    return moved


def filled(folder: Path, model: Path | None) -> dict[str, MadeEvent]:
    """Store the week in a recorder's folder, as a recorder that was idle has it. model: None: it has none."""
    clock, made = SystemClock(), lately()
    folder.mkdir(mode=0o700)
    volume = Volume.at(folder)
    files, history = EventFiles(volume), HistoryJournal(volume.disk)
    index = index_to_write(volume, history)
    ledger = HistoryLedger(history, index, clock)
    for one in made.values():
        files.write_picture(one.event, one.jpeg)
        ledger.put_event(one.event)
    source = AppearanceSource(index, volume.read_picture, lambda _: False, lambda: 0.0)
    service = AppearanceService(
        lambda: AppearanceDb(folder), source, SearchModel(lambda: SearchSettings(model=str(model or "")), {}), clock
    )
    while service.step() < IDLE_S:
        pass
    service.finish()
    with closing(index), closing(history):
        return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, MadeEvent]]:
    folder = tmp_path_factory.mktemp("looks")
    return folder, filled(folder / "data", make_clip(folder / "clip"))


@pytest.fixture(scope="module")
def house(made: tuple[Path, dict[str, MadeEvent]]) -> Iterator[Tawny]:
    yield from with_settings(made[0], f'[search]\nmodel = "{made[0] / "clip"}"\n{SETTINGS}')


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> BrowserContext:
    return owner_of(browser, house, 1280)


def looked_at(page: Page, name: str) -> None:
    axe = axe_script()
    for width in WIDTHS:
        with as_wide_as(page, width):
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            if SHOTS:
                page.wait_for_timeout(800)
                page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}.png"))
            assert violations(page, axe) == []


def test_a_red_car_is_found_and_more_like_it(
    owner: BrowserContext, house: Tawny, made: tuple[Path, dict[str, MadeEvent]]
) -> None:
    page, events = owner.new_page(), made[1]
    page.goto(f"{house.base}/find")
    page.get_by_label("What are you looking for?").fill("red car")
    page.keyboard.press("Enter")
    cards = page.locator(".find-hit")
    expect(cards).to_have_count(3, timeout=WAIT_MS)
    expect(cards.first.locator(".find-why")).to_contain_text("red, ")
    looked_at(page, "look-red")
    page.locator(f'.find-hit[href*="{events["red1"].event.id}"]').click()
    page.wait_for_url(re.compile(r"/events/.+"))
    expect(page.get_by_text("This clip can’t be played")).to_be_visible(timeout=WAIT_MS)  # it moves what is below
    page.get_by_role("link", name="Find alike").click()
    expect(page.get_by_text("Looks like this event")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(f'.find-hit[href*="{events["red2"].event.id}"]')).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(f'.find-hit[href*="{events["blue"].event.id}"]')).to_have_count(0)
    looked_at(page, "look-alike")
    page.get_by_role("button", name="Stop searching for similar events").click()
    expect(page.get_by_text("Looks like this event")).to_have_count(0)
    page.close()


def test_clothes_and_german_words_are_understood(
    owner: BrowserContext, house: Tawny, made: tuple[Path, dict[str, MadeEvent]]
) -> None:
    page, events = owner.new_page(), made[1]
    for words, name in (("person in white", "ptw"), ("Mann mit roter Jacke", "ptr"), ("orange Katze", "catO")):
        page.goto(f"{house.base}/find?q={words}")
        expect(page.locator(f'.find-hit[href*="{events[name].event.id}"]')).to_be_visible(timeout=WAIT_MS)
    page.goto(f"{house.base}/find?q=crimson car")  # only the model knows this colour
    for name in ("red1", "red2", "red3"):
        expect(page.locator(f'.find-hit[href*="{events[name].event.id}"]')).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".find-why").first).to_contain_text("looks like “crimson car”")
    page.goto(f"{house.base}/find?q=purple bicycle")
    expect(page.get_by_text("No matching events.")).to_be_visible(timeout=WAIT_MS)
    page.close()


def test_the_command_line_finds_the_same(house: Tawny, made: tuple[Path, dict[str, MadeEvent]]) -> None:
    folder, events = made

    def tawny(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("tawny")), "find", *words, "--config", str(folder / "tawny.toml")]
        return subprocess.run(
            [*command, "--data", str(folder / "data")], check=True, capture_output=True, text=True, timeout=60
        ).stdout

    found = json.loads(tawny("red car", "--json"))["events"]
    assert {one["id"] for one in found} == {events[name].event.id for name in ("red1", "red2", "red3")}
    assert found[0]["why"].startswith("red, ")
    assert Path(found[0]["image"]).read_bytes()[:2] == b"\xff\xd8"
    alike = json.loads(tawny("--like", events["red1"].event.id, "--json"))["events"]
    assert alike[0]["id"] in {events["red2"].event.id, events["red3"].event.id}
    by_model = json.loads(tawny("crimson car", "--json"))
    assert by_model["unknown"] == []
    assert {one["id"] for one in by_model["events"][:3]} == {events[name].event.id for name in ("red1", "red2", "red3")}
    assert tawny("red car", "--since", "1 min ago").startswith("No matching events (since then).")
    assert "match" in tawny("red car")

"""An owner deletes an event, a time and everything: in two steps, and the history says who did it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, Tawny, browser, owner_of, pages_closed, with_settings
from tests.e2e.rules import axe_script, violations

__all__ = ["browser", "pages_closed"]

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SETTINGS = "".join(
    f'[cameras.{name}]\nsource = "demo:garden"\ndetection.detector = "off"\n' for name in ("yard", "gate")
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("deletion"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> BrowserContext:
    return owner_of(browser, house, 1280)


def command(house: Tawny, *words: str) -> tuple[int, str]:
    """A command beside the running recorder: its exit code, and what it said."""
    program = str(Path(sys.executable).with_name("tawny"))
    done = subprocess.run([program, *words, "--data", str(house.folder)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def videos(house: Tawny, camera: str) -> list[Path]:
    return list((house.folder / camera).rglob("*Z-*.mp4"))


def events(owner: BrowserContext, house: Tawny) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.request.get(f"{house.base}/api/v1/events").json()["items"]
    return found


def recorded_event(owner: BrowserContext, house: Tawny, camera: str) -> dict[str, Any]:
    """An event of this camera, in a file that is closed."""
    before = len(videos(house, camera))
    until(lambda: (house.folder / camera).is_dir(), 60, "a first recording")
    assert command(house, "event", "open", camera, "--kind", "bell", "--for", "1 s")[0] == 0
    until(lambda: any(one["end_ms"] and one["camera"] == camera for one in events(owner, house)), 60, "its end")
    headers = {**OURS, "Origin": house.base}
    assert owner.request.post(f"{house.base}/api/v1/cameras/{camera}/restart", headers=headers).ok
    until(lambda: len(videos(house, camera)) > before, 60, "a closed file")
    return next(one for one in events(owner, house) if one["camera"] == camera)


def sheet(page: Page, button: str) -> Any:
    page.get_by_role("button", name=button).click(timeout=WAIT_MS)
    dialog = page.get_by_role("dialog").last
    expect(dialog.get_by_text("Deletes", exact=False).first).to_be_visible(timeout=WAIT_MS)
    return dialog


def test_rp19_an_event_is_deleted_in_two_steps_and_the_timeline_says_by_whom(
    owner: BrowserContext, house: Tawny
) -> None:
    event = recorded_event(owner, house, "yard")
    old = videos(house, "yard")
    page = owner.new_page()
    page.goto(f"{house.base}/events/{event['id']}")
    dialog = sheet(page, "Delete…")
    assert violations(page, axe_script()) == []
    assert len(events(owner, house)) == 1, "one press deletes nothing"
    dialog.get_by_role("button", name="Delete", exact=False).first.click()
    expect(page.get_by_text("Deleted in 30 s.")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible(timeout=WAIT_MS)
    code, answer = command(house, "delete", event["id"])
    assert code == 0 and "would be deleted" in answer and all(one.exists() for one in old)
    code, answer = command(house, "delete", event["id"], "--yes")
    assert code == 0 and "is deleted now" in answer
    until(lambda: not events(owner, house) and not any(one.exists() for one in old), 60, "the event to be gone")
    _, answer = command(house, "timeline", "--camera", "yard")
    assert "deleted by" in answer


def test_rp19_everything_goes_but_what_is_kept_and_what_is_being_recorded(owner: BrowserContext, house: Tawny) -> None:
    recorded_event(owner, house, "yard")
    event = recorded_event(owner, house, "gate")
    headers = {**OURS, "Origin": house.base}
    assert owner.request.patch(f"{house.base}/api/v1/events/{event['id']}", data={"kept": True}, headers=headers).ok
    kept = videos(house, "gate")
    old = videos(house, "yard")
    page = owner.new_page()
    page.goto(f"{house.base}/settings/storage")
    dialog = sheet(page, "Delete everything…")
    expect(dialog.get_by_text("1 kept event stays with its recordings.")).to_be_visible()
    assert violations(page, axe_script()) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dialog.get_by_role("button", name="Delete", exact=False).first.click()
    expect(page.get_by_text("Deleted in 30 s.")).to_be_visible(timeout=WAIT_MS)
    assert old
    until(lambda: not any(one.exists() for one in old), 60, "the recordings to be gone")
    until(lambda: [one["id"] for one in events(owner, house)] == [event["id"]], 60, "only the kept event")
    assert any(one.exists() for one in kept), "kept events stay"
    code, answer = command(house, "check", "--wall", "--json")
    report = json.loads(answer)
    assert (code, report["wall"]["unexplained_s"]) == (0, 0.0), answer
    assert "deleted by Anna" in {one["detail"] for one in report["wall"]["gaps"]}

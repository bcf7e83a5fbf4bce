"""An owner records a camera only around events, in the browser; the real program does it, and says so everywhere."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, context_of, with_settings
from tests.e2e.rules import axe_script, unfit, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SETTINGS = """# mine
[cameras.yard]
source = "demo:garden"  # keep
detection.detector = "off"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("modes"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> BrowserContext:
    return context_of(browser, house, 1280)


def asked(owner: BrowserContext, house: Tawny, path: str, **body: object) -> dict[str, object]:
    headers = {"X-Tawny": "1", "Origin": house.base}
    address = f"{house.base}/api/v1/{path}"
    answer = owner.request.post(address, data=body, headers=headers) if body else owner.request.get(address)
    assert answer.ok, answer.text()
    return dict(answer.json())


def around_events(owner: BrowserContext, house: Tawny) -> None:
    """Let the camera wait for an event, as the first test does in the browser."""
    choice = {"record": "events", "pre_s": 5, "post_s": 4, "modes": {"night": "continuous"}}
    answer = owner.request.put(
        f"{house.base}/api/v1/cameras/yard/recording", data=choice, headers={"X-Tawny": "1", "Origin": house.base}
    )
    assert answer.ok, answer.text()
    until(lambda: state(owner, house) == "waiting", 60)


def state(owner: BrowserContext, house: Tawny) -> str:
    return str(asked(owner, house, "cameras")["items"][0]["state"])  # type: ignore[index]


def files(house: Tawny) -> list[Path]:
    return list(house.folder.rglob("*.mp4"))


@pytest.mark.shows("DY11")
def test_only_around_events_from_the_browser(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    until(lambda: state(owner, house) == "recording", 60)
    page.goto(f"{house.base}/settings/cameras/yard/recording")
    expect(page.get_by_role("heading", name="What is recorded")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text(re.compile(r"[\d.]+ GB a day")).first).to_be_visible(timeout=WAIT_MS)
    page.get_by_text("Only around events").first.click()
    page.get_by_label("Seconds after an event").fill("4")
    page.get_by_label("Night").select_option(label="Always")
    assert violations(page, axe_script()) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It applies now.")).to_be_visible(timeout=WAIT_MS)
    until(lambda: state(owner, house) == "waiting", 60)
    text = (house.folder.parent / "tawny.toml").read_text()
    assert "# keep" in text and 'record = "events"' in text and 'post = "4 s"' in text
    expect(page.get_by_text("1 of 1").first).to_be_visible(timeout=WAIT_MS)
    page.goto(f"{house.base}/health")
    expect(page.get_by_text("Waiting for an event").first).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []


def test_an_event_of_another_program_is_recorded(owner: BrowserContext, house: Tawny) -> None:
    around_events(owner, house)
    before = len(files(house))
    opened = asked(owner, house, "orders", command="event.open", camera="yard", kind="person")
    until(lambda: state(owner, house) == "recording", 5)
    asked(owner, house, "orders", command="event.close", event=opened["event"])
    until(lambda: len(files(house)) > before, 5)
    until(lambda: state(owner, house) == "waiting", 60)
    now_ms = round(time.time() * 1000)
    gaps = asked(owner, house, f"timeline?from_ms={now_ms - 3_600_000}&to_ms={now_ms}")["cameras"][0]["gaps"]  # type: ignore[index]
    assert {one["words"] for one in gaps} == {"Starting", "Nothing happened"}
    assert {one["tone"] for one in gaps if one["reason"] == "waiting"} == {"faint"}


def test_record_now_records_everything_until_it_ends(owner: BrowserContext, house: Tawny) -> None:
    around_events(owner, house)
    asked(owner, house, "orders", command="record", camera="yard", **{"for": 3})
    until(lambda: state(owner, house) == "recording", 5)
    until(lambda: state(owner, house) == "waiting", 60)


def test_a_mode_that_records_everything_is_shown(owner: BrowserContext, house: Tawny) -> None:
    around_events(owner, house)
    asked(owner, house, "orders", command="set_mode", mode="night")
    until(lambda: state(owner, house) == "recording", 5)
    page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/yard/recording")
    expect(page.get_by_text("The mode Night is active and has its own choice: Always.")).to_be_visible(timeout=WAIT_MS)
    asked(owner, house, "orders", command="set_mode", mode="home")
    until(lambda: state(owner, house) == "waiting", 60)


@pytest.mark.shows("SC14")
def test_a_wrong_number_is_not_sent(owner: BrowserContext, house: Tawny) -> None:
    around_events(owner, house)
    page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/yard/recording")
    page.get_by_label("Seconds before an event").fill("99")
    page.get_by_text("Always", exact=True).first.click()
    page.get_by_role("button", name="Save").click()
    assert page.locator("input:invalid").count() == 1
    assert 'record = "events"' in (house.folder.parent / "tawny.toml").read_text()


def test_on_a_phone_nothing_is_cut_off(browser: Browser, owner: BrowserContext, house: Tawny) -> None:
    assert state(owner, house)
    page = context_of(browser, house, 390).new_page()
    page.goto(f"{house.base}/settings/cameras/yard/recording")
    expect(page.get_by_role("heading", name="What is recorded")).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe_script()) == []


def test_every_second_is_explained_afterwards(owner: BrowserContext, house: Tawny) -> None:
    around_events(owner, house)
    asked(owner, house, "orders", command="record", camera="yard", **{"for": 2})
    until(lambda: state(owner, house) == "recording", 5)
    until(lambda: state(owner, house) == "waiting", 60)
    command = [str(Path(sys.executable).with_name("tawny")), "check", "--wall", "--json", "--data", str(house.folder)]

    def found() -> list[object]:
        """Also what is found while the recorder closes a file: its row comes after its name."""
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode in (0, 1), result.stdout + result.stderr
        return list(json.loads(result.stdout)["findings"])

    until(lambda: not found(), 60, "no findings")


def test_a_camera_is_added_to_record_only_around_events(browser: Browser, house: Tawny) -> None:
    page = context_of(browser, house, 390).new_page()
    page.goto(f"{house.base}/settings/add-camera")
    page.get_by_role("textbox", name="Address").fill("demo:front")
    page.get_by_role("button", name="Continue").click()
    always = page.get_by_role("button", name=re.compile(r"^Always · [\d.]+ GB a day$"))
    expect(always).to_have_attribute("aria-pressed", "true", timeout=WAIT_MS)
    page.get_by_role("button", name="Only around events").click()
    assert unfit(page, axe_script()) == []
    page.get_by_label("Name of the camera").fill("Gate")
    page.get_by_role("button", name="Add camera").click()
    page.wait_for_url("**/live/gate*", timeout=WAIT_MS)
    assert 'record = "events"' in (house.folder.parent / "tawny.toml").read_text().split("[cameras.gate")[1]
    headers = {"X-Tawny": "1", "Origin": house.base}

    def shown() -> str:
        cameras = page.request.get(f"{house.base}/api/v1/cameras").json()["items"]
        return str({one["id"]: one["state"] for one in cameras}.get("gate"))

    until(lambda: shown() == "waiting", 60)
    assert not list((house.folder / "gate").rglob("*.mp4"))
    removed = page.request.delete(f"{house.base}/api/v1/cameras/gate", headers=headers)
    assert removed.ok, removed.text()

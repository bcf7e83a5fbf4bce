"""The danger zone of a camera, each button pressed in the browser: what it says happens, and can be undone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
SETTINGS = "# mine\n" + "".join(
    f'[cameras.{name}]\nsource = "demo:garden"  # {name}\ndetection.detector = "off"\n'
    for name in ("yard", "gate", "shed")
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("danger"), SETTINGS)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> BrowserContext:
    return owner_of(browser, house, 1280)


def config(house: Tawny) -> str:
    return (house.folder.parent / "tawny.toml").read_text()


def state(owner: BrowserContext, house: Tawny, camera: str) -> str:
    items = owner.request.get(f"{house.base}/api/v1/cameras").json()["items"]
    return str({one["id"]: one["state"] for one in items}.get(camera))


def videos(house: Tawny, camera: str) -> list[Path]:
    """What is found while folders may be removed."""
    return [
        Path(folder) / name
        for folder, _, names in os.walk(house.folder / camera)
        for name in names
        if name.endswith(".mp4")
    ]


def danger(owner: BrowserContext, house: Tawny, camera: str) -> Page:
    """The page, once the camera has recorded something."""
    until(lambda: state(owner, house, camera) == "recording" and bool(videos(house, camera)), 60, "a recording")
    page = owner.new_page()
    page.goto(f"{house.base}/settings/cameras/{camera}/danger")
    expect(page.get_by_role("heading", name="Remove camera")).to_be_visible(timeout=WAIT_MS)
    return page


def remove(page: Page, choice: str) -> None:
    page.get_by_role("button", name="Remove camera").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(choice).check()
    dialog.get_by_role("button", name="Remove camera").click()
    page.wait_for_url("**/settings", timeout=WAIT_MS)


def test_pause_and_resume(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "yard")
    page.get_by_role("button", name="Pause", exact=True).click()
    until(lambda: state(owner, house, "yard") == "paused", 60)
    page.get_by_role("button", name="Resume", exact=True).click(timeout=WAIT_MS)
    until(lambda: state(owner, house, "yard") == "recording", 60)


def test_restart_connects_again(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "yard")
    before = len(videos(house, "yard"))
    page.get_by_role("button", name="Restart", exact=True).click()
    expect(page.get_by_text("Restarted.")).to_be_visible(timeout=WAIT_MS)
    until(lambda: len(videos(house, "yard")) > before, 60, "a recording of the new connection")
    until(lambda: state(owner, house, "yard") == "recording", 60)


def test_another_device_takes_its_place(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "yard")
    page.get_by_role("button", name="Replace…").click()
    page.get_by_role("dialog").get_by_label("Address of the new camera").fill("demo:front")
    page.get_by_role("dialog").get_by_role("button", name="Test and replace").click()
    expect(page.get_by_text("Yard is the new camera now.")).to_be_visible(timeout=WAIT_MS)
    assert 'source = "demo:front"  # yard' in config(house)
    until(lambda: state(owner, house, "yard") == "recording", 60)
    assert videos(house, "yard"), "recordings stay"


def test_recordings_are_deleted_and_recording_goes_on(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "yard")
    old = videos(house, "yard")
    page.get_by_role("button", name="Delete recordings").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete recordings").click()
    expect(page.get_by_text("Recordings are deleted in 30 s.")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible(timeout=WAIT_MS)
    assert len(videos(house, "yard")) >= len(old)
    assert state(owner, house, "yard") == "recording"


def test_a_camera_is_removed_with_its_recordings_kept_and_is_back_after_undo(
    owner: BrowserContext, house: Tawny
) -> None:
    page = danger(owner, house, "gate")
    before, old = config(house), videos(house, "gate")
    remove(page, "Keep them")
    assert "[removed_cameras.gate]" in config(house)
    until(lambda: state(owner, house, "gate") == "None", 60)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Gate is back with its settings.")).to_be_visible(timeout=WAIT_MS)
    assert config(house) == before
    assert len(videos(house, "gate")) >= len(old)
    until(lambda: state(owner, house, "gate") == "recording", 60)


@pytest.mark.long
@pytest.mark.shows("SC10")
def test_a_camera_is_removed_with_its_recordings_deleted_unless_undone(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "shed")
    before = config(house)
    remove(page, "Delete them now")
    assert "delete_after" in config(house)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Shed is back with its settings.")).to_be_visible(timeout=WAIT_MS)
    assert config(house) == before
    page = danger(owner, house, "shed")
    remove(page, "Delete them now")
    until(lambda: not videos(house, "shed"), 90, "an empty folder of the camera")
    assert "[cameras.shed]" not in config(house)
    assert videos(house, "gate") and videos(house, "yard"), "other cameras keep theirs"


def test_what_a_removed_camera_left_is_on_the_storage_page(owner: BrowserContext, house: Tawny) -> None:
    page = danger(owner, house, "gate")
    remove(page, "Keep them")
    page.goto(f"{house.base}/settings/cameras/yard/recording")
    page.get_by_role("link", name="Change retention").click(timeout=WAIT_MS)
    left = page.get_by_role("list", name="Removed cameras")
    expect(left).to_contain_text("Gate (removed)", timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_recordings_of_the_last_camera_stay_on_the_timeline(owner: BrowserContext, house: Tawny) -> None:
    for camera in re.findall(r"^\[cameras\.(\w+)\]", config(house), re.MULTILINE):
        remove(danger(owner, house, camera), "Keep them")
    page = owner.new_page()
    page.goto(f"{house.base}/timeline")
    expect(page.get_by_role("group", name=re.compile(r"Yard \(removed\)")).first).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("No cameras yet.")).to_have_count(0)

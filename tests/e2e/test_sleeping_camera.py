"""A battery camera in the interface: asleep is said where its state is, and is no problem anywhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    """Nothing answers at the shed's address: the camera's radio is off."""
    text = (
        '[cameras.shed]\nsource = "rtsp://127.0.0.1:9/main"\nsleeps = true\n'
        '[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    )
    yield from with_settings(tmp_path_factory.mktemp("asleep"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    cameras = f"{house.base}/api/v1/cameras"

    def states() -> set[str]:
        return {one["state"] for one in context.request.get(cameras).json()["items"]}

    until(lambda: states() == {"asleep", "recording"}, 60, "one asleep")
    yield context
    context.close()


def test_it_is_asleep_and_nothing_is_wrong(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(house.base)
    expect(page.get_by_text("1 of 2 cameras working, 1 asleep").first).to_be_visible(timeout=60_000)
    tile = page.locator('[data-camera="shed"]').first
    expect(tile.get_by_text("Asleep since")).to_be_visible()
    expect(tile.get_by_role("link", name="What to check")).to_have_count(0)
    assert violations(page, axe_script()) == []
    health = owner.request.get(f"{house.base}/api/v1/health").json()
    assert (health["ok"], health["trouble"], health["expected"], health["counts"]["asleep"]) == (True, 0, 1, 1)
    page.goto(f"{house.base}/live/shed")
    expect(page.get_by_text("It wakes when something happens.")).to_be_visible()
    expect(page.get_by_role("button", name="Record now").first).to_be_visible()
    page.goto(f"{house.base}/settings/cameras/shed/connection")
    switch = page.get_by_role("switch", name="Sleeps between events")
    expect(switch).to_have_attribute("aria-checked", "true")
    assert violations(page, axe_script()) == []
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    file = house.folder.parent / "tawny.toml"
    until(lambda: "sleeps = false" in file.read_text(), 60, "the setting in the file")
    until(lambda: owner.request.get(f"{house.base}/api/v1/health").json()["trouble"] == 1, 60, "it is a problem now")
    page.close()

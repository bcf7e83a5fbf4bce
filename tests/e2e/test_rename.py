"""A camera's new name is shown in every open page and said in the next notification; old addresses still open."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, owner_of, until_recorded, with_settings

pytestmark = pytest.mark.browser
SETTINGS = """# mine
[notifiers.hook]
url = "webhook+{url}"
min_interval = "0 s"
[cameras.front]
source = "demo:front"  # at the door
name = "Front door"
detection.detector = "off"
"""
WITHIN_MS = 2_000


def test_a_new_name_is_everywhere_within_two_seconds(browser: Browser, tmp_path: Path) -> None:
    hook = StandIn()
    with served(hook):
        for house in with_settings(tmp_path, SETTINGS.format(url=hook.base + "/hook")):
            owner = owner_of(browser, house, 1280)
            ours = {**OURS, "Origin": house.base}
            wall, timeline = owner.new_page(), owner.new_page()
            wall.goto(f"{house.base}/")
            wall.wait_for_selector('[data-view="playing"]', timeout=60_000)
            until_recorded(wall, house, 3)
            timeline.goto(f"{house.base}/timeline")
            expect(timeline.get_by_text("Front door").first).to_be_visible(timeout=60_000)

            settings = owner.new_page()
            settings.goto(f"{house.base}/settings/cameras/front/general")
            field = settings.get_by_role("textbox", name="Name")
            field.fill("Not saved yet")

            body = {"name": "Garden gate"}
            assert owner.request.put(f"{house.base}/api/v1/cameras/front/name", data=body, headers=ours).ok
            for page in (wall, timeline):
                expect(page.get_by_text("Garden gate").first).to_be_visible(timeout=WITHIN_MS)
                expect(page.get_by_text("Front door")).to_have_count(0, timeout=WITHIN_MS)
            expect(settings.get_by_role("heading", name="Garden gate")).to_be_visible()
            expect(field).to_have_value("Not saved yet")
            order = {"command": "event.open", "camera": "front", "kind": "person"}
            assert owner.request.post(f"{house.base}/api/v1/orders", data=order, headers=ours).ok
            until(lambda: [one for one in hook.asked if one.path == "/hook" and b"Garden gate" in one.body], 60, "it")
            assert not [one for one in hook.asked if b"Front door" in one.body]
            assert (
                '[cameras.front]\nsource = "demo:front"  # at the door\nname = "Garden gate"'
                in (tmp_path / "tawny.toml").read_text()
            )

            old = owner.new_page()
            old.goto(f"{house.base}/live/front")
            expect(old.get_by_text("Garden gate").first).to_be_visible(timeout=60_000)
            old.wait_for_selector('[data-view="playing"]', timeout=60_000)
            owner.close()

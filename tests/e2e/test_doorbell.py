"""A doorbell in the real program: from the camera's ONVIF message to what arrives, and to the answer in a browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.http_service import StandIn, served
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, violations
from tests.support.onvif_simulator import OnvifSimulator, simulated

pytestmark = pytest.mark.browser
BELL, MOTION = "tns1:Device/Trigger/DigitalInput", "tns1:RuleEngine/CellMotionDetector/Motion"
PUBLIC = "https://cam.example.org"


@pytest.fixture(scope="module")
def door() -> Iterator[OnvifSimulator]:
    with simulated() as made:
        yield made


@pytest.fixture(scope="module")
def receiver() -> Iterator[StandIn]:
    with served(StandIn(lambda asked: (200, {}))) as made:
        yield made


@pytest.fixture(scope="module")
def house(
    door: OnvifSimulator, receiver: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tawny]:  # fmt: skip
    """Its notifier is quiet about everything else, all day."""
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speaker="pcma")) as camera:
        text = (
            f'[web]\npublic_url = "{PUBLIC}"\n'
            f'[cameras.front-door]\nsource = "{camera.address}"\nonvif = "{door.url}"\ndetection.detector = "off"\n'
            f'[notifiers.phone]\nurl = "webhook+{receiver.base}/ring"\nkinds = ["animal"]\n'
            'quiet_hours = "00:00-23:59"\nproblems = false\n'
        )
        yield from with_settings(tmp_path_factory.mktemp("doorbell"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny, door: OnvifSimulator) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    door.await_subscribed()
    yield context
    context.close()


def messages(receiver: StandIn) -> list[dict[str, Any]]:
    return [one.json for one in receiver.asked]


def ring(door: OnvifSimulator) -> None:
    door.report(BELL, {"InputToken": "Doorbell"}, {"LogicalState": "true"}, keep=False)


def test_who_rings_is_shown_and_answered(
    owner: BrowserContext, house: Tawny, door: OnvifSimulator, receiver: StandIn
) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/health")
    page.wait_for_selector(".rings", state="attached", timeout=60_000)
    cameras = f"{house.base}/api/v1/cameras"
    until(lambda: owner.request.get(cameras).json()["items"][0]["state"] == "recording", 60, "the recording")
    door.report(MOTION, {"Rule": "a"}, {"IsMotion": "true"}, keep=False)
    ring(door)
    until(lambda: bool(messages(receiver)), 60, "the notification")
    first = messages(receiver)[0]
    live = f"{PUBLIC}/live/front-door"
    assert (first["title"], first["camera"], first["link"]) == (
        "Someone rang at Front door.", "front-door", f"{live}?talk=1",
    )  # fmt: skip
    assert [(one["label"], one["url"]) for one in first["buttons"]][:2] == [("Talk", f"{live}?talk=1"), ("Live", live)]
    assert [one["label"] for one in first["buttons"]][2:] == ["Mute for 1 h"]
    shown = page.get_by_role("dialog", name="Someone rang at Front door")
    expect(shown).to_be_visible(timeout=10_000)
    assert violations(page, axe_script()) == []
    shown.get_by_role("button", name="Answer").click()
    page.wait_for_url("**/live/front-door?talk=1")
    expect(shown).to_be_hidden()
    talk = page.get_by_role("button", name="Hold to talk")
    expect(talk).to_be_focused(timeout=60_000)
    assert violations(page, axe_script()) == []
    page.close()

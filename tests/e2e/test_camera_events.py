"""Events that cameras report by ONVIF, in the real program: a doorbell, people, a line, and a camera that restarts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.testing.waiting import until
from tests.delivery.certificates import self_signed
from tests.e2e.conftest import OURS, Tawny, owner_of, with_settings
from tests.support.maker_camera import MakerCamera, maker_camera
from tests.support.onvif_simulator import OnvifSimulator, simulated

pytestmark = pytest.mark.browser
PEOPLE, BELL = "tns1:RuleEngine/MyRuleDetector/PeopleDetect", "tns1:Device/Trigger/DigitalInput"
MOTION, LINE = "tns1:RuleEngine/CellMotionDetector/Motion", "tns1:RuleEngine/LineDetector/Crossed"


@pytest.fixture(scope="module")
def gate() -> Iterator[OnvifSimulator]:
    """Its clock is 90 s ahead."""
    with simulated(ahead=timedelta(seconds=90)) as made:
        yield made


@pytest.fixture(scope="module")
def yard() -> Iterator[OnvifSimulator]:
    with simulated(named_by="header") as made:
        yield made


@pytest.fixture(scope="module")
def porch() -> Iterator[MakerCamera]:
    with maker_camera("dahua") as made:
        yield made


@pytest.fixture(scope="module")
def drive() -> Iterator[MakerCamera]:
    with maker_camera("hikvision") as made:
        yield made


@pytest.fixture(scope="module")
def lane() -> Iterator[MakerCamera]:
    with maker_camera("axis") as made:
        yield made


@pytest.fixture(scope="module")
def attic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakerCamera]:
    with maker_camera("reolink", certificate=self_signed(tmp_path_factory.mktemp("camera"))) as made:
        yield made


@pytest.fixture(scope="module")
def house(
    gate: OnvifSimulator,
    yard: OnvifSimulator,
    porch: MakerCamera,
    drive: MakerCamera,
    lane: MakerCamera,
    attic: MakerCamera,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tawny]:  # fmt: skip
    text = (
        f'[cameras.gate]\nsource = "demo:front"\nonvif = "{gate.url}"\ndetection.detector = "off"\n'
        f'[cameras.yard]\nsource = "demo:garden"\nonvif = "{yard.url}"\ndetection.threshold = 100\n'
        f'[cameras.shed]\nsource = "demo:garden"\nonvif = "{yard.url}"\ncamera_events = "off"\n'
        f'[cameras.porch]\nsource = "demo:front"\nevent_api = {{ maker = "dahua", url = "{porch.url}" }}\n'
        f'[cameras.drive]\nsource = "demo:front"\nevent_api = {{ maker = "hikvision", url = "{drive.url}" }}\n'
        'detection.detector = "off"\n'
        f'[cameras.lane]\nsource = "demo:front"\nevent_api = {{ maker = "axis", url = "{lane.url}" }}\n'
        'detection.detector = "off"\n'
        f'[cameras.attic]\nsource = "demo:front"\ndetection.detector = "off"\n'
        f'event_api = {{ maker = "reolink", url = "{attic.url}", fingerprint = "{attic.fingerprint}" }}\n'
    )
    yield from with_settings(tmp_path_factory.mktemp("events"), text)


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny, gate: OnvifSimulator, yard: OnvifSimulator) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    gate.await_subscribed()
    yard.await_subscribed()
    yield context
    context.close()


def events(owner: BrowserContext, house: Tawny, camera: str, kind: str) -> list[dict[str, Any]]:
    asked = f"{house.base}/api/v1/events?camera={camera}&limit=100&from=2020-01-01T00:00:00Z"
    found: list[dict[str, Any]] = owner.request.get(asked).json()["items"]
    return [
        one for one in found
        if one["camera"] == camera and one["type"] == kind and "reported" in [each["label"] for each in one["objects"]]
    ]  # fmt: skip


def awaited(owner: BrowserContext, house: Tawny, camera: str, kind: str) -> dict[str, Any]:
    until(lambda: bool(events(owner, house, camera, kind)), 40, f"{kind} at {camera}")
    return events(owner, house, camera, kind)[0]


def test_a_button_that_is_pressed_is_an_event_and_an_alert(
    owner: BrowserContext, house: Tawny, gate: OnvifSimulator
) -> None:
    gate.report(BELL, {"InputToken": "Doorbell"}, {"LogicalState": "true"}, keep=False)
    made = awaited(owner, house, "gate", "doorbell")
    assert made["level"] == "alert"
    until(lambda: events(owner, house, "gate", "doorbell")[0]["end_ms"] is not None, 40, "its end")


def test_without_detection_what_it_reports_is_an_event_at_the_time_it_came(
    owner: BrowserContext, house: Tawny, gate: OnvifSimulator
) -> None:
    """The camera's clock is 90 s ahead, the event is not."""
    gate.report(MOTION, {"Rule": "a"}, {"IsMotion": "true"})
    made = awaited(owner, house, "gate", "motion")
    status = next(
        one for one in owner.request.get(f"{house.base}/api/v1/cameras").json()["items"] if one["id"] == "gate"
    )
    assert abs(status["last_packet_ms"] - made["start_ms"]) < 45_000
    gate.report(MOTION, {"Rule": "a"}, {"IsMotion": "false"})
    until(lambda: events(owner, house, "gate", "motion")[0]["end_ms"] is not None, 40, "its end")


def test_a_person_that_it_reports_is_one_with_what_is_watched(
    owner: BrowserContext, house: Tawny, yard: OnvifSimulator
) -> None:
    yard.report(PEOPLE, {"Source": "lens0"}, {"State": "true"})
    made = awaited(owner, house, "yard", "person")
    yard.report(PEOPLE, {"Source": "lens0"}, {"State": "false"})
    until(lambda: events(owner, house, "yard", "person")[0]["end_ms"] is not None, 60, "its end")
    page = owner.new_page()
    page.goto(f"{house.base}/events/{made['id']}")
    page.get_by_text("Why did I get this?").click()
    expect(page.get_by_text("The camera itself reported this.")).to_be_visible()
    page.close()


def test_a_camera_that_restarts_is_read_again(owner: BrowserContext, house: Tawny, gate: OnvifSimulator) -> None:
    before = gate.made
    gate.restart()
    until(lambda: gate.made > before, 40, "another subscription")
    gate.await_subscribed()
    gate.report(LINE, {"Rule": "path"}, {"ObjectId": "4"}, keep=False)
    assert awaited(owner, house, "gate", "line")["level"] == "alert"


def test_events_by_the_apis_of_makers_also_after_a_cut_connection(
    owner: BrowserContext, house: Tawny, porch: MakerCamera, drive: MakerCamera
) -> None:
    porch.heartbeat()
    porch.cut()
    porch.dahua("_DoTalkAction_", "Pulse", data={"Action": "Invite", "CallID": "7"})
    assert awaited(owner, house, "porch", "doorbell")["level"] == "alert"
    assert len(porch.asked) == 2
    drive.hikvision("fielddetection", "active", "<detectionTarget>human</detectionTarget>")
    awaited(owner, house, "drive", "person")
    drive.hikvision("fielddetection", "inactive")
    until(lambda: events(owner, house, "drive", "person")[0]["end_ms"] is not None, 60, "its end")


def test_events_of_axis_and_reolink_cameras(
    owner: BrowserContext, house: Tawny, lane: MakerCamera, attic: MakerCamera
) -> None:
    for camera, place, what in ((lane, "lane", "line"), (lane, "lane", "person"), (attic, "attic", "animal")):
        camera.begin(what)
        awaited(owner, house, place, what)
        camera.end(what)
    until(lambda: events(owner, house, "lane", "person")[0]["end_ms"] is not None, 60, "its end")
    attic.begin("doorbell")
    assert awaited(owner, house, "attic", "doorbell")["level"] == "alert"


def test_what_is_off_is_not_read(owner: BrowserContext, house: Tawny, yard: OnvifSimulator) -> None:
    assert len(yard.subscriptions) == 1
    assert not events(owner, house, "shed", "person")


def test_what_is_switched_on_later_becomes_part_of_what_is_watched(
    owner: BrowserContext, house: Tawny, yard: OnvifSimulator
) -> None:
    change = {"path": "cameras.shed.camera_events", "value": "auto", "before": "off"}
    headers = {**OURS, "Origin": house.base}
    assert owner.request.put(f"{house.base}/api/v1/settings", data=change, headers=headers).ok
    until(lambda: len(yard.subscriptions) == 2, 40, "its subscription")
    yard.report(PEOPLE, {"Source": "lens0"}, {"State": "true"})
    awaited(owner, house, "shed", "person")
    yard.report(PEOPLE, {"Source": "lens0"}, {"State": "false"})
    until(lambda: events(owner, house, "shed", "person")[0]["end_ms"] is not None, 60, "its end")

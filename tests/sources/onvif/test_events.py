"""Events that a camera reports by a pull point, against a camera that checks what it is asked."""

import contextlib
import threading
from datetime import timedelta

import pytest

from tawny.model.errors import NotDone, SourceError, SourceUnreachable
from tawny.model.times import SystemClock
from tawny.protocols.soap import read_xml
from tawny.sources.onvif import OnvifCamera
from tawny.sources.onvif_events import ADDRESSING, CameraReport, PullPoint, read_reports
from tawny.testing.clock import AheadClock
from tawny.testing.waiting import until
from tests.support.onvif_simulator import AXIS, OnvifSimulator, simulated, simulated_apart
from tests.support.ports import free_port

NOTE = "NotificationMessage"
MOTION = "tns1:RuleEngine/CellMotionDetector/Motion"


def pulling(camera: OnvifSimulator) -> PullPoint:
    clock = SystemClock()
    return PullPoint(OnvifCamera(camera.url, clock), clock)


def subscribed(camera: OnvifSimulator) -> PullPoint:
    point = pulling(camera)
    point.pull(0)
    return point


@pytest.mark.parametrize(
    ("topic", "data", "expected"),
    [
        (MOTION, {"IsMotion": "true"}, [("motion", True)]),
        (MOTION, {"IsMotion": "false"}, [("motion", False)]),
        ("tns1:VideoSource/MotionAlarm", {"State": "1"}, [("motion", True)]),
        ("tns1:RuleEngine/FieldDetector/ObjectsInside", {"IsInside": "true"}, [("motion", True)]),
        ("tns1:RuleEngine/LineDetector/Crossed", {"ObjectId": "15"}, [("line", None)]),
        ("tns1:RuleEngine/LineDetector/Crossed", {"ObjectId": "0"}, [("line", None)]),
        ("tns1:RuleEngine/LineDetector/Crossed", {"ObjectId": "1"}, [("line", None)]),
        ("tns1:RuleEngine/FieldDetector/ObjectsInside", {"ObjectId": "1", "IsInside": "false"}, [("motion", False)]),
        ("tns1:Device/Network/InterfaceStatus", {"State": "true"}, []),
        ("tns1:RuleEngine/TamperDetector/Tamper", {"IsTamper": "true"}, [("tamper", True)]),
        ("tns1:VideoSource/ImageTooDark/ImagingService", {"State": "true"}, [("tamper", True)]),
        ("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "false"}, [("tamper", False)]),
        ("tns1:RuleEngine/MyRuleDetector/PeopleDetect", {"State": "true"}, [("person", True)]),
        ("tns1:RuleEngine/MyRuleDetector/VehicleDetect", {"State": "true"}, [("vehicle", True)]),
        ("tns1:RuleEngine/MyRuleDetector/DogCatDetect", {"State": "true"}, [("animal", True)]),
        ("tns1:RuleEngine/MyRuleDetector/Visitor", {"State": "true"}, [("doorbell", True)]),
        ("tns1:RuleEngine/TPSmartEventDetector/TPSmartEvent", {"IsVehicle": "true"}, [("vehicle", True)]),
        ("tns1:RuleEngine/PeopleDetector/People", {"IsPeople": "false"}, [("person", False)]),
        ("tns1:RuleEngine/ObjectDetection/Object", {"ClassTypes": "Human Dog"}, [("person", True)]),
        ("tns1:Device/Trigger/DigitalInput", {"LogicalState": "true"}, [("input", True)]),
        ("tns1:Device/Trigger/Relay", {"LogicalState": "active"}, []),
        ("tns1:Monitoring/ProcessorUsage", {"Value": "44"}, []),
        ("tns1:Device/HardwareFailure/StorageFailure", {"Failed": "false"}, []),
    ],
)  # fmt: skip
def test_topics_of_makers_are_understood(topic: str, data: dict[str, str], expected: list[tuple[str, bool]]) -> None:
    with simulated() as camera:
        point = subscribed(camera)
        camera.report(topic, {"Rule": "front"}, data)
        assert [(one.kind, one.is_on) for one in point.pull(0)] == expected


def test_an_input_that_is_a_bell_by_name_is_a_doorbell() -> None:
    with simulated() as camera:
        point = subscribed(camera)
        camera.report("tns1:Device/Trigger/DigitalInput", {"InputToken": "DoorBell_0"}, {"LogicalState": "true"})
        assert [(one.kind, one.source) for one in point.pull(0)] == [("doorbell", "DoorBell_0")]


@pytest.mark.parametrize("ahead_s", [0, 90, -90, 86_400 * 400])
def test_times_do_not_follow_a_wrong_clock(ahead_s: float) -> None:
    """A message that waited 5 s at the camera is placed 5 s before it came, whatever the camera's clock says."""
    with simulated(ahead=timedelta(seconds=ahead_s)) as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"}, age_s=5.0)
        (report,) = point.pull(0)
    assert abs(SystemClock().now_ms() - 5000 - report.at_ms) < 2000


@pytest.mark.parametrize("age_s", [-30.0, 3600.0])
def test_a_senseless_stamp_counts_as_now(age_s: float) -> None:
    with simulated() as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"}, age_s=age_s)
        (report,) = point.pull(0)
    assert abs(SystemClock().now_ms() - report.at_ms) < 2000


def test_states_are_reported_as_they_are_when_it_subscribes() -> None:
    with simulated() as camera:
        camera.report(MOTION, {"Rule": "a"}, {"IsMotion": "true"})
        camera.report(MOTION, {"Rule": "b"}, {"IsMotion": "false"})
        camera.report("tns1:RuleEngine/LineDetector/Crossed", {"Rule": "c"}, {"ObjectId": "3"})
        assert [(one.source, one.is_on) for one in pulling(camera).pull(0)] == [("a", True), ("b", False)]


def test_a_button_that_is_on_when_it_subscribes_is_not_pressed_now() -> None:
    """A button that stays on rang at each start, and whenever the camera forgot the subscription."""
    with simulated() as camera:
        bell = "tns1:Device/Trigger/DigitalInput", {"InputToken": "DoorBell_0"}, {"LogicalState": "true"}
        camera.report(*bell)
        point = pulling(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]
        camera.report(*bell)
        assert [one.kind for one in point.pull(0)] == ["doorbell"]


def test_a_press_while_the_camera_has_forgotten_the_subscription_rings() -> None:
    """Of another button, which stays on, it isn't known that it was off."""
    bell, other = (("tns1:RuleEngine/MyRuleDetector/Visitor", {"Source": name}) for name in ("door", "gate"))
    with simulated() as camera:
        camera.report(*bell, {"State": "false"})
        camera.report(*other, {"State": "true"})
        point = subscribed(camera)
        for expected in (["door"], []):  # the second time it has rung already
            camera.subscriptions.clear()
            camera.report(*bell, {"State": "true"})
            with pytest.raises(SourceError, match="no such subscription"):
                point.pull(0)
            assert [one.source for one in point.pull(0)] == expected


def test_a_camera_that_restarts_is_subscribed_to_again() -> None:
    with simulated() as camera:
        point = subscribed(camera)
        camera.restart()
        camera.ahead = timedelta(hours=2)  # its clock has lost the time
        with pytest.raises(SourceError, match="no such subscription"):
            point.pull(0)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]
        assert camera.made == 2


def test_a_subscription_may_be_named_in_a_header() -> None:
    with simulated(named_by="header") as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]


@pytest.mark.parametrize(
    ("declares", "outside"),
    [
        ("", f'xmlns:dom0="{AXIS}"'),
        (f'xmlns:a="{ADDRESSING}" a:IsReferenceParameter="true" xmlns:dom0="{AXIS}"', ""),
    ],
)
def test_a_header_that_names_a_subscription_keeps_its_namespace(declares: str, outside: str) -> None:
    with simulated(named_by="header", declares=declares, declares_outside=outside) as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]


@pytest.mark.parametrize(("grants_s", "renews"), [(10, True), (60, False), (0, False), (-3600, False)])
def test_a_subscription_is_renewed_before_it_ends(grants_s: int, renews: bool) -> None:
    with simulated(grants_s=grants_s) as camera:
        clock = AheadClock()
        point = PullPoint(OnvifCamera(camera.url, clock), clock)
        for _ in range(3):
            point.pull(0)
            clock.advance(6)
        assert [name for name, _ in camera.told].count("Renew") == (2 if renews else 0)


def test_no_pull_waits_until_a_subscription_has_ended() -> None:
    with simulated(grants_s=10) as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        point.pull(10)
        waits = camera.told[-1][1]["Timeout"]
    assert waits in ("PT1S", "PT2S", "PT3S", "PT4S", "PT5S")


def test_it_leaves_no_subscription_behind_also_while_it_waits() -> None:
    with simulated() as camera:
        point = subscribed(camera)
        waiting = threading.Thread(target=pulled, args=(point,))
        waiting.start()
        until(lambda: [name for name, _ in camera.told].count("PullMessages") == 2, 60, "that it waits")
        point.cancel()
        waiting.join(5)
        assert not waiting.is_alive()
        point.leave()
        assert camera.subscriptions == {}


def pulled(point: PullPoint) -> None:
    with contextlib.suppress(SourceError):
        point.pull()


def test_a_camera_without_events_says_so() -> None:
    with simulated(has_events=False) as camera, pytest.raises(NotDone, match="no Events service"):
        pulling(camera).pull(0)


@pytest.mark.parametrize(
    "raw",
    [
        "<r><NotificationMessage><Topic>x</Topic></NotificationMessage></r>",
        "<r><NotificationMessage/><CurrentTime>never</CurrentTime></r>",
        "<r>" + f"<{NOTE}><Topic>a/MotionAlarm</Topic><Message UtcTime='9999-99-99'/></{NOTE}>" * 900 + "</r>",
        f"<r><{NOTE}><Topic>t</Topic><Message UtcTime='-1'><Data><SimpleItem/></Data></Message></{NOTE}></r>",
    ],
)  # fmt: skip
def test_messages_without_sense_end_in_few_reports(raw: str) -> None:
    reports = read_reports(read_xml(raw.encode()), 1_000_000, set())
    assert len(reports) <= 256
    assert all(isinstance(one, CameraReport) and one.at_ms == 1_000_000 for one in reports)


@pytest.mark.parametrize("raw", ["", "<unclosed>", "<r>" + "<x/>" * 6000 + "</r>", "<r>" + "x" * 600_000 + "</r>"])
def test_an_answer_that_is_none_or_huge_is_an_error(raw: str) -> None:
    with simulated() as camera:
        point = subscribed(camera)
        camera.raw = raw or "</s:Body>"
        with pytest.raises(SourceError):
            point.pull(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_subscription_at_another_port_of_the_camera_is_read(host: str) -> None:
    with simulated_apart() as camera:
        clock = SystemClock()
        point = PullPoint(OnvifCamera(camera.url.replace("@127.0.0.1", f"@{host}"), clock), clock)
        point.pull(0)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]


def test_a_subscription_at_another_host_is_asked_for_at_the_cameras_own() -> None:
    """Where a router forwards the port, the camera names an address that only its own network has."""
    with simulated(event_host="192.0.2.7", event_port=1025) as camera:
        point = subscribed(camera)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]


def test_an_encrypted_camera_is_not_followed_to_a_port_without_encryption() -> None:
    camera = OnvifCamera("https://admin:x@127.0.0.1/onvif/device_service", SystemClock())
    assert camera.client.port_named("http://127.0.0.1:1025/event-1") is None
    assert camera.client.port_named("https://127.0.0.1:1025/event-1") == 1025


def test_a_port_where_nothing_answers_is_not_followed_again() -> None:
    with simulated() as camera:
        point = pulling(camera)
        camera.event_port = free_port()
        with pytest.raises(SourceUnreachable):
            point.pull(0)
        camera.report(MOTION, {}, {"IsMotion": "true"})
        assert [one.kind for one in point.pull(0)] == ["motion"]


def test_a_port_that_answered_is_kept_while_the_camera_is_away() -> None:
    with simulated_apart() as camera:
        point = subscribed(camera)
        camera.restart()
        with pytest.raises(SourceError, match="no such subscription"):
            point.pull(0)
        point.pull(0)
        assert camera.made == 2


def closing_after(camera: OnvifSimulator, waited_s: float) -> PullPoint:
    clock = AheadClock()
    point = PullPoint(OnvifCamera(camera.url, clock), clock)
    point.pull(0)
    camera.closes = lambda: clock.advance(waited_s)
    return point


def test_a_connection_closed_after_long_waiting_says_that_there_is_nothing() -> None:
    with simulated() as camera:
        assert closing_after(camera, 7).pull() == []
        assert camera.made == 1


def test_a_connection_closed_at_once_is_a_failure() -> None:
    with simulated() as camera, pytest.raises(SourceUnreachable):
        closing_after(camera, 1).pull()

"""What a camera itself reports: begins and ends of each kind, whatever is lost, against a camera on loopback."""

import threading
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tawny.config.settings import CameraSettings
from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look, Observation
from tawny.protocols.login_history import LoginHistory
from tawny.service.detection.camera_reports import (
    HOLDS_S,
    LONGEST_S,
    LOST_S,
    MOMENT_S,
    NONE,
    REFUSED_S,
    UNABLE_S,
    CameraReports,
    ReportedObjects,
    wants_reports,
)
from tawny.sources.onvif_events import CameraReport
from tawny.testing.clock import AheadClock
from tawny.testing.waiting import until
from tests.support.maker_camera import MakerCamera, maker_camera
from tests.support.onvif_simulator import OnvifSimulator, simulated

MOTION, LINE = "tns1:RuleEngine/CellMotionDetector/Motion", "tns1:RuleEngine/LineDetector/Crossed"


class Reading:
    """reports: each kind that began (`motion`) or ended (`-motion`)."""

    def __init__(self, camera: OnvifSimulator | MakerCamera, **how: Any) -> None:
        self.clock, self.told = AheadClock(), list[str]()
        api: dict[str, Any] = (
            {"event_api": {"maker": camera.maker, "url": camera.url}} if isinstance(camera, MakerCamera) else {}
        )
        read = api if api else {"onvif": camera.url}
        settings = CameraSettings.model_validate({"source": "demo:front", **read, **how})
        self.reports = CameraReports(CameraId("yard"), settings, self.tell, self.clock, LoginHistory())
        if isinstance(camera, OnvifSimulator):
            # a request whose answer comes at once: what a step does is known when it returns
            camera.report("tns1:Monitoring/ProcessorUsage", {}, {"Value": "1"})

    def tell(self, report: CameraReport) -> None:
        self.told.append(("" if report.is_on else "-") + report.kind)


@pytest.fixture
def camera() -> Iterator[OnvifSimulator]:
    with simulated() as made:
        yield made


@pytest.fixture
def reading(camera: OnvifSimulator) -> Reading:
    made = Reading(camera)
    made.reports.step()
    return made


def hears(camera: OnvifSimulator, reading: Reading, topic: str, **data: str) -> list[str]:
    camera.report(topic, {"Rule": "one"}, data)
    reading.reports.step()
    return reading.told


def passes(camera: OnvifSimulator, reading: Reading, seconds: float) -> list[str]:
    reading.clock.advance(seconds)
    camera.report("tns1:Monitoring/ProcessorUsage", {}, {"Value": "1"})
    reading.reports.step()
    return reading.told


def test_a_state_begins_and_ends(camera: OnvifSimulator, reading: Reading) -> None:
    assert hears(camera, reading, MOTION, IsMotion="true") == ["motion"]
    assert hears(camera, reading, MOTION, IsMotion="true") == ["motion"]
    assert hears(camera, reading, MOTION, IsMotion="false") == ["motion"]
    assert passes(camera, reading, HOLDS_S + 1) == ["motion", "-motion"]


def test_a_moment_ends_by_itself(camera: OnvifSimulator, reading: Reading) -> None:
    assert hears(camera, reading, LINE, ObjectId="3") == ["line"]
    assert passes(camera, reading, MOMENT_S - 3) == ["line"]
    assert passes(camera, reading, 4) == ["line", "-line"]


def test_an_end_that_is_lost_does_not_last_for_ever(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    assert passes(camera, reading, LONGEST_S + 1) == ["motion", "-motion"]


def test_two_rules_are_one_motion(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    camera.report(MOTION, {"Rule": "two"}, {"IsMotion": "true"})
    reading.reports.step()
    hears(camera, reading, MOTION, IsMotion="false")
    assert passes(camera, reading, HOLDS_S + 1) == ["motion"]


def test_a_camera_that_restarts_is_read_again_and_what_lasts_goes_on(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    camera.restart()
    assert 1 < reading.reports.step() < 3
    camera.report(MOTION, {"Rule": "one"}, {"IsMotion": "true"})
    reading.reports.step()
    assert reading.told == ["motion"]


def test_what_ends_while_a_camera_is_away_ends(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    camera.restart()
    reading.reports.step()
    hears(camera, reading, MOTION, IsMotion="false")
    assert passes(camera, reading, HOLDS_S + 1) == ["motion", "-motion"]


def test_what_is_off_when_it_is_subscribed_to_begins_and_ends_nothing(camera: OnvifSimulator) -> None:
    camera.report(MOTION, {"Rule": "one"}, {"IsMotion": "false"})
    reading = Reading(camera)
    reading.reports.step()
    assert passes(camera, reading, HOLDS_S + 1) == []


def test_a_camera_that_stays_away_ends_what_it_reported(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    camera.raw = "</x>"
    reading.clock.advance(LOST_S + 1)
    reading.reports.step()
    assert reading.told == ["motion", "-motion"]


def test_what_was_reported_is_over_in_time_while_the_camera_is_asked_rarely(
    camera: OnvifSimulator, reading: Reading
) -> None:
    """A pause of two minutes between two tries kept it for as long."""
    camera.raw = "</x>"
    for _ in range(8):
        reading.reports.step()
    camera.raw = ""
    hears(camera, reading, MOTION, IsMotion="true")
    camera.raw = "</x>"
    passed_s = pause_s = 0.0
    while reading.told == ["motion"]:
        reading.clock.advance(pause_s)
        passed_s += pause_s
        pause_s = reading.reports.step()
    assert passed_s < LOST_S + 5


def test_a_camera_that_fails_is_asked_more_and_more_rarely(camera: OnvifSimulator, reading: Reading) -> None:
    camera.raw = "</x>"
    pauses = [reading.reports.step() for _ in range(9)]
    assert 1 < pauses[0] < 3
    assert 90 < pauses[-1] < 150
    assert sum(pauses) > 300


@pytest.mark.parametrize("how", [{"has_events": False}, {"refuses_events": True}])
@pytest.mark.parametrize(("chosen", "is_problem"), [("auto", False), ("all", True)])
def test_a_camera_that_can_not_is_a_problem_only_where_it_is_asked_for(
    how: dict[str, bool], chosen: str, is_problem: bool
) -> None:
    with simulated(**how) as camera:
        reading = Reading(camera, camera_events=chosen)
        pause_s = reading.reports.step()
    assert pause_s == (UNABLE_S if "has_events" in how else REFUSED_S)
    assert bool(reading.reports.trouble) is is_problem
    if is_problem and "has_events" in how:
        assert reading.reports.trouble == NONE


def test_closing_ends_all_and_leaves_the_camera(camera: OnvifSimulator, reading: Reading) -> None:
    hears(camera, reading, MOTION, IsMotion="true")
    reading.reports.cancel()
    reading.reports.close()
    assert reading.told == ["motion", "-motion"]
    assert camera.subscriptions == {}


# The same by the API of its maker.


@pytest.fixture(params=["dahua", "hikvision"])
def maker(request: pytest.FixtureRequest) -> Iterator[MakerCamera]:
    with maker_camera(request.param) as made:
        yield made


def says(camera: MakerCamera, reading: Reading, what: str, *, is_on: bool = True, seconds: float = 0.0) -> list[str]:
    """Send a report after a time, and read until it has come."""
    reading.clock.advance(seconds)
    sender = threading.Thread(target=lambda: camera.begin(what) if is_on else camera.end(what))
    sender.start()
    reading.reports.step()
    sender.join(20)
    return reading.told


def test_what_a_maker_reports_begins_and_ends_as_by_onvif(maker: MakerCamera) -> None:
    reading = Reading(maker)
    assert says(maker, reading, "motion") == ["motion"]
    assert says(maker, reading, "motion") == ["motion"]
    assert says(maker, reading, "motion", is_on=False) == ["motion"]
    assert says(maker, reading, "doorbell", seconds=HOLDS_S + 1) == ["motion", "doorbell", "-motion"]
    assert says(maker, reading, "line", seconds=MOMENT_S + 1)[3:] == ["line", "-doorbell"]
    reading.reports.cancel()
    reading.reports.close()
    assert reading.told[-1] == "-line"


def test_a_maker_that_cuts_the_connection_is_asked_again_and_what_lasts_goes_on(maker: MakerCamera) -> None:
    reading = Reading(maker)
    says(maker, reading, "motion")
    maker.cut()
    assert 1 < reading.reports.step() < 3
    assert says(maker, reading, "doorbell") == ["motion", "doorbell"]
    assert len(maker.asked) == 2
    reading.reports.close()


@pytest.mark.parametrize("name", ["axis", "reolink"])
def test_makers_whose_connection_says_less_begin_and_end_likewise(name: str) -> None:
    with maker_camera(name) as camera:
        reading = Reading(camera)

        def has_told(text: str) -> bool:
            reading.reports.step()
            return text in reading.told

        reading.reports.step()
        for what in ("motion", "person"):
            camera.begin(what)
            until(partial(has_told, what), 15, what)
            camera.end(what)
            until(partial(has_told, f"-{what}"), 30, f"the end of {what}")
        assert reading.told == ["motion", "-motion", "person", "-person"]
        reading.reports.cancel()
        reading.reports.close()


def test_a_press_that_wakes_a_sleeping_reolink_camera_rings_at_its_first_answer() -> None:
    with maker_camera("reolink", status=500) as camera:
        reading = Reading(camera, sleeps=True)
        reading.reports.step()
        camera.begin("doorbell")
        camera.status = 200
        reading.reports.step()
        assert reading.told == ["doorbell"]
        reading.reports.close()


@pytest.mark.parametrize(("status", "pause_s"), [(403, REFUSED_S), (404, 4.0)])
def test_a_maker_that_has_none_is_a_problem_because_it_is_asked_for(status: int, pause_s: float) -> None:
    with maker_camera("dahua", status=status) as camera:
        reading = Reading(camera)
        assert pause_s / 4 < reading.reports.step() <= pause_s
    assert reading.reports.trouble
    assert "s3cret" not in reading.reports.trouble


# Its reports and what a detector sees.

SMALL = (0.1, 0.1, 0.2, 0.2)
MOVING = Observation("motion", 0.5, (0.3, 0.3, 0.9, 0.9))


@pytest.mark.parametrize(
    ("kind", "seen", "expected"),
    [
        ("person", [MOVING], ["person"]),
        ("person", [Observation("person", 0.9, SMALL, sure=0.9), MOVING], ["person", "motion"]),
        ("vehicle", [Observation("car", 0.9, SMALL, sure=0.9), MOVING], ["car", "motion"]),
        ("person", [Observation("cat", 0.9, SMALL, sure=0.9), MOVING], ["cat", "person"]),
        ("person", [Observation("cat", 0.9, SMALL, sure=0.9)], ["cat", "person"]),
        ("person", [], ["person"]),
    ],
)
def test_it_names_who_has_no_name_unless_somebody_has_that_name(
    kind: str, seen: list[Observation], expected: list[str]
) -> None:
    """Where a model had named the person already, a tree that moved beside it became another person."""
    reported = ReportedObjects()
    reported.put(kind, 1000, is_event=True)
    frame = cast(Frame, SimpleNamespace(at_ms=2000))
    assert [one.label for one in reported.look(frame, Look(60, tuple(seen))).seen] == expected


@pytest.mark.parametrize(
    ("onvif", "events", "expected"),
    [
        ("", "all", False),
        ("http://c/onvif", "off", False),
        ("http://c/onvif", "auto", True),
        ("http://c/onvif", "all", True),
    ],
)
def test_when_they_are_read(onvif: str, events: str, expected: bool) -> None:
    raw = {"source": "demo:front", "onvif": onvif, "camera_events": events}
    assert wants_reports(CameraSettings.model_validate(raw)) is expected
    api = {"event_api": {"maker": "dahua", "url": "http://c"}} if onvif else {}
    assert wants_reports(CameraSettings.model_validate({**raw, "onvif": "", **api})) is expected

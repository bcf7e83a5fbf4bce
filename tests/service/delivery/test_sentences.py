"""The words of messages."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.model.events import Event, SeenObject
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import RecognisedText
from tawny.service.delivery import message_composer
from tawny.service.visits import EventVisit

BERLIN = ZoneInfo("Europe/Berlin")
AT_MS = 1_795_203_960_000  # 20:46 there


def event(**about: Any) -> Event:
    return replace(Event(EventId("e"), CameraId("front"), "person", AT_MS, None, 50.0), **about)


@pytest.mark.parametrize(
    ("about", "title", "text"),
    [
        ({"zones": ("porch",)}, "Person at Front door", "Porch, 20:46."),
        ({}, "Person at Front door", "20:46."),
        ({"end_ms": AT_MS + 90_000}, "Person at Front door", "20:46 to 20:47."),
        (
            {"end_ms": AT_MS + 1000, "objects": (SeenObject("person", 0.9), SeenObject("dog", 0.5))},
            "Person at Front door",
            "20:46. Detected: person, dog.",
        ),
        ({"kind": "motion", "said": "vehicle"}, "Vehicle at Front door", "20:46."),
        ({"kind": "person", "said": "nothing"}, "Motion at Front door", "20:46."),
        ({"kind": "object", "objects": (SeenObject("left", 1.0),)}, "Object left at Front door", "20:46."),
    ],
)
def test_an_event(about: dict[str, object], title: str, text: str) -> None:
    assert message_composer.of_event(event(**about), "Front door", BERLIN, lambda _who: "") == (title, text)


def test_who_was_recognised_and_what_was_read() -> None:
    known = event(
        reads=(RecognisedText("plates", "BAB123", 0.9, "k1"), RecognisedText("faces", "", 0.8, "k2")), kind="vehicle"
    )
    names = {"k1": "Anna's car", "k2": "Anna"}
    assert message_composer.of_event(known, "Gate", BERLIN, lambda who: names[who])[0] == "Anna's car and Anna at Gate"
    assert message_composer.of_event(known, "Gate", BERLIN, lambda _who: "")[0] == "Vehicle BAB123 at Gate"


@pytest.mark.parametrize(
    ("cameras", "title", "text"),
    [
        (["Gate", "Drive", "Front door"], "Person: Gate → Front door", "20:46 to 20:51."),
        (["Gate"], "Person at Gate", "Porch, 20:46 to 20:51."),
    ],
)
def test_a_visit(cameras: list[str], title: str, text: str) -> None:
    several = EventVisit((event(zones=("porch",), picture_ms=AT_MS), event(start_ms=AT_MS + 300_000)))
    assert message_composer.of_visit(several, cameras, BERLIN, lambda _who: "") == (title, text)


def test_several_events() -> None:
    several = [event(), event(start_ms=AT_MS + 300_000), event(kind="vehicle")]
    told = message_composer.of_events(several, "Front door", BERLIN)
    assert told == ("Front door: 3 more events", "20:46–20:51: 2 × person, 1 × vehicle")


def test_a_camera_that_is_not_recorded() -> None:
    counts = "1 of 2 cameras working: 1 offline."
    told = message_composer.of_alarm("camera", "Garage", "14:02", "No answer.", "", counts)
    assert told == ("Garage has not been recording since 14:02.", f"No answer. {counts}")


def test_another_problem_names_itself_and_the_camera() -> None:
    told = message_composer.of_alarm("gap", "Garage", "14:02", "65 s are missing.", "Check its network.", "")
    assert told == ("Garage: many short gaps.", "65 s are missing. Check its network.")
    over = message_composer.of_alarms_end("clock", "", "14:02", "20:51", "")
    assert over == ("Resolved: Clock not synchronized.", "From 14:02 to 20:51.")


def test_a_camera_that_is_back() -> None:
    told = message_composer.of_alarms_end("camera", "Garage", "14:02", "20:51", "")
    assert told == ("Garage is recording again.", "Missing: 14:02 to 20:51.")


@pytest.mark.parametrize(
    ("part", "text"),
    [(1.0, "100 %"), (0.99984, "99.98 %"), (0.999999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")],
)
def test_a_share_is_never_more_than_is_true(part: float, text: str) -> None:
    assert message_composer.share(part) == text


def test_a_day() -> None:
    told = message_composer.of_day(0.99984, [event(), event(kind="animal")])
    assert told == ("Daily summary: 99.98 % recorded", "2 events: 1 × person, 1 × animal.")
    assert message_composer.of_day(None, []) == ("Daily summary", "No events.")

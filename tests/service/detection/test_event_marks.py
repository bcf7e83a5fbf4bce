"""Levels of events as they are written, and after a user said what they were."""

from dataclasses import replace

import pytest

from tawny.model.events import ANYWHERE, AlertRules, Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.service.detection.event_marks import EventMarks
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock

DOOR, YARD = CameraId("door"), CameraId("yard")
PERSON = Event(EventId("a"), DOOR, "person", 1000, None, 90.0)
RULES = {DOOR: ANYWHERE, YARD: AlertRules(types=("animal",))}


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


@pytest.fixture
def marks(index: MemoryIndex) -> EventMarks:
    clock = FakeClock()
    ledger = HistoryLedger(HistoryJournal(RamDisk(1_000_000, clock)), index, clock)
    return EventMarks(ledger, index, RULES.__getitem__)


def level(index: MemoryIndex) -> str:
    event = index.event(PERSON.id)
    assert event is not None
    return event.level


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (PERSON, "alert"),
        (replace(PERSON, camera=YARD), "detection"),
        (replace(PERSON, camera=YARD, kind="animal"), "alert"),
        (replace(PERSON, kind="motion", level="alert"), "motion"),
    ],
)
def test_event_gets_the_level_of_its_camera(marks: EventMarks, index: MemoryIndex, event: Event, expected: str) -> None:
    marks.put_event(event)
    assert level(index) == expected
    shown = marks.shown(EventChanged("started", event))
    assert isinstance(shown, EventChanged)
    assert shown.event.level == expected


def test_level_grows_with_the_event(marks: EventMarks, index: MemoryIndex) -> None:
    marks.put_event(replace(PERSON, kind="motion"))
    assert level(index) == "motion"
    marks.put_event(replace(PERSON, end_ms=9000))
    assert level(index) == "alert"


@pytest.mark.parametrize(
    ("said", "false_alarm", "expected"),
    [("nothing", "", "motion"), ("animal", "", "detection"), ("vehicle", "", "alert"), ("", "shadow", "motion")],
)
def test_verdict_changes_the_level_and_taking_it_back_too(
    marks: EventMarks, index: MemoryIndex, said: str, false_alarm: str, expected: str
) -> None:
    marks.put_event(PERSON)
    changed = marks.mark(PERSON.id, kept=None, reviewed=None, said=said, false_alarm=false_alarm)
    assert changed is not None
    assert changed.level == level(index) == expected
    marks.put_event(replace(PERSON, score=95.0))
    assert level(index) == expected
    marks.mark(PERSON.id, kept=None, reviewed=None, said="", false_alarm="")
    assert level(index) == "alert"


def test_other_marks_leave_the_level_of_its_time(marks: EventMarks, index: MemoryIndex) -> None:
    index.put_event(replace(PERSON, level="detection"))
    marks.mark(PERSON.id, kept=True, reviewed=True)
    assert level(index) == "detection"

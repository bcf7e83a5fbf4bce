"""Levels of events as they are written, and after a user said what they were."""

import threading
from dataclasses import replace

import pytest

from tawny.engine import Bus
from tawny.model.errors import StorageError
from tawny.model.events import ANYWHERE, AlertRules, Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import RecognisedText
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
def ledger(index: MemoryIndex) -> HistoryLedger:
    clock = FakeClock()
    return HistoryLedger(HistoryJournal(RamDisk(1_000_000, clock)), index, clock)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def marks(ledger: HistoryLedger, bus: Bus) -> EventMarks:
    return EventMarks(ledger, RULES.__getitem__, publish=bus.publish)


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


FACE = RecognisedText("faces", "", 0.7)
PLATE = RecognisedText("plates", "BAB123", 0.8)
ANNA, BEN = (RecognisedText("faces", "", 1.0, who) for who in ("anna", "ben"))


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ((), (ANNA,)),
        ((FACE, PLATE), (PLATE, ANNA)),
        ((replace(ANNA, score=0.5),), (ANNA,)),
        ((BEN,), (BEN, ANNA)),
    ],
    ids=["unseen", "unknown", "again", "another"],
)
def test_an_event_gets_the_name_that_a_user_gave_its_face(
    marks: EventMarks, index: MemoryIndex, reads: tuple[RecognisedText, ...], expected: tuple[RecognisedText, ...]
) -> None:
    marks.put_event(replace(PERSON, reads=reads))
    changed = marks.mark(PERSON.id, kept=None, reviewed=None, known=ANNA)
    assert changed is not None
    assert changed.reads == expected
    assert index.event(PERSON.id) == changed


def test_names_stay_with_later_updates_of_a_running_event(marks: EventMarks, index: MemoryIndex) -> None:
    marks.put_event(replace(PERSON, reads=(FACE,)))
    marks.mark(PERSON.id, kept=None, reviewed=None, known=ANNA)
    marks.mark(PERSON.id, kept=True, reviewed=None)
    ended = replace(PERSON, reads=(FACE, PLATE)).ended(9000)
    marks.put_event(ended)
    stored = index.event(PERSON.id)
    assert stored is not None and stored.reads == (PLATE, ANNA)
    assert marks.shown(EventChanged("ended", ended)).event.reads == (PLATE, ANNA)


@pytest.mark.parametrize("is_marked", [True, False])
def test_no_state_without_an_end_is_published_after_the_end(marks: EventMarks, bus: Bus, *, is_marked: bool) -> None:
    """The watcher's thread ends an event while another one publishes it: marked, or because it lasts."""
    marks.put_event(PERSON)
    ended, heard = PERSON.ended(9000), list[int | None]()

    def end() -> None:
        marks.put_event(ended)
        bus.publish(EventChanged("ended", ended))

    watcher = threading.Thread(target=end)

    def end_meanwhile(message: EventChanged) -> None:
        if message.what == "updated":
            watcher.start()
            watcher.join(0.5)

    bus.subscribe(EventChanged, end_meanwhile)
    bus.subscribe(EventChanged, lambda message: heard.append(message.event.end_ms))
    if is_marked:
        marks.mark(PERSON.id, kept=True, reviewed=None)
    else:
        marks.publish_again(PERSON.id)
    watcher.join(10)
    assert heard == [None, 9000]


def test_an_event_is_published_again_as_it_is_now_while_it_lasts(marks: EventMarks, bus: Bus) -> None:
    marks.put_event(PERSON)
    marks.mark(PERSON.id, kept=True, reviewed=None)
    heard: list[EventChanged] = []
    bus.subscribe(EventChanged, heard.append)
    marks.publish_again(PERSON.id)
    assert [(one.what, one.event.kept) for one in heard] == [("updated", True)]
    marks.put_event(PERSON.ended(9000))
    marks.publish_again(PERSON.id)
    assert len(heard) == 1


def test_the_published_end_has_the_marks_of_a_running_event(marks: EventMarks) -> None:
    ended = PERSON.ended(9000)
    marks.put_event(PERSON)
    marks.mark(PERSON.id, kept=True, reviewed=None)
    marks.put_event(ended)
    marks.mark(PERSON.id, kept=None, reviewed=True)
    found = marks.shown(EventChanged("ended", ended)).event
    assert (found.kept, found.reviewed) == (True, True)


def test_a_mark_keeps_an_end_that_waits_for_the_disk(
    marks: EventMarks, ledger: HistoryLedger, index: MemoryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_lines: object) -> None:
        raise StorageError("history", "the disk is full")

    marks.put_event(PERSON)
    with monkeypatch.context() as patched:
        patched.setattr(ledger.history, "write", refuse)
        marks.put_event(PERSON.ended(9000))
        marked = marks.mark(PERSON.id, kept=True, reviewed=None)
    assert marked is not None and marked.end_ms == 9000
    assert ledger.flush()
    stored = index.event(PERSON.id)
    assert stored is not None and (stored.end_ms, stored.kept) == (9000, True)
    ledger.drop_event(PERSON.id)
    assert ledger.event(PERSON.id) is None

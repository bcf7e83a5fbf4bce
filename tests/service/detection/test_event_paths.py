"""How far the object of an event's best image went."""

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, Message, PartDied
from tawny.model.observations import Box, Frame, Look, Observation
from tawny.service.detection.camera_detection import EventPaths

OPEN = Event(EventId("a"), CameraId("door"), "motion", 0, None, 80.0)


@dataclass
class Shown:
    at_ms: int


@dataclass
class Written:
    events: list[Event] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.paths = EventPaths(self, self.told.append)

    def put_event(self, event: Event) -> bool:
        self.events.append(event)
        return True

    def see(self, at_ms: int, *things: tuple[int, Box]) -> None:
        seen = tuple(Observation("motion", 0.9, box, track=track) for track, box in things)
        self.paths.look(cast(Frame, Shown(at_ms)), Look(80, seen))

    def travel(self, box: Box) -> float:
        self.paths.put_event(replace(OPEN, box=box))
        return self.events[-1].travel


def box(left: float, top: float = 0.4, size: float = 0.1) -> Box:
    return (left, top, left + size, top + size)


@pytest.fixture
def written() -> Written:
    return Written()


def test_one_who_walks_goes_several_of_its_sizes(written: Written) -> None:
    for step in range(6):
        written.see(200 * step, (1, box(0.1 * step)))
    assert written.travel(box(0.3)) == 5.0


def test_a_branch_stays_within_its_size(written: Written) -> None:
    for step in range(60):
        written.see(200 * step, (1, box(0.5 + 0.04 * (step % 3 - 1))))
    assert written.travel(box(0.5)) < 1


def test_who_returns_went_there(written: Written) -> None:
    for number, step in enumerate((0, 1, 2, 3, 2, 1, 0)):
        written.see(200 * number, (1, box(0.1 * step)))
    assert written.travel(box(0.0)) == 3.0


def test_event_follows_the_object_of_its_image(written: Written) -> None:
    for step in range(6):
        written.see(200 * step, (1, box(0.1 * step)), (2, box(0.7, 0.8)))
    assert written.travel(box(0.7, 0.8)) == 0.0
    assert written.travel(box(0.2)) == 5.0


def test_specks_do_not_go_far(written: Written) -> None:
    written.see(0, (1, box(0.5, size=0.001)))
    written.see(200, (1, box(0.51, size=0.001)))
    assert written.travel(box(0.5, size=0.001)) < 1


def test_untracked_things_are_one_while_something_is_seen(written: Written) -> None:
    written.see(0, (0, box(0.1)))
    written.see(5000, (0, box(0.9)))
    assert written.travel(box(0.9)) == 0.0


def test_messages_say_it_too_until_the_end(written: Written) -> None:
    for step in range(4):
        written.see(200 * step, (1, box(0.1 * step)))
    written.paths.tell(EventChanged("started", replace(OPEN, box=box(0.0))))
    written.paths.tell(EventChanged("ended", replace(OPEN, box=None, end_ms=900)))
    assert [told.event.travel for told in written.told if isinstance(told, EventChanged)] == [3.0, 3.0]
    written.paths.put_event(replace(OPEN, end_ms=900))
    assert written.events[-1].travel == 0.0


def test_other_messages_pass(written: Written) -> None:
    written.paths.tell(PartDied("a", "b"))
    assert written.told == [PartDied("a", "b")]


def test_event_without_image_has_no_path(written: Written) -> None:
    written.paths.put_event(OPEN)
    assert written.events == [OPEN]

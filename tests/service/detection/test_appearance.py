"""What objects looked like is measured behind all else, stored once, and deleted with the event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.times import Span
from tawny.service.detection.appearance_service import (
    BUSY_S,
    IDLE_S,
    MOST_WAITING,
    AppearanceService,
    AppearanceSource,
    stored_looks,
)
from tawny.storage.index.appearance_db import FILE, AppearanceDb, stored_appearance
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.playback.search.made_week import MadeEvent, made_event

EVER = Span(0, 4_000_000_000_000)


@dataclass
class Rig:
    """A recorder's index and snapshots, and the service. load: of the computer, per CPU."""

    folder: Path
    index: MemoryIndex = field(default_factory=MemoryIndex)
    pictures: dict[EventId, bytes] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    load: float = 0.0
    asked: list[EventId] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = FakeClock("2026-11-20T15:00:00Z")
        self.db = AppearanceDb(self.folder)
        source = AppearanceSource(self.index, self.picture, lambda camera: camera in self.sealed, lambda: self.load)
        self.service = AppearanceService(lambda: self.db, source, self.clock)

    def picture(self, event: Event) -> bytes | None:
        self.asked.append(event.id)
        return self.pictures.get(event.id)

    def add(self, made: MadeEvent) -> Event:
        self.index.put_event(made.event)
        self.pictures[made.event.id] = made.jpeg
        return made.event

    def run(self, is_done: Callable[[], bool] = lambda: False) -> float:
        """Step until it waits, or is done."""
        for _ in range(300):
            wait_s = self.service.step()
            if wait_s >= BUSY_S or is_done():
                return wait_s
        raise AssertionError("it does not come to rest")

    def colours(self) -> dict[EventId, list[str]]:
        found = stored_looks(self.db, EVER)
        return {event: list(shown.parts.get("", {}))[:1] for event, shown in found.items()}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.service.finish()


def car(name: str, paint: str, hour: int = 10, camera: str = "drive") -> MadeEvent:
    return made_event(name, 1_795_150_800_000 + hour * 3_600_000, "car", (paint,), camera=camera)


def test_an_ended_event_is_measured_at_once_even_on_a_busy_computer(rig: Rig) -> None:
    rig.load = 3.0
    event = rig.add(car("new", "red"))
    rig.service.heard(EventChanged("started", event))
    rig.service.heard(EventChanged("ended", event))
    assert rig.run() == BUSY_S
    assert rig.colours() == {event.id: ["red"]}


def test_older_events_wait_for_an_idle_computer(rig: Rig) -> None:
    events = [rig.add(car(f"o{hour}", "blue", hour)) for hour in range(5)]
    rig.load = 2.0
    assert rig.run() == BUSY_S
    assert rig.colours() == {}
    assert rig.service.progress.left == 0
    rig.load = 0.1
    rig.run(lambda: len(rig.colours()) == 2)
    rig.load = 2.0  # it pauses in the middle
    assert rig.run() == BUSY_S
    assert (len(rig.colours()), rig.service.progress.left) == (2, 3)
    rig.load = 0.1
    assert rig.run() == IDLE_S
    assert rig.colours() == {event.id: ["blue"] for event in events}
    assert (rig.service.progress.is_complete, rig.service.progress.left) == (True, 0)


def test_nothing_is_measured_twice_after_a_restart(rig: Rig) -> None:
    rig.add(car("one", "red"))
    rig.run()
    rig.asked.clear()
    source = AppearanceSource(rig.index, rig.picture, lambda _: False, lambda: 0.0)
    again = AppearanceService(lambda: rig.db, source, rig.clock)
    while again.step() < IDLE_S:
        pass
    assert rig.asked == []


def test_nothing_is_stored_of_encrypted_cameras(rig: Rig) -> None:
    rig.sealed.add("drive")
    rig.add(car("seal", "red"))
    rig.add(car("open", "blue", camera="gate"))
    rig.run()
    assert list(rig.colours().values()) == [["blue"]]
    assert len(rig.asked) == 1


def test_events_without_an_image_or_with_a_damaged_one_are_done(rig: Rig) -> None:
    made = car("dama", "red")
    rig.index.put_event(made.event)
    rig.index.put_event(replace(car("nobo", "red", 9).event, box=None))
    rig.pictures[made.event.id] = b"no JPEG"
    assert rig.run() == IDLE_S
    assert rig.colours() == {}
    assert rig.db.count() == 2


def test_a_deleted_event_is_forgotten(rig: Rig) -> None:
    event = rig.add(car("gone", "red"))
    rig.run()
    rig.index.drop_event(event.id)
    rig.service.forget(event.id)
    rig.run()
    assert rig.db.count() == 0


def test_what_a_command_deleted_meanwhile_is_forgotten_at_the_next_start(rig: Rig) -> None:
    rig.db.put([stored_appearance(car("orph", "red").event, "{}")])
    rig.run()
    assert rig.db.count() == 0


def test_the_queue_is_bounded_and_loses_nothing(rig: Rig) -> None:
    events = [rig.add(car(f"{n:04}", "red", n)) for n in range(3)]
    for event in events:
        rig.service.heard(EventChanged("ended", event))
    for n in range(MOST_WAITING):
        lost = replace(events[0], id=EventId(f"other-{n}"))
        rig.service.heard(EventChanged("ended", lost))
    while rig.service.step() < IDLE_S:
        pass
    assert len(rig.colours()) == 3


def test_a_damaged_database_is_made_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    db = AppearanceDb(tmp_path)
    db.put([stored_appearance(car("one", "red").event, "{}")])
    assert db.count() == 1
    db.close()


def test_times_of_snapshots_and_other_cameras(rig: Rig) -> None:
    one, other = (rig.add(car(name, "red", hour)) for name, hour in (("one", 1), ("two", 2)))
    rig.run()
    assert rig.db.pictures([one.id, EventId("none")]) == {one.id: one.picture_ms}
    assert [event for event, _ in rig.db.looks(Span(other.start_ms, other.start_ms + 1))] == [other.id]
    assert CameraId("drive") == one.camera

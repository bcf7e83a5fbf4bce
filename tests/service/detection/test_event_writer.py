"""Events are written beside detection: in order, with their images, and published when they are on the disk."""

import threading
from dataclasses import replace
from typing import cast

from tawny.engine import InlineEngine
from tawny.events.event_builder import ConditionEvents, EncodedPicture
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, Message
from tawny.service.detection import event_writer
from tawny.service.detection.event_writer import EventWriter
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

PORCH = CameraId("porch")
EVENT = Event(EventId("1"), PORCH, "person", 1000, None, 50.0)


class Disk:
    """Notes what is written and told, in order."""

    def __init__(self) -> None:
        self.done: list[tuple[str, object]] = []
        self.fails = False

    def put_event(self, event: Event) -> bool:
        self.done.append(("event", event.picture_ms))
        return True

    def write_picture(self, event: Event, jpeg: bytes) -> str:
        if self.fails:
            raise StorageError("a picture", "the disk is full")
        self.done.append(("picture", jpeg))
        return ""

    def write_loop(self, event: Event, jpeg: bytes) -> str:
        self.done.append(("loop", jpeg))
        return ""

    def add_objects(self, event: Event, lines: bytes) -> None:
        if self.fails:
            raise StorageError("objects", "the disk is full")
        self.done.append(("objects", lines))

    def end_objects(self, event: Event) -> None:
        self.done.append(("objects end", None))

    def tell(self, message: Message) -> None:
        assert isinstance(message, EventChanged)
        self.done.append((message.what, message.event.picture_ms))


def test_nothing_is_written_on_the_callers_thread_and_all_in_order_on_its_own() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    engine = InlineEngine(FakeClock(), lambda name, error: None)
    writer.start(engine)
    engine.run_for(1)
    events = ConditionEvents(PORCH, writer, writer.publisher(disk.tell), writer.write_picture)
    events.begin("tamper", 1000, 100.0, picture=EncodedPicture(1000, None, b"a"))
    writer.write_loop(EVENT, b"b")
    events.end(2000)
    assert disk.done == []
    engine.run_for(1)
    assert disk.done == [
        ("picture", b"a"), ("event", 1000), ("started", 1000), ("loop", b"b"), ("event", 1000), ("ended", 1000),
    ]  # fmt: skip


def test_an_event_keeps_the_image_that_is_on_the_disk() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    publish = writer.publisher(disk.tell)

    def change(what: str, event: Event, *, fails: bool, jpeg: bytes | None = b"a") -> None:
        disk.fails = fails
        if jpeg is not None:
            writer.write_picture(event, jpeg)
        writer.put_event(event)
        publish(EventChanged(what, event))
        writer.step()

    change("started", replace(EVENT, picture_ms=1), fails=True)
    assert disk.done == [("event", None), ("started", None)]
    change("updated", replace(EVENT, picture_ms=2), fails=False)
    change("updated", replace(EVENT, picture_ms=3), fails=True)
    change("ended", replace(EVENT, picture_ms=3, end_ms=5000), fails=False, jpeg=None)
    found = [(what, ms) for what, ms in disk.done if what in ("updated", "ended")]
    assert found == [("updated", 2), ("updated", 2), ("ended", 2)]
    assert disk.done[-2] == ("event", 2)
    change("updated", replace(EVENT, picture_ms=9), fails=False, jpeg=None)
    assert disk.done[-1] == ("updated", 9)


def test_what_waits_for_a_stalled_disk_is_limited() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    jpeg = bytes(event_writer.MOST_WAITING_BYTES // 2)
    writer.write_picture(EVENT, jpeg)
    writer.write_picture(EVENT, jpeg)
    third = threading.Thread(target=writer.write_picture, args=(EVENT, b"c"), daemon=True)
    third.start()
    third.join(0.2)
    assert third.is_alive()
    writer.step()
    third.join(5.0)
    assert not third.is_alive()
    until(lambda: writer.step() and ("picture", b"c") in disk.done)


def test_it_goes_on_after_an_error_of_a_listener() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    failed: list[str] = []
    engine = InlineEngine(FakeClock(), lambda name, error: failed.append(name))
    writer.start(engine)

    def fail(message: Message) -> None:
        raise ValueError

    writer.publisher(fail)(EventChanged("started", EVENT))
    writer.put_event(EVENT)
    engine.run_for(30)
    assert failed == ["events"]
    assert disk.done == [("event", None)]


def test_paths_of_objects_are_durable_before_the_event_counts_as_ended() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    for event in (EVENT, replace(EVENT, end_ms=2000)):
        writer.write_objects(event, b"a")
        writer.put_event(event)
    writer.step()
    assert disk.done == [("objects", b"a"), ("event", None), ("objects", b"a"), ("objects end", None), ("event", None)]


def test_paths_that_could_not_be_written_end_there_and_the_event_goes_on() -> None:
    disk = Disk()
    writer = EventWriter(disk, cast("EventFiles", disk))
    for disk.fails in (True, False):
        writer.write_objects(EVENT, b"a")
        writer.step()
    writer.put_event(replace(EVENT, end_ms=2000))
    writer.step()
    assert disk.done == [("objects end", None), ("event", None)]

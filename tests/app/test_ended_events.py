"""What listeners of the bus learn of an event that ends while a person marks it, and what the history keeps."""

import threading
from pathlib import Path

from tawny.app.running import RecorderRuntime
from tawny.model.events import Event, new_event_id
from tawny.model.messages import EventChanged
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.waiting import until
from tests.app.rig import DOOR, one_camera


def test_who_listens_learns_of_the_end_last(tmp_path: Path) -> None:
    """Otherwise a camera that records events would record for good."""
    chosen, clock = one_camera("rtsp://127.0.0.1:9/x"), SystemClock()
    running = RecorderRuntime.open(chosen, tmp_path, clock, PluginRegistry.opened())
    event = Event(new_event_id(clock.now_ms()), DOOR, "motion", clock.now_ms(), None, 50.0)
    ended, marks, heard = event.ended(event.start_ms + 5000), running.parts.storage.marks, list[int | None]()
    marks.put_event(event)

    def end() -> None:
        marks.put_event(ended)
        running.bus.publish(EventChanged("ended", ended))

    watcher = threading.Thread(target=end)

    def end_meanwhile(message: EventChanged) -> None:
        if message.what == "updated":
            watcher.start()
            watcher.join(0.5)

    running.bus.subscribe(EventChanged, end_meanwhile)
    running.bus.subscribe(EventChanged, lambda message: heard.append(message.event.end_ms))
    running.mark_event(event.id, kept=True)
    watcher.join(10)
    assert heard == [None, ended.end_ms]
    running.close("person")


def test_what_the_history_says_of_an_event_that_was_deleted_goes(tmp_path: Path) -> None:
    chosen, clock = one_camera("rtsp://127.0.0.1:9/x"), SystemClock()
    running = RecorderRuntime.open(chosen, tmp_path, clock, PluginRegistry.opened())
    event = Event(new_event_id(clock.now_ms()), DOOR, "motion", clock.now_ms(), clock.now_ms() + 1, 50.0)
    ledger = running.parts.storage.ledger
    ledger.put_event(event)
    ledger.drop_event(event.id)
    running.begin_housekeeping()
    until(lambda: [line for line in ledger.history.lines() if line.what == "event"] == [], 10)
    running.close("person")
    assert [line.record for line in ledger.history.lines() if line.what == "event_dropped"] == [{"id": event.id}]

"""What objects looked like is measured behind all else, stored once, and deleted with the event."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tawny.config.recognition import SearchSettings
from tawny.detection.appearance import LOWER, UPPER, WHOLE, Appearance
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.times import Span
from tawny.playback.search.event_search import SearchableNames, SearchHit, search_hits
from tawny.service.detection import appearance_service
from tawny.service.detection.appearance_service import (
    BUSY_S,
    IDLE_S,
    MOST_WAITING,
    AppearanceService,
    AppearanceSource,
    stored_looks,
)
from tawny.service.detection.embedding_search import SearchModel
from tawny.storage.index.appearance_db import FILE, AppearanceDb, stored_appearance
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.detection.made_clip import make_clip
from tests.playback.search.made_week import MadeEvent, made_event


class MeanColour:
    """A search model that knows three words."""

    WORDS: ClassVar = {"crimson": (1.0, -0.5, -0.5), "azure": (-0.5, -0.5, 1.0), "grass": (-0.5, 1.0, -0.5)}

    def __init__(self, name: str = "mean") -> None:
        self.id, self.seen, self.fails = name, 0, False

    def image(self, rgb: Any) -> Sequence[float]:
        if self.fails:
            raise NotDone("It has no memory left.")
        self.seen += 1
        colours = rgb.astype(np.float32) - rgb.mean(axis=2, keepdims=True)
        found: list[float] = (colours * (np.abs(colours) > 25)).mean(axis=(0, 1)).tolist()
        return found

    def text(self, words: str) -> Sequence[float]:
        return next((vector for word, vector in self.WORDS.items() if word in words), (0.1, 0.1, 0.1))

    def close(self) -> None:
        """Nothing to release."""


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
    settings: SearchSettings = field(default_factory=SearchSettings)
    embedder: "MeanColour" = field(default_factory=lambda: MeanColour())

    def __post_init__(self) -> None:
        self.clock = FakeClock("2026-11-20T15:00:00Z")
        self.db = AppearanceDb(self.folder)
        source = AppearanceSource(
            self.index, self.picture, lambda camera: camera in self.sealed, lambda: self.load, lambda: self.settings
        )
        self.model = SearchModel(lambda: self.settings, {"palette": lambda _: self.embedder})
        self.service = AppearanceService(lambda: self.db, source, self.model, self.clock)

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
        shown = [Appearance.unpacked(one) for one in found.packed]
        return {event: list(one.parts.get("", {}))[:1] for event, one in zip(found.events, shown, strict=True)}


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
    rig.service.on_event(EventChanged("started", event))
    rig.service.on_event(EventChanged("ended", event))
    assert rig.run() == BUSY_S
    assert rig.colours() == {event.id: ["red"]}


def look_of(rig: Rig, event: Event) -> bytes:
    found = stored_looks(rig.db, EVER)
    return dict(zip(found.events, found.packed, strict=True))[event.id]


def parts(rig: Rig, event: Event) -> set[str]:
    return set(Appearance.unpacked(look_of(rig, event)).parts)


def renamed(rig: Rig, event: Event, text: str) -> None:
    rig.index.put_event(replace(event, said=text))
    rig.service.on_event(EventChanged("updated", replace(event, said=text)))
    rig.run()


def test_clothes_are_measured_once_a_user_says_that_it_was_a_person(rig: Rig) -> None:
    made = made_event("who", 1_795_150_800_000, "person", ("red", "blue"))
    event = rig.add(replace(made, event=replace(made.event, kind="motion", objects=())))
    rig.run()
    assert parts(rig, event) == {WHOLE}
    renamed(rig, event, "person")
    assert parts(rig, event) == {WHOLE, UPPER, LOWER}
    renamed(rig, event, "nothing")
    assert parts(rig, event) == {WHOLE}


def test_what_was_measured_stays_where_the_snapshot_is_gone_and_with_other_marks(rig: Rig) -> None:
    event = rig.add(car("past", "red"))
    rig.run()
    before = look_of(rig, event)
    rig.asked.clear()
    renamed(rig, event, "")
    assert rig.asked == []
    rig.pictures.clear()
    renamed(rig, event, "person")
    assert look_of(rig, event) == before


def test_older_events_wait_for_an_idle_computer(rig: Rig) -> None:
    events = [rig.add(car(f"o{hour}", "blue", hour)) for hour in range(5)]
    rig.load = 2.0
    assert rig.run() == BUSY_S
    assert rig.colours() == {}
    assert rig.service.reached_ms == rig.clock.now_ms()
    rig.load = 0.1
    rig.run(lambda: len(rig.colours()) == 2)
    rig.load = 2.0  # it pauses in the middle
    assert rig.run() == BUSY_S
    assert len(rig.colours()) == 2
    assert rig.service.reached_ms == events[3].start_ms
    rig.load = 0.1
    assert rig.run() == IDLE_S
    assert rig.colours() == {event.id: ["blue"] for event in events}
    assert rig.service.reached_ms is None


def test_nothing_is_measured_twice_after_a_restart(rig: Rig) -> None:
    rig.add(car("one", "red"))
    rig.run()
    rig.asked.clear()
    source = AppearanceSource(rig.index, rig.picture, lambda _: False, lambda: 0.0)
    again = AppearanceService(lambda: rig.db, source, rig.model, rig.clock)
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
    rig.db.put([stored_appearance(car("orph", "red").event, b"")])
    rig.run()
    assert rig.db.count() == 0


def test_the_queue_is_bounded_and_loses_nothing(rig: Rig) -> None:
    events = [rig.add(car(f"{n:04}", "red", n)) for n in range(3)]
    for event in events:
        rig.service.on_event(EventChanged("ended", event))
    for n in range(MOST_WAITING):
        lost = replace(events[0], id=EventId(f"other-{n}"))
        rig.service.on_event(EventChanged("ended", lost))
    while rig.service.step() < IDLE_S:
        pass
    assert len(rig.colours()) == 3


def test_a_damaged_database_is_made_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    db = AppearanceDb(tmp_path)
    db.put([stored_appearance(car("one", "red").event, b"")])
    assert db.count() == 1
    db.close()


def with_model(rig: Rig, *paints: str) -> list[Event]:
    rig.settings = SearchSettings(model="palette")
    return [rig.add(car(f"m{number}", paint, number % 9)) for number, paint in enumerate(paints)]


def asked(rig: Rig, text: str, like: Event | None = None) -> list[SearchHit]:
    zone, now_ms = ZoneInfo("UTC"), rig.clock.now_ms()
    return search_hits(rig.index, text, SearchableNames({}), zone, now_ms, 20, rig.service.search(like))[1]


def test_a_model_answers_words_that_nobody_listed(rig: Rig) -> None:
    events = with_model(rig, "silver", "red", "blue", "white", "black", "grey", "blue", "silver")
    rig.run()
    hits = asked(rig, "crimson car")
    assert hits[0].event.id == events[1].id
    assert hits[0].why == "looks like “crimson car”, car"
    assert {hit.event.id for hit in asked(rig, "azure vehicle")[:2]} == {events[2].id, events[6].id}


def test_without_a_model_such_words_are_unknown(rig: Rig) -> None:
    rig.add(car("one", "red"))
    rig.run()
    question, _ = search_hits(
        rig.index, "crimson car", SearchableNames({}), ZoneInfo("UTC"), rig.clock.now_ms(), 20, rig.service.search()
    )
    assert question.unknown == ("crimson",)


def test_like_this_one_by_the_model(rig: Rig) -> None:
    events = with_model(rig, "silver", "green", "blue", "white", "black", "grey", "green")
    rig.run()
    assert asked(rig, "anything", events[1])[0].event.id == events[6].id


def test_the_model_sees_each_event_once_and_new_ones_when_the_computer_is_idle(rig: Rig) -> None:
    with_model(rig, "red", "blue", "white")
    rig.run()
    assert rig.embedder.seen == 3
    rig.load = 2.0
    event = rig.add(car("late", "green", 9))
    rig.service.on_event(EventChanged("ended", event))
    rig.run()
    assert (len(rig.colours()), rig.embedder.seen) == (4, 3)
    rig.load = 0.0
    rig.run()
    rig.run()
    assert rig.embedder.seen == 4


def test_the_model_sees_all_events_of_a_day_that_left_it_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance_service, "MOST_WAITING", 20)
    rig = Rig(tmp_path)
    with_model(rig, "red")
    rig.run()
    rig.load = 2.0
    made = car("late", "green", 9)
    for n in range(30):
        event = replace(rig.add(made), id=EventId(f"late-{n:04}"))
        rig.index.put_event(event)
        rig.pictures[event.id] = made.jpeg
        rig.service.on_event(EventChanged("ended", event))
        rig.service.step()
    rig.load = 0.0
    while rig.service.step() < IDLE_S:
        pass
    assert len(rig.db.vectors("mean")) == 32
    rig.service.finish()


def test_another_model_sees_all_events_again(rig: Rig) -> None:
    with_model(rig, "red", "blue")
    rig.run()
    rig.embedder = MeanColour("another")
    rig.settings = SearchSettings(model="palette", colours=False)
    rig.run()
    assert rig.embedder.seen == 2
    assert rig.db.vectors("mean") == []
    assert len(rig.db.vectors("another")) == 2


def test_a_model_that_fails_is_named_and_loses_no_event(rig: Rig) -> None:
    with_model(rig, "red")
    rig.embedder.fails = True
    rig.run()
    assert "It has no memory left." in rig.service.trouble
    assert rig.db.vectors("mean") == []
    assert len(rig.colours()) == 1


def test_a_folder_without_a_model_is_named(rig: Rig, tmp_path: Path) -> None:
    rig.settings = SearchSettings(model=str(tmp_path / "none"))
    event = rig.add(car("one", "red", 9))
    rig.run()
    assert "lacks image.onnx, text.onnx, merges.txt" in rig.service.trouble
    assert [hit.event.id for hit in asked(rig, "red car")] == [event.id]


def test_a_model_that_comes_after_its_setting_is_used(rig: Rig, tmp_path: Path) -> None:
    rig.settings = SearchSettings(model=str(tmp_path / "clip"))
    rig.run()
    assert "lacks image.onnx, text.onnx, merges.txt" in rig.service.trouble
    make_clip(tmp_path / "clip")
    rig.run()
    assert (rig.service.trouble, rig.model.id != "") == ("", True)


def test_deleted_events_are_no_answers_at_once(rig: Rig) -> None:
    events = with_model(rig, "silver", "red", "blue", "white")
    rig.run()
    rig.index.drop_event(events[1].id)
    assert events[1].id not in {hit.event.id for hit in asked(rig, "crimson car")}
    rig.service.forget(events[1].id)
    rig.run()
    assert len(rig.db.vectors("mean")) == 3


def test_colours_can_be_turned_off(rig: Rig) -> None:
    rig.settings = SearchSettings(colours=False)
    rig.add(car("one", "red"))
    rig.run()
    assert rig.colours() == {}


def test_what_was_skipped_while_colours_were_off_is_measured_later(rig: Rig) -> None:
    rig.settings = SearchSettings(colours=False)
    old, new = rig.add(car("old", "red", 1)), rig.add(car("new", "blue", 2))
    rig.service.on_event(EventChanged("ended", new))
    assert rig.run() == IDLE_S
    rig.settings, rig.load = SearchSettings(), 2.0
    assert rig.run() == BUSY_S
    assert rig.service.reached_ms == rig.clock.now_ms()
    rig.load = 0.0
    assert rig.run() == IDLE_S
    assert rig.colours() == {old.id: ["red"], new.id: ["blue"]}
    assert rig.service.reached_ms is None


def test_what_a_user_named_while_colours_were_off_is_measured_again_later(rig: Rig) -> None:
    event = rig.add(made_event("who", 1_795_150_800_000, "motion", ("red", "blue")))
    rig.run()
    rig.settings = SearchSettings(colours=False)
    rig.run()
    renamed(rig, event, "person")
    rig.settings = SearchSettings()
    rig.run()
    assert parts(rig, event) == {WHOLE, UPPER, LOWER}


def test_what_a_user_named_while_colours_were_off_stays_without_its_snapshot(rig: Rig) -> None:
    event = rig.add(made_event("who", 1_795_150_800_000, "motion", ("red", "blue")))
    rig.run()
    rig.settings = SearchSettings(colours=False)
    rig.run()
    rig.pictures.clear()
    renamed(rig, event, "person")
    rig.settings = SearchSettings()
    rig.run()
    assert parts(rig, event) == {WHOLE}


def test_what_version_3_skipped_is_measured_after_the_update(tmp_path: Path) -> None:
    db, skipped, seen = AppearanceDb(tmp_path), car("skip", "red").event, car("seen", "red", 11).event
    db.put([stored_appearance(skipped, b""), stored_appearance(seen, b"looks")])
    db.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        file.execute("PRAGMA user_version = 3")
    db = AppearanceDb(tmp_path)
    assert db.pictures([skipped.id, seen.id]) == {seen.id: seen.picture_ms}
    db.close()


def test_times_of_snapshots_and_other_cameras(rig: Rig) -> None:
    one, other = (rig.add(car(name, "red", hour)) for name, hour in (("one", 1), ("two", 2)))
    rig.run()
    assert rig.db.pictures([one.id, EventId("none")]) == {one.id: one.picture_ms}
    assert [event for event, _, _ in rig.db.looks(Span(other.start_ms, other.start_ms + 1))] == [other.id]
    assert CameraId("drive") == one.camera


def test_a_search_plug_in_that_fails_is_told() -> None:
    def broken(_: object) -> None:
        raise RuntimeError("no GPU found")

    model = SearchModel(lambda: SearchSettings(model="palette"), {"palette": broken})
    assert model.id == ""
    assert model.trouble == "Search finds events by colours and sizes only: the plug-in palette failed: RuntimeError"

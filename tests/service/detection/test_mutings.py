"""What is like five false alarms notifies nobody on request, and nothing else is ever muted by that."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.config.loader import parse_settings
from tawny.model.errors import NotDone
from tawny.model.events import Event, SeenObject, new_event_id
from tawny.model.geometry import grid_of
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.times import Span, stamp_ms
from tawny.service.detection.event_marks import (
    DAY_MS,
    ENOUGH,
    FILE,
    LASTS_MS,
    MUTABLE,
    EventMarks,
    Mutings,
    TimeOfDayKind,
    grown,
    is_day,
    is_near,
)
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock

PORCH, YARD = CameraId("porch"), CameraId("yard")
TREE = (0.6, 0.2, 0.8, 0.6)
NOON_MS = stamp_ms("20261122T120000.000Z")
HOUR_MS = 3_600_000


def by_day(at_ms: int) -> bool:
    return 6 <= at_ms // HOUR_MS % 24 < 18


class Ledger:
    """Keeps the newest version of each event in the index, as `HistoryLedger` does."""

    def __init__(self, index: MemoryIndex) -> None:
        self._index = index

    def put_event(self, event: Event) -> bool:
        self._index.put_event(event)
        return True

    def event(self, event_id: EventId) -> Event | None:
        return self._index.event(event_id)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.index = folder, FakeClock("2026-11-22T12:00:00Z"), MemoryIndex()
        self.grids: dict[int, int] = {}
        self.again()

    def again(self) -> None:
        """As after a restart."""
        self.mutings = Mutings(
            self.folder, self.index, self.clock, self._read, lambda at_ms: 6 <= at_ms // HOUR_MS % 24 < 18
        )
        self.marks = EventMarks(Ledger(self.index), mutings=self.mutings)  # type: ignore[arg-type]

    def _read(self, _: CameraId, within: Span) -> list[tuple[int, int]]:
        return [(at_ms, grid) for at_ms, grid in self.grids.items() if within.begin_ms <= at_ms < within.end_ms]

    def event(self, ago_h: float = 0.0, **about: Any) -> Event:
        start_ms = self.clock.now_ms() - round(ago_h * HOUR_MS)
        made = Event(new_event_id(start_ms), PORCH, "motion", start_ms, start_ms + 5000, 60.0, TREE)
        return replace(made, **about)

    def false_alarms(self, count: int = ENOUGH, **about: Any) -> list[Event]:
        made = [self.event(0.1 * (n + 1), **{"false_alarm": "weather", **about}) for n in range(count)]
        for one in made:
            self.index.put_event(one)
        return made

    def happens(self, **about: Any) -> Event:
        """An event as it is stored when it is over."""
        event = self.event(**about)
        self.marks.put_event(event)
        stored = self.index.event(event.id)
        assert stored is not None
        return stored


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(tmp_path)


def test_five_false_alarms_at_a_place_are_an_offer_and_four_are_none(bench: Bench) -> None:
    bench.false_alarms(ENOUGH - 1)
    assert bench.mutings.offers(PORCH) == []
    with pytest.raises(NotDone, match="fewer than 5"):
        bench.mutings.mute(PORCH, bench.event().id, "Anna")
    bench.false_alarms(1)
    (offer,) = bench.mutings.offers(PORCH)
    assert len(offer.events) == ENOUGH
    assert bench.mutings.offers(YARD) == []


@pytest.mark.parametrize(
    "other",
    [
        {"box": (0.0, 0.2, 0.2, 0.6)},
        {"box": (0.55, 0.1, 0.95, 0.9)},
        {"kind": "person"},
        {"camera": YARD},
        {"box": None},
        {"kind": "tamper"},
        {"start_ms": NOON_MS - 31 * DAY_MS, "end_ms": NOON_MS - 31 * DAY_MS},
    ],
    ids=["place", "size", "type", "camera", "no place", "tampering", "long ago"],
)
def test_other_false_alarms_do_not_count(bench: Bench, other: dict[str, Any]) -> None:
    bench.false_alarms(ENOUGH - 1)
    bench.false_alarms(1, **other)
    assert bench.mutings.offers(PORCH) == []


def test_a_similar_event_is_muted_kept_and_counted(bench: Bench) -> None:
    flags = bench.false_alarms()
    made = bench.mutings.mute(PORCH, flags[2].id, "Anna")
    assert bench.mutings.offers(PORCH) == []
    muted = bench.happens(box=(0.61, 0.22, 0.8, 0.6))
    assert muted.muted == made.id
    (now,) = bench.mutings.all(PORCH)
    assert (now.count, now.last_ms, now.by) == (1, muted.start_ms, "Anna")
    result = bench.marks.shown(EventChanged("ended", bench.event()))
    assert isinstance(result, EventChanged) and result.event.muted == made.id


@pytest.mark.parametrize("kind", sorted(MUTABLE - {"motion", "sound"}))
def test_muted_motion_never_mutes_people_and_the_like(bench: Bench, kind: str) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    assert bench.happens(kind=kind).muted == ""
    assert bench.happens(said="person").muted == ""


@pytest.mark.parametrize(
    "other", [{"camera": YARD}, {"box": (0.1, 0.2, 0.3, 0.6)}, {"box": (0.4, 0.0, 1.0, 1.0)}, {"box": None}]
)
def test_what_is_elsewhere_or_larger_is_not_muted(bench: Bench, other: dict[str, Any]) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    assert bench.happens(**other).muted == ""


def test_who_walks_through_the_place_is_not_muted(bench: Bench) -> None:
    """Though its best image shows it there: there was motion elsewhere too."""
    flags = bench.false_alarms()
    for one in flags:
        bench.grids[one.start_ms] = grid_of((0.62, 0.25, 0.78, 0.55))
    bench.mutings.mute(PORCH, flags[0].id, "Anna")
    bench.grids[NOON_MS] = grid_of((0.6, 0.3, 0.75, 0.55))
    assert bench.happens().muted
    bench.clock.advance(60)
    bench.grids[bench.clock.now_ms()] = grid_of((0.0, 0.2, 0.9, 0.6))
    assert bench.happens().muted == ""


def test_an_event_that_turns_out_to_be_a_person_is_no_longer_muted(bench: Bench) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    event = bench.event(end_ms=None)
    bench.marks.put_event(event)
    stored = bench.index.event(event.id)
    assert stored is not None and stored.muted
    bench.marks.put_event(replace(event, kind="person"))
    stored = bench.index.event(event.id)
    assert stored is not None and not stored.muted
    assert bench.mutings.all(PORCH)[0].count == 0


def test_muted_motion_that_a_user_calls_a_person_is_no_longer_muted_until_that_is_taken_back(bench: Bench) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    event = bench.happens()
    result = bench.marks.mark(event.id, kept=None, reviewed=True, said="person")
    assert result is not None and (result.muted, result.level) == ("", "alert")
    back = bench.marks.mark(event.id, kept=None, reviewed=None, said="")
    assert back is not None and (back.muted, back.level) == (event.muted, "motion")


def test_muted_motion_that_an_added_model_calls_a_person_is_no_longer_muted(bench: Bench) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    named = bench.marks.classify(bench.happens().id, "person", (SeenObject("person", 0.95),))
    assert named is not None and (named.muted, named.level) == ("", "alert")


def test_a_running_event_that_a_user_calls_a_person_stays_unmuted_with_later_updates(bench: Bench) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    event = bench.happens(end_ms=None)
    bench.marks.mark(event.id, kept=None, reviewed=True, said="person")
    bench.marks.put_event(replace(event, muted="", score=70.0))
    stored = bench.index.event(event.id)
    assert stored is not None and (stored.muted, stored.level) == ("", "alert")


def test_an_event_that_is_corrected_after_its_muting_was_removed_is_no_longer_muted(bench: Bench) -> None:
    made = bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    event = bench.happens()
    bench.mutings.unmute(PORCH, made.id)
    result = bench.marks.mark(event.id, kept=None, reviewed=True, said="vehicle")
    assert result is not None and (result.muted, result.level) == ("", "alert")


def test_a_false_alarm_that_is_taken_back_is_not_muted_by_the_muting_made_from_it(bench: Bench) -> None:
    first = bench.false_alarms(kind="person")[0]
    bench.mutings.mute(PORCH, first.id, "Anna")
    back = bench.marks.mark(first.id, kept=None, reviewed=None, false_alarm="")
    assert back is not None and (back.muted, back.level) == ("", "alert")


@pytest.mark.parametrize(
    ("hours", "when", "at_noon", "at_midnight"),
    [((0, 1), "day", True, False), ((12, 13), "night", False, True), ((0, 12), "any", True, True)],
)
def test_the_time_of_day_is_learned(
    bench: Bench, hours: tuple[int, int], when: TimeOfDayKind, at_noon: bool, at_midnight: bool
) -> None:
    for n in range(ENOUGH):
        bench.index.put_event(bench.event(hours[n % 2] + 0.01 * n, false_alarm="shadow"))
    (offer,) = bench.mutings.offers(PORCH)
    assert offer.when == when
    bench.mutings.mute(PORCH, offer.events[0].id, "Anna")
    assert bool(bench.happens().muted) == at_noon
    bench.clock.advance(12 * 3600)
    assert bool(bench.happens().muted) == at_midnight


def test_a_class_of_sounds_is_muted_without_a_place(bench: Bench) -> None:
    bark = (SeenObject("bark", 0.9),)
    flags = bench.false_alarms(kind="sound", box=None, objects=bark)
    made = bench.mutings.mute(PORCH, flags[0].id, "Anna")
    assert (made.label, made.boxes) == ("bark", ())
    assert bench.happens(kind="sound", box=None, objects=bark).muted
    assert not bench.happens(kind="sound", box=None, objects=(SeenObject("glass", 0.9),)).muted
    assert not bench.happens(kind="sound", box=None).muted


def test_a_sound_is_muted_only_if_all_its_classes_are(bench: Bench) -> None:
    voices, bark, glass = (SeenObject(name, 0.9) for name in ("voices", "bark", "glass"))
    made = bench.mutings.mute(PORCH, bench.false_alarms(kind="sound", box=None, objects=(voices,))[0].id, "Anna")
    assert not bench.happens(kind="sound", box=None, objects=(voices, glass)).muted
    assert not bench.happens(kind="sound", box=None, objects=(voices, bark)).muted
    bench.mutings.mute(PORCH, bench.false_alarms(kind="sound", box=None, objects=(bark,))[0].id, "Anna")
    assert bench.happens(kind="sound", box=None, objects=(voices, bark)).muted == made.id
    assert not bench.happens(kind="sound", box=None, objects=(voices, bark, glass)).muted


def test_it_ends_after_ninety_days_can_be_renewed_and_removed(bench: Bench) -> None:
    made = bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    bench.clock.advance(LASTS_MS / 1000)
    assert not bench.happens().muted
    assert not bench.mutings.renew(YARD, made.id)
    assert bench.mutings.renew(PORCH, made.id)
    assert bench.happens().muted
    assert not bench.mutings.unmute(YARD, made.id)
    assert bench.mutings.unmute(PORCH, made.id)
    assert not bench.happens().muted
    assert not bench.mutings.unmute(PORCH, made.id)


def test_a_camera_with_the_id_of_a_removed_one_has_no_mutings(bench: Bench) -> None:
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    bench.mutings.forget_cameras([YARD])
    assert bench.mutings.all(PORCH)
    bench.mutings.forget_cameras([PORCH])
    bench.again()
    assert not bench.happens().muted


def test_a_restart_changes_nothing(bench: Bench) -> None:
    flags = bench.false_alarms()
    bench.grids[flags[0].start_ms] = grid_of(TREE)
    bench.mutings.mute(PORCH, flags[0].id, "Anna")
    bench.happens()
    before = bench.mutings.all(PORCH)
    bench.again()
    assert bench.mutings.all(PORCH) == before
    assert before[0].count == 1
    assert (bench.folder / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", '{"mutings": [{"id": "a"}]}', '{"mutings": 3}', "\xff"])
def test_an_unreadable_file_is_kept_aside(bench: Bench, text: str) -> None:
    (bench.folder / FILE).write_bytes(text.encode("latin-1"))
    bench.again()
    assert bench.mutings.all(PORCH) == []
    assert (bench.folder / f"{FILE}.unreadable").read_bytes() == text.encode("latin-1")
    bench.mutings.mute(PORCH, bench.false_alarms()[0].id, "Anna")
    assert len(json.loads((bench.folder / FILE).read_text())["mutings"]) == 1


def test_what_cannot_be_saved_is_refused_and_changes_nothing(bench: Bench) -> None:
    flags = bench.false_alarms()
    (bench.folder / FILE).mkdir()
    with pytest.raises(NotDone, match="can't be saved"):
        bench.mutings.mute(PORCH, flags[0].id, "Anna")
    assert bench.mutings.all(PORCH) == []


@pytest.mark.parametrize(
    ("box", "near"),
    [
        (TREE, True),
        ((0.65, 0.2, 0.85, 0.6), True),
        ((0.72, 0.2, 0.92, 0.6), False),
        ((0.6, 0.2, 0.71, 0.6), True),
        ((0.6, 0.2, 0.69, 0.6), False),
        ((0.6, 0.2, 0.6, 0.6), False),
    ],
)
def test_near_is_the_same_place_and_a_similar_size(box: tuple[float, float, float, float], near: bool) -> None:
    assert is_near(TREE, box) is is_near(box, TREE) is near


def test_cells_grow_by_one_in_every_direction_within_the_image() -> None:
    assert grown(grid_of((0.5, 0.5, 0.52, 0.52))) == grid_of((15 / 32, 8 / 18, 18 / 32, 11 / 18))
    assert grown(grid_of((0, 0, 0.01, 0.01))) == grid_of((0, 0, 2 / 32, 2 / 18))
    assert grown(grid_of((0.99, 0.99, 1, 1))) == grid_of((30 / 32, 16 / 18, 1, 1))


@pytest.mark.parametrize(
    ("location", "at", "day"),
    [
        ("", "20261122T055900.000Z", False),
        ("", "20261122T060000.000Z", True),
        ("", "20261122T175900.000Z", True),
        ("", "20261122T180000.000Z", False),
        ("[modes]\nlocation = [52.5, 13.4]\n", "20261122T160000.000Z", False),
        ("[modes]\nlocation = [52.5, 13.4]\n", "20260622T190000.000Z", True),
        ("[modes]\nlocation = [78.2, 15.6]\n", "20260622T230000.000Z", True),
    ],
)
def test_day_is_by_the_sun_where_the_place_is_known(location: str, at: str, day: bool) -> None:
    settings, problems = parse_settings(location, {})
    assert settings is not None, problems
    assert is_day(settings, ZoneInfo("Europe/Berlin"), stamp_ms(at)) is day

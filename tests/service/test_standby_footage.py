"""Which recordings of the standby a recorder asks for."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from tawny.config.loader import parse_settings
from tawny.engine import Bus
from tawny.events.modes import BY_SCHEDULE, ModeSnapshot
from tawny.fleet.standby_member import NotNow
from tawny.fleet.standby_store import Takeover, begun_again
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.service.cameras.standby_footage import PlacingServices, StandbyFootage
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

FRONT = CameraId("front")
MASKS = "privacy_masks = [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]\n"
UNUSED: Any = None
"""Of services that are not asked here."""


class Filler:
    """One that is filling no gap."""

    def leave_to_standby(self, camera: CameraId, hole: Span) -> AbstractContextManager[None]:
        return nullcontext()


FILLER: Any = Filler()


def footage(
    more: str = "",
    detail: str = "",
    beside: Sequence[tuple[int, int | None, GapReason]] = (),
    why: str = "",
    by: Sequence[tuple[int, str]] = (),
    index: MemoryIndex | None = None,
) -> tuple[StandbyFootage, int]:
    """A recorder that was off for a minute until now, ms UTC.

    beside: more gaps, s before and after now; without an end: they last. why: their detail. by: what else than the
    schedule set the mode, and when, s before and after now, newest first.
    """
    settings, problems = parse_settings(f'[cameras.front]\nsource = "rtsp://192.0.2.7/"\n{more}', {})
    assert settings is not None, problems
    clock, index = FakeClock(), index or MemoryIndex()
    now_ms = clock.now_ms()
    ledger = HistoryLedger(HistoryJournal(MemoryDisk()), index, clock)
    ledger.put_gap(Gap(FRONT, now_ms - 60_000, now_ms, GapReason.RECORDER_OFF, detail))
    for begin_s, end_s, reason in beside:
        answer = why or ("" if reason is GapReason.OFF else "The mode night says so.")
        end_ms = None if end_s is None else now_ms + end_s * 1000
        ledger.put_gap(Gap(FRONT, now_ms + begin_s * 1000, end_ms, reason, answer))
    states = [
        (now_ms + at_s * 1000, ModeSnapshot("night", who, frozenset())) for at_s, who in (*by, (-999, BY_SCHEDULE))
    ]
    return StandbyFootage(
        PlacingServices(
            lambda: settings, lambda: "Barn", UNUSED, index, ledger, Bus(), clock, None, FILLER, lambda: states
        )
    ), now_ms


def test_the_missing_time_is_asked_for() -> None:
    placer, now_ms = footage(MASKS)
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms)
    assert placer.missing(takeover) == [Span(now_ms - 60_000, now_ms)]


def test_nothing_is_asked_for_where_masks_are_burned_in() -> None:
    placer, now_ms = footage(MASKS + "burn_in_masks = true\n")
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms)
    assert placer.missing(takeover) == []
    with pytest.raises(NotDone, match="masks"):
        placer.place("front", Span(now_ms - 60_000, now_ms), [], 0, "Shed")


def test_a_takeover_in_the_future_lacks_nothing() -> None:
    """This recorder's clock has not been set yet."""
    placer, now_ms = footage()
    takeover = Takeover("front", now_ms + 60_000, now_ms + 63_000, None)
    assert placer.missing(takeover) == []
    placer.explain(takeover, "Shed")


@pytest.mark.parametrize(
    ("detail", "beside"),
    [("stopped by a user", []), ("", [(-90, -60, GapReason.WAITING)]), ("", [(0, 9, GapReason.WAITING)])],
    ids=["stopped", "around events", "around events from then on"],
)
def test_what_a_card_would_leave_is_asked_for(detail: str, beside: Sequence[tuple[int, int, GapReason]]) -> None:
    """The standby records cameras all the time, and also while their recorder is stopped."""
    placer, now_ms = footage("", detail, beside)
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms)
    assert placer.missing(takeover) == [Span(now_ms - 60_000, now_ms)]


CHOICES = pytest.mark.parametrize("choice", [GapReason.PRIVACY, GapReason.MODE, GapReason.SCHEDULE, GapReason.OFF])


@CHOICES
def test_a_camera_that_its_schedule_switched_on_meanwhile_is_asked_for_from_then_on(choice: GapReason) -> None:
    placer, now_ms = footage(beside=[(-90, -60, choice)])
    takeover = Takeover("front", now_ms - 60_000, now_ms - 30_000, now_ms + 10_000)
    assert placer.missing(takeover) == [Span(now_ms - 30_000, now_ms)]


@CHOICES
def test_a_camera_that_its_schedule_switched_off_meanwhile_is_asked_for_until_then(choice: GapReason) -> None:
    placer, now_ms = footage(beside=[(0, 9, choice)])
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms - 30_000, is_by_plan=True)
    assert placer.missing(takeover) == [Span(now_ms - 57_000, now_ms - 30_000)]


@CHOICES
@pytest.mark.parametrize("moved_ms", [0, 5000], ids=["restarted", "clock set"])
def test_a_takeover_in_two_pieces_was_ended_by_no_schedule(choice: GapReason, moved_ms: int) -> None:
    """What ended its first piece says nothing of the choice that the standby did not know."""
    placer, now_ms = footage(beside=[(0, 9, choice)])
    whole = Takeover("front", now_ms - 60_000, now_ms - 57_000)
    first, _ = begun_again([whole], now_ms - 20_000, moved_ms, 0)
    assert placer.missing(first) == []


PEOPLE = pytest.mark.parametrize(
    ("choice", "why", "by"),
    [
        (GapReason.PRIVACY, "Anna", ()),
        (GapReason.OFF, "recording stopped by Anna", ()),
        (GapReason.PRIVACY, "", [(-80, "Anna")]),
        (GapReason.MODE, "", [(20, BY_SCHEDULE), (-59, "Anna")]),
    ],
    ids=["pause", "stop", "private mode", "mode"],
)


@PEOPLE
def test_nothing_is_asked_for_after_a_choice_whose_end_a_person_may_have_moved(
    choice: GapReason, why: str, by: Sequence[tuple[int, str]]
) -> None:
    """The standby began at the end that it knew."""
    placer, now_ms = footage(beside=[(-90, -60, choice)], why=why, by=by)
    assert placer.missing(Takeover("front", now_ms - 60_000, now_ms - 30_000, now_ms + 10_000)) == []


@PEOPLE
def test_nothing_is_asked_for_before_a_choice_that_a_person_may_have_begun_earlier(
    choice: GapReason, why: str, by: Sequence[tuple[int, str]]
) -> None:
    """The standby ended by its schedule, later."""
    placer, now_ms = footage(beside=[(0, 9, choice)], why=why, by=by)
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms - 30_000, is_by_plan=True)
    assert placer.missing(takeover) == []


def test_nothing_is_asked_for_while_its_gap_lasts() -> None:
    """The standby's clock was set, so that its takeover has ended: it would count as handed back."""
    placer, now_ms = footage(beside=[(-60, None, GapReason.UNREACHABLE)])
    with pytest.raises(NotNow, match="still lasts"):
        placer.missing(Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms - 20_000))


@CHOICES
@pytest.mark.parametrize("when", [(-62, -60), (0, 9)], ids=["just before", "afterwards"])
def test_nothing_is_asked_for_of_a_choice_that_the_standby_did_not_know(
    choice: GapReason, when: tuple[int, int]
) -> None:
    """The recorder died just after it, and the standby recorded by its former plan."""
    placer, now_ms = footage(beside=[(*when, choice)])
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms + 10_000)
    assert placer.missing(takeover) == []


@pytest.mark.parametrize(("ahead_s", "from_s", "to_s"), [(5, -25, -10), (-5, -30, -15)], ids=["ahead", "behind"])
def test_clocks_that_differ_make_nothing_private_public(ahead_s: int, from_s: int, to_s: int) -> None:
    """The standby began and ended by its own clock, at the times that the schedule names."""
    placer, now_ms = footage(beside=[(-90, -60, GapReason.MODE), (0, 9, GapReason.MODE)])
    begin_ms, end_ms = now_ms - 30_000, now_ms - 10_000
    takeover = Takeover("front", now_ms - 60_000, begin_ms, end_ms, ahead_ms=ahead_s * 1000, is_by_plan=True)
    assert placer.missing(takeover) == [Span(now_ms + from_s * 1000, now_ms + to_s * 1000)]


@pytest.mark.parametrize("ahead_s", [50, -50])
def test_all_that_was_recorded_by_this_recorders_clock_is_asked_for(ahead_s: int) -> None:
    placer, now_ms = footage(beside=[(-90, -60, GapReason.MODE), (0, 9, GapReason.MODE)])
    begin_ms, end_ms = now_ms - 57_000, now_ms - 10_000
    takeover = Takeover("front", now_ms - 60_000, begin_ms, end_ms, ahead_ms=ahead_s * 1000, is_by_plan=True)
    assert placer.missing(replace(takeover, is_by_recorder=True)) == [Span(begin_ms, end_ms)]


def test_a_gap_says_that_the_standby_had_nothing_of_it() -> None:
    """The standby's disk was full: it is in no gap as one that recorded."""
    index = MemoryIndex()
    placer, now_ms = footage(detail="crashed", index=index)
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms)
    placer.explain(takeover, "Shed")
    placer.place("front", Span(now_ms - 60_000, now_ms), [], 0, "Shed")
    [gap] = index.gaps(FRONT, Span(now_ms - 60_000, now_ms))
    assert gap.detail == "crashed; the standby Shed has no recording of it"

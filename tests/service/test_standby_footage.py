"""Which recordings of the standby a recorder asks for."""

from collections.abc import Sequence
from typing import Any

import pytest

from tawny.config.loader import parse_settings
from tawny.engine import Bus
from tawny.fleet.standby_store import Takeover
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


def footage(
    more: str = "", detail: str = "", beside: Sequence[tuple[int, int, GapReason]] = ()
) -> tuple[StandbyFootage, int]:
    """A recorder that was off for a minute until now, ms UTC. beside: more gaps, s before and after now."""
    settings, problems = parse_settings(f'[cameras.front]\nsource = "rtsp://192.0.2.7/"\n{more}', {})
    assert settings is not None, problems
    clock, index = FakeClock(), MemoryIndex()
    now_ms = clock.now_ms()
    ledger = HistoryLedger(HistoryJournal(MemoryDisk()), index, clock)
    ledger.put_gap(Gap(FRONT, now_ms - 60_000, now_ms, GapReason.RECORDER_OFF, detail))
    for begin_s, end_s, reason in beside:
        ledger.put_gap(Gap(FRONT, now_ms + begin_s * 1000, now_ms + end_s * 1000, reason))
    services = PlacingServices(lambda: settings, lambda: "Barn", UNUSED, index, ledger, Bus(), clock, None, UNUSED)
    return StandbyFootage(services), now_ms


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
    takeover = Takeover("front", now_ms - 60_000, now_ms - 57_000, now_ms - 30_000)
    assert placer.missing(takeover) == [Span(now_ms - 57_000, now_ms - 30_000)]


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
    takeover = Takeover("front", now_ms - 60_000, now_ms - 30_000, now_ms - 10_000, ahead_ms=ahead_s * 1000)
    assert placer.missing(takeover) == [Span(now_ms + from_s * 1000, now_ms + to_s * 1000)]

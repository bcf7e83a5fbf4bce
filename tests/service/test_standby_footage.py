"""Which recordings of the standby a recorder asks for."""

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


def footage(more: str = "") -> tuple[StandbyFootage, int]:
    """A recorder that was off for a minute until now, ms UTC."""
    settings, problems = parse_settings(f'[cameras.front]\nsource = "rtsp://192.0.2.7/"\n{more}', {})
    assert settings is not None, problems
    clock, index = FakeClock(), MemoryIndex()
    now_ms = clock.now_ms()
    ledger = HistoryLedger(HistoryJournal(MemoryDisk()), index, clock)
    ledger.put_gap(Gap(FRONT, now_ms - 60_000, now_ms, GapReason.RECORDER_OFF))
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

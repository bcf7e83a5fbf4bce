"""What a stop and the next start leave on the timeline: one gap, from the last picture to the next one."""

from contextlib import closing
from pathlib import Path

import pytest

from tawny.model.segments import GapReason
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.recovery import recover
from tests.faults.world import EVER, PORCH, YARD, proved, world


@pytest.mark.shows("DY19")
def test_a_stop_leaves_no_gap_of_no_length_and_the_next_start_explains_all_of_it(tmp_path: Path) -> None:
    with world(tmp_path) as bench:
        bench.run(10)
        bench.stop()
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        assert [gap.detail for gap in index.gaps(PORCH, EVER)] == ["starting"]
        bench.clock.advance(600)
        volume = Volume.at(tmp_path)
        history = HistoryJournal(volume.disk)
        ledger = HistoryLedger(history, index, bench.clock)
        found = recover(volume, index, ledger, bench.clock, before=None, boot="boot", cameras=[PORCH, YARD])
        history.close()
        (bounds,) = [one for one in [index.bounds(PORCH)] if one]
        (gap, _) = found.gaps
        assert (gap.reason, gap.detail) == (GapReason.RECORDER_OFF, "stopped by a user")
        assert (gap.begin_ms, gap.end_ms) == (bounds.end_ms, bench.clock.now_ms())
    proved(tmp_path, bench.clock)

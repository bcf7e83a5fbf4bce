"""A disk that stalls, fails, turns read-only, fills up or is pulled out: recording goes on as soon as it can, what
memory can hold meanwhile is not lost, and what is lost is told within a minute and explained to the last second."""

from pathlib import Path

import pytest

from tawny.model.errors import DiskFull, FolderUnwritable, StorageError
from tawny.model.segments import GapReason
from tawny.storage.repair.findings import WallCoverage
from tests.faults.figures import note
from tests.faults.world import FPS, PORCH, World, proved, world

FRAME_S = 1 / FPS
MEMORY_S = 60.0
"""So much video waits in memory for the disk (`Limits.waiting_s`)."""
TOLD_S = 60.0


def ended(bench: World) -> WallCoverage:
    """Stop it; recorded and explained time must be all of the time since it began, of both cameras."""
    end_ms = bench.stop()
    wall = proved(bench.folder, bench.clock).wall
    assert wall is not None
    wanted_s = (end_ms - bench.begin_ms) / 1000 * len(bench.cameras)
    assert wall.recorded_s + wall.explained_s == pytest.approx(wanted_s, abs=2 * FRAME_S * len(bench.cameras))
    return wall


def lost_s(bench: World, *reasons: GapReason) -> float:
    """Of one camera: gaps since its first picture, of these reasons or of any."""
    gaps = [gap for gap in bench.gaps_of() if not reasons or gap.reason in reasons]
    return sum((gap.end_ms or bench.clock.now_ms()) - gap.begin_ms for gap in gaps) / 1000


def test_a_disk_that_stalls_for_twenty_seconds_costs_nothing(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(30)
        bench.stall(20)
        bench.run(60)
        assert bench.losses == []
        assert bench.gaps_of() == []
        lost = lost_s(bench)
        wall = ended(bench)
    assert len(bench.cameras) == 2
    note("disk-stall", stall_s=20.0, lost_s=lost, recorded_s=wall.recorded_s, limit_s=0.0)


def test_a_stall_longer_than_memory_lasts_is_told_and_explained(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(30)
        since_ms = bench.clock.now_ms()
        bench.stall(150)
        bench.run(240)
        gaps = bench.gaps_of()
        assert [gap.reason for gap in gaps] == [GapReason.DISK_ERROR]
        lost, answer = lost_s(bench), bench.alarmed_s(since_ms)
        assert lost <= 150 - MEMORY_S + 5
        assert answer <= TOLD_S
        ended(bench)
    note("disk-long-stall", stall_s=150.0, lost_s=lost, alarmed_s=answer, limit_s=150 - MEMORY_S + 5)


@pytest.mark.parametrize("operation", ["append", "sync", "create", "rename", "sync_folder"])
def test_a_disk_that_fails_for_forty_seconds_costs_nothing_that_memory_can_hold(
    quick_folder: Path, operation: str
) -> None:
    with world(quick_folder) as bench:
        bench.run(45)

        def before(asked: str, path: str) -> None:
            if asked == operation and path.startswith(PORCH):
                raise StorageError(path, "Input/output error")

        bench.disk.before = before
        bench.run(40)
        bench.disk.before = _well
        bench.run(60)
        lost = lost_s(bench)
        assert lost <= 2.0
        ended(bench)
    note(f"disk-error-{operation.replace('_', '-')}", fault_s=40.0, lost_s=lost, limit_s=2.0)


def test_a_disk_that_turns_read_only_is_told_and_explained(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(30)
        since_ms = bench.clock.now_ms()

        def before(asked: str, path: str) -> None:
            if asked not in ("read", "entry", "entries", "space"):
                raise FolderUnwritable(path, "Read-only file system")

        bench.disk.before = before
        bench.run(120)
        result = bench.alarmed_s(since_ms)
        assert result <= TOLD_S
        bench.disk.before = _well
        bench.run(30)
        lost = lost_s(bench)
        assert 120 - MEMORY_S - 5 <= lost <= 120 - MEMORY_S + 10
        ended(bench)
    note("disk-read-only", fault_s=120.0, lost_s=lost, alarmed_s=result, limit_s=120 - MEMORY_S + 10)


def test_a_disk_that_is_pulled_out_and_put_back(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(30)
        bench.disk.unplug()
        bench.run(40)
        bench.disk.plug_in()
        bench.run(30)
        lost = lost_s(bench)
        assert lost <= 2.0
        ended(bench)
    note("disk-vanishes", fault_s=40.0, lost_s=lost, limit_s=2.0)


def test_a_disk_filled_by_others_is_told_and_explained(quick_folder: Path) -> None:
    """Nothing that could be removed helps: whoever fills it takes what is freed at once."""
    with world(quick_folder) as bench:
        bench.run(30)
        since_ms = bench.clock.now_ms()

        def before(asked: str, path: str) -> None:
            if asked in ("append", "create"):
                raise DiskFull(path)

        bench.disk.before = before
        bench.run(120)
        result = bench.alarmed_s(since_ms)
        assert result <= TOLD_S
        bench.disk.before = _well
        bench.run(30)
        reasons = {gap.reason for gap in bench.gaps_of()}
        assert reasons <= {GapReason.DISK_FULL, GapReason.REMOVED}
        lost = lost_s(bench, GapReason.DISK_FULL)
        assert lost <= 120 - MEMORY_S + 10
        ended(bench)
    note("disk-filled-by-others", fault_s=120.0, lost_s=lost, alarmed_s=result, limit_s=120 - MEMORY_S + 10)


def _well(_operation: str, _path: str) -> None:
    """The disk is well again."""

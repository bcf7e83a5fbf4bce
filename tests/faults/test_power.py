"""Power cuts at every kind of moment of a recording: nothing that was acknowledged is lost, all else is repairable."""

import random
import shutil
from itertools import count
from pathlib import Path
from statistics import median

import pytest

from tawny.model.messages import SegmentClosed
from tests.faults.figures import note
from tests.faults.power import after_cut, look, recorded
from tests.support.disk import MemoryDisk

CUTS, KILLS = 150, 200
MOST_LOST_S, MOST_LOST_BY_KILL_S = 2.0, 1.0


@pytest.fixture(scope="module")
def disk() -> MemoryDisk:
    return recorded()


def test_a_power_cut_loses_nothing_acknowledged_and_at_most_two_seconds(disk: MemoryDisk, quick_folder: Path) -> None:
    dice = random.Random(20261120)
    points = [round(disk.points * number / CUTS) for number in range(1, CUTS + 1)]
    lost_s: list[float] = []
    for point in points:
        seed = dice.randrange(1 << 30)
        broken = after_cut(disk, point, seed, quick_folder / f"{point}")
        assert not broken.acknowledged, f"cut at {point}, seed {seed}: {broken.acknowledged[:3]}"
        assert not broken.findings, f"cut at {point}, seed {seed}: {broken.findings[:3]}"
        assert broken.lost_s <= MOST_LOST_S, f"cut at {point}, seed {seed}"
        lost_s.append(broken.lost_s)
    note("power", cuts=CUTS, median_s=median(lost_s), worst_s=max(lost_s), limit_s=MOST_LOST_S)


def test_a_kill_at_any_operation_loses_at_most_a_second(disk: MemoryDisk, quick_folder: Path) -> None:
    """At instants all over the recording, and at each of the operations of the minute's change of files."""
    change = next(at for at in range(disk.points) if any(isinstance(one, SegmentClosed) for one in disk.notes(at)))
    points = {round(disk.points * number / KILLS) for number in range(1, KILLS + 1)} | set(range(change - 40, change))
    lost_s: list[float] = []
    for point in sorted(points):
        broken = look(disk, disk.after_kill(point), point, quick_folder / f"{point}")
        assert not broken.acknowledged, f"killed at {point}: {broken.acknowledged[:3]}"
        assert not broken.findings, f"killed at {point}: {broken.findings[:3]}"
        assert broken.lost_s <= MOST_LOST_BY_KILL_S, f"killed at {point}"
        lost_s.append(broken.lost_s)
        shutil.rmtree(quick_folder / f"{point}", ignore_errors=True)
    note("kill-model", kills=len(points), median_s=median(lost_s), worst_s=max(lost_s), limit_s=MOST_LOST_BY_KILL_S)


def test_a_recorder_that_does_not_sync_is_found_out(quick_folder: Path) -> None:
    disk, dice = recorded(syncs=False, seconds=70), random.Random(7)
    numbers = count()
    broken = [
        after_cut(disk, dice.randrange(disk.points // 2, disk.points), number, quick_folder / f"{next(numbers)}")
        for number in range(10)
    ]
    failed = sum(bool(one.acknowledged) for one in broken)
    assert failed >= 8
    note("power-unsynced", cuts=len(broken), failed=failed)

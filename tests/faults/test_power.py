"""Power cuts at every kind of moment of a recording: nothing that was acknowledged is lost, all else is repairable."""

import random
from itertools import count
from pathlib import Path
from statistics import median

import pytest

from tawny.testing.disk import MemoryDisk
from tests.faults.figures import note
from tests.faults.power import after_cut, recorded

CUTS = 150
MOST_LOST_S = 2.0


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

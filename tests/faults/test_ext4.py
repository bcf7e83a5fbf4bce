"""The power is cut while a whole recorder writes to a real ext4, whose every block is logged (`rig`)."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tawny.testing.clips import ClipSpec, made_clip
from tests.faults.figures import note
from tests.faults.power import NOT_KNOWN_MS
from tests.faults.rig.ext4 import in_namespace, why_not
from tests.support.packet_file import save_packets

pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "it runs")

RUN_S, CUTS = 75.0, 120
FEW_S, FEW = 4.0, 5
CARELESS_S, CARELESS = 20.0, 20
SEALED_S, SEALED_CUTS = 75.0, 500
MOST_LOST_S = 2.0


@pytest.fixture
def packets(quick_folder: Path) -> Path:
    path = quick_folder / "packets"
    save_packets(path, made_clip(ClipSpec(seconds=4.0, sound="aac")).packets)
    return path


def cut_off(folder: Path, packets: Path, run_s: float, count: int, *more: str) -> list[dict[str, Any]]:
    program = [sys.executable, "-m", "tests.faults.child", "{}", str(packets), "3.9", *more]
    subprocess.run(in_namespace("tests.faults.rig.run", folder, run_s, "{}", *program), check=True, timeout=run_s + 60)
    command = in_namespace("tests.faults.rig.cut", folder, count, 20261120)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60 + 8 * count)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == count
    return found


def test_a_few_cuts(quick_folder: Path, packets: Path) -> None:
    _hold(cut_off(quick_folder, packets, FEW_S, FEW))


@pytest.mark.long
def test_a_recorder_that_does_not_sync_is_found_out(quick_folder: Path, packets: Path) -> None:
    found = cut_off(quick_folder, packets, CARELESS_S, CARELESS, "unsynced")
    failed = sum(bool(one["broken"]) for one in found)
    assert failed >= CARELESS // 4
    note("power-ext4-unsynced", cuts=CARELESS, failed=failed)


@pytest.mark.long
def test_a_hundred_cuts_of_a_long_run(quick_folder: Path, packets: Path) -> None:
    """Longer than the 35 s in which the kernel writes everything by itself."""
    found = cut_off(quick_folder, packets, RUN_S, CUTS)
    lost_s = _hold(found)
    unflushed = sum(one["unflushed"] > 0 for one in found)
    note(
        "power-ext4",
        cuts=CUTS,
        unflushed=unflushed,
        median_s=median(lost_s),
        worst_s=max(lost_s),
        limit_s=MOST_LOST_S,
    )


@pytest.mark.parametrize(("run_s", "cuts"), [(FEW_S, FEW), pytest.param(SEALED_S, SEALED_CUTS, marks=pytest.mark.long)])
def test_cuts_of_an_encrypted_recorder_with_event_pictures(
    quick_folder: Path, packets: Path, run_s: float, cuts: int
) -> None:
    found = cut_off(quick_folder, packets, run_s, cuts, "sealed")
    lost_s = _hold(found, MOST_LOST_S + NOT_KNOWN_MS / 1000)
    if cuts == SEALED_CUTS:
        unflushed = sum(one["unflushed"] > 0 for one in found)
        note(
            "power-ext4-sealed",
            cuts=cuts,
            unflushed=unflushed,
            median_s=median(lost_s),
            worst_s=max(lost_s),
            limit_s=MOST_LOST_S + NOT_KNOWN_MS / 1000,
        )


def _hold(found: list[dict[str, Any]], most_lost_s: float = MOST_LOST_S) -> list[float]:
    """What was lost at each cut, but for the time in which the machine let the program stand."""
    lost_s = [max(0.0, float(one["lost_s"]) - float(one["stalled_s"])) for one in found]
    assert [one for one in found if one["broken"]] == []
    assert max(lost_s) <= most_lost_s, lost_s
    return lost_s

"""The power is cut while an outbox on a real ext4 is put to, delivered, extended and forgotten.

Afterwards it is as it was after some whole change, none earlier than the last that was acknowledged; what waits is
brought once each under its name, most important first; what was delivered is not brought again.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import note
from tests.faults.rig.cut_outbox import LIFE_SEED
from tests.faults.rig.ext4 import in_namespace, why_not

pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "it runs")

FEW_S, FEW = 2.0, 10
RUN_S, CUTS = 40.0, 200
CARELESS_S, CARELESS = 4.0, 20


def cut_off(folder: Path, run_s: float, count: int, *more: str) -> list[dict[str, Any]]:
    program = [sys.executable, "-m", "tests.faults.outbox_life", "{}", str(LIFE_SEED), *more]
    subprocess.run(in_namespace("tests.faults.rig.run", folder, run_s, "{}", *program), check=True, timeout=run_s + 60)
    command = in_namespace("tests.faults.rig.cut_outbox", folder, count, 20261120)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60 + 8 * count)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == count
    return found


def test_a_few_cuts(quick_folder: Path) -> None:
    found = cut_off(quick_folder, FEW_S, FEW)
    assert [one for one in found if one["broken"]] == []
    assert max(one["waited"] for one in found) > 0


@pytest.mark.long
def test_an_outbox_that_does_not_sync_is_found_out(quick_folder: Path) -> None:
    found = cut_off(quick_folder, CARELESS_S, CARELESS, "careless")
    failed = sum(bool(one["broken"]) for one in found)
    assert failed >= CARELESS // 2
    note("power-outbox-unsynced", cuts=CARELESS, failed=failed)


@pytest.mark.long
def test_two_hundred_cuts(quick_folder: Path) -> None:
    """Longer than the 35 s in which the kernel writes everything by itself."""
    found = cut_off(quick_folder, RUN_S, CUTS)
    assert [one for one in found if one["broken"]] == []
    unflushed = sum(one["unflushed"] > 0 for one in found)
    assert unflushed > CUTS // 4
    note("power-outbox", cuts=CUTS, unflushed=unflushed, changes=max(one["told"] for one in found))

"""A real disk that hangs: nobody who asks it gets an answer, and who waits for it cannot be killed (`rig/hang.py`)."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tawny.testing.clips import ClipSpec, made_clip
from tests.faults.figures import note
from tests.faults.rig.ext4 import in_namespace, why_not
from tests.support.packet_file import save_packets

pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "it runs")

LEAVE_S = 8.0
"""As it is in a running tawny (`recording._LEAVE_S`)."""


@pytest.fixture
def packets(quick_folder: Path) -> Path:
    path = quick_folder / "packets"
    save_packets(path, made_clip(ClipSpec(seconds=4.0, sound="aac")).packets)
    return path


def hung(folder: Path, packets: Path, hang_s: float, leave_s: float, *more: str) -> dict[str, Any]:
    command = in_namespace("tests.faults.rig.hang", folder, packets, hang_s, leave_s, *more)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=hang_s + 240)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["broken"] == []
    assert found["is_alive"]
    return found


def test_recording_leaves_a_disk_that_hangs_and_comes_back(quick_folder: Path, packets: Path) -> None:
    found = hung(quick_folder, packets, 3.0, 1.0)
    assert found["durable_meanwhile"] > 0
    assert found["lost_s"] == 0.0


@pytest.mark.long
def test_a_disk_that_hangs_for_a_minute_costs_nothing_with_a_spare(quick_folder: Path, packets: Path) -> None:
    found = hung(quick_folder, packets, 60.0, LEAVE_S)
    assert found["durable_meanwhile"] > 0
    assert found["lost_s"] == 0.0
    note("disk-hang", hang_s=60.0, went_s=found["went_s"], came_back_s=found["came_back_s"], lost_s=found["lost_s"])


@pytest.mark.long
def test_a_disk_that_hangs_for_forty_seconds_costs_nothing_without(quick_folder: Path, packets: Path) -> None:
    found = hung(quick_folder, packets, 40.0, LEAVE_S, "nospare")
    assert found["lost_s"] == 0.0
    note("disk-hang-memory", hang_s=40.0, lost_s=found["lost_s"])

"""A disk whose every flush takes long, as that of a cheap SD card does: the first picture, and the power cuts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.testing.clips import ClipSpec, made_clip
from tests.faults.figures import note
from tests.faults.rig.ext4 import in_namespace, why_not
from tests.faults.rig.log import Flush, Line, read_log
from tests.support.packet_file import save_packets

pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "it runs")

MOST_FLUSHES = 12
"""Before the first picture. ext4 flushes twice a commit."""
MOST_LOST_S = 2.0
STARTS = ("a fresh start", "a start after a kill")


@pytest.fixture
def packets(quick_folder: Path) -> Path:
    path = quick_folder / "packets"
    save_packets(path, made_clip(ClipSpec(seconds=4.0, sound="aac")).packets)
    return path


def run(folder: Path, packets: Path, run_s: float, **options: float) -> None:
    program = [sys.executable, "-m", "tests.faults.child", "{}", str(packets), "3.9", "program"]
    command = in_namespace("tests.faults.rig.run", folder, run_s, json.dumps(options), *program)
    subprocess.run(command, check=True, timeout=2 * run_s + 120)


def first_pictures(folder: Path) -> Iterator[tuple[int, float]]:
    """Flushes, and seconds, from each start until the recorder knows its first picture to be durable."""
    flushes, started_ms, waits = 0, 0, False
    for entry in read_log(folder / "log"):
        match entry:
            case Flush():
                flushes += 1
            case Line(text) if text.startswith("start "):
                flushes, started_ms, waits = 0, int(text.split()[1]), True
            case Line(text) if text.startswith("durable ") and waits:
                waits = False
            case Line(text) if text.startswith("looked ") and not waits and started_ms:
                yield flushes, (int(text.split()[1]) - started_ms) / 1000
                started_ms = 0
            case _:
                pass


LONG = pytest.mark.long


@pytest.mark.parametrize("flush_s", [pytest.param(0.02, marks=LONG), 0.1, pytest.param(0.2, marks=LONG)])
def test_few_flushes_before_the_first_picture(quick_folder: Path, packets: Path, flush_s: float) -> None:
    run(quick_folder, packets, 5.0, flush_s=flush_s, starts=2, commit_s=300)
    found = list(first_pictures(quick_folder))
    assert len(found) == len(STARTS)
    for start, (flushes, seconds) in zip(STARTS, found, strict=True):
        note(f"slow-disk-{start.replace(' ', '-')}-{flush_s}", flush_s=flush_s, flushes=flushes, seconds=seconds)
        assert flushes <= MOST_FLUSHES, start


def cut_off(folder: Path, count: int) -> list[float]:
    """What was lost at each cut, but for the time in which the machine let the program stand."""
    command = in_namespace("tests.faults.rig.cut", folder, count, 20261121)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60 + 8 * count)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == count
    assert [one for one in found if one["broken"]] == []
    return [max(0.0, float(one["lost_s"]) - float(one["stalled_s"])) for one in found]


def test_a_power_cut_of_a_slow_disk_loses_little(quick_folder: Path, packets: Path) -> None:
    run(quick_folder, packets, 10.0, flush_s=0.1)
    assert max(cut_off(quick_folder, 5)) <= MOST_LOST_S


@pytest.mark.long
@pytest.mark.parametrize("flush_s", [0.02, 0.1])
def test_power_cuts_of_a_slow_disk_over_files_that_change(quick_folder: Path, packets: Path, flush_s: float) -> None:
    run(quick_folder, packets, 135.0, flush_s=flush_s)
    lost_s = cut_off(quick_folder, 100)
    note(f"power-slow-{flush_s}", cuts=len(lost_s), worst_s=max(lost_s), limit_s=MOST_LOST_S)
    assert max(lost_s) <= MOST_LOST_S

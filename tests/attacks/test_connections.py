"""Connections without a purpose, by the thousand: recording goes on, memory and log stay small, pages come back."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.attacks.attacked import Attacked, assert_nothing_lost, attacked, crowd
from tests.faults.figures import note

MOST_MORE_BYTES, MOST_LOG_BYTES, BACK_S = 50_000_000, 1_000_000, 1.0
BEHIND_S = 3.0
"""The promise is 2 s at a power cut; the look comes each half second, beside other tests."""
BUSY_S = 4.0
"""Added where a test runs beside others: a page then waits for the processor, too."""


@dataclass
class Felt:
    """What an attack did."""

    behind_s: float
    more_bytes: int
    log_bytes: int
    back_s: float
    most_files: int


def attack(here: Attacked, kind: str, count: int, *, for_s: float, addresses: int = 1) -> Felt:
    here.slowest_page_s(30)  # what is read once is no one's attack
    before, most, files = here.resident_bytes, 0, 0
    looked = len(here.lines.heard)
    with crowd(here.ports, kind, count, addresses=addresses) as lines:
        for _ in range(round(for_s)):
            threading.Event().wait(1.0)
            most, files = max(most, here.resident_bytes), max(files, here.files)
    print(f"\n{kind} x {count}: held {max(lines.values('open'))}, closed {lines.values('closed')[-1]}, files {files}")
    back_s = here.slowest_page_s(30)
    behind = [one["behind_s"] for one in here.lines.heard[looked:] if "behind_s" in one]
    felt = Felt(max(behind), most - before, here.log.stat().st_size, back_s, files)
    print(felt)
    return felt


def hold(felt: Felt, busy_s: float = 0.0) -> None:
    assert felt.behind_s <= BEHIND_S + busy_s
    assert felt.more_bytes <= MOST_MORE_BYTES
    assert felt.log_bytes <= MOST_LOG_BYTES
    assert felt.back_s <= BACK_S + busy_s


def assert_all_explained(here: Attacked) -> None:
    assert here.lines.values("gaps") == [{f"cam-{n}": [] for n in range(len(here.cameras))}]
    assert here.lines.values("problems") == [[]]


@pytest.mark.parametrize(("kind", "addresses"), [("idle", 1), ("mixed", 300)])
def test_connections_beyond_the_limit_of_open_files_cost_no_picture(
    quick_folder: Path, kind: str, addresses: int
) -> None:
    with attacked(quick_folder, 4, files=1024) as here:
        felt = attack(here, kind, 1500, for_s=9, addresses=addresses)
        assert_nothing_lost(here)
    hold(felt, BUSY_S)
    assert_all_explained(here)


@pytest.mark.long
@pytest.mark.parametrize(("files", "hard"), [(1024, 1024), (1024, 20_000)])
@pytest.mark.parametrize("addresses", [1, 5000])
def test_five_thousand_connections_beside_sixteen_cameras_cost_nothing(
    quick_folder: Path, files: int, hard: int, addresses: int
) -> None:
    with attacked(quick_folder, 16, files=files, hard=hard, segment_s=10.0) as here:
        felt = attack(here, "mixed", 5000, for_s=60, addresses=addresses)
        assert_nothing_lost(here)
    hold(felt)
    assert_all_explained(here)
    note(
        f"connections-{hard}-{addresses}",
        connections=5000,
        cameras=16,
        lost_s=0.0,
        behind_s=felt.behind_s,
        more_mb=felt.more_bytes / 1e6,
        log_kb=felt.log_bytes / 1e3,
        back_s=felt.back_s,
    )


@pytest.mark.long
def test_eleven_hundred_idle_connections_for_as_long_as_recording_used_to_end(quick_folder: Path) -> None:
    """With files as long as they are: 66 s of the 160 were lost, and 500 MB of log written."""
    with attacked(quick_folder, 2, files=1024, segment_s=60.0) as here:
        felt = attack(here, "idle", 1100, for_s=160)
        assert_nothing_lost(here)
    hold(felt)
    assert_all_explained(here)

"""SIGKILL around the borders of events: at most the last second of one that had begun is lost, and no other."""

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tawny.model.segments import GapReason
from tawny.model.times import Span, SystemClock
from tawny.storage.disk.lock import boot_id
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.opening import index_to_write
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.recovery import recover
from tawny.testing.clips import ClipSpec, made_clip
from tests.faults.child import CAMERA, EVERY_MS, FPS
from tests.faults.figures import note
from tests.support.packet_file import save_packets

KILLS, MORE_KILLS, AT_ONCE = 4, 50, 2
MOST_LOST_S = 1.0
BUSY_S = 4.0
"""Added to what the sample may lose: beside other tests a process may stand still."""
PRE_MS, POST_MS = 1000, 500
ABOUT_MS = 250
"""A frame's time is smoothed; it differs from when it came."""
CLOSED_MS = 3000
"""After this time an event's recording is closed."""


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packets") / "packets"
    save_packets(path, made_clip(ClipSpec(seconds=60.0)).packets)
    return path


def killed_around_an_event(folder: Path, packets: Path, seed: int) -> list[list[str]]:
    """Kill it a random time after the first or the second event began. Return what it said."""
    dice = random.Random(seed)
    command = [sys.executable, "-m", "tests.faults.child", str(folder), str(packets), "59", "events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        found = [next(line for line in child.stdout if line.startswith("came"))]
        found.append(next(line for line in child.stdout if line.startswith("event")))
        threading.Event().wait(dice.uniform(0.0, 2 * EVERY_MS / 1000))
        os.kill(child.pid, signal.SIGKILL)
        found += child.stdout.readlines()
    return [line.split() for line in found if line.endswith("\n")]


def test_kills_lose_no_more_than_the_last_second_of_an_event(quick_folder: Path, packets: Path) -> None:
    _campaign(quick_folder, packets, KILLS, MOST_LOST_S + BUSY_S)


@pytest.mark.long
def test_fifty_kills_lose_no_more_than_the_last_second_of_an_event(quick_folder: Path, packets: Path) -> None:
    _campaign(quick_folder, packets, MORE_KILLS, MOST_LOST_S)


def _campaign(folder: Path, packets: Path, kills: int, most_s: float) -> None:
    folders = [folder / f"{number}" for number in range(kills)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(killed_around_an_event, folders, [packets] * kills, range(kills)))
    lost_s = [_lost_s(lines, _recovered(one)) for lines, one in zip(found, folders, strict=True)]
    note("modes-kill", kills=kills, worst_s=max(lost_s), limit_s=MOST_LOST_S)
    assert max(lost_s) <= most_s


def _lost_s(lines: list[list[str]], recorded: list[Span]) -> float:
    """The seconds of the event that had begun that are lost; of others nothing may be."""
    assert not any(line[0] == "failed" for line in lines)
    came = [int(line[1]) for line in lines if line[0] == "came"]
    events: dict[int, int] = {}
    for _, start, end, _ in (line for line in lines if line[0] == "event"):
        events[int(start)] = int(end)
    lost_s = 0.0
    for start_ms, end_ms in events.items():
        wanted = Span(start_ms - PRE_MS + ABOUT_MS, (end_ms or came[-1] + POST_MS) + POST_MS - ABOUT_MS)
        missing = [at_ms for at_ms in came if wanted.begin_ms <= at_ms < wanted.end_ms and not _has(recorded, at_ms)]
        if came[-1] - wanted.end_ms > CLOSED_MS:
            assert missing == [], "a closed event is lost"
        lost_s = max(lost_s, len(missing) / FPS)
    return lost_s


def _has(recorded: list[Span], at_ms: int) -> bool:
    return any(span.begin_ms - ABOUT_MS <= at_ms < span.end_ms + ABOUT_MS for span in recorded)


def _recovered(folder: Path) -> list[Span]:
    """Recover, hold what `tawny check --deep --wall` demands, and return what is recorded."""
    clock, volume = SystemClock(), Volume.at(folder)
    lock = volume.lock(clock)
    history = HistoryJournal(volume.disk)
    index = index_to_write(volume, history)
    try:
        ledger = HistoryLedger(history, index, clock)
        found = recover(volume, index, ledger, clock, before=lock.before, boot=boot_id(), cameras=[CAMERA])
        assert found.cause == "crash"
        report = check_volume(volume, index, clock, CheckScope(deep=True, with_wall=True, beside_recorder=False))
        assert report.findings == []
        assert report.wall is not None
        assert report.wall.unexplained == []
        ever = Span(0, 1 << 45)
        recorded = index.spans(CAMERA, None, ever)
        waiting = [gap for gap in index.gaps(CAMERA, ever) if gap.reason is GapReason.WAITING]
        for gap in waiting:
            assert gap.end_ms is not None
            quiet = Span(gap.begin_ms, gap.end_ms)
            assert sum(cut.seconds for span in recorded if (cut := span.cut_to(quiet))) < 0.1
        return recorded
    finally:
        history.close()
        index.close()
        lock.release()

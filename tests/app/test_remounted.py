"""The disk of the data folder is unplugged and mounted again while tawny records: the same folder, other files."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tawny.app import housekeeping
from tawny.app.housekeeping import PULSE_S, Heartbeat
from tawny.model.errors import DiskFull, FolderInUse, StorageError, TooManyFiles
from tawny.model.ids import CameraId
from tawny.model.messages import ProblemKind
from tawny.model.segments import Gap, GapReason
from tawny.storage.disk.lock import holder
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.rig import rig, settings
from tests.support.disk import MemoryDisk


def mount_again(folder: Path) -> None:
    """Files that are open remain those of the disk that is gone."""
    away = folder.rename(folder.with_name("away"))
    shutil.copytree(away, folder, ignore=shutil.ignore_patterns("control"))


def mount_taken(folder: Path, held: ExitStack) -> Path:
    """Mount it again, locked by another recorder before it is there: this one may be quick. Return its last history."""
    copy, away = folder.with_name("copy"), folder.with_name("away")
    folder.rename(away)
    shutil.copytree(away, copy, ignore=shutil.ignore_patterns("control"))
    fcntl.flock(held.enter_context((copy / "lock").open()), fcntl.LOCK_EX)
    copy.rename(folder)
    return sorted((folder / "history").glob("*.jsonl"))[-1]


def test_the_folder_is_locked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "FLUSH_S", 0.05)
    monkeypatch.setattr(housekeeping, "PULSE_S", 0.05)
    data = tmp_path / "data"
    with rig(settings(""), data) as recorder:
        mount_again(data)
        before = (data / "lock").read_bytes()
        until(lambda: (data / "lock").read_bytes() != before, 10, "a heartbeat")
        assert holder(data) is not None
        assert recorder.running.lost is None


CHILD = """
import sys
from pathlib import Path
from tawny.app import housekeeping
from tawny.app.program import Program
from tawny.config.loader import parse_settings
from tawny.model.errors import FolderInUse

housekeeping.FLUSH_S = housekeeping.PULSE_S = 0.1
settings, _ = parse_settings('[web]\\nlisten = "127.0.0.1:0"', {})
def ready(*_):
    print("ready", flush=True)
    sys.stdin.readline()
try:
    Program(settings, Path(sys.argv[1])).run(ready)
except FolderInUse as error:
    print(error.message)
"""
"""A recorder that waits for a line when it is ready."""


def test_a_recorder_stops_if_another_one_has_taken_the_folder_meanwhile(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-c", CHILD, str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        with ExitStack() as other:
            history = mount_taken(data, other)
            before = history.read_bytes()
            try:
                answer, _ = child.communicate("\n", timeout=60)
            finally:
                child.kill()
        assert answer.startswith(f"Another tawny is already recording to {data}")
        assert history.read_bytes() == before, "it is the other recorder's now"


class Pulse:
    def __init__(self) -> None:
        self.count = 0
        self.write: Callable[[], None] = lambda: None

    def __call__(self, _now_ms: int) -> None:
        self.count += 1
        self.write()

    def fail(self, error: StorageError) -> None:
        def write() -> None:
            raise error

        self.write = write


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def ledger(disk: MemoryDisk, clock: FakeClock) -> HistoryLedger:
    return HistoryLedger(HistoryJournal(disk), MemoryIndex(), clock)


@pytest.fixture
def heartbeat(ledger: HistoryLedger, pulse: Pulse, clock: FakeClock) -> Heartbeat:
    return Heartbeat(ledger, pulse, clock)


def _refused(_lines: object) -> None:
    raise StorageError("/mnt/usb", "it is away")


def test_health_names_a_disk_that_takes_no_heartbeat(heartbeat: Heartbeat, pulse: Pulse) -> None:
    pulse.fail(StorageError("/mnt/usb", "it is away"))
    heartbeat.step()
    assert [(one.what, one.detail) for one in heartbeat.problems()] == [
        (ProblemKind.DISK, "Disk error at /mnt/usb: it is away.")
    ]
    pulse.write = lambda: None
    heartbeat.step()  # at the next step, as the disk may be back
    assert list(heartbeat.problems()) == []


def test_a_full_disk_is_a_problem_of_its_own(heartbeat: Heartbeat, pulse: Pulse) -> None:
    pulse.fail(DiskFull("/mnt/usb"))
    heartbeat.step()
    assert list(heartbeat.problems()) == []


def test_too_many_open_files_are_no_problem_of_the_disk(heartbeat: Heartbeat, pulse: Pulse) -> None:
    pulse.fail(TooManyFiles("/mnt/usb", "Too many open files"))
    heartbeat.step()
    assert [one.what for one in heartbeat.problems()] == [ProblemKind.OPEN_FILES]


def test_a_lock_that_is_lost_is_found_before_changes_that_wait_are_written(
    heartbeat: Heartbeat, ledger: HistoryLedger, disk: MemoryDisk, pulse: Pulse
) -> None:
    heartbeat.step()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger.history, "write", _refused)
        ledger.put_gap(Gap(CameraId("porch"), 1000, 2000, GapReason.STALLED))
    assert ledger.waiting
    pulse.fail(FolderInUse("/mnt/usb", "process 7"))
    heartbeat.step()
    heartbeat.step()
    assert ledger.waiting, "it is the other recorder's history now"
    assert disk.entries("history") == []


def test_a_lock_that_is_lost_is_found_at_the_end(heartbeat: Heartbeat, pulse: Pulse) -> None:
    pulse.fail(FolderInUse("/mnt/usb", "process 7"))
    heartbeat.finish()
    assert heartbeat.lost is not None


def test_the_end_of_the_actors_does_not_wait_for_a_heartbeat(heartbeat: Heartbeat, pulse: Pulse) -> None:
    """On a slow disk, the last writes would be cut off."""
    heartbeat.close()
    assert pulse.count == 0


def test_a_late_step_writes_no_heartbeat_after_the_last_one(heartbeat: Heartbeat, pulse: Pulse) -> None:
    heartbeat.finish()
    heartbeat.step()
    assert pulse.count == 1


def test_a_recorder_that_lost_its_folder_lets_go_of_its_databases(tmp_path: Path) -> None:
    """Else the end of the process would, and SQLite remove what the other recorder has not checkpointed."""
    data = tmp_path / "data"
    with ExitStack() as other, rig(settings(""), data) as recorder:
        mount_taken(data, other)
    assert recorder.running.lost is not None
    with pytest.raises(StorageError, match="closed database"):
        recorder.running.index.put_gap(Gap(CameraId("porch"), 1000, 2000, GapReason.STALLED))


def test_a_recorder_that_ends_writes_nothing_if_another_one_has_its_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ExitStack() as other, rig(settings(""), data):
        history = mount_taken(data, other)
        before = history.read_bytes()
    assert history.read_bytes() == before
    assert (tmp_path / "away" / "history" / history.name).read_bytes() == before, "this recorder has it open still"


def test_a_lock_that_is_lost_is_not_tried_again(heartbeat: Heartbeat, pulse: Pulse, clock: FakeClock) -> None:
    pulse.fail(FolderInUse("/mnt/usb", "process 7"))
    for _ in range(3):
        heartbeat.step()
        clock.advance(PULSE_S)
    assert pulse.count == 1
    assert heartbeat.lost is not None

"""ext4 on a logged disk: a program runs on it, and later the power is cut at any place of the log.

All of it runs in a mount namespace of its own (`in_namespace`), so that a killed test leaves no mount behind.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.rig.fuse import OneFile
from tests.faults.rig.log import Entry, Flush, Line, Log, Write, read_log

SIZE_BYTES: Final = 96 << 20
START_S: Final = 45.0
"""A command is killed if it says nothing for so long."""
_SECTOR: Final = 512
_NEEDED: Final = ("mkfs.ext4", "e2fsck", "losetup", "unshare", "mount", "umount")


def why_not() -> str:
    """Why it cannot run on this machine; empty if it can."""
    if os.geteuid() != 0:
        return "only root can mount"
    if not Path("/dev/fuse").exists() or not Path("/dev/loop-control").exists():
        return "no /dev/fuse or no loop devices"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def in_namespace(module: str, *words: object) -> list[str]:
    """The command that runs a module of ours where its mounts are nobody else's."""
    return ["unshare", "-m", "--propagation", "private", sys.executable, "-m", module, *map(str, words)]


def make_image(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SIZE_BYTES)
    options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    run("mkfs.ext4", "-q", "-F", "-E", options, str(path))


def record(
    folder: Path, command: Sequence[str], run_s: float, *, flush_s: float = 0.0, starts: int = 1, commit_s: int = 5
) -> None:
    """Run a command, `{}` in it replaced by an empty folder on a fresh ext4, until it is killed `run_s` after its first
    line: a busy machine may need long to start it.

    Leaves `base.img`, the disk before, and `log`: what it wrote, and each line it printed. flush_s: how long each
    flush of the disk takes. starts: so many times one after the other; a line `start` precedes each. commit_s: how
    often the file system commits by itself.
    """
    base, live, place = folder / "base.img", folder / "live.img", folder / "disk"
    make_image(base)
    shutil.copyfile(base, live)
    place.touch()
    mounted = folder / "mounted"
    mounted.mkdir()
    log = Log(folder / "log")
    disk = OneFile(live, place, log, flush_s)
    run("mount", "-o", f"loop,noatime,commit={commit_s}", str(place), str(mounted))
    data = mounted / "data"
    data.mkdir()
    words = [word.replace("{}", str(data)) for word in command]
    for _ in range(starts):
        log.add(Line(f"start {round(time.time() * 1000)}"))
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            assert program.stdout is not None
            alarm = threading.Timer(START_S, program.kill)
            alarm.start()
            for number, line in enumerate(program.stdout):
                log.add(Line(line.rstrip("\n")))
                if number == 0:
                    alarm.cancel()
                    alarm = threading.Timer(run_s, program.kill)
                    alarm.start()
            alarm.cancel()
    log.close()  # before the file system is unmounted, which flushes everything
    run("umount", "-l", str(mounted))
    disk.close()
    live.unlink()


def after_cut(durable: bytearray, rest: Sequence[Entry], dice: random.Random) -> bytes:
    """What may be on the disk: all that was flushed, and of the writes since then nothing, some, torn ones, or all."""
    image = bytearray(durable)
    writes = [entry for entry in rest if isinstance(entry, Write)]
    match dice.choice(("nothing", "some", "torn", "first", "all")):
        case "nothing":
            writes = []
        case "some":
            writes = [one for one in writes if dice.random() < 0.5]
        case "torn":
            writes = [part for one in writes for part in _sectors(one) if dice.random() < 0.7]
        case "first":
            writes = writes[: dice.randint(0, len(writes))]
        case _:
            pass
    for one in writes:
        image[one.offset : one.offset + len(one.data)] = one.data
    return bytes(image)


def _sectors(write: Write) -> list[Write]:
    return [Write(write.offset + at, write.data[at : at + _SECTOR]) for at in range(0, len(write.data), _SECTOR)]


def cut_points(log: Sequence[Entry], count: int, dice: random.Random) -> list[int]:
    """Places in the log: half of them right after a write, some right before a flush, the others anywhere."""
    begin = next(at for at, entry in enumerate(log) if isinstance(entry, Line))
    writes = [at + 1 for at, entry in enumerate(log) if isinstance(entry, Write) and at >= begin]
    flushes = [at for at, entry in enumerate(log) if isinstance(entry, Flush) and at >= begin]
    some = dice.choices(writes, k=count // 2) + dice.choices(flushes, k=count // 4)
    return sorted(some + [dice.randrange(begin, len(log)) for _ in range(count - len(some))])


def flushed(durable: bytearray, log: Sequence[Entry], begin: int, point: int) -> int:
    """Bring the durable image from one place of the log on to the last flush before another; where that is."""
    last = next((at for at in range(point - 1, begin - 1, -1) if isinstance(log[at], Flush)), None)
    if last is None:
        return begin
    for entry in log[begin:last]:
        if isinstance(entry, Write):
            durable[entry.offset : entry.offset + len(entry.data)] = entry.data
    return last + 1


@dataclass(frozen=True, slots=True)
class Cut:
    """The disk after one power cut, mounted while it is looked at."""

    point: int
    unflushed: int
    """Entries of the log since the last flush."""
    told: list[str]
    """What the program had said before."""
    data: Path


def each_cut(folder: Path, count: int, dice: random.Random) -> Iterator[Cut]:
    """Cut the power of what `record` has logged at so many instants, in their order."""
    log = list(read_log(folder / "log"))
    durable, begin = bytearray((folder / "base.img").read_bytes()), 0
    image = folder / "cut.img"
    for point in cut_points(log, count, dice):
        begin = flushed(durable, log, begin, point)
        image.write_bytes(after_cut(durable, log[begin:point], dice))
        found = [entry.text for entry in log[:point] if isinstance(entry, Line)]
        with mounted(image, folder / "after") as data:
            yield Cut(point, point - begin, found, data)


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """The file system after its journal was played back. Afterwards `e2fsck` must find nothing to repair."""
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop,noatime", str(image), str(at))
    try:
        yield at / "data"
    finally:
        run("umount", str(at))
    run("e2fsck", "-fn", str(image))


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")

"""`python -m tests.faults.rig.hang FOLDER PACKETS HANG_S LEAVE_S [nospare]`: a recorder on an ext4 whose disk hangs.

The disk answers nothing for HANG_S, so that whoever waits for it cannot even be killed; then it goes on as if nothing
had been. Prints one JSON object: how long until recording went to the spare and came back, and what was lost.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tawny.model.times import Span, SystemClock
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.opening import index_to_write
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.recovery import recover
from tawny.testing.waiting import until
from tests.faults.child import CAMERA, FPS
from tests.faults.rig.ext4 import make_image, run
from tests.faults.rig.fuse import OneFile
from tests.faults.rig.log import Log

CLOCK = SystemClock()
BEFORE_S, AFTER_S = 2.0, 2.0


class Said:
    """The child's lines, as they come."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.lines: list[list[str]] = []
        self._child = child
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        with contextlib.suppress(ValueError):  # closed with its process
            for line in self._child.stdout:
                self.lines.append(line.split())

    def of(self, word: str) -> list[list[int]]:
        return [[int(number) for number in line[1:]] for line in list(self.lines) if line[0] == word]

    def is_on_spare(self) -> bool:
        result = self.of("spare")
        return bool(result and result[-1][1])


@contextlib.contextmanager
def hanging_disk(folder: Path) -> Iterator[tuple[OneFile, Path]]:
    image, place, mounted = folder / "disk.img", folder / "disk", folder / "mounted"
    make_image(image)
    place.touch()
    mounted.mkdir()
    disk = OneFile(image, place, Log(folder / "log"))
    run("mount", "-o", "loop,noatime", str(place), str(mounted))
    try:
        (mounted / "data").mkdir()
        yield disk, mounted / "data"
    finally:
        disk.answers.set()
        run("umount", "-l", str(mounted))
        disk.close()


def hang(folder: Path, packets: str, hang_s: float, leave_s: float, *, has_spare: bool) -> dict[str, object]:
    spare = folder / "spare"
    with hanging_disk(folder) as (disk, data):
        words = [f"leave={leave_s}", *([f"spare={spare}"] if has_spare else [])]
        command = [sys.executable, "-m", "tests.faults.child", str(data), packets, "3.9", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            result = Said(child)
            ends = threading.Timer(hang_s + 90, child.kill)
            ends.start()
            until(lambda: len(result.of("came")) > BEFORE_S * FPS, 60, "recorded")
            disk.answers.clear()
            hung_ms = CLOCK.now_ms()
            went_s = None
            if has_spare:
                until(result.is_on_spare, 60, "recording goes on at the spare")
                went_s = (CLOCK.now_ms() - hung_ms) / 1000
            pause = threading.Event()
            pause.wait(max(0.0, hang_s - (CLOCK.now_ms() - hung_ms) / 1000))
            during = [at for (at,) in result.of("durable") if at > hung_ms + leave_s * 1000]
            is_alive = not has_spare or bool(result.of("spare")[-1][2])
            disk.answers.set()
            back_ms = CLOCK.now_ms()
            until(lambda: not result.is_on_spare(), 60, "recording comes back")
            came_s = (CLOCK.now_ms() - back_ms) / 1000
            pause.wait(AFTER_S)
            ends.cancel()
            child.kill()
        found = _look(data, spare if has_spare else None, result)
    return {"went_s": went_s, "came_back_s": came_s, "is_alive": is_alive, "durable_meanwhile": len(during), **found}


def _look(data: Path, spare: Path | None, value: Said) -> dict[str, object]:
    volume = Volume.at(data)
    if spare is not None:
        join(volume, spare, VolumeUse.SPARE)
    lock = volume.lock(CLOCK)
    history = HistoryJournal(volume.disk)
    index = index_to_write(volume, history)
    ledger = HistoryLedger(history, index, CLOCK)
    recover(volume, index, ledger, CLOCK, before=lock.before, boot="another", cameras=[CAMERA])
    report = check_volume(volume, index, CLOCK, CheckScope(deep=True, with_wall=True, beside_recorder=False))
    spans = index.spans(CAMERA, None, Span(0, 1 << 45))
    came = [at_ms for (at_ms,) in value.of("came")]
    came = [at_ms for at_ms in came if at_ms < came[-1] - 1000]  # what the kill at the end costs is told elsewhere
    lost = [
        at_ms
        for at_ms in came
        if not any(span.begin_ms <= at_ms + 1000 / FPS and at_ms <= span.end_ms for span in spans)
    ]
    history.close()
    index.close()
    lock.release()
    return {
        "broken": [f"{one.what} {one.path} {one.detail}" for one in report.findings],
        "lost_s": len(lost) / FPS,
        "pictures": len(came),
    }


if __name__ == "__main__":
    told = hang(
        Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), has_spare="nospare" not in sys.argv
    )
    sys.stdout.write(json.dumps(told) + "\n")

"""`python -m tests.faults.rig.cut FOLDER CUTS SEED`: cut the power of a recorder that ran on a logged ext4, and look.

Prints a JSON line a cut: what does not hold, and how much was lost.
"""

import json
import random
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tawny.model.errors import TawnyError
from tawny.model.times import Span
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.protocol import Index
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.recovery import recover
from tawny.testing.clock import FakeClock
from tests.faults.child import CAMERA, FPS, LOOK_S
from tests.faults.power import NOT_KNOWN_MS
from tests.faults.rig.ext4 import each_cut


def cuts(folder: Path, count: int, seed: int) -> Iterator[dict[str, object]]:
    for cut in each_cut(folder, count, random.Random(seed)):
        try:
            found = _look(cut.data, [line.split() for line in cut.told])
        except TawnyError as error:
            found = {"broken": [f"it could not be recovered: {error}"], "lost_s": 0.0, "stalled_s": 0.0}
        yield {"point": cut.point, "unflushed": cut.unflushed, **found}


def _look(data: Path, texts: list[list[str]]) -> dict[str, object]:
    came_ms = [int(words[1]) for words in texts if words[0] == "came"]
    now_ms = max(came_ms, default=0) + 60_000
    clock = FakeClock("2026-01-01T00:00:00Z")
    clock.jump_utc((now_ms - clock.now_ms()) / 1000)
    disk = Volume.at(data).disk
    volume = Volume(disk, SignedHistory.opened(disk, clock.now_ms()))
    lock = volume.lock(clock)
    history = HistoryJournal(volume.disk)
    index = index_to_write(volume, history)
    try:
        ledger = HistoryLedger(history, index, clock)
        recover(volume, index, ledger, clock, before=lock.before, boot="another", cameras=[CAMERA])
        report = check_volume(volume, index, clock, CheckScope(deep=True, with_wall=True, beside_recorder=False))
        broken = [f"{one.what} {one.path} {one.detail}" for one in report.findings]
        broken += _not_kept(data, index, texts)
        bounds = index.bounds(CAMERA)
    finally:
        history.close()
        index.close()
        lock.release()
    begun_ms = min(came_ms, default=now_ms)
    until_ms = bounds.end_ms if bounds else begun_ms
    lost_s = sum(at_ms >= until_ms for at_ms in came_ms) / FPS  # not the time in which the camera was away
    return {"broken": broken, "lost_s": lost_s, "stalled_s": _stalled_s(texts)}


def _stalled_s(texts: list[list[str]]) -> float:
    """For how long, at most, the machine let the program stand in its last four seconds."""
    looked_ms = [int(words[1]) for words in texts if words[0] == "looked"][-round(4 / LOOK_S) :]
    return max(((after - before) / 1000 - LOOK_S for before, after in pairwise(looked_ms)), default=0.0)


def _not_kept(data: Path, index: Index, texts: list[list[str]]) -> list[str]:
    """Acknowledgements that turned out not to be true."""
    broken: list[str] = []
    spans = index.spans(CAMERA, None, Span(0, 1 << 45))
    about_ms = NOT_KNOWN_MS if any(words[0] == "stored" for words in texts) else 0  # a sealed file's end needs its key
    for words in texts:
        if words[0] == "durable" and not any(one.begin_ms < int(words[1]) <= one.end_ms + about_ms for one in spans):
            broken.append(f"not durable: {words[1]}")
        if words[0] == "stored" and not (data / words[1]).is_file():
            broken.append(f"not stored: {words[1]}")
        if words[0] == "closed":
            there = data / words[1]
            if not there.is_file() or there.stat().st_size != int(words[2]):
                broken.append(f"not closed: {words[1]}")
    return broken


if __name__ == "__main__":
    for one in cuts(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
        sys.stdout.write(json.dumps(one) + "\n")
        sys.stdout.flush()

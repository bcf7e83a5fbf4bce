"""How soon what happens is off site: a demo camera, a WebDAV server and a chat's stand-in on loopback.

    .venv/bin/python -m benchmarks.offsite [--seconds 120]

Against the promises: picture and message at most 2 s after an event's start, its clip at most 3 s after its end with
post-roll, and what goes on at most 10 s behind what is recorded. The times are those of the outbox itself.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.actions.destinations.servers import dav_server
from tests.actions.notifiers.stand_in import StandIn, served

POST_S = 2.0
LIMITS_S = {"seen": None, "picture": 2.0, "message": 2.0, "clip": 3.0, "piece": 10.0}
WORDS = {
    "seen": "known after the event's start",
    "picture": "its first picture there after the start",
    "message": "message told after the start",
    "clip": "clip there after its end (with post-roll)",
    "piece": "first picture of a piece there, behind its recording",
}
_TIMES = """
SELECT what, made_ms - at_ms, done_ms - at_ms, done_ms - coalesce(need_end_ms, done_ms),
done_ms - coalesce(need_begin_ms, done_ms) FROM deliveries WHERE state = 'done'
AND (what <> 'message' OR name LIKE 'event/%')
"""


def taken_s(outbox: Path) -> Iterator[tuple[str, float]]:
    """Of each delivery its kind, and how long it took. Of a picture the outbox knows only the last, best one."""
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
        for what, known_ms, told_ms, after_end_ms, behind_ms in db.execute(_TIMES).fetchall():
            if what == "message":
                yield "seen", known_ms / 1000
            if what in ("message", "clip", "piece"):
                yield what, {"message": told_ms, "clip": after_end_ms, "piece": behind_ms}[what] / 1000


def watched(there: Path, seconds: float) -> Iterator[tuple[str, float]]:
    """For so long: each picture, as it appears at the server. Its name begins with the event's start."""
    first: set[str] = set()
    end_s = time.time() + seconds
    while time.time() < end_s:
        for path in there.rglob("*.jpg"):
            if path.name not in first:
                first.add(path.name)
                begun = datetime.strptime(path.name[:18], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
                yield "picture", time.time() - begun.timestamp()
        time.sleep(0.05)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=120.0)
    seconds = asked.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="tawny-offsite-") as root:
        home, there = Path(root), Path(root) / "there"
        there.mkdir()
        with dav_server(there, "secret") as port, served(StandIn()) as chat:
            (home / "tawny.toml").write_text(
                '[web]\nlisten = "127.0.0.1:0"\n'
                f'[destinations.cloud]\nurl = "dav://cam:secret@127.0.0.1:{port}/"\n'
                f'[notifiers.phone]\nurl = "webhook+{chat.base}/hook"\ncool_down = "0 s"\nclip = "none"\n'
                f'[cameras.front]\nsource = "demo:front"\npost = "{POST_S:g} s"\n'
            )
            command = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(home / "tawny.toml")]
            with subprocess.Popen([*command, "--data", str(home / "data")], stdout=subprocess.DEVNULL) as tawny:
                found = list(watched(there, seconds))
                tawny.terminate()
        found += taken_s(home / "data" / "outbox.db")
    load = os.getloadavg()[0]
    print(f"{seconds:g} s, one demo camera, two cores shared, load {load:.1f}")
    is_well = True
    for what, limit_s in LIMITS_S.items():
        times = sorted(taken for kind, taken in found if kind == what)
        if times:
            is_well &= limit_s is None or times[-1] <= limit_s
            promised = "" if limit_s is None else f" (promised {limit_s:g} s)"
            middle = statistics.median(times)
            print(f"{WORDS[what]:55} median {middle:5.2f} s, worst {times[-1]:5.2f} s of {len(times)}{promised}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

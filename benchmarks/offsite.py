"""How soon what happens is off site, at a real server of every kind on loopback: WebDAV, FTPS, S3 and SFTP
for files; a broker, a mail server and a chat's stand-in for messages.

    .venv/bin/python -m benchmarks.offsite [--seconds 180] [--only sftp --only chat]

A demo camera's events, and one of a minute that somebody opens, which is sent in pieces while it goes on. Against the
promises: picture and message at most 2 s after an event's start, its clip at most 3 s after its end with post-roll, and
what goes on at most 10 s behind what is recorded. The times are the outbox's own. Each clip is fetched again and
compared with the recording, packet by packet.
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
from pathlib import Path
from typing import Any

from tests.e2e.everywhere import PLACES, TOLD, Everywhere, everywhere
from tests.e2e.whole import missing_s

LASTS_S, SOON_S = 60.0, 20.0
LIMITS_S = {"picture": 2.0, "message": 2.0, "clip": 3.0, "piece": 10.0}
WORDS = {
    "picture": "first picture there after the start",
    "message": "message told after the start",
    "clip": "clip there after its end (with post-roll)",
    "piece": "a piece's first picture there, behind its recording",
}
LACKS_S = 0.15
"""A clip ends with a whole picture."""
_TIMES = """
SELECT target, what, name, made_ms - at_ms, done_ms - at_ms, done_ms - need_end_ms, done_ms - need_begin_ms
FROM deliveries WHERE state = 'done'
AND (what IN ('picture', 'clip', 'piece') OR (what = 'message' AND name LIKE 'event/%'))
"""
Taken = tuple[str, str, float]
"""Where, what, how long in seconds."""


def rows(outbox: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def delivered(outbox: Path) -> Iterator[tuple[tuple[str, str], Taken]]:
    """What there is by now, by where and under which name."""
    for where, what, name, known_ms, told_ms, after_end_ms, behind_ms in rows(outbox, _TIMES):
        if what == "message":
            yield ("tawny", name), ("tawny", "seen", known_ms / 1000)
        taken_ms = {"picture": told_ms, "message": told_ms, "clip": after_end_ms, "piece": behind_ms}[what]
        yield (where, name), (where, what, taken_ms / 1000)


def watched(outbox: Path, order: list[str], seconds: float) -> list[Taken]:
    """For so long. What is delivered again, a better picture, counts as of its first time."""
    found: dict[tuple[str, str], Taken] = {}
    begin_s, is_asked = time.monotonic(), False
    while time.monotonic() < begin_s + seconds:
        if not is_asked and time.monotonic() > begin_s + SOON_S:
            is_asked = subprocess.run(order, capture_output=True).returncode == 0
        if outbox.exists():
            for key, one in delivered(outbox):
                found.setdefault(key, one)
        time.sleep(0.2)
    return list(found.values())


def broken(there: Everywhere, data: Path, root: Path) -> Iterator[str]:
    """The clips that are not whole."""
    files = {place: tree() for place, tree in there.trees.items()}
    recorded = sorted(data.glob("front/**/*.main*.mp4"))
    asked = "SELECT target, name, (need_end_ms - need_begin_ms) / 1000.0 FROM deliveries WHERE what = 'clip'"
    for place, name, wanted_s in rows(data / "outbox.db", f"{asked} AND state = 'done'"):
        if place not in files:
            continue
        clip = root / "clip.mp4"
        clip.write_bytes(files[place][name])
        lacks_s = missing_s(clip, recorded, wanted_s)
        if lacks_s > LACKS_S:
            yield f"{name} at {place} lacks {lacks_s:.1f} s of {wanted_s:.1f} s"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=180.0)
    asked.add_argument("--only", action="append", choices=[*PLACES, *TOLD], help="these, not all at once")
    args = asked.parse_args()
    seconds = args.seconds
    with tempfile.TemporaryDirectory(prefix="tawny-offsite-") as name:
        root = Path(name)
        data, config = root / "data", root / "tawny.toml"
        with everywhere(root) as there:
            tables = "".join(there.tables[one] for one in args.only or there.tables)
            config.write_text(f'[web]\nlisten = "127.0.0.1:0"\n{tables}[cameras.front]\nsource = "demo:front"\n')
            tawny = str(Path(sys.executable).with_name("tawny"))
            order = [tawny, "event", "open", "front", "--kind", "bell", "--for", f"{LASTS_S:g} s", "--data", str(data)]
            command = [tawny, "run", "--config", str(config), "--data", str(data)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
                found = watched(data / "outbox.db", order, seconds)
                running.terminate()
            not_whole = list(broken(there, data, root))
    print(f"{seconds:g} s, one demo camera, two cores shared, load {os.getloadavg()[0]:.1f}")
    is_well = not not_whole
    for what, limit_s in LIMITS_S.items():
        for where in sorted({where for where, kind, _ in found if kind == what}):
            times = sorted(took_s for place, kind, took_s in found if (place, kind) == (where, what))
            is_well &= times[-1] <= limit_s
            text = f"median {statistics.median(times):5.2f} s, worst {times[-1]:5.2f} s of {len(times)}"
            print(f"{WORDS[what]:52} {where:5} {text} (promised {limit_s:g} s)")
    known = [took_s for _, kind, took_s in found if kind == "seen"]
    print(f"of that, seen after the start: worst {max(known, default=0.0):.2f} s")
    print("\n".join(not_whole) or "every clip is whole: compared with the recording packet by packet")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

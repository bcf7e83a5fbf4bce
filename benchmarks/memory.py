"""How much memory a recorder takes: one watched camera, sixteen with sub streams, and the demo.

    python -m benchmarks.memory [--cases one sixteen sixteen-main demo] [--seconds 90]

Memory is what is resident in the process and all it started, at its most; libraries that others use too count in full.
`one`: a camera of 720p, 15 pictures a second, 2 Mbit/s, recorded and watched. `sixteen`: the cameras of
benchmarks.watch, 1080p with a sub stream, both recorded, the sub stream watched; `sixteen-main`: without the sub
stream. Somebody comes by every 30 to 90 s, at all of them at once. `demo`: `tawny demo` with two, three and four
cameras. Exit: 1 over a limit.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.films import FPS, films
from benchmarks.peers import CACHE, ffmpeg, report, running, tawny
from benchmarks.rtsp_server import serving
from benchmarks.watch import SCENE

EVERY_S = 1.0
DEMO_CAMERAS = (2, 3, 4)
DEMO_MB = 250.0
_RSS = re.compile(r"^Rss:\s+(\d+) kB", re.MULTILINE)


class Case(NamedTuple):
    cameras: int
    streams: tuple[str, ...]
    """Names of the films; the last one is watched."""
    limit_mb: float | None
    """None: printed only."""


CASES = {
    "one": Case(1, ("small",), 160.0),
    "sixteen": Case(16, ("main", "sub"), 500.0),
    "sixteen-main": Case(16, ("main",), None),
}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cases", nargs="+", choices=[*CASES, "demo"], default=[*CASES, "demo"])
    asked.add_argument("--seconds", type=float, default=90)
    args = asked.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    within = [
        result
        for name in args.cases
        for result in (_demo(args.seconds) if name == "demo" else _recorder(name, args.seconds))
    ]
    return 0 if all(within) else 1


def _recorder(name: str, seconds: float) -> list[bool]:
    case = CASES[name]
    shown = films(SCENE, 60 + round(seconds), quiet=False)
    shown["small"] = _small(shown["main"])
    with tempfile.TemporaryDirectory(dir=CACHE) as made, serving({one: shown[one] for one in case.streams}) as address:
        folder = Path(made)
        keys = zip(("source", "sub"), case.streams, strict=False)
        lines = "".join(f'{key} = "{address}/{stream}"\n' for key, stream in keys)
        settings = folder / "tawny.toml"
        settings.write_text("".join(f"[cameras.cam-{n}]\n{lines}" for n in range(case.cameras)))
        words = ["run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
        return _measured(f"memory_{name}", words, seconds, case.limit_mb)


def _demo(seconds: float) -> list[bool]:
    within: list[bool] = []
    for cameras in DEMO_CAMERAS:
        with tempfile.TemporaryDirectory(dir=CACHE) as data:
            words = ["demo", "--data", data, "--cameras", str(cameras), "--port", "0"]
            within += _measured(f"memory_demo_{cameras}", words, seconds, DEMO_MB)
    return within


def _small(film: Path) -> Path:
    """720p of a 1080p film, 2 Mbit/s."""
    path = film.with_name(f"{film.stem}-720.mp4")
    if not path.exists():
        part = path.with_suffix(".part.mp4")
        rate = ["-b:v", "2M", "-maxrate", "2M", "-bufsize", "2M", "-g", str(2 * FPS)]
        shape = ["-vf", "scale=1280:720", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-sc_threshold", "0"]
        ffmpeg("-i", str(film), *shape, *rate, str(part))
        shutil.move(part, path)
    return path


def _measured(name: str, words: Sequence[str], seconds: float, limit_mb: float | None) -> list[bool]:
    """Run a command and print its most memory; whether that is within the limit, if there is one."""
    most_mb = 0.0
    with running([tawny(), *words]) as program:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            time.sleep(min(EVERY_S, left_s))
            if not program.is_running:
                raise SystemExit(f"{name}: tawny ended before the time")
            most_mb = max(most_mb, resident_mb(program.process.pid))
            print(f"\r\x1b[K{name}: {most_mb:.0f} MB, {left_s:.0f} s left", end="", file=sys.stderr, flush=True)
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    print(f"{name}: {most_mb:.0f} MB", flush=True)
    return [] if limit_mb is None else [report(name, most_mb, limit_mb, f"{limit_mb:.0f} MB", 1.0)]


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all below it, in MB of 1000 kB."""
    total_kb, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            found = _RSS.search(Path(f"/proc/{one}/smaps_rollup").read_text())
            total_kb += int(found[1]) if found else 0
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return total_kb / 1000


if __name__ == "__main__":
    raise SystemExit(main())

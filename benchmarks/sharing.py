"""Whether many cameras share one model: memory of the whole program while it names what moves at all of them.

    python -m benchmarks.sharing [MODEL] [--cameras 16] [--seconds 120]

A camera has a large stream (1080p) and a small one, recorded both; the small one is watched, and somebody comes by
every 30 to 90 s at all of them at once. Memory is the proportional set of the program and all it started, at its most;
without MODEL a tiny one stands in for it. Exit: 1 over the budget, or nothing got a name.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.films import films
from benchmarks.peers import CACHE, report, running, tawny
from benchmarks.rtsp_server import serving
from benchmarks.watch import SCENE
from tawny.model.times import Span, SystemClock
from tawny.service.detection.model_store import ModelStore
from tawny.storage.index.opening import index_to_read
from tests.detection.models import models

BUDGET_MB = 1000.0
EVERY_S = 2.0
WARM_UP_S = 20.0
EVER = Span(0, 4_000_000_000_000)
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("model", nargs="?", type=Path)
    asked.add_argument("--cameras", type=int, default=16)
    asked.add_argument("--seconds", type=float, default=120)
    args = asked.parse_args()
    shown = films(SCENE, 60 + round(args.seconds + WARM_UP_S), quiet=False)
    with tempfile.TemporaryDirectory(dir=CACHE) as made, serving(shown) as address:
        folder = Path(made)
        model = args.model or models.bright(folder / "bright.onnx")
        ModelStore(folder / "data", SystemClock()).add(str(model), name="shared")
        most_mb, least_mb, threads, cpu_s = _run(folder, address, args.cameras, args.seconds)
        with index_to_read(folder / "data") as index:
            events = index.events(EVER, limit=10_000).events
    kinds = Counter(event.kind for event in events)
    cameras = len({event.camera for event in events})
    print(
        f"model {model.name}, {args.cameras} cameras, {args.seconds:.0f} s: {most_mb:.0f} MB at its most, "
        f"{least_mb:.0f} MB after {WARM_UP_S:.0f} s, {threads} threads, {cpu_s / args.seconds:.2f} cores"
    )
    print(f"events at {cameras} cameras: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    within = report("sharing_memory", most_mb, BUDGET_MB, f"{BUDGET_MB:.0f} MB", 1.0)
    return 0 if within and set(kinds) - {"motion"} else 1


def _run(folder: Path, address: str, cameras: int, seconds: float) -> tuple[float, float, int, float]:
    """Memory at its most and after the warm-up, in MB; threads; CPU seconds after the warm-up."""
    settings = folder / "tawny.toml"
    table = '[cameras.cam-{n}]\nsource = "{address}/main"\nsub = "{address}/sub"\n'
    settings.write_text("".join(table.format(n=n, address=address) for n in range(cameras)))
    words = [tawny(), "run", "--config", str(settings), "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    with running(words) as program:
        pid = program.process.pid
        time.sleep(WARM_UP_S)
        least_mb = most_mb = pss_mb(pid)
        begun_s, until = program.cpu_s(), time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(EVERY_S)
            most_mb = max(most_mb, pss_mb(pid))
            print(
                f"\r\x1b[K{most_mb:.0f} MB, {until - time.monotonic():.0f} s left", end="", file=sys.stderr, flush=True
            )
        print("\r\x1b[K", end="", file=sys.stderr)
        return most_mb, least_mb, len(list(Path(f"/proc/{pid}/task").iterdir())), program.cpu_s() - begun_s


def pss_mb(pid: int) -> float:
    """Of a process and all below it."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            found = _PSS.search(Path(f"/proc/{one}/smaps_rollup").read_text())
            total += int(found[1]) if found else 0
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    return total / 1000


if __name__ == "__main__":
    raise SystemExit(main())

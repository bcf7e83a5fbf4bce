"""What `tawny scan --on boxes` costs beyond the scans themselves: hub and two boxes against each box's own command.

    python -m benchmarks.scan_on_boxes [--times 50] [--rounds 3]

Each box has a film of 35 s so many times: an hour with --times 51. Counted are user and system seconds of the command,
of the workers, and of the three recorders, of which what they need without a scan in the same time is subtracted. Both
ways must find the same. The ratio is the median of the rounds. Exit: 1 over the limit.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers import CACHE, Counted, report
from tests.fleet.test_scan_on_boxes import Fleet, by_box, scan_at, scanned_fleet, timeless

MOST_CPU = 1.1
IDLE_S = 20.0


def round_of(fleet: Fleet, folder: Path, number: int) -> float:
    """Return the processor time on boxes to that on each box itself."""
    begun_s, found = _children_s(), {}
    for name, box in fleet.boxes.items():
        found[name] = timeless(scan_at(box, fleet))
    alone_s = _children_s() - begun_s
    idle_share = _idle_share(fleet)
    begun_s, before_s, started_s = _children_s(), _recorders_s(fleet), time.monotonic()
    results = fleet.scan("--log", str(folder / f"log-{number}"))
    took_s = time.monotonic() - started_s
    own_s, workers_s = _children_s() - begun_s, sum(one["cpu_s"] for one in results)
    recorders_s = max(0.0, _recorders_s(fleet) - before_s - idle_share * took_s)
    if json.dumps(by_box(results)) != json.dumps(found):
        raise SystemExit("the boxes found something else")
    print(
        f"alone {alone_s:.1f} CPU s; on boxes {own_s + workers_s + recorders_s:.1f} in {took_s:.0f} s: workers "
        f"{workers_s:.1f}, command {own_s:.1f}, recorders {recorders_s:.1f} besides {idle_share * took_s:.1f} as ever"
    )
    return float(own_s + workers_s + recorders_s) / alone_s


def _idle_share(fleet: Fleet) -> float:
    begun_s = _recorders_s(fleet)
    time.sleep(IDLE_S)
    return (_recorders_s(fleet) - begun_s) / IDLE_S


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _recorders_s(fleet: Fleet) -> float:
    programs = [one.process for one in (fleet.hub, *fleet.boxes.values())]
    return sum(Counted(one).cpu_s() for one in programs if one is not None)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--times", type=int, default=50)
    asked.add_argument("--rounds", type=int, default=3)
    args = asked.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as made, scanned_fleet(Path(made), args.times) as fleet:
        ratio = statistics.median(round_of(fleet, Path(made), number) for number in range(args.rounds))
    return 0 if report("scan_on_boxes_cpu", ratio, 1.0, "each box itself", MOST_CPU) else 1


if __name__ == "__main__":
    sys.exit(main())

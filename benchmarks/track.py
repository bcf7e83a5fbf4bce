"""How well a PTZ camera keeps somebody in the middle third of its image: drawn walkers, in a closed loop.

    python -m benchmarks.track [CASE…] [--seeds 2] [--seconds 60]

The camera turns 150 ms after a command, and its pictures are 150 ms old. Printed is, for each case, the share of the
time from the first movement on in which the walker's middle is in the middle third, across and down; the commands a
second; and the processor time for each second followed. Fails where a share is under the limit of 90 %.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import mean

from tawny.testing.tracked import CASES, Tracked

LIMIT = 0.9


def main(words: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("cases", nargs="*", help=", ".join(CASES))
    asked.add_argument("--seeds", type=int, default=2)
    asked.add_argument("--seconds", type=float, default=60.0)
    args = asked.parse_args(words)
    failed = []
    say: Callable[[str], object] = sys.stdout.write
    for name in args.cases or CASES:
        runs, began_s = [], time.process_time()
        for seed in range(1, args.seeds + 1):
            run = Tracked(CASES[name], seed)
            run.run(args.seconds)
            runs.append(run)
        used_s = (time.process_time() - began_s) / args.seeds / args.seconds
        shares = [run.share for run in runs]
        least = min(shares)
        orders = mean(run.orders_a_second for run in runs)
        figures = f"{orders:4.1f} commands/s  {used_s * 1000:5.0f} ms/s"
        say(f"{name:<16} {' '.join(f'{one:6.1%}' for one in shares)}  {figures}\n")
        if least < LIMIT:
            failed.append(name)
    say(f"ratio to the limit of {LIMIT:.0%}: failed {', '.join(failed) or 'none'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

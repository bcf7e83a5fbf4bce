"""A benchmark of two checkouts in turns, so that what else the computer does falls on both alike.

    python -m benchmarks.turns OLD NEW [--times 5] [--together] [--] index --segments 1000

OLD and NEW are folders of checkouts. Their `benchmarks.index` runs in each by turns, with the Python of its `.venv` if
there is one; with --together both at once, so that even a load that changes within a minute falls on both: only for
benchmarks that leave most of the computer idle. Printed are the medians of each figure in what it prints, of its
processor time and of its duration, and the median of the ratios of new to old. Fails if a run fails: one that is over
its own limit is none to compare.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*\d)")
Figures = dict[str, float]
"""By the words around them."""


class RunFailed(Exception):
    """A benchmark ended with an error."""


def main(words: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("old", type=Path)
    asked.add_argument("new", type=Path)
    asked.add_argument("--times", type=int, default=5)
    asked.add_argument("--together", action="store_true", help="both at once, not one after the other")
    asked.add_argument("benchmark", help="its name, such as `index`")
    asked.add_argument("options", nargs=argparse.REMAINDER, help="of the benchmark")
    args = asked.parse_args(words)
    command = ["-m", f"benchmarks.{args.benchmark}", *args.options]
    pairs: list[tuple[Figures, Figures]] = []
    try:
        for turn in range(args.times):
            places = (args.old, args.new) if turn % 2 == 0 else (args.new, args.old)
            with ThreadPoolExecutor(len(places) if args.together else 1) as runs:
                figures = dict(zip(places, runs.map(partial(run, command=command), places), strict=True))
            pairs.append((figures[args.old], figures[args.new]))
            print(f"\r\x1b[Kturn {turn + 1} of {args.times}", end="", file=sys.stderr, flush=True)
    except RunFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print("\r\x1b[K", end="", file=sys.stderr)
    print("| figure | old | new | ratio | from | to |\n|---|---|---|---|---|---|")
    for name, old, new, ratios in compared(pairs):
        print(f"| {name} | {old:.4g} | {new:.4g} | {median(ratios):.3f} | {min(ratios):.3f} | {max(ratios):.3f} |")
    return 0


def run(checkout: Path, command: Sequence[str]) -> Figures:
    """Run once. Raises RunFailed."""
    checkout = checkout.resolve()
    own = checkout / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    paths = os.pathsep.join((str(checkout / "src"), str(checkout)))
    begun_s = time.monotonic()
    with subprocess.Popen(
        [python, *command], cwd=checkout, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True
    ) as begun:
        assert begun.stdout is not None
        printed = begun.stdout.read()
        _, status, used = os.wait4(begun.pid, 0)  # with its processor time, which another run has no part in
        begun.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.monotonic() - begun_s
    if begun.returncode:
        raise RunFailed(f"{' '.join(command)} failed in {checkout} with code {begun.returncode}:\n{printed}")
    return dict(figures_of(printed)) | {"processor time, s": used.ru_utime + used.ru_stime, "duration, s": took_s}


def figures_of(text: str) -> Iterator[tuple[str, float]]:
    """Yield each number with its line, in which it is `#` and the others are `_`."""
    for line in text.splitlines():
        found = list(NUMBER.finditer(line))
        for one in found:
            name = "".join(
                line[end : each.start()] + ("#" if each is one else "_")
                for each, end in zip(found, (0, *(each.end() for each in found)), strict=False)
            )
            yield (name + line[found[-1].end() :]).strip().replace("|", "/"), float(one[0].replace(",", ""))


def compared(pairs: Sequence[tuple[Figures, Figures]]) -> Iterator[tuple[str, float, float, list[float]]]:
    """Yield the figures of every run: name, medians of old and new, and the ratio of each turn."""
    for name in pairs[0][0]:
        turns = [(old[name], new[name]) for old, new in pairs if name in old and name in new]
        if len(turns) == len(pairs) and all(old > 0 for old, _ in turns):
            olds, news = zip(*turns, strict=True)
            yield name, median(olds), median(news), [new / old for old, new in turns]


if __name__ == "__main__":
    sys.exit(main())

"""How well each detector finds what happens, on real footage with known truth, beside Debian's `motion` and DVR-Scan.

    python -m benchmarks.detect [--footage FOLDER] [--sensitivity N] [--without-peers] [--dvr-scan PROGRAM] [--clips]
    python -m benchmarks.detect --gate | --made [--seeds N ...] | --spoilt | --moved

The folder holds clips and `manifest.json`; it is looked for in TAWNY_FOOTAGE, then beside this project. Exit: 0 within
the budgets, 1 over one of them, 2 wrong use, 3 no footage here. `motion` plays files at their own pace: a run takes as
long as the longest clip.
"""

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import debian_motion, detect_gate, detect_made, detect_moved, scan
from benchmarks.footage import watch_file
from benchmarks.scoring import Clip, Figures, quantile, score
from tawny.engine.plugins import load
from tawny.watch.classic.plain import Plain
from tawny.watch.detector import Detector
from tawny.watch.gate import Gate, Mode
from tawny.watch.motion import Motion

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "footage"
LEAST_PROMPT = 0.9
"""Share of events that are found within 2 s of their start."""
MOST_FALSE = 2.0
"""False events an hour in the quiet parts of the long clips."""
LONG = "long-"
PLAYERS = 4
"""Files that `motion` plays at the same time."""
NOT_HERE = 3


class Footage(NamedTuple):
    clip: Clip
    path: Path
    size: tuple[int, int]


class Row(NamedTuple):
    clip: Clip
    figures: Figures
    late_s: list[float]
    """For each alarm, how long after its own start it was told."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.made:
        return detect_made.main(options.seeds, options.only, clips_too=options.clips)
    if not (options.footage / "manifest.json").is_file():
        print(f"no footage in {options.footage}: name its folder with --footage or TAWNY_FOOTAGE", file=sys.stderr)
        return NOT_HERE
    footage = _footage(options.footage)
    if options.gate:
        return detect_gate.main([detect_gate.Footage(one.clip, one.path) for one in footage])
    if options.spoilt:
        return detect_moved.spoilt([detect_moved.Footage(one.clip, one.path) for one in footage])
    if options.moved:
        return detect_moved.moved([detect_moved.Footage(one.clip, one.path) for one in footage])
    with ThreadPoolExecutor(max_workers=PLAYERS) as players:
        with_peer = _has(debian_motion.is_installed(), "motion") and not options.without_peers
        longest_first = sorted(footage, key=lambda one: -one.clip.length_s)
        peers = [players.submit(_motion, one) for one in longest_first] if with_peer else []
        rows = [_ours(one, options.sensitivity, Mode.BALANCED) for one in footage]
        whole = [_ours(one, options.sensitivity, Mode.THOROUGH) for one in footage]
        table = {"tawny": _total(row.figures for row in rows), "all decoded": _total(row.figures for row in whole)}
        if options.clips:
            _print({row.clip.file: row.figures for row in rows}, "clip")
        _print_told(rows)
        if not options.without_peers:
            table |= _others(footage)
        table |= _peer(peers)
    if not options.without_peers and _has(shutil.which(options.dvr_scan) is not None, "DVR-Scan"):
        table |= _dvr_scan(options.dvr_scan, footage)
    _print(table, "detector")
    return _judge(rows)


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=Path(os.environ.get("TAWNY_FOOTAGE", BESIDE)))
    parser.add_argument("--sensitivity", type=int, default=50)
    parser.add_argument("--without-peers", action="store_true", help="only the default detector")
    parser.add_argument("--dvr-scan", type=Path, default=scan.DVR_SCAN)
    parser.add_argument("--clips", action="store_true", help="a row for each clip as well")
    parser.add_argument("--gate", action="store_true", help="instead: is anything lost by decoding only keyframes?")
    parser.add_argument("--made", action="store_true", help="instead: films of our own, by day and by night")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(detect_made.HELD_OUT), help="of the films")
    parser.add_argument("--only", default="", help="films whose name holds these words")
    parser.add_argument("--spoilt", action="store_true", help="instead: the footage as worse cameras would give it")
    parser.add_argument("--moved", action="store_true", help="instead: each main number a quarter up and down")
    return parser.parse_args(arguments)


def _footage(folder: Path) -> list[Footage]:
    records = json.loads((folder / "manifest.json").read_text())["clips"]
    return [Footage(Clip.of(r), folder / r["file"], (r["width"], r["height"])) for r in records]


def _ours(one: Footage, sensitivity: int, mode: Mode) -> Row:
    return _watched(one, Motion({"sensitivity": sensitivity}), mode)


def _watched(one: Footage, detector: Detector, mode: Mode) -> Row:
    watched = watch_file(one.path, detector, Gate(mode, random.Random(1)))
    figures = score(one.clip, watched.alarms)
    figures.cpu_s = watched.cpu_s
    return Row(one.clip, figures, [k - a.begin for k, a in zip(watched.known_s, watched.alarms, strict=True)])


def _motion(one: Footage) -> Figures:
    ran = debian_motion.run(one.path, one.clip, one.size)
    figures = score(one.clip, ran.alarms)
    figures.cpu_s = ran.cpu_s
    return figures


def _has(is_installed: bool, name: str) -> bool:
    if not is_installed:
        print(f"{name} is not installed: it is left out", file=sys.stderr)
    return is_installed


def _others(footage: list[Footage]) -> dict[str, Figures]:
    """The detectors that people know from elsewhere, with their own defaults, decoding everything."""
    kinds, _ = load("tawny.detectors")
    return {
        name: _total(_watched(one, kind({}), Mode.THOROUGH).figures for one in footage)
        for name, kind in sorted(kinds.items())
        if issubclass(kind, Plain)
    }


def _dvr_scan(program: Path, footage: list[Footage]) -> dict[str, Figures]:
    row = scan.dvr_scan(program, [(one.clip, one.path) for one in footage])
    row.figures.cpu_s = row.cpu_s
    return {row.name: row.figures}


def _peer(peers: list[Future[Figures]]) -> dict[str, Figures]:
    """Its row, if it could play everything."""
    try:
        return {"motion, defaults": _total(peer.result() for peer in peers)} if peers else {}
    except RuntimeError as error:
        print(f"no figures of motion: {error}", file=sys.stderr)
        return {}


def _total(figures: Iterable[Figures]) -> Figures:
    return reduce(add, figures, Figures())


COLUMNS: dict[str, Callable[[Figures], str]] = {
    "found": lambda f: f"{f.found}/{f.events}",
    "in 2 s": lambda f: f"{f.prompt}/{f.events}",
    "strict": lambda f: f"{f.strict}/{f.events}",
    "told": lambda f: f"{f.told}/{f.incidents}",
    "chance": lambda f: f"{f.chance:.1f}",
    "start med": lambda f: _number(f.late(0.5), 2),
    "p90": lambda f: _number(f.late(0.9), 2),
    "false": lambda f: str(f.false),
    "false/h": lambda f: _number(f.false_an_hour, 1),
    "merged": lambda f: str(f.merged),
    "F": lambda f: _number(f.f1, 2),
    "quiet %": lambda f: _number(f.quiet_share, 1, times=100),
    "CPU s/h": lambda f: f"{f.cpu_s * 3600 / f.length_s:.0f}",
}


def _number(value: float | None, places: int, times: float = 1.0) -> str:
    return "-" if value is None else f"{value * times:.{places}f}"


def _print(rows: dict[str, Figures], first: str) -> None:
    print(f"| {first} | {' | '.join(COLUMNS)} |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, figures in rows.items():
        print(f"| {name} | {' | '.join(show(figures) for show in COLUMNS.values())} |")
    print()


def _print_told(rows: list[Row]) -> None:
    late_s = [s for row in rows for s in row.late_s]
    middle, most = quantile(late_s, 0.5), quantile(late_s, 0.9)
    print(f"tawny: {len(late_s)} events, told {_number(middle, 1)} s after they began in the middle, 90 % within "
          f"{_number(most, 1)} s\n")  # fmt: skip


def _judge(rows: list[Row]) -> int:
    """0 within the budgets, 1 over one."""
    whole = _total(row.figures for row in rows)
    long = _total(row.figures for row in rows if row.clip.file.startswith(LONG))
    prompt, false = whole.prompt / max(1, whole.events), long.false_an_hour or 0.0
    budgets = [
        (f"found within 2 s: {prompt:.1%}, at least {LEAST_PROMPT:.0%}", prompt >= LEAST_PROMPT),
        (f"false events an hour in the long clips' quiet: {false:.1f}, at most {MOST_FALSE:g}", false <= MOST_FALSE),
    ]
    for words, is_kept in budgets:
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {words}")
    return 0 if all(is_kept for _, is_kept in budgets) else 1


if __name__ == "__main__":
    sys.exit(main())

"""How well each detector finds what happens, on real footage with known truth, beside Debian's `motion` and DVR-Scan.

    python -m benchmarks.detect [--footage FOLDER] [--sensitivity N] [--without-peers] [--dvr-scan PROGRAM] [--clips]
                                [--keep FILE] [--only WORDS]
    python -m benchmarks.detect --gate | --made [--seeds N ...] [--phases N] | --spoilt | --stamps | --moved

The folder holds clips and `manifest.json`; it is looked for in TAWNY_FOOTAGE, then beside this project. Exit: 0 within
the budgets, 1 over one of them, 2 wrong use, 3 no footage here. `motion` plays files at their own pace: a run takes as
long as the longest clip. With --keep, what is done is not done again: a run can be made in parts, --only one detector
after the other, and the last one prints all.
"""

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import debian_motion, detect_gate, detect_made, detect_moved, scan
from benchmarks.footage import watch_file
from benchmarks.kept import Kept
from benchmarks.scoring import Clip, Figures, quantile, score
from tawny.detection.classic.base import ClassicDetector
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.detector import Detector, DetectorKind
from tawny.detection.motion import MotionDetector
from tawny.engine.plugins import load

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "footage"
LEAST_PROMPT = 0.9
"""Share of events that are found within 2 s of their start."""
MOST_FALSE_AN_HOUR = 2.0
"""In the quiet parts of the long clips."""
MOST_FALSE, MOST_QUIET, LEAST_F = 2, 0.005, 0.9
"""Of all clips: events that begin in quiet time, share of it under alarm, F of seconds."""
LATEST_S, MOST_CPU_S = 1.2, 45.0
"""The 90th of 100 starts against the truth; CPU seconds of an hour of footage."""
LONG = "long-"
OURS, PEER = "tawny", "motion, defaults"
PLAYERS = 4
"""Files that `motion` plays at the same time."""
NOT_HERE = 3


class Footage(NamedTuple):
    clip: Clip
    path: Path
    size: tuple[int, int]
    camera: str


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.made:
        return detect_made.main(options.seeds, options.only, clips_too=options.clips, phases=options.phases)
    if not (options.footage / "manifest.json").is_file():
        print(f"no footage in {options.footage}: name its folder with --footage or TAWNY_FOOTAGE", file=sys.stderr)
        return NOT_HERE
    footage = _footage(options.footage)
    if options.gate:
        return detect_gate.main([detect_gate.Footage(one.clip, one.path) for one in footage])
    if options.stamps:
        return detect_moved.stamped([detect_moved.Footage(one.clip, one.path, one.camera) for one in footage])
    if options.spoilt:
        return detect_moved.spoilt([detect_moved.Footage(one.clip, one.path, one.camera) for one in footage])
    if options.moved:
        return detect_moved.moved([detect_moved.Footage(one.clip, one.path, one.camera) for one in footage])
    table = _table(footage, options)
    if options.clips:
        _print({one.clip.file: table[OURS][one.clip.file] for one in footage if OURS in table}, "clip")
    whole = {name: _total(by_clip.values()) for name, by_clip in table.items()}
    _print(whole, "detector")
    if OURS not in table:
        return 0
    _print_told(whole[OURS])
    return _judge(whole[OURS], _total(f for name, f in table[OURS].items() if name.startswith(LONG)))


Runs = dict[str, Callable[["Footage"], Figures]]


def _table(footage: list[Footage], options: Any) -> dict[str, dict[str, Figures]]:
    """By detector and file. Debian's `motion` plays while the others run, which are in no hurry."""
    kept, table = Kept(options.keep), dict[str, dict[str, Figures]]()
    peers = not options.without_peers
    with ThreadPoolExecutor(max_workers=PLAYERS) as players:
        plays: list[tuple[str, Future[Figures]]] = []
        if peers and options.only in PEER and _has(debian_motion.is_installed(), "motion"):
            longest_first = sorted(footage, key=lambda one: -one.clip.length_s)
            plays = [
                (k.clip.file, players.submit(kept.figures, PEER, k.clip, partial(_motion, k))) for k in longest_first
            ]
        for name, run in _runs(options).items():
            if options.only in name:
                table[name] = {}
                for one in footage:
                    print(f"\r\x1b[K{name}: {one.clip.file}", end="", file=sys.stderr, flush=True)
                    table[name][one.clip.file] = kept.figures(name, one.clip, partial(run, one))
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        try:
            table |= {PEER: {name: play.result() for name, play in plays}} if plays else {}
        except RuntimeError as error:
            print(f"no figures of motion: {error}", file=sys.stderr)
    return table


def _runs(options: Any) -> Runs:
    """Each detector that takes a file at its own pace, by name."""
    settings = {"sensitivity": options.sensitivity}
    runs: Runs = {
        OURS: lambda one: _watched(one, MotionDetector(settings), GateMode.BALANCED),
        "all decoded": lambda one: _watched(one, MotionDetector(settings), GateMode.THOROUGH),
    }
    if options.without_peers:
        return runs
    if _has(shutil.which(options.dvr_scan) is not None, "DVR-Scan"):
        runs["DVR-Scan, defaults"] = lambda one: _dvr_scan(options.dvr_scan, one)
    kinds, _ = load("tawny.detectors")
    for name, kind in sorted(kinds.items()):
        if issubclass(kind, ClassicDetector):  # those that people know from elsewhere, with their own defaults
            runs[name] = partial(_plain, kind)
    return runs


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=Path(os.environ.get("TAWNY_FOOTAGE", BESIDE)))
    parser.add_argument("--sensitivity", type=int, default=50)
    parser.add_argument("--without-peers", action="store_true", help="only the default detector")
    parser.add_argument("--dvr-scan", type=Path, default=scan.DVR_SCAN)
    parser.add_argument("--keep", type=Path, help="what is done is kept there, and not done again")
    parser.add_argument("--clips", action="store_true", help="a row for each clip as well")
    parser.add_argument("--gate", action="store_true", help="instead: is anything lost by decoding only keyframes?")
    parser.add_argument("--made", action="store_true", help="instead: films of our own, by day and by night")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(detect_made.HELD_OUT), help="of the films")
    parser.add_argument("--phases", type=int, default=1, help="of each film, so many first looks; the worst counts")
    parser.add_argument("--only", default="", help="detectors, or films, whose name holds these words")
    parser.add_argument("--spoilt", action="store_true", help="instead: the footage as worse cameras would give it")
    parser.add_argument("--stamps", action="store_true", help="only the spoilt stamps, watched and scanned")
    parser.add_argument("--moved", action="store_true", help="instead: each main number a quarter up and down")
    return parser.parse_args(arguments)


def _footage(folder: Path) -> list[Footage]:
    records = json.loads((folder / "manifest.json").read_text())["clips"]
    return [Footage(Clip.of(r), folder / r["file"], (r["width"], r["height"]), r["camera"]) for r in records]


def _watched(one: Footage, detector: Detector, mode: GateMode) -> Figures:
    watched = watch_file(one.path, detector, DecodeGate(mode, random.Random(1)))
    figures = score(one.clip, watched.alarms)
    figures.cpu_s = watched.cpu_s
    figures.known_s = [known - a.begin for known, a in zip(watched.known_s, watched.alarms, strict=True)]
    return figures


def _plain(kind: DetectorKind, one: Footage) -> Figures:
    """Decoding everything."""
    return _watched(one, kind({}), GateMode.THOROUGH)


def _motion(one: Footage) -> Figures:
    ran = debian_motion.run(one.path, one.clip, one.size)
    figures = score(one.clip, ran.alarms)
    figures.cpu_s = ran.cpu_s
    return figures


def _has(is_installed: bool, name: str) -> bool:
    if not is_installed:
        print(f"{name} is not installed: it is left out", file=sys.stderr)
    return is_installed


def _dvr_scan(program: Path, one: Footage) -> Figures:
    row = scan.dvr_scan(program, [(one.clip, one.path)])
    row.figures.cpu_s = row.cpu_s
    return row.figures


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


def _print_told(whole: Figures) -> None:
    middle, most = quantile(whole.known_s, 0.5), quantile(whole.known_s, 0.9)
    print(f"tawny: {len(whole.known_s)} events, told {_number(middle, 1)} s after they began in the middle, "
          f"90 % within {_number(most, 1)} s\n")  # fmt: skip


def _judge(whole: Figures, long: Figures) -> int:
    """0 within the budgets, 1 over one. long: of the long clips."""
    prompt, false_an_hour = whole.prompt / max(1, whole.events), long.false_an_hour or 0.0
    late_s, quiet, f1 = whole.late(0.9) or 0.0, whole.quiet_share or 0.0, whole.f1 or 0.0
    cpu_s = whole.cpu_s * 3600 / whole.length_s
    budgets = [
        (f"found {whole.found} of {whole.events}", whole.found == whole.events),
        (f"found within 2 s: {prompt:.1%}, at least {LEAST_PROMPT:.0%}", prompt >= LEAST_PROMPT),
        (f"told {whole.told} of {whole.incidents}", whole.told == whole.incidents),
        (f"false events: {whole.false}, at most {MOST_FALSE}", whole.false <= MOST_FALSE),
        (
            f"false events an hour in the long clips' quiet: {false_an_hour:.1f}, at most {MOST_FALSE_AN_HOUR:g}",
            false_an_hour <= MOST_FALSE_AN_HOUR,
        ),
        (f"quiet time under alarm: {quiet:.1%}, at most {MOST_QUIET:.1%}", quiet <= MOST_QUIET),
        (f"F of seconds: {f1:.2f}, at least {LEAST_F:.2f}", f1 >= LEAST_F),
        (f"90 of 100 starts within {late_s:.2f} s, at most {LATEST_S:g} s", late_s <= LATEST_S),
        (f"CPU of an hour: {cpu_s:.0f} s, at most {MOST_CPU_S:.0f} s", cpu_s <= MOST_CPU_S),
    ]
    for words, is_kept in budgets:
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {words}")
    return 0 if all(is_kept for _, is_kept in budgets) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What scanning files costs, and what it finds: `tawny scan`, DVR-Scan with its defaults, and FFmpeg's plain decoding.

    python -m benchmarks.scan [--footage FOLDER] [--dvr-scan PROGRAM] [--all]
    python -m benchmarks.scan --stays [--seed N] [--phases N]    (instead: does it lose somebody who stays?)

Of the long clips, all in one run; processor seconds are those of the whole program, ours gets all files at once. Like
is held against like: one thread against one, and as many cores as there are against as many, which costs both more.
DVR-Scan is left out where it is not installed (`python -m venv .test/dvr-scan`, then `.test/dvr-scan/bin/pip install
'dvr-scan[opencv-headless]'`). Exit: 0 within the budgets, 1 over one, 3 no footage here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import scan_stays
from benchmarks.peers import tawny
from benchmarks.scoring import Clip, Figures, Span, score

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "footage"
DVR_SCAN = Path(__file__).parent.parent / ".test" / "dvr-scan" / "bin" / "dvr-scan"
LONG = "long-"
OF_DVR_SCAN, OF_DECODING = 0.1, 0.4
NOT_HERE = 3
ALIKE: tuple[tuple[list[str], list[str]], ...] = (([], []), (["--jobs", "1"], ["-threads", "1"]))
"""Words for a scan, and for FFmpeg: on all cores, in one thread."""
NOWHERE = ["-f", "null", "-"]

Clips = list[tuple[Clip, Path]]


class Ran(NamedTuple):
    out: str
    cpu_s: float


@dataclass
class Row:
    name: str
    figures: Figures
    cpu_s: float


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.stays:
        return scan_stays.main(options.seed, options.phases)
    if not (options.footage / "manifest.json").is_file():
        print(f"no footage in {options.footage}: name its folder with --footage or TAWNY_FOOTAGE", file=sys.stderr)
        return NOT_HERE
    about = json.loads((options.footage / "manifest.json").read_text())["clips"]
    clips = [(Clip.of(one), options.footage / one["file"]) for one in about]
    clips = [one for one in clips if options.all or one[0].file.startswith(LONG)]
    rows: list[Row] = []
    decoding: list[float] = []
    for ours, theirs in ALIKE:
        rows.append(_ours(" ".join(["tawny scan", *ours]), clips, ours))
        # at once, not after the slow ones: a busy machine's processor seconds change within minutes
        decoding.append(sum(_ran(["ffmpeg", "-v", "error", *theirs, "-i", str(p), *NOWHERE]).cpu_s for _, p in clips))
    rows.append(_ours("tawny scan --thorough", clips, ["--thorough"]))
    if shutil.which(str(options.dvr_scan)):
        rows.append(dvr_scan(options.dvr_scan, clips))
    _print(rows, decoding)
    return _judge(rows, decoding)


def _options(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, default=Path(os.environ.get("TAWNY_FOOTAGE", BESIDE)))
    parser.add_argument("--dvr-scan", type=Path, default=DVR_SCAN)
    parser.add_argument("--all", action="store_true", help="the short clips, too")
    parser.add_argument("--stays", action="store_true", help="instead: films of somebody who stays")
    parser.add_argument("--seed", type=int, default=41, help="of these films")
    parser.add_argument("--phases", type=int, default=10, help="of each film, so many first looks; the worst counts")
    return parser.parse_args(arguments)


def _ours(name: str, clips: Clips, options: list[str]) -> Row:
    ran = _ran([tawny(), "scan", *(str(path) for _, path in clips), "--json", *options])
    row = Row(name, Figures(), ran.cpu_s)
    for (clip, _), line in zip(clips, ran.out.splitlines(), strict=True):
        row.figures += score(clip, [(event["start_s"], event["end_s"]) for event in json.loads(line)["events"]])
    return row


def dvr_scan(program: Path, clips: Clips) -> Row:
    """With its defaults, one file after the other, as it takes them."""
    name, words = "DVR-Scan, defaults", [str(program), "-so", "-q", "-i"]
    row = Row(name, Figures(), 0.0)
    for clip, path in clips:
        print(f"\r\x1b[K{name}: {clip.file}", end="", file=sys.stderr, flush=True)
        ran = _ran([*words, str(path)])
        row.figures += score(clip, _of_timecodes(ran.out))
        row.cpu_s += ran.cpu_s
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return row


def _ran(words: list[str]) -> Ran:
    """RuntimeError when it failed."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}")
    return Ran(out.decode(), used.ru_utime + used.ru_stime)


def _of_timecodes(out: str) -> Iterator[Span]:
    """`00:00:01.000,00:00:05.000,…`: begins and ends in turn, on the last line."""
    lines = [line for line in out.splitlines() if line.count(":") >= 2]
    times = [_seconds(text) for text in lines[-1].split(",")] if lines else []
    for begin, end in zip(times[::2], times[1::2], strict=False):
        yield Span(begin, end)


def _seconds(timecode: str) -> float:
    hours, minutes, seconds = timecode.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _print(rows: list[Row], decoding: list[float]) -> None:
    print("| what | found | told | false | quiet % | F | CPU s | CPU s/h |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        f = row.figures
        quiet, f1 = 100 * (f.quiet_share or 0), f.f1 or 0
        print(
            f"| {row.name} | {f.found}/{f.events} | {f.told}/{f.incidents} | {f.false} | {quiet:.1f} "
            f"| {f1:.2f} | {row.cpu_s:.1f} | {row.cpu_s * 3600 / f.length_s:.0f} |"
        )
    length_s = rows[0].figures.length_s
    for (_, words), cpu_s in zip(ALIKE, decoding, strict=True):
        name = " ".join(["FFmpeg, decoding alone", *words])
        print(f"| {name} | - | - | - | - | - | {cpu_s:.1f} | {cpu_s * 3600 / length_s:.0f} |")
    print()


def _judge(rows: list[Row], decoding: list[float]) -> int:
    """0 within the budgets, 1 over one."""
    ours, peer = rows[0], next((row for row in rows if row.name.startswith("DVR")), None)
    budgets = []
    for row, decoding_s in zip(rows, decoding, strict=False):
        ratio = row.cpu_s / decoding_s
        words = f"{row.name}: {ratio:.2f} of FFmpeg's decoding, at most {OF_DECODING}"
        budgets.append((words, ratio <= OF_DECODING))
    if peer is not None:
        ratio = ours.cpu_s / peer.cpu_s
        budgets.append((f"{ratio:.3f} of DVR-Scan's CPU, at most {OF_DVR_SCAN}", ratio <= OF_DVR_SCAN))
        budgets.append(("found and told no fewer than DVR-Scan", _no_worse(ours.figures, peer.figures)))
    for words, is_kept in budgets:
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {words}")
    return 0 if all(is_kept for _, is_kept in budgets) else 1


def _no_worse(ours: Figures, theirs: Figures) -> bool:
    return ours.found >= theirs.found and ours.told >= theirs.told


if __name__ == "__main__":
    sys.exit(main())

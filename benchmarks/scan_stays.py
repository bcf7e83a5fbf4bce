"""Whether `tawny scan` loses somebody who stays: films with keyframes 1, 2 and 4 s apart and a stay of 10 to 80 s, by
day and by night, each scanned at several phases. The worst phase counts, against the worst of live watching.

    python -m benchmarks.scan --stays [--seed N] [--phases N]
"""

import json
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from threading import Event as Flag

import numpy as np

from benchmarks.detect_made import CACHE, PHASES_S
from benchmarks.footage import watch_file
from benchmarks.made.film import HEIGHT, Camera, Film
from benchmarks.made.situations import PLACES
from benchmarks.scoring import Clip, Figures, Span, Spans, score
from tawny.detection.motion import MotionDetector
from tawny.detection.scan.scan import ScanOptions, VideoPart, scan_part
from tawny.media.codec.video_file import FileVideo

LIGHTS, GAPS_S, STAYS_S = ("day", "infrared"), (1, 2, 4), (10, 20, 40, 80)
COMES_S, AFTER_S = 70.0, 60.0
"""Time before somebody comes, and after they went, s."""
SLACK = 2
"""Seconds of a stay that a scan may miss more than live watching."""


def main(seed: int, phases: int) -> int:
    if shutil.which("ffmpeg") is None:
        print("ffmpeg is not installed: it encodes the films", file=sys.stderr)
        return 3
    print("| film | scan: reported, seconds, false | decoded | live |\n|---|---|---|---|")
    worse = 0
    for name, path in _films(seed):
        clip = Clip.of(json.loads(path.with_suffix(".json").read_text()))
        moved = [PHASES_S * number / phases for number in range(phases)]
        scanned = [scan_file(path, phase_s) for phase_s in moved]
        ours = _worst(score(clip, alarms) for alarms, _ in scanned)
        live = _worst(score(clip, watch_file(path, MotionDetector({}), phase_s=phase_s).alarms) for phase_s in moved)
        is_worse = ours.told < live.told or ours.hits < live.hits - SLACK or ours.false > live.false
        worse += is_worse
        share = max(decoded for _, decoded in scanned)
        print(f"| {name}{': WORSE' if is_worse else ''} | {_words(ours)} | {share:.2f} | {_words(live)} |", flush=True)
    print(
        f"\n{'BROKEN' if worse else 'kept  '}  films in which the scan is worse than live watching: {worse}, at most 0"
    )
    return int(worse > 0)


def scan_file(path: Path, phase_s: float = 0.0) -> tuple[Spans, float]:
    """The events of a scan, and the share of the file that was decoded."""
    part = VideoPart(partial(FileVideo, path), 0.0, float("inf"), 0.0)
    result = scan_part(part, ScanOptions(MotionDetector, phase_s=phase_s), lambda _seconds: None, Flag())
    return [Span(found.start_s, found.end_s) for found in result.events], result.decoded_s / result.duration_s


def _worst(figures: Iterable[Figures]) -> Figures:
    return min(figures, key=lambda one: (one.told, one.hits, -one.false))


def _words(figures: Figures) -> str:
    return f"{figures.told}, {figures.hits} of {figures.hits + figures.misses}, {figures.false}"


def _films(seed: int) -> Iterator[tuple[str, Path]]:
    CACHE.mkdir(parents=True, exist_ok=True)
    for light in LIGHTS:
        for gap_s in GAPS_S:
            for stays_s in STAYS_S:
                path = CACHE / f"stays-{light}-{gap_s}-{stays_s}-{seed}.mp4"
                if not path.with_suffix(".json").is_file():
                    film = stays(zlib.crc32(path.stem.encode()) % 100_000, light, gap_s, stays_s)
                    film.write(path)
                    path.with_suffix(".json").write_text(json.dumps(film.about(path.name)))
                yield f"{light}, keyframes {gap_s} s apart, stays {stays_s} s", path


def stays(seed: int, light: str, gap_s: float, stays_s: float) -> Film:
    """Somebody comes a little way, stands nearly still, and goes back."""
    is_night, chance = light == "infrared", np.random.default_rng(seed)
    camera = Camera(8, 4.0 if is_night else 1.5, 0.5 if is_night else 0.0, 300, gap_s)
    film = Film(seed, COMES_S + stays_s + AFTER_S, camera, str(chance.choice(PLACES)), light)
    share = chance.uniform(0.12, 0.25) * HEIGHT
    foot, x = max(share + 30, chance.uniform(0.55, 0.9) * HEIGHT), chance.uniform(150, 330)
    way, begin = chance.uniform(1.5, 2.5) * share, COMES_S + chance.uniform(0, 4)
    there = begin + way / (0.8 * share)
    back = there + stays_s
    points = [(begin, x, foot, share), (there, x + way, foot, share), (back, x + way, foot, share),
              (back + way / (0.8 * share), x, foot, share)]  # fmt: skip
    sign = 1 if is_night and chance.uniform() < 0.75 else -1
    film.passes("walker", points, sign * float(chance.uniform(18, 40)), sway=float(chance.uniform(0.3, 1.2)))
    return film

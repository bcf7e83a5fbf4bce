"""How much hangs on the footage and on the numbers that were chosen by it: the footage spoilt as worse cameras would
have given it, and each main number moved by a quarter up and down, with what every camera's clips then score.

From the second follows what leaving one camera out gives: of all these settings the one is taken that does best on the
other cameras, and it is scored on the one that had no say.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple

from benchmarks import again
from benchmarks.footage import watch_file
from benchmarks.scan_stays import scan_file
from benchmarks.scoring import Clip, Figures, score
from benchmarks.spoilt import STAMPS, WAYS, spoilt_clip
from tawny.detection.motion import MotionDetector

NUMBERS = (
    ("background_model", "SPREADS"), ("background_model", "CONTRAST"), ("background_model", "NOISY"),
    ("background_model", "NOISE_SPREAD"), ("background_model", "SPREAD_UP_S"), ("background_model", "BACK_S"),
    ("motion", "TRAVELS"), ("motion", "STEP"), ("motion", "LINGER_S"), ("motion", "TRUST_S"), ("motion", "AGE_S"),
    ("motion", "DARTS"), ("motion", "FLICKER_S"), ("tracks", "REACH"), ("motion", "EDGE"), ("motion", "LIGHT"),
)  # fmt: skip
SHARES = 0.75, 1.25
LARGE = "4k"
"""In the name of a clip that shows the same as another, larger: left out, it costs more than all the rest."""


AS_IS = "as it is"

Settings = dict[str, dict[str, Figures]]
"""By setting and camera."""


class Footage(NamedTuple):
    clip: Clip
    path: Path
    camera: str


def spoilt(footage: list[Footage]) -> int:
    """Prints what is found in each way; there is no budget for worse images, only for stamps."""
    _head("spoilt")
    for way in WAYS:
        print(_row(way, (_figures(one.clip, spoilt_clip(one.path, way)) for one in _small(footage))), flush=True)
    return stamped(footage)


def stamped(footage: list[Footage]) -> int:
    """Prints what is watched and scanned of each way of stamps; 1 if one of them loses what the right stamps find."""
    _head("stamps")
    found: dict[str, list[Figures]] = {"watched": [], "scanned": []}
    for way in STAMPS:
        clips = [(one.clip, spoilt_clip(one.path, way)) for one in _small(footage)]
        for how, rows in found.items():
            figures = reduce(add, (_figures(*c) if how == "watched" else _scanned(*c) for c in clips), Figures())
            print(_row(f"{way}, {how}", [figures]), flush=True)
            rows.append(figures)
    return int(any(one.told < rows[0].told or one.false > rows[0].false for rows in found.values() for one in rows))


def moved(footage: list[Footage]) -> int:
    """Prints a row for each number up and down, with what each clip misses and tells falsely; then one camera left out.

    All of a clip is decoded once; events are made of all looks, as where everything is decoded.
    """
    ways = [(AS_IS, None), *((f"{m}.{n} x {share:g}", (m, n, share)) for m, n in NUMBERS for share in SHARES)]
    by_clip: dict[str, dict[str, Figures]] = {name: {} for name, _ in ways}
    cameras: dict[str, str] = {}
    for one in _small(footage):
        cameras[one.clip.file] = one.camera
        looks = again.shown(one.path)
        for name, way in ways:
            print(f"\r\x1b[K{one.clip.file}: {name}", end="", file=sys.stderr, flush=True)
            with _moved(*way) if way else nullcontext():
                by_clip[name][one.clip.file] = score(one.clip, again.alarms(looks, MotionDetector({})))
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    _head("number")
    for name, clips in by_clip.items():
        print(_row(name, clips.values()))
        for file, f in clips.items():
            if f.found < f.events or f.false:
                print(f"    {file}: found {f.found} of {f.events}, {f.false} false")
    settings = {name: _by_camera(clips, cameras) for name, clips in by_clip.items()}
    _print_left_out(settings)
    return 0


def _by_camera(clips: dict[str, Figures], cameras: dict[str, str]) -> dict[str, Figures]:
    whole: dict[str, Figures] = {}
    for file, figures in clips.items():
        whole[cameras[file]] = whole.get(cameras[file], Figures()) + figures
    return whole


def _print_left_out(settings: Settings) -> None:
    print()
    _head("camera left out: the best setting of the others")
    chosen = {camera: without(camera, settings) for camera in settings[AS_IS]}
    for camera, name in chosen.items():
        print(_row(f"{camera}: {name}", [settings[name][camera]]))
    print(_row("all, each by what others chose", (settings[name][camera] for camera, name in chosen.items())))


def without(camera: str, settings: Settings) -> str:
    """The setting that does best where this camera has no say; the first of equals.

    Told less false events, then found, then F.
    """

    def worth(name: str) -> tuple[float, ...]:
        whole = reduce(add, (f for other, f in settings[name].items() if other != camera), Figures())
        return whole.told - whole.false, whole.found, whole.f1 or 0.0

    return max(settings, key=worth)


def _small(footage: Iterable[Footage]) -> Iterator[Footage]:
    return (one for one in footage if LARGE not in one.clip.file)


def _figures(clip: Clip, path: Path) -> Figures:
    return score(clip, watch_file(path, MotionDetector({})).alarms)


def _scanned(clip: Clip, path: Path) -> Figures:
    alarms, _ = scan_file(path)
    return score(clip, alarms)


@contextmanager
def _moved(module: str, name: str, share: float) -> Iterator[None]:
    """The number of the detector is so many times itself."""
    holder = importlib.import_module(f"tawny.detection.motion.{module}")
    was = getattr(holder, name)
    setattr(holder, name, min(0.95, was * share) if name == "LIGHT" else was * share)
    try:
        yield
    finally:
        setattr(holder, name, was)


_COLUMNS: dict[str, Callable[[Figures], str]] = {
    "found": lambda f: f"{f.found}/{f.events}",
    "told": lambda f: f"{f.told}/{f.incidents}",
    "false": lambda f: str(f.false),
    "quiet %": lambda f: f"{100 * (f.quiet_share or 0):.1f}",
    "F": lambda f: f"{f.f1 or 0:.2f}",
    "start p90": lambda f: f"{f.late(0.9) or 0:.2f}",
}


def _head(first: str) -> None:
    print(f"| {first} | {' | '.join(_COLUMNS)} |\n" + "|---" * (len(_COLUMNS) + 1) + "|")


def _row(name: str, figures: Iterable[Figures]) -> str:
    whole = reduce(add, figures, Figures())
    return f"| {name} | {' | '.join(show(whole) for show in _COLUMNS.values())} |"

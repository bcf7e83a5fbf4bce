"""How much hangs on the footage and on the numbers that were chosen by it: the footage spoilt as worse cameras would
have given it, and each main number moved by a quarter up and down, with what every camera's clips then score.

The second is what stands here for leaving one camera out: no number is fitted to a camera, so none can be fitted
without it; what can be shown is that no camera's score hangs on the exact value of one.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple

from benchmarks.footage import watch_file
from benchmarks.scoring import Clip, Figures, score
from benchmarks.spoilt import WAYS, spoilt_clip
from tawny.watch.motion import Motion

NUMBERS = (
    ("sensitivity", "SPREADS"), ("sensitivity", "CONTRAST"), ("memory", "NOISY"), ("memory", "NOISE_SPREAD"),
    ("memory", "SPREAD_UP_S"), ("memory", "BACK_S"), ("evidence", "TRAVELS"), ("evidence", "STEP"),
    ("evidence", "LINGER_S"), ("evidence", "TRUST_S"), ("verdict", "AGE_S"), ("verdict", "DARTS"),
    ("verdict", "FLICKER_S"), ("tracks", "REACH"), ("edges", "EDGE"), ("edges", "LIGHT"),
)  # fmt: skip
QUARTER = 0.25
LARGE = "4k"
"""In the name of a clip that shows the same as another, larger: left out, it costs more than all the rest."""


class Footage(NamedTuple):
    clip: Clip
    path: Path


def spoilt(footage: list[Footage]) -> int:
    """Prints what is found in each way; always 0: there is no budget for what worse cameras give."""
    _head("spoilt")
    for way in WAYS:
        print(_row(way, (_figures(one.clip, spoilt_clip(one.path, way)) for one in _small(footage))), flush=True)
    return 0


def moved(footage: list[Footage]) -> int:
    """Prints a row for each number up and down; with what each camera misses and tells falsely."""
    _head("number")
    small = list(_small(footage))
    print(_row("as it is", (_figures(one.clip, one.path) for one in small)), flush=True)
    for module, name in NUMBERS:
        for share in (1 - QUARTER, 1 + QUARTER):
            with _moved(module, name, share):
                by_clip = [(one, _figures(one.clip, one.path)) for one in small]
            print(_row(f"{module}.{name} x {share:g}", (f for _, f in by_clip)), flush=True)
            for one, f in by_clip:
                if f.found < f.events or f.false:
                    print(f"    {one.clip.file}: found {f.found} of {f.events}, {f.false} false")
    return 0


def _small(footage: Iterable[Footage]) -> Iterator[Footage]:
    return (one for one in footage if LARGE not in one.clip.file)


def _figures(clip: Clip, path: Path) -> Figures:
    return score(clip, watch_file(path, Motion({})).alarms)


@contextmanager
def _moved(module: str, name: str, share: float) -> Iterator[None]:
    """The number of the detector is so many times itself."""
    holder = importlib.import_module(f"tawny.watch.motion.{module}")
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

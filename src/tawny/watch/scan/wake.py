"""The first pass: which stretches between keyframes are worth decoding?

A keyframe is compared with what its place looks like in the minute before and the minute after: a file's future is
known. What differs there by more than the place itself is used to, beyond its neighbours too, may be somebody; and a
stretch is worth decoding if such a thing changed between its two keyframes. A stretch that is far larger than those
around it is decoded as well: something may have passed between two keyframes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from tawny.media.file_video import Gop
from tawny.watch.motion.arrays import Grey, Mask, cells
from tawny.watch.region import Region

AROUND = 30
"""Keyframes before and after, with which one is compared."""
BLOCK = 20
"""What is usual is worked out anew for so many keyframes."""
USUAL = 0.9
"""Share of the keyframes in which a cell differs no more than is usual for it: leaves differ in many, people in few."""
SPREADS = 3.0
"""A cell differs if it does by so many times what is usual for it and its neighbours..."""
CONTRAST = 8.0
"""...and by so many levels of 255..."""
NOISE = 5.0
"""...and by so many times the middle difference of this very picture."""
SMALLEST = 0.0006
"""Share of the picture that a thing covers at least."""
LARGER = 4.0
"""A stretch is much larger than those around it if it is so many times their spread above their middle."""
LARGER_SHARE = 0.5
"""...and by so much of their middle."""
DARK = 8.0
"""Added to brightness before a ratio is taken: black stays harmless."""
_FINE = slice(None, None, 4)


class Glance(NamedTuple):
    """A keyframe seen small. is_awake: what follows it, up to the next, is worth decoding."""

    at_s: float
    picture: Any
    """uint8 [rows, columns]"""
    is_awake: bool


@dataclass(slots=True)
class _Seen:
    at_s: float
    picture: Any
    coarse: Grey
    other_bytes: int
    differs: Mask | None = None
    has_thing: bool = False


def glances(gops: Iterable[Gop], region: Region, sensitivity: int = 50) -> Iterator[Glance]:
    """All keyframes in their order; each is given out some two minutes of video after it was taken."""
    asks = 2.0 ** ((50 - sensitivity) / 50)
    before: deque[_Seen] = deque(maxlen=AROUND)
    now: list[_Seen] = []
    for seen in _all(gops, region):
        now.append(seen)
        if len(now) == BLOCK + AROUND:
            yield from _block(before, now, asks)
            now = now[BLOCK:]
    while now:
        yield from _block(before, now, asks)
        now = now[BLOCK:]


def _all(gops: Iterable[Gop], region: Region) -> Iterator[_Seen]:
    shape: tuple[int, ...] | None = None
    for gop in gops:
        picture = region.of(cells(gop.frame.luma).astype(np.uint8))
        if shape is not None and picture.shape != shape:
            continue  # the picture changed its size: such a file is scanned whole
        shape = picture.shape
        coarse = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        yield _Seen(gop.at_s, picture, np.asarray(coarse, np.float32), gop.other_bytes)


def _block(before: "deque[_Seen]", now: list[_Seen], asks: float) -> Iterator[Glance]:
    """The first keyframes of `now`, judged by all of them and those before."""
    _judge(before, now, asks)
    large = _large([one.other_bytes for one in (*before, *now)])
    for one, two in zip(now[:BLOCK], [*now[1:], None][:BLOCK], strict=False):
        yield Glance(one.at_s, one.picture, one.other_bytes > large or _changed(one, two, asks))
    before.extend(now[:BLOCK])


def _judge(before: Iterable[_Seen], now: list[_Seen], asks: float) -> None:
    """Mark what differs in the block's keyframes, and in the one behind it."""
    around = np.stack([one.coarse for one in (*before, *now)])
    middle, rank = len(around) // 2, int(USUAL * (len(around) - 1))
    usual = np.partition(around, middle, axis=0)[middle]
    spread = cv2.dilate(np.partition(_away(around, usual), rank, axis=0)[rank], np.ones((3, 3), np.uint8))
    judged = now[: BLOCK + 1]
    for one, differs_by in zip(judged, _away(np.stack([one.coarse for one in judged]), usual), strict=True):
        noise = float(np.median(differs_by[_FINE, _FINE]))
        limit = np.maximum(SPREADS * spread, max(CONTRAST * asks, NOISE * noise))
        one.differs = differs_by > limit
        one.has_thing = _has_thing(one.differs, differs_by > 1.5 * limit, asks)


def _away(pictures: Any, usual: Grey) -> Any:
    """How far each picture is from what is usual, in today's light."""
    light = np.median((pictures[:, _FINE, _FINE] + DARK) / (usual[_FINE, _FINE] + DARK), axis=(1, 2))
    return np.abs((pictures + DARK) / light[:, None, None] - DARK - usual)


def _has_thing(differs: Mask, clearly: Mask, asks: float) -> bool:
    """Whether one blob is large enough, and clear in two cells."""
    if np.count_nonzero(differs) < _least(differs, asks) // 2 or np.count_nonzero(clearly) < 2:
        return False
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    least = _least(differs, asks)
    clear = np.bincount(labels[clearly], minlength=count)
    return any(stats[n][cv2.CC_STAT_AREA] >= least and clear[n] >= 2 for n in range(1, count))


def _least(picture: Mask, asks: float) -> int:
    return max(2, round(SMALLEST * asks * picture.size))


def _large(sizes: list[int]) -> float:
    """From how many bytes on a stretch is much larger than those around it."""
    middle = float(np.median(sizes))
    spread = float(np.median(np.abs(np.array(sizes) - middle))) + 0.05 * middle
    return middle + max(LARGER * spread, LARGER_SHARE * middle)


def _changed(one: _Seen, two: _Seen | None, asks: float) -> bool:
    """Whether a thing of either keyframe is not, or is elsewhere, in the other. two: None at the end."""
    if two is None or one.differs is None or two.differs is None:
        return one.has_thing
    if not (one.has_thing or two.has_thing):
        return False
    light = float(np.median((one.coarse[_FINE, _FINE] + DARK) / (two.coarse[_FINE, _FINE] + DARK)))
    away = np.abs((one.coarse + DARK) / light - DARK - two.coarse)
    moved = away > max(CONTRAST * asks, NOISE * float(np.median(away[_FINE, _FINE])))
    return int(np.count_nonzero(moved & (one.differs | two.differs))) >= _least(one.differs, asks)

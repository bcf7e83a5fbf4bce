"""The first pass: which stretches between keyframes are worth decoding?

A keyframe is compared with what its place looks like in the minute before and the minute after: a file's future is
known. What differs there by more than the place itself is used to, beyond its neighbours too, may be somebody; and a
stretch is worth decoding if such a thing changed between its two keyframes. A stretch that is far larger than those
around it is decoded as well: something may have passed between two keyframes.

Where stretches are no larger than usual, a keyframe is passed over while the next one still comes in time. If something
changed across it, it is looked at after all, to tell which side of it is worth decoding.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.arrays import Grey, Mask, middle
from tawny.detection.motion.cells import Cells
from tawny.detection.region import Region
from tawny.media.codec.video_file import Gop

APART_S = 4.2
"""Keyframes that are looked at are no further apart: who comes is seen for longer, or makes packets larger."""
SIZES, LEAST_SIZES = 60, 8
"""Of so many stretches before, the middle is the usual size; nothing is passed over before that many are known."""
CALM, CALM_SHARE = 2.0, 0.05
"""A stretch is calm if it is larger than usual by no more than so many times their spread, and by so much of it."""
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
CLEARLY = 1.5
"""So many times that is clear."""
LARGER = 4.0
"""A stretch is much larger than those around it if it is so many times their spread above their middle."""
LARGER_SHARE = 0.5
"""...and by so much of their middle."""
DARK = 8.0
"""Added to brightness before a ratio is taken: black stays harmless."""
_FINE = slice(None, None, 4)


class KeyframeGlance(NamedTuple):
    """A keyframe seen small. is_awake: what follows it, up to the next one given out, is worth decoding."""

    at_s: float
    picture: Any
    """uint8 [rows, columns]"""
    is_awake: bool
    between: Callable[[], Sequence["KeyframeGlance"]] = tuple
    """Looks at the keyframes that were passed over between it and the next."""


@dataclass(slots=True)
class _Seen:
    """passed_over: the keyframes between it and the next."""

    at_s: float
    picture: Any
    coarse: Grey
    other_bytes: int
    passed_over: list[Gop] = field(default_factory=list)
    differs: Mask | None = None
    has_thing: bool = False
    has_hint: bool = False
    """Something differs that would not be enough by itself."""
    is_awake: bool = False


class _Eye:
    """Looks at keyframes: those that are needed, all of one shape."""

    def __init__(self, region: Region) -> None:
        self._region, self._cells = region, Cells()
        self._shape: tuple[int, ...] | None = None

    def seen(self, gop: Gop) -> _Seen | None:
        """None for a damaged one, and where the picture changed its size: such a file is scanned whole."""
        frame = gop.picture()
        if frame is None:
            return None
        picture = self._region.of(self._cells.of(frame.luma).astype(np.uint8))
        if self._shape is not None and picture.shape != self._shape:
            return None
        self._shape = picture.shape
        coarse = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return _Seen(gop.at_s, picture, np.asarray(coarse, np.float32), gop.other_bytes)

    def each(self, gops: Iterable[Gop]) -> Iterator[_Seen]:
        yield from filter(None, map(self.seen, gops))

    def glances(self, one: _Seen, *, is_awake: bool) -> Iterator[KeyframeGlance]:
        """Of a stretch; if it is awake only for what lies beside it, of its last part."""
        between = one.passed_over
        if is_awake and not one.is_awake and between:
            yield KeyframeGlance(one.at_s, one.picture, is_awake=False)
            yield from (KeyframeGlance(last.at_s, last.picture, is_awake=True) for last in self.each(between[-1:]))
        else:
            yield KeyframeGlance(one.at_s, one.picture, is_awake, partial(self._between, between))

    def _between(self, gops: Sequence[Gop]) -> list[KeyframeGlance]:
        return [KeyframeGlance(one.at_s, one.picture, is_awake=False) for one in self.each(gops)]

    def all(self, gops: Iterable[Gop]) -> Iterator[_Seen]:
        """Those that are not passed over."""
        sizes: deque[int] = deque(maxlen=SIZES)
        last: _Seen | None = None
        passes: list[Gop] = []
        for gop, next_s in _with_next(gops):
            calm = _calm(sizes)
            sizes.append(gop.other_bytes)
            if last is not None and max(last.other_bytes, gop.other_bytes) <= calm and next_s - last.at_s <= APART_S:
                passes.append(gop)
                continue
            seen = self.seen(gop)
            if seen is not None:
                if last is not None:
                    last.passed_over = passes
                    yield last
                last, passes = seen, []
        if last is not None:
            last.passed_over = passes
            yield last


def glances(gops: Iterable[Gop], region: Region, sensitivity: int = 50) -> Iterator[KeyframeGlance]:
    """Keyframes in their order; each is given out some minutes of video after it was taken.

    Beside a stretch that is awake a hint is enough: so comes who comes from afar, and so goes who goes there.
    """
    eye = _Eye(region)
    stretches = _stretches(eye, gops, 2.0 ** ((50 - sensitivity) / 50))
    was_awake, one = False, next(stretches, None)
    while one is not None:
        two = next(stretches, None)
        comes = two is not None and two.is_awake and two.has_hint
        yield from eye.glances(one, is_awake=one.is_awake or comes or (was_awake and one.has_hint))
        was_awake, one = one.is_awake, two


def _stretches(eye: _Eye, gops: Iterable[Gop], asks: float) -> Iterator[_Seen]:
    before: deque[_Seen] = deque(maxlen=AROUND)
    now: list[_Seen] = []
    for seen in eye.all(gops):
        now.append(seen)
        if len(now) == BLOCK + AROUND:
            yield from _block(eye, before, now, asks)
            now = now[BLOCK:]
    while now:
        yield from _block(eye, before, now, asks)
        now = now[BLOCK:]


def _with_next(gops: Iterable[Gop]) -> Iterator[tuple[Gop, float]]:
    """Each with when the next begins."""
    last: Gop | None = None
    for gop in gops:
        if last is not None:
            yield last, gop.at_s
        last = gop
    if last is not None:
        yield last, float("inf")


def _calm(sizes: Sequence[int]) -> float:
    """Up to how many bytes a stretch is calm."""
    if len(sizes) < LEAST_SIZES:
        return -1.0
    usual, strays = _usual_size(sizes)
    return usual + CALM * strays + CALM_SHARE * usual


def _block(eye: _Eye, before: "deque[_Seen]", now: list[_Seen], asks: float) -> Iterator[_Seen]:
    """The first keyframes of `now`, judged by all of them and those before."""
    usual = _Usual([*before, *now], asks)
    for one in now[: BLOCK + 1]:
        usual.judge(one)
    large = _large([one.other_bytes for one in (*before, *now)])
    for one, two in zip(now[:BLOCK], [*now[1:], None][:BLOCK], strict=False):
        one.is_awake = one.other_bytes > large or _changed(one, two, asks)
        if one.is_awake:
            yield from _parted([one, *eye.each(one.passed_over)], two, usual, asks)
        else:
            yield one
    before.extend(replace(one, passed_over=[]) for one in now[:BLOCK])


def _parted(ones: list[_Seen], two: _Seen | None, usual: "_Usual", asks: float) -> list[_Seen]:
    """A stretch that is awake, with its keyframes: that part of it in which it changed, or all if that is in none."""
    for one in ones[1:]:
        usual.judge(one)
    changed = [_changed(a, b, asks) for a, b in zip(ones, [*ones[1:], two], strict=True)]
    for one, has_changed in zip(ones, changed, strict=True):
        one.is_awake, one.passed_over = has_changed or not any(changed), []
    return ones


class _Usual:
    """What a place looks like around some keyframes, and how far it is used to stray."""

    def __init__(self, around: Sequence[_Seen], asks: float) -> None:
        pictures = np.stack([one.coarse for one in around])
        half, rank = len(pictures) // 2, int(USUAL * (len(pictures) - 1))
        self._asks = asks
        self._picture = np.partition(pictures, half, axis=0)[half]
        away = self._away(pictures)
        self._spread = cv2.dilate(np.partition(away, rank, axis=0)[rank], np.ones((3, 3), np.uint8))

    def judge(self, one: _Seen) -> None:
        """Mark what differs in it."""
        differs_by = self._away(one.coarse[None])[0]
        noise = middle(differs_by[_FINE, _FINE])
        limit = np.maximum(SPREADS * self._spread, max(CONTRAST * self._asks, NOISE * noise))
        one.differs = differs_by > limit
        one.has_thing, one.has_hint = _thing(one.differs, differs_by > CLEARLY * limit, self._asks)

    def _away(self, pictures: Any) -> Any:
        """How far each picture is from what is usual, in today's light."""
        usual = self._picture
        lights = (pictures[:, _FINE, _FINE] + DARK) / (usual[_FINE, _FINE] + DARK)
        flat = lights.reshape(len(pictures), -1)  # np.median takes several times as long
        light = np.partition(flat, flat.shape[1] // 2, axis=1)[:, flat.shape[1] // 2]
        return np.abs((pictures + DARK) / light[:, None, None] - DARK - usual)


def _thing(differs: Mask, clearly: Mask, asks: float) -> tuple[bool, bool]:
    """Whether one blob is large enough and clear in two cells; whether one is, but none is clear."""
    least = _least(differs, asks)
    if np.count_nonzero(differs) < least // 2:
        return False, False
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    clear = np.bincount(labels[clearly], minlength=count)
    large = [n for n in range(1, count) if stats[n][cv2.CC_STAT_AREA] >= least]
    is_clear = any(clear[n] >= 2 for n in large)
    return is_clear, bool(large) and not is_clear


def _least(picture: Mask, asks: float) -> int:
    return max(2, round(SMALLEST * asks * picture.size))


def _large(sizes: list[int]) -> float:
    """From how many bytes on a stretch is much larger than those around it."""
    usual, strays = _usual_size(sizes)
    spread = strays + 0.05 * usual
    return usual + max(LARGER * spread, LARGER_SHARE * usual)


def _usual_size(sizes: Sequence[int]) -> tuple[float, float]:
    """The middle of them, and of how far they stray from it."""
    usual = sorted(sizes)[len(sizes) // 2]
    return usual, sorted([abs(size - usual) for size in sizes])[len(sizes) // 2]


def _changed(one: _Seen, two: _Seen | None, asks: float) -> bool:
    """Whether a thing of either keyframe is not, or is elsewhere, in the other. two: None at the end."""
    if two is None or one.differs is None or two.differs is None:
        return one.has_thing
    if not (one.has_thing or two.has_thing):
        return False
    light = middle((one.coarse[_FINE, _FINE] + DARK) / (two.coarse[_FINE, _FINE] + DARK))
    away = np.abs((one.coarse + DARK) / light - DARK - two.coarse)
    moved = away > max(CONTRAST * asks, NOISE * middle(away[_FINE, _FINE]))
    return int(np.count_nonzero(moved & (one.differs | two.differs))) >= _least(one.differs, asks)

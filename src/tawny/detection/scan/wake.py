"""The first pass of a scan: selects the groups of pictures to decode.

A keyframe is compared with the scene in the minute before and the minute after. A difference beyond the usual variation
of the cell and its neighbors may be an object. A group is decoded if such an object changed between its two keyframes,
or if the group is much larger than its neighbors: something may have passed between two keyframes.

Where groups are no larger than usual, a keyframe is skipped if the next one comes in time. If something changed across
it, it is decoded afterwards to narrow the range.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.cells import Cells, Grey, Mask, middle
from tawny.detection.zones import Region
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import Gop
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon
from tawny.model.observations import Box

APART_S = 4.2
"""Maximum distance of processed keyframes, s: an object stays longer or makes packets larger."""
SIZES, LEAST_SIZES = 60, 8
"""Number of previous groups whose median is the usual size, and the minimum before keyframes are skipped."""
CALM, CALM_SHARE = 2.0, 0.05
"""A group is calm up to this multiple of the spread, plus this share of the usual size, above the usual size."""
AROUND = 30
"""Number of keyframes before and after for comparison."""
BLOCK = 20
"""Number of keyframes after which the usual scene is recomputed."""
USUAL = 0.9
"""Quantile of a cell's difference that counts as usual: leaves differ in many keyframes, people in few."""
SPREADS = 3.0
"""A cell differs by this multiple of the usual difference of the cell and its neighbors..."""
CONTRAST = 8.0
"""...and by this number of levels of 255..."""
NOISE = 5.0
"""...and by this multiple of the keyframe's median difference."""
SMALLEST = 0.0006
"""Minimum area of an object, as a share of the frame."""
CLEARLY = 1.5
"""Multiple of the limit that counts as clear."""
LARGER = 4.0
"""A group is large if it exceeds the median of its neighbors by this multiple of their spread..."""
LARGER_SHARE = 0.5
"""...and by this share of their median."""
PRESENT, BESIDE = 0.2, 3
"""Minimum share of an object's box that differs if it is still there, and the cells around it that belong to it."""
DARK_MEAN, INFRARED_MEAN, COLORLESS = 40.0, 110.0, 1.5
"""It is night if a keyframe's mean brightness is below the first, or below the second without color: chroma closer
to grey than the third, in levels. There, who comes is hardly above noise, so everything is decoded."""
DARK = 8.0
"""Added to brightness before ratios are taken, so that black has no influence."""
_FINE = slice(None, None, 4)


class KeyframeGlance(NamedTuple):
    """A downscaled keyframe. is_awake: decode the group that follows, up to the next glance."""

    at_s: float
    picture: Any
    """uint8 [rows, columns]."""
    is_awake: bool
    is_large: bool = False
    """Whether the group is much larger than its neighbors."""
    is_night: bool = False
    differs: Mask | None = None
    """Cells that differ from the usual scene; None if unknown."""

    def shows_all(self, boxes: Sequence[Box]) -> bool:
        """Return whether something differs in each of the boxes, and nothing of an object's size outside them."""
        if self.differs is None:
            return False
        rows, columns = self.differs.shape
        outside = self.differs.copy()
        for x0, y0, x1, y1 in boxes:
            left, right = int(x0 * columns), math.ceil(x1 * columns)
            top, bottom = int(y0 * rows), math.ceil(y1 * rows)
            if self.differs[top:bottom, left:right].mean() < PRESENT:
                return False
            outside[max(0, top - BESIDE) : bottom + BESIDE, max(0, left - BESIDE) : right + BESIDE] = False
        return int(np.count_nonzero(outside)) < _least(self.differs, 1.0)


@dataclass(slots=True)
class _Seen:
    """A processed keyframe. passed_over: keyframes skipped between it and the next."""

    at_s: float
    picture: Any
    coarse: Grey
    other_bytes: int
    is_night: bool = False
    passed_over: list[Gop] = field(default_factory=list)
    differs: Mask | None = None
    has_thing: bool = False
    has_hint: bool = False
    """Whether something differs that would not suffice by itself."""
    is_awake: bool = False
    is_large: bool = False


class _Eye:
    """Processes the required keyframes, all of one size."""

    def __init__(self, region: Region, private: Sequence[Polygon]) -> None:
        self._region, self._private, self._cells = region, private, Cells()
        self._shape: tuple[int, ...] | None = None

    def seen(self, gop: Gop) -> _Seen | None:
        """Return the keyframe; None if damaged or of another size. Such a file is fully decoded."""
        frame = gop.picture()
        if frame is None:
            return None
        picture = self._region.of(self._cells.of(mask_picture(frame, self._private).luma).astype(np.uint8))
        if self._shape is not None and picture.shape != self._shape:
            return None
        self._shape = picture.shape
        coarse = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return _Seen(gop.at_s, picture, np.asarray(coarse, np.float32), gop.other_bytes, is_night=_is_night(frame))

    def each(self, gops: Iterable[Gop]) -> Iterator[_Seen]:
        yield from filter(None, map(self.seen, gops))

    def glances(self, one: _Seen, *, is_awake: bool) -> Iterator[KeyframeGlance]:
        """Yield the glances of a group. If only a neighboring group makes it awake, only its last part is."""
        between = one.passed_over
        if is_awake and not (one.is_awake or one.is_night) and between:
            yield KeyframeGlance(one.at_s, one.picture, is_awake=False, differs=one.differs)
            yield from (KeyframeGlance(last.at_s, last.picture, is_awake=True) for last in self.each(between[-1:]))
        else:
            yield KeyframeGlance(one.at_s, one.picture, is_awake, one.is_large, one.is_night, one.differs)

    def all(self, gops: Iterable[Gop]) -> Iterator[_Seen]:
        """Yield the keyframes that are not skipped."""
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


def _is_night(frame: DecodedFrame) -> bool:
    """Return whether a frame is dark, or has no color as in infrared light."""
    mean = float(frame.luma[::16, ::16].mean())
    if not DARK_MEAN < mean < INFRARED_MEAN:
        return mean <= DARK_MEAN
    return frame.colorfulness < COLORLESS


def glances(
    gops: Iterable[Gop], region: Region, sensitivity: int = 50, private: Sequence[Polygon] = ()
) -> Iterator[KeyframeGlance]:
    """Yield the keyframes in order, delayed by some minutes of video. private: privacy masks, in the image as sent.

    Next to an awake group a hint suffices: objects that come from afar or leave are included.
    """
    eye = _Eye(region, private)
    stretches = _stretches(eye, gops, 2.0 ** ((50 - sensitivity) / 50))
    was_awake, one = False, next(stretches, None)
    while one is not None:
        two = next(stretches, None)
        comes = two is not None and two.is_awake and two.has_hint
        yield from eye.glances(one, is_awake=one.is_awake or one.is_night or comes or (was_awake and one.has_hint))
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
    """Yield each group with the start of the next."""
    last: Gop | None = None
    for gop in gops:
        if last is not None:
            yield last, gop.at_s
        last = gop
    if last is not None:
        yield last, float("inf")


def _calm(sizes: Sequence[int]) -> float:
    """Return the size in bytes up to which a group is calm; -1 while unknown."""
    if len(sizes) < LEAST_SIZES:
        return -1.0
    usual, strays = _usual_size(sizes)
    return usual + CALM * strays + CALM_SHARE * usual


def _block(eye: _Eye, before: "deque[_Seen]", now: list[_Seen], asks: float) -> Iterator[_Seen]:
    """Yield the first keyframes of `now`, judged by all of them and the previous ones."""
    usual = _Usual([*before, *now], asks)
    for one in now[: BLOCK + 1]:
        usual.judge(one)
    large = _large([one.other_bytes for one in (*before, *now)])
    for one, two in zip(now[:BLOCK], [*now[1:], None][:BLOCK], strict=False):
        one.is_large = one.other_bytes > large
        one.is_awake = one.is_large or _changed(one, two, asks)
        if one.is_awake:
            yield from _parted([one, *eye.each(one.passed_over)], two, usual, asks)
        else:
            yield one
    before.extend(replace(one, passed_over=[]) for one in now[:BLOCK])


def _parted(ones: list[_Seen], two: _Seen | None, usual: "_Usual", asks: float) -> list[_Seen]:
    """Return the keyframes of an awake group; only those before a change are awake, or all if none is found."""
    for one in ones[1:]:
        usual.judge(one)
    changed = [_changed(a, b, asks) for a, b in zip(ones, [*ones[1:], two], strict=True)]
    for one, has_changed in zip(ones, changed, strict=True):
        one.is_awake, one.passed_over = has_changed or not any(changed), []
    return ones


class _Usual:
    """The usual scene around some keyframes, and its usual variation."""

    def __init__(self, around: Sequence[_Seen], asks: float) -> None:
        pictures = np.stack([one.coarse for one in around])
        half, rank = len(pictures) // 2, int(USUAL * (len(pictures) - 1))
        self._asks = asks
        self._picture = np.partition(pictures, half, axis=0)[half]
        away = self._away(pictures)
        varies = np.abs(away)
        # who comes and stays differs in many keyframes, but not from one to the next: that is not usual
        np.minimum(varies[1:], np.abs(away[1:] - away[:-1]), out=varies[1:])
        self._spread = cv2.dilate(np.partition(varies, rank, axis=0)[rank], np.ones((3, 3), np.uint8))

    def judge(self, one: _Seen) -> None:
        """Mark the differences in a keyframe."""
        differs_by = np.abs(self._away(one.coarse[None])[0])
        noise = middle(differs_by[_FINE, _FINE])
        limit = np.maximum(SPREADS * self._spread, max(CONTRAST * self._asks, NOISE * noise))
        one.differs = differs_by > limit
        one.has_thing, one.has_hint = _thing(one.differs, differs_by > CLEARLY * limit, self._asks)

    def _away(self, pictures: Any) -> Any:
        """Return the difference of each frame to the usual scene, adjusted for brightness."""
        usual = self._picture
        lights = (pictures[:, _FINE, _FINE] + DARK) / (usual[_FINE, _FINE] + DARK)
        flat = lights.reshape(len(pictures), -1)  # np.median takes several times as long
        light = np.partition(flat, flat.shape[1] // 2, axis=1)[:, flat.shape[1] // 2]
        return (pictures + DARK) / light[:, None, None] - DARK - usual


def _thing(differs: Mask, clearly: Mask, asks: float) -> tuple[bool, bool]:
    """Return whether a blob is large enough and clear in two cells, and whether there are only large, unclear blobs."""
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
    """Return the size in bytes from which a group is much larger than its neighbors."""
    usual, strays = _usual_size(sizes)
    spread = strays + 0.05 * usual
    return usual + max(LARGER * spread, LARGER_SHARE * usual)


def _usual_size(sizes: Sequence[int]) -> tuple[float, float]:
    """Return the median, and the median absolute deviation."""
    usual = sorted(sizes)[len(sizes) // 2]
    return usual, sorted([abs(size - usual) for size in sizes])[len(sizes) // 2]


def _changed(one: _Seen, two: _Seen | None, asks: float) -> bool:
    """Return whether an object of either keyframe is missing or elsewhere in the other. two: None at the end."""
    if two is None or one.differs is None or two.differs is None:
        return one.has_thing
    if not (one.has_thing or two.has_thing):
        return False
    light = middle((one.coarse[_FINE, _FINE] + DARK) / (two.coarse[_FINE, _FINE] + DARK))
    away = np.abs((one.coarse + DARK) / light - DARK - two.coarse)
    moved = away > max(CONTRAST * asks, NOISE * middle(away[_FINE, _FINE]))
    return int(np.count_nonzero(moved & (one.differs | two.differs))) >= _least(one.differs, asks)

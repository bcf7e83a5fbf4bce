"""One who is followed through pictures, so that all others can be hidden: in doubt he is let go of, and hidden as well.

A picture is compared with what its place looks like otherwise. What differs falls into patches; the one that was
pointed at is followed from picture to picture, both ways. It is lost as soon as it could be another's: when it meets
another patch, when a part of it leaves sideways, or it grows at once. Then nobody is shown until the next mark.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import cv2
import numpy as np

from tawny.playback.redaction_areas import SubjectMark

WIDTH: Final = 192
"""Cells across a picture."""
DIFFERS: Final = 16
"""Grey levels from which a cell differs from its place..."""
NOISE: Final = 5.0
"""...or so many times as much as is usual in this picture."""
LEAST_CELLS: Final = 12
REACH: Final = 2
"""Cells that it may move from one picture to the next, besides its own size: pictures come ten a second or more."""
GROWS: Final = 1.4
SHRINKS: Final = 0.3
"""Shares of its area of late between which it stays..."""
BESIDE: Final = 0.2
"""...and of which it may have no more beside it: two who part stand beside each other."""
SHOWN: Final = 2
APART: Final = 4
"""Cells around it that are shown; around others, that are hidden."""
PATIENCE_MS: Final = 400
LATE_MS: Final = 1_500

Grey = np.ndarray[Any, np.dtype[np.uint8]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class TrackedPicture:
    """A picture: what differs from its place, packed."""

    at_ms: int
    shape: tuple[int, int]
    bits: bytes

    @property
    def mask(self) -> Mask:
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=count).reshape(self.shape).astype(bool)


def downscaled_grid(luma: Any) -> Grey:
    """uint8 [high, WIDTH]."""
    high, wide = luma.shape[:2]
    size = (WIDTH, max(2, round(WIDTH * high / wide)))
    return np.asarray(cv2.resize(np.ascontiguousarray(luma), size, interpolation=cv2.INTER_AREA), np.uint8)


def place_of(pictures: Sequence[Grey]) -> Grey:
    """What is there mostly."""
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def seen_in(at_ms: int, picture: Grey, place: Grey) -> TrackedPicture:
    apart = cv2.absdiff(picture, place)
    differs = apart > max(DIFFERS, NOISE * float(np.median(apart)))
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return TrackedPicture(at_ms, (closed.shape[0], closed.shape[1]), np.packbits(closed.astype(np.bool_)).tobytes())


def follow_subject(seen: Sequence[TrackedPicture], marks: Sequence[SubjectMark]) -> dict[int, Mask]:
    """What is shown, by the instants of the pictures in which anything is. seen: in order of time."""
    shown: dict[int, Mask] = {}
    for mark in marks:
        begin = min(range(len(seen)), key=lambda number: abs(seen[number].at_ms - mark.at_ms), default=None)
        if begin is not None:
            for order in (range(begin, len(seen)), range(begin, -1, -1)):
                shown |= _followed([seen[number] for number in order], mark)
    return shown


def _followed(seen: Sequence[TrackedPicture], mark: SubjectMark) -> dict[int, Mask]:
    high, wide = seen[0].shape
    at = min(high - 1, int(mark.y * high)), min(wide - 1, int(mark.x * wide))
    patches = _patches(seen[0].mask)
    mine = next((one for one in patches if _grown(one, REACH)[at]), None)
    if mine is None:
        return {}
    others = [one for one in patches if one is not mine]
    areas = deque([(seen[0].at_ms, int(mine.sum()))])
    shown = {seen[0].at_ms: _window(mine, others)}
    last_ms = seen[0].at_ms
    for one in seen[1:]:
        patches = _patches(one.mask)
        near = _grown(mine, REACH)
        parts = [patch for patch in patches if (patch & near).any()]
        if not parts:
            if abs(one.at_ms - last_ms) > PATIENCE_MS:
                break
            continue
        whole = np.any(np.stack(parts), axis=0)
        area, of_late = int(whole.sum()), [each for _, each in areas]
        meets = any((_grown(other, REACH) & whole).any() for other in others)
        if meets or _comes_apart(parts) or not SHRINKS * median(of_late) <= area <= GROWS * max(of_late):
            break
        others = [patch for patch in patches if not (patch & near).any()]
        mine, last_ms = whole, one.at_ms
        areas.append((one.at_ms, area))
        while abs(areas[0][0] - last_ms) > LATE_MS:
            areas.popleft()
        shown[one.at_ms] = _window(mine, others)
    return shown


def _comes_apart(parts: Sequence[Mask]) -> bool:
    """Into such as stand beside each other; a head may come off its shoulders, as a place is like a coat."""
    largest = max(parts, key=np.count_nonzero)
    columns = largest.any(axis=0)
    beside = sum(int(part.sum()) for part in parts if not (part.any(axis=0) & columns).any())
    return beside > BESIDE * int(largest.sum())


def _patches(mask: Mask) -> list[Mask]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= LEAST_CELLS]
    return [labels == n for n in large]


def _window(mine: Mask, others: Sequence[Mask]) -> Mask:
    shown = _grown(mine, SHOWN)
    for other in others:
        shown &= ~_grown(other, APART)
    return shown


def _grown(mask: Mask, by: int) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).astype(bool)

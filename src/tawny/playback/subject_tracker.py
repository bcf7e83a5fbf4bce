"""Tracks one person through frames so that everything else can be hidden; if in doubt, the track ends.

Compares frames with the usual scene; differences form patches. The marked patch is tracked in both directions. The
track ends when it may be confused with another: it meets another patch, a part separates sideways, or it grows
abruptly. Then nothing is shown until the next mark.
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
"""Width of a frame in cells."""
DIFFERS: Final = 16
"""Minimum difference of a cell to the scene in gray levels..."""
NOISE: Final = 5.0
"""...and as a multiple of the frame's median difference."""
LEAST_CELLS: Final = 12
REACH: Final = 2
"""Maximum movement between two frames in cells, in addition to its own size; frames come at least ten a second."""
GROWS: Final = 1.4
SHRINKS: Final = 0.3
"""Maximum and minimum area relative to its recent area."""
BESIDE: Final = 0.2
"""Maximum area of side parts relative to the largest part: two people who separate stand next to each other."""
SHOWN: Final = 2
APART: Final = 4
"""Margin in cells shown around the subject, and hidden around others."""
PATIENCE_MS: Final = 400
LATE_MS: Final = 1_500

Grey = np.ndarray[Any, np.dtype[np.uint8]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class TrackedPicture:
    """The packed difference of a frame to the scene."""

    at_ms: int
    shape: tuple[int, int]
    bits: bytes

    @property
    def mask(self) -> Mask:
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=count).reshape(self.shape).astype(bool)


def downscaled_grid(luma: Any) -> Grey:
    """Return the downscaled frame, uint8 [height, WIDTH]."""
    high, wide = luma.shape[:2]
    size = (WIDTH, max(2, round(WIDTH * high / wide)))
    return np.asarray(cv2.resize(np.ascontiguousarray(luma), size, interpolation=cv2.INTER_AREA), np.uint8)


def place_of(pictures: Sequence[Grey]) -> Grey:
    """Return the usual scene: the median of the frames."""
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def seen_in(at_ms: int, picture: Grey, place: Grey) -> TrackedPicture:
    apart = cv2.absdiff(picture, place)
    differs = apart > max(DIFFERS, NOISE * float(np.median(apart)))
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return TrackedPicture(at_ms, (closed.shape[0], closed.shape[1]), np.packbits(closed.astype(np.bool_)).tobytes())


def follow_subject(seen: Sequence[TrackedPicture], marks: Sequence[SubjectMark]) -> dict[int, Mask]:
    """Return the visible mask by frame time, for frames that show the subject. seen: in order of time."""
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
    """Return whether parts lie side by side. A head may separate from the body where clothes match the background."""
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

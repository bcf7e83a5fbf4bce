"""Detection of abandoned and removed objects: static changes of the scene.

Compares one downscaled frame a second (160 x 90) with a background model. A region that differs, stays still and
belongs to no tracked object is a candidate. It is abandoned ("left") if its border has more edges in the frame than in
the background model, else removed ("taken"). Each object is reported once and then merged into the background model.
One instance per camera; call from one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tawny.detection.zones import DetectionZone
from tawny.model.observations import Box, Frame, Look
from tawny.model.polygon import foot, middle

COLUMNS, ROWS = 160, 90
LOOK_MS, BREAK_MS = 900, 10_000
LEARNS_S, MEMORY_S = 15.0, 90.0
"""Learning phase at the start, s; time constant of the background model afterwards, s. During learning the time
constant is LEARNS_S / 3 and differences are learned; afterwards differing cells are not."""
CONTRAST, NOISE = 10.0, 6.0
"""Minimum difference of a cell: in levels of 255, and as a multiple of the median difference of the frame. The larger
of the two applies."""
STILL = 8.0
"""Maximum change of a still cell between two processed frames, in levels of 255."""
LIGHT = 0.3
"""Share of differing cells above which the change is a lighting change: the frame becomes the background model."""
SMALLEST, LARGEST = 0.0004, 0.15
"""Minimum and maximum area of an object, as shares of the frame."""
FULL = 0.35
"""Minimum share of its bounding box that an object fills; shadows and reflections are thinner."""
GIVES_UP = 3.0
"""A region that differs for this multiple of the longest `left_s` without becoming an object is learned."""
DARK = 8.0


@dataclass(frozen=True, slots=True)
class AbandonedObject:
    """An abandoned or removed object.

    what: `left` or `taken`. box: shares of the frame, 0..1. since_ms: start of the change, ms UTC.
    """

    what: str
    box: Box
    zones: tuple[str, ...]
    since_ms: int


class AbandonedObjectDetector:
    """Detects abandoned and removed objects in the zones whose `left_s` is set."""

    def __init__(self, zones: Sequence[DetectionZone]) -> None:
        self._zones = [zone for zone in zones if zone.left_s > 0]
        self._base: Any = None
        self._before: Any = None
        self._stays_s: Any = None
        self._begun_ms = self._last_ms = 0

    def look(self, frame: Frame, look: Look) -> list[AbandonedObject]:
        """Return the objects to report now. Processes one frame per second and returns [] for the others."""
        at_ms = frame.at_ms
        if not self._zones or (self._before is not None and 0 <= at_ms - self._last_ms < LOOK_MS):
            return []
        small = cv2.resize(frame.luma, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
        passed_s = (at_ms - self._last_ms) / 1000
        self._last_ms = at_ms
        if self._base is None or not 0 < passed_s <= BREAK_MS / 1000:
            return self._begin(small, at_ms)
        differs = self._compared(small)
        before, self._before = self._before, small
        if differs.mean() > LIGHT:
            return self._begin(small, at_ms)
        still = np.abs(small - before) <= STILL
        self._stays_s = np.where(differs & still, self._stays_s + passed_s, 0.0)
        for thing in look.seen:
            self._stays_s[_part(thing.box)] = 0.0
        self._learn(small, differs, passed_s)
        return self._found(small, at_ms)

    def _begin(self, small: Any, at_ms: int) -> list[AbandonedObject]:
        self._base, self._before, self._begun_ms = small.copy(), small, at_ms
        self._stays_s = np.zeros(small.shape, np.float32)
        return []

    def _compared(self, small: Any) -> Any:
        light = float(np.median((small + DARK) / (self._base + DARK)))
        away = np.abs(small - (light * (self._base + DARK) - DARK))
        return away > max(CONTRAST, NOISE * float(np.median(away)))

    def _learn(self, small: Any, differs: Any, passed_s: float) -> None:
        is_young = self._last_ms - self._begun_ms < LEARNS_S * 1000
        share = min(1.0, passed_s / (LEARNS_S / 3 if is_young else MEMORY_S))
        if is_young:
            differs = np.zeros_like(differs)
            self._stays_s[:] = 0.0
        self._base += np.where(differs, 0.0, share * (small - self._base))
        longest_s = GIVES_UP * max(zone.left_s for zone in self._zones)
        self._base = np.where(self._stays_s > longest_s, small, self._base)

    def _found(self, small: Any, at_ms: int) -> list[AbandonedObject]:
        soonest_s = min(zone.left_s for zone in self._zones)
        waits = (self._stays_s >= soonest_s).astype(np.uint8)
        if not waits.any():
            return []
        closed = cv2.morphologyEx(waits, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
        found = []
        for n in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[n])
            if not SMALLEST <= area / small.size <= LARGEST or area < FULL * width * height:
                continue
            box = x / COLUMNS, y / ROWS, (x + width) / COLUMNS, (y + height) / ROWS
            thing = labels == n
            stays_s = float(np.median(self._stays_s[thing]))
            zones = tuple(zone.name for zone in self._zones if stays_s >= zone.left_s and _is_in(zone, box))
            if zones:
                found.append(AbandonedObject(self._what(small, thing), box, zones, at_ms - round(stays_s * 1000)))
                self._base[thing] = small[thing]
                self._stays_s[thing] = 0.0
        return found

    def _what(self, small: Any, thing: Any) -> str:
        """Return "left" if the border of the region has at least as strong edges in the frame as in the background
        model, else "taken". thing: bool [rows, columns]."""
        mask = thing.astype(np.uint8)
        rim = (cv2.dilate(mask, np.ones((3, 3), np.uint8)) - cv2.erode(mask, np.ones((3, 3), np.uint8))) > 0
        return "left" if _edges(small)[rim].mean() >= _edges(self._base)[rim].mean() else "taken"


def _edges(picture: Any) -> Any:
    return cv2.magnitude(cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1))


def _part(box: Box) -> tuple[slice, slice]:
    x0, y0, x1, y1 = box
    return (
        slice(max(0, int(y0 * ROWS) - 1), int(np.ceil(y1 * ROWS)) + 1),
        slice(max(0, int(x0 * COLUMNS) - 1), int(np.ceil(x1 * COLUMNS)) + 1),
    )


def _is_in(zone: DetectionZone, box: Box) -> bool:
    return zone.polygon.contains(*foot(box)) or zone.polygon.contains(*middle(box))

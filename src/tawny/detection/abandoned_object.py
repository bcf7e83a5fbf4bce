"""Things that were left, or taken: a part of the picture that is another than it was, and stays so without moving.

A small picture a second is compared with what the place looked like before. What differs, keeps still and is nobody who
is being followed, is a thing: left, if there are edges around it that were not there; taken, if those that were are
gone. It is told once and belongs to the place then. One camera, one thread.
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
"""The place is learnt with the first at the start, with the second then; not where something differs."""
CONTRAST, NOISE = 10.0, 6.0
"""A cell differs by so many levels of 255, and by so many times the picture's middle difference."""
STILL = 8.0
"""A cell keeps still that changes no more from look to look."""
LIGHT = 0.3
"""When more of the picture differs, it is the light: the place is taken as it is."""
SMALLEST, LARGEST = 0.0004, 0.15
"""Shares of the picture that a thing covers."""
FULL = 0.35
"""Share of its box that a thing fills at least: shadows and reflections are thin."""
GIVES_UP = 3.0
"""What differs for so many times the wait and is no thing is learnt."""
DARK = 8.0


@dataclass(frozen=True, slots=True)
class AbandonedObject:
    """what: `left` or `taken`. since_ms: since when it is so."""

    what: str
    box: Box
    zones: tuple[str, ...]
    since_ms: int


class AbandonedObjectDetector:
    """zones: those with `left_s` count."""

    def __init__(self, zones: Sequence[DetectionZone]) -> None:
        self._zones = [zone for zone in zones if zone.left_s > 0]
        self._base: Any = None
        self._before: Any = None
        self._stays_s: Any = None
        self._begun_ms = self._last_ms = 0

    def look(self, frame: Frame, look: Look) -> list[AbandonedObject]:
        """What is to be told now. Looks once a second; other frames cost nothing."""
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
        """By where there is more of an edge along its border: in the picture, or in what the place was."""
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

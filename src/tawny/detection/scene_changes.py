"""What happens to the scene rather than in it: camera tampering, and objects left behind or removed.

A camera is covered, out of focus, moved or frozen if contrast, fine detail and edge positions of a downscaled frame
deviate from their long-term averages. A deviation must last for STAYS_S before it is reported. It is learned in the
end: an intentionally moved camera is normal again after an hour.

A picture in the dark is not a covered one, though both may be black: when lights go off, the whole picture darkens at
once, and often shows a trace of its edges. Something that covers the lens darkens one part of the picture first
(docs/decisions/0029). One instance of each class per camera; call from one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tawny.detection.zones import DetectionZone, Region
from tawny.model.geometry import Polygon, foot, middle
from tawny.model.observations import Box, Frame, Look

COLUMNS, ROWS = 160, 90
ROWS_READ = 3
"""Source rows averaged per row of the downscaled frame; the other rows are skipped, which costs nothing."""
LEARNS_S = 60.0
"""Learning phase, s; only a frozen image is reported before it ends."""
MEMORY_S, WRONG_MEMORY_S = 600.0, 3600.0
"""Time constants of the averages, s; the second applies while a deviation lasts."""
LOOK_MS = 3900
BREAK_MS = 10_000
COVERED, BLURRED, ALIKE = 0.25, 0.35, 0.3
"""Thresholds relative to the averages: contrast and detail if covered; detail if out of focus; edge correlation if
moved (1: identical)."""
FINEST = 97
"""Detail is this percentile of the Laplacian: high enough for edges, above the sensor noise."""
DARK = 12.0
"""Mean brightness (0..255) below which a frame is only evaluated if its contrast has dropped."""
DIM = 40.0
"""Mean brightness (0..255, Y of 16 is black) below which a picture without contrast is dark, not blank."""
DARKENED, UNCHANGED = 0.4, 0.7
"""Brightness of a part relative to before: at most, if something covers it; at least, if nothing does."""
PARTLY = (0.15, 0.85)
"""Share of the picture that is covered while something moves over the lens."""
COVERING_MS = 3000
"""Maximum duration of that movement, ms; lamps that go off one after another take longer."""
CELLS, PARTS = (32, 18), (16, 9)
STAYS_S = {"covered": 5.0, "defocused": 15.0, "moved": 15.0, "frozen": 120.0}
"""Minimum duration of a deviation before it is reported, s."""


@dataclass(slots=True)
class _Known:
    contrast: float
    coarse: float
    """Contrast of large parts, in which a sensor's noise cancels out."""
    detail: float
    edges: Any


class TamperDetector:
    """Detects tampering from frames. wrong: a key of STAYS_S, or empty."""

    def __init__(self) -> None:
        self.wrong = ""
        self._known: _Known | None = None
        self._before: Any = None
        self._begun_ms = self._last_ms = 0
        self._since_ms: dict[str, int] = {}
        self._lens = _Lens()

    def forget(self) -> None:
        """Learn the scene again: the camera was moved by a command."""
        self.wrong, self._known, self._before = "", None, None
        self._since_ms.clear()
        self._lens = _Lens()

    def look(self, frame: Frame) -> str:
        """Return the current problem, a key of STAYS_S or empty.

        Processes one frame in four seconds; of the others only a few hundred pixels.
        """
        at_ms, luma = frame.at_ms, frame.luma
        self._lens.watch(luma, at_ms)
        if self._before is not None and 0 <= at_ms - self._last_ms < LOOK_MS:
            return self.wrong
        small = cv2.resize(
            luma[:: max(1, len(luma) // (ROWS * ROWS_READ))], (COLUMNS, ROWS), interpolation=cv2.INTER_AREA
        )
        if self._before is None or not 0 <= at_ms - self._last_ms <= BREAK_MS:
            self._since_ms.clear()
            self._begun_ms, self._known = (at_ms, None) if self._known is None else (self._begun_ms, self._known)
        passed_s, self._last_ms = min(4.0, max(0.0, (at_ms - self._last_ms) / 1000)), at_ms
        now = _measured(small)
        is_same = self._before is not None and not cv2.absdiff(small, self._before).any()
        self._before = small
        self._note("frozen", at_ms, is_wrong=is_same)
        if self._known is None:
            self._known = now
        elif self._is_dark(now, float(small.mean())):
            for key in ("covered", "defocused", "moved"):
                self._note(key, at_ms, is_wrong=False)
        elif float(small.mean()) >= DARK or self._known.contrast > now.contrast / COVERED:
            self._compare(now, at_ms)
            self._learn(now, passed_s)
        self.wrong = next((key for key in STAYS_S if self._has_stayed(key, at_ms)), "")
        return self.wrong

    def _is_dark(self, now: _Known, mean: float) -> bool:
        """Return whether the place is in the dark, so that nothing can be compared with it."""
        known = self._known
        assert known is not None
        light = now.coarse / max(known.coarse, 1e-6)
        if light >= DARKENED:
            self._lens.uncovered()
            return False
        is_dark = mean < DIM or (light < COVERED and _alike(now.edges, known.edges) >= ALIKE)
        return is_dark and not self._lens.is_covered

    def _compare(self, now: _Known, at_ms: int) -> None:
        known = self._known
        assert known is not None
        if at_ms - self._begun_ms < LEARNS_S * 1000:
            return
        detail = now.detail / max(known.detail, 1e-6)
        contrast = now.contrast / max(known.contrast, 1e-6)
        is_hidden = self._lens.is_covered and now.coarse < DARKENED * known.coarse
        is_covered = is_hidden or (contrast < COVERED and detail < COVERED)
        is_blurred = not is_covered and detail < BLURRED * min(1.0, contrast)  # less light lowers both alike
        self._note("covered", at_ms, is_wrong=is_covered)
        self._note("defocused", at_ms, is_wrong=is_blurred)
        is_sharp = not is_covered and not is_blurred
        self._note("moved", at_ms, is_wrong=is_sharp and _alike(now.edges, known.edges) < ALIKE)

    def _learn(self, now: _Known, passed_s: float) -> None:
        known = self._known
        assert known is not None
        is_young = self._last_ms - self._begun_ms < LEARNS_S * 1000
        memory_s = LEARNS_S / 4 if is_young else WRONG_MEMORY_S if self._since_ms else MEMORY_S
        share = min(1.0, passed_s / memory_s)
        known.contrast += share * (now.contrast - known.contrast)
        known.coarse += share * (now.coarse - known.coarse)
        known.detail += share * (now.detail - known.detail)
        known.edges = cv2.addWeighted(known.edges, 1 - share, now.edges, share, 0)

    def _note(self, key: str, at_ms: int, *, is_wrong: bool) -> None:
        if is_wrong:
            self._since_ms.setdefault(key, at_ms)
        else:
            self._since_ms.pop(key, None)

    def _has_stayed(self, key: str, at_ms: int) -> bool:
        since_ms = self._since_ms.get(key)
        return since_ms is not None and at_ms - since_ms >= STAYS_S[key] * 1000


class _Lens:
    """Finds out whether something moved over the lens before the picture became dark."""

    def __init__(self) -> None:
        self.is_covered = False
        """Whether the current darkness began with a part of the picture."""
        self._usual: Any = None
        self._newest: Any = None
        self._partly_ms: tuple[int, int] | None = None
        """Begin and end of the current or last run of frames that were partly covered."""
        self._last_ms = 0

    def uncovered(self) -> None:
        """The picture has contrast again: it is what the next one is compared with."""
        if self._partly_ms is None or self._last_ms - self._partly_ms[1] > COVERING_MS:
            self.is_covered, self._usual = False, self._newest

    def watch(self, luma: Any, at_ms: int) -> None:
        self._newest = cv2.resize(luma, CELLS, interpolation=cv2.INTER_NEAREST).astype(np.float32)
        self._last_ms = at_ms
        if self._usual is None:
            return
        lit = self._usual >= 1.5 * DIM
        if lit.mean() < PARTLY[0]:
            return
        light = self._newest[lit] / self._usual[lit]
        share = float((light < DARKENED).mean())
        begin_ms, end_ms = self._partly_ms or (at_ms, at_ms)
        if PARTLY[0] <= share <= PARTLY[1] and np.median(light[light >= DARKENED]) >= UNCHANGED:
            is_same = 0 <= at_ms - end_ms <= COVERING_MS
            self._partly_ms = (begin_ms if is_same else at_ms, at_ms)
        elif share > PARTLY[1] and self._partly_ms is not None:
            self.is_covered |= 0 <= at_ms - begin_ms <= COVERING_MS


def _measured(small: Any) -> _Known:
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    edges = cv2.GaussianBlur(cv2.magnitude(across, down), (0, 0), 1.5)
    fine = np.abs(cv2.Laplacian(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0), cv2.CV_32F)).ravel()
    at = fine.size * FINEST // 100
    coarse = cv2.resize(small, PARTS, interpolation=cv2.INTER_AREA)
    return _Known(float(small.std()), float(coarse.std()), float(np.partition(fine, at)[at]), edges)


def _alike(one: Any, other: Any) -> float:
    """Return the correlation of two arrays: 1 for identical ones, about 0 for unrelated ones."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else 1.0


# Objects left behind and removed: static changes of the scene. Compares one downscaled frame a second with a background
# model. A region that differs, stays still and belongs to no tracked object is a candidate. It was left if its border
# has more edges in the frame than in the background model, else taken. Each is reported once, then it is background.


STATIC_LOOK_MS = 900
STATIC_LEARNS_S, STATIC_MEMORY_S = 15.0, 90.0
"""Learning phase at the start, s; time constant of the background model afterwards, s. During learning the time
constant is STATIC_LEARNS_S / 3 and differences are learned; afterwards differing cells are not."""
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
BLACK_LEVEL = 8.0


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
    """Detects abandoned and removed objects in the zones whose `left_s` is set. mask: areas that it ignores."""

    def __init__(self, zones: Sequence[DetectionZone], mask: Sequence[Polygon] = ()) -> None:
        self._counts = Region(mask, outside=True).counts(ROWS, COLUMNS) > 0
        self._zones = [zone for zone in zones if zone.left_s > 0 and self._counts.any()]
        self._base: Any = None
        self._before: Any = None
        self._stays_s: Any = None
        self._begun_ms = self._last_ms = 0

    def look(self, frame: Frame, look: Look) -> list[AbandonedObject]:
        """Return the objects to report now. Processes one frame per second and returns [] for the others."""
        at_ms = frame.at_ms
        if not self._zones or (self._before is not None and 0 <= at_ms - self._last_ms < STATIC_LOOK_MS):
            return []
        small = cv2.resize(frame.luma, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
        passed_s = (at_ms - self._last_ms) / 1000
        self._last_ms = at_ms
        if self._base is None or not 0 < passed_s <= BREAK_MS / 1000:
            return self._begin(small, at_ms)
        differs = self._compared(small)
        before, self._before = self._before, small
        if differs[self._counts].mean() > LIGHT:
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
        light = float(np.median(((small + BLACK_LEVEL) / (self._base + BLACK_LEVEL))[self._counts]))
        away = np.abs(small - (light * (self._base + BLACK_LEVEL) - BLACK_LEVEL))
        return self._counts & (away > max(CONTRAST, NOISE * float(np.median(away[self._counts]))))

    def _learn(self, small: Any, differs: Any, passed_s: float) -> None:
        is_young = self._last_ms - self._begun_ms < STATIC_LEARNS_S * 1000
        share = min(1.0, passed_s / (STATIC_LEARNS_S / 3 if is_young else STATIC_MEMORY_S))
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

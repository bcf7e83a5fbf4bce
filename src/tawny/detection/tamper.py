"""Camera tampering: covered, out of focus, moved or frozen.

Compares contrast, fine detail and edge positions of a downscaled frame with long-term averages. A deviation must last
for STAYS_S before it is reported. It is learned in the end: an intentionally moved camera is normal again after an
hour. One instance per camera; call from one thread.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tawny.model.observations import Frame

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
STAYS_S = {"covered": 5.0, "defocused": 15.0, "moved": 15.0, "frozen": 120.0}
"""Minimum duration of a deviation before it is reported, s."""


@dataclass(slots=True)
class _Known:
    contrast: float
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

    def look(self, frame: Frame) -> str:
        """Return the current problem, a key of STAYS_S or empty.

        Processes one frame in four seconds; others cost nothing.
        """
        at_ms = frame.at_ms
        if self._before is not None and 0 <= at_ms - self._last_ms < LOOK_MS:
            return self.wrong
        luma = frame.luma
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
        elif float(small.mean()) >= DARK or self._known.contrast > now.contrast / COVERED:
            self._compare(now, at_ms)
            self._learn(now, passed_s)
        self.wrong = next((key for key in STAYS_S if self._has_stayed(key, at_ms)), "")
        return self.wrong

    def _compare(self, now: _Known, at_ms: int) -> None:
        known = self._known
        assert known is not None
        if at_ms - self._begun_ms < LEARNS_S * 1000:
            return
        detail = now.detail / max(known.detail, 1e-6)
        is_covered = now.contrast < COVERED * known.contrast and detail < COVERED
        is_blurred = not is_covered and detail < BLURRED
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


def _measured(small: Any) -> _Known:
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    edges = cv2.GaussianBlur(cv2.magnitude(across, down), (0, 0), 1.5)
    fine = np.abs(cv2.Laplacian(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0), cv2.CV_32F)).ravel()
    at = fine.size * FINEST // 100
    _, deviation = cv2.meanStdDev(small)
    return _Known(float(deviation[0, 0]), float(np.partition(fine, at)[at]), edges)


def _alike(one: Any, other: Any) -> float:
    """Return the correlation of two arrays: 1 for identical ones, about 0 for unrelated ones."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size else 1.0

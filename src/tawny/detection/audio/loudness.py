"""Loudness, and its rise above the noise floor. Pure.

The noise floor rises slowly with louder sound and falls faster with quieter sound, so it stays near the 20th
percentile. It absorbs rain, a road or a fan within a minute or two, but not a shout.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

WINDOW_S = 0.1
SILENCE_DB = -100.0
LEAST_QUIET_DB = -65.0
"""Lower limit of the noise floor: above digital silence the sensor's own noise would count as loud."""
LEARNS_S = 5.0
"""Learning phase, s, at the start and after a pause."""
UP_DB_A_S, DOWN_DB_A_S = 0.25, 1.0
LINE_DB = 15.0
"""Rise above the noise floor that gives a score of 50."""


class LoudnessMeter:
    """Converts samples to loudness in windows of WINDOW_S."""

    def __init__(self, rate: int) -> None:
        self._size = max(1, round(rate * WINDOW_S))
        self._left = np.zeros(0, np.float32)

    def add(self, samples: Any) -> Iterator[float]:
        """Yield the level of each complete window, dB below full scale."""
        self._left = np.concatenate((self._left, samples))
        count = len(self._left) // self._size
        whole, self._left = self._left[: count * self._size], self._left[count * self._size :]
        for window in whole.reshape(count, self._size):
            power = float(np.mean(np.square(window - window.mean())))
            yield max(SILENCE_DB, 10 * np.log10(power)) if power > 0 else SILENCE_DB

    def clear(self) -> None:
        self._left = np.zeros(0, np.float32)


class NoiseFloor:
    """Noise floor of the place. db: the learned level."""

    def __init__(self) -> None:
        self.db = LEAST_QUIET_DB
        self._heard: list[float] = []

    def score(self, db: float) -> int | None:
        """Return the rise of one window above the noise floor as 0..100 (50: 15 dB), or None while learning."""
        if len(self._heard) * WINDOW_S < LEARNS_S:
            self._heard.append(db)
            self.db = max(LEAST_QUIET_DB, float(np.percentile(self._heard, 20)))
            return None
        rise_db = db - self.db
        step_db = (UP_DB_A_S if rise_db > 0 else -DOWN_DB_A_S) * WINDOW_S
        self.db = max(LEAST_QUIET_DB, self.db + (step_db if abs(rise_db) > abs(step_db) else rise_db))
        return max(0, min(100, round(50 * rise_db / LINE_DB)))

    def forget(self) -> None:
        """Restart learning: the place or the microphone may have changed."""
        self._heard.clear()

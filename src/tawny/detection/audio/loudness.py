"""How loud it is, and how far above the quiet of the place. Pure.

The quiet is learnt: it follows slowly what is louder and sooner what is quieter, so that it stays near the quieter
fifth of what is heard. Rain, a road or a fan become quiet in a minute or two; a shout does not.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

WINDOW_S = 0.1
SILENCE_DB = -100.0
LEAST_QUIET_DB = -65.0
"""Quieter than this nothing is heard: from digital silence the sensor's own noise would be loud."""
LEARNS_S = 5.0
"""At first, and after a pause, the quiet is only learnt."""
UP_DB_A_S, DOWN_DB_A_S = 0.25, 1.0
LINE_DB = 15.0
"""So far above the quiet is a score of 50."""


class LoudnessMeter:
    """Samples to loudness: a tenth of a second each."""

    def __init__(self, rate: int) -> None:
        self._size = max(1, round(rate * WINDOW_S))
        self._left = np.zeros(0, np.float32)

    def add(self, samples: Any) -> Iterator[float]:
        """dB below full scale of each whole window."""
        self._left = np.concatenate((self._left, samples))
        count = len(self._left) // self._size
        whole, self._left = self._left[: count * self._size], self._left[count * self._size :]
        for window in whole.reshape(count, self._size):
            power = float(np.mean(np.square(window - window.mean())))
            yield max(SILENCE_DB, 10 * np.log10(power)) if power > 0 else SILENCE_DB

    def clear(self) -> None:
        self._left = np.zeros(0, np.float32)


class NoiseFloor:
    """What is heard when nothing happens. db: the learnt level."""

    def __init__(self) -> None:
        self.db = LEAST_QUIET_DB
        self._heard: list[float] = []

    def score(self, db: float) -> int | None:
        """How far above the quiet one window is, 0 to 100: 50 is 15 dB. None while the quiet is not known."""
        if len(self._heard) * WINDOW_S < LEARNS_S:
            self._heard.append(db)
            self.db = max(LEAST_QUIET_DB, float(np.percentile(self._heard, 20)))
            return None
        rise_db = db - self.db
        step_db = (UP_DB_A_S if rise_db > 0 else -DOWN_DB_A_S) * WINDOW_S
        self.db = max(LEAST_QUIET_DB, self.db + (step_db if abs(rise_db) > abs(step_db) else rise_db))
        return max(0, min(100, round(50 * rise_db / LINE_DB)))

    def forget(self) -> None:
        """It may be another place, or another microphone."""
        self._heard.clear()

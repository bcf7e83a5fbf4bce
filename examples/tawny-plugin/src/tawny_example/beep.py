"""A sound model that knows the beep of a smoke alarm, a steady tone of about 3 kHz. No weights, no library."""

from collections.abc import Mapping
from typing import Any

import numpy as np

RATE = 16_000
LOW_HZ, HIGH_HZ = 2800.0, 3600.0
"""Most smoke alarms beep within."""
QUIET = 0.005
"""Level up to which nothing is heard; full scale is 1."""


class Beep:
    length = RATE // 2
    """Half a second."""
    trouble = ""

    def __init__(self, options: Mapping[str, Any]) -> None:
        if options:
            raise ValueError(f"{next(iter(options))} isn't a setting of beep: it has none")
        self._hz = np.fft.rfftfreq(self.length, 1 / RATE)
        self._window = np.hanning(self.length)

    def scores(self, camera: str, at_ms: int, samples: Any) -> Mapping[str, float]:
        """Return how much of the sound's power is in the strongest tone, if a smoke alarm may have it."""
        if float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < QUIET:
            return {}
        power = np.abs(np.fft.rfft(samples * self._window)) ** 2
        top = int(power.argmax())
        tone = float(power[max(0, top - 3) : top + 4].sum() / power.sum())
        return {"Smoke alarm": tone if LOW_HZ <= self._hz[top] <= HIGH_HZ else 0.0}

    def close(self) -> None:
        """Nothing to release."""

"""Synthetic garden audio in G.711 A-law: wind, birds by day, crickets at night.

Each variant is a seamless loop, generated once, so audio costs almost nothing.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from tawny.model.packets import AudioFormat

FORMAT = AudioFormat("pcma", 16_000, 1)
LOOP_S = 48
_SAMPLES = LOOP_S * FORMAT.rate
Samples = np.ndarray[Any, np.dtype[np.float64]]


def heard(at_s: float, samples: int, *, night: bool) -> bytes:
    """Return the given number of samples from `at_s` on, as A-law bytes."""
    loop = _loop(night=night)
    begin = round(at_s * FORMAT.rate) % _SAMPLES
    part = loop[begin : begin + samples]
    return part + loop[: samples - len(part)]


@lru_cache(maxsize=2)
def _loop(*, night: bool) -> bytes:
    chance = np.random.default_rng(11)
    mixed = _wind(chance)
    if night:
        mixed += _crickets()
    else:
        for _ in range(26):
            _sing(mixed, chance)
    return _a_law(mixed).tobytes()


def _wind(chance: np.random.Generator) -> Samples:
    """Return noise below about 300 Hz with varying volume.

    Computed as circular signal, so that the loop is seamless.
    """
    hertz = np.fft.rfftfreq(_SAMPLES, 1 / FORMAT.rate)
    shape = 1 / (1 + (hertz / 220) ** 2) * (hertz > 40)
    noise = np.fft.irfft(np.fft.rfft(chance.normal(0, 1, _SAMPLES)) * shape)
    turn = np.linspace(0, 2 * math.pi, _SAMPLES, endpoint=False)
    swell = 0.55 + 0.25 * np.sin(3 * turn) + 0.2 * np.sin(7 * turn + 1)
    return np.asarray(noise / noise.std() * swell * 0.012)


def _sing(mixed: Samples, chance: np.random.Generator) -> None:
    """Add one bird phrase at a random position of the loop: a few sliding notes."""
    low, loud = chance.uniform(2300, 4200), chance.uniform(0.008, 0.035)
    at_s = chance.uniform(0, LOOP_S)
    for _ in range(int(chance.integers(2, 7))):
        length_s, slide = chance.uniform(0.05, 0.14), chance.uniform(-1, 1) * 900
        t = np.arange(int(length_s * FORMAT.rate)) / FORMAT.rate
        note = np.sin(2 * math.pi * (low * t + slide * t * t / (2 * length_s))) * np.sin(math.pi * t / length_s) ** 2
        where = (int(at_s * FORMAT.rate) + np.arange(len(t))) % _SAMPLES
        mixed[where] += note * loud
        at_s += length_s + chance.uniform(0.03, 0.12)


def _crickets() -> Samples:
    t = np.arange(_SAMPLES) / FORMAT.rate
    chirp = np.clip(np.sin(2 * math.pi * 1.25 * t), 0, 1) * np.clip(np.sin(2 * math.pi * 27 * t), 0, 1)
    return np.asarray(np.sin(2 * math.pi * 4300 * t) * chirp * 0.007)


def _a_law(samples: Samples) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Encode as ITU-T G.711 A-law: sign, three bits of segment, four of step; every other bit inverted."""
    size = np.minimum(np.abs(samples) * 4096, 4095).astype(np.int64)
    chord = np.maximum(np.floor(np.log2(np.maximum(size, 1))).astype(np.int64) - 4, 0)
    step = np.where(chord == 0, size >> 1, size >> chord) & 15
    code = np.where(samples >= 0, 128, 0) | chord << 4 | step
    return np.asarray(code ^ 0x55, np.uint8)

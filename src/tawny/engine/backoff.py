"""Exponential backoff with 20 % jitter, so that clients do not retry at the same time."""

import random

MOST_DOUBLINGS = 32
SPREAD = 0.2


class Backoff:
    """Delay first_s, doubled up to most_s; reset to first_s after a success of at least forget_s."""

    def __init__(self, *, first_s: float = 1.0, most_s: float = 30.0, forget_s: float = 60.0) -> None:
        self._first_s, self._most_s, self._forget_s = first_s, most_s, forget_s
        self._tries = 0

    def next_s(self, held_s: float = 0.0) -> float:
        """Return the next delay in s. held_s: how long the last attempt was successful."""
        if held_s >= self._forget_s:
            self._tries = 0
        pause_s = spread_s(self._tries, self._first_s, self._most_s)
        self._tries = min(self._tries + 1, MOST_DOUBLINGS)
        return pause_s

    def reset(self) -> None:
        self._tries = 0


def spread_s(tries: int, first_s: float, most_s: float) -> float:
    """Return the delay in s after a number of failed attempts."""
    pause_s = min(first_s * 2.0 ** min(tries, MOST_DOUBLINGS), most_s)
    return pause_s * random.uniform(1 - SPREAD, 1 + SPREAD)

"""Slowing down who guesses: after five wrong tries in a row for a name from an address, each further one must wait.

The same for an address that tries many names, after more of them: checking passwords costs this computer work.
"""

from collections import OrderedDict
from dataclasses import dataclass

from tawny.model.clock import Clock

FREE_TRIES = 5
FREE_TRIES_ANY_NAME = 25
FIRST_WAIT_S = 30.0
MOST_WAIT_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
MOST_KEPT = 10_000


@dataclass(slots=True)
class _Tries:
    wrong: int
    last_s: float
    until_s: float
    """0 while tries are free."""


class LoginThrottle:
    """Counts in memory, by name and address. Lives in one event loop. Bounded: the longest unused are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        """Seconds until a try is allowed; 0 when it is now."""
        known = [tries for key in _keys(name, address) if (tries := self._tries.get(key))]
        return max(0.0, max((tries.until_s for tries in known), default=0.0) - self._clock.mono_s())

    def failed(self, name: str, address: str) -> None:
        """Count a wrong try: from the last free one on the wait begins, and doubles with each."""
        for key, free in zip(_keys(name, address), (FREE_TRIES, FREE_TRIES_ANY_NAME), strict=True):
            self._count(key, free)
        while len(self._tries) > MOST_KEPT:
            self._tries.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        for key in _keys(name, address):
            self._tries.pop(key, None)

    def _count(self, key: tuple[str, str], free: int) -> None:
        now_s = self._clock.mono_s()
        tries = self._tries.pop(key, None)
        if tries is None or now_s - tries.last_s > FORGOTTEN_AFTER_S:
            tries = _Tries(0, now_s, 0.0)
        tries.wrong, tries.last_s = tries.wrong + 1, now_s
        if tries.wrong >= free:
            tries.until_s = now_s + min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries.wrong - free, 16))
        self._tries[key] = tries


def _keys(name: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Of the name there, and of any name there."""
    return (name.strip().casefold()[:100], address), ("", address)

"""Login throttling: after five failed attempts for a name and address, each further attempt must wait.

The same applies, after more attempts, to an address that tries many names: hashing passwords is expensive.
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
    """0 while attempts are free."""


class LoginThrottle:
    """Counts failed attempts by name and address, in memory. Single event loop.

    Bounded: least recently used are dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        """Return the seconds until an attempt is allowed; 0 if it is allowed now."""
        known = [tries for key in _keys(name, address) if (tries := self._tries.get(key))]
        return max(0.0, max((tries.until_s for tries in known), default=0.0) - self._clock.mono_s())

    def failed(self, name: str, address: str) -> None:
        """Count a failed attempt. The wait starts with the last free attempt and doubles with each further one."""
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
    """Return the keys of the name at this address, and of any name at this address."""
    return (name.strip().casefold()[:100], address), ("", address)

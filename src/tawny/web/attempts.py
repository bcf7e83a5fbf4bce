"""Slowing down who guesses: after five wrong tries in a row for a name from an address, each further one must wait."""

from collections import OrderedDict
from dataclasses import dataclass

from tawny.model.clock import Clock

FREE_TRIES = 5
FIRST_WAIT_S = 30.0
MOST_WAIT_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
MOST_KEPT = 10_000


@dataclass(slots=True)
class _Tries:
    wrong: int
    last_s: float
    until_s: float


class Attempts:
    """Counts in memory, by name and address. Lives in one event loop. Bounded: the longest unused are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        """Seconds until a try is allowed; 0 when it is now."""
        tries = self._tries.get(_key(name, address))
        return max(0.0, tries.until_s - self._clock.mono_s()) if tries else 0.0

    def failed(self, name: str, address: str) -> None:
        """Count a wrong try: from the fifth on the wait begins, and doubles with each."""
        key, now_s = _key(name, address), self._clock.mono_s()
        tries = self._tries.pop(key, None)
        if tries is None or now_s - tries.last_s > FORGOTTEN_AFTER_S:
            tries = _Tries(0, now_s, now_s)
        tries.wrong, tries.last_s = tries.wrong + 1, now_s
        if tries.wrong >= FREE_TRIES:
            tries.until_s = now_s + min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries.wrong - FREE_TRIES, 16))
        self._tries[key] = tries
        while len(self._tries) > MOST_KEPT:
            self._tries.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        self._tries.pop(_key(name, address), None)


def _key(name: str, address: str) -> tuple[str, str]:
    return name.strip().casefold()[:100], address

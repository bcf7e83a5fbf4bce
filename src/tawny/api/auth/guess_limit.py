"""Limits of guessing passwords and codes: for each address, for each account over all addresses, and for hashing.

A device on which the owner has signed in before is exempt from all of them but has a limit of its own, so that an
attacker can't lock the owner out. Local networks and the internet are limited apart, for the same reason.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from tawny.api.auth.login_throttle import LoginThrottle
from tawny.api.client_address import is_nearby, network_of
from tawny.model.clock import Clock

ACCOUNT_TRIES: Final = 20
"""Wrong attempts at one account, from any number of addresses, before each further one must wait."""
ACCOUNT_REFILL_S: Final = 60.0
"""One more attempt in this time: 1,440 a day, instead of 96 for each address."""
HASH_TRIES: Final = 60
"""Passwords hashed at once for strangers; on a Raspberry Pi 4 this takes 5 s of two cores."""
HASH_REFILL_S: Final = 1.0
MOST_UNKNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class GuessAttempt:
    """An attempt to sign in, or to open a shared link with its code.

    account: ID of the account or link; empty if there is none of this name. device: key of a known device, or empty.
    """

    name: str
    address: str
    account: str = ""
    device: str = ""


class GuessLimit:
    """All limits. Single event loop. An attempt counts as wrong until it succeeds."""

    def __init__(self, clock: Clock) -> None:
        self._throttle = LoginThrottle(clock)
        self._accounts = _TryBudgets(clock, ACCOUNT_TRIES, ACCOUNT_REFILL_S)
        self._unknown = _TryBudgets(clock, ACCOUNT_TRIES, ACCOUNT_REFILL_S)
        self._hashes = _TryBudgets(clock, HASH_TRIES, HASH_REFILL_S)

    def wait_s(self, tried: GuessAttempt) -> int:
        """Return the seconds until this attempt is allowed; 0 if it is allowed now."""
        if tried.device:
            return math.ceil(self._throttle.wait_s("device", tried.device))
        nearby = is_nearby(tried.address)
        budget, key = self._budget(tried)
        waits_s = (
            self._throttle.wait_s(tried.name, network_of(tried.address)),
            budget.wait_s((key, nearby)),
            self._hashes.wait_s(nearby),
        )
        return math.ceil(max(waits_s))

    def begin(self, tried: GuessAttempt) -> None:
        """Count an attempt that is allowed now."""
        if tried.device:
            self._throttle.failed("device", tried.device)
            return
        self._throttle.failed(tried.name, network_of(tried.address))
        nearby = is_nearby(tried.address)
        budget, key = self._budget(tried)
        budget.take((key, nearby))
        self._hashes.take(nearby)

    def succeed(self, tried: GuessAttempt) -> None:
        """The attempt was right: it no longer counts."""
        if tried.device:
            self._throttle.succeeded("device", tried.device)
            return
        self._throttle.succeeded(tried.name, network_of(tried.address))
        budget, key = self._budget(tried)
        budget.give_back((key, is_nearby(tried.address)))

    def _budget(self, tried: GuessAttempt) -> "tuple[_TryBudgets, str]":
        """Return the budgets and the key: invented names can't push out those of accounts."""
        if tried.account:
            return self._accounts, tried.account
        return self._unknown, tried.name.strip().casefold()[:100]


class _TryBudgets:
    """A number of attempts for each key, refilled one at a time. Bounded: the least recently used are dropped."""

    def __init__(self, clock: Clock, tries: int, refill_s: float) -> None:
        self._clock, self._tries, self._refill_s = clock, tries, refill_s
        self._full_s: OrderedDict[Hashable, float] = OrderedDict()
        """When a budget will be full again, monotonic."""

    def wait_s(self, key: Hashable) -> float:
        full_in_s = self._full_s.get(key, 0.0) - self._clock.mono_s()
        return max(0.0, full_in_s - (self._tries - 1) * self._refill_s)

    def take(self, key: Hashable) -> None:
        self._full_s[key] = max(self._full_s.pop(key, 0.0), self._clock.mono_s()) + self._refill_s
        while len(self._full_s) > MOST_UNKNOWN:
            self._full_s.popitem(last=False)

    def give_back(self, key: Hashable) -> None:
        if key in self._full_s:
            self._full_s[key] -= self._refill_s

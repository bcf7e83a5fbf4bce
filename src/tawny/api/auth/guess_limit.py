"""Limits of guessing passwords and codes: for each address, for each account over all addresses, and for hashing.

A device on which the owner has signed in before is exempt from all of them but has a limit of its own, so that an
attacker can't lock the owner out. Local networks and the internet are limited apart, for the same reason.
"""

import math
import re
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from tawny.api.auth.accounts import Account, TokenPurpose, hashed
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.client_address import is_loopback, is_nearby, network_of
from tawny.model.times import Clock

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


CODE_TRIES: Final = 10
"""Wrong codes of the second step for an account before each further one must wait."""
CODE_REFILL_S: Final = 600.0
"""144 codes a day: a guess among a million, of which three are right, takes years."""


class SecondStepLimit:
    """Limit of guessing the codes of an account, which someone with its password could do. Single event loop.

    Known devices, this computer, the local network and the internet are counted apart: a stranger who guesses leaves
    the owner's own device, and this computer, alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._budgets = _TryBudgets(clock, CODE_TRIES, CODE_REFILL_S)

    def wait_s(self, tried: GuessAttempt) -> int:
        return math.ceil(self._budgets.wait_s(self._key(tried)))

    def begin(self, tried: GuessAttempt) -> None:
        """Count an attempt that is allowed now: it counts as wrong until it succeeds."""
        self._budgets.take(self._key(tried))

    def succeed(self, tried: GuessAttempt) -> None:
        self._budgets.give_back(self._key(tried))

    def _key(self, tried: GuessAttempt) -> Hashable:
        if tried.device:
            return tried.account, tried.device
        place = "here" if is_loopback(tried.address) else "near" if is_nearby(tried.address) else "far"
        return tried.account, place


# Login throttling: after five failed attempts for a name and address, each further attempt must wait.
# The same applies, after more attempts, to an address that tries many names: hashing passwords is expensive.

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


# Devices on which a person has signed in before. They are exempt from the limits that strangers share.
# A device is known by a cookie of 256 random bits, which is sent only when signing in. `accounts.db` has its hash
# together with the account's ID.

DEVICE_COOKIE: Final = "tawny_device"
DEVICE_PATH: Final = "/api/v1/sign-in"
DEVICE_MS: Final = 400 * 86_400_000
"""The longest time for which browsers keep a cookie."""
MOST_DEVICES: Final = 50
"""Maximum number of devices for each person; the least recently used are forgotten."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class KnownDevices:
    """The known devices. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def key_of(self, token: str, person: Account) -> str:
        """Return a key of the device; empty if this person has not signed in on it."""
        key = _key(token, person)
        query = "SELECT 1 FROM tokens WHERE hash = ? AND purpose = ? AND ends_ms > ?"
        with self._file.reading() as db:
            found = db.execute(query, (key, TokenPurpose.DEVICE, self._clock.now_ms())).fetchone()
        return key.hex() if found else ""

    def remember(self, token: str, person: Account) -> str:
        """Make the device known for DEVICE_MS. Return the cookie's token: the same one, so that two people can share
        a device, or a new one.
        """
        token = token if _TOKEN.fullmatch(token) else secrets.token_urlsafe(32)
        now_ms = self._clock.now_ms()
        with self._file.writing() as db:
            row = (_key(token, person), TokenPurpose.DEVICE, person.id, now_ms + DEVICE_MS)
            db.execute("INSERT OR REPLACE INTO tokens (hash, purpose, person, ends_ms) VALUES (?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM tokens WHERE purpose = ?1 AND person = ?2 AND hash NOT IN (SELECT hash FROM tokens "
                "WHERE purpose = ?1 AND person = ?2 ORDER BY hash = ?4 DESC, ends_ms DESC, rowid DESC LIMIT ?3)",
                (TokenPurpose.DEVICE, person.id, MOST_DEVICES, row[0]),  # this one first: the clock may be behind
            )
        return token


def _key(token: str, person: Account) -> bytes:
    return hashed(f"{token} {person.id}")

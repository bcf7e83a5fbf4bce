"""When sign-ins are tried at cameras that refuse them: many lock the account after some wrong ones.

All connections with one login to one host count together, whatever the port: the account is the same one, also for all
channels of a video recorder. In memory only. Thread-safe.
"""

import threading
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from tawny.model.times import Clock

MOST_UNSURE: Final = 3
"""Sign-ins that may be wrong or unanswered before a connection that was never accepted waits."""
_MOST_LOST: Final = 2
"""Connections that were accepted before and are refused now; then the password was changed, and all others wait."""
PAUSES_S: Final = (10.0, 20.0, 120.0, 300.0, 600.0)
"""Pause after the first refused sign-in, the second, and so on; then one connection alone tries."""
ANSWER_S: Final = 3.0
"""Time in s after which an unanswered sign-in is not waited for."""
_MOST_ACCOUNTS: Final = 1_000


class CameraAccount(NamedTuple):
    """What sign-ins are counted for. host: lower case."""

    host: str
    user: str
    password: str


class Connecting(NamedTuple):
    """Who signs in: a camera's connections to one port, which are refused for the same reasons."""

    camera: str
    port: int


class Turn(Enum):
    GO = auto()
    WAIT = auto()
    """Other sign-ins are under way, whose answer decides."""
    NO = auto()


@dataclass(slots=True)
class _Tries:
    begun_s: list[float] = field(default_factory=list)
    """Begins of sign-ins without an answer, of connections that are not known to be accepted."""
    counts: dict[Connecting, int] = field(default_factory=dict)
    """How often each was refused since it was accepted; 0: accepted."""
    failed: int = 0
    """Refused since any was accepted."""
    lost: int = 0
    """Connections among them that were accepted before."""
    next_s: float = 0.0


class SignInLimit:
    """Decides when to sign in. A refused connection doesn't hold up others that are accepted: rights may differ."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._accounts: dict[CameraAccount, _Tries] = {}

    def begin(self, account: CameraAccount, who: Connecting, *, again: bool = False, waits: bool = True) -> Turn:
        """Return whether to sign in now; call `accepted` or `refused` with the answer.

        again: another form of a sign-in that has begun. waits: block instead of WAIT, for ANSWER_S at most.
        """
        turn = Turn.WAIT

        def is_decided() -> bool:
            nonlocal turn
            turn = self._turn(account, who, again=again)
            return turn is not Turn.WAIT

        with self._changed:
            if is_decided() or not waits or self._changed.wait_for(is_decided, ANSWER_S):
                return turn
        return Turn.GO

    def accepted(self, account: CameraAccount, who: Connecting) -> None:
        with self._changed:
            tries = self._tries(account)
            tries.counts[who] = tries.failed = tries.lost = 0
            tries.begun_s.clear()
            self._changed.notify_all()

    def refused(self, account: CameraAccount, who: Connecting) -> None:
        with self._changed:
            tries = self._tries(account)
            before = tries.counts.get(who)
            tries.counts[who] = count = (before or 0) + 1
            tries.failed += 1
            tries.lost += before == 0
            del tries.begun_s[:1]
            tries.next_s = self._clock.mono_s() + PAUSES_S[min(max(tries.failed, count), len(PAUSES_S)) - 1]
            self._changed.notify_all()

    def forget(self, camera: str) -> None:
        """Let the accounts of a camera be tried again at once."""
        with self._changed:
            for account, tries in list(self._accounts.items()):
                if any(who.camera == camera for who in tries.counts):
                    del self._accounts[account]
            self._changed.notify_all()

    def _tries(self, account: CameraAccount) -> _Tries:
        tries = self._accounts.setdefault(account, _Tries())
        while len(self._accounts) > _MOST_ACCOUNTS:
            del self._accounts[next(iter(self._accounts))]
        return tries

    def _turn(self, account: CameraAccount, who: Connecting, *, again: bool) -> Turn:
        tries, now_s = self._tries(account), self._clock.mono_s()
        tries.begun_s = [at_s for at_s in tries.begun_s if now_s - at_s < ANSWER_S]
        count = tries.counts.get(who)
        is_right = tries.lost < _MOST_LOST and 0 in tries.counts.values()
        if (is_right and not count) or (again and count is not None):
            return Turn.GO
        if count is None and tries.failed + len(tries.begun_s) < MOST_UNSURE:
            tries.begun_s.append(now_s)
            return Turn.GO
        if count is None and len(tries.begun_s) > again:
            return Turn.WAIT
        if again or tries.begun_s or now_s < tries.next_s:
            return Turn.NO
        tries.begun_s.append(now_s)
        tries.next_s = now_s + PAUSES_S[0]
        return Turn.GO

"""The check of an address from a phone: a one-time code, and what the phone that opened it reports. Thread-safe.

The code is in the fragment of the address in the QR code. The first device that sends it gets a ticket instead.
"""

import hmac
import secrets
import threading
from dataclasses import dataclass, replace
from typing import Final, Literal

from tawny.model.errors import NotDone
from tawny.model.times import Clock

LASTS_S: Final = 600.0
MOST_CHECKS: Final = 8
Outcome = Literal["waiting", "yes", "no"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one device reported. device: such as `iPhone`. person: who is signed in there; empty: unknown.

    push: `home-screen`: after adding tawny to the Home Screen.
    """

    device: str = ""
    person: str = ""
    address: str = ""
    trusted: Outcome = "waiting"
    socket: Outcome = "waiting"
    webrtc: Outcome = "waiting"
    push: Literal["waiting", "yes", "no", "home-screen"] = "waiting"
    is_done: bool = False


@dataclass(slots=True)
class _Check:
    code: str
    begun_s: float
    ticket: str = ""
    result: CheckResult | None = None


class PhoneChecks:
    """The checks of the last minutes; in memory only."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._checks: dict[str, _Check] = {}

    def begin(self) -> tuple[str, str]:
        """Return the key of a new check, for its owner, and its code, for the phone."""
        with self._lock:
            self._forget_old()
            while len(self._checks) >= MOST_CHECKS:
                del self._checks[next(iter(self._checks))]
            key, code = secrets.token_urlsafe(12), secrets.token_urlsafe(16)
            self._checks[key] = _Check(code, self._clock.mono_s())
            return key, code

    def open(self, code: str, device: str, person: str, address: str) -> str:
        """Use the code and return a ticket for the reports. Raises NotDone: used or expired."""
        with self._lock:
            self._forget_old()
            for check in self._checks.values():
                if check.code and hmac.compare_digest(check.code.encode(), code.encode()):
                    check.code, check.ticket = "", secrets.token_urlsafe(16)
                    check.result = CheckResult(device, person, address)
                    return check.ticket
        raise NotDone("This code has been used or has expired.", "Start the check on the recorder's page again.")

    def report(self, ticket: str, result: CheckResult) -> None:
        """Replace what the device reported; its name and address stay. Raises NotDone."""
        with self._lock:
            check = self._of(ticket)
            before = check.result or CheckResult()
            check.result = replace(result, device=before.device, person=before.person, address=before.address)

    def is_valid(self, ticket: str) -> bool:
        with self._lock:
            try:
                self._of(ticket)
            except NotDone:
                return False
            return True

    def result(self, key: str) -> tuple[bool, CheckResult | None]:
        """Return whether the check is known, and what its device reported; None: no device has opened it."""
        with self._lock:
            self._forget_old()
            found = self._checks.get(key)
            return found is not None, found.result if found is not None else None

    def _of(self, ticket: str) -> _Check:
        self._forget_old()
        for check in self._checks.values():
            if check.ticket and hmac.compare_digest(check.ticket.encode(), ticket.encode()):
                return check
        raise NotDone("This check has ended.", "Start it on the recorder's page again.")

    def _forget_old(self) -> None:
        oldest_s = self._clock.mono_s() - LASTS_S
        self._checks = {key: one for key, one in self._checks.items() if one.begun_s >= oldest_s}

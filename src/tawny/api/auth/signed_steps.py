"""Steps of a sign-in that needs several requests: a passkey's challenge, the second step, the provider's answer.

Nothing is kept for a step that was only begun, so that strangers can't use up room or push out the steps of others: its
token has a time and a signature. Only a step that succeeded is remembered, until its token has expired.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from typing import Final

from tawny.model.times import Clock

STEP_S: Final = 900.0
"""Time in s to finish a sign-in: enough to install an authenticator app."""
_TIME_BYTES: Final = 8
_RANDOM_BYTES: Final = 16
_MAC_BYTES: Final = 32


class SignedSteps:
    """Tokens of one process: a restart ends all begun sign-ins. Thread-safe.

    Times are monotonic: a jump of the wall clock neither ends nor extends a step.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._key = clock, secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._spent: OrderedDict[bytes, float] = OrderedDict()
        """Random parts of the tokens that were used, and when they expire."""

    def issue(self, purpose: str, subject: str = "") -> str:
        """Return a token that is valid for STEP_S, for one purpose and one subject, such as a user."""
        head = round(self._clock.mono_s() * 1000).to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
        return base64.urlsafe_b64encode(head + self._mac(head, purpose, subject)).rstrip(b"=").decode()

    def is_good(self, token: str, purpose: str, subject: str = "") -> bool:
        """Return whether the token was issued for this, and is neither expired nor used."""
        raw = _decode(token)
        head, mac = raw[: _TIME_BYTES + _RANDOM_BYTES], raw[_TIME_BYTES + _RANDOM_BYTES :]
        if len(mac) != _MAC_BYTES or not hmac.compare_digest(mac, self._mac(head, purpose, subject)):
            return False
        with self._lock:
            return self._left_s(head) > 0 and head not in self._spent

    def spend(self, token: str, purpose: str, subject: str = "") -> bool:
        """Use the token. Return False if it isn't good; of two concurrent requests with one token, one gets True."""
        if not self.is_good(token, purpose, subject):
            return False
        head, now_s = _decode(token)[: _TIME_BYTES + _RANDOM_BYTES], self._clock.mono_s()
        with self._lock:
            if head in self._spent:
                return False
            self._spent[head] = now_s + STEP_S
            while self._spent and next(iter(self._spent.values())) <= now_s:
                self._spent.popitem(last=False)
        return True

    def derive(self, token: str, purpose: str) -> str:
        """Return a secret that belongs to a token and can't be computed from it without this process."""
        made = hmac.digest(self._key, f"{purpose}\0{token}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def _mac(self, head: bytes, purpose: str, subject: str) -> bytes:
        return hmac.digest(self._key, b"step\0" + head + f"{purpose}\0{subject}".encode(), hashlib.sha256)

    def _left_s(self, head: bytes) -> float:
        begun_s = int.from_bytes(head[:_TIME_BYTES], "big") / 1000
        return begun_s + STEP_S - self._clock.mono_s()


def _decode(token: str) -> bytes:
    try:
        return base64.b64decode(token.encode("ascii", "replace") + b"=" * (-len(token) % 4), b"-_", validate=True)
    except binascii.Error:
        return b""

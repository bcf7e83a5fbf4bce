"""One-time codes with which a phone becomes a camera. In memory only: a restart ends them. Thread-safe.

The code is in the fragment of the address in the QR code, so that no server logs it. The first phone that sends it
within LASTS_S gets a token for its own camera instead.
"""

import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Final, Literal

from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.segments import Recording
from tawny.model.times import Clock

LASTS_S: Final = 600.0
MOST_CODES: Final = 8
CODE_BYTES: Final = 20
_ENDED: Final = (
    "This code has been used or has expired.", "Get a new code on the recorder's page, where this one was shown.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PhoneInvitation:
    """What a code is for. camera: an existing camera that gets another phone; None: a new one. made_by: of its owner.

    name, record: of a new camera.
    """

    made_by: str
    name: str = ""
    record: Recording = "continuous"
    camera: CameraId | None = None


@dataclass(frozen=True, slots=True)
class PhoneCodeStatus:
    """camera: that the phone became. problem: why it did not, as a sentence."""

    state: Literal["waiting", "joining", "joined", "failed", "ended"]
    camera: CameraId | None = None
    problem: str = ""


@dataclass(slots=True)
class _Code:
    code: str
    """Empty once it was used."""
    wanted: PhoneInvitation
    made_s: float
    status: PhoneCodeStatus


class PhoneCodes:
    """The codes of the last minutes, at most MOST_CODES."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._codes: dict[str, _Code] = {}

    def make(self, wanted: PhoneInvitation) -> tuple[str, str]:
        """Return the key of a new code, for its owner, and the code, for the phone."""
        with self._lock:
            self._forget_old()
            while len(self._codes) >= MOST_CODES:
                del self._codes[next(iter(self._codes))]
            key, code = secrets.token_urlsafe(12), secrets.token_urlsafe(CODE_BYTES)
            self._codes[key] = _Code(code, wanted, self._clock.mono_s(), PhoneCodeStatus("waiting"))
            return key, code

    def use(self, code: str) -> tuple[str, PhoneInvitation]:
        """Use a code. Return its key, and what it is for. Raises NotDone: unknown, used or expired."""
        with self._lock:
            self._forget_old()
            for key, one in self._codes.items():
                if one.code and hmac.compare_digest(one.code.encode(), code.encode()):
                    one.code, one.status = "", PhoneCodeStatus("joining")
                    return key, one.wanted
        raise NotDone(*_ENDED)

    def over(self, key: str, status: PhoneCodeStatus) -> None:
        """Keep what became of a used code."""
        with self._lock:
            if key in self._codes:
                self._codes[key].status = status

    def status(self, key: str, made_by: str) -> PhoneCodeStatus:
        """Return what became of this owner's code."""
        with self._lock:
            self._forget_old()
            found = self._codes.get(key)
            if found is None or found.wanted.made_by != made_by:
                return PhoneCodeStatus("ended")
            return found.status

    def cancel(self, key: str, made_by: str) -> None:
        """Void this owner's code."""
        with self._lock:
            found = self._codes.get(key)
            if found is not None and found.wanted.made_by == made_by:
                del self._codes[key]

    def _forget_old(self) -> None:
        oldest_s = self._clock.mono_s() - LASTS_S
        self._codes = {key: one for key, one in self._codes.items() if one.made_s > oldest_s}

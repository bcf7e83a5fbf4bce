"""The second step after the password: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

A code is good for its step of 30 s, the one before and the one after, and once: the newest step that was used is
stored. Recovery codes are stored as hashes and good once. The secret of the codes has to be stored as it is;
`accounts.db` is readable by the recorder only.
"""

import hmac
import re
import secrets
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from tawny.api.auth.accounts import Account, LoginSession, hashed
from tawny.api.auth.accounts_file import AccountsFile
from tawny.model.times import Clock

STEP_MS: Final = 30_000
DRIFT_STEPS: Final = 1
RECOVERY_CODES: Final = 10
SETUP_S: Final = 900.0
"""Time in s to confirm a new secret by a code."""
MOST_SETUPS: Final = 100
_DIGITS: Final = re.compile(r"\d{6}")
_ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Of recovery codes, without letters and digits that look alike: 10 of them are 49 bits."""


@dataclass(frozen=True, slots=True)
class TwoStepState:
    made_ms: int
    codes_left: int


class TwoStep:
    """Secrets, codes and recovery codes. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._lock = threading.Lock()
        self._offered: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        """Secrets that are not confirmed yet, by session, and when they expire."""

    def state(self, person: Account) -> TwoStepState | None:
        """Return None while it is off."""
        query = (
            "SELECT made_ms, (SELECT count(*) FROM recovery_codes WHERE person = ?1) FROM two_step WHERE person = ?1"
        )
        with self._file.reading() as db:
            row = db.execute(query, (person.id,)).fetchone()
        return TwoStepState(*row) if row else None

    def everyone(self) -> frozenset[str]:
        """Return the IDs of all users who have it on."""
        with self._file.reading() as db:
            return frozenset(row[0] for row in db.execute("SELECT person FROM two_step"))

    def offer(self, session: LoginSession) -> str:
        """Return a new secret for this session's user. It is not in force before a code confirms it."""
        import pyotp

        secret, now_s = pyotp.random_base32(), self._clock.mono_s()
        with self._lock:
            self._offered.pop(session.key, None)
            self._offered[session.key] = secret, now_s + SETUP_S
            while len(self._offered) > MOST_SETUPS:
                self._offered.popitem(last=False)
        return secret

    def confirm(self, session: LoginSession, code: str) -> list[str] | None:
        """Turn it on with the offered secret. Return the recovery codes; None if the code is wrong or too late."""
        with self._lock:
            secret, until_s = self._offered.get(session.key, ("", 0.0))
        step = self._step_of(secret, code) if secret and until_s > self._clock.mono_s() else None
        if step is None:
            return None
        with self._lock:
            self._offered.pop(session.key, None)
        with self._file.writing() as db:
            row = (session.person.id, secret, step, self._clock.now_ms())
            db.execute("DELETE FROM two_step WHERE person = ?", row[:1])
            db.execute("INSERT INTO two_step VALUES (?, ?, ?, ?)", row)
            return _new_codes(db, session.person)

    def turn_on(self, person: Account, secret: str, code: str) -> list[str] | None:
        """Turn it on with this secret. Return the recovery codes; None if the code is wrong, or it is on already."""
        step = self._step_of(secret, code)
        if step is None:
            return None
        with self._file.writing() as db:
            row = (person.id, secret, step, self._clock.now_ms())
            if db.execute("INSERT OR IGNORE INTO two_step VALUES (?, ?, ?, ?)", row).rowcount != 1:
                return None
            return _new_codes(db, person)

    def renew_codes(self, person: Account) -> list[str]:
        """Return new recovery codes; the former ones are void. Empty while it is off."""
        with self._file.writing() as db:
            if db.execute("SELECT 1 FROM two_step WHERE person = ?", (person.id,)).fetchone() is None:
                return []
            return _new_codes(db, person)

    def turn_off(self, person: Account) -> bool:
        """Return False if it was off."""
        with self._file.writing() as db:
            return db.execute("DELETE FROM two_step WHERE person = ?", (person.id,)).rowcount == 1

    def accepts(self, person: Account, code: str) -> bool:
        """Use a code, or a recovery code. Return whether it is right; a second time it isn't.

        The comparison with the newest step is part of the change: of two requests with one code, one is right.
        """
        code = re.sub(r"[\s-]", "", code).upper()
        with self._file.writing() as db:
            row = db.execute("SELECT secret FROM two_step WHERE person = ?", (person.id,)).fetchone()
            if row is None:
                return False
            if not _DIGITS.fullmatch(code):
                recovery = (_hash(person, code), person.id)
                return db.execute("DELETE FROM recovery_codes WHERE hash = ? AND person = ?", recovery).rowcount == 1
            step = self._step_of(row[0], code)
            query = "UPDATE two_step SET last_step = ?1 WHERE person = ?2 AND last_step < ?1"
            return step is not None and db.execute(query, (step, person.id)).rowcount == 1

    def _step_of(self, secret: str, code: str) -> int | None:
        """Return the step whose code this is; the newest one if several fit."""
        import pyotp

        now, totp, found = self._clock.now_ms() // STEP_MS, pyotp.TOTP(secret), None
        if not _DIGITS.fullmatch(code) or not code.isascii():
            return None
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
            if hmac.compare_digest(totp.generate_otp(step), code):
                found = step
        return found


def otpauth_uri(secret: str, person: Account, recorder: str) -> str:
    """Return the address that an authenticator app reads from the QR code."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=f"tawny {recorder}")


def _new_codes(db: sqlite3.Connection, person: Account) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    db.execute("DELETE FROM recovery_codes WHERE person = ?", (person.id,))
    db.executemany("INSERT INTO recovery_codes VALUES (?, ?)", [(_hash(person, code), person.id) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _hash(person: Account, code: str) -> bytes:
    return hashed(f"recovery {person.id} {code}")

"""Devices on which a person has signed in before. They are exempt from the limits that strangers share.

A device is known by a cookie of 256 random bits, which is sent only when signing in. `accounts.db` has its hash
together with the account's ID.
"""

import re
import secrets
from typing import Final

from tawny.api.auth.accounts import Account, TokenPurpose, hashed
from tawny.api.auth.accounts_file import AccountsFile
from tawny.model.clock import Clock

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
                "WHERE purpose = ?1 AND person = ?2 ORDER BY ends_ms DESC, rowid DESC LIMIT ?3)",
                (TokenPurpose.DEVICE, person.id, MOST_DEVICES),
            )
        return token


def _key(token: str, person: Account) -> bytes:
    return hashed(f"{token} {person.id}")

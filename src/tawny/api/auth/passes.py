"""Passes: what lets a program, a television or a page elsewhere see cameras live, and nothing else; or lets another
recorder bring its files here, and nothing else.

A pass has a name, the cameras it is for, an end if wanted, and can be taken back. Its secret is shown once.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tawny.api.auth.accounts import Account, LoginSession, Role, hashed, seen_as_text, seen_from_text
from tawny.api.auth.accounts_file import AccountsFile
from tawny.live.rtsp_server.digest_auth import digest
from tawny.model.clock import Clock
from tawny.model.ids import CameraId

FOREVER_MS = 253_402_300_799_000
"""The end of year 9999."""
_PASSES = "SELECT id, name, cameras, made_ms, ends_ms, brings FROM passes"
_INSERT = (
    "INSERT INTO passes (id, name, hash, digest, cameras, made_ms, ends_ms, brings) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Pass:
    id: str
    """Also the user name for RTSP."""
    name: str
    cameras: frozenset[CameraId] | None
    made_ms: int
    ends_ms: int | None
    brings: int | None = None
    """Another recorder's, which may bring so many bytes here and sees nothing; None: one for what is live."""

    @property
    def person(self) -> Account:
        if self.brings is not None:
            return Account(self.id, self.name, Role.BRINGER, frozenset())
        return Account(self.id, self.name, Role.HOLDER, self.cameras)


class Passes:
    """Any thread may call. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def make(
        self,
        name: str,
        cameras: Iterable[CameraId] | None = None,
        ends_ms: int | None = None,
        brings: int | None = None,
    ) -> tuple[Pass, str]:
        """A new pass, and its secret, which is not kept. brings: bytes that another recorder may bring."""
        secret, seen = secrets.token_urlsafe(32), None if cameras is None else frozenset(cameras)
        words = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:20]
        made = Pass(
            f"{words or 'pass'}-{secrets.token_hex(3)}", name.strip(), seen, self._clock.now_ms(), ends_ms, brings
        )
        signs = hashed(secret), digest(made.id, secret)
        row = (made.id, made.name, *signs, seen_as_text(seen), made.made_ms, ends_ms, brings)
        with self._file.writing() as db:
            db.execute(_INSERT, row)
        return made, secret

    def all(self) -> list[Pass]:
        """Oldest first, with those that have ended."""
        with self._file.reading() as db:
            return [_pass(row) for row in db.execute(f"{_PASSES} ORDER BY made_ms, id").fetchall()]

    def take_back(self, pass_id: str) -> bool:
        """False when there is none of this id. What is open by it ends within seconds."""
        with self._file.writing() as db:
            return db.execute("DELETE FROM passes WHERE id = ?", (pass_id,)).rowcount == 1

    def session(self, secret: str) -> LoginSession | None:
        """What a pass is worth now; None when nothing."""
        return self.session_of(hashed(secret))

    def session_of(self, key: bytes) -> LoginSession | None:
        """The same, by what it is stored under."""
        found = self._good("hash = ?", key)
        return LoginSession(found.person, key, found.ends_ms or FOREVER_MS) if found else None

    def person(self, pass_id: str) -> Account | None:
        found = self._good("id = ?", pass_id)
        return found.person if found else None

    def brings(self, pass_id: str) -> int:
        """So many bytes this pass may bring; 0 for one that may not, or no longer."""
        found = self._good("id = ?", pass_id)
        return (found.brings or 0) if found else 0

    def digest_of(self, pass_id: str) -> str | None:
        """See `live.rtsp_server.digest_auth.digest`; None when there is no such pass, or no longer."""
        if self.person(pass_id) is None:
            return None
        with self._file.reading() as db:
            row = db.execute("SELECT digest FROM passes WHERE id = ?", (pass_id,)).fetchone()
        return str(row[0]) if row else None

    def _good(self, where: str, value: object) -> Pass | None:
        with self._file.reading() as db:
            row = db.execute(f"{_PASSES} WHERE {where}", (value,)).fetchone()
        found = _pass(row) if row else None
        is_good = found is not None and (found.ends_ms is None or found.ends_ms > self._clock.now_ms())
        return found if is_good else None


def _pass(row: tuple[Any, ...]) -> Pass:
    return Pass(row[0], row[1], seen_from_text(row[2]), row[3], row[4], row[5])

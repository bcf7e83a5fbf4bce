"""Access tokens (passes): view cameras live, upload files from another recorder, or send a phone's picture.

A token has a name, its cameras and an optional expiry, and can be revoked. Its secret is shown once. It grants at most
what the account that made it may do now: cameras that this account may see, and uploads while it is an owner.

A cast shows one camera on a TV for some hours: live, or one recording of it. It is in memory only, and ends with its
time, with the session that made it, with that user's right to the camera, or when tawny stops.

A phone that is a camera has one, too. It is made by no account, so that the camera outlives who added it; it is good
for that phone's camera while the settings have it, and is listed with the camera.
"""

import re
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tawny.api.auth.accounts import Account, LoginSession, Role, find_account, hashed, seen_as_text, seen_from_text
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.shares import Share
from tawny.model.ids import CameraId
from tawny.model.times import Clock, ClockSteps
from tawny.protocols.digest_auth import digest

LEAST_KEPT_MS = 3_600_000
"""Minimum of `Pass.keeps_ms`."""
FOREVER_MS = 253_402_300_799_000
"""End of year 9999, ms UTC."""
_PASSES = "SELECT id, name, cameras, made_ms, ends_ms, brings, made_by, sends, keeps_ms FROM passes"
_INSERT = (
    "INSERT INTO passes (id, name, hash, digest, cameras, made_ms, ends_ms, brings, made_by, sends, "
    "keeps_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Pass:
    id: str
    """Also the RTSP user name."""
    name: str
    cameras: frozenset[CameraId] | None
    made_ms: int
    ends_ms: int | None
    brings: int | None = None
    """Upload quota in bytes for another recorder, which sees no camera; None: a token for live view."""
    made_by: str | None = None
    """ID of the user; None: made on the recorder."""
    maker: Account | None = None
    """That user with the rights they have now; None if they were removed."""
    sends: str | None = None
    """ID of the phone whose picture it may send; None: a token for something else."""
    keeps_ms: int | None = None
    """Another recorder may only add files, which are kept for at least this time; None: also read and delete them."""

    @property
    def is_granted(self) -> bool:
        """Whether the account that made it may still grant this."""
        if self.made_by is None:
            return True
        return self.maker is not None and (self.brings is None or self.maker.role is Role.OWNER)

    @property
    def person(self) -> Account:
        if self.sends is not None:
            return Account(self.id, self.name, Role.PHONE, frozenset())
        if self.brings is not None:
            return Account(self.id, self.name, Role.BRINGER, frozenset())
        most = self.maker.cameras if self.maker else None
        cameras = most if self.cameras is None else self.cameras if most is None else self.cameras & most
        return Account(self.id, self.name, Role.HOLDER, cameras)


@dataclass(frozen=True, slots=True)
class UploadRight:
    """What a token may upload. quota_bytes: 0 if nothing. keeps_ms: as of `Pass`."""

    quota_bytes: int
    keeps_ms: int | None

    @property
    def only_adds(self) -> bool:
        return self.keeps_ms is not None


MOST_CASTS = 8
"""Maximum number of TVs per user at the same time."""


@dataclass(frozen=True, slots=True)
class Cast:
    """One camera on a TV. id: does not allow watching. session: database key of the session that made it.

    recording: None for live video.
    """

    id: str
    camera: CameraId
    made_by: str
    session: bytes
    made_ms: int
    ends_ms: int
    recording: Share | None = None

    @property
    def cameras(self) -> frozenset[CameraId]:
        return self.recording.cameras if self.recording else frozenset({self.camera})


class Passes:
    """The access tokens. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._lock, self._steps = threading.Lock(), ClockSteps(clock)
        self._casts: dict[bytes, Cast] = {}

    def make(
        self,
        name: str,
        cameras: Iterable[CameraId] | None = None,
        ends_ms: int | None = None,
        brings: int | None = None,
        made_by: Account | None = None,
        keeps_ms: int | None = None,
    ) -> tuple[Pass, str]:
        """Create a token. Return it and its secret, which is not stored.

        brings: upload quota in bytes. made_by: the user who makes it; None: the recorder. keeps_ms: of `Pass`.
        """
        secret, seen = secrets.token_urlsafe(32), None if cameras is None else frozenset(cameras)
        words = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:20]
        key, maker = f"{words or 'pass'}-{secrets.token_hex(3)}", made_by.id if made_by else None
        made = Pass(key, name.strip(), seen, self._clock.now_ms(), ends_ms, brings, maker, made_by, None, keeps_ms)
        signs = hashed(secret), digest(made.id, secret)
        row = (made.id, made.name, *signs, seen_as_text(seen), made.made_ms, ends_ms, brings, maker, None, keeps_ms)
        with self._file.writing() as db:
            db.execute(_INSERT, row)
        return made, secret

    def all(self) -> list[Pass]:
        """Return all tokens but those of phones, oldest first, including expired ones."""
        with self._file.reading() as db:
            rows = db.execute(f"{_PASSES} WHERE sends IS NULL ORDER BY made_ms, id").fetchall()
            return [self._pass(db, row) for row in rows]

    def make_for_phone(self, phone: str, name: str) -> str:
        """Create the token of a phone that is a camera, instead of its former one. Return its secret.

        name: its kind.
        """
        secret, key = secrets.token_urlsafe(32), f"phone-{secrets.token_hex(8)}"
        signs = hashed(secret), ""  # no digest: RTSP accepts it nowhere
        row = (key, name, *signs, seen_as_text(()), self._clock.now_ms(), None, None, None, phone, None)
        with self._file.writing() as db:
            db.execute("DELETE FROM passes WHERE sends = ?", (phone,))
            db.execute(_INSERT, row)
        return secret

    def of_phone(self, phone: str) -> Pass | None:
        """Return the token of a phone that is a camera; None if it was removed."""
        return self._good("sends = ?", phone)

    def phone_of(self, pass_id: str) -> str:
        """Return the ID of the phone whose picture the token may send; empty for others."""
        found = self._good("id = ?", pass_id)
        return (found.sends or "") if found else ""

    def remove_phone(self, phone: str) -> bool:
        """Revoke a phone's token; its connection ends within seconds. Return False if it has none."""
        with self._file.writing() as db:
            return db.execute("DELETE FROM passes WHERE sends = ?", (phone,)).rowcount > 0

    def take_back(self, pass_id: str) -> bool:
        """Revoke a token; open streams end within seconds. Return False if there is none with this ID."""
        with self._file.writing() as db:
            return db.execute("DELETE FROM passes WHERE id = ?", (pass_id,)).rowcount == 1

    def session(self, secret: str) -> LoginSession | None:
        """Return the session of a token, for live video; None if it is invalid."""
        key = hashed(secret)
        with self._casts_now() as casts:
            cast = casts.get(key)
        return None if cast is not None and cast.recording else self.session_of(key)

    def recording(self, secret: str) -> tuple[Cast, LoginSession] | None:
        """Return a TV's recording and its session; None if it is over, or shows live video."""
        key = hashed(secret)
        with self._casts_now() as casts:
            cast = casts.get(key)
        session = self._cast_session(cast, key) if cast and cast.recording else None
        return (cast, session) if cast and session else None

    def session_of(self, key: bytes) -> LoginSession | None:
        """Return the session by its key."""
        with self._casts_now() as casts:
            cast = casts.get(key)
        if cast is not None:
            return self._cast_session(cast, key)
        found = self._good("hash = ?", key)
        return LoginSession(found.person, key, found.ends_ms or FOREVER_MS) if found else None

    def cast(
        self, maker: LoginSession, camera: CameraId, lasts_s: int, recording: Share | None = None
    ) -> tuple[Cast, str] | None:
        """Let a TV show a camera. Return the cast and its secret; None if this user has MOST_CASTS already."""
        if len(self.casts_of(maker.person.id)) >= MOST_CASTS:
            return None
        secret, now_ms = secrets.token_urlsafe(32), self._clock.now_ms()
        ends_ms = min(now_ms + lasts_s * 1000, maker.person.ends_ms or FOREVER_MS)
        made = Cast(secrets.token_hex(8), camera, maker.person.id, maker.key, now_ms, ends_ms, recording)
        with self._casts_now() as casts:
            casts[hashed(secret)] = made
        return made, secret

    def casts_of(self, person: str | None) -> list[Cast]:
        """Return what TVs may show, oldest first. person: ID of a user; None: everyone's."""
        with self._casts_now() as casts:
            known = list(casts.items())
        over = [key for key, cast in known if self._cast_session(cast, key) is None]
        with self._casts_now() as casts:
            for key in over:
                casts.pop(key, None)
        return [cast for key, cast in known if key not in over and person in (None, cast.made_by)]

    def end_cast(self, cast_id: str) -> None:
        with self._casts_now() as casts:
            for key in [key for key, cast in casts.items() if cast.id == cast_id]:
                del casts[key]

    @contextmanager
    def _casts_now(self) -> Iterator[dict[bytes, Cast]]:
        """Lend the casts by key, their times as of the clock now."""
        with self._lock:
            if moved_ms := self._steps.moved_ms():
                for key, cast in self._casts.items():
                    made_ms, ends_ms = cast.made_ms + moved_ms, cast.ends_ms + moved_ms
                    self._casts[key] = replace(cast, made_ms=made_ms, ends_ms=ends_ms)
            yield self._casts

    def _cast_session(self, cast: Cast, key: bytes) -> LoginSession | None:
        """Return None if its time is over, its maker signed out, or may not see the camera any more."""
        now_ms = self._clock.now_ms()
        if cast.ends_ms <= now_ms:
            return None
        with self._file.reading() as db:
            maker = find_account(db, cast.made_by, now_ms)
            query = "SELECT 1 FROM sessions WHERE hash = ? AND ends_ms > ?"
            is_signed_in = db.execute(query, (cast.session, now_ms)).fetchone() is not None
        if maker is None or not is_signed_in or not all(map(maker.may_see, cast.cameras)):
            return None
        role = Role.VISITOR if cast.recording else Role.HOLDER
        return LoginSession(Account(cast.id, "TV", role, cast.cameras), key, cast.ends_ms)

    def person(self, pass_id: str) -> Account | None:
        found = self._good("id = ?", pass_id)
        return found.person if found else None

    def upload_right(self, pass_id: str) -> UploadRight:
        """Return what the token may upload: nothing for other or invalid ones."""
        found = self._good("id = ?", pass_id)
        return UploadRight(found.brings or 0, found.keeps_ms) if found else UploadRight(0, None)

    def digest_of(self, pass_id: str) -> str | None:
        """Return the digest for RTSP authentication (`protocols.digest_auth.digest`); None if invalid."""
        person = self.person(pass_id)
        if person is None or person.role is Role.PHONE:
            return None
        with self._file.reading() as db:
            row = db.execute("SELECT digest FROM passes WHERE id = ?", (pass_id,)).fetchone()
        return str(row[0]) if row else None

    def _good(self, where: str, value: object) -> Pass | None:
        with self._file.reading() as db:
            row = db.execute(f"{_PASSES} WHERE {where}", (value,)).fetchone()
            found = self._pass(db, row) if row else None
        is_good = found is not None and (found.ends_ms is None or found.ends_ms > self._clock.now_ms())
        return found if found is not None and is_good and found.is_granted else None

    def _pass(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> Pass:
        key, name, cameras, made_ms, ends_ms, brings, made_by, sends, keeps_ms = row
        maker = find_account(db, made_by, self._clock.now_ms()) if made_by is not None else None
        return Pass(key, name, seen_from_text(cameras), made_ms, ends_ms, brings, made_by, maker, sends, keeps_ms)

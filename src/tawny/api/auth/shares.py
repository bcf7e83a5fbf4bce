"""Shared links: one clip, for anyone with the link, for a limited time. Counts how often it is opened.

Tokens are 256 random bits, stored only as SHA-256. Opening a link (with its code, if any) returns a ticket for the
video. Tickets are in memory and expire with the link or after TICKET_S. A link is void while the account that made it
may not see its cameras, and for good once that account is removed.
"""

import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tawny.api.auth.accounts import Account, LoginSession, Role, find_account, hashed, seen_as_text, seen_from_text
from tawny.api.auth.accounts_file import AccountsFile
from tawny.model.ids import CameraId
from tawny.model.times import Clock, Span

TICKET_S = 6 * 3600.0
MOST_TICKETS = 1000
FORGET_S = 3600.0
"""How long a link stays ended before it is deleted: the clock may be ahead for a moment."""
_SHARES = """
SELECT id, camera, from_ms, to_ms, names_camera, code, made_by, made_ms, ends_ms, opened, clip, cameras FROM shares
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What is shown without an account. On a TV it is in memory only (`passes.Cast`), and has no ID."""

    id: str
    camera: CameraId
    span: Span
    names_camera: bool
    """Whether the page shows the camera's name."""
    code: str
    """Hashed; empty if no code is required."""
    made_by: str
    """ID of the user."""
    made_ms: int
    ends_ms: int
    opened: int
    clip: str = ""
    """ID of a saved clip; empty: cut from the recordings."""
    cameras: frozenset[CameraId] = frozenset()
    """All cameras that it shows."""


@dataclass(frozen=True, slots=True)
class SharedClip:
    """A saved clip that a link shows."""

    id: str
    cameras: tuple[CameraId, ...]


class Shares:
    """The shared links. Thread-safe. Raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._lock, self._secret = threading.Lock(), secrets.token_bytes(32)
        self._tickets: dict[bytes, tuple[str, float]] = {}
        self._ended_s: dict[str, float] = {}

    def make(
        self,
        made_by: Account,
        camera: CameraId,
        span: Span,
        ends_ms: int,
        *,
        code: str = "",
        names_camera: bool = False,
        clip: SharedClip | None = None,
    ) -> tuple[Share, str]:
        """Create a link. Return it and its token. code: hashed, empty for none. clip: None for recordings."""
        lasts_ms = ends_ms - self._clock.now_ms()
        token, shown = secrets.token_urlsafe(32), frozenset({camera, *(clip.cameras if clip else ())})
        key, clip_id = secrets.token_hex(8), clip.id if clip else ""
        with self._file.writing() as db:
            now_ms = self._clock.now_ms()  # it may be set while this waits
            ends_ms = now_ms + lasts_ms
            made = Share(key, camera, span, names_camera, code, made_by.id, now_ms, ends_ms, 0, clip_id, shown)
            row = (
                made.id,
                hashed(token),
                camera,
                span.begin_ms,
                span.end_ms,
                names_camera,
                code,
                made_by.id,
                now_ms,
                ends_ms,
                clip_id,
                seen_as_text(shown),
            )
            db.execute("INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)", row)
            self._file.keep_in_step(hashed(token), "shares")
        return made, token

    def of(self, person: Account) -> list[Share]:
        """Return valid links, newest first: all for owners, their own for others."""
        with self._file.reading() as db:
            rows = db.execute(
                f"{_SHARES} WHERE ends_ms > ? ORDER BY made_ms DESC, id", (self._clock.now_ms(),)
            ).fetchall()
            found = [share for row in rows if self._is_granted(db, share := _share(row))]
        return found if person.role is Role.OWNER else [share for share in found if share.made_by == person.id]

    def show(self, clip_id: str) -> bool:
        """Return whether a valid link is to a saved clip."""
        with self._file.reading() as db:
            rows = db.execute(f"{_SHARES} WHERE clip = ? AND ends_ms > ?", (clip_id, self._clock.now_ms())).fetchall()
            return any(self._is_granted(db, _share(row)) for row in rows)

    def take_back(self, share_id: str) -> None:
        """Revoke a link and its tickets."""
        with self._file.writing() as db:
            db.execute("DELETE FROM shares WHERE id = ?", (share_id,))

    def forget_ended(self) -> None:
        """Delete old links: a clock that is behind would open them again. Call often, on one thread."""
        now_s = self._clock.mono_s()
        with self._file.reading() as db:
            rows = db.execute("SELECT id FROM shares WHERE ends_ms <= ?", (self._clock.now_ms(),)).fetchall()
        self._ended_s = {key: self._ended_s.get(key, now_s) for (key,) in rows}
        old = [(key,) for key, since_s in self._ended_s.items() if now_s - since_s >= FORGET_S]
        if old:
            with self._file.writing() as db:
                db.executemany("DELETE FROM shares WHERE id = ?", old)

    def find(self, token: str) -> Share | None:
        """Return the link; None if it is unknown, expired, revoked, or its maker may not see its cameras now."""
        return self._good("hash = ?", hashed(token))

    def open(self, share: Share, page: str = "") -> tuple[str, bool]:
        """Return a ticket for the video, and whether this is an opening, which is counted.

        page: what only the same page sends again, where the answer was lost; that gets the same ticket. Empty: unknown.
        """
        of_page = f"{share.id} {page or secrets.token_hex()}".encode()
        ticket, now_s = hmac.digest(self._secret, of_page, "sha256").hex(), self._clock.mono_s()
        with self._tickets_kept() as tickets:
            _, until_s = tickets.pop(hashed(ticket), ("", 0.0))
            tickets[hashed(ticket)] = share.id, now_s + TICKET_S
        if is_first := until_s <= now_s:
            self._file.note_use("UPDATE shares SET opened = opened + 1 WHERE id = ?", (share.id,))
        return ticket, is_first

    def shown_by(self, ticket: str) -> tuple[Share, LoginSession] | None:
        """Return link and visitor's session of a ticket; None if it is invalid."""
        key = hashed(ticket)
        share = self._shown(key)
        return (share, _session(share, key)) if share else None

    def session_of(self, key: bytes) -> LoginSession | None:
        """Return the visitor's session by the ticket's key."""
        share = self._shown(key)
        return _session(share, key) if share else None

    def _shown(self, key: bytes) -> Share | None:
        with self._tickets_kept() as tickets:
            share_id, until_s = tickets.get(key, ("", 0.0))
        return self._good("id = ?", share_id) if until_s > self._clock.mono_s() else None

    @contextmanager
    def _tickets_kept(self) -> Iterator[dict[bytes, tuple[str, float]]]:
        with self._lock:
            yield self._tickets
            while len(self._tickets) > MOST_TICKETS:
                del self._tickets[next(iter(self._tickets))]  # drop the oldest

    def _good(self, where: str, value: object) -> Share | None:
        with self._file.reading() as db:
            row = db.execute(f"{_SHARES} WHERE {where} AND ends_ms > ?", (value, self._clock.now_ms())).fetchone()
            found = _share(row) if row else None
            return found if found and self._is_granted(db, found) else None

    def _is_granted(self, db: sqlite3.Connection, share: Share) -> bool:
        """Return whether the account that made the link may see all of it now."""
        maker = find_account(db, share.made_by, self._clock.now_ms())
        return maker is not None and all(maker.may_see(camera) for camera in share.cameras)


def _session(share: Share, key: bytes) -> LoginSession:
    visitor = Account(share.id, "guest", Role.VISITOR, share.cameras)
    return LoginSession(visitor, key, share.ends_ms)


def _share(row: tuple[Any, ...]) -> Share:
    key, camera, from_ms, to_ms, names_camera, code, made_by, made_ms, ends_ms, opened, clip, cameras = row
    span, shown = Span(from_ms, to_ms), seen_from_text(cameras) or frozenset({CameraId(camera)})
    return Share(key, CameraId(camera), span, bool(names_camera), code, made_by, made_ms, ends_ms, opened, clip, shown)

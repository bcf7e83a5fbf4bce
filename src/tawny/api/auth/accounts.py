"""Users, their sessions, one-time tokens and the audit log, in `accounts.db`. Thread-safe.

Tokens are 256 random bits, stored only as SHA-256, so that the file does not allow signing in.
Never blocks for long: passwords are hashed by the caller.
"""

import asyncio
import hashlib
import json
import logging
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tawny.api.auth.accounts_file import AccountsFile, forget_places, names_in
from tawny.api.auth.audit_counts import AuditCounts
from tawny.api.auth.linked_names import delete_user, end_bound_link, spelled_here
from tawny.model.errors import LastOwner, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Clock

SESSION_MS = 30 * 86_400_000
SCREEN_SESSION_MS = 400 * 86_400_000
"""Of a screen on the wall, which has no keyboard; also the longest time for which browsers keep a cookie."""
ENDED_KEPT_MS = 365 * 86_400_000
"""How long a session that ended unused is remembered: its browser goes on getting notifications meanwhile, unlike one
that was signed out."""
RECENT_MS = 15 * 60_000
"""How long after signing in, or entering the password again, one's own sign-in can be changed."""
SEEN_EVERY_MS = 60_000
"""Minimum interval in ms between updates of a session's last use."""
BEHIND_S = 86_400.0
"""How long, s, a clock that is behind a session's last use may be wrong."""
TOKEN_MS = 30 * 60_000
MOST_SESSIONS = 50
"""Maximum number of sessions per user; those never used after their sign-in end first, then the least recently used."""
AUDIT_ROWS = 50_000
log = logging.getLogger(__name__)
_Cameras = Iterable[CameraId] | None
_COLUMNS = "people.id, people.name, people.role, people.cameras, people.ends_ms"
_PEOPLE = f"SELECT {_COLUMNS} FROM people"  # noqa: S608 a constant
_BY_NAME = f"SELECT {_COLUMNS}, password FROM people WHERE folded = ?"  # noqa: S608
_SIGNED_IN = f"""
SELECT {_COLUMNS}, sessions.seen_ms, sessions.ends_ms, sessions.how, coalesce(sessions.confirmed_ms, sessions.made_ms)
FROM sessions JOIN people ON people.id = sessions.person WHERE hash = ?1 AND sessions.ends_ms > ?2
AND (people.ends_ms IS NULL OR people.ends_ms > ?2)
"""  # noqa: S608

_FIND_USABLE = """
SELECT person FROM tokens WHERE hash = ? AND purpose = ? AND used_ms IS NULL AND ends_ms > ? AND
(made_by IS NULL OR made_by IN (SELECT id FROM people WHERE role = 'owner') OR purpose = 'phone')
"""
"""A link for a phone is made by its own user, and ends with the session that made it."""
_END_LINKS = "DELETE FROM tokens WHERE person = ? AND purpose IN ('link', 'code') AND used_ms IS NULL"
"""Voids the unused sign-in links of a user; a screen's link and its code are the same grant."""
_FORMER_ROLES = {"family": "member"}
"""Roles in databases of earlier versions, and their present names."""


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"
    """May view, and command the recorder (modes, privacy, talk, PTZ). May not change settings."""
    VIEWER = "viewer"
    GUEST = "guest"
    """A viewer whose access ends at a time (`Account.ends_ms`)."""
    INSTALLER = "installer"
    """Looks after the recorders of a hub: their health, versions and settings. Sees no camera here, and pictures of the
    others only by a pass of their owners (`fleet.hub_pass`)."""
    SCREEN = "screen"
    """A screen on the wall: the live view of its cameras, no recordings, no settings. Signs in by link or code."""
    HOLDER = "holder"
    """Holder of an access token (`api.auth.passes`): a program or an embedding page. May see live video only."""
    BRINGER = "bringer"
    """Another recorder with an upload token. May upload files only."""
    PHONE = "phone"
    """A phone that is a camera (`api.auth.passes`). May send its own picture, and sees nothing."""
    VISITOR = "visitor"
    """Visitor with a shared link (`api.auth.shares`). May see that clip only."""

    @property
    def only_watches(self) -> bool:
        """Whether it changes nothing that others see."""
        return self in (Role.VIEWER, Role.GUEST, Role.INSTALLER)


class TokenPurpose(StrEnum):
    CLAIM = "claim"
    """Create the owner account, or set a new password for an owner."""
    LINK = "link"
    """Sign in one user."""
    PHONE = "phone"
    """Sign in a user who is signed in already, on another device."""
    CODE = "code"
    """Sign in a screen, by a short code instead of its link."""
    DEVICE = "device"
    """A known device (`api.auth.guess_limit`); signs in no person."""


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    role: Role
    cameras: frozenset[CameraId] | None = None
    """Cameras that anyone but an owner may see; None: all, including future ones."""
    ends_ms: int | None = None
    """When the access of a guest ends; None: never."""

    def may_see(self, camera: CameraId) -> bool:
        return self.cameras is None or camera in self.cameras


@dataclass(frozen=True, slots=True)
class LoginSession:
    person: Account
    key: bytes
    """SHA-256 of the cookie's token: the key in the database."""
    ends_ms: int
    how: str = ""
    """How the user signed in: a word of the audit log; empty for sessions of earlier versions."""
    confirmed_ms: int = 0
    """When the user last proved who they are: by signing in, or by entering the password again."""

    @property
    def id(self) -> str:
        """As in `OpenSession`; empty for a request by a hub."""
        return session_id(self.key)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session in the list of its user. id: does not allow signing in."""

    id: str
    key: bytes
    made_ms: int
    seen_ms: int
    ends_ms: int
    agent: str
    address: str
    how: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Origin of a request."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at_ms: int
    person: str
    action: str
    detail: str
    address: str


class Accounts:
    """The accounts. Every method raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self.file, self._clock = file, clock
        file.use_clock(clock)
        self._reading, self._writing = file.reading, file.writing
        self.counts = AuditCounts(file, clock)
        self._behind_s: dict[bytes, float] = {}
        """Sessions last used later than now, each with the monotonic time at which that was seen first."""

    def close(self) -> None:
        try:
            self.counts.flush()
        except StorageError as error:
            log.warning("cannot write the audit log: %s", error)
        finally:
            self.file.close()

    # --- users -------------------------------------------------------------------------------------------------------

    def has_owner(self) -> bool:
        with self._reading() as db:
            return db.execute("SELECT 1 FROM people WHERE role = 'owner' LIMIT 1").fetchone() is not None

    def people(self) -> list[Account]:
        with self._reading() as db:
            rows = db.execute(f"{_PEOPLE} ORDER BY made_ms, id").fetchall()
        return [to_account(row) for row in rows]

    def person(self, person_id: str) -> Account | None:
        """Return a user by ID, with the rights they have now; None if they were removed, or their access has ended."""
        with self._reading() as db:
            return find_account(db, person_id, self._clock.now_ms())

    def find(self, name: str) -> tuple[Account, str] | None:
        """Return a user by name, case-insensitive, and the stored password hash; or None."""
        with self._reading() as db:
            row = db.execute(_BY_NAME, (fold(name),)).fetchone()
        return (to_account(row), row[-1]) if row else None

    def has_ended(self, person: Account) -> bool:
        """Return whether this is a guest whose time is over."""
        return person.ends_ms is not None and person.ends_ms <= self._clock.now_ms()

    def has_password(self, person: Account) -> bool:
        with self._reading() as db:
            row = db.execute("SELECT password FROM people WHERE id = ?", (person.id,)).fetchone()
        return bool(row and row[0])

    def put_person(
        self, name: str, role: Role, password: str = "", cameras: _Cameras = None, ends_ms: int | None = None
    ) -> Account:
        """Add a user, or set rights and password of the existing one, which ends their sessions. password: hashed."""
        with self._writing() as db:
            return set_rights(db, put_account(db, name, role, password, self._clock.now_ms()), role, cameras, ends_ms)

    def change_person(self, person: Account, role: Role, cameras: _Cameras, ends_ms: int | None = None) -> Account:
        """Set role and cameras; sessions continue with the new rights. ends_ms: when the access of a guest ends.

        Raises LastOwner.
        """
        with self._writing() as db:
            return set_rights(db, person, role, cameras, ends_ms)

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Take removed cameras out of what users, tokens, links, layouts and plan show: new ones may get their IDs."""
        with self._writing() as db:
            for table in ("people", "passes"):
                rows = db.execute(f"SELECT id, cameras FROM {table} WHERE cameras IS NOT NULL").fetchall()  # noqa: S608
                for key, text in rows:
                    seen = seen_from_text(text) or frozenset()
                    if not seen.isdisjoint(cameras):
                        left = seen_as_text(seen.difference(cameras))
                        db.execute(f"UPDATE {table} SET cameras = ? WHERE id = ?", (left, key))  # noqa: S608
            for camera in cameras:
                db.execute("DELETE FROM shares WHERE camera = ? AND clip = ''", (camera,))
            forget_places(db, cameras)

    def wall(self, person: Account) -> str:
        """Return the user's live view layout as passed to `put_wall`; empty if none."""
        with self._reading() as db:
            row = db.execute("SELECT layout FROM walls WHERE person = ?", (person.id,)).fetchone()
        return str(row[0]) if row else ""

    def walls_of_owners(self, but: Account) -> list[str]:
        """Return the live view layouts of the other owners, as passed to `put_wall`."""
        others = "SELECT layout FROM walls JOIN people ON id = person WHERE role = 'owner' AND id != ? ORDER BY made_ms"
        with self._reading() as db:
            return [str(row[0]) for row in db.execute(others, (but.id,))]

    def put_wall(self, person: Account, layout: str) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO walls VALUES (?, ?)", (person.id, layout))

    def plan(self) -> tuple[int, bytes, str]:
        """Return the floor plan: its version, which grows with each image, the image, and its cameras as JSON."""
        with self._reading() as db:
            row = db.execute("SELECT version, image, cameras FROM plan").fetchone()
        return (int(row[0]), bytes(row[1]), str(row[2])) if row else (0, b"", "[]")

    def put_plan(self, image: bytes | None, cameras: str | None = None, was: str | None = None) -> bool:
        """Set the image of the floor plan, or its cameras; None: unchanged. False if those are not `was`."""
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO plan VALUES (1, 0, x'', '[]')")
            if image is not None:
                db.execute("UPDATE plan SET image = ?, version = version + 1", (image,))
            over = "UPDATE plan SET cameras = ? WHERE cameras = coalesce(?, cameras)"
            return cameras is None or db.execute(over, (cameras, was)).rowcount > 0

    def remove_person(self, person: Account) -> None:
        """Delete the user and all their sessions. Their shared links are void from then on (`shares.Shares`).

        Raises LastOwner.
        """
        with self._writing() as db:
            _keep_an_owner(db, person)
            delete_user(db, person.id, person.name)

    def set_password(self, person: Account, password: str) -> None:
        """Store a new hash of the same password; sessions continue."""
        with self._writing() as db:
            db.execute("UPDATE people SET password = ? WHERE id = ?", (password, person.id))

    def change_password(self, person: Account, password: str, keep: bytes) -> None:
        """Set a new password. Ends all other sessions, links and known devices. password: hashed. keep: a session."""
        with self._writing() as db:
            db.execute("UPDATE people SET password = ? WHERE id = ?", (password, person.id))
            db.execute("DELETE FROM sessions WHERE person = ? AND hash != ?", (person.id, keep))
            db.execute("DELETE FROM tokens WHERE person = ?", (person.id,))

    # --- one-time tokens ---------------------------------------------------------------------------------------------

    def new_token(
        self,
        purpose: TokenPurpose,
        person: Account | None = None,
        *,
        lasts_ms: int = TOKEN_MS,
        made_by: Account | None = None,
        session: bytes | None = None,
        token: str = "",
    ) -> str:
        """Create a one-time token, valid for `lasts_ms`. A new claim token or sign-in link voids earlier ones.

        made_by: the owner who makes it, without whom it is void; None: the recorder. session: the session that makes
        it, with which it ends. token: of a code; else it has 256 random bits.
        """
        with self._writing() as db:
            token, now_ms = token or secrets.token_urlsafe(32), self._clock.now_ms()  # it may be set while this waits
            # not at their end: the clock may be ahead for a moment
            ended = "DELETE FROM tokens WHERE ends_ms < ? OR purpose = 'code' AND ends_ms < ?"
            db.execute(ended, (now_ms - ENDED_KEPT_MS, now_ms))
            db.execute("DELETE FROM tokens WHERE purpose = 'claim' AND ? = 'claim'", (purpose,))
            if purpose is TokenPurpose.LINK and person is not None:
                db.execute(_END_LINKS, (person.id,))
            maker = made_by.id if made_by else None
            row = (hashed(token), purpose, person.id if person else None, now_ms + lasts_ms, maker, session)
            db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, NULL, ?, ?)", row)
            self.file.keep_in_step(row[0], "tokens")
        return token

    def is_good(self, token: str, purpose: TokenPurpose) -> bool:
        """Return whether the token is valid now."""
        with self._reading() as db:
            return db.execute(_FIND_USABLE, (hashed(token), purpose, self._clock.now_ms())).fetchone() is not None

    def claim(self, token: str, name: str, password: str) -> Account | None:
        """Use a claim token: create or reset an owner. Return None if the token is invalid. password: hashed."""
        with self._writing() as db:
            if self._use(db, token, TokenPurpose.CLAIM) is None:
                return None
            return put_account(db, spelled_here(db, name), Role.OWNER, password, self._clock.now_ms())

    def follow_link(
        self, token: str, purposes: Sequence[TokenPurpose] = (TokenPurpose.LINK, TokenPurpose.PHONE)
    ) -> tuple[Account, TokenPurpose] | None:
        """Use a token of one of these purposes to sign in. Return None if it is invalid.

        A screen's link and its code are the same grant: using one uses up the other.
        """
        with self._writing() as db:
            now_ms = self._clock.now_ms()
            for purpose in purposes:
                row = db.execute(_FIND_USABLE, (hashed(token), purpose, now_ms)).fetchone()
                person = find_account(db, row[0], now_ms) if row and row[0] else None
                if person is None:  # also of a guest whose access has ended: once it is extended, the link is good
                    continue
                self._use(db, token, purpose)
                if person.role is Role.SCREEN:
                    db.execute(_END_LINKS, (person.id,))
                return person, purpose
        return None

    def link_state(self, token_hash: bytes, person: Account) -> tuple[str, str]:
        """Return `waiting`, `connected` or `ended` for a phone's link, and the browser of the phone."""
        with self._reading() as db:
            row = db.execute(
                "SELECT used_ms, ends_ms FROM tokens WHERE hash = ? AND person = ? AND purpose = 'phone'",
                (token_hash, person.id),
            ).fetchone()
            if row is None or (row[0] is None and row[1] <= self._clock.now_ms()):
                return "ended", ""
            if row[0] is None:
                return "waiting", ""
            query = "SELECT agent FROM sessions WHERE person = ? AND made_ms >= ? ORDER BY made_ms LIMIT 1"
            phone = db.execute(query, (person.id, row[0])).fetchone()
        return "connected", phone[0] if phone else ""

    def _use(self, db: sqlite3.Connection, token: str, purpose: TokenPurpose) -> tuple[str | None] | None:
        now_ms = self._clock.now_ms()
        used: tuple[str | None] | None = db.execute(_FIND_USABLE, (hashed(token), purpose, now_ms)).fetchone()
        if used is not None:
            db.execute("UPDATE tokens SET used_ms = ? WHERE hash = ?", (now_ms, hashed(token)))
        return used

    # --- sessions ----------------------------------------------------------------------------------------------------

    def begin_session(self, person: Account, caller: Caller, how: str = "") -> str:
        """Sign in a user. Return the cookie's token. how: a word of the audit log."""
        with self._writing() as db:
            token, now_ms = secrets.token_urlsafe(32), self._clock.now_ms()
            row = (hashed(token), person.id, now_ms, now_ms, now_ms + session_ms(person), caller.agent[:300])
            db.execute("DELETE FROM sessions WHERE ends_ms <= ?", (now_ms - ENDED_KEPT_MS,))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, caller.address, how, now_ms))
            self.file.keep_in_step(row[0], "sessions", "begun", "confirmed")
            unused = "SELECT hash, seen_ms = made_ms AND hash != ? FROM sessions"
            rows = db.execute(f"{unused} WHERE person = ? ORDER BY seen_ms DESC, rowid DESC", row[:2])
            # a clock that is behind makes those of this run the earliest
            kept = sorted(rows, key=lambda one: (one[1], not self.file.is_in_step("sessions", one[0])))
            db.executemany("DELETE FROM sessions WHERE hash = ?", [one[:1] for one in kept[MOST_SESSIONS:]])
        return token

    def session(self, token: str) -> LoginSession | None:
        """Return the session of a cookie, extended to 30 days from now; None if invalid."""
        return self.session_of(hashed(token))

    def session_of(self, key: bytes) -> LoginSession | None:
        """Return the session by its database key; None if it is invalid, or the access of its user has ended."""
        with self._reading() as db:
            now_ms = self._clock.now_ms()
            row = db.execute(_SIGNED_IN, (key, now_ms)).fetchone()
        if row is None:
            return None
        person, (seen_ms, ends_ms, how, confirmed_ms) = to_account(row), row[5:]
        if now_ms - seen_ms >= SEEN_EVERY_MS or self._is_set_back(key, seen_ms - now_ms):
            used = (now_ms, now_ms + session_ms(person), key)
            if self.file.note_use("UPDATE sessions SET seen_ms = ?, ends_ms = ? WHERE hash = ?", used, "sessions"):
                ends_ms = used[1]
        ends_ms = min(ends_ms, now_ms + session_ms(person), person.ends_ms or ends_ms)
        return LoginSession(person, key, ends_ms, how, confirmed_ms)

    def _is_set_back(self, key: bytes, ahead_ms: int) -> bool:
        """Return whether a session was last used later than now because the clock had been ahead.

        If the clock is behind now, it is mostly right within BEHIND_S, and the session must last until its end then.
        """
        if ahead_ms < SEEN_EVERY_MS:
            self._behind_s.pop(key, None)
            return False
        mono_s = self._clock.mono_s()
        return mono_s - self._behind_s.setdefault(key, mono_s) >= BEHIND_S

    def is_recent(self, session: LoginSession) -> bool:
        """Return whether the user has proved within RECENT_MS who they are."""
        return 0 <= self._clock.now_ms() - session.confirmed_ms <= RECENT_MS

    def confirm_session(self, key: bytes) -> None:
        """The user has just entered the password again."""
        with self._writing() as db:
            db.execute("UPDATE sessions SET confirmed_ms = ? WHERE hash = ?", (self._clock.now_ms(), key))
            self.file.keep_in_step(key, "confirmed")

    def sessions_of(self, person: Account) -> list[OpenSession]:
        """Return the sessions of a user, last used first."""
        query = (
            "SELECT hash, made_ms, seen_ms, ends_ms, agent, address, how FROM sessions "
            "WHERE person = ? AND ends_ms > ? ORDER BY seen_ms DESC, made_ms DESC"
        )
        with self._reading() as db:
            rows = db.execute(query, (person.id, self._clock.now_ms())).fetchall()
        return [OpenSession(session_id(row[0]), *row) for row in rows]

    def is_signed_in(self, person_id: str, session: str) -> bool:
        """Return whether a session (`OpenSession.id`) was not signed out; one that ended unused was not."""
        query = "SELECT hash FROM sessions WHERE person = ?"
        with self._reading() as db:
            return any(session_id(row[0]) == session for row in db.execute(query, (person_id,)))

    def end_sessions(self, person: Account, keep: bytes = b"") -> list[bytes]:
        """End all sessions of a user but one, and the links that they made for phones. Return the ended ones.

        Without `keep`, unused sign-in links end, too: someone else may have them.
        """
        with self._writing() as db:
            found = db.execute("SELECT hash FROM sessions WHERE person = ? AND hash != ?", (person.id, keep)).fetchall()
            db.execute("DELETE FROM sessions WHERE person = ? AND hash != ?", (person.id, keep))
            if not keep:
                db.execute(_END_LINKS, (person.id,))
        return [row[0] for row in found]

    def end_session(self, key: bytes) -> None:
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (key,))

    # --- audit log ---------------------------------------------------------------------------------------------------

    def note(self, action: str, person: str, caller: Caller, detail: str = "") -> None:
        """Add an audit log entry of a signed-in user; others are counted (`counts`).

        Invariant: `detail` contains no secrets.
        """
        with self._writing() as db:
            row = (self._clock.now_ms(), person[:100], action, detail[:500], caller.address)
            newest = max(0, db.execute("SELECT coalesce(max(number), 0) FROM audit").fetchone()[0])
            db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", (newest + 1, *row))
            db.execute("DELETE FROM audit WHERE number BETWEEN 0 AND ?", (newest + 1 - AUDIT_ROWS,))

    def audit(
        self, limit: int = 200, since_ms: int = 0, *, actions: Sequence[str] = (), person: str = ""
    ) -> list[AuditEntry]:
        """Return the newest entries, newest first, including the counted ones. actions: only these; empty: all.

        person: only what this user or name did or tried, in any case; empty: everyone.
        """
        self.counts.flush()
        query = (
            "SELECT at_ms, person, action, detail, address FROM audit WHERE at_ms >= ?1 "
            "AND (?2 = '[]' OR action IN (SELECT value FROM json_each(?2))) "
            "AND (?3 = '' OR lower(person) = lower(?3)) ORDER BY at_ms DESC, number DESC LIMIT ?4"
        )
        values = (since_ms, json.dumps(list(actions)), person, limit)
        with self._reading() as db:
            return [AuditEntry(*row) for row in db.execute(query, values).fetchall()]

    def known_names(self) -> list[str]:
        """Return the names of all users, then of those that only the audit log still knows."""
        with self._reading() as db:
            return names_in(db)


def session_id(key: bytes) -> str:
    """Return the public ID of a session: it does not allow signing in."""
    return key.hex()[:16]


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def seen_as_text(cameras: Iterable[CameraId] | None) -> str | None:
    """Return a set of cameras as stored; NULL means all."""
    return None if cameras is None else json.dumps(sorted(cameras))


def seen_from_text(text: str | None) -> frozenset[CameraId] | None:
    return None if text is None else frozenset(CameraId(name) for name in json.loads(text))


def session_ms(person: Account) -> int:
    """Return how long a session of this user lasts without being used."""
    return SCREEN_SESSION_MS if person.role is Role.SCREEN else SESSION_MS


def find_account(db: sqlite3.Connection, person_id: str, now_ms: int) -> Account | None:
    """Return a user; None if there is none of this ID, or their access has ended."""
    row = db.execute(f"{_PEOPLE} WHERE id = ? AND (ends_ms IS NULL OR ends_ms > ?)", (person_id, now_ms)).fetchone()
    return to_account(row) if row else None


def put_account(db: sqlite3.Connection, name: str, role: Role, password: str, now_ms: int) -> Account:
    """Add a user, or give the one of this name another role and password (hashed), and no other way to sign in."""
    name = name.strip()
    db.execute(
        "INSERT INTO people (id, name, folded, role, password, made_ms) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (folded) DO UPDATE "
        "SET name = excluded.name, role = excluded.role, password = excluded.password, cameras = NULL, ends_ms = NULL",
        (secrets.token_hex(8), name, fold(name), role, password, now_ms),
    )
    row = db.execute(_BY_NAME, (fold(name),)).fetchone()
    for table in ("sessions", "tokens", "passkeys", "two_step"):  # they would bypass the new password
        db.execute(f"DELETE FROM {table} WHERE person = ?", (row[0],))  # noqa: S608 one of these
    end_bound_link(db, row[0], name)  # another is that of the proxy
    return to_account(row)


def set_rights(db: sqlite3.Connection, person: Account, role: Role, cameras: _Cameras, ends_ms: int | None) -> Account:
    """Set the rights of a user. Raises LastOwner."""
    if role is not Role.OWNER:
        _keep_an_owner(db, person)
    chosen = () if role is Role.INSTALLER else None if role is Role.OWNER else cameras
    seen = None if chosen is None else frozenset(chosen)
    made = replace(person, role=role, cameras=seen, ends_ms=ends_ms if role is Role.GUEST else None)
    row = (role, seen_as_text(made.cameras), made.ends_ms, person.id)
    db.execute("UPDATE people SET role = ?, cameras = ?, ends_ms = ? WHERE id = ?", row)
    return made


def _keep_an_owner(db: sqlite3.Connection, person: Account) -> None:
    """Raise LastOwner for the only owner."""
    if db.execute("SELECT id FROM people WHERE role = 'owner' LIMIT 2").fetchall() == [(person.id,)]:
        raise LastOwner(f"{person.name} is the only owner.", "Make someone else an owner first.")


def to_account(row: tuple[Any, ...]) -> Account:
    """Return the account from the first columns of a row. Owners see all cameras, installers none."""
    role = Role(_FORMER_ROLES.get(row[2], row[2]))
    seen = None if role is Role.OWNER else frozenset() if role is Role.INSTALLER else seen_from_text(row[3])
    return Account(row[0], row[1], role, seen, row[4])


def fold(name: str) -> str:
    return name.strip().casefold()


class OwnerWatch:
    """Whether there is an owner. Once there is one, no request asks again. Single event loop."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.has_owner = False

    async def look(self) -> bool:
        """Return whether there is an owner. Raises StorageError."""
        if not self.has_owner:
            self.has_owner = await asyncio.to_thread(self._accounts.has_owner)
        return self.has_owner

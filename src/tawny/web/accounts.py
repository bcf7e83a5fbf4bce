"""People, their sessions, one-time tokens and the log of who did what, in `accounts.db`.

Tokens are 256 random bits and stored as their SHA-256 only: who reads the file cannot sign in with it. Any thread may
call; one lock, because the work is small. Nothing here is slow: passwords come hashed.
"""

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tawny.model.clock import Clock
from tawny.model.errors import StorageError

SESSION_MS = 30 * 86_400_000
SEEN_EVERY_MS = 60_000
"""A session's last use is written down at most this often."""
TOKEN_MS = 30 * 60_000
MOST_SESSIONS = 50
"""A person's; the longest unused end first."""
AUDIT_ROWS = 50_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
  password TEXT NOT NULL,            -- argon2id; empty: signs in by link only
  made_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  made_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,
  agent TEXT NOT NULL, address TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_person ON sessions(person, seen_ms);
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY, purpose TEXT NOT NULL, person TEXT REFERENCES people(id) ON DELETE CASCADE,
  ends_ms INTEGER NOT NULL, used_ms INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, person TEXT NOT NULL, action TEXT NOT NULL,
  detail TEXT NOT NULL, address TEXT NOT NULL) STRICT;
"""


class Role(StrEnum):
    OWNER = "owner"
    VIEWER = "viewer"


class Purpose(StrEnum):
    CLAIM = "claim"
    """Make the owner's account, or give an owner a new password."""
    LINK = "link"
    """Sign one person in."""


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Session:
    person: Person
    key: bytes
    """What it is stored under; not what the cookie holds."""
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    at_ms: int
    person: str
    action: str
    detail: str
    address: str


class Accounts:
    """path: a file, or `:memory:` for tests. Raises StorageError."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        self._clock, self._path = clock, str(path)
        self._lock = threading.Lock()
        with _turned_over(self._path):
            if self._path != ":memory:":
                Path(path).touch(mode=0o600)
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5.0)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # --- people ------------------------------------------------------------------------------------------------------

    def has_owner(self) -> bool:
        with self._reading() as db:
            return db.execute("SELECT 1 FROM people WHERE role = 'owner' LIMIT 1").fetchone() is not None

    def people(self) -> list[Person]:
        with self._reading() as db:
            rows = db.execute("SELECT id, name, role FROM people ORDER BY made_ms, id").fetchall()
        return [Person(row[0], row[1], Role(row[2])) for row in rows]

    def find(self, name: str) -> tuple[Person, str] | None:
        """A person by name, whatever the case, with the stored password."""
        with self._reading() as db:
            row = db.execute("SELECT id, name, role, password FROM people WHERE folded = ?", (_fold(name),)).fetchone()
        return (Person(row[0], row[1], Role(row[2])), row[3]) if row else None

    def put_person(self, name: str, role: Role, password: str = "") -> Person:
        """Add a person, or give the one of this name this role and password, which ends their sessions."""
        with self._writing() as db:
            return self._put_person(db, name, role, password)

    def set_password(self, person: Person, password: str) -> None:
        """The same password with today's costs: sessions go on."""
        with self._writing() as db:
            db.execute("UPDATE people SET password = ? WHERE id = ?", (password, person.id))

    def _put_person(self, db: sqlite3.Connection, name: str, role: Role, password: str) -> Person:
        name = name.strip()
        db.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (folded) DO UPDATE "
            "SET name = excluded.name, role = excluded.role, password = excluded.password",
            (secrets.token_hex(8), name, _fold(name), role, password, self._clock.now_ms()),
        )
        (key,) = db.execute("SELECT id FROM people WHERE folded = ?", (_fold(name),)).fetchone()
        db.execute("DELETE FROM sessions WHERE person = ?", (key,))
        return Person(key, name, role)

    # --- one-time tokens ---------------------------------------------------------------------------------------------

    def new_token(self, purpose: Purpose, person: Person | None = None, *, lasts_ms: int = TOKEN_MS) -> str:
        """A token that works once and for a while; for a claim all earlier ones end."""
        token, now_ms = secrets.token_urlsafe(32), self._clock.now_ms()
        with self._writing() as db:
            db.execute("DELETE FROM tokens WHERE ends_ms < ? OR purpose = 'claim' AND ? = 'claim'", (now_ms, purpose))
            row = (_hashed(token), purpose, person.id if person else None, now_ms + lasts_ms)
            db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, NULL)", row)
        return token

    def is_good(self, token: str, purpose: Purpose) -> bool:
        """Whether the token would work now."""
        query = "SELECT 1 FROM tokens WHERE hash = ? AND purpose = ? AND used_ms IS NULL AND ends_ms > ?"
        with self._reading() as db:
            return db.execute(query, (_hashed(token), purpose, self._clock.now_ms())).fetchone() is not None

    def claim(self, token: str, name: str, password: str) -> Person | None:
        """Use a claim token up: an owner of this name and (hashed) password. None when the token works no more."""
        with self._writing() as db:
            if self._use(db, token, Purpose.CLAIM) is None:
                return None
            return self._put_person(db, name, Role.OWNER, password)

    def follow_link(self, token: str) -> Person | None:
        """Use a sign-in link up. None when it works no more."""
        with self._writing() as db:
            used = self._use(db, token, Purpose.LINK)
            row = used and db.execute("SELECT id, name, role FROM people WHERE id = ?", used).fetchone()
        return Person(row[0], row[1], Role(row[2])) if row else None

    def _use(self, db: sqlite3.Connection, token: str, purpose: Purpose) -> tuple[str | None] | None:
        now_ms = self._clock.now_ms()
        used: tuple[str | None] | None = db.execute(
            "UPDATE tokens SET used_ms = ? WHERE hash = ? AND purpose = ? AND used_ms IS NULL AND ends_ms > ? "
            "RETURNING person",
            (now_ms, _hashed(token), purpose, now_ms),
        ).fetchone()
        return used

    # --- sessions ----------------------------------------------------------------------------------------------------

    def begin_session(self, person: Person, caller: Caller) -> str:
        """Sign a person in. Returns what the cookie holds."""
        token, now_ms = secrets.token_urlsafe(32), self._clock.now_ms()
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE ends_ms <= ?", (now_ms,))
            row = (_hashed(token), person.id, now_ms, now_ms, now_ms + SESSION_MS, caller.agent[:300], caller.address)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            db.execute(
                "DELETE FROM sessions WHERE person = ?1 AND hash NOT IN "
                "(SELECT hash FROM sessions WHERE person = ?1 ORDER BY seen_ms DESC, rowid DESC LIMIT ?2)",
                (person.id, MOST_SESSIONS),
            )
        return token

    def session(self, token: str) -> Session | None:
        """The session of a cookie, which goes on for another 30 days; None when there is none."""
        return self.session_of(_hashed(token))

    def session_of(self, key: bytes) -> Session | None:
        """The same, by what it is stored under."""
        now_ms = self._clock.now_ms()
        query = (
            "SELECT people.id, name, role, seen_ms, ends_ms FROM sessions JOIN people ON people.id = sessions.person "
            "WHERE hash = ? AND ends_ms > ?"
        )
        with self._reading() as db:
            row = db.execute(query, (key, now_ms)).fetchone()
        if row is None:
            return None
        person, seen_ms, ends_ms = Person(row[0], row[1], Role(row[2])), row[3], row[4]
        if abs(now_ms - seen_ms) >= SEEN_EVERY_MS:
            ends_ms = now_ms + SESSION_MS
            with self._writing() as db:
                db.execute("UPDATE sessions SET seen_ms = ?, ends_ms = ? WHERE hash = ?", (now_ms, ends_ms, key))
        return Session(person, key, ends_ms)

    def end_session(self, key: bytes) -> None:
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (key,))

    # --- who did what ------------------------------------------------------------------------------------------------

    def note(self, action: str, person: str, caller: Caller, detail: str = "") -> None:
        """Add a row to the log. person: a name as it was given. No secrets in detail."""
        with self._writing() as db:
            row = (self._clock.now_ms(), person[:100], action, detail[:500], caller.address)
            number = db.execute("INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?)", row).lastrowid
            db.execute("DELETE FROM audit WHERE number <= ?", ((number or 0) - AUDIT_ROWS,))

    def audit(self, limit: int = 200) -> list[AuditRow]:
        """The newest rows, newest first."""
        query = "SELECT at_ms, person, action, detail, address FROM audit ORDER BY number DESC LIMIT ?"
        with self._reading() as db:
            return [AuditRow(*row) for row in db.execute(query, (limit,)).fetchall()]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _turned_over(self._path):
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or, after any error, nothing."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _fold(name: str) -> str:
    return name.strip().casefold()


@contextmanager
def _turned_over(path: str) -> Iterator[None]:
    """SQLite's and the system's errors as ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(path, str(error)) from error
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error

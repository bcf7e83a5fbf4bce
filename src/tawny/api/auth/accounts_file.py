"""`accounts.db`: database file of users, their ways to sign in, sessions, access tokens, links and the audit log."""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tawny.api.client_address import parse_address
from tawny.model.errors import DatabaseDamaged, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, ClockSteps, SystemClock, utc_text
from tawny.storage.index.damaged_files import forget_put_aside
from tawny.storage.index.sqlite_file import SmallDb

log = logging.getLogger(__name__)
ACCOUNTS: Final = "accounts.db"

SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
  password TEXT NOT NULL,            -- argon2id; empty: signs in by link only
  made_ms INTEGER NOT NULL,
  cameras TEXT,                      -- a JSON list of those that a viewer may see; NULL: all
  ends_ms INTEGER) STRICT;           -- of a guest; NULL: never
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  made_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,
  agent TEXT NOT NULL, address TEXT NOT NULL,
  how TEXT NOT NULL DEFAULT '',      -- how the user signed in
  confirmed_ms INTEGER) STRICT;      -- when the password was last entered; NULL: at the sign-in
CREATE INDEX IF NOT EXISTS sessions_by_person ON sessions(person, seen_ms);
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY, purpose TEXT NOT NULL, person TEXT REFERENCES people(id) ON DELETE CASCADE,
  ends_ms INTEGER NOT NULL, used_ms INTEGER,
  made_by TEXT,                      -- a person's id; NULL: made on the recorder
  session BLOB REFERENCES sessions(hash) ON DELETE CASCADE) STRICT;  -- that made it for a phone; else NULL
CREATE TABLE IF NOT EXISTS passkeys (
  id BLOB PRIMARY KEY,               -- as the authenticator named it
  person TEXT NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  name TEXT NOT NULL, public_key BLOB NOT NULL, sign_count INTEGER NOT NULL,
  host TEXT NOT NULL,                -- under which it was made; the browser offers it under no other
  made_ms INTEGER NOT NULL, used_ms INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS passkeys_by_person ON passkeys(person);
CREATE TABLE IF NOT EXISTS two_step (
  person TEXT PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE,
  secret TEXT NOT NULL,              -- of the codes, base 32
  last_step INTEGER NOT NULL,        -- time step of the newest code that was used
  made_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS recovery_codes (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES two_step(person) ON DELETE CASCADE) STRICT;
CREATE TABLE IF NOT EXISTS identities (
  person TEXT PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE,
  name TEXT NOT NULL,                -- name or e-mail address at the sign-in provider, lower case
  issuer TEXT NOT NULL DEFAULT '',   -- with subject: who it was at the first sign-in; empty: no one yet
  subject TEXT NOT NULL DEFAULT '') STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS identities_by_name ON identities(name);
CREATE TABLE IF NOT EXISTS former_links (
  name TEXT NOT NULL, person TEXT NOT NULL, -- of removed users: a proxy means no one else by the name
  PRIMARY KEY (name, person)) STRICT;
DROP TRIGGER IF EXISTS identities_end; -- a changed link is an owner's decision
CREATE TRIGGER IF NOT EXISTS people_end BEFORE DELETE ON people BEGIN
  INSERT OR IGNORE INTO former_links SELECT name, person FROM identities WHERE person = OLD.id AND name != OLD.folded;
END;
CREATE TABLE IF NOT EXISTS passes (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,
  digest TEXT NOT NULL,              -- for login by RTSP
  cameras TEXT, made_ms INTEGER NOT NULL,
  ends_ms INTEGER,                   -- NULL: when it is taken back
  brings INTEGER,                    -- bytes that another recorder may bring; NULL: it sees what is live
  keeps_ms INTEGER,                  -- it may only add files, which are kept for this time; NULL: also read and delete
  made_by TEXT,                      -- a person's id; NULL: made on the recorder, or by an earlier version
  sends TEXT) STRICT;                -- the ID of a phone that is a camera and may send its picture; NULL: none
CREATE TABLE IF NOT EXISTS shares (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, camera TEXT NOT NULL,
  from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  names_camera INTEGER NOT NULL, code TEXT NOT NULL,      -- argon2id; empty: none
  made_by TEXT NOT NULL,             -- a person's id
  made_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, opened INTEGER NOT NULL,
  clip TEXT NOT NULL DEFAULT '',     -- a saved clip's id; empty: cut from the recordings
  cameras TEXT) STRICT;              -- a JSON list of those a saved clip shows; NULL: `camera` alone
CREATE TABLE IF NOT EXISTS walls (
  person TEXT PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE,
  layout TEXT NOT NULL) STRICT;      -- JSON
CREATE TABLE IF NOT EXISTS plan (
  id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,
  image BLOB NOT NULL,               -- PNG or JPEG; empty: none
  cameras TEXT NOT NULL) STRICT;     -- JSON
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, person TEXT NOT NULL, action TEXT NOT NULL,
  detail TEXT NOT NULL, address TEXT NOT NULL) STRICT;
"""

VERSION: Final = 8
COPY_S: Final = 10.0
"""Interval in s at which changes are looked for."""
COPY_AGAIN_S: Final = 300.0
"""Until the next try after a failure."""
_STATE: Final = (
    "SELECT * FROM people ORDER BY id",
    "SELECT hash, person FROM sessions ORDER BY hash",
    "SELECT hash, purpose, person, ends_ms, used_ms FROM tokens ORDER BY hash",
    "SELECT id, person, name FROM passkeys ORDER BY id",
    "SELECT person, secret FROM two_step ORDER BY person",
    "SELECT hash FROM recovery_codes ORDER BY hash",
    "SELECT * FROM identities ORDER BY person",
    "SELECT * FROM former_links ORDER BY name, person",
    "SELECT * FROM passes ORDER BY id",
    "SELECT id, hash, code, made_by, ends_ms FROM shares ORDER BY id",
    "SELECT * FROM walls ORDER BY person",
    "SELECT version, cameras FROM plan",
)

_LATER: Final = (
    ("people", "cameras", "TEXT"),
    ("shares", "clip", "TEXT NOT NULL DEFAULT ''"),
    ("passes", "brings", "INTEGER"),
    ("passes", "made_by", "TEXT"),
    ("passes", "sends", "TEXT"),
    ("passes", "keeps_ms", "INTEGER"),
    ("tokens", "made_by", "TEXT"),
    ("shares", "cameras", "TEXT"),
    ("people", "ends_ms", "INTEGER"),
    ("sessions", "how", "TEXT NOT NULL DEFAULT ''"),
    ("sessions", "confirmed_ms", "INTEGER"),
    ("tokens", "session", "BLOB REFERENCES sessions(hash) ON DELETE CASCADE"),
)
"""Columns missing in some files of earlier versions."""

_MOVES: Final = {
    "sessions": "UPDATE sessions SET seen_ms = seen_ms + ?1, ends_ms = ends_ms + ?1 WHERE hash = ?2",
    "begun": "UPDATE sessions SET made_ms = made_ms + ?1 WHERE hash = ?2",
    "confirmed": "UPDATE sessions SET confirmed_ms = confirmed_ms + ?1 WHERE hash = ?2",
    "tokens": "UPDATE tokens SET ends_ms = ends_ms + ?1, used_ms = used_ms + ?1 WHERE hash = ?2",
    "shares": "UPDATE shares SET made_ms = made_ms + ?1, ends_ms = ends_ms + ?1 WHERE hash = ?2",
}
"""How times of a row follow a step of the clock: of sessions, each in the run that set it."""
MOST_IN_STEP: Final = 2000
WRITE_AGAIN_S: Final = 60.0
"""Until the next try to write what may be lost."""


class AccountsFile(SmallDb):
    """The database file. path: a file, or `:memory:`. renew: as in SmallDb.

    Times that were set for a while in this run follow steps of the clock (`keep_in_step`). Raises DatabaseDamaged,
    DatabaseNewer, StorageError.
    """

    def __init__(self, path: Path | str, *, renew: bool = False) -> None:
        super().__init__(path, SCHEMA, VERSION, _migrate, renew=renew)
        self._in_step: dict[tuple[str, bytes], int] = {}
        """Key in _MOVES and hash of rows, the last set last, with `_moved_ms` as of their times."""
        self._set_now: list[tuple[str, bytes]] = []
        self._moved_ms, self._write_again_s = 0, 0.0
        self.use_clock(SystemClock())

    def use_clock(self, clock: Clock) -> None:
        self._clock, self._steps = clock, ClockSteps(clock)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with super().writing() as db:
            self._set_now = set_now = list[tuple[str, bytes]]()
            moved_ms = self._moved_ms
            yield db
        if not set_now:
            return
        with self._lock:  # committed: on a full disk, only COMMIT fails
            for one in set_now:
                self._in_step.pop(one, None)
                self._in_step[one] = moved_ms
            self._must_follow |= moved_ms != self._moved_ms  # by another thread's step since
            while len(self._in_step) > MOST_IN_STEP:
                del self._in_step[next(iter(self._in_step))]

    def keep_in_step(self, key: bytes, *what: str) -> None:
        """Let times of a row, set just now, follow steps of the clock. Call within `writing`. what: keys in _MOVES."""
        self._set_now += [(each, key) for each in what]

    def is_in_step(self, what: str, key: bytes) -> bool:
        """Return whether times of a row follow steps of the clock. Call within `writing`."""
        return (what, key) in self._in_step or (what, key) in self._set_now

    def note_use(self, query: str, row: Sequence[Any], in_step: str = "") -> bool:
        """Write when or how often something was used. Return False while the disk takes no writes: what reads goes on.

        It is then tried again after WRITE_AGAIN_S. in_step: as for `keep_in_step`; the last value is the row's key.
        """
        now_s = self._clock.mono_s()
        if now_s < self._write_again_s:
            return False
        try:
            with self.writing() as db:
                db.execute(query, row)
                if in_step:
                    self.keep_in_step(row[-1], in_step)
        except StorageError as error:
            self._put_off(error)
            return False
        self._write_again_s = 0.0
        return True

    def _put_off(self, error: Exception) -> None:
        if not self._write_again_s:
            log.warning("cannot write to the accounts: %s", error)
        self._write_again_s = self._clock.mono_s() + WRITE_AGAIN_S

    def _follow_clock(self, db: sqlite3.Connection, moved_ms: int) -> None:
        """Move what was set in this run. While the disk takes no writes, it moves later."""
        self._moved_ms += moved_ms
        self._must_follow = bool(self._in_step)
        if not self._in_step or self._clock.mono_s() < self._write_again_s:
            return
        try:
            db.execute("BEGIN IMMEDIATE")
            for (what, key), set_ms in self._in_step.items():
                db.execute(_MOVES[what], (self._moved_ms - set_ms, key))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._put_off(error)
        else:
            self._in_step = dict.fromkeys(self._in_step, self._moved_ms)
            self._must_follow, self._write_again_s = False, 0.0
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    def has_people(self) -> bool:
        with self.reading() as db:
            return db.execute("SELECT 1 FROM people").fetchone() is not None

    def has_claim(self) -> bool:
        """Return whether a link for the owner is valid now."""
        query = "SELECT 1 FROM tokens WHERE purpose = 'claim' AND used_ms IS NULL AND ends_ms > ?"
        with self.reading() as db:
            return db.execute(query, (self._clock.now_ms(),)).fetchone() is not None

    def state(self) -> bytes:
        """Return a digest of who may sign in and see what: not of the audit log, nor of when sessions were used."""
        made = hashlib.sha256()
        with self.reading() as db:
            for query in _STATE:
                made.update(repr(db.execute(query).fetchall()).encode())
        return made.digest()

    def end_sign_ins(self, note: str) -> None:
        """Void all sessions, sign-in links and known devices, and say so in the audit log. Raises StorageError."""
        with self.writing() as db:
            db.execute("DELETE FROM sessions")
            db.execute("DELETE FROM tokens")
            number = max(0, db.execute("SELECT coalesce(max(number), 0) FROM audit").fetchone()[0]) + 1
            row = (number, SystemClock().now_ms(), "", "everyone signed out", note, "this computer")
            db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", row)


class AccountsCopy:
    """Actor that copies the accounts to the fallback disk soon after a change, also of the command line.

    Someone who was removed could otherwise sign in again after a failover.
    """

    name: Final = "accounts copy"

    def __init__(self, file: AccountsFile, copy: Path) -> None:
        self._file, self._copy = file, copy
        self._copied = b""
        """State of the accounts when they were last copied."""

    def step(self) -> float:
        try:
            if not os.access(self._copy.parent / "history", os.F_OK):
                return COPY_S  # the disk is missing
            state = self._file.state()
            if (state != self._copied or not self._copy.is_file()) and self._file.has_people():
                self._file.copy_apart(self._copy)
                self._copied = state
        except (StorageError, OSError) as error:
            log.warning("cannot copy accounts to the fallback disk: %s", error)
            return COPY_AGAIN_S
        return COPY_S

    def close(self) -> None:
        """Nothing to release."""


def open_with_copy(path: Path, copy: Path | None) -> AccountsFile:
    """Open the accounts for the recorder, and copy them to `copy`, if its folder is of a recorder.

    After damage they are as in that copy, and everyone signs in again: who was signed out since stays so. A copy with
    users is kept while there are none here. Raises DatabaseNewer, StorageError.
    """
    day = _day_of(copy)
    file = AccountsFile(path, renew=True)
    try:
        if copy is None:
            return file
        if not file.was_renewed:
            if not os.access(copy.parent / "history", os.F_OK):
                return file
            if file.has_people() or not _has_people(copy):
                file.copy_to(copy)
            else:
                log.warning("%s has no users: the copy on the fallback disk stays as it is", path)
        elif _has_people(copy):
            with closing(AccountsFile(copy)) as kept:
                kept.end_sign_ins(f"users are as on {day}, in the copy on the fallback disk: {path.name} was damaged")
                kept.copy_to(path)
            forget_put_aside(path.parent, path.name)
            log.warning("users are as on %s, in the copy on the fallback disk; everyone signs in again", day)
    except (StorageError, OSError) as error:
        log.warning("cannot copy accounts from or to the fallback disk: %s", error)
    return file


def _day_of(copy: Path | None) -> str:
    """Return the day when a copy was last written; empty if there is none."""
    with suppress(OSError):
        return utc_text(round(copy.stat().st_mtime * 1000))[:10] if copy else ""
    return ""


def _has_people(copy: Path) -> bool:
    """Return whether a copy has users. A damaged one has none that can be read."""
    if not copy.is_file():
        return False
    with suppress(DatabaseDamaged), closing(AccountsFile(copy)) as kept:
        return kept.has_people()
    return False


def forget_places(db: sqlite3.Connection, cameras: Collection[CameraId]) -> None:
    """Take cameras out of the layouts of live views and off the floor plan."""
    for table, key, column in (("walls", "person", "layout"), ("plan", "id", "cameras")):
        for row, text in db.execute(f"SELECT {key}, {column} FROM {table}").fetchall():  # noqa: S608
            value = json.loads(text)
            left = _without(value, cameras)
            if left != value:
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (json.dumps(left), row))  # noqa: S608


def _without(value: Any, cameras: Collection[CameraId]) -> Any:
    """Return JSON whose lists have none of these cameras, as an ID or as an object about one, nor their sizes."""
    if isinstance(value, dict):
        if isinstance(sizes := value.get("sizes"), dict):  # a camera may be called so
            value = {**value, "sizes": {camera: size for camera, size in sizes.items() if camera not in cameras}}
        return {key: _without(one, cameras) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    left = [one for one in value if (one.get("camera") if isinstance(one, dict) else one) not in cameras]
    return [_without(one, cameras) for one in left]


def _migrate(db: sqlite3.Connection, _version: int) -> None:
    for table, column, kind in _LATER:
        if column not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def names_in(db: sqlite3.Connection) -> list[str]:
    """Return the names of all users, then of those that only the audit log still knows. Of files of any version."""
    names = [name for (name,) in db.execute("SELECT name FROM people ORDER BY name")]
    # without an address, it was no user, but such as MQTT or a rule
    acted = db.execute("SELECT DISTINCT person, address FROM audit WHERE number >= 0")
    names += [person for person, address in acted if parse_address(address) is not None]
    for action, detail in db.execute("SELECT DISTINCT action, detail FROM audit WHERE action LIKE 'user %'"):
        names.append(detail if action == "user removed" or ": " not in detail else detail.rpartition(": ")[0])
    return [one for one in dict.fromkeys(names) if one]

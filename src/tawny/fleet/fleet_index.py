"""What a hub knows: its boxes, invitations to join, the events that boxes have sent, and the last pictures (`hub.db`).

A line of history is known by its place: box, file, byte. Rows and cursor are committed together, so that lines sent
again change nothing. Everything but the boxes' keys can be lost: the boxes send it again.
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tawny.fleet.history_reader import NAME, HistoryPiece
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.storage.history.ledger import event_of
from tawny.storage.index.sqlite_file import SmallDb

HUB_FILE: Final = "hub.db"
VERSION: Final = 1
INVITATION_MS: Final = 10 * 60_000
MOST_INVITATIONS: Final = 50
MOST_EVENTS: Final = 1_000_000
"""Of one box; the oldest ones are deleted."""
MOST_RECORD_BYTES: Final = 64 * 1024
LATEST_MS: Final = 253_402_300_799_000
"""End of year 9999, ms UTC."""
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
MOST_PICTURE_BYTES: Final = 256 * 1024
MOST_PICTURES: Final = 256
"""Of one box."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS boxes (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, key BLOB NOT NULL UNIQUE, words TEXT NOT NULL,
  joined_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
  book TEXT NOT NULL,                -- its history; with another one, rows and cursors begin again
  version TEXT NOT NULL, allow TEXT NOT NULL,
  status TEXT NOT NULL) STRICT;      -- its health when last seen, JSON; empty: unknown
CREATE TABLE IF NOT EXISTS invitations (
  hash BLOB PRIMARY KEY, ends_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cursors (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, file TEXT NOT NULL, offset INTEGER NOT NULL,
  PRIMARY KEY (box, file)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, id TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  file TEXT NOT NULL, offset INTEGER NOT NULL,  -- place of the newest line about it
  record TEXT NOT NULL,              -- JSON as in the history; empty: the event was deleted
  PRIMARY KEY (box, id)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_start ON events (start_ms, box, id) WHERE record != '';
CREATE INDEX IF NOT EXISTS events_of_box ON events (box, start_ms, id) WHERE record != '';
CREATE TABLE IF NOT EXISTS pictures (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL,
  at_ms INTEGER NOT NULL, jpeg BLOB NOT NULL, PRIMARY KEY (box, camera)) STRICT;
"""
_END_OF_FILES: Final = 1 << 62
_BOXES: Final = "SELECT id, name, key, words, joined_ms, seen_ms, version, allow, status FROM boxes"


@dataclass(frozen=True, slots=True)
class Box:
    """A recorder that has joined. seen_ms: when its line was last up. status: its health then; empty: unknown."""

    id: str
    name: str
    key: bytes
    words: str
    joined_ms: int
    seen_ms: int
    version: str
    allow: tuple[str, ...]
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BoxEvent:
    box: str
    event: Event


class FleetIndex(SmallDb):
    """Thread-safe; waits for the disk. Raises StorageError, DiskFull, DatabaseNewer."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        super().__init__(path, _SCHEMA, VERSION)
        self._clock = clock

    # --- joining

    def invite(self) -> tuple[str, int]:
        """Return a code that lets one recorder join, and when it expires, ms UTC."""
        code, now_ms = secrets.token_urlsafe(16), self._clock.now_ms()
        with self.writing() as db:
            db.execute("DELETE FROM invitations WHERE ends_ms <= ?", (now_ms,))
            db.execute(
                "DELETE FROM invitations WHERE hash NOT IN "
                "(SELECT hash FROM invitations ORDER BY ends_ms DESC LIMIT ?)",
                (MOST_INVITATIONS - 1,),
            )
            db.execute("INSERT INTO invitations VALUES (?, ?)", (_hash(code), now_ms + INVITATION_MS))
        return code, now_ms + INVITATION_MS

    def join(self, code: str, name: str, key: bytes, words: str) -> Box | None:
        """Add a box, and use up the code. A box that has joined before keeps its id. None: the code is not valid."""
        now_ms = self._clock.now_ms()
        with self.writing() as db:
            used = db.execute("DELETE FROM invitations WHERE hash = ? AND ends_ms > ?", (_hash(code), now_ms))
            if used.rowcount != 1:
                return None
            row = db.execute("SELECT id FROM boxes WHERE key = ?", (key,)).fetchone()
            if row is None:
                taken = {one for (one,) in db.execute("SELECT id FROM boxes")}
                db.execute(
                    "INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, '', '', '[]', '')",
                    (_free_id(name, taken), name, key, words, now_ms, now_ms),
                )
        return self.box_of(key)

    def boxes(self) -> list[Box]:
        with self.reading() as db:
            return [_box(row) for row in db.execute(f"{_BOXES} ORDER BY name COLLATE NOCASE, id")]

    def box_of(self, key: bytes) -> Box | None:
        """Return the box with this public key; None if none has joined with it, or it was revoked."""
        with self.reading() as db:
            row = db.execute(f"{_BOXES} WHERE key = ?", (key,)).fetchone()
        return _box(row) if row else None

    def revoke(self, box: str) -> bool:
        """Remove a box and all that is known of it. Return False if there is none."""
        with self.writing() as db:
            return db.execute("DELETE FROM boxes WHERE id = ?", (box,)).rowcount == 1

    def note(self, box: str, version: str, allow: Iterable[str], status: Mapping[str, Any]) -> None:
        """Store what a box is now, and the time. Deletes events beyond MOST_EVENTS."""
        row = (self._clock.now_ms(), version, json.dumps(list(allow)), json.dumps(status) if status else "", box)
        with self.writing() as db:
            db.execute("UPDATE boxes SET seen_ms = ?, version = ?, allow = ?, status = ? WHERE id = ?", row)
            db.execute(
                "DELETE FROM events WHERE box = ?1 AND start_ms <= "
                "(SELECT start_ms FROM events WHERE box = ?1 AND record != '' "
                "ORDER BY start_ms DESC LIMIT 1 OFFSET ?2)",
                (box, MOST_EVENTS),
            )

    # --- history

    def cursors(self, box: str, book: str) -> dict[str, int]:
        """Return how far each file of this book is stored. With another book, what came from the former is deleted."""
        with self.writing() as db:
            row = db.execute("SELECT book FROM boxes WHERE id = ?", (box,)).fetchone()
            if row is None:
                return {}
            if row[0] != book:
                _clear_history(db, box)
                db.execute("UPDATE boxes SET book = ? WHERE id = ?", (book, box))
            return dict(db.execute("SELECT file, offset FROM cursors WHERE box = ?", (box,)).fetchall())

    def refill(self, box: str) -> None:
        """Delete rows and cursors of a box, which sends everything again."""
        with self.writing() as db:
            _clear_history(db, box)

    def add(self, box: str, piece: HistoryPiece) -> int:
        """Store lines and the cursor behind them in one commit; return the cursor. Lines before it change nothing.

        Lines beyond the cursor are not stored either: the box reads on from the returned one.
        """
        with self.writing() as db:
            row = db.execute("SELECT offset FROM cursors WHERE box = ? AND file = ?", (box, piece.file)).fetchone()
            cursor = int(row[0]) if row else 0
            is_known = db.execute("SELECT 1 FROM boxes WHERE id = ?", (box,)).fetchone() is not None
            if not is_known or not NAME.fullmatch(piece.file) or piece.offset != cursor or not _is_whole(piece):
                return cursor
            offset = piece.offset
            for line in piece.data.splitlines(keepends=True):
                _store_line(db, box, (piece.file, offset), line)
                offset += len(line)
            db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (box, piece.file, piece.end))
            return piece.end

    def events(self, boxes: Sequence[str], before_ms: int | None, limit: int) -> list[BoxEvent]:
        """Return events of these boxes, newest first. before_ms: that started earlier; None: all."""
        marks = ",".join("?" * len(boxes))
        query = (
            f"SELECT box, record FROM events WHERE record != '' AND box IN ({marks}) AND start_ms < ? "  # noqa: S608
            "ORDER BY start_ms DESC, box, id DESC LIMIT ?"
        )
        with self.reading() as db:
            rows = db.execute(query, (*boxes, before_ms if before_ms is not None else 1 << 62, limit)).fetchall()
        return [BoxEvent(box, event_of(json.loads(record))) for box, record in rows]

    # --- last pictures

    def keep_picture(self, box: str, camera: CameraId, jpeg: bytes) -> None:
        """Store the last picture that was shown of a camera, for when its box is offline."""
        if len(jpeg) > MOST_PICTURE_BYTES:
            return
        with self.writing() as db:
            (count,) = db.execute(
                "SELECT count(*) FROM pictures WHERE box = ? AND camera != ?", (box, camera)
            ).fetchone()
            if count < MOST_PICTURES and db.execute("SELECT 1 FROM boxes WHERE id = ?", (box,)).fetchone():
                row = (box, camera, self._clock.now_ms(), jpeg)
                db.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?)", row)

    def picture(self, box: str, camera: CameraId) -> tuple[int, bytes] | None:
        """Return the last picture and when it was seen, ms UTC; None if there is none."""
        with self.reading() as db:
            found = db.execute(
                "SELECT at_ms, jpeg FROM pictures WHERE box = ? AND camera = ?", (box, camera)
            ).fetchone()
        return (int(found[0]), bytes(found[1])) if found else None

    def picture_times(self) -> dict[tuple[str, str], int]:
        """Return the time of each last picture, ms UTC, by box and camera."""
        with self.reading() as db:
            return {(box, camera): at for box, camera, at in db.execute("SELECT box, camera, at_ms FROM pictures")}


def _box(row: Sequence[Any]) -> Box:
    key, name, public_key, words, joined_ms, seen_ms, version, allow, status = row
    health = json.loads(status) if status else {}
    return Box(key, name, public_key, words, joined_ms, seen_ms, version, tuple(json.loads(allow)), health)


def _is_whole(piece: HistoryPiece) -> bool:
    """Return whether a piece ends where it says. One without data stands for a long line."""
    return piece.offset < piece.end < _END_OF_FILES and len(piece.data) in (0, piece.end - piece.offset)


def _clear_history(db: sqlite3.Connection, box: str) -> None:
    db.execute("DELETE FROM events WHERE box = ?", (box,))
    db.execute("DELETE FROM cursors WHERE box = ?", (box,))


def _store_line(db: sqlite3.Connection, box: str, place: tuple[str, int], line: bytes) -> None:
    """Store one line, unless a later one about the same event is stored: newer files come first."""
    found = _event_in(line)
    if found is None:
        return
    event, start_ms, record = found
    row = db.execute("SELECT file, offset FROM events WHERE box = ? AND id = ?", (box, event)).fetchone()
    if row is not None and _order(*row) >= _order(*place):
        return
    db.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)", (box, event, start_ms, *place, record))


def _event_in(line: bytes) -> tuple[str, int, str] | None:
    """Return id, start and record of an event line; None for other and unreadable lines. A box may send anything."""
    try:
        said = json.loads(line)
        if said["what"] == "event_dropped":
            event, start_ms, record = str(said["event_dropped"]["id"]), 0, ""
        elif said["what"] == "event":
            read = event_of(said["event"])
            json.dumps(said["event"], ensure_ascii=False).encode()  # half of a character can't be sent to a browser
            event, start_ms, record = read.id, read.start_ms, json.dumps(said["event"], separators=(",", ":"))
        else:
            return None
        is_valid = _ID.fullmatch(event) and 0 <= start_ms <= LATEST_MS and len(record) <= MOST_RECORD_BYTES
        return (event, start_ms, record) if is_valid else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _order(file: str, offset: int) -> tuple[str, int, int]:
    number = file[11:].removesuffix(".jsonl")
    return file[:10], int(number) if number.isdigit() else 1, offset


def _free_id(name: str, taken: set[str]) -> str:
    """Return an id for an address: `garden-shed`, or with a number if there is one of that name."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    base, number = "-".join(words)[:30].strip("-") or "recorder", 2
    found = base
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


def _hash(code: str) -> bytes:
    return sha256(code.encode()).digest()

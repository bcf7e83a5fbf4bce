"""State of modes and rules that survives a restart, in an SQLite file of its own (`modes.db`). Thread-safe.

If the disk fails, the state is kept in memory and `problem` holds the error.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.config.renamed import rename_action
from tawny.model.errors import DatabaseNewer, StorageError
from tawny.model.ids import EventId
from tawny.storage.index.small_db import MEMORY, SmallDb

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS changes (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, mode TEXT NOT NULL, who TEXT NOT NULL, home TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS changes_at ON changes (at_ms);
CREATE TABLE IF NOT EXISTS reasons (
  event TEXT NOT NULL, deed TEXT NOT NULL, does INTEGER NOT NULL, why TEXT NOT NULL, rule_does INTEGER NOT NULL,
  rule_says TEXT NOT NULL, is_final INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (event, deed)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reasons_at ON reasons (at_ms);
"""
VERSION: Final = 1
REMEMBERED_MS: Final = 90 * 86_400_000
_FORMER: Final = {"week": "schedule"}
"""What set a mode, as earlier versions wrote it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """Result of the rules for an event.

    deed: the action, for example `notify phone`. why: the complete reason. rule_does, rule_says: the part of the rules.
    """

    event: EventId
    deed: str
    does: bool
    why: str
    rule_does: bool
    rule_says: str
    is_final: bool
    """Whether the event had ended."""
    at_ms: int


class ModeStore:
    """Stores mode, holds, presence and rule outcomes. where: a file, or `:memory:`. Thread-safe."""

    def __init__(self, where: Path | str) -> None:
        """Raises DatabaseNewer. After any other disk error, the state is kept in memory."""
        self.problem: StorageError | None = None
        self._lock = threading.Lock()  # `move_to` copies what was written before
        try:
            self._file = SmallDb(where, SCHEMA, VERSION)
        except DatabaseNewer:
            raise
        except StorageError as error:
            self._failed(error)
            self._file = SmallDb(MEMORY, SCHEMA, VERSION)

    def move_to(self, path: Path) -> None:
        """Store in this file from now on, which must not exist yet."""
        with self._lock:
            try:
                self._file.save_as(path)
                self._file = SmallDb(path, SCHEMA, VERSION)
            except StorageError as error:
                self._failed(error)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._file.writing() as db:
            yield db

    def close(self) -> None:
        self._file.close()

    def facts(self) -> dict[str, Any]:
        """Return all values by name."""
        with self._file.reading() as db:
            return {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM facts").fetchall()}

    def keep(self, name: str, value: Any) -> None:
        """Store a value as JSON; None deletes it."""
        try:
            with self._writing() as db:
                db.execute("DELETE FROM facts WHERE name = ?", (name,))
                if value is not None:
                    db.execute("INSERT INTO facts VALUES (?, ?)", (name, json.dumps(value)))
        except StorageError as error:
            self._failed(error)

    def changes(self) -> list[tuple[int, str, str, frozenset[str]]]:
        """Return time (ms UTC), mode, its origin and the people at home, oldest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT at_ms, mode, who, home FROM changes ORDER BY id").fetchall()
        return [(at_ms, mode, _FORMER.get(who, who), frozenset(json.loads(home))) for at_ms, mode, who, home in rows]

    def change(self, at_ms: int, mode: str, who: str, home: frozenset[str]) -> None:
        """Add a change; delete those older than REMEMBERED_MS."""
        try:
            with self._writing() as db:
                db.execute("DELETE FROM changes WHERE at_ms < ?", (at_ms - REMEMBERED_MS,))
                row = (at_ms, mode, who, json.dumps(sorted(home)))
                db.execute("INSERT INTO changes (at_ms, mode, who, home) VALUES (?, ?, ?, ?)", row)
        except StorageError as error:
            self._failed(error)

    def reasons(self, event: EventId) -> list[RuleOutcome]:
        query = (
            "SELECT deed, does, why, rule_does, rule_says, is_final, at_ms FROM reasons WHERE event = ? "
            "ORDER BY at_ms, deed"
        )
        with self._file.reading() as db:
            rows = db.execute(query, (event,)).fetchall()
        return [
            RuleOutcome(
                event, rename_action(deed) or deed, bool(does), why, bool(rule_does), says, bool(is_final), at_ms
            )
            for deed, does, why, rule_does, says, is_final, at_ms in rows
        ]

    def reason(self, one: RuleOutcome) -> None:
        """Store an outcome, replacing that of the same event and action; delete those older than REMEMBERED_MS."""
        try:
            with self._writing() as db:
                db.execute("DELETE FROM reasons WHERE at_ms < ?", (one.at_ms - REMEMBERED_MS,))
                row = (
                    one.event, one.deed, one.does, one.why, one.rule_does, one.rule_says, one.is_final, one.at_ms,
                )  # fmt: skip
                db.execute("INSERT OR REPLACE INTO reasons VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        except StorageError as error:
            self._failed(error)

    def _failed(self, error: StorageError) -> None:
        self.problem = error
        log.error("active mode could not be stored: %s", error)

"""What modes and rules must know after a restart, in a small file of its own (`modes.db`).

A disk that does not take it stops nothing: it is known as long as the program runs, and `problem` says what is wrong.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.config.renamed import rename_action
from tawny.model.errors import StorageError
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
REMEMBERED_MS: Final = 90 * 86_400_000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of an event. deed: for example `notify phone`. why: all that decided it; rule_…: the rules' part."""

    event: EventId
    deed: str
    does: bool
    why: str
    rule_does: bool
    rule_says: str
    is_final: bool
    """The event was over then."""
    at_ms: int


class ModeStore:
    """where: a file, or `:memory:`. Any thread."""

    def __init__(self, where: Path | str) -> None:
        self.problem: StorageError | None = None
        try:
            self._file = SmallDb(where, SCHEMA)
        except StorageError as error:
            self._failed(error)
            self._file = SmallDb(MEMORY, SCHEMA)

    def close(self) -> None:
        self._file.close()

    def facts(self) -> dict[str, Any]:
        """By name."""
        with self._file.reading() as db:
            return {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM facts").fetchall()}

    def keep(self, name: str, value: Any) -> None:
        """As JSON; None takes it away."""
        try:
            with self._file.writing() as db:
                db.execute("DELETE FROM facts WHERE name = ?", (name,))
                if value is not None:
                    db.execute("INSERT INTO facts VALUES (?, ?)", (name, json.dumps(value)))
        except StorageError as error:
            self._failed(error)

    def changes(self) -> list[tuple[int, str, str, frozenset[str]]]:
        """When, mode, by whom or what, who was at home; oldest first."""
        with self._file.reading() as db:
            rows = db.execute("SELECT at_ms, mode, who, home FROM changes ORDER BY id").fetchall()
        return [(at_ms, mode, who, frozenset(json.loads(home))) for at_ms, mode, who, home in rows]

    def change(self, at_ms: int, mode: str, who: str, home: frozenset[str]) -> None:
        """Note one; those of long ago go."""
        try:
            with self._file.writing() as db:
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
        """Note one, in place of what was noted of the same deed before; those of long ago go."""
        try:
            with self._file.writing() as db:
                db.execute("DELETE FROM reasons WHERE at_ms < ?", (one.at_ms - REMEMBERED_MS,))
                row = (
                    one.event, one.deed, one.does, one.why, one.rule_does, one.rule_says, one.is_final, one.at_ms,
                )  # fmt: skip
                db.execute("INSERT OR REPLACE INTO reasons VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        except StorageError as error:
            self._failed(error)

    def _failed(self, error: StorageError) -> None:
        self.problem = error
        log.error("what mode is on is not kept: %s", error)

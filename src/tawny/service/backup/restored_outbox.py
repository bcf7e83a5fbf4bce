"""`outbox.db` of a backup: nothing that was sent or numbered since the backup is sent or numbered again."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from tawny.delivery.name_counters import raise_counters
from tawny.delivery.outbox import LOST
from tawny.delivery.outbox_rows import SCHEMA, VERSION
from tawny.model.times import Clock, SystemClock
from tawny.service.backup.restored_accounts import opened_to_read
from tawny.storage.disk.private_files import give_to_owner
from tawny.storage.index.sqlite_file import SmallDb

OUTBOX: Final = "outbox.db"
MADE_UP_MS: Final = 7 * 86_400_000
"""What ended earlier is made up for by no scheduler, ms; later than the backup, it is still compared."""
_LATER: Final = "SELECT * FROM deliveries WHERE state = 'waiting' OR done_ms > ? OR why = ? ORDER BY id"
_MARKS: Final = """
SELECT name, value FROM marks WHERE name LIKE 'alarm/%' OR name LIKE 'number%' OR name LIKE 'paused/%'
"""
_NOTIFIERS_BEGIN: Final = """
UPDATE targets SET since_ms = ? WHERE name IN (SELECT substr(name, 6) FROM marks WHERE name LIKE 'plan/%')
"""


def skip_what_was_sent(path: Path, replaced: Path | None, clock: Clock | None = None) -> None:
    """Let notifiers begin now, and counters above all given numbers.

    replaced: outbox of the same recorder that the restore replaced, whose deliveries go on; None: none. An outbox is
    made if the backup has none, for the counters. Can be repeated. Raises StorageError.
    """
    now_ms = (clock or SystemClock()).now_ms()
    file = SmallDb(path, SCHEMA, VERSION, renew=True)
    try:
        with _opened(replaced) as later, file.writing() as db:
            if later is not None:
                _go_on(db, later, now_ms)
            db.execute(_NOTIFIERS_BEGIN, (now_ms,))
            db.execute("DELETE FROM marks WHERE name LIKE 'recap/%'")  # the next one is the first
            raise_counters(db, now_ms)
    finally:
        file.close()
    give_to_owner(path, path.parent)


def merge_wal(path: Path) -> None:
    """Put into a database what a crash has left in its `-wal`, and remove that. If that fails, it is lost."""
    if path.exists():
        with suppress(sqlite3.Error), closing(opened_to_read(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def _opened(replaced: Path | None) -> Iterator[sqlite3.Connection | None]:
    """Open a replaced outbox. None: no file, of another version, or damaged."""
    with ExitStack() as until_end:
        usable = None
        with suppress(sqlite3.Error):
            db = until_end.enter_context(closing(opened_to_read(replaced))) if replaced is not None else None
            if db and db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                usable = db if db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok" else None
        yield usable


def _go_on(db: sqlite3.Connection, later: sqlite3.Connection, now_ms: int) -> None:
    """Put what was sent since the backup, and what waits, in the place of what waited when the backup was made."""
    backup_ms = db.execute("SELECT coalesce(max(done_ms), 0) FROM deliveries").fetchone()[0]
    db.execute("UPDATE deliveries SET state = 'done', why = '' WHERE state = 'waiting' AND done_ms > 0")  # sent before
    db.execute("DELETE FROM deliveries WHERE state = 'waiting'")
    db.execute("UPDATE deliveries SET why = '' WHERE why = ?", (LOST,))  # as is known now
    for _, *row in later.execute(_LATER, (min(backup_ms, now_ms - MADE_UP_MS), LOST)):
        values = ", ?" * len(row)
        db.execute(f"INSERT OR REPLACE INTO deliveries VALUES (NULL{values})", row)  # noqa: S608 only question marks
    db.execute("DELETE FROM marks WHERE name LIKE 'alarm/%' OR name LIKE 'paused/%'")
    db.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", later.execute(_MARKS))

"""`accounts.db` of a backup: what a restore changes about who may do what, and who is signed in afterwards."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from tawny.model.errors import DiskFull, IndexDamaged
from tawny.model.times import utc_text
from tawny.storage.index.mapped_memory import connect
from tawny.storage.index.sqlite_file import sqlite_errors

ACCOUNTS: Final = "accounts.db"
_SIGNED_IN: Final = ("sessions", "tokens")
_NEWER: Final = (
    "SELECT at_ms, person, action, detail, address, number FROM audit WHERE at_ms > ? ORDER BY at_ms, number"
)

Named = dict[str, tuple[str, str]]
"""Name and rights by ID."""


def access_changes(new: Path, here: Path) -> Iterator[str]:
    """Yield sentences about users, access tokens and links that differ from those here. Files may be damaged."""
    try:
        with closing(opened_to_read(new)) as db:
            after = _access(db)
    except sqlite3.Error:
        return
    yield "Everyone signs in again, with the passwords, passkeys and two-step codes of the backup."
    try:
        with closing(opened_to_read(here)) as db:
            before = _access(db)
    except sqlite3.Error:
        return
    if not before[0]:
        return
    (were, passes, shares, linked), (are, next_passes, next_shares, next_linked) = before, after
    for key, (name, may) in are.items():
        if key not in were:
            yield f"{name} is no user here now, and is one after the restore: {may}."
        elif were[key][1] != may:
            yield f"{name} is {were[key][1]}. After the restore: {may}."
    for name in _missing(were, are):
        yield f"{name} is no user after the restore."
    yield from _link_changes(are, linked, next_linked)
    for name in _missing(next_passes, passes):
        yield f"The access token {name} isn't valid here now, and is after the restore."
    for name in _missing(passes, next_passes):
        yield f"The access token {name} isn't valid after the restore."
    if count := len(shares ^ next_shares):
        yield f"Shared links that differ: {count}. See Clips after the restore."


def _link_changes(are: Named, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for key, (name, _) in are.items():
        address = after.get(key, "")
        if address == before.get(key, ""):
            continue
        if address:
            yield f"After the restore, {name} signs in as {address} at the sign-in provider or proxy."
        else:
            yield f"After the restore, {name} is linked to no sign-in provider or proxy."


def end_sign_ins(new: Path, here: Path) -> None:
    """Void the sessions, sign-in links and known devices of a restored file, and keep the newer audit log of `here`.

    A session or link that was ended since the backup would otherwise be valid again. Can be repeated. Raises
    StorageError. A damaged file is left to the next start, which puts it aside.
    """
    if not new.is_file():
        return
    try:
        with sqlite_errors(str(new)), closing(sqlite3.connect(new, isolation_level=None, timeout=10)) as db:
            db.execute("BEGIN IMMEDIATE")
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in tables.intersection(_SIGNED_IN):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 one of these
            if "audit" in tables:
                _add_newer(db, here)
            db.execute("COMMIT")
    except IndexDamaged:
        return


def _add_newer(db: sqlite3.Connection, here: Path) -> None:
    """Add the entries of the audit log here that are newer than the backup's; counted ones have negative numbers."""
    newest_ms, highest, lowest = db.execute(
        "SELECT coalesce(max(at_ms), 0), max(0, coalesce(max(number), 0)), min(0, coalesce(min(number), 0)) FROM audit"
    ).fetchone()
    try:
        with closing(opened_to_read(here)) as old:
            rows = old.execute(_NEWER, (newest_ms,)).fetchall()
    except sqlite3.Error:
        return  # none here, or damaged
    for *row, number in rows:
        if number < 0:
            lowest = next_number = lowest - 1
        else:
            highest = next_number = highest + 1
        db.execute(
            "INSERT INTO audit (number, at_ms, person, action, detail, address) VALUES (?, ?, ?, ?, ?, ?)",
            (next_number, *row),
        )


def opened_to_read(path: Path) -> sqlite3.Connection:
    """Open a file for reading. With `mode=ro`, SQLite would leave its `-wal` and `-shm` behind.

    Raises sqlite3.Error, StorageError.
    """
    try:
        return connect(path, "rw", timeout_s=10)
    except DiskFull:  # on a full Btrfs, that could kill the process
        return connect(path, "ro", timeout_s=10)


def _access(db: sqlite3.Connection) -> tuple[Named, Named, set[str], dict[str, str]]:
    """Return users, access tokens, the IDs of links, and users' names at the sign-in provider. Not yet migrated."""
    people = db.execute("SELECT id, name, role, cameras FROM people ORDER BY name").fetchall()
    ends: dict[str, int | None] = {}
    linked: dict[str, str] = {}
    if db.execute("SELECT 1 FROM pragma_table_info('people') WHERE name = 'ends_ms'").fetchone():  # since version 3
        ends = dict(db.execute("SELECT id, ends_ms FROM people").fetchall())
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'identities'").fetchone():
        linked = dict(db.execute("SELECT person, name FROM identities").fetchall())
    passes = db.execute("SELECT id, name, cameras FROM passes ORDER BY name").fetchall()
    shares = db.execute("SELECT id FROM shares").fetchall()
    return (
        {key: (name, _rights(role, cameras, ends.get(key))) for key, name, role, cameras in people},
        {key: (name, _seen(cameras)) for key, name, cameras in passes},
        {key for (key,) in shares},
        linked,
    )


def _rights(role: str, cameras: str | None, ends_ms: int | None) -> str:
    until = f" until {utc_text(ends_ms)}" if ends_ms else ""
    return role if role == "owner" else f"{role}{until}, sees {_seen(cameras)}"


def _seen(cameras: str | None) -> str:
    named: Sequence[str] | None = None if cameras is None else json.loads(cameras)
    return "all cameras" if named is None else ", ".join(sorted(named)) or "nothing"


def _missing(these: Named, others: Named) -> list[str]:
    return [name for key, (name, _) in these.items() if key not in others]

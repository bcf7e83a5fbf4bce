"""Damaged and empty database files: found, put aside, and forgotten."""

import os
import re
import sqlite3
from pathlib import Path
from typing import Final

from tawny.model.errors import DatabaseDamaged, StorageError
from tawny.model.times import SystemClock

SUFFIXES: Final = ("-wal", "-shm", "")
"""Of the files of a database. The main file is last, so that an incomplete set is not opened."""
_MOST_ASIDE: Final = 10
_ASIDE: Final = re.compile(r"(\w+\.db)\.damaged-(\d{13})")
_REPORTED_MS: Final = 2 * 86_400_000
_NO_PAGE: Final = re.compile(r"unable to get the page\. error code=(\d+)")


def put_aside(path: Path, mark: str = ".damaged") -> None:
    """Rename a damaged database, so that one can be made in its place. Raises OSError."""
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}{mark}{suffix}"))


def recently_put_aside(folder: Path, now_ms: int) -> list[str]:
    """Return the names of the databases that `SmallDb` put aside in the last two days. Raises OSError."""
    with os.scandir(folder) as entries:  # asked every few seconds: paths of all files cost four times as much
        found = [named for name in sorted(one.name for one in entries) if (named := _ASIDE.fullmatch(name))]
    return list(dict.fromkeys(one[1] for one in found if now_ms - int(one[2]) < _REPORTED_MS))


def forget_put_aside(folder: Path, name: str) -> None:
    """Delete what was put aside of a database that was restored. Raises OSError."""
    for old in folder.glob(f"{name}.damaged-*"):
        old.unlink(missing_ok=True)


def keep_aside(path: Path) -> None:
    """Put a database aside under a name of its own, and forget the oldest of many. Raises OSError."""
    put_aside(path, f".damaged-{SystemClock().now_ms():013}")
    kept = sorted(one for one in path.parent.glob(f"{path.name}.damaged-*") if _ASIDE.fullmatch(one.name))
    for old in kept[:-_MOST_ASIDE]:
        for suffix in SUFFIXES:
            old.with_name(old.name + suffix).unlink(missing_ok=True)


def forget_empty(path: Path) -> None:
    """Remove an empty file, as a power failure leaves it, of a database whose content can be made again."""
    if path.is_file() and not path.stat().st_size:
        path.unlink()


def refuse_damage(db: sqlite3.Connection, path: str) -> None:
    """Read all of a database. Raises DatabaseDamaged; StorageError if the disk can't read it: it may be well."""
    wrong = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    if wrong == "ok":
        return
    raise (StorageError if is_unread(wrong) else DatabaseDamaged)(path, wrong)


def is_unread(wrong: str) -> bool:
    """Return whether what a check found is a page that the disk can't read."""
    codes = [int(code) & 0xFF for code in _NO_PAGE.findall(wrong)]
    return any(code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) for code in codes)

"""Counters of names, `{n}`: rows of the outbox's table `marks`, read and changed within the caller's transaction."""

import sqlite3
from typing import Final

NUMBERED: Final = 1_000
_RAISED: Final = "number"  # mark above which all counters go on


def number_of(db: sqlite3.Connection, to: str, key: str) -> int:
    """Return the number of a key in a target's counter, the same again for the last NUMBERED keys."""
    counter, own = f"number/{to}", f"number/{to}/{key}"
    found = db.execute("SELECT value FROM marks WHERE name = ?", (own,)).fetchone()
    if found is not None:
        return int(found[0])
    last = "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM marks WHERE name IN (?, ?)"
    number = int(db.execute(last, (counter, _RAISED)).fetchone()[0]) + 1
    insert = "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    db.executemany(insert, ((counter, str(number)), (own, str(number))))
    forget = (
        "DELETE FROM marks WHERE name IN (SELECT name FROM marks WHERE substr(name, 1, ?) = ? "
        "ORDER BY CAST(value AS INTEGER) DESC LIMIT -1 OFFSET ?)"
    )
    db.execute(forget, (len(counter) + 1, f"{counter}/", NUMBERED))
    return number


def raise_counters(db: sqlite3.Connection, now_ms: int) -> None:
    """Let counters go on at the seconds since 1970, above all that an outbox which is lost has given; never lower."""
    raised = (
        "INSERT INTO marks VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE "
        "SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))"
    )
    db.execute(raised, (_RAISED, str(now_ms // 1000)))


def raise_again(db: sqlite3.Connection, now_ms: int) -> None:
    """Raise counters that were raised before: the clock may have been behind then."""
    raised = "UPDATE marks SET value = max(CAST(value AS INTEGER), ?) WHERE name = ?"
    db.execute(raised, (now_ms // 1000, _RAISED))

"""Opens the hub's index where the settings say, and moves it from SQLite to PostgreSQL.

`psycopg` is imported only where a PostgreSQL database is named.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tawny.fleet.fleet_index import FleetIndex
from tawny.fleet.sqlite_fleet_index import HUB_FILE, SqliteFleetIndex
from tawny.model.errors import NotDone
from tawny.model.times import Clock

if TYPE_CHECKING:
    from tawny.fleet.postgres_fleet_index import PostgresFleetIndex


def open_index(database: str, folder: Path, clock: Clock, *, renew: bool = False) -> FleetIndex:
    """Return the index. database: `hub.database`; empty: `hub.db` in the data folder. renew: as in SmallDb.

    Raises NotDone, StorageError.
    """
    return _postgres(database, clock) if database else SqliteFleetIndex(folder / HUB_FILE, clock, renew=renew)


def migrate(folder: Path, database: str, clock: Clock) -> dict[str, int]:
    """Copy a hub's rows and cursors from `hub.db` to PostgreSQL; return the rows of each table.

    The hub may be running: what boxes send meanwhile, they send again, from the copied cursors on. Raises NotDone: the
    database has boxes already; StorageError.
    """
    target = _postgres(database, clock)
    source = SqliteFleetIndex(folder / HUB_FILE, clock)
    try:
        if target.boxes():
            raise NotDone("The database has recorders already.", "Use an empty database.")
        with source.tables() as tables:
            return target.fill(tables)
    finally:
        source.close()
        target.close()


def _postgres(database: str, clock: Clock) -> "PostgresFleetIndex":
    try:
        from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
    except ImportError:
        raise NotDone(
            "The package for PostgreSQL isn't installed.", "Run `pip install 'tawny[fleet]'`, then try again."
        ) from None
    return PostgresFleetIndex(database, clock)

"""List of the objects in an archive, on the main disk (`history/archive-ID.db`).

With it, the timeline knows archived recordings without a request, and while the archive is away. If it is lost, it is
made again from the bucket. Thread-safe; several processes may read.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tawny.storage.disk.disk import FolderEntry
from tawny.storage.index.damaged_files import forget_empty
from tawny.storage.index.sqlite_file import SmallDb

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    path        TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,   -- -1: being stored
    sha256      TEXT NOT NULL       -- empty: unknown, because the list was made from the bucket
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (is_complete INTEGER NOT NULL);
"""
_BEGUN: Final = -1
_AFTER_SLASH: Final = "0"
"""The character after `/`: a path with it instead of `/` comes after everything in the folder."""


class StoredObject(NamedTuple):
    size_bytes: int
    sha256: str


class StoredObjects:
    """The list. Raises StorageError, DiskFull."""

    def __init__(self, path: Path) -> None:
        """path: the database; created if missing."""
        path.parent.mkdir(mode=0o750, exist_ok=True)
        forget_empty(path)
        self._db = SmallDb(path, _SCHEMA, _VERSION)
        self._size_bytes = self._sum()

    @staticmethod
    def file(root: Path, mark: str) -> Path:
        """Return the database of the archive with this id. root: folder of the main volume."""
        return root / "history" / f"archive-{mark}.db"

    def close(self) -> None:
        self._db.close()

    @property
    def is_complete(self) -> bool:
        """Whether the list was filled once. It must not be used before."""
        with self._db.reading() as db:
            return db.execute("SELECT 1 FROM state").fetchone() is not None

    @property
    def size_bytes(self) -> int:
        """Size of all stored objects, without changes by other processes."""
        return self._size_bytes

    def _sum(self) -> int:
        with self._db.reading() as db:
            found = db.execute("SELECT coalesce(sum(size_bytes), 0) FROM objects WHERE size_bytes > 0").fetchone()
        return int(found[0])

    def fill(self, sizes: Iterable[tuple[str, int]]) -> None:
        """Fill the list from the objects of the bucket."""
        with self._db.writing() as db:
            db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, '')", sizes)
            db.execute("INSERT INTO state VALUES (1)")
        self._size_bytes = self._sum()

    def get(self, path: str) -> StoredObject | None:
        """Return a stored object; None while it is being stored."""
        with self._db.reading() as db:
            found = db.execute(
                "SELECT size_bytes, sha256 FROM objects WHERE path = ? AND size_bytes >= 0", (path,)
            ).fetchone()
        return StoredObject(*found) if found is not None else None

    def begin(self, path: str) -> None:
        """Note that an object is about to be stored, so that its removal also removes what is left of an attempt."""
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, '')", (path, _BEGUN))

    def put(self, path: str, stored: StoredObject) -> None:
        before = self.get(path)
        self._size_bytes += stored.size_bytes - (before.size_bytes if before is not None else 0)
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (path, *stored))

    def knows(self, path: str) -> bool:
        """Return whether the object is stored or being stored."""
        with self._db.reading() as db:
            return db.execute("SELECT 1 FROM objects WHERE path = ?", (path,)).fetchone() is not None

    def drop(self, path: str) -> None:
        before = self.get(path)
        self._size_bytes -= before.size_bytes if before is not None else 0
        with self._db.writing() as db:
            db.execute("DELETE FROM objects WHERE path = ?", (path,))

    def all(self) -> Iterator[tuple[str, int]]:
        """Yield path and size of all stored objects in order."""
        after = ""
        while True:
            with self._db.reading() as db:
                rows = db.execute(
                    "SELECT path, size_bytes FROM objects WHERE path > ? AND size_bytes >= 0 ORDER BY path LIMIT 1000",
                    (after,),
                ).fetchall()
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def entries(self, folder: str) -> list[FolderEntry]:
        """Return files and folders of a folder, sorted by name."""
        found: list[FolderEntry] = []
        prefix = f"{folder}/" if folder else ""
        after, end = prefix, f"{folder}{_AFTER_SLASH}" if folder else "\U0010ffff"
        with self._db.reading() as db:
            while row := db.execute(
                "SELECT path, size_bytes FROM objects WHERE path >= ? AND path < ? AND size_bytes >= 0 "
                "ORDER BY path LIMIT 1",
                (after, end),
            ).fetchone():
                name, slash, _ = str(row[0])[len(prefix) :].partition("/")
                found.append(FolderEntry(name, "folder" if slash else "file", 0 if slash else int(row[1])))
                after = f"{prefix}{name}{_AFTER_SLASH}" if slash else f"{row[0]}\0"
        return sorted(found)

    def has_folder(self, folder: str) -> bool:
        with self._db.reading() as db:
            found = db.execute(
                "SELECT 1 FROM objects WHERE path > ? AND path < ? AND size_bytes >= 0 LIMIT 1",
                (f"{folder}/", f"{folder}{_AFTER_SLASH}"),
            ).fetchone()
        return found is not None

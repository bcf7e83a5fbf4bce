"""List of folders that may hold open segments, so that a start does not scan the whole volume.

Invariant: every open segment, and every closed one not yet in the index, is in a folder listed in
`history/folders.json`. A folder is added durably before its first segment is created. It is removed only when all its
segments are closed and in the index.
"""

import json
import threading
from collections import Counter

from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_hour_folder

_FILE = "history/folders.json"


class OpenFolders:
    """Thread-safe. Raises the errors of the disk."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._written: frozenset[str] = frozenset()

    def enter(self, folder: str) -> None:
        """Register a new segment in the folder. Creates the folder if necessary."""
        with self._lock:
            if folder not in self._written or self._disk.entry(folder) is None:
                self._disk.make_folder(folder)
                self._write(frozenset(self._used) | {folder})
            self._used[folder] += 1

    def leave(self, folder: str) -> None:
        """Unregister a segment that is closed and in the index. The next `enter` updates the file."""
        with self._lock:
            self._used[folder] -= 1
            if self._used[folder] <= 0:
                del self._used[folder]

    def clear(self) -> None:
        """Unregister all folders, durably."""
        with self._lock:
            self._used.clear()
            self._write(frozenset())

    def left_over(self) -> list[str] | None:
        """Return the folders the previous recorder left. None if unknown: all folders must be scanned."""
        entry = self._disk.entry(_FILE)
        if entry is None:
            return None
        try:
            said = json.loads(self._disk.read(_FILE))
        except (ValueError, RecursionError):
            return None
        if not isinstance(said, list):
            return None
        return [one for one in said if isinstance(one, str) and is_hour_folder(one)]

    def _write(self, folders: frozenset[str]) -> None:
        self._disk.make_folder("history")
        self._disk.unlink(f"{_FILE}.new")
        file = self._disk.create(f"{_FILE}.new")
        try:
            file.append([json.dumps(sorted(folders)).encode() + b"\n"])
            file.sync()
        finally:
            file.close()
        self._disk.rename(f"{_FILE}.new", _FILE)
        self._disk.sync_folder("history")
        self._written = folders

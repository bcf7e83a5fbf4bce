"""Which folders may hold open segments, so that a start need not look through all of a volume.

Always true: every open segment, and every closed one whose row is not in the index yet, stands in a folder that
`history/folders.json` names. So a folder is written there, durably, before the first segment is made in it, and taken
out only when all its segments are closed and listed.
"""

import json
import threading
from collections import Counter

from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_hour_folder

_FILE = "history/folders.json"


class OpenFolders:
    """Any thread may call. Raises what the disk raises."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._written: frozenset[str] = frozenset()

    def enter(self, folder: str) -> None:
        """A segment is about to be made there; makes the folder if need be."""
        with self._lock:
            if folder not in self._written or self._disk.entry(folder) is None:
                self._disk.make_folder(folder)
                self._write(frozenset(self._used) | {folder})
            self._used[folder] += 1

    def leave(self, folder: str) -> None:
        """One of its segments is closed and listed. What is written follows with the next `enter`."""
        with self._lock:
            self._used[folder] -= 1
            if self._used[folder] <= 0:
                del self._used[folder]

    def clear(self) -> None:
        """All is closed and listed."""
        with self._lock:
            self._used.clear()
            self._write(frozenset())

    def left_over(self) -> list[str] | None:
        """What the last recorder here left. None when that is not known, and all folders are to be looked through."""
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

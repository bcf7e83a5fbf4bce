"""Folders that may hold open segments, so that a start does not scan the whole volume.

`history/folders.json` lists folders, and an hour from which on every folder counts as listed. A recording in the
current hour therefore waits for no list: the list is written after a segment was closed.

Invariant: every open segment, and every closed one not yet in the index, is in a folder listed in the durable file.
Without a file, or with one that cannot be read, all folders count as listed.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_camera, is_hour_folder

_FILE: Final = "history/folders.json"
_HOUR_CHARACTERS: Final = len("2026/11/20/05")


@dataclass(frozen=True, slots=True)
class _Listed:
    """Content of the file. since: all folders of this hour and later are listed; empty: none but `folders`."""

    folders: frozenset[str] = frozenset()
    since: str = ""

    def has(self, folder: str) -> bool:
        return folder in self.folders or (bool(self.since) and _hour(folder) >= self.since)


class OpenFolders:
    """Thread-safe. Raises the errors of the disk."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._is_read = False
        self._listed: _Listed | None = None  # as durable; None: all folders
        self._newest = ""  # newest hour of a folder in use so far
        self._is_stale = False

    def enter(self, folder: str, *, sync: bool = True) -> None:
        """Register a new segment in the folder. Creates the folder if necessary.

        sync: False leaves a new folder's name to a later `sync_parents` of the disk.
        """
        with self._lock:
            listed = self._durable()
            self._disk.make_folder(folder, sync=sync)
            self._newest = max(self._newest, _hour(folder))
            if listed is not None and not listed.has(folder):
                self._write(_Listed(frozenset(self._used) | {folder}, self._newest))
            else:
                self._is_stale = self._is_stale or listed is None or _hour(folder) > listed.since
            self._used[folder] += 1

    def leave(self, folder: str) -> None:
        """Unregister a segment that is closed and in the index. The next `save` updates the file."""
        with self._lock:
            self._used[folder] -= 1
            if self._used[folder] <= 0:
                del self._used[folder]

    def save(self) -> None:
        """Update the file if a newer hour is in use. Call it when the index is durable."""
        with self._lock:
            if self._is_stale:
                with suppress(StorageError):  # the next call tries again
                    self._write(_Listed(frozenset(self._used), self._newest))

    def clear(self) -> None:
        """Unregister all folders, durably."""
        with self._lock:
            self._used.clear()
            self._durable()
            self._write(_Listed(frozenset(), self._newest))

    def left_over(self) -> list[str] | None:
        """Return the folders the previous recorder left. None if unknown: all folders must be scanned."""
        with self._lock:
            self._is_read = False
            listed = self._durable()
        if listed is None:
            return None
        newer = set(self._folders_since(listed.since)) if listed.since else set[str]()
        return sorted(listed.folders | newer)

    def _durable(self) -> _Listed | None:
        if not self._is_read:
            self._listed, self._is_read = self._read(), True
            self._newest = max(self._newest, self._listed.since if self._listed is not None else "")
        return self._listed

    def _read(self) -> _Listed | None:
        if self._disk.entry(_FILE) is None:
            return None
        try:
            said: Any = json.loads(self._disk.read(_FILE))
        except (ValueError, RecursionError):
            return None
        folders, since = (said.get("folders"), said.get("since")) if isinstance(said, dict) else (said, "")
        if not isinstance(folders, list) or not isinstance(since, str):
            return None
        known = frozenset(one for one in folders if isinstance(one, str) and is_hour_folder(one))
        return _Listed(known, since if is_hour_folder(f"camera/{since}") else "")

    def _folders_since(self, since: str) -> Iterator[str]:
        for camera in self._disk.entries(""):
            if camera.kind == "folder" and is_camera(camera.name):
                yield from self._below(camera.name, "", since)

    def _below(self, camera: str, part: str, since: str) -> Iterator[str]:
        """Yield hour folders below `camera/part` whose hour is `since` or later."""
        for one in self._disk.entries(f"{camera}/{part}".rstrip("/")):
            path = f"{part}/{one.name}".lstrip("/")
            if one.kind != "folder" or path < since[: len(path)]:
                continue
            if is_hour_folder(f"{camera}/{path}"):
                yield f"{camera}/{path}"
            elif len(path) < _HOUR_CHARACTERS:
                yield from self._below(camera, path, since)

    def _write(self, listed: _Listed) -> None:
        self._disk.make_folder("history")
        self._disk.unlink(f"{_FILE}.new")
        file = self._disk.create(f"{_FILE}.new")
        try:
            said = {"since": listed.since, "folders": sorted(listed.folders)}
            file.append([json.dumps(said).encode() + b"\n"])
            file.sync()
        finally:
            file.close()
        self._disk.rename(f"{_FILE}.new", _FILE)
        self._disk.sync_folder("history")
        self._listed, self._is_stale = listed, False


def _hour(folder: str) -> str:
    """Return `2026/11/20/05` of an hour folder."""
    return folder[-_HOUR_CHARACTERS:]

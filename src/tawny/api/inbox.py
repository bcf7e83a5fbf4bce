"""Files uploaded by other recorders, one folder per access token: `inbox/<pass>/…` next to the recordings.

A file appears under its name once it is complete and its SHA-256 is verified. Uploads can be resumed: unfinished ones
are identified by the SHA-256 of the complete file. Files are stored as they are.
"""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.model.errors import DiskFull
from tawny.storage.disk.disk import turned

FOLDER: Final = "inbox"
BEGUN: Final = ".begun"
SPARE_SHARE: Final = 0.02
"""Share of the disk that remains free for the recorder, regardless of quotas."""
PORTION_BYTES: Final = 1_048_576
_PART = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")
_MOST_PARTS: Final = 16


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A complete file."""

    name: str
    size_bytes: int
    modified_ms: int


class Inbox:
    """Inbox of all tokens. Thread-safe; methods block on the disk. root: None if nothing is stored on disk.

    Raises RequestRefused.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._writing: set[Path] = set()
        self._used: dict[str, int] = {}

    def find(self, holder: str, name: str) -> InboxFile | None:
        path = self._path(holder, name)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return InboxFile(name, found.st_size, found.st_mtime_ns // 1_000_000) if path.is_file() else None

    def sha256(self, holder: str, name: str) -> str:
        """Return the SHA-256, computed from the file."""
        return _sha256(self.path(holder, name))

    def begun_bytes(self, holder: str, sha256: str) -> int:
        """Return the bytes received of an unfinished upload."""
        part = self._part(holder, sha256)
        return part.stat().st_size if part.exists() else 0

    def path(self, holder: str, name: str) -> Path:
        """Return the path of a complete file."""
        if self.find(holder, name) is None:
            raise not_found("File not found.")
        return self._path(holder, name)

    def files(self, holder: str, prefix: str) -> list[InboxFile]:
        home = self._home(holder)
        begin = self._path(holder, prefix) if prefix else home
        found: list[InboxFile] = []
        for folder, folders, names in os.walk(begin):
            folders[:] = sorted(one for one in folders if one != BEGUN)
            for name in sorted(names):
                relative = (Path(folder) / name).relative_to(home).as_posix()
                there = self.find(holder, relative)
                found += [there] if there is not None else []
        return found

    def used_bytes(self, holder: str) -> int:
        """Return the space used by a token, unfinished uploads included."""
        with self._lock:
            if holder not in self._used:
                walked = os.walk(self._home(holder))
                paths = [Path(folder) / name for folder, _, names in walked for name in names]
                self._used[holder] = sum(path.stat().st_size for path in paths)
            return self._used[holder]

    def begin(self, holder: str, sha256: str, offset: int, size_bytes: int, quota_bytes: int) -> "InboxWrite":
        """Open an upload for appending at `offset`. Only one writer at a time."""
        part, begun = self._part(holder, sha256), self.begun_bytes(holder, sha256)
        if offset != begun:
            raise RequestRefused(
                409, "elsewhere", f"{begun} bytes have already arrived.", "Continue from there.", {"begun": begun}
            )
        self._refuse_what_is_too_much(holder, size_bytes - begun, quota_bytes)
        with self._lock:
            if part in self._writing:
                raise RequestRefused(
                    409, "busy", "This file is being uploaded right now.", "Wait and try again.", {"begun": begun}
                )
            self._writing.add(part)
        try:
            part.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            return InboxWrite(part, partial(self._written, holder, part))
        except OSError as error:
            self._written(holder, part)
            raise turned(error, str(part)) from error

    def finish(self, holder: str, name: str, sha256: str, size_bytes: int, modified_ms: int) -> None:
        """Verify the upload and move it to its name durably, replacing an older file."""
        part, path = self._part(holder, sha256), self._path(holder, name)
        try:
            if part.stat().st_size != size_bytes or _sha256(part) != sha256:
                part.unlink()
                raise RequestRefused(422, "damaged", "The file doesn't match its checksum.", "Send it again.")
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if modified_ms:
                os.utime(part, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
            for folder in (path.parent, part.parent):
                _sync_folder(folder)
        except FileNotFoundError:
            raise not_found("The file wasn't uploaded.") from None
        except OSError as error:
            raise turned(error, str(path)) from error
        finally:
            with self._lock:
                self._used.pop(holder, None)

    def remove(self, holder: str, name: str) -> None:
        """Delete a file, and folders that are empty then. Not an error if it does not exist."""
        path, home = self._path(holder, name), self._home(holder)
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.unlink()
        for folder in path.parents:
            if folder == home:
                break
            with suppress(OSError):  # not empty
                folder.rmdir()
        with self._lock:
            self._used.pop(holder, None)

    def _written(self, holder: str, part: Path) -> None:
        with self._lock:
            self._writing.discard(part)
            self._used.pop(holder, None)

    # --- internal ----------------------------------------------------------------------------------------------------

    def _refuse_what_is_too_much(self, holder: str, more_bytes: int, quota_bytes: int) -> None:
        if self.used_bytes(holder) + more_bytes > quota_bytes:
            raise RequestRefused(
                507,
                "quota",
                "This access token has reached its storage limit.",
                "Delete older files, or ask for a higher limit.",
            )
        assert self._root is not None
        self._root.mkdir(mode=0o750, parents=True, exist_ok=True)
        disk = shutil.disk_usage(self._root)
        if disk.free - more_bytes < disk.total * SPARE_SHARE:
            raise DiskFull(str(self._root))

    def _home(self, holder: str) -> Path:
        if self._root is None:
            raise not_found("This tawny doesn't store anything on disk.", "Use another destination.")
        return self._root / holder

    def _path(self, holder: str, name: str) -> Path:
        parts = PurePosixPath(name).parts
        is_name = 0 < len(parts) <= _MOST_PARTS and "/".join(parts) == name
        if not is_name or any(not _PART.fullmatch(part) or part in (".", "..", BEGUN) for part in parts):
            raise bad_input("name: not a valid file name.", "Use folders and a name separated by /.")
        return self._home(holder).joinpath(*parts)

    def _part(self, holder: str, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise bad_input("sha256: must be 64 hex digits.")
        return self._home(holder) / BEGUN / sha256


class InboxWrite:
    """An upload in progress. One thread at a time. Raises StorageError, DiskFull."""

    def __init__(self, part: Path, over: Callable[[], None]) -> None:
        self._part, self._over = part, over
        part.touch(mode=0o600)
        self._file = part.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise turned(error, str(self._part)) from error

    def close(self) -> None:
        self._file.close()
        self._over()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while portion := file.read(PORTION_BYTES):
            digest.update(portion)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(held)
    finally:
        os.close(held)

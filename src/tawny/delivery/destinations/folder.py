"""Folder destination: a folder on another disk or a mounted share (SMB, NFS)."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
    ALLOW_ANY,
    FOLDER_SCHEMES,
    DestinationConnection,
    DestinationContext,
    RemoteFile,
    only,
    refuse_no_destination,
    url_path,
    why_no_destination,
)
from tawny.model.errors import DeliveryError, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.model.validation import value_text

PART = ".part"
_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN)


class FolderDestination:
    """A folder: `folder:/mnt/nas/tawny` or `file:///mnt/nas/tawny`.

    - `allow_any_folder` (false): also a folder of the system. Only in tawny.toml, not in the interface.

    The folder must exist. Create it on the disk itself, so that tawny doesn't write to an empty mount point.
    """

    schemes: ClassVar[tuple[str, ...]] = FOLDER_SCHEMES

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        only(table, (ALLOW_ANY,))
        if not isinstance(table.get(ALLOW_ANY, False), bool):
            raise ValueError(f"{ALLOW_ANY}: found {value_text(table[ALLOW_ANY])}; allowed: true or false")
        path = url_path(url)
        if not path.is_absolute():
            raise ValueError("url: an absolute path, for example folder:/mnt/nas/tawny")
        if not table.get(ALLOW_ANY) and (why := why_no_destination(path)):
            raise ValueError(f"{path} is {why}; allowed: another folder, or `{ALLOW_ANY} = true` in tawny.toml")
        return dict(table)

    def public(self, url: str) -> str:
        return str(url_path(url))

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        root = url_path(opening.url)
        if not root.is_dir():
            raise TargetMissing(f"{opening.name} ({root})", "the folder doesn't exist; is its disk mounted")
        if not opening.options.get(ALLOW_ANY):
            refuse_no_destination(root, f"{opening.name} ({root})")
        return _OpenFolder(root, f"{opening.name} ({root})")


class _OpenFolder:
    is_sure: ClassVar[bool] = False

    def __init__(self, root: Path, public: str) -> None:
        self._root, self._public = root, public

    def find(self, name: str) -> RemoteFile | None:
        try:
            found = self._path(name).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._worded(error) from error
        return RemoteFile(name, found.st_size, found.st_mtime_ns // 1_000_000)

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Write to a part file; its size is the progress if the same content was noted."""
        path = self._path(name)
        part = path.with_name(path.name + PART)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            begun = part.stat().st_size if progress == content.sha256 and part.exists() else 0
            note(content.sha256)
            with part.open("ab" if begun else "wb") as file:
                for portion in portions(content, begun):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            if content.modified_ms:
                os.utime(part, ns=(content.modified_ms * 1_000_000, content.modified_ms * 1_000_000))
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise self._worded(error) from error

    def sha256(self, name: str) -> str | None:
        digest = hashlib.sha256()
        for portion in self.read(name):
            digest.update(portion)
        return digest.hexdigest()

    def read(self, name: str) -> Iterator[bytes]:
        try:
            with self._path(name).open("rb") as file:
                while portion := file.read(PORTION_BYTES):
                    yield portion
        except OSError as error:
            raise self._worded(error) from error

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise self._worded(error) from error
        for folder in self._path(name).parents:
            if folder == self._root:
                return
            with suppress(OSError):  # not empty
                folder.rmdir()

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        begin = self._path(prefix) if prefix else self._root
        try:
            for folder, _, names in os.walk(begin):
                for name in sorted(names):
                    path = Path(folder) / name
                    if not name.endswith(PART) and path.is_file():
                        found = path.stat()
                        relative = path.relative_to(self._root).as_posix()
                        yield RemoteFile(relative, found.st_size, found.st_mtime_ns // 1_000_000)
        except OSError as error:
            raise self._worded(error) from error

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        """No resources to release."""

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or any(part in ("..", "/") for part in parts):
            raise DeliveryError(self._public, f"{name!r} is no name of a file in it")
        return self._root.joinpath(*parts)

    def _worded(self, error: OSError) -> DeliveryError:
        detail = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return TargetFull(self._public, detail)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return TargetRefused(self._public, detail)
        if error.errno in _GONE:
            return TargetUnreachable(self._public, detail)
        if error.errno == errno.ENOENT and not self._root.is_dir():
            return TargetMissing(self._public, "the folder no longer exists; is its disk mounted")
        return DeliveryError(self._public, detail)


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(held)
    finally:
        os.close(held)

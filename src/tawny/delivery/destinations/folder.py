"""Folder destination: a folder on another disk or a mounted share (SMB, NFS)."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, ClassVar, Final, cast

from tawny.config.file_writing import sync_folder
from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
    ALLOW_ANY,
    FOLDER_GONE,
    FOLDER_SCHEMES,
    DestinationConnection,
    DestinationContext,
    RemoteFile,
    named_as_whole,
    only,
    refuse_no_destination,
    url_path,
    why_no_destination,
)
from tawny.model.errors import DeliveryError, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.model.validation import value_text
from tawny.storage.disk.disk import GONE
from tawny.storage.disk.secondary_volumes import why_listed_disk_missing

PART = ".part"
ROOT: Final = 0
"""Number of the user root."""


class FolderDenied(TargetRefused):
    """A folder of this computer has no sign-in: its permissions or its mount refuse."""

    says = "{where} refused access ({detail})."
    advice = (
        "Give the user that runs tawny read and write permission there, or mount it writable. If tawny runs as a "
        "service, run `sudo tawny service install`."
    )


class FileTooLarge(DeliveryError):
    """The file system has a largest size of a file, such as 4 GB on FAT32."""

    says = "The file is too large for the file system of {where} ({detail})."
    advice = "Set a shorter `every` for files, or use a disk with another file system, such as exFAT."


def _without_links(path: str, flags: int) -> int:
    """Open a file, but none that a link leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


class FolderDestination:
    """A folder: `folder:/mnt/nas/tawny` or `file:///mnt/nas/tawny`.

    - `allow_any_folder` (false): also a folder of the system. Only in tawny.toml, not in the interface.

    The folder must exist. Create it on the disk itself, so that tawny doesn't write to an empty mount point;
    those that `/etc/fstab` mounts are noticed anyway.
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
        opened = OpenFolder(root, f"{opening.name} ({root})")
        if not opened.is_there():
            raise TargetMissing(opened.public, "the folder doesn't exist; is its disk mounted")
        if why := why_listed_disk_missing(root):
            raise TargetMissing(opened.public, why)
        if not opening.options.get(ALLOW_ANY):
            refuse_no_destination(root, opened.public)
        return opened


class OpenFolder:
    """A folder on this computer and the files below it. root: its path. public: its name in errors."""

    is_sure: ClassVar[bool] = False

    def __init__(self, root: Path, public: str) -> None:
        self.root, self.public = root, public

    def find(self, name: str) -> RemoteFile | None:
        try:
            found = self.path(name).stat()
        except FileNotFoundError:
            self._refuse_missing()
            return None
        except OSError as error:
            raise self.worded(error) from error
        return RemoteFile(name, found.st_size, found.st_mtime_ns // 1_000_000)

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Write to a part file; its size is the progress if the same content was noted."""
        path = self.path(name)
        part = path.with_name(path.name + PART)
        try:
            self.check_links(path)
            self._make_folders(path)
            there = 0 if part.is_symlink() or not part.exists() else part.stat().st_size
            begun = there if progress == content.sha256 else 0
            with self.open_part(part, "ab" if begun else "wb") as file:
                if there > begun:
                    os.fsync(file.fileno())  # once this content is noted, what is left of another one would be kept
                note(content.sha256)
                for portion in portions(content, begun):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            self.publish(part, path, content.modified_ms)
        except OSError as error:
            raise self.worded(error) from error

    def _make_folders(self, path: Path) -> None:
        """Create the folders of a file, but never the root: without its disk, files would go to the one below it."""
        for folder in reversed([one for one in path.parents if one != self.root and one.is_relative_to(self.root)]):
            folder.mkdir(exist_ok=True)

    def sha256(self, name: str) -> str | None:
        digest = hashlib.sha256()
        for portion in self.read(name):
            digest.update(portion)
        return digest.hexdigest()

    def read(self, name: str) -> Iterator[bytes]:
        try:
            with self.path(name).open("rb") as file:
                while portion := file.read(PORTION_BYTES):
                    yield portion
        except OSError as error:
            raise self.worded(error) from error

    def remove(self, name: str) -> None:
        self._refuse_missing()
        path = self.path(name)
        self.remove_file(path.with_name(path.name + PART))
        self.remove_file(path)

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        self._refuse_missing()
        begin = self.path(prefix) if prefix else self.root
        try:
            for folder, _, names in os.walk(begin):
                yield from named_as_whole(self._files_in(Path(folder), names), PART)
        except OSError as error:
            raise self.worded(error) from error

    def _refuse_missing(self) -> None:
        """Raise TargetMissing while the disk is away: without it, nothing would seem to be there."""
        if why := why_listed_disk_missing(self.root) if self.is_there() else FOLDER_GONE:
            raise TargetMissing(self.public, why)

    def _files_in(self, folder: Path, names: list[str]) -> Iterator[RemoteFile]:
        for path in (folder / name for name in sorted(names)):
            if path.is_file():
                found = path.stat()
                yield RemoteFile(path.relative_to(self.root).as_posix(), found.st_size, found.st_mtime_ns // 1_000_000)

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        """No resources to release."""

    # --- also for export folders --------------------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Return whether the folder exists. Raises DeliveryError, as of a disk that is gone but still mounted."""
        try:
            return stat.S_ISDIR(self.root.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self.worded(error) from error

    def path(self, name: str) -> Path:
        """Return the path of a file. Raises DeliveryError for a name that would be elsewhere."""
        parts = PurePosixPath(name).parts
        if not parts or any(part in ("..", "/") for part in parts):
            raise DeliveryError(self.public, f"{name!r} is no name of a file in it")
        return self.root.joinpath(*parts)

    def open_part(self, part: Path, mode: str) -> BinaryIO:
        """Open a part file to be written; a new one replaces whatever is in its place. Raises OSError."""
        if mode == "wb":
            part.unlink(missing_ok=True)
        return cast(BinaryIO, open(part, mode, opener=_without_links))

    def foreign_link(self, path: Path) -> Path | None:
        """Return the link before a file that another user has made, who could lead tawny anywhere; None for none."""
        for folder in path.parents:
            if folder == self.root or not folder.is_relative_to(self.root):
                break
            with suppress(FileNotFoundError):
                found = folder.lstat()
                if stat.S_ISLNK(found.st_mode) and found.st_uid not in (ROOT, os.geteuid()):
                    return folder
        return None

    def check_links(self, path: Path) -> None:
        """Raise DeliveryError for a file below a link of another user."""
        if (folder := self.foreign_link(path)) is not None:
            why = f"another user has made the link {folder}; make it as the user that runs tawny, or as root"
            raise DeliveryError(self.public, why)

    def publish(self, part: Path, path: Path, modified_ms: int) -> None:
        """Give a written part file its name, so that it lasts. modified_ms: 0: as it is. Raises OSError."""
        if modified_ms:
            try:
                os.utime(part, ns=(modified_ms * 1_000_000, modified_ms * 1_000_000))
            except OSError as error:  # some shares keep their own time
                if error.errno in GONE:
                    raise
        part.replace(path)
        sync_folder(path.parent)

    def remove_file(self, path: Path) -> None:
        """Delete a file, and the folders below the root that are empty without it. Raises DeliveryError."""
        try:
            self.check_links(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self.worded(error) from error
        for folder in path.parents:
            if folder == self.root or not folder.is_relative_to(self.root):
                return
            with suppress(OSError):  # not empty
                folder.rmdir()

    def worded(self, error: OSError) -> DeliveryError:
        detail = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return TargetFull(self.public, detail)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return FolderDenied(self.public, detail)
        if error.errno == errno.EFBIG:
            return FileTooLarge(self.public, detail)
        if error.errno in GONE:
            return TargetUnreachable(self.public, detail)
        if error.errno == errno.ENOENT and not os.access(self.root, os.F_OK):
            return TargetMissing(self.public, FOLDER_GONE)
        return DeliveryError(self.public, detail)

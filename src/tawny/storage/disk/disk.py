"""File layer: the calls through which storage accesses a disk. Tests substitute their own disk.

Paths are relative to one root, use `/`, and never follow symbolic links. File content is durable once `sync` has
returned. A new, renamed or removed file name is durable once `sync_folder` of its folder has returned. Thread-safe,
except `OpenFile`: one thread at a time.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from tawny.engine.descriptors import OUT_OF_DESCRIPTORS
from tawny.model.errors import (
    DiskFull,
    DiskReadOnly,
    FileMissing,
    FolderUnwritable,
    PathUnreadable,
    StorageError,
    TooManyFiles,
)
from tawny.storage.disk.disk_questions import DiskQuestions
from tawny.storage.disk.volume_mark import OTHER_DISK

Bytes = bytes | bytearray | memoryview
Kind = Literal["file", "folder", "link", "other"]
_Answer = TypeVar("_Answer")

_DENIED = frozenset({errno.EACCES, errno.EPERM})
_MOST_PARTS = 1024  # maximum number of buffers in one writev (IOV_MAX)
_MOST_SYNCS = 16
_PIECE_BYTES = 256 * 1024


FEW_FILES: Final = 200
"""With room for fewer files, a disk is as good as full."""
TRIAL_FILES: Final = 32
"""Number of new files that a start needs: for its databases two each, and the first recordings."""
SPARE_DESCRIPTORS: Final = 32
"""Descriptors held open for recording: the next file of 16 streams, and its folder while it is created."""


class FilesUsedUp(DiskFull):
    """The disk has space, but no inodes."""

    says = "The disk at {where} can hold no more files, although it has space: its inodes are used up."
    advice = "Delete small files on it that you don't need, or use a disk with more inodes."


class QuotaReached(DiskFull):
    """The disk may have space, but not for this user or folder."""

    says = "The quota for {where} is reached, although the disk may have space."
    advice = "Raise the quota, delete other files that count towards it, or shorten retention (`storage.retention`)."


GONE: Final = frozenset(
    {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN}
)
"""What a mounted disk or share says that is gone. `os.access` says no then, where `Path.exists` may raise."""


class DescriptorReserve:
    """Descriptors that stay open without use until a file needs one and none is left. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: list[int] = []
        self._size = 0

    @property
    def count(self) -> int:
        """Number of descriptors held now."""
        return len(self._spare)

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold this number of descriptors while entered."""
        self._size = size
        self._refill()
        try:
            yield
        finally:
            with self._lock:
                self._size = 0
                while self._spare:
                    os.close(self._spare.pop())

    def open(self, open_file: Callable[[], int]) -> int:
        """Return what `open_file` returns. While no descriptor is left, give up one of the reserve and retry.

        Raises OSError.
        """
        while True:
            try:
                opened = open_file()
            except OSError as error:
                if error.errno not in OUT_OF_DESCRIPTORS or not self._give_up():
                    raise
            else:
                if len(self._spare) < self._size:
                    self._refill()
                return opened

    def close(self, number: int) -> None:
        """Close a descriptor of a recorder's file. What was given up for it comes back at once. Raises OSError."""
        try:
            os.close(number)
        finally:
            if len(self._spare) < self._size:
                self._refill()

    def _give_up(self) -> bool:
        with self._lock:
            if self._spare:
                os.close(self._spare.pop())
                return True
        return False

    def _refill(self) -> None:
        with self._lock, suppress(OSError):  # none is free: the next call tries again
            while len(self._spare) < self._size:
                self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


reserve: Final = DescriptorReserve()
"""Of this process. Empty unless the recorder runs."""


class FolderEntry(NamedTuple):
    """One directory entry."""

    name: str
    kind: Kind
    size_bytes: int


class DiskCapacity(NamedTuple):
    free_bytes: int
    """Free space available to tawny, without the part the file system reserves for root."""
    total_bytes: int
    free_files: int | None = None
    """How many more files fit (inodes); None: no limit but space."""
    is_exact: bool = False
    """Whether nothing else is a limit, so that no trial is needed."""

    @property
    def has_few_files(self) -> bool:
        """Return whether the files are about to run out, whatever the space."""
        return self.free_files is not None and self.free_files < FEW_FILES


class OpenFile(Protocol):
    """A file opened for appending. Raises DiskFull, StorageError."""

    @property
    def size_bytes(self) -> int: ...

    def append(self, parts: Sequence[Bytes]) -> None:
        """Append all parts. After an error the file may hold a fraction of them: truncate it with `cut`."""
        ...

    def sync(self) -> None:
        """Make all appended data durable.

        After an error the file rejects further writes. The state on the disk is then unknown, and a second sync could
        succeed without writing.
        """
        ...

    def cut(self, size_bytes: int) -> None:
        """Truncate the file to `size_bytes`."""
        ...

    def close(self) -> None: ...


class DiskAccess(Protocol):
    """File operations below one root. Raises DiskFull, FolderUnwritable, StorageError."""

    @property
    def root(self) -> Path: ...

    def create(self, path: str) -> OpenFile:
        """Create an empty file for its owner only. Raises StorageError if the name already exists."""
        ...

    def extend(self, path: str) -> OpenFile:
        """Open an existing file for appending."""
        ...

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes: ...
    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        """Overwrite a range of an existing file. The data is not synced."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Rename within one folder. An existing file of the new name is replaced."""
        ...

    def unlink(self, path: str) -> None:
        """Remove a file or link. No effect if it does not exist."""
        ...

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        """Create the folder and its parents, durably.

        sync: False leaves their names to a later `sync_parents`.
        """
        ...

    def remove_folder(self, folder: str) -> bool:
        """Remove an empty folder. Return False if it is not empty or does not exist."""
        ...

    def sync_folder(self, folder: str) -> None: ...
    def sync_parents(self, folder: str) -> None:
        """Make the names of the folder and of its parents durable."""
        ...

    def entries(self, folder: str) -> list[FolderEntry]:
        """Return the entries sorted by name. Empty if the folder does not exist."""
        ...

    def entry(self, path: str) -> FolderEntry | None: ...
    def space(self) -> DiskCapacity: ...
    def place(self, path: str) -> Path:
        """Return the path by which a reader can open the file, if it exists."""
        ...


def turned(error: OSError, where: str) -> StorageError:
    """Convert an OSError to a StorageError."""
    if error.errno == errno.EDQUOT:
        return QuotaReached(where)
    if error.errno == errno.ENOSPC:
        return (FilesUsedUp if _are_files_used_up(where) else DiskFull)(where)
    if error.errno in OUT_OF_DESCRIPTORS:
        return TooManyFiles(where, os.strerror(error.errno or 0))
    detail = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EROFS:
        return DiskReadOnly(where, detail)
    if error.errno in _DENIED:
        return denied(where, detail)
    if error.errno == errno.ENOENT:
        return FileMissing(where, detail)
    if error.errno == errno.ELOOP:
        detail = "it has been replaced by a symbolic link, which tawny doesn't follow"
    return StorageError(where, detail)


def _are_files_used_up(where: str) -> bool:
    path = Path(where)
    there = next((one for one in (path, *path.parents) if one.exists()), path)  # it could not be created
    with suppress(OSError):
        now = os.statvfs(there)
        return now.f_files > 0 and now.f_favail == 0 and now.f_bavail > 0
    return False


def denied(where: str, detail: str) -> StorageError:
    """Return the error for a refused access: PathUnreadable if this user may not even read, else FolderUnwritable."""
    path = Path(where)
    for each in (*reversed(path.parents), path):
        if not os.access(each, os.F_OK):
            break
        if not os.access(each, os.R_OK if each == path else os.X_OK):
            return PathUnreadable(str(each), detail)
    return FolderUnwritable(where, detail)


def parts_of(path: str) -> list[str]:
    """Split a path into names. Raises ValueError for a path that could leave the root."""
    names = path.split("/") if path else []
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise ValueError(f"{path!r} is not a path below a root")
    return names


def parent_of(path: str) -> str:
    return path.rpartition("/")[0]


def full_by_trial(disk: DiskAccess, size_bytes: int, files: int) -> DiskFull | None:
    """Return what is full if the disk doesn't take this much in this number of new files; None, whatever else is wrong.

    It is written: a disk may take more than it says, as from root, or less, as at a quota.
    """
    try:
        space, mark = disk.space(), os.urandom(4).hex()  # others may try at the same time
        if space.is_exact:
            return DiskFull(str(disk.root)) if space.free_bytes < size_bytes else None
        with ExitStack() as at_last:
            for old in disk.entries(""):  # of a trial that was interrupted; one in progress goes on without its names
                if old.name.startswith("room") and old.name.endswith(".tmp"):
                    disk.unlink(old.name)
            for number in range(files):
                name = f"room-{mark}-{number}.tmp"
                file = disk.create(name)
                at_last.callback(disk.unlink, name)
                at_last.callback(file.close)
            while file.size_bytes < size_bytes:  # of random bytes, which no file system compresses
                file.append([os.urandom(min(_PIECE_BYTES, size_bytes - file.size_bytes))])
            file.sync()
    except StorageError as error:
        return error if isinstance(error, DiskFull) else None
    return None


def sync_together(files: Sequence[OpenFile]) -> None:
    """Make the appended data of several files durable.

    Concurrently, because a file system with a journal then commits them at once. Raises the first error.
    """
    if len(files) > 1:
        with suppress(RuntimeError), ThreadPoolExecutor(min(len(files), _MOST_SYNCS)) as threads:
            list(threads.map(lambda file: file.sync(), files))
            return
    for file in files:  # one alone, or the system has no more threads
        file.sync()


class RealDisk:
    """The operating system's files below `root`. The root must exist and may be reached through a link."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._mark: tuple[str, bytes] | None = None
        self._identity = (0, 0)
        self._questions = DiskQuestions(self._root)
        self._durable: set[str] = set()  # folders whose names and whose parents' names this object has synced

    def expect(self, path: str, mark: bytes) -> None:
        """Accept from now on only the disk whose file at `path` contains `mark`.

        While another disk or none is mounted at the root, every call raises StorageError without reading or writing.
        """
        with self._folder("") as fd:
            self._identity = _identity(fd)
        self._mark = (path, mark)

    def wait_for(self, call: Callable[[], _Answer], most_s: float, mounted: Callable[[], object]) -> _Answer:
        """Return what a call to this disk returns: see `DiskQuestions.ask`. While it hangs, every other call raises."""
        return self._questions.ask(call, most_s, mounted)

    @property
    def root(self) -> Path:
        return self._root

    def create(self, path: str) -> OpenFile:
        with self._at(path) as (folder, name):
            fd = _open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NEVER_LINKS, 0o600, folder)
            return _RealFile(fd, self._where(path), 0)

    def extend(self, path: str) -> OpenFile:
        with self._at(path) as (folder, name):
            fd = _open(name, os.O_WRONLY | os.O_APPEND | _NEVER_LINKS, folder=folder)
            return _RealFile(fd, self._where(path), os.fstat(fd).st_size)

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        with self._at(path) as (folder, name):
            fd = _open(name, os.O_RDONLY | os.O_NONBLOCK | _NEVER_LINKS, folder=folder)
            try:
                left = max(0, os.fstat(fd).st_size - offset) if size is None else size
                pieces: list[bytes] = []
                while left > 0 and (piece := os.pread(fd, left, offset)):
                    pieces.append(piece)
                    offset, left = offset + len(piece), left - len(piece)
                return b"".join(pieces)
            finally:
                reserve.close(fd)

    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        with self._at(path) as (folder, name):
            fd = _open(name, os.O_WRONLY | _NEVER_LINKS, folder=folder)
            try:
                os.pwrite(fd, data, offset)
            finally:
                reserve.close(fd)

    def rename(self, old: str, new: str) -> None:
        assert parent_of(old) == parent_of(new), "names change within a folder, so that one sync makes them durable"
        with self._at(old) as (folder, name):
            os.rename(name, parts_of(new)[-1], src_dir_fd=folder, dst_dir_fd=folder)

    def unlink(self, path: str) -> None:
        with suppress(FileNotFoundError), self._at(path, passing=FileNotFoundError) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        names = parts_of(folder)
        for depth, name in enumerate(names):
            with self._folder("/".join(names[:depth])) as above, suppress(FileExistsError):
                os.mkdir(name, 0o750, dir_fd=above)
                self._durable.discard("/".join(names[: depth + 1]))
        if sync:
            self.sync_parents(folder)

    def sync_parents(self, folder: str) -> None:
        names = parts_of(folder)
        for depth in range(len(names), 0, -1):  # the deepest first: one commit of the file system then has them all
            path = "/".join(names[:depth])
            if path not in self._durable:  # also if the folder exists: its creator may not have synced it
                self.sync_folder(parent_of(path))
                self._durable.add(path)

    def remove_folder(self, folder: str) -> bool:
        self._durable.discard(folder)
        try:
            with self._at(folder, passing=OSError) as (above, name):
                os.rmdir(name, dir_fd=above)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                return False
            raise turned(error, self._where(folder)) from error
        return True

    def sync_folder(self, folder: str) -> None:
        with self._folder(folder) as fd:
            os.fsync(fd)

    def entries(self, folder: str) -> list[FolderEntry]:
        try:
            with self._folder(folder, passing=FileNotFoundError) as fd, os.scandir(fd) as found:
                return sorted(_entry(one.name, one.stat(follow_symlinks=False)) for one in found)
        except FileNotFoundError:
            return []

    def entry(self, path: str) -> FolderEntry | None:
        try:
            with self._at(path, passing=FileNotFoundError) as (folder, name):
                return _entry(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def space(self) -> DiskCapacity:
        with self._folder("") as fd:
            now = os.statvfs(fd)
        free_files = now.f_favail if now.f_files else None  # FAT and Btrfs have no inodes to count
        return DiskCapacity(now.f_bavail * now.f_frsize, now.f_blocks * now.f_frsize, free_files)

    def place(self, path: str) -> Path:
        return self._root / path

    def _where(self, path: str) -> str:
        return str(self._root / path)

    @contextmanager
    def _folder(self, folder: str, passing: type[OSError] | tuple[()] = ()) -> Iterator[int]:
        """Yield a descriptor of the folder, opened component by component so that no link is followed.

        Converts OSError to StorageError, except for `passing`.
        """
        if self._questions.late is not None:
            self._questions.check()
        fd = -1
        try:
            fd = self._open_root()
            for name in parts_of(folder):
                above, fd = fd, -1
                try:
                    fd = _open(name, _FOLDER | os.O_NOFOLLOW, folder=above)
                finally:
                    reserve.close(above)
            yield fd
        except passing:
            raise
        except OSError as error:
            raise turned(error, self._where(folder)) from error
        finally:
            if fd >= 0:
                reserve.close(fd)

    def _open_root(self) -> int:
        if self._mark is None:
            return _open(self._root, _FOLDER)
        fd = -1
        try:
            fd = _open(self._root, _FOLDER)
            if _identity(fd) != self._identity:
                if not _says(fd, *self._mark):
                    raise FileNotFoundError(errno.ENOENT, "another disk")
                self._identity = _identity(fd)
                self._durable.clear()
        except (FileNotFoundError, NotADirectoryError) as error:
            if fd >= 0:
                reserve.close(fd)
            raise StorageError(str(self._root), OTHER_DISK) from error
        return fd

    @contextmanager
    def _at(self, path: str, passing: type[OSError] | tuple[()] = ()) -> Iterator[tuple[int, str]]:
        with self._folder(parent_of(path), passing) as fd:
            yield fd, parts_of(path)[-1]


_NEVER_LINKS = os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def _open(name: str | Path, flags: int, mode: int = 0o777, folder: int | None = None) -> int:
    """Open a file or folder also while all descriptors are in use. folder: descriptor that `name` is relative to."""
    return reserve.open(lambda: os.open(name, flags, mode, dir_fd=folder))


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def _says(folder: int, path: str, mark: bytes) -> bool:
    fd = _open(path, os.O_RDONLY | _NEVER_LINKS, folder=folder)
    try:
        return os.pread(fd, len(mark) + 1, 0).strip() == mark
    finally:
        reserve.close(fd)


def _entry(name: str, found: os.stat_result) -> FolderEntry:
    mode = found.st_mode
    kind: Kind = "other"
    if stat.S_ISREG(mode):
        kind = "file"
    elif stat.S_ISDIR(mode):
        kind = "folder"
    elif stat.S_ISLNK(mode):
        kind = "link"
    return FolderEntry(name, kind, found.st_size)


class _RealFile:
    def __init__(self, fd: int, where: str, size_bytes: int) -> None:
        self._fd, self._where, self._size_bytes = fd, where, size_bytes
        self._broken = False

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def append(self, parts: Sequence[Bytes]) -> None:
        self._usable()
        left = [memoryview(part) for part in parts if len(part)]
        with self._errors():
            while left:
                written = os.writev(self._fd, left[:_MOST_PARTS])
                self._size_bytes += written
                left = _behind(left, written)

    def sync(self) -> None:
        self._usable()
        self._broken = True  # stays set unless the sync succeeds: a failed sync is never retried
        with self._errors():
            os.fdatasync(self._fd)
        self._broken = False

    def cut(self, size_bytes: int) -> None:
        with self._errors():
            os.ftruncate(self._fd, size_bytes)
            os.lseek(self._fd, size_bytes, os.SEEK_SET)
        self._size_bytes = size_bytes

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with self._errors():
                reserve.close(fd)

    def _usable(self) -> None:
        if self._broken or self._fd < 0:
            raise StorageError(self._where, "an earlier sync failed")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise turned(error, self._where) from error


def _behind(parts: list[memoryview], written: int) -> list[memoryview]:
    """Return the buffers that remain after `written` bytes."""
    for at, part in enumerate(parts):
        if written < len(part):
            return [part[written:], *parts[at + 1 :]]
        written -= len(part)
    return []

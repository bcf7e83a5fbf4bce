"""Connections to SQLite files on Btrfs, where a full disk could kill the process by their mapped `-shm`.

A change of a mapped page that was written back takes new space there. Without any, or at a quota, the kernel sends
SIGBUS, which no code can catch. So each use first makes the same pages writable by `madvise`, which fails without a
signal. A `-shm` without copy-on-write keeps its space, so that a full disk can be read: since Linux 6.16, and not at a
quota. What another process has open is read without any change of its `-shm`, and written only after a trial.
"""

import ctypes
import errno
import fcntl
import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from tawny.model.errors import DiskFull, DiskReadOnly
from tawny.storage.disk.disk import RealDisk, full_by_trial

Ioctl = Callable[[int, int, bytes], object]

_BTRFS_FEATURES: Final = 0x80189439  # BTRFS_IOC_GET_FEATURES, which other file systems refuse
_SET_FLAGS: Final = 0x40006602 | struct.calcsize("l") << 16  # FS_IOC_SETFLAGS
_NO_COPY_ON_WRITE: Final = 0x00800000  # FS_NOCOW_FL
_TRIED_BYTES: Final = 64 * 1024


def connect(path: Path, mode: str, *, timeout_s: float, ioctl: Ioctl = fcntl.ioctl) -> sqlite3.Connection:
    """Open a file. mode: "ro"; "rw"; or "rwc", which creates it. Raises sqlite3.Error; DiskFull, DiskReadOnly."""
    how = _prepare(path, mode, ioctl) if copies_on_write(path.resolve().parent, ioctl) else ""
    address = f"{path.absolute().as_uri()}?mode={mode}{how}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=timeout_s)


def _prepare(path: Path, mode: str, ioctl: Ioctl) -> str:
    """Return how SQLite is to open the `-shm`. Raises DiskFull where its first change could kill the process."""
    mapped = MappedMemory(path, ioctl)
    if mapped.is_mapped:
        mapped.refuse_full()
    elif mapped.file.exists():  # another process has it open, or a crash left it
        if mode == "ro":
            return "&readonly_shm=1"
        if full := _what_is_full(path):
            raise full
    elif mode != "ro":  # reading uses none if the file has no WAL, and would leave it
        with suppress(OSError):  # SQLite then makes the file itself
            _make_shared_memory(mapped.file, path, ioctl)
    return ""


def _what_is_full(database: Path) -> DiskFull | None:
    full = full_by_trial(RealDisk(database.resolve().parent), _TRIED_BYTES, files=1)
    return None if full is None else type(full)(str(database))


def _make_shared_memory(made: Path, path: Path, ioctl: Ioctl) -> None:
    """Make an empty `-shm`, for the owner and the group of the database, as SQLite does. Raises OSError."""
    database = path.stat()
    fd = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, database.st_mode & 0o777)
    try:
        if os.geteuid() == 0:
            os.fchown(fd, database.st_uid, database.st_gid)
        ioctl(fd, _SET_FLAGS, struct.pack("l", _NO_COPY_ON_WRITE))
    finally:
        os.close(fd)


def copies_on_write(folder: Path, ioctl: Ioctl = fcntl.ioctl) -> bool | None:
    """Return whether a folder is on Btrfs. None: it can't be opened, as with too many open files."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        ioctl(fd, _BTRFS_FEATURES, bytes(24))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def is_read_only(where: str) -> bool:
    """Return whether the disk of a file is mounted read-only, as after an error."""
    try:
        return bool(os.statvfs(Path(where).parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def remake_shared_memory(folder: Path, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Let SQLite remove each `-shm` that a crash left and nothing has open: an earlier version may have made it.

    Raises DiskFull.
    """
    for left in folder.glob("*.db-shm") if copies_on_write(folder, ioctl) else ():
        database = left.with_name(left.name.removesuffix("-shm"))
        with suppress(sqlite3.Error), closing(connect(database, "rw", timeout_s=0, ioctl=ioctl)) as db:
            db.execute("PRAGMA user_version").fetchone()


_MAPPINGS: Final = Path("/proc/self/maps")
_POPULATE_WRITE: Final = 23  # MADV_POPULATE_WRITE, since Linux 5.14
_DEAD: Final[set[tuple[int, int]]] = set()
"""Regions of files whose disk failed, which connections that are left open keep mapped under the same name."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _populate(address: int, size: int) -> bool:
    failed = _LIBC.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), _POPULATE_WRITE)
    return not failed or ctypes.get_errno() != errno.EFAULT


class MappedMemory:
    """The `-shm` of one database as mapped in this process. SQLite doesn't say where; the kernel does.

    Call from any thread that has a connection open.
    """

    def __init__(
        self, database: Path, ioctl: Ioctl = fcntl.ioctl, populate: Callable[[int, int], bool] = _populate
    ) -> None:
        """populate: makes the pages from an address on writable, and returns whether there was space for it."""
        self._database = database
        self.file = Path(f"{database.resolve()}-shm")
        """SQLite makes it where a link leads."""
        self.is_copied = copies_on_write(self.file.parent, ioctl)
        """Whether the disk is a Btrfs: elsewhere all can be changed. None: it couldn't be asked yet."""
        self._ioctl, self._populate = ioctl, populate
        self._regions: list[tuple[int, int]] = []
        """Address and size. SQLite maps the file piece by piece, until the last connection is closed."""

    @property
    def is_mapped(self) -> bool:
        """Return whether a connection of this process has mapped it."""
        return bool(self._mapped())

    def refuse_full(self) -> None:
        """Raises DiskFull or DiskReadOnly where SQLite's next change would kill the process."""
        if self.can_change():
            return
        if is_read_only(str(self._database)):
            raise DiskReadOnly(str(self._database))
        full = _what_is_full(self._database)
        if full is not None or not self.can_change():
            raise full or DiskFull(str(self._database))

    def can_change(self) -> bool:
        """Return whether the disk has space for changes of what is mapped."""
        if self.is_copied is None:
            self.is_copied = copies_on_write(self.file.parent, self._ioctl)
        if not self.is_copied:
            return True
        try:
            if sum(size for _, size in self._regions) != self.file.stat().st_size:
                self._regions = self._mapped()
        except OSError:
            return True
        return all(self._populate(*region) for region in self._regions)

    def leave(self) -> None:
        """Pass over what can't be changed from now on: the connection stays open, and its file was replaced."""
        _DEAD.update(region for region in self._regions if not self._populate(*region))

    def _mapped(self) -> list[tuple[int, int]]:
        lines = [line.split(maxsplit=5) for line in _MAPPINGS.read_text(errors="replace").splitlines()]
        places = [line[0].split("-") for line in lines if len(line) == 6 and line[5] == str(self.file)]
        found = [(int(begin, 16), int(end, 16) - int(begin, 16)) for begin, end in places]
        return [region for region in found if region not in _DEAD]

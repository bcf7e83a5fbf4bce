"""Lock file of a volume: one recorder per volume, with its process and last heartbeat.

The lock is the kernel's (flock), so it ends with the process in every case. The content is for people and for the next
start, which reads how long the previous recorder was alive.
"""

import errno
import fcntl
import json
import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import FolderInUse, StorageError
from tawny.storage.disk.disk import turned

_SIZE: Final = 256  # fixed size within one sector, so that a write is never half old and half new
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_ASKED_S: Final = 0.2
"""`holder` locks the file for less than this."""
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(eq=False)
class LocksUnsupported(StorageError):
    """The file system of a folder has no locks, as some network drives."""

    says = "{where} is on a network drive without file locks ({detail})."
    advice = (
        "Mount it with locks: with NFS version 4, or start `rpc.statd` for version 3. Or choose another folder with "
        "`--data`."
    )


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Content of the lock file. boot: the kernel's boot id, new at every boot."""

    pid: int
    boot: str
    at_ms: int


class VolumeLock:
    """Exclusive lock, held from `take` to `release`. Call `pulse` from one thread at a time."""

    def __init__(self, fd: int, path: Path, life: LockHolder, before: LockHolder | None) -> None:
        self._fd, self._path, self._life = fd, path, life
        self.before = before
        """The previous holder. None if the file had no valid content."""

    @classmethod
    def take(cls, root: Path, boot: str, now_ms: int) -> "VolumeLock":
        """Acquire the lock.

        Raises FolderInUse if another process holds it, FolderUnwritable if the folder cannot be written,
        LocksUnsupported.
        """
        path = root / "lock"
        try:
            fd = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise turned(error, str(path)) from error
        try:
            before = _read(fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock = cls(fd, path, LockHolder(os.getpid(), boot, now_ms), before)
            lock.write(now_ms)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise _in_use(root, before) from error
            raise _turned(error, path) from error
        return lock

    def pulse(self, now_ms: int) -> None:
        """Write the heartbeat durably, and lock the file again if another one is there: the disk was plugged in again.

        Raises StorageError if the disk rejects it, FolderInUse if another process has taken the lock meanwhile.
        """
        try:
            if not self._is_there():
                self._take_again()
            self.write(now_ms)
            os.fdatasync(self._fd)
        except OSError as error:
            raise _turned(error, self._path) from error

    def _is_there(self) -> bool:
        """Return whether the file is still the one in the folder: then a failed write gives up no lock."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:  # of a disk that failed, also when it is back
            return False

    def _take_again(self) -> None:
        fd = os.open(self._path, _FLAGS, 0o600)  # first: while the disk is away, the old lock is kept
        self.release()  # if it is the same file, its lock would refuse the new one
        self._fd = fd
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                threading.Event().wait(_ASKED_S)
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = _read(fd)
            self.release()
            if isinstance(error, BlockingIOError):
                raise _in_use(self._path.parent, other) from error
            raise

    def write(self, now_ms: int) -> None:
        """Write the heartbeat for other processes; after a power cut it may be missing. Raises OSError."""
        self._life = LockHolder(self._life.pid, self._life.boot, now_ms)
        os.pwrite(self._fd, json.dumps(asdict(self._life)).encode().ljust(_SIZE - 1) + b"\n", 0)

    def release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with suppress(OSError):  # its disk is gone
                os.close(fd)


def check_locks(folder: Path) -> None:
    """Raise LocksUnsupported, or another StorageError, unless a file in the folder can be created and locked."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _turned(error, folder / "lock") from error


def holder(root: Path) -> LockHolder | None:
    """Return the current holder. None if the lock is free or cannot be read."""
    try:
        fd = os.open(root / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        life = _read(fd)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return life or LockHolder(0, "", 0)
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(fd)
    return None


def boot_id() -> str:
    """Return the id of the running kernel's boot. Empty if not available."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _in_use(root: Path, life: LockHolder | None) -> FolderInUse:
    return FolderInUse(str(root), f"process {life.pid}" if life else "which one is unknown")


def _turned(error: OSError, path: Path) -> StorageError:
    if error.errno in _NO_LOCKS:
        return LocksUnsupported(str(path.parent), os.strerror(error.errno or 0))
    return turned(error, str(path))


def _read(fd: int) -> LockHolder | None:
    try:
        data: Any = json.loads(os.pread(fd, _SIZE, 0))
        return LockHolder(int(data["pid"]), str(data["boot"]), int(data["at_ms"]))
    except (ValueError, KeyError, TypeError):
        return None

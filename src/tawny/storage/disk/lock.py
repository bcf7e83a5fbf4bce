"""One recorder a volume: a file that is locked while it runs, and tells who holds it and when it last lived.

The lock itself is the kernel's (flock), so it is gone with its process whatever happened to it. What is written in the
file is for people, and for the next start: until when was this recorder alive?
"""

import errno
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import FolderInUse
from tawny.storage.disk.disk import turned

_SIZE: Final = 256  # always as long, within one sector: never half old and half new


@dataclass(frozen=True, slots=True)
class LockHolder:
    """What stands in the file. boot: of the machine, new at every start of its kernel."""

    pid: int
    boot: str
    at_ms: int


class VolumeLock:
    """Held from `take` to `release`; `pulse` from one thread at a time."""

    def __init__(self, fd: int, path: Path, life: LockHolder, before: LockHolder | None) -> None:
        self._fd, self._path, self._life = fd, path, life
        self.before = before
        """Who held it last; None when nobody did."""

    @classmethod
    def take(cls, root: Path, boot: str, now_ms: int) -> "VolumeLock":
        """Raises FolderInUse when another process holds it, FolderUnwritable when the folder cannot be written."""
        path = root / "lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            raise turned(error, str(path)) from error
        try:
            before = _read(fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock = cls(fd, path, LockHolder(os.getpid(), boot, now_ms), before)
            lock.pulse(now_ms)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                who = f"process {before.pid}" if before else "which one is unknown"
                raise FolderInUse(str(root), who) from error
            raise turned(error, str(path)) from error
        return lock

    def pulse(self, now_ms: int) -> None:
        """Write down that we are alive, durably. OSError when the disk does not let us."""
        self._life = LockHolder(self._life.pid, self._life.boot, now_ms)
        os.pwrite(self._fd, json.dumps(asdict(self._life)).encode().ljust(_SIZE - 1) + b"\n", 0)
        os.fdatasync(self._fd)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def holder(root: Path) -> LockHolder | None:
    """Who holds the lock now; None when nobody does."""
    try:
        fd = os.open(root / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        life = _read(fd)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return life or LockHolder(0, "", 0)
    finally:
        os.close(fd)
    return None


def boot_id() -> str:
    """Of the running kernel; empty where there is none to be had."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _read(fd: int) -> LockHolder | None:
    try:
        said: Any = json.loads(os.pread(fd, _SIZE, 0))
        return LockHolder(int(said["pid"]), str(said["boot"]), int(said["at_ms"]))
    except (ValueError, KeyError, TypeError):
        return None

"""Export folder: a folder in which finished files appear, whole, and of which the oldest go when it is full.

A file is written under a hidden name and renamed when it is on the disk. Only files that the outbox knows are deleted:
whatever else lies in the folder stays.
"""

import errno
import logging
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryContent, portions
from tawny.delivery.destination import refuse_no_destination
from tawny.delivery.outbox import Outbox
from tawny.model.errors import DeliveryError, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.model.ids import EventId
from tawny.model.times import Clock
from tawny.storage.disk.headroom import SPARE_SHARE

log = logging.getLogger(__name__)
PART: Final = ".part"
_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN)


@dataclass(frozen=True, slots=True)
class FolderLimits:
    """mode: of files. Folders can be entered by those who may read their files."""

    most_bytes: int
    retention_s: float | None = None
    mode: int = 0o600

    @property
    def folder_mode(self) -> int:
        return self.mode | 0o100 | (self.mode & 0o044) >> 2


class ExportFolder:
    """One folder and its limits, as a carrier (`delivery.delivery`). Thread-safe.

    to: its target in the outbox. is_kept: whether an event is kept, so that its files go last.
    """

    def __init__(
        self,
        to: str,
        root: Path,
        outbox: Outbox,
        clock: Clock,
        is_kept: Callable[[EventId], bool],
        limits: "FolderLimits",
    ) -> None:
        self.to, self.root, self._outbox, self._clock, self._is_kept = to, root, outbox, clock, is_kept
        self._limits = limits
        self._lock = threading.Lock()
        self._full: deque[int] = deque(maxlen=1000)

    @property
    def public(self) -> str:
        return f"{self.to} ({self.root})"

    def opened(self) -> "ExportFolder":
        """Create the folder if its parent is there: an unmounted disk is not written to. Raises DeliveryError."""
        refuse_no_destination(self.root, self.public)
        try:
            self._make(self.root)
        except FileNotFoundError:
            raise TargetMissing(self.public, f"{self.root.parent} doesn't exist; is its disk mounted") from None
        except OSError as error:
            raise self._worded(error) from error
        return self

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Write a file; make room for it first. The receipt is its path. Raises DeliveryError."""
        path = self._path(delivery.name)
        with self._lock:
            self._keep_within(content.size_bytes)
            while self._lacks(content.size_bytes):
                if not self._make_room():
                    raise TargetFull(self.public, "no space left")
            while True:
                try:
                    self._write(path, content)
                except OSError as error:
                    worded = self._worded(error)
                    if isinstance(worded, TargetFull) and self._make_room():
                        continue
                    raise worded from error
                return str(path)

    def close(self) -> None:
        """No resources to release."""

    def probe(self) -> None:
        """Write a small file and delete it. Raises DeliveryError."""
        path = self.root / f".tawny-test{PART}"
        try:
            path.write_bytes(b"tawny")
            path.unlink()
        except OSError as error:
            raise self._worded(error) from error

    def expire(self) -> None:
        """Delete the files that are older than the retention."""
        if self._limits.retention_s is None:
            return
        before_ms = self._clock.now_ms() - round(self._limits.retention_s * 1000)
        with self._lock:
            for one in self._outbox.kept_files(self.to):
                if one.at_ms >= before_ms:
                    break
                if one.event is None or not self._is_kept(one.event):
                    self._remove(one)

    def removed_when_full(self, since_ms: int) -> int:
        """Count the files that were deleted since then because the disk was full."""
        return sum(at_ms >= since_ms for at_ms in list(self._full))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _write(self, path: Path, content: DeliveryContent) -> None:
        for folder in reversed(path.relative_to(self.root).parents):
            self._make(self.root / folder)
        part = path.with_name(f".{path.name}{PART}")
        try:
            with part.open("wb") as file:
                os.fchmod(file.fileno(), self._limits.mode)
                for portion in portions(content):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            if content.modified_ms:
                os.utime(part, ns=(content.modified_ms * 1_000_000, content.modified_ms * 1_000_000))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        held = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(held)
        finally:
            os.close(held)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            folder.chmod(self._limits.folder_mode)

    def _keep_within(self, coming_bytes: int) -> None:
        """Delete the oldest files until the new one fits into the space limit."""
        files = self._outbox.kept_files(self.to)
        excess = sum(one.size_bytes for one in files) + coming_bytes - self._limits.most_bytes
        if excess <= 0:
            return
        count = 0
        for one in self._oldest_first(files):
            if excess <= 0:
                break
            self._remove(one)
            excess, count = excess - one.size_bytes, count + 1
        log.info("%s: the space limit is reached; deleted the %d oldest files", self.public, count)

    def _lacks(self, size_bytes: int) -> bool:
        try:
            disk = shutil.disk_usage(self.root)
        except OSError as error:
            raise self._worded(error) from error
        return disk.free - size_bytes < disk.total * SPARE_SHARE

    def _make_room(self) -> bool:
        """Delete the oldest file because the disk is full. Return False if there is none."""
        for one in self._oldest_first(self._outbox.kept_files(self.to)):
            self._full.append(self._clock.now_ms())
            log.warning("%s: the disk is full; deleted the oldest file, %s", self.public, one.name)
            self._remove(one)
            return True
        return False

    def _oldest_first(self, files: list[Delivery]) -> list[Delivery]:
        kept = {one.event for one in files if one.event is not None and self._is_kept(one.event)}
        return sorted(files, key=lambda one: one.event in kept if one.event else False)

    def _remove(self, one: Delivery) -> None:
        """Delete a file where it was written to, if it still exists."""
        path = Path(one.receipt)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._worded(error) from error
        self._outbox.drop(one, "It was deleted from the folder.")
        for folder in path.parents:
            if folder == self.root or not folder.is_relative_to(self.root):
                return
            with suppress(OSError):  # not empty
                folder.rmdir()

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or any(part in ("..", "/") for part in parts):
            raise DeliveryError(self.public, f"{name!r} is no name of a file in it")
        return self.root.joinpath(*parts)

    def _worded(self, error: OSError) -> DeliveryError:
        detail = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return TargetFull(self.public, detail)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return TargetRefused(self.public, detail)
        if error.errno in _GONE:
            return TargetUnreachable(self.public, detail)
        if error.errno == errno.ENOENT and not self.root.is_dir():
            return TargetMissing(self.public, "the folder no longer exists; is its disk mounted")
        return DeliveryError(self.public, detail)

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.config.file_writing import modes_optional
from tawny.delivery.delivery import Delivery, DeliveryContent, portions
from tawny.delivery.destination import FOLDER_GONE, refuse_no_destination
from tawny.delivery.destinations.folder import PART, FileTooLarge, OpenFolder
from tawny.delivery.outbox import Outbox
from tawny.model.errors import ContentGone, DeliveryError, TargetFull, TargetMissing
from tawny.model.ids import EventId
from tawny.model.times import Clock
from tawny.storage.disk.headroom import SPARE_SHARE
from tawny.storage.disk.secondary_volumes import why_disk_missing, why_listed_disk_missing

log = logging.getLogger(__name__)

_SHOWN_MS: Final = 86_400_000
_OTHERS: Final = 0o066
"""Rights of others than the owner to read and write."""


class FileLeftOut(ContentGone):
    """A file is too large for the file system: another try would only write it in vain."""

    says, advice = FileTooLarge.says, FileTooLarge.advice


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
        self._folder, self._limits = OpenFolder(root, f"{to} ({root})"), limits
        self._lock = threading.Lock()
        self._full: deque[int] = deque(maxlen=1000)
        self._logged: set[Path] = set()
        """Links of other users that were logged."""
        self._held_bytes: int | None = None
        """Of the files that are there; None: to be counted."""
        self._is_wider = False
        self._too_large_ms: int | None = None
        """When a file was last too large for the file system, ms UTC."""
        self._too_large_bytes = 0
        """Its size."""

    @property
    def public(self) -> str:
        return self._folder.public

    def opened(self) -> "ExportFolder":
        """Create the folder if its parent is there: an unmounted disk is not written to. Raises DeliveryError.

        A folder that had files is not created again: it may be on a disk that is not mounted.
        """
        refuse_no_destination(self.root, self.public)
        is_there = self._folder.is_there()
        if why := (why_listed_disk_missing if is_there else why_disk_missing)(self.root):
            raise TargetMissing(self.public, why)
        if not is_there and self._had_files():
            raise TargetMissing(self.public, FOLDER_GONE)
        try:
            self._make(self.root)
        except FileNotFoundError:
            raise TargetMissing(self.public, f"{self.root.parent} doesn't exist; is its disk mounted") from None
        except OSError as error:
            raise self._folder.worded(error) from error
        return self

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Write a file; make room for it first. The receipt is its path. Raises DeliveryError."""
        path = self._folder.path(delivery.name)
        with self._lock:
            if self.had_too_large() and content.size_bytes >= self._too_large_bytes:  # no file makes room for it
                raise FileLeftOut(self.public, os.strerror(errno.EFBIG))
            self._keep_within(content.size_bytes)
            while self._lacks(content.size_bytes):
                if not self._make_room():
                    raise TargetFull(self.public, "no space left")
            while True:
                try:
                    self._write(path, content)
                except OSError as error:
                    worded = self._folder.worded(error)
                    if isinstance(worded, TargetFull) and self._make_room():
                        continue
                    if isinstance(worded, FileTooLarge):
                        self._too_large_ms, self._too_large_bytes = self._clock.now_ms(), content.size_bytes
                        raise FileLeftOut(worded.where, worded.detail) from error
                    raise worded from error
                if self._held_bytes is not None:
                    self._held_bytes += content.size_bytes
                return str(path)

    def close(self) -> None:
        """No resources to release."""

    def probe(self) -> None:
        """Write a small file and delete it. Raises DeliveryError."""
        path = self.root / f".tawny-test{PART}"
        try:
            with self._folder.open_part(path, "wb") as file:
                file.write(b"tawny")
            path.unlink()
        except OSError as error:
            raise self._folder.worded(error) from error

    def expire(self, ahead_ms: int = 0) -> None:
        """Delete the files that are older than the retention, once the folder is there and its disk answers.

        ahead_ms: by how much the clock is ahead of the one that ages are counted by.
        """
        with self._lock:
            self._held_bytes = None
        if self._limits.retention_s is None or not os.access(self.root, os.F_OK):
            return
        before_ms = self._clock.now_ms() - ahead_ms - round(self._limits.retention_s * 1000)
        with self._lock:
            try:
                for one in self._outbox.kept_files(self.to):
                    if one.at_ms >= before_ms:
                        break
                    if one.event is None or not self._is_kept(one.event):
                        self._remove(one)
            except DeliveryError as error:
                log.warning("%s", error)

    def removed_when_full(self) -> int:
        """Count the files that were deleted within the last day because the disk was full."""
        return sum(at_ms >= self._clock.now_ms() - _SHOWN_MS for at_ms in list(self._full))

    def had_too_large(self) -> bool:
        """Return whether files of the last day were too large for the file system."""
        return self._too_large_ms is not None and self._too_large_ms >= self._clock.now_ms() - _SHOWN_MS

    def _had_files(self) -> bool:
        return any(Path(one.receipt).is_relative_to(self.root) for one in self._outbox.kept_files(self.to))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _write(self, path: Path, content: DeliveryContent) -> None:
        self._folder.check_links(path)
        for folder in reversed(path.relative_to(self.root).parents):
            self._make(self.root / folder)
        part = path.with_name(f".{path.name}{PART}")
        try:
            with self._folder.open_part(part, "wb") as file:
                with modes_optional():
                    os.fchmod(file.fileno(), self._limits.mode)
                self._warn_if_wider(os.fstat(file.fileno()).st_mode)
                for portion in portions(content):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            self._folder.publish(part, path, content.modified_ms)
        finally:
            part.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            with modes_optional():
                folder.chmod(self._limits.folder_mode)

    def _warn_if_wider(self, mode: int) -> None:
        """Log once that more users may open the files than the settings say. mode: of a file, as it was set."""
        if mode & _OTHERS & ~self._limits.mode and not self._is_wider:
            self._is_wider = True
            log.warning(
                "%s: other users of this computer may open the files: permissions can't be set there, except by the "
                "options of its mount",
                self.public,
            )

    def _keep_within(self, coming_bytes: int) -> None:
        """Delete the oldest files until the new one fits into the space limit."""
        if self._held_bytes is None:
            self._held_bytes = self._outbox.kept_bytes(self.to)
        excess = self._held_bytes + coming_bytes - self._limits.most_bytes
        if excess <= 0:
            return
        count = 0
        for one in self._oldest_first():
            if excess <= 0:
                break
            count += self._remove(one)
            excess -= one.size_bytes  # also of what stays, or it would crowd out all new files
        log.info("%s: the space limit is reached; deleted the %d oldest files", self.public, count)

    def _lacks(self, size_bytes: int) -> bool:
        try:
            disk = shutil.disk_usage(self.root)
        except OSError as error:
            raise self._folder.worded(error) from error
        return disk.free - size_bytes < disk.total * SPARE_SHARE

    def _make_room(self) -> bool:
        """Delete the oldest file because the disk is full. Return False if there is none."""
        for one in self._oldest_first():
            if self._remove(one):
                self._full.append(self._clock.now_ms())
                log.warning("%s: the disk is full; deleted the oldest file, %s", self.public, one.name)
                return True
        return False

    def _oldest_first(self) -> Iterator[Delivery]:
        """Yield the files, those of kept events last."""
        for is_kept in (False, True):
            for one in self._outbox.kept_files(self.to):
                if (one.event is not None and self._is_kept(one.event)) is is_kept:
                    yield one

    def _remove(self, one: Delivery) -> bool:
        """Delete a file where it was written to, if it still exists. Return False if another user's link is before it.

        Raises DeliveryError, TargetMissing without the folder.
        """
        if not self._folder.is_there():
            raise TargetMissing(self.public, FOLDER_GONE)
        try:
            link = self._folder.foreign_link(Path(one.receipt))
        except OSError as error:
            raise self._folder.worded(error) from error
        if link is not None:
            if link not in self._logged:
                self._logged.add(link)
                log.warning("%s: what is behind the link %s stays, as another user has made it", self.public, link)
            return False
        self._folder.remove_file(Path(one.receipt))
        if self._held_bytes is not None:
            self._held_bytes -= one.size_bytes
        self._outbox.drop(one, "It was deleted from the folder.")
        return True

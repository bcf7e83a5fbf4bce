"""Backup and restore of the running recorder. A restore is prepared here, and carried out when tawny starts again."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tawny.model.errors import NotDone
from tawny.model.times import Clock
from tawny.service.backup.backup_file import MOST_BYTES, SUFFIX, backup_parts, read_passphrase
from tawny.service.backup.restore import UPLOAD, RestorePlan, UnpackedBackup
from tawny.storage.disk.disk import turned

log = logging.getLogger(__name__)

_PORTION: Final = 256 * 1024


class UploadMissing(NotDone):
    """There is no uploaded backup, or another one than the one that was checked."""


@dataclass(frozen=True, slots=True)
class PreparedRestore:
    """saved: the backup of what is here. listens: the address of the web interface then, if it becomes another one."""

    saved: Path
    listens: str


@dataclass(frozen=True, slots=True)
class BackupService:
    """Thread-safe for one owner at a time; calls wait for the disk. Restores no settings that run new programs.

    data: the recorder's folder; None: in memory. config: the settings file; None: there is none. Without either, all
    raises NotDone. listens: the address of the web interface, perhaps by `--listen`; empty: as the settings file says.
    """

    data: Path | None
    config: Path | None
    host: str
    clock: Clock
    listens: str = ""

    def places(self) -> tuple[Path, Path]:
        """Return the folder and the settings file. Raises NotDone."""
        if self.data is None or self.config is None:
            raise NotDone("This tawny has no folder and settings file to back up.", "")
        return self.data, self.config

    def parts(self, passphrase: str) -> Iterator[bytes]:
        """Yield a backup. Raises NotDone, StorageError."""
        return backup_parts(*self.places(), passphrase, self.clock.now_ms(), self.host)

    @property
    def file_name(self) -> str:
        return f"tawny-{datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC):%Y-%m-%d}{SUFFIX}"

    def begin_upload(self) -> "BackupUpload":
        """Forget the backup that was uploaded before, and end an upload that still runs. Raises StorageError."""
        return BackupUpload(self._upload)

    def forget_upload(self) -> None:
        """Remove the uploaded backup."""
        with suppress(OSError):
            self._upload.unlink(missing_ok=True)

    def plan(self, passphrase: str) -> tuple[RestorePlan, str]:
        """Verify the uploaded backup; return what a restore would do, and the upload's ID.

        Raises NotDone, UploadMissing, StorageError.
        """
        (unpacked, upload), (_, config) = self._unpacked(passphrase), self.places()
        try:
            unpacked.check_programs(config)
            plan = unpacked.plan(config, self.listens)
            try:
                unpacked.check_start(config)
            except NotDone as error:
                plan = replace(plan, notes=[*plan.notes, error.do], refused=True)
            return plan, upload
        finally:
            unpacked.discard()

    def restore(self, passphrase: str, upload: str = "") -> PreparedRestore:
        """Save a backup of what is here, and prepare the restore: it is carried out when tawny starts next.

        upload: ID of the upload that is meant; empty: any. The backup of what is here gets the same passphrase. Raises
        NotDone, UploadMissing, StorageError: nothing was changed.
        """
        (unpacked, found), (data, config) = self._unpacked(passphrase), self.places()
        try:
            if upload not in ("", found):
                raise UploadMissing("Another backup has been uploaded meanwhile.", "Choose the file again.")
            unpacked.check_programs(config)
            unpacked.check_place(config)
            unpacked.check_start(config)
            opened = read_passphrase(next(self._read(), b""), passphrase)
            saved = (
                data
                / f"before-restore-{datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
            )
            damaged = list[str]()
            _save(saved, backup_parts(data, config, opened, self.clock.now_ms(), self.host, damaged))
            if damaged:
                log.warning("damaged, so only kept as they are in %s: %s", saved, ", ".join(damaged))
            listens = unpacked.plan(config, self.listens).listens
            unpacked.commit(config)
        finally:
            unpacked.discard()
        self.forget_upload()
        return PreparedRestore(saved, listens)

    @property
    def _upload(self) -> Path:
        return self.places()[0] / UPLOAD

    def _unpacked(self, passphrase: str) -> tuple[UnpackedBackup, str]:
        """Return the uploaded backup and its ID: the digest of what was unpacked, as another upload may come."""
        if not self._upload.is_file():
            raise UploadMissing("No backup has been uploaded.", "Choose the file again.")
        digest = hashlib.sha256()
        opened = read_passphrase(next(self._read(), b""), passphrase)
        unpacked = UnpackedBackup.unpack(self._read(digest.update), opened, self.places()[0])
        return unpacked, digest.hexdigest()

    def _read(self, note: Callable[[bytes], None] = lambda _: None) -> Iterator[bytes]:
        with self._upload.open("rb") as file:
            while portion := file.read(_PORTION):
                note(portion)
                yield portion


class BackupUpload:
    """An upload of a backup, which the next one ends. One thread at a time."""

    def __init__(self, path: Path) -> None:
        """Raises StorageError."""
        self._path, self._digest = path, hashlib.sha256()
        try:
            path.unlink(missing_ok=True)
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
        except OSError as error:
            raise turned(error, str(path)) from error

    def add(self, portion: bytes) -> None:
        """Append to it. Raises NotDone: larger than backups are, or another upload has begun; StorageError."""
        try:
            if not self._is_newest():
                raise NotDone("Another upload of a backup has begun.", "Wait for that one, or choose the file again.")
            if self._file.tell() + len(portion) > MOST_BYTES:
                raise NotDone("This file is larger than a backup can be.", "Choose a file that tawny saved.")
            self._file.write(portion)
            self._file.flush()
            self._digest.update(portion)
        except OSError as error:
            raise turned(error, str(self._path)) from error

    @property
    def id(self) -> str:
        return self._digest.hexdigest()

    def forget(self) -> None:
        """Remove it; a newer upload stays."""
        with suppress(OSError):
            if self._is_newest():
                self._path.unlink()

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def _is_newest(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False


def _save(path: Path, parts: Iterable[bytes]) -> None:
    """Write a new file whole or not at all. Raises StorageError, and what `parts` raises."""
    try:
        with ExitStack() as undo:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            undo.callback(path.unlink, missing_ok=True)
            with os.fdopen(fd, "wb") as file:
                for one in parts:
                    file.write(one)
                file.flush()
                os.fsync(file.fileno())
            undo.pop_all()
    except OSError as error:
        raise turned(error, str(path)) from error

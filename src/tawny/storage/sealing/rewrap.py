"""Rewrapping of keys: existing recordings are opened to other recipients without changing the video.

A day's key ring is written to a new file, synced and renamed. Each of its lines names the recipients, so that finished
work is not repeated, and a key that could not be opened is tried again. Then each file's wrapped key is overwritten in
place and synced. An interruption is harmless, because the ring already has the key. Run it again to continue.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tawny.model.errors import FileMissing, StorageError, StorageUnavailable
from tawny.model.ids import CameraId
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedHeader
from tawny.sealed.key_wrapping import Identity, area, short_name, unwrap, wrap, wrapped_in
from tawny.sealed.sealer import RingLine, read_ring
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_sealed, keys_of_day
from tawny.storage.disk.volume import Volume
from tawny.storage.sealing.epoch_keys import add_to_ring

NEW: Final = ".new"
_TRIES: Final = 3
"""Attempts to wrap: age adds random padding, and the smallest result fits into more files."""
_ROOM_BYTES: Final = 510
"""Room that every file has for its wrapped key."""
_FIRST: Final = 3
"""Recipients that fit into it, in two of five attempts."""
_TRIES_TO_FIT: Final = 40


@dataclass(slots=True)
class Rewrapped:
    """Result. keys: keys wrapped for the recipients. files: files whose wrapped key was overwritten.

    locked: commits of keys that none of the identities opens; unchanged. narrow: files without room for all
    recipients. failed: the first error of each volume, by its name.
    """

    keys: int = 0
    files: int = 0
    narrow: int = 0
    locked: set[bytes] = field(default_factory=set)
    failed: dict[str, StorageError] = field(default_factory=dict)

    def add(self, other: "Rewrapped") -> None:
        self.keys += other.keys
        self.files += other.files
        self.narrow += other.narrow
        self.locked |= other.locked
        self.failed = other.failed | self.failed

    @contextmanager
    def noting(self, volume: Volume) -> Iterator[None]:
        """Note an error of a volume: what else there is, is done all the same."""
        try:
            yield
        except FileMissing:
            pass  # retention or the mover of a running recorder removed it meanwhile
        except StorageError as error:
            self.failed.setdefault(volume.name, error)

    def is_away(self, volume: Volume) -> bool:
        """Return whether an error concerned every file of a volume."""
        return isinstance(self.failed.get(volume.name), StorageUnavailable)


def rewrap_camera(
    volume: Volume,
    camera: CameraId,
    identities: Sequence[Identity],
    recipients: Sequence[str],
    *,
    shuts_out: bool,
    before: str,
) -> Rewrapped:
    """Rewrap a camera's keys for the recipients, as far as the volumes can be read and written.

    recipients: a file without room for all gets the first ones. shuts_out: a previous recipient loses access, so such
    a file's own key is overwritten, too, and so is that of a file in a bucket, which is then sent as a whole. before:
    process only days before this one, in the form `2026/11/20`.
    """
    done, days = Rewrapped(), set[str]()
    for each in volume.everywhere:
        with done.noting(each):
            days.update(each.day_folders(camera))
    for folder in sorted(days):
        if folder.partition("/")[2] < before:
            _Day(folder, identities, recipients, done).rewrap(volume, shuts_out=shuts_out)
    return done


def has_keys(volume: Volume, camera: CameraId, done: Rewrapped) -> bool:
    """Return whether a camera has key rings, as far as the volumes can be read."""
    for each in volume.everywhere:
        if not done.is_away(each):
            with done.noting(each):
                if any(path for day in each.day_folders(camera) for path in _rings(each, day)):
                    return True
    return False


class _Day:
    """Rewrapping of a day's keys. ring: lines for the recipients. unopened: the same, but no identity opens them."""

    def __init__(self, folder: str, identities: Sequence[Identity], recipients: Sequence[str], done: Rewrapped) -> None:
        self._folder, self._identities, self._recipients, self._done = folder, identities, recipients, done
        self._names = tuple(map(short_name, recipients))
        self._ring, self._unopened = dict[bytes, RingLine](), dict[bytes, RingLine]()

    def rewrap(self, volume: Volume, *, shuts_out: bool) -> None:
        done = self._done
        for each in volume.everywhere:
            if not done.is_away(each):
                with done.noting(each):
                    for path in _rings(each, self._folder):
                        self._rewrap_ring(each.disk, path)
        for each in volume.everywhere:
            if not done.is_away(each) and (shuts_out or each.archive is None):
                with done.noting(each):
                    self._rewrap_files(each, shuts_out=shuts_out)

    def _rewrap_files(self, volume: Volume, *, shuts_out: bool) -> None:
        for path in _sealed_files(volume, self._folder):
            with self._done.noting(volume):
                self._write_over(volume, path, shuts_out=shuts_out)
            if self._done.is_away(volume):
                return

    def _rewrap_ring(self, disk: DiskAccess, path: str) -> None:
        """Replace a ring, if a line can be opened that isn't for the recipients yet.

        A key has the same line in all rings, so that a ring that is copied over another one changes no file.
        """
        lines = read_ring(disk.read(path))
        opened, fresh = dict[bytes, RingLine](), dict[bytes, RingLine]()
        for commit, line in lines.items():
            is_done, key = self._is_done(line), self._key(line)
            if is_done:
                (self._unopened if key is None else opened)[commit] = line
            elif commit in self._ring or key is not None:
                fresh[commit] = self._ring.get(commit) or _line_for(line, key or b"", self._recipients)
            else:
                self._done.locked.add(commit)
        if fresh:
            _replace(disk, path, [line.text() for line in (lines | fresh).values()])
        self._done.keys += len(fresh)
        self._ring = opened | fresh | self._ring

    def _is_done(self, line: RingLine) -> bool:
        """Return whether the line is for the recipients. Their order matters for the first ones only."""
        return line.made_for == self._names if line.short else set(line.made_for) == set(self._names)

    def _key(self, line: RingLine) -> bytes | None:
        try:
            return unwrap(line.wrapped, self._identities, line.commit)
        except SealedFileBroken:
            return None

    def _write_over(self, volume: Volume, path: str, *, shuts_out: bool) -> None:
        """Overwrite the file's wrapped key with that of the ring, or with its short one if it does not fit.

        Unless someone loses access, a file without room for all keeps its key.
        """
        disk = volume.disk
        try:
            header = SealedHeader.read(disk.read(path, 0, HEADER_BYTES))
        except SealedFileBroken:
            return  # reported by `check`
        found = wrapped_in(disk.read(path, HEADER_BYTES, header.wrap_bytes))
        line = self._line(volume, header, found)
        if line is None:
            self._done.locked.add(header.commit)
            return
        is_narrow = 2 + len(line.wrapped) > header.wrap_bytes
        self._done.narrow += is_narrow
        chosen = line.short if is_narrow else line.wrapped
        if found == chosen or (found and is_narrow and not shuts_out):
            return
        if is_narrow:
            self._keep_in_ring(volume, line)
        disk.write_at(path, HEADER_BYTES, area(chosen, header.wrap_bytes))
        file = disk.extend(path)
        try:
            file.sync()
        finally:
            file.close()
        self._done.files += 1

    def _line(self, volume: Volume, header: SealedHeader, found: bytes) -> RingLine | None:
        """Return the line of a file's key. None if no identity opens it and the file isn't finished.

        found: the file's own wrapped key, the only one where the day's rings lack it: that of footage filled in later
        and of pictures of an event that began the day before is in another day's ring, and a ring may be lost.
        """
        line, finished = self._ring.get(header.commit), self._unopened.get(header.commit)
        if line is not None:
            return line
        if finished is not None and found and found in (finished.wrapped, finished.short):
            return finished
        own = RingLine(header.commit, header.born_ms, found)
        key = self._key(own)
        if key is None:
            return None
        line = _line_for(own, key, self._recipients)
        self._keep_in_ring(volume, line)
        self._ring[header.commit] = line
        self._done.keys += 1
        self._done.locked.discard(header.commit)
        return line

    def _keep_in_ring(self, volume: Volume, line: RingLine) -> None:
        """Have the key in the ring on the file's own volume, durably: the other volumes may be lost."""
        ring = keys_of_day(self._folder)
        if volume.disk.entry(ring) is None or read_ring(volume.disk.read(ring)).get(line.commit) != line:
            add_to_ring(volume, ring, line)


def _line_for(line: RingLine, key: bytes, recipients: Sequence[str]) -> RingLine:
    """Return the line for the recipients, and for the first of them if a file may lack the room for all."""
    wrapped = _least(key, recipients)
    short = _least(key, recipients[:_FIRST]) if len(wrapped) > _ROOM_BYTES else b""
    return RingLine(line.commit, line.born_ms, wrapped, short, tuple(map(short_name, recipients)))


def _least(key: bytes, recipients: Sequence[str]) -> bytes:
    found = wrap(key, recipients)
    for _ in range(_TRIES_TO_FIT if len(recipients) <= _FIRST else _TRIES):
        if len(found) <= _ROOM_BYTES:
            break
        found = min(found, wrap(key, recipients), key=len)
    return found


def _replace(disk: DiskAccess, path: str, parts: Sequence[bytes]) -> None:
    """Replace a file durably."""
    disk.unlink(path + NEW)
    file = disk.create(path + NEW)
    try:
        file.append(parts)
        file.sync()
    finally:
        file.close()
    disk.rename(path + NEW, path)
    disk.sync_folder(path.rpartition("/")[0])


def _rings(volume: Volume, folder: str) -> Iterator[str]:
    for path, entry in volume.files(folder):
        if entry.kind == "file" and path.endswith(".keys"):
            yield path


def _sealed_files(volume: Volume, day: str) -> Iterator[str]:
    for hour in volume.disk.entries(day):
        if hour.kind == "folder":
            for path, entry in volume.files(f"{day}/{hour.name}"):
                if entry.kind == "file" and is_sealed(path):
                    yield path

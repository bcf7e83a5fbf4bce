"""Rewrapping of keys: existing recordings are opened to other recipients without changing the video.

A day's key ring is written to a new file, synced and renamed. Each of its lines names the recipients, so that finished
work is not repeated, and a key that could not be opened is tried again. Then each file's wrapped key is overwritten in
place and synced. An interruption is harmless, because the ring already has the key. Run it again to continue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tawny.model.ids import CameraId
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedHeader
from tawny.sealed.key_wrapping import Identity, area, short_name, unwrap, wrap, wrapped_in
from tawny.sealed.sealer import RingLine, read_ring
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_sealed, keys_path
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

    locked: keys that none of the identities opens; unchanged. narrow: files without room for all recipients.
    """

    keys: int = 0
    files: int = 0
    locked: int = 0
    narrow: int = 0

    def add(self, other: "Rewrapped") -> None:
        self.keys += other.keys
        self.files += other.files
        self.locked += other.locked
        self.narrow += other.narrow


def rewrap_camera(
    volume: Volume,
    camera: CameraId,
    identities: Sequence[Identity],
    recipients: Sequence[str],
    *,
    shuts_out: bool,
    before: str,
) -> Rewrapped:
    """Rewrap a camera's keys for the recipients. Raises StorageError.

    recipients: a file without room for all gets the first ones. shuts_out: a previous recipient loses access, so such
    a file's own key is overwritten, too. before: process only days before this one, in the form `2026/11/20`.
    """
    done = Rewrapped()
    days = sorted({folder for each in volume.everywhere for folder in each.day_folders(camera)})
    for folder in days:
        if folder.partition("/")[2] < before:
            done.add(_rewrap_day(volume, folder, identities, recipients, shuts_out=shuts_out))
    return done


def _rewrap_day(
    volume: Volume, folder: str, identities: Sequence[Identity], recipients: Sequence[str], *, shuts_out: bool
) -> Rewrapped:
    done, ring = Rewrapped(), dict[bytes, RingLine]()
    for each in volume.everywhere:
        for path in _rings(each, folder):
            lines, opened, changed = _ring_for(each.disk, path, identities, recipients)
            done.keys, done.locked = done.keys + changed, done.locked + len(lines) - len(opened)
            ring |= opened
    for each in volume.everywhere:
        for path in _sealed_files(each, folder):
            done.add(_write_over(each, path, ring, shuts_out=shuts_out))
    return done


def _ring_for(
    disk: DiskAccess, path: str, identities: Sequence[Identity], recipients: Sequence[str]
) -> tuple[dict[bytes, RingLine], dict[bytes, RingLine], int]:
    """Return all lines of a ring, those that can be opened, wrapped for the recipients, and how many were changed."""
    lines, names = read_ring(disk.read(path)), tuple(map(short_name, recipients))
    keys = {commit: key for commit, line in lines.items() if (key := _key(line, identities)) is not None}
    fresh = {
        commit: _line_for(lines[commit], key, recipients)
        for commit, key in keys.items()
        if lines[commit].made_for != names
    }
    lines |= fresh
    if fresh:
        _replace(disk, path, [line.text() for line in lines.values()])
    return lines, {commit: lines[commit] for commit in keys}, len(fresh)


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


def _key(line: RingLine, identities: Sequence[Identity]) -> bytes | None:
    try:
        return unwrap(line.wrapped, identities, line.commit)
    except SealedFileBroken:
        return None


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


def _write_over(volume: Volume, path: str, ring: dict[bytes, RingLine], *, shuts_out: bool) -> Rewrapped:
    """Overwrite the file's wrapped key with that of the ring, or with its short one if it does not fit.

    A file whose key is not in the ring is skipped, because nothing else would open it. Unless someone loses access, a
    file without room for all keeps its key, and so does one in a bucket, which would be sent as a whole.
    """
    disk = volume.disk
    head = disk.read(path, 0, HEADER_BYTES)
    try:
        header = SealedHeader.read(head)
    except SealedFileBroken:
        return Rewrapped()  # reported by `check`
    line = ring.get(header.commit)
    if line is None:
        return Rewrapped()
    is_narrow = 2 + len(line.wrapped) > header.wrap_bytes
    chosen = line.short if is_narrow else line.wrapped
    found = wrapped_in(disk.read(path, HEADER_BYTES, header.wrap_bytes))
    may_stay = not shuts_out and (is_narrow or volume.archive is not None)
    if found == chosen or (found and may_stay):
        return Rewrapped(narrow=is_narrow)
    if is_narrow:
        _keep_in_ring(volume, path, line)
    disk.write_at(path, HEADER_BYTES, area(chosen, header.wrap_bytes))
    file = disk.extend(path)
    try:
        file.sync()
    finally:
        file.close()
    return Rewrapped(files=1, narrow=is_narrow)


def _keep_in_ring(volume: Volume, path: str, line: RingLine) -> None:
    """Have the key in a ring on the file's own volume, durably: the other volumes may be lost."""
    camera = CameraId(path.partition("/")[0])
    ring = keys_path(camera, line.born_ms)
    if volume.disk.entry(ring) is None or line.commit not in read_ring(volume.disk.read(ring)):
        add_to_ring(volume, camera, line)


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

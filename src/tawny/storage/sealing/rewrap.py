"""Rewrapping of keys: existing recordings are opened to other recipients without changing the video.

A day's key ring is written to a new file, synced and renamed. Its first line names the recipients, so that finished
work is not repeated. To revoke a recipient, each file's wrapped key is then overwritten in place and synced. An
interruption is harmless, because the ring already has the key. Run it again to continue.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tawny.model.ids import CameraId
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedHeader
from tawny.sealed.key_wrapping import Identity, area, short_name, unwrap, wrap, wrapped_in
from tawny.sealed.sealer import RingLine, compact, read_ring
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_sealed, keys_path
from tawny.storage.disk.volume import Volume
from tawny.storage.sealing.epoch_keys import add_to_ring

NEW: Final = ".new"
_TRIES: Final = 3
"""Attempts to wrap: age adds random padding, and the smallest result fits into more files."""


@dataclass(slots=True)
class Rewrapped:
    """Result. keys: keys wrapped for the recipients. files: files whose wrapped key was overwritten.

    locked: keys that none of the identities opens; unchanged.
    """

    keys: int = 0
    files: int = 0
    locked: int = 0

    def add(self, other: "Rewrapped") -> None:
        self.keys += other.keys
        self.files += other.files
        self.locked += other.locked


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

    shuts_out: a previous recipient loses access, so wrapped keys in files are overwritten. before: process only days
    before this one, in the form `2026/11/20`.
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
            lines, fresh = _ring_for(each.disk, path, identities, recipients)
            done.keys, done.locked = done.keys + len(fresh), done.locked + len(lines) - len(fresh)
            ring |= fresh
    if shuts_out:
        for each in volume.everywhere:
            for path in _sealed_files(each, folder):
                done.files += _write_over(each, path, ring)
    return done


def _ring_for(
    disk: DiskAccess, path: str, identities: Sequence[Identity], recipients: Sequence[str]
) -> tuple[dict[bytes, RingLine], dict[bytes, RingLine]]:
    """Return all lines of a ring, and those now wrapped for the recipients: every line that can be opened."""
    text = disk.read(path)
    lines, names = read_ring(text), sorted(map(short_name, recipients))
    opened = {commit: key for commit, line in lines.items() if (key := _key(line, identities)) is not None}
    made_for = {"for": names, "keys": len(lines)}
    if _said_first(text) == made_for:
        return lines, {commit: lines[commit] for commit in opened}
    fresh = {commit: _line_for(lines[commit], key, recipients) for commit, key in opened.items()}
    _replace(disk, path, [compact(made_for) + b"\n", *(line.text() for line in (lines | fresh).values())])
    return lines, fresh


def _line_for(line: RingLine, key: bytes, recipients: Sequence[str]) -> RingLine:
    return RingLine(line.commit, line.born_ms, min((wrap(key, recipients) for _ in range(_TRIES)), key=len))


def _key(line: RingLine, identities: Sequence[Identity]) -> bytes | None:
    try:
        return unwrap(line.wrapped, identities, line.commit)
    except SealedFileBroken:
        return None


def _said_first(text: bytes) -> object:
    """Return the ring's first line: recipients as short names, and number of keys.

    Later lines may have been appended.
    """
    try:
        return json.loads(text.partition(b"\n")[0])
    except ValueError:
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


def _write_over(volume: Volume, path: str, ring: dict[bytes, RingLine]) -> bool:
    """Overwrite the file's wrapped key with that of the ring, or clear it if it does not fit.

    Return whether it changed. A file whose key is not in the ring is skipped, because nothing else would open it.
    """
    disk = volume.disk
    head = disk.read(path, 0, HEADER_BYTES)
    try:
        header = SealedHeader.read(head)
    except SealedFileBroken:
        return False  # reported by `check`
    line = ring.get(header.commit)
    if line is None:
        return False
    fits = line.wrapped if 2 + len(line.wrapped) <= header.wrap_bytes else b""
    if wrapped_in(disk.read(path, HEADER_BYTES, header.wrap_bytes)) == fits:
        return False
    if not fits:
        _keep_in_ring(volume, path, line)
    disk.write_at(path, HEADER_BYTES, area(line.wrapped, header.wrap_bytes))
    file = disk.extend(path)
    try:
        file.sync()
    finally:
        file.close()
    return True


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

"""Secondary volumes of a recorder: tiers for older segments, spares for failover, and mirrors.

`history/volumes.json` of the main volume lists them. Each volume holds its id in `history/volume`, so that an empty
mount point is never used in its place. The location of a file is not stored: the volumes are searched.

Invariant: the file of every segment in the index is complete on at least one of them.
"""

import json
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import DiskAccess, DiskCapacity, RealDisk, parent_of
from tawny.storage.disk.volume import Volume

_NAMES: Final = "history/volumes.json"
_MARK: Final = "history/volume"


class VolumeUse(StrEnum):
    TIER = "tier"
    """Receives older segments."""
    SPARE = "spare"
    """Receives recordings while the main volume cannot be written."""
    MIRROR = "mirror"
    """Holds a copy of all recordings."""


@dataclass(frozen=True, slots=True)
class SecondaryVolume:
    path: str
    id: str
    use: VolumeUse


Prepare = Callable[[Volume], None]


def _as_it_is(volume: Volume) -> None:
    """Default for `prepare`: no effect."""


def join(volume: Volume, root: Path, use: VolumeUse, prepare: Prepare = _as_it_is) -> Volume:
    """Add the folder as a secondary volume of `volume`; created on first use.

    prepare: called with the new volume before other code can use it.

    Raises StorageError if a known volume is missing, and FolderUnwritable.
    """
    known = {(one.path, one.use): one for one in others(volume)}
    if (str(root), use) not in known:
        made = Volume.at(root)
        made.check_writable()
        mark = _mark(made.disk) or secrets.token_hex(8)
        _write(made.disk, _MARK, mark.encode())
        _remember(volume, [*known.values(), SecondaryVolume(str(root), mark, use)])
    return attach(volume, root, use, prepare)


def expect_itself(volume: Volume) -> None:
    """Reject access from now on unless the same disk is mounted. Raises StorageError."""
    mark = _mark(volume.disk)
    if not mark:  # nothing refers to this id yet, so it needs no sync: after a power cut it is made again
        mark = secrets.token_hex(8)
        volume.disk.unlink(_MARK)
        volume.disk.make_folder(parent_of(_MARK), sync=False)
        file = volume.disk.create(_MARK)
        try:
            file.append([mark.encode()])
        finally:
            file.close()
    if isinstance(volume.disk, RealDisk):
        volume.disk.expect(_MARK, mark.encode())


def attach(volume: Volume, root: Path, use: VolumeUse, prepare: Prepare = _as_it_is) -> Volume:
    """Attach a volume that `join` registered. Raises StorageError if it is missing."""
    one = next((one for one in others(volume) if (one.path, one.use) == (str(root), use)), None)
    if one is None or not root.is_dir():
        raise StorageError(str(root), "the disk that should be there is not")
    signed = None if use is VolumeUse.MIRROR else volume.signed  # the history is of the originals
    other = Volume.at(root, signed, one.id)
    if not is_volume_present(other):
        raise StorageError(str(root), "the disk that should be there is not")
    expect_itself(other)
    prepare(other)
    if use is VolumeUse.MIRROR:
        volume.add_copy(other)
    else:
        volume.add_other(other, is_spare=use is VolumeUse.SPARE)
    return other


def attach_all(volume: Volume) -> list[StorageError]:
    """Attach all registered volumes, for read-only commands. Return the errors of missing ones."""
    missing: list[StorageError] = []
    for one in others(volume):
        try:
            attach(volume, Path(one.path), one.use)
        except StorageError as error:
            missing.append(error)
    return missing


def is_volume_present(volume: Volume) -> bool:
    """Return whether the same disk is still mounted. Another one, or none, may have replaced it."""
    try:
        return volume.mark is None or _mark(volume.disk) == volume.mark
    except StorageError:
        return False


def any_away(volume: Volume) -> bool:
    """Return whether a volume that may hold segments is not attached."""
    here = {str(other.root) for other in volume.others}
    return any(str(Path(one.path).resolve()) not in here for one in others(volume) if one.use is not VolumeUse.MIRROR)


def spaces(volume: Volume) -> list[tuple[Volume, DiskCapacity]]:
    """Return the capacity of the main volume and of the others that respond.

    Raises StorageError for the main volume only.
    """
    found = [(volume, volume.space())]
    for other in volume.others:
        with suppress(StorageError):
            if is_volume_present(other):
                found.append((other, other.space()))
    return found


def others(volume: Volume) -> list[SecondaryVolume]:
    """Return all registered volumes."""
    if volume.disk.entry(_NAMES) is None:
        return []
    try:
        said: Any = json.loads(volume.disk.read(_NAMES))
        return [SecondaryVolume(str(one["path"]), str(one["id"]), VolumeUse(one["use"])) for one in said]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _remember(volume: Volume, these: Iterable[SecondaryVolume]) -> None:
    _write(volume.disk, _NAMES, json.dumps([asdict(one) for one in these]).encode() + b"\n")


def _mark(disk: DiskAccess) -> str | None:
    entry = disk.entry(_MARK)
    return disk.read(_MARK, 0, 100).decode("ascii", "replace").strip() if entry and entry.kind == "file" else None


def _write(disk: DiskAccess, path: str, content: bytes) -> None:
    """Replace a file durably."""
    disk.make_folder(parent_of(path))
    disk.unlink(f"{path}.new")
    file = disk.create(f"{path}.new")
    try:
        file.append([content])
        file.sync()
    finally:
        file.close()
    disk.rename(f"{path}.new", path)
    disk.sync_folder(parent_of(path))

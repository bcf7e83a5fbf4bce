"""Secondary volumes of a recorder: tiers for older segments, spares for failover, and mirrors.

A tier may be an archive: a bucket instead of a folder.

`history/volumes.json` of the main volume lists them. Each volume holds its id in `history/volume`, so that an empty
mount point is never used in its place, and its recorder's id in `history/owner`. The location of a file is not stored:
the volumes are searched.

Invariant: the file of every segment in the index is complete on at least one of them.
"""

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

from tawny.model.errors import (
    ArchiveAway,
    ArchiveUnlisted,
    DiskFull,
    FolderInUse,
    FolderUnwritable,
    StorageError,
)
from tawny.storage.archive.archive_disk import ArchiveDisk, ArchiveSettings
from tawny.storage.archive.range_reader import OUTLINE, ObjectBucket, ObjectPart
from tawny.storage.archive.stored_objects import StoredObjects
from tawny.storage.disk.disk import DiskAccess, DiskCapacity, RealDisk, parent_of
from tawny.storage.disk.lock import holder
from tawny.storage.disk.volume import Volume
from tawny.storage.disk.volume_mark import MARK, OTHER_DISK

_NAMES: Final = "history/volumes.json"
_OWNER: Final = "history/owner"
_MOST_MARK_BYTES: Final = 100
RESPONDS_S: Final = 20.0
"""A disk that takes longer to say which one it is hangs: it counts as away until it has."""


# Detection of a missing disk, before anything is written to an empty mount point.

_FSTAB: Final = Path("/etc/fstab")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_PLUGGED: Final = (Path("/media"), Path("/run/media"))


def why_disk_missing(folder: Path, fstab: Path = _FSTAB, mounts: Path = _MOUNTS) -> str:
    """Return why the folder's disk is missing. Empty if it is mounted, or if nothing indicates a mount."""
    if why := why_listed_disk_missing(folder, fstab, mounts):
        return why
    folder = folder.absolute()
    mounted = mount_points(mounts)
    for above in _PLUGGED:
        places = [place for place in (folder, *folder.parents) if above in place.parents]
        if places and not any(place in mounted for place in places):
            return f"no disk is mounted below {above}"
    return ""


def why_listed_disk_missing(folder: Path, fstab: Path = _FSTAB, mounts: Path = _MOUNTS) -> str:
    """Return why the folder's disk is missing, as far as `/etc/fstab` lists it: for a folder that is there."""
    folder = folder.absolute()
    lines = {words[0]: words for words in _lines(mounts) if len(words) > 4}
    mounted = {Path(unescaped(words[4])) for words in lines.values() if not _is_onto_itself(words, lines.get(words[1]))}
    for words in _lines(fstab):
        if len(words) < 2 or words[0].startswith("#") or not words[1].startswith("/"):
            continue
        place = Path(unescaped(words[1]))
        if place != Path("/") and place in (folder, *folder.parents) and place not in mounted:
            return f"/etc/fstab mounts a disk at {place}, and it is not mounted"
    return ""


def is_on_own_disk(folder: Path, main: Path) -> bool:
    """Return whether a disk is mounted there that is neither the main one nor that of the system."""
    try:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        return there.stat().st_dev not in {main.stat().st_dev, Path("/").stat().st_dev}
    except OSError:
        return False


def _is_onto_itself(one: list[str], above: list[str] | None) -> bool:
    """Return whether a mount shows the same folder as without it, like each of a service's ReadWritePaths does.

    one, above: lines of mountinfo: ID, ID of the mount above, device, folder on the device, place.
    """
    if above is None or above is one or one[2] != above[2]:
        return False
    place, around = Path(unescaped(one[4])), Path(unescaped(above[4]))
    shown, source = Path(unescaped(one[3])), Path(unescaped(above[3]))
    return place.is_relative_to(around) and shown == source / place.relative_to(around)


def mount_points(mounts: Path = _MOUNTS) -> set[Path]:
    """Return the resolved places of all mounts."""
    return {Path(unescaped(words[4])) for words in _lines(mounts) if len(words) > 4}


def mounted_at(folder: Path, mounts: Path = _MOUNTS) -> list[list[str]]:
    """Return the lines of mountinfo about a resolved folder and those above, without I/O on them."""
    return [words for words in _lines(mounts) if len(words) > 4 and folder.is_relative_to(unescaped(words[4]))]


def _lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []


def unescaped(text: str) -> str:
    """Decode the octal escapes of fstab and mountinfo, used for spaces and similar characters."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


_SHARED: Final = "another setting of `storage` names it too: give each its own"


@dataclass(eq=False)
class FolderOfAnother(FolderUnwritable):
    """Two recorders with one folder would delete each other's recordings."""

    says = "The folder {where} is of another recorder."
    advice = (
        "Give each recorder its own folder. If that one is gone, or this one got a new main disk, delete the file "
        "`history/owner` there."
    )


@dataclass(eq=False)
class KnownDiskMissing(StorageError):
    """An empty folder isn't taken for a disk that was used there: a disk that isn't mounted looks the same."""

    advice = (
        "Check the disk's cable and health. If it was replaced by a new one, remove it from the settings, restart "
        "tawny, and set it again."
    )


class VolumeUse(StrEnum):
    TIER = "tier"
    """Receives older segments."""
    SPARE = "spare"
    """Receives recordings while the main volume cannot be written."""
    MIRROR = "mirror"
    """Holds a copy of all recordings."""


@dataclass(frozen=True, slots=True)
class SecondaryVolume:
    """is_used: whether this version had it in its settings. One that was given up before is left alone.

    is_given_up: not in the settings since: set again, a new disk that is mounted at its place is accepted.
    """

    path: str
    id: str
    use: VolumeUse
    is_used: bool = True
    is_given_up: bool = False

    @property
    def is_archive(self) -> bool:
        return "://" in self.path


Prepare = Callable[[Volume], None]
Archives = Callable[[str], ArchiveSettings | None]
"""Returns access to the archive with this name. None: the settings have no such archive."""


def _no_archives(_name: str) -> ArchiveSettings | None:
    """Default for `archives`."""
    return None


def _as_it_is(volume: Volume) -> None:
    """Default for `prepare`: no effect."""


def join(
    volume: Volume, root: Path, use: VolumeUse, prepare: Prepare = _as_it_is, *, taken: Iterable[Path] = ()
) -> Volume:
    """Add the folder as a secondary volume of `volume`; created on first use.

    prepare: called with the new volume before other code can use it. taken: folders with another use.

    Raises StorageError if a known volume is missing, FolderInUse, and FolderUnwritable: also if what moves there would
    be deleted, because the folder is `taken` or another recorder's.
    """
    known = {(one.path, one.use): one for one in others(volume)}
    if any(_is_same_folder(root, one) for one in (volume.root, *taken)):
        if known.pop((str(root), use), None) is not None:  # else it would be waited for
            _remember(volume, [*known.values()])
        raise FolderUnwritable(str(root), _SHARED)
    if use is not VolumeUse.MIRROR and (other_process := holder(root)) is not None:
        raise FolderInUse(str(root), f"process {other_process.pid}")
    before = known.get((str(root), use))
    if before is not None and not _is_there(before):
        if not (before.is_given_up and is_on_own_disk(root, volume.root)):
            raise KnownDiskMissing(str(root), OTHER_DISK)
        del known[str(root), use]
    elif before is not None and before.is_given_up:
        known[str(root), use] = replace(before, is_given_up=False)
        with suppress(DiskFull):  # written by a later start
            _remember(volume, [*known.values()])
    if (str(root), use) not in known:
        if why := why_disk_missing(root):
            raise StorageError(str(root), why)
        made = Volume.at(root)
        made.check_writable()
        _check_owner(volume, made, use)
        mark = _read_mark(made.disk, MARK) or secrets.token_hex(8)
        _write(made.disk, MARK, mark.encode())
        kept = [one for one in known.values() if one.id != mark or _is_another(one, root)]
        _remember(volume, [*kept, SecondaryVolume(str(root), mark, use)])
    other = attach(volume, root, use, prepare)
    with suppress(StorageError):  # a full disk has none until the next start
        _own(volume, other)
    return other


def _recorder(volume: Volume) -> str:
    """Return the id of the recorder: that of its main volume, also on a mirror or spare in its place."""
    return _read_mark(volume.disk, _OWNER) or _read_mark(volume.disk, MARK) or ""


def _check_owner(volume: Volume, other: Volume, use: VolumeUse) -> None:
    """Raise FolderOfAnother if the folder is another recorder's. A mirror may outlive its recorder."""
    owner, own = _read_mark(other.disk, _OWNER), _recorder(volume)
    if owner and own and owner != own and use is not VolumeUse.MIRROR:
        raise FolderOfAnother(str(other.root))


def _own(volume: Volume, other: Volume) -> None:
    own = _recorder(volume)
    if own and _read_mark(other.disk, _OWNER) != own:
        if _read_mark(volume.disk, _OWNER) is None:
            _write(volume.disk, MARK, own.encode())  # durable: with another id, it would no longer be the owner
        _write(other.disk, _OWNER, own.encode())


def _is_another(one: SecondaryVolume, root: Path) -> bool:
    """Return whether this isn't the volume at root too, at its former place or in its former use."""
    return _is_there(one) and (one.path != str(root) or one.use is VolumeUse.MIRROR)


def _is_there(one: SecondaryVolume) -> bool:
    return one.is_archive or is_volume_present(Volume(RealDisk(Path(one.path)), None, one.id))


def _is_same_folder(one: Path, other: Path) -> bool:
    """Return whether both are one folder, also through links and mounts."""
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist yet
        return one.resolve() == other.resolve()


def forget_mirrors(volume: Volume, but: Path | None) -> None:
    """Forget the mirrors but this one, so that they are not waited for: what they hold are copies. Raises StorageError.

    Whichever is configured again is joined again, with what it holds.
    """
    known = others(volume)
    kept = [one for one in known if one.use is not VolumeUse.MIRROR or (but is not None and one.path == str(but))]
    if kept != known:
        _remember(volume, kept)


def expect_itself(volume: Volume) -> None:
    """Reject access from now on unless the same disk is mounted. Raises StorageError."""
    mark = _read_mark(volume.disk, MARK)
    if not mark:  # nothing refers to this id yet, so it needs no sync: after a power cut it is made again
        mark = secrets.token_hex(8)
        volume.disk.unlink(MARK)
        volume.disk.make_folder(parent_of(MARK), sync=False)
        file = volume.disk.create(MARK)
        try:
            file.append([mark.encode()])
        finally:
            file.close()
    if isinstance(volume.disk, RealDisk):
        volume.disk.expect(MARK, mark.encode())


def attach(
    volume: Volume, root: Path, use: VolumeUse, prepare: Prepare = _as_it_is, *, is_former: bool = False
) -> Volume:
    """Attach a volume that `join` registered. Raises StorageError if it is missing, FolderUnwritable.

    is_former: one of `former`, which may have been a spare.
    """
    if _is_same_folder(root, volume.root):  # registered before this was refused
        raise FolderUnwritable(str(root), _SHARED)
    uses = (VolumeUse.TIER, VolumeUse.SPARE) if is_former else (use,)
    one = next((one for one in others(volume) if one.path == str(root) and one.use in uses), None)
    if one is None or not _is_there(one):
        raise StorageError(str(root), OTHER_DISK)
    signed = None if use is VolumeUse.MIRROR else volume.signed  # the history is of the originals
    other = Volume(RealDisk(root), signed, one.id)
    _check_owner(volume, other, use)
    expect_itself(other)
    if use is VolumeUse.MIRROR:
        prepare(other)
        volume.add_copy(other)
    else:
        _add(volume, other, prepare, is_spare=use is VolumeUse.SPARE)
    return other


def _add(volume: Volume, other: Volume, prepare: Prepare, *, is_spare: bool) -> None:
    """Use the volume: it is read first, so that nothing is counted twice; recordings go to it when it is prepared."""
    with ExitStack() as undone:
        undone.callback(volume.drop_other, other)
        volume.add_other(other)
        prepare(other)
        undone.pop_all()
    if is_spare:
        volume.spares = (*volume.spares, other)


def former(volume: Volume, named: Collection[str]) -> list[SecondaryVolume]:
    """Return the tiers and spares whose paths are no longer `named`, but that are there with recordings.

    Only a folder that this version used has an owner: others are left alone. Those without recordings, and those of
    another recorder, are forgotten. Raises StorageError of the main volume, but not that it is full.
    """
    volume.named = frozenset(named)
    known, kept, found = others(volume), list[SecondaryVolume](), list[SecondaryVolume]()
    own, in_use = _recorder(volume), {other.mark for other in volume.others}
    for one in known:
        if one.path in named:
            kept.append(replace(one, is_used=True))
        elif one.use is not VolumeUse.MIRROR and one.id in in_use:
            continue  # it is at another place now
        elif one.use is VolumeUse.MIRROR or not own or not (owner := _owner(one)):
            kept.append(replace(one, is_given_up=True))
        elif owner == own and _has_recordings(one):
            kept.append(replace(one, is_given_up=True))
            found.append(one)
    if kept != known:
        with suppress(DiskFull):  # written by a later start; until then, `named` is known
            _remember(volume, kept)
    return found


def _owner(one: SecondaryVolume) -> str:
    """Return the id of the recorder that used a folder. Empty if it isn't there, or has none."""
    if one.is_archive or not _is_there(one):
        return ""
    try:
        return _read_mark(RealDisk(Path(one.path)), _OWNER) or ""
    except StorageError:
        return ""


def _has_recordings(one: SecondaryVolume) -> bool:
    other = Volume(RealDisk(Path(one.path)))
    try:
        return any(True for camera in other.cameras() for _ in other.hour_folders(camera))
    except StorageError:  # unreadable, so unknown
        return True


def join_archive(volume: Volume, chosen: ArchiveSettings, prepare: Prepare = _as_it_is) -> Volume:
    """Add the bucket as a tier of `volume`. If it holds recordings that are not listed here, they are listed first.

    Raises ArchiveAway if it can't be reached, StorageError.
    """
    try:
        return attach_archive(volume, chosen, prepare)
    except ArchiveAway as error:
        if not isinstance(error, ArchiveUnlisted):
            raise
    bucket, listed = chosen.bucket, others(volume)
    stored = _stored_mark(bucket)
    mark = stored or secrets.token_hex(8)
    objects = StoredObjects(StoredObjects.file(volume.root, mark))
    try:
        if not stored:
            _write(ArchiveDisk(chosen, objects, volume.root), MARK, mark.encode())
        objects.fill((key, size) for key, size in bucket.sizes() if not key.endswith(OUTLINE))
    finally:
        objects.close()
    known = [one for one in listed if one.path != bucket.name]
    _remember(volume, [*known, SecondaryVolume(bucket.name, mark, VolumeUse.TIER)])
    return attach_archive(volume, chosen, prepare, is_new=True)


def _stored_mark(bucket: ObjectBucket) -> str:
    part = bucket.read(MARK, 0, _MOST_MARK_BYTES)
    mark = part.data.decode("ascii", "replace").strip() if part is not None else ""
    return mark if mark.isalnum() else ""


def attach_archive(
    volume: Volume, chosen: ArchiveSettings, prepare: Prepare = _as_it_is, *, is_new: bool = False
) -> Volume:
    """Attach an archive that `join_archive` registered. Needs no request.

    is_new: its recordings are not in the index yet. Raises ArchiveUnlisted if it is not registered, StorageError.
    """
    name = chosen.bucket.name
    one = next((one for one in others(volume) if one.path == name), None)
    file = StoredObjects.file(volume.root, one.id) if one is not None else None
    if one is None or file is None or not file.is_file():
        raise ArchiveUnlisted(name, "its recordings are not listed here yet")
    objects = StoredObjects(file)
    if not objects.is_complete:
        objects.close()
        raise ArchiveUnlisted(name, "its recordings are not listed here yet")
    other = Volume(ArchiveDisk(chosen, objects, volume.root, is_new=is_new), volume.signed, one.id)
    _add(volume, other, prepare, is_spare=False)
    return other


def attach_all(volume: Volume, archives: Archives = _no_archives) -> list[StorageError]:
    """Attach all registered volumes, for commands. Return the errors of missing ones.

    archives: gives access to archives; without it their recordings are listed but can't be read.
    """
    missing: list[StorageError] = []
    for one in others(volume):
        try:
            if one.is_archive:
                attach_archive(volume, archives(one.path) or ArchiveSettings(ClosedBucket(one.path), 0))
            else:
                attach(volume, Path(one.path), one.use)
        except StorageError as error:
            missing.append(error)
    return missing


class ClosedBucket:
    """`ObjectBucket` without access: nothing can be read or written."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, key: str, offset: int, size_bytes: int) -> ObjectPart | None:
        raise self._error()

    def put(self, key: str, source: BinaryIO, size_bytes: int, sha256: str) -> None:
        raise self._error()

    def holds(self, key: str, size_bytes: int, sha256: str) -> bool:
        raise self._error()

    def remove(self, key: str) -> None:
        raise self._error()

    def sizes(self) -> Iterator[tuple[str, int]]:
        raise self._error()

    def _error(self) -> ArchiveAway:
        return ArchiveAway(self.name, "the settings have no access to it")


def is_volume_present(volume: Volume) -> bool:
    """Return whether the same disk is still mounted. Another one, or none, may have replaced it."""
    try:
        check_present(volume)
    except StorageError:
        return False
    return True


def check_present(volume: Volume) -> None:
    """Raise StorageError unless the same disk is still mounted and responds, ArchiveAway if an archive doesn't."""
    if volume.mark is None:
        return
    if volume.archive is not None:
        volume.archive.expect(MARK, volume.mark.encode())
    elif _read_mark_in_time(volume.disk, MARK) != volume.mark:
        raise StorageError(str(volume.root), OTHER_DISK)


def any_away(volume: Volume) -> bool:
    """Return whether a volume that may hold segments is not attached, or its disk is gone since.

    The list of an archive is always here. Raises StorageError of the main volume.
    """
    return any(one.use is not VolumeUse.MIRROR for one in away(volume))


def away(volume: Volume) -> list[SecondaryVolume]:
    """Return the registered volumes, mirrors too, that are not attached, or whose disk is gone since.

    The list of an archive is always here. Raises StorageError of the main volume.
    """
    here = {other.name for other in volume.others if other.archive is not None or is_volume_present(other)}
    mirrors = {mirror.name for mirror in volume.copies if is_volume_present(mirror)}
    gone = {one.mark for one in (*volume.others, *volume.copies) if one.name not in here | mirrors}
    return [
        one
        for one in others(volume)  # a path on a disk that hangs must not be resolved
        if one.id in gone or _name(one) not in (mirrors if one.use is VolumeUse.MIRROR else here)
    ]


def _name(one: SecondaryVolume) -> str:
    return one.path if one.is_archive else str(Path(one.path).resolve())


def awaited(volume: Volume) -> list[SecondaryVolume]:
    """Return those of `away`, without mirrors, on which what is deleted meanwhile is to be deleted later.

    Raises StorageError of the main volume.
    """
    waiting = [one for one in away(volume) if one.use is not VolumeUse.MIRROR]
    return [one for one in waiting if one.is_used or one.path in volume.named]


def spaces(volume: Volume) -> list[tuple[Volume, DiskCapacity]]:
    """Return the capacity of the main volume and of the others that respond, without archives, which state none.

    Raises StorageError for the main volume only.
    """
    found = [(volume, volume.space())]
    for other in volume.others:
        with suppress(StorageError):
            if other.archive is None and is_volume_present(other):
                found.append((other, other.space()))
    return found


def others(volume: Volume) -> list[SecondaryVolume]:
    """Return all registered volumes."""
    if volume.disk.entry(_NAMES) is None:
        return []
    try:
        data: Any = json.loads(volume.disk.read(_NAMES))
        return [
            SecondaryVolume(
                str(one["path"]),
                str(one["id"]),
                VolumeUse(one["use"]),
                is_used=bool(one.get("is_used")),
                is_given_up=bool(one.get("is_given_up")),
            )
            for one in data
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _remember(volume: Volume, these: Iterable[SecondaryVolume]) -> None:
    _write(volume.disk, _NAMES, json.dumps([asdict(one) for one in these]).encode() + b"\n")


def _read_mark(disk: DiskAccess, path: str) -> str | None:
    entry = disk.entry(path)
    if entry is None or entry.kind != "file":
        return None
    return disk.read(path, 0, _MOST_MARK_BYTES).decode("ascii", "replace").strip()


def _read_mark_in_time(disk: DiskAccess, path: str) -> str | None:
    if not isinstance(disk, RealDisk):
        return _read_mark(disk, path)
    return disk.wait_for(lambda: _read_mark(disk, path), RESPONDS_S, lambda: mounted_at(disk.root))


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

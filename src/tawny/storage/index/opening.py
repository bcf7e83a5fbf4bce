"""Opening of the index: read-only, also while a recorder writes, or for the recorder itself.

An index of another version, or a damaged one, is rebuilt from the files and the history, which contain all its data.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tawny.model.errors import DiskFull, IndexDamaged, NotDone, StorageError, StorageUnavailable
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Clock, Span, SystemClock
from tawny.storage.disk.disk import TRIAL_FILES, full_by_trial
from tawny.storage.disk.layout import is_of_scores, is_thinned, segment_name
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Reserve, Volume
from tawny.storage.history.ledger import HistoryJournal, replay
from tawny.storage.index.appearance_db import FILE as APPEARANCE_NAME
from tawny.storage.index.catalogue import Catalogue, row_of
from tawny.storage.index.damaged_files import SUFFIXES, put_aside
from tawny.storage.index.index_schema import outdated
from tawny.storage.index.mapped_memory import connect, copies_on_write, remake_shared_memory
from tawny.storage.index.protocol import Index
from tawny.storage.index.sqlite_index import SqliteIndex

log = logging.getLogger(__name__)

# Rebuild of the index: segments from the files, the rest from the history. Reads two small ranges of each file.

_ROWS_AT_ONCE: Final = 2000
_EVER: Final = Span(0, 1 << 53)
_PROGRESS_S: Final = 10.0
_CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    segments: int
    left_out: list[StorageError] = field(default_factory=list)
    """Errors of closed files whose metadata could not be read. They were logged."""


class _Progress:
    """Logs how far a rebuild is, now and then; as a warning, because nothing is recorded meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._said_s = clock, clock.mono_s()

    def say(self, text: str, *values: object) -> None:
        now_s = self._clock.mono_s()
        if now_s - self._said_s >= _PROGRESS_S:
            self._said_s = now_s
            log.warning("Rebuilding the index: %s", text % values)


def rebuild(volume: Volume, index: Index, history: HistoryJournal, clock: Clock = _CLOCK) -> Rebuilt:
    """Fill an index, empty or not. Skips open files, which recovery or a recorder closes. Raises StorageError."""
    progress = _Progress(clock)
    files = history.files()
    for count, path in enumerate(files, 1):
        replay(history.lines_of(path), index)
        progress.say("%s is done, file %d of %d of the history.", path, count, len(files))
    rows: list[Segment] = []
    left_out: list[StorageError] = []
    count = 0
    for each, camera in _cameras(volume):
        for folder in each.hour_folders(camera):
            progress.say("recordings listed: %d, next those in %s.", count + len(rows), each.path(folder))
            for path, entry in each.files(folder):
                name = segment_name(path)
                if name is None or name.end_ms is None or entry.kind != "file":
                    continue
                try:
                    rows.append(row_of(each, name, entry.size_bytes))
                except StorageUnavailable:
                    raise
                except StorageError as error:
                    log.warning("skipped %s: %s", path, error)
                    left_out.append(error)
            if len(rows) >= _ROWS_AT_ONCE:
                count += _add(index, rows)
    count += _add(index, rows)
    _forget_damage_of_removed(index)
    for mark in (each.mark for each in volume.others if each.archive is None):
        if mark is not None:
            index.set_volume_listed(mark)
    return Rebuilt(count, left_out)


def _forget_damage_of_removed(index: Index) -> None:
    """Drop damage whose segment no longer exists. Damage after the last segment may belong to an open file."""
    newest: dict[tuple[CameraId, StreamName], int] = {}
    with index.together():
        for damage in reversed(index.damage(None, _EVER)):
            stream = damage.camera, damage.stream
            if stream not in newest:
                spans = index.spans(*stream, _EVER)
                newest[stream] = spans[-1].end_ms if spans else 0
            is_there = any(not is_thinned(one) for one in index.segments(*stream, damage.span))
            if damage.begin_ms < newest[stream] and not is_there:
                index.drop_damage(damage)


def _cameras(volume: Volume) -> Iterator[tuple[Volume, CameraId]]:
    for each in volume.everywhere:
        for camera in each.cameras():
            yield each, camera


def _add(index: Index, rows: list[Segment]) -> int:
    with index.together():
        for row in rows:
            index.add_segment(row)
    index.settle(_EVER.end_ms)
    count = len(rows)
    rows.clear()
    return count


INDEX_NAME = "tawny.db"
START_BYTES: Final = 256 * 1024
"""Free space that a start needs for the index, the history, small databases, and the first entries of retention."""
_MOST_IN_VAIN: Final = 20
"""Number of files in a row whose removal frees nothing: other programs took it, or the disk doesn't say."""


def index_to_write(volume: Volume, history: HistoryJournal, *, frees: bool = False) -> SqliteIndex:
    """Open the index for the recorder that holds the volume's lock. Rebuild it if missing, outdated or damaged.

    A damaged file is renamed to `tawny.db.damaged`. frees: on a full disk, give up what recording can do without.
    Raises DiskFull, FolderUnwritable, StorageError.
    """
    path = volume.root / INDEX_NAME
    if frees:
        free_for_start(volume)
    else:
        Reserve(volume.disk).give_up()  # on a full disk this needs the space; retention restores the reserve
    if path.is_dir():
        put_aside(path)
    if path.exists() and (detail := outdated(path)):
        log.warning("%s is %s. Rebuilding it from the files.", path, detail)
    elif path.exists():
        try:
            return _undamaged(volume, path)
        except IndexDamaged as error:
            log.error("%s Rebuilding it from the files.", error.message)
            put_aside(path)
    try:
        rebuild_index(volume, history)
    except DiskFull:
        of_no_use = [one for one in (path, path.with_name(f"{INDEX_NAME}.damaged")) if one.is_file()]
        if not frees or not of_no_use:
            raise
        for one in of_no_use:  # this version can't use it, and without a new one nothing is recorded
            log.warning("the disk at %s is full: giving up %s", volume.root, one.name)
            _unlink(one)
        rebuild_index(volume, history)
    return SqliteIndex(path, Catalogue(volume))


def free_for_start(volume: Volume) -> None:
    """Free the space that a start on a full disk needs: before the index is open, retention can't delete anything.

    First the reserve, which retention restores, and the WALs that a crash left; then what can be made again; then what
    motion detection stored, of the oldest days first; as long as that helps. Raises DiskFull on Btrfs if it doesn't: to
    open a database on a full one may kill the process.
    """
    Reserve(volume.disk).give_up()
    is_fatal = copies_on_write(volume.root)
    if not has_room(volume):
        _free(volume, merges=not is_fatal)
        if is_fatal and not has_room(volume):
            raise full_by_trial(volume.disk, START_BYTES, TRIAL_FILES) or DiskFull(str(volume.root))
    remake_shared_memory(volume.root)


def _free(volume: Volume, *, merges: bool) -> None:
    for database in sorted(volume.root.glob("*.db")) if merges else ():
        with suppress(sqlite3.Error), closing(connect(database, "rw", timeout_s=5)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    most_bytes, in_vain = volume.space().free_bytes, 0
    for path in _dispensable(volume):
        if in_vain >= _MOST_IN_VAIN or has_room(volume):
            return
        log.warning("the disk at %s is full: giving up %s", volume.root, path)
        volume.disk.unlink(path)
        free_bytes = volume.space().free_bytes
        in_vain = 0 if free_bytes > most_bytes else in_vain + 1
        most_bytes = max(most_bytes, free_bytes)


def has_room(volume: Volume) -> bool:
    """Return whether there is space for a start. What else is wrong shows when the index is opened."""
    return full_by_trial(volume.disk, START_BYTES, TRIAL_FILES) is None


def _dispensable(volume: Volume) -> Iterator[str]:
    for name in (f"{INDEX_NAME}.new", APPEARANCE_NAME):
        for suffix in SUFFIXES:
            if volume.disk.entry(name + suffix) is not None:
                yield name + suffix
    days = [(day.partition("/")[2], day) for camera in volume.cameras() for day in volume.day_folders(camera)]
    for _, folder in sorted(days):
        for path, entry in volume.files(folder):
            if entry.name in ("grids", "figures") or is_of_scores(entry.name):
                yield path


def rebuild_index(volume: Volume, history: HistoryJournal) -> Rebuilt:
    """Build a new `tawny.db` from the files and replace the old one.

    The file gets its name only when complete: a full disk leaves the old index, an interruption that or none. After a
    power cut it may be damaged, which the next start notices. Raises DiskFull, FolderUnwritable, StorageError.
    """
    path = volume.root / INDEX_NAME
    new = path.with_name(f"{INDEX_NAME}.new")
    _unlink(new)
    try:
        index = SqliteIndex(new, Catalogue(volume), sync=False)
        try:
            rebuilt = rebuild(volume, index, history)
        finally:
            index.close()
    except StorageError:
        with suppress(OSError):  # on a full disk, what is incomplete takes the space that is left
            _unlink(new)
        raise
    _unlink(path)
    volume.disk.rename(new.name, path.name)
    _unlink(new)  # on Btrfs, an empty `-shm`
    if not rebuilt.segments:
        return rebuilt  # quickly built again: recording does not wait for its sync
    file = volume.disk.extend(path.name)
    try:
        file.sync()
    finally:
        file.close()
    volume.disk.sync_folder("")
    return rebuilt


def _undamaged(volume: Volume, path: Path) -> SqliteIndex:
    """Open the index and verify all of it, so that a damaged page is found at the start and not later."""
    _refuse_empty(path)
    index = SqliteIndex(path, Catalogue(volume))
    try:
        found = index.integrity()
    except IndexDamaged:
        index.close()
        raise
    if found:
        index.close()
        raise IndexDamaged(str(path), found)
    return index


def _refuse_empty(path: Path) -> None:
    """Raise IndexDamaged for an empty file, which SQLite takes for a new database."""
    if not path.stat().st_size:
        raise IndexDamaged(str(path), "it is empty")


def _unlink(path: Path) -> None:
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def index_of_files(volume: Volume, history: HistoryJournal) -> Iterator[SqliteIndex]:
    """Yield an index that is made from the files and the history, in a temporary folder. Raises StorageError."""
    with TemporaryDirectory(prefix="tawny-index-") as folder:
        index = SqliteIndex(Path(folder) / INDEX_NAME, Catalogue(volume))
        try:
            rebuild(volume, index, history)
            yield index
        finally:
            index.close()


@contextmanager
def index_to_read(folder: Path) -> Iterator[SqliteIndex]:
    """Open the index read-only. Raises IndexDamaged if it is missing or cannot be used, IndexOutdated."""
    path = folder / INDEX_NAME
    if not path.exists():
        raise IndexDamaged(str(path), "it is gone")
    _refuse_empty(path)
    volume = Volume.at(folder)
    attach_all(volume)  # errors of missing volumes are reported on access to their files
    index = SqliteIndex(path, Catalogue(volume), read_only=True)
    try:
        yield index
    finally:
        index.close()


def known_camera(folder: Path, name: str, index: Index | None = None) -> CameraId:
    """Return the camera of this name. Raises NotDone, which lists the available cameras, if it has no recordings.

    index: a camera that only has gaps or events there is available, too.
    """
    known, camera = set(Volume.at(folder).cameras()), CameraId(name)
    if index is not None and camera not in known:
        known.update(gap.camera for gap in index.open_gaps())
        if index.events(_EVER, cameras=[camera], limit=1).events or index.gaps(camera, _EVER):
            return camera
    if camera in known:
        return camera
    there = ", ".join(sorted(known)) or "none yet"
    raise NotDone(f"{folder} has no recordings of a camera {name!r}.", f"Available cameras: {there}.")

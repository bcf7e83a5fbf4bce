"""The copies of one box on its hub: files as they lay on the box, verified before they get their names, and an index.

A file arrives in `incoming`; a segment goes on at its last byte after an outage, and is listed once every fragment
matches its hash and the box's signed history. `tawny check` and `tawny verify` read the folder `files` like any
recorder's.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tawny.fleet.copy_source import (
    SourceFile,
    digest_of_content,
    digest_of_end,
    hour_ms,
    is_day_file,
    is_history,
    is_recording,
    is_signed_history,
)
from tawny.fleet.history_reader import FOLDER as HISTORY
from tawny.fleet.history_rows import is_storable
from tawny.media.mp4.leaf_proof import stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged, StorageError
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import GapReason, segment_id
from tawny.model.times import Clock, Span, utc_text
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.signing import is_signed
from tawny.storage.disk.disk import parent_of, turned
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, SegmentName, hour_folder, is_sealed, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import StatedFiles, chains_on, read_stated
from tawny.storage.history.deleted_events import DeletedEvents, blank_events
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryJournal, HistoryLine, replay
from tawny.storage.history.signed_files import FOLDER as SIGNED
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.damaged_files import forget_empty
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.sqlite_file import SmallDb
from tawny.storage.repair.healing import wrong_with
from tawny.storage.retention.removal import events_at, tidy
from tawny.storage.segments.metadata import read_header

log = logging.getLogger(__name__)

_CONTACT_MS: Final = 60_000
"""Interval at which is stored when a box was last in contact."""
_SETTLED_MS: Final = 2 * HOUR_MS
_DAYS_AFTER: Final = 3
"""A file is stated on the day when it was closed or, after a power cut, on one of the next days with statements."""
_STATEMENTS: Final = re.compile(SIGNED + r"/\d{4}-\d\d-\d\d\.jsonl")
_NEWEST_HISTORY: Final = 2
_MOST_EVENTS: Final = 500
_MOST_PARTIAL: Final = 8
MOST_HISTORY_FILES: Final = 20_000
"""Of one box: three a day for 18 years."""
MOST_HISTORY_BYTES: Final = 2 * 1024**3
VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS unproved (
  path TEXT PRIMARY KEY, why TEXT NOT NULL) STRICT;  -- copies that no statement is known about
"""


class Proof(StrEnum):
    """What the box's signed history says about a copy."""

    PROVED = "proved"
    WAITING = "waiting"
    """Signed for a statement that has not been copied yet."""
    UNSIGNED = "unsigned"
    """Older than the signed history, or thinned by the box: it is whole, and not signed."""


class CopiedHistory(HistoryJournal):
    """The box's history as it applies to its copies: what the box has deleted since is still here.

    A box may send anything: what can't be stored in the index is left out.
    """

    def lines(self, newest_files: int | None = None) -> Iterator[HistoryLine]:
        return (line for line in super().lines(newest_files) if _applies(line))


def _applies(line: HistoryLine) -> bool:
    is_removal = line.what == "gap" and line.record.get("reason") == GapReason.REMOVED
    return line.what != "event_dropped" and not is_removal and is_storable(line.what, line.record)


class CopyNotes(SmallDb):
    """Facts about the box, and which copies nothing proves. Thread-safe; raises StorageError."""

    def __init__(self, path: Path) -> None:
        forget_empty(path)
        super().__init__(path, _SCHEMA, VERSION)

    def about(self) -> dict[str, Any]:
        with self.reading() as db:
            rows = db.execute("SELECT name, value FROM about").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def say(self, about: Mapping[str, Any]) -> None:
        with self.writing() as db:
            db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", [(k, json.dumps(v)) for k, v in about.items()])

    def note(self, path: str, proof: Proof) -> None:
        with self.writing() as db:
            if proof is Proof.PROVED:
                db.execute("DELETE FROM unproved WHERE path = ?", (path,))
            else:
                db.execute("INSERT OR REPLACE INTO unproved VALUES (?, ?)", (path, proof.value))

    def unproved(self, proof: Proof) -> list[str]:
        with self.reading() as db:
            return [path for (path,) in db.execute("SELECT path FROM unproved WHERE why = ?", (proof.value,))]

    def forget(self, folder: str) -> None:
        """Forget the files of a folder, which were removed."""
        with self.writing() as db:
            db.execute("DELETE FROM unproved WHERE substr(path, 1, ?) = ?", (len(folder) + 1, f"{folder}/"))


class CopyVolume:
    """The copies of one box. Waits for the disk; raises StorageError, DiskFull.

    Writing: one thread at a time. Other threads may remove hours meanwhile: another box may need the space.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self._clock = folder, clock
        self._lock = threading.Lock()
        """Held while a file or its size is listed, the history grows, or an hour is removed."""
        self.volume, self._incoming = Volume.at(folder / "files"), Volume.at(folder / "incoming")
        self._partial = dict(_sizes(self._incoming, ""))
        self._history_sizes = {path: size for path, size in _sizes(self.volume, HISTORY) if is_history(path)}
        self._other_bytes: dict[CameraId, int] = {}
        """Of files that the index doesn't count, by camera, once they were asked for."""
        self.notes = CopyNotes(folder / "copies.db")
        self._contact_ms: int | None = None
        """Since it was opened."""
        self._history = CopiedHistory(self.volume.disk)
        self.index = index_to_write(self.volume, self._history)
        self._deleted, self._deleted_s = DeletedEvents(self.volume, self._history, self._is_gone), clock.mono_s()
        self._deleted_there: set[EventId] = set()
        """Events that the box deleted, and that are still listed here. They keep no copies any more."""
        self._removed: dict[EventId, str] = {}
        """Events of removed hours, of which the history still says something, with the day."""
        self._stated: tuple[tuple[Any, ...], StatedFiles] | None = None
        self._unlist(self.index.removing())
        replay(list(self._history.lines(_NEWEST_HISTORY)), self.index)

    def close(self) -> None:
        self.index.close()
        self.notes.close()

    # --- what is missing, and its arrival

    def missing(self, files: Iterable[SourceFile], stream: StreamName | None) -> list[SourceFile]:
        """Return which recordings are not here, newest first. stream: of segments; None: both.

        Newest first: what was recorded last is lost first with a stolen box, and looked for first. If the line is too
        slow for everything, what is oldest would be deleted at the box before its turn either way.
        """
        found = [one for one in files if is_recording(one.path) and self._lacks(one, stream)]
        return sorted(found, key=lambda file: file.path, reverse=True)

    def changed_day_files(self, files: Iterable[SourceFile]) -> list[SourceFile]:
        """Return the files of days that are missing here or differ."""
        disk = self.volume.disk
        return [
            file
            for file in files
            if is_day_file(file.path)
            and (not self._has(file.path) or digest_of_content(disk.read(file.path)) != file.digest)
        ]

    def arrived(self, path: str) -> int:
        """Return how many bytes of a file are in `incoming`."""
        return self._size(self._incoming, path) or 0

    def put(self, path: str, at: int, data: bytes) -> int:
        """Append what has arrived of a file at offset `at`. Return its size now."""
        disk = self._incoming.disk
        disk.make_folder(parent_of(path), sync=False)
        file = disk.extend(path) if disk.entry(path) is not None else disk.create(path)
        try:
            file.cut(at)
            file.append([data])
            self._partial[path] = file.size_bytes
            return file.size_bytes
        finally:
            file.close()

    def drop(self, path: str) -> None:
        """Forget what has arrived of a file."""
        self._incoming.disk.unlink(path)
        self._partial.pop(path, None)

    def drop_partial(self) -> None:
        """Forget files that have arrived in part, except for a few: the newest."""
        for path in sorted(self._partial, key=lambda path: path.partition("/")[2])[:-_MOST_PARTIAL]:
            self.drop(path)

    def accept(self, path: str) -> Proof:
        """Verify a file that has arrived whole, give it its name, and list it. Raises FileDamaged: it is dropped."""
        name = segment_name(path)
        try:
            proof = self._verify(path, name)
        except FileDamaged:
            self.drop(path)
            raise
        row = row_of(self._incoming, name, self.arrived(path)) if name is not None else None
        camera = CameraId(path.partition("/")[0])
        with self._lock:
            replaced, size = self.size(path), self.arrived(path)
            self._name(path)
            self._partial.pop(path, None)
            if name is None and camera in self._other_bytes:
                self._other_bytes[camera] += size - replaced
            if row is not None:
                self.index.add_segment(row)
                self.notes.note(path, proof)
        return proof

    def grow_history(self, path: str, at: int, data: bytes) -> None:
        """Append to a file of the box's history, and list the gaps, damage and events that it says."""
        if not is_history(path) or self.size(path) != at:
            return
        disk = self.volume.disk
        with self._lock:
            disk.make_folder(parent_of(path), sync=False)
            file = disk.extend(path) if disk.entry(path) is not None else disk.create(path)
            try:
                file.append([data])
                file.sync()
                self._history_sizes[path] = file.size_bytes
            finally:
                file.close()
        self._stated = None

    def restart_history(self, path: str) -> None:
        """Forget a file of the history, which became shorter at the box. Signed statements stay: they are the proof."""
        if is_history(path) and not is_signed_history(path):
            self.volume.disk.unlink(path)
            self._history_sizes.pop(path, None)

    def newest_statements(self) -> SourceFile | None:
        """Return the file with the newest statements of the box; None: there are none yet."""
        path = max((path for path in self._history_sizes if _STATEMENTS.fullmatch(path)), default=None)
        return SourceFile(path, self._history_sizes[path]) if path is not None else None

    def has_room_for_history(self, file: SourceFile) -> bool:
        """Return whether a file of the history may grow to its size: a box may fill no more than that with them."""
        size_bytes = sum(self._history_sizes.values()) - self._history_sizes.get(file.path, 0) + file.size_bytes
        count = len(self._history_sizes) + (file.path not in self._history_sizes)
        return count <= MOST_HISTORY_FILES and size_bytes <= MOST_HISTORY_BYTES

    def take_history(self) -> None:
        """List what the newest history says, and look again at copies that waited for a statement."""
        self._blank_removed()  # else they would be listed again
        replay(list(self._history.lines(_NEWEST_HISTORY)), self.index)
        for path in self.notes.unproved(Proof.WAITING):
            name = segment_name(path)
            with self._lock:
                if name is not None and self._has(path):
                    self.notes.note(path, self._proof(self.volume, path, name))

    # --- removal

    def forget_deleted(self) -> None:
        """Forget events that the box deleted and of whose hour nothing is here; of one file of the history a call."""
        now_s = self._clock.mono_s()
        if now_s >= self._deleted_s:
            with self._lock:
                self._deleted_s = now_s + self._deleted.step()

    def _is_gone(self, event_id: EventId) -> bool:
        """Return whether nothing is here of the hour of an event that the box deleted. It is listed no more then."""
        event = self.index.event(event_id)
        if event is not None and self.volume.disk.entry(hour_folder(event.camera, event.start_ms)) is not None:
            self._deleted_there.add(event_id)
            return False
        self._deleted_there.discard(event_id)
        if event is not None:
            self.index.drop_event(event_id)
        return True

    def oldest_hour(
        self, cameras: Sequence[CameraId] | None = None, *, with_kept: bool = True
    ) -> tuple[int, CameraId, str] | None:
        """Return begin, camera and folder of the oldest hour with copies; None if there is none.

        with_kept: also of hours with kept events.
        """
        firsts = [
            next(
                (
                    (begin_ms, camera, folder)
                    for folder in self.volume.hour_folders(camera)
                    if (begin_ms := hour_ms(folder)) is not None and (with_kept or not self._is_kept(camera, begin_ms))
                ),
                None,
            )
            for camera in (self.volume.cameras() if cameras is None else cameras)
        ]
        return min((one for one in firsts if one is not None), default=None)

    def _is_kept(self, camera: CameraId, begin_ms: int) -> bool:
        events = events_at(self.index, camera, Span(begin_ms, begin_ms + HOUR_MS))
        return any(one.kept and one.id not in self._deleted_there for one in events)

    def remove_hour(self, camera: CameraId, folder: str) -> None:
        """Remove the copies of one hour, with the events in it."""
        begin_ms = hour_ms(folder)
        if begin_ms is None:
            return
        hour = Span(begin_ms, begin_ms + HOUR_MS)
        with self._lock:
            before = self._others_of_day(folder)
            rows = [row for row in self.index.segments(camera, None, hour) if parent_of(row.path) == folder]
            self.index.mark_removing(rows)
            found = self.index.events(hour, cameras=[camera], limit=_MOST_EVENTS).events
            events = [event.id for event in found if event.start_ms >= begin_ms]
            for event in events:
                self.index.drop_event(event)
            self._removed |= dict.fromkeys(events, utc_text(begin_ms)[:10])
            for path, entry in list(self.volume.files(folder)):
                if entry.kind == "file":
                    self.volume.disk.unlink(path)
            self.index.drop_segments(rows)
            self.notes.forget(folder)
            tidy(self.volume, self._clock, [folder], is_in_use=False)
            if camera in self._other_bytes:
                self._other_bytes[camera] -= before - self._others_of_day(folder)

    def tidy(self) -> None:
        """Let the index count hours that are over, and blank what the history says of events in removed hours."""
        self.index.settle(self._clock.now_ms() - _SETTLED_MS)
        self._blank_removed()

    def _blank_removed(self) -> None:
        with self._lock:
            removed, self._removed = self._removed, {}
        try:
            if removed:
                blank_events(self.volume, self._history, removed, min(removed.values()), self._lock)
        except StorageError as error:  # the space is free in any case
            log.warning("what the copied history says of deleted events stays for now: %s", error)
            with self._lock:
                self._removed |= removed

    # --- reading

    def note_contact(self, now_ms: int) -> None:
        """Note that the box is in contact."""
        at_ms = now_ms // _CONTACT_MS * _CONTACT_MS
        if at_ms != self._contact_ms:
            self._contact_ms = at_ms  # first: it also counts if the disk is full
            self.notes.say({"seen_ms": at_ms})

    def contact_ms(self) -> int:
        """Return when the box was last in contact, ms UTC, to a minute; now if that isn't known yet."""
        if self._contact_ms is not None:
            return self._contact_ms
        return int(self.notes.about().get("seen_ms", self._clock.now_ms()))

    def is_away(self) -> bool:
        """Return whether the box hasn't been in contact for a day: it may be stolen, and these its only recordings."""
        return self._clock.now_ms() - self.contact_ms() > DAY_MS

    def size_bytes(self, cameras: Iterable[CameraId]) -> int:
        """Return the space of cameras: all files, also those that have arrived in part."""
        of = frozenset(cameras)
        with self._lock:
            for camera in of - self._other_bytes.keys():
                self._other_bytes[camera] = _others(self.volume, camera)
            partial = sum(size for path, size in list(self._partial.items()) if path.partition("/")[0] in of)
            return partial + sum(self.index.size_bytes(camera) + self._other_bytes[camera] for camera in of)

    def size(self, path: str) -> int:
        """Return the size of a file that is here; 0 if it is not."""
        return self._size(self.volume, path) or 0

    def bounds(self) -> Span | None:
        """Return from when to when there are copies; None if there are none."""
        spans = [span for camera in self.volume.cameras() if (span := self.index.bounds(camera)) is not None]
        return Span(min(one.begin_ms for one in spans), max(one.end_ms for one in spans)) if spans else None

    # --- parts

    def _lacks(self, file: SourceFile, stream: StreamName | None) -> bool:
        name = segment_name(file.path)
        if name is None:
            if self._size(self.volume, file.path) != file.size_bytes:
                return True
            with suppress(StorageError):  # what can't be read here is copied again; earlier versions say no digest
                return file.digest not in ("", digest_of_end(self.volume.disk, file.path, file.size_bytes))
            return True
        is_wanted = stream in (None, name.stream)
        return is_wanted and self.index.segment(segment_id(name.camera, name.stream, name.start_ms)) is None

    def _others_of_day(self, hour_folder: str) -> int:
        return _others(self.volume, parent_of(hour_folder))

    def _has(self, path: str) -> bool:
        return self._size(self.volume, path) is not None

    @staticmethod
    def _size(volume: Volume, path: str) -> int | None:
        entry = volume.disk.entry(path)
        return entry.size_bytes if entry is not None else None

    def _name(self, path: str) -> None:
        """Move a file from `incoming`, durably."""
        disk = self.volume.disk
        disk.make_folder(parent_of(path))
        file = self._incoming.disk.extend(path)
        try:
            file.sync()
        finally:
            file.close()
        try:
            self._incoming.own_path(path).replace(self.volume.own_path(path))
        except OSError as error:
            raise turned(error, str(self.volume.root / path)) from error
        disk.sync_folder(parent_of(path))

    def _unlist(self, rows: Sequence[Any]) -> None:
        """Finish a removal that was interrupted."""
        for row in rows:
            self.volume.disk.unlink(row.path)
        self.index.drop_segments(rows)

    def _verify(self, path: str, name: SegmentName | None) -> Proof:
        """Raises FileDamaged: it isn't what the box wrote, or another file than its name says."""
        where = str(self._incoming.root / path)
        if name is None:
            if is_sealed(path) and (why := wrong_with(self._incoming, path)):
                raise FileDamaged(where, why)
            return Proof.UNSIGNED
        row_of(self._incoming, name, self.arrived(path))
        if why := wrong_with(self._incoming, path):
            raise FileDamaged(where, why)
        return self._proof(self._incoming, path, name)

    def _proof(self, volume: Volume, path: str, name: SegmentName) -> Proof:
        """Return what proves a whole file. Raises FileDamaged: another one was stated under its number."""
        header = read_header(volume.disk, path)
        if header is None or name.is_thinned:
            return Proof.UNSIGNED
        digest, statement, signature = _signature(volume, path)
        end_ms = name.end_ms or name.start_ms
        stated = self._stated_from(end_ms)
        digests = stated.digests.get((header.camera.hex(), header.kind, header.stream, header.number), set())
        if digests:
            if digest.hex() not in digests:
                raise FileDamaged(str(volume.root / path), "it isn't what its recorder stated")
            return Proof.PROVED
        key = stated.keys.get(statement, "")
        if key and signature:
            if not is_signed(key, b"file", digest, signature):
                raise FileDamaged(str(volume.root / path), "its signature isn't its recorder's")
            return Proof.PROVED
        return Proof.WAITING

    def _stated_from(self, at_ms: int) -> StatedFiles:
        """Return what the box has stated on the day of an instant and the next ones, as far as it has been copied."""
        chain = next((one for one in chains_on(self.volume) if not one.prefix), None)
        if chain is None:
            return StatedFiles()
        try:
            first, every = utc_text(at_ms)[:10], sorted(chain.days())
            before = [day for day in every if day < first][-1:]
            days = before + [day for day in every if day >= first][:_DAYS_AFTER]
            sizes = tuple(self.size(chain.path(f"{day}{end}")) for day in days for end in (".jsonl", ".list"))
            key = (chain.genesis, *days, *sizes)
            if self._stated is None or self._stated[0] != key:
                self._stated = key, read_stated(chain, days)
        except SealedFileBroken as problem:
            raise StorageError(str(self.volume.root), f"the copied history can't be read: {problem}") from problem
        return self._stated[1]


def _sizes(volume: Volume, folder: str) -> Iterator[tuple[str, int]]:
    """Yield path and size of all files below a folder."""
    for path, entry in volume.files(folder):
        if entry.kind == "folder":
            yield from _sizes(volume, path)
        elif entry.kind == "file":
            yield path, entry.size_bytes


def _others(volume: Volume, folder: str) -> int:
    """Return the size of all files below a folder that aren't segments."""
    return sum(size for path, size in _sizes(volume, folder) if segment_name(path) is None)


def _signature(volume: Volume, path: str) -> tuple[bytes, int, bytes]:
    """Return digest, statement and signature of a whole file; statement 0: it has none. Raises FileDamaged."""
    if is_sealed(path):
        scan = read_sealed(volume.disk, path)
        return scan.digest, scan.statement or 0, scan.signature
    proof = stored_proof(read_segment(volume.own_path(path)))
    if proof is None:
        raise FileDamaged(str(volume.root / path), "its proof is missing")
    return proof.digest, proof.statement, proof.signature

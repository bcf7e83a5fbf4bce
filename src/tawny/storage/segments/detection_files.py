"""Files of detection: motion per second and day of each camera, and the images and object paths of events.

What belongs to events is encrypted where the camera is. `Volume` reads it.
"""

import logging
import struct
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Final, Generic, TypeVar

from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.geometry import COLUMNS, ROWS
from tawny.model.ids import CameraId
from tawny.model.observations import KINDS, MOTION, Box, FigureThing, MotionFigure, kind_of
from tawny.model.times import Clock, Span
from tawny.storage.disk.disk import DiskAccess, parent_of
from tawny.storage.disk.layout import (
    DAY_MS,
    day_folder,
    figures_path,
    grids_path,
    is_of_scores,
    loop_path,
    objects_path,
    picture_path,
    scores_path,
    sealed_path,
)
from tawny.storage.disk.volume import Volume
from tawny.storage.sealing.epoch_keys import EpochKeys

log = logging.getLogger(__name__)

UNKNOWN: Final = 255
_DAY_S: Final = DAY_MS // 1000
EVERY_S: Final = 10.0
_MAX_WAITING_SCORES: Final = 100_000

_Day = TypeVar("_Day")
_Queued = TypeVar("_Queued", bound=Sized)
_ScoreDay = tuple[CameraId, str, int]  # zone, empty for the whole frame; days since 1970


class _QueuedDays(ABC, Generic[_Day, _Queued]):
    """Queues what belongs to the files of days, and writes it every EVERY_S. Thread-safe.

    make: returns an empty queue of a day. what: in messages. most: number that may be queued.
    """

    def __init__(self, volume: Volume, clock: Clock, make: Callable[[], _Queued], what: str, most: int) -> None:
        self._volume, self._disk, self._clock = volume, volume.disk, clock
        self._what, self._most = what, most
        self._lock = threading.Lock()
        self._waiting: defaultdict[_Day, _Queued] = defaultdict(make)
        self._due_s = clock.mono_s() + EVERY_S

    def flush(self) -> None:
        """Write what is queued."""
        with self._lock:
            self._write()

    @abstractmethod
    def _write_day(self, of: _Day, queued: _Queued) -> None:
        """Write what is queued of a day. Raises StorageError."""

    def _write_if_due(self) -> None:
        if self._clock.mono_s() >= self._due_s:
            self._write()

    def _write(self) -> None:
        """Write what is queued, and forget it; where the disk can't be written, it stays queued, up to `most`."""
        self._due_s = self._clock.mono_s() + EVERY_S
        for of, queued in list(self._waiting.items()):
            try:
                self._write_day(of, queued)
            except StorageError as error:
                log.warning("%s are queued until the disk can be written: %s", self._what, error)
                break
            del self._waiting[of]
        if sum(map(len, self._waiting.values())) > self._most:
            log.error("too many %s are queued for the disk: they are dropped", self._what)
            self._waiting.clear()


class MotionScoreFile(_QueuedDays[_ScoreDay, dict[int, int]]):
    def __init__(self, volume: Volume, clock: Clock) -> None:
        super().__init__(volume, clock, dict, "motion scores", _MAX_WAITING_SCORES)

    def put(self, camera: CameraId, second_ms: int, score: int, zone: str = "") -> None:
        """Store the score of a second. The maximum of several counts. Raises ValueError unless 0..100."""
        if not 0 <= score <= 100:
            raise ValueError(f"a score is 0 to 100, not {score}")
        day, second = divmod(second_ms // 1000, _DAY_S)
        with self._lock:
            seconds = self._waiting[camera, zone, day]
            seconds[second] = max(score, seconds.get(second, 0))
            self._write_if_due()

    def read(self, camera: CameraId, within: Span, zone: str = "") -> bytes:
        """Return one byte per second, from the second in which `within` begins to the one in which it ends.

        Raises StorageError.
        """
        first, end = within.begin_ms // 1000, -(-within.end_ms // 1000)
        pieces: list[bytes] = []
        at = first
        while at < end:
            day, second = divmod(at, _DAY_S)
            count = min(end - at, _DAY_S - second)
            pieces.append(self._of_day((camera, zone, day), second, count))
            at += count
        return b"".join(pieces)

    def remove(self, camera: CameraId, within: Span) -> None:
        """Delete the scores of each second with something of a time, of all zones. Raises StorageError."""
        for day in days_in(within):
            seconds = seconds_in(day, within)
            with self._lock:
                _drop(self._waiting, [of for of in self._waiting if (of[0], of[2]) == (camera, day)], seconds)
                for path, entry in list(self._volume.files(day_folder(camera, day * DAY_MS))):
                    if entry.kind == "file" and is_of_scores(entry.name):
                        stored = bytearray(self._disk.read(path))
                        gone = slice(seconds.start, min(seconds.stop, len(stored)))
                        if any(score != UNKNOWN for score in stored[gone]):
                            stored[gone] = bytes([UNKNOWN]) * len(stored[gone])
                            self._volume.write_whole(path, bytes(stored))

    def _of_day(self, of: _ScoreDay, second: int, count: int) -> bytes:
        path = _path(of)
        with self._lock:  # before the file: what is written meanwhile is in both
            waiting = dict(self._waiting.get(of, {}))
        entry = self._disk.entry(path)
        stored = self._disk.read(path, second, count) if entry is not None and entry.kind == "file" else b""
        scores = bytearray(stored.ljust(count, bytes([UNKNOWN])))
        for at, score in waiting.items():
            if second <= at < second + count:
                scores[at - second] = score
        return bytes(scores)

    def _write_day(self, of: _ScoreDay, queued: dict[int, int]) -> None:
        path = _path(of)
        if self._disk.entry(path) is None:
            self._disk.make_folder(parent_of(path))
            file = self._disk.create(path)
            try:
                file.append([bytes([UNKNOWN]) * _DAY_S])
            finally:
                file.close()
        first, end = min(queued), max(queued) + 1
        known = bytearray(self._disk.read(path, first, end - first).ljust(end - first, bytes([UNKNOWN])))
        for second, score in queued.items():
            before = known[second - first]
            known[second - first] = score if before == UNKNOWN else max(score, before)
        self._disk.write_at(path, first, bytes(known))


def days_in(span: Span) -> range:
    """Return the days with something of a time, since 1970."""
    return range(span.begin_ms // DAY_MS, -(-span.end_ms // DAY_MS))


def seconds_in(day: int, span: Span) -> range:
    """Return the seconds of a day with something of a time."""
    return range(max(0, span.begin_ms // 1000 - day * _DAY_S), min(_DAY_S, -(-span.end_ms // 1000) - day * _DAY_S))


def _drop(waiting: dict[_Day, dict[int, int]], days: Iterable[_Day], gone: range) -> None:
    for of in days:
        left = {second: value for second, value in waiting.pop(of).items() if second not in gone}
        if left:
            waiting[of] = left


def append_records(disk: DiskAccess, path: str, records: Iterable[bytes], record_bytes: int) -> None:
    """Append records to a file, which is created if it isn't there. Raises StorageError."""
    is_new = disk.entry(path) is None
    if is_new:
        disk.make_folder(parent_of(path))
    file = disk.create(path) if is_new else disk.extend(path)
    try:
        if file.size_bytes % record_bytes:  # a power cut tore the last record
            file.cut(file.size_bytes - file.size_bytes % record_bytes)
        file.append([b"".join(records)])
    finally:
        file.close()


def _path(of: _ScoreDay) -> str:
    camera, zone, day = of
    return scores_path(camera, day * DAY_MS, zone)


# Motion grids: 32x18 bits per second with motion, one file per UTC day, for searches by area.

BYTES: Final = COLUMNS * ROWS // 8
_RECORD: Final = struct.Struct(f"<I{BYTES}s")
_MAX_WAITING_GRIDS: Final = 10_000

_GridDay = tuple[CameraId, int]


class MotionGrids(_QueuedDays[_GridDay, dict[int, int]]):
    def __init__(self, volume: Volume, clock: Clock, is_sealed: Callable[[CameraId], bool] = lambda _: False) -> None:
        """is_sealed: returns whether a camera is sealed; its grids are not stored."""
        super().__init__(volume, clock, dict, "motion grids", _MAX_WAITING_GRIDS)
        self._is_sealed = is_sealed

    def put(self, camera: CameraId, at_ms: int, grid: int) -> None:
        """Add a grid. Grids of one second are merged; an empty grid is ignored. grid: bits as in `model.geometry`."""
        if not grid or self._is_sealed(camera):
            return
        day, second = divmod(at_ms // 1000, DAY_MS // 1000)
        with self._lock:
            seconds = self._waiting[camera, day]
            seconds[second] = seconds.get(second, 0) | grid
            self._write_if_due()

    def read(self, camera: CameraId, within: Span) -> list[tuple[int, int]]:
        """Return seconds (ms UTC) with their grids, in order. Raises StorageError."""
        found: dict[int, int] = {}
        for day in range(within.begin_ms // DAY_MS, (within.end_ms - 1) // DAY_MS + 1):
            for second, grid in self._of_day(camera, day):
                at_ms = day * DAY_MS + second * 1000
                if within.begin_ms - 1000 < at_ms < within.end_ms:
                    found[at_ms] = found.get(at_ms, 0) | grid
        return sorted(found.items())

    def remove(self, camera: CameraId, within: Span) -> None:
        """Delete the grids of each second with something of a time. Raises StorageError."""
        for day in days_in(within):
            path, seconds = grids_path(camera, day * DAY_MS), seconds_in(day, within)
            with self._lock:
                _drop(self._waiting, [of for of in self._waiting if of == (camera, day)], seconds)
                if self._disk.entry(path) is None:
                    continue
                stored = self._disk.read(path)
                records = _RECORD.iter_unpack(stored[: len(stored) - len(stored) % _RECORD.size])
                left = b"".join(_RECORD.pack(second, bits) for second, bits in records if second not in seconds)
                if len(left) < len(stored):
                    self._volume.write_whole(path, left)

    def _of_day(self, camera: CameraId, day: int) -> Iterator[tuple[int, int]]:
        path = grids_path(camera, day * DAY_MS)
        with self._lock:  # before the file: what is written meanwhile is in both
            waiting = dict(self._waiting.get((camera, day), {}))
        entry = self._disk.entry(path)
        stored = self._disk.read(path) if entry is not None and entry.kind == "file" else b""
        whole = len(stored) - len(stored) % _RECORD.size  # a power cut may have torn the last record
        for second, bits in _RECORD.iter_unpack(stored[:whole]):
            yield second, int.from_bytes(bits, "big")
        yield from waiting.items()

    def _write_day(self, of: _GridDay, queued: dict[int, int]) -> None:
        camera, day = of
        records = [_RECORD.pack(second, grid.to_bytes(BYTES, "big")) for second, grid in sorted(queued.items())]
        append_records(self._disk, grids_path(camera, day * DAY_MS), records, _RECORD.size)


# Detector figures of each camera: number, level and boxes of single frames, one file per UTC day.
#
# A frame with motion or objects has its own record; of all others, the second's highest number is stored, and of a
# still scene one frame a minute, for its level.

MOST_THINGS: Final = 3
"""Boxes of one frame that are stored: those with the highest scores."""
MOST_READ: Final = 20_000
LEVEL_MS: Final = 60_000
"""Maximum distance of two records while detection runs, ms."""
_MAX_WAITING: Final = 20_000
_HEAD: Final = struct.Struct("<IffBB")
_THING: Final = struct.Struct("<4HBB")
RECORD_BYTES: Final = _HEAD.size + MOST_THINGS * _THING.size
_MOVES: Final = 1
_SCALE: Final = 65_535
_LABELS: Final = (MOTION, *KINDS)

_FigureDay = tuple[CameraId, int]  # days since 1970


class MotionFigures(_QueuedDays[_FigureDay, list[bytes]]):
    """is_sealed: returns whether a camera is sealed; its figures are not stored."""

    def __init__(self, volume: Volume, clock: Clock, is_sealed: Callable[[CameraId], bool] = lambda _: False) -> None:
        super().__init__(volume, clock, list, "detector figures", _MAX_WAITING)
        self._is_sealed = is_sealed
        self._calm: dict[CameraId, MotionFigure] = {}
        self._last_ms: dict[CameraId, int] = {}

    def put(self, camera: CameraId, figure: MotionFigure) -> None:
        if self._is_sealed(camera):
            return
        with self._lock:
            calm = self._calm.get(camera)
            is_of_second = calm is not None and calm.at_ms // 1000 == figure.at_ms // 1000
            if calm is not None and not is_of_second:
                self._queue(camera, self._calm.pop(camera))
            if figure.moves or figure.things:
                self._queue(camera, figure)
            elif self._is_stored(camera, figure) and (not is_of_second or calm is None or figure.number > calm.number):
                self._calm[camera] = figure
            self._write_if_due()

    def flush(self) -> None:
        with self._lock:
            for camera in list(self._calm):
                self._queue(camera, self._calm.pop(camera))
            self._write()

    def read(self, camera: CameraId, within: Span) -> list[MotionFigure]:
        """Return the figures of a time in order, at most the first MOST_READ. Raises StorageError."""
        found: list[MotionFigure] = []
        for day in range(within.begin_ms // DAY_MS, (within.end_ms - 1) // DAY_MS + 1):
            for record in self._of_day((camera, day), within):
                made = _figure(record, day)
                if within.begin_ms <= made.at_ms < within.end_ms:
                    found.append(made)
                if len(found) == MOST_READ:
                    break
        return sorted(found, key=lambda one: one.at_ms)

    def motion_frames(self, camera: CameraId, within: Span) -> int:
        """Return the number of frames with motion. Raises StorageError."""
        return sum(figure.moves for figure in self.read(camera, within))

    def remove(self, camera: CameraId, within: Span) -> None:
        """Delete the figures of a time. Raises StorageError."""
        for day in days_in(within):
            path = _figures_path((camera, day))
            with self._lock:
                waiting = [record for record in self._waiting.pop((camera, day), []) if not _is_in(within, day, record)]
                if waiting:
                    self._waiting[camera, day] = waiting
                if self._disk.entry(path) is None:
                    continue
                stored = self._disk.read(path)
                left = b"".join(record for record in _records(stored) if not _is_in(within, day, record))
                if len(left) < len(stored):
                    self._volume.write_whole(path, left)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _is_stored(self, camera: CameraId, figure: MotionFigure) -> bool:
        """Return whether a frame without motion is stored: for its number, or once a minute for the level."""
        return figure.number > 0 or abs(figure.at_ms - self._last_ms.get(camera, 0)) >= LEVEL_MS

    def _queue(self, camera: CameraId, figure: MotionFigure) -> None:
        self._last_ms[camera] = figure.at_ms
        self._waiting[camera, figure.at_ms // DAY_MS].append(_record(figure))

    def _of_day(self, of: _FigureDay, within: Span) -> Iterator[bytes]:
        """Yield the records from the begin of `within` on."""
        path, begin_ms = _figures_path(of), max(0, within.begin_ms - of[1] * DAY_MS)
        with self._lock:  # before the file: what is written meanwhile is in both
            waiting = list(self._waiting.get(of, ()))
        entry = self._disk.entry(path)
        count = entry.size_bytes // RECORD_BYTES if entry is not None and entry.kind == "file" else 0
        low, high = 0, count
        while low < high:  # records are in order of time: a day may have many
            middle = (low + high) // 2
            found = self._disk.read(path, middle * RECORD_BYTES, RECORD_BYTES)
            at_ms = _HEAD.unpack_from(found)[0] if len(found) == RECORD_BYTES else DAY_MS  # shorter since: `remove`
            low, high = (middle + 1, high) if at_ms < begin_ms else (low, middle)
        stored = self._disk.read(path, low * RECORD_BYTES, min(count - low, MOST_READ) * RECORD_BYTES) if count else b""
        yield from _records(stored)
        written = set(_records(stored)) if waiting else ()
        yield from (record for record in waiting if record not in written)

    def _write_day(self, of: _FigureDay, queued: list[bytes]) -> None:
        append_records(self._disk, _figures_path(of), queued, RECORD_BYTES)


def _figures_path(of: _FigureDay) -> str:
    camera, day = of
    return figures_path(camera, day * DAY_MS)


def _records(stored: bytes) -> Iterator[bytes]:
    """Yield the whole records."""
    for offset in range(0, len(stored) - RECORD_BYTES + 1, RECORD_BYTES):
        yield stored[offset : offset + RECORD_BYTES]


def _is_in(span: Span, day: int, record: bytes) -> bool:
    return span.begin_ms <= day * DAY_MS + int(_HEAD.unpack_from(record)[0]) < span.end_ms


def _record(figure: MotionFigure) -> bytes:
    things = sorted(figure.things, key=lambda thing: -thing.score)[:MOST_THINGS]
    flags = _MOVES if figure.moves else 0
    head = _HEAD.pack(figure.at_ms % DAY_MS, figure.number, figure.level, flags, len(things))
    return (head + b"".join(map(_packed, things))).ljust(RECORD_BYTES, b"\0")


def _packed(thing: FigureThing) -> bytes:
    sides = (round(min(1.0, max(0.0, side)) * _SCALE) for side in thing.box)
    label = MOTION if thing.label == MOTION else kind_of(thing.label)
    return _THING.pack(*sides, min(100, max(0, thing.score)), _LABELS.index(label))


def _figure(record: bytes, day: int) -> MotionFigure:
    of_day_ms, number, level, flags, count = _HEAD.unpack_from(record)
    things = []
    for n in range(min(count, MOST_THINGS)):
        x0, y0, x1, y1, score, label = _THING.unpack_from(record, _HEAD.size + n * _THING.size)
        box: Box = (x0 / _SCALE, y0 / _SCALE, x1 / _SCALE, y1 / _SCALE)
        things.append(FigureThing(box, score, _LABELS[min(label, len(_LABELS) - 1)]))
    return MotionFigure(day * DAY_MS + of_day_ms, number, level, bool(flags & _MOVES), tuple(things))


def merged_day(name: str, one: bytes, other: bytes) -> bytes:
    """Return what two files of a day hold together. name: of a file of scores, grids or figures."""
    if is_of_scores(name):
        size, none = max(len(one), len(other)), bytes([UNKNOWN])
        pairs = zip(one.ljust(size, none), other.ljust(size, none), strict=True)
        return bytes(min(pair) if UNKNOWN in pair else max(pair) for pair in pairs)
    size = _RECORD.size if name == "grids" else RECORD_BYTES
    whole = one[: len(one) - len(one) % size] + other[: len(other) - len(other) % size]  # a power cut may tear the last
    records = {whole[at : at + size] for at in range(0, len(whole), size)}
    in_order = sorted(records, key=lambda record: int.from_bytes(record[:4], "little"))
    return b"".join(in_order)


# Files of events: snapshots, previews and paths of objects, encrypted where the camera is. `Volume` reads them.


def _nothing(_event: Event, _jpeg: bytes) -> None:
    """Default for `made`: no effect."""


class EventFiles:
    """Writes to one volume. Raises StorageError.

    seals: None: no camera is encrypted. made: called with each snapshot before it is stored.
    """

    def __init__(
        self, volume: Volume, seals: EpochKeys | None = None, made: Callable[[Event, bytes], None] = _nothing
    ) -> None:
        self._volume, self._seals, self._made = volume, seals, made

    def write_picture(self, event: Event, jpeg: bytes) -> str:
        """Store an event's snapshot durably, replacing an earlier one. Return its path."""
        self._made(event, jpeg)
        return self._write(event, picture_path(event), jpeg)

    def write_loop(self, event: Event, jpeg: bytes) -> str:
        """Store an event's preview: small frames side by side in one JPEG. Return its path."""
        return self._write(event, loop_path(event), jpeg)

    def _write(self, event: Event, path: str, jpeg: bytes) -> str:
        sealed = sealed_path(path)
        if self._seals is not None and self._seals.picture(self._volume, event.camera, event.start_ms, jpeg, sealed):
            return sealed
        return self._volume.write_whole(path, jpeg)

    def add_objects(self, event: Event, lines: bytes) -> None:
        """Append to the paths of an event's objects; not yet durable. Call from one thread, with `end_objects`."""
        path, disk = objects_path(event), self._volume.disk
        sealed = sealed_path(path)
        if self._seals is not None and self._seals.add_lines(self._volume, event.camera, event.start_ms, lines, sealed):
            return
        append_records(disk, path, [lines], 1)

    def end_objects(self, event: Event) -> None:
        """Make the paths of an event's objects durable."""
        path, disk = objects_path(event), self._volume.disk
        if self._seals is not None and self._seals.end_lines(sealed_path(path)):
            return
        if disk.entry(path) is not None:
            file = disk.extend(path)
            try:
                file.sync()
            finally:
                file.close()
            disk.sync_folder(parent_of(path))

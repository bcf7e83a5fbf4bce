"""Detector figures of each camera: number, level and boxes of single frames, one file per UTC day.

A frame with motion or objects has its own record; of all others, the second's highest number is stored, and of a still
scene one frame a minute, for its level.
"""

import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from tawny.model.ids import CameraId
from tawny.model.observations import KINDS, MOTION, Box, FigureThing, MotionFigure, kind_of
from tawny.model.times import Clock, Span
from tawny.storage.disk.layout import DAY_MS, figures_path
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.motion_files import EVERY_S, append_records, days_in, write_queued

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

_Day = tuple[CameraId, int]  # days since 1970


class MotionFigures:
    """is_sealed: returns whether a camera is sealed; its figures are not stored."""

    def __init__(self, volume: Volume, clock: Clock, is_sealed: Callable[[CameraId], bool] = lambda _: False) -> None:
        self._volume, self._disk = volume, volume.disk
        self._clock, self._is_sealed = clock, is_sealed
        self._lock = threading.Lock()
        self._waiting: defaultdict[_Day, list[bytes]] = defaultdict(list)
        self._calm: dict[CameraId, MotionFigure] = {}
        self._last_ms: dict[CameraId, int] = {}
        self._due_s = clock.mono_s() + EVERY_S

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
            if self._clock.mono_s() >= self._due_s:
                self._write()

    def flush(self) -> None:
        """Write queued figures."""
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
            path = _path((camera, day))
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

    def _of_day(self, of: _Day, within: Span) -> Iterator[bytes]:
        """Yield the records from the begin of `within` on."""
        path, begin_ms = _path(of), max(0, within.begin_ms - of[1] * DAY_MS)
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
        with self._lock:
            waiting = list(self._waiting.get(of, ()))
        yield from waiting

    def _write(self) -> None:
        self._due_s = self._clock.mono_s() + EVERY_S
        write_queued(self._waiting, self._write_day, "detector figures", _MAX_WAITING)

    def _write_day(self, of: _Day, records: list[bytes]) -> None:
        append_records(self._disk, _path(of), records, RECORD_BYTES)


def _path(of: _Day) -> str:
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

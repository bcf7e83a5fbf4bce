"""Motion per second of each camera: scores of zones and grids of cells, one file per UTC day."""

import logging
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Final, TypeVar

from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.polygon import COLUMNS, ROWS
from tawny.model.times import Clock, Span
from tawny.storage.disk.disk import DiskAccess, parent_of
from tawny.storage.disk.layout import DAY_MS, day_folder, grids_path, is_of_scores, scores_path
from tawny.storage.disk.volume import Volume

log = logging.getLogger(__name__)

UNKNOWN: Final = 255
_DAY_S: Final = DAY_MS // 1000
EVERY_S: Final = 10.0
_MAX_WAITING_SCORES: Final = 100_000

_Day = TypeVar("_Day")
_Queued = TypeVar("_Queued", bound=Sized)
_ScoreDay = tuple[CameraId, str, int]  # zone, empty for the whole frame; days since 1970


class MotionScoreFile:
    def __init__(self, volume: Volume, clock: Clock) -> None:
        self._volume, self._disk, self._clock = volume, volume.disk, clock
        self._lock = threading.Lock()
        self._waiting: defaultdict[_ScoreDay, dict[int, int]] = defaultdict(dict)
        self._due_s = clock.mono_s() + EVERY_S

    def put(self, camera: CameraId, second_ms: int, score: int, zone: str = "") -> None:
        """Store the score of a second. The maximum of several counts. Raises ValueError unless 0..100."""
        if not 0 <= score <= 100:
            raise ValueError(f"a score is 0 to 100, not {score}")
        day, second = divmod(second_ms // 1000, _DAY_S)
        with self._lock:
            seconds = self._waiting[camera, zone, day]
            seconds[second] = max(score, seconds.get(second, 0))
            if self._clock.mono_s() >= self._due_s:
                self._write()

    def flush(self) -> None:
        """Write queued scores."""
        with self._lock:
            self._write()

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
        entry = self._disk.entry(path)
        stored = self._disk.read(path, second, count) if entry is not None and entry.kind == "file" else b""
        scores = bytearray(stored.ljust(count, bytes([UNKNOWN])))
        with self._lock:
            waiting = dict(self._waiting.get(of, {}))
        for at, score in waiting.items():
            if second <= at < second + count:
                scores[at - second] = score
        return bytes(scores)

    def _write(self) -> None:
        self._due_s = self._clock.mono_s() + EVERY_S
        write_queued(self._waiting, self._write_day, "motion scores", _MAX_WAITING_SCORES)

    def _write_day(self, of: _ScoreDay, seconds: dict[int, int]) -> None:
        path = _path(of)
        if self._disk.entry(path) is None:
            self._disk.make_folder(parent_of(path))
            file = self._disk.create(path)
            try:
                file.append([bytes([UNKNOWN]) * _DAY_S])
            finally:
                file.close()
        first, end = min(seconds), max(seconds) + 1
        known = bytearray(self._disk.read(path, first, end - first).ljust(end - first, bytes([UNKNOWN])))
        for second, score in seconds.items():
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


def write_queued(waiting: dict[_Day, _Queued], write: Callable[[_Day, _Queued], None], what: str, most: int) -> None:
    """Write what is queued of each day, and forget it; where the disk can't be written, it stays queued.

    what: in messages. most: number that may be queued; above, all is dropped.
    """
    for of, queued in list(waiting.items()):
        try:
            write(of, queued)
        except StorageError as error:
            log.warning("%s are queued until the disk can be written: %s", what, error)
            break
        del waiting[of]
    if sum(map(len, waiting.values())) > most:
        log.error("too many %s are queued for the disk: they are dropped", what)
        waiting.clear()


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


class MotionGrids:
    def __init__(self, volume: Volume, clock: Clock, is_sealed: Callable[[CameraId], bool] = lambda _: False) -> None:
        """is_sealed: returns whether a camera is sealed; its grids are not stored."""
        self._is_sealed = is_sealed
        self._volume, self._disk, self._clock = volume, volume.disk, clock
        self._lock = threading.Lock()
        self._waiting: defaultdict[_GridDay, dict[int, int]] = defaultdict(dict)
        self._due_s = clock.mono_s() + EVERY_S

    def put(self, camera: CameraId, at_ms: int, grid: int) -> None:
        """Add a grid. Grids of one second are merged; an empty grid is ignored. grid: bits as in `model.polygon`."""
        if not grid or self._is_sealed(camera):
            return
        day, second = divmod(at_ms // 1000, DAY_MS // 1000)
        with self._lock:
            seconds = self._waiting[camera, day]
            seconds[second] = seconds.get(second, 0) | grid
            if self._clock.mono_s() >= self._due_s:
                self._write()

    def flush(self) -> None:
        with self._lock:
            self._write()

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
        entry = self._disk.entry(path)
        stored = self._disk.read(path) if entry is not None and entry.kind == "file" else b""
        whole = len(stored) - len(stored) % _RECORD.size  # a power cut may have torn the last record
        for second, bits in _RECORD.iter_unpack(stored[:whole]):
            yield second, int.from_bytes(bits, "big")
        with self._lock:
            waiting = dict(self._waiting.get((camera, day), {}))
        yield from waiting.items()

    def _write(self) -> None:
        self._due_s = self._clock.mono_s() + EVERY_S
        write_queued(self._waiting, self._write_day, "motion grids", _MAX_WAITING_GRIDS)

    def _write_day(self, of: _GridDay, seconds: dict[int, int]) -> None:
        camera, day = of
        records = [_RECORD.pack(second, grid.to_bytes(BYTES, "big")) for second, grid in sorted(seconds.items())]
        append_records(self._disk, grids_path(camera, day * DAY_MS), records, _RECORD.size)

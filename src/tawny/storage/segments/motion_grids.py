"""Where it moved: 32x18 bits for each second in which something did, a file a UTC day, so that a spot can be searched.

A record is the second of the day (4 bytes) and its 72 bytes, row by row from the upper left, the highest bit first.
Like scores, grids are written every ten seconds and never synced. Any thread.
"""

import logging
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from tawny.model.clock import Clock
from tawny.model.errors import StorageError
from tawny.model.grid import COLUMNS, ROWS
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, grids_path
from tawny.storage.disk.volume import Volume

log = logging.getLogger(__name__)

BYTES: Final = COLUMNS * ROWS // 8
_RECORD: Final = struct.Struct(f"<I{BYTES}s")
_EVERY_S: Final = 10.0
_MOST_WAITING: Final = 10_000

_Day = tuple[CameraId, int]


class MotionGrids:
    def __init__(self, volume: Volume, clock: Clock, is_sealed: Callable[[CameraId], bool] = lambda _: False) -> None:
        """is_sealed: of a camera; where it moved there is not written down."""
        self._is_sealed = is_sealed
        self._disk, self._clock = volume.disk, clock
        self._lock = threading.Lock()
        self._waiting: defaultdict[_Day, dict[int, int]] = defaultdict(dict)
        self._due_s = clock.mono_s() + _EVERY_S

    def put(self, camera: CameraId, at_ms: int, grid: int) -> None:
        """grid: bits as in `model.grid`; those of one second are put together, none at all is not kept."""
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
        """Seconds (UTC ms) with their grids, in order. Raises StorageError."""
        found: dict[int, int] = {}
        for day in range(within.begin_ms // DAY_MS, (within.end_ms - 1) // DAY_MS + 1):
            for second, grid in self._of_day(camera, day):
                at_ms = day * DAY_MS + second * 1000
                if within.begin_ms - 1000 < at_ms < within.end_ms:
                    found[at_ms] = found.get(at_ms, 0) | grid
        return sorted(found.items())

    def _of_day(self, camera: CameraId, day: int) -> Iterator[tuple[int, int]]:
        path = grids_path(camera, day * DAY_MS)
        entry = self._disk.entry(path)
        stored = self._disk.read(path) if entry is not None and entry.kind == "file" else b""
        whole = len(stored) - len(stored) % _RECORD.size  # a power cut may have torn the last one
        for second, bits in _RECORD.iter_unpack(stored[:whole]):
            yield second, int.from_bytes(bits, "big")
        with self._lock:
            waiting = dict(self._waiting.get((camera, day), {}))
        yield from waiting.items()

    def _write(self) -> None:
        self._due_s = self._clock.mono_s() + _EVERY_S
        for (camera, day), seconds in list(self._waiting.items()):
            try:
                self._write_day(grids_path(camera, day * DAY_MS), seconds)
            except StorageError as error:
                log.warning("where it moved waits for the disk: %s", error)
                break
            del self._waiting[camera, day]
        if sum(map(len, self._waiting.values())) > _MOST_WAITING:
            log.error("the disk has not taken for long where it moved: it is forgotten")
            self._waiting.clear()

    def _write_day(self, path: str, seconds: dict[int, int]) -> None:
        entry = self._disk.entry(path)
        if entry is None:
            self._disk.make_folder(parent_of(path))
        records = [_RECORD.pack(second, grid.to_bytes(BYTES, "big")) for second, grid in sorted(seconds.items())]
        file = self._disk.create(path) if entry is None else self._disk.extend(path)
        try:
            if file.size_bytes % _RECORD.size:
                file.cut(file.size_bytes - file.size_bytes % _RECORD.size)
            file.append([b"".join(records)])
        finally:
            file.close()

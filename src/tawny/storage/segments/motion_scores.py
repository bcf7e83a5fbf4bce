"""Motion scores: one byte per second of each camera and zone, one file per UTC day, read in one call.

0..100 is the maximum score of the second; 255 means unknown. Scores are written every ten seconds and never synced.
After a power cut the last half minute may be unknown. No other data depends on them. Thread-safe.
"""

import logging
import threading
from collections import defaultdict
from typing import Final

from tawny.model.clock import Clock
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, scores_path
from tawny.storage.disk.volume import Volume

log = logging.getLogger(__name__)

UNKNOWN: Final = 255
_DAY_S: Final = DAY_MS // 1000
_EVERY_S: Final = 10.0
_MOST_WAITING: Final = 100_000

_Day = tuple[CameraId, str, int]  # zone, empty for the whole frame; days since 1970


class MotionScoreFile:
    def __init__(self, volume: Volume, clock: Clock) -> None:
        self._disk, self._clock = volume.disk, clock
        self._lock = threading.Lock()
        self._waiting: defaultdict[_Day, dict[int, int]] = defaultdict(dict)
        self._due_s = clock.mono_s() + _EVERY_S

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

    def _of_day(self, of: _Day, second: int, count: int) -> bytes:
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
        self._due_s = self._clock.mono_s() + _EVERY_S
        for of, seconds in list(self._waiting.items()):
            try:
                self._write_day(_path(of), seconds)
            except StorageError as error:
                log.warning("motion scores are queued until the disk can be written: %s", error)
                break
            del self._waiting[of]
        if sum(map(len, self._waiting.values())) > _MOST_WAITING:
            log.error("too many motion scores are queued for the disk: they are dropped")
            self._waiting.clear()

    def _write_day(self, path: str, seconds: dict[int, int]) -> None:
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


def _path(of: _Day) -> str:
    camera, zone, day = of
    return scores_path(camera, day * DAY_MS, zone)

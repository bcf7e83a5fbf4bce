"""What the index costs: made again from the files, asked for a day of a camera, and its size after a year.

    python -m benchmarks.index [--segments 10000] [--folder FOLDER]

Rebuilt: so many closed segments on a disk, the index deleted; scaled to 100,000. A day: recorded spans and gaps of one
camera and one day, out of a year of 16 cameras whose connection breaks six times a day, each day asked for once, in any
order. Size: that year, without and with what each segment adds (60 s each, one stream a camera).
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.peers import report
from tawny.media.fmp4 import Sample, end_box, fragment, init_segment
from tawny.model.gaps import Gap, GapReason
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.about import About, End
from tawny.storage.history import History
from tawny.storage.layout import DAY_MS
from tawny.storage.opening import INDEX_NAME, rebuild_index
from tawny.storage.sqlite_index import SqliteIndex
from tawny.storage.volume import Volume
from tawny.testing.feed import FORMAT

REBUILT, REBUILT_S = 100_000, 300.0
DAY_WALL_MS, DAY_CPU_MS = 5.0, 1.0
YEAR_MB = 25.0
CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(1, 17))
DAYS, BREAKS_A_DAY, BREAK_MS, SEGMENT_MS = 365, 6, 20_000, 60_000
SEGMENTS_A_YEAR = DAYS * DAY_MS // SEGMENT_MS * len(CAMERAS)
BEGIN_MS = 1_767_225_600_000  # 2026-01-01
MAIN = StreamName.MAIN


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--segments", type=int, default=10_000)
    asked.add_argument("--folder", type=Path, default=None, help="where the segments are made, and removed again")
    args = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rebuilt_s = _rebuilt(Path(folder), args.segments)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        wall_ms, cpu_ms, year_mb, segment_bytes = _year(Path(folder) / INDEX_NAME)
    with_segments_mb = year_mb + segment_bytes * SEGMENTS_A_YEAR / 1e6
    print(f"a day of a camera: p99 {wall_ms:.2f} ms, of which CPU {cpu_ms:.2f} ms")
    print(f"a year of 16 cameras: {year_mb:.1f} MB, and {segment_bytes:.0f} bytes a segment")
    within = [
        report("index_rebuild", rebuilt_s, REBUILT_S, f"{REBUILT_S:.0f} s for {REBUILT:,}", 1.0),
        report("index_day_wall", wall_ms, DAY_WALL_MS, f"{DAY_WALL_MS:.0f} ms", 1.0),
        report("index_day_cpu", cpu_ms, DAY_CPU_MS, f"{DAY_CPU_MS:.0f} ms", 1.0),
        report("index_year", year_mb, YEAR_MB, f"{YEAR_MB:.0f} MB, spans and gaps", 1.0),
        report("index_year_segments", with_segments_mb, YEAR_MB, f"{YEAR_MB:.0f} MB, segments too", 1.0),
    ]
    return 0 if all(within) else 1


def _rebuilt(folder: Path, count: int) -> float:
    """Seconds for `REBUILT` segments, by what `count` of them took."""
    volume = Volume.at(folder)
    for number in range(count):
        _write(volume, CAMERAS[number % len(CAMERAS)], BEGIN_MS + number // len(CAMERAS) * SEGMENT_MS)
    history = History(volume.disk)
    begun_s, cpu_s = time.monotonic(), time.process_time()
    made = rebuild_index(volume, history)
    took_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_s
    assert made.segments == count
    print(f"{count:,} segments: index made again in {took_s:.1f} s, of which CPU {cpu_s:.1f} s")
    return took_s * REBUILT / count


def _write(volume: Volume, camera: CameraId, start_ms: int) -> None:
    said = About(camera, MAIN, RunId(f"run-{camera}"), start_ms, "avc1.640028", FORMAT.width, FORMAT.height)
    picture = Sample(b"\0\0\0\x02\x65\x01", 0, 60 * 90_000, True)
    end = end_box(End(start_ms + SEGMENT_MS, "length").record())
    path = volume.root / said.name.closed(start_ms + SEGMENT_MS).path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join([init_segment(FORMAT, None, said.record()), *map(bytes, fragment(1, [picture])), end]))


def _year(path: Path) -> tuple[float, float, float, float]:
    """p99 in ms of a day's question, wall and CPU; the index's size in MB; bytes that a segment adds."""
    with closing(SqliteIndex(path)) as index:
        with index.together():
            for camera in CAMERAS:
                _fill(index, camera)
        path_mb = _size_bytes(path) / 1e6
        wall_ms, cpu_ms = _days(index)
        before, count = _size_bytes(path), 0
        with index.together():
            for number in range(20_000):
                camera = CAMERAS[number % len(CAMERAS)]
                start_ms = BEGIN_MS + DAYS * DAY_MS + number // len(CAMERAS) * SEGMENT_MS
                index.add_segment(_segment(camera, RunId("another"), start_ms, start_ms + SEGMENT_MS))
                count += 1
        return wall_ms, cpu_ms, path_mb, (_size_bytes(path) - before) / count


def _fill(index: SqliteIndex, camera: CameraId) -> None:
    """A year: a long segment stands for all of those of a run, as the spans of a day do not depend on their number."""
    dice, at_ms = random.Random(camera), BEGIN_MS
    while at_ms < BEGIN_MS + DAYS * DAY_MS:
        until_ms = at_ms + round(dice.uniform(0.2, 1.8) * DAY_MS / BREAKS_A_DAY)
        index.add_segment(_segment(camera, RunId(f"run-{at_ms}"), at_ms, until_ms))
        at_ms = until_ms + BREAK_MS
        index.put_gap(Gap(camera, until_ms, at_ms, GapReason.CAMERA_RESTART, "the camera hung up"))


def _segment(camera: CameraId, run: RunId, start_ms: int, end_ms: int) -> Segment:
    said = About(camera, MAIN, run, start_ms, "avc1.640028", 1920, 1080, "mp4a.40.2")
    return said.segment(said.name.closed(end_ms), 30_000_000 + start_ms % 999_983)


def _days(index: SqliteIndex) -> tuple[float, float]:
    asked = [(camera, BEGIN_MS + day * DAY_MS) for camera in CAMERAS for day in range(DAYS)]
    random.Random(1).shuffle(asked)
    walls: list[float] = []
    cpus: list[float] = []
    for camera, begin_ms in asked:
        day = Span(begin_ms, begin_ms + DAY_MS)
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        spans, gaps = index.spans(camera, None, day), index.gaps(camera, day)
        cpus.append(time.thread_time() - cpu_s)
        walls.append(time.perf_counter() - wall_s)
        assert spans
        assert gaps
    return _p99(walls) * 1000, _p99(cpus) * 1000


def _p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100]


def _size_bytes(path: Path) -> int:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())

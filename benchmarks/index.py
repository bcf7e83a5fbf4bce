"""What the index costs: made again from the files, asked for a day of a camera, and its size after a year.

    python -m benchmarks.index [--segments 10000] [--days 365] [--folder FOLDER]

Rebuilt: so many closed segments on a disk, the index deleted; scaled to 100,000. A year: 16 cameras with main and sub
video, files of 60 s, whose connection breaks six times a day; with 50 events a camera and day, and 10 stretches of
damage. Its hours are settled as they pass. A day: recorded spans, gaps, damage and events of one camera; every day
three times, in any order, of which the best counts, for others use the machine, too. Written: what the index writes for
a minute of all cameras, whose files end at once.

The year's files are not there: a pretended disk has their names, one for an hour instead of sixty, because the index
keeps of an hour how many they are and not which.
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import report
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, SeenObject, new_event_id, rounded, shown_level
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.segments import Gap, GapEvidence, GapReason, Segment
from tawny.model.times import Span, SystemClock, stamp
from tawny.storage.disk.disk import FolderEntry
from tawny.storage.disk.layout import DAY_MS, HOUR_MS
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import INDEX_NAME, rebuild_index
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer
from tawny.testing.packet_feed import FORMAT

REBUILT, REBUILT_S = 100_000, 300.0
DAY_WALL_MS, DAY_CPU_MS, ROUNDS = 5.0, 1.0, 3
YEAR_MB = 25.0
CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(1, 17))
DAYS, BREAKS_A_DAY, BREAK_MS, SEGMENT_MS = 365, 6, 20_000, 60_000
EVENTS_A_DAY, DAMAGES_A_DAY = 50, 10
HOUR_BYTES = {StreamName.MAIN: 1_800_000_000, StreamName.SUB: 220_000_000}
BEGIN_MS = 1_767_225_600_000  # 2026-01-01
MAIN = StreamName.MAIN


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--segments", type=int, default=10_000)
    asked.add_argument("--days", type=int, default=DAYS)
    asked.add_argument("--folder", type=Path, default=None, help="where the segments are made, and removed again")
    args = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rebuilt_s = _rebuilt(Path(folder), args.segments)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        year = _Year(Path(folder), args.days)
        year.fill()
        wall_ms, cpu_ms = year.ask()
        year_mb, events_mb = year.sizes_mb()
        minute = year.minute()
        year.close()
    print(minute)
    within = [
        report("index_rebuild", rebuilt_s, REBUILT_S, f"{REBUILT_S:.0f} s for {REBUILT:,}", 1.0),
        report("index_day_wall", wall_ms, DAY_WALL_MS, f"{DAY_WALL_MS:.0f} ms", 1.0),
        report("index_day_cpu", cpu_ms, DAY_CPU_MS, f"{DAY_CPU_MS:.0f} ms", 1.0),
        report("index_year", year_mb, YEAR_MB, f"{YEAR_MB:.0f} MB, all but events", 1.0),
        report("index_year_events", events_mb, YEAR_MB, f"{YEAR_MB:.0f} MB, events", 1.0),
    ]
    return 0 if all(within) else 1


def _rebuilt(folder: Path, count: int) -> float:
    """Seconds for `REBUILT` segments, by what `count` of them took."""
    volume = Volume.at(folder)
    for number in range(count):
        _write(volume, CAMERAS[number % len(CAMERAS)], BEGIN_MS + number // len(CAMERAS) * SEGMENT_MS)
    history = HistoryJournal(volume.disk)
    begun_s, cpu_s = time.monotonic(), time.process_time()
    made = rebuild_index(volume, history)
    took_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_s
    assert made.segments == count
    print(f"{count:,} segments: index made again in {took_s:.1f} s, of which CPU {cpu_s:.1f} s")
    return took_s * REBUILT / count


def _write(volume: Volume, camera: CameraId, start_ms: int) -> None:
    metadata = SegmentMetadata(
        camera, MAIN, RunId(f"run-{camera}"), start_ms, "avc1.640028", FORMAT.width, FORMAT.height
    )
    picture = Sample(b"\0\0\0\x02\x65\x01", 0, 60 * 90_000, True)
    end = end_box(SegmentTrailer(start_ms + SEGMENT_MS, "length").record())
    path = volume.root / metadata.name.closed(start_ms + SEGMENT_MS).path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join([init_segment(FORMAT, None, metadata.record()), *map(bytes, fragment(1, [picture])), end])
    )


class _Pretended(RamDisk):
    """Has what it is told to have."""

    def __init__(self) -> None:
        super().__init__(0, SystemClock())
        self.folders: defaultdict[str, list[FolderEntry]] = defaultdict(list)

    def entries(self, folder: str) -> list[FolderEntry]:
        return self.folders[folder]


class _Year:
    """It is filled hour by hour, as time goes by."""

    def __init__(self, folder: Path, days: int) -> None:
        self._days, self._path, self._disk = days, folder / INDEX_NAME, _Pretended()
        self._index = SqliteIndex(self._path, Catalogue(Volume(self._disk)))
        self._dice = random.Random(1)
        self._runs: dict[CameraId, RunId] = {}

    def close(self) -> None:
        self._index.close()

    def fill(self) -> None:
        begun_s = time.process_time()
        for day_ms in range(BEGIN_MS, BEGIN_MS + self._days * DAY_MS, DAY_MS):
            with self._index.together():
                breaks = {camera: self._breaks(day_ms) for camera in CAMERAS}
                for hour_ms in range(day_ms, day_ms + DAY_MS, HOUR_MS):
                    for camera in CAMERAS:
                        self._hour(camera, hour_ms, breaks[camera])
                for camera in CAMERAS:
                    self._happenings(camera, day_ms)
            self._index.settle(day_ms + DAY_MS)
            self._disk.folders.clear()
        print(f"{self._days} days of {len(CAMERAS)} cameras: filled in {time.process_time() - begun_s:.0f} s of CPU")

    def _breaks(self, day_ms: int) -> list[int]:
        return sorted(day_ms + self._dice.randrange(0, DAY_MS, SEGMENT_MS) for _ in range(BREAKS_A_DAY))

    def _hour(self, camera: CameraId, hour_ms: int, breaks: list[int]) -> None:
        at_ms = hour_ms
        for break_ms in (*(one for one in breaks if hour_ms <= one < hour_ms + HOUR_MS), hour_ms + HOUR_MS):
            if at_ms < break_ms:
                run = self._runs.setdefault(camera, RunId(f"{stamp(at_ms)}-{self._dice.randrange(1 << 24):06x}"))
                for stream, size_bytes in HOUR_BYTES.items():
                    self._put(camera, stream, run, Span(at_ms, break_ms), size_bytes + self._dice.randrange(1 << 24))
            if break_ms < hour_ms + HOUR_MS:
                self._runs.pop(camera, None)
                at_ms = max(at_ms, break_ms + BREAK_MS)
                seen = GapEvidence("read-timeout", break_ms - 40, break_ms - 20, 2, 0, 3, "")
                gap = Gap(camera, break_ms, at_ms, GapReason.CAMERA_RESTART, "the camera hung up", seen)
                self._index.put_gap(gap)

    def _put(self, camera: CameraId, stream: StreamName, run: RunId, span: Span, size_bytes: int) -> None:
        segment = _segment(camera, stream, run, span, size_bytes)
        folder, _, name = segment.path.rpartition("/")
        self._disk.folders[folder].append(FolderEntry(name, "file", size_bytes))
        self._index.add_segment(segment)

    def _happenings(self, camera: CameraId, day_ms: int) -> None:
        dice = self._dice
        for _ in range(DAMAGES_A_DAY):
            at_ms = day_ms + dice.randrange(DAY_MS)
            self._index.add_damage(DamagedSpan(camera, MAIN, at_ms, at_ms + 2000, 1, dice.randrange(1, 60)))
        for at_ms in sorted(day_ms + dice.randrange(DAY_MS) for _ in range(EVENTS_A_DAY)):
            box = dice.random() / 2, dice.random() / 2, 0.5 + dice.random() / 2, 0.5 + dice.random() / 2
            seen = (SeenObject(dice.choice(["person", "car", "cat"]), dice.random()),)
            end_ms, picture_ms = at_ms + dice.randrange(5000, 60_000), at_ms + dice.randrange(5000)
            zones = dice.choice([("path",), ("path", "gate"), ()])
            event = Event(new_event_id(at_ms), camera, "motion", at_ms, end_ms, 100 * dice.random(), box, zones, seen)
            leveled = replace(event, level=shown_level(event))  # as a recorder stores it
            self._index.put_event(rounded(replace(leveled, picture_ms=picture_ms)))

    def ask(self) -> tuple[float, float]:
        """p99 in ms, wall and CPU."""
        asked = [(camera, BEGIN_MS + day * DAY_MS) for camera in CAMERAS for day in range(self._days)]
        best: dict[tuple[CameraId, int], tuple[float, float]] = {}
        for _ in range(ROUNDS):
            self._dice.shuffle(asked)
            for one in asked:
                took = self._ask(*one)
                best[one] = min(took[0], best.get(one, took)[0]), min(took[1], best.get(one, took)[1])
        walls, cpus = [wall_ms for wall_ms, _ in best.values()], [cpu_ms for _, cpu_ms in best.values()]
        print(
            f"a day of a camera: wall p50 {_part(walls, 50):.2f} p99 {_part(walls, 99):.2f} ms, "
            f"CPU p50 {_part(cpus, 50):.2f} p99 {_part(cpus, 99):.2f} ms"
        )
        return _part(walls, 99), _part(cpus, 99)

    def _ask(self, camera: CameraId, begin_ms: int) -> tuple[float, float]:
        """In ms, wall and CPU."""
        day = Span(begin_ms, begin_ms + DAY_MS)
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        spans, gaps = self._index.spans(camera, None, day), self._index.gaps(camera, day)
        damage, events = self._index.damage(camera, day), self._index.events(day, cameras=[camera], limit=2000)
        cpu_ms, wall_ms = 1000 * (time.thread_time() - cpu_s), 1000 * (time.perf_counter() - wall_s)
        assert all((spans, gaps, damage, len(events.events) >= EVENTS_A_DAY))
        return wall_ms, cpu_ms

    def sizes_mb(self) -> tuple[float, float]:
        """Of 365 days: all but events, and events."""
        with closing(sqlite3.connect(self._path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            found = other.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall()
        scale = DAYS / self._days / 1e6
        print("MB a year:", ", ".join(f"{name} {size_bytes * scale:.1f}" for name, size_bytes in found[:8]))
        events = sum(size_bytes for name, size_bytes in found if name.startswith(("events", "sqlite_autoindex_events")))
        return (self._path.stat().st_size - events) * scale, events * scale

    def minute(self) -> str:
        """A minute's files of all cameras end, an hour long: each by itself, and all at once."""
        found = []
        for at_once in (False, True):
            begun_s, begun_bytes, bytes_recorded = time.thread_time(), _written_bytes(), 0
            for minute in range(60):
                start_ms = BEGIN_MS + (self._days + 1 + at_once) * DAY_MS + minute * SEGMENT_MS
                span = Span(start_ms, start_ms + SEGMENT_MS)
                closed = [
                    _segment(camera, stream, RunId(f"run-{camera}"), span, size_bytes // 60)
                    for camera in CAMERAS
                    for stream, size_bytes in HOUR_BYTES.items()
                ]
                bytes_recorded += sum(one.size_bytes for one in closed)
                with self._index.together() if at_once else nullcontext():
                    for one in closed:
                        self._index.add_segment(one)
            cpu_ms = (time.thread_time() - begun_s) / 60 * 1000
            wrote = _written_bytes() - begun_bytes
            found.append(
                f"{'at once' if at_once else 'one by one'} {cpu_ms:.1f} ms of CPU and {wrote / 60 / 1000:.0f} kB, "
                f"{wrote / bytes_recorded:.6f} of what is recorded"
            )
        return f"a minute's {2 * len(CAMERAS)} files are listed: " + "; ".join(found)


def _segment(camera: CameraId, stream: StreamName, run: RunId, span: Span, size_bytes: int) -> Segment:
    metadata = SegmentMetadata(camera, stream, run, span.begin_ms, "avc1.640028", 1920, 1080, "mp4a.40.2")
    return metadata.segment(metadata.name.closed(span.end_ms), size_bytes)


def _written_bytes() -> int:
    """By this process, to any file."""
    return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])


def _part(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


if __name__ == "__main__":
    sys.exit(main())

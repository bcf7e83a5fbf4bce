"""What a hub answers from its index: a day of cameras, and the newest events of a recorder.

    python -m benchmarks.fleet_index [--only sqlite|postgresql] [--full] [--days N] [--rounds 200]

SQLite: 5 recorders of 16 cameras, a year, with 40 events a camera and day, 6 gaps, and recorded time; all of a day at
once. PostgreSQL, with a server of its own on a UNIX socket (`apt-get install postgresql`): 2,000 cameras on 50
recorders and a year of 40 events a day with --full (29 million; 12 minutes on four cores, and 32 GB), else the same
cameras for 15 days (1.2 million). Rows arrive in the order of time, as boxes send them: a camera's day lies on many
pages. Cameras, days and recorders are drawn at random; p99 of all rounds.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.peers import report
from tawny.fleet.fleet_index import BoxDay, CameraDay, EventQuestion, FleetIndex, PlacedCamera
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import DAY_MS
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.ids import CameraId
from tawny.model.times import Span, SystemClock, utc_text

FIRST_DAY = 20_454
EVENTS_A_DAY, GAPS_A_DAY = 40, 6
SQLITE_DAY_MS, LANES_MS, LANE_MS, NEWEST_MS = 50.0, 200.0, 30.0, 100.0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--only", choices=("sqlite", "postgresql"))
    asked.add_argument("--full", action="store_true", help="PostgreSQL with a whole year")
    asked.add_argument("--days", type=int, help="instead of 365 for SQLite, 15 for PostgreSQL")
    asked.add_argument("--rounds", type=int, default=200)
    args = asked.parse_args()
    is_good = True
    if args.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            is_good &= with_sqlite(Path(folder), args.days or 365, args.rounds)
    if args.only != "sqlite":
        is_good &= with_postgres(365 if args.full else args.days or 15, args.rounds)
    return 0 if is_good else 1


def with_sqlite(folder: Path, days: int, rounds: int) -> bool:
    index = SqliteFleetIndex(folder / "hub.db", SystemClock())
    boxes = joined(index, 5)
    cameras = [PlacedCamera(box, CameraId(f"camera-{number}")) for box in boxes for number in range(16)]
    began_s = time.monotonic()
    fill(index, cameras, days)
    size_mb = (folder / "hub.db").stat().st_size / 1e6
    print(f"SQLite: {len(cameras)} cameras, {days} days, {size_mb:.0f} MB, made in {time.monotonic() - began_s:.0f} s")
    day = measured(rounds, lambda: index.lanes(cameras, some_day(days)))
    newest = measured(rounds, lambda: index.find(EventQuestion((random.choice(boxes),))))
    index.close()
    is_fast = report("a day of 80 cameras, p99, ms", day, SQLITE_DAY_MS, f"{SQLITE_DAY_MS:g} ms", 1)
    return report("newest events of a recorder, p99, ms", newest, NEWEST_MS, f"{NEWEST_MS:g} ms", 1) and is_fast


def with_postgres(days: int, rounds: int) -> bool:
    from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
    from tests.support.postgres import postgres_server

    with postgres_server("shared_buffers=1GB", "max_wal_size=4GB") as server:
        address = server.new_database()
        index = PostgresFleetIndex(address, SystemClock())
        boxes = joined(index, 50)
        cameras = [PlacedCamera(box, CameraId(f"camera-{number}")) for box in boxes for number in range(40)]
        began_s = time.monotonic()
        parts = os.cpu_count() or 1  # recorders send beside each other as well
        shares = [[one for one in cameras if one.box in boxes[number::parts]] for number in range(parts)]
        with ProcessPoolExecutor(parts, get_context("spawn")) as pool:
            list(pool.map(partial(fill_postgres, address, days), shares))
        took_s = time.monotonic() - began_s
        with index.reading() as db:
            db.execute("VACUUM ANALYZE")
            [[size, events]] = db.execute(
                "SELECT pg_database_size(current_database()), count(*) FROM events"
            ).fetchall()
        print(
            f"PostgreSQL: {len(cameras)} cameras, {days} days, {events} events, {size / 1e6:.0f} MB "
            f"({size / 1e6 / len(cameras) * 365 / days:.1f} MB a camera and year), made in {took_s:.0f} s"
        )
        many = measured(rounds, lambda: index.lanes(random.sample(cameras, 64), some_day(days)))
        one = measured(rounds, lambda: index.lanes(random.sample(cameras, 1), some_day(days)))
        newest = measured(rounds, lambda: index.find(EventQuestion((random.choice(boxes),))))
        index.close()
    is_fast = report("a day of 64 cameras, p99, ms", many, LANES_MS, f"{LANES_MS:g} ms", 1)
    is_fast &= report("a day of one camera, p99, ms", one, LANE_MS, f"{LANE_MS:g} ms", 1)
    return report("newest events of a recorder, p99, ms", newest, NEWEST_MS, f"{NEWEST_MS:g} ms", 1) and is_fast


def fill_postgres(address: str, days: int, cameras: list[PlacedCamera]) -> None:
    """Tell the index the past of some recorders, in a process of its own."""
    from tawny.fleet.postgres_fleet_index import PostgresFleetIndex

    index = PostgresFleetIndex(address, SystemClock())
    fill(index, cameras, days)
    index.close()


def fill(index: FleetIndex, cameras: list[PlacedCamera], days: int) -> None:
    """Tell the index the past of all recorders, day by day."""
    of_box: dict[str, list[CameraId]] = {}
    for one in cameras:
        of_box.setdefault(one.box, []).append(one.camera)
    for day in range(FIRST_DAY, FIRST_DAY + days):
        file = f"{utc_text(day * DAY_MS)[:10]}.jsonl"
        for box, mine in of_box.items():
            data = b"".join(day_lines(mine, day))
            index.add(box, HistoryPiece(file, 0, len(data), data))
            index.put_recorded(box, "book", recorded_day(mine, day))


def joined(index: FleetIndex, count: int) -> list[str]:
    boxes = []
    for number in range(count):
        code, _ = index.invite()
        box = index.join(code, f"Recorder {number}", str(number).encode().ljust(32), "words")
        assert box is not None
        index.cursors(box.id, "book")
        boxes.append(box.id)
    return boxes


def day_lines(cameras: list[CameraId], day: int) -> Iterator[bytes]:
    """Yield a day's lines of a recorder, in the order of time."""
    count = EVENTS_A_DAY * len(cameras)
    for number in range(count):
        start_ms = day * DAY_MS + number * DAY_MS // count
        camera = random.choice(cameras)
        kind = random.choice(("person", "vehicle", "animal", "motion"))
        record = {
            "id": f"{start_ms}-{random.getrandbits(32):08x}", "camera": camera, "kind": kind, "start_ms": start_ms,
            "end_ms": start_ms + random.randrange(2000, 60_000), "score": 80.5, "box": [0.1, 0.2, 0.3, 0.4],
            "zones": ["gate"], "objects": [{"label": kind, "score": 0.87}], "kept": False, "reviewed": False,
            "false_alarm": "", "picture_ms": start_ms + 700, "level": "alert",
        }  # fmt: skip
        yield json.dumps({"at_ms": start_ms, "what": "event", "event": record}).encode() + b"\n"
    for camera in cameras:
        for number in range(GAPS_A_DAY):
            begin_ms = day * DAY_MS + number * DAY_MS // GAPS_A_DAY + random.randrange(3_600_000)
            gap = {"camera": camera, "begin_ms": begin_ms, "end_ms": begin_ms + 20_000, "reason": "wifi", "detail": ""}
            yield json.dumps({"at_ms": begin_ms, "what": "gap", "gap": gap}).encode() + b"\n"


def recorded_day(cameras: list[CameraId], day: int) -> BoxDay:
    zero_ms, part_ms = day * DAY_MS, DAY_MS // (GAPS_A_DAY + 1)
    spans = tuple(Span(zero_ms + n * part_ms, zero_ms + (n + 1) * part_ms - 20_000) for n in range(GAPS_A_DAY + 1))
    until_ms = zero_ms + DAY_MS
    first_ms = FIRST_DAY * DAY_MS
    told = {camera: CameraDay(spans, until_ms) for camera in cameras}
    return BoxDay(day, until_ms, told, dict.fromkeys(cameras, first_ms))


def some_day(days: int) -> Span:
    """A day in local time, which lies in two in UTC."""
    begin_ms = (FIRST_DAY + random.randrange(days - 1)) * DAY_MS + 3_600_000
    return Span(begin_ms, begin_ms + DAY_MS)


def measured(rounds: int, act: Callable[[], object]) -> float:
    """Return the 99th percentile, ms; print the median, and the CPU of this process, which other work changes less."""
    took, cpu_s = [], time.process_time()
    for _ in range(rounds):
        began_s = time.perf_counter()
        act()
        took.append((time.perf_counter() - began_s) * 1000)
    took.sort()
    cpu_ms = (time.process_time() - cpu_s) * 1000 / rounds
    print(f"  p50 {took[len(took) // 2]:.1f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms, CPU {cpu_ms:.1f} ms")
    return took[int(len(took) * 0.99)]


if __name__ == "__main__":
    random.seed(1)
    sys.exit(main())

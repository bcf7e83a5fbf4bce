"""What a hub answers from its index: a day of cameras, and the newest events of a recorder.

    python -m benchmarks.fleet_index [--only sqlite|postgresql] [--full] [--days N] [--pieces 4] [--rounds 200]

SQLite: 5 recorders of 16 cameras, a year, with 40 events a camera and day, 6 gaps, and recorded time; all of a day at
once. PostgreSQL, with a server of its own on a UNIX socket (`apt-get install postgresql`): 2,000 cameras on 50
recorders and a year of 40 events a day with --full (29 million), else the same cameras for 15 days (1.2 million).

Rows arrive in the order of time and in turn from all recorders, each day of one in --pieces parts, so that a row of a
camera and day is written as often; in a hub it is written for each event. Cameras, days and recorders are drawn at
random; p99 of all rounds. Warm: again and again, with 1 GB of shared buffers. Cold: the system's cache of the server's
files is emptied before each round, and shared buffers are too small to keep what the round before has read.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks.peers import report
from tawny.fleet.fleet_index import BoxDay, CameraDay, EventQuestion, FleetIndex, PlacedCamera
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import DAY_MS, NAMED, PICTURE, HistoryRows
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.events import event_id
from tawny.model.ids import CameraId
from tawny.model.times import Span, SystemClock, utc_text

FIRST_DAY = SystemClock().now_ms() // DAY_MS - 366
EVENTS_A_DAY, GAPS_A_DAY = 40, 6
SQLITE_DAY_MS, LANES_MS, LANE_MS, NEWEST_MS = 50.0, 200.0, 30.0, 100.0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--only", choices=("sqlite", "postgresql"))
    asked.add_argument("--full", action="store_true", help="PostgreSQL with a whole year")
    asked.add_argument("--days", type=int, help="instead of 365 for SQLite, 15 for PostgreSQL")
    asked.add_argument("--pieces", type=int, default=4, help="of a recorder's day, for PostgreSQL")
    asked.add_argument("--rounds", type=int, default=200)
    args = asked.parse_args()
    is_good = True
    if args.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            is_good &= with_sqlite(Path(folder), args.days or 365, args.rounds)
    if args.only != "sqlite":
        is_good &= with_postgres(365 if args.full else args.days or 15, args.pieces, args.rounds)
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


def with_postgres(days: int, pieces: int, rounds: int) -> bool:
    from tawny.fleet.postgres_fleet_index import PostgresFleetIndex
    from tests.support.postgres import postgres_server

    # Days go by in seconds: rows that were written again are removed as often a day as in a hub.
    with postgres_server("max_wal_size=4GB", "autovacuum_naptime=1", "autovacuum_vacuum_cost_delay=0") as server:
        server.stop()
        server.start("shared_buffers=1GB")
        address = server.new_database()
        index = PostgresFleetIndex(address, SystemClock())
        boxes = joined(index, 50)
        cameras = [PlacedCamera(box, CameraId(f"camera-{number}")) for box in boxes for number in range(40)]
        began_s = time.monotonic()
        parts = os.cpu_count() or 1  # recorders send beside each other as well
        shares = [[one for one in cameras if one.box in boxes[number::parts]] for number in range(parts)]
        with ProcessPoolExecutor(parts, get_context("spawn")) as pool:
            list(pool.map(partial(fill_postgres, address, days, pieces), shares))
        took_s = time.monotonic() - began_s
        with index.reading() as db:
            [[size, events]] = db.execute(
                "SELECT pg_database_size(current_database()), (SELECT sum(events) FROM boxes)"
            ).fetchall()
            db.execute("SELECT set_config('statement_timeout', '0', false)")
            db.execute("VACUUM ANALYZE")
        print(
            f"PostgreSQL: {len(cameras)} cameras, {days} days in {pieces} pieces, {events} events, {size / 1e6:.0f} MB "
            f"({size / 1e6 / len(cameras) * 365 / days:.2f} MB a camera and year), made in {took_s:.0f} s"
        )
        is_good = answers(index, cameras, days, rounds, lambda: None)
        index.close()
        server.stop()
        server.start("shared_buffers=16MB")
        print("cold:")
        is_good &= answers(index, cameras, days, rounds, server.forget_files)
        index.close()
    return is_good


def answers(index: FleetIndex, cameras: list[PlacedCamera], days: int, rounds: int, before: Callable[[], None]) -> bool:
    """Measure the questions of pages; return whether all are within their limits. before: called before each round."""
    boxes = sorted({one.box for one in cameras})
    many = measured(rounds, lambda: index.lanes(random.sample(cameras, 64), some_day(days)), before)
    is_fast = report("a day of 64 cameras, p99, ms", many, LANES_MS, f"{LANES_MS:g} ms", 1)
    one = measured(rounds, lambda: index.lanes(random.sample(cameras, 1), some_day(days)), before)
    is_fast &= report("a day of one camera, p99, ms", one, LANE_MS, f"{LANE_MS:g} ms", 1)
    newest = measured(rounds, lambda: index.find(EventQuestion((random.choice(boxes),))), before)
    is_fast &= report("newest events of a recorder, p99, ms", newest, NEWEST_MS, f"{NEWEST_MS:g} ms", 1)
    print("newest events of all recorders, and those of one type on a day:")
    measured(rounds, lambda: index.find(EventQuestion(tuple(boxes))), before)
    measured(rounds, lambda: index.find(EventQuestion(tuple(boxes), (), ("person",), some_day(days))), before)
    return is_fast


def fill_postgres(address: str, days: int, pieces: int, cameras: list[PlacedCamera]) -> None:
    """Store the past of some recorders, in a process of its own: as `add` does, but without parsing lines."""
    from tawny.fleet import postgres_history
    from tawny.fleet.postgres_fleet_index import PostgresFleetIndex

    index = PostgresFleetIndex(address, SystemClock())
    today = SystemClock().now_ms() // DAY_MS
    for day in range(FIRST_DAY, FIRST_DAY + days):
        for piece in range(pieces):
            for box, mine in by_box(cameras).items():
                rows = rows_of_part(mine, day * DAY_MS + piece * DAY_MS // pieces, DAY_MS // pieces)
                with index.writing() as db:
                    db.execute("SELECT 1 FROM boxes WHERE id = %s FOR UPDATE", (box,))
                    postgres_history.store(db, box, rows, today)
        for box, mine in by_box(cameras).items():
            index.put_recorded(box, "book", recorded_day(mine, day))
    index.close()


def fill(index: FleetIndex, cameras: list[PlacedCamera], days: int) -> None:
    """Tell the index the past of all recorders, day by day."""
    for day in range(FIRST_DAY, FIRST_DAY + days):
        file = f"{utc_text(day * DAY_MS)[:10]}.jsonl"
        for box, mine in by_box(cameras).items():
            data = lines_of(rows_of_part(mine, day * DAY_MS, DAY_MS))
            index.add(box, HistoryPiece(file, 0, len(data), data))
            index.put_recorded(box, "book", recorded_day(mine, day))


def by_box(cameras: list[PlacedCamera]) -> dict[str, list[CameraId]]:
    found: dict[str, list[CameraId]] = {}
    for one in cameras:
        found.setdefault(one.box, []).append(one.camera)
    return found


def joined(index: FleetIndex, count: int) -> list[str]:
    boxes = []
    for number in range(count):
        code, _ = index.invite()
        box = index.join(code, f"Recorder {number}", str(number).encode().ljust(32), "words")
        assert box is not None
        index.cursors(box.id, "book")
        boxes.append(box.id)
    return boxes


def rows_of_part(cameras: list[CameraId], begin_ms: int, length_ms: int) -> HistoryRows:
    """Return what a recorder says of a part of a day, in the order of time."""
    rows, count = HistoryRows(), EVENTS_A_DAY * len(cameras) * length_ms // DAY_MS
    for number in range(count):
        start_ms, camera = begin_ms + number * length_ms // count, random.choice(cameras)
        event, kind = event_id(start_ms, random.randbytes(4)), random.choice(("person", "vehicle", "animal", "motion"))
        end_ms, picture_ms = start_ms + random.randrange(2000, 60_000), start_ms + random.randrange(3000)
        left, right, top, bottom = (random.randrange(10_000) / 10_000 for _ in range(4))
        record = (
            f'{{"id":"{event}","camera":"{camera}","kind":"{kind}","start_ms":{start_ms},"end_ms":{end_ms},'
            f'"score":{random.randrange(5000, 10_000) / 100},"box":[{left},{top},{right},{bottom}],"zones":["gate"],'
            f'"objects":[{{"label":"{kind}","score":{random.randrange(10_000) / 10_000}}}],"kept":false,'
            f'"reviewed":false,"false_alarm":"","picture_ms":{picture_ms},"level":"alert"}}'
        )
        marks = PICTURE | NAMED
        rows.events.append((event, camera, start_ms, end_ms, kind, kind, 3, marks, record, start_ms, number))
    zero_ms, part_ms = begin_ms - begin_ms % DAY_MS, DAY_MS // GAPS_A_DAY
    for number in range(GAPS_A_DAY):
        if begin_ms <= zero_ms + number * part_ms < begin_ms + length_ms:
            for camera in cameras:
                at_ms = zero_ms + number * part_ms + random.randrange(3_600_000)
                rows.gaps.append((camera, at_ms, at_ms + 20_000, "wifi", "", at_ms, number))
    return rows


def lines_of(rows: HistoryRows) -> bytes:
    """Return rows as lines of a recorder's history."""
    lines = [f'{{"at_ms":{row[2]},"what":"event","event":{row[8]}}}\n' for row in rows.events]
    for camera, begin_ms, end_ms, reason, detail, *_ in rows.gaps:
        gap = {"camera": camera, "begin_ms": begin_ms, "end_ms": end_ms, "reason": reason, "detail": detail}
        lines.append(json.dumps({"at_ms": begin_ms, "what": "gap", "gap": gap}) + "\n")
    return "".join(lines).encode()


def recorded_day(cameras: list[CameraId], day: int) -> BoxDay:
    zero_ms, part_ms = day * DAY_MS, DAY_MS // (GAPS_A_DAY + 1)
    spans = tuple(Span(zero_ms + n * part_ms, zero_ms + (n + 1) * part_ms - 20_000) for n in range(GAPS_A_DAY + 1))
    until_ms = zero_ms + DAY_MS
    first_ms = FIRST_DAY * DAY_MS
    data = {camera: CameraDay(spans, until_ms) for camera in cameras}
    return BoxDay(day, until_ms, data, dict.fromkeys(cameras, first_ms))


def some_day(days: int) -> Span:
    """A day in local time, which lies in two in UTC."""
    begin_ms = (FIRST_DAY + random.randrange(days - 1)) * DAY_MS + 3_600_000
    return Span(begin_ms, begin_ms + DAY_MS)


def measured(rounds: int, act: Callable[[], object], before: Callable[[], None] = lambda: None) -> float:
    """Return the 99th percentile, ms; print the median, and the CPU of this process, which other work changes less."""
    took, cpu_s = [], 0.0
    for _ in range(rounds):
        before()
        began_s, cpu_began_s = time.perf_counter(), time.process_time()
        act()
        took.append((time.perf_counter() - began_s) * 1000)
        cpu_s += time.process_time() - cpu_began_s
    took.sort()
    cpu_ms = cpu_s * 1000 / rounds
    print(f"  p50 {took[len(took) // 2]:.1f} ms, p99 {took[int(len(took) * 0.99)]:.1f} ms, CPU {cpu_ms:.1f} ms")
    return took[int(len(took) * 0.99)]


if __name__ == "__main__":
    random.seed(1)
    sys.exit(main())

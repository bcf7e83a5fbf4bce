"""Lists what a recorder's folder holds, read by the code under test, in words of this module's own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tawny.model.events import Event
from tawny.model.segments import Segment
from tawny.model.times import Span, SystemClock, utc_text
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read
from tawny.storage.segments.detection_files import UNKNOWN, MotionGrids, MotionScoreFile

EVER: Final = Span(0, 1 << 42)
DATABASES: Final = ("tawny.db", "accounts.db", "outbox.db", "modes.db")
INTERNAL: Final = "sqlite_"


def list_contents(folder: Path) -> dict[str, Any]:
    """Return segments, events with pictures, gaps, scores and motion grids of a recorder's folder."""
    volume, clock = Volume.at(folder), SystemClock()
    found: dict[str, list[Any]] = {"segments": [], "events": [], "gaps": [], "scores": [], "grids": []}
    with index_to_read(folder) as index:
        for camera in volume.cameras():
            segments = index.segments(camera, None, EVER)
            found["segments"] += [_segment(folder, one) for one in segments]
            found["gaps"] += [
                [camera, one.begin_ms, one.end_ms, one.reason.value, one.detail] for one in index.gaps(camera, EVER)
            ]
            span = Span(segments[0].start_ms, segments[-1].end_ms)
            scores = MotionScoreFile(volume, clock).read(camera, span)
            found["scores"].append([camera, span.begin_ms, [None if one == UNKNOWN else one for one in scores]])
            grids = MotionGrids(volume, clock).read(camera, span)
            found["grids"] += [[camera, at_ms, f"{grid:x}"] for at_ms, grid in grids]
        found["events"] = [_event(volume, one) for one in index.events(EVER).events]
    return found


def _segment(folder: Path, one: Segment) -> dict[str, Any]:
    return {
        "camera": one.camera,
        "stream": one.stream.value,
        "id": one.id,
        "start": utc_text(one.start_ms),
        "end": utc_text(one.end_ms),
        "path": one.path,
        "bytes": one.size_bytes,
        "sha256": sha256((folder / one.path).read_bytes()).hexdigest(),
        "video": one.video,
        "audio": one.audio,
        "size": [one.width, one.height],
    }


def _event(volume: Volume, one: Event) -> dict[str, Any]:
    return {
        "id": one.id,
        "camera": one.camera,
        "type": one.kind,
        "span": [one.start_ms, one.end_ms],
        "score": one.score,
        "box": one.box,
        "kept": one.kept,
        "reviewed": one.reviewed,
        "picture": _hash(volume.read_picture(one)),
        "loop": _hash(volume.read_loop(one)),
        "sealed picture": volume.sealed_picture(one) is not None,
    }


def _hash(data: bytes | None) -> str | None:
    return None if data is None else sha256(data).hexdigest()


def list_databases(folder: Path) -> dict[str, Any]:
    """Return each table of the folder's databases with its columns and the number of its rows, by plain SQL."""
    return {name: dict(_tables(folder / name)) for name in DATABASES if (folder / name).exists()}


def _tables(path: Path) -> Iterator[tuple[str, Any]]:
    with closing(sqlite3.connect(path)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            if not table.startswith(INTERNAL):
                columns = [[row[1], row[2]] for row in db.execute(f'PRAGMA table_info("{table}")')]
                yield table, {"columns": columns, "rows": db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]}

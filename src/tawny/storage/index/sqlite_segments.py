"""SQLite table of segments that have their own row. Functions need a connection in a transaction, or only read."""

import sqlite3
from typing import Any, Final

from tawny.model.ids import RunId
from tawny.model.segments import Segment
from tawny.storage.disk.layout import LONGEST_MS, SegmentName
from tawny.storage.index.sqlite_names import FormatKey, NameTable, StreamKey, format_of

_SELECT: Final = "SELECT start_ms, end_ms, size_bytes, run, format_id, path FROM segments"


def segment_as(
    stream: StreamKey, start_ms: int, end_ms: int, size_bytes: int, run: RunId, path: str, said: FormatKey
) -> Segment:
    return Segment(
        camera=stream.camera,
        stream=stream.name,
        run=run,
        start_ms=start_ms,
        end_ms=end_ms,
        size_bytes=size_bytes,
        path=path,
        video=said.video,
        width=said.width,
        height=said.height,
        audio=said.audio,
    )


def rows(db: sqlite3.Connection, names: NameTable, stream: StreamKey, which: str, *values: Any) -> list[Segment]:
    """Return segments of the stream that match an SQL condition. which: the condition and its order."""
    found = db.execute(f"{_SELECT} WHERE stream_id = ? AND {which}", (stream.id, *values))
    return [
        segment_as(
            stream,
            start_ms,
            end_ms,
            size_bytes,
            RunId(run),
            path or SegmentName(stream.camera, stream.name, start_ms, end_ms).path,
            names.format(db, format_id),
        )
        for start_ms, end_ms, size_bytes, run, format_id, path in found
    ]


def overlapping(
    db: sqlite3.Connection, names: NameTable, stream: StreamKey, begin_ms: int, end_ms: int
) -> list[Segment]:
    """Return listed segments that overlap the range."""
    which = "start_ms > ? AND start_ms < ? AND end_ms > ? AND NOT removing"
    return rows(db, names, stream, which, begin_ms - LONGEST_MS - 1, end_ms, begin_ms)


def is_removing(db: sqlite3.Connection, stream: StreamKey, start_ms: int) -> bool | None:
    """Return whether the segment is being removed. None if it has no row."""
    asked = (stream.id, start_ms)
    found = db.execute("SELECT removing FROM segments WHERE stream_id = ? AND start_ms = ?", asked).fetchone()
    return None if found is None else bool(found[0])


def insert(db: sqlite3.Connection, names: NameTable, stream: StreamKey, segment: Segment, *, removing: bool) -> None:
    usual = SegmentName(segment.camera, segment.stream, segment.start_ms, segment.end_ms).path
    db.execute(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stream.id,
            segment.start_ms,
            segment.end_ms,
            segment.size_bytes,
            segment.run,
            names.format_id(db, format_of(segment)),
            None if segment.path == usual else segment.path,
            removing,
        ),
    )


def count(db: sqlite3.Connection, stream: StreamKey, files: int, size_bytes: int) -> None:
    """Add to the stream's totals of listed files and bytes."""
    asked = (files, size_bytes, stream.id)
    db.execute("UPDATE streams SET files = files + ?, size_bytes = size_bytes + ? WHERE id = ?", asked)

"""Segments and stretches as rows. Every function runs on a connection that is in a transaction, or only reads.

Always true: the stretches of a run are exactly the time that its listed segments cover, in as few pieces as can be; and
a stream's total is the number and the sum of the sizes of its listed segments.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from tawny.model.ids import CameraId, RunId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span, merged, missing
from tawny.storage.layout import SegmentName

Row = tuple[Any, ...]

SELECT: Final = """
SELECT camera, stream, run, start_ms, end_ms, size_bytes, path, video, width, height, audio
FROM segments JOIN runs ON runs.id = run_id
"""


def segment_of(row: Row) -> Segment:
    camera, stream, run, start_ms, end_ms, size_bytes, path, video, width, height, audio = row
    stream = StreamName(stream)
    return Segment(
        camera=CameraId(camera),
        stream=stream,
        run=RunId(run),
        start_ms=start_ms,
        end_ms=end_ms,
        size_bytes=size_bytes,
        path=path or SegmentName(CameraId(camera), stream, start_ms, end_ms).path,
        video=video,
        width=width,
        height=height,
        audio=audio,
    )


def key(segment_id: SegmentId) -> bytes:
    """An id as it is stored; one that is none of ours finds nothing."""
    try:
        return bytes.fromhex(segment_id)
    except ValueError:
        return b""


def add(db: sqlite3.Connection, segment: Segment) -> None:
    if db.execute("SELECT 1 FROM segments WHERE id = ?", (key(segment.id),)).fetchone():
        return
    run_id = _run_id(db, segment)
    usual = SegmentName(segment.camera, segment.stream, segment.start_ms, segment.end_ms).path
    db.execute(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            key(segment.id),
            run_id,
            segment.start_ms,
            segment.end_ms,
            segment.size_bytes,
            None if segment.path == usual else segment.path,
            segment.video,
            segment.width,
            segment.height,
            segment.audio,
        ),
    )
    _count(db, segment, 1)
    _cover(db, run_id, segment.camera, segment.stream, segment.span)


def mark_removing(db: sqlite3.Connection, ids: Iterable[SegmentId]) -> None:
    for segment_id in ids:
        listed = db.execute(f"{SELECT} WHERE segments.id = ? AND NOT removing", (key(segment_id),)).fetchone()
        if listed is None:
            continue
        segment = segment_of(listed)
        db.execute("UPDATE segments SET removing = 1 WHERE id = ?", (key(segment_id),))
        _count(db, segment, -1)
        _uncover(db, _run_id(db, segment), segment)


def drop(db: sqlite3.Connection, ids: Iterable[SegmentId]) -> None:
    ids = list(ids)
    mark_removing(db, ids)
    for segment_id in ids:
        gone = db.execute("DELETE FROM segments WHERE id = ? RETURNING run_id", (key(segment_id),)).fetchone()
        if gone:
            db.execute("DELETE FROM runs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM segments WHERE run_id = ?1)", gone)


def _run_id(db: sqlite3.Connection, segment: Segment) -> int:
    named = (segment.camera, segment.stream.value, segment.run)
    found = db.execute("SELECT id FROM runs WHERE camera = ? AND stream = ? AND run = ?", named).fetchone()
    if found is None:
        found = db.execute("INSERT INTO runs (camera, stream, run) VALUES (?, ?, ?) RETURNING id", named).fetchone()
    return int(found[0])


def _count(db: sqlite3.Connection, segment: Segment, more: int) -> None:
    """more: 1 or -1 segments like this one."""
    db.execute(
        """INSERT INTO totals VALUES (?1, ?2, ?3, ?4) ON CONFLICT (camera, stream)
           DO UPDATE SET files = files + ?3, size_bytes = size_bytes + ?4""",
        (segment.camera, segment.stream.value, more, more * segment.size_bytes),
    )


def _cover(db: sqlite3.Connection, run_id: int, camera: CameraId, stream: StreamName, span: Span) -> None:
    """Add a span to a run's stretches: one with all that it touches."""
    whole = merged([span, *_take_stretches(db, run_id, span)])
    db.executemany(
        "INSERT INTO stretches VALUES (?, ?, ?, ?, ?)",
        [(run_id, camera, stream.value, one.begin_ms, one.end_ms) for one in whole],
    )


def _uncover(db: sqlite3.Connection, run_id: int, segment: Segment) -> None:
    """Take a segment's span out, but for what other segments of the run cover as well."""
    span = segment.span
    others = [
        Span(*row)
        for row in db.execute(
            "SELECT start_ms, end_ms FROM segments WHERE run_id = ? AND start_ms < ? AND end_ms > ? AND NOT removing",
            (run_id, span.end_ms, span.begin_ms),
        )
    ]
    gone = missing(others, span)
    left = [piece for stretch in _take_stretches(db, run_id, span) for piece in missing(gone, stretch)]
    db.executemany(
        "INSERT INTO stretches VALUES (?, ?, ?, ?, ?)",
        [(run_id, segment.camera, segment.stream.value, one.begin_ms, one.end_ms) for one in merged(left)],
    )


def _take_stretches(db: sqlite3.Connection, run_id: int, span: Span) -> list[Span]:
    """The run's stretches that overlap or touch a span; they are no longer there."""
    rows = db.execute(
        "DELETE FROM stretches WHERE run_id = ? AND start_ms <= ? AND end_ms >= ? RETURNING start_ms, end_ms",
        (run_id, span.end_ms, span.begin_ms),
    ).fetchall()
    return [Span(*row) for row in rows]

"""SQLite table of stretches: recorded time. Functions need a connection in a transaction, or only read.

Invariant: the stretches of a run and format cover exactly the time of its listed segments. They are merged as far as
possible and cut at midnight UTC. A thinned segment, whose audio was removed, joins a format with audio if it can.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from tawny.model.ids import RunId
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import DAY_MS
from tawny.storage.index.sqlite_names import FormatKey, NameTable

_SELECT: Final = "SELECT start_ms, end_ms, run, format_id FROM stretches WHERE stream_id = ?"


class RecordedStretch(NamedTuple):
    span: Span
    run: RunId
    format_id: int


def between(db: sqlite3.Connection, stream_id: int, within: Span) -> list[RecordedStretch]:
    """Return stretches that overlap or touch `within`, in order."""
    found = db.execute(
        f"{_SELECT} AND start_ms BETWEEN ? AND ? AND end_ms >= ? ORDER BY start_ms",
        (stream_id, _midnight_ms(within.begin_ms - 1), within.end_ms, within.begin_ms),
    )
    return [
        RecordedStretch(Span(start_ms, end_ms), RunId(run), format_id) for start_ms, end_ms, run, format_id in found
    ]


def spans(db: sqlite3.Connection, stream_ids: Iterable[int], within: Span) -> list[Span]:
    """Return the recorded time of these streams, cut to `within`."""
    begin_ms, end_ms = within.begin_ms, within.end_ms
    found: list[Span] = []
    for stream_id in stream_ids:
        rows = db.execute(
            "SELECT max(start_ms, ?2), min(end_ms, ?3) FROM stretches "
            "WHERE stream_id = ?1 AND start_ms >= ?4 AND start_ms < ?3 AND end_ms > ?2",
            (stream_id, begin_ms, end_ms, _midnight_ms(begin_ms)),
        )
        found += [Span(*row) for row in rows]
    return merge_spans(found)


def bounds(db: sqlite3.Connection, stream_ids: Iterable[int]) -> Span | None:
    """Return the span from the first to the last recorded instant of these streams."""
    begins, ends = [], []
    for stream_id in stream_ids:
        first, last = db.execute(
            "SELECT (SELECT min(start_ms) FROM stretches WHERE stream_id = ?1), "
            "(SELECT max(start_ms) FROM stretches WHERE stream_id = ?1)",
            (stream_id,),
        ).fetchone()
        if first is not None:
            begins.append(first)
            ends += [one.span.end_ms for one in between(db, stream_id, Span(_midnight_ms(last), last))]
    return Span(min(begins), max(ends)) if begins else None


def cover(
    db: sqlite3.Connection,
    names: NameTable,
    stream_id: int,
    span: Span,
    run: RunId,
    said: FormatKey,
    *,
    is_thinned: bool,
) -> None:
    """Add a segment's span, merged with the stretches it touches."""
    if span.begin_ms == span.end_ms:
        return
    touched = [one for one in between(db, stream_id, span) if one.run == run]
    format_id = names.format_id(db, said)
    if is_thinned:
        fitting = {one.format_id for one in touched if names.format(db, one.format_id).looks_as(said)}
        format_id = max(fitting, key=lambda one: names.format(db, one).audio, default=format_id)
    same = [one.span for one in touched if one.format_id == format_id]
    _replace(db, stream_id, run, format_id, same, merge_spans([span, *same]))


def uncover(
    db: sqlite3.Connection,
    names: NameTable,
    stream_id: int,
    span: Span,
    run: RunId,
    said: FormatKey,
    others: Iterable[Span],
) -> None:
    """Remove a span. others: spans of the run's segments that cover part of it too."""
    gone = missing_spans(list(others), span)
    for one in between(db, stream_id, span):
        if one.run == run and names.format(db, one.format_id).looks_as(said):
            left = [piece for piece in missing_spans(gone, one.span) if piece.begin_ms < piece.end_ms]
            _replace(db, stream_id, run, one.format_id, [one.span], left)


def _replace(
    db: sqlite3.Connection, stream_id: int, run: RunId, format_id: int, before: list[Span], after: list[Span]
) -> None:
    pieces = {piece for span in after for piece in _by_day(span)}
    for span in set(before) - pieces:
        db.execute(
            "DELETE FROM stretches WHERE stream_id = ? AND start_ms = ? AND run = ? AND format_id = ?",
            (stream_id, span.begin_ms, run, format_id),
        )
    db.executemany(
        "INSERT INTO stretches VALUES (?, ?, ?, ?, ?)",
        [(stream_id, span.begin_ms, run, format_id, span.end_ms) for span in pieces - set(before)],
    )


def _by_day(span: Span) -> list[Span]:
    pieces: list[Span] = []
    while _midnight_ms(span.begin_ms) + DAY_MS < span.end_ms:
        midnight_ms = _midnight_ms(span.begin_ms) + DAY_MS
        pieces.append(Span(span.begin_ms, midnight_ms))
        span = Span(midnight_ms, span.end_ms)
    return [*pieces, span]


def _midnight_ms(at_ms: int) -> int:
    return at_ms // DAY_MS * DAY_MS

"""Tables of gaps and damage of the SQLite index."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapEvidence, GapReason
from tawny.model.times import Span
from tawny.storage.disk.layout import LONGEST_MS
from tawny.storage.index.sqlite_file import NameTable, Row, SqliteFile, StreamKey

_GAPS: Final = "SELECT camera_id, begin_ms, end_ms, reason_id, detail, evidence FROM gaps"
_DAY_MS: Final = 86_400_000
_LONG_GAP: Final = f"(end_ms IS NULL OR end_ms - begin_ms > {_DAY_MS})"


class GapTable:
    """Gaps and damage of an index."""

    def __init__(self, file: SqliteFile, names: NameTable) -> None:
        self._file, self._names = file, names

    def put_gap(self, gap: Gap) -> None:
        with self._file.changing() as db:
            db.execute(
                "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
                (
                    self._names.word_id(db, gap.camera),
                    gap.begin_ms,
                    gap.end_ms,
                    self._names.word_id(db, gap.reason.value),
                    gap.detail,
                    json.dumps(astuple(gap.evidence), separators=(",", ":")) if gap.evidence else "",
                ),
            )

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        since_ms, begin_ms, end_ms = within.begin_ms - _DAY_MS, within.begin_ms, within.end_ms
        long = f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG_GAP} AND camera_id = ? AND begin_ms < ? AND begin_ms < ?"
        long += " AND (end_ms IS NULL OR end_ms > ?) ORDER BY begin_ms"
        short = f"{_GAPS} WHERE camera_id = ? AND begin_ms >= ? AND begin_ms < ?"
        short += " AND (end_ms IS NULL OR end_ms > ? OR begin_ms >= ?) ORDER BY begin_ms"
        with self._file.reading() as db:
            camera_id = self._names.known_word_id(db, camera)
            found = self._read_gaps(db, long, camera_id, since_ms, end_ms, begin_ms)
            return found + self._read_gaps(db, short, camera_id, since_ms, end_ms, begin_ms, begin_ms)

    def open_gaps(self) -> list[Gap]:
        with self._file.reading() as db:
            found = self._read_gaps(db, f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG_GAP} AND end_ms IS NULL")
        return sorted(found, key=lambda gap: (gap.begin_ms, gap.camera))

    def _read_gaps(self, db: sqlite3.Connection, question: str, *values: Any) -> list[Gap]:
        rows = db.execute(question, values).fetchall()
        try:
            return [_gap(self._names.words(db), row) for row in rows]
        except KeyError:
            return [_gap(self._names.words(db, reload=True), row) for row in rows]

    # --- damage

    def add_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            stream = self._names.stream_or_new(db, damage.camera, damage.stream)
            took_ms = damage.end_ms - damage.begin_ms
            row = (stream.id, damage.begin_ms, took_ms, damage.units, damage.packets)
            db.execute("INSERT OR REPLACE INTO damage VALUES (?, ?, ?, ?, ?)", row)

    def drop_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            stream = self._names.stream(db, damage.camera, damage.stream)
            if stream is not None:
                db.execute("DELETE FROM damage WHERE stream_id = ? AND begin_ms = ?", (stream.id, damage.begin_ms))

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        """Return damage that overlaps `within`. A damaged span never exceeds the length of a segment."""
        with self._file.reading() as db:
            streams = self._names.streams(db, camera, None)
            found = [one for stream in streams for one in _damage_of(db, stream, within)]
        return sorted(found, key=lambda one: (one.begin_ms, one.camera, one.stream))


def _damage_of(db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[DamagedSpan]:
    rows = db.execute(
        "SELECT begin_ms, took_ms, units, packets FROM damage "
        "WHERE stream_id = ? AND begin_ms > ? AND begin_ms < ? AND begin_ms + took_ms > ?",
        (stream.id, within.begin_ms - LONGEST_MS, within.end_ms, within.begin_ms),
    )
    return [
        DamagedSpan(stream.camera, stream.name, begin_ms, begin_ms + took_ms, units, packets)
        for begin_ms, took_ms, units, packets in rows.fetchall()
    ]


def _gap(words: Mapping[int, str], row: Row) -> Gap:
    """Decode a row of `_GAPS`. Raises KeyError if `words` lacks a word id."""
    camera_id, begin_ms, end_ms, reason_id, detail, evidence = row
    seen = GapEvidence(*json.loads(evidence)) if evidence else None
    return Gap(CameraId(words[camera_id]), begin_ms, end_ms, GapReason(words[reason_id]), detail, seen)

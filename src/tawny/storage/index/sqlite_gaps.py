"""SQLite tables of gaps and damage. Functions need a connection in a transaction, or only read.

Queries for a span do not scan all older gaps: those longer than a day have their own index.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.gaps import Gap, GapEvidence, GapReason
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.layout import LONGEST_MS
from tawny.storage.index.sqlite_names import NameTable, StreamKey

_GAPS: Final = "SELECT camera_id, begin_ms, end_ms, reason_id, detail, evidence FROM gaps"
_DAY_MS: Final = 86_400_000
_LONG: Final = f"(end_ms IS NULL OR end_ms - begin_ms > {_DAY_MS})"


class GapTable:
    def __init__(self, names: NameTable) -> None:
        self._names = names

    def put(self, db: sqlite3.Connection, gap: Gap) -> None:
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

    def overlapping(self, db: sqlite3.Connection, camera: CameraId, within: Span) -> list[Gap]:
        camera_id = self._names.known_word_id(db, camera)
        since_ms, begin_ms, end_ms = within.begin_ms - _DAY_MS, within.begin_ms, within.end_ms
        long = f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG} AND camera_id = ? AND begin_ms < ? AND begin_ms < ?"
        long += " AND (end_ms IS NULL OR end_ms > ?) ORDER BY begin_ms"
        short = f"{_GAPS} WHERE camera_id = ? AND begin_ms >= ? AND begin_ms < ?"
        short += " AND (end_ms IS NULL OR end_ms > ? OR begin_ms >= ?) ORDER BY begin_ms"
        found = self._gaps(db, long, camera_id, since_ms, end_ms, begin_ms)
        return found + self._gaps(db, short, camera_id, since_ms, end_ms, begin_ms, begin_ms)

    def open(self, db: sqlite3.Connection) -> list[Gap]:
        found = self._gaps(db, f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG} AND end_ms IS NULL")
        return sorted(found, key=lambda gap: (gap.begin_ms, gap.camera))

    def _gaps(self, db: sqlite3.Connection, question: str, *values: Any) -> list[Gap]:
        rows = db.execute(question, values).fetchall()
        try:
            return [_gap(self._names.words(db), *row) for row in rows]
        except KeyError:
            return [_gap(self._names.words(db, reload=True), *row) for row in rows]

    # --- damage

    def add_damage(self, db: sqlite3.Connection, damage: DamagedSpan) -> None:
        stream = self._names.stream_or_new(db, damage.camera, damage.stream)
        took_ms = damage.end_ms - damage.begin_ms
        row = (stream.id, damage.begin_ms, took_ms, damage.units, damage.packets)
        db.execute("INSERT OR REPLACE INTO damage VALUES (?, ?, ?, ?, ?)", row)

    def drop_damage(self, db: sqlite3.Connection, damage: DamagedSpan) -> None:
        stream = self._names.stream(db, damage.camera, damage.stream)
        if stream is not None:
            db.execute("DELETE FROM damage WHERE stream_id = ? AND begin_ms = ?", (stream.id, damage.begin_ms))

    def damage(self, db: sqlite3.Connection, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        """Return damage that overlaps `within`. A damaged span never exceeds the length of a segment."""
        found = [one for stream in self._names.streams(db, camera, None) for one in self._damage_of(db, stream, within)]
        return sorted(found, key=lambda one: (one.begin_ms, one.camera, one.stream))

    def _damage_of(self, db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[DamagedSpan]:
        rows = db.execute(
            "SELECT begin_ms, took_ms, units, packets FROM damage "
            "WHERE stream_id = ? AND begin_ms > ? AND begin_ms < ? AND begin_ms + took_ms > ?",
            (stream.id, within.begin_ms - LONGEST_MS, within.end_ms, within.begin_ms),
        )
        return [
            DamagedSpan(stream.camera, stream.name, begin_ms, begin_ms + took_ms, units, packets)
            for begin_ms, took_ms, units, packets in rows.fetchall()
        ]


def _gap(
    words: Mapping[int, str],
    camera_id: int,
    begin_ms: int,
    end_ms: int | None,
    reason_id: int,
    detail: str,
    evidence: str,
) -> Gap:
    """Decode a row. Raises KeyError if `words` lacks a word id."""
    seen = GapEvidence(*json.loads(evidence)) if evidence else None
    return Gap(CameraId(words[camera_id]), begin_ms, end_ms, GapReason(words[reason_id]), detail, seen)

"""Rows of the outbox: its tables, and deliveries as they are stored there."""

import json
from typing import Any

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: who carries an old row ends no new one
  target      TEXT NOT NULL,
  name        TEXT NOT NULL,
  what        TEXT NOT NULL,
  rank        INTEGER NOT NULL,
  content     TEXT NOT NULL,
  made_ms     INTEGER NOT NULL,
  at_ms       INTEGER NOT NULL,
  camera      TEXT,
  event       TEXT,
  need_begin_ms INTEGER,
  need_end_ms INTEGER,
  size_bytes  INTEGER NOT NULL,
  state       TEXT NOT NULL,
  tries       INTEGER NOT NULL,
  next_ms     INTEGER NOT NULL,
  why         TEXT NOT NULL,
  progress    TEXT NOT NULL,
  receipt     TEXT NOT NULL,
  done_ms     INTEGER,
  UNIQUE (target, name)) STRICT;
CREATE TABLE IF NOT EXISTS targets (
  name TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS marks (
  name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (target, rank, at_ms, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS deliveries_ended ON deliveries (done_ms) WHERE state <> 'waiting';
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (target, at_ms);
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event) WHERE event IS NOT NULL;
"""
ROWS = """
SELECT id, target, name, what, rank, content, made_ms, at_ms, camera, event, need_begin_ms, need_end_ms, size_bytes,
state, tries, next_ms, why, progress, receipt, done_ms FROM deliveries
"""
INSERT = """
INSERT INTO deliveries (target, name, what, rank, content, made_ms, at_ms, camera, event, need_begin_ms, need_end_ms,
size_bytes, state, tries, next_ms, why, progress, receipt, done_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def to_row(one: Delivery) -> tuple[object, ...]:
    begin, end = (one.needs.begin_ms, one.needs.end_ms) if one.needs else (None, None)
    return (
        one.to, one.name, one.what.value, one.rank, json.dumps(dict(one.content), sort_keys=True), one.made_ms,
        one.at_ms, one.camera, one.event, begin, end, one.size_bytes, one.state.value, one.tries, one.next_ms, one.why,
        one.progress, one.receipt, one.done_ms,
    )  # fmt: skip


def to_delivery(row: tuple[Any, ...]) -> Delivery:
    (key, to, name, what, _, content, made_ms, at_ms, camera, event, begin, end, size_bytes, state, tries, next_ms, why,
     progress, receipt, done_ms) = row  # fmt: skip
    return Delivery(
        to=to,
        name=name,
        what=DeliveryKind(what),
        content=json.loads(content),
        made_ms=made_ms,
        at_ms=at_ms,
        camera=None if camera is None else CameraId(camera),
        event=None if event is None else EventId(event),
        needs=None if begin is None else Span(begin, end),
        size_bytes=size_bytes,
        state=DeliveryState(state),
        tries=tries,
        next_ms=next_ms,
        why=why,
        progress=progress,
        receipt=receipt,
        done_ms=done_ms,
        id=key,
    )

"""Ids of repeated values in the index: streams, formats and words. Ids are never deleted."""

import sqlite3
from collections.abc import Mapping
from typing import Final, NamedTuple

from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment, stream_mark

_STREAMS: Final = "SELECT id, camera, stream FROM streams"
_FORMATS: Final = "SELECT id, video, width, height, audio FROM formats"


class StreamKey(NamedTuple):
    id: int
    camera: CameraId
    name: StreamName


class FormatKey(NamedTuple):
    video: str
    width: int
    height: int
    audio: str

    def looks_as(self, other: "FormatKey") -> bool:
        """Return whether video codec and size are equal; audio may differ."""
        return self[:3] == other[:3]


def format_of(segment: Segment) -> FormatKey:
    return FormatKey(segment.video, segment.width, segment.height, segment.audio)


class NameTable:
    def __init__(self) -> None:
        self._streams: dict[tuple[CameraId, StreamName], StreamKey] = {}
        self._formats: dict[int, FormatKey] = {}
        self._format_ids: dict[FormatKey, int] = {}
        self._words: Mapping[int, str] = {}
        self._word_ids: dict[str, int] = {}

    def forget(self) -> None:
        """Clear the cache after a rollback."""
        self._streams, self._formats, self._format_ids = {}, {}, {}
        self._words, self._word_ids = {}, {}

    def stream(self, db: sqlite3.Connection, camera: CameraId, name: StreamName) -> StreamKey | None:
        if (camera, name) not in self._streams:
            self._load_streams(db)
        return self._streams.get((camera, name))

    def stream_or_new(self, db: sqlite3.Connection, camera: CameraId, name: StreamName) -> StreamKey:
        found = self.stream(db, camera, name)
        if found is None:
            made = db.execute(
                "INSERT INTO streams (camera, stream, mark, files, size_bytes) VALUES (?, ?, ?, 0, 0) RETURNING id",
                (camera, name.value, stream_mark(camera, name)),
            ).fetchone()
            found = self._streams[camera, name] = StreamKey(made[0], camera, name)
        return found

    def streams(self, db: sqlite3.Connection, camera: CameraId | None, name: StreamName | None) -> list[StreamKey]:
        """Return streams. camera: None for all. name: None for both."""
        if camera is None:
            self._load_streams(db)
            known = list(self._streams.values())
        else:
            both = [self.stream(db, camera, one) for one in StreamName]
            known = [one for one in both if one is not None]
        return [one for one in known if camera in (None, one.camera) and name in (None, one.name)]

    def marked(self, db: sqlite3.Connection, mark: bytes) -> StreamKey | None:
        """Return the stream whose segment ids start with `mark`."""
        found = db.execute(f"{_STREAMS} WHERE mark = ?", (mark,)).fetchone()
        return _stream(*found) if found else None

    def format(self, db: sqlite3.Connection, format_id: int) -> FormatKey:
        if format_id not in self._formats:
            self._formats.update({number: FormatKey(*row) for number, *row in db.execute(_FORMATS)})
        return self._formats[format_id]

    def format_id(self, db: sqlite3.Connection, key: FormatKey) -> int:
        """Return the id of a format, inserting it if necessary."""
        known = self._format_ids.get(key)
        if known is None:
            found = db.execute(f"{_FORMATS} WHERE (video, width, height, audio) = (?, ?, ?, ?)", key).fetchone()
            if found is None:
                make = "INSERT INTO formats (video, width, height, audio) VALUES (?, ?, ?, ?) RETURNING id"
                found = db.execute(make, key).fetchone()
            known = self._format_ids[key] = int(found[0])
        return known

    def words(self, db: sqlite3.Connection, *, reload: bool = False) -> Mapping[int, str]:
        """Return words by id; 0 is the empty word. reload: the cache lacks an id."""
        if reload or not self._words:
            self._words = {0: "", **dict(db.execute("SELECT id, word FROM words"))}
        return self._words

    def known_word_id(self, db: sqlite3.Connection, word: str) -> int | None:
        known = self._word_ids.get(word)
        if known is None:
            found = db.execute("SELECT id FROM words WHERE word = ?", (word,)).fetchone()
            known = int(found[0]) if found else None
        return known

    def word_id(self, db: sqlite3.Connection, word: str) -> int:
        """Return the id of a word, inserting it if necessary.

        For values from small sets, such as cameras, types, zones and labels.
        """
        known = self.known_word_id(db, word)
        if known is None:
            known = int(db.execute("INSERT INTO words (word) VALUES (?) RETURNING id", (word,)).fetchone()[0])
        self._word_ids[word] = known
        return known

    def _load_streams(self, db: sqlite3.Connection) -> None:
        self._streams = {(one.camera, one.name): one for row in db.execute(_STREAMS) for one in [_stream(*row)]}


def _stream(number: int, camera: str, name: str) -> StreamKey:
    return StreamKey(number, CameraId(camera), StreamName(name))

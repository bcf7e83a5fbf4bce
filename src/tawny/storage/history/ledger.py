"""History of gaps, damage, events, starts and stops: `HistoryJournal` writes its files, `HistoryLedger` all changes.

`history/2026-11-20.jsonl` has one line per change, in order, durable when `write` returns. Reading skips a line torn by
a power cut; the next line starts on its own. After a failed sync the file is not used again, and `2026-11-20-2.jsonl`
is started. After the clock was set back, the newest file goes on, so that the order of names stays that of writing. The
index is rebuilt from it.

The ledger writes to the history first, then to the index. Invariant: the history contains every gap, damage and event
of the index. A change that cannot be written, as on a full disk, is queued and written first next time. Of a gap
or event only the newest state is queued. Thread-safe.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.errors import StorageError
from tawny.model.events import Event, Level, SeenObject
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.observations import Box, RecognisedText
from tawny.model.segments import Gap, GapEvidence, GapReason, Segment
from tawny.model.times import Clock, utc_text
from tawny.storage.disk.disk import DiskAccess, OpenFile
from tawny.storage.index.protocol import Index

# JSON records of gaps, damage and events in the history: every field by name, instants in ms UTC.

Record = Mapping[str, Any]


def gap_record(gap: Gap) -> Record:
    record = {
        "camera": gap.camera,
        "begin_ms": gap.begin_ms,
        "end_ms": gap.end_ms,
        "reason": gap.reason.value,
        "detail": gap.detail,
    }
    return record | {"evidence": evidence_record(gap.evidence)} if gap.evidence else record


def gap_of(record: Record) -> Gap:
    """Parse a gap. Raises ValueError if invalid."""
    try:
        return Gap(
            camera=CameraId(str(record["camera"])),
            begin_ms=int(record["begin_ms"]),
            end_ms=_instant(record["end_ms"]),
            reason=GapReason(record["reason"]),
            detail=str(record.get("detail", "")),
            evidence=evidence_of(record["evidence"]) if record.get("evidence") else None,
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a gap: {error}") from error


def evidence_record(evidence: GapEvidence) -> Record:
    """Return the non-empty fields of the evidence."""
    return {
        name: value
        for name, value in (
            ("word", evidence.word),
            ("last_unit_ms", evidence.last_unit_ms),
            ("last_byte_ms", evidence.last_byte_ms),
            ("packets_missing", evidence.packets_missing),
            ("rubbish_bytes", evidence.rubbish_bytes),
            ("attempts", evidence.attempts),
            ("peer_status", evidence.peer_status),
        )
        if value not in (None, "", 0)
    }


def evidence_of(record: Record) -> GapEvidence:
    """Parse gap evidence. Raises ValueError or TypeError if invalid."""
    return GapEvidence(
        word=str(record.get("word", "")),
        last_unit_ms=_instant(record.get("last_unit_ms")),
        last_byte_ms=_instant(record.get("last_byte_ms")),
        packets_missing=int(record.get("packets_missing", 0)),
        rubbish_bytes=int(record.get("rubbish_bytes", 0)),
        attempts=int(record.get("attempts", 0)),
        peer_status=str(record.get("peer_status", "")),
    )


def damage_record(damage: DamagedSpan) -> Record:
    return {
        "camera": damage.camera,
        "stream": damage.stream.value,
        "begin_ms": damage.begin_ms,
        "end_ms": damage.end_ms,
        "units": damage.units,
        "packets": damage.packets,
    }


def damage_of(record: Record) -> DamagedSpan:
    """Parse a damaged span. Raises ValueError if invalid."""
    try:
        made = DamagedSpan(
            camera=CameraId(str(record["camera"])),
            stream=StreamName(record["stream"]),
            begin_ms=int(record["begin_ms"]),
            end_ms=int(record["end_ms"]),
            units=int(record["units"]),
            packets=int(record["packets"]),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no damage: {error}") from error
    if made.end_ms <= made.begin_ms:
        raise ValueError("no damage: it does not last")
    return made


def event_record(event: Event) -> Record:
    """Return an event as JSON. What is empty is omitted from `reads` on."""
    reads = [{"by": one.by, "text": one.text, "score": one.score, "who": one.who} for one in event.reads]
    return {
        "id": event.id,
        "camera": event.camera,
        "kind": event.kind,
        "start_ms": event.start_ms,
        "end_ms": event.end_ms,
        "score": event.score,
        "box": event.box,
        "zones": list(event.zones),
        "objects": [{"label": one.label, "score": one.score} for one in event.objects],
        "kept": event.kept,
        "reviewed": event.reviewed,
        "false_alarm": event.false_alarm,
        "picture_ms": event.picture_ms,
        **({"reads": reads} if reads else {}),
        **({"said": event.said} if event.said else {}),
        **({"travel": event.travel} if event.travel else {}),
        **({"level": event.level} if event.level else {}),
        **({"muted": event.muted} if event.muted else {}),
    }


def event_of(record: Record) -> Event:
    """Parse an event. Raises ValueError if invalid."""
    try:
        return Event(
            id=EventId(str(record["id"])),
            camera=CameraId(str(record["camera"])),
            kind=str(record["kind"]),
            start_ms=int(record["start_ms"]),
            end_ms=_instant(record["end_ms"]),
            score=float(record["score"]),
            box=_box(record["box"]),
            zones=tuple(str(zone) for zone in record["zones"]),
            objects=_objects(record["objects"]),
            kept=bool(record["kept"]),
            reviewed=bool(record["reviewed"]),
            false_alarm=str(record.get("false_alarm", "")),
            picture_ms=_instant(record["picture_ms"]),
            reads=tuple(
                RecognisedText(str(one["by"]), str(one["text"]), float(one["score"]), str(one["who"]))
                for one in record.get("reads", ())
            ),
            said=str(record.get("said", "")),
            travel=float(record.get("travel", 0.0)),
            level=_level(record.get("level", "")),
            muted=str(record.get("muted", "")),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"not an event: {error}") from error


def _level(data: Any) -> str:
    return Level(data).value if data else ""


def _objects(data: Any) -> tuple[SeenObject, ...]:
    return tuple(SeenObject(str(one["label"]), float(one["score"])) for one in data)


def _instant(data: Any) -> int | None:
    return None if data is None else int(data)


def _box(data: Any) -> Box | None:
    if data is None:
        return None
    x0, y0, x1, y1 = (float(edge) for edge in data)
    return x0, y0, x1, y1


_FOLDER: Final = "history"
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:-(\d{1,6}))?\.jsonl")
UNSENT: Final = "unsent"
_MOST_AHEAD_BYTES: Final = 4 << 20
"""Size at which a file of a later day is followed by another: a clock that was years ahead leaves one for years."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry. what: `gap`, `damage`, `event`, `event_dropped`, `started`, `stopped`, `healed`, `thinned` or
    `unsent`.
    """

    at_ms: int
    what: str
    record: Record


class HistoryJournal:
    """Writer and reader of the journal.

    Raises the errors of the disk. Lines that could not be written are then missing or torn.
    """

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._place = ("", 1)  # day and number of the open file
        self._path = ""
        self._file: OpenFile | None = None
        self._is_named = False
        """The open file's name is durable."""
        self._spoiled: set[str] = set()

    def write(self, lines: Iterable[HistoryLine]) -> None:
        """Append lines in one write. They are durable when this returns."""
        with self._lock:
            lines = list(lines)
            if not lines:
                return
            file = self._opened(utc_text(lines[-1].at_ms)[:10])
            good_bytes = file.size_bytes
            try:
                file.append([b"".join(_encoded(line) for line in lines)])
            except StorageError:
                with suppress(StorageError):  # reading skips a torn line
                    file.cut(good_bytes)
                self._close()
                raise
            try:
                file.sync()
                if not self._is_named:
                    self._disk.sync_folder(_FOLDER)
                    self._disk.sync_parents(_FOLDER)
                    self._is_named = True
            except StorageError:
                self._spoiled.add(self._path)
                self._close()
                raise

    def _opened(self, day: str) -> OpenFile:
        """Return the file for lines of a day. It is never one before the newest: what is written last counts."""
        places = [self._place] if self._file is not None else [one[:2] for one in self._names()]
        named, number = max([(day, 1), *places])
        while (path := _path(named, number)) in self._spoiled or (named > day and self._is_large(path)):
            number += 1
        if self._file is not None and self._path == path:
            return self._file
        self._close()
        if self._disk.entry(path) is None:
            self._disk.make_folder(_FOLDER, sync=False)
            file = self._disk.create(path)
        else:
            file = self._disk.extend(path)
        self._file, self._place, self._path, self._is_named = file, (named, number), path, False
        try:
            if file.size_bytes and self._disk.read(path, file.size_bytes - 1) != b"\n":
                file.append([b"\n"])  # end the torn line
        except StorageError:
            self._close()  # opened again, it is ended then
            raise
        return file

    def _is_large(self, path: str) -> bool:
        entry = self._disk.entry(path)
        return entry is not None and entry.size_bytes >= _MOST_AHEAD_BYTES

    def _names(self) -> list[tuple[str, int, str]]:
        """Return day, number and name of each file, sorted as they were written."""
        return sorted(
            (found[1], int(found[2] or 1), one.name)
            for one in self._disk.entries(_FOLDER)
            if one.kind == "file" and (found := _NAME.fullmatch(one.name))
        )

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(StorageError):  # the disk may be gone; synced lines are safe
                file.close()

    def close(self) -> None:
        with self._lock:
            self._close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Meanwhile, nothing is written and a file may be replaced. The next line opens the newest again."""
        with self._lock:
            self._close()
            yield

    def files(self) -> list[str]:
        """Return the paths of all files, oldest first."""
        return [f"{_FOLDER}/{name}" for _, _, name in self._names()]

    def lines(self, newest_files: int | None = None) -> Iterator[HistoryLine]:
        """Yield all lines, oldest first. Unreadable lines are skipped.

        newest_files: number of newest files to read. None reads all.
        """
        paths = self.files()
        for path in paths if newest_files is None else paths[-newest_files:]:
            yield from self.lines_of(path)

    def lines_of(self, path: str) -> Iterator[HistoryLine]:
        """Yield the lines of one of the `files`, oldest first. Unreadable lines are skipped."""
        for text in self._disk.read(path).split(b"\n"):
            if (line := _decoded(text)) is not None:
                yield line


def _path(day: str, number: int) -> str:
    return f"{_FOLDER}/{day}.jsonl" if number == 1 else f"{_FOLDER}/{day}-{number}.jsonl"


def _encoded(line: HistoryLine) -> bytes:
    text = json.dumps({"at_ms": line.at_ms, "what": line.what, line.what: line.record}, separators=(",", ":"))
    return text.encode() + b"\n"


def _decoded(text: bytes) -> HistoryLine | None:
    try:
        data = json.loads(text)
        return HistoryLine(int(data["at_ms"]), str(data["what"]), dict(data[data["what"]]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


log = logging.getLogger(__name__)

_MOST_WAITING: Final = 10_000
_MOST_AT_ONCE: Final = 2000
"""Changes that `replay` holds. The later states of an event mostly come soon after the first."""


_Change = Gap | DamagedSpan | Event | EventId
"""A state to be stored, or the id of an event that is dropped."""
_Key = tuple[CameraId, int] | tuple[CameraId, StreamName, int] | EventId


class HistoryLedger:
    """Single writer of gaps, damage and events.

    Never raises on disk errors: changes are queued, and `problem` has the cause.
    """

    def __init__(self, history: HistoryJournal, index: Index, clock: Clock) -> None:
        self.history, self._index, self._clock = history, index, clock
        self._lock = threading.RLock()
        self._waiting: dict[_Key, _Change] = {}
        self._marks: list[HistoryLine] = []
        """Lines without a state in the index, to be written after the queued changes."""
        self._is_held = False  # within `together`
        self._is_refused = False  # the last write failed; `together` tries once more
        self.problem: StorageError | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all changes of this thread with one sync of the history, at the end. Until then none need be durable.

        More than the queue holds are written in parts.
        """
        with self._lock:
            if self._is_held:
                yield
                return
            self._is_held, self._is_refused = True, False
            try:
                yield
            finally:
                self._is_held = False
                self._write()

    def put_gap(self, gap: Gap) -> bool:
        """Store a gap, keyed by camera and begin. Return whether it is durable."""
        return self._put([gap])

    def put_damage(self, damage: Iterable[DamagedSpan]) -> bool:
        """Store damaged spans at once, each keyed by camera, stream and begin. Return whether they are durable."""
        return self._put(damage)

    def put_event(self, event: Event) -> bool:
        """Store an event, keyed by its id. Return whether it is durable."""
        return self._put([event])

    def event(self, event_id: EventId) -> Event | None:
        """Return the newest state of an event, even while the disk refuses it. Raises StorageError: of the index."""
        with self._lock:
            if event_id in self._waiting:
                waiting = self._waiting[event_id]
                return waiting if isinstance(waiting, Event) else None
            return self._index.event(event_id)

    def drop_event(self, event_id: EventId) -> bool:
        return self._put([event_id])

    def started(self, boot: str, *, later: bool = False, **about: Any) -> bool:
        """Record a start.

        boot: the kernel's boot id, by which the next start distinguishes a power cut from a crash. later: queue it.
        """
        record = {"boot": boot, **about}
        if later:
            self._marks.append(HistoryLine(self._clock.now_ms(), "started", record))
            return False
        return self._mark("started", record)

    def stopped(self, cause: str, by: str = "") -> bool:
        """Record a planned stop. cause: a key of `model.segments.OFF_WORDS`. by: who asked for it, if known."""
        return self._mark("stopped", {"cause": cause, "by": by} if by else {"cause": cause})

    def healed(self, path: str, why: str, source: str) -> bool:
        """Record that a missing or damaged file was restored from a mirror."""
        return self._mark("healed", {"path": path, "why": why, "from": source})

    def thinned(self, segments: Iterable[Segment], why: str) -> bool:
        """Record segments reduced to keyframes. segments: as they are now."""
        stated = [{"path": one.path, "begin_ms": one.start_ms, "end_ms": one.end_ms} for one in segments]
        return self._mark("thinned", {"segments": stated, "why": why}) if stated else True

    def removed_unsent(self, count: int) -> bool:
        """Record how many recordings were removed before their upload."""
        return self._mark(UNSENT, {"count": count})

    def flush(self) -> bool:
        """Retry queued changes. Return whether the queue is empty."""
        with self._lock:
            return self._write()

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._marks)

    def _put(self, changes: Iterable[_Change]) -> bool:
        with self._lock:
            for change in changes:
                self._waiting.pop(_key(change), None)  # newest state last
                self._waiting[_key(change)] = change
                self._make_room()
            return self._write()

    def _make_room(self) -> None:
        """Write a full queue, or drop its oldest change if the disk refuses that."""
        if len(self._waiting) > _MOST_WAITING and not self._is_refused:
            self._store()
        if len(self._waiting) > _MOST_WAITING:
            log.error(
                "the disk accepts no writes; dropped from the queue: %s",
                self._waiting.pop(next(iter(self._waiting))),
            )

    def _write(self) -> bool:
        if self._is_held or not self.waiting:
            return not self._is_held
        return self._store()

    def _store(self) -> bool:
        changes, marks = list(self._waiting.values()), list(self._marks)
        at_ms = self._clock.now_ms()
        try:
            self.history.write([*(_line(change, at_ms) for change in changes), *marks])
            with self._index.together() if changes else nullcontext():
                for change in changes:
                    _apply(change, self._index)
        except StorageError as error:
            if self.problem is None:
                log.warning("gaps, damage and events are queued until the disk can be written: %s", error)
            self.problem, self._is_refused = error, True
            return False
        self._waiting.clear()
        self._marks.clear()
        self.problem, self._is_refused = None, False
        return True

    def _mark(self, what: str, record: Mapping[str, Any]) -> bool:
        line = HistoryLine(self._clock.now_ms(), what, record)
        with self._lock:
            if self._is_held:
                self._marks.append(line)
                return False
            self._write()
            try:
                self.history.write([line])
            except StorageError as error:
                log.warning("cannot write %s to the history: %s", what, error)
                self.problem = error
                return False
            return True


def replay(lines: Iterable[HistoryLine], index: Index) -> None:
    """Apply history lines to the index, in parts, so that years need no more memory than a day. Idempotent."""
    changes: dict[_Key, _Change] = {}
    for line in lines:
        change = _change(line)
        if change is not None:
            changes[_key(change)] = change
        if len(changes) >= _MOST_AT_ONCE:
            _apply_all(changes, index)
    _apply_all(changes, index)


def _apply_all(changes: dict[_Key, _Change], index: Index) -> None:
    with index.together():
        for key, change in changes.items():
            try:
                _apply(change, index)
            except (OverflowError, UnicodeEncodeError) as error:  # of a damaged line, which may be outdated
                log.warning("left a state of %r in the history out of the index: %s", key, error)
    changes.clear()


def _key(change: _Change) -> _Key:
    match change:
        case Gap():
            return change.camera, change.begin_ms
        case DamagedSpan():
            return change.camera, change.stream, change.begin_ms
        case Event():
            return change.id
        case str():
            return change


def _line(change: _Change, at_ms: int) -> HistoryLine:
    match change:
        case Gap():
            return HistoryLine(at_ms, "gap", gap_record(change))
        case DamagedSpan():
            return HistoryLine(at_ms, "damage", damage_record(change))
        case Event():
            return HistoryLine(at_ms, "event", event_record(change))
        case str():
            return HistoryLine(at_ms, "event_dropped", {"id": change})


def _change(line: HistoryLine) -> _Change | None:
    try:
        match line.what:
            case "gap":
                return gap_of(line.record)
            case "damage":
                return damage_of(line.record)
            case "event":
                return event_of(line.record)
            case "event_dropped":
                return EventId(str(line.record["id"]))
            case _:
                return None
    except (ValueError, KeyError):
        return None


def _apply(change: _Change, index: Index) -> None:
    match change:
        case Gap():
            index.put_gap(change)
        case DamagedSpan():
            index.add_damage(change)
        case Event():
            index.put_event(change)
        case str():
            index.drop_event(change)

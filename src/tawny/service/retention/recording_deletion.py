"""Deletes an event, a time or everything on an owner's request: half a minute later, so that it can be undone.

A removed camera of which nothing is stored any more is forgotten.
"""

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from secrets import token_hex
from typing import Any, Final

from tawny.config.settings import Settings
from tawny.config.units import size_text
from tawny.engine import ActorHandle, Engine
from tawny.model.errors import NotDone, StorageError, TawnyError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Segment
from tawny.model.times import Clock, ClockSteps, Span
from tawny.service.retention.periodic_snapshots import (
    PeriodicSnapshot,
    cameras_with_snapshots,
    delete_snapshots,
    has_snapshots,
    snapshots_of,
)
from tawny.service.retention.retention_service import StoredRecordings
from tawny.storage.disk.secondary_volumes import awaited, away
from tawny.storage.index.protocol import all_events
from tawny.storage.retention.planning import around
from tawny.storage.retention.removal import lasted
from tawny.storage.retention.runner import CameraDeletion

UNDO_S: Final = 30.0
PATH: Final = "history/deletions.json"
_EVERY_S: Final = 5.0
EMPTY_S: Final = 3600.0
"""How long nothing must be stored of a removed camera before it is forgotten. An index made again is full sooner."""
_EVER: Final = Span(0, 1 << 45)
_LASTS_S: Final = 60.0
"""How often what a running event shows of a deleted time is deleted, before it ends."""
_CLOSES_S: Final = 120.0
"""Until then, the file that was open at the end of a span is closed and listed."""
_COUNTED: Final = 1000
_MOST_BEGUN: Final = 1000
"""How many deletions that were carried out are known."""
_ON_DISKS: Final = "on disks"
"""Key in the file for deletions that wait for disks only. No camera has a space in its ID."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredOfCamera:
    """What is stored of a camera, images at intervals included. kept: number of its kept events, at most 100.

    oldest_ms: begin of its recordings; None without any.
    """

    size_bytes: int
    kept: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class DeletionScope:
    """What a person wants deleted: some events, or a time of some cameras. No cameras: all. No span: all of it."""

    cameras: Sequence[CameraId] = ()
    span: Span | None = None
    events: Sequence[EventId] = ()
    with_kept: bool = False


@dataclass(frozen=True, slots=True)
class DeletionPreview:
    """What a deletion would take, whole files. kept: events that stay with their recordings, and how large those are.

    bytes: of recordings (files) and images at intervals. events, kept: at most 1000. from_ms, to_ms: from the first
    file to the last; None without any. away: disks that aren't there, or whose files aren't all listed yet: what they
    hold of it is deleted when they are.
    """

    bytes: int
    files: int
    images: int
    events: int
    kept: int
    kept_bytes: int
    from_ms: int | None
    to_ms: int | None
    away: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pending:
    """A deletion that waits until due_ms. is_last: nothing more of it is still being recorded."""

    due_ms: int
    parts: tuple[CameraDeletion, ...]
    is_last: bool = False

    @property
    def running(self) -> set[EventId]:
        """Events that write their image again until they end. Not empty: all else of it was deleted."""
        return {event for part in self.parts for event in part.running}


@dataclass(frozen=True, slots=True)
class _OnDisks:
    """A deletion that was carried out but for volumes that are away or not listed, by their IDs, and for the mirror."""

    parts: tuple[CameraDeletion, ...]
    away: tuple[str, ...]


class RecordingDeletion:
    """Actor that deletes what is due. Thread-safe.

    What waits is in a file, those of removed cameras in the settings: a restart, or a kill halfway, loses none.
    """

    name = "deletion of recordings"

    def __init__(
        self,
        stored: StoredRecordings,
        clock: Clock,
        settings: Callable[[], Settings],
        forget: Callable[[Collection[CameraId]], None],
        is_filling: Callable[[CameraId, Span], bool] = lambda _camera, _span: False,
    ) -> None:
        """forget: removes removed cameras from the settings. May raise TawnyError: tried again later.

        is_filling: whether a file of a camera's missing time within a span is being written.
        """
        self._stored, self._clock, self._settings, self._forget = stored, clock, settings, [forget]
        self._is_filling = is_filling
        self._is_saved: Callable[[CameraId], bool] = lambda _camera: False
        self._empty_since_s: dict[CameraId, float] = {}
        self._lock = threading.Lock()
        self._pending, self._on_disks = _read(stored, clock.now_ms() + round(_CLOSES_S * 1000))
        self._steps = ClockSteps(clock)
        self._removed_s: dict[tuple[str, int], float] = {}
        """When what was removed in this run is due, s monotonic."""
        self._disks_s = 0.0  # when to look for those disks again
        self._begun: dict[str, None] = {}
        self._done: set[tuple[str, int]] = set()
        self._handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        if self._stored.mirror is not None:
            for part in (part for one in self._on_disks.values() for part in one.parts):
                self._stored.mirror.delete_recordings(part)  # it forgot them by the restart
        self._handle.start(engine, self.name, lambda: self)

    def stored(self, camera: CameraId) -> StoredOfCamera:
        """Return what is stored of a camera, configured or removed. Waits for the index."""
        index = self._stored.index
        bounds, kept = index.bounds(camera), index.events(_EVER, cameras=[camera], only="kept", limit=100)
        size_bytes = index.size_bytes(camera) + sum(one.size_bytes for one in self._images(camera, None))
        return StoredOfCamera(size_bytes, len(kept.events), bounds.begin_ms if bounds else None)

    def delete_all_of(self, camera: CameraId, by: str, *, with_kept: bool) -> int:
        """Delete all of a camera, also what is later than now, in UNDO_S. Return when, ms UTC. by: for the history."""
        now_ms = self._clock.now_ms()
        part = CameraDeletion(camera, now_ms, f"deleted by {by}", with_kept)
        return self._put(camera, [part, *self._later(part)])

    def cancel(self, key: str) -> bool:
        """Undo a deletion, by the ID of `delete` or a camera. Return whether it was still to come."""
        with self._lock:
            if self._is_begun(key):
                return False
            found = self._pending.pop(key, None) is not None
        self._write()
        return found

    def is_too_late(self, key: str) -> bool:
        """Return whether this deletion was carried out, as far as this run knows."""
        with self._lock:
            return self._is_begun(key)

    def _is_begun(self, key: str) -> bool:
        pending = self._pending.get(key)
        return key in self._begun or (pending is not None and pending.is_last)

    def measure(self, wanted: DeletionScope) -> DeletionPreview:
        """Return what would be deleted. Raises NotDone: see `delete`. Waits for the index."""
        parts = self._parts(wanted, "")
        counted = set[str]()  # a file may hold several of the events
        sizes = [self._measured(part, counted) for part in parts]
        spans = {part.camera: list[Span]() for part in parts}
        for part in parts:
            spans[part.camera].append(part.span)
        images = [one for camera, asked in spans.items() for one in self._images(camera, asked)]
        begins = [one.from_ms for one in sizes if one.from_ms is not None]
        return DeletionPreview(
            bytes=sum(one.bytes for one in sizes) + sum(one.size_bytes for one in images),
            files=sum(one.files for one in sizes),
            images=len(images),
            events=min(_COUNTED, sum(one.events for one in sizes)),
            kept=min(_COUNTED, sum(one.kept for one in sizes)),
            kept_bytes=sum(one.kept_bytes for one in sizes),
            from_ms=min(begins, default=None),
            to_ms=max((one.to_ms for one in sizes if one.to_ms is not None), default=None),
            away=self._away_names(),
        )

    def _images(self, camera: CameraId, within: Sequence[Span] | None) -> list[PeriodicSnapshot]:
        """Return a camera's images. None where the disk can't be read: what the index knows is shown all the same."""
        with suppress(StorageError):
            return list(snapshots_of(self._stored.volume, camera, within))
        return []

    def _away_names(self) -> tuple[str, ...]:
        gone, unlisted = [one for one in away(self._stored.volume) if one.is_used], self._unlisted()
        here = [one.name for one in self._stored.volume.others if one.mark in unlisted - {each.id for each in gone}]
        return (*(one.path for one in gone), *here)

    def _measured(self, part: CameraDeletion, counted: set[str]) -> DeletionPreview:
        """Return what a part would take, without images: those of all parts are counted at once."""
        index, camera = self._stored.index, part.camera
        bounds = index.bounds(camera)
        if part.begin_ms:
            rows = index.segments(camera, None, Span(part.begin_ms, part.until_ms))
            rows = [row for row in rows if row.id not in counted]
            counted.update(row.id for row in rows)
            size_bytes, files = sum(one.size_bytes for one in rows), len(rows)
            bounds = Span(rows[0].start_ms, max(one.end_ms for one in rows)) if rows else None
        else:
            last_ms = max(part.until_ms, bounds.end_ms if bounds else 0)
            after = [row for row in index.segments(camera, None, Span(part.until_ms, last_ms)) if row.id not in counted]
            after = [row for row in after if row.start_ms >= part.until_ms]
            size_bytes = index.size_bytes(camera) - sum(one.size_bytes for one in after)
            files = index.count(camera) - len(after)
            bounds = bounds and bounds.cut_to(Span(0, last_ms if not after else part.until_ms))
        asked = part.span
        within = bounds or asked
        all_of = Span(min(asked.begin_ms, within.begin_ms), max(asked.end_ms, within.end_ms))
        found = index.events(all_of, cameras=[camera], limit=_COUNTED).events
        events = [one for one in found if one.id not in counted]
        kept = index.events(within, cameras=[camera], only="kept", limit=_COUNTED).events
        kept = [one for one in kept if one.id not in counted]
        spared = {
            row.id: row.size_bytes
            for event in kept
            for row in index.segments(camera, None, around(event, self._clock.now_ms()))
            if row.span.cut_to(within)
        }

        def is_gone(row: Segment) -> bool:
            is_spared = not part.with_kept and row.id in spared
            return not is_spared and (row.id in counted or row.span.cut_to(asked) is not None)

        going = [one for one in events if part.with_kept or not one.kept]
        going = [one for one in going if one.id == part.event or self._goes(one, part, is_gone)]
        counted.update(one.id for one in (*going, *kept))
        goes_bytes, kept_bytes = size_bytes - sum(spared.values()), sum(spared.values())
        return DeletionPreview(
            bytes=size_bytes if part.with_kept else goes_bytes,
            files=files if part.with_kept else files - len(spared),
            images=0,
            events=len(going),
            kept=len(kept),
            kept_bytes=kept_bytes,
            from_ms=bounds.begin_ms if bounds else None,
            to_ms=bounds.end_ms if bounds else None,
        )

    def _goes(self, event: Event, part: CameraDeletion, is_gone: Callable[[Segment], bool]) -> bool:
        """Return whether an event goes with its video, or without any with its time. One that lasts stays."""
        if event.end_ms is None:
            return False
        span = Span(event.start_ms, max(event.end_ms, event.start_ms + 1))
        rows = self._stored.index.segments(event.camera, None, span)
        if not rows:
            return not part.event and (part.begin_ms or 0) <= span.begin_ms and span.end_ms <= part.until_ms
        return all(map(is_gone, rows))

    def delete(self, wanted: DeletionScope, by: str, *, undo_s: float = UNDO_S) -> tuple[str, int]:
        """Delete it in undo_s. Return the ID for `cancel`, and when, ms UTC. by: for the signed history.

        Raises NotDone: the event is unknown or not over, or the span is not.
        """
        key = f"d{token_hex(8)}"
        return key, self._put(key, self._parts(wanted, f"deleted by {by}"), undo_s)

    def step(self) -> float:
        with self._lock:
            now_ms = self._follow_clock()
            is_any_running = any(one.running for one in self._pending.values())
        lasting = {one.id for one in self._stored.index.open_events()} if is_any_running else set()
        with self._lock:
            due = [(key, one) for key, one in self._pending.items() if one.due_ms <= now_ms or one.running - lasting]
            self._begun |= dict.fromkeys(key for key, _ in due)
            for key in list(self._begun)[:-_MOST_BEGUN]:
                del self._begun[key]
        for key, one in due:
            running, is_filling, away_before = self._running_of(one), self._fills(one), self._away()
            for part in one.parts:
                self._delete(part)
            self._finish_or_defer(key, one, running, away_before, is_filling=is_filling or self._fills(one))
        for part in self._of_removed(now_ms):
            away_before = self._away()
            for each in (part, *self._later(part)):
                self._delete(each)
            self._done.add((part.camera, part.until_ms))
            self._wait_for_disks(part.camera, (replace(part, is_gone=False),), away_before)
        self._delete_on_returned()
        self._forget_empty()
        return 1.0 if self._pending else _EVERY_S

    def close(self) -> None:
        """Nothing to release."""

    def _parts(self, wanted: DeletionScope, why: str) -> list[CameraDeletion]:
        now_ms = self._clock.now_ms()
        if wanted.events:
            return [self._part_of(event, wanted, why) for event in wanted.events]
        asked, is_all_listed = wanted.span or _EVER, not self._away()
        cameras = wanted.cameras or [one for one in self.cameras() if not is_all_listed or not self._is_empty(one)]
        begin_ms, until_ms = asked.begin_ms, min(asked.end_ms, now_ms)
        is_over = begin_ms < until_ms
        all_of = CameraDeletion(CameraId(""), until_ms, why, wanted.with_kept, begin_ms=begin_ms)
        parts = [replace(all_of, camera=one) for one in cameras if is_over]
        parts += [later for one in cameras for later in self._later(replace(all_of, camera=one), asked.end_ms)]
        if not parts and not is_over:
            raise NotDone("This time isn't over yet.", "Choose a time that is.")
        return parts

    def _later(self, part: CameraDeletion, until_ms: int = _EVER.end_ms) -> list[CameraDeletion]:
        """Return the part of what is stored now and later than now: the clock is behind, or was ahead.

        It begins with the first of it, so that what is recorded until it is carried out stays.
        """
        from_ms, index = max(part.begin_ms or 0, self._clock.now_ms()), self._stored.index
        within, bounds = Span(from_ms, max(from_ms, until_ms)), index.bounds(part.camera)
        rows = index.segments(part.camera, None, within) if bounds is not None and bounds.end_ms > from_ms else []
        events = all_events(lambda after: index.events(within, cameras=[part.camera], limit=_COUNTED, after=after))
        found = [one.span for one in rows] + [lasted(one, one.start_ms) for one in events]
        found = [one for one in found if one.begin_ms >= from_ms]
        if not found:
            return []
        end_ms = min(until_ms, max(one.end_ms for one in found))
        return [replace(part, begin_ms=min(one.begin_ms for one in found), until_ms=end_ms, is_later=True)]

    def _part_of(self, event_id: EventId, wanted: DeletionScope, why: str) -> CameraDeletion:
        event = self._stored.index.event(event_id)
        if event is None:
            raise NotDone("Event not found.", "It may have been deleted together with its recording.")
        if event.end_ms is None:
            raise NotDone("This event isn't over yet.", "Delete it when it has ended.")
        end_ms = max(event.end_ms, event.start_ms + 1)
        whole = CameraDeletion(event.camera, end_ms, why, wanted.with_kept)
        return replace(whole, begin_ms=event.start_ms, event=event.id)

    def cameras(self) -> Collection[CameraId]:
        """Return all cameras, also those that were removed. Raises StorageError."""
        settings, volume = self._settings(), self._stored.volume
        named = map(CameraId, [*settings.cameras, *settings.removed_cameras])
        return dict.fromkeys([*named, *volume.cameras(), *cameras_with_snapshots(volume)])

    def _put(self, key: str, parts: Iterable[CameraDeletion], undo_s: float = UNDO_S) -> int:
        with self._lock:
            due_ms = self._follow_clock() + round(undo_s * 1000)
            self._begun.pop(key, None)  # of an earlier deletion of this camera
            self._pending[key] = _Pending(due_ms, tuple(parts))
        self._write()
        self._handle.wake()
        return due_ms

    def _follow_clock(self) -> int:
        """Move what waits along with a step of the clock. Return the time, ms UTC. Call with the lock."""
        if moved_ms := self._steps.moved_ms():
            self._pending = {key: replace(one, due_ms=one.due_ms + moved_ms) for key, one in self._pending.items()}
        return self._clock.now_ms()

    def _fills(self, one: _Pending) -> bool:
        return any(self._is_filling(part.camera, part.span) for part in one.parts if not part.running)

    def _running_of(self, one: _Pending) -> tuple[CameraDeletion, ...]:
        """Return what is left of a deletion: the events that last and may show something of its time."""
        lasting, found = self._stored.index.open_events(), []
        for part in one.parts:
            events = [event.id for event in lasting if event.camera == part.camera and _may_show(event, part)]
            if events:
                found.append(replace(part, running=events))
        return tuple(found)

    def _finish_or_defer(
        self, key: str, one: _Pending, running: tuple[CameraDeletion, ...], away_before: set[str], *, is_filling: bool
    ) -> None:
        """Forget a deletion that was carried out, or defer it: a file or an event with some of its span is still open.

        A file that fills a gap is closed at once, as the gap was deleted, too.
        """
        with self._lock:
            now_ms = self._follow_clock()
        last_ms = max((part.until_ms for part in one.parts if part.begin_ms is not None), default=0)
        again_ms = min(last_ms, now_ms) + round(_CLOSES_S * 1000)  # later than now: the clock was set back
        is_over = not is_filling and (one.is_last or again_ms <= now_ms)
        if is_over and not one.running:
            self._wait_for_disks(key, one.parts, away_before)  # first: a kill forgets nothing
        with self._lock:
            now = self._pending.get(key)
            if now is None or replace(now, due_ms=one.due_ms) != one:
                return
            del self._pending[key]
            if is_filling:
                self._pending[key] = replace(one, due_ms=now_ms + round(_EVERY_S * 1000))
            elif not is_over:
                self._pending[key] = replace(one, due_ms=again_ms, is_last=True)
            elif running:
                # not all of it again: of events that are no longer kept, nothing goes
                self._pending[key] = _Pending(now_ms + round(_LASTS_S * 1000), running, is_last=True)
        self._write()

    def _wait_for_disks(self, key: str, parts: tuple[CameraDeletion, ...], before: set[str]) -> None:
        """Keep a deletion that was carried out here until the disks that are away, and the mirror, have done so.

        before: those that were away before it: one may have come back meanwhile. What is later than now doesn't wait:
        other recordings may be of that time then.
        """
        parts = tuple(part for part in parts if not part.is_later)
        ids, mirror = tuple(sorted(before | self._away())), self._stored.mirror
        if not parts or (not ids and (mirror is None or not mirror.is_deleting)):
            return
        with self._lock:
            self._on_disks[key] = _OnDisks(parts, ids)
        self._write()

    def _away(self) -> set[str]:
        """Return the IDs of the volumes that are away, or that may hold files which the index lacks.

        Without mirrors, which know themselves what is to be deleted.
        """
        return {one.id for one in awaited(self._stored.volume)} | self._unlisted()

    def _unlisted(self) -> set[str]:
        """Return the IDs of the volumes whose files aren't all listed: see `VolumeListing`."""
        index, found = self._stored.index, [one for one in self._stored.volume.others if one.archive is None]
        return {one.mark for one in found if one.mark is not None and not index.is_volume_listed(one.mark)}

    def _delete_on_returned(self) -> None:
        """Carry out again what waits for disks that are back, or that are being listed."""
        now_s, mirror, is_changed = self._clock.mono_s(), self._stored.mirror, False
        if not self._on_disks or now_s < self._disks_s:
            return
        self._disks_s = now_s + _LASTS_S
        unlisted, gone = self._unlisted(), {each.id for each in awaited(self._stored.volume)}
        ids, listing = unlisted | gone, unlisted - gone
        for key, one in list(self._on_disks.items()):
            left = tuple(each for each in one.away if each in ids)
            is_listing = not listing.isdisjoint(one.away) and any(map(self._is_listed, one.parts))
            if left != one.away or is_listing:
                for part in one.parts:
                    self._delete(part)
            is_over = not left and (mirror is None or not mirror.is_deleting)
            with self._lock:
                if is_over:
                    del self._on_disks[key]
                else:
                    self._on_disks[key] = replace(one, away=left)
            is_changed = is_changed or is_over or left != one.away
        if is_changed:
            self._write()

    def _is_listed(self, part: CameraDeletion) -> bool:
        """Return whether the index has files of a deleted time, as those that were listed since."""
        return bool(self._stored.index.segments(part.camera, None, part.span))

    def _of_removed(self, now_ms: int) -> list[CameraDeletion]:
        settings, found = self._settings(), []
        for name, one in settings.removed_cameras.items():
            if name in settings.cameras or one.delete_after is None:
                continue
            until_ms = round(one.delete_after.timestamp() * 1000)
            self._start_undo(name, until_ms, now_ms)
            if self._is_due(name, until_ms, now_ms) and (name, until_ms) not in self._done:
                why = f"deleted by {one.deleted_by or 'its owner'}, with its camera"
                found.append(CameraDeletion(CameraId(name), until_ms, why, one.delete_kept, is_gone=True))
        return found

    def _start_undo(self, name: str, until_ms: int, now_ms: int) -> None:
        """Note when the time for an undo is over, if it runs: from then on, no step of the clock moves its end."""
        left_s = (until_ms - now_ms) / 1000
        if 0 < left_s <= UNDO_S + 2:  # as `removed_values` sets it
            self._removed_s.setdefault((name, until_ms), self._clock.mono_s() + left_s)

    def _is_due(self, name: str, until_ms: int, now_ms: int) -> bool:
        """Return whether the noted time for an undo is over, or else the date that is set."""
        due_s = self._removed_s.get((name, until_ms))
        return until_ms <= now_ms if due_s is None else due_s <= self._clock.mono_s()

    def forget_before(self, forget: Callable[[Collection[CameraId]], None]) -> None:
        """Call this, too, before the settings forget removed cameras. May raise TawnyError: tried again later."""
        self._forget.insert(0, forget)

    def forget_not_while(self, is_saved: Callable[[CameraId], bool]) -> None:
        """Remember a removed camera while this says that a saved clip shows it: who sees a new one sees its clips."""
        self._is_saved = is_saved

    def _forget_empty(self) -> None:
        settings, now_s = self._settings(), self._clock.mono_s()
        removed = [CameraId(name) for name in settings.removed_cameras if name not in settings.cameras]
        self._empty_since_s = {
            camera: self._empty_since_s.get(camera, now_s)
            for camera in removed
            if self._is_empty(camera) and not self._is_saved(camera)
        }
        due = [camera for camera, since_s in self._empty_since_s.items() if now_s - since_s >= EMPTY_S]
        if not due:
            return
        try:
            for forget in self._forget:
                forget(due)
        except TawnyError as error:
            log.warning("cannot forget the removed cameras %s: %s", ", ".join(due), error)
            self._empty_since_s = {}

    def _is_empty(self, camera: CameraId) -> bool:
        index = self._stored.index
        if index.bounds(camera) is not None or index.events(_EVER, cameras=[camera], limit=1).events:
            return False
        return not has_snapshots(self._stored.volume, camera)

    def _delete(self, wanted: CameraDeletion) -> None:
        index = self._stored.index
        before_bytes = index.size_bytes(wanted.camera)
        while self._stored.retention.delete_recordings(wanted):
            pass
        if self._stored.mirror is not None:
            self._stored.mirror.delete_recordings(wanted)
        if wanted.running:
            return
        delete_snapshots(self._stored.volume, wanted.camera, wanted.span)
        gone_bytes = before_bytes - index.size_bytes(wanted.camera)
        log.info("%s: recordings of %s %s", wanted.camera, size_text(gone_bytes), wanted.why)

    def _write(self) -> None:
        """Save what waits. Where that fails, as on a full disk, it is deleted all the same, but not after a restart."""
        with self._lock:
            content: dict[str, Any] = {key: asdict(one) for key, one in self._pending.items()}
            if self._on_disks:
                content[_ON_DISKS] = {key: asdict(one) for key, one in self._on_disks.items()}
            try:
                self._stored.volume.write_whole(PATH, json.dumps(content).encode())
            except StorageError as error:
                log.warning("a restart would forget a deletion: %s", error)


def _may_show(event: Event, part: CameraDeletion) -> bool:
    """Return whether a running event may show something of a deleted time that is to go."""
    if part.running:
        return event.id in part.running
    return around(event, 0).begin_ms < part.until_ms and (part.with_kept or not event.kept)


def _read(stored: StoredRecordings, latest_ms: int) -> tuple[dict[str, _Pending], dict[str, _OnDisks]]:
    """Return what a run before could not finish. An unreadable file holds nothing: nothing is deleted by mistake.

    latest_ms: when all of it is due: if it says later, the clock is behind.
    """
    disk = stored.volume.disk
    if disk.entry(PATH) is None:
        return {}, {}
    with suppress(StorageError, ValueError, KeyError, TypeError):
        content: dict[str, Any] = dict(json.loads(disk.read(PATH)))
        on_disks = {
            str(key): _OnDisks(_parts_of(one), tuple(map(str, one["away"])))
            for key, one in dict(content.pop(_ON_DISKS, {})).items()
        }
        pending = {
            str(key): _Pending(min(int(one["due_ms"]), latest_ms), _parts_of(one), bool(one["is_last"]))
            for key, one in content.items()
        }
        return pending, on_disks
    log.warning("%s can't be read: what was to be deleted stays", PATH)
    return {}, {}


def _parts_of(one: dict[str, Any]) -> tuple[CameraDeletion, ...]:
    return tuple(CameraDeletion(**part) for part in one["parts"])

"""Sets of finished files: recordings cut at times of the clock, by events or around their transitions, as files.

Each file is a delivery of the outbox, to an export folder or an upload destination: cut at keyframes from the
recordings without encoding, whole or not there, announced once. What is planned is durable, so that a restart goes on
where the last one ended. Time that was not recorded is in no file: a longer gap begins another one.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.targets import FileSetSettings
from tawny.delivery.courier import Courier, CourierStopped, DeliveryRoute, TargetWorker, WorkerPool
from tawny.delivery.delivery import Delivery, DeliveryContent, DeliveryKind, DeliveryState, StoredContent
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.export_folder import ExportFolder, FolderLimits
from tawny.delivery.file_names import NamedFile, checked_in_folder, has_counter, name, other_name
from tawny.delivery.targets import FOLDERS, OutboxBacklog, TargetView
from tawny.engine import ActorHandle, Engine
from tawny.media.codec.parameter_sets import same_picture
from tawny.media.mp4.segment_reader import SegmentReader
from tawny.model.errors import DeliveryError, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, FileFinished, Message, ProblemKind, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import CLOCK_STEP_MS, ClockSteps, Span
from tawny.playback import recordings
from tawny.playback.segment_player import keyframe_after, keyframe_before, reread_segment
from tawny.service.delivery.upload_scheduler import LONGEST_EVENT_MS, DeliverySource, same_format
from tawny.service.health.alarms import HealthProblem
from tawny.storage.disk.layout import is_sealed
from tawny.storage.index.protocol import all_events
from tawny.storage.retention.runner import AgeClock

log = logging.getLogger(__name__)
LOOK_S: Final = 1.0
IDLE_S: Final = 15.0
SETTLE_MS: Final = 15_000
"""How long, ms, after a time of the clock the recording of it may still come."""
JOIN_MS: Final = 5_000
"""Longest gap, ms, within one file."""
LEAST_MS: Final = 200
"""Shorter recordings, ms, become no file."""
REST_MS: Final = 15_000
"""After a stop, ms: what was recorded after the last file and before the end becomes no file of its own."""
MASKED_MS: Final = 240_000
"""Longest file, ms, of a camera with privacy masks, which is encoded in memory."""
CATCH_UP_MS: Final = 7 * 86_400_000
FINISH_S: Final = 5.0
AHEAD_S: Final = 600.0
_SEEN: Final = "seen files"
"""Mark: all files of events that had ended by then are planned."""
_MODES: Final = {"tawny": 0o600, "group": 0o640, "everyone": 0o644}
_PAGE: Final = 200
_BYTES_S: Final = 500_000


def folder_target(one: str) -> str:
    """Return the name of a set's target in the outbox, if it has a folder."""
    return f"{FOLDERS}{one}"


def next_mark_ms(after_ms: int, every_ms: int, zone: ZoneInfo) -> int:
    """Return the next time of the clock after an instant, ms UTC. Times are counted from local midnight."""

    def offset_ms(at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).utcoffset()
        return round(offset.total_seconds() * 1000) if offset else 0

    local_ms = (after_ms + offset_ms(after_ms)) // every_ms * every_ms + every_ms
    first_ms = local_ms - offset_ms(after_ms)
    # when the clocks change in between, the same time of the clock is another instant
    found = {first_ms, local_ms - offset_ms(first_ms)}
    marks = [at_ms for at_ms in found if at_ms > after_ms and (at_ms + offset_ms(at_ms)) % every_ms == 0]
    return min(marks, default=first_ms)


@dataclass(frozen=True, slots=True)
class _Set:
    """A set. name: in the settings."""

    name: str
    chosen: FileSetSettings

    @property
    def to(self) -> str:
        return self.chosen.destination or folder_target(self.name)

    def has(self, camera: CameraId) -> bool:
        return not self.chosen.cameras or camera in self.chosen.cameras

    def wants(self, event: Event) -> bool:
        return self.has(event.camera) and (not self.chosen.kinds or event.kind in self.chosen.kinds)


@dataclass(frozen=True, slots=True)
class _FileSpan:
    """Video that becomes one file, or several if it was interrupted.

    part: distinguishes the files of an event. at_ms: time in the name; None: when the video begins.
    """

    camera: CameraId
    span: Span
    part: str = ""
    event: Event | None = None
    at_ms: int | None = None
    edge: str = ""


@dataclass(frozen=True, slots=True)
class FileSetMeans:
    """cameras: returns those in the settings. content: what a delivery writes. publish: announces a file."""

    cameras: Callable[[], Sequence[CameraId]]
    content: Callable[[Delivery], StoredContent]
    publish: Callable[[Message], None]
    zone: ZoneInfo
    is_paused: Callable[[str], bool] = lambda _: False


class FileSets:
    """Plans the files of all sets as one actor, and runs the folders. Call the other methods from any thread."""

    name = "files"

    def __init__(self, source: DeliverySource, means: FileSetMeans, engine: Engine) -> None:
        self._source, self._means = source, means
        self._outbox, self._archive, self._clock = source.outbox, source.archive, source.clock
        self._lock = threading.Lock()
        self._steps, self._ages = ClockSteps(self._clock), AgeClock(self._clock)
        self._sets: tuple[_Set, ...] = ()
        self._since_ms: dict[str, int] = {}
        self._due_ms: dict[tuple[str, CameraId], int] = {}
        self._from_ms, self._shown_ms, self._began_s = self._clock.now_ms(), 0, self._clock.mono_s()
        """Since the start or the last step of the clock, and the latest time before one, ms UTC."""
        self._changed: deque[Event] = deque()
        self._events: dict[EventId, Event] = {}
        self._folders: dict[str, tuple[FileSetSettings, ExportFolder]] = {}
        self._expires_s, self._is_new = 0.0, True
        self._workers = WorkerPool[FileSetSettings](engine, self._begin)
        self.handle = ActorHandle()

    @property
    def targets(self) -> list[str]:
        """The targets of folders in the outbox."""
        return [one.to for one in self._sets if one.chosen.folder]

    def take_over(self, chosen: Mapping[str, FileSetSettings]) -> None:
        """Apply changed sets. A new one begins now; one that is gone is forgotten, its files stay."""
        with self._lock:
            for mark in self._outbox.marks("files/"):
                if mark.split("/")[1] not in chosen:
                    self._outbox.mark(mark, "")
            sets = tuple(_Set(name, one) for name, one in chosen.items())
            since_ms = {one.name: self._since(one) for one in sets}  # first: a full disk refuses new marks
            self._sets, self._since_ms = sets, since_ms
            self._folders = {name: self._folder(name, one) for name, one in chosen.items() if one.folder}
            self._due_ms, self._is_new = {}, True
            self._workers.take_over({name: one for name, one in chosen.items() if one.folder})
        self.handle.wake()

    def on_message(self, message: EventChanged | SegmentClosed) -> None:
        if isinstance(message, EventChanged):
            self._changed.append(message.event)
        self.handle.wake()

    def step(self) -> float:
        with self._lock:
            ahead_ms = self._ages.ahead_ms()  # each time, so that it knows since when the clock is ahead
            if moved_ms := self._steps.moved_ms():
                self._due_ms, now_ms = {}, self._clock.now_ms()
                self._from_ms = now_ms - round(IDLE_S * 1000)  # it was set since the last look
                self._shown_ms = max(self._shown_ms, now_ms - moved_ms)
                self._since_ms = {one.name: self._since(one) for one in self._sets}
            if self._is_new:
                self._find_missed()
                self._is_new = False
            while self._changed:
                event = self._changed.popleft()
                self._events[event.id] = event
            for one in self._sets:
                self._plan(one)
            self._forget_events()
            if self._clock.mono_s() >= self._expires_s:
                self._expires_s = self._clock.mono_s() + 600
                for _, folder in self._folders.values():
                    folder.expire(ahead_ms)
            return LOOK_S if self._events or self._is_near() else IDLE_S

    def close(self) -> None:
        """No resources to release."""

    def finish(self) -> None:
        """Plan the files whose recording a stop ends."""
        with self._lock:
            for one in self._sets:
                if one.chosen.split == "clock":
                    for camera in filter(one.has, self._means.cameras()):
                        self._finish(one, camera)

    def await_written(self) -> None:
        """Wait until no file waits for a folder, some seconds at most."""
        pause, until_s = threading.Event(), self._clock.mono_s() + FINISH_S
        while self._clock.mono_s() < until_s and any(
            self._outbox.ready(to, DeliveryKind.FILE.rank) for to in self.targets
        ):
            pause.wait(0.05)

    def stop(self) -> None:
        """Stop writing. Interrupted files wait for the next start."""
        self._workers.stop()

    def ended(self, delivery: Delivery) -> None:
        """Announce a file that is complete."""
        about = delivery.content
        if delivery.what is not DeliveryKind.FILE or "from_ms" not in about:
            return
        now = self._outbox.find(delivery.to, delivery.name)
        if now is None or now.state is not DeliveryState.DONE:
            return
        _, folder = self._folders.get(str(about["set"]), (None, None))
        self._means.publish(
            FileFinished(
                str(about["set"]), delivery.name, str(folder.root) if folder else "", CameraId(delivery.camera or ""),
                int(about["from_ms"]), int(about["to_ms"]), now.size_bytes, delivery.event, str(about.get("edge", "")),
            )
        )  # fmt: skip

    def views(self) -> list[TargetView]:
        """Return the sets with their state. Files for a destination wait there."""
        return [self._view(one) for one in self._sets]

    def test(self, name: str, chosen: FileSetSettings) -> list[ConnectionTestStep]:
        """Test whether the folder can be written to. It is created if it is missing."""
        if chosen.destination:
            return [ConnectionTestStep(f"Files go to {chosen.destination}; test that destination")]
        try:
            self._folder(name, chosen)[1].opened().probe()
        except DeliveryError as error:
            return [ConnectionTestStep("Write to the folder", error.message, error.do)]
        return [ConnectionTestStep("Wrote a file to the folder and deleted it")]

    def try_now(self, name: str) -> None:
        """End the backoff of a set's folder. Call from any thread."""
        self._workers.try_now(name)

    def target(self, name: str) -> str | None:
        """Return a set's target in the outbox; None for an unknown one."""
        return next((one.to for one in self._sets if one.name == name), None)

    def troubles(self) -> Iterator[HealthProblem]:
        """Yield folders that cannot be written to, or whose disk is full."""
        found, do = list[str](), ""
        for one, (_, folder) in self._folders.items():
            if (trouble := self._outbox.trouble(folder.to)) and (waiting := self._outbox.waiting(folder.to).count):
                many = "1 file is" if waiting == 1 else f"{waiting} files are"
                found.append(f"{many} waiting for {one}: {trouble}")
            if count := folder.removed_when_full():
                many = "1 file was" if count == 1 else f"{count} files were"
                found.append(f"Within the last day, {many} deleted from {folder.root}, because its disk is full.")
                do = "Free up space on that disk, or set a lower `max_size`."
            if folder.had_too_large():
                found.append(f"Files were too large for the file system of {folder.root}. Set a shorter `every`.")
        if found:
            yield HealthProblem(ProblemKind.FILES, None, " ".join(found), do)

    # --- times of the clock

    def _plan(self, one: _Set) -> None:
        if one.chosen.split == "clock":
            plans = [partial(self._by_clock, one, camera) for camera in filter(one.has, self._means.cameras())]
        else:
            plans = [partial(self._by_event, one, event) for event in filter(one.wants, [*self._events.values()])]
        for plan in plans:
            try:
                plan()
            except StorageError as error:
                log.warning("%s: %s", one.name, error)

    def _by_clock(self, one: _Set, camera: CameraId) -> None:
        """Plan every file that has ended."""
        if self._due_ms.get((one.name, camera), 0) > self._clock.now_ms():
            return
        at_ms, is_rest = self._position(one, camera)
        while at_ms <= self._clock.now_ms() + CLOCK_STEP_MS:
            if not self._has_plain(camera, Span(at_ms, max(at_ms, self._clock.now_ms()) + 1)):
                at_ms = max(at_ms, self._clock.now_ms())
                self._outbox.mark(self._mark(one, camera), str(at_ms))  # this time is looked through only once
            if not self._segments(camera, Span(at_ms, at_ms + 1)):
                following_ms = recordings.next_after(self._archive, camera, at_ms, StreamName.MAIN)
                if following_ms is not None and following_ms <= self._clock.now_ms():  # not of a clock that was ahead
                    at_ms, is_rest = max(at_ms, following_ms), is_rest and following_ms <= at_ms + LEAST_MS
            mark_ms = next_mark_ms(at_ms, self._every_ms(one, camera), self._means.zone)
            self._due_ms[one.name, camera] = mark_ms
            end_ms = self._cut_ms(camera, mark_ms)
            if end_ms is None:
                return
            self._add(one, _FileSpan(camera, Span(at_ms, end_ms)), is_rest=is_rest)
            self._outbox.mark(self._mark(one, camera), str(end_ms))
            at_ms, is_rest = end_ms, False

    def _finish(self, one: _Set, camera: CameraId) -> None:
        at_ms, is_rest = self._position(one, camera)
        end_ms = recordings.recorded_until_ms(self._archive, camera, self._clock.now_ms())
        if end_ms - at_ms > LEAST_MS:
            self._add(one, _FileSpan(camera, Span(at_ms, end_ms)), is_rest=is_rest)
            self._outbox.mark(self._mark(one, camera), f"{end_ms} stop")

    def _position(self, one: _Set, camera: CameraId) -> tuple[int, bool]:
        """Return up to when files are planned, and whether tawny stopped there."""
        mark, now_ms = self._mark(one, camera), self._clock.now_ms()
        at, _, stopped = self._outbox.marks(mark).get(mark, "").partition(" ")
        is_old = self._clock.mono_s() - self._began_s >= AHEAD_S  # before, the clock may be behind since the start
        if at and int(at) > now_ms + CLOCK_STEP_MS and (is_old or int(at) <= self._shown_ms):
            at, stopped = str(self._from_ms), ""
            self._outbox.mark(mark, at)
        first_ms = max(self._since_ms[one.name], now_ms - CATCH_UP_MS)
        at_ms = max(int(at or 0), first_ms)
        return at_ms if at else self._begin_ms(camera, at_ms), bool(stopped)

    def _cut_ms(self, camera: CameraId, at_ms: int) -> int | None:
        """Return where a file ends that ends at this time: at the next keyframe. None: not recorded yet."""
        now_ms = self._clock.now_ms()
        if now_ms < at_ms:
            return None
        around = self._segments(camera, Span(at_ms, at_ms + SETTLE_MS))
        for segment in around:
            if segment.start_ms >= at_ms:
                return at_ms if segment.start_ms - at_ms > JOIN_MS else segment.start_ms
            found = keyframe_after(self._archive, segment, at_ms)
            if found is not None:
                return found
        still_open = [one for one in self._archive.open_segments(camera) if one.stream is StreamName.MAIN]
        may_reach = any(one.start_ms <= at_ms for one in still_open)  # later ones, as after a restart, do not have it
        return None if may_reach or now_ms < at_ms + SETTLE_MS else at_ms

    # --- events

    def _by_event(self, one: _Set, event: Event) -> None:
        if not self._has_plain(event.camera, Span(event.start_ms, event.start_ms + 1)):
            return
        if one.chosen.split == "transitions":
            for edge, at_ms in (("start", event.start_ms), ("end", event.end_ms)):
                if at_ms is not None and self._is_edge(one, event, at_ms):
                    self._transition(one, event, edge, at_ms)
            return
        whole = self._source.clip_of(event, self._clock.now_ms())
        begin_ms, at_ms = whole.begin_ms, self._begin_ms(event.camera, whole.begin_ms)
        for number, nominal_ms in enumerate(self._cuts(one, event, begin_ms)):
            is_last = event.end_ms is not None and nominal_ms >= whole.end_ms - LEAST_MS
            end_ms = None if is_last else self._cut_ms(event.camera, nominal_ms)
            is_last |= event.end_ms is not None and end_ms is not None and end_ms >= whole.end_ms - LEAST_MS
            end_ms = self._end_ms(event.camera, whole.end_ms) if is_last else end_ms
            if end_ms is None:
                return
            if not self._has_part(one, event, str(number)) and end_ms > at_ms:
                edge = "start" if number == 0 and one.chosen.first else ""
                self._add(one, _FileSpan(event.camera, Span(at_ms, end_ms), str(number), event, edge=edge))
            if is_last or not self._has_plain(event.camera, Span(end_ms, max(end_ms, self._clock.now_ms()) + 1)):
                return
            at_ms = end_ms

    def _transition(self, one: _Set, event: Event, edge: str, at_ms: int) -> None:
        around_ms = round(one.chosen.around * 1000)
        end_ms = self._end_ms(event.camera, at_ms + around_ms)
        if end_ms is not None and not self._has_part(one, event, edge):
            begin_ms = self._begin_ms(event.camera, at_ms - around_ms)
            self._add(one, _FileSpan(event.camera, Span(begin_ms, end_ms), edge, event, at_ms=at_ms, edge=edge))

    def _is_edge(self, one: _Set, event: Event, at_ms: int) -> bool:
        """Return whether no other event lasts at this time: of several, the first start and the last end count."""
        near = Span(at_ms - LONGEST_EVENT_MS, at_ms + 1)
        index, mine = self._archive.index, (event.start_ms, event.id)
        for other in all_events(lambda after: index.events(near, cameras=[event.camera], after=after, limit=_PAGE)):
            if other.id == event.id or not one.wants(other):
                continue
            is_over = other.end_ms is not None and other.end_ms < at_ms
            if at_ms == event.start_ms and (other.start_ms, other.id) < mine and not is_over:
                return False
            if at_ms == event.end_ms and other.start_ms <= at_ms and (other.end_ms is None or other.end_ms > at_ms):
                return False
        return True

    def _cuts(self, one: _Set, event: Event, begin_ms: int) -> Iterator[int]:
        """Yield when the files of an event end if it goes on."""
        at_ms = begin_ms
        if one.chosen.first:
            at_ms = event.start_ms + round(one.chosen.first * 1000)
            yield at_ms
        while True:
            at_ms += self._every_ms(one, event.camera)
            yield at_ms

    def _has_part(self, one: _Set, event: Event, part: str) -> bool:
        return any(
            known.to == one.to and (known.content.get("set"), known.content.get("part")) == (one.name, part)
            for known in self._outbox.of_event(event.id)
        )

    def _begin_ms(self, camera: CameraId, at_ms: int) -> int:
        """Return the keyframe at or before a time; the same time if it was not recorded."""
        around = self._segments(camera, Span(at_ms, at_ms + 1))
        return keyframe_before(self._archive, around[0], at_ms) if around else at_ms

    def _end_ms(self, camera: CameraId, at_ms: int) -> int | None:
        """Return this time once it is recorded, or will not be. None: not yet."""
        now_ms = self._clock.now_ms()
        if recordings.recorded_until_ms(self._archive, camera, now_ms) >= at_ms:
            return at_ms
        still_open = [one for one in self._archive.open_segments(camera) if one.stream is StreamName.MAIN]
        return at_ms if now_ms >= at_ms + SETTLE_MS and not still_open else None

    def _forget_events(self) -> None:
        """Forget events of which every set has what it will get."""
        now_ms, had_any = self._clock.now_ms(), bool(self._events)
        for event in list(self._events.values()):
            end_ms = event.end_ms
            if end_ms is not None and now_ms > self._source.clip_of(event, end_ms).end_ms + 4 * SETTLE_MS:
                del self._events[event.id]
        if had_any and not self._events:
            self._outbox.mark(_SEEN, str(now_ms))

    def _find_missed(self) -> None:
        """Find the events since the last files, also those that went on while tawny was not running."""
        now_ms = self._clock.now_ms()
        seen_ms = min(now_ms, int(self._outbox.marks(_SEEN).get(_SEEN, 0))) - LONGEST_EVENT_MS
        begin_ms = max(min(self._since_ms.values(), default=now_ms), now_ms - CATCH_UP_MS, seen_ms)
        if begin_ms >= now_ms or all(one.chosen.split == "clock" for one in self._sets):
            return
        index, span = self._archive.index, Span(begin_ms, now_ms + 1)
        for event in all_events(lambda after: index.events(span, after=after, limit=_PAGE)):
            if event.start_ms >= begin_ms:
                self._events.setdefault(event.id, event)

    # --- files

    def _add(self, one: _Set, wanted: _FileSpan, *, is_rest: bool = False) -> None:
        """Queue the files of this video. is_rest: a stop wrote what came before it, all but a short run."""
        runs, begin_ms = self._runs(wanted.camera, wanted.span), wanted.span.begin_ms
        until_ms = min(begin_ms + REST_MS, wanted.span.end_ms)
        if is_rest and runs and runs[0].begin_ms <= begin_ms + LEAST_MS and runs[0].end_ms < until_ms:
            del runs[0]
        made: list[Delivery] = []
        for number, run in enumerate(runs):
            made += self._deliveries(one, wanted, run, with_picture=number == 0 and wanted.part == "0", taken=made)
        self._outbox.add(made)

    def _deliveries(
        self, one: _Set, wanted: _FileSpan, run: Span, *, with_picture: bool, taken: Sequence[Delivery]
    ) -> Iterator[Delivery]:
        event, camera = wanted.event, wanted.camera
        at_ms = run.begin_ms if wanted.at_ms is None else wanted.at_ms
        content: dict[str, object] = {
            "set": one.name, "part": wanted.part, "from_ms": run.begin_ms, "to_ms": run.end_ms,
        }  # fmt: skip
        if wanted.edge:
            content["edge"] = wanted.edge
        if any(known.camera == camera and known.content == content for known in self._outbox.at(one.to, at_ms)):
            return  # planned before a crash
        pattern = checked_in_folder(one.chosen.names)
        key = event.id if event else f"{camera}/{run.begin_ms}"
        named = NamedFile(
            camera, at_ms, event.id if event else f"{run.begin_ms:016x}", event.kind if event else "recording",
            self._source.called().get(camera, ""), run.end_ms,
            self._outbox.number(folder_target(one.name), f"{key}/{wanted.part}/{run.begin_ms}") if has_counter(pattern)
            else 0,
        )  # fmt: skip
        path = self._free_name(one, name(pattern, named, "mp4", self._means.zone), [each.name for each in taken])
        made = Delivery(
            one.to, path, DeliveryKind.FILE, content, self._clock.now_ms(), at_ms, camera, event.id if event else None,
            run, self._size_bytes(camera, run),
        )  # fmt: skip
        yield made
        if with_picture and event is not None and event.picture_ms is not None and one.chosen.snapshots:
            stem = path.removesuffix(".mp4")
            picture = {"set": one.name, "event": event.id, "picture_ms": event.picture_ms}
            yield replace(made, name=f"{stem}.jpg", content=picture, needs=None, size_bytes=0)

    def _free_name(self, one: _Set, wanted: str, taken: Sequence[str]) -> str:
        """Return the name, or the same with a number if there is another file of it."""

        def is_free(path: str) -> bool:
            is_known = path in taken or self._outbox.find(one.to, path) is not None
            return not is_known and not (one.chosen.folder and os.access(Path(one.chosen.folder, path), os.F_OK))

        number, path = 1, wanted
        while not is_free(path):
            number += 1
            path = other_name(wanted, number)
        return path

    def _runs(self, camera: CameraId, within: Span) -> list[Span]:
        """Return the recorded parts of a span, without gaps and changes of format."""
        runs: list[Span] = []
        last: Segment | None = None
        before: SegmentReader | None = None
        for segment in self._segments(camera, within):
            part = segment.span.cut_to(within)
            if part is None:
                continue
            is_near = last is not None and segment.start_ms - last.end_ms <= JOIN_MS and same_format(last, segment)
            file = self._file(segment)
            if is_near and _fit(before, file):
                runs[-1] = Span(runs[-1].begin_ms, max(runs[-1].end_ms, part.end_ms))
            else:
                runs.append(part)
            last, before = segment, file
        return [run for run in runs if run.end_ms - run.begin_ms >= LEAST_MS]

    def _file(self, segment: Segment) -> SegmentReader | None:
        """Return what the file says of itself. None: it is damaged, of which its delivery complains."""
        try:
            return reread_segment(self._archive, segment)
        except StorageError:
            return None

    def _size_bytes(self, camera: CameraId, span: Span) -> int:
        found = self._segments(camera, span)
        seconds = sum(one.span.seconds for one in found)
        return round(sum(one.size_bytes for one in found) / seconds * span.seconds) if seconds else _BYTES_S

    # --- inside

    def _segments(self, camera: CameraId, within: Span) -> list[Segment]:
        """Return the recordings of a span that can be cut here: not the encrypted ones."""
        found = recordings.segments(self._archive, camera, StreamName.MAIN, within)
        return [segment for segment in found if not is_sealed(segment.path)]

    def _has_plain(self, camera: CameraId, within: Span) -> bool:
        """Return whether something can be cut: of an encrypted camera, what was recorded before it was encrypted."""
        return not self._source.sealed.seals(camera) or bool(self._segments(camera, within))

    def _every_ms(self, one: _Set, camera: CameraId) -> int:
        every_ms = round(one.chosen.every * 1000)
        return min(every_ms, MASKED_MS) if self._archive.private(camera) else every_ms

    def _is_near(self) -> bool:
        return min(self._due_ms.values(), default=1 << 62) < self._clock.now_ms() + round(IDLE_S * 1000)

    def _mark(self, one: _Set, camera: CameraId) -> str:
        return f"files/{one.name}/{camera}"

    def _since(self, one: _Set) -> int:
        """Return since when the set is in the settings, ms UTC."""
        mark, now_ms = f"files/{one.name}", self._clock.now_ms()
        found = self._outbox.marks(mark).get(mark)
        if found is None or now_ms < int(found) <= self._shown_ms:  # it is new, or the clock was ahead
            self._outbox.mark(mark, str(now_ms))
        return min(int(found or now_ms), now_ms)

    def _view(self, one: _Set) -> TargetView:
        is_folder = bool(one.chosen.folder)
        gets = {"clock": "all recordings", "events": "events", "transitions": "starts and ends of events"}
        return TargetView(
            one.name, "files", one.chosen.folder or one.chosen.destination, "", gets[one.chosen.split],
            self._outbox.waiting(one.to) if is_folder else OutboxBacklog(),
            self._outbox.trouble(one.to) if is_folder else "", self._means.is_paused(one.name),
            self._outbox.ended(one.to) if is_folder else [], {},
        )  # fmt: skip

    def _folder(self, one: str, chosen: FileSetSettings) -> tuple[FileSetSettings, ExportFolder]:
        known = self._folders.get(one)
        if known is not None and known[0] == chosen:
            return known
        limits = FolderLimits(chosen.max_size, chosen.retention, _MODES[chosen.readable_by])
        to, root = folder_target(one), Path(chosen.folder)
        return chosen, ExportFolder(to, root, self._outbox, self._clock, self._is_kept, limits)

    def _is_kept(self, event: EventId) -> bool:
        found = self._archive.index.event(event)
        return found is not None and found.kept

    def _begin(self, one: str, chosen: FileSetSettings, ending: threading.Event) -> Sequence[TargetWorker]:
        _, folder = self._folders[one]

        def content(delivery: Delivery) -> DeliveryContent:
            return replace(self._means.content(delivery), wait=wait)

        def wait(_size_bytes: int) -> None:
            if ending.is_set():
                raise CourierStopped

        route = DeliveryRoute(folder.to, folder.opened, content, is_paused=lambda: self._means.is_paused(one))
        return [Courier(1, route, self._outbox, self._clock, self.ended)]


def _fit(one: SegmentReader | None, other: SegmentReader | None) -> bool:
    """Return whether one clip holds both, as far as known. The index has no orientation."""
    return one is None or other is None or (one.audio == other.audio and same_picture(one.video, other.video))

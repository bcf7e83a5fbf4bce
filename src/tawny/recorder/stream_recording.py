"""Recording of one stream: from its hub through the write buffer to a writer, and recovery from disk errors.

Used on the recorder's thread unless stated otherwise. While a job is unfinished, it owns the writer.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tawny.engine.backoff import Backoff
from tawny.model.errors import DiskFull, StorageError, TooManyFiles
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.model.segments import GapReason
from tawny.model.times import Clock, Span, merge_spans
from tawny.recorder.recording_times import RecordingTimes, WritingChange, is_wanted
from tawny.recorder.segmenter import LOOK_S, OLDEST_S, SEGMENT_BYTES, SEGMENT_S, WriteBuffer, WriteUnit, duration_s
from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.writer_pool import VolumeSelector, WriteJob
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.metadata import SegmentTrailer
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

_HANGS_S: Final = 5.0
"""Time in s after which a pending write counts as a hanging disk."""
_LEAVE_S: Final = 8.0
"""Time in s after which recording moves to another volume, if available. A hub's ring buffer holds more than this."""
_EVER_S: Final = 1e6
MOST_LOST_S: Final = 2.0
"""Promised maximum loss at a power cut, in s."""
_LATE: Final = 3
"""Number of times within _LATE_S, in s, that more was at risk until the disk counts as too slow."""
_LATE_S: Final = 600.0
_FRESH_S: Final = 6.0
"""A stream counts as recorded if data became durable within this time, in s."""


_JOB_BYTES: Final = 8_000_000
"""Maximum size of a job in bytes, unless its first write unit alone is larger: submitted data can no longer be dropped.
"""


@dataclass(frozen=True, slots=True)
class BufferLimits:
    """Limits of data waiting for the disk, and target length and size of segments.

    waiting_bytes: memory limit per stream, in addition to one job (8 MB). segment_bytes: None chooses it by the volume.
    """

    waiting_s: float = 60.0
    waiting_bytes: int = 64_000_000
    segment_s: float = SEGMENT_S
    segment_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class WriteLoss:
    """Part of a stream that was received but not written."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    end_ms: int | None
    """None while writing has not resumed."""
    reason: GapReason
    detail: str


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """Status of a recording.

    recording: data became durable recently without a disk error. durable_ms: all data up to this time is durable; None
    before the first.
    """

    recording: bool
    durable_ms: int | None
    size_bytes: int
    problem: StorageError | None


NOT_RECORDED: Final = RecordingStatus(recording=False, durable_ms=None, size_bytes=0, problem=None)


def _some(pieces: list[WriteUnit]) -> list[WriteUnit]:
    """Return the leading write units that fit into one job."""
    size_bytes = 0
    for number, piece in enumerate(pieces):
        size_bytes += sum(len(packet.data) for packet in piece.packets)
        if size_bytes > _JOB_BYTES:
            return pieces[: max(1, number)]
    return pieces


_LONGEST_REST_MS: Final = 20_000
"""Maximum time without a keyframe after the wanted time, in ms, until a file ends before any frame."""
NOTHING_WANTED: Final = "nothing happened any more"
"""Why a file ends at the end of the wanted time."""


class StreamRecording:
    """Recording of one stream. places: selects the volume. report: receives losses.

    wanted: which time is written; None: all of it. What is not wanted stays in the ring buffer until it leaves that.
    """

    def __init__(
        self,
        hub: Hub,
        writer: StreamWriter,
        places: VolumeSelector,
        limits: BufferLimits,
        report: Callable[[WriteLoss], None],
        clock: Clock,
        wanted: RecordingTimes | None = None,
    ) -> None:
        self.camera, self.stream, self._clock = writer.camera, writer.stream, clock
        self._begun_s = 0.0  # when the last finished job was submitted
        self._late: deque[tuple[float, float]] = deque(maxlen=_LATE)  # when, and the seconds at risk
        self._hub, self.writer, self._places, self._limits, self._report = hub, writer, places, limits, report
        self._wanted = wanted
        self._is_writing = wanted is None or wanted.is_always
        self._wanted_from: tuple[RunId, int] = RunId(""), 0  # begin of the wanted time that is being written, ms UTC
        self._next = 0  # number of the first packet that is not written while nothing is
        self._rests_ms: int | None = None  # end of what was written, while nothing is
        self._reader = hub.reader()
        self._gatherer = self._new_gatherer()
        self._queue: deque[WriteUnit] = deque()
        self._job: WriteJob | None = None
        self._retry_s = 0.0
        self._backoff = Backoff(first_s=0.5, most_s=5.0)
        self._short = Span(0, 0)
        self._ends: deque[tuple[int, str]] = deque()  # last packet of an ended run, and the reason
        self._newest_ms: int | None = None
        self._loss: WriteLoss | None = None
        self._losses = 0  # number of losses; write units with at least this count come after the last loss
        self._durable_at_s = float("-inf")
        self._removal: tuple[int, str] | None = None
        """Last packet that is written before the removal, and the reason."""
        self._is_removed = False
        self.problem: StorageError | None = None
        self.needs_room = False
        """The disk was full. The caller resets it after requesting space."""
        self.is_over = False
        """Removed, and everything is written and closed."""

    # --- any thread

    def end_run(self, why: str) -> None:
        """Close the file after the hub's newest packet, which ends the run."""
        newest = self._hub.newest
        if newest is not None and self._removal is None:
            self._ends.append((newest.number, why))

    def shorten(self, span: Span) -> None:
        """End each file in this span after a few seconds, at the next keyframe. Overlapping spans add up."""
        self._short = next(one for one in merge_spans([self._short, span]) if one.overlaps(span))

    def begin_after(self, number: int) -> None:
        """Begin with wanted time from this packet on: an earlier recording wrote those before. Call before any step."""
        self._is_writing, self._next = False, number

    def remove(self, why: str) -> int:
        """Close the file after the packets received so far, and accept no more. Return the next packet's number."""
        newest = self._hub.newest
        next_number = 0 if newest is None else newest.number + 1
        self._removal = next_number - 1, why
        return next_number if self._is_writing or newest is None else self._next

    def status(self, now_s: float) -> RecordingStatus:
        fresh = now_s - self._durable_at_s <= _FRESH_S
        return RecordingStatus(
            fresh and self.problem is None, self.writer.durable_ms, self.writer.durable_bytes, self.problem
        )

    @property
    def awaits_packets(self) -> bool:
        """Return whether the stream has sent nothing yet."""
        return self._is_writing and self._hub.newest is None

    @property
    def awaits_disk(self) -> bool:
        """Return whether packets have arrived and nothing is durable yet."""
        return self._is_writing and self._hub.newest is not None and self.writer.durable_ms is None

    def at_risk_s(self, now_s: float) -> float:
        """Return the most seconds that a power cut would have taken in the last minutes, more than once.

        0 while it is what is promised.
        """
        late = [at_risk_s for at_s, at_risk_s in self._late if now_s - at_s < _LATE_S]
        return max(late) if len(late) == _LATE else 0.0

    @property
    def on_spare(self) -> Volume | None:
        return self.writer.on_spare

    @property
    def waiting_bytes(self) -> int:
        """Bytes in memory that are not on the disk yet."""
        job = self._job
        pieces = [*self._queue, *(job.left if job is not None else ())]
        return self._gatherer.size_bytes + sum(len(packet.data) for piece in pieces for packet in piece.packets)

    # --- the recorder's thread

    @property
    def waits(self) -> bool:
        """A job is waiting for a disk."""
        return self._job is not None and not self._job.finished

    def step(self, now_s: float) -> WriteJob | None:
        """Read the hub. Return the next job, or None."""
        if self._removal is not None and not self._is_removed:
            self._ends.append(self._removal)
            self._is_removed = True
        self._gatherer.shorten(self._short)
        if not self._is_writing:
            self._begin_wanted()
        if self._is_writing:
            self._take(now_s)
        else:
            self._rest()
        self.writer.clock_offset_s = self._hub.clock_offset_s
        if self._job is not None and self._job.finished:
            job, self._job = self._job, None
            self._after(job, now_s)
        self._shed(now_s)
        if self._job is None and not self._queue and now_s >= self._retry_s:
            self._queue.extend(self._gatherer.take(now_s))
        self._report_loss()
        if self._job is not None:
            self._wait(self._job, now_s)
            return None
        if self._queue and now_s >= self._retry_s:
            return self._next_job(now_s)
        if self._is_removed and not self._queue and not self._ends:
            self.is_over = True
            self._reader.close()
        return None

    def _next_job(self, now_s: float) -> WriteJob | None:
        """Return a job for all due units, or only those of the open file if new files go to another volume now."""
        pieces, on, at = list(self._queue), self._places.best(), self.writer.volume
        if at is not None and at is not on:
            begins = next((n for n, piece in enumerate(pieces) if not self.writer.goes_on_with(piece)), len(pieces))
            if begins:
                pieces, on = pieces[:begins], at
        if on is None:
            return None
        pieces = _some(pieces)
        for _ in pieces:
            self._queue.popleft()
        self._job = WriteJob(self.writer, pieces, now_s, on, self._clock.mono_s)
        return self._job

    def _shed(self, now_s: float) -> None:
        """Keep waiting data within its limits: drop the oldest, up to a keyframe."""
        limits, packets = self._limits, [packet for piece in self._queue for packet in piece.packets]
        if packets:
            size_bytes = self._gatherer.size_bytes + sum(len(packet.data) for packet in packets)
            waiting_s = duration_s(packets) + self._gatherer.waiting_s
            if size_bytes > limits.waiting_bytes or waiting_s > limits.waiting_s:
                self._queue.clear()
                self._queue.append(WriteUnit((), ends=SegmentTrailer(0, "the disk was too slow")))
                self._gatherer.put_back(packets, now_s)
        self._queue.extend(self._gatherer.shed(limits.waiting_s, limits.waiting_bytes))

    def _wait(self, job: WriteJob, now_s: float) -> None:
        """Handle a pending job. A disk that does not respond is abandoned if another volume is available."""
        waited_s = now_s - job.begun_s
        if waited_s > _HANGS_S and self.problem is None:
            self.problem = StorageError(str(job.on.root), "it isn't responding")
        if waited_s > _LEAVE_S and self._places.other_than(job.on):
            self._places.leave(job, self.writer)
            self._job, self.writer = None, self.writer.another()
            packets = [packet for piece in (*job.left, *self._queue) for packet in piece.packets]
            self._queue.clear()
            packets.sort(key=lambda packet: packet.number)
            self._gatherer.put_back([*self._before(packets), *packets], now_s)

    def _before(self, packets: list[Packet]) -> list[Packet]:
        """Return the ring buffer's packets from the preceding keyframe on, because a new file begins with one."""
        if not packets:
            return []
        ring, first = self._hub.recent(_EVER_S), packets[0].number
        begins = [packet.number for packet in ring if packet.is_keyframe and packet.number <= first]
        return [packet for packet in ring if begins and begins[-1] <= packet.number < first]

    def start_over(self) -> None:
        """Recover from an unexpected failure: discard waiting data and continue with a new file."""
        self._gatherer = self._new_gatherer()
        self._queue.append(WriteUnit((), ends=SegmentTrailer(0, "the recorder failed")))

    def _new_gatherer(self) -> WriteBuffer:
        return WriteBuffer(self._limits.segment_s, self._limits.segment_bytes or SEGMENT_BYTES)

    def _take(self, now_s: float) -> None:
        """Read the hub. A file ends at skipped packets and at the end of a run."""
        if self._is_removed and not self._ends:
            return
        batch = self._reader.take()
        if batch.skipped:
            self._queue.extend(self._gatherer.take(now_s, "packets were dropped"))
            first_ms = batch.packets[0].at_ms
            begin_ms = first_ms if self._newest_ms is None else min(first_ms, self._newest_ms)
            self._gatherer.missed(Span(begin_ms, first_ms))
        packets = batch.packets
        # else its last packets are still to be read; a stream without packets ends before its first
        while self._ends and self._ends[0][0] < max(0, self._reader.next_number):
            last, why = self._ends.popleft()
            if not self._add_wanted([packet for packet in packets if packet.number <= last], now_s):
                self._ends.appendleft((last, why))
                return
            self._queue.extend(self._gatherer.take(now_s, why))
            packets = [packet for packet in packets if packet.number > last]
        if self._ends or not self._is_removed:
            self._add_wanted(packets, now_s)

    def _begin_wanted(self) -> None:
        """Begin to write at the last keyframe before the next wanted time, if that has come."""
        newest = self._hub.newest
        if self._wanted is None or newest is None:
            return
        last = self._ends[-1][0] if self._is_removed and self._ends else -1 if self._is_removed else newest.number
        for span in self._wanted.spans():
            first = self._hub.keyframe_before(span.begin_ms, self._next)
            if first is None or first.number > last:
                continue
            if first.at_ms < span.end_ms and span.begin_ms <= newest.at_ms:
                self._is_writing, self._wanted_from, self._newest_ms = True, (first.run, span.begin_ms), None
                self._reader = self._hub.reader_at(first.number)
                while self._ends and self._ends[0][0] < first.number:
                    self._ends.popleft()
                self._wanted.changed(WritingChange(self.stream, first.at_ms, is_written=True))
                return

    def _rest(self) -> None:
        """Forget ends of runs, and report the end of a loss: nothing more is lost while nothing is wanted."""
        oldest = self._hub.begin_at(_EVER_S)
        while self._ends and (self._is_removed or self._ends[0][0] < oldest):
            self._ends.popleft()
        is_written = self._job is None and not self._queue and self.problem is None
        if self._loss is not None and self._rests_ms is not None and is_written:
            self._report(replace(self._loss, end_ms=max(self._rests_ms, self._loss.begin_ms)))
            self._loss = None

    def _add_wanted(self, packets: list[Packet], now_s: float) -> bool:
        """Add the packets before the first keyframe that is not wanted. Return whether that is all of them."""
        end = self._wanted_end(packets)
        if end is None:
            self._add(packets, now_s)
            return True
        assert self._wanted is not None
        rest = packets[end]
        self._add(packets[:end], now_s)
        self._queue.extend(self._gatherer.take(now_s, NOTHING_WANTED, rest if rest.is_video else None))
        self._is_writing, self._next, self._rests_ms = False, rest.number, rest.at_ms
        self._wanted.changed(WritingChange(self.stream, rest.at_ms, is_written=False))
        return False

    def _wanted_end(self, packets: list[Packet]) -> int | None:
        """Return the position of the first packet at which the wanted time is over; None if it goes on."""
        if self._wanted is None or self._wanted.is_always:
            return None
        spans = self._wanted.spans()
        over_ms = max((span.end_ms for span in spans), default=0)
        run, from_ms = self._wanted_from  # in another run, the clock may have been set back before it
        for at, packet in enumerate(packets):
            may_end = packet.is_keyframe or packet.at_ms > over_ms + _LONGEST_REST_MS
            if may_end and (packet.run != run or packet.at_ms >= from_ms) and not is_wanted(spans, packet.at_ms):
                return at
        return None

    def _add(self, packets: list[Packet], now_s: float) -> None:
        self._gatherer.add(packets, now_s)
        if packets:
            self._newest_ms = packets[-1].at_ms

    def _after(self, job: WriteJob, now_s: float) -> None:
        """Process a finished job: record its success, or requeue the rest."""
        at_risk_s = min(job.begun_s - self._begun_s, OLDEST_S + LOOK_S) + job.ended_s - job.begun_s
        self._begun_s = job.begun_s
        if at_risk_s > MOST_LOST_S:
            self._late.append((now_s, at_risk_s))
        if job.done:
            self._durable_at_s = now_s
            self._written(job.done)
        if job.error is None and not job.unusable and not job.left:
            self.problem = None
            self._backoff.reset()
            return
        if self.problem is None:
            log.warning("cannot write %s %s: %s", self.camera, self.stream, job.error or job.unusable)
        self.problem = job.error or StorageError(self.writer.where, job.unusable or "a disk writer failed")
        self.needs_room = isinstance(job.error, DiskFull)
        self._retry_s = now_s + self._backoff.next_s()
        left = [*job.left, *self._queue]
        self._queue.clear()
        if job.error is None:
            self._forget(left)
        elif self.writer.has_file:
            self._queue.extend(left)  # retry the same units in the same file
        else:
            self._gatherer.put_back([packet for piece in left for packet in piece.packets], now_s)

    def _forget(self, pieces: list[WriteUnit]) -> None:
        """Drop units that cannot be stored."""
        at_ms = [packet.at_ms for piece in pieces for packet in piece.packets]
        if at_ms:
            self._gatherer.missed(Span(min(at_ms), max(at_ms)))
        self._gatherer.put_back([], 0.0)
        self._queue.append(WriteUnit((), ends=SegmentTrailer(0, "the following video can't be stored")))

    def _written(self, pieces: list[WriteUnit]) -> None:
        """Report the end of a loss when a file after it is written."""
        for piece in pieces:
            if self._loss is not None and piece.begins is not None and piece.losses >= self._losses:
                self._report(replace(self._loss, end_ms=max(piece.begins.start_ms, self._loss.begin_ms)))
                self._loss = None

    def _report_loss(self) -> None:
        lost, self._gatherer.lost = self._gatherer.lost, None
        if lost is not None:
            self._losses = self._gatherer.losses
        if lost is None or self._loss is not None:
            return
        reason = GapReason.OVERLOAD
        if self.problem is not None and not isinstance(self.problem, TooManyFiles):
            reason = GapReason.DISK_FULL if isinstance(self.problem, DiskFull) else GapReason.DISK_ERROR
        detail = self.problem.detail if self.problem is not None else "the disk was too slow"
        self._loss = WriteLoss(self.camera, self.stream, lost.begin_ms, None, reason, detail)
        self._report(self._loss)

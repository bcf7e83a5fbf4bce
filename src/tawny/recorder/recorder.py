"""Recorder: moves packets of all cameras from their hubs to the disk without blocking on a disk.

One actor reads all hubs in one step, slightly more often than once per second and just after the cameras were read. It
submits due write units to a few writers, because wakeups cost more than the work.

Per stream, one job is being written at a time. Later packets wait within `BufferLimits`; beyond them the oldest are
dropped and reported as a `WriteLoss`. The public methods are thread-safe.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tawny.engine import ActorHandle, Bus, Engine
from tawny.model.errors import DiskFull, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Clock, Span
from tawny.recorder.recording_times import RecordingTimes
from tawny.recorder.segmenter import LOOK_S, segment_bytes_on
from tawny.recorder.stream_recording import NOT_RECORDED, BufferLimits, RecordingStatus, StreamRecording, WriteLoss
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.recorder.writer_pool import VolumeSelector, WriteJob, WriterPool
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.storage.segments.metadata import SegmentTrailer
from tawny.stream.hub import Hub

__all__ = ["BufferLimits", "RecordingStatus", "SegmentRecorder", "WriteLoss"]

_READ_S: Final = 0.03
"""Delay of a step after a multiple of `LOOK_S`. Cameras are read at multiples of half of that, or less."""
_SOON_S: Final = 0.2
"""Step interval while a stream waits for a disk."""
_FIRST_STEP_S: Final = 0.05
_RETRY_CLOSING_S: Final = 5.0
_LIST_WITHIN_S: Final = 1.0
"""Closed segments are added to the index within this time after the first of them."""


@dataclass(frozen=True, slots=True)
class DiskCallbacks:
    """What a recorder calls on its own thread when a disk fails. Both must return at once.

    lost: when part of a stream could not be written (`end_ms` None), and when writing continues. full: when the disk is
    full, to free space (`storage.retention.runner`).
    """

    lost: Callable[[WriteLoss], None] = lambda _: None
    full: Callable[[], None] = lambda: None


class SegmentRecorder:
    """Records all streams. Publishes `SegmentClosed` on the bus.

    volume, index: already locked and recovered. seals: seals the cameras that are configured to be sealed.
    """

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        bus: Bus,
        on_disk: DiskCallbacks | None = None,
        *,
        limits: BufferLimits | None = None,
        seals: EpochKeys | None = None,
    ) -> None:
        self._seals = seals
        self._volume, self._index, self._clock = volume, index, clock
        self._on_disk = on_disk or DiskCallbacks()
        self._limits = limits or BufferLimits()
        if self._limits.segment_bytes is None:
            with suppress(StorageError):  # a disk that does not answer yet
                self._limits = replace(self._limits, segment_bytes=segment_bytes_on(volume.space().total_bytes))
        self._closing = SegmentCloser(index, bus, seals.history if seals is not None else None)
        self._places = VolumeSelector(volume)
        self._is_retrying = threading.Event()
        self._lock = threading.Lock()
        self._recordings: dict[tuple[CameraId, StreamName], StreamRecording] = {}
        self._leaving: list[tuple[CameraId, StreamRecording]] = []
        self._at_hand: StreamRecording | None = None
        self._changed = threading.Condition(self._lock)
        self._retry_closing_s = self._list_s = 0.0
        self._writers: dict[Volume, WriterPool] = {}
        self._new_writers: Callable[[str], WriterPool] | None = None
        self._handle = ActorHandle()

    def start(self, engine: Engine, writers: int = 2) -> None:
        """Start with this number of writer threads, and as many for each spare; with more where syncs take long."""
        self._new_writers = lambda name: WriterPool(engine, self._clock, writers, name)
        self._writers = {self._volume: self._new_writers("writer")}
        self._handle.start(engine, "recorder", lambda: _Steps(self))

    def add(
        self,
        camera: CameraId,
        stream: StreamName,
        hub: Hub,
        *,
        wanted: RecordingTimes | None = None,
        after: int | None = None,
    ) -> None:
        """Record a stream from its newest keyframe on.

        Replaces an existing recording of the same stream. wanted: as in `StreamRecording`; call `wake` when something
        else is wanted. after: number of the first packet that an earlier recording has not written; None without one.
        """
        writer = StreamWriter(self._volume, self._index, self._closing, camera, stream, self._seals)
        recording = StreamRecording(hub, writer, self._places, self._limits, self._on_disk.lost, self._clock, wanted)
        if after is not None:
            recording.begin_after(after)
        self.remove(camera, stream)
        with self._lock:
            self._recordings[camera, stream] = recording
        self.wake()

    def remove(self, camera: CameraId, stream: StreamName, why: str = "recording ended") -> int:
        """Stop recording a stream. Packets received so far are written, and the file is closed soon.

        Return the number of the first packet that is not written.
        """
        after = 0
        with self._lock:
            recording = self._recordings.pop((camera, stream), None)
            if recording is not None:
                after = recording.remove(why)
                self._leaving.append((camera, recording))
        self.wake()
        return after

    def end_run(self, camera: CameraId, stream: StreamName, why: str) -> None:
        """End the current run, whose last packet is in the hub: close its file."""
        with self._lock:
            recording = self._recordings.get((camera, stream))
        if recording is not None:
            recording.end_run(why)
            self.wake()

    def shorten(self, camera: CameraId, span: Span) -> None:
        """End each file of the main stream in this span after a few seconds, so that it can leave the recorder."""
        with self._lock:
            recording = self._recordings.get((camera, StreamName.MAIN))
        if recording is not None:
            recording.shorten(span)

    def status(self, camera: CameraId, stream: StreamName) -> RecordingStatus:
        with self._lock:
            recording = self._recordings.get((camera, stream))
        return recording.status(self._clock.mono_s()) if recording else NOT_RECORDED

    def open_segments(self, camera: CameraId) -> list[Segment]:
        """Return open segments as far as durable, with the open file's `path`, and closed ones not yet in the index.

        Reads memory only.
        """
        with self._lock:
            theirs = [one for (whose, _), one in self._recordings.items() if whose == camera]
            theirs += [one for whose, one in self._leaving if whose == camera]
        still_open = [segment for one in theirs if (segment := one.writer.segment) is not None]
        # read last, and preferred: a segment may have been closed since
        closed = [one for one in self._closing.unlisted() if one.camera == camera]
        known = {one.id for one in closed}
        return [*closed, *(one for one in still_open if one.id not in known)]

    def is_ending(self, camera: CameraId) -> bool:
        """Return whether a stream of this camera was removed, and its last file is not closed yet."""
        with self._lock:
            return any(whose == camera for whose, _ in self._leaving)

    @property
    def on_spare(self) -> Volume | None:
        """The spare that receives recordings because the main volume fails. None if none does."""
        with self._lock:
            recordings = list(self._recordings.values())
        return next((spare for one in recordings if (spare := one.on_spare) is not None), None)

    @property
    def is_refused(self) -> bool:
        """Return whether the main disk fails or hangs for a stream. A full one doesn't fail."""
        with self._lock:
            recordings = list(self._recordings.values())
        found = [one.problem for one in recordings if not isinstance(one.problem, DiskFull)]
        return any(found) or any(one.on_spare is not None for one in recordings)

    @property
    def at_risk_s(self) -> float:
        """Return the most seconds a power cut would have taken lately, because the disk is slow. 0: as promised."""
        now_s = self._clock.mono_s()
        with self._lock:
            return max((one.at_risk_s(now_s) for one in self._recordings.values()), default=0.0)

    def end_all(self, why: str = "tawny stopped") -> None:
        """Remove every stream."""
        with self._lock:
            names = list(self._recordings)
        for camera, stream in names:
            self.remove(camera, stream, why)

    def stop(self, timeout_s: float = 5.0, why: str = "tawny stopped") -> bool:
        """End all streams and wait until they are closed.

        Return False on timeout. Call from a thread, not from asyncio.
        """
        self.end_all(why)
        with self._changed:
            closed = self._changed.wait_for(self._is_done, timeout_s)
        volumes = (self._volume, *self._volume.spares)
        if closed and not self._closing.left and not any(self._places.hangs(volume) for volume in volumes):
            for volume in volumes:
                volume.open_folders.clear()
        return closed

    def await_first_pictures(self, most_s: float, silent_s: float) -> None:
        """Wait until something of every stream is durable.

        most_s: maximum time in s. silent_s: the same for streams without packets. Call from a thread.
        """
        begun_s = self._clock.mono_s()
        with self._changed:
            while (waited_s := self._clock.mono_s() - begun_s) < most_s and any(
                one.awaits_disk or (one.awaits_packets and waited_s < silent_s) for one in self._recordings.values()
            ):
                self._changed.wait(_FIRST_STEP_S)

    def hangs(self, volume: Volume) -> bool:
        """Return whether the volume was abandoned because it does not respond."""
        return self._places.hangs(volume)

    def _is_done(self) -> bool:
        is_listed = not (self._closing.is_due or self._is_retrying.is_set()) or self._places.hangs(self._volume)
        return not self._leaving and is_listed

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is recorded and all files are closed."""
        with self._lock:
            return not self._recordings and self._is_done()

    def wake(self) -> None:
        """Read the hubs soon."""
        self._handle.wake()

    # --- the recorder's thread

    def step(self) -> float:
        with self._lock:
            recordings = [*self._recordings.values(), *(one for _, one in self._leaving)]
        now_s = self._clock.mono_s()
        is_behind = any(recording.waits for recording in recordings)
        is_full = self._look(recordings, now_s)
        if is_full:
            self._on_disk.full()
        for back in self._places.answered():
            self._submit(back.job.on, partial(back.writer.end, SegmentTrailer(0, "the disk isn't responding")))
        self._retry_closing(now_s)
        with self._changed:
            self._leaving = [(camera, one) for camera, one in self._leaving if not one.is_over]
            self._changed.notify_all()
        return _SOON_S if is_behind or self._leaving else LOOK_S - (now_s - _READ_S) % LOOK_S

    def _look(self, recordings: list[StreamRecording], now_s: float) -> bool:
        """Read the hubs and submit due jobs. Return whether disk space is needed."""
        is_full = False
        jobs: dict[Volume, list[WriteJob]] = {}
        try:
            for recording in recordings:
                self._at_hand = recording
                job = recording.step(now_s)
                if job is not None:
                    jobs.setdefault(job.on, []).append(job)
                is_full, recording.needs_room = is_full or recording.needs_room, False
            self._at_hand = None
        finally:
            for on, theirs in jobs.items():
                self._submit(on, *theirs)
        return is_full

    def _retry_closing(self, now_s: float) -> None:
        """Retry files not renamed or not in the index: one attempt at a time, and none while the main disk hangs."""
        if self._is_retrying.is_set() or self._places.hangs(self._volume):
            return
        if not self._closing.is_due:
            self._list_s = now_s + _LIST_WITHIN_S
        is_time = now_s >= self._list_s or self._leaving or not self._recordings
        if (self._closing.is_due and is_time) or (now_s >= self._retry_closing_s and self._closing.left):
            self._retry_closing_s = now_s + _RETRY_CLOSING_S
            self._is_retrying.set()
            self._submit(self._volume, self._closed_again)

    def _closed_again(self) -> None:
        try:
            self._closing.retry()
        finally:
            self._is_retrying.clear()

    def _submit(self, on: Volume, *jobs: Callable[[], None]) -> None:
        if on not in self._writers:
            assert self._new_writers is not None
            self._writers[on] = self._new_writers(f"writer at {on.root}")
        self._writers[on].submit(*jobs)

    def begin_again(self) -> None:
        """Reset the stream in which the last step failed. Other streams are not affected."""
        recording, self._at_hand = self._at_hand, None
        if recording is not None:
            recording.start_over()


class _Steps:
    """The actor of a recorder. The supervisor creates a new one after a failure."""

    name = "recorder"

    def __init__(self, recorder: SegmentRecorder) -> None:
        self._recorder = recorder
        recorder.begin_again()

    def step(self) -> float:
        return self._recorder.step()

    def close(self) -> None:
        """No effect: the recorder continues with the next actor, or was stopped before."""

"""The recorder: packets of all cameras from their hubs to the disk. It never waits for a disk, and for nobody else.

One actor takes from every hub a little more often than once a second, all in one go and just after the cameras were
read, and hands what is due to a few writers: waking up costs more than the work. Of a stream, one list of
pieces is on its way to the disk at a time; what comes meanwhile waits, at most `BufferLimits`, and then the oldest is
dropped and told as a `WriteLoss`. Any thread may call the public methods.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from tawny.engine import Bus, Engine, Handle
from tawny.model.clock import Clock
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.recorder.segment_closer import SegmentCloser
from tawny.recorder.stream_recording import NOT_RECORDED, BufferLimits, RecordingStatus, StreamRecording, WriteLoss
from tawny.recorder.stream_writer import StreamWriter
from tawny.recorder.volume_selector import VolumeSelector
from tawny.recorder.write_buffer import LOOK_S
from tawny.recorder.write_job import WriteJob
from tawny.recorder.writer_pool import WriterPool
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.storage.segments.metadata import SegmentTrailer
from tawny.stream.hub import Hub

__all__ = ["BufferLimits", "RecordingStatus", "SegmentRecorder", "WriteLoss"]

_READ_S: Final = 0.03
"""So long after a multiple of `LOOK_S` it looks: cameras are read at multiples of half of that, or less."""
_SOON_S: Final = 0.2
"""Between two looks while somebody waits for a disk."""
_RETRY_CLOSING_S: Final = 5.0
_LIST_WITHIN_S: Final = 1.0
"""So long after the first one was closed, all that was closed by then is listed."""


class SegmentRecorder:
    """volume, index: locked and recovered (`storage.recovery`) before. Publishes `SegmentClosed` on the bus.

    lost: told when time of a stream could not be written (its `end_ms` None) and when it is written again; from the
    recorder's thread, must return at once. full: told when the disk is full, to make room (`storage.retention.runner`).
    seals: seals the cameras that are to be.
    """

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        bus: Bus,
        *,
        lost: Callable[[WriteLoss], None] | None = None,
        full: Callable[[], None] | None = None,
        limits: BufferLimits | None = None,
        seals: EpochKeys | None = None,
    ) -> None:
        self._seals = seals
        self._volume, self._index, self._clock = volume, index, clock
        self._lost = lost or (lambda _: None)
        self._full = full or (lambda: None)
        self._limits = limits or BufferLimits()
        self._closing = SegmentCloser(index, bus, seals.history if seals is not None else None)
        self._places = VolumeSelector(volume)
        self._is_retrying = threading.Event()
        self._lock = threading.Lock()
        self._recordings: dict[tuple[CameraId, StreamName], StreamRecording] = {}
        self._leaving: list[StreamRecording] = []
        self._at_hand: StreamRecording | None = None
        self._changed = threading.Condition(self._lock)
        self._retry_closing_s = self._list_s = 0.0
        self._writers: dict[Volume, WriterPool] = {}
        self._new_writers: Callable[[str], WriterPool] | None = None
        self._handle: Handle | None = None

    def start(self, engine: Engine, writers: int = 2) -> None:
        """Begin to work, with so many threads that wait for the disk, and as many for each spare one."""
        self._new_writers = lambda name: WriterPool(engine, writers, name)
        self._writers = {self._volume: self._new_writers("writer")}
        self._handle = engine.start("recorder", lambda: _Steps(self))

    def add(self, camera: CameraId, stream: StreamName, hub: Hub, *, back_s: float = 0.0) -> None:
        """Record this stream from now on, or from the newest keyframe at least `back_s` ago; in place of what the
        recorder had under this name."""
        writer = StreamWriter(self._volume, self._index, self._closing, camera, stream, self._seals)
        recording = StreamRecording(camera, stream, hub, writer, self._places, self._limits, self._lost, back_s=back_s)
        self.remove(camera, stream)
        with self._lock:
            self._recordings[camera, stream] = recording
        self._wake()

    def remove(self, camera: CameraId, stream: StreamName, why: str = "recording ended") -> None:
        """Record it no longer; what came until now is written and closed soon."""
        with self._lock:
            recording = self._recordings.pop((camera, stream), None)
            if recording is not None:
                recording.remove(why)
                self._leaving.append(recording)
        self._wake()

    def end_run(self, camera: CameraId, stream: StreamName, why: str) -> None:
        """The run is over (its last packet is in the hub): close its file."""
        with self._lock:
            recording = self._recordings.get((camera, stream))
        if recording is not None:
            recording.end_run(why)
            self._wake()

    def status(self, camera: CameraId, stream: StreamName) -> RecordingStatus:
        with self._lock:
            recording = self._recordings.get((camera, stream))
        return recording.status(self._clock.mono_s()) if recording else NOT_RECORDED

    def open_segments(self, camera: CameraId) -> list[Segment]:
        """Those being written, as far as they are durable: `path` is the open file's; and what was closed and is not
        in the index yet. Answers from memory."""
        closed = [one for one in self._closing.unlisted() if one.camera == camera]
        with self._lock:
            theirs = [one for (whose, _), one in self._recordings.items() if whose == camera]
        return [*closed, *(segment for one in theirs if (segment := one.segment) is not None)]

    @property
    def on_spare(self) -> Volume | None:
        """Where something is recorded now because the first volume does not take it; None when nothing is."""
        with self._lock:
            recordings = list(self._recordings.values())
        return next((spare for one in recordings if (spare := one.on_spare) is not None), None)

    def end_all(self, why: str = "tawny stopped") -> None:
        """Remove every stream."""
        with self._lock:
            names = list(self._recordings)
        for camera, stream in names:
            self.remove(camera, stream, why)

    def stop(self, timeout_s: float = 5.0, why: str = "tawny stopped") -> bool:
        """End all streams and wait until they are closed. False when they were not within the time. For threads."""
        self.end_all(why)
        with self._changed:
            closed = self._changed.wait_for(self._is_done, timeout_s)
        volumes = (self._volume, *self._volume.spares)
        if closed and not self._closing.left and not any(self._places.hangs(volume) for volume in volumes):
            for volume in volumes:
                volume.open_folders.clear()
        return closed

    def hangs(self, volume: Volume) -> bool:
        """Whether it was left because it does not answer."""
        return self._places.hangs(volume)

    def _is_done(self) -> bool:
        is_listed = not (self._closing.is_due or self._is_retrying.is_set()) or self._places.hangs(self._volume)
        return not self._leaving and is_listed

    @property
    def is_idle(self) -> bool:
        """Nothing is recorded, and all is closed."""
        with self._lock:
            return not self._recordings and self._is_done()

    def _wake(self) -> None:
        if self._handle is not None:
            self._handle.wake()

    # --- the recorder's thread

    def step(self) -> float:
        with self._lock:
            recordings = [*self._recordings.values(), *self._leaving]
        now_s = self._clock.mono_s()
        is_behind = any(recording.waits for recording in recordings)
        is_full = self._look(recordings, now_s)
        if is_full:
            self._full()
        for back in self._places.answered():
            self._submit(back.job.on, partial(back.writer.end, SegmentTrailer(0, "the disk isn't responding")))
        self._retry_closing(now_s)
        with self._changed:
            self._leaving = [one for one in self._leaving if not one.is_over]
            self._changed.notify_all()
        return _SOON_S if is_behind or self._leaving else LOOK_S - (now_s - _READ_S) % LOOK_S

    def _look(self, recordings: list[StreamRecording], now_s: float) -> bool:
        """Take what came, and hand what is due to the writers in one go. Whether room is needed."""
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
        """What could not be named or listed; one try at a time, and none while the first disk does not answer."""
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
        """The last step failed in one stream: that one starts over, and no other is the worse for it."""
        recording, self._at_hand = self._at_hand, None
        if recording is not None:
            recording.start_over()


class _Steps:
    """The actor. Made again after a failure."""

    name = "recorder"

    def __init__(self, recorder: SegmentRecorder) -> None:
        self._recorder = recorder
        recorder.begin_again()

    def step(self) -> float:
        return self._recorder.step()

    def close(self) -> None:
        """The recorder goes on with the next one, or was stopped before."""

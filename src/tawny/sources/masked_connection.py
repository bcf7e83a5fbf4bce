"""A camera's connection whose video has the privacy masks burned in, by a process of its own (`masking_process`).

A thread reads the camera and passes its video on; `read` takes what comes back, in the order of the camera. Without
masks, packets pass as they are; with some, none does. Where the masks can't be burned in, the connection ends with
MaskingFailed. Where that is too slow, frames up to a keyframe are dropped, and the next packet says why.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tawny.engine.actor import start_thread
from tawny.model.errors import MaskingFailed, SourceClosed, SourceError
from tawny.model.geometry import Polygon
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.times import Clock
from tawny.sources.masking_process import MaskedFormat, MaskedPacket, MaskingEnd, MaskingProcess, PacketDone
from tawny.sources.source import CameraConnection, IdleUntil

LATE_S: Final = 5.0
"""Age of the oldest frame in work, s, from which frames are dropped..."""
IN_TIME_S: Final = 1.0
"""...until it is below this."""
STUCK_S: Final = 15.0
"""Age of the oldest frame in work, s, from which the process counts as stuck."""
MOST_BYTES: Final = 48_000_000
"""Of the frames in work: more are dropped."""
DROPPED: Final = "this computer is too slow to burn in the privacy masks"
HINT: Final = "This computer is too slow to burn in the privacy masks, so some frames aren't recorded."
HINT_S: Final = 60.0
"""How long the hint stays after the last dropped frame, s."""
_LOOK_S: Final = 0.1
_READ_S: Final = 0.02
"""Maximum read interval of the camera, s: its own makes live video come in batches. Cheap compared with encoding."""
_CLOSE_S: Final = 0.3
_REORDERED: Final = 16
"""Maximum number of frames by which a frame comes back later than its successors."""
_FRUITLESS: Final = 2 * _REORDERED
"""Number of frames done without a frame in return from which the process counts as stuck, after STUCK_S."""

Masks = tuple[Polygon, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame in work. packet: without its data."""

    number: int
    packet: SourcePacket
    came_s: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """What `read` returns or waits for, in the order of the camera.

    what: a packet to be returned as it is; when a frame in work came, s monotonic, and its size; when the process was
    asked to end, s monotonic.
    """

    what: SourcePacket | tuple[float, int] | float
    process: MaskingProcess | None = None


class MaskedConnection:
    """One connection. Read from one thread.

    open_camera: connects; raises SourceError. private: returns the masks, in the image as sent; called for each frame.
    They apply at once; the first ones, and the end of the last, from the next keyframe on. where: the camera, in words.
    """

    def __init__(
        self,
        open_camera: Callable[[], CameraConnection],
        private: Callable[[], Masks],
        where: str,
        clock: Clock,
        start: Callable[[], MaskingProcess] = MaskingProcess,
    ) -> None:
        self._private, self._where, self._clock, self._start = private, where, clock, start
        self._changed = threading.Condition()
        self._entries: deque[_Entry] = deque()
        self._frames: dict[int, _Frame] = {}
        """In work, by their time."""
        self._in_work: deque[tuple[float, int]] = deque()
        """When each of them came, s monotonic, and its size."""
        self._number = self._bytes = 0
        self._process: MaskingProcess | None = None
        self._masks: Masks | None = None
        """Those of the newest frame; empty: it passed as it is; None: there was no keyframe yet."""
        self._dropped_s: float | None = None
        self._is_dropping = False
        self._fruitless, self._fruitless_s = 0, 0.0
        """Number of frames done since the last one came back, and when the first of them was done, s monotonic."""
        self._format: VideoFormat | None = None
        self._encoder = ""
        self._over: SourceError | None = None
        self._closed = threading.Event()
        self._camera = open_camera()
        self._notes: Mapping[str, Any] = dict(self._camera.notes)
        self._feeder = start_thread("camera video", self._feed)

    def read(self) -> SourcePacket | IdleUntil:
        with self._changed:
            if not self._entries and self._over is None:
                self._changed.wait(_LOOK_S)
            if not self._entries:
                if self._over is not None:
                    raise self._over
                return IdleUntil(0.0)
            entry = self._entries[0]
        if isinstance(entry.what, SourcePacket):
            self._next()
            return entry.what
        assert entry.process is not None
        return self._answer(entry, entry.process)

    def close(self) -> None:
        with self._changed:
            self._closed.set()
            processes = {id(one.process): one.process for one in self._entries if one.process is not None}
            if self._process is not None:
                processes[id(self._process)] = self._process
            self._process = None
            self._entries.clear()
        for process in processes.values():
            process.close()
        self._feeder.join(_CLOSE_S)  # it closes the camera, which it may be reading

    @property
    def notes(self) -> Mapping[str, Any]:
        data = {**self._notes, "masks": self._encoder} if self._encoder else dict(self._notes)
        if self._dropped_s is not None and self._clock.mono_s() - self._dropped_s < HINT_S:
            data["hint"] = HINT
        return data

    # --- the thread that reads the camera

    def _feed(self) -> None:
        over: SourceError = MaskingFailed(self._where, "an error within tawny; see the log")
        try:
            while not self._closed.is_set():
                got = self._camera.read()
                if isinstance(got, IdleUntil):
                    self._closed.wait(min(got.for_s, _READ_S))
                else:
                    self._take(got)
            over = SourceClosed(self._where, "disconnected")
        except SourceError as error:
            over = error
        finally:
            self._camera.close()
            self._end_process()
            with self._changed:
                self._over = over
                self._changed.notify()

    def _take(self, packet: SourcePacket) -> None:
        if not packet.is_video:
            self._put(_Entry(packet))
            return
        masks = self._private()
        if packet.is_keyframe:
            self._notes = dict(self._camera.notes)
            self._masks = masks
        elif self._masks is None:
            return
        elif self._masks and masks:
            self._masks = masks
        if self._masks:
            self._pass_on(packet, self._masks)
        else:
            self._end_process()
            self._put(_Entry(packet))

    def _pass_on(self, packet: SourcePacket, masks: Masks) -> None:
        """Have the masks burned in, or drop the frame. Raises MaskingFailed if no process can be started."""
        now_s = self._clock.mono_s()
        with self._changed:
            age_s = now_s - self._in_work[0][0] if self._in_work else 0.0
        if age_s > LATE_S or self._bytes > MOST_BYTES:
            self._is_dropping = True
        if self._is_dropping:
            if age_s > IN_TIME_S or not packet.is_keyframe:
                self._dropped_s = now_s
                return
            self._is_dropping, packet = False, replace(packet, dropped=DROPPED)
        process = self._running()
        self._number += 1
        work = now_s, len(packet.data)
        with self._changed:
            self._frames[packet.pts] = _Frame(self._number, replace(packet, data=b""), now_s)
            self._in_work.append(work)
            self._bytes += len(packet.data)
        process.pass_on(packet, masks, float(self._notes.get("fps") or 0.0))
        self._put(_Entry(work, process))

    def _running(self) -> MaskingProcess:
        if self._process is None:
            try:
                process = self._start()
            except OSError as error:
                raise MaskingFailed(self._where, f"no process can be started ({error.strerror})") from None
            with self._changed:
                if self._closed.is_set():
                    process.close()
                    raise SourceClosed(self._where, "disconnected")
                self._process = process
        return self._process

    def _end_process(self) -> None:
        with self._changed:
            process, self._process = self._process, None
            if process is not None:
                process.end()
                self._put(_Entry(self._clock.mono_s(), process))

    def _put(self, entry: _Entry) -> None:
        with self._changed:
            if not self._closed.is_set():
                self._entries.append(entry)
                self._changed.notify()

    # --- the thread that calls `read`

    def _answer(self, entry: _Entry, process: MaskingProcess) -> SourcePacket | IdleUntil:
        """Take the next message about the frame, or the end, that is waited for. Raises MaskingFailed."""
        try:
            message = process.read(_LOOK_S)
        except ValueError as error:
            raise MaskingFailed(self._where, str(error)) from None
        match message:
            case None:
                self._check_stuck(entry, process)
            case MaskedFormat(video, encoder):
                self._format, self._encoder = video, encoder
            case MaskedPacket():
                self._fruitless = 0
                return self._masked(message)
            case PacketDone():
                self._next()
                self._check_output()
            case MaskingEnd(why):
                if why or not isinstance(entry.what, float):
                    raise MaskingFailed(self._where, why or "the process that burns them in ended")
                self._next()
                self._fruitless = 0
                process.close()
        return IdleUntil(0.0)

    def _check_stuck(self, entry: _Entry, process: MaskingProcess) -> None:
        """Raises MaskingFailed, and ends the process, if it doesn't finish a frame, or doesn't end."""
        assert not isinstance(entry.what, SourcePacket)
        since_s = entry.what[0] if isinstance(entry.what, tuple) else entry.what
        if self._clock.mono_s() - since_s > STUCK_S:
            process.kill()
            raise MaskingFailed(self._where, f"no frame was ready within {STUCK_S:g} s")

    def _check_output(self) -> None:
        """Raises MaskingFailed if the process finishes frames without returning any."""
        now_s = self._clock.mono_s()
        if not self._fruitless:
            self._fruitless_s = now_s
        self._fruitless += 1
        if self._fruitless > _FRUITLESS and now_s - self._fruitless_s > STUCK_S:
            raise MaskingFailed(self._where, f"no frame was ready within {STUCK_S:g} s")

    def _next(self) -> None:
        with self._changed:
            entry = self._entries.popleft()
            if isinstance(entry.what, tuple):
                self._in_work.popleft()
                self._bytes -= entry.what[1]

    def _masked(self, made: MaskedPacket) -> SourcePacket:
        """Return the packet, with what was known of the one that the camera sent."""
        assert self._format is not None, "the format comes first"
        with self._changed:
            frame = self._frames.pop(made.pts, None)
            first = 0 if frame is None else frame.number - (0 if made.is_keyframe else _REORDERED)
            lost = [one for one in self._frames.values() if one.number < first]
            for one in lost:
                del self._frames[one.packet.pts]
        found = [one.packet for one in (*lost, *([frame] if frame else []))]
        waited_s = frame.packet.waited_s + self._clock.mono_s() - frame.came_s if frame else 0.0
        return SourcePacket(
            self._format, made.data, made.pts, made.is_keyframe,
            is_damaged=any(one.is_damaged for one in found) and not made.is_keyframe,
            missing=sum(one.missing for one in found),
            after_waste=bool(lost) or any(one.after_waste for one in found),
            waited_s=waited_s,
            dropped=next((one.dropped for one in found if one.dropped), ""),
        )  # fmt: skip

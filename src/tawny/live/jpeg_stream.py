"""JPEG images of a live stream: decoded once, and encoded once per size, rate and quality for all viewers.

One thread per stream runs from the first viewer to the last. At low frame rates it decodes keyframes only. Viewers are
notified of a new image and fetch the newest one when ready.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tawny.engine.actor import start_thread
from tawny.live.wakeup import Wakeup, share_once
from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.image.jpeg import jpeg, keyframe_jpeg, keyframe_picture
from tawny.media.image.mask import mask_picture
from tawny.media.image.stamp import Stamp, downscaled, stamped
from tawny.model.errors import StorageError
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub, without_backlog

log = logging.getLogger(__name__)

# JPEG snapshots of each stream's newest keyframe: decoded on request, shared by callers, cached briefly.

MOST_KEPT = 32
WIDTH_STEP = 16
LEAST_WIDTH, MOST_WIDTH = 64, 3840


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG image. number: packet number, increasing over time."""

    jpeg: bytes
    at_ms: int
    number: int


class Snapshots:
    """Snapshot cache for all streams. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int, int, int], Snapshot] = OrderedDict()

    def newest(self, hub: Hub, width: int) -> Snapshot | None:
        """Return the newest keyframe as JPEG, at most about `width` px wide. None if no keyframe can be decoded."""
        keyframe = next(iter(hub.recent(0.0)), None)
        if keyframe is None:
            return None
        key = (id(hub), keyframe.at_ms, rounded_width(width), hash(hub.private))
        with self._lock:
            if key not in self._kept:
                made = keyframe_jpeg(keyframe, key[2], hub.private)
                if made is None:
                    return None
                for old in [other for other in self._kept if other[0] == key[0] and other[1] != key[1]]:
                    del self._kept[old]
                self._kept[key] = Snapshot(made, keyframe.at_ms, keyframe.number)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def rounded_width(width: int) -> int:
    """Round up to a multiple of WIDTH_STEP, so that similar requests share a snapshot."""
    return min(MOST_WIDTH, max(LEAST_WIDTH, -(-width // WIDTH_STEP) * WIDTH_STEP))


BEHIND_MS = 700
"""Frames older than this many ms are skipped when a newer keyframe exists."""
LOOK_BACK_S = 12.0
SLACK = 0.5
"""Tolerance for early frames, as a share of the frame interval."""
_IDLE_S = 2.0
_SET_BACK_MS = 1_000
"""A frame that is earlier than the last image by more than this is of another time: the clock was set back."""


class JpegOptions(NamedTuple):
    width: int
    fps: float
    quality: int
    stamps: Callable[[int], Stamp] | None = None
    """Returns what is stamped on the frame of a time, ms UTC; raises StorageError. None: nothing."""


@dataclass(slots=True)
class _Made:
    """The newest image for one set of options, and the callbacks of its viewers."""

    notify: list[Callable[[], None]] = field(default_factory=list)
    newest: Snapshot | None = None
    due_ms: float = 0.0


class JpegStream:
    """Produces one stream's JPEG images. Thread-safe. Calls `notify` on the decoding thread; it must not block."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._made: dict[JpegOptions, _Made] = {}
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self.encoded = 0
        """Number of images encoded since creation."""

    def look(self, options: JpegOptions, notify: Callable[[], None]) -> "JpegLook":
        with self._lock:
            self._start()  # first: it raises where the system has no more threads
            self._made.setdefault(options, _Made()).notify.append(notify)
        self._due.set()
        return JpegLook(self, options, notify)

    def newest(self, options: JpegOptions) -> Snapshot | None:
        with self._lock:
            made = self._made.get(options)
            if made is not None:
                self._start()  # it may have ended with an error
            return made.newest if made else None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = start_thread("jpegs", self._run)

    def leave(self, options: JpegOptions, notify: Callable[[], None]) -> None:
        with self._lock:
            made = self._made.get(options)
            if made is not None:
                made.notify.remove(notify)
                if not made.notify:
                    del self._made[options]
        self._due.set()

    def _run(self) -> None:
        work = _Work(self._hub, self._due.set)
        try:
            while self._has_viewers():
                found = work.newest(self._fps())
                if found is not None:
                    self._give(*found)
                self._due.wait(_IDLE_S)
                self._due.clear()
        finally:
            work.close()
            with self._lock:
                if self._thread is threading.current_thread():  # an error has ended it
                    self._thread = None

    def _has_viewers(self) -> bool:
        """Return whether viewers remain. If not, the thread ends; the next viewer starts a new one."""
        with self._lock:
            if not self._made:
                self._thread = None
            return bool(self._made)

    def _fps(self) -> float:
        with self._lock:
            return max((options.fps for options in self._made), default=0.0)

    def _give(self, frame: DecodedFrame, number: int) -> None:
        with self._lock:
            for options, made in self._made.items():
                if made.due_ms - frame.at_ms > 1000 / options.fps + _SET_BACK_MS:
                    made.due_ms = 0.0
            wanted = [(options, made) for options, made in self._made.items() if frame.at_ms >= made.due_ms]
        frame = mask_picture(frame, self._hub.private) if wanted else frame
        for options, made in wanted:
            still = Snapshot(_stamped_if_possible(frame, options), frame.at_ms, number)
            self.encoded += 1
            step_ms = 1000 / options.fps
            with self._lock:
                made.newest = still
                made.due_ms = max(made.due_ms + step_ms, frame.at_ms + step_ms * SLACK)
                notify = list(made.notify)
            for each in notify:
                each()


class StampedJpegStream(JpegStream):
    """Images with stamps, which are read from the disk: only their viewers wait for it."""


def _stamped_if_possible(frame: DecodedFrame, options: JpegOptions) -> bytes:
    try:
        return stamped_jpeg(frame, options)
    except StorageError as error:
        log.debug("a live image has no stamp: %s", error)
        return jpeg(frame, options.width, options.quality)


def stamped_jpeg(frame: DecodedFrame, options: JpegOptions) -> bytes:
    """Return the frame as JPEG, with its stamp if one is wanted. Raises StorageError."""
    if options.stamps is None:
        return jpeg(frame, options.width, options.quality)
    return jpeg(stamped(downscaled(frame, options.width), options.stamps(frame.at_ms)), None, options.quality)


def stamped_snapshot(hub: Hub, options: JpegOptions) -> Snapshot | None:
    """Return the newest keyframe with its stamp; None if there is none. Raises StorageError."""
    keyframe = next(iter(hub.recent(0.0)), None)
    frame = keyframe_picture(keyframe, hub.private) if keyframe is not None else None
    return Snapshot(stamped_jpeg(frame, options), frame.at_ms, keyframe.number) if frame and keyframe else None


class JpegLook:
    """One viewer's subscription."""

    def __init__(self, jpegs: JpegStream, options: JpegOptions, notify: Callable[[], None]) -> None:
        self._jpegs, self._options, self._notify = jpegs, options, notify

    def newest(self) -> Snapshot | None:
        return self._jpegs.newest(self._options)

    def close(self) -> None:
        self._jpegs.leave(self._options, self._notify)


class _Work:
    """Decoder and hub reader. Used by one thread only."""

    def __init__(self, hub: Hub, wake: Callable[[], None]) -> None:
        self._hub, self._wake = hub, wake
        self._reader = hub.reader(wake=wake)
        self._decoder: Decoder | None = None
        self._keyframes_alone = False

    def close(self) -> None:
        self._reader.close()

    def newest(self, fps: float) -> tuple[DecodedFrame, int] | None:
        """Return the newest frame and its packet number. Decode as many earlier packets as needed."""
        keyframes_alone = fps <= _keyframes_a_second(self._hub)
        if keyframes_alone != self._keyframes_alone:
            self._keyframes_alone, self._decoder = keyframes_alone, None
            self._reader.close()
            self._reader = self._hub.reader(wake=self._wake)
        packets = [packet for packet in self._reader.take().packets if packet.is_video]
        packets = without_backlog([one for one in packets if one.is_keyframe or not keyframes_alone], BEHIND_MS)
        found: tuple[DecodedFrame, int] | None = None
        for packet in packets:
            frames = self._decoded(packet)
            if keyframes_alone and not frames and self._decoder is not None:
                frames = self._decoder.drain()
            found = (frames[-1], packet.number) if frames else found
        return found

    def _decoded(self, packet: Packet) -> list[DecodedFrame]:
        assert isinstance(packet.format, VideoFormat)
        if self._decoder is None or self._decoder.format != packet.format:
            if not packet.is_keyframe:
                return []
            self._decoder = Decoder(packet.format)
        return self._decoder.decode(packet)


def _keyframes_a_second(hub: Hub) -> float:
    """Return the recent keyframe rate per second, plus 5 % margin; 0.0 if unknown."""
    times = [packet.at_ms for packet in hub.recent(LOOK_BACK_S) if packet.is_keyframe]
    return (len(times) - 1) * 1000 / (times[-1] - times[0]) * 1.05 if len(times) > 1 and times[-1] > times[0] else 0.0


# MJPEG over HTTP (multipart/x-mixed-replace), for other software and browsers without alternatives.

BOUNDARY = "picture"
OPENING = f"--{BOUNDARY}\r\n".encode()
"""Sent before the first part."""
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
LOOK_S = 4.0
"""Maximum time between parts, in seconds. Sending detects clients that have disconnected."""


async def multipart_stream(hub: Hub, options: JpegOptions) -> AsyncGenerator[bytes]:
    """Yield one part per image and repeat the last one while idle.

    Each part ends with the boundary: browsers wait for it.
    """
    yield OPENING
    async for still in jpeg_pictures(hub, options, again_s=LOOK_S):
        yield multipart_part(still)


def multipart_part(still: Snapshot) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(still.jpeg)}\r\nX-At-Ms: {still.at_ms}\r\n\r\n"
    return head.encode() + still.jpeg + b"\r\n" + OPENING


async def jpeg_pictures(hub: Hub, options: JpegOptions, again_s: float) -> AsyncGenerator[Snapshot]:
    """Yield the newest image whenever the consumer is ready. Repeat the last one after `again_s` without a new one."""
    wakeup = Wakeup()
    kind = JpegStream if options.stamps is None else StampedJpegStream
    look = share_once(kind, hub, lambda: kind(hub)).look(options, wakeup)
    shown: Snapshot | None = None
    try:
        while True:
            newest = look.newest()
            if newest is not None and newest is not shown:
                shown = newest
                yield newest
            elif not await wakeup.wait(again_s) and shown is not None:
                yield shown
    finally:
        look.close()

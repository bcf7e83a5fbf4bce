"""Connections to cameras that send a container, JPEGs or bare video: how the bytes become packets.

A feeder receives the bytes in a thread of its own and writes them to a `MediaInput`, which finds out what they are.
Containers and JPEGs go through a process (`media_process`); H.264 and H.265 as such are split here. The thread that
calls `read` takes what comes out, and checks for stalls.
"""

import queue
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from tawny.engine.actor import start_thread
from tawny.media.codec.demuxer import CompressedUnit, DemuxTrack, read_extradata
from tawny.media.codec.nal import nal_type, split_annexb
from tawny.model.errors import SourceClosed, SourceError, SourceNotFound, SourceStalled, SourceUnusable
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket, VideoCodec
from tawny.model.times import Clock
from tawny.sources.media_process import (
    JPEG,
    MOST_JPEG_BYTES,
    MediaEnd,
    MediaMessage,
    MediaProcess,
    MediaTracks,
)
from tawny.sources.packet_builder import AnnexbStream, PacketBuilder, read_adts
from tawny.sources.source import IdleUntil

# What a stream is, by its first bytes.

SNIFFED_BYTES: Final = 400
WEB_PAGE: Final = "there is a web page or a text, not video"
_STARTS: Final = (b"\0\0\1", b"\0\0\0\1")
_BOXES: Final = (b"ftyp", b"styp", b"moov", b"moof", b"sidx")
_TS_BYTES: Final = 188
JPEG_START: Final = b"\xff\xd8\xff"


def sniff(data: bytes) -> str:
    """Return a format of `LIVE_FORMATS`, `jpeg`, `h264`, `h265`, `hls` or `page`; empty for anything else."""
    if data.startswith(b"FLV"):
        return "flv"
    if data[:1] == b"\x47" and data[_TS_BYTES : _TS_BYTES + 1] in (b"\x47", b""):
        return "mpegts"
    if data[4:8] in _BOXES:
        return "mov"
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    text = data.lstrip()
    if data.startswith(JPEG_START) or text.startswith(b"--"):  # the boundary of a multipart response
        return JPEG
    if text.startswith(b"#EXTM3U"):
        return "hls"
    if data.startswith(_STARTS):
        return _annexb_codec(data)
    return "page" if text[:1] in (b"<", b"{", b"[") else ""


def _annexb_codec(data: bytes) -> str:
    """H.265 streams begin with a VPS, or an access unit delimiter, neither of which is a valid header of H.264."""
    header = data[data.index(b"\0\0\1") + 3 :][:2]
    if len(header) == 2 and nal_type("h265", header) in (32, 33, 34, 35) and header[1] == 1:
        return "h265"
    return "h264"


MOST_CUT_OFF: Final = 2
"""JPEGs without an end marker that are dropped as damaged, before it is clear that the camera writes none."""
_END: Final = b"\xff\xd9"
_MOST_HEADERS_BYTES: Final = 1000
_BOUNDARY: Final = re.compile(rb"\r?\n--[^\xff]*\Z")


def _with_end(jpeg: bytes) -> bytes:
    """Return a JPEG with an end marker, and without the headers of the next part."""
    if jpeg.endswith(_END):
        return jpeg
    # in so few bytes, because each possible beginning is followed to the end
    return jpeg[:-_MOST_HEADERS_BYTES] + _BOUNDARY.sub(b"", jpeg[-_MOST_HEADERS_BYTES:]) + _END


class JpegSplitter:
    """Splits JPEGs that follow each other; what is between them, such as the headers of parts, is skipped.

    Those of a camera that never writes an end marker end where the next one begins.
    """

    _MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        """How far the JPEG at the start of the data is parsed; 0: none has begun."""
        self._in_scan = False
        self._cut_off: int | None = 0
        """JPEGs without an end marker; None: the camera writes them."""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the JPEGs that are complete now. Raises ValueError for one of more than MOST_JPEG_BYTES."""
        self._data += data
        found: list[bytes] = []
        while (end := self._end()) is not None:
            found.append(_with_end(bytes(self._data[:end])))
            del self._data[:end]
            self._at, self._in_scan = 0, False
        if len(self._data) > MOST_JPEG_BYTES:
            raise ValueError(f"a JPEG of more than {MOST_JPEG_BYTES} bytes")
        return found

    def _end(self) -> int | None:
        """Return the length of the JPEG at the start; None if it isn't complete."""
        while True:
            if not self._at and not self._begins():
                return None
            if self._in_scan:
                found = self._MARKER.search(self._data, self._at)
                if found is None:
                    self._at = max(self._at, len(self._data) - 1)
                    return None
                self._at = found.start()
            if self._data[self._at : self._at + 2] == _END:
                self._cut_off = None
                return self._at + 2
            if self._at + 4 > len(self._data):
                return None
            marker = self._data[self._at + 1]
            if self._data[self._at] != 0xFF or marker == 0xD8:  # another JPEG begins
                if self._in_scan and self._cut_off is not None:
                    self._cut_off += 1
                    if self._cut_off > MOST_CUT_OFF:
                        return self._at
                del self._data[: self._at]
                self._at, self._in_scan = 0, False
                continue
            if marker == 0xFF:
                self._at += 1
                continue
            length = int.from_bytes(self._data[self._at + 2 : self._at + 4])
            if self._at + 2 + length > len(self._data):
                return None
            self._at += 2 + length
            self._in_scan = marker == 0xDA

    def _begins(self) -> bool:
        """Drop what is before the next JPEG. Return False if there is none."""
        begin = self._data.find(JPEG_START)
        del self._data[: begin if begin >= 0 else max(0, len(self._data) - 2)]
        self._at = 2 if begin >= 0 else 0
        return begin >= 0


# The feeder's side.

LOOK_S: Final = 0.1
OPEN_S: Final = 9.5
"""Limit for the first frame of a connection."""
KEYFRAME_S: Final = 30.0
_QUEUED: Final = 64
_PATIENCE_S: Final = 1.0
"""Additional time for a stream whose times are those of its segments."""

Timing = Literal["stream", "arrival", "segments"]
"""What the times of packets are: those of the stream; those of arrival; or of the stream, which comes in segments."""


class MediaInput:
    """What a feeder writes to, in one thread. Each call waits while the reader is busy; OSError after `close`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begun_s = clock.mono_s()
        self.timing: Timing = "stream"
        self.segment_s = 0.0
        """Longest segment of a stream in segments."""
        self.interval_s = 0.0
        """How often a single picture is asked for."""
        self.kind = ""
        """What is sent; empty until it is known."""
        self.error: SourceError | None = None
        """Why the feeder ended."""
        self.jpegs = 0
        """Number of JPEGs found in a stream."""
        self._first = b""
        self._process: MediaProcess | None = None
        self._direct: queue.Queue[MediaMessage] = queue.Queue(_QUEUED)
        self._jpegs, self._annexb = JpegSplitter(), AnnexbStream()
        self._newest = -1
        """Ticks of the newest frame that was timed by its arrival."""
        self._is_closed = False

    def feed(self, data: bytes, where: str) -> None:
        """Add bytes of a stream; the first ones say what it is. Raises SourceNotFound, SourceUnusable, OSError."""
        if not self.kind:
            self._first += data
            if len(self._first) < SNIFFED_BYTES and sniff(self._first) not in ("flv", "mov", "matroska", JPEG):
                return
            data, kind = self._first, sniff(self._first)
            if kind == "page":
                raise SourceNotFound(where, WEB_PAGE)
            if kind in ("", "hls"):
                raise SourceUnusable(where, "a playlist" if kind else "data of an unknown kind")
            self.begin(kind)
        try:
            self._feed(data)
        except ValueError as error:
            raise SourceUnusable(where, str(error)) from None

    def begin(self, kind: str) -> None:
        """Say what follows. Raises OSError."""
        self.kind, self._first = kind, b""
        if kind in ("h264", "h265"):
            codec: VideoCodec = "h264" if kind == "h264" else "h265"
            self.timing, self._annexb = "arrival", AnnexbStream(codec)
            track = DemuxTrack(0, "video", "h264" if codec == "h264" else "hevc", VIDEO_RATE, 0, b"", None)
            self._put(MediaTracks((track,), "", ()))
            return
        if kind == JPEG:
            self.timing = "arrival"
        self._process = MediaProcess(kind)
        if self._is_closed:
            self.close()

    def picture(self, data: bytes) -> None:
        """Add one JPEG, or one access unit, that has just come. Raises OSError."""
        now_s = self._clock.mono_s()
        if self.kind == JPEG and self._process is not None:
            self._process.feed_jpeg(data[:MOST_JPEG_BYTES], self._ticks(now_s))
        else:
            self._put(CompressedUnit(0, data, self._ticks(now_s), None))

    def end(self, error: SourceError | None) -> None:
        """Say that nothing follows, and why."""
        self.error = error
        if self._process is not None:
            self._process.finish()
        else:
            try:
                self._put(MediaEnd(""))
            except OSError:  # the reader has closed it
                return

    def _feed(self, data: bytes) -> None:
        if self.kind == JPEG:
            for jpeg in self._jpegs.feed(data):
                self.jpegs += 1
                self.picture(jpeg)
        elif self._process is not None:
            self._process.feed(data)
        else:
            for unit in self._annexb.feed(data, self._clock.mono_s()):
                self._put(CompressedUnit(0, unit.data, self._ticks(unit.came_s), None))

    def _ticks(self, came_s: float) -> int:
        """Return when a frame came. Two that come together get different times."""
        self._newest = max(self._newest + 1, round((came_s - self.begun_s) * VIDEO_RATE))
        return self._newest

    def _put(self, message: MediaMessage) -> None:
        while not self._is_closed:
            try:
                self._direct.put(message, timeout=LOOK_S)
            except queue.Full:
                continue
            return
        raise BrokenPipeError("the connection is closed")

    # --- the reader's side

    def message(self, most_s: float) -> MediaMessage | None:
        """Return what comes next; None if nothing comes within `most_s`. Raises ValueError."""
        if self._process is not None:
            return self._process.read(most_s)
        try:
            return self._direct.get(timeout=most_s) if most_s > 0 else self._direct.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        self._is_closed = True
        if self._process is not None:
            self._process.close()

    def release(self) -> None:
        """Close the pipes, after the feeder has ended."""
        if self._process is not None:
            self._process.release()


# From units to packets.


class _Video:
    def __init__(self, track: DemuxTrack, codec: VideoCodec, where: str) -> None:
        self.track, self.index = track, track.index
        try:
            sets, self._length_bytes = read_extradata(codec, track.extradata)
        except ValueError as error:
            raise SourceUnusable(where, str(error)) from None
        self._pictures = PacketBuilder(codec, sets)

    def packet(self, unit: CompressedUnit) -> SourcePacket | None:
        pts = unit.pts if unit.pts is not None else unit.dts
        if pts is None:
            return None
        try:
            return self._pictures.packet(self._nals(unit.data), pts)
        except ValueError:
            return None  # a damaged frame

    def _nals(self, data: bytes) -> list[bytes]:
        size, at = self._length_bytes, 0
        if size == 0:
            return split_annexb(data)
        nals: list[bytes] = []
        while at < len(data):
            begin = at + size
            at = begin + int.from_bytes(data[at:begin])
            if at > len(data) or begin > len(data):
                raise ValueError("the length of a NAL unit does not fit")
            nals += [data[begin:at]] if at > begin else []
        return nals


_REPEATED_S: Final = 1.0
"""Sound that is behind the newest by at most this is a repetition, s."""


class _Audio:
    def __init__(self, track: DemuxTrack) -> None:
        self.track, self.index = track, track.index
        codec = track.audio_codec or "aac"
        config = track.extradata if codec == "aac" else b""
        self.format = AudioFormat(codec, track.rate, max(1, track.channels), config)
        self._is_adts = codec == "aac" and not config
        self._rate = track.rate
        self._newest = -1 << 62

    def packet(self, unit: CompressedUnit) -> SourcePacket | None:
        if unit.pts is None or not unit.data:
            return None
        if 0 <= self._newest - unit.pts <= _REPEATED_S * self._rate:  # further back: the encoder has started again
            return None
        data = unit.data
        if self._is_adts:
            read = read_adts(data)
            if read is None:
                return None
            self.format, data = read
        self._newest = unit.pts
        # FFmpeg counts HE-AAC at twice the rate that its header says, which is that of the format
        return SourcePacket(self.format, data, unit.pts * self.format.rate // self._rate)


def _is_same(old: DemuxTrack, new: DemuxTrack) -> bool:
    return replace(old, fps=None) == replace(new, fps=None)


# The connection.

_AHEAD_SEGMENTS: Final = 3
_JUMP_S: Final = 10.0
_DRIFT: Final = 0.0005
_MOST_HELD_BYTES: Final = 16_000_000


class _Due(NamedTuple):
    packet: SourcePacket
    due_s: float
    """When it is passed on, s monotonic; 0: at once."""
    taken_s: float
    """When it was captured, as far as known, s monotonic; 0: when it came."""


@dataclass
class CaptureMemory:
    """Of one stream, over its connections: what is offered again is not recorded twice."""

    newest_s: float = 0.0
    """When the newest frame was captured, s monotonic."""


class MediaConnection:
    """One camera. feed: receives and writes to the input until the camera ends, then returns or raises SourceError.

    cut: makes a waiting feeder end; called from another thread.
    """

    def __init__(
        self,
        feed: Callable[[MediaInput], None],
        cut: Callable[[], None],
        where: str,
        clock: Clock,
        options: Mapping[str, Any],
        memory: CaptureMemory | None = None,
    ) -> None:
        self._where, self._clock, self._cut = where, clock, cut
        self._wants_sound, self._stall_s = bool(options.get("sound", True)), float(options.get("stall", 5.0))
        self.input = MediaInput(clock)
        self._notes: dict[str, Any] = {}
        self._video: _Video | None = None
        self._audio: _Audio | None = None
        self._ready: deque[_Due] = deque()
        self._held_bytes = 0
        self._pace = _SegmentPace()
        self._begun_s = self._alive_s = clock.mono_s()
        self._has_units = self._has_video = self._is_closed = False
        self._over: SourceError | None = None
        self._memory = memory or CaptureMemory()
        self._not_before_s = self._memory.newest_s
        self._feeder = start_thread("camera media", lambda: self._run(feed))

    def wait_until_it_plays(self) -> None:
        """Wait for the first frame. Raises SourceError, after closing."""
        try:
            while not self._has_units:
                if self._clock.mono_s() - self._begun_s > OPEN_S:
                    raise self.input.error or SourceStalled(self._where, f"no video within {OPEN_S:g} s")
                self._take(LOOK_S)
        except SourceError:
            self.close()
            raise

    def read(self) -> SourcePacket | IdleUntil:
        if not self._ready and self._over is None:
            self._take(2 * LOOK_S)
        while self.input.timing == "segments" and self._over is None and self._held_bytes < _MOST_HELD_BYTES:
            if not self._take(0.0):
                break
        now_s = self._clock.mono_s()
        if self._ready:
            wait_s = self._ready[0].due_s - now_s
            if wait_s > 0:
                return IdleUntil(min(wait_s, LOOK_S))
            return self._give(now_s)
        if self._over is not None:
            raise self._over
        self._watch(now_s)
        return IdleUntil(0.0)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._over = self._over or SourceClosed(self._where, "disconnected")
        self._ready.clear()
        self._cut()
        self.input.close()
        self._feeder.join(0.3)
        if not self._feeder.is_alive():
            self.input.release()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._notes

    def _run(self, feed: Callable[[MediaInput], None]) -> None:
        error: SourceError | None = SourceClosed(self._where, "what it sent could not be read; see the log")
        try:
            feed(self.input)
            error = None
        except SourceError as failed:
            error = failed
        except OSError:  # the process has ended, or the connection was closed here
            error = None
        finally:  # also after an unexpected error: without an end the reader would wait
            self.input.end(error)
            if self._is_closed:
                self.input.release()

    def _take(self, most_s: float) -> bool:
        """Process the next message, if one comes within `most_s`."""
        try:
            message = self.input.message(most_s)
        except ValueError as error:
            message = MediaEnd(str(error))
        if message is None:
            return False
        try:
            if isinstance(message, MediaEnd):
                raise self._ended(message)
            if isinstance(message, MediaTracks):
                self._choose(message)
            else:
                self._add(message)
        except SourceError as error:
            self._over = error
            if not self._has_units:
                raise
        return True

    def _choose(self, found: MediaTracks) -> None:
        video = next((one for one in found.tracks if one.video_codec), None)
        if video is None or video.video_codec is None:
            sent = ", ".join(f"{one.codec} {one.kind}" for one in found.tracks) or "no video"
            raise SourceUnusable(self._where, f"it sends {sent}")
        if self._video is None or not _is_same(self._video.track, video):  # a new one waits for a keyframe
            self._video = _Video(video, video.video_codec, self._where)
        sounds = [one for one in found.tracks if one.kind == "audio"]
        audio = next((one for one in sounds if one.audio_codec and one.rate > 0), None)
        if audio is None or not self._wants_sound:
            self._audio = None
        elif self._audio is None or not _is_same(self._audio.track, audio):
            self._audio = _Audio(audio)
        self._notes = {
            "client": "ffmpeg",
            "format": self.input.kind,
            "sound": audio.codec if self._audio and audio else "",
        }
        if video.fps:
            self._notes["fps"] = round(video.fps, 3)
        if found.tool:
            self._notes["encoder"] = found.tool
        if sounds and not self._audio and self._wants_sound:
            self._notes["sound_ignored"] = sounds[0].codec
        if found.unlimited:
            self._notes["hint"] = (
                f"This computer can't limit {', '.join(found.unlimited)} of the process that reads it."
            )

    def _add(self, unit: CompressedUnit) -> None:
        if self._video is not None and unit.track == self._video.index:
            if not self._has_units:
                self._has_units, self._alive_s = True, self._clock.mono_s()
            packet = self._video.packet(unit)
            if packet is not None:
                self._has_video, self._alive_s = True, self._clock.mono_s()
        else:
            is_sound = self._audio is not None and unit.track == self._audio.index and self._has_video
            packet = self._audio.packet(unit) if is_sound and self._audio is not None else None
        if packet is not None:
            self._ready.append(self._timed(packet))
            self._held_bytes += len(packet.data)

    def _timed(self, packet: SourcePacket) -> _Due:
        now_s, at_s = self._clock.mono_s(), packet.pts / packet.format.rate
        if self.input.timing == "arrival":
            return _Due(packet, 0.0, self.input.begun_s + at_s)
        if self.input.timing == "segments":
            return self._pace.timed(packet, now_s, self.input.segment_s)
        return _Due(packet, 0.0, 0.0)

    def _give(self, now_s: float) -> SourcePacket | IdleUntil:
        packet, _, taken_s = self._ready.popleft()
        self._held_bytes -= len(packet.data)
        if not taken_s:
            self._memory.newest_s = now_s
            return packet
        if self._not_before_s:
            if taken_s < self._not_before_s or not packet.is_keyframe:
                return IdleUntil(0.0)
            self._not_before_s = 0.0
        self._memory.newest_s = max(self._memory.newest_s, taken_s)
        return replace(packet, waited_s=max(0.0, now_s - taken_s))

    def _watch(self, now_s: float) -> None:
        """Raise SourceError if there is no video."""
        stall_s = self._stall_s + self.input.interval_s
        if self.input.timing == "segments":
            stall_s += self.input.segment_s + _PATIENCE_S
        elif not self._has_video and self._has_units:
            stall_s = KEYFRAME_S
        if now_s - self._alive_s >= stall_s:
            self._over = SourceStalled(self._where, f"no video for {stall_s:g} s")
            raise self._over

    def _ended(self, end: MediaEnd) -> SourceError:
        if self.input.error is not None:
            return self.input.error
        if end.why and not self._has_video:
            return SourceUnusable(self._where, end.why)
        return SourceClosed(self._where, end.why or "the stream ended")


class _SegmentPace:
    """Passes segments on at the pace of their times, and finds out when they were captured."""

    def __init__(self) -> None:
        self._base_s: float | None = None
        self._shift_s = 0.0
        """Capture time minus stream time: the smallest found."""
        self._seen_s = self._newest_s = self._due_s = 0.0

    def timed(self, packet: SourcePacket, now_s: float, segment_s: float) -> _Due:
        at_s = packet.pts / packet.format.rate
        if self._base_s is None or abs(at_s - self._newest_s) > _JUMP_S:
            # the segment was complete when it was listed, so its first frame is older by its length
            self._base_s, self._shift_s, self._seen_s, self._due_s = now_s - at_s, now_s - at_s - segment_s, now_s, 0.0
        self._shift_s = min(self._shift_s + _DRIFT * (now_s - self._seen_s), now_s - at_s)
        self._newest_s, self._seen_s = at_s, now_s
        ahead_s = self._base_s + at_s - now_s
        if packet.is_video and (ahead_s < -1.0 or ahead_s > _AHEAD_SEGMENTS * max(segment_s, 1.0)):
            self._base_s, self._due_s = self._base_s - ahead_s, 0.0
        self._due_s = max(self._due_s, self._base_s + at_s)
        return _Due(packet, self._due_s, self._shift_s + at_s)

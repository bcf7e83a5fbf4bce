"""Frames of a video file on demand: its keyframes, or all frames in a time range.

Times are seconds since the file's first frame. Objects are not thread-safe; several may read the same file. As in
`demuxer.open_file`, only formats that cannot reference other files are opened.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet as AvPacket
from av.video.stream import VideoStream

from tawny.media.codec.decoder import (
    MOST_REORDER_S,
    NO_CAMERA,
    ContinuedTimes,
    DecodedFrame,
    PresentationTimes,
    stated_by,
)
from tawny.media.codec.demuxer import AUDIO_CODECS, FILE_OPTIONS, source_error
from tawny.media.mp4.byte_reader import open_stored
from tawny.model.errors import FileSealed, NoSuchDevice, PathUnreadable, SourceError, SourceUnusable
from tawny.model.packets import AudioFormat
from tawny.sealed.header import MAGIC

_USUAL_FPS = 25.0
_MEASURED_S = 120.0
_STREAMED = frozenset({"mpegts", "mpeg", "flv"})
"""FFmpeg's names of forms without an index of all times: in one file, their times may begin again."""

Opened = tuple[InputContainer, VideoStream]
Track = TypeVar("Track", VideoStream, AudioStream)


@dataclass(eq=False, slots=True)
class Gop:
    """A keyframe, decoded on demand, and the size of the packets up to the next one."""

    at_s: float
    other_bytes: int
    """Total size of the packets between this keyframe and the next."""
    picture: Callable[[], DecodedFrame | None]
    """Decodes the keyframe; None if damaged. Keeps the coded data in memory."""


class FileSound(NamedTuple):
    """A packet of a file's sound track."""

    at_s: float
    format: AudioFormat
    data: bytes


class FileVideo:
    """Metadata and frames of a video file. Raises SourceError or StorageError if it cannot be read, FileSealed if it is
    encrypted.

    source: returns a file object to read instead of `path`, which then serves only as a name.
    """

    def __init__(self, path: Path, source: Callable[[], IO[bytes]] | None = None) -> None:
        self.path, self._source = path, source
        self._readers: dict[bool, Opened] = {}
        """Inputs that stay open, by `only_referenced`."""
        try:
            if source is None and not path.is_file():
                raise NoSuchDevice(str(path), "it is not a file" if path.exists() else "no such file")
        except PermissionError as error:
            raise PathUnreadable(str(path), error.strerror or "") from error
        if source is None and _is_sealed(path):
            raise FileSealed(str(path))
        container, stream = self._opened()
        with container:
            self.width, self.height = stream.width, stream.height
            self.codec = stream.codec_context.name
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else _USUAL_FPS
            self.has_times = True
            self._tick_s = float(stream.time_base or 0)
            self._zero_s = self._first_s(container, stream)
            self.duration_s = self._length_s(container, stream)
            self._is_streamed = container.format.name in _STREAMED

    @cached_property
    def can_seek(self) -> bool:
        """Whether any time can be gone to at once: the file has times, and they don't begin again within it.

        Reads the whole file, once in a process, if its form allows that; `duration_s` is right then.
        """
        if not (self.has_times and self._is_streamed):
            return self.has_times
        if self._source is None:
            found = self.path.stat()
            end_s = _restarted_end_s((self.path, found.st_size, found.st_mtime_ns))
        else:
            end_s = self.restarted_end_s()
        if end_s is not None:
            self.duration_s = end_s
        return end_s is None

    def restarted_end_s(self) -> float | None:
        """Return the end, s, if the file's times begin again within it, else None. Reads the whole file."""
        container, stream = self._opened()
        with container:
            times, last_s = self._continued(stream), 0.0
            for packet in self._packets(container, stream, times):
                last_s = max(last_s, self._at_s(packet) or 0.0)
        return last_s + 1 / self.fps if times.have_stepped_back else None

    def has_keyframes_within(self, gap_s: float) -> bool:
        """Return whether the keyframe distance is at most gap_s, checked in the first _MEASURED_S seconds."""
        container, stream = self._opened()
        with container:
            last_s = at_s = 0.0
            for packet in self._packets(container, stream):
                at_s = self._at_s(packet) or at_s
                if packet.is_keyframe:
                    last_s = at_s
                if at_s - last_s > gap_s:
                    return False
                if at_s > _MEASURED_S:
                    break
        return True

    def keyframes(self, begin_s: float = 0.0, end_s: float = float("inf")) -> Iterator[Gop]:
        """Yield the keyframes from begin_s (or the preceding one) up to end_s, without decoding them."""
        container, stream = self._opened()
        stream.codec_context.options = {"skip_loop_filter": "all"}
        gop: Gop | None = None
        with container:
            if begin_s > 0:
                self._seek(container, stream, begin_s)
            for packet in self._packets_from(container, stream, begin_s):
                at_s = self._at_s(packet)
                if packet.is_keyframe and at_s is not None:
                    if gop is not None:
                        yield gop
                    gop = Gop(round(at_s, 3), 0, partial(self._alone, stream, packet, at_s)) if at_s < end_s else None
                    if gop is None:
                        break
                elif gop is not None:
                    gop.other_bytes += packet.size
        if gop is not None:
            yield gop

    def pictures(
        self, begin_s: float = 0.0, end_s: float = float("inf"), *, only_referenced: bool = False
    ) -> Iterator[DecodedFrame]:
        """Yield all frames from the keyframe at or before begin_s up to end_s. Do not interleave calls.

        only_referenced: cheaper; skips non-reference frames and the deblocking filter.
        """
        container, stream = self._kept(begin_s, only_referenced=only_referenced)
        times = self._times(stream)
        for packet in self._packets_from(container, stream, begin_s):
            at_s = self._at_s(packet)
            yield from self._decoded(stream, packet, at_s, times)
            if packet.is_keyframe and at_s is not None and at_s >= end_s:
                break
        yield from self._decoded(stream, None, 0.0, times)

    def sounds(self) -> Iterator[FileSound]:
        """Yield the packets of the first sound track whose format cameras send; nothing without one."""
        container, _ = self._opened()
        with container:
            tracks = [one for one in container.streams.audio if one.codec_context.name in AUDIO_CODECS]
            if not tracks or not self.has_times or not tracks[0].codec_context.sample_rate:
                return
            coded = tracks[0].codec_context
            codec, config = AUDIO_CODECS[coded.name], bytes(coded.extradata or b"")
            form = AudioFormat(codec, coded.sample_rate, coded.channels, config)
            for packet in self._packets(container, tracks[0]):
                if packet.pts is not None and packet.time_base is not None and not packet.is_discard:
                    yield FileSound(float(packet.pts * packet.time_base) - self._zero_s, form, bytes(packet))

    def _kept(self, begin_s: float, *, only_referenced: bool) -> Opened:
        """Return an input at the preceding keyframe.

        It stays open between ranges: probing dominates the cost of opening.
        """
        has_to_seek = begin_s > 0 or only_referenced in self._readers
        kept = self._readers.get(only_referenced) if has_to_seek and self.can_seek else None
        container, stream = kept or self._opened()
        if kept is None and only_referenced:
            stream.codec_context.options = {"skip_loop_filter": "all"}
            stream.codec_context.skip_frame = "NONREF"
        if has_to_seek:
            self._seek(container, stream, begin_s)
        self._readers[only_referenced] = container, stream
        return container, stream

    def _opened(self) -> Opened:
        try:
            opened = f"file:{self.path}" if self._source is None else self._source()
            container = av.open(opened, "r", options=dict(FILE_OPTIONS))
        except av.error.FFmpegError as error:
            failed: SourceError = source_error(error, str(self.path), 0.0)
        else:
            if container.streams.video:
                stream = container.streams.video[0]
                stream.codec_context.thread_type = "NONE"
                return container, stream
            container.close()
            failed = SourceUnusable(str(self.path), "the file holds no video")
        raise failed

    def _first_s(self, container: InputContainer, stream: VideoStream) -> float:
        """Return the time of the first frame. Detects files without timestamps, whose frames are counted instead."""
        times: list[float] = []
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                self.has_times = bool(times)
                break
            if packet.is_discard:  # an edit list hides it: players begin with a later one
                continue
            times.append(float(packet.pts * packet.time_base))
            if len(times) > 17:
                break
        return min(times, default=0.0)

    def _length_s(self, container: InputContainer, stream: VideoStream) -> float:
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is not None:
            end_s = container.duration / av.time_base
            is_end = "matroska" in container.format.name and end_s > self._zero_s  # there, it counts from time 0
            return end_s - self._zero_s if is_end else end_s
        return 0.0

    def _seek(self, container: InputContainer, stream: VideoStream, begin_s: float) -> None:
        """Seek to the keyframe at or before begin_s; not in a file that can only be read from its beginning."""
        if self.can_seek and stream.time_base:
            container.seek(round((begin_s + self._zero_s) / stream.time_base), stream=stream)

    def _continued(self, stream: VideoStream | AudioStream) -> ContinuedTimes:
        return ContinuedTimes(float(stream.time_base or 0), 1 / self.fps)

    def _packets(
        self, container: InputContainer, stream: Track, times: ContinuedTimes | None = None
    ) -> Iterator["AvPacket[Track]"]:
        """Yield packets from the current position; skips empty ones. Raises SourceError when reading fails.

        times: keeps their times going on.
        """
        self._counted = 0
        times = times or self._continued(stream)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                failed = source_error(error, str(self.path), 0.0, reading=True)
            else:
                if packet is None:
                    return
                if packet.size:
                    times.apply(packet)
                    yield packet
                continue
            raise failed

    def _packets_from(
        self, container: InputContainer, stream: VideoStream, begin_s: float
    ) -> Iterator["AvPacket[VideoStream]"]:
        """Yield packets after a seek to begin_s; without times, all. Raises SourceError when reading fails."""
        packets = self._packets(container, stream)
        if begin_s > 0 and self.has_times and not self.can_seek:
            group: list[AvPacket[VideoStream]] = []
            for packet in packets:
                at_s = self._at_s(packet)
                if packet.is_keyframe and at_s is not None and at_s > begin_s:
                    packets = chain([packet], packets)
                    break
                group = [packet] if packet.is_keyframe else [*group, packet]
            packets = chain(group, packets)
        yield from packets

    def _at_s(self, packet: "AvPacket[VideoStream]") -> float | None:
        if not self.has_times:
            self._counted += 1
            return (self._counted - 1) / self.fps
        return None if packet.pts is None else packet.pts * self._tick_s - self._zero_s

    def _alone(self, stream: VideoStream, keyframe: Any, at_s: float) -> DecodedFrame | None:
        """Decode a keyframe in isolation."""
        times = self._times(stream)
        frames = self._decoded(stream, keyframe, at_s, times) + self._decoded(stream, None, 0.0, times)
        stream.codec_context.flush_buffers()
        return frames[0] if frames else None

    def _times(self, stream: VideoStream) -> PresentationTimes:
        return PresentationTimes(round(MOST_REORDER_S / stream.time_base) if stream.time_base else 0)

    def _decoded(
        self, stream: VideoStream, packet: Any, at_s: float | None, times: PresentationTimes
    ) -> list[DecodedFrame]:
        """Decode a packet; None drains the decoder. Returns nothing for a damaged packet."""
        if packet is not None and not self.has_times and at_s is not None and packet.time_base is not None:
            packet.pts = packet.dts = round(at_s / packet.time_base)
        if packet is not None and packet.pts is not None:
            times.feed(packet.pts)
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            return []
        zero_s = self._zero_s if self.has_times else 0.0
        return [
            DecodedFrame(
                frame, NO_CAMERA, round((times.take(frame.pts) * self._tick_s - zero_s) * 1000), stated_by(frame)
            )
            for frame in frames
            if frame.pts is not None
        ]


@lru_cache(maxsize=256)
def _restarted_end_s(file: tuple[Path, int, int]) -> float | None:
    """As `FileVideo.restarted_end_s`, once for all parts of a scan. file: path, size in bytes, time of change in ns."""
    return FileVideo(file[0]).restarted_end_s()


def _is_sealed(path: Path) -> bool:
    """Return whether a file is encrypted. Raises StorageError."""
    with open_stored(path) as file:
        return file.read(0, len(MAGIC)) == MAGIC

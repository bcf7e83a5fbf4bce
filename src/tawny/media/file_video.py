"""Pictures of a video file, only those that are asked for: its keyframes, or all from one instant up to another.

Times are seconds since the file's first picture. One thread an object; several may read the same file. Files are
opened as `demux.open_file` does: only forms that name no other files.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import av
import av.error
from av.container import InputContainer
from av.packet import Packet as AvPacket
from av.video.stream import VideoStream

from tawny.media.decode import NO_CAMERA, DecodedFrame
from tawny.media.demux import FILE_OPTIONS, source_error
from tawny.model.errors import NoSuchDevice, SourceError, SourceUnusable

_USUAL_FPS = 25.0
_MEASURED_S = 120.0

Opened = tuple[InputContainer, VideoStream]


class Gop(NamedTuple):
    """A keyframe, and how much came after it up to the next."""

    frame: DecodedFrame
    at_s: float
    other_bytes: int
    """Of all packets between this keyframe and the next: 0 where they are not known."""


class FileVideo:
    """What the file says of itself, and its pictures. SourceError when it cannot be read.

    source: makes a file object to read from instead of the path, which then is only a name.
    """

    def __init__(self, path: Path, source: Callable[[], IO[bytes]] | None = None) -> None:
        self.path, self._source = path, source
        if source is None and not path.is_file():
            raise NoSuchDevice(str(path), "it is not a file" if path.exists() else "no such file")
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

    def has_keyframes_within(self, gap_s: float) -> bool:
        """Whether the keyframes of its first minutes lie no further apart."""
        container, stream = self._opened()
        with container:
            last_s = at_s = 0.0
            for packet in self._packets(container, stream, 0.0):
                at_s = self._at_s(packet) or at_s
                if packet.is_keyframe:
                    last_s = at_s
                if at_s - last_s > gap_s:
                    return False
                if at_s > _MEASURED_S:
                    break
        return True

    def keyframes(self, begin_s: float = 0.0, end_s: float = float("inf")) -> Iterator[Gop]:
        """Its keyframes from begin_s (the one before, if there is none) up to end_s; nothing else is decoded."""
        container, stream = self._opened()
        with container:
            context = stream.codec_context
            context.options = {"skip_loop_filter": "all"}
            sizes: dict[int, int] = {}
            waiting: list[DecodedFrame] = []
            newest: int | None = None
            for packet in self._packets(container, stream, begin_s):
                at_s = self._at_s(packet)
                if packet.is_keyframe and at_s is not None:
                    if at_s >= end_s:
                        break
                    newest = round(at_s * 1000)
                    sizes[newest] = 0
                    waiting += self._decoded(stream, packet, at_s)
                elif newest is not None:
                    sizes[newest] += packet.size
                while len(waiting) > 1 or (waiting and waiting[0].at_ms != newest):
                    yield _gop(waiting.pop(0), sizes)
            waiting += self._decoded(stream, None, 0.0)
            for frame in waiting:
                yield _gop(frame, sizes)

    def pictures(
        self, begin_s: float = 0.0, end_s: float = float("inf"), *, only_referenced: bool = False
    ) -> Iterator[DecodedFrame]:
        """All pictures from the keyframe at or before begin_s up to end_s.

        only_referenced: cheaper; pictures that no other refers to are left out, and edges of blocks are not smoothed.
        """
        container, stream = self._opened()
        with container:
            if only_referenced:
                stream.codec_context.options = {"skip_loop_filter": "all"}
                stream.codec_context.skip_frame = "NONREF"
            for packet in self._packets(container, stream, begin_s):
                at_s = self._at_s(packet)
                yield from self._decoded(stream, packet, at_s)
                if packet.is_keyframe and at_s is not None and at_s >= end_s:
                    break
            yield from self._decoded(stream, None, 0.0)

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
        """Time of the first picture; a file without times gets some by counting."""
        times: list[float] = []
        for number, packet in enumerate(container.demux(stream)):
            if packet.pts is None or packet.time_base is None:
                self.has_times = bool(times)
                break
            times.append(float(packet.pts * packet.time_base))
            if number > 16:
                break
        return min(times, default=0.0)

    def _length_s(self, container: InputContainer, stream: VideoStream) -> float:
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is not None:
            return container.duration / av.time_base
        return 0.0

    def _packets(
        self, container: InputContainer, stream: VideoStream, begin_s: float
    ) -> Iterator["AvPacket[VideoStream]"]:
        """From the keyframe at or before begin_s. Damaged packets are left out."""
        if begin_s > 0 and self.has_times and stream.time_base:
            container.seek(round((begin_s + self._zero_s) / stream.time_base), stream=stream)
        self._counted = 0
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
                    yield packet
                continue
            raise failed

    def _at_s(self, packet: "AvPacket[VideoStream]") -> float | None:
        if not self.has_times:
            self._counted += 1
            return (self._counted - 1) / self.fps
        return None if packet.pts is None else packet.pts * self._tick_s - self._zero_s

    def _decoded(self, stream: VideoStream, packet: Any, at_s: float | None) -> list[DecodedFrame]:
        """What a packet (None: the end) brings; nothing for a damaged one."""
        if packet is not None and not self.has_times and at_s is not None and packet.time_base is not None:
            packet.pts = packet.dts = round(at_s / packet.time_base)
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            return []
        zero_s = self._zero_s if self.has_times else 0.0
        return [
            DecodedFrame(frame, NO_CAMERA, round((frame.pts * self._tick_s - zero_s) * 1000))
            for frame in frames
            if frame.pts is not None
        ]


def _gop(frame: DecodedFrame, sizes: dict[int, int]) -> Gop:
    return Gop(frame, frame.at_ms / 1000, sizes.pop(frame.at_ms, 0))

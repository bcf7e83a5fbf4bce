"""Writes frames to a regular H.264 MP4 file. Blocking. Not thread-safe."""

from pathlib import Path
from typing import BinaryIO

from tawny.media.codec.encoder import Encoder, Picture
from tawny.media.mp4.fragment_writer import Sample, fragment, init_segment
from tawny.media.mp4.progressive import SegmentPart, write_mp4
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat


class VideoWriter:
    """One MP4 file. scratch: temporary file until `finish`. out: the final file, written by `finish`.

    Raises SourceUnusable if no encoder works, OSError on disk errors.
    """

    def __init__(self, out: Path, scratch: Path, width: int, height: int, fps: int) -> None:
        self._out, self._scratch, self._fps = out, scratch, fps
        self._encoder = Encoder(width, height, fps, gop_s=1.0, crf=24, preset="veryfast")
        self._file: BinaryIO = scratch.open("wb")
        self._count = self._fragments = 0
        self._waiting: list[SourcePacket] = []

    def add(self, picture: Picture) -> None:
        self._take(self._encoder.encode(picture, self._count * VIDEO_RATE // self._fps))
        self._count += 1

    def finish(self, start_ms: int) -> None:
        """Write the file; nothing without frames. start_ms: creation time in the file, ms UTC."""
        self._take(self._encoder.close())
        self._write()
        self._file.close()
        if self._fragments:
            with self._out.open("wb") as file:
                write_mp4(file, [SegmentPart(self._scratch, start_ms)])

    def close(self) -> None:
        """Close the temporary file without writing the result."""
        self._file.close()

    def _take(self, packets: list[SourcePacket]) -> None:
        for packet in packets:
            if packet.is_keyframe and self._waiting:
                self._write()
            self._waiting.append(packet)

    def _write(self) -> None:
        if not self._waiting:
            return
        video = self._waiting[0].format
        assert isinstance(video, VideoFormat)
        if not self._fragments:
            self._file.write(init_segment(video))
        self._fragments += 1
        each = VIDEO_RATE // self._fps
        made = [Sample(one.data, one.pts, each, one.is_keyframe) for one in self._waiting]
        for part in fragment(self._fragments, made, (), made[0].pts):
            self._file.write(part)
        self._waiting = []

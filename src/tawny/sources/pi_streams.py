"""What the camera programs of a Raspberry Pi write, cut into packets: H.264, records of Picamera2, or raw pictures."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Protocol

import numpy as np

from tawny.media.codec.encoder import Encoder, EncodingQuality
from tawny.media.codec.nal import split_annexb
from tawny.model.ids import StreamName
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.sources import picamera2_program as program
from tawny.sources.packet_builder import AnnexbStream, PacketBuilder
from tawny.sources.pi_controls import size_of

StreamPacket = tuple[StreamName, SourcePacket]


class Splitter(Protocol):
    """Makes packets of a program's output."""

    notes: dict[str, Any]

    def feed(self, data: bytes, now_s: float) -> Iterator[StreamPacket]:
        """Raises ValueError for output that can't be one."""
        ...


class _ArrivalTimes:
    """Times of pictures that come without one: when each came, or one tick after the one before."""

    def __init__(self) -> None:
        self._begun_s: float | None = None
        self._newest_pts = -1

    def pts(self, came_s: float) -> int:
        if self._begun_s is None:
            self._begun_s = came_s
        self._newest_pts = max(self._newest_pts + 1, round((came_s - self._begun_s) * VIDEO_RATE))
        return self._newest_pts


class AnnexbSplitter:
    """H.264 of the camera program, without times."""

    def __init__(self) -> None:
        self._stream, self._pictures = AnnexbStream(), PacketBuilder("h264")
        self._times = _ArrivalTimes()
        self.notes: dict[str, Any] = {}

    def feed(self, data: bytes, now_s: float) -> Iterator[StreamPacket]:
        for picture in self._stream.feed(data, now_s):
            pts = self._times.pts(picture.came_s)
            with suppress(ValueError):  # a damaged frame
                packet = self._pictures.packet(split_annexb(picture.data), pts)
                if packet is not None:
                    yield StreamName.MAIN, packet


class RecordSplitter:
    """Records of `picamera2_program`, with the sensor's times."""

    _STREAMS: ClassVar = {program.MAIN: StreamName.MAIN, program.SUB: StreamName.SUB}
    _MOST_BYTES: ClassVar = 8_000_000

    def __init__(self) -> None:
        self._data = bytearray()
        self._pictures = {stream: PacketBuilder("h264") for stream in self._STREAMS.values()}
        self.notes: dict[str, Any] = {}

    def feed(self, data: bytes, now_s: float) -> Iterator[StreamPacket]:
        self._data += data
        head = program.HEADER.size
        while len(self._data) >= head:
            kind, _, microseconds, size = program.HEADER.unpack_from(self._data)
            if size > self._MOST_BYTES or kind > program.NOTES:
                raise ValueError("a record that is none of Picamera2's")
            if len(self._data) < head + size:
                return
            content = bytes(self._data[head : head + size])
            del self._data[: head + size]
            if kind == program.NOTES:
                self.notes |= json.loads(content)
                continue
            stream = self._STREAMS[kind]
            with suppress(ValueError):  # a damaged frame
                pts = round(microseconds * VIDEO_RATE / 1_000_000)
                packet = self._pictures[stream].packet(split_annexb(content), pts)
                if packet is not None:
                    yield stream, packet


class RawSplitter:
    """Raw pictures of the camera program, planar YUV 4:2:0: encodes them as main and as small stream."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._size = size_of(options["size"])
        self._bytes = self._size[0] * self._size[1] * 3 // 2
        rate = {StreamName.MAIN: options["mbit"], StreamName.SUB: options["sub_mbit"]}
        sizes = {StreamName.MAIN: self._size, StreamName.SUB: size_of(options["sub_size"])}
        self._encoders = {
            stream: Encoder(
                *sizes[stream], options["fps"], gop_s=options["keyframe"],
                quality=EncodingQuality(bit_rate=round(mbit * 1e6)),
            )
            for stream, mbit in rate.items()
        }  # fmt: skip
        self.notes: dict[str, Any] = {"encoder": self._encoders[StreamName.MAIN].name}
        self._data = bytearray()
        self._times, self._came_s = _ArrivalTimes(), 0.0

    def feed(self, data: bytes, now_s: float) -> Iterator[StreamPacket]:
        self._came_s = self._came_s if self._data else now_s
        self._data += data
        while len(self._data) >= self._bytes:
            picture = np.frombuffer(bytes(self._data[: self._bytes]), np.uint8).reshape(-1, self._size[0])
            del self._data[: self._bytes]
            pts = self._times.pts(self._came_s)
            self._came_s = now_s
            for stream, encoder in self._encoders.items():
                for packet in encoder.encode(picture, pts):
                    yield stream, packet

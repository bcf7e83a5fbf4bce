"""Metadata in segment files: camera, stream and start at the beginning; end time and reason at the end.

Both are `uuid` boxes with JSON. With them the index is rebuilt from files alone, with two small reads per file of any
size. Input is untrusted: sizes are limited, and invalid metadata is returned as None.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.boxes import OURS
from tawny.media.mp4.leaf_proof import proof_keys
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.model.segments import Segment
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedFileKind, SealedHeader
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import SegmentName, is_sealed, segment_name

_HEAD_BYTES: Final = 8 * 1024  # a header is about 1.5 KiB
_MOST_HEAD_BYTES: Final = 256 * 1024
THINNED_FROM: Final = "thinned_from"
"""Key in a thinned file's metadata: header of the full file, which identifies it in the signed history."""
_HEADER: Final = struct.Struct(">I4s")
_STREAMS: Final = {0: StreamName.MAIN, 1: StreamName.SUB}


@dataclass(frozen=True, slots=True)
class SegmentMetadata:
    """Metadata of a segment.

    video, audio: codec strings. width, height: px. In a sealed file they are unknown without its key.
    """

    camera: CameraId
    stream: StreamName
    run: RunId
    start_ms: int
    video: str
    width: int
    height: int
    audio: str = ""
    is_sealed: bool = False

    @property
    def name(self) -> SegmentName:
        return SegmentName(self.camera, self.stream, self.start_ms, None, is_sealed=self.is_sealed)

    def record(self) -> Mapping[str, object]:
        return {
            "camera": self.camera,
            "stream": self.stream.value,
            "run": self.run,
            "start_ms": self.start_ms,
            "video": self.video,
            "width": self.width,
            "height": self.height,
            "audio": self.audio,
        }

    def segment(self, name: SegmentName, size_bytes: int) -> Segment:
        """Return the row of the closed file."""
        assert name.end_ms is not None
        return Segment(
            camera=name.camera,
            stream=name.stream,
            run=self.run,
            start_ms=name.start_ms,
            end_ms=name.end_ms,
            size_bytes=size_bytes,
            path=name.path,
            video=self.video,
            width=self.width,
            height=self.height,
            audio=self.audio,
        )


@dataclass(frozen=True, slots=True)
class SegmentTrailer:
    """End of a segment. clock_offset_s: how far the camera's clock is ahead; None if unknown."""

    end_ms: int
    why: str
    clock_offset_s: float | None = None

    def record(self) -> Mapping[str, object]:
        record: dict[str, object] = {"end_ms": self.end_ms, "why": self.why}
        return record if self.clock_offset_s is None else record | {"clock_offset_s": round(self.clock_offset_s, 3)}


def about(
    camera: CameraId, stream: StreamName, run: RunId, start_ms: int, video: VideoFormat, audio: AudioFormat | None
) -> SegmentMetadata:
    """Return the metadata of a new segment. Raises ValueError for a format without a usable parameter set."""
    sound = codec_string(audio) if audio else ""
    return SegmentMetadata(camera, stream, run, start_ms, codec_string(video), video.width, video.height, sound)


def about_of(data: Any) -> SegmentMetadata | None:
    """Parse metadata. Return None if invalid."""
    try:
        return SegmentMetadata(
            camera=CameraId(str(data["camera"])),
            stream=StreamName(data["stream"]),
            run=RunId(str(data["run"])),
            start_ms=int(data["start_ms"]),
            video=str(data["video"]),
            width=int(data["width"]),
            height=int(data["height"]),
            audio=str(data["audio"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def read_about(disk: DiskAccess, path: str) -> SegmentMetadata | None:
    """Read the metadata at the beginning of a file. None if torn, all zeros or not a segment."""
    if is_sealed(path):
        return _read_sealed(disk, path)
    return about_of(_description(disk, path))


def read_header(disk: DiskAccess, path: str) -> SealedHeader | None:
    """Return the header of a sealed file, or of an MP4 file in the signed history, thinned or not. None for others."""
    if is_sealed(path):
        packed = disk.read(path, 0, HEADER_BYTES)
    else:
        description = _description(disk, path)
        keys = proof_keys(description) if isinstance(description, dict) else None
        packed = keys[0] if keys is not None else _thinned_from(description)
    try:
        return SealedHeader.read(packed)
    except SealedFileBroken:
        return None


def _thinned_from(data: Any) -> bytes:
    try:
        return bytes.fromhex(data[THINNED_FROM])
    except (TypeError, KeyError, ValueError):
        return b""


def _description(disk: DiskAccess, path: str) -> Any:
    """Return the JSON of tawny's `uuid` box. None if missing."""
    head = disk.read(path, 0, _HEAD_BYTES)
    need = _head_bytes(head)
    if need > len(head):
        head = disk.read(path, 0, min(need, _MOST_HEAD_BYTES))
    for kind, content in _boxes(head):
        if kind == b"moov":
            for inner, payload in _boxes(content):
                if inner == b"uuid" and payload[:16] == OURS:
                    return _json(payload[16:])
    return None


def _read_sealed(disk: DiskAccess, path: str) -> SegmentMetadata | None:
    """Read a sealed file's header. The camera is taken from the folder: the header's id is opaque."""
    name = segment_name(path)
    try:
        header = SealedHeader.read(disk.read(path, 0, HEADER_BYTES))
    except SealedFileBroken:
        return None
    if name is None or header.kind != SealedFileKind.SEGMENT or header.stream not in _STREAMS:
        return None
    stream = _STREAMS[header.stream]
    run = RunId(f"{header.run:016x}")
    return SegmentMetadata(name.camera, stream, run, header.start_ms, video="", width=0, height=0, is_sealed=True)


def stream_number(stream: StreamName) -> int:
    """Return the stream's number in headers."""
    return next(number for number, each in _STREAMS.items() if each is stream)


def _head_bytes(head: bytes) -> int:
    """Return the size of ftyp and moov in bytes. 0 if unknown."""
    at = 0
    while at + 8 <= len(head):
        size, kind = _HEADER.unpack_from(head, at)
        at += max(int(size), 8)
        if kind == b"moov":
            return at
    return 0


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of complete boxes, up to the first incomplete one."""
    at = 0
    while at + 8 <= len(data):
        size, kind = _HEADER.unpack_from(data, at)
        if size < 8 or at + size > len(data):
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None

"""What a segment's file says of itself: who recorded it and since when, at its begin; until when and why, at its end.

Both are boxes of ours with JSON in the file. With them the index is made again from files alone, for two small reads a
file, whatever its size. What a file says is never believed blindly: it is bounded, and None when it is nonsense.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tawny.media.codec.codec_names import codec_string
from tawny.media.mp4.boxes import OURS
from tawny.media.mp4.leaf_proof import proof_keys
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.model.segments import Segment
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedFileKind, SealedHeader
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import SegmentName, is_sealed, segment_name

_HEAD_BYTES: Final = 8 * 1024  # a beginning is about 1.5 KiB
_MOST_HEAD_BYTES: Final = 256 * 1024
_TAIL_BYTES: Final = 1024
THINNED_FROM: Final = "thinned_from"
"""In a thinned file's description: the header of the full one, by which the signed history knows it."""
_HEADER: Final = struct.Struct(">I4s")
_STREAMS: Final = {0: StreamName.MAIN, 1: StreamName.SUB}


@dataclass(frozen=True, slots=True)
class SegmentMetadata:
    """video, audio: codec strings; width and height in pixels. Of a sealed file they are not known without its key."""

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
        """The row of the closed file of this name."""
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
    """clock_offset_s: by how much the camera's own clock was ahead; None where it did not say."""

    end_ms: int
    why: str
    clock_offset_s: float | None = None

    def record(self) -> Mapping[str, object]:
        said: dict[str, object] = {"end_ms": self.end_ms, "why": self.why}
        return said if self.clock_offset_s is None else said | {"clock_offset_s": round(self.clock_offset_s, 3)}


def about(
    camera: CameraId, stream: StreamName, run: RunId, start_ms: int, video: VideoFormat, audio: AudioFormat | None
) -> SegmentMetadata:
    """ValueError for a format without a usable parameter set."""
    sound = codec_string(audio) if audio else ""
    return SegmentMetadata(camera, stream, run, start_ms, codec_string(video), video.width, video.height, sound)


def about_of(said: Any) -> SegmentMetadata | None:
    """None when it is not what we would have written."""
    try:
        return SegmentMetadata(
            camera=CameraId(str(said["camera"])),
            stream=StreamName(said["stream"]),
            run=RunId(str(said["run"])),
            start_ms=int(said["start_ms"]),
            video=str(said["video"]),
            width=int(said["width"]),
            height=int(said["height"]),
            audio=str(said["audio"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def read_about(disk: DiskAccess, path: str) -> SegmentMetadata | None:
    """From the file's beginning. None when there is none: torn, all zero, or no file of ours."""
    if is_sealed(path):
        return _read_sealed(disk, path)
    return about_of(_description(disk, path))


def read_header(disk: DiskAccess, path: str) -> SealedHeader | None:
    """Of a sealed file, or of a plain one that is in the signed history; also when it was thinned. None of others."""
    if is_sealed(path):
        packed = disk.read(path, 0, HEADER_BYTES)
    else:
        said = _description(disk, path)
        keys = proof_keys(said) if isinstance(said, dict) else None
        packed = keys[0] if keys is not None else _thinned_from(said)
    try:
        return SealedHeader.read(packed)
    except SealedFileBroken:
        return None


def _thinned_from(said: Any) -> bytes:
    try:
        return bytes.fromhex(said[THINNED_FROM])
    except (TypeError, KeyError, ValueError):
        return b""


def _description(disk: DiskAccess, path: str) -> Any:
    """What stands in our own box, None where there is none."""
    head = disk.read(path, 0, _HEAD_BYTES)
    need = _head_bytes(head)
    if need > len(head):
        head = disk.read(path, 0, min(need, _MOST_HEAD_BYTES))
    for kind, content in _boxes(head):
        if kind == b"moov":
            for inner, said in _boxes(content):
                if inner == b"uuid" and said[:16] == OURS:
                    return _json(said[16:])
    return None


def _read_sealed(disk: DiskAccess, path: str) -> SegmentMetadata | None:
    """The camera is believed to be the one in whose folder it stands: the header names it for the recorder alone."""
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
    """As headers have it."""
    return next(number for number, each in _STREAMS.items() if each is stream)


def read_end(disk: DiskAccess, path: str, size_bytes: int) -> SegmentTrailer | None:
    """From the file's end. None when it was not closed by its recorder, or when it is sealed."""
    tail = disk.read(path, max(0, size_bytes - _TAIL_BYTES), _TAIL_BYTES)
    at = tail.rfind(b"uuid" + OURS) - 4
    if at < 0 or _HEADER.unpack_from(tail, at)[0] != len(tail) - at:
        return None
    said = _json(tail[at + 24 :])
    try:
        offset_s = said.get("clock_offset_s")
        return SegmentTrailer(int(said["end_ms"]), str(said["why"]), None if offset_s is None else float(offset_s))
    except (KeyError, TypeError, ValueError):
        return None


def _head_bytes(head: bytes) -> int:
    """How far ftyp and moov reach."""
    at = 0
    while at + 8 <= len(head):
        size, kind = _HEADER.unpack_from(head, at)
        at += max(int(size), 8)
        if kind == b"moov":
            return at
    return 0


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the whole boxes in it, until one is not whole."""
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

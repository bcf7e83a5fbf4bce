"""Process that demuxes and decodes what a camera sends, because FFmpeg reads it in C.

It has no network, no files and no secrets: the recorder receives the data and passes it on through a pipe. Before it
reads any, the process confines itself (`engine.confinement`) and limits its memory. Started as a program:

   media_process.py

Its input begins with a line, the format or `jpeg`. Data of a format follow as they come, JPEGs each after its length
and time. On its output each message is a kind, a length and that many bytes.
"""

import base64
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple

from tawny.engine import confinement
from tawny.engine.descriptors import wait_readable
from tawny.media.codec.demuxer import CompressedUnit, Demuxer, DemuxTrack, JpegTranscoder, open_stream
from tawny.media.codec.nal import START, split_lengths
from tawny.model.errors import SourceError, SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat

MEMORY_BYTES: Final = 768 << 20
"""Limit of one process; a 4K JPEG and its encoder need 300 MB."""
MOST_MESSAGE_BYTES: Final = 32 << 20
MOST_JPEG_BYTES: Final = 8_000_000
JPEG: Final = "jpeg"
_END_S: Final = 1.0
_READ_BYTES: Final = 1 << 16
_HEAD, _UNIT, _JPEG = struct.Struct(">cI"), struct.Struct(">B?q?q"), struct.Struct(">Iq")
_TRACKS, _DATA, _END = b"T", b"U", b"E"
KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
"""Environment variables of the process. The others may hold secrets."""


class MediaTracks(NamedTuple):
    """What the stream consists of; comes first, and again when it has changed.

    tool: the encoder of JPEGs. unlimited: what the kernel can't limit.
    """

    tracks: tuple[DemuxTrack, ...]
    tool: str
    unlimited: tuple[str, ...]


class MediaEnd(NamedTuple):
    """The stream is over. why: empty at its regular end."""

    why: str


MediaMessage = MediaTracks | CompressedUnit | MediaEnd


class MediaProcess:
    """The recorder's side. One thread writes, one reads; `close` may be called from any.

    kind: a format of `media.codec.demuxer.LIVE_FORMATS`, or JPEG.
    """

    def __init__(self, kind: str) -> None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        words = [sys.executable, "-P", "-m", "tawny.sources.media_process"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True, cwd="/",
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._came = bytearray()
        self._write(kind.encode() + b"\n")

    def feed(self, data: bytes) -> None:
        """Pass data of the format on. Waits while the process is busy. Raises OSError after it has ended."""
        self._write(data)

    def feed_jpeg(self, data: bytes, ticks: int) -> None:
        """Pass a JPEG on. ticks: when it was received, 90 kHz."""
        self._write(_JPEG.pack(len(data), ticks) + data)

    def finish(self) -> None:
        """Say that nothing follows. The rest can still be read. Call from the writing thread."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def read(self, most_s: float) -> MediaMessage | None:
        """Return the next message; None if none comes within `most_s`. Raises ValueError for one that is invalid."""
        while (size := self._message_bytes()) is None:
            if not wait_readable([self._out], most_s):
                return None
            data = os.read(self._out, _READ_BYTES)
            if not data:
                return MediaEnd(self._why_ended())
            self._came += data
        kind, body = bytes(self._came[:1]), bytes(self._came[_HEAD.size : size])
        del self._came[:size]
        return _message(kind, body)

    def close(self) -> None:
        """Kill the process."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def release(self) -> None:
        """Close the pipes, when no thread uses them any more."""
        self.finish()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _message_bytes(self) -> int | None:
        """Return the size of the complete message that has come; None without one."""
        if len(self._came) < _HEAD.size:
            return None
        _, length = _HEAD.unpack_from(self._came)
        if length > MOST_MESSAGE_BYTES:
            raise ValueError("a message that is too long")
        size: int = _HEAD.size + length
        return size if len(self._came) >= size else None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def _why_ended(self) -> str:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:  # it has closed its output and goes on
            self.close()
            return "its data could not be read"
        return "" if code == 0 else f"its data could not be read (code {code})"


def _message(kind: bytes, body: bytes) -> MediaMessage:
    """Raises ValueError."""
    try:
        if kind == _DATA:
            track, has_pts, pts, has_dts, dts = _UNIT.unpack_from(body)
            return CompressedUnit(track, body[_UNIT.size :], pts if has_pts else None, dts if has_dts else None)
        said = json.loads(body)
        if kind == _END:
            return MediaEnd(str(said["why"]))
        return MediaTracks(
            tuple(_track(one) for one in said["tracks"]), str(said["tool"]), tuple(map(str, said["unlimited"]))
        )
    except (struct.error, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("an invalid message") from error


def _track(said: dict[str, Any]) -> DemuxTrack:
    kind: Literal["video", "audio", "other"] = (
        "video" if said["kind"] == "video" else "audio" if said["kind"] == "audio" else "other"
    )
    fps = float(said["fps"]) if said["fps"] else None
    extradata = base64.b64decode(said["extradata"])
    return DemuxTrack(
        int(said["index"]), kind, str(said["codec"]), int(said["rate"]), int(said["channels"]), extradata, fps
    )


# The process itself.


class _Input:
    """Standard input, as PyAV reads it: whatever has come."""

    def read(self, size: int) -> bytes:
        return os.read(0, min(size, _READ_BYTES))


def main() -> None:
    unlimited = confine()
    end = MediaEnd("")
    try:
        kind = _line()
        for message in _jpegs(unlimited) if kind == JPEG else _demuxed(kind, unlimited):
            _say(message)
    except SourceError as error:
        end = MediaEnd(error.detail)
    except EOFError:  # the recorder has closed the pipe
        pass
    _say(end)


def confine() -> list[str]:
    """Confine this process. Return what the kernel can't limit, in words."""
    os.nice(5)
    sys.dont_write_bytecode = True
    confinement.limit_resources(MEMORY_BYTES)
    return confinement.confine(())


def _demuxed(form: str, unlimited: Sequence[str]) -> Iterator[MediaMessage]:
    """Raises SourceError."""
    demuxer = open_stream(_Input(), form, "")
    jpegs = next((one for one in demuxer.tracks if one.kind == "video" and one.codec == "mjpeg"), None)
    if jpegs is not None and not any(one.video_codec for one in demuxer.tracks):
        yield from _jpegs_of(demuxer, jpegs.index, unlimited)
        return
    yield MediaTracks(demuxer.tracks, "", tuple(unlimited))
    while (unit := demuxer.read()) is not None:
        yield unit


def _jpegs_of(demuxer: Demuxer, index: int, unlimited: Sequence[str]) -> Iterator[MediaMessage]:
    encoded, others = _Encoded(unlimited), tuple(one for one in demuxer.tracks if one.kind == "audio")
    while (unit := demuxer.read()) is not None:
        if unit.track == index and unit.pts is not None:
            yield from encoded.messages(unit.data, unit.pts, others)
        elif unit.track != index:
            yield unit


def _jpegs(unlimited: Sequence[str]) -> Iterator[MediaMessage]:
    encoded = _Encoded(unlimited)
    while True:
        length, ticks = _JPEG.unpack(_exactly(_JPEG.size))
        if length > MOST_JPEG_BYTES:
            raise SourceUnusable("", f"a JPEG of more than {MOST_JPEG_BYTES} bytes")
        yield from encoded.messages(_exactly(length), ticks)


class _Encoded:
    """JPEGs as a track of H.264."""

    INDEX = 255

    def __init__(self, unlimited: Sequence[str]) -> None:
        self._transcoder, self._unlimited = JpegTranscoder(), tuple(unlimited)
        self._format: VideoFormat | None = None

    def messages(self, jpeg: bytes, ticks: int, others: tuple[DemuxTrack, ...] = ()) -> Iterator[MediaMessage]:
        for packet in self._transcoder.feed(jpeg, ticks):
            if packet.format != self._format and isinstance(packet.format, VideoFormat):
                self._format = packet.format
                sets = _with_starts(packet.format.parameter_sets)
                track = DemuxTrack(self.INDEX, "video", "h264", VIDEO_RATE, 0, sets, None)
                yield MediaTracks((track, *others), self._transcoder.encoder, self._unlimited)
            yield self._unit(packet)

    def _unit(self, packet: SourcePacket) -> CompressedUnit:
        return CompressedUnit(self.INDEX, _with_starts(split_lengths(packet.data)), packet.pts, packet.pts)


def _with_starts(nals: Iterable[bytes]) -> bytes:
    return b"".join(START + nal for nal in nals)


def _say(message: MediaMessage) -> None:
    if isinstance(message, CompressedUnit):
        head = _UNIT.pack(
            message.track, message.pts is not None, message.pts or 0, message.dts is not None, message.dts or 0
        )
        kind, body = _DATA, head + message.data
    elif isinstance(message, MediaEnd):
        kind, body = _END, json.dumps({"why": message.why}).encode()
    else:
        tracks = [asdict(one) | {"extradata": base64.b64encode(one.extradata).decode()} for one in message.tracks]
        said = {"tracks": tracks, "tool": message.tool, "unlimited": message.unlimited}
        kind, body = _TRACKS, json.dumps(said).encode()
    view = memoryview(_HEAD.pack(kind, len(body)) + body)
    while view:
        view = view[os.write(1, view) :]


def _line() -> str:
    line = b""
    while not line.endswith(b"\n"):
        line += _exactly(1)
    return line.decode("ascii").strip()


def _exactly(count: int) -> bytes:
    """Raises EOFError."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, min(count - len(data), _READ_BYTES))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


if __name__ == "__main__":
    main()

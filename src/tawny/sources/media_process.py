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
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple

from tawny.media.codec.demuxer import CompressedUnit, Demuxer, DemuxTrack, JpegTranscoder, open_stream
from tawny.media.codec.nal import START, split_lengths
from tawny.model.errors import SourceError, SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat
from tawny.protocols.rtmp import AUDIO, DATA, FLV_HEADER, VIDEO
from tawny.sources.message_process import READ_BYTES, MessageProcess, confine, read_exactly, send_message

MEMORY_BYTES: Final = 768 << 20
"""Limit of one process; a 4K JPEG and its encoder need 300 MB."""
MOST_JPEG_BYTES: Final = 8_000_000
JPEG: Final = "jpeg"
_UNIT, _JPEG = struct.Struct(">B?q?q"), struct.Struct(">Iq")
_TRACKS, _DATA, _END = b"T", b"U", b"E"


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


class MediaProcess(MessageProcess):
    """The recorder's side. One thread writes, one reads; `close` may be called from any.

    kind: a format of `media.codec.demuxer.LIVE_FORMATS`, or JPEG.
    """

    def __init__(self, kind: str) -> None:
        super().__init__("tawny.sources.media_process")
        self.write(kind.encode() + b"\n")

    def feed(self, data: bytes) -> None:
        """Pass data of the format on. Waits while the process is busy. Raises OSError after it has ended."""
        self.write(data)

    def feed_jpeg(self, data: bytes, ticks: int) -> None:
        """Pass a JPEG on. ticks: when it was received, 90 kHz."""
        self.write(_JPEG.pack(len(data), ticks) + data)

    def read(self, most_s: float) -> MediaMessage | None:
        """Return the next message; None if none comes within `most_s`. Raises ValueError for one that is invalid."""
        got = self.read_message(most_s)
        if got is None:
            return None
        return MediaEnd(self._why_ended()) if got.is_end else _message(got.kind, got.body)

    def _why_ended(self) -> str:
        code = self.exit_code()
        if code == 0:
            return ""
        return "its data could not be read" + ("" if code is None else f" (code {code})")


def _message(kind: bytes, body: bytes) -> MediaMessage:
    """Raises ValueError."""
    try:
        if kind == _DATA:
            track, has_pts, pts, has_dts, dts = _UNIT.unpack_from(body)
            return CompressedUnit(track, body[_UNIT.size :], pts if has_pts else None, dts if has_dts else None)
        data = json.loads(body)
        if kind == _END:
            return MediaEnd(str(data["why"]))
        return MediaTracks(
            tuple(_track(one) for one in data["tracks"]), str(data["tool"]), tuple(map(str, data["unlimited"]))
        )
    except (struct.error, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError("an invalid message") from error


def _track(data: dict[str, Any]) -> DemuxTrack:
    kind: Literal["video", "audio", "other"] = (
        "video" if data["kind"] == "video" else "audio" if data["kind"] == "audio" else "other"
    )
    fps = float(data["fps"]) if data["fps"] else None
    extradata = base64.b64decode(data["extradata"])
    return DemuxTrack(
        int(data["index"]), kind, str(data["codec"]), int(data["rate"]), int(data["channels"]), extradata, fps
    )


# The process itself.


class _Input:
    """Standard input, as PyAV reads it: whatever has come."""

    def read(self, size: int) -> bytes:
        return os.read(0, min(size, READ_BYTES))


_FLV_HEAD_BYTES: Final = 11
_SOUND_ALONE_MS: Final = 6000
"""How long the first picture is awaited while sound comes, by the stream's times."""


class _FlvInput:
    """FLV as PyAV reads it. It ends where a track begins or its configuration changes, and goes on if opened again.

    FFmpeg looks for tracks and their configuration only when it opens a stream, and PyAV fails where one is added.
    """

    def __init__(self) -> None:
        self.goes_on = True
        self._pieces, self._rest = self._passed(), b""
        self._is_open = False
        self._kinds: set[int] = set()
        """AUDIO and VIDEO, as far as they have begun."""
        self._configurations: dict[int, bytes] = {}
        """Newest tags that configure a decoder, by kind."""

    def opened(self) -> Demuxer:
        """Open what follows. Raises SourceError."""
        self.goes_on = self._is_open = False
        demuxer = open_stream(self, "flv", "")
        self._is_open = True
        return demuxer

    def read(self, size: int) -> bytes:
        """Return data of one tag only, so that FFmpeg has read nothing of the next ones when it has opened."""
        if not self._rest and not self.goes_on:
            with suppress(EOFError):
                self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def _passed(self) -> Iterator[bytes]:
        """Yield what FFmpeg reads; nothing where it must open the stream again. Raises EOFError."""
        head = read_exactly(len(FLV_HEADER))
        yield head
        is_outdated, sound_ms = False, -1
        while (kind := (tag := _flv_tag())[0] & 31) in (AUDIO, VIDEO, DATA):
            if kind == DATA or len(tag) <= _FLV_HEAD_BYTES + 4:
                if not self._is_open:
                    yield tag
                continue
            configuration = _flv_configuration(kind, tag)
            if kind == AUDIO and not configuration and VIDEO not in self._kinds:
                time_ms = int.from_bytes(tag[4:7]) | tag[7] << 24
                sound_ms = time_ms if sound_ms < 0 else sound_ms
                if abs(time_ms - sound_ms) < _SOUND_ALONE_MS:
                    continue  # FFmpeg would look for tracks in 1.5 s of sound only
            is_outdated |= self._changes(kind, configuration)
            if configuration:
                self._configurations[kind] = tag
            if is_outdated and self._is_open and VIDEO in self._configurations:
                is_outdated, self.goes_on = False, True
                yield b""
                yield head + b"".join(self._configurations.values())
            yield tag
        yield tag  # something else: FFmpeg finds out by itself
        while data := os.read(0, READ_BYTES):
            yield data

    def _changes(self, kind: int, configuration: bytes) -> bool:
        """Return whether the tracks that FFmpeg has found, or will have found when it is open, don't fit any more."""
        is_first = kind not in self._kinds
        self._kinds.add(kind)
        known = self._configurations.get(kind, b"")
        if not self._is_open and not known:
            return False
        return is_first or (bool(configuration) and configuration != _flv_configuration(kind, known))


def _flv_tag() -> bytes:
    """Return the next tag and the number behind it; only its head if it is of no known kind. Raises EOFError."""
    head = read_exactly(_FLV_HEAD_BYTES)
    return head if head[0] & 31 not in (AUDIO, VIDEO, DATA) else head + read_exactly(int.from_bytes(head[1:4]) + 4)


def _flv_configuration(kind: int, tag: bytes) -> bytes:
    """Return what configures a decoder; empty if this tag holds something else."""
    body = tag[_FLV_HEAD_BYTES:-4]
    first, second = body[0] if body else 0, body[1:2]
    if kind == AUDIO:  # AAC, or a codec that is named by four letters
        return body[2:] if first >> 4 == 10 and second == b"\0" else body[1:] if first == 0x90 else b""
    if first & 0x80:
        return body[1:] if first & 15 == 0 else b""
    return body[5:] if first & 15 in (7, 12) and second == b"\0" else b""


def main() -> None:
    unlimited = confine(MEMORY_BYTES, niceness=5)
    end = MediaEnd("")
    try:
        kind = _line()
        if kind == JPEG:
            messages = _jpegs(unlimited)
        else:
            messages = _flv(unlimited) if kind == "flv" else _demuxed(kind, unlimited)
        for message in messages:
            _say(message)
    except SourceError as error:
        end = MediaEnd(error.detail)
    except EOFError:  # the recorder has closed the pipe
        pass
    _say(end)


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


def _flv(unlimited: Sequence[str]) -> Iterator[MediaMessage]:
    """Raises SourceError."""
    source = _FlvInput()
    while source.goes_on:
        demuxer = source.opened()
        yield MediaTracks(demuxer.tracks, "", tuple(unlimited))
        while (unit := demuxer.read()) is not None:
            yield unit
        demuxer.close()


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
        length, ticks = _JPEG.unpack(read_exactly(_JPEG.size))
        if length > MOST_JPEG_BYTES:
            raise SourceUnusable("", f"a JPEG of more than {MOST_JPEG_BYTES} bytes")
        yield from encoded.messages(read_exactly(length), ticks)


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
        data = {"tracks": tracks, "tool": message.tool, "unlimited": message.unlimited}
        kind, body = _TRACKS, json.dumps(data).encode()
    send_message(kind, body)


def _line() -> str:
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(1)
    return line.decode("ascii").strip()


if __name__ == "__main__":
    main()

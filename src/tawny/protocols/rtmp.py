"""RTMP (Adobe's specification 1.0) as cameras and encoders use it: chunks, commands, and media as FLV. No sockets.

Both sides: `RtmpReader` parses what follows the handshake, the functions return bytes to send. Only what a live stream
needs is understood.
"""

import math
import struct
from typing import Any, Final, NamedTuple

HANDSHAKE_BYTES: Final = 1536
VERSION: Final = b"\x03"
MOST_MESSAGE_BYTES: Final = 8_000_000
_MOST_STREAMS, _MOST_VALUES, _MOST_DEPTH = 16, 200, 8
_FIRST_PIECE_BYTES: Final = 128
_EXTENDED: Final = 0xFFFFFF
SET_SIZE, ACKNOWLEDGE, CONTROL, WINDOW, BANDWIDTH = 1, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
FLV_HEADER: Final = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"


class MalformedRtmp(ValueError):
    """The peer's data is no RTMP, or exceeds a limit; the message gives the reason."""


class RtmpMessage(NamedTuple):
    kind: int
    stream: int
    time_ms: int
    body: bytes


class _Channel:
    """The newest header of a chunk stream, and the part of its message that has come."""

    def __init__(self) -> None:
        self.time_ms = self.delta_ms = self.length = self.kind = self.stream = 0
        self.long_time = b""
        """The additional time field of a time that needs one."""
        self.body = bytearray()


class RtmpReader:
    """Incremental parser."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._piece_bytes = _FIRST_PIECE_BYTES
        self._streams: dict[int, _Channel] = {}
        self.came_bytes = 0

    def feed(self, data: bytes) -> list[RtmpMessage]:
        """Return the messages that are complete now. Raises MalformedRtmp."""
        self._data += data
        self.came_bytes += len(data)
        found: list[RtmpMessage] = []
        while (size := self._piece(found)) is not None:
            del self._data[:size]
        return found

    def _piece(self, found: list[RtmpMessage]) -> int | None:
        """Parse the next chunk. Return its length; None if it isn't complete."""
        data = self._data
        if len(data) < 3:
            return None
        form, number, at = data[0] >> 6, data[0] & 63, 1
        if number < 2:
            at += 1 + number
            number = 64 + int.from_bytes(data[1:at], "little")
        header_bytes = (11, 7, 3, 0)[form]
        if len(data) < at + header_bytes:
            return None
        stream = self._streams.get(number)
        if stream is None:
            if form != 0 or len(self._streams) >= _MOST_STREAMS:
                raise MalformedRtmp("a chunk of an unknown stream")
            stream = self._streams[number] = _Channel()
        header = bytes(data[at : at + header_bytes])
        at += header_bytes
        time_ms = int.from_bytes(header[:3]) if header else stream.delta_ms
        long_time = b""
        if time_ms == _EXTENDED if header else stream.long_time:
            long_time = bytes(data[at : at + 4])
            if form == 3 and stream.body and not stream.long_time.startswith(long_time):
                long_time = b""  # some senders don't repeat it within a message
            elif len(long_time) < 4:
                return None
            else:
                time_ms, at = int.from_bytes(long_time), at + 4
        length = int.from_bytes(header[3:6]) if form < 2 else stream.length
        if length > MOST_MESSAGE_BYTES:
            raise MalformedRtmp(f"a message of more than {MOST_MESSAGE_BYTES} bytes")
        size = min(self._piece_bytes, length - (len(stream.body) if form == 3 else 0))
        if len(data) < at + size:
            return None
        self._begin(stream, form, header, time_ms, long_time)
        stream.body += data[at : at + size]
        if len(stream.body) >= stream.length:
            self._complete(stream, found)
        return at + size

    def _begin(self, stream: _Channel, form: int, header: bytes, time_ms: int, long_time: bytes) -> None:
        """Apply a chunk's header."""
        if form == 3 and stream.body:
            return  # the message goes on
        stream.body.clear()
        stream.long_time, stream.delta_ms = long_time, 0 if form == 0 else time_ms
        stream.time_ms = time_ms if form == 0 else stream.time_ms + time_ms & 0xFFFFFFFF
        if form < 2:
            stream.length, stream.kind = int.from_bytes(header[3:6]), header[6]
        if form == 0:
            stream.stream = int.from_bytes(header[7:11], "little")

    def _complete(self, stream: _Channel, found: list[RtmpMessage]) -> None:
        body = bytes(stream.body)
        stream.body.clear()
        if stream.kind == SET_SIZE and len(body) >= 4:
            self._piece_bytes = min(max(1, int.from_bytes(body[:4]) & 0x7FFFFFFF), MOST_MESSAGE_BYTES)
        found.append(RtmpMessage(stream.kind, stream.stream, stream.time_ms, body))


def in_pieces(kind: int, body: bytes, stream: int = 0, channel: int = 3) -> bytes:
    """Return a message as chunks of the first size, at time 0."""
    head = bytes([channel]) + bytes(3) + len(body).to_bytes(3) + bytes([kind]) + stream.to_bytes(4, "little")
    pieces = [body[at : at + _FIRST_PIECE_BYTES] for at in range(0, len(body), _FIRST_PIECE_BYTES)]
    return head + bytes([0xC0 | channel]).join(pieces)


def number_message(kind: int, number: int) -> bytes:
    """Return a control message that holds one number."""
    return in_pieces(kind, number.to_bytes(4) + (b"\x02" if kind == BANDWIDTH else b""), channel=2)


def command(*values: Any, stream: int = 0) -> bytes:
    return in_pieces(COMMAND, b"".join(map(_amf, values)), stream)


def flv_tag(message: RtmpMessage) -> bytes:
    """Return a message of audio, video or data as a tag of an FLV file."""
    time = message.time_ms & 0xFFFFFFFF
    head = bytes([message.kind]) + len(message.body).to_bytes(3) + (time & 0xFFFFFF).to_bytes(3) + bytes([time >> 24])
    return head + bytes(3) + message.body + (11 + len(message.body)).to_bytes(4)


# AMF0, the form of commands.


def _amf(value: Any) -> bytes:
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return bytes([1, value])
    if isinstance(value, int | float):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\x02" + len(data).to_bytes(2) + data
    pairs = b"".join(_amf(key)[1:] + _amf(one) for key, one in value.items())
    return b"\x03" + pairs + b"\x00\x00\x09"


def read_command(body: bytes) -> list[Any]:
    """Return the values of a command: name, number of the request, its parameters. Raises MalformedRtmp."""
    values: list[Any] = []
    at = 0
    try:
        while at < len(body) and len(values) < _MOST_VALUES:
            value, at = _value(body, at, 0)
            values.append(value)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise MalformedRtmp("a command that cannot be read") from error
    if not values or not isinstance(values[0], str):
        raise MalformedRtmp("a command without a name")
    return values


def _value(body: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = body[at]
    at += 1
    if kind == 0:
        found = struct.unpack_from(">d", body, at)[0]
        return found if math.isfinite(found) else 0.0, at + 8
    if kind == 1:
        return bool(body[at]), at + 1
    if kind in (2, 12):
        width = 2 if kind == 2 else 4
        end = at + width + int.from_bytes(body[at : at + width])
        if end > len(body):
            raise IndexError
        return body[at + width : end].decode(), end
    if kind in (3, 8) and depth < _MOST_DEPTH:
        return _object(body, at + (4 if kind == 8 else 0), depth)
    if kind == 10 and depth < _MOST_DEPTH:
        return _array(body, at, depth)
    if kind == 11:  # a date: ms since 1970, and a time zone that is not used
        return struct.unpack_from(">d2x", body, at)[0], at + 10
    if kind in (5, 6, 13):
        return None, at
    raise MalformedRtmp("a command with an unknown type of value")


def _object(body: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while body[at : at + 3] != b"\x00\x00\x09":
        if len(found) >= _MOST_VALUES:
            raise MalformedRtmp("a command with too many values")
        end = at + 2 + int.from_bytes(body[at : at + 2])
        key = body[at + 2 : end].decode()
        found[key], at = _value(body, end, depth + 1)
    return found, at + 3


def _array(body: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    (count,) = struct.unpack_from(">I", body, at)
    if count > _MOST_VALUES:
        raise MalformedRtmp("a command with too many values")
    found: list[Any] = []
    at += 4
    for _ in range(count):
        value, at = _value(body, at, depth + 1)
        found.append(value)
    return found, at

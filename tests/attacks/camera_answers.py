"""Random answers of cameras by grammar, each within a budget of time and memory.

    python -m tests.attacks.camera_answers rtsp --count 1000000 --begin 0     # a campaign; exits with 1 on a finding
    python -m tests.attacks.camera_answers rtsp --only 1234                   # one answer again, with its cost

An answer follows from its kind and number alone. One in LONG_EVERY repeats a piece until it is up to 400 kB long: cost
that grows with the square of the length is found that way. The time of every answer is measured. Python's memory is
traced for each long answer and for a sample of the others; of these, a batch by which the process grows is read again
one by one, traced. So most answers cost little more than reading them.
"""

import argparse
import gc
import http.client
import random
import sys
import time
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast
from unittest.mock import patch

from tawny.model.errors import TawnyError
from tawny.protocols.sdp import SdpDescription, read_sdp
from tawny.protocols.soap import read_response
from tawny.sources import onvif
from tawny.sources.onvif import OnvifCamera, OnvifService, SoapClient
from tawny.sources.rtsp.address import RtspAddress, parse_rtsp
from tawny.sources.rtsp.client.connection import ReceiveBuffer
from tawny.sources.rtsp.client.interleaved import InterleavedReader
from tawny.sources.rtsp.client.session import ClientSession, TrackTransport, handshake, read_reply
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.testing.clock import FakeClock

CPU_S, CPU_S_PER_BYTE = 0.05, 2.5e-6
"""Most CPU time of an answer on one core: for 400 kB, a second."""
MOST_BYTES, BYTES_PER_BYTE, LEAST_BYTES = 25_000_000, 100, 2_000_000
"""Most memory of Python objects of an answer: a multiple of its length between two limits."""
GROWTH_BYTES: Final = 1_500_000
"""A batch by which the process grows so much is traced answer by answer."""
LEAK_BYTES: Final = 30_000_000
"""Most growth of the process by all answers that aren't long."""
MOST_GROWTH_BYTES: Final = 60_000_000
"""Most growth of the process by one long answer."""
LONG_EVERY, BATCH, TRACE_EVERY = 100, 500, 1_000
_SHARE, _DISTINCT = 0.25, 24
"""Share of a long answer's pieces that may become the long one; how many of its repetitions differ."""
_COUNTS: Final = (64, 65, 150, 300, 1_000, 5_001, 20_000, 60_000)
"""Below, at and above what the readers accept."""
_ROOM: Final = ReceiveBuffer()
_ADDRESS: Final = parse_rtsp("rtsp://admin:s3cret-pw@192.168.1.5/main")
_OPEN_ADDRESS: Final = parse_rtsp("rtsp://192.168.1.5/main")
_ONVIF_ADDRESS: Final = "http://admin:s3cret-pw@192.168.1.5/onvif/device_service"
_T = TypeVar("_T")


class Rng(random.Random):
    """Random choices, cheaper than the standard library's. longs: pieces that may still be repeated very often."""

    longs = 0

    def choice(self, seq: Sequence[_T]) -> _T:  # type: ignore[override]
        return seq[int(self.random() * len(seq))]

    def randint(self, a: int, b: int) -> int:
        return a + int(self.random() * (b - a + 1))

    def is_long(self) -> bool:
        if not self.longs or self.random() > _SHARE:
            return False
        self.longs = 0
        return True


class Finding(NamedTuple):
    kind: str
    number: int
    what: str


def _many(rng: Rng, least: int = 0, most: int = 6) -> int:
    if rng.longs and rng.is_long():
        return rng.choice(_COUNTS)
    return least + int(rng.random() * (most - least + 1))


def _pieces(rng: Rng, count: int, make: Callable[[Rng], _T]) -> list[_T]:
    """Make so many pieces; of many, only some differ."""
    made = [make(rng) for _ in range(min(count, _DISTINCT))]
    return made if count <= _DISTINCT else (made * (count // _DISTINCT + 1))[:count]


_WORDS: Final = (
    "admin",
    "0",
    "-1",
    "1",
    "99999999999",
    "camera",
    "%41",
    "é",
    "\u202e",
    "a b",
    "",
    "nonce",
    "rtsp://h/p",
    "..",
    "//",
    "http://[::1",
    "\x00",
    "\t",
    "true",
    "NaN",
    "1e999",
    "<",
    "&amp;",
    "'",
    '"',
    ",",
    ";",
    "=",
    "٣",
    "track1",
    "\r",
)
_NUMBERS: Final = ("0", "1", "96", "97", "554", "8000", "90000", "-1", "65536", "4294967296", "x", "", "007", "٣")


def _text(rng: Rng) -> str:
    return rng.choice(_WORDS) * _many(rng, 1, 2)


def _number(rng: Rng) -> str:
    return rng.choice(_NUMBERS)


# --- ONVIF -----------------------------------------------------------------------------------------------------------

_NAMES: Final = (
    "Envelope",
    "Body",
    "Fault",
    "Text",
    "PTZ",
    "Media",
    "XAddr",
    "Capabilities",
    "Profiles",
    "PTZConfiguration",
    "Preset",
    "Name",
    "RelayOutputs",
    "UTCDateTime",
    "Date",
    "Time",
    "Year",
    "Month",
    "Day",
    "Hour",
    "Minute",
    "Second",
    "x",
)
_PREFIXES: Final = ("", "s:", "tt:", "tptz:", "a:b:", ":")


def _element(rng: Rng, depth: int) -> str:
    name = rng.choice(_PREFIXES) + rng.choice(_NAMES)
    values = _pieces(rng, _many(rng, 0, 2), _attribute)
    attributes = "".join(f' {name}{n or ""}="{value}"' for n, (name, value) in enumerate(values))
    if rng.longs and rng.is_long():
        count = rng.choice((65, 5_000, 20_000))
        return f"<{name}{attributes}>" * count + f"</{name}>" * count
    if depth > rng.randint(1, 7):
        return f"<{name}{attributes}>{_plain(rng)}</{name}>"
    inner = "".join(_element(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    if rng.longs and rng.is_long():
        inner *= 400_000 // (len(inner) + 1)
    closing = name if rng.random() > 0.01 else "x"
    return f"<{name}{attributes}>{inner}</{closing}>"


def _wide(rng: Rng) -> str:
    """Return about as many elements as are accepted."""
    rng.longs = 0
    piece = _element(rng, rng.randint(3, 7))
    return piece * (rng.choice((1_000, 4_000, 4_900)) // max(1, piece.count("</")))


def _attribute(rng: Rng) -> tuple[str, str]:
    return rng.choice(("token", "tt:token", "xmlns:s", "a")), _plain(rng)


def _plain(rng: Rng) -> str:
    made = _text(rng) if rng.random() < 0.4 else _number(rng)
    return made.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\x00", "")


_XML_HEADS: Final = (
    *("",) * 10,
    '<?xml version="1.0"?>',
    '<?xml version="1.0" encoding="utf-16"?>',
    '<?xml version="1.0" encoding="no-such"?>',
    "<!DOCTYPE a>",
    '<!DOCTYPE a [<!ENTITY b "c">]>',
)


def onvif_answer(rng: Rng) -> bytes:
    content = _wide(rng) if rng.longs and rng.random() < 0.4 else _element(rng, 0)
    if rng.random() < 0.7:
        services = f"<PTZ><XAddr>{_plain(rng)}</XAddr></PTZ><Media><XAddr>/m</XAddr></Media>"
        profile = f'<Profiles token="{_plain(rng)}"><PTZConfiguration/></Profiles>'
        content = f"<r>{services}{profile}{content}</r>"
    head = rng.choice(_XML_HEADS)
    whole = f'{head}<s:Envelope xmlns:s="urn:s"><s:Body>{content}</s:Body></s:Envelope>'
    data = whole.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig")), "replace")[:400_000]
    made = _spoilt(rng, data)
    return _http_head(rng, len(made)) + made if rng.random() < 0.1 else made


def _http_head(rng: Rng, size: int) -> bytes:
    lines = [
        rng.choice(("HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/1.1 401 No", "HTTP/1.1 100 Continue", "HTTP/9.9 abc"))
    ]
    lines += _pieces(rng, _many(rng, 0, 4), lambda rng: _http_header(rng, size))
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


def _http_header(rng: Rng, size: int) -> str:
    match rng.choice(("Content-Length", "Transfer-Encoding", "WWW-Authenticate", "Connection", "X", "")):
        case "Content-Length":
            return f"Content-Length: {size if rng.random() < 0.5 else _number(rng)}"
        case "Transfer-Encoding":
            return "Transfer-Encoding: chunked"
        case "WWW-Authenticate":
            return f"WWW-Authenticate: {_challenge(rng)}"
        case name:
            return f"{name}: {_text(rng)}"


class _Socket:
    """Gives the data to whoever reads, then the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def recv_into(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + min(len(buffer), 1_460)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def settimeout(self, _: float) -> None: ...
    def sendall(self, _: bytes) -> None: ...
    def close(self) -> None: ...


class _Line(http.client.HTTPConnection):
    data = b""

    def connect(self) -> None:
        self.sock: Any = _Socket(self.data)


class _Client:
    """Stands for the HTTP client: the same content for every request."""

    def __init__(self, content: ET.Element) -> None:
        self._content = content

    def send(self, *_: object) -> ET.Element:
        return self._content


_SERVICE: Final = OnvifService.of(_ONVIF_ADDRESS)


def take_onvif(data: bytes, rng: Rng) -> None:
    """The same answer to every request of each operation; it is parsed once."""
    camera = OnvifCamera(_ONVIF_ADDRESS, FakeClock())
    if data.startswith(b"HTTP/"):
        line = _Line("192.168.1.5")
        line.data = data
        with patch.object(onvif, "_connection", lambda *_: line), suppress(TawnyError):
            camera.outputs()
        return
    with suppress(TawnyError):
        camera.client = cast(SoapClient, _Client(read_response(_SERVICE.public, 200, data)))
        for ask in (camera.presets, camera.outputs, camera.stop, lambda: camera.go_to("none")):
            with suppress(TawnyError):
                ask()


# --- SDP -------------------------------------------------------------------------------------------------------------


_KEYS: Final = (
    "config",
    "sizelength",
    "indexlength",
    "cpresent",
    "sprop-parameter-sets",
    "sprop-vps",
    "sprop-sps",
    "sprop-pps",
    "packetization-mode",
    "mode",
)
_VALUES: Final = ("13", "3", "0", "1", "16", "1190", "Z0IAKeKQFAe2AtwEBAaQeJEV,aM48gA==", ",", "=", "AAAA", "/" * 40)
_CODINGS: Final = (
    "H264/90000",
    "H265/90000",
    "MPEG4-GENERIC/16000/1",
    "MP4A-LATM/8000/2",
    "PCMU/8000",
    "PCMA",
    "JPEG/90000",
    "a" * 60,
    "H264/",
)


def _fmtp(rng: Rng) -> str:
    return f"{rng.choice(_KEYS)}={rng.choice(_VALUES) * _many(rng, 1, 2)}"


def _sdp_line(rng: Rng, payload: str) -> str:
    match rng.randint(0, 8):
        case 0 | 1:
            kind = rng.choice(("video", "video", "audio", "application", ""))
            return f"m={kind} {_number(rng)} RTP/AVP {payload}"
        case 2 | 3:
            coding = rng.choice(_CODINGS)
            if coding == "H264/":
                coding += _number(rng)
            return f"a=rtpmap:{payload}{' ' * _many(rng, 1, 2)}{coding}"
        case 4:
            return f"a=fmtp:{payload} {';'.join(_pieces(rng, _many(rng), _fmtp))}"
        case 5:
            control = rng.choice(("track1", "*", "rtsp://h/p", "rtsp://" * 9, None))
            return f"a=control:{_text(rng) if control is None else control}"
        case 6:
            return f"a={rng.choice(('framerate', 'x-framerate'))}:{_number(rng)}"
        case 7:
            return rng.choice(("a=sendonly", "a=tool:x", "a=recvonly", "=", "a=", "m="))
        case _:
            return _text(rng)


def sdp_answer(rng: Rng) -> bytes:
    lines = ["v=0", f"o=- 0 0 IN IP4 {_text(rng)}"] if rng.random() < 0.9 else []
    if rng.random() < 0.5:  # otherwise few get as far as the tracks
        lines += ["m=video 0 RTP/AVP 96", f"a=rtpmap:96 {rng.choice(_CODINGS)}"]
    payload = rng.choice(("96", "96", "97", "0", "8", "26", None)) or _number(rng)
    lines += _pieces(rng, _many(rng, 1, 9), lambda rng: _sdp_line(rng, payload))
    return _spoilt(rng, rng.choice(("\r\n", "\n", "\r")).join(lines).encode("utf-8", "replace")[:64_000])


def take_sdp(data: bytes, rng: Rng) -> None:
    found = read_sdp(data)
    assert len(found.tracks) <= 64
    tracks = Tracks(wants_sound=True, stall_s=5.0)
    with suppress(ConversationFault):
        for track in tracks.choose(found):
            tracks.receiver_of(track)
    described = b"RTSP/1.0 200 OK\r\nContent-Base: rtsp://192.168.1.5/\r\nContent-Length: %d\r\n\r\n%b"
    _converse(b"".join((_GREETED, described % (len(data), data), _PLACED)), rng, _OPEN_ADDRESS)


# --- RTSP ------------------------------------------------------------------------------------------------------------


def _challenge_field(rng: Rng) -> str:
    name = rng.choice(("realm", "nonce", "algorithm", "qop", "opaque", "stale"))
    value = rng.choice(("c", "MD5", "SHA-256", "auth", "a", None))
    if value is None:
        value = _text(rng)
    elif value == "a":
        value *= _many(rng, 1, 9)
    return f'{name}{rng.choice(("=" + chr(34), "=", "=" + chr(39)))}{value}"'


def _challenge(rng: Rng) -> str:
    scheme = rng.choice(("Digest ", "Digest ", "Basic realm=x", "Bearer", "digest", ", Basic, Digest ", ""))
    return (scheme or "a" * _many(rng)) + ", ".join(_pieces(rng, _many(rng, 0, 5), _challenge_field))


def _reply(status: str, headers: Sequence[str], body: bytes) -> bytes:
    lines = [f"RTSP/1.0 {status}", "CSeq: 1", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


_GREETED: Final = _reply("200 OK", ["Public: OPTIONS"], b"")
_PLACED: Final = _reply("200 OK", ["Session: 7;timeout=60"], b"")
_HEADERS: Final = (
    "Session", "Transport", "WWW-Authenticate", "Public", "Content-Base", "Location", "X", "Content-Length",
)  # fmt: skip
_STATUSES: Final = ("200 OK",) * 8 + ("401 Unauthorized",) * 3 + ("302 Moved", "454 No", "100 Wait", "999", "2000", "x")
_SDP: Final = (
    b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t0\r\n"
    b"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
    b"a=fmtp:97 config=1408;sizelength=%d;indexlength=%d\r\n"
)
_BEGINNINGS: Final = (_GREETED, _GREETED + _reply("200 OK", [], _SDP % (13, 3)))


def _header(rng: Rng) -> str:
    name = rng.choice(_HEADERS)
    match name:
        case "Session":
            value = f"{rng.choice(('12345678', 'a' * _many(rng), ''))};timeout={_number(rng)}"
        case "Transport":
            value = rng.choice(("RTP/AVP;client_port=1", "interleaved", ""))
            if value == "interleaved":
                value = f"RTP/AVP/TCP;interleaved={_number(rng)}-1"
            value = value or _text(rng)
        case "WWW-Authenticate":
            value = _challenge(rng)
        case "Public":
            value = ", ".join(["GET_PARAMETER"] * _many(rng))
        case "Content-Base":
            value = rng.choice(("rtsp://192.168.1.5/", "a." * _many(rng) + "://", ""))
            value = value or _text(rng)
        case _:
            value = _text(rng)
    return f"{name}{' ' * _many(rng, 0, 1)}: {value}"


def _one_reply(rng: Rng) -> bytes:
    if rng.random() < 0.05:
        head = rng.choice(("OPTIONS * RTSP/1.0", "ANNOUNCE x RTSP/1.0", "PLAY_NOTIFY x", "REDIRECT y"))
        return f"{head}\r\nCSeq: {_number(rng)}\r\n\r\n".encode("utf-8", "replace") * _many(rng, 1, 2)
    body = sdp_answer(rng) if rng.random() < 0.5 else b""
    made = _reply(rng.choice(_STATUSES), _pieces(rng, _many(rng, 0, 4), _header), body)
    return made * (400_000 // len(made)) if rng.longs and rng.is_long() else made


def rtsp_answer(rng: Rng) -> bytes:
    """Replies; before them, in every third answer, the beginning of a handshake that works."""
    made = rng.choice(_BEGINNINGS) if rng.random() < 0.35 else b""
    made += b"".join(_one_reply(rng) for _ in range(rng.randint(1, 5)))
    if rng.random() < 0.2:
        made += rng.choice((b"$", b"$\0\0\0", b"\r\n", b"RTSP/", b"x", b"a.")) * _many(rng, 1, 9)
    return _spoilt(rng, made[:400_000])


def take_rtsp(data: bytes, rng: Rng) -> None:
    _converse(data, rng, _ADDRESS)


def _converse(data: bytes, rng: Rng, address: RtspAddress) -> None:
    """Run the handshake on these bytes, and the messages after it, as a connection does."""
    talk, tracks = ClientSession(address), Tracks(wants_sound=True, stall_s=5.0)
    places: dict[int, TrackTransport] = {}

    def placed(place: TrackTransport) -> None:
        places[place.channel] = place
        reader.add(place.channel, tracks.receiver_of(place.track))

    def report(channel: int, data: bytes) -> None:
        tracks.report(data, 1_800_000_000.0, is_video=places[channel].track.kind == "video")

    requests = handshake(talk, tracks.choose, placed)
    next(requests)
    is_playing = False

    def message(raw: bytes) -> None:
        nonlocal is_playing
        talk.transcript.heard(raw)
        if is_playing:
            talk.heard(raw)
        elif not raw.startswith(b"RTSP/"):
            talk.obeyed(raw)
        else:
            try:
                reply = read_reply(raw)
                talk.note(reply)
                requests.send(reply)
            except StopIteration:
                is_playing = True

    reader = InterleavedReader(report, message)
    with suppress(ConversationFault):
        _fed(reader, data, rng)
    with suppress(ConversationFault):
        tracks.finish()
    for said in talk.transcript.record():
        assert "s3cret-pw" not in said["text"]


def _fed(reader: InterleavedReader, data: bytes, rng: Rng) -> None:
    """Feed the data in pieces of random size through a buffer like a connection's."""
    buffer, view = _ROOM.buffer, _ROOM.view
    left, at = b"", 0
    step = rng.choice((100, 1_460, 20_000, 400_000)) if len(data) > 2_000 else rng.choice((7, 100, *(1_460,) * 6))
    while at < len(data):
        view[: len(left)] = left
        piece = data[at : at + min(step, len(buffer) - len(left))]
        end = len(left) + len(piece)
        view[len(left) : end] = piece
        at += len(piece)
        taken = reader.feed(buffer, view, 0, end)
        left = bytes(view[taken:end])


# --- RTP and RTCP ----------------------------------------------------------------------------------------------------


_SETS: Final = (bytes.fromhex("6742002995a014016ec0440000030004000003007a3c60c658"), bytes.fromhex("68ce3c80"))
_NALS: Final = (
    *_SETS,
    b"\x78" + b"".join(len(one).to_bytes(2, "big") + one for one in _SETS),
    b"\x41\x9a",
    b"\x18",
    b"\x7c\x85",
    b"\x7c\x45",
    b"\0\0\1",
    b"\x78\0\2\x67\1",
    b"\x65\x88\x80",
)
_STRAY: Final = (b"x", b"$", b"\r\n", b"RTSP/1.0 200 OK\r\n\r\n", b"$\0\0\x10\x80", None)


def _report(rng: Rng) -> bytes:
    kind, body = rng.choice((200, 200, 201, 202, 203, 203, 204, 0, 255)), rng.randbytes(4 * rng.choice((1, 2, 6, 7)))
    words = len(body) // 4 if rng.random() < 0.9 else rng.choice((0, 1, 65_535))
    return b"%c%c%b%b" % (rng.choice((0x80, 0x81, 0x9F, 0, 0xFF)), kind, words.to_bytes(2, "big"), body)


def _nal(rng: Rng) -> bytes:
    piece = rng.choice(_NALS)
    if piece == b"\x65\x88\x80":
        piece += rng.randbytes(5)
    return piece * _many(rng, 1, 2) + (rng.randbytes(rng.randint(0, 9)) if rng.random() < 0.3 else b"")


def rtcp_answer(rng: Rng) -> bytes:
    """Packets and reports, some of them in the wrong order, with wrong lengths, or from another stream."""
    number, time_ = rng.choice((0, 65_530, 9)), rng.choice((0, 2**32 - 9))
    source = rng.randbytes(4)
    made = bytearray()
    for _ in range(_many(rng, 1, 12) % 6_000):
        if rng.random() < 0.5:
            packet = b"".join(_pieces(rng, _many(rng, 1, 4) % 3_000, _report))
            channel = rng.choice((1, 1, 3, 0))
        else:
            first, kind = rng.choice((0x80,) * 9 + (0x90, 0xA0, 0x8F, 0)), rng.choice((96, 224, 97, 225, 200, 0))
            number += rng.choice((1,) * 9 + (0, 2, -1, 200, 30_000))
            time_ += rng.choice((0, 3_000, 3_000, -9_000, 2**31))
            head = b"%c%c%b%b" % (first, kind, (number % 65_536).to_bytes(2, "big"), (time_ % 2**32).to_bytes(4, "big"))
            packet = head + (source if rng.random() < 0.95 else rng.randbytes(4)) + _nal(rng)
            channel = rng.choice((0, 0, 0, 2, 9))
        size = len(packet) if rng.random() < 0.97 else rng.choice((0, 1, 11, 65_535))
        made += b"$%c%b%b" % (channel, (size % 65_536).to_bytes(2, "big"), packet[:65_535])
        if rng.random() < 0.02:
            made += (rng.choice(_STRAY) or _one_reply(rng)) * _many(rng, 1, 3)
        if len(made) > 400_000:
            break
    return _spoilt(rng, bytes(made[:400_000]))


_DESCRIBED: Final[Sequence[SdpDescription]] = [
    read_sdp(_SDP % lengths) for lengths in ((13, 3), (1, 0), (16, 16), (0, 0))
]


def take_rtcp(data: bytes, rng: Rng) -> None:
    """Feed the data to a connection that plays."""
    talk: list[ClientSession] = []  # made for the first message: few have one
    tracks = Tracks(wants_sound=True, stall_s=5.0)
    chosen = tracks.choose(rng.choice(_DESCRIBED))

    def report(channel: int, data: bytes) -> None:
        tracks.report(data, 1_800_000_000.0, is_video=channel == 0)

    def message(raw: bytes) -> None:
        if not talk:
            talk.append(ClientSession(_OPEN_ADDRESS))
        talk[0].transcript.heard(raw)
        talk[0].heard(raw)

    reader = InterleavedReader(report, message)
    for number, track in enumerate(chosen):
        reader.add(2 * number, tracks.receiver_of(track))
    with suppress(ConversationFault):
        _fed(reader, data, rng)
    with suppress(ConversationFault):
        tracks.finish()


def _spoilt(rng: Rng, data: bytes) -> bytes:
    """Change some bytes of every fifth answer."""
    if rng.random() > 0.2 or not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, max(0, len(changed) - 1))
        match rng.randint(0, 2):
            case 0:
                changed[at : at + 1] = rng.randbytes(1)
            case 1:
                del changed[at : at + rng.randint(1, 30)]
            case _:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(changed)


KINDS: Final[dict[str, tuple[Callable[[Rng], bytes], Callable[[bytes, Rng], None]]]] = {
    "onvif": (onvif_answer, take_onvif),
    "sdp": (sdp_answer, take_sdp),
    "rtsp": (rtsp_answer, take_rtsp),
    "rtcp": (rtcp_answer, take_rtcp),
}


# --- the budget ------------------------------------------------------------------------------------------------------


def is_long(number: int) -> bool:
    return number % LONG_EVERY == 0


def answer(kind: str, number: int) -> tuple[bytes, Rng]:
    """Return the answer, and the source of randomness with which it is read."""
    rng = Rng(f"{kind} {number}")
    rng.longs = int(is_long(number))
    return KINDS[kind][0](rng), rng


def cost_of(kind: str, number: int) -> float:
    """CPU seconds that the parsers take for one answer."""
    data, rng = answer(kind, number)
    begun_s = time.thread_time()
    KINDS[kind][1](data, rng)
    return time.thread_time() - begun_s


def memory_of(kind: str, number: int) -> int:
    """Peak bytes of Python objects for one answer."""
    return _traced_bytes(kind, *answer(kind, number))


def _traced_bytes(kind: str, data: bytes, rng: Rng) -> int:
    tracemalloc.start()
    try:
        KINDS[kind][1](data, rng)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def campaign(kind: str, numbers: range) -> Iterator[Finding]:
    """Yield the answers over budget: first of those of usual length, then of the long ones."""
    begun_bytes = _peak_bytes()
    batch: list[int] = []
    for number in numbers:
        if not is_long(number):
            batch.append(number)
        if len(batch) == BATCH:
            yield from _usual(kind, batch)
            batch = []
    yield from _usual(kind, batch)
    grown = _peak_bytes() - begun_bytes
    if grown > LEAK_BYTES:
        yield Finding(kind, numbers.start, f"the process grew by {grown / 1e6:.0f} MB with these {len(numbers)}")
    for number in numbers:
        if is_long(number):
            yield from _long(kind, number)


def _usual(kind: str, numbers: Sequence[int]) -> Iterator[Finding]:
    """Read answers of usual length. If the process grows, read them again, traced."""
    make, take = KINDS[kind]
    before, clock = _peak_bytes(), time.thread_time
    raised = set()
    for number in numbers:
        rng = Rng(f"{kind} {number}")
        data = make(rng)
        begun_s = clock()
        try:
            take(data, rng)
        except Exception as error:  # noqa: BLE001 - a parser may raise nothing but what its caller expects
            yield Finding(kind, number, f"raised {error!r}")
            raised.add(number)
            continue
        if clock() - begun_s > CPU_S:
            yield from _slow(kind, number, len(data))
    has_grown = _peak_bytes() - before > GROWTH_BYTES
    for number in numbers:
        if number not in raised and (has_grown or number % TRACE_EVERY == 1):
            yield from _large(kind, number, *answer(kind, number))


def _long(kind: str, number: int) -> Iterator[Finding]:
    """Read a long answer, traced; if that takes long, again without."""
    data, rng = answer(kind, number)
    before, begun_s = _peak_bytes(), time.thread_time()
    try:
        yield from _large(kind, number, data, rng)
    except Exception as error:  # noqa: BLE001 - as above
        yield Finding(kind, number, f"raised {error!r}")
        return
    if time.thread_time() - begun_s > most_s(len(data)):
        yield from _slow(kind, number, len(data))
    grown = _peak_bytes() - before
    if grown > MOST_GROWTH_BYTES:
        yield Finding(kind, number, f"the process grew by {grown / 1e6:.0f} MB")


def most_s(size: int) -> float:
    return CPU_S + size * CPU_S_PER_BYTE


def _slow(kind: str, number: int, size: int) -> Iterator[Finding]:
    """The first time may have warmed caches, collected garbage, or been traced."""
    spent_s = min(cost_of(kind, number) for _ in range(3))
    if spent_s > most_s(size):
        yield Finding(kind, number, f"{spent_s:.2f} s of CPU for {size} bytes")


def _large(kind: str, number: int, data: bytes, rng: Rng) -> Iterator[Finding]:
    size, peak = len(data), _traced_bytes(kind, data, rng)
    if peak > min(MOST_BYTES, LEAST_BYTES + size * BYTES_PER_BYTE):
        yield Finding(kind, number, f"{peak / 1e6:.1f} MB of objects for {size} bytes")


def _peak_bytes() -> int:
    """Most memory that the process has had. It only grows, so the usual answers are read before the long ones."""
    said = Path("/proc/self/status").read_text()  # `ru_maxrss` begins with that of the process that started this one
    return int(said.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--only", type=int)
    asked = parser.parse_args()
    if asked.only is not None:
        print(f"{cost_of(asked.kind, asked.only):.3f} s, {memory_of(asked.kind, asked.only) / 1e6:.1f} MB")
        return 0
    gc.freeze()
    found, begun_s = 0, time.monotonic()
    for finding in campaign(asked.kind, range(asked.begin, asked.begin + asked.count)):
        found += 1
        print(finding, flush=True)
    took_s = max(0.001, time.monotonic() - begun_s)
    print(
        f"{asked.count} {asked.kind} from {asked.begin}: {found} over budget, {took_s:.0f} s, "
        f"{asked.count / time.process_time():.0f} per CPU second, at most {_peak_bytes() / 1e6:.0f} MB"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

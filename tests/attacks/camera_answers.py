"""Random answers of cameras by grammar, each within a budget of time and memory.

    python -m tests.attacks.camera_answers rtsp --count 1000000 --begin 0     # a campaign; exits with 1 on a finding
    python -m tests.attacks.camera_answers rtsp --only 1234                   # one answer again, with its cost

An answer follows from its kind and number alone. A rare one repeats a piece until it is hundreds of kB long: cost that
grows with the square of the length is found that way.
"""

import argparse
import http.client
import random
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from tawny.model.errors import TawnyError
from tawny.protocols.sdp import read_sdp
from tawny.protocols.soap import read_response
from tawny.sources import onvif
from tawny.sources.onvif import OnvifCamera
from tawny.sources.rtsp.address import parse_rtsp
from tawny.sources.rtsp.client.connection import ReceiveBuffer
from tawny.sources.rtsp.client.interleaved import InterleavedReader
from tawny.sources.rtsp.client.session import ClientSession, TrackTransport, handshake, read_reply
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.testing.clock import FakeClock

MOST_CPU_S, MOST_S_PER_BYTE = 0.25, 2e-6
"""Per answer of at most 400 kB, on one core."""
MOST_BYTES: Final = 25_000_000
"""Peak memory of Python objects per answer."""
MOST_GROWTH_BYTES: Final = 60_000_000
"""Growth of the process by one answer."""
LONG: Final = 0.02
"""Share of the pieces that are repeated very often."""
_ROOM: Final = ReceiveBuffer()
_ADDRESS: Final = parse_rtsp("rtsp://admin:s3cret-pw@192.168.1.5/main")


class Rng(random.Random):
    """longs: pieces that may still be repeated very often; one, so that making an answer stays cheap."""

    longs, share = 1, LONG

    def is_long(self) -> bool:
        if not self.longs or self.random() > self.share:
            return False
        self.longs = 0
        return True


class Finding(NamedTuple):
    kind: str
    number: int
    what: str


def _many(rng: Rng, least: int = 0, most: int = 6) -> int:
    if rng.is_long():
        return rng.choice((64, 65, 1_000, 5_001, 20_000, 60_000))
    return rng.randint(least, most)


def _text(rng: Rng) -> str:
    words = (
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
    return rng.choice(words) * _many(rng, 1, 2)


def _number(rng: Rng) -> str:
    return rng.choice(("0", "1", "96", "97", "554", "8000", "90000", "-1", "65536", "4294967296", "x", "", "007", "٣"))


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
    attributes = "".join(
        f' {rng.choice(("token", "tt:token", "xmlns:s", "a"))}{n or ""}="{_plain(rng)}"'
        for n in range(_many(rng, 0, 2))
    )
    if rng.is_long():
        count = rng.choice((65, 5_000, 20_000))
        return f"<{name}{attributes}>" * count + f"</{name}>" * count
    if depth > rng.randint(1, 7):
        return f"<{name}{attributes}>{_plain(rng)}</{name}>"
    inner = "".join(_element(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    if rng.is_long():
        inner *= 400_000 // (len(inner) + 1)
    closing = name if rng.random() > 0.01 else "x"
    return f"<{name}{attributes}>{inner}</{closing}>"


def _plain(rng: Rng) -> str:
    made = _text(rng) if rng.random() < 0.4 else _number(rng)
    return made.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\x00", "")


def onvif_answer(rng: Rng) -> bytes:
    content = _element(rng, 0)
    if rng.random() < 0.7:
        services = f"<PTZ><XAddr>{_plain(rng)}</XAddr></PTZ><Media><XAddr>/m</XAddr></Media>"
        profile = f'<Profiles token="{_plain(rng)}"><PTZConfiguration/></Profiles>'
        content = f"<r>{services}{profile}{content}</r>"
    head = rng.choice(
        (
            "",
            "",
            "",
            '<?xml version="1.0"?>',
            '<?xml version="1.0" encoding="utf-16"?>',
            '<?xml version="1.0" encoding="no-such"?>',
            "<!DOCTYPE a>",
            '<!DOCTYPE a [<!ENTITY b "c">]>',
        )
    )
    whole = f'{head}<s:Envelope xmlns:s="urn:s"><s:Body>{content}</s:Body></s:Envelope>'
    data = whole.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig")), "replace")[:400_000]
    made = _spoilt(rng, data)
    return _http_head(rng, len(made)) + made if rng.random() < 0.1 else made


def _http_head(rng: Rng, size: int) -> bytes:
    lines = [
        rng.choice(("HTTP/1.1 200 OK", "HTTP/1.0 200", "HTTP/1.1 401 No", "HTTP/1.1 100 Continue", "HTTP/9.9 abc"))
    ]
    for _ in range(_many(rng, 0, 4)):
        name = rng.choice(("Content-Length", "Transfer-Encoding", "WWW-Authenticate", "Connection", "X", ""))
        value = {
            "Content-Length": rng.choice((str(size), _number(rng))),
            "Transfer-Encoding": "chunked",
            "WWW-Authenticate": _challenge(rng),
        }.get(name, _text(rng))
        lines.append(f"{name}: {value}")
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"


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


def take_onvif(data: bytes, rng: Rng) -> None:
    """The same answer to every request of each operation."""
    camera = OnvifCamera("http://admin:s3cret-pw@192.168.1.5/onvif/device_service", FakeClock())
    service = camera._service
    if data.startswith(b"HTTP/"):
        line = _Line("192.168.1.5")
        line.data = data
        with patch.object(onvif, "_connection", lambda *_: line), suppress(TawnyError):
            camera.outputs()
        return
    with patch.object(camera._client, "send", lambda *_: read_response(service.public, 200, data)):
        for ask in (camera.presets, camera.outputs, camera.stop, lambda: camera.go_to("none")):
            with suppress(TawnyError):
                ask()


# --- SDP -------------------------------------------------------------------------------------------------------------


def _fmtp(rng: Rng) -> str:
    keys = (
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
    values = ("13", "3", "0", "1", "16", "1190", "Z0IAKeKQFAe2AtwEBAaQeJEV,aM48gA==", ",", "=", "AAAA", "/" * 40)
    return ";".join(f"{rng.choice(keys)}={rng.choice(values) * _many(rng, 1, 2)}" for _ in range(_many(rng)))


def sdp_answer(rng: Rng) -> bytes:
    lines = ["v=0", f"o=- 0 0 IN IP4 {_text(rng)}"] if rng.random() < 0.9 else []
    payload = "96"
    for _ in range(_many(rng, 1, 9)):
        match rng.randrange(9):
            case 0 | 1:
                payload = rng.choice(("96", "96", "97", "0", "8", "26", _number(rng)))
                kind = rng.choice(("video", "video", "audio", "application", ""))
                lines.append(f"m={kind} {_number(rng)} RTP/AVP {payload}")
            case 2 | 3:
                coding = rng.choice(
                    (
                        "H264/90000",
                        "H265/90000",
                        "MPEG4-GENERIC/16000/1",
                        "MP4A-LATM/8000/2",
                        "PCMU/8000",
                        "PCMA",
                        "JPEG/90000",
                        "a" * 60,
                        f"H264/{_number(rng)}",
                    )
                )
                lines.append(f"a=rtpmap:{payload}{' ' * _many(rng, 1, 2)}{coding}")
            case 4:
                lines.append(f"a=fmtp:{payload} {_fmtp(rng)}")
            case 5:
                lines.append(f"a=control:{rng.choice(('track1', '*', 'rtsp://h/p', 'rtsp://' * 9, _text(rng)))}")
            case 6:
                lines.append(f"a={rng.choice(('framerate', 'x-framerate'))}:{_number(rng)}")
            case 7:
                lines.append(rng.choice(("a=sendonly", "a=tool:x", "a=recvonly", "=", "a=", "m=")))
            case _:
                lines.append(_text(rng))
    return _spoilt(rng, rng.choice(("\r\n", "\n", "\r")).join(lines).encode("utf-8", "replace")[:64_000])


def take_sdp(data: bytes, rng: Rng) -> None:
    found = read_sdp(data)
    assert len(found.tracks) <= 64
    tracks = Tracks(wants_sound=True, stall_s=5.0)
    with suppress(ConversationFault):
        for track in tracks.choose(found):
            tracks.receiver_of(track)
    _converse([_reply("200 OK", ["Content-Base: rtsp://192.168.1.5/"], data)] * 8, Rng(0))


# --- RTSP ------------------------------------------------------------------------------------------------------------


def _challenge(rng: Rng) -> str:
    fields = ", ".join(
        rng.choice(("realm", "nonce", "algorithm", "qop", "opaque", "stale"))
        + rng.choice(('="', "=", "='"))
        + rng.choice(("c", "MD5", "SHA-256", "auth", "a" * _many(rng, 1, 9), _text(rng)))
        + '"'
        for _ in range(_many(rng, 0, 5))
    )
    scheme = rng.choice(
        ("Digest ", "Digest ", "Basic realm=x", "Bearer", "digest", ", Basic, Digest ", "a" * _many(rng))
    )
    return scheme + fields


def _reply(status: str, headers: Sequence[str], body: bytes) -> bytes:
    lines = [f"RTSP/1.0 {status}", "CSeq: 1", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


def _header(rng: Rng) -> str:
    name = rng.choice(
        ("Session", "Transport", "WWW-Authenticate", "Public", "Content-Base", "Location", "X", "Content-Length")
    )
    value = {
        "Session": f"{rng.choice(('12345678', 'a' * _many(rng), ''))};timeout={_number(rng)}",
        "Transport": rng.choice((f"RTP/AVP/TCP;interleaved={_number(rng)}-1", "RTP/AVP;client_port=1", _text(rng))),
        "WWW-Authenticate": _challenge(rng),
        "Public": ", ".join(["GET_PARAMETER"] * _many(rng)),
        "Content-Base": rng.choice(("rtsp://192.168.1.5/", "a." * _many(rng) + "://", _text(rng))),
    }.get(name, _text(rng))
    return f"{name}{' ' * _many(rng, 0, 1)}: {value}"


def _one_reply(rng: Rng) -> bytes:
    if rng.random() < 0.05:
        head = rng.choice(("OPTIONS * RTSP/1.0", "ANNOUNCE x RTSP/1.0", "PLAY_NOTIFY x", "REDIRECT y"))
        return f"{head}\r\nCSeq: {_number(rng)}\r\n\r\n".encode("utf-8", "replace") * _many(rng, 1, 2)
    status = rng.choice(
        ("200 OK",) * 8 + ("401 Unauthorized",) * 3 + ("302 Moved", "454 No", "100 Wait", "999", "2000", "x")
    )
    body = sdp_answer(rng) if rng.random() < 0.5 else b""
    made = _reply(status, [_header(rng) for _ in range(_many(rng, 0, 4))], body)
    return made * (400_000 // len(made)) if rng.is_long() else made


def rtsp_answer(rng: Rng) -> bytes:
    made = b"".join(_one_reply(rng) for _ in range(rng.randint(1, 7)))
    if rng.random() < 0.2:
        made += rng.choice((b"$", b"$\0\0\0", b"\r\n", b"RTSP/", b"x", b"a.")) * _many(rng, 1, 9)
    return _spoilt(rng, made[:400_000])


def take_rtsp(data: bytes, rng: Rng) -> None:
    _converse([data], rng)


def _converse(answers: Sequence[bytes], rng: Rng) -> None:
    """Run the handshake on these bytes, and the messages after it, as a connection does."""
    talk, tracks = ClientSession(_ADDRESS), Tracks(wants_sound=True, stall_s=5.0)
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
        _fed(reader, b"".join(answers), rng)
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


def _rtcp(rng: Rng) -> bytes:
    made = bytearray()
    for _ in range(_many(rng, 1, 4) % 3_000):
        kind, body = (
            rng.choice((200, 200, 201, 202, 203, 203, 204, 0, 255)),
            rng.randbytes(4 * rng.choice((1, 2, 6, 7))),
        )
        words = len(body) // 4 if rng.random() < 0.9 else rng.choice((0, 1, 65_535))
        made += bytes((rng.choice((0x80, 0x81, 0x9F, 0, 0xFF)), kind)) + words.to_bytes(2, "big") + body
    return bytes(made)


def _nal(rng: Rng) -> bytes:
    sets = (bytes.fromhex("6742002995a014016ec0440000030004000003007a3c60c658"), bytes.fromhex("68ce3c80"))
    pieces = (
        *sets,
        b"\x65\x88\x80" + rng.randbytes(5),
        b"\x41\x9a",
        b"\x18",
        b"\x7c\x85",
        b"\x7c\x45",
        b"\0\0\1",
        b"\x78\0\2\x67\1",
    )
    return rng.choice(pieces) * _many(rng, 1, 2) + (rng.randbytes(rng.randint(0, 9)) if rng.random() < 0.3 else b"")


def rtcp_answer(rng: Rng) -> bytes:
    """A handshake that works, then packets and reports."""
    number, time_ = rng.choice((0, 65_530, 9)), rng.choice((0, 2**32 - 9))
    source = rng.randbytes(4)
    made = bytearray()
    for _ in range(_many(rng, 1, 12) % 6_000):
        if rng.random() < 0.5:
            packet = _rtcp(rng)
            channel = rng.choice((1, 1, 3, 0))
        else:
            first, kind = rng.choice((0x80,) * 9 + (0x90, 0xA0, 0x8F, 0)), rng.choice((96, 224, 97, 225, 200, 0))
            number += rng.choice((1,) * 9 + (0, 2, -1, 200, 30_000))
            time_ += rng.choice((0, 3_000, 3_000, -9_000, 2**31))
            head = bytes((first, kind)) + (number % 65_536).to_bytes(2, "big") + (time_ % 2**32).to_bytes(4, "big")
            packet = head + (source if rng.random() < 0.95 else rng.randbytes(4)) + _nal(rng)
            channel = rng.choice((0, 0, 0, 2, 9))
        size = len(packet) if rng.random() < 0.97 else rng.choice((0, 1, 11, 65_535))
        made += b"$" + bytes((channel,)) + (size % 65_536).to_bytes(2, "big") + packet[:65_535]
        if rng.random() < 0.02:
            made += rng.choice((b"x", b"$", b"\r\n", b"RTSP/1.0 200 OK\r\n\r\n", b"$\0\0\x10\x80")) * _many(rng, 1, 3)
    return _spoilt(rng, bytes(made[:400_000]))


_SDP: Final = (
    b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t0\r\n"
    b"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
    b"a=fmtp:97 config=1408;sizelength=%d;indexlength=%d\r\n"
)
_SET_UP: Final = "Session: 7;timeout=60"


def take_rtcp(data: bytes, rng: Rng) -> None:
    sdp = _SDP % rng.choice(((13, 3), (1, 0), (16, 16), (0, 0)))
    begins = [
        _reply("200 OK", ["Public: OPTIONS"], b""),
        _reply("200 OK", [], sdp),
        _reply("200 OK", [_SET_UP], b"") * 3,
    ]
    _converse([*begins, data], rng)


def _spoilt(rng: Rng, data: bytes) -> bytes:
    """Change some bytes of every fifth answer."""
    if rng.random() > 0.2 or not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) or 1)
        match rng.randrange(3):
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


def cost_of(kind: str, number: int) -> float:
    """CPU seconds that the parsers take for one answer."""
    rng = Rng(f"{kind} {number}")
    make, take = KINDS[kind]
    data = make(rng)
    begun_s = time.thread_time()
    take(data, rng)
    return time.thread_time() - begun_s


def memory_of(kind: str, number: int) -> int:
    """Peak bytes of Python objects for one answer."""
    rng = Rng(f"{kind} {number}")
    make, take = KINDS[kind]
    data = make(rng)
    tracemalloc.start()
    try:
        take(data, rng)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def campaign(kind: str, numbers: range, *, memory_every: int = 1) -> Iterator[Finding]:
    """Yield the answers over budget. memory_every: Python's memory is traced for one answer in so many."""
    make, take = KINDS[kind]
    for number in numbers:
        rng = Rng(f"{kind} {number}")
        data = make(rng)
        before, begun_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
        try:
            take(data, rng)
            spent_s = time.thread_time() - begun_s
            most_s = MOST_CPU_S + len(data) * MOST_S_PER_BYTE
            if spent_s > most_s:
                spent_s = min(spent_s, cost_of(kind, number), cost_of(kind, number))  # the first may have warmed caches
        except Exception as error:  # noqa: BLE001 - a parser may raise nothing but what its caller expects
            yield Finding(kind, number, f"raised {error!r}")
            continue
        if spent_s > most_s:
            yield Finding(kind, number, f"{spent_s:.2f} s of CPU")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if grown > MOST_GROWTH_BYTES:
            yield Finding(kind, number, f"the process grew by {grown / 1e6:.0f} MB")
        if number % memory_every == 0 and (peak := memory_of(kind, number)) > MOST_BYTES:
            yield Finding(kind, number, f"{peak / 1e6:.0f} MB of objects")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--share", type=float, default=LONG, help="of pieces that are repeated very often")
    asked = parser.parse_args()
    Rng.share = asked.share
    if asked.only is not None:
        print(f"{cost_of(asked.kind, asked.only):.3f} s, {memory_of(asked.kind, asked.only) / 1e6:.1f} MB")
        return 0
    found, begun_s = 0, time.monotonic()
    for finding in campaign(asked.kind, range(asked.begin, asked.begin + asked.count), memory_every=100):
        found += 1
        print(finding, flush=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{asked.count} {asked.kind}: {found} over budget, {time.monotonic() - begun_s:.0f} s, at most {grown:.0f} MB"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

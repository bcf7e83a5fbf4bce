"""Random answers of RTSP cameras (descriptions, replies, packets and reports), and what reads them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tawny.protocols.sdp import SdpDescription, read_sdp
from tawny.sources.network_address import NetworkAddress, parse_rtsp
from tawny.sources.rtsp.client.connection import ReceiveBuffer
from tawny.sources.rtsp.client.session import ClientSession, TrackTransport, handshake, read_reply
from tawny.sources.rtsp.client.tcp_transport import InterleavedReader
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tests.attacks.answer_grammar import Rng, challenge, count_of, number_text, pieces_of, spoilt, word_text

_ROOM: Final = ReceiveBuffer()
_ADDRESS: Final = parse_rtsp("rtsp://admin:s3cret-pw@192.168.1.5/main")
_OPEN_ADDRESS: Final = parse_rtsp("rtsp://192.168.1.5/main")

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
    return f"{rng.choice(_KEYS)}={rng.choice(_VALUES) * count_of(rng, 1, 2)}"


def _sdp_line(rng: Rng, payload: str) -> str:
    match rng.randint(0, 8):
        case 0 | 1:
            kind = rng.choice(("video", "video", "audio", "application", ""))
            return f"m={kind} {number_text(rng)} RTP/AVP {payload}"
        case 2 | 3:
            coding = rng.choice(_CODINGS)
            if coding == "H264/":
                coding += number_text(rng)
            return f"a=rtpmap:{payload}{' ' * count_of(rng, 1, 2)}{coding}"
        case 4:
            return f"a=fmtp:{payload} {';'.join(pieces_of(rng, count_of(rng), _fmtp))}"
        case 5:
            control = rng.choice(("track1", "*", "rtsp://h/p", "rtsp://" * 9, None))
            return f"a=control:{word_text(rng) if control is None else control}"
        case 6:
            return f"a={rng.choice(('framerate', 'x-framerate'))}:{number_text(rng)}"
        case 7:
            return rng.choice(("a=sendonly", "a=tool:x", "a=recvonly", "=", "a=", "m="))
        case _:
            return word_text(rng)


def sdp_answer(rng: Rng) -> bytes:
    lines = ["v=0", f"o=- 0 0 IN IP4 {word_text(rng)}"] if rng.random() < 0.9 else []
    if rng.random() < 0.5:  # otherwise few get as far as the tracks
        lines += ["m=video 0 RTP/AVP 96", f"a=rtpmap:96 {rng.choice(_CODINGS)}"]
    payload = rng.choice(("96", "96", "97", "0", "8", "26", None)) or number_text(rng)
    lines += pieces_of(rng, count_of(rng, 1, 9), lambda rng: _sdp_line(rng, payload))
    return spoilt(rng, rng.choice(("\r\n", "\n", "\r")).join(lines).encode("utf-8", "replace")[:64_000])


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
            value = f"{rng.choice(('12345678', 'a' * count_of(rng), ''))};timeout={number_text(rng)}"
        case "Transport":
            value = rng.choice(("RTP/AVP;client_port=1", "interleaved", ""))
            if value == "interleaved":
                value = f"RTP/AVP/TCP;interleaved={number_text(rng)}-1"
            value = value or word_text(rng)
        case "WWW-Authenticate":
            value = challenge(rng)
        case "Public":
            value = ", ".join(["GET_PARAMETER"] * count_of(rng))
        case "Content-Base":
            value = rng.choice(("rtsp://192.168.1.5/", "a." * count_of(rng) + "://", ""))
            value = value or word_text(rng)
        case _:
            value = word_text(rng)
    return f"{name}{' ' * count_of(rng, 0, 1)}: {value}"


def _one_reply(rng: Rng) -> bytes:
    if rng.random() < 0.05:
        head = rng.choice(("OPTIONS * RTSP/1.0", "ANNOUNCE x RTSP/1.0", "PLAY_NOTIFY x", "REDIRECT y"))
        return f"{head}\r\nCSeq: {number_text(rng)}\r\n\r\n".encode("utf-8", "replace") * count_of(rng, 1, 2)
    body = sdp_answer(rng) if rng.random() < 0.5 else b""
    made = _reply(rng.choice(_STATUSES), pieces_of(rng, count_of(rng, 0, 4), _header), body)
    return made * (400_000 // len(made)) if rng.longs and rng.is_long() else made


def rtsp_answer(rng: Rng) -> bytes:
    """Replies; before them, in every third answer, the beginning of a handshake that works."""
    made = rng.choice(_BEGINNINGS) if rng.random() < 0.35 else b""
    made += b"".join(_one_reply(rng) for _ in range(rng.randint(1, 5)))
    if rng.random() < 0.2:
        made += rng.choice((b"$", b"$\0\0\0", b"\r\n", b"RTSP/", b"x", b"a.")) * count_of(rng, 1, 9)
    return spoilt(rng, made[:400_000])


def take_rtsp(data: bytes, rng: Rng) -> None:
    _converse(data, rng, _ADDRESS)


def _converse(data: bytes, rng: Rng, address: NetworkAddress) -> None:
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
        talk.transcript.received(raw)
        if is_playing:
            talk.on_data(raw)
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
    for line in talk.transcript.record():
        assert "s3cret-pw" not in line["text"]


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
    return piece * count_of(rng, 1, 2) + (rng.randbytes(rng.randint(0, 9)) if rng.random() < 0.3 else b"")


def rtcp_answer(rng: Rng) -> bytes:
    """Packets and reports, some of them in the wrong order, with wrong lengths, or from another stream."""
    number, time_ = rng.choice((0, 65_530, 9)), rng.choice((0, 2**32 - 9))
    source = rng.randbytes(4)
    made = bytearray()
    for _ in range(count_of(rng, 1, 12) % 6_000):
        if rng.random() < 0.5:
            packet = b"".join(pieces_of(rng, count_of(rng, 1, 4) % 3_000, _report))
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
            made += (rng.choice(_STRAY) or _one_reply(rng)) * count_of(rng, 1, 3)
        if len(made) > 400_000:
            break
    return spoilt(rng, bytes(made[:400_000]))


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
        talk[0].transcript.received(raw)
        talk[0].on_data(raw)

    reader = InterleavedReader(report, message)
    for number, track in enumerate(chosen):
        reader.add(2 * number, tracks.receiver_of(track))
    with suppress(ConversationFault):
        _fed(reader, data, rng)
    with suppress(ConversationFault):
        tracks.finish()

"""Random streams of cameras that aren't RTSP: RTMP, playlists, JPEGs that follow each other, and bare video."""

from contextlib import suppress
from typing import Final
from urllib.parse import urljoin

from tawny.model.errors import SourceUnusable
from tawny.model.packets import VideoCodec
from tawny.protocols import rtmp
from tawny.protocols.rtmp import MalformedRtmp, RtmpReader, command, flv_tag, in_pieces, number_message, read_command
from tawny.sources.http import parse_playlist
from tawny.sources.local_stream import DatagramOrder
from tawny.sources.media_connection import JpegSplitter, sniff
from tawny.sources.media_process import MOST_JPEG_BYTES
from tawny.sources.network_address import parse_network, public_address
from tawny.sources.packet_builder import AnnexbStream, read_adts
from tests.attacks.answer_grammar import Rng, count_of, number_text, pieces_of, spoilt, word_text

_MOST_BYTES: Final = 400_000


def _steps(rng: Rng, data: bytes) -> list[bytes]:
    """Cut data as a socket may."""
    step = rng.choice((1_460, 20_000, _MOST_BYTES)) if len(data) > 2_000 else rng.choice((7, 100, *(1_460,) * 6))
    return [data[at : at + step] for at in range(0, len(data), step)]


# --- RTMP ------------------------------------------------------------------------------------------------------------


_NAMES: Final = ("connect", "createStream", "publish", "play", "_result", "_error", "onStatus", "releaseStream", "")
_KEYS: Final = ("app", "code", "level", "description", "ex", "tcUrl", "")
_CODES: Final = ("NetStream.Play.Start", "NetStream.Play.StreamNotFound", "NetConnection.Connect.Success", "live", None)


def _amf_value(rng: Rng) -> object:
    match rng.randint(0, 5):
        case 0:
            return None
        case 1:
            return rng.random() < 0.5
        case 2:
            return float(rng.choice((0, 1, -1, 2**53)))
        case 3:
            return rng.choice(_CODES) or word_text(rng)[:20_000]
        case _:
            return {rng.choice(_KEYS): rng.choice(_CODES) for _ in range(rng.randint(0, 4))}


def _raw_value(rng: Rng) -> bytes:
    """A value that no encoder of ours makes: arrays, long texts, wrong lengths, values within values."""
    match rng.randint(0, 5):
        case 0:
            return b"\x08" + rng.randbytes(4) + b"\x00\x01a\x05" + rng.choice((b"\x00\x00\x09", b"", b"\x00\x00"))
        case 1:
            return b"\x0c" + rng.choice((0, 3, 70_000, 2**32 - 1)).to_bytes(4, "big") + b"abc"
        case 2:
            return b"\x02" + rng.choice((0, 2, 65_535)).to_bytes(2, "big") + rng.choice((b"ab", b"\xff\xfe", b""))
        case 3:
            return b"\x00" + rng.choice((b"\x7f\xf8\0\0\0\0\0\0", b"\x7f\xf0\0\0\0\0\0\0", rng.randbytes(8), b"\0"))
        case 4:
            return b"\x03\x00\x01k" * count_of(rng, 1, 12) + b"\x05\x00\x00\x09"
        case _:
            return rng.choice((b"\x05", b"\x06", b"\x0a", b"\x11", b"\xff", b"\x01"))


def _command(rng: Rng) -> bytes:
    values = (rng.choice(_NAMES), _amf_value(rng), *pieces_of(rng, count_of(rng, 0, 4) % 3_000, _amf_value))
    if rng.random() < 0.7:
        return command(*values, stream=rng.randint(0, 2))
    return in_pieces(rtmp.COMMAND, b"\x02\x00\x07connect" + b"".join(pieces_of(rng, count_of(rng, 1, 4), _raw_value)))


def _chunk(rng: Rng) -> bytes:
    """One chunk by hand: any form, channel, length and time."""
    form, channel = rng.choice((0, 0, 1, 2, 3)), rng.choice((2, 3, 4, 5, 63, 0, 1))
    time = rng.choice((0, 40, 0xFFFFFF, 0xFFFFFE)).to_bytes(3, "big")
    length = rng.choice((0, 1, 127, 128, 129, 300, 8_000_000, 8_000_001, 0xFFFFFF)).to_bytes(3, "big")
    kind = bytes([rng.choice((1, 3, 4, 8, 9, 18, 20, 22, 255))])
    header = (time + length + kind + b"\1\0\0\0", time + length + kind, time, b"")[form]
    extended = rng.randbytes(4) if form < 3 and time == b"\xff\xff\xff" else b""
    more = (rng.randbytes(1), rng.randbytes(2))[channel] if channel < 2 else b""
    return bytes([form << 6 | channel]) + more + header + extended + rng.randbytes(rng.choice((0, 1, 40, 128)))


def _rtmp_piece(rng: Rng) -> bytes:
    match rng.randint(0, 5):
        case 0 | 1:
            return _command(rng)
        case 2:
            kind = rng.choice((rtmp.SET_SIZE, rtmp.ACKNOWLEDGE, rtmp.CONTROL, rtmp.WINDOW))
            return number_message(kind, rng.choice((0, 1, 128, 4_096, 0x7FFFFFFF, 0x80000000, 2**32 - 1)))
        case 3:
            return in_pieces(
                rng.choice((rtmp.AUDIO, rtmp.VIDEO)), rng.randbytes(rng.choice((0, 1, 5, 127, 128, 700))), 1
            )
        case _:
            return _chunk(rng)


def rtmp_answer(rng: Rng) -> bytes:
    """What follows the handshake, from a camera or from a sender."""
    return spoilt(rng, b"".join(pieces_of(rng, count_of(rng, 1, 9), _rtmp_piece))[:_MOST_BYTES])


def take_rtmp(data: bytes, rng: Rng) -> None:
    reader = RtmpReader()
    with suppress(MalformedRtmp):
        for piece in _steps(rng, data):
            for message in reader.feed(piece):
                if message.kind == rtmp.COMMAND:
                    with suppress(MalformedRtmp):
                        read_command(message.body)
                elif message.kind in (rtmp.AUDIO, rtmp.VIDEO):
                    assert len(flv_tag(message)) == len(message.body) + 15


# --- playlists -------------------------------------------------------------------------------------------------------


_TAGS: Final = (
    "#EXTINF:", "#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-TARGETDURATION:", "#EXT-X-STREAM-INF:BANDWIDTH=", "#EXT-X-MAP:URI=",
    "#EXT-X-KEY:METHOD=", "#EXT-X-ENDLIST", "#EXT-X-BYTERANGE:", "#", "",
)  # fmt: skip
_LINKS: Final = (
    "1.ts", "/2.m4s", "http://192.168.1.5/3.ts", "http://192.168.1.6/4.ts", "//h/5.ts", "../../6.ts", "http://[",
    "?a=b", "file:///etc/passwd", "http://user:s3cret-pw@192.168.1.5/7.ts", "\ufeff",
)  # fmt: skip
_HERE: Final = parse_network("http://admin:s3cret-pw@192.168.1.5/live/index.m3u8")


def _playlist_line(rng: Rng) -> str:
    if rng.random() < 0.4:
        return rng.choice(_LINKS)
    value = rng.choice((number_text(rng), word_text(rng), '"a,b",X="y', "2.0,", "NONE", "AES-128", "nan", "1e400"))
    return rng.choice(_TAGS) + value


def hls_answer(rng: Rng) -> bytes:
    lines = ["#EXTM3U"] if rng.random() < 0.95 else []
    lines += pieces_of(rng, count_of(rng, 1, 12), _playlist_line)
    return spoilt(rng, rng.choice(("\n", "\r\n", "\r")).join(lines).encode("utf-8", "replace")[:_MOST_BYTES])


def take_hls(data: bytes, rng: Rng) -> None:
    sniff(data[:400])
    try:
        found = parse_playlist(data, "here")
    except SourceUnusable:
        return
    assert 0.5 <= found.target_s <= 30
    links = [found.variant, *(link for one in found.segments[:200] for link in (one.path, one.heading))]
    for link in filter(None, links):
        with suppress(ValueError):
            parse_network(urljoin(_HERE.url, link))
        assert "user:s3cret-pw@" not in public_address(link)


# --- JPEGs -----------------------------------------------------------------------------------------------------------


_MARKERS: Final = (
    b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xff", b"\xff\x00", b"\xff\xd0", b"\xff\xc0\x00\x11",
    b"\xff\xda\x00\x02", b"\xff\xe0\x00\x00", b"\xff\xe0\xff\xff", b"\r\n",
    b"--frame\r\nContent-Type: image/jpeg\r\n\r\n",
    b"Content-Length: -1\r\n\r\n", b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02\x12\x34\xff\x00\x56\xff\xd9",
)  # fmt: skip


def _jpeg_piece(rng: Rng) -> bytes:
    return rng.choice(_MARKERS) * count_of(rng, 1, 2) + (
        rng.randbytes(rng.randint(0, 20)) if rng.random() < 0.5 else b""
    )


def jpeg_answer(rng: Rng) -> bytes:
    """A multipart response, or JPEGs one after another."""
    return spoilt(rng, b"".join(pieces_of(rng, count_of(rng, 1, 14), _jpeg_piece))[:_MOST_BYTES])


def take_jpeg(data: bytes, rng: Rng) -> None:
    splitter, came = JpegSplitter(), 0
    for piece in _steps(rng, data):
        for jpeg in splitter.feed(piece):
            came += len(jpeg)
            assert jpeg.startswith(b"\xff\xd8\xff")
            assert jpeg.endswith(b"\xff\xd9")
    assert came <= min(len(data), MOST_JPEG_BYTES * 4)


# --- what bytes are --------------------------------------------------------------------------------------------------


_BEGINNINGS: Final = (
    b"FLV\x01", b"\x47" + b"\xff" * 187 + b"\x47", b"\x47", b"\x00\x00\x00\x18ftypisom", b"\x1a\x45\xdf\xa3",
    b"\xff\xd8\xff", b"--b\r\n", b"#EXTM3U\n", b"\0\0\0\1\x67", b"\0\0\1\x40\x01",
    b"<html>", b"{", b"\x80\x21\0\1" + bytes(8), b"\x8f",
    b"\x90\x21" + bytes(10) + b"\x47", b"\xff\xf1\x50\x80\x00\x1f\xfc", b"\xff\xf9", b"",
)  # fmt: skip
_UNITS: Final = (
    b"\0\0\1\x09\xf0", b"\0\0\0\1\x67\x42\0\x1f", b"\0\0\1\x68\xce", b"\0\0\1\x65\x88", b"\0\0\1\x41\x9a",
    b"\0\0\1\x06\x05", b"\0\0\1\x40\x01", b"\0\0\1\x26\x01\x80", b"\0\0\1\x02\x01\xd0", b"\0\0\1", b"\0\0\0", b"\0\0\3",
)  # fmt: skip


def _unit(rng: Rng) -> bytes:
    return rng.choice(_UNITS) * count_of(rng, 1, 2) + rng.randbytes(rng.randint(0, 12))


def bytes_answer(rng: Rng) -> bytes:
    """The beginning of any stream, a datagram of MPEG-TS, a frame of AAC, or bare video."""
    made = rng.choice(_BEGINNINGS) + b"".join(pieces_of(rng, count_of(rng, 0, 12), _unit))
    return spoilt(rng, made[:_MOST_BYTES])


def take_bytes(data: bytes, rng: Rng) -> None:
    sniff(data[:400])
    assert DatagramOrder().take(data) in data
    frame = read_adts(data)
    assert frame is None or frame[0].rate >= 7_350
    codec: VideoCodec = rng.choice(("h264", "h265"))
    stream, came = AnnexbStream(codec), 0
    for number, piece in enumerate(_steps(rng, data)):
        came += sum(len(one.data) for one in stream.feed(piece, float(number)))
    assert came <= len(data)

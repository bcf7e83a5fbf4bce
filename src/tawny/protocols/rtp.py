"""RTP and RTCP (RFC 3550, RFC 4585) for both directions: headers, payloads of frames, reports and feedback.

Payload formats of outgoing media: RFC 6184, RFC 7798, RFC 3640 and RFC 3551.
"""

import secrets
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct, pack, unpack_from
from typing import NamedTuple

from tawny.media.codec.nal import split_lengths
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.packets import AudioFormat, Format, VideoCodec

PAYLOAD_BYTES = 1200
HEADER_BYTES = 12
KEPT_PACKETS = 1024
"""Packets of a track that a viewer can request again."""
_HEADER = Struct(">BBHII")
_NTP_TO_UNIX_S = 2_208_988_800
_EARLIEST_S = 1_577_836_800
"""2020-01-01: an earlier camera time means that its clock was never set."""
_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_TEXT, _BYE, _TRANSPORT_FEEDBACK, _PICTURE_FEEDBACK = (
    200,
    201,
    202,
    203,
    205,
    206,
)
_NACK, _PLI, _FIR, _REMB = 1, 1, 4, 15
_OWN_SOURCE = 0x5461776E
"""Made into the SSRC of our own reports, by XOR with that of the source."""
_SENDER_REPORT_BYTES = 28
_RTCP = range(200, 212)
"""Second bytes that no RTP packet has: RTCP on the wrong channel (RFC 5761)."""


class RtpHeader(NamedTuple):
    begin: int
    """Offset of the payload."""
    end: int
    number: int
    time: int
    source: int
    payload_type: int
    is_marked: bool
    extension: int = 0
    """Offset of the header extension; 0 without one."""


def read_header(view: memoryview, begin: int, end: int) -> RtpHeader | None:
    """Parse an RTP header. Return None if this is no RTP packet."""
    if end - begin < HEADER_BYTES:
        return None
    first, second, number, time, source = _HEADER.unpack_from(view, begin)
    if first >> 6 != 2 or second in _RTCP:
        return None
    payload = begin + HEADER_BYTES + 4 * (first & 15)
    extension = 0
    if first & 0x10:  # a header extension
        if end - payload < 4:
            return None
        extension = payload
        payload += 4 + 4 * (view[payload + 2] << 8 | view[payload + 3])
    if first & 0x20 and end > payload:  # padding
        end -= view[end - 1]
    return RtpHeader(payload, max(end, payload), number, time, source, second & 127, second > 127, extension)


# ONVIF replay: the header extension with the time at which a frame was recorded (ONVIF Streaming Specification, 6.3).

_REPLAY, _REPLAY_WORDS = 0xABAC, 3
_MARK = Struct(">HHQB")


@dataclass(frozen=True, slots=True)
class ReplayMark:
    """When a replayed frame was recorded, by the camera's clock, and its place in the recording."""

    ticks: int
    """Since 1970, at 90 kHz."""
    is_clean: bool = False
    """Decoding can begin here (C)."""
    ends: bool = False
    """The last frame before time that is not recorded (E)."""
    is_discontinuous: bool = False
    """What precedes it is missing (D)."""
    is_last: bool = False
    """Nothing follows in the requested time (T)."""


def read_replay_mark(view: memoryview, begin: int, end: int) -> ReplayMark | None:
    """Parse the header extension at `begin`. Return None if it is another one, or has no time."""
    if end - begin < 4 + 4 * _REPLAY_WORDS:
        return None
    kind, words, ntp, flags = _MARK.unpack_from(view, begin)
    if kind != _REPLAY or words < _REPLAY_WORDS or (ntp >> 32) < _NTP_TO_UNIX_S + _EARLIEST_S:
        return None
    ticks = round(((ntp - (_NTP_TO_UNIX_S << 32)) * 90_000) / 2**32)
    return ReplayMark(ticks, bool(flags & 0x80), bool(flags & 0x40), bool(flags & 0x20), bool(flags & 0x10))


def replay_extension(mark: ReplayMark, sequence: int) -> bytes:
    """Return the header extension. sequence: `CSeq` of the PLAY request."""
    ntp = (_NTP_TO_UNIX_S << 32) + (mark.ticks << 32) // 90_000
    flags = mark.is_clean << 7 | mark.ends << 6 | mark.is_discontinuous << 5 | mark.is_last << 4
    return _MARK.pack(_REPLAY, _REPLAY_WORDS, ntp, flags) + bytes([sequence & 255, 0, 0])


def signed_step(before: int, time: int) -> int:
    """Return the distance between two RTP timestamps, which wrap after 32 bits."""
    step = (time - before) & 0xFFFFFFFF
    return step - (1 << 32) if step >> 31 else step


@dataclass(slots=True)
class RtpPacket:
    """One outgoing RTP packet. Mutable, so that fault injection can change any field."""

    payload: bytes
    is_marked: bool
    payload_type: int
    sequence: int
    time: int
    ssrc: int
    extension: bytes = b""
    """The header extension, with its own header."""

    def to_bytes(self) -> bytes:
        mark = (0x80 if self.is_marked else 0) | self.payload_type
        first = 0x90 if self.extension else 0x80
        head = _HEADER.pack(first, mark, self.sequence & 0xFFFF, self.time & 0xFFFFFFFF, self.ssrc)
        return head + self.extension + self.payload


class Packetizer:
    """RTP session state of one track: sequence numbers, timestamps with an offset, one SSRC.

    aggregate: combine small NAL units of an access unit (parameter sets, SEI) into one packet (STAP-A, AP). time_base:
    RTP timestamp of pts 0; None: derived from `first`.
    """

    def __init__(
        self,
        media: Format,
        payload_type: int,
        *,
        ssrc: int,
        first: int,
        aggregate: bool = False,
        time_base: int | None = None,
    ) -> None:
        self._media, self._payload_type, self._aggregate = media, payload_type, aggregate
        self.ssrc, self.sequence = ssrc, first
        self.time_base = first * 7919 if time_base is None else time_base
        self.sent_packets = self.sent_bytes = 0

    def time_of(self, pts: int) -> int:
        return (self.time_base + pts) & 0xFFFFFFFF

    def cut(self, data: bytes, pts: int) -> list[RtpPacket]:
        """Packetize one access unit or audio frame (`Packet.data`). The last packet has the marker bit."""
        payloads = list(self._payloads(data))
        made: list[RtpPacket] = []
        for number, payload in enumerate(payloads):
            marked = number == len(payloads) - 1
            made.append(RtpPacket(payload, marked, self._payload_type, self.sequence, self.time_of(pts), self.ssrc))
            self.sequence = (self.sequence + 1) & 0xFFFF
        self.sent_packets += len(made)
        self.sent_bytes += sum(len(payload) for payload in payloads)
        return made

    def sender_report(self, utc_s: float, pts: int) -> bytes:
        """Return an RTCP sender report that maps `utc_s` to the RTP timestamp of `pts`."""
        seconds = utc_s + _NTP_TO_UNIX_S
        ntp = (int(seconds) & 0xFFFFFFFF) << 32 | int(seconds % 1 * 2**32)
        return sender_report(self.ssrc, ntp, self.time_of(pts), self.sent_packets, self.sent_bytes)

    def _payloads(self, data: bytes) -> Iterator[bytes]:
        if isinstance(self._media, AudioFormat):
            yield aac_payload(data) if self._media.codec == "aac" else data
            return
        nals = split_lengths(data)
        small: list[bytes] = []
        for nal in nals:
            fits = sum(map(len, small)) + len(nal) < PAYLOAD_BYTES // 2
            if self._aggregate and fits:
                small.append(nal)
                continue
            yield from self._aggregated(small)
            small = []
            yield from fragments(self._media.codec, nal)
        yield from self._aggregated(small)

    def _aggregated(self, nals: list[bytes]) -> Iterator[bytes]:
        if len(nals) < 2:
            yield from nals
            return
        head = b"\x78" if self._media.codec == "h264" else b"\x60\x01"  # STAP-A, AP
        yield head + b"".join(pack(">H", len(nal)) + nal for nal in nals)


def fragments(codec: VideoCodec, nal: bytes, most_bytes: int = PAYLOAD_BYTES) -> Iterator[bytes]:
    """Yield the NAL unit unchanged, or as fragmentation units (FU-A, FU) of at most `most_bytes`."""
    if len(nal) <= most_bytes:
        yield nal
        return
    if codec == "h264":
        head, kind, rest = bytes([nal[0] & 0xE0 | 28]), nal[0] & 31, nal[1:]
    else:
        head, kind, rest = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 63, nal[2:]
    step = most_bytes - len(head) - 1
    for at in range(0, len(rest), step):
        flags = (0x80 if at == 0 else 0) | (0x40 if at + step >= len(rest) else 0)
        yield head + bytes([flags | kind]) + rest[at : at + step]


def aac_payload(frame: bytes) -> bytes:
    """Return the frame behind one AU header: 13 bits of size, 3 bits of index (AAC-hbr)."""
    return pack(">HH", 16, len(frame) << 3) + frame


class RtpTrack:
    """One outgoing stream of payloads, with a buffer for retransmission.

    rate: ticks per second. low_delay, rotation: ids of these header extensions, or 0.
    """

    def __init__(self, payload_type: int, rate: int, low_delay: int = 0, rotation: int = 0) -> None:
        self.payload_type, self.rate = payload_type, rate
        self.ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._low_delay, self._rotation = low_delay, rotation
        self._first, self._extension = 0x80, b""
        self.show(UPRIGHT)
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_PACKETS)
        self.packets = self.octets = 0

    def show(self, orientation: Orientation) -> None:
        """Let the viewer rotate the frames that follow. No viewer mirrors them by itself: the page does."""
        self.orientation = orientation
        # playout-delay 0 to 0: render immediately
        elements = bytes([self._low_delay << 4 | 2, 0, 0, 0]) if self._low_delay else b""
        elements += bytes([self._rotation << 4, orientation.rotate // 90]) if self._rotation else b""
        elements += bytes(-len(elements) % 4)
        self._extension = pack(">HH", 0xBEDE, len(elements) // 4) + elements if elements else b""
        self._first = 0x90 if elements else 0x80

    def packet(self, payload: bytes, time: int, *, is_last: bool) -> bytes:
        """Return the unencrypted packet. is_last: last packet of a frame; sets the marker bit."""
        mark = (0x80 if is_last else 0) | self.payload_type
        head = _HEADER.pack(self._first, mark, self._sequence, time & 0xFFFFFFFF, self.ssrc)
        self.packets += 1
        self.octets += len(payload)
        return head + self._extension + payload

    def keep(self, protected: bytes) -> None:
        """Store the encrypted form of the last packet for retransmission."""
        self._kept.append((self._sequence, protected))
        self._sequence = (self._sequence + 1) & 0xFFFF

    def again(self, sequences: tuple[int, ...]) -> Iterator[bytes]:
        wanted = set(sequences)
        yield from (protected for sequence, protected in self._kept if sequence in wanted)

    def report(self, now_ms: int, time: int, name: str) -> bytes:
        """Return an RTCP sender report with CNAME. `time` is the RTP timestamp at `now_ms`."""
        whole, part = divmod(now_ms, 1000)
        ntp = (whole + _NTP_TO_UNIX_S & 0xFFFFFFFF) << 32 | (part << 32) // 1000
        text = pack(">IBB", self.ssrc, 1, len(name)) + name.encode("ascii") + b"\0"
        text += bytes(-len(text) % 4)
        sent = sender_report(self.ssrc, ntp, time & 0xFFFFFFFF, self.packets, self.octets)
        return sent + pack(">BBH", 0x81, _SOURCE_TEXT, len(text) // 4) + text


# RTCP: compound packets. Unknown and invalid parts are ignored.


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Mapping of the sender's clock to the RTP timestamp. utc_s: None if the clock was never set."""

    ssrc: int
    utc_s: float | None
    time: int


@dataclass(frozen=True, slots=True)
class Bye:
    ssrc: int


class PacketsLost(NamedTuple):
    """A NACK: packets of a track that the viewer has not received."""

    ssrc: int
    sequences: tuple[int, ...]


class KeyframeRequest(NamedTuple):
    """PLI or FIR."""

    ssrc: int


def read_rtcp(data: bytes) -> Iterator[SenderReport | Bye | PacketsLost | KeyframeRequest]:
    """Yield the reports and requests of a compound packet."""
    at = 0
    while at + 8 <= len(data):
        first, kind, words = unpack_from(">BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        yield from _read_part(kind, first & 31, data[at:end])
        at = end


def _read_part(kind: int, count: int, data: bytes) -> Iterator[SenderReport | Bye | PacketsLost | KeyframeRequest]:
    if kind == _SENDER_REPORT and len(data) >= _SENDER_REPORT_BYTES:
        ssrc, seconds, fraction, time = unpack_from(">IIII", data, 4)
        utc_s = seconds - _NTP_TO_UNIX_S + fraction / 2**32
        yield SenderReport(ssrc, utc_s if utc_s >= _EARLIEST_S else None, time)
    elif kind == _BYE and count and len(data) >= 8:
        yield Bye(unpack_from(">I", data, 4)[0])
    elif kind == _TRANSPORT_FEEDBACK and count == _NACK and len(data) >= 12:
        yield PacketsLost(unpack_from(">I", data, 8)[0], tuple(_missing(data[12:])))
    elif kind == _PICTURE_FEEDBACK and count == _PLI and len(data) >= 12:
        yield KeyframeRequest(unpack_from(">I", data, 8)[0])
    elif kind == _PICTURE_FEEDBACK and count == _FIR:
        for at in range(12, len(data) - 7, 8):
            yield KeyframeRequest(unpack_from(">I", data, at)[0])


def _missing(items: bytes) -> Iterator[int]:
    for at in range(0, len(items) - 3, 4):
        first, mask = unpack_from(">HH", items, at)
        yield first
        yield from ((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)


def sender_report(ssrc: int, ntp: int, time: int, packets: int, octets: int) -> bytes:
    """Return a sender report (6.4.1) without reception reports. ntp: 32 bits of seconds since 1900, 32 of fractions."""
    counts = packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    return pack(">BBHIQIII", 0x80, _SENDER_REPORT, 6, ssrc, ntp, time, *counts)


def receiver_report(source: int, missing: int, highest: int, lost: int = 0) -> bytes:
    """Return a receiver report for `source`. highest: sequence number received; missing: total packets lost.

    lost: the share lost since the last report, 0 to 255.
    """
    block = pack(">IIIIII", source, lost << 24 | missing & 0x7FFFFF, highest & 0xFFFFFFFF, 0, 0, 0)
    return pack(">BBHI", 0x81, _RECEIVER_REPORT, 7, source ^ _OWN_SOURCE) + block


def empty_report() -> bytes:
    """Return a receiver report without sources (6.4.2): a sign of life."""
    return pack(">BBHI", 0x80, _RECEIVER_REPORT, 1, _OWN_SOURCE)


def keyframe_request(source: int) -> bytes:
    """Return a PLI (RFC 4585, 6.3.1)."""
    return pack(">BBHII", 0x80 | _PLI, _PICTURE_FEEDBACK, 2, source ^ _OWN_SOURCE, source)


def repeat_request(source: int, numbers: Iterable[int]) -> bytes:
    """Return a NACK (RFC 4585, 6.2.1) for these sequence numbers, one item each."""
    items = b"".join(pack(">HH", number, 0) for number in numbers)
    words = 2 + len(items) // 4
    return pack(">BBHII", 0x80 | _NACK, _TRANSPORT_FEEDBACK, words, source ^ _OWN_SOURCE, source) + items


def bit_rate_limit(source: int, bits_per_s: int) -> bytes:
    """Return a REMB (draft-alvestrand-rmcat-remb), which limits what a browser sends."""
    exponent = max(0, bits_per_s.bit_length() - 18)
    limit = pack(">BBH", 1, exponent << 2 | bits_per_s >> exponent + 16, bits_per_s >> exponent & 0xFFFF)
    head = pack(">BBHII", 0x80 | _REMB, _PICTURE_FEEDBACK, 5, source ^ _OWN_SOURCE, 0)
    return head + b"REMB" + limit + pack(">I", source)


def goodbye(ssrc: int) -> bytes:
    """Return an RTCP BYE (6.6)."""
    return pack(">BBHI", 0x81, _BYE, 1, ssrc)

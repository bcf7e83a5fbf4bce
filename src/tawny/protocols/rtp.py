"""RTP packetization of access units and audio frames (RFC 6184, RFC 7798, RFC 3640, RFC 3551)."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack

from tawny.media.codec.nal import split_lengths
from tawny.model.packets import AudioFormat, Format, VideoCodec

PAYLOAD_BYTES = 1200


@dataclass(slots=True)
class RtpPacket:
    """One outgoing RTP packet. Mutable, so that fault injection can change any field."""

    payload: bytes
    is_marked: bool
    payload_type: int
    sequence: int
    time: int
    ssrc: int

    def to_bytes(self) -> bytes:
        mark = (0x80 if self.is_marked else 0) | self.payload_type
        head = pack(">BBHII", 0x80, mark, self.sequence & 0xFFFF, self.time & 0xFFFFFFFF, self.ssrc)
        return head + self.payload


class Packetizer:
    """RTP session state of one track: sequence numbers, timestamps with an offset, one SSRC.

    aggregate: combine small NAL units of an access unit (parameter sets, SEI) into one packet (STAP-A, AP).
    """

    def __init__(self, media: Format, payload_type: int, *, ssrc: int, first: int, aggregate: bool = False) -> None:
        self._media, self._payload_type, self._aggregate = media, payload_type, aggregate
        self.ssrc, self.sequence = ssrc, first
        self.time_base = first * 7919
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
        """Return an RTCP sender report (RFC 3550, 6.4.1) that maps `utc_s` to the RTP timestamp of `pts`."""
        seconds = utc_s + 2_208_988_800
        whole, part = int(seconds), int(seconds % 1 * 2**32)
        return pack(
            ">BBHIIIIII", 0x80, 200, 6, self.ssrc, whole & 0xFFFFFFFF, part, self.time_of(pts), self.sent_packets,
            self.sent_bytes & 0xFFFFFFFF,
        )  # fmt: skip

    def goodbye(self) -> bytes:
        """Return an RTCP BYE (RFC 3550, 6.6)."""
        return pack(">BBHI", 0x81, 203, 1, self.ssrc)

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

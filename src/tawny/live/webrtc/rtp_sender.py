"""RTP and RTCP of one track and viewer (RFC 3550, RFC 4585): sequence numbers, retransmission buffer, feedback."""

import secrets
from collections import deque
from collections.abc import Iterator
from struct import error as struct_error
from struct import pack, unpack_from
from typing import NamedTuple

SENDER_REPORT, RECEIVER_REPORT, SOURCE_TEXT, TRANSPORT_FEEDBACK, PICTURE_FEEDBACK = 200, 201, 202, 205, 206
_NACK, _PLI, _FIR = 1, 1, 4
KEPT_PACKETS = 1024
_NTP_S = 2_208_988_800


class PacketsLost(NamedTuple):
    """A NACK: packets of a track that the viewer has not received."""

    ssrc: int
    sequences: tuple[int, ...]


class KeyframeRequest(NamedTuple):
    ssrc: int


class ReceptionReport(NamedTuple):
    """A viewer's RTCP reception report. fraction: share lost since the previous report. rtt_s: None if unknown."""

    ssrc: int
    fraction: float
    lost: int
    rtt_s: float | None


class RtpTrack:
    """One outgoing RTP stream. rate: ticks per second. low_delay: id of the playout-delay extension, or 0."""

    def __init__(self, payload_type: int, rate: int, low_delay: int = 0) -> None:
        self.payload_type, self.rate = payload_type, rate
        self.ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        # playout-delay 0 to 0 (render immediately), in a one-word header extension
        self._extension = pack(">HHBBH", 0xBEDE, 1, low_delay << 4 | 2, 0, 0) if low_delay else b""
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_PACKETS)
        self.packets = self.octets = 0

    def packet(self, payload: bytes, time: int, *, is_last: bool) -> bytes:
        """Return the unencrypted packet. is_last: last packet of a frame; sets the marker bit."""
        first = 0x90 if self._extension else 0x80
        mark = (0x80 if is_last else 0) | self.payload_type
        head = pack(">BBHII", first, mark, self._sequence, time & 0xFFFFFFFF, self.ssrc)
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
        ntp = (whole + _NTP_S & 0xFFFFFFFF) << 32 | (part << 32) // 1000
        counts = (self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF)
        sent = pack(">BBHIQIII", 0x80, SENDER_REPORT, 6, self.ssrc, ntp, time & 0xFFFFFFFF, *counts)
        text = pack(">IBB", self.ssrc, 1, len(name)) + name.encode("ascii") + b"\0"
        text += bytes(-len(text) % 4)
        return sent + pack(">BBH", 0x81, SOURCE_TEXT, len(text) // 4) + text


def read_rtcp(data: bytes, now_ms: int) -> Iterator[PacketsLost | KeyframeRequest | ReceptionReport]:
    """Parse a viewer's compound RTCP packet. Ignores unknown and invalid parts."""
    at = 0
    while at + 8 <= len(data):
        head, kind, words = unpack_from(">BBH", data, at)
        end = at + 4 + words * 4
        if head >> 6 != 2 or end > len(data):
            return
        try:
            yield from _packet(kind, head & 31, data[at:end], now_ms)
        except struct_error:
            return
        at = end


def _packet(
    kind: int, count: int, data: bytes, now_ms: int
) -> Iterator[PacketsLost | KeyframeRequest | ReceptionReport]:
    if kind in (SENDER_REPORT, RECEIVER_REPORT):
        for at in range(28 if kind == SENDER_REPORT else 8, len(data) - 23, 24):
            ssrc, fraction_lost = unpack_from(">II", data, at)
            lsr, dlsr = unpack_from(">II", data, at + 16)
            yield ReceptionReport(
                ssrc, (fraction_lost >> 24) / 256, fraction_lost & 0xFFFFFF, _rtt_s(lsr, dlsr, now_ms)
            )
    elif kind == TRANSPORT_FEEDBACK and count == _NACK:
        (ssrc,) = unpack_from(">I", data, 8)
        yield PacketsLost(ssrc, tuple(_missing(data[12:])))
    elif kind == PICTURE_FEEDBACK and count == _PLI:
        yield KeyframeRequest(unpack_from(">I", data, 8)[0])
    elif kind == PICTURE_FEEDBACK and count == _FIR:
        for at in range(12, len(data) - 7, 8):
            yield KeyframeRequest(unpack_from(">I", data, at)[0])


def _missing(items: bytes) -> Iterator[int]:
    for at in range(0, len(items) - 3, 4):
        first, mask = unpack_from(">HH", items, at)
        yield first
        yield from ((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)


def _rtt_s(lsr: int, dlsr: int, now_ms: int) -> float | None:
    """Compute the round-trip time from LSR and DLSR, both in units of 1/65536 s. None without a sender report."""
    if not lsr:
        return None
    whole, part = divmod(now_ms, 1000)
    now = ((whole + _NTP_S & 0xFFFF) << 16) | (part << 16) // 1000
    passed = (now - lsr - dlsr) & 0xFFFFFFFF
    return passed / 65536 if passed < 1 << 31 else None

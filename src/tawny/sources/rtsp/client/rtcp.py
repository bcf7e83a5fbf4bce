"""RTCP (RFC 3550, 6): parses sender reports and BYE, builds receiver reports. Ignores invalid packets."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack, unpack_from

_NTP_TO_UNIX_S = 2_208_988_800
_EARLIEST_S = 1_577_836_800
"""2020-01-01: an earlier camera time means that its clock was never set."""
_SENDER, _BYE = 200, 203
_SENDER_BYTES = 28


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Mapping of the camera's clock to the RTP timestamp. utc_s: None if the clock was never set."""

    source: int
    utc_s: float | None
    time: int


@dataclass(frozen=True, slots=True)
class Bye:
    source: int


def read_reports(data: bytes) -> Iterator[SenderReport | Bye]:
    """Yield the sender reports and BYEs of a compound packet."""
    at = 0
    while len(data) - at >= 8:
        first, kind, words = unpack_from(">BBH", data, at)
        size = 4 + 4 * words
        if first >> 6 != 2 or at + size > len(data):
            return
        if kind == _SENDER and size >= _SENDER_BYTES:
            source, seconds, fraction, time = unpack_from(">IIII", data, at + 4)
            utc_s = seconds - _NTP_TO_UNIX_S + fraction / 2**32
            yield SenderReport(source, utc_s if utc_s >= _EARLIEST_S else None, time)
        elif kind == _BYE and first & 31:
            yield Bye(int.from_bytes(data[at + 4 : at + 8], "big"))
        at += size


def receiver_report(source: int, missing: int, highest: int) -> bytes:
    """Return a receiver report for `source`. highest: sequence number received; missing: total packets lost."""
    block = pack(">IIIIII", source, missing & 0x7FFFFF, highest & 0xFFFF, 0, 0, 0)
    return pack(">BBHI", 0x81, 201, 7, source ^ 0x5461776E) + block

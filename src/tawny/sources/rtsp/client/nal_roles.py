"""Roles of NAL unit types, including RTP payload structures, for finding access unit boundaries."""

from dataclasses import dataclass
from enum import IntEnum

from tawny.model.packets import VideoCodec


class NalRole(IntEnum):
    """Role of a NAL unit. SLICE and KEY: slice data. BEFORE and SET: precede the first slice of an access unit.

    AFTER: may follow the slices. SEVERAL, PIECE, UNKNOWN: RTP aggregation packet, fragmentation unit, unsupported.
    """

    AFTER = 0
    BEFORE = 1
    SET = 2
    SLICE = 3
    KEY = 4
    SEVERAL = 5
    PIECE = 6
    UNKNOWN = 7


@dataclass(frozen=True, slots=True)
class NalRoles:
    """NAL unit roles of one codec. kinds: by NAL unit type."""

    kinds: tuple[NalRole, ...]
    header_bytes: int
    is_h265: bool

    def type_of(self, first: int) -> int:
        """Return the NAL unit type from the first byte."""
        return first >> 1 & 63 if self.is_h265 else first & 31

    def is_possible(self, first: int, second: int) -> bool:
        """Return whether a camera's NAL unit can begin with these bytes.

        forbidden_zero_bit must be 0; for H.265, nuh_layer_id must be 0 and the temporal id valid.
        """
        if self.is_h265:
            return not first & 0x81 and 0 < second < 8
        return first < 0x80

    def kind_of(self, first: int) -> NalRole:
        return self.kinds[first >> 1 & 63 if self.is_h265 else first & 31]


def _kinds(most: int, named: dict[NalRole, tuple[int, ...]], rest: NalRole) -> tuple[NalRole, ...]:
    by_type = {number: kind for kind, numbers in named.items() for number in numbers}
    return tuple(by_type.get(number, rest) for number in range(most))


_H264 = _kinds(
    32,
    {
        NalRole.SLICE: (1, 2),
        NalRole.KEY: (5,),
        NalRole.SET: (7, 8),
        NalRole.BEFORE: (6, 9, 14, 15, 16, 17, 18),
        NalRole.SEVERAL: (24,),
        NalRole.PIECE: (28,),
        NalRole.UNKNOWN: (25, 26, 27, 29, 30, 31),
    },
    NalRole.AFTER,
)
_H265 = _kinds(
    64,
    {
        NalRole.SLICE: tuple(range(16)),
        NalRole.KEY: tuple(range(16, 24)),
        NalRole.SET: (32, 33, 34),
        NalRole.BEFORE: (35, 39, 41, 42, 43, 44),
        NalRole.SEVERAL: (48,),
        NalRole.PIECE: (49,),
        NalRole.UNKNOWN: tuple(range(50, 64)),
    },
    NalRole.AFTER,
)

TYPES: dict[VideoCodec, NalRoles] = {
    "h264": NalRoles(_H264, 1, is_h265=False),
    "h265": NalRoles(_H265, 2, is_h265=True),
}

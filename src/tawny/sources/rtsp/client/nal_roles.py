"""What a NAL unit is to whoever looks for the borders of pictures, by its type, and what RTP adds to the types."""

from dataclasses import dataclass
from enum import IntEnum

from tawny.model.packets import VideoCodec


class NalRole(IntEnum):
    """SLICE and KEY: a part of the picture itself. BEFORE and SET: whatever comes in front of a picture's first slice.
    AFTER: whatever may come behind it. The last three are RTP's: several in one, a piece of one, nothing known."""

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
    """One codec's. kinds: by NAL type."""

    kinds: tuple[NalRole, ...]
    header_bytes: int
    is_h265: bool

    def type_of(self, first: int) -> int:
        """From a NAL unit's first byte."""
        return first >> 1 & 63 if self.is_h265 else first & 31

    def is_possible(self, first: int, second: int) -> bool:
        """Whether a NAL unit of a camera can begin with these bytes: the forbidden bit is not set; H.265: in the base
        layer, with a temporal id."""
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

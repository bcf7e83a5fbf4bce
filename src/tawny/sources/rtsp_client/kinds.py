"""What a NAL unit is to whoever looks for the borders of pictures, by its type, and what RTP adds to the types."""

from dataclasses import dataclass
from enum import IntEnum

from tawny.model.packets import VideoCodec


class Kind(IntEnum):
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
class Types:
    """One codec's. kinds: by NAL type."""

    kinds: tuple[Kind, ...]
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

    def kind_of(self, first: int) -> Kind:
        return self.kinds[first >> 1 & 63 if self.is_h265 else first & 31]


def _kinds(most: int, named: dict[Kind, tuple[int, ...]], rest: Kind) -> tuple[Kind, ...]:
    by_type = {number: kind for kind, numbers in named.items() for number in numbers}
    return tuple(by_type.get(number, rest) for number in range(most))


_H264 = _kinds(
    32,
    {
        Kind.SLICE: (1, 2),
        Kind.KEY: (5,),
        Kind.SET: (7, 8),
        Kind.BEFORE: (6, 9, 14, 15, 16, 17, 18),
        Kind.SEVERAL: (24,),
        Kind.PIECE: (28,),
        Kind.UNKNOWN: (25, 26, 27, 29, 30, 31),
    },
    Kind.AFTER,
)
_H265 = _kinds(
    64,
    {
        Kind.SLICE: tuple(range(16)),
        Kind.KEY: tuple(range(16, 24)),
        Kind.SET: (32, 33, 34),
        Kind.BEFORE: (35, 39, 41, 42, 43, 44),
        Kind.SEVERAL: (48,),
        Kind.PIECE: (49,),
        Kind.UNKNOWN: tuple(range(50, 64)),
    },
    Kind.AFTER,
)

TYPES: dict[VideoCodec, Types] = {"h264": Types(_H264, 1, is_h265=False), "h265": Types(_H265, 2, is_h265=True)}

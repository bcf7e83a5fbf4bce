"""Sequence parameter sets of H.264 and H.265, read bit by bit."""

from collections.abc import Sequence
from dataclasses import dataclass

from tawny.media.codec.nal import H264_SPS, H265_SPS

# Bit and Exp-Golomb reader for NAL unit payloads.


def unescaped(payload: bytes) -> bytes:
    """Remove the emulation prevention bytes: each 00 00 03 becomes 00 00."""
    return payload.replace(b"\0\0\3", b"\0\0")


class Bits:
    """Bit reader, most significant bit first. Raises ValueError when reading past the end."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def bits(self, count: int) -> int:
        """Read `count` bits as an unsigned integer."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set ends early")
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.bits(1) == 1

    def number(self, most: int, what: str = "number") -> int:
        """Read an unsigned Exp-Golomb code, ue(v). Raises ValueError above `most`."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise ValueError(f"no code for the {what} in the parameter set")
        value = (1 << zeros) - 1 + self.bits(zeros)
        if value > most:
            raise ValueError(f"impossible {what} in the parameter set: {value}, at most {most}")
        return value

    def signed(self) -> int:
        """Read a signed Exp-Golomb code, se(v)."""
        code = self.number(ANY)
        return (code + 1) // 2 if code & 1 else -(code // 2)


ANY = (1 << 33) - 2
"""Largest Exp-Golomb code that this reader accepts; as `most`: no limit."""


SMALLEST, LARGEST = 16, 16_384
"""Limits of width and height in px; values outside are implausible for a camera."""


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """Values as coded in the standards; sizes after cropping, px."""

    id: int
    width: int
    height: int
    profile: int
    compatibility: int
    """H.264: the 8 constraint flags; H.265: the 32 compatibility flags."""
    level: int
    chroma: int
    """0: monochrome, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4."""
    bit_depth: int
    chroma_bit_depth: int
    reorder: int | None
    """Maximum number of frames that precede an earlier-displayed one. 0: no reordering; None: not specified."""
    fps: float | None
    """None if not specified."""
    interlaced: bool
    """H.264: fields are possible; H.265: all pictures are fields."""
    tier: int = 0
    constraints: bytes = bytes(6)
    """H.265: the 48 constraint flags."""
    sub_layers: int = 1
    is_nested: bool = True


def cropped(width: int, height: int, crop: Sequence[int], across: int, down: int) -> tuple[int, int]:
    """Return the display size.

    Raises ValueError if implausible. crop: left, right, top, bottom; units of `across`/`down` px.
    """
    left, right, top, bottom = crop
    width -= (left + right) * across
    height -= (top + bottom) * down
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(f"impossible picture of {width}x{height}")
    return width, height


def checked_fps(scale: int, units: int) -> float | None:
    """Return frames per second; None if implausible: cameras write invalid values."""
    fps = scale / units if units else 0.0
    return fps if 0.01 <= fps <= 1000 else None


# SPS parser for H.264 (ITU-T H.264, 7.3.2.1.1 and annex E), limited to the fields a recorder needs.

PLAIN_PROFILES = frozenset({66, 77, 88})
"""Always 4:2:0 with 8 bits; the SPS does not state it."""
HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})
H264_LEVELS = frozenset({9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62})


def parse_h264(nal: bytes) -> SpsInfo:
    """Parse an SPS. Raises ValueError if it is invalid."""
    if len(nal) < 5 or nal[0] & 0x9F != H264_SPS:
        raise ValueError("not an H.264 sequence parameter set")
    bits = Bits(unescaped(nal[1:]))
    profile, constraints, level = bits.bits(8), bits.bits(8), bits.bits(8)
    if profile not in PLAIN_PROFILES | HIGH_PROFILES or level not in H264_LEVELS or constraints & 3:
        raise ValueError(f"impossible H.264 profile or level: {profile}, {constraints:#04x}, {level}")
    set_id = bits.number(31, "SPS id")
    chroma, depth, chroma_depth = _sampling(bits) if profile in HIGH_PROFILES else (1, 8, 8)
    bits.number(12, "size of frame numbers")
    order_type = _picture_order(bits)
    bits.number(16, "number of reference frames")
    bits.flag()
    width, height, interlaced = _size(bits, chroma)
    reorder, fps = _h264_after_size(bits)
    if order_type == 2 or profile == 66:
        reorder = 0  # decode order equals display order
    return SpsInfo(
        id=set_id,
        width=width,
        height=height,
        profile=profile,
        compatibility=constraints,
        level=level,
        chroma=chroma,
        bit_depth=depth,
        chroma_bit_depth=chroma_depth,
        reorder=reorder,
        fps=fps,
        interlaced=interlaced,
    )


def _sampling(bits: Bits) -> tuple[int, int, int]:
    chroma = bits.number(3, "chroma format")
    if chroma == 3:
        bits.flag()
    depth, chroma_depth = 8 + bits.number(6, "bit depth"), 8 + bits.number(6, "bit depth")
    bits.flag()
    if bits.flag():
        for k in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if k < 6 else 64)
    return chroma, depth, chroma_depth


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) & 255
        last = following or last


def _picture_order(bits: Bits) -> int:
    order_type = bits.number(2, "picture order type")
    if order_type == 0:
        bits.number(12, "size of picture order counts")
    elif order_type == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        for _ in range(bits.number(255, "picture order cycle")):
            bits.signed()
    return order_type


def _size(bits: Bits, chroma: int) -> tuple[int, int, bool]:
    width = 16 * (1 + bits.number(1023, "width"))
    rows = 1 + bits.number(1023, "height")
    frames_only = bits.flag()
    fields = 1 if frames_only else 2
    if not frames_only:
        bits.flag()
    bits.flag()
    crop = [bits.number(16384, "cropping") for _ in range(4)] if bits.flag() else [0, 0, 0, 0]
    across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1) * fields
    return (*cropped(width, rows * 16 * fields, crop, across, down), not frames_only)


def _h264_after_size(bits: Bits) -> tuple[int | None, float | None]:
    """Return reorder depth and frame rate; None for values that are missing or invalid."""
    fps = None
    try:
        if not bits.flag():
            return None, None
        fps = _timing(bits)
        return _h264_reorder(bits), fps
    except ValueError:
        return None, fps


def _timing(bits: Bits) -> float | None:
    skip_video_signal(bits)
    if not bits.flag():
        return None
    unit, scale = bits.bits(32), bits.bits(32)
    bits.flag()
    return checked_fps(scale, 2 * unit)


def skip_video_signal(bits: Bits) -> None:
    """Skip the VUI fields before the timing information; the same in H.265."""
    if bits.flag() and bits.bits(8) == 255:
        bits.bits(32)
    if bits.flag():
        bits.flag()
    if bits.flag():
        bits.bits(4)
        if bits.flag():
            bits.bits(24)
    if bits.flag():
        bits.number(5, "chroma place")
        bits.number(5, "chroma place")


def _h264_reorder(bits: Bits) -> int | None:
    buffered = False
    for _ in range(2):
        if bits.flag():
            buffered = True
            _skip_buffering(bits)
    if buffered:
        bits.flag()
    bits.flag()
    if not bits.flag():
        return None
    bits.flag()
    for _ in range(4):
        bits.number(ANY)
    return bits.number(16, "reorder depth")


def _skip_buffering(bits: Bits) -> None:
    count = 1 + bits.number(31, "number of buffers")
    bits.bits(8)
    for _ in range(count):
        bits.number(ANY)
        bits.number(ANY)
        bits.flag()
    bits.bits(20)


# SPS parser for H.265 (ITU-T H.265, 7.3.2.2 and annex E), limited to the fields a recorder needs.

PROFILES = range(1, 12)
H265_LEVELS = frozenset({30, 60, 63, 90, 93, 120, 123, 150, 153, 156, 180, 183, 186, 189, 255})


def parse_h265(nal: bytes) -> SpsInfo:
    """Parse an SPS. Raises ValueError if it is invalid."""
    if len(nal) < 15 or nal[0] != H265_SPS << 1 or nal[1] >> 3 or not nal[1] & 7:
        raise ValueError("not an H.265 sequence parameter set")
    bits = Bits(unescaped(nal[2:]))
    bits.bits(4)
    sub_layers, is_nested = 1 + bits.bits(3), bits.flag()
    space, tier, profile = bits.bits(2), bits.bits(1), bits.bits(5)
    compatibility, constraints, level = bits.bits(32), bits.bits(48), bits.bits(8)
    if space or sub_layers > 7 or profile not in PROFILES or level not in H265_LEVELS:
        raise ValueError(f"impossible H.265 profile or level: {space}, {profile}, {level}")
    _skip_sub_layers(bits, sub_layers)
    set_id = bits.number(15, "SPS id")
    chroma = bits.number(3, "chroma format")
    if chroma == 3:
        bits.flag()
    coded = bits.number(16_384, "width"), bits.number(16_384, "height")
    crop = [bits.number(16_384, "cropping") for _ in range(4)] if bits.flag() else [0, 0, 0, 0]
    width, height = cropped(*coded, crop, 2 if chroma in (1, 2) else 1, 2 if chroma == 1 else 1)
    depth, chroma_depth = 8 + bits.number(8, "bit depth"), 8 + bits.number(8, "bit depth")
    order_bits = 4 + bits.number(12, "size of picture order counts")
    reorder = _h265_reorder(bits, sub_layers)
    block = 8 << bits.number(3, "block size")
    if coded[0] % block or coded[1] % block:
        raise ValueError(f"impossible picture of {coded[0]}x{coded[1]} in blocks of {block}")
    interlaced, fps = _h265_after_size(bits, order_bits)
    return SpsInfo(
        id=set_id,
        width=width,
        height=height,
        profile=profile,
        compatibility=compatibility,
        level=level,
        chroma=chroma,
        bit_depth=depth,
        chroma_bit_depth=chroma_depth,
        reorder=reorder,
        fps=fps,
        interlaced=interlaced,
        tier=tier,
        constraints=constraints.to_bytes(6, "big"),
        sub_layers=sub_layers,
        is_nested=is_nested,
    )


def _skip_sub_layers(bits: Bits, sub_layers: int) -> None:
    flags = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
    if flags and bits.bits(2 * (8 - len(flags))):
        raise ValueError("reserved bits are set in an H.265 parameter set")
    for has_profile, has_level in flags:
        bits.bits(88 * has_profile + 8 * has_level)


def _h265_reorder(bits: Bits, sub_layers: int) -> int:
    """Return the reorder depth of the highest sub-layer, which is the last."""
    reorder = 0
    for _ in range(sub_layers if bits.flag() else 1):
        buffered = bits.number(15, "number of buffered pictures")
        reorder = bits.number(buffered, "reorder depth")
        bits.number(ANY)
    return reorder


def _h265_after_size(bits: Bits, order_bits: int) -> tuple[bool, float | None]:
    """Return whether pictures are fields, and the frame rate; None if missing or invalid."""
    try:
        _skip_coding_tools(bits)
        _skip_references(bits, order_bits)
        bits.bits(2)
        if not bits.flag():
            return False, None
        skip_video_signal(bits)
        bits.flag()
        are_fields = bits.flag()
        bits.flag()
        for _ in range(4 if bits.flag() else 0):
            bits.number(ANY)
        if not bits.flag():
            return are_fields, None
        unit, scale = bits.bits(32), bits.bits(32)
    except ValueError:
        return False, None
    return are_fields, checked_fps(scale, unit)


def _skip_coding_tools(bits: Bits) -> None:
    for _ in range(5):
        bits.number(ANY)
    if bits.flag() and bits.flag():
        _skip_scaling_lists(bits)
    bits.bits(2)
    if bits.flag():
        bits.bits(8)
        bits.number(ANY)
        bits.number(ANY)
        bits.flag()


def _skip_scaling_lists(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.number(ANY)
                continue
            if size > 1:
                bits.signed()
            for _ in range(min(64, 16 << 2 * size)):
                bits.signed()


def _skip_references(bits: Bits, order_bits: int) -> None:
    sizes: list[int] = []
    for k in range(bits.number(64, "number of reference sets")):
        sizes.append(_reference_set_size(bits, sizes[-1]) if k and bits.flag() else _plain_reference_set_size(bits))
    if bits.flag():
        bits.bits((order_bits + 1) * bits.number(32, "number of long-term references"))


def _reference_set_size(bits: Bits, size_before: int) -> int:
    """Skip a set coded as difference from the previous one; return its number of pictures."""
    bits.flag()
    bits.number(ANY)
    return sum(bits.flag() or bits.flag() for _ in range(size_before + 1))


def _plain_reference_set_size(bits: Bits) -> int:
    size = bits.number(16, "number of references") + bits.number(16, "number of references")
    for _ in range(size):
        bits.number(ANY)
        bits.flag()
    return size

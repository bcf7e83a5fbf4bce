"""SPS parser for H.265 (ITU-T H.265, 7.3.2.2 and annex E), limited to the fields a recorder needs.

Strict about fields that define the picture format, so that random bytes are rejected. Lenient about all later fields.
"""

from tawny.media.codec.bits import ANY, Bits, unescaped
from tawny.media.codec.nal import H265_SPS
from tawny.media.codec.sps import SpsInfo, checked_fps, cropped
from tawny.media.codec.sps_h264 import skip_video_signal

PROFILES = range(1, 12)
LEVELS = frozenset({30, 60, 63, 90, 93, 120, 123, 150, 153, 156, 180, 183, 186, 189, 255})


def parse_h265(nal: bytes) -> SpsInfo:
    """Parse an SPS. Raises ValueError if it is invalid."""
    if len(nal) < 15 or nal[0] != H265_SPS << 1 or nal[1] >> 3 or not nal[1] & 7:
        raise ValueError("not an H.265 sequence parameter set")
    bits = Bits(unescaped(nal[2:]))
    bits.bits(4)
    sub_layers, is_nested = 1 + bits.bits(3), bits.flag()
    space, tier, profile = bits.bits(2), bits.bits(1), bits.bits(5)
    compatibility, constraints, level = bits.bits(32), bits.bits(48), bits.bits(8)
    if space or sub_layers > 7 or profile not in PROFILES or level not in LEVELS:
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
    reorder = _reorder(bits, sub_layers)
    block = 8 << bits.number(3, "block size")
    if coded[0] % block or coded[1] % block:
        raise ValueError(f"impossible picture of {coded[0]}x{coded[1]} in blocks of {block}")
    interlaced, fps = _after_size(bits, order_bits)
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
    told = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
    if told and bits.bits(2 * (8 - len(told))):
        raise ValueError("reserved bits are set in an H.265 parameter set")
    for has_profile, has_level in told:
        bits.bits(88 * has_profile + 8 * has_level)


def _reorder(bits: Bits, sub_layers: int) -> int:
    """Return the reorder depth of the highest sub-layer, which is the last."""
    reorder = 0
    for _ in range(sub_layers if bits.flag() else 1):
        buffered = bits.number(15, "number of buffered pictures")
        reorder = bits.number(buffered, "reorder depth")
        bits.number(ANY)
    return reorder


def _after_size(bits: Bits, order_bits: int) -> tuple[bool, float | None]:
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

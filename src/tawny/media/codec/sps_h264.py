"""SPS parser for H.264 (ITU-T H.264, 7.3.2.1.1 and annex E), limited to the fields a recorder needs.

Strict about fields that define the picture format, so that random bytes are rejected. Lenient about all later fields.
"""

from tawny.media.codec.bits import ANY, Bits, unescaped
from tawny.media.codec.nal import H264_SPS
from tawny.media.codec.sps import SpsInfo, checked_fps, cropped

PLAIN_PROFILES = frozenset({66, 77, 88})
"""Always 4:2:0 with 8 bits; the SPS does not state it."""
HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})
LEVELS = frozenset({9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62})


def parse_h264(nal: bytes) -> SpsInfo:
    """Parse an SPS. Raises ValueError if it is invalid."""
    if len(nal) < 5 or nal[0] & 0x9F != H264_SPS:
        raise ValueError("not an H.264 sequence parameter set")
    bits = Bits(unescaped(nal[1:]))
    profile, constraints, level = bits.bits(8), bits.bits(8), bits.bits(8)
    if profile not in PLAIN_PROFILES | HIGH_PROFILES or level not in LEVELS or constraints & 3:
        raise ValueError(f"impossible H.264 profile or level: {profile}, {constraints:#04x}, {level}")
    set_id = bits.number(31, "SPS id")
    chroma, depth, chroma_depth = _sampling(bits) if profile in HIGH_PROFILES else (1, 8, 8)
    bits.number(12, "size of frame numbers")
    order_type = _picture_order(bits)
    bits.number(16, "number of reference frames")
    bits.flag()
    width, height, interlaced = _size(bits, chroma)
    reorder, fps = _after_size(bits)
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


def _after_size(bits: Bits) -> tuple[int | None, float | None]:
    """Return reorder depth and frame rate; None for values that are missing or invalid."""
    fps = None
    try:
        if not bits.flag():
            return None, None
        fps = _timing(bits)
        return _reorder(bits), fps
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


def _reorder(bits: Bits) -> int | None:
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

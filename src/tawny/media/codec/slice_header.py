"""Slice header parsing, sufficient to distinguish slices from random bytes."""

from tawny.media.codec.bits import ANY, Bits, unescaped
from tawny.media.codec.nal import H264_PPS, H265_PPS, nal_type
from tawny.model.packets import VideoCodec, VideoFormat

_LOOKED_AT = 16


def is_slice(codec: VideoCodec, nal: bytes) -> bool:
    """Return whether the NAL unit contains a slice."""
    return nal_type(codec, nal) in (1, 5) if codec == "h264" else nal_type(codec, nal) < 32


def slice_pps_id(codec: VideoCodec, nal: bytes) -> int:
    """Return the id of the slice's PPS. Raises ValueError if this is no valid slice header."""
    if codec == "h264":
        bits = Bits(unescaped(nal[1:_LOOKED_AT]))
        bits.number(ANY, "macroblock")
        bits.number(9, "slice type")
        return bits.number(255, "PPS id")
    bits = Bits(unescaped(nal[2:_LOOKED_AT]))
    bits.flag()  # first_slice_segment_in_pic_flag
    if 16 <= nal_type(codec, nal) <= 23:
        bits.flag()  # no_output_of_prior_pics_flag
    return bits.number(63, "PPS id")


def pps_ids(video: VideoFormat) -> frozenset[int]:
    """Return the ids of the format's PPS."""
    kind, header = (H264_PPS, 1) if video.codec == "h264" else (H265_PPS, 2)
    of_kind = (nal for nal in video.parameter_sets if nal_type(video.codec, nal) == kind)
    return frozenset(Bits(unescaped(nal[header:_LOOKED_AT])).number(255, "PPS id") for nal in of_kind)

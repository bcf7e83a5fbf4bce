"""NAL units of H.264 and H.265, in both framings.

Annex B: start codes (decoders, WebRTC). Lengths: 4-byte length prefix (packets, MP4).
"""

from collections.abc import Iterable, Sequence
from struct import pack

from tawny.model.packets import VideoCodec, VideoFormat

START = b"\0\0\0\1"
_LENGTH_BYTES = 4

H264_SPS, H264_PPS, H264_IDR = 7, 8, 5
H265_VPS, H265_SPS, H265_PPS = 32, 33, 34
_H265_KEYFRAMES = range(16, 22)
"""BLA, IDR and CRA: decoding can begin at these."""

SET_TYPES: dict[VideoCodec, tuple[int, ...]] = {
    "h264": (H264_SPS, H264_PPS),
    "h265": (H265_VPS, H265_SPS, H265_PPS),
}
"""Types of parameter sets, in their required order."""


def nal_type(codec: VideoCodec, nal: bytes) -> int:
    """Return the NAL unit type. Raises ValueError for an empty unit."""
    if not nal:
        raise ValueError("a NAL unit is empty")
    return nal[0] & 31 if codec == "h264" else nal[0] >> 1 & 63


def split_annexb(data: bytes) -> list[bytes]:
    """Split at start codes of 3 or 4 bytes and strip trailing zeros. Raises ValueError without a leading start code."""
    before, *units = bytes(data).split(b"\0\0\1")
    if before.strip(b"\0"):
        raise ValueError("NAL units do not begin with a start code")
    stripped = [unit.rstrip(b"\0") for unit in units]
    return [unit for unit in stripped if unit]


def split_lengths(data: bytes) -> list[bytes]:
    """Split units with 4-byte lengths. Raises ValueError if the lengths do not match the data, or one is zero."""
    units: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        if at <= begin or at > end:
            raise ValueError(f"the length of a NAL unit does not fit: {at - begin} bytes, {max(0, end - begin)} left")
        units.append(data[begin:at])
    return units


def join_lengths(nals: Iterable[bytes]) -> bytes:
    """Join units with 4-byte lengths, as in packets. Raises ValueError for an empty unit."""
    parts: list[bytes] = []
    for nal in nals:
        if not nal:
            raise ValueError("a NAL unit is empty")
        parts += (pack(">I", len(nal)), nal)
    return b"".join(parts)


def is_keyframe(codec: VideoCodec, nals: Iterable[bytes]) -> bool:
    """Return whether decoding can begin at this access unit, given its parameter sets."""
    if codec == "h264":
        return any(nal_type(codec, nal) == H264_IDR for nal in nals)
    return any(nal_type(codec, nal) in _H265_KEYFRAMES for nal in nals)


def parameter_sets(codec: VideoCodec, nals: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the VPS, SPS and PPS among the units, in this order, without duplicates; empty if none."""
    wanted = SET_TYPES[codec]
    found = dict.fromkeys(bytes(nal) for nal in nals if nal_type(codec, nal) in wanted)
    return tuple(sorted(found, key=lambda nal: wanted.index(nal_type(codec, nal))))


def annexb(data: bytes, video: VideoFormat) -> bytes:
    """Convert a packet to Annex B. Prepends the format's parameter sets to a keyframe that has none."""
    nals: Sequence[bytes] = split_lengths(data)
    if is_keyframe(video.codec, nals) and not parameter_sets(video.codec, nals):
        nals = [*video.parameter_sets, *nals]
    return START + START.join(nals)

"""Parameter sets: derives the video format for file headers and decoders from VPS, SPS and PPS."""

from collections.abc import Iterable
from functools import lru_cache

from tawny.media.codec.nal import H264_PPS, H264_SPS, H265_PPS, H265_SPS, H265_VPS, SET_TYPES, nal_type
from tawny.media.codec.sps import Bits, SpsInfo, parse_h264, parse_h265, unescaped
from tawny.model.packets import AudioFormat, Format, VideoCodec, VideoFormat

# Codec strings for browsers (RFC 6381; ISO/IEC 14496-15, annex E).

_G711 = {"pcmu": "ulaw", "pcma": "alaw"}


def codec_string(stored: Format) -> str:
    """Return `avc1.64001f`, `hvc1.1.6.L93.B0`, `mp4a.40.2`, `ulaw` or `alaw`.

    Raises ValueError without a valid SPS or AAC config.
    """
    if isinstance(stored, AudioFormat):
        return f"mp4a.40.{_object_type(stored.config)}" if stored.codec == "aac" else _G711[stored.codec]
    sps_type = H264_SPS if stored.codec == "h264" else H265_SPS
    sps = next((nal for nal in stored.parameter_sets if nal_type(stored.codec, nal) == sps_type), b"")
    if len(sps) < 4:
        raise ValueError("there is no sequence parameter set")
    return f"avc1.{sps[1:4].hex()}" if stored.codec == "h264" else _h265(sps)


def codec_strings(*tracks: Format | None) -> str:
    """Return those of the tracks that there are, with commas. Raises ValueError as above."""
    return ",".join(codec_string(track) for track in tracks if track)


def _h265(nal: bytes) -> str:
    sps = parse_h265(nal)
    compatibility = int(f"{sps.compatibility:032b}"[::-1], 2)  # the string has the flags in reverse bit order
    constraints = "".join(f".{flags:X}" for flags in sps.constraints.rstrip(b"\0"))
    return f"hvc1.{sps.profile}.{compatibility:X}.{'H' if sps.tier else 'L'}{sps.level}{constraints}"


def _object_type(config: bytes) -> int:
    bits = Bits(config)
    short = bits.bits(5)
    return 32 + bits.bits(6) if short == 31 else short


__all__ = ["SpsInfo", "can_follow", "codec_string", "parse_sps", "same_picture", "sps_of", "video_format"]

MOST_SET_BYTES = 4096
MOST_SETS = 4
"""Maximum per type. Larger or additional sets are ignored: no camera needs them."""

_SPS: dict[VideoCodec, int] = {"h264": H264_SPS, "h265": H265_SPS}
_PPS: dict[VideoCodec, int] = {"h264": H264_PPS, "h265": H265_PPS}
_HEADER_BYTES: dict[VideoCodec, int] = {"h264": 1, "h265": 2}


@lru_cache(maxsize=256)
def parse_sps(codec: VideoCodec, nal: bytes) -> SpsInfo:
    """Parse an SPS. Raises ValueError if it is invalid or implausible for a camera."""
    return parse_h264(nal) if codec == "h264" else parse_h265(nal)


def sps_of(video: VideoFormat) -> SpsInfo:
    """Return the SPS that defines the format's size. Raises ValueError without one."""
    for nal in video.parameter_sets:
        if nal_type(video.codec, nal) == _SPS[video.codec]:
            return parse_sps(video.codec, nal)
    raise ValueError("there is no sequence parameter set")


def same_picture(a: VideoFormat, b: VideoFormat) -> bool:
    """Return whether one file may hold both.

    Codec, size, orientation, profile, chroma, bit depth and reorder depth must be equal. Other parameter set fields may
    differ; then the keyframes of `b` must contain its sets.
    """
    if a == b:
        return True
    if a.orientation != b.orientation:
        return False
    return a.codec == b.codec and _look(sps_of(a)) == _look(sps_of(b))


def can_follow(a: VideoFormat, b: VideoFormat) -> bool:
    """Return whether a player can continue from `a` to `b` in one file.

    As `same_picture`, but profile and reorder depth may differ.
    """
    if (a.codec, a.orientation) != (b.codec, b.orientation):
        return False
    one, other = sps_of(a), sps_of(b)
    sizes = [(sps.width, sps.height, sps.interlaced) for sps in (one, other)]
    depths = [(sps.chroma, sps.bit_depth, sps.chroma_bit_depth) for sps in (one, other)]
    return sizes[0] == sizes[1] and depths[0] == depths[1]


def _look(sps: SpsInfo) -> tuple[object, ...]:
    size = (sps.width, sps.height, sps.interlaced)
    return size, sps.profile, sps.tier, sps.chroma, sps.bit_depth, sps.chroma_bit_depth, sps.reorder


def video_format(codec: VideoCodec, parameter_sets: Iterable[bytes]) -> VideoFormat:
    """Return the format of these sets, sorted: VPS, SPS, PPS, each by id; the last one with an id wins.

    Ignores other units, oversized sets, and a PPS without its SPS. Raises ValueError if the rest cannot be decoded, or
    the SPS is invalid.
    """
    return _video_format(codec, tuple(map(bytes, parameter_sets)))


@lru_cache(maxsize=256)
def _video_format(codec: VideoCodec, parameter_sets: tuple[bytes, ...]) -> VideoFormat:
    wanted = SET_TYPES[codec]
    found: dict[int, dict[int, bytes]] = {kind: {} for kind in wanted}
    for nal in parameter_sets:
        kind = nal_type(codec, nal)
        if kind in wanted and len(nal) <= MOST_SET_BYTES:
            same_kind = found[kind]
            set_id = _set_id(codec, kind, nal)
            if set_id in same_kind or len(same_kind) < MOST_SETS:
                same_kind[set_id] = nal
    spses, ppses = found[_SPS[codec]], found[_PPS[codec]]
    found[_PPS[codec]] = {key: pps for key, pps in ppses.items() if _pps_ids(codec, pps)[1] in spses}
    if not all(found.values()):
        raise ValueError(f"a parameter set is missing: of the types {wanted} there are {_count(found)}")
    first = parse_sps(codec, spses[min(spses)])
    ordered = tuple(found[kind][key] for kind in wanted for key in sorted(found[kind]))
    return VideoFormat(codec, first.width, first.height, ordered)


def _count(found: dict[int, dict[int, bytes]]) -> list[int]:
    return [len(sets) for sets in found.values()]


def _set_id(codec: VideoCodec, kind: int, nal: bytes) -> int:
    if kind == _SPS[codec]:
        return parse_sps(codec, nal).id
    if kind == H265_VPS:
        return Bits(nal[_HEADER_BYTES[codec] :]).bits(4)
    return _pps_ids(codec, nal)[0]


def _pps_ids(codec: VideoCodec, nal: bytes) -> tuple[int, int]:
    """Return the PPS's own id and the id of its SPS."""
    bits = Bits(unescaped(nal[_HEADER_BYTES[codec] :][:16]))
    return bits.number(255, "PPS id"), bits.number(31, "SPS id")

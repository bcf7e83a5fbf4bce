"""Sample entries: the format description of a track in an MP4 header.

Video is `avc1` or `hvc1` (ISO/IEC 14496-15), audio is `mp4a` (14496-14), `ulaw` or `alaw`.
"""

from struct import pack

from tawny.media.codec.nal import SET_TYPES, nal_type
from tawny.media.codec.parameter_sets import sps_of
from tawny.media.codec.sps_h264 import PLAIN_PROFILES
from tawny.media.mp4.boxes import box, full_box
from tawny.model.packets import AudioFormat, Format, VideoFormat

_SOUND = {"aac": b"mp4a", "pcmu": b"ulaw", "pcma": b"alaw"}
_LENGTHS_OF_4 = 3
_WHOLE = 0x80
"""array_completeness: all parameter sets of a type are in the header."""


def sample_entry(stored: Format) -> bytes:
    """Return the sample entry. Raises ValueError for a format without usable parameter sets."""
    return _video(stored) if isinstance(stored, VideoFormat) else _sound(stored)


def _video(video: VideoFormat) -> bytes:
    look = pack(">6xH16xHHIIIH32xHh", 1, video.width, video.height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    if video.codec == "h264":
        return box(b"avc1", look, box(b"avcC", avc_config(video)))
    return box(b"hvc1", look, box(b"hvcC", hevc_config(video)))


def avc_config(video: VideoFormat) -> bytes:
    """Return the AVCDecoderConfigurationRecord, also usable as decoder extradata."""
    sps, pps = (_of_type(video, kind) for kind in SET_TYPES["h264"])
    seen = sps_of(video)
    head = b"\1" + sps[0][1:4] + bytes([0xFC | _LENGTHS_OF_4, 0xE0 | len(sps)])
    config = head + _behind_lengths(sps) + bytes([len(pps)]) + _behind_lengths(pps)
    if seen.profile not in PLAIN_PROFILES:
        config += bytes([0xFC | seen.chroma, 0xF8 | seen.bit_depth - 8, 0xF8 | seen.chroma_bit_depth - 8, 0])
    return config


def hevc_config(video: VideoFormat) -> bytes:
    """Return the HEVCDecoderConfigurationRecord, also usable as decoder extradata."""
    seen = sps_of(video)
    profile = pack(">BI6sB", seen.tier << 5 | seen.profile, seen.compatibility, seen.constraints, seen.level)
    kinds = SET_TYPES["h265"]
    config = b"\1" + profile + pack(">HB", 0xF000, 0xFC)  # segmentation and parallelism: not specified
    config += bytes([0xFC | seen.chroma, 0xF8 | seen.bit_depth - 8, 0xF8 | seen.chroma_bit_depth - 8])
    config += pack(">HBB", 0, seen.sub_layers << 3 | seen.is_nested << 2 | _LENGTHS_OF_4, len(kinds))
    for kind in kinds:
        sets = _of_type(video, kind)
        config += pack(">BH", _WHOLE | kind, len(sets)) + _behind_lengths(sets)
    return config


def _of_type(video: VideoFormat, kind: int) -> list[bytes]:
    return [nal for nal in video.parameter_sets if nal_type(video.codec, nal) == kind]


def _behind_lengths(sets: list[bytes]) -> bytes:
    return b"".join(pack(">H", len(nal)) + nal for nal in sets)


def _sound(audio: AudioFormat) -> bytes:
    rate = audio.rate << 16 if audio.rate < 1 << 16 else 0
    head = pack(">6xH8xHHIII", 1, audio.channels, 16, 0, rate, 0)[:-4]
    if audio.codec != "aac":
        return box(_SOUND[audio.codec], head)
    decoder = pack(">BBHBII", 0x40, 0x15, 0, 0, 0, 0) + _descriptor(5, audio.config)
    stream = pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\2")
    return box(b"mp4a", head, full_box(b"esds", 0, 0, _descriptor(3, stream)))


def _descriptor(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, *(0x80 | size >> shift & 0x7F for shift in (21, 14, 7)), size & 0x7F]) + content

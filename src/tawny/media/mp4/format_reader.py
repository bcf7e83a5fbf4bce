"""Parses sample entries of an MP4 header to formats; supports other software's files as far as possible."""

from dataclasses import dataclass

from tawny.media.codec.parameter_sets import video_format
from tawny.media.mp4.box_reader import BoxContent, boxes, find, numbers, version
from tawny.model.packets import AudioCodec, AudioFormat, Format, VideoCodec, VideoFormat

_VIDEO: dict[bytes, VideoCodec] = {b"avc1": "h264", b"avc3": "h264", b"hvc1": "h265", b"hev1": "h265"}
_SOUND: dict[bytes, AudioCodec] = {b"mp4a": "aac", b"ulaw": "pcmu", b"alaw": "pcma"}
_VIDEO_HEAD, _SOUND_HEAD = 78, 28
"""Size of a sample entry before its child boxes, in bytes."""


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """Track properties required to read its fragments."""

    number: int
    format: Format
    rate: int
    """Ticks per second in the file; tawny's own files use the format's rate."""
    duration: int = 0
    size: int = 0
    flags: int = 0
    """Default sample flags."""

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)

    def ticks(self, stored: int) -> int:
        """Convert a time of the file to ticks of the format."""
        return stored if self.rate == self.format.rate else round(stored * self.format.rate / self.rate)


def tracks_of(moov: bytes) -> list[TrackFormat]:
    """Return the first supported video and audio track, in this order, from a `moov` box's content.

    Raises ValueError without video, for a file that is not fragmented, or for invalid values.
    """
    whole = BoxContent(b"moov", 0, len(moov))
    defaults = _defaults(moov, find(moov, whole, b"mvex"))
    found = [_track(moov, trak, defaults) for trak in boxes(moov, 0, len(moov)) if trak.kind == b"trak"]
    video = [track for track in found if track is not None and track.is_video]
    sound = [track for track in found if track is not None and not track.is_video]
    if not video:
        raise ValueError("there is no H.264 or H.265 video")
    return video[:1] + sound[:1]


def _defaults(moov: bytes, mvex: BoxContent) -> dict[int, tuple[int, ...]]:
    """Return default duration, size and flags by track number."""
    every = [numbers(moov, trex, "IIIII", 4) for trex in boxes(moov, mvex.begin, mvex.end) if trex.kind == b"trex"]
    return {values[0]: values[2:] for values in every}


def _track(moov: bytes, trak: BoxContent, defaults: dict[int, tuple[int, ...]]) -> TrackFormat | None:
    header, media = find(moov, trak, b"tkhd"), find(moov, trak, b"mdia", b"mdhd")
    (number,) = numbers(moov, header, "I", 20 if version(moov, header) == 1 else 12)
    (rate,) = numbers(moov, media, "I", 20 if version(moov, media) == 1 else 12)
    described = find(moov, trak, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes(moov, described.begin + 8, described.end), None)
    if entry is None or not rate:
        raise ValueError("a track has no description")
    if entry.kind in _VIDEO:
        return TrackFormat(number, _video(moov, entry), rate, *defaults.get(number, ()))
    if entry.kind in _SOUND:
        return TrackFormat(number, _sound(moov, entry, rate), rate, *defaults.get(number, ()))
    return None


def _video(moov: bytes, entry: BoxContent) -> VideoFormat:
    codec = _VIDEO[entry.kind]
    inside = entry._replace(begin=entry.begin + _VIDEO_HEAD)
    if codec == "h264":
        config = find(moov, inside, b"avcC")
        return video_format(codec, _avc_sets(moov[config.begin : config.end]))
    config = find(moov, inside, b"hvcC")
    return video_format(codec, _hevc_sets(moov[config.begin : config.end]))


def _avc_sets(config: bytes) -> list[bytes]:
    if len(config) < 7 or config[0] != 1 or config[4] & 3 != 3:
        raise ValueError("an avcC box that we cannot read")
    sets, at = _sets(config, 6, config[5] & 31)
    return sets + _sets(config, at + 1, _byte(config, at))[0]


def _hevc_sets(config: bytes) -> list[bytes]:
    if len(config) < 23 or config[0] != 1 or config[21] & 3 != 3:
        raise ValueError("an hvcC box that we cannot read")
    sets, at = list[bytes](), 23
    for _ in range(config[22]):
        more, at = _sets(config, at + 3, _byte(config, at + 1) << 8 | _byte(config, at + 2))
        sets += more
    return sets


def _sets(config: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Read `count` parameter sets with 2-byte length prefixes. Return them and the end offset."""
    sets = []
    for _ in range(count):
        begin = at + 2
        at = begin + (_byte(config, at) << 8 | _byte(config, at + 1))
        if at > len(config):
            raise ValueError("a parameter set in the header is cut off")
        sets.append(config[begin:at])
    return sets, at


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("the description of a track is cut off")
    return data[at]


def _sound(moov: bytes, entry: BoxContent, rate: int) -> AudioFormat:
    codec = _SOUND[entry.kind]
    (channels,) = numbers(moov, entry, "H", 16)
    (told_rate,) = numbers(moov, entry, "H", 24)
    config = b""
    if codec == "aac":
        esds = find(moov, entry._replace(begin=entry.begin + _SOUND_HEAD), b"esds")
        config = _aac_config(moov[esds.begin + 4 : esds.end])
    return AudioFormat(codec, told_rate or rate, channels, config)


def _aac_config(descriptors: bytes) -> bytes:
    """Extract the AudioSpecificConfig from the nested ES and decoder descriptors."""
    stream = _descriptor(descriptors, 3)
    decoder = _descriptor(stream[3:], 4)
    if _byte(decoder, 0) != 0x40:
        raise ValueError("sound that is not AAC")
    return _descriptor(decoder[13:], 5)


def _descriptor(data: bytes, tag: int) -> bytes:
    if _byte(data, 0) != tag:
        raise ValueError("the description of the sound is damaged")
    size, at = 0, 1
    while _byte(data, at) & 0x80 and at < 4:
        size, at = (size | data[at] & 0x7F) << 7, at + 1
    size |= data[at] & 0x7F
    if at + 1 + size > len(data):
        raise ValueError("the description of the sound is cut off")
    return data[at + 1 : at + 1 + size]

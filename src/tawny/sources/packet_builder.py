"""Builds packets from access units: splits streams, detects decodable keyframes and tracks parameter sets."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tawny.media.codec.nal import H264_PPS, H265_PPS, is_keyframe, join_lengths, nal_type, parameter_sets
from tawny.media.codec.parameter_sets import same_picture, video_format
from tawny.media.codec.sps import ANY, Bits, unescaped
from tawny.model.packets import AudioFormat, SourcePacket, VideoCodec, VideoFormat

# Slice header parsing, sufficient to distinguish slices from random bytes.

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


_MOST_LOOSE = 16
_SHORT_BYTES = 4


class UnitInspection(NamedTuple):
    """The format that decodes a unit, and whether decoding can begin with it."""

    format: VideoFormat
    is_keyframe: bool


class PacketBuilder:
    """One video stream. Uses the `announced` parameter sets until the stream sends its own, which take precedence."""

    def __init__(self, codec: VideoCodec, announced: Iterable[bytes] = ()) -> None:
        self._codec = codec
        self._sets: tuple[bytes, ...] = ()
        self._newest: VideoFormat | None = None
        """Format of a keyframe arriving now; None without a valid parameter set."""
        self._given: VideoFormat | None = None
        self._pps_ids: frozenset[int] = frozenset()
        self.senseless = 0
        """Number of units dropped because they cannot be pictures of this stream."""
        self._learn(parameter_sets(codec, announced))

    @property
    def format(self) -> VideoFormat | None:
        """Format of the last packet."""
        return self._given

    @property
    def is_ready(self) -> bool:
        """Whether a keyframe arriving now could be decoded."""
        return self._newest is not None

    def packet(self, nals: Sequence[bytes], pts: int, *, is_whole: bool = True) -> SourcePacket | None:
        """Build a packet from a unit, with the same NAL units in the same order.

        None before the first decodable keyframe, and for data that is no picture. is_whole: False if the unit's start
        is missing; it does not count as keyframe then.
        """
        first_slice = next((nal for nal in nals if is_slice(self._codec, nal)), b"")
        is_key = is_whole and is_keyframe(self._codec, nals)
        look = self.look(parameter_sets(self._codec, nals), first_slice, is_key=is_key)
        return SourcePacket(look.format, join_lengths(nals), pts, look.is_keyframe) if look else None

    def look(self, sets: tuple[bytes, ...], first_slice: bytes, *, is_key: bool) -> UnitInspection | None:
        """Inspect a unit by its parameter sets and the start of its first slice.

        is_key: the unit is complete and of a keyframe type. None if it cannot be decoded.
        """
        if sets and (self._newest is None or sets != self._sets):  # most cameras repeat them with every keyframe
            self._learn(sets)
        if not self._makes_sense(first_slice):
            self.senseless += 1
            return None
        begins = is_key and self._newest is not None
        if begins:
            self._given = self._format_from(sets)
        return UnitInspection(self._given, begins) if self._given is not None else None

    def _learn(self, sets: tuple[bytes, ...]) -> None:
        for tried in (sets, (*self._sets, *sets)):  # a complete set replaces all earlier ones
            try:
                self._newest = video_format(self._codec, tried)
            except ValueError:
                continue
            self._sets = self._newest.parameter_sets
            self._pps_ids |= pps_ids(self._newest)  # keep older ids: not every PPS is repeated with the others
            return
        if self._given is None and self._newest is None:
            self._sets = (*self._sets, *sets)[-_MOST_LOOSE:]  # the missing sets may come in another unit
        self._newest = None

    def _makes_sense(self, first_slice: bytes) -> bool:
        """Return whether the slice refers to a known PPS; random bytes usually do not."""
        if self._newest is None:
            return True  # no PPS is known
        try:
            return bool(first_slice) and _pps_id(self._codec, first_slice) in self._pps_ids
        except ValueError:
            return False

    def _format_from(self, sets: tuple[bytes, ...]) -> VideoFormat | None:
        """Return the format for a keyframe that carries `sets`: the previous one if one file can hold both."""
        old, new = self._given, self._newest
        if old is None or new is None or old == new:
            return old if old == new else new
        changed = set(new.parameter_sets) - set(old.parameter_sets)
        return old if changed <= set(sets) and same_picture(old, new) else new


def _pps_id(codec: VideoCodec, first_slice: bytes) -> int:
    """Return the slice's PPS id. Tries the first bytes first, which repeat often and are cached."""
    try:
        return _short_pps_id(codec, bytes(first_slice[:_SHORT_BYTES]))
    except ValueError:
        return slice_pps_id(codec, first_slice)


@lru_cache(maxsize=1024)
def _short_pps_id(codec: VideoCodec, begins: bytes) -> int:
    return slice_pps_id(codec, begins)


# Splits a stream of H.264 or H.265 in Annex B, which has no framing, into access units.

MOST_PICTURE_BYTES = 8_000_000
_START = b"\0\0\1"
_FIRST = 0x80
_LEADING_H265 = frozenset((*range(32, 36), 39, *range(41, 45), *range(48, 56)))
"""NAL unit types with which an access unit begins: ITU-T H.265, 7.4.2.4.4."""
"""Bit behind a slice's NAL unit header: this is the first slice of the picture."""


class AnnexbPicture(NamedTuple):
    """One access unit.

    data: NAL units with start codes. came_s: arrival time of its first bytes, on the caller's clock.
    """

    data: bytes
    came_s: float


class AnnexbStream:
    """Incremental parser. Returns each access unit when the next one begins."""

    def __init__(self, codec: VideoCodec = "h264") -> None:
        self._codec = codec
        self._header_bytes = 1 if codec == "h264" else 2
        self._data = bytearray()
        self._looked = 0
        self._came_s = 0.0
        self._has_slice = False

    def feed(self, data: bytes, now_s: float) -> list[AnnexbPicture]:
        """Return the completed access units. Raises ValueError for one larger than MOST_PICTURE_BYTES."""
        if not self._data:
            self._came_s = now_s
        self._data += data
        found: list[AnnexbPicture] = []
        at = self._data.find(_START, self._looked)
        while 0 <= at < len(self._data) - 3 - self._header_bytes:
            is_slice, begins = self._look(at + 3)
            if begins and self._has_slice:
                found.append(AnnexbPicture(bytes(self._data[:at]), self._came_s))
                del self._data[:at]
                self._came_s, self._has_slice, at = now_s, False, 0
            self._has_slice |= is_slice
            self._looked = at + 3
            at = self._data.find(_START, self._looked)
        if at < 0:
            self._looked = max(self._looked, len(self._data) - 2)
        if len(self._data) > MOST_PICTURE_BYTES:
            raise ValueError(f"a picture of more than {MOST_PICTURE_BYTES} bytes")
        return found

    def _look(self, at: int) -> tuple[bool, bool]:
        """Return whether the NAL unit is a slice, and whether an access unit begins with it if one has a slice."""
        is_first = bool(self._data[at + self._header_bytes] & _FIRST)
        if self._codec == "h264":
            kind = self._data[at] & 31
            is_slice = kind in (1, 2, 5)
            leads = 6 <= kind <= 9 or 14 <= kind <= 18  # ITU-T H.264, 7.4.1.2.3
        else:
            kind = self._data[at] >> 1 & 63
            is_slice = kind < 32
            leads = kind in _LEADING_H265
        return is_slice, is_first if is_slice else leads


# AAC frames that say themselves what they are, as in MPEG-TS.

_ADTS_BYTES = 7
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def read_adts(data: bytes) -> tuple[AudioFormat, bytes] | None:
    """Return format and content of an AAC frame with an ADTS header (ISO/IEC 13818-7, 6.2); None for anything else."""
    if len(data) <= _ADTS_BYTES or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return None
    profile, rate, channels = data[2] >> 6, data[2] >> 2 & 15, (data[2] & 1) << 2 | data[3] >> 6
    if rate >= len(_RATES) or not channels:
        return None
    config = ((profile + 1) << 11 | rate << 7 | channels << 3).to_bytes(2)
    header_bytes = _ADTS_BYTES if data[1] & 1 else _ADTS_BYTES + 2
    return AudioFormat("aac", _RATES[rate], channels, config), data[header_bytes:]

"""Codec configuration in containers: parameter sets and NAL unit framing of H.264 and H.265."""

from typing import NamedTuple

from tawny.media.codec.nal import split_annexb
from tawny.model.packets import VideoCodec


class CodecSetup(NamedTuple):
    """sets: NAL units. length_bytes: size of the length prefix of NAL units, 1, 2 or 4; 0: start codes."""

    sets: tuple[bytes, ...]
    length_bytes: int


def read_extradata(codec: VideoCodec, extradata: bytes) -> CodecSetup:
    """Parse avcC (ISO/IEC 14496-15, 5.3.3), hvcC (8.3.3) or Annex B. Raises ValueError for anything else."""
    if not extradata or extradata.startswith((b"\0\0\1", b"\0\0\0\1")):
        return CodecSetup(tuple(split_annexb(extradata)), 0)
    try:
        return _avcc(extradata) if codec == "h264" else _hvcc(extradata)
    except IndexError:
        raise ValueError("the track's configuration is cut short") from None


def _avcc(data: bytes) -> CodecSetup:
    at, sets = 5, list[bytes]()
    for mask in (31, 255):  # the SPS count shares its byte with reserved bits
        count = data[at] & mask
        at += 1
        for _ in range(count):
            nal, at = _sized(data, at)
            sets.append(nal)
    return CodecSetup(tuple(sets), (data[4] & 3) + 1)


def _hvcc(data: bytes) -> CodecSetup:
    at, sets = 23, list[bytes]()
    for _ in range(data[22]):
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            nal, at = _sized(data, at)
            sets.append(nal)
    return CodecSetup(tuple(sets), (data[21] & 3) + 1)


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    """Return a NAL unit with a two-byte length prefix, and the offset behind it."""
    begin = at + 2
    end = begin + (data[at] << 8 | data[at + 1])
    if end > len(data) or end == begin:
        raise IndexError
    return data[begin:end], end

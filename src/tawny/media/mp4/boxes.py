"""MP4 box encoding shared by both writers: size, type, content (ISO/IEC 14496-12)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from struct import calcsize, pack, unpack_from
from typing import NamedTuple
from uuid import UUID

from tawny.model.geometry import UPRIGHT, Orientation, orientation_of
from tawny.model.packets import Format, VideoFormat

OURS = UUID("67b0bef6-0a19-4e5a-b495-4848c50cc1ec").bytes
"""Extended type of tawny's boxes: JSON with file metadata (in `moov`) and with the end reason (last in the file)."""

_MATRIX = ">9i"
_UPRIGHT_MATRIX = pack(_MATRIX, *UPRIGHT.matrix(0, 0))
_MATRIX_AT = 40
"""Offset in `tkhd`; with 64-bit times 12 bytes later."""
_UNDETERMINED = 0x55C4
"""Language code `und`."""


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, pack(">I", version << 24 | flags), *parts)


def json_box(about: Mapping[str, object]) -> bytes:
    return box(b"uuid", OURS, json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode())


def movie_header(rate: int, duration: int, next_track: int, created: int = 0) -> bytes:
    """Return `mvhd`. rate: ticks per second of `duration`. created: seconds since 1904, 0 if unknown."""
    last = pack(">IH10x", 0x10000, 0x100) + _UPRIGHT_MATRIX + bytes(24) + pack(">I", next_track)
    return _timed(b"mvhd", 0, created, pack(">I", rate), duration, last)


def track_header(track: int, duration: int, stored: Format, created: int = 0) -> bytes:
    """Return `tkhd`, which states how the video is shown. duration: movie ticks."""
    is_video = isinstance(stored, VideoFormat)
    width, height = (stored.width, stored.height) if isinstance(stored, VideoFormat) else (0, 0)
    orientation = stored.orientation if isinstance(stored, VideoFormat) else UPRIGHT
    matrix = pack(_MATRIX, *orientation.matrix(width, height))
    last = bytes(8) + pack(">HHHH", 0, 0, 0 if is_video else 0x100, 0) + matrix + pack(">II", width << 16, height << 16)
    return _timed(b"tkhd", 3, created, pack(">II", track, 0), duration, last)


def media(rate: int, duration: int, tables: bytes, *, is_video: bool, created: int = 0) -> bytes:
    """Return `mdia`. rate: ticks per second of the track. tables: its `stbl`."""
    return box(
        b"mdia",
        _timed(b"mdhd", 0, created, pack(">I", rate), duration, pack(">HH", _UNDETERMINED, 0)),
        full_box(b"hdlr", 0, 0, pack(">I4s12x", 0, b"vide" if is_video else b"soun"), b"tawny\0"),
        box(
            b"minf",
            full_box(b"vmhd", 0, 1, bytes(8)) if is_video else full_box(b"smhd", 0, 0, bytes(4)),
            box(b"dinf", full_box(b"dref", 0, 0, pack(">I", 1), full_box(b"url ", 0, 1))),
            tables,
        ),
    )


def _timed(kind: bytes, flags: int, created: int, between: bytes, duration: int, last: bytes) -> bytes:
    """Return a header box with times: 32-bit if they fit, otherwise 64-bit."""
    is_long = max(duration, created) >= 1 << 32
    times, length = (
        (pack(">QQ", created, created), pack(">Q", duration))
        if is_long
        else (
            pack(">II", created, created),
            pack(">I", duration),
        )
    )
    return full_box(kind, int(is_long), flags, times, between, length, last)


# In-memory MP4 box parser. Validates every size; raises ValueError for boxes that do not fit.


class BoxContent(NamedTuple):
    """Byte range of a box's content."""

    kind: bytes
    begin: int
    end: int


def boxes(data: bytes, begin: int, end: int) -> Iterator[BoxContent]:
    """Yield the sibling boxes from `begin` to `end`."""
    while begin < end:
        if end - begin < 8:
            raise ValueError("a box is cut off")
        size, kind = unpack_from(">I4s", data, begin)
        head = 8
        if size == 1 and end - begin >= 16:
            (size,) = unpack_from(">Q", data, begin + 8)
            head = 16
        if not head <= size <= end - begin:
            raise ValueError(f"a box says it has {size} bytes, there are {end - begin}")
        yield BoxContent(kind, begin + head, begin + size)
        begin += size


def first(side_by_side: Iterable[BoxContent], kind: bytes) -> BoxContent:
    """Return the first box of this type. Raises ValueError without one."""
    for content in side_by_side:
        if content.kind == kind:
            return content
    raise ValueError(f"there is no {kind.decode('latin-1')} box")


def find(data: bytes, within: BoxContent, *path: bytes) -> BoxContent:
    """Return the first box along a path of types. Raises ValueError if it is missing."""
    for kind in path:
        within = first(boxes(data, within.begin, within.end), kind)
    return within


def numbers(data: bytes, content: BoxContent, shape: str, skip: int = 0) -> tuple[int, ...]:
    """Read big-endian numbers (`struct` letters) at offset `skip` of a box's content.

    Raises ValueError if it is too short.
    """
    shape = ">" + shape
    at = content.begin + skip
    if at + calcsize(shape) > content.end:
        raise ValueError(f"a {content.kind.decode('latin-1')} box is too short")
    return unpack_from(shape, data, at)


def version(data: bytes, content: BoxContent) -> int:
    """Return a full box's version."""
    return numbers(data, content, "B")[0]


def stated_orientation(data: bytes, tkhd: BoxContent) -> Orientation:
    """Return how a track header says that its video is shown."""
    return orientation_of(numbers(data, tkhd, _MATRIX[1:], _MATRIX_AT + 12 * (version(data, tkhd) == 1)))

"""In-memory MP4 box parser. Validates every size; raises ValueError for boxes that do not fit."""

from collections.abc import Iterable, Iterator
from struct import calcsize, unpack_from
from typing import NamedTuple


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

"""Frames of a film that was assembled from recordings: where its header says they are, and what they are made of.

Nothing of the header is believed but places: each frame must be bytes of a recording, in the order of the recordings.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from mmap import mmap
from typing import Final

from tawny.sealed.broken import SealedFileBroken

Part = tuple[str, int, int]
"""Bytes of a film: name of the recording, or "" for bytes of no recording; their place there; their number."""

_HEADER_OF_TAWNY: Final = "its header isn't one that tawny writes"
_ONLY_HERE: Final = b"\0\0\0\0\0\0\0\1\0\0\0\x0curl \0\0\0\1"
"""The data reference of a track whose samples are in the same file."""
_SET_TYPES: Final = frozenset({0x40, 0x42, 0x44})
"""First bytes of the parameter sets of H.265. Those of H.264 have the types 7 and 8."""


def check_frames(film: bytes | mmap, head: int, parts: Sequence[Part]) -> None:
    """Verify the frames of a film. head: size of what is before its parts.

    Raises SealedFileBroken if they aren't frames of recordings, or not in their order.
    """
    if any(type(number) is not int or number < 0 for _, *numbers in parts for number in numbers):
        raise SealedFileBroken("an invalid number")
    begins = list(accumulate((size for *_, size in parts), initial=head))
    last = (0, "", 0)
    for begin, size in _frames(film, head):
        number, at, end = bisect_right(begins, begin) - 1, begin, begin + size
        if 0 <= number < len(parts) - 1 and not parts[number][0]:  # parameter sets, where the video's format changes
            number += 1
            at = begins[number]
            _check_parameter_sets(film[begin:at])
        if not 0 <= number < len(parts) or not parts[number][0] or not at < end <= begins[number + 1]:
            raise SealedFileBroken("it has frames that are of no recording")
        source, there, _ = parts[number]
        place = len(source), source, there + at - begins[number]
        if place <= last:
            raise SealedFileBroken("its frames aren't in the order of the recordings")
        last = place


def _check_parameter_sets(data: bytes) -> None:
    at = 0
    while at < len(data):
        size, first = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 5]
        if not first or (first[0] not in _SET_TYPES and first[0] & 0x1F not in (7, 8)):
            raise SealedFileBroken("it has frames that are of no recording")
        at += 4 + size
    if at != len(data):
        raise SealedFileBroken("it has frames that are of no recording")


def _frames(film: bytes | mmap, head: int) -> Iterator[tuple[int, int]]:
    """Yield place and size of each frame, in decoding order. Raises SealedFileBroken for any other kind of file."""
    boxes = list(_boxes(film, 0, len(film)))
    if [kind for kind, *_ in boxes] != [b"ftyp", b"moov", b"mdat"] or boxes[2][1] != head:
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    tracks = [film[begin:end] for kind, begin, end in _boxes(film, *boxes[1][1:]) if kind == b"trak"]
    video = []
    for media in (_inside(track, b"mdia") for track in tracks):
        handler, info = _inside(media, b"hdlr")[8:12], _inside(media, b"minf")
        if _inside(info, b"dinf", b"dref") != _ONLY_HERE or handler not in (b"vide", b"soun"):
            raise SealedFileBroken(_HEADER_OF_TAWNY)
        if handler == b"vide":
            video.append(_inside(info, b"stbl"))
    if len(video) != 1 or len(tracks) > 2:
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    yield from _samples(video[0])


def _samples(table: bytes) -> Iterator[tuple[int, int]]:
    """Yield place and size of each sample of a track. table: its `stbl`."""
    kinds = [kind for kind, *_ in _boxes(table, 0, len(table))]
    places = _numbers(_inside(table, b"co64"), 8) if b"co64" in kinds else _numbers(_inside(table, b"stco"), 4)
    stored = _inside(table, b"stsz")
    sizes = _numbers(stored[4:], 4)
    rows = _numbers(_inside(table, b"stsc"), 12)  # first chunk, samples in each, description
    firsts = [row >> 64 for row in rows] + [len(places) + 1]
    if any(then <= one for one, then in pairwise(firsts)):
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    counts = [row >> 32 & 0xFFFFFFFF for row in rows]
    in_chunks = [count for (one, then), count in zip(pairwise(firsts), counts, strict=True) for _ in range(then - one)]
    is_whole = sum(in_chunks) == len(sizes) > 0 and len(in_chunks) == len(places) and firsts[0] == 1
    if not is_whole or len(kinds) != len(set(kinds)) or any(stored[4:8]):  # else all have that size
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    left = iter(sizes)
    for place, count in zip(places, in_chunks, strict=True):
        own = list(islice(left, count))
        yield from zip(accumulate(own[:-1], initial=place), own, strict=True)


def _numbers(table: bytes, width: int) -> list[int]:
    """Return the entries of a table: 4 bytes of flags, their number, and the entries."""
    if len(table) != 8 + width * int.from_bytes(table[4:8], "big"):
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    return [int.from_bytes(table[at : at + width], "big") for at in range(8, len(table), width)]


def _inside(data: bytes, *path: bytes) -> bytes:
    """Return the content of the box at this path. Raises SealedFileBroken unless there is exactly one."""
    for kind in path:
        found = [data[begin:end] for name, begin, end in _boxes(data, 0, len(data)) if name == kind]
        if len(found) != 1:
            raise SealedFileBroken(_HEADER_OF_TAWNY)
        data = found[0]
    return data


def _boxes(data: bytes | mmap, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin and end of the content of each box. Raises SealedFileBroken if one is cut off."""
    while at < end:
        size, begin = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, begin = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        if not begin <= at + size <= end:
            raise SealedFileBroken(_HEADER_OF_TAWNY)
        yield bytes(data[at + 4 : at + 8]), begin, at + size
        at += size

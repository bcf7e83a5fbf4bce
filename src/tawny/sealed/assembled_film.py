"""Frames of a film that was assembled from recordings: where its header says they are, and what they are made of.

Nothing of the header is believed but places: each frame must be one of a recording, in the order of the recordings.
Parameter sets may be before it, where the video's format changes.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from mmap import mmap
from typing import Final

from tawny.sealed.broken import SealedFileBroken

Part = tuple[str, int, int]
"""Bytes of a film: name of the recording, or "" for bytes of no recording; their place there; their number."""

_HEADER_OF_TAWNY: Final = "its header isn't one that tawny writes"
_ONLY_HERE: Final = b"\0\0\0\0\0\0\0\1\0\0\0\x0curl \0\0\0\1"
"""The data reference of a track whose samples are in the same file."""
_OF_NO_RECORDING: Final = "it has frames that are of no recording"
_SETS: Final = {
    b"avc1": frozenset(reference << 5 | kind for reference in range(4) for kind in (7, 8)),
    b"hvc1": frozenset({0x40, 0x42, 0x44}),
}
"""First bytes of the parameter sets of each codec. In the other codec they are pictures."""


def check_frames(
    film: bytes | mmap, head: int, parts: Sequence[Part], recording: Callable[[str], bytes | mmap | None]
) -> None:
    """Verify the frames of a film. head: size of what is before its parts. recording: returns one by its name; None if
    it is missing, so that its frames can't be compared.

    Raises SealedFileBroken if they aren't whole frames of recordings, or not in their order.
    """
    if any(type(number) is not int or number < 0 for _, *numbers in parts for number in numbers):
        raise SealedFileBroken("an invalid number")
    begins = list(accumulate((size for *_, size in parts), initial=head))
    table = _table_of_video(film, head)
    codec = _codec(table)
    known: set[tuple[int, int]] | None = None
    last = (0, "", 0)
    for begin, size in _samples(table):
        number, at, end = bisect_right(begins, begin) - 1, begin, begin + size
        if 0 <= number < len(parts) - 1 and not parts[number][0]:  # parameter sets, where the video's format changes
            number += 1
            at = begins[number]
            _check_parameter_sets(film[begin:at], _SETS[codec])
        if not 0 <= number < len(parts) or not parts[number][0] or not at < end <= begins[number + 1]:
            raise SealedFileBroken(_OF_NO_RECORDING)
        source, there, _ = parts[number]
        place = len(source), source, there + at - begins[number]
        if place <= last:
            raise SealedFileBroken("its frames aren't in the order of the recordings")
        if source != last[1]:  # one after the other, as all of them would not fit into memory
            data = recording(source)
            known = None if data is None else _frames_of(data, codec)
        if known is not None and (place[2], end - at) not in known:
            raise SealedFileBroken(_OF_NO_RECORDING)
        last = place


def _check_parameter_sets(data: bytes, types: frozenset[int]) -> None:
    at = 0
    while at < len(data):
        size, first = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 5]
        if not first or first[0] not in types:
            raise SealedFileBroken(_OF_NO_RECORDING)
        at += 4 + size
    if at != len(data):
        raise SealedFileBroken(_OF_NO_RECORDING)


def _frames_of(recording: bytes | mmap, codec: bytes) -> set[tuple[int, int]]:
    """Return place and size of each frame of a recording. Raises SealedFileBroken if its video has another codec."""
    found, track = set[tuple[int, int]](), b""
    for kind, begin, end in _boxes(recording, 0, len(recording)):
        if kind == b"moov":
            header, media = _video_track(recording[begin:end])
            track = header[12:16]
            if _codec(_inside(media, b"minf", b"stbl")) != codec:
                raise SealedFileBroken("its video isn't of the codec of the recordings")
        elif kind == b"moof":
            for name, at, to in _boxes(recording, begin, end):
                if name == b"traf" and _inside(recording[at:to], b"tfhd")[4:8] == track:
                    found.update(_run(_inside(recording[at:to], b"trun"), begin - 8))
    return found


def _run(table: bytes, moof_at: int) -> Iterator[tuple[int, int]]:
    """Yield place and size of each frame of a fragment. table: its `trun`, which has a place and sizes."""
    flags, place = int.from_bytes(table[1:4], "big"), moof_at + int.from_bytes(table[8:12], "big")
    before, width = 4 * (flags >> 8 & 1), 4 * (flags >> 8 & 0xF).bit_count()
    if flags & 0x205 != 0x201 or len(table) != 12 + width * int.from_bytes(table[4:8], "big"):
        raise SealedFileBroken("a recording isn't one that tawny writes")
    for at in range(12 + before, len(table), width):
        size = int.from_bytes(table[at : at + 4], "big")
        yield place, size
        place += size


def _codec(table: bytes) -> bytes:
    """Return the type of the only sample description in a `stbl`."""
    described = _inside(table, b"stsd")
    if described[4:8] != b"\0\0\0\1" or described[12:16] not in _SETS:
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    return described[12:16]


def _table_of_video(film: bytes | mmap, head: int) -> bytes:
    """Return the `stbl` of the video. Raises SealedFileBroken for any other kind of file than tawny writes."""
    boxes = list(_boxes(film, 0, len(film)))
    if [kind for kind, *_ in boxes] != [b"ftyp", b"moov", b"mdat"] or boxes[2][1] != head:
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    _, media = _video_track(film[boxes[1][1] : boxes[1][2]])
    return _inside(media, b"minf", b"stbl")


def _video_track(movie: bytes) -> tuple[bytes, bytes]:
    """Return `tkhd` and `mdia` of the only video track in a `moov`."""
    tracks = [movie[begin:end] for kind, begin, end in _boxes(movie, 0, len(movie)) if kind == b"trak"]
    video = []
    for track in tracks:
        media = _inside(track, b"mdia")
        handler = _inside(media, b"hdlr")[8:12]
        if _inside(media, b"minf", b"dinf", b"dref") != _ONLY_HERE or handler not in (b"vide", b"soun"):
            raise SealedFileBroken(_HEADER_OF_TAWNY)
        if handler == b"vide":
            video.append((_inside(track, b"tkhd"), media))
    if len(video) != 1 or len(tracks) > 2:
        raise SealedFileBroken(_HEADER_OF_TAWNY)
    return video[0]


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

"""Thinning of a sealed file: removes data between keyframes. Needs no key; digest and signature stay valid."""

from collections.abc import Iterator
from typing import Final

from tawny.sealed.file_reader import ByteSource, FileScan
from tawny.sealed.records import MAY_BE_EMPTIED, emptied

_PIECE_BYTES: Final = 1 << 20


def thin_file(file: FileScan) -> Iterator[bytes]:
    """Yield the new file in chunks, up to the complete part of the old one."""
    source = file.source
    begin = file.records[0].at if file.records else file.good_bytes
    yield from _copied(source, 0, begin)
    for record in file.records:
        if record.type in MAY_BE_EMPTIED and not record.is_emptied:
            yield emptied(record)
        else:
            yield from _copied(source, record.at, record.end)
    if file.records:
        yield from _copied(source, file.records[-1].end, file.good_bytes)


def can_be_thinned(file: FileScan) -> bool:
    """Return whether there is data to remove, and data that remains."""
    kept = any(record.type not in MAY_BE_EMPTIED for record in file.fragments)
    return kept and any(record.type in MAY_BE_EMPTIED and not record.is_emptied for record in file.records)


def _copied(source: ByteSource, begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, _PIECE_BYTES):
        yield source.read(at, min(_PIECE_BYTES, end - at))

"""Recordings of an archive sealed, as a recorder would have written them."""

from collections.abc import Sequence
from dataclasses import replace

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.segments import Segment
from tawny.sealed.header import SealedFileKind, SealedHeader
from tawny.sealed.key_wrapping import area_bytes, wrap
from tawny.sealed.keys import EpochKey
from tawny.sealed.records import BLOB, KEY
from tawny.sealed.sealer import Sealer, new_salt
from tests.playback.archives import FakeArchive


def sealer(recipients: Sequence[str], start_ms: int, kind: SealedFileKind = SealedFileKind.SEGMENT) -> Sealer:
    epoch = EpochKey(start_ms)
    wrapped = wrap(epoch.first(), recipients)
    commit, (key, step) = epoch.commit, epoch.next()
    stream = 0 if kind is SealedFileKind.SEGMENT else 255
    header = SealedHeader(
        kind, stream, 0, area_bytes(wrapped), bytes(16), bytes(16), start_ms, step, 0, start_ms, 1, commit,
        new_salt(), bytes(32),
    )  # fmt: skip
    return Sealer(header, key, wrapped)


def sealed(archive: FakeArchive, segment: Segment, recipients: Sequence[str], *, fragments: int = 1000) -> Segment:
    """The same segment with its file sealed instead. fragments: so many at most; then it goes without an end."""
    stored = archive.segment_path(segment)
    data, read = stored.read_bytes(), read_segment(stored)
    made = sealer(recipients, segment.start_ms)
    begins = [one.offset for one in read.fragments]
    ends = [*begins[1:], read.fragments[-1].offset + read.fragments[-1].size]
    parts = made.begin({"camera": segment.camera}, data[: read.init_bytes])
    for fragment, end in list(zip(read.fragments, ends, strict=True))[:fragments]:
        parts += made.record(KEY, fragment.start_ticks // 90, [data[fragment.offset : end]])
    if read.end is not None and len(begins) <= fragments:
        parts += made.end(0, segment.end_ms - segment.start_ms, read.end)
    text = replace(segment, path=segment.path.replace(".mp4", ".tws"))
    archive.segment_path(text).write_bytes(b"".join(parts))
    stored.unlink()
    if segment in archive.still_open:
        archive.still_open[archive.still_open.index(segment)] = text
    else:
        archive.index.drop_segments([segment])
        archive.index.add_segment(text)
    return text


def sealed_jpeg(recipients: Sequence[str], at_ms: int, jpeg: bytes) -> bytes:
    made = sealer(recipients, at_ms, SealedFileKind.PICTURE)
    return b"".join([*made.begin({"camera": "porch"}), *made.record(BLOB, 0, [jpeg]), *made.end(0, 0, {})])

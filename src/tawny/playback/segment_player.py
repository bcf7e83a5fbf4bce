"""Playback of one segment in a browser: its header and its stored fragments from a keyframe on.

Only G.711 audio is transcoded, to AAC. A segment still being written is sent as far as it goes. Blocking; run in a
thread.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tawny.media.audio import Soundtrack, soundtrack
from tawny.media.codec.parameter_sets import codec_string
from tawny.media.mp4.byte_reader import open_stored, read_chunks
from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import fragment, init_segment
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, read_segment, samples
from tawny.model.errors import FileDamaged, StorageError
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.playback.recordings import RecordingArchive, closed_since

USUAL_TICKS = VIDEO_RATE // 15


@dataclass(frozen=True, slots=True)
class SegmentPlayback:
    """Playback of a segment. start_ms: media time 0, the segment's start wherever the data begins, ms UTC."""

    start_ms: int
    codecs: str
    size_bytes: int | None
    """None if unknown in advance."""
    data: Iterator[bytes]


def reread_segment(archive: RecordingArchive, segment: Segment) -> SegmentReader:
    """Return the segment's file, even if it was closed and renamed since the lookup."""
    try:
        return read_segment(archive.segment_path(segment))
    except FileDamaged:
        raise
    except StorageError:
        closed = closed_since(archive, segment)
        if closed is None:
            raise
        return read_segment(closed)


@contextmanager
def _held(archive: RecordingArchive, segment: Segment) -> Iterator[int]:
    """Keep the segment's file open: it may be closed and renamed during a slow transfer."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_stored(archive.segment_path(segment)))
        except StorageError:
            closed = closed_since(archive, segment)
            if closed is None:
                raise
            file = stack.enter_context(open_stored(closed))
        yield file


def play(archive: RecordingArchive, segment: Segment, from_ms: int) -> SegmentPlayback:
    """Return the data from the keyframe at or before an instant to the end.

    Raises FileDamaged: if nothing is playable.
    """
    file = reread_segment(archive, segment)
    fragments = fragments_from(file, (from_ms - segment.start_ms) * 90)
    if not fragments:
        raise FileDamaged(str(file.path), "it has no picture to begin with")
    if file.audio is None or file.audio.codec == "aac":
        return _as_it_lies(archive, segment, file, fragments)
    return _with_aac(archive, segment, file, fragments, soundtrack(file.audio))


def fragments_from(file: SegmentReader, ticks: int) -> list[StoredFragment]:
    """Return the fragments from the last keyframe at or before this time, or from the first keyframe."""
    begins = [number for number, one in enumerate(file.fragments) if one.is_keyframe]
    before = [number for number in begins if file.fragments[number].start_ticks <= ticks]
    return file.fragments[(before[-1] if before else begins[0]) :] if begins else []


def _as_it_lies(
    archive: RecordingArchive, segment: Segment, file: SegmentReader, fragments: Sequence[StoredFragment]
) -> SegmentPlayback:
    begin, end = fragments[0].offset, fragments[-1].offset + fragments[-1].size

    def data() -> Iterator[bytes]:
        with _held(archive, segment) as held:
            head = b"".join(read_chunks(file.path, held, 0, file.init_bytes))
            for piece in read_chunks(file.path, held, begin, end):
                yield head + piece  # send the first frame together with the header it needs
                head = b""

    codecs = ",".join(codec_string(track) for track in (file.video, file.audio) if track)
    return SegmentPlayback(segment.start_ms, codecs, file.init_bytes + end - begin, data())


def _with_aac(
    archive: RecordingArchive,
    segment: Segment,
    file: SegmentReader,
    fragments: Sequence[StoredFragment],
    sound: Soundtrack | None,
) -> SegmentPlayback:
    codecs = ",".join(codec_string(track) for track in (file.video, sound and sound.format) if track)

    def data() -> Iterator[bytes]:
        with _held(archive, segment) as held:
            yield from made(replace(file, path=Path(f"/dev/fd/{held}")))

    def made(file: SegmentReader) -> Iterator[bytes]:
        yield init_segment(file.video, sound.format if sound else None)
        times = FileDecodeTimes(0, USUAL_TICKS)
        for number, one in enumerate(fragments, 1):
            stored = list(samples(file, [one]))
            following = fragments[number].start_ticks if number < len(fragments) else None
            base, pictures = times.samples([sample for sample in stored if sample.is_video], following)
            if sound:
                for sample in stored:
                    if not sample.is_video:
                        sound.add(sample.data, sample.pts)
                if following is None:
                    sound.finish()
            heard = sound.take() if sound else []
            yield b"".join(fragment(number, pictures, heard, base, heard[0].pts if heard else 0))

    return SegmentPlayback(segment.start_ms, codecs, None, data())

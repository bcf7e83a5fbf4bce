"""Playback of one segment in a browser: its header and its stored fragments from a keyframe on.

Only G.711 audio is transcoded, to AAC. A segment still being written is sent as far as it goes. Blocking; run in a
thread.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from tawny.media.audio import Soundtrack, soundtrack
from tawny.media.codec.parameter_sets import codec_strings
from tawny.media.mp4.byte_reader import StoredFile, open_stored, read_chunks
from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import fragment, init_segment
from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, places, read_segment, samples
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
def _held(archive: RecordingArchive, segment: Segment) -> Iterator[StoredFile]:
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
    return _played(archive, segment, file, fragments)


def play_fragments(archive: RecordingArchive, segment: Segment, first: int, count: int) -> SegmentPlayback:
    """Return the data of some fragments, by their numbers. Raises FileDamaged: if nothing is playable."""
    file = reread_segment(archive, segment)
    return _played(archive, segment, file, file.fragments[first : first + count])


def _played(
    archive: RecordingArchive, segment: Segment, file: SegmentReader, fragments: Sequence[StoredFragment]
) -> SegmentPlayback:
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


def keyframe_before(archive: RecordingArchive, segment: Segment, at_ms: int) -> int:
    """Return the last keyframe of a segment at or before an instant, ms UTC; else the segment's start."""
    before = [one for one in _keyframes(archive, segment, at_ms) if one <= at_ms]
    return max(before, default=segment.start_ms)


def keyframe_after(archive: RecordingArchive, segment: Segment, at_ms: int) -> int | None:
    """Return the first keyframe of a segment at or after an instant, ms UTC rounded down; None if it has none yet."""
    return min((one for one in _keyframes(archive, segment, at_ms) if one >= at_ms), default=None)


def _keyframes(archive: RecordingArchive, segment: Segment, at_ms: int) -> list[int]:
    """Return the keyframes around an instant, ms UTC."""
    file = reread_segment(archive, segment)
    ticks = (at_ms - segment.start_ms) * VIDEO_RATE // 1000
    near = [one for one in fragments_from(file, ticks) if one.is_keyframe]
    following = [one for one in near if one.start_ticks > ticks][:1]
    upto = following[0].start_ticks if following else None
    chosen = [one for one in near if upto is None or one.start_ticks <= upto]
    return [
        segment.start_ms + place.pts * 1000 // VIDEO_RATE
        for place in places(file, chosen)
        if place.is_video and place.is_keyframe
    ]


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

    codecs = codec_strings(file.video, file.audio)
    return SegmentPlayback(segment.start_ms, codecs, file.init_bytes + end - begin, data())


def _with_aac(
    archive: RecordingArchive,
    segment: Segment,
    file: SegmentReader,
    fragments: Sequence[StoredFragment],
    sound: Soundtrack | None,
) -> SegmentPlayback:
    codecs = codec_strings(file.video, sound.format if sound else None)

    def data() -> Iterator[bytes]:
        with _held(archive, segment) as held:
            yield from made(replace(file, path=held.again))

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

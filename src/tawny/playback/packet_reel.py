"""Stored recordings of a camera as packets from an instant on, across segments and gaps.

Starts at the keyframe at or before the instant, skips gaps and unreadable data, and follows a segment that is still
being written. Blocking; one thread at a time.
"""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from tawny.media.mp4.segment_reader import SegmentReader, StoredFragment, StoredSample, places, read_bytes, samples
from tawny.model.errors import FileSealed, StorageError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import VIDEO_RATE, Format, Packet, VideoCodec
from tawny.model.segments import NotCarried, ReelPiece, Segment, SkippedTime
from tawny.model.times import Span
from tawny.playback.recordings import JOIN_MS, PlayableRun, RecordingArchive, run_from
from tawny.playback.segment_player import fragments_from, reread_segment
from tawny.storage.disk.layout import is_open

_EDGE_MS = 3_000
_CODECS = {"avc1": "h264", "avc3": "h264", "hvc1": "h265", "hev1": "h265"}


class PacketReel:
    """Reads packets in order.

    stream: preferred; the other is used where this one has no recording in the codec. sparse_ms: keyframes only, at
    least this far apart; 0: all packets.
    """

    def __init__(
        self,
        archive: RecordingArchive,
        camera: CameraId,
        stream: StreamName,
        at_ms: int,
        *,
        codec: VideoCodec,
        sparse_ms: int = 0,
    ) -> None:
        self._archive, self._camera, self._codec, self._sparse_ms = archive, camera, codec, sparse_ms
        self._streams = (stream, *(other for other in StreamName if other is not stream))
        self._at_ms = at_ms
        """Everything up to this time, ms UTC, was returned or does not exist."""
        self._segment: Segment | None = None
        self._file: SegmentReader | None = None
        self._last: Segment | None = None
        self._read_bytes = 0
        self._left: deque[StoredFragment] = deque()
        self._coming: deque[Segment] = deque()
        self._number = self._next_sparse_ms = 0

    def next(self) -> ReelPiece | None:
        """Return the next packets, or None if nothing more is recorded yet.

        Raises NotCarried: if the recording cannot be sent on this connection; StorageError: if the index cannot be
        read.
        """
        skipped: SkippedTime | None = None
        while True:
            while self._left:
                packets = self._packets(self._left[0])
                self._left.popleft()
                if packets:
                    return ReelPiece(packets, skipped)
            if self._has_grown():
                continue
            if not self._coming:
                found = self._run()
                self._coming.extend(self._fresh(found))
                if not self._coming:
                    if found.next_ms is None or found.next_ms <= self._at_ms:
                        return None
                    skipped = self._pass_over(found.next_ms, skipped)
                    continue
                if self._would_change_at_the_edge(self._coming[0]):
                    self._coming.clear()
                    return None
            self._begin(self._coming.popleft())

    def _run(self) -> PlayableRun:
        """Return the recording from here of the first stream that can be sent."""
        codec = ""
        for stream in self._streams:
            found = run_from(self._archive, self._camera, stream, self._at_ms)
            fresh = self._fresh(found)
            if not fresh or _codec(fresh[0]) == self._codec:
                return found
            codec = codec or _codec(fresh[0]) or "another codec"
        raise NotCarried(f"This recording is {codec.upper()}, which this connection can't carry.")

    def _fresh(self, found: PlayableRun) -> list[Segment]:
        return [one for one in found.segments if self._last is None or one.id != self._last.id]

    def _would_change_at_the_edge(self, coming: Segment) -> bool:
        """Return whether the current stream will continue in a moment and its next segment is not indexed yet."""
        if self._last is None or coming.stream is self._last.stream:
            return False
        ends_ms = [one.end_ms for one in self._archive.open_segments(self._camera)]
        return max(ends_ms, default=0) - self._at_ms < _EDGE_MS

    def _pass_over(self, next_ms: int, before: SkippedTime | None) -> SkippedTime | None:
        begin_ms = before.span.begin_ms if before else self._at_ms
        self._at_ms = next_ms
        if next_ms - begin_ms <= JOIN_MS:
            return before
        gaps = self._archive.index.gaps(self._camera, Span(begin_ms, next_ms))
        return SkippedTime(Span(begin_ms, next_ms), gaps[0].reason if gaps else None)

    def _begin(self, segment: Segment) -> None:
        if _codec(segment) != self._codec:  # another stream may be usable from here
            self._coming.clear()
            self._at_ms = max(self._at_ms, segment.start_ms)
            return
        self._segment = self._last = segment
        self._file = None
        try:
            self._file = reread_segment(self._archive, segment)
        except FileSealed:
            self._coming.clear()
            raise NotCarried("This recording is encrypted. Unlock it to watch.") from None
        except StorageError:
            self._over(segment)  # `tawny check` reports it
            return
        self._take(fragments_from(self._file, (self._at_ms - segment.start_ms) * VIDEO_RATE // 1000))

    def _has_grown(self) -> bool:
        """Return whether the current segment has new data. Finishes a segment that gets no more."""
        segment, file = self._segment, self._file
        if segment is None or file is None:
            return False
        if is_open(segment) and file.end is None:
            was_open = segment.id in {one.id for one in self._archive.open_segments(self._camera)}
            try:
                self._file = file = reread_segment(self._archive, segment)
            except StorageError:
                was_open = False
            else:
                self._take([one for one in file.fragments if one.offset >= self._read_bytes])
            if self._left or (was_open and file.end is None):
                return bool(self._left)
        self._over(segment)
        return False

    def _over(self, segment: Segment) -> None:
        seen_ms = segment.start_ms + self._file.duration_ticks * 1000 // VIDEO_RATE if self._file else 0
        self._at_ms = max(self._at_ms, segment.end_ms, seen_ms)
        self._segment = self._file = None

    def _take(self, found: list[StoredFragment]) -> None:
        self._left.extend(found)
        if found:
            self._read_bytes = found[-1].offset + found[-1].size

    def _packets(self, fragment: StoredFragment) -> list[Packet]:
        assert self._file is not None
        assert self._segment is not None
        try:
            stored = list(self._sparse(fragment) if self._sparse_ms else samples(self._file, [fragment]))
        except StorageError:
            return []
        shown = [sample.pts for sample in stored if sample.is_video]
        if any(later < earlier for earlier, later in pairwise(shown)):
            raise NotCarried("This connection can't carry this recording's video (it uses B-frames).")
        made = [self._packet(sample, self._segment) for sample in stored]
        self._at_ms = max([self._at_ms, *(packet.at_ms for packet in made)])
        return sorted(made, key=lambda packet: (packet.at_ms, not packet.is_video))

    def _packet(self, sample: StoredSample, segment: Segment) -> Packet:
        assert self._file is not None
        track: Format | None = self._file.video if sample.is_video else self._file.audio
        assert track is not None
        self._number += 1
        at_ms = segment.start_ms + sample.pts * 1000 // track.rate
        return Packet(RunId(segment.id), self._number, track, sample.data, sample.pts, at_ms, sample.is_keyframe)

    def _sparse(self, fragment: StoredFragment) -> Iterator[StoredSample]:
        assert self._file is not None
        assert self._segment is not None
        for place in places(self._file, [fragment]):
            at_ms = self._segment.start_ms + place.pts * 1000 // VIDEO_RATE
            if place.is_keyframe and at_ms >= self._next_sparse_ms:
                self._next_sparse_ms = at_ms + self._sparse_ms
                data = b"".join(read_bytes(self._file.path, place.offset, place.offset + place.size))
                yield StoredSample(data, place.pts, place.duration, is_keyframe=True, is_video=True)


def _codec(segment: Segment) -> str:
    """Return `h264` or `h265`, or an empty string if unknown."""
    return _CODECS.get(segment.video.partition(".")[0], "")

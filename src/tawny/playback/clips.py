"""Clips: an ordinary MP4 file of a span of time, cut from segments without re-encoding and without writing anything.

The size is known at once and any range can be read, so a player can jump in it. Only G.711 sound is encoded, up to an
hour of it. Blocking; run it in a thread.
"""

import hashlib
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tawny.media.audio.soundtrack import soundtrack
from tawny.media.mp4.progressive import ClipSamples as Cut
from tawny.media.mp4.progressive import ClipSoundtrack, ProgressiveMp4, SegmentPart, cut_clip
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.polygon import Polygon
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.exact_start import ExactStart, begun_exactly
from tawny.playback.masked_transcode import covered_file
from tawny.playback.recordings import RecordingArchive
from tawny.playback.segment_lookup import closed_since, segments
from tawny.storage.disk.layout import is_open

MOST_KEPT = 4
MOST_SOUND_S = 3600.0
"""G.711 in longer clips is left out: encoding it would take too long before the first byte."""


MOST_COVERED_S = 300.0
"""Of a camera with parts that nobody is to see: all of it is decoded, encoded anew, and held in memory."""


class ClipTooLarge(Exception):
    """The clip would have more bytes than allowed."""


class ClipTooLongToMask(ClipTooLarge):
    """It would have to be encoded anew, and is longer than `MOST_COVERED_S`."""


@dataclass(frozen=True, slots=True)
class ClipFile:
    """start_ms: UTC of its time 0. cut_at_ms: where it ends early because the camera's picture became another there.

    anew: how many pictures were encoded anew. is_exact: nothing from before its begin is in it; otherwise players are
    told not to show that.
    """

    file: ProgressiveMp4
    start_ms: int
    etag: str
    cut_at_ms: int | None
    anew: int = 0
    is_exact: bool = False

    @property
    def size_bytes(self) -> int:
        return self.file.size_bytes

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        return self.file.read(begin, end)


class ClipCache:
    """Makes clips and keeps the last few: a player asks for many ranges of one."""

    def __init__(self, archive: RecordingArchive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Span, tuple[Segment, ...], tuple[Polygon, ...], bool, bool], ClipFile] = (
            OrderedDict()
        )

    def clip(
        self,
        camera: CameraId,
        stream: StreamName,
        span: Span,
        most_bytes: int,
        *,
        with_sound: bool = True,
        exact: bool = False,
    ) -> ClipFile | None:
        """From the span's begin, or the first keyframe after it, to its end; None if nothing is recorded in it.

        Of the other stream where there is nothing of this one. What nobody is to see is black: then it is encoded anew.
        exact: so is what comes before its first keyframe, where that can be; then it has nothing from before its begin.
        Raises TooLarge.
        """
        for name in (stream, *(other for other in StreamName if other is not stream)):
            found = segments(self._archive, camera, name, span)
            if sum(segment.size_bytes for segment in found) > most_bytes:
                raise ClipTooLarge
            private = self._archive.private(camera)
            if found and private and span.seconds > MOST_COVERED_S:
                raise ClipTooLongToMask
            made = self._made(span, found, private, with_sound=with_sound, exact=exact) if found else None
            if made:
                return made
        return None

    def _made(
        self, span: Span, found: list[Segment], private: tuple[Polygon, ...], *, with_sound: bool, exact: bool
    ) -> ClipFile | None:
        key = span, tuple(replace(segment, path="") for segment in found), private, with_sound, exact
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            made = self._cut(span, found, private, with_sound=with_sound, exact=exact)
        except ValueError:
            return None  # nothing in it can be shown
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def _cut(
        self, span: Span, found: Sequence[Segment], private: Sequence[Polygon], *, with_sound: bool, exact: bool
    ) -> ClipFile:
        begun = ExactStart([], 0, is_exact=False)
        with ExitStack() as held:
            pieces = [_piece(span, segment, self._path(segment, held)) for segment in found]
            if private:
                pieces = [_covered(piece, private, held) for piece in pieces]
            if exact:
                begun = begun_exactly(pieces[0], held)
                pieces = [*begun.pieces, *pieces[1:]]
            whole = cut_clip(pieces)
            file = as_file(whole, with_sound=with_sound)
            weakref.finalize(file, held.pop_all().close)
        etag = hashlib.blake2s(file.header, digest_size=12).hexdigest()
        cut_at_ms = whole.left_out[0].start_ms if whole.left_out else None
        return ClipFile(file, whole.begin_ms, f'"{etag}"', cut_at_ms, begun.anew, begun.is_exact)

    def _path(self, segment: Segment, held: ExitStack) -> Path:
        """Where to read it. What is still being written is opened now: when it closes, it gets another name. So is what
        is in memory: where it was, something else may be once it is removed."""
        path = self._archive.segment_path(segment)
        if not is_open(segment) and not path.is_relative_to("/proc"):
            return path
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return closed_since(self._archive, segment) or path
        except OSError as error:
            raise StorageError(str(path), error.strerror or str(error)) from error
        held.callback(os.close, opened)
        return Path(f"/dev/fd/{opened}")


def as_file(whole: Cut, *, with_sound: bool) -> ProgressiveMp4:
    """With sound that players can play, or none."""
    sound = _sound(whole) if with_sound else None
    return ProgressiveMp4(whole, sound, is_silent=not with_sound or _is_mute(whole))


def _piece(span: Span, segment: Segment, path: Path) -> SegmentPart:
    begin_ticks = max(0, (span.begin_ms - segment.start_ms) * 90)
    end_ticks = (span.end_ms - segment.start_ms) * 90 if span.end_ms < segment.end_ms else None
    return SegmentPart(path, segment.start_ms, begin_ticks, end_ticks)


def _covered(piece: SegmentPart, private: Sequence[Polygon], held: ExitStack) -> SegmentPart:
    made = covered_file(piece.path, piece.begin_ticks, piece.end_ticks, private)
    held.callback(made.close)
    return replace(piece, path=Path(f"/dev/fd/{made.fileno()}"))


def _is_mute(whole: Cut) -> bool:
    return whole.audio is not None and whole.audio.codec != "aac" and whole.end_ticks / 90_000 > MOST_SOUND_S


def _sound(whole: Cut) -> ClipSoundtrack | None:
    """AAC in place of G.711; None where the stored sound is good as it is, or there is none."""
    if whole.audio is None or whole.audio.codec == "aac" or _is_mute(whole):
        return None
    track = soundtrack(whole.audio)
    if track is None:
        return None
    for sample in whole.sound():
        track.add(bytes(sample.data), sample.pts)
    track.finish()
    made = track.take()
    return ClipSoundtrack(track.format, made) if made else None

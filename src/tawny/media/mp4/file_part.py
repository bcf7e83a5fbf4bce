"""Extracts part of any video file to a new MP4 without re-encoding.

The part begins at a keyframe. In exact mode, an edit list hides the frames before the requested time; players follow
it. Stateless; call from any thread.
"""

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from tawny.media.codec.decoder import ContinuedTimes
from tawny.media.codec.demuxer import FILE_OPTIONS, source_error
from tawny.model.errors import SourceError, SourceUnusable

_SAME_S = 0.002
"""Maximum difference of two times of the same frame, s."""


def copy_part(
    path: Path,
    out: Path,
    begin_s: float,
    end_s: float,
    *,
    exact: bool = False,
    source: Callable[[], IO[bytes]] | None = None,
    keyframe_s: float | None = None,
) -> float:
    """Copy from the keyframe at or before begin_s up to the first keyframe at or after end_s. Return the start time.

    exact: display nothing before begin_s, nor from end_s on. source: returns a file object to read instead of `path`.
    Times are seconds since the file's start.
    keyframe_s: time of the keyframe to copy from, in a file whose times begin again within it (`FileVideo.can_seek`):
    it is read from its beginning, and its times go on.
    Raises SourceError if the file cannot be read or its video does not fit into MP4; OSError on disk errors.
    """
    failed: SourceError
    try:
        opened = av.open(f"file:{path}" if source is None else source(), "r", options=dict(FILE_OPTIONS))
    except av.error.FFmpegError as error:
        failed = source_error(error, str(path), 0.0)
    else:
        with opened:
            if not opened.streams.video:
                raise SourceUnusable(str(path), "the file holds no video")
            with out.open("wb"):
                pass  # so that an error of the folder is not taken for one of the video
            try:
                with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as made:
                    return _copy(opened, made, begin_s, end_s, exact=exact, keyframe_s=keyframe_s)
            except (av.error.FFmpegError, ValueError) as error:
                failed = _not_copied(error, path, out)
    raise failed


def _not_copied(error: Exception, path: Path, out: Path) -> SourceError:
    """Return why the video does not fit. Raises OSError on disk errors."""
    first = error.__context__ if isinstance(error.__context__, av.error.FFmpegError) else error  # closing failed, too
    if isinstance(first, OSError) and first.errno != errno.EPERM:  # FFmpeg's number for what MP4 can't hold
        raise OSError(first.errno, first.strerror, str(out)) from error
    why = first.strerror if isinstance(first, av.error.FFmpegError) else str(first)
    return SourceUnusable(str(path), f"MP4 can't hold its video ({why})")


def _copy(
    source: InputContainer,
    made: OutputContainer,
    begin_s: float,
    end_s: float,
    *,
    exact: bool,
    keyframe_s: float | None,
) -> float:
    video = source.streams.video[0]
    sound = [one for one in source.streams.audio if one.codec_context.name in ("aac", "mp3", "ac3", "opus")][:1]
    copies: dict[int, Stream] = {one.index: made.add_stream_from_template(one) for one in (video, *sound)}
    zero_s = float((video.start_time or 0) * (video.time_base or 0))
    frame_s = float(1 / video.average_rate) if video.average_rate else 0.0
    times = {one.index: ContinuedTimes(float(one.time_base or 0), frame_s) for one in (video, *sound)}
    if video.time_base and keyframe_s is None:
        source.seek(round((begin_s + zero_s) / video.time_base), stream=video)
    from_s: float | None = None
    zero_at_s = 0.0
    for packet in source.demux([video, *sound]):
        if not packet.size or packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        times[packet.stream_index].apply(packet)
        at_s = float(packet.pts * packet.time_base)
        if packet.stream_index == video.index:
            is_over = at_s >= end_s + zero_s and from_s is not None
            if is_over and (packet.is_keyframe or (exact and packet.dts * packet.time_base >= end_s + zero_s)):
                break
            if from_s is None:
                if not packet.is_keyframe or (keyframe_s is not None and at_s < keyframe_s + zero_s - _SAME_S):
                    continue
                from_s = at_s
                zero_at_s = max(from_s, begin_s + zero_s) if exact else from_s
        if from_s is None or at_s < from_s or (exact and packet.stream_index != video.index and at_s < zero_at_s):
            continue
        if exact and packet.stream_index != video.index and at_s >= end_s + zero_s:
            continue
        shift = round(zero_at_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = copies[packet.stream_index]
        made.mux(packet)
    return (zero_at_s if from_s is not None else zero_s) - zero_s


# A file that is read by ranges, such as a virtual MP4 (`media.mp4.progressive`), as a file object. Not thread-safe.

PIECE_BYTES = 1 << 18


ReadRange = Callable[[int, int], Iterator[bytes]]
"""Yields a file's bytes from an offset up to another."""


class VirtualFile(io.RawIOBase):
    """Read-only, seekable file. Reads ahead in chunks, because callers read in small pieces."""

    def __init__(self, read: ReadRange, size_bytes: int) -> None:
        self._read_range, self._size_bytes, self._at = read, size_bytes, 0
        self._piece, self._piece_at = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        begin = self._at - self._piece_at
        if not 0 <= begin < len(self._piece):
            end = min(self._size_bytes, self._at + max(PIECE_BYTES, len(buffer)))
            self._piece, self._piece_at, begin = b"".join(self._read_range(self._at, end)), self._at, 0
        part = self._piece[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

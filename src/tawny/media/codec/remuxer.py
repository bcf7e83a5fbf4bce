"""Remuxing: the packets of an MP4 file in another container, without re-encoding. Blocking."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import av
import av.error

from tawny.model.errors import NotDone

CONTAINERS: Final = {".mkv": "matroska", ".ts": "mpegts"}
"""FFmpeg's names of the containers, by the ending of a file name."""
ReadRange = Callable[[int, int], Iterator[bytes]]
"""Yields a file's bytes from an offset up to another."""


def remux(read: ReadRange, size_bytes: int, out: BinaryIO, suffix: str, on_share: Callable[[float], None]) -> float:
    """Copy all packets of an MP4 file to `out`, in the container of `suffix`.

    read: reads the MP4 file; size_bytes: its size. out: seekable. on_share: receives the progress, share 0..1.

    Returns the time in s by which the result begins before the MP4 file's time 0. An edit list of the MP4 file hides
    the frames from the keyframe up to time 0; the other containers have no such list, so players show these frames.
    Raises NotDone if FFmpeg cannot write the container; OSError from `out`; errors of `read`.
    """
    source = _RangeFile(read, size_bytes)
    try:
        with (
            av.open(source, "r", format="mov") as movie,
            av.open(out, "w", format=CONTAINERS[suffix], options={"avoid_negative_ts": "make_zero"}) as made,
        ):
            made.metadata.update({name: text for name, text in movie.metadata.items() if name == "creation_time"})
            tracks = {stream.index: made.add_stream_from_template(stream) for stream in movie.streams}
            first_s = 0.0
            for packet in movie.demux(list(movie.streams)):
                if not packet.size or packet.pts is None or packet.time_base is None:
                    continue  # the demuxer's mark at the end of a track
                if packet.stream.type == "video":
                    first_s = min(first_s, float(packet.pts * packet.time_base))
                packet.stream = tracks[packet.stream_index]
                made.mux(packet)
                on_share(source.tell() / size_bytes)
    except av.error.FFmpegError as error:
        first = error.__context__ or error  # after an error, closing fails again
        if isinstance(first, OSError) or not isinstance(first, av.error.FFmpegError):
            raise first from None
        raise NotDone(f"This video can't be written as {suffix} ({first.strerror}).", "Use .mp4.") from first
    return -first_s


class _RangeFile(io.RawIOBase):
    """A seekable file over a function that reads ranges."""

    def __init__(self, read: ReadRange, size_bytes: int) -> None:
        self._read_range, self._size_bytes, self._at = read, size_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size_bytes if size < 0 else min(self._at + size, self._size_bytes)
        data = b"".join(self._read_range(self._at, end)) if end > self._at else b""
        self._at += len(data)
        return data

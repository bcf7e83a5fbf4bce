"""Remuxing: errors of either side come through as they are. What it writes is tested through `tawny export`."""

import errno
import io
from collections.abc import Iterator

import pytest

from tawny.media.codec.transcoder import CONTAINERS, remux
from tawny.media.mp4.file_part import ReadRange
from tawny.model.errors import FileDamaged
from tawny.testing.clips import ClipSpec, clip_file

MOVIES = {
    "h264": clip_file(ClipSpec(seconds=4, sound="aac")).read_bytes(),
    "h265": clip_file(ClipSpec(seconds=4, sound="aac", codec="h265")).read_bytes(),
}


def movie_for(suffix: str) -> bytes:
    """A movie that a file of this ending can hold."""
    return MOVIES["h265" if suffix == ".h265" else "h264"]


def reader(movie: bytes) -> ReadRange:
    def read(begin: int, end: int) -> Iterator[bytes]:
        yield movie[begin:end]

    return read


class FullDisk(io.BytesIO):
    def write(self, data: object, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_full_disk_is_an_error(suffix: str) -> None:
    with pytest.raises(OSError, match="No space") as raised:
        remux(reader(movie_for(suffix)), len(movie_for(suffix)), FullDisk(), suffix, lambda share: None)
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_recording_that_cannot_be_read_is_an_error(suffix: str) -> None:
    movie = movie_for(suffix)

    def broken(begin: int, end: int) -> Iterator[bytes]:
        if end > 3 * len(movie) // 4:
            raise FileDamaged("a.mp4", "it is cut short")
        yield movie[begin:end]

    with pytest.raises(FileDamaged):
        remux(broken, len(movie), io.BytesIO(), suffix, lambda share: None)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_the_progress_reaches_the_end(suffix: str) -> None:
    shares: list[float] = []
    remux(reader(movie_for(suffix)), len(movie_for(suffix)), io.BytesIO(), suffix, shares.append)
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0

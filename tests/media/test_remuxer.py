"""Remuxing: errors of either side come through as they are. What it writes is tested through `tawny export`."""

import errno
import io
from collections.abc import Iterator

import pytest

from tawny.media.codec.transcoder import CONTAINERS, remux
from tawny.model.errors import FileDamaged
from tawny.testing.clips import ClipSpec, clip_file

MOVIE = clip_file(ClipSpec(seconds=4, sound="aac")).read_bytes()


def read(begin: int, end: int) -> Iterator[bytes]:
    yield MOVIE[begin:end]


class FullDisk(io.BytesIO):
    def write(self, data: object, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_full_disk_is_an_error(suffix: str) -> None:
    with pytest.raises(OSError, match="No space") as raised:
        remux(read, len(MOVIE), FullDisk(), suffix, lambda share: None)
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_recording_that_cannot_be_read_is_an_error(suffix: str) -> None:
    def broken(begin: int, end: int) -> Iterator[bytes]:
        if end > 3 * len(MOVIE) // 4:
            raise FileDamaged("a.mp4", "it is cut short")
        yield from read(begin, end)

    with pytest.raises(FileDamaged):
        remux(broken, len(MOVIE), io.BytesIO(), suffix, lambda share: None)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_the_progress_reaches_the_end(suffix: str) -> None:
    shares: list[float] = []
    remux(read, len(MOVIE), io.BytesIO(), suffix, shares.append)
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0

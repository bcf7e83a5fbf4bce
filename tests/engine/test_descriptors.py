"""Files when no descriptor is left: the recorder's own open, others don't, and the reserve fills again."""

import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tawny.engine.descriptors import raise_limit, wait_readable, wait_writable
from tawny.model.errors import TooManyFiles
from tawny.storage.disk.disk import DescriptorReserve, RealDisk, reserve


@contextmanager
def limit_of(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def without_descriptors() -> Iterator[list[int]]:
    """All that this process may have are open."""
    taken: list[int] = []
    try:
        with limit_of(max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 20):
            try:
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError as error:
                assert error.errno == errno.EMFILE
            yield taken
    finally:
        for one in taken:
            os.close(one)


def test_the_limit_is_raised_to_the_hard_one() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with limit_of(300):
        assert raise_limit() == min(hard, 1 << 19)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 1 << 19)


def test_recording_opens_its_files_when_no_descriptor_is_left(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    disk.make_folder("cam/2026")
    with reserve.hold(8), without_descriptors() as taken:
        files = [disk.create(f"cam/2026/{number}.mp4") for number in range(3)]
        for file in files:
            file.append([b"data"])
            file.sync()
        disk.sync_folder("cam/2026")
        assert reserve.count == 8 - len(files)
        with pytest.raises(OSError, match="Too many open files"):
            os.open(tmp_path, os.O_RDONLY)
        assert disk.read("cam/2026/0.mp4") == b"data"
        files.pop().close()
        assert reserve.count == 8 - len(files)
        for _ in range(8):
            os.close(taken.pop())
        assert disk.read("cam/2026/0.mp4") == b"data"
        assert reserve.count == 8
        for file in files:
            file.close()
    assert reserve.count == 0


def test_without_a_reserve_the_disk_is_not_blamed(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    with without_descriptors(), pytest.raises(TooManyFiles) as refused:
        disk.create("file")
    assert "disk" not in str(refused.value).replace(str(tmp_path), "").lower()


def test_another_error_gives_nothing_up() -> None:
    made = DescriptorReserve()
    with made.hold(2):
        with pytest.raises(FileNotFoundError):
            made.open(lambda: os.open("/nowhere", os.O_RDONLY))
        assert made.count == 2


def test_waiting_works_beyond_the_numbers_that_select_knows() -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1200:
        pytest.skip("the hard limit of open files is lower")
    with ExitStack() as stack, limit_of(1200):
        one, other = socket.socketpair()
        stack.enter_context(one), stack.enter_context(other)
        high = os.dup2(one.fileno(), 1100)
        stack.callback(os.close, high)
        assert wait_readable([high], 0.0) == []
        assert wait_writable([high], 0.0) == [high]
        other.send(b"x")
        assert wait_readable([high], 1.0) == [high]
        assert wait_readable([other, one], 0.0) == [one]

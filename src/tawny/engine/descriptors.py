"""File descriptors of this process: their limit, those that recording keeps for itself, and waiting on them.

The kernel gives the lowest free number. A connection whose number is `connection_ceiling` or more is refused, so the
numbers above belong to files, whatever clients do. `reserve` holds some of these for the recorder's own files.
"""

import errno
import os
import resource
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

MOST_DESCRIPTORS: Final = 1 << 19
"""Limit that tawny asks for, as systemd's default. Programs that close every possible descriptor stay fast."""
KEPT_FOR_FILES: Final = 512
"""Descriptors that no connection uses: 32 recorded streams with UDP need 300, databases and uploads about 100."""
if TYPE_CHECKING:
    from _typeshed import HasFileno

SPARE_DESCRIPTORS: Final = 32
"""Descriptors held open for recording: the next file of 16 streams, and its folder while it is created."""
OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})


Waitable = TypeVar("Waitable", bound="int | HasFileno")


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one. Return the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # not permitted in some sandboxes
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def connection_ceiling(limit: int) -> int:
    """Return the descriptor number from which on connections are refused. limit: of open files."""
    return limit - min(KEPT_FOR_FILES, limit // 2)


class DescriptorReserve:
    """Descriptors that stay open without use until a file needs one and none is left. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: list[int] = []
        self._size = 0

    @property
    def count(self) -> int:
        """Number of descriptors held now."""
        return len(self._spare)

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold this number of descriptors while entered."""
        self._size = size
        self._refill()
        try:
            yield
        finally:
            with self._lock:
                self._size = 0
                while self._spare:
                    os.close(self._spare.pop())

    def open(self, open_file: Callable[[], int]) -> int:
        """Return what `open_file` returns. While no descriptor is left, give up one of the reserve and retry.

        Raises OSError.
        """
        while True:
            try:
                opened = open_file()
            except OSError as error:
                if error.errno not in OUT_OF_DESCRIPTORS or not self._give_up():
                    raise
            else:
                if len(self._spare) < self._size:
                    self._refill()
                return opened

    def close(self, number: int) -> None:
        """Close a descriptor of a recorder's file. What was given up for it comes back at once. Raises OSError."""
        try:
            os.close(number)
        finally:
            if len(self._spare) < self._size:
                self._refill()

    def _give_up(self) -> bool:
        with self._lock:
            if self._spare:
                os.close(self._spare.pop())
                return True
        return False

    def _refill(self) -> None:
        with self._lock, suppress(OSError):  # none is free: the next call tries again
            while len(self._spare) < self._size:
                self._spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


reserve: Final = DescriptorReserve()
"""Of this process. Empty unless the recorder runs."""


def wait_readable(files: Iterable[Waitable], timeout_s: float) -> list[Waitable]:
    """Return the files that can be read, after at most `timeout_s`. Unlike `select`, for numbers above 1023 too."""
    return _wait(files, select.POLLIN, timeout_s)


def wait_writable(files: Iterable[Waitable], timeout_s: float) -> list[Waitable]:
    """Return the files that can be written, after at most `timeout_s`."""
    return _wait(files, select.POLLOUT, timeout_s)


def _wait(files: Iterable[Waitable], event: int, timeout_s: float) -> list[Waitable]:
    """An error or a closed peer counts as ready, as with `select`: the next call on the file reports it."""
    by_number = {file if isinstance(file, int) else file.fileno(): file for file in files}
    waiting = select.poll()
    for number in by_number:
        waiting.register(number, event)
    return [by_number[number] for number, _ in waiting.poll(max(0.0, timeout_s) * 1000)]

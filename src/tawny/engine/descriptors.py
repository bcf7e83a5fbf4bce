"""File descriptors of this process: their limit, those that no connection gets, and waiting on them.

The kernel gives the lowest free number. A connection whose number is `connection_ceiling` or more is refused, so the
numbers above belong to files, whatever clients do. `storage.disk.disk.reserve` holds some of these for recordings.
"""

import errno
import resource
import select
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

MOST_DESCRIPTORS: Final = 1 << 19
"""Limit that tawny asks for, as systemd's default. Programs that close every possible descriptor stay fast."""
KEPT_FOR_FILES: Final = 512
"""Descriptors that no connection uses: 32 recorded streams with UDP need 300, databases and uploads about 100."""
OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})
if TYPE_CHECKING:
    from _typeshed import HasFileno

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

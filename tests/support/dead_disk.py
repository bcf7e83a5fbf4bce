"""A disk that is gone while it is still mounted: by FUSE without a daemon, or as the calls of the system say it."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

DEATHS = [
    "calls",
    pytest.param(
        "fuse",
        marks=pytest.mark.skipif(
            os.geteuid() != 0 or not Path("/dev/fuse").exists(), reason="only root can mount, and needs /dev/fuse"
        ),
    ),
]
_CALLS = ("open", "stat", "lstat", "mkdir", "scandir", "listdir", "chmod")


@contextmanager
def dead(folder: Path, kind: str) -> Iterator[None]:
    """Let the disk of a folder be gone meanwhile. kind: of DEATHS."""
    with _unmounted_later(folder) if kind == "fuse" else _refused(folder):
        yield


@contextmanager
def _unmounted_later(folder: Path) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"tawny-test", bytes(folder), b"fuse", 0, options):
            pytest.skip(f"mount: {os.strerror(ctypes.get_errno())}")  # as in a container
    finally:
        os.close(device)
    try:
        yield
    finally:
        libc.umount2(bytes(folder), 2)


@contextmanager
def _refused(folder: Path) -> Iterator[None]:
    def refuse(call: Callable[..., Any], path: Any, *more: Any, **named: Any) -> Any:
        if isinstance(path, str | Path) and Path(path).is_relative_to(folder):
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(path))
        return call(path, *more, **named)

    def access(path: Any, *more: Any, **named: Any) -> bool:
        return not Path(path).is_relative_to(folder) and check(path, *more, **named)

    check = os.access
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "access", access)
        for name in _CALLS:
            patched.setattr(os, name, partial(refuse, getattr(os, name)))
        yield

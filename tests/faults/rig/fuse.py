"""A FUSE file system of one regular file, spoken straight to the kernel: what a loop device on it writes is logged.

One thread answers, so the order of its log is the truth: all writes before a flush are durable when it is answered.
"""

import ctypes
import errno
import os
import struct
import threading
import time
from enum import IntEnum
from pathlib import Path
from typing import Final

from tests.faults.rig.log import Flush, Log, Write

_IN: Final = struct.Struct("<IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, extensions, padding
_OUT: Final = struct.Struct("<IiQ")  # length, -errno, unique
_MOST_WRITE: Final = 1 << 20
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_DIRECT_IO: Final = 1  # nothing is kept between the loop device and us


class _Op(IntEnum):
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    INTERRUPT = 36
    DESTROY = 38
    FORGET_MANY = 42
    FALLOCATE = 43


class OneFile:
    """Mounted over the regular file `at` while open; its content is that of `image`, which is changed."""

    def __init__(self, image: Path, at: Path, log: Log, flush_s: float = 0.0) -> None:
        self._log, self._flush_s = log, flush_s
        self._image = os.open(image, os.O_RDWR)
        self._size = os.fstat(self._image).st_size
        self.answers = threading.Event()
        """While it is not set, nobody who asks gets an answer: a disk that hangs."""
        self.answers.set()
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=100000,user_id=0,group_id=0,allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"tawny-test", str(at).encode(), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._device)  # whoever still uses the file gets an error

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, _MOST_WRITE + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return  # unmounted, or closed
            _, opcode, unique, *_ = _IN.unpack_from(request)
            if opcode in (_Op.FORGET, _Op.FORGET_MANY, _Op.INTERRUPT):
                continue
            self.answers.wait()
            answer = self._answer(opcode, memoryview(request)[_IN.size :])
            code, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            try:
                os.write(self._device, _OUT.pack(_OUT.size + len(body), code, unique) + body)
            except OSError:
                return
            if opcode == _Op.DESTROY:
                return

    def _answer(self, opcode: int, asked: memoryview) -> bytes | int:
        """What goes back, or an error's number."""
        match opcode:
            case _Op.INIT:
                flags = _BIG_WRITES | _MAX_PAGES
                sizes = struct.pack("<IIIIHHIIHHII", 7, 31, 0, flags, 16, 12, _MOST_WRITE, 1, 256, 0, 0, 0)
                return sizes.ljust(64, b"\0")
            case _Op.GETATTR | _Op.SETATTR:
                return struct.pack("<QII", 3600, 0, 0) + self._attributes()
            case _Op.OPEN:
                return struct.pack("<QII", 1, _DIRECT_IO, 0)
            case _Op.READ:
                _, offset, size = struct.unpack_from("<QQI", asked)
                return os.pread(self._image, size, offset)
            case _Op.WRITE:
                _, offset, size = struct.unpack_from("<QQI", asked)
                data = bytes(asked[40 : 40 + size])
                os.pwrite(self._image, data, offset)
                self._log.add(Write(offset, data))
                return struct.pack("<II", size, 0)
            case _Op.STATFS:
                return struct.pack("<5Q4I6I", self._size // 4096, 0, 0, 1, 0, 4096, 255, 4096, 0, *[0] * 6)
            case _Op.FSYNC:
                time.sleep(self._flush_s)
                self._log.add(Flush())
                return b""
            case _Op.RELEASE | _Op.FLUSH | _Op.DESTROY:
                return b""
            case _Op.FALLOCATE:
                return errno.EOPNOTSUPP
            case _:
                return errno.ENOSYS

    def _attributes(self) -> bytes:
        times = [0] * 6
        return struct.pack(
            "<6Q10I", 1, self._size, self._size // 512, *times[:3], *times[3:], 0o100600, 1, 0, 0, 0, 4096, 0
        )

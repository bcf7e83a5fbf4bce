"""Processes of ours that work on what a camera sends, with FFmpeg: started, fed and read by messages on two pipes.

Such a process has no network, no files and no secrets. Before it reads anything it confines itself
(`engine.confinement`) and limits its memory. Each message on its output is a kind, a length and that many bytes.
"""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from tawny.engine import confinement
from tawny.engine.descriptors import wait_readable

MOST_MESSAGE_BYTES: Final = 32 << 20
READ_BYTES: Final = 1 << 16
KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
"""Environment variables of the process. The others may hold secrets."""
HEAD: Final = struct.Struct(">cI")
"""Before each message: its kind and length."""
_END_S: Final = 1.0


class ProcessMessage(NamedTuple):
    """is_end: the process has closed its output; there is no message."""

    kind: bytes
    body: bytes
    is_end: bool = False


class MessageProcess:
    """The recorder's side. One thread writes, one reads; `close` may be called from any. module: what it runs."""

    def __init__(self, module: str) -> None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment, start_new_session=True, cwd="/",
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._came = bytearray()

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Pass bytes on. Waits while the process is busy. Raises OSError after it has ended."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def finish(self) -> None:
        """Say that nothing follows. The rest can still be read. Call from the writing thread."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def read_message(self, most_s: float) -> ProcessMessage | None:
        """Return the next message; None if none comes within `most_s`. Raises ValueError for one that is too long."""
        while (size := self._message_bytes()) is None:
            if not wait_readable([self._out], most_s):
                return None
            data = os.read(self._out, READ_BYTES)
            if not data:
                return ProcessMessage(b"", b"", is_end=True)
            self._came += data
        message = ProcessMessage(bytes(self._came[:1]), bytes(self._came[HEAD.size : size]))
        del self._came[:size]
        return message

    def exit_code(self) -> int | None:
        """Return the exit code of a process that closed its output; None: it went on, and was killed."""
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.close()
            return None

    def kill(self) -> None:
        """End the process without waiting. From any thread."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process."""
        self.kill()
        self._process.wait()

    def release(self) -> None:
        """Close the pipes, when no thread uses them any more."""
        self.finish()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _message_bytes(self) -> int | None:
        """Return the size of the complete message that has come; None without one."""
        if len(self._came) < HEAD.size:
            return None
        _, length = HEAD.unpack_from(self._came)
        if length > MOST_MESSAGE_BYTES:
            raise ValueError("a message that is too long")
        size: int = HEAD.size + length
        return size if len(self._came) >= size else None


# Within the process.


def confine(memory_bytes: int, readable: Sequence[Path] = (), *, niceness: int = 0) -> list[str]:
    """Confine this process. readable: what it may read besides Python and libraries; devices may be written, too.

    Return what the kernel can't limit, in words.
    """
    os.nice(niceness)
    sys.dont_write_bytecode = True
    confinement.limit_resources(memory_bytes)
    return confinement.confine(readable)


def send_message(kind: bytes, body: bytes) -> None:
    view = memoryview(HEAD.pack(kind, len(body)) + body)
    while view:
        view = view[os.write(1, view) :]


def read_exactly(count: int) -> bytes:
    """Return this number of bytes of the input. Raises EOFError."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, min(count - len(data), READ_BYTES))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)

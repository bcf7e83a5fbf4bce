"""UNIX socket for commands on this computer: one JSON object per line, accessible to its owner only.

The socket is in the data folder. A second one is abstract, with a name derived from user and folder: for disks that
can't hold sockets (FAT, SMB, exFAT by FUSE) and for when the disk is gone. In memory mode nothing is written to disk,
so the only one is abstract, of another name. Abstract sockets have no owner, so both ends check the peer's user ID.
`{"command": "status"}` gets one answer; `{"command": "follow"}` gets a line per message until the client disconnects.
"""

import asyncio
import errno
import json
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from tawny.app.control_client import NAME, abstract_address, peer
from tawny.engine import Bus
from tawny.engine.actor import caller, named_executor
from tawny.engine.descriptors import OUT_OF_DESCRIPTORS
from tawny.model.errors import FolderInUse, TawnyError
from tawny.model.messages import Message
from tawny.model.validation import problem_text
from tawny.storage.disk.disk import turned

log = logging.getLogger(__name__)

QUICK = frozenset({"status", "where"})
"""Commands that wait for nothing. They have threads of their own: tests of uploads may take all others for minutes."""
MOST_AT_ONCE = 8
NAME_EVERY_S, NAME_FOR_S = 5.0, 60.0
"""Interval in s of tries to take the abstract name that another recorder has, and how long they go on."""
LONGEST = 64_000
"""Maximum length of a request line in bytes."""
MOST_WAITING = 1000
"""Maximum number of lines queued for a slow client; the oldest are dropped."""
_REFUSED: Final = OUT_OF_DESCRIPTORS | {errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""What says that the folder can't be written. File systems that can't hold sockets say all kinds of other things."""
_KEPT: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""asyncio compares only inode numbers, which may be used again."""


Stream = Callable[[Mapping[str, Any]], AsyncGenerator[Mapping[str, Any], None]]


class ControlSocket:
    """Server of the control socket. Runs in the asyncio loop.

    answers: handlers by command; called in a thread, may block. streams: handlers that answer by several lines, called
    in the loop; closed when the client disconnects. Both may raise TawnyError and ValidationError, whose words the
    client gets. format_message: serializer of bus messages, None to skip one.
    on_disk: False in memory mode: the folder is only a name, and an abstract socket is used.
    """

    def __init__(
        self,
        folder: Path,
        bus: Bus,
        answers: dict[str, Callable[[dict[str, Any]], Any]],
        format_message: Callable[[Message], dict[str, Any] | None],
        streams: Mapping[str, Stream] = MappingProxyType({}),
        *,
        on_disk: bool = True,
    ) -> None:
        self._data, self._path, self._on_disk = folder, folder / NAME, on_disk
        # own pools: shared ones may be blocked by a stalled disk, and what waits for the network or disk here may
        # delay neither what is answered from memory
        self._threads = named_executor("control", MOST_AT_ONCE)
        self._quick_threads = named_executor("control quick", 2)
        self._bus, self._answers, self._format_message = bus, answers, format_message
        self._streams = streams
        self._servers: list[asyncio.Server] = []
        self._folder: int | None = None
        self._made: tuple[int, int, int] | None = None
        self._naming: asyncio.Task[None] | None = None
        self._callers: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Start listening, replacing the socket of a killed recorder. Raises StorageError, of it FolderInUse."""
        try:
            await (self._listen_in_folder() if self._on_disk else self._listen_abstract())
        except OSError as error:
            if error.errno == errno.EADDRINUSE and not self._on_disk:
                raise FolderInUse(str(self._data), "in memory mode") from error
            raise turned(error, str(self._path)) from error
        if self._on_disk:
            try:
                await self._listen_abstract()
            except OSError as error:  # a container that shares this network has the name, or a recorder that ends soon
                if not self._servers:
                    log.warning("commands such as `tawny status` can't ask this recorder: %s", error)
                self._naming = asyncio.create_task(self._listen_abstract_later())

    async def close(self) -> None:
        if self._naming is not None:
            self._naming.cancel()
        if self._servers:
            for server in self._servers:
                server.close()
            for task in list(self._callers):
                task.cancel()
            await asyncio.gather(*self._callers, return_exceptions=True)
            if self._made is not None and self._made == self._found():  # else it is of the recorder that has the folder
                with suppress(OSError):  # the disk is gone
                    self._path.unlink()
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None
        for threads in (self._threads, self._quick_threads):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _listen_in_folder(self) -> None:
        """Listen, if the file system can hold sockets. Raises OSError."""
        self._path.unlink(missing_ok=True)
        address, before = self._address(), os.umask(0o177)
        try:
            self._servers.append(await asyncio.start_unix_server(self._serve, address, limit=LONGEST, **_KEPT))
            self._made = self._found()
        except OSError as error:
            if error.errno in _REFUSED:
                raise
            self._path.unlink(missing_ok=True)  # FUSE may leave a plain file; a disk that fails says so again
        finally:
            os.umask(before)

    def _found(self) -> tuple[int, int, int] | None:
        """Return what identifies the socket in the folder."""
        try:
            found = self._path.lstat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns

    async def _listen_abstract_later(self) -> None:
        """A recorder that ends gives the name up soon; that of one which runs is not taken when it starts again."""
        for _ in range(round(NAME_FOR_S / NAME_EVERY_S)):
            await asyncio.sleep(NAME_EVERY_S)
            with suppress(OSError):
                await self._listen_abstract()
                return

    async def _listen_abstract(self) -> None:
        address = abstract_address(self._data, os.geteuid(), has_folder=self._on_disk)
        self._servers.append(await asyncio.start_unix_server(self._serve, address, limit=LONGEST))

    def _address(self) -> str:
        """Return the socket's path. Paths over the limit of 107 bytes are reached through the open folder."""
        text = str(self._path)
        if len(text.encode()) < 100:
            return text
        self._folder = os.open(self._path.parent, os.O_PATH | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{NAME}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._callers.add(task)
        try:
            connection = writer.get_extra_info("socket")
            is_abstract = isinstance(connection.getsockname(), bytes)
            if is_abstract and peer(connection)[1] not in (os.geteuid(), 0):
                return
            line = await reader.readline()
            try:
                async with aclosing(self._answer(line, reader, task)) as answers:
                    async for answer in answers:
                        await _write(writer, answer)
            except (TawnyError, ValidationError) as error:
                await _write(writer, {"error": _error_of(error)})
        except (ConnectionError, asyncio.CancelledError, ValueError):
            pass  # the client disconnected, the server stops, or the line was too long
        finally:
            self._callers.discard(task)
            writer.close()

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, task: "asyncio.Task[Any]"
    ) -> AsyncGenerator[Any, None]:
        try:
            request = json.loads(line)
            what = request["command"]
        except (ValueError, KeyError, TypeError):
            yield _refusal("not a valid request")
            return
        if what == "follow":
            async for formatted in self._follow():
                yield formatted
        elif what in self._streams:
            watch = asyncio.create_task(_cancel_at_end(reader, task))
            try:
                async with aclosing(self._streams[what](request)) as answers:
                    async for answer in answers:
                        yield answer
            finally:
                watch.cancel()
        elif what in self._answers:
            loop = asyncio.get_running_loop()
            threads = self._quick_threads if what in QUICK else self._threads
            yield await loop.run_in_executor(threads, self._answers[what], request)
        else:
            yield _refusal(f"{what!r} isn't supported by this version")

    async def _follow(self) -> AsyncGenerator[dict[str, Any], None]:
        waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        loop = asyncio.get_running_loop()

        def on_message(message: Message) -> None:
            line = self._format_message(message)
            if line is not None:  # most are not for clients
                caller(loop, lambda: _push(waiting, line))()

        unsubscribe = self._bus.subscribe_all(on_message)
        try:
            yield {"type": "following"}
            while True:
                yield await waiting.get()
        finally:
            unsubscribe()


async def _write(writer: asyncio.StreamWriter, answer: Any) -> None:
    writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    await writer.drain()


async def _cancel_at_end(reader: asyncio.StreamReader, task: "asyncio.Task[Any]") -> None:
    """Cancel a task when the client disconnects; what it has asked for may take minutes."""
    while await reader.read(4096):
        pass
    task.cancel()


def _push(waiting: asyncio.Queue[dict[str, Any]], line: dict[str, Any]) -> None:
    if waiting.full():
        waiting.get_nowait()
    waiting.put_nowait(line)


def _error_of(error: TawnyError | ValidationError) -> dict[str, str]:
    if isinstance(error, TawnyError):
        return {"code": error.code, "message": error.message, "hint": error.do}
    first = error.errors(include_url=False)[0]
    return {"code": "bad_input", "message": f"{problem_text(first)}.", "hint": ""}


def _refusal(why: str) -> dict[str, Any]:
    return {"error": {"code": "usage", "message": f"The recorder didn't understand the request: {why}.", "hint": ""}}

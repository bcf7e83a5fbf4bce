"""The door for commands on this machine: a UNIX socket in the data folder, one JSON object a line, for its owner only.

`{"do": "status"}` is answered once; `{"do": "follow"}` by a line for everything that happens, until the asker goes.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tawny.engine import Bus
from tawny.engine.loop import caller
from tawny.model.errors import NotDone, StorageError
from tawny.model.messages import Message

NAME = "control"
LONGEST = 64_000
"""Bytes of a request's line."""
MOST_WAITING = 1000
"""Messages kept for one that follows slowly; older ones are dropped."""


class Control:
    """Runs in the asyncio loop. answers: what can be asked, by name; called in a thread, may block."""

    def __init__(
        self,
        folder: Path,
        bus: Bus,
        answers: dict[str, Callable[[dict[str, Any]], Any]],
        told: Callable[[Message], dict[str, Any] | None],
    ) -> None:
        self._path = folder / NAME
        self._bus, self._answers, self._told = bus, answers, told
        self._server: asyncio.Server | None = None
        self._folder: int | None = None
        self._callers: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Raises StorageError. A socket that a killed recorder left behind is taken away."""
        try:
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(self._serve, self._address(), limit=LONGEST)
            finally:
                os.umask(before)
        except OSError as error:
            raise StorageError(str(self._path), error.strerror or str(error)) from error

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for task in list(self._callers):
                task.cancel()
            await asyncio.gather(*self._callers, return_exceptions=True)
            self._path.unlink(missing_ok=True)
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def _address(self) -> str:
        """A UNIX address has room for 107 bytes; a longer one is reached through the open folder."""
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
            line = await reader.readline()
            async for answer in self._answer(line):
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError, ValueError):
            pass  # the asker went, we stop, or the line was too long
        finally:
            self._callers.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> AsyncIterator[Any]:
        try:
            asked = json.loads(line)
            what = asked["do"]
        except (ValueError, KeyError, TypeError):
            yield _refusal("that is no request")
            return
        if what == "follow":
            async for told in self._follow():
                yield told
        elif what in self._answers:
            yield await asyncio.to_thread(self._answers[what], asked)
        else:
            yield _refusal(f"{what!r} is not known to this version")

    async def _follow(self) -> AsyncIterator[dict[str, Any]]:
        waiting: asyncio.Queue[Message] = asyncio.Queue(MOST_WAITING)
        loop = asyncio.get_running_loop()

        def heard(message: Message) -> None:
            caller(loop, lambda: _push(waiting, message))()

        unsubscribe = self._bus.subscribe(heard)
        try:
            yield {"type": "following"}
            while True:
                told = self._told(await waiting.get())
                if told is not None:
                    yield told
        finally:
            unsubscribe()


def _push(waiting: asyncio.Queue[Message], message: Message) -> None:
    if waiting.full():
        waiting.get_nowait()
    waiting.put_nowait(message)


def _refusal(why: str) -> dict[str, Any]:
    return {"error": {"code": "usage", "message": f"The recorder did not understand: {why}.", "do": ""}}


async def ask(folder: Path, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """What a running recorder answers, line by line. NotDone when none runs there."""
    try:
        reader, writer = await asyncio.open_unix_connection(_reach(folder), limit=2**24)
    except OSError:
        raise NotDone(
            f"No tawny is running on {folder}.", "Start it with `tawny run`, or name its folder with `--data`."
        ) from None
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        while line := await reader.readline():
            yield json.loads(line)
    except ConnectionError:
        return
    finally:
        writer.close()


def _reach(folder: Path) -> str:
    path = folder / NAME
    return str(path) if len(str(path).encode()) < 100 else os.path.relpath(path)

"""Scans recordings of this recorder for its hub: in a process of its own, behind everything else on the computer.

The hub asks for one part after the other. A request that ends early, because the line or the hub is gone, kills the
process: what was under way is done again when it is asked for again.
"""

import asyncio
import json
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

log = logging.getLogger(__name__)
IDLE_S: Final = 60.0
"""Time in s after which the process ends if nothing is asked for; its models need memory."""
MOST_LINE_BYTES: Final = 16 * 1024 * 1024


class BoxScans:
    """One worker process. Single event loop.

    command: what runs. is_at_risk: whether the recorder is behind with recording; then nothing is begun.
    """

    def __init__(self, command: Sequence[str], is_at_risk: Callable[[], bool]) -> None:
        self._command, self._is_at_risk = tuple(command), is_at_risk
        self._process: Process | None = None
        self._is_busy = False
        self._idle: asyncio.TimerHandle | None = None

    async def answer(self, order: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Yield the lines of the answer: JSON objects about progress, with `done_s`, and a last one.

        That is `busy` if another request is under way or recording needs the computer, and `died` if the process ended.
        """
        if self._is_busy or self._is_at_risk():
            yield b'{"busy": true}\n'
            return
        self._is_busy = True
        is_whole = False
        try:
            process = await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            line = b""
            with suppress(ConnectionError):
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
                while line := await process.stdout.readline():
                    is_whole = "done_s" not in json.loads(line)
                    yield line
                    if is_whole:
                        return
            log.warning("the scan for the hub ended with code %s", await process.wait())
            yield b'{"died": true}\n'
        finally:
            self._is_busy = False
            if is_whole:
                self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.stop)
            else:
                self.stop()

    def stop(self) -> None:
        """Kill the process."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()

    async def close(self) -> None:
        """Kill the process, and wait until it has ended."""
        process = self._process
        self.stop()
        if process is not None:
            await process.wait()

    async def _started(self) -> Process:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, limit=MOST_LINE_BYTES, start_new_session=True
            )
        return self._process

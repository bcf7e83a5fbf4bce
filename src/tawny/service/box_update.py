"""Updates this recorder when its hub orders it, by the command of its owner. tawny itself installs nothing.

The command outlives the request, and this process too where the system lets it: it usually restarts tawny.
"""

import asyncio
import json
import logging
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final

from tawny.model.errors import StorageError

log = logging.getLogger(__name__)
UPDATE_LOG: Final = "update.log"
"""In the data folder: what the last command printed."""
UPDATE_ORDERED: Final = "update ordered by the hub"
"""Of the audit log."""
MOST_SHOWN: Final = 2000
"""Characters of the output that are sent to the hub: the last ones."""


class BoxUpdate:
    """One command at a time. Single event loop.

    get_command: returns program and arguments; empty: a hub can't update this recorder. printed: file for its output.
    note: writes to the audit log that an update was ordered; raises StorageError.
    """

    def __init__(self, get_command: Callable[[], tuple[str, ...]], printed: Path, note: Callable[[], None]) -> None:
        self._get_command, self._printed, self._note = get_command, printed, note
        self._ending: asyncio.Task[int] | None = None
        self._is_starting = False

    async def answer(self) -> AsyncGenerator[bytes, None]:
        """Start the command, and yield the lines of the answer, JSON objects.

        `started`, and once it has ended `code` with the end of its output as `printed`; or `busy`: it runs already; or
        `error`: it can't be started.
        """
        if self._is_starting or (self._ending is not None and not self._ending.done()):
            yield _line(busy=True)
            return
        command = self._get_command()
        if not command:
            yield _line(error="It has no command for updates. Its owner can set `command` under [updates].")
            return
        self._is_starting = True
        try:
            await asyncio.to_thread(self._note)
            with self._printed.open("wb") as printed:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=DEVNULL, stdout=printed, stderr=printed, start_new_session=True
                )
            self._ending = asyncio.create_task(process.wait(), name="update")
        except (OSError, ValueError, StorageError) as error:
            yield _line(error=f"Its command for updates can't be started: {error}.")
            return
        finally:
            self._is_starting = False
        log.info("the hub has ordered an update: %s", command[0])
        yield _line(started=True)
        code = await asyncio.shield(self._ending)
        text = await asyncio.to_thread(self._printed.read_text, encoding="utf-8", errors="replace")
        yield _line(code=code, printed=text.strip()[-MOST_SHOWN:])


def _line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"

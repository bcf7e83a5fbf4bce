"""What a standby sends a recorder of a takeover: the sizes of the files with some time of a camera, then the files.

A recorder gets nothing but what was recorded in its place.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.fleet.standby_store import Takeover
from tawny.model.errors import StorageError
from tawny.model.times import Span

log = logging.getLogger(__name__)
_SLACK_MS: Final = 10_000
"""Time around a takeover that its recorder may fetch, too: both clocks may differ."""
_FILE_BYTES: Final = 64 * 1024


def asked_time(asked: Mapping[str, Any], takeovers: Sequence[Takeover], now_ms: int) -> Span | None:
    """Return the time that a recorder asks for; None: it is of none of its takeovers. Raises LineClosed: it is none."""
    camera, begin_ms, end_ms = asked.get("camera"), asked.get("begin_ms"), asked.get("end_ms")
    if type(begin_ms) is not int or type(end_ms) is not int or not 0 <= begin_ms < end_ms:
        raise LineClosed("the recorder asks for no time")
    is_own = any(
        each.camera == camera
        and each.begin_ms - _SLACK_MS <= begin_ms
        and end_ms <= (each.end_ms or now_ms) + _SLACK_MS
        for each in takeovers
    )
    return Span(begin_ms, end_ms) if is_own else None


async def send_footage(find: Callable[[], Awaitable[Sequence[Path] | None]], exchange: Exchange) -> None:
    """Send the files that are found, and end the exchange; not ready while there are none yet, or none can be read.

    find: returns None while one of them is still being written.
    """
    try:
        files = await find()
        found = await asyncio.to_thread(_readable, files or ())
        sizes = [size for _, size in found]
        await exchange.send(Kind.HEAD, as_payload({"is_ready": files is not None, "sizes": sizes}))
        for path, size in found:
            await _send_file(path, size, exchange)
    except LineClosed:
        return  # the recorder has ended it
    except (OSError, StorageError) as error:
        log.warning("cannot read recordings for their recorder: %s", error)
        with suppress(LineClosed):  # the disk may be back soon: no try of the recorder in vain
            await exchange.send(Kind.HEAD, as_payload({"is_ready": False}))
    finally:
        exchange.close()


async def _send_file(path: Path, size: int, exchange: Exchange) -> None:
    with path.open("rb") as file:
        left = size
        while left and (data := await asyncio.to_thread(file.read, min(left, _FILE_BYTES))):
            left -= len(data)
            await exchange.send(Kind.DATA, data)


def _readable(files: Sequence[Path]) -> list[tuple[Path, int]]:
    """Return the files that can be opened, with their sizes. Raises OSError if there are files, and none can."""
    found = list[tuple[Path, int]]()
    for path in files:
        try:
            path.open("rb").close()
            found.append((path, path.stat().st_size))
        except OSError:
            if path is files[-1] and not found:
                raise
    return found

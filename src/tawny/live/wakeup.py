"""Wakes a coroutine from other threads: one event-loop call for any number of packets."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from tawny.engine.actor import caller
from tawny.stream.hub import Hub


class Wakeup:
    """Created and awaited in one event loop. Call from any thread."""

    def __init__(self) -> None:
        self._due = asyncio.Event()
        self._is_called = False
        self._call = caller(asyncio.get_running_loop(), self._due.set)

    def __call__(self) -> None:
        if not self._is_called:  # a second call in a race is harmless
            self._is_called = True
            self._call()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next call; return at once if one came since the last return. Return False on timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._due.wait()
        except TimeoutError:
            return False
        finally:
            self._due.clear()
            self._is_called = False  # before the caller reads packets, so that none is missed
        return True


async def first_packet(hub: Hub, timeout_s: float) -> None:
    """Wait for a stream's first packet, at most `timeout_s`."""
    wakeup = Wakeup()
    reader = hub.reader(wake=wakeup)
    try:
        if hub.newest is None and timeout_s:
            await wakeup.wait(timeout_s)
    finally:
        reader.close()


# Per-stream objects shared by all viewers: created for the first, released with the last.

Made = TypeVar("Made")
_made: WeakValueDictionary[tuple[type, int, Hashable], Any] = WeakValueDictionary()


def share_once(kind: type[Made], hub: Hub, make: Callable[[], Made], of: Hashable = None) -> Made:
    """Return the stream's shared object of type `kind`; create it if no viewer holds one. Event loop only.

    of: what else must be equal to share it.
    """
    found = _made.get((kind, id(hub), of))
    if not isinstance(found, kind):
        found = _made[kind, id(hub), of] = make()
    return found

"""Calls from threads into the asyncio loop."""

import asyncio
from collections.abc import Callable


def caller(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> Callable[[], None]:
    """Return a thread-safe function that calls `do` on the loop. No effect after the loop is closed."""

    def call() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(do)

    return call

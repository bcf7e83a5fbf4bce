"""The one crossing from threads into the asyncio loop."""

import asyncio
from collections.abc import Callable


def caller(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> Callable[[], None]:
    """A function that any thread may call, and that has `do` called in the loop; nothing happens once it is closed."""

    def call() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(do)

    return call

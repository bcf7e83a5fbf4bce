"""Wakes a coroutine from other threads: one event-loop call for any number of packets."""

import asyncio

from tawny.engine.loop import caller


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

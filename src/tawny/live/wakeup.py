"""Letting a coroutine wait for packets: from the appending thread into the loop, one call for any number of packets."""

import asyncio

from tawny.engine.loop import caller


class Wakeup:
    """Made and waited for in one event loop; called from any thread."""

    def __init__(self) -> None:
        self._due = asyncio.Event()
        self._is_called = False
        self._call = caller(asyncio.get_running_loop(), self._due.set)

    def __call__(self) -> None:
        if not self._is_called:  # a second call in a race does no harm
            self._is_called = True
            self._call()

    async def wait(self, timeout_s: float) -> bool:
        """Return at the next call, at once if there was one since the last return. False if none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._due.wait()
        except TimeoutError:
            return False
        finally:
            self._due.clear()
            self._is_called = False  # before the caller looks for packets: none can be missed
        return True

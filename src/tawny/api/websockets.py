"""Helpers for WebSockets: bidirectional exchange, and closing when the session ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from tawny.api.auth.access import SIGNED_OUT, has_ended
from tawny.model.clock import Clock

LOOK_S = 4.0
"""Interval in s of session checks and heartbeats."""
NOT_UNDERSTOOD = 1008
_ENDED = asyncio.CancelledError | WebSocketDisconnect | WebSocketDisconnected
"""One side has ended while the other one sent."""
Said = TypeVar("Said", bound=BaseModel)


class SessionWatch:
    """Checks every LOOK_S whether the session is still valid; may be called often."""

    def __init__(self, socket: WebSocket, clock: Clock) -> None:
        self._socket, self._clock = socket, clock
        self._looked_s = clock.mono_s()

    async def is_over(self) -> bool:
        """Return True, and close the socket, once the session has ended."""
        if self._clock.mono_s() - self._looked_s < LOOK_S:
            return False
        self._looked_s = self._clock.mono_s()
        if not await has_ended(self._socket):
            return False
        await self._socket.close(SIGNED_OUT, "You've been signed out on this device.")
        return True


async def run_duplex(
    socket: WebSocket, send: Coroutine[Any, Any, None], kind: type[Said], hear: Callable[[Said], None]
) -> None:
    """Send and receive until either side ends. A received message that is not a `kind` closes the socket."""
    both = [asyncio.create_task(send), asyncio.create_task(_hear(socket, kind, hear))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        ended = await asyncio.gather(*both, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, _ENDED):
            raise error


async def _hear(socket: WebSocket, kind: type[Said], hear: Callable[[Said], None]) -> None:
    while socket.application_state is WebSocketState.CONNECTED:  # until the sending side closes it
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            said = kind.model_validate_json(message.get("text") or "")  # a binary message is none that is expected
        except ValidationError:
            await socket.close(NOT_UNDERSTOOD, "Invalid message.")
            return
        hear(said)

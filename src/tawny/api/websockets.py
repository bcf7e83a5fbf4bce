"""Helpers for WebSockets: bidirectional exchange, and closing when the session ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from tawny.api.auth.access import SIGNED_OUT, await_end

PING_S = 4.0
"""Interval in s of heartbeats."""
NOT_UNDERSTOOD = 1008
_ENDED = asyncio.CancelledError | WebSocketDisconnect | WebSocketDisconnected
"""One side has ended while the other one sent."""
Said = TypeVar("Said", bound=BaseModel)


async def run_duplex(
    socket: WebSocket, send: Coroutine[Any, Any, None], kind: type[Said], hear: Callable[[Said], None]
) -> None:
    """Send and receive until either side or the session ends. Messages that are no `kind` close the socket."""
    await run_while_allowed(socket, send, _hear(socket, kind, hear))


async def run_while_allowed(socket: WebSocket, *works: Coroutine[Any, Any, None]) -> None:
    """Run until one of them ends. Cancel them and close the socket once the session has ended, also an idle one."""
    tasks = [asyncio.create_task(work) for work in works]
    watch = asyncio.create_task(await_end(socket))
    try:
        await asyncio.wait([*tasks, watch], return_when=asyncio.FIRST_COMPLETED)
        is_over = watch.done()
    finally:
        for task in (*tasks, watch):
            task.cancel()
        ended = await asyncio.gather(*tasks, watch, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, _ENDED):
            raise error
    if is_over and socket.application_state is WebSocketState.CONNECTED:
        await socket.close(SIGNED_OUT, "You've been signed out on this device.")


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

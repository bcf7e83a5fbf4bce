"""A socket whose session ends while its page is closed: that is no error."""

from typing import Any

import pytest
from starlette.websockets import WebSocket

from tawny.api.auth import access


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_page_that_is_gone_needs_no_farewell(is_gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        if is_gone and message["type"] == "websocket.close":
            raise OSError("the connection is closed")
        sent.append(message["type"])

    async def at_once(_socket: WebSocket) -> bool:
        return True

    monkeypatch.setattr(access, "await_end", at_once)
    socket = WebSocket({"type": "websocket", "headers": []}, receive, send)
    await socket.accept()
    await access.run_while_allowed(socket)
    assert sent == ["websocket.accept", *([] if is_gone else ["websocket.close"])]

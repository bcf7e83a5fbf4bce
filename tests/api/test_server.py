import asyncio
import logging
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import connect

from tawny.api.application import make_app
from tawny.api.auth.access import COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.past import media_responses
from tawny.api.server import WebServer
from tawny.model.errors import NotDone, PortInUse, TawnyError, UsageError
from tawny.stream.hub import Hub
from tests.api.fakes import House
from tests.live.cameras import numbered, video
from tests.playback.archives import MAIN, PORCH

FAR_TOO_MUCH_BYTES = 8_000_000
LEAVES = bytes.fromhex("8882 00000000 03e8")
"""A WebSocket's frame: it is closed (1000)."""


async def test_it_listens_on_a_free_port_and_answers(house: House) -> None:
    server = WebServer(make_app(house.site), house.accounts, "127.0.0.1", 0)
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(f"http://{server.address}/api/v1/session")
        assert answer.status_code == 200
        assert "server" not in answer.headers
    finally:
        await server.stop()


async def test_each_answer_of_a_connection_has_the_date_of_its_request(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, now = WebServer(make_app(house.site), house.accounts, "127.0.0.1", 0), ["first"]
    monkeypatch.setattr("tawny.api.client_protocols.formatdate", lambda usegmt: now[0])
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as browser:
            first = await browser.get(f"http://{server.address}/api/v1/session")
            now[0] = "second"
            second = await browser.get(f"http://{server.address}/api/v1/session")
        assert [one.headers.get_list("date") for one in (first, second)] == [["first"], ["second"]]
    finally:
        await server.stop()


async def test_a_request_that_waits_for_an_answer_has_the_date_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(house.site)
    server, now = WebServer(app, house.accounts, "127.0.0.1", 0), ["first"]
    monkeypatch.setattr("tawny.api.client_protocols.formatdate", lambda usegmt: now[0])

    @app.middleware("http")
    async def _late(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        now[0] = "second"
        return response

    await server.start()
    try:
        host, port = server.place
        reader, writer = await asyncio.open_connection(host, port)
        get = f"GET /api/v1/session HTTP/1.1\r\nHost: {server.address}\r\n"
        writer.write(f"{get}\r\n{get}Connection: close\r\n\r\n".encode())
        answers = (await reader.read()).decode()
        writer.close()
        assert re.findall("(?im)^date: (.*?)\r$", answers) == ["first", "second"]
    finally:
        await server.stop()


async def test_a_port_that_is_taken_is_told(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as refused:
            await WebServer(house.app, house.accounts, "127.0.0.1", port).start()
    assert refused.value.message == f"127.0.0.1:{port} is already in use by another program."


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_without_an_owner_it_says_what_others_get(
    house: House, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.accounts.put_person("Ben", Role.VIEWER)
    server = WebServer(house.app, house.accounts, host, 0)
    await server.start()
    await server.stop()
    assert "other computers get the setup page only" in caplog.text


async def test_with_an_owner_it_may_be_reached(house: House) -> None:
    house.accounts.put_person("Anna", Role.OWNER)
    server = WebServer(house.app, house.accounts, "0.0.0.0", 0)
    await server.start()
    await server.stop()


@pytest.mark.parametrize(("host", "error"), [("no such host", UsageError), ("192.0.2.1", TawnyError)])
async def test_an_address_that_is_not_ours_is_told(house: House, host: str, error: type[TawnyError]) -> None:
    house.accounts.put_person("Anna", Role.OWNER)
    with pytest.raises(error) as refused:
        await WebServer(house.app, house.accounts, host, 0).start()
    assert isinstance(refused.value, UsageError | NotDone)


async def test_it_ends_soon_though_pages_are_open(house: House, caplog: pytest.LogCaptureFixture) -> None:
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    for packet in numbered(video(count=3)):
        house.recorder.hubs[PORCH, MAIN].append(packet)
    cookie, origin = f"{COOKIE}={token}", f"http://{server.address}"
    headers = {"Cookie": cookie, "Origin": origin}
    live = f"ws://{server.address}/api/v1/cameras/porch/live"
    async with (
        httpx.AsyncClient(headers={"Cookie": cookie}, trust_env=False) as browser,
        browser.stream("GET", f"{origin}/api/v1/cameras/porch/mjpeg") as moving,
        connect(live, additional_headers=headers, proxy=None) as socket_,
        connect(f"ws://{server.address}/api/v1/ws", additional_headers=headers, proxy=None),
    ):
        await socket_.recv()
        await anext(moving.aiter_raw())
        async with asyncio.timeout(2):
            await server.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert house.recorder.viewers[-1] == (PORCH, MAIN, 0)


async def test_a_stream_that_is_broken_off_is_no_error(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_responses, "LOOK_S", 0.01)
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    for packet in numbered(video(count=3)):
        house.recorder.hubs[PORCH, MAIN].append(packet)
    async with (
        asyncio.timeout(10),
        httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={token}"}, trust_env=False) as browser,
        browser.stream("GET", f"http://{server.address}/api/v1/cameras/porch/mjpeg") as moving,
    ):
        pieces = moving.aiter_raw()
        await anext(pieces)
        house.recorder.hubs = {(PORCH, MAIN): Hub()}  # the camera was paused
        with pytest.raises(httpx.RemoteProtocolError):
            while True:
                await anext(pieces)
    await server.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_it_ends_though_somebody_who_left_has_not_taken_all(house: House) -> None:
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    for packet in numbered(video(count=3)):
        house.recorder.hubs[PORCH, MAIN].append(replace(packet, data=packet.data + bytes(FAR_TOO_MUCH_BYTES)))
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(
            f"GET /api/v1/cameras/porch/live HTTP/1.1\r\nHost: {server.address}\r\nOrigin: http://{server.address}\r\n"
            f"Cookie: {COOKIE}={token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await asyncio.sleep(0.5)
        slow.sendall(LEAVES)
        await asyncio.sleep(0.2)
        async with asyncio.timeout(2):
            await server.stop()


async def test_who_closes_a_websocket_before_it_is_refused_leaves_no_traceback(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer, right = threading.Event(), threading.Event(), house.accounts.session

    def late(*args: Any, **options: Any) -> Any:
        asked.set()
        assert answer.wait(5)
        return right(*args, **options)

    monkeypatch.setattr(house.accounts, "session", late)
    # As in the moment before the connection is really closed:
    monkeypatch.setattr(WebSocketsSansIOProtocol, "handle_close", lambda *_: None)
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /api/v1/ws HTTP/1.1\r\nHost: {server.address}\r\nOrigin: http://{server.address}\r\n"
        f"Cookie: {COOKIE}=unknown\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await asyncio.to_thread(asked.wait, 5)
    writer.write(LEAVES)
    await asyncio.sleep(0.1)
    answer.set()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    await server.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_no_token_reaches_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient(trust_env=False, cookies={COOKIE: "the-secret-token"}) as browser:
        await browser.get(f"http://{server.address}/api/v1/cameras?token=the-secret-token")
    await server.stop()
    found = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert "the-secret-token" not in " ".join(record.getMessage() for record in found)

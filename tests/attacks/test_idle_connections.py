"""Connections over which nothing is sent end with the right, too: a stalled client, a dark camera, an upload."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tawny.api.auth import access
from tawny.api.auth.access import COOKIE, SIGNED_OUT
from tawny.api.auth.accounts import Account, Caller, Role
from tawny.api.inbox import Inbox
from tawny.api.past import media_responses
from tawny.api.server import WebServer
from tests.api.fakes import House, make_house
from tests.api.test_sight import Filled, fill

HERE = Caller("127.0.0.1")


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Filled]:
    for module in (access, media_responses):
        monkeypatch.setattr(module, "LOOK_S", 0.05)
    house = make_house(tmp_path)
    house.site.inbox = Inbox(tmp_path / "inbox")
    yield fill(house)
    house.accounts.close()


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[str]:
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    try:
        async with asyncio.timeout(30):
            yield server.address
    finally:
        await server.stop()
        await house.site.close()


def sign_in(house: House) -> tuple[Account, str]:
    eve = house.accounts.put_person("Eve", Role.VIEWER)
    return eve, house.accounts.begin_session(eve, HERE)


async def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await socket.recv()
    assert closed.value.rcvd
    return closed.value.rcvd.code


@pytest.mark.parametrize("path", ["ws", "cameras/porch/live", "cameras/porch/pictures"])
async def test_a_socket_on_which_nobody_speaks_is_closed(filled: Filled, path: str) -> None:
    """No camera delivers anything, the page has paused, and it never asks for another picture."""
    house = filled.house
    eve, session = sign_in(house)
    async with serving(house) as address:
        headers = {"Cookie": f"{COOKIE}={session}", "Origin": f"http://{address}"}
        async with connect(f"ws://{address}/api/v1/{path}", additional_headers=headers, proxy=None) as socket:
            await socket.send('{"pause": true}')
            house.accounts.remove_person(eve)
            assert await close_code(socket) == SIGNED_OUT


async def test_motion_jpeg_of_a_dark_camera_ends(filled: Filled) -> None:
    """The camera has stopped; the last picture would be repeated every 4 s."""
    house = filled.house
    eve, session = sign_in(house)
    async with serving(house) as address, httpx.AsyncClient(cookies={COOKIE: session}) as browser:
        with pytest.raises(httpx.RemoteProtocolError):
            async with browser.stream("GET", f"http://{address}/api/v1/cameras/porch/mjpeg") as answer:
                async for _ in answer.aiter_bytes():
                    house.accounts.remove_person(eve)


async def test_a_client_that_reads_nothing_is_cut_off(filled: Filled) -> None:
    house = filled.house
    eve, session = sign_in(house)
    stuck, sent = asyncio.Event(), list[object]()

    async def send(message: dict[str, object]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            stuck.set()
            await asyncio.get_running_loop().create_future()  # the network takes no more

    async def receive() -> dict[str, object]:
        if not sent:
            return {"type": "http.request", "body": b"", "more_body": False}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    path = f"/media/{filled.segment}/stored"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"cookie", f"{COOKIE}={session}".encode())],
        "server": ("tawny.test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    async with asyncio.timeout(30):
        task = asyncio.create_task(house.app(scope, receive, send))  # type: ignore[arg-type]
        await stuck.wait()
        house.accounts.remove_person(eve)
        await task
    assert len(sent) == 2, "its beginning and the first piece"


async def test_an_upload_stops_with_its_token(filled: Filled, tmp_path: Path) -> None:
    house = filled.house
    made, secret = house.passes.make("Eve", brings=10**9)
    data = bytes(range(256)) * 4096

    async def slowly() -> AsyncIterator[bytes]:
        yield data[:-1]
        house.passes.take_back(made.id)
        await asyncio.get_running_loop().create_future()  # the last byte never comes

    query = {"name": "a.bin", "sha256": hashlib.sha256(data).hexdigest(), "size": str(len(data))}
    async with asyncio.timeout(30):
        answer = await house.browser().put(
            "/api/v1/inbox/file", params=query, headers={"Authorization": f"Bearer {secret}"}, content=slowly()
        )
    assert (answer.status_code, house.site.inbox.find(made.id, "a.bin")) == (401, None)
    await house.site.close()

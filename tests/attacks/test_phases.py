"""What the server reports of a real connection to the manager, and that late ones are closed, on the test's clock."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from tawny.api.auth.access import COOKIE, Access, rule
from tawny.api.auth.accounts import Caller, Role, TokenPurpose
from tawny.api.client_protocols import CONNECTION, HTTP_RULES, AdmittedRequests
from tawny.api.server import WebServer
from tawny.engine.connections import ClientConnection, ConnectionLimits, ConnectionManager, Phase
from tawny.engine.tls import make_server_context
from tawny.service.backup.backup_service import BackupService
from tawny.service.backup.restore import UPLOAD
from tawny.testing.clock import FakeClock
from tests.api.fakes import make_house
from tests.delivery.certificates import self_signed

HOST = b"Host: 127.0.0.1\r\n"
POST = (
    b"POST /api/v1/sign-in HTTP/1.1\r\n" + HOST + b"X-Tawny: 1\r\nSec-Fetch-Site: same-origin\r\n"
    b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
)


@dataclass
class Watched:
    app: FastAPI
    server: WebServer
    manager: ConnectionManager
    clock: FakeClock
    cookie: bytes

    async def open(
        self, sent: bytes, trusting: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.server.address.split(":"), ssl=trusting)
        writer.write(sent)
        return reader, writer

    async def only_one(self, phase: Phase) -> ClientConnection:
        """The one connection, once it is in this phase."""
        async with asyncio.timeout(10):
            while True:
                found = list(self.manager)
                if len(found) == 1 and found[0].phase is phase:
                    return found[0]
                await asyncio.sleep(0.01)

    def sweep_after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.manager.sweep()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    house, clock = make_house(tmp_path), FakeClock()
    manager = ConnectionManager(clock)
    token = house.accounts.begin_session(house.accounts.put_person("Anna", Role.OWNER), Caller("127.0.0.1"))
    context = make_server_context()
    context.load_cert_chain(self_signed(tmp_path))
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0, manager, lambda: context)
    await server.start()
    yield Watched(house.app, server, manager, clock, f"Cookie: {COOKIE}={token}\r\n".encode())
    await server.stop()
    house.accounts.close()


@pytest.mark.parametrize(
    ("sent", "trickle", "phase", "last_s"),
    [
        (b"", b"", Phase.OPEN, 10.0),
        (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n", Phase.HEAD, 10.0),
        (POST, b" ", Phase.BODY, 20.0),
        (b"GET /api/v1/session HTTP/1.1\r\n" + HOST + b"\r\n", b"", Phase.IDLE, 40.0),
    ],
)
async def test_a_slow_connection_is_closed_at_its_deadline(
    watched: Watched, sent: bytes, trickle: bytes, phase: Phase, last_s: float
) -> None:
    reader, writer = await watched.open(sent)
    await watched.only_one(phase)
    for _ in range(4):
        watched.sweep_after(last_s / 4 - 0.1)
        writer.write(trickle)
        await asyncio.sleep(0.05)
    assert len(watched.manager) == 1
    watched.sweep_after(1.0)
    assert len(watched.manager) == 0
    async with asyncio.timeout(10):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1_000_000)
    writer.close()


@pytest.mark.parametrize(
    ("method", "stated", "sent", "is_closed"),
    [
        ("GET", "10", b"only", True),
        ("GET", "10", b"", True),
        ("GET", "4", b"all.", False),
        ("GET", "", b"any", False),
        ("HEAD", "10", b"", False),
    ],
)
async def test_a_body_shorter_than_stated_closes_the_connection_and_logs_nothing(
    watched: Watched, caplog: pytest.LogCaptureFixture, method: str, stated: str, sent: bytes, is_closed: bool
) -> None:
    async def page() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield sent

        return StreamingResponse(body(), headers={"Content-Length": stated} if stated else {})

    route, routes = APIRoute("/healthz/short", page, methods=[method]), watched.app.router.routes
    routes.insert(0, route)
    try:
        reader, writer = await watched.open(method.encode() + b" /healthz/short HTTP/1.1\r\n" + HOST + b"\r\n")
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            if is_closed:
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1_000_000)
            else:
                await watched.only_one(Phase.IDLE)
        writer.close()
    finally:
        routes.remove(route)
    assert not [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]


async def test_who_has_a_session_is_signed_in(watched: Watched) -> None:
    request = b"GET /api/v1/cameras HTTP/1.1\r\n" + HOST
    _, writer = await watched.open(request + watched.cookie + b"\r\n")
    assert (await watched.only_one(Phase.IDLE)).is_signed_in
    writer.write(request + b"\r\n")
    async with asyncio.timeout(10):
        while (await watched.only_one(Phase.IDLE)).is_signed_in:
            await asyncio.sleep(0.01)
    writer.close()


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_download_that_is_read_with_long_pauses_goes_on_and_one_that_is_not_read_ends(
    watched: Watched, is_secure: bool
) -> None:
    async def page() -> StreamingResponse:
        return StreamingResponse(bytes(65_536) for _ in range(1000))

    route, routes = APIRoute("/healthz/long", page, dependencies=[rule(Access.VIEW)]), watched.app.router.routes
    routes.insert(0, route)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    asked = b"GET /healthz/long HTTP/1.1\r\n" + HOST + watched.cookie + b"\r\n"
    _, writer = await watched.open(asked, trusting if is_secure else None)
    try:
        await watched.only_one(Phase.STALLED)
        watched.sweep_after(299)
        assert len(watched.manager) == 1
        watched.sweep_after(2)
        assert len(watched.manager) == 0
    finally:
        routes.remove(route)
        writer.transport.abort()


async def test_a_backup_larger_than_what_strangers_may_send_arrives_with_the_setup_link(tmp_path: Path) -> None:
    house, manager = make_house(tmp_path), ConnectionManager(FakeClock(), ConnectionLimits(held_bytes=100_000))
    house.site.backup = BackupService(tmp_path, tmp_path / "tawny.toml", "garage", house.clock)
    link, house.site.owner.has_owner = house.accounts.new_token(TokenPurpose.CLAIM), False
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0, manager)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection(*server.place)
        head = f"POST /api/v1/setup/restore/file HTTP/1.1\r\nX-Setup-Token: {link}\r\nContent-Length: 300000\r\n"
        writer.write(head.encode() + HOST + b"X-Tawny: 1\r\nSec-Fetch-Site: same-origin\r\n\r\n")
        for _ in range(30):  # as on a line between two computers
            writer.write(bytes(10_000))
            await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
        writer.close()
    finally:
        await server.stop()
        house.accounts.close()


async def test_an_upload_whose_line_dies_ends_however_fast_it_was(watched: Watched, tmp_path: Path) -> None:
    """What came last was more than the server takes at once, so it stopped reading for a moment."""
    watched.app.state.site.backup = BackupService(tmp_path, tmp_path / "tawny.toml", "garage", watched.clock)
    head = b"PUT /api/v1/restore/file HTTP/1.1\r\nX-Tawny: 1\r\nSec-Fetch-Site: same-origin\r\n"
    _, writer = await watched.open(head + HOST + watched.cookie + b"Content-Length: 9000000\r\n\r\n" + bytes(1_100_000))
    async with asyncio.timeout(10):
        while not (tmp_path / UPLOAD).exists() or not (tmp_path / UPLOAD).stat().st_size:
            await asyncio.sleep(0.01)
    await watched.only_one(Phase.BODY)
    watched.sweep_after(61)
    assert len(watched.manager) == 0
    async with asyncio.timeout(10):
        while (tmp_path / UPLOAD).exists():
            await asyncio.sleep(0.01)
    writer.transport.abort()


async def test_a_websocket_with_a_session_is_never_closed_for_others(watched: Watched) -> None:
    _, writer = await watched.open(
        b"GET /api/v1/ws HTTP/1.1\r\nHost: " + watched.server.address.encode() + b"\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Origin: http://" + watched.server.address.encode() + b"\r\n" + watched.cookie + b"\r\n"
    )
    connection = await watched.only_one(Phase.ACTIVE)
    assert connection.rules.stalled_s == 60, "it is live: what waits is outdated"
    async with asyncio.timeout(10):
        while not connection.is_signed_in:
            await asyncio.sleep(0.01)
    watched.sweep_after(86_400)
    assert not watched.manager.relieve()
    writer.close()
    async with asyncio.timeout(10):
        while len(watched.manager):
            await asyncio.sleep(0.01)


async def test_a_client_behind_a_proxy_that_has_too_many_is_told_so() -> None:
    manager = ConnectionManager(FakeClock(), ConnectionLimits(total=10, of_address=2))
    answers: list[int] = []
    over = asyncio.Event()

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][CONNECTION].enter(Phase.ACTIVE)
        scope["state"][CONNECTION].sign_in()
        await over.wait()
        await PlainTextResponse("page")(scope, receive, send)

    async def ask() -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope: Scope = {"type": "http", "client": ("203.0.113.7", 1), "headers": [], "method": "GET"}
        scope["state"] = {CONNECTION: manager.admit("127.0.0.1", HTTP_RULES)}
        await AdmittedRequests(page)(scope, receive, send)

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0.05)
    over.set()
    await asyncio.gather(*asking)
    assert answers == [429, 200, 200]


async def test_whoever_has_not_signed_in_gets_a_body_in_portions() -> None:
    manager = ConnectionManager(FakeClock())
    sizes: list[int] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("x" * 100_000)(scope, receive, send)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sizes.append(len(message["body"]))

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: Scope = {"type": "http", "client": ("203.0.113.7", 1), "headers": [], "method": "GET"}
    scope["state"] = {CONNECTION: manager.admit("127.0.0.1", HTTP_RULES)}
    await AdmittedRequests(page)(scope, receive, send)
    assert (sum(sizes), max(sizes)) == (100_000, 16_384)

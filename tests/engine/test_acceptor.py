"""Accepting on a real socket while descriptors run out, and when connections have used all that they may."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tawny.engine.acceptor import PAUSE_S, ConnectionAcceptor, bind_sockets
from tawny.engine.connections import ClientConnection, ConnectionLimits, ConnectionManager, ConnectionRules
from tawny.testing.clock import FakeClock
from tests.engine.test_descriptors import without_descriptors


class Greeting(asyncio.Protocol):
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connection.abort = transport.abort
        transport.write(b"hello")

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.release()


@asynccontextmanager
async def accepting(manager: ConnectionManager) -> AsyncIterator[tuple[str, int]]:
    (listening,) = bind_sockets([("127.0.0.1", socket.AF_INET)], 0)
    acceptor = ConnectionAcceptor(listening, manager, ConnectionRules(), Greeting)
    acceptor.start()
    address: tuple[str, int] = listening.getsockname()
    try:
        yield address
    finally:
        acceptor.stop()
        while manager.relieve():
            pass
        await asyncio.sleep(0.01)


async def greeting(client: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(client, 10)


async def test_without_descriptors_it_waits_and_writes_little(caplog: pytest.LogCaptureFixture) -> None:
    async with accepting(ConnectionManager(FakeClock())) as address:
        with socket.socket() as client:
            client.setblocking(False)
            with without_descriptors():
                await asyncio.get_running_loop().sock_connect(client, address)
                await asyncio.sleep(3 * PAUSE_S)
            lines = [one for one in caplog.records if one.levelno >= logging.WARNING]
            assert 1 <= len(lines) <= 4
            async with asyncio.timeout(10):
                assert await greeting(client) == b"hello"


async def test_no_connection_gets_a_descriptor_that_is_kept_for_files(caplog: pytest.LogCaptureFixture) -> None:
    manager = ConnectionManager(FakeClock(), ConnectionLimits(ceiling=3))
    async with accepting(manager) as address:
        for _ in range(2):
            with socket.create_connection(address) as client:
                client.setblocking(False)
                async with asyncio.timeout(10):
                    assert await greeting(client) == b""
        assert (len(manager), manager.refused) == (0, 2)
    (line,) = (one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING)
    assert "leaves them 3" in line
    assert "LimitNOFILE" in line


async def test_a_connection_is_closed_for_another_one_at_once() -> None:
    manager = ConnectionManager(FakeClock(), ConnectionLimits(total=1))
    async with accepting(manager) as address:
        with socket.create_connection(address) as first, socket.create_connection(address) as second:
            first.setblocking(False)
            second.setblocking(False)
            async with asyncio.timeout(10):
                assert await greeting(second) == b"hello"
                assert await greeting(first) in (b"", b"hello")
        assert manager.closed == 1

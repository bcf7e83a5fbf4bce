"""Accepting on a real socket while descriptors run out, and when connections have used all that they may."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tawny.engine.acceptor import PAUSE_S, ConnectionAcceptor, MakeProtocol, bind_sockets
from tawny.engine.connections import ClientConnection, ConnectionLimits, ConnectionManager, ConnectionRules, Phase
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
async def accepting(manager: ConnectionManager, make: MakeProtocol = Greeting) -> AsyncIterator[tuple[str, int]]:
    (listening,) = bind_sockets([("127.0.0.1", socket.AF_INET)], 0)
    acceptor = ConnectionAcceptor(listening, manager, ConnectionRules(), make)
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


class Waiting(asyncio.Protocol):
    """Says that something has arrived."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connection.close_with(transport.abort)

    def data_received(self, data: bytes) -> None:
        self._connection.enter(Phase.ACTIVE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.release()


async def test_a_request_that_came_while_the_computer_was_too_busy_to_read_it_is_read() -> None:
    """The loop's clock jumps by more than the deadline between accepting and the first look at what arrived."""
    clock, loop = FakeClock(), asyncio.get_running_loop()
    manager = ConnectionManager(clock)
    jumped_s, time = 0.0, loop.time
    loop.time = lambda: time() + jumped_s  # type: ignore[method-assign]
    try:
        async with accepting(manager, Waiting) as address:
            with socket.create_connection(address) as client:
                while not len(manager):
                    await asyncio.sleep(0)
                jumped_s = 30.0
                clock.advance(jumped_s)
                client.sendall(b"GET / HTTP/1.1")
                while manager.closed == 0 and next(iter(manager)).phase is Phase.OPEN:
                    await asyncio.sleep(0)
                assert manager.closed == 0
    finally:
        loop.time = time  # type: ignore[method-assign]

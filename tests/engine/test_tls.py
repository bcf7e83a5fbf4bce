"""One port for plain connections and TLS: hostile clients, limits, and a certificate that changes under connections."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tawny.engine import tls
from tawny.engine.acceptor import ConnectionAcceptor, bind_sockets
from tawny.engine.connections import (
    DEADLINES,
    ClientConnection,
    ConnectionLimits,
    ConnectionManager,
    ConnectionRules,
    Phase,
)
from tawny.engine.tls import BURST, EACH_PER_S, FirstBytes, HandshakePace, make_server_context
from tawny.testing.clock import FakeClock
from tests.support.certificates import write_pair

PAUSE_S = 0.05


class Echo(asyncio.Protocol):
    """Says whether it came by TLS, then repeats what it gets."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connection.abort = transport.abort
        transport.write(b"tls" if transport.get_extra_info("sslcontext") else b"raw")

    def data_received(self, data: bytes) -> None:
        self._connection.enter(Phase.HEAD)
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.release()


ANSWER_BYTES, RECEIVE_BYTES, BIT_BYTES = 8_000_000, 64_000, 32_000
"""More than the kernel takes for a client that does not read."""


class Answer(Echo):
    """Answers at length, and closes."""

    def data_received(self, data: bytes) -> None:
        self._transport.write(bytes(ANSWER_BYTES))
        self._transport.close()
        self._connection.enter(Phase.IDLE)


class SignedInAnswer(Answer):
    """Answers a client that has signed in."""

    def data_received(self, data: bytes) -> None:
        self._connection.sign_in()
        super().data_received(data)


class Served:
    """context: of new handshakes."""

    def __init__(
        self, folder: Path, clock: FakeClock, limits: ConnectionLimits | None = None, make: type[Echo] = Echo
    ) -> None:
        self._make = make
        self.clock, self.manager = clock, ConnectionManager(clock, limits, trusted=())
        self.context: ssl.SSLContext | None = context_of(folder / "first")
        self.address = ("", 0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Served"]:
        (listening,) = bind_sockets([("127.0.0.1", socket.AF_INET)], 0)
        first = FirstBytes(lambda: self.context, HandshakePace(self.clock))
        acceptor = ConnectionAcceptor(listening, self.manager, ConnectionRules(), self._make, first)
        acceptor.start()
        self.address = listening.getsockname()
        try:
            yield self
        finally:
            acceptor.stop()
            while self.manager.relieve():
                pass
            await asyncio.sleep(PAUSE_S)

    async def secure(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        client.settimeout(0)
        await asyncio.get_running_loop().sock_connect(client, self.address)
        return await asyncio.open_connection(sock=client, ssl=context, server_hostname="localhost")

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.manager) != count:
                await asyncio.sleep(0.01)


def context_of(folder: Path) -> ssl.SSLContext:
    made = make_server_context()
    made.load_cert_chain(*write_pair(folder))
    return made


def hello(name: str = "localhost") -> bytes:
    """The first bytes of a client that means it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


async def test_one_port_serves_both(tmp_path: Path) -> None:
    async with Served(tmp_path, FakeClock()).running() as served:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(b"GET")
        assert await reader.readexactly(6) == b"rawGET"
        safe_reader, safe_writer = await served.secure()
        safe_writer.write(b"GET")
        assert await safe_reader.readexactly(6) == b"tlsGET"
        for one in (writer, safe_writer):
            one.close()
        await served.until_open(0)


async def test_without_a_certificate_all_is_plain(tmp_path: Path) -> None:
    served = Served(tmp_path, FakeClock())
    served.context = None
    async with served.running():
        reader, writer = await asyncio.open_connection(*served.address)
        assert await reader.readexactly(3) == b"raw"
        writer.close()


async def test_handshakes_that_never_end_give_way_to_newer_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MOST_HANDSHAKES", 3)
    async with Served(tmp_path, FakeClock()).running() as served:
        half_open = []
        for _ in range(5):
            reader, writer = await asyncio.open_connection(*served.address)
            writer.write(hello()[:20])
            half_open.append((reader, writer))
            await asyncio.sleep(PAUSE_S)
        await served.until_open(3)
        async with asyncio.timeout(5):
            for reader, _ in half_open[:2]:
                assert await reader.read() == b"", "the two oldest"
        safe = [await served.secure() for _ in range(6)]
        for reader, writer in safe:
            writer.write(b"GET")
            assert await reader.readexactly(6) == b"tlsGET", "what is done takes no place"
        for _, writer in (*half_open, *safe):
            writer.close()
        await served.until_open(0)


async def test_a_new_certificate_leaves_open_connections_alone(tmp_path: Path) -> None:
    async with Served(tmp_path, FakeClock()).running() as served:
        reader, writer = await served.secure()
        before = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        served.context = context_of(tmp_path / "second")
        _, newer = await served.secure()
        assert newer.get_extra_info("ssl_object").getpeercert(binary_form=True) != before
        writer.write(b"still here")
        assert await reader.readexactly(13) == b"tlsstill here"
        for one in (writer, newer):
            one.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with Served(tmp_path, FakeClock()).running() as served:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = context.maximum_version = version
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(*served.address, ssl=context)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16" + os.urandom(2000),
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
        b"\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff",
        hello("x" * 60 + ".example." + "y" * 60),
        hello("127.0.0.1.nip.io")[:80],
        hello()[:1],
    ],
    ids=["random", "zeros", "too long", "odd name", "half a hello", "one byte"],
)
async def test_what_is_no_handshake_ends_quietly(tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with Served(tmp_path, FakeClock()).running() as served:
        _, writer = await asyncio.open_connection(*served.address)
        writer.write(sent)
        with suppress(OSError):
            await writer.drain()
        writer.close()
        await served.until_open(0)
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("sent", [b"", hello(), hello()[:40]], ids=["nothing", "hello only", "a part of it"])
async def test_who_does_not_finish_the_handshake_is_closed_in_time(tmp_path: Path, sent: bytes) -> None:
    async with Served(tmp_path, FakeClock()).running() as served:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(sent)
        await served.until_open(1)
        await asyncio.sleep(PAUSE_S)
        served.clock.advance(9)
        served.manager.sweep()
        assert len(served.manager) == 1
        served.clock.advance(2)
        served.manager.sweep()
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                while await reader.read(10_000):
                    pass
        assert len(served.manager) == 0
        writer.close()


async def test_half_handshakes_by_the_hundred_are_bounded(tmp_path: Path) -> None:
    limits, opening = ConnectionLimits(total=40, of_address=30), hello()
    async with Served(tmp_path, FakeClock(), limits).running() as served:
        clients = []
        for _ in range(300):
            client = socket.create_connection(served.address)
            client.sendall(opening)
            clients.append(client)
            await asyncio.sleep(0)
            assert len(served.manager) <= 30
        served.clock.advance(20)  # then the pace of this address lets another one in
        reader, writer = await served.secure()
        writer.write(b"x")
        assert await reader.readexactly(4) == b"tlsx", "someone with a purpose comes through"
        for client in clients:
            client.close()
        writer.close()


async def test_stopping_closes_who_has_not_begun(tmp_path: Path) -> None:
    served = Served(tmp_path, FakeClock())
    async with served.running():
        reader, writer = await asyncio.open_connection(*served.address)
        await served.until_open(1)
    assert await reader.read(1) == b""
    writer.close()


async def test_an_answer_of_a_connection_that_closes_arrives_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "SHUTDOWN_S", PAUSE_S)
    async with Served(tmp_path, FakeClock(), make=Answer).running() as served:
        reader, writer = await served.secure()
        assert await reader.readexactly(3) == b"tls"
        writer.write(b"GET")
        await asyncio.sleep(6 * PAUSE_S)
        async with asyncio.timeout(30):
            assert len(await reader.read()) == ANSWER_BYTES
        await served.until_open(0)
        writer.close()


async def test_who_reads_nothing_of_an_answer_is_closed_by_the_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "SHUTDOWN_S", PAUSE_S)
    async with Served(tmp_path, FakeClock(), make=Answer).running() as served:
        _, writer = await served.secure()
        writer.write(b"GET")
        async with asyncio.timeout(30):
            while [one.phase for one in served.manager] != [Phase.STALLED]:
                await asyncio.sleep(PAUSE_S)
        served.clock.advance(DEADLINES[Phase.STALLED] + 1)
        served.manager.sweep()
        assert len(served.manager) == 0
        writer.transport.abort()


@pytest.mark.parametrize("make", [Answer, SignedInAnswer])
async def test_who_reads_an_answer_bit_by_bit_has_as_long_as_any_other_unless_signed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: type[Answer]
) -> None:
    monkeypatch.setattr(tls, "SHUTDOWN_S", PAUSE_S)
    monkeypatch.setattr(tls, "UNSIGNED_S", 6 * PAUSE_S)
    async with Served(tmp_path, FakeClock(), make=make).running() as served:
        reader, writer = await served.secure()
        assert await reader.readexactly(3) == b"tls"
        writer.write(b"GET")
        got_bytes, loop = 0, asyncio.get_running_loop()
        end_s = loop.time() + 20 * PAUSE_S
        with suppress(ConnectionResetError):
            while loop.time() < end_s:
                got_bytes += len(await reader.read(BIT_BYTES))
                await asyncio.sleep(PAUSE_S / 2)
        assert len(served.manager) == (make is SignedInAnswer)
        async with asyncio.timeout(30):
            with suppress(ConnectionResetError):
                got_bytes += len(await reader.read())
        assert (got_bytes == ANSWER_BYTES) == (make is SignedInAnswer)
        writer.transport.abort()


async def test_who_says_no_goodbye_is_closed_once_all_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "SHUTDOWN_S", PAUSE_S)
    async with Served(tmp_path, FakeClock(), make=Answer).running() as served:
        monkeypatch.setattr("tests.engine.test_tls.ANSWER_BYTES", 10)
        reader, writer = await served.secure()
        writer.write(b"GET")
        await reader.readexactly(1)
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        await served.until_open(0)
        writer.transport.abort()


class TestPace:
    def test_a_burst_is_free_and_then_it_waits(self) -> None:
        pace = HandshakePace(FakeClock())
        assert [pace.delay_s("a") for _ in range(int(BURST))] == pytest.approx([0.0] * int(BURST))
        waits = [pace.delay_s("a") for _ in range(3)]
        assert waits == sorted(waits)
        assert waits[-1] == pytest.approx(2 / EACH_PER_S, abs=1 / EACH_PER_S)

    def test_one_address_does_not_slow_another(self) -> None:
        pace = HandshakePace(FakeClock())
        for _ in range(int(BURST) + 100):
            pace.delay_s("attacker")
        assert pace.delay_s("family") == pytest.approx(0.0)

    def test_it_refuses_at_last_and_recovers(self) -> None:
        clock = FakeClock()
        pace = HandshakePace(clock)
        waits = [pace.delay_s("a") for _ in range(2000)]
        assert max(waits) < 11
        clock.advance(15)
        assert pace.delay_s("a") == pytest.approx(0.0)

    def test_this_computer_never_waits(self) -> None:
        pace = HandshakePace(FakeClock())
        assert {pace.delay_s(None) for _ in range(5000)} == {0.0}

    def test_all_together_have_a_pace_too(self) -> None:
        pace = HandshakePace(FakeClock())
        assert max(pace.delay_s(f"client {number}") for number in range(2000)) > 5

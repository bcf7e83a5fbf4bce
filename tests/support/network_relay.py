"""A faulty network link on loopback, in its own thread: TCP slow or delayed, UDP delayed and lossy.

`python -m tests.support.network_relay HOST:PORT HOST:PORT` relays TCP from the first address to the second until
terminated, for example out of an isolated network namespace.
"""

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

PIECE_BYTES = 4096
HELD_BYTES = 16_384
"""Data buffered before backpressure reaches the sender, bytes."""
LOOK_S = 0.1
"""How often a line that is cut looks whether it is whole again."""
Address = tuple[str, int]


@dataclass
class NetworkRelay:
    """Properties of a link.

    rate: bytes per second towards the client; None: unlimited. delay_s: in both directions. loss: share of UDP packets;
    with TCP the data is delayed instead. is_cut: nothing of TCP passes, and neither side is told, as with a cable that
    was pulled; data under way arrives when it is back. loses: how the TCP request begins whose answer is lost next: the
    client's connection is reset instead.
    """

    rate: float | None = None
    delay_s: float = 0.0
    loss: float = 0.0
    port: int = 0
    """The listening port."""
    lost: int = 0
    is_cut: bool = False
    loses: bytes = b""

    async def uncut(self) -> None:
        while self.is_cut:
            await asyncio.sleep(LOOK_S)


@contextmanager
def tcp_line(target: Address, line: NetworkRelay, host: str = "127.0.0.1") -> Iterator[NetworkRelay]:
    """Relay TCP to `target`."""

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(task := asyncio.get_running_loop().create_task(_serve(target, line, reader, writer)))
        task.add_done_callback(serving.discard)

    serving: set[asyncio.Task[None]] = set()

    async def open_it() -> Callable[[], None]:
        server = await asyncio.start_server(serve, host, line.port)
        line.port = server.sockets[0].getsockname()[1]
        return server.close

    with _running(open_it):
        yield line


@contextmanager
def udp_line(target: Address, line: NetworkRelay, host: str = "127.0.0.1") -> Iterator[NetworkRelay]:
    """Relay UDP to `target`; each sender gets its own socket."""

    async def open_it() -> Callable[[], None]:
        front = _Front(target, line)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: front, (host, line.port))
        line.port = transport.get_extra_info("sockname")[1]
        return front.close

    with _running(open_it):
        yield line


@contextmanager
def _running(open_it: Callable[[], Coroutine[Any, Any, Callable[[], None]]]) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    close = asyncio.run_coroutine_threadsafe(open_it(), loop).result(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_ended(close), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _ended(close: Callable[[], None]) -> None:
    close()
    while tasks := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    target: Address, line: NetworkRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writers = [writer]
    try:
        await line.uncut()
        behind_reader, behind_writer = await asyncio.open_connection(*target, limit=HELD_BYTES)
        writers.append(behind_writer)
        for each in writers:
            each.transport.set_write_buffer_limits(HELD_BYTES)
        both = [
            asyncio.create_task(_pass(reader, behind_writer, line, writer)),
            asyncio.create_task(_pass(behind_reader, writer, line)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
    except OSError:
        return
    finally:
        for each in writers:
            each.close()


async def _pass(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    line: NetworkRelay,
    client: asyncio.StreamWriter | None = None,
) -> None:
    """Pass on what arrives. client: who sends it; None: it is sent to the client."""
    loop, chance = asyncio.get_running_loop(), random.Random(7)
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(4096 if line.delay_s else 1)

    async def read() -> None:
        while data := await reader.read(PIECE_BYTES):
            await waiting.put((loop.time() + line.delay_s, data))
        await waiting.put((0.0, b""))

    reading = asyncio.create_task(read())
    try:
        with suppress(OSError):
            while (piece := await waiting.get())[1]:
                due_s, data = piece
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                if chance.random() < line.loss:
                    await asyncio.sleep(line.delay_s * 3)
                if client is None and line.rate:
                    await asyncio.sleep(len(data) / line.rate)
                await line.uncut()
                writer.write(data)
                await writer.drain()
                if client is not None and line.loses and data.startswith(line.loses):
                    line.loses = b""
                    line.lost += 1
                    client.transport.abort()
    finally:
        reading.cancel()


class _Front(asyncio.DatagramProtocol):
    def __init__(self, target: Address, line: NetworkRelay) -> None:
        self._target, self._line = target, line
        self._chance = random.Random(7)
        self._transport: asyncio.DatagramTransport | None = None
        self._behind: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr not in self._behind:
            self._behind[addr] = asyncio.get_running_loop().create_task(self._open(addr))
        self._behind[addr].add_done_callback(lambda done: self.later(lambda: done.result().sendto(data)))

    def back(self, data: bytes, addr: Address) -> None:
        transport = self._transport
        if transport is not None:
            self.later(lambda: transport.sendto(data, addr))

    def later(self, send: Callable[[], None]) -> None:
        if self._chance.random() < self._line.loss:
            self._line.lost += 1
        else:
            asyncio.get_running_loop().call_later(self._line.delay_s, send)

    def close(self) -> None:
        for task in self._behind.values():
            if task.done():
                task.result().close()
        if self._transport:
            self._transport.close()

    async def _open(self, addr: Address) -> asyncio.DatagramTransport:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Back(self, addr), remote_addr=self._target
        )
        return transport


class _Back(asyncio.DatagramProtocol):
    def __init__(self, front: _Front, addr: Address) -> None:
        self._front, self._addr = front, addr

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._front.back(data, self._addr)


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    listen, target = (address(text) for text in sys.argv[1:3])
    with tcp_line(target, NetworkRelay(port=listen[1]), listen[0]):
        threading.Event().wait()


if __name__ == "__main__":
    main()

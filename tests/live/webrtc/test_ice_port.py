"""The port that all connections share: who a datagram is for, and what TCP connections may cost."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from struct import pack

import pytest
from aioice.stun import Class, Message, Method, parse_message

from tawny.config.settings import LiveSettings
from tawny.engine.connections import DEADLINES, ConnectionLimits, ConnectionManager, ConnectionRules, Phase
from tawny.live.webrtc import peer_connection
from tawny.live.webrtc.ice import IceAgent, UdpMux
from tawny.live.webrtc.ice_paths import (
    FULL_BYTES,
    MOST_TCP_WAITING_BYTES,
    MOST_UNCLAIMED_BYTES,
    MOST_UNSENT_BYTES,
    Address,
    IcePath,
    TcpPath,
    is_stun,
)
from tawny.live.webrtc.peer_connection import CannotStream, WebRtcConnections
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT
from tests.live.webrtc.test_ice import REMOTE, VIEWER, check
from tests.live.webrtc.test_sdp import OFFER, SENT

RECEIVE_BYTES = 20_000
KEYFRAME_BYTES = 2_500_000
MEDIA = b"\x80" + bytes(1199)


@dataclass
class Port:
    """An open port with its manager, which takes this computer for any other."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.manager = ConnectionManager(self.clock, self.limits, trusted=())
        self.mux = UdpMux(["127.0.0.1"], 0, self.manager)
        self.taken: list[bytes] = []

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Port"]:
        await self.mux.open()
        while all(one.transport != "tcp" for one in self.mux.candidates()):  # another program has this number for TCP
            self.mux.close()
            self.mux = UdpMux(["127.0.0.1"], 0, self.manager)
            await self.mux.open()
        try:
            yield self
        finally:
            self.mux.close()
            await self.until_open(0)

    def agent(self) -> IceAgent:
        made = IceAgent(REMOTE, self.clock, lambda: None, self.taken.append)
        self.mux.add(made)
        return made

    async def client(self) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        made.settimeout(0)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self.mux.number))
        return made

    async def viewer(self, agent: IceAgent) -> socket.socket:
        """A client whose check was answered."""
        made = await self.client()
        await say(made, check(agent))
        assert is_stun(await heard(made))
        return made

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.manager) != count:
                await asyncio.sleep(0.01)


async def say(client: socket.socket, datagram: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(client, pack(">H", len(datagram)) + datagram)


async def heard(client: socket.socket) -> bytes:
    """The next datagram; empty if the connection is closed."""
    async with asyncio.timeout(10):
        length = await _read(client, 2)
        return await _read(client, int.from_bytes(length, "big"))


async def _read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        try:
            more = await asyncio.get_running_loop().sock_recv(client, count - len(data))
        except ConnectionResetError:
            return b""
        if not more:
            return b""
        data += more
    return data


async def test_a_silent_tcp_connection_is_closed_and_a_viewers_stays() -> None:
    async with Port().opened() as port:
        silent, viewer = await port.client(), await port.viewer(port.agent())
        await port.until_open(2)
        port.clock.advance(DEADLINES[Phase.OPEN] + 1)
        port.manager.sweep()
        assert await heard(silent) == b""
        assert [(one.phase, one.is_signed_in) for one in port.manager] == [(Phase.ACTIVE, True)]
        silent.close()
        viewer.close()


async def test_tcp_connections_keep_the_limits_of_all_servers() -> None:
    async with Port(ConnectionLimits(total=2)).opened() as port:
        agent = port.agent()
        viewer = await port.viewer(agent)
        first, second = await port.client(), await port.client()
        assert await heard(first) == b"", "it has waited longest"
        agent.send(MEDIA)
        assert await heard(viewer) == MEDIA
        for client in (viewer, first, second):
            client.close()


async def test_a_long_datagram_of_a_stranger_is_not_waited_for() -> None:
    async with Port().opened() as port:
        client = await port.client()
        await asyncio.get_running_loop().sock_sendall(client, pack(">H", MOST_UNCLAIMED_BYTES))
        assert await heard(client) == b""
        client.close()


async def test_a_viewer_that_stops_reading_is_closed_with_its_connection() -> None:
    async with Port().opened() as port:
        agent = port.agent()
        viewer = await port.viewer(agent)
        for _ in range(2 * MOST_TCP_WAITING_BYTES // len(MEDIA)):
            agent.send(MEDIA)
        port.mux.forget(agent)
        await port.until_open(0)
        viewer.close()


async def test_a_large_keyframe_arrives_whole() -> None:
    """It is sent at once: the connection cannot take more until it is."""
    async with Port().opened() as port:
        agent = port.agent()
        viewer = await port.viewer(agent)
        for number in range(KEYFRAME_BYTES // len(MEDIA)):
            agent.send(MEDIA[:-4] + pack(">I", number))
        for number in range(KEYFRAME_BYTES // len(MEDIA)):
            assert await heard(viewer) == MEDIA[:-4] + pack(">I", number)
        viewer.close()


async def test_a_check_is_answered_soon_over_a_slow_line() -> None:
    async with Port().opened() as port:
        agent = port.agent()
        viewer = await port.viewer(agent)
        path = agent.path
        assert path is not None
        while not path.is_full():
            agent.send(MEDIA)
        await say(viewer, check(agent))
        before = 0
        while not is_stun(got := await heard(viewer)):
            before += len(got)
        assert before < FULL_BYTES + MOST_UNSENT_BYTES + 10 * RECEIVE_BYTES
        viewer.close()


class Full(asyncio.Transport):
    """A TCP connection that sends nothing: its buffer only grows."""

    def __init__(self) -> None:
        super().__init__({"peername": VIEWER})
        self.waiting_bytes = 0
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.waiting_bytes += len(data)

    def abort(self) -> None:
        self.is_aborted = True


@dataclass
class Accepted:
    """A TCP connection that takes nothing, of a viewer after `say(check(…))`."""

    port: Port = field(default_factory=Port)

    def __post_init__(self) -> None:
        self.agent, self.full = self.port.agent(), Full()
        admitted = self.port.manager.admit(VIEWER[0], ConnectionRules())
        assert admitted is not None
        self.admitted = admitted
        self.tcp = TcpPath(self.port.mux, admitted)
        self.tcp.connection_made(self.full)

    def say(self, datagram: bytes) -> None:
        self.tcp.data_received(pack(">H", len(datagram)) + datagram)


def test_a_check_with_a_wrong_password_makes_no_viewer() -> None:
    here = Accepted()
    for datagram in (MEDIA, check(here.agent, password="y" * 24), check(here.agent, name="another")):
        here.say(datagram)
        assert (here.admitted.phase, here.admitted.is_signed_in) == (Phase.OPEN, False)
    here.say(check(here.agent))
    assert (here.admitted.phase, here.admitted.is_signed_in) == (Phase.ACTIVE, True)


def test_a_full_tcp_connection_gets_checks_and_no_more_media_and_not_for_ever() -> None:
    here = Accepted()
    full = here.full
    here.say(check(here.agent))
    for _ in range(2 * MOST_TCP_WAITING_BYTES // len(MEDIA)):
        here.agent.send(MEDIA)
    assert MOST_TCP_WAITING_BYTES <= full.waiting_bytes < MOST_TCP_WAITING_BYTES + 2 * len(MEDIA)
    before = full.waiting_bytes
    here.say(check(here.agent))
    assert full.waiting_bytes > before, "the answer"
    full.waiting_bytes = 3 * MOST_TCP_WAITING_BYTES
    assert not full.is_aborted
    here.say(check(here.agent))
    assert full.is_aborted


def test_a_tcp_connection_that_takes_nothing_is_closed_in_time() -> None:
    here = Accepted()
    here.say(check(here.agent))
    for is_late in (False, True):
        here.tcp.pause_writing()
        here.port.clock.advance(DEADLINES[Phase.STALLED] + 1)
        if not is_late:
            here.tcp.resume_writing()
        here.port.manager.sweep()
        assert here.full.is_aborted == is_late


def path_to(sent: list[bytes], remote: Address = VIEWER) -> IcePath:
    return IcePath("udp", remote, sent.append)


def test_a_second_connection_from_the_same_port_is_answered_and_gets_what_follows() -> None:
    port, way, sent = Port(), object(), list[bytes]()
    first, taken = port.agent(), list[bytes]()
    second = IceAgent(REMOTE, port.clock, lambda: None, taken.append)
    port.mux.add(second)
    assert port.mux.on_datagram(way, VIEWER, check(first), lambda: path_to(sent))
    assert port.mux.on_datagram(way, VIEWER, check(second), lambda: path_to(sent))
    assert len(sent) == 2
    port.mux.on_datagram(way, VIEWER, MEDIA, lambda: path_to(sent))
    assert (port.taken, taken) == ([], [MEDIA])
    port.mux.forget(first)
    assert port.mux.on_datagram(way, VIEWER, MEDIA, lambda: path_to(sent)), "the path is the second's"


def test_a_wrong_check_takes_no_path_over() -> None:
    port, way, sent = Port(), object(), list[bytes]()
    first, second = port.agent(), port.agent()
    port.mux.on_datagram(way, VIEWER, check(first), lambda: path_to(sent))
    port.mux.on_datagram(way, VIEWER, check(second, password="y" * 24), lambda: path_to(sent))
    port.mux.forget(second)
    assert port.mux.on_datagram(way, VIEWER, MEDIA, lambda: path_to(sent))
    assert port.taken == [MEDIA]


async def test_two_servers_at_one_address_are_told_apart() -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0)
    loop = asyncio.get_running_loop()
    async with Port().opened() as port, asyncio.timeout(10):
        questions = [bytes(Message(Method.BINDING, Class.REQUEST)) for _ in range(2)]
        asking = [asyncio.create_task(port.mux.ask(one, server.getsockname())) for one in questions]
        came = [await loop.sock_recvfrom(server, 2000) for _ in questions]
        for question, address in reversed(came):
            answer = Message(Method.BINDING, Class.RESPONSE, parse_message(question).transaction_id)
            await loop.sock_sendto(server, bytes(answer), address)
        answers = await asyncio.gather(*asking)
    assert [one[8:20] for one in answers] == [one[8:20] for one in questions]
    server.close()


async def test_viewers_leave_room_for_phones_that_are_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_connection, "MOST_VIEWERS", 2)
    monkeypatch.setattr(peer_connection, "MOST_PHONES", 1)
    every = WebRtcConnections(LiveSettings(), ["127.0.0.1"], FakeClock())
    try:
        came = await asyncio.gather(*(every.meet(OFFER, FORMAT) for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(one, CannotStream) for one in came) == 2, "those that come at once are counted too"
        phone = await every.receive(SENT)
        with pytest.raises(CannotStream):
            await every.receive(SENT)
        await every.part(phone)
        await every.receive(SENT)
    finally:
        await every.close()


async def test_a_sender_waits_while_the_connection_is_full() -> None:
    every = WebRtcConnections(LiveSettings(), ["127.0.0.1"], FakeClock())
    peer, is_full = await every.meet(OFFER, FORMAT), [True]
    try:
        assert not await peer.drain()
        peer.ice.path = IcePath("tcp", VIEWER, lambda data: None, is_full=lambda: is_full[0])
        waiting = asyncio.create_task(peer.drain())
        await asyncio.sleep(0)
        assert not waiting.done()
        is_full[0] = False
        async with asyncio.timeout(10):
            assert await waiting
        is_full[0] = True
        peer.end("closed")
        async with asyncio.timeout(10):
            await peer.drain()
    finally:
        await every.close()

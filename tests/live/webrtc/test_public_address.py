"""Public addresses: servers are asked again when they failed, and when what they said may have changed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aioice.stun import Class, Message, Method, parse_message
from aioice.turn import TurnTransport

from tawny.config.settings import LiveSettings
from tawny.engine.connections import ConnectionManager
from tawny.live.webrtc import ice
from tawny.live.webrtc.ice import AGAIN_S, LASTS_S, PublicAddress, UdpMux
from tawny.live.webrtc.ice_paths import Address
from tawny.live.webrtc.peer_connection import PeerConnection, WebRtcConnections
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT
from tests.live.webrtc.test_sdp import OFFER

STUN, TURN = "stun:192.0.2.1:3478", "turn:192.0.2.2:3478"
LIVE = LiveSettings.model_validate({"stun": [STUN], "turn": [{"url": TURN, "user": "a", "password": "b"}]})


class Port(UdpMux):
    """A port with a STUN server, which answers unless `seen` is None; `is_slow`: never."""

    def __init__(self) -> None:
        super().__init__(["127.0.0.1"], 5000, ConnectionManager(FakeClock()))
        self.seen: Address | None = ("203.0.113.7", 5000)
        self.is_slow = False
        self.asked = 0

    async def ask(self, question: bytes, at: Address) -> bytes:
        self.asked += 1
        if self.is_slow:
            await asyncio.Event().wait()
        if self.seen is None:
            raise TimeoutError
        answer = Message(Method.BINDING, Class.RESPONSE, parse_message(question).transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = self.seen
        return bytes(answer)


class Relay:
    """What a TURN server allocates."""

    def __init__(self, protocol: asyncio.DatagramProtocol, number: int) -> None:
        self.protocol, self.number = protocol, number
        self.is_closed = False

    def get_extra_info(self, name: str) -> object:
        return ("198.51.100.1", self.number) if name == "sockname" else None

    def sendto(self, data: bytes, addr: Address) -> None:
        """Drop the data."""

    def close(self) -> None:
        self.is_closed = True


class TurnServer:
    def __init__(self) -> None:
        self.is_there = True
        self.relays: list[Relay] = []

    async def allocate(self, factory: Callable[[], asyncio.DatagramProtocol], *_: Any, **__: Any) -> tuple[Any, Any]:
        if not self.is_there:
            raise ConnectionRefusedError
        self.relays.append(Relay(factory(), len(self.relays)))
        return self.relays[-1], self.relays[-1].protocol


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> TurnServer:
    server = TurnServer()
    monkeypatch.setattr(ice, "create_turn_endpoint", server.allocate)
    return server


def kinds(port: UdpMux) -> list[str]:
    return [one.kind for one in port.extra]


async def test_what_failed_is_asked_again_and_not_too_often(turn: TurnServer) -> None:
    port, clock = Port(), FakeClock()
    outside = PublicAddress(LIVE, port, clock)
    port.seen, turn.is_there = None, False
    await outside.ask()
    assert kinds(port) == []
    port.seen, turn.is_there = ("203.0.113.7", 5000), True
    clock.advance(AGAIN_S - 1)
    await outside.ask()
    assert (kinds(port), port.asked) == ([], 1)
    clock.advance(1)
    await outside.ask()
    assert kinds(port) == ["relay", "srflx"]
    clock.advance(AGAIN_S)
    await outside.ask()
    assert port.asked == 2, "all is known"


async def test_an_old_answer_is_asked_for_again_and_a_relay_goes_on(turn: TurnServer) -> None:
    port, clock = Port(), FakeClock()
    outside = PublicAddress(LIVE, port, clock)
    await outside.ask()
    port.seen = ("203.0.113.8", 5000)
    clock.advance(LASTS_S)
    await outside.ask()
    assert [one.host for one in port.extra] == ["198.51.100.1", "203.0.113.8"]
    assert len(turn.relays) == 1


async def test_a_lost_relay_is_no_longer_announced_and_asked_for_again(turn: TurnServer) -> None:
    port, clock = Port(), FakeClock()
    outside = PublicAddress(LIVE, port, clock)
    await outside.ask()
    turn.relays[0].protocol.connection_lost(None)
    assert (kinds(port), port.relays) == (["srflx"], [])
    clock.advance(AGAIN_S)
    await outside.ask()
    assert kinds(port) == ["relay", "srflx"]
    second: list[TurnTransport | Relay] = [turn.relays[1]]
    assert port.relays == second
    outside.close()
    assert [one.is_closed for one in turn.relays] == [False, True]


async def test_a_later_viewer_waits_for_no_silent_server(turn: TurnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    port, clock = Port(), FakeClock()
    outside = PublicAddress(LIVE, port, clock)
    await outside.ask()
    monkeypatch.setattr(ice, "AGAIN_WAIT_S", 0.0)
    monkeypatch.setattr(ice, "ASK_S", 3600.0)
    port.is_slow = True
    clock.advance(LASTS_S)
    for _ in range(2):
        await outside.ask()
    assert (kinds(port), port.asked) == (["relay", "srflx"], 2)
    outside.close()


async def test_each_viewer_gets_what_is_known_when_it_comes(turn: TurnServer) -> None:
    clock = FakeClock()
    live = LIVE.model_copy(update={"stun": ()})
    every = WebRtcConnections(live, ["127.0.0.1"], clock)

    async def viewer() -> PeerConnection:
        return await every.meet(OFFER, FORMAT)

    turn.is_there = False
    try:
        assert "typ relay" not in (await viewer()).answer
        turn.is_there = True
        clock.advance(AGAIN_S)
        assert "typ relay" in (await viewer()).answer
    finally:
        await every.close()


async def test_an_empty_datagram_says_nothing() -> None:
    every = WebRtcConnections(LiveSettings(), ["127.0.0.1"], FakeClock())
    peer = await every.meet(OFFER, FORMAT)
    try:
        peer.take(b"")
        assert not peer.ended.is_set()
    finally:
        await every.close()

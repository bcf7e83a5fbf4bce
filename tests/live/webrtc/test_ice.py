import asyncio
from struct import pack
from typing import cast

import pytest
from aioice.stun import Class, Message, Method, parse_message
from aioice.turn import TurnClientUdpProtocol, TurnTransport
from hypothesis import example, given
from hypothesis import strategies as st

from tawny.live.webrtc.ice import SILENT_S, IceAgent, stun_username
from tawny.live.webrtc.ice_paths import MOST_WAITING_BYTES, Address, IcePath, Kind, datagram_path, is_stun
from tawny.protocols.sdp import Candidate, IceCredentials, candidate_of
from tawny.testing.clock import FakeClock

REMOTE = IceCredentials("them", "x" * 24)


class FakePath:
    """A path that keeps what is sent on it."""

    def __init__(self, remote: Address = ("192.0.2.7", 5000)) -> None:
        self.remote = remote
        self.sent: list[bytes] = []
        self.path = IcePath("udp", remote, self.sent.append)


def made() -> tuple[IceAgent, list[None], FakeClock]:
    chosen: list[None] = []
    clock = FakeClock()
    return IceAgent(REMOTE, clock, lambda: chosen.append(None), lambda data: None), chosen, clock


def check(ice: IceAgent, *, password: str = "", nominate: bool = False, name: str = "") -> bytes:
    message = Message(Method.BINDING, Class.REQUEST)
    message.attributes["USERNAME"] = f"{name or ice.login.name}:{REMOTE.name}"
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((password or ice.login.password).encode())
    return bytes(message)


def test_a_check_with_the_right_password_is_answered_with_where_it_came_from() -> None:
    ice, _, _ = made()
    path = FakePath()
    assert ice.check(check(ice), path.path)
    answer = parse_message(path.sent[0])
    assert answer.message_class is Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == path.remote
    assert answer.check_message_integrity(ice.login.password.encode())


@pytest.mark.parametrize("wrong", [{"password": "y" * 24}, {"name": "another"}])
def test_others_are_not_answered(wrong: dict[str, str]) -> None:
    ice, chosen, _ = made()
    path = FakePath()
    assert not ice.check(check(ice, **wrong, nominate=True), path.path)
    assert path.sent == []
    assert ice.path is None
    assert chosen == []


def test_the_first_path_is_used_until_the_viewer_chooses_another() -> None:
    ice, _, _ = made()
    first, second, third = FakePath(), FakePath(("192.0.2.8", 1)), FakePath(("192.0.2.9", 1))
    ice.check(check(ice), first.path)
    ice.check(check(ice), second.path)
    assert ice.path is first.path
    ice.check(check(ice, nominate=True), third.path)
    assert ice.path is third.path
    ice.send(b"media")
    assert third.sent[-1] == b"media"


def test_a_viewer_that_asks_no_more_is_gone() -> None:
    ice, _, clock = made()
    clock.advance(SILENT_S - 1)
    ice.check(check(ice), FakePath().path)
    clock.advance(SILENT_S - 1)
    assert not ice.is_silent
    clock.advance(2)
    assert ice.is_silent


def test_who_is_meant_is_read_from_a_check_alone() -> None:
    ice, _, _ = made()
    assert stun_username(check(ice)) == ice.login.name
    assert stun_username(b"no check at all, but long enough") is None
    assert stun_username(bytes(Message(Method.ALLOCATE, Class.REQUEST))) is None


@given(st.binary(max_size=200))
def test_rubbish_is_never_believed(data: bytes) -> None:
    ice, _, _ = made()
    path = FakePath()
    is_stun(data)
    stun_username(data)
    assert not ice.check(data, path.path)
    assert path.sent == []


def request_with(kind: int, value: bytes) -> bytes:
    """A binding request with one attribute, whatever its value is."""
    body = pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)
    return pack(">HHI12s", 1, len(body), 0x2112A442, bytes(12)) + body


KINDS = (1, 3, 6, 8, 9, 0xC, 0xD, 0x12, 0x13, 0x14, 0x16, 0x19, 0x20, 0x24, 0x25, 0x8022, 0x8028, 0x8029, 0x802A)


@given(st.sampled_from(KINDS), st.binary(max_size=24))
@example(0x24, b"")
@example(0x20, b"\0\2" + bytes(18))
@example(6, b"\xff\xfe")
def test_a_malformed_attribute_is_no_error(kind: int, value: bytes) -> None:
    ice, _, _ = made()
    data = request_with(kind, value)
    assert is_stun(data)
    stun_username(data)
    assert not ice.check(data, FakePath().path)


class FullSocket(asyncio.DatagramTransport):
    """A socket that sends nothing: its buffer only grows."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[bytes] = []

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.waiting))

    def is_closing(self) -> bool:
        return False

    def sendto(self, data: object, addr: object = None) -> None:
        self.waiting.append(bytes(cast(bytes, data)))


VIEWER = ("192.0.2.7", 5000)


def relay_over(server: FullSocket) -> TurnTransport:
    """A relay whose server knows the viewer."""
    protocol = TurnClientUdpProtocol(("192.0.2.1", 3478), "name", "password", 600, 500)
    protocol.connection_made(server)
    protocol.peer_to_channel[VIEWER], protocol.channel_refresh_at[0x4000] = 0x4000, float("inf")
    return TurnTransport(protocol)


@pytest.mark.parametrize("kind", ["udp", "relay"])
async def test_a_socket_that_is_too_slow_gets_checks_and_no_more_media(kind: Kind) -> None:
    full = FullSocket()
    path = datagram_path(kind, full if kind == "udp" else relay_over(full), VIEWER)
    media, check_data = b"\x80" + bytes(1199), bytes(Message(Method.BINDING, Class.REQUEST))
    for _ in range(2 * MOST_WAITING_BYTES // len(media)):
        path.send(media)
        await asyncio.sleep(0)
    assert MOST_WAITING_BYTES <= full.get_write_buffer_size() < MOST_WAITING_BYTES + 2 * len(media)
    path.send(check_data)
    await asyncio.sleep(0)
    assert full.waiting[-1].endswith(check_data)
    full.waiting.clear()
    path.send(media)
    await asyncio.sleep(0)
    assert full.waiting[-1].endswith(media)


def test_a_line_tells_where_we_are() -> None:
    line = Candidate("udp", "192.0.2.1", 5000, "host").line(0)
    assert candidate_of(line) == ("192.0.2.1", 5000)
    assert Candidate("tcp", "192.0.2.1", 5000, "host").line(1).endswith("typ host tcptype passive")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "candidate:1 1 tcp 2122 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 udp 2122 1f4a.local 5000 typ host",
        "candidate:1 1 udp 2122 192.0.2.1 99999 typ host",
        "candidate:1 1 udp 2122 192.0.2.1 0 typ host",
    ],
)
def test_places_that_cannot_be_knocked_at_are_left_out(line: str) -> None:
    assert candidate_of(line) is None

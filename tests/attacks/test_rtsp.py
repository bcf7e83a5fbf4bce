"""The RTSP server and connections that want nothing: players get in, and who does not sign in is closed."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tawny.live.rtsp_server import session as rtsp_server
from tawny.live.rtsp_server.session import RtspServer
from tests.live.rtsp_server.house import refusal, serving, watch
from tests.live.rtsp_server.test_server import PACKETS, pictures


@contextmanager
def idle(server: RtspServer, count: int, say: bytes = b"") -> Iterator[list[socket.socket]]:
    host, port = server.address.split(":")
    with ExitStack() as stack:
        made = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(count)]
        for one in made:
            one.sendall(say)
            one.setblocking(False)
        yield made


@pytest.mark.parametrize("say", [b"", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"])
async def test_sixty_four_idle_connections_lock_no_player_out(say: bytes) -> None:
    async with serving(PACKETS) as house:
        with idle(house.server, 64, say):
            assert len(pictures(await watch(house.address(), pictures=20))) >= 20


async def test_more_idle_connections_than_may_be_open_close_each_other() -> None:
    async with serving(PACKETS) as house:
        total = house.server.connections.limits.total
        watching = asyncio.create_task(watch(house.address(), pictures=100))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
        stack = ExitStack()
        try:
            for _ in range(4):
                await asyncio.to_thread(stack.enter_context, idle(house.server, total // 3))
                await asyncio.sleep(0.1)
            assert len(house.server.connections) <= total
            assert len(pictures(await watch(house.address(), pictures=20))) >= 20
            assert len(pictures(await watching)) >= 100  # who plays is never closed for them
        finally:
            stack.close()


async def test_who_comes_when_enough_play_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp_server, "MOST_PLAYERS", 1)
    async with serving(PACKETS) as house:
        watching = asyncio.create_task(watch(house.address(), pictures=100))
        async with asyncio.timeout(30):
            while not house.viewers[0]:
                await asyncio.sleep(0.02)
            refused = await refusal(house.address())
            assert refused.evidence is not None
            assert refused.evidence.peer_status == "453 Not Enough Bandwidth"
            await watching

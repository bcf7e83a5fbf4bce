"""Speaking through a camera: who may, one at a time, and never for ever."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tawny.api.auth.access import COOKIE, NOT_ALLOWED
from tawny.api.auth.accounts import Caller, Role
from tawny.api.live.live_socket import BUSY, LONG, MOST_S, REFUSED
from tawny.api.server import WebServer
from tawny.model.errors import SourceClosed, SourceRefused
from tawny.model.ids import StreamName
from tawny.service.talkback import FAILED_S
from tawny.stream.hub import Hub
from tests.api.fakes import House
from tests.playback.archives import PORCH

TOO_BIG = 1009


class Box:
    """A loudspeaker. may_open, may_answer: `open` and `has_one` wait for it."""

    def __init__(self) -> None:
        self.may_open, self.may_answer = threading.Event(), threading.Event()
        self.may_open.set()
        self.may_answer.set()
        self.asked = self.opened = self.closed = 0
        self.heard = b""
        self.is_there = True
        self.fails: Exception | None = None

    def has_one(self) -> bool:
        self.asked += 1
        self.may_answer.wait(30)
        if self.fails:
            raise self.fails
        return self.is_there

    def open(self) -> None:
        if self.fails:
            raise self.fails
        self.opened += 1
        self.may_open.wait(30)

    def speak(self, pcm: bytes) -> None:
        if self.heard == b"gone":
            raise SourceClosed("porch", "it hung up")
        self.heard += pcm

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def box(house: House) -> Box:
    made = Box()
    house.recorder.speakers[PORCH] = made
    return made


@asynccontextmanager
async def speaking(house: House, role: Role = Role.OWNER) -> AsyncIterator[str]:
    """The address, and a server that answers there."""
    server = WebServer(house.app, house.accounts, "127.0.0.1", 0)
    await server.start()
    try:
        async with asyncio.timeout(30):
            yield f"{server.address}"
    finally:
        await server.stop()


def begun(house: House, role: Role = Role.OWNER) -> str:
    found = house.accounts.find(role.value)
    person = found[0] if found else house.accounts.put_person(role.value, role)
    return house.accounts.begin_session(person, Caller("127.0.0.1"))


def dial(house: House, address: str, role: Role = Role.OWNER, session: str = "") -> connect:
    session = session or begun(house, role)
    headers = {"Cookie": f"{COOKIE}={session}", "Origin": f"http://{address}"}
    return connect(f"ws://{address}/api/v1/cameras/porch/talk", additional_headers=headers, proxy=None)


async def code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await socket.recv()
    assert closed.value.rcvd
    return closed.value.rcvd.code


async def test_what_is_said_is_heard_and_noted(house: House, box: Box) -> None:
    async with speaking(house) as address:
        async with dial(house, address) as socket:
            assert await socket.recv() == '{"open":true}'
            await socket.send(b"\x01\x02" * 160)
            await socket.send(b"\x03\x04" * 160 + b"x")  # half a sample is no sample
            while len(box.heard) < 640:
                await asyncio.sleep(0.01)
        while not box.closed:
            await asyncio.sleep(0.01)
    assert box.heard == b"\x01\x02" * 160 + b"\x03\x04" * 160
    assert any(entry.action == "talked" for entry in house.accounts.audit())


async def test_one_speaks_at_a_time(house: House, box: Box) -> None:
    async with speaking(house) as address, dial(house, address) as first:
        await first.recv()
        async with dial(house, address) as second:
            assert await code(second) == BUSY
        await first.send(b"\x00\x00")
        assert box.opened == 1


async def test_who_presses_again_while_the_camera_still_opens_waits_for_it(house: House, box: Box) -> None:
    session = begun(house)
    async with speaking(house) as address:
        box.may_open.clear()
        async with dial(house, address, session=session):
            while not box.opened:
                await asyncio.sleep(0.01)
        async with dial(house, address, session=session) as again:
            async with dial(house, address) as other:
                assert await code(other) == BUSY
            box.may_open.set()
            assert await again.recv() == '{"open":true}'
            async with dial(house, address, session=session) as second_page:
                assert await code(second_page) == BUSY


async def test_nobody_speaks_for_ever(house: House, box: Box) -> None:
    async with speaking(house) as address, dial(house, address) as socket:
        await socket.recv()
        house.clock.advance(MOST_S + 1)
        await socket.send(b"\x00\x00")
        assert await code(socket) == LONG


async def test_what_is_too_much_at_once_ends_it(house: House, box: Box) -> None:
    async with speaking(house) as address, dial(house, address) as socket:
        await socket.recv()
        await socket.send(b"\x00" * 16_200)
        assert await code(socket) == TOO_BIG
    assert box.heard == b""


async def test_a_camera_that_refuses_or_goes_says_so(house: House, box: Box) -> None:
    async with speaking(house) as address:
        box.fails = SourceRefused("porch", "401 Unauthorized")
        async with dial(house, address) as socket:
            assert await code(socket) == REFUSED
        box.fails, box.heard = None, b"gone"
        async with dial(house, address) as socket:
            await socket.recv()
            await socket.send(b"\x00\x00")
            assert await code(socket) == REFUSED


async def test_only_owners_and_family_speak(house: House, box: Box) -> None:
    async with speaking(house) as address, dial(house, address, Role.VIEWER) as socket:
        assert await code(socket) == NOT_ALLOWED
    assert (await house.signed_in(Role.VIEWER).get("/api/v1/cameras/porch/talk")).status_code == 403
    assert box.opened == box.asked == 0
    assert (await house.signed_in(Role.MEMBER).get("/api/v1/cameras/porch/talk")).status_code == 200


async def test_the_camera_is_asked_now_and_then_whether_it_can(house: House, box: Box) -> None:
    owner = house.signed_in(Role.OWNER)
    for _ in range(3):
        assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": True}
    assert box.asked == 1
    house.clock.advance(3600)
    box.is_there = False
    assert (await house.signed_in(Role.OWNER).get("/api/v1/cameras/porch/talk")).json() == {"can": False}


async def test_a_camera_that_could_not_be_asked_is_asked_again_soon(house: House, box: Box) -> None:
    owner = house.signed_in(Role.OWNER)
    box.fails = SourceClosed("porch", "it is off")
    assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": False}
    box.fails = None
    house.clock.advance(FAILED_S)
    assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": True}


async def test_a_device_that_replaces_another_is_asked_at_once(house: House, box: Box) -> None:
    owner = house.signed_in(Role.OWNER)
    assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": True}
    box.is_there = False
    house.recorder.hubs[PORCH, StreamName.MAIN] = Hub()
    assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": False}


async def test_a_device_that_replaces_another_while_that_is_asked_is_asked_itself(house: House, box: Box) -> None:
    """The page got the former device's answer, which then counted for the new one."""
    owner = house.signed_in(Role.OWNER)
    box.is_there = False
    box.may_answer.clear()
    async with asyncio.timeout(30), asyncio.TaskGroup() as asking:
        former = asking.create_task(owner.get("/api/v1/cameras/porch/talk"))
        while not box.asked:
            await asyncio.sleep(0.01)
        house.recorder.speakers[PORCH] = Box()
        house.recorder.hubs[PORCH, StreamName.MAIN] = Hub()
        later = asking.create_task(owner.get("/api/v1/cameras/porch/talk"))
        await asyncio.wait([later], timeout=5)
        box.may_answer.set()
    assert (former.result().json(), later.result().json()) == ({"can": False}, {"can": True})
    assert (await owner.get("/api/v1/cameras/porch/talk")).json() == {"can": True}


async def test_a_kind_of_camera_that_has_none(house: House) -> None:
    assert (await house.signed_in(Role.OWNER).get("/api/v1/cameras/porch/talk")).json() == {"can": False}

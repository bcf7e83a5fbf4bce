"""An RTSP server with one camera in it, and players: our own client and FFmpeg."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from tawny.live.follow_stream import FollowStream
from tawny.live.rtsp_server.session import RtspServer, ServerContext
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet, SourcePacket
from tawny.model.times import SystemClock
from tawny.protocols.digest_auth import digest
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import IdleUntil, SourceContext
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock

PORCH, YARD = CameraId("porch"), CameraId("yard")
SECRET = "a secret of thirty-two characters"
SPEED = 4.0
"""Packets come so many times faster than they would."""


@dataclass
class Doorman:
    """One user, `tv`, who may see what is in `cameras`."""

    cameras: set[CameraId] = field(default_factory=lambda: {PORCH})
    follows: FollowStream | None = None
    asked: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    """Refused users and their addresses."""

    def refused(self, user: str, address: str) -> None:
        self.wrong.append((user, address))

    async def digest_of(self, user: str, address: str) -> str | None:
        return digest("tv", SECRET) if user == "tv" else None

    async def may_see(self, user: str, camera: CameraId) -> bool:
        return camera in self.cameras

    async def followed(self, user: str) -> FollowStream | None:
        self.asked += 1
        return self.follows


@dataclass
class Playing:
    server: RtspServer
    hub: Hub
    hubs: dict[tuple[CameraId, StreamName], Hub]
    doorman: Doorman
    viewers: list[int]
    """Now, of the porch."""

    def address(self, path: str = "porch", secret: str = SECRET) -> str:
        return f"rtsp://tv:{secret.replace(' ', '%20')}@{self.server.address}/{path}"


@asynccontextmanager
async def serving(packets: Sequence[Packet], *, look_s: float = 4.0) -> AsyncIterator[Playing]:
    """The packets come faster than life, and the clock goes with them."""
    hub, doorman, viewers, over, clock = Hub(), Doorman(), [0], threading.Event(), FakeClock()
    hubs = {(PORCH, StreamName.MAIN): hub, (YARD, StreamName.MAIN): Hub()}

    @contextmanager
    def one_more(camera: CameraId, stream: StreamName) -> Iterator[None]:
        viewers[0] += 1
        try:
            yield
        finally:
            viewers[0] -= 1

    def find(camera: CameraId, stream: StreamName) -> Hub | None:
        return hubs.get((camera, stream))

    def feed() -> None:
        began_s = time.monotonic()
        for packet in packets:
            due_s = (packet.at_ms - packets[0].at_ms) / 1000 / SPEED
            if over.wait(max(0.0, began_s + due_s - time.monotonic())):
                return
            clock.advance(max(0.0, (packet.at_ms - clock.now_ms()) / 1000))
            hub.append(packet)

    server = RtspServer(ServerContext(find, doorman, clock, one_more, look_s), "127.0.0.1", 0)
    feeding = threading.Thread(target=feed)
    await server.start()
    feeding.start()
    try:
        yield Playing(server, hub, hubs, doorman, viewers)
    finally:
        over.set()
        feeding.join()
        await server.stop()


async def watch(
    address: str, *, pictures: int, sounds: int = 0, client: str = "own", transport: str = "tcp"
) -> list[SourcePacket]:
    """What a player gets until it has seen so much."""
    return await asyncio.to_thread(_watch, address, pictures, sounds, client, transport)


def _watch(address: str, pictures: int, sounds: int, client: str, transport: str) -> list[SourcePacket]:
    clock, source = SystemClock(), Rtsp()
    options = {"client": client, "transport": transport}
    connection = source.open(SourceContext(CameraId("here"), StreamName.MAIN, address, options, clock))
    got: list[SourcePacket] = []
    until_s = clock.mono_s() + 30
    try:
        while sum(one.is_video for one in got) < pictures or sum(not one.is_video for one in got) < sounds:
            read = connection.read()
            if isinstance(read, SourcePacket):
                got.append(read)
            elif isinstance(read, IdleUntil):
                time.sleep(min(read.for_s, 0.05))
            if clock.mono_s() > until_s:
                raise TimeoutError(f"only {len(got)} packets came")
    finally:
        connection.close()
    return got


async def refusal(address: str) -> SourceError:
    """Why a player is not let in."""
    try:
        await watch(address, pictures=1)
    except SourceError as error:
        return error
    raise AssertionError("it was let in")

"""One RTSP player's session: handles requests, authentication and track setup, then sends packets."""

import asyncio
import errno
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from tawny.engine.acceptor import ConnectionAcceptor, bind_sockets
from tawny.engine.connections import ClientConnection, ConnectionManager, ConnectionRules, Phase
from tawny.live.follow_stream import FollowStream
from tawny.live.rtsp_server.sender import Channel, RtspSender, RtspTrack, TcpChannel, UdpChannel, formats_now
from tawny.live.stream_choice import StreamChoice
from tawny.live.wakeup import first_packet
from tawny.model.errors import NotDone, PortInUse
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Format
from tawny.model.times import Clock
from tawny.protocols import digest_auth
from tawny.protocols.rtsp_message import (
    MOST_HEADER_BYTES,
    MalformedRtsp,
    RtspReply,
    RtspRequest,
    read_request,
)
from tawny.protocols.sdp import media_lines
from tawny.stream.hub import Hub

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"
TIMEOUT_S = 60
FOLLOW = ("live", "follow")
"""Path of `rtsp://HOST/live/follow`; no camera stream has this name."""
FIRST_S = 5.0
"""Timeout for the first packet of a transcoded or follow stream, in seconds."""
LOOK_S = 1.0
"""Interval for rechecking the viewer's permission, in seconds."""
MOST_REFUSALS = 3
log = logging.getLogger(__name__)


class RtspAuthenticator(Protocol):
    """Authenticates RTSP users and authorizes access to cameras."""

    async def digest_of(self, user: str, address: str) -> str | None:
        """Return the stored digest (`protocols.digest_auth.digest`) of this user's secret.

        None for an unknown user, or one who may not sign in from this address.
        """
        ...

    async def may_see(self, user: str, camera: CameraId) -> bool:
        """Return whether the user may see the camera. Called repeatedly during a session."""
        ...

    def refused(self, user: str, address: str) -> None:
        """Count wrong credentials. user: as sent. Returns at once."""
        ...

    async def followed(self, user: str) -> FollowStream | None:
        """Return the user's follow stream: the same object while the set of permitted cameras stays the same.

        None without a follow stream or without permitted cameras.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Dependencies shared by all sessions."""

    hub: Callable[[CameraId, StreamName], Hub | None]
    doorman: RtspAuthenticator
    clock: Clock
    one_more: Callable[[CameraId, StreamName], AbstractContextManager[None]]
    """Counts one viewer while entered."""
    look_s: float = LOOK_S


@dataclass(slots=True)
class _RequestedStream:
    """The stream that a player has requested."""

    name: str
    hub: Hub
    counted: AbstractContextManager[None]
    still: Callable[[], Awaitable[bool]]
    """Returns whether the stream still exists and the user may see it."""


class ServerSession:
    """One connection. Runs as one task until disconnect, lost permission or cancellation."""

    def __init__(
        self,
        context: ServerContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: ClientConnection,
        has_room: Callable[[], bool],
    ) -> None:
        """has_room: returns whether another player may receive video."""
        self._context, self._reader, self._writer = context, reader, writer
        self._connection, self._has_room = connection, has_room
        self._nonce, self._session = secrets.token_hex(16), secrets.token_hex(8)
        self._wanted: _RequestedStream | None = None
        self._following: FollowStream | None = None
        self._covered: tuple[Hub, Hub] | None = None
        """The camera's hub, and its transcoded variant with privacy masks applied."""
        self._open = ExitStack()
        self._tracks: dict[bool, RtspTrack] = {}
        self._playing: asyncio.Task[None] | None = None
        self._user = ""
        self._refusals = 0
        self._received_s = context.clock.mono_s()

    @property
    def is_playing(self) -> bool:
        return self._playing is not None

    async def run(self) -> None:
        try:
            while await self._answer_one():
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("RTSP player disconnected")
        except MalformedRtsp as error:
            log.info("Invalid RTSP request from a player: %s", error)
            with suppress(OSError):
                self._writer.write(RtspReply("400 Bad Request").to_bytes("0"))
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await self._playing
        for track in self._tracks.values():
            track.channel.close()
        self._open.close()
        self._writer.close()

    async def _answer_one(self) -> bool:
        """Read one request and send the response. Return False if the connection must be closed."""
        first = await self._reader.readexactly(1)
        if first in b"\r\n":  # empty lines between requests (RFC 2326, 4.1)
            return True
        self._received_s = self._context.clock.mono_s()
        if not self.is_playing:
            self._connection.enter(Phase.HEAD)
        if first == b"$":  # interleaved RTCP from the player
            head = await self._reader.readexactly(3)
            await self._reader.readexactly(int.from_bytes(head[1:], "big"))
            return True
        request = read_request(first + (await self._reader.readuntil(b"\r\n\r\n"))[:-4])
        await self._reader.readexactly(request.body_bytes)
        if not self.is_playing:
            self._connection.enter(Phase.ACTIVE)
        reply = await self._reply(request)
        self._writer.write(reply.to_bytes(request.header("cseq")))
        await self._writer.drain()
        if request.method == "PLAY" and reply.is_ok and self._playing is None:
            self._playing = asyncio.create_task(self._play())
            self._playing.add_done_callback(lambda _: self._writer.close())
        if not self.is_playing:
            self._connection.enter(Phase.IDLE)
        return request.method != "TEARDOWN" and self._refusals < MOST_REFUSALS

    async def _reply(self, request: RtspRequest) -> RtspReply:
        if request.method == "OPTIONS":
            return RtspReply(headers={"Public": METHODS})
        refusal = await self._enter(request)
        if refusal is not None:
            return refusal
        match request.method:
            case "DESCRIBE":
                return self._describe(request)
            case "SETUP":
                return self._set_up(request)
            case "PLAY" if self._tracks and not self.is_playing and not self._has_room():
                return RtspReply("453 Not Enough Bandwidth")
            case "PLAY" if self._tracks:
                return RtspReply(headers={"Session": self._session, "Range": "npt=now-"})
            case "PLAY":
                return RtspReply("455 Method Not Valid in This State")
            case "GET_PARAMETER" | "SET_PARAMETER" | "TEARDOWN":
                return RtspReply(headers={"Session": self._session})
        return RtspReply("501 Not Implemented", {"Public": METHODS})

    async def _enter(self, request: RtspRequest) -> RtspReply | None:
        """Authenticate the request and check the permission. Return the error response, or None if permitted."""
        authorization, doorman = request.header("authorization"), self._context.doorman
        user = digest_auth.user_of(authorization)
        address = self._writer.get_extra_info("peername")[0]
        stored = await doorman.digest_of(user, address) if user else None
        if stored is None or not digest_auth.is_right(authorization, request.method, self._nonce, stored):
            if authorization:
                self._refusals += 1
                doorman.refused(user, address)
            return RtspReply("401 Unauthorized", {"WWW-Authenticate": digest_auth.challenge(self._nonce)})
        self._user = user
        self._connection.sign_in()
        if request.method in ("TEARDOWN", "GET_PARAMETER", "SET_PARAMETER", "PLAY"):
            return None
        wanted = await (self._follow(user) if request.path[:2] == FOLLOW else self._find(user, request.path))
        if wanted is None:
            return RtspReply("404 Not Found")  # do not reveal whether the camera exists
        self._wanted = wanted
        return None

    async def _find(self, user: str, path: tuple[str, ...]) -> _RequestedStream | None:
        """Resolve a camera path; `/front-door` equals `/front-door/main`. None if unknown or not permitted."""
        if not path:
            return None
        names = {stream.value: stream for stream in StreamName}
        stream = names.get(path[1]) if len(path) > 1 and not path[1].startswith("track") else StreamName.MAIN
        camera = CameraId(path[0])
        hub = self._context.hub(camera, stream) if stream else None
        if stream is None or hub is None or not await self._context.doorman.may_see(user, camera):
            return None
        shown = await self._without_private(stream, hub) if hub.private else hub

        async def still() -> bool:
            if self._context.hub(camera, stream) is not hub:
                return False  # the camera was reconfigured
            return (shown is not hub or not hub.private) and await self._context.doorman.may_see(user, camera)

        return _RequestedStream(camera, shown, self._context.one_more(camera, stream), still)

    async def _without_private(self, stream: StreamName, hub: Hub) -> Hub:
        """Return a transcoded hub with masks applied and without audio. Waits for the first packet."""
        if self._covered is None or self._covered[0] is not hub:
            self._covered = hub, self._open.enter_context(StreamChoice(stream, hub).covered().opened())
            await first_packet(self._covered[1], FIRST_S)
        return self._covered[1]

    async def _follow(self, user: str) -> _RequestedStream | None:
        """Return the follow stream of the cameras that the user may see; None without one."""
        found = await self._context.doorman.followed(user)
        if found is None:
            return None
        if self._following is None:
            self._following = found
            await first_packet(self._open.enter_context(found.opened()), FIRST_S)
        if self._following is not found:
            return None

        async def still() -> bool:
            return await self._context.doorman.followed(user) is found

        return _RequestedStream("follow", found.hub, nullcontext(), still)

    def _describe(self, request: RtspRequest) -> RtspReply:
        assert self._wanted is not None
        formats = formats_now(self._wanted.hub, self._context.clock)
        if formats is None:
            return RtspReply("503 Service Unavailable", {"Retry-After": "5"})
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 0.0.0.0",
            f"s={self._wanted.name}",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
        ]
        for number, media in enumerate(one for one in formats if one):
            lines += [*media_lines(media), f"a=control:track{number}", "a=recvonly"]
        base = urlsplit(request.url)._replace(query="", fragment="").geturl().rstrip("/") + "/"
        body = ("\r\n".join(lines) + "\r\n").encode()
        return RtspReply(headers={"Content-Type": "application/sdp", "Content-Base": base}, body=body)

    def _set_up(self, request: RtspRequest) -> RtspReply:
        assert self._wanted is not None
        formats = formats_now(self._wanted.hub, self._context.clock)
        number = {"track0": 0, "track1": 1}.get(request.path[-1])
        media: Format | None = formats[number] if formats and number is not None else None
        if media is None:
            return RtspReply("404 Not Found")
        if self._playing is not None or (number == 0) in self._tracks:
            return RtspReply("455 Method Not Valid in This State")
        for transport in request.header("transport").split(","):
            found = self._channel(transport)
            if found is not None:
                channel, accepted = found
                self._tracks[number == 0] = RtspTrack(media, channel)
                return RtspReply(headers={"Transport": accepted, "Session": f"{self._session};timeout={TIMEOUT_S}"})
        return RtspReply("461 Unsupported Transport")

    def _channel(self, transport: str) -> tuple[Channel, str] | None:
        """Open the channel for one transport specification.

        Return it with the `Transport` reply; None if unsupported.
        """
        fields = dict(field.strip().partition("=")[::2] for field in transport.split(";"))
        if "multicast" in fields:
            return None
        if "RTP/AVP/TCP" in fields:
            number = _first_number(fields.get("interleaved", f"{2 * len(self._tracks)}"), 254)
            if number is None:
                return None
            accepted = f"RTP/AVP/TCP;unicast;interleaved={number}-{number + 1}"
            return TcpChannel(self._writer, number), accepted
        port = _first_number(fields.get("client_port", ""), 65_534)
        if port is None or port < 1024:
            return None
        player, ours = (self._writer.get_extra_info(name) for name in ("peername", "sockname"))
        try:
            udp = UdpChannel.open(player, ours, port)  # to the requesting host only
        except OSError as error:
            log.info("RTSP over UDP is unavailable on %s: %s", ours[0], error.strerror)
            return None
        at = udp.own_port
        return udp, f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={at}-{at}"

    async def _play(self) -> None:
        assert self._wanted is not None
        wanted, watch = self._wanted, asyncio.create_task(self._watch(self._wanted))
        sender = RtspSender(wanted.hub, self._context.clock, self._tracks, self._writer.drain)
        both = [watch, asyncio.create_task(sender.run())]
        try:
            with wanted.counted:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, OSError):  # a disconnected player is no error
                raise error

    async def _watch(self, wanted: _RequestedStream) -> None:
        """Return when the permission is lost, or when a UDP player has been silent for 2 * TIMEOUT_S."""
        while True:
            await asyncio.sleep(self._context.look_s)
            if not await wanted.still():
                return
            by_udp = any(isinstance(track.channel, UdpChannel) for track in self._tracks.values())
            if by_udp and self._context.clock.mono_s() - self._received_s > 2 * TIMEOUT_S:
                return


def _first_number(text: str, most: int) -> int | None:
    """Return the first number of a range (`4-5` gives 4); None if invalid or above `most`."""
    first = text.partition("-")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and len(first) < 6 and int(first) <= most else None


# RTSP server in an existing event loop.

MOST_PLAYERS: Final = 64
"""Maximum number of players that receive video at the same time."""
BeginSession = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
RTSP_RULES: Final = ConnectionRules(idle_s=2 * TIMEOUT_S, sign_in_s=20.0)


class RtspServer:
    """Call `start` once and `stop` once, both in the serving event loop."""

    def __init__(
        self, context: ServerContext, host: str, port: int, connections: ConnectionManager | None = None
    ) -> None:
        """port 0: any free port. connections: shared with other servers; None: own."""
        self._context, self._host, self._port = context, host, port
        self.connections = ConnectionManager(context.clock) if connections is None else connections
        self._acceptors: list[ConnectionAcceptor] = []
        self._talks: dict[asyncio.Task[None], ServerSession] = {}

    @property
    def address(self) -> str:
        """Return `host:port`, for example `127.0.0.1:8554`. Valid after `start`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Start listening. Raises PortInUse or NotDone."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            places = dict.fromkeys((str(place[4][0]), place[0]) for place in found)
            sockets = bind_sockets(places, self._port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(self.address) from error
            what = f"Can't listen for RTSP on {self.address}: {error.strerror}."
            raise NotDone(what, "Choose another address in `web.rtsp`, for example 0.0.0.0:8554.") from error
        self._port = sockets[0].getsockname()[1]
        self._acceptors = [
            ConnectionAcceptor(one, self.connections, RTSP_RULES, self._make_protocol) for one in sockets
        ]
        for acceptor in self._acceptors:
            acceptor.start()

    async def stop(self) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _make_protocol(self, connection: ClientConnection) -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader(limit=MOST_HEADER_BYTES)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            session = ServerSession(self._context, reader, writer, connection, self._has_room)
            task = asyncio.create_task(session.run())
            self._talks[task] = session
            task.add_done_callback(self._talks.pop)

        return _PlayerProtocol(connection, reader, begin)

    def _has_room(self) -> bool:
        return sum(session.is_playing for session in self._talks.values()) < MOST_PLAYERS


class _PlayerProtocol(asyncio.StreamReaderProtocol):
    """Reports a player that reads nothing, and the end of its connection."""

    def __init__(self, connection: ClientConnection, reader: asyncio.StreamReader, begin: BeginSession) -> None:
        super().__init__(reader, begin)
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._made = transport
        self._connection.close_with(transport.abort)
        super().connection_made(transport)
        if self._connection.is_closing:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connection.release()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connection.wait_for_client(self._made.get_write_buffer_size())
        self._connection.enter(Phase.STALLED)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._connection.wait_for_client(0)
        self._connection.enter(Phase.ACTIVE)

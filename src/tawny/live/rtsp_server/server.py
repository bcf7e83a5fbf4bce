"""RTSP server in an existing event loop."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

from tawny.engine.acceptor import ConnectionAcceptor, bind_sockets
from tawny.engine.connections import ClientConnection, ConnectionManager, ConnectionRules, Phase
from tawny.live.rtsp_server.messages import MOST_HEAD_BYTES
from tawny.live.rtsp_server.session import TIMEOUT_S, ServerContext, ServerSession
from tawny.model.errors import NotDone, PortInUse

MOST_PLAYERS: Final = 64
"""Maximum number of players that receive video at the same time."""
BeginSession = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]
RTSP_RULES: Final = ConnectionRules(idle_s=2 * TIMEOUT_S, sign_in_s=20.0)


class RtspServer:
    """Call `start` once and `stop` once, both in the serving event loop."""

    def __init__(
        self, house: ServerContext, host: str, port: int, connections: ConnectionManager | None = None
    ) -> None:
        """port 0: any free port. connections: shared with other servers; None: own."""
        self._house, self._host, self._port = house, host, port
        self._connections = ConnectionManager(house.clock) if connections is None else connections
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
            ConnectionAcceptor(one, self._connections, RTSP_RULES, self._make_protocol) for one in sockets
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
        reader = asyncio.StreamReader(limit=MOST_HEAD_BYTES)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            session = ServerSession(self._house, reader, writer, connection, self._has_room)
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
        self._made, self._connection.abort = transport, transport.abort
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

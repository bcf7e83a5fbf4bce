"""Web server (uvicorn) in an existing event loop. Reports why it cannot listen; stops within 2 s."""

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import anyio.to_thread
import uvicorn
from fastapi import FastAPI

from tawny.api.auth.accounts import Accounts
from tawny.api.client_protocols import (
    CONNECTION,
    HTTP_RULES,
    MOST_HEAD_BYTES,
    HttpProtocol,
    WebSocketProtocol,
)
from tawny.engine.acceptor import ConnectionAcceptor, bind_sockets, listening_places
from tawny.engine.connections import ClientConnection, ConnectionManager
from tawny.engine.tls import ContextInForce, FirstBytes, HandshakePace
from tawny.model.errors import NotDone, PortInUse, UsageError
from tawny.model.times import SystemClock

GRACE_S = 1
FILE_THREADS = 8
"""Maximum number of threads for streaming files; each costs memory."""
LARGEST_MESSAGE_BYTES = 4096
"""Maximum size of a WebSocket message from a browser."""
MOST_UNSENT_BYTES = 128 * 1024
log = logging.getLogger(__name__)


class WebServer:
    """Call `start` once and `stop` once, in the serving loop."""

    def __init__(
        self,
        app: FastAPI,
        accounts: Accounts,
        host: str,
        port: int,
        connections: ConnectionManager | None = None,
        tls: ContextInForce = lambda: None,
    ) -> None:
        """host: a name or an address. port: 0 for any free port. connections: shared with other servers; None: own.

        tls: with a context, the port answers https as well.
        """
        self._tls = tls
        self._app, self._accounts, self._host, self._port = app, accounts, host, port
        self.connections = ConnectionManager(SystemClock()) if connections is None else connections
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """`127.0.0.1:8000`: the address it listens on, after `start`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port, after `start`."""
        return self._host, self._port

    async def start(self) -> None:
        """Return once listening.

        Without an owner, other computers get the setup page only (`api.auth.access`). Raises PortInUse, NotDone.
        """
        places = await _resolved(self._host, self._port)
        is_reachable = not all(ipaddress.ip_address(address).is_loopback for address, _ in places)
        if is_reachable and not await asyncio.to_thread(self._accounts.has_owner):
            log.info("there is no owner account yet: other computers get the setup page only")
        sockets = self._bound(places)
        self._port = sockets[0].getsockname()[1]
        self._server = _Server(_config(self._app), self.connections, self._tls)
        anyio.to_thread.current_default_thread_limiter().total_tokens = FILE_THREADS
        self._serving = asyncio.create_task(self._server.serve(sockets), name="web")
        await self._server.ready.wait()

    async def stop(self) -> None:
        """Stop, closing all connections, also those that would stay open."""
        if self._server is None or self._serving is None:
            return
        with _quiet():  # connections are aborted on purpose
            self._server.should_exit = True
            self._server.ending.set()
            await self._serving

    def _bound(self, places: list[tuple[str, socket.AddressFamily]]) -> list[socket.socket]:
        try:
            sockets = bind_sockets(places, self._port)
        except OSError as error:
            raise self._refused(error) from error
        for made in sockets:
            # inherited by connections: otherwise an answer's body waits 40 ms until the client acknowledges the head
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # keep the kernel's send buffer small: data queued for a slow viewer is outdated when it arrives
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT_BYTES)
        return sockets

    def _refused(self, error: OSError) -> PortInUse | NotDone:
        if error.errno == errno.EADDRINUSE:
            return PortInUse(self.address)
        what = f"Can't listen on {self.address}: {error.strerror}."
        return NotDone(
            what, "Choose another address with `--listen HOST:PORT`. Ports below 1024 need administrator rights."
        )


async def addresses_of(host: str) -> tuple[str, ...]:
    """Return the IP addresses of a host. Raises UsageError: when there are none."""
    return tuple(address for address, _ in await _resolved(host, 0))


async def _resolved(host: str, port: int) -> list[tuple[str, socket.AddressFamily]]:
    try:
        return await asyncio.to_thread(listening_places, host, port)
    except OSError as error:
        raise UsageError(f"{host} isn't an address of this computer ({error.strerror}).") from error


class _Server(uvicorn.Server):
    """Leaves signal handling to the program and accepting to the connection manager, and signals when it listens."""

    def __init__(self, config: uvicorn.Config, connections: ConnectionManager, tls: ContextInForce) -> None:
        super().__init__(config)
        self._first_bytes = FirstBytes(tls, HandshakePace(SystemClock()))
        self.ready, self.ending = asyncio.Event(), asyncio.Event()
        self._connections = connections
        self._acceptors: list[ConnectionAcceptor] = []

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Wait until stopped. uvicorn's own loop wakes up ten times a second, for the date that `HttpProtocol` adds."""
        await self.ending.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        self.servers = []
        self._acceptors = [
            ConnectionAcceptor(one, self._connections, HTTP_RULES, self._make_protocol, self._first_bytes)
            for one in sockets or ()
        ]
        for acceptor in self._acceptors:
            acceptor.start()
        self.started = True
        self.ready.set()

    def _make_protocol(self, connection: ClientConnection) -> asyncio.BaseProtocol:
        state = {**self.lifespan.state, CONNECTION: connection}
        return HttpProtocol(self.config, self.server_state, state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        await super().shutdown(sockets)


def _config(app: FastAPI) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_failure)
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        http="h11",
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        ws=WebSocketProtocol,
        ws_max_size=LARGEST_MESSAGE_BYTES,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        proxy_headers=False,  # see api.request_handling
        server_header=False,
        date_header=False,  # added by HttpProtocol
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )


def _is_failure(record: logging.LogRecord) -> bool:
    """Return False for a response that was broken off on purpose: see `GuardedStreamingResponse`."""
    return record.msg != "ASGI callable returned without completing response."


@contextmanager
def _quiet() -> Iterator[None]:
    noisy = logging.getLogger("uvicorn.error")
    before = noisy.level
    noisy.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        noisy.setLevel(before)

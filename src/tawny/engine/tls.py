"""TLS on accepted connections: one port serves plain http and https, and handshakes have a pace.

The first byte tells them apart (0x16 begins a TLS handshake). It is only looked at, in the kernel's buffer, so that a
silent client costs a descriptor and no buffer. The handshake and all that follows are asyncio's own.
"""

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable
from typing import Final

from tawny.engine.connections import UNSIGNED_S, ClientConnection, Phase
from tawny.model.times import Clock

HANDSHAKE_S: Final = 10
SHUTDOWN_S: Final = 2
"""Time in s that a closed connection waits for the client's goodbye, once all is sent."""
HANDSHAKE_BYTE: Final = 0x16
BUFFER_BYTES: Final = 16 * 1024
"""Buffer of each connection for what arrives. asyncio's is 256 kB: 600 connections would take 150 MB."""
UNSENT_BYTES: Final = 32 * 1024
EACH_PER_S: Final = 10.0
"""Handshakes of one client address, after BURST at once; all together TOTAL_FACTOR times as many."""
BURST: Final = 60.0
TOTAL_FACTOR: Final = 4.0
MOST_ADDRESSES: Final = 4096
MOST_HANDSHAKES: Final = 128
"""Begun and not done. Each costs about 90 kB; the oldest gives way, and a client's own takes less than a second."""

ContextInForce = Callable[[], ssl.SSLContext | None]
"""Returns the context for new handshakes; None: plain http only."""


def make_server_context() -> ssl.SSLContext:
    """Return a context without a certificate: TLS 1.2 and 1.3, forward secrecy and AEAD only, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


class TlsProtocol(sslproto.SSLProtocol):
    """asyncio's TLS with a smaller buffer. Its application's protocol exists after the handshake."""

    max_size = BUFFER_BYTES

    def __init__(
        self,
        app_protocol: asyncio.BaseProtocol,
        context: ssl.SSLContext,
        connection: ClientConnection,
        first_bytes: "FirstBytes",
    ) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        done.add_done_callback(self._handshake_ended)
        super().__init__(
            loop, app_protocol, context, done, server_side=True,
            ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=SHUTDOWN_S,
        )  # fmt: skip
        self._connection, self._first_bytes = connection, first_bytes
        self._wire: asyncio.Transport | None = None
        self._unsigned_until_s = 0.0

    def _start_shutdown(self) -> None:
        """Close once all is sent. asyncio's own timer would cut a long response off."""
        is_begun = self._shutdown_timeout_handle is not None
        super()._start_shutdown()
        if self._shutdown_timeout_handle is not None and not is_begun:
            self._shutdown_timeout_handle.cancel()
            self._unsigned_until_s = self._loop.time() + UNSIGNED_S
            self._await_goodbye()

    def _await_goodbye(self, before_bytes: int = 0) -> None:
        """Wait SHUTDOWN_S. before_bytes: unsent at the last look; a client that reads nothing is the manager's.

        One that has not signed in has UNSIGNED_S in all: reading a little now and then begins the manager's time again.
        """
        unsent_bytes = self._unsent_bytes()
        if unsent_bytes:
            self._connection.enter(Phase.STALLED if unsent_bytes == before_bytes else Phase.ACTIVE)
        self._shutdown_timeout_handle = self._loop.call_later(SHUTDOWN_S, self._shutdown_late, unsent_bytes)

    def _shutdown_late(self, before_bytes: int) -> None:
        if before_bytes and (self._connection.is_signed_in or self._loop.time() < self._unsigned_until_s):
            self._await_goodbye(before_bytes)
        elif self._wire is not None:
            self._wire.abort()

    def _unsent_bytes(self) -> int:
        unsent_bytes = self._app_transport.get_write_buffer_size()
        return unsent_bytes + (self._wire.get_write_buffer_size() if self._wire is not None else 0)

    def _handshake_ended(self, ended: asyncio.Future[None]) -> None:
        self._first_bytes.handshake_ended(self._connection)
        _ = ended.cancelled() or ended.exception()  # a failed handshake is no news

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        self._connection.close_with(transport.abort)
        self._first_bytes.handshake_begun(self._connection)
        transport.set_write_buffer_limits(UNSENT_BYTES)
        if self._connection.is_closing:
            transport.abort()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._first_bytes.handshake_ended(self._connection)
        self._connection.release()


class HandshakePace:
    """Spreads handshakes over time: each costs a signature. Those of one address wait for each other, then all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s: dict[str, float] = {}
        self._all_next_s = 0.0

    def delay_s(self, group: str | None) -> float:
        """Take a place, and return how long to wait for it. group: of the client; None: trusted, never waits."""
        if group is None:
            return 0.0
        now_s, each_s, burst_s = self._clock.mono_s(), 1 / EACH_PER_S, BURST / EACH_PER_S
        if len(self._next_s) >= MOST_ADDRESSES:
            self._next_s = {key: next_s for key, next_s in self._next_s.items() if next_s > now_s}
        if len(self._next_s) >= MOST_ADDRESSES and group not in self._next_s:
            group = ""  # too many to tell apart
        next_s = max(self._next_s.get(group, 0.0), now_s)
        self._next_s[group] = next_s + each_s
        own_s = max(0.0, next_s - now_s - burst_s)
        if own_s > HANDSHAKE_S:
            self._next_s[group] = next_s  # refused: takes no place
            return own_s
        at_s = max(self._all_next_s, now_s)
        self._all_next_s = at_s + each_s / TOTAL_FACTOR
        return max(own_s, at_s - now_s - burst_s)


class FirstBytes:
    """Connections of which nothing has arrived, those that wait for their handshake, and those that are in it."""

    def __init__(self, context: ContextInForce, pace: HandshakePace) -> None:
        self._context, self._pace = context, pace
        self._waiting: dict[ClientConnection, Callable[[], None]] = {}
        self._in_handshake: dict[ClientConnection, None] = {}
        """The oldest first."""

    @property
    def is_on(self) -> bool:
        return self._context() is not None

    def close(self) -> None:
        for leave in list(self._waiting.values()):
            leave()

    def handshake_begun(self, connection: ClientConnection) -> None:
        """Let the oldest handshake give way if there are too many."""
        self._in_handshake[connection] = None
        if len(self._in_handshake) > MOST_HANDSHAKES:
            oldest = next(iter(self._in_handshake))
            del self._in_handshake[oldest]
            oldest.abort()

    def handshake_ended(self, connection: ClientConnection) -> None:
        """It is done, has failed, or its connection is lost."""
        self._in_handshake.pop(connection, None)

    def await_first(
        self, made: socket.socket, connection: ClientConnection, go_on: Callable[[ssl.SSLContext | None], None]
    ) -> None:
        """Call `go_on` once the client has begun: with the context of its handshake, or None for plain http."""
        loop = asyncio.get_running_loop()

        def leave() -> None:
            self._waiting.pop(connection, None)
            loop.remove_reader(made)
            connection.release()
            made.close()

        def begin(context: ssl.SSLContext | None) -> None:
            if self._waiting.pop(connection, None) is not None:
                go_on(context)

        def look() -> None:
            try:
                first = made.recv(1, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                first = b""
            loop.remove_reader(made)
            context = self._context()
            if not first:
                leave()
            elif first[0] != HANDSHAKE_BYTE or context is None:
                begin(None)
            elif (delay_s := self._pace.delay_s(connection.group)) > HANDSHAKE_S:
                leave()
            else:
                loop.call_later(delay_s, begin, context) if delay_s else begin(context)

        self._waiting[connection] = leave
        connection.close_with(leave)
        loop.add_reader(made, look)

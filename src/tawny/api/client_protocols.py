"""HTTP and WebSocket protocols of uvicorn that report to the connection manager what each connection does."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, cast

import h11
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from tawny.api.errors import RequestRefused, address_too_long, answer, as_answer
from tawny.engine.connections import ClientConnection, ConnectionRules, Phase
from tawny.fleet.message_link import LINE_PATH, MAX_MESSAGE_BYTES
from tawny.fleet.standby_question import STANDBY_PATH

CONNECTION: Final = "client_connection"
"""Key of the `ClientConnection` in a request's state."""
_NO_REQUEST: Final = Context()
"""Of what the connections do for themselves: nothing of a request stays alive in it."""
_LOOP: Final = "client_loop"
"""Key of the loop whose thread alone may call it."""
HTTP_RULES: Final = ConnectionRules(stalled_s=300.0)
"""A download at 20 kB/s took nothing for 95 s: the client's kernel waits until 1/16 of its buffer, of 32 MB, is free.

Also of Motion JPEG and streams of events: here they look like a download.
"""
MOST_UNREPORTED_BYTES: Final = 32 * 1024
"""Unsent bytes above which the manager counts them."""
MOST_HEAD_BYTES: Final = 16 * 1024
"""Limit of a request's first line and headers, as h11 has it."""
HEADERS_TOO_LARGE: Final = RequestRefused(
    431, "headers_too_large", "The headers of this request are too long.", "Delete this site's cookies and try again."
)
INVALID_REQUEST: Final = RequestRefused(
    400, "bad_request", "This isn't a valid HTTP request.", "Use a browser, or another program for web pages."
)
PORTION_BYTES: Final = 16 * 1024
CLOSE_S: Final = 2.0
"""Time in s that a closed WebSocket waits for the client's reply."""


class HttpProtocol(H11Protocol):
    """One HTTP connection. `app_state` holds its `ClientConnection`."""

    _is_refused = False
    """The last answer is sent. What still arrives is dropped, because closing at once would reset the connection."""

    @property
    def _client(self) -> ClientConnection:
        return cast(ClientConnection, self.app_state[CONNECTION])

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _ReportingFlow(transport, self._report)
        _begin(self._client, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._client.release()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._client.phase in (Phase.OPEN, Phase.IDLE):
            self._client.enter(Phase.HEAD)
            self._set_date()
        super().data_received(data)
        self._report()
        if self._client.phase is Phase.BODY or self.flow.read_paused:
            self._client.receive(len(data))

    def on_response_complete(self) -> None:
        self._set_date()  # of a request that waited for this response
        super().on_response_complete()
        self._report()

    def _set_date(self) -> None:
        """Set the `Date` header of the request that begins next."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]

    def pause_writing(self) -> None:
        super().pause_writing()
        self._client.wait_for_client(self.transport.get_write_buffer_size())
        self._report()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._client.wait_for_client(0)
        self._report()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is no HTTP, or whose head is longer than h11 reads. uvicorn answers all with 400."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the broken bytes follow a request that is being answered
            self.cycle.waiting_for_100_continue = False
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # its response has begun
            self.transport.close()
            return
        head = bytes(self.conn.trailing_data[0])
        error = INVALID_REQUEST
        if len(head) > MOST_HEAD_BYTES:
            is_address = b"\n" not in head[:MOST_HEAD_BYTES].lstrip(b"\r\n")
            error = address_too_long() if is_address else HEADERS_TOO_LARGE
        reply = as_answer(error)
        headers = b"".join(name + b": " + value + b"\r\n" for name, value in reply.raw_headers)
        first = f"HTTP/1.1 {reply.status_code} {HTTPStatus(reply.status_code).phrase}\r\n".encode()
        self.transport.write(first + headers + b"connection: close\r\n\r\n" + bytes(reply.body))
        if self.transport.can_write_eof():
            with suppress(OSError):  # the client has left
                self.transport.write_eof()
        else:  # TLS: sends what is written, and its goodbye
            self.transport.close()
        self._is_refused = True

    def _report(self) -> None:
        if self.transport.get_protocol() is not self:
            return  # a WebSocket now
        if self.flow.write_paused:
            self._client.enter(Phase.STALLED)
        elif self.conn.their_state is h11.SEND_BODY and not self.flow.read_paused:
            self._client.enter(Phase.BODY)
        elif self.cycle is not None and not self.cycle.response_complete:
            self._client.enter(Phase.ACTIVE)
        elif self.conn.trailing_data[0]:
            self._client.enter(Phase.HEAD)
        else:
            self._client.enter(Phase.IDLE)


class _ReportingFlow(FlowControl):
    def __init__(self, transport: asyncio.Transport, report: Callable[[], None]) -> None:
        super().__init__(transport)
        self._report = report

    def resume_reading(self) -> None:
        was_paused = self.read_paused
        super().resume_reading()
        if was_paused:
            self._report()  # it waits for the client again, from which nothing more may come


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket, after the upgrade of its HTTP connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_S
        self._is_invalid = False

    @property
    def _client(self) -> ClientConnection:
        return cast(ClientConnection, self.app_state[CONNECTION])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._client.rules = ConnectionRules()  # live video by WebSocket that nothing reads ends soon
        self._client.enter(Phase.ACTIVE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._client.release()

    def handle_connect(self, event: Request) -> None:
        """Begin. Other recorders send larger messages than browsers do."""
        if event.path in (LINE_PATH, STANDBY_PATH):
            self.conn.max_message_size = self.conn.max_fragment_size = MAX_MESSAGE_BYTES
        super().handle_connect(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._client.wait_for_client(self.transport.get_write_buffer_size())
        self._client.enter(Phase.STALLED)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._client.wait_for_client(0)
        self._client.enter(Phase.ACTIVE)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._client.enter(Phase.IDLE)

    async def send(self, message: Any) -> None:
        """Send a message of the application.

        Raises ClientDisconnected: the client has ended it by invalid data, or closed it before it was answered.
        """
        if self._is_invalid or (self.conn.eof_sent and not self.handshake_complete):
            self.transport.close()
            raise ClientDisconnected
        await super().send(message)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on. Text that is not UTF-8 closes the connection; uvicorn logs a traceback or fails."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            with suppress(InvalidState):
                self.conn.send_close(1007)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Close the connection. uvicorn fails on invalid data that arrives before the handshake is answered."""
        self._is_invalid = True
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1002})
        self.transport.close()

    def handle_ping(self) -> None:
        """Answer a ping, but not while earlier data waits: a client that reads nothing could fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def shutdown(self) -> None:
        """Close the connection. uvicorn raises for a client that left with unsent data, which would abort the
        shutdown.
        """
        with suppress(InvalidState):
            super().shutdown()


class AdmittedRequests:
    """ASGI middleware, inside the one for proxies: counts each request for its client's address.

    It sends bodies in portions to clients that have not signed in: each waits until the client has read the last. A
    body that ends before its stated length, as one of another recorder that goes offline, closes the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.get("state", {}).get(CONNECTION)
        if not isinstance(connection, ClientConnection):
            await self._app(scope, receive, send)
            return

        missing = 0

        async def send_whole(message: Message) -> None:
            nonlocal missing
            if message["type"] == "http.response.start":
                missing = _stated_length(scope, message)
            elif message["type"] == "http.response.body":
                missing -= len(message.get("body", b""))
                if missing > 0 and not message.get("more_body", False):
                    connection.abort()  # so that the client sees it; h11 would raise
                    await asyncio.sleep(0)  # until it is closed
                    return
            await send_in_portions(message)

        async def send_in_portions(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= PORTION_BYTES or connection.is_signed_in:
                await send(message)
                return
            for begin in range(0, len(body), PORTION_BYTES):
                more = begin + PORTION_BYTES < len(body) or message.get("more_body", False)
                await send({**message, "body": body[begin : begin + PORTION_BYTES], "more_body": more})

        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEAD_BYTES:
            await as_answer(HEADERS_TOO_LARGE)(scope, receive, send)
        elif connection.serve(scope["client"][0]):
            scope["state"][_LOOP] = asyncio.get_running_loop()
            await self._app(scope, receive, send_whole)
        else:
            refused = answer(
                429,
                "too_many_connections",
                "There are too many connections from your network.",
                "Close pages of tawny that you don't need.",
            )
            await refused(scope, receive, send)


def _stated_length(scope: Scope, start: Message) -> int:
    """Return how many bytes follow this start of a response; 0 if that isn't stated."""
    if scope["method"] == "HEAD" or start["status"] in (204, 304):
        return 0
    return int(dict(start["headers"]).get(b"content-length", 0))


def note_sign_in(request: HTTPConnection) -> None:
    """Report that the request's client is known: its connection is closed after those of unknown ones.

    Call from any thread.
    """
    state = request.scope.get("state", {})
    connection = state.get(CONNECTION)
    if isinstance(connection, ClientConnection) and not connection.is_signed_in:
        state[_LOOP].call_soon_threadsafe(connection.sign_in, context=_NO_REQUEST)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _begin(connection: ClientConnection, transport: asyncio.Transport) -> None:
    connection.close_with(transport.abort)
    transport.set_write_buffer_limits(MOST_UNREPORTED_BYTES)
    if connection.is_closing:
        transport.abort()

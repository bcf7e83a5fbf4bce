"""Lines through a NATS server: box and hub both connect to it, so that neither needs an open port.

The server is not trusted: `SecureLink` travels through it. What a NATS server does not promise is done here:

- It drops who reads slowly: at most `MOST_WINDOW_BYTES` of a line are under way.
- It loses messages that no one receives: they are numbered, and a missing one ends the line.
- It doesn't say who is gone: each message asks for a reply, so that the server answers if no one listens.

A line lives no longer than the connections of both sides to the server. Subjects: `tawny.HUB.dial` (a box opens a
line), `tawny.HUB.line.…` (to the hub) and `tawny.HUB.box.…` (to a box); HUB is the fingerprint of the hub's key. `nats`
is imported only where a NATS server is named.
"""

import asyncio
import logging
import re
import secrets
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from tawny.config.fleet import HubNatsSettings, NatsLogin
from tawny.engine.backoff import Backoff
from tawny.fleet.message_link import MAX_MESSAGE_BYTES, OPEN_TIMEOUT_S, LineClosed, MessageLink

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

log = logging.getLogger(__name__)
MOST_WINDOW_BYTES: Final = 512 * 1024
"""Under way in one direction of a line, at most."""
LINES_A_CONNECTION: Final = 64
"""Of a hub: what is under way to it stays at half of the 64 MB at which a server drops a connection."""
LEAST_WINDOW_BYTES: Final = 16 * 1024
FIRST_WINDOW_BYTES: Final = 64 * 1024
CREDIT_BYTES: Final = 8 * 1024
"""The reader reports after reading this much; less than the smallest window."""
QUICK_S, SLOW_S = 0.7, 1.5
"""The window grows where messages are read sooner than this after they were sent, and is halved where later."""
MOST_LINES: Final = 1024
"""At the same time at one hub, with those that have not proved a key yet."""
PING_S: Final = 2
"""Interval in s at which the NATS server must answer; after two unanswered ones the connection has ended."""
RETRY_S: Final = (0.5, 10.0)
"""First and longest wait in s before the hub connects again; doubled each time."""
CLOSE_S: Final = 1.0
GREETING: Final = b"tawny line by NATS 1"
_LEAST_BYTES: Final = 64
"""What an empty message counts, so that many small ones are bounded, too."""
_HEAD: Final = struct.Struct(">BQ")
_OWN_PART: Final = r"[A-Za-z0-9_-]{22}"
_SEED: Final = re.compile(r"SU[A-Z2-7]{56}")


class _Message(IntEnum):
    ACCEPT = 1
    """Hub: the line is open, and its subject follows."""
    DATA = 2
    """A message with its number in this direction."""
    CREDIT = 3
    """Bytes that were read so far."""
    CLOSE = 4


class NatsConnection:
    """One connection to a NATS server. It ends once; who needs another one opens it. Single event loop."""

    def __init__(self, host: str) -> None:
        self._host, self._client = host, _client_class()()
        self._whenever_ended: list[Callable[[str], None]] = []
        self.ended = asyncio.Event()
        self.reason = ""

    @classmethod
    async def open(cls, url: str, login: NatsLogin) -> Self:
        """Connect to `nats://HOST:PORT` or `tls://HOST:PORT`. Raises LineClosed."""
        made = cls(urlsplit(url).netloc)
        tls, known = await asyncio.to_thread(_tls_of, login), await asyncio.to_thread(_file_login, login)
        must_encrypt = url.startswith("tls:")

        def password() -> str:
            if must_encrypt:  # before the password is sent
                tls.check()
            return login.password

        if login.user:
            known = {"user": login.user, "password": password}
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await made._client.connect(
                    url, name="tawny", allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
                    connect_timeout=round(OPEN_TIMEOUT_S), ping_interval=PING_S, max_outstanding_pings=2, no_echo=True,
                    tls=tls, error_cb=made._note, closed_cb=made._end, **known,
                )  # fmt: skip
            if must_encrypt:
                tls.check()
            if made._client.max_payload < MAX_MESSAGE_BYTES + _HEAD.size:
                most = f"{made._client.max_payload:,} bytes; set max_payload to 1MB"
                raise LineClosed(f"the NATS server {made._host} allows messages of at most {most}")
        except LineClosed:
            await made.close()
            raise
        except _client_errors() as error:
            await made.close()
            why = made.reason or str(error) or "no answer"
            raise LineClosed(f"cannot connect to {url}: {why}") from error
        except asyncio.CancelledError:
            await made.close()
            raise
        return made

    def whenever_ended(self, callback: Callable[[str], None]) -> None:
        """Call this with the reason once the connection has ended, also if it has already."""
        self._whenever_ended.append(callback)
        if self.ended.is_set():
            callback(self.why())

    def forget(self, callback: Callable[[str], None]) -> None:
        self._whenever_ended.remove(callback)

    async def subscribe(self, subject: str, take: "Callable[[Msg], Awaitable[None]]") -> Callable[[], Awaitable[None]]:
        """Return what ends it. Raises LineClosed."""
        try:
            made = await self._client.subscribe(subject, cb=take)
        except _client_errors() as error:
            raise LineClosed(self.why(error)) from error

        async def unsubscribe() -> None:
            with suppress(*_client_errors()):
                await made.unsubscribe()

        return unsubscribe

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Raises LineClosed."""
        try:
            await self._client.publish(subject, data, reply)
        except _client_errors() as error:
            raise LineClosed(self.why(error)) from error

    async def close(self) -> None:
        with suppress(*_client_errors()):
            async with asyncio.timeout(CLOSE_S):
                await self._client.close()
        await self._end()

    async def _note(self, error: Exception) -> None:
        """Keep what the server complains about. It goes on after a refused subject; the line cannot."""
        self.reason = self.reason or str(error).removeprefix("nats: ") or "it closed the connection"
        if "permissions violation" in self.reason.lower():
            await self._end()

    async def _end(self) -> None:
        if not self.ended.is_set():
            self.ended.set()
            for callback in list(self._whenever_ended):
                callback(self.why())

    def why(self, error: Exception | None = None) -> str:
        return f"the connection to the NATS server {self._host} has ended: {self.reason or error or 'it was closed'}"


class SendWindow:
    """How many bytes may be under way: about as many as the other side reads within a second."""

    def __init__(self) -> None:
        self.size_bytes = FIRST_WINDOW_BYTES
        self._sent_bytes = self._read_bytes = 0
        self._sent: deque[tuple[int, float]] = deque()
        self._halved_s = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._sent_bytes - self._read_bytes < self.size_bytes

    def note_sent(self, cost_bytes: int, now_s: float) -> None:
        self._sent_bytes += cost_bytes
        self._sent.append((self._sent_bytes, now_s))

    def note_read(self, total_bytes: int, now_s: float) -> None:
        """total_bytes: read so far. Raises LineClosed: more than was sent."""
        if not self._read_bytes <= total_bytes <= self._sent_bytes:
            raise LineClosed("a message couldn't be understood")
        newly_bytes, sent_s = total_bytes - self._read_bytes, now_s
        self._read_bytes = total_bytes
        while self._sent and self._sent[0][0] <= total_bytes:
            sent_s = self._sent.popleft()[1]
        if now_s - sent_s < QUICK_S:
            self.size_bytes = min(MOST_WINDOW_BYTES, self.size_bytes + newly_bytes)
        elif now_s - sent_s > SLOW_S and sent_s > self._halved_s:  # what was sent before is late for the same cause
            self.size_bytes = max(LEAST_WINDOW_BYTES, self.size_bytes // 2)
            self._halved_s = now_s


class NatsLink:
    """One end of a line. A `MessageLink`."""

    def __init__(self, connection: NatsConnection, own: str, peer: str, *, is_alone: bool) -> None:
        """own, peer: subjects. is_alone: whether the connection serves this line alone, and ends with it."""
        self._connection, self._own, self._peer, self._is_alone = connection, own, peer, is_alone
        self._window = SendWindow()
        self._received: deque[bytes] = deque()
        self._unread_bytes = self._read_bytes = self._reported_bytes = 0
        self._next_sent = self._next_received = 0
        self._changed = asyncio.Event()
        self._ended = ""
        self._is_closed = False
        self._unsubscribe: Callable[[], Awaitable[None]] | None = None

    @classmethod
    async def open(cls, url: str, hub: str, login: NatsLogin) -> Self:
        """Open a line to a hub through a NATS server. hub: fingerprint of its key. Raises LineClosed."""
        connection = await NatsConnection.open(url, login)
        link = cls(connection, f"tawny.{hub}.box.{secrets.token_urlsafe(16)}", "", is_alone=True)
        is_open = False
        try:
            await link.listen()
            await connection.publish(_dial_subject(hub), GREETING, link._own)
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                while not link._peer:
                    await link._wait()
            is_open = True
        except TimeoutError:
            raise LineClosed("the hub did not answer") from None
        finally:
            if not is_open:
                await link.close()
        return link

    async def listen(self) -> None:
        """Receive from now on. Raises LineClosed."""
        self._unsubscribe = await self._connection.subscribe(self._own, self._take)
        self._connection.whenever_ended(self._end)

    async def accept(self) -> None:
        """Answer the box: the hub listens. Raises LineClosed."""
        await self.listen()
        await self._connection.publish(self._peer, bytes([_Message.ACCEPT]) + self._own.encode(), self._own)

    async def send(self, message: bytes) -> None:
        if len(message) > MAX_MESSAGE_BYTES:
            raise LineClosed("the message is too large")
        while not self._window.is_open:
            await self._wait()
        if self._ended:
            raise LineClosed(self._ended)
        head = _HEAD.pack(_Message.DATA, self._next_sent)
        self._next_sent += 1
        self._window.note_sent(_cost(message), asyncio.get_running_loop().time())
        await self._connection.publish(self._peer, head + message, self._own)

    async def receive(self) -> bytes:
        while not self._received:
            await self._wait()
        message = self._received.popleft()
        self._unread_bytes -= _cost(message)
        self._read_bytes += _cost(message)
        if self._read_bytes - self._reported_bytes >= CREDIT_BYTES and not self._ended:
            self._reported_bytes = self._read_bytes
            with suppress(LineClosed):  # the messages that have arrived are still returned
                await self._connection.publish(self._peer, _HEAD.pack(_Message.CREDIT, self._read_bytes))
        return message

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        is_over = bool(self._ended) or not self._peer
        self._end("the connection is closed")
        with suppress(LineClosed):
            if not is_over:
                await self._connection.publish(self._peer, bytes([_Message.CLOSE]))
        if self._unsubscribe is not None:
            self._connection.forget(self._end)
            await self._unsubscribe()
        if self._is_alone:
            await self._connection.close()

    async def _wait(self) -> None:
        """Wait for a change. Raises LineClosed."""
        if self._ended:
            raise LineClosed(self._ended)
        self._changed.clear()
        await self._changed.wait()

    async def _take(self, msg: "Msg") -> None:
        if self._ended:
            return
        if msg.headers and not msg.data:  # by the server: no one listens on that subject
            self._end("the other side is gone" if self._peer else "the hub isn't connected to the NATS server")
            return
        try:
            self._understand(msg.data)
        except (LineClosed, ValueError, struct.error) as error:
            self._end(str(error) if isinstance(error, LineClosed) else "a message couldn't be understood")

    def _understand(self, data: bytes) -> None:
        """Raises LineClosed, ValueError, struct.error."""
        kind = _Message(data[0] if data else 0)
        if kind is _Message.ACCEPT and not self._peer:
            peer, prefix = data[1:].decode("ascii"), self._own.rpartition(".box.")[0] + ".line."
            if not re.fullmatch(re.escape(prefix) + _OWN_PART, peer):
                raise LineClosed("what answers there isn't a hub")
            self._peer = peer
            self._changed.set()
        elif kind is _Message.DATA:
            number = _HEAD.unpack_from(data)[1]
            message = data[_HEAD.size :]
            self._unread_bytes += _cost(message)
            if number != self._next_received:
                raise LineClosed("a message was lost on its way")
            if len(message) > MAX_MESSAGE_BYTES or self._unread_bytes > MOST_WINDOW_BYTES + MAX_MESSAGE_BYTES:
                raise LineClosed("the other side sent more than was asked for")
            self._next_received += 1
            self._received.append(message)
            self._changed.set()
        elif kind is _Message.CREDIT:
            self._window.note_read(_HEAD.unpack(data)[1], asyncio.get_running_loop().time())
            self._changed.set()
        elif kind is _Message.CLOSE:
            raise LineClosed("the other side closed the connection")

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._changed.set()


class NatsListener:
    """Accepts lines for a hub from a NATS server, and connects to it again. Single event loop."""

    def __init__(self, settings: HubNatsSettings, hub: str, accept: Callable[[MessageLink], Awaitable[None]]) -> None:
        """hub: fingerprint of its key. accept: serves a line until it has ended; never raises for what a box does."""
        self._settings, self._hub, self._accept = settings, hub, accept
        self._task: asyncio.Task[None] | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._carried: dict[NatsConnection, int] = {}
        """Number of lines of each connection."""
        self._choosing = asyncio.Lock()
        self._dialled_by: NatsConnection | None = None
        self.is_listening = False
        """Whether recorders can connect."""
        self.problem = ""
        """Why no recorder can connect through the server; empty: they can."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name="fleet by NATS")

    async def close(self) -> None:
        """Stop accepting, and end all lines."""
        tasks = [*([self._task] if self._task is not None else []), *self._lines]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._carried):
            await connection.close()

    async def _listen(self) -> None:
        backoff = Backoff(first_s=RETRY_S[0], most_s=RETRY_S[1])
        while True:
            try:
                connection = await NatsConnection.open(self._settings.address, self._settings)
                self._dialled_by, self._carried[connection] = connection, 0
                try:
                    await connection.subscribe(_dial_subject(self._hub), partial(self._dialled, connection))
                    log.info("recorders can connect through %s", self._settings.address)
                    self.is_listening, self.problem = True, ""
                    backoff.reset()
                    await connection.ended.wait()
                    raise LineClosed(connection.why())
                finally:
                    self.is_listening = False
                    del self._carried[connection]
                    await connection.close()
            except LineClosed as error:
                if str(error) != self.problem:
                    log.warning("no recorder can connect by NATS: %s", error)
                self.problem = str(error)
            await asyncio.sleep(backoff.next_s())

    async def _dialled(self, connection: NatsConnection, msg: "Msg") -> None:
        is_box = re.fullmatch(rf"tawny\.{re.escape(self._hub)}\.box\.{_OWN_PART}", msg.reply)
        if msg.data != GREETING or not is_box:  # not sent on: it could be any subject that only the hub may use
            log.info("something that isn't a recorder sent a message by NATS")
        elif len(self._lines) >= MOST_LINES:
            await connection.publish(msg.reply, bytes([_Message.CLOSE]))
        else:
            own = f"tawny.{self._hub}.line.{secrets.token_urlsafe(16)}"
            task = asyncio.create_task(self._serve(own, msg.reply))
            self._lines.add(task)
            task.add_done_callback(self._forget)

    async def _serve(self, own: str, peer: str) -> None:
        try:
            connection = await self._with_room()
        except LineClosed as error:
            log.warning("a recorder can't connect by NATS: %s", error)
            return
        link = NatsLink(connection, own, peer, is_alone=False)
        try:
            await link.accept()
        except LineClosed as error:
            log.info("the line of a recorder has ended: %s", error)
        else:
            await self._accept(link)
        finally:
            await link.close()
            await self._release(connection)

    async def _with_room(self) -> NatsConnection:
        """Return a connection for one more line, a new one if all are full. Raises LineClosed."""
        async with self._choosing:
            for connection, lines in self._carried.items():
                if lines < LINES_A_CONNECTION and not connection.ended.is_set():
                    break
            else:
                connection = await NatsConnection.open(self._settings.address, self._settings)
                self._carried[connection] = 0
            self._carried[connection] += 1
            return connection

    async def _release(self, connection: NatsConnection) -> None:
        """Count a line less; close a further connection that carries none."""
        if connection not in self._carried:  # it was that of the dial subject, and has ended
            return
        self._carried[connection] -= 1
        if not self._carried[connection] and connection is not self._dialled_by:
            del self._carried[connection]
            await connection.close()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._lines.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the line of a recorder failed", exc_info=error)


class _Tls(ssl.SSLContext):
    """TLS that knows whether it was used: the client encrypts only if the server says so."""

    is_used = False

    def wrap_bio(self, *given: Any, **more: Any) -> ssl.SSLObject:
        self.is_used = True
        return super().wrap_bio(*given, **more)

    def check(self) -> None:
        """Raises LineClosed: nothing is encrypted."""
        if not self.is_used:
            raise LineClosed("the NATS server doesn't encrypt; check its TLS settings, or use nats:// in its address")


def _tls_of(login: NatsLogin) -> _Tls:
    """Raises LineClosed: the file with the authority can't be used. Reads the disk."""
    made = _Tls(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    try:
        if login.authority:
            made.load_verify_locations(Path(login.authority).expanduser())
        else:
            made.load_default_certs()
    except OSError as error:
        raise LineClosed(f"{login.authority} can't be used as the authority of the NATS server: {error}") from error
    return made


def _file_login(login: NatsLogin) -> dict[str, Any]:
    """Return how the client signs in by a file. Raises LineClosed. Reads the disk."""
    if not login.credentials:
        return {}
    from nats.aio.client import RawCredentials

    try:
        text = Path(login.credentials).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise LineClosed(f"{login.credentials} can't be read: {why}") from None
    if _SEED.fullmatch(text.strip()):
        return {"nkeys_seed_str": text.strip()}
    if "BEGIN NATS USER JWT" in text and "BEGIN USER NKEY SEED" in text:
        return {"user_credentials": RawCredentials(text)}
    raise LineClosed(f"{login.credentials} holds neither NATS credentials nor the seed of an nkey")


def _dial_subject(hub: str) -> str:
    return f"tawny.{hub}.dial"


def _cost(message: bytes) -> int:
    return max(len(message), _LEAST_BYTES)


def _client_class() -> "type[Client]":
    """Raises LineClosed: the package isn't installed."""
    try:
        from nats.aio.client import Client

        _client_errors()
    except ImportError:
        raise LineClosed("the package for NATS isn't installed; run `pip install 'tawny[fleet]'`") from None
    return Client


def _client_errors() -> tuple[type[Exception], ...]:
    from nats.errors import Error
    from nkeys import NkeysError

    return Error, NkeysError, OSError, TimeoutError, ValueError  # a damaged seed is a ValueError

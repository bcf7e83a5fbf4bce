"""Answers what a hub asks a box: runs the request through the box's own application, with the hub's rights.

The hub says who asks; the box decides. Such a person is never more than a member, and a viewer unless `orders` is
allowed. Nothing of the hub's own headers reaches the application but those in `_HEADERS`.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from starlette.types import ASGIApp, Message, Scope

from tawny.api.auth.accounts import Account, LoginSession, Role
from tawny.api.errors import MOST_ADDRESS_BYTES, RequestRefused, as_answer
from tawny.api.fleet.allowed_requests import OF_EVENTS, required_share
from tawny.api.fleet.installer_rights import allowed_to, camera_named, no_pass
from tawny.api.request_handling import BY_HUB, MOST_BODY_BYTES
from tawny.fleet.hub_pass import PassUse
from tawny.fleet.message_link import LineClosed
from tawny.fleet.session import Exchange, Kind, as_payload
from tawny.model.errors import StorageError

log = logging.getLogger(__name__)

SOCKET: Final = "WS"
"""The method of a request for a WebSocket."""
_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "content-type", "if-none-match", "if-range", "if-modified-since", "range"}
)
_ROLES: Final = {
    Role.OWNER: Role.MEMBER,
    Role.MEMBER: Role.MEMBER,
    Role.VIEWER: Role.VIEWER,
    Role.GUEST: Role.GUEST,
    Role.INSTALLER: Role.VIEWER,
}
PASS_LOOK_S: Final = 0.4
"""Interval in s at which a video shown by a pass checks that the pass is still valid."""
PASS_ENDED: Final = 4403
PICTURES_SEEN: Final = "pictures seen from the hub"
"""Of the audit log."""
_FOREVER_MS: Final = 253_402_300_799_000
_NAME_CHARACTERS: Final = 64
LARGEST_MESSAGE_BYTES: Final = 4096
"""Of a WebSocket from a browser, as the box's own server has it."""
STATE_SOCKET: Final = "/api/v1/ws"


class BoxRequestHandler:
    """Answers requests of the hub. get_allow: returns what the owner allows now. passes: None: there can be no pass."""

    def __init__(self, app: ASGIApp, get_allow: Callable[[], frozenset[str]], passes: PassUse | None = None) -> None:
        self._app, self._get_allow, self._passes = app, get_allow, passes

    async def __call__(self, request: Mapping[str, Any], exchange: Exchange) -> None:
        """Raises LineClosed: the hub has ended it."""
        role, passed = str(request.get("role", "")), await self._passed()
        without = allowed_to(role, self._get_allow(), frozenset())
        allow = allowed_to(role, self._get_allow(), passed)
        path, query = str(request.get("path", "")), str(request.get("query", ""))
        method, decoded = str(request.get("method", "")), unquote(path)
        refused = refusal(method, decoded, len(path) + len(query), allow, role)
        share = required_share(method, decoded) or ""
        session = _session(request, allow, is_for_settings=share == "settings")
        scope = _scope(request, path, query, session)
        if decoded == STATE_SOCKET and "events" in allow:
            share = "events"  # it has them, too
        answering = self._answer(method, refused, scope, exchange, allow)
        if refused is None and share in allow - without:
            await self._note_seen(session.person.name, share, camera_named(decoded, dict(parse_qsl(query))))
            await self._while_passed(share, answering, exchange, method)
        else:
            await answering

    async def _answer(
        self, method: str, refused: RequestRefused | None, scope: Scope, exchange: Exchange, allow: frozenset[str]
    ) -> None:
        if method == SOCKET:
            if refused is not None:
                await exchange.send(Kind.HEAD, as_payload({"status": refused.status}))
                return
            await _Socket(self._app, exchange, hides_events="events" not in allow).run(scope)
            return
        app = self._app if refused is None else as_answer(refused)
        await _HttpRequest(app, exchange).run(scope)

    async def _passed(self) -> frozenset[str]:
        return frozenset() if self._passes is None else await asyncio.to_thread(self._passes.shares)

    async def _while_passed(
        self, share: str, answering: Coroutine[Any, Any, None], exchange: Exchange, method: str
    ) -> None:
        """Answer as long as the pass holds."""
        task = asyncio.create_task(answering)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=PASS_LOOK_S)
                if not task.done() and share not in await self._passed():
                    end = {"code": PASS_ENDED, "reason": "The pass of this recorder's owner has ended."}
                    exchange.close(as_payload(end) if method == SOCKET else b"")
                    return
        finally:
            task.cancel()
            ended = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(ended, Exception):
            raise ended

    async def _note_seen(self, person: str, share: str, camera: str) -> None:
        assert self._passes is not None  # else nothing is added to what is allowed
        try:
            await asyncio.to_thread(self._passes.seen, person, share, camera)
        except StorageError as error:
            log.warning("cannot write to the audit log what was seen from the hub: %s", error)


class _HttpRequest:
    def __init__(self, app: ASGIApp, exchange: Exchange) -> None:
        self._app, self._exchange = app, exchange
        self._is_ended = asyncio.Event()

    async def run(self, scope: Scope) -> None:
        body = await self._body()
        watching = asyncio.create_task(self._await_end())
        sent = [False]

        async def receive() -> Message:
            if not sent[0]:
                sent[0] = True
                return {"type": "http.request", "body": body, "more_body": False}
            await self._is_ended.wait()
            return {"type": "http.disconnect"}

        async def answer() -> None:
            await self._app(scope, receive, self._send)

        answering = asyncio.create_task(answer())
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():  # the browser has left
                answering.cancel()
        finally:
            for task in (answering, watching):
                task.cancel()
            ended = await asyncio.gather(answering, watching, return_exceptions=True)
        if isinstance(ended[0], Exception) and not isinstance(ended[0], LineClosed):
            raise ended[0]

    async def _body(self) -> bytes:
        body = b""
        while (frame := await self._exchange.receive()).kind is Kind.DATA:
            body += frame.payload
            if len(body) > MOST_BODY_BYTES:
                raise LineClosed("the hub sent a body that is too large")
        return body

    async def _await_end(self) -> None:
        with suppress(LineClosed):
            while (await self._exchange.receive()).kind is not Kind.END:
                pass
        self._is_ended.set()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
            await self._exchange.send(Kind.HEAD, as_payload({"status": message["status"], "headers": headers}))
        elif message["type"] == "http.response.body" and message.get("body"):
            await self._exchange.send(Kind.DATA, bytes(message["body"]))


class _Socket:
    def __init__(self, app: ASGIApp, exchange: Exchange, *, hides_events: bool) -> None:
        self._app, self._exchange, self._hides_events = app, exchange, hides_events
        self._has_begun = self._filters = False

    async def run(self, scope: Scope) -> None:
        self._filters = self._hides_events and scope["path"] == STATE_SOCKET
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._has_begun:
            self._has_begun = True
            return {"type": "websocket.connect"}
        try:
            message = await self._exchange.receive_message(LARGEST_MESSAGE_BYTES)
        except LineClosed:
            return {"type": "websocket.disconnect", "code": 1006}
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": _without_events(message) if self._filters else message}
        if isinstance(message, bytes):
            return {"type": "websocket.receive", "bytes": message}
        return {"type": "websocket.disconnect", "code": 1000}

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                await self._exchange.send(Kind.HEAD, as_payload({"status": 101}))
            case "websocket.send":
                text = message.get("text")
                await self._exchange.send_message(text if text is not None else bytes(message["bytes"]))
            case "websocket.close":
                end = {"code": message.get("code", 1000), "reason": message.get("reason") or ""}
                self._exchange.close(as_payload(end))
            case _:
                await self._exchange.send(Kind.HEAD, as_payload({"status": 403}))


def refusal(method: str, path: str, length: int, allow: frozenset[str], role: str) -> RequestRefused | None:
    """Return why a request isn't answered; None if it is. path: decoded. length: of path and query as sent."""
    needed = required_share(method, path)
    if length <= MOST_ADDRESS_BYTES and needed is not None and (not needed or needed in allow):
        return None
    if needed is None:
        return RequestRefused(403, "not_allowed_by_recorder", "This can be done at the recorder itself only.")
    return no_pass(needed, role) or RequestRefused(
        403, "not_allowed_by_recorder", "The owner of this recorder doesn't allow this from the hub.",
        "It can be allowed at the recorder itself, or done there.",
    )  # fmt: skip


def _session(request: Mapping[str, Any], allow: frozenset[str], *, is_for_settings: bool) -> LoginSession:
    """Return who asks, with the rights that they have here."""
    if is_for_settings and request.get("role") in (Role.OWNER.value, Role.INSTALLER.value):
        return LoginSession(Account("hub", _name(request), Role.INSTALLER), b"", _FOREVER_MS, BY_HUB)
    try:
        role = _ROLES[Role(str(request.get("role")))]
    except (ValueError, KeyError):
        role = Role.GUEST
    if role is Role.MEMBER and "orders" not in allow:
        role = Role.VIEWER
    return LoginSession(Account("hub", _name(request), role), b"", _FOREVER_MS, BY_HUB)


def _name(request: Mapping[str, Any]) -> str:
    name = "".join(letter for letter in str(request.get("person", "")) if letter.isprintable())[:_NAME_CHARACTERS]
    return f"{name} (hub)"


def _scope(request: Mapping[str, Any], path: str, query: str, session: LoginSession) -> Scope:
    is_socket = request.get("method") == SOCKET
    given = request.get("headers")
    pairs = [(str(one[0]).lower(), str(one[1])) for one in given if len(one) == 2] if isinstance(given, list) else []
    headers = [(b"host", b"localhost"), (b"origin", b"https://localhost"), (b"x-tawny", b"1")]
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in pairs[:20] if name in _HEADERS]
    scope: Scope = {
        "type": "websocket" if is_socket else "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if is_socket else "https",  # the line is encrypted
        "path": unquote(path),
        "raw_path": path.encode(errors="replace"),
        "query_string": query.encode(errors="replace"),
        "root_path": "",
        "headers": headers,
        "client": ("", 0),
        "server": None,
        "state": {BY_HUB: session},
        "extensions": {},
    }
    scope.update({"subprotocols": []} if is_socket else {"method": request.get("method")})
    return scope


def _without_events(text: str) -> str:
    """Return a subscription of the state socket without the channels that need `events`."""
    try:
        wanted = [str(one) for one in json.loads(text)["sub"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        wanted = []
    return json.dumps({"sub": [one for one in wanted if one.partition(":")[0] not in OF_EVENTS]})

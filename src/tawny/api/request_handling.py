"""How a request is handled: who sent it and under which name, its limits, the headers of its answer, its worker.

The event loop moves bytes. A route that is a plain function is answered whole by one worker thread.
"""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tawny.api.auth.accounts import Role
from tawny.api.auth.audit_counts import PROXY_REFUSED
from tawny.api.client_address import (
    FORWARDED,
    RequestOrigin,
    host_name,
    is_loopback,
    is_loopback_host,
    is_nearby,
    plain_address,
)
from tawny.api.errors import MOST_ADDRESS_BYTES, address_too_long, answer, as_answer
from tawny.service.address.address_urls import is_for_home

if TYPE_CHECKING:
    from tawny.api.context import AppContext

_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<meta name="viewport" content="width=device-width"><h1>tawny doesn't know the name {name}</h1>
<p>If it is a name of this recorder, add it to tawny.toml there. Until then, use the recorder's IP address.</p>
<pre>[web]
hosts = ["{name}"]</pre></html>
"""
_UNPROTECTED: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<meta name="viewport" content="width=device-width"><h1>{message}</h1><p>{hint}</p></html>
"""
CHALLENGES: Final = "/.well-known/acme-challenge/"
"""Paths that a public authority opens over plain http."""
_OF_INSTALLING: Final = ("/ca/", "/assets/", "/api/v1/languages/")
"""What the page `/ca` loads before the device trusts the certificate of https; none of it is private."""
STRICT_S: Final = 180 * 86_400
PROXY_USER: Final = "proxy_user"
"""Request state: the user whom a trusted proxy names, by the header configured then."""
MOST_NAME: Final = 255
_BELIEVED: Final = frozenset({Role.OWNER, Role.MEMBER})
"""Others can't bring the address of a proxy to the owner's attention by forging headers."""


class RequestOriginMiddleware:
    """Sets client, scheme and host from the headers of trusted proxies, then checks the host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        site: AppContext = scope["app"].state.site
        headers = Headers(scope=scope)
        peer, port = scope["client"] or ("", 0)
        peer, host = plain_address(peer), headers.get("host", "")
        is_trusted = site.proxies.trusts(peer)
        scope["client"] = (peer, port)
        refused = "" if site.names.allows(host) or (is_trusted and _is_alias(host, headers)) else host
        if is_trusted:
            origin = site.proxies.origin(peer, headers)
            _apply(scope, origin, port)
            if origin.host and not site.names.allows(origin.host):
                refused = origin.host
        if site.proxy_header:
            _note_proxied(scope, headers.getlist(site.proxy_header), site, peer)
        if refused or ("host" in headers and not host):
            if name := host_name(refused):
                site.names.log_refused(name)
            await _refusal(scope, refused)(scope, receive, send)
            return
        if not is_trusted and _needs_https(site, scope, peer):
            await (_send_to_https(site, scope, host) if site.secure.in_force else _unprotected(scope))(
                scope, receive, send
            )
            return
        scope.setdefault("state", {})["peer"] = peer
        try:
            await self._app(scope, receive, send)
        finally:
            session = scope.get("state", {}).get("session")
            if not is_trusted and session is not None and session.person.role in _BELIEVED and _is_proxied(headers):
                site.unknown_proxies.note(peer)


def _note_proxied(scope: Scope, named: list[str], site: "AppContext", peer: str) -> None:
    """Keep the user whom a configured proxy names; a header of anyone else is counted, by the client's address.

    Two headers are none: one of them may be the client's.
    """
    if named and not site.naming_proxies.trusts(peer):
        site.accounts.counts.count(PROXY_REFUSED, "", scope["client"][0])
    elif len(named) == 1:
        try:
            name = named[0].encode("latin-1").decode()  # proxies send UTF-8, which the server reads as Latin-1
        except UnicodeDecodeError:
            name = named[0]
        if 0 < len(name := name.strip()) <= MOST_NAME:
            scope.setdefault("state", {})[PROXY_USER] = {site.proxy_header: name}


def is_forwarded(headers: Headers) -> bool:
    return any(name in headers for name in FORWARDED)


def _is_proxied(headers: Headers) -> bool:
    """Return whether a reverse proxy names the client; `Via` may come from a proxy on the client's side."""
    return "x-forwarded-for" in headers or "forwarded" in headers


def is_local(connection: HTTPConnection) -> bool:
    """Return whether a program on this computer made the request itself, not through a proxy."""
    address = connection.client.host if connection.client else ""
    return is_loopback(address) and not is_forwarded(connection.headers)


def is_local_by_name(connection: HTTPConnection) -> bool:
    """Return whether it is local and addressed to `localhost` or a loopback address."""
    return is_local(connection) and is_loopback_host(connection.headers.get("host", ""))


def _needs_https(site: "AppContext", scope: Scope, peer: str) -> bool:
    """Return whether a request came without encryption from outside this computer and private networks."""
    if scope["scheme"] in ("https", "wss") or is_nearby(peer):
        return False
    if not (site.secure.in_force or site.secure.had_certificate):
        return False
    return not scope["path"].startswith(CHALLENGES) and not _installs_authority(site, scope)


def _installs_authority(site: "AppContext", scope: Scope) -> bool:
    path: str = scope["path"]
    is_of_page = path in ("/ca", "/api/v1/local-authority") or path.startswith(_OF_INSTALLING)
    return is_of_page and scope.get("method") in ("GET", "HEAD") and site.secure.authority() is not None


def _send_to_https(site: "AppContext", scope: Scope, host: str) -> ASGIApp:
    """Return the only answer such a request gets, also the handshake of a WebSocket: the same address by https."""
    if not host:
        return _refusal(scope, host)
    name, facts = host_name(host), site.secure.in_force.facts
    # from outside, what was asked for leads here, even with a warning; one for home may not
    is_better = site.is_at_home_only and (not is_for_home(name) or (facts is not None and facts.covers(name)))
    base = site.address if site.address.startswith("https://") and not is_better else f"https://{host}"
    path, query = scope.get("raw_path") or b"/", scope.get("query_string", b"")
    target = base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
    return Response(status_code=308, headers={"Location": target, "Connection": "close", "Cache-Control": "no-store"})


def _unprotected(scope: Scope) -> ASGIApp:
    """Return the refusal while https is set up, but no certificate is in force. Its cause may name private files."""
    message = "tawny has no certificate for https now, so it answers in its own network only."
    hint = (
        "The first certificate can take minutes. At home, open its IPv4 address and see Health for the cause. On a "
        "server, see the log of tawny. Nothing is sent unencrypted over the internet."
    )
    made: Response = answer(503, "no_certificate", message, hint)
    if "text/html" in Headers(scope=scope).get("accept", ""):
        made = HTMLResponse(_UNPROTECTED.format(message=message, hint=hint), 503)
    made.headers.update(HEADERS | {"Cache-Control": "no-store", "Connection": "close"})
    return made


def _is_alias(host: str, headers: Headers) -> bool:
    """Return whether a proxy used its own short name for tawny, such as that of a container, and sent the real one."""
    name = host_name(host)
    return bool(name) and "." not in name and bool({"forwarded", "x-forwarded-host"} & set(headers.keys()))


def _apply(scope: Scope, origin: RequestOrigin, port: int) -> None:
    scope["client"] = (origin.address, port)
    if origin.scheme:
        scope["scheme"] = origin.scheme.replace("http", "ws") if scope["type"] == "websocket" else origin.scheme
    if origin.host:
        headers = MutableHeaders(raw=list(scope["headers"]))
        headers["host"] = origin.host
        scope["headers"] = headers.raw


def _refusal(scope: Scope, host: str) -> Response:
    name = host_name(host)
    made: Response
    if not name:
        made = answer(421, "wrong_host", "The request has no valid host name.", "Use the recorder's IP address.")
    elif "text/html" in Headers(scope=scope).get("accept", ""):
        made = HTMLResponse(_PAGE.format(name=html.escape(name)), 421)
    else:
        hint = f'If it is, add `hosts = ["{name}"]` under [web] in tawny.toml there. Until then, use its IP address.'
        made = answer(421, "wrong_host", f"{name} isn't a known name of this recorder.", hint)
    made.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return made


# ASGI middleware: security headers on every response, and limits on request addresses and bodies.

MOST_BODY_BYTES = 64 * 1024
STREAMED = frozenset(
    {
        ("PUT", "/api/v1/inbox/file"),
        ("PUT", "/api/v1/plan/image"),
        ("PUT", "/api/v1/restore/file"),
        ("POST", "/api/v1/setup/restore/file"),
    }
)
"""Routes with a file as body, streamed by the route within the token's quota, or the size of a backup or a plan."""
RELOADER = "sha256-zYPO7MNuYzwUmB+0/titAwCb5LOziA2ReWdvmeBP9YY="
"""Of the script in `ui/index.html`: it reloads a page whose code did not arrive, and so cannot be a file itself."""
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; style-src 'self'; "
    f"script-src 'self' '{RELOADER}'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

FRAMED = "frame-ancestors *"
"""In the policy of responses that may be framed by other sites."""
OF_FRAMES = frozenset({"Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"})
"""Headers that such a response sets itself."""
UNLOCKED = "unlocked"
"""Request state: the session has unlocked encrypted recordings, so nothing may be cached."""


USED_UP = "used_up"
"""Request state: what works once was used, so that also a refusal is kept for its repetition."""
RENEW = "renew_cookie"
"""Request state: returns, of a connection, the session's cookie as a header if it is to be set again."""
BY_HUB = "hub"
"""How people at a hub are signed in here, and the request state with their session (`api.fleet.box_requests`)."""
COPIED = "copied"
"""Request state: the copies of another recorder that the request is about (`api.fleet.copy_answers`)."""
BY_ADDRESS = "by_address"
"""Request state: the access token in the address let the caller in. A TV's player, which is a web page, may read it."""


class SecurityHeadersMiddleware:
    """ASGI middleware. Keeps a response's own Cache-Control; the default is `no-store`.

    changes: returns what handles requests that may change something, before the application.
    """

    def __init__(self, app: ASGIApp, changes: Callable[[ASGIApp], ASGIApp]) -> None:
        self._app, self._changes = app, changes(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_too_long(scope):
            await as_answer(address_too_long())(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                may_be_framed = FRAMED in headers.get("Content-Security-Policy", "")
                if (strict_s := _strict_s(scope)) is not None:
                    headers["Strict-Transport-Security"] = f"max-age={strict_s}"
                for name, value in HEADERS.items():
                    if not (may_be_framed and name in OF_FRAMES):
                        headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                if "max-age" in headers["Cache-Control"] and "private" in headers["Cache-Control"]:
                    headers.add_vary_header("Cookie")  # a browser's copy is for this sign-in only
                if scope["state"].get(BY_ADDRESS):
                    headers["Access-Control-Allow-Origin"] = "*"
                if scope["state"].get(UNLOCKED):
                    headers["Cache-Control"] = "no-store"
                await _renew_cookie(scope, message["status"], headers)
            await send(message)

        body = await _body_within(scope, receive)
        if body is None:
            refused = answer(413, "too_large", "This request is too large.", "Send less at once.")
            await refused(scope, receive, send_with_headers)
        else:
            handle = self._app if scope["method"] in ("GET", "HEAD") else self._changes
            await handle(scope, body, send_with_headers)


async def _renew_cookie(scope: Scope, status: int, headers: MutableHeaders) -> None:
    """Set the session's cookie again if it is due: not in what is kept, nor in the answer that deletes it."""
    renew: Callable[[HTTPConnection], Awaitable[str]] | None = scope["state"].get(RENEW)
    is_fit = scope["method"] == "GET" and status < 400 and headers["Cache-Control"] == "no-store"
    if renew is not None and is_fit and (cookie := await renew(HTTPConnection(scope))):
        headers.append("Set-Cookie", cookie)


def _strict_s(scope: Scope) -> int | None:
    """Return for how long browsers shall open the name with https only; 0 ends it, None says nothing: decision 156."""
    site: AppContext = scope["app"].state.site
    host = Headers(scope=scope).get("host", "")
    is_proxied = site.naming_proxies.trusts(scope["state"].get("peer", ""))  # a proxy's own header would come after it
    if scope["scheme"] != "https" or not site.strict_host or host_name(host) != site.strict_host or is_proxied:
        return None
    if site.strict_host.endswith(".ts.net"):
        return 0
    return STRICT_S if host.partition(":")[2] in ("", "443") else None


def _is_too_long(scope: Scope) -> bool:
    path = scope.get("raw_path") or scope.get("path", "").encode()
    return len(path) + len(scope.get("query_string", b"")) > MOST_ADDRESS_BYTES


async def _body_within(scope: Scope, receive: Receive) -> Receive | None:
    """Return the request with its body buffered; None if the body exceeds MOST_BODY_BYTES."""
    if scope["method"] in ("GET", "HEAD") or (scope["method"], scope["path"]) in STREAMED:
        return receive
    parts: list[bytes] = []
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return receive  # the client disconnected
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        more = message.get("more_body", False)
        if size_bytes > MOST_BODY_BYTES:
            return None
    pending: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


# Routes that one worker thread answers whole: a plain function runs there with its access rule and parameters, and its
# answer becomes JSON there. One change of thread, and neither a slow disk nor a large answer delays other clients.
# A route that is a coroutine runs on the loop, because it streams or waits for others.

P = ParamSpec("P")
T = TypeVar("T")


async def in_worker(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return what a call returns that may wait for the disk: it runs here if this is a worker, else in one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call(*args, **options)
    return await asyncio.to_thread(call, *args, **options)


class WorkerRoute(APIRoute):
    """A route that runs in a worker if its function is not a coroutine. Its dependencies use `in_worker`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._is_for_worker = not iscoroutinefunction(endpoint)
        super().__init__(path, _as_coroutine(endpoint) if self._is_for_worker else endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if not self._is_for_worker:
            return handle

        async def handle_in_worker(request: Request) -> Response:
            if self.body_field is not None:
                await request.body()  # only the loop can wait for it; the request keeps it
            return await asyncio.to_thread(lambda: _finish(handle(request)))  # made there: it may never come to it

        return handle_in_worker


def _as_coroutine(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def call(*args: Any, **options: Any) -> Any:
        return endpoint(*args, **options)

    return call


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, without a loop, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    coroutine.close()
    raise RuntimeError("a route in a worker must not wait: make it a coroutine")


_CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.IGNORECASE)


def accepted_coding(accept: str, offered: Iterable[str]) -> str | None:
    """Return the offered content coding that `Accept-Encoding` prefers, the first of several; None for the plain file.

    RFC 9110, 12.5.3. What cannot be read is ignored.
    """
    weights: dict[str, float] = {}
    for part in accept.split(","):
        if found := _CODING.fullmatch(part):
            weights[found[1].lower()] = float(found[2] or 1)
    best = max(offered, key=lambda coding: weights.get(coding, weights.get("*", 0.0)), default="")
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None

"""ASGI middleware: finds out who sent a request and under which name, and refuses foreign names with 421."""

import html
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tawny.api.auth.accounts import Role
from tawny.api.client_address import FORWARDED, RequestOrigin, host_name, is_loopback, is_loopback_host, plain_address
from tawny.api.context import AppContext
from tawny.api.errors import answer
from tawny.api.security_headers import HEADERS

_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<meta name="viewport" content="width=device-width"><h1>tawny doesn't know the name {name}</h1>
<p>If it is a name of this recorder, add it to tawny.toml there. Until then, use the recorder's IP address.</p>
<pre>[web]
hosts = ["{name}"]</pre></html>
"""
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
        if refused or ("host" in headers and not host):
            if name := host_name(refused):
                site.names.log_refused(name)
            await _refusal(scope, refused)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            session = scope.get("state", {}).get("session")
            if not is_trusted and session is not None and session.person.role in _BELIEVED and _is_proxied(headers):
                site.unknown_proxies.note(peer)


def is_forwarded(headers: Headers) -> bool:
    return any(name in headers for name in FORWARDED)


def _is_proxied(headers: Headers) -> bool:
    """Return whether a reverse proxy says for whom it asks; `Via` may come from a proxy on the client's side."""
    return "x-forwarded-for" in headers or "forwarded" in headers


def is_local(connection: HTTPConnection) -> bool:
    """Return whether a program on this computer made the request itself, not through a proxy."""
    address = connection.client.host if connection.client else ""
    return is_loopback(address) and not is_forwarded(connection.headers)


def is_local_by_name(connection: HTTPConnection) -> bool:
    """Return whether it is local and addressed to `localhost` or a loopback address."""
    return is_local(connection) and is_loopback_host(connection.headers.get("host", ""))


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

"""Who may do what: every route declares a rule, and an application with a route that has none is refused.

A rule is a dependency that carries its `access`, so that it can be found again by walking the routes, and what is
checked is what is declared. State is changed only by requests that our own pages made: browsers tell where a request
comes from, and another site cannot add `X-Tawny` without being asked first.
"""

import asyncio
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from tawny.web.accounts import Caller, Role, Session
from tawny.web.problems import Refused
from tawny.web.site import the_site

COOKIE = "tawny_session"
SIGNED_OUT = 4401
"""The code that a WebSocket is closed with when there is no session, or no longer."""
NOT_ALLOWED = 4403
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Access(StrEnum):
    PUBLIC = "public"
    VIEW = "view"
    """Signed in, as viewer or owner."""
    OWN = "own"
    """Signed in as owner."""


class Rule:
    """What a route's `dependencies` must hold: `dependencies=[rule(Access.VIEW)]`."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, connection: HTTPConnection) -> None:
        if isinstance(connection, WebSocket):
            await _check_socket(connection, self.access)
        else:
            if connection.scope["method"] not in SAFE:
                _check_ours(connection)
            if self.access is not Access.PUBLIC:
                connection.state.session = _allowed(await find_session(connection), self.access)


def rule(access: Access) -> Any:
    return Depends(Rule(access))


def check_routes(app: FastAPI) -> dict[str, Access]:
    """The rule of each route, by method and path. RuntimeError when one has none: such an application must not start.

    Mounts and plain Starlette routes have no place for a rule and are refused as well.
    """
    rules: dict[str, Access] = {}
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            raise RuntimeError(f"the route {path} cannot carry an access rule")
        found = [made.call for made in route.dependant.dependencies if isinstance(made.call, Rule)]
        if len(found) != 1:
            raise RuntimeError(f"the route {path} must declare one access rule and declares {len(found)}")
        methods = sorted(route.methods or ()) if isinstance(route, APIRoute) else ["WS"]
        rules |= {f"{method} {path}": found[0].access for method in methods}
    return rules


def caller_of(connection: HTTPConnection) -> Caller:
    address = connection.client.host if connection.client else ""
    return Caller(address, connection.headers.get("user-agent", ""))


async def find_session(connection: HTTPConnection) -> Session | None:
    """The session that the request's cookie stands for."""
    token = connection.cookies.get(COOKIE, "")
    return await asyncio.to_thread(the_site(connection).accounts.session, token) if token else None


async def has_ended(connection: HTTPConnection) -> bool:
    """Whether a session that a long answer began with is over. Asked every few seconds while it lasts."""
    session: Session = connection.state.session
    return await asyncio.to_thread(the_site(connection).accounts.session_of, session.key) is None


def the_session(connection: HTTPConnection) -> Session:
    """The session that the route's rule has found."""
    session: Session = connection.state.session
    return session


Signed = Annotated[Session, Depends(the_session)]


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether a page of ours made this request, as the browser says.

    `Sec-Fetch-Site` is sent to secure addresses only, `Origin` with every WebSocket and every request that is no GET.
    The scheme is left out of the comparison: a proxy in front may have added TLS.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site is not None and connection.scope["type"] == "http"
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == connection.headers.get("host", "").lower()


def _check_ours(connection: HTTPConnection) -> None:
    if connection.headers.get("x-tawny") != "1" or not is_same_origin(connection):
        raise Refused(403, "other_site", "This request did not come from tawny's own page.", "Do it in tawny itself.")


async def _check_socket(socket: WebSocket, access: Access) -> None:
    if not is_same_origin(socket):
        raise WebSocketException(1008)  # closed before it opens: the browser is told nothing
    if access is Access.PUBLIC:
        return
    try:
        socket.state.session = _allowed(await find_session(socket), access)
    except Refused as refused:
        await socket.accept()  # a page can read the code of an open socket only
        raise WebSocketException(SIGNED_OUT if refused.status == 401 else NOT_ALLOWED, refused.message) from refused


def _allowed(session: Session | None, access: Access) -> Session:
    if session is None:
        raise Refused(401, "signed_out", "You are not signed in on this device.", "Sign in to continue.")
    if access is Access.OWN and session.person.role is not Role.OWNER:
        raise Refused(403, "owner_only", "Only an owner can do this.", "Ask an owner.")
    return session

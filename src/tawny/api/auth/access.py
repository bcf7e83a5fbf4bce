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

from tawny.api.auth.accounts import Caller, LoginSession, Role
from tawny.api.context import the_site
from tawny.api.errors import RequestRefused, not_found, share_ended
from tawny.model.ids import CameraId

COOKIE = "tawny_session"
SIGNED_OUT = 4401
"""The code that a WebSocket is closed with when there is no session, or no longer."""
NOT_ALLOWED = 4403
NOT_THERE = 4404
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Access(StrEnum):
    PUBLIC = "public"
    SIGNED = "signed"
    """By a program that proves for itself who it is: no cookie counts. The route finds out."""
    SHARED = "shared"
    """With a ticket that a shared link gave: that one clip."""
    SEE = "see"
    """Signed in, or with a pass: what is live."""
    VIEW = "view"
    """Signed in, as viewer, member or owner."""
    DIRECT = "direct"
    """Signed in as member or owner: what the recorder is to do now."""
    OWN = "own"
    """Signed in as owner."""
    BRING = "bring"
    """With a pass that lets another recorder bring files; no browser, and nobody who is signed in."""


BY_HEADER = frozenset({Access.BRING, Access.SIGNED})
"""What proves who asks is in a header, which no other site's page can send along."""


class AccessRule:
    """What a route's `dependencies` must hold: `dependencies=[rule(Access.VIEW)]`."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, connection: HTTPConnection) -> None:
        if isinstance(connection, WebSocket):
            await _check_socket(connection, self.access)
        else:
            if connection.scope["method"] not in SAFE and self.access not in BY_HEADER:
                _check_ours(connection)
            if self.access is Access.SHARED:
                await _open_shared(connection)
            elif self.access is not Access.SIGNED and self.access is not Access.PUBLIC:
                connection.state.session = _allowed(await _found(connection, self.access), self.access)
                if not may_see(connection):
                    raise not_found("Camera not found.")


def rule(access: Access) -> Any:
    return Depends(AccessRule(access))


def check_routes(app: FastAPI) -> dict[str, Access]:
    """The rule of each route, by method and path. RuntimeError when one has none: such an application must not start.

    Mounts and plain Starlette routes have no place for a rule and are refused as well.
    """
    rules: dict[str, Access] = {}
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            raise RuntimeError(f"the route {path} cannot carry an access rule")
        found = [made.call for made in route.dependant.dependencies if isinstance(made.call, AccessRule)]
        if len(found) != 1:
            raise RuntimeError(f"the route {path} must declare one access rule and declares {len(found)}")
        methods = sorted(route.methods or ()) if isinstance(route, APIRoute) else ["WS"]
        rules |= {f"{method} {path}": found[0].access for method in methods}
    return rules


def caller_of(connection: HTTPConnection) -> Caller:
    address = connection.client.host if connection.client else ""
    return Caller(address, connection.headers.get("user-agent", ""))


async def find_session(connection: HTTPConnection) -> LoginSession | None:
    """The session that the request's cookie stands for."""
    token = connection.cookies.get(COOKIE, "")
    return await asyncio.to_thread(the_site(connection).accounts.session, token) if token else None


async def _found(connection: HTTPConnection, access: Access) -> LoginSession | None:
    """By cookie; where a pass is enough, by `?pass=…` or `Authorization: Bearer …` as well; to bring, by that alone."""
    session = await find_session(connection) if access is not Access.BRING else None
    if session is not None or access not in (Access.SEE, Access.BRING):
        return session
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    asked = connection.query_params.get("pass", "") if access is Access.SEE else ""
    secret = secret if scheme.lower() == "bearer" else asked
    return await asyncio.to_thread(the_site(connection).passes.session, secret) if secret else None


async def _open_shared(connection: HTTPConnection) -> None:
    ticket = connection.query_params.get("ticket", "")
    found = await asyncio.to_thread(the_site(connection).shares.shown_by, ticket)
    if found is None:
        raise share_ended()
    connection.state.share, connection.state.session = found


def may_see(connection: HTTPConnection) -> bool:
    """Whether the camera that is asked for by name, if one is, is among those that may be seen."""
    asked = connection.path_params.get("camera") or connection.query_params.get("camera")
    return asked is None or the_session(connection).person.may_see(CameraId(asked))


async def has_ended(connection: HTTPConnection) -> bool:
    """Whether the right that a long answer began with is over. Asked every few seconds while it lasts."""
    session, site = the_session(connection), the_site(connection)
    match session.person.role:
        case Role.HOLDER | Role.BRINGER:
            session_of = site.passes.session_of
        case Role.GUEST:
            session_of = site.shares.session_of
        case _:
            session_of = site.accounts.session_of
    now = await asyncio.to_thread(session_of, session.key)
    return now is None or (now.person.role, now.person.cameras) != (session.person.role, session.person.cameras)


def the_session(connection: HTTPConnection) -> LoginSession:
    """The session that the route's rule has found."""
    session: LoginSession = connection.state.session
    return session


Signed = Annotated[LoginSession, Depends(the_session)]


def why_not(session: LoginSession, access: Access) -> str:
    """Why who was let in for less may not do this; empty where they may."""
    try:
        _allowed(session, access)
    except RequestRefused as refused:
        return refused.message
    return ""


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
        raise RequestRefused(
            403, "other_site", "This request didn't come from tawny's own page.", "Do it in tawny itself."
        )


async def _check_socket(socket: WebSocket, access: Access) -> None:
    if not is_same_origin(socket):
        raise WebSocketException(1008)  # closed before it opens: the browser is told nothing
    if access is Access.PUBLIC:
        return
    try:
        socket.state.session = _allowed(await _found(socket, access), access)
        if not may_see(socket):
            raise not_found("Camera not found.")
    except RequestRefused as refused:
        await socket.accept()  # a page can read the code of an open socket only
        code = {401: SIGNED_OUT, 404: NOT_THERE}.get(refused.status, NOT_ALLOWED)
        raise WebSocketException(code, refused.message) from refused


def _allowed(session: LoginSession | None, access: Access) -> LoginSession:
    if session is None:
        raise RequestRefused(401, "signed_out", "You aren't signed in on this device.", "Sign in to continue.")
    if session.person.role is Role.HOLDER and access is not Access.SEE:
        raise RequestRefused(403, "live_only", "This access token only shows live video.", "Sign in to see more.")
    if session.person.role is Role.BRINGER and access is not Access.BRING:
        raise RequestRefused(403, "bring_only", "This access token only accepts uploads.", "Create another one.")
    if access is Access.OWN and session.person.role is not Role.OWNER:
        raise RequestRefused(403, "owner_only", "Only owners can do this.", "Ask an owner.")
    if access is Access.DIRECT and session.person.role not in (Role.OWNER, Role.MEMBER):
        raise RequestRefused(403, "family_only", "Only members and owners can do this.", "Ask an owner.")
    return session

"""Access control: every route declares one access rule; an application with a route without one does not start.

A rule is a dependency with an `access` attribute, so that the declared rule is the one enforced.
Protection against CSRF: requests that change state must be same-origin, checked by `Sec-Fetch-Site` or `Origin`, and
carry the header `X-Tawny`, which other sites cannot add without a CORS preflight.
Cameras that a user may not see: the rule refuses a request that names one, `cameras_of` and `known_camera` look up
those of a list or body, and the user's recorder knows no other (`service.scoped_recorder`).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Path, Query
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticKnownError
from starlette.datastructures import Headers
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from tawny.api.auth.accounts import Account, Caller, LoginSession, Role, hashed, session_ms
from tawny.api.auth.audit_counts import ACCESS_REFUSED
from tawny.api.auth.linked_names import BY_PROXY
from tawny.api.client_protocols import note_sign_in
from tawny.api.context import AppContext, app_context
from tawny.api.errors import RequestRefused, as_answer, bad_input, not_found, share_ended
from tawny.api.request_handling import BY_ADDRESS, BY_HUB, PROXY_USER, RENEW, in_worker, is_local
from tawny.api.schemas import Id
from tawny.config.units import duration_text
from tawny.fleet.message_link import LINE_PATH
from tawny.fleet.standby_question import STANDBY_PATH
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.times import LATEST_MS, Span

COOKIE = "tawny_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Over https. Of its own, because browsers refuse to replace a cookie of https on a page of plain http."""
SIGNED_OUT = 4401
"""WebSocket close code: no session, or it ended."""
BEGIN_AGAIN = 1012
"""WebSocket close code: something changed, and the next connection has it."""
NOT_ALLOWED, NOT_THERE = 4403, 4404
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
RENEWED_S: Final = 86_400.0
"""Interval in s at which a session's cookie is set again."""
MOST_RENEWED: Final = 1000
LOOK_S = 1.0
"""Interval in s at which long answers, uploads and sockets check their rights: they end within 3 s (decision 40)."""


class Access(StrEnum):
    PUBLIC = "public"
    SIGNED = "signed"
    """Signed by an API client; cookies are ignored. The route verifies the signature."""
    SHARED = "shared"
    """With the ticket of a shared link, or a TV's address: that recording only."""
    SEE = "see"
    """Signed in, or with an access token: live view."""
    WALL = "wall"
    """Signed in, also as a screen on the wall: what the live view needs besides video."""
    VIEW = "view"
    """Signed in as guest, viewer, member or owner."""
    DIRECT = "direct"
    """Signed in as member or owner: commands to the recorder, and marks of events. Viewers change nothing."""
    OWN = "own"
    """Signed in as owner."""
    INSTALL = "install"
    """Signed in as owner or installer: health, versions and settings without secrets."""
    BRING = "bring"
    """With another recorder's upload token; not with a login session."""
    SEND = "send"
    """With the token of a phone that is a camera; not with a login session."""


BY_HEADER = frozenset({Access.BRING, Access.SEND, Access.SIGNED})
"""Rules whose credentials are in a header that pages of other sites cannot send, so no CSRF check is needed.

Nor for live view with an access token alone, such as by a WHEP player: a page that knows it needs no user's browser.
"""


class AccessRule:
    """Dependency of a route: `dependencies=[rule(Access.VIEW)]`."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def __call__(self, connection: HTTPConnection) -> None:
        if isinstance(connection, WebSocket):
            await _check_socket(connection, self.access)
            return
        is_known = self.access in BY_HEADER or (self.access is Access.SEE and _is_by_token(connection))
        if connection.scope["method"] not in SAFE and not is_known:
            _check_ours(connection)
        if self.access is Access.SHARED:
            await in_worker(_open_shared, connection)
        elif self.access is not Access.SIGNED and self.access is not Access.PUBLIC:
            await in_worker(_admit, connection, self.access)


def rule(access: Access) -> Any:
    return Depends(AccessRule(access))


def check_routes(app: FastAPI | APIRouter) -> dict[str, Access]:
    """Return the rule of each route by method and path. Raises RuntimeError: when a route has none.

    Mounts and plain Starlette routes cannot carry a rule and are refused as well.
    """
    rules: dict[str, Access] = {}
    for route_context in iter_route_contexts(app.routes):
        route, path = route_context.original_route, route_context.path
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


def of_port(name: str, connection: HTTPConnection) -> str:
    """Return a cookie's name here: browsers share cookies over all ports, and so all recorders, of a computer."""
    port = connection.headers.get("host", "").rpartition(":")[2]
    return f"{name}-{port}" if port.isdecimal() else name


def session_cookie(connection: HTTPConnection) -> str:
    """Return the name of the session's cookie on this connection."""
    return of_port(SECURE_COOKIE if is_secure_connection(connection) else COOKIE, connection)


def is_secure_connection(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")


def _cookie_names(connection: HTTPConnection, *names: str) -> list[str]:
    """Return these names of cookies as they are here, then without the port, as earlier versions had them."""
    return [*(of_port(name, connection) for name in names), *names]


def carried_sessions(connection: HTTPConnection) -> dict[str, bytes]:
    """Return the keys of the sessions whose cookies the request carries, by the cookie's name; also ended ones.

    Those without a port may be of another recorder.
    """
    names = _cookie_names(connection, SECURE_COOKIE, COOKIE)
    return {name: hashed(connection.cookies[name]) for name in names if name in connection.cookies}


def set_session_cookie(connection: HTTPConnection, response: Response, token: str, person: Account) -> None:
    name, lasts_s, is_secure = session_cookie(connection), session_ms(person) // 1000, is_secure_connection(connection)
    response.set_cookie(name, token, max_age=lasts_s, path="/", httponly=True, samesite="lax", secure=is_secure)


async def renew_cookie(connection: HTTPConnection) -> str:
    """Return the `Set-Cookie` header that keeps the cookie as long as its session, once a day; else an empty text.

    Also without one: a request by a hub or a token, and one over https with the cookie of plain http.
    """
    session, site = the_session(connection), app_context(connection)
    renewed_s, now_s = site.renewed_s, site.recorder.clock.mono_s()
    if now_s - renewed_s.get(session.key, -RENEWED_S) < RENEWED_S:
        return ""
    carried = carried_sessions(connection)
    names = _cookie_names(connection, SECURE_COOKIE if is_secure_connection(connection) else COOKIE)
    name = next((name for name in names if carried.get(name) == session.key), None)
    if name is None:
        return ""
    if len(renewed_s) >= MOST_RENEWED:
        for key in [key for key, at_s in renewed_s.items() if now_s - at_s >= RENEWED_S]:
            del renewed_s[key]
    try:
        if await has_ended(connection):
            return ""  # meanwhile: the browser may have the cookie of another session now
    except StorageError:  # the request is answered: a later one renews it
        return ""
    renewed_s[session.key] = now_s
    made = Response()
    set_session_cookie(connection, made, connection.cookies[name], session.person)
    return made.headers["set-cookie"]


def find_session(connection: HTTPConnection) -> LoginSession | None:
    """Return the session of the request's cookie, or of who asks at a hub; else None. Reads the disk."""
    by_hub: LoginSession | None = connection.scope.get("state", {}).get(BY_HUB)
    if by_hub is not None:
        return by_hub
    names = _cookie_names(connection, *((SECURE_COOKIE, COOKIE) if is_secure_connection(connection) else (COOKIE,)))
    token = next((token for name in names if (token := connection.cookies.get(name))), "")
    return _while_named(app_context(connection).accounts.session(token) if token else None, connection)


def _while_named(session: LoginSession | None, connection: HTTPConnection) -> LoginSession | None:
    """Return the session; one by a proxy only while that names the same user."""
    if session is None or session.how != BY_PROXY:
        return session
    named = find_proxied(connection)
    return session if named is not None and named.id == session.person.id else None


def find_proxied(connection: HTTPConnection) -> Account | None:
    """Return the user whom a trusted proxy names in the header that is configured now: both may have changed since."""
    site, state = app_context(connection), connection.scope.get("state", {})
    name = state.get(PROXY_USER, {}).get(site.proxy_header) if site.naming_proxies.trusts(state.get("peer", "")) else ""
    person = site.identities.named(name) if name else None
    return person if person and person.role is not Role.SCREEN else None


def _admit(connection: HTTPConnection, access: Access) -> None:
    """Find the session. Raises RequestRefused: when it may not do this, or not see the camera named in the request."""
    connection.state.session = _allowed(_found(connection, access), access)
    connection.scope["state"][RENEW] = renew_cookie
    note_sign_in(connection)
    if not may_see(connection):
        raise not_found("Camera not found.")


def _found(connection: HTTPConnection, access: Access) -> LoginSession | None:
    """Return the session by cookie, or by access token (`?pass=…`, `Authorization: Bearer …`) where the rule allows it.

    Uploads and phones accept a token in the header only.
    """
    by_token = access in (Access.BRING, Access.SEND)
    session = None if by_token else find_session(connection)
    if session is not None or not (by_token or access is Access.SEE):
        return session
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    address_key = connection.query_params.get("pass", "") if access is Access.SEE else ""
    secret = secret if scheme.lower() == "bearer" else address_key
    session = app_context(connection).passes.session(secret) if secret else None
    connection.scope.setdefault("state", {})[BY_ADDRESS] = bool(session and secret == address_key)
    if secret and session is None:
        app_context(connection).accounts.counts.count(ACCESS_REFUSED, "", caller_of(connection).address)
    return session


def _is_by_token(connection: HTTPConnection) -> bool:
    """Return whether an access token is all that could let a request in."""
    is_there = bool(connection.query_params.get("pass") or connection.headers.get("authorization"))
    by_others = carried_sessions(connection) or connection.scope.get("state", {}).get(BY_HUB)
    return is_there and not by_others


def _open_shared(connection: HTTPConnection) -> None:
    """Find what a link or a TV's address shows. Raises RequestRefused: when it has ended."""
    site, ticket = app_context(connection), connection.query_params.get("ticket", "")
    found = site.shares.shown_by(ticket)
    if found is not None:
        connection.state.share, connection.state.session = found
    elif on_tv := site.passes.recording(ticket):
        cast, connection.state.session = on_tv
        connection.state.share = cast.recording
        connection.scope.setdefault("state", {})[BY_ADDRESS] = True
    else:
        raise share_ended()
    note_sign_in(connection)


def may_see(connection: HTTPConnection) -> bool:
    """Return whether the session may see the camera named in the request; True if none is named."""
    camera = connection.path_params.get("camera") or connection.query_params.get("camera")
    return camera is None or the_session(connection).person.may_see(CameraId(camera))


async def has_ended(connection: HTTPConnection) -> bool:
    """Return whether the session has ended or its rights changed. Called every LOOK_S during long responses."""
    session = the_session(connection)
    if session.how == BY_HUB:
        return False  # the hub ends the request; what the owner allows applies to the next one
    now = await asyncio.to_thread(_session_now, connection)
    return now is None or (now.person.role, now.person.cameras) != (session.person.role, session.person.cameras)


def _session_now(connection: HTTPConnection) -> LoginSession | None:
    session, site = the_session(connection), app_context(connection)
    match session.person.role:
        case Role.HOLDER | Role.BRINGER | Role.PHONE:
            return site.passes.session_of(session.key)
        case Role.VISITOR:  # of a link, or of a TV that shows a recording
            return site.shares.session_of(session.key) or site.passes.session_of(session.key)
        case _:
            return _while_named(site.accounts.session_of(session.key), connection)


async def await_end(connection: HTTPConnection) -> bool:
    """Return once the session has ended or its rights changed, at most LOOK_S later: whether it has ended."""
    await asyncio.sleep(LOOK_S)  # the route's rule has just checked them
    while not await has_ended(connection):
        await asyncio.sleep(LOOK_S)
    return await asyncio.to_thread(_session_now, connection) is None


async def refuse_ended(connection: HTTPConnection) -> None:
    """Raise RequestRefused if the session has ended or its rights changed. Call after waiting for what is then sent."""
    if await has_ended(connection):
        is_there = await asyncio.to_thread(_session_now, connection) is not None
        raise RequestRefused(409, "changed", "Your access was changed.", "Try again.") if is_there else _signed_out()


def the_session(connection: HTTPConnection) -> LoginSession:
    """Return the session found by the route's rule."""
    session: LoginSession = connection.state.session
    return session


async def _signed(connection: HTTPConnection) -> LoginSession:
    return the_session(connection)


Signed = Annotated[LoginSession, Depends(_signed)]


AuditNote = Callable[[str, str], None]
"""Adds an audit log entry of the request's user: action and detail. Writes to the disk."""


async def _audit_note(connection: HTTPConnection) -> AuditNote:
    def note(action: str, detail: str) -> None:
        person, accounts = the_session(connection).person, app_context(connection).accounts
        accounts.note(action, person.name, caller_of(connection), detail)

    return note


Note = Annotated[AuditNote, Depends(_audit_note)]


def why_not(session: LoginSession, access: Access) -> str:
    """Return why the session may not do this; empty if it may."""
    try:
        _allowed(session, access)
    except RequestRefused as refused:
        return refused.message
    return ""


def is_same_origin(connection: HTTPConnection) -> bool:
    """Return whether a page of this server made the request, according to the browser.

    `Sec-Fetch-Site` is sent to secure origins only, `Origin` with every WebSocket and every request other than GET.
    The scheme is not compared: a reverse proxy may have added TLS.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site is not None and connection.scope["type"] == "http"
    try:
        parts = urlsplit(origin)
    except ValueError:  # such as `http://[`: no browser sends it
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == connection.headers.get("host", "").lower()


def _check_ours(connection: HTTPConnection) -> None:
    if connection.headers.get("x-tawny") != "1" or not is_same_origin(connection):
        hint = "Do it in tawny itself. A reverse proxy must pass on the Host header."
        raise RequestRefused(403, "other_site", "This request didn't come from tawny's own page.", hint)


async def _check_socket(socket: WebSocket, access: Access) -> None:
    if not is_same_origin(socket):
        raise WebSocketException(1008)  # closed before it opens: the browser gets no details
    if access in (Access.PUBLIC, Access.SIGNED):
        return
    try:
        await in_worker(_admit, socket, access)
    except RequestRefused as refused:
        await socket.accept()  # pages can read the close code of open sockets only
        code = {401: SIGNED_OUT, 404: NOT_THERE}.get(refused.status, NOT_ALLOWED)
        raise WebSocketException(code, refused.message) from refused


def _allowed(session: LoginSession | None, access: Access) -> LoginSession:
    if session is None:
        raise _signed_out()
    if session.person.role is Role.HOLDER and access is not Access.SEE:
        raise RequestRefused(403, "live_only", "This access token only shows live video.", "Sign in to see more.")
    if session.person.role is Role.BRINGER and access is not Access.BRING:
        raise RequestRefused(403, "bring_only", "This access token only accepts uploads.", "Create another one.")
    if session.person.role is Role.PHONE and access is not Access.SEND:
        raise RequestRefused(403, "send_only", "This phone may only send its own picture.", "Sign in to see more.")
    if session.person.role is Role.SCREEN and access not in (Access.SEE, Access.WALL):
        raise RequestRefused(403, "screen_only", "This screen only shows live video.", "Use another device.")
    if access is Access.OWN and session.person.role is not Role.OWNER:
        raise RequestRefused(403, "owner_only", "Only owners can do this.", "Ask an owner.")
    if access is Access.INSTALL and session.person.role not in (Role.OWNER, Role.INSTALLER):
        raise RequestRefused(403, "installers_only", "Only installers and owners can do this.", "Ask an owner.")
    if access is Access.DIRECT and session.person.role not in (Role.OWNER, Role.MEMBER):
        raise RequestRefused(403, "family_only", "Only members and owners can do this.", "Ask an owner.")
    return session


def _signed_out() -> RequestRefused:
    return RequestRefused(401, "signed_out", "You aren't signed in on this device.", "Sign in to continue.")


# Helpers for WebSockets: bidirectional exchange, and closing when the session ends.

PING_S = 4.0
"""Interval in s of heartbeats."""
NOT_UNDERSTOOD = 1008
_SIGNED_OUT = (SIGNED_OUT, "You've been signed out on this device.")
_OTHER_RIGHTS = (BEGIN_AGAIN, "What you may see or do here has changed.")
_ENDED = asyncio.CancelledError | WebSocketDisconnect | WebSocketDisconnected
"""One side has ended while the other one sent."""
Received = TypeVar("Received", bound=BaseModel)


async def run_duplex(
    socket: WebSocket, send: Coroutine[Any, Any, None], kind: type[Received], receive: Callable[[Received], None]
) -> None:
    """Send and receive until either side or the session ends. Messages that are no `kind` close the socket."""
    await run_while_allowed(socket, send, _receive(socket, kind, receive))


async def run_while_allowed(socket: WebSocket, *works: Coroutine[Any, Any, None]) -> None:
    """Run until one of them ends. Cancel them and close the socket once the session has ended, also an idle one."""
    tasks = [asyncio.create_task(work) for work in works]
    watch = asyncio.create_task(await_end(socket))
    try:
        await asyncio.wait([*tasks, watch], return_when=asyncio.FIRST_COMPLETED)
        is_over = watch.done()
    finally:
        for task in (*tasks, watch):
            task.cancel()
        ended = await asyncio.gather(*tasks, watch, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, _ENDED):
            raise error
    if is_over and socket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect):  # the page has just been closed
            await socket.close(*(_SIGNED_OUT if watch.result() else _OTHER_RIGHTS))


async def _receive(socket: WebSocket, kind: type[Received], receive: Callable[[Received], None]) -> None:
    while socket.application_state is WebSocketState.CONNECTED:  # until the sending side closes it
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            received = kind.model_validate_json(message.get("text") or "")  # a binary message is none that is expected
        except ValidationError:
            await socket.close(NOT_UNDERSTOOD, "Invalid message.")
            return
        receive(received)


# Request parameters: limits and parsing.

MOST_DAYS = 62
MOST_CLIP_S = 6 * 3600
MOST_CAMERAS = 64
MOST_LISTED = 512
"""How many a request may name without loading anything of them: all of a large site."""

At = Annotated[int, Query(ge=0, le=LATEST_MS)]
Points = Annotated[int, Query(ge=1, le=10_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
MOST_ID = 64


def _of_ids(text: str) -> str:
    if any(len(part) > MOST_ID for part in text.split(",")):
        raise PydanticKnownError("string_too_long", {"max_length": MOST_ID})
    return text


Ids = Annotated[str, Query(max_length=3000, pattern=r"^[a-z0-9,-]*$"), AfterValidator(_of_ids)]
CameraIds = Annotated[list[Id], Field(max_length=MOST_LISTED)]
Levels = Annotated[str, Query(pattern=r"^((alert|detection|motion)(,|$))*$")]
Types = Annotated[str, Query(max_length=200, pattern=r"^[a-z_,-]*$")]
After = Annotated[str | None, Query(pattern=r"^\d{1,15}~[A-Za-z0-9-]{1,64}$")]
OneCamera = Annotated[CameraId, Path(max_length=64)]
OneEvent = Annotated[EventId, Path(max_length=64)]
OneSegment = Annotated[SegmentId, Path(max_length=64)]
OneStream = Annotated[StreamName, Query()]


def parse_span(from_ms: int, to_ms: int, most_days: float = MOST_DAYS) -> Span:
    """Return the span. Raises RequestRefused: when it is empty or longer than `most_days`."""
    if to_ms <= from_ms:
        raise bad_input("The end must be after the start.", "Choose another time.")
    if to_ms - from_ms > most_days * 86_400_000:
        most = duration_text(round(most_days * 86_400))
        raise bad_input(f"You can load at most {most} at once.", "Choose a shorter time.")
    return Span(from_ms, to_ms)


def parse_list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def cameras_of(text: str, context: AppContext) -> list[CameraId]:
    """Return the named cameras, or all that are configured or recorded. Invisible ones are dropped."""
    named = list(dict.fromkeys(CameraId(part) for part in parse_list(text)))
    if len(named) > MOST_CAMERAS:
        raise bad_input(f"You can load at most {MOST_CAMERAS} cameras at once.", "Choose fewer.")
    if not named:
        return [*context.recorder.camera_names(), *context.recorder.removed_cameras()]
    return [camera for camera in named if context.seen is None or camera in context.seen]


def known_camera(camera: CameraId, context: AppContext) -> CameraId:
    """Return the ID. Raises RequestRefused: when it is neither configured nor recorded.

    Queries the index; call in a thread.
    """
    if camera not in context.recorder.camera_names() and context.recorder.index.bounds(camera) is None:
        raise not_found("Camera not found.")
    return camera


# A recorder without an owner answers only its setup page, and only who has the setup link can create the account. This
# computer itself is as before: who is signed in to it could also read the recordings.

log = logging.getLogger(__name__)
SETUP_PAGE: Final = "/setup"
ANSWERED: Final = frozenset(
    {
        ("GET", SETUP_PAGE),
        ("HEAD", SETUP_PAGE),
        ("GET", "/api/v1/session"),
        ("POST", "/api/v1/setup/claim"),
        ("POST", "/api/v1/setup/restore/file"),
        ("POST", "/api/v1/setup/restore"),
    }
)
"""Requests of other computers that are answered before there is an owner, in addition to the files of the page."""
NOT_SET_UP: Final = RequestRefused(
    403, "not_set_up", "This recorder isn't set up yet.",
    "Open the setup link that tawny has printed, or run `tawny setup-link` on the recorder for a new one.",
)  # fmt: skip
_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<meta name="viewport" content="width=device-width"><h1>This recorder isn't set up yet</h1>
<p>Open the setup link that tawny printed when it started, or scan its QR code. The link works once, for 30 minutes.</p>
<p>For a new one, run this command on the recorder:</p><pre>tawny setup-link</pre></html>
"""


class UnclaimedGate:
    """ASGI middleware: refuses what other computers ask of a recorder without an owner."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        site: AppContext = scope["app"].state.site
        if site.owner.has_owner or _is_answered(scope, site) or await _is_claimed(site):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it opens: answered with 403
        else:
            await _refusal(scope)(scope, receive, send)


def _is_answered(scope: Scope, site: AppContext) -> bool:
    if is_local(HTTPConnection(scope)) or BY_HUB in scope.get("state", {}):
        return True  # the owner of its folder let this recorder join a hub
    if scope["type"] != "http":
        return scope["path"] in (LINE_PATH, STANDBY_PATH)  # recorders prove their key or the code of their link there
    method, path = scope["method"], scope["path"]
    is_file = method in ("GET", "HEAD") and path != "/index.html" and path[1:] in site.interface.files
    is_language = method == "GET" and path.startswith("/api/v1/languages")
    return is_file or is_language or (method, path) in ANSWERED


async def _is_claimed(site: AppContext) -> bool:
    try:
        return await site.owner.look()
    except StorageError as error:
        log.warning("cannot read the accounts: %s", error)
        return False


def _refusal(scope: Scope) -> Response:
    if scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", ""):
        return HTMLResponse(_PAGE, NOT_SET_UP.status)
    return as_answer(NOT_SET_UP)

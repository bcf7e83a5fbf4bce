"""The hub's end of lines, and what boxes answer through them: `/boxes/BOX/api/v1/…` and `/boxes/BOX/media/…`.

The hub decides who may ask, the box what it answers. Of a box's answer, only data reaches the browser: no cookies, no
pages and no scripts, because a box in wrong hands must not act with the rights of who looks at it. What no box may be
asked, such as to sign in, isn't sent to it either: it may say that the user is signed out, and wait for a password.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import unquote

from fastapi import APIRouter, Path, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from tawny.api.auth.access import LOOK_S, Access, Signed, has_ended, rule, run_while_allowed
from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.client_protocols import note_sign_in
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.fleet.allowed_requests import OF_PEOPLE
from tawny.api.fleet.box_requests import SOCKET, refusal
from tawny.api.fleet.copy_answers import CopiesResponse, copies_for, serve_socket
from tawny.api.fleet.installer_rights import OF_INSTALLERS, pass_in
from tawny.api.request_handling import WorkerRoute
from tawny.fleet.fleet_index import MOST_PICTURE_BYTES, FleetIndex, PlacedCamera, cameras_to_show, is_deleted
from tawny.fleet.hub import BoxOffline, FleetHub
from tawny.fleet.message_link import LINE_PATH, MAX_MESSAGE_BYTES, LineClosed
from tawny.fleet.session import Exchange, Kind, LineFrame
from tawny.fleet.standby_question import STANDBY_PATH
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId
from tawny.service.copied_recorder import CopiedRecorder

log = logging.getLogger(__name__)
HEAD_TIMEOUT_S: Final = 30.0
"""Maximum time in s until a box begins to answer."""
MOST_SOCKET_BYTES: Final = 8 * 1024 * 1024
"""Of one message of a WebSocket from a box, such as a keyframe."""
_TIME_DIGITS: Final = 13
"""At most in a time, ms UTC."""
ENDED: Final = 1012
_CLOSE_CODES: Final = {403: 4403, 503: 4503}
"""Why a WebSocket isn't opened, by the status that a request would get."""
_ASKED: Final = ("accept", "accept-encoding", "content-type", "if-none-match", "if-range", "if-modified-since", "range")
_ANSWERED: Final = frozenset(
    {
        "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length", "content-range",
        "content-type", "etag", "last-modified", "retry-after", "vary", "x-at-ms",
    }
)  # fmt: skip
_TYPES: Final = frozenset(
    {
        "application/json", "application/octet-stream", "application/vnd.apple.mpegurl", "application/zip",
        "audio/mp4", "audio/wav", "image/gif", "image/jpeg", "image/png", "image/webp", "multipart/x-mixed-replace",
        "text/plain", "text/vtt", "video/mp4", "video/mp2t",
    }
)  # fmt: skip
OneBox = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9-]+$")]
NO_HUB: Final = 4404
router = APIRouter(prefix="/boxes/{box}", route_class=WorkerRoute)
line_router = APIRouter(route_class=WorkerRoute)
view = [rule(Access.VIEW)]


class AcceptedLink:
    """A `MessageLink` over a WebSocket that this server has accepted."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise LineClosed("the recorder closed the connection") from error

    async def receive(self) -> bytes:
        try:
            message = await self._socket.receive()
        except RuntimeError as error:  # it was closed here
            raise LineClosed("the connection is closed") from error
        data = message.get("bytes")
        if message["type"] != "websocket.receive" or data is None or len(data) > MAX_MESSAGE_BYTES:
            raise LineClosed("the recorder closed the connection")
        return bytes(data)

    async def close(self) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await self._socket.close()
            except (WebSocketDisconnect, RuntimeError):
                return  # the recorder was faster


@line_router.websocket(LINE_PATH, dependencies=[rule(Access.SIGNED)])
async def line(socket: WebSocket, context: Context) -> None:
    """The line of a recorder that has joined this hub, or wants to."""
    await socket.accept()
    if context.hub is None:
        await socket.close(NO_HUB, "This recorder is no hub.")
        return
    await context.hub.accept(AcceptedLink(socket), partial(note_sign_in, socket))  # else it ends after UNSIGNED_S


@line_router.websocket(STANDBY_PATH, dependencies=[rule(Access.SIGNED)])
async def standby_line(socket: WebSocket, context: Context) -> None:
    """The line of a recorder to its standby, and of a standby that asks its recorder whether it records."""
    await socket.accept()
    if context.standby is None:
        await socket.close(NO_HUB, "This recorder is no standby.")
        return
    await context.standby.accept(AcceptedLink(socket), partial(note_sign_in, socket))


def the_hub(context: AppContext) -> FleetHub:
    """Return the hub. Raises RequestRefused: this recorder is none, or the user sees certain cameras only."""
    if context.hub is None or context.seen is not None:
        raise not_found("This page shows no other recorders.", "Check the address.")
    return context.hub


def hub_of(context: AppContext, signed: LoginSession) -> FleetHub:
    """Return the hub; also for installers, who see no camera here. Raises RequestRefused: as `the_hub`."""
    is_installer = context.hub is not None and signed.person.role is Role.INSTALLER
    return context.hub if is_installer and context.hub is not None else the_hub(context)


def is_shown_live(box: str, context: AppContext) -> bool:
    """Return whether the box's owner allows live video without a pass: what a pass shows isn't kept here."""
    return context.hub is not None and "live" in context.hub.allowed(box)


async def relay(request: Request, box: OneBox, context: Context, signed: Signed) -> Response:
    """Return what the box answers; from its copies if it is offline, or if they are asked for."""
    copied = await _copies(request, request.method, box, context, signed)
    if copied is not None:
        return CopiesResponse(box, copied, signed)
    exchange = await _ask(request, request.method, box, context, signed)
    is_order, is_sent, is_answered = request.method not in ("GET", "HEAD"), False, False
    try:
        if is_order:
            await exchange.send(Kind.DATA, await request.body())
        await exchange.send(Kind.END)
        is_sent = True
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            frame = await exchange.receive()
        status, headers = _head(frame)
        is_answered = True
    except (LineClosed, TimeoutError) as error:
        raise (_unsure() if is_order and is_sent else _offline("This recorder doesn't answer.")) from error
    finally:
        if not is_answered:
            exchange.close()
    pieces = _pieces(request, exchange)
    if _is_snapshot(request, status, headers):
        jpeg = await _picture(pieces, int(headers["content-length"]))
        if _may_keep(box, context, signed):
            await _keep(request, box, context, jpeg, headers.get("x-at-ms", ""))
        return Response(jpeg, status, headers)
    return StreamingResponse(pieces, status, headers)


for _prefix in ("/api/v1", "/media"):
    router.add_api_route(
        _prefix + "/{rest:path}", relay, methods=["GET", "HEAD"], dependencies=view, include_in_schema=False
    )
router.add_api_route(
    "/api/v1/{rest:path}",
    relay,
    methods=["POST", "PUT", "PATCH", "DELETE"],
    dependencies=[rule(Access.DIRECT)],
    include_in_schema=False,
)


@router.websocket("/api/v1/{rest:path}", dependencies=view)
async def relay_socket(socket: WebSocket, box: OneBox, context: Context, signed: Signed) -> None:
    """A WebSocket of the box, or of its copies."""
    try:
        copied = await _copies(socket, SOCKET, box, context, signed)
        exchange = await _ask(socket, SOCKET, box, context, signed) if copied is None else None
    except RequestRefused as refused:
        await socket.accept()  # pages can read the close code of open sockets only
        await socket.close(_CLOSE_CODES.get(refused.status, 4404), refused.what)
        return
    if exchange is not None:
        await _exchange(socket, exchange)
    elif copied is not None:
        await serve_socket(socket, box, copied, signed)


async def _exchange(socket: WebSocket, exchange: Exchange) -> None:
    """Pass messages on in both directions until one side ends."""
    try:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            frame = await exchange.receive()
        await socket.accept()
        if frame.kind is not Kind.HEAD or frame.json.get("status") != 101:
            await socket.close(_CLOSE_CODES[403], "The owner of this recorder doesn't allow this from the hub.")
            return
        await run_while_allowed(socket, _to_browser(socket, exchange), _to_box(socket, exchange))
    except (LineClosed, TimeoutError):
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close(ENDED, "The recorder went offline.")
    finally:
        exchange.close()


async def _copies(
    connection: Request | WebSocket, method: str, box: str, context: AppContext, signed: LoginSession
) -> CopiedRecorder | None:
    """Return the copies that answer; None: the box is to be asked. Copies are nothing for installers."""
    hub_of(context, signed)
    return None if signed.person.role is Role.INSTALLER else await copies_for(connection, method, box, context, signed)


def _may_keep(box: str, context: AppContext, signed: LoginSession) -> bool:
    return signed.person.role is not Role.INSTALLER and is_shown_live(box, context)


async def _ask(
    connection: Request | WebSocket, method: str, box: str, context: AppContext, signed: LoginSession
) -> Exchange:
    hub, scope, role = hub_of(context, signed), connection.scope, signed.person.role
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").removeprefix(f"/boxes/{box}")
    query = scope.get("query_string", b"").decode("latin-1")
    shares = OF_PEOPLE if role is not Role.INSTALLER else OF_INSTALLERS | pass_in(hub.status(box))[1]
    refused = refusal(method, unquote(path), len(path) + len(query), shares, role.value)
    if refused is not None:
        raise refused
    asked: dict[str, Any] = {
        "method": method,
        "path": path,
        "query": query,
        "headers": [(name, value) for name in _ASKED if (value := connection.headers.get(name)) is not None],
        "person": signed.person.name,
        "role": role.value,
    }
    try:
        return await hub.ask(box, asked)
    except BoxOffline as error:
        if not await _has_joined(hub, box):
            raise not_found("This hub has no such recorder.") from None
        raise _offline(error.message) from None
    except NotDone as error:
        raise RequestRefused(503, "recorder_busy", error.message, error.do) from None


async def _has_joined(hub: FleetHub, box: str) -> bool:
    try:
        return await asyncio.to_thread(hub.index.knows, box)
    except StorageError:
        return True  # as far as is known


def _unsure() -> RequestRefused:
    return RequestRefused(
        504, "recorder_unsure", "This recorder was asked, but didn't answer. It may have been done.",
        "Look before you repeat it.",
    )  # fmt: skip


def _offline(what: str) -> RequestRefused:
    return RequestRefused(
        503, "recorder_offline", what, "It records without this connection. What happens meanwhile appears later."
    )


def _head(frame: LineFrame) -> tuple[int, dict[str, str]]:
    """Return status and headers that may reach the browser. Raises LineClosed: the box answered nonsense."""
    if frame.kind is not Kind.HEAD:
        raise LineClosed("the recorder ended the request")
    data = frame.json
    status, given = data.get("status"), data.get("headers")
    if type(status) is not int or not 200 <= status <= 599 or not isinstance(given, list):
        raise LineClosed("the recorder's answer couldn't be understood")
    headers: dict[str, str] = {}
    for pair in given[:40]:
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair):
            name, value = pair[0].lower(), pair[1]
            if name in _ANSWERED and value.isascii() and value.isprintable():
                headers[name] = value
    is_length = headers.get("content-length", "0").isdigit()
    kind = headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if not is_length or kind not in _TYPES or status in (301, 302, 303, 307, 308):
        raise LineClosed("the recorder answered with something that isn't data")
    return status, headers


async def _pieces(request: Request, exchange: Exchange) -> AsyncGenerator[bytes, None]:
    """Yield the body. Ends when the user's session has ended, at most LOOK_S later."""
    loop = asyncio.get_running_loop()
    look_s = loop.time() + LOOK_S
    try:
        while (frame := await exchange.receive()).kind is Kind.DATA:
            if loop.time() >= look_s:
                if await has_ended(request):
                    return
                look_s = loop.time() + LOOK_S
            yield frame.payload
    except LineClosed:
        return  # shorter than its length: the browser notices
    finally:
        exchange.close()


async def _picture(pieces: AsyncGenerator[bytes, None], length: int) -> bytes:
    """Return a whole body. Raises RequestRefused: it is longer or shorter than the box announced."""
    jpeg = b""
    async for piece in pieces:
        jpeg += piece
        if len(jpeg) > length:
            await pieces.aclose()
    if len(jpeg) != length:
        raise _offline("This recorder doesn't answer.")
    return jpeg


async def _to_browser(socket: WebSocket, exchange: Exchange) -> None:
    while True:
        message = await exchange.receive_message(MOST_SOCKET_BYTES)
        if isinstance(message, str):
            await socket.send_text(message)
        elif isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            data = message.json if message.payload else {}
            code = data.get("code")
            is_valid = isinstance(code, int) and (code in (1008, 1011, 1012, 1013) or 4000 <= code <= 4999)
            await socket.close(int(code or 1000) if is_valid else 1000, str(data.get("reason", ""))[:100])
            return


async def _to_box(socket: WebSocket, exchange: Exchange) -> None:
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        await exchange.send_message(text if text is not None else message["bytes"])


def _is_snapshot(request: Request, status: int, headers: dict[str, str]) -> bool:
    is_jpeg = headers.get("content-type") == "image/jpeg" and status == 200
    length = headers.get("content-length", "")
    is_small = length.isdigit() and int(length) <= MOST_PICTURE_BYTES
    is_whole = request.method == "GET" and "content-encoding" not in headers
    return is_jpeg and is_small and is_whole and request.url.path.endswith("/snapshot")


async def _keep(request: Request, box: str, context: AppContext, jpeg: bytes, at: str) -> None:
    """Store a camera's last picture, unless the camera has just been paused. at: its time by the box's clock, ms."""
    hub, camera = context.hub, request.url.path.split("/")[-2]
    if hub is not None and camera in cameras_to_show(hub.status(box), hub.allowed(box)):
        at_ms = int(at) if at.isdecimal() and len(at) <= _TIME_DIGITS else None
        try:
            await asyncio.to_thread(_store, hub.index, PlacedCamera(box, CameraId(camera)), jpeg, at_ms)
        except StorageError as error:
            log.warning("cannot store the last picture of a recorder: %s", error)


def _store(index: FleetIndex, of: PlacedCamera, jpeg: bytes, at_ms: int | None) -> None:
    """Store a last picture, unless its time was deleted: the box goes on showing it of a camera that is offline."""
    if at_ms is None or not is_deleted(index, of, at_ms):
        index.keep_picture(of.box, of.camera, jpeg, at_ms)

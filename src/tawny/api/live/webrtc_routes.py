"""Routes for live WebRTC: SDP offer and answer as in WHEP; access rights are re-checked during the connection.

`/live/servers` returns the ICE servers. Browsers may send their candidates later; they are needed only if the recorder
is behind NAT.
"""

import asyncio
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from tawny.api import schemas as shapes
from tawny.api.auth.access import Access, OneCamera, Signed, rule
from tawny.api.context import Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.live.stream_access import stream_for_session
from tawny.api.request_handling import WorkerRoute
from tawny.live.webrtc.ice_servers import ice_servers

SDP = "application/sdp"
router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.SEE)]


@router.get("/live/servers", dependencies=view)
async def servers(context: Context, session: Signed) -> shapes.LiveServers:
    """Return whether WebRTC is available, and STUN and TURN servers with credentials valid for an hour."""
    if context.live.webrtc:
        await asyncio.to_thread(lambda: context.rtc)  # load the library before the first offer
    found = ice_servers(context.live, session.person.id, context.recorder.clock)
    listed = [
        shapes.IceServerInfo(urls=[each.url], username=each.username or None, credential=each.credential or None)
        for each in found
    ]
    return shapes.LiveServers(webrtc=context.live.webrtc, ice_servers=listed)


@router.get("/live/clock", dependencies=view)
async def clock(context: Context) -> shapes.ClockInfo:
    """Return the recorder's clock, for computing the latency of frames."""
    return shapes.ClockInfo(now_ms=context.recorder.clock.now_ms())


@router.post("/cameras/{camera}/rtc", dependencies=view, status_code=201, response_class=Response)
async def begin(
    camera: OneCamera,
    request: Request,
    context: Context,
    signed: Signed,
    stream: Literal["main", "sub", "auto"] = "auto",
) -> Response:
    """Create a connection. Body: an SDP offer (`application/sdp`). DELETE the `Location` to end it."""
    if not context.live.webrtc:
        raise RequestRefused(404, "no_webrtc", "WebRTC is turned off.", "Use another way.")
    offer = (await request.body()).decode("utf-8", "replace")
    can = [codec for codec in ("h264", "h265") if f" {codec}/90000" in offer.lower()]
    choice = stream_for_session(context, signed, camera, stream, can)
    if choice is None:
        raise not_found("Camera not found.")
    key, answer = await context.rtc.begin(context, request, offer, choice, camera)
    secret = request.query_params.get("pass", "")  # players take the whole address from here
    address = f"/api/v1/rtc/{key}" + (f"?pass={quote(secret, safe='')}" if secret else "")
    headers = {"Location": address, "X-Stream": choice.name.value, "X-Turned": str(int(choice.turns))}
    headers["Access-Control-Expose-Headers"] = "Location"  # for players on other sites' pages, see `before_others`
    return Response(answer, 201, media_type=SDP, headers=headers)


@router.options("/cameras/{camera}/rtc", dependencies=view, include_in_schema=False)
@router.options("/rtc/{key}", dependencies=view, include_in_schema=False)
async def before_others() -> Response:
    """Answer the CORS preflight of a WHEP player: it carries no cookie, so an access token is in its address."""
    allowed = {"Access-Control-Allow-Methods": "POST, PATCH, DELETE", "Access-Control-Allow-Headers": "Content-Type"}
    return Response(status_code=204, headers=allowed)


@router.patch("/rtc/{key}", dependencies=view, status_code=204, response_class=Response)
async def more(key: str, request: Request, context: Context, session: Signed) -> Response:
    """Add ICE candidates. Body: SDP lines."""
    text = (await request.body()).decode("utf-8", "replace")
    found = [line.strip().removeprefix("a=") for line in text.splitlines()]
    context.rtc.mine(key, session).add_candidates([line for line in found if line.startswith("candidate:")])
    return Response(status_code=204)


@router.delete("/rtc/{key}", dependencies=view, status_code=204, response_class=Response)
async def end(key: str, context: Context, session: Signed) -> Response:
    context.rtc.mine(key, session).end("the viewer left")
    return Response(status_code=204)

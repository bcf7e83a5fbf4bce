"""Live video by WebRTC: an offer comes in, an answer goes out (as WHEP has it), and the right to see is looked at on.

What a browser needs to know beforehand is at `/live/servers`. Candidates of its own it may send afterwards; they are
needed only where our side is behind a router.
"""

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from tawny.api.auth.access import Access, Signed, rule
from tawny.api.context import Here
from tawny.api.errors import RequestRefused, not_found
from tawny.api.live import live_schemas as shapes
from tawny.api.live.stream_access import stream_for_session
from tawny.api.parameters import OneCamera
from tawny.live.webrtc.ice_servers import ice_servers

SDP = "application/sdp"
router = APIRouter(prefix="/api/v1")
view = [rule(Access.SEE)]


@router.get("/live/servers", dependencies=view)
async def servers(here: Here, session: Signed) -> shapes.LiveServers:
    """Whether WebRTC is offered, and the STUN and TURN servers with logins for an hour."""
    if here.live.webrtc:
        await asyncio.to_thread(lambda: here.rtc)  # what it stands on is loaded before it is wanted
    found = ice_servers(here.live, session.person.id, here.recorder.clock)
    listed = [
        shapes.IceServerInfo(urls=[each.url], username=each.username or None, credential=each.credential or None)
        for each in found
    ]
    return shapes.LiveServers(webrtc=here.live.webrtc, ice_servers=listed)


@router.get("/live/clock", dependencies=view)
async def clock(here: Here) -> shapes.ClockInfo:
    """The clock that pictures' instants are told by: how old one is can be told from it, not guessed."""
    return shapes.ClockInfo(now_ms=here.recorder.clock.now_ms())


@router.post("/cameras/{camera}/rtc", dependencies=view, status_code=201, response_class=Response)
async def begin(
    camera: OneCamera, request: Request, here: Here, signed: Signed, stream: Literal["main", "sub", "auto"] = "auto"
) -> Response:
    """Body: a browser's offer (`application/sdp`). The answer's `Location` ends the connection by DELETE."""
    if not here.live.webrtc:
        raise RequestRefused(404, "no_webrtc", "WebRTC is turned off.", "Use another way.")
    offer = (await request.body()).decode("utf-8", "replace")
    can = [codec for codec in ("h264", "h265") if f" {codec}/90000" in offer.lower()]
    choice = stream_for_session(here, signed, camera, stream, can)
    if choice is None:
        raise not_found("Camera not found.")
    key, answer = await here.rtc.begin(here, request, offer, choice, camera)
    headers = {"Location": f"/api/v1/rtc/{key}", "X-Stream": choice.name.value, "X-Turned": str(int(choice.turns))}
    return Response(answer, 201, media_type=SDP, headers=headers)


@router.patch("/rtc/{key}", dependencies=view, status_code=204, response_class=Response)
async def more(key: str, request: Request, here: Here, session: Signed) -> Response:
    """Body: candidates of the browser's, as lines of SDP."""
    text = (await request.body()).decode("utf-8", "replace")
    found = [line.strip().removeprefix("a=") for line in text.splitlines()]
    here.rtc.mine(key, session).hear_of([line for line in found if line.startswith("candidate:")])
    return Response(status_code=204)


@router.delete("/rtc/{key}", dependencies=view, status_code=204, response_class=Response)
async def end(key: str, here: Here, session: Signed) -> Response:
    here.rtc.mine(key, session).end("the viewer left")
    return Response(status_code=204)

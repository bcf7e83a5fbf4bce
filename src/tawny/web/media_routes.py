"""Media by opaque id: an id is looked up in the index, and no path ever comes from a request."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from tawny.model.ids import StreamName
from tawny.playback import find
from tawny.playback.play import play
from tawny.web.access import Access, rule
from tawny.web.clips import answer_clip
from tawny.web.event_routes import find_event
from tawny.web.limits import OneEvent, OneSegment
from tawny.web.problems import Refused, not_found
from tawny.web.shapes import LATEST_MS
from tawny.web.site import Here

router = APIRouter(prefix="/media")
view = [rule(Access.VIEW)]


@router.get("/{segment}/play", dependencies=view, response_class=Response)
async def segment_play(
    segment: OneSegment, here: Here, from_ms: Annotated[int, Query(ge=0, le=LATEST_MS)] = 0
) -> Response:
    """Header and fragments from the keyframe at or before from_ms on. `X-Start-Ms`: UTC of media time 0."""
    cameras = [camera.status.id for camera in here.recorder.cameras()]
    found = await asyncio.to_thread(find.segment, here.recorder, cameras, segment)
    if found is None:
        raise not_found("There is no such recording.")
    playing = await asyncio.to_thread(play, here.recorder, found, from_ms)
    headers = {"X-Start-Ms": str(playing.start_ms), "X-Codecs": playing.codecs}
    if playing.size_bytes is not None:
        headers["Content-Length"] = str(playing.size_bytes)
    return StreamingResponse(playing.data, media_type="video/mp4", headers=headers)


@router.get("/{event}.jpg", dependencies=view, response_class=Response)
async def event_picture(event: OneEvent, here: Here) -> Response:
    found = await find_event(event, here)
    jpeg = await asyncio.to_thread(here.recorder.event_picture, found)
    if jpeg is None:
        raise Refused(404, "no_picture", "This event has no picture.", "Look at its clip.")
    kept = "no-store" if found.end_ms is None else "private, max-age=3600"
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": kept})


@router.get("/{event}.mp4", dependencies=view, response_class=Response)
async def event_clip(event: OneEvent, request: Request, here: Here) -> Response:
    """The event with its pre-roll and post-roll."""
    found = await find_event(event, here)
    camera = next((one for one in here.recorder.cameras() if one.status.id == found.camera), None)
    pre_s, post_s = (camera.pre_s, camera.post_s) if camera else (5.0, 10.0)
    span = found.clip(here.recorder.clock.now_ms(), pre_s, post_s)
    return await answer_clip(here, request, found.camera, span, StreamName.MAIN)


router.add_api_route(
    "/{event}.mp4", event_clip, methods=["HEAD"], dependencies=view, response_class=Response, include_in_schema=False
)

"""Routes for media by opaque ID. Invariant: IDs are looked up in the index; paths never come from requests."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tawny.api.auth.access import Access, rule
from tawny.api.context import Here
from tawny.api.errors import RequestRefused, not_found, sealed_error
from tawny.api.events.event_routes import find_event
from tawny.api.parameters import At, OneEvent, OneSegment
from tawny.api.past.media_responses import (
    ClipWish,
    GuardedStreamingResponse,
    answer_clip,
    stream_recording,
    wrapped_told,
)
from tawny.api.schemas import LATEST_MS
from tawny.api.workers import WorkerRoute
from tawny.media.mp4.byte_reader import open_stored, read_bytes
from tawny.model.times import Span
from tawny.playback import recordings
from tawny.playback.decrypted import ring_key
from tawny.playback.segment_player import play
from tawny.storage.disk.layout import is_sealed

router = APIRouter(prefix="/media", route_class=WorkerRoute)
view = [rule(Access.VIEW)]


@router.get("/{segment}/play", dependencies=view, response_class=Response)
def segment_play(
    segment: OneSegment, request: Request, here: Here, from_ms: Annotated[int, Query(ge=0, le=LATEST_MS)] = 0
) -> Response:
    """Init segment and fragments from the keyframe at or before from_ms. `X-Start-Ms`: UTC of media time 0."""
    cameras = [*here.recorder.camera_names()]
    found = recordings.segment(here.recorder, cameras, segment)
    if found is None:
        raise not_found("Recording not found.")
    playing = play(here.recorder, found, from_ms)
    return stream_recording(request, playing)


@router.get("/{segment}/stored", dependencies=view, response_class=Response)
def stored(segment: OneSegment, request: Request, here: Here) -> Response:
    """Return the stored file up to its current end.

    For encrypted files `X-Wrapped` is the file's key as in its day's key ring, in Base64, if available.
    """
    recorder = here.behind or here.recorder
    cameras = [*recorder.camera_names()]
    found = recordings.segment(recorder, cameras, segment)
    if found is None:
        raise not_found("Recording not found.")

    path = recorder.segment_path(found)
    wrapped = ring_key(path) if is_sealed(found.path) else b""
    size_bytes = _size_of(path)
    headers = {"Content-Length": str(size_bytes)} | wrapped_told(wrapped)
    return GuardedStreamingResponse(request, read_bytes(path, 0, size_bytes), 200, headers, "application/octet-stream")


def _size_of(path: Path) -> int:
    with open_stored(path) as file:
        return os.fstat(file).st_size


@router.get("/{event}.jpg", dependencies=view, response_class=Response)
def event_picture(event: OneEvent, here: Here) -> Response:
    found = find_event(event, here)
    jpeg = here.recorder.event_picture(found)
    if jpeg is None and here.recorder.sealed_picture(found) is not None:
        raise sealed_error()
    if jpeg is None:
        raise RequestRefused(404, "no_picture", "This event has no image.", "Play its clip instead.")
    kept = "no-store" if found.end_ms is None else "private, max-age=3600"
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": kept})


@router.get("/{event}.mp4", dependencies=view, response_class=Response)
async def event_clip(event: OneEvent, request: Request, here: Here, to_ms: At = LATEST_MS) -> Response:
    """Return the event's clip with pre-roll and post-roll.

    to_ms: upper limit of the end, so that range requests during the post-roll refer to the same file.
    """
    found = await asyncio.to_thread(find_event, event, here)
    camera = next((one for one in here.recorder.cameras() if one.status.id == found.camera), None)
    pre_s, post_s = (camera.pre_s, camera.post_s) if camera else (5.0, 10.0)
    whole = found.clip(here.recorder.clock.now_ms(), pre_s, post_s)
    span = Span(whole.begin_ms, max(whole.begin_ms + 1, min(whole.end_ms, to_ms)))
    return await answer_clip(here, request, ClipWish(found.camera, span))


router.add_api_route(
    "/{event}.mp4", event_clip, methods=["HEAD"], dependencies=view, response_class=Response, include_in_schema=False
)

"""What was recorded: the timeline, the calendar, what to play from an instant on, previews and clips."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tawny.live.pictures import LEAST_WIDTH, MOST_WIDTH
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback import find, local_time, timeline
from tawny.playback.pictures import full_size
from tawny.web import shapes, told
from tawny.web.access import Access, Signed, caller_of, rule
from tawny.web.clips import answer_clip, clip_name, disposition
from tawny.web.limits import (
    MOST_CLIP_S,
    At,
    Ids,
    OneCamera,
    OneStream,
    Points,
    cameras_of,
    known_camera,
    within,
)
from tawny.web.problems import Refused
from tawny.web.site import Here, Site

router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
MOST_DAYS_OF_TIME = 4000


@router.get("/time", dependencies=view)
async def time(from_ms: At, to_ms: At, here: Here) -> shapes.LocalTime:
    span = within(from_ms, to_ms, MOST_DAYS_OF_TIME)
    found = await asyncio.to_thread(local_time.transitions, here.zone, span)
    changes = [shapes.Change(at_ms=one.at_ms, before_s=one.before_s, after_s=one.after_s) for one in found]
    return shapes.LocalTime(
        zone=here.recorder.zone,
        now_ms=here.recorder.clock.now_ms(),
        offset_s=local_time.offset_s(here.zone, from_ms),
        transitions=changes,
    )


@router.get("/timeline", dependencies=view)
async def lanes(from_ms: At, to_ms: At, here: Here, cameras: Ids = "", points: Points = 2000) -> shapes.Timeline:
    span, named = within(from_ms, to_ms), cameras_of(cameras, here)
    return await asyncio.to_thread(_timeline, here, named, span, points)


def _timeline(here: Site, cameras: list[CameraId], span: Span, points: int) -> shapes.Timeline:
    now_ms = here.recorder.clock.now_ms()
    waits = {one.status.id for one in here.recorder.cameras() if one.waits_for_motion}
    made = [
        timeline.lane(here.recorder, camera, span, points=points, now_ms=now_ms, waits_for_motion=camera in waits)
        for camera in cameras
    ]
    return shapes.Timeline(now_ms=now_ms, cameras=[told.lane(one, here.recorder) for one in made])


@router.get("/days", dependencies=view)
async def days(camera: Annotated[CameraId, Query(max_length=64)], from_ms: At, to_ms: At, here: Here) -> shapes.Days:
    span = within(from_ms, to_ms)
    found = await asyncio.to_thread(timeline.calendar, here.recorder, camera, here.zone, span)
    made = [shapes.Day(begin_ms=day.begin_ms, recorded_s=day.recorded_s, gaps=day.gaps) for day in found]
    return shapes.Days(days=made)


@router.get("/cameras/{camera}/play", dependencies=view)
async def play(camera: OneCamera, at_ms: At, here: Here, stream: OneStream = StreamName.MAIN) -> shapes.Play:
    run = await asyncio.to_thread(_run, here, camera, stream, at_ms)
    return shapes.Play(
        items=[told.playable(segment) for segment in run.segments],
        next_ms=run.next_ms,
        gap=told.gap(run.gap) if run.gap else None,
    )


def _run(here: Site, camera: CameraId, stream: StreamName, at_ms: int) -> find.Run:
    return find.run_from(here.recorder, known_camera(camera, here), stream, at_ms)


@router.get("/cameras/{camera}/frame", dependencies=view, response_class=Response)
async def frame(
    camera: OneCamera, at_ms: At, here: Here, width: Annotated[int, Query(ge=LEAST_WIDTH, le=MOST_WIDTH)] = 320
) -> Response:
    async with here.decoding:
        picture = await asyncio.to_thread(here.frames.at, camera, at_ms, width)
    if picture is None:
        raise Refused(404, "no_picture", "Nothing was recorded at this moment.", "Choose another.")
    kept = {"Cache-Control": "private, max-age=3600", "X-At-Ms": str(picture.at_ms)}
    return Response(picture.jpeg, media_type="image/jpeg", headers=kept)


@router.get("/cameras/{camera}/picture", dependencies=view, response_class=Response)
async def picture(camera: OneCamera, at_ms: At, here: Here) -> Response:
    """The very picture shown at this moment, in full size, for the browser to save."""
    async with here.decoding:
        found = await asyncio.to_thread(full_size, here.recorder, camera, at_ms)
    if found is None:
        raise Refused(404, "no_picture", "Nothing was recorded at this moment.", "Choose another.")
    name = clip_name(here, camera, found[1]).removesuffix(".mp4") + ".jpg"
    told = {"X-At-Ms": str(found[1]), "Content-Disposition": disposition(name)}
    return Response(found[0], media_type="image/jpeg", headers=told)


@router.get("/clip", dependencies=view, response_class=Response)
async def clip(
    camera: Annotated[CameraId, Query(max_length=64)],
    from_ms: At,
    to_ms: At,
    request: Request,
    signed: Signed,
    here: Here,
    stream: OneStream = StreamName.MAIN,
) -> Response:
    """An ordinary MP4 file, cut without re-encoding: it begins with the keyframe at or before from_ms."""
    span = within(from_ms, to_ms, MOST_CLIP_S / 86_400)
    name = clip_name(here, camera, from_ms)
    if request.method == "GET" and request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        await asyncio.to_thread(here.accounts.note, "clip", signed.person.name, caller_of(request), name)
    return await answer_clip(here, request, camera, span, stream, attachment=name)


router.add_api_route(
    "/clip", clip, methods=["HEAD"], dependencies=view, response_class=Response, include_in_schema=False
)

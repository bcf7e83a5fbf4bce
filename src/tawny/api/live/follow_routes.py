"""Routes for live video of the camera with current activity, at one URL, for TVs and tablets.

Motion JPEG switches cameras immediately, HLS once the player has used up its buffer. RTSP: `live.rtsp_server`.
"""

from collections.abc import AsyncIterator
from contextlib import nullcontext

from fastapi import APIRouter, Request
from starlette.responses import Response

from tawny.api.auth.access import Access, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import not_found
from tawny.api.live.camera_routes import Fps, Quality, Width, hub_for_pictures
from tawny.api.live.follow import FollowSelector, showing
from tawny.api.live.hls_routes import (
    Following,
    FollowingPart,
    Number,
    feed_of,
    header_answer,
    list_answer,
    part_answer,
    segment_answer,
)
from tawny.api.past.media_responses import GuardedStreamingResponse
from tawny.api.workers import WorkerRoute
from tawny.live import jpeg_stream
from tawny.live.hls import HlsFeedKey
from tawny.live.jpeg_stream import JpegOptions, rounded_width

AGAIN_S = 1.0

router = APIRouter(prefix="/api/v1/live/follow", route_class=WorkerRoute)
see = [rule(Access.SEE)]


@router.get("/mjpeg", dependencies=see, response_class=Response)
async def follow_mjpeg(
    request: Request, here: Here, width: Width = 960, fps: Fps = 8, quality: Quality = 75
) -> Response:
    """Motion JPEG of the camera with current activity; else of the last active one, or the first."""
    if not showing(here):
        raise not_found("No camera has live video right now.")
    wish = JpegOptions(rounded_width(width), fps, quality)
    return GuardedStreamingResponse(request, _following(here, wish, width), 200, {}, jpeg_stream.MEDIA_TYPE)


@router.get("/hls/index.m3u8", dependencies=see, response_class=Response)
async def follow_playlist(
    request: Request, here: Here, segment: Following = None, part: FollowingPart = None
) -> Response:
    """HLS of the same: H.264 without sound. A discontinuity marks each change of camera."""
    if not showing(here):
        raise not_found("No camera has live video right now.")
    feed = here.hls.feed(_key(here), here.follows.of(here), nullcontext())
    return await list_answer(feed, request, segment, part)


@router.get("/hls/header-{number}.mp4", dependencies=see, response_class=Response)
async def follow_header(number: Number, here: Here) -> Response:
    return header_answer(feed_of(here, _key(here)), number)


@router.get("/hls/segment-{number}.m4s", dependencies=see, response_class=Response)
async def follow_segment(number: Number, here: Here) -> Response:
    return segment_answer(feed_of(here, _key(here)), number)


@router.get("/hls/part-{number}-{part}.m4s", dependencies=see, response_class=Response)
async def follow_part(number: Number, part: Number, request: Request, here: Here) -> Response:
    return await part_answer(feed_of(here, _key(here)), request, number, part)


def _key(here: AppContext) -> HlsFeedKey:
    """Return the feed key; users with other cameras have another feed."""
    return HlsFeedKey(None, "auto", here.seen)


async def _following(here: AppContext, wish: JpegOptions, width: int) -> AsyncIterator[bytes]:
    follow = FollowSelector(here.recorder.bus, here.recorder.clock, lambda: showing(here))
    try:
        yield jpeg_stream.OPENING
        while (camera := follow.camera()) is not None:
            hub, stream = hub_for_pictures(here, camera, width)
            with here.viewers.one_more(camera, stream):
                async for still in jpeg_stream.jpeg_pictures(hub, wish, again_s=AGAIN_S):
                    yield jpeg_stream.multipart_part(still)
                    if follow.camera() != camera:
                        break
    finally:
        follow.close()

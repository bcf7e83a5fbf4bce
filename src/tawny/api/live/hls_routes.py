"""Routes for live HLS: works in any player; low latency for players with LL-HLS. One URL follows activity."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tawny.api.auth.access import Access, OneCamera, Signed, parse_list, refuse_ended, rule
from tawny.api.auth.accounts import LoginSession
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.live.camera_routes import Fps, Quality, Width, hub_for_pictures
from tawny.api.live.follow import showing
from tawny.api.live.stream_access import gets_masked_stream, stream_for_session
from tawny.api.past.media_responses import GuardedStreamingResponse
from tawny.api.request_handling import WorkerRoute
from tawny.live import jpeg_stream
from tawny.live.fragmenter import sound_of
from tawny.live.hls import HlsFeed, HlsFeedKey, is_independent
from tawny.live.jpeg_stream import JpegOptions, rounded_width
from tawny.live.stream_choice import StreamChoice, codec_of
from tawny.media.audio import soundtrack
from tawny.media.codec.parameter_sets import codec_strings
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoFormat
from tawny.stream.hub import Hub, live_hubs

PLAYLIST, MP4, PART = "application/vnd.apple.mpegurl", "video/mp4", "video/iso.segment"
WAIT_S = 4.0
WHOLE_S = 5.0
"""Time, s, to wait for a new feed's first whole segment: players that ignore parts find nothing in a list without one.
"""
RATE_S = 8.0
Number = Annotated[int, Path(ge=0, le=10**9)]
Wanted = Literal["main", "sub", "auto"]
Following = Annotated[int | None, Query(alias="_HLS_msn", ge=0)]
"""LL-HLS blocking reload: the response waits for this media sequence number."""
FollowingPart = Annotated[int | None, Query(alias="_HLS_part", ge=0)]
MOST_CAN = 100
ListCan = Annotated[str, Query(alias="can", max_length=MOST_CAN, include_in_schema=False)]
"""`can` of the playlist: it is in the playlist's URIs, so that they lead to the stream chosen for this player."""
CAN = "h264"
_CODECS = frozenset({"h264", "h265"})


class PlaylistQuery(BaseModel):
    can: Annotated[str, Field(max_length=MOST_CAN)] = CAN
    segment: Following = None
    part: FollowingPart = None
    parts: bool = False
    """The player plays parts: the first one is enough to begin with."""


router = APIRouter(prefix="/api/v1/cameras/{camera}/hls", route_class=WorkerRoute)
see = [rule(Access.SEE)]


@router.head("/index.m3u8", dependencies=see, include_in_schema=False)
@router.get("/index.m3u8", dependencies=see, response_class=Response)
async def index(camera: OneCamera, request: Request, context: Context, signed: Signed) -> Response:
    """Master playlist; the player chooses a stream by codec and bandwidth."""
    hubs = context.hubs(camera)
    if not hubs:
        raise not_found("Camera not found.")
    hubs = live_hubs(hubs, context.recorder.clock.now_ms())
    lines = ["#EXTM3U"]
    lines += ["#EXT-X-INDEPENDENT-SEGMENTS"] if all(map(is_independent, hubs.values())) else []
    covered = gets_masked_stream(context, signed, camera)
    for name, hub in () if covered else hubs.items():
        lines += _variant(name, hub, _more(request))
    if covered or not any(codec_of(hub) == "h264" for hub in hubs.values()):
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH=1500000,CODECS="avc1.42c01f"\nauto/live.m3u8{_more(request)}']
    return Response("\n".join(lines) + "\n", media_type=PLAYLIST)


@router.head("/{stream}/live.m3u8", dependencies=see, include_in_schema=False)
@router.get("/{stream}/live.m3u8", dependencies=see, response_class=Response)
async def playlist(
    camera: OneCamera,
    stream: Wanted,
    request: Request,
    context: Context,
    signed: Signed,
    query: Annotated[PlaylistQuery, Query()],
) -> Response:
    """Media playlist. can: codecs the player supports, for `auto`. `_HLS_msn`: wait for that segment."""
    choice = _choice(context, signed, camera, stream, query.can)
    feed = context.hls.feed(
        _key(camera, stream, query.can, choice), choice, context.viewers.one_more(camera, choice.name)
    )
    return await list_answer(feed, request, query.segment, query.part, plays_parts=query.parts)


def _choice(context: AppContext, session: LoginSession, camera: CameraId, stream: str, can: str) -> StreamChoice:
    found = stream_for_session(context, session, camera, stream, parse_list(can))
    if found is None:
        raise not_found("Camera not found.")
    return found


def _key(camera: CameraId, stream: str, can: str, choice: StreamChoice) -> HlsFeedKey:
    """Return the feed key. Players with other codecs, and sessions that need masked video, have another feed."""
    can_play = frozenset(parse_list(can)) & _CODECS
    private = choice.source.private if choice.turns else ()
    return HlsFeedKey(camera, stream, can=can_play, turns=choice.turns, private=private)


async def _listed(camera: OneCamera, stream: Wanted, context: Context, signed: Signed, can: ListCan = CAN) -> HlsFeed:
    """Return the feed of the playlist that the request's URI is from."""
    return feed_of(context, _key(camera, stream, can, _choice(context, signed, camera, stream, can)))


Listed = Annotated[HlsFeed, Depends(_listed)]


@router.get("/{stream}/header-{number}.mp4", dependencies=see, response_class=Response)
async def header(feed: Listed, number: Number) -> Response:
    """Init segment. `X-Start-Ms`: UTC of media time 0. `X-Mime`: its MIME type."""
    return header_answer(feed, number)


@router.get("/{stream}/segment-{number}.m4s", dependencies=see, response_class=Response)
async def segment(feed: Listed, number: Number) -> Response:
    return segment_answer(feed, number)


@router.get("/{stream}/part-{number}-{part}.m4s", dependencies=see, response_class=Response)
async def part(feed: Listed, number: Number, part: Number, request: Request) -> Response:
    """Partial segment; the next one is waited for."""
    return await part_answer(feed, request, number, part)


def feed_of(context: AppContext, key: HlsFeedKey) -> HlsFeed:
    found = context.hls.known(key)
    if found is None:
        raise not_found("This playlist has expired.", "Reload it.")
    return found


async def list_answer(
    feed: HlsFeed, request: Request, segment: int | None, part: int | None, *, plays_parts: bool = False
) -> Response:
    """Return the playlist once it has the requested segment. Raises RequestRefused: when no video arrives."""
    if segment is not None and not feed.is_near(segment):
        raise RequestRefused(400, "bad_input", "That part is too far ahead.", "Reload the playlist.")
    wanted = (feed.first, 0) if segment is None else (segment, part)
    is_there = await feed.has(*wanted, WAIT_S)
    if is_there and segment is None and not plays_parts:
        await feed.has(feed.first, None, WHOLE_S)
    if not is_there and not feed.mime:
        raise RequestRefused(
            503, "no_picture", "No live video from this camera right now.", "Check the camera's status."
        )
    await refuse_ended(request)
    return Response(feed.playlist(_more(request)), media_type=PLAYLIST)


def header_answer(feed: HlsFeed, number: int) -> Response:
    begin = feed.header(number)
    answer = _bytes(begin.init if begin else None, MP4)
    if begin:
        answer.headers["X-Start-Ms"], answer.headers["X-Mime"] = str(begin.start_ms), begin.mime
    return answer


def segment_answer(feed: HlsFeed, number: int) -> Response:
    found = feed.segment(number)
    return _bytes(found.data if found and found.is_whole else None, PART)


async def part_answer(feed: HlsFeed, request: Request, number: int, part: int) -> Response:
    if feed.is_near(number):
        await feed.has(number, part, WAIT_S)
        await refuse_ended(request)
    found = feed.segment(number)
    return _bytes(found.parts[part].data if found and part < len(found.parts) else None, PART)


def _bytes(data: bytes | None, kind: str) -> Response:
    if data is None:
        raise not_found("This part doesn't exist or has expired.", "Reload the playlist.")
    return Response(data, media_type=kind)


def _variant(name: StreamName, hub: Hub, more: str) -> list[str]:
    recent = hub.recent(RATE_S)
    video = next((packet.format for packet in recent if isinstance(packet.format, VideoFormat)), None)
    if video is None:
        return []
    seconds = max(1.0, (recent[-1].at_ms - recent[0].at_ms) / 1000)
    rate = round(sum(len(packet.data) for packet in recent) * 8 * 1.3 / seconds)
    sound = soundtrack(sound_of(recent))  # a player that doesn't find it in CODECS may play none
    codecs = codec_strings(video, sound.format if sound else None)
    about = f'BANDWIDTH={rate},RESOLUTION={"x".join(map(str, video.shown_size))},CODECS="{codecs}"'
    return [f"#EXT-X-STREAM-INF:{about}", f"{name.value}/live.m3u8{more}"]


def _more(request: Request) -> str:
    """Return the query string for URLs in playlists: players forward neither the access token nor `can`."""
    kept = {name: value for name in ("can", "pass") if (value := request.query_params.get(name))}
    return f"?{urlencode(kept, safe=',')}" if kept else ""


# Routes for live video of the camera with current activity, at one URL, for TVs and tablets.
# Motion JPEG switches cameras immediately, HLS once the player has used up its buffer. RTSP: `live.rtsp_server`.

AGAIN_S = 1.0

follow_router = APIRouter(prefix="/api/v1/live/follow", route_class=WorkerRoute)


@follow_router.get("/mjpeg", dependencies=see, response_class=Response)
async def follow_mjpeg(
    request: Request, context: Context, width: Width = 960, fps: Fps = 8, quality: Quality = 75
) -> Response:
    """Motion JPEG of the camera with current activity; else of the last active one, or the first."""
    if not showing(context):
        raise not_found("No camera has live video right now.")
    options = JpegOptions(rounded_width(width), fps, quality)
    return GuardedStreamingResponse(request, _following(context, options, width), 200, {}, jpeg_stream.MEDIA_TYPE)


@follow_router.head("/hls/index.m3u8", dependencies=see, include_in_schema=False)
@follow_router.get("/hls/index.m3u8", dependencies=see, response_class=Response)
async def follow_playlist(
    request: Request, context: Context, segment: Following = None, part: FollowingPart = None
) -> Response:
    """HLS of the same: H.264 without sound. A discontinuity marks each change of camera."""
    if not showing(context):
        raise not_found("No camera has live video right now.")
    feed = context.hls.feed(_follow_key(context), context.follows.of(context), nullcontext())
    return await list_answer(feed, request, segment, part)


@follow_router.get("/hls/header-{number}.mp4", dependencies=see, response_class=Response)
async def follow_header(number: Number, context: Context) -> Response:
    return header_answer(feed_of(context, _follow_key(context)), number)


@follow_router.get("/hls/segment-{number}.m4s", dependencies=see, response_class=Response)
async def follow_segment(number: Number, context: Context) -> Response:
    return segment_answer(feed_of(context, _follow_key(context)), number)


@follow_router.get("/hls/part-{number}-{part}.m4s", dependencies=see, response_class=Response)
async def follow_part(number: Number, part: Number, request: Request, context: Context) -> Response:
    return await part_answer(feed_of(context, _follow_key(context)), request, number, part)


def _follow_key(context: AppContext) -> HlsFeedKey:
    """Return the feed key; users with other cameras have another feed."""
    return HlsFeedKey(None, "auto", context.seen)


async def _following(context: AppContext, options: JpegOptions, width: int) -> AsyncIterator[bytes]:
    follow = context.follows.selector(context)
    yield jpeg_stream.OPENING
    while (camera := follow.camera()) is not None:
        hub, stream = hub_for_pictures(context, camera, width)
        with context.viewers.one_more(camera, stream):
            async for still in jpeg_stream.jpeg_pictures(hub, options, again_s=AGAIN_S):
                yield jpeg_stream.multipart_part(still)
                if follow.camera() != camera or hub_for_pictures(context, camera, width)[0] is not hub:
                    break

"""Routes for recordings: timeline, calendar, playback, previews and clips, and media by opaque ID."""

import asyncio
import base64
import gzip
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from tawny import __version__
from tawny.api import schemas, serializers
from tawny.api.auth.access import (
    MOST_CLIP_S,
    Access,
    At,
    Ids,
    Note,
    OneCamera,
    OneEvent,
    OneSegment,
    OneStream,
    Points,
    Signed,
    cameras_of,
    known_camera,
    parse_span,
    rule,
)
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found, sealed_error
from tawny.api.events.event_routes import clip_span, find_event
from tawny.api.past.media_responses import (
    ClipRequest,
    GuardedStreamingResponse,
    answer_clip,
    clip_name,
    cut_clip,
    disposition,
    stream_recording,
    wrapped_headers,
)
from tawny.api.request_handling import WorkerRoute, accepted_coding
from tawny.api.schemas import ApiResponse, DamageInfo, EventInfo, GapInfo, Ms, SpanMs
from tawny.live.jpeg_stream import LEAST_WIDTH, MOST_WIDTH
from tawny.media.image.jpeg import ImageView
from tawny.media.mp4.byte_reader import open_stored, read_bytes
from tawny.model.events import Event
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import LATEST_MS, Span
from tawny.playback import hls_past, recordings, timeline
from tawny.playback.decrypted import picture_part, ring_key
from tawny.playback.frame_reader import event_snapshot, full_size
from tawny.playback.segment_player import SegmentPlayback
from tawny.playback.segment_player import play as make_playing
from tawny.playback.stills import ClipSheetHeader, clip_sheet, shown_in
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_sealed

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]
MOST_DAYS_OF_TIME = 4000
Number = Annotated[int, FromPath(ge=0, le=10**6)]
PathMs = Annotated[int, FromPath(ge=0, le=LATEST_MS)]
_PRIVATE = {"Cache-Control": "private, max-age=3600"}


def nothing_recorded() -> RequestRefused:
    return RequestRefused(404, "no_picture", "There is no video at this time.", "Choose another time.")


@router.get("/time", dependencies=[rule(Access.WALL)])
def time(from_ms: At, to_ms: At, context: Context) -> schemas.LocalTime:
    span = parse_span(from_ms, to_ms, MOST_DAYS_OF_TIME)
    return schemas.LocalTime(
        zone=context.recorder.zone,
        now_ms=context.recorder.clock.now_ms(),
        offset_s=timeline.offset_s(context.zone, from_ms),
        transitions=timeline.transitions(context.zone, span),
    )


class MotionScores(ApiResponse):
    begin_ms: int
    step_s: int
    data: str
    """Base64 of one byte per step: 0..100, 255 if unknown."""


class LaneEventInfo(ApiResponse):
    """What a lane shows of an event."""

    id: str
    camera: str
    display_type: str
    start_ms: int
    end_ms: int | None
    kept: bool
    snapshot: str | None
    title: str


class TimelineLaneInfo(ApiResponse):
    id: str
    name: str
    spans: list[SpanMs]
    gaps: list[GapInfo]
    damage: list[DamageInfo]
    events: list[EventInfo]
    """Empty with `short`."""
    short_events: list[LaneEventInfo]
    """Empty without `short`."""
    motion: MotionScores


class Timeline(ApiResponse):
    now_ms: int
    cameras: list[TimelineLaneInfo]


@router.get("/timeline", dependencies=view, response_model=Timeline)
def lanes(
    request: Request,
    from_ms: At,
    to_ms: At,
    context: Context,
    cameras: Ids = "",
    points: Points = 2000,
    *,
    short: bool = False,
) -> Response:
    """Return what is recorded, with events and motion. short: events have only what a lane shows."""
    span, named = parse_span(from_ms, to_ms), cameras_of(cameras, context)
    now_ms = context.recorder.clock.now_ms()
    made = [timeline.timeline_lane(context.recorder, camera, span, points=points, now_ms=now_ms) for camera in named]
    found = [lane_info(one, context.recorder, short=short) for one in made]
    content = Timeline(now_ms=now_ms, cameras=found).model_dump_json().encode()
    headers = {"Vary": "Accept-Encoding"}
    if accepted_coding(request.headers.get("accept-encoding", ""), ["gzip"]):
        # a day of 30 cameras takes megabytes, most of them the same words
        content, headers["Content-Encoding"] = gzip.compress(content, 1), "gzip"
    return Response(content, headers=headers, media_type="application/json")


def lane_info(made: timeline.TimelineLane, recorder: RecorderService, *, short: bool = False) -> TimelineLaneInfo:
    return TimelineLaneInfo(
        id=made.camera,
        name=serializers.camera_name(recorder, made.camera),
        spans=[_pair(span) for span in made.spans],
        gaps=[serializers.gap(one) for one in made.gaps],
        damage=[serializers.damage(one) for one in made.damage],
        events=[] if short else [serializers.event(one, recorder) for one in made.events],
        short_events=[_lane_event(one, recorder) for one in made.events] if short else [],
        motion=MotionScores(
            begin_ms=made.motion.begin_ms,
            step_s=made.motion.step_s,
            data=base64.b64encode(made.motion.data).decode(),
        ),
    )


def _lane_event(made: Event, recorder: RecorderService) -> LaneEventInfo:
    return LaneEventInfo(
        id=made.id,
        camera=made.camera,
        display_type=made.shown_kind,
        start_ms=made.start_ms,
        end_ms=made.end_ms,
        kept=made.kept,
        snapshot=serializers.snapshot_of(made),
        title=serializers.title_of(made, recorder),
    )


def _pair(span: Span) -> tuple[int, int]:
    return span.begin_ms, span.end_ms


@router.get("/recorded", dependencies=view)
def recorded(from_ms: At, to_ms: At, context: Context, cameras: Ids = "") -> schemas.RecordedTimes:
    """Return recorded time of either stream, without anything else, and how far back each camera's recordings go."""
    span, named, recorder = parse_span(from_ms, to_ms), cameras_of(cameras, context), context.recorder
    now_ms, found = recorder.clock.now_ms(), list[schemas.RecordedTime]()
    for camera in named:
        bounds = recorder.index.bounds(camera)
        starts = [segment.start_ms for segment in recorder.open_segments(camera)]
        starts += [bounds.begin_ms] if bounds else []
        spans = [(one.begin_ms, one.end_ms) for one in timeline.recorded_spans(recorder, camera, span)]
        found.append(schemas.RecordedTime(id=camera, first_ms=min(starts, default=None), spans=spans))
    return schemas.RecordedTimes(now_ms=now_ms, cameras=found)


@router.get("/days", dependencies=view)
def days(
    camera: Annotated[CameraId, Query(max_length=64)], from_ms: At, to_ms: At, context: Context
) -> schemas.DayCoverageList:
    span = parse_span(from_ms, to_ms)
    found = timeline.calendar(context.recorder, camera, context.zone, span)
    return schemas.DayCoverageList(days=found)


@router.get("/cameras/{camera}/play", dependencies=view)
def play(camera: OneCamera, at_ms: At, context: Context, stream: OneStream = StreamName.MAIN) -> schemas.PlayInfo:
    known = known_camera(camera, context)
    run = recordings.run_from(context.recorder, known, stream, at_ms)
    return schemas.PlayInfo(
        items=[serializers.playable(segment) for segment in run.segments],
        next_ms=run.next_ms,
        gap=serializers.gap(run.gap) if run.gap else None,
        last_ms=None if run.segments else recordings.last_before(context.recorder, known, at_ms),
    )


@router.get("/cameras/{camera}/from", dependencies=view, response_class=Response)
def play_from(
    camera: OneCamera, at_ms: At, request: Request, context: Context, stream: OneStream = StreamName.MAIN
) -> Response:
    """Return video from an instant in one request, as `/media/{segment}/play`.

    `X-Piece`: the segment it is from. If nothing is recorded, the response is that of `/cameras/{camera}/play`.
    """
    found = _from(context, camera, stream, at_ms)
    if found is None:
        return JSONResponse((play(camera, at_ms, context, stream)).model_dump(mode="json"))
    segment, playing = found
    return stream_recording(request, playing, **{"X-Piece": serializers.playable(segment).model_dump_json()})


def _from(
    context: AppContext, camera: CameraId, stream: StreamName, at_ms: int
) -> tuple[Segment, SegmentPlayback] | None:
    found = recordings.at(context.recorder, known_camera(camera, context), stream, at_ms)
    return (found, make_playing(context.recorder, found, at_ms)) if found else None


@router.get("/cameras/{camera}/hls/past.m3u8", dependencies=view, response_class=Response)
def past_playlist(
    camera: OneCamera, from_ms: At, to_ms: At, context: Context, stream: OneStream = StreamName.MAIN
) -> Response:
    """HLS playlist of a past span, at most a day, with an end; as recorded, from keyframe to keyframe."""
    span = parse_span(from_ms, to_ms, 1)
    known_camera(camera, context)
    _refuse_masked(camera, context)
    pieces = hls_past.past_pieces(context.recorder, camera, stream, span)
    if not pieces:
        raise nothing_recorded()
    return Response(hls_past.past_playlist(pieces), media_type=hls_past.MEDIA_TYPE, headers=_PRIVATE)


@router.get("/cameras/{camera}/hls/past/{segment}/header.mp4", dependencies=view, response_class=Response)
def past_header(camera: OneCamera, segment: OneSegment, context: Context) -> Response:
    found = _past_segment(camera, segment, context)
    return Response(hls_past.past_header(context.recorder, found), media_type="video/mp4", headers=_PRIVATE)


@router.get(
    "/cameras/{camera}/hls/past/{segment}/{zero_ms}-{first}-{count}.m4s", dependencies=view, response_class=Response
)
def past_piece(
    camera: OneCamera,
    segment: OneSegment,
    zero_ms: PathMs,
    first: Number,
    count: Number,
    request: Request,
    context: Context,
) -> Response:
    """Return a piece of such a playlist."""
    found = _past_segment(camera, segment, context)
    data = hls_past.past_piece(context.recorder, found, first, count, zero_ms)
    if not data:
        raise not_found("Recording not found.")
    headers = {**_PRIVATE, "Content-Length": str(len(data))}
    return GuardedStreamingResponse(request, [data], 200, headers, "video/iso.segment")


def _past_segment(camera: CameraId, segment: SegmentId, context: AppContext) -> Segment:
    found = recordings.segment(context.recorder, [camera], segment)
    if found is None or found.camera != camera:
        raise not_found("Recording not found.")
    _refuse_masked(camera, context)
    return found


def _refuse_masked(camera: CameraId, context: AppContext) -> None:
    """Raise RequestRefused for a camera with privacy masks: tawny's pages draw them, other players don't."""
    if context.recorder.private(camera):
        raise bad_input("This camera has privacy masks, and other players don't draw them.", "Download a clip instead.")


@router.get("/cameras/{camera}/frame", dependencies=view, response_class=Response)
async def frame(
    camera: OneCamera, at_ms: At, context: Context, width: Annotated[int, Query(ge=LEAST_WIDTH, le=MOST_WIDTH)] = 320
) -> Response:
    async with context.decoding:
        picture = await asyncio.to_thread(context.frames.at, camera, at_ms, width)
    if picture is None:
        raise nothing_recorded()
    kept = {"Cache-Control": "private, max-age=3600", "X-At-Ms": str(picture.at_ms)}
    return Response(picture.jpeg, media_type="image/jpeg", headers=kept)


@router.get("/cameras/{camera}/frame/sealed", dependencies=view, response_class=Response)
def sealed_frame(
    camera: OneCamera, at_ms: At, context: Context, width: Annotated[int, Query(ge=LEAST_WIDTH, le=MOST_WIDTH)] = 320
) -> Response:
    """Return the stored part of an encrypted recording needed to show this frame, for decryption in the page."""
    found = _sealed_part(context, camera, at_ms, width)
    if found is None:
        raise nothing_recorded()
    data, wrapped = found
    headers = {"Cache-Control": "no-store"} | wrapped_headers(wrapped)
    return Response(data, media_type="application/octet-stream", headers=headers)


def _sealed_part(context: AppContext, camera: CameraId, at_ms: int, width: int) -> tuple[bytes, bytes] | None:
    recorder = context.behind or context.recorder
    for segment in shown_in(recorder, camera, at_ms, width):
        if is_sealed(segment.path):
            path = recorder.segment_path(segment)
            if data := picture_part(path, at_ms):
                return data, ring_key(path)
    return None


@router.get("/cameras/{camera}/picture", dependencies=view, response_class=Response)
async def picture(camera: OneCamera, at_ms: At, context: Context) -> Response:
    """Return the frame at this moment in full size, as a download."""
    async with context.decoding:
        found = await asyncio.to_thread(full_size, context.recorder, camera, at_ms)
    if found is None:
        raise nothing_recorded()
    name = clip_name(context, camera, found[1]).removesuffix(".mp4") + ".jpg"
    headers = {"X-At-Ms": str(found[1]), "Content-Disposition": disposition(name)}
    return Response(found[0], media_type="image/jpeg", headers=headers)


class SheetQuery(BaseModel):
    """A clip to describe."""

    camera: Annotated[CameraId, Field(max_length=64)]
    from_ms: Ms
    to_ms: Ms
    stream: StreamName = StreamName.MAIN
    sound: bool = True
    rest_ms: Ms | None = None
    """`X-Rest-Ms` of the clip before, which ended early at from_ms."""

    @property
    def span(self) -> Span:
        """The time asked for. Raises RequestRefused: when it is too long."""
        return parse_span(self.from_ms, self.to_ms, MOST_CLIP_S / 86_400)


class ClipQuery(SheetQuery):
    """A clip to download."""

    exact: bool = False


@router.get("/clip", dependencies=view, response_class=Response)
async def clip(query: Annotated[ClipQuery, Query()], request: Request, note: Note, context: Context) -> Response:
    """Return an MP4 clip without re-encoding, from the keyframe at or before from_ms.

    exact: start exactly at from_ms; frames up to the next keyframe are re-encoded.
    """
    clip_request = ClipRequest(query.camera, query.span, query.stream, query.sound, query.exact, query.rest_ms)
    name = clip_name(context, query.camera, query.from_ms)
    answer = await answer_clip(context, request, clip_request, name)
    is_begin = answer.status_code == 206 and answer.headers["Content-Range"].startswith("bytes 0-")
    if request.method == "GET" and (answer.status_code == 200 or is_begin):
        await asyncio.to_thread(note, "clip", name)
    return answer


@router.get("/clip/sheet", dependencies=view, response_class=Response)
async def sheet(query: Annotated[SheetQuery, Query()], signed: Signed, context: Context) -> Response:
    """Return a text sheet about the same clip: times, gaps, SHA-256."""
    span, name = query.span, clip_name(context, query.camera, query.from_ms)
    made = await cut_clip(context, ClipRequest(query.camera, span, query.stream, query.sound, rest_ms=query.rest_ms))
    about = ClipSheetHeader(
        name=name,
        camera=query.camera,
        camera_name=serializers.camera_name(context.recorder, query.camera),
        recorder=f"{context.title}, tawny {__version__}",
        person=signed.person.name,
        zone=context.zone,
        now_ms=context.recorder.clock.now_ms(),
    )
    text = await asyncio.to_thread(clip_sheet, context.recorder, made, span, about)
    headers = {"Content-Disposition": disposition(name.removesuffix(".mp4") + ".txt")}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


router.add_api_route(
    "/clip", clip, methods=["HEAD"], dependencies=view, response_class=Response, include_in_schema=False
)


# Routes for media by opaque ID. Invariant: IDs are looked up in the index; paths never come from requests.

media_router = APIRouter(prefix="/media", route_class=WorkerRoute)


@media_router.get("/{segment}/play", dependencies=view, response_class=Response)
def segment_play(
    segment: OneSegment, request: Request, context: Context, from_ms: Annotated[int, Query(ge=0, le=LATEST_MS)] = 0
) -> Response:
    """Init segment and fragments from the keyframe at or before from_ms. `X-Start-Ms`: UTC of media time 0."""
    cameras = [*context.recorder.camera_names()]
    found = recordings.segment(context.recorder, cameras, segment)
    if found is None:
        raise not_found("Recording not found.")
    playing = make_playing(context.recorder, found, from_ms)
    return stream_recording(request, playing)


@media_router.get("/{segment}/stored", dependencies=view, response_class=Response)
def stored(segment: OneSegment, request: Request, context: Context) -> Response:
    """Return the stored file up to its current end.

    For encrypted files `X-Wrapped` is the file's key as in its day's key ring, in Base64, if available.
    """
    recorder = context.behind or context.recorder
    cameras = [*recorder.camera_names()]
    found = recordings.segment(recorder, cameras, segment)
    if found is None:
        raise not_found("Recording not found.")

    path = recorder.segment_path(found)
    wrapped = ring_key(path) if is_sealed(found.path) else b""
    size_bytes = _size_of(path)
    headers = {"Content-Length": str(size_bytes)} | wrapped_headers(wrapped)
    return GuardedStreamingResponse(request, read_bytes(path, 0, size_bytes), 200, headers, "application/octet-stream")


def _size_of(path: Path) -> int:
    with open_stored(path) as file:
        return file.size


@media_router.head("/{event}.jpg", dependencies=view, include_in_schema=False)
@media_router.get("/{event}.jpg", dependencies=view, response_class=Response)
def event_picture(event: OneEvent, context: Context, show: ImageView = "full") -> Response:
    """Return the event's snapshot: whole, with a box around the object, or the object with its surroundings."""
    found = find_event(event, context)
    jpeg = context.recorder.event_picture(found)
    if jpeg is None and context.recorder.sealed_picture(found) is not None:
        raise sealed_error()
    if jpeg is None:
        raise RequestRefused(404, "no_picture", "This event has no image.", "Play its clip instead.")
    kept = "no-store" if found.end_ms is None else "private, max-age=3600"
    jpeg = event_snapshot(context.recorder, found, jpeg, show)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": kept})


@media_router.get("/{event}.mp4", dependencies=view, response_class=Response)
async def event_clip(event: OneEvent, request: Request, context: Context, to_ms: At = LATEST_MS) -> Response:
    """Return the event's clip with pre-roll and post-roll. `?save=1`: as a download.

    to_ms: upper limit of the end, so that range requests during the post-roll refer to the same file.
    """
    found = await asyncio.to_thread(find_event, event, context)
    whole = clip_span(found, context)
    span = Span(whole.begin_ms, max(whole.begin_ms + 1, min(whole.end_ms, to_ms)))
    save = clip_name(context, found.camera, found.start_ms) if "save" in request.query_params else None
    return await answer_clip(context, request, ClipRequest(found.camera, span), save)


media_router.add_api_route(
    "/{event}.mp4", event_clip, methods=["HEAD"], dependencies=view, response_class=Response, include_in_schema=False
)

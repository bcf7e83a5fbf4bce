"""Routes for cameras on TVs: addresses that show one camera for some hours, live or in the past
(`api.auth.passes.Cast`).
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints

from tawny.api import serializers
from tawny.api.auth.access import MOST_CLIP_S, Access, Note, OneCamera, Signed, known_camera, parse_span, rule
from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.auth.passes import MOST_CASTS, Cast
from tawny.api.auth.shares import Share
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.events.event_routes import clip_span, find_event, no_event
from tawny.api.live.hls_routes import PLAYLIST
from tawny.api.past.clip_jobs import ClipJobState
from tawny.api.past.clip_routes import check_open
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, Ms, OkResponse
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span

HALF_DAY_S = 12 * 3600
MP4 = "video/mp4"


class NewCast(ApiRequest):
    """from_ms, to_ms: the recording to show; neither: live video.

    clip: ID of a saved clip of this camera, whose time then applies. event: ID of an event of this camera, whose clip
    is shown.
    """

    lasts_s: Annotated[int, Field(ge=60, le=HALF_DAY_S)] = 3600
    from_ms: Ms | None = None
    to_ms: Ms | None = None
    clip: Annotated[str, StringConstraints(max_length=64)] = ""
    event: Annotated[str, StringConstraints(max_length=64)] = ""


class CastInfo(ApiResponse):
    id: str
    camera: str
    from_ms: int | None
    """When the recording begins that it shows; null: live."""
    made_by: str
    """Name of the user."""
    made_ms: int
    ends_ms: int


class CastList(ApiResponse):
    items: list[CastInfo]


class MadeCast(ApiResponse):
    cast: CastInfo
    video: str
    """Path of its HLS playlist; of the MP4 file for a recording."""
    page: str
    """Path of a page with its picture, for the browser of a TV; of the MP4 file for a recording."""
    type: str
    """MIME type of the video."""
    addresses: list[str]
    """Where other devices reach these paths, best first; empty: where this request was made to."""


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]


@router.post("/cameras/{camera}/casts", dependencies=view)
def begin_cast(camera: OneCamera, body: NewCast, note: Note, signed: Signed, context: Context) -> MadeCast:
    """Make an address that shows a camera on a TV, live or in the past."""
    recording = _recording(camera, body, signed, context)
    if recording is None and camera not in context.recorder.camera_names():
        raise not_found("Camera not found.")
    made = context.passes.cast(signed, camera, body.lasts_s, recording)
    if made is None:
        raise RequestRefused(
            409, "too_many", f"{MOST_CASTS} TVs show cameras for you already.", "End one of them first."
        )
    cast, secret = made
    note("shown on a TV", f"{serializers.camera_name(context.recorder, camera)}, {body.lasts_s // 60} min")
    live, past = f"/api/v1/cameras/{camera}/hls/index.m3u8?pass={secret}", f"/media/shared.mp4?ticket={secret}"
    return MadeCast(
        cast=_info(context, cast),
        video=past if recording else live,
        page=past if recording else f"/embed/{camera}?pass={secret}&width=1280&fps=10",
        type=MP4 if recording else PLAYLIST,
        addresses=[context.address] if context.address else list(context.own_addresses()),
    )


@router.get("/casts", dependencies=view)
def casts(signed: Signed, context: Context) -> CastList:
    """List what TVs may show now: all for owners, their own for others."""
    return CastList(items=[_info(context, cast) for cast in _seen(context, signed)])


@router.delete("/casts/{cast_id}", dependencies=view)
def end_cast(cast_id: Annotated[str, Path(max_length=64)], note: Note, signed: Signed, context: Context) -> OkResponse:
    """End it; the TV's picture stops within seconds."""
    found = next((cast for cast in _seen(context, signed) if cast.id == cast_id), None)
    if found is None:
        raise not_found("This TV shows nothing any more.")
    context.passes.end_cast(cast_id)
    note("no longer shown on a TV", serializers.camera_name(context.recorder, found.camera))
    return OkResponse()


def _recording(camera: CameraId, body: NewCast, signed: LoginSession, context: AppContext) -> Share | None:
    """Return what the TV shows; None for live video."""
    now_ms, made_by, clip, cameras = context.recorder.clock.now_ms(), signed.person.id, "", frozenset({camera})
    if body.clip:
        job = context.jobs.find(body.clip, signed.person)
        is_there = job is not None and job.state is ClipJobState.DONE and job.kind.media_type == MP4
        if job is None or not is_there or camera not in job.cameras:
            raise not_found("Clip not found.")
        camera, span, clip, cameras = job.cameras[0], job.span, job.id, frozenset(job.cameras)
    elif body.event:
        event = find_event(EventId(body.event), context)
        if event.camera != camera:
            raise no_event()
        whole = clip_span(event, context)
        span = _open_span(camera, whole.begin_ms, whole.end_ms, context)
    elif body.from_ms is None and body.to_ms is None:
        return None
    elif body.from_ms is None or body.to_ms is None:
        raise bad_input("A recording has a start and an end.", "Name both, or neither for live video.")
    else:
        span = _open_span(camera, body.from_ms, body.to_ms, context)
    ends_ms = now_ms + body.lasts_s * 1000
    return Share(
        id="",
        camera=camera,
        span=span,
        names_camera=False,
        code="",
        made_by=made_by,
        made_ms=now_ms,
        ends_ms=ends_ms,
        opened=0,
        clip=clip,
        cameras=cameras,
    )


def _open_span(camera: CameraId, from_ms: int, to_ms: int, context: AppContext) -> Span:
    span = parse_span(from_ms, to_ms, MOST_CLIP_S / 86_400)
    check_open(context, (known_camera(camera, context),), span)
    return span


def _seen(context: AppContext, signed: LoginSession) -> list[Cast]:
    return context.passes.casts_of(None if signed.person.role is Role.OWNER else signed.person.id)


def _info(context: AppContext, cast: Cast) -> CastInfo:
    maker = context.accounts.person(cast.made_by)
    return CastInfo(
        id=cast.id,
        camera=cast.camera,
        from_ms=cast.recording.span.begin_ms if cast.recording else None,
        made_by=maker.name if maker else "",
        made_ms=cast.made_ms,
        ends_ms=cast.ends_ms,
    )

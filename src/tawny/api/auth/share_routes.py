"""Routes for shared links: created and revoked by users, opened by anyone with the link."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, Field, StringConstraints
from starlette.responses import Response

from tawny.api import serializers
from tawny.api.auth.access import MOST_CLIP_S, Access, Note, Signed, caller_of, known_camera, parse_span, rule
from tawny.api.auth.accounts import Role
from tawny.api.auth.audit_counts import CODE_REFUSED, LINK_OPENED
from tawny.api.auth.guess_limit import GuessAttempt
from tawny.api.auth.shares import Share, SharedClip
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found, share_ended
from tawny.api.events.event_routes import clip_span, find_event
from tawny.api.past.clip_jobs import ClipExportJob, ClipJobState, may_change, may_see
from tawny.api.past.clip_routes import AHEAD_MS, answer_file, check_open
from tawny.api.past.media_responses import (
    ClipRequest,
    answer_clip,
    clip_name,
    no_clip,
    timed_name,
    too_long_to_mask,
)
from tawny.api.repeated_requests import KEY
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms, OkResponse
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span
from tawny.playback import timeline
from tawny.playback.clips import MOST_COVERED_S
from tawny.playback.exports import ExportKind
from tawny.playback.recordings import segments

# API schemas of shared links.

WEEKS = 4 * 7 * 86_400
Code = Annotated[str, StringConstraints(max_length=64)]
LEAST_CODE = 6
"""Minimum length of a new link's code: five guesses, then each costs a growing wait."""
JUST_NOW_MS = 60_000
"""Time after which footage of a span is there, ms: the first fragment of a connection takes some seconds."""


def _new_code(code: str) -> str:
    stripped = code.strip()
    if code and len(stripped) < LEAST_CODE:
        raise ValueError(f"a code of at least {LEAST_CODE} characters, or none")
    return stripped


NewCode = Annotated[Code, AfterValidator(_new_code)]


class NewShare(ApiRequest):
    camera: Id
    from_ms: Ms
    to_ms: Ms
    lasts_s: Annotated[int, Field(ge=60, le=WEEKS)] = 86_400
    code: NewCode = ""
    names_camera: bool = False
    clip: Annotated[str, StringConstraints(max_length=64)] = ""
    """ID of a saved clip to share; its camera and time then apply. Empty: share recordings."""
    event: Annotated[str, StringConstraints(max_length=64)] = ""
    """ID of an event whose clip to share: its camera and time, with pre-roll and post-roll, then apply."""


class ShareInfo(ApiResponse):
    id: str
    camera: str
    from_ms: int
    to_ms: int
    made_ms: int
    ends_ms: int
    opened: int
    has_code: bool
    names_camera: bool
    clip: str


class ShareList(ApiResponse):
    items: list[ShareInfo]


class Shared(ApiResponse):
    share: ShareInfo
    link: str
    """Address of the link; its path if the recorder has no public or secure address."""
    home_only: bool
    """Whether it works at home and through a VPN only."""


class OpenShare(ApiRequest):
    code: Code = ""


class OpenedShare(ApiResponse):
    """Content of a shared link, for anonymous visitors."""

    from_ms: int
    to_ms: int
    offset_s: int
    """UTC offset at the start."""
    ends_ms: int
    ends_offset_s: int
    """UTC offset at `ends_ms`."""
    camera: str | None
    """Name of the camera; null if it is not disclosed."""
    video: str
    """URL of the video."""
    is_picture: bool
    """The file is an image (still or animated), not a video."""


router = APIRouter(route_class=WorkerRoute)
view, public, shared = [rule(Access.VIEW)], [rule(Access.PUBLIC)], [rule(Access.SHARED)]
OneToken = Annotated[str, Path(max_length=128)]


@router.get("/api/v1/shares", dependencies=view)
def shares(signed: Signed, context: Context) -> ShareList:
    """List valid links that still show something: all for owners, their own for others."""
    clips = {job.id for job in context.jobs.seen_by(signed.person) if job.state is ClipJobState.DONE}
    links = context.shares.of(signed.person)
    return ShareList(
        items=[_info(one) for one in links if (one.clip in clips if one.clip else _is_recorded(context, one))]
    )


@router.post("/api/v1/shares", dependencies=view)
async def share(body: NewShare, note: Note, signed: Signed, context: Context) -> Shared:
    job = await asyncio.to_thread(context.jobs.find, body.clip, signed.person) if body.clip else None
    if body.clip and (job is None or job.state is not ClipJobState.DONE or not may_change(signed.person, job)):
        raise not_found("Clip not found.")
    if job is not None and job.kind is ExportKind.EVIDENCE:
        raise bad_input("Evidence can't be shared by link.", "Download it and send the file.")
    event = await asyncio.to_thread(find_event, EventId(body.event), context) if body.event else None
    clip = clip_span(event, context) if event else None
    from_ms, to_ms = (clip.begin_ms, clip.end_ms) if clip else (body.from_ms, body.to_ms)
    span = job.span if job else parse_span(from_ms, to_ms, MOST_CLIP_S / 86_400)
    if job is None and clip is None and span.end_ms > context.recorder.clock.now_ms() + AHEAD_MS:
        raise bad_input("The end hasn't come yet.", "Choose a time that is over.")
    code = await context.passwords.hash(body.code) if body.code else ""

    def make() -> tuple[Share, str]:
        camera = job.cameras[0] if job else known_camera(event.camera if event else CameraId(body.camera), context)
        if job is None:
            check_open(context, (camera,), span)
            _check_shows(context, camera, span)
        note("shared", clip_name(context, camera, span.begin_ms))
        ends_ms = context.recorder.clock.now_ms() + body.lasts_s * 1000
        saved = SharedClip(job.id, job.cameras) if job else None
        made, token = context.shares.make(
            signed.person, camera, span, ends_ms, code=code, names_camera=body.names_camera, clip=saved
        )
        if job and context.jobs.given_on(job.id) is None:  # deleted to free space, before the link kept it
            context.shares.take_back(made.id)
            raise not_found("Clip not found.")
        return made, token

    made, token = await asyncio.to_thread(make)
    return Shared(share=_info(made), link=context.link(f"/s/{token}"), home_only=context.is_at_home_only)


@router.delete("/api/v1/shares/{share_id}", dependencies=view)
def end_share(
    share_id: Annotated[str, Path(max_length=64)], note: Note, signed: Signed, context: Context
) -> OkResponse:
    found = next((one for one in context.shares.of(signed.person) if one.id == share_id), None)
    if found is None:
        raise not_found("Link not found.")
    context.shares.take_back(share_id)
    note("shared link revoked", share_id)
    return OkResponse()


@router.post("/api/v1/shared/{token}", dependencies=public)
async def open_share(token: OneToken, body: OpenShare, request: Request, context: Context) -> OpenedShare:
    """Open a shared link. Asks for its code, if it has one; wrong codes are throttled."""
    found = await asyncio.to_thread(context.shares.find, token)
    if found is None:
        raise share_ended()
    if found.code:
        await _check_code(context, request, found, body.code)
    job = await asyncio.to_thread(_clip_of, context, found)
    if job is None and not await asyncio.to_thread(_is_recorded, context, found):
        raise share_ended()
    key, address = request.headers.get(KEY, ""), caller_of(request).address
    ticket, is_first = await asyncio.to_thread(context.shares.open, found, f"{address} {key}" if key else "")
    if is_first:
        context.accounts.counts.count(LINK_OPENED, Role.VISITOR.value, address, detail=found.id)
    return OpenedShare(
        from_ms=found.span.begin_ms,
        to_ms=found.span.end_ms,
        offset_s=timeline.offset_s(context.zone, found.span.begin_ms),
        ends_ms=found.ends_ms,
        ends_offset_s=timeline.offset_s(context.zone, found.ends_ms),
        camera=serializers.camera_name(context.recorder, found.camera) if found.names_camera else None,
        video=f"/media/shared.mp4?ticket={ticket}",
        is_picture=job is not None and job.kind.media_type.startswith("image/"),
    )


@router.get("/media/shared.mp4", dependencies=shared, response_class=Response)
async def shared_video(request: Request, context: Context) -> Response:
    """Return the clip of the ticket's link, or of a TV's address. `?save=1`: as a download."""
    found: Share = request.state.share
    save, job = None, await asyncio.to_thread(_clip_of, context, found)
    if "save" in request.query_params:
        begin_ms, suffix = found.span.begin_ms, job.kind.suffix if job else ".mp4"
        save = timed_name(context, "Clip", begin_ms, suffix)
        if found.names_camera:
            save = job.name if job else clip_name(context, found.camera, begin_ms)
    if job is not None:
        return await asyncio.to_thread(answer_file, context, request, job, save)
    is_link = bool(found.id)  # what is before the start isn't given away; a TV is its maker's own, and begins sooner
    return await answer_clip(context, request, ClipRequest(found.camera, found.span, exact=is_link), save)


router.add_api_route(
    "/media/shared.mp4",
    shared_video,
    methods=["HEAD"],
    dependencies=shared,
    response_class=Response,
    include_in_schema=False,
)


def _check_shows(context: AppContext, camera: CameraId, span: Span) -> None:
    """Raise RequestRefused for a span of recordings that a link couldn't show."""
    if context.recorder.private(camera) and span.seconds > MOST_COVERED_S:
        raise too_long_to_mask()
    is_over = span.end_ms < context.recorder.clock.now_ms() - JUST_NOW_MS
    if is_over and not segments(context.recorder, camera, None, span):
        raise no_clip()


def _is_recorded(context: AppContext, share: Share) -> bool:
    """Return whether some recording of a link's time is there, on whichever disk, or may come yet."""
    recorder, span = context.recorder, share.span
    return (
        span.end_ms >= recorder.clock.now_ms() - JUST_NOW_MS
        or bool(recorder.index.spans(share.camera, None, span))
        or any(one.span.overlaps(span) for one in recorder.open_segments(share.camera))
    )


def _clip_of(context: AppContext, share: Share) -> ClipExportJob | None:
    """Return the saved clip of a link; None if it shows recordings.

    Raises RequestRefused: when the clip was deleted, or the link's maker may no longer see it.
    """
    if not share.clip:
        return None
    found, maker = context.jobs.given_on(share.clip), context.accounts.person(share.made_by)
    if found is None or maker is None or not may_see(maker, found):
        raise share_ended()
    return found


async def _check_code(context: AppContext, request: Request, found: Share, code: str) -> None:
    tried = GuessAttempt(f"share {found.id}", caller_of(request).address, f"share {found.id}")
    if not code:
        raise RequestRefused(401, "code_needed", "This link requires a code.", "The person who sent it has the code.")
    if wait_s := context.attempts.wait_s(tried):
        context.accounts.counts.count(CODE_REFUSED, Role.VISITOR.value, tried.address, detail=found.id)
        raise RequestRefused(429, "wait", f"Too many wrong codes. Try again in {wait_s} s.", "", {"wait_s": wait_s})
    context.attempts.begin(tried)
    if not await context.passwords.matches(found.code, code):
        context.accounts.counts.count(CODE_REFUSED, Role.VISITOR.value, tried.address, detail=found.id)
        raise RequestRefused(401, "wrong_code", "Wrong code.", "Check it and try again.")
    context.attempts.succeed(tried)


def _info(share: Share) -> ShareInfo:
    return ShareInfo(
        id=share.id,
        camera=share.camera,
        from_ms=share.span.begin_ms,
        to_ms=share.span.end_ms,
        made_ms=share.made_ms,
        ends_ms=share.ends_ms,
        opened=share.opened,
        has_code=bool(share.code),
        names_camera=share.names_camera,
        clip=share.clip,
    )

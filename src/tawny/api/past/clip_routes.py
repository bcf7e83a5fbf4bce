"""Routes for saved clips: create, follow progress, download, keep, delete."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from tawny.api import serializers
from tawny.api.auth.access import (
    MOST_CLIP_S,
    MOST_DAYS,
    Access,
    Note,
    Signed,
    caller_of,
    known_camera,
    parse_span,
    rule,
)
from tawny.api.auth.accounts import Account
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.past.clip_jobs import MOST_OF_ONE, ClipAlterations, ClipExportJob, ClipJobState, may_change
from tawny.api.past.clip_orders import altered, check_may_prove
from tawny.api.past.media_responses import clip_name, disposition, ranged
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms, OkResponse
from tawny.config.quantities import CHECKED
from tawny.media.mp4.byte_reader import read_bytes
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.playback.exports import ExportKind, ExportOptions
from tawny.playback.recordings import segments
from tawny.storage.disk.layout import is_sealed

# API schemas of saved clips.

ClipKind = Literal["mp4", "gif", "timelapse", "side-by-side", "sheet", "evidence"]


class NewClip(ApiRequest):
    """New clips: one file per camera, or one for all with `side-by-side`. If one can't be queued, none is.

    speed: of a time-lapse; null: one minute long.
    """

    cameras: Annotated[list[Id], Field(min_length=1, max_length=MOST_OF_ONE)]
    from_ms: Ms
    to_ms: Ms
    kind: ClipKind = "mp4"
    speed: Annotated[float, Field(gt=0, le=1e6)] | None = None
    sound: bool = True
    """With sound, for clips as recorded. Evidence always has it: it holds the recordings themselves."""
    exact: bool = False
    """Start exactly at from_ms in any player, for clips as recorded."""
    stamp: bool = False
    """Burn in title, time, detector figures, REC and boxes; a clip is then re-encoded."""
    boxes: bool = False
    """Burn in the time, and boxes with what is in them; a clip is then re-encoded. `stamp` includes it."""
    all_but: Annotated[str, Field(max_length=64)] = ""
    """Event ID: redact everything except its subject. Empty: nothing."""


class KeepClip(ApiRequest):
    kept: bool


class RenameClip(ApiRequest):
    """name: without the ending of its file."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S"), CHECKED]


class ClipJobInfo(ApiResponse):
    id: str
    kind: ClipKind
    cameras: list[str]
    from_ms: int
    to_ms: int
    speed: float | None
    name: str
    """File name."""
    made_ms: int
    state: Literal["waiting", "working", "done", "failed", "removed"]
    progress: float
    """0 to 1."""
    size_bytes: int
    kept: bool
    cut_at_ms: int | None
    """Where it ends early because the video format changed; null if complete."""
    unreadable_ms: int
    """Recorded time that is missing in it, because it can't be read."""
    elsewhere_ms: int
    """Time that is missing in it, because only the other stream has it."""
    is_mute: bool
    """Its sound is left out, because it is longer than an hour and its sound would have to be converted."""
    redacted: bool
    """Parts of the image are redacted."""
    message: str
    hint: str
    """Why it failed, and what to do."""
    fingerprint: str
    """The fingerprint that evidence is verified with, the recorder's or its fallback disk's; empty for other kinds."""
    file: str | None
    """URL of the file once it is done; `?save=1` to download."""
    mine: bool
    """Whether you may keep, share and delete it."""


class ClipJobList(ApiResponse):
    items: list[ClipJobInfo]


class SavedClips(ApiResponse):
    items: list[ClipJobInfo]
    used_bytes: int
    most_bytes: int
    """Space limit for all clips; the oldest that are not kept are deleted."""


AHEAD_MS: Final = 10_000
"""How far the end may be ahead of the recorder's clock: the clock of the browser may be."""

router = APIRouter(route_class=WorkerRoute)
view = [rule(Access.VIEW)]
OneClip = Annotated[str, Path(max_length=64)]


@router.get("/api/v1/clips", dependencies=view)
def saved_clips(signed: Signed, context: Context) -> SavedClips:
    """List clips of cameras you may see, newest first."""
    found = context.jobs.seen_by(signed.person)
    return SavedClips(
        items=[job_info(one, signed.person) for one in found],
        used_bytes=context.jobs.used_bytes(),
        most_bytes=context.jobs.most_bytes,
    )


@router.post("/api/v1/clips", dependencies=view)
def make_clips(body: NewClip, note: Note, signed: Signed, context: Context) -> ClipJobList:
    """Create clips. Progress is sent on the channel `job` of the state socket."""
    kind = ExportKind(body.kind)
    days = MOST_CLIP_S / 86_400 if kind in (ExportKind.MP4, ExportKind.EVIDENCE) else MOST_DAYS
    if kind is ExportKind.EVIDENCE:
        check_may_prove(context, signed.person, body.cameras)
        if not body.sound:
            raise bad_input("Evidence holds the recordings themselves, with their sound.", "Save a clip without sound.")
    span, cameras = (
        parse_span(body.from_ms, body.to_ms, days),
        [CameraId(one) for one in dict.fromkeys(body.cameras)],
    )
    now_ms = context.recorder.clock.now_ms()
    if span.end_ms > now_ms + AHEAD_MS or span.begin_ms >= now_ms:
        raise bad_input("The end hasn't come yet.", "Choose a time that is over.")
    span = Span(span.begin_ms, min(span.end_ms, now_ms))  # or it would say that the time to come is not recorded

    def ask() -> list[ClipExportJob]:
        for camera in cameras:
            known_camera(camera, context)
        groups = [tuple(cameras)] if kind is ExportKind.SIDE_BY_SIDE else [(camera,) for camera in cameras]
        how, wanted = ClipAlterations(body.stamp, body.boxes, body.all_but), []
        for group in groups:
            plain = ExportOptions(kind, group, span, body.speed, with_sound=body.sound, exact=body.exact)
            options = altered(context, plain, how)
            check_open(context, group, span, EVIDENCE_HINT if kind is ExportKind.EVIDENCE else OPEN_HINT)
            wanted.append((options, _name(context, group, span, kind, _how(how))))
        made = context.jobs.ask(signed.person, context.recorder, context.clips, wanted, how)
        for one in made:
            note("clip", one.name)
        return made

    try:
        made = ask()
    except NotDone as error:
        raise bad_input(error.message, error.do) from error
    return ClipJobList(items=[job_info(one, signed.person) for one in made])


@router.patch("/api/v1/clips/{clip}", dependencies=view)
def keep_clip(clip: OneClip, body: KeepClip, request: Request, signed: Signed, context: Context) -> ClipJobInfo:
    """Keep a clip, or stop keeping it. Kept clips are not deleted to free space."""
    found = _own(context, clip, signed.person)
    if found.state is not ClipJobState.DONE:
        raise bad_input("This clip isn't ready yet.", "Wait until it is.")
    changed = context.jobs.change(found, kept=body.kept)
    if changed is None:
        raise not_found("Clip not found.")
    _note(context, request, signed, "clip kept" if body.kept else "clip no longer kept", found)
    return job_info(changed, signed.person)


@router.put("/api/v1/clips/{clip}/name", dependencies=view)
def rename_clip(clip: OneClip, body: RenameClip, request: Request, signed: Signed, context: Context) -> ClipJobInfo:
    """Give a clip another name; its file is downloaded under it."""
    found = _own(context, clip, signed.person)
    if found.state is not ClipJobState.DONE:
        raise bad_input("This clip isn't ready yet.", "Wait until it is.")
    stem = " ".join(body.name.split()).removesuffix(found.kind.suffix)
    if not stem:
        raise bad_input("This name is only the ending of a file.", "Enter another name.")
    name = stem + found.kind.suffix
    changed = context.jobs.change(found, name=name)
    if changed is None:
        raise not_found("Clip not found.")
    _note(context, request, signed, f"clip renamed to {name}", found)
    return job_info(changed, signed.person)


@router.delete("/api/v1/clips/{clip}", dependencies=view)
def remove_clip(clip: OneClip, request: Request, signed: Signed, context: Context) -> OkResponse:
    """Delete a clip; it can be restored for a minute. One in progress is canceled."""
    found = _own(context, clip, signed.person)
    context.jobs.remove(found)
    _note(context, request, signed, "clip deleted", found)
    return OkResponse()


@router.post("/api/v1/clips/{clip}/restore", dependencies=view)
def restore_clip(clip: OneClip, request: Request, signed: Signed, context: Context) -> ClipJobInfo:
    """Restore a clip that was deleted less than a minute ago."""
    found = context.jobs.find_removed(clip, signed.person)
    if found is not None:
        _check_own(signed.person, found)
        found = context.jobs.restore(found)
    if found is None:
        raise not_found("Clip not found.")
    _note(context, request, signed, "clip restored", found)
    return job_info(found, signed.person)


@router.get("/media/clips/{clip}", dependencies=view, response_class=Response)
def clip_file(clip: OneClip, request: Request, signed: Signed, context: Context) -> Response:
    """Return the file. `?save=1`: as a download."""
    found = _seen(context, clip, signed.person)
    return answer_file(context, request, found, found.name if "save" in request.query_params else None)


router.add_api_route(
    "/media/clips/{clip}",
    clip_file,
    methods=["HEAD"],
    dependencies=view,
    response_class=Response,
    include_in_schema=False,
)


def answer_file(context: AppContext, request: Request, job: ClipExportJob, save: str | None) -> Response:
    """Return a clip's file or the requested range of it."""
    if job.state is not ClipJobState.DONE:
        raise RequestRefused(404, "not_there_yet", "This clip isn't ready yet.", "Wait until it is.")
    path = context.jobs.file(job)
    if not path.exists():
        raise not_found("Clip not found.")
    headers = {"Cache-Control": "private, no-cache"}
    if job.cut_at_ms is not None:
        headers["X-Cut-At-Ms"] = str(job.cut_at_ms)
    if save is not None:
        headers["Content-Disposition"] = disposition(save)
    return ranged(
        request,
        size_bytes=job.size_bytes,
        etag=f'"{job.id}"',
        read=lambda begin, end: read_bytes(path, begin, end),
        media_type=job.kind.media_type,
        headers=headers,
        is_there=lambda: context.jobs.given_on(job.id) is not None,
    )


def job_info(job: ClipExportJob, person: Account) -> ClipJobInfo:
    return ClipJobInfo(
        id=job.id,
        kind=job.kind.value,
        cameras=list(job.cameras),
        from_ms=job.from_ms,
        to_ms=job.to_ms,
        speed=job.speed,
        name=job.name,
        made_ms=job.made_ms,
        state=job.state.value,
        progress=job.progress,
        size_bytes=job.size_bytes,
        kept=job.kept,
        cut_at_ms=job.cut_at_ms,
        unreadable_ms=job.unreadable_ms,
        elsewhere_ms=job.elsewhere_ms,
        is_mute=job.is_mute,
        redacted=job.redacted,
        message=job.problem,
        hint=job.todo,
        fingerprint=job.fingerprint,
        file=f"/media/clips/{job.id}" if job.state is ClipJobState.DONE else None,
        mine=may_change(person, job),
    )


OPEN_HINT: Final = "Unlock them, download the clip, and share the file."
EVIDENCE_HINT: Final = "Use tawny export --evidence --key FILE."


def check_open(context: AppContext, cameras: tuple[CameraId, ...], span: Span, hint: str = OPEN_HINT) -> None:
    """Raise RequestRefused for encrypted recordings.

    Saved clips are stored unencrypted for everyone who may see the camera, and links lead to unencrypted video.
    """
    if any(is_sealed(one.path) for camera in cameras for one in segments(context.recorder, camera, None, span)):
        what = "Encrypted recordings can't be saved or shared, because the clip would be stored unencrypted."
        raise RequestRefused(423, "sealed", what, hint)


def _note(context: AppContext, request: Request, signed: Signed, action: str, job: ClipExportJob) -> None:
    context.accounts.note(action, signed.person.name, caller_of(request), job.name)


def _seen(context: AppContext, clip: str, person: Account) -> ClipExportJob:
    found = context.jobs.find(clip, person)
    if found is None:
        raise not_found("Clip not found.")
    return found


def _own(context: AppContext, clip: str, person: Account) -> ClipExportJob:
    found = _seen(context, clip, person)
    _check_own(person, found)
    return found


def _check_own(person: Account, job: ClipExportJob) -> None:
    if not may_change(person, job):
        raise RequestRefused(403, "not_yours", "Someone else created this clip.", "Ask an owner.")


def _how(altered: ClipAlterations) -> str:
    """Return the end of a clip's name, by which it differs from another clip of the same time."""
    if altered.all_but:
        return " redacted"
    return " stamped" if altered.stamp else " boxes" if altered.boxes else ""


def _name(context: AppContext, cameras: tuple[CameraId, ...], span: Span, kind: ExportKind, more: str) -> str:
    name = clip_name(context, cameras[0], span.begin_ms).removesuffix(".mp4")
    if len(cameras) > 1:
        name = name.replace(serializers.camera_name(context.recorder, cameras[0]), f"{len(cameras)} cameras", 1)
    return name + (" time-lapse" if kind is ExportKind.TIMELAPSE else "") + more + kind.suffix

"""Clips that are made on the side: asked for, watched as they are made, fetched, kept, removed."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from tawny.media.stored_bytes import read_bytes
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span
from tawny.playback.find import segments
from tawny.playback.making import Kind, Wish
from tawny.playback.redaction import Mark, Redaction
from tawny.storage.layout import is_sealed
from tawny.web import clip_shapes as shapes
from tawny.web import told
from tawny.web.access import Access, Signed, caller_of, rule
from tawny.web.accounts import Person, Role
from tawny.web.clip_desk import Job, State, may_change
from tawny.web.clips import clip_name, disposition
from tawny.web.limits import MOST_CLIP_S, MOST_DAYS, known_camera, within
from tawny.web.problems import Refused, bad_input, not_found
from tawny.web.ranges import ranged
from tawny.web.shapes import Done
from tawny.web.site import Here, Site

router = APIRouter()
view = [rule(Access.VIEW)]
OneClip = Annotated[str, Path(max_length=64)]


@router.get("/api/v1/clips", dependencies=view)
async def saved_clips(signed: Signed, here: Here) -> shapes.SavedClips:
    """All whose cameras you may see, newest first."""
    found = await asyncio.to_thread(here.jobs.seen_by, signed.person)
    return shapes.SavedClips(
        items=[told_job(one, signed.person) for one in found],
        used_bytes=here.jobs.used_bytes(),
        most_bytes=here.jobs.most_bytes,
    )


@router.post("/api/v1/clips", dependencies=view)
async def make_clips(asked: shapes.NewClip, request: Request, signed: Signed, here: Here) -> shapes.ClipJobs:
    """Begin to make them. The channel `job` of the state socket tells how far each is."""
    kind = Kind(asked.kind)
    days = MOST_CLIP_S / 86_400 if kind in (Kind.MP4, Kind.EVIDENCE) else MOST_DAYS
    if kind is Kind.EVIDENCE:
        _check_may_prove(here, signed.person, asked.cameras)
    span, cameras = within(asked.from_ms, asked.to_ms, days), [CameraId(one) for one in dict.fromkeys(asked.cameras)]

    def ask() -> list[Job]:
        for camera in cameras:
            known_camera(camera, here)
        groups = [tuple(cameras)] if kind is Kind.SIDE_BY_SIDE else [(camera,) for camera in cameras]
        made = []
        for group in groups:
            hidden = _all_but(here, group[0], asked.all_but) if asked.all_but else None
            name = _name(here, group, span, kind, " redacted" if hidden else "")
            wish = Wish(kind, group, span, asked.speed, with_sound=asked.sound, exact=asked.exact, redaction=hidden)
            if here.is_unlocked:
                check_open(here, group, span)
            made.append(here.jobs.ask(signed.person, here.recorder, here.clips, wish, name))
            here.accounts.note("clip", signed.person.name, caller_of(request), name)
        return made

    try:
        made = await asyncio.to_thread(ask)
    except NotDone as error:
        raise bad_input(error.message, error.do) from error
    return shapes.ClipJobs(items=[told_job(one, signed.person) for one in made])


@router.patch("/api/v1/clips/{clip}", dependencies=view)
async def keep_clip(clip: OneClip, asked: shapes.KeepClip, signed: Signed, here: Here) -> shapes.ClipJob:
    """A kept one is not removed to make room."""
    found = await _own(here, clip, signed.person)
    if found.state is not State.DONE:
        raise bad_input("This clip isn't ready yet.", "Wait until it is.")
    return told_job(await asyncio.to_thread(lambda: here.jobs.keep(found, kept=asked.kept)), signed.person)


@router.delete("/api/v1/clips/{clip}", dependencies=view)
async def remove_clip(clip: OneClip, signed: Signed, here: Here) -> Done:
    """One that is still being made is given up."""
    await asyncio.to_thread(here.jobs.remove, await _own(here, clip, signed.person))
    return Done()


@router.get("/media/clips/{clip}", dependencies=view, response_class=Response)
async def clip_file(clip: OneClip, request: Request, signed: Signed, here: Here) -> Response:
    """The file. `?save=1`: for the browser to save."""
    found = await _seen(here, clip, signed.person)
    return answer_file(here, request, found, found.name if "save" in request.query_params else None)


router.add_api_route(
    "/media/clips/{clip}",
    clip_file,
    methods=["HEAD"],
    dependencies=view,
    response_class=Response,
    include_in_schema=False,
)


def answer_file(here: Site, request: Request, job: Job, save: str | None) -> Response:
    """The file of a clip, or the part of it that was asked for."""
    if job.state is not State.DONE:
        raise Refused(404, "not_there_yet", "This clip isn't ready yet.", "Wait until it is.")
    path = here.jobs.file(job)
    headers = {"Cache-Control": "private, no-cache"}
    if save is not None:
        headers["Content-Disposition"] = disposition(save)
    return ranged(
        request,
        size_bytes=job.size_bytes,
        etag=f'"{job.id}"',
        read=lambda begin, end: read_bytes(path, begin, end),
        media_type=job.kind.media_type,
        headers=headers,
    )


def told_job(job: Job, person: Person) -> shapes.ClipJob:
    return shapes.ClipJob(
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
        redacted=job.redacted,
        message=job.problem,
        do=job.todo,
        file=f"/media/clips/{job.id}" if job.state is State.DONE else None,
        mine=may_change(person, job),
    )


def check_open(here: Site, cameras: tuple[CameraId, ...], span: Span) -> None:
    """Saved clips lie on the disk in the clear, for all who may see the camera, and links lead to what is in the clear.
    So neither is made of what is sealed."""
    if any(is_sealed(one.path) for camera in cameras for one in segments(here.recorder, camera, None, span)):
        what = "Encrypted recordings can't be saved or shared, because the clip would be stored unencrypted."
        raise Refused(423, "sealed", what, "Unlock them, download the clip, and share the file.")


async def _seen(here: Site, clip: str, person: Person) -> Job:
    found = await asyncio.to_thread(here.jobs.find, clip, person)
    if found is None:
        raise not_found("Clip not found.")
    return found


async def _own(here: Site, clip: str, person: Person) -> Job:
    found = await _seen(here, clip, person)
    if not may_change(person, found):
        raise Refused(403, "not_yours", "Someone else created this clip.", "Ask an owner.")
    return found


def _check_may_prove(here: Site, person: Person, cameras: list[str]) -> None:
    """What is proved is all that was recorded, signed by the recorder: the owner's business."""
    if person.role is not Role.OWNER:
        raise Refused(403, "not_yours", "Only owners can export evidence.", "Ask an owner.")
    if any(here.recorder.private(CameraId(camera)) for camera in cameras):
        what = "This camera has privacy masks, and evidence shows the whole image."
        raise bad_input(what, "Export it on the recorder with tawny export --evidence.")


def _all_but(here: Site, camera: CameraId, event_id: str) -> Redaction:
    """NotDone when there is no such event of the camera, or nobody in it."""
    event = here.recorder.index.event(EventId(event_id))
    if event is None or event.camera != camera or event.box is None:
        raise NotDone("There is no such event, or nothing in it to follow.", "Choose another event.")
    x0, y0, x1, y1 = event.box
    return Redaction(marks=(Mark(event.picture_ms or event.start_ms, (x0 + x1) / 2, (y0 + y1) / 2),))


def _name(here: Site, cameras: tuple[CameraId, ...], span: Span, kind: Kind, more: str) -> str:
    name = clip_name(here, cameras[0], span.begin_ms).removesuffix(".mp4")
    if len(cameras) > 1:
        name = name.replace(told.camera_name(here.recorder, cameras[0]), f"{len(cameras)} cameras", 1)
    return name + more + kind.suffix

"""What a clip job is made from: of a request, and again of a stored job after a restart."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from tawny.api import serializers
from tawny.api.auth.accounts import Account, Role
from tawny.api.context import AppContext
from tawny.api.errors import RequestRefused, bad_input
from tawny.api.past.clip_jobs import ClipAlterations, ClipExportJob, ClipOrder
from tawny.api.past.frame_stamps import frame_stamps
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, EventId
from tawny.playback.exports import ExportKind, ExportOptions
from tawny.playback.redaction_areas import Redaction, SubjectMark


def resume_clips(site: AppContext) -> None:
    """Go on with what was waiting when the program ended, as its users may see it now."""

    def order_of(job: ClipExportJob, maker: Account) -> ClipOrder:
        context = site.of_person(maker)
        if job.kind is ExportKind.EVIDENCE:
            check_may_prove(context, maker, job.cameras)
        plain = ExportOptions(job.kind, job.cameras, job.span, job.speed, with_sound=job.sound, exact=job.exact)
        return ClipOrder(context.recorder, context.clips, altered(context, plain, job.altered), context.zone)

    site.jobs.resume_with(order_of)


def altered(context: AppContext, plain: ExportOptions, how: ClipAlterations) -> ExportOptions:
    """Return the options with what is burned in or hidden. Raises NotDone: when the event or its box is missing."""
    hidden = _all_but(context, plain.cameras[0], how.all_but) if how.all_but else None
    burns = how.stamp or how.boxes
    stamp = partial(frame_stamps, context, only_boxes=not how.stamp) if burns else None
    return replace(plain, redaction=hidden, stamp=stamp)


def check_may_prove(context: AppContext, person: Account, cameras: Iterable[str]) -> None:
    """Raise RequestRefused unless the user may export evidence: it contains the unmasked recordings, so owners only."""
    if person.role is not Role.OWNER:
        raise RequestRefused(403, "not_yours", "Only owners can export evidence.", "Ask an owner.")
    for camera in map(CameraId, cameras):
        if context.recorder.private(camera):
            name = serializers.camera_name(context.recorder, camera)
            what = f"{name} has privacy masks, and evidence shows the whole image."
            raise bad_input(what, "Export it on the recorder with tawny export --evidence.")


def _all_but(context: AppContext, camera: CameraId, event_id: str) -> Redaction:
    """Return a redaction of everything except the event's subject."""
    event = context.recorder.index.event(EventId(event_id))
    if event is None or event.camera != camera or event.box is None:
        raise NotDone("There is no such event, or nothing in it to follow.", "Choose another event.")
    x0, y0, x1, y1 = event.box
    return Redaction(marks=(SubjectMark(event.picture_ms or event.start_ms, (x0 + x1) / 2, (y0 + y1) / 2),))

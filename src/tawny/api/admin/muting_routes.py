"""Routes for what is muted like false alarms of a camera, and for what can be."""

from typing import Annotated

from fastapi import APIRouter, Path

from tawny.api import schemas
from tawny.api.auth.access import Access, Note, OneCamera, Signed, known_camera, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.model.events import kind_title
from tawny.model.ids import CameraId, EventId
from tawny.service.detection.event_marks import MutingOffer, label_of

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, own = [rule(Access.VIEW)], [rule(Access.OWN)]
OneMuting = Annotated[str, Path(max_length=16, pattern=r"^[0-9a-f]+$")]


@router.get("/cameras/{camera}/mutings", dependencies=view)
def mutings(camera: OneCamera, context: Context) -> schemas.MutingList:
    """Return what is muted like false alarms, and the false alarms whose like can be muted."""
    return _mutings(known_camera(camera, context), context)


@router.post("/cameras/{camera}/mutings", dependencies=own)
def mute(
    camera: OneCamera, body: schemas.MutingRequest, context: Context, note: Note, session: Signed
) -> schemas.MutingList:
    """Mute what is like this false alarm for 90 days. 409: fewer than five false alarms are like it."""
    known = known_camera(camera, context)
    made = context.recorder.tuning.mute(known, EventId(body.event), session.person.name)
    note("false alarms muted", f"{camera}: {made.kind}")
    return _mutings(known, context)


@router.post("/cameras/{camera}/mutings/{muting}/renew", dependencies=own)
def renew_muting(camera: OneCamera, muting: OneMuting, context: Context, note: Note) -> schemas.MutingList:
    """Mute for another 90 days from now."""
    known = known_camera(camera, context)
    is_there = context.recorder.tuning.renew_muting(known, muting)
    if not is_there:
        raise _no_muting()
    note("muting renewed", camera)
    return _mutings(known, context)


@router.delete("/cameras/{camera}/mutings/{muting}", dependencies=own)
def unmute(camera: OneCamera, muting: OneMuting, context: Context, note: Note) -> schemas.MutingList:
    """Remove a muting. Events that it has muted stay as they are."""
    known = known_camera(camera, context)
    is_there = context.recorder.tuning.unmute(known, muting)
    if not is_there:
        raise _no_muting()
    note("muting removed", camera)
    return _mutings(known, context)


def _no_muting() -> RequestRefused:
    return not_found("This muting doesn't exist.", "Someone may have removed it.")


def _mutings(camera: CameraId, context: AppContext) -> schemas.MutingList:
    there, offers = context.recorder.tuning.mutings(camera)
    now_ms = context.recorder.clock.now_ms()
    return schemas.MutingList(
        items=[
            schemas.MutingInfo(
                id=one.id, type=one.kind, label=one.label, title=kind_title(one.kind, one.label), when=one.when,
                boxes=list(one.boxes), events=list(one.events), by=one.by, made_ms=one.made_ms, until_ms=one.until_ms,
                ended=one.until_ms <= now_ms, count=one.count, last_ms=one.last_ms,
            )
            for one in there
        ],
        offers=[_muting_offer(one) for one in offers],
    )  # fmt: skip


def _muting_offer(made: MutingOffer) -> schemas.MutingOfferInfo:
    first = made.events[0]
    label = label_of(first)
    return schemas.MutingOfferInfo(
        type=first.shown_kind,
        label=label,
        title=kind_title(first.shown_kind, label),
        when=made.when,
        boxes=[one.box for one in made.events if one.box],
        events=[one.id for one in made.events],
    )

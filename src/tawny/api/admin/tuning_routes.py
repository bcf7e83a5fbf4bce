"""Routes for tuning detection: scores, simulation of another threshold, feedback, and suggested thresholds."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, Note, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import not_found, sealed_error
from tawny.api.events.event_routes import find_event, no_event, note_marked
from tawny.api.live.camera_routes import JPEG
from tawny.api.parameters import At, OneCamera, OneEvent, known_camera, parse_span
from tawny.api.workers import WorkerRoute
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.observations import Box
from tawny.model.polygon import grid_of
from tawny.model.times import Span
from tawny.playback import trigger_simulation
from tawny.storage.disk.layout import SOUND

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]
DAY_MS = 86_400_000
MOST_EVENTS = 2000
MOST_FOUND = 500
NOT_MOVING = frozenset({"sound", "object", "tamper"})
"""Event types that do not result from motion scores."""
JOIN_MS = 3000
"""Maximum gap in ms between seconds with motion that are merged into one span."""
OneZone = Annotated[str, Query(max_length=40, pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$")]
Share = Annotated[float, Query(ge=0, le=1)]


async def _area(x0: Share, y0: Share, x1: Share, y1: Share) -> Box:
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


Area = Annotated[Box, Depends(_area)]


@router.get("/cameras/{camera}/motion", dependencies=view, response_class=Response)
def motion(camera: OneCamera, from_ms: At, to_ms: At, here: Here, zone: OneZone = "") -> Response:
    """Return motion scores, one byte per second: 0 to 100, 255 if not analyzed.

    `X-Begin-Ms`: time of the first byte. zone: scores of this zone only.
    """
    return _scores(camera, from_ms, to_ms, here, zone)


@router.get("/cameras/{camera}/sound", dependencies=view, response_class=Response)
def sound(camera: OneCamera, from_ms: At, to_ms: At, here: Here) -> Response:
    """Return sound levels like `/motion`: 50 is 15 dB above background noise, 255 if not analyzed."""
    return _scores(camera, from_ms, to_ms, here, SOUND)


def _scores(camera: OneCamera, from_ms: int, to_ms: int, here: Here, zone: str) -> Response:
    span = parse_span(from_ms, to_ms, 8)
    known = known_camera(camera, here)
    scores = here.recorder.zone_scores(known, zone, span) if zone else here.recorder.scores(known, span)
    begin = {"X-Begin-Ms": str(span.begin_ms // 1000 * 1000), "Cache-Control": "private, no-store"}
    return Response(scores, media_type="application/octet-stream", headers=begin)


@router.post("/cameras/{camera}/threshold-preview", dependencies=view)
def what_if(
    camera: OneCamera, asked: schemas.TriggerSimulationRequest, here: Here
) -> schemas.TriggerSimulationResponse:
    """Simulate another motion threshold, for the last 24 hours or the given time."""
    span = _span(here, asked.from_ms, asked.to_ms)
    stored = _stored(here, known_camera(camera, here), span)
    made = trigger_simulation.simulate_trigger(*stored, span, asked.level, _in_use(here, camera))
    return schemas.TriggerSimulationResponse(
        level=asked.level,
        from_ms=span.begin_ms,
        to_ms=span.end_ms,
        still=[event.id for event in made.still],
        missed=[serializers.event(event, here.recorder) for event in made.missed],
        newly=[
            schemas.SimulatedEventInfo(start_ms=o.span.begin_ms, end_ms=o.span.end_ms, score=o.score)
            for o in made.newly
        ],
        unknown=[event.id for event in made.unknown],
    )


@router.get("/cameras/{camera}/proposal", dependencies=view)
def proposal(
    camera: OneCamera, here: Here, reason: schemas.WhyFalse, days: Annotated[int, Query(ge=1, le=30)] = 7
) -> schemas.LevelProposalInfo:
    """Suggest a threshold that removes false alarms with this reason.

    level null: too few false alarms; or, if `leaves` lists them, no threshold removes them without losing other events.
    """
    now_ms = here.recorder.clock.now_ms()
    span = Span(now_ms - days * DAY_MS, now_ms)
    events, scores = _stored(here, known_camera(camera, here), span)
    false: list[str] = [event.id for event in events if event.false_alarm == reason]
    made = trigger_simulation.propose_level(events, scores, span, reason, _in_use(here, camera))
    if made is None:
        return schemas.LevelProposalInfo(
            level=None, removes=[], leaves=false if len(false) >= trigger_simulation.ENOUGH_FALSE else [], loses=[]
        )
    return schemas.LevelProposalInfo(
        level=made.level,
        removes=[event.id for event in made.removes],
        leaves=[event.id for event in made.leaves],
        loses=[serializers.event(event, here.recorder) for event in made.loses],
    )


@router.post("/events/{event}/feedback", dependencies=[rule(Access.DIRECT)])
def feedback(event: OneEvent, said: schemas.FeedbackRequest, note: Note, here: Here) -> schemas.EventInfo:
    """Store feedback: false alarm with its reason, or the correct type. An empty value removes it.

    Members and owners; in the audit log.
    """
    marked = here.recorder.mark_event(event, reviewed=True, false_alarm=said.false_alarm, said=said.labeled_as)
    if marked is None:
        raise no_event()
    words = [said.false_alarm and f"false alarm: {said.false_alarm}", said.labeled_as]
    what = ", ".join(word for word in words if word) or "feedback removed"
    note_marked(note, f"event feedback: {what}", [marked])
    return serializers.event(marked, here.recorder)


@router.get("/cameras/{camera}/search", dependencies=view)
def search(camera: OneCamera, from_ms: At, to_ms: At, here: Here, area: Area) -> schemas.MotionSearchHit:
    """Return when there was motion in an area of the image, newest first."""
    span, wanted = parse_span(from_ms, to_ms), grid_of(area)
    found: list[schemas.SpanMs] = []
    for at_ms, grid in here.recorder.grids(known_camera(camera, here), span):
        if not grid & wanted:
            continue
        if found and at_ms - found[-1][1] <= JOIN_MS:
            found[-1] = found[-1][0], at_ms + 1000
        else:
            found.append((at_ms, at_ms + 1000))
    return schemas.MotionSearchHit(spans=found[: -MOST_FOUND - 1 : -1])


@router.get("/events/{event}/loop", dependencies=view, response_class=Response, responses=JPEG)
def loop(event: OneEvent, here: Here) -> Response:
    """Return a preview: a few frames side by side in one JPEG, each at most 320 px wide."""
    found = find_event(event, here)
    jpeg = here.recorder.event_loop(found)
    if jpeg is None and here.recorder.sealed_picture(found, is_loop=True) is not None:
        raise sealed_error()
    if jpeg is None:
        raise not_found("This event has no preview.", "It may be too short or still in progress.")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _in_use(here: AppContext, camera: CameraId) -> int:
    """Return the threshold in use; the default if unknown."""
    watching = here.recorder.tuning.watching(camera)
    return trigger_simulation.LINE if watching is None else watching.watch.threshold


def _span(here: AppContext, from_ms: int | None, to_ms: int | None) -> Span:
    end_ms = here.recorder.clock.now_ms() if to_ms is None else to_ms
    return parse_span(end_ms - DAY_MS if from_ms is None else from_ms, end_ms, 8)


def _stored(here: AppContext, camera: CameraId, span: Span) -> tuple[list[Event], bytes]:
    """Return events that began in the span, newest first, and its motion scores."""
    found: list[Event] = []
    after: str | None = None
    while len(found) < MOST_EVENTS:
        page = here.recorder.index.events(span, cameras=[camera], after=after, limit=200)
        found += page.events
        after = page.next
        if after is None:
            break
    began = [event for event in found if span.begin_ms <= event.start_ms < span.end_ms and event.kind not in NOT_MOVING]
    return began, here.recorder.scores(camera, span)

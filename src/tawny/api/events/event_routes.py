"""Routes for events: list, get, mark as kept or reviewed."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tawny.api import schemas, serializers
from tawny.api.auth.access import (
    Access,
    After,
    At,
    AuditNote,
    Ids,
    Levels,
    Limit,
    Note,
    OneCamera,
    OneEvent,
    Types,
    cameras_of,
    known_camera,
    parse_list,
    parse_span,
    rule,
)
from tawny.api.context import AppContext, Context
from tawny.api.errors import bad_input, not_found, sealed_error
from tawny.api.live.camera_routes import JPEG
from tawny.api.request_handling import WorkerRoute
from tawny.model.events import Event, Level
from tawny.model.ids import EventId
from tawny.model.observations import Box
from tawny.model.times import LATEST_MS, Span
from tawny.playback.search.event_search import (
    SearchableNames,
    heat,
    motion_in_spot,
    search_hits,
)
from tawny.playback.search.query_parser import SearchableIdentity
from tawny.service.recorder import event_rolls
from tawny.service.visits import VisitQuery, find_visits, visit_of

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, direct = [rule(Access.VIEW)], [rule(Access.DIRECT)]
MOST_COUNTED = 1000
LISTED = 5
"""Maximum number of events named in one audit log entry."""


class VisitsQuery(BaseModel):
    cameras: Ids = ""
    types: Types = ""
    levels: Levels = ""
    from_ms: At = 0
    to_ms: At = LATEST_MS
    only: Literal["new", "kept", "all"] = "all"
    after: After = None
    limit: Limit = 60

    @property
    def span(self) -> Span:
        return parse_span(self.from_ms, self.to_ms, math.inf)


async def _refuse_former(request: Request) -> None:
    """Refuse a former name, which would be ignored as unknown: the client would take all events for those it wants."""
    if "kinds" in request.query_params:
        raise bad_input("`kinds` is now `types`.", "Use the new name.")


@router.get("/events", dependencies=[*view, Depends(_refuse_former)])
def events(context: Context, query: Annotated[VisitsQuery, Query()]) -> schemas.EventList:
    """List events, newest first, in pages."""
    span, index = query.span, context.recorder.index
    named = cameras_of(query.cameras, context) if query.cameras else None
    wanted = parse_list(query.types) or None
    levels = parse_list(query.levels) or None
    page = index.events(
        span, cameras=named, kinds=wanted, levels=levels, only=query.only, after=query.after, limit=query.limit
    )
    new = index.event_counts(span, cameras=named, kinds=wanted, only="new", most=MOST_COUNTED)
    return schemas.EventList(
        items=[serializers.event(one, context.recorder) for one in page.events],
        next=page.next,
        new=min(MOST_COUNTED, sum(count for level, count in new.items() if levels is None or level in levels)),
        new_alerts=new[Level.ALERT],
    )


@router.get("/visits", dependencies=view)
def visits(context: Context, query: Annotated[VisitsQuery, Query()]) -> schemas.VisitList:
    """List visits, newest first, in pages: events of the cameras you may see, joined where they belong together."""
    recorder = context.recorder
    search = VisitQuery(
        query.span,
        frozenset(cameras_of(query.cameras, context)) if query.cameras else None,
        frozenset(parse_list(query.types)) or None,
        frozenset(parse_list(query.levels)) or None,
        query.only,
        query.after,
        query.limit,
    )
    found, after = find_visits(recorder.index, search, recorder.neighbors())
    return schemas.VisitList(items=[serializers.visit(one, recorder) for one in found], next=after)


@router.get("/visits/new", dependencies=view)
def new_visits(context: Context) -> schemas.NewCounts:
    """Count the visits that are not reviewed."""
    recorder = context.recorder
    counts = context.new_visits.count(recorder.index, context.seen, recorder.neighbors())
    return schemas.NewCounts(
        alerts=counts[Level.ALERT], detections=counts[Level.DETECTION], motion=counts[Level.MOTION]
    )


@router.get("/events/{event}", dependencies=view)
def one_event(event: OneEvent, context: Context) -> schemas.EventInfo:
    return serializers.event(find_event(event, context), context.recorder)


@router.get("/events/{event}/visit", dependencies=view)
def visit_of_event(event: OneEvent, context: Context) -> schemas.VisitInfo:
    """Return the visit that an event belongs to, with the events of the cameras you may see."""
    recorder = context.recorder
    return serializers.visit(visit_of(recorder.index, find_event(event, context), recorder.neighbors()), recorder)


@router.patch("/events/{event}", dependencies=direct)
def mark(event: OneEvent, marks: schemas.EventMarksRequest, note: Note, context: Context) -> schemas.EventInfo:
    """Keep an event, or mark it as reviewed. Members and owners; in the audit log."""
    marked = _mark(context, [event], marks, note)
    if not marked:
        raise no_event()
    return serializers.event(marked[0], context.recorder)


@router.post("/events/bulk", dependencies=direct)
def mark_many(body: schemas.BulkEventMarksRequest, note: Note, context: Context) -> schemas.Marked:
    """Mark several events. Unknown IDs are ignored."""
    ids = [EventId(one) for one in dict.fromkeys(body.ids)]
    marked = _mark(context, ids, body, note)
    return schemas.Marked(items=[serializers.event(one, context.recorder) for one in marked])


def note_marked(note: AuditNote, action: str, events: Sequence[Event]) -> None:
    """Write one audit log entry for all events; none for none."""
    if events:
        more = f" and {len(events) - LISTED} more" if len(events) > LISTED else ""
        note(action, ", ".join(f"{one.camera} {one.id}" for one in events[:LISTED]) + more)


def _mark(
    context: AppContext, ids: Sequence[EventId], marks: schemas.EventMarksRequest, note: AuditNote
) -> list[Event]:
    if marks.kept is None and marks.reviewed is None:
        return [event for one in ids if (event := context.recorder.index.event(one)) is not None]
    changed = (context.recorder.mark_event(one, kept=marks.kept, reviewed=marks.reviewed) for one in ids)
    marked = [event for event in changed if event is not None]
    if marks.kept is not None:
        note_marked(note, "event kept" if marks.kept else "event no longer kept", marked)
    if marks.reviewed is not None:
        note_marked(note, "event reviewed" if marks.reviewed else "event marked as new", marked)
    return marked


def find_event(event: EventId, context: AppContext) -> Event:
    found = context.recorder.index.event(event)
    if found is None:
        raise no_event()
    return found


def clip_span(event: Event, context: AppContext) -> Span:
    """Return the time of the event's clip: with pre-roll and post-roll of its camera."""
    return event.clip(context.recorder.clock.now_ms(), *event_rolls(context.recorder, event.camera))


def no_event() -> Exception:
    return not_found("Event not found.", "It may have been deleted together with its recording.")


# Routes for search in words, motion in an area, and motion heat maps.

_search_view = [rule(Access.VIEW)]
MOST_DAYS = 31
MOST_MOMENTS = 500


class SearchResponse(BaseModel):
    """Search result. time: the recognized time range. unknown: words that were ignored. more: whether more were found.

    why: what matched, by event, for those found by what they looked like. scores: how well, 0 to 1. measured_to_ms:
    what events before this time looked like is not measured yet; null: it is measured of all events.
    """

    items: list[schemas.EventInfo]
    time: str
    unknown: list[str]
    why: dict[str, str]
    scores: dict[str, float]
    measured_to_ms: int | None
    more: bool


class MotionMoment(BaseModel):
    from_ms: int
    to_ms: int


class MotionMoments(BaseModel):
    """Spans with motion, newest first."""

    items: list[MotionMoment]


class MotionHeatmap(BaseModel):
    """Seconds with motion in each of 32 x 18 cells, row by row from the upper left."""

    counts: list[int]


class FindQuery(BaseModel):
    """q: words. like: ID of an event that the results shall resemble; `anything` as words then sets no other condition.
    from_ms, to_ms: replace the time in the words.
    """

    q: Annotated[str, Field(min_length=1, max_length=200)]
    like: Annotated[str, Field(max_length=64)] = ""
    from_ms: At | None = None
    to_ms: At | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 60


@router.get("/find", dependencies=_search_view)
def find(query: Annotated[FindQuery, Query()], context: Context) -> SearchResponse:
    """Search events, for example `person gate last night` or `red car`, or those that look like another one."""
    recorder, seen = context.recorder, context.appearance
    like = find_event(EventId(query.like), context) if query.like else None
    names = SearchableNames(recorder.camera_names(), _zones(context), _recognised(context), recorder.removed_cameras())
    by = seen.search(like, query.from_ms, query.to_ms)
    question, found = search_hits(
        recorder.index, query.q, names, context.zone, recorder.clock.now_ms(), query.limit + 1, by
    )  # fmt: skip
    hits = found[: query.limit]
    is_by_look = like is not None or question.is_of_look
    reached_ms = seen.reached_ms if is_by_look else None
    return SearchResponse(
        items=[serializers.event(hit.event, recorder) for hit in hits],
        time=question.time_words,
        unknown=list(question.unknown),
        why={hit.event.id: hit.why for hit in hits if hit.why},
        scores={hit.event.id: round(hit.score, 2) for hit in hits if hit.why},
        measured_to_ms=reached_ms,
        more=len(found) > len(hits),
    )


@router.get("/cameras/{camera}/motion-search", dependencies=_search_view)
def moved(
    camera: OneCamera, context: Context, box: Annotated[str, Query(max_length=80)], from_ms: At, to_ms: At
) -> MotionMoments:
    """Return when there was motion in an area. box: x0,y0,x1,y1 as shares of the image."""
    spot, span = _box(box), parse_span(from_ms, to_ms, MOST_DAYS)
    found = motion_in_spot(context.recorder.grids(known_camera(camera, context), span), spot)
    return MotionMoments(items=[MotionMoment(from_ms=one.begin_ms, to_ms=one.end_ms) for one in found[:MOST_MOMENTS]])


@router.get("/cameras/{camera}/heat", dependencies=_search_view)
def heat_of(camera: OneCamera, context: Context, from_ms: At, to_ms: At) -> MotionHeatmap:
    """Return a heat map of motion."""
    span = parse_span(from_ms, to_ms, MOST_DAYS)
    counts = heat(context.recorder.grids(known_camera(camera, context), span))
    return MotionHeatmap(counts=counts)


@router.get("/events/{event}/loop", dependencies=view, response_class=Response, responses=JPEG)
def loop(event: OneEvent, context: Context) -> Response:
    """Return a preview: a few frames side by side in one JPEG, each at most 320 px wide."""
    found = find_event(event, context)
    jpeg = context.recorder.event_loop(found)
    if jpeg is None and context.recorder.sealed_picture(found, is_loop=True) is not None:
        raise sealed_error()
    if jpeg is None:
        raise not_found("This event has no preview.", "It may be too short or still in progress.")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/events/{event}/objects", dependencies=view)
def objects(event: OneEvent, context: Context) -> schemas.EventObjectsResponse:
    """Return the objects of an event with their boxes over time, as shares of the upright image.

    There are at most about five points a second, fewer where an object moves straight; between two, it moves evenly.
    Older events have none.
    """
    found = find_event(event, context)
    paths = context.recorder.event_objects(found)
    if not paths and context.recorder.sealed_objects(found) is not None and not context.is_unlocked:
        raise sealed_error()
    return schemas.EventObjectsResponse(items=[serializers.event_object(one) for one in paths])


def _recognised(context: AppContext) -> SearchableIdentity:
    return SearchableIdentity([one.name for one in context.known.all()], context.known.words)


def _zones(context: AppContext) -> set[str]:
    """Return the zones and lines in the settings of the cameras that the user may see."""
    watched = [context.recorder.tuning.watching(camera) for camera in context.recorder.camera_names()]
    return {name for one in watched if one is not None for name in (*one.watch.zones, *one.watch.lines)}


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise bad_input("Invalid area.", "Use x0,y0,x1,y1 from 0 to 1, for example 0.1,0.5,0.4,0.9.")
    return x0, y0, x1, y1

"""Routes for events: list, get, mark as kept or reviewed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.auth.accounts import Caller, LoginSession
from tawny.api.context import AppContext, Here
from tawny.api.errors import bad_input, not_found
from tawny.api.parameters import (
    After,
    At,
    Ids,
    Limit,
    OneCamera,
    OneEvent,
    Types,
    cameras_of,
    known_camera,
    parse_list,
    parse_span,
)
from tawny.api.workers import WorkerRoute
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import Box
from tawny.model.times import Span
from tawny.playback.search.event_search import heat, motion_in_spot, search_in_words
from tawny.playback.search.query_parser import NOBODY, SearchableIdentity
from tawny.storage.index.protocol import EventPage

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, direct = [rule(Access.VIEW)], [rule(Access.DIRECT)]
MOST_COUNTED = 1000
LISTED = 5
"""Maximum number of events named in one audit log entry."""


@router.get("/events", dependencies=view)
async def events(
    here: Here,
    cameras: Ids = "",
    types: Types = "",
    only: Literal["new", "kept", "all"] = "all",
    from_ms: Annotated[int, Query(ge=0, le=schemas.LATEST_MS)] = 0,
    to_ms: Annotated[int, Query(ge=0, le=schemas.LATEST_MS)] = schemas.LATEST_MS,
    after: After = None,
    limit: Limit = 60,
) -> schemas.EventList:
    """List events, newest first, in pages."""
    if to_ms <= from_ms:
        raise bad_input("The end must be after the start.", "Choose another time.")
    span, named, wanted = (
        Span(from_ms, to_ms),
        cameras_of(cameras, here) if cameras else None,
        parse_list(types) or None,
    )

    def look() -> tuple[EventPage, int]:
        index = here.recorder.index
        page = index.events(span, cameras=named, kinds=wanted, only=only, after=after, limit=limit)
        new = index.events(span, cameras=named, kinds=wanted, only="new", limit=MOST_COUNTED).events
        return page, len(new)

    page, new = await asyncio.to_thread(look)
    return schemas.EventList(
        items=[serializers.event(one, here.recorder) for one in page.events], next=page.next, new=new
    )


@router.get("/events/{event}", dependencies=view)
async def one_event(event: OneEvent, here: Here) -> schemas.EventInfo:
    return serializers.event(await find_event(event, here), here.recorder)


@router.patch("/events/{event}", dependencies=direct)
async def mark(
    event: OneEvent, marks: schemas.EventMarksRequest, request: Request, signed: Signed, here: Here
) -> schemas.EventInfo:
    """Keep an event, or mark it as reviewed. Members and owners; in the audit log."""
    marked = await asyncio.to_thread(_mark, here, [event], marks, EventMarker.of(request, signed))
    if not marked:
        raise no_event()
    return serializers.event(marked[0], here.recorder)


@router.post("/events/bulk", dependencies=direct)
async def mark_many(
    asked: schemas.BulkEventMarksRequest, request: Request, signed: Signed, here: Here
) -> schemas.Marked:
    """Mark several events. Unknown IDs are ignored."""
    ids = [EventId(one) for one in dict.fromkeys(asked.ids)]
    marked = await asyncio.to_thread(_mark, here, ids, asked, EventMarker.of(request, signed))
    return schemas.Marked(items=[serializers.event(one, here.recorder) for one in marked])


@dataclass(frozen=True, slots=True)
class EventMarker:
    """Who marks events, for the audit log."""

    name: str
    caller: Caller

    @classmethod
    def of(cls, request: Request, signed: LoginSession) -> "EventMarker":
        return cls(signed.person.name, caller_of(request))

    def note(self, here: AppContext, action: str, events: Sequence[Event]) -> None:
        """Write one entry for all events; nothing for none."""
        if events:
            more = f" and {len(events) - LISTED} more" if len(events) > LISTED else ""
            named = ", ".join(f"{one.camera} {one.id}" for one in events[:LISTED])
            here.accounts.note(action, self.name, self.caller, named + more)


def _mark(here: AppContext, ids: Sequence[EventId], marks: schemas.EventMarksRequest, who: EventMarker) -> list[Event]:
    if marks.kept is None and marks.reviewed is None:
        return [event for one in ids if (event := here.recorder.index.event(one)) is not None]
    changed = (here.recorder.mark_event(one, kept=marks.kept, reviewed=marks.reviewed) for one in ids)
    marked = [event for event in changed if event is not None]
    if marks.kept is not None:
        who.note(here, "event kept" if marks.kept else "event no longer kept", marked)
    if marks.reviewed is not None:
        who.note(here, "event reviewed" if marks.reviewed else "event marked as new", marked)
    return marked


async def find_event(event: EventId, here: AppContext) -> Event:
    found = await asyncio.to_thread(here.recorder.index.event, event)
    if found is None:
        raise no_event()
    return found


def no_event() -> Exception:
    return not_found("Event not found.", "It may have been deleted together with its recording.")


# Routes for search in words, motion in an area, and motion heat maps.

_search_view = [rule(Access.VIEW)]
MOST_DAYS = 31
MOST_MOMENTS = 500


class SearchResponse(BaseModel):
    """Search result. time: the recognized time range. unknown: words that were ignored."""

    items: list[schemas.EventInfo]
    time: str
    unknown: list[str]


class MotionMoment(BaseModel):
    from_ms: int
    to_ms: int


class MotionMoments(BaseModel):
    """Spans with motion, newest first."""

    items: list[MotionMoment]


class MotionHeatmap(BaseModel):
    """Seconds with motion in each of 32 x 18 cells, row by row from the upper left."""

    counts: list[int]


@router.get("/find", dependencies=_search_view)
async def find(q: Annotated[str, Query(min_length=1, max_length=200)], here: Here, limit: Limit = 60) -> SearchResponse:
    """Search events, for example `person gate last night`."""
    recorder = here.recorder
    names = recorder.camera_names()
    question, events = await asyncio.to_thread(
        search_in_words,
        recorder.index,
        q,
        names,
        (),
        ZoneInfo(recorder.zone),
        recorder.clock.now_ms(),
        limit,
        _recognised(here),
    )
    items = [serializers.event(one, recorder) for one in events]
    return SearchResponse(items=items, time=question.time_words, unknown=list(question.unknown))


@router.get("/cameras/{camera}/motion-search", dependencies=_search_view)
async def moved(
    camera: OneCamera, here: Here, box: Annotated[str, Query(max_length=80)], from_ms: At, to_ms: At
) -> MotionMoments:
    """Return when there was motion in an area. box: x0,y0,x1,y1 as shares of the image."""
    spot, span = _box(box), parse_span(from_ms, to_ms, MOST_DAYS)
    found = await asyncio.to_thread(lambda: motion_in_spot(here.recorder.grids(known_camera(camera, here), span), spot))
    return MotionMoments(items=[MotionMoment(from_ms=one.begin_ms, to_ms=one.end_ms) for one in found[:MOST_MOMENTS]])


@router.get("/cameras/{camera}/heat", dependencies=_search_view)
async def heat_of(camera: OneCamera, here: Here, from_ms: At, to_ms: At) -> MotionHeatmap:
    """Return a heat map of motion."""
    span = parse_span(from_ms, to_ms, MOST_DAYS)
    counts = await asyncio.to_thread(lambda: heat(here.recorder.grids(known_camera(camera, here), span)))
    return MotionHeatmap(counts=counts)


def _recognised(here: AppContext) -> SearchableIdentity:
    return (
        NOBODY if here.known is None else SearchableIdentity([one.name for one in here.known.all()], here.known.words)
    )


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise bad_input("Invalid area.", "Use x0,y0,x1,y1 from 0 to 1, for example 0.1,0.5,0.4,0.9.")
    return x0, y0, x1, y1

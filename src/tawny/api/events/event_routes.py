"""Routes for events: list, get, mark as kept or reviewed."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import bad_input, not_found
from tawny.api.parameters import After, Ids, Limit, OneEvent, Types, cameras_of, parse_list
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.times import Span
from tawny.storage.index.protocol import EventPage

router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
MOST_COUNTED = 1000


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


@router.patch("/events/{event}", dependencies=view)
async def mark(event: OneEvent, marks: schemas.EventMarksRequest, here: Here) -> schemas.EventInfo:
    marked = await asyncio.to_thread(_mark, here, event, marks)
    if marked is None:
        raise no_event()
    return serializers.event(marked, here.recorder)


@router.post("/events/bulk", dependencies=view)
async def mark_many(asked: schemas.BulkEventMarksRequest, here: Here) -> schemas.Marked:
    """Mark several events. Unknown IDs are ignored."""

    def mark_all() -> list[Event]:
        found = [_mark(here, EventId(one), asked) for one in dict.fromkeys(asked.ids)]
        return [event for event in found if event is not None]

    return schemas.Marked(items=[serializers.event(one, here.recorder) for one in await asyncio.to_thread(mark_all)])


def _mark(here: AppContext, event: EventId, marks: schemas.EventMarksRequest) -> Event | None:
    if marks.kept is None and marks.reviewed is None:
        return here.recorder.index.event(event)
    return here.recorder.mark_event(event, kept=marks.kept, reviewed=marks.reviewed)


async def find_event(event: EventId, here: AppContext) -> Event:
    found = await asyncio.to_thread(here.recorder.index.event, event)
    if found is None:
        raise no_event()
    return found


def no_event() -> Exception:
    return not_found("Event not found.", "It may have been deleted together with its recording.")

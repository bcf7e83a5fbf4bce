"""Routes for events: list, get, mark as kept or reviewed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.auth.accounts import Caller, LoginSession
from tawny.api.context import AppContext, Here
from tawny.api.errors import bad_input, not_found
from tawny.api.parameters import After, Ids, Limit, OneEvent, Types, cameras_of, parse_list
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.times import Span
from tawny.storage.index.protocol import EventPage

router = APIRouter(prefix="/api/v1")
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

"""What happened, asked in words; when something moved in a spot of a picture; and how much moved where over a day."""

import asyncio
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tawny.model.observations import Box
from tawny.playback.finding.ask import ask
from tawny.playback.finding.question import NOBODY, Recognised
from tawny.playback.finding.spots import heat, moved_in
from tawny.web import shapes, told
from tawny.web.access import Access, rule
from tawny.web.limits import At, Limit, OneCamera, known_camera, within
from tawny.web.problems import bad_input
from tawny.web.site import Here, Site

router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
MOST_DAYS = 31
MOST_MOMENTS = 500


class Found(BaseModel):
    """time: as it was understood. unknown: words that mean nothing here, and were left out."""

    items: list[shapes.EventInfo]
    time: str
    unknown: list[str]


class Moment(BaseModel):
    from_ms: int
    to_ms: int


class Moments(BaseModel):
    """Newest first."""

    items: list[Moment]


class Heat(BaseModel):
    """In how many seconds each of 32 x 18 places moved, row by row from the upper left."""

    counts: list[int]


@router.get("/find", dependencies=view)
async def find(q: Annotated[str, Query(min_length=1, max_length=200)], here: Here, limit: Limit = 60) -> Found:
    """Such as `person gate last night`."""
    recorder = here.recorder
    names = {one.status.id: one.status.name for one in recorder.cameras()}
    question, events = await asyncio.to_thread(
        ask, recorder.index, q, names, (), ZoneInfo(recorder.zone), recorder.clock.now_ms(), limit, _recognised(here)
    )
    items = [told.event(one, recorder) for one in events]
    return Found(items=items, time=question.time_words, unknown=list(question.unknown))


@router.get("/cameras/{camera}/moved", dependencies=view)
async def moved(
    camera: OneCamera, here: Here, box: Annotated[str, Query(max_length=80)], from_ms: At, to_ms: At
) -> Moments:
    """When something moved in a part of the picture. box: x0,y0,x1,y1 as shares of it."""
    spot, span = _box(box), within(from_ms, to_ms, MOST_DAYS)
    found = await asyncio.to_thread(lambda: moved_in(here.recorder.grids(known_camera(camera, here), span), spot))
    return Moments(items=[Moment(from_ms=one.begin_ms, to_ms=one.end_ms) for one in found[:MOST_MOMENTS]])


@router.get("/cameras/{camera}/heat", dependencies=view)
async def heat_of(camera: OneCamera, here: Here, from_ms: At, to_ms: At) -> Heat:
    """How much moved where."""
    span = within(from_ms, to_ms, MOST_DAYS)
    counts = await asyncio.to_thread(lambda: heat(here.recorder.grids(known_camera(camera, here), span)))
    return Heat(counts=counts)


def _recognised(here: Site) -> Recognised:
    return NOBODY if here.known is None else Recognised([one.name for one in here.known.all()], here.known.words)


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise bad_input("Invalid area.", "Use x0,y0,x1,y1 from 0 to 1, for example 0.1,0.5,0.4,0.9.")
    return x0, y0, x1, y1

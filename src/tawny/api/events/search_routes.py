"""Routes for search in words, motion in an area, and motion heat maps."""

import asyncio
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel

from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import bad_input
from tawny.api.parameters import At, Limit, OneCamera, known_camera, parse_span
from tawny.model.observations import Box
from tawny.playback.search.ask import search_in_words
from tawny.playback.search.motion_search import heat, motion_in_spot
from tawny.playback.search.query import NOBODY, SearchableIdentity

router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
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


@router.get("/find", dependencies=view)
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


@router.get("/cameras/{camera}/motion-search", dependencies=view)
async def moved(
    camera: OneCamera, here: Here, box: Annotated[str, Query(max_length=80)], from_ms: At, to_ms: At
) -> MotionMoments:
    """Return when there was motion in an area. box: x0,y0,x1,y1 as shares of the image."""
    spot, span = _box(box), parse_span(from_ms, to_ms, MOST_DAYS)
    found = await asyncio.to_thread(lambda: motion_in_spot(here.recorder.grids(known_camera(camera, here), span), spot))
    return MotionMoments(items=[MotionMoment(from_ms=one.begin_ms, to_ms=one.end_ms) for one in found[:MOST_MOMENTS]])


@router.get("/cameras/{camera}/heat", dependencies=view)
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

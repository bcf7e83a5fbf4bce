"""Routes of the page “Recorders”: the boxes of this hub, links to join it, and events of all boxes.

And the other way round: which hub this recorder has joined.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from tawny.api import schemas, serializers
from tawny.api.auth.access import (
    MOST_CAMERAS,
    Access,
    At,
    Limit,
    Note,
    OneCamera,
    Signed,
    Types,
    parse_list,
    parse_span,
    rule,
)
from tawny.api.auth.accounts import Role
from tawny.api.context import AppContext, Context
from tawny.api.errors import not_found
from tawny.api.fleet.box_search import Reason
from tawny.api.fleet.fleet_search import FleetScope, FleetWords, FoundEvent, search_with_boxes, seen_end_ms
from tawny.api.fleet.membership_routes import Invitation
from tawny.api.fleet.relay_routes import OneBox, the_hub
from tawny.api.fleet.standby_routes import StandbyPartner, partners_in
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.fleet.box import NAMED_FIELD
from tawny.fleet.fleet_index import EVER, EventQuestion, FleetLane, PlacedCamera
from tawny.fleet.fleet_index import MOST_CAMERAS as MOST_OF_BOX
from tawny.fleet.hub import BoxState, FleetHub
from tawny.fleet.identity import JoinLink, fingerprint
from tawny.model.ids import CameraId
from tawny.model.times import LATEST_MS, Span, missing_spans

router = APIRouter(prefix="/api/v1/fleet", route_class=WorkerRoute)
_PLACES = r"^[a-z0-9~,-]*$"
_HIDDEN_IMAGE = {"effect": "hidden", "burned_in": False, "parts": [[(0, 0), (1, 0), (1, 1), (0, 1)]]}
_UNSAID: Final[Mapping[str, Any]] = {
    "state": "unknown", "since_ms": 0, "detail": "", "last_packet_ms": None, "fps": None, "bit_rate": None,
    "clock_offset_s": None, "latency_s": None, "recorded_today": None, "gaps_today": 0,
    "damage_today": {"spans": 0, "seconds": 0, "pictures": 0, "packets_missing": 0},
    "streams": {"main": None, "sub": None}, "audio": False, "mask": _HIDDEN_IMAGE, "where": "", "rotate": 0,
    "mirror": False, "lens": {},
}  # fmt: skip
"""What stands for fields of a camera that a box has not sent, or that are of another version."""
view, own = [rule(Access.VIEW)], [rule(Access.OWN)]


class BoxCamera(schemas.ApiResponse):
    info: schemas.CameraInfo
    """As the recorder's own `/api/v1/health` has it."""
    picture_ms: int | None
    """Time of the last picture that was seen here; for when the recorder is offline."""


class BoxInfo(schemas.ApiResponse):
    id: str
    name: str
    online: bool
    seen_ms: int
    """When it was connected last."""
    joined_ms: int
    words: str
    """Four words, the same as the recorder shows."""
    version: str
    allow: list[str]
    working: int
    expected: int
    summary: str
    standbys: list[StandbyPartner]
    """Its standby, and the recorders that it protects."""
    cameras: list[BoxCamera]


class FleetInfo(schemas.ApiResponse):
    now_ms: int
    boxes: list[BoxInfo]


class FleetEvent(schemas.ApiResponse):
    box: str
    id: str
    camera: str
    camera_name: str
    title: str
    type: str
    level: str
    start_ms: int
    end_ms: int | None
    snapshot: str | None
    """Address of the picture; None: there is none."""
    clip: str
    why: str = ""
    """Why it was found by its look, in words."""
    match: float | None = None
    """How well its look matches, 0 to 1; None: it was not found by that."""


class FleetEvents(schemas.ApiResponse):
    events: list[FleetEvent]
    before_ms: int | None
    """Start of the last event; None: there are no more."""
    next: str | None
    """`after` for the next page; None: there are no more. `before_ms` leaves out events of the same millisecond."""


class FleetMissing(schemas.ApiResponse):
    box: str
    reason: Reason


class FleetFound(schemas.ApiResponse):
    """time: as understood. unknown: words without a meaning here. by_look: recorders were asked for it.

    more: there are more events, or may be: a recorder has found more than it can answer at once.
    """

    events: list[FleetEvent]
    time: str
    unknown: list[str]
    by_look: bool
    missing: list[FleetMissing]
    """Recorders that did not search by look."""
    more: bool = False


class FleetLaneEvent(schemas.ApiResponse):
    id: str
    type: str
    title: str
    start_ms: int
    end_ms: int | None
    snapshot: str | None
    kept: bool


class FleetLaneInfo(schemas.ApiResponse):
    """unknown: time of which this hub does not know whether it was recorded."""

    box: str
    camera: str
    name: str
    spans: list[schemas.SpanMs]
    unknown: list[schemas.SpanMs]
    gaps: list[schemas.GapInfo]
    damage: list[schemas.DamageInfo]
    events: list[FleetLaneEvent]


class FleetTimeline(schemas.ApiResponse):
    now_ms: int
    cameras: list[FleetLaneInfo]


@router.get("", dependencies=view)
def fleet(context: Context) -> FleetInfo:
    """Return all recorders of this hub with their newest health."""
    hub = the_hub(context)
    pictures = hub.index.picture_times()
    return FleetInfo(now_ms=context.recorder.clock.now_ms(), boxes=[_info(one, pictures) for one in hub.states()])


@router.post("/invitations", dependencies=own)
def invite_recorder(context: Context, note: Note) -> Invitation:
    """Create a link by which one recorder can join, once and for ten minutes."""
    hub = the_hub(context)
    code, ends_ms = hub.index.invite()
    note("hub link created", "")
    nats = context.changeable.now().hub.nats.link_address
    urls = dict.fromkeys(url.rstrip("/") for url in (nats, context.address, *context.own_addresses()) if url)
    key = fingerprint(hub.public_key)
    return Invitation(links=[str(JoinLink(url, code, key)) for url in urls], ends_ms=ends_ms)


@router.delete("/boxes/{box}", dependencies=own, status_code=204)
async def revoke_recorder(box: OneBox, context: Context, note: Note) -> None:
    """Remove a recorder from this hub, with all that is known of it. Its line ends within a second."""
    if not await the_hub(context).revoke(box):
        raise not_found("This hub has no such recorder.")
    await in_worker(note, "recorder removed from hub", box)


class FleetFilter(BaseModel):
    """Of which events. box: empty: of all recorders. cameras: `BOX~CAMERA`, by commas. kinds: types, by commas."""

    box: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9-]*$")] = ""
    cameras: Annotated[str, Field(max_length=8000, pattern=_PLACES)] = ""
    kinds: Types = ""
    from_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] = 0
    to_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] = LATEST_MS
    limit: Limit = 50


class FleetEventsQuery(FleetFilter):
    before_ms: Annotated[int | None, Field(ge=0, le=LATEST_MS)] = None
    after: Annotated[str, Field(max_length=145, pattern=r"^([0-9]{1,15}~[a-z0-9-]+~[A-Za-z0-9-]+)?$")] = ""


class FleetSearch(FleetFilter):
    q: Annotated[str, Field(min_length=1, max_length=200)]


@router.get("/events", dependencies=view)
def fleet_events(context: Context, asked: Annotated[FleetEventsQuery, Query()]) -> FleetEvents:
    """Return events of all recorders, or of one, newest first; also while they are offline."""
    hub = the_hub(context)
    scope, chosen = _scope(hub, asked)
    most_ms = asked.to_ms if asked.before_ms is None else min(asked.before_ms, asked.to_ms)
    within = Span(asked.from_ms, max(asked.from_ms, most_ms))
    start, _, place = asked.after.partition("~")
    box, _, event = place.partition("~")
    after = (int(start), box, event) if asked.after else None
    question = EventQuestion(scope.open, chosen, scope.kinds, within, after=after, limit=asked.limit)
    found = [] if asked.cameras and not chosen else hub.index.find(question)
    rows = [_found_event(FoundEvent.known(one), scope) for one in found]
    last = rows[-1] if len(rows) == asked.limit else None
    return FleetEvents(
        events=rows,
        before_ms=last.start_ms if last else None,
        next=f"{last.start_ms}~{last.box}~{last.id}" if last else None,
    )


@router.get("/find", dependencies=view)
async def find_fleet_events(context: Context, asked: Annotated[FleetSearch, Query()], signed: Signed) -> FleetFound:
    """Search the events of all recorders by words, for example `person gate last night`; also while they are offline.

    What objects looked like (`red car`) is asked of the recorders that are connected; `missing` lists the others.
    """
    return await found_in_fleet(context, asked, signed.person.name, signed.person.role)


async def found_in_fleet(context: AppContext, asked: FleetSearch, person: str, role: Role) -> FleetFound:
    """Answer a search. Raises RequestRefused: this recorder is no hub."""
    hub = the_hub(context)
    words = await in_worker(_words, context, asked, person, role)
    if asked.cameras and not words.chosen:
        return FleetFound(events=[], time="", unknown=[], by_look=False, missing=[])
    found = await search_with_boxes(hub, words)
    return FleetFound(
        events=[_found_event(one, words.scope) for one in found.events],
        time=found.query.time_words,
        unknown=list(found.unknown),
        by_look=found.is_by_look,
        missing=[FleetMissing(box=box, reason=reason) for box, reason in found.missing],
        more=found.has_more,
    )


def _words(context: AppContext, asked: FleetSearch, person: str, role: Role) -> FleetWords:
    """Return a search as it was asked for. Reads the disk."""
    scope, chosen = _scope(the_hub(context), asked)
    now_ms = context.recorder.clock.now_ms()
    return FleetWords(asked.q, scope, chosen, context.zone, now_ms, asked.limit, person, role.value)


@router.get("/timeline", dependencies=view)
def fleet_timeline(
    context: Context, from_ms: At, to_ms: At, cameras: Annotated[str, Query(max_length=8000, pattern=_PLACES)] = ""
) -> FleetTimeline:
    """Return what this hub knows of the past of cameras of several recorders, at most two days. cameras: `BOX~CAMERA`.

    Without names, of all cameras, at most 64.
    """
    hub, span, now_ms = the_hub(context), parse_span(from_ms, to_ms, 2), context.recorder.clock.now_ms()
    states = {one.box.id: one for one in hub.states()}
    scope, chosen = _scope(hub, FleetFilter(cameras=cameras))
    wanted = list(chosen if cameras else scope.cameras)[:MOST_CAMERAS]
    lanes = []
    for lane in hub.index.lanes(wanted, span):
        state = states[lane.of.box]
        lanes.append(_lane(lane, scope.cameras[lane.of], span, now_ms, None if state.is_online else state.box.seen_ms))
    return FleetTimeline(now_ms=now_ms, cameras=lanes)


@router.get(
    "/boxes/{box}/cameras/{camera}/picture",
    dependencies=view,
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def last_recorder_picture(box: OneBox, camera: OneCamera, context: Context) -> Response:
    """Return the last picture that was seen here of a recorder's camera."""
    hub = the_hub(context)
    is_allowed = any(one.box.id == box and "live" in one.allow for one in hub.states())
    found = hub.index.picture(box, camera) if is_allowed else None
    if found is None:
        raise not_found("There is no picture of this camera here.")
    return Response(found[1], headers={"Last-Modified-Ms": str(found[0])}, media_type="image/jpeg")


def _info(state: BoxState, pictures: dict[tuple[str, str], int]) -> BoxInfo:
    box, status = state.box, state.status
    pictures = pictures if "live" in state.allow else {}
    return BoxInfo(
        id=box.id, name=box.name, online=state.is_online, seen_ms=box.seen_ms, joined_ms=box.joined_ms,
        words=box.words, version=state.version, allow=list(state.allow),
        working=_number(status.get("working")), expected=_number(status.get("expected")),
        summary=str(status.get("summary", ""))[:500], standbys=list(partners_in(status)),
        cameras=[BoxCamera(info=one, picture_ms=pictures.get((box.id, one.id))) for one in _cameras(status)],
    )  # fmt: skip


def _cameras(status: Mapping[str, Any]) -> list[schemas.CameraInfo]:
    """Return the cameras in a box's status. Those without a valid ID are left out."""
    listed = status.get("cameras", status.get(NAMED_FIELD))
    found = [_camera(one) for one in listed[:MOST_OF_BOX] if isinstance(one, dict)] if isinstance(listed, list) else []
    return [one for one in found if one is not None]


def _camera(fields: Mapping[str, Any]) -> schemas.CameraInfo | None:
    unsaid, fields = {**_UNSAID, "name": str(fields.get("id"))}, dict(fields)
    if isinstance(fields.get("mask"), dict):
        fields["mask"] = {**fields["mask"], "effect": "hidden"}  # another effect must not show what it covers
    try:
        return schemas.CameraInfo.model_validate(unsaid | fields)
    except ValidationError as error:
        wrong = {one["loc"][0] for one in error.errors()}
    with suppress(ValidationError):
        known = {name: value for name, value in fields.items() if name not in wrong}
        return schemas.CameraInfo.model_validate(unsaid | known)
    return None


def _scope(hub: FleetHub, asked: FleetFilter) -> tuple[FleetScope, tuple[PlacedCamera, ...]]:
    """Return where is searched, and the cameras that were named, of those that exist."""
    states = [one for one in hub.states() if not asked.box or one.box.id == asked.box]
    closed = frozenset(one.box.id for one in states if "events" not in one.allow)
    cameras = {
        PlacedCamera(state.box.id, CameraId(camera.id)): camera.name
        for state in states
        if state.box.id not in closed
        for camera in _cameras(state.status)
    }
    named = {
        PlacedCamera(box, CameraId(camera))
        for box, _, camera in (one.partition("~") for one in parse_list(asked.cameras))
    }
    is_bounded = asked.from_ms > 0 or asked.to_ms < LATEST_MS
    within = Span(asked.from_ms, max(asked.from_ms, asked.to_ms)) if is_bounded else EVER
    names = {one.box.id: one.box.name for one in states}
    away = {one.box.id: one.box.seen_ms for one in states if not one.is_online}
    scope = FleetScope(names, cameras, tuple(parse_list(asked.kinds)), within, closed, away)
    return scope, tuple(one for one in cameras if one in named)


def _found_event(found: FoundEvent, scope: FleetScope) -> FleetEvent:
    return FleetEvent(
        box=found.box, id=found.id, camera=found.camera,
        camera_name=scope.cameras.get(PlacedCamera(found.box, found.camera), found.camera),
        title=found.title, type=found.kind, level=found.level, start_ms=found.start_ms, end_ms=found.end_ms,
        snapshot=_media(found.box, found.id, "jpg") if found.has_picture else None,
        clip=_media(found.box, found.id, "mp4"), why=found.why, match=found.match,
    )  # fmt: skip


def _lane(lane: FleetLane, name: str, within: Span, now_ms: int, away_ms: int | None) -> FleetLaneInfo:
    """away_ms: since when the box is offline; what lasted then may be over."""
    events = [replace(one, end_ms=seen_end_ms(one.start_ms, one.end_ms, away_ms)) for one in lane.events]
    gaps = [replace(one, end_ms=seen_end_ms(one.begin_ms, one.end_ms, away_ms)) for one in lane.gaps]
    past = within.cut_to(Span(0, max(now_ms, 1)))
    explained = [*lane.known, *(gap.span(now_ms) for gap in gaps)]
    unknown = missing_spans(explained, past) if past is not None else []
    return FleetLaneInfo(
        box=lane.of.box,
        camera=lane.of.camera,
        name=name,
        spans=[(one.begin_ms, one.end_ms) for one in lane.recorded],
        unknown=[(one.begin_ms, one.end_ms) for one in unknown],
        gaps=[serializers.gap(one) for one in gaps],
        damage=[serializers.damage(one) for one in lane.damage],
        events=[
            FleetLaneEvent(
                id=one.id, type=one.kind, title=one.title, start_ms=one.start_ms, end_ms=one.end_ms, kept=one.kept,
                snapshot=_media(lane.of.box, one.id, "jpg") if one.has_picture else None,
            )
            for one in events
            if one.end_ms is None or one.end_ms >= within.begin_ms
        ],
    )  # fmt: skip


def _media(box: str, event: str, end: str) -> str:
    return f"/boxes/{box}/media/{event}.{end}"


def _number(data: object) -> int:
    return data if type(data) is int else 0

"""Routes of the page “Recorders”: the boxes of this hub, links to join it, and events of all boxes.

And the other way round: which hub this recorder has joined.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.responses import Response

from tawny.api import schemas
from tawny.api.auth.access import MOST_CAMERAS, Access, Limit, Note, OneCamera, rule
from tawny.api.context import Here
from tawny.api.errors import not_found
from tawny.api.fleet.relay_routes import OneBox, the_hub
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.fleet.fleet_index import BoxEvent
from tawny.fleet.hub import BoxState
from tawny.fleet.identity import JoinLink, fingerprint
from tawny.model.events import event_title, shown_level

router = APIRouter(prefix="/api/v1/fleet", route_class=WorkerRoute)
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
    cameras: list[BoxCamera]


class FleetInfo(schemas.ApiResponse):
    now_ms: int
    boxes: list[BoxInfo]


class Invitation(schemas.ApiResponse):
    """links: the same link by each of the hub's addresses, best first."""

    links: list[str]
    ends_ms: int


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


class FleetEvents(schemas.ApiResponse):
    events: list[FleetEvent]
    before_ms: int | None
    """For the next page; None: there are no more."""


@router.get("", dependencies=view)
def fleet(here: Here) -> FleetInfo:
    """Return all recorders of this hub with their newest health."""
    hub = the_hub(here)
    pictures = hub.index.picture_times()
    return FleetInfo(now_ms=here.recorder.clock.now_ms(), boxes=[_info(one, pictures) for one in hub.states()])


@router.post("/invitations", dependencies=own)
def invite_recorder(here: Here, note: Note) -> Invitation:
    """Create a link by which one recorder can join, once and for ten minutes."""
    hub = the_hub(here)
    code, ends_ms = hub.index.invite()
    note("hub link created", "")
    urls = dict.fromkeys(url.rstrip("/") for url in (here.address, *here.own_addresses()) if url)
    key = fingerprint(hub.public_key)
    return Invitation(links=[str(JoinLink(url, code, key)) for url in urls], ends_ms=ends_ms)


@router.delete("/boxes/{box}", dependencies=own, status_code=204)
async def revoke_recorder(box: OneBox, here: Here, note: Note) -> None:
    """Remove a recorder from this hub, with all that is known of it. Its line ends within a second."""
    if not await the_hub(here).revoke(box):
        raise not_found("This hub has no such recorder.")
    await in_worker(note, "recorder removed from hub", box)


@router.get("/events", dependencies=view)
def fleet_events(
    here: Here,
    box: Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9-]*$")] = "",
    before_ms: Annotated[int | None, Query(ge=0, le=schemas.LATEST_MS)] = None,
    limit: Limit = 50,
) -> FleetEvents:
    """Return events of all recorders, or of one, newest first; also while they are offline."""
    hub = the_hub(here)
    names = {
        one.box.id: {camera.id: camera.name for camera in _cameras(one.status)}
        for one in hub.states()
        if not box or one.box.id == box
    }
    found = hub.index.events(list(names), before_ms, limit)
    rows = [_event(one, names[one.box]) for one in found]
    return FleetEvents(events=rows, before_ms=rows[-1].start_ms if len(rows) == limit else None)


@router.get(
    "/boxes/{box}/cameras/{camera}/picture",
    dependencies=view,
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def last_recorder_picture(box: OneBox, camera: OneCamera, here: Here) -> Response:
    """Return the last picture that was seen here of a recorder's camera."""
    found = the_hub(here).index.picture(box, camera)
    if found is None:
        raise not_found("There is no picture of this camera here.")
    return Response(found[1], headers={"Last-Modified-Ms": str(found[0])}, media_type="image/jpeg")


def _info(state: BoxState, pictures: dict[tuple[str, str], int]) -> BoxInfo:
    box, status = state.box, state.status
    return BoxInfo(
        id=box.id, name=box.name, online=state.is_online, seen_ms=box.seen_ms, joined_ms=box.joined_ms,
        words=box.words, version=state.version, allow=list(state.allow),
        working=_number(status.get("working")), expected=_number(status.get("expected")),
        summary=str(status.get("summary", ""))[:500],
        cameras=[BoxCamera(info=one, picture_ms=pictures.get((box.id, one.id))) for one in _cameras(status)],
    )  # fmt: skip


def _cameras(status: Mapping[str, Any]) -> list[schemas.CameraInfo]:
    """Return the cameras in what a box said. Invalid ones, or of another version, are left out."""
    found, said = [], status.get("cameras")
    for one in said[:MOST_CAMERAS] if isinstance(said, list) else ():
        with suppress(ValidationError):
            found.append(schemas.CameraInfo.model_validate(one))
    return found


def _event(found: BoxEvent, names: dict[str, str]) -> FleetEvent:
    event = found.event
    return FleetEvent(
        box=found.box, id=event.id, camera=event.camera, camera_name=names.get(event.camera, event.camera),
        title=event_title(event), type=event.shown_kind, level=shown_level(event).value,
        start_ms=event.start_ms, end_ms=event.end_ms,
        snapshot=None if event.picture_ms is None else f"/boxes/{found.box}/media/{event.id}.jpg",
        clip=f"/boxes/{found.box}/media/{event.id}.mp4",
    )  # fmt: skip


def _number(said: object) -> int:
    return said if type(said) is int else 0

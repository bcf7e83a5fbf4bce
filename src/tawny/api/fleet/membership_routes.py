"""Routes of the page “Hub” in the settings: which hub this recorder has joined, and what people there may do."""

import asyncio
from typing import Annotated, Literal, get_args

from fastapi import APIRouter
from pydantic import Field

from tawny.api import schemas
from tawny.api.auth.access import Access, Note, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.config.fleet import Share
from tawny.fleet.hub_pass import LONGEST_PASS_S, PASS_SHARES
from tawny.fleet.identity import JoinLink
from tawny.model.errors import UsageError
from tawny.model.ids import CameraId
from tawny.service.hub_membership import HubMembershipService, HubPreview, Membership, link_before_camera

router = APIRouter(prefix="/api/v1/fleet/membership", route_class=WorkerRoute)
own = [rule(Access.OWN)]
PassShare = Literal["events", "live", "clips"]
LinkText = Annotated[str, Field(max_length=2048)]


class MembershipInfo(schemas.ApiResponse):
    hub: str
    """Its address; empty: this recorder has joined no hub."""
    name: str
    """Of the hub; empty until it was reached."""
    fingerprint: str
    words: str
    """Four words, the same as the hub shows; empty until it was reached."""
    allow: list[Share]
    state: str
    """`none`, `online`, `offline` or `refused`, since `since_ms`; detail: why."""
    since_ms: int
    detail: str
    can_join: bool
    pass_until_ms: int | None
    """Until when installers at the hub may see pictures; null: there is no pass."""
    pass_shares: list[PassShare]


class LinkRequest(schemas.ApiRequest):
    link: LinkText


class Invitation(schemas.ApiResponse):
    """links: the same link by each address of the hub or the standby, best first."""

    links: list[str]
    ends_ms: int


class JoinRequest(LinkRequest):
    allow: list[Share]


class AllowRequest(schemas.ApiRequest):
    allow: list[Share]


class PassRequest(schemas.ApiRequest):
    hours: Annotated[float, Field(gt=0, le=LONGEST_PASS_S / 3600)]
    shares: Annotated[list[PassShare], Field(min_length=1, max_length=len(PASS_SHARES))]


class CodeRequest(schemas.ApiRequest):
    camera: CameraId


class CodeInfo(schemas.ApiResponse):
    link: str | None
    """The join link that the camera sees; None: none."""


class LeftInfo(schemas.ApiResponse):
    problem: str
    """What is left to do at the hub, which wasn't reached; empty: nothing."""


@router.get("", dependencies=own)
def hub_membership(context: Context) -> MembershipInfo:
    """Return which hub this recorder has joined, and the state of the connection."""
    return _info(_service(context).now())


@router.post("/preview", dependencies=own)
async def preview_hub(asked: LinkRequest, context: Context) -> HubPreview:
    """Reach the hub of a link, and return what to compare. The link stays unused."""
    link, service = _link(asked.link), _service(context)
    return await service.preview(link)


@router.post("", dependencies=own)
async def join_fleet_hub(asked: JoinRequest, context: Context, note: Note) -> MembershipInfo:
    """Join a hub by a link. The connection is made at once."""
    link, service = _link(asked.link), _service(context)
    joined = await asyncio.shield(service.join(link, asked.allow))
    await in_worker(note, "hub joined", link.url)
    return _info(joined)


@router.put("/allow", dependencies=own)
def allow_hub(asked: AllowRequest, context: Context, note: Note) -> MembershipInfo:
    """Change what people at the hub may do. It applies at once."""
    changed = _service(context).set_allowed(asked.allow)
    note("hub rights changed", ", ".join(changed.allow))
    return _info(changed)


@router.put("/pass", dependencies=own)
def give_hub_pass(asked: PassRequest, context: Context, note: Note) -> MembershipInfo:
    """Give installers at the hub a pass for the pictures of this recorder, instead of a former one."""
    given = _service(context).give_pass(asked.hours * 3600, asked.shares)
    note("hub pass given", f"{asked.hours:g} h: {', '.join(given.given.shares) if given.given else ''}")
    return _info(given)


@router.delete("/pass", dependencies=own)
def end_hub_pass(context: Context, note: Note) -> MembershipInfo:
    """End the pass. What is shown by it ends within a second."""
    ended = _service(context).end_pass()
    note("hub pass ended", "")
    return _info(ended)


@router.delete("", dependencies=own)
async def leave_fleet_hub(context: Context, note: Note) -> LeftInfo:
    """Leave the hub, which deletes what it knows of this recorder. Recordings stay here."""
    problem = await asyncio.shield(_service(context).leave())
    await in_worker(note, "hub left", "")
    return LeftInfo(problem=problem)


@router.post("/code", dependencies=own)
def look_for_code(asked: CodeRequest, context: Context) -> CodeInfo:
    """Return the join link whose QR code is before a camera now. Pages ask again until they find one."""
    return CodeInfo(link=link_seen_by(context, asked.camera))


def link_seen_by(context: AppContext, camera: CameraId) -> str | None:
    """Return the join link that a camera sees now. Raises RequestRefused: there is no such camera, or no picture."""
    streams = list(context.hubs(camera).values())
    if not streams:
        raise not_found("Camera not found.")
    stream = next((one for one in streams if one.newest is not None), None)
    if stream is None:
        raise RequestRefused(404, "no_picture", "No image from this camera right now.", "Check the camera's status.")
    link = link_before_camera(stream)
    return str(link) if link else None


def _service(context: AppContext) -> HubMembershipService:
    if context.membership is None:
        raise not_found("This recorder can't join a hub.", "")
    return context.membership


def _link(text: str) -> JoinLink:
    try:
        return JoinLink.parse(text).needed("hub")
    except UsageError as error:
        raise bad_input(error.message, error.do) from None


def _info(now: Membership) -> MembershipInfo:
    return MembershipInfo(
        hub=now.hub, name=now.name, fingerprint=now.fingerprint, words=now.words,
        allow=list(now.allow),
        state=now.state.value, since_ms=now.since_ms, detail=now.detail, can_join=now.can_join,
        pass_until_ms=now.given.until_ms if now.given else None,
        pass_shares=[one for one in get_args(PassShare) if now.given and one in now.given.shares],
    )  # fmt: skip

"""Routes of the page “Standby” in the settings: this recorder's own standby, and the recorders that it protects."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from pydantic import ValidationError

from tawny.api import schemas
from tawny.api.auth.access import Access, Note, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import bad_input, not_found
from tawny.api.fleet.membership_routes import Invitation, LinkRequest
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.fleet.identity import JoinLink
from tawny.model.errors import UsageError
from tawny.service.standby_service import (
    OwnStandby,
    PartnerState,
    ProtectedRecorder,
    StandbyOverview,
    StandbyPreview,
    StandbyService,
)

router = APIRouter(prefix="/api/v1/standby", route_class=WorkerRoute)
own = [rule(Access.OWN)]
STANDBY_FIELD: Final = "standbys"
"""Where a box states its standby, and the recorders that it protects, in its status for a hub."""
MOST_PARTNERS: Final = 50
Recorder = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9-]+$")]


class StandbyInfo(schemas.ApiResponse):
    now_ms: int
    can_join: bool
    """Whether this recorder can have or be a standby at all."""
    is_standby: bool
    wrong: str
    """Why it can be no standby although it is set to be one, would record nothing now, or can't do all that it must."""
    own: OwnStandby | None
    """The standby of this recorder; None: it has none."""
    protected: list[ProtectedRecorder]


class StandbyPartner(schemas.ApiResponse):
    """The standby of a recorder (`own`), or a recorder that it protects."""

    side: Literal["own", "protected"]
    name: str
    state: PartnerState
    """`taken`: its cameras are recorded by this standby."""


class LeftStandby(schemas.ApiResponse):
    hint: str
    """What is left to do at the standby, which wasn't reached; empty: nothing."""


@router.get("", dependencies=own)
def standby_state(context: Context) -> StandbyInfo:
    """Return this recorder's standby, and the recorders that it protects itself."""
    return _info(context, _service(context).now())


@router.post("/preview", dependencies=own)
async def preview_standby(asked: LinkRequest, context: Context) -> StandbyPreview:
    """Reach the standby of a link, and return what to compare. The link stays unused."""
    link, service = _link(asked.link), _service(context)
    return await service.preview(link)


@router.post("", dependencies=own)
async def join_standby_by_link(asked: LinkRequest, context: Context, note: Note) -> StandbyInfo:
    """Choose the standby of a link: it gets the cameras' addresses and passwords at once."""
    link, service = _link(asked.link), _service(context)
    joined = await asyncio.shield(service.join(link))
    await in_worker(note, "standby chosen", link.url)
    return _info(context, joined)


@router.delete("", dependencies=own)
async def leave_own_standby(context: Context, note: Note) -> LeftStandby:
    """End it: the standby deletes the cameras' addresses and passwords. What it has recorded stays there."""
    hint = await asyncio.shield(_service(context).leave())
    await in_worker(note, "standby left", "")
    return LeftStandby(hint=hint)


@router.post("/invitations", dependencies=own)
async def invite_to_standby(context: Context, note: Note) -> Invitation:
    """Create a link by which one recorder can choose this one as its standby, once and for ten minutes."""
    links, ends_ms = await asyncio.shield(_service(context).invite())
    await in_worker(note, "standby link created", "")
    return Invitation(links=links, ends_ms=ends_ms)


@router.delete("/recorders/{recorder}", dependencies=own, status_code=204)
async def end_protection(recorder: Recorder, context: Context, note: Note) -> None:
    """End the protection of a recorder: its cameras' addresses and passwords are deleted. Recordings stay."""
    if not await asyncio.shield(_service(context).revoke(recorder)):
        raise not_found("This standby has no such recorder.")
    await in_worker(note, "recorder removed from standby", recorder)


def partners_in(status: Mapping[str, Any]) -> Iterator[StandbyPartner]:
    """Yield what a box has stated. Other forms are left out."""
    entry = status.get(STANDBY_FIELD)
    for one in entry[:MOST_PARTNERS] if isinstance(entry, list) else ():
        with suppress(ValidationError):
            partner = StandbyPartner.model_validate(one)
            yield partner.model_copy(update={"name": partner.name[:100]})


def _service(context: AppContext) -> StandbyService:
    if context.standbys is None:
        raise not_found("This recorder can't have a standby.", "")
    return context.standbys


def _link(text: str) -> JoinLink:
    try:
        return JoinLink.parse(text).needed("standby")
    except UsageError as error:
        raise bad_input(error.message, error.do) from None


def _info(context: AppContext, now: StandbyOverview) -> StandbyInfo:
    return StandbyInfo(
        now_ms=context.recorder.clock.now_ms(),
        can_join=now.can_join,
        is_standby=now.is_standby,
        wrong=now.wrong,
        own=now.own,
        protected=list(now.protected),
    )

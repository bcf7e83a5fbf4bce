"""Routes for cameras on TVs: addresses that show one camera live for some hours (`api.auth.passes.Cast`)."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from tawny.api import serializers
from tawny.api.auth.access import Access, Note, OneCamera, Signed, rule
from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.auth.passes import MOST_CASTS, Cast
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse

HALF_DAY_S = 12 * 3600


class NewCast(ApiRequest):
    lasts_s: Annotated[int, Field(ge=60, le=HALF_DAY_S)] = 3600


class CastInfo(ApiResponse):
    id: str
    camera: str
    made_by: str
    """Name of the user."""
    made_ms: int
    ends_ms: int


class CastList(ApiResponse):
    items: list[CastInfo]


class MadeCast(ApiResponse):
    cast: CastInfo
    video: str
    """Path of its HLS playlist."""
    page: str
    """Path of a page with its picture, for the browser of a TV."""
    addresses: list[str]
    """Where other devices reach these paths, best first; empty: where this request was made to."""


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]


@router.post("/cameras/{camera}/casts", dependencies=view)
def begin_cast(camera: OneCamera, asked: NewCast, note: Note, signed: Signed, here: Here) -> MadeCast:
    """Make an address that shows a camera on a TV."""
    if camera not in here.recorder.camera_names():
        raise not_found("Camera not found.")
    made = here.passes.cast(signed, camera, asked.lasts_s)
    if made is None:
        raise RequestRefused(
            409, "too_many", f"{MOST_CASTS} TVs show cameras for you already.", "End one of them first."
        )
    cast, secret = made
    note("shown on a TV", f"{serializers.camera_name(here.recorder, camera)}, {asked.lasts_s // 60} min")
    path = f"/api/v1/cameras/{camera}/hls/index.m3u8?pass={secret}"
    return MadeCast(
        cast=_info(here, cast),
        video=path,
        page=f"/embed/{camera}?pass={secret}&width=1280&fps=10",
        addresses=[here.address] if here.address else list(here.own_addresses()),
    )


@router.get("/casts", dependencies=view)
def casts(signed: Signed, here: Here) -> CastList:
    """List what TVs may show now: all for owners, their own for others."""
    return CastList(items=[_info(here, cast) for cast in _seen(here, signed)])


@router.delete("/casts/{cast_id}", dependencies=view)
def end_cast(cast_id: Annotated[str, Path(max_length=64)], note: Note, signed: Signed, here: Here) -> OkResponse:
    """End it; the TV's picture stops within seconds."""
    found = next((cast for cast in _seen(here, signed) if cast.id == cast_id), None)
    if found is None:
        raise not_found("This TV shows nothing any more.")
    here.passes.end_cast(cast_id)
    note("no longer shown on a TV", serializers.camera_name(here.recorder, found.camera))
    return OkResponse()


def _seen(here: AppContext, signed: LoginSession) -> list[Cast]:
    return here.passes.casts_of(None if signed.person.role is Role.OWNER else signed.person.id)


def _info(here: AppContext, cast: Cast) -> CastInfo:
    maker = here.accounts.person(cast.made_by)
    return CastInfo(
        id=cast.id,
        camera=cast.camera,
        made_by=maker.name if maker else "",
        made_ms=cast.made_ms,
        ends_ms=cast.ends_ms,
    )

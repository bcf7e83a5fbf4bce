"""Routes for a user's live view layout: order of cameras, groups, selected group."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, ValidationError

from tawny.api.auth.access import Access, Signed, rule
from tawny.api.auth.accounts import Account
from tawny.api.context import Here
from tawny.api.parameters import MOST_CAMERAS
from tawny.api.schemas import ApiRequest, Id, Name
from tawny.api.workers import WorkerRoute
from tawny.model.ids import CameraId

MOST_GROUPS = 20
router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]
CameraIds = Annotated[list[Id], Field(max_length=MOST_CAMERAS)]


class CameraGroup(ApiRequest):
    name: Name
    cameras: CameraIds


class CameraWall(ApiRequest):
    """Layout of the live view. Cameras not in `order` come last.

    group: name of the selected group; empty: all cameras.
    """

    order: CameraIds = Field(default_factory=list)
    groups: Annotated[list[CameraGroup], Field(max_length=MOST_GROUPS)] = Field(default_factory=list)
    group: Annotated[str, Field(max_length=64)] = ""


@router.get("/wall", dependencies=view)
def wall(signed: Signed, here: Here) -> CameraWall:
    """Return your layout, the same on all devices, with the cameras you may see."""
    return _seen(_read(here.accounts.wall(signed.person)), signed.person)


@router.put("/wall", dependencies=view)
def put_wall(asked: CameraWall, signed: Signed, here: Here) -> CameraWall:
    here.accounts.put_wall(signed.person, asked.model_dump_json())
    return _seen(asked, signed.person)


def _read(text: str) -> CameraWall:
    """Parse a stored layout; the default one if another version wrote it."""
    try:
        return CameraWall.model_validate_json(text or "{}")
    except ValidationError:
        return CameraWall()


def _seen(saved: CameraWall, person: Account) -> CameraWall:
    def known(cameras: list[str]) -> list[str]:
        return [camera for camera in cameras if person.may_see(CameraId(camera))]

    groups = [CameraGroup(name=group.name, cameras=known(group.cameras)) for group in saved.groups]
    return CameraWall(order=known(saved.order), groups=groups, group=saved.group)

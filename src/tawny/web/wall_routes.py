"""How a person has laid out the wall: the order of the cameras, groups of them, and which group is shown."""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, ValidationError

from tawny.model.ids import CameraId
from tawny.web.access import Access, Signed, rule
from tawny.web.accounts import Person
from tawny.web.limits import MOST_CAMERAS
from tawny.web.shapes import Asked, Id, Name
from tawny.web.site import Here

MOST_GROUPS = 20
router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
CameraIds = Annotated[list[Id], Field(max_length=MOST_CAMERAS)]


class Group(Asked):
    name: Name
    cameras: CameraIds


class Wall(Asked):
    """Cameras that are not in `order` come last. group: the name of the one shown; empty: all cameras."""

    order: CameraIds = Field(default_factory=list)
    groups: Annotated[list[Group], Field(max_length=MOST_GROUPS)] = Field(default_factory=list)
    group: Annotated[str, Field(max_length=64)] = ""


@router.get("/wall", dependencies=view)
async def wall(signed: Signed, here: Here) -> Wall:
    """Yours, with the cameras that you may see; on every device the same."""
    return _seen(_read(await asyncio.to_thread(here.accounts.wall, signed.person)), signed.person)


@router.put("/wall", dependencies=view)
async def put_wall(asked: Wall, signed: Signed, here: Here) -> Wall:
    await asyncio.to_thread(here.accounts.put_wall, signed.person, asked.model_dump_json())
    return _seen(asked, signed.person)


def _read(text: str) -> Wall:
    """The usual one for what another version wrote."""
    try:
        return Wall.model_validate_json(text or "{}")
    except ValidationError:
        return Wall()


def _seen(saved: Wall, person: Person) -> Wall:
    def known(cameras: list[str]) -> list[str]:
        return [camera for camera in cameras if person.may_see(CameraId(camera))]

    groups = [Group(name=group.name, cameras=known(group.cameras)) for group in saved.groups]
    return Wall(order=known(saved.order), groups=groups, group=saved.group)

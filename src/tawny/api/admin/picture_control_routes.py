"""Routes for the picture of a local camera: its controls, and changing them."""

from collections.abc import Awaitable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from tawny.api.auth.access import Access, Note, OneCamera, rule
from tawny.api.context import Context
from tawny.api.errors import RequestRefused, bad_setting
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.model.errors import FolderUnwritable, SettingsError
from tawny.sources.picture_controls import ControlKind, PictureControl

router = APIRouter(prefix="/api/v1/cameras/{camera}/picture-controls", route_class=WorkerRoute)
own = [rule(Access.OWN)]
ControlName = Annotated[str, Path(max_length=60, pattern=r"^[a-z0-9_]+$")]
ControlValue = StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=300)]


class ControlChoice(ApiResponse):
    """label: empty if the interface has its own."""

    value: str
    label: str


class PictureControlInfo(ApiResponse):
    """A control of the picture. label: the camera's own; empty if the interface has one.

    is_live: a change applies without a break; otherwise the camera restarts. why_not: why this camera doesn't have it;
    empty: it does.
    """

    name: str
    kind: ControlKind
    value: bool | float | str
    default: bool | float | str
    least: float
    most: float
    step: float
    choices: list[ControlChoice]
    label: str
    is_live: bool
    why_not: str


class PictureControlList(ApiResponse):
    """items: empty for cameras that have their own settings."""

    items: list[PictureControlInfo]


class PictureControlChange(ApiRequest):
    """values: by name, applied all or none; the default removes the setting."""

    values: dict[Annotated[str, Field(max_length=60)], ControlValue] = Field(min_length=1, max_length=60)


@router.get("", dependencies=own)
async def picture_controls(camera: OneCamera, context: Context) -> PictureControlList:
    """Return the picture controls of a camera of this computer."""
    return await _listed(context.calls.share(f"picture controls {camera}", partial(context.picture.controls, camera)))


@router.patch("", dependencies=own)
async def change_picture_controls(
    camera: OneCamera, body: PictureControlChange, note: Note, context: Context
) -> PictureControlList:
    """Change picture controls, and return all. Only this camera restarts if it must."""
    await in_worker(note, "camera picture changed", f"{camera}: {', '.join(body.values)}"[:200])
    return await _listed(context.calls.run(f"camera {camera}", partial(context.picture.change, camera, body.values)))


@router.post("/{name}", dependencies=own, status_code=204)
async def press_picture_control(camera: OneCamera, name: ControlName, note: Note, context: Context) -> None:
    """Press a button of a camera, such as "Focus now"."""
    await in_worker(note, "camera picture changed", f"{camera}: {name}")
    await context.calls.run(f"camera {camera}", partial(context.picture.press, camera, name))


async def _listed(asking: Awaitable[list[PictureControl]]) -> PictureControlList:
    try:
        found = await asking
    except SettingsError as error:
        raise bad_setting(error) from error
    except FolderUnwritable as error:
        raise RequestRefused(409, error.code, error.message, error.do) from error
    return PictureControlList(items=[_shown(one) for one in found])


def _shown(one: PictureControl) -> PictureControlInfo:
    return PictureControlInfo(
        name=one.name, kind=one.kind, value=one.value, default=one.default, least=one.least, most=one.most,
        step=one.step, choices=[ControlChoice(value=value, label=label) for value, label in one.choices],
        label=one.label, is_live=one.is_live, why_not=one.why_not,
    )  # fmt: skip

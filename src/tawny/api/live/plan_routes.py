"""Routes of the floor plan: an image that owners upload, and where on it the cameras are. Kept in `accounts.db`.

Everyone signed in sees the image, with the cameras that they may see.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter
from starlette.responses import Response

from tawny.api.auth.access import MOST_LISTED, Access, Note, Signed, rule
from tawny.api.auth.accounts import Account
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, changed_meanwhile
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.api.schemas import ApiRequest, ApiResponse, Id, OkResponse
from tawny.config.lens_and_ptz import Share
from tawny.model.ids import CameraId
from tawny.service.changeable_settings import version_of

MOST_BYTES: Final = 4 << 20
SIGNATURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, own = [rule(Access.VIEW)], [rule(Access.OWN)]


class PlannedCamera(ApiRequest):
    """Where a camera is on the plan: shares of width and height. looks: degrees clockwise, 0: up.

    angle: how wide it sees, in degrees. reach: how far, share of the plan's width.
    """

    camera: Id
    x: Share
    y: Share
    looks: Annotated[float, Field(ge=0, lt=360)] = 0
    angle: Annotated[float, Field(ge=10, le=360)] = 90
    reach: Annotated[float, Field(ge=0.02, le=1)] = 0.2


class PlannedCameras(ApiRequest):
    """version: `cameras_version` of the plan that was shown; null: overwrite any changes made since."""

    cameras: Annotated[list[PlannedCamera], Field(max_length=MOST_LISTED)]
    version: Annotated[str, Field(max_length=40)] | None = None


class FloorPlan(ApiResponse):
    """version: changes with the image; 0: there is none. cameras_version: pass it back when placing cameras."""

    version: int
    cameras: list[PlannedCamera]
    cameras_version: str


_CAMERAS: Final = TypeAdapter(list[PlannedCamera])


@router.get("/plan", dependencies=view)
def floor_plan(signed: Signed, context: Context) -> FloorPlan:
    return _plan(context, signed.person)


@router.get("/plan/image", dependencies=view, response_class=Response, responses={200: {"content": {"image/png": {}}}})
def floor_plan_image(context: Context) -> Response:
    _, image, _ = context.accounts.plan()
    if not image:
        raise RequestRefused(404, "no_picture", "There is no floor plan.", "An owner can upload one.")
    headers = {"Cache-Control": "private, no-cache"}
    return Response(image, media_type=_type_of(image), headers=headers)


@router.put("/plan/image", dependencies=own)
async def put_floor_plan_image(request: Request, signed: Signed, note: Note, context: Context) -> FloorPlan:
    """Receive the image as the request's body: PNG or JPEG, up to 4 MiB. Cameras stay where they are."""
    image = bytearray()
    async for piece in request.stream():
        image += piece
        if len(image) > MOST_BYTES:
            raise bad_input("This image is larger than 4 MiB.", "Save it smaller, and try again.")
    if not _type_of(bytes(image)):
        raise bad_input("This is no PNG or JPEG image.", "Save the plan as one of these, and try again.")
    await in_worker(context.accounts.put_plan, bytes(image))
    await in_worker(note, "floor plan changed", f"{len(image)} bytes")
    return await in_worker(_plan, context, signed.person)


@router.put("/plan/cameras", dependencies=own)
def place_cameras(body: PlannedCameras, signed: Signed, note: Note, context: Context) -> FloorPlan:
    """Replace the places of all cameras shown. 409 `changed`: they were changed in the meantime."""
    placed = {one.camera: one for one in body.cameras}
    was = context.accounts.plan()[2]
    seen = _seen(context, signed.person, was)
    if body.version is not None and body.version != _version(seen):
        raise changed_meanwhile()
    hidden = [one for one in _hidden(was, seen) if one.camera not in placed]
    text = _CAMERAS.dump_json([*placed.values(), *hidden]).decode()
    if not context.accounts.put_plan(None, text, None if body.version is None else was):
        raise changed_meanwhile()
    note("floor plan changed", f"cameras: {', '.join(placed) or 'none'}")
    return _plan(context, signed.person)


@router.delete("/plan", dependencies=own)
def delete_floor_plan(signed: Signed, note: Note, context: Context) -> OkResponse:
    """Delete the image, and where the cameras are on it."""
    was = context.accounts.plan()[2]
    context.accounts.put_plan(b"", _CAMERAS.dump_json(_hidden(was, _seen(context, signed.person, was))).decode())
    note("floor plan deleted", "")
    return OkResponse()


def _type_of(image: bytes) -> str:
    return next((kind for begin, kind in SIGNATURES.items() if image.startswith(begin)), "")


def _plan(context: AppContext, person: Account) -> FloorPlan:
    version, image, text = context.accounts.plan()
    seen = _seen(context, person, text)
    return FloorPlan(version=version if image else 0, cameras=seen, cameras_version=_version(seen))


def _stored(text: str) -> list[PlannedCamera]:
    return _CAMERAS.validate_json(text)


def _seen(context: AppContext, person: Account, text: str) -> list[PlannedCamera]:
    exist = context.recorder.camera_names()
    return [one for one in _stored(text) if one.camera in exist and person.may_see(CameraId(one.camera))]


def _hidden(text: str, seen: list[PlannedCamera]) -> list[PlannedCamera]:
    """Return the places to keep though they aren't shown: the removal of a camera can be undone."""
    return [one for one in _stored(text) if one not in seen]


def _version(seen: list[PlannedCamera]) -> str:
    """Return 16 letters that differ with any change of these places; hidden cameras never change it."""
    return version_of(_CAMERAS.dump_python(seen, mode="json"))

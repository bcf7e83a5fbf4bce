"""Routes for a camera's connection: address and login, without the password. Changes are tested before saving."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from tawny.api.auth.access import Access, Note, OneCamera, rule
from tawny.api.context import Context
from tawny.api.errors import RequestRefused, bad_setting
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError, SourceError, TawnyError
from tawny.service.cameras.connection_settings import CameraAddressChange
from tawny.sources.network_address import public_address

router = APIRouter(prefix="/api/v1/cameras/{camera}", route_class=WorkerRoute)
own = [rule(Access.OWN)]
Address = Annotated[str, Field(min_length=1, max_length=2000)]
Login = Annotated[str, Field(max_length=200)]


class ConnectionInfo(ApiResponse):
    """Connection settings of a camera.

    source, sub: addresses without the login; `sub` is empty without a sub stream.
    fixed: why the connection cannot be changed here; empty if it can.
    """

    source: str
    sub: str
    user: str
    has_password: bool
    fixed: str


class ConnectionChange(ApiRequest):
    """New connection settings.

    password: null keeps the current one. untried: save even if the camera does not respond.
    """

    source: Address
    sub: Annotated[str, Field(max_length=2000)] = ""
    user: Login = ""
    password: Login | None = None
    untried: bool = False


class ConnectionTestResult(ApiResponse):
    """Received video by stream; empty if the connection was not tested."""

    streams: dict[str, str]


@router.get("/connection", dependencies=own)
def connection(camera: OneCamera, context: Context) -> ConnectionInfo:
    try:
        now = context.connecting.place(camera)
    except NotDone as error:
        return ConnectionInfo(
            source="", sub="", user="", has_password=False, fixed=f"{error.message} {error.do}".strip()
        )
    return ConnectionInfo(source=now.source, sub=now.sub, user=now.user, has_password=now.has_password, fixed="")


@router.put("/connection", dependencies=own)
async def connect_otherwise(
    camera: OneCamera, body: ConnectionChange, note: Note, context: Context
) -> ConnectionTestResult:
    """Test the connection, then apply it immediately. Nothing is changed if the camera sends no video."""
    wanted = CameraAddressChange(body.source.strip(), body.sub.strip(), body.user, body.password)

    def change() -> ConnectionTestResult:
        try:
            found = context.connecting.change(camera, wanted, untried=body.untried)
        except TawnyError as error:
            note("camera connection failed", f"{camera}: {public_address(wanted.source)}: {error.code}")
            raise
        note("camera connection changed", camera)
        return ConnectionTestResult(streams=dict(found))

    try:
        return await context.calls.run(f"connect {camera}", change)
    except SourceError as error:
        raise RequestRefused(409, "no_picture", error.message, f"{error.do} Nothing was changed.") from error
    except SettingsError as error:
        raise bad_setting(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", error.message, f"{error.do} Nothing was changed.".strip()) from error

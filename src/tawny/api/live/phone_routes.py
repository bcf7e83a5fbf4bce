"""Routes for phones that are cameras: an owner makes a one-time code, the phone joins with it and sends its picture.

The phone's token gives the right to send the picture of that one camera, and nothing else. It is good while the
settings have the camera and no owner has removed the phone.
"""

import asyncio
import math
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from tawny.api.admin.camera_setup_routes import run_setup
from tawny.api.auth.access import Access, Note, OneCamera, Signed, caller_of, rule
from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.auth.audit_counts import PHONE_REFUSED
from tawny.api.auth.session_routes import address_of
from tawny.api.client_address import is_loopback_host, network_of
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, IceServerInfo, OkResponse
from tawny.config.quantities import LabelText
from tawny.live.webrtc.ice_servers import ice_servers
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.segments import Recording
from tawny.service.cameras.phone_codes import LASTS_S, PhoneCodeStatus, PhoneInvitation

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own, send, public = [rule(Access.OWN)], [rule(Access.SEND)], [rule(Access.PUBLIC)]
PAGE = "/phone"
_CODE = "phone code"
OneCode = Annotated[str, Path(max_length=64)]


class NewPhoneCode(ApiRequest):
    """name: of the new camera. camera: the ID of a camera that gets another phone; null: a new camera is added."""

    name: Annotated[LabelText, Field(max_length=80)] = ""
    record: Recording = "continuous"
    camera: Annotated[str, Field(max_length=64)] | None = None


class PhoneCode(ApiResponse):
    """link: for the phone, with the code in its fragment. It works once, until `ends_ms`.

    is_secure: browsers give their camera to this address. is_reachable: false if it only means this computer.
    """

    id: str
    link: str
    ends_ms: int
    is_secure: bool
    is_reachable: bool


class PhoneCodeInfo(ApiResponse):
    """camera: the ID of the camera that the phone became. problem: why it did not; may be empty."""

    state: Literal["waiting", "joining", "joined", "failed", "ended"]
    camera: str | None
    problem: str


class PhoneJoining(ApiRequest):
    """device: its kind, such as `iPhone`."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    device: Annotated[str, Field(max_length=40, pattern=r"^[\w .,()-]*$")] = ""


class PhoneJoined(ApiResponse):
    """token: of the phone. Shown only once."""

    token: str
    camera_name: str


class PhoneRights(ApiResponse):
    """What the phone needs to connect."""

    camera_name: str
    webrtc: bool
    ice_servers: list[IceServerInfo]


class PhoneOffer(ApiRequest):
    """offer: SDP that sends H.264 and, optionally, sound."""

    offer: Annotated[str, Field(min_length=1, max_length=100_000)]


class PhoneConnectionInfo(ApiResponse):
    """answer: SDP."""

    answer: str


class PhoneInfo(ApiResponse):
    """The phone of a camera. is_phone: false for any other camera. device: its kind; empty without a phone.

    joined_ms: null without a phone. connected: whether it is sending now.
    """

    is_phone: bool
    device: str
    joined_ms: int | None
    connected: bool


@router.post("/phone-codes", dependencies=own)
def make_phone_code(body: NewPhoneCode, signed: Signed, note: Note, request: Request, context: Context) -> PhoneCode:
    """Make a one-time code with which a phone becomes a new camera, or the phone of an existing one."""
    setup, name = context.setup, body.name.strip()
    if setup.fixed:
        raise RequestRefused(409, "not_saved", setup.fixed, "")
    camera = CameraId(body.camera) if body.camera is not None else None
    if camera is not None and not setup.phone_of(camera):
        raise not_found("This camera is no phone.", "Reload the page.")
    if not context.live.webrtc:
        raise RequestRefused(409, "no_webrtc", "WebRTC is turned off.", "Turn it on under [live] in the settings.")
    key, code = context.phone_codes.make(PhoneInvitation(signed.person.id, name or "Phone", body.record, camera))
    note("phone code created", camera or name)
    base = address_of(request, context)
    is_own_computer = is_loopback_host(base.partition("://")[2])
    return PhoneCode(
        id=key,
        link=f"{base}{PAGE}#{code}",
        ends_ms=context.recorder.clock.now_ms() + round(LASTS_S * 1000),
        is_secure=base.startswith("https://") or is_own_computer,
        is_reachable=not is_own_computer,
    )


@router.get("/phone-codes/{code}", dependencies=own)
def phone_code(code: OneCode, signed: Signed, context: Context) -> PhoneCodeInfo:
    """Return what became of a code."""
    now = context.phone_codes.status(code, signed.person.id)
    return PhoneCodeInfo(state=now.state, camera=now.camera, problem=now.problem)


@router.delete("/phone-codes/{code}", dependencies=own)
def end_phone_code(code: OneCode, signed: Signed, context: Context) -> OkResponse:
    context.phone_codes.cancel(code, signed.person.id)
    return OkResponse()


@router.post("/phone/join", dependencies=public)
async def join(body: PhoneJoining, request: Request, context: Context) -> PhoneJoined:
    """Use a code: the phone becomes a camera and gets its token. Wrong codes are throttled by network."""
    try:
        key, wanted = context.phone_codes.use(body.code)
    except NotDone as error:
        raise _wrong_code(request, context, error) from error
    maker = await asyncio.to_thread(context.accounts.person, wanted.made_by)
    try:
        if maker is None or maker.role is not Role.OWNER:
            raise RequestRefused(404, "code_ended", "This code is no longer valid.", "Ask an owner for another one.")
        camera, phone = await _camera_for(context, wanted)
        token = await asyncio.to_thread(context.passes.make_for_phone, phone, body.device or "Phone")
    except RequestRefused as refused:
        context.phone_codes.over(key, PhoneCodeStatus("failed", problem=f"{refused.message} {refused.do}".strip()))
        raise
    await asyncio.to_thread(context.accounts.note, "phone joined", maker.name, caller_of(request), camera)
    context.phone_codes.over(key, PhoneCodeStatus("joined", camera))
    return PhoneJoined(token=token, camera_name=context.recorder.camera_names().get(camera, wanted.name))


@router.get("/phone", dependencies=send)
async def phone_rights(signed: Signed, context: Context) -> PhoneRights:
    """Return what the phone needs to connect, and whether it is still a camera."""
    _, name = await _phone(signed, context)
    if context.live.webrtc:
        await asyncio.to_thread(lambda: context.rtc)  # load the library before the first offer
    servers = [
        IceServerInfo(urls=[each.url], username=each.username or None, credential=each.credential or None)
        for each in ice_servers(context.live, signed.person.id, context.recorder.clock)
    ]
    return PhoneRights(camera_name=name, webrtc=context.live.webrtc, ice_servers=servers)


@router.post("/phone/rtc", dependencies=send, status_code=201)
async def send_picture(body: PhoneOffer, signed: Signed, request: Request, context: Context) -> PhoneConnectionInfo:
    """Create the connection by which the phone sends. It takes the place of the phone's former one."""
    phone, _ = await _phone(signed, context)
    if not context.live.webrtc:
        raise RequestRefused(404, "no_webrtc", "WebRTC is turned off.", "Ask an owner to turn it on.")
    return PhoneConnectionInfo(answer=await context.rtc.receive(context, request, body.offer, phone))


@router.get("/cameras/{camera}/phone", dependencies=own)
def phone_of_camera(camera: OneCamera, context: Context) -> PhoneInfo:
    phone = context.setup.phone_of(camera)
    found = context.passes.of_phone(phone) if phone else None
    return PhoneInfo(
        is_phone=bool(phone),
        device=found.name if found else "",
        joined_ms=found.made_ms if found else None,
        connected=context.phones.is_connected(phone),
    )


@router.delete("/cameras/{camera}/phone", dependencies=own)
def remove_phone(camera: OneCamera, note: Note, context: Context) -> OkResponse:
    """Take the right to send from the camera's phone. The camera and its recordings stay."""
    phone = context.setup.phone_of(camera)
    if not phone or not context.passes.remove_phone(phone):
        raise not_found("This camera has no phone.", "Reload the page.")
    context.phones.hang_up(phone, "it was removed")
    note("phone removed", camera)
    return OkResponse()


async def _camera_for(context: AppContext, wanted: PhoneInvitation) -> tuple[CameraId, str]:
    """Return the camera that a code is for, added if it is new, and the ID of its phone."""
    if wanted.camera is not None:
        phone = context.setup.phone_of(wanted.camera)
        if not phone:
            raise not_found("The camera of this code was removed.", "Ask an owner for another code.")
        context.phones.hang_up(phone, "another phone took its place")
        return wanted.camera, phone
    phone = secrets.token_hex(8)
    added = await run_setup(
        context, "camera setup", lambda setup: setup.add_phone(wanted.name, phone, wanted.record)
    )  # fmt: skip
    return added, phone


async def _phone(signed: LoginSession, context: AppContext) -> tuple[str, str]:
    """Return the ID of the token's phone and its camera's name. Raises RequestRefused: when the camera was removed."""
    phone = await asyncio.to_thread(context.passes.phone_of, signed.person.id)
    found = context.setup.camera_of_phone(phone)
    if found is None:
        raise RequestRefused(
            410, "phone_removed", "This phone is no longer a camera of this recorder.", "Ask an owner for a new code."
        )
    return phone, found[1]


def _wrong_code(request: Request, context: AppContext, error: NotDone) -> RequestRefused:
    """Count a wrong code, and return its refusal. A right one is never refused, so that others can't keep it out."""
    address = caller_of(request).address
    wait_s = math.ceil(context.claims.wait_s(_CODE, network_of(address)))
    context.accounts.counts.count(PHONE_REFUSED, "", address)
    if wait_s:
        what = f"Too many wrong codes. Try again in {wait_s} s."
        return RequestRefused(429, "wait", what, "Ask an owner for a new code.", {"wait_s": wait_s})
    context.claims.failed(_CODE, network_of(address))
    return RequestRefused(404, "code_ended", error.message, error.do)

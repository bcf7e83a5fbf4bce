"""Commands to the recorder: from users of the web interface and from API clients, signed or with a token."""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import Field, ValidationError

from tawny.api.admin.camera_setup_routes import run_setup
from tawny.api.auth.access import Access, Note, OneCamera, Signed, caller_of, rule
from tawny.api.auth.accounts import Account, Role
from tawny.api.auth.audit_counts import ACCESS_REFUSED
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.config.integrations import RIGHTS
from tawny.config.lens_and_ptz import TrackSettings
from tawny.delivery.commands import (
    AnyOrder,
    CommandIssuer,
    CommandRefused,
    CommandResult,
    Order,
    PtzCommand,
    RelayCommand,
    order_in,
    refuse_former,
)
from tawny.model.ids import CameraId
from tawny.service.cameras.camera_setup import CameraSetupService
from tawny.service.integrations.device_control import DeviceChange, DeviceDetails
from tawny.sources.discovery.onvif_details import EncoderSettings

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
OneInput = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9-]+$")]
STATUS = {"bad_input": 400, "signed_out": 401, "not_allowed": 403, "not_found": 404, "not_done": 409}


class OrderDone(ApiResponse):
    """Result of a command. event: ID of the event it created or changed; null if none."""

    words: str
    event: str | None


class RelayInfo(ApiResponse):
    """A relay. pulse_s: how long its button switches it on; null: until switched off.

    output: what the camera calls it, if it is none of the settings. kind: what it seems to be.
    """

    name: str
    pulse_s: float | None
    output: str = ""
    kind: Literal["", "siren", "light"] = ""


class ControlsInfo(ApiResponse):
    """Controls of a camera. turns: supports pan, tilt and zoom. presets: names of stored positions.

    steered_by: who moves it now; empty: no person.
    tracking: what it does about following objects; empty: that isn't set up.
    """

    turns: bool
    tracking: str = ""
    steered_by: str = ""
    presets: list[str]
    relays: list[RelayInfo]


class ImagingInfo(ApiResponse):
    """An image setting of a camera. choices: allowed words; empty: a number from least to most."""

    name: str
    value: float | str
    least: float
    most: float
    choices: list[str]


class EncoderChoiceInfo(ApiResponse):
    """What an encoder can be set to with one codec. sizes: width and height. rates: frames per second; empty: `fps`.

    fps, quality: the least and the greatest value; 0 and 0: can't be set.
    """

    codec: str
    sizes: list[tuple[int, int]]
    rates: list[float]
    fps: tuple[float, float]
    quality: tuple[float, float]


class EncoderRequest(ApiRequest):
    """How a camera is to encode a stream. bit_rate: kbit/s; 0: as it is. quality: in the camera's own numbers."""

    stream: Literal["main", "sub"]
    codec: str = Field(max_length=20)
    width: int = Field(ge=1, le=32_768)
    height: int = Field(ge=1, le=32_768)
    fps: float = Field(ge=0, le=1000)
    bit_rate: int = Field(ge=0, le=100_000)
    keyframe_s: float = Field(ge=0, le=60)
    quality: float = Field(0.0, ge=0, le=1000)
    token: str = Field("", max_length=100)


class EncoderInfo(ApiResponse):
    """How a camera encodes a stream. bit_rate: kbit/s; 0: not said. choices: what it can be set to, by codec."""

    stream: Literal["main", "sub"]
    codec: str
    width: int
    height: int
    fps: float
    bit_rate: int
    keyframe_s: float
    quality: float
    token: str
    choices: list[EncoderChoiceInfo]


class DeviceInfo(ApiResponse):
    """What a camera says of itself. ahead_s: its clock minus this computer's."""

    maker: str
    model: str
    firmware: str
    ahead_s: float
    imaging: list[ImagingInfo]
    encoders: list[EncoderInfo]


class DeviceRequest(ApiRequest):
    """imaging: values by name. encoder: as read, with what is to change. set_clock: to UTC now."""

    imaging: dict[str, float | Annotated[str, Field(max_length=40)]] = Field(default_factory=dict, max_length=12)
    encoder: EncoderRequest | None = None
    set_clock: bool = False


class ProgramInfo(ApiResponse):
    """An integration. where, trouble, said: without secrets. may: permissions of an API client."""

    name: str
    kind: str
    where: str
    sent: int = 0
    waiting: int = 0
    dropped: int = 0
    trouble: str = ""
    said: str = ""
    may: list[str] = Field(default_factory=list)
    cameras: list[str] = Field(default_factory=list)


class ProgramList(ApiResponse):
    items: list[ProgramInfo]


async def _refuse_former(request: Request) -> None:
    """Refuse a body with the former key `do`, before validation would only report that `command` is missing."""
    try:
        refuse_former(await request.json())
    except ValueError:
        return  # FastAPI refuses it
    except CommandRefused as refused:
        raise _refused(refused) from refused


@router.post("/orders", dependencies=[rule(Access.DIRECT), Depends(_refuse_former)])
async def order(body: Annotated[AnyOrder, Body()], request: Request, signed: Signed, context: Context) -> OrderDone:
    """Run a command: set the mode, pause, record, report an event, move a camera, switch a relay."""
    return await _done(context, _person(signed.person, caller_of(request).address), body)


@router.get("/cameras/{camera}/controls", dependencies=[rule(Access.DIRECT)])
async def controls(camera: OneCamera, signed: Signed, context: Context) -> ControlsInfo:
    """Return PTZ presets and relays of a camera. Queries the camera for its PTZ capabilities."""
    found = await context.calls.share(f"controls {camera}", partial(context.orders.controls, camera))
    relays = [one for one in found.relays if one.camera or signed.person.cameras is None]
    shown = [RelayInfo(name=one.name, pulse_s=one.pulse_s, output=one.output, kind=one.kind) for one in relays]
    by = "" if found.steered_by == signed.person.name else found.steered_by
    return ControlsInfo(
        turns=found.turns, presets=list(found.presets), relays=shown, steered_by=by, tracking=found.tracking
    )


@router.get("/cameras/{camera}/device", dependencies=[rule(Access.OWN)])
async def device(camera: OneCamera, context: Context) -> DeviceInfo:
    """Return model, firmware, clock, image and encoder settings of a camera, asked from it by ONVIF."""
    return await _of_device(context.calls.share(f"device {camera}", partial(context.orders.device, camera)))


@router.patch("/cameras/{camera}/device", dependencies=[rule(Access.OWN)])
async def change_device(camera: OneCamera, body: DeviceRequest, note: Note, context: Context) -> DeviceInfo:
    """Change image or encoder settings of a camera, or its clock, and return all as the camera then has them."""
    encoder = EncoderSettings(**body.encoder.model_dump()) if body.encoder is not None else None
    wanted = DeviceChange(body.imaging, encoder, body.set_clock)
    changed = [*body.imaging, *(["encoder"] if encoder else []), *(["clock"] if body.set_clock else [])]
    note("camera changed", f"{camera}: {', '.join(changed) or 'nothing'}")
    return await _of_device(
        context.calls.run(f"camera {camera}", partial(context.orders.change_device, camera, wanted))
    )


class TrackingRequest(ApiRequest):
    """What a camera follows. Limits in the camera's own numbers; null: none, of zoom: it doesn't zoom."""

    enabled: bool
    kinds: list[Annotated[str, Field(max_length=30)]] = Field(["person"], min_length=1, max_length=20)
    modes: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=30)
    speed: float = Field(1.0, ge=0.05, le=1)
    pan: tuple[float, float] | None = None
    tilt: tuple[float, float] | None = None
    zoom: tuple[float, float] | None = None
    lost_after_s: float = Field(10.0, ge=3, le=300)
    pause_s: float = Field(60.0, ge=5, le=86_400)

    @property
    def settings(self) -> TrackSettings:
        """Raises RequestRefused."""
        values = self.model_dump(exclude={"lost_after_s", "pause_s"})
        times = {"lost_after": f"{self.lost_after_s:g} s", "pause": f"{self.pause_s:g} s"}
        try:
            return TrackSettings.model_validate(values | times)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise RequestRefused(
                400, "bad_input", f"{key}: {first['msg'].removeprefix('Value error, ')}.", ""
            ) from error


class TrackingInfo(ApiResponse):
    """How a camera follows objects. phase: what it does now. calibrated_ms: when it was measured; 0: never.

    trouble: why it does not follow although it should. latency_s: from a command to the image.
    """

    settings: TrackingRequest
    phase: Literal["off", "mode", "paused", "private", "watching", "following", "searching", "calibrating"]
    is_on: bool
    calibrated_ms: int
    latency_s: float
    trouble: str


class PositionInfo(ApiResponse):
    """Where a PTZ camera points, in its own numbers; null: it doesn't report that."""

    pan: float | None
    tilt: float | None
    zoom: float | None


@router.get("/cameras/{camera}/tracking", dependencies=[rule(Access.OWN)])
def tracking(camera: OneCamera, context: Context) -> TrackingInfo:
    """Return how a PTZ camera follows objects."""
    return _tracking(context, camera)


@router.put("/cameras/{camera}/tracking", dependencies=[rule(Access.OWN)])
async def put_tracking(camera: OneCamera, body: TrackingRequest, note: Note, context: Context) -> TrackingInfo:
    """Change how a PTZ camera follows objects. Takes the place of what a command has switched."""
    wanted = body.settings

    def put(setup: CameraSetupService) -> None:
        setup.put_track(camera, wanted)
        context.orders.track_as_set(camera)
        note("camera tracking changed", f"{camera}: {'on' if wanted.enabled else 'off'}")

    await run_setup(context, "camera setup", put)
    return _tracking(context, camera)


@router.get("/cameras/{camera}/position", dependencies=[rule(Access.OWN)])
async def position(camera: OneCamera, context: Context) -> PositionInfo:
    """Return where a PTZ camera points, asked from it by ONVIF."""
    pan, tilt, zoom = await context.calls.share(f"position {camera}", partial(context.orders.ptz_position, camera))
    return PositionInfo(pan=pan, tilt=tilt, zoom=zoom)


@router.post("/cameras/{camera}/calibration", dependencies=[rule(Access.OWN)])
async def calibrate(camera: OneCamera, note: Note, context: Context) -> TrackingInfo:
    """Measure how a PTZ camera turns: it moves a little to either side and back, for up to a minute."""
    note("camera calibrated", camera)
    await context.calls.run(f"calibrate {camera}", partial(context.orders.calibrate, camera))
    return _tracking(context, camera)


def _tracking(context: AppContext, camera: CameraId) -> TrackingInfo:
    found, track = context.orders.tracking(camera), context.orders.track_settings(camera)
    values = track.model_dump(exclude={"lost_after", "pause"})
    return TrackingInfo(
        settings=TrackingRequest(**values, lost_after_s=track.lost_after, pause_s=track.pause),
        phase=found.phase, is_on=found.is_on, calibrated_ms=found.calibration.at_ms,
        latency_s=found.calibration.latency_s, trouble=found.trouble,
    )  # fmt: skip


async def _of_device(details: Awaitable[DeviceDetails]) -> DeviceInfo:
    found = await details
    return DeviceInfo(
        maker=found.maker, model=found.model, firmware=found.firmware, ahead_s=round(found.ahead_s, 1),
        imaging=[ImagingInfo(**asdict(one)) for one in found.imaging],
        encoders=[EncoderInfo(**asdict(one)) for one in found.encoders],
    )  # fmt: skip


@router.post("/inputs/{program}", dependencies=[rule(Access.SIGNED)])
async def take_input(program: OneInput, request: Request, context: Context) -> OrderDone:
    """Run a command of an API client configured under `api_clients`, authenticated by signature or token."""
    body, headers = await request.body(), {key.lower(): value for key, value in request.headers.items()}
    try:
        who = await asyncio.to_thread(context.orders.sent, program, headers, body, caller_of(request).address)
        order = order_in(body)
    except CommandRefused as refused:
        if refused.kind == "signed_out":
            context.accounts.counts.count(ACCESS_REFUSED, program, caller_of(request).address)
        raise _refused(refused) from refused
    return await _done(context, who, order)


@router.get("/programs", dependencies=[rule(Access.OWN)])
def programs(context: Context) -> ProgramList:
    """List integrations: what they receive, their delivery status and their permissions."""
    return ProgramList(items=[ProgramInfo.model_validate(one) for one in context.orders.overview()])


async def _done(context: AppContext, who: CommandIssuer, order: Order) -> OrderDone:
    lane = _device_of(order)
    do = partial(context.orders.do, who, order)
    try:
        done: CommandResult = await (context.calls.run(lane, do) if lane else asyncio.to_thread(do))
    except CommandRefused as refused:
        raise _refused(refused) from refused
    return OrderDone(words=done.words, event=done.event or None)


def _device_of(order: Order) -> str:
    """Return the lane of a command that waits for a camera or relay; empty for others."""
    match order:
        case PtzCommand():
            return f"camera {order.camera}"
        case RelayCommand():
            return f"relay {order.relay}"
    return ""


def _person(person: Account, address: str) -> CommandIssuer:
    is_owner = person.role is Role.OWNER
    return CommandIssuer(person.name, "http", frozenset(RIGHTS), person.cameras, address, is_owner)


def _refused(refused: CommandRefused) -> RequestRefused:
    return RequestRefused(STATUS[refused.kind], refused.kind, refused.message, refused.do)

"""Routes to set up cameras: search, try, add, rename, remove. For owners; no answer contains a password."""

import base64
import os
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from fastapi import Path as PathParameter
from pydantic import AfterValidator, Field

from tawny.api.auth.access import Access, Note, OneCamera, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_setting
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.config.lens_and_ptz import LensSettings
from tawny.config.quantities import LabelText
from tawny.model.errors import FolderUnwritable, MaskingFailed, NotDone, SettingsError, SourceError, TawnyError
from tawny.model.geometry import Orientation, Rotation
from tawny.model.ids import StreamName
from tawny.model.segments import Recording
from tawny.service.cameras.camera_previews import PreviewStatus
from tawny.service.cameras.camera_setup import CameraDraft, CameraSetupService, TriedCamera
from tawny.service.cameras.camera_trial import CameraTrial
from tawny.sources.discovery.finder import Search
from tawny.sources.discovery.known_cameras import known_makers
from tawny.sources.network_address import public_address

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
Result = TypeVar("Result")
Address = Annotated[str, Field(min_length=1, max_length=2000)]
Text = Annotated[str, Field(max_length=2000)]
Login = Annotated[str, Field(max_length=200)]


def _onvif(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port  # which raises for one that is none
        host.encode("idna")
    except ValueError:
        raise ValueError("an address such as http://192.168.1.20/onvif/device_service") from None
    return url


OnePreview = Annotated[str, PathParameter(max_length=40)]
Name = Annotated[LabelText, Field(min_length=1, max_length=80)]


class SearchRequest(ApiRequest):
    """probe: also connect to each address of the recorder's own networks, to find RTSP servers."""

    probe: bool = False


class FoundCameraInfo(ApiResponse):
    """A device that may be a camera.

    place: its IP address, or a local camera's source. onvif: address of its ONVIF service; may be empty. rtsp_port,
    path: of its stream; 0 and empty: unknown. ways: how it was found. problem: why it cannot be used now; may be empty.
    camera: its ID if the settings have it already.
    """

    place: str
    kind: Literal["network", "usb", "pi", "tawny"]
    title: str
    maker: str
    model: str
    onvif: str
    rtsp_port: int
    path: str
    ways: list[str]
    width: int
    height: int
    problem: str
    camera: str | None


class CameraSearchInfo(ApiResponse):
    """found: in the order in which they were found. fixed: why cameras can't be added here; empty if they can.

    moved: new address by the ID of a camera that answers there now, and not where the settings say.
    """

    running: bool
    found: list[FoundCameraInfo]
    moved: dict[str, str]
    fixed: str


class CameraMakerInfo(ApiResponse):
    """A maker, or a server. prepare: what to do before it is added; may be empty.

    address: of a server's streams, with words in capitals to replace; empty for makers.
    """

    name: str
    is_server: bool
    address: str
    prepare: str


class CameraMakerList(ApiResponse):
    """items: the more likely first."""

    items: list[CameraMakerInfo]


class CameraRequest(ApiRequest):
    """What is known of a camera. address: an IP address or host name, or a source such as `rtsp://…` without login.

    onvif, rtsp_port, path, said: as a search returned them (its ONVIF service; maker and model).
    """

    address: Address
    user: Login = ""
    password: Login = ""
    sub: Text = ""
    onvif: Annotated[Text, AfterValidator(_onvif)] = ""
    said: Text = ""
    rtsp_port: Annotated[int, Field(ge=0, le=65535)] = 0
    path: Annotated[str, Field(max_length=200, pattern="^[!-~]*$")] = ""

    @property
    def draft(self) -> CameraDraft:
        return CameraDraft(
            self.address.strip(), self.user, self.password, self.sub.strip(), self.onvif, self.said, self.rtsp_port,
            self.path,
        )  # fmt: skip


class NewCamera(CameraRequest):
    """name: as people see it; the ID is made from it. record: what is recorded of it. rotate, mirror: its image.

    sound: its sound is recorded, too; in many countries that needs people's consent.
    """

    name: Name
    record: Recording = "continuous"
    rotate: Rotation = 0
    mirror: bool = False
    sound: bool = False


class StreamTrial(ApiResponse):
    """What was measured of a stream. keyframe_seconds: their distance. day_bytes: recorded around the clock."""

    codec: str
    width: int
    height: int
    fps: float
    keyframe_seconds: float
    bits_per_second: float
    day_bytes: int
    audio: str


class CameraAdvice(ApiResponse):
    """Something to change in the camera. change: how tawny can change it by ONVIF; empty: it can't."""

    code: str
    message: str
    hint: str
    change: Literal["", "keyframes", "clock", "h264"]


class CameraChange(CameraRequest):
    """change: `keyframes`: one every two seconds. `clock`: the recorder's time, in UTC."""

    change: Literal["keyframes", "clock", "h264"]


class CameraTrialResult(ApiResponse):
    """source, sub: addresses without login; `sub` is empty without a sub stream. picture: JPEG as base64, or empty."""

    source: str
    sub: str
    maker: str
    model: str
    streams: dict[StreamName, StreamTrial]
    advice: list[CameraAdvice]
    picture: str


class AddedCamera(ApiResponse):
    """camera: its ID."""

    camera: str


class NewAddress(ApiRequest):
    """address: an IP address or host name, as a search has found it."""

    address: Annotated[str, Field(min_length=1, max_length=253)]


class NewName(ApiRequest):
    """name: as people see it; the ID is made from it. record: what is recorded of it. rotate, mirror: its image.

    sound: its sound is recorded, too; in many countries that needs people's consent.
    """

    name: Name
    record: Recording = "continuous"
    rotate: Rotation = 0
    mirror: bool = False
    sound: bool = False


class PreviewInfo(ApiResponse):
    """Live test pictures of a camera. place: its address. number: of its newest picture; 0: none yet.

    message, hint: why there is none; may be empty.
    """

    id: str
    place: str
    state: Literal["getting", "live", "needs_login", "wrong_login", "no_rtsp", "failed"]
    number: int
    message: str
    hint: str


class PreviewList(ApiResponse):
    items: list[PreviewInfo]


class CameraName(ApiRequest):
    """An empty name is made from the ID. group: null keeps the current one."""

    name: Annotated[LabelText, Field(max_length=80)]
    group: Literal["", "outside", "inside"] | None = None


@router.post("/camera-search", dependencies=own)
def begin_camera_search(body: SearchRequest, note: Note, context: Context) -> CameraSearchInfo:
    """Search the local network and the recorder's computer for some seconds. No effect while a search runs."""
    setup = context.setup
    note("camera search", "with probe" if body.probe else "")
    setup.search(Search(probe=body.probe))
    return _found(setup)


@router.get("/camera-search", dependencies=own)
def camera_search(context: Context) -> CameraSearchInfo:
    """Return what the newest search has found so far."""
    return _found(context.setup)


@router.get("/camera-makers", dependencies=own)
def camera_makers() -> CameraMakerList:
    """Return the makers and servers that tawny knows addresses of."""
    return CameraMakerList(
        items=[
            CameraMakerInfo(name=one.maker, is_server=one.is_server, address=one.address, prepare=one.prepare)
            for one in known_makers()
            if one.maker
        ]
    )


@router.post("/camera-trial", dependencies=own)
async def try_camera(body: CameraRequest, note: Note, context: Context) -> CameraTrialResult:
    """Connect to a camera for some seconds and measure it. Nothing is changed. Takes up to a minute."""

    def tried(setup: CameraSetupService) -> CameraTrialResult:
        try:
            return _tried(setup.try_out(body.draft))
        except TawnyError as error:
            note("camera trial failed", f"{_public(body)}: {error.code}")
            raise

    return await run_setup(context, f"camera trial {body.address}", tried)


@router.post("/camera-trial/change", dependencies=own)
async def change_camera(body: CameraChange, note: Note, context: Context) -> CameraTrialResult:
    """Change a setting of a camera by ONVIF, and measure it again."""

    def changed(setup: CameraSetupService) -> CameraTrialResult:
        note("camera changed", f"{_public(body)}: {body.change}")
        return _tried(setup.change_camera(body.draft, body.change))

    return await run_setup(context, f"camera trial {body.address}", changed)


@router.post("/cameras", dependencies=own, status_code=201)
async def add_camera(body: NewCamera, note: Note, context: Context) -> AddedCamera:
    """Add a camera to the settings. It records at once. Nothing is changed if its streams cannot be found."""

    def added(setup: CameraSetupService) -> AddedCamera:
        turned = Orientation(body.rotate, body.mirror)
        camera = setup.add(body.name, body.draft, body.record, turned, sound=body.sound)
        note("camera added", f"{camera}: {_public(body)}")
        return AddedCamera(camera=camera)

    return await run_setup(context, "camera setup", added)


@router.post("/camera-previews", dependencies=own)
def begin_preview(body: CameraRequest, note: Note, context: Context) -> PreviewInfo:
    """Sign in to a camera once, and show live test pictures of it while the list of previews is asked for.

    At most eight cameras are shown at once, and none is asked again after three refused sign-ins.
    """
    try:
        made = context.setup.preview(body.draft)
    except NotDone as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error
    note("camera preview", _public(body))
    return _preview(made)


@router.get("/camera-previews", dependencies=own)
def previews(context: Context) -> PreviewList:
    """Return the previews. They end some seconds after the last such request."""
    return PreviewList(items=[_preview(one) for one in context.setup.previews.now()])


@router.get("/camera-previews/{preview}/picture", dependencies=own, response_class=Response)
def preview_picture(preview: OnePreview, context: Context) -> Response:
    """Return the newest test picture, a JPEG at most 480 px wide."""
    found = context.setup.previews.picture(preview)
    if found is None:
        raise RequestRefused(404, "no_picture", "There is no picture of this camera.", "Get its picture again.")
    return Response(found, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.post("/camera-previews/{preview}/camera", dependencies=own, status_code=201)
async def add_previewed_camera(preview: OnePreview, body: NewName, note: Note, context: Context) -> AddedCamera:
    """Add a camera that is shown, with the login that it accepted. It records at once."""

    def added(setup: CameraSetupService) -> AddedCamera:
        turned = Orientation(body.rotate, body.mirror)
        camera = setup.add_previewed(preview, body.name, body.record, turned, sound=body.sound)
        note("camera added", camera)
        return AddedCamera(camera=camera)

    return await run_setup(context, "camera setup", added)


@router.post("/cameras/{camera}/device", dependencies=own)
async def replace_camera(camera: OneCamera, body: CameraRequest, note: Note, context: Context) -> OkResponse:
    """Put another device in a camera's place. Name, zones, rules and recordings stay."""

    def replace(setup: CameraSetupService) -> None:
        setup.replace(camera, body.draft)
        note("camera replaced", f"{camera}: {_public(body)}")

    await run_setup(context, "camera setup", replace)
    return OkResponse()


@router.post("/cameras/{camera}/address", dependencies=own)
async def move_camera(camera: OneCamera, body: NewAddress, note: Note, context: Context) -> OkResponse:
    """Use a camera's new address, if the same device answers there. The stored password is not sent to it."""

    def move(setup: CameraSetupService) -> None:
        try:
            setup.move(camera, body.address.strip("[]"))
        except TawnyError as error:
            note("camera move failed", f"{camera}: {body.address}: {error.code}")
            raise
        note("camera moved", f"{camera}: {body.address}")

    await run_setup(context, "camera setup", move)
    return OkResponse()


@router.put("/cameras/{camera}/name", dependencies=own)
async def rename_camera(camera: OneCamera, body: CameraName, note: Note, context: Context) -> OkResponse:
    """Change the name that people see, and the group. Recordings, links and rules stay as they are."""

    def rename(setup: CameraSetupService) -> None:
        setup.rename(camera, body.name, body.group)
        note("camera renamed", camera)

    await run_setup(context, "camera setup", rename)
    return OkResponse()


@router.put("/cameras/{camera}/lens", dependencies=own)
async def put_lens(camera: OneCamera, body: LensSettings, note: Note, context: Context) -> OkResponse:
    """Say how pages straighten the camera's image. Recordings, snapshots and clips stay as the camera sends them."""

    def put(setup: CameraSetupService) -> None:
        setup.put_lens(camera, body)
        note("camera lens changed", f"{camera}: {body.kind}")

    await run_setup(context, "camera setup", put)
    return OkResponse()


class MaskingCostInfo(ApiResponse):
    """Cost of burning in privacy masks, measured. cores: in use all the time. bytes_day_before: as the camera sends it.

    hardware: a hardware encoder is used. enough: this computer can keep up. seconds: of video measured.
    """

    cores: float
    of_cores: int
    bytes_day: int
    bytes_day_before: int
    encoder: str
    hardware: bool
    enough: bool
    seconds: float


@router.post("/cameras/{camera}/masking-cost", dependencies=own)
async def measure_masking(camera: OneCamera, context: Context) -> MaskingCostInfo:
    """Measure what it costs to burn privacy masks into the recordings, with the video that the camera has just sent.

    409 `not_measured`: it sends none, or masks can't be burned in on this computer.
    """
    try:
        cost = await context.calls.run("masking cost", partial(context.recorder.tuning.masking_cost, camera))
    except (NotDone, MaskingFailed) as error:
        raise RequestRefused(409, "not_measured", error.message, error.do) from error
    return MaskingCostInfo(
        cores=round(cost.cores, 3), of_cores=os.cpu_count() or 1, bytes_day=cost.bytes_day,
        bytes_day_before=cost.bytes_day_before, encoder=cost.encoder, hardware=cost.is_hardware,
        enough=cost.is_quick_enough, seconds=round(cost.seconds, 1),
    )  # fmt: skip


async def run_setup(context: AppContext, lane: str, act: Callable[[CameraSetupService], Result]) -> Result:
    try:
        return await context.calls.run(lane, partial(act, context.setup))
    except SourceError as error:
        raise RequestRefused(409, error.code, error.message, error.do) from error
    except SettingsError as error:
        raise bad_setting(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error


def _public(body: CameraRequest) -> str:
    return public_address(body.address) if "://" in body.address else body.address


def _found(setup: CameraSetupService) -> CameraSearchInfo:
    result = setup.found()
    found = [
        FoundCameraInfo(
            place=one.place, kind=one.kind, title=one.title, maker=one.maker, model=one.model, onvif=one.onvif,
            rtsp_port=one.rtsp_port, path=one.path,
            ways=sorted(one.ways), width=one.size[0], height=one.size[1], problem=one.problem, camera=known or None,
        )
        for one, known in result.found
    ]  # fmt: skip
    return CameraSearchInfo(running=result.is_running, found=found, moved=dict(result.moved), fixed=setup.fixed)


def _tried(tried: TriedCamera) -> CameraTrialResult:
    details, public = tried.camera.details, tried.camera.public
    return CameraTrialResult(
        source=public["source"],
        sub=public.get("sub", ""),
        maker=details.maker if details else "",
        model=details.model if details else "",
        streams={stream: _stream(one) for stream, one in tried.trials.items()},
        advice=[
            CameraAdvice(code=one.code, message=one.message, hint=one.hint, change=one.change) for one in tried.advice
        ],
        picture=base64.b64encode(tried.trials[StreamName.MAIN].jpeg).decode(),
    )


def _preview(status: PreviewStatus) -> PreviewInfo:
    return PreviewInfo(
        id=status.id, place=status.place, state=status.state.value, number=status.number, message=status.message,
        hint=status.todo,
    )  # fmt: skip


def _stream(trial: CameraTrial) -> StreamTrial:
    return StreamTrial(
        codec=trial.codec, width=trial.width, height=trial.height, fps=trial.fps, keyframe_seconds=trial.keyframe_s,
        bits_per_second=trial.bits_s, day_bytes=trial.bytes_day, audio=trial.audio,
    )  # fmt: skip

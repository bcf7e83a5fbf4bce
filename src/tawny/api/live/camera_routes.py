"""Routes for cameras, health, snapshots, Motion JPEG, pages to embed, and the layout of a user's live view."""

import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from email.utils import formatdate
from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints, ValidationError
from starlette.responses import HTMLResponse, JSONResponse, Response

from tawny.api import schemas, serializers
from tawny.api.auth.access import MOST_LISTED, Access, CameraIds, OneCamera, Signed, rule
from tawny.api.auth.accounts import Account, Role
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.live.follow import showing
from tawny.api.past.frame_stamps import LiveStamps, live_stamps
from tawny.api.past.media_responses import GuardedStreamingResponse
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, Id, Name
from tawny.config.drafts import camera_id_for
from tawny.live import jpeg_stream
from tawny.live.jpeg_stream import LEAST_WIDTH, MOST_WIDTH, JpegOptions, rounded_width
from tawny.model.ids import CameraId, StreamName
from tawny.stream.hub import Hub, live_hubs

SMALL_WIDTH = 640
"""Up to this width in px the sub stream is sufficient."""
Width = Annotated[int, Query(ge=LEAST_WIDTH, le=MOST_WIDTH)]
Fps = Annotated[float, Query(ge=0.1, le=30)]
Quality = Annotated[int, Query(ge=10, le=95)]

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
wall, see = [rule(Access.WALL)], [rule(Access.SEE)]
JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/cameras", dependencies=wall)
def cameras(context: Context) -> schemas.CameraList:
    return schemas.CameraList(items=[serializers.camera(one) for one in context.health.cameras()])


@router.get("/health", dependencies=wall)
def health(context: Context) -> schemas.Health:
    return serializers.health(context.health.now(), context.system)


@router.head("/cameras/{camera}/snapshot", dependencies=see, include_in_schema=False)
@router.get("/cameras/{camera}/snapshot", dependencies=see, response_class=Response, responses=JPEG)
def snapshot(camera: CameraId, context: Context, width: Width = 1280, *, stamp: bool = False) -> Response:
    """Return the newest keyframe as JPEG; `Last-Modified` is its time, and that of the last one while offline.

    stamp: with title, time, detector figures, REC and boxes.
    """
    hub, _ = hub_for_pictures(context, camera, width)
    options = JpegOptions(width, 1, 80, LiveStamps(context, camera).at)
    still = jpeg_stream.stamped_snapshot(hub, options) if stamp else context.pictures.newest(hub, width)
    if still is None:
        raise RequestRefused(404, "no_picture", "No image from this camera right now.", "Check the camera's status.")
    headers = {
        "X-At-Ms": str(still.at_ms),
        "Last-Modified": formatdate(still.at_ms / 1000, usegmt=True),
        "Cache-Control": "no-store",  # browsers would keep an old image for a tenth of its age
    }
    return Response(still.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/cameras/{camera}/mjpeg", dependencies=see, response_class=Response, responses={200: {}})
async def moving_jpegs(
    camera: CameraId,
    request: Request,
    context: Context,
    width: Width = SMALL_WIDTH,
    fps: Fps = 2.0,
    quality: Quality = 75,
    *,
    stamp: bool = False,
) -> Response:
    """Motion JPEG until the camera is reconfigured, for `<img>` and other programs. Clients with the same options
    share the encoder.

    stamp: with title, time, detector figures, REC and boxes.
    """
    hub, stream = hub_for_pictures(context, camera, width)
    options = JpegOptions(rounded_width(width), fps, quality, live_stamps(context, camera, hub).at if stamp else None)

    async def counted() -> AsyncIterator[bytes]:
        with context.viewers.one_more(camera, stream):
            async for part in jpeg_stream.multipart_stream(hub, options):
                yield part

    def is_there() -> bool:
        return context.recorder.hub(camera, stream) is hub  # a restarted camera has another

    return GuardedStreamingResponse(request, counted(), 200, {}, jpeg_stream.MEDIA_TYPE, is_there)


def hub_for_pictures(context: AppContext, camera: CameraId, width: int) -> tuple[Hub, StreamName]:
    """Return the best live stream for images of this width; decoding the sub stream costs a tenth.

    While the camera is offline it is the one that has the last image.
    """
    hubs = context.hubs(camera)
    if not hubs:
        raise not_found("Camera not found.")
    live = live_hubs(hubs, context.recorder.clock.now_ms()) or hubs
    by_fitness = [StreamName.SUB, StreamName.MAIN] if width <= SMALL_WIDTH else [StreamName.MAIN, StreamName.SUB]
    name = next(name for name in by_fitness if name in live)
    return live[name], name


other_router = APIRouter(route_class=WorkerRoute)


@other_router.head("/healthz", dependencies=[rule(Access.PUBLIC)], include_in_schema=False)
@other_router.get("/healthz", dependencies=[rule(Access.PUBLIC)], response_model=schemas.HealthzResponse)
async def healthz(context: Context) -> Response:
    """For monitors: 200 only if every camera that should record does, else 503."""
    is_well = context.health.is_well()
    return JSONResponse({"ok": is_well}, 200 if is_well else 503)


# Routes for a user's live view: order of cameras, and named layouts.

MOST_LAYOUTS = 20
view = [rule(Access.VIEW)]
Columns = Annotated[int, Field(ge=0, le=6)]


class CameraLayout(ApiRequest):
    """Some cameras under a name, in their order.

    id: end of the address of its page, made from its first name; empty: not saved yet. sizes: columns x rows of the
    cameras that have not one cell. columns: 0: as many as fit. shared: everyone has it; only owners may share.
    """

    id: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9-]*$")] = ""
    name: Name
    cameras: CameraIds
    sizes: Annotated[dict[Id, Literal["2x1", "2x2"]], Field(max_length=MOST_LISTED)] = Field(default_factory=dict)
    columns: Columns = 0
    shared: bool = False


class CameraWall(ApiRequest):
    """Layout of the live view. Cameras not in `order` come last.

    groups: your own layouts. group: ID of the selected layout; empty: all cameras. columns: 0: as many as fit.
    """

    order: CameraIds = Field(default_factory=list)
    groups: Annotated[list[CameraLayout], Field(max_length=MOST_LAYOUTS)] = Field(default_factory=list)
    group: Annotated[str, Field(max_length=64)] = ""
    columns: Columns = 0


class CameraWallInfo(CameraWall):
    """shared: layouts that owners share with everyone; they change them, you can copy them.

    plan: there is a floor plan.
    """

    shared: list[CameraLayout] = Field(default_factory=list)
    plan: bool = False


@router.get("/wall", dependencies=[rule(Access.WALL)])
def read_wall(signed: Signed, context: Context) -> CameraWallInfo:
    """Return your layouts, the same on all devices, and shared ones, with the cameras you may see."""
    return _wall_of(signed.person, context)


@router.put("/wall", dependencies=view)
def put_wall(body: CameraWall, signed: Signed, context: Context) -> CameraWallInfo:
    """Change what is sent; what is left out stays."""
    changed = {name: getattr(body, name) for name in body.model_fields_set}
    if signed.person.role is not Role.OWNER and "groups" in changed:
        changed["groups"] = [layout.model_copy(update={"shared": False}) for layout in body.groups]
    kept = _read(context.accounts.wall(signed.person)).model_copy(update=changed)
    kept = kept.model_copy(update={"groups": _named(kept.groups, [])})
    context.accounts.put_wall(signed.person, kept.model_dump_json())
    return _wall_of(signed.person, context)


def _wall_of(person: Account, context: AppContext) -> CameraWallInfo:
    exist = context.recorder.camera_names()

    def known(cameras: list[str]) -> list[str]:
        return [camera for camera in cameras if camera in exist and person.may_see(CameraId(camera))]

    def seen(layout: CameraLayout) -> CameraLayout:
        cameras = known(layout.cameras)
        sizes = {camera: size for camera, size in layout.sizes.items() if camera in cameras}
        return layout.model_copy(update={"cameras": cameras, "sizes": sizes})

    saved = _read(context.accounts.wall(person))
    own = _named(saved.groups, [])
    others = [layout for text in context.accounts.walls_of_owners(person) for layout in _read(text).groups]
    shared = _named([layout for layout in map(seen, others) if layout.shared and layout.cameras], own)
    return CameraWallInfo(
        order=known(saved.order), groups=[seen(one) for one in own], group=saved.group, columns=saved.columns,
        shared=shared, plan=bool(context.accounts.plan()[1]),
    )  # fmt: skip


def _named(layouts: Sequence[CameraLayout], taken: Sequence[CameraLayout]) -> list[CameraLayout]:
    """Return the layouts, each with an ID of its own."""
    made: list[CameraLayout] = []
    for layout in layouts:
        used = {one.id for one in (*taken, *made)}
        new = (
            layout.id
            if layout.id and layout.id not in used
            else camera_id_for(layout.id or layout.name, used, "layout")
        )
        made.append(layout.model_copy(update={"id": new}))
    return made


def _read(text: str) -> CameraWall:
    """Parse a stored layout; the default one if another version wrote it."""
    try:
        return CameraWall.model_validate_json(text or "{}")
    except ValidationError:
        return CameraWall()


# Embeddable pages: one camera, or the camera with current activity.
# They require an access token (`?pass=…`) or a login session. The image is Motion JPEG.

STYLE = """
html, body { margin: 0; height: 100%; background: #161310; color: #f6eee4; font: 600 14px/1.3 system-ui, sans-serif; }
img { display: block; width: 100%; height: 100%; object-fit: contain; }
p { position: fixed; left: 10px; top: 8px; margin: 0; padding: 3px 10px; border-radius: 9px; background: #161310b8; }
"""
SCRIPT = """
const image = document.images[0], address = image.src;
let waited_s = 0, wait_s = 2, tries = 0;
const timer = setInterval(async () => {
  const is_broken = image.complete && !image.naturalWidth;
  waited_s += 1;
  if (waited_s < (is_broken ? wait_s : 60)) return;
  waited_s = 0;
  wait_s = is_broken ? Math.min(2 * wait_s, 30) : 2;
  if (is_broken && (await fetch(location.href).catch(() => ({}))).status === 401) clearInterval(timer);
  else image.src = address + "&try=" + ++tries;
}, 1000);
"""
"""Asks for the image again when it ended, unless access has; also each minute: not every browser tells of its end."""


def _hash_of(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'sha256-{_hash_of(STYLE)}'; "
    f"script-src 'sha256-{_hash_of(SCRIPT)}'; base-uri 'none'; form-action 'none'; frame-ancestors *"
)

see = [rule(Access.SEE)]


@other_router.get("/embed", dependencies=see, response_class=Response, include_in_schema=False)
async def follow_card(request: Request, context: Context, width: Width = 960, fps: Fps = 8) -> Response:
    """Return a page with only the image of the camera with current activity."""
    if not showing(context):
        raise not_found("No camera has live video right now.")
    return _card(request, "/api/v1/live/follow/mjpeg", "", width, fps)


@other_router.get("/embed/{camera}", dependencies=see, response_class=Response, include_in_schema=False)
async def card(camera: OneCamera, request: Request, context: Context, width: Width = 960, fps: Fps = 8) -> Response:
    """Return a page with only a camera's image and name."""
    hub_for_pictures(context, camera, width)
    name = serializers.camera_name(context.recorder, camera)
    return _card(request, f"/api/v1/cameras/{camera}/mjpeg", name, width, fps)


def _card(request: Request, path: str, name: str, width: int, fps: float) -> Response:
    query = {"width": width, "fps": f"{fps:g}"}
    if "pass" in request.query_params:
        query["pass"] = request.query_params["pass"]
    picture = escape(f"{path}?{urlencode(query)}")
    words = f"<p>{escape(name)}</p>" if name else ""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(name or 'tawny')}</title><style>{STYLE}</style>"
        f'<img src="{picture}" alt="{escape(name or "Live")}">{words}'
        f"<script>{SCRIPT}</script></html>"
    )
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}
    return HTMLResponse(page, headers=headers)

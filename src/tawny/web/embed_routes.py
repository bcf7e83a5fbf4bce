"""Live pictures in other pages and on televisions: a card to be framed, and a picture that follows what happens.

Both need a pass (`?pass=…`) or somebody who is signed in. The card has no script: its picture is Motion JPEG.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from html import escape
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from tawny.live import mjpeg
from tawny.live.jpegs import Wish
from tawny.live.pictures import rounded_width
from tawny.model.ids import CameraId
from tawny.web import told
from tawny.web.access import Access, has_ended, rule
from tawny.web.camera_routes import SESSION_LOOK_S, Fps, Quality, Width, hub_for_pictures
from tawny.web.follow import Follow
from tawny.web.limits import OneCamera
from tawny.web.problems import not_found
from tawny.web.site import Here, Site

STYLE = """
html, body { margin: 0; height: 100%; background: #161310; color: #f6eee4; font: 600 14px/1.3 system-ui, sans-serif; }
img { display: block; width: 100%; height: 100%; object-fit: contain; }
p { position: fixed; left: 10px; top: 8px; margin: 0; padding: 3px 10px; border-radius: 9px; background: #161310b8; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; img-src 'self'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors *"
)
AGAIN_S = 1.0

router = APIRouter()
see = [rule(Access.SEE)]


@router.get("/embed", dependencies=see, response_class=Response, include_in_schema=False)
async def follow_card(request: Request, here: Here, width: Width = 960, fps: Fps = 8) -> Response:
    """A page with nothing but the picture that follows what happens."""
    if not showing(here):
        raise not_found("No camera shows anything at present.")
    return _card(request, "/api/v1/live/follow/mjpeg", "", width, fps)


@router.get("/embed/{camera}", dependencies=see, response_class=Response, include_in_schema=False)
async def card(camera: OneCamera, request: Request, here: Here, width: Width = 960, fps: Fps = 8) -> Response:
    """A page with nothing but a camera's picture and its name."""
    hub_for_pictures(here, camera, width)
    name = told.camera_name(here.recorder, camera)
    return _card(request, f"/api/v1/cameras/{camera}/mjpeg", name, width, fps)


@router.get("/api/v1/live/follow/mjpeg", dependencies=see, response_class=Response)
async def follow_mjpeg(
    request: Request, here: Here, width: Width = 960, fps: Fps = 8, quality: Quality = 75
) -> Response:
    """Motion JPEG of the camera where something goes on; of the last one, or the first, while nothing does."""
    if not showing(here):
        raise not_found("No camera shows anything at present.")
    wish = Wish(rounded_width(width), fps, quality)
    return StreamingResponse(_following(request, here, wish, width), media_type=mjpeg.MEDIA_TYPE)


def showing(here: Site) -> list[CameraId]:
    """The cameras that have a picture."""
    cameras = [camera.status.id for camera in here.recorder.cameras()]
    return [camera for camera in cameras if any(hub.newest is not None for hub in here.hubs(camera).values())]


async def _following(request: Request, here: Site, wish: Wish, width: int) -> AsyncIterator[bytes]:
    clock = here.recorder.clock
    looked_s = clock.mono_s()
    follow = Follow(here.recorder.bus, clock, lambda: showing(here))
    try:
        yield mjpeg.OPENING
        while (camera := follow.camera()) is not None:
            hub, stream = hub_for_pictures(here, camera, width)
            with here.viewers.one_more(camera, stream):
                async for still in mjpeg.pictures(hub, wish, again_s=AGAIN_S):
                    if clock.mono_s() - looked_s >= SESSION_LOOK_S:
                        looked_s = clock.mono_s()
                        if await has_ended(request):
                            return
                    yield mjpeg.part(still)
                    if follow.camera() != camera:
                        break
    finally:
        follow.close()


def _card(request: Request, path: str, name: str, width: int, fps: float) -> Response:
    query = {"width": width, "fps": f"{fps:g}"}
    if "pass" in request.query_params:
        query["pass"] = request.query_params["pass"]
    picture = escape(f"{path}?{urlencode(query)}")
    words = f"<p>{escape(name)}</p>" if name else ""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(name or 'tawny')}</title><style>{STYLE}</style>"
        f'<img src="{picture}" alt="{escape(name or "What happens now")}">{words}</html>'
    )
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}
    return HTMLResponse(page, headers=headers)

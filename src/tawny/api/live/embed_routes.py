"""Embeddable pages: one camera, or the camera with current activity.

Requires an access token (`?pass=…`) or a login session. The page has no script; its image is Motion JPEG.
"""

import base64
import hashlib
from html import escape
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from tawny.api import serializers
from tawny.api.auth.access import Access, OneCamera, rule
from tawny.api.context import Here
from tawny.api.errors import not_found
from tawny.api.live.camera_routes import Fps, Width, hub_for_pictures
from tawny.api.live.follow import showing
from tawny.api.request_handling import WorkerRoute

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

router = APIRouter(route_class=WorkerRoute)
see = [rule(Access.SEE)]


@router.get("/embed", dependencies=see, response_class=Response, include_in_schema=False)
async def follow_card(request: Request, here: Here, width: Width = 960, fps: Fps = 8) -> Response:
    """Return a page with only the image of the camera with current activity."""
    if not showing(here):
        raise not_found("No camera has live video right now.")
    return _card(request, "/api/v1/live/follow/mjpeg", "", width, fps)


@router.get("/embed/{camera}", dependencies=see, response_class=Response, include_in_schema=False)
async def card(camera: OneCamera, request: Request, here: Here, width: Width = 960, fps: Fps = 8) -> Response:
    """Return a page with only a camera's image and name."""
    hub_for_pictures(here, camera, width)
    name = serializers.camera_name(here.recorder, camera)
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
        f'<img src="{picture}" alt="{escape(name or "Live")}">{words}</html>'
    )
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}
    return HTMLResponse(page, headers=headers)

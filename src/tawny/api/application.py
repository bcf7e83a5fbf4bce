"""The FastAPI application: all routes with their access rules, and the middleware."""

import asyncio
import json
import sys
from functools import cache
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from tawny import __version__
from tawny.api import errors, pages, public_address_routes, schemas
from tawny.api.admin import (
    address_routes,
    backup_routes,
    camera_connection_routes,
    camera_removal_routes,
    camera_setup_routes,
    command_routes,
    delivery_routes,
    detection_routes,
    diagnostics_routes,
    inbox_routes,
    metrics,
    mode_routes,
    muting_routes,
    people_routes,
    picture_control_routes,
    recognition_routes,
    recording_choice_routes,
    retention_routes,
    sealing_routes,
    settings_routes,
    setup_routes,
)
from tawny.api.auth import account_routes, session_routes, share_routes
from tawny.api.auth.access import Access, UnclaimedGate, check_routes, rule
from tawny.api.client_protocols import AdmittedRequests
from tawny.api.context import AppContext
from tawny.api.description_details import add_details
from tawny.api.events import event_routes, state_socket
from tawny.api.fleet import (
    copy_routes,
    fleet_routes,
    hub_order_routes,
    installer_routes,
    membership_routes,
    relay_routes,
    standby_routes,
)
from tawny.api.live import (
    camera_routes,
    cast_routes,
    hls_routes,
    live_socket,
    phone_routes,
    plan_routes,
    webrtc_routes,
)
from tawny.api.past import clip_routes, frame_stamps, recording_routes, zip_routes
from tawny.api.repeated_requests import RepeatedRequests
from tawny.api.request_handling import RequestOriginMiddleware, SecurityHeadersMiddleware

router = APIRouter(prefix="/api/v1")
EVERY_ERROR: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": schemas.ErrorResponse},
    "5XX": {"model": schemas.ErrorResponse},
}
"""All routes use the same error schema."""


def make_app(site: AppContext) -> FastAPI:
    """Create the application. Raises RuntimeError: when a route has no access rule."""
    app = make_routes()
    app.state.site = site
    return app


_PARTS: Final = (
    session_routes, account_routes, camera_routes, recording_routes, frame_stamps, clip_routes, people_routes,
    event_routes, detection_routes, muting_routes, backup_routes, diagnostics_routes, retention_routes, delivery_routes,
    recognition_routes, mode_routes, inbox_routes, command_routes, camera_connection_routes, picture_control_routes,
    zip_routes,
    camera_removal_routes, camera_setup_routes, setup_routes, recording_choice_routes, settings_routes, share_routes,
    plan_routes, live_socket, hls_routes, webrtc_routes, sealing_routes, address_routes, public_address_routes,
    phone_routes, cast_routes, state_socket, membership_routes, standby_routes, fleet_routes, copy_routes,
    installer_routes, hub_order_routes, relay_routes,
)  # fmt: skip
_ROUTERS: Final = (
    *(part.router for part in _PARTS),
    recording_routes.media_router,
    copy_routes.hub_router,
    relay_routes.line_router,
    camera_removal_routes.deletions_router,
    sealing_routes.history_router,
    hls_routes.follow_router,
    camera_routes.other_router,
    metrics.router,
    router,
    pages.router,  # last: it has a catch-all route
)
"""All routers, in the order in which their routes are matched."""


def make_routes() -> FastAPI:
    """Create the application without its context. Raises RuntimeError: when a route has no access rule."""
    app = FastAPI(
        title="tawny",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    app.add_middleware(UnclaimedGate)
    app.add_middleware(SecurityHeadersMiddleware, changes=RepeatedRequests)
    app.add_middleware(AdmittedRequests)
    app.add_middleware(RequestOriginMiddleware)  # the last one sees a request first
    for each in _ROUTERS:
        app.router.routes.extend(each.routes)  # `include_router` would build each route a second time
    check_routes(app)
    return app


def description() -> dict[str, Any]:
    """Return the OpenAPI description; the interface's types are generated from it."""
    described = APIRouter(responses=EVERY_ERROR, generate_unique_id_function=lambda route: route.name)
    for each in _ROUTERS:
        described.include_router(each)
    made = get_openapi(title="tawny", version="1", openapi_version="3.1.0", routes=described.routes)
    add_details(made, check_routes(described))
    return made


@router.get("/openapi.json", dependencies=[rule(Access.VIEW)], include_in_schema=False)
async def openapi() -> Response:
    return Response(await asyncio.to_thread(_described), media_type="application/json")


@cache
def _described() -> bytes:
    """Return the description as JSON. Making it takes most of a second, so that it is made once."""
    return bytes(JSONResponse(description()).body)


# `python -m tawny.api.application`: print the OpenAPI description as JSON; deterministic.


def text() -> str:
    return json.dumps(description(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())

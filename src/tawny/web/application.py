"""The application: all routes, each with its rule, inside the shell."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from tawny import __version__
from tawny.web import (
    camera_routes,
    clip_routes,
    connecting_routes,
    embed_routes,
    event_routes,
    find_routes,
    follow_routes,
    hls_routes,
    inbox_routes,
    keeping_routes,
    known_routes,
    live_socket,
    media_routes,
    metrics,
    model_routes,
    modes_routes,
    order_routes,
    outside_routes,
    pages,
    past_routes,
    people_routes,
    problems,
    rtc_routes,
    sealed_routes,
    shapes,
    share_routes,
    signing_in,
    state_socket,
    talk_routes,
    tuning_routes,
    wall_routes,
    watching_routes,
)
from tawny.web.access import Access, check_routes, rule
from tawny.web.shell import Shell
from tawny.web.site import Site

router = APIRouter(prefix="/api/v1")
EVERY_ERROR: dict[int | str, dict[str, Any]] = {"4XX": {"model": shapes.Trouble}, "5XX": {"model": shapes.Trouble}}
"""What can go wrong looks the same everywhere."""


def make_app(site: Site) -> FastAPI:
    """RuntimeError when a route has no access rule."""
    app = make_routes()
    app.state.site = site
    return app


def make_routes() -> FastAPI:
    """The application without what it works on: enough to describe it."""
    app = FastAPI(
        title="tawny",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses=EVERY_ERROR,
        generate_unique_id_function=lambda route: route.name,
    )
    problems.install(app)
    app.add_middleware(Shell)
    for part in (
        signing_in,
        camera_routes,
        past_routes,
        clip_routes,
        wall_routes,
        people_routes,
        event_routes,
        find_routes,
        tuning_routes,
        watching_routes,
        keeping_routes,
        outside_routes,
        known_routes,
        model_routes,
        modes_routes,
        inbox_routes,
        order_routes,
        connecting_routes,
        share_routes,
        media_routes,
        embed_routes,
        follow_routes,
        live_socket,
        hls_routes,
        rtc_routes,
        sealed_routes,
        state_socket,
        talk_routes,
    ):
        app.include_router(part.router)
    app.include_router(camera_routes.public_router)
    app.include_router(metrics.router)
    app.include_router(router)
    app.include_router(pages.router)  # last: it has an answer for every name
    check_routes(app)
    return app


def description(app: FastAPI) -> dict[str, Any]:
    """The API in OpenAPI's words; the interface's types are made from it."""
    return get_openapi(title="tawny", version="1", openapi_version="3.1.0", routes=app.routes)


@router.get("/openapi.json", dependencies=[rule(Access.VIEW)], include_in_schema=False)
async def openapi() -> Response:
    return JSONResponse(description(make_routes()))

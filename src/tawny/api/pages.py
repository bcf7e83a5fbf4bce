"""Page, files and languages of the web interface. All page URLs return the same single-page application."""

import mimetypes

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tawny.api.auth.access import Access, rule
from tawny.api.context import Context
from tawny.api.errors import ANY_FILE, methods_of, not_found
from tawny.api.request_handling import WorkerRoute, accepted_coding
from tawny.api.static_files import StaticFiles
from tawny.model.errors import NotDone

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
KINDS = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".woff2": "font/woff2"}
PAGES = (
    "/",
    "/live/{rest:path}",
    "/timeline",
    "/events",
    "/events/{rest:path}",
    "/recorders",
    "/recorders/{rest:path}",
    "/boxes/{rest:path}",
    "/join",
    "/health",
    "/settings",
    "/settings/{rest:path}",
    "/clips",
    "/ca",
    "/check",
    "/find",
    "/plan",
    "/phone",
    "/s/{rest:path}",
    "/actions/{rest:path}",
    "/setup",
    "/setup/{rest:path}",
    "/sign-in",
)
FORMER = {
    "/index.html": "/",
    "/stream.mjpg": "/api/v1/live/follow/mjpeg",
    "/playlist.m3u8": "/api/v1/live/follow/hls/index.m3u8",
}
"""Addresses in bookmarks of other recorders with one camera, and ours."""
NO_PAGES = frozenset({"api", "assets", "media", "metrics", "healthz"})
"""First parts of addresses that programs request; an unknown one is an error in JSON."""
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<h1>tawny is running, but its web interface hasn't been built.</h1>
<p>In the source folder, run <code>./tawny</code>, or <code>npm ci</code> and <code>npm run build</code> in
<code>ui/</code>, then reload this page. Recording works without it.</p></html>
"""

router = APIRouter(route_class=WorkerRoute)
public = [rule(Access.PUBLIC)]


async def page(request: Request, context: Context) -> Response:
    """Return the single-page application."""
    if "index.html" not in context.interface.files:
        return HTMLResponse(MISSING, 503)
    return await _file(request, context.interface, "index.html", ASK_AGAIN)


for path in PAGES:
    router.add_api_route(path, page, dependencies=public, include_in_schema=False)
    router.add_api_route(path, page, methods=["HEAD"], dependencies=public, include_in_schema=False)


async def former(request: Request) -> Response:
    """Lead a bookmark to the address of today, with what it asks for."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(FORMER[request.url.path] + query, 301)


for path in FORMER:
    router.add_api_route(path, former, methods=["GET", "HEAD"], dependencies=public, include_in_schema=False)


@router.head("/assets/{name}", dependencies=public, include_in_schema=False)
@router.get("/assets/{name}", dependencies=public, include_in_schema=False)
async def asset(name: str, request: Request, context: Context) -> Response:
    """Return a file with a hash in its name; cached forever."""
    return await _file(request, context.interface, f"assets/{name}", FOR_EVER)


class LanguageInfo(BaseModel):
    code: str
    """Such as `de`."""
    name: str
    """In the language itself."""


@router.get("/api/v1/languages", dependencies=public)
def languages(context: Context) -> list[LanguageInfo]:
    """Return the languages of the interface, English first. A file `<code>.json` in the folder `languages` adds one."""
    return [LanguageInfo(code=code, name=name) for code, name in context.languages.known()]


@router.get("/api/v1/languages/{code}", dependencies=public, response_model=dict[str, str | dict[str, str]])
def language(code: str, request: Request, context: Context) -> Response:
    """Return what English texts are in a language. Forms of a number are an object, by plural rule."""
    try:
        found = context.languages.catalogue(code)
    except NotDone as error:
        raise not_found(error.message, error.do) from None
    headers = {"Cache-Control": ASK_AGAIN, "ETag": f'"{found.etag}"', "Vary": "Accept-Encoding"}
    headers["Content-Language"] = found.code
    if headers["ETag"] in request.headers.get("if-none-match", "").replace("W/", "").replace(" ", "").split(","):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.json, headers=headers, media_type="application/json")
    return Response(found.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type="application/json")


@router.head(ANY_FILE, dependencies=public, include_in_schema=False)
@router.get(ANY_FILE, dependencies=public, include_in_schema=False)
async def other_file(name: str, request: Request, context: Context) -> Response:
    """Return other files such as the icon and the manifest; for an unknown page the application, which says so."""
    first, *rest = name.split("/")
    files = context.interface.files
    if name not in files and methods_of(request):
        raise HTTPException(405)  # of an address that is there
    if name in files or "index.html" not in files or first in NO_PAGES or "." in (rest or [first])[-1]:
        return await _file(request, context.interface, name, ASK_AGAIN)
    answer = await page(request, context)
    answer.status_code = 404
    return answer


async def _file(request: Request, interface: StaticFiles, name: str, kept: str) -> Response:
    found = interface.files.get(name)
    if found is None:
        raise not_found("Page not found.", "Check the address.")
    kind = KINDS.get(found.suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    headers, offered = {"Cache-Control": kept}, interface.encoded.get(name)
    if offered:
        headers["Vary"] = "Accept-Encoding"
        coding = accepted_coding(request.headers.get("accept-encoding", ""), offered)
        if coding:
            headers["Content-Encoding"], found = coding, offered[coding]
    try:
        content = await interface.read(found)
    except FileNotFoundError:  # removed by an update
        raise not_found("tawny was updated while it ran.", "Restart it.") from None
    headers["ETag"] = f'"{interface.etag(found)}"'
    return Response(content, headers=headers, media_type=kind)

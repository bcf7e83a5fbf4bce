"""What the OpenAPI description says besides what the routes declare: how to sign in, and what files are returned."""

from collections.abc import Mapping
from typing import Any, Final

from tawny.api.auth.access import COOKIE, SAFE, Access
from tawny.delivery.notifier import HEADER
from tawny.live.jpeg_stream import MEDIA_TYPE as MOVING_JPEGS
from tawny.playback.hls_past import MEDIA_TYPE as PLAYLIST

_BYTES: Final = "application/octet-stream"
_FILES: Final = {
    ".jpg": "image/jpeg",
    "/frame": "image/jpeg",
    "/picture": "image/jpeg",
    "/sent/{target}/{file}": "image/jpeg",
    "/mjpeg": MOVING_JPEGS,
    ".m3u8": PLAYLIST,
    ".m4s": "video/mp4",
    ".mp4": "video/mp4",
    "/clip": "video/mp4",
    "/from": "video/mp4",
    "/play": "video/mp4",
    "/media/clips/{clip}": "*/*",  # a video, an image or a ZIP archive
    "/clip/sheet": "text/plain",
    ".zip": "application/zip",
    "/bundle": "application/zip",
    "/backup": _BYTES,
    "/frame/sealed": _BYTES,
    "/inbox/file": _BYTES,
    "/motion": _BYTES,
    "/sound": _BYTES,
    "/stored": _BYTES,
}
"""Media types by the ends of paths, of routes that return no JSON."""
_SCHEMES: Final = {
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Over https `__Host-` before it."},
    "page": {"type": "apiKey", "in": "header", "name": "X-Tawny", "description": "`1`, with tawny's own `Origin`."},
    "token": {"type": "http", "scheme": "bearer"},
    "pass": {"type": "apiKey", "in": "query", "name": "pass"},
    "signature": {"type": "apiKey", "in": "header", "name": HEADER},
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
}
_WAYS: Final[Mapping[Access, tuple[str, ...]]] = {
    Access.PUBLIC: (),
    Access.SIGNED: ("signature", "token"),
    Access.SHARED: ("ticket",),
    Access.SEE: ("session", "token", "pass"),
    Access.BRING: ("token",),
    Access.SEND: ("token",),
}
"""Ways to be let in, each by itself. Of other rules: by a session."""


def add_details(described: dict[str, Any], rules: Mapping[str, Access]) -> None:
    """Complete a description. rules: by method and path."""
    described["components"]["securitySchemes"] = _SCHEMES
    paths = described["paths"]
    for path, methods in paths.items():
        for method, about in methods.items():
            access = rules[f"{method.upper()} {path}"]
            about["security"] = [_way(way, method) for way in _WAYS.get(access, ("session",))]
            done = about["responses"].get("200")
            if done is not None and not done.get("content"):
                kind = next((kind for end, kind in _FILES.items() if path.endswith(end)), None)
                done |= {"content": {kind: {}}} if kind else {}
    paths["/api/v1/inputs/{program}"]["post"]["requestBody"] = paths["/api/v1/orders"]["post"]["requestBody"]
    returned = paths["/api/v1/sign-in/provider/callback"]["get"]["responses"]
    returned["303"] = {"description": "To the first page, or to the sign-in page with the reason."}
    for path, methods in paths.items():
        if f"HEAD {path}" in rules and (get := methods.get("get")):
            headers = {"200": {"description": "The headers of `GET`."}}
            head = {**get, "operationId": f"{get['operationId']}_head", "responses": {**get["responses"], **headers}}
            methods["head"] = head


def _way(way: str, method: str) -> dict[str, list[str]]:
    needs = (way,) if way != "session" or method.upper() in SAFE else (way, "page")
    return {need: [] for need in needs}

"""Partial responses: `Range`, `If-Range`, `If-None-Match` and HEAD (RFC 9110), one range per request."""

import re
from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response

from tawny.api.past.guarded_streaming import GuardedStreamingResponse

RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def ranged(
    request: Request,
    *,
    size_bytes: int,
    etag: str,
    read: Callable[[int, int], Iterator[bytes]],
    media_type: str,
    headers: Mapping[str, str],
    is_there: Callable[[], bool] = lambda: True,
) -> Response:
    """Return 200 with all bytes, 206 with a range, 304 if the client's copy is current, or 416 for an invalid range."""
    told = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    if etag in [part.strip() for part in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=told)
    asked = request.headers.get("range")
    if asked and request.headers.get("if-range", etag) != etag:
        asked = None  # the file has changed
    part = part_of(asked, size_bytes) if asked else (0, size_bytes)
    if part is None:
        told["Content-Range"] = f"bytes */{size_bytes}"
        return Response(status_code=416, headers=told)
    begin, end = part
    told["Content-Length"] = str(end - begin)
    is_part = asked is not None and RANGE.fullmatch(asked) is not None
    if is_part:
        told["Content-Range"] = f"bytes {begin}-{end - 1}/{size_bytes}"
    body = read(begin, end) if request.method == "GET" else iter(())
    return GuardedStreamingResponse(request, body, 206 if is_part else 200, told, media_type, is_there)


def part_of(asked: str, size_bytes: int) -> tuple[int, int] | None:
    """Return begin and end of a `Range` header; everything for an unknown form; None if unsatisfiable."""
    found = RANGE.fullmatch(asked)
    if not found:
        return 0, size_bytes
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        begin, end = max(0, size_bytes - int(last)), size_bytes
    else:
        begin, end = int(first), min(size_bytes, int(last) + 1) if last else size_bytes
    return (begin, end) if begin < end else None

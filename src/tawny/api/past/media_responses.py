"""Responses with video: byte ranges (RFC 9110), streams that end with the session, and cut clips."""

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from tawny.api import serializers
from tawny.api.auth.access import LOOK_S as RIGHTS_S
from tawny.api.auth.access import has_ended, the_session
from tawny.api.context import AppContext, app_context
from tawny.api.errors import RequestRefused, answer, bad_input
from tawny.api.request_handling import UNLOCKED
from tawny.delivery.file_names import name_stamp
from tawny.model.errors import TawnyError
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback.clips import MOST_COVERED_S, ClipFile, ClipTooLarge, ClipTooLongToMask
from tawny.playback.segment_player import SegmentPlayback

log = logging.getLogger(__name__)

# Streaming with continuous access checks, however slow the connection is and however long nothing is sent.

LOOK_S = RIGHTS_S
MOST_CLIP_BYTES = 20_000_000_000
PART_BYTES = 1 << 16
"""Bytes passed to the network at once, as they cannot be taken back."""


class GuardedStreamingResponse(StreamingResponse):
    """Aborts the response when access ends, or the data; the client detects the truncation.

    is_there: returns whether what is sent still exists; called as often as access is checked.
    """

    def __init__(
        self,
        request: Request,
        data: Iterable[bytes] | AsyncIterable[bytes],
        status_code: int,
        headers: Mapping[str, str],
        media_type: str,
        is_there: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(data, status_code, headers, media_type)
        self._request, self._clock, self._is_there = request, app_context(request).recorder.clock, is_there

    async def stream_response(self, send: Send) -> None:
        """Send until the end, or until access ends, also while the client reads nothing or nothing is there to send."""
        tasks = [asyncio.create_task(self._send_or_abort(send)), asyncio.create_task(self._await_end())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error

    async def _await_end(self) -> None:
        await asyncio.sleep(LOOK_S)
        while not await self._is_over():
            await asyncio.sleep(LOOK_S)

    async def _is_over(self) -> bool:
        return not await asyncio.to_thread(self._is_there) or await has_ended(self._request)

    async def _send_or_abort(self, send: Send) -> None:
        try:
            await self._send_all(send)
        except TawnyError as error:  # such as a recording that was deleted; the status is sent already
            log.warning("ended %s early: %s", self._request.url.path, error)

    async def _send_all(self, send: Send) -> None:
        looked_s = self._clock.mono_s()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            assert isinstance(piece, bytes)
            for begin in range(0, len(piece), PART_BYTES):
                if self._clock.mono_s() - looked_s >= LOOK_S:
                    looked_s = self._clock.mono_s()
                    if await self._is_over():
                        return  # no final chunk: the server closes the connection
                part = piece[begin : begin + PART_BYTES]
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def while_unlocked(request: Request) -> Callable[[], bool]:
    """Return what says whether a session that had unlocked encrypted recordings still has; true for others."""
    if not request.scope.get("state", {}).get(UNLOCKED):
        return lambda: True
    unlocks, session = app_context(request).unlocks, the_session(request)
    return lambda: unlocks.of(session) is not None


def stream_recording(request: Request, playing: SegmentPlayback, **more: str) -> GuardedStreamingResponse:
    """Return the response. `X-Start-Ms`: UTC of media time 0. more: additional headers."""
    headers = {"X-Start-Ms": str(playing.start_ms), "X-Codecs": playing.codecs, **more}
    if playing.size_bytes is not None:
        headers["Content-Length"] = str(playing.size_bytes)
    return GuardedStreamingResponse(request, playing.data, 200, headers, "video/mp4", while_unlocked(request))


def wrapped_headers(wrapped: bytes) -> dict[str, str]:
    """Return the header `X-Wrapped`: an encrypted file's key as in its day's key ring, for decryption in the page."""
    return {"X-Wrapped": b64encode(wrapped).decode()} if wrapped else {}


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
    sent = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    known = request.headers.get("if-none-match", "").split(",")
    if etag in [part.strip().removeprefix("W/") for part in known]:  # proxies that compress put `W/` before it
        return Response(status_code=304, headers=sent)
    range_header = request.headers.get("range")
    if range_header and request.headers.get("if-range", etag) != etag:
        range_header = None  # the file has changed
    part = part_of(range_header, size_bytes) if range_header else (0, size_bytes)
    if part is None:
        refused = answer(416, "bad_range", f"This file has {size_bytes} bytes.", "Ask for a part of it.")
        refused.headers.update({**sent, "Content-Range": f"bytes */{size_bytes}"})
        return refused
    begin, end = part
    sent["Content-Length"] = str(end - begin)
    is_part = range_header is not None and RANGE.fullmatch(range_header) is not None
    if is_part:
        sent["Content-Range"] = f"bytes {begin}-{end - 1}/{size_bytes}"
    body = read(begin, end) if request.method == "GET" else iter(())
    return GuardedStreamingResponse(request, body, 206 if is_part else 200, sent, media_type, is_there)


def part_of(range_header: str, size_bytes: int) -> tuple[int, int] | None:
    """Return begin and end of a `Range` header; everything for an unknown form; None if unsatisfiable."""
    found = RANGE.fullmatch(range_header)
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


# HTTP responses with clips.


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """The clip that a request is for. exact: starts exactly at the span's begin. rest_ms: as of `ClipCache.clip`."""

    camera: CameraId
    span: Span
    stream: StreamName = StreamName.MAIN
    with_sound: bool = True
    exact: bool = False
    rest_ms: int | None = None


async def cut_clip(context: AppContext, clip_request: ClipRequest) -> ClipFile:
    """Cut a clip. Raises RequestRefused: when nothing is recorded, or the clip would be too large."""
    sound, exact, rest_ms = clip_request.with_sound, clip_request.exact, clip_request.rest_ms
    find = partial(context.clips.clip, with_sound=sound, exact=exact, rest_ms=rest_ms)
    try:
        async with context.cutting:
            clip = await asyncio.to_thread(
                find, clip_request.camera, clip_request.stream, clip_request.span, MOST_CLIP_BYTES
            )
    except ClipTooLongToMask as error:
        raise too_long_to_mask() from error
    except ClipTooLarge as error:
        raise bad_input("This clip would be larger than 20 GB.", "Choose a shorter time.") from error
    if clip is None:
        raise no_clip()
    return clip


def too_long_to_mask() -> RequestRefused:
    long = f"{MOST_COVERED_S / 60:.0f} min"
    what = f"Clips from cameras with privacy masks can be at most {long} long, because they are re-encoded."
    return bad_input(what, "Choose a shorter time.")


def no_clip() -> RequestRefused:
    return RequestRefused(404, "nothing_recorded", "There is no video in this time.", "Choose another time.")


MOST_ELSEWHERE = 50
"""Number of times in `X-Elsewhere-Ms`: headers must not grow without limit."""


async def answer_clip(
    context: AppContext, request: Request, clip_request: ClipRequest, attachment: str | None = None
) -> Response:
    """Return a clip or the requested range of it. attachment: file name for saving.

    `X-Cut-At-Ms`, `X-Rest-Ms`: if it ends early, from where, and with what, to ask for the rest. `X-Elsewhere-Ms`:
    times that only the other stream has, as `BEGIN-END,BEGIN-END`.
    """
    clip = await cut_clip(context, clip_request)
    headers = {"X-Start-Ms": str(clip.start_ms), "Cache-Control": "private, no-cache"}
    if clip.rest_from_ms is not None:
        headers |= {"X-Cut-At-Ms": str(clip.rest_from_ms), "X-Rest-Ms": str(clip.rest_ms)}
    if clip.elsewhere:
        most = clip.elsewhere[:MOST_ELSEWHERE]
        headers["X-Elsewhere-Ms"] = ",".join(f"{part.begin_ms}-{part.end_ms}" for part in most)
    if attachment is not None:
        headers["Content-Disposition"] = disposition(attachment)
    return ranged(
        request,
        size_bytes=clip.size_bytes,
        etag=clip.etag,
        read=clip.read,
        media_type="video/mp4",
        headers=headers,
        is_there=while_unlocked(request),
    )


def clip_name(context: AppContext, camera: CameraId, from_ms: int) -> str:
    """Return `Front door 2026-11-20 05.58.12.mp4`, in the recorder's time zone."""
    return timed_name(context, serializers.camera_name(context.recorder, camera), from_ms)


def timed_name(context: AppContext, title: str, from_ms: int, suffix: str = ".mp4") -> str:
    at = datetime.fromtimestamp(from_ms // 1000, UTC).astimezone(context.zone)
    return f"{title} {name_stamp(at)}{suffix}"


def disposition(name: str) -> str:
    """Return a Content-Disposition header with ASCII fallback (RFC 6266)."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "-", name)
    plain = name.encode("ascii", "replace").decode().replace("?", "-")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"

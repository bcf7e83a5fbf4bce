"""HTTP responses with clips."""

import asyncio
import re
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from tawny.api import serializers
from tawny.api.byte_ranges import ranged
from tawny.api.context import AppContext
from tawny.api.errors import RequestRefused, bad_input
from tawny.api.parameters import MOST_CLIP_BYTES
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.playback.clips import MOST_COVERED_S, ClipFile, ClipTooLarge, ClipTooLongToMask


async def cut_clip(
    here: AppContext, camera: CameraId, span: Span, stream: StreamName, *, with_sound: bool = True, exact: bool = False
) -> ClipFile:
    """Cut a clip. Raises RequestRefused: when nothing is recorded, or the clip would be too large."""
    make = partial(here.clips.clip, camera, stream, span, MOST_CLIP_BYTES, with_sound=with_sound, exact=exact)
    try:
        async with here.cutting:
            clip = await asyncio.to_thread(make)
    except ClipTooLongToMask as error:
        long = f"{MOST_COVERED_S / 60:.0f} min"
        what = f"Clips from cameras with privacy masks can be at most {long} long, because they are re-encoded."
        raise bad_input(what, "Choose a shorter time.") from error
    except ClipTooLarge as error:
        raise bad_input("This clip would be larger than 20 GB.", "Choose a shorter time.") from error
    if clip is None:
        raise RequestRefused(404, "nothing_recorded", "There is no video in this time.", "Choose another time.")
    return clip


async def answer_clip(
    here: AppContext,
    request: Request,
    camera: CameraId,
    span: Span,
    stream: StreamName,
    attachment: str | None = None,
    *,
    with_sound: bool = True,
    exact: bool = False,
) -> Response:
    """Return a clip or the requested range of it. attachment: file name for saving."""
    clip = await cut_clip(here, camera, span, stream, with_sound=with_sound, exact=exact)
    headers = {"X-Start-Ms": str(clip.start_ms), "Cache-Control": "private, no-cache"}
    if clip.cut_at_ms is not None:
        headers["X-Cut-At-Ms"] = str(clip.cut_at_ms)
    if attachment is not None:
        headers["Content-Disposition"] = disposition(attachment)
    return ranged(
        request, size_bytes=clip.size_bytes, etag=clip.etag, read=clip.read, media_type="video/mp4", headers=headers
    )


def clip_name(here: AppContext, camera: CameraId, from_ms: int) -> str:
    """Return `Front door 2026-11-20 05.58.12.mp4`, in the recorder's time zone."""
    at = datetime.fromtimestamp(from_ms // 1000, UTC).astimezone(here.zone)
    return f"{serializers.camera_name(here.recorder, camera)} {at:%Y-%m-%d %H.%M.%S}.mp4"


def disposition(name: str) -> str:
    """Return a Content-Disposition header with ASCII fallback (RFC 6266)."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "-", name)
    plain = name.encode("ascii", "replace").decode().replace("?", "-")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"

"""Routes for the clips of several events as one ZIP file, written while it is sent: nothing is stored meanwhile.

A clip that can't be had is left out and named in a text file at the end, so that a part is not taken for the whole.
"""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from fastapi import APIRouter, Query, Request
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response

from tawny.api.auth.access import Access, Note, parse_list, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, sealed_error, without_paths
from tawny.api.events.event_routes import clip_span
from tawny.api.past.media_responses import (
    ClipRequest,
    GuardedStreamingResponse,
    clip_name,
    cut_clip,
    disposition,
    while_unlocked,
)
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiResponse
from tawny.model.errors import FileMissing, TawnyError
from tawny.model.ids import EventId
from tawny.playback.clips import ClipFile, other_stream
from tawny.playback.recordings import segments
from tawny.storage.disk.layout import is_sealed

router = APIRouter(route_class=WorkerRoute)
view = [rule(Access.VIEW)]
MOST_EVENTS = 100
"""As many IDs as an address may hold."""
EventIds = Annotated[str, Query(min_length=1, max_length=3600, pattern=r"^[A-Za-z0-9,-]+$")]
MISSING = "Missing clips.txt"
_GONE: Final = "Its recording can't be found any more: it was deleted, or its disk is missing."
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
"""What file names of some systems must not contain."""
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""A ZIP file knows no earlier time; a camera whose clock was wrong does."""


class MissingClip(ApiResponse):
    """event: ID. name: as its file would be called; empty for an event that is not found."""

    event: str
    name: str
    why: str


class ClipsZipInfo(ApiResponse):
    """What a ZIP file with the clips of these events holds. clips: their number."""

    clips: int
    missing: list[MissingClip]
    file: str
    """URL of the ZIP file."""


@dataclass(frozen=True, slots=True)
class _Plan:
    clips: dict[str, ClipRequest]
    """By file name."""
    missing: tuple[MissingClip, ...]


@router.get("/api/v1/clips/zip", dependencies=view)
def about_clips_zip(events: EventIds, context: Context) -> ClipsZipInfo:
    """Say what a ZIP file with the clips of these events would hold, and what it can't."""
    plan = _planned(events, context)
    return ClipsZipInfo(clips=len(plan.clips), missing=list(plan.missing), file=f"/media/clips.zip?events={events}")


@router.get("/media/clips.zip", dependencies=view, response_class=Response)
async def clips_zip(events: EventIds, request: Request, note: Note, context: Context) -> Response:
    """Return the clips of up to 100 events in one ZIP file, without re-encoding."""
    plan = await asyncio.to_thread(_planned, events, context)
    at = datetime.fromtimestamp(context.recorder.clock.now_ms() / 1000, context.zone)
    name = f"tawny {at:%Y-%m-%d %H.%M.%S}.zip"
    await asyncio.to_thread(note, "clips", f"{name}: {', '.join(plan.clips)}"[:500])
    headers = {"Content-Disposition": disposition(name), "Cache-Control": "private, no-store"}
    return GuardedStreamingResponse(
        request, _zipped(plan, context), 200, headers, "application/zip", while_unlocked(request)
    )


def _planned(events: str, context: AppContext) -> _Plan:
    """Raises RequestRefused: when one is encrypted and locked, when there are too many, or none can be had."""
    clips, missing, names = dict[str, ClipRequest](), list[MissingClip](), set[str]()
    ids = list(dict.fromkeys(parse_list(events)))
    if not ids:
        raise bad_input("No event is given.", "Choose the events whose clips you want.")
    if len(ids) > MOST_EVENTS:
        raise RequestRefused(400, "bad_input", f"At most {MOST_EVENTS} clips fit one download.", "Select fewer.")
    for one in ids:
        event = context.recorder.index.event(EventId(one))
        if event is None:
            missing.append(MissingClip(event=one, name="", why="This event was deleted, or you can't see its camera."))
            continue
        name = _unique(clip_name(context, event.camera, event.start_ms), names)
        span = clip_span(event, context)
        found = segments(context.recorder, event.camera, None, span)
        if any(is_sealed(part.path) for part in found) and not context.is_unlocked:
            raise sealed_error()
        if event.end_ms is None:
            missing.append(MissingClip(event=one, name=name, why="This event isn't over yet."))
        elif not found:
            missing.append(MissingClip(event=one, name=name, why="There is no video of it any more."))
        else:
            clips[name] = ClipRequest(event.camera, span)
    if not clips:
        raise RequestRefused(404, "nothing_recorded", "There is no clip to download.", missing[0].why)
    return _Plan(clips, tuple(missing))


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that no other file of the ZIP has."""
    name, number = _FORBIDDEN.sub("-", name), 2
    while name in taken:
        name, number = f"{name.removesuffix('.mp4').removesuffix(f' {number - 1}')} {number}.mp4", number + 1
    taken.add(name)
    return name


class _Outlet(io.RawIOBase):
    """Takes what `ZipFile` writes until it is sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole


async def _zipped(plan: _Plan, context: AppContext) -> AsyncIterator[bytes]:
    """Yield the file. One clip at a time is open, and of it only what is being sent is in memory."""
    outlet, missing = _Outlet(), [f"{one.name or one.event}: {one.why}" for one in plan.missing]
    file = ZipFile(outlet, "w", ZIP_STORED)  # closed only when whole: of an aborted download nothing is finished
    for name, clip_request in plan.clips.items():
        try:
            clip = await cut_clip(context, clip_request)
            at = datetime.fromtimestamp(clip.start_ms / 1000, context.zone)
            info = ZipInfo(name, max(at.timetuple()[:6], _EARLIEST))
            async for piece in iterate_in_threadpool(_packed(file, info, clip, outlet)):
                yield piece
            if clip.cut_at_ms is not None:
                missing.append(f"{name}: It ends early, because the camera's video format changed.")
            if clip.unreadable:
                lost_s = sum(gap.span(0).seconds for gap in clip.unreadable)
                missing.append(f"{name}: {lost_s:.0f} s of it are missing, because they can't be read.")
            if clip.elsewhere:
                other_s = sum(part.seconds for part in clip.elsewhere)
                missing.append(
                    f"{name}: {other_s:.0f} s are only in the {other_stream(clip.stream)} stream, so not in it."
                )
            if clip.is_mute:
                missing.append(f"{name}: It has no sound, because it is longer than an hour and its sound is G.711.")
        except TawnyError as error:
            if name in file.NameToInfo:  # a part of it was sent already; what isn't in the directory isn't unpacked
                file.filelist.remove(file.NameToInfo.pop(name))
            missing.append(f"{name}: {_GONE if isinstance(error, FileMissing) else without_paths(error)}")
    if missing:
        file.writestr(MISSING, "\r\n".join([*missing, ""]))
    file.close()
    yield outlet.taken()


def _packed(file: ZipFile, info: ZipInfo, clip: ClipFile, outlet: _Outlet) -> Iterator[bytes]:
    with file.open(info, "w", force_zip64=True) as member:
        for data in clip.read(0, clip.size_bytes):
            member.write(data)
            yield outlet.taken()

"""Routes to remove a camera or delete recordings, each with half a minute to undo it. For owners."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from tawny.api.admin.camera_setup_routes import run_setup
from tawny.api.auth.access import MOST_LISTED, Access, Note, OneCamera, Signed, known_camera, parse_span, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.config.units import size_text
from tawny.model.ids import CameraId, EventId
from tawny.model.times import LATEST_MS, Span, utc_text
from tawny.service.cameras.camera_setup import CameraRemoval, CameraSetupService
from tawny.service.recorder import event_rolls
from tawny.service.retention.recording_deletion import DeletionPreview, DeletionScope

router = APIRouter(prefix="/api/v1/cameras/{camera}", route_class=WorkerRoute)
deletions_router = APIRouter(prefix="/api/v1/deletions", route_class=WorkerRoute)
own = [rule(Access.OWN)]
LISTED = 5
"""Maximum number of events named in one audit log entry."""
WithKept = Annotated[bool, Query(description="Kept events and their recordings go too.")]


class StoredInfo(ApiResponse):
    """What is stored of a camera. kept: number of its kept events, at most 100. oldest_ms: null without any.

    pre_s, post_s: pre-roll and post-roll of its events, s.
    """

    bytes: int
    kept: int
    oldest_ms: int | None
    pre_s: float
    post_s: float


class UndoableInfo(ApiResponse):
    """undo_until_ms: until then it can be undone."""

    undo_until_ms: int


@router.get("/stored", dependencies=own)
def stored_of_camera(camera: OneCamera, context: Context) -> StoredInfo:
    """Return how much is stored of a camera, configured or removed."""
    found = context.deleting.stored(known_camera(camera, context))
    pre_s, post_s = event_rolls(context.recorder, camera)
    return StoredInfo(bytes=found.size_bytes, kept=found.kept, oldest_ms=found.oldest_ms, pre_s=pre_s, post_s=post_s)


@router.delete("", dependencies=own)
async def remove_camera(
    camera: OneCamera,
    note: Note,
    signed: Signed,
    context: Context,
    *,
    recordings: Literal["keep", "delete"] = "keep",
    with_kept: WithKept = False,
) -> UndoableInfo:
    """Remove a camera from the settings. It can be restored for half a minute.

    Its recordings stay until retention deletes them, or are deleted when it can no longer be restored.
    """
    is_deleting = recordings == "delete"

    def remove(setup: CameraSetupService) -> UndoableInfo:
        amount = size_text(context.deleting.stored(camera).size_bytes) if is_deleting else ""
        until_ms = setup.remove(camera, CameraRemoval(signed.person.name, is_deleting, with_kept))
        note("camera removed", f"{camera}: deletes {amount} of recordings" if is_deleting else camera)
        return UndoableInfo(undo_until_ms=until_ms)

    return await run_setup(context, "camera setup", remove)


@router.post("/restore", dependencies=own)
async def restore_camera(camera: OneCamera, note: Note, context: Context) -> OkResponse:
    """Put back a camera that was removed less than half a minute ago, with its settings, zones and password."""

    def restore(setup: CameraSetupService) -> None:
        setup.restore(camera)
        note("camera restored", camera)

    await run_setup(context, "camera setup", restore)
    return OkResponse()


@router.post("/restart", dependencies=own)
async def restart_camera(camera: OneCamera, note: Note, context: Context) -> OkResponse:
    """Disconnect from a camera and connect to it again."""

    def restart(setup: CameraSetupService) -> None:
        setup.restart(camera)
        note("camera restarted", camera)

    await run_setup(context, "camera setup", restart)
    return OkResponse()


@router.delete("/recordings", dependencies=own)
def delete_recordings(
    camera: OneCamera, note: Note, signed: Signed, context: Context, *, with_kept: WithKept = False
) -> UndoableInfo:
    """Delete what is recorded of a camera until now, in half a minute. The camera goes on recording."""
    deleting = context.deleting
    amount = size_text(deleting.stored(known_camera(camera, context)).size_bytes)
    until_ms = deleting.delete_all_of(camera, signed.person.name, with_kept=with_kept)
    note("recordings deleted", f"{camera}: {amount}")
    return UndoableInfo(undo_until_ms=until_ms)


@router.post("/recordings/restore", dependencies=own)
def keep_recordings(camera: OneCamera, note: Note, context: Context) -> OkResponse:
    """Undo the deletion of a camera's recordings."""
    _cancel(camera, context)
    note("recordings restored", camera)
    return OkResponse()


class DeletionRequest(ApiRequest):
    """What to delete: events; or a time of these cameras, none: of all. Without a time: everything until now.

    event: one more.
    """

    event: Annotated[str, Field(max_length=64)] | None = None
    events: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=500)] = Field(default_factory=list)
    cameras: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=MOST_LISTED)] = Field(
        default_factory=list
    )
    from_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] | None = None
    to_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] | None = None
    with_kept: bool = False


class DeletionStarted(ApiResponse):
    """id: to undo it until undo_until_ms."""

    id: str
    undo_until_ms: int


@deletions_router.post("/preview", dependencies=own)
def preview_deletion(body: DeletionRequest, context: Context) -> DeletionPreview:
    """Return how much a deletion would take. Deletes nothing."""
    return context.deleting.measure(_wanted(body, context))


@deletions_router.post("", dependencies=own)
def delete_stored(body: DeletionRequest, note: Note, signed: Signed, context: Context) -> DeletionStarted:
    """Delete an event, a time or everything, in half a minute. Recording goes on; uploads elsewhere stay."""
    deleting, wanted = context.deleting, _wanted(body, context)
    amount = size_text(deleting.measure(wanted).bytes)
    key, until_ms = deleting.delete(wanted, signed.person.name)
    what = _named(wanted.events) or ", ".join(wanted.cameras) or "all cameras"
    when = f" {utc_text(wanted.span.begin_ms)} to {utc_text(wanted.span.end_ms)}" if wanted.span else ""
    note("recordings deleted", f"{what}{when}: {amount}")
    return DeletionStarted(id=key, undo_until_ms=until_ms)


@deletions_router.delete("/{deletion}", dependencies=own)
def undo_deletion(deletion: Annotated[str, Path(max_length=40)], note: Note, context: Context) -> OkResponse:
    """Undo a deletion, within half a minute."""
    _cancel(deletion, context)
    note("recordings restored", "")
    return OkResponse()


def _cancel(key: str, context: AppContext) -> None:
    """Undo a deletion. Raises RequestRefused: it was carried out, or there is none."""
    if context.deleting.cancel(key):
        return
    if context.deleting.is_too_late(key):
        raise RequestRefused(
            409, "too_late", "These recordings are deleted already.", "A deletion can be undone for half a minute."
        )
    raise not_found("There is no such deletion.", "It was undone already, or it is over.")


def _wanted(body: DeletionRequest, context: AppContext) -> DeletionScope:
    """Return the parsed request. Raises RequestRefused: a time without an end, or a camera that is unknown."""
    if (body.from_ms is None) != (body.to_ms is None):
        raise bad_input("A time needs a begin and an end.", "Send `from_ms` and `to_ms`.")
    events = list(dict.fromkeys([*body.events, *([body.event] if body.event else [])]))
    if events and (body.cameras or body.from_ms is not None):
        raise bad_input("An event has its own camera and time.", "Send the events alone.")
    span = None
    if body.from_ms is not None and body.to_ms is not None:
        parse_span(body.from_ms, body.to_ms, math.inf)
        span = Span(max(1, body.from_ms), body.to_ms)
    cameras = [known_camera(CameraId(one), context) for one in body.cameras]
    return DeletionScope(cameras, span, tuple(map(EventId, events)), body.with_kept)


def _named(events: Sequence[EventId]) -> str:
    more = f" and {len(events) - LISTED} more" if len(events) > LISTED else ""
    return f"event{'' if len(events) == 1 else 's'} {', '.join(events[:LISTED])}{more}" if events else ""

"""Routes to remove a camera or delete its recordings, both with half a minute to undo it. For owners."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from tawny.api.admin.camera_setup_routes import run_setup
from tawny.api.auth.access import Access, Note, OneCamera, Signed, known_camera, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiResponse, OkResponse
from tawny.config.units import size_text
from tawny.service.cameras.camera_setup import CameraRemoval, CameraSetupService
from tawny.service.retention.recording_deletion import RecordingDeletion

router = APIRouter(prefix="/api/v1/cameras/{camera}", route_class=WorkerRoute)
own = [rule(Access.OWN)]
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
def stored_of_camera(camera: OneCamera, here: Here) -> StoredInfo:
    """Return how much is stored of a camera, configured or removed."""
    found = _deleting(here).stored(known_camera(camera, here))
    view = next((one for one in here.recorder.cameras() if one.status.id == camera), None)
    pre_s, post_s = (view.pre_s, view.post_s) if view else (0.0, 0.0)
    return StoredInfo(bytes=found.size_bytes, kept=found.kept, oldest_ms=found.oldest_ms, pre_s=pre_s, post_s=post_s)


@router.delete("", dependencies=own)
async def remove_camera(
    camera: OneCamera,
    note: Note,
    signed: Signed,
    here: Here,
    *,
    recordings: Literal["keep", "delete"] = "keep",
    with_kept: WithKept = False,
) -> UndoableInfo:
    """Remove a camera from the settings. It can be restored for half a minute.

    Its recordings stay until retention deletes them, or are deleted when it can no longer be restored.
    """
    is_deleting = recordings == "delete"

    def remove(setup: CameraSetupService) -> UndoableInfo:
        amount = size_text(_deleting(here).stored(camera).size_bytes) if is_deleting else ""
        until_ms = setup.remove(camera, CameraRemoval(signed.person.name, is_deleting, with_kept))
        note("camera removed", f"{camera}: deletes {amount} of recordings" if is_deleting else camera)
        return UndoableInfo(undo_until_ms=until_ms)

    return await run_setup(here, "camera setup", remove)


@router.post("/restore", dependencies=own)
async def restore_camera(camera: OneCamera, note: Note, here: Here) -> OkResponse:
    """Put back a camera that was removed less than half a minute ago, with its settings, zones and password."""

    def restore(setup: CameraSetupService) -> None:
        setup.restore(camera)
        note("camera restored", camera)

    await run_setup(here, "camera setup", restore)
    return OkResponse()


@router.post("/restart", dependencies=own)
async def restart_camera(camera: OneCamera, note: Note, here: Here) -> OkResponse:
    """Disconnect from a camera and connect to it again."""

    def restart(setup: CameraSetupService) -> None:
        setup.restart(camera)
        note("camera restarted", camera)

    await run_setup(here, "camera setup", restart)
    return OkResponse()


@router.delete("/recordings", dependencies=own)
def delete_recordings(
    camera: OneCamera, note: Note, signed: Signed, here: Here, *, with_kept: WithKept = False
) -> UndoableInfo:
    """Delete what is recorded of a camera until now, in half a minute. The camera goes on recording."""
    deleting = _deleting(here)
    amount = size_text(deleting.stored(known_camera(camera, here)).size_bytes)
    until_ms = deleting.ask(camera, signed.person.name, with_kept=with_kept)
    note("recordings deleted", f"{camera}: {amount}")
    return UndoableInfo(undo_until_ms=until_ms)


@router.post("/recordings/restore", dependencies=own)
def keep_recordings(camera: OneCamera, note: Note, here: Here) -> OkResponse:
    """Undo the deletion of a camera's recordings."""
    if not _deleting(here).cancel(camera):
        raise RequestRefused(409, "too_late", "These recordings are deleted already.", "")
    note("recordings restored", camera)
    return OkResponse()


def _deleting(here: AppContext) -> RecordingDeletion:
    if here.deleting is None:
        raise RequestRefused(409, "not_saved", "Recordings can't be deleted here.", "")
    return here.deleting

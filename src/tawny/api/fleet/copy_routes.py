"""Copies of recordings: what a box gives its hub, file by file, and what a hub says of the copies that it holds."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from tawny.api import schemas
from tawny.api.auth.access import Access, At, Note, Signed, parse_span, rule
from tawny.api.auth.accounts import LoginSession
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.fleet.relay_routes import the_hub
from tawny.api.request_handling import BY_HUB, WorkerRoute, in_worker
from tawny.fleet.copy_reader import UNREADABLE
from tawny.fleet.copy_source import MOST_PART_BYTES, CopySource, SourceFile, digest_of_list
from tawny.fleet.copy_store import CopiedBox, CopyState
from tawny.fleet.copy_volume import Proof
from tawny.model.errors import NotDone, StorageError, StorageUnavailable
from tawny.model.ids import CameraId
from tawny.service.copied_recorder import describe_cameras
from tawny.storage.disk.layout import is_camera

view, own = [rule(Access.VIEW)], [rule(Access.OWN)]
router = APIRouter(prefix="/api/v1/copies", route_class=WorkerRoute, include_in_schema=False)
hub_router = APIRouter(prefix="/api/v1/fleet/copies", route_class=WorkerRoute)
OneFolder = Annotated[str, Path(max_length=100, pattern=r"^[a-z0-9-]+$")]
OneCopied = Annotated[CameraId, Query(max_length=64)]
Known = Annotated[str, Query(max_length=64)]


# --- by the box, for its hub alone


def _source(context: AppContext, signed: LoginSession) -> CopySource:
    """Return what may be copied. Raises RequestRefused: a person asks; files show what is under privacy masks."""
    if signed.how != BY_HUB or context.copy_source is None:
        raise not_found("This is for hubs only.", "Save a clip instead.")
    return context.copy_source


@router.get("/about", dependencies=view)
def about(context: Context, signed: Signed) -> Response:
    source = _source(context, signed)
    data = {
        "genesis": source.genesis(), "host": context.title, "zone": context.recorder.zone,
        "cameras": describe_cameras(context.recorder), "now_ms": context.recorder.clock.now_ms(),
    }  # fmt: skip
    return JSONResponse(data)


@router.get("/history", dependencies=view)
def history(context: Context, signed: Signed, same: Known = "") -> Response:
    return _listed(_source(context, signed).history(), same)


@router.get("/recordings", dependencies=view)
def recordings(
    camera: OneCopied, from_ms: At, to_ms: At, context: Context, signed: Signed, same: Known = ""
) -> Response:
    source = _source(context, signed)
    return _listed(source.recordings(_known(camera), parse_span(from_ms, to_ms, 2)), same)


@router.get("/days", dependencies=view)
def days(camera: OneCopied, from_ms: At, to_ms: At, context: Context, signed: Signed, same: Known = "") -> Response:
    source = _source(context, signed)
    return _listed(source.day_files(_known(camera), parse_span(from_ms, to_ms, 2)), same)


@router.get("/file", dependencies=view)
def file(
    path: Annotated[str, Query(max_length=200)],
    at: Annotated[int, Query(ge=0)],
    count: Annotated[int, Query(ge=1, le=MOST_PART_BYTES)],
    context: Context,
    signed: Signed,
) -> Response:
    """Return a part of a file."""
    source = _source(context, signed)
    try:
        data = source.read(path, at, count)
    except NotDone as error:
        raise RequestRefused(503, "recorder_busy", error.what, error.todo) from None
    except StorageUnavailable:
        raise
    except StorageError:
        raise RequestRefused(UNREADABLE, "unreadable", "The recorder's disk can't read this file.") from None
    except ValueError:
        data = None  # no path
    if data is None:
        raise not_found("File not found.")
    return Response(data, media_type="application/octet-stream")


def _known(camera: CameraId) -> CameraId:
    if not is_camera(camera):
        raise not_found("Camera not found.")
    return camera


def _listed(files: list[SourceFile], same: str) -> Response:
    digest = digest_of_list(files)
    received: dict[str, Any] = {"digest": digest}
    return JSONResponse(received if digest == same else received | {"files": files})


# --- by the hub, for people


class CopiesInfo(schemas.ApiResponse):
    """Copies of one recorder on this hub."""

    folder: str
    """Their pages are at `/boxes/{folder}--copies/`."""
    box: str
    name: str
    former: bool
    """Of a recorder that was replaced, restored from a backup or started with a new disk; nothing is added."""
    wanted: bool
    """The settings ask for copies."""
    copying: bool
    waiting_files: int
    waiting_bytes: int
    from_ms: int | None
    """Begin of the oldest copy; None: there are none."""
    to_ms: int | None
    size_bytes: int
    files: int
    unproved: int
    """Copies that wait for the recorder's statement."""
    unsigned: int
    """Whole copies without a signature: older than the signed history, or reduced to keyframes."""
    damaged: int
    """Files that the recorder has damaged; they are not copied."""
    problem: str


class CopiesList(schemas.ApiResponse):
    copies: list[CopiesInfo]
    free_bytes: int
    """Space for further copies."""
    problem: str = ""
    """Why no copies can be used, such as that their disk isn't mounted; empty: all is well."""


@hub_router.get("", dependencies=view)
def fleet_copies(context: Context) -> CopiesList:
    """Return which copies of other recorders this hub holds, and how far they are."""
    hub = the_hub(context)
    if context.copies is None:
        return CopiesList(copies=[], free_bytes=0)
    store, wanted = context.copies.store, {one.recorder for one in context.copies.rules()}
    keys = {box.id: box.key.hex() for box in hub.index.boxes()}
    found = []
    for one in store.all():
        is_former = one.state.is_former or keys.get(one.state.id, one.state.key) != one.state.key
        is_wanted = not is_former and not wanted.isdisjoint(("", one.state.id))
        found.append(_info(one, is_former=is_former, wanted=is_wanted))
    found += [_unreadable(state) for state in store.unreadable.values()]
    return CopiesList(copies=found, free_bytes=store.free_bytes(), problem=store.problem)


@hub_router.delete("/{folder}", dependencies=own, status_code=204)
async def delete_copies(folder: OneFolder, context: Context, note: Note) -> None:
    """Delete the copies of a recorder. If the settings still ask for copies, they begin again."""
    the_hub(context)
    if context.copies is None or not await context.copies.remove(folder):
        raise not_found("There are no such copies.")
    await in_worker(note, "copies deleted", folder)


def _unreadable(state: CopyState) -> CopiesInfo:
    return CopiesInfo(
        folder=state.folder, box=state.id, name=state.name, former=state.is_former, wanted=False, copying=False,
        waiting_files=0, waiting_bytes=0, from_ms=None, to_ms=None, size_bytes=0, files=0, unproved=0, unsigned=0,
        damaged=0, problem=state.problem,
    )  # fmt: skip


def _info(one: CopiedBox, *, is_former: bool, wanted: bool) -> CopiesInfo:
    copied, state = one.copied, one.state
    span = copied.bounds()
    return CopiesInfo(
        folder=state.folder, box=state.id, name=state.name, former=is_former, wanted=wanted,
        copying=state.is_copying, waiting_files=state.waiting_files, waiting_bytes=state.waiting_bytes,
        from_ms=span.begin_ms if span else None, to_ms=span.end_ms if span else None,
        size_bytes=copied.index.size_bytes(), files=copied.index.count(),
        unproved=len(copied.notes.unproved(Proof.WAITING)), unsigned=len(copied.notes.unproved(Proof.UNSIGNED)),
        damaged=state.damaged, problem=state.problem,
    )  # fmt: skip

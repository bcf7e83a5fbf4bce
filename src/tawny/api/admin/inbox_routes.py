"""Upload API for other recorders: upload, read back, list and delete files with an upload token."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from tawny.api.auth.access import Access, Signed, await_end, refuse_ended, rule
from tawny.api.auth.passes import UploadRight
from tawny.api.context import Context
from tawny.api.errors import RequestRefused, bad_input
from tawny.api.inbox import PORTION_BYTES, BroughtInfo, InboxWrite, Upload
from tawny.api.past.media_responses import GuardedStreamingResponse
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiResponse, OkResponse

# API schemas of files uploaded by other recorders.


class BroughtList(ApiResponse):
    """Uploaded files. most_bytes: the token's quota."""

    items: list[BroughtInfo]
    used_bytes: int
    most_bytes: int


class BroughtState(ApiResponse):
    """State of a file; null if it doesn't exist. begun: bytes received of the unfinished upload with this checksum.

    With a token that may only add files, it is that of the file with this checksum, if its name got a number.
    """

    size: int | None
    modified_ms: int | None
    sha256: str | None
    begun: int


router = APIRouter(prefix="/api/v1/inbox", route_class=WorkerRoute)
bring = [rule(Access.BRING)]
OneName = Annotated[str, Query(min_length=1, max_length=1000)]
Bytes = Annotated[int, Field(ge=0, le=10**13)]


class UploadQuery(BaseModel):
    """A part of a file that another recorder uploads."""

    name: Annotated[str, Field(min_length=1, max_length=1000)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Bytes
    offset: Bytes = 0
    modified_ms: Bytes = 0


@router.get("/files", dependencies=bring)
def brought_files(context: Context, signed: Signed, prefix: Annotated[str, Query(max_length=1000)] = "") -> BroughtList:
    """List all files uploaded with this token, in this folder and below."""
    holder = signed.person.id
    right = _right_to_all(context, holder)
    found = context.inbox.files(holder, prefix.strip("/"))
    return BroughtList(
        items=found,
        used_bytes=context.inbox.used_bytes(holder),
        most_bytes=right.quota_bytes,
    )


@router.get("/state", dependencies=bring)
def brought_state(
    context: Context, signed: Signed, name: OneName, sha256: Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")] = ""
) -> BroughtState:
    """Return size and checksum of a file, and how many bytes of an unfinished upload `sha256` have arrived."""
    holder = signed.person.id
    same = context.inbox.same(holder, name, sha256) if sha256 else None
    found = same or context.inbox.find(holder, name)
    return BroughtState(
        size=found.size if found else None,
        modified_ms=found.modified_ms if found else None,
        sha256=sha256 if same else context.inbox.sha256(holder, found.name) if found else None,
        begun=context.inbox.begun_bytes(holder, sha256, name) if sha256 else 0,
    )


@router.get("/file", dependencies=bring, response_class=Response)
def brought_file(request: Request, context: Context, signed: Signed, name: OneName) -> Response:
    """Return the file's content."""
    _right_to_all(context, signed.person.id)
    path = context.inbox.path(signed.person.id, name)
    size_bytes = (path.stat()).st_size
    headers = {"Content-Length": str(size_bytes), "Content-Disposition": "attachment"}
    return GuardedStreamingResponse(request, _read(path, size_bytes), 200, headers, "application/octet-stream")


@router.put("/file", dependencies=bring)
async def bring_file(
    request: Request, context: Context, signed: Signed, query: Annotated[UploadQuery, Query()]
) -> BroughtInfo:
    """Upload the file's bytes from `offset` on. 200: the file is complete, verified and stored durably.

    With a token that may only add files, a second file of a name gets a number; the response has the name.
    """
    holder, inbox = signed.person.id, context.inbox
    upload = Upload(query.name, query.sha256, query.size, query.offset, query.modified_ms)
    right = await asyncio.to_thread(context.passes.upload_right, holder)
    writing = await asyncio.to_thread(inbox.begin, holder, upload, right)
    try:
        await _run_while_allowed(request, _taken(request, writing, query.size - query.offset))
    finally:
        await asyncio.to_thread(writing.close)
    name = await asyncio.to_thread(inbox.finish, holder, upload, right)
    return BroughtInfo(name=name, size=query.size, modified_ms=query.modified_ms)


@router.delete("/file", dependencies=bring)
def remove_brought(context: Context, signed: Signed, name: OneName) -> OkResponse:
    """Delete the file; not an error if it doesn't exist."""
    _right_to_all(context, signed.person.id)
    context.inbox.remove(signed.person.id, name)
    return OkResponse()


def _right_to_all(context: Context, holder: str) -> UploadRight:
    """Return the right of a token that may also read and delete its files. Raises RequestRefused for others."""
    right = context.passes.upload_right(holder)
    if right.only_adds:
        what = "This access token may only add files."
        raise RequestRefused(403, "only_adds", what, "Set `write_only = true` for this destination.")
    return right


async def _run_while_allowed(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Run it, and cancel it once the access token has ended. Raises RequestRefused."""
    task, watch = asyncio.create_task(work), asyncio.create_task(await_end(request))
    try:
        await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await refuse_ended(request)
    finally:
        watch.cancel()
        task.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)
    task.result()


async def _taken(request: Request, writing: InboxWrite, left_bytes: int) -> None:
    """Write the request body to disk in portions, outside the event loop."""
    held = bytearray()
    try:
        async for piece in request.stream():
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise bad_input("size: received more than announced.")
            held += piece
            if len(held) >= PORTION_BYTES:
                await asyncio.to_thread(writing.write, bytes(held))
                held.clear()
    except ClientDisconnect:
        left_bytes = max(left_bytes, 1)
    await asyncio.to_thread(writing.write, bytes(held))  # also after a disconnect: the client resumes from there
    if left_bytes:
        raise bad_input("size: received less than announced.", "Continue where it stopped.")


async def _read(path: Path, size_bytes: int) -> AsyncIterator[bytes]:
    for offset in range(0, size_bytes, PORTION_BYTES):
        yield await asyncio.to_thread(_portion, path, offset)


def _portion(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PORTION_BYTES)

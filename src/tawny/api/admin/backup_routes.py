"""Routes of the owner's backups: save one, and restore one that was uploaded. Each needs a recent confirmation.

A recorder without an owner is restored with the setup link.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from tawny.api.auth.access import Access, AuditNote, Note, Signed, rule
from tawny.api.auth.account_routes import require_recent
from tawny.api.auth.passwords import LEAST_LENGTH, is_weak
from tawny.api.auth.session_routes import check_setup_link
from tawny.api.client_protocols import note_sign_in
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import in_worker
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse, Token
from tawny.model.errors import NotDone
from tawny.service.backup.backup_service import BackupService, UploadMissing
from tawny.service.backup.setting_changes import SettingChange

router = APIRouter(prefix="/api/v1")
own = [rule(Access.OWN)]
public = [rule(Access.PUBLIC)]
SetupToken = Annotated[Token, Header(alias="X-Setup-Token")]
"""Of the setup link: the body is the file."""
_PORTION = 1 << 20


class PassphraseRequest(ApiRequest):
    passphrase: Annotated[str, Field(min_length=1, max_length=200)]


class RestoreRequest(PassphraseRequest):
    """upload: of the backup that is meant, as its upload or check returned it; empty: the one that came last."""

    upload: Annotated[str, Field(max_length=64)] = ""


class SetupRestoreRequest(RestoreRequest):
    token: Token


class UploadedBackup(OkResponse):
    """upload: ID of what was uploaded."""

    upload: str


class RestorePlanInfo(ApiResponse):
    """What a restore would change here. upload: ID of what was checked; notes: sentences about what to look at.

    refused: whether a restore would be refused, as a note says.
    """

    upload: str
    host: str
    version: str
    made_ms: int
    changes: list[SettingChange]
    notes: list[str]
    refused: bool


class RestoreInfo(ApiResponse):
    """saved: the file on the recorder that holds what was there before. restarts: whether tawny starts again now.

    listens: `HOST:PORT` of the web interface from then on, if it becomes another one; `--listen` goes before it.
    """

    saved: str
    restarts: bool
    listens: str


@router.post("/backup", dependencies=own, response_class=StreamingResponse)
async def save_backup(body: PassphraseRequest, signed: Signed, note: Note, context: Context) -> StreamingResponse:
    """Return everything but footage in one file behind this passphrase."""
    service = await in_worker(_service, context, signed)
    if is_weak(body.passphrase):
        raise RequestRefused(
            400, "weak_password", "This passphrase is too easy to guess.", f"Use {LEAST_LENGTH} characters or more."
        )
    try:
        parts: Iterator[bytes] = await in_worker(service.parts, body.passphrase)
    except NotDone as error:
        raise bad_input(error.what, error.todo) from None
    await in_worker(note, "backup saved", "")
    headers = {"Content-Disposition": f'attachment; filename="{service.file_name}"'}
    return StreamingResponse(parts, media_type="application/octet-stream", headers=headers)


@router.put("/restore/file", dependencies=own)
async def upload_backup(request: Request, signed: Signed, context: Context) -> UploadedBackup:
    """Receive a backup as the request's body. It is kept until it is restored, or another one comes."""
    return await _receive(request, await in_worker(_service, context, signed))


@router.post("/setup/restore/file", dependencies=public)
async def upload_backup_at_setup(token: SetupToken, request: Request, context: Context) -> UploadedBackup:
    """Receive a backup on a recorder without an owner, sent with its setup link."""
    return await _receive(request, await _service_at_setup(token, request, context))


@router.post("/setup/restore", dependencies=public)
async def restore_at_setup(body: SetupRestoreRequest, request: Request, context: Context) -> RestoreInfo:
    """Restore the uploaded backup on a recorder without an owner, and start again with its accounts."""
    service = await _service_at_setup(body.token, request, context)
    return await _restore(service, body, context)


async def _receive(request: Request, service: BackupService) -> UploadedBackup:
    upload = await in_worker(service.begin_upload)
    held = bytearray()
    try:
        async for piece in request.stream():
            held += piece
            if len(held) >= _PORTION:
                await in_worker(upload.add, bytes(held))
                held.clear()
        await in_worker(upload.add, bytes(held))
        return UploadedBackup(upload=upload.id)
    except (ClientDisconnect, NotDone) as error:
        await in_worker(upload.forget)
        refusal = error if isinstance(error, NotDone) else NotDone("The upload ended too early.", "Try again.")
        raise bad_input(refusal.what, refusal.todo) from None
    finally:
        await in_worker(upload.close)


@router.post("/restore/check", dependencies=own)
def check_backup(body: PassphraseRequest, signed: Signed, context: Context) -> RestorePlanInfo:
    """Verify the uploaded backup, and return what a restore would change."""
    service = _service(context, signed)
    try:
        plan, upload = service.plan(body.passphrase)
    except NotDone as error:
        raise bad_input(error.what, error.todo) from None
    return RestorePlanInfo(
        upload=upload,
        host=plan.info.host,
        version=plan.info.version,
        made_ms=plan.info.made_ms,
        changes=list(plan.changes),
        notes=list(plan.notes),
        refused=plan.refused,
    )


@router.post("/restore", dependencies=own)
async def restore_backup(body: RestoreRequest, signed: Signed, note: Note, context: Context) -> RestoreInfo:
    """Restore the uploaded backup: save what is here as a backup, then start again with the restored files."""
    return await _restore(await in_worker(_service, context, signed), body, context, note)


async def _restore(
    service: BackupService, body: RestoreRequest, context: AppContext, note: AuditNote | None = None
) -> RestoreInfo:
    try:
        prepared = await in_worker(service.restore, body.passphrase, body.upload)
    except NotDone as error:
        if body.upload and isinstance(error, UploadMissing):
            raise RequestRefused(409, "upload_changed", error.what, error.todo) from None
        raise bad_input(error.what, error.todo) from None
    if note is not None:
        await in_worker(note, "backup restored", "")
    if context.can_restart:
        context.restart()
    return RestoreInfo(saved=str(prepared.saved), restarts=context.can_restart, listens=prepared.listens)


async def _service_at_setup(token: str, request: Request, context: AppContext) -> BackupService:
    """Return the service for who has the setup link. Raises RequestRefused."""
    await check_setup_link(token, request, context)
    note_sign_in(request)  # backups are larger, and restores longer, than the limits of strangers
    if await context.owner.look():
        raise RequestRefused(
            409, "has_owner", "This recorder has an owner already.",
            "Sign in, and restore the backup under Settings > System.",
        )  # fmt: skip
    return await in_worker(_found, context)


def _service(context: AppContext, signed: Signed) -> BackupService:
    require_recent(signed, context)
    return _found(context)


def _found(context: AppContext) -> BackupService:
    try:
        context.backup.places()
    except NotDone as error:
        raise not_found(error.what, error.todo) from None
    return context.backup

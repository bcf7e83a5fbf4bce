"""Routes for encryption (state, setup, changes, unlock and lock for one login session) and the signed history."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, Field

from tawny.api.auth.access import Access, CameraIds, Note, Signed, caller_of, rule
from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.auth.unlocks import UnlockedSession
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import WorkerRoute, is_local
from tawny.api.schemas import ApiRequest, ApiResponse, Name, OkResponse
from tawny.model.errors import NotDone, SettingsError
from tawny.sealed.key_wrapping import short_name
from tawny.service.sealing.history_watch import HistoryWatch, WitnessInfo
from tawny.service.sealing.sealing_service import SealedWay, SealingService

# API schemas of encryption.

Recipient = Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")]


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except ValueError:
        raise ValueError("Base64") from None
    return text


Base64 = Annotated[str, Field(max_length=12_000, pattern=r"^[A-Za-z0-9+/]+=*$"), AfterValidator(_base64)]


class SealedCamera(ApiResponse):
    id: str
    name: str
    sealed: bool


class UnlockedInfo(ApiResponse):
    way: str
    opens: str
    ends_ms: int
    """End if in use; earlier without use."""


class SealedInfo(ApiResponse):
    possible: bool
    """False in memory mode: nothing is stored that could be encrypted."""
    set_up: bool
    recipients: list[str]
    recovery: str | None
    everything: bool
    cameras: list[SealedCamera]
    recorder: str
    fingerprint: str
    ways: list[SealedWay]
    made_ms: int | None
    tested_ms: int | None
    asks_for_sheet: bool
    """The recovery sheet should be tested again."""
    can_change: bool
    can_hand_over: bool
    """The connection is safe for keys: TLS, or local."""
    unlocked: UnlockedInfo | None
    """Unlocked on the recorder for this session; null if locked."""


class WrappedKeyInfo(ApiResponse):
    wrapped: str
    """An age file, in Base64."""


class UnlockOffer(ApiResponse):
    key: str
    """A one-time X25519 public key in Base64, valid for one minute."""


class HandoverRequest(ApiRequest):
    """A private key, sealed as in `tawny.sealed.key_memory.KeyHandover`."""

    offer: Base64
    key: Base64
    sealed: Base64
    way: Literal["words", "passphrase", "passkey"]


class InBrowserRequest(ApiRequest):
    """A page starts or stops decrypting recordings itself."""

    way: Literal["words", "passphrase", "passkey"]
    recipient: Recipient
    open: bool


class SetUpSealing(ApiRequest):
    recipient: Recipient
    recovery: Recipient
    wrapped: Base64
    everything: bool
    cameras: CameraIds


class NewWay(ApiRequest):
    name: Name
    wrapped: Base64
    recipient: Recipient | None = None
    """Public key of the private key; without it, tawny can't know which recordings the method opens."""


class RecoverySheetRequest(ApiRequest):
    recovery: Recipient


class ChangedSealing(ApiRequest):
    everything: bool
    cameras: CameraIds
    """Encrypted cameras, unless everything is encrypted."""


router = APIRouter(prefix="/api/v1/sealed", route_class=WorkerRoute)
view, direct, own = [rule(Access.VIEW)], [rule(Access.DIRECT)], [rule(Access.OWN)]
OneWay = Annotated[str, Path(max_length=64)]
FIRST_TEST_MS: Final = 90 * 86_400_000
NEXT_TEST_MS: Final = 365 * 86_400_000
"""Remind to test the recovery sheet this long after its creation (first), and after each successful test (next)."""


@router.get("", dependencies=view)
def sealed_state(request: Request, signed: Signed, context: Context) -> SealedInfo:
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.get("/ways/{way}", dependencies=direct)
def locked_key(way: OneWay, context: Context) -> WrappedKeyInfo:
    """Return an encrypted private key; only its passphrase or passkey opens it.

    Not for viewers: who has it can try passphrases for as long as they like.
    """
    found = _service(context).wrapped(way)
    if found is None:
        raise not_found("Unlock method not found.")
    return WrappedKeyInfo(wrapped=b64encode(found).decode())


@router.post("/offer", dependencies=view)
async def offer(request: Request, context: Context) -> UnlockOffer:
    """Create a one-time public key for handing over a private key."""
    _check_safe(request)
    _service(context)
    return UnlockOffer(key=b64encode(context.unlocks.offer()).decode())


@router.post("/unlock", dependencies=view)
async def unlock(body: HandoverRequest, request: Request, signed: Signed, note: Note, context: Context) -> SealedInfo:
    """Unlock for this session only: until locked, signed out, or 15 minutes after the last use."""
    _check_safe(request)
    service = _service(context)
    try:
        key = context.unlocks.taken(b64decode(body.offer), b64decode(body.key), b64decode(body.sealed))
    except ValueError as error:
        raise RequestRefused(409, "no_offer", "The key wasn't received.", "Try again.") from error
    opens = await asyncio.to_thread(service.opens, key.recipient)
    if not opens:
        key.wipe()
        await asyncio.to_thread(note, "unlock failed", body.way)
        raise RequestRefused(
            403, "wrong_key", "This key doesn't open recordings of this recorder.", "Is it for another recorder?"
        )
    await asyncio.to_thread(context.unlocks.unlock, signed, key, caller_of(request), body.way, opens)
    await context.unlocks.watch()
    return await asyncio.to_thread(_sealed_info, context, signed, can_hand_over=True)


@router.post("/lock", dependencies=view)
def lock(request: Request, signed: Signed, context: Context) -> SealedInfo:
    context.unlocks.lock(signed.key, "locked")
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.post("/in-browser", dependencies=view)
def in_browser(body: InBrowserRequest, note: Note, context: Context) -> OkResponse:
    """Write an audit log entry: a page decrypts recordings itself, with a key that is never sent to the recorder."""
    opens = _service(context).opens(body.recipient)
    if not opens:
        raise RequestRefused(
            403, "wrong_key", "This key doesn't open recordings of this recorder.", "Is it for another recorder?"
        )
    what = "unlocked in the browser" if body.open else "locked in the browser"
    detail = f"{body.way}; {opens}" if body.open else ""
    note(what, detail)
    return OkResponse()


@router.post("/set-up", dependencies=own)
def set_up_sealing(body: SetUpSealing, request: Request, signed: Signed, note: Note, context: Context) -> SealedInfo:
    """Set up encryption with keys created in the browser, after the user confirmed words of the recovery sheet.

    Only public keys are sent, and the owner's private key encrypted with a passphrase.
    """
    if body.recipient == body.recovery:
        raise bad_input("The recovery sheet needs its own key.")
    service = _service(context)

    with _in_words():
        service.set_up(body.recipient, body.recovery, b64decode(body.wrapped))
        _seal(context, service, body.cameras, everything=body.everything)
    note("encryption set up", short_name(body.recipient))
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.put("/cameras", dependencies=own)
def seal_cameras(body: ChangedSealing, request: Request, signed: Signed, note: Note, context: Context) -> SealedInfo:
    """Choose encrypted cameras. Applies from each camera's next file on, within a minute."""
    service = _service(context)

    with _in_words():
        _seal(context, service, body.cameras, everything=body.everything)
    sealed = "all cameras" if body.everything else ", ".join(body.cameras) or "none"
    note("encryption settings changed", sealed)
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.post("/ways", dependencies=own)
def add_way(body: NewWay, request: Request, signed: Signed, note: Note, context: Context) -> SealedInfo:
    """Add an unlock method: the same private key, encrypted in another way."""
    service = _service(context)

    with _in_words():
        made = service.add_way(body.name, b64decode(body.wrapped), body.recipient)
    note("unlock method added", f"{made.kind} {made.name}")
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.delete("/ways/{way}", dependencies=own)
def remove_way(way: OneWay, request: Request, signed: Signed, note: Note, context: Context) -> SealedInfo:
    """Remove an unlock method. The last one of a key that new recordings are encrypted for stays.

    It can be removed if one is left whose key isn't known: that may be the same.
    """
    service = _service(context)

    with _in_words():
        service.remove_way(way)
    note("unlock method removed", way)
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


@router.post("/tested", dependencies=own)
def sheet_shown(
    body: RecoverySheetRequest, request: Request, signed: Signed, note: Note, context: Context
) -> SealedInfo:
    """Record that the recovery sheet was tested. Only the public key derived from its words is sent."""
    service = _service(context)

    with _in_words():
        is_ours = service.tested(body.recovery)
    if not is_ours:
        raise RequestRefused(
            403,
            "wrong_sheet",
            "This is a different recovery sheet. It doesn't open these recordings.",
            "Use the sheet for this recorder.",
        )
    note("recovery sheet tested", "")
    return _sealed_info(context, signed, can_hand_over=_is_safe(request))


def _seal(context: AppContext, service: SealingService, sealed: list[str], *, everything: bool) -> None:
    cameras = [*context.recorder.camera_names()]
    if unknown := set(sealed) - set(cameras):
        raise NotDone(f"No camera named {min(unknown)}.", "It may have been removed. Reload the page.")
    service.seal(everything=everything, cameras={} if everything else {camera: camera in sealed for camera in cameras})


def _sealed_info(context: AppContext, session: LoginSession, *, can_hand_over: bool) -> SealedInfo:
    now = context.sealed.now()
    opened, now_ms = context.unlocks.of(session), context.recorder.clock.now_ms()
    names = context.recorder.camera_names()
    shown_ms = now.tested_ms if now.tested_ms is not None else now.made_ms
    is_first = now.tested_ms is None or now.tested_ms == now.made_ms
    is_due = shown_ms is not None and now_ms - shown_ms > (FIRST_TEST_MS if is_first else NEXT_TEST_MS)
    return SealedInfo(
        possible=context.sealed.is_possible,
        set_up=now.recovery is not None and bool(now.recipients),
        recipients=list(now.recipients),
        recovery=now.recovery,
        everything=now.is_everything,
        cameras=[
            SealedCamera(id=name, name=names[name], sealed=is_sealed)
            for name, is_sealed in now.cameras.items()
            if name in names
        ],
        recorder=context.recorder.host,
        fingerprint=now.fingerprint,
        ways=[] if session.person.role.only_watches else list(now.ways),
        made_ms=now.made_ms,
        tested_ms=now.tested_ms,
        asks_for_sheet=is_due and session.person.role is Role.OWNER,
        can_change=session.person.role is Role.OWNER and now.is_in_file,
        can_hand_over=can_hand_over,
        unlocked=_unlocked(context, opened) if opened else None,
    )


def _unlocked(context: AppContext, opened: UnlockedSession) -> UnlockedInfo:
    left_s = opened.most_ends_s - context.recorder.clock.mono_s()
    ends_ms = context.recorder.clock.now_ms() + round(left_s * 1000)
    return UnlockedInfo(way=opened.way, opens=opened.opens, ends_ms=ends_ms)


def _service(context: AppContext) -> SealingService:
    if not context.sealed.is_possible:
        raise not_found("Encryption isn't available.", "This recorder keeps recordings in memory only.")
    return context.sealed


def _is_safe(request: Request) -> bool:
    """Return whether the connection is encrypted (TLS) or local."""
    return request.url.scheme == "https" or is_local(request)


def _check_safe(request: Request) -> None:
    if not _is_safe(request):
        what = "tawny doesn't send keys over an insecure connection."
        todo = "Open tawny over https, or on the computer it runs on. A reverse proxy must be in `web.proxies`."
        raise RequestRefused(403, "not_safe", what, todo)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except NotDone as error:
        raise bad_input(error.message, error.do) from error
    except SettingsError as error:
        raise bad_input(str(error)) from error


# Routes for witnesses of the signed history: what browsers remember of it, and the owner's confirmation.

history_router = APIRouter(prefix="/api/v1/history", route_class=WorkerRoute)
own = [rule(Access.OWN)]
_Text = Annotated[str, Field(max_length=100)]


class WitnessList(ApiRequest):
    """Witnesses that a browser has kept from earlier visits."""

    witnesses: Annotated[list[_Text], Field(max_length=16)]


class HistoryInfo(ApiResponse):
    contradictions: list[str]
    """What witnesses contradict, as sentences; empty once confirmed."""


@history_router.post("/witnesses", dependencies=own)
def present_witnesses(body: WitnessList, signed: Signed, context: Context) -> WitnessInfo:
    """Compare a browser's witnesses with the history. What it contradicts becomes a problem until it is confirmed."""
    seen_by = f"A browser of {signed.person.name}"
    return context.history.seen(body.witnesses, seen_by)


@history_router.get("", dependencies=own)
async def history_state(context: Context) -> HistoryInfo:
    return HistoryInfo(contradictions=context.history.contradictions())


@history_router.post("/confirm", dependencies=own)
def confirm_history(note: Note, context: Context) -> HistoryInfo:
    """Confirm that the present history counts, as after restoring a backup."""
    history = _history(context)

    confirmed = history.confirm()
    note("history confirmed", " ".join(confirmed)[:500])
    return HistoryInfo(contradictions=history.contradictions())


def _history(context: AppContext) -> HistoryWatch:
    if not context.history.is_watching:
        raise not_found("There is no signed history here.", "It is on the main disk; this is the fallback, or memory.")
    return context.history

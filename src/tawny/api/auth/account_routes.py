"""Routes of one's own sign-in: password, passkeys, two-step codes, sessions, and signing in a phone.

What opens the account to others needs a recent proof of who asks (`Accounts.is_recent`): a session that was left open
is not enough.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field, StringConstraints

from tawny.api.auth.access import Access, Note, Signed, rule
from tawny.api.auth.accounts import LoginSession, OpenSession, TokenPurpose, hashed
from tawny.api.auth.passkeys import MOST_PASSKEYS, Passkey, PasskeyPlace
from tawny.api.auth.session_routes import Credential, PasskeyOptions, address_of, passkey_place, refuse_weak
from tawny.api.auth.two_step import TwoStepState, otpauth_uri
from tawny.api.client_address import is_loopback_host
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, Name, OkResponse, Password, Token

PHONE_MS = 5 * 60_000
_NEW_PASSKEY = "new passkey"
router = APIRouter(prefix="/api/v1/me", route_class=WorkerRoute)
view = [rule(Access.VIEW)]
PasskeyId = Annotated[str, Path(max_length=2048)]

# API schemas.


class SessionEntry(ApiResponse):
    id: str
    is_this: bool
    made_ms: int
    seen_ms: int
    agent: str
    address: str
    how: str
    """As in the audit log; empty for sessions of earlier versions."""


class MySignIn(ApiResponse):
    has_password: bool
    is_recent: bool
    """Whether changes need no password just now."""
    can_have_passkeys: bool
    """Whether browsers offer passkeys under this address."""
    passkeys: list[Passkey]
    two_step: TwoStepState | None
    sessions: list[SessionEntry]


class NewPassword(ApiRequest):
    password: Password


class NewPasskey(ApiRequest):
    challenge: Token
    credential: Credential
    name: Annotated[Name, StringConstraints(max_length=40)]


class TwoStepOffer(ApiResponse):
    secret: str
    uri: str
    """For a QR code that authenticator apps read."""


class TwoStepCode(ApiRequest):
    code: Annotated[str, Field(min_length=1, max_length=16)]


class RecoveryCodes(ApiResponse):
    codes: list[str]
    """Shown only once."""


class PhoneLink(ApiResponse):
    id: str
    link: str
    ends_ms: int
    is_reachable: bool
    """False if the address only means this computer."""


class PhoneLinkState(ApiResponse):
    state: Literal["waiting", "connected", "ended"]
    agent: str
    """Browser of the phone, once it is connected."""


@router.get("", dependencies=view)
def my_sign_in(signed: Signed, request: Request, context: Context) -> MySignIn:
    """Return the ways in which the user can sign in, and where they are signed in."""
    return MySignIn(
        has_password=context.accounts.has_password(signed.person),
        is_recent=context.accounts.is_recent(signed),
        can_have_passkeys=PasskeyPlace.of(request) is not None,
        passkeys=list(context.passkeys.of(signed.person)),
        two_step=context.two_step.state(signed.person),
        sessions=[_session(one, signed) for one in context.accounts.sessions_of(signed.person)],
    )


@router.put("/password", dependencies=view)
async def change_password(body: NewPassword, signed: Signed, note: Note, context: Context) -> OkResponse:
    """Set a new password. All other sessions, sign-in links and known devices of the user end."""
    require_recent(signed, context)
    refuse_weak(body.password)
    stored = await context.passwords.hash(body.password)
    others = await asyncio.to_thread(context.accounts.sessions_of, signed.person)
    await asyncio.to_thread(context.accounts.change_password, signed.person, stored, signed.key)
    _lock(context, [one.key for one in others if one.key != signed.key])
    await asyncio.to_thread(note, "password changed", "")
    return OkResponse()


@router.post("/passkeys/options", dependencies=view)
def new_passkey_options(signed: Signed, request: Request, context: Context) -> PasskeyOptions:
    """Begin to add a passkey for signing in."""
    require_recent(signed, context)
    place, challenge = passkey_place(request), context.steps.issue(_NEW_PASSKEY, signed.key.hex())
    options = context.passkeys.new_options(signed.person, place, challenge)
    return PasskeyOptions(challenge=challenge, options=options)


@router.post("/passkeys", dependencies=view)
def add_passkey(body: NewPasskey, signed: Signed, request: Request, note: Note, context: Context) -> Passkey:
    require_recent(signed, context)
    place = passkey_place(request)
    if not context.steps.spend(body.challenge, _NEW_PASSKEY, signed.key.hex()):
        raise bad_input("This has taken too long.", "Try again.")
    made = context.passkeys.add(signed.person, body.name, body.credential, place, body.challenge)
    if made is None:
        raise bad_input("This passkey can't be used.", f"Try another one. You can have {MOST_PASSKEYS} of them.")
    note("passkey added", made.name)
    return made


@router.delete("/passkeys/{passkey}", dependencies=view)
def remove_passkey(passkey: PasskeyId, signed: Signed, note: Note, context: Context) -> OkResponse:
    require_recent(signed, context)
    is_only = len(context.passkeys.of(signed.person)) == 1 and not context.accounts.has_password(signed.person)
    if is_only and not context.identities.is_known(signed.person, context.elsewhere):
        raise RequestRefused(409, "only_way", "This passkey is your only way to sign in.", "Set a password first.")
    name = context.passkeys.remove(signed.person, passkey)
    if name is None:
        raise not_found("Passkey not found.")
    note("passkey removed", name)
    return OkResponse()


@router.post("/two-step", dependencies=view)
def offer_two_step(signed: Signed, context: Context) -> TwoStepOffer:
    """Return a secret for an authenticator app. A code of it turns the second step on."""
    require_recent(signed, context)
    secret = context.two_step.offer(signed)
    uri = otpauth_uri(secret, signed.person, context.recorder.host)
    return TwoStepOffer(secret=secret, uri=uri)


@router.post("/two-step/confirm", dependencies=view)
def confirm_two_step(body: TwoStepCode, signed: Signed, note: Note, context: Context) -> RecoveryCodes:
    """Turn the second step on. Returns recovery codes."""
    codes = context.two_step.confirm(signed, body.code.replace(" ", ""))
    if codes is None:
        raise bad_input(
            "This code isn't right.", "Wait for the next one, and check the clocks of your phone and of the recorder."
        )
    note("two-step codes turned on", "")
    return RecoveryCodes(codes=codes)


@router.post("/two-step/recovery-codes", dependencies=view)
def renew_recovery_codes(signed: Signed, note: Note, context: Context) -> RecoveryCodes:
    """Replace the recovery codes."""
    require_recent(signed, context)
    codes = context.two_step.renew_codes(signed.person)
    if not codes:
        raise not_found("Two-step codes are off.", "Turn them on first.")
    note("recovery codes replaced", "")
    return RecoveryCodes(codes=codes)


@router.delete("/two-step", dependencies=view)
def turn_off_two_step(signed: Signed, note: Note, context: Context) -> OkResponse:
    require_recent(signed, context)
    if context.two_step.turn_off(signed.person):
        note("two-step codes turned off", "")
    return OkResponse()


@router.delete("/sessions", dependencies=view)
def end_other_sessions(signed: Signed, note: Note, context: Context) -> OkResponse:
    """Sign out on all other devices. Open streams end within seconds."""
    _lock(context, context.accounts.end_sessions(signed.person, signed.key))
    note("signed out elsewhere", "all other devices")
    return OkResponse()


@router.delete("/sessions/{session}", dependencies=view)
def end_one_session(
    session: Annotated[str, Path(max_length=64)], signed: Signed, note: Note, context: Context
) -> OkResponse:
    """Sign out on one device."""
    found = next((one for one in context.accounts.sessions_of(signed.person) if one.id == session), None)
    if found is None:
        raise not_found("Session not found.", "It may have ended.")
    context.accounts.end_session(found.key)
    _lock(context, [found.key])
    note("signed out elsewhere", found.address)
    return OkResponse()


@router.post("/phone", dependencies=view)
def sign_in_phone(signed: Signed, request: Request, note: Note, context: Context) -> PhoneLink:
    """Create a link that signs the same user in on a phone: once, within 5 min, while this session lasts."""
    require_recent(signed, context)
    person = signed.person
    token = context.accounts.new_token(
        TokenPurpose.PHONE, person, lasts_ms=PHONE_MS, made_by=person, session=signed.key
    )
    base = address_of(request, context)
    link = f"{base}/sign-in#link={token}"
    note("phone link created", "")
    return PhoneLink(
        id=hashed(token).hex(),
        link=link,
        ends_ms=context.recorder.clock.now_ms() + PHONE_MS,
        is_reachable=not is_loopback_host(base.partition("://")[2]),
    )


@router.get("/phone/{link}", dependencies=view)
def phone_link(
    link: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], signed: Signed, context: Context
) -> PhoneLinkState:
    state, agent = context.accounts.link_state(bytes.fromhex(link), signed.person)
    return PhoneLinkState.model_validate({"state": state, "agent": agent})


def require_recent(signed: LoginSession, context: AppContext) -> None:
    """Raise RequestRefused if the user hasn't proved recently who they are."""
    if not context.accounts.is_recent(signed):
        raise RequestRefused(403, "confirm_first", "Confirm that it's you.", "Enter your password, then try again.")


def _lock(context: AppContext, ended: list[bytes]) -> None:
    for key in ended:
        context.unlocks.lock(key, "signed out")


def _session(one: OpenSession, signed: LoginSession) -> SessionEntry:
    return SessionEntry(
        id=one.id,
        is_this=one.key == signed.key,
        made_ms=one.made_ms,
        seen_ms=one.seen_ms,
        agent=one.agent,
        address=one.address,
        how=one.how,
    )

"""Routes for signing in and out, and for creating the first account.

Wrong name and wrong password are indistinguishable, also in time. An attempt counts as failed until it succeeds, so
that concurrent attempts cannot bypass the throttle. After a password or an invitation, an account with two-step codes
asks for one; a passkey, a phone's link, the sign-in provider and the proxy stand for both steps.
"""

import asyncio
import base64
import hmac
import logging
import math
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from tawny import __version__
from tawny.api import schemas, serializers
from tawny.api.auth.access import (
    Access,
    Note,
    Signed,
    caller_of,
    carried_sessions,
    find_proxied,
    find_session,
    is_secure_connection,
    of_port,
    rule,
    set_session_cookie,
)
from tawny.api.auth.accounts import Account, Role, TokenPurpose
from tawny.api.auth.audit_counts import (
    PASSKEY_REFUSED,
    PROVIDER_REFUSED,
    SECOND_STEP_FAILED,
    SIGN_IN_CODE_REFUSED,
    SIGN_IN_DELAYED,
    SIGN_IN_FAILED,
    SIGN_IN_LINK_REFUSED,
)
from tawny.api.auth.guess_limit import DEVICE_COOKIE, DEVICE_MS, DEVICE_PATH, GuessAttempt
from tawny.api.auth.identities import IdentityRefusal
from tawny.api.auth.linked_names import BY_PHONE, BY_PROVIDER, BY_PROXY
from tawny.api.auth.oidc import ProviderFailed
from tawny.api.auth.passkeys import PasskeyPlace
from tawny.api.auth.passwords import LEAST_LENGTH, is_weak
from tawny.api.auth.signed_steps import STEP_S
from tawny.api.auth.two_step import otpauth_uri
from tawny.api.client_address import network_of
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input
from tawny.api.request_handling import BY_HUB, USED_UP, WorkerRoute
from tawny.api.schemas import AnyName, ApiRequest, ApiResponse, Password, SignInRequest, Token

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
public = [rule(Access.PUBLIC)]
view = [rule(Access.VIEW)]
wall = [rule(Access.WALL)]

BY_PASSWORD: Final = "sign-in"  # noqa: S105 of the audit log
BY_LINK: Final = "sign-in by link"
WITH_PASSKEY: Final = "sign-in with passkey"
HOW_BY_TOKEN: Final = {
    TokenPurpose.LINK: BY_LINK,
    TokenPurpose.PHONE: BY_PHONE,
    TokenPurpose.CODE: "sign-in by code",
}
SIGN_INS: Final = ("claim", BY_PASSWORD, *HOW_BY_TOKEN.values(), WITH_PASSKEY, BY_PROVIDER, BY_PROXY)
"""Actions of the audit log."""
PROVIDER_COOKIE: Final = "tawny_provider"
PROVIDER_PATH: Final = "/api/v1/sign-in/provider"
CALLBACK: Final = f"{PROVIDER_PATH}/callback"
_SECOND: Final = "second step after "
_FIRST_CODE: Final = "second step to set up after "
_PASSKEY: Final = "sign in with a passkey"
_PROVIDER: Final = "sign in by provider"
CODE_NAME: Final = "(sign-in code)"
"""Under which wrong codes of screens are limited."""

# API schemas of signing in.

Credential = Annotated[str, Field(max_length=32_768)]
"""An authenticator's answer, the JSON that browsers make of it."""


class SecondStepRequest(ApiRequest):
    token: Token
    name: AnyName
    after: Literal["sign-in", "sign-in by link"]
    code: Annotated[str, Field(min_length=1, max_length=32)]


class SecondStepMade(schemas.SignedIn):
    """codes: recovery codes, which are shown only once."""

    codes: list[str]


class ScreenCodeRequest(ApiRequest):
    code: Annotated[str, Field(min_length=1, max_length=32)]


class PasskeyOptions(ApiResponse):
    challenge: str
    options: str
    """JSON for the browser's credentials API, with binary values in base64url."""


class PasskeySignIn(ApiRequest):
    challenge: Token
    credential: Credential


class ProviderPage(ApiResponse):
    url: str


class ConfirmRequest(ApiRequest):
    password: Password = ""
    code: Annotated[str, Field(max_length=32)] = ""
    """Of the authenticator app, for an account without a password."""


@router.get("/session", dependencies=public)
def session(request: Request, context: Context) -> schemas.SessionInfo:
    found = find_session(request)
    is_new = found is None and not context.accounts.has_owner()
    proxied = find_proxied(request) if found is None else None
    return schemas.SessionInfo.model_validate(
        {
            "state": "signed-in" if found else "setup" if is_new else "signed-out",
            "user": serializers.user(found.person) if found else None,
            "version": __version__,
            "recorder": context.title,
            "zone": context.recorder.zone if found else "",
            "provider": context.oidc.label if context.oidc and not found else "",
            "proxied": proxied.name if proxied else "",
            "hub": context.hub is not None
            and found is not None
            and found.how != BY_HUB
            and _sees_recorders(found.person),
        }
    )


def _sees_recorders(person: Account) -> bool:
    return person.cameras is None or person.role is Role.INSTALLER


@router.post("/setup/claim", dependencies=public)
async def claim(body: schemas.ClaimRequest, request: Request, response: Response, context: Context) -> schemas.SignedIn:
    await check_setup_link(body.token, request, context)
    refuse_weak(body.password)
    stored = await context.passwords.hash(body.password)
    person = await asyncio.to_thread(context.accounts.claim, body.token, body.name, stored)
    if person is None:
        raise _token_used()
    return await asyncio.to_thread(_sign_in, person, "claim", request, response, context)


async def check_setup_link(token: str, request: Request, context: AppContext) -> None:
    """Raise RequestRefused if the token of the setup link is invalid. It stays unused."""
    if not await asyncio.to_thread(context.accounts.is_good, token, TokenPurpose.CLAIM):
        raise _wrong_link(request, context)


@router.post("/sign-in", dependencies=public)
async def sign_in(body: SignInRequest, request: Request, response: Response, context: Context) -> schemas.SignedIn:
    person, stored = await check_password(body.name, body.password, request, context)
    if context.passwords.is_outdated(stored):
        stored = await context.passwords.hash(body.password)
        await asyncio.to_thread(context.accounts.set_password, person, stored)
    return await asyncio.to_thread(_after_first_step, person, stored, BY_PASSWORD, request, response, context)


async def check_password(name: str, password: str, request: Request, context: AppContext) -> tuple[Account, str]:
    """Return the user and the stored hash. Raises RequestRefused: wrong, or too many attempts."""
    address, counts = caller_of(request).address, context.accounts.counts
    found = await asyncio.to_thread(context.accounts.find, name)
    tried = await asyncio.to_thread(_attempt, name, found[0] if found else None, request, context)
    wait_s = context.attempts.wait_s(tried)
    if wait_s:
        counts.count(SIGN_IN_DELAYED, name, address, is_known=found is not None)
        raise _too_many(wait_s)
    context.attempts.begin(tried)
    stored = (found[1] or None) if found else None
    is_right = await context.passwords.matches(stored, password, is_known_device=bool(tried.device))
    if not is_right or found is None:
        counts.count(SIGN_IN_FAILED, name, address, is_known=found is not None)
        raise RequestRefused(401, "wrong_login", "Wrong name or password.", "Check both and try again.")
    context.attempts.succeed(tried)
    _refuse_ended(found[0], context)
    return found


@router.post("/sign-in/second-step", dependencies=public)
async def second_step(
    body: SecondStepRequest, request: Request, response: Response, context: Context
) -> schemas.SignedIn:
    """Finish a sign-in with a code of the authenticator app, or a recovery code."""
    found = await asyncio.to_thread(context.accounts.find, body.name)
    purpose = _SECOND + body.after
    if found is None or not context.steps.is_good(body.token, purpose, _subject(*found)):
        raise _too_late()
    person, stored = found
    await _check_code(person, body.code, request, context)
    if not context.steps.spend(body.token, purpose, _subject(person, stored)):
        raise _too_late()
    _refuse_ended(person, context)
    return await asyncio.to_thread(_sign_in, person, body.after, request, response, context, "with a code")


@router.post("/sign-in/second-step/setup", dependencies=public)
def set_up_second_step(
    body: SecondStepRequest, request: Request, response: Response, context: Context
) -> SecondStepMade:
    """Finish a sign-in by setting up two-step codes, where everyone must have them. Returns recovery codes."""
    found = context.accounts.find(body.name)
    purpose = _FIRST_CODE + body.after
    if found is None or not context.steps.is_good(body.token, purpose, _subject(*found)):
        raise _too_late()
    person, stored = found
    _refuse_ended(person, context)
    codes = context.two_step.turn_on(person, _first_secret(body.token, context), body.code.replace(" ", ""))
    if codes is None:
        if context.two_step.state(person) is not None:
            raise _too_late()
        todo = "Check the clocks of your phone and of the recorder, and try again."
        raise RequestRefused(401, "wrong_code", "This code isn't right.", todo)
    context.steps.spend(body.token, purpose, _subject(person, stored))  # `turn_on` succeeds only once
    signed = _sign_in(person, body.after, request, response, context, "two-step codes set up")
    return SecondStepMade(user=signed.user, codes=codes)


async def _check_code(person: Account, code: str, request: Request, context: AppContext) -> None:
    """Use a code. Raises RequestRefused: wrong, used before, or too many attempts."""
    tried = await asyncio.to_thread(_attempt, person.name, person, request, context)
    counts, address = context.accounts.counts, tried.address
    wait_s = context.code_attempts.wait_s(tried)
    if wait_s:
        counts.count(SIGN_IN_DELAYED, person.name, address, is_known=True)
        raise _too_many(wait_s)
    context.code_attempts.begin(tried)
    if not await asyncio.to_thread(context.two_step.accepts, person, code):
        counts.count(SECOND_STEP_FAILED, person.name, address, is_known=True)
        todo = "Wait for the next. Each works once. If none does, use a recovery code: the recorder's clock may be off."
        raise RequestRefused(401, "wrong_code", "This code isn't right.", todo)
    context.code_attempts.succeed(tried)


@router.post("/sign-in/link", dependencies=public)
def follow_link(
    body: schemas.SignInLinkRequest, request: Request, response: Response, context: Context
) -> schemas.SignedIn:
    used = context.accounts.follow_link(body.token)
    if used is None:
        if context.accounts.is_good(body.token, TokenPurpose.LINK):  # of a guest: once extended, it signs in
            raise _access_ended()
        context.accounts.counts.count(SIGN_IN_LINK_REFUSED, "", caller_of(request).address)
        what = "This link has ended, or it was already used."
        todo = "Ask an owner for a new one, or run `tawny setup-link` on the recorder."
        raise RequestRefused(410, "token_used", what, todo)
    person, purpose = used
    request.scope["state"][USED_UP] = True
    if purpose is not TokenPurpose.LINK or person.role is Role.SCREEN:
        return _sign_in(person, HOW_BY_TOKEN[purpose], request, response, context)
    found = context.accounts.find(person.name)
    return _after_first_step(person, found[1] if found else "", BY_LINK, request, response, context)


@router.post("/sign-in/code", dependencies=public)
async def screen_code(
    body: ScreenCodeRequest, request: Request, response: Response, context: Context
) -> schemas.SignedIn:
    """Sign in a screen by the code that an owner sees."""
    tried = GuessAttempt(CODE_NAME, caller_of(request).address)
    wait_s = context.attempts.wait_s(tried)
    if wait_s:
        raise _too_many(wait_s)
    context.attempts.begin(tried)
    code = "".join(body.code.split()).replace("-", "").upper()
    used = await asyncio.to_thread(context.accounts.follow_link, code, (TokenPurpose.CODE,))
    if used is None:
        context.accounts.counts.count(SIGN_IN_CODE_REFUSED, "", tried.address)
        raise RequestRefused(401, "wrong_code", "This code isn't right.", "Codes work once, for 15 min.")
    context.attempts.succeed(tried)
    return await asyncio.to_thread(_sign_in, used[0], HOW_BY_TOKEN[used[1]], request, response, context)


@router.post("/sign-in/passkey/options", dependencies=public)
def passkey_options(request: Request, context: Context) -> PasskeyOptions:
    """Begin a sign-in with a passkey."""
    place, challenge = passkey_place(request), context.steps.issue(_PASSKEY)
    return PasskeyOptions(challenge=challenge, options=context.passkeys.request_options(place, challenge))


@router.post("/sign-in/passkey", dependencies=public)
def with_passkey(body: PasskeySignIn, request: Request, response: Response, context: Context) -> schemas.SignedIn:
    place = passkey_place(request)
    person = None
    if context.steps.spend(body.challenge, _PASSKEY):  # before it is checked: one answer for each challenge
        person = context.passkeys.verify(body.credential, place, body.challenge)
    if person is None or person.role is Role.SCREEN:
        context.accounts.counts.count(PASSKEY_REFUSED, "", caller_of(request).address)
        raise RequestRefused(
            401, "wrong_passkey", "This passkey doesn't open tawny here.", "Use another one, or your password."
        )
    return _sign_in(person, WITH_PASSKEY, request, response, context)


@router.post("/sign-in/proxy", dependencies=public)
def by_proxy(request: Request, response: Response, context: Context) -> schemas.SignedIn:
    """Sign in the user whom the trusted reverse proxy names in this request."""
    person = find_proxied(request)
    if person is None:
        raise RequestRefused(
            400, "not_proxied", "The reverse proxy didn't name a user of tawny.", "Ask an owner to link your name."
        )
    return _sign_in(person, BY_PROXY, request, response, context)


@router.post("/sign-in/provider", dependencies=public)
def begin_provider(request: Request, response: Response, context: Context) -> ProviderPage:
    """Begin a sign-in by the configured provider. Returns its page."""
    if context.oidc is None:
        raise RequestRefused(404, "no_provider", "No sign-in provider is configured.", "Sign in with a password.")
    token = context.steps.issue(_PROVIDER)
    state, nonce, verifier = (context.steps.derive(token, part) for part in ("state", "nonce", "verifier"))
    try:
        url = context.oidc.authorization_url(_callback(request), state, nonce, verifier)
    except ProviderFailed as error:
        log.warning("%s", error)
        raise RequestRefused(
            502, "provider_failed", "The sign-in provider can't be reached.", "Sign in with a password."
        ) from error
    is_secure = is_secure_connection(request)
    response.set_cookie(
        PROVIDER_COOKIE,
        token,
        max_age=round(STEP_S),
        path=PROVIDER_PATH,
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )
    return ProviderPage(url=url)


@router.get("/sign-in/provider/callback", dependencies=public, response_class=Response)
def provider_callback(
    request: Request,
    context: Context,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str, Query(max_length=2048)] = "",
) -> Response:
    """Where the provider sends the browser back to. The browser's cookie shows that it began this sign-in."""
    why = ""
    person: Account | IdentityRefusal | None = None
    token = request.cookies.get(PROVIDER_COOKIE, "")
    is_ours = hmac.compare_digest(context.steps.derive(token, "state").encode(), state.encode())
    if context.oidc is None or not is_ours or not context.steps.spend(token, _PROVIDER):
        why = "expired"
    elif not code or iss not in ("", context.oidc.settings.issuer):
        why = "refused"
    else:
        nonce, verifier = context.steps.derive(token, "nonce"), context.steps.derive(token, "verifier")
        try:
            user = context.oidc.finish(code, _callback(request), nonce, verifier)
        except ProviderFailed as error:
            log.warning("%s", error)
            why = "failed"
        else:
            rules = context.oidc.settings
            person = context.identities.sign_in(
                user,
                context.oidc.grant(user),
                lambda action, detail: context.accounts.note(action, "", caller_of(request), detail),
                needs_group=bool(rules.groups),
                may_create=rules.create_people,
                by_proxy=bool(context.proxy_header),
            )
    if not isinstance(person, Account):
        context.accounts.counts.count(PROVIDER_REFUSED, "", caller_of(request).address, detail=person or why)
        answer = RedirectResponse(f"/sign-in#provider={person or why}", 303)
    else:
        answer = RedirectResponse("/", 303)
        _sign_in(person, BY_PROVIDER, request, answer, context)
    answer.delete_cookie(
        PROVIDER_COOKIE, path=PROVIDER_PATH, httponly=True, samesite="lax", secure=is_secure_connection(request)
    )
    return answer


@router.post("/sign-in/confirm", dependencies=view)
async def confirm(body: ConfirmRequest, signed: Signed, request: Request, context: Context) -> schemas.OkResponse:
    """Prove again who one is, before changing one's own sign-in."""
    try:
        if await asyncio.to_thread(context.accounts.has_password, signed.person):
            await check_password(signed.person.name, body.password, request, context)
        else:
            await _check_code(signed.person, body.code, request, context)
    except RequestRefused as refused:
        if refused.status == 401:  # which pages take for the end of the session
            raise bad_input("That isn't right.", "Check it and try again.") from refused
        raise
    await asyncio.to_thread(context.accounts.confirm_session, signed.key)
    return schemas.OkResponse()


@router.post("/sign-out", dependencies=wall)
def sign_out(signed: Signed, note: Note, request: Request, response: Response, context: Context) -> schemas.OkResponse:
    known = context.accounts.session_of
    # over https, two: a sign-in over plain http has its own
    carried = {name: key for name, key in carried_sessions(request).items() if known(key) is not None}
    for key in {signed.key, *carried.values()}:
        context.accounts.end_session(key)
        context.unlocks.lock(key, "signed out")
    note("sign-out", "")
    for name in carried:
        response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=is_secure_connection(request))
    return schemas.OkResponse()


CODE_LENGTH: Final = 8


def refuse_weak(password: str) -> None:
    if is_weak(password):
        raise RequestRefused(
            400, "weak_password", "This password is too easy to guess.", f"Use {LEAST_LENGTH} characters or more."
        )


def passkey_place(request: Request) -> PasskeyPlace:
    """Raises RequestRefused: where browsers offer no passkeys."""
    place = PasskeyPlace.of(request)
    if place is None:
        raise RequestRefused(
            400, "no_passkeys_here", "Passkeys need https and a host name.", "Sign in with a password, or set up https."
        )
    return place


def address_of(request: Request, context: AppContext) -> str:
    """Return the address of this page for other devices: the public one, or that of the request."""
    return (context.address or f"{request.url.scheme}://{request.headers.get('host', '')}").rstrip("/")


def _device(request: Request) -> str:
    """Return the token of a device that was used here before; empty if there is none."""
    cookies = request.cookies
    return cookies.get(of_port(DEVICE_COOKIE, request), "") or cookies.get(DEVICE_COOKIE, "")  # of earlier versions


def _attempt(name: str, person: Account | None, request: Request, context: AppContext) -> GuessAttempt:
    address = caller_of(request).address
    if person is None:
        return GuessAttempt(name, address)
    device = context.devices.key_of(_device(request), person)
    return GuessAttempt(name, address, person.id, device)


def _after_first_step(
    person: Account, stored: str, how: str, request: Request, response: Response, context: AppContext
) -> schemas.SignedIn:
    """Sign in. Raises RequestRefused: asks for the second step. Its token is void once the password changes."""
    has_codes = context.two_step.state(person) is not None
    if not has_codes and not context.requires_second_step:
        return _sign_in(person, how, request, response, context)
    token = context.steps.issue((_SECOND if has_codes else _FIRST_CODE) + how, _subject(person, stored))
    step = {"token": token, "name": person.name, "after": how}
    if has_codes:
        raise RequestRefused(
            401, "second_step", "This account has two-step codes.", "Enter a code, too.", {"second_step": step}
        )
    secret = _first_secret(token, context)
    step |= {"secret": secret, "uri": otpauth_uri(secret, person, context.recorder.host)}
    raise RequestRefused(
        401, "second_step", "Two-step codes are required here.", "Set them up to sign in.", {"second_step": step}
    )


def _first_secret(token: str, context: AppContext) -> str:
    """Return the secret of the codes that this sign-in sets up: each sign-in has its own, and none is stored."""
    raw = base64.urlsafe_b64decode(context.steps.derive(token, "two-step secret") + "=")
    return base64.b32encode(raw[:20]).decode()


def _subject(person: Account, stored: str) -> str:
    return f"{person.id} {stored}"


def _callback(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}{CALLBACK}"


def _refuse_ended(person: Account, context: AppContext) -> None:
    if context.accounts.has_ended(person) or person.role is Role.SCREEN:
        raise _access_ended()


def _access_ended() -> RequestRefused:
    return RequestRefused(403, "access_ended", "Your access has ended.", "Ask an owner to extend it.")


def _sign_in(
    person: Account, how: str, request: Request, response: Response, context: AppContext, detail: str = ""
) -> schemas.SignedIn:
    caller = caller_of(request)
    before = find_session(request)
    if before:
        context.accounts.end_session(before.key)
        context.unlocks.lock(before.key, "signed in again")
    token = context.accounts.begin_session(person, caller, how)
    context.accounts.note(how, person.name, caller, detail)
    set_session_cookie(request, response, token, person)
    device = context.devices.remember(_device(request), person)
    response.set_cookie(
        of_port(DEVICE_COOKIE, request),
        device,
        max_age=DEVICE_MS // 1000,
        path=DEVICE_PATH,
        httponly=True,
        samesite="strict",
        secure=is_secure_connection(request),
    )
    return schemas.SignedIn(user=serializers.user(person))


def _wrong_link(request: Request, context: AppContext) -> RequestRefused:
    """Count a wrong setup link, and return its refusal."""
    address = caller_of(request).address
    network = network_of(address)
    wait_s = math.ceil(context.claims.wait_s("link", network))
    context.accounts.counts.count(SIGN_IN_DELAYED if wait_s else SIGN_IN_FAILED, "setup link", address)
    if not wait_s:
        context.claims.failed("link", network)
        return _token_used()
    what = f"Too many failed attempts. Try again in {wait_s} s."
    return RequestRefused(429, "wait", what, "Check the link, or make a new one.", {"wait_s": wait_s})


def _too_many(wait_s: int) -> RequestRefused:
    """Refuse an attempt. It, and those before, may have been right: what strangers may try is shared."""
    what = f"Too many attempts. Try again in {wait_s} s."
    todo = "Or use a device you have used before. A program should stay signed in."
    return RequestRefused(429, "wait", what, todo, {"wait_s": wait_s})


def _too_late() -> RequestRefused:
    return RequestRefused(401, "too_late", "This sign-in has taken too long.", "Enter your password again.")


def _token_used() -> RequestRefused:
    return RequestRefused(
        410,
        "token_used",
        "This link has already been used.",
        "Run `tawny setup-link` on the recorder to get a new one.",
    )

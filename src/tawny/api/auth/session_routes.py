"""Routes for signing in and out, and for creating the first account.

Wrong name and wrong password are indistinguishable, also in time. An attempt counts as failed until it succeeds, so
that concurrent attempts cannot bypass the throttle.
"""

import asyncio
import math

from fastapi import APIRouter, Request
from starlette.responses import Response

from tawny import __version__
from tawny.api import schemas, serializers
from tawny.api.auth.access import Access, Note, Signed, caller_of, find_session, rule, session_cookie
from tawny.api.auth.accounts import SESSION_MS, Account, TokenPurpose
from tawny.api.auth.audit_counts import SIGN_IN_DELAYED, SIGN_IN_FAILED
from tawny.api.auth.guess_limit import DEVICE_COOKIE, DEVICE_MS, DEVICE_PATH, GuessAttempt
from tawny.api.auth.passwords import LEAST_LENGTH, is_weak
from tawny.api.client_address import network_of
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused
from tawny.api.request_handling import WorkerRoute

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
public = [rule(Access.PUBLIC)]
view = [rule(Access.VIEW)]


@router.get("/session", dependencies=public)
def session(request: Request, here: Here) -> schemas.SessionInfo:
    found = find_session(request)
    is_new = found is None and not here.accounts.has_owner()
    return schemas.SessionInfo.model_validate(
        {
            "state": "signed-in" if found else "setup" if is_new else "signed-out",
            "user": serializers.user(found.person) if found else None,
            "version": __version__,
            "recorder": here.title,
            "zone": here.recorder.zone if found else "",
        }
    )


@router.post("/setup/claim", dependencies=public)
async def claim(asked: schemas.ClaimRequest, request: Request, response: Response, here: Here) -> schemas.SignedIn:
    if not await asyncio.to_thread(here.accounts.is_good, asked.token, TokenPurpose.CLAIM):
        raise _wrong_link(request, here)
    if is_weak(asked.password):
        raise RequestRefused(
            400, "weak_password", "This password is too easy to guess.", f"Use {LEAST_LENGTH} characters or more."
        )
    stored = await here.passwords.hash(asked.password)
    person = await asyncio.to_thread(here.accounts.claim, asked.token, asked.name, stored)
    if person is None:
        raise _token_used()
    return await asyncio.to_thread(_sign_in, person, "claim", request, response, here)


@router.post("/sign-in", dependencies=public)
async def sign_in(asked: schemas.SignInRequest, request: Request, response: Response, here: Here) -> schemas.SignedIn:
    address, counts = caller_of(request).address, here.accounts.counts
    found = await asyncio.to_thread(here.accounts.find, asked.name)
    tried = GuessAttempt(asked.name, address)
    if found:
        device = await asyncio.to_thread(here.devices.key_of, request.cookies.get(DEVICE_COOKIE, ""), found[0])
        tried = GuessAttempt(asked.name, address, found[0].id, device)
    wait_s = here.attempts.wait_s(tried)
    if wait_s:
        counts.count(SIGN_IN_DELAYED, asked.name, address, is_known=found is not None)
        what = f"Too many failed attempts. Try again in {wait_s} s."
        raise RequestRefused(429, "wait", what, "Or use a device you have used before.", {"wait_s": wait_s})
    here.attempts.begin(tried)
    stored = (found[1] or None) if found else None
    is_right = await here.passwords.matches(stored, asked.password, is_known_device=bool(tried.device))
    if not is_right or found is None:
        counts.count(SIGN_IN_FAILED, asked.name, address, is_known=found is not None)
        raise RequestRefused(401, "wrong_login", "Wrong name or password.", "Check both and try again.")
    here.attempts.succeed(tried)
    person, _ = found
    if stored and here.passwords.is_outdated(stored):
        await asyncio.to_thread(here.accounts.set_password, person, await here.passwords.hash(asked.password))
    return await asyncio.to_thread(_sign_in, person, "sign-in", request, response, here)


@router.post("/sign-in/link", dependencies=public)
def follow_link(asked: schemas.SignInLinkRequest, request: Request, response: Response, here: Here) -> schemas.SignedIn:
    person = here.accounts.follow_link(asked.token)
    if person is None:
        raise _token_used()
    return _sign_in(person, "sign-in by link", request, response, here)


@router.post("/sign-out", dependencies=view)
def sign_out(signed: Signed, note: Note, request: Request, response: Response, here: Here) -> schemas.OkResponse:
    here.accounts.end_session(signed.key)
    here.unlocks.lock(signed.key, "signed out")
    note("sign-out", "")
    response.delete_cookie(session_cookie(request), path="/", httponly=True, samesite="lax", secure=_is_secure(request))
    return schemas.OkResponse()


def _sign_in(person: Account, how: str, request: Request, response: Response, here: AppContext) -> schemas.SignedIn:
    caller = caller_of(request)
    before = find_session(request)
    if before:
        here.accounts.end_session(before.key)
        here.unlocks.lock(before.key, "signed in again")
    token = here.accounts.begin_session(person, caller)
    here.accounts.note(how, person.name, caller)
    response.set_cookie(
        session_cookie(request),
        token,
        max_age=SESSION_MS // 1000,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(request),
    )
    device = here.devices.remember(request.cookies.get(DEVICE_COOKIE, ""), person)
    response.set_cookie(
        DEVICE_COOKIE,
        device,
        max_age=DEVICE_MS // 1000,
        path=DEVICE_PATH,
        httponly=True,
        samesite="strict",
        secure=_is_secure(request),
    )
    return schemas.SignedIn(user=serializers.user(person))


def _wrong_link(request: Request, here: AppContext) -> RequestRefused:
    """Count a wrong setup link, and return its refusal."""
    address = caller_of(request).address
    network = network_of(address)
    wait_s = math.ceil(here.claims.wait_s("link", network))
    here.accounts.counts.count(SIGN_IN_DELAYED if wait_s else SIGN_IN_FAILED, "setup link", address)
    if not wait_s:
        here.claims.failed("link", network)
        return _token_used()
    what = f"Too many failed attempts. Try again in {wait_s} s."
    return RequestRefused(429, "wait", what, "Check the link, or make a new one.", {"wait_s": wait_s})


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _token_used() -> RequestRefused:
    return RequestRefused(
        410,
        "token_used",
        "This link has already been used.",
        "Run `tawny setup-link` on the recorder to get a new one.",
    )

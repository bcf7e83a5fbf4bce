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
from tawny.api.auth.access import COOKIE, Access, Signed, caller_of, find_session, rule
from tawny.api.auth.accounts import SESSION_MS, Account, TokenPurpose
from tawny.api.auth.passwords import LEAST_LENGTH, is_weak
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused

router = APIRouter(prefix="/api/v1")
public = [rule(Access.PUBLIC)]
view = [rule(Access.VIEW)]


@router.get("/session", dependencies=public)
async def session(request: Request, here: Here) -> schemas.SessionInfo:
    found = await find_session(request)
    is_new = found is None and not await asyncio.to_thread(here.accounts.has_owner)
    return schemas.SessionInfo.model_validate(
        {
            "state": "signed-in" if found else "setup" if is_new else "signed-out",
            "user": serializers.user(found.person) if found else None,
            "version": __version__,
            "recorder": here.recorder.host,
            "zone": here.recorder.zone if found else "",
        }
    )


@router.post("/setup/claim", dependencies=public)
async def claim(asked: schemas.ClaimRequest, request: Request, response: Response, here: Here) -> schemas.SignedIn:
    if not await asyncio.to_thread(here.accounts.is_good, asked.token, TokenPurpose.CLAIM):
        raise _token_used()
    if is_weak(asked.password):
        raise RequestRefused(
            400, "weak_password", "This password is too easy to guess.", f"Use {LEAST_LENGTH} characters or more."
        )
    stored = await here.passwords.hash(asked.password)
    person = await asyncio.to_thread(here.accounts.claim, asked.token, asked.name, stored)
    if person is None:
        raise _token_used()
    return await _sign_in(person, "claim", request, response, here)


@router.post("/sign-in", dependencies=public)
async def sign_in(asked: schemas.SignInRequest, request: Request, response: Response, here: Here) -> schemas.SignedIn:
    caller = caller_of(request)
    wait_s = math.ceil(here.attempts.wait_s(asked.name, caller.address))
    if wait_s:
        await asyncio.to_thread(here.accounts.note, "sign-in delayed", asked.name, caller, f"{wait_s} s")
        raise RequestRefused(429, "wait", f"Too many failed attempts. Try again in {wait_s} s.", "", {"wait_s": wait_s})
    here.attempts.failed(asked.name, caller.address)
    found = await asyncio.to_thread(here.accounts.find, asked.name)
    stored = (found[1] or None) if found else None
    if not await here.passwords.matches(stored, asked.password) or found is None:
        await asyncio.to_thread(here.accounts.note, "sign-in failed", asked.name, caller)
        raise RequestRefused(401, "wrong_login", "Wrong name or password.", "Check both and try again.")
    here.attempts.succeeded(asked.name, caller.address)
    person, _ = found
    if stored and here.passwords.is_outdated(stored):
        await asyncio.to_thread(here.accounts.set_password, person, await here.passwords.hash(asked.password))
    return await _sign_in(person, "sign-in", request, response, here)


@router.post("/sign-in/link", dependencies=public)
async def follow_link(
    asked: schemas.SignInLinkRequest, request: Request, response: Response, here: Here
) -> schemas.SignedIn:
    person = await asyncio.to_thread(here.accounts.follow_link, asked.token)
    if person is None:
        raise _token_used()
    return await _sign_in(person, "sign-in by link", request, response, here)


@router.post("/sign-out", dependencies=view)
async def sign_out(signed: Signed, request: Request, response: Response, here: Here) -> schemas.OkResponse:
    await asyncio.to_thread(here.accounts.end_session, signed.key)
    await asyncio.to_thread(here.unlocks.lock, signed.key, "signed out")
    await asyncio.to_thread(here.accounts.note, "sign-out", signed.person.name, caller_of(request))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=_is_secure(request))
    return schemas.OkResponse()


async def _sign_in(
    person: Account, how: str, request: Request, response: Response, here: AppContext
) -> schemas.SignedIn:
    caller = caller_of(request)
    before = await find_session(request)
    if before:
        await asyncio.to_thread(here.accounts.end_session, before.key)
        await asyncio.to_thread(here.unlocks.lock, before.key, "signed in again")
    token = await asyncio.to_thread(here.accounts.begin_session, person, caller)
    await asyncio.to_thread(here.accounts.note, how, person.name, caller)
    response.set_cookie(
        COOKIE, token, max_age=SESSION_MS // 1000, path="/", httponly=True, samesite="lax", secure=_is_secure(request)
    )
    return schemas.SignedIn(user=serializers.user(person))


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _token_used() -> RequestRefused:
    return RequestRefused(
        410,
        "token_used",
        "This link has already been used.",
        "Run `tawny setup-link` on the recorder to get a new one.",
    )

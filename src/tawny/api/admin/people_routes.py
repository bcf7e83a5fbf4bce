"""Routes for users, access tokens and the audit log, for owners."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tawny.api.admin import people_schemas as shapes
from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.auth.accounts import Account, Role, TokenPurpose
from tawny.api.auth.passes import Pass
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, not_found
from tawny.api.schemas import OkResponse
from tawny.model.ids import CameraId

router = APIRouter(prefix="/api/v1")
own = [rule(Access.OWN)]
INVITATION_MS = 7 * 86_400_000
OneId = Annotated[str, Path(max_length=64)]


@router.get("/people", dependencies=own)
async def people(here: Here) -> shapes.People:
    return shapes.People(items=[_person(one) for one in await asyncio.to_thread(here.accounts.people)])


@router.post("/people", dependencies=own)
async def add_person(asked: shapes.NewPerson, request: Request, signed: Signed, here: Here) -> shapes.Invited:
    """Add a user. Returns a sign-in link that works once, within a week."""
    if await asyncio.to_thread(here.accounts.find, asked.name) is not None:
        raise RequestRefused(409, "name_taken", f"A user named {asked.name} already exists.", "Choose another name.")

    def add() -> tuple[Account, str]:
        person = here.accounts.put_person(asked.name, Role(asked.role))
        person = here.accounts.change_person(person, Role(asked.role), _ids(asked.cameras))
        here.accounts.note("user added", signed.person.name, caller_of(request), asked.name)
        return person, here.accounts.new_token(TokenPurpose.LINK, person, lasts_ms=INVITATION_MS)

    person, token = await asyncio.to_thread(add)
    return shapes.Invited(person=_person(person), link=f"/sign-in#link={token}")


@router.patch("/people/{person}", dependencies=own)
async def change_person(
    person: OneId, asked: shapes.ChangedPerson, request: Request, signed: Signed, here: Here
) -> shapes.PersonInfo:
    """Change role and cameras. Open streams that are no longer allowed end within seconds."""
    found = await _find(here, person)
    if asked.role != "owner":
        await _keep_an_owner(here, found)

    def change() -> Account:
        here.accounts.note("user changed", signed.person.name, caller_of(request), found.name)
        return here.accounts.change_person(found, Role(asked.role), _ids(asked.cameras))

    return _person(await asyncio.to_thread(change))


@router.post("/people/{person}/link", dependencies=own)
async def invite(person: OneId, request: Request, signed: Signed, here: Here) -> shapes.Invited:
    """Create another one-time sign-in link."""
    found = await _find(here, person)

    def make() -> str:
        here.accounts.note("sign-in link created", signed.person.name, caller_of(request), found.name)
        return here.accounts.new_token(TokenPurpose.LINK, found, lasts_ms=INVITATION_MS)

    return shapes.Invited(person=_person(found), link=f"/sign-in#link={await asyncio.to_thread(make)}")


@router.delete("/people/{person}", dependencies=own)
async def remove_person(person: OneId, request: Request, signed: Signed, here: Here) -> OkResponse:
    found = await _find(here, person)
    await _keep_an_owner(here, found)

    def remove() -> None:
        here.accounts.note("user removed", signed.person.name, caller_of(request), found.name)
        here.accounts.remove_person(found)

    await asyncio.to_thread(remove)
    return OkResponse()


@router.get("/access-tokens", dependencies=own)
async def passes(here: Here) -> shapes.PassList:
    now_ms = here.recorder.clock.now_ms()
    return shapes.PassList(items=[_pass(one, now_ms) for one in await asyncio.to_thread(here.passes.all)])


@router.post("/access-tokens", dependencies=own)
async def make_pass(asked: shapes.NewPass, request: Request, signed: Signed, here: Here) -> shapes.MadePass:
    def make() -> tuple[Pass, str]:
        here.accounts.note("access token created", signed.person.name, caller_of(request), asked.name)
        return here.passes.make(asked.name, _ids(asked.cameras), asked.ends_ms, asked.brings_bytes)

    made, secret = await asyncio.to_thread(make)
    return shapes.MadePass(made=_pass(made, here.recorder.clock.now_ms()), secret=secret, rtsp=here.rtsp)


@router.delete("/access-tokens/{pass_id}", dependencies=own)
async def take_back(pass_id: OneId, request: Request, signed: Signed, here: Here) -> OkResponse:
    if not await asyncio.to_thread(here.passes.take_back, pass_id):
        raise not_found("Access token not found.")
    await asyncio.to_thread(here.accounts.note, "access token revoked", signed.person.name, caller_of(request), pass_id)
    return OkResponse()


@router.get("/audit", dependencies=own)
async def audit(here: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> shapes.AuditLog:
    """Return the audit log, newest first."""
    rows = await asyncio.to_thread(here.accounts.audit, limit)
    made = [
        shapes.AuditEntry(at_ms=row.at_ms, person=row.person, action=row.action, detail=row.detail, address=row.address)
        for row in rows
    ]
    return shapes.AuditLog(items=made)


async def _find(here: AppContext, person: str) -> Account:
    found = next((one for one in await asyncio.to_thread(here.accounts.people) if one.id == person), None)
    if found is None:
        raise not_found("User not found.")
    return found


async def _keep_an_owner(here: AppContext, person: Account) -> None:
    """Refuse for the only owner: afterwards no one could change settings."""
    owners = [one for one in await asyncio.to_thread(here.accounts.people) if one.role is Role.OWNER]
    if owners == [person]:
        raise RequestRefused(
            409, "last_owner", f"{person.name} is the only owner.", "Make someone else an owner first."
        )


def _ids(cameras: list[str] | None) -> list[CameraId] | None:
    return None if cameras is None else [CameraId(camera) for camera in cameras]


def _person(person: Account) -> shapes.PersonInfo:
    return shapes.PersonInfo.model_validate(
        {
            "id": person.id,
            "name": person.name,
            "role": person.role.value,
            "cameras": None if person.cameras is None else sorted(person.cameras),
        }
    )


def _pass(made: Pass, now_ms: int) -> shapes.PassInfo:
    return shapes.PassInfo(
        id=made.id,
        name=made.name,
        cameras=None if made.cameras is None else [str(camera) for camera in sorted(made.cameras)],
        made_ms=made.made_ms,
        ends_ms=made.ends_ms,
        has_ended=made.ends_ms is not None and made.ends_ms <= now_ms,
        brings_bytes=made.brings,
    )

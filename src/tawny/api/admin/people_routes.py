"""Routes for users, access tokens and the audit log, for owners."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints

from tawny.api.auth.access import Access, AuditNote, CameraIds, Note, Signed, rule
from tawny.api.auth.account_routes import require_recent
from tawny.api.auth.accounts import (
    Account,
    AuditEntry,
    LoginSession,
    Role,
    TokenPurpose,
)
from tawny.api.auth.audit_counts import REFUSALS
from tawny.api.auth.granted_rights import granted_text, seen_words
from tawny.api.auth.linked_names import NameRefused, linked_name
from tawny.api.auth.passes import LEAST_KEPT_MS, Pass
from tawny.api.auth.session_routes import CODE_LENGTH, SIGN_INS
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, Ms, Name, OkResponse
from tawny.config.quantities import CHECKED
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.model.ids import CameraId

# API schemas of users and access tokens.

RoleName = Literal["owner", "member", "viewer", "guest", "screen", "installer"]
LinkedName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=255, pattern=r"^[^\x00-\x1f]*$"), CHECKED
]


class PersonInfo(ApiResponse):
    id: str
    name: str
    role: RoleName
    cameras: list[str] | None
    """Cameras this user may see; null: all."""
    ends_ms: int | None = None
    """When the access of a guest ends."""
    linked: str = ""
    """Name or email address at the sign-in provider, or at the reverse proxy."""
    has_password: bool = False
    passkeys: int = 0
    two_step: bool = False
    seen_ms: int | None = None
    """When one of the sessions was last used; null: not signed in anywhere."""


class People(ApiResponse):
    """requires_second_step: everyone who signs in with a password needs two-step codes."""

    items: list[PersonInfo]
    requires_second_step: bool


class SecondStepRule(ApiRequest):
    required: bool


class NewPerson(ApiRequest):
    name: Name
    role: RoleName = "viewer"
    cameras: CameraIds | None = None
    ends_ms: Ms | None = None
    """Required for guests."""
    linked: LinkedName = ""


class ChangedPerson(ApiRequest):
    """What is not given stays as it is."""

    role: RoleName
    cameras: CameraIds | None = None
    ends_ms: Ms | None = None
    linked: LinkedName | None = None
    """Null: as it is; empty: none."""


class Invited(ApiResponse):
    person: PersonInfo
    link: str
    """Address of a one-time sign-in link; its path if the recorder has no public or secure address."""
    home_only: bool
    """Whether it works at home and through a VPN only."""
    screen_code: str = ""
    """For a screen: instead of the link, within 15 min."""


class PassInfo(ApiResponse):
    id: str
    name: str
    cameras: list[str] | None
    made_ms: int
    ends_ms: int | None
    has_ended: bool
    brings_bytes: int | None
    """Upload quota in bytes of another recorder's token, which sees no camera; null: a token for live view."""
    keeps_ms: int | None
    """It may only add files; of a full quota, those older than this are deleted. null: also read and delete them."""
    made_by: str | None
    """Name of the user who made it; null: made on the recorder, or the user was removed."""
    maker_lost_access: bool
    """It has ended because the user who made it was removed or may no longer grant it."""


class PassList(ApiResponse):
    items: list[PassInfo]


class NewPass(ApiRequest):
    name: Name
    cameras: CameraIds | None = None
    ends_ms: Ms | None = None
    brings_bytes: Annotated[int, Field(ge=1_000_000, le=10**15)] | None = None
    keeps_ms: Annotated[int, Field(ge=LEAST_KEPT_MS, le=10**12)] | None = None
    """Only with brings_bytes."""


class MadePass(ApiResponse):
    made: PassInfo
    secret: str
    """Shown only once."""
    rtsp: str
    """Address and port of the RTSP server; empty if off."""


class AuditLog(ApiResponse):
    items: list[AuditEntry]


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
INVITATION_MS = 7 * 86_400_000
SCREEN_CODE_MS = 15 * 60_000
CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Of a screen's code, without those that look alike: 8 of them are 39 bits."""
OneId = Annotated[str, Path(max_length=64)]


@router.get("/people", dependencies=own)
def people(context: Context) -> People:
    return People(items=_all(context), requires_second_step=context.requires_second_step)


@router.put("/people/second-step", dependencies=own)
def require_second_step(body: SecondStepRule, signed: Signed, note: Note, context: Context) -> OkResponse:
    """Require two-step codes of everyone, from their next sign-in on; or no longer."""
    require_recent(signed, context)
    try:
        context.changeable.put("sign_in", {"require_second_step": body.required})
    except NotDone as error:
        raise not_found(error.what, error.todo) from error
    except FolderUnwritable as error:
        raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error
    note("second step required" if body.required else "second step no longer required", "")
    return OkResponse()


@router.post("/people", dependencies=own)
def add_person(body: NewPerson, note: Note, signed: Signed, context: Context) -> Invited:
    """Add a user. Returns a sign-in link that works once, within a week; that of a screen within 15 min."""
    _check_recent(context, signed, body.role)
    role, by_proxy = Role(body.role), bool(context.proxy_header)
    cameras, ends_ms = _known_cameras(context, body.cameras), _end_of(body.role, body.ends_ms)
    with _names_refused():
        person = context.identities.add(body.name, role, cameras, ends_ms, body.linked, by_proxy=by_proxy)
    note("user added", granted_text(person))
    if body.linked:
        note("user linked", f"{person.name}: {body.linked}")
    return _invited(context, person, signed.person)


@router.patch("/people/{person}", dependencies=own)
def change_person(person: OneId, body: ChangedPerson, note: Note, signed: Signed, context: Context) -> PersonInfo:
    """Change role and cameras. What is no longer allowed ends within seconds, links and access tokens included."""
    found = _find(context, person)
    role = Role(body.role)
    if found.role is not Role.OWNER or body.linked is not None:
        _check_recent(context, signed, role)
    if (role is Role.SCREEN) != (found.role is Role.SCREEN):
        raise bad_input("A screen stays a screen.", "Remove it, and add a user of another role.")
    cameras: Collection[CameraId] | None = found.cameras
    if "cameras" in body.model_fields_set:
        cameras = _known_cameras(context, body.cameras, found.cameras)
    keeps_end = role is Role.GUEST and "ends_ms" not in body.model_fields_set
    ends_ms = _end_of(role, found.ends_ms if keeps_end else body.ends_ms)
    if body.linked is None:
        changed = context.accounts.change_person(found, role, cameras, ends_ms)
    else:
        seen = None if cameras is None else frozenset(cameras)
        wanted = replace(found, role=role, cameras=seen, ends_ms=ends_ms)
        changed = _change_link(context, found, wanted, body.linked, signed, note)
    if changed != found:
        note("user changed", granted_text(changed, found))
    return next(one for one in _all(context) if one.id == found.id)


@router.post("/people/{person}/link", dependencies=own)
def invite(person: OneId, note: Note, signed: Signed, context: Context) -> Invited:
    """Create another one-time sign-in link. Earlier unused ones end."""
    found = _find(context, person)
    _check_recent(context, signed, found.role)
    if context.accounts.has_ended(found):
        raise bad_input(f"The access of {found.name} has ended.", "Extend it first.")
    note("sign-in link created", found.name)
    return _invited(context, found, signed.person)


@router.delete("/people/{person}/sessions", dependencies=own)
def sign_out_person(person: OneId, note: Note, context: Context) -> OkResponse:
    """Sign a user out on all devices, and end unused sign-in links. Open streams end within seconds."""
    found = _find(context, person)
    for key in context.accounts.end_sessions(found):
        context.unlocks.lock(key, "signed out by an owner")
    note("user signed out", found.name)
    return OkResponse()


@router.delete("/people/{person}/two-step", dependencies=own)
def reset_two_step(person: OneId, note: Note, signed: Signed, context: Context) -> OkResponse:
    """Turn off the two-step codes of a user who has lost their phone."""
    require_recent(signed, context)
    found = _find(context, person)
    context.two_step.turn_off(found)
    note("two-step codes turned off", found.name)
    return OkResponse()


@router.delete("/people/{person}", dependencies=own)
def remove_person(person: OneId, note: Note, context: Context) -> OkResponse:
    """Remove a user. Their sessions, shared links, access tokens and sign-in links end with them."""
    found = _find(context, person)
    context.accounts.remove_person(found)
    note("user removed", found.name)
    return OkResponse()


@router.get("/access-tokens", dependencies=own)
def passes(context: Context) -> PassList:
    now_ms = context.recorder.clock.now_ms()
    return PassList(items=[_pass(one, now_ms) for one in context.passes.all()])


@router.post("/access-tokens", dependencies=own)
def make_pass(body: NewPass, note: Note, signed: Signed, context: Context) -> MadePass:
    """Create an access token. It ends with the account that made it."""
    cameras = _known_cameras(context, body.cameras)
    sees = "uploads" if body.brings_bytes is not None else seen_words(cameras)
    note("access token created", f"{body.name}: {sees}")
    made, secret = context.passes.make(
        body.name, cameras, body.ends_ms, body.brings_bytes, signed.person, body.keeps_ms
    )
    return MadePass(made=_pass(made, context.recorder.clock.now_ms()), secret=secret, rtsp=context.rtsp)


@router.delete("/access-tokens/{pass_id}", dependencies=own)
def take_back(pass_id: OneId, note: Note, context: Context) -> OkResponse:
    if not context.passes.take_back(pass_id):
        raise not_found("Access token not found.")
    note("access token revoked", pass_id)
    return OkResponse()


@router.get("/audit", dependencies=own)
def audit(
    context: Context,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    only: Literal["all", "sign-ins", "refused"] = "all",
    who: Annotated[str, Query(max_length=64)] = "",
) -> AuditLog:
    """Return the audit log, newest first: all of it, who signed in, or what was refused."""
    actions = {"all": (), "sign-ins": SIGN_INS, "refused": REFUSALS}[only]
    return AuditLog(items=context.accounts.audit(limit, actions=actions, person=who))


def _check_recent(context: AppContext, signed: LoginSession, role: str) -> None:
    """Raise RequestRefused for a way to be an owner, unless the user has proved who they are.

    Otherwise a page that was left open could be turned into an account.
    """
    if role == Role.OWNER:
        require_recent(signed, context)


def _find(context: AppContext, person: str) -> Account:
    found = next((one for one in context.accounts.people() if one.id == person), None)
    if found is None:
        raise not_found("User not found.")
    return found


def _invited(context: AppContext, person: Account, made_by: Account) -> Invited:
    is_screen, code = person.role is Role.SCREEN, ""
    lasts_ms = SCREEN_CODE_MS if is_screen else INVITATION_MS
    token = context.accounts.new_token(TokenPurpose.LINK, person, lasts_ms=lasts_ms, made_by=made_by)
    if is_screen:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        context.accounts.new_token(TokenPurpose.CODE, person, lasts_ms=lasts_ms, made_by=made_by, token=code)
    path = f"/sign-in#link={token}"
    found = next(one for one in _all(context) if one.id == person.id)
    return Invited(person=found, link=context.link(path), home_only=context.is_at_home_only, screen_code=code)


def _change_link(
    context: AppContext, person: Account, wanted: Account, name: str, signed: LoginSession, note: AuditNote
) -> Account:
    """Set link and rights of a user in one transaction. Return the user with the new rights."""
    before = context.identities.all().get(person.id, "")
    is_new = before not in (name, linked_name(name))
    if is_new and (before or person.role is Role.OWNER):  # else another could become this owner, or one by the old name
        require_recent(signed, context)
    with _names_refused():
        changed = context.identities.link(person, name, elsewhere=context.elsewhere, wanted=wanted, keep=signed.key)
    if is_new:
        note("user linked" if name else "user no longer linked", f"{person.name}: {name}" if name else person.name)
    return changed


@contextmanager
def _names_refused() -> Iterator[None]:
    try:
        yield
    except NameRefused as error:
        raise RequestRefused(409, error.kind, error.what, error.todo) from error


def _end_of(role: str, ends_ms: int | None) -> int | None:
    """Return when the access ends. Raises RequestRefused: a guest without an end, or an end without a guest."""
    if (role == "guest") != (ends_ms is not None):
        raise bad_input("Guests, and only guests, have an end.", "Choose when the access ends.")
    return ends_ms


def _known_cameras(
    context: AppContext, cameras: list[str] | None, before: Collection[CameraId] | None = None
) -> list[CameraId] | None:
    """Return the IDs. before: those that were allowed until now, also of removed cameras.

    Raises RequestRefused: for one that is neither configured nor recorded. Queries the index; call in a thread.
    """
    found = None if cameras is None else [CameraId(camera) for camera in cameras]
    names = context.recorder.camera_names()
    for camera in found or ():
        if camera not in names and camera not in (before or ()) and context.recorder.index.bounds(camera) is None:
            raise bad_input(f"No camera named {camera}.", f"Cameras: {', '.join(sorted(names)) or 'none yet'}.")
    return found


def _all(context: AppContext) -> list[PersonInfo]:
    linked, two_step = context.identities.all(), context.two_step.everyone()
    return [
        PersonInfo.model_validate(
            {
                "id": person.id,
                "name": person.name,
                "role": person.role.value,
                "cameras": None if person.cameras is None else sorted(person.cameras),
                "ends_ms": person.ends_ms,
                "linked": linked.get(person.id, ""),
                "has_password": context.accounts.has_password(person),
                "passkeys": len(context.passkeys.of(person)),
                "two_step": person.id in two_step,
                "seen_ms": max((one.seen_ms for one in context.accounts.sessions_of(person)), default=None),
            }
        )
        for person in context.accounts.people()
    ]


def _pass(made: Pass, now_ms: int) -> PassInfo:
    return PassInfo(
        id=made.id,
        name=made.name,
        cameras=None if made.cameras is None else [str(camera) for camera in sorted(made.cameras)],
        made_ms=made.made_ms,
        ends_ms=made.ends_ms,
        has_ended=not made.is_granted or (made.ends_ms is not None and made.ends_ms <= now_ms),
        brings_bytes=made.brings,
        keeps_ms=made.keeps_ms,
        made_by=made.maker.name if made.maker else None,
        maker_lost_access=not made.is_granted,
    )

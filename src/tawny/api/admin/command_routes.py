"""Orders: what people ask of the recorder on a page, and what programs send, signed or with a token of their own."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import Field

from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.auth.accounts import Account, Role
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, not_found
from tawny.api.parameters import OneCamera
from tawny.api.schemas import ApiResponse
from tawny.config.integrations import RIGHTS, Right
from tawny.delivery.commands import (
    AnyOrder,
    CommandIssuer,
    CommandRefused,
    CommandResult,
    Order,
    order_in,
    refuse_former,
)

router = APIRouter(prefix="/api/v1")
OneInput = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9-]+$")]
VIEWERS: tuple[Right, ...] = ("record", "event")
"""What somebody may ask for who may only look: nothing that makes anything less safe."""
STATUS = {"bad_input": 400, "signed_out": 401, "not_allowed": 403, "not_found": 404, "not_done": 409}


class OrderDone(ApiResponse):
    """event: its id, if there is one."""

    words: str
    event: str | None


class RelayInfo(ApiResponse):
    """pulse_s: so long it is on when it is pressed; null: until it is switched off."""

    name: str
    pulse_s: float | None


class ControlsInfo(ApiResponse):
    """presets: names of stored places."""

    turns: bool
    presets: list[str]
    relays: list[RelayInfo]


class ProgramInfo(ApiResponse):
    """where, trouble, said: without secrets. may: of an input."""

    name: str
    kind: str
    where: str
    sent: int = 0
    waiting: int = 0
    dropped: int = 0
    trouble: str = ""
    said: str = ""
    may: list[str] = Field(default_factory=list)
    cameras: list[str] = Field(default_factory=list)


class ProgramList(ApiResponse):
    items: list[ProgramInfo]


async def _refuse_former(request: Request) -> None:
    """Before the body is validated, which would only say that `command` is missing."""
    try:
        refuse_former(await request.json())
    except ValueError:
        return  # FastAPI refuses it
    except CommandRefused as refused:
        raise _refused(refused) from refused


@router.post("/orders", dependencies=[rule(Access.VIEW), Depends(_refuse_former)])
async def order(asked: Annotated[AnyOrder, Body()], request: Request, signed: Signed, here: Here) -> OrderDone:
    """Arm, pause, record, tell of an event, turn a camera, switch. Viewers may only record and tell of events."""
    return await _done(here, _person(signed.person, caller_of(request).address), asked)


@router.get("/cameras/{camera}/controls", dependencies=[rule(Access.DIRECT)])
async def controls(camera: OneCamera, signed: Signed, here: Here) -> ControlsInfo:
    """What can be turned and switched beside this camera's picture. The camera is asked where it can go."""
    if here.orders is None:
        return ControlsInfo(turns=False, presets=[], relays=[])
    found = await asyncio.to_thread(here.orders.controls, camera)
    relays = [one for one in found.relays if one.camera or signed.person.cameras is None]
    told = [RelayInfo(name=one.name, pulse_s=one.pulse_s) for one in relays]
    return ControlsInfo(turns=found.turns, presets=list(found.presets), relays=told)


@router.post("/inputs/{program}", dependencies=[rule(Access.SIGNED)])
async def take_input(program: OneInput, request: Request, here: Here) -> OrderDone:
    """An order of a program that the settings name under `api_clients`: signed, or with its token."""
    body, headers = await request.body(), {key.lower(): value for key, value in request.headers.items()}
    orders = here.orders
    if orders is None:
        raise _refused(CommandRefused("signed_out", "No integrations are configured.", ""))
    try:
        who = await asyncio.to_thread(orders.sent, program, headers, body, caller_of(request).address)
        asked = order_in(body)
    except CommandRefused as refused:
        raise _refused(refused) from refused
    return await _done(here, who, asked)


@router.get("/programs", dependencies=[rule(Access.OWN)])
async def programs(here: Here) -> ProgramList:
    """Who is told what happens, and how that goes; and who may ask for what."""
    found = await asyncio.to_thread(here.orders.told) if here.orders else []
    return ProgramList(items=[ProgramInfo.model_validate(one) for one in found])


async def _done(here: AppContext, who: CommandIssuer, asked: Order) -> OrderDone:
    orders = here.orders
    if orders is None:
        raise not_found("This recorder doesn't accept commands.", "")
    try:
        done: CommandResult = await asyncio.to_thread(orders.do, who, asked)
    except CommandRefused as refused:
        raise _refused(refused) from refused
    return OrderDone(words=done.words, event=done.event or None)


def _person(person: Account, address: str) -> CommandIssuer:
    may = frozenset(VIEWERS if person.role is Role.VIEWER else RIGHTS)
    return CommandIssuer(person.name, "http", may, person.cameras, address)


def _refused(refused: CommandRefused) -> RequestRefused:
    return RequestRefused(STATUS[refused.kind], refused.kind, refused.message, refused.do)

"""Routes for object detection models, for owners: list, download the recommended one, remove."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, not_found
from tawny.model.errors import NotDone
from tawny.service.interfaces.models import ModelApi

router = APIRouter(prefix="/api/v1")
own = [rule(Access.OWN)]


class OfferInfo(BaseModel):
    """The recommended model for download."""

    name: str
    origin: str
    address: str
    sha256: str
    bytes: int
    licence: str


class ModelInfo(BaseModel):
    """A model. labels: number of classes. is_used: currently used."""

    name: str
    family: str
    origin: str
    licence: str
    bytes: int
    labels: int
    is_used: bool


class ModelsInfo(BaseModel):
    """Models.

    offer: null once installed. trouble: why no model is used although one should be; empty if none.
    suggests: lines of the card of the built-in classifier that suggests event types.
    """

    items: list[ModelInfo]
    offer: OfferInfo | None
    trouble: str
    suggests: str


@router.get("/models", dependencies=own)
async def models(here: Here) -> ModelsInfo:
    return await asyncio.to_thread(_told, here)


@router.post("/models/recommended", dependencies=own)
async def fetch_recommended(request: Request, signed: Signed, here: Here) -> ModelsInfo:
    """Download the recommended model from the given address and verify its SHA-256."""

    def fetch(desk: ModelApi) -> None:
        desk.fetch()
        here.accounts.note("model added", signed.person.name, caller_of(request), desk.offer().name)

    return await _changed(here, fetch)


@router.delete("/models/{name}", dependencies=own)
async def remove_model(
    name: Annotated[str, Path(max_length=60)], request: Request, signed: Signed, here: Here
) -> ModelsInfo:
    def remove(desk: ModelApi) -> None:
        desk.remove(name)
        here.accounts.note("model removed", signed.person.name, caller_of(request), name)

    return await _changed(here, remove)


async def _changed(here: AppContext, change: Callable[[ModelApi], None]) -> ModelsInfo:
    def do() -> ModelsInfo:
        try:
            change(_desk(here))
        except NotDone as error:
            raise RequestRefused(409, error.code, error.message, error.do) from error
        return _told(here)

    return await asyncio.to_thread(do)


def _told(here: AppContext) -> ModelsInfo:
    desk = _desk(here)
    there, offer = desk.there(), desk.offer()
    is_there = any(one.name == offer.name for one in there)
    return ModelsInfo(
        items=[ModelInfo(**asdict(one)) for one in there],
        offer=None if is_there else OfferInfo(**asdict(offer)),
        trouble=desk.trouble,
        suggests=desk.suggests,
    )


def _desk(here: AppContext) -> ModelApi:
    if here.models is None:
        raise not_found("Object detection isn't available on this recorder.")
    return here.models

"""Routes for known faces and plates, and for object detection models, for owners."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from tawny.api.auth.access import Access, Note, Signed, caller_of, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, not_found
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.api.workers import WorkerRoute
from tawny.model.errors import NotDone
from tawny.model.ids import EventId
from tawny.model.validation import CHECKED
from tawny.service.detection.identity_store import IdentityApi
from tawny.service.detection.model_store import ModelApi

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
Name = Annotated[str, Field(min_length=1, max_length=60), CHECKED]


class IdentityInfo(ApiResponse):
    id: str
    name: str
    by: str
    text: str
    prints: int


class IdentityList(ApiResponse):
    """Known faces and plates. readers: recognizers for faces.

    trouble: why recognition doesn't work; empty if it does.
    """

    items: list[IdentityInfo]
    readers: list[str]
    trouble: str


class NewPlate(ApiRequest):
    name: Name
    plate: Annotated[str, Field(min_length=1, max_length=20), CHECKED]


class NewFace(ApiRequest):
    """A face from the image of an event. by: the recognizer that learns it."""

    name: Name
    by: Annotated[str, Field(max_length=40)]
    event: Annotated[str, Field(max_length=80)]


@router.get("/known", dependencies=own)
def known(here: Here) -> IdentityList:
    return _told(here)


@router.post("/known/plates", dependencies=own)
def add_plate(new: NewPlate, request: Request, signed: Signed, here: Here) -> IdentityList:
    return _changed(here, lambda desk: desk.add_plate(new.name, new.plate), "license plate added", signed, request)


@router.post("/known/faces", dependencies=own)
def add_face(new: NewFace, request: Request, signed: Signed, here: Here) -> IdentityList:
    def add(desk: IdentityApi) -> None:
        event = here.recorder.index.event(EventId(new.event))
        picture = here.recorder.event_picture(event) if event is not None else None
        if event is None or picture is None:
            raise not_found("The event doesn't exist or has no image.")
        desk.add_of(new.name, new.by, event, picture)

    return _changed(here, add, "face added", signed, request)


@router.delete("/known/{who}", dependencies=own)
def forget(who: Annotated[str, Path(max_length=60)], request: Request, signed: Signed, here: Here) -> IdentityList:
    return _changed(here, lambda desk: desk.forget(who), "forgotten", signed, request)


@router.delete("/known", dependencies=own)
def forget_all(request: Request, signed: Signed, here: Here) -> IdentityList:
    return _changed(here, lambda desk: desk.forget_all(), "all faces and plates deleted", signed, request)


def _changed(
    here: AppContext, change: Callable[[IdentityApi], None], what: str, signed: Signed, request: Request
) -> IdentityList:
    """Change and write the audit log entry, without names of known people."""

    try:
        change(_desk(here))
    except NotDone as error:
        raise RequestRefused(409, error.code, error.message, error.do) from error
    here.accounts.note(what, signed.person.name, caller_of(request), "")
    return _told(here)


def _told(here: AppContext) -> IdentityList:
    desk = _desk(here)
    items = [IdentityInfo(id=one.id, name=one.name, by=one.by, text=one.text, prints=one.prints) for one in desk.all()]
    return IdentityList(items=items, readers=list(desk.readers()), trouble=desk.trouble)


def _desk(here: AppContext) -> IdentityApi:
    if here.known is None:
        raise not_found("Recognition isn't set up on this recorder.")
    return here.known


# Routes for object detection models, for owners: list, download the recommended one, remove.


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
def models(here: Here) -> ModelsInfo:
    return _model_info(here)


@router.post("/models/recommended", dependencies=own)
def fetch_recommended(note: Note, here: Here) -> ModelsInfo:
    """Download the recommended model from the given address and verify its SHA-256."""

    def fetch(desk: ModelApi) -> None:
        desk.fetch()
        note("model added", desk.offer().name)

    return _after_change(here, fetch)


@router.delete("/models/{name}", dependencies=own)
def remove_model(name: Annotated[str, Path(max_length=60)], note: Note, here: Here) -> ModelsInfo:
    def remove(desk: ModelApi) -> None:
        desk.remove(name)
        note("model removed", name)

    return _after_change(here, remove)


def _after_change(here: AppContext, change: Callable[[ModelApi], None]) -> ModelsInfo:
    try:
        change(_models(here))
    except NotDone as error:
        raise RequestRefused(409, error.code, error.message, error.do) from error
    return _model_info(here)


def _model_info(here: AppContext) -> ModelsInfo:
    desk = _models(here)
    there, offer = desk.there(), desk.offer()
    is_there = any(one.name == offer.name for one in there)
    return ModelsInfo(
        items=[ModelInfo(**asdict(one)) for one in there],
        offer=None if is_there else OfferInfo(**asdict(offer)),
        trouble=desk.trouble,
        suggests=desk.suggests,
    )


def _models(here: AppContext) -> ModelApi:
    if here.models is None:
        raise not_found("Object detection isn't available on this recorder.")
    return here.models

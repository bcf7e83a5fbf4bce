"""Routes for known faces and plates, and for object detection models, for owners."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from tawny.api.auth.access import Access, Note, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.config.quantities import CHECKED
from tawny.model.ids import EventId
from tawny.service.detection.identity_store import IdentityInfo
from tawny.service.detection.model_store import ModelInfo, RecommendedModel
from tawny.service.detection.reclassification import ReclassificationInfo

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
Name = Annotated[str, Field(min_length=1, max_length=60), CHECKED]


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
def known(context: Context) -> IdentityList:
    return _identity_list(context)


@router.post("/known/plates", dependencies=own)
def add_plate(new: NewPlate, note: Note, context: Context) -> IdentityList:
    context.known.add_plate(new.name, new.plate)
    note("license plate added", "")  # without names of known people, here and below
    return _identity_list(context)


@router.post("/known/faces", dependencies=own)
def add_face(new: NewFace, note: Note, context: Context) -> IdentityList:
    service = context.known
    event = context.recorder.index.event(EventId(new.event))
    picture = context.recorder.event_picture(event) if event is not None else None
    if event is None or picture is None:
        raise not_found("The event doesn't exist or has no image.")
    context.recorder.mark_event(event.id, known=service.add_of(new.name, new.by, event, picture))
    note("face added", "")
    return _identity_list(context)


@router.delete("/known/{who}", dependencies=own)
def forget(who: Annotated[str, Path(max_length=60)], note: Note, context: Context) -> IdentityList:
    context.known.forget(who)
    note("forgotten", "")
    return _identity_list(context)


@router.delete("/known", dependencies=own)
def forget_all(note: Note, context: Context) -> IdentityList:
    context.known.forget_all()
    note("all faces and plates deleted", "")
    return _identity_list(context)


def _identity_list(context: AppContext) -> IdentityList:
    service = context.known
    return IdentityList(items=list(service.all()), readers=list(service.readers()), trouble=service.trouble)


# Routes for object detection models, for owners: list, download the recommended one, remove.


class ModelsInfo(BaseModel):
    """Models.

    offer: null once installed. trouble: why no model is used although one should be; empty if none.
    suggests: lines of the card of the built-in classifier, which sets event types without a model.
    again: progress of classifying the events of the last 7 days with the model added last; null before.
    """

    items: list[ModelInfo]
    offer: RecommendedModel | None
    trouble: str
    suggests: str
    again: ReclassificationInfo | None


@router.get("/models", dependencies=own)
def models(context: Context) -> ModelsInfo:
    return _model_info(context)


@router.post("/models/recommended", dependencies=own)
def fetch_recommended(note: Note, context: Context) -> ModelsInfo:
    """Download the recommended model from the given address and verify its SHA-256."""
    context.models.fetch()
    note("model added", context.models.offer().name)
    return _model_info(context)


@router.delete("/models/{name}", dependencies=own)
def remove_model(name: Annotated[str, Path(max_length=60)], note: Note, context: Context) -> ModelsInfo:
    context.models.remove(name)
    note("model removed", name)
    return _model_info(context)


def _model_info(context: AppContext) -> ModelsInfo:
    service = context.models
    there, offer = service.there(), service.offer()
    is_there = any(one.name == offer.name for one in there)
    return ModelsInfo(
        items=list(there),
        offer=None if is_there else offer,
        trouble=service.trouble,
        suggests=service.suggests,
        again=service.again,
    )

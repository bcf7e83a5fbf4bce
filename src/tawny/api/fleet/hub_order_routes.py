"""What a box does for its hub alone: it scans recordings (`tawny scan --on boxes`), gives images of labeled events
(`tawny kinds export --on boxes`), and updates itself.
"""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, field_validator
from starlette.responses import StreamingResponse

from tawny.api import schemas
from tawny.api.auth.access import Access, Signed, rule
from tawny.api.context import Context
from tawny.api.errors import not_found
from tawny.api.request_handling import BY_HUB, WorkerRoute
from tawny.detection.user_detector import UserDetector
from tawny.model.ids import StreamName
from tawny.model.times import LATEST_MS

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute, include_in_schema=False)
Moment = Annotated[int, Field(ge=0, le=LATEST_MS)]
Name = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9-]*$")]
"""Of a camera, a detector, a model: never a path, because a hub must not choose a program that runs here."""
Area = Annotated[str, Field(max_length=2000, pattern=r"^[0-9.,]+$")]


class RecordingsRequest(schemas.ApiRequest):
    camera: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+$")]
    stream: StreamName = StreamName.MAIN
    from_ms: Moment
    to_ms: Moment


class ScanRequest(schemas.ApiRequest):
    """settings: numbers and switches only."""

    detector: Name
    settings: Annotated[dict[Name, bool | int | float], Field(max_length=40, default_factory=dict)]
    region: Annotated[list[Area], Field(max_length=20, default_factory=list)]
    thorough: bool = False
    join: Annotated[str, Field(max_length=20)] = "1 s"
    phase: Annotated[str, Field(max_length=20)] = "0 s"
    sound: Name = ""
    looks: bool = True

    @field_validator("detector")
    @classmethod
    def _runs_no_program(cls, name: str) -> str:
        if name == UserDetector.name:
            raise ValueError("a detector that is part of tawny, or installed at the recorder")
        return name


class SamplesRequest(schemas.ApiRequest):
    samples: Literal["crops"]


class ScanOrder(schemas.ApiRequest):
    """do: `plan`: return the parts of these recordings. `part`: return the result of one of them."""

    do: Literal["plan", "part"]
    target: RecordingsRequest
    recipe: ScanRequest
    key: Annotated[str, Field(max_length=64)] = ""
    number: Annotated[int, Field(ge=0, le=100_000)] = 0
    count: Annotated[int, Field(ge=0, le=100_000)] = 0


class SampleOrder(schemas.ApiRequest):
    """do: `plan`: return the labeled events of a camera. `part`: return the samples of one, by its key."""

    do: Literal["plan", "part"]
    target: RecordingsRequest
    recipe: SamplesRequest
    key: Annotated[str, Field(max_length=64)] = ""
    number: Literal[0] = 0
    count: Annotated[int, Field(ge=0, le=1)] = 0


@router.post("/scans", dependencies=[rule(Access.VIEW)])
async def scan_for_hub(order: ScanOrder, context: Context, signed: Signed) -> StreamingResponse:
    """Scan recordings at the lowest priority. Answers by lines of JSON."""
    if signed.how != BY_HUB or context.scans is None:
        raise not_found("This is for hubs only.", "Use `tawny scan`.")
    return StreamingResponse(context.scans.answer(order.model_dump(mode="json")), media_type="application/x-ndjson")


@router.post("/training", dependencies=[rule(Access.VIEW)])
async def samples_for_hub(order: SampleOrder, context: Context, signed: Signed) -> StreamingResponse:
    """Cut samples out of recordings at the lowest priority. Answers by lines of JSON."""
    if signed.how != BY_HUB or context.scans is None:
        raise not_found("This is for hubs only.", "Use `tawny kinds export`.")
    return StreamingResponse(context.scans.answer(order.model_dump(mode="json")), media_type="application/x-ndjson")


@router.post("/updates", dependencies=[rule(Access.VIEW)])
async def update_for_hub(context: Context, signed: Signed) -> StreamingResponse:
    """Start the update command of this recorder's owner. Answers by lines of JSON."""
    if signed.how != BY_HUB or context.update is None:
        raise not_found("This is for hubs only.", "Use `tawny hub update` at the hub.")
    return StreamingResponse(context.update.answer(), media_type="application/x-ndjson")

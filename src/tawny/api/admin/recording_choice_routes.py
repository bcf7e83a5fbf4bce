"""Routes for what is recorded of a camera: always, around events, or nothing. For owners."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from tawny.api.auth.access import Access, Note, OneCamera, rule
from tawny.api.context import Context
from tawny.api.errors import RequestRefused, bad_setting, changed_meanwhile
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.model.segments import Recording
from tawny.service.cameras.recording_choice import RecordingChoice, RecordingChoiceService, RecordingConflict

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]
PreRoll = Annotated[float, Field(ge=0, le=30)]
PostRoll = Annotated[float, Field(ge=0, le=300)]


class RecordingRequest(ApiRequest):
    """What is recorded. modes: what single modes record instead; a mode that is not given records the same.

    version: of the choice that was shown; null: overwrite any changes made since.
    """

    record: Recording
    pre_s: PreRoll
    post_s: PostRoll
    modes: Annotated[dict[str, Recording], Field(max_length=8)] = Field(default_factory=dict)
    version: Annotated[str, Field(max_length=40)] | None = None


class RecordedDayInfo(ApiResponse):
    """Yesterday, as each choice would have recorded it. seconds: by `record`. known: false if the camera is newer."""

    begin_ms: int
    end_ms: int
    events: int
    seconds: dict[Recording, float]
    known: bool


class RecordingInfo(ApiResponse):
    """byte_rate: bytes per second while everything is recorded; null while not known. mode: the active one.

    version: pass it back when changing.
    """

    version: str
    record: Recording
    pre_s: float
    post_s: float
    modes: dict[str, Recording]
    mode: str
    mode_names: list[str]
    byte_rate: float | None
    yesterday: RecordedDayInfo
    in_file: bool
    """Changes are saved in the settings file; otherwise they last until tawny stops."""


@router.get("/cameras/{camera}/recording", dependencies=own)
async def recording(
    camera: OneCamera, context: Context, pre_s: Annotated[PreRoll | None, Query()] = None,
    post_s: Annotated[PostRoll | None, Query()] = None,
) -> RecordingInfo:  # fmt: skip
    """Return what is recorded, and what each choice would have recorded yesterday.

    pre_s, post_s: replay yesterday with these instead of the camera's own.
    """
    return _info(context.recording, camera, pre_s, post_s)


@router.put("/cameras/{camera}/recording", dependencies=own)
async def change_recording(camera: OneCamera, body: RecordingRequest, note: Note, context: Context) -> RecordingInfo:
    """Change what is recorded, at once and without a new connection. Nothing recorded before is deleted.

    409 `changed`: it was changed in the meantime.
    """
    choice = RecordingChoice(body.record, body.pre_s, body.post_s, body.modes)
    try:
        await context.calls.run("camera setup", partial(context.recording.change, camera, choice, body.version))
    except RecordingConflict:
        raise changed_meanwhile() from None
    except SettingsError as error:
        raise bad_setting(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error
    note("recording changed", camera)
    return _info(context.recording, camera, None, None)


def _info(
    service: RecordingChoiceService, camera: CameraId, pre_s: float | None, post_s: float | None
) -> RecordingInfo:
    try:
        found = service.now(camera, pre_s, post_s)
    except NotDone as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error
    day = found.yesterday
    return RecordingInfo(
        version=found.choice.version,
        record=found.choice.record,
        pre_s=found.choice.pre_s,
        post_s=found.choice.post_s,
        modes=dict(found.choice.modes),
        mode=found.mode,
        mode_names=list(found.modes),
        byte_rate=found.byte_rate,
        yesterday=RecordedDayInfo(
            begin_ms=day.begin_ms, end_ms=day.end_ms, events=day.events, seconds=dict(day.seconds), known=day.is_known
        ),
        in_file=found.is_in_file,
    )

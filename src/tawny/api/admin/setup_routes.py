"""Routes of the first hour: what is done and what is open, the disks to record to, and a new start. For owners."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from tawny.api.auth.access import Access, Note, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, bad_setting, not_found
from tawny.api.request_handling import WorkerRoute, in_worker
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.config.quantities import LabelText
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError, StorageError
from tawny.service.first_setup import CardState, SetupCard, SetupStep, StepState
from tawny.service.health.checks import is_clock_synchronized
from tawny.service.storage_choice import recordings_stay

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
own = [rule(Access.OWN)]


class SetupStepInfo(ApiResponse):
    id: SetupStep
    state: StepState


class SetupCardInfo(ApiResponse):
    id: SetupCard
    state: CardState


class SetupClock(ApiResponse):
    """synchronized: whether something sets the recorder's clock; null if unknown. now_ms: its time."""

    synchronized: bool | None
    now_ms: int


class SetupInfo(ApiResponse):
    """State of the first setup.

    hidden: the reminder is. finished: all steps are done, or the user said so. addresses: of this recorder in the local
    network, best first. secure_address: the one with https; empty without. service_command: starts tawny with the
    computer; empty where that isn't possible or is done. name: the recorder's, shown on its pages.
    """

    steps: list[SetupStepInfo]
    cards: list[SetupCardInfo]
    hidden: bool
    finished: bool
    clock: SetupClock
    addresses: list[str]
    secure_address: str
    service_command: str
    name: str


class SetupStepRequest(ApiRequest):
    state: StepState


class SetupCardRequest(ApiRequest):
    state: Literal["open", "hidden"]


class SetupRequest(ApiRequest):
    """What is given changes. name: empty for the computer's host name."""

    hidden: bool | None = None
    finished: bool | None = None
    name: Annotated[LabelText, Field(max_length=60)] | None = None


class DiskChoiceInfo(ApiResponse):
    """A disk that is connected.

    path: folder for recordings on it. advice: what to know before choosing it. problem: why it can't be used yet; fix:
    the command that changes that. fits_days: how many days of recordings fit; null if unknown.
    """

    path: str
    mount: str
    kind: Literal["sd-card", "usb-stick", "usb-disk", "ssd", "hdd", "network", "disk"]
    model: str
    total_bytes: int
    free_bytes: int
    current: bool
    advice: str
    problem: str
    fix: str
    fits_days: float | None


class StorageChoiceInfo(ApiResponse):
    """path: the folder in use. next_path: the folder after the next start, if it is another; else empty.

    day_bytes: what the cameras record in a day; null while unknown. measured: over an hour at least. max_bytes: space
    limit; null for none. fixed: why nothing can be changed here; empty if it can. can_restart: `POST /restart` works.
    """

    path: str
    next_path: str
    disks: list[DiskChoiceInfo]
    day_bytes: float | None
    measured: bool
    recorded_bytes: int
    min_days: float
    max_days: float
    max_bytes: int | None
    fixed: str
    can_restart: bool


class StorageChoiceRequest(ApiRequest):
    """days: recordings are deleted after this time. size: space limit such as `200 GB`; empty for none.

    leave: confirms that recordings made so far stay in the old folder.
    """

    path: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    days: Annotated[float, Field(ge=1, le=3650)] | None = None
    size: Annotated[str, Field(max_length=40)] | None = None
    leave: bool = False


class StorageChanged(ApiResponse):
    """restart: the new folder takes effect when tawny starts again (`POST /restart`)."""

    restart: bool
    storage: StorageChoiceInfo


@router.get("/setup", dependencies=own)
def setup_state(context: Context) -> SetupInfo:
    """Return what of the setup is done, skipped or open."""
    return _state(context)


@router.put("/setup", dependencies=own)
def change_setup(body: SetupRequest, note: Note, context: Context) -> SetupInfo:
    """Hide the reminder, finish the setup, or name the recorder."""
    with _in_words():
        if body.name is not None:
            context.first_setup.put_name(body.name)
            note("recorder named", body.name)
        if body.hidden is not None or body.finished is not None:
            context.first_setup.put(hidden=body.hidden, finished=body.finished)
    return _state(context)


@router.put("/setup/steps/{step}", dependencies=own)
def change_step(step: SetupStep, body: SetupStepRequest, context: Context) -> SetupInfo:
    """Skip a step, open it again, or confirm that it is done."""
    with _in_words():
        context.first_setup.put_step(step, body.state)
    return _state(context)


@router.put("/setup/cards/{card}", dependencies=own)
def change_card(card: SetupCard, body: SetupCardRequest, context: Context) -> SetupInfo:
    """Hide an offer for later, or show it again."""
    with _in_words():
        context.first_setup.put_card(card, hidden=body.state == "hidden")
    return _state(context)


@router.get("/setup/storage", dependencies=own)
def storage_choices(context: Context) -> StorageChoiceInfo:
    """Return the disks to record to, how many days fit on each, and what is set now."""
    return _choices(context)


@router.put("/setup/storage", dependencies=own)
def choose_storage(body: StorageChoiceRequest, note: Note, context: Context) -> StorageChanged:
    """Choose the folder for recordings, and how long they stay. The folder takes effect with `POST /restart`.

    409 `recordings_stay`: recordings of the old folder are no longer shown then; set `leave` to confirm.
    """
    with _in_words():
        now = context.storing.now()
        if body.path not in (None, now.path, now.next_path) and now.recorded_bytes and not body.leave:
            message = recordings_stay(now.path, now.recorded_bytes)
            raise RequestRefused(
                409, "recordings_stay", message, "Confirm it, or keep the folder.", {"size_bytes": now.recorded_bytes}
            )
        is_later = context.storing.change(path=body.path, days=body.days, size=body.size)
    note("storage changed", body.path or "")
    with _in_words():
        context.first_setup.put_step(SetupStep.STORAGE, StepState.DONE)
    return StorageChanged(restart=is_later, storage=_choices(context))


@router.post("/restart", dependencies=own)
async def restart(note: Note, context: Context) -> OkResponse:
    """Stop, and start again with the settings file. Recording pauses for some seconds; the gap says why."""
    if not context.can_restart:
        raise not_found("tawny can't start again by itself here.", "Stop it and start it again.")
    await in_worker(note, "restart", "")
    context.restart()
    return OkResponse()


def _state(context: AppContext) -> SetupInfo:
    now = context.first_setup.now()
    return SetupInfo(
        steps=[SetupStepInfo(id=step, state=state) for step, state in now.steps.items()],
        cards=[SetupCardInfo(id=card, state=state) for card, state in now.cards.items()],
        hidden=now.hidden,
        finished=now.finished,
        clock=SetupClock(synchronized=is_clock_synchronized(), now_ms=context.recorder.clock.now_ms()),
        addresses=list(context.own_addresses()),
        secure_address=context.address if context.address.startswith("https://") else "",
        service_command=now.service_command,
        name=context.title,
    )


def _choices(context: AppContext) -> StorageChoiceInfo:
    now = context.storing.now()
    return StorageChoiceInfo(
        path=now.path,
        next_path=now.next_path,
        disks=[
            DiskChoiceInfo.model_validate(
                {
                    "path": one.path,
                    "mount": one.mount,
                    "kind": one.kind,
                    "model": one.model,
                    "total_bytes": one.total_bytes,
                    "free_bytes": one.free_bytes,
                    "current": one.is_current,
                    "advice": one.advice,
                    "problem": one.problem,
                    "fix": one.fix,
                    "fits_days": one.fits_days,
                }
            )
            for one in now.disks
        ],
        day_bytes=now.day_bytes,
        measured=now.is_measured,
        recorded_bytes=now.recorded_bytes,
        min_days=now.min_days,
        max_days=now.max_days,
        max_bytes=now.max_bytes,
        fixed=now.fixed,
        can_restart=context.can_restart,
    )


@contextmanager
def _in_words() -> Iterator[None]:
    """Convert errors of the services to API errors."""
    try:
        yield
    except SettingsError as error:
        raise bad_setting(error) from error
    except NotDone as error:
        raise bad_input(error.message, error.do) from error
    except (FolderUnwritable, StorageError) as error:
        raise RequestRefused(409, "not_saved", error.message, error.do) from error

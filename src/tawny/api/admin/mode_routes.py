"""Routes for modes, presence and rules: state, plan, test, and the reasons of past actions."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path

from tawny.api.admin import mode_schemas as shapes
from tawny.api.auth.access import Access, Note, Signed, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.events.event_routes import find_event
from tawny.api.parameters import OneCamera, OneEvent
from tawny.api.schemas import OkResponse
from tawny.api.workers import WorkerRoute
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.service.modes.mode_service import ModeServiceApi, Outcome, Rehearsal

router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, direct, own = [rule(Access.VIEW)], [rule(Access.DIRECT)], [rule(Access.OWN)]
OnePerson = Annotated[str, Path(max_length=40)]
T = TypeVar("T")


@router.get("/modes", dependencies=view)
def modes(here: Here) -> shapes.ModesInfo:
    """Return the active mode, changes of the next week and presence. Only includes cameras the user may see."""

    def told(desk: ModeServiceApi) -> shapes.ModesInfo:
        said = asdict(desk.now())
        said["holds"] = [one for one in said["holds"] if here.seen is None or one["camera"] in here.seen]
        return shapes.ModesInfo(**said, does=dict(desk.plan().does))

    return _of(here, told)


@router.put("/mode", dependencies=direct)
def set_mode(asked: shapes.SetModeRequest, note: Note, signed: Signed, here: Here) -> shapes.ModesInfo:
    """Set the mode manually, for a time or until the next scheduled change."""

    def change(desk: ModeServiceApi) -> None:
        if asked.mode:
            desk.set_mode(asked.mode, signed.person.name, asked.for_s)
        else:
            desk.back_to_week()
        note("mode set", asked.mode or "mode follows the schedule")

    _of(here, change)
    return modes(here)


@router.put("/cameras/{camera}/hold", dependencies=direct)
def hold_camera(
    camera: OneCamera, asked: shapes.HoldRequest, note: Note, signed: Signed, here: Here
) -> shapes.ModesInfo:
    """Override one camera: pause it for privacy, or record whatever the mode."""

    def change(desk: ModeServiceApi) -> None:
        desk.hold(camera, "" if asked.what == "none" else asked.what, signed.person.name, asked.for_s)
        note(f"manual override: {asked.what}", camera)

    _of(here, change)
    return modes(here)


@router.put("/presence/{person}", dependencies=view)
def check_in(
    person: OnePerson, asked: shapes.PersonCheckInRequest, note: Note, signed: Signed, here: Here
) -> OkResponse:
    """Report that someone came home or left. Owners for anyone, others for themselves."""
    is_self = signed.person.name.lower() == person.lower()
    if not is_self and signed.person.role.value != "owner":
        raise RequestRefused(403, "not_yours", "You can only check in for yourself.", "Ask an owner.")

    def change(desk: ModeServiceApi) -> None:
        desk.check_in(person, "check-in", home=asked.home)
        action = "came home" if asked.home else "left"
        note(action, person)

    _of(here, change)
    return OkResponse()


@router.get("/modes/plan", dependencies=own)
def plan(here: Here) -> shapes.ModePlanInfo:
    """Return schedule, exceptions, people and rules in editable form."""

    def told(desk: ModeServiceApi) -> shapes.ModePlanInfo:
        found, modes = desk.plan(), dict(desk.plan().modes)
        modes.setdefault("names", list(desk.now().modes))
        rules = [{**one, "when": _listed(one.get("when", {}))} for one in found.rules]
        return shapes.ModePlanInfo.model_validate(
            {"modes": modes, "rules": rules, "is_in_file": found.is_in_file,
             "notifiers": list(found.notifiers), "destinations": list(found.destinations)}
        )  # fmt: skip

    return _of(here, told)


@router.put("/modes/plan", dependencies=own)
def change_plan(asked: shapes.ModePlanChange, note: Note, here: Here) -> shapes.ModePlanInfo:
    """Apply a plan immediately and save it in the settings file, if there is one. An invalid plan changes nothing."""
    modes = _said(asked.modes.model_dump())
    rules = [_said(one.model_dump()) for one in asked.rules]

    def change(desk: ModeServiceApi) -> None:
        try:
            _understood(lambda: desk.change(modes, rules))
        except FolderUnwritable as error:
            raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error
        note("modes and rules changed", "")

    _of(here, change)
    return plan(here)


@router.post("/modes/preview", dependencies=own)
def preview_plan(asked: shapes.ModePlanChange, here: Here) -> shapes.ModeWeekInfo:
    """Return the next seven days according to this plan, or its problems. Changes nothing."""
    modes, rules = _said(asked.modes.model_dump()), [_said(one.model_dump()) for one in asked.rules]
    days = _of(here, lambda desk: _understood(lambda: desk.preview(modes, rules)))
    return shapes.ModeWeekInfo(
        days=[
            shapes.ModeDayInfo(
                date=str(day),
                weekday=day.weekday(),
                parts=[shapes.ModePeriodInfo(from_min=begin, to_min=end, mode=mode) for begin, end, mode in parts],
            )
            for day, parts in days
        ]
    )


@router.post("/rehearsal", dependencies=own)
def rehearse(asked: shapes.RehearsalRequest, here: Here) -> shapes.RehearsalInfo:
    """Return what would happen for a hypothetical event. Executes no action."""
    at_ms = _of(here, lambda desk: desk.instant_ms(asked.at) if asked.at else asked.at_ms)
    if at_ms is None:
        at_ms = here.recorder.clock.now_ms()
    home = None if asked.home is None else tuple(asked.home)
    imagined = Rehearsal(asked.camera, asked.kind, at_ms, tuple(asked.zones), asked.mode, home, asked.lasts_s)
    found = _of(here, lambda desk: desk.rehearse(imagined))
    said = asdict(found) | {"outcomes": [_outcome(one) for one in found.outcomes], "home": list(found.home)}
    return shapes.RehearsalInfo(**said)


@router.get("/events/{event}/why", dependencies=own)
def why(event: OneEvent, here: Here) -> shapes.WhyInfo:
    """Return notifications and actions of an event, and why or why not."""
    found = find_event(event, here)
    return shapes.WhyInfo(outcomes=[_outcome(one) for one in _of(here, lambda desk: desk.why(found.id))])


def _outcome(one: Outcome) -> shapes.OutcomeInfo:
    return shapes.OutcomeInfo(**asdict(one))


def _understood(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except SettingsError as error:
        first = error.problems[0]
        raise bad_input(f"{first.path}: {first.found}.", f"Allowed: {first.allowed}.") from error


def _listed(when: Any) -> dict[str, Any]:
    return {key: [value] if isinstance(value, str) and key != "min_duration" else value for key, value in when.items()}


def _said(words: dict[str, Any]) -> dict[str, Any]:
    """Remove empty values, as in the file; people without addresses stay."""
    said = {key: _said(value) if isinstance(value, dict) else value for key, value in words.items()}
    if words.get("people"):
        said["people"] = {name: _said(one) for name, one in words["people"].items()}
    return {key: value for key, value in said.items() if value}


def _of(here: AppContext, ask: Callable[[ModeServiceApi], T]) -> T:
    desk = here.modes
    if desk is None:
        raise not_found("This recorder has no modes.")
    try:
        return ask(desk)
    except NotDone as error:
        raise RequestRefused(409, "not_done", error.message, error.do) from error

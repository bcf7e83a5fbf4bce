"""Routes for modes, presence and rules: state, plan, test, and the reasons of past actions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from tawny.api.auth.access import Access, Note, OneCamera, OneEvent, Signed, rule
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input
from tawny.api.events.event_routes import find_event
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.config.modes import MOST_MODES, ModesSettings, NotifyType
from tawny.config.quantities import CHECKED
from tawny.events.modes import ActiveHold
from tawny.events.rule_engine import TrackedPerson
from tawny.model.errors import FolderUnwritable, SettingsError
from tawny.model.segments import Recording
from tawny.model.times import LATEST_MS
from tawny.service.modes.mode_service import (
    ModeChangeInfo,
    ModePlanConflict,
    ModeService,
    ModeStatus,
    OutcomeInfo,
    Rehearsal,
    RehearsalInfo,
)
from tawny.service.modes.mode_table import CellChoice, CellRecord, ModeRow
from tawny.service.modes.replay import PastSpan, Replay

Word = Annotated[str, Field(min_length=1, max_length=60)]
Words = Annotated[list[Word], Field(max_length=40)]
Seconds = Annotated[float, Field(ge=1, le=31 * 86_400)]


class RehearsalRequest(ApiRequest):
    """A hypothetical event.

    mode, home: null: as expected at that time. at: local time of the recorder, takes precedence over at_ms.
    Both null: now.
    """

    camera: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Word = "person"
    at: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\dT[0-2]\d:[0-5]\d$")] | None = None
    at_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] | None = None
    zones: Words = Field(default_factory=list)
    mode: Word | None = None
    home: Words | None = None
    lasts_s: Annotated[float, Field(ge=0, le=3600)] = 10.0


class ModesInfo(ApiResponse):
    """Modes. by: `schedule`, `presence`, or the name of a user. does: one-line summary of each mode."""

    modes: list[str]
    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    ahead: list[ModeChangeInfo]
    people: list[TrackedPerson]
    looks_by: str
    holds: list[ActiveHold]
    lately: list[ModeChangeInfo]
    does: dict[str, str]
    problem: str
    leaving_ms: int | None
    """When the mode changes because everyone has just left."""


class SetModeRequest(ApiRequest):
    """Set the mode. for_s: null: until the next scheduled change. mode: empty: follow schedule and presence."""

    mode: Annotated[str, Field(max_length=20)]
    for_s: Seconds | None = None


class HoldRequest(ApiRequest):
    """Override a camera. for_s: null: until changed. what: `none` ends the override."""

    what: Literal["pause", "record", "none"]
    for_s: Seconds | None = None


class PersonCheckInRequest(ApiRequest):
    home: bool


# Plans of modes and rules, of requests and answers: no limit may be narrower than the settings' own, or what the file
# has could not be shown.


class SomebodyPlan(ApiRequest):
    ping: list[str] = Field(default_factory=list)
    mac: list[str] = Field(default_factory=list)
    mdns: list[str] = Field(default_factory=list)


class PresencePlan(SomebodyPlan):
    """Presence settings. Durations as text: `10 min`. Empty: default."""

    people: dict[str, SomebodyPlan] = Field(default_factory=dict)
    automatic: bool = True
    every: str = ""
    away_after: str = ""
    grace: str = ""
    nobody: str = ""
    back: str = ""


class ModeCellPlan(ApiRequest):
    """As in `tawny.toml`. null: not set."""

    record: Recording | None = None
    privacy: bool | None = None
    detection: bool | None = None
    notify: list[str] | None = None
    channels: list[str] | None = None


class ModeTablePlan(ApiRequest):
    """As in `tawny.toml` under `modes.NAME`."""

    doors: ModeCellPlan | None = None
    outside: ModeCellPlan | None = None
    inside: ModeCellPlan | None = None
    others: ModeCellPlan | None = None
    cameras: dict[str, ModeCellPlan] = Field(default_factory=dict)


class ArmPlan(ApiRequest):
    """As in `tawny.toml` under `modes`. tables: what modes do with cameras, `modes.NAME`."""

    names: Annotated[list[str], Field(min_length=1, max_length=MOST_MODES)]
    schedule: dict[str, list[str]] = Field(default_factory=dict)
    exceptions: dict[str, str] = Field(default_factory=dict)
    location: list[float] = Field(default_factory=list)
    presence: PresencePlan = Field(default_factory=PresencePlan)
    tables: dict[str, ModeTablePlan] = Field(default_factory=dict)


class WhenPlan(ApiRequest):
    camera: list[str] = Field(default_factory=list)
    kind: list[str] = Field(default_factory=list)
    zone: list[str] = Field(default_factory=list)
    recognized: list[str] = Field(default_factory=list)
    include_possible: bool = False
    mode: list[str] = Field(default_factory=list)
    between: list[str] = Field(default_factory=list)
    home: list[str] = Field(default_factory=list)
    away: list[str] = Field(default_factory=list)
    min_duration: str = ""


class RulePlan(ApiRequest):
    name: Annotated[str, Field(max_length=60), CHECKED] = ""
    when: WhenPlan = Field(default_factory=WhenPlan)
    do: Annotated[list[str], Field(min_length=1)]


class ModePlanChange(ApiRequest):
    """renamed: former and new name of a mode: if it was set manually, it stays.

    version: of the plan that was changed; null: overwrite any changes made since.
    """

    modes: ArmPlan
    rules: list[RulePlan]
    renamed: tuple[Word, Word] | None = None
    version: Annotated[str, Field(max_length=40)] | None = None


class ModePlanInfo(ApiResponse):
    """The plan. is_in_file: changes are saved in the settings file. rows: cameras, and what each mode does with them.

    does: one-line summary of each mode. version: differs with any change of modes or rules.
    """

    version: str
    modes: ArmPlan
    rules: list[RulePlan]
    rows: list[ModeRow]
    does: dict[str, str]
    is_in_file: bool
    notifiers: list[str]
    destinations: list[str]
    rule_keys: list[str]
    """By what snoozes know the rules; empty for one that can't be snoozed."""


class ModePeriodInfo(ApiResponse):
    """A period in minutes of the day, local wall-clock time."""

    from_min: int
    to_min: int
    mode: str


class ModeDayInfo(ApiResponse):
    """A day. weekday: 0 is Monday."""

    date: str
    weekday: int
    parts: list[ModePeriodInfo]


class ModeWeekInfo(ApiResponse):
    """The next seven days according to schedule and exceptions, without presence."""

    days: list[ModeDayInfo]


class ModeCellsRequest(ApiRequest):
    """What these modes do with these cameras. notify, channels: null: as before."""

    cameras: Annotated[list[Word], Field(min_length=1, max_length=500)]
    modes: Annotated[list[Word], Field(min_length=1, max_length=8)]
    record: CellRecord
    detection: bool = True
    notify: Annotated[list[NotifyType], Field(max_length=4)] | None = None
    channels: Words | None = None


class ModePresetInfo(ApiResponse):
    """A preset, as it would be. modes: the plan to save. rows, does: as in the plan."""

    id: str
    modes: ArmPlan
    rows: list[ModeRow]
    does: dict[str, str]


class ModePresetsInfo(ApiResponse):
    presets: list[ModePresetInfo]


class ModeReplayRequest(ApiRequest):
    """span: `night`: last night from 20:00 to 08:00. mode: empty: those that were active. cameras: null: all.

    plan: modes and rules to try; null: those in force.
    """

    span: PastSpan = "night"
    mode: Annotated[str, Field(max_length=20)] = ""
    cameras: Words | None = None
    plan: ModePlanChange | None = None


class RuleNameInfo(ApiResponse):
    """A rule. key: by what snoozes know it."""

    key: str
    name: str


class WhyInfo(ApiResponse):
    """rules: those that apply to the event and could be snoozed, or are."""

    outcomes: list[OutcomeInfo]
    rules: list[RuleNameInfo]


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view, direct, own = [rule(Access.VIEW)], [rule(Access.DIRECT)], [rule(Access.OWN)]
OnePerson = Annotated[str, Path(max_length=40)]


@router.get("/modes", dependencies=[rule(Access.WALL)])
def modes(context: Context) -> ModesInfo:
    """Return the active mode, changes of the next week and presence. Only includes cameras the user may see."""
    with _service(context) as service:
        now = service.now()
        holds = [one for one in now.holds if context.seen is None or one.camera in context.seen]
        return ModesInfo(**_fields(replace(now, holds=holds)), does=dict(service.does(context.seen)))


@router.put("/mode", dependencies=direct)
def set_mode(body: SetModeRequest, note: Note, signed: Signed, context: Context) -> ModesInfo:
    """Set the mode manually, for a time or until the next scheduled change."""
    with _service(context) as service:
        if body.mode:
            service.set_mode(body.mode, signed.person.name, body.for_s)
            note("mode set", body.mode)
        else:
            service.back_to_week()
            note("mode follows the schedule", "")
    return modes(context)


@router.put("/cameras/{camera}/hold", dependencies=direct)
def hold_camera(camera: OneCamera, body: HoldRequest, note: Note, signed: Signed, context: Context) -> ModesInfo:
    """Override one camera: pause it for privacy, or record whatever the mode."""
    with _service(context) as service:
        service.hold(camera, "" if body.what == "none" else body.what, signed.person.name, body.for_s)
        note(f"manual override: {body.what}", camera)
    return modes(context)


@router.put("/presence/{person}", dependencies=view)
def check_in(person: OnePerson, body: PersonCheckInRequest, note: Note, signed: Signed, context: Context) -> OkResponse:
    """Report that someone came home or left. Owners for anyone, others for themselves."""
    is_self = signed.person.name.lower() == person.lower()
    if not is_self and signed.person.role.value != "owner":
        raise RequestRefused(403, "not_yours", "You can only check in for yourself.", "Ask an owner.")
    with _service(context) as service:
        service.check_in(person, "check-in", home=body.home)
        note("came home" if body.home else "left", person)
    return OkResponse()


@router.get("/modes/plan", dependencies=own)
def plan(context: Context) -> ModePlanInfo:
    """Return schedule, exceptions, people and rules in editable form."""
    with _service(context) as service:
        found, names = service.plan(), service.now().modes
    rules = [RulePlan.model_validate({**one, "when": _listed(one.get("when", {}))}) for one in found.rules]
    return ModePlanInfo(
        version=found.version,
        modes=_arm_plan(found.modes, names),
        rules=rules,
        rows=list(found.rows),
        does=dict(found.does),
        is_in_file=found.is_in_file,
        notifiers=list(found.notifiers),
        destinations=list(found.destinations),
        rule_keys=list(found.rule_keys),
    )


@router.put("/modes/cells", dependencies=own)
def change_cells(body: ModeCellsRequest, note: Note, context: Context) -> ModePlanInfo:
    """Set what modes record of cameras and notify about, at once, and save it in the settings file, if there is one."""
    notify = None if body.notify is None else tuple(body.notify)
    channels = None if body.channels is None else tuple(body.channels)
    with _service(context) as service:
        try:
            service.put_cells(body.cameras, body.modes, CellChoice(body.record, body.detection, notify, channels))
        except FolderUnwritable as error:
            raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error
        note("modes changed", f"{', '.join(body.modes)}: {', '.join(body.cameras)}")
    return plan(context)


@router.get("/modes/presets", dependencies=own)
def presets(context: Context) -> ModePresetsInfo:
    """Return what each preset would make of the plan. Changes nothing."""
    with _service(context) as service:
        found = [
            ModePresetInfo(id=name, modes=_arm_plan(table, ()), rows=list(rows), does=dict(does))
            for name, (table, rows, does) in service.presets().items()
        ]
    return ModePresetsInfo(presets=found)


@router.post("/modes/replay", dependencies=own)
def replay(body: ModeReplayRequest, context: Context) -> Replay:
    """Return what would have been recorded and notified about in another mode. Sends nothing."""
    with _service(context) as service:
        plan = None if body.plan is None else _tables(body.plan)
        return service.replay(body.span, body.mode, body.cameras, plan)


@router.put("/modes/plan", dependencies=own)
def change_plan(body: ModePlanChange, note: Note, context: Context) -> ModePlanInfo:
    """Apply a plan immediately and save it in the settings file, if there is one. An invalid plan changes nothing.

    409 `changed`: modes or rules were changed in the meantime.
    """
    with _service(context) as service:
        try:
            service.change(*_tables(body), renamed=body.renamed, version=body.version)
        except ModePlanConflict:
            todo = "Look at it, then change it again if you still want to."
            raise RequestRefused(409, "changed", "Modes or rules have been changed meanwhile.", todo) from None
        except FolderUnwritable as error:
            raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error
        note("modes and rules changed", "")
    return plan(context)


@router.post("/modes/preview", dependencies=own)
def preview_plan(body: ModePlanChange, context: Context) -> ModeWeekInfo:
    """Return the next seven days according to this plan, or its problems. Changes nothing."""
    with _service(context) as service:
        days = service.preview(*_tables(body))
    return ModeWeekInfo(
        days=[
            ModeDayInfo(
                date=str(day),
                weekday=day.weekday(),
                parts=[ModePeriodInfo(from_min=begin, to_min=end, mode=mode) for begin, end, mode in parts],
            )
            for day, parts in days
        ]
    )


@router.post("/rehearsal", dependencies=own)
def rehearse(body: RehearsalRequest, context: Context) -> RehearsalInfo:
    """Return what would happen for a hypothetical event. Executes no action."""
    with _service(context) as service:
        at_ms = service.instant_ms(body.at) if body.at else body.at_ms
        if at_ms is None:
            at_ms = context.recorder.clock.now_ms()
        home = None if body.home is None else tuple(body.home)
        zones = tuple(body.zones)
        return service.rehearse(Rehearsal(body.camera, body.kind, at_ms, zones, body.mode, home, body.lasts_s))


@router.get("/events/{event}/why", dependencies=own)
def why(event: OneEvent, context: Context) -> WhyInfo:
    """Return notifications and actions of an event, and why or why not."""
    found = find_event(event, context)
    with _service(context) as service:
        rules = [RuleNameInfo(key=key, name=name) for key, name in service.fitting(found)]
        return WhyInfo(outcomes=list(service.why(found.id)), rules=rules)


@contextmanager
def _service(context: AppContext) -> Iterator[ModeService]:
    """Give the mode service. Raises RequestRefused when it refuses."""
    try:
        yield context.modes
    except SettingsError as error:
        first = error.problems[0]
        raise bad_input(f"{first.path}: {first.found}.", f"Allowed: {first.allowed}.") from error


def _fields(status: ModeStatus) -> dict[str, Any]:
    return {one.name: getattr(status, one.name) for one in fields(status)}


def _arm_plan(table: Mapping[str, Any], names: Sequence[str]) -> ArmPlan:
    """Return the table `modes` of the settings file in editable form. names: its modes, if it doesn't name them."""
    values = dict(table)
    values.setdefault("names", list(names) or list(ModesSettings().names))
    tables = {mode: values.pop(mode) for mode in values["names"] if mode in values}
    return ArmPlan.model_validate({**values, "tables": tables})


def _tables(body: ModePlanChange) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the tables `modes` and `rules` as in the settings file."""
    tables = {mode: one.model_dump(exclude_none=True) for mode, one in body.modes.tables.items()}
    modes = _without_empty(body.modes.model_dump(exclude={"tables"}))
    if body.modes.presence.automatic:
        modes.get("presence", {}).pop("automatic", None)
    else:
        modes["presence"] = {**modes.get("presence", {}), "automatic": False}
    modes = {key: value for key, value in modes.items() if value}
    modes |= {mode: table for mode, one in tables.items() if (table := {k: v for k, v in one.items() if v})}
    return modes, [_without_empty(one.model_dump()) for one in body.rules]


def _listed(when: Any) -> dict[str, Any]:
    return {key: [value] if isinstance(value, str) and key != "min_duration" else value for key, value in when.items()}


def _without_empty(words: dict[str, Any]) -> dict[str, Any]:
    """Remove empty values, as in the file; people without addresses stay."""
    values = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in words.items()}
    if words.get("people"):
        values["people"] = {name: _without_empty(one) for name, one in words["people"].items()}
    return {key: value for key, value in values.items() if value}

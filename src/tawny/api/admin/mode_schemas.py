"""Modes, who is at home, rules, and what they would do, as types of the API."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import LATEST_MS, ApiRequest, ApiResponse

Word = Annotated[str, Field(min_length=1, max_length=60)]
Line = Annotated[str, Field(min_length=1, max_length=220)]
Words = Annotated[list[Word], Field(max_length=40)]
Seconds = Annotated[float, Field(ge=1, le=31 * 86_400)]


class ModeChangeInfo(ApiResponse):
    """by: empty for what is still to come."""

    at_ms: int
    mode: str
    by: str


class PersonHomeInfo(ApiResponse):
    """leaves_ms: when this person has left, if not seen until then."""

    name: str
    is_home: bool
    seen_ms: int | None
    source: str
    leaves_ms: int | None


class CameraHoldInfo(ApiResponse):
    camera: str
    what: Literal["pause", "record"]
    by: str
    until_ms: int | None


class ModesInfo(ApiResponse):
    """by: who or what set it: `schedule`, `presence`, or somebody's name. does: what is done in each, in a line."""

    modes: list[str]
    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    ahead: list[ModeChangeInfo]
    people: list[PersonHomeInfo]
    looks_by: str
    holds: list[CameraHoldInfo]
    lately: list[ModeChangeInfo]
    does: dict[str, str]
    problem: str


class SetModeRequest(ApiRequest):
    """for_s: null: until the next change. mode: empty: what the week and who is at home say."""

    mode: Annotated[str, Field(max_length=20)]
    for_s: Seconds | None = None


class HoldRequest(ApiRequest):
    """for_s: null: until told otherwise. what: `none`: it does again what it would."""

    what: Literal["pause", "record", "none"]
    for_s: Seconds | None = None


class PersonCheckInRequest(ApiRequest):
    home: bool


class SomebodyPlan(ApiRequest):
    ping: Words = Field(default_factory=list)
    mac: Words = Field(default_factory=list)
    mdns: Words = Field(default_factory=list)


class PresencePlan(SomebodyPlan):
    """Times as text: `10 min`. Empty: as usual."""

    people: dict[Word, SomebodyPlan] = Field(default_factory=dict)
    every: Annotated[str, Field(max_length=20)] = ""
    away_after: Annotated[str, Field(max_length=20)] = ""
    nobody: Annotated[str, Field(max_length=20)] = ""
    back: Annotated[str, Field(max_length=20)] = ""


class ArmPlan(ApiRequest):
    """As `tawny.toml` has it under `modes`."""

    names: Annotated[list[Word], Field(min_length=1, max_length=8)]
    schedule: dict[Word, Words] = Field(default_factory=dict)
    exceptions: Annotated[dict[Word, Word], Field(max_length=200)] = Field(default_factory=dict)
    location: Annotated[list[float], Field(max_length=2)] = Field(default_factory=list)
    presence: PresencePlan = Field(default_factory=PresencePlan)


class WhenPlan(ApiRequest):
    camera: Words = Field(default_factory=list)
    kind: Words = Field(default_factory=list)
    zone: Words = Field(default_factory=list)
    recognized: Words = Field(default_factory=list)
    include_possible: bool = False
    mode: Words = Field(default_factory=list)
    between: Words = Field(default_factory=list)
    home: Words = Field(default_factory=list)
    away: Words = Field(default_factory=list)
    min_duration: Annotated[str, Field(max_length=20)] = ""


class RulePlan(ApiRequest):
    name: Annotated[str, Field(max_length=60)] = ""
    when: WhenPlan = Field(default_factory=WhenPlan)
    do: Annotated[list[Line], Field(min_length=1, max_length=20)]


class ModePlanChange(ApiRequest):
    modes: ArmPlan
    rules: Annotated[list[RulePlan], Field(max_length=100)]


class ModePlanInfo(ApiResponse):
    """is_in_file: changes outlive the program."""

    modes: ArmPlan
    rules: list[RulePlan]
    is_in_file: bool
    notifiers: list[str]
    destinations: list[str]


class ModePeriodInfo(ApiResponse):
    """Minutes of the day, by the clock on the wall."""

    from_min: int
    to_min: int
    mode: str


class ModeDayInfo(ApiResponse):
    """weekday: 0 is Monday."""

    date: str
    weekday: int
    parts: list[ModePeriodInfo]


class ModeWeekInfo(ApiResponse):
    """The next seven days, by the week and its exceptions alone."""

    days: list[ModeDayInfo]


class RehearsalRequest(ApiRequest):
    """What is to be rehearsed. mode, home: null: as it would be by then. at: by the recorder's clock on the wall;
    else at_ms; both null: now."""

    camera: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Word = "person"
    at: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\dT[0-2]\d:[0-5]\d$")] | None = None
    at_ms: Annotated[int, Field(ge=0, le=LATEST_MS)] | None = None
    zones: Words = Field(default_factory=list)
    mode: Word | None = None
    home: Words | None = None
    lasts_s: Annotated[float, Field(ge=0, le=3600)] = 10.0


class OutcomeInfo(ApiResponse):
    """wait_ms: not before then. went: how it went, of what did happen."""

    deed: str
    does: bool
    why: str
    wait_ms: int | None
    went: str


class RehearsalInfo(ApiResponse):
    at_ms: int
    mode: str
    by: str
    home: list[str]
    is_recorded: bool
    unrecorded: str
    is_noticed: bool
    outcomes: list[OutcomeInfo]


class WhyInfo(ApiResponse):
    outcomes: list[OutcomeInfo]

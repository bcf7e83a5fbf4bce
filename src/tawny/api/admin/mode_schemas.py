"""API schemas of modes, presence and rules."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import LATEST_MS, ApiRequest, ApiResponse
from tawny.config.units import CHECKED

Word = Annotated[str, Field(min_length=1, max_length=60)]
Line = Annotated[str, Field(min_length=1, max_length=220)]
Words = Annotated[list[Word], Field(max_length=40)]
Seconds = Annotated[float, Field(ge=1, le=31 * 86_400)]


class ModeChangeInfo(ApiResponse):
    """A mode change. by: what caused it; empty for a future one."""

    at_ms: int
    mode: str
    by: str


class PersonHomeInfo(ApiResponse):
    """Presence of a person. leaves_ms: when they count as away if not seen before."""

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
    """Modes. by: `schedule`, `presence`, or the name of a user. does: one-line summary of each mode."""

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
    """Set the mode. for_s: null: until the next scheduled change. mode: empty: follow schedule and presence."""

    mode: Annotated[str, Field(max_length=20)]
    for_s: Seconds | None = None


class HoldRequest(ApiRequest):
    """Override a camera. for_s: null: until changed. what: `none` ends the override."""

    what: Literal["pause", "record", "none"]
    for_s: Seconds | None = None


class PersonCheckInRequest(ApiRequest):
    home: bool


class SomebodyPlan(ApiRequest):
    ping: Words = Field(default_factory=list)
    mac: Words = Field(default_factory=list)
    mdns: Words = Field(default_factory=list)


class PresencePlan(SomebodyPlan):
    """Presence settings. Durations as text: `10 min`. Empty: default."""

    people: dict[Word, SomebodyPlan] = Field(default_factory=dict)
    every: Annotated[str, Field(max_length=20)] = ""
    away_after: Annotated[str, Field(max_length=20)] = ""
    nobody: Annotated[str, Field(max_length=20)] = ""
    back: Annotated[str, Field(max_length=20)] = ""


class ArmPlan(ApiRequest):
    """As in `tawny.toml` under `modes`."""

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
    name: Annotated[str, Field(max_length=60), CHECKED] = ""
    when: WhenPlan = Field(default_factory=WhenPlan)
    do: Annotated[list[Line], Field(min_length=1, max_length=20)]


class ModePlanChange(ApiRequest):
    modes: ArmPlan
    rules: Annotated[list[RulePlan], Field(max_length=100)]


class ModePlanInfo(ApiResponse):
    """The plan. is_in_file: changes are saved in the settings file."""

    modes: ArmPlan
    rules: list[RulePlan]
    is_in_file: bool
    notifiers: list[str]
    destinations: list[str]


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


class OutcomeInfo(ApiResponse):
    """An action. wait_ms: earliest time. went: its result, if it was executed."""

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

"""What goes over the wire, as types: the API's description and the interface's types are made from these.

Fields may be added, never renamed. Times end in `_ms` (UTC, milliseconds since 1970) or are RFC 3339 texts.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LATEST_MS = 4_102_444_800_000
"""The year 2100: no instant after it is taken."""
Ms = Annotated[int, Field(ge=0, le=LATEST_MS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Password = Annotated[str, StringConstraints(max_length=1024)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Box4 = tuple[float, float, float, float]
SpanMs = tuple[int, int]


class ApiRequest(BaseModel):
    """A request's body: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiResponse(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


# --- people ----------------------------------------------------------------------------------------------------------


class User(ApiResponse):
    id: str
    name: str
    role: Literal["owner", "member", "viewer"]


class SessionInfo(ApiResponse):
    state: Literal["setup", "signed-out", "signed-in"]
    user: User | None
    version: str
    recorder: str
    """The recorder's host name."""
    zone: str
    """Its time zone; empty for who is not signed in."""


class SignedIn(ApiResponse):
    user: User


class ClaimRequest(ApiRequest):
    token: Token
    name: Name
    password: Password


class SignInRequest(ApiRequest):
    name: Name
    password: Password


class SignInLinkRequest(ApiRequest):
    token: Token


class OkResponse(ApiResponse):
    ok: bool = True


class ErrorResponse(ApiResponse):
    """Every error."""

    code: str
    message: str
    hint: str
    wait_s: int | None = None


# --- cameras and health ----------------------------------------------------------------------------------------------


class StreamInfo(ApiResponse):
    codec: str
    """For browsers: `avc1.64001f`."""
    width: int
    height: int
    audio: str
    """`mp4a.40.2`; empty without sound."""


class StreamsInfo(ApiResponse):
    main: StreamInfo | None
    sub: StreamInfo | None


State = Literal[
    "recording", "waiting", "scheduled_off", "mode_off", "paused", "off", "starting", "offline", "refused", "frozen",
    "covered", "defocused", "moved", "blocked",
]  # fmt: skip


class DamageToday(ApiResponse):
    """Recorded time of today whose pictures are not whole, of the large picture."""

    spans: int
    seconds: float
    pictures: int
    """Those of which something is missing."""
    packets_missing: int


class MaskInfo(ApiResponse):
    """Parts of the picture that nobody is to see: pages cover them; pictures and clips that are made have them black.

    effect: `hidden`: the stored video, and live video for other programs, still have them.
    """

    effect: Literal["hidden"]
    parts: list[list[tuple[float, float]]]


class CameraInfo(ApiResponse):
    id: str
    name: str
    state: State
    since_ms: int
    detail: str
    last_packet_ms: int | None
    fps: float | None
    bit_rate: int | None
    clock_offset_s: float | None
    """By how much the camera's own clock is ahead of the recorder's; None where it does not say."""
    latency_s: float | None
    """From the moment a picture is taken until the recorder has it; None where that is not known."""
    recorded_today: float | None
    """0..1 of what was wanted; None before anything was."""
    gaps_today: int
    damage_today: DamageToday
    streams: StreamsInfo
    audio: bool
    mask: MaskInfo
    where: Literal["", "outside", "inside"]
    """For the groups of these names on the wall."""


class CameraList(ApiResponse):
    items: list[CameraInfo]


class DiskInfo(ApiResponse):
    free_bytes: int
    total_bytes: int
    used_bytes: int
    full_at_ms: int | None
    keeps_days: float | None


class WarningInfo(ApiResponse):
    message: str
    hint: str


class Health(ApiResponse):
    ok: bool
    working: int
    expected: int
    """Cameras that are not switched off."""
    chosen_off: int
    trouble: int
    cameras: list[CameraInfo]
    disk: DiskInfo | None
    warnings: list[WarningInfo]
    started_ms: int
    now_ms: int


class HealthzResponse(ApiResponse):
    ok: bool


# --- the past --------------------------------------------------------------------------------------------------------


class LocalTimeChange(ApiResponse):
    at_ms: int
    before_s: int
    after_s: int


class LocalTime(ApiResponse):
    zone: str
    now_ms: int
    offset_s: int
    """Local time minus UTC at from_ms."""
    transitions: list[LocalTimeChange]


Tone = Literal["warn", "choice", "faint"]


class EvidenceInfo(ApiResponse):
    """What a gap stands on, as far as it is known."""

    word: str
    """What happened, finer than the reason: `redirect-refused`; empty where nobody said."""
    last_unit_ms: int | None
    """When the last picture came."""
    last_byte_ms: int | None
    packets_missing: int
    rubbish_bytes: int
    attempts: int
    """How often it was tried again."""
    peer_status: str
    """The camera's last answer: `453 Not Enough Bandwidth`."""


class GapInfo(ApiResponse):
    begin_ms: int
    end_ms: int | None
    reason: str
    words: str
    detail: str
    tone: Tone
    evidence: EvidenceInfo | None


class DamageInfo(ApiResponse):
    """Recorded, but with pictures that are not whole."""

    begin_ms: int
    end_ms: int
    stream: Literal["main", "sub"]
    pictures: int
    packets_missing: int
    words: str
    detail: str


class CameraGap(GapInfo):
    camera: str


class CameraDamage(DamageInfo):
    camera: str


class SeenObjectInfo(ApiResponse):
    label: str
    score: float


class ReadInfo(ApiResponse):
    """by: the recogniser. text: a plate; empty of a face. known: the name of who that is; empty for nobody known."""

    by: str
    text: str
    score: float
    known: str


class EventInfo(ApiResponse):
    id: str
    camera: str
    type: str
    start: str
    end: str | None
    start_ms: int
    end_ms: int | None
    score: float
    box: Box4 | None
    zones: list[str]
    objects: list[SeenObjectInfo]
    kept: bool
    reviewed: bool
    false_alarm: str
    """Why somebody called it one; empty where nobody did."""
    recognized: list[ReadInfo]
    possible: list[SeenObjectInfo]
    """Kinds that its things look like to the small model that comes with tawny, the surest first."""
    possible_type: str
    """The kind that it may be, where no model named it and nobody said what it was; else empty."""
    labeled_as: str
    """What somebody said it was: a kind, or `nothing`; empty where nobody did."""
    display_type: str
    """The kind that it is shown and sorted as: what somebody said, else its name, else what is suggested."""
    snapshot: str | None
    clip: str
    title: str


class EventList(ApiResponse):
    items: list[EventInfo]
    next: str | None
    new: int
    """Events in the range that nobody has reviewed, at most 1000 counted."""


class EventMarksRequest(ApiRequest):
    kept: bool | None = None
    reviewed: bool | None = None


class BulkEventMarksRequest(EventMarksRequest):
    ids: Annotated[list[Id], Field(max_length=500)]


class Marked(ApiResponse):
    items: list[EventInfo]


WhyFalse = Literal["shadow", "weather", "known", "traffic", "other"]


class FeedbackRequest(ApiRequest):
    """What is left out stays as it is."""

    false_alarm: WhyFalse | Literal[""] | None = None
    labeled_as: Literal["person", "vehicle", "animal", "nothing", ""] | None = None


class TriggerSimulationRequest(ApiRequest):
    """At another level: of the last 24 hours unless said otherwise."""

    level: Annotated[int, Field(ge=1, le=100)]
    from_ms: Ms | None = None
    to_ms: Ms | None = None


class SimulatedEventInfo(ApiResponse):
    start_ms: int
    end_ms: int
    score: int


class TriggerSimulationResponse(ApiResponse):
    level: int
    from_ms: int
    to_ms: int
    still: list[str]
    missed: list[EventInfo]
    newly: list[SimulatedEventInfo]
    unknown: list[str]
    """Of whose time no scores are stored."""


class MotionSearchHit(ApiResponse):
    spans: list[SpanMs]


class LevelProposalInfo(ApiResponse):
    level: int | None
    removes: list[str]
    leaves: list[str]
    """False alarms that it does not remove."""
    loses: list[EventInfo]


class MotionScores(ApiResponse):
    begin_ms: int
    step_s: int
    data: str
    """Base64 of one byte a step: 0..100, 255 where not known."""


class TimelineLaneInfo(ApiResponse):
    id: str
    spans: list[SpanMs]
    waiting: list[SpanMs]
    gaps: list[GapInfo]
    damage: list[DamageInfo]
    events: list[EventInfo]
    motion: MotionScores


class Timeline(ApiResponse):
    now_ms: int
    cameras: list[TimelineLaneInfo]


class DayCoverage(ApiResponse):
    begin_ms: int
    recorded_s: float
    gaps: int


class DayCoverageList(ApiResponse):
    days: list[DayCoverage]

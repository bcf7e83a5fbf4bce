"""API schemas; the OpenAPI description and the interface's types are generated from them.

Compatibility: fields may be added, never renamed. Times end in `_ms` (UTC, ms since 1970) or are RFC 3339 strings.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tawny.config.lens_and_ptz import LensSettings
from tawny.config.quantities import CHECKED, refuse_unusable
from tawny.model.events import SeenObject
from tawny.model.geometry import Rotation
from tawny.model.times import LATEST_MS
from tawny.playback.timeline import DayCoverage, LocalTimeChange
from tawny.playback.trigger_simulation import SimulatedEventInfo
from tawny.service.health.camera_health import StreamFormat
from tawny.service.modes.mode_controller import StoppedRecording
from tawny.service.recorder import DiskInfo

Ms = Annotated[int, Field(ge=0, le=LATEST_MS)]
AnyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")
]
Name = Annotated[AnyName, CHECKED]
Password = Annotated[str, StringConstraints(max_length=1024)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Box4 = tuple[float, float, float, float]
SpanMs = tuple[int, int]


class ApiRequest(BaseModel):
    """Base of request bodies; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unusable_texts(cls, value: Any) -> Any:
        refuse_unusable(value, cls.__name__)
        return value


class ApiResponse(BaseModel):
    """Base of responses."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # most are only parts of others: 1.6 MB less


# --- users -----------------------------------------------------------------------------------------------------------


class User(ApiResponse):
    id: str
    name: str
    role: Literal["owner", "member", "viewer", "guest", "screen", "installer"]
    ends_ms: int | None = None
    """When the access of a guest ends."""


class SessionInfo(ApiResponse):
    state: Literal["setup", "signed-out", "signed-in"]
    user: User | None
    version: str
    recorder: str
    """Host name of the recorder."""
    zone: str
    """Time zone of the recorder; empty if not signed in."""
    provider: str = ""
    """Name of the sign-in provider; empty if there is none, or signed in."""
    proxied: str = ""
    """User whom the reverse proxy names; empty if there is none, or signed in."""
    hub: bool = False
    """Whether other recorders have their page here, for this user."""


class SignedIn(ApiResponse):
    user: User


class ClaimRequest(ApiRequest):
    token: Token
    name: Name
    password: Password


class SignInRequest(ApiRequest):
    name: AnyName
    password: Password


class SignInLinkRequest(ApiRequest):
    token: Token


class OkResponse(ApiResponse):
    ok: bool = True


class SecondStep(ApiResponse):
    """What a sign-in with two-step codes goes on with (`code` is `second_step`).

    secret, uri: of codes that are to be set up first; missing if the account has codes.
    """

    token: str
    name: str
    after: Literal["sign-in", "sign-in by link"]
    secret: str = ""
    uri: str = ""


class ErrorResponse(ApiResponse):
    """Every error response."""

    code: str
    message: str
    hint: str
    wait_s: int | None = None
    second_step: SecondStep | None = None


# --- cameras and health ----------------------------------------------------------------------------------------------


class StreamsInfo(ApiResponse):
    main: StreamFormat | None
    sub: StreamFormat | None


State = Literal[
    "recording", "waiting", "asleep", "mode_off", "paused", "off", "ended", "starting", "offline",
    "refused", "weaker_login", "frozen", "covered", "defocused", "moved", "blocked", "unknown",
]  # fmt: skip


class DamageToday(ApiResponse):
    """Damaged video of today, main stream."""

    spans: int
    seconds: float
    pictures: int
    """Number of damaged frames."""
    packets_missing: int


class MaskInfo(ApiResponse):
    """Privacy masks of a camera: drawn by pages, blacked out in images and clips.

    effect: `hidden`: stored video, and live video for signed-in people, still contain the masked areas. burned_in: only
    what was recorded before that was turned on does.
    """

    effect: Literal["hidden"]
    burned_in: bool
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
    """How far the camera's clock is ahead of the recorder's, in s; null if unknown."""
    latency_s: float | None
    """Time from capture of a frame until its arrival at the recorder, in s; null if unknown."""
    recorded_today: float | None
    """Share 0..1 of the time that should be recorded; null before there is any."""
    gaps_today: int
    damage_today: DamageToday
    streams: StreamsInfo
    audio: bool
    mask: MaskInfo
    where: Literal["", "outside", "inside"]
    """Group of the camera in the live view."""
    rotate: Rotation
    """How its image is turned wherever it is shown, degrees clockwise; sizes, zones and masks are those as shown."""
    mirror: bool
    """Left and right are swapped, after `rotate`."""
    lens: LensSettings
    """How pages straighten the image; boxes and masks are those of the image as sent."""
    undetected: bool = False
    """It waits for events while its detection is off: only people, rules and other programs start a recording."""
    is_phone: bool = False
    """It is a phone, or another browser, that sends its camera."""


class CameraList(ApiResponse):
    items: list[CameraInfo]


class WarningInfo(ApiResponse):
    message: str
    hint: str


class PlannedActionInfo(ApiResponse):
    """An action on the whole recorder whose countdown runs."""

    action: Literal["restart", "stop", "reboot", "shut_down"]
    by: str
    at_ms: int


class CameraCounts(ApiResponse):
    """Every camera, counted once. trouble: not recording as it should. unknown: not checked for a while."""

    recording: int
    waiting: int
    asleep: int
    starting: int
    paused: int
    off: int
    ended: int
    trouble: int
    unknown: int


class Health(ApiResponse):
    ok: bool
    working: int
    expected: int
    """Number of cameras that should be recorded now."""
    chosen_off: int
    summary: str
    """Counts all cameras in a sentence: `1 of 2 cameras working: 1 paused.`"""
    trouble: int
    counts: CameraCounts
    cameras: list[CameraInfo]
    disk: DiskInfo | None
    warnings: list[WarningInfo]
    started_ms: int
    now_ms: int
    planned: PlannedActionInfo | None = None
    stopped: StoppedRecording | None = None


class HealthzResponse(ApiResponse):
    ok: bool


# --- recordings ------------------------------------------------------------------------------------------------------


class LocalTime(ApiResponse):
    zone: str
    now_ms: int
    offset_s: int
    """Local time minus UTC at from_ms, in s."""
    transitions: list[LocalTimeChange]


Tone = Literal["warn", "choice", "faint"]


class EvidenceInfo(ApiResponse):
    """Technical details of a gap, as far as known."""

    word: str
    """Cause, more specific than the reason: `redirect-refused`; empty if unknown."""
    last_unit_ms: int | None
    """Time of the last frame."""
    last_byte_ms: int | None
    packets_missing: int
    rubbish_bytes: int
    attempts: int
    """Number of connection attempts."""
    peer_status: str
    """Last response of the camera: `453 Not Enough Bandwidth`."""


class GapInfo(ApiResponse):
    begin_ms: int
    end_ms: int | None
    reason: str
    words: str
    detail: str
    tone: Tone
    evidence: EvidenceInfo | None


class DamageInfo(ApiResponse):
    """Recorded, but damaged video."""

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


class ReadInfo(ApiResponse):
    """A recognition. by: the recognizer. text: a plate; empty for faces.

    known: name of the identity; empty if unknown.
    """

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
    objects: list[SeenObject]
    kept: bool
    reviewed: bool
    false_alarm: str
    """Reason given by a user; empty if not marked as false alarm."""
    recognized: list[ReadInfo]
    possible: list[SeenObject]
    """Always empty, kept for programs that read it: a type that is certain enough is `type`."""
    possible_type: str
    """Always empty, as `possible`."""
    labeled_as: str
    """Type given by a user, or `nothing`; empty if none."""
    muted: bool
    """A user muted events like this one after false alarms: it is recorded, without notification."""
    display_type: str
    """Effective type for display and sorting: the user's, else the detected one."""
    level: Literal["alert", "detection", "motion"]
    """Importance by the camera's settings at the time of the event, and by what a user says it was."""
    snapshot: str | None
    clip: str
    title: str


class EventList(ApiResponse):
    items: list[EventInfo]
    next: str | None
    new: int
    """Number of events in the range that are not reviewed, at most 1000."""
    new_alerts: int
    """Of these, the alerts, whatever levels are asked for."""


class EventObjectInfo(ApiResponse):
    """An object of an event. kind: its type; `motion` if no model named it. path: time in ms UTC, then the box as
    shares of the upright image: left, top, right, bottom.
    """

    track: int
    kind: str
    label: str
    score: float
    start_ms: int
    end_ms: int
    path: list[tuple[int, float, float, float, float]]


class EventObjectsResponse(ApiResponse):
    items: list[EventObjectInfo]


class VisitInfo(ApiResponse):
    """Events of one type that belong together, over cameras and minutes. Its ID is that of its first event."""

    id: str
    title: str
    type: str
    level: Literal["alert", "detection", "motion"]
    start: str
    end: str | None
    start_ms: int
    end_ms: int | None
    cameras: list[str]
    """In the order in which they were reached."""
    new: int
    """Number of its events that are not reviewed."""
    best: EventInfo
    """The event whose snapshot stands for the visit."""
    events: list[EventInfo]
    """All of them, oldest first."""


class VisitList(ApiResponse):
    items: list[VisitInfo]
    next: str | None


class NewCounts(ApiResponse):
    """Visits that are not reviewed. alerts: at most 100. detections, motion: of the last 24 h, at most 1000 each."""

    alerts: int
    detections: int
    motion: int


class EventMarksRequest(ApiRequest):
    kept: bool | None = None
    reviewed: bool | None = None


class BulkEventMarksRequest(EventMarksRequest):
    ids: Annotated[list[Id], Field(max_length=500)]


class Marked(ApiResponse):
    items: list[EventInfo]


WhyFalse = Literal["shadow", "weather", "known", "traffic", "other"]


class MutingOfferInfo(ApiResponse):
    """False alarms of one type at one place that can be muted from now on.

    label: class of a sound. when: time of day of the false alarms. boxes: their places; empty for sounds. events: the
    false alarms, newest first.
    """

    type: str
    label: str
    title: str
    when: Literal["any", "day", "night"]
    boxes: list[Box4]
    events: list[str]


class MutingInfo(MutingOfferInfo):
    """A muting of what is like some false alarms: same type, place and size. No notification is sent.

    ended: it has ended by itself and can be renewed. count: number of events that it has muted.
    """

    id: str
    by: str
    made_ms: int
    until_ms: int
    ended: bool
    count: int
    last_ms: int | None


class MutingList(ApiResponse):
    items: list[MutingInfo]
    offers: list[MutingOfferInfo]


class MutingRequest(ApiRequest):
    """event: one of the false alarms of an offer."""

    event: Id


class FeedbackRequest(ApiRequest):
    """Feedback on an event. Fields not given stay unchanged."""

    false_alarm: WhyFalse | Literal[""] | None = None
    labeled_as: Literal["person", "vehicle", "animal", "nothing", ""] | None = None


class TriggerSimulationRequest(ApiRequest):
    """Simulation of another motion threshold; the last 24 hours by default."""

    level: Annotated[int, Field(ge=1, le=100)]
    from_ms: Ms | None = None
    to_ms: Ms | None = None


class TriggerSimulationResponse(ApiResponse):
    level: int
    from_ms: int
    to_ms: int
    still: list[str]
    missed: list[EventInfo]
    newly: list[SimulatedEventInfo]
    unknown: list[str]
    """Events without stored scores."""


class MotionSearchHit(ApiResponse):
    spans: list[SpanMs]


class LevelProposalInfo(ApiResponse):
    level: int | None
    removes: list[str]
    leaves: list[str]
    """False alarms that it does not remove."""
    loses: list[EventInfo]


class RecordedTime(ApiResponse):
    id: str
    first_ms: int | None
    """Begin of the oldest recording; None: there is none."""
    spans: list[SpanMs]


class RecordedTimes(ApiResponse):
    now_ms: int
    cameras: list[RecordedTime]


class DayCoverageList(ApiResponse):
    days: list[DayCoverage]


# API schemas of playback.


class PlayableInfo(ApiResponse):
    id: str
    start_ms: int
    end_ms: int
    video: str
    audio: str
    url: str
    stream: Literal["main", "sub"]
    open: bool
    thinned: bool
    """Reduced to keyframes."""
    sealed: bool
    """Encrypted; playable in unlocked sessions only."""


class PlayInfo(ApiResponse):
    items: list[PlayableInfo]
    next_ms: int | None
    """Start of the next recording after these; null if none."""
    gap: GapInfo | None
    """The gap at this instant, if nothing is recorded; null otherwise."""
    last_ms: int | None
    """If nothing is recorded at this instant, the end of the last recording before; null if none."""


# API schemas of live connections.


class IceServerInfo(ApiResponse):
    """As `RTCIceServer` in browsers."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LiveServers(ApiResponse):
    webrtc: bool
    ice_servers: list[IceServerInfo]


class ClockInfo(ApiResponse):
    now_ms: int


class TalkbackInfo(ApiResponse):
    """Whether the camera has a loudspeaker for talkback."""

    can: bool

"""What is kept, what goes next, and who looks after the recorder, as types of the API."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tawny.api.schemas import ApiRequest, ApiResponse, WarningInfo

Word = Annotated[str, StringConstraints(max_length=40)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class StreamRetentionRequest(ApiRequest):
    """Of small video. In the words of the settings file: `14 days`, `200 GB`; null: as for large."""

    min: Word | None = None
    max: Word | None = None
    max_size: Word | None = None
    max_files: Count | None = None
    keyframes_after: Word | None = None


class CameraRetentionRequest(StreamRetentionRequest):
    """Of all, or of one camera; null: no such limit, or as for all. events: promised, by kind; `other` is the rest."""

    events: Annotated[dict[str, Word], Field(max_length=40)] | None = None
    min_free: Word | None = None
    sub: StreamRetentionRequest | None = None


class RetentionChangeRequest(ApiRequest):
    """cameras: what is otherwise for them, by id; one that is not named stays as it is, an empty one has nothing of its
    own."""

    everyone: CameraRetentionRequest
    cameras: Annotated[dict[str, CameraRetentionRequest], Field(max_length=64)] = Field(default_factory=dict)
    remove: bool = False
    """Also if that removes something now."""


class CameraRetentionInfo(ApiResponse):
    id: str
    name: str
    own: CameraRetentionRequest
    used_bytes: int
    day_bytes: float | None
    promised_s: float
    fits_s: float | None
    oldest_ms: int | None


class VolumeRetentionInfo(ApiResponse):
    path: str
    use: Literal["first", "tier", "spare", "mirror"]
    free_bytes: int | None
    total_bytes: int | None
    problem: str


class RetentionInfo(ApiResponse):
    everyone: CameraRetentionRequest
    in_file: bool
    """Changes go into the settings file; else they hold until tawny ends."""
    cameras: list[CameraRetentionInfo]
    volumes: list[VolumeRetentionInfo]
    locked: int
    locked_bytes: int
    warnings: list[WarningInfo]


class DryRunRequest(ApiRequest):
    """ahead_h: what goes within so many hours, if all goes on as it does. change: by other rules than now."""

    ahead_h: Annotated[float, Field(ge=0, le=24 * 31)] = 0.0
    change: RetentionChangeRequest | None = None


class RemovalInfo(ApiResponse):
    """Of one camera, one local day, for one reason. at_ms: an instant of it that has a picture."""

    camera: str
    name: str
    day_ms: int
    at_ms: int
    seconds: float
    size_bytes: int
    files: int
    why: str
    breaks_promise: bool
    thinned: bool
    """Its keyframes stay."""


class RemovalPlanInfo(ApiResponse):
    items: list[RemovalInfo]
    more: int
    """Groups that are not listed."""
    size_bytes: int
    files: int
    missing_bytes: int
    """What should go and cannot, because all else is kept."""
    breaks_promise: bool


class AlarmInfo(ApiResponse):
    what: str
    camera: str | None
    since_ms: int
    detail: str
    hint: str


class SelfTestInfo(ApiResponse):
    at_ms: int
    minutes: int
    files: int
    problems: list[str]


class CheckInInfo(ApiResponse):
    host: str
    last_ms: int | None
    trouble: str
    sent: bool


class CareInfo(ApiResponse):
    alarms: list[AlarmInfo]
    self_test: SelfTestInfo | None
    testing: bool
    check_in: CheckInInfo | None

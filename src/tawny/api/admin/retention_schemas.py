"""API schemas of retention, problems and the self-test."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tawny.api.schemas import ApiRequest, ApiResponse, WarningInfo

Word = Annotated[str, StringConstraints(max_length=40)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class StreamRetentionRequest(ApiRequest):
    """Retention of sub streams, in the notation of the settings file: `14 days`, `200 GB`; null: same as the main
    stream.
    """

    min: Word | None = None
    max: Word | None = None
    max_size: Word | None = None
    max_files: Count | None = None
    keyframes_after: Word | None = None


class CameraRetentionRequest(StreamRetentionRequest):
    """Retention of all cameras or one. null: no limit, or the common setting.

    events: minimum by type, `other` for the rest.
    """

    events: Annotated[dict[str, Word], Field(max_length=40)] | None = None
    min_free: Word | None = None
    sub: StreamRetentionRequest | None = None


class RetentionChangeRequest(ApiRequest):
    """New retention settings.

    cameras: by ID. Cameras not given stay unchanged; an empty entry removes the camera's own settings.
    """

    everyone: CameraRetentionRequest
    cameras: Annotated[dict[str, CameraRetentionRequest], Field(max_length=64)] = Field(default_factory=dict)
    remove: bool = False
    """Confirm that recordings may be deleted now."""


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
    """Changes are saved in the settings file; otherwise they last until tawny stops."""
    cameras: list[CameraRetentionInfo]
    volumes: list[VolumeRetentionInfo]
    locked: int
    locked_bytes: int
    warnings: list[WarningInfo]
    fits: bool | None
    """Whether all minimum retention times fit; null while not known."""
    outlook: str
    """How far back recordings will go, in a sentence."""


class DryRunRequest(ApiRequest):
    """Preview. ahead_h: include deletions within this many hours, at the current rate. change: with these settings."""

    ahead_h: Annotated[float, Field(ge=0, le=24 * 31)] = 0.0
    change: RetentionChangeRequest | None = None


class RemovalInfo(ApiResponse):
    """Recordings of one camera and local day, with one reason. at_ms: an instant that has an image."""

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
    """Reduced to keyframes instead of deleted."""


class RemovalPlanInfo(ApiResponse):
    items: list[RemovalInfo]
    more: int
    """Number of groups not listed."""
    size_bytes: int
    files: int
    missing_bytes: int
    """Bytes that should be deleted but can't, because everything else is protected."""
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

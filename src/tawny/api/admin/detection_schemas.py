"""How a camera is watched, as it goes over the wire."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse

Level = Annotated[int, Field(ge=1, le=100)]
PlaceName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Point = tuple[Share, Share]
Corners = Annotated[list[Point], Field(min_length=3, max_length=60)]
Way = Literal["any", "left", "right", "up", "down"]
LineWay = Literal["both", "left-to-right", "right-to-left"]


class ZoneRequest(ApiRequest):
    """level: None is the camera's. smallest: share of the picture."""

    name: PlaceName
    points: Corners
    level: Level | None = None
    smallest: Share = 0
    stay_s: Seconds = 0
    direction: Way = "any"
    loiter_s: Seconds = 0
    left_s: Seconds = 0


class LineRequest(ApiRequest):
    name: PlaceName
    points: Annotated[list[Point], Field(min_length=2, max_length=2)]
    direction: LineWay = "both"


class AudioRequest(ApiRequest):
    listen: bool = False
    level: Level = 50
    hold_s: Annotated[float, Field(ge=0.5, le=60)] = 3


class DetectionRequest(ApiRequest):
    """mask: what detectors do not see. private: what nobody does. numbers: settings of the chosen detector's own."""

    detector: Annotated[str, Field(min_length=1, max_length=60)]
    level: Level
    frames: Annotated[int, Field(ge=1, le=100)]
    within: Annotated[int, Field(ge=1, le=600)]
    mode: Literal["thorough", "balanced", "frugal"]
    decode: Literal["auto", "software"]
    zones: Annotated[list[ZoneRequest], Field(max_length=20)]
    lines: Annotated[list[LineRequest], Field(max_length=20)]
    mask: Annotated[list[Corners], Field(max_length=20)]
    private: Annotated[list[Corners], Field(max_length=20)]
    numbers: dict[Annotated[str, Field(max_length=40)], float]
    sound: AudioRequest
    read: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=10)] | None = None
    """By which recognisers things are read; None: as it is."""


class DetectionChangeRequest(ApiRequest):
    """version: that of the settings which were changed here; None: whatever they are by now."""

    watch: DetectionRequest
    version: Annotated[str, Field(max_length=40)] | None = None


class DetectorNumber(ApiResponse):
    name: str
    usual: float
    least: float
    most: float
    whole: bool
    odd: bool


class DetectorInfo(ApiResponse):
    name: str
    words: str
    numbers: list[DetectorNumber]


class DetectionNotes(ApiResponse):
    """Since the watcher began: groups of pictures, those of which only the keyframe was decoded, and what checks of
    those found. decodes_by: `software`, or the name of a device. stream: which is watched."""

    stream: Literal["main", "sub"]
    looks: int
    late: int
    """Pictures that were not looked at because this computer was too busy."""
    groups: int
    slept: int
    audits: int
    misses: int
    keyframe_gap_s: float | None
    sleeps: bool
    """Whether only keyframes are decoded while nothing happens."""
    decodes_by: str | None
    hardware: str
    """Why it is not decoded in hardware; empty where it is, or was not wanted."""


class DetectionChangedInfo(ApiResponse):
    by: str
    at_ms: int


class DetectionInfo(ApiResponse):
    camera: str
    version: str
    watch: DetectionRequest
    kept: bool
    """Changes are written to the settings' file; else they hold until the recorder ends."""
    trouble: str
    """What should be known of how it is watched, and what to do about it."""
    sound_trouble: str
    """The same of listening."""
    notes: DetectionNotes | None
    changed: DetectionChangedInfo | None
    readers: list[str]
    """The recognisers there are."""
    detectors: list[DetectorInfo]

"""API schemas of a camera's detection settings."""

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
    """A zone. level: motion threshold; null: the camera's. smallest: minimum size as a share of the image."""

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
    """Detection settings of a camera.

    mask: areas that detection ignores. private: privacy masks. numbers: settings of the selected detector; empty while
    the detector changes: those it had before.
    """

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
    """Recognizers to use; null: unchanged."""


class DetectionChangeRequest(ApiRequest):
    """New detection settings. version: of the settings they are based on; null: overwrite any changes made since."""

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
    """A detector. numbers: its settings. values: those that this camera sets, also while another detector is in use."""

    name: str
    words: str
    numbers: list[DetectorNumber]
    values: dict[str, float]


class DetectionNotes(ApiResponse):
    """Statistics since detection started.

    groups: GOPs; slept: those of which only the keyframe was decoded. audits, misses: random checks of skipped GOPs and
    events they found. decodes_by: `software` or the name of a device. stream: the one used for detection.
    """

    stream: Literal["main", "sub"]
    looks: int
    late: int
    """Frames that were skipped because the computer was overloaded."""
    groups: int
    slept: int
    audits: int
    misses: int
    keyframe_gap_s: float | None
    sleeps: bool
    """Whether only keyframes are decoded while there is no motion."""
    decodes_by: str | None
    hardware: str
    """Why video is not decoded in hardware; empty if it is, or if hardware decoding is off."""


class DetectionChangedInfo(ApiResponse):
    by: str
    at_ms: int


class DetectionInfo(ApiResponse):
    camera: str
    version: str
    watch: DetectionRequest
    kept: bool
    """Changes are saved in the settings file; otherwise they last until the recorder stops."""
    trouble: str
    """Problem with detection and its remedy; empty if none."""
    sound_trouble: str
    """Problem with sound detection; empty if none."""
    notes: DetectionNotes | None
    changed: DetectionChangedInfo | None
    readers: list[str]
    """Available recognizers."""
    detectors: list[DetectorInfo]

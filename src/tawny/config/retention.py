"""Retention settings for all recordings, one camera, or sub streams. Missing values inherit from the wider table."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tawny.config.quantities import Duration, LocalPath, Share, Size, refuse_unusable
from tawny.model.validation import CONFLICT, allowed_text

OTHER = "other"
"""Key for event types that are not listed."""
DAY_S = 86_400.0
_DURATION: TypeAdapter[float] = TypeAdapter(Duration)


class Table(BaseModel):
    """Base of all settings tables. Unknown keys are errors, so that typos are reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy without values cached from the former ones."""
        made = super().model_copy(update=update, deep=deep)
        for name in made.__dict__.keys() - type(made).model_fields.keys():
            del made.__dict__[name]
        return made

    @model_validator(mode="before")
    @classmethod
    def _refuse_unusable_texts(cls, value: Any) -> Any:
        refuse_unusable(value, cls.__name__)
        return value


def _by_kind(value: object) -> Any:
    """Normalize: `60 days` applies to all event types, a table to those it lists."""
    if not isinstance(value, dict):
        return {OTHER: _seconds(value)}
    return {str(kind): _seconds(each) for kind, each in value.items()}


def _seconds(value: object) -> float:
    if isinstance(value, float):
        return value  # already parsed
    try:
        return _DURATION.validate_python(value)
    except ValidationError as error:
        raise ValueError(
            f"{allowed_text(error.errors()[0])}; or a table by event type, such as person and {OTHER}"
        ) from None


ByKind = Annotated[dict[str, float], BeforeValidator(_by_kind, json_schema_input_type=str | dict[str, str])]
"""Retention in s by event type."""
Count = Annotated[int, Field(ge=1)]


class StreamRetentionSettings(Table):
    """Different retention for sub streams.

    Even without this table, they are deleted after the main stream, so they reach further back.
    """

    min: Duration | None = Field(None, description="Minimum retention.")
    max: Duration | None = Field(None, description="Maximum retention.")
    max_size: Size | None = Field(None, description="Space limit for all sub streams together.")
    max_files: Count | None = Field(None, description="Maximum number of sub stream files. One file is about a minute.")
    keyframes_after: Duration | None = Field(None, description="Reduce to keyframes after this time.")


class CameraRetentionSettings(Table):
    """Different retention for this camera."""

    min: Duration | None = Field(None, description="Minimum retention.")
    max: Duration | None = Field(None, description="Maximum retention.")
    max_size: Size | None = Field(None, description="Space limit for this camera.")
    max_files: Count | None = Field(
        None, description="Maximum number of files for this camera. One file is about a minute."
    )
    events: ByKind | None = Field(
        None, description="Minimum retention of events with their images and video, or a table by event type."
    )
    keyframes_after: Duration | None = Field(None, description="Reduce to keyframes after this time.")
    sub: StreamRetentionSettings | None = Field(
        None, description="Different retention for this camera's sub stream; same settings as this table."
    )


class RetentionSettings(Table):
    """Retention. If settings conflict, `min_free` wins, then `max`, then `max_size`, then `max_files`, then `min`.

    `events` is a promise of its own: `max` does not delete the video of events before it, if you set it.
    """

    min: Duration = Field(
        14 * DAY_S,
        description="Minimum retention. Video is deleted earlier only for `min_free`, `max_size` and `max_files`.",
    )
    max: Duration = Field(
        90 * DAY_S,
        description="Maximum retention. Older video is deleted even if there is space, except that of `events`.",
    )
    max_size: Size | None = Field(None, description="Space limit for all recordings together.")
    max_files: Count | None = Field(None, description="Maximum number of files. One file is about a minute.")
    min_free: Share = Field(0.1, description="Minimum free space on the disk.")
    events: ByKind = Field(
        {OTHER: 60 * DAY_S},
        description='Minimum retention of events with their images and video. By event type: `{ person = "90 days", '
        'other = "14 days" }`.',
    )
    keyframes_after: Duration | None = Field(
        None,
        description="Reduce older video to keyframes without sound. Video of events follows once its own retention is "
        "over.",
    )
    sub: StreamRetentionSettings | None = Field(
        None,
        description="Different retention for sub streams. Not set: sub stream "
        "video is deleted after main stream video.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "RetentionSettings":
        if self.min > self.max:
            raise PydanticCustomError(CONFLICT, "Keep at least must not be longer than keep at most.")
        return self


def _at_least_a_second(interval_s: float) -> float:
    """Return 0, or 1 s or more: settings with less were valid, and a fraction of a millisecond would divide by zero."""
    return max(interval_s, 1.0) if interval_s else interval_s


class SnapshotSettings(Table):
    """An image of each camera at even intervals, also where nothing moves: `snapshots` in the folder for recordings.

    Cameras that wait for an event have them, too.
    """

    interval: Annotated[Duration, Field(ge=0, le=DAY_S), AfterValidator(_at_least_a_second)] = Field(
        0.0, description="How often an image is saved, for example `1 h`. 0: never."
    )
    retention: Duration = Field(365 * DAY_S, ge=3600, description="How long these images are kept.")


class TierSettings(Table):
    """An archive for older recordings: a folder on another disk, or a bucket of an S3 storage."""

    path: LocalPath = Field("", description="Folder on that disk. Empty if `url` is set.")
    url: str = Field(
        "",
        description="Address of a bucket instead of a folder: "
        "`s3://KEY:SECRET@bucket/folder?endpoint=https://s3.example.org`. Recordings play from there.",
    )
    cache: Annotated[Size, Field(ge=8_000_000)] = Field(
        64_000_000, description="Memory for parts of recordings that were read from the bucket. At least 8 MB."
    )
    after: Duration = Field(description="Move recordings there after this time, or earlier if the main disk is full.")

    @model_validator(mode="after")
    def _either_path_or_url(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("either a folder (`path`) or the address of a bucket (`url`)")
        if self.url and not self.url.startswith("s3://"):
            raise ValueError("url: an address, for example s3://KEY:SECRET@bucket/folder")
        return self

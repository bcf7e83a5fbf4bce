"""How long what is kept: for all, for one camera, for small video. What is not said is as for the wider of these."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tawny.config.quantities import Duration, Share, Size

OTHER = "other"
"""Kinds of events that are not named."""
DAY_S = 86_400.0
_DURATION: TypeAdapter[float] = TypeAdapter(Duration)


class Table(BaseModel):
    """Every table refuses keys it does not know, so that a slip of the pen is told and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _by_kind(value: object) -> Any:
    """`60 days` is for all kinds of events, a table for those that it names."""
    if not isinstance(value, dict):
        return {OTHER: _seconds(value)}
    return {str(kind): _seconds(each) for kind, each in value.items()}


def _seconds(value: object) -> float:
    if isinstance(value, float):
        return value  # read before
    try:
        return _DURATION.validate_python(value)
    except ValidationError as error:
        told = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{told}; or a table of them by kind of event, such as person and {OTHER}") from None


ByKind = Annotated[dict[str, float], BeforeValidator(_by_kind, json_schema_input_type=str | dict[str, str])]
"""Seconds by kind of event."""
Count = Annotated[int, Field(ge=1)]


class StreamKeep(Table):
    """What is otherwise for small video. It goes after the large: so it reaches further back even without this."""

    min: Duration | None = Field(None, description="Promised.")
    max: Duration | None = Field(None, description="Removed when older.")
    size: Size | None = Field(None, description="All small video takes at most this.")
    count: Count | None = Field(None, description="At most so many files of it; a file is about a minute.")
    thin_after: Duration | None = Field(None, description="When older, only keyframes stay.")


class CameraKeep(Table):
    """What is otherwise for this camera."""

    min: Duration | None = Field(None, description="Promised.")
    max: Duration | None = Field(None, description="Removed when older.")
    size: Size | None = Field(None, description="This camera's recordings take at most this.")
    count: Count | None = Field(None, description="This camera has at most so many files; a file is about a minute.")
    events: ByKind | None = Field(None, description="Events, with their pictures and video; by kind if it is a table.")
    thin_after: Duration | None = Field(None, description="When older, only keyframes stay.")
    sub: StreamKeep | None = Field(None, description="What is otherwise for its small video; a table like this one.")


class Keep(Table):
    """How long recordings are kept. Where rules disagree: `free` wins, then `max`, then `size`, `count`, then `min`."""

    min: Duration = Field(14 * DAY_S, description="Promised: only a full disk shortens it.")
    max: Duration = Field(90 * DAY_S, description="Removed when older, whatever the room.")
    size: Size | None = Field(None, description="All recordings together take at most this.")
    count: Count | None = Field(None, description="All together are at most so many files; a file is about a minute.")
    free: Share = Field(0.1, description="So much of the disk is always left free.")
    events: ByKind = Field(
        {OTHER: 60 * DAY_S},
        description='Events, with their pictures and video; by kind: `{ person = "90 days", other = "14 days" }`.',
    )
    thin_after: Duration | None = Field(
        None, description="When older, only keyframes stay, without sound; time with events once that is over too."
    )
    sub: StreamKeep | None = Field(
        None, description="What is otherwise for small video; without it, it goes after the large."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Keep":
        if self.min > self.max:
            raise ValueError("`min` no longer than `max`")
        return self

"""Zones, lines and masks of a camera's picture, as settings: points are x and y, 0 to 1 from the upper left."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tawny.config.keeping import Table
from tawny.config.quantities import Duration, Share
from tawny.model.polygon import Polygon

PlaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
"""Zones have files of their own."""
Points = tuple[tuple[float, float], ...]
Corners = Annotated[Points, AfterValidator(lambda points: Polygon.of(points).points)]


class Zone(Table):
    """A part of the picture. `path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1]]` is enough; more needs a table."""

    points: Corners = Field(description="Its corners, three or more: [[0.1, 0.5], [0.6, 0.5], [0.6, 1]].")
    level: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="From this score on it counts: 1 to 100. Left out: the camera's level."
    )
    smallest: Share = Field(0.0, description="What covers less of the picture does not count, such as `0.5 %`.")
    stay: Duration = Field(0.0, description="It counts only once it has been there so long.")
    direction: Literal["any", "left", "right", "up", "down"] = Field(
        "any", description="It counts going this way only."
    )
    loiter: Duration = Field(
        0.0, description="Who stays so long is told to be loitering, such as `60 s`; 0: nobody is."
    )
    left: Duration = Field(
        0.0, description="A thing that was left there, or taken from there, is told after so long; 0: never."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, said: Any) -> Any:
        return {"points": said} if isinstance(said, list | tuple) else said


class Line(Table):
    """Somebody who crosses it is told of; `gate = [[0.2, 0.5], [0.8, 0.5]]` is enough."""

    points: Annotated[Points, Field(min_length=2, max_length=2)] = Field(description="Its two ends.")
    direction: Literal["both", "left-to-right", "right-to-left"] = Field(
        "both", description="As seen by somebody who goes along it from its first end to its second."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, said: Any) -> Any:
        return {"points": said} if isinstance(said, list | tuple) else said

"""Settings of zones, lines and masks. Points are x and y, 0..1, from the upper left of the image."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tawny.config.quantities import Duration, Share
from tawny.config.retention import Table
from tawny.model.polygon import Polygon

PlaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
"""Zone name; also used as a file name."""
Points = tuple[tuple[float, float], ...]
Corners = Annotated[Points, AfterValidator(lambda points: Polygon.of(points).points)]


class ZoneSettings(Table):
    """An area of the image. Short form: `path = [[0.1, 0.5], [0.6, 0.5], [0.6, 1]]`. Use a table for more settings."""

    points: Corners = Field(description="Three or more corners: [[0.1, 0.5], [0.6, 0.5], [0.6, 1]].")
    threshold: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="Motion threshold of this zone, 1 to 100. Not set: the camera's."
    )
    min_size: Share = Field(
        0.0, description="Ignore anything smaller than this share of the image, for example `0.5 %`."
    )
    min_time: Duration = Field(0.0, description="Ignore anything that stays for less than this.")
    direction: Literal["any", "left", "right", "up", "down"] = Field(
        "any", description="Count motion in this direction only."
    )
    loitering_after: Duration = Field(0.0, description="Report loitering after this time, for example `60 s`. 0: off.")
    object_left_after: Duration = Field(0.0, description="Report an object left or removed after this time. 0: off.")

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, said: Any) -> Any:
        return {"points": said} if isinstance(said, list | tuple) else said


class LineSettings(Table):
    """A line that creates an event when someone crosses it. Short form: `gate = [[0.2, 0.5], [0.8, 0.5]]`."""

    points: Annotated[Points, Field(min_length=2, max_length=2)] = Field(description="Start and end point.")
    direction: Literal["both", "left-to-right", "right-to-left"] = Field(
        "both", description="Direction as seen when walking along the line from its first point to its second."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, said: Any) -> Any:
        return {"points": said} if isinstance(said, list | tuple) else said

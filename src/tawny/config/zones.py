"""Settings of zones, lines and masks. Points are x and y, 0..1, from the upper left of the image as it is shown."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tawny.config.quantities import Duration, Share
from tawny.config.retention import Table
from tawny.model.geometry import Orientation, Polygon, moved_point

PlaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
"""Zone name; also used as a file name."""
Points = tuple[tuple[float, float], ...]
ZoneDirection = Literal["any", "left", "right", "up", "down"]
LineDirection = Literal["both", "left-to-right", "right-to-left"]
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
    direction: ZoneDirection = Field("any", description="Count motion in this direction only.")
    loitering_after: Duration = Field(0.0, description="Report loitering after this time, for example `60 s`. 0: off.")
    object_left_after: Duration = Field(0.0, description="Report an object left or removed after this time. 0: off.")
    alert: bool = Field(
        default=False,
        description="What the camera's `alert` names is an alert in this zone. If any zone of a camera has this, "
        "the same elsewhere is a detection.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, value: Any) -> Any:
        return {"points": value} if isinstance(value, list | tuple) else value

    def turned(self, before: Orientation, after: Orientation) -> "ZoneSettings":
        """Return the zone on the same things after a change of the camera's orientation."""
        update = {
            "points": turned_points(self.points, before, after),
            "direction": _turned_direction(self.direction, before, after),
        }
        return self.model_copy(update=update)


class LineSettings(Table):
    """A line that creates an event when someone crosses it. Short form: `gate = [[0.2, 0.5], [0.8, 0.5]]`."""

    points: Annotated[Points, Field(min_length=2, max_length=2)] = Field(description="Start and end point.")
    direction: LineDirection = Field(
        "both", description="Direction as seen when walking along the line from its first point to its second."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_points(cls, value: Any) -> Any:
        return {"points": value} if isinstance(value, list | tuple) else value

    def turned(self, before: Orientation, after: Orientation) -> "LineSettings":
        """Return the line on the same things after a change of the camera's orientation."""
        direction = self.direction if before.mirror == after.mirror else _OTHER_WAY[self.direction]
        update = {"points": turned_points(self.points, before, after), "direction": direction}
        return self.model_copy(update=update)


_OTHER_WAY: Final[dict[LineDirection, LineDirection]] = {
    "left-to-right": "right-to-left", "right-to-left": "left-to-right", "both": "both"
}  # fmt: skip
_SIDES: Final[dict[ZoneDirection, tuple[float, float]]] = {
    "left": (0.0, 0.5), "right": (1.0, 0.5), "up": (0.5, 0.0), "down": (0.5, 1.0)
}  # fmt: skip
"""The middle of the side of the image to which something moves."""


def turned_points(points: Points, before: Orientation, after: Orientation) -> Points:
    """Return where the same points are shown after a change of the camera's orientation."""
    return tuple(moved_point(point, before, after) for point in points)


def _turned_direction(direction: ZoneDirection, before: Orientation, after: Orientation) -> ZoneDirection:
    if direction == "any":
        return "any"
    side = moved_point(_SIDES[direction], before, after)
    return next(name for name, at in _SIDES.items() if at == side)

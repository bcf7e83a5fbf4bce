"""Settings of a camera's lens: how pages straighten what it bends. Recordings stay as the camera sends them."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.config.retention import Table

Share = Annotated[float, Field(ge=0, le=1)]
Coefficient = Annotated[float, Field(ge=-0.9, le=0.9)]


class LensSettings(Table):
    """How tawny's pages straighten a wide or fisheye image. Stored video stays as the camera sends it."""

    kind: Literal["none", "wide", "fisheye"] = Field(
        "none", description="`wide`: straight lines are bent. `fisheye`: the image is a circle."
    )
    k1: Coefficient = Field(
        -0.2, description="`wide`: distortion; the corner is 1 from the center. Below 0: lines bulge outward."
    )
    k2: Coefficient = Field(0.0, description="`wide`: second coefficient of the distortion.")
    mount: Literal["ceiling", "wall"] = Field("ceiling", description="`fisheye`: where the camera hangs.")
    field: Annotated[float, Field(ge=60, le=240)] = Field(
        180.0, description="`fisheye`: field of view of the whole circle, in degrees."
    )
    center_x: Share = Field(0.5, description="`fisheye`: center of the circle, share of the width.")
    center_y: Share = Field(0.5, description="`fisheye`: center of the circle, share of the height.")
    radius: Annotated[float, Field(ge=0.1, le=1)] = Field(
        0.5, description="`fisheye`: radius of the circle, share of the height."
    )
    pan: Annotated[float, Field(ge=-180, le=180)] = Field(
        0.0, description="`fisheye`: direction of the view, in degrees to the right."
    )
    tilt: Annotated[float, Field(ge=-90, le=90)] = Field(
        45.0, description="`fisheye`: degrees from straight down at a ceiling; on a wall, degrees downward."
    )
    view: Annotated[float, Field(ge=20, le=130)] = Field(
        90.0, description="Field of view of what is shown, in degrees."
    )

    def written(self) -> dict[str, str | float]:
        """Return what the settings file says of it; nothing for an ordinary lens."""
        return {} if self.kind == "none" else dict(self.model_dump(exclude_defaults=True))


NO_LENS = LensSettings()

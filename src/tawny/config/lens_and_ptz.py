"""Settings of what a camera itself can do: its lens, the motors that turn it, and events by its maker's API.

Pages straighten what the lens bends; recordings stay as the camera sends them.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tawny.config.quantities import Duration, LabelText
from tawny.config.retention import Table
from tawny.config.secure import web_address
from tawny.config.units import duration_text

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

Kind = Annotated[str, Field(pattern=r"^[a-z]+([ _-][a-z]+)*$", max_length=30)]
Reach = Annotated[float, Field(ge=-360, le=360)]
Limits = tuple[Reach, Reach]


def _limits(value: Limits | None) -> Limits | None:
    if value is not None and value[0] >= value[1]:
        raise ValueError("two numbers, the lower one first")
    return value


Between = Annotated[Limits | None, AfterValidator(_limits)]


class TrackSettings(Table):
    """Following an object by turning the camera. It never leaves the limits, and yields to people who move it."""

    enabled: bool = Field(default=False, description="Follow objects. `tawny ptz CAMERA --track off` pauses it.")
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1, max_length=20)] = Field(
        ("person",),
        description="What is followed: labels or types of objects, such as `person`, `vehicle` or `dog`; `motion`: "
        "whatever moves and has no name.",
    )
    modes: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=30)] = Field(
        (), description="Follow only in these modes, for example `away`. Empty: in all."
    )
    speed: Annotated[float, Field(ge=0.05, le=1)] = Field(
        1.0, description="Highest speed, as a share of the camera's own highest speed."
    )
    pan: Between = Field(
        None, description="Limits of pan, `[left, right]`, in the numbers that the camera reports. Not set: none."
    )
    tilt: Between = Field(
        None, description="Limits of tilt, `[lower, upper]`, in the numbers that the camera reports. Not set: none."
    )
    zoom: Between = Field(
        None, description="Limits of zoom, `[wide, close]`, in the numbers that the camera reports. Not set: no zoom."
    )
    lost_after: Annotated[Duration, Field(ge=3, le=300)] = Field(
        10.0,
        description="How long after the object was lost the camera returns, to `ptz.return_to` or else to its home "
        "position. 3 s to 5 min.",
    )
    pause: Annotated[Duration, Field(ge=5, le=86_400)] = Field(
        60.0, description="How long after the last manual move nothing is followed. At least 5 s."
    )

    def written(self) -> dict[str, Any]:
        """Return what the settings file says of it; nothing where it is off and nothing else is set."""
        found = self.model_dump(exclude_defaults=True)
        texts = {key: duration_text(found[key]) for key in ("lost_after", "pause") if key in found}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in (found | texts).items()}


class PtzSettings(Table):
    """What a PTZ camera does by itself, while no person moves it."""

    return_to: Annotated[LabelText, Field(max_length=60)] = Field(
        "",
        description="Preset to which the camera returns after someone has moved it; `home`: its own home position. "
        "Empty: it stays.",
    )
    return_after: Annotated[Duration, Field(ge=10, le=86_400)] = Field(
        120.0, description="How long after the last manual move it returns, or its patrol goes on. At least 10 s."
    )
    patrol: tuple[Annotated[LabelText, Field(max_length=60)], ...] = Field(
        (), description="Presets that the camera visits one after the other. Empty: no patrol."
    )
    dwell: Annotated[Duration, Field(ge=5, le=86_400)] = Field(
        30.0, description="How long it stays at each preset of the patrol. At least 5 s."
    )
    track: TrackSettings = TrackSettings()


def _digits(fingerprint: str) -> str:
    return fingerprint.replace(":", "").lower()


class EventApiSettings(Table):
    """A maker's own API for the events of a camera, read instead of its events by ONVIF."""

    maker: Literal["axis", "dahua", "hikvision", "reolink"] = Field(
        description="Whose API it is: `axis` (VAPIX), `dahua` (also Amcrest and Lorex), `hikvision` (ISAPI) or "
        "`reolink`. Reolink's gets the password itself: use https."
    )
    url: Annotated[str, Field(min_length=1), web_address("http://user:password@192.168.1.20")] = Field(
        description="Address of the camera's web interface: http://user:password@host."
    )
    channel: Annotated[int, Field(ge=0, le=256)] = Field(
        0,
        description="Only events of this channel of a recorder, or of a camera with several lenses, from 1. 0: all; "
        "with `reolink`, the first.",
    )
    fingerprint: Annotated[
        str, Field(pattern=r"^$|^[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){31}$"), AfterValidator(_digits)
    ] = Field("", description="SHA-256 fingerprint of the camera's TLS certificate, if no authority signed it (https).")

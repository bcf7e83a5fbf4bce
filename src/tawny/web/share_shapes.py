"""What goes over the wire about shared links."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tawny.web.shapes import Asked, Id, Ms, Told

WEEKS = 4 * 7 * 86_400
Code = Annotated[str, StringConstraints(max_length=64)]


class NewShare(Asked):
    camera: Id
    from_ms: Ms
    to_ms: Ms
    lasts_s: Annotated[int, Field(ge=60, le=WEEKS)] = 86_400
    code: Code = ""
    names_camera: bool = False
    clip: Annotated[str, StringConstraints(max_length=64)] = ""
    """A saved clip to show, instead of what is recorded: camera and time are that clip's then."""


class ShareInfo(Told):
    id: str
    camera: str
    from_ms: int
    to_ms: int
    made_ms: int
    ends_ms: int
    opened: int
    has_code: bool
    names_camera: bool
    clip: str


class ShareList(Told):
    items: list[ShareInfo]


class Shared(Told):
    share: ShareInfo
    link: str
    """The path of the link."""


class OpenShare(Asked):
    code: Code = ""


class OpenedShare(Told):
    """What a shared link shows, to somebody who has nothing but the link."""

    from_ms: int
    to_ms: int
    offset_s: int
    """Of local time at its beginning."""
    ends_ms: int
    camera: str | None
    """Its name; null where it is not to be told."""
    video: str
    """Its address."""
    is_picture: bool
    """A picture, moving or not, and no video."""

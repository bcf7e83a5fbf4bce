"""What goes over the wire about shared links."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms

WEEKS = 4 * 7 * 86_400
Code = Annotated[str, StringConstraints(max_length=64)]


class NewShare(ApiRequest):
    camera: Id
    from_ms: Ms
    to_ms: Ms
    lasts_s: Annotated[int, Field(ge=60, le=WEEKS)] = 86_400
    code: Code = ""
    names_camera: bool = False
    clip: Annotated[str, StringConstraints(max_length=64)] = ""
    """A saved clip to show, instead of what is recorded: camera and time are that clip's then."""


class ShareInfo(ApiResponse):
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


class ShareList(ApiResponse):
    items: list[ShareInfo]


class Shared(ApiResponse):
    share: ShareInfo
    link: str
    """The path of the link."""


class OpenShare(ApiRequest):
    code: Code = ""


class OpenedShare(ApiResponse):
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

"""API schemas of shared links."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms

WEEKS = 4 * 7 * 86_400
Code = Annotated[str, StringConstraints(max_length=64)]
LEAST_CODE = 6
"""Minimum length of a new link's code: five guesses, then each costs a growing wait."""


def _check_code(code: str) -> str:
    if code and len(code) < LEAST_CODE:
        raise ValueError(f"a code of at least {LEAST_CODE} characters, or none")
    return code


NewCode = Annotated[Code, AfterValidator(_check_code)]


class NewShare(ApiRequest):
    camera: Id
    from_ms: Ms
    to_ms: Ms
    lasts_s: Annotated[int, Field(ge=60, le=WEEKS)] = 86_400
    code: NewCode = ""
    names_camera: bool = False
    clip: Annotated[str, StringConstraints(max_length=64)] = ""
    """ID of a saved clip to share; its camera and time then apply. Empty: share recordings."""


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
    """Path of the link."""


class OpenShare(ApiRequest):
    code: Code = ""


class OpenedShare(ApiResponse):
    """Content of a shared link, for anonymous visitors."""

    from_ms: int
    to_ms: int
    offset_s: int
    """UTC offset at the start."""
    ends_ms: int
    camera: str | None
    """Name of the camera; null if it is not disclosed."""
    video: str
    """URL of the video."""
    is_picture: bool
    """The file is an image (still or animated), not a video."""

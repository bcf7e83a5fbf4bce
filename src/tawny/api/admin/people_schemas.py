"""API schemas of users and access tokens."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms, Name

CameraIds = Annotated[list[Id], Field(max_length=64)]
Role = Literal["owner", "member", "viewer"]


class PersonInfo(ApiResponse):
    id: str
    name: str
    role: Role
    cameras: list[str] | None
    """Cameras this user may see; null: all."""


class People(ApiResponse):
    items: list[PersonInfo]


class NewPerson(ApiRequest):
    name: Name
    role: Role = "viewer"
    cameras: CameraIds | None = None


class ChangedPerson(ApiRequest):
    role: Role
    cameras: CameraIds | None = None


class Invited(ApiResponse):
    person: PersonInfo
    link: str
    """Path of a one-time sign-in link."""


class PassInfo(ApiResponse):
    id: str
    name: str
    cameras: list[str] | None
    made_ms: int
    ends_ms: int | None
    has_ended: bool
    brings_bytes: int | None
    """Upload quota in bytes of another recorder's token, which sees nothing; null: a token for live view."""
    made_by: str | None
    """Name of the user who made it; null: made on the recorder, or the user was removed."""
    maker_lost_access: bool
    """It has ended because the user who made it was removed or may no longer grant it."""


class PassList(ApiResponse):
    items: list[PassInfo]


class NewPass(ApiRequest):
    name: Name
    cameras: CameraIds | None = None
    ends_ms: Ms | None = None
    brings_bytes: Annotated[int, Field(ge=1_000_000, le=10**15)] | None = None


class MadePass(ApiResponse):
    made: PassInfo
    secret: str
    """Shown only once."""
    rtsp: str
    """Address and port of the RTSP server; empty if off."""


class AuditEntry(ApiResponse):
    at_ms: int
    person: str
    action: str
    detail: str
    address: str


class AuditLog(ApiResponse):
    items: list[AuditEntry]

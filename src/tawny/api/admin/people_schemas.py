"""What goes over the wire about people and passes."""

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
    """Those that may be seen; null: all."""


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
    """The path of a one-time link that signs this person in."""


class PassInfo(ApiResponse):
    id: str
    name: str
    cameras: list[str] | None
    made_ms: int
    ends_ms: int | None
    has_ended: bool
    brings_bytes: int | None
    """Another recorder's: so much it may bring, and it sees nothing; null: it sees what is live."""


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
    """Shown this once."""
    rtsp: str
    """Address and port of the RTSP server; empty when it is off."""


class AuditEntry(ApiResponse):
    at_ms: int
    person: str
    action: str
    detail: str
    address: str


class AuditLog(ApiResponse):
    items: list[AuditEntry]

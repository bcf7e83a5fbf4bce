"""API schemas of files uploaded by other recorders."""

from tawny.api.schemas import ApiResponse


class BroughtInfo(ApiResponse):
    name: str
    size: int
    modified_ms: int


class BroughtList(ApiResponse):
    """Uploaded files. most_bytes: the token's quota."""

    items: list[BroughtInfo]
    used_bytes: int
    most_bytes: int


class BroughtState(ApiResponse):
    """State of a file; null if it doesn't exist. begun: bytes received of the unfinished upload with this checksum."""

    size: int | None
    modified_ms: int | None
    sha256: str | None
    begun: int

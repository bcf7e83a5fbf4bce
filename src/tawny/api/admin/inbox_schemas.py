"""What other recorders bring here, as types of the API."""

from tawny.api.schemas import ApiResponse


class BroughtInfo(ApiResponse):
    name: str
    size: int
    modified_ms: int


class BroughtList(ApiResponse):
    """most_bytes: what the pass allows."""

    items: list[BroughtInfo]
    used_bytes: int
    most_bytes: int


class BroughtState(ApiResponse):
    """null: there is no such file. begun: bytes that are here of the file that was asked for by its checksum."""

    size: int | None
    modified_ms: int | None
    sha256: str | None
    begun: int

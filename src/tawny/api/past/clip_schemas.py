"""What goes over the wire about clips that are made on the side."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms

ClipKind = Literal["mp4", "gif", "timelapse", "side-by-side", "sheet", "evidence"]


class NewClip(ApiRequest):
    """One file a camera; side by side: one of all. speed: of a time-lapse, null for one that lasts a minute."""

    cameras: Annotated[list[Id], Field(min_length=1, max_length=16)]
    from_ms: Ms
    to_ms: Ms
    kind: ClipKind = "mp4"
    speed: Annotated[float, Field(gt=0, le=1e6)] | None = None
    sound: bool = True
    """Of a clip as recorded."""
    exact: bool = False
    """Such a clip begins with the very picture in any player."""
    all_but: Annotated[str, Field(max_length=64)] = ""
    """An event of the camera: everything but what it is about is hidden. Empty: nothing is."""


class KeepClip(ApiRequest):
    kept: bool


class ClipJobInfo(ApiResponse):
    id: str
    kind: ClipKind
    cameras: list[str]
    from_ms: int
    to_ms: int
    speed: float | None
    name: str
    """Of the file."""
    made_ms: int
    state: Literal["waiting", "working", "done", "failed", "removed"]
    progress: float
    """0 to 1."""
    size_bytes: int
    kept: bool
    cut_at_ms: int | None
    """Where it ends early: the camera's picture became another there."""
    redacted: bool
    """Parts of it are hidden."""
    message: str
    hint: str
    """Why it failed, and what to do."""
    file: str | None
    """Its address, once it is done; `?save=1` to save it."""
    mine: bool
    """Whether who asks may keep, share and remove it."""


class ClipJobList(ApiResponse):
    items: list[ClipJobInfo]


class SavedClips(ApiResponse):
    items: list[ClipJobInfo]
    used_bytes: int
    most_bytes: int
    """Of room for all clips together: the oldest that are not kept make way."""

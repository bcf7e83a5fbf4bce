"""API schemas of saved clips."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Ms

ClipKind = Literal["mp4", "gif", "timelapse", "side-by-side", "sheet", "evidence"]


class NewClip(ApiRequest):
    """New clips: one file per camera, or one for all with `side-by-side`.

    speed: of a time-lapse; null: one minute long.
    """

    cameras: Annotated[list[Id], Field(min_length=1, max_length=16)]
    from_ms: Ms
    to_ms: Ms
    kind: ClipKind = "mp4"
    speed: Annotated[float, Field(gt=0, le=1e6)] | None = None
    sound: bool = True
    """With sound, for clips as recorded."""
    exact: bool = False
    """Start exactly at from_ms in any player, for clips as recorded."""
    all_but: Annotated[str, Field(max_length=64)] = ""
    """Event ID: redact everything except its subject. Empty: nothing."""


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
    """File name."""
    made_ms: int
    state: Literal["waiting", "working", "done", "failed", "removed"]
    progress: float
    """0 to 1."""
    size_bytes: int
    kept: bool
    cut_at_ms: int | None
    """Where it ends early because the video format changed; null if complete."""
    redacted: bool
    """Parts of the image are redacted."""
    message: str
    hint: str
    """Why it failed, and what to do."""
    file: str | None
    """URL of the file once it is done; `?save=1` to download."""
    mine: bool
    """Whether you may keep, share and delete it."""


class ClipJobList(ApiResponse):
    items: list[ClipJobInfo]


class SavedClips(ApiResponse):
    items: list[ClipJobInfo]
    used_bytes: int
    most_bytes: int
    """Space limit for all clips; the oldest that are not kept are deleted."""

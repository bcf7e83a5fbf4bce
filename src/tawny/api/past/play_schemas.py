"""What goes over the wire to play what was recorded."""

from typing import Literal

from tawny.api.schemas import ApiResponse, GapInfo


class PlayableInfo(ApiResponse):
    id: str
    start_ms: int
    end_ms: int
    video: str
    audio: str
    url: str
    stream: Literal["main", "sub"]
    open: bool
    thinned: bool
    """Only its keyframes are left."""
    sealed: bool
    """Only who has unlocked it can play it."""


class PlayInfo(ApiResponse):
    items: list[PlayableInfo]
    next_ms: int | None
    """Where there is something recorded after these."""
    gap: GapInfo | None
    """What explains it when nothing is recorded at the instant."""

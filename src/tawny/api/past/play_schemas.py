"""API schemas of playback."""

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
    """Reduced to keyframes."""
    sealed: bool
    """Encrypted; playable in unlocked sessions only."""


class PlayInfo(ApiResponse):
    items: list[PlayableInfo]
    next_ms: int | None
    """Start of the next recording after these; null if none."""
    gap: GapInfo | None
    """The gap at this instant, if nothing is recorded; null otherwise."""

"""What goes over the wire to play what was recorded."""

from typing import Literal

from tawny.web.shapes import GapInfo, Told


class Playable(Told):
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


class Play(Told):
    items: list[Playable]
    next_ms: int | None
    """Where there is something recorded after these."""
    gap: GapInfo | None
    """What explains it when nothing is recorded at the instant."""

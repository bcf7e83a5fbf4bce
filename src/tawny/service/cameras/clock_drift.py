"""What a camera's clock says, in words. Recordings are not affected by it: their times are this machine's."""

from collections.abc import Mapping
from typing import Any

from tawny.storage.retention.contract import duration_words
from tawny.stream.hub import Hub

MOST_OFF_S = 2.0
"""A clock that is wrong by more is told of."""


def clock_hint(offset_s: float | None) -> str:
    """What is wrong with it and what to do; empty when nothing is. offset_s: by how much it is ahead."""
    if offset_s is None or abs(offset_s) <= MOST_OFF_S:
        return ""
    side = "ahead" if offset_s > 0 else "behind"
    off_s = abs(offset_s)
    off = duration_words(round(off_s, 1) if off_s < 10 else round(off_s))
    return (
        f"The camera's clock is {off} {side}, so the time shown in its image is wrong. tawny's own times are "
        "correct. Turn on NTP in the camera's settings."
    )


def note_clock(hub: Hub, notes: Mapping[str, Any]) -> None:
    """Put at the stream's ring what its connection's notes say of the camera's clock."""
    hub.clock_offset_s = notes.get("clock_offset_s")
    hub.latency_s = notes.get("latency_s")

"""Hint about a camera's clock. It does not affect recordings, which use the recorder's clock."""

from collections.abc import Mapping
from typing import Any

from tawny.storage.retention.contract import duration_words
from tawny.stream.hub import Hub

MOST_OFF_S = 2.0
"""Offset, s, above which the hint is shown."""


def clock_hint(offset_s: float | None) -> str:
    """Return the problem and its remedy, or an empty string. offset_s: how far the camera's clock is ahead, s."""
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
    """Store the clock offset and the latency from the connection's notes in the stream's hub."""
    hub.clock_offset_s = notes.get("clock_offset_s")
    hub.latency_s = notes.get("latency_s")

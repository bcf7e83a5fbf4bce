"""Id types, distinct so that one cannot be passed for another."""

from enum import StrEnum
from typing import Final, NewType

CameraId = NewType("CameraId", str)
"""The key in `[cameras.<id>]`: lower-case letters, digits and single hyphens, at most 40; safe as a folder name."""

RunId = NewType("RunId", str)
"""An uninterrupted sequence of packets of one stream; unique across restarts."""

SegmentId = NewType("SegmentId", str)
"""Opaque; stays the same when the index is rebuilt (`model.segments.segment_id`)."""

EventId = NewType("EventId", str)
"""Opaque; sorts by the event's start."""

REMOVED: Final = " (removed)"
"""Ends the shown names of removed cameras."""


def name_key(name: str) -> str:
    """Return a display name as names are compared: capitals and outer blanks make no difference."""
    return " ".join(name.split()).casefold()


class StreamName(StrEnum):
    """Stream of a camera: `main` in high resolution; `sub` in low resolution, for detection, kept longer."""

    MAIN = "main"
    SUB = "sub"

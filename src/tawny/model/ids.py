"""Names of things: each its own type, so that one cannot be handed over for another."""

from enum import StrEnum
from typing import NewType

CameraId = NewType("CameraId", str)
"""The key in `[cameras.<id>]`: lower-case letters, digits and single hyphens, at most 40; safe as a folder's name."""

RunId = NewType("RunId", str)
"""An unbroken stretch of packets of one camera and stream; unique over restarts."""

SegmentId = NewType("SegmentId", str)
"""Opaque; the same again after the index is rebuilt (`model.segments.segment_id`)."""

EventId = NewType("EventId", str)
"""Opaque; sorts by the event's start."""


class StreamName(StrEnum):
    """Which video of a camera: `main` is recorded large, `sub` is small, watched, and kept longer."""

    MAIN = "main"
    SUB = "sub"

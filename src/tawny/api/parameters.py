"""Request parameters: limits and parsing."""

from typing import Annotated

from fastapi import Path, Query

from tawny.api.context import AppContext
from tawny.api.errors import bad_input, not_found
from tawny.api.schemas import LATEST_MS
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.times import Span

MOST_DAYS = 62
MOST_CLIP_S = 6 * 3600
MOST_CLIP_BYTES = 20_000_000_000
MOST_CAMERAS = 64
DAY_MS = 86_400_000

At = Annotated[int, Query(ge=0, le=LATEST_MS)]
Points = Annotated[int, Query(ge=1, le=10_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
Ids = Annotated[str, Query(max_length=3000, pattern=r"^[a-z0-9,-]*$")]
Types = Annotated[str, Query(max_length=200, pattern=r"^[a-z_,-]*$")]
After = Annotated[str | None, Query(pattern=r"^\d{1,15}~[A-Za-z0-9-]{1,64}$")]
OneCamera = Annotated[CameraId, Path(max_length=64)]
OneEvent = Annotated[EventId, Path(max_length=64)]
OneSegment = Annotated[SegmentId, Path(max_length=64)]
OneStream = Annotated[StreamName, Query()]


def parse_span(from_ms: int, to_ms: int, most_days: float = MOST_DAYS) -> Span:
    """Return the span. Raises RequestRefused: when it is empty or longer than `most_days`."""
    if to_ms <= from_ms:
        raise bad_input("The end must be after the start.", "Choose another time.")
    if to_ms - from_ms > most_days * DAY_MS:
        raise bad_input(f"You can load at most {most_days:g} days at once.", "Choose a shorter time.")
    return Span(from_ms, to_ms)


def parse_list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def cameras_of(text: str, here: AppContext) -> list[CameraId]:
    """Return the named cameras, or all configured ones. Removed cameras are allowed; invisible ones are dropped."""
    named = list(dict.fromkeys(CameraId(part) for part in parse_list(text)))
    if len(named) > MOST_CAMERAS:
        raise bad_input(f"You can load at most {MOST_CAMERAS} cameras at once.", "Choose fewer.")
    if not named:
        return [*here.recorder.camera_names()]
    return [camera for camera in named if here.seen is None or camera in here.seen]


def known_camera(camera: CameraId, here: AppContext) -> CameraId:
    """Return the ID. Raises RequestRefused: when it is neither configured nor recorded.

    Queries the index; call in a thread.
    """
    if camera not in here.recorder.camera_names() and here.recorder.index.bounds(camera) is None:
        raise not_found("Camera not found.")
    return camera

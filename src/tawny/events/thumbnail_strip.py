"""Thumbnail strip of an event: a few frames from start to end side by side in one JPEG."""

from typing import Any

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.image.jpeg import scaled_size, side_by_side
from tawny.model.observations import Frame

LEAST, MOST = 3, 6
WIDTH = 320
APART_MS = 700
"""Initial interval between thumbnails, ms; doubled whenever there are too many."""


class ThumbnailStrip:
    """Collects thumbnails of one event. Call `take` for each frame."""

    def __init__(self) -> None:
        self._pictures: list[Any] = []
        self._apart_ms, self._due_ms = APART_MS, 0

    def take(self, frame: Frame) -> None:
        if self._pictures and frame.at_ms < self._due_ms:
            return
        if len(self._pictures) == MOST:
            self._pictures = self._pictures[::2]
            self._apart_ms *= 2
        self._pictures.append(scaled_size(frame if isinstance(frame, DecodedFrame) else frame.rgb, WIDTH))
        self._due_ms = frame.at_ms + self._apart_ms

    @property
    def is_short(self) -> bool:
        """Whether frames after the event are needed to reach the minimum."""
        return len(self._pictures) < LEAST

    def jpeg(self) -> bytes | None:
        """Return the strip, or None if the event is too short."""
        shapes = {picture.shape for picture in self._pictures}
        return side_by_side(self._pictures) if len(self._pictures) >= LEAST and len(shapes) == 1 else None

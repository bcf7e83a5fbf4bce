"""A few small pictures of an event, from its begin to its end, side by side in one JPEG: to see it move at a glance."""

from typing import Any

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.image.jpeg import scaled_size, side_by_side
from tawny.model.observations import Frame

LEAST, MOST = 3, 6
WIDTH = 320
APART_MS = 700
"""Between two pictures at first; twice as much each time there are too many."""


class ThumbnailStrip:
    """Of one event, fed with each of its frames."""

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
        """There are too few pictures yet: those of the moment after the event do as well."""
        return len(self._pictures) < LEAST

    def jpeg(self) -> bytes | None:
        """None for an event too short for three pictures."""
        shapes = {picture.shape for picture in self._pictures}
        return side_by_side(self._pictures) if len(self._pictures) >= LEAST and len(shapes) == 1 else None

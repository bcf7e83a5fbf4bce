"""The best image of an event: the object large, uncut and centered; from the main stream if possible.

The processed frame is available at once, but it is small or roughly decoded. After a short time and at the event's end
the main stream's ring buffer is searched. A keyframe is decoded if it shows the object nearly as well, else the frames
from the previous keyframe to the best moment.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.image.jpeg import jpeg, jpeg_near, keyframe_jpeg
from tawny.model.observations import Box, Frame, Observation
from tawny.model.packets import Packet, VideoFormat
from tawny.model.polygon import Polygon
from tawny.stream.hub import Hub

WIDTH = 960
"""Image width, px: sufficient to recognize a person, small enough to send."""
BETTER = 1.25
"""Minimum factor by which a new best image must be better."""
AGAIN_MS = 1000
"""Minimum time between two best images, ms."""
ENOUGH = 0.3
"""Share of the frame from which a larger object is not better."""
AT_EDGE = 0.5
"""Factor for an object cut by the frame's edge."""
EDGE = 0.01
NEARLY = 0.6
"""Minimum quality of a main stream keyframe relative to the best moment."""
NEAR_MS = 300
"""Maximum distance, ms, between a keyframe and the detection that rates it."""
BACK_S = 15.0
MOST_DECODED = 90
"""Maximum number of frames decoded for one image; detection waits meanwhile."""


class PictureCandidate(NamedTuple):
    """One observation of the object. worth: see `worth`."""

    at_ms: int
    worth: float
    box: Box


class EncodedPicture(NamedTuple):
    at_ms: int
    box: Box
    jpeg: bytes
    worth: float


class BestPicture:
    """Selects the best image of one event. large: hub of the main stream; None: use the processed frames only."""

    def __init__(self, large: Hub | None) -> None:
        self._large = large
        self._best: PictureCandidate | None = None
        self.may_be_larger = False
        """The best image is new and the main stream was not searched yet."""
        self._large_worth = 0.0
        """Quality of the current main stream image; 0 if there is none or a better one is required."""
        self._looks: deque[PictureCandidate] = deque(maxlen=round(BACK_S * 5))

    def consider(self, frame: Frame, things: tuple[Observation, ...]) -> EncodedPicture | None:
        """Return the image of this frame if it is the first or clearly better than the previous best, else None."""
        seen = max(
            (PictureCandidate(frame.at_ms, worth(o.box), o.box) for o in things), key=lambda s: s.worth, default=None
        )
        if seen is None:
            return None
        self._looks.append(seen)
        best = self._best
        if best is not None and (seen.worth < BETTER * best.worth or seen.at_ms - best.at_ms < AGAIN_MS):
            return None
        if seen.worth * NEARLY < self._large_worth:
            return None  # a sub stream image would be no better, and another main stream image is expensive
        self._best, self._large_worth, self.may_be_larger = seen, 0.0, self._large is not None
        return EncodedPicture(seen.at_ms, seen.box, jpeg(pixels_of(frame), WIDTH), seen.worth)

    @property
    def at_ms(self) -> int:
        """Time of the best observation, ms UTC; 0 before the first."""
        return self._best.at_ms if self._best else 0

    def larger(self) -> EncodedPicture | None:
        """Return the image from the main stream; None if already done or no frame shows the object well."""
        if self._large is None or self._best is None or self._large_worth:
            return None
        self.may_be_larger = False
        packets = [p for p in self._large.recent(BACK_S) if isinstance(p.format, VideoFormat)]
        picture = self._of_keyframe(packets) or self._of_best(self._best, packets)
        self._large_worth = picture.worth if picture is not None else 0.0
        return picture

    def _of_keyframe(self, packets: list[Packet]) -> EncodedPicture | None:
        """Return a keyframe that shows the object nearly as well as the best observation."""
        assert self._best is not None
        least = NEARLY * self._best.worth
        shown = [(seen, p) for p in packets if p.is_keyframe and (seen := self._at(p.at_ms)) and seen.worth >= least]
        if not shown:
            return None
        seen, packet = max(shown, key=lambda pair: pair[0].worth)
        picture = keyframe_jpeg(packet, WIDTH, self._private)
        return EncodedPicture(packet.at_ms, seen.box, picture, seen.worth) if picture is not None else None

    def _of_best(self, best: PictureCandidate, packets: list[Packet]) -> EncodedPicture | None:
        """Return the best moment itself, decoded from the previous keyframe."""
        begins = [n for n, p in enumerate(packets) if p.is_keyframe and p.at_ms <= best.at_ms]
        if not begins:
            return None
        first = packets[begins[-1]]
        until_ms = best.at_ms + NEAR_MS
        group = [p for p in packets[begins[-1] :] if p.run == first.run and first.at_ms <= p.at_ms <= until_ms]
        if len(group) > MOST_DECODED or group[-1].at_ms < best.at_ms - NEAR_MS:
            return None
        picture = jpeg_near(best.at_ms, group, WIDTH, self._private)
        return EncodedPicture(best.at_ms, best.box, picture, best.worth) if picture is not None else None

    @property
    def _private(self) -> Sequence[Polygon]:
        return self._large.private if self._large is not None else ()

    def _at(self, at_ms: int) -> PictureCandidate | None:
        near = min(self._looks, key=lambda seen: abs(seen.at_ms - at_ms), default=None)
        return near if near is not None and abs(near.at_ms - at_ms) <= NEAR_MS else None


def worth(box: Box) -> float:
    """Return how well an object in this box is visible, 0..1."""
    x0, y0, x1, y1 = box
    size = math.sqrt(min(1.0, max(0.0, x1 - x0) * max(0.0, y1 - y0) / ENOUGH))
    is_cut = x0 <= EDGE or y0 <= EDGE or x1 >= 1 - EDGE or y1 >= 1 - EDGE
    off_middle = max(abs(x0 + x1 - 1), abs(y0 + y1 - 1))
    return size * (AT_EDGE if is_cut else 1.0) * (1 - 0.3 * off_middle)


def pixels_of(frame: Frame) -> Any:
    """Return the frame as `media.image.jpeg` accepts it."""
    return frame if isinstance(frame, DecodedFrame) else frame.rgb

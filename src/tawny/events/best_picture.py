"""An event's best picture: where the thing is seen large, whole and in the middle; from the large stream if it can be.

The frame that was looked at is there at once; it is small, or decoded roughly. When the event has gone on a little, and
when it ends, the large stream's ring is gone through: a keyframe is decoded if the thing was seen there nearly as well,
else what leads from one to the best moment.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.keyframe import jpeg_near, keyframe_jpeg
from tawny.media.image.jpeg import jpeg
from tawny.model.observations import Box, Frame, Observation
from tawny.model.packets import Packet, VideoFormat
from tawny.model.polygon import Polygon
from tawny.stream.hub import Hub

WIDTH = 960
"""Pixels: wide enough to know somebody, small enough to send."""
BETTER = 1.25
"""A new best is better by so much: pictures do not change for nothing."""
AGAIN_MS = 1000
"""Between two new bests."""
ENOUGH = 0.3
"""Share of the picture from which on larger is not better."""
AT_EDGE = 0.5
"""What something counts that is cut by the picture's edge."""
EDGE = 0.01
NEARLY = 0.6
"""A keyframe of the large stream is taken if the thing was seen there at least so well as at best."""
NEAR_MS = 300
"""A keyframe is judged by the look nearest to it, at most so far away."""
BACK_S = 15.0
MOST_DECODED = 90
"""Pictures: watching waits while they are decoded."""


class PictureCandidate(NamedTuple):
    """One look at the thing."""

    at_ms: int
    worth: float
    box: Box


class EncodedPicture(NamedTuple):
    at_ms: int
    box: Box
    jpeg: bytes
    worth: float


class BestPicture:
    """Of one event. large: the hub of the large stream; None: the frames that are looked at are all there is."""

    def __init__(self, large: Hub | None) -> None:
        self._large = large
        self._best: PictureCandidate | None = None
        self.may_be_larger = False
        """The best is new, and the large stream was not searched for it yet."""
        self._large_worth = 0.0
        """How well the thing is seen on its large picture; 0: it has none yet, or a better one is looked for."""
        self._looks: deque[PictureCandidate] = deque(maxlen=round(BACK_S * 5))

    def consider(self, frame: Frame, things: tuple[Observation, ...]) -> EncodedPicture | None:
        """The picture of this frame, if it is the first or clearly better than the best yet."""
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
            return None  # a small picture would be no better, and another large one costs much
        self._best, self._large_worth, self.may_be_larger = seen, 0.0, self._large is not None
        return EncodedPicture(seen.at_ms, seen.box, jpeg(pixels_of(frame), WIDTH), seen.worth)

    @property
    def at_ms(self) -> int:
        """When the thing was seen best; 0 before."""
        return self._best.at_ms if self._best else 0

    def larger(self) -> EncodedPicture | None:
        """The thing on the large stream; None if it has it already, or no keyframe shows it well."""
        if self._large is None or self._best is None or self._large_worth:
            return None
        self.may_be_larger = False
        packets = [p for p in self._large.recent(BACK_S) if isinstance(p.format, VideoFormat)]
        picture = self._of_keyframe(packets) or self._of_best(self._best, packets)
        self._large_worth = picture.worth if picture is not None else 0.0
        return picture

    def _of_keyframe(self, packets: list[Packet]) -> EncodedPicture | None:
        """One that shows the thing nearly as well as it was ever seen."""
        assert self._best is not None
        least = NEARLY * self._best.worth
        shown = [(seen, p) for p in packets if p.is_keyframe and (seen := self._at(p.at_ms)) and seen.worth >= least]
        if not shown:
            return None
        seen, packet = max(shown, key=lambda pair: pair[0].worth)
        picture = keyframe_jpeg(packet, WIDTH, self._private)
        return EncodedPicture(packet.at_ms, seen.box, picture, seen.worth) if picture is not None else None

    def _of_best(self, best: PictureCandidate, packets: list[Packet]) -> EncodedPicture | None:
        """The best moment itself, decoded from the keyframe before."""
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
    """How well something in this box can be seen, 0..1."""
    x0, y0, x1, y1 = box
    size = math.sqrt(min(1.0, max(0.0, x1 - x0) * max(0.0, y1 - y0) / ENOUGH))
    is_cut = x0 <= EDGE or y0 <= EDGE or x1 >= 1 - EDGE or y1 >= 1 - EDGE
    off_middle = max(abs(x0 + x1 - 1), abs(y0 + y1 - 1))
    return size * (AT_EDGE if is_cut else 1.0) * (1 - 0.3 * off_middle)


def pixels_of(frame: Frame) -> Any:
    """As `media.image.jpeg` takes them."""
    return frame if isinstance(frame, DecodedFrame) else frame.rgb

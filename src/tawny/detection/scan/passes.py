"""The second pass of a scan: detection on keyframes, and on five frames a second where the first pass found changes.

Between these stretches single keyframes are processed, so that the detector keeps learning the background.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tawny.detection.detector import Detector
from tawny.detection.frames import GreyFrame, MaskedFrame
from tawny.detection.region import Region
from tawny.detection.scan.wake import KeyframeGlance, glances
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import FileVideo
from tawny.model.observations import Frame, Look

LOOKS_A_SECOND = 5.0
LEARNS_S = 10.0
"""Time at the beginning that is fully decoded, s, so that the detector learns the background."""
NEAR_S, NEAR, MOST_IDLE = 14.0, 30, 100
"""Within this distance, s, of a decoded stretch every keyframe is processed; number of keyframes held back until that
is known."""
SELDOM_S = 3.5
"""Interval elsewhere, s; shorter than the detector's limit for a changed scene."""
ENOUGH_FPS = 9.5
"""Frame rate from which non-reference frames are skipped: at least every second frame remains."""


class DecodedLook(NamedTuple):
    """Result of one frame. source: the decoded frame; None for a keyframe of the first pass."""

    at_s: float
    look: Look
    source: DecodedFrame | None


class TwoPasses:
    """Scans in two passes. decoded_s: seconds of video fully decoded."""

    def __init__(self, video: FileVideo, detector: Detector, region: Region, sensitivity: int) -> None:
        self._video, self._detector, self._region, self._sensitivity = video, detector, region, sensitivity
        self.decoded_s = 0.0
        self._looked_s = float("-inf")
        self._goes_on = False
        """Whether the last processed frame had a detection."""

    def looks(self, begin_s: float, end_s: float) -> Iterator[DecodedLook]:
        run: list[KeyframeGlance] = []
        idle: list[KeyframeGlance] = []
        woke_s = begin_s
        for glance in glances(self._video.keyframes(begin_s, end_s), self._region, self._sensitivity):
            if glance.is_awake or glance.at_s < begin_s + LEARNS_S:
                if not run:
                    yield from self._asleep(idle, woke_s, glance.at_s)
                    idle = []
                run.append(glance)
                continue
            if run:
                yield from self._awake(run[0].at_s, glance.at_s)
                run, woke_s = [], glance.at_s
            idle.append(glance)
            if len(idle) == MOST_IDLE:
                yield from self._asleep(idle[:-NEAR], woke_s, float("inf"))
                idle = idle[-NEAR:]
        if run:
            yield from self._awake(run[0].at_s, min(end_s, self._video.duration_s + 1.0))
        yield from self._asleep(idle, woke_s, float("inf"))

    def _asleep(self, idle: list[KeyframeGlance], woke_s: float, wakes_s: float) -> Iterator[DecodedLook]:
        """Yield the results of keyframes: all near a decoded stretch, few elsewhere."""
        for glance in idle:
            far = glance.at_s - woke_s > NEAR_S and wakes_s - glance.at_s > NEAR_S
            if far and glance.at_s - self._looked_s < SELDOM_S:
                continue
            yield self._glanced(glance)
            if self._goes_on:
                yield from map(self._glanced, glance.between())

    def _glanced(self, glance: KeyframeGlance) -> DecodedLook:
        look = self._detector.look(GreyFrame(glance.picture, round(glance.at_s * 1000)))
        self._looked_s, self._goes_on = glance.at_s, bool(look.seen)
        return DecodedLook(glance.at_s, look, None)

    def _awake(self, begin_s: float, end_s: float) -> Iterator[DecodedLook]:
        self.decoded_s += end_s - begin_s
        pace = _Pace(begin_s, self._video.fps)
        for frame in self._video.pictures(begin_s, end_s, only_referenced=self._video.fps >= ENOUGH_FPS):
            at_s = frame.at_ms / 1000
            if begin_s <= at_s < end_s and pace.is_due(at_s):
                look = self._detector.look(_counted(frame, self._region))
                self._goes_on = bool(look.seen)
                yield DecodedLook(at_s, look, frame)


class OnePass:
    """Decodes every frame. looks_a_second: detection rate, fps; 0: every frame."""

    def __init__(self, video: FileVideo, detector: Detector, region: Region, looks_a_second: float) -> None:
        self._video, self._detector, self._region, self._rate = video, detector, region, looks_a_second
        self.decoded_s = 0.0

    def looks(self, begin_s: float, end_s: float) -> Iterator[DecodedLook]:
        self.decoded_s += min(end_s, self._video.duration_s) - begin_s
        few = 0 < self._rate <= LOOKS_A_SECOND and self._video.fps >= ENOUGH_FPS
        pace = _Pace(begin_s, self._video.fps, self._rate) if self._rate else None
        for frame in self._video.pictures(begin_s, end_s, only_referenced=few):
            at_s = frame.at_ms / 1000
            if begin_s <= at_s < end_s and (pace is None or pace.is_due(at_s)):
                yield DecodedLook(at_s, self._detector.look(_counted(frame, self._region)), frame)


def _counted(frame: DecodedFrame, region: Region) -> Frame:
    """Return the frame with ignored areas painted over."""
    luma = frame.luma
    counted = region.of(luma)
    return frame if counted is luma else MaskedFrame(frame, counted, region.hidden)


class _Pace:
    """Selects frames at an even rate; up to half a frame early counts as in time."""

    def __init__(self, begin_s: float, fps: float, looks_a_second: float = LOOKS_A_SECOND) -> None:
        self._due_s, self._apart_s, self._slack_s = begin_s, 1 / looks_a_second, 0.5 / fps

    def is_due(self, at_s: float) -> bool:
        if at_s < self._due_s - self._slack_s:
            return False
        self._due_s = max(self._due_s + self._apart_s, at_s + self._apart_s / 2)
        return True

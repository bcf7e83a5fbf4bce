"""Base of the classic detectors: one number per frame, a level it must exceed, and the trigger rule.

The score is 50 where the number reaches the level, so all detectors share one scale of 0..100.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np

from tawny.detection.detector import DetectorParameter, EventTrigger, read_parameters
from tawny.model.observations import Box, Frame, Look, Measurement, Observation

# State of a motion event: starts by the trigger rule (`detection.detector`), ends after some time without motion.

BREAK_MS = 10_000
"""A longer pause, ms, or a backward step ends the event."""


class MotionEventState:
    """hold_s: time without motion that ends the event."""

    def __init__(self, hold_s: float) -> None:
        self._hold_ms = round(hold_s * 1000)
        self._trigger, self._event_trigger = EventTrigger(), EventTrigger()
        self._is_event = False
        self._track = 0
        self._since_ms: int | None = None
        self._moved_ms = 0
        self._box: Box = (0.0, 0.0, 1.0, 1.0)

    def step(self, at_ms: int, *, moves: bool, k: int, within: int, box: Box | None, score: int) -> Look:
        """Register one frame. k of the last `within` frames must move.

        score: at least 50 in k of these frames for an event; with lower ones it is near one.
        """
        over = self._ended(at_ms)
        since_ms = self._trigger.add(at_ms, moves=moves, k=k, within=within)
        reaches = self._event_trigger.add(at_ms, moves=score >= LINE, k=k, within=within) is not None
        if moves:
            self._moved_ms = at_ms
            self._box = box or (0.0, 0.0, 1.0, 1.0)
        if self._since_ms is None and since_ms is not None:
            self._since_ms = since_ms
            self._track += 1
        if self._since_ms is None:
            return Look(score, (), over)
        self._is_event = self._is_event or reaches
        is_seen = self._is_event and not (moves and score < LINE)  # faint motion is an event only where that suffices
        thing = self._seen(score, is_seen=is_seen)
        return Look(score, (thing,), over) if is_seen else Look(score, (), over, (thing,))

    def forget(self) -> tuple[Observation, ...]:
        """Reset the state. Return the event that this ends."""
        over = self._end() if self._since_ms is not None else ()
        self._trigger.clear()
        self._event_trigger.clear()
        return over

    def _ended(self, at_ms: int) -> tuple[Observation, ...]:
        last_ms = self._trigger.last_ms
        if last_ms is not None and not 0 <= at_ms - last_ms <= BREAK_MS:
            return self.forget()
        if self._since_ms is not None and at_ms - self._moved_ms > self._hold_ms:
            return self._end()
        return ()

    def _end(self) -> tuple[Observation, ...]:
        over = Observation("motion", 0.5, self._box, self._track, self._since_ms, self._moved_ms)
        self._since_ms, self._is_event = None, False
        self._trigger.clear()
        self._event_trigger.clear()
        return (over,)

    def _seen(self, score: int, *, is_seen: bool) -> Observation:
        shown = max(score, LINE) if is_seen else min(score, LINE - 1)
        return Observation("motion", shown / 100, self._box, self._track, self._since_ms)


LINE = 50
USUAL_RATE = 10.0
"""Assumed rate, fps, of frames until it is known."""
HOLD_S = 2.0
DARK = 16.0
"""Reference brightness (0..255): darker frames compare lighting changes to it."""

SHARED: Mapping[str, DetectorParameter] = {
    "rate": DetectorParameter(10, 0, 60),
    "hold": DetectorParameter(HOLD_S, 0, 60),
    "warm_up": DetectorParameter(0, 0, 600),
    "least_light": DetectorParameter(0, 0, 1),
    "light": DetectorParameter(0, 0, 1),
}
"""Shared parameters.

rate: frames a second that are measured; 0: every frame. hold: seconds without motion that end an event. warm_up:
seconds after the start in which nothing counts. least_light: frames with at most this mean brightness (0..1) do not
count. light: a larger relative change of mean brightness between two frames is a lighting change; the frame does not
count and the background is learned again; 0: not checked.
"""


class ClassicMeasurement(NamedTuple):
    """Measurement of one frame. number: in the detector's own unit. box: around the motion, None if unknown."""

    number: float
    moves: bool
    box: Box | None = None


class ClassicDetector:
    """Base class. A subclass sets its name, parameters and level, and implements `measure` and `forget`."""

    name: ClassVar[str]
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]]
    LEVEL: ClassVar[str] = "level"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        cv2.setNumThreads(1)
        self.numbers = read_parameters({**self.NUMBERS, **SHARED}, self.LEVEL, settings)
        self.near_from = LINE
        """Score from which a frame moves. Set to the camera's lowest threshold, if that is below 50."""
        self._rule = MotionEventState(self.numbers["hold"])
        self._shape: tuple[int, ...] | None = None
        self._last_ms = self._begun_ms = 0
        self.reading = ClassicMeasurement(0, moves=False)
        """The newest measurement; of a frame that does not count, too."""
        self._apart_ms = 1000 / (self.looks_a_second or USUAL_RATE)
        self._mean: float | None = None

    def look(self, frame: Frame) -> Look:
        luma, at_ms = frame.luma, frame.at_ms
        over = self._rule.forget() if self._is_another_place(luma.shape, at_ms) else ()
        self._last_ms = at_ms
        if self._is_another_light(luma):
            self.forget()
        reading = self.reading = self.measure(luma)
        counts = self._counts(luma, at_ms)
        score = self._score(reading.number, moves=reading.moves and counts)
        look = self._rule.step(
            at_ms,
            moves=counts and score >= self.near_from,
            k=self.k,
            within=self.within,
            box=reading.box,
            score=score,
        )
        measured = Measurement(reading.number, self.numbers[self.LEVEL])
        return Look(look.score, look.seen, (*over, *look.over), look.near, measured=measured)

    def measure(self, luma: Any) -> ClassicMeasurement:
        """Measure one frame. luma: uint8 [height, width]; must not be kept.

        The first frame after `forget` is a reference and does not move.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Reset the state: the next frame is unrelated to the previous ones."""
        raise NotImplementedError

    @property
    def looks_a_second(self) -> float:
        """Sampling rate, fps; excess frames are skipped. 0: every frame."""
        return self.numbers["rate"]

    @property
    def k(self) -> int:
        return int(self.numbers["frames"])

    @property
    def within(self) -> int:
        return int(self.numbers.get("within", self.numbers["frames"]))

    @property
    def apart_s(self) -> float:
        """Recent interval between two frames, s."""
        return self._apart_ms / 1000

    def _is_another_place(self, shape: tuple[int, ...], at_ms: int) -> bool:
        passed_ms = at_ms - self._last_ms
        if self._shape != shape or not 0 <= passed_ms <= BREAK_MS:
            self._shape, self._begun_ms = shape, at_ms
            self.forget()
            return True
        if passed_ms:
            self._apart_ms += (passed_ms - self._apart_ms) * 0.2
        return False

    def _is_another_light(self, luma: Any) -> bool:
        most = self.numbers["light"]
        if not most:
            return False
        before, self._mean = self._mean, cv2.mean(luma)[0]
        return before is not None and abs(self._mean - before) > most * max(before, DARK)

    def _counts(self, luma: Any, at_ms: int) -> bool:
        if at_ms - self._begun_ms < self.numbers["warm_up"] * 1000:
            return False
        least = self.numbers["least_light"]
        return not least or cv2.mean(luma)[0] / 255 > least

    def _score(self, number: float, *, moves: bool) -> int:
        level = max(self.numbers[self.LEVEL], 1e-9)
        shown = 2 * LINE - LINE * level / number if number > level else LINE * number / level
        return max(LINE, int(shown)) if moves else min(LINE - 1, int(shown))


def sized(luma: Any, width: int, height: int) -> Any:
    """Return the frame resized, uint8 [height, width]; always a copy."""
    if luma.shape == (height, width):
        return np.ascontiguousarray(luma).copy()
    smaller = luma.shape[1] > width
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def box_of(mask: Any) -> Box | None:
    """Return the bounding box of the nonzero cells; None if all are zero."""
    x, y, w, h = cv2.boundingRect(np.asarray(mask, np.uint8))
    if not w or not h:
        return None
    height, width = mask.shape
    return x / width, y / height, (x + w) / width, (y + h) / height

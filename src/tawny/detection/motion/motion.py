"""The default detector: detects objects by displacement or stay, not by size. One setting for day and night.

Pipeline of a frame: downscaled luma, cells that differ from the background model, blobs, tracks, evidence, verdict;
then the background model learns.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.background_model import (
    ALONE_DT,
    DEFAULT,
    GLANCE,
    LEAST,
    MOST,
    BackgroundModel,
    FrameDifference,
    MeasuredFrame,
    Sensitivity,
)
from tawny.detection.motion.blobs import HINT, Blob, blobs
from tawny.detection.motion.cells import Cells, Grey, Mask, count
from tawny.detection.motion.ground import GroundGrid, MotionScene, need
from tawny.detection.motion.tracks import CORE, COVERED, RESTS, MotionTrack, TrackState, assign
from tawny.detection.motion.verdict import gather, update_tracks
from tawny.model.observations import Frame, Look, Observation
from tawny.model.polygon import COLUMNS, ROWS
from tawny.model.validation import value_text

# Detector time in seconds: monotonic, whatever the times of the frames.

LONGEST_S = 2.0
"""Maximum time credited to one frame, s."""
BREAK_S = 10.0
"""A longer pause, s, or a backward step breaks all tracks."""
FORGET_S = 300.0
"""After a longer pause, s, the lighting counts as changed too."""
BACK_STEP_S = 0.2


class Tick(NamedTuple):
    t: float
    dt: float
    """Seconds since the previous frame, 0..2."""
    forget: bool
    """Whether the frame must be adopted as the background."""


class DetectorClock:
    """Converts frame times to detector time; 0 at the first frame."""

    def __init__(self, at_ms: int) -> None:
        self._zero_ms = self._last_ms = at_ms
        self.t = 0.0

    def breaks(self, at_ms: int) -> bool:
        """Return whether tracks cannot continue at this frame. Call before `tick`."""
        return not 0 <= at_ms - self._last_ms <= BREAK_S * 1000

    def after(self, at_ms: int) -> float:
        """Return the detector time of a coming frame that does not break."""
        return (at_ms - self._zero_ms) / 1000

    def tick(self, at_ms: int) -> Tick:
        """Advance to this frame."""
        passed_s = (at_ms - self._last_ms) / 1000
        if self.breaks(at_ms):
            own_s = LONGEST_S if passed_s > 0 else BACK_STEP_S
            self._zero_ms = at_ms - round((self.t + own_s) * 1000)
        t = (at_ms - self._zero_ms) / 1000
        dt = min(max(t - self.t, 0.0), LONGEST_S)
        self.t, self._last_ms = t, at_ms
        return Tick(t, dt, forget=passed_s > FORGET_S)

    def at_ms(self, t: float) -> int:
        """Return a detector time since the last break as ms UTC."""
        return self._zero_ms + round(t * 1000)


# Foreground cells as the motion grid that is stored (`model.polygon`).

MIN_MOVING_SHARE = 0.04
"""Minimum share of foreground cells in a grid position."""


def moving_grid(cells: Any, parts: Iterable[tuple[slice, slice]]) -> int:
    """Return the stored motion grid as an integer.

    cells: bool [rows, columns]. parts: slices to evaluate; cells outside are ignored.
    """
    asked = np.zeros(cells.shape, np.uint8)
    for part in parts:
        asked[part] = cells[part]
    share = cv2.resize(asked * 255, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return int.from_bytes(np.packbits(share >= MIN_MOVING_SHARE * 255).tobytes(), "big")


SLEEPS_S = 1.3
"""Frames further apart than this, s, count as one stay of this length. They give no internal motion and no evidence:
another object may have appeared between them."""
DISTRUST = 0.1
"""Rate at which the trust in a candidate follows to a place with less rest."""
COVER_AFTER_S = 1.0
"""Time after the last displacement of an event, s, from which its coverage is checked."""
LINE = 50
"""The score of an event."""
LARGE = 0.01
"""Share of the frame at which an event's score is two thirds of the way from LINE to 100."""


class MotionDetector:
    """Detects objects that move through the image or stay, of any size, by day and night with the same settings.

    - `sensitivity` (50): 1 to 100. Higher: more events.
    """

    name: ClassVar[str] = "motion"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        cv2.setNumThreads(1)  # frames this small are done before a second thread wakes
        self._sensitivity = Sensitivity.of(_sensitivity(settings))
        self._cells = Cells()
        self._place: _Place | None = None
        self._next_number = 1
        self._glanced: _Glanced | None = None
        """The last keyframe check, if no frame was processed since."""

    def look(self, frame: Frame) -> Look:
        glanced, self._glanced = self._glanced, None
        if glanced is not None and glanced.at_ms != frame.at_ms:
            glanced = None
        now = glanced.now if glanced is not None else self._cells.of(frame.luma)
        place = self._place
        if place is None or place.memory.shape != now.shape:
            over = place.all_over() if place else ()
            self._place = _Place(frame.at_ms, now, self._sensitivity, self._next_number)
            return Look(0, over=over)
        look = place.look(frame.at_ms, now, glanced.measured if glanced is not None else None)
        self._next_number = place.next_number
        return look

    def glance(self, frame: Frame) -> bool:
        """Return whether the frame differs from the background. Changes no state of the scene."""
        now, place = self._cells.of(frame.luma), self._place
        measured = place.measured(frame.at_ms, now) if place is not None and place.memory.shape == now.shape else None
        self._glanced = _Glanced(frame.at_ms, now, measured)
        return place is None or measured is None or place.shows(measured)

    @property
    def is_following(self) -> bool:
        return self._place is None or self._place.is_following


class _Glanced(NamedTuple):
    """Cells and measurements of a checked frame, reused if the frame is processed next."""

    at_ms: int
    now: Grey
    measured: MeasuredFrame | None
    """None while the background is unknown."""


class _Place:
    """State since the first frame of this size."""

    def __init__(self, at_ms: int, now: Grey, sensitivity: Sensitivity, next_number: int) -> None:
        self._time = DetectorClock(at_ms)
        self._sensitivity = sensitivity
        self.memory = BackgroundModel(0.0, now, sensitivity)
        self._ground = GroundGrid(self.memory.shape)
        self._tracks: list[MotionTrack] = []
        self.next_number = next_number
        self._front: Mask = now > np.inf
        """Cells that differed in the last frame."""

    def look(self, at_ms: int, now: Grey, measured: MeasuredFrame | None = None) -> Look:
        """Process a frame. measured: measurements of the same frame, if the keyframe check was the last call."""
        over = self.all_over() if self._time.breaks(at_ms) else ()
        tick = self._time.tick(at_ms)
        if self.memory.comes_back(tick.t, now):
            self._tracks = [track for track in self._tracks if track.is_event]
            measured = None
        if tick.dt <= SLEEPS_S or measured is None:
            measured = self.memory.measure(now, ALONE_DT if tick.dt > SLEEPS_S else tick.dt)
        seen = self.memory.compare(measured, tick.t)
        self._front = seen.front
        if tick.forget or self.memory.is_jump(seen):
            self._jump(tick, now)
            return self._told(over)
        over += self._follow(tick, seen)
        self.memory.learn(tick.t, tick.dt, seen)
        self._ground.pass_time(tick.dt)
        return self._told(over)

    def measured(self, at_ms: int, now: Grey) -> MeasuredFrame | None:
        """Measure a frame on its own; None in the learning phase. Changes no state."""
        if self._time.breaks(at_ms) or self.memory.is_young(self._time.after(at_ms)):
            return None
        return self.memory.measure(now, ALONE_DT)

    def shows(self, measured: MeasuredFrame) -> bool:
        """Return whether the frame differs from the background; also True after a lighting jump."""
        seen = measured.difference(GLANCE)
        least = self._sensitivity.least_cells(seen.now.size)
        return self.memory.is_jump(seen) or bool(blobs(seen.front, seen.front, seen.strong, least))

    @property
    def is_following(self) -> bool:
        return bool(self._tracks)

    def all_over(self) -> tuple[Observation, ...]:
        """Drop all tracks. Return the events that this ends."""
        tracks, self._tracks = self._tracks, []
        for track in tracks:
            track.end_t = track.seen_t
        return tuple(self._observation(track, over=True) for track in tracks if track.is_event)

    def _jump(self, tick: Tick, now: Grey) -> None:
        """Handle a lighting jump: drop candidates, keep events."""
        self.memory.take(tick.t, now)
        self._tracks = [track for track in self._tracks if track.is_event]
        for track in self._tracks:
            track.seen_t = tick.t

    def _follow(self, tick: Tick, seen: FrameDifference) -> tuple[Observation, ...]:
        """Update all tracks and start new ones. Return the events that ended."""
        least = self._sensitivity.least_cells(seen.now.size)
        found = self._found(tick, seen, least)
        self.memory.pass_look(seen, tick.dt)
        whole = sum(blob.area for blob in found) or 1.0
        scene = MotionScene(self._sensitivity, self.memory, self._ground, seen, self.memory.is_young(tick.t), whole)
        pairs, new = assign(tick.t, self._tracks, found, least)
        for track, blob in pairs:
            self._step(track, blob, tick, scene)
        if tick.t >= self.memory.calm_t:
            self._tracks += [self._begun(blob, tick) for blob in new]
        for track in self._tracks:
            update_tracks(track, tick.t, scene)
        over = [self._observation(track, over=True) for track in self._tracks if track.state is TrackState.ENDED]
        self._tracks = [track for track in self._tracks if not track.is_over]
        self.memory.cover_with(
            seen.front,
            candidates=[track.box for track in self._tracks if not track.is_event],
            events=[track.box for track in self._tracks if track.is_event],
        )
        return tuple(over)

    def _found(self, tick: Tick, seen: FrameDifference, least: int) -> list[Blob]:
        if count(seen.front) < HINT * least:
            return []
        hints = self.is_following and tick.dt <= SLEEPS_S
        return blobs(seen.front, self.memory.moving(seen), seen.strong, least, hints=hints)

    def _begun(self, blob: Blob, tick: Tick) -> MotionTrack:
        track = MotionTrack.begun(self.next_number, tick.t, blob)
        self.next_number += 1
        if tick.dt > SLEEPS_S:
            track.stay(self._ground.places(blob.box), SLEEPS_S)
        return track

    def _step(self, track: MotionTrack, blob: Blob, tick: Tick, scene: MotionScene) -> None:
        asleep = tick.dt > SLEEPS_S
        if track.is_event and tick.t - track.anchor.t > COVER_AFTER_S and self._covers(blob):
            track.covered_t = tick.t
        track.step(tick.t, tick.dt, blob, moves=not asleep and blob.moving > RESTS)
        if asleep and track.is_event:
            track.state = TrackState.HELD
        elif asleep:
            track.begin_again(tick.t)
        places = self._ground.places(blob.box)
        rest_s = self._ground.rest_s(places)
        track.stay(places, tick.dt)
        track.worth = self._ground.worth(places)
        if track.is_event:
            track.far = max(track.far, track.displacement_from_birth)
        else:
            track.trust_s += (rest_s - track.trust_s) * (1.0 if rest_s > track.trust_s else DISTRUST)
            if not asleep:
                gather(track, blob, places, tick.t, tick.dt, scene)

    def _covers(self, blob: Blob) -> bool:
        """Return whether enough of the blob differed for most of the recent seconds."""
        return count(self.memory.cover[blob.box.part] > COVERED) >= CORE * blob.area

    # --- results ------------------------------------------------------------------------------------------------------

    def _told(self, over: tuple[Observation, ...]) -> Look:
        score = max((self._score(track) for track in self._tracks), default=0.0)
        seen = tuple(self._observation(track) for track in self._tracks if track.is_event)
        near = tuple(self._observation(track) for track in self._tracks if not track.is_event and track.evidence > 0)
        if not seen and not near:
            return Look(int(score), seen, over, near)
        return Look(int(score), seen, over, near, self._grid(), mask=self._front)

    def _grid(self) -> int:
        """Return the motion grid of the tracked objects."""
        return moving_grid(self._front, [track.box.part for track in self._tracks if track.evidence > 0])

    def _score(self, track: MotionTrack) -> float:
        """Return the score: LINE separates candidates from events at the camera's sensitivity."""
        if track.is_event:
            return 100 - (100 - LINE) * math.exp(-track.area / (LARGE * self.memory.back.size))
        return min(LINE - 1.0, LINE * track.evidence / need(self._sensitivity, self._ground, track.area))

    def _observation(self, track: MotionTrack, *, over: bool = False) -> Observation:
        height, width = self.memory.shape
        x0, y0, x1, y1 = track.box
        return Observation(
            label="motion",
            score=self._score(track) / 100,
            box=(max(0, x0) / width, max(0, y0) / height, min(width, x1) / width, min(height, y1) / height),
            track=track.number,
            since_ms=self._time.at_ms(track.start_t),
            until_ms=self._time.at_ms(track.end_t) if over else None,
        )


def _sensitivity(settings: Mapping[str, Any]) -> int:
    for key in settings:
        if key != "sensitivity":
            raise ValueError(f"{key}: not a setting of motion; allowed: sensitivity")
    number = settings.get("sensitivity", DEFAULT)
    if isinstance(number, bool) or not isinstance(number, int) or not LEAST <= number <= MOST:
        raise ValueError(f"sensitivity: found {value_text(number)}; allowed: a whole number from {LEAST} to {MOST}")
    return number

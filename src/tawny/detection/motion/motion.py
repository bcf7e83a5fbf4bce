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
    DARK,
    DEFAULT,
    GLANCE,
    LEAST,
    MOST,
    BackgroundModel,
    FrameDifference,
    MeasuredFrame,
    Sensitivity,
)
from tawny.detection.motion.cells import (
    HINT,
    LEAST_SIDE,
    Blob,
    CellBox,
    Cells,
    Grey,
    Mask,
    blobs,
    border,
    count,
    distance,
    way,
)
from tawny.detection.motion.tracks import (
    CORE,
    COVERED,
    RESTS,
    TRAVELS,
    DetectorClock,
    GridRect,
    GroundGrid,
    MotionScene,
    MotionTrack,
    Tick,
    TrackState,
    assign,
    need,
)
from tawny.model.geometry import COLUMNS, ROWS
from tawny.model.observations import Frame, Look, Observation
from tawny.model.validation import value_text

# Tests on a blob's border: whether it belongs to an object, and whether the object is here or has left.

EDGE = 0.5
"""Minimum share of the change across the border of an object. A softer border is light, soft shadow or an insect out of
focus."""
GHOST = 1.3
"""Ratio of edges in the background model to edges in the frame from which the border is that of a removed object."""
LIGHT, LIGHT_PAIRS = 0.8, 16
"""Minimum correlation of cell-to-cell steps for light through which the background is visible, and minimum pairs of
cells."""
LIGHT_TEXTURE = 1.5
"""Minimum size of these steps in levels beyond noise: a plain background shows no texture."""
_MARGIN = 3


def is_soft(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
    part = box.grown(_MARGIN).part
    mask = seen.front[part]
    ring = border(mask)[1:-1, 1:-1]
    if not mask.any() or not ring.any():
        return False
    gain = memory.gain
    away = seen.now[part] - memory.back[part] * np.float32(gain) - np.float32(DARK * gain - DARK)
    slope = np.abs(away[2:, 1:-1] - away[:-2, 1:-1]) + np.abs(away[1:-1, 2:] - away[1:-1, :-2])
    return float((slope[ring].mean() - 2 * memory.shake) / np.abs(away[mask]).mean()) < EDGE


def is_light(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
    """Return whether the background's texture is still visible, only brighter or darker: a beam, a shadow, a glow."""
    part = box.part
    mask = seen.front[part]
    now, lit = seen.now[part], memory.back[part]
    both = mask[:, 1:] & mask[:, :-1], mask[1:] & mask[:-1]
    here = np.concatenate([(now[:, 1:] - now[:, :-1])[both[0]], (now[1:] - now[:-1])[both[1]]])
    there = np.concatenate([(lit[:, 1:] - lit[:, :-1])[both[0]], (lit[1:] - lit[:-1])[both[1]]])
    if here.size < LIGHT_PAIRS:
        return False
    known = float(there @ there)
    if known < here.size * (LIGHT_TEXTURE + 2 * memory.noise) ** 2:
        return False
    alike = float(here @ there) / (known * float(here @ here)) ** 0.5 if here.any() else 0.0
    return alike > LIGHT


def is_ghost(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
    part = box.grown(_MARGIN).part
    mask = seen.front[part]
    if not mask.any():
        return True
    ring = border(mask)[1:, 1:]
    if not ring.any():
        return False
    return float(_edge(memory.back[part])[ring].mean()) > GHOST * float(_edge(seen.now[part])[ring].mean())


def _edge(picture: Grey) -> Grey:
    return distance(picture[1:, 1:], picture[:-1, 1:]) + distance(picture[1:, 1:], picture[1:, :-1])


# Evidence for a candidate: displacement, growth, and internal motion while it stays.

TRUST_S = 10.0
"""Rest time, s, after which a place is fully trusted."""
STEP = 0.35
"""Maximum displacement credited per frame, in object sizes: an event needs four frames, and a merging blob counts
little."""
BENDS = 1.3
"""A path counts fully up to this ratio of its length to its displacement."""
LEAST_WORTH, LEAST_TRUST = 0.3, 0.5
"""Minimum factors of displacement by worth and trust of the place."""
FAR, FAR_WORTH = 2.0, 0.5
"""Displacement, in object sizes, from which a path has at least this worth."""
LINGER_S = 3.0
"""Time, s, that an object with internal motion and LINGER_SHARE of the frame must stay; larger objects less."""
LINGER_SHARE, LINGER_LEAST, LINGER_MOST, LINGER_YOUNG = 0.01, 0.4, 2.0, 1.0
CLEAR = 1.6
"""Mean difference, as a multiple of the limits, from which evidence counts fully. Noise and an encoder's refresh of the
picture are hardly above their limits, and grow, stir and seem to go somewhere for a second."""
BEGINS = 0.1
"""Evidence up to which an event has not started."""


def gather(track: MotionTrack, blob: Blob, places: GridRect, t: float, dt: float, scene: MotionScene) -> None:
    """Add the evidence of this frame to a candidate that was assigned a blob."""
    worth = scene.ground.worth(places)
    share = blob.area / scene.whole
    track.alone += share
    track.looks += 1
    alone = share**2 if scene.is_young else 0.0
    evidence = _by_path(track, worth, alone) + _by_growth(track, blob, worth)
    if blob.moving > RESTS:
        trust = min(1.0, track.trust_s / TRUST_S + alone)
        most = LINGER_YOUNG if alone else LINGER_MOST
        size = min(most, LINGER_LEAST + blob.area / (LINGER_SHARE * scene.seen.now.size))
        evidence += worth * trust * size * dt / LINGER_S
    track.evidence += evidence * min(1.0, (track.excess - 1) / (CLEAR - 1))
    if track.evidence < BEGINS:
        track.start_t = t


def _by_path(track: MotionTrack, worth: float, alone: float) -> float:
    """Return the evidence of a new maximum distance from the start.

    alone: share credited to a sole object on new ground.
    """
    late = [step.box for step in track.path[-3:]]
    far = track.displacement_from_birth
    track.walked += way(late[:-1], late[-2:])
    if far <= track.far:
        return 0.0
    straight = min(1.0, BENDS * far / max(track.walked, 1e-6))
    place = max(LEAST_WORTH, worth) * max(LEAST_TRUST, alone, min(1.0, track.trust_s / TRUST_S))
    if track.far >= FAR:  # the place of origin no longer matters
        place = max(place, FAR_WORTH)
    new = min(far - track.far, STEP)
    track.far = far
    return place * straight * new / TRAVELS


def _by_growth(track: MotionTrack, blob: Blob, worth: float) -> float:
    """Return the evidence of growth: a side of the box moves, for example a person approaches."""
    farthest = max(abs(p - q) for p, q in zip(track.path[0].box, blob.box, strict=True))
    grown = farthest / max(LEAST_SIDE, math.sqrt(blob.area))
    if grown <= track.grown:
        return 0.0
    new = min(grown - track.grown, STEP)
    track.grown = grown
    return worth * min(1.0, track.trust_s / TRUST_S) * new / TRAVELS


AGE_S = 0.9
"""Minimum observed time of an event, s, without gaps: excludes insects near the lens and chance sequences."""
DARTS, DARTS_AGE_S = 3.5, 1.9
"""Speed in object sizes per second, and the minimum observed time, s, above it: insects in the camera's light."""
WALKS = 2.2
"""Maximum speed, in object sizes per second, of what needs no longer while insects fly: they are faster."""
CROOKED, STROLLS = 0.65, 1.3
"""Ratio of displacement to path length below which a path is crooked, and minimum speed in object sizes per second:
what circles so fast needs DARTS_AGE_S as well."""
LIVED = 0.6
"""Share of its whole life that counts as observed: a person half hidden or faint is lost for single frames."""
FLEW, FLEW_FAR = 3.0, 0.6
"""Minimum speed and displacement, in object sizes, of a fly-by over calm ground that ends before DARTS_AGE_S. A lower
speed or other ground would include leaves. While fly-bys occur, what is faster than WALKS needs DARTS_AGE_S."""
STIRS_S = 0.45
"""Maximum time since its last internal motion when a candidate becomes an event, s."""
LOST_S, LOST_MOST_S = 0.7, 1.2
"""Time without observation after which a candidate is dropped, s; the second limits that of older candidates."""
GAP_S = 1.6
"""Time without observation after which a moving event ends, s."""
REST_S = 1.0
"""Time without internal motion after which an event is held, s."""
HOLE_S = 1.5
"""Time in one place, s, after which a moving area may be the gap left by a removed object, such as a parked car."""
STILL_S = 60.0
"""Maximum time a motionless object is held, s; then it becomes background, like a parked car."""
TRACE = 0.25
"""Share of its recent area below which a held object is only a trace, such as a moved chair."""
FLICKER_S = 4.0
"""Time after which an event ends that neither moves nor covers its ground, s."""
PATIENCE_S, PATIENCE_TRUST, MOST_PATIENCE_S, SUDDEN_PATIENCE_S = 4.0, 2.2, 120.0, 8.0
"""How long an event may stay in one place, s: a base, a multiple of its trust weighted by the place's worth, and a
maximum. The last applies to objects that neither came from the frame edge nor moved half a size."""
CAME = 0.5


# The verdict on a track at each frame: candidate -> moving <-> held -> ended, or candidate -> gone.


def _judge_candidate(track: MotionTrack, t: float, scene: MotionScene) -> None:
    lived_s = track.seen_t - track.born_t
    if t - track.seen_t > min(LOST_MOST_S, max(LOST_S, 0.5 * lived_s)):
        note_dismissed(track, scene)
        track.state = TrackState.GONE
    elif _is_due(track, t, scene):
        where = track.box, scene.seen, scene.memory
        if is_soft(*where) or is_light(*where):
            track.state = TrackState.GONE
        else:
            _becomes_event(track, t, scene)


def _is_due(track: MotionTrack, t: float, scene: MotionScene) -> bool:
    """Return whether a candidate has enough evidence and observed time and still moves."""
    return (
        track.evidence >= need(scene.sensitivity, scene.ground, track.area)
        and _is_old_enough(track, scene.ground)
        and t - track.moved_t <= STIRS_S
    )


def _is_old_enough(track: MotionTrack, ground: GroundGrid) -> bool:
    """Return whether it was observed for longer than an insect that flies like it."""
    like_insect = ground.flies if track.walked > WALKS * track.in_sight_s else 0.0
    is_crooked = track.far < CROOKED * track.walked and track.walked > STROLLS * track.in_sight_s
    if is_crooked or track.walked > DARTS * track.in_sight_s:
        like_insect = 1.0
    if like_insect:
        return track.in_sight_s >= AGE_S + (DARTS_AGE_S - AGE_S) * like_insect
    return max(track.in_sight_s, LIVED * (track.seen_t - track.born_t)) >= AGE_S


def _becomes_event(track: MotionTrack, t: float, scene: MotionScene) -> None:
    scene.memory.restore(track.born_t, track.boxes)
    scene.ground.was_real(track.stays)
    if scene.is_young:
        track.trust_s = max(track.trust_s, TRUST_S * (track.alone / max(1, track.looks)) ** 2)
    track.set_anchor(t)
    track.state = TrackState.MOVING


def _judge_event(track: MotionTrack, t: float, scene: MotionScene) -> None:
    """Apply the first condition that ends the event or changes its state."""
    stays_s = t - track.anchor.t
    if t - track.seen_t > GAP_S:
        track.end(track.seen_t)
        if _flew_by(track):
            scene.ground.flew_by()
    elif _flickers(track) or stays_s > _patience_s(track, scene):
        _end_vain(track, scene)
    elif stays_s > HOLE_S and _is_nothing(track, scene):
        _end_learnt(track, scene)
    elif track.state is TrackState.MOVING:
        if t - track.moved_t > REST_S:
            _rests(track, scene)
    elif track.area < TRACE * track.peak or t - track.moved_t > STILL_S:
        _end_learnt(track, scene)
    elif track.moved_t == t:
        track.state = TrackState.MOVING


def _flickers(track: MotionTrack) -> bool:
    """Return whether it neither moves nor covers its ground.

    Evaluated at the last observation: a lost track ends by that.
    """
    stood_s = track.seen_t - max(track.anchor.t, track.covered_t)
    return stood_s > FLICKER_S and not track.is_travelling(track.seen_t)


def _rests(track: MotionTrack, scene: MotionScene) -> None:
    """Hold an object that stopped, or end it if only the gap it left remains."""
    if _is_nothing(track, scene):
        _end_learnt(track, scene)
    else:
        track.state = TrackState.HELD


def _is_nothing(track: MotionTrack, scene: MotionScene) -> bool:
    """Return whether only the gap of a removed object or lasting light remains."""
    where = track.box, scene.seen, scene.memory
    return is_light(*where) or (track.state is TrackState.MOVING and is_ghost(*where))


def _end_learnt(track: MotionTrack, scene: MotionScene) -> None:
    """End the event at its last motion and make the area background."""
    scene.memory.absorb(track.box, scene.seen.now)
    track.end(track.moved_t)


def _end_vain(track: MotionTrack, scene: MotionScene) -> None:
    """End an event that was false: sustained by leaves or snow, or longer than its place allows."""
    end_t = max(track.anchor.t, min(track.covered_t, track.moved_t))
    if track.trust_s < TRUST_S / 2:  # little evidence
        end_t = track.anchor.t + 1.0
    note_dismissed(track, scene)
    scene.memory.absorb(track.box, scene.seen.now)
    track.end(end_t)


def _patience_s(track: MotionTrack, scene: MotionScene) -> float:
    height, width = scene.memory.shape
    from_edge = any(
        b.x0 <= 1 or b.y0 <= 1 or b.x1 >= width - 1 or b.y1 >= height - 1 for b in track.boxes[:3]
    )  # fmt: skip
    if from_edge or track.far >= CAME:
        worth = scene.ground.worth(scene.ground.places(track.box))
        return min(MOST_PATIENCE_S, PATIENCE_S + PATIENCE_TRUST * track.trust_s * worth)
    return SUDDEN_PATIENCE_S


def _flew_by(track: MotionTrack) -> bool:
    is_fast = track.walked > FLEW * track.in_sight_s and track.far > FLEW_FAR
    return is_fast and track.is_on_calm_ground and track.seen_t - track.born_t < DARTS_AGE_S


def note_dismissed(track: MotionTrack, scene: MotionScene) -> None:
    scene.memory.blame(track.boxes)
    scene.ground.note_dismissed(track.area, track.in_sight_s, track.stays)
    if _flew_by(track):
        scene.ground.flew_by()


# Foreground cells as the motion grid that is stored (`model.geometry`).

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
    """The default detector. The package has the text for users: a compiled class keeps no docstring."""

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
            return self._look_over(over)
        over += self._follow(tick, seen)
        self.memory.learn(tick.t, tick.dt, seen)
        self._ground.pass_time(tick.dt)
        self.memory.dismissal_rate = self._ground.dismissal_rate
        return self._look_over(over)

    def measured(self, at_ms: int, now: Grey) -> MeasuredFrame | None:
        """Measure a frame on its own; None in the learning phase. Changes no state."""
        if self._time.breaks(at_ms) or self.memory.is_young(self._time.after(at_ms)):
            return None
        return self.memory.measure(now, ALONE_DT)

    def shows(self, measured: MeasuredFrame) -> bool:
        """Return whether the frame differs from the background; also True after a lighting jump."""
        seen = measured.difference(GLANCE)
        least = self._sensitivity.least_cells(seen.now.size)
        return self.memory.is_jump(seen) or bool(blobs(seen.front, seen.front, seen.excess, least))

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
            (_judge_event if track.is_event else _judge_candidate)(track, tick.t, scene)
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
        return blobs(seen.front, self.memory.moving(seen), seen.excess, least, hints=hints)

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

    def _look_over(self, over: tuple[Observation, ...]) -> Look:
        score = max((self._score(track) for track in self._tracks), default=0.0)
        seen = tuple(self._observation(track) for track in self._tracks if track.is_event)
        near = tuple(self._observation(track) for track in self._tracks if not track.is_event and track.evidence > 0)
        if not seen and not near:
            return Look(int(score), seen, over, near)
        grid = moving_grid(self._front, [track.box.part for track in self._tracks if track.evidence > 0])
        return Look(int(score), seen, over, near, grid, mask=self._front)

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

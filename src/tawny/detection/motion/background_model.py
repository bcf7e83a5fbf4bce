"""Background model: brightness and variation of each cell; finds the cells that differ from it.

Every cell has a remembered brightness and a spread. The model learns both at full speed on free ground, slower under a
candidate and not under an event, so it does not learn a person who stands still. A change of all cells at once is a
lighting change.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.cells import (
    CellBox,
    Grey,
    Mask,
    Places,
    around,
    as_bytes,
    at_most,
    beyond,
    count,
    follow,
    median,
    middle,
    mixed,
    towards,
    widened,
    with_places,
)

# The sensitivity setting and the thresholds it gives.

DEFAULT, LEAST, MOST = 50, 1, 100
CONTRAST = 4.0
"""Minimum difference of a cell to the background in levels of 255, regardless of noise."""
SPREADS = 4.0
"""Minimum difference in spreads of the cell. A critical value: at 3 branches cause events, at 5 distant people at night
are lost. It rises with lower sensitivity and does not fall with higher."""
SMALLEST = 0.0003
"""Minimum size of a blob as a share of the frame."""
DOUBLES = 50.0
"""Steps of sensitivity that halve or double the thresholds."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Thresholds for one value of the setting."""

    contrast: float
    spreads: float
    smallest: float
    need: float
    """Evidence that makes a candidate an event."""

    @classmethod
    def of(cls, number: int) -> "Sensitivity":
        """Return the thresholds. number: 1 (twice the default thresholds) to 100 (half); 50 is the default."""
        asks = 2.0 ** ((DEFAULT - number) / DOUBLES)
        return cls(CONTRAST * asks, SPREADS * max(1.0, asks), SMALLEST * asks, asks)

    def least_cells(self, picture: int) -> int:
        """Return the minimum blob size in cells for a frame of this number of cells."""
        return max(3, round(self.smallest * picture))


# Difference of a frame to the background model: which cells differ, and whether by a significant amount.

GLANCE = 0.8
"""Share of its limit by which a cell differs in a keyframe check: one frame has to suffice there."""


class DifferenceFloor(NamedTuple):
    """Lower limits for all cells of one frame. Most cells differ by less and need no limit of their own."""

    least: float
    faint_least: float
    noisier: float
    """Factor by which a mean of few frames is noisier than one of many."""


class FrameDifference(NamedTuple):
    """Difference of one frame to the background model."""

    now: Grey
    away: Grey
    faint: Grey
    """Signed difference, averaged over recent frames and the neighborhood."""
    bar: DifferenceFloor
    front: Mask
    """Cells that differ significantly, now or in the recent mean."""
    excess: Grey
    """Difference of each cell that differs, as a multiple of its limit."""
    share: float
    """Share of differing cells in the frame."""
    noise: float
    """Median difference."""


class CandidateCells(NamedTuple):
    """Cells that may differ, at least in a keyframe check: indices, differences and limits."""

    at: Places
    away: Grey
    limit: Grey


class MeasuredFrame(NamedTuple):
    """Measurements of one frame against the background model; input of the keyframe check and of full detection."""

    now: Grey
    away: Grey
    far: CandidateCells
    faint: Grey
    faint_far: CandidateCells
    bar: DifferenceFloor
    gain: float
    noise: float
    shake: float
    left: float

    def difference(self, limits: float = 1.0, *, with_faint: bool = True) -> FrameDifference:
        """Return the differing cells.

        limits: multiple of their limits, at least GLANCE. with_faint: include the recent mean.
        """
        excess = np.zeros_like(self.now)
        for far in (self.far, self.faint_far) if with_faint else (self.far,):
            flat = excess.ravel()
            flat[far.at] = np.maximum(flat[far.at], far.away / (np.float32(limits) * far.limit))
        front = excess > 1
        share = count(front) / front.size
        return FrameDifference(self.now, self.away, self.faint, self.bar, front, excess, share, self.noise)


# Lighting changes that affect bright and dark parts differently: exposure, contrast, gamma.

BENT = 3.0
"""Median difference in levels, after a uniform gain, from which a brightness curve is fitted."""
_BINS = 8
_LEAST = 0.02
"""Minimum share of the frame in a range of brightness for a reliable median."""
_CHANGED = 0.35
"""Minimum share of the frame whose ranges changed as a whole; a smaller share may be an object."""


def bends(now: Grey, lit: Grey, back: Grey) -> npt.NDArray[np.float32] | None:
    """Return the levels to add to each of the 256 background levels, or None if a uniform gain suffices.

    now: cells of the frame. lit: background of these cells at that gain. back: background itself.
    """
    away = now - lit
    if middle(np.abs(away)) < BENT:
        return None
    bins = np.clip(back.ravel() / (256 / _BINS), 0, _BINS - 1).astype(np.intp)
    flat = away.ravel()
    levels, bent, changed = [], [], 0
    for n in range(_BINS):
        inside = flat[bins == n]
        if inside.size >= _LEAST * flat.size:
            levels.append((n + 0.5) * 256 / _BINS)
            bent.append(median(inside))
            changed += inside.size * (abs(bent[-1]) > BENT)
    if changed < _CHANGED * flat.size:
        return None
    return np.interp(np.arange(256), levels, bent).astype(np.float32)


DARK = 8.0
"""Levels added to both sides before brightness ratios, so that black cells have no influence."""
GAIN_RANGE = 0.4, 2.5
"""Range of the brightness ratio between two frames; beyond it the scene is another."""
NOISES = 5.0
"""A cell must differ by this multiple of the frame's median difference; a noisy keyframe thus raises its own
threshold."""
NOISE_SPREAD = 2.4
"""Spread of a cell with noise only, in median differences: the spread rises faster than it falls."""
NOISY, NOISY_DISMISSED = 0.5, 0.7
"""Share of the spread limit that suffices for such a cell; the second while candidates are often dismissed: noise, rain
or insects would be most of what differs."""
NOISE_S = 10.0
"""Time constant of the recent noise, s."""
MOVING = 0.75
"""A cell moves internally if it changed by this share of its limit since the frame before the previous one..."""
SHAKES = 5.0
"""...and by this multiple of the median change between two frames."""
JUMP = 0.35
"""Share of the frame that starts to differ within one frame: a lighting change, not objects."""
STRANGE = 9.0
"""Median difference in levels from which the scene is another."""
CALM_S = 0.8
"""No track starts for this time after a jump, s."""
RETURN_S = 10.0
"""A jump is undone if the light returns within this time, s: a beam, a flash, a brief exposure error."""
RETURNS, RETURNS_NOISE = 0.05, 4.5
"""Maximum share of differing cells for a return, as an object may have appeared meanwhile; and maximum median
difference, in levels: the restored model must not be STRANGE at once."""
SWEPT, SWEPT_S = 0.15, 4.0
"""A difference that covers the first (share of the frame) and ends within the second (s) is passing light. It does not
count for the cells' spread. A person covers as much only right in front of the camera; gusts last longer."""
YOUNG_S = 10.0
"""Learning phase after the start or a jump, s."""
BACK_S = 15.0
"""Time constant of the remembered brightness, s; less at the start."""
SPREAD_UP_S, SPREAD_DOWN_S = 6.0, 90.0
"""Time constants of a rising and a falling spread, s."""
SEEN_S = 0.5
"""Maximum time credited to one frame for the spread, s: the rest of a longer interval was not observed."""
ALONE_DT = 2.0
"""Interval assumed for a frame that is evaluated on its own, s."""
LATELY_S = 3.0
"""Time constant of the recent spread, s; cells get it where a candidate was dismissed."""
UNDER_CANDIDATE = 0.5
"""Learning speed of a cell under a candidate after the learning phase."""
MOST_SPREAD = 30.0
"""Limit in levels: larger differences add no more to the spread."""
COVER_S = 2.0
"""Averaging time for the share of time in which a cell differed, s."""
COPY_S, COPIES = 2.0, 4
"""Interval of saved copies of the model, s, and their number. A slow object stays a candidate for seconds."""
_SOME = slice(1, None, 4)
"""Every fourth cell in both directions is enough for a median."""

FAINT_S = 0.45
"""Time constant of the faint difference, s: averaging reveals differences below the noise of one frame."""
_CALM = (1 - np.exp(-0.2 / FAINT_S)) / (1 + np.exp(-0.2 / FAINT_S))
"""Share of the noise variance that remains in it at five frames a second."""
FAINTEST = 0.4
"""Its limit is at least this share of the single-frame limit: swaying leaves have a calm mean but are not calm."""


class _Copy(NamedTuple):
    t: float
    back: Grey
    spread2: Grey


class _Known(NamedTuple):
    """State of the model at a lighting jump."""

    t: float
    back: Grey
    spread2: Grey
    faint_spread2: Grey
    noise: float
    faint_noise: float
    known: float
    fresh_t: float


class BackgroundModel:
    """Background model for frames of one size, created from the first. t: monotonic detector time, s."""

    def __init__(self, t: float, now: Grey, sensitivity: Sensitivity) -> None:
        self._sensitivity = sensitivity
        self.began_t = self.fresh_t = self.calm_t = t
        self.back = now.copy()
        self.spread2 = np.full_like(now, 1.0)
        """Mean squared difference of each cell."""
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._faint_spread2 = np.full_like(now, 0.5)
        self.noise = self._faint_noise = 0.3
        self._known = 0.0
        """0..1: how well the noise level is known."""
        self._left = 1.0
        """Share of the noise variance left in the faint difference: falls with each frame, 1 after a pause."""
        self._lately = np.full_like(now, 1.0)
        self._before = (now, now)
        self.cover = np.zeros_like(now)
        """Share of the recent seconds in which each cell differed."""
        self._candidates: Mask = np.zeros(now.shape, np.bool_)
        self._events: Mask = np.zeros(now.shape, np.bool_)
        self._is_covered = False
        """Whether any cell is under a candidate or an event."""
        self._copies: deque[_Copy] = deque(maxlen=COPIES)
        self._before_jump: _Known | None = None
        self._share = 0.0
        self._unswept_t = t
        """Time at which less than SWEPT of the frame last differed."""
        self.dismissal_rate = 0.0
        """0..1: how often candidates are dismissed."""
        self.gain = 1.0
        self.shake = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        return self.back.shape[0], self.back.shape[1]

    def is_young(self, t: float) -> bool:
        return t - self.fresh_t < YOUNG_S

    def measure(self, now: Grey, dt: float) -> MeasuredFrame:
        """Compare a frame with the model, adjusted for light and noise. Changes no state.

        dt: time since the previous frame, s; ALONE_DT to ignore earlier frames.
        """
        some, back = now[_SOME, _SOME], self.back[_SOME, _SOME]
        gain = _gain(some, back)
        lit = _in_light(self.back, gain)
        bent = bends(some, lit[_SOME, _SOME], back)
        if bent is not None:
            lit += bent[self.back.astype(np.uint8)]
        change = now - lit
        away = np.abs(change)
        shake = max(0.3, middle(np.abs(some - self._before[1][_SOME, _SOME])))
        new = float(1 - np.exp(-dt / FAINT_S))
        left = (1 - new) ** 2 * self._left + new**2
        least = self._least(away)
        at = beyond(away, GLANCE * least)
        far = CandidateCells(at, away.ravel()[at], self._limits(at, least))
        # large differences show in one frame: clip them so that they leave no trail; smaller ones need no clipping
        change.ravel()[at] = np.clip(change.ravel()[at], -far.limit, far.limit)
        faint = mixed(self._faint, around(change), new)
        of_late = np.abs(faint)
        faint_least = max(self._least(of_late), FAINTEST * least)
        bar = DifferenceFloor(least, faint_least, float(max(1.0, left / _CALM) ** 0.5))
        at = beyond(of_late, GLANCE * bar.faint_least)
        faint_far = CandidateCells(at, of_late.ravel()[at], self._faint_limits(at, bar))
        return MeasuredFrame(now, away, far, faint, faint_far, bar, gain, middle(away[_SOME, _SOME]), shake, left)

    def compare(self, measured: MeasuredFrame, t: float) -> FrameDifference:
        """Return the cells that differ. Updates light and noise; does not learn."""
        self.gain, self.shake, self._left = measured.gain, measured.shake, measured.left
        self._faint = measured.faint
        return measured.difference(with_faint=not self.is_young(t))

    def _least(self, away: Grey) -> float:
        """Return the minimum limit of all cells, from the setting and the noise of this frame."""
        return max(self._sensitivity.contrast, NOISES * middle(away[_SOME, _SOME][_SOME, _SOME]))

    def _limits(self, at: Places, least: float) -> Grey:
        """Return the difference limits of these cells."""
        own = self._strays(self.spread2.ravel()[at], self.noise)
        return np.asarray(np.maximum(own, np.float32(least)), np.float32)

    def _faint_limits(self, at: Places, bar: DifferenceFloor) -> Grey:
        """Return the limits of these cells for the faint difference."""
        own = self._strays(self._faint_spread2.ravel()[at], self._faint_noise) * np.float32(bar.noisier)
        own = np.maximum(own, np.float32(bar.faint_least))
        return np.asarray(np.maximum(own, np.float32(FAINTEST) * self._limits(at, bar.least)), np.float32)

    def _strays(self, spread2: Grey, noise: float) -> Grey:
        """Return the normal variation of cells. noise: recent median difference.

        Variation beyond what this noise explains is the cell's own.
        """
        spreads, known = self._sensitivity.spreads, self._known
        restless = (spread2 - np.float32(known * (NOISE_SPREAD * noise) ** 2)) * np.float32(spreads**2)
        noisy = NOISY + (NOISY_DISMISSED - NOISY) * self.dismissal_rate
        least = np.float32(((1 - (1 - noisy) * known) * spreads) ** 2)
        return np.asarray(np.sqrt(np.maximum(restless, spread2 * least)), np.float32)

    def is_jump(self, seen: FrameDifference) -> bool:
        """Return whether everything changed at once; call `take` then instead of searching for objects."""
        if seen.share - self._share > JUMP:
            return True
        return seen.noise > STRANGE

    def take(self, t: float, now: Grey) -> None:
        """Adopt the frame as background except under events, and restart the learning phase."""
        if not self.is_young(t):
            self._before_jump = _Known(
                t, self.back, self.spread2.copy(), self._faint_spread2.copy(),
                self.noise, self._faint_noise, self._known, self.fresh_t,
            )  # fmt: skip
        free = ~self._events
        self.back = _in_light(self.back, self.gain)
        self.back[free] = now[free]
        self._copies.clear()
        self._begin_late(now)
        self.noise = self._faint_noise = 0.3
        self._known = self._share = 0.0
        self.calm_t, self.fresh_t = t + CALM_S, t

    def comes_back(self, t: float, now: Grey) -> bool:
        """Return whether the light is as before the jump. If so, the model from before the jump is restored."""
        old = self._before_jump
        if old is None or t - old.t > RETURN_S:
            self._before_jump = None
            return False
        some, back = now[_SOME, _SOME], old.back[_SOME, _SOME]
        away = np.abs(some - _in_light(back, _gain(some, back)))
        own = np.float32(self._sensitivity.spreads) * np.sqrt(old.spread2[_SOME, _SOME])
        if count(away > np.maximum(own, np.float32(self._sensitivity.contrast))) > RETURNS * away.size:
            return False
        if middle(away) > RETURNS_NOISE:
            return False
        self._before_jump = None
        _, self.back, self.spread2, self._faint_spread2, self.noise, self._faint_noise, self._known, self.fresh_t = old
        self.calm_t = t
        self._begin_late(now)
        return True

    def _begin_late(self, now: Grey) -> None:
        """Reset the recent history, which was recorded in other light."""
        self._before = (now, now)
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._left = 1.0

    def moving(self, seen: FrameDifference) -> Mask:
        """Return the differing cells that changed since the frame before the previous one. Call before `pass_look`."""
        at = np.flatnonzero(seen.front)
        changed = np.abs(seen.now.ravel()[at] - self._before[0].ravel()[at])
        own = np.float32(MOVING) * self._limits(at, seen.bar.least)
        moves = changed > np.maximum(own, np.float32(self.shake * SHAKES))
        changed = np.abs(seen.faint.ravel()[at] - self._faint_before[0].ravel()[at])
        moves |= changed > np.float32(MOVING) * self._faint_limits(at, seen.bar)
        return with_places(seen.now.shape, [at[moves]])

    def pass_look(self, seen: FrameDifference, dt: float) -> None:
        """Register this frame for the next ones."""
        self._share = seen.share
        follow(self.cover, as_bytes(seen.front), float(1 - np.exp(-dt / COVER_S)))
        self._before = (self._before[1], seen.now)
        self._faint_before = (self._faint_before[1], seen.faint)

    # --- learning -----------------------------------------------------------------------------------------------------

    def cover_with(self, front: Mask, candidates: Sequence[CellBox], events: Sequence[CellBox]) -> None:
        """Set the areas that learn slowly or not at all: the differing cells under these boxes."""
        if self._is_covered:
            self._candidates[:] = False
            self._events[:] = False
        self._is_covered = bool(candidates or events)
        if not self._is_covered:
            return
        thick = widened(front)
        for owned, boxes in ((self._candidates, candidates), (self._events, events)):
            for box in boxes:
                part = box.grown(1).part
                owned[part] |= thick[part]

    def learn(self, t: float, dt: float, seen: FrameDifference) -> None:
        if not self._copies or t - self._copies[-1].t >= COPY_S:
            self._copies.append(_Copy(t, self.back.copy(), self.spread2.copy()))
        speed = self._speed(t)
        back_s = min(BACK_S, max(1.0, t - self.began_t))
        follow(self.back, seen.now, min(0.5, dt / back_s), speed)
        strayed = at_most(seen.away * seen.away, MOST_SPREAD**2)
        follow(self._lately, strayed, min(0.5, dt / LATELY_S))
        pace = 0.0 if self._is_swept(t, seen) else min(dt, SEEN_S)
        self._known = min(1.0, max(0.0, (t - self.fresh_t - YOUNG_S) / NOISE_S))
        new = min(0.5, dt / min(NOISE_S, max(1.0, t - self.fresh_t)))
        self.noise += (seen.noise - self.noise) * new
        self._faint_noise += (middle(np.abs(seen.faint[_SOME, _SOME])) - self._faint_noise) * new
        up, down = pace / SPREAD_UP_S, min(0.5, pace / min(SPREAD_DOWN_S, max(2.0, t - self.fresh_t)))
        self.spread2 += towards(strayed - self.spread2, up, down, speed)
        if self.is_young(t):  # all cells together show the noise sooner than each alone
            np.maximum(self.spread2, np.float32((NOISE_SPREAD * self.noise) ** 2), out=self.spread2)
        if dt <= SEEN_S:  # one frame in two seconds says nothing about recent variation
            self._faint_spread2 += towards(seen.faint * seen.faint - self._faint_spread2, up, down, speed)

    def _is_swept(self, t: float, seen: FrameDifference) -> bool:
        """Return whether passing light covers the frame. Always False in the learning phase."""
        if seen.share < SWEPT or self.is_young(t):
            self._unswept_t = t
        return 0 < t - self._unswept_t <= SWEPT_S

    def _speed(self, t: float) -> Grey | None:
        """Return the learning speed of each cell as a share, or None if all learn at full speed."""
        if not self._is_covered:
            return None
        speed = np.ones_like(self.back)
        if not self.is_young(t):
            speed[self._candidates] = UNDER_CANDIDATE
        speed[self._events] = 0.0
        return speed

    def blame(self, boxes: Iterable[CellBox]) -> None:
        """A candidate here was dismissed: raise the spread of these cells."""
        for box in boxes:
            part = box.part
            free = ~(self._candidates[part] | self._events[part])
            late = np.maximum(self._lately[part] - self.spread2[part], 0) * free
            self.spread2[part] += late * np.float32(min(0.5, 0.2 / SPREAD_UP_S))

    def restore(self, since_t: float, boxes: Iterable[CellBox]) -> None:
        """A candidate became an event: restore the cells under it to their state before it appeared."""
        old = [c for c in self._copies if c.t < since_t and c.t - self.fresh_t > YOUNG_S / 2]
        if not old:
            return
        for box in boxes:
            part = box.part
            self.back[part] = old[-1].back[part]
            self.spread2[part] = np.minimum(self.spread2[part], old[-1].spread2[part])

    def absorb(self, box: CellBox, now: Grey) -> None:
        """Adopt the area of the frame as background."""
        part = box.grown(2).part
        self.back[part] = now[part]


def _gain(now: Grey, back: Grey) -> float:
    """Return the brightness ratio of the frame to the background. now, back: the same cells."""
    return min(max(middle((now + DARK) / (back + DARK)), GAIN_RANGE[0]), GAIN_RANGE[1])


def _in_light(back: Grey, gain: float) -> Grey:
    """Return the background at this brightness ratio."""
    return back * np.float32(gain) + np.float32(DARK * gain - DARK)

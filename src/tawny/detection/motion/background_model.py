"""What each cell of the place looks like, and how much it varies by itself; from this, which cells differ now.

Every cell has a remembered brightness and a spread. Both are learnt at full speed on free ground, slower under a
candidate and not at all under an event, so that somebody who stands still is not learnt. Light that changes everywhere
at once is told from things by exactly that.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tawny.detection.motion.arrays import (
    Grey,
    Mask,
    Places,
    around,
    as_bytes,
    at_most,
    beyond,
    count,
    follow,
    middle,
    mixed,
    towards,
    widened,
    with_places,
)
from tawny.detection.motion.boxes import CellBox
from tawny.detection.motion.difference import GLANCE, CandidateCells, DifferenceFloor, FrameDifference, MeasuredFrame
from tawny.detection.motion.light import bends
from tawny.detection.motion.sensitivity import Sensitivity

DARK = 8.0
"""Levels added to both sides before light is compared, so that black says nothing about it."""
GAIN_RANGE = 0.4, 2.5
"""Between two pictures the light changes by no more than this; beyond, it is another picture."""
NOISES = 5.0
"""A cell must differ by so many times the median difference of this very picture: a bad keyframe raises its own bar."""
NOISE_SPREAD = 2.4
"""The spread of a cell with nothing but noise, in medians of how much cells differ: it rises sooner than it falls."""
NOISY = 0.7
"""...for such a cell so much of the spreads is enough."""
NOISE_S = 10.0
"""Time constant of the noise of late."""
MOVING = 0.75
"""A cell moves in itself if it changed by this share of its limit since the look before the last..."""
SHAKES = 5.0
"""...and by so many times the median change between two looks."""
JUMP = 0.35
"""Share of the picture that begins to differ in one look: light, not things."""
STRANGE = 9.0
"""Levels by which half of the picture differs: it is another picture."""
CALM_S = 0.8
"""Nothing new begins so long after a jump."""
RETURN_S = 10.0
"""A jump is forgotten if the light comes back so soon: a beam, a flash, an exposure that was too quick..."""
RETURNS = 0.05
"""...which it has where no more than this share differs from before: somebody may be there by then."""
SWEPT, SWEPT_S = 0.15, 4.0
"""What comes over so much of the picture, and is gone so soon, is light that passes: how far cells stray in it says
nothing about them. Somebody covers as much only right before the camera; gusts last longer."""
YOUNG_S = 10.0
"""So long after the start or a jump nothing is known of any place."""
BACK_S = 15.0
"""Time constant of the remembered brightness; less at the very start."""
SPREAD_UP_S, SPREAD_DOWN_S = 6.0, 90.0
"""A cell turns restless soon and calms down slowly."""
SEEN_S = 0.5
"""One look says no more than this of how much a place varies: of two seconds, it did not see the rest."""
ALONE_DT = 2.0
"""As if so long had passed since the last look: one picture stands alone."""
LATELY_S = 3.0
"""Time constant of the spread of late, which a cell gets where a candidate came to nothing."""
UNDER_CANDIDATE = 0.5
"""Share of its speed at which a cell under a candidate is learnt, once the place is known."""
MOST_SPREAD = 30.0
"""Levels: what differs more says nothing about how much a place varies."""
COVER_S = 2.0
"""Time over which the share is taken that a cell differed."""
COPY_S, COPIES = 2.0, 4
"""A copy of what is known is put by so often; so many are kept. A slow comer lives for seconds as a candidate."""
_SOME = slice(1, None, 4)
"""Every fourth cell either way is enough for a median."""

FAINT_S = 0.45
"""Time over which the mean is taken that shows what one picture's noise hides..."""
_CALM = (1 - np.exp(-0.2 / FAINT_S)) / (1 + np.exp(-0.2 / FAINT_S))
"""...and what is left of the noise's square in it, at five looks a second."""
FAINTEST = 0.4
"""It says no more than what noise alone would allow: leaves that sway are not calm because their mean is."""


class _Copy(NamedTuple):
    t: float
    back: Grey
    spread2: Grey


class _Known(NamedTuple):
    """What was known of the place when the light jumped."""

    t: float
    back: Grey
    spread2: Grey
    faint_spread2: Grey
    noise: float
    faint_noise: float
    known: float
    fresh_t: float


class BackgroundModel:
    """t: seconds that only grow. Made with the first picture; for pictures of one shape."""

    def __init__(self, t: float, now: Grey, sensitivity: Sensitivity) -> None:
        self._sensitivity = sensitivity
        self.began_t = self.fresh_t = self.calm_t = t
        self.back = now.copy()
        self.spread2 = np.full_like(now, 1.0)
        """Mean square of how far each cell strays."""
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._faint_spread2 = np.full_like(now, 0.5)
        self.noise = self._faint_noise = 0.3
        self._known = 0.0
        """0..1: how well the noise of the place is known."""
        self._left = 1.0
        """Of the noise's square in the mean of late: less with each look, all after a pause."""
        self._lately = np.full_like(now, 1.0)
        self._before = (now, now)
        self.cover = np.zeros_like(now)
        """Share of the last seconds in which each cell differed."""
        self._candidates: Mask = np.zeros(now.shape, np.bool_)
        self._events: Mask = np.zeros(now.shape, np.bool_)
        self._is_covered = False
        """Whether any cell is under one of these."""
        self._copies: deque[_Copy] = deque(maxlen=COPIES)
        self._before_jump: _Known | None = None
        self._share = 0.0
        self._unswept_t = t
        """When so much of the picture last did not differ."""
        self.gain = 1.0
        self.shake = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        return self.back.shape[0], self.back.shape[1]

    def is_young(self, t: float) -> bool:
        return t - self.fresh_t < YOUNG_S

    def measure(self, now: Grey, dt: float) -> MeasuredFrame:
        """Hold a picture against what is known, in its light and with its noise. Notes nothing.

        dt: since the last look; ALONE_DT where nothing that was seen before is to count.
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
        # what differs much shows in one look: it is cut, so that it leaves no trail; what is no further needs no cut
        change.ravel()[at] = np.clip(change.ravel()[at], -far.limit, far.limit)
        faint = mixed(self._faint, around(change), new)
        of_late = np.abs(faint)
        faint_least = max(self._least(of_late), FAINTEST * least)
        bar = DifferenceFloor(least, faint_least, float(max(1.0, left / _CALM) ** 0.5))
        at = beyond(of_late, GLANCE * bar.faint_least)
        faint_far = CandidateCells(at, of_late.ravel()[at], self._faint_limits(at, bar))
        return MeasuredFrame(now, away, far, faint, faint_far, bar, gain, middle(away[_SOME, _SOME]), shake, left)

    def compare(self, measured: MeasuredFrame, t: float) -> FrameDifference:
        """Which cells differ at today's light. Notes light and noise, learns nothing."""
        self.gain, self.shake, self._left = measured.gain, measured.shake, measured.left
        self._faint = measured.faint
        return measured.difference(with_faint=not self.is_young(t))

    def _least(self, away: Grey) -> float:
        """What means nothing in any cell: by the setting, and by the noise of this very picture."""
        return max(self._sensitivity.contrast, NOISES * middle(away[_SOME, _SOME][_SOME, _SOME]))

    def _limits(self, at: Places, least: float) -> Grey:
        """How much means nothing in these cells."""
        own = self._strays(self.spread2.ravel()[at], self.noise)
        return np.asarray(np.maximum(own, np.float32(least)), np.float32)

    def _faint_limits(self, at: Places, bar: DifferenceFloor) -> Grey:
        """The same for the mean of late."""
        own = self._strays(self._faint_spread2.ravel()[at], self._faint_noise) * np.float32(bar.noisier)
        own = np.maximum(own, np.float32(bar.faint_least))
        return np.asarray(np.maximum(own, np.float32(FAINTEST) * self._limits(at, bar.least)), np.float32)

    def _strays(self, spread2: Grey, noise: float) -> Grey:
        """How far such cells stray by themselves. noise: the median of late of how much a cell differs.

        What a cell strays beyond what such noise explains is its own restlessness.
        """
        spreads, known = self._sensitivity.spreads, self._known
        restless = (spread2 - np.float32(known * (NOISE_SPREAD * noise) ** 2)) * np.float32(spreads**2)
        least = np.float32(((1 - (1 - NOISY) * known) * spreads) ** 2)
        return np.asarray(np.sqrt(np.maximum(restless, spread2 * least)), np.float32)

    def is_jump(self, seen: FrameDifference) -> bool:
        """Whether everything changed at once: then `take` this picture instead of looking for things in it."""
        if seen.share - self._share > JUMP:
            return True
        return seen.noise > STRANGE

    def take(self, t: float, now: Grey) -> None:
        """Believe the picture as it is, but for what is under an event; begin to know the place anew."""
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
        """Whether the light is again as before it jumped: then all that was known before is taken back."""
        old = self._before_jump
        if old is None or t - old.t > RETURN_S:
            self._before_jump = None
            return False
        some, back = now[_SOME, _SOME], old.back[_SOME, _SOME]
        away = np.abs(some - _in_light(back, _gain(some, back)))
        own = np.float32(self._sensitivity.spreads) * np.sqrt(old.spread2[_SOME, _SOME])
        if count(away > np.maximum(own, np.float32(self._sensitivity.contrast))) > RETURNS * away.size:
            return False
        self._before_jump = None
        _, self.back, self.spread2, self._faint_spread2, self.noise, self._faint_noise, self._known, self.fresh_t = old
        self.calm_t = t
        self._begin_late(now)
        return True

    def _begin_late(self, now: Grey) -> None:
        """What was seen of late was in another light."""
        self._before = (now, now)
        self._faint = np.zeros_like(now)
        self._faint_before = (self._faint, self._faint)
        self._left = 1.0

    def moving(self, seen: FrameDifference) -> Mask:
        """Of the cells that differ, those that have changed since the look before the last. Ask before `pass_look`."""
        at = np.flatnonzero(seen.front)
        changed = np.abs(seen.now.ravel()[at] - self._before[0].ravel()[at])
        own = np.float32(MOVING) * self._limits(at, seen.bar.least)
        moves = changed > np.maximum(own, np.float32(self.shake * SHAKES))
        changed = np.abs(seen.faint.ravel()[at] - self._faint_before[0].ravel()[at])
        moves |= changed > np.float32(MOVING) * self._faint_limits(at, seen.bar)
        return with_places(seen.now.shape, [at[moves]])

    def pass_look(self, seen: FrameDifference, dt: float) -> None:
        """Note this look, for the next ones."""
        self._share = seen.share
        follow(self.cover, as_bytes(seen.front), float(1 - np.exp(-dt / COVER_S)))
        self._before = (self._before[1], seen.now)
        self._faint_before = (self._faint_before[1], seen.faint)

    # --- learning -----------------------------------------------------------------------------------------------------

    def cover_with(self, front: Mask, candidates: Sequence[CellBox], events: Sequence[CellBox]) -> None:
        """What must be learnt slowly or not at all from now on: the differing cells under these boxes."""
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
        if self.is_young(t):  # sooner than each cell by itself, all cells together say what noise there is
            np.maximum(self.spread2, np.float32((NOISE_SPREAD * self.noise) ** 2), out=self.spread2)
        if dt <= SEEN_S:  # of late is not what one look in two seconds shows
            self._faint_spread2 += towards(seen.faint * seen.faint - self._faint_spread2, up, down, speed)

    def _is_swept(self, t: float, seen: FrameDifference) -> bool:
        """Whether light passes. While the place is new, so much may differ for want of knowing it."""
        if seen.share < SWEPT or self.is_young(t):
            self._unswept_t = t
        return 0 < t - self._unswept_t <= SWEPT_S

    def _speed(self, t: float) -> Grey | None:
        """Of each cell, as a share; None where nothing is under anything."""
        if not self._is_covered:
            return None
        speed = np.ones_like(self.back)
        if not self.is_young(t):
            speed[self._candidates] = UNDER_CANDIDATE
        speed[self._events] = 0.0
        return speed

    def blame(self, boxes: Iterable[CellBox]) -> None:
        """A candidate that passed here came to nothing: so much does this place vary by itself."""
        for box in boxes:
            part = box.part
            free = ~(self._candidates[part] | self._events[part])
            late = np.maximum(self._lately[part] - self.spread2[part], 0) * free
            self.spread2[part] += late * np.float32(min(0.5, 0.2 / SPREAD_UP_S))

    def restore(self, since_t: float, boxes: Iterable[CellBox]) -> None:
        """A candidate became an event: what was learnt under it is put back to how the place was before it came."""
        old = [c for c in self._copies if c.t < since_t and c.t - self.fresh_t > YOUNG_S / 2]
        if not old:
            return
        for box in boxes:
            part = box.part
            self.back[part] = old[-1].back[part]
            self.spread2[part] = np.minimum(self.spread2[part], old[-1].spread2[part])

    def absorb(self, box: CellBox, now: Grey) -> None:
        """What is here now belongs to the place."""
        part = box.grown(2).part
        self.back[part] = now[part]


def _gain(now: Grey, back: Grey) -> float:
    """How much brighter it is now. now, back: the same cells."""
    return min(max(middle((now + DARK) / (back + DARK)), GAIN_RANGE[0]), GAIN_RANGE[1])


def _in_light(back: Grey, gain: float) -> Grey:
    """The place as remembered, so much brighter."""
    return back * np.float32(gain) + np.float32(DARK * gain - DARK)
